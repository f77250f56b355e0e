// Package diagnose says what is wrong with a sign-in: test logins, which are real ones that sign nobody in and end on a
// report, and explanations of messages that somebody brings.
//
// A test login's answer comes in by the same door as all others. Its handle says that it is one, by a MAC of its own, so
// no answer to a test can become a sign-in and none to a sign-in a test's. The report is published once the browser that
// began the test has come for it.
package diagnose

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/claims"
	"cloakroom/broker/credential"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/registry"
	"cloakroom/providers"
)

// Connections answers connections with their providers opened; registry.Registry does.
type Connections interface {
	Connection(ctx context.Context, slug string) (*registry.Connection, error)
}

// Engine is what of the login engine a diagnosis needs; login.Engine does.
type Engine interface {
	Rehearse(ctx context.Context, conn *registry.Connection, idn providers.Identity) (login.Rehearsal, error)
	TestRequest(loginID string, conn *registry.Connection) (providers.Request, error)
	Tested(conn *registry.Connection, h login.Handle) providers.Request
	Spend(ctx context.Context, conn *registry.Connection, idn providers.Identity) error
	TestTry(l *broker.Login, conn *registry.Connection, state string, typed url.Values, who credential.Guesser) (*login.Try, error)
}

// Tests keeps test logins.
type Tests interface {
	Create(ctx context.Context, t *broker.TestLogin) error
	Open(ctx context.Context, tokenHash string, now time.Time) (t *broker.TestLogin, used bool, err error)
	Answer(ctx context.Context, id string, report []byte, published bool, now time.Time) (first bool, err error)
	Publish(ctx context.Context, id string) error
	Get(ctx context.Context, id string) (*broker.TestLogin, error)
	ByRef(ctx context.Context, realm, connection, ref string) (*broker.TestLogin, error)
	// Waiting answers the test of a connection that was opened since a time and has no answer, if there is just one.
	Waiting(ctx context.Context, realm, connection string, since time.Time) (*broker.TestLogin, error)
	Note(ctx context.Context, id string, what broker.TestFact, detail string, now time.Time) error
	Page(ctx context.Context, id string, page []byte, now time.Time) (kept bool, err error)
}

// Examiner makes reports. It knows no HTTP.
type Examiner struct {
	Connections Connections
	Engine      Engine
	Tests       Tests
	// Labels are what a provider's console calls our values: acs_url, entity_id, redirect_uri.
	Labels func(preset, protocol string) map[string]admin.Label
	// Past and Verdicts say what is known of a connection beforehand; nil: nothing.
	Past Past
	// Outages tells a vendor's trouble from the connection's; nil: it does not.
	Outages  admin.Outages
	Verdicts Verdicts
	BaseURL  string
	Now      func() time.Time
}

// How long a test login's address works, how long its report is kept, and after what time without an answer nobody waits
// any more.
const (
	openFor    = 30 * time.Minute
	keptFor    = 24 * time.Hour
	answeredIn = 10 * time.Minute
	comesIn    = time.Minute // for its report, once the answer is here
	// closedFor is how long a closed window may still be an answer on its way: a provider's page may only have cut it off
	// from ours (Cross-Origin-Opener-Policy).
	closedFor = 30 * time.Second
)

// Begin makes a test login.
func (x *Examiner) Begin(ctx context.Context, c *broker.Connection, by string) (admin.TestLink, error) {
	token, now := broker.RandomToken(32), x.Now()
	id := broker.NewLoginID()
	t := &broker.TestLogin{
		ID: id, Ref: broker.RefOf(id), Realm: c.Realm, Connection: c.Slug, Actor: by, TokenHash: broker.HashToken(token),
		CreatedAt: now, OpenBy: now.Add(openFor), ExpiresAt: now.Add(keptFor),
	}
	return admin.TestLink{URL: x.BaseURL + "/test/" + token, Ref: t.Ref, Expires: t.OpenBy}, x.Tests.Create(ctx, t)
}

// Tested answers how a test login stands.
func (x *Examiner) Tested(ctx context.Context, c *broker.Connection, ref string) (*admin.Diagnosed, error) {
	t, err := x.Tests.ByRef(ctx, c.Realm, c.Slug, ref)
	if err != nil {
		return nil, err
	}
	d, err := x.standing(ctx, t, c)
	if err != nil {
		return nil, err
	}
	d.By = t.Actor
	return d, nil
}

