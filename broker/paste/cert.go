package paste

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
)

// soon is how long before its end a certificate is warned of.
const soon = 30 * 24 * time.Hour

// pemBlock finds blocks however the dashes and line breaks have suffered: word processors make one long dash of several,
// and forms make blanks of line breaks.
var pemBlock = regexp.MustCompile(`[-‐‑–—―]{1,10} ?BEGIN ([A-Z0-9 ]+?) ?[-‐‑–—―]{1,10}([^-‐‑–—―]*)(?:[-‐‑–—―]{1,10} ?END [A-Z0-9 ]+? ?[-‐‑–—―]{1,10})?`)

// pem reads the blocks of a text and answers what stands around them.
func (r *reader) pem(s string) (rest string, found bool) {
	blocks := pemBlock.FindAllStringSubmatch(s, 200)
	if len(blocks) == 0 {
		return s, false
	}
	var certs []*x509.Certificate
	for _, b := range blocks {
		certs = append(certs, r.block(b[1], b[2], b[0])...)
	}
	r.certificates(certs)
	return pemBlock.ReplaceAllString(s, "\n"), true
}

// block reads one PEM block.
func (r *reader) block(kind, body, whole string) []*x509.Certificate {
	switch {
	case strings.Contains(kind, "PRIVATE KEY") && r.in.Preset == "apple" && r.in.Protocol == "oidc":
		r.set(KindClientSecret, squeeze(body)) // Apple's .p8 file is how its secret is made
		return nil
	case strings.Contains(kind, "PRIVATE KEY"):
		r.say(fault.PastePrivateKey, KindCertificate, "")
		return nil
	case kind == "PKCS7" || kind == "CMS":
		der, err := unbase64(squeeze(body))
		if err != nil {
			r.say(fault.PasteCertBroken, KindCertificate, "%s", clip(err.Error()))
			return nil
		}
		return r.bundle(der)
	case !strings.Contains(kind, "CERTIFICATE") || strings.Contains(kind, "REQUEST"):
		r.say(fault.PasteNoCertificate, KindCertificate, "%s", clip(strings.ToLower(kind)))
		return nil
	}
	cert := r.parse(body)
	if cert == nil {
		return nil
	}
	if p, _ := pem.Decode([]byte(strings.TrimSpace(whole))); p == nil {
		r.find(fault.New(fault.PasteCertMended, "%s", cert.Subject.CommonName))
	}
	return []*x509.Certificate{cert}
}

// parse reads the base64 of a certificate.
func (r *reader) parse(body string) *x509.Certificate {
	text := squeeze(body)
	der, err := unbase64(text)
	if err == nil {
		if cert, bad := x509.ParseCertificate(der); bad == nil {
			return cert
		} else {
			err = bad
		}
	}
	f := fault.Wrap(fault.PasteCertBroken, err, "%d characters were read", len(text))
	f.Labels = r.labels(KindCertificate)
	r.find(f)
	return nil
}

// der reads the bytes of a file. bare says that they came as base64 without the lines around it.
func (r *reader) der(b []byte, bare bool) {
	if cert, err := x509.ParseCertificate(b); err == nil {
		if bare {
			r.find(fault.New(fault.PasteCertBare, "%s", cert.Subject.CommonName))
		}
		r.certificates([]*x509.Certificate{cert})
		return
	}
	if text := string(b); strings.Contains(text, "-----BEGIN") && !strings.ContainsRune(text, 0) {
		if _, found := r.pem(text); found {
			return
		}
	}
	if isKey(b) {
		r.say(fault.PastePrivateKey, KindCertificate, "")
		return
	}
	if certs := certificatesIn(b); len(certs) > 0 {
		r.certificates(certs)
		return
	}
	if len(b) > 0 && b[0] == 0x30 {
		r.say(fault.PasteCertBroken, KindCertificate, "%d bytes of a certificate or key file", len(b))
		return
	}
	r.unknown("it is no text and no certificate")
}

func isKey(b []byte) bool {
	_, err := x509.ParsePKCS8PrivateKey(b)
	_, err1 := x509.ParsePKCS1PrivateKey(b)
	_, err2 := x509.ParseECPrivateKey(b)
	return err == nil || err1 == nil || err2 == nil
}

// bundle reads a PKCS #7 file.
func (r *reader) bundle(der []byte) []*x509.Certificate {
	certs := certificatesIn(der)
	if len(certs) == 0 {
		r.say(fault.PasteCertBroken, KindCertificate, "no certificate in the PKCS #7 file")
	}
	return certs
}

// signedData is as much of a PKCS #7 signed-data structure as holds certificates (RFC 2315, section 9.1).
type signedData struct {
	Version          int
	DigestAlgorithms asn1.RawValue
	ContentInfo      asn1.RawValue
	Certificates     asn1.RawValue `asn1:"optional,tag:0"`
}

