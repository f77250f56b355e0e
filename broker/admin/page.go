package admin

import (
	"context"

	"cloakroom/broker"
)

// PageSeen is what was read off an identity provider's page.
type PageSeen struct {
	Codes []string          `json:"codes" doc:"The provider's own codes, as found"`
	Trace map[string]string `json:"trace" doc:"What the provider's administrator finds the attempt by: Correlation ID, Request Id, Timestamp, Activity ID, Reference"`
}

// PastedPage is the body of a paste.
type PastedPage struct {
	Text string `json:"text" doc:"The text or HTML of the identity provider's page; 64 KiB of it are read"`
}

// PasteTestPage reads what the identity provider's page said where a test login ended without an answer to us, and answers
// the report with it.
func (s *Service) PasteTestPage(ctx context.Context, a Actor, realm, slug, ref string, body []byte) (*Diagnosed, error) {
	c, err := s.connection(ctx, a, realm, slug, toSupport)
	if err != nil {
		return nil, err
	}
	ref, ok := broker.ParseRef(ref)
	if !ok {
		return nil, broker.ErrNotFound
	}
	var in PastedPage
	doc, err := parseObjectDoc(body)
	if err == nil {
		err = decode(doc, &in)
	}
	if err != nil {
		return nil, err
	}
	if in.Text == "" {
		var p problems
		p.add("/text", "is empty: paste what the page says")
		return nil, p.err()
	}
	out, err := s.Diagnosis.Pasted(ctx, c, ref, in.Text)
	if err != nil {
		return nil, err
	}
	return out, s.record(ctx, a, change{kind: "connection.test_page_read", realm: realm, subject: "connection:" + slug, detail: ref})
}

// InLanguage puts a report's text for their IT into a language, "" leaves it as it is.
func (s *Service) InLanguage(d *Diagnosed, lang string) *Diagnosed {
	if d != nil && lang != "" && d.ForTheirIT != "" {
		d.ForTheirIT = s.Diagnosis.Letter(d, lang)
	}
	return d
}
