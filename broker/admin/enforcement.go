package admin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/fault"
)

// Enforcement is what the verbs about enforcement need beside the rest.
type Enforcement struct {
	People interface {
		EnforcementCounts(ctx context.Context, c *broker.Connection) (broker.EnforcementCounts, error)
		Concerned(ctx context.Context, c *broker.Connection, p broker.Page) ([]*broker.User, string, error)
		Excluded(ctx context.Context, realm string, n int) ([]*broker.User, error)
	}
	// ForDomain answers the enabled connections of a realm that list a domain.
	ForDomain func(ctx context.Context, realm, domain string) ([]*broker.Connection, error)
}

// What enforcement would mean for a person.
const (
	EffectLoses    = "loses"    // comes another way today, and could use this connection only
	EffectExcluded = "excluded" // may go on as now
)

// ConcernedPerson is a line of the preview: somebody of the connection's domains who does not come through it. An operator
// lets them go on as now by excluding them, or corrects their address.
type ConcernedPerson struct {
	ID          string    `json:"id"`
	Email       string    `json:"email"`
	Name        string    `json:"name"`
	Effect      string    `json:"effect" enum:"loses,excluded"`
	Connections []string  `json:"connections" doc:"What the person comes through today"`
	LastLoginAt time.Time `json:"last_login_at,omitzero"`
}

// EnforcementPreview is who would lose access, and what stands in the way of switching enforcement on.
type EnforcementPreview struct {
	Connection string                   `json:"connection"`
	Enforced   bool                     `json:"enforced"`
	Domains    []string                 `json:"domains"`
	Counts     broker.EnforcementCounts `json:"counts"`
	Missing    []Missing                `json:"missing" doc:"What the gate would say now, but for the report itself"`
	Collisions *Collisions              `json:"collisions"`
	Report     string                   `json:"report" doc:"Sent along to switch enforcement on: it proves that this was read and is current"`
	Items      []ConcernedPerson        `json:"items"`
	Next       string                   `json:"next"`
}

// Missing is one condition that does not hold.
type Missing struct {
	Code   fault.Code `json:"code"`
	Detail string     `json:"detail"`
	Fix    string     `json:"fix"`
}

func missingOf(err error) Missing {
	f := fault.As(err)
	return Missing{Code: f.Code, Detail: f.Detail, Fix: fault.Lookup(f.Code).Fix}
}

// PreviewEnforcement answers whom the enforcement of a connection would concern. testedBy names who tested, "" for the
// actor.
func (s *Service) PreviewEnforcement(ctx context.Context, a Actor, realm, slug, testedBy string, p broker.Page) (*EnforcementPreview, error) {
	c, err := s.connection(ctx, a, realm, slug, toRead)
	if err != nil {
		return nil, err
	}
	out := &EnforcementPreview{Connection: slug, Enforced: c.Enforced, Domains: c.Domains, Missing: []Missing{}}
	if err := s.report(ctx, a, c, out); err != nil {
		return nil, err
	}
	for _, check := range s.conditions(a, c, testedBy) {
		err := check(ctx)
		if err != nil && fault.Lookup(fault.CodeOf(err)).Status >= 500 {
			return nil, err
		}
		if err != nil {
			out.Missing = append(out.Missing, missingOf(err))
		}
	}
	users, next, err := s.Enforcement.People.Concerned(ctx, c, p)
	if err != nil {
		return nil, err
	}
	out.Next = next
	out.Items, err = s.concerned(ctx, realm, users)
	return out, err
}

// concerned makes the preview's lines.
func (s *Service) concerned(ctx context.Context, realm string, users []*broker.User) ([]ConcernedPerson, error) {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.ID
	}
	linked := map[string][]string{}
	if len(ids) > 0 {
		var err error
		if linked, err = s.Linked(ctx, realm, ids); err != nil {
			return nil, err
		}
	}
	out := make([]ConcernedPerson, len(users))
	for i, u := range users {
		out[i] = ConcernedPerson{ID: u.ID, Email: u.Email, Name: u.Name, Effect: EffectLoses, Connections: linked[u.ID], LastLoginAt: u.LastLoginAt}
		if u.Excluded {
			out[i].Effect = EffectExcluded
		}
		if out[i].Connections == nil {
			out[i].Connections = []string{}
		}
	}
	return out, nil
}

