package flow

import (
	"context"
	"fmt"
	"time"

	"cloakroom/broker"
	"cloakroom/store/engine"
	"cloakroom/store/seal"
)

// Grants keeps what clients were granted, from code to last refresh token.
type Grants struct {
	db   *engine.DB
	seal seal.Sealer
}

// NewGrants is for store.Open.
func NewGrants(db *engine.DB, s seal.Sealer) *Grants { return &Grants{db, s} }

// grantDoc is what no statement looks at.
type grantDoc struct {
	RedirectURI   string   `json:"ru,omitempty"`
	CodeChallenge string   `json:"cc,omitempty"`
	Nonce         string   `json:"n,omitempty"`
	Scopes        []string `json:"s"`
	Resources     []string `json:"r"`
	AuthTime      int64    `json:"at,omitempty"`
	ACR           string   `json:"acr,omitempty"`
	AMR           []string `json:"amr"`
	ClaimsRequest []byte   `json:"cr,omitempty"`
}

type grantRow struct {
	broker.Grant
	secret                                                   []byte
	offline                                                  bool
	codeExpires, redeemed, rotated, expires, revoked, create int64
	doc                                                      string
}

const grantColumns = "id, login_id, realm, home_realm, client_id, user_id, session_id, sid, connection, offline, code_hash, code_expires_at, redeemed_at, secret, generation, rotated_at, grace_used, expires_at, revoked_at, created_at, doc"

func (r *grantRow) dest() []any {
	return []any{&r.ID, &r.LoginID, &r.Realm, &r.HomeRealm, &r.ClientID, &r.UserID, &r.SessionID, &r.SID, &r.Connection, &r.offline, &r.CodeHash, &r.codeExpires, &r.redeemed,
		&r.secret, &r.Generation, &r.rotated, &r.GraceUsed, &r.expires, &r.revoked, &r.create, &r.doc}
}

func grantAAD(id string) []byte { return []byte("grant:" + id) }

func (s *Grants) rowOf(g *broker.Grant) (*grantRow, error) {
	doc, err := engine.Doc(grantDoc{
		RedirectURI: g.RedirectURI, CodeChallenge: g.CodeChallenge, Nonce: g.Nonce, Scopes: g.Scopes, Resources: g.Resources,
		AuthTime: engine.Micro(g.AuthTime), ACR: g.ACR, AMR: g.AMR, ClaimsRequest: g.ClaimsRequest,
	})
	return &grantRow{
		Grant: *g, secret: s.seal.Seal(g.Secret, grantAAD(g.ID)), offline: g.Offline(), doc: doc,
		codeExpires: engine.Micro(g.CodeExpiresAt), redeemed: engine.Micro(g.RedeemedAt), rotated: engine.Micro(g.RotatedAt),
		expires: engine.Micro(g.ExpiresAt), revoked: engine.Micro(g.RevokedAt), create: engine.Micro(g.CreatedAt),
	}, err
}

func (s *Grants) thing(r *grantRow) (*broker.Grant, error) {
	g, d := &r.Grant, grantDoc{}
	secret, err := s.seal.Open(r.secret, grantAAD(g.ID))
	if err == nil {
		err = engine.Undoc(r.doc, &d)
	}
	if err != nil {
		return nil, fmt.Errorf("grant %s: %w", g.ID, err)
	}
	g.Secret = engine.Bytes(secret)
	g.CodeExpiresAt, g.RedeemedAt, g.RotatedAt = engine.Time(r.codeExpires), engine.Time(r.redeemed), engine.Time(r.rotated)
	g.ExpiresAt, g.RevokedAt, g.CreatedAt = engine.Time(r.expires), engine.Time(r.revoked), engine.Time(r.create)
	g.RedirectURI, g.CodeChallenge, g.Nonce, g.Scopes, g.Resources = d.RedirectURI, d.CodeChallenge, d.Nonce, d.Scopes, d.Resources
	g.AuthTime, g.ACR, g.AMR, g.ClaimsRequest = engine.Time(d.AuthTime), d.ACR, d.AMR, d.ClaimsRequest
	return g, nil
}

