package e2e

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"cloakroom/providers/providertest/samlidp"
)

// setupLink is a link as the API made it.
type setupLink struct {
	ID, URL, State, Connection, Next string
	DoneAt                           time.Time `json:"done_at"`
}

func (i *instance) setupLink(realm string, body obj) (l setupLink) {
	i.tb.Helper()
	i.api("POST", "/realms/"+realm+"/setup-links", body, 201, &l)
	return l
}

func (l setupLink) token() string { return l.URL[strings.LastIndex(l.URL, "/")+1:] }

// customer makes a realm whose domain is proved already.
func (i *instance) customer(realm string) {
	i.tb.Helper()
	i.api("POST", "/realms", obj{"name": realm, "display_name": strings.ToUpper(realm[:1]) + realm[1:]}, 201, nil)
	i.api("POST", "/realms/"+realm+"/domains", obj{"domain": realm + ".example", "verified": true}, 201, nil)
}

// The customer's administrator comes by a link, chooses the provider, pastes one value, tests, and switches on. Staff see it.
func TestSetupLinkInABrowser(t *testing.T) {
	i := start(t, map[string]string{"LOG_LEVEL": "debug"})
	i.customer("acme")
	l := i.setupLink("acme", obj{"activate": true, "locale": "de", "note": "Bitte bis Freitag. <b>Danke</b>", "invited_by": "Vendor <i>Support</i>"})
	ctx := chromium(t)
	h := &hand{t: t, ctx: ctx}
	do(t, ctx, chromedp.Navigate(l.URL))
	want(t, ctx, l.URL, "Bitte bis Freitag. <b>Danke</b>")
	want(t, ctx, l.URL, "Womit melden sich Ihre Leute an?")
	shoot(ctx, t.Name()+"-choose")
	h.click(`button[value="okta saml"]`)
	want(t, ctx, l.URL, "Single sign-on URL")
	h.fill("#paste", "<html>not metadata</html>")
	waitFor(t, ctx, `!!document.querySelector("#verdict .flash.bad")`)
	if id, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.activeElement.id`)); id != "verdict" {
		t.Errorf("the focus is at %q", id)
	}
	h.fill("#paste", samlVendor(t, i, "okta", "acme-okta").BaseURL+"/metadata")
	waitFor(t, ctx, `!!document.querySelector("#verdict .flash.good")`)
	waitFor(t, ctx, `!document.querySelector("[data-check-due]")`)
	if gone, _ := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.querySelector('form[action$="/on"] button').disabled`)); !gone {
		t.Error("it can be switched on before a test")
	}
	h.elsewhere(`form[data-test] button`).click(`button[value="ada"]`)
	want(t, ctx, l.URL, "ada@acme.example")
	shoot(ctx, t.Name()+"-tested")
	h.click(`form[action$="/on"] button`)
	waitFor(t, ctx, `!document.querySelector('form[action$="/on"]')`)
	var got setupLink
	i.api("GET", "/realms/acme/setup-links/"+l.ID, nil, 200, &got)
	var c struct{ Enabled bool }
	i.api("GET", "/realms/acme/connections/acme-okta", nil, 200, &c)
	if got.State != "done" || got.Connection != "acme-okta" || !c.Enabled {
		t.Errorf("staff see %+v, enabled %v", got, c.Enabled)
	}
	shoot(ctx, t.Name()+"-on")
	if strings.Contains(i.log.String(), l.token()) {
		t.Error("the token stands in the log")
	}
}

func postTo(end string) func(*html.Node) bool {
	return func(n *html.Node) bool {
		return attr(n, "method") == "post" && strings.HasSuffix(attr(n, "action"), end)
	}
}

