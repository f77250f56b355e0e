package saml

import (
	"bytes"
	"cmp"
	"net/url"
	"slices"
	"strings"

	"cloakroom/broker/fault"
)

// lintAddresses judges the identity provider's name and sign-on address by their shapes.
func (p *provider) lintAddresses(known *idp, f *findings) {
	address := cmp.Or(known.sso.redirect, known.sso.post)
	if address == "" {
		return
	}
	for _, check := range []func(*idp, string) error{p.oneOfOurs, swapped, portalLink, p.metadataAsSSO} {
		if err := check(known, address); err != nil {
			f.fail("sign_on", err)
			return
		}
	}
	if strings.HasPrefix(address, "http://") {
		f.warn("sign_on", fault.New(fault.SAMLSSOInsecure, "%s", address))
		return
	}
	f.add("ok", "sign_on", nil, address)
}

// oneOfOurs finds one of our own values where theirs belongs.
func (p *provider) oneOfOurs(known *idp, address string) error {
	for _, own := range [][2]string{{"the Entity ID is ours", known.entityID}, {"the sign-on address is ours", address}} {
		if v := own[1]; slices.Contains([]string{p.s.SPEntityID, p.s.CallbackURL, p.s.MetadataURL}, v) || slices.Contains(p.s.Aliases, v) {
			return &fault.Error{Code: fault.SAMLAddressOurs, Detail: own[0], Observed: clip(v), Confidence: fault.Proved}
		}
	}
	return nil
}

// swapped finds name and address in each other's place. Entity IDs look like addresses, so it takes the shapes of vendors
// that are known, or a name that no browser could open in the address's place.
func swapped(known *idp, address string) error {
	switch {
	case known.crossed(address):
		return &fault.Error{Code: fault.SAMLTheirsSwapped, Detail: "compared with the metadata", Observed: clip(known.entityID + " " + address),
			Expected: clip(known.published.entityID + " " + cmp.Or(known.published.sso.redirect, known.published.sso.post)), Confidence: fault.Proved}
	case known.entityID == address: // some products have one address for both
		return nil
	case signOnShape(known.entityID) && !signOnShape(address), nameShape(address) && !nameShape(known.entityID):
		return (&fault.Error{Code: fault.SAMLTheirsSwapped, Confidence: fault.Likely}).Telling("Entity ID %s, sign-on address %s", clip(known.entityID), clip(address))
	}
	return nil
}

// crossed reports whether what was entered by hand has the metadata's name as address, or its address as name.
func (p *idp) crossed(address string) bool {
	from := p.published
	if from == nil {
		return false
	}
	takes := func(s string) bool { return s != "" && (s == from.sso.redirect || s == from.sso.post) }
	return address == from.entityID && !takes(address) || takes(p.entityID) && p.entityID != from.entityID
}

// signOnShape knows addresses where vendors take requests; no entity ID of theirs looks like that.
func signOnShape(s string) bool {
	u, err := url.Parse(strings.ToLower(s))
	if err != nil || u.Host == "" {
		return false
	}
	path := strings.TrimRight(u.Path, "/")
	switch {
	case microsoftLogin(u.Host):
		return strings.HasSuffix(path, "/saml2")
	case u.Host == "accounts.google.com":
		return strings.HasSuffix(path, "/o/saml2/idp")
	case oktaHost(u.Host):
		return strings.HasSuffix(path, "/sso/saml")
	}
	return strings.HasSuffix(path, "/adfs/ls") || strings.HasSuffix(path, "/idp/sso.saml2") || strings.Contains(path, "/profile/saml2/") || strings.Contains(path, "/trust/saml2/http-")
}

// nameShape knows entity IDs that answer no request.
func nameShape(s string) bool {
	u, err := url.Parse(strings.ToLower(s))
	if err != nil || u.Host == "" {
		return false
	}
	path := strings.TrimRight(u.Path, "/")
	switch {
	case u.Host == "sts.windows.net":
		return true
	case u.Host == "www.okta.com":
		return strings.HasPrefix(path, "/exk")
	case u.Host == "accounts.google.com":
		return path == "/o/saml2"
	}
	return strings.HasSuffix(path, "/adfs/services/trust") || strings.HasSuffix(path, "/idp/shibboleth")
}

// portalLink finds addresses that only begin sign-ins from the identity provider's own portal.
func portalLink(_ *idp, address string) error {
	low := strings.ToLower(address)
	u, err := url.Parse(low)
	if err != nil {
		return nil
	}
	switch {
	case strings.Contains(low, "/idp/startsso.ping"), strings.Contains(low, "idpinitiatedsignon"),
		oktaHost(u.Host) && strings.HasPrefix(u.Path, "/home/"), consoleHost(u.Host),
		u.Host == "launcher.myapps.microsoft.com", u.Host == "accounts.google.com" && strings.HasSuffix(u.Path, "/initsso"):
		return fault.New(fault.SAMLSSOShape, "%s", address)
	}
	return nil
}

func (p *provider) metadataAsSSO(_ *idp, address string) error {
	low := strings.ToLower(address)
	if address != "" && address == p.c.MetadataURL || strings.Contains(low, "federationmetadata") || strings.HasSuffix(low, "/sso/saml/metadata") || strings.HasSuffix(low, "/protocol/saml/descriptor") ||
		strings.Contains(low, "/saml/metadata/") || strings.Contains(low, "federation_metadata.ping") {
		return &fault.Error{Code: fault.SAMLSSOMetadata, Observed: clip(address), Confidence: fault.Proved}
	}
	return nil
}

// lintManual compares what was entered by hand with the metadata that it stands in front of.
func (p *provider) lintManual(known *idp, f *findings) {
	from := known.published
	if from == nil {
		return
	}
	differs := func(field, observed, expected string) {
		f.warn("manual", &fault.Error{Code: fault.SAMLManualDiffers, Detail: field, Observed: clip(observed), Expected: clip(expected), Confidence: fault.Proved})
	}
	if len(p.c.keys) > 0 && len(from.keys) > 0 && !slices.ContainsFunc(from.keys, p.c.holds) {
		differs("certificates", describeAll(p.c.keys), describeAll(from.keys))
	}
	switch a := p.c.SSOURL; {
	case a == "" || !from.sso.any():
	case a == from.sso.post && a != from.sso.redirect && p.c.Binding != post, a == from.sso.redirect && a != from.sso.post && p.c.Binding == post:
		f.fail("sign_on", &fault.Error{Code: fault.SAMLSSOBinding, Observed: p.c.Binding, Expected: otherBinding(p.c.Binding), Confidence: fault.Proved})
	case a != from.sso.post && a != from.sso.redirect:
		differs("sso_url", a, cmp.Or(from.sso.redirect, from.sso.post))
	}
}

// holds reports whether a key is among those entered by hand, in whatever certificate.
func (c *config) holds(k trusted) bool {
	return slices.ContainsFunc(c.keys, func(own trusted) bool {
		return bytes.Equal(own.cert.RawSubjectPublicKeyInfo, k.cert.RawSubjectPublicKeyInfo)
	})
}

func otherBinding(b string) string {
	if b == post {
		return redirect
	}
	return post
}

func hostOf(address string) string {
	u, err := url.Parse(strings.ToLower(address))
	if err != nil {
		return ""
	}
	return u.Hostname()
}
