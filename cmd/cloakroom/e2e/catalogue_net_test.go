package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloakroom/providers/providertest/oidcop"
	"cloakroom/providers/providertest/samlidp"
)

// issued is a certificate with its key.
type issued struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// authority is a root that the broker trusts, with an intermediate below it.
var authority = sync.OnceValue(func() (ca struct{ root, inter issued }) {
	ca.root = issue("Test Root", nil, func(c *x509.Certificate) { c.IsCA = true })
	ca.inter = issue("Test Issuing CA 2", &ca.root, func(c *x509.Certificate) { c.IsCA = true })
	return ca
})

func issue(name string, by *issued, change func(*x509.Certificate)) issued {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}}
	change(t)
	self := issued{t, key}
	if by == nil {
		by = &self
	}
	der, err := x509.CreateCertificate(rand.Reader, t, by.cert, key.Public(), by.key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return issued{cert, key}
}

// trusting restarts the broker with the authority's root among those it trusts.
func trusting(t *testing.T, i *instance) *instance {
	t.Helper()
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority().root.cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	i.stop(syscall.SIGTERM)
	i.env = append(i.env, "SSL_CERT_FILE="+file)
	i.run()
	return i
}

// secure is an https server with a certificate chain, and what else is unusual about its TLS.
func (b *bench) secure(h http.Handler, leaf issued, chain []issued, change func(*tls.Config)) string {
	srv := httptest.NewUnstartedServer(h)
	c := tls.Certificate{Certificate: [][]byte{leaf.cert.Raw}, PrivateKey: leaf.key}
	for _, one := range chain {
		c.Certificate = append(c.Certificate, one.cert.Raw)
	}
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS10} // #nosec G402 -- old versions are what is staged
	if change != nil {
		change(srv.TLS)
	}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	b.t.Cleanup(srv.Close)
	return srv.URL
}

// fetched checks a connection whose metadata is at an address.
func (b *bench) fetched(preset, address string) told {
	(&stand{bench: b, protocol: "saml"}).connect(preset, nil, obj{"metadata_url": address})
	return b.check()
}

// discovered checks a connection whose issuer is at an address.
func (b *bench) discovered(preset, address string) told {
	(&stand{bench: b, protocol: "oidc"}).connect(preset, nil, obj{"issuer": address, "client_id": clientID, "client_secret": clientSecret})
	return b.check()
}

// aia is where an authority publishes its intermediate.
func (b *bench) aia(of issued) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/pkix-cert")
		_, _ = w.Write(of.cert.Raw)
	}))
	b.t.Cleanup(srv.Close)
	return srv.URL + "/issuing.cer"
}

// leaf is a web server's certificate by the intermediate.
func leaf(change func(*x509.Certificate)) issued {
	ca := authority()
	return issue("idp.acme.example", &ca.inter, change)
}

func asIs(*x509.Certificate) {}

// forwarding is a server whose every address leads elsewhere.
func (b *bench) forwarding(to string) string {
	srv := httptest.NewServer(http.RedirectHandler(to, http.StatusFound))
	b.t.Cleanup(srv.Close)
	return srv.URL + "/metadata"
}

const blockPage = `<html><head><title>Attention Required! | Cloudflare</title></head><body><h1>Sorry, you have been blocked</h1></body></html>`

