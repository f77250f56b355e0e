package saml

import (
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"slices"

	"cloakroom/broker/fault"
)

// decrypter opens EncryptedAssertion, EncryptedID and EncryptedAttribute (XML Encryption 1.1) with our keys. Every
// failure past the algorithms, which anybody can read in the message, is the same fault with the same words, and the
// number of private-key operations in one answer is bounded.
type decrypter struct {
	c    *config
	keys []decryptionKey
	ops  int // private-key operations left
}

const maxKeyOperations = 12 // about 1 ms each with RSA-2048

type decryptionKey struct {
	private     *rsa.PrivateKey
	certificate []byte
}

var errDecrypt = errors.New("cannot be decrypted")

func (p *provider) decrypter(ctx context.Context) (*decrypter, error) {
	keys, err := p.s.Keys(ctx)
	if err != nil {
		return nil, fault.Wrap(fault.SAMLOwnKey, err, "")
	}
	d := &decrypter{c: p.c, ops: maxKeyOperations}
	for _, k := range keys {
		if private, ok := k.Private.(*rsa.PrivateKey); ok {
			d.keys = append(d.keys, decryptionKey{private, k.Certificate})
		}
	}
	return d, nil
}

// open decrypts what an Encrypted… element holds and reads it through the same gate as every message.
func (d *decrypter) open(encrypted *node) (*node, error) {
	data := encrypted.child(nsEnc, "EncryptedData")
	if data == nil {
		return nil, fault.New(fault.SAMLIncomplete, "%s without EncryptedData", encrypted.name)
	}
	b, err := d.block(data.child(nsEnc, "EncryptionMethod").algorithm())
	if err != nil {
		return nil, err
	}
	wrapped := encryptedKeys(encrypted, data)
	if err := d.transportsAllowed(wrapped); err != nil {
		return nil, err
	}
	plain, err := d.decrypt(b, data, wrapped)
	if err != nil {
		return nil, d.failure(wrapped)
	}
	n, err := parse(plain, messageLimits)
	if err != nil {
		return nil, d.failure(wrapped) // what was wrong with it would tell about the plaintext
	}
	return n, nil
}

// algorithm is an EncryptionMethod's, "" where there is none.
func (n *node) algorithm() string {
	if n == nil {
		return ""
	}
	return n.attr("Algorithm")
}

// encryptedKeys are found inside the data's KeyInfo or beside the data, where a RetrievalMethod points.
func encryptedKeys(encrypted, data *node) []*node {
	var keys []*node
	if info := data.child(nsDSig, "KeyInfo"); info != nil {
		keys = info.all(nsEnc, "EncryptedKey")
	}
	return append(keys, encrypted.all(nsEnc, "EncryptedKey")...)
}

// failure is the one fault of all decryption. Which of its codes it has depends on nothing but what anybody can read in
// the message: whose certificate the sender says it used.
func (d *decrypter) failure(wrapped []*node) error {
	f := fault.New(fault.SAMLDecryption, "no key of this connection opens it")
	if len(d.keys) == 0 {
		return f
	}
	f.Expected = fingerprint(d.keys[0].certificate)
	for _, k := range wrapped {
		if r := recipientOf(k.child(nsDSig, "KeyInfo")); r.named() && !slices.ContainsFunc(d.keys, r.is) {
			f.Code, f.Observed = fault.SAMLDecryptionForeign, r.String()
			if slices.ContainsFunc(d.keys, r.namesake) {
				f.Code = fault.SAMLDecryptionOld
			}
			return f
		}
	}
	f.Expected = ""
	return f
}

// block is a content encryption algorithm.
type block struct {
	size int // of the key in bytes
	gcm  bool
}

func (d *decrypter) block(uri string) (block, error) {
	switch uri {
	case nsEnc11 + "aes128-gcm":
		return block{16, true}, nil
	case nsEnc11 + "aes192-gcm":
		return block{24, true}, nil
	case nsEnc11 + "aes256-gcm":
		return block{32, true}, nil
	}
	size := map[string]int{nsEnc + "aes128-cbc": 16, nsEnc + "aes192-cbc": 24, nsEnc + "aes256-cbc": 32}[uri]
	if size == 0 || !d.c.AllowCBC {
		return block{}, fault.Mismatch(fault.SAMLEncryptionAlgorithm, clip(uri), nsEnc11+"aes256-gcm")
	}
	return block{size, false}, nil
}

// transport is how a content key was wrapped.
type transport struct {
	oaep bool
	opts rsa.OAEPOptions
}

