package providers_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

const home = "https://sso.example/broker/acme/endpoint"

func prober(c *http.Client) providers.Prober {
	return providers.NewProber(providers.Settings{Slug: "acme", CallbackURL: home, HTTP: c, Now: time.Now})
}

// A walk ends where it would come back to us, whichever way it does, and knows that from all else.
func TestWalk(t *testing.T) {
	form := func(action string) string {
		return `<html><form action="/search"><input name="q"></form><form method=post action="` + html.EscapeString(action) + `"><input type=hidden name="SAMLResponse" value="abc&amp;d"><input name=RelayState value=r></form><form><input name=other></form>`
	}
	var pages http.ServeMux
	for path, to := range map[string]string{
		"/query": home + "?error=login_required&state=s", "/fragment": home + "#error=login_required", "/host": "HTTPS://SSO.example/broker/acme/endpoint?a=b",
		"/two": "/query", "/other": "https://sso.example.evil.example/broker/acme/endpoint", "/below": home + "/more", "/downgraded": "ftp://x.example/",
	} {
		pages.Handle(path, http.RedirectHandler(to, http.StatusFound))
	}
	for path, body := range map[string]string{"/form": form(home), "/form-elsewhere": form("https://evil.example/"), "/page": "<html>hello", "/broken": `<form action="` + home + `"><input name="a" value="1"`} {
		pages.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, body)
		})
	}
	pages.HandleFunc("/cookie", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("seen"); err == nil {
			http.Redirect(w, r, "/query", http.StatusFound)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "1"})
		http.Redirect(w, r, "/cookie", http.StatusFound)
	})
	srv := httptest.NewServer(&pages)
	defer srv.Close()
	for _, tt := range []struct {
		path string
		back url.Values
		want fault.Code
	}{
		{"/query", url.Values{"error": {"login_required"}, "state": {"s"}}, ""},
		{"/fragment", url.Values{"error": {"login_required"}}, ""},
		{"/host", url.Values{"a": {"b"}}, ""},
		{"/two", url.Values{"error": {"login_required"}, "state": {"s"}}, ""},
		{"/cookie", url.Values{"error": {"login_required"}, "state": {"s"}}, ""},
		{"/form", url.Values{"SAMLResponse": {"abc&d"}, "RelayState": {"r"}}, ""},
		{"/form-elsewhere", nil, ""},
		{"/page", nil, ""},
		{"/broken", url.Values{}, ""},
		{"/downgraded", nil, fault.FetchRedirect},
	} {
		a := prober(srv.Client()).Walk(t.Context(), srv.URL+tt.path)
		if fmt.Sprint(a.Back) != fmt.Sprint(tt.back) || (a.Back == nil) != (tt.back == nil) || fault.CodeOf(a.Err) != tt.want {
			t.Errorf("%s: %+v", tt.path, a)
		}
	}
	if a := prober(srv.Client()).Walk(t.Context(), ":"); fault.CodeOf(a.Err) != fault.FetchFormat {
		t.Errorf("%+v", a)
	}
	for _, path := range []string{"/other", "/below"} { // no addresses of ours
		called := ""
		c := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host != strings.TrimPrefix(srv.URL, "http://") {
				called = r.URL.String()
				return nil, fault.New(fault.FetchDNS, "%s", r.URL.Host)
			}
			return http.DefaultTransport.RoundTrip(r)
		})}
		if a := prober(c).Walk(t.Context(), srv.URL+path); a.Back != nil || called == "" || fault.CodeOf(a.Err) != fault.FetchDNS {
			t.Errorf("%s: %+v, %s", path, a, called)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRobot(t *testing.T) {
	for _, tt := range []struct {
		status     int
		kind, body string
		want       bool
	}{
		{403, "text/html", "<html>no", true}, {200, "text/html", "<p>Please solve the CAPTCHA", true}, {503, "text/html", "Checking your browser", true},
		{404, "text/html", "not here", false}, {403, "application/json", `{"error":"captcha"}`, false}, {200, "text/html", "Sign in", false},
	} {
		if got := providers.Robot(tt.status, tt.kind, tt.body); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

// What a page or a token endpoint says is a stranger's: whatever it is, reading it neither panics nor goes on for long.
func FuzzWalk(f *testing.F) {
	f.Add(200, "text/html", `<form action="`+home+`"><input name=a value=b></form>`)
	f.Add(302, "", home+"?error=%zz")
	f.Add(302, "", "//sso.example")
	f.Add(400, "application/json", `{"error":"invalid_grant","error_description":"\ud800"}`)
	f.Fuzz(func(t *testing.T, status int, kind, body string) {
		c := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", body)
			w.WriteHeader(100 + abs(status)%500)
			_, _ = w.WriteString(body)
			resp := w.Result()
			resp.Request = r
			return resp, nil
		})}
		p := prober(c)
		a := p.Walk(t.Context(), "https://idp.example/authorize")
		token := p.AskToken(t.Context(), "https://idp.example/token", url.Values{}, "u", "p")
		name := func(code, said string) error { return fault.New(fault.OIDCProvider, "%s %s", code, said) }
		for _, finding := range []providers.Finding{
			providers.Passive{Preset: "entra", State: "s", Real: a, Control: a, Refusal: name}.Finding(),
			providers.Secret{Real: token, Control: token, Name: name}.Finding(),
		} {
			if finding.Severity == "" || finding.Check == "" || finding.Severity != "ok" && finding.Err == nil {
				t.Errorf("%+v", finding)
			}
		}
	})
}

func abs(n int) int {
	if n < 0 {
		n = -(n + 1)
	}
	return n
}

// A part that breaks off is said to be ours, and the others stand.
func TestTogether(t *testing.T) {
	got := providers.Together(
		func() []providers.Finding { return []providers.Finding{{Check: "a", Severity: "ok"}} },
		func() []providers.Finding { panic("out of bounds") },
		func() []providers.Finding { return []providers.Finding{{Check: "c", Severity: "ok"}} })
	if len(got) != 3 || got[0].Check != "a" || fault.CodeOf(got[1].Err) != fault.Internal || got[2].Check != "c" {
		t.Errorf("%+v", got)
	}
}
