package login

import (
	"encoding/base64"

	"cloakroom/broker"
)

// Ours reads a handle that came back somewhere else than at its connection's endpoint: the MAC is checked, which connection
// it belongs to is not known yet (Handle.Of), and how old it is does not matter. ok is false for a handle not made here.
func (hs *Handles) Ours(s string) (h Handle, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != handleLen || base64.RawURLEncoding.EncodeToString(b) != s {
		return Handle{}, false
	}
	copy(h.raw[:], b)
	key := h.open(hs.Keys)
	if key == nil {
		return Handle{}, false
	}
	h.LoginID, h.key = broker.LoginIDOf(b[:10]), key
	return h, true
}

// Of reports whether a handle that Ours has read was made for a connection.
func (h Handle) Of(slug string) bool {
	return h.key != nil && string(h.raw[18:bodyLen]) == string(slugTag(h.key, slug))
}

// Trace keeps a trace that no login of this engine leaves: of an answer that came to a wrong address.
func (e *Engine) Trace(t broker.Trace) {
	if e.Traces == nil {
		return
	}
	t.At = e.Now()
	e.Traces.Log(t)
}
