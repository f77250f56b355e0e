package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/broker/web"
	"cloakroom/store/seal"
	"cloakroom/templates"
)

type realms map[string]*broker.Realm

func (r realms) Realm(_ context.Context, name string) (*broker.Realm, error) {
	if v, ok := r[name]; ok {
		return v, nil
	}
	return nil, broker.ErrNotFound
}

func (r realms) Client(context.Context, string, string) (*broker.Client, error) {
	return nil, broker.ErrNotFound
}

func newWeb(t *testing.T, logo string) (*web.Web, http.Handler) {
	t.Helper()
	pages, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := seal.New([][]byte{make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	w := &web.Web{
		Pages: pages, Realms: realms{"acme": {Name: "acme", Branding: broker.Branding{LogoURL: logo}, Meta: broker.Meta{Version: 3}}},
		Cookies: &web.Cookies{Sealer: ring, Secure: true, MaxAge: time.Hour, Now: time.Now},
		Limits:  web.NewLimits(time.Now), Logos: web.NewLogos(http.DefaultClient, time.Now), BaseURL: "https://sso.example",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}
	e := w.Engine()
	w.Mount(e)
	return w, e
}

func TestClientIP(t *testing.T) {
	w, _ := newWeb(t, "")
	for _, tt := range []struct{ peer, standard, want string }{
		{"10.0.0.1:99", "for=198.51.100.7;proto=https;by=10.0.0.1", "198.51.100.7"},
		{"10.0.0.1:99", `for=203.0.113.5, For="198.51.100.7:4711"`, "198.51.100.7"},
		{"10.0.0.1:99", `for="[2001:db8::7]:4711"`, "2001:db8::7"},
		{"10.0.0.1:99", "for=_hidden", "10.0.0.1"},
		{"192.0.2.1:99", "for=198.51.100.7", "192.0.2.1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tt.peer
		r.Header.Set("Forwarded", tt.standard)
		if got := w.ClientIP(r); got != tt.want {
			t.Errorf("%s with Forwarded %q: %s, want %s", tt.peer, tt.standard, got, tt.want)
		}
	}
	for _, tt := range []struct{ peer, forwarded, want string }{
		{"192.0.2.1:99", "", "192.0.2.1"},
		{"192.0.2.1:99", "198.51.100.7", "192.0.2.1"}, // a stranger's word
		{"10.0.0.1:99", "198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:99", "203.0.113.5, 198.51.100.7", "198.51.100.7"},  // what the client itself wrote is not believed
		{"10.0.0.1:99", "198.51.100.7, 10.0.0.2", "198.51.100.7"},     // two proxies of ours
		{"10.0.0.1:99", "203.0.113.5, rubbish, 10.0.0.2", "10.0.0.2"}, // nothing beyond what cannot be read
		{"[2001:db8::1]:99", "198.51.100.7", "2001:db8::1"},
		{"[::ffff:10.0.0.1]:99", "198.51.100.7", "198.51.100.7"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tt.peer
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if got := w.ClientIP(r); got != tt.want {
			t.Errorf("%s with %q: %s, want %s", tt.peer, tt.forwarded, got, tt.want)
		}
	}
}

// cookiesOf carries what a response set to the next request, as a browser would.
func cookiesOf(rec *httptest.ResponseRecorder) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range rec.Result().Cookies() {
		if c.MaxAge >= 0 {
			r.AddCookie(c)
		}
	}
	return r
}

func TestLoginCookie(t *testing.T) {
	w, _ := newWeb(t, "")
	c := w.Cookies
	l := &broker.Login{ID: broker.NewLoginID(), Realm: "acme", ClientID: "app", Request: []byte(`{"a":1}`), Begun: time.Now()}
	rec := httptest.NewRecorder()
	if !c.KeepLogin(rec, httptest.NewRequest(http.MethodGet, "/", nil), l) {
		t.Fatal("does not fit")
	}
	got := rec.Result().Cookies()[0]
	if !strings.HasPrefix(got.Name, "__Host-") || !got.Secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" {
		t.Errorf("cookie: %v", got)
	}
	if strings.Contains(got.Value, "acme") {
		t.Error("the cookie can be read")
	}
	r := cookiesOf(rec)
	if back, done := c.Login(r, l.ID); back == nil || done || string(back.Request) != `{"a":1}` {
		t.Errorf("back: %v, %v", back, done)
	}
	if back, _ := c.LoginByRef(r, strings.ToLower(l.Ref())); back == nil {
		t.Error("not found by its reference")
	}
	// A cookie under another login's name opens nothing.
	other := broker.NewLoginID()
	forged := httptest.NewRequest(http.MethodGet, "/", nil)
	forged.AddCookie(&http.Cookie{Name: strings.Replace(got.Name, l.ID, other, 1), Value: got.Value})
	if back, _ := c.Login(forged, other); back != nil {
		t.Error("a cookie was taken for another login")
	}
	rec = httptest.NewRecorder()
	c.BuryLogin(rec, l)
	if back, done := c.Login(cookiesOf(rec), l.ID); back == nil || !done || back.Request != nil {
		t.Errorf("tombstone: %v, %v", back, done)
	}
	c.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if back, _ := c.Login(r, l.ID); back != nil {
		t.Error("an expired login is still there")
	}
}

// A browser with many logins under way keeps the newest; a huge one does not fit.
func TestLoginCookieBounds(t *testing.T) {
	w, _ := newWeb(t, "")
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	jar := map[string]*http.Cookie{}
	var first, last string
	for n := range 9 {
		l := &broker.Login{ID: broker.NewLoginID(), Realm: "acme", Begun: time.Now().Add(time.Duration(n) * time.Second)}
		if n == 0 {
			first = l.ID
		}
		last = l.ID
		rec := httptest.NewRecorder()
		w.Cookies.KeepLogin(rec, r, l)
		for _, c := range rec.Result().Cookies() {
			if c.MaxAge < 0 {
				delete(jar, c.Name)
			} else {
				jar[c.Name] = c
			}
		}
		r = httptest.NewRequest(http.MethodGet, "/", nil)
		for _, c := range jar {
			r.AddCookie(c)
		}
	}
	if len(jar) > 5 {
		t.Errorf("%d cookies", len(jar))
	}
	if l, _ := w.Cookies.Login(r, first); l != nil {
		t.Error("the oldest is still there")
	}
	if l, _ := w.Cookies.Login(r, last); l == nil {
		t.Error("the newest is gone")
	}
	huge := &broker.Login{ID: broker.NewLoginID(), Request: []byte(`"` + strings.Repeat("x", 5000) + `"`), Begun: time.Now()}
	if w.Cookies.KeepLogin(httptest.NewRecorder(), r, huge) {
		t.Error("5,000 bytes fit a cookie")
	}
}

func TestLogo(t *testing.T) {
	served := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/logo.png", func(w http.ResponseWriter, _ *http.Request) {
		served++
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write([]byte("\x89PNG"))
	})
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html><script>")) })
	mux.HandleFunc("/huge", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(make([]byte, 1<<20))
	})
	host := httptest.NewServer(mux)
	defer host.Close()
	for path, want := range map[string]int{"/logo.png": 200, "/page": 404, "/huge": 404, "/none": 404} {
		_, h := newWeb(t, host.URL+path)
		for range 2 {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/realms/acme/logo?v=3", nil))
			if rec.Code != want {
				t.Errorf("%s: %d, want %d", path, rec.Code, want)
			}
			if want == 200 && !strings.Contains(rec.Header().Get("Content-Security-Policy"), "sandbox") {
				t.Error("a logo opened by itself may run scripts")
			}
		}
	}
	if served != 1 {
		t.Errorf("fetched %d times", served)
	}
}

