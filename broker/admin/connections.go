package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// ListConnections answers a realm's connections.
func (s *Service) ListConnections(ctx context.Context, a Actor, realm string, p broker.Page) (Page[*broker.Connection], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*broker.Connection]{}, err
	}
	return page(s.Connections.List(ctx, realm, p))
}

// GetConnection answers one connection of the realm.
func (s *Service) GetConnection(ctx context.Context, a Actor, realm, slug string) (*broker.Connection, error) {
	return s.connection(ctx, a, realm, slug, toRead)
}

// connection finds a connection behind the realm's wall: another realm's slug is not found.
func (s *Service) connection(ctx context.Context, a Actor, realm, slug string, r right) (*broker.Connection, error) {
	if _, err := s.enter(ctx, a, realm, r); err != nil {
		return nil, err
	}
	if !broker.ValidName(slug) {
		return nil, broker.ErrNotFound
	}
	c, err := s.Connections.Get(ctx, slug)
	if err != nil {
		return nil, err
	}
	if c.Realm != realm {
		return nil, broker.ErrNotFound
	}
	return c, nil
}

// CreateConnection makes a connection.
func (s *Service) CreateConnection(ctx context.Context, a Actor, realm string, body []byte) (*broker.Connection, error) {
	if _, err := s.enter(ctx, a, realm, toSupport); err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	c, _, err := s.buildConnection(ctx, realm, doc, nil)
	if err != nil {
		return nil, err
	}
	return c, s.Tx(ctx, func(ctx context.Context) error { return s.createConnection(ctx, a, c) })
}

func (s *Service) createConnection(ctx context.Context, a Actor, c *broker.Connection) error {
	detail, err := s.plainEnforcement(ctx, a, nil, c)
	if err != nil {
		return err
	}
	if err := s.Connections.Create(ctx, c); err != nil {
		return exists(err, "connection", c.Slug)
	}
	if err := s.keepGiven(ctx, a, c); err != nil {
		return err
	}
	return s.record(ctx, a, change{kind: "connection.created", realm: c.Realm, subject: "connection:" + c.Slug, detail: detail, after: c})
}

// buildConnection reads and checks a whole connection and answers the secrets in which it differs from the stored one
// (nil for a new one). What nouns, realm and protocol find wrong is answered together.
func (s *Service) buildConnection(ctx context.Context, realm string, doc map[string]any, stored *broker.Connection) (*broker.Connection, []string, error) {
	doc, err := s.withPreset(doc)
	if err != nil {
		return nil, nil, err
	}
	c := &broker.Connection{Enabled: doc["draft"] != true}
	if err := decode(doc, c); err != nil {
		return nil, nil, err
	}
	var p problems
	ofRealm(&p, c.Realm, realm)
	c.Realm, c.Meta = realm, broker.Meta{}
	kept := map[string]*broker.Secret{}
	if stored != nil {
		kept = stored.Secrets()
	}
	differ := keepSecrets(&p, kept, c.Secrets())
	c.Domains = normalDomains(&p, c.Domains)
	c.Defaults()
	settle(c)
	if err := p.take(c.Validate()); err != nil {
		return nil, nil, err
	}
	if len(p.list) == 0 && !c.Draft {
		if err := s.checkOpen(ctx, &p, c); err != nil {
			return nil, nil, err
		}
	}
	return c, differ, p.err()
}

// withPreset lays the preset's defaults under what was sent.
func (s *Service) withPreset(doc map[string]any) (map[string]any, error) {
	preset, _ := doc["preset"].(string)
	protocol, _ := doc["protocol"].(string)
	raw := json.RawMessage(nil)
	if s.Defaults != nil && preset != "" {
		raw = s.Defaults(preset, protocol)
	}
	if len(raw) == 0 {
		return doc, nil
	}
	defaults, err := parseObjectDoc(raw)
	if err != nil {
		return nil, fmt.Errorf("the defaults of preset %q: %w", preset, err)
	}
	return under(doc, defaults), nil
}

// normalDomains brings a connection's domains into normal form, so that an address's domain can be compared with them.
func normalDomains(p *problems, domains []string) []string {
	var out []string
	for i, d := range domains {
		n, err := email.Domain(d)
		switch {
		case err != nil:
			p.add(fmt.Sprintf("/domains/%d", i), "%s", fault.As(err).Detail)
		case email.PublicSuffix(n):
			p.add(fmt.Sprintf("/domains/%d", i), "%q is a public suffix: anybody can have a domain under it", n)
		case slices.Contains(out, n):
			p.add(fmt.Sprintf("/domains/%d", i), "%q is listed twice", n)
		default:
			out = append(out, n)
		}
	}
	return out
}

// checkOpen lets the protocol read its settings.
func (s *Service) checkOpen(ctx context.Context, p *problems, c *broker.Connection) error {
	_, err := s.Open(ctx, c)
	if err == nil {
		return nil
	}
	if FieldErrors(err) != nil {
		return p.take(err)
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		p.add("/"+c.Protocol, "%s", err)
		return nil
	}
	if fault.Lookup(f.Code).Status == 503 || f.Code == fault.Internal {
		return err // not the settings' fault
	}
	p.add(openPointer(c, f), "%s %s", fault.Lookup(f.Code).Cause, f.Error())
	return nil
}

// namedField is how a protocol's fault names the setting that it is about, at the beginning of its detail.
var namedField = regexp.MustCompile(`^([a-z0-9_]+)(?:\[(\d+)\])?(?:$|[ :])`)

