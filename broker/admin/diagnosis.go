package admin

import (
	"context"
	"encoding/json"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/fault"
)

// Diagnosis examines sign-ins; broker/diagnose does.
type Diagnosis interface {
	// Begin makes a test login of a connection: an address that works once.
	Begin(ctx context.Context, c *broker.Connection, by string) (TestLink, error)
	// Tested answers what became of it.
	Tested(ctx context.Context, c *broker.Connection, ref string) (*Diagnosed, error)
	// Explain examines a message without a sign-in.
	Explain(ctx context.Context, c *broker.Connection, what Explainable) (*Diagnosed, error)
	// Pasted reads what the provider's page said where a test login ended without an answer.
	Pasted(ctx context.Context, c *broker.Connection, ref, text string) (*Diagnosed, error)
	// Letter is a report's text for those who run the identity provider, in a language of theirs.
	Letter(d *Diagnosed, lang string) string
}

// TestLink is where to open a test login.
type TestLink struct {
	URL     string    `json:"url" doc:"Open it in a browser; it works once"`
	Ref     string    `json:"ref" doc:"The test's reference"`
	Expires time.Time `json:"expires_at" doc:"Until when it must have been opened"`
}

// Explainable is something to examine: one of these.
type Explainable struct {
	SAMLResponse string          `json:"saml_response,omitempty" doc:"The form field SAMLResponse, or its XML"`
	Metadata     string          `json:"metadata,omitempty" doc:"An identity provider's SAML metadata"`
	IDToken      string          `json:"id_token,omitempty" doc:"An ID token"`
	HAR          json.RawMessage `json:"har,omitempty" doc:"A browser's network log: the last answer in it that belongs to the connection"`
	Page         string          `json:"page,omitempty" doc:"The text or HTML of the identity provider's error page, at most 64 KiB of it"`
}

// Step is one thing that happened.
type Step = broker.TraceStep

// Diagnosed is the report of a test login or an explanation (contract, section 4).
type Diagnosed struct {
	Ref        string          `json:"ref"`
	Status     string          `json:"status" enum:"passed,failed,waiting,abandoned"`
	Realm      string          `json:"realm"`
	Connection string          `json:"connection"`
	Protocol   string          `json:"protocol"`
	Preset     string          `json:"preset"`
	Diagnosis  *Finding        `json:"diagnosis" doc:"What a sign-in fails with, null where it does not"`
	Findings   []Finding       `json:"findings" doc:"All that is wrong, the diagnosis first"`
	Checks     []Check         `json:"checks"`
	Identity   claims.Seen     `json:"identity" doc:"What the identity provider says, without what could be used to sign in"`
	Profile    broker.Profile  `json:"profile"`
	Mapping    []claims.Source `json:"mapping"`
	Outcome    string          `json:"outcome" doc:"What would become of the person: create, link, sign_in, refuse; empty where nobody got that far"`
	Why        string          `json:"why"`
	Steps      []Step          `json:"steps"`
	Message    string          `json:"message" doc:"The message, readable, without what could be used again"`
	ForTheirIT string          `json:"for_their_it" doc:"A text to send to whoever runs the identity provider"`
	Page       *PageSeen       `json:"page" doc:"What was read off the identity provider's page, null where nobody brought it"`
	Past       string          `json:"past" doc:"How the connection did so far, in a sentence, where it is known"`
	Said       fault.Said      `json:"said,omitempty" doc:"What past is made of"`
	Trial      bool            `json:"trial" doc:"It was the configuration on trial that was tested, so it says nothing of the connection itself"`
	By         string          `json:"-"` // who began the test
}

// NewDiagnosed is a report about a connection with nothing in it.
func NewDiagnosed(c *broker.Connection, ref, status string) *Diagnosed {
	return &Diagnosed{
		Ref: ref, Status: status, Realm: c.Realm, Connection: c.Slug, Protocol: c.Protocol, Preset: c.Preset, Findings: []Finding{}, Checks: []Check{},
		Identity: claims.Seen{Attributes: map[string][]string{}}, Profile: broker.Profile{Groups: []string{}, Attributes: map[string][]string{}},
		Mapping: []claims.Source{}, Steps: []Step{},
	}
}

