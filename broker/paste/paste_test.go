package paste_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"cloakroom/broker/fault"
	"cloakroom/broker/paste"
	"cloakroom/templates"
	"cloakroom/templates/locale"
)

var now = time.Date(2026, 12, 1, 8, 0, 0, 0, time.UTC)

var own = paste.Own{
	ACS: "https://sso.example/broker/acme-okta/endpoint", RedirectURI: "https://sso.example/broker/acme-okta/endpoint",
	EntityID: "https://sso.example/broker/acme-okta/metadata", BaseURL: "https://sso.example",
}

// certificate makes one; change may spoil it.
func certificate(t testing.TB, bits int, change func(*x509.Certificate)) (der []byte, text string) {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "acme signing"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(800 * 24 * time.Hour)}
	if change != nil {
		change(c)
	}
	var pub, priv any
	if bits == 0 {
		k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		pub, priv = &k.PublicKey, k
	} else {
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		pub, priv = &k.PublicKey, k
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, pub, priv)
	if err != nil {
		t.Fatal(err)
	}
	return der, strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

func metadata(entityID, sso string, certs ...[]byte) string {
	var keys strings.Builder
	for _, der := range certs {
		fmt.Fprintf(&keys, `<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`, base64.StdEncoding.EncodeToString(der))
	}
	return `<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="` + entityID + `"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
		keys.String() + `<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="` + sso + `"/></md:IDPSSODescriptor></md:EntityDescriptor>`
}

func codes(r paste.Result) []fault.Code {
	var out []fault.Code
	for _, f := range r.Findings {
		out = append(out, f.Code)
	}
	slices.Sort(out)
	return out
}

type reading struct {
	name, preset, protocol, field, text string
	kind                                string
	set                                 []string // pointer=value, or a pointer alone
	codes                               []fault.Code
	refused                             bool
	other                               string // preset that is offered
}

func (c reading) check(t *testing.T) {
	t.Helper()
	r := paste.Read(paste.Input{Preset: c.preset, Protocol: c.protocol, Field: c.field, Text: c.text, Own: own, Now: now})
	slices.Sort(c.codes)
	if got := codes(r); !slices.Equal(got, c.codes) {
		t.Errorf("findings %v, want %v", got, c.codes)
		for _, f := range r.Findings {
			t.Log(f)
		}
	}
	if r.Refused() != c.refused {
		t.Errorf("refused = %v", r.Refused())
	}
	if !c.refused && r.Kind != c.kind {
		t.Errorf("kind %q, want %q", r.Kind, c.kind)
	}
	for _, want := range c.set {
		pointer, value, exact := strings.Cut(want, "=")
		got, ok := r.Set[pointer]
		if !ok || exact && fmt.Sprint(got) != value {
			t.Errorf("%s is %v, want %q", pointer, got, value)
		}
	}
	if len(r.Set) != len(c.set) {
		t.Errorf("set %v, want %v", slices.Sorted(maps.Keys(r.Set)), c.set)
	}
	if r.OtherPreset != c.other {
		t.Errorf("offers %q, want %q", r.OtherPreset, c.other)
	}
	for _, f := range r.Findings {
		e := fault.Lookup(f.Code)
		if f.Code == "" || e.Cause == "" || f.Fix == "" && e.Fix == "" {
			t.Errorf("%s says too little", f.Code)
		}
		for _, l := range locale.Languages()[1:] {
			for _, english := range []string{f.Detail, f.Fix} {
				if told := templates.Tell(l.Code, f.Said, english); english != "" && told.Lang != l.Code {
					t.Errorf("%s: %q is not told in %s", f.Code, english, l.Code)
				}
			}
		}
	}
}

// one is a list of one code.
func one(c fault.Code) []fault.Code { return []fault.Code{c} }

const (
	entraMeta = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/federationmetadata/2007-06/federationmetadata.xml"
	tenantID  = "11111111-2222-3333-4444-555555555555"
	clientID  = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	value40   = "abc8Q~0123456789abcdefghijABCDEFGHIJ0123"
)

func TestAddresses(t *testing.T) {
	for _, c := range []reading{
		{name: "okta metadata", preset: "okta", protocol: "saml", text: "https://acme.okta.com/app/exk1abc/sso/saml/metadata", kind: "metadata_url", set: []string{"/saml/metadata_url=https://acme.okta.com/app/exk1abc/sso/saml/metadata"}},
		{name: "okta sso", preset: "okta", protocol: "saml", text: "https://acme.okta.com/app/acme_app_1/exk1abc/sso/saml", kind: "sso_url", set: []string{"/saml/sso_url"}},
		{name: "okta issuer is http", preset: "okta", protocol: "saml", text: "http://www.okta.com/exk1abc", kind: "entity_id", set: []string{"/saml/entity_id=http://www.okta.com/exk1abc"}},
		{name: "okta admin host", preset: "okta", protocol: "saml", text: "https://acme-admin.okta.com/admin/app/x/instance/0oa1/#tab-signon", codes: one(fault.PasteConsole), refused: true},
		{name: "okta home link", preset: "okta", protocol: "saml", text: "https://acme.okta.com/home/acme_app_1/0oa1abc/aln1", codes: one(fault.PasteAppLink), refused: true},
		{name: "okta front page", preset: "okta", protocol: "saml", text: "https://acme.okta.com", codes: one(fault.PasteEndpoint), refused: true},
		{name: "okta custom domain", preset: "okta", protocol: "saml", text: "https://id.acme.example/app/exk1abc/sso/saml/metadata", kind: "metadata_url", set: []string{"/saml/metadata_url"}},
		{name: "okta domain without scheme", preset: "okta", protocol: "oidc", text: "acme.okta.com", kind: "issuer", set: []string{"/oidc/issuer=https://acme.okta.com"}, codes: one(fault.PasteDerived)},
		{name: "okta authorize address", preset: "okta", protocol: "oidc", text: "https://acme.okta.com/oauth2/aus1/v1/authorize", kind: "issuer", set: []string{"/oidc/issuer=https://acme.okta.com/oauth2/aus1"}, codes: one(fault.PasteDerived)},
		{name: "okta discovery", preset: "okta", protocol: "oidc", text: "https://acme.okta.com/.well-known/openid-configuration", kind: "issuer", set: []string{"/oidc/issuer=https://acme.okta.com"}},
		{name: "okta metadata in oidc", preset: "okta", protocol: "oidc", text: "https://acme.okta.com/app/exk1abc/sso/saml/metadata", codes: one(fault.PasteProtocol), refused: true, other: "okta"},
		{name: "okta discovery in saml", preset: "okta", protocol: "saml", text: "https://acme.okta.com/.well-known/openid-configuration", codes: one(fault.PasteProtocol), refused: true, other: "okta"},
		{name: "entra app metadata", preset: "entra", protocol: "saml", text: entraMeta + "?appid=" + clientID, kind: "metadata_url", set: []string{"/saml/metadata_url"}},
		{name: "entra without appid", preset: "entra", protocol: "saml", text: entraMeta, codes: one(fault.SAMLMetadataTenant), refused: true},
		{name: "entra portal", preset: "entra", protocol: "saml", text: "https://entra.microsoft.com/#view/Microsoft_AAD_IAM/x", codes: one(fault.PasteConsole), refused: true},
		{name: "azure portal", preset: "entra", protocol: "oidc", text: "https://portal.azure.com/#view/x", codes: one(fault.PasteConsole), refused: true},
		{name: "entra identifier", preset: "entra", protocol: "saml", text: "https://sts.windows.net/" + tenantID + "/", kind: "entity_id", set: []string{"/saml/entity_id=https://sts.windows.net/" + tenantID + "/"}},
		{name: "entra issuer", preset: "entra", protocol: "oidc", text: "https://login.microsoftonline.com/" + tenantID + "/v2.0", kind: "tenant", set: []string{"/oidc/tenant=" + tenantID}},
		{name: "entra discovery", preset: "entra", protocol: "oidc", text: "https://login.microsoftonline.com/" + tenantID + "/v2.0/.well-known/openid-configuration", kind: "tenant", set: []string{"/oidc/tenant=" + tenantID}},
		{name: "entra common", preset: "entra", protocol: "oidc", text: "https://login.microsoftonline.com/common/v2.0", codes: one(fault.PasteAnyTenant), refused: true},
		{name: "entra government", preset: "entra", protocol: "oidc", text: "https://login.microsoftonline.us/" + tenantID + "/v2.0", kind: "several", set: []string{"/oidc/tenant=" + tenantID, "/oidc/issuer=https://login.microsoftonline.us/" + tenantID + "/v2.0"}, codes: one(fault.PasteCloud)},
		{name: "entra placeholder", preset: "entra", protocol: "oidc", text: "https://login.microsoftonline.com/{tenantid}/v2.0", codes: one(fault.PastePlaceholder), refused: true},
		{name: "your domain", preset: "okta", protocol: "saml", text: "https://your-domain.okta.com/app/exk1/sso/saml/metadata", codes: one(fault.PastePlaceholder), refused: true},
		{name: "angle brackets", preset: "adfs", protocol: "saml", text: "https://<adfs-server>/FederationMetadata/2007-06/FederationMetadata.xml", codes: one(fault.PastePlaceholder), refused: true},
		{name: "example.com", preset: "generic", protocol: "saml", text: "https://login.example.com/metadata", codes: one(fault.PastePlaceholder), refused: true},
		{name: "adfs", preset: "adfs", protocol: "saml", text: "https://fs.acme.example/FederationMetadata/2007-06/FederationMetadata.xml", kind: "metadata_url", set: []string{"/saml/metadata_url"}},
		{name: "adfs inside", preset: "adfs", protocol: "saml", text: "https://fs.acme.local/FederationMetadata/2007-06/FederationMetadata.xml", kind: "metadata_url", set: []string{"/saml/metadata_url"}, codes: one(fault.PastePrivate)},
		{name: "adfs by address", preset: "adfs", protocol: "saml", text: "https://10.1.2.3/FederationMetadata/2007-06/FederationMetadata.xml", kind: "metadata_url", set: []string{"/saml/metadata_url"}, codes: one(fault.PastePrivate)},
		{name: "adfs by http", preset: "adfs", protocol: "saml", text: "http://fs.acme.example/FederationMetadata/2007-06/FederationMetadata.xml", kind: "metadata_url", set: []string{"/saml/metadata_url"}, codes: one(fault.PasteInsecure)},
		{name: "adfs test page", preset: "adfs", protocol: "saml", text: "https://fs.acme.example/adfs/ls/idpinitiatedsignon.aspx", codes: one(fault.PasteAppLink), refused: true},
		{name: "adfs authorize", preset: "adfs", protocol: "oidc", text: "https://fs.acme.example/adfs/oauth2/authorize", kind: "issuer", set: []string{"/oidc/issuer=https://fs.acme.example/adfs"}, codes: one(fault.PasteDerived)},
		{name: "google entity", preset: "google", protocol: "saml", text: "https://accounts.google.com/o/saml2?idpid=C01abc", kind: "entity_id", set: []string{"/saml/entity_id"}},
		{name: "google sso", preset: "google", protocol: "saml", text: "https://accounts.google.com/o/saml2/idp?idpid=C01abc", kind: "sso_url", set: []string{"/saml/sso_url"}},
		{name: "google console", preset: "google", protocol: "saml", text: "https://admin.google.com/ac/apps/unified", codes: one(fault.PasteConsole), refused: true},
		{name: "google value in okta", preset: "okta", protocol: "saml", text: "https://accounts.google.com/o/saml2/idp?idpid=C01abc", codes: one(fault.PasteProvider), refused: true, other: "google"},
		{name: "okta value in entra", preset: "entra", protocol: "oidc", text: "https://acme.okta.com", codes: one(fault.PasteProvider), refused: true, other: "okta"},
		{name: "onelogin console", preset: "onelogin", protocol: "saml", text: "https://acme.onelogin.com/admin2/apps/123/edit", codes: one(fault.PasteConsole), refused: true},
		{name: "onelogin issuer", preset: "onelogin", protocol: "saml", text: "Issuer URL: https://app.onelogin.com/saml/metadata/1a2b", kind: "metadata_url", set: []string{"/saml/metadata_url=https://app.onelogin.com/saml/metadata/1a2b"}},
		{name: "keycloak realm", preset: "keycloak", protocol: "saml", text: "https://kc.acme.example/realms/staff", kind: "metadata_url", set: []string{"/saml/metadata_url=https://kc.acme.example/realms/staff/protocol/saml/descriptor"}, codes: one(fault.PasteDerived)},
		{name: "keycloak issuer", preset: "keycloak", protocol: "oidc", text: "https://kc.acme.example/realms/staff", kind: "issuer", set: []string{"/oidc/issuer=https://kc.acme.example/realms/staff"}},
		{name: "keycloak console", preset: "keycloak", protocol: "oidc", text: "https://kc.acme.example/admin/staff/console/#/staff/clients", codes: one(fault.PasteConsole), refused: true},
		{name: "quotes and blanks", preset: "okta", protocol: "saml", text: "\u00a0“https://acme.okta.com/app/exk1abc/sso/saml/metadata”\u200b ", kind: "metadata_url", set: []string{"/saml/metadata_url=https://acme.okta.com/app/exk1abc/sso/saml/metadata"}, codes: one(fault.PasteCleaned)},
		{name: "our own acs", preset: "okta", protocol: "saml", text: own.ACS, codes: one(fault.PasteOwn), refused: true},
		{name: "swapped in fields", preset: "google", protocol: "saml", field: "/saml/entity_id", text: "https://accounts.google.com/o/saml2/idp?idpid=C01abc", codes: one(fault.SAMLTheirsSwapped), refused: true},
		{name: "damaged scheme", preset: "okta", protocol: "saml", text: "ttps://acme.okta.com/app/x/sso/saml/metadata", codes: one(fault.PasteUnknown), refused: true},
		{name: "unusual host", preset: "google", protocol: "saml", text: "https://idp.acme.example/saml/sso", kind: "sso_url", set: []string{"/saml/sso_url"}, codes: one(fault.PasteForeignHost)},
	} {
		t.Run(c.name, c.check)
	}
}

func TestCredentials(t *testing.T) {
	block := "Display name: Cloakroom\nApplication (client) ID: " + clientID + "\nObject ID: 99999999-9999-9999-9999-999999999999\nDirectory (tenant) ID: " + tenantID + "\nValue: " + value40 + "\nSecret ID: 12121212-1212-1212-1212-121212121212\n"
	french := "ID d’application (client) : " + clientID + "\nID de l'annuaire (locataire) : " + tenantID + "\nvaleur du secret : " + value40
	all := []string{"/oidc/client_id=" + clientID, "/oidc/tenant=" + tenantID, "/oidc/client_secret=" + value40}
	google := `{"web":{"client_id":"123-abc.apps.googleusercontent.com","client_secret":"GOCSPX-0123456789012345678901234567","redirect_uris":["` + own.RedirectURI + `"]}}`
	for _, c := range []reading{
		{name: "entra block", preset: "entra", protocol: "oidc", text: block, kind: "several", set: all},
		{name: "entra in french", preset: "entra", protocol: "oidc", text: french, kind: "several", set: all},
		{name: "entra label above value", preset: "entra", protocol: "oidc", text: "Application (client) ID\n" + clientID + "\nDirectory (tenant) ID\n" + tenantID + "\nValue\n" + value40, kind: "several", set: all},
		{name: "entra without labels", preset: "entra", protocol: "oidc", text: clientID + "\n" + tenantID + "\n" + value40, kind: "several", set: all, codes: one(fault.PasteGuessed)},
		{name: "entra one id", preset: "entra", protocol: "oidc", text: clientID, codes: one(fault.PasteAmbiguous), refused: true},
		{name: "entra secret id in the field", preset: "entra", protocol: "oidc", field: "/oidc/client_secret", text: clientID, codes: one(fault.PasteSecretID), refused: true},
		{name: "entra secret id in the block", preset: "entra", protocol: "oidc", text: "Application (client) ID: " + clientID + "\nDirectory (tenant) ID: " + tenantID + "\nSecret ID: 12121212-1212-1212-1212-121212121212", codes: one(fault.PasteSecretID), refused: true},
		{name: "entra secret labelled", preset: "entra", protocol: "oidc", text: "Client secret: 12121212-1212-1212-1212-121212121212", codes: one(fault.PasteSecretID), refused: true},
		{name: "entra secret alone", preset: "entra", protocol: "oidc", text: value40, kind: "client_secret", set: []string{"/oidc/client_secret=" + value40}},
		{name: "entra secret cut", preset: "entra", protocol: "oidc", text: "abc8Q~0123456789abcdef", kind: "client_secret", set: []string{"/oidc/client_secret"}, codes: one(fault.PasteTruncated)},
		{name: "entra secret in quotes", preset: "entra", protocol: "oidc", field: "/oidc/client_secret", text: `"` + value40 + `"`, kind: "client_secret", set: []string{"/oidc/client_secret=" + value40}, codes: one(fault.PasteCleaned)},
		{name: "entra secret in the id's field", preset: "entra", protocol: "oidc", field: "/oidc/client_id", text: value40, codes: one(fault.PasteField), refused: true},
		{name: "entra tenant by domain", preset: "entra", protocol: "oidc", text: "acme.onmicrosoft.com", kind: "tenant", set: []string{"/oidc/tenant=acme.onmicrosoft.com"}},
		{name: "entra tenant by address", preset: "entra", protocol: "oidc", field: "/oidc/tenant", text: "eva@acme.example", kind: "tenant", set: []string{"/oidc/tenant=acme.example"}, codes: one(fault.PasteDerived)},
		{name: "entra any tenant", preset: "entra", protocol: "oidc", field: "/oidc/tenant", text: "common", codes: one(fault.PasteAnyTenant), refused: true},
		{name: "masked", preset: "okta", protocol: "oidc", field: "/oidc/client_secret", text: "••••••••••", codes: one(fault.PasteMasked), refused: true},
		{name: "okta block", preset: "okta", protocol: "oidc", text: "Client ID 0oa1234567890abcdeF0\nClient secret: " + strings.Repeat("a1B2", 16) + "\nOkta domain: acme.okta.com", kind: "several",
			set: []string{"/oidc/client_secret", "/oidc/issuer=https://acme.okta.com"}, codes: one(fault.PasteDerived)},
		{name: "okta id where the secret belongs", preset: "okta", protocol: "oidc", field: "/oidc/client_secret", text: "0oa1234567890abcdeF0", codes: one(fault.PasteField), refused: true},
		{name: "google file", preset: "google", protocol: "oidc", text: google, kind: "several", set: []string{"/oidc/client_id=123-abc.apps.googleusercontent.com", "/oidc/client_secret"}},
		{name: "google file for another address", preset: "google", protocol: "oidc", text: strings.Replace(google, "sso.example", "old.example", 1), kind: "several", set: []string{"/oidc/client_id", "/oidc/client_secret"}, codes: one(fault.PasteRedirect)},
		{name: "google file in okta", preset: "okta", protocol: "oidc", text: google, codes: one(fault.PasteProvider), refused: true, other: "google"},
		{name: "google id in entra", preset: "entra", protocol: "oidc", text: "123-abc.apps.googleusercontent.com", codes: one(fault.PasteProvider), refused: true, other: "google"},
		{name: "an unusual id", preset: "google", protocol: "oidc", field: "/oidc/client_id", text: "my-client", kind: "client_id", set: []string{"/oidc/client_id=my-client"}, codes: one(fault.PasteUnusual)},
		{name: "discovery document", preset: "generic", protocol: "oidc", text: `{"issuer":"https://idp.acme.example","authorization_endpoint":"https://idp.acme.example/a","jwks_uri":"https://idp.acme.example/k"}`, kind: "issuer", set: []string{"/oidc/issuer=https://idp.acme.example"}},
		{name: "discovery document in saml", preset: "okta", protocol: "saml", text: `{"issuer":"https://idp.acme.example","jwks_uri":"https://idp.acme.example/k"}`, codes: one(fault.PasteProtocol), refused: true, other: "okta"},
		{name: "keycloak file", preset: "keycloak", protocol: "oidc", text: `{"realm":"staff","auth-server-url":"https://kc.acme.example/","resource":"cloakroom","credentials":{"secret":"0123456789abcdef0123456789abcdef"}}`, kind: "several",
			set: []string{"/oidc/issuer=https://kc.acme.example/realms/staff", "/oidc/client_id=cloakroom", "/oidc/client_secret=0123456789abcdef0123456789abcdef"}},
		{name: "apple", preset: "apple", protocol: "oidc", text: "Services ID: com.acme.web\nTeam ID: ABCDE12345\nKey ID: KEY1234567\n-----BEGIN PRIVATE KEY-----\nMIGT\nAgEA\n-----END PRIVATE KEY-----", kind: "several",
			set: []string{"/oidc/client_id=com.acme.web", "/oidc/authorization_params/team_id=ABCDE12345", "/oidc/authorization_params/key_id=KEY1234567", "/oidc/client_secret=MIGTAgEA"}},
		{name: "github", preset: "github", protocol: "oauth2", text: "Client ID\nOv23liABCDEFGHIJKLMN\nClient secrets\n" + strings.Repeat("0a", 20), kind: "several", set: []string{"/oauth2/client_id=Ov23liABCDEFGHIJKLMN", "/oauth2/client_secret"}},
		{name: "the secret's end", preset: "entra", protocol: "oidc", field: "/oidc/client_secret_expires_at", text: "2028-11-21", kind: "client_secret_expires_at", set: []string{"/oidc/client_secret_expires_at=2028-11-21T00:00:00Z"}},
		{name: "an end that is over", preset: "entra", protocol: "oidc", field: "/oidc/client_secret_expires_at", text: "2020-11-21", codes: one(fault.PasteUnknown), refused: true},
		{name: "a token", preset: "okta", protocol: "oidc", text: "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln", codes: one(fault.PasteMessage), refused: true},
		{name: "an assertion", preset: "okta", protocol: "saml", text: base64.StdEncoding.EncodeToString([]byte(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" Version="2.0" IssueInstant="2026-11-21T22:00:00Z"></samlp:Response>`)), codes: one(fault.PasteMessage), refused: true},
		{name: "a form", preset: "okta", protocol: "saml", text: "SAMLResponse=PHNhbWxwOlJlc3BvbnNl&RelayState=x", codes: one(fault.PasteMessage), refused: true},
		{name: "nothing", preset: "okta", protocol: "saml", text: " \n\t ", codes: one(fault.PasteEmpty), refused: true},
		{name: "too much", preset: "okta", protocol: "saml", text: strings.Repeat("a", paste.MaxText+1), codes: one(fault.PasteTooLarge), refused: true},
		{name: "prose", preset: "okta", protocol: "saml", text: "Hello, here is what you asked for. Regards, Eva", codes: one(fault.PasteUnknown), refused: true},
	} {
		if c.name == "okta block" {
			c.set = append(c.set, "/oidc/client_id=0oa1234567890abcdeF0")
			c.text = strings.Replace(c.text, "Client ID 0oa", "Client ID: 0oa", 1)
		}
		t.Run(c.name, c.check)
	}
}

