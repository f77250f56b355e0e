package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/upstream"
)

// DocumentVersion is a version of what a connection's upstream publishes.
type DocumentVersion struct {
	broker.Document
	Trusted bool `json:"trusted"` // by sign-ins, now
}

// DocumentVersions is what is known of a connection's documents.
type DocumentVersions struct {
	Items   []DocumentVersion     `json:"items"` // the newest first
	Next    string                `json:"next"`
	Trusted int64                 `json:"trusted" doc:"The version that sign-ins trust, 0 if none is fetched"`
	Waiting int64                 `json:"waiting" doc:"The version that waits for an operator, 0 if none does"`
	Pinned  bool                  `json:"pinned" doc:"A restored version is trusted until it is released"`
	Watch   *broker.DocumentWatch `json:"watch" doc:"How fetching goes; null where nobody has tried"`
}

// DocumentText is a version with the document itself.
type DocumentText struct {
	DocumentVersion
	MediaType string `json:"media_type"`
	Body      string `json:"body"`
	// Against is the version that Changes compares with: the trusted one for a version that waits.
	Against int64 `json:"against,omitempty"`
}

// documents finds a connection whose documents are kept.
func (s *Service) documents(ctx context.Context, a Actor, realm, slug string, r right) (*broker.Connection, error) {
	c, err := s.connection(ctx, a, realm, slug, r)
	if err == nil && s.Documents == nil {
		err = fault.New(fault.DocumentNone, "no documents are kept here")
	}
	return c, err
}

