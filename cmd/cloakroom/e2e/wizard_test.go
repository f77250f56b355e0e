package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"cloakroom/providers/providertest/oidcop"
	"cloakroom/providers/providertest/samlidp"
)

// hand is an operator's: it counts what it does in the console from /admin to a test login that went through.
type hand struct {
	t              *testing.T
	ctx            context.Context
	clicks, fields int
}

func (h *hand) click(css string) {
	h.t.Helper()
	h.clicks++
	waitFor(h.t, h.ctx, fmt.Sprintf("!!document.querySelector(%q)", css)) // not by chromedp, which loses track of elements that are replaced
	do(h.t, h.ctx, chromedp.Click(chromedp.CSS(css)))
}

// fill puts a text into a field as pasting does, and leaves it.
func (h *hand) fill(css, text string) {
	h.t.Helper()
	h.fields++
	do(h.t, h.ctx, chromedp.WaitVisible(chromedp.CSS(css)))
	waitFor(h.t, h.ctx, `document.readyState === "complete"`) // the page's modules have run
	_, err := chromedp.Run(h.ctx, chromedp.Evaluate[any](fmt.Sprintf("{const f = document.querySelector(%q); f.focus(); document.execCommand('insertText', false, %q); f.blur()}", css, text)))
	if err != nil {
		h.t.Fatal(err)
	}
}

// elsewhere goes on in the window that a click opens.
func (h *hand) elsewhere(css string) *hand {
	h.t.Helper()
	opened := chromedp.WaitNewTarget(h.ctx, func(i *target.Info) bool { return i.Type == "page" })
	h.click(css)
	select {
	case id := <-opened:
		ctx, cancel := chromedp.NewContext(h.ctx, chromedp.WithTargetID(id))
		h.t.Cleanup(cancel)
		return &hand{t: h.t, ctx: ctx}
	case <-time.After(15 * time.Second):
		shoot(h.ctx, h.t.Name())
		h.t.Fatal("the test opened no window")
	}
	return nil
}

// vendor is an identity provider that behaves as a product does, and what an administrator copies out of its console.
type vendor struct {
	name, tile, slug string
	copies           int // of our values
	bring            func() string
	person           string // what to click there
}

// samlVendor starts one that reads our metadata as an administrator would have entered it.
func samlVendor(t *testing.T, i *instance, like samlidp.Vendor, slug string) *samlidp.IdP {
	t.Helper()
	var idp *samlidp.IdP
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { idp.Handler().ServeHTTP(rw, r) }))
	t.Cleanup(srv.Close)
	read := sync.OnceValues(func() (samlidp.ServiceProvider, error) {
		res, err := http.Get("http://" + i.addr + "/broker/" + slug + "/metadata")
		if err != nil {
			return samlidp.ServiceProvider{}, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			return samlidp.ServiceProvider{}, err
		}
		return samlidp.ParseServiceProvider(b)
	})
	idp = samlidp.New(samlidp.Options{
		BaseURL: srv.URL, Now: time.Now, Like: like,
		Users: []samlidp.User{
			{ID: "ada", Email: "ada@acme.example", GivenName: "Ada", FamilyName: "Byron"}, {ID: "bob", Email: "bob@acme.example", GivenName: "Bob", FamilyName: "Boole"},
		},
		ServiceProvider: func(id string) (samlidp.ServiceProvider, bool) {
			sp, err := read()
			return sp, err == nil && id == sp.EntityID
		},
	})
	return idp
}

// entraVendor starts one like Entra ID, with the block of lines that its console's pages give.
func entraVendor(t *testing.T) string {
	t.Helper()
	const tenant, client, secret = "11111111-2222-3333-4444-555555555555", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", "abc8Q~0123456789abcdefghijABCDEFGHIJ0123"
	var op *oidcop.OP
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { op.ServeHTTP(rw, r) }))
	t.Cleanup(srv.Close)
	claims := func(oid string) map[string]any { return map[string]any{"tid": tenant, "oid": oid} }
	op = oidcop.New(oidcop.Options{
		Issuer: srv.URL + "/" + tenant + "/v2.0", Now: time.Now, Like: oidcop.LikeEntra, Clients: []oidcop.Client{{ID: client, Secret: secret}},
		Users: []oidcop.User{
			{Username: "ada", Email: "ada@acme.example", Name: "Ada Byron", Claims: claims("99999999-0000-0000-0000-000000000001")},
			{Username: "bob", Email: "bob@acme.example", Name: "Bob Boole", Claims: claims("99999999-0000-0000-0000-000000000002")},
		},
	})
	// The issuer is the one line more than there: this directory is not at Microsoft's address.
	return "Application (client) ID: " + client + "\nDirectory (tenant) ID: " + tenant + "\nValue: " + secret + "\nIssuer: " + srv.URL + "/" + tenant + "/v2.0"
}

