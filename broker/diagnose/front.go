package diagnose

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/registry"
	"cloakroom/broker/web"
	"cloakroom/providers"
	"cloakroom/templates"
)

// Protocol names the downstream of test logins.
const Protocol = "test"

// Front serves test logins.
type Front struct {
	*Examiner
	Web *web.Web
}

// Respond and Deny make the front a login.Responder. A test login never gets there: its answers come to Answer, and
// whatever else would finish it is refused.
func (f *Front) Respond(context.Context, login.Result) (login.Redirect, error) {
	return login.Redirect{}, fault.New(fault.Internal, "a test login signs nobody in")
}

// Deny has nobody to tell.
func (f *Front) Deny(context.Context, *broker.Login, error) (login.Redirect, bool) {
	return login.Redirect{}, false
}

const perSecond = time.Second

// open begins a test login: its address works once, and the browser that opens it is the one that gets the report.
func (f *Front) open(c *web.Ctx) {
	token := c.Param("token")
	switch {
	case len(token) != 43:
		f.Web.Fault(c, fault.New(fault.TestLinkUnknown, "the address is not one of ours"))
		return
	case !f.Web.Limits.Allow("test", f.Web.ClientIP(c.Request), 300, perSecond/5):
		f.Web.Fault(c, fault.New(fault.RateLimited, "test logins of one address"))
		return
	}
	ctx := c.Request.Context()
	t, used, err := f.Tests.Open(ctx, broker.HashToken(token), f.Now())
	switch {
	case err != nil:
		f.Web.Fault(c, unknown(err))
		return
	case used:
		f.again(c, t)
		return
	}
	conn, err := f.tested(c, t)
	if err != nil {
		f.Web.Fault(c, unknown(err))
		return
	}
	l := &broker.Login{ID: t.ID, Realm: t.Realm, Protocol: Protocol, Begun: f.Now(), IdPHint: t.Connection, MaxAge: -1}
	ch, err := f.start(ctx, conn, l)
	if err != nil {
		f.ended(c, conn, t, l, failure("start", err))
		return
	}
	if len(ch.Fields) > 0 {
		ch.URL = promptURL(l, conn.OnTrial())
	}
	if err := f.Tests.Note(ctx, t.ID, broker.TestLeft, hostOf(ch.URL), f.Now()); err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Step(c, l, login.Step{Go: &login.Redirect{URL: ch.URL, Form: ch.Form}, Login: l}, nil)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// again is a test's address opened once more. The browser that began the test has come back from the provider: it reads how
// the test stands, and is asked what the page said. Any other is refused.
func (f *Front) again(c *web.Ctx, t *broker.TestLogin) {
	l, _, err := f.Web.Login(c, t.ID)
	if err == nil && l == nil {
		err = fault.New(fault.TestLinkUsed, "test %s", t.Ref)
	}
	if err == nil {
		err = f.Tests.Note(c.Request.Context(), t.ID, broker.TestBack, "", f.Now())
	}
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Redirect(c, reportURL(l))
}

func (f *Front) start(ctx context.Context, conn *registry.Connection, l *broker.Login) (providers.Challenge, error) {
	if conn.Err != nil {
		return providers.Challenge{}, conn.Err
	}
	r, err := f.Engine.TestRequest(l.ID, conn)
	if err != nil {
		return providers.Challenge{}, err
	}
	return conn.Provider.Start(ctx, r)
}

// ended keeps a report that needs no answer and shows it.
func (f *Front) ended(c *web.Ctx, conn *registry.Connection, t *broker.TestLogin, l *broker.Login, e providers.Explanation) {
	if err := f.keep(c.Request.Context(), conn, t, e, true); err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Step(c, l, login.Step{Go: &login.Redirect{URL: reportURL(l)}, Login: l}, nil)
}

func reportURL(l *broker.Login) string { return "/test-report/" + l.Ref() }

// Answer takes an answer to a test login from a connection's endpoint, or from any other address of ours: then conn is nil.
// wrong is what was wrong with its handle.
func (f *Front) Answer(c *web.Ctx, conn *registry.Connection, h login.Handle, reply providers.Reply, wrong error) {
	ctx := c.Request.Context()
	t, err := f.Tests.Get(ctx, h.LoginID)
	if err != nil {
		f.Web.Fault(c, unknown(err))
		return
	}
	mine, _, err := f.Web.Login(c, h.LoginID)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	if conn == nil || t.Connection != conn.Slug {
		conn, wrong = f.misrouted(ctx, c, t, conn)
		if conn == nil {
			f.Web.Fault(c, wrong)
			return
		}
	}
	if wrong == nil {
		if conn, err = login.InConfiguration(conn, h.Shadow); err != nil {
			f.Web.Fault(c, err)
			return
		}
	}
	var e providers.Explanation
	if wrong != nil {
		e = failure("state", wrong)
	} else {
		e = f.examined(ctx, conn, h, reply)
	}
	if err := f.keep(ctx, conn, t, e, mine != nil); err != nil {
		f.Web.Fault(c, err)
		return
	}
	f.Web.Redirect(c, reportURL(&broker.Login{ID: t.ID}))
}

// misrouted is an answer that came to another connection's endpoint, or to an address that is none's: the report is the
// one's that was tested.
func (f *Front) misrouted(ctx context.Context, c *web.Ctx, t *broker.TestLogin, at *registry.Connection) (*registry.Connection, error) {
	conn, err := f.Connections.Connection(ctx, t.Connection)
	if err != nil {
		return nil, unknown(err)
	}
	e := &fault.Error{Code: fault.LoginMisrouted, Observed: f.BaseURL + c.Request.URL.Path, Expected: conn.Callback, Confidence: fault.Proved}
	if at != nil {
		e.Detail = e.Said.Tell("it came to the endpoint of %s", at.Slug)
	}
	return conn, e
}

func (f *Front) examined(ctx context.Context, conn *registry.Connection, h login.Handle, reply providers.Reply) providers.Explanation {
	if conn.Err != nil {
		return failure("settings", conn.Err)
	}
	e := explain(ctx, conn, f.Engine.Tested(conn, h), reply)
	if e.Identity == nil || !e.OK() {
		return e
	}
	if err := f.Engine.Spend(ctx, conn, *e.Identity); err != nil {
		e.Findings = append(e.Findings, providers.Finding{Err: err, Severity: "error", Check: "message"})
		e.Checks[0].Status, e.Checks[0].Detail = providers.Failed, fault.As(err).Detail
	}
	return e
}

// keep makes the report and keeps it; a second answer to the same test is refused.
func (f *Front) keep(ctx context.Context, conn *registry.Connection, t *broker.TestLogin, e providers.Explanation, published bool) error {
	d, err := f.judge(ctx, conn, t.Ref, e)
	if err != nil {
		return err
	}
	now := f.Now()
	answered := *t
	answered.AnsweredAt = now
	d.Steps, d.Trial = append(stepsOf(&answered), admin.Step{At: f.Now(), Step: "examined", Detail: d.Status}), conn.OnTrial()
	b, err := json.Marshal(d)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "report of test %s", t.Ref)
	}
	first, err := f.Tests.Answer(ctx, t.ID, b, published, now)
	switch {
	case err != nil:
		return err
	case !first:
		return fault.New(fault.LoginTaken, "test %s", t.Ref)
	case published:
		return f.count(ctx, t, d, now)
	}
	return nil
}

