package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/domain"
	"cloakroom/broker/fault"
)

// ApplyOptions is how a manifest is applied.
type ApplyOptions struct {
	DryRun bool // tell what would change, change nothing
	Prune  bool // delete what the file's realms hold beyond it
}

// Diff is what applying a manifest changed.
type Diff struct {
	Objects []ObjectDiff
	Secrets []MadeSecret // told this once; empty in a dry run
	Notes   []string     // what the file asks for and was not done, and why
}

// ObjectDiff is one object that changed.
type ObjectDiff struct {
	Action string // created, changed, deleted
	Realm  string
	Kind   string // realm, group, domain, connection, client
	Name   string
	Fields []FieldChange // of a changed object
}

// MadeSecret is a client's secret that was left out and made.
type MadeSecret struct{ Realm, ClientID, Secret string }

var errDryRun = errors.New("dry run")

// Apply makes realms, groups, domains, connections and clients what the file says: what is left out of an object is at its
// default, a secret left out stays. All of it happens in one transaction or none of it; applying the same file again
// changes nothing.
func (s *Service) Apply(ctx context.Context, a Actor, in io.Reader, o ApplyOptions) (Diff, error) {
	if err := a.installation(toOwn); err != nil {
		return Diff{}, err
	}
	m, err := s.readManifest(ctx, in)
	if err != nil {
		return Diff{}, err
	}
	var done Diff
	err = s.Tx(ctx, func(ctx context.Context) error {
		p := applier{s: s, a: a, at: m.at, unhubbed: map[string]bool{}, pruned: map[string][]string{}, written: map[string]bool{}}
		if err := p.all(ctx, m, o); err != nil {
			return err
		}
		done = p.diff
		if o.DryRun {
			return errDryRun
		}
		return nil
	})
	if errors.Is(err, errDryRun) {
		done.Secrets, err = nil, nil
	}
	if err != nil {
		return Diff{}, err
	}
	return done, nil
}

// applier carries a manifest out, inside one transaction.
type applier struct {
	s    *Service
	a    Actor
	at   lines
	diff Diff

	unhubbed map[string]bool     // realms that are no hub any more
	pruned   map[string][]string // slugs that went, by realm
	written  map[string]bool     // clients of the file, as realm/client_id
}

// all goes by kind, over all realms: what is given up first, so that another realm can take it; what is referred to
// before what refers to it.
func (p *applier) all(ctx context.Context, m *manifest, o ApplyOptions) error {
	steps := []func(context.Context, *wantRealm) error{p.realm, p.domains, p.connections, p.clients, p.groups, p.references}
	if o.Prune {
		steps = append([]func(context.Context, *wantRealm) error{p.prune}, steps...)
		steps = append(steps, p.pruneGroups) // the connections that gave them do so no more
	}
	for _, step := range steps {
		for _, w := range m.realms {
			if err := step(ctx, w); err != nil {
				return err
			}
		}
	}
	return nil
}

// fail says where in the file an error comes from.
func (p *applier) fail(pointer, what string, err error) error {
	if err == nil {
		return nil
	}
	r := reader{}
	if r.under(pointer, err) == nil {
		return withLines(r.p.err(), p.at)
	}
	f := *fault.As(err)
	f.Detail = strings.TrimSuffix(fmt.Sprintf("line %d: %s: %s", p.at.of(pointer), what, f.Detail), ": ")
	return &f
}

func (p *applier) note(action, realm, kind, name string, fields []FieldChange) {
	p.diff.Objects = append(p.diff.Objects, ObjectDiff{action, realm, kind, name, fields})
}

func (p *applier) realm(ctx context.Context, w *wantRealm) error {
	name := w.realm.Name
	old, err := storedOr(func() (*broker.Realm, error) { return p.s.Realms.Get(ctx, name) })
	if err != nil {
		return err
	}
	r := *w.realm
	if old == nil {
		p.note("created", name, "realm", name, nil)
		return p.fail(w.pointer, "realm "+name, p.s.createRealm(ctx, p.a, &r))
	}
	changed, err := changes(old, &r, nil)
	if err != nil || len(changed) == 0 {
		return err
	}
	p.note("changed", name, "realm", name, changed)
	p.unhubbed[name] = old.Hub && !r.Hub
	_, err = p.s.replaceRealm(ctx, p.a, old, &r)
	return p.fail(w.pointer, "realm "+name, err)
}

