package ldap_test

import (
	"context"
	"net"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/ldapd"
)

func dialer(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// A refused service account is left alone by the sign-ins that follow, for ten minutes.
func TestServiceAccountRests(t *testing.T) {
	at := time.Now()
	w := open(t, setup{Options: corp(ldapd.ActiveDirectory), Settings: map[string]any{"bind_password": "old"}, Now: func() time.Time { return at }})
	for range 3 {
		w.refuses(t, "ann", password, fault.LDAPService)
	}
	if n := len(w.Binds()); n != 1 {
		t.Errorf("%d binds", n)
	}
	at = at.Add(11 * time.Minute)
	w.refuses(t, "ann", password, fault.LDAPService)
	if n := len(w.Binds()); n != 2 {
		t.Errorf("%d binds", n)
	}
}

// A directory that breaks off, talks nonsense or too much is its own fault, and nothing of it panics.
func TestBroken(t *testing.T) {
	huge := func(string, string) ([]ldapd.Entry, ldapd.Result, bool) {
		big := make([]byte, 1<<20)
		return []ldapd.Entry{{DN: "uid=ann,dc=corp,dc=example", Attributes: map[string][]string{"description": {string(big)}}}}, ldapd.Result{}, true
	}
	answers := func(entries ...ldapd.Entry) func(string, string) ([]ldapd.Entry, ldapd.Result, bool) {
		return func(string, string) ([]ldapd.Entry, ldapd.Result, bool) { return entries, ldapd.Result{}, true }
	}
	raw := func(op string, b ...byte) func(string, int64) []byte {
		return func(o string, _ int64) []byte {
			if o != op {
				return nil
			}
			return b
		}
	}
	for _, tt := range []struct {
		name string
		lies ldapd.Lies
		want fault.Code
	}{
		{"hangs up at once", ldapd.Lies{Close: ldapd.Connect}, fault.LDAPMode},
		{"hangs up at StartTLS", ldapd.Lies{Close: ldapd.StartTLS}, fault.LDAPMode},
		{"hangs up at the bind", ldapd.Lies{Close: ldapd.Bind}, fault.LDAPUnavailable},
		{"hangs up at the search", ldapd.Lies{Close: ldapd.Search}, fault.LDAPUnavailable},
		{"nonsense at StartTLS", ldapd.Lies{Raw: raw(ldapd.StartTLS, 0x30, 3, 2, 1, 1)}, fault.LDAPAnswer},
		{"a bind's answer at StartTLS", ldapd.Lies{Raw: raw(ldapd.StartTLS, 0x30, 12, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0)}, fault.LDAPAnswer},
		{"nonsense at the bind", ldapd.Lies{Raw: raw(ldapd.Bind, 0x30, 0x80, 1, 2, 3)}, fault.LDAPAnswer},
		{"nonsense at the search", ldapd.Lies{Raw: raw(ldapd.Search, []byte("HTTP/1.1 200 OK")...)}, fault.LDAPAnswer},
		{"too much", ldapd.Lies{Search: huge}, fault.LDAPTooLarge},
		{"somebody without a name", ldapd.Lies{Search: answers(ldapd.Entry{})}, fault.LDAPAnswer},
		{"somebody elsewhere", ldapd.Lies{Search: answers(ldapd.Entry{DN: "uid=ann,dc=other,dc=example"})}, fault.LDAPAnswer},
		{"a name that is none", ldapd.Lies{Search: answers(ldapd.Entry{DN: "ann"})}, fault.LDAPAnswer},
		{"elsewhere altogether", ldapd.Lies{Search: func(string, string) ([]ldapd.Entry, ldapd.Result, bool) {
			return nil, ldapd.Result{Code: 10, Message: "0000202B: RefErr"}, true
		}}, fault.LDAPReferral},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := open(t, setup{Options: corp(ldapd.OpenLDAP)})
			w.Lie(tt.lies)
			w.refuses(t, "ann", password, tt.want)
		})
	}
}

// The references to other servers are named, and not followed.
func TestReferences(t *testing.T) {
	w := open(t, setup{Options: corp(ldapd.ActiveDirectory)})
	w.Lie(ldapd.Lies{References: []string{"ldap://child.corp.example/DC=child,DC=corp,DC=example"}})
	if f := w.refuses(t, "eve", password, fault.LDAPPersonUnknown); f.Confidence != fault.Likely || len(f.Alternatives) != 1 || f.Alternatives[0].Code != fault.LDAPReferral {
		t.Errorf("%+v", f)
	}
}

// A slow directory holds nobody longer than the caller wants.
func TestSlow(t *testing.T) {
	w := open(t, setup{Options: corp(ldapd.OpenLDAP)})
	w.Lie(ldapd.Lies{Delay: 5 * time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := w.provider.Finish(ctx, providers.Request{}, form("ann", password))
	if fault.CodeOf(err) != fault.FetchTimeout || time.Since(began) > 4*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}
