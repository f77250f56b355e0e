package egress_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloakroom/broker/egress"
	"cloakroom/broker/fault"
)

// authority can issue certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func issue(t *testing.T, by *authority, change func(*x509.Certificate)) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "Test"}, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	change(c)
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{parsed, key}
}

func ca(name string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.Subject.CommonName, c.IsCA = name, true }
}

// server answers over TLS with the certificates given.
func server(t *testing.T, change func(*tls.Config), chain ...*authority) string {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	own := tls.Certificate{PrivateKey: chain[0].key}
	for _, c := range chain {
		own.Certificate = append(own.Certificate, c.cert.Raw)
	}
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{own}}
	if change != nil {
		change(srv.TLS)
	}
	srv.Config.ErrorLog = nil
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL
}

func host(c *x509.Certificate) {
	c.IPAddresses, c.ExtKeyUsage = []net.IP{net.IPv4(127, 0, 0, 1)}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
}

// What is wrong with a TLS server has a fault each; an intermediate that was not sent is told from an authority that
// nobody knows by fetching it, and the connection is refused in either case.
func TestTLSFaults(t *testing.T) {
	root := issue(t, nil, ca("Root"))
	middle := issue(t, root, ca("Middle"))
	foreign := issue(t, nil, ca("Foreign"))
	var asked atomic.Int32
	depot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/middle":
			_, _ = w.Write(middle.cert.Raw)
		case "/foreign":
			_, _ = w.Write(foreign.cert.Raw)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}
	}))
	t.Cleanup(depot.Close)
	leaf := func(by *authority, aia string, more ...func(*x509.Certificate)) *authority {
		return issue(t, by, func(c *x509.Certificate) {
			host(c)
			if aia != "" {
				c.IssuingCertificateURL = []string{aia}
			}
			for _, f := range more {
				f(c)
			}
		})
	}
	pool := x509.NewCertPool()
	pool.AddCert(root.cert)
	for _, tt := range []struct {
		name   string
		url    string
		want   fault.Code
		detail string
		asked  int32
	}{
		{"whole chain", server(t, nil, leaf(middle, ""), middle), "", "", 0},
		{"chain incomplete", server(t, nil, leaf(middle, depot.URL+"/middle")), fault.FetchChain, `"Middle"`, 1},
		{"authority unknown", server(t, nil, leaf(foreign, depot.URL+"/foreign")), fault.FetchUntrusted, "", 1},
		{"the issuer's address gives another certificate", server(t, nil, leaf(foreign, depot.URL+"/middle")), fault.FetchUntrusted, "", 1},
		{"the issuer's address loops", server(t, nil, leaf(middle, depot.URL+"/loop")), fault.FetchUntrusted, "", 4},
		{"the issuer's address never ends", server(t, nil, leaf(middle, depot.URL+"/endless")), fault.FetchUntrusted, "", 1},
		{"the issuer's address is private", server(t, nil, leaf(middle, "http://10.1.2.3/ca")), fault.FetchUntrusted, "", 0},
		{"no issuer's address", server(t, nil, leaf(middle, "")), fault.FetchUntrusted, "", 0},
		{"self-signed", server(t, nil, issue(t, nil, host)), fault.FetchUntrusted, "", 0},
		{"other host", server(t, nil, leaf(middle, "", func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"sso.acme.example"} }), middle), fault.FetchHostName, "", 0},
		{"expired", server(t, nil, leaf(middle, "", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), middle), fault.FetchExpired, "", 0},
		{"old TLS", server(t, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, leaf(middle, ""), middle), fault.FetchOldTLS, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked.Store(0)
			begun := time.Now()
			_, err := client(egress.Options{TLS: &tls.Config{RootCAs: pool}}).Get(tt.url)
			if got := code(t, err); got != tt.want {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			if tt.want != "" && !strings.Contains(err.Error(), tt.detail) {
				t.Errorf("%v does not name %s", err, tt.detail)
			}
			if n := asked.Load(); n != tt.asked {
				t.Errorf("%d certificates were asked for, want %d", n, tt.asked)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
	_, err := client(egress.Options{TLS: &tls.Config{RootCAs: pool}}).Get(server(t, nil, leaf(middle, "", func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"sso.acme.example"} }), middle))
	if f := fault.As(err); f.Observed != "sso.acme.example" || f.Expected != "127.0.0.1" {
		t.Errorf("observed %q, expected %q", f.Observed, f.Expected)
	}
}

// A probe's client answers a redirect instead of following it, and stays guarded.
func TestWithoutRedirects(t *testing.T) {
	var reached atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "/there", http.StatusFound)
			return
		}
		reached.Add(1)
	}))
	defer srv.Close()
	for _, c := range []*http.Client{egress.WithoutRedirects(client(egress.Options{})), egress.WithoutRedirects(srv.Client())} {
		resp, err := c.Get(srv.URL + "/away")
		if err != nil || resp.StatusCode != http.StatusFound || reached.Load() != 0 {
			t.Fatalf("%v, %v, %d", resp, err, reached.Load())
		}
		if to, err := resp.Location(); err != nil || to.Path != "/there" {
			t.Errorf("%v, %v", to, err)
		}
	}
	if _, err := egress.WithoutRedirects(egress.Client(egress.Options{})).Get(srv.URL); code(t, err) != fault.FetchBlocked {
		t.Errorf("a private address: %v", err)
	}
}

// Whoever gave an address learns that it forwards to one that is not called.
func TestForwardsToPrivateAddress(t *testing.T) {
	srv := httptest.NewServer(http.RedirectHandler("http://10.9.8.7/inside", http.StatusFound))
	defer srv.Close()
	_, err := client(egress.Options{}).Get(srv.URL)
	if code(t, err) != fault.FetchBlocked || !strings.Contains(err.Error(), strings.TrimPrefix(srv.URL, "http://")+" forwards to 10.9.8.7") {
		t.Errorf("%v", err)
	}
}
