package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// keyPrefix lets scanners of leaked secrets recognise an API key.
const keyPrefix = "cloakroom_"

// touchEvery bounds how often using a key costs a write.
const touchEvery = time.Minute

// Authenticate answers whose key it is. Keys carry 256 random bits and are compared by hash, so nothing is learnt from
// how long it takes.
func (s *Service) Authenticate(ctx context.Context, key string) (Actor, error) {
	if key == "" || len(key) > 512 {
		return Actor{}, fault.New(fault.Unauthorized, "")
	}
	if s.Token != "" {
		got, want := sha256.Sum256([]byte(key)), sha256.Sum256([]byte(s.Token))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
			return Actor{Name: "apikey:CLOAKROOM_ADMIN_TOKEN", Role: Owner}, nil
		}
	}
	k, err := s.APIKeys.ByHash(ctx, hashOf(key))
	if errors.Is(err, broker.ErrNotFound) {
		return Actor{}, fault.New(fault.Unauthorized, "")
	}
	if err != nil {
		return Actor{}, err
	}
	now := s.Now()
	if !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt) {
		return Actor{}, fault.New(fault.Unauthorized, "the key %q expired at %s", k.Name, k.ExpiresAt.UTC().Format(time.RFC3339))
	}
	if now.Sub(k.LastUsedAt) >= touchEvery {
		if err := s.APIKeys.Touch(ctx, k.ID, now); err != nil {
			return Actor{}, err
		}
	}
	return Actor{Name: "apikey:" + k.Name, Role: k.Role, Realms: k.Realms}, nil
}

// NewAPIKey is what CreateAPIKey takes.
type NewAPIKey struct {
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	Realms    []string  `json:"realms"`
	ExpiresAt time.Time `json:"expires_at"`
}

// CreateAPIKey makes a key of the admin API and answers it, this once.
func (s *Service) CreateAPIKey(ctx context.Context, a Actor, body []byte) (k *broker.APIKey, key string, err error) {
	if err := a.installation(toOwn); err != nil {
		return nil, "", err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, "", err
	}
	var sent NewAPIKey
	if err := decode(doc, &sent); err != nil {
		return nil, "", err
	}
	if err := s.checkAPIKey(ctx, sent); err != nil {
		return nil, "", err
	}
	key = keyPrefix + broker.RandomToken(32)
	k = &broker.APIKey{ID: uuid.NewString(), Name: sent.Name, Role: sent.Role, Realms: sent.Realms, Hash: hashOf(key), ExpiresAt: sent.ExpiresAt}
	if k.Realms == nil {
		k.Realms = []string{}
	}
	return k, key, s.Tx(ctx, func(ctx context.Context) error {
		if err := s.APIKeys.Create(ctx, k); err != nil {
			return exists(err, "API key", k.Name)
		}
		return s.record(ctx, a, change{kind: "apikey.created", subject: "apikey:" + k.ID, after: k})
	})
}

func (s *Service) checkAPIKey(ctx context.Context, k NewAPIKey) error {
	var p problems
	if strings.TrimSpace(k.Name) == "" || len(k.Name) > 100 {
		p.add("/name", "is 1 to 100 characters")
	}
	if !slices.Contains(Roles, k.Role) {
		p.add("/role", "%q is not one of %v", k.Role, Roles)
	}
	for i, name := range k.Realms {
		if _, err := s.Realms.Get(ctx, name); err != nil {
			if !errors.Is(err, broker.ErrNotFound) {
				return err
			}
			p.add(fmt.Sprintf("/realms/%d", i), "there is no realm %q", name)
		}
	}
	if !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(s.Now()) {
		p.add("/expires_at", "is in the past")
	}
	return p.err()
}

// ListAPIKeys answers the keys, without themselves.
func (s *Service) ListAPIKeys(ctx context.Context, a Actor, p broker.Page) (Page[*broker.APIKey], error) {
	if err := a.mayReadKeys(); err != nil {
		return Page[*broker.APIKey]{}, err
	}
	return page(s.APIKeys.List(ctx, p))
}

// GetAPIKey answers one key, without itself.
func (s *Service) GetAPIKey(ctx context.Context, a Actor, id string) (*broker.APIKey, error) {
	if err := a.mayReadKeys(); err != nil {
		return nil, err
	}
	return s.apiKey(ctx, id)
}

// apiKey looks through the list: keys are few, and are found by their hash wherever it matters.
func (s *Service) apiKey(ctx context.Context, id string) (*broker.APIKey, error) {
	var found *broker.APIKey
	err := each(func(p broker.Page) ([]*broker.APIKey, string, error) { return s.APIKeys.List(ctx, p) },
		func(k *broker.APIKey) error {
			if k.ID == id {
				found = k
			}
			return nil
		})
	if err == nil && found == nil {
		return nil, broker.ErrNotFound
	}
	return found, err
}

// mayReadKeys: who may ask for what is not a matter of support.
func (a Actor) mayReadKeys() error {
	if a.Role == Support {
		return a.allow(toOwn)
	}
	return a.installation(toRead)
}

// DeleteAPIKey makes a key worthless at once.
func (s *Service) DeleteAPIKey(ctx context.Context, a Actor, id string) error {
	if err := a.installation(toOwn); err != nil {
		return err
	}
	k, err := s.apiKey(ctx, id)
	if err != nil {
		return err
	}
	return s.Tx(ctx, func(ctx context.Context) error {
		if err := s.APIKeys.Delete(ctx, id); err != nil {
			return err
		}
		return s.record(ctx, a, change{kind: "apikey.deleted", subject: "apikey:" + id, before: k})
	})
}

// withdrawKeys takes a realm that goes away from the keys that are limited to it, so that they do not open a later realm
// of the same name. A key that has no other ends: none left would mean all.
func (s *Service) withdrawKeys(ctx context.Context, a Actor, realm string) error {
	var limited []*broker.APIKey
	err := each(func(p broker.Page) ([]*broker.APIKey, string, error) { return s.APIKeys.List(ctx, p) },
		func(k *broker.APIKey) error {
			if slices.Contains(k.Realms, realm) {
				limited = append(limited, k)
			}
			return nil
		})
	if err != nil {
		return err
	}
	for _, k := range limited {
		if err := s.Tx(ctx, func(ctx context.Context) error { return s.withdrawKey(ctx, a, k, realm) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) withdrawKey(ctx context.Context, a Actor, k *broker.APIKey, realm string) error {
	if err := s.APIKeys.Delete(ctx, k.ID); err != nil {
		return err
	}
	left := *k
	left.Realms = slices.DeleteFunc(slices.Clone(k.Realms), func(r string) bool { return r == realm })
	if len(left.Realms) == 0 {
		return s.record(ctx, a, change{kind: "apikey.deleted", subject: "apikey:" + k.ID, before: k})
	}
	if err := s.APIKeys.Create(ctx, &left); err != nil {
		return err
	}
	return s.record(ctx, a, change{kind: "apikey.updated", subject: "apikey:" + k.ID, before: k, after: left})
}
