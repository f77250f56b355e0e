package e2e

import "testing"

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
