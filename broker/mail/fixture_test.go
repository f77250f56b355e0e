package mail_test

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/mail"
	"cloakroom/broker/mail/smtptest"
	"cloakroom/store"
	"cloakroom/store/seal"
	"cloakroom/store/storetest"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now().UTC().Truncate(time.Second)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// open opens a store whose clock the test moves, with the realm acme in it.
func open(t *testing.T, dbURL string, c *clock) *store.Store {
	t.Helper()
	var sealer seal.Sealer = storetest.Keyring(t)
	s, err := store.Open(context.Background(), store.Options{URL: dbURL, Sealer: sealer, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Migrate(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"acme", "globex"} {
		r := &broker.Realm{Name: name}
		r.Defaults()
		if err := s.Realms.Create(context.Background(), r); err != nil && !errors.Is(err, broker.ErrExists) {
			t.Fatal(err)
		}
	}
	return s
}

// post is a Mailer on SQLite and the server it speaks to; start runs it until the test ends.
type post struct {
	*mail.Mailer
	store *store.Store
	clock *clock
}

func newPost(t *testing.T, server *smtptest.Server, address string, change ...func(*mail.Options)) *post {
	t.Helper()
	c := newClock()
	p := &post{store: open(t, storetest.SQLiteURL(t), c), clock: c}
	o := mail.Options{Outbox: p.store.Outbox, From: "Cloakroom <no-reply@sso.example>", Now: c.now, Timeout: 3 * time.Second, Poll: 10 * time.Millisecond}
	if server != nil {
		o.Roots, o.SMTP = server.Roots(), parse(t, address)
	}
	for _, f := range change {
		f(&o)
	}
	p.Mailer = newMailer(t, o)
	return p
}

func newMailer(t *testing.T, o mail.Options) *mail.Mailer {
	t.Helper()
	m, err := mail.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func parse(t *testing.T, address string) *mail.Server {
	t.Helper()
	s, err := mail.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func start(t *testing.T, m *mail.Mailer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); m.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func (p *post) send(t *testing.T, m mail.Message) string {
	t.Helper()
	id, err := p.Send(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (p *post) get(t *testing.T, id string) *broker.Mail {
	t.Helper()
	m, err := p.store.Outbox.Reveal(context.Background(), "acme", id)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// until waits for a mail to come into a state.
func (p *post) until(t *testing.T, id string, ok func(*broker.Mail) bool) *broker.Mail {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for {
		m := p.get(t, id)
		if ok(m) {
			return m
		}
		if time.Now().After(deadline) {
			t.Fatalf("the mail stays as it is: %+v", m)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func status(s string) func(*broker.Mail) bool {
	return func(m *broker.Mail) bool { return m.Status == s }
}

// tried says that a mail was tried at least n times and nobody holds it.
func tried(n int) func(*broker.Mail) bool {
	return func(m *broker.Mail) bool { return m.Attempts >= n && m.Holder == "" }
}

func letter(to string) mail.Message {
	return mail.Message{Realm: "acme", To: to, Locale: "en", Kind: mail.Invitation, Subject: "You are invited", Text: "Come in: https://sso.example/invite/x\n", HTML: "<p>Come in</p>"}
}

func wantCode(t *testing.T, err error, want fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != want {
		t.Errorf("error = %v, want %s", err, want)
	}
}

func userURL(scheme, user, password, host, query string) string {
	u := url.URL{Scheme: scheme, Host: host, RawQuery: query}
	if user != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}
