package saml

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto"
	"crypto/rsa"
	"io"
	"slices"
	"strings"
	"sync"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Protocol is SAML 2.0. All connections opened by one Protocol from New share their scratch memory; the zero Protocol
// works too.
type Protocol struct {
	deflaters *sync.Pool // *flate.Writer, several hundred kilobytes each
}

// New makes a Protocol.
func New() Protocol { return Protocol{deflaters: newDeflaters()} }

func newDeflaters() *sync.Pool {
	return &sync.Pool{New: func() any {
		w, _ := flate.NewWriter(io.Discard, flate.BestSpeed) // errs only on a bad level
		return w
	}}
}

// Name is the protocol's name in a connection.
func (Protocol) Name() string { return "saml" }

// Open parses settings. They may lack the identity provider's part: its administrator often needs our metadata before
// giving theirs. Start then says what is missing.
func (p Protocol) Open(s providers.Settings) (providers.Provider, error) {
	c, err := decodeConfig(s.Config)
	if err != nil {
		return nil, err
	}
	if s.HTTP != nil {
		client := *s.HTTP
		client.Transport = providers.Watched(client.Transport, s.Now)
		s.HTTP = &client
	}
	src, err := newSource(c, s)
	if err != nil {
		return nil, oursGiven(err, c, s)
	}
	pool := p.deflaters
	if pool == nil {
		pool = newDeflaters()
	}
	return &provider{c: c, s: s, source: src, deflaters: pool}, nil
}

// oursGiven tells that the metadata given is our own, which has no identity provider in it either.
func oursGiven(err error, c *config, s providers.Settings) error {
	if fault.CodeOf(err) != fault.SAMLMetadataRole || s.SPEntityID == "" || !strings.Contains(c.MetadataXML, `entityID="`+s.SPEntityID+`"`) {
		return err
	}
	return &fault.Error{Code: fault.SAMLMetadataOurs, Observed: clip(s.SPEntityID), Confidence: fault.Proved}
}

// provider is one opened connection.
type provider struct {
	c         *config
	s         providers.Settings
	source    *source
	deflaters *sync.Pool
}

var (
	_ providers.Provider          = (*provider)(nil)
	_ providers.MetadataPublisher = (*provider)(nil)
	_ providers.HandleFinder      = (*provider)(nil)
	_ providers.LogoutStarter     = (*provider)(nil)
	_ providers.LogoutReceiver    = (*provider)(nil)
	_ providers.Preflighter       = (*provider)(nil)
)

// ours reports whether an address in a message is that of our endpoint for this connection.
func (p *provider) ours(address string, r providers.Request) bool {
	if address == "" {
		return false
	}
	return address == r.CallbackURL || address == p.s.CallbackURL || slices.Contains(p.s.Aliases, address)
}

func (p *provider) callback(r providers.Request) string {
	if r.CallbackURL != "" {
		return r.CallbackURL
	}
	return p.s.CallbackURL
}

// signer is our active key.
func (p *provider) signer(ctx context.Context) (signer, error) {
	keys, err := p.s.Keys(ctx)
	if err != nil {
		return signer{}, fault.Wrap(fault.SAMLOwnKey, err, "")
	}
	if len(keys) == 0 {
		return signer{}, fault.New(fault.SAMLOwnKey, "the connection has no key")
	}
	k, ok := keys[0].Private.(crypto.Signer)
	if ok {
		_, ok = k.Public().(*rsa.PublicKey)
	}
	if !ok {
		return signer{}, fault.New(fault.SAMLOwnKey, "the key %s is not RSA", keys[0].ID)
	}
	return signer{key: k, certificate: keys[0].Certificate}, nil
}

func (p *provider) deflate(doc []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(doc))
	w := p.deflaters.Get().(*flate.Writer)
	w.Reset(&b)
	_, _ = w.Write(doc) // a Buffer does not fail
	_ = w.Close()
	p.deflaters.Put(w)
	return b.Bytes()
}
