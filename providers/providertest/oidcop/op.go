// Package oidcop is an OpenID provider in one process: discovery, keys, a sign-in page, token, userinfo and logout
// endpoints, with real keys and every client authentication. It serves the demo, browser tests and the load bench – and
// it can lie: Lie takes hooks that break one thing at a time, so that a relying party's checks can be tested.
package oidcop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// Options of a provider. Issuer, Now and at least one client are needed.
type Options struct {
	// Issuer is the provider's address; its path, if any, stands before every endpoint.
	Issuer  string
	Title   string // of the sign-in page
	Now     func() time.Time
	Clients []Client
	Users   []User
	// AutoApprove signs this user in without a page: for benches and tests without a browser.
	AutoApprove string
	// Algorithm of ID tokens: RS256 (default) or ES256, which costs a twentieth.
	Algorithm string
	// NamesIssuer adds iss to answers and says so in discovery (RFC 9207).
	NamesIssuer bool
	// ThinTokens leaves email, names and groups out of the ID token, so that userinfo is needed.
	ThinTokens bool
	// Like takes on a vendor's habits.
	Like Like
	// AnnouncedAs stands in the discovery document in place of Issuer: a Keycloak behind a proxy that does not know its
	// public name (OIDC-24).
	AnnouncedAs string
	// Tenants are the directories that LikeEntra knows besides the issuer's: domain or id to id.
	Tenants map[string]string
	// Scopes that the provider lists; none: openid, email, profile, groups.
	Scopes []string
}

// Client is an application that may sign people in here.
type Client struct {
	ID           string
	Secret       string
	RedirectURIs []string // exact; none: any
	// AuthMethods allowed at the token endpoint; none: every one, as far as Secret and Keys go.
	AuthMethods []string
	Keys        *jose.JSONWebKeySet // for private_key_jwt

	// What may be wrong with an application, each as one setting of the vendors' consoles. How it is said is Options.Like's.
	Disabled      bool      // switched off, or deactivated (LIFE-02)
	NoCodeFlow    bool      // the authorization code grant is not ticked (OIDC-32)
	NoResource    bool      // AD FS: the client lacks permission on the Web API (OIDC-29)
	NeedsConsent  bool      // an administrator has not consented (OIDC-12)
	PolicyDenies  bool      // Conditional Access, Access Policy, API controls deny everybody (OIDC-27)
	SingleTenant  bool      // Entra: refused through /common and /organizations (OIDC-09)
	Organisation  string    // only people with an address of this domain: Google's Internal, Entra's own accounts (OIDC-26, OIDC-11)
	Assigned      []string  // the users who may sign in; nil: all (OIDC-21)
	Scopes        []string  // that are granted besides openid; nil: all (OIDC-33)
	SecretExpires time.Time // zero: never (OIDC-06)
	Platform      string    // Entra: Web, SPA (OIDC-02) or Mobile (OIDC-03)
}

// User is somebody who can sign in, without a password: this is a demonstration.
type User struct {
	Username      string
	Subject       string // sub; default: Username
	Email         string
	EmailVerified bool
	Name          string
	GivenName     string
	FamilyName    string
	Groups        []string
	Claims        map[string]any // further claims, which win over all above
}

// OP is a running provider. It is safe for concurrent use.
type OP struct {
	options  Options
	path     string // of Issuer
	methods  http.Handler
	secret   []byte // seals access tokens and session cookies
	lies     atomic.Pointer[Lies]
	mu       sync.RWMutex
	keys     []*Key   // the first signs
	codes    sync.Map // string -> *grant
	used     sync.Map // string -> time.Time
	issued   atomic.Int64
	requests sync.Map // endpoint -> *atomic.Int64
}

// Key is a signing key.
type Key struct {
	ID        string
	Algorithm jose.SignatureAlgorithm
	Private   crypto.Signer
	Hidden    bool // not in the published key set
}

// grant is what a code stands for.
type grant struct {
	client, redirect, user, nonce, challenge, scope string
	authTime, expires                               time.Time
}

const (
	codeLife = time.Minute
)

// New makes a provider with a fresh key.
func New(o Options) *OP {
	if o.Algorithm == "" {
		o.Algorithm = string(jose.RS256)
	}
	if o.Title == "" {
		o.Title = "Demo identity provider"
	}
	op := &OP{options: o, secret: random(32)}
	op.lies.Store(&Lies{})
	if u, err := url.Parse(o.Issuer); err == nil {
		op.path = strings.TrimSuffix(u.Path, "/")
	}
	op.Rotate()
	mux := http.NewServeMux()
	for path, h := range map[string]http.HandlerFunc{
		"GET /.well-known/openid-configuration": op.discovery,
		"GET /jwks":                             op.jwks,
		"GET /authorize":                        op.authorize,
		"POST /authorize":                       op.authorize,
		"POST /sign-in":                         op.signIn,
		"POST /token":                           op.token,
		"GET /userinfo":                         op.userInfo,
		"POST /userinfo":                        op.userInfo,
		"GET /end-session":                      op.endSession,
		"POST /end-session":                     op.endSession,
	} {
		method, p, _ := strings.Cut(path, " ")
		mux.HandleFunc(method+" "+op.path+p, op.hooked(strings.TrimPrefix(p, "/"), h))
	}
	switch o.Like {
	case LikeEntra:
		op.mountDirectories(mux)
	case LikeGitHub:
		op.mountGitHub(mux)
	}
	op.methods = mux
	return op
}