const timings = "../../../docs/time-to-first-login.md"

// From /admin to the first test login that goes through, by the real pages: what is typed and clicked for four providers
// is counted, and stands in the documentation.
func TestTimeToFirstLogin(t *testing.T) {
	i := start(t, nil)
	i.api("POST", "/realms", obj{"name": "acme", "display_name": "Acme"}, 201, nil)
	i.api("POST", "/realms/acme/domains", obj{"domain": "acme.example", "verified": true}, 201, nil)
	ctx := chromium(t)
	authenticator(t, ctx)
	do(t, ctx, chromedp.Navigate(i.welcome(t)), chromedp.SendKeys(chromedp.CSS(`#email`), "eva@example.org\r"), chromedp.WaitVisible(chromedp.CSS(`form[data-passkey] button`)),
		chromedp.Click(chromedp.CSS(`form[data-passkey] button`)), chromedp.WaitVisible(chromedp.CSS(`form[action="/admin/signout"]`)))

	written, err := os.ReadFile(timings)
	if err != nil {
		t.Fatal(err)
	}
	saml := func(like samlidp.Vendor, slug string, whole bool) func() string {
		return func() string {
			idp := samlVendor(t, i, like, slug)
			if whole {
				return string(idp.Metadata())
			}
			return idp.BaseURL + "/metadata"
		}
	}
	for _, v := range []vendor{
		{"Okta, SAML", "okta saml", "acme-okta", 2, saml("okta", "acme-okta", false), `button[value="ada"]`},
		{"Microsoft Entra ID, OpenID Connect", "entra oidc", "acme-entra", 1, func() string { return entraVendor(t) }, `button[value="ada"]`},
		{"AD FS, SAML", "adfs saml", "acme-adfs", 1, saml("adfs", "acme-adfs", false), `button[value="ada"]`},
		{"Google Workspace, SAML", "google saml", "acme-google", 2, saml("google", "acme-google", true), `button[value="ada"]`},
	} {
		t.Run(v.name, func(t *testing.T) {
			began := time.Now()
			h := &hand{t: t, ctx: ctx}
			do(t, ctx, chromedp.Navigate(i.URL+"/admin"))
			h.click(`a[href="/admin/connections/new"]`)
			h.click(`button[value="` + v.tile + `"]`)
			want(t, ctx, i.URL+"/admin/realms/acme/connections/"+v.slug+"/setup", "Bring this back")
			h.clicks += v.copies // the copy buttons: this browser has no clipboard to look into
			h.fill("#paste", v.bring())
			// By script: what chromedp waits for is lost where the page's own script puts other elements in its place.
			waitFor(t, ctx, `!!document.querySelector("#verdict .flash.good") && !!document.querySelector("form[data-test] button")`)
			waitFor(t, ctx, `!document.querySelector("[data-check-due]")`)
			popup := h.elsewhere(`form[data-test] button`)
			popup.click(v.person)
			h.clicks += popup.clicks
			want(t, ctx, i.URL, "ada@acme.example")
			if status, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.getElementById("wizard").dataset.testStatus`)); status != "passed" {
				_, body := seen(ctx)
				shoot(ctx, t.Name())
				t.Fatalf("the page says that the test %s:\n%s", status, body)
			}
			focus, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.activeElement.id`))
			if focus != "test-title" {
				t.Errorf("the focus is at %q", focus)
			}
			if h.fields != 1 || h.clicks > 8 {
				t.Errorf("%d fields and %d clicks", h.fields, h.clicks)
			}
			row := fmt.Sprintf("| %s | %d | %d |", v.name, h.fields, h.clicks)
			t.Logf("%s in %s by script", row, time.Since(began).Round(time.Second/10))
			if !strings.Contains(string(written), row) {
				t.Errorf("docs/time-to-first-login.md does not have the row\n%s", row)
			}
			shoot(ctx, t.Name())
		})
	}

	t.Run("switched on", func(t *testing.T) {
		do(t, ctx, chromedp.Click(chromedp.CSS(`form[action$="/setup/on"] button`)))
		want(t, ctx, i.URL, "Everyone can sign in through this connection")
	})
}

