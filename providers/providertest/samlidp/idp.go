package samlidp

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"slices"
	"time"

	"github.com/beevik/etree"
)

// Options make an IdP.
type Options struct {
	// BaseURL is where Handler is reachable, without a slash at the end.
	BaseURL string
	// EntityID is BaseURL + "/metadata" if left out.
	EntityID string
	// Title stands on the pages, "Demo SAML identity provider" if left out.
	Title string
	Users []User
	// ServiceProvider finds who may ask, by entity ID. Nil: nobody.
	ServiceProvider func(entityID string) (ServiceProvider, bool)
	// Key and Certificate (DER) sign; made afresh (RSA-2048) if left out.
	Key         crypto.Signer
	Certificate []byte
	// WantSignedRequests is said in the metadata, and unsigned requests are then refused.
	WantSignedRequests bool
	// Like makes it behave as a product does; the settings below it are that product's.
	Like Vendor
	// NameIDFormat is the one chosen in its console, AuthnContext how people sign in; "" for the product's usual ones.
	NameIDFormat, AuthnContext string
	// EncryptionOptional lets Shibboleth answer applications that it cannot encrypt to.
	EncryptionOptional bool
	// Bend changes an answer of the pages before it is signed: what a mistake in the console would make of it.
	Bend func(*Response)
	// Document changes the metadata before it is served.
	Document func(*etree.Element)
	Now      func() time.Time // the clock; required
}

// ServiceProvider is an application that may ask.
type ServiceProvider struct {
	EntityID string
	ACS      []string // the first one is used where a request names none
	SLO      string
	// Certificates (DER) verify its requests.
	Certificates [][]byte
	// EncryptTo encrypts assertions where it is set.
	EncryptTo []byte
	// Disabled is an application that was switched off.
	Disabled bool
}

// User is somebody who can sign in.
type User struct {
	ID, Email, GivenName, FamilyName string
	Groups                           []string
	Unassigned                       bool // may not use the application
	Guest                            bool // of another organisation
}

// Name is the person's whole name.
func (u User) Name() string { return u.GivenName + " " + u.FamilyName }

// IdP is an identity provider. It is safe for concurrent use as long as its fields are left alone.
type IdP struct {
	Options
	secret [32]byte // authenticates what its pages carry
}

// New makes an IdP. It panics where no key can be made, which happens only on a broken machine.
func New(o Options) *IdP {
	if o.EntityID == "" {
		o.EntityID = o.BaseURL + "/metadata"
	}
	if o.Title == "" {
		o.Title = "Demo SAML identity provider"
	}
	if o.Key == nil {
		o.Key, o.Certificate = NewKey(2048, o.Now())
	}
	p := &IdP{Options: o}
	_, _ = rand.Read(p.secret[:]) // never fails (crypto/rand)
	return p
}

// NewKey makes an RSA key with a self-signed certificate of three years.
func NewKey(bits int, now time.Time) (*rsa.PrivateKey, []byte) {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key, NewCertificate(key, "Demo identity provider", now.Add(-time.Hour), now.AddDate(3, 0, 0))
}

// NewCertificate wraps a key in a self-signed certificate.
func NewCertificate(key crypto.Signer, name string, from, until time.Time) []byte {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err)
	}
	t := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return der
}

// PEM writes a certificate as consoles show it.
func PEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// User finds a user by ID.
func (p *IdP) User(id string) (User, bool) {
	i := slices.IndexFunc(p.Users, func(u User) bool { return u.ID == id })
	if i < 0 {
		return User{}, false
	}
	return p.Users[i], true
}

// Metadata is the EntityDescriptor.
func (p *IdP) Metadata() []byte {
	e := etree.NewElement("md:EntityDescriptor")
	e.CreateAttr("xmlns:md", nsMetadata)
	e.CreateAttr("entityID", p.EntityID)
	role := e.CreateElement("md:IDPSSODescriptor")
	role.CreateAttr("protocolSupportEnumeration", nsProtocol)
	if p.WantSignedRequests {
		role.CreateAttr("WantAuthnRequestsSigned", "true")
	}
	key := role.CreateElement("md:KeyDescriptor")
	key.CreateAttr("use", "signing")
	info := key.CreateElement("ds:KeyInfo")
	info.CreateAttr("xmlns:ds", nsDSig)
	info.CreateElement("ds:X509Data").CreateElement("ds:X509Certificate").SetText(base64.StdEncoding.EncodeToString(p.Certificate))
	for _, s := range []struct{ service, path string }{{"SingleLogoutService", "/slo"}, {"SingleSignOnService", "/sso"}} {
		for _, binding := range []string{BindingRedirect, BindingPOST} {
			x := role.CreateElement("md:" + s.service)
			x.CreateAttr("Binding", binding)
			x.CreateAttr("Location", p.BaseURL+s.path)
		}
	}
	if p.Document != nil {
		p.Document(e)
	}
	return serialize(e)
}

func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return "_" + hex.EncodeToString(b)
}

func serialize(e *etree.Element) []byte {
	doc := etree.NewDocument()
	doc.SetRoot(e)
	b, err := doc.WriteToBytes()
	if err != nil {
		panic(err) // a Buffer does not fail
	}
	return b
}
