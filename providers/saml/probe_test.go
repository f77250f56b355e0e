package saml_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/samlidp"
	"cloakroom/providers/saml"
)

// vendor is an identity provider of one kind on a real port, with our connection to it.
type vendor struct {
	t   *testing.T
	idp *samlidp.IdP
	sp  samlidp.ServiceProvider
	w   *world
}

func newVendor(t *testing.T, like samlidp.Vendor, edit func(*samlidp.Options, *samlidp.ServiceProvider)) *vendor {
	t.Helper()
	v := &vendor{t: t, w: &world{t: t, now: time.Now()}, sp: samlidp.ServiceProvider{EntityID: entityID, ACS: []string{callback}, Certificates: [][]byte{keys().own.cert}}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { v.idp.Handler().ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	k := keys().idp
	o := samlidp.Options{BaseURL: srv.URL, Like: like, Users: []samlidp.User{jane}, Key: signer(k), Certificate: k.cert, Now: v.w.clock, EncryptionOptional: true,
		ServiceProvider: func(id string) (samlidp.ServiceProvider, bool) { return v.sp, id == v.sp.EntityID }}
	if edit != nil {
		edit(&o, &v.sp)
	}
	v.idp = samlidp.New(o)
	return v
}

// preflight is the whole of it with settings laid over a good connection.
func (v *vendor) preflight(s settings) []providers.Finding {
	v.t.Helper()
	config := map[string]any{"metadata_xml": string(v.idp.Metadata()), "preset": string(v.idp.Like)}
	for k, value := range s {
		config[k] = value
	}
	return v.w.open(config).(providers.Preflighter).Preflight(v.t.Context())
}

// passive is the probe's finding.
func passive(t *testing.T, list []providers.Finding) providers.Finding {
	t.Helper()
	i := slices.IndexFunc(list, func(f providers.Finding) bool { return f.Check == "passive" })
	if i < 0 {
		t.Fatalf("no probe among %v", list)
	}
	return list[i]
}

func wants(t *testing.T, f providers.Finding, severity string, code fault.Code, sure fault.Confidence) {
	t.Helper()
	got := f.Confidence
	if f.Err != nil {
		got = fault.As(f.Err).Confidence
	}
	if f.Severity != severity || fault.CodeOf(f.Err) != code || got != sure {
		t.Errorf("%s %q %s (%v; %s), want %s %q %s", f.Severity, fault.CodeOf(f.Err), got, f.Err, f.Detail, severity, code, sure)
	}
}

// TestProbeGood: what each product does with a passive request of a good connection.
func TestProbeGood(t *testing.T) {
	for like, sure := range map[samlidp.Vendor]fault.Confidence{
		"": fault.Proved, samlidp.Entra: fault.Proved, samlidp.Okta: fault.Proved, samlidp.ADFS: fault.Proved, samlidp.Keycloak: fault.Proved, samlidp.Shibboleth: fault.Proved,
		samlidp.OneLogin: fault.Likely, samlidp.Google: fault.Guess,
	} {
		for _, binding := range []string{"redirect", "post"} {
			v := newVendor(t, like, nil)
			list := v.preflight(settings{"binding": binding})
			wants(t, passive(t, list), "ok", "", sure)
			for _, f := range list {
				if f.Severity == "error" {
					t.Errorf("%s: %v", like, f.Err)
				}
			}
		}
	}
}

// TestProbeBad: what each product does with a connection that is set up wrongly there, told from its neighbours.
func TestProbeBad(t *testing.T) {
	type edit = func(*samlidp.Options, *samlidp.ServiceProvider)
	name := func(_ *samlidp.Options, sp *samlidp.ServiceProvider) { sp.EntityID = entityID + "/" }
	acs := func(_ *samlidp.Options, sp *samlidp.ServiceProvider) {
		sp.ACS = []string{"https://sso.example/broker/globex/endpoint"}
	}
	swap := func(_ *samlidp.Options, sp *samlidp.ServiceProvider) { sp.ACS = []string{entityID} }
	off := func(_ *samlidp.Options, sp *samlidp.ServiceProvider) { sp.Disabled = true }
	signing := func(o *samlidp.Options, _ *samlidp.ServiceProvider) { o.WantSignedRequests = true }
	stale := func(o *samlidp.Options, sp *samlidp.ServiceProvider) {
		o.WantSignedRequests, sp.Certificates = true, [][]byte{keys().other.cert}
	}
	for _, row := range []struct {
		name     string
		like     samlidp.Vendor
		edit     edit
		settings settings
		code     fault.Code
		label    string
	}{
		{"SAML-01", samlidp.Entra, acs, nil, fault.IdPReplyURL, "Reply URL (Assertion Consumer Service URL)"},
		{"SAML-02", samlidp.Entra, name, nil, fault.IdPAppUnknown, "Identifier (Entity ID)"},
		{"LIFE-02 Entra", samlidp.Entra, off, nil, fault.IdPAppDisabled, "Enabled for users to sign-in?"},
		{"SAML-19", samlidp.Entra, nil, settings{"requested_authn_context": []string{"urn:x"}}, fault.SAMLNoAuthnContext, ""},
		{"SAML-20 Entra", samlidp.Entra, signing, settings{"sign_requests": "never"}, fault.SAMLRequestSigning, "Verification certificates"},
		{"CERT-11 Entra", samlidp.Entra, stale, nil, fault.IdPRequestSignature, ""},
		{"SAML-13", samlidp.Okta, nil, settings{"name_id_format": samlidp.EmailFormat}, fault.SAMLNameIDForced, ""},
		{"SAML-08 Okta", samlidp.Okta, acs, nil, fault.IdPReplyURL, "Single sign-on URL"},
		{"SAML-07 Okta", samlidp.Okta, swap, nil, fault.SAMLSwapped, "Single sign-on URL"},
		{"LIFE-01 Okta", samlidp.Okta, name, nil, fault.IdPAppUnknown, ""},
		{"SAML-14", samlidp.ADFS, name, nil, fault.IdPAppUnknown, "Relying party trust identifier"},
		{"SAML-14 endpoint", samlidp.ADFS, acs, nil, fault.IdPReplyURL, "Trusted URL"},
		{"SAML-19 AD FS", samlidp.ADFS, nil, settings{"requested_authn_context": []string{"urn:x"}}, fault.SAMLNoAuthnContext, ""},
		{"SAML-28", samlidp.OneLogin, acs, nil, fault.IdPReplyURL, "ACS (Consumer) URL Validator"},
		{"SAML-20 Keycloak", samlidp.Keycloak, signing, settings{"sign_requests": "never"}, fault.SAMLRequestSigning, "Client signature required"},
		{"CERT-11 Keycloak", samlidp.Keycloak, stale, nil, fault.IdPRequestSignature, ""},
		{"Keycloak client", samlidp.Keycloak, name, nil, fault.IdPAppUnknown, "Client ID"},
		{"Keycloak redirect", samlidp.Keycloak, acs, nil, fault.IdPReplyURL, "Valid redirect URIs"},
		{"SAML-25", samlidp.Shibboleth, name, nil, fault.IdPAppUnknown, ""},
		{"SAML-25 ACS", samlidp.Shibboleth, acs, nil, fault.IdPReplyURL, ""},
		{"SAML-23", samlidp.Shibboleth, func(o *samlidp.Options, _ *samlidp.ServiceProvider) { o.EncryptionOptional = false }, settings{"encrypt": "never"}, fault.SAMLEncryptionUnpublished, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := passive(t, newVendor(t, row.like, row.edit).preflight(row.settings))
			e := fault.As(f.Err)
			if f.Severity != "error" || fault.CodeOf(f.Err) != row.code || e.Confidence == fault.Guess {
				t.Fatalf("%s %v %s, want %s", f.Severity, f.Err, f.Detail, row.code)
			}
			if row.label != "" && !slices.ContainsFunc(e.Labels, func(l string) bool { return strings.HasPrefix(l, row.label) }) && !strings.Contains(e.Fix, row.label) {
				t.Errorf("labels %q, fix %q do not name %q", e.Labels, e.Fix, row.label)
			}
		})
	}
}

// server is an identity provider made of one handler. handle answers the sign-on address.
func server(t *testing.T, handle http.HandlerFunc) (*world, settings) {
	t.Helper()
	srv := httptest.NewServer(handle)
	t.Cleanup(srv.Close)
	w := newWorld(t, nil)
	w.now = time.Now()
	return w, settings{"metadata_xml": strings.ReplaceAll(string(w.idp.Metadata()), "https://idp.example", srv.URL), "entity_id": srv.URL + "/metadata"}
}

func (w *world) preflight(s settings) []providers.Finding {
	w.t.Helper()
	return w.open(s).(providers.Preflighter).Preflight(w.t.Context())
}

func TestProbePages(t *testing.T) {
	page := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}
	}
	to := func(address string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, address, http.StatusFound) }
	}
	for _, row := range []struct {
		name     string
		handle   http.HandlerFunc
		severity string
		code     fault.Code
		sure     fault.Confidence
	}{
		{"sign-in page", page(200, `<form><input name=x type=password></form>`), "ok", "", fault.Likely},
		{"sign-in page whose script knows every error", page(200, `<script>var e="AADSTS50011: reply URL"</script><input type="password">`), "ok", "", fault.Likely},
		{"drawn by a script", page(200, `<div id="root"></div>`), "ok", "", fault.Guess},
		{"passed on to another", page(200, `<form method=post action="https://hub.example/sso"><input name=SAMLRequest value=x></form>`), "ok", "", fault.Likely},
		{"nothing there", page(404, "Not here"), "error", fault.SAMLSSONotFound, fault.Likely},
		{"an error nobody knows", page(400, "Oh dear"), "error", fault.IdPPage, fault.Guess},
		{"server error", page(500, "Oh dear"), "error", fault.IdPPage, fault.Guess},
		{"a firewall", page(403, "Denied"), "ok", "", fault.Guess},
		{"a loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"/x", http.StatusFound) }, "ok", "", fault.Guess},
		{"an answer by redirect", to(callback + "?SAMLResponse=x"), "error", fault.SAMLBinding, fault.Proved},
		{"back without an answer", to(callback), "ok", "", fault.Guess},
		{"elsewhere by a strange scheme", to("javascript:alert(1)"), "ok", "", fault.Guess},
		{"an answer that is none", page(200, `<form action="`+callback+`"><input name=SAMLResponse value="%%%"></form>`), "error", fault.SAMLEncoding, ""},
		{"an answer of others, on its way between them", page(200, `<form action="https://hub.example/acs"><input name=SAMLResponse value="PFJlc3BvbnNlLz4="></form>`), "ok", "", fault.Guess},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write([]byte(strings.Repeat("<form><form><input name=a>", 1000))); err != nil {
					return
				}
			}
		}, "ok", "", fault.Guess},
		{"not UTF-8", page(200, "\xff\xfe<input type=\xffpassword><b\xc3"), "ok", "", fault.Guess},
		{"cut", page(200, `<form action="`+callback+`"><input name="SAMLResponse" value="`), "ok", "", fault.Guess},
		{"an address that is none", page(200, `<form action="http://%zz"><input name=SAMLResponse></form>`), "ok", "", fault.Guess},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w, s := server(t, row.handle)
			f := passive(t, w.preflight(s))
			wants(t, f, row.severity, row.code, row.sure)
			if e := fault.As(f.Err); row.code == fault.IdPPage && len(e.Alternatives) < 2 {
				t.Errorf("alternatives %v", e.Alternatives)
			}
		})
	}
}

