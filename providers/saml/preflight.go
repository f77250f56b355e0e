package saml

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

const expiresSoon = 60 * 24 * time.Hour

// Preflight looks at everything that can be judged without a person: metadata as it is now, certificates, addresses and
// our own settings.
func (p *provider) Preflight(ctx context.Context) []providers.Finding {
	f := findings{}
	known := p.preflightMetadata(ctx, &f)
	if known != nil {
		p.preflightCertificates(ctx, known, &f)
		p.preflightAddresses(known, &f)
		if known.wantSigned && p.c.SignRequests == "never" {
			f.fail("requests", fault.New(fault.SAMLRequestSigning, ""))
		}
	}
	p.preflightSettings(&f)
	return f.list
}

type findings struct{ list []providers.Finding }

func (f *findings) add(severity, check string, err error, detail string) {
	f.list = append(f.list, providers.Finding{Err: err, Severity: severity, Check: check, Detail: detail})
}

func (f *findings) fail(check string, err error) { f.add("error", check, err, detailOf(err)) }
func (f *findings) warn(check string, err error) { f.add("warning", check, err, detailOf(err)) }

func detailOf(err error) string { return fault.As(err).Detail }

// preflightMetadata fetches anew where there is an address; the copy in use is judged if that fails.
func (p *provider) preflightMetadata(ctx context.Context, f *findings) *idp {
	if strings.HasPrefix(p.c.MetadataURL, "https://login.microsoftonline.com/") && !strings.Contains(strings.ToLower(p.c.MetadataURL), "appid=") {
		f.warn("metadata", fault.Mismatch(fault.SAMLMetadataTenant, p.c.MetadataURL, "…/federationmetadata.xml?appid=…"))
	}
	if p.source.remote() {
		if err := p.source.fetch(ctx); err != nil {
			f.fail("metadata", err)
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
	if u := known.validUntil; !u.IsZero() && p.s.Now().After(u) && !p.source.remote() {
		f.warn("metadata", expiredMetadata(p.s.Now(), u))
	}
	f.add("ok", "metadata", nil, known.entityID)
	return known
}

func (p *provider) preflightCertificates(ctx context.Context, known *idp, f *findings) {
	now := p.s.Now()
	own, _ := p.s.Keys(ctx)
	for _, k := range known.keys {
		name := describe(k.cert)
		until := k.cert.NotAfter
		switch {
		case slices.ContainsFunc(own, func(o providers.Key) bool { return slices.Equal(o.Certificate, k.cert.Raw) }):
			f.fail("certificate", fault.New(fault.SAMLCertOwn, "%s", name))
		case k.weak != "":
			f.fail("certificate", fault.New(fault.SAMLCertWeak, "%s: %s", name, k.weak))
		case now.After(until):
			f.warn("certificate", fault.New(fault.SAMLCertExpired, "%s: since %s", name, until.Format(time.DateOnly)))
		case now.Add(expiresSoon).After(until):
			f.warn("certificate", fault.New(fault.SAMLCertExpiring, "%s: on %s", name, until.Format(time.DateOnly)))
		default:
			f.add("ok", "certificate", nil, fmt.Sprintf("%s, until %s", name, until.Format(time.DateOnly)))
		}
	}
}

func (p *provider) preflightAddresses(known *idp, f *findings) {
	address := cmp.Or(known.sso.redirect, known.sso.post)
	switch {
	case address == "":
		return
	case strings.Contains(address, "/idp/startSSO.ping"), strings.Contains(address, ".okta.com/home/"):
		f.fail("sign_on", fault.New(fault.SAMLSSOShape, "%s", address))
	case strings.HasPrefix(address, "http://"):
		f.warn("sign_on", fault.New(fault.SAMLSSOInsecure, "%s", address))
	default:
		f.add("ok", "sign_on", nil, address)
	}
}

// preflightSettings names our own settings that commonly break sign-ins, and the exceptions that weaken them.
func (p *provider) preflightSettings(f *findings) {
	if p.c.NameIDFormat != "" && (p.s.Preset == "okta" || p.s.Preset == "entra") {
		f.warn("settings", fault.New(fault.SAMLNameIDForced, "%s", p.c.NameIDFormat))
	}
	if len(p.c.RequestedAuthnContext) > 0 {
		f.warn("settings", fault.New(fault.SAMLContextForced, "%s", strings.Join(p.c.RequestedAuthnContext, ", ")))
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
