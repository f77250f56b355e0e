package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// Shadows is where second configurations of connections are kept.
type Shadows interface {
	Put(ctx context.Context, v *broker.Shadow) error
	Get(ctx context.Context, slug, kind string) (*broker.Shadow, error)
	Delete(ctx context.Context, realm, slug, kind string) error
	Views(ctx context.Context, realm, slug string) ([]*broker.ShadowView, error)
}

// NewShadow is a second configuration as an operator writes it.
type NewShadow struct {
	People []string       `json:"people" doc:"Addresses that sign in with it"`
	Config map[string]any `json:"config" doc:"What differs from the connection (or from the configuration on trial already): preset, mapping, group_rules, group_names, only_mapped_groups, and the protocol's section"`
}

// ShadowSwitch is what SwitchShadow takes.
type ShadowSwitch struct {
	Force bool            `json:"force,omitempty" doc:"Although nobody tried it, or it calls people by other subjects"`
	Keep  broker.Duration `json:"keep,omitzero" doc:"How long the configuration of today can be put back: 14 days if left out, 90 at most"`
}

// ShadowConfig is a second configuration; secrets are masked.
type ShadowConfig struct {
	People    []string           `json:"people"`
	Config    *broker.Connection `json:"config"`
	Until     *time.Time         `json:"until" doc:"When a former configuration is forgotten"`
	CreatedAt time.Time          `json:"created_at"`
	UpdatedAt time.Time          `json:"updated_at"`
	Version   int64              `json:"version"`
}

// ShadowState is what there is beside a connection's own configuration.
type ShadowState struct {
	Shadow *ShadowConfig `json:"shadow"` // on trial
	Former *ShadowConfig `json:"former"` // can be put back
}

// How a person fares with the configuration on trial.
const (
	ShadowSame    = "same_subject"
	ShadowDiffers = "other_subject"
	ShadowNew     = "first_subject" // the person never came through the connection
	ShadowUnknown = "unknown_person"
	ShadowNotYet  = "not_tried"
)

// ShadowPerson is what both configurations say of a person.
type ShadowPerson struct {
	Email      string     `json:"email"`
	Verdict    string     `json:"verdict" enum:"same_subject,other_subject,first_subject,unknown_person,not_tried"`
	Code       string     `json:"code,omitempty" doc:"Why the person did not come in"`
	TriedAt    *time.Time `json:"tried_at"`
	Subjects   []string   `json:"subjects" doc:"Through the connection as it is"`
	Subject    string     `json:"subject" doc:"On trial"`
	Groups     []string   `json:"groups" doc:"As the person has them"`
	GroupsSaid []string   `json:"groups_on_trial"`
}

// ShadowComparison is what an operator reads before a switch.
type ShadowComparison struct {
	People   []ShadowPerson `json:"people"`
	Tried    int            `json:"tried"`
	Differ   int            `json:"differ" doc:"How many would look new after a switch"`
	Findings []Finding      `json:"findings"`
}

const (
	maxTriers  = 200
	keepFormer = 14 * 24 * time.Hour
	keepMost   = 90 * 24 * time.Hour
)

// differing are the fields of a connection that a second configuration may have of its own.
func differing(protocol string) []string {
	return []string{"preset", "mapping", "group_rules", "group_names", "only_mapped_groups", protocol}
}

// PutShadow puts a second configuration on trial, or changes it.
func (s *Service) PutShadow(ctx context.Context, a Actor, realm, slug string, body []byte) (*ShadowState, error) {
	c, err := s.connection(ctx, a, realm, slug, toSupport)
	if err != nil {
		return nil, err
	}
	old, err := s.shadow(ctx, c, broker.ShadowTrial)
	if err != nil {
		return nil, err
	}
	v, err := s.buildShadow(ctx, a, c, old, body)
	if err != nil {
		return nil, err
	}
	err = s.Tx(ctx, func(ctx context.Context) error {
		if old != nil { // what the one before said of people is not what this one says
			if err := s.Shadows.Delete(ctx, realm, slug, broker.ShadowTrial); err != nil {
				return err
			}
		}
		if err := s.Shadows.Put(ctx, v); err != nil {
			return err
		}
		return s.recordShadow(ctx, a, c, "put", fmt.Sprintf("for %d people", len(v.People)), v.Config)
	})
	if err != nil {
		return nil, err
	}
	return s.GetShadow(ctx, a, realm, slug)
}