// report fills in what the report's token stands for: the settings, whom they concern and who collides. Sessions come and
// go and are not part of it.
func (s *Service) report(ctx context.Context, a Actor, c *broker.Connection, out *EnforcementPreview) (err error) {
	if out.Counts, err = s.Enforcement.People.EnforcementCounts(ctx, c); err != nil {
		return err
	}
	if out.Collisions, err = s.FindCollisions(ctx, a, c.Realm, c.Slug); err != nil {
		return err
	}
	counts := out.Counts
	counts.Sessions = 0
	parts := map[string]any{"slug": c.Slug, "version": c.Version, "domains": c.Domains, "counts": counts}
	for _, f := range out.Collisions.Findings {
		parts["collision "+f.Kind] = f.Count
	}
	b, err := json.Marshal(parts)
	sum := sha256.Sum256(b)
	out.Report = base64.RawURLEncoding.EncodeToString(sum[:18])
	return err
}

// testedWithin is how long a test counts.
const testedWithin = 7 * 24 * time.Hour

// conditions are what has to hold before enforcement is switched on, but for the report: the domains are the realm's, the
// operator came through the connection, and somebody could still sign in if it failed.
func (s *Service) conditions(a Actor, c *broker.Connection, testedBy string) []func(context.Context) error {
	return []func(context.Context) error{
		func(ctx context.Context) error { return s.domainsVerified(ctx, c) },
		func(ctx context.Context) error { return s.tested(ctx, a, c, testedBy) },
		func(ctx context.Context) error { return s.wayBack(ctx, c.Realm, "") },
	}
}

func (s *Service) domainsVerified(ctx context.Context, c *broker.Connection) error {
	var not []string
	for _, d := range c.Domains {
		claim, err := s.Domains.Verified(ctx, d)
		if err != nil && !errors.Is(err, broker.ErrNotFound) {
			return err
		}
		if err != nil || claim.Realm != c.Realm {
			not = append(not, d)
		}
	}
	switch {
	case len(c.Domains) == 0:
		return fault.New(fault.EnforcementDomains, "the connection lists no domain")
	case len(not) > 0:
		return fault.New(fault.EnforcementDomains, "not verified: %s", strings.Join(not, ", "))
	}
	return nil
}

// tester is the filter for an operator's own sign-ins: the person named, else the address in the operator's name.
func tester(a Actor, testedBy string) (EventFilter, bool) {
	f := EventFilter{UserID: testedBy}
	if _, address, ok := strings.Cut(a.Name, ":"); ok && testedBy == "" && strings.Contains(address, "@") {
		f.Email = address
	}
	return f, f.UserID+f.Email != ""
}

func (s *Service) tested(ctx context.Context, a Actor, c *broker.Connection, testedBy string) error {
	f, ok := tester(a, testedBy)
	if !ok {
		return fault.New(fault.EnforcementUntested, "nobody is named as having tested it")
	}
	f.Realm, f.Connection, f.Kind, f.Since = c.Realm, c.Slug, "login.succeeded", s.Now().Add(-testedWithin)
	found, _, err := s.FindEvents(ctx, f, broker.Page{Limit: 1})
	if err == nil && len(found) == 0 {
		err = fault.New(fault.EnforcementUntested, "no sign-in of %s through %s within seven days", f.UserID+f.Email, c.Slug)
	}
	return err
}

// maxExcluded bounds how many excluded people are looked at for one who could sign in.
const maxExcluded = 200

// wayBack holds that somebody other than without could sign in to the realm if every identity provider failed.
func (s *Service) wayBack(ctx context.Context, realm, without string) error {
	if s.Enforcement.People == nil {
		return fault.New(fault.EnforcementNoWay, "local ways are not part of this installation")
	}
	r, err := s.Realms.Get(ctx, realm)
	if err != nil {
		return err
	}
	people, err := s.Enforcement.People.Excluded(ctx, realm, maxExcluded)
	if err != nil {
		return err
	}
	for _, u := range people {
		if u.ID == without {
			continue
		}
		ok, err := s.hasLocalWay(ctx, r, u)
		if err != nil || ok {
			return err
		}
	}
	return fault.New(fault.EnforcementNoWay, "%d excluded people were looked at; ways in without a company's sign-in page: %s", len(people), cmp.Or(strings.ReplaceAll(strings.Join(r.LocalLogin, ", "), "_", " "), "none"))
}

// hasLocalWay reports whether a person could come in by one of the realm's local ways now.
func (s *Service) hasLocalWay(ctx context.Context, r *broker.Realm, u *broker.User) (bool, error) {
	if slices.Contains(r.LocalLogin, "email_code") && s.Local.MailConfigured && u.Email != "" {
		return true, nil
	}
	kept, err := s.Local.Credentials.ByUser(ctx, u.Realm, u.ID)
	return slices.ContainsFunc(kept, func(c *broker.Credential) bool {
		return slices.Contains(r.LocalLogin, c.Kind) && (c.Kind == credential.Password || c.Kind == credential.Passkey)
	}), err
}

