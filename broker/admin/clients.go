package admin

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"cloakroom/broker"
)

// ListClients answers a realm's clients.
func (s *Service) ListClients(ctx context.Context, a Actor, realm string, p broker.Page) (Page[*broker.Client], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*broker.Client]{}, err
	}
	items, next, err := s.Clients.List(ctx, realm, p)
	for _, c := range items {
		masked(c)
	}
	return page(items, next, err)
}

// GetClient answers one client.
func (s *Service) GetClient(ctx context.Context, a Actor, realm, id string) (*broker.Client, error) {
	return s.client(ctx, a, realm, id, toRead)
}

func (s *Service) client(ctx context.Context, a Actor, realm, id string, r right) (*broker.Client, error) {
	if _, err := s.enter(ctx, a, realm, r); err != nil {
		return nil, err
	}
	if id == "" || len(id) > 255 {
		return nil, broker.ErrNotFound
	}
	c, err := s.Clients.Get(ctx, realm, id)
	if err != nil {
		return nil, err
	}
	return masked(c), nil
}

// masked shows that there is a secret, of which only the hash is kept.
func masked(c *broker.Client) *broker.Client {
	c.Defaults() // what was stored before a field was there has it empty, not null
	c.ClientSecret = ""
	if c.SecretHash != "" {
		c.ClientSecret = broker.Masked
	}
	return c
}

// CreateClient makes a client. made is the secret that was made for it, "" where one was sent or none is needed; it can
// be told this once only.
func (s *Service) CreateClient(ctx context.Context, a Actor, realm string, body []byte) (c *broker.Client, made string, err error) {
	r, err := s.enter(ctx, a, realm, toOwn)
	if err != nil {
		return nil, "", err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, "", err
	}
	if c, made, err = buildClient(r, doc, nil); err != nil {
		return nil, "", err
	}
	if err := s.checkClientRefs(ctx, c); err != nil {
		return nil, "", err
	}
	return c, made, s.Tx(ctx, func(ctx context.Context) error { return s.createClient(ctx, a, c) })
}

func (s *Service) createClient(ctx context.Context, a Actor, c *broker.Client) error {
	if err := s.Clients.Create(ctx, c); err != nil {
		return exists(err, "client", c.ClientID)
	}
	return s.record(ctx, a, change{kind: "client.created", realm: c.Realm, subject: "client:" + c.ClientID, after: c})
}

// buildClient reads and checks a whole client.
func buildClient(realm *broker.Realm, doc map[string]any, stored *broker.Client) (*broker.Client, string, error) {
	c := &broker.Client{Enabled: true}
	if err := decode(doc, c); err != nil {
		return nil, "", err
	}
	var p problems
	ofRealm(&p, c.Realm, realm.Name)
	c.Realm, c.Meta = realm.Name, broker.Meta{}
	clientDefaults(c, realm)
	if err := p.take(c.Validate()); err != nil {
		return nil, "", err
	}
	checkJWKS(&p, c.JWKS)
	made := settleSecret(&p, c, stored)
	if err := p.err(); err != nil {
		return nil, "", err
	}
	return c, made, nil
}

// clientDefaults fills what was left out of a client of the realm.
func clientDefaults(c *broker.Client, realm *broker.Realm) {
	c.Defaults()
	c.IDTokenAlg = cmp.Or(c.IDTokenAlg, realm.Tokens.SigningAlg, "RS256")
}

// checkJWKS holds a key set to public keys (RFC 7517): it is shown in answers, and a private one in it is a mistake.
func checkJWKS(p *problems, raw json.RawMessage) {
	if len(raw) == 0 || string(raw) == "null" {
		return
	}
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal(raw, &set); err != nil || set.Keys == nil {
		p.add("/jwks", "is not a key set: an object with a list of keys")
		return
	}
	for i, k := range set.Keys {
		for _, member := range []string{"d", "p", "q", "k"} {
			if k[member] != nil {
				p.add(fmt.Sprintf("/jwks/keys/%d/%s", i, member), "belongs to a private or secret key; send the public half only")
			}
		}
	}
}

