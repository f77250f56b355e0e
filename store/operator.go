package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store/engine"
)

// Operators keeps who works in the console, with what they sign in with, where they are signed in, and the links that
// they enrol by.
type Operators struct{ base }

type operatorRow struct {
	ID         string
	Email      string
	Search     string
	WholeOwner bool
	Doc        string
	Connection *string
	Subject    string
	LastSeenAt int64
	Stamp      stamp `gorm:"embedded"`
}

func operatorRowOf(o *broker.Operator) (*operatorRow, error) {
	doc, err := engine.Doc(o)
	r := &operatorRow{
		ID: o.ID, Email: o.Email, Search: searchText(o.Email, o.Name), WholeOwner: o.WholeOwner(), Doc: doc,
		Subject: o.Subject, LastSeenAt: engine.Micro(o.LastSeenAt), Stamp: stampOf(o.Meta),
	}
	if o.Connection != "" {
		r.Connection = &o.Connection
	}
	return r, err
}

func (r *operatorRow) operator() (*broker.Operator, error) {
	o := &broker.Operator{}
	err := engine.Undoc(r.Doc, o)
	o.ID, o.Email, o.LastSeenAt, o.Meta = r.ID, r.Email, engine.Time(r.LastSeenAt), r.Stamp.meta()
	o.Connection, o.Subject = "", ""
	if r.Connection != nil {
		o.Connection, o.Subject = *r.Connection, r.Subject
	}
	return o, err
}

// Create stores a new operator; ErrExists if the address is taken.
func (s *Operators) Create(ctx context.Context, o *broker.Operator) error {
	return s.write(ctx, &o.Meta, func(ctx context.Context, t *engine.Txn) error {
		s.born(&o.Meta)
		row, err := operatorRowOf(o)
		if err != nil {
			return err
		}
		return insert(ctx, t, "operators", row)
	})
}

// Get finds an operator.
func (s *Operators) Get(ctx context.Context, id string) (*broker.Operator, error) {
	return s.find(ctx, "id = ?", id)
}

// ByEmail finds an operator by the normal form of the address.
func (s *Operators) ByEmail(ctx context.Context, email string) (*broker.Operator, error) {
	return s.find(ctx, "email = ?", email)
}

// ByUpstream finds the operator who signs in with an upstream account.
func (s *Operators) ByUpstream(ctx context.Context, connection, subject string) (*broker.Operator, error) {
	return s.find(ctx, "connection = ? AND subject = ?", connection, subject)
}

func (s *Operators) find(ctx context.Context, where string, args ...any) (*broker.Operator, error) {
	row, err := one[operatorRow](ctx, s.base, "operators", where, args...)
	if err != nil {
		return nil, err
	}
	return row.operator()
}

// Update stores an operator if o.Version is still the stored one, and raises it. ErrExists if the address or the upstream
// account is another operator's. When they were last seen is left alone.
func (s *Operators) Update(ctx context.Context, o *broker.Operator) error {
	return s.write(ctx, &o.Meta, func(ctx context.Context, t *engine.Txn) error {
		was := s.next(&o.Meta)
		row, err := operatorRowOf(o)
		if err != nil {
			return err
		}
		return update(ctx, t, "operators", was, map[string]any{
			"email": row.Email, "search": row.Search, "whole_owner": row.WholeOwner, "doc": row.Doc, "connection": row.Connection, "subject": row.Subject,
			"updated_at": row.Stamp.UpdatedAt, "version": row.Stamp.Version,
		}, "id = ?", o.ID)
	})
}

// Delete removes an operator with all that is theirs.
func (s *Operators) Delete(ctx context.Context, id string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		return remove(ctx, t, "DELETE FROM operators WHERE id = ?", id)
	})
}

// List gives the operators by address.
func (s *Operators) List(ctx context.Context, p broker.Page) ([]*broker.Operator, string, error) {
	return list(ctx, s.base, p, []string{"email"}, func(r *operatorRow) []string { return []string{r.Email} },
		func(g *gorm.DB) *gorm.DB { return matching(g.Table("operators"), p) }, (*operatorRow).operator)
}

// Any reports whether there is an operator.
func (s *Operators) Any(ctx context.Context) (bool, error) {
	var n int64
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM operators LIMIT 1) x", nil, &n)
	})
	return n > 0, err
}

// Owners gives the IDs of those who may do everything and have something to sign in with, and holds them until the
// transaction ends: two who take each other's role away at once do so one after the other.
func (s *Operators) Owners(ctx context.Context) (ids []string, err error) {
	query := "SELECT id FROM operators o WHERE whole_owner AND (connection IS NOT NULL OR EXISTS (SELECT 1 FROM operator_credentials c WHERE c.operator_id = o.id AND c.kind IN ('passkey', 'password'))) ORDER BY id"
	if s.db.Postgres {
		query += " FOR UPDATE"
	}
	err = s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		ids, err = names(ctx, t, query)
		return err
	})
	return ids, err
}

