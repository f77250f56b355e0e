package saml

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"cloakroom/broker/fault"
)

// trusted is a signing key of the identity provider. A certificate is only the key's envelope: dates, issuer and
// revocation mean nothing in SAML metadata (SAML metadata interoperability profile, section 2.6.1), and Entra signs with
// expired ones.
type trusted struct {
	cert   *x509.Certificate
	public crypto.PublicKey
	weak   string // why signatures made with it are not taken, "" if they are
}

func trust(cert *x509.Certificate) trusted {
	t := trusted{cert: cert, public: cert.PublicKey}
	switch k := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if n := k.N.BitLen(); n < 2048 || n > 8192 {
			t.weak = fmt.Sprintf("RSA key of %d bits", n)
		}
	case *ecdsa.PublicKey:
		if n := k.Curve.Params().BitSize; n < 256 {
			t.weak = fmt.Sprintf("elliptic curve of %d bits", n)
		}
	default:
		t.weak = fmt.Sprintf("key of kind %s", cert.PublicKeyAlgorithm)
	}
	return t
}

// trustAlso parses a certificate and adds it, once.
func trustAlso(keys []trusted, der []byte) ([]trusted, error) {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return keys, fault.Wrap(fault.SAMLCertificate, err, "%d bytes", len(der))
	}
	if contains(keys, der) {
		return keys, nil
	}
	return append(keys, trust(cert)), nil
}

// decodeCertificate takes PEM, or the bare base64 that stands between its lines, as metadata and consoles give it.
func decodeCertificate(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	if block, _ := pem.Decode([]byte(text)); block != nil {
		if block.Type != "CERTIFICATE" {
			return nil, fault.Mismatch(fault.SAMLCertificate, block.Type, "CERTIFICATE")
		}
		return block.Bytes, nil
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "-----BEGIN CERTIFICATE-----"), "-----END CERTIFICATE-----")
	der, err := decodeBase64(text)
	if err != nil {
		return nil, fault.Wrap(fault.SAMLCertificate, err, "not base64")
	}
	return der, nil
}

// decodeBase64 takes standard base64 with white space anywhere, padded or not.
func decodeBase64(s string) ([]byte, error) {
	s = strings.TrimRight(dropSpace(s), "=")
	return base64.RawStdEncoding.DecodeString(s)
}

func dropSpace(s string) string {
	if !strings.ContainsAny(s, " \t\r\n") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, s)
}

// fingerprint names a certificate as consoles do.
func fingerprint(der []byte) string {
	h := sha256.Sum256(der)
	return "SHA-256 " + hex.EncodeToString(h[:])
}

func describe(cert *x509.Certificate) string {
	return fmt.Sprintf("%s (%s)", clip(cert.Subject.String()), fingerprint(cert.Raw))
}

func describeAll(keys []trusted) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = describe(k.cert)
	}
	return strings.Join(parts, ", ")
}

func contains(keys []trusted, der []byte) bool {
	return slices.ContainsFunc(keys, func(k trusted) bool { return bytes.Equal(k.cert.Raw, der) })
}
