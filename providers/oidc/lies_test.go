package oidc_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"cloakroom/broker/fault"
	"cloakroom/providers/providertest/oidcop"
)

type m = map[string]any

func claims(c m) oidcop.Lies { return oidcop.Lies{Claims: oidcop.Set(c)} }

// Everything that go-oidc leaves to its caller, and everything that it does check, told wrong once.
func TestLyingIDTokens(t *testing.T) {
	now := time.Now()
	duplicate := func(member string) oidcop.Lies {
		return oidcop.Lies{Payload: func(b []byte) []byte { return append(bytes.TrimSuffix(b, []byte("}")), []byte(","+member+"}")...) }}
	}
	for _, tt := range []struct {
		name string
		lie  oidcop.Lies
		want fault.Code
	}{
		{"issuer of another", claims(m{"iss": "https://evil.example"}), fault.OIDCIssuer},
		{"issuer with a slash more", oidcop.Lies{Claims: func(d m) { d["iss"] = d["iss"].(string) + "/" }}, fault.OIDCIssuer},
		{"issuer in capitals", oidcop.Lies{Claims: func(d m) { d["iss"] = strings.ToUpper(d["iss"].(string)) }}, fault.OIDCIssuer},
		{"no issuer", claims(m{"iss": nil}), fault.OIDCIssuer},
		{"audience of another", claims(m{"aud": "other"}), fault.OIDCAudience},
		{"no audience", claims(m{"aud": nil}), fault.OIDCAudience},
		{"audience with text around", claims(m{"aud": clientID + " "}), fault.OIDCAudience},
		{"audience of numbers", claims(m{"aud": []any{1, clientID}}), fault.OIDCToken},
		{"extra audience without azp", claims(m{"aud": []string{clientID, "other"}}), fault.OIDCAuthorizedParty},
		{"extra audience, azp of another", claims(m{"aud": []string{clientID, "other"}, "azp": "other"}), fault.OIDCAuthorizedParty},
		{"azp of another", claims(m{"azp": "other"}), fault.OIDCAuthorizedParty},
		{"azp of another type", claims(m{"azp": []string{clientID}}), fault.OIDCAuthorizedParty},
		{"extra audience, azp ours", claims(m{"aud": []string{"other", clientID}, "azp": clientID}), ""},
		{"audience as a list", claims(m{"aud": []string{clientID}}), ""},
		{"nonce of another", claims(m{"nonce": strings.Repeat("n", 43)}), fault.OIDCNonce},
		{"no nonce", claims(m{"nonce": nil}), fault.OIDCNonce},
		{"empty nonce", claims(m{"nonce": ""}), fault.OIDCNonce},
		{"nonce under another case", oidcop.Lies{Claims: func(d m) { d["Nonce"] = d["nonce"]; delete(d, "nonce") }}, fault.OIDCNonce},
		{"no iat", claims(m{"iat": nil}), fault.OIDCIssuedAt},
		{"iat as text", claims(m{"iat": "yesterday"}), fault.OIDCToken},
		{"iat ahead", claims(m{"iat": now.Add(10 * time.Minute).Unix()}), fault.OIDCNotYetValid},
		{"iat ahead within the skew", claims(m{"iat": now.Add(40 * time.Second).Unix()}), ""},
		{"iat with a fraction", claims(m{"iat": float64(now.Unix()) + 0.25}), ""},
		{"no exp", claims(m{"exp": nil}), fault.OIDCExpired},
		{"expired", claims(m{"exp": now.Add(-2 * time.Minute).Unix()}), fault.OIDCExpired},
		{"expired within the skew", claims(m{"exp": now.Add(-30 * time.Second).Unix()}), ""},
		{"exp enormous", claims(m{"exp": 1e300}), fault.OIDCToken},
		{"exp negative", claims(m{"exp": -1}), fault.OIDCToken},
		{"nbf ahead", claims(m{"nbf": now.Add(10 * time.Minute).Unix()}), fault.OIDCNotYetValid},
		{"nbf four minutes ahead, which go-oidc would take", claims(m{"nbf": now.Add(4 * time.Minute).Unix()}), fault.OIDCNotYetValid},
		{"no subject", claims(m{"sub": nil}), fault.OIDCSubject},
		{"empty subject", claims(m{"sub": ""}), fault.OIDCSubject},
		{"numeric subject", claims(m{"sub": 7}), fault.OIDCToken},
		{"long subject", claims(m{"sub": strings.Repeat("x", 256)}), fault.OIDCSubject},
		{"subject beyond ASCII", claims(m{"sub": "józef"}), fault.OIDCSubject},
		{"subject with a line break", claims(m{"sub": "a\nb"}), fault.OIDCSubject},
		{"subject under another case only", oidcop.Lies{Claims: func(d m) { d["Sub"] = d["sub"]; delete(d, "sub") }}, fault.OIDCSubject},
		{"access token of another", claims(m{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), fault.OIDCAccessTokenHash},
		{"access token hash of another type", claims(m{"at_hash": 1}), fault.OIDCToken},
		{"no access token hash", claims(m{"at_hash": nil}), ""},
		{"auth_time as text", claims(m{"auth_time": "now"}), fault.OIDCToken},
		{"subject twice", duplicate(`"sub":"u-2"`), fault.OIDCDuplicate},
		{"email twice", duplicate(`"email":"eve@acme.example"`), fault.OIDCDuplicate},
		{"issuer twice, escaped", duplicate(`"is\u0073":"https://evil.example"`), fault.OIDCDuplicate},
		{"twice inside a claim", duplicate(`"address":{"a":1,"a":2}`), fault.OIDCDuplicate},
		{"payload of something else", oidcop.Lies{Payload: func([]byte) []byte { return []byte(`"text"`) }}, fault.OIDCToken},
		{"payload cut", oidcop.Lies{Payload: func(b []byte) []byte { return b[:len(b)/2] }}, fault.OIDCToken},
		{"payload too large", claims(m{"pad": strings.Repeat("x", 70<<10)}), fault.OIDCToken},
		{"claims under another case", claims(m{"Email": "eve@acme.example", "EMAIL": "eve@acme.example", "Email_Verified": false}), ""},
		{"unsigned", oidcop.Lies{Sign: oidcop.Unsigned}, fault.OIDCAlgorithm},
		{"not a JWT", oidcop.Lies{Sign: func(*oidcop.OP, []byte) string { return "opaque" }}, fault.OIDCToken},
		{"five parts", oidcop.Lies{Sign: func(*oidcop.OP, []byte) string { return "a.b.c.d.e" }}, fault.OIDCToken},
		{"JSON serialisation", oidcop.Lies{Sign: func(*oidcop.OP, []byte) string { return `{"payload":"a.b.c"}` }}, fault.OIDCToken},
		{"no ID token", oidcop.Lies{Token: oidcop.Set(m{"id_token": nil})}, fault.OIDCTokenMissing},
		{"ID token of another type", oidcop.Lies{Token: oidcop.Set(m{"id_token": 7})}, fault.OIDCTokenMissing},
		{"no access token", oidcop.Lies{Token: oidcop.Set(m{"access_token": nil})}, fault.OIDCTokenMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := begin(t, "generic", nil)
			x.op.Lie(tt.lie)
			if tt.want == "" {
				if idn := x.mustLogin(); idn.Subject != "u-1" || idn.Attributes["email"][0] != "ada@acme.example" || !*idn.EmailVerified {
					t.Errorf("identity %+v", idn)
				}
				return
			}
			x.refused(tt.want)
		})
	}
}

