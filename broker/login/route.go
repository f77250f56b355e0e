package login

import (
	"context"
	"errors"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
)

// Routing finds the connection that a login goes through. Hints and addresses only say where to send somebody: whose
// person comes back is decided by the connection's realm and the rules of trust alone.

// home is the realm whose people a login is for: the realm itself, or below a hub the one that the client is pinned to or
// the application asks for, "" for any. On a realm that is no hub realm_hint says nothing.
func home(l *broker.Login, realm *broker.Realm, client *broker.Client) string {
	switch {
	case !realm.Hub:
		return realm.Name
	case client.PinnedRealm != "":
		return client.PinnedRealm
	}
	return l.RealmHint
}

// checkHome refuses a realm_hint that nobody could satisfy, instead of showing a page on which nothing works.
func (e *Engine) checkHome(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client) error {
	if !realm.Hub || l.RealmHint == "" {
		return nil
	}
	if client.PinnedRealm != "" && client.PinnedRealm != l.RealmHint {
		return fault.New(fault.LoginRealmPin, "client %q is pinned to %q, realm_hint is %q", client.ClientID, client.PinnedRealm, l.RealmHint)
	}
	_, err := e.Config.Realm(ctx, l.RealmHint)
	if errors.Is(err, broker.ErrNotFound) {
		return fault.New(fault.LoginNoRealm, "realm_hint %q", l.RealmHint)
	}
	return err
}

// allowed is the wall between realms: a client takes connections of its own realm; a hub's client takes those of every
// realm, or of the one that is pinned or asked for (contract, sections 1 and 5.6).
func (e *Engine) allowed(l *broker.Login, realm *broker.Realm, client *broker.Client, c *broker.Connection) bool {
	if c.Realm != realm.Name && !realm.Hub || !client.AllowsConnection(c.Slug) {
		return false
	}
	if !realm.Hub {
		return true
	}
	return (client.PinnedRealm == "" || client.PinnedRealm == c.Realm) && (l.RealmHint == "" || l.RealmHint == c.Realm)
}

// next is the dispatcher: it looks only at facts in the login and decides what is missing.
func (e *Engine) next(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client) (Step, error) {
	choose := Step{Page: PageChoose, Login: l}
	if l.ShowChooser {
		return choose, nil
	}
	if l.IdPHint != "" {
		// As in Keycloak, a hint that names nothing usable shows the page.
		conn, err := e.hint(ctx, l, realm, client)
		if err != nil || conn == nil {
			return choose, err
		}
		return e.challenge(ctx, l, realm, client, conn)
	}
	cs, err := e.suggested(ctx, l, realm, client)
	switch {
	case err != nil:
		return Step{}, err
	case len(cs) == 1:
		return e.through(ctx, l, realm, client, cs[0])
	case len(cs) > 1 || home(l, realm, client) == "" || hasLocal(realm, client):
		return choose, nil
	}
	shown, err := e.shown(ctx, l, realm, client, Ask{})
	if err != nil {
		return Step{}, err
	}
	if len(shown.Connections) != 1 || shown.More {
		return choose, nil
	}
	return e.through(ctx, l, realm, client, shown.Connections[0])
}

// hasLocal: a client that takes but some connections takes nobody who comes through none.
func hasLocal(realm *broker.Realm, client *broker.Client) bool {
	return len(realm.LocalLogin) > 0 && client.AllowsConnection("")
}

// through is challenge for a connection that is not opened yet.
func (e *Engine) through(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client, c *broker.Connection) (Step, error) {
	conn, err := e.Config.Connection(ctx, c.Slug)
	if err != nil {
		return Step{}, err
	}
	return e.challenge(ctx, l, realm, client, conn)
}

// hint answers the connection that kc_idp_hint names, by alias or slug; nil where it names none that can be used.
func (e *Engine) hint(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client) (*registry.Connection, error) {
	c, err := e.named(ctx, l, realm, client)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	if err != nil || !c.Enabled || !e.allowed(l, realm, client, c.Connection) {
		return nil, err
	}
	return c, nil
}

