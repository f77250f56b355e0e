package login

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
	"cloakroom/providers"
)

// Kept keeps what waits for a mailed code, sealed.
type Kept interface {
	// Put answers broker.ErrExists where something is kept under the key.
	Put(ctx context.Context, key string, value []byte, expires time.Time) error
	Get(ctx context.Context, key string) ([]byte, error)
	// Take answers a value once.
	Take(ctx context.Context, key string) ([]byte, error)
}

// Confirmation is a mail with the code that ties a new way to sign in to a person who is here already.
type Confirmation struct {
	Realm     *broker.Realm
	To        string
	Locales   []string // the best first
	Reference string
	App       string
	Via       string // the connection's display name
	Code      string
	ExpiresAt time.Time
	Minutes   int
}

const (
	codeFor    = 10 * time.Minute
	codeMails  = 3 // the first and two more
	codeTries  = 5
	codeDigits = 6
	keepFor    = codeMails * codeFor
)

// unconfirmed: the address belongs to a person who is here already, and linking asks for a mail to it first.
type unconfirmed struct {
	why  *fault.Error
	user *broker.User
}

func (u *unconfirmed) Error() string { return u.why.Error() }
func (u *unconfirmed) Unwrap() error { return u.why }

// confirming is a verified identity that waits for the code.
type confirming struct {
	LoginID    string             `json:"l"`
	Connection string             `json:"c"`
	Realm      string             `json:"r"` // the connection's, when it verified the identity
	Identity   providers.Identity `json:"i"`
	UserID     string             `json:"u"`
	Email      string             `json:"e"`
}

func confirmKey(key, part string) string { return "confirm/" + key + "/" + part }

// askToConfirm keeps the verified identity and mails a code to the address.
func (e *Engine) askToConfirm(ctx context.Context, a *arrival, u *unconfirmed) (Step, error) {
	if e.Post == nil || !e.Post.Configured() {
		return Step{}, u
	}
	c := confirming{LoginID: a.login.ID, Connection: a.conn.Slug, Realm: a.conn.Realm, Identity: a.idn, UserID: u.user.ID, Email: u.user.Email}
	b, err := json.Marshal(c)
	if err != nil {
		return Step{}, fault.Wrap(fault.Internal, err, "keeping an identity")
	}
	l := *a.login
	l.Confirm = broker.RandomToken(24)
	if err := e.Kept.Put(ctx, confirmKey(l.Confirm, "identity"), b, e.Now().Add(keepFor)); err != nil {
		return Step{}, err
	}
	if err := e.mailCode(ctx, &l, a.home, a.client, a.conn, &c); err != nil {
		return Step{}, err
	}
	return Step{Page: PageConfirm, Login: &l}, nil
}

// mailCode makes a code and mails it. Any of a login's codes counts while its ten minutes last: mails overtake each other.
func (e *Engine) mailCode(ctx context.Context, l *broker.Login, home *broker.Realm, client *broker.Client, conn *registry.Connection, c *confirming) error {
	u, err := e.Users.Get(ctx, conn.Realm, c.UserID)
	if err != nil {
		return err
	}
	code, expires := newCode(), e.Now().Add(codeFor)
	if err := e.keepCode(ctx, l.Confirm, code, expires); err != nil {
		return err
	}
	err = e.Post.ConfirmLink(ctx, Confirmation{
		Realm: home, To: c.Email, Locales: append(append([]string{}, l.UILocales...), u.Locale), Reference: l.Ref(), App: client.DisplayName,
		Via: conn.DisplayName, Code: code, ExpiresAt: expires, Minutes: int(codeFor.Minutes()),
	})
	if err != nil {
		return err
	}
	e.Events.Log(broker.Event{At: e.Now(), Kind: "user.link_asked", Realm: conn.Realm, Connection: conn.Slug, Client: l.ClientID, Ref: l.Ref(), UserID: u.ID, Email: c.Email, Subject: "user:" + u.ID})
	return nil
}

func (e *Engine) keepCode(ctx context.Context, key, code string, expires time.Time) error {
	for n := range codeMails {
		err := e.Kept.Put(ctx, confirmKey(key, "code"+strconv.Itoa(n)), []byte(codeHash(key, code)), expires)
		if !errors.Is(err, broker.ErrExists) {
			return err
		}
	}
	return fault.New(fault.RateLimited, "%d codes were mailed for one sign-in", codeMails)
}

func newCode() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil { // crypto/rand does not fail (its documentation, since Go 1.24)
		n = new(big.Int)
	}
	return fmt.Sprintf("%0*d", codeDigits, n.Int64())
}

// codeHash binds a code to its login: the key is secret and stands in the browser's sealed cookie only.
func codeHash(key, code string) string { return broker.HashToken(key + ":" + code) }

