package signin_test

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/store/storetest"
)

// The made-up providers know their names, as real ones do.
func (made) Explain(context.Context, providers.Request, providers.Reply) providers.Explanation {
	return providers.Explanation{}
}
func (made) Inspect(context.Context, providers.Sample) providers.Explanation {
	return providers.Explanation{}
}
func (made) Transcript(providers.Reply) string { return "" }
func (m made) Names() []string                 { return []string{"https://" + m.host()} }

func strayWorld(t *testing.T) *world {
	w := newWorld(t, storetest.SQLite(t))
	for _, realm := range []string{"acme", "globex"} {
		w.realm(realm, nil)
		w.domain(realm, realm+".example")
		w.connection(realm, realm+"-okta", []string{realm + ".example"}, nil)
		w.client(realm, nil)
	}
	return w
}

// of are the traces of a connection that an answer at a wrong address left.
func (t *tracer) of(slug string) (out []broker.Trace) {
	for _, v := range t.all {
		if v.Connection == slug && v.Code == string(fault.LoginMisrouted) {
			out = append(out, v)
		}
	}
	return out
}

func response(issuer, handle string) string {
	id := ""
	if b, err := base64.RawURLEncoding.DecodeString(handle); err == nil && len(b) > 0 {
		id = ` InResponseTo="_` + hex.EncodeToString(b) + `"`
	}
	return fmt.Sprintf(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1"%s><saml:Issuer Format="x">%s</saml:Issuer></samlp:Response>`, id, issuer)
}

func post(message string) url.Values {
	return url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte(message))}}
}

// An answer that comes to a wrong address of ours is told to those whom it was meant for, and to nobody else: the visitor
// reads a sentence and a reference.
func TestStrays(t *testing.T) {
	const acs = base + "/broker/globex-okta/endpoint"
	for _, tt := range []struct {
		name    string
		come    func(b *browser, handle string) page
		got     string
		outcome string // "" where nobody is told
	}{
		{"wrong slug, ours by its request", func(b *browser, h string) page {
			return b.do(http.MethodPost, "/broker/globex-otka/endpoint", post(response("https://anybody.example", h)))
		}, "/broker/globex-otka/endpoint", "failed"},
		{"wrong slug, ours by RelayState", func(b *browser, h string) page {
			form := post("<x/>")
			form.Set("RelayState", h)
			return b.do(http.MethodPost, "/broker/nobody/endpoint", form)
		}, "/broker/nobody/endpoint", "failed"},
		{"wrong path, code and state", func(b *browser, h string) page {
			return b.get("/broker/globex-okta/callback?" + url.Values{"code": {"x"}, "state": {h}}.Encode())
		}, "/broker/globex-okta/callback", "failed"},
		{"wrong path, error and state", func(b *browser, h string) page {
			return b.get("/anywhere?" + url.Values{"error": {"access_denied"}, "state": {h}}.Encode())
		}, "/anywhere", "failed"},
		{"another tenant's endpoint", func(b *browser, h string) page {
			return b.get("/broker/acme-okta/endpoint?" + url.Values{"code": {"x"}, "state": {h}}.Encode())
		}, "/broker/acme-okta/endpoint", "failed"},
		{"another realm's alias", func(b *browser, h string) page {
			return b.get("/realms/acme/broker/none/endpoint?" + url.Values{"code": {"x"}, "state": {h}}.Encode())
		}, "/realms/acme/broker/none/endpoint", "failed"},
		{"Entity ID, ours by its request", func(b *browser, h string) page {
			return b.do(http.MethodPost, "/broker/globex-okta/metadata", post(response("", h)))
		}, "/broker/globex-okta/metadata", "failed"},
		{"Entity ID, by the address alone", func(b *browser, _ string) page {
			return b.do(http.MethodPost, "/broker/globex-okta/metadata", post("<x/>"))
		}, "/broker/globex-okta/metadata", "stray"},
		{"by the name in it", func(b *browser, _ string) page {
			return b.do(http.MethodPost, "/saml/acs", post(response("https://globex-okta.idp.example", "")))
		}, "/saml/acs", "stray"},
		{"by the name in it, compressed", func(b *browser, _ string) page {
			var packed bytes.Buffer
			z, _ := flate.NewWriter(&packed, flate.BestSpeed)
			_, _ = z.Write([]byte(response("https://globex-okta.idp.example", "")))
			_ = z.Close()
			return b.get("/saml/acs?" + url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString(packed.Bytes())}}.Encode())
		}, "/saml/acs", "stray"},
		{"wrong method", func(b *browser, h string) page {
			return b.do(http.MethodPost, "/broker/globex-okta/login", post(response("", h)))
		}, "/broker/globex-okta/login", "failed"},
		{"nobody's name", func(b *browser, _ string) page {
			return b.do(http.MethodPost, "/saml/acs", post(response("https://nobody.idp.example", "")))
		}, "/saml/acs", ""},
		{"the beginning of a name", func(b *browser, _ string) page {
			return b.do(http.MethodPost, "/saml/acs", post(response("https://globex-okta.idp.exampl", "")))
		}, "/saml/acs", ""},
		{"nothing in it", func(b *browser, _ string) page { return b.do(http.MethodPost, "/saml/acs", post("%")) }, "/saml/acs", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := strayWorld(t)
			begun := w.browser().authorize("globex")
			p := tt.come(w.browser(), begun.query("state")) // a browser without the login's cookie
			if p.Code != http.StatusBadRequest || strings.Contains(p.Body.String(), "globex-okta/endpoint") || strings.Contains(strings.ToLower(p.Body.String()), "globex<") {
				t.Errorf("%d: %s", p.Code, p.Body.String())
			}
			if tt.outcome == "" {
				if len(w.traces.all) != 0 {
					t.Errorf("told: %+v", w.traces.all)
				}
				return
			}
			told := w.traces.of("globex-okta")
			if len(told) != 1 || len(w.traces.all) != 1 {
				t.Fatalf("traces: %+v", w.traces.all)
			}
			v := told[0]
			if v.Realm != "globex" || v.Outcome != tt.outcome || v.Observed != base+tt.got || v.Expected != acs || !strings.Contains(p.Body.String(), v.Ref) {
				t.Errorf("%+v", v)
			}
			if swapped := strings.Contains(v.Detail, "the two addresses are swapped"); swapped != strings.HasSuffix(tt.got, "/metadata") {
				t.Errorf("detail: %s", v.Detail)
			}
		})
	}
}

