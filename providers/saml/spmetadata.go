package saml

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Metadata is our side of the connection (SAML metadata, section 2.4.4). It is made without asking the identity provider
// for anything, since its administrator needs it first.
func (p *provider) Metadata(ctx context.Context) (string, []byte, error) {
	keys, err := p.s.Keys(ctx)
	if err != nil {
		return "", nil, fault.Wrap(fault.SAMLOwnKey, err, "")
	}
	id := sha256.Sum256([]byte(p.s.SPEntityID))
	w := writer{}
	w.open("md:EntityDescriptor", "xmlns:md", nsMetadata, "ID", "_"+hex.EncodeToString(id[:]), "entityID", p.s.SPEntityID)
	w.at = len(w.b)
	signed := "false"
	if p.signs(p.source.known()) {
		signed = "true" // AD FS insists on signed requests where this is true
	}
	w.open("md:SPSSODescriptor", "AuthnRequestsSigned", signed, "WantAssertionsSigned", "true", "protocolSupportEnumeration", nsProtocol)
	p.keyDescriptors(&w, keys)
	for _, b := range []string{bindingRedirect, bindingPOST} {
		if p.s.LogoutURL != "" {
			w.open("md:SingleLogoutService", "Binding", b, "Location", p.s.LogoutURL)
			w.close("md:SingleLogoutService")
		}
	}
	if p.c.NameIDFormat != "" {
		w.leaf("md:NameIDFormat", p.c.NameIDFormat)
	}
	w.open("md:AssertionConsumerService", "Binding", bindingPOST, "Location", p.s.CallbackURL, "index", "0", "isDefault", "true")
	w.close("md:AssertionConsumerService")
	w.close("md:SPSSODescriptor")
	w.close("md:EntityDescriptor")
	doc := w.b
	if p.c.SignMetadata {
		s, err := p.signer(ctx)
		if err != nil {
			return "", nil, err
		}
		if doc, err = s.enveloped(doc, "_"+hex.EncodeToString(id[:]), w.at); err != nil {
			return "", nil, err
		}
	}
	return "application/samlmetadata+xml", doc, nil
}

// keyDescriptors publishes all keys for signing, so that the next one is known ahead, and the active one for encryption:
// every key of ours decrypts, and AD FS takes only one.
func (p *provider) keyDescriptors(w *writer, keys []providers.Key) {
	for _, k := range keys {
		w.keyDescriptor("signing", k.Certificate)
		w.close("md:KeyDescriptor")
	}
	if len(keys) == 0 || p.c.Encrypt == "never" {
		return
	}
	w.keyDescriptor("encryption", keys[0].Certificate)
	// What we take, best first: without this Shibboleth 3 chooses CBC.
	for _, alg := range []string{nsEnc11 + "aes256-gcm", nsEnc11 + "aes128-gcm", nsEnc + "rsa-oaep-mgf1p"} {
		w.open("md:EncryptionMethod", "Algorithm", alg)
		w.close("md:EncryptionMethod")
	}
	w.close("md:KeyDescriptor")
}

// keyDescriptor leaves the element open.
func (w *writer) keyDescriptor(use string, certificate []byte) {
	w.open("md:KeyDescriptor", "use", use)
	info := keyInfo(certificate)
	w.b = append(append(w.b, `<ds:KeyInfo xmlns:ds="`+nsDSig+`"`...), info[len("<ds:KeyInfo"):]...)
}
