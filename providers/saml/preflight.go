package saml

import (
	"context"
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

const (
	expiresSoon = 60 * 24 * time.Hour
	endsSoon    = 14 * 24 * time.Hour // validUntil of federations lies a few weeks ahead at most
)

// Preflight looks at everything that can be judged without a person: metadata as it is now, certificates, addresses and
// our own settings; then it sends a request that nobody is behind and reads what comes back.
func (p *provider) Preflight(ctx context.Context) []providers.Finding {
	ctx, clocks := providers.WithClocks(ctx)
	f := &findings{p: p}
	known := p.preflightMetadata(ctx, f)
	if known != nil {
		p.lintMetadata(known, f)
		p.lintCertificates(ctx, known, f)
		p.lintAddresses(known, f)
		p.lintManual(known, f)
		p.lintRequests(known, f)
	}
	p.lintSettings(f)
	if known != nil && known.usable() == nil {
		p.probe(ctx, known, f)
	}
	f.list = append(f.list, clocks.Findings()...)
	return f.list
}

// findings collects results, each fault in the words of the provider's console.
type findings struct {
	p    *provider
	list []providers.Finding
}

func (f *findings) add(severity, check string, err error, detail string) {
	if err != nil {
		err = f.p.worded(fault.As(err))
	}
	f.list = append(f.list, providers.Finding{Err: err, Severity: severity, Check: check, Detail: detail})
}

func (f *findings) fail(check string, err error) { f.add("error", check, err, detailOf(err)) }
func (f *findings) warn(check string, err error) { f.add("warning", check, err, detailOf(err)) }

// ok is a passed probe; sure says how much it proves.
func (f *findings) ok(detail string, sure fault.Confidence) {
	f.list = append(f.list, providers.Finding{Severity: "ok", Check: passive, Detail: detail, Confidence: sure})
}

// note is something to know that asks for nothing.
func (f *findings) note(check string, err error) { f.add("ok", check, err, said(fault.As(err))) }

func detailOf(err error) string { return fault.As(err).Detail }

// preflightMetadata fetches anew where there is an address; the copy in use is judged if that fails.
func (p *provider) preflightMetadata(ctx context.Context, f *findings) *idp {
	if err := metadataAddress(p.c.MetadataURL); err != nil {
		f.warn("metadata", err)
	}
	if p.source.remote() {
		if err := p.source.fetch(ctx); err != nil {
			f.fail("metadata", p.sharper(err))
		}
	}
	known := p.source.known()
	if known == nil {
		return nil
	}
	if err := known.usable(); err != nil {
		f.fail("metadata", err)
		return known
	}
	f.add("ok", "metadata", nil, known.entityID)
	return known
}

// metadataAddress knows addresses that answer, but not with this application's metadata.
func metadataAddress(address string) error {
	low := strings.ToLower(address)
	host := hostOf(low)
	switch {
	case address == "":
	case microsoftLogin(host) && strings.Contains(low, "/federationmetadata/") && !strings.Contains(low, "appid="):
		return &fault.Error{Code: fault.SAMLMetadataTenant, Observed: clip(address), Expected: "…/federationmetadata.xml?appid=…", Confidence: fault.Proved}
	case consoleHost(host):
		return &fault.Error{Code: fault.SAMLMetadataConsole, Observed: clip(address), Confidence: fault.Proved}
	}
	return nil
}

func microsoftLogin(host string) bool {
	return slices.Contains([]string{"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "sts.windows.net", "login.windows.net"}, host)
}

// consoleHost knows the hosts that serve administrators only.
func consoleHost(host string) bool {
	if name, _, _ := strings.Cut(host, "."); strings.HasSuffix(name, "-admin") && oktaHost(host) {
		return true
	}
	return slices.Contains([]string{"admin.google.com", "portal.azure.com", "entra.microsoft.com", "console.jumpcloud.com", "console.pingone.com", "console.pingone.eu", "myapps.microsoft.com"}, host)
}

func oktaHost(host string) bool {
	return strings.HasSuffix(host, ".okta.com") || strings.HasSuffix(host, ".oktapreview.com") || strings.HasSuffix(host, ".okta-emea.com")
}

// sharper tells a document that is no identity provider's metadata what it is, where the address says so.
func (p *provider) sharper(err error) error {
	f := *fault.As(err)
	switch {
	case f.Code == fault.SAMLMetadataRole && (p.c.MetadataURL == p.s.MetadataURL || p.neighbour(p.c.MetadataURL) != ""):
		return &fault.Error{Code: fault.SAMLMetadataOurs, Observed: clip(p.c.MetadataURL), Confidence: fault.Proved}
	case f.Code == fault.SAMLMetadataHTML || f.Code == fault.FetchRedirect || f.Code == fault.FetchStatus:
		if consoleHost(hostOf(p.c.MetadataURL)) {
			return &fault.Error{Code: fault.SAMLMetadataConsole, Observed: clip(p.c.MetadataURL), Detail: f.Detail, Confidence: fault.Proved}
		}
	}
	return err
}

// lintMetadata judges the document as such.
func (p *provider) lintMetadata(known *idp, f *findings) {
	now := p.s.Now()
	switch u := known.validUntil; {
	case u.IsZero():
	case now.After(u) && !p.source.remote():
		f.warn("metadata", expiredMetadata(now, u))
	case !now.After(u) && now.Add(endsSoon).After(u) && !p.source.remote():
		f.warn("metadata", fault.New(fault.SAMLMetadataEnding, "until %s", u.Format(time.DateTime)))
	}
	if strings.Contains(known.entityID, "{") {
		f.fail("metadata", &fault.Error{Code: fault.SAMLMetadataPlaceholder, Observed: clip(known.entityID), Confidence: fault.Proved})
	}
	if known.cached && p.c.MetadataXML != "" {
		f.warn("metadata", fault.New(fault.SAMLMetadataStatic, "its cacheDuration says so"))
	}
}

// lintRequests holds what we send against what the identity provider says it takes.
func (p *provider) lintRequests(known *idp, f *findings) {
	if known.wantSigned && p.c.SignRequests == "never" {
		f.fail("requests", fault.New(fault.SAMLRequestSigning, "its metadata says WantAuthnRequestsSigned"))
	}
	if want := p.c.NameIDFormat; want != "" && len(known.formats) > 0 && !slices.Contains(known.formats, want) && !strings.HasSuffix(want, ":unspecified") {
		f.warn("requests", &fault.Error{Code: fault.SAMLNameIDUnoffered, Observed: clip(want), Expected: clip(strings.Join(known.formats, " ")), Confidence: fault.Likely})
	}
	if known.sso.any() && !known.slo.any() {
		f.note("logout", fault.New(fault.SAMLNoLogout, "no logout address is known: people are signed out of our side only"))
	}
}

// lintSettings names our own settings that commonly break sign-ins, and the exceptions that weaken them.
func (p *provider) lintSettings(f *findings) {
	if p.c.NameIDFormat != "" && slices.Contains([]string{"okta", "entra"}, p.s.Preset) {
		f.warn("settings", fault.New(fault.SAMLNameIDForced, "%s", p.c.NameIDFormat))
	}
	if len(p.c.RequestedAuthnContext) > 0 {
		f.warn("settings", fault.New(fault.SAMLContextForced, "%s", strings.Join(p.c.RequestedAuthnContext, ", ")))
	}
	switch {
	case p.s.Preset == "shibboleth" && p.c.Encrypt == "never":
		f.warn("settings", fault.New(fault.SAMLEncryptionUnpublished, "encrypt is never"))
	case p.s.Preset == "google" && p.c.Encrypt == "required":
		f.fail("settings", fault.New(fault.SAMLEncryptionRequired, "Google's own applications are never sent encrypted assertions; set Encryption to optional"))
	}
	for _, w := range []struct {
		on   bool
		name string
	}{{p.c.AllowSHA1, "allow_sha1"}, {p.c.AllowCBC, "allow_cbc"}, {p.c.AllowRSA15, "allow_rsa15"}} {
		if w.on {
			f.warn("settings", fault.New(fault.SAMLWeakenedSecurity, "%s", w.name))
		}
	}
}
