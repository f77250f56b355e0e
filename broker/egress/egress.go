// Package egress is the one way out: the HTTP client behind every fetch of metadata, discovery, keys, tokens and
// webhooks (contract, section 6, "Going out"). Whom the broker calls is chosen by whoever configures a connection, so
// each call is bounded in time, size and redirects, never reaches into private networks, and a host that hangs costs
// nobody else anything.
//
// Every error of the client's Do unwraps to a *fault.Error. A response's body has been read in full by the time Do
// returns, so a body too large, too slow or broken is an error of Do as well, and a body needs no limit at its reader.
package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"cloakroom/broker/fault"
)

// Options of a client; the zero value is the strictest and good for production.
type Options struct {
	// Allow lists the private or loopback networks that may be called (CLOAKROOM_EGRESS_ALLOW).
	Allow []netip.Prefix
	// Timeout bounds a whole call: waiting for a free slot, every redirect, the last byte of the body. Default 10 s.
	Timeout time.Duration
	// MaxBody bounds a response's body after decompression. Default 1 MiB.
	MaxBody int64
	// UserAgent is sent where the request names none.
	UserAgent string
	// Resolver replaces the system's.
	Resolver *net.Resolver
	// TLS is copied; roots of a private PKI, for instance. Versions below 1.2 are never spoken.
	TLS *tls.Config
	// PerHost bounds the calls under way to one host. Default 128.
	PerHost int
	// Failures in a row (network, time-out, 5xx) after which a host is left alone for OpenFor; then one call probes it.
	// Defaults 5 and 10 s.
	Failures int
	OpenFor  time.Duration
	// Trace, if set, is told of every call: its method and the host that it goes to. What it answers is told how it ended.
	Trace func(ctx context.Context, method, host string) (context.Context, func(status int, err error))
}

const maxRedirects = 3

func (o *Options) defaults() {
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 1 << 20
	}
	if o.UserAgent == "" {
		o.UserAgent = "Cloakroom"
	}
	if o.PerHost <= 0 {
		o.PerHost = 128
	}
	if o.Failures <= 0 {
		o.Failures = 5
	}
	if o.OpenFor <= 0 {
		o.OpenFor = 10 * time.Second
	}
}

// Client makes the guarded client. It is meant to be made once and shared: limits and circuit breakers are per client.
func Client(o Options) *http.Client {
	o.defaults()
	return &http.Client{Transport: &guard{
		options: o,
		hosts:   newHosts(o.PerHost, o.Failures, o.OpenFor),
		inner:   &http.Client{Transport: transport(o), CheckRedirect: checkRedirect},
	}}
}

// Watch has every call of a client made by Client told to trace, as Options.Trace does. It is for the time before the
// client is used.
func Watch(c *http.Client, trace func(ctx context.Context, method, host string) (context.Context, func(status int, err error))) {
	if g, ok := c.Transport.(*guard); ok {
		g.options.Trace = trace
	}
}

// WithoutRedirects is a client made by Client, with its limits and breakers shared, that follows no redirect but answers
// it: a probe looks at each before it goes on. Another client only loses its redirects.
func WithoutRedirects(c *http.Client) *http.Client {
	last := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	out := *c
	out.CheckRedirect = last
	if g, ok := c.Transport.(*guard); ok {
		one := *g
		inner := *g.inner
		inner.CheckRedirect = last
		one.inner = &inner
		out.Transport = &one
	}
	return &out
}

func transport(o Options) *http.Transport {
	tlsConfig := &tls.Config{}
	if o.TLS != nil {
		tlsConfig = o.TLS.Clone()
	}
	tlsConfig.MinVersion = max(tlsConfig.MinVersion, tls.VersionTLS12)
	dialer := &net.Dialer{Timeout: o.Timeout, Resolver: o.Resolver, Control: addressFilter(o.Allow)}
	return &http.Transport{
		Proxy:                  nil, // a proxy would dial for us, past the address filter
		DialContext:            dialer.DialContext,
		TLSClientConfig:        tlsConfig,
		TLSHandshakeTimeout:    o.Timeout,
		ResponseHeaderTimeout:  o.Timeout,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        60 * time.Second,
	}
}

