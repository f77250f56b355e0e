package e2e

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// From the list of connections to a saved change, and on to a test login whose report this page follows, by the keyboard
// alone.
func TestConnectionByKeyboard(t *testing.T) {
	i := start(t, nil)
	i.customer("acme")
	idp := samlVendor(t, i, "okta", "acme-okta")
	i.api("POST", "/realms/acme/connections", obj{"slug": "acme-okta", "protocol": "saml", "preset": "okta", "display_name": "Acme", "saml": obj{"metadata_url": idp.BaseURL + "/metadata"}}, 201, nil)
	ctx := chromium(t)
	authenticator(t, ctx)
	k := keys{t, ctx}
	do(t, ctx, chromedp.Navigate(i.welcome(t)), chromedp.SendKeys(chromedp.CSS(`#email`), "eva@example.org\r"), chromedp.WaitVisible(chromedp.CSS(`form[data-passkey] button`)),
		chromedp.Click(chromedp.CSS(`form[data-passkey] button`)), chromedp.WaitVisible(chromedp.CSS(`form[action="/admin/signout"]`)))
	const at = "/admin/realms/acme/connections/acme-okta"

	do(t, ctx, chromedp.Navigate(i.URL+"/admin/connections"))
	k.tabTo(`main td a[href="` + at + `"]`)
	k.enter()
	want(t, ctx, i.URL+at, "Sign-ins that failed")
	k.tabTo(`main nav a[href="` + at + `/settings"]`)
	k.enter()
	want(t, ctx, i.URL+at+"/settings", "Save this connection")
	k.tabTo("#f-display_name")
	k.press(" and Sons")
	k.enter()
	want(t, ctx, i.URL+at+"/settings", "was saved")
	k.tabTo(`main a[href="` + at + `/delete"]`)
	k.enter()
	want(t, ctx, i.URL+at+"/delete", "Nobody can sign in through it any more")
	k.tabTo(`main a.quiet`)
	k.enter()
	want(t, ctx, i.URL+at+"/settings", "Save this connection")

	do(t, ctx, chromedp.Navigate(i.URL+at))
	k.tabTo(`form[data-test-state] button`)
	opened := chromedp.WaitNewTarget(ctx, func(i *target.Info) bool { return i.Type == "page" })
	k.enter()
	select {
	case id := <-opened:
		want(t, ctx, i.URL+at+"/tests/", "This page follows the test")
		popup, cancel := chromedp.NewContext(ctx, chromedp.WithTargetID(id))
		defer cancel()
		want(t, popup, idp.BaseURL, "Ada")
	case <-time.After(15 * time.Second):
		t.Fatal("the test opened no window")
	}
}
