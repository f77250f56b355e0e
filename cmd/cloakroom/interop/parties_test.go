//go:build interop

package interop

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// site is a party of the town: an address, and a name in links and logs.
type site struct {
	*process
	URL string
}

// folder is one that a server running as another user can read as well.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cloakroom-interop-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func writeFile(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// writePair makes a key and a self-signed certificate: name.pem and name.crt.
func writePair(t *testing.T, dir, name, host string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	writeFile(t, filepath.Join(dir, name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// simpleSAML runs SimpleSAMLphp as identity provider. sps are the addresses of our metadata, each with the settings that
// its administrator adds.
func simpleSAML(t *testing.T, trusted string, sps map[string]obj) site {
	t.Helper()
	dir, port := folder(t), freePort(t)
	s := site{URL: "http://saml.localhost:" + port}
	writePair(t, dir, "idp", "saml.localhost")
	known, err := json.Marshal(sps)
	if err != nil {
		t.Fatal(err)
	}
	s.process = run(t, "SimpleSAMLphp", port, env(
		"SIMPLESAMLPHP_CONFIG_DIR", asset(t, "simplesamlphp"), "INTEROP_SELF", s.URL, "INTEROP_DIR", dir,
		"INTEROP_SPS", string(known), "INTEROP_TRUSTED", trusted, "PHP_CLI_SERVER_WORKERS", "4",
	), "php", "-d", "error_reporting=0", "-S", "127.0.0.1:"+port, "-t", "/usr/share/simplesamlphp/www")
	t.Cleanup(func() {
		if t.Failed() {
			b, _ := os.ReadFile(filepath.Join(dir, "simplesamlphp.log"))
			t.Logf("SimpleSAMLphp's own log:\n%s", tail(string(b), 6000))
		}
	})
	return s
}

// openIDProvider runs oidc-provider with the clients at address.
func openIDProvider(t *testing.T, port string, clients []obj) site {
	t.Helper()
	s := site{URL: "http://op.localhost:" + port}
	b, err := json.Marshal(clients)
	if err != nil {
		t.Fatal(err)
	}
	s.process = run(t, "oidc-provider", port, env("ISSUER", s.URL, "PORT", port, "CLIENTS", string(b)), "node", asset(t, "op.mjs"))
	asset(t, "node_modules/oidc-provider")
	return s
}

// openIDClient runs an application on openid-client; without a secret it signs what it asks for.
func openIDClient(t *testing.T, b *broker, port, id, secret string) site {
	t.Helper()
	s := site{URL: "http://app.localhost:" + port}
	s.process = run(t, id, port, env("ISSUER", b.issuer(), "SELF", s.URL, "CLIENT_ID", id, "CLIENT_SECRET", secret), "node", asset(t, "app.mjs"))
	return s
}

// apache runs mod_auth_openidc with an answer by query or form_post.
func apache(t *testing.T, b *broker, port, mode, secret string) site {
	t.Helper()
	dir := folder(t)
	s := site{URL: "https://apache.localhost:" + port}
	writePair(t, dir, "tls", "apache.localhost")
	for _, name := range []string{"secure/index.shtml", "out.html"} {
		page, err := os.ReadFile(asset(t, "apache/"+name))
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, "docs", name), page)
	}
	s.process = run(t, "Apache "+mode, port, env(
		"INTEROP_DIR", dir, "INTEROP_PORT", port, "INTEROP_MODULES", "/usr/lib/apache2/modules", "INTEROP_SELF", s.URL,
		"INTEROP_ISSUER", b.issuer(), "INTEROP_SECRET", secret, "INTEROP_MODE", mode, "INTEROP_USER", "www-data",
	), "/usr/sbin/apache2", "-D", "FOREGROUND", "-f", asset(t, "apache/httpd.conf"))
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Logf("Apache's own log:\n%s", tail(string(log), 6000))
		}
	})
	return s
}

// spa serves the single-page application on keycloak-js.
func spa(t *testing.T, b *broker) site {
	t.Helper()
	script := asset(t, "node_modules/keycloak-js/lib/keycloak.js")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /keycloak.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, script) })
	mux.HandleFunc("GET /keycloak.json", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(obj{"url": b.URL, "realm": "acme", "clientId": "keycloak-js"})
	})
	page := asset(t, "spa.html")
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, page) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return site{URL: strings.Replace(srv.URL, "127.0.0.1", "spa.localhost", 1)}
}