// answering is an identity provider that answers each passive request through edit, in a form made by page.
func answering(t *testing.T, edit func(*samlidp.Response), page func(message, relay string) string) []providers.Finding {
	t.Helper()
	w, idp := newWorld(t, nil), (*samlidp.IdP)(nil)
	w.now = time.Now()
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		id := requestID(t, r)
		a := idp.Answer(samlidp.ServiceProvider{EntityID: entityID}, callback, id, jane)
		a.NoAssertion, a.Status, a.NestedStatus = true, "Responder", "NoPassive"
		edit(&a)
		fmt.Fprint(rw, page(html.EscapeString(idp.Respond(a)), html.EscapeString(r.URL.Query().Get("RelayState"))))
	}))
	t.Cleanup(srv.Close)
	k := keys().idp
	idp = samlidp.New(samlidp.Options{BaseURL: srv.URL, Key: signer(k), Certificate: k.cert, Now: w.clock})
	return w.preflight(settings{"metadata_xml": string(idp.Metadata())})
}

func autoPost(message, relay string) string {
	return `<body onload="document.forms[0].submit()"><form method="POST" action="` + callback + `"><input type="hidden" name="SAMLResponse" value="` + message + `"><input type="hidden" name="RelayState" value="` + relay + `"></form>`
}

