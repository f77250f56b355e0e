//go:build interop

package interop

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browser is a Chromium of its own, with no cookie yet.
type browser struct {
	t   *testing.T
	ctx context.Context
}

func open(t *testing.T) *browser {
	t.Helper()
	return openFor(t, 90*time.Second)
}

// openFor is open with another limit to how long it may take.
func openFor(t *testing.T, limit time.Duration) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("host-resolver-rules", "MAP *.localhost 127.0.0.1, MAP fonts.googleapis.com ~NOTFOUND"),
	)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, limit)
	t.Cleanup(cancel)
	b := &browser{t, ctx}
	b.do(chromedp.Navigate("about:blank"))
	return b
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		at, body := b.seen()
		b.t.Fatalf("%v at %s:\n%s", err, at, body)
	}
}

func (b *browser) visit(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

func (b *browser) seen() (at, body string) {
	at, _ = chromedp.Run(b.ctx, chromedp.Location())
	body, _ = chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body ? document.body.innerText : ''"))
	return at, body
}

// want waits until the browser is at an address that begins with where, on a page that holds all the texts, and answers
// the page's text.
func (b *browser) want(where string, texts ...string) string {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		at, body := b.seen()
		missing := ""
		for _, s := range texts {
			if !strings.Contains(body, s) {
				missing = s
			}
		}
		if missing == "" && strings.HasPrefix(at, where) {
			return body
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("want %q at %s, am at %s:\n%s", texts, where, at, tail(body, 3000))
		}
	}
}

// shown waits for an element that a person can see, while pages may come and go.
func (b *browser) shown(where, selector string) {
	b.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		at, _ := chromedp.Run(b.ctx, chromedp.Location())
		ok, _ := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("document.readyState === 'complete' && !!document.querySelector("+quote(selector)+")"))
		if ok && strings.HasPrefix(at, where) {
			return
		}
		if time.Now().After(deadline) {
			at, body := b.seen()
			b.t.Fatalf("no %s at %s, am at %s:\n%s", selector, where, at, tail(body, 3000))
		}
	}
}

func quote(s string) string {
	q, _ := json.Marshal(s)
	return string(q)
}

func (b *browser) click(where, selector string) {
	b.t.Helper()
	b.shown(where, selector)
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

func (b *browser) fill(where, selector, value string) {
	b.t.Helper()
	b.shown(where, selector)
	b.do(chromedp.SendKeys(chromedp.CSS(selector), value))
}

// back presses the Back button; what comes must be a page with something on it, and none of ours may say that we failed.
func (b *browser) back(broker string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[any]("setTimeout(() => history.back(), 0), null")); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.Sleep(700 * time.Millisecond))
	at, body := b.seen()
	if strings.TrimSpace(body) == "" && at != "about:blank" {
		b.t.Errorf("Back leads to a blank page at %s", at)
	}
	if strings.HasPrefix(at, broker) && strings.Contains(body, "went wrong on our side") {
		b.t.Errorf("Back leads to an error at %s:\n%s", at, body)
	}
}

// json reads the page's text as JSON.
func (b *browser) json(where string, texts ...string) map[string]any {
	b.t.Helper()
	body := b.want(where, texts...)
	if i := strings.IndexByte(body, '{'); i > 0 {
		body = body[i:]
	}
	if i := strings.LastIndexByte(body, '}'); i >= 0 {
		body = body[:i+1]
	}
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		b.t.Fatalf("%v in %s", err, body)
	}
	return m
}