func networkEntries() []entry {
	nothing := http.NotFoundHandler()
	return []entry{
		{"NET-02", []situation{
			{"as catalogued", func(b *bench) told {
				return b.fetched("adfs", "https://10.20.30.40/FederationMetadata/2007-06/FederationMetadata.xml")
			}, expected{codes: "net.address_blocked", side: "network|ours|idp", label: "upload", sure: "proved"}},
			{"a name of the company's own", func(b *bench) told {
				return b.fetched("adfs", "https://adfs.corp.invalid/FederationMetadata/2007-06/FederationMetadata.xml")
			}, expected{codes: "net.dns", side: "network|idp", label: "", sure: "likely"}},
			{"OpenID", func(b *bench) told { return b.discovered("keycloak", "https://192.168.7.7/realms/acme") }, expected{codes: "net.address_blocked", side: "network|ours|idp", label: "", sure: "proved"}},
			{"nobody listens", func(b *bench) told { return b.fetched("shibboleth", "http://127.0.0.1:9/idp/shibboleth") }, expected{codes: "net.connection_refused", side: "network", label: "", sure: "likely"}},
			{"when it is pasted", pasted("adfs", "saml", "", "https://adfs.corp.local/FederationMetadata/2007-06/FederationMetadata.xml"), expected{codes: "paste.private_host", side: "network", label: "upload", sure: "proved", beside: true}},
		}},
		{"NET-03", []situation{
			{"as catalogued", func(b *bench) told {
				ca := authority()
				at := b.aia(ca.inter)
				return b.fetched("adfs", b.secure(nothing, leaf(func(c *x509.Certificate) { c.IssuingCertificateURL = []string{at} }), nil, nil)+"/metadata")
			}, expected{codes: "net.tls_chain_incomplete", side: "network|idp", label: "chain", sure: "likely", says: "Test Issuing CA 2"}},
			{"it does not say where", func(b *bench) told { return b.fetched("adfs", b.secure(nothing, leaf(asIs), nil, nil)+"/metadata") }, expected{codes: "net.tls_chain_incomplete|net.tls_untrusted", side: "network|idp", label: "", sure: "likely", or: "net.tls_chain_incomplete"}},
			{"an authority of its own", func(b *bench) told {
				return b.discovered("keycloak", b.secure(nothing, issue("keycloak", nil, asIs), nil, nil))
			}, expected{codes: "net.tls_untrusted", side: "network|idp", label: "", sure: "proved"}},
			{"another name", func(b *bench) told {
				return b.fetched("shibboleth", b.secure(nothing, leaf(func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"idp.old.example"} }), []issued{authority().inter}, nil)+"/metadata")
			}, expected{codes: "net.tls_wrong_name", side: "network|idp", label: "", sure: "proved", says: "idp.old.example"}},
			{"over", func(b *bench) told {
				return b.fetched("shibboleth", b.secure(nothing, leaf(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), []issued{authority().inter}, nil)+"/metadata")
			}, expected{codes: "net.tls_expired", side: "network|idp", label: "", sure: "proved"}},
			{"a whole chain is no fault of its own", func(b *bench) told {
				return b.fetched("adfs", b.secure(nothing, leaf(asIs), []issued{authority().inter}, nil)+"/metadata")
			}, expected{codes: "saml.metadata_fetch|net.status", side: "network|idp", label: "", sure: "likely"}},
		}},
		{"NET-05", []situation{
			{"as catalogued", func(b *bench) told {
				return b.fetched("adfs", b.secure(nothing, leaf(asIs), []issued{authority().inter}, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS11 })+"/metadata")
			}, expected{codes: "net.tls_outdated", side: "network|idp", label: "TLS 1.2", sure: "likely"}},
			{"older still, OpenID", func(b *bench) told {
				return b.discovered("keycloak", b.secure(nothing, leaf(asIs), []issued{authority().inter}, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS10 }))
			}, expected{codes: "net.tls_outdated", side: "network|idp", label: "TLS 1.2", sure: "likely"}},
			{"no TLS at all", func(b *bench) told {
				srv := httptest.NewServer(nothing)
				b.t.Cleanup(srv.Close)
				return b.fetched("adfs", "https"+srv.URL[len("http"):]+"/metadata")
			}, expected{codes: "net.tls", side: "network|idp", label: "", sure: "likely"}},
		}},
		{"NET-06", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeKeycloak, lies: taken("token", 403, "text/html", blockPage)}, "ada"), expected{codes: "oidc.token_endpoint_blocked|net.firewall_page", side: "idp|network", label: "firewall", sure: "likely"}},
			{"before the test", probed(oidcCase{like: oidcop.LikeADFS, client: claims, lies: taken("token", 503, "text/html", `<html><title>Just a moment...</title><div id="cf-challenge">captcha</div></html>`)}), expected{codes: "oidc.token_endpoint_blocked|net.firewall_page", side: "idp|network", label: "firewall", sure: "likely"}},
			{"another appliance's words", probed(oidcCase{preset: "generic", lies: taken("token", 200, "text/html", "<html><body>The requested URL was rejected. Please consult with your administrator. Your support ID is: 1</body></html>")}), expected{codes: "oidc.token_endpoint_blocked|net.firewall_page", side: "idp|network", label: "firewall", sure: "likely"}},
			{"the keys only", probed(oidcCase{preset: "generic", lies: taken("jwks", 403, "text/html", blockPage)}), expected{codes: "net.firewall_page|oidc.keys_unusable", side: "idp|network", label: "", sure: "likely"}},
		}},
		{"NET-08", []situation{
			{"as catalogued", func(b *bench) told { return b.fetched("adfs", b.forwarding("http://169.254.169.254/latest/meta-data")) }, expected{codes: "net.address_blocked|net.redirect", side: "network|ours|idp", label: "", sure: "proved"}},
			{"to another scheme", func(b *bench) told { return b.fetched("generic", b.forwarding("file:///etc/passwd")) }, expected{codes: "net.redirect|net.address_blocked", side: "network|ours|idp", label: "", sure: "proved"}},
			{"OpenID, to the inside", func(b *bench) told {
				return b.discovered("generic", strings.TrimSuffix(b.forwarding("http://10.0.0.7/"), "/metadata"))
			}, expected{codes: "net.address_blocked|net.redirect|oidc.discovery_failed", side: "network|ours|idp", label: "", sure: "proved"}},
			{"round in circles", func(b *bench) told {
				var srv *httptest.Server
				srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, srv.URL+"/again", http.StatusFound) }))
				b.t.Cleanup(srv.Close)
				return b.fetched("generic", srv.URL+"/metadata")
			}, expected{codes: "net.redirect|net.status|saml.metadata_fetch", side: "network|idp", label: "", sure: "likely"}},
		}},
		{"NET-09", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeOkta, lies: taken("token", 503, "application/json", `{"error":"temporarily_unavailable"}`)}, "ada"), expected{codes: "oidc.provider_error|net.server_error|idp.outage", side: "idp|network", label: "", sure: "likely"}},
			{"sent back", signed(oidcCase{like: oidcop.LikeKeycloak, lies: denied("temporarily_unavailable", "authentication_expired")}, "ada"), expected{codes: "oidc.provider_error|idp.outage", side: "idp|network", label: "", sure: "likely"}},
			{"a page of Microsoft's", shown("entra", "saml", "AADSTS90033: A transient error has occurred. Please try again."), expected{codes: "idp.outage", side: "network", label: "", sure: "proved"}},
			{"metadata, 502", func(b *bench) told {
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Bad Gateway", http.StatusBadGateway) }))
				b.t.Cleanup(srv.Close)
				return b.fetched("shibboleth", srv.URL+"/idp/shibboleth")
			}, expected{codes: "net.server_error|net.status|saml.metadata_fetch", side: "network|idp", label: "", sure: "likely"}},
			{"several customers at once", func(b *bench) told {
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Bad Gateway", http.StatusBadGateway) }))
				b.t.Cleanup(srv.Close)
				for _, customer := range []string{"one", "two"} {
					other := *b
					other.slug += "-" + customer
					if first := other.fetched("okta", srv.URL+"/"+customer).diagnosis(); first.Code != "net.server_error" {
						b.t.Errorf("one connection alone is told of an outage: %+v", first)
					}
				}
				said := b.fetched("okta", srv.URL+"/metadata")
				if text := fmt.Sprint(said.findings); strings.Contains(text, "-one") || strings.Contains(text, "-two") {
					b.t.Errorf("another customer is named: %s", text)
				}
				return said
			}, expected{codes: "idp.outage", side: "network", label: "status page", sure: "likely", says: "Okta has problems right now; nothing is wrong with your settings"}},
			{"in SAML's words", tested(samlCase{like: samlidp.Okta, idp: bent(func(r *samlidp.Response) {
				r.NoAssertion, r.Status, r.NestedStatus, r.StatusMessage = true, "Responder", "", "Service temporarily unavailable"
			})}, "ada"), expected{codes: "saml.status_failed|idp.outage", side: "idp|network", label: "", sure: "guess", says: "temporarily unavailable"}},
		}},
	}
}
