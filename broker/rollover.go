package broker

import "time"

// KeyFetch is how often our metadata was read with a key in it.
type KeyFetch struct {
	FirstAt time.Time `json:"first_at"`
	LastAt  time.Time `json:"last_at"`
	Times   int64     `json:"times"`
	Agent   string    `json:"agent"`
	ByHand  bool      `json:"by_hand"` // only people's browsers did so far
}

// KeyHold keeps a connection's key what it is when keys are turned over.
type KeyHold struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
}

// KeyTurn is how far the turn-over of our key at one connection is.
type KeyTurn struct {
	Realm      string    `json:"realm"`
	Connection string    `json:"connection"`
	ActiveKID  string    `json:"active_kid"`
	ActiveFrom time.Time `json:"active_since"`
	NextKID    string    `json:"next_kid"` // published beside it, "" where none is
	NextSince  time.Time `json:"next_since,omitzero"`
	// Fetched is who has read our metadata with the next key in it, nil while nobody has.
	Fetched *KeyFetch `json:"fetched"`
	Held    *KeyHold  `json:"held"`
	// Former is the key before the active one, while it is still published: it can be gone back to.
	Former string `json:"former_kid,omitempty"`
}

// Ready reports whether the next key can take over: a program has read it, and nobody holds it back.
func (k *KeyTurn) Ready() bool {
	return k.NextKID != "" && k.Fetched != nil && !k.Fetched.ByHand && k.Held == nil
}
