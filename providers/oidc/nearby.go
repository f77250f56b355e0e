package oidc

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// unfound is what can be said of a provider whose discovery document cannot be used. Where another address beside the
// configured one answers a good document, the configured one is a slip, and the right one is shown.
func (p *provider) unfound(ctx context.Context, err error) []providers.Finding {
	f := fault.As(err)
	switch {
	case f.Code == fault.OIDCTenantUnknown && p.config.dialect.microsoft:
		if found := p.firstAnswering(ctx, p.otherClouds()); found != "" {
			f = better(f, fault.OIDCOtherCloud, found, p.config.Issuer)
		}
	case slices.Contains([]fault.Code{fault.OIDCDiscovery, fault.FetchDNS, fault.FetchServer}, f.Code):
		if found := p.firstAnswering(ctx, nearIssuers(p.config.Issuer)); found != "" {
			f = better(f, fault.OIDCIssuer, found, p.config.Issuer)
		}
	}
	return []providers.Finding{p.bad("discovery", f)}
}

func better(f *fault.Error, code fault.Code, found, configured string) *fault.Error {
	out := &fault.Error{Code: code, Observed: found, Expected: configured, Confidence: fault.Proved, Err: f, Labels: []string{"Issuer"}}
	out.Fix = out.Said.Tell("Set Issuer to %s.", found)
	return out.Telling("nothing usable at %s, but %s answers and calls itself so", configured, found)
}

// otherClouds are the addresses of the same directory in Microsoft's other clouds.
func (p *provider) otherClouds() (out []string) {
	u, err := url.Parse(p.config.Issuer)
	if err != nil {
		return nil
	}
	for _, host := range []string{"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"} {
		if host != strings.ToLower(u.Host) {
			out = append(out, "https://"+host+u.Path)
		}
	}
	return out
}

const maxNear = 6

// nearIssuers are the issuers that somebody may have meant who gave another address of the provider: a page of its
// console, an endpoint, the administrators' host, a path too few or too many.
func nearIssuers(issuer string) []string {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return nil
	}
	var out []string
	add := func(host, path string) {
		address := u.Scheme + "://" + host + strings.TrimRight(path, "/")
		if address != strings.TrimSuffix(issuer, "/") && !slices.Contains(out, address) {
			out = append(out, address)
		}
	}
	host := strings.Replace(u.Host, "-admin.okta", ".okta", 1)
	if host != u.Host {
		add(host, "")
	}
	path := u.EscapedPath()
	switch before, after, ok := strings.Cut(path, "/realms/"); { // Keycloak moved from /auth/realms to /realms
	case ok && strings.HasSuffix(before, "/auth"):
		add(host, strings.TrimSuffix(before, "/auth")+"/realms/"+after)
	case ok:
		add(host, before+"/auth/realms/"+after)
	}
	for i := strings.LastIndexByte(path, '/'); i >= 0 && len(out) < maxNear-1; i = strings.LastIndexByte(path, '/') {
		path = path[:i]
		add(host, path)
	}
	if path = strings.TrimRight(u.EscapedPath(), "/"); path == "" || path == "/adfs/ls" {
		add(host, "/adfs")
	}
	return out[:min(len(out), maxNear)]
}

// firstAnswering is the first of the issuers whose discovery document names that issuer itself.
func (p *provider) firstAnswering(ctx context.Context, issuers []string) string {
	good := make([]string, len(issuers))
	var parts []func() []providers.Finding
	for i, issuer := range issuers {
		parts = append(parts, func() []providers.Finding { good[i] = p.answersTo(ctx, issuer); return nil })
	}
	providers.Together(parts...)
	for _, g := range good {
		if g != "" {
			return g
		}
	}
	return ""
}

// answersTo is the issuer as its own document at the address spells it, "" where there is none or it names another.
func (p *provider) answersTo(ctx context.Context, issuer string) string {
	named, _, _ := p.issuerAt(ctx, issuer)
	if strings.TrimSuffix(named, "/") == strings.TrimSuffix(issuer, "/") {
		return named
	}
	before, after, ok := cutDirectory(issuer)
	if p.config.dialect.microsoft && ok && strings.HasPrefix(named, before) && strings.HasSuffix(named, after) {
		return named // the directory of the domain that was named
	}
	return ""
}

// issuerAt is the issuer that the document at an address names; said is the beginning of an answer that is none.
func (p *provider) issuerAt(ctx context.Context, issuer string) (named, said string, err error) {
	status, _, body, err := providers.NewProber(p.settings).Get(ctx, strings.TrimSuffix(issuer, "/")+wellKnown)
	if err != nil {
		return "", "", err
	}
	var doc struct {
		Issuer string `json:"issuer"`
	}
	if status != http.StatusOK || json.Unmarshal(body, &doc) != nil {
		return "", excerpt(string(body)), nil
	}
	return excerpt(doc.Issuer), "", nil
}

const maxDomains = 3

// domains asks Microsoft whose directory the connection's email domains belong to.
func (p *provider) domains(ctx context.Context, m *metadata) []providers.Finding {
	if !p.config.dialect.microsoft {
		return nil
	}
	var parts []func() []providers.Finding
	for _, d := range p.settings.Domains[:min(len(p.settings.Domains), maxDomains)] {
		parts = append(parts, func() []providers.Finding { return []providers.Finding{p.domain(ctx, m, strings.ToLower(d))} })
	}
	return providers.Together(parts...)
}

func (p *provider) domain(ctx context.Context, m *metadata, name string) providers.Finding {
	before, after, ok := cutDirectory(p.config.Issuer)
	if !ok || name == "" || strings.ContainsAny(name, "/?#%: ") {
		return providers.Silent("tenant", "%s cannot be asked about", excerpt(name))
	}
	named, said, err := p.issuerAt(ctx, before+name+after)
	if err != nil {
		return providers.Silent("tenant", "%s: %v", name, err)
	}
	if code, known := codeInText(said); known && code == fault.OIDCTenantUnknown {
		f := fault.New(fault.OIDCDomainUnknown, "%s: %s", name, said)
		f.Observed = name
		return p.warned("tenant", f)
	}
	tenant := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(named, before), after))
	switch {
	case !guid.MatchString(tenant):
		return providers.Silent("tenant", "Microsoft's answer about %s names no directory", name)
	case len(m.pins) > 0 && !slices.Contains(m.pins, tenant):
		f := fault.Mismatch(fault.OIDCDomainTenant, tenant, strings.Join(m.pins, " "))
		f.Telling("%s belongs to the directory %s", name, tenant)
		return p.warned("tenant", f)
	}
	return providers.Finding{Severity: "ok", Check: "tenant", Confidence: fault.Proved, Detail: name + " belongs to the directory " + tenant}
}
