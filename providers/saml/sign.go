package saml

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"

	"cloakroom/broker/fault"
)

// signer makes our RSA-SHA256 signatures.
type signer struct {
	key         crypto.Signer
	certificate []byte
}

func (s signer) sign(message []byte) (string, error) {
	digest := sha256.Sum256(message)
	value, err := s.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return "", fault.Wrap(fault.SAMLOwnKey, err, "")
	}
	return base64.StdEncoding.EncodeToString(value), nil
}

// query signs a redirect message's parameters (SAML bindings, section 3.4.4.1): the very octets that are sent.
func (s signer) query(query string) (string, error) {
	query += "&SigAlg=" + url.QueryEscape(algRSASHA256)
	value, err := s.sign([]byte(query))
	if err != nil {
		return "", err
	}
	return query + "&Signature=" + url.QueryEscape(value), nil
}

// enveloped signs a message of our own making. Our messages are written in exclusive canonical form to begin with, so
// that their bytes are what is digested; the signature goes in at the offset at. A test holds this against goxmldsig.
func (s signer) enveloped(doc []byte, id string, at int) ([]byte, error) {
	digest := sha256.Sum256(doc)
	info := `<ds:CanonicalizationMethod Algorithm="` + algExcC14N + `"></ds:CanonicalizationMethod>` +
		`<ds:SignatureMethod Algorithm="` + algRSASHA256 + `"></ds:SignatureMethod>` +
		`<ds:Reference URI="#` + id + `"><ds:Transforms>` +
		`<ds:Transform Algorithm="` + algEnveloped + `"></ds:Transform>` +
		`<ds:Transform Algorithm="` + algExcC14N + `"></ds:Transform></ds:Transforms>` +
		`<ds:DigestMethod Algorithm="` + algSHA256 + `"></ds:DigestMethod>` +
		`<ds:DigestValue>` + base64.StdEncoding.EncodeToString(digest[:]) + `</ds:DigestValue></ds:Reference></ds:SignedInfo>`
	value, err := s.sign([]byte(`<ds:SignedInfo xmlns:ds="` + nsDSig + `">` + info))
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.Grow(len(doc) + 3<<10)
	b.Write(doc[:at])
	b.WriteString(`<ds:Signature xmlns:ds="` + nsDSig + `"><ds:SignedInfo>` + info)
	b.WriteString(`<ds:SignatureValue>` + value + `</ds:SignatureValue>`)
	b.WriteString(keyInfo(s.certificate) + `</ds:Signature>`)
	b.Write(doc[at:])
	return []byte(b.String()), nil
}

func keyInfo(certificate []byte) string {
	return `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + base64.StdEncoding.EncodeToString(certificate) +
		`</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`
}