// ServeHTTP serves the provider's endpoints.
func (op *OP) ServeHTTP(w http.ResponseWriter, r *http.Request) { op.methods.ServeHTTP(w, r) }

// Issuer is the provider's name.
func (op *OP) Issuer() string { return op.options.Issuer }

// Requests counts the calls to an endpoint: "token", "jwks", "userinfo", ".well-known/openid-configuration", …
func (op *OP) Requests(endpoint string) int64 {
	if n, ok := op.requests.Load(endpoint); ok {
		return n.(*atomic.Int64).Load()
	}
	return 0
}

// hooked counts the call and lets a lie take it over.
func (op *OP) hooked(endpoint string, h http.HandlerFunc) http.HandlerFunc {
	counter, _ := op.requests.LoadOrStore(endpoint, new(atomic.Int64))
	n := counter.(*atomic.Int64)
	return func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		if take := op.lies.Load().Endpoint[endpoint]; take != nil && take(w, r) {
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		h(w, r)
	}
}

// Rotate makes a new signing key; the ones before stay published.
func (op *OP) Rotate() *Key {
	k := NewKey(jose.SignatureAlgorithm(op.options.Algorithm))
	op.Use(k)
	return k
}

// Use signs with the key from now on and publishes it unless it is hidden.
func (op *OP) Use(k *Key) {
	op.mu.Lock()
	defer op.mu.Unlock()
	op.keys = append([]*Key{k}, op.keys...)
}

// Retire forgets every key but the one that signs.
func (op *OP) Retire() {
	op.mu.Lock()
	defer op.mu.Unlock()
	op.keys = op.keys[:1]
}

// SigningKey is the key that signs now.
func (op *OP) SigningKey() *Key {
	op.mu.RLock()
	defer op.mu.RUnlock()
	return op.keys[0]
}

// NewKey makes a key for RS256 (2048 bits) or ES256.
func NewKey(alg jose.SignatureAlgorithm) *Key {
	k := &Key{ID: rand.Text()[:10], Algorithm: alg}
	var err error
	if alg == jose.ES256 {
		k.Private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		k.Private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return k
}

// Public is the key as published.
func (k *Key) Public() jose.JSONWebKey {
	return jose.JSONWebKey{Key: k.Private.Public(), KeyID: k.ID, Algorithm: string(k.Algorithm), Use: "sig"}
}

func (op *OP) discovery(w http.ResponseWriter, _ *http.Request) {
	issuer := op.options.Issuer
	if op.options.AnnouncedAs != "" {
		issuer = op.options.AnnouncedAs
	}
	op.describe(w, issuer, issuer)
}

// describe answers a discovery document with its endpoints below an address.
func (op *OP) describe(w http.ResponseWriter, issuer, base string) {
	base = strings.TrimSuffix(base, "/")
	scopes := op.options.Scopes
	if scopes == nil {
		scopes = []string{"openid", "email", "profile", "groups"}
	}
	doc := map[string]any{
		"issuer":                                         issuer,
		"authorization_endpoint":                         base + "/authorize",
		"token_endpoint":                                 base + "/token",
		"userinfo_endpoint":                              base + "/userinfo",
		"jwks_uri":                                       base + "/jwks",
		"end_session_endpoint":                           base + "/end-session",
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query", "form_post"},
		"grant_types_supported":                          []string{"authorization_code"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{op.options.Algorithm},
		"scopes_supported":                               scopes,
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"claims_supported":                               []string{"sub", "email", "email_verified", "name", "given_name", "family_name", "groups", "auth_time", "acr", "amr", "sid"},
		"authorization_response_iss_parameter_supported": op.options.NamesIssuer,
	}
	if lie := op.lies.Load().Discovery; lie != nil {
		lie(doc)
	}
	writeJSON(w, http.StatusOK, doc)
}

func (op *OP) jwks(w http.ResponseWriter, _ *http.Request) {
	op.mu.RLock()
	keys := []any{}
	for _, k := range op.keys {
		if !k.Hidden {
			keys = append(keys, k.Public())
		}
	}
	op.mu.RUnlock()
	if lie := op.lies.Load().Keys; lie != nil {
		keys = lie(keys)
	}
	writeJSON(w, http.StatusOK, map[string]any{"keys": keys})
}

func (op *OP) client(id string) (Client, bool) {
	i := slices.IndexFunc(op.options.Clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		return Client{}, false
	}
	return op.options.Clients[i], true
}

func (op *OP) user(name string) (User, bool) {
	i := slices.IndexFunc(op.options.Users, func(u User) bool { return u.Username == name })
	if i < 0 {
		return User{}, false
	}
	return op.options.Users[i], true
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller may have gone
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}