// settleSecret turns the secret that was sent into its hash, makes one where one is needed, and leaves the mask.
func settleSecret(p *problems, c, stored *broker.Client) (made string) {
	sent := c.ClientSecret.Reveal()
	c.ClientSecret = ""
	if !needsSecret(c) {
		if sent != "" && sent != broker.Masked {
			p.add("/client_secret", "is not used with token_endpoint_auth_method %s", c.TokenEndpointAuthMethod)
		}
		return ""
	}
	switch {
	case sent == broker.Masked && stored != nil && stored.SecretHash != "":
		c.SecretHash = stored.SecretHash
	case sent == broker.Masked && stored == nil:
		p.add("/client_secret", "is the mask of a secret; leave it out and one is made")
	case sent == "" || sent == broker.Masked:
		made = broker.RandomToken(32)
		c.SecretHash = hashOf(made)
	default:
		c.SecretHash = hashOf(sent)
	}
	c.ClientSecret = broker.Masked
	return made
}

func needsSecret(c *broker.Client) bool {
	return c.Protocol == "oidc" && (c.TokenEndpointAuthMethod == "client_secret_basic" || c.TokenEndpointAuthMethod == "client_secret_post")
}

func hashOf(secret string) string {
	h := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(h[:])
}

// checkClientRefs holds a client's connections and pinned realm to ones that there are. Only a hub's clients may name
// what belongs to other realms.
func (s *Service) checkClientRefs(ctx context.Context, c *broker.Client) error {
	var p problems
	realm, err := s.Realms.Get(ctx, c.Realm)
	if err != nil {
		return err
	}
	for i, slug := range c.Connections {
		found, err := s.Connections.Get(ctx, slug)
		if err != nil && !errors.Is(err, broker.ErrNotFound) {
			return err
		}
		if err != nil || found.Realm != c.Realm && !realm.Hub {
			p.add(fmt.Sprintf("/connections/%d", i), "the realm has no connection %q", slug)
		}
	}
	if c.PinnedRealm == "" {
		return p.err()
	}
	_, err = s.Realms.Get(ctx, c.PinnedRealm)
	switch {
	case !realm.Hub:
		p.add("/pinned_realm", "is only for the clients of a hub realm")
	case errors.Is(err, broker.ErrNotFound):
		p.add("/pinned_realm", "there is no realm %q", c.PinnedRealm)
	case err != nil:
		return err
	}
	return p.err()
}

// UpdateClient changes a client by merge patch. A client_secret of null makes a new one, answered as made.
func (s *Service) UpdateClient(ctx context.Context, a Actor, realm, id string, m Match, patch []byte) (c *broker.Client, made string, err error) {
	c, err = attempt(m, func() (*broker.Client, error) {
		r, err := s.enter(ctx, a, realm, toOwn)
		if err != nil {
			return nil, err
		}
		old, err := s.client(ctx, a, realm, id, toOwn)
		if err != nil {
			return nil, err
		}
		doc, err := patched(old, old.Version, m, patch)
		if err != nil {
			return nil, err
		}
		var next *broker.Client
		if next, made, err = buildClient(r, doc, old); err != nil {
			return nil, err
		}
		if err := s.checkClientRefs(ctx, next); err != nil {
			return nil, err
		}
		return s.replaceClient(ctx, a, old, next)
	})
	return c, made, err
}

// replaceClient stores c in place of old, if anything differs.
func (s *Service) replaceClient(ctx context.Context, a Actor, old, c *broker.Client) (*broker.Client, error) {
	if err := fixed("/client_id", "client_id", c.ClientID, old.ClientID); err != nil {
		return nil, err
	}
	var secrets []string
	if c.SecretHash != old.SecretHash {
		secrets = []string{"/client_secret"}
	}
	changed, err := changes(old, c, secrets)
	if err != nil || len(changed) == 0 {
		return old, err
	}
	c.Meta = old.Meta
	return c, s.Tx(ctx, func(ctx context.Context) error {
		if err := s.Clients.Update(ctx, c); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "client.updated", realm: c.Realm, subject: "client:" + c.ClientID, detail: told(changed), before: old, after: c})
	})
}

// DeleteClient removes a client.
func (s *Service) DeleteClient(ctx context.Context, a Actor, realm, id string, m Match) error {
	c, err := s.client(ctx, a, realm, id, toOwn)
	if err != nil {
		return err
	}
	if err := m.check(c.Version); err != nil {
		return err
	}
	return s.deleteClient(ctx, a, c)
}

func (s *Service) deleteClient(ctx context.Context, a Actor, c *broker.Client) error {
	return s.remove(ctx, a, change{kind: "client.deleted", realm: c.Realm, subject: "client:" + c.ClientID, before: c},
		func(ctx context.Context) error { return s.Clients.Delete(ctx, c.Realm, c.ClientID) })
}