// EnforcementSwitch is what switches enforcement.
type EnforcementSwitch struct {
	Enforced bool   `json:"enforced"`
	Report   string `json:"report,omitempty" doc:"The report of the preview that was read"`
	TestedBy string `json:"tested_by,omitempty" doc:"User id of the operator who signed in through this connection; they are excluded from it"`
	Override string `json:"override,omitempty" doc:"An owner's reason for going without test, report or way back; audited"`
}

// SwitchEnforcement switches enforcement on behind its gate, or off, which is always possible.
func (s *Service) SwitchEnforcement(ctx context.Context, a Actor, realm, slug string, m Match, body []byte) (*broker.Connection, error) {
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var sent EnforcementSwitch
	if err := decode(doc, &sent); err != nil {
		return nil, err
	}
	return attempt(m, func() (*broker.Connection, error) {
		old, err := s.connection(ctx, a, realm, slug, toSupport)
		if err != nil {
			return nil, err
		}
		if err := m.check(old.Version); err != nil {
			return nil, err
		}
		if old.Enforced == sent.Enforced {
			return old, nil
		}
		next := *old
		next.Enforced = sent.Enforced
		if !sent.Enforced {
			return &next, s.putEnforcement(ctx, a, old, &next, nil, "switched off")
		}
		detail, err := s.gate(ctx, a, old, sent)
		if err != nil {
			return nil, err
		}
		u, err := s.switcher(ctx, a, realm, sent.TestedBy)
		if err != nil {
			return nil, err
		}
		return &next, s.putEnforcement(ctx, a, old, &next, u, detail)
	})
}

// gate refuses what is not ready. An owner may go past all but the domains, with a reason; the audit line then says what
// was missing.
func (s *Service) gate(ctx context.Context, a Actor, c *broker.Connection, sent EnforcementSwitch) (detail string, err error) {
	if sent.Override != "" && a.Role != Owner {
		return "", fault.New(fault.Forbidden, "%s has the role %q: only an owner overrides the gate", a.Name, a.Role)
	}
	var preview EnforcementPreview
	if err := s.report(ctx, a, c, &preview); err != nil {
		return "", err
	}
	checks := append(s.conditions(a, c, sent.TestedBy), func(context.Context) error {
		if sent.Report == preview.Report {
			return nil
		}
		return fault.New(fault.EnforcementReport, "the report sent is not the current one")
	})
	passed := []string{}
	for _, check := range checks {
		err := check(ctx)
		code := fault.CodeOf(err)
		switch {
		case err == nil:
		case sent.Override == "" || code == fault.EnforcementDomains || fault.Lookup(code).Status >= 500:
			return "", err
		default:
			passed = append(passed, string(code))
		}
	}
	detail = fmt.Sprintf("switched on; %d people lose another way in, %d are excluded", preview.Counts.Lose, preview.Counts.Excluded)
	if sent.Override != "" {
		detail += fmt.Sprintf("; overridden (%s): %.500s", strings.Join(passed, ", "), sent.Override)
	}
	return detail, nil
}

// switcher is the operator as a person of the realm, nil where they are none.
func (s *Service) switcher(ctx context.Context, a Actor, realm, testedBy string) (*broker.User, error) {
	f, ok := tester(a, testedBy)
	if !ok {
		return nil, nil
	}
	var u *broker.User
	var err error
	if f.UserID != "" {
		u, err = s.Users.Get(ctx, realm, f.UserID)
	} else {
		u, err = s.ByEmail(ctx, realm, f.Email)
	}
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	return u, err
}

// putEnforcement stores the switch, and excludes whoever threw it: an identity provider that fails must not lock out the
// one person who knows why.
func (s *Service) putEnforcement(ctx context.Context, a Actor, old, next *broker.Connection, u *broker.User, detail string) error {
	kind := "enforcement.on"
	if !next.Enforced {
		kind = "enforcement.off"
	}
	return s.Tx(ctx, func(ctx context.Context) error {
		c := *next
		if err := s.Connections.Update(ctx, &c); err != nil {
			return err
		}
		*next = c
		if u != nil && !u.Excluded {
			was, excluded := *u, *u
			excluded.Excluded = true
			if err := s.Users.Update(ctx, &excluded); err != nil {
				return err
			}
			if err := s.record(ctx, a, change{kind: "user.updated", realm: u.Realm, subject: "user:" + u.ID, detail: "excluded, having switched enforcement on", before: &was, after: &excluded}); err != nil {
				return err
			}
		}
		return s.record(ctx, a, change{kind: kind, realm: c.Realm, subject: "connection:" + c.Slug, detail: detail, before: old, after: &c})
	})
}

