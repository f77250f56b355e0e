package login

import (
	"context"
	"net/url"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
	"cloakroom/providers"
)

// A directory asks nothing itself: its name and password are typed on a page of ours. Nothing of the page is stored; the
// handle of the attempt stands in its form, and only the browser that began the login can post it.

// Prompted is what a connection asks on a page of ours.
type Prompted struct {
	Realm      *broker.Realm // the client's
	Connection *registry.Connection
	Fields     []providers.Prompt
	State      string // the attempt's handle, which comes back with the answer
}

// Ask begins an attempt at a connection that asks on a page of ours, anew each time the page is shown.
func (e *Engine) Ask(ctx context.Context, l *broker.Login, slug string) (Prompted, error) {
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return Prompted{}, err
	}
	conn, err := e.Config.Connection(ctx, slug)
	if err != nil {
		return Prompted{}, err
	}
	ch, h, err := e.start(ctx, l, realm, client, conn)
	if err == nil && len(ch.Fields) == 0 {
		err = fault.New(fault.LoginNoMessage, "connection %q asks on its own page", slug)
	}
	return Prompted{Realm: realm, Connection: conn, Fields: ch.Fields, State: h.String()}, err
}

// Answer finishes a login with what was typed on our page. state is the attempt's handle; the wall between realms, and
// whether the connection is switched on, come before anything is asked of the directory.
func (e *Engine) Answer(ctx context.Context, l *broker.Login, slug, state string, typed url.Values, who credential.Guesser) (Step, error) {
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return Step{}, err
	}
	conn, err := e.Config.Connection(ctx, slug)
	if err != nil {
		return Step{}, err
	}
	h, err := e.Handles.Read(state, slug)
	if err == nil && (h.Test || h.LoginID != l.ID) {
		err = fault.New(fault.LoginForeign, "the cookie is of login %s, the form of %s", l.Ref(), broker.RefOf(h.LoginID))
	}
	if err == nil {
		err = e.open(l, realm, client, conn)
	}
	if err != nil {
		return Step{}, err
	}
	ctx = e.tracing(ctx, l, h)
	if conn, err = InConfiguration(conn, h.Shadow); err != nil {
		return Step{}, err
	}
	try, err := e.guess(conn, h, typed, who)
	if err != nil {
		return e.failed(ctx, l, conn, err)
	}
	idn, err := e.verify(ctx, conn, h, try.Request, try.Reply)
	try.Settle(err)
	return e.verified(ctx, l, conn, idn, err)
}

// Try is one password that somebody tries at a directory. It is counted as a failure until Settle says otherwise, by the
// name that was typed and by the account that the directory says it means.
type Try struct {
	Request providers.Request
	Reply   providers.Reply
	guard   *credential.Guard
	who     credential.Guesser
	slug    string
	taken   []string
}

// TestTry is the try of a test login, whose page has the state of an attempt too.
func (e *Engine) TestTry(l *broker.Login, conn *registry.Connection, state string, typed url.Values, who credential.Guesser) (*Try, error) {
	h, err := e.Handles.Read(state, conn.Slug)
	if err == nil && (!h.Test || h.LoginID != l.ID || h.Shadow != conn.OnTrial()) {
		err = fault.New(fault.LoginForeign, "the form is not of test %s", l.Ref())
	}
	if err != nil {
		return nil, err
	}
	return e.guess(conn, h, typed, who)
}

// guess counts a try and answers what the provider is told of it.
func (e *Engine) guess(conn *registry.Connection, h Handle, typed url.Values, who credential.Guesser) (*Try, error) {
	switch {
	case conn.Err != nil:
		return nil, conn.Err
	case e.Guesses == nil:
		return nil, fault.New(fault.Internal, "nobody counts the passwords that are tried")
	}
	t := &Try{Request: e.request(conn, h), Reply: providers.Reply{Method: "POST", Form: typed}, guard: e.Guesses, who: who, slug: conn.Slug}
	t.Request.Admit = func(account string) error { return t.take("account", account) }
	return t, t.take("name", typed.Get("username"))
}

// PromptAccount names, for the guard and for the browser's memory, what somebody typed as a name.
func PromptAccount(slug, name string) string { return promptAccount(slug, "name", name) }

func promptAccount(slug, kind, name string) string {
	return credential.Account("directory "+slug+" "+kind, strings.ToLower(strings.TrimSpace(name)))
}

func (t *Try) take(kind, name string) error {
	key := promptAccount(t.slug, kind, name)
	if wait := t.guard.Take(key, t.who); wait > 0 {
		return fault.New(fault.LoginGuessWait, "%s more", wait.Round(time.Second))
	}
	t.taken = append(t.taken, key)
	return nil
}

// Settle says what became of the try. Only what the person can mend was a guess; where the directory is away, or refuses
// us, nobody is made to wait for it.
func (t *Try) Settle(err error) {
	for _, key := range t.taken {
		switch {
		case err == nil:
			t.guard.Forgive(key, t.who)
		case fault.Lookup(fault.CodeOf(err)).Side != fault.User:
			t.guard.Return(key, t.who)
		}
	}
}
