package saml_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/beevik/etree"

	"cloakroom/broker/fault"
	"cloakroom/providers/providertest/samlidp"
)

const (
	nsE   = "http://www.w3.org/2001/04/xmlenc#"
	nsE11 = "http://www.w3.org/2009/xmlenc11#"
)

func TestDecryption(t *testing.T) {
	k := keys()
	for _, row := range []struct {
		name     string
		settings settings
		enc      samlidp.Encryption
		sign     string // "assertion", "response", "both"
		want     fault.Code
	}{
		{name: "AES-256-GCM", sign: "assertion"},
		{name: "AES-128-GCM", enc: samlidp.Encryption{Data: nsE11 + "aes128-gcm"}, sign: "assertion"},
		{name: "AES-192-GCM", enc: samlidp.Encryption{Data: nsE11 + "aes192-gcm"}, sign: "assertion"},
		{name: "signed around", sign: "response"},
		{name: "signed inside and around", sign: "both"},
		{name: "key beside the data", enc: samlidp.Encryption{Beside: true}, sign: "assertion"},
		{name: "to the next key", enc: samlidp.Encryption{To: k.next.cert}, sign: "assertion"},
		{name: "OAEP with SHA-256", enc: samlidp.Encryption{Digest: samlidp.SHA256}, sign: "assertion"},
		{name: "xmlenc11 OAEP", enc: samlidp.Encryption{Transport: nsE11 + "rsa-oaep", Digest: samlidp.SHA256, MGF: nsE11 + "mgf1sha256"}, sign: "assertion"},
		{name: "xmlenc11 OAEP with defaults", enc: samlidp.Encryption{Transport: nsE11 + "rsa-oaep"}, sign: "assertion"},
		{name: "CBC where allowed", settings: settings{"allow_cbc": true}, enc: samlidp.Encryption{Data: nsE + "aes256-cbc"}, sign: "assertion"},
		{name: "RSA 1.5 where allowed", settings: settings{"allow_rsa15": true}, enc: samlidp.Encryption{Transport: nsE + "rsa-1_5"}, sign: "assertion"},
		{name: "required and there", settings: settings{"encrypt": "required"}, sign: "assertion"},

		{name: "unsigned plaintext", sign: "", want: fault.SAMLSignatureMissing},
		{name: "CBC", enc: samlidp.Encryption{Data: nsE + "aes256-cbc"}, sign: "assertion", want: fault.SAMLEncryptionAlgorithm},
		{name: "triple DES", settings: settings{"allow_cbc": true}, enc: samlidp.Encryption{Data: nsE + "tripledes-cbc"}, sign: "assertion", want: fault.SAMLEncryptionAlgorithm},
		{name: "RSA 1.5", enc: samlidp.Encryption{Transport: nsE + "rsa-1_5"}, sign: "assertion", want: fault.SAMLEncryptionAlgorithm},
		{name: "unknown MGF", enc: samlidp.Encryption{Transport: nsE11 + "rsa-oaep", MGF: nsE11 + "mgf1md5"}, sign: "assertion", want: fault.SAMLEncryptionAlgorithm},
		{name: "to another key", enc: samlidp.Encryption{To: k.other.cert, NameRecipient: true}, sign: "assertion", want: fault.SAMLDecryptionForeign},
		{name: "no wrapped key", enc: bend(func(_, s []byte) ([]byte, []byte) { return nil, s }), sign: "assertion", want: fault.SAMLDecryption},
		{name: "short wrapped key", enc: bend(func(k, s []byte) ([]byte, []byte) { return k[:255], s }), sign: "assertion", want: fault.SAMLDecryption},
		{name: "long wrapped key", enc: bend(func(k, s []byte) ([]byte, []byte) { return append(k, 0), s }), sign: "assertion", want: fault.SAMLDecryption},
		{name: "no ciphertext", enc: bend(func(k, _ []byte) ([]byte, []byte) { return k, nil }), sign: "assertion", want: fault.SAMLDecryption},
		{name: "only a nonce", enc: bend(func(k, s []byte) ([]byte, []byte) { return k, s[:12] }), sign: "assertion", want: fault.SAMLDecryption},
		{name: "cut tag", enc: bend(func(k, s []byte) ([]byte, []byte) { return k, s[:len(s)-1] }), sign: "assertion", want: fault.SAMLDecryption},
		{name: "flipped bit", enc: bend(flip), sign: "assertion", want: fault.SAMLDecryption},
		{name: "unknown algorithm", enc: samlidp.Encryption{Data: nsE11 + "chacha20-poly1305"}, sign: "assertion", want: fault.SAMLEncryptionAlgorithm},
		{name: "key of another length than the algorithm's", sign: "relabelled", want: fault.SAMLDecryption},
		{name: "CBC of odd length", settings: settings{"allow_cbc": true}, enc: cbc(func(k, s []byte) ([]byte, []byte) { return k, s[:len(s)-1] }), sign: "assertion", want: fault.SAMLDecryption},
		{name: "CBC of one block", settings: settings{"allow_cbc": true}, enc: cbc(func(k, s []byte) ([]byte, []byte) { return k, s[:16] }), sign: "assertion", want: fault.SAMLDecryption},
		{name: "CBC with a padding longer than the text", settings: settings{"allow_cbc": true}, enc: cbc(func(k, s []byte) ([]byte, []byte) { return k, s[:32] }), sign: "assertion", want: fault.SAMLDecryption},
		{name: "CBC with wrong padding", settings: settings{"allow_cbc": true}, enc: cbc(flip), sign: "assertion", want: fault.SAMLDecryption},
		{name: "altered under the Response's signature", enc: samlidp.Encryption{}, sign: "altered", want: fault.SAMLSignatureInvalid},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, row.settings)
			r := w.answer()
			if row.enc.To == nil {
				row.enc.To = k.own.cert
			}
			r.Encrypt = &row.enc
			r.SignAssertion = nil
			if row.sign == "assertion" || row.sign == "both" {
				r.SignAssertion = w.idp.Signature()
			}
			if row.sign == "response" || row.sign == "both" || row.sign == "altered" {
				r.SignResponse = w.idp.Signature()
			}
			if row.sign == "altered" {
				other := w.answer()
				other.NameID, other.SignAssertion, other.Encrypt = "admin@acme.example", nil, &row.enc
				r.Sent = func(root *etree.Element) {
					d := etree.NewDocument()
					if err := d.ReadFromBytes(w.idp.XML(other)); err != nil {
						t.Fatal(err)
					}
					root.RemoveChild(root.SelectElement("EncryptedAssertion"))
					root.AddChild(d.Root().SelectElement("EncryptedAssertion"))
				}
			}
			if row.sign == "relabelled" {
				r.SignAssertion = w.idp.Signature()
				r.Sent = func(root *etree.Element) {
					find(root, "EncryptedAssertion/EncryptedData/EncryptionMethod").CreateAttr("Algorithm", nsE11+"aes128-gcm")
				}
			}
			if row.want == "" {
				if id, err := w.finish(r); err != nil || id.Subject != jane.Email {
					t.Errorf("%q, %v", id.Subject, err)
				}
				return
			}
			f := w.refuses(r, row.want)
			if row.want == fault.SAMLDecryption && f.Detail != "no key of this connection opens it" {
				t.Errorf("this failure looks different: %q", f.Detail)
			}
		})
	}
}