func (p *applier) domains(ctx context.Context, w *wantRealm) error {
	for _, want := range w.domains {
		if err := p.domain(ctx, w.realm.Name, want); err != nil {
			return p.fail(want.pointer, "domain "+want.domain, err)
		}
	}
	return nil
}

func (p *applier) domain(ctx context.Context, realm string, want wantDomain) error {
	old, err := storedOr(func() (*broker.Domain, error) { return p.s.Domains.Get(ctx, realm, want.domain) })
	if err != nil {
		return err
	}
	if old == nil {
		p.note("created", realm, "domain", want.domain, nil)
		return p.s.createDomain(ctx, p.a, p.s.wanted(p.a, realm, want), "")
	}
	next := *old
	if want.token != "" {
		next.Token = want.token
	}
	p.verified(&next, want)
	changed, err := changes(old, &next, nil)
	if err != nil || len(changed) == 0 {
		return err
	}
	p.note("changed", realm, "domain", next.Domain, changed)
	return p.s.storeDomain(ctx, p.a, old, &next, "")
}

// wanted is a domain that a file names and nobody has claimed here yet.
func (s *Service) wanted(a Actor, realm string, want wantDomain) *broker.Domain {
	d := &broker.Domain{Domain: want.domain, Realm: realm, Token: want.token}
	if d.Token == "" {
		d.Token = domain.NewToken()
	}
	if want.verified != nil && *want.verified {
		domain.Vouch(d, a.Name, s.Now())
	}
	return d
}

// verified takes the file's word on a claim, as its operator's own: never as a proof by DNS. A claim that lost its proof
// stays suspended, or a file applied every night would keep what the owner of the domain has taken away.
func (p *applier) verified(d *broker.Domain, want wantDomain) {
	switch {
	case want.verified == nil || *want.verified == d.Verified:
	case !*want.verified:
		domain.Withdraw(d)
	case !d.SuspendedAt.IsZero():
		p.diff.Notes = append(p.diff.Notes, fmt.Sprintf("domain %s (realm %s) stays suspended, as its TXT record is gone: publish it again, or call the domain verified in the console", d.Domain, d.Realm))
	default:
		domain.Vouch(d, p.a.Name, p.s.Now())
	}
}

func (p *applier) connections(ctx context.Context, w *wantRealm) error {
	for _, want := range w.connections {
		if err := p.connection(ctx, want); err != nil {
			return p.fail(want.pointer, "connection "+want.c.Slug, err)
		}
	}
	return nil
}

func (p *applier) connection(ctx context.Context, want wantConnection) error {
	old, err := storedOr(func() (*broker.Connection, error) { return p.s.Connections.Get(ctx, want.c.Slug) })
	if err != nil {
		return err
	}
	c := *want.c
	if old == nil || old.Realm != c.Realm { // the store refuses the slug of another realm's
		p.note("created", c.Realm, "connection", c.Slug, nil)
		return p.s.createConnection(ctx, p.a, &c)
	}
	changed, err := changes(old, &c, want.differ)
	if err != nil || len(changed) == 0 {
		return err
	}
	p.note("changed", c.Realm, "connection", c.Slug, changed)
	_, err = p.s.replaceConnection(ctx, p.a, old, &c, want.differ)
	return err
}

func (p *applier) clients(ctx context.Context, w *wantRealm) error {
	for _, want := range w.clients {
		if err := p.client(ctx, want); err != nil {
			return p.fail(want.pointer, "client "+want.c.ClientID, err)
		}
	}
	return nil
}

func (p *applier) client(ctx context.Context, want wantClient) error {
	c := *want.c
	p.written[c.Realm+"/"+c.ClientID] = true
	if err := p.s.checkClientRefs(ctx, &c); err != nil {
		return err
	}
	if want.made != "" {
		p.diff.Secrets = append(p.diff.Secrets, MadeSecret{c.Realm, c.ClientID, want.made})
	}
	old, err := storedOr(func() (*broker.Client, error) { return p.s.Clients.Get(ctx, c.Realm, c.ClientID) })
	if err != nil {
		return err
	}
	if old == nil {
		p.note("created", c.Realm, "client", c.ClientID, nil)
		return p.s.createClient(ctx, p.a, &c)
	}
	var secrets []string
	if old.SecretHash != c.SecretHash {
		secrets = []string{"/client_secret"}
	}
	changed, err := changes(masked(old), &c, secrets)
	if err != nil || len(changed) == 0 {
		return err
	}
	p.note("changed", c.Realm, "client", c.ClientID, changed)
	_, err = p.s.replaceClient(ctx, p.a, old, &c)
	return err
}