func TestProbeAnswers(t *testing.T) {
	for _, row := range []struct {
		name     string
		edit     func(*samlidp.Response)
		severity string
		code     fault.Code
		sure     fault.Confidence
	}{
		{"no passive", func(*samlidp.Response) {}, "ok", "", fault.Proved},
		{"no passive, in words", func(r *samlidp.Response) {
			r.NestedStatus, r.StatusMessage = "", "AADSTS50058: Session information is not sufficient for single-sign-on."
		}, "ok", "", fault.Proved},
		{"bare Responder", func(r *samlidp.Response) { r.NestedStatus = "" }, "ok", "", fault.Proved},
		{"name id policy", func(r *samlidp.Response) { r.Status, r.NestedStatus = "Requester", "InvalidNameIDPolicy" }, "error", fault.SAMLNameIDPolicy, fault.Likely},
		{"another name", func(r *samlidp.Response) { r.Issuer = "https://other.example" }, "error", fault.SAMLIssuer, fault.Proved},
		{"another key", func(r *samlidp.Response) {
			k := keys().other
			r.SignResponse = &samlidp.Signature{Key: signer(k), Certificate: k.cert}
		}, "error", fault.SAMLSignatureKey, fault.Likely},
		{"fast clock", func(r *samlidp.Response) { r.IssueInstant = r.IssueInstant.Add(5 * time.Minute) }, "error", fault.SAMLClock, fault.Likely},
		{"local time", func(r *samlidp.Response) { r.IssueInstant = r.IssueInstant.Add(-2 * time.Hour) }, "error", fault.SAMLTimeZone, fault.Likely},
		{"another's answer", func(r *samlidp.Response) { r.InResponseTo = "_x" }, "error", fault.SAMLInResponseTo, ""},
		{"made out to another", func(r *samlidp.Response) { r.Destination = "https://sso.example/broker/globex/endpoint" }, "error", fault.SAMLDestination, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			wants(t, passive(t, answering(t, row.edit, autoPost)), row.severity, row.code, row.sure)
		})
	}
	t.Run("signed somebody in", func(t *testing.T) {
		list := answering(t, func(r *samlidp.Response) { r.NoAssertion, r.Status, r.NestedStatus = false, "", "" }, autoPost)
		if !slices.ContainsFunc(list, func(f providers.Finding) bool { return fault.CodeOf(f.Err) == fault.SAMLProbeAnswered }) {
			t.Errorf("%v", list)
		}
	})
	t.Run("RelayState lost", func(t *testing.T) {
		list := answering(t, func(*samlidp.Response) {}, func(m, _ string) string { return autoPost(m, "") })
		wants(t, passive(t, list), "ok", "", fault.Proved)
		if !slices.ContainsFunc(list, func(f providers.Finding) bool {
			return fault.CodeOf(f.Err) == fault.SAMLRelayState && f.Severity == "ok"
		}) {
			t.Errorf("%v", list)
		}
	})
	t.Run("nested forms", func(t *testing.T) {
		list := answering(t, func(*samlidp.Response) {}, func(m, r string) string {
			return `<form action="` + callback + `"><form action="https://evil.example"><input name=SAMLResponse value="` + m + `"><input name=RelayState value="` + r + `"></form>`
		})
		wants(t, passive(t, list), "ok", "", fault.Proved)
	})
	t.Run("in a script, in a comment", func(t *testing.T) {
		list := answering(t, func(*samlidp.Response) {}, func(m, r string) string {
			return `<script>"` + autoPost(m, r) + `"</script><!-- ` + autoPost(m, r) + ` -->`
		})
		wants(t, passive(t, list), "ok", "", fault.Guess)
	})
}

