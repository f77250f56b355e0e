package store

import (
	"context"
	"strings"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Search gives up to n of each kind that a text leads to, in some realms, nil for all. Names, domains and identifiers are
// found by any part of them, people by the beginning of their address, logins by their reference.
func (s *Overview) Search(ctx context.Context, realms []string, text string, n int) (*broker.Hits, error) {
	var h *broker.Hits
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		h = &broker.Hits{
			Realms: []broker.RealmHit{}, Connections: []broker.ConnectionHit{}, Domains: []broker.DomainHit{}, People: []broker.PersonHit{},
			Clients: []broker.ClientHit{}, Logins: []broker.LoginHit{},
		}
		f := finder{ctx, q, realms, int64(n), strings.TrimSpace(text)}
		if f.text == "" {
			return nil
		}
		for _, find := range []func(*broker.Hits) error{f.realmHits, f.connectionHits, f.domainHits, f.personHits, f.clientHits, f.loginHits} {
			if err := find(h); err != nil {
				return err
			}
		}
		return nil
	})
	return h, err
}

// finder is one search under way.
type finder struct {
	ctx    context.Context
	q      engine.Q
	realms []string
	n      int64
	text   string
}

func (f *finder) all(query, realmColumn, cond, order string, args []any, each func(scan func(...any) error) error) error {
	in, inArgs := engine.In(realmColumn, f.realms)
	return f.q.All(f.ctx, query+" WHERE "+in+" AND "+cond+" ORDER BY "+order+" LIMIT ?", join(inArgs, args, []any{f.n}), each)
}

func (f *finder) realmHits(h *broker.Hits) error {
	return f.all("SELECT name, doc FROM realms", "name", "search LIKE ? ESCAPE '!'", "name", []any{contains(f.text)}, func(scan func(...any) error) error {
		r, err := scanRealm(scan)
		h.Realms = append(h.Realms, broker.RealmHit{Name: r.Name, DisplayName: r.DisplayName})
		return err
	})
}

func (f *finder) connectionHits(h *broker.Hits) error {
	like := contains(f.text)
	return f.all("SELECT realm, slug, display_name, protocol, preset FROM connection_overview", "realm", "(search LIKE ? ESCAPE '!' OR upstream LIKE ? ESCAPE '!')", "realm, slug", []any{like, like},
		func(scan func(...any) error) error {
			var c broker.ConnectionHit
			err := scan(&c.Realm, &c.Slug, &c.DisplayName, &c.Protocol, &c.Preset)
			h.Connections = append(h.Connections, c)
			return err
		})
}

// domainHits looks for an address's domain too.
func (f *finder) domainHits(h *broker.Hits) error {
	text := f.text[strings.LastIndexByte(f.text, '@')+1:]
	if text == "" {
		return nil
	}
	return f.all("SELECT realm, domain, verified FROM domains", "realm", "domain LIKE ? ESCAPE '!'", "realm, domain", []any{contains(text)}, func(scan func(...any) error) error {
		var d broker.DomainHit
		err := scan(&d.Realm, &d.Domain, &d.Verified)
		h.Domains = append(h.Domains, d)
		return err
	})
}

// addressColumn is the key of people's addresses as the index knows it that is over the realms to look in.
func addressColumn(realms []string) string {
	if realms == nil {
		return "(u.email_key || '')"
	}
	return "u.email_key"
}

func (f *finder) personHits(h *broker.Hits) error {
	key, column := emailKey(folded(f.text)), addressColumn(f.realms)
	args := []any{key, key + "g"} // g follows every hexadecimal digit
	return f.all("SELECT "+userColumns+" FROM users u", "u.realm", column+" >= ? AND "+column+" < ?", column+", u.id", args, func(scan func(...any) error) error {
		var row userRow
		if err := scan(row.dest()...); err != nil {
			return err
		}
		u, err := row.user()
		if err == nil {
			h.People = append(h.People, broker.PersonHit{Realm: u.Realm, ID: u.ID, Email: u.Email, Name: u.Name})
		}
		return err
	})
}

func (f *finder) clientHits(h *broker.Hits) error {
	return f.all("SELECT realm, client_id, doc FROM clients", "realm", "search LIKE ? ESCAPE '!'", "realm, client_id", []any{contains(f.text)}, func(scan func(...any) error) error {
		var c broker.Client
		var realm, id, doc string
		if err := scan(&realm, &id, &doc); err != nil {
			return err
		}
		err := engine.Undoc(doc, &c)
		h.Clients = append(h.Clients, broker.ClientHit{Realm: realm, ClientID: id, DisplayName: c.DisplayName})
		return err
	})
}

// loginHits gives the last attempt of each login of a reference, which two realms might share.
func (f *finder) loginHits(h *broker.Hits) error {
	ref, ok := broker.ParseRef(f.text)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	return f.all("SELECT realm, ref, at, connection, outcome, code FROM traces", "realm", "ref = ?", "id DESC", []any{ref}, func(scan func(...any) error) error {
		var l broker.LoginHit
		var at int64
		err := scan(&l.Realm, &l.Ref, &at, &l.Connection, &l.Outcome, &l.Code)
		l.At = engine.Time(at)
		if !seen[l.Realm] {
			h.Logins = append(h.Logins, l)
		}
		seen[l.Realm] = true
		return err
	})
}