// mine is the test of the address, where this browser began it.
func (f *Front) mine(c *web.Ctx) (*broker.Login, *broker.TestLogin, error) {
	l, _, err := f.Web.LoginByRef(c, c.Param("ref"))
	if err == nil && (l == nil || l.Protocol != Protocol) {
		err = fault.New(fault.LoginForeign, "no cookie of test %.9q", c.Param("ref"))
	}
	if err != nil {
		return nil, nil, err
	}
	t, err := f.Tests.Get(c.Request.Context(), l.ID)
	if err != nil {
		return nil, nil, unknown(err)
	}
	return l, t, nil
}

// report shows a test's report to the browser that began it, and publishes it by that.
func (f *Front) report(c *web.Ctx) {
	l, t, err := f.mine(c)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	d, err := f.published(c.Request.Context(), t)
	if err != nil {
		f.Web.Fault(c, unknown(err))
		return
	}
	f.Web.Page(c, http.StatusOK, f.page(c, l, d))
}

func (f *Front) published(ctx context.Context, t *broker.TestLogin) (*admin.Diagnosed, error) {
	conn, err := f.connectionOf(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := f.Tests.Publish(ctx, t.ID); err != nil {
		return nil, err
	}
	fresh, err := f.Tests.Get(ctx, t.ID)
	if err != nil {
		return nil, err
	}
	d, err := f.standing(ctx, fresh, conn)
	if err == nil && fresh.Published && !t.Published {
		err = f.count(ctx, fresh, d, fresh.AnsweredAt)
	}
	return d, err
}

func (f *Front) connectionOf(ctx context.Context, t *broker.TestLogin) (*broker.Connection, error) {
	conn, err := f.Connections.Connection(ctx, t.Connection)
	if err != nil {
		return nil, err
	}
	if conn.Realm != t.Realm {
		return nil, broker.ErrNotFound
	}
	return conn.Connection, nil
}

// paste takes what the provider's page said, from the browser that began the test.
func (f *Front) paste(c *web.Ctx) {
	l, t, err := f.mine(c)
	if err != nil {
		f.Web.Fault(c, err)
		return
	}
	ctx := c.Request.Context()
	conn, err := f.connectionOf(ctx, t)
	if text := c.PostForm("text"); err == nil && text != "" {
		_, err = f.pasted(ctx, conn, t, text)
	}
	if err != nil && fault.CodeOf(err) != fault.TestAnswered {
		f.Web.Fault(c, unknown(err))
		return
	}
	f.Web.Redirect(c, reportURL(l))
}

// closed is told by the page that opened the test's window that this is closed. It says nothing back.
func (f *Front) closed(c *web.Ctx) {
	if _, t, err := f.mine(c); err == nil {
		if err := f.Tests.Note(c.Request.Context(), t.ID, broker.TestClosed, "", f.Now()); err != nil {
			f.Web.Fault(c, err)
			return
		}
	}
	c.Status(http.StatusNoContent)
}

func (f *Front) page(c *web.Ctx, l *broker.Login, d *admin.Diagnosed) templates.TestReport {
	p := templates.TestReport{
		Shell: f.Web.Shell(c, nil, l), Status: d.Status, Connection: d.Connection, Outcome: d.Outcome, Why: d.Why, Message: d.Message, Past: d.Past, Said: d.Said,
		Letter: f.Letter(d, f.Web.Lang(c, nil, l)), Email: d.Profile.Email, Subject: d.Profile.Subject,
	}
	for _, v := range d.Findings {
		card := web.Card(v)
		card.Preset = d.Preset
		p.Findings = append(p.Findings, card)
	}
	for _, v := range d.Checks {
		p.Checks = append(p.Checks, templates.ReportCheck{Name: v.Name, Status: v.Status, Detail: v.Detail})
	}
	for _, v := range d.Mapping {
		p.Mapping = append(p.Mapping, templates.ReportField{Field: v.Field, From: v.From, Values: v.Values})
	}
	for _, name := range slices.Sorted(maps.Keys(d.Identity.Attributes)) {
		p.Identity = append(p.Identity, templates.ReportField{Field: name, Values: d.Identity.Attributes[name]})
	}
	p.Profile = profileOf(d.Profile)
	for _, v := range d.Steps {
		p.Steps = append(p.Steps, templates.ReportStep{At: v.At, Step: v.Step, Detail: v.Detail})
	}
	if d.Page != nil {
		p.Codes, p.Trace = d.Page.Codes, d.Page.Trace
	}
	if d.Status == "waiting" {
		p.AgainURL = reportURL(l)
	}
	if d.Status == "waiting" || d.Status == "abandoned" || d.Page != nil {
		p.PageAction = reportURL(l) + "/page"
	}
	return p
}

// profileOf lists the fields of a profile that have a value.
func profileOf(p broker.Profile) (out []templates.ReportField) {
	for _, v := range []templates.ReportField{
		{Field: "subject", Values: []string{p.Subject}}, {Field: "email", Values: []string{p.Email}}, {Field: "given_name", Values: []string{p.GivenName}},
		{Field: "family_name", Values: []string{p.FamilyName}}, {Field: "name", Values: []string{p.Name}}, {Field: "locale", Values: []string{p.Locale}}, {Field: "groups", Values: p.Groups},
	} {
		if len(v.Values) > 0 && v.Values[0] != "" {
			out = append(out, v)
		}
	}
	return out
}
