package ldap

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"

	"cloakroom/providers"
)

var _ providers.Expirer = (*provider)(nil)

// Expiries is the certificate whose end comes first, since with it all sign-ins end: the directory's own, as the last
// sign-in saw it, or that of the authority that was entered.
func (p *provider) Expiries(context.Context) []providers.Expiry {
	first := p.seen()
	if last := lastOf(p.c.cas); first == nil || last != nil && last.NotAfter.Before(first.NotAfter) {
		first = last
	}
	if first == nil {
		return nil
	}
	sum := sha256.Sum256(first.Raw)
	return []providers.Expiry{{
		Kind: providers.ExpiringCertificate, Name: clean(first.Subject.String()), Fingerprint: hex.EncodeToString(sum[:]),
		Since: first.NotBefore, At: first.NotAfter,
	}}
}

// lastOf is the certificate that ends last: the others have been replaced by it.
func lastOf(list []*x509.Certificate) (last *x509.Certificate) {
	for _, c := range list {
		if last == nil || c.NotAfter.After(last.NotAfter) {
			last = c
		}
	}
	return last
}

// seen is the directory's certificate that was remembered, nil if there is none.
func (p *provider) seen() *x509.Certificate {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, err := x509.ParseCertificate(p.known)
	if err != nil {
		return nil
	}
	return c
}

// remember keeps the directory's certificate where it is another than before.
func (p *provider) remember(ctx context.Context, peer []*x509.Certificate) {
	if len(peer) == 0 || p.settings.Remember == nil {
		return
	}
	p.mu.Lock()
	same := bytes.Equal(p.known, peer[0].Raw)
	p.known = peer[0].Raw
	p.mu.Unlock()
	if !same {
		_ = p.settings.Remember(ctx, peer[0].Raw) // best effort: the next sign-in of a newly opened connection does it
	}
}
