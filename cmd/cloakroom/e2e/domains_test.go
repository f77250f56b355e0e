package e2e

import (
	"strings"
	"testing"

	"cloakroom/broker/domain/dnstest"
)

// refused signs in at the identity provider and must end on our own page that says no.
func (w *world) refused(t *testing.T, user string) {
	t.Helper()
	p, err := signInSAML(newVisitor(), w.app.begin(), user)
	if err != nil {
		t.Fatal(err)
	}
	if p.Status != 403 || !strings.HasPrefix(p.URL.String(), w.URL) {
		t.Errorf("%s was not refused: %s", user, p)
	}
}

// let signs in and answers the browser that holds the session.
func (w *world) let(t *testing.T, user string) *visitor {
	t.Helper()
	v, b := newVisitor(), w.app.begin()
	p, err := signInSAML(v, b, user)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.finish(p.URL); err != nil {
		t.Fatalf("%v at %s", err, p)
	}
	return v
}

// TestADomainDecidesWhoComesIn: proved by a real DNS server, taken back, and handed to another realm. Each takes effect
// at the next sign-in, and none ends a session.
func TestADomainDecidesWhoComesIn(t *testing.T) {
	dns := dnstest.Start(t)
	w := newWorld(t, start(t, map[string]string{"DNS_RESOLVER": dns.Addr}))
	const one = "/realms/acme/domains/acme.example"
	w.api("PATCH", one, obj{"verified": false}, 200, nil)
	w.refused(t, "ada")

	var problem struct{ Code, Fix, Expected string }
	w.api("POST", one+"/verify", nil, 422, &problem)
	if problem.Code != "domain.record_missing" || !strings.Contains(problem.Fix, "_cloakroom.acme.example") || !strings.Contains(problem.Fix, problem.Expected) {
		t.Errorf("%+v", problem)
	}
	dns.Set("_cloakroom.acme.example", dnstest.Txt("v=spf1 -all", problem.Expected))
	var d struct {
		VerifiedBy string `json:"verified_by"`
		CheckAt    string `json:"check_at"`
		Realm      string
		Verified   bool
	}
	w.api("POST", one+"/verify", nil, 200, &d)
	if d.VerifiedBy != "dns" || d.CheckAt == "" {
		t.Errorf("%+v", d)
	}
	ada := w.let(t, "ada")

	w.api("POST", "/realms", obj{"name": "other"}, 201, nil)
	w.api("POST", "/realms/other/domains/acme.example/accept", nil, 409, nil)
	w.api("POST", one+"/transfer", obj{"to": "other"}, 200, nil)
	w.let(t, "bob") // an offer changes nothing
	w.api("POST", "/realms/other/domains/acme.example/accept", nil, 200, &d)
	if d.Realm != "other" || !d.Verified {
		t.Errorf("%+v", d)
	}
	w.refused(t, "bob")
	b := w.app.begin()
	p, err := ada.get(b.URL, appURL)
	if err != nil {
		t.Fatal(err)
	}
	if _, claims, err := b.finish(p.URL); err != nil || claims["realm"] != "acme" {
		t.Errorf("the session did not outlive the handover: %v %v at %s", claims, err, p)
	}
}
