package oidc_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/oidcop"
)

// FuzzIDToken sends arbitrary text as ID token: it never signs anybody in, and every refusal is a fault.
func FuzzIDToken(f *testing.F) {
	for _, s := range []string{"", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJFUzI1NiJ9.e30.AAAA", `{"payload":"e30","signatures":[]}`, "....", "eyJhbGciOiJSUzI1NiIsImFsZyI6Im5vbmUifQ.e30."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		x := begin(t, "generic", nil)
		x.op.Lie(oidcop.Lies{Sign: func(*oidcop.OP, []byte) string { return token }})
		idn, err := x.login()
		var known *fault.Error
		if err == nil || !errors.As(err, &known) || known.Code == fault.Internal || idn.Subject != "" {
			t.Errorf("%q: %v %v", token, idn, err)
		}
	})
}

// FuzzDocuments sends arbitrary text as discovery document and as key set.
func FuzzDocuments(f *testing.F) {
	for _, s := range []string{"", "{", `{"issuer":7}`, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`, `{"keys":{}}`, `[]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, endpoint := range []string{"jwks", ".well-known/openid-configuration"} {
			x := begin(t, "entra", nil)
			x.op.Lie(oidcop.Lies{Endpoint: take{endpoint: says(http.StatusOK, "application/json", text)}})
			r := x.request()
			_, err := x.p.Start(t.Context(), r)
			if err == nil {
				_, err = x.p.Finish(t.Context(), r, x.answer(r))
			}
			var known *fault.Error
			if err == nil || !errors.As(err, &known) || known.Code == fault.Internal {
				t.Errorf("%s %q: %v", endpoint, text, err)
			}
		}
	})
}

// FuzzAnswer brings back arbitrary parameters.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"", "code=a&state=b", "error=access_denied&error_description=AADSTS50105", "state&code", "iss=x&sid=y", "%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		x := begin(t, "generic", nil)
		v, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		r := x.request()
		for _, method := range []string{"GET", "POST"} {
			reply := providers.Reply{Method: method, URL: &url.URL{}, Query: v, Form: v}
			x.p.(providers.HandleFinder).Handle(reply)
			x.p.(providers.LogoutReceiver).IsLogout(reply)
			v.Set("state", r.Handle)
			v.Del("code") // a code would be redeemed: that is another fuzz test's business
			if _, err := x.p.Finish(t.Context(), r, reply); err == nil {
				t.Errorf("%q signed somebody in", raw)
			}
		}
	})
}
