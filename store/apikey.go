package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"cloakroom/broker"
	"cloakroom/store/engine"
)

// APIKeys keeps the keys of the admin API, as hashes.
type APIKeys struct{ base }

type apiKeyRow struct {
	ID         string
	Name       string
	Hash       string
	Doc        string
	LastUsedAt int64
	Stamp      stamp `gorm:"embedded"`
}

func apiKeyRowOf(k *broker.APIKey) (*apiKeyRow, error) {
	doc, err := engine.Doc(k)
	return &apiKeyRow{ID: k.ID, Name: k.Name, Hash: k.Hash, Doc: doc, LastUsedAt: engine.Micro(k.LastUsedAt), Stamp: stampOf(k.Meta)}, err
}

func (r *apiKeyRow) apiKey() (*broker.APIKey, error) {
	k := &broker.APIKey{}
	err := engine.Undoc(r.Doc, k)
	k.ID, k.Hash, k.LastUsedAt, k.Meta = r.ID, r.Hash, engine.Time(r.LastUsedAt), r.Stamp.meta()
	return k, err
}

// ByHash finds a key by the SHA-256 of what was presented. Whether it has expired is for the caller to say.
func (s *APIKeys) ByHash(ctx context.Context, hash string) (*broker.APIKey, error) {
	row, err := one[apiKeyRow](ctx, s.base, "apikeys", "hash = ?", hash)
	if err != nil {
		return nil, err
	}
	return row.apiKey()
}

// Create stores a new key.
func (s *APIKeys) Create(ctx context.Context, k *broker.APIKey) error {
	return s.write(ctx, &k.Meta, func(ctx context.Context, t *engine.Txn) error {
		s.born(&k.Meta)
		row, err := apiKeyRowOf(k)
		if err != nil {
			return err
		}
		return insert(ctx, t, "apikeys", row)
	})
}

// Touch notes a use.
func (s *APIKeys) Touch(ctx context.Context, id string, at time.Time) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		_, err := q.Exec(ctx, "UPDATE apikeys SET last_used_at = ? WHERE id = ?", engine.Micro(at), id)
		return err
	})
}

// Delete removes a key.
func (s *APIKeys) Delete(ctx context.Context, id string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		return remove(ctx, t, "DELETE FROM apikeys WHERE id = ?", id)
	})
}

// List gives the keys by name.
func (s *APIKeys) List(ctx context.Context, p broker.Page) ([]*broker.APIKey, string, error) {
	return list(ctx, s.base, p, []string{"name", "id"}, func(r *apiKeyRow) []string { return []string{r.Name, r.ID} },
		func(g *gorm.DB) *gorm.DB { return g.Table("apikeys") }, (*apiKeyRow).apiKey)
}
