package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers/preset"
)

// Wizard is what the verbs of the connection wizard need beside the rest.
type Wizard struct {
	Notes WizardNotes
	// LatestTest answers the reference of a connection's last test login, "" if none is kept.
	LatestTest func(ctx context.Context, realm, slug string) (string, error)
}

// WizardNotes keeps what only a person can tell of a connection under way.
type WizardNotes interface {
	// Note answers the connection's note, an empty one if there is none.
	Note(ctx context.Context, slug string) (broker.WizardNote, error)
	Keep(ctx context.Context, n broker.WizardNote) error
}

// NewDraft is what a connection is begun with.
type NewDraft struct {
	Preset      string   `json:"preset" doc:"One of the provider presets"`
	Protocol    string   `json:"protocol,omitempty" doc:"Left out: the one that is recommended for the preset"`
	Slug        string   `json:"slug,omitempty" doc:"Left out: made of the realm's name and the preset; it never changes"`
	DisplayName string   `json:"display_name,omitempty"`
	Domains     []string `json:"domains,omitempty" doc:"Left out: the verified domains of the realm that no connection in use has"`
}

// StartConnection begins a connection: a draft, which is switched off and may lack what its protocol needs. What is handed
// to the provider's administrator is final from now on.
func (s *Service) StartConnection(ctx context.Context, a Actor, realm string, body []byte) (*broker.Connection, error) {
	r, err := s.enter(ctx, a, realm, toSupport)
	if err != nil {
		return nil, err
	}
	d, err := newDraft(body)
	if err != nil {
		return nil, err
	}
	if d.Domains == nil {
		if d.Domains, err = s.freeDomains(ctx, realm); err != nil {
			return nil, err
		}
	}
	if d.DisplayName == "" {
		d.DisplayName = r.DisplayName
	}
	return s.startNamed(ctx, a, realm, d)
}

// newDraft reads and checks what a connection is begun with.
func newDraft(body []byte) (NewDraft, error) {
	var d NewDraft
	doc, err := parseObjectDoc(body)
	if err != nil {
		return d, err
	}
	if err := decode(doc, &d); err != nil {
		return d, err
	}
	var bad problems
	p, ok := preset.Get(d.Preset)
	switch {
	case !ok:
		bad.add("/preset", "%q is not one of %v", d.Preset, broker.Presets)
		return d, bad.err()
	case d.Protocol == "":
		d.Protocol = p.Protocols[0]
	}
	if !p.Speaks(d.Protocol) {
		bad.add("/protocol", "%s is connected by %s", p.Title, strings.Join(p.Protocols, " or "))
	}
	if d.Slug != "" && !broker.ValidName(d.Slug) {
		return d, fault.Wrap(fault.PasteSlug, bad.err(), "%q", d.Slug)
	}
	return d, bad.err()
}

// startNamed creates the draft under the first free name.
func (s *Service) startNamed(ctx context.Context, a Actor, realm string, d NewDraft) (*broker.Connection, error) {
	names := []string{d.Slug}
	if d.Slug == "" {
		names = slugsFor(realm, d.Preset, d.Protocol)
	}
	for i, slug := range names {
		c, err := s.startAs(ctx, a, realm, slug, d)
		if i == len(names)-1 || !errors.Is(err, broker.ErrExists) {
			return c, err
		}
	}
	return nil, fault.New(fault.Exists, "every name like %s is taken", names[0])
}

func (s *Service) startAs(ctx context.Context, a Actor, realm, slug string, d NewDraft) (*broker.Connection, error) {
	domains := make([]any, len(d.Domains))
	for i, name := range d.Domains {
		domains[i] = name
	}
	doc := map[string]any{"slug": slug, "preset": d.Preset, "protocol": d.Protocol, "display_name": d.DisplayName, "domains": domains, "draft": true, "enabled": false}
	c, _, err := s.buildConnection(ctx, realm, doc, nil)
	if err != nil {
		return nil, err
	}
	return c, s.Tx(ctx, func(ctx context.Context) error { return s.createConnection(ctx, a, c) })
}

