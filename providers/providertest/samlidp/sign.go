package samlidp

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // connections may allow it, and a liar may use it
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Signature says how an element is signed. The zero value of a field is the ordinary choice.
type Signature struct {
	Key         crypto.Signer
	Certificate []byte // in KeyInfo; nil: no KeyInfo
	Prefix      string // of the signature's elements, "-" for the default namespace; "ds" if left out

	Algorithm, Digest, C14N string // URIs; rsa-sha256, sha256, exclusive C14N
	Inclusive               string // PrefixList of InclusiveNamespaces
	Transforms              []string
	URI                     *string // instead of "#" + ID
	// Edit changes the finished SignedInfo before it is signed.
	Edit func(signedInfo *etree.Element)
}

// Signature signs with the IdP's own key.
func (p *IdP) Signature() *Signature { return &Signature{Key: p.Key, Certificate: p.Certificate} }

const (
	RSASHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	SHA256    = "http://www.w3.org/2001/04/xmlenc#sha256"
	enveloped = nsDSig + "enveloped-signature"
)

func or(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// Sign puts a signature into e, after its Issuer.
func Sign(e *etree.Element, s Signature) {
	digest := hashOf(or(s.Digest, SHA256), Canonical(e, s.Inclusive))
	sig := s.skeleton(e, base64.StdEncoding.EncodeToString(digest))
	at := 0
	if issuer := e.SelectElement("Issuer"); issuer != nil && issuer.Parent() == e {
		at = issuer.Index() + 1
	}
	e.InsertChildAt(at, sig)
	info := sig.ChildElements()[0]
	if s.Edit != nil {
		s.Edit(info)
	}
	value := s.value(Canonical(info, s.Inclusive))
	s.child(sig, "SignatureValue").SetText(base64.StdEncoding.EncodeToString(value))
	if s.Certificate != nil {
		s.child(s.child(s.child(sig, "KeyInfo"), "X509Data"), "X509Certificate").SetText(base64.StdEncoding.EncodeToString(s.Certificate))
	}
}

func (s Signature) prefix() string {
	switch s.Prefix {
	case "":
		return "ds"
	case "-":
		return ""
	}
	return s.Prefix
}

func (s Signature) child(parent *etree.Element, name string) *etree.Element {
	return parent.CreateElement(join(s.prefix(), name))
}

func (s Signature) skeleton(e *etree.Element, digest string) *etree.Element {
	sig := etree.NewElement(join(s.prefix(), "Signature"))
	sig.CreateAttr(xmlns(s.prefix()), nsDSig)
	info := s.child(sig, "SignedInfo")
	s.c14n(info, "CanonicalizationMethod", or(s.C14N, nsExcC14N))
	s.child(info, "SignatureMethod").CreateAttr("Algorithm", or(s.Algorithm, RSASHA256))
	ref := s.child(info, "Reference")
	uri := "#" + e.SelectAttrValue("ID", "")
	if s.URI != nil {
		uri = *s.URI
	}
	ref.CreateAttr("URI", uri)
	list := s.child(ref, "Transforms")
	transforms := s.Transforms
	if transforms == nil {
		transforms = []string{enveloped, nsExcC14N}
	}
	for _, t := range transforms {
		s.c14n(list, "Transform", t)
	}
	s.child(ref, "DigestMethod").CreateAttr("Algorithm", or(s.Digest, SHA256))
	s.child(ref, "DigestValue").SetText(digest)
	return sig
}

// c14n adds an element that names an algorithm, with InclusiveNamespaces where it is exclusive C14N.
func (s Signature) c14n(parent *etree.Element, name, algorithm string) {
	e := s.child(parent, name)
	e.CreateAttr("Algorithm", algorithm)
	if s.Inclusive != "" && algorithm == nsExcC14N {
		x := e.CreateElement("ec:InclusiveNamespaces")
		x.CreateAttr("xmlns:ec", nsExcC14N)
		x.CreateAttr("PrefixList", s.Inclusive)
	}
}

// Canonical is goxmldsig's exclusive canonical form of e in its place in the tree.
func Canonical(e *etree.Element, inclusive string) []byte {
	b, err := dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(inclusive).Canonicalize(detach(e))
	if err != nil {
		panic(err) // an element of our own making
	}
	return b
}

// detach copies e and declares on the copy what its ancestors declare.
func detach(e *etree.Element) *etree.Element {
	out := e.Copy()
	has := func(key string) bool { return out.SelectAttr(key) != nil }
	for p := e.Parent(); p != nil; p = p.Parent() {
		for _, a := range p.Attr {
			if (a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns") && !has(a.FullKey()) {
				out.CreateAttr(a.FullKey(), a.Value)
			}
		}
	}
	return out
}

func hashFor(uri string) crypto.Hash {
	switch {
	case strings.Contains(uri, "sha1"):
		return crypto.SHA1
	case strings.Contains(uri, "sha384"):
		return crypto.SHA384
	case strings.Contains(uri, "sha512"):
		return crypto.SHA512
	}
	return crypto.SHA256
}

func hashOf(uri string, b []byte) []byte {
	h := hashFor(uri).New()
	h.Write(b)
	return h.Sum(nil)
}

// value signs in the way that the algorithm's URI says; an unknown one gets an RSA-SHA256 signature.
func (s Signature) value(message []byte) []byte {
	uri := or(s.Algorithm, RSASHA256)
	hash := hashFor(uri)
	digest := hashOf(uri, message)
	if key, ok := s.Key.(*ecdsa.PrivateKey); ok {
		r, t, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			panic(err)
		}
		size := (key.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), t.FillBytes(make([]byte, size))...)
	}
	var opts crypto.SignerOpts = hash
	if strings.HasSuffix(uri, "-rsa-MGF1") {
		opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	value, err := s.Key.Sign(rand.Reader, digest, opts)
	if err != nil {
		panic(err)
	}
	return value
}
