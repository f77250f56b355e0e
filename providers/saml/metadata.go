package saml

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"cloakroom/broker/fault"
)

const (
	bindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	bindingPOST     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
)

// idp is what is known of the identity provider, from its metadata and the manual fields together.
type idp struct {
	entityID   string
	sso        endpoints
	slo        endpoints
	sloAnswers endpoints // ResponseLocation, else as slo
	keys       []trusted
	wantSigned bool // WantAuthnRequestsSigned
	validUntil time.Time

	// For preflight only.
	cached     bool     // the document says how long it may be kept (cacheDuration)
	formats    []string // NameIDFormat
	encryption [][]byte // certificates (DER) that are for encryption alone
	published  *idp     // what the metadata says where manual fields stand in front of it, else nil
}

// endpoints are one service's addresses by binding.
type endpoints struct{ redirect, post string }

func (e endpoints) any() bool { return e.redirect != "" || e.post != "" }

// choose answers the preferred binding where it is offered, else the other.
func (e endpoints) choose(preferred string) (address, binding string) {
	if preferred == post && e.post != "" || e.redirect == "" {
		return e.post, post
	}
	return e.redirect, redirect
}

// parseMetadata reads one entity out of an EntityDescriptor or EntitiesDescriptor (SAML metadata, section 2.3). Only an
// IDPSSODescriptor counts: AD FS's document also describes an application and WS-Federation roles.
func parseMetadata(doc []byte, entityID string) (*idp, error) {
	if looksLikeHTML(doc) {
		return nil, fault.New(fault.SAMLMetadataHTML, "%d bytes", len(doc))
	}
	root, err := parse(bytes.TrimSpace(doc), metadataLimits)
	switch {
	case err != nil:
		return nil, notXML(doc, err)
	case strings.EqualFold(root.name, "html"):
		return nil, fault.New(fault.SAMLMetadataHTML, "%d bytes", len(doc))
	}
	if !root.is(nsMetadata, "EntityDescriptor") && !root.is(nsMetadata, "EntitiesDescriptor") {
		return nil, fault.Mismatch(fault.SAMLMetadataInvalid, clip(root.name), "EntityDescriptor")
	}
	entity, err := chooseEntity(root, entityID)
	if err != nil {
		return nil, err
	}
	return readEntity(entity)
}

// notXML says what was given in place of a document that can be read.
func notXML(doc []byte, err error) error {
	start := bytes.TrimLeft(doc, " \t\r\n\xef\xbb\xbf")
	observed := "a document that breaks off or is damaged"
	switch {
	case len(start) == 0:
		observed = "an empty document"
	case start[0] == '{' && bytes.Contains(start, []byte(`"authorization_endpoint"`)):
		observed = "an OpenID Connect discovery document"
	case start[0] == '{', start[0] == '[':
		observed = "JSON"
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}), bytes.HasPrefix(start, []byte("PK\x03\x04")):
		observed = "a packed file"
	case bytes.HasPrefix(start, []byte{0xff, 0xfe}), bytes.HasPrefix(start, []byte{0xfe, 0xff}), !utf8.Valid(start):
		observed = "a document in another encoding than UTF-8"
	case start[0] != '<':
		observed = "a text that is no XML"
	}
	f := fault.Wrap(fault.SAMLMetadataInvalid, err, "%s", fault.As(err).Detail)
	f.Observed, f.Expected, f.Confidence = observed, "EntityDescriptor", fault.Proved
	return f
}

func looksLikeHTML(doc []byte) bool {
	start := bytes.ToLower(bytes.TrimLeft(doc[:min(len(doc), 512)], " \t\r\n\xef\xbb\xbf"))
	return bytes.HasPrefix(start, []byte("<!doctype html")) || bytes.HasPrefix(start, []byte("<html"))
}

// chooseEntity finds the entity named, or the only one that is an identity provider.
func chooseEntity(root *node, entityID string) (*node, error) {
	var all, providers []*node
	_ = root.walk(func(n *node) error {
		if n.is(nsMetadata, "EntityDescriptor") {
			all = append(all, n)
			if len(n.all(nsMetadata, "IDPSSODescriptor")) > 0 {
				providers = append(providers, n)
			}
		}
		return nil
	})
	if entityID == "" {
		switch len(providers) {
		case 0:
			return nil, fault.New(fault.SAMLMetadataRole, "%d entities", len(all))
		case 1:
			return providers[0], nil
		}
		return nil, several(providers)
	}
	named := func(n *node) bool { return n.attr("entityID") == entityID }
	if i := slices.IndexFunc(providers, named); i >= 0 {
		return providers[i], nil
	}
	if slices.ContainsFunc(all, named) {
		return nil, fault.New(fault.SAMLMetadataRole, "%s", clip(entityID))
	}
	observed := ""
	if len(all) == 1 {
		observed = clip(all[0].attr("entityID"))
	}
	return nil, fault.Mismatch(fault.SAMLMetadataEntity, observed, entityID)
}

