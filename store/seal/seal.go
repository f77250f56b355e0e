// Package seal encrypts what the database must not show: secrets, private keys, parked answers. It is AES-256-GCM under
// keys derived from the master keys; several may be known at once, so that a master key can be replaced without a stop.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// A sealed value is: version (1 byte), key id (4), nonce (12), ciphertext, tag (16). Version and key id are
// authenticated together with the associated data. Nonces are random, so one master key is good for 2^32 values
// (NIST SP 800-38D, section 8.3): at a hundred thousand logins a day that is a century; rotate sooner at more.
const (
	version  = 1
	idSize   = 4
	header   = 1 + idSize
	overhead = 12 + 16
	// KeySize is the length of a master key in bytes.
	KeySize = 32
	// Overhead is by how many bytes a sealed value is longer than its plaintext.
	Overhead = header + overhead
)

// ErrOpen is the answer to everything that cannot be opened: unknown key, wrong associated data, damage. It says no more.
var ErrOpen = errors.New("seal: the value cannot be opened with the master keys given")

// Sealer seals and opens. Keyring is one; a cloud's key service behind the same methods is another.
type Sealer interface {
	// Seal encrypts plain so that it opens only with the same associated data, which names the place it is kept.
	Seal(plain, aad []byte) []byte
	// Open is the inverse; every failure is ErrOpen.
	Open(sealed, aad []byte) ([]byte, error)
	// Derive makes one 32-byte key per master key, in their order, for a purpose other than sealing (MACs): make with
	// the first, accept any.
	Derive(purpose string) [][]byte
	// Rewrap seals again with the first key what an older one sealed; changed is false if the first had sealed it.
	Rewrap(sealed, aad []byte) (resealed []byte, changed bool, err error)
	// Mark is what everything begins with that the first key has sealed, and nothing that another key has.
	Mark() []byte
}

// Keyring is a Sealer over keys held in memory.
type Keyring struct {
	masters [][]byte
	keys    []key
}

type key struct {
	id   [idSize]byte
	aead cipher.AEAD
}

// New makes a keyring: the first key seals, all open.
func New(masters [][]byte) (*Keyring, error) {
	if len(masters) == 0 {
		return nil, errors.New("seal: no master key")
	}
	k := &Keyring{}
	for i, m := range masters {
		if len(m) != KeySize {
			return nil, fmt.Errorf("seal: master key %d has %d bytes, not %d", i+1, len(m), KeySize)
		}
		one, err := newKey(m)
		if err != nil {
			return nil, err
		}
		k.masters = append(k.masters, bytes.Clone(m))
		k.keys = append(k.keys, one)
	}
	return k, nil
}

func newKey(master []byte) (key, error) {
	var k key
	copy(k.id[:], derive(master, "key id"))
	block, err := aes.NewCipher(derive(master, "seal"))
	if err != nil {
		return k, err
	}
	k.aead, err = cipher.NewGCMWithRandomNonce(block)
	return k, err
}

// derive is HKDF-SHA256 (RFC 5869) with the purpose as info.
func derive(master []byte, purpose string) []byte {
	b, err := hkdf.Key(sha256.New, master, nil, "cloakroom/v1/"+purpose, 32)
	if err != nil {
		panic(err) // only for lengths beyond 255 hashes
	}
	return b
}

func (k *Keyring) Derive(purpose string) [][]byte {
	out := make([][]byte, len(k.masters))
	for i, m := range k.masters {
		out[i] = derive(m, "derive/"+purpose)
	}
	return out
}

func (k *Keyring) Seal(plain, aad []byte) []byte {
	out := append(make([]byte, 0, header+overhead+len(plain)), k.Mark()...)
	return k.keys[0].aead.Seal(out, nil, plain, bound(out[:header], aad))
}

// Mark is the header of what the first key seals.
func (k *Keyring) Mark() []byte { return append([]byte{version}, k.keys[0].id[:]...) }

func (k *Keyring) Open(sealed, aad []byte) ([]byte, error) {
	plain, _, err := k.open(sealed, aad)
	return plain, err
}

func (k *Keyring) open(sealed, aad []byte) ([]byte, int, error) {
	if len(sealed) < Overhead || sealed[0] != version {
		return nil, 0, ErrOpen
	}
	data := bound(sealed[:header], aad)
	for i, one := range k.keys {
		if !bytes.Equal(one.id[:], sealed[1:header]) {
			continue
		}
		if plain, err := one.aead.Open(nil, nil, sealed[header:], data); err == nil {
			return plain, i, nil
		}
	}
	return nil, 0, ErrOpen
}

func (k *Keyring) Rewrap(sealed, aad []byte) ([]byte, bool, error) {
	plain, i, err := k.open(sealed, aad)
	if err != nil || i == 0 {
		return sealed, false, err
	}
	return k.Seal(plain, aad), true, nil
}

// bound joins header and associated data; the header's length is fixed, so no two pairs give the same bytes.
func bound(head, aad []byte) []byte {
	b := make([]byte, 0, len(head)+len(aad))
	return append(append(b, head...), aad...)
}
