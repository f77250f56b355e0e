package e2e

import (
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"cloakroom/broker/mail/smtptest"
)

// plainText is the text part of a mail as its reader sees it.
func plainText(t *testing.T, raw string) (subject, text string) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if err != nil {
			t.Fatalf("no text part: %v in %s", err, raw)
		}
		if !strings.HasPrefix(p.Header.Get("Content-Type"), "text/plain") {
			continue
		}
		var r io.Reader = p
		if strings.EqualFold(p.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			r = quotedprintable.NewReader(p)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return subject, string(b)
	}
}

// An invitation from the mail to the application: sent by SMTP, opened in a browser, accepted at the company's own
// sign-in page, and used up.
func TestInvitation(t *testing.T) {
	post := (&smtptest.Server{NoTLS: true}).Start(t)
	w := newTownWith(t, map[string]string{"SMTP_URL": "smtp://" + post.Addr() + "?tls=none"})
	w.api("PATCH", "/realms/acme/connections/acme-saml", obj{"provisioning": "invite"}, 200, nil)

	// Without an invitation the door is closed.
	ctx := chromium(t)
	do(t, ctx, chromedp.Navigate(w.app+"/signin?realm=acme"), chromedp.Click(chromedp.CSS(`button[value="ada"]`)))
	want(t, ctx, w.URL, "Reference")

	w.api("POST", "/realms/acme/invites", obj{"email": "ada@acme.example", "client_id": "demo-app", "groups": []string{"pilots"}, "send": true, "locale": "fr"}, 201, nil)
	deadline := time.Now().Add(20 * time.Second)
	for len(post.Mails()) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("no mail came")
		}
		time.Sleep(50 * time.Millisecond)
	}
	sent := post.Mails()[0]
	subject, text := plainText(t, sent.Data)
	if sent.To != "ada@acme.example" || !strings.Contains(subject, "nvit") {
		t.Errorf("to %s, subject %q", sent.To, subject)
	}
	link := regexp.MustCompile(regexp.QuoteMeta(w.URL) + `/invite/\S+`).FindString(text)
	if link == "" {
		t.Fatalf("no link in %s", text)
	}
	do(t, ctx, chromedp.Navigate(link))
	shoot(ctx, "invitation")
	do(t, ctx, chromedp.Click(chromedp.CSS(`form button[type="submit"]`)), chromedp.Click(chromedp.CSS(`button[value="ada"]`)))
	want(t, ctx, w.app, "ada@acme.example")
	want(t, ctx, w.app, "pilots")

	// Once is once: another browser with the same link gets a page that says so.
	other := chromium(t)
	do(t, other, chromedp.Navigate(link))
	if _, body := seen(other); strings.TrimSpace(body) == "" {
		t.Error("a used link is a blank page")
	}
	if n, err := chromedp.Run(other, chromedp.Evaluate[int](`document.querySelectorAll('form[method="post"]').length`)); err != nil || n != 0 {
		t.Errorf("a used link can be accepted: %d forms, %v", n, err)
	}
	shoot(other, "invitation-used")
}