// Without script, in all six languages; a link that was revoked ends at once, and nothing of it is logged.
func TestSetupLinkWithoutScript(t *testing.T) {
	i := start(t, map[string]string{"LOG_LEVEL": "debug"})
	i.customer("acme")
	l := i.setupLink("acme", obj{"presets": []string{"okta", "adfs"}})
	v := newVisitor()
	for lang, title := range map[string]string{"en": "Connect your sign-in", "fr": "Connecter", "pl": "Podłącz logowanie", "ru": "Подключение входа", "de": "Anmeldung anbinden", "es": "Conectar el inicio"} {
		p, err := newVisitor().get(l.URL + "?lang=" + lang + "&ui_locales=" + lang)
		if err != nil || p.Status != 200 || !strings.Contains(p.Body, title) || !strings.Contains(p.Body, `<html lang="`+lang+`"`) {
			t.Errorf("%s: %v %s", lang, err, p)
		}
	}
	p, err := v.get(l.URL)
	if err != nil || strings.Contains(p.Body, "Google Workspace") || !strings.Contains(p.Body, "AD FS") {
		t.Fatalf("%v %s", err, p)
	}
	fill := func(form func(*html.Node) bool, values url.Values, status int) {
		t.Helper()
		if p, err = v.submit(p, form, values); err != nil || p.Status != status {
			t.Fatalf("%v %s", err, p)
		}
	}
	fill(postTo("/provider"), url.Values{"choice": {"okta saml"}}, 200)
	fill(postTo(l.token()), url.Values{"text": {"https://acme-admin.okta.com/admin/app/x"}}, 422)
	fill(postTo(l.token()), url.Values{"text": {samlVendor(t, i, "okta", "acme-okta").BaseURL + "/metadata"}}, 200)
	if strings.Contains(p.Body, "Not checked yet") {
		t.Error("it is not checked by itself")
	}
	fill(postTo("/copied"), nil, 200)
	fill(postTo("/domains"), url.Values{"domain": {"gmail.com"}}, 422)
	if !strings.Contains(p.Body, "domain.public") || !strings.Contains(p.Body, `value="gmail.com"`) {
		t.Errorf("a domain of everybody: %s", p)
	}
	fill(postTo("/domains"), url.Values{"domain": {"mail.acme.example"}}, 200)
	if !strings.Contains(p.Body, "_cloakroom.mail.acme.example") {
		t.Errorf("no record: %s", p)
	}
	if back, err := v.get(l.URL + "/domains"); err != nil || back.URL.Path != "/setup/"+l.token() {
		t.Errorf("an address that was left in the bar: %v %s", err, back)
	}
	page := p
	popup, err := v.submit(page, postTo("/test"), nil)
	if err == nil {
		popup, err = answerSAML(v, popup, "ada")
	}
	if err != nil || !strings.Contains(popup.Body, "ada@acme.example") {
		t.Fatalf("%v %s", err, popup)
	}
	if p, err = v.get(l.URL); err != nil || !strings.Contains(p.Body, "ada@acme.example") {
		t.Fatalf("%v %s", err, p)
	}
	// Switching on was not allowed, and is not by a forged form either.
	if find(p.doc, postTo("/on")) != nil {
		t.Error("a form to switch on")
	}
	if status := forgedAt(t, v, l.URL+"/on", nil); status != http.StatusConflict {
		t.Errorf("switched on by a forged form: %d", status)
	}
	fill(postTo("/done"), nil, 200)
	if !strings.Contains(p.Body, "support has been told") {
		t.Error("it does not say that support knows")
	}
	// What a colleague sees is the same, and other browsers' forms are not theirs.
	if other, err := newVisitor().get(l.URL); err != nil || !strings.Contains(other.Body, "Single sign-on URL") {
		t.Errorf("%v %s", err, other)
	}

	for _, path := range []string{"", "/on", "/provider", "/test", "/check", "/copied", "/page?ref=7KQ2-MX9D", "/domains", "/domains/look", "/done"} {
		if status := forgedAt(t, v, l.URL+path, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }); status != http.StatusForbidden {
			t.Errorf("a form of another site to %s: %d", path, status)
		}
		if status := forgedAt(t, newVisitor(), l.URL+path, nil); status != http.StatusForbidden {
			t.Errorf("a form without its token to %s: %d", path, status)
		}
	}

	i.api("POST", "/realms/acme/setup-links/"+l.ID+"/revoke", nil, 200, nil)
	for _, path := range []string{"", "/test", "/on", "?choose=1"} {
		if p, err = v.get(l.URL + path); err != nil || p.Status != http.StatusGone || !strings.Contains(p.Body, "withdrawn") || strings.Contains(p.Body, "okta") {
			t.Errorf("revoked, %q: %v %s", path, err, p)
		}
	}
	if status := forgedAt(t, v, l.URL+"/test", nil); status != http.StatusGone {
		t.Errorf("a test by a revoked link: %d", status)
	}
	for _, damaged := range []string{l.URL[:len(l.URL)-1], l.URL + "/nowhere", l.URL + ".", strings.Replace(l.URL, "/setup/", "/setup//", 1)} {
		if p, err = v.get(damaged); err != nil || p.Status != http.StatusNotFound {
			t.Errorf("%s: %v %s", damaged, err, p)
		}
	}
	if strings.Contains(i.log.String(), l.token()[:40]) {
		t.Error("the token stands in the log")
	}
}

