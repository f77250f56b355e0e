package login

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Local ways in need no identity provider: a mailed code, a passkey, a password. They are for the people whom no enforced
// connection binds, and for those who are excluded from it. What a stranger sees is the same for every address, in
// content and in time: whether a person exists and may come in this way shows only to who has the code, key or password.

// Local ways, as a realm's local_login lists them.
const (
	ByCode     = "email_code"
	ByPasskey  = "passkey"
	ByPassword = "password"
)

// amrOf is what tokens say of a local way (RFC 8176).
var amrOf = map[string]string{ByCode: "otp", ByPasskey: "hwk", ByPassword: "pwd"}

// Credentials keeps passwords and passkeys.
type Credentials interface {
	ByUser(ctx context.Context, realm, userID string) ([]*broker.Credential, error)
	OfPerson(ctx context.Context, userID string) ([]*broker.Credential, error)
	// Add stores a credential unless the person has limit of its kind; a password replaces the one there was.
	Add(ctx context.Context, c *broker.Credential, limit int) error
	Used(ctx context.Context, c *broker.Credential, at time.Time) error
	Delete(ctx context.Context, realm, userID, id string) error
}

// LocalMail is a mail with a code or a link for a local way in.
type LocalMail struct {
	Realm     *broker.Realm
	User      *broker.User
	Locales   []string // the best first
	Reference string
	App       string
	Code      string // of a mailed code
	Kind      string // of a link: credential.Password or credential.Passkey
	URL       string // of a link
	ExpiresAt time.Time
	Known     bool // asked for in a browser that the person has signed in with before
}

// LocalPost writes the mails of local ways.
type LocalPost interface {
	EmailCode(ctx context.Context, m LocalMail) error
	CredentialLink(ctx context.Context, m LocalMail) error
}

// Local is what local ways stand on.
type Local struct {
	Credentials Credentials
	Passwords   *credential.Passwords
	Passkeys    *credential.Passkeys
	Guard       *credential.Guard
	Post        LocalPost
	BaseURL     string
	// EndUser signs a person out everywhere.
	EndUser func(ctx context.Context, realm, userID string) error
	// Go runs f after the answer, so that its time tells nothing; ctx's values stay, its end does not count.
	Go func(ctx context.Context, f func(ctx context.Context))
}

// LocalWays are the ways that a login's page offers.
type LocalWays struct {
	Realm   *broker.Realm
	Client  *broker.Client
	Methods []string
}

// Has reports whether a way is offered.
func (w LocalWays) Has(method string) bool { return slices.Contains(w.Methods, method) }

// LocalWays answers what a login may be finished with, without any identity provider.
func (e *Engine) LocalWays(ctx context.Context, l *broker.Login) (LocalWays, error) {
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return LocalWays{}, err
	}
	w := LocalWays{Realm: realm, Client: client}
	for _, m := range broker.LocalLogins {
		if e.Local != nil && client.AllowsConnection("") && slices.Contains(realm.LocalLogin, m) {
			w.Methods = append(w.Methods, m)
		}
	}
	if len(w.Methods) == 0 {
		return w, fault.New(fault.LocalNotOffered, "realm %q, client %q", realm.Name, client.ClientID)
	}
	return w, nil
}

func (e *Engine) offered(ctx context.Context, l *broker.Login, method string) (LocalWays, error) {
	w, err := e.LocalWays(ctx, l)
	if err == nil && !w.Has(method) {
		err = fault.New(fault.LocalNotOffered, "%s, realm %q", method, l.Realm)
	}
	return w, err
}

// LocalAccount names the account that an address of a login means, for the guard and the browser's memory. It exists for
// every address.
func (e *Engine) LocalAccount(ctx context.Context, l *broker.Login, address string) (string, error) {
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return "", err
	}
	a, err := email.Normalise(address)
	if err != nil {
		return "", err
	}
	lives, err := e.lives(ctx, l, realm, client, a)
	return credential.Account(lives, a.String()), err
}

// lives is the realm whose person an address means.
func (e *Engine) lives(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client, a email.Address) (string, error) {
	if at := home(l, realm, client); at != "" {
		return at, nil
	}
	owner, err := e.Config.DomainOwner(ctx, a.Domain())
	if owner == "" {
		owner = realm.Name
	}
	return owner, err
}