func TestClockSkewIsTheConnections(t *testing.T) {
	x := begin(t, "generic", map[string]any{"clock_skew": "5m"})
	x.op.Lie(claims(m{"exp": time.Now().Add(-4 * time.Minute).Unix(), "iat": time.Now().Add(4 * time.Minute).Unix()}))
	x.mustLogin()
}

// Signatures: with the wrong key, by the wrong algorithm, with a key that the header brings along.
func TestForgedSignatures(t *testing.T) {
	rs256 := func(o *oidcop.Options) { o.Algorithm = "RS256" }
	own := oidcop.NewKey(jose.RS256)
	jwk := own.Public()
	for _, tt := range []struct {
		name string
		lie  func(op *oidcop.OP) oidcop.Lies
		want fault.Code
	}{
		{"HS256 with the public key", func(*oidcop.OP) oidcop.Lies { return oidcop.Lies{Sign: oidcop.SignedWithPublicKey} }, fault.OIDCAlgorithm},
		{"HS256 with the client secret", func(*oidcop.OP) oidcop.Lies {
			return oidcop.Lies{Sign: func(_ *oidcop.OP, payload []byte) string {
				s, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(secret)}, nil)
				jws, _ := s.Sign(payload)
				out, _ := jws.CompactSerialize()
				return out
			}}
		}, fault.OIDCAlgorithm},
		{"foreign key, its own kid", func(*oidcop.OP) oidcop.Lies {
			return oidcop.Lies{Sign: oidcop.SignedBy(own, map[jose.HeaderKey]any{"kid": own.ID})}
		}, fault.OIDCKeyUnknown},
		{"foreign key, published kid", func(op *oidcop.OP) oidcop.Lies {
			return oidcop.Lies{Sign: oidcop.SignedBy(own, map[jose.HeaderKey]any{"kid": op.SigningKey().ID})}
		}, fault.OIDCSignature},
		{"foreign key, no kid", func(*oidcop.OP) oidcop.Lies { return oidcop.Lies{Sign: oidcop.SignedBy(own, nil)} }, fault.OIDCSignature},
		{"jwk in the header", func(op *oidcop.OP) oidcop.Lies {
			return oidcop.Lies{Sign: oidcop.SignedBy(own, map[jose.HeaderKey]any{"jwk": jwk, "kid": op.SigningKey().ID})}
		}, fault.OIDCSignature},
		{"type of an access token", func(op *oidcop.OP) oidcop.Lies {
			return oidcop.Lies{Sign: oidcop.SignedBy(op.SigningKey(), map[jose.HeaderKey]any{"typ": "at+jwt", "kid": op.SigningKey().ID})}
		}, fault.OIDCToken},
		{"unknown critical header", func(op *oidcop.OP) oidcop.Lies {
			return oidcop.Lies{Sign: oidcop.SignedBy(op.SigningKey(), map[jose.HeaderKey]any{"crit": []string{"x"}, "x": 1, "kid": op.SigningKey().ID})}
		}, fault.OIDCSignature},
		{"PS256 where RS256 is listed", func(op *oidcop.OP) oidcop.Lies {
			k := *op.SigningKey()
			k.Algorithm = jose.PS256
			return oidcop.Lies{Sign: oidcop.SignedBy(&k, map[jose.HeaderKey]any{"kid": k.ID})}
		}, fault.OIDCAlgorithm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := begin(t, "generic", nil, rs256)
			x.mustLogin()
			x.op.Lie(tt.lie(x.op))
			x.refused(tt.want)
		})
	}
}