// forgedAt posts with a visitor's cookies whatever a stranger could send.
func forgedAt(t *testing.T, v *visitor, address string, send func(*http.Request), values ...url.Values) int {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{}
	for _, more := range values {
		for k, vs := range more {
			form[k] = vs
		}
	}
	for _, c := range v.jar.Cookies(u) {
		if c.Name == "cr_form" {
			form.Set("csrf", c.Value)
		}
	}
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range v.jar.Cookies(u) {
		req.AddCookie(c)
	}
	if send != nil {
		send(req)
	}
	res, err := v.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// Forged fields: a link for one thing does no other, whatever its forms are made to say.
func TestSetupLinkForgedForms(t *testing.T) {
	w := newWorld(t, start(t, nil))
	w.customer("globex")
	w.api("POST", "/realms/acme/connections", obj{"slug": "acme-oidc", "protocol": "oidc", "enabled": true, "oidc": obj{"issuer": "https://op.acme.example", "client_id": "c", "client_secret": "s3cret-of-the-client-0123456789"}}, 201, nil)
	before := w.config()
	links := map[string]setupLink{
		"certificate": w.setupLink("acme", obj{"purpose": "certificate", "connection": "acme-saml"}),
		"secret":      w.setupLink("acme", obj{"purpose": "secret", "connection": "acme-oidc"}),
		"domain":      w.setupLink("acme", obj{"purpose": "domain"}),
		"connection":  w.setupLink("acme", obj{"presets": []string{"okta"}}),
	}
	forms := []struct {
		path   string
		values url.Values
	}{
		{"/provider", url.Values{"preset": {"adfs"}, "protocol": {"saml"}}}, {"/provider", url.Values{"choice": {"google oidc"}, "slug": {"globex-oidc"}, "realm": {"globex"}}},
		{"", url.Values{"field": {"/mapping/email"}, "text": {"mail"}}}, {"", url.Values{"field": {"/enabled"}, "text": {"false"}}}, {"", url.Values{"field": {"/oidc/issuer"}, "text": {"https://evil.example"}}},
		{"", url.Values{"field": {"/oidc/client_id"}, "text": {"evil"}}}, {"", url.Values{"field": {"/saml/entity_id"}, "text": {"https://evil.example"}}}, {"", url.Values{"field": {"/saml/sso_url"}, "text": {"https://evil.example/sso"}}},
		{"", url.Values{"text": {"https://evil.example/metadata.xml"}, "connection": {"acme-saml"}, "slug": {"acme-saml"}, "realm": {"globex"}}}, {"", url.Values{"text": {string(samlidp.New(samlidp.Options{BaseURL: "https://evil.example", Now: time.Now}).Metadata())}}},
		{"/on", url.Values{"connection": {"acme-oidc"}}}, {"/domains/look", url.Values{"domain": {"globex.example"}}}, {"/page?ref=7KQ2-MX9D", url.Values{"text": {"x"}}},
	}
	for purpose, l := range links {
		v := newVisitor()
		p, err := v.get(l.URL)
		if err != nil || p.Status != 200 {
			t.Fatalf("%s: %v %s", purpose, err, p)
		}
		for _, secret := range []string{"s3cret-of", "globex", "Globex", adminToken} {
			if strings.Contains(p.Body, secret) {
				t.Errorf("the page for %s says %q", purpose, secret)
			}
		}
		for _, f := range forms {
			if status := forgedAt(t, v, l.URL+f.path, nil, f.values); status < 400 || status >= 500 {
				t.Errorf("%s took %s %v: %d", purpose, f.path, f.values, status)
			}
		}
	}
	if after := w.config(); !slices.Equal(before, after) {
		t.Errorf("something was changed:\n%s\n%s", before, after)
	}

	// A new secret goes in with its day, and comes out nowhere.
	v := newVisitor()
	p, err := v.get(links["secret"].URL)
	if err == nil {
		p, err = v.submit(p, postTo(links["secret"].token()), url.Values{"text": {"another-s3cret-of-the-client-987654"}, "ends": {"2027-11-21"}})
	}
	if err != nil || p.Status != 200 || strings.Contains(p.Body, "another-s3cret") {
		t.Errorf("%v %s", err, p)
	}
	var c struct {
		OIDC struct {
			ClientSecret string    `json:"client_secret"`
			Ends         time.Time `json:"client_secret_expires_at"`
		}
	}
	w.api("GET", "/realms/acme/connections/acme-oidc", nil, 200, &c)
	if strings.Contains(c.OIDC.ClientSecret, "another") || c.OIDC.Ends.Format(time.DateOnly) != "2027-11-21" {
		t.Errorf("%+v", c)
	}

	// Certificates that come from the metadata address are read from there, and from nowhere else.
	v = newVisitor()
	if p, err = v.get(links["certificate"].URL); err == nil {
		p, err = v.submit(p, func(n *html.Node) bool {
			return find(n, func(n *html.Node) bool { return attr(n, "value") == w.idp.BaseURL+"/metadata" }) != nil
		}, url.Values{})
	}
	if err != nil || p.Status != 200 || !strings.Contains(p.Body, "saved.") {
		t.Errorf("reading it now: %v %s", err, p)
	}
	_, der := samlidp.NewKey(2048, time.Now())
	if p, err = v.submit(p, postTo(links["certificate"].token()), url.Values{"text": {samlidp.PEM(der)}}); err != nil || p.Status != 422 || !strings.Contains(p.Body, "setup.not_published") {
		t.Errorf("a certificate that is not published: %v %s", err, p)
	}

	// Guessing is slowed down.
	codes := map[int]int{}
	for range 25 {
		p, err := newVisitor().get(w.URL + "/setup/" + strings.Repeat("A", 43))
		if err != nil {
			t.Fatal(err)
		}
		codes[p.Status]++
	}
	if codes[http.StatusNotFound] == 0 || codes[http.StatusTooManyRequests] == 0 || len(codes) != 2 {
		t.Errorf("guesses are answered %v", codes)
	}
	if p, err := v.get(links["domain"].URL); err != nil || p.Status != 200 {
		t.Errorf("a good link after them: %v %s", err, p)
	}
}

// config is what the realms' connections and domains are, without what lives by itself.
func (w *world) config() (out []string) {
	w.tb.Helper()
	for _, realm := range []string{"acme", "globex"} {
		for _, kind := range []string{"connections", "domains"} {
			_, body := w.try("GET", "/realms/"+realm+"/"+kind, nil)
			out = append(out, string(body))
		}
	}
	return out
}

var setupURL = regexp.MustCompile(`http://\S+/setup/[A-Za-z0-9_-]{43}`)

// Operators make a link in the console, see it once, follow where the customer stands, and take it back.
func TestSetupLinksInTheConsole(t *testing.T) {
	i := start(t, nil)
	i.customer("acme")
	eva := newVisitor()
	enrols(t, eva, i.welcome(t))
	const at = "/admin/realms/acme/setup-links"
	p, err := eva.get(i.URL + at)
	if err != nil || p.Status != 200 || !strings.Contains(p.Body, "No setup link yet") {
		t.Fatalf("%v %s", err, p)
	}
	if p, err = eva.get(i.URL + at + "/new"); err == nil {
		p, err = eva.submit(p, postTo("/new"), url.Values{"contact": {"not an address"}})
	}
	if err != nil || p.Status != http.StatusUnprocessableEntity || !strings.Contains(p.Body, `value="not an address"`) {
		t.Fatalf("a wrong address: %v %s", err, p)
	}
	p, err = eva.submit(p, postTo("/new"), url.Values{"contact": {"it@acme.example"}, "by_hand": {"true"}, "purpose": {"connection"}, "presets": {"okta"}, "note": {"<b>Hello</b>"}, "expires_in": {"168h"}})
	link := setupURL.FindString(p.Body)
	if err != nil || p.Status != 200 || link == "" || !strings.Contains(p.Body, "Not opened yet") || strings.Contains(p.Body, "<b>Hello") {
		t.Fatalf("%v %s", err, p)
	}
	one := p.URL.Path
	if p, err = eva.get(i.URL + one); err != nil || strings.Contains(p.Body, link) {
		t.Errorf("the link is shown twice: %v", err)
	}
	v := newVisitor()
	customer, err := v.get(link)
	if err == nil {
		customer, err = v.submit(customer, postTo("/provider"), url.Values{"choice": {"okta saml"}})
	}
	if err != nil || customer.Status != 200 || strings.Contains(customer.Body, "eva@") {
		t.Fatalf("%v %s", err, customer)
	}
	if p, err = eva.get(i.URL + at); err != nil || !strings.Contains(p.Body, "Under way") || !strings.Contains(p.Body, "next: enter our values there") {
		t.Errorf("where they stand: %v %s", err, p)
	}
	if p, err = eva.get(i.URL + one); err == nil {
		p, err = eva.submit(p, postTo("/resend"), nil)
	}
	second := setupURL.FindString(p.Body)
	if err != nil || second == "" || second == link {
		t.Fatalf("%v %s", err, p)
	}
	if customer, err = v.get(link); err != nil || customer.Status != http.StatusNotFound {
		t.Errorf("the old link: %v %s", err, customer)
	}
	if customer, err = v.get(second); err != nil || !strings.Contains(customer.Body, "Single sign-on URL") {
		t.Errorf("the new link does not go on: %v %s", err, customer)
	}
	if p, err = eva.submit(p, postTo("/revoke"), nil); err != nil || !strings.Contains(p.Body, "Revoked") {
		t.Errorf("%v %s", err, p)
	}
	if customer, err = v.get(second); err != nil || customer.Status != http.StatusGone {
		t.Errorf("a revoked link: %v %s", err, customer)
	}
	if p, err = eva.get(i.URL + "/admin/realms/acme/connections/acme-okta"); err != nil || !strings.Contains(p.Body, "/setup-links/new?connection=acme-okta") {
		t.Errorf("no way from the connection: %v", err)
	}
	if p, err = eva.get(i.URL + one + "/delete"); err == nil {
		p, err = eva.submit(p, postTo("/delete"), nil)
	}
	if err != nil || !strings.Contains(p.Body, "was forgotten") {
		t.Errorf("%v %s", err, p)
	}
}
