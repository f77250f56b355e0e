package admin

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// Invites is where invitations are kept.
type Invites interface {
	Create(ctx context.Context, i *broker.Invite) error
	Get(ctx context.Context, realm, id string) (*broker.Invite, error)
	// For finds a live invitation that is bound to an address; connection "" asks for any.
	For(ctx context.Context, realm, email, connection string) (*broker.Invite, error)
	Update(ctx context.Context, i *broker.Invite) error
	Delete(ctx context.Context, realm, id string) error
	// List gives all, or those of a state, the newest first.
	List(ctx context.Context, realm, state string, p broker.Page) ([]*broker.Invite, string, error)
}

// Letters writes the mails that verbs cause, into the outbox and so in ctx's transaction.
type Letters interface {
	Invitation(ctx context.Context, l InvitationLetter) error
	ApprovalGranted(ctx context.Context, realm *broker.Realm, u *broker.User, app, url string) error
}

// InvitationLetter is what the mail of an invitation says.
type InvitationLetter struct {
	Realm  *broker.Realm
	Invite *broker.Invite
	App    string
	URL    string
}

const (
	inviteFor    = 14 * 24 * time.Hour
	inviteAtMost = 90 * 24 * time.Hour
	maxUsesOpen  = 10_000
	maxInvGroups = 50
	maxNote      = 200 // characters
)

// NewInvite is what an operator writes of an invitation.
type NewInvite struct {
	Email       string          `json:"email,omitempty" doc:"The one address it is for; left out for an open invitation"`
	MaxUses     int             `json:"max_uses,omitempty" doc:"How many people an open invitation is good for"`
	Connection  string          `json:"connection,omitempty" doc:"Slug that the person must come through"`
	ClientID    string          `json:"client_id,omitempty" doc:"Application to land in; left out for the realm's default"`
	ClientRealm string          `json:"client_realm,omitempty" doc:"The hub that this is an application of"`
	Groups      []string        `json:"groups,omitempty"`
	Excluded    bool            `json:"excluded,omitempty" doc:"From enforcement; takes an owner"`
	Locale      string          `json:"locale,omitempty"`
	Note        string          `json:"note,omitempty" doc:"Shown in the mail"`
	InvitedBy   string          `json:"invited_by,omitempty" doc:"Who invites, as the person reads it"`
	ExpiresAt   time.Time       `json:"expires_at,omitzero"`
	ExpiresIn   broker.Duration `json:"expires_in,omitzero" doc:"14 days if left out, 90 at most"`
	Send        *bool           `json:"send,omitempty" doc:"By mail; true unless said otherwise, where there is an address"`
}

// Invite is an invitation as operators see it. URL is its link, in the answer that made it and never again.
type Invite struct {
	broker.Invite
	State string `json:"state" enum:"live,used,expired,revoked"`
	URL   string `json:"url,omitempty"`
}

func (s *Service) inviteView(i *broker.Invite) *Invite {
	v := &Invite{Invite: *i, State: i.State(s.Now())}
	if v.Groups == nil {
		v.Groups = []string{}
	}
	return v
}

// ListInvites answers a realm's invitations, all or those of a state.
func (s *Service) ListInvites(ctx context.Context, a Actor, realm, state string, p broker.Page) (Page[*Invite], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*Invite]{}, err
	}
	if state != "" && !slices.Contains(broker.InviteStates, state) {
		var bad problems
		bad.add("/state", "%q is not one of %v", state, broker.InviteStates)
		return Page[*Invite]{}, bad.err()
	}
	items, next, err := s.Invites.List(ctx, realm, state, p)
	views := make([]*Invite, 0, len(items))
	for _, i := range items {
		views = append(views, s.inviteView(i))
	}
	return page(views, next, err)
}

// GetInvite answers one invitation.
func (s *Service) GetInvite(ctx context.Context, a Actor, realm, id string) (*Invite, error) {
	_, i, err := s.invite(ctx, a, realm, id, toRead)
	if err != nil {
		return nil, err
	}
	return s.inviteView(i), nil
}