func TestHeadersThatLeadElsewhereAreNotFollowed(t *testing.T) {
	x := begin(t, "generic", nil)
	own := oidcop.NewKey(jose.ES256)
	fetched := false
	trap := map[jose.HeaderKey]any{"jku": x.srv.URL + "/trap", "x5u": x.srv.URL + "/trap", "kid": own.ID}
	x.op.Lie(oidcop.Lies{Sign: oidcop.SignedBy(own, trap)})
	inner := x.srv.Config.Handler
	x.srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/trap" {
			fetched = true
			_ = json.NewEncoder(w).Encode(m{"keys": []any{own.Public()}})
			return
		}
		inner.ServeHTTP(w, r)
	})
	x.refused(fault.OIDCKeyUnknown)
	if fetched {
		t.Error("the header's address was fetched")
	}
}

func TestKeysThatMayNotSign(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak := &oidcop.Key{ID: "weak", Algorithm: jose.RS256, Private: small}
	for _, tt := range []struct {
		name string
		keys func(keys []any) []any
		use  *oidcop.Key
		want fault.Code
	}{
		{"for encryption", func(keys []any) []any {
			k := keys[0].(jose.JSONWebKey)
			k.Use = "enc"
			return []any{k}
		}, nil, fault.OIDCKeys},
		{"of 1024 bits", nil, weak, fault.OIDCKeyUnknown},
		{"none", func([]any) []any { return nil }, nil, fault.OIDCKeys},
		{"a secret one", func([]any) []any { return []any{m{"kty": "oct", "k": "c2VjcmV0"}} }, nil, fault.OIDCKeys},
		{"of a kind unknown", func(keys []any) []any { return append([]any{m{"kty": "AKP"}, 7, "x", nil}, keys...) }, nil, ""},
		{"for another algorithm", func(keys []any) []any {
			k := keys[0].(jose.JSONWebKey)
			k.Algorithm = "ES384"
			return []any{k}
		}, nil, fault.OIDCKeyUnknown},
		{"without kid and use", func(keys []any) []any {
			k := keys[0].(jose.JSONWebKey)
			return []any{jose.JSONWebKey{Key: k.Key}}
		}, nil, ""},
		{"too many", func(keys []any) []any {
			for len(keys) < 200 {
				keys = append(keys, keys[0])
			}
			return keys
		}, nil, fault.OIDCKeys},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			x := begin(t, "generic", map[string]any{"algorithms": []string{"RS256", "ES256"}})
			x.op.Lie(oidcop.Lies{Keys: tt.keys})
			if tt.use != nil {
				x.op.Use(tt.use)
			}
			if tt.want == "" {
				x.mustLogin()
				return
			}
			x.refused(tt.want)
		})
	}
}

