package saml

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha1" // only for connections that allow it
	_ "crypto/sha256"
	_ "crypto/sha512"
	"math/big"

	"cloakroom/broker/fault"
)

// Algorithm identifiers (XML Signature 1.1, RFC 6931).
const (
	algExcC14N   = nsExcC14N
	algEnveloped = nsDSig + "enveloped-signature"
	algRSASHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	algSHA256    = "http://www.w3.org/2001/04/xmlenc#sha256"
	algSHA1      = nsDSig + "sha1"
)

type scheme int

const (
	pkcs1 scheme = iota + 1
	pss
	ecdsaRaw
)

// method is how a signature value was made.
type method struct {
	scheme scheme
	hash   crypto.Hash
}

// signatureMethod knows the accepted signature algorithms. SHA-1 is among them; the caller decides about it.
func signatureMethod(uri string) (method, bool) {
	const more, more07 = "http://www.w3.org/2001/04/xmldsig-more#", "http://www.w3.org/2007/05/xmldsig-more#"
	switch uri {
	case algRSASHA256:
		return method{pkcs1, crypto.SHA256}, true
	case more + "rsa-sha384":
		return method{pkcs1, crypto.SHA384}, true
	case more + "rsa-sha512":
		return method{pkcs1, crypto.SHA512}, true
	case more07 + "sha256-rsa-MGF1":
		return method{pss, crypto.SHA256}, true
	case more07 + "sha384-rsa-MGF1":
		return method{pss, crypto.SHA384}, true
	case more07 + "sha512-rsa-MGF1":
		return method{pss, crypto.SHA512}, true
	case more + "ecdsa-sha256":
		return method{ecdsaRaw, crypto.SHA256}, true
	case more + "ecdsa-sha384":
		return method{ecdsaRaw, crypto.SHA384}, true
	case more + "ecdsa-sha512":
		return method{ecdsaRaw, crypto.SHA512}, true
	case nsDSig + "rsa-sha1":
		return method{pkcs1, crypto.SHA1}, true
	case more + "ecdsa-sha1":
		return method{ecdsaRaw, crypto.SHA1}, true
	}
	return method{}, false
}

func digestMethod(uri string) (crypto.Hash, bool) {
	switch uri {
	case algSHA256:
		return crypto.SHA256, true
	case "http://www.w3.org/2001/04/xmldsig-more#sha384":
		return crypto.SHA384, true
	case nsEnc + "sha512":
		return crypto.SHA512, true
	case algSHA1:
		return crypto.SHA1, true
	}
	return 0, false
}

// verify reports whether sig is key's signature over message.
func (m method) verify(key crypto.PublicKey, message, sig []byte) bool {
	digest := sum(m.hash, message)
	switch k := key.(type) {
	case *rsa.PublicKey:
		switch m.scheme {
		case pkcs1:
			return rsa.VerifyPKCS1v15(k, m.hash, digest, sig) == nil
		case pss:
			return rsa.VerifyPSS(k, m.hash, digest, sig, nil) == nil
		}
	case *ecdsa.PublicKey:
		size := (k.Curve.Params().BitSize + 7) / 8
		if m.scheme != ecdsaRaw || len(sig) != 2*size {
			return false
		}
		return ecdsa.Verify(k, digest, new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:]))
	}
	return false
}

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

// accepted parses an algorithm pair and holds SHA-1 against the connection's exception.
func (c *config) method(uri string) (method, error) {
	m, ok := signatureMethod(uri)
	if !ok {
		return m, fault.Mismatch(fault.SAMLSignatureAlgorithm, clip(uri), algRSASHA256)
	}
	return m, c.hashAllowed(m.hash, uri)
}

func (c *config) digest(uri string) (crypto.Hash, error) {
	h, ok := digestMethod(uri)
	if !ok {
		return h, fault.Mismatch(fault.SAMLSignatureAlgorithm, clip(uri), algSHA256)
	}
	return h, c.hashAllowed(h, uri)
}

func (c *config) hashAllowed(h crypto.Hash, uri string) error {
	if h == crypto.SHA1 && !c.AllowSHA1 {
		return &fault.Error{Code: fault.SAMLSignatureAlgorithm, Detail: "SHA-1", Observed: uri, Expected: algRSASHA256}
	}
	return nil
}
