package admin

import (
	"context"
	"errors"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// SCIM is where customers' directories are kept.
type SCIM struct {
	Tokens interface {
		Create(ctx context.Context, t *broker.SCIMToken) error
		Update(ctx context.Context, t *broker.SCIMToken) error
		Delete(ctx context.Context, connection, id string) error
		Get(ctx context.Context, connection, id string) (*broker.SCIMToken, error)
		List(ctx context.Context, connection string) ([]*broker.SCIMToken, error)
	}
	People interface {
		OfPerson(ctx context.Context, realm, userID string) ([]*broker.DirectoryUser, error)
		Users(ctx context.Context, connection string, q broker.DirectoryQuery, offset, limit int) ([]*broker.DirectoryUser, int64, error)
	}
	Log interface {
		List(ctx context.Context, connection string, p broker.Page) ([]broker.DirectoryRequest, string, error)
		State(ctx context.Context, realm, connection string) (*broker.DirectoryState, error)
	}
	// NewID makes an ID that sorts by time.
	NewID func(at time.Time) string
}

// Bounds of a directory's tokens: how many may be live at once, and how long one is remembered that is not.
const (
	maxSCIMTokens  = 20
	forgetSCIMDead = 90 * 24 * time.Hour
)

// SCIMToken is a directory's token as operators see it. Token is the token itself, the once that it is made.
type SCIMToken struct {
	broker.SCIMToken
	State string `json:"state" enum:"live,expired,revoked"`
	Token string `json:"token,omitempty" doc:"The token; it cannot be read again"`
}

// SCIMFailure is the last request of a directory that was refused.
type SCIMFailure struct {
	At     time.Time `json:"at"`
	Method string    `json:"method"`
	Path   string    `json:"path"`
	Code   string    `json:"code"`
	Detail string    `json:"detail"`
}

// SCIMState is how the directory of a connection stands.
type SCIMState struct {
	BaseURL          string       `json:"base_url" doc:"Tenant URL (Entra ID), SCIM connector base URL (Okta)"`
	Tokens           []*SCIMToken `json:"tokens"`
	Users            int64        `json:"users"`
	ActiveUsers      int64        `json:"active_users"`
	DeletedUsers     int64        `json:"deleted_users" doc:"Deleted in the directory; they stay locked out"`
	Groups           int64        `json:"groups"`
	Requests         int64        `json:"requests"`
	Failures         int64        `json:"failures"`
	Refused          int64        `json:"refused" doc:"Failures for want of a valid token"`
	UserReads        int64        `json:"user_reads"`
	UserWrites       int64        `json:"user_writes"`
	GroupReads       int64        `json:"group_reads"`
	GroupWrites      int64        `json:"group_writes"`
	FirstRequestAt   time.Time    `json:"first_request_at,omitzero"`
	LastRequestAt    time.Time    `json:"last_request_at,omitzero"`
	LastReadAt       time.Time    `json:"last_read_at,omitzero"`
	LastUserWriteAt  time.Time    `json:"last_user_write_at,omitzero"`
	LastGroupWriteAt time.Time    `json:"last_group_write_at,omitzero"`
	LastFailure      *SCIMFailure `json:"last_failure"`
	Stage            string       `json:"stage" enum:"none,refused,tested,provisioning,silent" doc:"What the requests come to"`
	Findings         []Finding    `json:"findings" doc:"What is wrong with it, the worst first"`
}

// SCIMBaseURL is what the customer's directory is given.
func (s *Service) SCIMBaseURL(slug string) string { return s.BaseURL + "/scim/v2/" + slug }

// GetSCIM answers how the directory of a connection stands.
func (s *Service) GetSCIM(ctx context.Context, a Actor, realm, slug string) (*SCIMState, error) {
	c, err := s.connection(ctx, a, realm, slug, toRead)
	if err != nil {
		return nil, err
	}
	d, err := s.directory(ctx, c)
	if err != nil {
		return nil, err
	}
	found, err := s.directoryFindings(ctx, d)
	if err != nil {
		return nil, err
	}
	st, tokens := d.state, make([]*SCIMToken, 0, len(d.tokens))
	for _, t := range d.tokens {
		tokens = append(tokens, s.scimToken(t))
	}
	out := &SCIMState{
		BaseURL: s.SCIMBaseURL(slug), Tokens: tokens, Users: st.Users, ActiveUsers: st.ActiveUsers, DeletedUsers: st.DeletedUsers, Groups: st.Groups,
		Requests: st.Requests, Failures: st.Failures, Refused: st.Refused, UserReads: st.UserReads, UserWrites: st.UserWrites, GroupReads: st.GroupReads, GroupWrites: st.GroupWrites,
		FirstRequestAt: st.FirstAt, LastRequestAt: st.LastAt, LastReadAt: st.LastReadAt, LastUserWriteAt: st.LastUserWriteAt, LastGroupWriteAt: st.LastGroupWriteAt,
		Stage: d.stage(), Findings: found,
	}
	if !st.LastFailureAt.IsZero() {
		out.LastFailure = &SCIMFailure{At: st.LastFailureAt, Method: st.LastFailureMethod, Path: st.LastFailurePath, Code: st.LastFailureCode, Detail: st.LastFailureDetail}
	}
	return out, nil
}

// ListSCIMTokens answers the tokens of a connection's directory, without themselves, the newest first.
func (s *Service) ListSCIMTokens(ctx context.Context, a Actor, realm, slug string) ([]*SCIMToken, error) {
	if _, err := s.connection(ctx, a, realm, slug, toRead); err != nil {
		return nil, err
	}
	list, err := s.SCIM.Tokens.List(ctx, slug)
	out := make([]*SCIMToken, 0, len(list))
	for _, t := range list {
		out = append(out, s.scimToken(t))
	}
	return out, err
}

func (s *Service) scimToken(t *broker.SCIMToken) *SCIMToken {
	return &SCIMToken{SCIMToken: *t, State: t.State(s.Now())}
}

// NewSCIMToken is what CreateSCIMToken takes.
type NewSCIMToken struct {
	Name      string    `json:"name"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// CreateSCIMToken makes a token for the directory of a connection and answers it, this once. Those there are stay good,
// so that the directory can change over without a gap.
func (s *Service) CreateSCIMToken(ctx context.Context, a Actor, realm, slug string, body []byte) (*SCIMToken, error) {
	c, err := s.connection(ctx, a, realm, slug, toSupport)
	if err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var sent NewSCIMToken
	if err := decode(doc, &sent); err != nil {
		return nil, err
	}
	if err := s.checkSCIMToken(&sent); err != nil {
		return nil, err
	}
	plain := broker.NewSCIMToken()
	t := &broker.SCIMToken{
		ID: s.SCIM.NewID(s.Now()), Realm: c.Realm, Connection: c.Slug, Name: sent.Name, Hint: plain[len(plain)-4:], Hash: broker.HashToken(plain),
		CreatedBy: a.Name, ExpiresAt: sent.ExpiresAt,
	}
	err = s.Tx(ctx, func(ctx context.Context) error {
		if err := s.roomForSCIMToken(ctx, slug); err != nil {
			return err
		}
		if err := s.SCIM.Tokens.Create(ctx, t); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "scim_token.created", realm: realm, subject: "connection:" + slug, detail: t.Name, after: t})
	})
	if err != nil {
		return nil, err
	}
	out := s.scimToken(t)
	out.Token = plain
	return out, nil
}

func (s *Service) checkSCIMToken(n *NewSCIMToken) error {
	var p problems
	n.Name = strings.TrimSpace(n.Name)
	if n.Name == "" {
		n.Name = "token of " + s.Now().UTC().Format(time.DateOnly)
	}
	if len(n.Name) > 100 || strings.ContainsAny(n.Name, "\r\n\t\x00") {
		p.add("/name", "is 1 to 100 characters of one line")
	}
	if !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(s.Now()) {
		p.add("/expires_at", "is in the past")
	}
	return p.err()
}

// roomForSCIMToken refuses one token too many, and forgets those that have been dead for long.
func (s *Service) roomForSCIMToken(ctx context.Context, slug string) error {
	list, err := s.SCIM.Tokens.List(ctx, slug)
	if err != nil {
		return err
	}
	now, live := s.Now(), 0
	for _, t := range list {
		dead := t.RevokedAt
		switch t.State(now) {
		case broker.SCIMTokenLive:
			live++
			continue
		case broker.SCIMTokenExpired:
			dead = t.ExpiresAt
		}
		if now.Sub(dead) < forgetSCIMDead {
			continue
		}
		if err := s.SCIM.Tokens.Delete(ctx, slug, t.ID); err != nil && !errors.Is(err, broker.ErrNotFound) {
			return err
		}
	}
	if live >= maxSCIMTokens {
		return fault.New(fault.Invalid, "the connection has %d tokens: revoke those that are not used", live)
	}
	return nil
}

// RevokeSCIMToken makes a token of a directory worthless at once. It stays in the list for a while.
func (s *Service) RevokeSCIMToken(ctx context.Context, a Actor, realm, slug, id string) error {
	if _, err := s.connection(ctx, a, realm, slug, toSupport); err != nil {
		return err
	}
	_, err := attempt(nil, func() (*broker.SCIMToken, error) {
		t, err := s.SCIM.Tokens.Get(ctx, slug, id)
		if err != nil || !t.RevokedAt.IsZero() {
			return t, err
		}
		before := *t
		t.RevokedAt = s.Now()
		return t, s.Tx(ctx, func(ctx context.Context) error {
			if err := s.SCIM.Tokens.Update(ctx, t); err != nil {
				return err
			}
			return s.record(ctx, a, change{kind: "scim_token.revoked", realm: realm, subject: "connection:" + slug, detail: t.Name, before: before, after: t})
		})
	})
	return err
}

// ListSCIMRequests answers the last requests of a connection's directory, the newest first.
func (s *Service) ListSCIMRequests(ctx context.Context, a Actor, realm, slug string, p broker.Page) (Page[broker.DirectoryRequest], error) {
	if _, err := s.connection(ctx, a, realm, slug, toRead); err != nil {
		return Page[broker.DirectoryRequest]{}, err
	}
	return page(s.SCIM.Log.List(ctx, slug, p))
}

// UserDirectories answers what customers' directories say of a person: where the account comes from, and whether a
// directory has deactivated it.
func (s *Service) UserDirectories(ctx context.Context, a Actor, realm, id string) (Page[*broker.DirectoryUser], error) {
	u, err := s.user(ctx, a, realm, id, toRead)
	if err != nil {
		return Page[*broker.DirectoryUser]{}, err
	}
	list, err := s.SCIM.People.OfPerson(ctx, realm, u.ID)
	return page(list, "", err)
}