func (s *Service) invite(ctx context.Context, a Actor, realm, id string, r right) (*broker.Realm, *broker.Invite, error) {
	found, err := s.enter(ctx, a, realm, r)
	if err != nil {
		return nil, nil, err
	}
	if id == "" || len(id) > 64 {
		return nil, nil, broker.ErrNotFound
	}
	i, err := s.Invites.Get(ctx, realm, id)
	return found, i, err
}

// CreateInvite invites somebody, by mail or by the link that the answer holds.
func (s *Service) CreateInvite(ctx context.Context, a Actor, realm string, body []byte) (*Invite, error) {
	r, err := s.enter(ctx, a, realm, toSupport)
	if err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var sent NewInvite
	if err := decode(doc, &sent); err != nil {
		return nil, err
	}
	i, app, err := s.buildInvite(ctx, a, r, sent)
	if err != nil {
		return nil, err
	}
	var made *Invite
	err = s.Tx(ctx, func(ctx context.Context) error {
		made, err = s.storeInvite(ctx, a, r, i, app, sent.byMail())
		return err
	})
	return made, err
}

// byMail says whether the person gets a mail.
func (n *NewInvite) byMail() bool { return n.Email != "" && (n.Send == nil || *n.Send) }

// storeInvite gives an invitation its link, stores it and mails it. It may be run again from its start.
func (s *Service) storeInvite(ctx context.Context, a Actor, r *broker.Realm, built *broker.Invite, app *broker.Client, mail bool) (*Invite, error) {
	i := *built
	url, err := s.issue(ctx, r, &i, app, mail)
	if err != nil {
		return nil, err
	}
	if err := s.Invites.Create(ctx, &i); err != nil {
		return nil, err
	}
	v := s.inviteView(&i)
	if err := s.record(ctx, a, change{kind: "invite.created", realm: r.Name, subject: "invite:" + i.ID, after: v}); err != nil {
		return nil, err
	}
	v.URL = url
	return v, nil
}

// issue makes an invitation's link anew and mails it. Older links of it are worthless from then on.
func (s *Service) issue(ctx context.Context, r *broker.Realm, i *broker.Invite, app *broker.Client, mail bool) (url string, err error) {
	token := broker.RandomToken(32)
	i.TokenHash = broker.HashToken(token)
	url = s.BaseURL + "/invite/" + token
	if !mail || s.Letters == nil {
		return url, nil
	}
	i.SentAt = s.Now()
	return url, s.Letters.Invitation(ctx, InvitationLetter{Realm: r, Invite: i, App: app.DisplayName, URL: url})
}

// buildInvite reads and checks a new invitation. It answers the application that the person is to land in, too.
func (s *Service) buildInvite(ctx context.Context, a Actor, r *broker.Realm, n NewInvite) (*broker.Invite, *broker.Client, error) {
	id, err := uuid.NewV7() // sorts by time
	if err != nil {
		return nil, nil, err
	}
	var p problems
	i := &broker.Invite{
		ID: id.String(), Realm: r.Name, Email: n.Email, MaxUses: n.MaxUses, Connection: n.Connection, ClientID: n.ClientID, ClientRealm: n.ClientRealm,
		Groups: n.Groups, Excluded: n.Excluded, Locale: n.Locale, Note: n.Note, InvitedBy: n.InvitedBy, ExpiresAt: s.expiry(&p, n),
	}
	if i.InvitedBy == "" {
		i.InvitedBy, _ = strings.CutPrefix(a.Name, "operator:")
		if i.InvitedBy == a.Name { // a key, a command: nobody the person knows
			i.InvitedBy = ""
		}
	}
	if n.Email != "" {
		address, err := email.Normalise(n.Email)
		if err != nil {
			p.add("/email", "%s", fault.As(err).Detail)
		}
		i.Email = address.String()
		if i.MaxUses == 0 {
			i.MaxUses = 1
		}
	}
	if n.Send != nil && *n.Send && n.Email == "" {
		p.add("/send", "there is no address to mail it to")
	}
	if err := s.notYet(ctx, &p, i); err != nil {
		return nil, nil, err
	}
	app, err := s.checkInvite(ctx, a, r, i, &p)
	if err != nil {
		return nil, nil, err
	}
	return i, app, p.err()
}

