package saml_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/samlidp"
)

func checkOf(e providers.Explanation, name string) string {
	for _, c := range e.Checks {
		if c.Name == name {
			return c.Status
		}
	}
	return "no such check"
}

func codes(e providers.Explanation) (out []fault.Code) {
	for _, f := range e.Findings {
		out = append(out, fault.CodeOf(f.Err))
	}
	return out
}

func TestExplainNamesEveryFault(t *testing.T) {
	for _, c := range []struct {
		name   string
		lie    func(w *world, r *samlidp.Response)
		codes  []fault.Code
		failed []string
		passed []string
		not    []string
		known  bool // the identity can be looked at
	}{
		{"truth", func(*world, *samlidp.Response) {}, nil, nil, []string{"message", "structure", "signature", "issuer", "status", "audience", "recipient", "in_response_to", "time", "decrypt", "subject"}, nil, true},
		{"audience", func(_ *world, r *samlidp.Response) { r.Audiences = [][]string{{"http://sso.example/x"}} },
			[]fault.Code{fault.SAMLAudience}, []string{"audience"}, []string{"signature", "recipient", "subject"}, nil, true},
		{"audience and recipient at once", func(_ *world, r *samlidp.Response) {
			r.Audiences, r.Destination = [][]string{{"x"}}, ""
			r.Confirmations[0].Recipient = callback + "/"
		}, []fault.Code{fault.SAMLAudience, fault.SAMLRecipient}, []string{"audience", "recipient"}, []string{"signature", "time"}, nil, true},
		{"stale and meant for others", func(w *world, r *samlidp.Response) {
			w.now = now.Add(3 * time.Hour)
			r.Audiences = [][]string{{"x"}}
		}, []fault.Code{fault.SAMLExpired, fault.SAMLAudience}, []string{"time", "audience"}, []string{"signature", "issuer"}, nil, true},
		{"foreign key", func(_ *world, r *samlidp.Response) {
			k := keys().other
			r.SignAssertion.Key, r.SignAssertion.Certificate = signer(k), k.cert
		}, []fault.Code{fault.SAMLSignatureKey}, []string{"signature"}, []string{"message", "structure", "status"}, []string{"issuer", "audience", "time", "subject"}, false},
		{"another sign-in's", func(_ *world, r *samlidp.Response) { r.InResponseTo = request(2).MessageID },
			[]fault.Code{fault.SAMLInResponseTo}, []string{"in_response_to"}, nil, nil, false},
		{"refused", func(_ *world, r *samlidp.Response) { r.Status, r.NestedStatus = "Responder", "RequestDenied" },
			[]fault.Code{fault.SAMLRequestDenied}, []string{"status"}, []string{"message"}, []string{"signature", "subject"}, false},
		{"no XML", func(_ *world, r *samlidp.Response) { r.Raw = func([]byte) []byte { return []byte("<a") } },
			[]fault.Code{fault.SAMLXMLInvalid}, []string{"message"}, nil, []string{"structure", "signature"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, nil)
			r := w.answer()
			c.lie(w, &r)
			reply := posted(w.idp.Respond(r), w.request.Handle)
			_, finish := w.provider.Finish(context.Background(), w.request, reply)
			e := w.provider.(providers.Explainer).Explain(context.Background(), w.request, reply)
			got := codes(e)
			if len(c.codes) == 0 && len(got) > 0 || len(got) > 0 && got[0] != fault.CodeOf(finish) {
				t.Errorf("the gate says %v, the examiner %v", finish, got)
			}
			for _, want := range c.codes {
				if !slices.Contains(got, want) {
					t.Errorf("%s is not among %v", want, got)
				}
			}
			for want, names := range map[string][]string{"failed": c.failed, "passed": c.passed, "not_reached": c.not} {
				for _, name := range names {
					if s := checkOf(e, name); s != want {
						t.Errorf("%s is %s, not %s", name, s, want)
					}
				}
			}
			if c.known != (e.Identity != nil) && c.name != "another sign-in's" {
				t.Errorf("identity %v", e.Identity)
			}
		})
	}
}

// Explaining is no way around the gate: what was loosened for one report holds nowhere else.
func TestExplainLoosensNothing(t *testing.T) {
	w := newWorld(t, nil)
	r := w.answer()
	r.Audiences = [][]string{{"x"}}
	r.Confirmations[0].Recipient = "https://elsewhere.example"
	r.Issuer, r.AssertionIssuer = "other", "other"
	reply := posted(w.idp.Respond(r), w.request.Handle)
	if e := w.provider.(providers.Explainer).Explain(context.Background(), w.request, reply); e.OK() || len(e.Findings) < 3 {
		t.Errorf("findings: %v", codes(e))
	}
	if _, err := w.provider.Finish(context.Background(), w.request, reply); err == nil {
		t.Error("the gate has become looser")
	}
}

func TestInspect(t *testing.T) {
	w := newWorld(t, nil)
	x := w.provider.(providers.Explainer)
	message := w.idp.Respond(w.answer())
	for _, text := range []string{message, " " + message + "\n", "SAMLResponse=" + strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace(message) + "&RelayState=x"} {
		e := x.Inspect(context.Background(), providers.Sample{SAMLResponse: text})
		if !e.OK() || e.Identity == nil || e.Identity.Subject != jane.Email {
			t.Errorf("%.30q: %v", text, codes(e))
		}
		if strings.Contains(e.Message, "SessionIndex=\"_") || !strings.Contains(e.Message, "[") || !strings.Contains(e.Message, "jane@acme.example") {
			t.Errorf("message: %s", e.Message)
		}
	}
	w.now = now.Add(24 * time.Hour)
	if e := x.Inspect(context.Background(), providers.Sample{SAMLResponse: message}); e.OK() || checkOf(e, "time") != "failed" || checkOf(e, "signature") != "passed" || e.Identity == nil {
		t.Errorf("yesterday's: %v, signature %s", codes(e), checkOf(e, "signature"))
	}
	w.now = now
	if e := x.Inspect(context.Background(), providers.Sample{Metadata: string(w.idp.Metadata())}); !e.OK() || checkOf(e, "certificate") != "passed" {
		t.Errorf("metadata: %v %v", codes(e), e.Checks)
	}
	other := samlidp.New(samlidp.Options{BaseURL: "https://idp2.example", Now: w.clock})
	if e := x.Inspect(context.Background(), providers.Sample{Metadata: string(other.Metadata())}); !slices.Contains(codes(e), fault.SAMLMetadataEntity) {
		t.Errorf("another's metadata: %v", codes(e))
	}
	if e := x.Inspect(context.Background(), providers.Sample{Metadata: "<html>"}); !slices.Contains(codes(e), fault.SAMLMetadataHTML) {
		t.Errorf("a web page: %v", codes(e))
	}
	if e := x.Inspect(context.Background(), providers.Sample{IDToken: "x.y.z"}); !slices.Contains(codes(e), fault.ExplainKind) {
		t.Errorf("an ID token: %v", codes(e))
	}
}

func FuzzInspect(f *testing.F) {
	w := newWorld(f, nil)
	f.Add(w.idp.Respond(w.answer()))
	f.Add("<Response/>")
	f.Add("SAMLResponse=%zz")
	x := w.provider.(providers.Explainer)
	f.Fuzz(func(t *testing.T, s string) {
		e := x.Inspect(context.Background(), providers.Sample{SAMLResponse: s})
		if len(e.Message) > 200<<10 || len(e.Checks) == 0 {
			t.Errorf("%d bytes, %d checks", len(e.Message), len(e.Checks))
		}
		x.Inspect(context.Background(), providers.Sample{Metadata: s})
	})
}
