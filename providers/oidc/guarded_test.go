package oidc_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"cloakroom/broker/egress"
	"cloakroom/broker/fault"
	"cloakroom/providers/providertest/oidcop"
)

// guarded opens the connection with the client that the broker really uses.
func (x *party) guarded(allow ...string) {
	var networks []netip.Prefix
	for _, a := range allow {
		networks = append(networks, netip.MustParsePrefix(a))
	}
	x.set.HTTP = egress.Client(egress.Options{Allow: networks, Timeout: 2 * time.Second})
	x.set.OneHop = egress.WithoutRedirects(x.set.HTTP)
	x.open()
}

// Behind the guard the probes judge as they do without it, and the guard holds against where a provider leads them.
func TestProbesBehindTheGuard(t *testing.T) {
	x := imitating(t, oidcop.LikeKeycloak, nil)
	x.guarded("127.0.0.0/8")
	for _, check := range []string{"passive", "secret"} {
		if f := x.finding(check); verdict(f) != "proved" {
			t.Errorf("%s: %+v", check, f)
		}
	}
	x.guarded()
	if f := x.finding("discovery"); fault.CodeOf(f.Err) != fault.FetchBlocked {
		t.Errorf("%+v", f)
	}

	var inside atomic.Int32
	private := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside.Add(1) }))
	_ = private.Listener.Close()
	listener, err := net.Listen("tcp", "127.0.0.9:0")
	if err != nil {
		t.Skip("no second loopback address: ", err)
	}
	private.Listener = listener
	private.Start()
	defer private.Close()
	lead := func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, private.URL+"/metadata", http.StatusFound)
		return true
	}
	x.op.Lie(oidcop.Lies{Endpoint: take{"authorize": lead, "token": lead}})
	x.guarded("127.0.0.1/32")
	if f := x.finding("passive"); verdict(f) != "silent" {
		t.Errorf("%+v", f)
	}
	if f := x.finding("secret"); fault.CodeOf(f.Err) != fault.FetchRedirect {
		t.Errorf("%+v", f)
	}
	x.op.Lie(oidcop.Lies{Endpoint: take{".well-known/openid-configuration": lead}})
	if f := x.finding("discovery"); fault.CodeOf(f.Err) != fault.FetchBlocked {
		t.Errorf("%+v", f)
	}
	if inside.Load() != 0 {
		t.Errorf("the private server was called %d times", inside.Load())
	}
}
