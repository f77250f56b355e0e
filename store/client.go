package store

import (
	"context"

	"gorm.io/gorm"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// Clients keeps the downstream applications. Of a client's secret only the hash is kept.
type Clients struct{ base }

type clientRow struct {
	Realm      string
	ClientID   string
	Search     string
	SecretHash string
	Doc        string
	Stamp      stamp `gorm:"embedded"`
}

func clientRowOf(c *broker.Client) (*clientRow, error) {
	bare := *c
	bare.ClientSecret = ""
	doc, err := engine.Doc(bare)
	return &clientRow{
		Realm: c.Realm, ClientID: c.ClientID, Search: searchText(c.ClientID, c.DisplayName),
		SecretHash: c.SecretHash, Doc: doc, Stamp: stampOf(c.Meta),
	}, err
}

func (r *clientRow) client() (*broker.Client, error) {
	c := &broker.Client{}
	err := engine.Undoc(r.Doc, c)
	c.Realm, c.ClientID, c.SecretHash, c.Meta = r.Realm, r.ClientID, r.SecretHash, r.Stamp.meta()
	return c, err
}

// Get finds a client of a realm.
func (s *Clients) Get(ctx context.Context, realm, clientID string) (*broker.Client, error) {
	row, err := one[clientRow](ctx, s.base, "clients", "realm = ? AND client_id = ?", realm, clientID)
	if err != nil {
		return nil, err
	}
	return row.client()
}

// Create stores a new client.
func (s *Clients) Create(ctx context.Context, c *broker.Client) error {
	return s.write(ctx, &c.Meta, func(ctx context.Context, t *engine.Txn) error {
		s.born(&c.Meta)
		row, err := clientRowOf(c)
		if err != nil {
			return err
		}
		t.Changed("client", c.Realm, c.ClientID)
		return insert(ctx, t, "clients", row)
	})
}

// Update stores a client if c.Version is still the stored one, and raises it.
func (s *Clients) Update(ctx context.Context, c *broker.Client) error {
	return s.write(ctx, &c.Meta, func(ctx context.Context, t *engine.Txn) error {
		was := s.next(&c.Meta)
		row, err := clientRowOf(c)
		if err != nil {
			return err
		}
		t.Changed("client", c.Realm, c.ClientID)
		return update(ctx, t, "clients", was, map[string]any{
			"search": row.Search, "secret_hash": row.SecretHash, "doc": row.Doc, "updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
		}, "realm = ? AND client_id = ?", c.Realm, c.ClientID)
	})
}

// Delete removes a client and all that it was granted.
func (s *Clients) Delete(ctx context.Context, realm, clientID string) error {
	err := s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		t.Changed("client", realm, clientID)
		return remove(ctx, t, "DELETE FROM clients WHERE realm = ? AND client_id = ?", realm, clientID)
	})
	if err != nil {
		return err
	}
	return s.drain(ctx, "grants", "id", "realm = ? AND client_id = ?", realm, clientID)
}

// List gives a realm's clients by client_id.
func (s *Clients) List(ctx context.Context, realm string, p broker.Page) ([]*broker.Client, string, error) {
	return list(ctx, s.base, p, []string{"client_id"}, func(r *clientRow) []string { return []string{r.ClientID} },
		func(g *gorm.DB) *gorm.DB { return matching(g.Table("clients").Where("realm = ?", realm), p) }, (*clientRow).client)
}
