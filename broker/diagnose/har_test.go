package diagnose_test

import (
	"testing"

	"cloakroom/broker/diagnose"
	"cloakroom/broker/fault"
)

const entry = `{"log":{"entries":[
{"request":{"url":"https://idp.example/x?SAMLResponse=other"}},
{"request":{"url":"https://sso.example/broker/acme/endpoint","postData":{"text":"SAMLResponse=PGEvPg%3D%3D&RelayState=x"}}},
{"request":{"url":"https://op.example/token"},"response":{"content":{"encoding":"base64","text":"eyJpZF90b2tlbiI6ImEuYi5jIn0="}}},
{"request":{"url":"https://sso.example/broker/oidc/endpoint?error=access_denied&error_description=no"}}]}}`

func TestReadHAR(t *testing.T) {
	f, err := diagnose.ReadHAR([]byte(entry))
	if err != nil || f.Slug() != "oidc" {
		t.Fatalf("%q, %v", f.Slug(), err)
	}
	if s, err := f.For("acme", "saml"); err != nil || s.SAMLResponse != "PGEvPg==" {
		t.Errorf("%+v, %v", s, err)
	}
	if _, err := f.For("oidc", "oidc"); fault.CodeOf(err) != fault.OIDCAccessDenied {
		t.Errorf("the refusal: %v", err)
	}
	if s, err := f.For("elsewhere", "saml"); err != nil || s.SAMLResponse == "" {
		t.Errorf("what fits the protocol: %+v, %v", s, err)
	}
	if s := f.Last(); s.IDToken != "a.b.c" {
		t.Errorf("last: %+v", s)
	}
	for _, bad := range []string{``, `{}`, `[1]`, `{"log":{"entries":[{"request":{"url":"::"}}]}}`} {
		if _, err := diagnose.ReadHAR([]byte(bad)); fault.CodeOf(err) != fault.ExplainUnreadable {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzReadHAR(f *testing.F) {
	f.Add([]byte(entry))
	f.Fuzz(func(t *testing.T, b []byte) {
		if found, err := diagnose.ReadHAR(b); err == nil {
			_, _ = found.For("acme", "saml")
			found.Last()
		}
	})
}
