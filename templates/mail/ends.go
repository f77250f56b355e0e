package mail

// Ending is one line of an ExpiryDigest.
type Ending struct {
	What       Expiring
	Connection string // its display name
	Days       int    // left; none: it has run out
	URL        string // where it is renewed
}

// ExpiryDigest tells of several things that run out, or have run out.
type ExpiryDigest struct {
	Head
	Endings []Ending
}

// Kind names this sort of mail.
func (ExpiryDigest) Kind() string { return "expiry_digest" }

func (l ExpiryDigest) write(w *writer) letter {
	out := letter{subject: w.t("digest.subject", values{"N": len(l.Endings)}), before: []string{w.t("digest.body", nil)}}
	for _, e := range l.Endings {
		id, v := "expiry."+string(e.What), values{"Connection": name(e.Connection)}
		label := w.t(id+".over", v)
		if e.Days > 0 {
			label = w.n(id+".subject", e.Days, v)
		}
		out.links = append(out.links, fact{label, e.URL})
	}
	return out
}

// WebhookDisabled tells that nothing is sent to an address any more.
type WebhookDisabled struct {
	Head
	Webhook string // its name
	URL     string // what became of the deliveries
}

// Kind names this sort of mail.
func (WebhookDisabled) Kind() string { return "webhook_disabled" }

func (l WebhookDisabled) write(w *writer) letter {
	v := values{"Webhook": name(l.Webhook)}
	return letter{subject: w.t("webhook.subject", v), before: []string{w.t("webhook.body", v), w.t("webhook.fix", nil)}, action: w.t("webhook.action", nil), url: l.URL}
}