func (d *decrypter) transport(key *node) (t transport, ok bool) {
	m := key.child(nsEnc, "EncryptionMethod")
	switch m.algorithm() {
	case nsEnc + "rsa-oaep-mgf1p":
		t = transport{oaep: true, opts: rsa.OAEPOptions{MGFHash: crypto.SHA1}}
	case nsEnc11 + "rsa-oaep":
		t = transport{oaep: true, opts: rsa.OAEPOptions{MGFHash: mgfHash(m.child(nsEnc11, "MGF").algorithm())}}
	case nsEnc + "rsa-1_5":
		return transport{}, d.c.AllowRSA15
	default:
		return t, false
	}
	t.opts.Hash = crypto.SHA1
	if digest := m.child(nsDSig, "DigestMethod"); digest != nil {
		t.opts.Hash, ok = digestMethod(digest.algorithm())
		return t, ok && t.opts.MGFHash != 0
	}
	return t, t.opts.MGFHash != 0
}

// mgfHash knows the mask generation functions of xmlenc11; SHA-1 is the default. In a mask or an OAEP label SHA-1 is not
// a weakness.
func mgfHash(uri string) crypto.Hash {
	switch uri {
	case "", nsEnc11 + "mgf1sha1":
		return crypto.SHA1
	case nsEnc11 + "mgf1sha256":
		return crypto.SHA256
	case nsEnc11 + "mgf1sha384":
		return crypto.SHA384
	case nsEnc11 + "mgf1sha512":
		return crypto.SHA512
	}
	return 0
}

// transportsAllowed requires one wrapped key at least whose algorithm is taken.
func (d *decrypter) transportsAllowed(wrapped []*node) error {
	observed := ""
	for _, k := range wrapped {
		if _, ok := d.transport(k); ok {
			return nil
		}
		observed = clip(k.child(nsEnc, "EncryptionMethod").algorithm())
	}
	return fault.Mismatch(fault.SAMLEncryptionAlgorithm, observed, nsEnc+"rsa-oaep-mgf1p")
}

// decrypt tries every wrapped key with every key of ours.
func (d *decrypter) decrypt(b block, data *node, wrapped []*node) ([]byte, error) {
	secret, err := cipherValue(data)
	if err != nil {
		return nil, err
	}
	for _, w := range wrapped {
		t, ok := d.transport(w)
		if !ok {
			continue
		}
		value, err := cipherValue(w)
		if err != nil {
			continue
		}
		for _, k := range d.keys {
			content, err := d.unwrap(t, k.private, value, b.size)
			if err != nil {
				continue
			}
			if plain, err := b.decrypt(content, secret); err == nil {
				return plain, nil
			}
		}
	}
	return nil, errDecrypt
}

func cipherValue(n *node) ([]byte, error) {
	v := n.child(nsEnc, "CipherData").child(nsEnc, "CipherValue")
	if v == nil {
		return nil, errDecrypt
	}
	return decodeBase64(v.content())
}

// unwrap answers a content key of the right size or an error. With RSA 1.5 a wrong padding yields a random key instead,
// so that the sender learns nothing from it (RFC 3218).
func (d *decrypter) unwrap(t transport, key *rsa.PrivateKey, value []byte, size int) ([]byte, error) {
	if len(value) != key.Size() || d.ops == 0 {
		return nil, errDecrypt
	}
	d.ops--
	if !t.oaep {
		content := make([]byte, size)
		if _, err := io.ReadFull(rand.Reader, content); err != nil {
			return nil, errDecrypt
		}
		return content, rsa.DecryptPKCS1v15SessionKey(nil, key, value, content)
	}
	content, err := key.Decrypt(nil, value, &t.opts)
	if err != nil || len(content) != size {
		return nil, errDecrypt
	}
	return content, nil
}

func (b block) decrypt(key, secret []byte) ([]byte, error) {
	c, err := aes.NewCipher(key)
	if err != nil {
		return nil, errDecrypt
	}
	if b.gcm {
		return openGCM(c, secret)
	}
	return openCBC(c, secret)
}

func openGCM(c cipher.Block, secret []byte) ([]byte, error) {
	const iv, tag = 12, 16
	if len(secret) < iv+tag {
		return nil, errDecrypt
	}
	g, err := cipher.NewGCM(c)
	if err != nil {
		return nil, errDecrypt
	}
	return g.Open(nil, secret[:iv], secret[iv:], nil)
}

// openCBC removes the padding of XML Encryption 1.1, section 5.2: only its last byte means anything.
func openCBC(c cipher.Block, secret []byte) ([]byte, error) {
	const size = aes.BlockSize
	if len(secret) < 2*size || len(secret)%size != 0 {
		return nil, errDecrypt
	}
	plain := make([]byte, len(secret)-size)
	cipher.NewCBCDecrypter(c, secret[:size]).CryptBlocks(plain, secret[size:])
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > size {
		return nil, errDecrypt
	}
	return plain[:len(plain)-pad], nil
}
