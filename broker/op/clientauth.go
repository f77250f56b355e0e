package op

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/op/token"
)

// Call is an application's request to one of its own endpoints.
type Call struct {
	Door
	Endpoint      string // the URL called, for the audience of client assertions
	Authorization string // the header
	Raw           string // the form body
	RemoteIP      string
	Origin        string
}

// credentials are what a client proved itself with: exactly one method (RFC 6749, section 2.3).
type credentials struct {
	method    string // basic, post, assertion, none
	clientID  string
	secret    string
	rawID     string // basic, as sent: for clients that do not percent-encode
	rawSecret string
	assertion string
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// readCredentials finds the one method used. An empty client_secret counts as none: some libraries send it for public
// clients.
func readCredentials(header string, f form) (credentials, error) {
	c := credentials{method: "none", clientID: f.Get("client_id")}
	used := 0
	if f.Get("client_assertion") != "" || f.Get("client_assertion_type") != "" {
		if f.Get("client_assertion_type") != assertionType {
			return c, refuse("invalid_request", "client_assertion_type must be "+assertionType)
		}
		c.method, c.assertion = "assertion", f.Get("client_assertion")
		used++
	}
	if f.Get("client_secret") != "" {
		c.method, c.secret = "post", f.Get("client_secret")
		used++
	}
	if scheme, value, _ := strings.Cut(header, " "); strings.EqualFold(scheme, "Basic") {
		used++
		if err := c.readBasic(value); err != nil {
			return c, err
		}
		if id := f.Get("client_id"); id != "" && id != c.clientID && id != c.rawID {
			return c, refuse("invalid_request", "client_id differs from the one in the Authorization header")
		}
	}
	if used > 1 {
		return c, refuse("invalid_request", "the client used more than one way to authenticate")
	}
	return c, nil
}

// readBasic decodes the header. RFC 6749, section 2.3.1 has both parts form-encoded first; many clients leave that out,
// so the raw form is kept as a second reading.
func (c *credentials) readBasic(value string) error {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value))
	id, secret, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok {
		return invalidClient("Basic", fault.New(fault.OPRequestMalformed, "the Authorization header is not Basic"))
	}
	c.method, c.rawID, c.rawSecret = "basic", id, secret
	c.clientID, c.secret = unescape(id), unescape(secret)
	return nil
}

func unescape(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}

// authenticate finds the client that makes a call and checks that it is it.
func (p *Provider) authenticate(ctx context.Context, in Call, f form) (*broker.Client, error) {
	if err := f.one(); err != nil {
		return nil, err
	}
	cr, err := readCredentials(in.Authorization, f)
	if err != nil {
		return nil, err
	}
	if cr.method == "assertion" && cr.clientID == "" {
		cr.clientID = assertionIssuer(cr.assertion)
	}
	if cr.clientID == "" {
		return nil, invalidClient("", fault.New(fault.OPClientMissing, ""))
	}
	guess := token.Hash(in.Realm + " " + cr.clientID + " " + in.RemoteIP) // a stranger chooses how long the parts are
	if !p.guesses.allowed(guess) {
		return nil, &Refusal{Status: http.StatusTooManyRequests, Code: "slow_down", Description: "too many failed attempts; wait a minute"}
	}
	c, err := p.prove(ctx, in, cr)
	if refused(err, "invalid_client") {
		p.guesses.failed(guess)
	}
	return c, err
}

func (p *Provider) prove(ctx context.Context, in Call, cr credentials) (*broker.Client, error) {
	scheme := ""
	if cr.method == "basic" {
		scheme = "Basic"
	}
	c, err := p.client(ctx, in.Realm, cr.clientID)
	if fault.CodeOf(err) == fault.OPClientUnknown && cr.rawID != "" && cr.rawID != cr.clientID {
		c, err = p.client(ctx, in.Realm, cr.rawID)
	}
	if err != nil {
		if code := fault.CodeOf(err); code == fault.OPClientUnknown || code == fault.OPClientDisabled {
			return nil, invalidClient(scheme, err)
		}
		return nil, err
	}
	switch c.TokenEndpointAuthMethod {
	case "none":
		// A public client has no secret; what it sends as one says nothing.
		if cr.method == "assertion" {
			return nil, invalidClient(scheme, nil)
		}
		return c, nil
	case "private_key_jwt":
		if cr.method != "assertion" {
			return nil, invalidClient(scheme, fault.New(fault.Unauthorized, "client %q must use private_key_jwt", c.ClientID))
		}
		return c, p.checkAssertion(ctx, in, c, cr.assertion)
	}
	if (cr.method != "basic" && cr.method != "post") || !secretMatches(c, cr) {
		return nil, invalidClient(scheme, fault.New(fault.Unauthorized, "client %q, method %s", c.ClientID, cr.method))
	}
	return c, nil
}

func secretMatches(c *broker.Client, cr credentials) bool {
	if c.SecretHash == "" {
		return false
	}
	decoded := token.Equal(token.Hash(cr.secret), c.SecretHash)
	raw := cr.rawSecret != "" && token.Equal(token.Hash(cr.rawSecret), c.SecretHash)
	return cr.secret != "" && decoded || raw
}

// isOrigin reports whether a browser's Origin is that of one of the client's redirect URIs: a single-page app calls the
// token and userinfo endpoints from there.
func isOrigin(c *broker.Client, origin string) bool {
	if c == nil || origin == "" || origin == "null" {
		return false
	}
	for _, r := range c.RedirectURIs {
		u, err := url.Parse(r)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") {
			continue
		}
		if u.Scheme+"://"+u.Host == origin {
			return true
		}
		if o, err := url.Parse(origin); err == nil && u.Scheme == "http" && o.Scheme == "http" &&
			broker.IsLoopbackHost(u.Hostname()) && u.Hostname() == o.Hostname() {
			return true
		}
	}
	return false
}

// guesses counts failed authentications per client and address; too many close the door for a minute. The address is
// part of the key, so that nobody can lock a client out from elsewhere.
type guesses struct {
	counts *otter.Cache[string, *atomic.Int32]
}

const (
	guessesAllowed = 30
	guessesFor     = time.Minute
	guessesKept    = 100_000
)

func newGuesses() *guesses {
	return &guesses{otter.Must(&otter.Options[string, *atomic.Int32]{
		MaximumSize: guessesKept, ExpiryCalculator: otter.ExpiryCreating[string, *atomic.Int32](guessesFor),
	})}
}

func (g *guesses) allowed(key string) bool {
	n, ok := g.counts.GetIfPresent(key)
	return !ok || n.Load() < guessesAllowed
}

func (g *guesses) failed(key string) {
	n, _ := g.counts.SetIfAbsent(key, new(atomic.Int32))
	n.Add(1)
}
