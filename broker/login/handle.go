package login

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
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
	raw     [handleLen]byte
	secret  []byte
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

// New makes a handle for one attempt at one connection.
func (hs *Handles) New(loginID, slug string) (Handle, error) {
	id, err := broker.LoginIDBytes(loginID)
	if err != nil || len(id) != 10 {
		return Handle{}, fault.New(fault.Internal, "login ID %q", loginID)
	}
	h := Handle{LoginID: loginID, Issued: hs.Now().Truncate(time.Second)}
	copy(h.raw[:], id)
	_, _ = rand.Read(h.raw[10:14])
	binary.BigEndian.PutUint32(h.raw[14:], uint32(h.Issued.Unix()))
	copy(h.raw[18:], slugTag(slug))
	copy(h.raw[bodyLen:], mac(hs.Keys[0], "handle", h.raw[:bodyLen])[:macLen])
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
	for _, k := range hs.Keys {
		if hmac.Equal(mac(k, "handle", b[:bodyLen])[:macLen], b[bodyLen:]) {
			h.secret = mac(k, "secret", b)
			break
		}
	}
	if h.secret == nil {
		return Handle{}, fault.New(fault.LoginUnknown, "the state was not made here")
	}
	h.LoginID = broker.LoginIDOf(b[:10])
	h.Issued = time.Unix(int64(binary.BigEndian.Uint32(b[14:])), 0)
	if !hmac.Equal(b[18:bodyLen], slugTag(slug)) {
		return h, fault.New(fault.LoginMisrouted, "the answer belongs to another connection than %q", slug)
	}
	if age := hs.Now().Sub(h.Issued); age > hs.MaxAge {
		return h, fault.New(fault.LoginExpired, "begun %s ago, allowed are %s", age.Round(time.Second), hs.MaxAge)
	}
	return h, nil
}

// String is the form that travels.
func (h Handle) String() string { return base64.RawURLEncoding.EncodeToString(h.raw[:]) }

// MessageID is the handle as an XML ID.
func (h Handle) MessageID() string { return "_" + hex.EncodeToString(h.raw[:]) }

func slugTag(slug string) []byte {
	s := sha256.Sum256([]byte(slug))
	return s[:4]
}

func mac(key []byte, purpose string, b []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(purpose))
	m.Write(b)
	return m.Sum(nil)
}
