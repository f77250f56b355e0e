package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Shadows keeps second configurations of connections, their secrets sealed, and what those on trial said of people.
type Shadows struct{ base }

func shadowAAD(realm, slug, kind string) []byte {
	return []byte("shadow:" + kind + ":" + realm + "/" + slug)
}

// Put stores a second configuration, in the place of the one of its kind.
func (s *Shadows) Put(ctx context.Context, v *broker.Shadow) error {
	doc, err := engine.Doc(v.ShadowDoc) // secrets marshal as a mask
	if err != nil {
		return err
	}
	plain := map[string]string{}
	for pointer, secret := range v.Config.Secrets() {
		plain[pointer] = secret.Reveal()
	}
	b, err := json.Marshal(plain)
	if err != nil {
		return err
	}
	sealed := s.seal.Seal(b, shadowAAD(v.Realm, v.Connection, v.Kind))
	return s.write(ctx, &v.Meta, func(ctx context.Context, t *engine.Txn) error {
		s.born(&v.Meta)
		t.Changed("connection", v.Realm, v.Connection)
		err := t.Row(ctx, "INSERT INTO shadows (connection, kind, realm, until, doc, secrets, created_at, updated_at, version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)"+
			" ON CONFLICT (connection, kind) DO UPDATE SET until = excluded.until, doc = excluded.doc, secrets = excluded.secrets, updated_at = excluded.updated_at, version = shadows.version + 1"+
			" RETURNING version", []any{v.Connection, v.Kind, v.Realm, engine.Micro(v.Until), doc, sealed, engine.Micro(v.CreatedAt), engine.Micro(v.UpdatedAt)}, &v.Version)
		return err
	})
}

// Get finds the second configuration of a kind.
func (s *Shadows) Get(ctx context.Context, slug, kind string) (*broker.Shadow, error) {
	v := &broker.Shadow{}
	var until, created, updated int64
	var doc string
	var sealed []byte
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT connection, kind, realm, until, doc, secrets, created_at, updated_at, version FROM shadows WHERE connection = ? AND kind = ?", []any{slug, kind},
			&v.Connection, &v.Kind, &v.Realm, &until, &doc, &sealed, &created, &updated, &v.Version)
	})
	if err != nil {
		return nil, err
	}
	v.Until, v.CreatedAt, v.UpdatedAt = engine.Time(until), engine.Time(created), engine.Time(updated)
	if err := engine.Undoc(doc, &v.ShadowDoc); err != nil {
		return nil, err
	}
	return v, s.unseal(v, sealed)
}

func (s *Shadows) unseal(v *broker.Shadow, sealed []byte) error {
	plain := map[string]string{}
	b, err := s.seal.Open(sealed, shadowAAD(v.Realm, v.Connection, v.Kind))
	if err == nil {
		err = json.Unmarshal(b, &plain)
	}
	if err != nil {
		return fmt.Errorf("secrets of the %s of connection %s: %w", v.Kind, v.Connection, err)
	}
	for pointer, secret := range v.Config.Secrets() {
		*secret = broker.Secret(plain[pointer])
	}
	return nil
}

// Delete removes a second configuration; with one on trial go the views of it.
func (s *Shadows) Delete(ctx context.Context, realm, slug, kind string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		t.Changed("connection", realm, slug)
		if kind == broker.ShadowTrial {
			if _, err := t.Exec(ctx, "DELETE FROM shadow_views WHERE connection = ? AND realm = ?", slug, realm); err != nil {
				return err
			}
		}
		return remove(ctx, t, "DELETE FROM shadows WHERE connection = ? AND realm = ? AND kind = ?", slug, realm, kind)
	})
}

// Retain forgets former configurations whose time is over.
func (s *Shadows) Retain(ctx context.Context, now time.Time) (n int64, err error) {
	err = s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		n, err = q.Exec(ctx, "DELETE FROM shadows WHERE until > 0 AND until <= ?", engine.Micro(now))
		return err
	})
	return n, err
}

func viewAAD(v *broker.ShadowView) []byte {
	return []byte("shadow view:" + v.Realm + "/" + v.Connection + "/" + v.Email)
}

// See keeps what a configuration on trial said of a person, the last time alone.
func (s *Shadows) See(ctx context.Context, v *broker.ShadowView) error {
	b, err := json.Marshal(v.ShadowSeen)
	if err != nil {
		return err
	}
	sealed := s.seal.Seal(b, viewAAD(v))
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		_, err := q.Exec(ctx, "INSERT INTO shadow_views (connection, email, realm, at, detail) VALUES (?, ?, ?, ?, ?) ON CONFLICT (connection, email) DO UPDATE SET at = excluded.at, detail = excluded.detail",
			v.Connection, v.Email, v.Realm, engine.Micro(v.At), sealed)
		return err
	})
}

// Views are what a configuration on trial said, by address.
func (s *Shadows) Views(ctx context.Context, realm, slug string) (list []*broker.ShadowView, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		list = nil
		return q.All(ctx, "SELECT connection, email, realm, at, detail FROM shadow_views WHERE connection = ? AND realm = ? ORDER BY email LIMIT 1000", []any{slug, realm},
			func(scan func(...any) error) error {
				v, err := s.view(scan)
				list = append(list, v)
				return err
			})
	})
	return list, err
}

func (s *Shadows) view(scan func(...any) error) (*broker.ShadowView, error) {
	v := &broker.ShadowView{}
	var at int64
	var sealed []byte
	if err := scan(&v.Connection, &v.Email, &v.Realm, &at, &sealed); err != nil {
		return nil, err
	}
	v.At = engine.Time(at)
	b, err := s.seal.Open(sealed, viewAAD(v))
	if err != nil {
		return nil, err
	}
	return v, json.Unmarshal(b, &v.ShadowSeen)
}

// Forget drops what was seen of a person.
func (s *Shadows) Forget(ctx context.Context, realm, email string) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		_, err := q.Exec(ctx, "DELETE FROM shadow_views WHERE realm = ? AND email = ?", realm, email)
		return err
	})
}
