// Package providers defines what an upstream identity provider is to the broker: something that can begin a sign-in and
// read its answer. Each protocol is a folder below; nothing outside cmd imports those folders.
package providers

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net"
	"net/http"
	"net/url"
	"time"

	"cloakroom/broker/fault"
)

// Provider is one opened connection: parsed settings, keys and metadata of one upstream. It is safe for concurrent use
// and is kept until the connection's configuration changes, so everything that can be parsed once is parsed in Open.
type Provider interface {
	// Start begins a sign-in. It may fetch (discovery) but holds no lock while it does.
	Start(ctx context.Context, r Request) (Challenge, error)
	// Finish checks the answer and reads the identity. Every error is a *fault.Error. Nothing of a refused answer is
	// returned. Whatever arrives, it neither panics nor spends more than 50 ms of CPU.
	Finish(ctx context.Context, r Request, reply Reply) (Identity, error)
}

// Request is what the broker tells a provider about the sign-in under way.
type Request struct {
	// Handle goes upstream as state (OIDC, OAuth 2.0) or RelayState (SAML) and comes back with the answer: 43
	// characters of base64url. It is unguessable, authenticated by the broker and names login, connection and time, so
	// by the time Finish is called the broker has checked that it belongs to this connection and has not expired.
	// Empty in Finish for an answer that nobody asked for (SAML IdP-initiated).
	Handle string
	// MessageID is Handle as an XML ID ("_" + hex): the AuthnRequest's ID, and the InResponseTo expected back.
	MessageID string
	// Secret is 32 bytes that only the broker knows, the same in Start and Finish of one sign-in and different for each:
	// nonce, PKCE verifier and the like are derived from it (Derive), so that an answer can be checked on any replica
	// with nothing stored in between and without the browser's cookie (a cross-site POST carries none).
	Secret []byte
	// CallbackURL is {BASE_URL}/broker/{slug}/endpoint, or the legacy form of it when that is what the connection has
	// registered: redirect URI and ACS alike.
	CallbackURL string
	// Issued is the time Start was called; in Finish too (zero for unsolicited answers).
	Issued time.Time

	LoginHint  string   // an address or user name to prefill upstream, "" if none
	DomainHint string   // Google's hd, Entra's domain_hint
	UILocales  []string // BCP 47
	ForceAuthn bool     // the app asked for prompt=login or max_age=0
	Passive    bool     // no page may be shown: prompt=none, IsPassive
	ACR        []string // requested authentication contexts, passed only where the connection says so

	// Admit, in Finish of an answer to Challenge.Fields, is asked before a password is tried: account is the upstream's
	// own name of whom it belongs to, the same however the person wrote it. An error ends the try and is Finish's. It
	// keeps guesses below the number at which directories lock an account. Nil elsewhere.
	Admit func(account string) error
}

// Derive makes 32 bytes for one purpose ("nonce", "pkce") out of the sign-in's secret.
func (r Request) Derive(purpose string) []byte {
	m := hmac.New(sha256.New, r.Secret)
	m.Write([]byte(purpose))
	return m.Sum(nil)
}

// Challenge says what the browser does next. Exactly one of URL and Fields is set.
type Challenge struct {
	URL string // go there
	// Form, when not nil, is posted to URL by the browser (SAML POST binding).
	Form url.Values
	// Fields are prompted for on a page of ours (LDAP); the answer comes back as Reply.Form.
	Fields []Prompt
}

// Prompt is one field a person types on our page.
type Prompt struct {
	Name   string // form name: "username", "password"
	Secret bool
}

// Reply is what the browser brought back. No *http.Request, so that a provider's tests are tables.
type Reply struct {
	Method string     // GET or POST
	URL    *url.URL   // path and raw query as received
	Query  url.Values // parsed query
	Form   url.Values // parsed body of a POST, at most 1 MiB
}

// Identity is what an upstream asserted, verified but not interpreted. broker/claims turns it into a broker.Profile;
// no token is ever made from an Identity.
type Identity struct {
	Issuer  string // iss or SAML entity ID
	Subject string // sub or NameID value, as sent; "" where SAML sent no NameID
	// SubjectFormat is the SAML NameID format URI, "" elsewhere.
	SubjectFormat string
	// SubjectQualifiers are NameQualifier and SPNameQualifier, which belong to a persistent NameID.
	NameQualifier, SPNameQualifier string
	// Attributes are the claims as sent. SAML: by Name, and by FriendlyName where that differs. OIDC: ID token and
	// userinfo merged; strings as they are, numbers and booleans in JSON form, arrays of strings as several values.
	// Objects keep their JSON form as one value.
	Attributes map[string][]string
	// EmailVerified is the upstream's own word on the email claim, from the same document as the claim; only a JSON
	// boolean true counts. Nil where nothing was said.
	EmailVerified *bool
	AuthTime      time.Time // AuthnInstant or auth_time, zero if not said
	ACR           string    // acr or AuthnContextClassRef
	AMR           []string
	SessionIndex  string    // SAML SessionIndex, OIDC sid
	SessionUntil  time.Time // SessionNotOnOrAfter, zero if not said
	IDToken       string    // OIDC: raw ID token, kept sealed for logout's id_token_hint
	// Once names things that may be seen only once per connection, with the time until which that must be remembered:
	// SAML assertion IDs. The broker takes them before it believes the identity.
	Once []Once
	// GroupsOmitted is true where the upstream said that the person has more groups than it lists (Entra overage).
	GroupsOmitted bool
	// Unsolicited is true where nobody here asked for this answer (SAML IdP-initiated, only where switched on).
	Unsolicited bool
	// RelayState of an unsolicited answer, as sent.
	RelayState string
}

