package diagnose_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/diagnose"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
	"cloakroom/store"
	"cloakroom/store/storetest"
)

// lab is an examiner over a real store, with a clock that can be turned.
type lab struct {
	*diagnose.Examiner
	t     *testing.T
	store *store.Store
	conn  *broker.Connection
	later time.Duration
}

func newLab(t *testing.T, protocol string) *lab {
	t.Helper()
	l := &lab{t: t, store: storetest.SQLite(t)}
	storetest.Realm(t, l.store, "acme")
	l.conn = storetest.Connection(t, l.store, "acme", "acme-"+protocol)
	l.conn.Protocol = protocol
	l.Examiner = &diagnose.Examiner{Connections: shelf{&registry.Connection{Connection: l.conn}}, Tests: l.store.Tests, BaseURL: base,
		Now: func() time.Time { return time.Now().Add(l.later) }}
	return l
}

// begin makes a test and answers it with the token of its address.
func (l *lab) begin() (link admin.TestLink, token string) {
	l.t.Helper()
	link, err := l.Begin(l.t.Context(), l.conn, "ops@acme.example")
	if err != nil {
		l.t.Fatal(err)
	}
	token, ok := strings.CutPrefix(link.URL, base+"/test/")
	if !ok || len(token) != 43 {
		l.t.Fatalf("address %s", link.URL)
	}
	return link, token
}

func (l *lab) open(token string) *broker.TestLogin {
	l.t.Helper()
	t, used, err := l.store.Tests.Open(l.t.Context(), broker.HashToken(token), l.Now())
	if err != nil || used {
		l.t.Fatalf("open: %v, used %v", err, used)
	}
	return t
}

func (l *lab) standing(ref, want string) *admin.Diagnosed {
	l.t.Helper()
	d, err := l.Tested(l.t.Context(), l.conn, ref)
	if err != nil {
		l.t.Fatal(err)
	}
	if d.Status != want || d.Ref != ref || d.Connection != l.conn.Slug || len(d.Steps) == 0 && want != "passed" {
		l.t.Fatalf("%s, want %s: %+v", d.Status, want, d)
	}
	return d
}

func TestATestThatNobodyOpens(t *testing.T) {
	l := newLab(t, "saml")
	link, token := l.begin()
	d := l.standing(link.Ref, "waiting")
	if d.Steps[0].Step != "made" || d.Steps[0].Detail != "ops@acme.example" || d.Diagnosis != nil {
		t.Errorf("%+v", d)
	}
	l.later = 29 * time.Minute
	l.standing(link.Ref, "waiting")
	l.later = 31 * time.Minute
	d = l.standing(link.Ref, "abandoned")
	if d.Diagnosis == nil || d.Diagnosis.Code != string(fault.TestNotOpened) || len(d.Diagnosis.Alternatives) != 0 || d.Diagnosis.Confidence != string(fault.Proved) {
		t.Errorf("diagnosis: %+v", d.Diagnosis)
	}
	if _, _, err := l.store.Tests.Open(t.Context(), broker.HashToken(token), l.Now()); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("opened too late: %v", err)
	}
}

// What another browser brought is nobody's to read until the one that began the test has come.
func TestAnAnswerIsToldToItsOwnBrowserOnly(t *testing.T) {
	l := newLab(t, "oidc")
	link, token := l.begin()
	test := l.open(token)
	report := []byte(`{"ref":"` + link.Ref + `","status":"passed","connection":"acme-oidc","profile":{"email":"ada@acme.example"}}`)
	if first, err := l.store.Tests.Answer(t.Context(), test.ID, report, false, l.Now()); err != nil || !first {
		t.Fatal(first, err)
	}
	if d := l.standing(link.Ref, "waiting"); d.Profile.Email != "" {
		t.Errorf("told at once: %+v", d)
	}
	l.later = 2 * time.Minute
	d := l.standing(link.Ref, "failed")
	if d.Diagnosis == nil || d.Diagnosis.Code != string(fault.LoginForeign) || d.Profile.Email != "" || d.Message != "" {
		t.Errorf("%+v", d)
	}
	if err := l.store.Tests.Publish(t.Context(), test.ID); err != nil {
		t.Fatal(err)
	}
	if d := l.standing(link.Ref, "passed"); d.Profile.Email != "ada@acme.example" {
		t.Errorf("%+v", d)
	}
}

func TestTestsOfOthersAreNotFound(t *testing.T) {
	l := newLab(t, "saml")
	link, _ := l.begin()
	for _, c := range []broker.Connection{{Realm: "other", Slug: l.conn.Slug}, {Realm: "acme", Slug: "another"}} {
		if d, err := l.Tested(t.Context(), &c, link.Ref); !errors.Is(err, broker.ErrNotFound) || d != nil {
			t.Errorf("%s/%s: %+v, %v", c.Realm, c.Slug, d, err)
		}
	}
}

// What is no message is a report too, not an error.
func TestExplainWhatCannotBeExamined(t *testing.T) {
	saml, unready := connection("okta", "saml"), connection("okta", "saml")
	for _, tt := range []struct {
		name string
		conn *registry.Connection
		what admin.Explainable
		code fault.Code
	}{
		{"no HAR", &registry.Connection{Connection: saml, Provider: gate{}}, admin.Explainable{HAR: []byte(`{"log":1}`)}, fault.ExplainUnreadable},
		{"HAR of another protocol", &registry.Connection{Connection: saml, Provider: gate{}}, admin.Explainable{HAR: []byte(`{"log":{"entries":[{"request":{"url":"https://a.example/?id_token=a.b.c"}}]}}`)}, fault.ExplainKind},
		{"HAR with a refusal", &registry.Connection{Connection: connection("okta", "oidc"), Provider: gate{}}, admin.Explainable{HAR: []byte(strings.ReplaceAll(entry, "/broker/oidc/", "/broker/acme/"))}, fault.OIDCAccessDenied},
		{"settings that do not open", &registry.Connection{Connection: unready, Err: fault.New(fault.ConnectionUnready, "no metadata")}, admin.Explainable{IDToken: "x"}, fault.ConnectionUnready},
		{"a protocol without messages", &registry.Connection{Connection: connection("active-directory", "ldap")}, admin.Explainable{IDToken: "x"}, fault.ExplainKind},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := &diagnose.Examiner{Connections: shelf{tt.conn}, Labels: labels, BaseURL: base, Now: time.Now}
			d, err := x.Explain(t.Context(), tt.conn.Connection, tt.what)
			if err != nil || d.Status != "failed" || d.Diagnosis == nil || d.Diagnosis.Code != string(tt.code) || d.Checks[0].Status != "failed" {
				t.Fatalf("%v: %+v", err, d)
			}
			if last := d.Checks[len(d.Checks)-1]; last.Name != "person" || last.Status != "not_reached" {
				t.Errorf("checks: %+v", d.Checks)
			}
		})
	}
	x := &diagnose.Examiner{Connections: shelf{}, BaseURL: base, Now: time.Now}
	if _, err := x.Explain(context.Background(), saml, admin.Explainable{IDToken: "x"}); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("a connection that is gone: %v", err)
	}
}
