package login

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
)

// Handle is what travels upstream and back as state or RelayState: 32 bytes, 43 characters of base64url (SAML allows 80).
//
//	10 login ID | 4 random | 4 time (Unix seconds) | 4 connection | 10 MAC
//
// It is not stored. The MAC, under a key of ours, says that we began this sign-in, when, and through which connection;
// the login ID says which browser must come back with it. Being bound to the connection, an answer is worthless at any
// other connection's endpoint.
type Handle struct {
	LoginID string
	Issued  time.Time
	Test    bool // of a test login, which signs nobody in: no answer to it can become one to a sign-in
	Shadow  bool // begun with the configuration on trial: no answer to it can be checked with the other, nor the other way round
	raw     [handleLen]byte
	secret  []byte
	key     []byte // it was made with, where Ours has read it
}

const (
	handleLen = 32
	macLen    = 10
	bodyLen   = handleLen - macLen
)

// Handles makes and reads handles. Keys come from the master keys: the first signs, all verify.
type Handles struct {
	Keys   [][]byte
	MaxAge time.Duration // how long a person may stay at the identity provider
	Now    func() time.Time
}

// What a MAC is made for: a handle of a sign-in is none of a test login's, and the other way round.
const (
	forLogin = "handle"
	forTest  = "test handle"
	inShadow = "shadow " // before either
)

// New makes a handle for one attempt at one connection.
func (hs *Handles) New(loginID, slug string) (Handle, error) { return hs.make(forLogin, loginID, slug) }

// newFor makes a handle for an attempt at a connection in one of its configurations.
func (hs *Handles) newFor(purpose, loginID string, conn *registry.Connection) (Handle, error) {
	if conn.OnTrial() {
		purpose = inShadow + purpose
	}
	return hs.make(purpose, loginID, conn.Slug)
}

// NewTest makes the handle of a test login.
func (hs *Handles) NewTest(loginID, slug string) (Handle, error) {
	return hs.make(forTest, loginID, slug)
}

func (hs *Handles) make(purpose, loginID, slug string) (Handle, error) {
	id, err := broker.LoginIDBytes(loginID)
	if err != nil || len(id) != 10 {
		return Handle{}, fault.New(fault.Internal, "login ID %q", loginID)
	}
	h := Handle{LoginID: loginID, Issued: hs.Now().Truncate(time.Second), Test: strings.HasSuffix(purpose, forTest), Shadow: strings.HasPrefix(purpose, inShadow)}
	copy(h.raw[:], id)
	_, _ = rand.Read(h.raw[10:14])
	binary.BigEndian.PutUint32(h.raw[14:], uint32(h.Issued.Unix()))
	copy(h.raw[18:], slugTag(hs.Keys[0], slug))
	copy(h.raw[bodyLen:], mac(hs.Keys[0], purpose, h.raw[:bodyLen])[:macLen])
	h.secret = mac(hs.Keys[0], "secret", h.raw[:])
	return h, nil
}

// Read checks a handle that came back at a connection's endpoint.
func (hs *Handles) Read(s, slug string) (Handle, error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != handleLen || base64.RawURLEncoding.EncodeToString(b) != s {
		return Handle{}, fault.New(fault.LoginUnknown, "the state has not the form of ours")
	}
	var h Handle
	copy(h.raw[:], b)
	key := h.open(hs.Keys)
	if key == nil {
		return Handle{}, fault.New(fault.LoginUnknown, "the state was not made here")
	}
	h.LoginID = broker.LoginIDOf(b[:10])
	h.Issued = time.Unix(int64(binary.BigEndian.Uint32(b[14:])), 0)
	if !hmac.Equal(b[18:bodyLen], slugTag(key, slug)) {
		return h, fault.New(fault.LoginMisrouted, "the answer belongs to another connection than %q", slug)
	}
	if age := hs.Now().Sub(h.Issued); age > hs.MaxAge {
		return h, fault.New(fault.LoginExpired, "begun %s ago, allowed are %s", age.Round(time.Second), hs.MaxAge)
	}
	return h, nil
}

// open finds the key and the purpose that a handle was made with; nil where it was not made here.
func (h *Handle) open(keys [][]byte) []byte {
	for _, k := range keys {
		for _, purpose := range []string{forLogin, forTest, inShadow + forLogin, inShadow + forTest} {
			if hmac.Equal(mac(k, purpose, h.raw[:bodyLen])[:macLen], h.raw[bodyLen:]) {
				h.secret = mac(k, "secret", h.raw[:])
				h.Test, h.Shadow = strings.HasSuffix(purpose, forTest), strings.HasPrefix(purpose, inShadow)
				return k
			}
		}
	}
	return nil
}

// String is the form that travels; "" of the zero handle, that of an answer which nobody asked for.
func (h Handle) String() string {
	if h.LoginID == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(h.raw[:])
}

// MessageID is the handle as an XML ID, "" of the zero handle.
func (h Handle) MessageID() string {
	if h.LoginID == "" {
		return ""
	}
	return "_" + hex.EncodeToString(h.raw[:])
}

// slugTag is keyed: without the key nobody finds a slug whose four bytes are those of another tenant's.
func slugTag(key []byte, slug string) []byte { return mac(key, "slug", []byte(slug))[:4] }

func mac(key []byte, purpose string, b []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(purpose))
	m.Write(b)
	return m.Sum(nil)
}
