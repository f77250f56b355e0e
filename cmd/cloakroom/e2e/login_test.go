package e2e

import (
	"net/url"
	"strings"
	"testing"
)

func TestSAMLLogin(t *testing.T) {
	w := newWorld(t, start(t, nil))
	v := newVisitor()
	b := w.app.begin()
	p, err := signInSAML(v, b, "ada")
	if err != nil {
		t.Fatal(err)
	}
	_, claims, err := b.finish(p.URL)
	if err != nil {
		t.Fatalf("%v at %s", err, p)
	}
	if claims["email"] != "ada@acme.example" || claims["email_verified"] != true || claims["realm"] != "acme" || claims["connection"] != "acme-saml" {
		t.Errorf("claims: %v", claims)
	}
	// The session answers the next request without asking.
	b = w.app.begin()
	if p, err = v.get(b.URL, appURL); err != nil {
		t.Fatal(err)
	}
	_, again, err := b.finish(p.URL)
	if err != nil {
		t.Fatalf("%v at %s", err, p)
	}
	if again["sub"] != claims["sub"] || again["sid"] != claims["sid"] {
		t.Errorf("another person or session: %v, was %v", again, claims)
	}
}

// A sign-in that the identity provider began: refused unless the connection allows it, and then it ends at the realm's
// default application.
func TestSignInFromThePortal(t *testing.T) {
	w := newWorld(t, start(t, nil))
	w.api("PATCH", "/realms/acme/clients/app", obj{"client_uri": appURL + "/home"}, 200, nil)
	w.api("PATCH", "/realms/acme", obj{"default_client_id": "app"}, 200, nil)
	portal := w.idp.BaseURL + "/initiate?sp=" + url.QueryEscape(w.URL+"/broker/acme-saml/metadata")
	try := func() *page {
		t.Helper()
		v := newVisitor()
		p, err := v.get(portal, appURL)
		if err != nil {
			t.Fatal(err)
		}
		if p, err = answerSAML(v, p, "ada"); err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := try(); p.Status < 400 || p.Status >= 500 {
		t.Errorf("not switched on: %s", p)
	}
	w.api("PATCH", "/realms/acme/connections/acme-saml", obj{"saml": obj{"idp_initiated": true}}, 200, nil)
	if p := try(); !strings.HasPrefix(p.URL.String(), appURL+"/home") {
		t.Errorf("switched on: %s", p)
	}
}