// Once is a mark that can be taken one time.
type Once struct {
	ID    string
	Until time.Time
}

// Protocol opens connections of one kind.
type Protocol interface {
	Name() string // "saml", "oidc", "oauth2", "ldap"
	// Open parses and checks settings. It does not touch the network.
	Open(s Settings) (Provider, error)
}

// Settings is what a protocol needs to open one connection.
type Settings struct {
	Slug   string
	Preset string
	// Config is the connection's protocol section (contract, section 4: "saml", "oidc", …) as JSON with the secrets in
	// place. Protocols decode it into their own struct.
	Config []byte
	// SPEntityID is our own name at this upstream: the connection's sp_entity_id or {BASE_URL}/broker/{slug}/metadata.
	SPEntityID string
	// CallbackURL as in Request; MetadataURL is where our own metadata is served; LogoutURL where logout answers go.
	CallbackURL, MetadataURL, LogoutURL string
	// Aliases are further callback URLs under which answers are accepted as addressed to us (Destination, Recipient):
	// the Keycloak-shaped path, the legacy prefix.
	Aliases []string
	// Keys gives our own keys for this connection: sign requests, decrypt assertions, private_key_jwt. The first is the
	// active one; all are published and all decrypt. It is a function because keys are made at first need.
	Keys func(ctx context.Context) ([]Key, error)
	// HTTP is the guarded client of broker/egress: the only way to fetch.
	HTTP *http.Client
	// OneHop is HTTP without redirects, for probes, which look at each before they go on; nil: HTTP with its redirects
	// switched off.
	OneHop *http.Client
	// Dial is the guarded dialler of broker/egress, for what is not HTTP: the only way to connect. Its errors are *fault.Error.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Domains are the email domains that the connection serves.
	Domains []string
	// Now is the clock.
	Now func() time.Time
	// Go runs a background refresh (metadata, JWKS); it bounds and recovers it.
	Go func(func(ctx context.Context))
	// Stored is what an earlier Open of this connection remembered with Remember (e.g. the last good metadata), nil at first.
	Stored []byte
	// Remember keeps bytes for later Opens, on all replicas. Best effort.
	Remember func(ctx context.Context, b []byte) error
	// Trusted is the state of the upstream's documents that this connection trusts (Published), nil if there is none yet.
	Trusted []byte
	// Offer hands in a document just fetched and answers the state that is trusted now. The broker decides by Review, keeps
	// the versions and leaves to an operator what is an operator's to decide. Nil where nobody keeps them, in a preflight:
	// then what is fetched is taken, and forgotten.
	Offer func(ctx context.Context, found Found) (trusted []byte, err error)
}

// Key is one key pair of ours with its certificate.
type Key struct {
	ID          string // kid
	Private     any    // crypto.Signer; *rsa.PrivateKey for SAML
	Certificate []byte // DER, self-signed
}

// Optional interfaces, found by type assertion.

// MetadataPublisher serves our side's metadata (SAML SP).
type MetadataPublisher interface {
	Metadata(ctx context.Context) (contentType string, body []byte, err error)
}

// LogoutStarter signs a person out upstream.
type LogoutStarter interface {
	// StartLogout answers where to send the browser, or ok=false where this upstream has no logout. idn is the identity
	// the session was made from (Subject, SubjectFormat, SessionIndex, IDToken). returnURL is our own logout callback.
	StartLogout(ctx context.Context, r Request, idn Identity, returnURL string) (c Challenge, ok bool, err error)
}

// LogoutReceiver reads a logout message that arrived at the endpoint.
type LogoutReceiver interface {
	// IsLogout says, without verifying, whether the reply is a logout message rather than a sign-in answer.
	IsLogout(reply Reply) bool
	// ReceiveLogout verifies it. For a request of the upstream it names the session to end and the answer to send back;
	// for an answer to our own request, Answered is true and Handle is ours.
	ReceiveLogout(ctx context.Context, r Request, reply Reply) (Logout, error)
}

// Logout is a verified logout message.
type Logout struct {
	Answered     bool
	Handle       string
	Subject      string
	SessionIndex string
	Reply        *Challenge
}

// HandleFinder finds the broker's handle in a reply, "" if there is none: state, RelayState, or a SAML message's InResponseTo
// where RelayState was lost. It parses as little as possible and trusts nothing.
type HandleFinder interface {
	Handle(reply Reply) string
}

// Preflighter checks a connection without a person: reachability, documents, keys (contract, POST …/check).
type Preflighter interface {
	Preflight(ctx context.Context) []Finding
}

// Finding is one result of a preflight.
type Finding struct {
	Err      error  // a *fault.Error, nil for a passed check
	Severity string // "error", "warning", "ok"
	Check    string // short name: "metadata", "certificate", "discovery", "jwks"
	Detail   string
	// Confidence grades a passed check: "" and fault.Proved say that it holds, fault.Likely that nothing speaks against
	// it. A failed check's is that of Err.
	Confidence fault.Confidence
}