// plainEnforcement holds a plain change of a connection to the rules: only an owner switches enforcement on past the gate,
// or pauses an enforced connection, and the audit line says what was not thought of. old is nil for a new connection.
func (s *Service) plainEnforcement(ctx context.Context, a Actor, old, c *broker.Connection) (warnings string, err error) {
	on := c.Enforced && (old == nil || !old.Enforced)
	paused := old != nil && old.Enforced && old.Enabled && !c.Enabled
	if !on && !paused {
		return "", nil
	}
	if a.Role != Owner {
		return "", fault.New(fault.EnforcementGate, "%s has the role %q", a.Name, a.Role)
	}
	if paused {
		return "enforcement paused", nil
	}
	var all []string
	for _, check := range s.conditions(a, c, "") {
		err := check(ctx)
		if err != nil && fault.Lookup(fault.CodeOf(err)).Status >= 500 {
			return "", err
		}
		if err != nil {
			all = append(all, fault.As(err).Error())
		}
	}
	if len(all) == 0 {
		return "enforced past the gate", nil
	}
	return "enforced past the gate: " + strings.Join(all, "; "), nil
}

// standsBy is whether a person counts among those who could sign in if the identity provider failed.
func standsBy(u *broker.User) bool {
	return u != nil && u.Excluded && !u.Blocked && u.Status == broker.StatusActive
}

// keepWayBack does a change to a person and refuses it, in ctx's transaction, where it takes away the last one who could
// sign in while a connection of the realm is enforced: by the end of the exclusion, a block, a deletion (next is nil).
func (s *Service) keepWayBack(ctx context.Context, old, next *broker.User, do func(ctx context.Context) error) error {
	if !standsBy(old) || standsBy(next) {
		return do(ctx)
	}
	return s.guardWayBack(ctx, old.Realm, old.ID, do)
}

// mayGo is keepWayBack for a deletion, which is no one transaction.
func (s *Service) mayGo(ctx context.Context, u *broker.User) error {
	if !standsBy(u) || s.Enforcement.People == nil {
		return nil
	}
	enforced, err := s.anyEnforced(ctx, u.Realm)
	if err != nil || !enforced {
		return err
	}
	if err := s.wayBack(ctx, u.Realm, ""); err != nil {
		if fault.CodeOf(err) == fault.EnforcementNoWay {
			return nil // there was none before
		}
		return err
	}
	err = s.wayBack(ctx, u.Realm, u.ID)
	if fault.CodeOf(err) == fault.EnforcementNoWay {
		return fault.New(fault.EnforcementLast, "user %s", u.ID)
	}
	return err
}

// guardWayBack is keepWayBack for any change that concerns one person.
func (s *Service) guardWayBack(ctx context.Context, realm, userID string, do func(ctx context.Context) error) error {
	if s.Enforcement.People == nil {
		return do(ctx)
	}
	enforced, err := s.anyEnforced(ctx, realm)
	if err != nil {
		return err
	}
	before := fault.New(fault.EnforcementNoWay, "")
	if enforced {
		if err := s.wayBack(ctx, realm, ""); err == nil {
			before = nil
		} else if fault.CodeOf(err) != fault.EnforcementNoWay {
			return err
		}
	}
	if err := do(ctx); err != nil || before != nil {
		return err
	}
	err = s.wayBack(ctx, realm, "")
	if fault.CodeOf(err) == fault.EnforcementNoWay {
		return fault.New(fault.EnforcementLast, "user %s", userID)
	}
	return err
}

// anyEnforced reports whether a realm enforces a connection. Enforced connections list domains, and those are few.
func (s *Service) anyEnforced(ctx context.Context, realm string) (bool, error) {
	found := errors.New("found")
	err := each(func(p broker.Page) ([]*broker.Domain, string, error) { return s.Domains.List(ctx, realm, p) }, func(d *broker.Domain) error {
		cs, err := s.Enforcement.ForDomain(ctx, realm, d.Domain)
		if err == nil && slices.ContainsFunc(cs, func(c *broker.Connection) bool { return c.Enforced }) {
			err = found
		}
		return err
	})
	if errors.Is(err, found) {
		return true, nil
	}
	return false, err
}
