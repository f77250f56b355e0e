package login

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/fault"
)

// A person sets up passwords and passkeys by a link that is good once, or within a quarter of an hour of a sign-in.

// How long links are good for, and how many passkeys a person has.
const (
	AskedLinkFor    = 30 * time.Minute // asked for on a sign-in page
	OperatorLinkFor = 24 * time.Hour
	freshFor        = 15 * time.Minute
	maxPasskeys     = 20
)

// kindMethods is what signs in with a kind of credential.
var kindMethods = map[string]string{credential.Password: ByPassword, credential.Passkey: ByPasskey}

// Setup is the right to set up local ways of one person.
type Setup struct {
	Realm *broker.Realm // the person's own
	User  *broker.User
	Kinds []string // credential.Password, credential.Passkey
	// Ref is the reference of the login that the link was asked for in, "" for none.
	Ref string
	// Session is what the right comes from where it is no link.
	Session *broker.Session
	at      *broker.Realm // where the session is
	token   string
}

// May reports whether a kind can be set up.
func (s *Setup) May(kind string) bool { return slices.Contains(s.Kinds, kind) }

// link is what is kept of a link. Password is the password that there was: once it is changed, older links are over.
type link struct {
	Realm    string `json:"r"`
	UserID   string `json:"u"`
	Kind     string `json:"k"`
	Ref      string `json:"l,omitempty"`
	Password string `json:"p,omitempty"`
}

func linkKey(token string) string { return "local/" + broker.HashToken(token) }

// NewLink makes a link for a person to set up a kind of credential.
func (e *Engine) NewLink(ctx context.Context, u *broker.User, kind, ref string, age time.Duration) (url string, expires time.Time, err error) {
	ok, err := e.localAllowed(ctx, u, kindMethods[kind])
	if err == nil && !ok {
		err = fault.New(fault.LocalNotOffered, "%s for user %s: the realm does not list it, an enforced connection binds the person, or they are not let in", kind, u.ID)
	}
	if err != nil {
		return "", time.Time{}, err
	}
	was, err := e.passwordID(ctx, u)
	if err != nil {
		return "", time.Time{}, err
	}
	b, err := json.Marshal(link{Realm: u.Realm, UserID: u.ID, Kind: kind, Ref: ref, Password: was})
	if err != nil {
		return "", time.Time{}, err
	}
	token := broker.RandomToken(32)
	expires = e.Now().Add(age).Truncate(time.Second)
	return e.Local.BaseURL + "/realms/" + u.Realm + "/local/" + token, expires, e.Kept.Put(ctx, linkKey(token), b, expires)
}

func (e *Engine) passwordID(ctx context.Context, u *broker.User) (string, error) {
	c, err := e.password(ctx, u)
	return c.ID, err
}

// SendLink mails a link to set a password, to whoever may have one; as SendCode it tells nothing.
func (e *Engine) SendLink(ctx context.Context, l *broker.Login, address string, who credential.Guesser) error {
	w, err := e.offered(ctx, l, ByPassword)
	if err != nil {
		return err
	}
	login := *l
	e.Local.Go(ctx, func(ctx context.Context) {
		u, err := e.localPerson(ctx, &login, w, ByPassword, address)
		if err == nil && u != nil {
			err = e.mailLink(ctx, w, &login, u, who)
		}
		if err != nil {
			_ = e.localFailed(ctx, &login, ByPassword, address, who, err)
		}
	})
	return nil
}

func (e *Engine) mailLink(ctx context.Context, w LocalWays, l *broker.Login, u *broker.User, who credential.Guesser) error {
	url, expires, err := e.NewLink(ctx, u, credential.Password, l.Ref(), AskedLinkFor)
	if err != nil {
		return err
	}
	return e.Local.Post.CredentialLink(ctx, LocalMail{
		Realm: w.Realm, User: u, Locales: append(slices.Clone(l.UILocales), u.Locale), Reference: l.Ref(), App: w.Client.DisplayName,
		Kind: credential.Password, URL: url, ExpiresAt: expires, Known: who.Device != "",
	})
}

// OpenLink answers what a link is good for. Looking uses nothing up: mail scanners open links, too.
func (e *Engine) OpenLink(ctx context.Context, realm, token string) (*Setup, error) {
	over := fault.New(fault.LocalLinkOver, "realm %q", realm)
	if len(token) != 43 || e.Local == nil {
		return nil, over
	}
	b, err := e.Kept.Get(ctx, linkKey(token))
	if errors.Is(err, broker.ErrNotFound) {
		return nil, over
	}
	if err != nil {
		return nil, err
	}
	var k link
	if err := json.Unmarshal(b, &k); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "link")
	}
	if k.Realm != realm {
		return nil, over
	}
	u, err := e.Users.Get(ctx, k.Realm, k.UserID)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, over
	}
	if err != nil {
		return nil, err
	}
	if was, err := e.passwordID(ctx, u); err != nil || was != k.Password {
		return nil, errors.Join(err, over)
	}
	s := &Setup{User: u, Ref: k.Ref, token: token}
	return s, e.allow(ctx, s, k.Kind)
}

// allow fills in what may be set up; nothing at all is a fault.
func (e *Engine) allow(ctx context.Context, s *Setup, kinds ...string) (err error) {
	if s.Realm, err = e.Config.Realm(ctx, s.User.Realm); err != nil {
		return err
	}
	for _, kind := range kinds {
		ok, err := e.localAllowed(ctx, s.User, kindMethods[kind])
		if err != nil {
			return err
		}
		if ok {
			s.Kinds = append(s.Kinds, kind)
		}
	}
	if len(s.Kinds) == 0 {
		return fault.New(fault.LocalNotOffered, "%v for user %s", kinds, s.User.ID)
	}
	return nil
}