// buildShadow reads a second configuration: what was sent over the one on trial, or over the connection.
func (s *Service) buildShadow(ctx context.Context, a Actor, c *broker.Connection, old *broker.Shadow, body []byte) (*broker.Shadow, error) {
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var in NewShadow
	if err := decode(doc, &in); err != nil {
		return nil, err
	}
	base := c
	if old != nil {
		base = c.With(old.Config)
	}
	people, err := s.triers(in, differing(c.Protocol))
	if err != nil {
		return nil, err
	}
	patch, err := json.Marshal(in.Config)
	if err != nil {
		return nil, err
	}
	if in.Config == nil {
		patch = []byte("{}")
	}
	merged, err := s.patchedConnection(base, nil, patch)
	if err != nil {
		return nil, err
	}
	next, differ, err := s.buildConnection(ctx, c.Realm, merged, base)
	if err != nil {
		return nil, err
	}
	if err := redirected(a, base, next, differ); err != nil {
		return nil, err
	}
	return &broker.Shadow{Connection: c.Slug, Realm: c.Realm, Kind: broker.ShadowTrial, ShadowDoc: broker.ShadowDoc{People: people, Config: c.With(next)}}, nil
}

// triers brings the list of people into normal form, and refuses what a second configuration may not say.
func (s *Service) triers(in NewShadow, allowed []string) ([]string, error) {
	var p problems
	for name := range in.Config {
		if !slices.Contains(allowed, name) {
			p.add("/config/"+escape(name), "is the connection's alone; a second configuration has %v of its own", allowed)
		}
	}
	if len(in.People) > maxTriers {
		p.add("/people", "are %d; at most %d may try a configuration", len(in.People), maxTriers)
	}
	people := []string{}
	for i, text := range in.People {
		n, err := email.Normalise(text)
		if err != nil {
			p.add(fmt.Sprintf("/people/%d", i), "%q is no address", text)
			continue
		}
		if !slices.Contains(people, n.String()) {
			people = append(people, n.String())
		}
	}
	return people, p.err()
}

// GetShadow answers what there is beside the connection's own configuration.
func (s *Service) GetShadow(ctx context.Context, a Actor, realm, slug string) (*ShadowState, error) {
	c, err := s.connection(ctx, a, realm, slug, toRead)
	if err != nil {
		return nil, err
	}
	out := &ShadowState{}
	for kind, to := range map[string]**ShadowConfig{broker.ShadowTrial: &out.Shadow, broker.ShadowFormer: &out.Former} {
		v, err := s.shadow(ctx, c, kind)
		if err != nil {
			return nil, err
		}
		*to = shownShadow(v)
	}
	return out, nil
}

func shownShadow(v *broker.Shadow) *ShadowConfig {
	if v == nil {
		return nil
	}
	out := &ShadowConfig{People: v.People, Config: v.Config, CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, Version: v.Version}
	if !v.Until.IsZero() {
		out.Until = &v.Until
	}
	return out
}

// shadow is the second configuration of a kind, nil if there is none, or its time is over.
func (s *Service) shadow(ctx context.Context, c *broker.Connection, kind string) (*broker.Shadow, error) {
	if s.Shadows == nil {
		return nil, nil
	}
	v, err := s.Shadows.Get(ctx, c.Slug, kind)
	if errors.Is(err, broker.ErrNotFound) || err == nil && (v.Realm != c.Realm || !v.Until.IsZero() && !s.Now().Before(v.Until)) {
		return nil, nil
	}
	return v, err
}

