package mail_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/mail"
	"cloakroom/broker/mail/smtptest"
	letters "cloakroom/templates/mail"
)

func TestParseURL(t *testing.T) {
	for _, c := range []struct {
		raw  string
		want mail.Server
		bad  string
	}{
		{raw: "smtp://u:p%40ss@mail.example", want: mail.Server{Host: "mail.example", Port: 587, User: "u", Password: "p@ss"}},
		{raw: "smtp://mail.example:25?tls=starttls", want: mail.Server{Host: "mail.example", Port: 25}},
		{raw: "smtp://mail.example:25/?tls=none", want: mail.Server{Host: "mail.example", Port: 25, Plain: true}},
		{raw: "smtp://u:p@127.0.0.1:1025?tls=none", want: mail.Server{Host: "127.0.0.1", Port: 1025, User: "u", Password: "p", Plain: true}},
		{raw: "smtps://u:p@mail.example", want: mail.Server{Host: "mail.example", Port: 465, User: "u", Password: "p", Implicit: true}},
		{raw: "smtp://u:hunter2@mail.example?tls=none", bad: "clear"},
		{raw: "smtps://mail.example?tls=none", bad: "contradicts"},
		{raw: "smtp://mail.example?tls=maybe", bad: "neither"},
		{raw: "smtp://mail.example?helo=x", bad: "option"},
		{raw: "smtp://mail.example:99999", bad: "port"},
		{raw: "smtp://mail.example/path", bad: "written"},
		{raw: "mail.example:587", bad: "written"},
		{raw: "http://u:hunter2@mail.example", bad: "scheme"},
		{raw: "smtp://", bad: "written"},
		{raw: "smtp://u:hunter2%zz@h", bad: "written"},
	} {
		got, err := mail.ParseURL(c.raw)
		if c.bad == "" {
			if err != nil || *got != c.want {
				t.Errorf("%s = %+v, %v", c.raw, got, err)
			}
			continue
		}
		wantCode(t, err, fault.MailSettings)
		if err != nil && (!strings.Contains(err.Error(), c.bad) || strings.Contains(err.Error(), "hunter2")) {
			t.Errorf("%s: %v, want a word of %q and no password", c.raw, err, c.bad)
		}
	}
}

func TestFrom(t *testing.T) {
	for _, bad := range []string{"", "Cloakroom", "a@b, c@d", "x <y>", "Вася <вася@пример.рф>"} {
		_, err := mail.New(mail.Options{Outbox: newPost(t, nil, "").store.Outbox, Now: time.Now, From: bad})
		wantCode(t, err, fault.MailSettings)
	}
}

// The letters that templates/mail writes are known here by the same kinds: the limits go by them.
func TestKindsAreTheLetters(t *testing.T) {
	for _, c := range []struct {
		letter letters.Mail
		kind   string
	}{
		{letters.Invitation{}, mail.Invitation}, {letters.EmailCode{}, mail.EmailCode}, {letters.ConfirmLink{}, mail.ConfirmLink}, {letters.DomainWarning{}, mail.DomainWarning},
		{letters.DomainVerified{}, mail.DomainVerified}, {letters.DomainTransfer{}, mail.DomainTransfer}, {letters.ExpiryNotice{}, mail.ExpiryNotice},
		{letters.SeatLimitReached{}, mail.SeatLimitReached}, {letters.ApprovalRequested{}, mail.ApprovalRequested}, {letters.ApprovalGranted{}, mail.ApprovalGranted},
	} {
		if c.letter.Kind() != c.kind {
			t.Errorf("%T is of kind %q there and %q here", c.letter, c.letter.Kind(), c.kind)
		}
	}
}

// decode reads a mail as its recipient's program would.
func decode(t *testing.T, data string) (h netmail.Header, parts map[string]string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	parts = map[string]string{}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m.Header, parts
		}
		if err != nil {
			t.Fatal(err)
		}
		if enc := p.Header.Get("Content-Transfer-Encoding"); enc != "quoted-printable" {
			t.Errorf("encoding %q", enc)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		parts[kind] = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
}

