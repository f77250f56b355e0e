package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// keys are an operator's hands that never touch a mouse.
type keys struct {
	t   *testing.T
	ctx context.Context
}

func (k keys) press(what string) {
	k.t.Helper()
	do(k.t, k.ctx, chromedp.KeyEvent(what))
}

// stroke presses a key as a keyboard does: its character comes once, and only where the page lets it.
func (k keys) stroke(key, code, text string, number int64) {
	k.t.Helper()
	e := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key, Code: code, Text: text, WindowsVirtualKeyCode: number}
	_, err := chromedp.Call(k.ctx, input.DispatchKeyEvent, e)
	if err == nil {
		e.Type, e.Text = input.DispatchKeyEventTypeKeyUp, ""
		_, err = chromedp.Call(k.ctx, input.DispatchKeyEvent, e)
	}
	if err != nil {
		k.t.Fatal(err)
	}
}

func (k keys) slash() { k.stroke("/", "Slash", "/", 191) }
func (k keys) enter() { k.stroke("Enter", "Enter", "\r", 13) }

func (k keys) at(js string) bool {
	ok, err := chromedp.Run(k.ctx, chromedp.Evaluate[bool](`document.activeElement?.matches(`+quoted(js)+`) ?? false`))
	return err == nil && ok
}

func quoted(s string) string { return "`" + strings.ReplaceAll(s, "`", "\\`") + "`" }

// tabTo presses Tab until the focus is at an element, and sees to it that each stop on the way can be seen.
func (k keys) tabTo(css string) {
	k.t.Helper()
	for range 120 {
		k.press(kb.Tab)
		if blind, _ := chromedp.Run(k.ctx, chromedp.Evaluate[string](invisible)); blind != "" {
			k.t.Errorf("the focus cannot be seen at %s", blind)
		}
		if k.at(css) {
			return
		}
	}
	at, body := seen(k.ctx)
	shoot(k.ctx, k.t.Name())
	k.t.Fatalf("120 times Tab does not lead to %s at %s:\n%s", css, at, tail(body, 1500))
}

// invisible answers the focused element where nothing shows that it has the focus.
const invisible = `(() => { const e = document.activeElement; if (!e || e === document.body || e.matches("main, h1, h2, #verdict, [tabindex='-1']")) return "";
  const r = e.getBoundingClientRect(), s = getComputedStyle(e);
  return r.width < 1 || r.height < 1 || r.bottom < 0 || r.right < 0 || r.top > innerHeight || s.outlineStyle === "none" || parseFloat(s.outlineWidth) < 2 ? e.outerHTML.slice(0, 200) : ""; })()`

// order answers the elements that Tab stops at, as places on the page: the focus goes down, and through one column
// before the next.
func (k keys) order() []string {
	var out []string
	for range 200 {
		k.press(kb.Tab)
		stop, _ := chromedp.Run(k.ctx, chromedp.Evaluate[string](`(() => { const e = document.activeElement; return !e || e === document.body ? "" : (e.closest("header") ? "side" : e.closest("main") ? "main" : e.closest("footer") ? "foot" : "skip") })()`))
		if stop == "" {
			break
		}
		if len(out) == 0 || out[len(out)-1] != stop {
			out = append(out, stop)
		}
		if stop == "foot" {
			break
		}
	}
	return out
}

// From the first owner's link to a test login, by the keyboard alone.
func TestConsoleByKeyboard(t *testing.T) {
	i := start(t, nil)
	i.customer("acme")
	idp := samlVendor(t, i, "okta", "acme-okta")
	ctx := chromium(t)
	authenticator(t, ctx)
	k := keys{t, ctx}
	do(t, ctx, chromedp.Navigate(i.welcome(t)))
	k.tabTo("#name")
	k.press("Eva")
	k.tabTo("#email")
	k.press("eva@example.org")
	k.enter()
	want(t, ctx, i.URL+"/admin", "passkey")
	k.tabTo("form[data-passkey] button")
	k.enter()
	do(t, ctx, chromedp.WaitVisible(chromedp.CSS(`form[action="/admin/signout"]`)))

	do(t, ctx, chromedp.Navigate(i.URL+"/admin"))
	if got := strings.Join(k.order(), " "); got != "skip side main foot" {
		t.Errorf("the focus goes %s", got)
	}
	do(t, ctx, chromedp.Navigate(i.URL+"/admin"))
	k.press(kb.Tab)
	if !k.at("a.skip") {
		t.Error("the first stop is not the link over the navigation")
	}
	k.enter()
	waitFor(t, ctx, `document.activeElement.id === "main"`)
	k.press(kb.Tab)
	if !k.at("main *") {
		t.Error("after the skip link the focus is not in the page's content")
	}
	k.slash()
	if !k.at("#find") {
		t.Error("/ does not lead to the search")
	}
	k.press("acme")
	k.enter()
	want(t, ctx, i.URL+"/admin/search", "acme")

	do(t, ctx, chromedp.Navigate(i.URL+"/admin"))
	k.tabTo(`main a[href="/admin/connections/new"]`)
	k.enter()
	want(t, ctx, i.URL+"/admin/connections/new", "Okta")
	k.tabTo(`button[value="okta saml"]`)
	k.enter()
	want(t, ctx, i.URL+"/admin/realms/acme/connections/acme-okta/setup", "Bring this back")
	k.tabTo("#paste")
	k.press(idp.BaseURL + "/metadata")
	k.tabTo(`form[data-paste] button`)
	k.enter()
	waitFor(t, ctx, `!!document.querySelector("#verdict .flash.good") && !!document.querySelector("form[data-test] button")`)
	waitFor(t, ctx, `!document.querySelector("[data-check-due]")`)
	k.tabTo(`form[data-test] button`)
	opened := chromedp.WaitNewTarget(ctx, func(i *target.Info) bool { return i.Type == "page" })
	k.enter()
	select {
	case id := <-opened:
		popup, cancel := chromedp.NewContext(ctx, chromedp.WithTargetID(id))
		defer cancel()
		there := keys{t, popup}
		want(t, popup, idp.BaseURL, "Ada")
		for range 20 { // how that page looks is not ours
			if there.press(kb.Tab); there.at(`button[value="ada"]`) {
				break
			}
		}
		there.enter()
	case <-time.After(15 * time.Second):
		t.Fatal("the test opened no window")
	}
	want(t, ctx, i.URL, "ada@acme.example")
	waitFor(t, ctx, `document.activeElement.id === "test-title"`)
}