// theShadow is shadow where there must be one.
func (s *Service) theShadow(ctx context.Context, a Actor, realm, slug, kind string) (*broker.Connection, *broker.Shadow, error) {
	c, err := s.connection(ctx, a, realm, slug, toSupport)
	if err != nil {
		return nil, nil, err
	}
	v, err := s.shadow(ctx, c, kind)
	if err == nil && v == nil {
		err = fault.New(fault.ShadowNone, "connection %q has no %s configuration", slug, map[string]string{broker.ShadowTrial: "second", broker.ShadowFormer: "former"}[kind])
	}
	return c, v, err
}

// DeleteShadow discards the configuration on trial.
func (s *Service) DeleteShadow(ctx context.Context, a Actor, realm, slug string) error {
	c, v, err := s.theShadow(ctx, a, realm, slug, broker.ShadowTrial)
	if err != nil {
		return err
	}
	return s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Shadows.Delete(ctx, realm, slug, v.Kind); err != nil {
			return err
		}
		return s.recordShadow(ctx, a, c, "discarded", "", v.Config)
	})
}

func (s *Service) recordShadow(ctx context.Context, a Actor, c *broker.Connection, what, detail string, config *broker.Connection) error {
	return s.record(ctx, a, change{kind: "connection.shadow_" + what, realm: c.Realm, subject: "connection:" + c.Slug, detail: detail, before: c, after: config})
}

// CompareShadow tells, person by person, what both configurations say.
func (s *Service) CompareShadow(ctx context.Context, a Actor, realm, slug string) (*ShadowComparison, error) {
	c, err := s.connection(ctx, a, realm, slug, toRead)
	if err != nil {
		return nil, err
	}
	v, err := s.shadow(ctx, c, broker.ShadowTrial)
	if err != nil {
		return nil, err
	}
	out := &ShadowComparison{People: []ShadowPerson{}, Findings: []Finding{}}
	if v == nil {
		return out, nil
	}
	views, err := s.Shadows.Views(ctx, realm, slug)
	if err != nil {
		return nil, err
	}
	for _, address := range v.People {
		i := slices.IndexFunc(views, func(w *broker.ShadowView) bool { return w.Email == address })
		seen := &broker.ShadowView{}
		if i >= 0 {
			seen = views[i]
		}
		p, err := s.comparePerson(ctx, c, address, seen)
		if err != nil {
			return nil, err
		}
		out.count(p)
	}
	return out, nil
}

func (s *Service) comparePerson(ctx context.Context, c *broker.Connection, address string, seen *broker.ShadowView) (ShadowPerson, error) {
	p := ShadowPerson{Email: address, Verdict: ShadowUnknown, Subject: seen.Subject, Code: seen.Code, Subjects: []string{}, Groups: []string{}, GroupsSaid: append([]string{}, seen.Groups...)}
	if !seen.At.IsZero() {
		p.TriedAt = &seen.At
	}
	u, err := s.ByEmail(ctx, c.Realm, address)
	switch {
	case errors.Is(err, broker.ErrNotFound):
	case err != nil:
		return p, err
	default:
		links, err := s.People.Links.ByUser(ctx, u.ID)
		if err != nil {
			return p, err
		}
		p.Groups = append(p.Groups, u.Groups...)
		for _, l := range links {
			if l.Connection == c.Slug {
				p.Subjects = append(p.Subjects, l.Subject)
			}
		}
		p.Verdict = subjectVerdict(p.Subjects, p.Subject)
	}
	if p.TriedAt == nil {
		p.Verdict = ShadowNotYet
	}
	return p, nil
}

func subjectVerdict(known []string, subject string) string {
	switch {
	case len(known) == 0:
		return ShadowNew
	case slices.Contains(known, subject):
		return ShadowSame
	}
	return ShadowDiffers
}

func (c *ShadowComparison) count(p ShadowPerson) {
	c.People = append(c.People, p)
	if p.TriedAt == nil {
		return
	}
	c.Tried++
	if p.Verdict != ShadowDiffers {
		return
	}
	if c.Differ++; c.Differ == 1 {
		f := fault.Mismatch(fault.ShadowSubjects, p.Subject, p.Subjects[0])
		f.Detail = p.Email
		c.Findings = append(c.Findings, FindingOf(f, "error"))
	}
}

