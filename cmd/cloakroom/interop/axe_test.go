//go:build interop

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// violation is what axe-core found, with where.
type violation struct{ Rule, Impact, Where, Why string }

const runAxe = `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], resultTypes: ["violations"]}).then(r =>
  r.violations.flatMap(v => v.nodes.map(n => ({Rule: v.id, Impact: v.impact, Where: n.target.join(" "), Why: n.failureSummary}))))`

var widths = []int64{1280, 390}

// inspect lets axe-core look at the page in this theme, as wide as a desk and as a phone: nothing it calls serious may be
// there, and nothing may stick out of the window sideways.
func (b *browser) inspect(axe, name, theme string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
	if err != nil {
		b.t.Fatal(err)
	}
	for _, width := range widths {
		b.do(chromedp.EmulateViewport(width, 900))
		found, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]violation]("window.axe || (0, eval)("+quote(axe)+"); "+runAxe, chromedp.EvalAwaitPromise))
		if err != nil {
			at, body := b.seen()
			b.t.Errorf("%s: %v at %s:\n%s", name, err, at, tail(body, 500))
			return
		}
		for _, v := range found {
			said := fmt.Sprintf("%s, %s, %d px: %s (%s) at %s: %s", name, theme, width, v.Rule, v.Impact, v.Where, strings.Join(strings.Fields(v.Why), " "))
			if v.Impact == "serious" || v.Impact == "critical" {
				b.t.Error(said)
			} else {
				b.t.Log(said)
			}
		}
		over, err := chromedp.Run(b.ctx, chromedp.Evaluate[int]("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
		if err != nil || over > 0 {
			b.t.Errorf("%s, %s, %d px: %d px stick out sideways (%v)", name, theme, width, over, err)
		}
		b.picture(fmt.Sprintf("%s.%s.%d", name, theme, width))
	}
}

// picture keeps the page as it looks where CLOAKROOM_TEST_SHOTS names a folder.
func (b *browser) picture(name string) {
	dir := os.Getenv("CLOAKROOM_TEST_SHOTS")
	if dir == "" {
		return
	}
	if png, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(90)); err == nil {
		_ = os.WriteFile(filepath.Join(dir, strings.Trim(regexp.MustCompile(`[^a-zA-Z0-9.-]+`).ReplaceAllString(name, "_"), "_")+".jpg"), png, 0o600)
	}
}

func axeCore(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(asset(t, "node_modules/axe-core/axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// Every page there is, with the values of the templates' own tests.
func TestAxeSamples(t *testing.T) {
	dir := t.TempDir()
	preview := exec.Command("go", "test", "-count=1", "./templates", "-run", "TestPreview", "-preview", dir)
	preview.Dir = "../../.."
	if out, err := preview.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.en.*.html"))
	if err != nil || len(pages) < 100 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	axe, b := axeCore(t), openFor(t, 12*time.Minute)
	for _, path := range pages {
		parts := strings.Split(filepath.Base(path), ".")
		b.visit("file://" + path)
		b.inspect(axe, parts[0], parts[2])
	}
}

var (
	welcomeLink = regexp.MustCompile(`http://\S+/admin/welcome/[A-Za-z0-9_-]{43}`)
	numbers     = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-Z]{4}-[0-9A-Z]{4}|[0-9]+`)
)

// The console of an installation in use, and what a visitor sees of it.
func TestAxeLive(t *testing.T) {
	b := startBroker(t)
	inhabit(b)
	axe, br := axeCore(t), openFor(t, 12*time.Minute)
	_, err := chromedp.Call(br.ctx, webauthn.Enable, webauthn.EnableParams{})
	if err == nil {
		_, err = chromedp.Call(br.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
	}
	if err != nil {
		t.Fatal(err)
	}
	br.visit(welcomeLink.FindString(b.String()))
	br.fill(b.URL, "#email", "eva@example.org\r")
	br.do(chromedp.WaitVisible(chromedp.CSS("form[data-passkey] button")))
	br.fill(b.URL, "#passkey-name", "Laptop")
	br.click(b.URL, "form[data-passkey] button")
	br.shown(b.URL, `form[action="/admin/signout"]`)
	b.api("POST", "/operators", obj{"email": "max@example.org", "role": "support", "realms": []string{"acme"}}, 201, nil)

	var link struct{ URL string }
	b.api("POST", "/realms/acme/setup-links", obj{"presets": []string{"okta", "entra"}, "note": "By Friday, please."}, 201, &link)
	todo := []string{b.URL + "/admin", b.URL + "/admin/search?q=a", b.URL + "/admin/realms/acme/connections/new", link.URL, b.URL + "/help", b.URL + "/help/faults", b.URL + "/help/providers/entra", b.URL + "/help/faults/saml.audience_mismatch", b.URL + "/login", b.URL + "/broker/silent/login?client_id=app", b.URL + "/realms/acme/protocol/openid-connect/auth?client_id=app&response_type=code&scope=openid&redirect_uri=http://app.example/cb&state=x&nonce=y&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"}
	seen := map[string]bool{}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		path, _, _ := strings.Cut(strings.TrimPrefix(at, b.URL), "#")
		path, _, _ = strings.Cut(path, "?")
		kind := numbers.ReplaceAllString(path, "N")
		if seen[kind] {
			continue
		}
		seen[kind] = true
		br.visit(at)
		if now, _ := br.seen(); strings.Contains(now, "/admin/signin") && kind != "/admin/signin" {
			t.Fatalf("%s leads to %s", at, now)
		}
		for _, theme := range []string{"light", "dark"} {
			br.inspect(axe, kind, theme)
		}
		found, err := chromedp.Run(br.ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll("a[href]")].map(a => a.href)`))
		if err != nil {
			t.Fatal(err)
		}
		todo = append(todo, slices.DeleteFunc(found, func(s string) bool { return !strings.HasPrefix(s, b.URL+"/admin") })...)
	}
	t.Logf("%d pages", len(seen))
	if len(seen) < 60 {
		t.Errorf("only %d pages were found: %v", len(seen), seen)
	}
}

