package providers

import (
	"context"
	"time"
)

// Expirer knows of things at its upstream that end.
type Expirer interface {
	// Expiries answers from what is known now; it fetches nothing.
	Expiries(ctx context.Context) []Expiry
}

// What an Expirer can tell of.
const (
	ExpiringCertificate = "idp_certificate"
	ExpiringSecret      = "client_secret"
	ExpiringMetadata    = "metadata"
)

// Expiry is one thing that ends. Of those of one kind the one that ends last counts: the others have been replaced.
type Expiry struct {
	Kind        string
	Name        string // as people know it: a certificate's subject
	Fingerprint string // of a certificate, SHA-256 in hexadecimal
	Since, At   time.Time
}