// ListDocuments answers the versions that are kept.
func (s *Service) ListDocuments(ctx context.Context, a Actor, realm, slug string) (*DocumentVersions, error) {
	c, err := s.documents(ctx, a, realm, slug, toRead)
	if err != nil {
		return nil, err
	}
	list, trusted, w, err := s.Documents.Known(ctx, c)
	if fault.CodeOf(err) == fault.DocumentNone {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	out := &DocumentVersions{Items: make([]DocumentVersion, len(list)), Watch: w}
	if trusted != nil {
		out.Trusted, out.Pinned = trusted.N, trusted.Pinned
	}
	for i, d := range list {
		out.Items[i] = DocumentVersion{Document: *d, Trusted: d.N == out.Trusted}
		if d.Status == broker.DocumentPending {
			out.Waiting = d.N
		}
	}
	return out, nil
}

// GetDocument answers one version with its text, and what it is more or less than the one before; for a version that
// waits, than what is trusted now.
func (s *Service) GetDocument(ctx context.Context, a Actor, realm, slug string, n int64) (*DocumentText, error) {
	c, err := s.documents(ctx, a, realm, slug, toRead)
	if err != nil {
		return nil, err
	}
	d, mediaType, text, err := s.Documents.Read(ctx, c, n)
	if err != nil {
		return nil, err
	}
	_, trusted, _, err := s.Documents.Known(ctx, c)
	if err != nil {
		return nil, err
	}
	out := &DocumentText{DocumentVersion: DocumentVersion{Document: *d}, MediaType: mediaType, Body: text}
	if trusted == nil {
		return out, nil
	}
	out.Trusted = trusted.N == d.N
	if d.Status != broker.DocumentAccepted {
		out.Against, out.Changes = trusted.N, upstream.Compare(trusted.Facts, d.Facts)
	}
	return out, nil
}

// ApproveDocument makes a version that waits, or was dismissed, the trusted one.
func (s *Service) ApproveDocument(ctx context.Context, a Actor, realm, slug string, n int64) (*DocumentVersion, error) {
	return s.decide(ctx, a, realm, slug, "approved", func(ctx context.Context, c *broker.Connection) (*broker.Document, error) {
		return s.Documents.Approve(ctx, c, n, a.Name)
	})
}

// DismissDocument leaves what is trusted as it is.
func (s *Service) DismissDocument(ctx context.Context, a Actor, realm, slug string, n int64) (*DocumentVersion, error) {
	return s.decide(ctx, a, realm, slug, "dismissed", func(ctx context.Context, c *broker.Connection) (*broker.Document, error) {
		return s.Documents.Dismiss(ctx, c, n, a.Name)
	})
}

// RestoreDocument makes an earlier version the trusted one, and pins it.
func (s *Service) RestoreDocument(ctx context.Context, a Actor, realm, slug string, n int64) (*DocumentVersion, error) {
	return s.decide(ctx, a, realm, slug, "restored", func(ctx context.Context, c *broker.Connection) (*broker.Document, error) {
		return s.Documents.Restore(ctx, c, n, a.Name)
	})
}

// ReleaseDocuments lets the trusted documents change again after a restoration.
func (s *Service) ReleaseDocuments(ctx context.Context, a Actor, realm, slug string) (*DocumentVersion, error) {
	return s.decide(ctx, a, realm, slug, "released", func(ctx context.Context, c *broker.Connection) (*broker.Document, error) {
		return s.Documents.Release(ctx, c, a.Name)
	})
}

// decide carries an operator's decision out, with its audit line: whom to believe is decided here, so the line says by
// which fingerprints.
func (s *Service) decide(ctx context.Context, a Actor, realm, slug, what string, act func(context.Context, *broker.Connection) (*broker.Document, error)) (*DocumentVersion, error) {
	c, err := s.documents(ctx, a, realm, slug, toSupport)
	if err != nil {
		return nil, err
	}
	var d *broker.Document
	err = s.Tx(ctx, func(ctx context.Context) (err error) {
		if d, err = act(ctx, c); err != nil {
			return err
		}
		detail := fmt.Sprintf("version %d: %s", max(d.Of, d.N), upstream.Words(d.Changes))
		if d.Of > 0 {
			detail = fmt.Sprintf("version %d, as version %d: %s", d.Of, d.N, upstream.Words(d.Changes))
		}
		return s.record(ctx, a, change{kind: "connection.documents_" + what, realm: realm, subject: "connection:" + slug, detail: detail})
	})
	if err != nil {
		return nil, err
	}
	return &DocumentVersion{Document: *d, Trusted: d.Status == broker.DocumentAccepted}, nil
}

// RefreshDocuments fetches now and answers what is known then.
func (s *Service) RefreshDocuments(ctx context.Context, a Actor, realm, slug string) (*DocumentVersions, error) {
	c, err := s.documents(ctx, a, realm, slug, toSupport)
	if err != nil {
		return nil, err
	}
	if err := s.Documents.Fetch(ctx, c); err != nil {
		return nil, err
	}
	return s.ListDocuments(ctx, a, realm, slug)
}

// keepGiven keeps metadata that was given by hand as a version.
func (s *Service) keepGiven(ctx context.Context, a Actor, c *broker.Connection) error {
	if s.Documents == nil || c.SAML == nil || c.SAML.MetadataXML == "" {
		return nil
	}
	opened, err := s.Open(ctx, c)
	if err != nil {
		return err
	}
	return s.Documents.Given(ctx, c, opened, a.Name)
}

// endingSoon is how long before the end of its validity metadata is warned of. Federations publish it for some days only,
// and anew each day.
const endingSoon = 3 * 24 * time.Hour

// checkDocuments tells what the life of a connection's documents asks of an operator.
func (s *Service) checkDocuments(ctx context.Context, r *Report, c *broker.Connection) error {
	if s.Documents == nil {
		return nil
	}
	list, trusted, w, err := s.Documents.Known(ctx, c)
	if err != nil {
		return unlessNone(err)
	}
	for _, d := range list {
		if d.Status == broker.DocumentPending {
			r.add(fault.New(fault.DocumentWaiting, "version %d, since %s: %s", d.N, d.At.UTC().Format(time.DateTime), upstream.Words(d.Changes)), "warning")
		}
	}
	if trusted != nil && trusted.Pinned {
		r.add(fault.New(fault.DocumentPinned, "version %d, by %s", trusted.N, trusted.By), "warning")
	}
	if w != nil && !w.FailingSince.IsZero() && s.Now().Sub(w.FailingSince) >= upstream.Worrying {
		r.add(fault.New(fault.DocumentFailing, "since %s UTC: %s", w.FailingSince.UTC().Format(time.DateTime), w.Detail), "warning")
	}
	if until := validUntil(trusted); !until.IsZero() && until.Sub(s.Now()) < endingSoon {
		r.add(fault.New(fault.DocumentEnding, "on %s UTC", until.UTC().Format(time.DateTime)), "warning")
	}
	return nil
}

// unlessNone passes over connections that have no documents, or cannot be opened: that is another finding.
func unlessNone(err error) error {
	var f *fault.Error
	if errors.As(err, &f) && fault.Lookup(f.Code).Status < 500 {
		return nil
	}
	return err
}

// validUntil is when the trusted documents end; zero where they do not say, or are pinned.
func validUntil(d *broker.Document) time.Time {
	if d == nil || d.Pinned {
		return time.Time{}
	}
	for _, f := range d.Facts {
		if f.Name == "valid_until" {
			t, _ := time.Parse(time.RFC3339, f.Value) // the provider wrote it so
			return t
		}
	}
	return time.Time{}
}