// standing is asked for every second while somebody watches: a test under way costs no more than its row.
func (x *Examiner) standing(ctx context.Context, t *broker.TestLogin, c *broker.Connection) (*admin.Diagnosed, error) {
	now := x.Now()
	switch {
	case t.Published:
		d := admin.NewDiagnosed(c, t.Ref, "")
		if err := json.Unmarshal(t.Report, d); err != nil {
			return nil, fault.Wrap(fault.Internal, err, "report of test %s", t.Ref)
		}
		return d, nil
	case !t.AnsweredAt.IsZero() && now.Sub(t.AnsweredAt) > comesIn:
		// What the answer said belongs to another browser, and so perhaps to somebody else.
		return x.concluded(x.unfinished(t, c, "failed"), x.finding(c, fault.New(fault.LoginForeign, "an answer came, but not in the browser that began the test"), "error")), nil
	case !t.AnsweredAt.IsZero():
		return x.unfinished(t, c, "waiting"), nil
	case !t.PageAt.IsZero():
		return x.byPage(ctx, t, c)
	case t.OpenedAt.IsZero() && now.After(t.OpenBy):
		return x.concluded(x.unfinished(t, c, "abandoned"), x.finding(c, fault.New(fault.TestNotOpened, ""), "error")), nil
	}
	return x.underWay(ctx, t, c), nil
}

// underWay is a test without an answer. Once the window is closed or the browser has come back there is something to ask;
// that the answer does not come any more is certain only later.
func (x *Examiner) underWay(ctx context.Context, t *broker.TestLogin, c *broker.Connection) *admin.Diagnosed {
	now, d := x.Now(), x.unfinished(t, c, "waiting")
	gone := func(at time.Time, wait time.Duration) bool { return !at.IsZero() && now.Sub(at) > wait }
	if gone(t.OpenedAt, answeredIn) || gone(t.ClosedAt, closedFor) || gone(t.BackAt, closedFor) {
		d.Status = "abandoned"
	}
	if d.Status == "abandoned" || !t.ClosedAt.IsZero() || !t.BackAt.IsZero() {
		r := x.recordOf(ctx, c)
		x.concluded(d, x.silence(c, t, r)...)
		x.remember(r, d)
		d.ForTheirIT = x.Letter(d, "en")
	}
	return d
}

// concluded puts findings into a report, the first as its diagnosis.
func (x *Examiner) concluded(d *admin.Diagnosed, findings ...admin.Finding) *admin.Diagnosed {
	d.Findings, d.Diagnosis = findings, &findings[0]
	return d
}

// unfinished is a report without an answer.
func (x *Examiner) unfinished(t *broker.TestLogin, c *broker.Connection, status string) *admin.Diagnosed {
	d := admin.NewDiagnosed(c, t.Ref, status)
	d.Steps = stepsOf(t)
	return d
}

// stepsOf are the steps of a test up to its answer. Their names are fixed: who watches a test shows them by name.
func stepsOf(t *broker.TestLogin) []admin.Step {
	out := []admin.Step{{At: t.CreatedAt, Step: "made", Detail: t.Actor}}
	for _, s := range []admin.Step{
		{At: t.OpenedAt, Step: "opened"}, {At: t.LeftAt, Step: "sent upstream", Detail: t.LeftTo}, {At: t.BackAt, Step: "came back"},
		{At: t.ClosedAt, Step: "window closed"}, {At: t.PageAt, Step: "page read"}, {At: t.AnsweredAt, Step: "answer received"},
	} {
		if !s.At.IsZero() {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b admin.Step) int { return a.At.Compare(b.At) })
	return out
}

// explain runs an answer to a test through the gate.
func explain(ctx context.Context, conn *registry.Connection, r providers.Request, reply providers.Reply) providers.Explanation {
	if x, ok := conn.Provider.(providers.Explainer); ok {
		return x.Explain(ctx, r, reply)
	}
	idn, err := conn.Provider.Finish(ctx, r, reply)
	if err != nil {
		return failure("answer", err)
	}
	return providers.Explanation{Checks: []providers.Check{{Name: "answer", Status: providers.Passed}}, Identity: &idn}
}

// failure is an examination that one fault ended at its beginning.
func failure(check string, err error) providers.Explanation {
	return providers.Explanation{
		Checks:   []providers.Check{{Name: check, Status: providers.Failed, Detail: fault.As(err).Detail}},
		Findings: []providers.Finding{{Err: err, Severity: "error", Check: check}},
	}
}