// Create stores a new grant; ErrExists if the login has made one already: a login finishes once.
func (s *Grants) Create(ctx context.Context, g *broker.Grant) error {
	r, err := s.rowOf(g)
	if err != nil {
		return err
	}
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, again bool) error {
		n, err := q.Exec(ctx, "INSERT INTO grants ("+grantColumns+", call, result) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '') ON CONFLICT DO NOTHING",
			r.ID, r.LoginID, r.Realm, r.HomeRealm, r.ClientID, r.UserID, r.SessionID, r.SID, r.Connection, r.offline, r.CodeHash, r.codeExpires, r.redeemed,
			r.secret, r.Generation, r.rotated, r.GraceUsed, r.expires, r.revoked, r.create, r.doc)
		if err != nil || n > 0 {
			return err
		}
		if again && s.mine(ctx, q, r) {
			return nil
		}
		return broker.ErrExists
	})
}

// mine reports whether the stored grant is the one that an earlier try wrote: its sealed secret has a random nonce.
func (s *Grants) mine(ctx context.Context, q engine.Q, r *grantRow) bool {
	var n int64
	err := q.Row(ctx, "SELECT COUNT(*) FROM grants WHERE id = ? AND secret = ?", []any{r.ID, r.secret}, &n)
	return err == nil && n == 1
}

// Get finds a grant of a realm, whatever its state.
func (s *Grants) Get(ctx context.Context, realm, id string) (*broker.Grant, error) {
	return s.one(ctx, "id = ? AND realm = ?", id, realm)
}

func (s *Grants) one(ctx context.Context, where string, args ...any) (*broker.Grant, error) {
	r := &grantRow{}
	err := s.db.Read(ctx, func(ctx context.Context, q engine.Q) error {
		return q.Row(ctx, "SELECT "+grantColumns+" FROM grants WHERE "+where, args, r.dest()...)
	})
	if err != nil {
		return nil, err
	}
	return s.thing(r)
}

// Redeem takes an authorization code. The first call of all gets first=true; a later one gets the grant with
// first=false, so that its caller can revoke what the first gave. A code that is unknown, of another realm, expired or
// revoked before it was redeemed is ErrNotFound.
func (s *Grants) Redeem(ctx context.Context, realm, codeHash string, now time.Time) (g *broker.Grant, first bool, err error) {
	if codeHash == "" {
		return nil, false, broker.ErrNotFound
	}
	call, n, r := newCall(), engine.Micro(now), &grantRow{}
	err = s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		// The call's own mark makes the statement safe to repeat: what this call redeemed it redeems again.
		err := q.Row(ctx, "UPDATE grants SET redeemed_at = ?, call = ?, result = 'redeemed' WHERE code_hash = ? AND realm = ?"+
			" AND (redeemed_at = 0 AND revoked_at = 0 AND code_expires_at > ? OR result = 'redeemed' AND call = ?) RETURNING "+grantColumns,
			[]any{n, call, codeHash, realm, n, call}, r.dest()...)
		if first = err == nil; first || !engine.IsNotFound(err) {
			return err
		}
		return q.Row(ctx, "SELECT "+grantColumns+" FROM grants WHERE code_hash = ? AND realm = ? AND redeemed_at <> 0", []any{codeHash, realm}, r.dest()...)
	})
	if err != nil {
		return nil, false, err
	}
	g, err = s.thing(r)
	return g, first, err
}

// BeginRefresh gives a grant its first refresh token's generation. (Create with Generation 1 saves this statement.)
func (s *Grants) BeginRefresh(ctx context.Context, id string, now, expires time.Time) error {
	return s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) error {
		_, err := q.Exec(ctx, "UPDATE grants SET generation = 1, rotated_at = ?, expires_at = ? WHERE id = ? AND generation = 0 AND revoked_at = 0",
			engine.Micro(now), engine.Micro(expires), id)
		return err
	})
}

// Outcome is what became of a refresh token that was presented.
type Outcome string