func TestDelivery(t *testing.T) {
	for _, c := range []struct {
		name   string
		server *smtptest.Server
		scheme string
		query  string
		tls    bool
	}{
		{name: "STARTTLS and PLAIN", server: &smtptest.Server{User: "us er", Password: "p/:@ss"}, scheme: "smtp", tls: true},
		{name: "implicit TLS", server: &smtptest.Server{User: "user", Password: "pass", Implicit: true}, scheme: "smtps", tls: true},
		{name: "no TLS to this machine", server: &smtptest.Server{User: "user", Password: "pass", NoTLS: true}, scheme: "smtp", query: "tls=none"},
		{name: "no password", server: &smtptest.Server{}, scheme: "smtp", tls: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.server.Start(t)
			p := newPost(t, s, userURL(c.scheme, s.User, s.Password, s.Addr(), c.query))
			if err := p.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			start(t, p.Mailer)
			w, err := letters.Render(letters.ConfirmLink{Head: letters.Head{Locale: "ru", Name: "Ромашка", Reference: "7KQ2-MX9D"}, App: "Учёт", Via: "Okta", Code: "4917", Minutes: 10})
			if err != nil {
				t.Fatal(err)
			}
			id := p.send(t, mail.Message{Realm: "acme", To: "Nina@Acme.Example", Locale: "ru", Kind: mail.ConfirmLink, Subject: w.Subject, Text: w.Text, HTML: w.HTML, Reference: "7KQ2-MX9D"})
			row := p.until(t, id, status(broker.MailSent))
			if row.Attempts != 1 || row.SentAt.IsZero() || row.Code != "" {
				t.Errorf("%+v", row)
			}
			got := s.Mails()
			if len(got) != 1 || got[0].TLS != c.tls || got[0].User != s.User || got[0].From != "no-reply@sso.example" || got[0].To != "nina@acme.example" {
				t.Fatalf("the server took %+v", got)
			}
			h, parts := decode(t, got[0].Data)
			subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
			if err != nil || subject != w.Subject || subject != "Подтвердите новый способ входа в Учёт" {
				t.Errorf("subject %q, %v", subject, err)
			}
			if parts["text/plain"] != w.Text || parts["text/html"] != w.HTML {
				t.Errorf("the bodies changed on their way: %q", parts["text/plain"])
			}
			for key, want := range map[string]string{
				"From": `"Cloakroom" <no-reply@sso.example>`, "To": "<nina@acme.example>", "Message-Id": "<" + id + "@sso.example>",
				"Auto-Submitted": "auto-generated", "Content-Language": "ru", "Date": p.clock.now().Format(time.RFC1123Z),
			} {
				if h.Get(key) != want {
					t.Errorf("%s: %q, want %q", key, h.Get(key), want)
				}
			}
			if strings.Contains(got[0].Data, "password") || len(h["Received"]) != 0 {
				t.Error(got[0].Data)
			}
			for line := range strings.SplitSeq(got[0].Data, "\r\n") {
				if len(line) > 998 || strings.ContainsFunc(line, func(r rune) bool { return r >= 0x7f }) {
					t.Errorf("a line is not plain ASCII of at most 998 bytes: %.80q", line)
				}
			}
		})
	}
}

func TestHeaderInjection(t *testing.T) {
	s := new(smtptest.Server).Start(t)
	p := newPost(t, s, "smtp://"+s.Addr(), func(o *mail.Options) { o.From = `"Cloak \"room\"" <no-reply@sso.example>` })
	start(t, p.Mailer)
	m := letter("nina@acme.example")
	m.Subject = "Hello\r\nBcc: everybody@victim.example\r\n\r\n<script>\u2028\x00" + strings.Repeat("x", 3000)
	m.Locale = "en\r\nX-Evil: 1"
	m.Text = "one\r\n.\r\nMAIL FROM:<evil@evil.example>\r\n..\r\n.hidden\r\n"
	row := p.until(t, p.send(t, m), status(broker.MailSent))
	if strings.ContainsAny(row.Subject, "\r\n\x00") || len([]rune(row.Subject)) > 200 {
		t.Errorf("the console would show %q", row.Subject)
	}
	got := s.Mails()
	if len(got) != 1 || got[0].To != "nina@acme.example" {
		t.Fatalf("%+v", got)
	}
	h, parts := decode(t, got[0].Data)
	if len(h["Bcc"]) != 0 || len(h["X-Evil"]) != 0 || len(h["Subject"]) != 1 || len(h.Get("Subject")) > 900 {
		t.Errorf("headers %v", h)
	}
	if want := strings.ReplaceAll(m.Text, "\r\n", "\n"); parts["text/plain"] != want {
		t.Errorf("text %q, want %q", parts["text/plain"], want)
	}
	for _, to := range []string{"", "nina", "a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "<a@b.example>", "a b@c.example", "a@b.example>\r\nRCPT TO:<c@d.example", strings.Repeat("a", 300) + "@b.example"} {
		_, err := p.Send(t.Context(), letter(to))
		wantCode(t, err, fault.MailAddress)
	}
}

// An address with letters of another script goes to a server that takes it (RFC 6531); one that does not refuses it.
func TestInternationalAddress(t *testing.T) {
	s := new(smtptest.Server).Start(t)
	p := newPost(t, s, "smtp://"+s.Addr())
	start(t, p.Mailer)
	p.until(t, p.send(t, letter("нина@пример.рф")), status(broker.MailSent))
	if got := s.Mails(); len(got) != 1 || got[0].To != "нина@xn--e1afmkfd.xn--p1ai" {
		t.Errorf("%+v", got)
	}
}

