package op

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Whatever a stranger sends: no panic, an answer goes nowhere but to a registered address, and what is kept is small,
// whole and within what the client may ask.
func FuzzAuthorizeRequest(f *testing.F) {
	good := url.Values{
		"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {"https://app.example/cb"}, "scope": {"openid email"},
		"state": {"s"}, "nonce": {"n"}, "code_challenge": {strings.Repeat("A", 43)}, "code_challenge_method": {"S256"},
		"claims": {`{"id_token":{"email":null,"acr":{"values":["a"]}}}`}, "prompt": {"login"}, "max_age": {"3"}, "ui_locales": {"de fr"}, "kc_idp_hint": {""},
	}.Encode()
	for _, s := range []string{good, good + "&state=2", "%", "a=%zz", "resource=x&resource=y", "redirect_uri=https%3A%2F%2Fapp.example%2Fcb%23", "claims=%7B%22id_token%22%3A1%7D", "max_age=-1&prompt=none+login"} {
		f.Add(s)
	}
	c := &broker.Client{ClientID: "app", Realm: "acme", RedirectURIs: []string{"https://app.example/cb"}, Scopes: []string{"openid", "email"}}
	c.Defaults()
	f.Fuzz(func(t *testing.T, raw string) {
		v, err := parseForm(raw)
		if err != nil {
			if code := fault.CodeOf(err); code != fault.OPRequestMalformed && code != fault.OPRequestTooLarge {
				t.Fatalf("%v", err)
			}
			return
		}
		uri, implied, err := redirectURI(v, c)
		if err != nil {
			return
		}
		if uri != c.RedirectURIs[0] {
			t.Fatalf("an answer would go to %q", uri)
		}
		r := &authorizeRequest{client: c, answer: answer{RedirectURI: uri, Implied: implied}}
		if err := r.read(v); err != nil {
			no := asRefusal(err)
			if no.Status != 400 || no.Code == "" || plain(no.Description) != no.Description {
				t.Fatalf("%+v", no)
			}
			return
		}
		check(t, r, v)
	})
}

func check(t *testing.T, r *authorizeRequest, v form) {
	t.Helper()
	b, err := json.Marshal(r.answer)
	if err != nil {
		t.Fatal(err)
	}
	a, err := recall(&broker.Login{Request: b})
	if err != nil || a.State != v.Get("state") || a.Nonce != v.Get("nonce") {
		t.Fatalf("state %q came back as %q: %v", v.Get("state"), a.State, err)
	}
	for _, s := range r.Scopes {
		if !slices.Contains(r.client.Scopes, s) {
			t.Fatalf("scope %q", s)
		}
	}
	if r.client.Public && r.Challenge == "" || len(r.Resources) > 0 {
		t.Fatal("PKCE or resource slipped through")
	}
	if len(r.uiLocales) > maxLocales || len(r.acr) > maxACR || len(r.loginHint) > 320 || len(r.idpHint) > 255 || !utf8.ValidString(r.loginHint) {
		t.Fatalf("%+v", r)
	}
	if u, err := url.Parse(r.carry(url.Values{"state": {a.State}}).URL); err != nil || u.Host != "app.example" {
		t.Fatalf("%v %v", u, err)
	}
}