// expiry is when an invitation ends, as it was written.
func (s *Service) expiry(p *problems, n NewInvite) time.Time {
	now := s.Now().UTC().Truncate(time.Second)
	switch {
	case n.ExpiresIn != 0 && !n.ExpiresAt.IsZero():
		p.add("/expires_in", "is said beside expires_at: one is enough")
	case n.ExpiresIn < 0:
		p.add("/expires_in", "is before now")
	case n.ExpiresIn != 0:
		return now.Add(min(n.ExpiresIn.D(), inviteAtMost+time.Second)) // no overflow
	case !n.ExpiresAt.IsZero():
		return n.ExpiresAt
	}
	return now.Add(inviteFor)
}

// notYet refuses to invite whoever is invited or here already.
func (s *Service) notYet(ctx context.Context, p *problems, i *broker.Invite) error {
	if i.Email == "" {
		return nil
	}
	live, err := s.Invites.For(ctx, i.Realm, i.Email, "")
	switch {
	case err == nil:
		p.add("/email", "has a live invitation already, %s: send that again", live.ID)
	case !errors.Is(err, broker.ErrNotFound):
		return err
	}
	u, err := s.ByEmail(ctx, i.Realm, i.Email)
	switch {
	case err == nil && u.Status == broker.StatusActive:
		p.add("/email", "is a person of this realm already, %s", u.ID)
	case err != nil && !errors.Is(err, broker.ErrNotFound):
		return err
	}
	return nil
}

// checkInvite holds an invitation to what can be fulfilled. It answers the application that the person is to land in.
func (s *Service) checkInvite(ctx context.Context, a Actor, r *broker.Realm, i *broker.Invite, p *problems) (*broker.Client, error) {
	switch {
	case i.Email != "" && i.MaxUses != 1:
		p.add("/max_uses", "is 1 for an invitation that is bound to an address")
	case i.Email == "" && (i.MaxUses < 1 || i.MaxUses > maxUsesOpen):
		p.add("/max_uses", "is 1 to %d for an open invitation", maxUsesOpen)
	}
	now := s.Now()
	if !i.ExpiresAt.After(now) || i.ExpiresAt.After(now.Add(inviteAtMost)) {
		p.add("/expires_at", "is between now and in 90 days")
	}
	if i.Locale != "" && !slices.Contains(broker.Locales, i.Locale) {
		p.add("/locale", "%q is not one of %v", i.Locale, broker.Locales)
	}
	text(p, "/note", i.Note, 800)
	if utf8.RuneCountInString(i.Note) > maxNote {
		p.add("/note", "is longer than %d characters", maxNote)
	}
	text(p, "/invited_by", i.InvitedBy, 200)
	i.Groups = checkGroups(p, i.Groups)
	if i.Excluded && !a.has(toOwn) {
		return nil, fault.New(fault.Forbidden, "only an owner can exclude a person from enforcement")
	}
	conn, err := s.inviteConnection(ctx, r, i, p)
	if err != nil {
		return nil, err
	}
	return s.inviteClient(ctx, r, i, conn, p)
}

// text checks a short text that people read.
func text(p *problems, pointer, s string, limit int) {
	switch {
	case len(s) > limit:
		p.add(pointer, "is longer than %d bytes", limit)
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' || r == 0x7f || r == '\ufffd' }):
		p.add(pointer, "holds a control character")
	}
}