// A mail goes with what made it necessary, or not at all.
func TestSendJoinsTheTransaction(t *testing.T) {
	s := new(smtptest.Server).Start(t)
	p := newPost(t, s, "smtp://"+s.Addr())
	start(t, p.Mailer)
	stop := errors.New("no after all")
	err := p.store.Tx(t.Context(), func(ctx context.Context) error {
		if _, err := p.Send(ctx, letter("nina@acme.example")); err != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
		return stop
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	id := ""
	if err := p.store.Tx(t.Context(), func(ctx context.Context) (err error) {
		id, err = p.Send(ctx, letter("otto@acme.example"))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	p.until(t, id, status(broker.MailSent))
	if got := s.Mails(); len(got) != 1 || got[0].To != "otto@acme.example" {
		t.Errorf("%+v", got)
	}
}

func TestWithoutServerMailsWaitToBeCopied(t *testing.T) {
	p := newPost(t, nil, "")
	start(t, p.Mailer)
	wantCode(t, p.Check(t.Context()), fault.MailNotConfigured)
	m := letter("nina@acme.example")
	id := p.send(t, m)
	time.Sleep(50 * time.Millisecond)
	got, err := p.store.Outbox.Get(t.Context(), "acme", id)
	if err != nil || p.Configured() || got.Status != broker.MailCopy || got.Text != m.Text || got.HTML != m.HTML || got.Attempts != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := p.store.Outbox.Copied(t.Context(), "acme", id); err != nil {
		t.Fatal(err)
	}
	if err := p.store.Outbox.Copied(t.Context(), "acme", id); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("copied twice: %v", err)
	}
	if got := p.get(t, id); got.Status != broker.MailCopied {
		t.Errorf("%+v", got)
	}
}

// Whoever reads a code could sign in as its addressee: operators do not get it, and it is gone once sent.
func TestSecretMails(t *testing.T) {
	s := new(smtptest.Server).Start(t)
	p := newPost(t, s, "smtp://"+s.Addr())
	m := letter("nina@acme.example")
	m.Secret = true
	id := p.send(t, m)
	if got, err := p.store.Outbox.Get(t.Context(), "acme", id); err != nil || got.Text != "" || got.HTML != "" || !got.Secret {
		t.Errorf("%+v, %v", got, err)
	}
	if got := p.get(t, id); got.Text != m.Text {
		t.Errorf("%+v", got)
	}
	start(t, p.Mailer)
	if got := p.until(t, id, status(broker.MailSent)); got.Text != "" || got.HTML != "" {
		t.Errorf("the body outlives its delivery: %+v", got)
	}
	if !bytes.Contains([]byte(s.Mails()[0].Data), []byte("Come in")) {
		t.Error("the mail came without its body")
	}
}

func TestLimits(t *testing.T) {
	p := newPost(t, nil, "")
	code := letter("nina@acme.example")
	code.Kind = mail.EmailCode
	for range 3 {
		p.send(t, code)
	}
	code.Kind, code.Realm = mail.ConfirmLink, "globex"
	p.send(t, code)
	code.To = " NINA@acme.example"
	p.send(t, code)
	_, err := p.Send(t.Context(), code)
	wantCode(t, err, fault.RateLimited)
	if err != nil && !strings.Contains(err.Error(), "the next can be sent in 1h0m0s") {
		t.Errorf("no time to wait for: %v", err)
	}
	p.send(t, letter("nina@acme.example")) // what an operator sends is counted apart
	other := code
	other.To = "otto@acme.example"
	p.send(t, other)
	p.clock.pass(time.Hour)
	p.send(t, code)

	for range 49 {
		p.send(t, letter("bulk@acme.example"))
	}
	p.send(t, letter("bulk@acme.example"))
	_, err = p.Send(t.Context(), letter("bulk@acme.example"))
	wantCode(t, err, fault.RateLimited)
}

// Whatever strangers have sent to an address, its owner gets a code in a browser that is known.
func TestKnownBrowsersHaveTheirOwnAllowance(t *testing.T) {
	p := newPost(t, nil, "")
	code := letter("nina@acme.example")
	code.Kind = mail.EmailCode
	for range 5 {
		p.send(t, code)
	}
	for range 45 {
		p.send(t, letter("nina@acme.example"))
	}
	_, err := p.Send(t.Context(), code)
	wantCode(t, err, fault.RateLimited)
	code.Known = true
	for range 20 {
		p.send(t, code)
	}
	_, err = p.Send(t.Context(), code)
	wantCode(t, err, fault.RateLimited)
	code.Kind = mail.CredentialLink
	p.send(t, code)
}