// The browser that began the login reads it under its own login's reference.
func TestAStrayOfOnesOwn(t *testing.T) {
	w := strayWorld(t)
	b := w.browser()
	begun := b.authorize("globex")
	p := b.get("/broker/globex-otka/endpoint?" + url.Values{"code": {"x"}, "state": {begun.query("state")}}.Encode())
	told := w.traces.of("globex-okta")
	if p.Code != http.StatusBadRequest || len(told) != 1 || told[0].Expected != base+"/broker/globex-okta/endpoint" || !strings.Contains(p.Body.String(), told[0].Ref) {
		t.Errorf("%d, %+v", p.Code, w.traces.all)
	}
}

// What is no answer is nothing special, and leaves nothing.
func TestWhatIsNoStray(t *testing.T) {
	w := strayWorld(t)
	begun := w.browser().authorize("globex")
	h := begun.query("state")
	for target, want := range map[string]int{
		"/nowhere": 404, "/nowhere?code=x&state=y": 404, "/nowhere?code=x": 404, "/nowhere?state=" + h: 404,
		"/nowhere?code=x&state=" + h[:42] + "_": 404, "/broker/nobody/login": 404, "/broker/nobody/endpoint?code=x&state=y": 404,
	} {
		if p := w.browser().do(http.MethodGet, target, nil); p.Code != want {
			t.Errorf("%s: %d", target, p.Code)
		}
	}
	if p := w.browser().do(http.MethodPost, "/broker/globex-okta/metadata", url.Values{"a": {"b"}}); p.Code != http.StatusMethodNotAllowed {
		t.Errorf("a POST to the Entity ID without an answer: %d", p.Code)
	}
	if len(w.traces.all) != 0 {
		t.Errorf("%+v", w.traces.all)
	}
}

// A stranger cannot fill a tenant's log.
func TestStraysAreFew(t *testing.T) {
	w := strayWorld(t)
	for range 30 {
		w.browser().do(http.MethodPost, "/saml/acs", post(response("https://globex-okta.idp.example", "")))
		w.browser().do(http.MethodPost, "/broker/globex-okta/metadata", post("<x/>"))
	}
	if n := len(w.traces.of("globex-okta")); n != 1 {
		t.Errorf("%d traces of one minute", n)
	}
}