func checkGroups(p *problems, groups []string) []string {
	if len(groups) > maxInvGroups {
		p.add("/groups", "are more than %d", maxInvGroups)
		return groups
	}
	out := []string{}
	for _, g := range groups {
		if g = strings.TrimSpace(g); g == "" {
			p.add("/groups", "holds an empty name")
			continue
		}
		text(p, "/groups", g, 255)
		out = append(out, g)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (s *Service) inviteConnection(ctx context.Context, r *broker.Realm, i *broker.Invite, p *problems) (*broker.Connection, error) {
	if i.Connection == "" {
		return nil, nil
	}
	conn, err := s.Connections.Get(ctx, i.Connection)
	switch {
	case errors.Is(err, broker.ErrNotFound) || err == nil && conn.Realm != r.Name:
		p.add("/connection", "the realm has no connection %q", i.Connection)
		return nil, nil
	case err != nil:
		return nil, err
	case conn.Provisioning == "existing":
		p.add("/connection", "lets only people in who are known already; set its provisioning to invite or automatic")
	}
	return conn, nil
}

// inviteClient finds the application: of the realm, or of the hub that is named.
func (s *Service) inviteClient(ctx context.Context, r *broker.Realm, i *broker.Invite, conn *broker.Connection, p *problems) (*broker.Client, error) {
	at := r
	if i.ClientRealm == r.Name {
		i.ClientRealm = ""
	}
	if i.ClientRealm != "" {
		hub, err := s.Realms.Get(ctx, i.ClientRealm)
		if errors.Is(err, broker.ErrNotFound) || err == nil && !hub.Hub {
			p.add("/client_realm", "%q is not a hub", i.ClientRealm)
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		at = hub
	}
	id := i.ClientID
	if id == "" {
		id = at.DefaultClientID
	}
	if id == "" {
		p.add("/client_id", "is missing: the realm %q has no default application", at.Name)
		return nil, nil
	}
	client, err := s.Clients.Get(ctx, at.Name, id)
	switch {
	case errors.Is(err, broker.ErrNotFound):
		p.add("/client_id", "the realm %q has no application %q", at.Name, id)
		return nil, nil
	case err != nil:
		return nil, err
	case at.Hub && client.PinnedRealm != "" && client.PinnedRealm != r.Name:
		p.add("/client_id", "is an application for the people of another realm")
	case conn != nil && !client.AllowsConnection(conn.Slug):
		p.add("/connection", "the application %q does not take people from it", id)
	}
	return client, nil
}

// UpdateInvite changes an invitation that was not used up, by merge patch. Whom it is for stays: invite the other address.
func (s *Service) UpdateInvite(ctx context.Context, a Actor, realm, id string, m Match, patch []byte) (*Invite, error) {
	return attempt(m, func() (*Invite, error) {
		r, old, err := s.invite(ctx, a, realm, id, toSupport)
		if err != nil {
			return nil, err
		}
		doc, err := patched(old, old.Version, m, patch)
		if err != nil {
			return nil, err
		}
		i := &broker.Invite{}
		if err := decode(doc, i); err != nil {
			return nil, err
		}
		changed, err := changes(old, i, nil)
		if err != nil || len(changed) == 0 {
			return s.inviteView(old), err
		}
		i.TokenHash = old.TokenHash
		p := onlySettable(changed)
		if _, err := s.checkInvite(ctx, a, r, i, &p); err != nil {
			return nil, err
		}
		if err := p.err(); err != nil {
			return nil, err
		}
		i.Meta = old.Meta
		err = s.putInvite(ctx, a, old, i, "invite.updated", told(changed))
		return s.inviteView(i), err
	})
}

func onlySettable(changed []FieldChange) problems {
	var p problems
	for _, c := range changed {
		field, _, _ := strings.Cut(c.Pointer[1:], "/")
		if !slices.Contains([]string{"max_uses", "connection", "client_id", "client_realm", "groups", "excluded", "locale", "note", "invited_by", "expires_at"}, field) {
			p.add(c.Pointer, "cannot be changed")
		}
	}
	return p
}

func (s *Service) putInvite(ctx context.Context, a Actor, old, i *broker.Invite, kind, detail string) error {
	return s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Invites.Update(ctx, i); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: kind, realm: i.Realm, subject: "invite:" + i.ID, detail: detail, before: s.inviteView(old), after: s.inviteView(i)})
	})
}