func TestKeyRotation(t *testing.T) {
	x := begin(t, "generic", nil)
	x.mustLogin()
	x.op.Rotate()
	x.mustLogin() // an unknown kid makes us look again
	if n := x.op.Requests("jwks"); n != 2 {
		t.Errorf("%d key fetches, want 2", n)
	}
	hidden := oidcop.NewKey(jose.ES256)
	hidden.Hidden = true
	x.op.Use(hidden)
	for range 20 {
		x.refused(fault.OIDCKeyUnknown)
	}
	if n := x.op.Requests("jwks"); n > 4 {
		t.Errorf("20 tokens with an unknown key caused %d key fetches", n)
	}
	x.clock.forward(31 * time.Second)
	x.refused(fault.OIDCKeyUnknown)
	if n := x.op.Requests("jwks"); n > 5 {
		t.Errorf("%d key fetches after another half minute", n)
	}
}

func TestRetiredKeysAreForgotten(t *testing.T) {
	x := begin(t, "generic", nil)
	x.mustLogin()
	stolen := x.op.SigningKey()
	x.op.Rotate()
	x.op.Retire()
	x.clock.forward(25 * time.Hour) // older copies are replaced before they are used
	x.op.Lie(oidcop.Lies{Sign: oidcop.SignedBy(stolen, map[jose.HeaderKey]any{"kid": stolen.ID})})
	x.refused(fault.OIDCKeyUnknown)
}

