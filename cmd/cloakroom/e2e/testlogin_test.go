package e2e

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"cloakroom/providers/providertest/oidcop"
)

// report is what a test answers of itself.
type report struct {
	Ref, Status, Outcome, Message string
	Diagnosis                     *struct {
		Code, Side, Fix, Observed, Expected string
		Labels                              []string
	}
	Checks  []struct{ Name, Status, Detail string }
	Profile struct{ Email, Subject string }
	Mapping []struct{ Field, From string }
	Steps   []struct{ Step string }
}

func (r report) check(name string) string {
	for _, c := range r.Checks {
		if c.Name == name {
			return c.Status
		}
	}
	return ""
}

type testLink struct{ URL, Ref string }

func (i *instance) beginTest(slug string) testLink {
	i.tb.Helper()
	var l testLink
	i.api("POST", "/realms/acme/connections/"+slug+"/test", nil, 200, &l)
	return l
}

func (i *instance) report(slug, ref string) (r report) {
	i.tb.Helper()
	i.api("GET", "/realms/acme/connections/"+slug+"/tests/"+ref, nil, 200, &r)
	return r
}

func (i *instance) people() int {
	i.tb.Helper()
	var users struct{ Items []any }
	i.api("GET", "/realms/acme/users", nil, 200, &users)
	return len(users.Items)
}