// inhabit makes a customer with one of each thing.
func inhabit(b *broker) {
	b.t.Helper()
	b.api("POST", "/realms", obj{"name": "acme", "display_name": "Acme, a Company With a Long Name & Sons International"}, 201, nil)
	b.api("POST", "/realms/acme/domains", obj{"domain": "acme.example", "verified": true}, 201, nil)
	b.api("POST", "/realms/acme/domains", obj{"domain": "a-rather-long-label-of-a-domain.subsidiary.acme.example"}, 201, nil)
	b.client("app", obj{"display_name": "The App", "redirect_uris": []string{"http://app.example/cb"}, "client_uri": "http://app.example/"})
	b.api("PATCH", "/realms/acme", obj{"default_client_id": "app", "local_login": []string{"email_code", "password"}}, 200, nil)
	b.connect("silent", obj{"protocol": "oidc", "enabled": true, "display_name": "Silent", "domains": []string{"acme.example"}, "oidc": obj{"issuer": "http://127.0.0.1:9/a/very/long/path/of/an/issuer/that/does/not/answer", "client_id": "c", "client_secret": "0123456789abcdef", "client_secret_expires_at": time.Now().Add(5 * 24 * time.Hour)}})
	b.connect("other", obj{"protocol": "oidc", "enabled": true, "display_name": "Other", "preset": "google", "oidc": obj{"issuer": "http://127.0.0.1:9/", "client_id": "c", "client_secret": "0123456789abcdef"}})
	b.api("POST", "/realms/acme/drafts", obj{"preset": "okta", "protocol": "saml"}, 201, nil)
	b.api("POST", "/realms/acme/connections/silent/check", nil, 200, nil)
	b.api("POST", "/realms/acme/groups", obj{"name": "engineering", "description": "Whoever builds"}, 201, nil)
	b.api("POST", "/realms/acme/invites", obj{"email": "new@acme.example", "note": "Welcome"}, 201, nil)
	b.api("POST", "/realms/acme/users", obj{"email": "ada@acme.example", "name": "Ada Byron", "manual_groups": []string{"engineering"}}, 201, nil)
	b.api("POST", "/realms/acme/webhooks", obj{"name": "Chat", "url": "https://127.0.0.1/hook", "events": []string{"*"}, "enabled": false}, 201, nil)
	b.api("POST", "/webhooks", obj{"name": "All", "url": "https://127.0.0.1/hook", "events": []string{"*"}, "enabled": false}, 201, nil)
	b.api("POST", "/apikeys", obj{"name": "ci", "role": "auditor"}, 201, nil)
}
