package saml

import (
	"bytes"
	"crypto/x509"
	"strings"
)

// recipient is whom a key was wrapped for, as the sender says: by certificate, or by its issuer and serial number as
// AD FS does (XML signature, section 4.5.4).
type recipient struct {
	cert           *x509.Certificate
	issuer, serial string
}

func recipientOf(info *node) (r recipient) {
	for _, der := range certificates(info) {
		if cert, err := x509.ParseCertificate(der); err == nil {
			return recipient{cert: cert}
		}
	}
	is := info.child(nsDSig, "X509Data").child(nsDSig, "X509IssuerSerial")
	return recipient{issuer: is.child(nsDSig, "X509IssuerName").content(), serial: is.child(nsDSig, "X509SerialNumber").content()}
}

func (r recipient) named() bool { return r.cert != nil || r.issuer != "" && r.serial != "" }

func (r recipient) String() string {
	if r.cert != nil {
		return describe(r.cert)
	}
	return clip(r.issuer) + ", serial number " + clip(r.serial)
}

// is reports whether the certificate of one of our keys is meant.
func (r recipient) is(k decryptionKey) bool {
	if r.cert != nil {
		return bytes.Equal(r.cert.Raw, k.certificate)
	}
	own, err := x509.ParseCertificate(k.certificate)
	return err == nil && own.SerialNumber.String() == r.serial
}

// namesake reports whether it is made out to the same name as ours: each connection has a name of its own, so it is an
// earlier certificate of ours.
func (r recipient) namesake(k decryptionKey) bool {
	own, err := x509.ParseCertificate(k.certificate)
	if err != nil {
		return false
	}
	if r.cert != nil {
		return bytes.Equal(r.cert.RawSubject, own.RawSubject) && r.cert.NotBefore.Before(own.NotBefore)
	}
	return strings.Contains(", "+r.issuer+",", "CN="+own.Subject.CommonName+",") && own.Subject.CommonName != ""
}
