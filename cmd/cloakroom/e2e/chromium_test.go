package e2e

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"cloakroom/broker/demo"
	"cloakroom/providers/providertest/oidcop"
	"cloakroom/templates"
)

// chromium starts a real browser, or skips the test with a line that says how to install one.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		if required("chromium") {
			t.Fatal("no Chromium to test with: apt-get install chromium")
		}
		t.Skip("no Chromium to test with: apt-get install chromium")
	}
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("ignore-certificate-errors", true),
		chromedp.Flag("host-resolver-rules", "MAP *.localhost 127.0.0.1"),
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return ctx
}

// town is a broker, its identity providers and an application, every one on a site of its own, as in life: cookies that a
// browser would not send across sites do not arrive.
type town struct {
	*world
	app string // origin of the demo app
}

// local dials *.localhost names, which not every resolver knows.
func local() *http.Client {
	var d net.Dialer
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if host, port, err := net.SplitHostPort(addr); err == nil && strings.HasSuffix(host, ".localhost") {
				addr = "127.0.0.1:" + port
			}
			return d.DialContext(ctx, network, addr)
		},
	}}
}

func newTown(t *testing.T) *town { return newTownWith(t, nil) }

// newTownWith is newTown with further settings of the broker.
func newTownWith(t *testing.T, settings map[string]string) *town {
	t.Helper()
	port := freePort(t)
	set := map[string]string{"BASE_URL": "http://sso.localhost:" + port, "LISTEN": "127.0.0.1:" + port}
	maps.Copy(set, settings)
	i := start(t, set)
	w := &town{world: &world{instance: i}}
	appPort := freePort(t)
	w.app = "http://app.localhost:" + appPort
	pages, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	const secret = "a-secret-of-the-demo-application"
	a := &demo.App{
		Pages: pages, Broker: i.URL, Self: w.app, ClientID: "demo-app", Secret: secret, HTTP: local(), Now: time.Now,
		SignIns: []demo.SignIn{{Realm: "acme", Label: "Acme"}, {Realm: "globex", Label: "Globex"}},
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+appPort)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: a.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	for _, realm := range []string{"acme", "globex"} {
		i.api("POST", "/realms", obj{"name": realm, "display_name": strings.ToUpper(realm[:1]) + realm[1:]}, 201, nil)
		i.api("POST", "/realms/"+realm+"/domains", obj{"domain": realm + ".example", "verified": true}, 201, nil)
		i.api("POST", "/realms/"+realm+"/clients", obj{
			"client_id": "demo-app", "protocol": "oidc", "display_name": "Demo app", "enabled": true, "client_secret": secret,
			"redirect_uris": []string{w.app + "/callback"}, "post_logout_redirect_uris": []string{w.app + "/"},
			"client_uri": w.app + "/app", "initiate_login_uri": w.app + "/signin?realm=" + realm,
		}, 201, nil)
		i.api("PATCH", "/realms/"+realm, obj{"default_client_id": "demo-app"}, 200, nil)
	}
	w.idp = w.addSAML(t, "acme", "acme-saml", "acme.example")
	w.addOIDC(t, "globex", "globex-oidc", "globex.example", obj{})
	return w
}

// addOIDC starts an OpenID provider and connects it.
func (w *world) addOIDC(tb testing.TB, realm, slug, domain string, extra obj) *oidcop.OP {
	tb.Helper()
	var op *oidcop.OP
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { op.ServeHTTP(rw, r) }))
	tb.Cleanup(srv.Close)
	o := oidcop.Options{
		Issuer: srv.URL, Now: time.Now,
		Clients: []oidcop.Client{{ID: "cloakroom", Secret: "upstream-secret-of-the-test"}},
		Users: []oidcop.User{
			{Username: "carol", Email: "carol@" + domain, EmailVerified: true, Name: "Carol Example", GivenName: "Carol", FamilyName: "Example"},
			{Username: "dan", Email: "dan@" + domain, EmailVerified: true, Name: "Dan Example"},
		},
	}
	if u, ok := extra["auto_approve"].(string); ok {
		o.AutoApprove = u
		delete(extra, "auto_approve")
	}
	op = oidcop.New(o)
	conn := obj{"slug": slug, "protocol": "oidc", "enabled": true, "domains": []string{domain}}
	section := obj{"issuer": srv.URL, "client_id": "cloakroom", "client_secret": "upstream-secret-of-the-test"}
	for k, v := range extra {
		section[k] = v
	}
	conn["oidc"] = section
	w.api("POST", "/realms/"+realm+"/connections", conn, 201, nil)
	return op
}