// Resending is how an invitation is sent again.
type Resending struct {
	ExpiresAt time.Time       `json:"expires_at,omitzero"`
	ExpiresIn broker.Duration `json:"expires_in,omitzero" doc:"14 days if left out, 90 at most"`
	Send      *bool           `json:"send,omitempty" doc:"By mail; true unless said otherwise, where there is an address"`
}

// ResendInvite makes a new link, so that the old one is worthless, gives it its time anew and mails it.
func (s *Service) ResendInvite(ctx context.Context, a Actor, realm, id string, body []byte) (*Invite, error) {
	sent := NewInvite{}
	if len(strings.TrimSpace(string(body))) > 0 {
		doc, err := parseObjectDoc(body)
		if err != nil {
			return nil, err
		}
		var only Resending
		if err := decode(doc, &only); err != nil {
			return nil, err
		}
		sent.ExpiresAt, sent.ExpiresIn, sent.Send = only.ExpiresAt, only.ExpiresIn, only.Send
	}
	return attempt(nil, func() (*Invite, error) { return s.resend(ctx, a, realm, id, sent) })
}

func (s *Service) resend(ctx context.Context, a Actor, realm, id string, sent NewInvite) (*Invite, error) {
	r, old, err := s.invite(ctx, a, realm, id, toSupport)
	if err != nil {
		return nil, err
	}
	switch old.State(s.Now()) {
	case broker.InviteRevoked:
		return nil, fault.New(fault.InviteRevoked, "%s", id)
	case broker.InviteUsed:
		return nil, fault.New(fault.InviteUsed, "%s", id)
	}
	var p problems
	built := *old
	built.ExpiresAt = s.expiry(&p, sent)
	app, err := s.checkInvite(ctx, a, r, &built, &p)
	if err = errors.Join(err, p.err()); err != nil {
		return nil, err
	}
	sent.Email = old.Email
	var v *Invite
	err = s.Tx(ctx, func(ctx context.Context) error {
		i := built
		url, err := s.issue(ctx, r, &i, app, sent.byMail())
		if err != nil {
			return err
		}
		if err := s.putInvite(ctx, a, old, &i, "invite.resent", ""); err != nil {
			return err
		}
		v = s.inviteView(&i)
		v.URL = url
		return nil
	})
	return v, err
}

// RevokeInvite makes an invitation worthless. Who came by it stays.
func (s *Service) RevokeInvite(ctx context.Context, a Actor, realm, id string) (*Invite, error) {
	return attempt(nil, func() (*Invite, error) {
		_, old, err := s.invite(ctx, a, realm, id, toSupport)
		if err != nil || !old.RevokedAt.IsZero() {
			return s.viewOf(old, err)
		}
		i := *old
		i.RevokedAt = s.Now()
		err = s.putInvite(ctx, a, old, &i, "invite.revoked", "")
		return s.inviteView(&i), err
	})
}

func (s *Service) viewOf(i *broker.Invite, err error) (*Invite, error) {
	if err != nil {
		return nil, err
	}
	return s.inviteView(i), nil
}

// DeleteInvite forgets an invitation.
func (s *Service) DeleteInvite(ctx context.Context, a Actor, realm, id string, m Match) error {
	_, i, err := s.invite(ctx, a, realm, id, toSupport)
	if err != nil {
		return err
	}
	if err := m.check(i.Version); err != nil {
		return err
	}
	return s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Invites.Delete(ctx, realm, id); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "invite.deleted", realm: realm, subject: "invite:" + id, before: s.inviteView(i)})
	})
}
