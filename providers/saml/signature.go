package saml

import (
	"bytes"
	"crypto/x509"
	"strings"

	"cloakroom/broker/fault"
)

// verifier checks enveloped signatures (SAML core, section 5.4) with the keys of one connection.
type verifier struct {
	c    *config
	keys []trusted
}

// signature is the Signature element directly below n, nil if there is none.
func signature(n *node) (*node, error) {
	s := n.all(nsDSig, "Signature")
	if len(s) > 1 {
		return nil, fault.New(fault.SAMLSignatureShape, "two signatures in one %s", n.name)
	}
	if len(s) == 0 {
		return nil, nil
	}
	return s[0], nil
}

// verify checks the signature sig directly below n and answers the canonical bytes that it covers: all of n, without
// sig. Nothing else of the document is vouched for.
//
// SignedInfo is verified with a key before its content is believed, so the costly part, canonicalising n, is never
// reached by somebody who has no signature of a trusted key.
func (v verifier) verify(n, sig *node) ([]byte, error) {
	info, err := signedInfoOf(sig)
	if err != nil {
		return nil, err
	}
	inclusive, err := c14nMethod(info.child(nsDSig, "CanonicalizationMethod"))
	if err != nil {
		return nil, err
	}
	signed := canonical(info, nil, inclusive)
	if err := v.value(sig, info, signed); err != nil {
		return nil, err
	}
	// From here on only what the key vouched for is read.
	info, err = parse(signed, messageLimits)
	if err != nil {
		return nil, err
	}
	return v.reference(n, sig, info.child(nsDSig, "Reference"))
}

// signedInfoOf checks that sig is made of exactly the parts that SAML allows, before any of them is used.
func signedInfoOf(sig *node) (*node, error) {
	if err := shape(sig, "SignedInfo", "SignatureValue", "KeyInfo?"); err != nil {
		return nil, err
	}
	info := sig.child(nsDSig, "SignedInfo")
	if err := shape(info, "CanonicalizationMethod", "SignatureMethod", "Reference"); err != nil {
		return nil, err
	}
	if err := shape(info.child(nsDSig, "SignatureMethod"), "HMACOutputLength?"); err != nil {
		return nil, err
	}
	ref := info.child(nsDSig, "Reference")
	if err := shape(ref, "Transforms", "DigestMethod", "DigestValue"); err != nil {
		return nil, err
	}
	return info, nil
}

// shape requires n's child elements to be exactly the named ones of the XML signature namespace, in this order.
func shape(n *node, names ...string) error {
	kids := n.elements()
	for _, name := range names {
		want, optional := strings.CutSuffix(name, "?")
		if len(kids) > 0 && kids[0].is(nsDSig, want) {
			kids = kids[1:]
		} else if !optional {
			return fault.New(fault.SAMLSignatureShape, "%s without %s in its place", n.name, want)
		}
	}
	if len(kids) > 0 {
		return fault.New(fault.SAMLSignatureShape, "%s with an unexpected %s", n.name, clip(kids[0].name))
	}
	return nil
}

// c14nMethod takes exclusive canonicalisation, with or without InclusiveNamespaces, and answers their prefixes.
func c14nMethod(n *node) ([]string, error) {
	if alg := n.attr("Algorithm"); alg != algExcC14N {
		return nil, fault.Mismatch(fault.SAMLSignatureShape, clip(alg), algExcC14N)
	}
	kids := n.elements()
	if len(kids) == 0 {
		return nil, nil
	}
	if len(kids) > 1 || !kids[0].is(nsExcC14N, "InclusiveNamespaces") {
		return nil, fault.New(fault.SAMLSignatureShape, "an unexpected %s in %s", clip(kids[0].name), n.name)
	}
	prefixes := strings.Fields(kids[0].attr("PrefixList"))
	if len(prefixes) > 32 {
		return nil, fault.New(fault.SAMLSignatureShape, "InclusiveNamespaces with %d prefixes", len(prefixes))
	}
	for i, p := range prefixes {
		if p == "#default" {
			prefixes[i] = ""
		}
	}
	return prefixes, nil
}