func names(ctx context.Context, q engine.Q, query string, args ...any) (out []string, err error) {
	err = q.All(ctx, query, args, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		out = append(out, name)
		return err
	})
	return out, err
}

// Realms gives the names of the realms whose connections operators may sign in with: the first ten.
func (s *Operators) Realms(ctx context.Context) (out []string, err error) {
	err = s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		out, err = names(ctx, q, "SELECT name FROM realms WHERE operators ORDER BY name LIMIT 10")
		return err
	})
	return out, err
}

type operatorCredentialRow struct {
	ID, OperatorID, Kind, Name string
	Data                       []byte
	CreatedAt, LastUsedAt      int64
}

func operatorCredentialAAD(operatorID, id string) []byte {
	return []byte("operator credential:" + operatorID + "/" + id)
}

func (s *Operators) credentialRowOf(c *broker.Credential) *operatorCredentialRow {
	return &operatorCredentialRow{
		ID: c.ID, OperatorID: c.UserID, Kind: c.Kind, Name: engine.Text(c.Name, 200), Data: s.seal.Seal(c.Data, operatorCredentialAAD(c.UserID, c.ID)),
		CreatedAt: engine.Micro(c.CreatedAt), LastUsedAt: engine.Micro(c.LastUsedAt),
	}
}

func (s *Operators) credential(r *operatorCredentialRow) (*broker.Credential, error) {
	data, err := s.seal.Open(r.Data, operatorCredentialAAD(r.OperatorID, r.ID))
	if err != nil {
		return nil, fmt.Errorf("credential %s: %w", r.ID, err)
	}
	return &broker.Credential{
		ID: r.ID, UserID: r.OperatorID, Kind: r.Kind, Name: r.Name, Data: data,
		CreatedAt: engine.Time(r.CreatedAt), LastUsedAt: engine.Time(r.LastUsedAt),
	}, nil
}

// Credentials gives what an operator signs in with, the oldest first.
func (s *Operators) Credentials(ctx context.Context, operatorID string) ([]*broker.Credential, error) {
	rows, err := find[operatorCredentialRow](ctx, s.base, func(g *gorm.DB) *gorm.DB {
		return g.Table("operator_credentials").Where("operator_id = ?", operatorID).Order("created_at").Order("id")
	})
	if err != nil {
		return nil, err
	}
	return things(rows, s.credential)
}

// single are the kinds that an operator has one of: a new one replaces it.
var single = map[string]bool{"password": true, "totp": true}

// AddCredential stores a credential of the operator UserID, if they have fewer than limit of its kind (fault.Exists
// otherwise). A password and the secret of one-time codes replace what there was.
func (s *Operators) AddCredential(ctx context.Context, c *broker.Credential, limit int) error {
	if c.CreatedAt.IsZero() {
		c.CreatedAt = s.db.Clock()
	}
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		if single[c.Kind] {
			if err := s.dropCredentials(ctx, t, c.UserID, c.Kind); err != nil {
				return err
			}
		}
		var n int64
		if err := t.Row(ctx, "SELECT COUNT(*) FROM operator_credentials WHERE operator_id = ? AND kind = ?", []any{c.UserID, c.Kind}, &n); err != nil {
			return err
		}
		if n >= int64(limit) {
			return fault.New(fault.Exists, "the operator has %d of kind %s already", n, c.Kind)
		}
		return insert(ctx, t, "operator_credentials", s.credentialRowOf(c))
	})
}

// CredentialUsed notes a use and what changed by it (a passkey's counter).
func (s *Operators) CredentialUsed(ctx context.Context, c *broker.Credential, at time.Time) error {
	c.LastUsedAt = at
	row := s.credentialRowOf(c)
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		return remove(ctx, q, "UPDATE operator_credentials SET data = ?, last_used_at = ? WHERE id = ? AND operator_id = ?", row.Data, row.LastUsedAt, c.ID, c.UserID)
	})
}

// DropCredential removes one credential of an operator; of two that drop it at once the second gets ErrNotFound.
func (s *Operators) DropCredential(ctx context.Context, operatorID, kind, id string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error {
		return remove(ctx, t, "DELETE FROM operator_credentials WHERE id = ? AND kind = ? AND operator_id = ?", id, kind, operatorID)
	})
}

// DropCredentials removes all of a kind, all of any for "".
func (s *Operators) DropCredentials(ctx context.Context, operatorID, kind string) error {
	return s.db.Write(ctx, func(ctx context.Context, t *engine.Txn) error { return s.dropCredentials(ctx, t, operatorID, kind) })
}

func (s *Operators) dropCredentials(ctx context.Context, t *engine.Txn, operatorID, kind string) error {
	_, err := t.Exec(ctx, "DELETE FROM operator_credentials WHERE operator_id = ? AND (kind = ? OR ? = '')", operatorID, kind, kind)
	return err
}
