// Package web is where HTTP ends: the gin engine and its middleware, cookies, pages, and the one place that turns a
// fault into an answer. Fronts are mounted on it and know no other.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/templates"
)

// Realms answers a realm's look.
type Realms interface {
	Realm(ctx context.Context, name string) (*broker.Realm, error)
	Client(ctx context.Context, realm, id string) (*broker.Client, error)
}

// Shelf keeps the rare login that is too large for a cookie.
type Shelf interface {
	Put(ctx context.Context, key string, value []byte, expires time.Time) error
	Get(ctx context.Context, key string) ([]byte, error)
}

// Web is what all fronts share.
type Web struct {
	Pages          *templates.Renderer
	Cookies        *Cookies
	Realms         Realms
	Shelf          Shelf
	Limits         *Limits
	Logos          *Logos // nil: realms' logos are not shown
	BaseURL        string
	DemoURL        string // linked from the front page where the demo runs
	TrustedProxies []netip.Prefix
	Log            *slog.Logger
	Now            func() time.Time
	// Trace, if set, is told of every request as it begins, with the pattern of its route and whether a trusted proxy brought
	// it. It answers the context to go on with, and is told the status at the end.
	Trace func(r *http.Request, route string, trusted bool) (context.Context, func(status int))
	// Observe, if set, is told of every answered request.
	Observe func(route, method string, status int, took time.Duration)
	// Refused, if set, is told of every error page that shows a login's reference.
	Refused func(ctx context.Context, l *broker.Login, err error)
	// Astray, if set, takes an answer of an identity provider that came to an address where none belongs; false where the
	// request is none, and nothing has been written then.
	Astray func(c *gin.Context) bool
}

// MaxBody is the largest body that any door takes unless it says otherwise.
const MaxBody = 1 << 20

// Engine makes the gin engine with everything that every request passes.
func (w *Web) Engine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash, e.RedirectFixedPath = false, false
	e.HandleMethodNotAllowed = true
	e.UseRawPath, e.UnescapePathValues = true, true
	e.ContextWithFallback = true
	_ = e.SetTrustedProxies(nil) // ClientIP below knows the proxies
	e.Use(w.around)
	e.NoMethod(w.wrongMethod)
	return e
}

const (
	// csp is the policy of every page. form-action is left to the pages whose forms stay in the house: browsers hold a
	// redirect after a form to it too, and ours lead to identity providers and apps.
	csp = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)

// maxBodyOf is the largest body that a path takes, whatever its door says: network logs are large.
func maxBodyOf(path string) int64 {
	if strings.HasPrefix(path, "/api/") && strings.HasSuffix(path, "/explain") {
		return 6 * MaxBody
	}
	return 2*MaxBody + 64<<10
}

// around is the middleware: headers, bounds, recovery, log.
func (w *Web) around(c *gin.Context) {
	began := w.Now()
	if w.Trace != nil {
		ctx, end := w.Trace(c.Request, c.FullPath(), w.proxied(c.Request))
		c.Request = c.Request.WithContext(ctx)
		defer func() { end(c.Writer.Status()) }()
	}
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", csp)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-store")
	if w.Cookies.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if c.Request.Body != nil && c.Request.Body != http.NoBody {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBodyOf(c.Request.URL.Path))
	}
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			w.Log.ErrorContext(c.Request.Context(), "panic", "panic", p, "path", Logged(c.Request.URL.Path), "stack", stack())
			if !c.Writer.Written() {
				w.Fault(c, fault.New(fault.Internal, "panic"))
			}
			c.Abort()
		}
		took := w.Now().Sub(began)
		if w.Observe != nil {
			w.Observe(c.FullPath(), c.Request.Method, c.Writer.Status(), took)
		}
		if w.Log.Enabled(c.Request.Context(), slog.LevelDebug) {
			w.Log.DebugContext(c.Request.Context(), "request", "method", c.Request.Method, "path", Logged(c.Request.URL.Path), "status", c.Writer.Status(), "took", took)
		}
	}()
	c.Next()
}

// opening are the paths below which a token stands that opens something to whoever has it.
func opening() []string {
	return []string{"/setup/", "/admin/welcome/", "/admin/enrol/", "/admin/signin/done/", "/invite/", "/local/", "/test/"}
}

// Logged is a path as logs may have it: a link's token stays out of it, whole or damaged, since it may be good for days.
func Logged(path string) string {
	for _, p := range opening() {
		before, rest, found := strings.Cut(path, p)
		if !found {
			continue
		}
		parts := strings.Split(rest, "/")
		for i, part := range parts {
			if len(part) >= 16 { // longer than any word of our own
				parts[i] = "***"
			}
		}
		return before + p + strings.Join(parts, "/")
	}
	return path
}

// ClientIP is the address of the person's side: the connection's, or what a trusted proxy says of it. Only the last
// address that no trusted proxy has is believed.
func (w *Web) ClientIP(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip := peer.Addr().Unmap()
	if !w.trusted(ip) {
		return ip.String()
	}
	hops := forwarded(r.Header)
	for i := len(hops) - 1; i >= 0; i-- {
		a, err := parseHop(hops[i])
		if err != nil {
			break
		}
		ip = a.Unmap()
		if !w.trusted(ip) {
			break
		}
	}
	return ip.String()
}

// forwarded lists whom the proxies saw, the nearest last: X-Forwarded-For, else Forwarded (RFC 7239).
func forwarded(h http.Header) []string {
	if all := h.Values("X-Forwarded-For"); len(all) > 0 {
		return strings.Split(strings.Join(all, ","), ",")
	}
	var out []string
	for hop := range strings.SplitSeq(strings.Join(h.Values("Forwarded"), ","), ",") {
		seen := ""
		for pair := range strings.SplitSeq(hop, ";") {
			if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && strings.EqualFold(name, "for") {
				seen = strings.Trim(value, `"`)
			}
		}
		out = append(out, seen)
	}
	return out
}

// parseHop reads an address with or without a port, IPv6 with or without brackets.
func parseHop(s string) (netip.Addr, error) {
	s = strings.TrimSpace(s)
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr(), nil
	}
	return netip.ParseAddr(strings.Trim(s, "[]"))
}

// proxied reports whether a trusted proxy is at the other end.
func (w *Web) proxied(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && w.trusted(peer.Addr().Unmap())
}

func (w *Web) trusted(ip netip.Addr) bool {
	for _, p := range w.TrustedProxies {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