// several names the first of them: one of their names has to be chosen.
func several(providers []*node) error {
	const named = 5
	var names []string
	for _, n := range providers[:min(len(providers), named)] {
		names = append(names, clip(n.attr("entityID")))
	}
	list := strings.Join(names, ", ")
	if len(providers) > named {
		list += ", …"
	}
	return &fault.Error{Code: fault.SAMLMetadataSeveral, Detail: fmt.Sprintf("%d identity providers: %s", len(providers), list), Observed: list, Expected: "one of them in Entity ID", Confidence: fault.Proved}
}

func readEntity(entity *node) (*idp, error) {
	role := entity.all(nsMetadata, "IDPSSODescriptor")[0]
	p := &idp{entityID: trimXML(entity.attr("entityID")), wantSigned: isTrue(role.attr("WantAuthnRequestsSigned"))}
	p.sso = readEndpoints(role, "SingleSignOnService", "Location")
	p.slo = readEndpoints(role, "SingleLogoutService", "Location")
	answers := readEndpoints(role, "SingleLogoutService", "ResponseLocation")
	p.sloAnswers = endpoints{cmp.Or(answers.redirect, p.slo.redirect), cmp.Or(answers.post, p.slo.post)}
	p.validUntil, p.cached = validUntil(role), cached(role)
	for _, f := range role.all(nsMetadata, "NameIDFormat") {
		p.formats = append(p.formats, f.content())
	}
	p.encryption = encryptionCertificates(role)
	var err error
	p.keys, err = signingKeys(role)
	return p, err
}

// signingKeys are those of KeyDescriptors for signing or for anything. A damaged certificate is passed over as long as
// there is a good one.
func signingKeys(role *node) (keys []trusted, err error) {
	for _, k := range role.all(nsMetadata, "KeyDescriptor") {
		if use := k.attr("use"); use != "" && use != "signing" {
			continue
		}
		for _, data := range k.child(nsDSig, "KeyInfo").all(nsDSig, "X509Data") {
			for _, c := range data.all(nsDSig, "X509Certificate") {
				der, bad := decodeCertificate(c.content())
				if bad == nil {
					keys, bad = trustAlso(keys, der)
				}
				err = cmp.Or(err, bad)
			}
		}
	}
	if len(keys) > 0 {
		return keys, nil
	}
	return nil, err
}

// encryptionCertificates are those that the role keeps for decrypting, which are taken for the signing one easily.
func encryptionCertificates(role *node) (out [][]byte) {
	for _, k := range role.all(nsMetadata, "KeyDescriptor") {
		if k.attr("use") == "encryption" {
			out = append(out, certificates(k.child(nsDSig, "KeyInfo"))...)
		}
	}
	return out
}

// cached reports whether the document asks to be read again after a time (SAML metadata, section 2.3.2).
func cached(n *node) bool {
	for ; n != nil; n = n.parent {
		if n.attr("cacheDuration") != "" {
			return true
		}
	}
	return false
}

func readEndpoints(role *node, service, attribute string) (e endpoints) {
	for _, s := range role.all(nsMetadata, service) {
		address := trimXML(s.attr(attribute))
		if !webAddress(address) {
			continue
		}
		switch s.attr("Binding") {
		case bindingRedirect:
			e.redirect = cmp.Or(e.redirect, address)
		case bindingPOST:
			e.post = cmp.Or(e.post, address)
		}
	}
	return e
}

// validUntil is the earliest end of validity on the way from the role to the document's root.
func validUntil(n *node) time.Time {
	var earliest time.Time
	for ; n != nil; n = n.parent {
		if t, err := parseTime(n.attr("validUntil")); err == nil && (earliest.IsZero() || t.Before(earliest)) {
			earliest = t
		}
	}
	return earliest
}

func isTrue(s string) bool { s = trimXML(s); return s == "true" || s == "1" }

// merge lays the manual fields over metadata, which may be nil. A manual sso_url or slo_url is used with the binding that
// the connection says.
func (c *config) merge(from *idp) *idp {
	p := &idp{}
	if from != nil {
		*p = *from
		p.published = from
	}
	p.entityID = cmp.Or(c.EntityID, p.entityID)
	if c.SSOURL != "" {
		p.sso = c.manual(c.SSOURL)
	}
	if c.SLOURL != "" {
		p.slo = c.manual(c.SLOURL)
		p.sloAnswers = p.slo
	}
	if len(c.keys) > 0 {
		p.keys = c.keys
	}
	return p
}

func (c *config) manual(address string) endpoints {
	if c.Binding == post {
		return endpoints{post: address}
	}
	return endpoints{redirect: address}
}

// usable reports what is still missing for sending people there and believing the answers.
func (p *idp) usable() error {
	switch {
	case p.entityID == "":
		return fault.New(fault.SAMLUnconfigured, "no Entity ID of the identity provider is known")
	case !p.sso.any():
		return fault.New(fault.SAMLMetadataSSO, "%s", clip(p.entityID))
	case len(p.keys) == 0:
		return fault.New(fault.SAMLMetadataKeys, "%s", clip(p.entityID))
	}
	return nil
}