// certificatesIn are the certificates of a PKCS #7 bundle, nil for anything else.
func certificatesIn(der []byte) []*x509.Certificate {
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,tag:0"`
	}
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil
	}
	var inner signedData
	if _, err := asn1.Unmarshal(outer.Content.Bytes, &inner); err != nil {
		return nil
	}
	certs, err := x509.ParseCertificates(inner.Certificates.Bytes)
	if err != nil || len(certs) > 50 {
		return nil
	}
	return certs
}

// certificates takes certificates over and says what is wrong with them. Of a chain only those that are nobody's issuer
// sign; the rest vouch for them, which means nothing in SAML.
func (r *reader) certificates(certs []*x509.Certificate) {
	if r.in.Protocol == "ldap" {
		r.authorities(certs)
		return
	}
	if len(certs) > 1 {
		leaves := slices.DeleteFunc(slices.Clone(certs), func(c *x509.Certificate) bool {
			return c.IsCA && slices.ContainsFunc(certs, func(o *x509.Certificate) bool { return o != c && bytes.Equal(o.RawIssuer, c.RawSubject) })
		})
		if len(leaves) > 0 && len(leaves) < len(certs) {
			certs = leaves
		}
		r.find(fault.New(fault.PasteCertBundle, "%d were taken", len(certs)))
	}
	var out []string
	for _, c := range certs {
		if text := strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if len(out) == 0 {
		return
	}
	if r.in.Protocol != "saml" {
		r.otherProtocol("saml", "a signing certificate")
		return
	}
	for _, f := range r.lint(certs) {
		r.find(f)
	}
	r.set(KindCertificate, out)
}

// lint says what is wrong with signing certificates. What only some of them have is let pass where another one is good.
func (r *reader) lint(certs []*x509.Certificate) []*fault.Error {
	var out []*fault.Error
	for _, c := range certs {
		f := r.flaw(c)
		if f == nil {
			return nil
		}
		f.Labels = r.labels(KindCertificate)
		out = append(out, f)
	}
	if len(out) > 0 {
		return out[:1]
	}
	return nil
}

// flaw is the worst that is wrong with one certificate.
func (r *reader) flaw(c *x509.Certificate) *fault.Error {
	name := c.Subject.CommonName
	switch bits, weak := weakKey(c); {
	case r.ours(c):
		return fault.New(fault.SAMLCertOwn, "%s", name)
	case weak:
		return fault.New(fault.SAMLCertWeak, "%s: %d bits", name, bits)
	case len(c.DNSNames) > 0 && slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth) && !c.IsCA && c.Issuer.String() != c.Subject.String():
		return fault.New(fault.SAMLCertNotSigning, "it is for the web server %s", c.DNSNames[0])
	case encrypts(c):
		f := fault.New(fault.SAMLCertNotSigning, "%s is for encryption, by its name", name)
		f.Confidence = fault.Likely
		return f
	case r.in.Now.After(c.NotAfter):
		return fault.New(fault.SAMLCertExpired, "%s ended on %s", name, c.NotAfter.UTC().Format(time.DateOnly))
	case r.in.Now.Before(c.NotBefore):
		return fault.New(fault.SAMLCertNotYet, "%s begins on %s", name, c.NotBefore.UTC().Format(time.DateOnly))
	case c.NotAfter.Sub(r.in.Now) < soon:
		return fault.New(fault.SAMLCertExpiring, "%s ends on %s", name, c.NotAfter.UTC().Format(time.DateOnly))
	case c.SignatureAlgorithm == x509.SHA1WithRSA || c.SignatureAlgorithm == x509.ECDSAWithSHA1 || c.SignatureAlgorithm == x509.DSAWithSHA1:
		return fault.New(fault.SAMLCertSHA1, "%s", name)
	}
	return nil
}

// encrypts says that a certificate is named for encryption, as AD FS names its own.
func encrypts(c *x509.Certificate) bool {
	subject := strings.ToLower(c.Subject.String())
	return strings.Contains(subject, "encryption") && !strings.Contains(subject, "signing") || strings.Contains(subject, "decrypting")
}

func weakKey(c *x509.Certificate) (bits int, weak bool) {
	switch k := c.PublicKey.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen(), k.N.BitLen() < 2048
	case *ecdsa.PublicKey:
		return k.Curve.Params().BitSize, k.Curve.Params().BitSize < 256
	}
	return 0, true
}

// ours reports whether a certificate has one of our keys.
func (r *reader) ours(c *x509.Certificate) bool {
	return slices.ContainsFunc(r.in.Own.Certificates, func(text string) bool {
		p, _ := pem.Decode([]byte(text))
		if p == nil {
			return false
		}
		own, err := x509.ParseCertificate(p.Bytes)
		return err == nil && bytes.Equal(own.RawSubjectPublicKeyInfo, c.RawSubjectPublicKeyInfo)
	})
}