func bend(f func(k, s []byte) ([]byte, []byte)) samlidp.Encryption {
	return samlidp.Encryption{Bend: f}
}

func cbc(f func(k, s []byte) ([]byte, []byte)) samlidp.Encryption {
	return samlidp.Encryption{Bend: f, Data: nsE + "aes256-cbc"}
}

func flip(k, s []byte) ([]byte, []byte) {
	s = bytes.Clone(s)
	s[len(s)-17] ^= 0x80 // with CBC: the last byte of the plaintext
	return k, s
}

func TestEncryptionNamesTheRecipient(t *testing.T) {
	w := newWorld(t, nil)
	r := w.answer()
	r.Encrypt = &samlidp.Encryption{To: keys().other.cert, NameRecipient: true}
	if f := w.refuses(r, fault.SAMLDecryptionForeign); f.Observed == "" || f.Expected == "" || f.Observed == f.Expected {
		t.Errorf("%+v", f)
	}
}

func TestEncryptionRequired(t *testing.T) {
	w := newWorld(t, settings{"encrypt": "required"})
	w.refuses(w.answer(), fault.SAMLEncryptionRequired)
}

// TestEncryptedPlaintextPassesTheGate: what is inside is held to the same structure.
func TestEncryptedPlaintextPassesTheGate(t *testing.T) {
	w := newWorld(t, nil)
	for name, row := range map[string]struct {
		lie  func(a *etree.Element)
		want fault.Code
	}{
		"another element":     {func(a *etree.Element) { a.Tag = "Advice" }, fault.SAMLDecryption},
		"foreign namespace":   {func(a *etree.Element) { a.CreateAttr("xmlns:saml", "urn:x") }, fault.SAMLDecryption},
		"assertion inside":    {func(a *etree.Element) { a.CreateElement("saml:Advice").AddChild(evil(a, false)) }, fault.SAMLSeveral},
		"duplicate ID inside": {func(a *etree.Element) { a.CreateElement("saml:Advice").CreateAttr("ID", a.SelectAttrValue("ID", "")) }, fault.SAMLDecryption},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.answer()
			r.SignAssertion, r.SignResponse = nil, w.idp.Signature()
			r.Encrypt = &samlidp.Encryption{To: keys().own.cert}
			r.Assertion = func(root *etree.Element) { row.lie(root.ChildElements()[2]) }
			w.refuses(r, row.want)
		})
	}
}