// An error page tells people to read out a reference, so there is one on each, also where no login is known.
func TestErrorPagesHaveAReference(t *testing.T) {
	_, h := newWeb(t, "")
	ref := regexp.MustCompile(`[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}`)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/nothing", nil))
	if !ref.MatchString(rec.Body.String()) {
		t.Errorf("no reference on %s", rec.Body)
	}
}

// TestProblems: what reaches no operation of the API is told as one of its problems, a wrong method too.
func TestProblems(t *testing.T) {
	w, _ := newWeb(t, "")
	e := w.Engine()
	e.GET("/api/v1/realms", func(*gin.Context) {})
	w.Mount(e)
	for target, want := range map[string]string{"GET /api/v1/nothing": "404 not_found", "PUT /api/v1/realms": "405 method_not_allowed"} {
		method, path, _ := strings.Cut(target, " ")
		rec := httptest.NewRecorder()
		e.ServeHTTP(rec, httptest.NewRequest(method, path, nil))
		var p struct{ Code, Detail, Fix, Title, Type string }
		if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(rec.Code, " ", p.Code); got != want || rec.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s %s", target, got, rec.Header().Get("Content-Type"))
		}
		if p.Detail == "" || p.Fix == "" || p.Title == "" || p.Type != "/help/faults/"+p.Code {
			t.Errorf("%s: %+v", target, p)
		}
	}
}

func TestNowhere(t *testing.T) {
	_, h := newWeb(t, "")
	for path, kind := range map[string]string{"/nothing": "text/html", "/api/v1/nothing": "application/problem+json", "/static/none.css": "text/html", "/help/faults/none": "text/html"} {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		if rec.Code != 404 || !strings.HasPrefix(rec.Header().Get("Content-Type"), kind) {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Header().Get("Content-Type"))
		}
		if rec.Header().Get("Content-Security-Policy") == "" || rec.Header().Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: headers %v", path, rec.Header())
		}
	}
}