const (
	// Rotated: it was the current one; the grant's Generation is now that of its successor.
	Rotated Outcome = "rotated"
	// Repeated: it was the direct predecessor, presented once more within the grace; Generation is the successor's that
	// was given already and is to be given again.
	Repeated Outcome = "repeated"
	// Reused: it is older, or the grace is over. The grant is revoked now.
	Reused Outcome = "reused"
	// Dead: the grant had expired or been revoked before.
	Dead Outcome = "dead"
)

// Rotate presents generation presented of a grant's refresh token. The usual case is one statement. Each of the three is
// atomic and looks at the row anew, and at most one of them writes, so two calls at once come out as if one had been
// first.
func (s *Grants) Rotate(ctx context.Context, id string, presented int64, now time.Time, grace time.Duration, newExpires time.Time) (*broker.Grant, Outcome, error) {
	call, n, r, result := newCall(), engine.Micro(now), &grantRow{}, ""
	const live = " WHERE id = ? AND revoked_at = 0 AND expires_at > ?"
	const back = " RETURNING " + grantColumns + ", result"
	steps := []struct {
		query string
		args  []any
	}{
		{"UPDATE grants SET generation = generation + 1, rotated_at = ?, grace_used = FALSE, expires_at = ?, call = ?, result = 'rotated'" + live + " AND generation = ?" + back,
			[]any{n, engine.Micro(newExpires), call, id, n, presented}},
		{"UPDATE grants SET grace_used = TRUE, call = ?, result = 'repeated'" + live + " AND generation = ? AND NOT grace_used AND rotated_at >= ?" + back,
			[]any{call, id, n, presented + 1, n - grace.Microseconds()}},
		{"UPDATE grants SET revoked_at = ?, call = ?, result = 'reused'" + live + back,
			[]any{n, call, id, n}},
		{"SELECT " + grantColumns + ", 'dead' FROM grants WHERE id = ?", []any{id}},
	}
	own := "SELECT " + grantColumns + ", result FROM grants WHERE id = ? AND call = ?"
	err := s.db.Do(ctx, func(ctx context.Context, q engine.Q, again bool) (err error) {
		dest := append(r.dest(), &result)
		if again {
			if err = q.Row(ctx, own, []any{id, call}, dest...); !engine.IsNotFound(err) {
				return err
			}
		}
		for _, step := range steps {
			if err = q.Row(ctx, step.query, step.args, dest...); !engine.IsNotFound(err) {
				return err
			}
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	g, err := s.thing(r)
	return g, Outcome(result), err
}

// Revoke ends a grant.
func (s *Grants) Revoke(ctx context.Context, id string) error {
	_, err := s.revoke(ctx, "id = ?", id)
	return err
}

// RevokeByClient ends a client's grants and answers how many.
func (s *Grants) RevokeByClient(ctx context.Context, realm, clientID string) (int64, error) {
	return s.revoke(ctx, "realm = ? AND client_id = ?", realm, clientID)
}

// RevokeByUser ends a user's grants, those with offline_access too.
func (s *Grants) RevokeByUser(ctx context.Context, userID string) (int64, error) {
	if userID == "" {
		return 0, nil
	}
	return s.revoke(ctx, "user_id = ?", userID)
}

// RevokeBySession ends a session's grants, those with offline_access too.
func (s *Grants) RevokeBySession(ctx context.Context, sessionID string) (int64, error) {
	if sessionID == "" {
		return 0, nil
	}
	return s.revoke(ctx, "session_id = ?", sessionID)
}

func (s *Grants) revoke(ctx context.Context, where string, args ...any) (total int64, err error) {
	query := "UPDATE grants SET revoked_at = ? WHERE id IN (SELECT id FROM grants WHERE " + where + " AND revoked_at = 0 LIMIT 500)"
	args = append([]any{engine.Micro(s.db.Clock())}, args...)
	for {
		var n int64
		err := s.db.Do(ctx, func(ctx context.Context, q engine.Q, _ bool) (err error) {
			n, err = q.Exec(ctx, query, args...)
			return err
		})
		total += n
		if err != nil || n < batch {
			return total, err
		}
	}
}

// newCall names one call of a verb.
func newCall() string { return broker.RandomToken(9) }