func TestDocuments(t *testing.T) {
	der, text := certificate(t, 2048, nil)
	weak, weakText := certificate(t, 1024, nil)
	_, old := certificate(t, 0, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(-time.Hour*9000), now.Add(-time.Hour) })
	_, early := certificate(t, 0, func(c *x509.Certificate) { c.NotBefore = now.Add(time.Hour) })
	_, ending := certificate(t, 0, func(c *x509.Certificate) { c.NotAfter = now.Add(7 * 24 * time.Hour) })
	ours, ourText := certificate(t, 0, nil)
	own.Certificates = []string{ourText}
	doc := metadata("http://www.okta.com/exk1", "https://acme.okta.com/app/a/exk1/sso/saml", der)
	_, element, _ := strings.Cut(doc, "?>\n")
	body := strings.ReplaceAll(strings.Split(text, "-----")[2], "\n", "")
	oktaPage := "1 Identity Provider Single Sign-On URL:\nhttps://acme.okta.com/app/a/exk1/sso/saml\n2 Identity Provider Issuer:\nhttp://www.okta.com/exk1\n3 X.509 Certificate:\n" + text + "\nDownload certificate\n"
	three := []string{"/saml/sso_url=https://acme.okta.com/app/a/exk1/sso/saml", "/saml/entity_id=http://www.okta.com/exk1", "/saml/certificates=[" + text + "]"}
	cert := []string{"/saml/certificates=[" + text + "]"}
	key, _ := x509.MarshalPKCS8PrivateKey(mustKey(t))
	for _, c := range []reading{
		{name: "metadata", preset: "okta", protocol: "saml", text: doc, kind: "metadata", set: []string{"/saml/metadata_xml"}},
		{name: "metadata with a mark", preset: "okta", protocol: "saml", text: "\ufeff" + doc, kind: "metadata", set: []string{"/saml/metadata_xml"}},
		{name: "metadata in utf-16", preset: "okta", protocol: "saml", text: wide(doc), kind: "metadata", set: []string{"/saml/metadata_xml"}},
		{name: "metadata in base64", preset: "okta", protocol: "saml", text: base64.StdEncoding.EncodeToString([]byte(doc)), kind: "metadata", set: []string{"/saml/metadata_xml"}},
		{name: "metadata below instructions", preset: "okta", protocol: "saml", text: oktaPage + "Optional: provide the following\n" + doc + "\n", kind: "metadata", set: []string{"/saml/metadata_xml"}},
		{name: "metadata in oidc", preset: "okta", protocol: "oidc", text: doc, codes: one(fault.PasteProtocol), refused: true, other: "okta"},
		{name: "google metadata in okta", preset: "okta", protocol: "saml", text: metadata("https://accounts.google.com/o/saml2?idpid=C1", "https://accounts.google.com/o/saml2/idp?idpid=C1", der), codes: one(fault.PasteProvider), refused: true, other: "google"},
		{name: "metadata without keys", preset: "okta", protocol: "saml", text: metadata("http://www.okta.com/exk1", "https://acme.okta.com/app/a/exk1/sso/saml"), codes: one(fault.SAMLMetadataKeys), refused: true},
		{name: "metadata with a weak key", preset: "okta", protocol: "saml", text: metadata("http://www.okta.com/exk1", "https://acme.okta.com/app/a/exk1/sso/saml", weak), codes: one(fault.SAMLCertWeak), refused: true},
		{name: "metadata with our key", preset: "okta", protocol: "saml", text: metadata("http://www.okta.com/exk1", "https://acme.okta.com/app/a/exk1/sso/saml", ours), codes: one(fault.SAMLCertOwn), refused: true},
		{name: "our metadata", preset: "okta", protocol: "saml", text: metadata(own.EntityID, own.ACS, der), codes: one(fault.SAMLMetadataOurs), refused: true},
		{name: "an application's metadata", preset: "okta", protocol: "saml", text: strings.ReplaceAll(doc, "IDPSSODescriptor", "SPSSODescriptor"), codes: one(fault.SAMLMetadataRole), refused: true},
		{name: "expired metadata", preset: "okta", protocol: "saml", text: strings.Replace(doc, "entityID=", `validUntil="2020-01-01T00:00:00Z" entityID=`, 1), kind: "metadata", set: []string{"/saml/metadata_xml"}, codes: one(fault.SAMLMetadataExpired)},
		{name: "two providers", preset: "generic", protocol: "saml", text: `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + strings.Repeat(element, 2) + `</md:EntitiesDescriptor>`, codes: one(fault.SAMLMetadataSeveral), refused: true},
		{name: "a doctype", preset: "okta", protocol: "saml", text: `<!DOCTYPE x [<!ENTITY a "b">]>` + element, kind: "metadata", set: []string{"/saml/metadata_xml"}}, // only the document is taken
		{name: "a web page", preset: "okta", protocol: "saml", text: "<!DOCTYPE html><html><head><title>Sign in</title></head></html>", codes: one(fault.SAMLMetadataHTML), refused: true},
		{name: "other xml", preset: "okta", protocol: "saml", text: `<?xml version="1.0"?><note>hello</note>`, codes: one(fault.SAMLMetadataInvalid), refused: true},
		{name: "okta instructions", preset: "okta", protocol: "saml", text: oktaPage, kind: "several", set: three},
		{name: "okta instructions swapped", preset: "okta", protocol: "saml", text: "Identity Provider Issuer: https://acme.okta.com/app/a/exk1/sso/saml\nIdentity Provider Single Sign-On URL: http://www.okta.com/exk1", codes: one(fault.SAMLTheirsSwapped), refused: true},
		{name: "certificate", preset: "okta", protocol: "saml", text: text, kind: "certificate", set: cert},
		{name: "certificate without header", preset: "okta", protocol: "saml", text: body, kind: "certificate", set: cert, codes: one(fault.PasteCertBare)},
		{name: "certificate under a label", preset: "okta", protocol: "saml", text: "X.509 Certificate:\n" + body[:64] + "\n" + body[64:], kind: "certificate", set: cert, codes: one(fault.PasteCertBare)},
		{name: "certificate in its field", preset: "okta", protocol: "saml", field: "/saml/certificates", text: body, kind: "certificate", set: cert, codes: one(fault.PasteCertBare)},
		{name: "certificate on one line", preset: "okta", protocol: "saml", text: strings.ReplaceAll(text, "\n", " "), kind: "certificate", set: cert, codes: one(fault.PasteCertMended)},
		{name: "certificate with long dashes", preset: "okta", protocol: "saml", text: strings.ReplaceAll(text, "-----", "—"), kind: "certificate", set: cert, codes: one(fault.PasteCertMended)},
		{name: "certificate without end", preset: "okta", protocol: "saml", text: strings.Split(text, "-----END")[0], kind: "certificate", set: cert, codes: one(fault.PasteCertMended)},
		{name: "certificate cut", preset: "okta", protocol: "saml", text: text[:600] + "\n-----END CERTIFICATE-----", codes: one(fault.PasteCertBroken), refused: true},
		{name: "certificate as a file", preset: "okta", protocol: "saml", text: string(der), kind: "certificate", set: cert},
		{name: "certificate as base64 of the text", preset: "okta", protocol: "saml", text: base64.StdEncoding.EncodeToString([]byte(text)), kind: "certificate", set: cert},
		{name: "two certificates", preset: "okta", protocol: "saml", text: text + "\n" + ending, kind: "certificate", set: []string{"/saml/certificates"}, codes: one(fault.PasteCertBundle)},
		{name: "expired", preset: "okta", protocol: "saml", text: old, kind: "certificate", set: []string{"/saml/certificates"}, codes: one(fault.SAMLCertExpired)},
		{name: "not yet", preset: "okta", protocol: "saml", text: early, kind: "certificate", set: []string{"/saml/certificates"}, codes: one(fault.SAMLCertNotYet)},
		{name: "soon", preset: "okta", protocol: "saml", text: ending, kind: "certificate", set: []string{"/saml/certificates"}, codes: one(fault.SAMLCertExpiring)},
		{name: "weak", preset: "okta", protocol: "saml", text: weakText, codes: one(fault.SAMLCertWeak), refused: true},
		{name: "our own", preset: "okta", protocol: "saml", text: ourText, codes: one(fault.SAMLCertOwn), refused: true},
		{name: "sha-1", preset: "okta", protocol: "saml", text: sha1Certificate, kind: "certificate", set: []string{"/saml/certificates"}, codes: one(fault.SAMLCertSHA1)},
		{name: "a private key", preset: "okta", protocol: "saml", text: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), codes: one(fault.PastePrivateKey), refused: true},
		{name: "a private key's file", preset: "okta", protocol: "saml", text: string(key), codes: one(fault.PastePrivateKey), refused: true},
		{name: "a request", preset: "okta", protocol: "saml", text: "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----", codes: one(fault.PasteNoCertificate), refused: true},
		{name: "bytes", preset: "okta", protocol: "saml", text: "\x00\x01\x02\xff", codes: one(fault.PasteUnknown), refused: true},
	} {
		t.Run(c.name, c.check)
	}
}

func mustKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// wide is a text as Windows' editors save it.
func wide(s string) string {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(strings.Replace(s, "UTF-8", "UTF-16", 1))) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

// FuzzRead holds that nothing that can be pasted takes the reader off its feet, and that a refused paste sets nothing.
func FuzzRead(f *testing.F) {
	_, text := certificate(f, 0, nil)
	for _, s := range []string{text, "Client ID: x\nSecret: y", `{"web":{"client_id":"a"}}`, entraMeta, "\xff\xfe<\x00", "<md:EntityDescriptor ", "-----BEGIN X-----", "0\x82\x01\x01", "-----BEGIN\xad0", "| Value | x |"} {
		for _, p := range []string{"saml", "oidc", "oauth2"} {
			f.Add("entra", p, "", s)
			f.Add("okta", p, "/"+p+"/client_secret", s)
		}
	}
	f.Fuzz(func(t *testing.T, preset, protocol, field, text string) {
		r := paste.Read(paste.Input{Preset: preset, Protocol: protocol, Field: field, Text: text, Own: own, Now: now})
		if r.Refused() && len(r.Set) > 0 {
			t.Errorf("refused and set %v", r.Set)
		}
		if len(r.Set) == 0 && len(r.Findings) == 0 && r.Kind == "" {
			t.Errorf("nothing is said of %q", text)
		}
	})
}