// Confirming answers what the page that asks for the code shows: the address it was mailed to, and the connection.
func (e *Engine) Confirming(ctx context.Context, l *broker.Login) (address string, conn *registry.Connection, err error) {
	c, conn, err := e.confirming(ctx, l)
	if err != nil {
		return "", nil, err
	}
	return c.Email, conn, nil
}

func (e *Engine) confirming(ctx context.Context, l *broker.Login) (*confirming, *registry.Connection, error) {
	if l.Confirm == "" {
		return nil, nil, fault.New(fault.LoginLinkExpired, "nothing waits to be confirmed")
	}
	b, err := e.Kept.Get(ctx, confirmKey(l.Confirm, "identity"))
	if err != nil {
		return nil, nil, overdue(err)
	}
	c, err := readConfirming(b, l)
	if err != nil {
		return nil, nil, err
	}
	conn, err := e.Config.Connection(ctx, c.Connection)
	if err != nil {
		return nil, nil, err
	}
	return c, conn, sameRealm(conn, c.Realm)
}

func overdue(err error) error {
	if errors.Is(err, broker.ErrNotFound) {
		return fault.New(fault.LoginLinkExpired, "no identity waits under this key")
	}
	return err
}

func readConfirming(b []byte, l *broker.Login) (*confirming, error) {
	var c confirming
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "kept identity")
	}
	if c.LoginID != l.ID {
		return nil, fault.New(fault.LoginForeign, "the identity waits for login %s", broker.RefOf(c.LoginID))
	}
	return &c, nil
}

// Resend mails another code.
func (e *Engine) Resend(ctx context.Context, l *broker.Login) (Step, error) {
	c, conn, err := e.confirming(ctx, l)
	if err != nil {
		return Step{}, err
	}
	_, client, err := e.parties(ctx, l)
	if err != nil {
		return Step{}, err
	}
	home, err := e.Config.Realm(ctx, conn.Realm)
	if err != nil {
		return Step{}, err
	}
	return Step{Page: PageConfirm, Login: l}, e.mailCode(ctx, l, home, client, conn, c)
}

// Confirm takes the code that the person typed. With the right one the link is made and the login goes on, the identity
// judged again as it was when it came. LoginLinkCode: it is wrong, and may be tried again.
func (e *Engine) Confirm(ctx context.Context, l *broker.Login, typed string) (Step, error) {
	c, conn, err := e.confirming(ctx, l)
	if err != nil {
		return Step{}, err
	}
	if err := e.try(ctx, l, conn, typed); err != nil {
		return Step{}, err
	}
	if _, err := e.Kept.Take(ctx, confirmKey(l.Confirm, "identity")); err != nil {
		return Step{}, overdue(err)
	}
	if err := conn.Off(); err != nil {
		return e.failed(ctx, l, conn, err)
	}
	return e.complete(ctx, &arrival{login: l, conn: conn, idn: c.Identity, confirmed: c.UserID})
}

// try compares a code, five times at most per login. Tries are marked in the store: a cookie that is sent again brings
// none back.
func (e *Engine) try(ctx context.Context, l *broker.Login, conn *registry.Connection, typed string) error {
	typed = strings.Join(strings.Fields(typed), "")
	if len(typed) != codeDigits {
		return fault.New(fault.LoginLinkCode, "%d characters", len(typed)) // no guess, so no try
	}
	n, err := e.countTry(ctx, l.Confirm)
	if err != nil {
		return err
	}
	if n == 0 {
		return e.spent(ctx, l, conn)
	}
	right, err := e.isCode(ctx, l.Confirm, typed)
	switch {
	case err != nil || right:
		return err
	case n == codeTries:
		return e.spent(ctx, l, conn)
	}
	return fault.New(fault.LoginLinkCode, "try %d of %d", n, codeTries)
}

// spent ends a confirmation: not even the right code opens it any more.
func (e *Engine) spent(ctx context.Context, l *broker.Login, conn *registry.Connection) error {
	if _, err := e.Kept.Take(ctx, confirmKey(l.Confirm, "identity")); err != nil && !errors.Is(err, broker.ErrNotFound) {
		return err
	}
	return e.trouble(ctx, l, conn, fault.New(fault.LoginLinkTries, "%d wrong codes", codeTries))
}

// countTry takes the next of the tries, 0 if none is left.
func (e *Engine) countTry(ctx context.Context, key string) (int, error) {
	for n := range codeTries {
		ok, err := e.Waiting.Once(ctx, "confirm", []providers.Once{{ID: key + "/" + strconv.Itoa(n), Until: e.Now().Add(keepFor)}})
		if err != nil || ok {
			return n + 1, err
		}
	}
	return 0, nil
}

func (e *Engine) isCode(ctx context.Context, key, typed string) (bool, error) {
	want, right := []byte(codeHash(key, typed)), 0
	for n := range codeMails {
		kept, err := e.Kept.Get(ctx, confirmKey(key, "code"+strconv.Itoa(n)))
		if errors.Is(err, broker.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		right |= subtle.ConstantTimeCompare(kept, want)
	}
	return right == 1, nil
}