// TestProbeBinding: an address that takes POST only is told, and so is one that is nowhere.
func TestProbeBinding(t *testing.T) {
	w, s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		fmt.Fprint(w, `<input type="password">`)
	})
	f := passive(t, w.preflight(s))
	wants(t, f, "error", fault.SAMLSSOBinding, fault.Proved)
	if e := fault.As(f.Err); e.Observed != "redirect" || e.Expected != "post" {
		t.Errorf("%+v", e)
	}
	s["binding"] = "post"
	wants(t, passive(t, w.preflight(s)), "ok", "", fault.Likely)
}

// TestProbeManners: the probe says who it is, carries nothing of anybody, keeps what is set on the way, submits nothing,
// and is not sent where it is not wanted.
func TestProbeManners(t *testing.T) {
	var asked []string
	w, s := server(t, func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie("step")
		asked = append(asked, fmt.Sprint(r.Method, " ", r.URL.Path, " ", c != nil, " ", strings.Contains(r.UserAgent(), "Cloakroom")))
		if r.URL.Path == "/sso" {
			http.SetCookie(w, &http.Cookie{Name: "step", Value: "1", Path: "/"})
			http.Redirect(w, r, "/page", http.StatusFound)
			return
		}
		fmt.Fprint(w, `<form action="/submit"><input type="password"></form>`)
	})
	p := w.open(s).(providers.Preflighter)
	if p.Preflight(providers.WithoutProbes(t.Context())); len(asked) != 0 {
		t.Errorf("without probes: %q", asked)
	}
	p.Preflight(t.Context())
	if want := []string{"GET /sso false true", "GET /page true true"}; !slices.Equal(asked, want) {
		t.Errorf("%q", asked)
	}
}