func TestUserInfo(t *testing.T) {
	thin := func(o *oidcop.Options) { o.ThinTokens = true }
	t.Run("fills in what the ID token lacks", func(t *testing.T) {
		x := begin(t, "generic", nil, thin)
		idn := x.mustLogin()
		if idn.Attributes["email"][0] != "ada@acme.example" || !*idn.EmailVerified || len(idn.Attributes["groups"]) != 2 {
			t.Errorf("identity %+v", idn)
		}
	})
	t.Run("never", func(t *testing.T) {
		x := begin(t, "generic", map[string]any{"userinfo": "never"}, thin)
		if idn := x.mustLogin(); idn.Attributes["email"] != nil || x.op.Requests("userinfo") != 0 {
			t.Errorf("identity %+v", idn)
		}
	})
	t.Run("always", func(t *testing.T) {
		x := begin(t, "generic", map[string]any{"userinfo": "always"})
		if x.mustLogin(); x.op.Requests("userinfo") != 1 {
			t.Error("userinfo was not asked")
		}
	})
	t.Run("may not speak of another", func(t *testing.T) {
		for _, sub := range []any{"u-2", nil, 1, "U-1"} {
			for _, mode := range []string{"auto", "always"} {
				x := begin(t, "generic", map[string]any{"userinfo": mode}, thin)
				x.op.Lie(oidcop.Lies{UserInfo: oidcop.Set(m{"sub": sub})})
				x.refused(fault.OIDCUserInfoSubject)
			}
		}
		x := begin(t, "generic", nil) // an address is there, a name is not: the contradiction still counts
		x.op.Lie(oidcop.Lies{Claims: oidcop.Set(m{"name": nil, "given_name": nil}), UserInfo: oidcop.Set(m{"sub": "u-2"})})
		x.refused(fault.OIDCUserInfoSubject)
	})
	t.Run("cannot replace what the ID token says", func(t *testing.T) {
		x := begin(t, "generic", map[string]any{"userinfo": "always"})
		x.op.Lie(oidcop.Lies{Claims: oidcop.Set(m{"email_verified": false}), UserInfo: oidcop.Set(m{"email": "eve@acme.example", "email_verified": true, "iss": "x", "tid": "t", "hd": "h", "nickname": "a"})})
		idn := x.mustLogin()
		a := idn.Attributes
		if a["email"][0] != "ada@acme.example" || *idn.EmailVerified || a["email_verified"][0] != "false" || a["iss"][0] != x.op.Issuer() || a["tid"] != nil || a["hd"] != nil {
			t.Errorf("identity %+v", idn)
		}
		if a["nickname"] == nil {
			t.Error("a further claim was not taken")
		}
	})
	t.Run("address and flag come from one document", func(t *testing.T) {
		x := begin(t, "generic", nil, thin)
		x.op.Lie(oidcop.Lies{Claims: oidcop.Set(m{"email_verified": true, "xms_edov": true}), UserInfo: oidcop.Set(m{"email": "eve@acme.example", "email_verified": nil})})
		idn := x.mustLogin()
		if idn.EmailVerified != nil || idn.Attributes["email_verified"] != nil || idn.Attributes["xms_edov"] != nil {
			t.Errorf("the ID token's proof met userinfo's address: %+v", idn)
		}
		x = begin(t, "generic", map[string]any{"userinfo": "always"})
		x.op.Lie(oidcop.Lies{Claims: oidcop.Set(m{"email_verified": nil})})
		if idn = x.mustLogin(); idn.EmailVerified != nil || idn.Attributes["email_verified"] != nil {
			t.Errorf("userinfo's proof met the ID token's address: %+v", idn)
		}
	})
	t.Run("duplicate key", func(t *testing.T) {
		x := begin(t, "generic", nil, thin)
		x.op.Lie(oidcop.Lies{Endpoint: map[string]func(http.ResponseWriter, *http.Request) bool{"userinfo": func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"sub":"u-1","email":"a@acme.example","email":"eve@acme.example"}`)
			return true
		}}})
		x.refused(fault.OIDCDuplicate)
	})
	t.Run("signed", func(t *testing.T) {
		x := begin(t, "generic", nil, thin)
		good := m{"iss": x.op.Issuer(), "aud": clientID}
		x.op.Lie(oidcop.Lies{SignUserInfo: true, UserInfo: oidcop.Set(good)})
		if idn := x.mustLogin(); idn.Attributes["email"] == nil {
			t.Errorf("identity %+v", idn)
		}
		x.op.Lie(oidcop.Lies{SignUserInfo: true, UserInfo: oidcop.Set(m{"iss": x.op.Issuer(), "aud": "other"})})
		x.refused(fault.OIDCAudience)
		x.op.Lie(oidcop.Lies{SignUserInfo: true, UserInfo: oidcop.Set(m{"iss": "https://other.example", "aud": clientID})})
		x.refused(fault.OIDCIssuer)
	})
	t.Run("forbidden", func(t *testing.T) {
		forbid := map[string]func(http.ResponseWriter, *http.Request) bool{"userinfo": func(w http.ResponseWriter, _ *http.Request) bool {
			http.Error(w, "<html>no", http.StatusForbidden)
			return true
		}}
		x := begin(t, "generic", nil, thin)
		x.op.Lie(oidcop.Lies{Endpoint: forbid})
		x.refused(fault.OIDCUserInfo)
		x = begin(t, "generic", nil) // only the name is missing: no reason to refuse
		x.op.Lie(oidcop.Lies{Endpoint: forbid, Claims: oidcop.Set(m{"name": nil, "given_name": nil})})
		x.mustLogin()
	})
}

func TestEmailVerifiedIsABoolean(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		value any
		want  *bool
	}{{true, &yes}, {false, &no}, {"true", &no}, {1, &no}, {"yes", &no}, {[]any{true}, &no}, {nil, nil}} {
		x := begin(t, "generic", nil)
		x.op.Lie(claims(m{"email_verified": tt.value}))
		got := x.mustLogin().EmailVerified
		if (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
			t.Errorf("%v counts as %v", tt.value, got)
		}
	}
}

func TestGroupsOverage(t *testing.T) {
	for name, c := range map[string]m{
		"pointer": {"groups": nil, "_claim_names": m{"groups": "src1"}, "_claim_sources": m{"src1": m{"endpoint": "https://graph.example/x"}}},
		"flag":    {"groups": nil, "hasgroups": true},
	} {
		x := begin(t, "generic", nil)
		x.op.Lie(claims(c))
		if idn := x.mustLogin(); !idn.GroupsOmitted || idn.Attributes["_claim_names"] != nil {
			t.Errorf("%s: %+v", name, idn)
		}
	}
}