// openPointer is the setting that a fault of Open is about, or the protocol's whole section.
func openPointer(c *broker.Connection, f *fault.Error) string {
	section := map[string]reflect.Type{
		"saml": reflect.TypeFor[broker.SAML](), "oidc": reflect.TypeFor[broker.OIDC](),
		"oauth2": reflect.TypeFor[broker.OAuth2](), "ldap": reflect.TypeFor[broker.LDAP](),
	}[c.Protocol]
	if c.SAML != nil && c.SAML.MetadataXML != "" && strings.HasPrefix(string(f.Code), "saml.metadata") {
		return "/saml/metadata_xml" // Open fetches nothing, so it is the document that was sent
	}
	m := namedField.FindStringSubmatch(f.Detail)
	if m == nil || fieldsOf(section)[m[1]] == nil {
		return "/" + c.Protocol
	}
	if m[2] == "" {
		return "/" + c.Protocol + "/" + m[1]
	}
	return "/" + c.Protocol + "/" + m[1] + "/" + m[2]
}

// UpdateConnection changes a connection by merge patch.
func (s *Service) UpdateConnection(ctx context.Context, a Actor, realm, slug string, m Match, patch []byte) (*broker.Connection, error) {
	return attempt(m, func() (*broker.Connection, error) {
		old, err := s.connection(ctx, a, realm, slug, toSupport)
		if err != nil {
			return nil, err
		}
		doc, err := s.patchedConnection(old, m, patch)
		if err != nil {
			return nil, err
		}
		c, differ, err := s.buildConnection(ctx, realm, doc, old)
		if err != nil {
			return nil, err
		}
		if err := datedSecret(c, differ, patch); err != nil {
			return nil, err
		}
		return s.replaceConnection(ctx, a, old, c, differ)
	})
}

// patchedConnection is patched for a connection. Where the preset changes, what came from the old one goes with it.
func (s *Service) patchedConnection(old *broker.Connection, m Match, patch []byte) (map[string]any, error) {
	doc, err := patched(old, old.Version, m, patch)
	if err != nil || doc["preset"] == old.Preset {
		return doc, err
	}
	bare, err := s.bareConnection(old)
	if err != nil {
		return nil, err
	}
	own, err := beyond(old, bare, "slug", "protocol")
	if err != nil {
		return nil, err
	}
	p, err := parseObjectDoc(patch)
	if err != nil {
		return nil, err
	}
	return merge(own, p).(map[string]any), nil
}

// replaceConnection stores c in place of old, if anything differs.
func (s *Service) replaceConnection(ctx context.Context, a Actor, old, c *broker.Connection, secrets []string) (*broker.Connection, error) {
	if err := fixed("/slug", "slug", c.Slug, old.Slug); err != nil {
		return nil, err
	}
	if err := redirected(a, old, c, secrets); err != nil {
		return nil, err
	}
	changed, err := changes(old, c, secrets)
	if err != nil || len(changed) == 0 {
		return old, err
	}
	warnings, err := s.plainEnforcement(ctx, a, old, c)
	if err != nil {
		return nil, err
	}
	detail := told(changed)
	if warnings != "" {
		detail += "; " + warnings
	}
	c.Meta = old.Meta
	return c, s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Connections.Update(ctx, c); err != nil {
			return exists(err, "connection of alias", c.Alias)
		}
		if err := s.keepGiven(ctx, a, c); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "connection.updated", realm: c.Realm, subject: "connection:" + c.Slug, detail: detail, before: old, after: c})
	})
}

// redirected refuses to send a stored secret to another address on the word of somebody who may not read it: whoever owns
// that address would learn it. Owners could, but then they hold the secret anyway.
func redirected(a Actor, old, c *broker.Connection, anew []string) error {
	if a.Role == Owner {
		return nil
	}
	stored := old.Secrets()
	var p problems
	for pointer, value := range c.Secrets() {
		was := stored[pointer]
		if was == nil || *was == "" || *value != *was || slices.Contains(anew, pointer) {
			continue
		}
		if destination(old) != destination(c) {
			p.add(pointer, "must be sent anew, because the address that it goes to changes")
		}
	}
	return p.err()
}

// destination is all that decides where a connection's secret is sent.
func destination(c *broker.Connection) string {
	switch {
	case c.OIDC != nil:
		return c.Preset + " " + c.OIDC.Issuer + " " + c.OIDC.Tenant
	case c.OAuth2 != nil:
		return c.Preset + " " + c.OAuth2.TokenURL
	case c.LDAP != nil:
		return fmt.Sprint(c.LDAP.URL, c.LDAP.StartTLS, c.LDAP.CA)
	}
	return ""
}

// DeleteConnection removes a connection.
func (s *Service) DeleteConnection(ctx context.Context, a Actor, realm, slug string, m Match) error {
	c, err := s.connection(ctx, a, realm, slug, toSupport)
	if err != nil {
		return err
	}
	if err := m.check(c.Version); err != nil {
		return err
	}
	if err := s.checkUnused(ctx, c); err != nil {
		return err
	}
	return s.deleteConnection(ctx, a, c)
}

func (s *Service) deleteConnection(ctx context.Context, a Actor, c *broker.Connection) error {
	return s.remove(ctx, a, change{kind: "connection.deleted", realm: c.Realm, subject: "connection:" + c.Slug, before: c},
		func(ctx context.Context) error { return s.Connections.Delete(ctx, c.Slug) })
}
