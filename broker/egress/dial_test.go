package egress_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/egress"
	"cloakroom/broker/fault"
)

// The dialler keeps to the address filter, and its faults name the address.
func TestDialer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	open := l.Addr().String()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	shut := gone.Addr().String()
	_ = gone.Close()
	defer l.Close()
	loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for _, tt := range []struct {
		name, address string
		allow         []netip.Prefix
		want          fault.Code
	}{
		{"allowed", open, loopback, ""},
		{"loopback by default", open, nil, fault.FetchBlocked},
		{"link-local", "169.254.169.254:636", nil, fault.FetchBlocked},
		{"private although loopback is allowed", "10.0.0.1:636", loopback, fault.FetchBlocked},
		{"by name", "localhost:" + open[strings.LastIndexByte(open, ':')+1:], nil, fault.FetchBlocked},
		{"nobody listens", shut, loopback, fault.FetchRefused},
		{"no such name", "ldap.invalid:636", loopback, fault.FetchDNS},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := egress.Dialer(egress.Options{Allow: tt.allow, Timeout: 2 * time.Second})(t.Context(), "tcp", tt.address)
			if fault.CodeOf(err) != tt.want {
				t.Fatalf("%v, want %s", err, tt.want)
			}
			if err == nil {
				_ = c.Close()
				return
			}
			host, _, _ := net.SplitHostPort(tt.address)
			if !strings.Contains(fault.As(err).Detail, host) {
				t.Errorf("%q does not name the address", fault.As(err).Detail)
			}
		})
	}
}
