package saml

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"cloakroom/providers"
)

var _ providers.Expirer = (*provider)(nil)

// Expiries are the signing certificates that are trusted and, where the metadata say one, the time until which they are
// valid. Nothing is refused for an old certificate's date (see trusted), but identity providers change the key then.
func (p *provider) Expiries(context.Context) []providers.Expiry {
	known := p.source.cur.Load()
	if known == nil || known.idp == nil {
		return nil
	}
	var out []providers.Expiry
	for _, k := range known.idp.keys {
		if k.weak != "" {
			continue
		}
		sum := sha256.Sum256(k.cert.Raw)
		name := clip(k.cert.Subject.String())
		out = append(out, providers.Expiry{
			Kind: providers.ExpiringCertificate, Name: name, Fingerprint: hex.EncodeToString(sum[:]), Since: k.cert.NotBefore, At: k.cert.NotAfter,
		})
	}
	if u := known.idp.validUntil; !u.IsZero() {
		since := time.Time{} // given by hand: nobody fetches newer ones
		if p.source.remote() {
			since = known.FetchedAt
		}
		out = append(out, providers.Expiry{Kind: providers.ExpiringMetadata, Name: clip(known.idp.entityID), Since: since, At: u})
	}
	return out
}