// value verifies SignatureValue over the canonical SignedInfo with each trusted key in turn.
func (v verifier) value(sig, info *node, signed []byte) error {
	m, err := v.c.method(info.child(nsDSig, "SignatureMethod").attr("Algorithm"))
	if err != nil {
		return err
	}
	value, err := decodeBase64(sig.child(nsDSig, "SignatureValue").content())
	if err != nil {
		return fault.Wrap(fault.SAMLSignatureShape, err, "SignatureValue is not base64")
	}
	weak := ""
	for _, k := range v.keys {
		switch {
		case !m.verify(k.public, signed, value):
		case k.weak == "":
			return nil
		default:
			weak = k.weak
		}
	}
	if weak != "" {
		return fault.New(fault.SAMLSignatureWeak, "%s", weak)
	}
	return v.unverified(sig, func(k trusted) bool { return m.verify(k.public, signed, value) })
}

// unverified tells an altered message from an unknown key by the certificate that the message names. This is a hint for
// the report; no key is ever taken from the message.
func (v verifier) unverified(sig *node, verifies func(trusted) bool) error {
	cert := namedCertificate(sig)
	switch {
	case cert != nil && contains(v.keys, cert.Raw):
		return fault.New(fault.SAMLSignatureInvalid, "the signature value does not verify with the key that the message names")
	case cert != nil:
		named := trust(cert)
		f := fault.Mismatch(fault.SAMLSignatureKey, describe(cert), describeAll(v.keys))
		f.Confidence, f.Err = fault.Likely, &foreign{cert: cert, holds: named.weak == "" && verifies(named)}
		return f
	}
	f := fault.New(fault.SAMLSignatureKey, "the message names no certificate")
	f.Expected, f.Confidence = describeAll(v.keys), fault.Guess
	return f
}

// foreign is a certificate that a message names and that is not trusted.
type foreign struct {
	cert  *x509.Certificate
	holds bool // the signature verifies with it
}

func (f *foreign) Error() string {
	if f.holds {
		return "the signature is that certificate's"
	}
	return "nor is the signature that certificate's"
}

func namedCertificate(sig *node) *x509.Certificate {
	ders := certificates(sig.child(nsDSig, "KeyInfo"))
	if len(ders) == 0 {
		return nil
	}
	cert, err := x509.ParseCertificate(ders[0])
	if err != nil {
		return nil
	}
	return cert
}

// certificates are the decodable X509Certificate values of a KeyInfo.
func certificates(info *node) [][]byte {
	if info == nil {
		return nil
	}
	var out [][]byte
	for _, data := range info.all(nsDSig, "X509Data") {
		for _, c := range data.all(nsDSig, "X509Certificate") {
			if der, err := decodeBase64(c.content()); err == nil && len(out) < 16 {
				out = append(out, der)
			}
		}
	}
	return out
}

// reference checks that the one Reference is to n itself, with nothing cut out of it but the signature, and that the
// digest fits.
func (v verifier) reference(n, sig, ref *node) ([]byte, error) {
	id := n.attr("ID")
	if uri := ref.attr("URI"); id == "" || uri != "#"+id {
		return nil, fault.Mismatch(fault.SAMLSignatureShape, clip(uri), "#"+clip(id))
	}
	inclusive, err := transforms(ref.child(nsDSig, "Transforms"))
	if err != nil {
		return nil, err
	}
	h, err := v.c.digest(ref.child(nsDSig, "DigestMethod").attr("Algorithm"))
	if err != nil {
		return nil, err
	}
	want, err := decodeBase64(ref.child(nsDSig, "DigestValue").content())
	if err != nil {
		return nil, fault.Wrap(fault.SAMLSignatureShape, err, "DigestValue is not base64")
	}
	covered := canonical(n, sig, inclusive)
	if !bytes.Equal(sum(h, covered), want) {
		return nil, fault.New(fault.SAMLSignatureInvalid, "the %s was altered after signing", n.name)
	}
	return covered, nil
}

// transforms takes the enveloped-signature transform followed by exclusive canonicalisation, and nothing else.
func transforms(n *node) ([]string, error) {
	if err := shape(n, "Transform", "Transform"); err != nil {
		return nil, err
	}
	t := n.elements()
	if alg := t[0].attr("Algorithm"); alg != algEnveloped || len(t[0].elements()) > 0 {
		return nil, fault.Mismatch(fault.SAMLSignatureShape, clip(alg), algEnveloped)
	}
	return c14nMethod(t[1])
}