// slugsFor suggests names for a connection: the realm's and the provider's, with a number where that is taken.
func slugsFor(realm, presetName, protocol string) []string {
	kind := presetName
	if kind == "generic" {
		kind = protocol
	}
	base := strings.TrimRight(realm[:min(len(realm), 40)], "-") + "-" + kind
	out := []string{base}
	for n := 2; n <= 20; n++ {
		out = append(out, fmt.Sprintf("%s-%d", base, n))
	}
	return out
}

// freeDomains are the verified domains of a realm that none of its connections in use lists: most likely those of the one
// that is being made.
func (s *Service) freeDomains(ctx context.Context, realm string) ([]string, error) {
	var out []string
	err := each(func(p broker.Page) ([]*broker.Domain, string, error) { return s.Domains.List(ctx, realm, p) }, func(d *broker.Domain) error {
		if d.Verified {
			out = append(out, d.Domain)
		}
		return nil
	})
	if err != nil || len(out) == 0 {
		return out, err
	}
	err = each(func(p broker.Page) ([]*broker.Connection, string, error) { return s.Connections.List(ctx, realm, p) }, func(c *broker.Connection) error {
		out = slices.DeleteFunc(out, func(name string) bool { return c.Enabled && slices.Contains(c.Domains, name) })
		return nil
	})
	return out, err
}

// RechooseConnection chooses another provider or protocol for a draft: {preset, protocol}. What was entered for the old one goes;
// slug and addresses stay.
func (s *Service) RechooseConnection(ctx context.Context, a Actor, realm, slug string, m Match, body []byte) (*broker.Connection, error) {
	old, err := s.connection(ctx, a, realm, slug, toSupport)
	if err != nil {
		return nil, err
	}
	d, err := newDraft(body)
	if err != nil {
		return nil, err
	}
	if old.Enabled {
		var bad problems
		bad.add("/preset", "cannot be changed while people sign in through the connection; switch it off first")
		return nil, bad.err()
	}
	doc := map[string]any{
		"slug": old.Slug, "alias": old.Alias, "preset": d.Preset, "protocol": d.Protocol, "display_name": old.DisplayName,
		"domains": old.Domains, "default_groups": old.DefaultGroups, "required_groups": old.RequiredGroups, "provisioning": old.Provisioning, "linking": old.Linking,
		"draft": true, "enabled": false,
	}
	if err := m.check(old.Version); err != nil {
		return nil, err
	}
	plain, err := docOf(doc)
	if err != nil {
		return nil, err
	}
	c, differ, err := s.buildConnection(ctx, realm, plain, nil)
	if err != nil {
		return nil, err
	}
	return s.replaceConnection(ctx, a, old, c, differ)
}

// ConnectionCopied notes that our values stand in the provider's console, or that they do not yet: {"copied": true}.
func (s *Service) ConnectionCopied(ctx context.Context, a Actor, realm, slug string, body []byte) (*WizardState, error) {
	c, err := s.connection(ctx, a, realm, slug, toSupport)
	if err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var tick CopiedTick
	if err := decode(doc, &tick); err != nil {
		return nil, err
	}
	n := broker.WizardNote{Slug: c.Slug, Realm: realm}
	if tick.Copied {
		n.CopiedAt, n.CopiedBy = s.Now(), a.Name
	}
	detail := map[bool]string{true: "our values stand in the provider's console", false: "our values do not stand in the provider's console yet"}[tick.Copied]
	err = s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Wizard.Notes.Keep(ctx, n); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "connection.values_copied", realm: realm, subject: "connection:" + slug, detail: detail})
	})
	if err != nil {
		return nil, err
	}
	return s.WizardState(ctx, a, realm, slug)
}

// CopiedTick is what an operator ticks.
type CopiedTick struct {
	Copied bool `json:"copied" doc:"Our values stand in the provider's console"`
}

