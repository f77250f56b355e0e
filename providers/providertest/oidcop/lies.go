package oidcop

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"

	jose "github.com/go-jose/go-jose/v4"
)

// Lies are the ways to break the provider. A nil hook leaves things as they are.
type Lies struct {
	// Discovery, Claims (of the ID token) and UserInfo change a document before it is sent.
	Discovery, Claims, UserInfo func(doc map[string]any)
	// Keys changes the published keys.
	Keys func(keys []any) []any
	// Answer changes the parameters with which the browser goes back.
	Answer func(v url.Values)
	// Token changes the token endpoint's answer.
	Token func(doc map[string]any)
	// Payload changes the ID token's claims as bytes: duplicate keys and the like.
	Payload func(payload []byte) []byte
	// Sign makes the JWT itself: another algorithm, key or header.
	Sign func(op *OP, payload []byte) string
	// SignUserInfo answers userinfo as a JWT.
	SignUserInfo bool
	// Endpoint takes a call over, by the endpoint's name ("token", "jwks", …); it answers whether it did.
	Endpoint map[string]func(w http.ResponseWriter, r *http.Request) bool
}

// Lie begins to lie, in place of whatever lies before; Lies{} tells the truth again.
func (op *OP) Lie(l Lies) { op.lies.Store(&l) }

// Set is a lie that gives claims other values; nil removes one.
func Set(claims map[string]any) func(map[string]any) {
	return func(doc map[string]any) {
		for k, v := range claims {
			if v == nil {
				delete(doc, k)
				continue
			}
			doc[k] = v
		}
	}
}

// Unsigned is a token with algorithm none.
func Unsigned(_ *OP, payload []byte) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}

// SignedWithPublicKey is a token with HS256 and the published RSA key, as PEM, for a secret: the algorithm confusion.
func SignedWithPublicKey(op *OP, payload []byte) string {
	der, err := x509.MarshalPKIXPublicKey(op.SigningKey().Private.Public().(*rsa.PublicKey))
	if err != nil {
		panic(err)
	}
	secret := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return sign(jose.SigningKey{Algorithm: jose.HS256, Key: secret}, map[jose.HeaderKey]any{"kid": op.SigningKey().ID}, payload)
}

// SignedBy signs with another key and header than the provider's own.
func SignedBy(k *Key, headers map[jose.HeaderKey]any) func(*OP, []byte) string {
	return func(_ *OP, payload []byte) string {
		return sign(jose.SigningKey{Algorithm: k.Algorithm, Key: k.Private}, headers, payload)
	}
}

func sign(key jose.SigningKey, headers map[jose.HeaderKey]any, payload []byte) string {
	o := (&jose.SignerOptions{}).WithType("JWT")
	for k, v := range headers {
		o = o.WithHeader(k, v)
	}
	signer, err := jose.NewSigner(key, o)
	if err != nil {
		panic(err) // a key that does not fit its algorithm: a mistake of the caller
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	s, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return s
}

// Sign makes a JWT of the provider: an ID token, a logout token.
func (op *OP) Sign(claims map[string]any) string {
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err) // claims are plain values
	}
	l := op.lies.Load()
	if l.Payload != nil {
		payload = l.Payload(payload)
	}
	if l.Sign != nil {
		return l.Sign(op, payload)
	}
	k := op.SigningKey()
	return sign(jose.SigningKey{Algorithm: k.Algorithm, Key: k.Private}, map[jose.HeaderKey]any{"kid": k.ID}, payload)
}
