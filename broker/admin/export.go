package admin

import (
	"context"
	"io"
	"reflect"

	"go.yaml.in/yaml/v3"

	"cloakroom/broker"
)

// Export prints the manifest of one realm, or with "" of all that the actor sees. Applied to an empty installation it
// makes the same again. What is at its default is left out. With secrets it can be written by owners only; of clients'
// secrets there are only hashes.
func (s *Service) Export(ctx context.Context, a Actor, realm string, w io.Writer, withSecrets bool) error {
	if withSecrets {
		if err := a.allow(toOwn); err != nil {
			return err
		}
	}
	var realms []*broker.Realm
	if realm != "" {
		r, err := s.enter(ctx, a, realm, toRead)
		if err != nil {
			return err
		}
		realms = append(realms, r)
	} else if err := each(func(p broker.Page) ([]*broker.Realm, string, error) {
		got, err := s.ListRealms(ctx, a, p)
		return got.Items, got.Next, err
	}, func(r *broker.Realm) error {
		realms = append(realms, r)
		return nil
	}); err != nil {
		return err
	}
	out := &yaml.Node{Kind: yaml.SequenceNode}
	for _, r := range realms {
		n, err := s.exportRealm(ctx, r, withSecrets)
		if err != nil {
			return err
		}
		out.Content = append(out.Content, n)
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: "realms"}, out}}); err != nil {
		return err
	}
	return enc.Close()
}

func (s *Service) exportRealm(ctx context.Context, r *broker.Realm, withSecrets bool) (*yaml.Node, error) {
	base := &broker.Realm{Name: r.Name}
	base.Defaults()
	doc, err := beyond(r, base, "name")
	if err != nil {
		return nil, err
	}
	n := node(doc, reflect.TypeFor[broker.Realm]())
	err = exportList(n, "domains", func(p broker.Page) ([]*broker.Domain, string, error) { return s.Domains.List(ctx, r.Name, p) },
		func(d *broker.Domain) (*yaml.Node, error) {
			out := map[string]any{"domain": d.Domain, "token": d.Token}
			if d.Verified {
				out["verified"] = true
			}
			return node(out, reflect.TypeFor[manifestDomain]()), nil
		})
	if err != nil {
		return nil, err
	}
	err = exportList(n, "connections", func(p broker.Page) ([]*broker.Connection, string, error) { return s.Connections.List(ctx, r.Name, p) },
		func(c *broker.Connection) (*yaml.Node, error) { return s.exportConnection(c, withSecrets) })
	if err != nil {
		return nil, err
	}
	if err := s.exportGroups(ctx, n, r.Name); err != nil {
		return nil, err
	}
	return n, exportList(n, "clients", func(p broker.Page) ([]*broker.Client, string, error) { return s.Clients.List(ctx, r.Name, p) },
		func(c *broker.Client) (*yaml.Node, error) { return exportClient(c, r, withSecrets) })
}

// exportList adds a list to a realm's node, if there is anything in it.
func exportList[T any](realm *yaml.Node, field string, list func(broker.Page) ([]T, string, error), one func(T) (*yaml.Node, error)) error {
	out := &yaml.Node{Kind: yaml.SequenceNode}
	err := each(list, func(v T) error {
		n, err := one(v)
		out.Content = append(out.Content, n)
		return err
	})
	if err == nil && len(out.Content) > 0 {
		realm.Content = append(realm.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: field}, out)
	}
	return err
}

func (s *Service) exportConnection(c *broker.Connection, withSecrets bool) (*yaml.Node, error) {
	base, err := s.bareConnection(c)
	if err != nil {
		return nil, err
	}
	doc, err := beyond(c, base, "slug", "protocol", "preset")
	if err != nil {
		return nil, err
	}
	delete(doc, "realm")
	for pointer, secret := range c.Secrets() {
		section, field := splitPointer(pointer)
		inner, ok := doc[section].(map[string]any)
		if !ok {
			continue
		}
		delete(inner, field)
		if withSecrets && *secret != "" {
			inner[field] = secret.Reveal()
		}
	}
	return node(doc, reflect.TypeFor[broker.Connection]()), nil
}

// bareConnection is what a manifest makes that says of a connection only its slug, protocol and preset.
func (s *Service) bareConnection(c *broker.Connection) (*broker.Connection, error) {
	doc, err := s.withPreset(map[string]any{"slug": c.Slug, "protocol": c.Protocol, "preset": c.Preset})
	if err != nil {
		return nil, err
	}
	base := &broker.Connection{Enabled: true}
	if err := decode(doc, base); err != nil {
		return nil, err
	}
	base.Defaults()
	return base, nil
}

func exportClient(c *broker.Client, realm *broker.Realm, withSecrets bool) (*yaml.Node, error) {
	base := &broker.Client{ClientID: c.ClientID, Protocol: c.Protocol, Public: c.Public, Enabled: true}
	clientDefaults(base, realm)
	base.Public = false
	c.ClientSecret = ""
	doc, err := beyond(c, base, "client_id", "protocol")
	if err != nil {
		return nil, err
	}
	delete(doc, "realm")
	if withSecrets && c.SecretHash != "" {
		doc["client_secret_hash"] = c.SecretHash
	}
	return node(doc, reflect.TypeFor[manifestClient]()), nil
}

// beyond is an object's document without what is the same in base, save the fields to keep.
func beyond(v, base any, keep ...string) (map[string]any, error) {
	doc, err := docOf(v)
	if err != nil {
		return nil, err
	}
	plain, err := docOf(base)
	if err != nil {
		return nil, err
	}
	out := subtract(without(doc, metaFields), plain)
	for _, k := range keep {
		out[k] = doc[k]
	}
	return out, nil
}

// subtract drops what the base says too. A field that only the base has is written out as null or empty, so that reading
// the result over the base gives the document again.
func subtract(doc, base map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range doc {
		inner, isObject := v.(map[string]any)
		below, alsoObject := base[k].(map[string]any)
		switch {
		case isObject && alsoObject && len(below) > 0 && covers(inner, below):
			if rest := subtract(inner, below); len(rest) > 0 {
				out[k] = rest
			}
		case !reflect.DeepEqual(v, base[k]):
			out[k] = v
		}
	}
	return out
}

// covers reports whether doc has every key of base: only then may the common ones be left out.
func covers(doc, base map[string]any) bool {
	for k := range base {
		if _, ok := doc[k]; !ok {
			return false
		}
	}
	return true
}