// judge makes a report of an explanation: what the protocol's gate says first, then whose the person is.
func (x *Examiner) judge(ctx context.Context, conn *registry.Connection, ref string, e providers.Explanation) (*admin.Diagnosed, error) {
	d := admin.NewDiagnosed(conn.Connection, ref, "passed")
	d.Message = e.Message
	for _, c := range e.Checks {
		d.Checks = append(d.Checks, admin.Check(c))
	}
	for _, f := range e.Findings {
		d.Findings = append(d.Findings, x.finding(conn.Connection, f.Err, f.Severity))
	}
	if err := x.person(ctx, conn, e, d); err != nil {
		return nil, err
	}
	d.Findings = specific(d.Findings)
	d.Findings = admin.Outage(ctx, x.Outages, conn.Connection, d.Findings)
	slices.SortStableFunc(d.Findings, func(a, b admin.Finding) int { return cmp.Compare(a.Severity, b.Severity) }) // errors first
	for i := range d.Findings {
		if d.Findings[i].Severity == "error" {
			d.Status, d.Diagnosis = "failed", &d.Findings[i]
			break
		}
	}
	x.remember(x.recordOf(ctx, conn.Connection), d)
	d.ForTheirIT = x.Letter(d, "en")
	return d, nil
}

// person adds what would become of the identity.
func (x *Examiner) person(ctx context.Context, conn *registry.Connection, e providers.Explanation, d *admin.Diagnosed) error {
	add := func(name string, reached bool, err error) {
		c := admin.Check{Name: name, Status: providers.NotReached}
		switch {
		case err != nil:
			c.Status, c.Detail = providers.Failed, fault.As(err).Detail
			found := x.finding(conn.Connection, err, "error")
			atField(conn, &found)
			d.Findings = append(d.Findings, found)
		case reached:
			c.Status = providers.Passed
		}
		d.Checks = append(d.Checks, c)
	}
	if e.Identity == nil {
		for _, name := range []string{"email", "mapping", "person"} {
			add(name, false, nil)
		}
		return nil
	}
	r, err := x.Engine.Rehearse(ctx, conn, *e.Identity)
	if err != nil {
		return err
	}
	d.Identity, d.Profile, d.Outcome, d.Why = claims.See(*e.Identity), seemly(r.Profile), r.Outcome, r.Why
	d.Mapping = append(d.Mapping, r.Sources...)
	add("email", r.Mapping == nil, r.Email)
	if fault.CodeOf(r.Email) == fault.EmailOutside && stoodIn(conn, r.Sources) {
		userName(conn, &d.Findings[len(d.Findings)-1])
	}
	add("mapping", true, r.Mapping)
	add("person", r.Email == nil && r.Mapping == nil, r.Person)
	if !e.OK() {
		d.Outcome, d.Why = login.WouldRefuse, "The sign-in fails before anybody asks who the person is."
	}
	return nil
}

// seemly is a profile without the raw attributes: the identity beside it has them, redacted.
func seemly(p broker.Profile) broker.Profile {
	p.Attributes = map[string][]string{}
	if p.Groups == nil {
		p.Groups = []string{}
	}
	return p
}

// Explain examines a message that somebody brings.
func (x *Examiner) Explain(ctx context.Context, c *broker.Connection, what admin.Explainable) (*admin.Diagnosed, error) {
	if what.Page != "" {
		return x.explainPage(ctx, c, what.Page), nil
	}
	conn, err := x.Connections.Connection(ctx, c.Slug)
	if err != nil {
		return nil, err
	}
	if conn.Err != nil {
		return x.judge(ctx, conn, "", failure("settings", conn.Err))
	}
	sample := providers.Sample{SAMLResponse: what.SAMLResponse, Metadata: what.Metadata, IDToken: what.IDToken}
	if len(what.HAR) > 0 {
		found, err := ReadHAR(what.HAR)
		if err != nil {
			return x.judge(ctx, conn, "", failure("message", err))
		}
		var refusal error
		if sample, refusal = found.For(conn.Slug, c.Protocol); refusal != nil {
			return x.judge(ctx, conn, "", failure("message", refusal))
		}
	}
	ex, ok := conn.Provider.(providers.Explainer)
	if !ok {
		return x.judge(ctx, conn, "", failure("message", fault.New(fault.ExplainKind, "connections of the protocol %s have no messages to examine", c.Protocol)))
	}
	e := ex.Inspect(ctx, sample)
	d, err := x.judge(ctx, conn, "", e)
	if err == nil && sample.Metadata != "" { // it says nothing of any person
		d.Checks = d.Checks[:len(e.Checks)]
	}
	return d, err
}

// unknown makes an error of the store one of ours.
func unknown(err error) error {
	if errors.Is(err, broker.ErrNotFound) {
		return fault.New(fault.TestLinkUnknown, "")
	}
	return err
}
