package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// codes answers the fault codes of the broker's log since mark, once there is one: the log comes through a pipe.
func (i *instance) codes(mark int) []string {
	for range 100 {
		if out := i.logged(mark); len(out) > 0 {
			return out
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil
}

func (i *instance) logged(mark int) []string {
	var out []string
	for line := range strings.Lines(i.log.String()[mark:]) {
		var l struct {
			Code string `json:"code"`
		}
		if json.Unmarshal([]byte(line), &l) == nil && l.Code != "" {
			out = append(out, l.Code)
		}
	}
	return out
}

// What a stranger, an application or a person does wrong is a page or an answer below 500, and the log line names the
// fault.
func TestFaultsByURL(t *testing.T) {
	w := newWorld(t, start(t, nil))
	w.api("POST", "/realms", obj{"name": "hub", "hub": true}, 201, nil)
	w.api("POST", "/realms", obj{"name": "bare"}, 201, nil)
	w.api("POST", "/realms/hub/clients", obj{"client_id": "pinned", "pinned_realm": "acme", "redirect_uris": []string{appURL}}, 201, nil)
	w.api("POST", "/realms/hub/clients", obj{"client_id": "web", "redirect_uris": []string{appURL}}, 201, nil)
	w.api("POST", "/realms/acme/clients", obj{"client_id": "off", "enabled": false, "redirect_uris": []string{appURL}}, 201, nil)
	w.api("POST", "/realms/acme/clients", obj{"client_id": "other", "redirect_uris": []string{appURL, appURL + "/two"}}, 201, nil)
	w.api("POST", "/realms/bare/connections", obj{"slug": "bare-saml", "protocol": "saml", "saml": obj{"metadata_url": "https://idp.example/metadata"}}, 201, nil)

	b := w.app.begin()
	p, err := signInSAML(newVisitor(), b, "ada")
	if err != nil {
		t.Fatal(err)
	}
	tok, _, err := b.finish(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	idToken, _ := tok.Extra("id_token").(string)

	auth := func(realm string, q url.Values) string {
		if q.Get("response_type") == "" {
			q.Set("response_type", "code")
		}
		return w.URL + "/realms/" + realm + "/protocol/openid-connect/auth?" + q.Encode()
	}
	at := url.Values{"redirect_uri": {appURL}}
	with := func(kv ...string) url.Values {
		q := url.Values{}
		for k, v := range at {
			q[k] = v
		}
		for n := 0; n < len(kv); n += 2 {
			q.Set(kv[n], kv[n+1])
		}
		return q
	}
	logout := w.URL + "/realms/acme/protocol/openid-connect/logout?"
	for code, address := range map[string]string{
		"op.client_missing":                    auth("acme", with()),
		"op.client_unknown":                    auth("acme", with("client_id", "nobody")),
		"op.client_disabled":                   auth("acme", with("client_id", "off")),
		"op.redirect_uri_mismatch":             auth("acme", with("client_id", "app", "redirect_uri", "http://app.example/other")),
		"op.redirect_uri_missing":              auth("acme", url.Values{"client_id": {"other"}, "scope": {"openid"}}),
		"op.post_logout_redirect_uri_mismatch": logout + url.Values{"id_token_hint": {idToken}, "post_logout_redirect_uri": {"https://evil.example/"}}.Encode(),
		"op.logout_hint_mismatch":              logout + url.Values{"id_token_hint": {idToken}, "client_id": {"other"}}.Encode(),
		"login.unknown_realm":                  auth("hub", with("client_id", "web", "realm_hint", "nobody")),
		"login.realm_pinned":                   auth("hub", with("client_id", "pinned", "realm_hint", "bare")),
		"login.not_a_hub":                      w.URL + "/login?hub=acme",
		"login.no_default_client":              w.URL + "/broker/bare-saml/login",
		"invite.unknown":                       w.URL + "/invite/nothing-of-the-kind",
		"login.other_browser":                  w.URL + "/realms/acme/login/7KQ2-MX9D",
		"login.no_message":                     w.URL + "/broker/acme-saml/endpoint",
		"not_found":                            w.URL + "/realms/nobody/login/7KQ2-MX9D/nothing",
		"login.connection_not_allowed":         "",
		"login.wrong_endpoint":                 "",
		"method_not_allowed":                   "",
	} {
		mark := len(w.log.String())
		var status int
		switch code {
		case "login.connection_not_allowed":
			// A page of this browser's own login, with another realm's connection in the address.
			v := newVisitor()
			p, err := v.get(auth("acme", with("client_id", "app", "kc_idp_hint", "", "scope", "openid")))
			if err != nil {
				t.Fatal(err)
			}
			if p, err = v.get(p.URL.String() + "/go/bare-saml"); err != nil {
				t.Fatal(err)
			}
			status = p.Status
		case "login.wrong_endpoint":
			res, err := http.PostForm(w.URL+"/broker/acme-saml/metadata", url.Values{"SAMLResponse": {"PHg+"}})
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			status = res.StatusCode
		case "method_not_allowed":
			res, err := http.PostForm(w.URL+"/broker/acme-saml/login", nil)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			status = res.StatusCode
		default:
			p, err := newVisitor().get(address)
			if err != nil {
				t.Errorf("%s: %v", code, err)
				continue
			}
			status = p.Status
		}
		if got := w.codes(mark); status < 400 || status > 499 || len(got) == 0 || got[len(got)-1] != code {
			t.Errorf("%s: %d, logged %v", code, status, got)
		}
	}
}