// checkRedirect follows at most three redirects of a GET, never from https to http.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first, last := via[0], via[len(via)-1]
	from, to := last.URL.Redacted(), req.URL.Redacted()
	switch {
	case first.Method != http.MethodGet && first.Method != http.MethodHead:
		return fault.New(fault.FetchRedirect, "%s answers a %s with a redirect to %s", from, first.Method, to)
	case len(via) > maxRedirects:
		return fault.New(fault.FetchRedirect, "%s forwards more than %d times", first.URL.Redacted(), maxRedirects)
	case req.URL.Scheme != "http" && req.URL.Scheme != "https", last.URL.Scheme == "https" && req.URL.Scheme != "https":
		return fault.New(fault.FetchRedirect, "%s forwards to %s", from, to)
	}
	return nil
}

// guard wraps a whole call, redirects and body included, so that one deadline and one breaker see all of it.
type guard struct {
	options Options
	hosts   *hosts
	inner   *http.Client
}

// RoundTrip answers with a body already read.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "http" && req.URL.Scheme != "https" || req.URL.Host == "" {
		closeBody(req)
		return nil, fault.New(fault.FetchBlocked, "%s is not an http or https address", req.URL.Redacted())
	}
	if g.options.Trace != nil {
		return g.traced(req)
	}
	return g.call(req)
}

// traced is call with somebody told of it.
func (g *guard) traced(req *http.Request) (*http.Response, error) {
	ctx, end := g.options.Trace(req.Context(), req.Method, req.URL.Hostname())
	resp, err := g.call(req.WithContext(ctx))
	status := 0
	if resp != nil {
		status = resp.StatusCode
	}
	end(status, err)
	return resp, err
}

func (g *guard) call(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), g.options.Timeout)
	defer cancel()
	done, err := g.hosts.enter(ctx, req.URL.Host)
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := g.do(ctx, req)
	done(outcomeOf(req.Context(), resp, err))
	return resp, g.completed(ctx, err)
}

func (g *guard) do(ctx context.Context, req *http.Request) (*http.Response, error) {
	out := req.Clone(ctx)
	out.RequestURI = ""
	if out.Header.Get("User-Agent") == "" {
		out.Header.Set("User-Agent", g.options.UserAgent)
	}
	resp, err := g.inner.Do(out)
	if err != nil {
		return nil, forwarded(req.URL, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, g.options.MaxBody+1))
	if err != nil {
		return nil, Classify(err)
	}
	if int64(len(body)) > g.options.MaxBody {
		return nil, fault.New(fault.FetchTooLarge, "%s answers with more than %d bytes", req.URL.Redacted(), g.options.MaxBody)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, nil
}

// forwarded is Classify for a call that may have failed behind a redirect, which whoever gave the address must then know.
func forwarded(asked *url.URL, err error) error {
	out := Classify(err)
	var at *url.Error
	if !errors.As(err, &at) {
		return out
	}
	to, perr := url.Parse(at.URL)
	f := fault.As(out)
	if perr != nil || to.Host == asked.Host || f.Code == fault.FetchRedirect {
		return out
	}
	moved := *f
	moved.Telling("%s forwards to %s", asked.Host, f.Said.Of(f.Detail))
	return &moved
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// outcomeOf says what a call tells of the host's health. A caller that went away says nothing, and neither does an
// address that is never dialled.
func outcomeOf(caller context.Context, resp *http.Response, err error) outcome {
	switch {
	case caller.Err() != nil && errors.Is(caller.Err(), context.Canceled):
		return unknown
	case err == nil && resp.StatusCode < 500:
		return healthy
	case err == nil:
		return failed
	}
	switch fault.CodeOf(err) {
	case fault.FetchBlocked:
		return unknown
	case fault.FetchTooLarge, fault.FetchRedirect, fault.FetchFormat:
		return healthy
	}
	return failed
}

// addressFilter looks at the address about to be dialled, after name resolution, so a name that changes its address
// between check and use gains nothing.
func addressFilter(allow []netip.Prefix) func(network, address string, _ syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return fault.New(fault.FetchBlocked, "%s is not an address", address)
		}
		if !Reachable(ap.Addr(), allow) {
			return fault.New(fault.FetchBlocked, "the address is %s", ap.Addr().Unmap())
		}
		return nil
	}
}