// seen answers what the page says now.
func seen(ctx context.Context) (at, body string) {
	at, _ = chromedp.Run(ctx, chromedp.Location())
	body, _ = chromedp.Run(ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''"))
	return at, body
}

// want waits until the browser is at an address that begins with where, and the page's text holds s.
func want(t *testing.T, ctx context.Context, where, s string) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for {
		at, body := seen(ctx)
		if strings.HasPrefix(at, where) && strings.Contains(body, s) {
			return
		}
		if time.Now().After(deadline) {
			shoot(ctx, t.Name())
			t.Fatalf("no %q at %s:\n%s", s, at, body)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// shoot keeps a picture of the page where CLOAKROOM_TEST_SHOTS names a folder.
func shoot(ctx context.Context, name string) {
	dir := os.Getenv("CLOAKROOM_TEST_SHOTS")
	if dir == "" {
		return
	}
	if png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
		_ = os.WriteFile(dir+"/"+strings.ReplaceAll(name, "/", "-")+".png", png, 0o600)
	}
}

func do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		at, body := seen(ctx)
		shoot(ctx, t.Name())
		t.Fatalf("%v at %s:\n%s", err, at, body)
	}
}

// back presses the Back button. A page out of the browser's cache fires no load event, so there is nothing to wait for.
func back(t *testing.T, ctx context.Context) {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[any]("setTimeout(() => history.back(), 0), null")); err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.Sleep(700*time.Millisecond))
}

// The two sign-ins a newcomer clicks, each party on its own site: the SAML answer is a cross-site POST without a cookie.
func TestBrowser(t *testing.T) {
	w := newTown(t)

	t.Run("SAML", func(t *testing.T) {
		ctx := chromium(t)
		do(t, ctx, chromedp.Navigate(w.app+"/signin?realm=acme"), chromedp.Click(chromedp.CSS(`button[value="ada"]`)))
		want(t, ctx, w.app, "ada@acme.example")
		shoot(ctx, "app-saml")

		// Back leads to pages of a finished sign-in: none of them is blank, none is an error of ours.
		back(t, ctx)
		if at, body := seen(ctx); strings.TrimSpace(body) == "" && at != "about:blank" {
			t.Errorf("Back leads to a blank page at %s", at)
		}

		// Another sign-in needs no page: there is a session.
		do(t, ctx, chromedp.Navigate(w.app+"/signin?realm=acme"))
		want(t, ctx, w.app, "ada@acme.example")

		// Signing out ends it: the next sign-in asks again.
		do(t, ctx, chromedp.Submit(chromedp.CSS(`form[action="/signout"]`)))
		deadline := time.Now().Add(10 * time.Second)
		for {
			if at, _ := seen(ctx); at == w.app+"/" {
				break
			}
			if time.Now().After(deadline) {
				at, body := seen(ctx)
				t.Fatalf("not back at the app after signing out: %s\n%s", at, body)
			}
			time.Sleep(50 * time.Millisecond)
		}
		do(t, ctx, chromedp.Navigate(w.app+"/signin?realm=acme"))
		want(t, ctx, "http://127.0.0.1:", "Bob Boole")
	})

	t.Run("OIDC", func(t *testing.T) {
		ctx := chromium(t)
		do(t, ctx, chromedp.Navigate(w.app+"/signin?realm=globex"), chromedp.Click(`//button[contains(., "Carol")]`))
		want(t, ctx, w.app, "carol@globex.example")
	})

	t.Run("by address, from the broker's own page", func(t *testing.T) {
		ctx := chromium(t)
		do(t, ctx, chromedp.Navigate(w.URL+"/login"), chromedp.SendKeys(chromedp.CSS(`input[name="email"]`), "ada@acme.example\r"))
		do(t, ctx, chromedp.Click(chromedp.CSS(`button[value="ada"]`)))
		want(t, ctx, w.app, "ada@acme.example")
	})

	t.Run("two tabs", func(t *testing.T) {
		first := chromium(t)
		do(t, first, chromedp.Navigate(w.app+"/signin?realm=acme"), chromedp.WaitVisible(chromedp.CSS(`button[value="ada"]`)))
		second, cancel := chromedp.NewContext(first)
		defer cancel()
		do(t, second, chromedp.Navigate(w.URL+"/broker/acme-saml/login"), chromedp.Click(chromedp.CSS(`button[value="ada"]`)))
		want(t, second, w.app, "ada@acme.example")
		// The first tab's sign-in is still good at the broker; the app has begun a newer one and says so itself.
		do(t, first, chromedp.Click(chromedp.CSS(`button[value="ada"]`)))
		want(t, first, w.app, "This answer belongs to no sign-in")
	})

	t.Run("a finished sign-in, again", func(t *testing.T) {
		ctx := chromium(t)
		do(t, ctx, chromedp.Navigate(w.app+"/signin?realm=globex"), chromedp.WaitVisible(`//button[contains(., "Carol")]`))
		do(t, ctx, chromedp.Click(`//button[contains(., "Carol")]`))
		want(t, ctx, w.app, "carol@globex.example")
		back(t, ctx)
		at, body := seen(ctx)
		if strings.TrimSpace(body) == "" && at != "about:blank" {
			t.Errorf("blank page at %s", at)
		}
	})

	t.Run("without the cookie", func(t *testing.T) {
		ctx := chromium(t)
		do(t, ctx, chromedp.Navigate(w.URL+"/realms/acme/login/7KQ2-MX9D"))
		_, body := seen(ctx)
		if !strings.Contains(body, "cookie") {
			t.Errorf("the page does not speak of cookies:\n%s", body)
		}
		shoot(ctx, "no-cookie")
	})
}