// localPerson finds the person of an address, nil where there is none who may use the method.
func (e *Engine) localPerson(ctx context.Context, l *broker.Login, w LocalWays, method, address string) (*broker.User, error) {
	a, err := email.Normalise(address)
	if err != nil {
		return nil, nil
	}
	lives, err := e.lives(ctx, l, w.Realm, w.Client, a)
	if err != nil {
		return nil, err
	}
	u, err := e.Users.ByEmail(ctx, lives, a.String())
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if u.Status == broker.StatusMerged {
		if u, err = e.merged(ctx, u); err != nil {
			return nil, nil
		}
	}
	ok, err := e.mayUse(ctx, l, w, method, u)
	if err != nil || !ok {
		return nil, err
	}
	return u, nil
}

// mayUse is the wall for local ways: the person lives in the login's realm (or below its hub, where the client and the
// application's hints allow), is let in at all, and may use the method.
func (e *Engine) mayUse(ctx context.Context, l *broker.Login, w LocalWays, method string, u *broker.User) (bool, error) {
	if u.Realm != w.Realm.Name {
		at := home(l, w.Realm, w.Client)
		if !w.Realm.Hub || at != "" && at != u.Realm {
			return false, nil
		}
		// Towards a hub nobody speaks for an address whose domain another realm has verified (contract, section 5.2).
		if ok, err := e.ownDomain(ctx, u); err != nil || !ok {
			return false, err
		}
	} else if at := home(l, w.Realm, w.Client); at != "" && at != u.Realm {
		return false, nil
	}
	return e.localAllowed(ctx, u, method)
}

func (e *Engine) ownDomain(ctx context.Context, u *broker.User) (bool, error) {
	a, err := email.Normalise(u.Email)
	if err != nil {
		return false, nil
	}
	owner, err := e.Config.DomainOwner(ctx, a.Domain())
	return err == nil && (owner == "" || owner == u.Realm), err
}

// localAllowed says whether a person may use a local way of their own realm: the realm lists it, and no enforced
// connection binds the person.
func (e *Engine) localAllowed(ctx context.Context, u *broker.User, method string) (bool, error) {
	if barred(u) != nil {
		return false, nil
	}
	at, err := e.Config.Realm(ctx, u.Realm)
	if err != nil {
		return false, err
	}
	only, err := e.mustUse(ctx, u.Realm, u.Email)
	return err == nil && slices.Contains(at.LocalLogin, method) && (u.Excluded || len(only) == 0), err
}

// localStands is Stands for a session that came by a local way.
func (e *Engine) localStands(ctx context.Context, u *broker.User, amr []string) (bool, error) {
	for method, name := range amrOf {
		if slices.Contains(amr, name) {
			return e.localAllowed(ctx, u, method)
		}
	}
	return false, nil
}

// localSuits is suits for a session that came by a local way.
func (e *Engine) localSuits(l *broker.Login, realm *broker.Realm, client *broker.Client, s *broker.Session) bool {
	if !client.AllowsConnection("") || s.HomeRealm != realm.Name && !realm.Hub {
		return false
	}
	at := home(l, realm, client)
	return at == "" || at == s.HomeRealm
}

// guarded runs a try behind the guard. check answers whether it succeeded and whose it was.
func (e *Engine) guarded(ctx context.Context, l *broker.Login, method, address string, who credential.Guesser, check func() (*broker.User, error)) (*broker.User, error) {
	account, err := e.LocalAccount(ctx, l, address)
	if err != nil {
		return nil, err
	}
	if wait := e.Local.Guard.Take(account, who); wait > 0 {
		return nil, e.localFailed(ctx, l, method, address, who, fault.New(fault.LocalWait, "%s more", wait.Round(time.Second)))
	}
	u, err := check()
	if err != nil {
		if fault.Lookup(fault.CodeOf(err)).Status < 500 {
			return nil, e.localFailed(ctx, l, method, address, who, err)
		}
		return nil, err
	}
	e.Local.Guard.Forgive(account, who)
	return u, nil
}

// localFailed records a try that failed, for operators to see.
func (e *Engine) localFailed(ctx context.Context, l *broker.Login, method, address string, who credential.Guesser, err error) error {
	f := fault.As(err)
	e.Events.Log(broker.Event{
		At: e.Now(), Kind: "login.failed", Code: string(f.Code), Detail: clip("local "+method+": "+f.Error(), 1000), Realm: l.Realm, Ref: l.Ref(),
		Client: l.ClientID, Email: address, RemoteIP: who.IP,
	})
	e.Logger.WarnContext(ctx, "local login failed", "code", f.Code, "error", err.Error(), "ref", l.Ref(), "client", l.ClientID, "method", method)
	return err
}

