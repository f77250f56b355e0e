package mail_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/mail"
	"cloakroom/broker/mail/smtptest"
	"cloakroom/store/storetest"
	"cloakroom/store/storetest/pgtest"
)

// What a server can answer, and what becomes of the mail.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name         string
		verb, answer string
		server       *smtptest.Server
		address      string // of the server, %s
		status       string
		code         fault.Code
		detail       string
	}{
		{name: "unknown recipient", verb: "RCPT", answer: "550 5.1.1 no such user", status: broker.MailFailed, code: fault.MailRefused, detail: "550 5.1.1 no such user"},
		{name: "sender not allowed", verb: "MAIL", answer: "553 5.7.1 not from there", status: broker.MailFailed, code: fault.MailRefused, detail: "553 5.7.1 not from there"},
		{name: "spam", verb: ".", answer: "554 5.7.1 smells", status: broker.MailFailed, code: fault.MailRefused, detail: "554 5.7.1 smells"},
		{name: "no data", verb: "DATA", answer: "554 no", status: broker.MailFailed, code: fault.MailRefused, detail: "554 no"},
		{name: "greylisted", verb: "RCPT", answer: "451 4.7.1 come back later", status: broker.MailQueued, code: fault.MailDeferred, detail: "451 4.7.1 come back later"},
		{name: "busy", verb: "GREETING", answer: "421 too many", status: broker.MailQueued, code: fault.MailDeferred, detail: "421 too many"},
		{name: "closed for good", verb: "GREETING", answer: "554 go away", status: broker.MailQueued, code: fault.MailDeferred, detail: "554 go away"},
		{name: "wants a sign-in", verb: "MAIL", answer: "530 5.7.0 Authentication required", status: broker.MailQueued, code: fault.MailAuth, detail: "530 5.7.0 Authentication required"},
		{name: "wrong password", server: &smtptest.Server{User: "u", Password: "right"}, address: "smtp://u:wrong@%s", status: broker.MailQueued, code: fault.MailAuth, detail: "535 5.7.8 Authentication"},
		{name: "no sign-in offered", address: "smtp://u:p@%s", status: broker.MailQueued, code: fault.MailAuth, detail: "AUTH"},
		{name: "no STARTTLS", server: &smtptest.Server{NoTLS: true}, status: broker.MailQueued, code: fault.MailTLS, detail: "STARTTLS"},
		{name: "plain where TLS is due", address: "smtps://%s", server: &smtptest.Server{NoTLS: true}, status: broker.MailQueued, code: fault.MailTLS, detail: "TLS"},
		{name: "another's certificate", address: "smtp://localhost:%p", status: broker.MailQueued, code: fault.MailTLS, detail: "localhost"},
		{name: "hangs at the greeting", verb: "GREETING", answer: smtptest.Hang, status: broker.MailQueued, code: fault.MailUnreachable},
		{name: "hangs after the data", verb: ".", answer: smtptest.Hang, status: broker.MailQueued, code: fault.MailUnreachable},
		{name: "hangs up", verb: "MAIL", answer: smtptest.Drop, status: broker.MailQueued, code: fault.MailUnreachable},
		{name: "hangs up after yes", verb: "QUIT", answer: smtptest.Drop, status: broker.MailSent},
		{name: "stumbles after yes", verb: "RSET", answer: "421 bye", status: broker.MailSent},
		{name: "silent after yes", verb: "RSET", answer: smtptest.Hang, status: broker.MailSent},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.server == nil {
				c.server = &smtptest.Server{}
			}
			s := c.server.Start(t)
			if c.verb != "" {
				s.Answer(c.verb, c.answer)
			}
			if c.address == "" {
				c.address = "smtp://%s"
			}
			_, port, _ := net.SplitHostPort(s.Addr())
			p := newPost(t, s, strings.NewReplacer("%s", s.Addr(), "%p", port).Replace(c.address), func(o *mail.Options) { o.Timeout = time.Second })
			stop := start(t, p.Mailer)
			got := p.until(t, p.send(t, letter("nina@acme.example")), tried(1))
			if got.Status != c.status || got.Code != string(c.code) || !strings.Contains(got.Detail, c.detail) {
				t.Errorf("%+v", got)
			}
			if c.status == broker.MailQueued && !got.NextAt.Equal(p.clock.now().Add(time.Minute)) {
				t.Errorf("next try at %v, now %v", got.NextAt, p.clock.now())
			}
			if c.status != broker.MailQueued && !got.NextAt.IsZero() {
				t.Errorf("there is no next try, but it is at %v", got.NextAt)
			}
			if c.code != "" {
				if e, ok := fault.Find(c.code); !ok || e.Fix == "" {
					t.Errorf("%s is not in the catalogue", c.code)
				}
			}
			stop()
			for deadline := time.Now().Add(2 * time.Second); s.Open() > 0; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d connections stay open", s.Open())
				}
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	p := newPost(t, nil, "", func(o *mail.Options) { o.SMTP = parse(t, "smtp://"+addr) })
	wantCode(t, p.Check(t.Context()), fault.MailUnreachable)
}