func TestEncryptedIDAndAttribute(t *testing.T) {
	w := newWorld(t, nil)
	enc := samlidp.Encryption{To: keys().own.cert}
	r := w.answer()
	r.Assertion = func(root *etree.Element) {
		s := find(root, "Assertion/Subject")
		id := s.RemoveChild(s.SelectElement("NameID")).(*etree.Element)
		id.CreateAttr("xmlns:saml", nsA)
		s.AddChild(enc.Element(id, "saml:EncryptedID", "saml"))
		st := find(root, "Assertion/AttributeStatement")
		at := st.RemoveChild(st.SelectElements("Attribute")[1]).(*etree.Element)
		at.CreateAttr("xmlns:saml", nsA)
		st.AddChild(enc.Element(at, "saml:EncryptedAttribute", "saml"))
	}
	id, err := w.finish(r)
	if err != nil || id.Subject != jane.Email || id.SubjectFormat != samlidp.EmailFormat || strings.Join(id.Attributes["email"], "") != jane.Email {
		t.Errorf("%+v, %v", id, err)
	}
}

// manyKeys is an answer with three hundred wrapped keys, none of them for us.
func manyKeys(w *world) string {
	enc := samlidp.Encryption{To: keys().other.cert}
	r := w.answer()
	r.SignAssertion = nil
	r.Encrypt = &enc
	r.Sent = func(root *etree.Element) {
		e := root.SelectElement("EncryptedAssertion")
		k := find(e, "EncryptedData/KeyInfo/EncryptedKey")
		for range 300 {
			e.AddChild(k.Copy())
		}
	}
	return w.idp.Respond(r)
}

func TestManyWrappedKeys(t *testing.T) {
	w := newWorld(t, nil)
	if _, err := w.finishRaw(manyKeys(w)); fault.CodeOf(err) != fault.SAMLDecryption {
		t.Errorf("%v", err)
	}
}

// BenchmarkManyWrappedKeys: they cost a bounded number of RSA operations, so not three hundred times a good answer.
func BenchmarkManyWrappedKeys(b *testing.B) {
	w := newWorld(b, nil)
	good := w.answer()
	good.Encrypt = &samlidp.Encryption{To: keys().own.cert}
	for name, message := range map[string]string{"one": w.idp.Respond(good), "many": manyKeys(w)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, _ = w.finishRaw(message)
			}
		})
	}
}
