package directory

import (
	"context"
	"errors"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// touchEvery bounds how often using a token costs a write.
const touchEvery = time.Minute

// Authenticate answers whose token an Authorization header holds. Tokens carry 256 random bits and are compared by hash,
// so nothing is learnt from how long it takes. The fault says what is wrong with the token, for the request log: whoever
// shows no valid one must not be told.
func (e *Engine) Authenticate(ctx context.Context, slug, authorization string) (Caller, error) {
	c := Caller{}
	if !broker.ValidName(slug) {
		return c, fault.New(fault.SCIMPath, "")
	}
	conn, err := e.Config.Connection(ctx, slug)
	if errors.Is(err, broker.ErrNotFound) {
		return c, fault.New(fault.SCIMPath, "")
	}
	if err != nil {
		return c, err
	}
	c.Conn = conn
	presented, err := presentedToken(authorization)
	if err != nil {
		return c, err
	}
	c.Token, err = e.Tokens.ByHash(ctx, broker.HashToken(presented))
	if errors.Is(err, broker.ErrNotFound) {
		return c, unknownToken(presented)
	}
	if err != nil {
		return c, err
	}
	return c, e.good(ctx, c)
}

// good reports what is wrong with a token that was made here, and notes its use if nothing is.
func (e *Engine) good(ctx context.Context, c Caller) error {
	now, t := e.Now(), c.Token
	switch {
	case t.Connection != c.Conn.Slug || t.Realm != c.Conn.Realm:
		return fault.New(fault.SCIMTokenElsewhere, "")
	case t.State(now) == broker.SCIMTokenRevoked:
		return fault.New(fault.SCIMTokenRevoked, "%q (…%s), on %s", t.Name, t.Hint, t.RevokedAt.UTC().Format(time.DateTime))
	case t.State(now) == broker.SCIMTokenExpired:
		return fault.New(fault.SCIMTokenExpired, "%q (…%s), on %s", t.Name, t.Hint, t.ExpiresAt.UTC().Format(time.DateTime))
	case now.Sub(t.LastUsedAt) >= touchEvery:
		return e.Tokens.Touch(ctx, t.ID, now)
	}
	return nil
}

// presentedToken is the token of an Authorization header.
func presentedToken(header string) (string, error) {
	header = strings.TrimSpace(header)
	words := strings.Fields(header)
	bearer := func(i int) bool { return i < len(words) && strings.EqualFold(words[i], "Bearer") }
	switch {
	case len(words) == 0, len(words) == 1 && bearer(0):
		return "", fault.New(fault.SCIMTokenMissing, "")
	case bearer(0) && bearer(1):
		return "", fault.New(fault.SCIMTokenDoubled, "the header begins with Bearer Bearer")
	case len(words) == 2 && bearer(0):
		return strings.Trim(words[1], `"'`), nil
	case len(words) == 1: // Okta sends what stands in its field, which may be the token alone
		return strings.Trim(words[0], `"'`), nil
	}
	return "", fault.New(fault.SCIMTokenUnknown, "the header has %d words", len(words))
}

// unknownToken tells a damaged token from one that was never ours.
func unknownToken(presented string) error {
	ours := strings.HasPrefix(presented, broker.SCIMTokenPrefix)
	switch {
	case ours && len(presented) < broker.SCIMTokenSize:
		return fault.New(fault.SCIMTokenTruncated, "%d of %d characters", len(presented), broker.SCIMTokenSize)
	case ours && len(presented) > broker.SCIMTokenSize:
		return fault.New(fault.SCIMTokenTruncated, "%d characters in place of %d", len(presented), broker.SCIMTokenSize)
	case !ours && strings.Contains(presented, broker.SCIMTokenPrefix):
		return fault.New(fault.SCIMTokenTruncated, "something stands before the token")
	}
	return fault.New(fault.SCIMTokenUnknown, "%d characters", len(presented))
}

// Record keeps a request for the log that operators and the customer's administrator see; kind is what it was about:
// Users, Groups or something else. A request does not fail because its line could not be written.
func (e *Engine) Record(ctx context.Context, c Caller, r broker.DirectoryRequest, kind string) {
	r.Realm, r.Connection, r.RemoteIP = c.Conn.Realm, c.Conn.Slug, c.RemoteIP
	if c.Token != nil && c.Token.Connection == c.Conn.Slug {
		r.Token = c.Token.Name
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordLimit)
	defer cancel()
	if err := e.Requests.Add(ctx, r, kind); err != nil {
		e.Log.WarnContext(ctx, "a request of a directory is not logged", "connection", r.Connection, "error", err)
	}
}

const recordLimit = 5 * time.Second
