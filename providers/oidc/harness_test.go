package oidc_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/oidc"
	"cloakroom/providers/providertest/oidcop"
)

const (
	clientID = "app & co" // percent-encoding matters in client_secret_basic
	secret   = "s3cret:with/odd+chars%20and more than thirty-two bytes"
	callback = "https://sso.example/broker/acme/endpoint"
)

type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) forward(d time.Duration) { c.offset.Add(int64(d)) }

// party is one provider under test and the OP it talks to.
type party struct {
	t      *testing.T
	op     *oidcop.OP
	srv    *httptest.Server
	clock  *clock
	set    providers.Settings
	p      providers.Provider
	memory []byte
}

func ada() oidcop.User {
	return oidcop.User{Username: "ada", Subject: "u-1", Email: "ada@acme.example", EmailVerified: true, Name: "Ada Byron",
		GivenName: "Ada", FamilyName: "Byron", Groups: []string{"staff", "math"}}
}

// begin makes an OP and opens a connection to it; the functions change options and settings before.
func begin(t *testing.T, preset string, settings map[string]any, change ...func(*oidcop.Options)) *party {
	t.Helper()
	x := &party{t: t, clock: &clock{}}
	x.srv = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { x.op.ServeHTTP(w, r) }))
	issuer := "http://" + x.srv.Listener.Addr().String()
	o := oidcop.Options{Issuer: issuer, Now: x.clock.now, AutoApprove: "ada", Users: []oidcop.User{ada()}, Algorithm: "ES256",
		Clients: []oidcop.Client{{ID: clientID, Secret: secret, RedirectURIs: []string{callback}}}}
	for _, f := range change {
		f(&o)
	}
	x.op = oidcop.New(o)
	x.srv.Start()
	t.Cleanup(x.srv.Close)
	config := map[string]any{"issuer": o.Issuer, "client_id": clientID, "client_secret": secret, "clock_skew": "60s"}
	for k, v := range settings {
		config[k] = v
	}
	x.set = providers.Settings{Slug: "acme", Preset: preset, CallbackURL: callback, HTTP: &http.Client{Timeout: 2 * time.Second}, Now: x.clock.now,
		Remember: func(_ context.Context, b []byte) error { x.memory = b; return nil }}
	x.set.Config, _ = json.Marshal(config)
	x.open()
	return x
}

func (x *party) open() {
	x.t.Helper()
	p, err := oidc.Protocol{}.Open(x.set)
	if err != nil {
		x.t.Fatal(err)
	}
	x.p = p
}

func (x *party) request() providers.Request {
	return providers.Request{Handle: strings.Repeat("h", 43), Secret: []byte(strings.Repeat("s", 32)), CallbackURL: callback, Issued: x.clock.now()}
}

// answer plays the browser: it follows the challenge to the OP and brings back what the OP says.
func (x *party) answer(r providers.Request) providers.Reply {
	x.t.Helper()
	c, err := x.p.Start(x.t.Context(), r)
	if err != nil {
		x.t.Fatal("start: ", err)
	}
	resp, err := x.browser().Get(c.URL)
	if err != nil {
		x.t.Fatal(err)
	}
	defer resp.Body.Close()
	to, err := resp.Location()
	if err != nil {
		b, _ := io.ReadAll(resp.Body)
		x.t.Fatalf("the OP answers %d: %s", resp.StatusCode, b)
	}
	return providers.Reply{Method: "GET", URL: to, Query: to.Query()}
}

// browser reaches the OP under whatever name it goes, and stops where it is sent away.
func (x *party) browser() *http.Client {
	return &http.Client{Transport: reroute{x.srv.Listener.Addr().String()},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (x *party) login() (providers.Identity, error) {
	x.t.Helper()
	r := x.request()
	return x.p.Finish(x.t.Context(), r, x.answer(r))
}

func (x *party) mustLogin() providers.Identity {
	x.t.Helper()
	idn, err := x.login()
	if err != nil {
		x.t.Fatal(err)
	}
	return idn
}

// refused expects a code, an empty identity, and a fault that has cause and fix.
func (x *party) refused(want fault.Code) *fault.Error {
	x.t.Helper()
	idn, err := x.login()
	return wantFault(x.t, idn, err, want)
}

func wantFault(t *testing.T, idn providers.Identity, err error, want fault.Code) *fault.Error {
	t.Helper()
	if fault.CodeOf(err) != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	if idn.Subject != "" || idn.Attributes != nil || idn.IDToken != "" {
		t.Errorf("a refused answer left %v", idn)
	}
	if fault.Lookup(want).Cause == fault.Lookup(fault.Internal).Cause {
		t.Errorf("%s is not in the catalogue", want)
	}
	if strings.Contains(err.Error(), secret) {
		t.Errorf("the fault quotes the secret: %v", err)
	}
	return fault.As(err)
}

func query(pairs ...string) providers.Reply {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return providers.Reply{Method: "GET", URL: &url.URL{RawQuery: v.Encode()}, Query: v}
}