// The waits grow, and after a day it is enough.
func TestRetriesForADay(t *testing.T) {
	s := new(smtptest.Server).Start(t)
	s.Answer("RCPT", "451 4.7.1 later")
	p := newPost(t, s, "smtp://"+s.Addr())
	start(t, p.Mailer)
	id := p.send(t, letter("nina@acme.example"))
	begin := p.clock.now()
	for i, wait := range []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour, 15 * time.Hour} {
		got := p.until(t, id, tried(i+1))
		if got.Status != broker.MailQueued || got.NextAt.Sub(p.clock.now()) != wait {
			t.Fatalf("after try %d: %+v", i+1, got)
		}
		p.clock.pass(wait - time.Second)
		time.Sleep(30 * time.Millisecond)
		if got := p.get(t, id); got.Attempts != i+1 {
			t.Fatalf("tried too early: %+v", got)
		}
		p.clock.pass(time.Second)
	}
	got := p.until(t, id, status(broker.MailFailed))
	if got.Code != string(fault.MailDeferred) || got.Attempts != 7 || p.clock.now().Sub(begin) > 24*time.Hour {
		t.Errorf("%+v after %s", got, p.clock.now().Sub(begin))
	}
	s.Answer("RCPT", "")
	if err := p.store.Outbox.Retry(t.Context(), "acme", id); err != nil {
		t.Fatal(err)
	}
	p.until(t, id, status(broker.MailSent))
	if len(s.Mails()) != 1 {
		t.Errorf("%d mails", len(s.Mails()))
	}
}

// A code that has run out is not sent, and not tried beyond its time.
func TestExpiry(t *testing.T) {
	s := new(smtptest.Server).Start(t)
	s.Answer("RCPT", "451 later")
	p := newPost(t, s, "smtp://"+s.Addr())
	late, short, long := letter("a@acme.example"), letter("b@acme.example"), letter("c@acme.example")
	late.ExpiresAt, short.ExpiresAt, long.ExpiresAt = p.clock.now().Add(-time.Second), p.clock.now().Add(30*time.Second), p.clock.now().Add(10*time.Minute)
	ids := []string{p.send(t, late), p.send(t, short), p.send(t, long)}
	start(t, p.Mailer)
	for _, id := range ids[:2] {
		if got := p.until(t, id, status(broker.MailFailed)); got.Code != string(fault.MailExpired) {
			t.Errorf("%+v", got)
		}
	}
	p.until(t, ids[2], tried(1))
	s.Answer("RCPT", "")
	p.clock.pass(time.Minute)
	p.until(t, ids[2], status(broker.MailSent))
}