func TestTestLoginSAML(t *testing.T) {
	w := newWorld(t, start(t, nil))
	const slug = "acme-saml"
	w.api("PATCH", "/realms/acme/connections/"+slug, obj{"enabled": false}, 200, nil)
	link := w.beginTest(slug)
	if got := w.report(slug, link.Ref); got.Status != "waiting" {
		t.Errorf("before it is opened: %s", got.Status)
	}
	v := newVisitor()
	p, err := v.get(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = answerSAML(v, p, "ada"); err != nil {
		t.Fatal(err)
	}
	if p.Status != http.StatusOK || !strings.Contains(p.Body, "The test sign-in works") || !strings.Contains(p.Body, "ada@acme.example") {
		t.Fatalf("no report: %s", p)
	}
	for _, c := range v.jar.Cookies(p.URL) {
		if strings.Contains(c.Name, "cr_s_") {
			t.Error("a test made a session")
		}
	}
	got := w.report(slug, link.Ref)
	if got.Status != "passed" || got.Outcome != "create" || got.Profile.Email != "ada@acme.example" || got.Diagnosis != nil || got.Message == "" || len(got.Mapping) == 0 || len(got.Steps) < 3 {
		t.Errorf("report: %+v", got)
	}
	for _, c := range got.Checks {
		if c.Status != "passed" {
			t.Errorf("check %s is %s: %s", c.Name, c.Status, c.Detail)
		}
	}
	if n := w.people(); n != 0 {
		t.Errorf("a test made %d people", n)
	}
	// The address works once, and only as it was given.
	for address, want := range map[string]string{
		link.URL: "test.link_used", link.URL + "x": "test.link_unknown", w.URL + "/test/" + strings.Repeat("A", 43): "test.link_unknown", w.URL + "/test/x": "test.link_unknown",
	} {
		mark := len(w.log.String())
		if p, err = newVisitor().get(address); err != nil || p.Status < 400 || p.Status >= 500 || strings.Contains(p.Body, "ada@") {
			t.Errorf("%s: %v %v", address, p, err)
		}
		if codes := w.codes(mark); !slices.Contains(codes, want) {
			t.Errorf("%s: %v, want %s", address, codes, want)
		}
	}
	// Whoever holds no cookie of it gets no report.
	if p, err = newVisitor().get(w.URL + "/test-report/" + link.Ref); err != nil || p.Status == http.StatusOK || strings.Contains(p.Body, "ada@") {
		t.Errorf("a stranger reads the report: %v %v", p, err)
	}
	// Other realms and connections know nothing of it.
	w.api("POST", "/realms", obj{"name": "other"}, 201, nil)
	if status, _ := w.try("GET", "/realms/other/connections/"+slug+"/tests/"+link.Ref, nil); status != 404 {
		t.Errorf("another realm reads the report: %d", status)
	}
}

// An answer that another browser brings is not shown to whoever began the test.
func TestTestLoginAnswerOfAnotherBrowser(t *testing.T) {
	w := newWorld(t, start(t, nil))
	link := w.beginTest("acme-saml")
	v, victim := newVisitor(), newVisitor()
	p, err := v.get(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	// The victim is lured to the identity provider with the attacker's request.
	if p, err = victim.get(p.URL.String()); err != nil {
		t.Fatal(err)
	}
	if p, err = answerSAML(victim, p, "ada"); err != nil {
		t.Fatal(err)
	}
	if p.Status == http.StatusOK || strings.Contains(p.Body, "ada@") {
		t.Errorf("the victim sees a report: %s", p)
	}
	if got := w.report("acme-saml", link.Ref); got.Status != "waiting" || got.Profile.Email != "" || got.Message != "" {
		t.Errorf("what the victim's answer says is told: %+v", got)
	}
}

// A good answer of a person whom the connection may not speak for: the gate's checks pass, the address fails.
func TestTestLoginOfAnAddressOutside(t *testing.T) {
	w := newWorld(t, start(t, nil))
	v := newVisitor()
	w.api("PATCH", "/realms/acme/connections/acme-saml", obj{"preset": "okta", "domains": []string{}}, 200, nil)
	link := w.beginTest("acme-saml")
	p, err := v.get(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	if p, err = answerSAML(v, p, "ada"); err != nil {
		t.Fatal(err)
	}
	got := w.report("acme-saml", link.Ref)
	if got.Status != "failed" || got.Diagnosis == nil || got.Diagnosis.Code != "email.outside_domains" || got.Outcome != "refuse" || got.check("signature") != "passed" || got.check("email") != "failed" || got.check("person") != "not_reached" {
		t.Errorf("report: %+v", got)
	}
	if !strings.Contains(p.Body, "email.outside_domains") {
		t.Errorf("the page does not say it: %s", p)
	}
}

func TestTestLoginOIDC(t *testing.T) {
	w := newWorld(t, start(t, nil))
	var op *oidcop.OP
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { op.ServeHTTP(rw, r) }))
	defer srv.Close()
	op = oidcop.New(oidcop.Options{Issuer: srv.URL, Now: time.Now, AutoApprove: "ada",
		Clients: []oidcop.Client{{ID: "c", Secret: "s3cret-of-the-client", RedirectURIs: []string{w.URL + "/broker/acme-oidc/endpoint"}}},
		Users:   []oidcop.User{{Username: "ada", Subject: "ada-1", Email: "ada@acme.example", EmailVerified: true}},
	})
	w.api("POST", "/realms/acme/connections", obj{"slug": "acme-oidc", "protocol": "oidc", "enabled": true, "domains": []string{"acme.example"},
		"oidc": obj{"issuer": srv.URL, "client_id": "c", "client_secret": "s3cret-of-the-client"}}, 201, nil)
	for _, c := range []struct {
		name, code, check string
		lie               oidcop.Lies
	}{
		{"truth", "", "", oidcop.Lies{}},
		{"audience", "oidc.audience_mismatch", "audience", oidcop.Lies{Claims: oidcop.Set(map[string]any{"aud": "C"})}},
		{"issuer", "oidc.issuer_mismatch", "issuer", oidcop.Lies{Claims: oidcop.Set(map[string]any{"iss": srv.URL + "/"})}},
		{"nonce", "oidc.nonce_mismatch", "nonce", oidcop.Lies{Claims: oidcop.Set(map[string]any{"nonce": "other"})}},
		{"unsigned", "oidc.algorithm_refused", "signature", oidcop.Lies{Sign: oidcop.Unsigned}},
		{"email", "email.missing", "email", oidcop.Lies{Claims: oidcop.Set(map[string]any{"email": nil}), UserInfo: oidcop.Set(map[string]any{"email": nil})}},
	} {
		t.Run(c.name, func(t *testing.T) {
			op.Lie(c.lie)
			link := w.beginTest("acme-oidc")
			p, err := newVisitor().get(link.URL)
			if err != nil {
				t.Fatal(err)
			}
			got := w.report("acme-oidc", link.Ref)
			if c.code == "" {
				if got.Status != "passed" || got.Outcome != "create" {
					t.Fatalf("report: %+v\n%s", got, p)
				}
				return
			}
			if got.Status != "failed" || got.Diagnosis == nil || got.Diagnosis.Code != c.code || got.check(c.check) != "failed" || !strings.Contains(p.Body, c.code) {
				t.Errorf("report: %+v\n%s", got, p)
			}
		})
	}
}

// An error page's reference finds what happened, with the message, and who looked is in the audit log.
func TestTrace(t *testing.T) {
	w := newWorld(t, start(t, nil))
	v := newVisitor()
	if _, err := signInSAML(v, w.app.begin(), "ada"); err != nil {
		t.Fatal(err)
	}
	w.api("PATCH", "/realms/acme/connections/acme-saml", obj{"domains": []string{}}, 200, nil)
	time.Sleep(1500 * time.Millisecond) // the change reaches the registry
	p, err := signInSAML(newVisitor(), w.app.begin(), "bob")
	if err != nil {
		t.Fatal(err)
	}
	out := find(p.doc, func(n *html.Node) bool { return n.Data == "output" })
	if out == nil || out.FirstChild == nil {
		t.Fatalf("no reference on %s", p)
	}
	ref := out.FirstChild.Data
	type trace struct {
		Outcome, Code, Email string
		Steps                []struct{ Step string }
		Finding              *struct{ Code, Fix string }
	}
	var failed trace
	for range 20 {
		if status, _ := w.try("GET", "/realms/acme/logins/"+ref, nil); status == 200 {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.api("GET", "/realms/acme/logins/"+strings.ToLower(ref), nil, 200, &failed)
	if failed.Outcome != "failed" || failed.Code != "email.outside_domains" || failed.Finding == nil || failed.Finding.Fix == "" || failed.Email != "bob@acme.example" || len(failed.Steps) < 4 {
		t.Errorf("trace: %+v", failed)
	}
	var list struct{ Items []trace }
	w.api("GET", "/realms/acme/logins?email=ada@acme.example", nil, 200, &list)
	if len(list.Items) != 1 || list.Items[0].Outcome != "succeeded" || len(list.Items[0].Steps) < 5 {
		t.Errorf("the good login: %+v", list)
	}
	var events struct{ Items []struct{ Subject string } }
	w.api("GET", "/realms/acme/events?kind=login.viewed", nil, 200, &events)
	if len(events.Items) == 0 || events.Items[0].Subject != "login:"+ref {
		t.Errorf("nobody knows who looked: %+v", events)
	}
}