// BeginTest makes a test login. It works for a connection that is switched off too.
func (s *Service) BeginTest(ctx context.Context, a Actor, realm, slug string) (TestLink, error) {
	c, err := s.connection(ctx, a, realm, slug, toSupport)
	if err != nil {
		return TestLink{}, err
	}
	link, err := s.Diagnosis.Begin(ctx, c, a.Name)
	if err != nil {
		return TestLink{}, err
	}
	return link, s.record(ctx, a, change{kind: "connection.test_begun", realm: realm, subject: "connection:" + slug, detail: link.Ref})
}

// TestReport answers what became of a test login.
func (s *Service) TestReport(ctx context.Context, a Actor, realm, slug, ref string) (*Diagnosed, error) {
	c, err := s.connection(ctx, a, realm, slug, toRead)
	if err != nil {
		return nil, err
	}
	ref, ok := broker.ParseRef(ref)
	if !ok {
		return nil, broker.ErrNotFound
	}
	return s.Diagnosis.Tested(ctx, c, ref)
}

// Explain examines a message without a sign-in; nobody is signed in and nothing is used up.
func (s *Service) Explain(ctx context.Context, a Actor, realm, slug string, body []byte) (*Diagnosed, error) {
	c, err := s.connection(ctx, a, realm, slug, toSupport)
	if err != nil {
		return nil, err
	}
	what, err := explainable(body)
	if err != nil {
		return nil, err
	}
	return s.Diagnosis.Explain(ctx, c, what)
}

func explainable(body []byte) (Explainable, error) {
	var what Explainable
	if err := decodeShallow(body, &what); err != nil {
		return what, err
	}
	n := 0
	for _, given := range []bool{what.SAMLResponse != "", what.Metadata != "", what.IDToken != "", len(what.HAR) > 0, what.Page != ""} {
		if given {
			n++
		}
	}
	if n != 1 {
		var p problems
		p.add("", "needs exactly one of saml_response, metadata, id_token, har and page, and has %d", n)
		return what, p.err()
	}
	return what, nil
}

// Traces is where the traces of logins are kept.
type Traces interface {
	List(ctx context.Context, realm string, f broker.TraceFilter, p broker.Page) ([]broker.Trace, string, error)
	Of(ctx context.Context, realm, ref string) ([]broker.Trace, error)
	// Find looks in several realms, nil for all.
	Find(ctx context.Context, realms []string, f broker.TraceFilter, p broker.Page) ([]broker.Trace, string, error)
}

// LoginTrace is what became of a login: its last attempt, with what the catalogue knows of its fault, and the attempts
// before it.
type LoginTrace struct {
	broker.Trace
	Finding *Finding       `json:"finding"`
	Earlier []broker.Trace `json:"earlier"`
}

// ListLogins answers a realm's logins, the newest first. Who looked is in the audit log.
func (s *Service) ListLogins(ctx context.Context, a Actor, realm string, f broker.TraceFilter, p broker.Page) (Page[broker.Trace], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[broker.Trace]{}, err
	}
	if f.Ref != "" {
		ref, ok := broker.ParseRef(f.Ref)
		if !ok {
			return page([]broker.Trace{}, "", nil)
		}
		f.Ref = ref
	}
	items, next, err := s.Traces.List(ctx, realm, f, p)
	if err != nil {
		return Page[broker.Trace]{}, err
	}
	looked := change{kind: "logins.listed", realm: realm, subject: "realm:" + realm, detail: "ref=" + f.Ref + " email=" + f.Email + " connection=" + f.Connection}
	if err := s.record(ctx, a, looked); err != nil {
		return Page[broker.Trace]{}, err
	}
	return page(items, next, nil)
}

// GetLogin answers what became of the login of a reference. Who looked is in the audit log.
func (s *Service) GetLogin(ctx context.Context, a Actor, realm, ref string) (*LoginTrace, error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return nil, err
	}
	ref, ok := broker.ParseRef(ref)
	if !ok {
		return nil, broker.ErrNotFound
	}
	all, err := s.Traces.Of(ctx, realm, ref)
	if err != nil {
		return nil, err
	}
	out := &LoginTrace{Trace: all[0], Earlier: all[1:]}
	if out.Code != "" {
		e := &fault.Error{Code: fault.Code(out.Code), Detail: out.Detail, Observed: out.Observed, Expected: out.Expected}
		f := FindingOf(e, "error")
		if s.Worded != nil && out.Connection != "" {
			f = s.Worded(ctx, realm, out.Connection, e)
		}
		out.Finding = &f
	}
	return out, s.record(ctx, a, change{kind: "login.viewed", realm: realm, subject: "login:" + ref})
}
