package saml_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"testing"
	"time"

	"cloakroom/providers"
	"cloakroom/providers/saml"
)

func signingCertificate(t *testing.T, name string, until time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: until.AddDate(-3, 0, 0), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func expiriesOf(t *testing.T, config map[string]any) []providers.Expiry {
	t.Helper()
	b, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	p, err := saml.New().Open(providers.Settings{Slug: "acme", Config: b, HTTP: http.DefaultClient, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return p.(providers.Expirer).Expiries(t.Context())
}

func TestExpiriesOfCertificatesByHand(t *testing.T) {
	until := time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	one, two := signingCertificate(t, "one", until), signingCertificate(t, "two", until.AddDate(1, 0, 0))
	text := func(der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	got := expiriesOf(t, map[string]any{"entity_id": "https://idp.example", "sso_url": "https://idp.example/sso", "certificates": []string{text(one), text(two)}})
	if len(got) != 2 {
		t.Fatalf("%+v", got)
	}
	sum := sha256.Sum256(one)
	want := providers.Expiry{Kind: providers.ExpiringCertificate, Name: "CN=one", Fingerprint: hex.EncodeToString(sum[:]), Since: until.AddDate(-3, 0, 0), At: until}
	if got[0] != want || got[1].Name != "CN=two" {
		t.Errorf("got %+v\nwant %+v", got[0], want)
	}
}

func TestExpiriesOfMetadata(t *testing.T) {
	until := time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)
	xml := `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example" validUntil="2027-01-15T00:00:00Z"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
		`<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + base64.StdEncoding.EncodeToString(signingCertificate(t, "idp", until)) + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>` +
		`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example/sso"/></IDPSSODescriptor></EntityDescriptor>`
	got := expiriesOf(t, map[string]any{"metadata_xml": xml})
	if len(got) != 2 || got[0].Kind != providers.ExpiringCertificate || !got[0].At.Equal(until) {
		t.Fatalf("%+v", got)
	}
	if m := got[1]; m.Kind != providers.ExpiringMetadata || m.Name != "https://idp.example" || !m.At.Equal(time.Date(2027, 1, 15, 0, 0, 0, 0, time.UTC)) || !m.Since.IsZero() {
		t.Errorf("%+v", m)
	}
}

func TestNothingKnownEndsNever(t *testing.T) {
	if got := expiriesOf(t, map[string]any{"metadata_url": "https://idp.example/metadata"}); got != nil {
		t.Errorf("%+v", got)
	}
}
