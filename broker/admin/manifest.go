package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// maxManifest bounds a manifest file.
const maxManifest = 64 << 20

// manifest is a file read and checked: what is to be.
type manifest struct {
	realms []*wantRealm
	at     lines
}

type wantRealm struct {
	pointer     string
	realm       *broker.Realm
	domains     []wantDomain
	connections []wantConnection
	clients     []wantClient
	groups      []wantGroup
}

type wantDomain struct {
	pointer  string
	domain   string
	token    string // "" keeps the stored one, or makes one
	verified *bool  // nil keeps what is stored
}

type wantConnection struct {
	pointer string
	c       *broker.Connection
	differ  []string // its secrets that are not the stored ones
}

type wantClient struct {
	pointer string
	c       *broker.Client
	made    string
}

// manifestDomain and manifestClient are what a manifest knows beyond the API.
type manifestDomain struct {
	Domain   string `json:"domain"`
	Verified *bool  `json:"verified"`
	Token    string `json:"token"`
}

type manifestClient struct {
	broker.Client
	// SecretHash carries a client's secret from one installation to another: the secret itself is known to nobody here.
	SecretHash string `json:"client_secret_hash"`
}

// reader reads a manifest and collects what is wrong with it.
type reader struct {
	s *Service
	p problems
}

// under notes an error of an object below its pointer; what is not about fields is answered.
func (r *reader) under(pointer string, err error) error {
	if err == nil {
		return nil
	}
	found := FieldErrors(err)
	if found == nil {
		return err
	}
	for _, f := range found {
		r.p.list = append(r.p.list, broker.FieldError{Pointer: pointer + f.Pointer, Detail: f.Detail})
	}
	return nil
}

// readManifest reads a file whole and answers all that is wrong with it at once, with lines.
func (s *Service) readManifest(ctx context.Context, in io.Reader) (*manifest, error) {
	doc, at, err := parseYAML(io.LimitReader(in, maxManifest))
	if err != nil {
		return nil, err
	}
	r := reader{s: s}
	m := &manifest{at: at}
	top, ok := doc.(map[string]any)
	if !ok {
		return nil, fault.New(fault.Malformed, "the file does not begin with realms:")
	}
	for i, item := range r.list(top, "", "realms") {
		w, err := r.realm(ctx, fmt.Sprintf("/realms/%d", i), item)
		if err != nil {
			return nil, err
		}
		if w != nil {
			m.realms = append(m.realms, w)
		}
	}
	for _, k := range sortedKeys(top) {
		if k != "realms" {
			r.p.add("/"+escape(k), "is not a field here: realms is")
		}
	}
	r.twice(m)
	return m, withLines(r.p.err(), at)
}

// list takes a list of objects out of a document.
func (r *reader) list(doc map[string]any, pointer, field string) []map[string]any {
	v := doc[field]
	if v == nil {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		r.p.add(pointer+"/"+field, "is %s where a list is expected", describe(v))
		return nil
	}
	out := make([]map[string]any, len(list))
	for i, item := range list {
		at := fmt.Sprintf("%s/%s/%d", pointer, field, i)
		switch item := item.(type) {
		case map[string]any:
			out[i] = item
		case string:
			if field == "domains" { // the short form
				out[i] = map[string]any{"domain": item}
				continue
			}
			r.p.add(at, "is a text where an object is expected")
		default:
			r.p.add(at, "is %s where an object is expected", describe(item))
		}
	}
	return out
}

func (r *reader) realm(ctx context.Context, pointer string, doc map[string]any) (*wantRealm, error) {
	if doc == nil {
		return nil, nil // noted already
	}
	realm, err := r.s.buildRealm(without(doc, []string{"domains", "connections", "clients", "groups"}))
	if err := r.under(pointer, err); err != nil {
		return nil, err
	}
	if realm == nil {
		name, _ := doc["name"].(string)
		realm = &broker.Realm{Name: name}
	}
	w := &wantRealm{pointer: pointer, realm: realm}
	for i, d := range r.list(doc, pointer, "domains") {
		r.domain(w, fmt.Sprintf("%s/domains/%d", pointer, i), d)
	}
	for i, c := range r.list(doc, pointer, "connections") {
		if err := r.connection(ctx, w, fmt.Sprintf("%s/connections/%d", pointer, i), c); err != nil {
			return nil, err
		}
	}
	for i, c := range r.list(doc, pointer, "clients") {
		if err := r.client(ctx, w, fmt.Sprintf("%s/clients/%d", pointer, i), c); err != nil {
			return nil, err
		}
	}
	for i, g := range r.list(doc, pointer, "groups") {
		if err := r.group(w, fmt.Sprintf("%s/groups/%d", pointer, i), g); err != nil {
			return nil, err
		}
	}
	return w, nil
}

var tokenRE = regexp.MustCompile(`^[A-Za-z0-9_-]{16,128}$`)

