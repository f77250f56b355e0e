package token_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/op/token"
	"cloakroom/store/seal"
)

func grant() *broker.Grant {
	g := &broker.Grant{ID: broker.RandomToken(16), Generation: 1, Secret: make([]byte, 32)}
	_, _ = rand.Read(g.Secret)
	return g
}

func TestRefreshTokens(t *testing.T) {
	g, other := grant(), grant()
	s, err := token.NewRefresh(g)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := token.NewRefresh(g); again != s {
		t.Error("the same generation must give the same token")
	}
	r, err := token.ParseRefresh(s)
	if err != nil || r.GrantID != g.ID || r.Generation != 1 || !r.Of(g) {
		t.Fatalf("%+v %v", r, err)
	}
	other.ID = g.ID
	if r.Of(other) || r.Of(&broker.Grant{ID: g.ID}) {
		t.Error("good with another secret")
	}
	g.Generation = 2
	if next, _ := token.NewRefresh(g); next == s {
		t.Error("the next generation gives the same token")
	}
	for i := range s {
		forged := s[:i] + string(s[i]^1) + s[i+1:]
		if r, err := token.ParseRefresh(forged); err == nil && r.Of(g) {
			t.Fatalf("good with byte %d changed", i)
		}
	}
	// keycloak.js decodes the second part of a refresh token as JSON.
	var claims map[string]any
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(s, ".")[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil || len(claims) != 0 {
		t.Errorf("%s does not read as a JWT without claims: %v", s, err)
	}
	if _, err := token.ParseRefresh(s + "."); err == nil {
		t.Error("good with something behind it")
	}
	g.Generation = 0
	if _, err := token.NewRefresh(g); err == nil {
		t.Error("a grant without refresh tokens gave one")
	}
}

func TestAccessTokens(t *testing.T) {
	ring, err := seal.New([][]byte{make([]byte, seal.KeySize)})
	if err != nil {
		t.Fatal(err)
	}
	a := &token.Access{ID: "j", GrantID: "g", Realm: "acme", ClientID: "app", UserID: "u", Scopes: []string{"openid"}, IssuedAt: 1, ExpiresAt: 2}
	s, err := token.SealAccess(ring, a)
	if err != nil || !strings.HasPrefix(s, "cr_at_") || !token.IsOpaque(s) {
		t.Fatalf("%q %v", s, err)
	}
	got, err := token.OpenAccess(ring, s)
	if err != nil || got.Realm != "acme" || got.GrantID != "g" || got.Scopes[0] != "openid" {
		t.Fatalf("%+v %v", got, err)
	}
	other, _ := seal.New([][]byte{append(make([]byte, seal.KeySize-1), 1)})
	if _, err := token.OpenAccess(other, s); err == nil {
		t.Error("opened with another key")
	}
	for _, bad := range []string{"", "cr_at_", "cr_at_!!", s[:len(s)-2], "cr_rt_" + s[6:], s + strings.Repeat("A", token.MaxLength)} {
		if _, err := token.OpenAccess(ring, bad); err == nil {
			t.Errorf("opened %.20q", bad)
		}
	}
}

// RFC 7636, appendix B.
func TestPKCE(t *testing.T) {
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	if !token.ValidChallenge(challenge) || !token.VerifyPKCE(challenge, verifier) {
		t.Error("the RFC's example fails")
	}
	for _, bad := range []string{"", verifier[:42], challenge, verifier + "x", strings.Repeat("x", 129)} {
		if token.VerifyPKCE(challenge, bad) {
			t.Errorf("%q passes", bad)
		}
	}
	if token.ValidChallenge("short") || token.ValidChallenge(strings.Repeat("?", 43)) {
		t.Error("not a challenge")
	}
}

// OpenID Connect Core, appendix A.3: the at_hash of its example.
func TestLeftHash(t *testing.T) {
	if got := token.LeftHash("RS256", "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"); got != "77QmUPtjPfzWtF2AnpK9RQ" {
		t.Errorf("at_hash %s", got)
	}
}

func TestPairwiseSubjects(t *testing.T) {
	key := make([]byte, 32)
	one := token.Pairwise(key, "a.example", "u1")
	if one != token.Pairwise(key, "a.example", "u1") || one == token.Pairwise(key, "b.example", "u1") || one == token.Pairwise(key, "a.example", "u2") || one == token.Pairwise(key, "a.exampl", "eu1") {
		t.Error("one subject per sector and user")
	}
}

func FuzzTokens(f *testing.F) {
	s, _ := token.NewRefresh(grant())
	f.Add(s)
	f.Add("cr_at_AAAA")
	g := grant()
	ring, _ := seal.New([][]byte{make([]byte, seal.KeySize)})
	f.Fuzz(func(t *testing.T, s string) {
		if r, err := token.ParseRefresh(s); err == nil && r.Of(g) {
			t.Fatal("forged")
		}
		if _, err := token.OpenAccess(ring, s); err == nil {
			t.Fatal("opened")
		}
	})
}
