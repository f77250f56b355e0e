package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
	"cloakroom/store/seal"
)

// bench is an installation in a folder of its own that commands are run on.
type bench struct {
	t    *testing.T
	file string
}

func newBench(t *testing.T) *bench {
	return &bench{t, filepath.Join(t.TempDir(), "cloakroom.db")}
}

// run runs a command and answers its exit code and what it printed.
func (b *bench) run(in string, args ...string) (int, string) {
	b.t.Helper()
	var out bytes.Buffer
	env := []string{"CLOAKROOM_DATABASE_URL=sqlite:" + b.file, "CLOAKROOM_BASE_URL=http://localhost:1", "CLOAKROOM_EGRESS_ALLOW=127.0.0.0/8"}
	code := run(b.t.Context(), args, env, stdio{strings.NewReader(in), &out, &out})
	return code, out.String()
}

func (b *bench) apply(yaml string) {
	b.t.Helper()
	if code, out := b.run(yaml, "apply", "-f", "-"); code != exitOK {
		b.t.Fatalf("apply: %d\n%s", code, out)
	}
}

// key gives a connection a signing key whose certificate ends at a time.
func (b *bench) key(slug, state string, until time.Time) {
	b.t.Helper()
	master, err := seal.LoadOrCreateFile(filepath.Join(filepath.Dir(b.file), "cloakroom.key"))
	if err != nil {
		b.t.Fatal(err)
	}
	ring, err := seal.New(master)
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := store.Open(b.t.Context(), store.Options{URL: "sqlite:" + b.file, Sealer: ring, Now: time.Now})
	if err != nil {
		b.t.Fatal(err)
	}
	defer s.Close()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: until}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		b.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		b.t.Fatal(err)
	}
	k := &broker.Key{ID: state + until.String(), Owner: "connection:" + slug, Alg: "ES256", State: state, Private: der, Certificate: cert, CreatedAt: time.Now()}
	if err := s.Keys.Add(b.t.Context(), k); err != nil {
		b.t.Fatal(err)
	}
}

const samlYAML = `
realms:
  - name: acme
    connections:
      - slug: acme-saml
        protocol: saml
        saml: {entity_id: https://idp.example, sso_url: https://idp.example/sso}
`

func TestDoctorSeesOwnCertificateExpire(t *testing.T) {
	day := 24 * time.Hour
	for _, tt := range []struct {
		name, state string
		left        time.Duration
		expiring    bool
	}{
		{"in ten days", "active", 10 * day, true},
		{"yesterday", "active", -day, true},
		{"in ten years", "active", 3650 * day, false},
		{"a retired one", "retired", day, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.apply(samlYAML)
			until := time.Now().Add(tt.left)
			b.key("acme-saml", tt.state, until)
			_, out := b.run("", "doctor", "acme-saml")
			if got := strings.Contains(out, "warning: doctor.own_certificate_expiring"); got != tt.expiring {
				t.Errorf("expiring %v, want %v:\n%s", got, tt.expiring, out)
			}
			if tt.expiring && (!strings.Contains(out, "Detail: until "+until.UTC().Format(time.DateOnly)) || !strings.Contains(out, "Fix: Run cloakroom keys rotate")) {
				t.Errorf("neither day nor fix:\n%s", out)
			}
		})
	}
}

func TestDoctorComparesClocks(t *testing.T) {
	for _, tt := range []struct {
		name, age string
		ahead     time.Duration // theirs
		detail    string        // "" where the clocks agree
	}{
		{"the same", "", 0, ""},
		{"a little", "", 10 * time.Second, ""},
		{"theirs behind", "", -time.Hour, "ours is 1h0m"},
		{"theirs ahead", "", 10 * time.Minute, "behind 127.0.0.1"},
		{"a cached answer", "3600", -time.Hour, ""},
		{"a cached answer with nonsense", "-x", -time.Hour, "ahead of 127.0.0.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", time.Now().Add(tt.ahead).UTC().Format(http.TimeFormat))
				if tt.age != "" {
					w.Header().Set("Age", tt.age)
				}
				w.WriteHeader(http.StatusNotFound) // the clock is read of any answer
			}))
			defer srv.Close()
			b := newBench(t)
			b.apply(strings.ReplaceAll(`
realms:
  - name: acme
    connections:
      - slug: acme-oidc
        protocol: oidc
        oidc: {issuer: ISSUER, client_id: c, client_secret: s}
`, "ISSUER", srv.URL))
			_, out := b.run("", "doctor", "acme-oidc")
			if found := strings.Contains(out, "warning: doctor.clock"); found != (tt.detail != "") || !strings.Contains(out, tt.detail) {
				t.Errorf("want %q:\n%s", tt.detail, out)
			}
			if agrees := strings.Contains(out, "agrees with 127.0.0.1"); agrees != (tt.detail == "") {
				t.Errorf("agrees: %v\n%s", agrees, out)
			}
		})
	}
}

func TestDoctorReachesItsOwnAddress(t *testing.T) {
	status := http.StatusOK
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			t.Errorf("asked for %s", r.URL)
		}
		w.WriteHeader(status)
	}))
	defer srv.Close()
	b := newBench(t)
	b.apply("realms: [{name: acme}]")
	code, out := b.run("", "doctor", "--base-url", srv.URL)
	if code != exitOK || !strings.Contains(out, "address        "+srv.URL) || strings.Contains(out, "doctor.base_url\n") {
		t.Errorf("reachable: %d\n%s", code, out)
	}
	status = http.StatusBadGateway // a proxy whose broker is not there
	code, out = b.run("", "doctor", "--base-url", srv.URL)
	if code != exitOK || !strings.Contains(out, "warning: doctor.base_url\n") || !strings.Contains(out, "/healthz answers 502") {
		t.Errorf("behind a proxy that has lost it: %d\n%s", code, out)
	}
}