// named finds a connection by its alias in the realm whose people are asked for, else in the client's, else by slug.
func (e *Engine) named(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client) (*registry.Connection, error) {
	for _, r := range slices.Compact([]string{home(l, realm, client), realm.Name}) {
		if r == "" {
			continue
		}
		if c, err := e.Config.ByAlias(ctx, r, l.IdPHint); !errors.Is(err, broker.ErrNotFound) {
			return c, err
		}
	}
	return e.Config.Connection(ctx, l.IdPHint)
}

// suggested answers the connections for the address of login_hint, else for the domain of domain_hint.
func (e *Engine) suggested(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client) ([]*broker.Connection, error) {
	if a, err := email.Normalise(l.LoginHint); err == nil {
		return e.forAddress(ctx, l, realm, client, a)
	}
	d, err := email.Domain(l.DomainHint)
	if err != nil {
		return nil, nil
	}
	owner, err := e.Config.DomainOwner(ctx, d)
	if err != nil {
		return nil, err
	}
	return e.forDomain(ctx, l, realm, client, owner, d)
}

// forAddress answers the connections that an address may go through: the person's own pinned one, else those of its
// domain. It asks the database the same two questions whoever it is, so that neither page nor time tells whether somebody
// has the address.
func (e *Engine) forAddress(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client, a email.Address) ([]*broker.Connection, error) {
	owner, err := e.Config.DomainOwner(ctx, a.Domain())
	if err != nil {
		return nil, err
	}
	lives := home(l, realm, client)
	if lives == "" {
		lives = owner
	}
	if lives == "" {
		lives = realm.Name
	}
	u, err := e.Users.ByEmail(ctx, lives, a.String())
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return nil, err
	}
	if err == nil && u.PinnedConnection != "" {
		c, err := e.pinned(ctx, l, realm, client, u)
		if err != nil || c != nil {
			return []*broker.Connection{c}, err
		}
	}
	return e.forDomain(ctx, l, realm, client, owner, a.Domain())
}

// pinned answers a person's own connection, nil where it cannot be used now.
func (e *Engine) pinned(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client, u *broker.User) (*broker.Connection, error) {
	c, err := e.Config.Connection(ctx, u.PinnedConnection)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	if err != nil || c.Realm != u.Realm || !c.Enabled || !e.allowed(l, realm, client, c.Connection) {
		return nil, err
	}
	ok, err := e.Stands(ctx, u.Realm, u, c.Slug, nil)
	if err != nil || !ok {
		return nil, err
	}
	return c.Connection, nil
}

// forDomain answers the connections that serve a domain and that this login may use. The domain must be verified by the
// connection's own realm, or anybody could route another's people to a page of theirs.
func (e *Engine) forDomain(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client, owner, domain string) ([]*broker.Connection, error) {
	if owner == "" || owner != realm.Name && !realm.Hub {
		return nil, nil
	}
	all, err := e.Config.ForDomain(ctx, owner, domain)
	if err != nil {
		return nil, err
	}
	// Where one is enforced, the others let nobody of the domain in but those who are excluded; who is one must not show.
	enforced := slices.ContainsFunc(all, func(c *broker.Connection) bool { return c.Enabled && c.Enforced })
	var out []*broker.Connection
	for _, c := range all {
		if c.Enabled && (c.Enforced || !enforced) && e.allowed(l, realm, client, c) {
			out = append(out, c)
		}
	}
	return out, nil
}

// Choose continues a login through the connection of a slug, which the person picked.
func (e *Engine) Choose(ctx context.Context, l *broker.Login, slug string) (Step, error) {
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return Step{}, err
	}
	conn, err := e.Config.Connection(ctx, slug)
	if err != nil {
		return Step{}, err
	}
	return e.challenge(ctx, l, realm, client, conn)
}

// ErrUnknownAddress is the answer of Address where no connection serves the address. It says nothing about whether the
// address exists.
var ErrUnknownAddress = fault.New(fault.LoginNoConnection, "no connection serves this domain")

// Address continues a login by the address that the person typed.
func (e *Engine) Address(ctx context.Context, l *broker.Login, address string) (Step, error) {
	a, err := email.Normalise(address)
	if err != nil {
		return Step{}, err
	}
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return Step{}, err
	}
	cs, err := e.forAddress(ctx, l, realm, client, a)
	if err != nil {
		return Step{}, err
	}
	// What was typed replaces what the application guessed.
	l.LoginHint, l.DomainHint, l.ShowChooser, l.Forwarded = a.String(), "", false, false
	switch len(cs) {
	case 0:
		return Step{}, ErrUnknownAddress
	case 1:
		return e.through(ctx, l, realm, client, cs[0])
	}
	return Step{Page: PageChoose, Login: l}, nil
}