// SwitchShadow makes the configuration on trial the connection's own. The one of today is kept for a while.
func (s *Service) SwitchShadow(ctx context.Context, a Actor, realm, slug string, body []byte) (*broker.Connection, error) {
	c, v, err := s.theShadow(ctx, a, realm, slug, broker.ShadowTrial)
	if err != nil {
		return nil, err
	}
	in, err := readSwitch(body)
	if err != nil {
		return nil, err
	}
	if !in.Force {
		if err := s.tried(ctx, a, c); err != nil {
			return nil, err
		}
	}
	kept := &broker.Shadow{Connection: slug, Realm: realm, Kind: broker.ShadowFormer, Until: s.Now().UTC().Truncate(time.Microsecond).Add(in.Keep.D())}
	return s.exchange(ctx, a, c, v, kept, "switched")
}

func readSwitch(body []byte) (in ShadowSwitch, err error) {
	if len(body) > 0 {
		doc, err := parseObjectDoc(body)
		if err == nil {
			err = decode(doc, &in)
		}
		if err != nil {
			return in, err
		}
	}
	if in.Keep == 0 {
		in.Keep = broker.Duration(keepFormer)
	}
	var p problems
	if in.Keep < 0 || in.Keep.D() > keepMost {
		p.add("/keep", "is between 0s and %s", broker.Duration(keepMost))
	}
	return in, p.err()
}

// tried refuses a switch that nobody tried, or after which people would look new.
func (s *Service) tried(ctx context.Context, a Actor, c *broker.Connection) error {
	seen, err := s.CompareShadow(ctx, a, c.Realm, c.Slug)
	switch {
	case err != nil:
		return err
	case seen.Differ > 0:
		return fault.New(fault.ShadowSubjects, "%d of %d who tried", seen.Differ, seen.Tried)
	case !slices.ContainsFunc(seen.People, func(p ShadowPerson) bool { return p.TriedAt != nil && p.Code == "" }):
		return fault.New(fault.ShadowUntried, "%d tried, and nobody came in", seen.Tried)
	}
	return nil
}

// RevertShadow puts the configuration before a switch back; the one of today is on trial again.
func (s *Service) RevertShadow(ctx context.Context, a Actor, realm, slug string) (*broker.Connection, error) {
	c, v, err := s.theShadow(ctx, a, realm, slug, broker.ShadowFormer)
	if err != nil {
		return nil, err
	}
	return s.exchange(ctx, a, c, v, &broker.Shadow{Connection: slug, Realm: realm, Kind: broker.ShadowTrial}, "reverted")
}

// exchange puts v into force and keeps what was in force as kept.
func (s *Service) exchange(ctx context.Context, a Actor, c *broker.Connection, v, kept *broker.Shadow, what string) (*broker.Connection, error) {
	before := *c
	kept.ShadowDoc = broker.ShadowDoc{People: v.People, Config: &before}
	next := c.With(v.Config)
	return next, s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Shadows.Delete(ctx, c.Realm, c.Slug, v.Kind); err != nil {
			return err
		}
		if err := s.Shadows.Put(ctx, kept); err != nil {
			return err
		}
		if err := s.Connections.Update(ctx, next); err != nil {
			return err
		}
		if err := s.keepGiven(ctx, a, next); err != nil {
			return err
		}
		return s.recordShadow(ctx, a, &before, what, "", next)
	})
}

// TestShadow makes a test login with the configuration on trial.
func (s *Service) TestShadow(ctx context.Context, a Actor, realm, slug string) (TestLink, error) {
	if _, _, err := s.theShadow(ctx, a, realm, slug, broker.ShadowTrial); err != nil {
		return TestLink{}, err
	}
	link, err := s.BeginTest(ctx, a, realm, slug)
	link.URL += "?shadow=1"
	return link, err
}