// letIn makes the session of a person who came by a local way and answers the application.
func (e *Engine) letIn(ctx context.Context, l *broker.Login, w LocalWays, u *broker.User, method string, who credential.Guesser) (Step, error) {
	s := &broker.Session{HomeRealm: u.Realm, UserID: u.ID, AuthTime: e.Now().Truncate(time.Second), AMR: []string{amrOf[method]}}
	cookie, err := e.Sessions.New(ctx, w.Realm, s, time.Time{})
	if err != nil {
		return Step{}, err
	}
	step, err := e.respond(ctx, Result{Login: l, Realm: w.Realm, Client: w.Client, Session: s, User: u})
	if err != nil {
		return Step{}, err
	}
	step.Session = &NewSession{Session: s, Cookie: cookie}
	e.Events.Log(broker.Event{
		At: e.Now(), Kind: "login.succeeded", Detail: "local " + method, Realm: u.Realm, Ref: l.Ref(), Client: l.ClientID, UserID: u.ID, Email: u.Email, RemoteIP: who.IP,
	})
	return step, nil
}

// SendCode makes a code for an address and answers what the browser keeps of it. It is mailed afterwards, to whoever may
// use it: the answer is the same, and as fast, for an address that nobody has.
func (e *Engine) SendCode(ctx context.Context, l *broker.Login, address string, who credential.Guesser) (credential.Code, error) {
	w, err := e.offered(ctx, l, ByCode)
	if err != nil {
		return credential.Code{}, err
	}
	a, err := email.Normalise(address)
	if err != nil {
		return credential.Code{}, err
	}
	digits, code := credential.NewCode(l.ID, a.String(), e.Now())
	login := *l
	e.Local.Go(ctx, func(ctx context.Context) {
		u, err := e.localPerson(ctx, &login, w, ByCode, code.Address)
		if err == nil && u != nil {
			err = e.Local.Post.EmailCode(ctx, LocalMail{
				Realm: w.Realm, User: u, Locales: append(slices.Clone(login.UILocales), u.Locale), Reference: login.Ref(), App: w.Client.DisplayName,
				Code: digits, ExpiresAt: code.Expires, Known: who.Device != "",
			})
		}
		if err != nil {
			_ = e.localFailed(ctx, &login, ByCode, code.Address, who, err)
		}
	})
	return code, nil
}

// EnterCode finishes a login with the mailed code.
func (e *Engine) EnterCode(ctx context.Context, l *broker.Login, code credential.Code, typed string, who credential.Guesser) (Step, error) {
	w, err := e.offered(ctx, l, ByCode)
	if err != nil {
		return Step{}, err
	}
	if !code.Live(l.ID, e.Now()) {
		return Step{}, fault.New(fault.LocalCodeOver, "no live code of this login")
	}
	u, err := e.guarded(ctx, l, ByCode, code.Address, who, func() (*broker.User, error) {
		if err := e.tryCode(ctx, code); err != nil {
			return nil, err
		}
		if !code.Is(typed) {
			return nil, fault.New(fault.LocalRefused, "another code")
		}
		// Asked anew: much can happen in ten minutes.
		u, err := e.localPerson(ctx, l, w, ByCode, code.Address)
		if err == nil && u == nil {
			err = fault.New(fault.LocalRefused, "the person may not sign in by code any more")
		}
		return u, err
	})
	if err != nil {
		return Step{}, err
	}
	if u, err = e.proved(ctx, u); err != nil {
		return Step{}, err
	}
	return e.letIn(ctx, l, w, u, ByCode, who)
}

// tryCode takes one of the code's tries, whichever replica it is at.
func (e *Engine) tryCode(ctx context.Context, code credential.Code) error {
	for n := range credential.CodeTries {
		free, err := e.Waiting.Once(ctx, "local code", []providers.Once{{ID: code.Serial + "/" + strconv.Itoa(n), Until: code.Expires.Add(time.Minute)}})
		if err != nil || free {
			return err
		}
	}
	return fault.New(fault.LocalCodeOver, "tried %d times", credential.CodeTries)
}

// proved notes that the address is the person's: a code that was mailed to it came back.
func (e *Engine) proved(ctx context.Context, u *broker.User) (*broker.User, error) {
	if u.EmailVerified {
		return u, nil
	}
	next := *u
	next.EmailVerified = true
	err := e.Users.Update(ctx, &next)
	if errors.Is(err, broker.ErrConflict) {
		return e.Users.Get(ctx, u.Realm, u.ID)
	}
	return &next, err
}