func (r *reader) domain(w *wantRealm, pointer string, doc map[string]any) {
	if doc == nil {
		return
	}
	var d manifestDomain
	if err := decode(doc, &d); err != nil {
		_ = r.under(pointer, err) // decode answers nothing but fields
		return
	}
	var p problems
	n, err := claimable(d.Domain)
	_ = p.take(err) // it answers nothing but fields
	if d.Token != "" && !tokenRE.MatchString(d.Token) {
		p.add("/token", "is 16 to 128 of A-Z, a-z, 0-9, - and _")
	}
	_ = r.under(pointer, p.err())
	w.domains = append(w.domains, wantDomain{pointer, n, d.Token, d.Verified})
}

func (r *reader) connection(ctx context.Context, w *wantRealm, pointer string, doc map[string]any) error {
	if doc == nil {
		return nil
	}
	slug, _ := doc["slug"].(string)
	stored, err := storedOr(func() (*broker.Connection, error) { return r.s.Connections.Get(ctx, slug) })
	if err != nil {
		return err
	}
	if stored != nil && stored.Realm != w.realm.Name {
		stored = nil
	}
	if stored != nil {
		doc = leaveSecrets(doc, stored)
	}
	c, differ, err := r.s.buildConnection(ctx, w.realm.Name, doc, stored)
	if err != nil {
		return r.under(pointer, err)
	}
	w.connections = append(w.connections, wantConnection{pointer, c, differ})
	return nil
}

// leaveSecrets reads a secret that the file leaves out as the stored one: files are kept where secrets should not be.
func leaveSecrets(doc map[string]any, stored *broker.Connection) map[string]any {
	for _, pointer := range sortedKeys(stored.Secrets()) {
		section, field := splitPointer(pointer)
		inner, ok := doc[section].(map[string]any)
		if !ok || *stored.Secrets()[pointer] == "" {
			continue
		}
		if _, written := inner[field]; !written {
			doc = merge(doc, map[string]any{section: map[string]any{field: broker.Masked}}).(map[string]any)
		}
	}
	return doc
}

var pointerRE = regexp.MustCompile(`^/([^/]+)/([^/]+)$`)

// splitPointer splits a pointer to a field of a section.
func splitPointer(pointer string) (section, field string) {
	if m := pointerRE.FindStringSubmatch(pointer); m != nil {
		return m[1], m[2]
	}
	return "", ""
}

var hashRE = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

func (r *reader) client(ctx context.Context, w *wantRealm, pointer string, doc map[string]any) error {
	if doc == nil {
		return nil
	}
	var sent manifestClient
	if err := decode(doc, &sent); err != nil {
		return r.under(pointer, err)
	}
	if sent.SecretHash != "" && !hashRE.MatchString(sent.SecretHash) {
		r.p.add(pointer+"/client_secret_hash", "is the SHA-256 of the secret in base64url, 43 characters")
		return nil
	}
	stored, err := storedOr(func() (*broker.Client, error) { return r.s.Clients.Get(ctx, w.realm.Name, sent.ClientID) })
	if err != nil {
		return err
	}
	if sent.SecretHash != "" {
		stored = &broker.Client{SecretHash: sent.SecretHash}
	}
	doc = without(doc, []string{"client_secret_hash"})
	if _, written := doc["client_secret"]; !written && stored != nil && stored.SecretHash != "" {
		doc["client_secret"] = broker.Masked
		if public(sent.Client) {
			delete(doc, "client_secret")
		}
	}
	c, made, err := buildClient(w.realm, doc, stored)
	if err != nil {
		return r.under(pointer, err)
	}
	w.clients = append(w.clients, wantClient{pointer, c, made})
	return nil
}

func public(c broker.Client) bool {
	c.Defaults()
	return !needsSecret(&c)
}

// storedOr answers nil for what is not stored.
func storedOr[T any](get func() (*T, error)) (*T, error) {
	v, err := get()
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	return v, err
}

// twice finds what a file names twice: the second would undo the first.
func (r *reader) twice(m *manifest) {
	seen := map[string]bool{}
	note := func(pointer, noun, name string) {
		if key := noun + "\x00" + name; seen[key] {
			r.p.add(pointer, "the file has this %s twice: %s", noun, name)
		} else {
			seen[key] = true
		}
	}
	for _, w := range m.realms {
		note(w.pointer, "realm", w.realm.Name)
		for _, c := range w.connections {
			note(c.pointer, "connection", c.c.Slug)
		}
		for _, c := range w.clients {
			note(c.pointer, "client", w.realm.Name+"/"+c.c.ClientID)
		}
		for _, g := range w.groups {
			note(g.pointer, "group", w.realm.Name+"/"+g.g.Name)
		}
		for _, d := range w.domains {
			if n, err := email.Domain(d.domain); err == nil {
				note(d.pointer, "domain", w.realm.Name+"/"+n)
			}
		}
	}
	slices.SortFunc(m.realms, func(a, b *wantRealm) int { return m.at.of(a.pointer) - m.at.of(b.pointer) })
}