func waitFor(t *testing.T, ctx context.Context, js string) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](js)); err == nil && ok {
			return
		}
	}
	shoot(ctx, t.Name())
	_, body := seen(ctx)
	t.Fatalf("never: %s\n%s", js, body)
}

// The wizard needs no script: providers are found by what people call them, the customer is made with its first
// connection, a wrong paste is refused with its reason, a right one is saved and checked at once.
func TestWizardWithoutScript(t *testing.T) {
	i := start(t, nil)
	eva := newVisitor()
	enrols(t, eva, i.welcome(t))
	p, err := eva.get(i.URL + "/admin/connections/new?q=azure")
	if err != nil || !strings.Contains(p.Body, "Microsoft Entra ID") || strings.Contains(p.Body, "JumpCloud") {
		t.Fatalf("%v, %s", err, p)
	}
	if p, err = eva.get(i.URL + "/admin/connections/new"); err != nil || !strings.Contains(p.Body, `value="active-directory ldap"`) {
		t.Fatalf("%v, %s", err, p)
	}
	choose := func(n *html.Node) bool { return attr(n, "method") == "post" && byAction("/admin/connections/new")(n) }
	p, err = eva.submit(p, choose, url.Values{"realm": {"Acme & Söhne"}, "choice": {"okta saml"}})
	const at = "/admin/realms/acme-s-hne/connections/acme-s-hne-okta/setup"
	if err != nil || p.Status != 200 || p.URL.Path != at {
		t.Fatalf("%v, %s", err, p)
	}
	paste := func(text string) *page {
		t.Helper()
		out, err := eva.submit(p, byAction(at), url.Values{"text": {text}})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	got := paste("https://acme-admin.okta.com/admin/app/x\"><script>alert(1)</script>")
	if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "Nothing was saved") || strings.Contains(got.Body, "<script>alert") {
		t.Errorf("an address of the console: %s", got)
	}
	idp := samlVendor(t, i, "okta", "acme-s-hne-okta")
	got = paste(idp.BaseURL + "/metadata")
	if got.Status != 200 || !strings.Contains(got.Body, "saved.") || strings.Contains(got.Body, "Not checked yet") {
		t.Errorf("the right one: %s", got)
	}
	if p, err = eva.submit(got, byAction("/setup/domain"), url.Values{"domain": {"Acme.example"}}); err != nil || !strings.Contains(p.Body, "acme.example") || !strings.Contains(p.Body, "not verified") {
		t.Errorf("a domain: %v, %s", err, p)
	}
	if p, err = eva.submit(p, byAction("/setup/copied"), nil); err != nil || !strings.Contains(p.Body, "The values are entered there.") {
		t.Errorf("the tick: %v, %s", err, p)
	}
	entra, err := eva.get(i.URL + "/admin/realms/acme-s-hne/connections/new")
	if err != nil {
		t.Fatal(err)
	}
	entra, err = eva.submit(entra, func(n *html.Node) bool {
		return attr(n, "method") == "post" && strings.HasSuffix(attr(n, "action"), "/connections/new")
	}, url.Values{"choice": {"entra oidc"}})
	if err != nil || entra.Status != 200 {
		t.Fatalf("%v, %s", err, entra)
	}
	entra, err = eva.submit(entra, byAction(entra.URL.Path), url.Values{"text": {"Value: 4fX8Q~abcdefghijklmnopqrstuvwxyz0123456789"}, "ends": {"2027-11-21"}})
	if err != nil || entra.Status != 200 || !strings.Contains(entra.Body, `<time datetime="2027-11-21">`) {
		t.Errorf("a secret with its end: %v, %s", err, entra)
	}
	if p, err = eva.get(i.URL + at + "/test"); err != nil || strings.TrimSpace(p.Body) != `{"ref":"","status":""}` {
		t.Errorf("no test yet: %v, %s", err, p)
	}
}
