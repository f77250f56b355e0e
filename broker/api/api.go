// Package api is the admin REST API (contract, section 4) over the verbs of broker/admin. It knows HTTP and nothing of
// what the verbs do: who may do what, what is valid and what is audited is decided there.
package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/maypok86/otter/v2"

	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

// Root is where the API is mounted.
const Root = "/api/v1"

// Largest bodies: a connection may carry metadata of 1 MiB, which JSON makes longer.
const (
	maxBody           = 1 << 20
	maxConnectionBody = 2 << 20
)

// API is the front.
type API struct {
	Admin *admin.Service
	// ClientIP is the address that a request comes from, as the trusted proxies tell it.
	ClientIP func(r *http.Request) string
	// AllowFailure takes one from an address's allowance of wrong keys. An address that has none left is not listened to
	// for a minute, whatever key it sends.
	AllowFailure func(ip string) bool
	Log          *slog.Logger
	Version      string

	banned *otter.Cache[string, struct{}]
}

// New completes an API.
func New(a API) *API {
	a.banned = otter.Must(&otter.Options[string, struct{}]{MaximumSize: 100_000, ExpiryCalculator: otter.ExpiryWriting[string, struct{}](banFor)})
	return &a
}

const banFor = time.Minute

type contextKey int

const (
	actorKey contextKey = iota
	bodyKey
	addressKey
)

func actorOf(ctx context.Context) admin.Actor {
	a, _ := ctx.Value(actorKey).(admin.Actor)
	return a
}

func bodyOf(ctx context.Context) []byte {
	b, _ := ctx.Value(bodyKey).([]byte)
	return b
}

func addressOf(ctx context.Context) string {
	s, _ := ctx.Value(addressKey).(string)
	return s
}

// authenticate lets in who holds a key.
func (a *API) authenticate(c huma.Context, next func(huma.Context)) {
	actor, err := a.actor(c)
	if err != nil {
		a.refuse(c, err)
		return
	}
	next(huma.WithValue(c, actorKey, actor))
}

func (a *API) actor(c huma.Context) (admin.Actor, error) {
	ip := addressOf(c.Context())
	if _, out := a.banned.GetIfPresent(ip); out {
		return admin.Actor{}, fault.New(fault.RateLimited, "wrong keys from %s", ip)
	}
	scheme, key, _ := strings.Cut(c.Header("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		key = ""
	}
	actor, err := a.Admin.Authenticate(c.Context(), strings.TrimSpace(key))
	if fault.CodeOf(err) == fault.Unauthorized && key != "" && !a.AllowFailure(ip) {
		a.banned.Set(ip, struct{}{})
	}
	actor.RemoteIP = ip
	return actor, err
}

// read takes the request's body, for the operations that have one.
func (a *API) read(limit int64) func(c huma.Context, next func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		r := c.BodyReader()
		if r == nil {
			r = http.NoBody
		}
		b, err := io.ReadAll(io.LimitReader(r, limit+1))
		switch {
		case int64(len(b)) > limit:
			a.refuse(c, fault.New(fault.TooLarge, "at most %d KiB are taken here", limit>>10))
		case err != nil:
			a.refuse(c, fault.Wrap(fault.Malformed, err, "the body could not be read"))
		default:
			next(huma.WithValue(c, bodyKey, b))
		}
	}
}

// match reads an If-Match header (RFC 9110, section 13.1.1): entity tags of ours are versions in quotes.
func match(header string) admin.Match {
	header = strings.TrimSpace(header)
	if header == "" || header == "*" {
		return nil
	}
	out := admin.Match{}
	for _, tag := range strings.Split(header, ",") {
		tag = strings.Trim(strings.TrimPrefix(strings.TrimSpace(tag), "W/"), `"`)
		if v, err := strconv.ParseInt(tag, 10, 64); err == nil {
			out = append(out, v)
		}
	}
	return out
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }
