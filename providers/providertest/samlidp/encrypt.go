package samlidp

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"strings"

	"github.com/beevik/etree"
)

const (
	nsEnc   = "http://www.w3.org/2001/04/xmlenc#"
	nsEnc11 = "http://www.w3.org/2009/xmlenc11#"
)

// Encryption says how an element is encrypted. The zero value of a field is the ordinary choice.
type Encryption struct {
	To []byte // certificate (DER)
	// Data, Transport, Digest, MGF are URIs: aes256-gcm, rsa-oaep-mgf1p, (SHA-1), (MGF1 with SHA-1).
	Data, Transport, Digest, MGF string
	// Beside puts the EncryptedKey beside the data instead of into its KeyInfo.
	Beside bool
	// NameRecipient puts the certificate into the EncryptedKey.
	NameRecipient bool
	// Bend changes content key and ciphertext before they are written.
	Bend func(wrapped, secret []byte) ([]byte, []byte)
}

func (x *Encryption) assertion(e *etree.Element, prefix string) *etree.Element {
	if e.SelectAttr(xmlns(prefix)) == nil {
		e.CreateAttr(xmlns(prefix), nsAssertion)
	}
	return x.Element(e, join(or(prefix, "saml"), "EncryptedAssertion"), or(prefix, "saml"))
}

// Element encrypts e into an element of the given name, which declares prefix as SAML's assertion namespace.
func (x *Encryption) Element(e *etree.Element, name, prefix string) *etree.Element {
	data := or(x.Data, nsEnc11+"aes256-gcm")
	key := random(keySize(data))
	secret := encrypt(data, key, Canonical(e, "xs"))
	wrapped := x.wrap(key)
	if x.Bend != nil {
		wrapped, secret = x.Bend(wrapped, secret)
	}
	out := etree.NewElement(name)
	out.CreateAttr("xmlns:"+prefix, nsAssertion)
	d := out.CreateElement("xenc:EncryptedData")
	d.CreateAttr("xmlns:xenc", nsEnc)
	d.CreateAttr("Type", nsEnc+"Element")
	d.CreateElement("xenc:EncryptionMethod").CreateAttr("Algorithm", data)
	info := d.CreateElement("ds:KeyInfo")
	info.CreateAttr("xmlns:ds", nsDSig)
	holder := info
	if x.Beside {
		info.CreateElement("ds:RetrievalMethod").CreateAttr("URI", "#key")
		holder = out
	}
	k := x.key(holder, wrapped)
	if x.Beside {
		k.CreateAttr("Id", "key")
	}
	cipherData(d, secret)
	return out
}

func (x *Encryption) key(parent *etree.Element, wrapped []byte) *etree.Element {
	k := parent.CreateElement("xenc:EncryptedKey")
	k.CreateAttr("xmlns:xenc", nsEnc)
	m := k.CreateElement("xenc:EncryptionMethod")
	m.CreateAttr("Algorithm", or(x.Transport, nsEnc+"rsa-oaep-mgf1p"))
	if x.Digest != "" {
		d := m.CreateElement("ds:DigestMethod")
		d.CreateAttr("xmlns:ds", nsDSig)
		d.CreateAttr("Algorithm", x.Digest)
	}
	if x.MGF != "" {
		g := m.CreateElement("xenc11:MGF")
		g.CreateAttr("xmlns:xenc11", nsEnc11)
		g.CreateAttr("Algorithm", x.MGF)
	}
	if x.NameRecipient {
		info := k.CreateElement("ds:KeyInfo")
		info.CreateAttr("xmlns:ds", nsDSig)
		info.CreateElement("ds:X509Data").CreateElement("ds:X509Certificate").SetText(base64.StdEncoding.EncodeToString(x.To))
	}
	cipherData(k, wrapped)
	return k
}

func cipherData(parent *etree.Element, b []byte) {
	parent.CreateElement("xenc:CipherData").CreateElement("xenc:CipherValue").SetText(base64.StdEncoding.EncodeToString(b))
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}

func keySize(uri string) int {
	switch {
	case strings.Contains(uri, "128"):
		return 16
	case strings.Contains(uri, "192"), strings.Contains(uri, "tripledes"):
		return 24
	}
	return 32
}

func encrypt(uri string, key, plain []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	if strings.HasSuffix(uri, "-gcm") {
		g, err := cipher.NewGCM(block)
		if err != nil {
			panic(err)
		}
		iv := random(12)
		return g.Seal(iv, iv, plain, nil)
	}
	pad := 16 - len(plain)%16
	plain = append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	iv := random(16)
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, plain)
	return append(iv, out...)
}

func (x *Encryption) wrap(key []byte) []byte {
	cert, err := x509.ParseCertificate(x.To)
	if err != nil {
		panic(err)
	}
	public := cert.PublicKey.(*rsa.PublicKey)
	var out []byte
	if strings.HasSuffix(x.Transport, "rsa-1_5") {
		out, err = rsa.EncryptPKCS1v15(rand.Reader, public, key) //nolint:staticcheck // connections may allow it, and a liar may use it
	} else {
		out, err = rsa.EncryptOAEPWithOptions(rand.Reader, public, key, &rsa.OAEPOptions{Hash: oaepHash(x.Digest), MGFHash: oaepHash(x.MGF)})
	}
	if err != nil {
		panic(err)
	}
	return out
}

func oaepHash(uri string) crypto.Hash {
	if uri == "" {
		return crypto.SHA1
	}
	return hashFor(uri)
}