// references checks what refers to what, when all of it is there. The file's own clients were checked as they were
// written; others may name what went.
func (p *applier) references(ctx context.Context, w *wantRealm) error {
	name := w.realm.Name
	err := p.s.checkDefaultClient(ctx, w.realm)
	if err == nil && p.unhubbed[name] {
		err = p.s.checkNoHub(ctx, name)
	}
	if err == nil && len(p.pruned[name]) > 0 {
		var clients []string
		clients, err = p.s.namers(ctx, name, p.pruned[name]...)
		if err == nil {
			err = inUse(slices.DeleteFunc(clients, func(c string) bool { return p.written[c] }))
		}
	}
	return p.fail(w.pointer, "realm "+name, err)
}

// prune deletes what the realm holds beyond the file.
func (p *applier) prune(ctx context.Context, w *wantRealm) error {
	keep := map[string]bool{}
	for _, c := range w.clients {
		keep["client "+c.c.ClientID] = true
	}
	for _, c := range w.connections {
		keep["connection "+c.c.Slug] = true
	}
	for _, d := range w.domains {
		keep["domain "+d.domain] = true
	}
	realm := w.realm.Name
	return errors.Join(
		pruneKind(p, realm, "client", keep, func(pg broker.Page) ([]*broker.Client, string, error) { return p.s.Clients.List(ctx, realm, pg) },
			func(c *broker.Client) string { return c.ClientID }, func(c *broker.Client) error { return p.s.deleteClient(ctx, p.a, c) }),
		pruneKind(p, realm, "connection", keep, func(pg broker.Page) ([]*broker.Connection, string, error) {
			return p.s.Connections.List(ctx, realm, pg)
		},
			func(c *broker.Connection) string { return c.Slug }, func(c *broker.Connection) error {
				p.pruned[realm] = append(p.pruned[realm], c.Slug)
				return p.s.deleteConnection(ctx, p.a, c)
			}),
		pruneKind(p, realm, "domain", keep, func(pg broker.Page) ([]*broker.Domain, string, error) { return p.s.Domains.List(ctx, realm, pg) },
			func(d *broker.Domain) string { return d.Domain }, func(d *broker.Domain) error { return p.s.deleteDomain(ctx, p.a, d) }),
	)
}

func pruneKind[T any](p *applier, realm, kind string, keep map[string]bool, list func(broker.Page) ([]T, string, error), name func(T) string, del func(T) error) error {
	var beyond []T
	err := each(list, func(v T) error {
		if !keep[kind+" "+name(v)] {
			beyond = append(beyond, v)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, v := range beyond {
		if err := del(v); err != nil {
			return err
		}
		p.note("deleted", realm, kind, name(v), nil)
	}
	return nil
}

// WriteTo prints the diff as people read it.
func (d Diff) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	for _, o := range d.Objects {
		sign := map[string]string{"created": "+", "changed": "~", "deleted": "-"}[o.Action]
		fmt.Fprintf(&b, "%s %s %s", sign, o.Kind, o.Name)
		if o.Kind != "realm" {
			fmt.Fprintf(&b, " (realm %s)", o.Realm)
		}
		b.WriteString("\n")
		for _, f := range o.Fields {
			fmt.Fprintf(&b, "    %s: %s -> %s\n", f.Pointer, printed(f.Before), printed(f.After))
		}
	}
	if len(d.Objects) == 0 {
		b.WriteString("Nothing changes.\n")
	}
	for _, n := range d.Notes {
		fmt.Fprintf(&b, "! %s\n", n)
	}
	for _, s := range d.Secrets {
		fmt.Fprintf(&b, "! client %s (realm %s) has the new secret %s, told this once\n", s.ClientID, s.Realm, s.Secret)
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// printed is a value on one line.
func printed(v any) string {
	if v == nil {
		return "(none)"
	}
	s := fmt.Sprintf("%v", v)
	if text, ok := v.(string); ok {
		s = fmt.Sprintf("%q", text)
	}
	if r := []rune(s); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return s
}