// SwitchOn opens a connection to everyone; a draft is refused.
func (s *Service) SwitchOn(ctx context.Context, a Actor, realm, slug string, m Match) (*broker.Connection, error) {
	c, err := s.connection(ctx, a, realm, slug, toSupport)
	if err != nil {
		return nil, err
	}
	if c.Draft {
		return nil, fault.New(fault.LoginDraft, "what is missing: %s", strings.Join(missing(c), ", "))
	}
	return s.UpdateConnection(ctx, a, realm, slug, m, []byte(`{"enabled":true}`))
}

// settle ends a draft when nothing that it needs is missing, and keeps it one while something is.
func settle(c *broker.Connection) { c.Draft = c.Draft && len(missing(c)) > 0 }

// missing are the settings without which the connection cannot be opened, by pointer. A draft that has them all must open.
func missing(c *broker.Connection) []string {
	p, _ := preset.Get(c.Preset)
	need := map[string]bool{}
	switch {
	case c.SAML != nil:
		whole := c.SAML.MetadataURL != "" || c.SAML.MetadataXML != ""
		manual := c.SAML.EntityID != "" || c.SAML.SSOURL != "" || len(c.SAML.Certificates) > 0
		need["/saml/metadata_url"] = !whole && !manual
		need["/saml/entity_id"] = !whole && manual && c.SAML.EntityID == ""
		need["/saml/sso_url"] = !whole && manual && c.SAML.SSOURL == ""
		need["/saml/certificates"] = !whole && manual && len(c.SAML.Certificates) == 0
	case c.OIDC != nil:
		o := c.OIDC
		need["/oidc/issuer"] = o.Issuer == "" && p.Issuer == ""
		need["/oidc/tenant"] = o.Issuer == "" && o.Tenant == "" && c.Preset == "entra"
		need["/oidc/client_id"] = o.ClientID == ""
		need["/oidc/authorization_params/team_id"] = c.Preset == "apple" && o.AuthorizationParams["team_id"] == "" && !strings.HasPrefix(o.ClientSecret.Reveal(), "eyJ")
		need["/oidc/authorization_params/key_id"] = c.Preset == "apple" && o.AuthorizationParams["key_id"] == "" && !strings.HasPrefix(o.ClientSecret.Reveal(), "eyJ")
		need["/oidc/client_secret"] = o.ClientSecret == "" && !slices.Contains([]string{"none", "private_key_jwt"}, o.ClientAuth)
	case c.OAuth2 != nil:
		o := c.OAuth2
		need["/oauth2/authorize_url"], need["/oauth2/token_url"] = o.AuthorizeURL == "", o.TokenURL == ""
		need["/oauth2/client_id"], need["/oauth2/client_secret"] = o.ClientID == "", o.ClientSecret == ""
	case c.LDAP != nil:
		l := c.LDAP
		need["/ldap/url"] = l.URL == ""                                          // the check asks the directory for the base that nobody gave
		need["/ldap/bind_dn"] = l.BindDN == "" && c.Preset == "active-directory" // which lets nobody search unnamed
		need["/ldap/bind_password"] = l.BindPassword == "" && (l.BindDN != "" || c.Preset == "active-directory")
	}
	var out []string
	for _, pointer := range sortedKeys(need) {
		if need[pointer] {
			out = append(out, pointer)
		}
	}
	return out
}

// changedBy tells who changed the connection last, from the ledger; "" where that is longer ago than the realm's last 200
// changes of connections.
func (s *Service) changedBy(ctx context.Context, c *broker.Connection) (who string, at time.Time, err error) {
	events, _, err := s.FindEvents(ctx, EventFilter{Realm: c.Realm, Kind: "connection."}, broker.Page{Limit: 200})
	for _, e := range events {
		if e.Subject == "connection:"+c.Slug && (e.Kind == "connection.updated" || e.Kind == "connection.created") {
			return e.Actor, e.At, err
		}
	}
	return "", c.UpdatedAt, err
}