// TestProbeIsBounded: one that answers never ends in time.
func TestProbeIsBounded(t *testing.T) {
	w, s := server(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	f := passive(t, w.open(s).(providers.Preflighter).Preflight(ctx))
	wants(t, f, "ok", "", fault.Guess)
	if time.Since(begun) > 3*time.Second {
		t.Error("too long")
	}
}

func TestProbeUnreachable(t *testing.T) {
	w := newWorld(t, nil)
	for code, severity := range map[fault.Code]string{fault.FetchDNS: "warning", fault.FetchTimeout: "ok", fault.FetchBlocked: "ok"} {
		s := w.settings(map[string]any{"metadata_xml": string(w.idp.Metadata())})
		s.HTTP = &http.Client{Transport: broken{code}}
		p, err := saml.New().Open(s)
		if err != nil {
			t.Fatal(err)
		}
		f := passive(t, p.(providers.Preflighter).Preflight(t.Context()))
		if f.Severity != severity || severity == "warning" && fault.CodeOf(f.Err) != code {
			t.Errorf("%s: %+v", code, f)
		}
	}
}

type broken struct{ code fault.Code }

func (b broken) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, fault.New(b.code, "idp.example")
}

func TestProbeClock(t *testing.T) {
	for ahead, want := range map[time.Duration]fault.Code{0: "", 10 * time.Minute: fault.ClockTheirs, -3 * time.Hour: fault.ClockTheirs} {
		w, s := server(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			fmt.Fprint(w, `<input type="password">`)
		})
		list := w.preflight(s)
		i := slices.IndexFunc(list, func(f providers.Finding) bool { return f.Check == "clock" })
		if i < 0 || fault.CodeOf(list[i].Err) != want {
			t.Errorf("%s: %v", ahead, list)
		}
	}
}

func requestID(t *testing.T, r *http.Request) string {
	t.Helper()
	var q struct {
		ID string `xml:",attr"`
	}
	if err := xml.Unmarshal(inflate(t, r.URL.Query().Get("SAMLRequest")), &q); err != nil {
		t.Error(err)
	}
	return q.ID
}

// FuzzProbe: whatever page comes, the probe ends in one finding and never sends anything to our own address.
func FuzzProbe(f *testing.F) {
	w := newWorld(f, nil)
	for _, seed := range []string{autoPost("PFJlc3BvbnNlLz4=", "x"), `<input type=password>`, "<form><form", "AADSTS50011", "<script>", "\xff<form action=//x><input name=SAMLResponse"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, page string) {
		s := w.settings(map[string]any{"metadata_xml": string(w.idp.Metadata()), "preset": "entra"})
		s.HTTP = serving(page)
		list := must(saml.New().Open(s)).(providers.Preflighter).Preflight(context.Background())
		if !slices.ContainsFunc(list, func(f providers.Finding) bool { return f.Check == "passive" }) {
			t.Errorf("%v", list)
		}
	})
}
