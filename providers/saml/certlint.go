package saml

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// lintCertificates judges each signing certificate. What is wrong with a certificate's envelope is a warning at most: in
// SAML it is the key that counts, and identity providers go on signing with expired ones.
func (p *provider) lintCertificates(ctx context.Context, known *idp, f *findings) {
	own, _ := p.s.Keys(ctx)
	for _, k := range known.keys {
		name := describe(k.cert)
		err, severity := p.certificate(k, known, own)
		switch {
		case err == nil:
			f.add("ok", "certificate", nil, fmt.Sprintf("%s, until %s", name, k.cert.NotAfter.Format(time.DateOnly)))
		case severity == "error":
			f.fail("certificate", err)
		default:
			f.warn("certificate", err)
		}
	}
}

// certificate answers the worst that can be said of a certificate.
func (p *provider) certificate(k trusted, known *idp, own []providers.Key) (err error, severity string) { //nolint:revive,staticcheck // the error is the result, not a failure
	now, name, until := p.s.Now(), describe(k.cert), k.cert.NotAfter
	switch {
	case slices.ContainsFunc(own, func(o providers.Key) bool { return bytes.Equal(o.Certificate, k.cert.Raw) }):
		return fault.New(fault.SAMLCertOwn, "%s", name), "error"
	case k.weak != "":
		return fault.New(fault.SAMLCertWeak, "%s: %s", name, k.weak), "error"
	case known.keptForEncryption(k.cert):
		return (&fault.Error{Code: fault.SAMLCertNotSigning, Confidence: fault.Proved}).Telling("%s: their metadata has it for encryption only", name), "error"
	case purpose(k.cert) != "":
		return otherPurpose(k.cert), "warning"
	case now.After(until):
		return fault.New(fault.SAMLCertExpired, "%s: since %s", name, until.Format(time.DateOnly)), "warning"
	case now.Before(k.cert.NotBefore):
		return fault.New(fault.SAMLCertNotYet, "%s: from %s", name, k.cert.NotBefore.Format(time.DateTime)), "warning"
	case now.Add(expiresSoon).After(until):
		return fault.New(fault.SAMLCertExpiring, "%s: on %s", name, until.Format(time.DateOnly)), "warning"
	case oldHash(k.cert):
		return &fault.Error{Code: fault.SAMLCertSHA1, Detail: fmt.Sprintf("%s: %s", name, k.cert.SignatureAlgorithm), Confidence: fault.Guess}, "warning"
	}
	return nil, ""
}

func (p *idp) keptForEncryption(cert *x509.Certificate) bool {
	from := p
	if p.published != nil {
		from = p.published
	}
	return !contains(from.keys, cert.Raw) && slices.ContainsFunc(from.encryption, func(der []byte) bool { return bytes.Equal(der, cert.Raw) })
}

// purpose says what a certificate is for, "" where nothing speaks against signing. AD FS names its own; a web server's is
// told by host names in it and an authority that is not itself.
func purpose(cert *x509.Certificate) string {
	subject := strings.ToLower(cert.Subject.String())
	switch {
	case strings.Contains(subject, "encryption") && !strings.Contains(subject, "signing"), strings.Contains(subject, "decrypting"):
		return "an encryption certificate"
	case len(cert.DNSNames) > 0 && !bytes.Equal(cert.RawIssuer, cert.RawSubject) && slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageServerAuth):
		return "a web server's TLS certificate"
	}
	return ""
}

func otherPurpose(cert *x509.Certificate) error {
	f := &fault.Error{Code: fault.SAMLCertNotSigning, Observed: clip(cert.Subject.String()), Confidence: fault.Likely,
		Alternatives: []fault.Alternative{{Code: fault.SAMLKeyRolledOver, Question: "Do sign-ins work with it? Then the identity provider signs with this very certificate, whatever its name."}}}
	return f.Telling("%s looks like %s", describe(cert), fault.Text{Say: purpose(cert)})
}

func oldHash(cert *x509.Certificate) bool {
	return slices.Contains([]x509.SignatureAlgorithm{x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.MD5WithRSA, x509.MD2WithRSA}, cert.SignatureAlgorithm)
}