// Ask is what a page wants to see of the connections.
type Ask struct {
	Query string // words of a name
	After string // the slug that the page before ended with
	All   bool   // not only those of the address's domain
}

// Options are the connections a login's page offers.
type Options struct {
	Realm       *broker.Realm
	Client      *broker.Client
	Connections []*broker.Connection
	More        bool
	Local       bool // there are ways in without any of them
	// Key names the domain whose connections these are, several for one address, so that the choice can be remembered.
	// "" means that the page shows the realm's buttons and the email field.
	Key string
}

// Options answers what the chooser shows.
func (e *Engine) Options(ctx context.Context, l *broker.Login, ask Ask) (Options, error) {
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return Options{}, err
	}
	o := Options{Realm: realm, Client: client, Local: hasLocal(realm, client)}
	if !ask.All && !l.ShowChooser {
		cs, err := e.suggested(ctx, l, realm, client)
		if err != nil {
			return Options{}, err
		}
		if len(cs) > 1 {
			o.Key = choiceKey(l)
			o.Connections, o.More = window(cs, ask)
			return o, nil
		}
	}
	b, err := e.shown(ctx, l, realm, client, ask)
	o.Connections, o.More = b.Connections, b.More
	return o, err
}

// Several reports whether slug is one of several connections of the login's address, and under which key that choice is
// remembered.
func (e *Engine) Several(ctx context.Context, l *broker.Login, slug string) (key string, err error) {
	realm, client, err := e.parties(ctx, l)
	if err != nil {
		return "", err
	}
	cs, err := e.suggested(ctx, l, realm, client)
	if err != nil || len(cs) < 2 || !slices.ContainsFunc(cs, func(c *broker.Connection) bool { return c.Slug == slug }) {
		return "", err
	}
	return choiceKey(l), nil
}

func choiceKey(l *broker.Login) string {
	domain := l.DomainHint
	if a, err := email.Normalise(l.LoginHint); err == nil {
		domain = a.Domain()
	} else if d, err := email.Domain(domain); err == nil {
		domain = d
	}
	return l.Realm + "/" + domain
}

// perPage is how many connections a page lists.
const perPage = 12

// window is a page of a domain's connections, which are few.
func window(cs []*broker.Connection, ask Ask) ([]*broker.Connection, bool) {
	if q := strings.ToLower(ask.Query); q != "" {
		cs = slices.DeleteFunc(slices.Clone(cs), func(c *broker.Connection) bool {
			return !strings.Contains(strings.ToLower(c.DisplayName+" "+c.Slug), q)
		})
	}
	if i := slices.IndexFunc(cs, func(c *broker.Connection) bool { return c.Slug == ask.After }); i >= 0 {
		cs = cs[i+1:]
	}
	return cs[:min(len(cs), perPage)], len(cs) > perPage
}

// shown are the connections on the realm's page: its own, or those of the one realm that is asked for. A hub never lists
// other realms' connections: who its customers are is not for strangers.
func (e *Engine) shown(ctx context.Context, l *broker.Login, realm *broker.Realm, client *broker.Client, ask Ask) (registry.Buttons, error) {
	of := home(l, realm, client)
	if of == "" {
		of = realm.Name
	}
	var b registry.Buttons
	var err error
	switch {
	case ask.Query != "":
		b, err = e.Config.Search(ctx, of, client.Connections, ask.Query)
	case ask.After != "" || len(client.Connections) > 0:
		b, err = e.Config.Visible(ctx, of, client.Connections, ask.After)
	default:
		b, err = e.Config.Buttons(ctx, of)
	}
	if err != nil {
		return registry.Buttons{}, err
	}
	out := registry.Buttons{More: b.More}
	for _, c := range b.Connections {
		if e.allowed(l, realm, client, c) {
			out.Connections = append(out.Connections, c)
		}
	}
	return out, nil
}