// EnterPassword finishes a login with address and password.
func (e *Engine) EnterPassword(ctx context.Context, l *broker.Login, address, password string, who credential.Guesser) (Step, error) {
	w, err := e.offered(ctx, l, ByPassword)
	if err != nil {
		return Step{}, err
	}
	u, err := e.guarded(ctx, l, ByPassword, address, who, func() (*broker.User, error) {
		u, err := e.localPerson(ctx, l, w, ByPassword, address)
		if err != nil {
			return nil, err
		}
		return u, e.checkPassword(ctx, u, password)
	})
	if err != nil {
		return Step{}, err
	}
	return e.letIn(ctx, l, w, u, ByPassword, who)
}

// checkPassword does the same work for nobody and for somebody without a password.
func (e *Engine) checkPassword(ctx context.Context, u *broker.User, password string) error {
	if u == nil {
		u = &broker.User{}
	}
	c, err := e.password(ctx, u)
	if err != nil {
		return err
	}
	ok, err := e.Local.Passwords.Check(ctx, c.Data, password)
	switch {
	case err != nil:
		return err
	case !ok:
		return fault.New(fault.LocalRefused, "another password, or the person has none, or may not use one")
	}
	return e.Local.Credentials.Used(ctx, c, e.Now())
}

// password answers a person's password, the zero Credential for none.
func (e *Engine) password(ctx context.Context, u *broker.User) (*broker.Credential, error) {
	kept, err := e.Local.Credentials.ByUser(ctx, u.Realm, u.ID)
	for _, c := range kept {
		if c.Kind == credential.Password {
			return c, nil
		}
	}
	return &broker.Credential{}, err
}

// AskPasskey begins a sign-in by passkey: options for the page, state for the browser's sealed cookie.
func (e *Engine) AskPasskey(ctx context.Context, l *broker.Login) (options, state []byte, err error) {
	if _, err := e.offered(ctx, l, ByPasskey); err != nil {
		return nil, nil, err
	}
	return e.Local.Passkeys.Ask()
}

// EnterPasskey finishes a login with what the browser answered to AskPasskey. It answers the person too, whose address
// the browser did not name.
func (e *Engine) EnterPasskey(ctx context.Context, l *broker.Login, state, answer []byte, who credential.Guesser) (Step, *broker.User, error) {
	w, err := e.offered(ctx, l, ByPasskey)
	if err != nil {
		return Step{}, nil, err
	}
	u, c, err := e.Local.Passkeys.Check(state, answer, func(userID string) (*broker.User, []*broker.Credential, error) {
		return e.holder(ctx, l, w, userID)
	})
	if err == nil {
		err = e.onceChallenge(ctx, credential.Challenge(state))
	}
	if err != nil {
		if fault.Lookup(fault.CodeOf(err)).Status < 500 {
			err = e.localFailed(ctx, l, ByPasskey, "", who, err)
		}
		return Step{}, nil, err
	}
	if err := e.Local.Credentials.Used(ctx, c, e.Now()); err != nil {
		return Step{}, nil, err
	}
	step, err := e.letIn(ctx, l, w, u, ByPasskey, who)
	return step, u, err
}

// holder finds who a passkey belongs to. The host of all realms is one, so browsers offer the passkeys of each at every
// realm's page: whose it is decides the credential's realm.
func (e *Engine) holder(ctx context.Context, l *broker.Login, w LocalWays, userID string) (*broker.User, []*broker.Credential, error) {
	refused := fault.New(fault.LocalRefused, "the passkey's person is not known here or may not sign in by one")
	if userID == "" || len(userID) > 64 {
		return nil, nil, refused
	}
	kept, err := e.Local.Credentials.OfPerson(ctx, userID)
	if err != nil {
		return nil, nil, err
	}
	if len(kept) == 0 {
		return nil, nil, refused
	}
	u, err := e.Users.Get(ctx, kept[0].Realm, userID)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil, refused
	}
	if err != nil {
		return nil, nil, err
	}
	ok, err := e.mayUse(ctx, l, w, ByPasskey, u)
	if err == nil && !ok {
		err = refused
	}
	return u, kept, err
}

// onceChallenge takes an answer's challenge.
func (e *Engine) onceChallenge(ctx context.Context, challenge string) error {
	first, err := e.Waiting.Once(ctx, "passkey", []providers.Once{{ID: challenge, Until: e.Now().Add(2 * credential.CeremonyFor)}})
	if err == nil && !first {
		err = fault.New(fault.LocalPasskey, "the answer was used before")
	}
	return err
}