// Many workers on one outbox: each mail arrives once.
func TestManyWorkers(t *testing.T) {
	for name, dbURL := range map[string]func(testing.TB) string{"sqlite": storetest.SQLiteURL, "postgres": pgtest.Start} {
		t.Run(name, func(t *testing.T) {
			c, address := newClock(), dbURL(t)
			s := (&smtptest.Server{Slow: 2 * time.Millisecond}).Start(t)
			var first *mail.Mailer
			for range 3 {
				db := open(t, address, c)
				m := newMailer(t, mail.Options{Outbox: db.Outbox, SMTP: parse(t, "smtp://"+s.Addr()), From: "a@b.example", Now: c.now, Poll: 5 * time.Millisecond, Roots: s.Roots()})
				if first == nil {
					first = m
				}
				start(t, m)
			}
			const n = 60
			for i := range n {
				if _, err := first.Send(t.Context(), letter(fmt.Sprintf("n%d@acme.example", i))); err != nil {
					t.Fatal(err)
				}
			}
			deadline := time.Now().Add(30 * time.Second)
			for len(s.Mails()) < n && time.Now().Before(deadline) {
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(100 * time.Millisecond)
			seen := map[string]int{}
			for _, m := range s.Mails() {
				seen[m.To]++
			}
			if len(seen) != n || len(s.Mails()) != n {
				t.Errorf("%d mails to %d addresses, want %d of each", len(s.Mails()), len(seen), n)
			}
		})
	}
}

// A worker that dies with a mail in its hands gives it up after its lease; the copy has the same ID.
func TestDeadWorker(t *testing.T) {
	s := new(smtptest.Server).Start(t)
	p := newPost(t, s, "smtp://"+s.Addr())
	id := p.send(t, letter("nina@acme.example"))
	claimed, err := p.store.Outbox.Claim(t.Context(), "dead", 5, p.clock.now().Add(5*time.Minute))
	if err != nil || len(claimed) != 1 {
		t.Fatal(claimed, err)
	}
	start(t, p.Mailer)
	time.Sleep(50 * time.Millisecond)
	if len(s.Mails()) != 0 {
		t.Fatal("a claimed mail was sent by another")
	}
	p.clock.pass(5 * time.Minute)
	p.until(t, id, status(broker.MailSent))
	claimed[0].Status = broker.MailFailed
	if err := p.store.Outbox.Finish(t.Context(), claimed[0]); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("the dead worker still writes: %v", err)
	}
	if h, _ := decode(t, s.Mails()[0].Data); h.Get("Message-Id") != "<"+id+"@sso.example>" {
		t.Errorf("Message-ID %s", h.Get("Message-Id"))
	}
}

// Stopping waits for the delivery under way, and does not hang on a server that does.
func TestStop(t *testing.T) {
	s := (&smtptest.Server{Slow: 300 * time.Millisecond}).Start(t)
	p := newPost(t, s, "smtp://"+s.Addr())
	stop := start(t, p.Mailer)
	id := p.send(t, letter("nina@acme.example"))
	for s.Sessions() == 0 {
		time.Sleep(time.Millisecond)
	}
	stop()
	if got := p.get(t, id); got.Status != broker.MailSent {
		t.Errorf("%+v", got)
	}
}

// At most so many deliveries run at a time.
func TestBoundedConcurrency(t *testing.T) {
	s := (&smtptest.Server{Slow: 30 * time.Millisecond}).Start(t)
	p := newPost(t, s, "smtp://"+s.Addr(), func(o *mail.Options) { o.Workers = 2 })
	start(t, p.Mailer)
	ids := []string{}
	for i := range 10 {
		ids = append(ids, p.send(t, letter(fmt.Sprintf("n%d@acme.example", i))))
	}
	most := 0
	for _, id := range ids {
		p.until(t, id, func(m *broker.Mail) bool {
			most = max(most, s.Open())
			return m.Status == broker.MailSent
		})
	}
	if most > 3 { // one more may still be closing
		t.Errorf("%d connections at once", most)
	}
}