// OpenSession answers what a signed-in person may set up, whatever way they came by, soon after they did.
func (e *Engine) OpenSession(ctx context.Context, realm, cookie string) (*Setup, error) {
	if e.Local == nil {
		return nil, fault.New(fault.LocalNotOffered, "realm %q", realm)
	}
	s, err := e.Sessions.Find(ctx, realm, cookie)
	if err != nil {
		return nil, err
	}
	if s == nil || e.Now().Sub(s.AuthTime) > freshFor {
		return nil, fault.New(fault.LocalStale, "realm %q", realm)
	}
	u, err := e.Users.Get(ctx, s.HomeRealm, s.UserID)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, fault.New(fault.LocalStale, "realm %q", realm)
	}
	if err != nil {
		return nil, err
	}
	if ok, err := e.Stands(ctx, s.Realm, u, s.Connection, s.AMR); err != nil || !ok {
		return nil, errors.Join(err, fault.New(fault.LocalStale, "the session of user %s no longer stands", u.ID))
	}
	out := &Setup{User: u, Session: s}
	if out.at, err = e.Config.Realm(ctx, realm); err != nil {
		return nil, err
	}
	return out, e.allow(ctx, out, credential.Password, credential.Passkey)
}

// Ways lists a person's credentials.
func (e *Engine) Ways(ctx context.Context, s *Setup) ([]*broker.Credential, error) {
	return e.Local.Credentials.ByUser(ctx, s.User.Realm, s.User.ID)
}

// SetPassword sets the person's password and signs them out everywhere else; where the right came from a session, that
// browser gets a new one.
func (e *Engine) SetPassword(ctx context.Context, s *Setup, password, again string) (*NewSession, error) {
	switch {
	case !s.May(credential.Password):
		return nil, fault.New(fault.LocalNotOffered, "password")
	case password != again:
		return nil, fault.New(fault.LocalPasswordTwice, "")
	}
	if err := credential.CheckNew(password, s.User.Email); err != nil {
		return nil, err
	}
	hash, err := e.Local.Passwords.Hash(ctx, password)
	if err != nil {
		return nil, err
	}
	c := &broker.Credential{ID: broker.RandomToken(16), Realm: s.User.Realm, UserID: s.User.ID, Kind: credential.Password, Data: hash, CreatedAt: e.Now()}
	if err := e.add(ctx, s, c, 1); err != nil {
		return nil, err
	}
	if err := e.Local.EndUser(ctx, s.User.Realm, s.User.ID); err != nil {
		return nil, err
	}
	return e.renew(ctx, s)
}

// renew gives the browser whose session set something up a session in place of the one that ended.
func (e *Engine) renew(ctx context.Context, s *Setup) (*NewSession, error) {
	if s.Session == nil {
		return nil, nil
	}
	next := *s.Session
	cookie, err := e.Sessions.New(ctx, s.at, &next, s.Session.ExpiresAt)
	return &NewSession{Session: &next, Cookie: cookie}, err
}

// add spends the link, keeps the credential and says so in the events, all or nothing.
func (e *Engine) add(ctx context.Context, s *Setup, c *broker.Credential, limit int) error {
	err := e.atomically(ctx, func(ctx context.Context) error {
		if s.token != "" {
			_, err := e.Kept.Take(ctx, linkKey(s.token))
			if errors.Is(err, broker.ErrNotFound) {
				return fault.New(fault.LocalLinkOver, "used a moment ago")
			}
			if err != nil {
				return err
			}
		}
		return e.Local.Credentials.Add(ctx, c, limit)
	})
	if err == nil {
		e.noteWay(s, c, "credential.added")
	}
	return err
}

func (e *Engine) noteWay(s *Setup, c *broker.Credential, kind string) {
	by := "by link"
	if s.Session != nil {
		by = "signed in"
	}
	e.Events.Log(broker.Event{
		At: e.Now(), Kind: kind, Realm: c.Realm, UserID: c.UserID, Email: s.User.Email, Subject: "user:" + c.UserID, Detail: c.Kind + ", " + by,
		Actor: "user:" + c.UserID, Ref: s.Ref,
	})
}

// EnrolPasskey begins making a passkey: options for the page, state for the browser's sealed cookie.
func (e *Engine) EnrolPasskey(ctx context.Context, s *Setup) (options, state []byte, err error) {
	if !s.May(credential.Passkey) {
		return nil, nil, fault.New(fault.LocalNotOffered, "passkey")
	}
	kept, err := e.Ways(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	return e.Local.Passkeys.Enrol(s.User, kept)
}

// AddPasskey keeps the passkey that the browser made.
func (e *Engine) AddPasskey(ctx context.Context, s *Setup, state, answer []byte, name string) error {
	if !s.May(credential.Passkey) {
		return fault.New(fault.LocalNotOffered, "passkey")
	}
	c, err := e.Local.Passkeys.Enrolled(s.User, state, answer, name)
	if err != nil {
		return err
	}
	if err := e.onceChallenge(ctx, credential.Challenge(state)); err != nil {
		return err
	}
	c.CreatedAt = e.Now()
	return e.add(ctx, s, c, maxPasskeys)
}

// DropWay removes one of the person's credentials.
func (e *Engine) DropWay(ctx context.Context, s *Setup, id string) error {
	kept, err := e.Ways(ctx, s)
	if err != nil {
		return err
	}
	for _, c := range kept {
		if c.ID == id && s.Session != nil {
			if err := e.Local.Credentials.Delete(ctx, c.Realm, c.UserID, id); err != nil {
				return err
			}
			e.noteWay(s, c, "credential.removed")
			return nil
		}
	}
	return broker.ErrNotFound
}
