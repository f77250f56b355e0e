package web

import (
	"cloakroom/broker/admin"
	"cloakroom/templates"
)

// Card is a finding as pages show it.
func Card(v admin.Finding) templates.FindingCard {
	card := templates.FindingCard{
		Code: v.Code, Severity: v.Severity, Side: v.Side, Confidence: v.Confidence, Cause: v.Cause, Fix: v.Fix, Labels: v.Labels,
		Detail: v.Detail, Observed: v.Observed, Expected: v.Expected, HelpURL: v.Help, Said: v.Said,
	}
	for _, p := range v.Difference {
		if p.In != "expected" {
			card.ObservedParts = append(card.ObservedParts, templates.DiffPart{Text: p.Text, Differs: p.In != "both"})
		}
		if p.In != "observed" {
			card.ExpectedParts = append(card.ExpectedParts, templates.DiffPart{Text: p.Text, Differs: p.In != "both"})
		}
	}
	for _, q := range v.Alternatives {
		card.Questions = append(card.Questions, q.Question)
	}
	return card
}

// Cards are findings as pages show them.
func Cards(findings []admin.Finding) []templates.FindingCard {
	out := make([]templates.FindingCard, 0, len(findings))
	for _, v := range findings {
		out = append(out, Card(v))
	}
	return out
}
