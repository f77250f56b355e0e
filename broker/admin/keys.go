package admin

import (
	"context"
	"encoding/pem"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Key is what operators see of one of our keys.
type Key struct {
	broker.Key
	Certificate string    `json:"certificate,omitempty"` // PEM
	UpdatedAt   time.Time `json:"updated_at"`
	Version     int64     `json:"version"`
}

func keyView(k broker.Key) *Key {
	v := &Key{Key: k, Certificate: pemOf(k.Certificate), UpdatedAt: k.CreatedAt, Version: 1}
	if k.ActivatedAt.After(v.UpdatedAt) {
		v.UpdatedAt, v.Version = k.ActivatedAt, 2
	}
	if k.RetiredAt.After(v.UpdatedAt) {
		v.UpdatedAt, v.Version = k.RetiredAt, 3
	}
	return v
}

func pemOf(der []byte) string {
	if len(der) == 0 {
		return ""
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// ListKeys answers a realm's keys, or with a slug those of our side of that connection.
func (s *Service) ListKeys(ctx context.Context, a Actor, realm, slug string, p broker.Page) (Page[*Key], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*Key]{}, err
	}
	owner := "realm:" + realm
	if slug != "" {
		if _, err := s.connection(ctx, a, realm, slug, toRead); err != nil {
			return Page[*Key]{}, err
		}
		owner = "connection:" + slug
	} else if err := s.Keys.Ensure(ctx, realm); err != nil {
		return Page[*Key]{}, err
	}
	keys, err := s.KeyStore.List(ctx, owner)
	var found []*Key
	for _, k := range keys {
		if slices.Contains(broker.SigningAlgs, k.Alg) { // others are secrets of ours without a public half
			found = append(found, keyView(*k))
		}
	}
	return pageOf(found, p, func(k *Key) string { return k.ID }), err
}

// Rotation is what RotateKey takes: an algorithm of the realm (its own choice if left out), or one of its connections.
type Rotation struct {
	Alg        string `json:"alg"`
	Connection string `json:"connection"`
}

// RotateKey makes a new key the active one. What the key before it signed stays verifiable; a connection's identity
// provider finds the new certificate in our metadata, where it was published ahead.
func (s *Service) RotateKey(ctx context.Context, a Actor, realm string, body []byte) (*Key, error) {
	found, err := s.enter(ctx, a, realm, toOwn)
	if err != nil {
		return nil, err
	}
	var r Rotation
	if strings.TrimSpace(string(body)) != "" {
		doc, err := parseObjectDoc(body)
		if err != nil {
			return nil, err
		}
		if err := decode(doc, &r); err != nil {
			return nil, err
		}
	}
	owner, err := s.rotates(ctx, found, &r)
	if err != nil {
		return nil, err
	}
	if r.Connection != "" {
		return s.turnUnheld(ctx, a, realm, r.Connection)
	}
	k, err := s.Keys.Rotate(ctx, owner, r.Alg)
	if err != nil {
		return nil, err
	}
	return keyView(k), s.record(ctx, a, change{kind: "key.rotated", realm: realm, subject: "key:" + k.ID, detail: owner, after: keyView(k)})
}

// turnUnheld turns over a connection's key where nobody holds it back.
func (s *Service) turnUnheld(ctx context.Context, a Actor, realm, slug string) (*Key, error) {
	found, _, err := s.KeyTurns.Turns(ctx, []string{realm}, slug, broker.Page{Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(found) > 0 && found[0].Held != nil {
		return nil, fault.New(fault.KeyHeld, "by %s: %s", found[0].Held.By, found[0].Held.Reason)
	}
	return s.turnConnection(ctx, a, realm, slug)
}

// rotates answers whose key is meant and fills in its algorithm.
func (s *Service) rotates(ctx context.Context, realm *broker.Realm, r *Rotation) (owner string, err error) {
	var p problems
	switch {
	case r.Connection != "":
		c, err := s.Connections.Get(ctx, r.Connection)
		if err != nil || c.Realm != realm.Name {
			p.add("/connection", "the realm has no connection %q", r.Connection)
		}
		if r.Alg != "" && r.Alg != "RS256" {
			p.add("/alg", "a connection's keys are RS256")
		}
		r.Alg = "RS256"
		return "connection:" + r.Connection, p.err()
	case r.Alg == "":
		r.Alg = realm.Tokens.SigningAlg
	case !slices.Contains(broker.SigningAlgs, r.Alg):
		p.add("/alg", "%q is not one of %v", r.Alg, broker.SigningAlgs)
	}
	return "realm:" + realm.Name, p.err()
}
