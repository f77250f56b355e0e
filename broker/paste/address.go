package paste

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers/preset"
)

// placeholder is what manuals write where a customer's value belongs.
var placeholder = regexp.MustCompile(`(?i)\{\{?[a-z][\w .-]*\}?\}|<[a-z][\w .-]*>|\[[a-z][\w .-]*\]|\byour[-_ ]?(?:own|okta|domain|org|organi[sz]ation|tenant|company|app|subdomain|realm|idp|server|host|instance|client|secret|name)[\w-]*|\b(?:tenant|client|app)[-_]?id[-_]?here\b|\bxxxx+\b|//(?:[\w-]+\.)*example\.(?:com|org|net)\b`)

// address reads a URL. kind is what it was said to be, "" where nobody said.
func (r *reader) address(kind, text string) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || strings.ContainsAny(text, " \t\n") {
		if placeholder.MatchString(text) {
			r.say(fault.PastePlaceholder, or(kind, KindMetadataURL), "%s", clip(text))
			return
		}
		r.unknown("it is not an address: %s", clip(text))
		return
	}
	if !r.vet(text) {
		return
	}
	_, what := lookup(u)
	switch {
	case r.in.Protocol == "saml":
		r.samlAddress(kind, what, text, u)
	case r.in.Protocol == "oidc":
		r.oidcAddress(kind, what, text, u)
	case kind != "":
		r.warn(u)
		r.set(kind, text)
	default:
		r.oauthAddress(text, u)
	}
}

// vet refuses an address that cannot be the customer's provider, whatever it is for.
func (r *reader) vet(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return true
	}
	name, what := lookup(u)
	plain, err := url.PathUnescape(text)
	if err != nil {
		plain = text
	}
	switch {
	case r.own(text):
		r.say(fault.PasteOwn, KindMetadataURL, "%s", clip(text))
	case placeholder.MatchString(plain):
		r.say(fault.PastePlaceholder, KindMetadataURL, "%s", clip(placeholder.FindString(plain)))
	case what == atConsole:
		r.say(fault.PasteConsole, r.firstKind(), "%s", clip(u.Host))
	case what == atTile:
		r.say(fault.PasteAppLink, r.firstKind(), "%s", clip(text))
	case name != "" && r.in.Preset != "generic" && !kin(name, r.in.Preset):
		r.otherProvider(name, u.Host)
	case r.in.Preset != "generic" && !fits(r.in.Preset, name, u):
		r.find(fault.New(fault.PasteForeignHost, "%s", u.Host))
		return true
	default:
		return true
	}
	return false
}

// fits reports whether a provider that has addresses of its own only could have this one. Addresses that a customer chose
// (Okta's and OneLogin's custom domains) look like anything.
func fits(presetName, found string, u *url.URL) bool {
	return found != "" || !slices.Contains([]string{"entra", "microsoft", "google", "apple", "jumpcloud"}, presetName) || loopback(u.Hostname())
}

// own reports an address of ours.
func (r *reader) own(text string) bool {
	o := r.in.Own
	t := strings.TrimRight(text, "/")
	return t == strings.TrimRight(o.ACS, "/") && t != "" || t == strings.TrimRight(o.EntityID, "/") && t != "" ||
		o.BaseURL != "" && (t == o.BaseURL || strings.HasPrefix(t, o.BaseURL+"/broker/") || strings.HasPrefix(t, o.BaseURL+"/admin") || strings.HasPrefix(t, o.BaseURL+"/setup/"))
}

// firstKind is the value to ask for first.
func (r *reader) firstKind() string {
	p, _ := preset.Get(r.in.Preset)
	asked := p.Take(r.in.Protocol)
	if len(asked) == 0 {
		return KindMetadataURL
	}
	switch asked[0].Field {
	case "metadata_xml":
		return KindMetadata
	case "certificates":
		return KindCertificate
	}
	return asked[0].Field
}

// samlAddress takes an address over for SAML.
func (r *reader) samlAddress(kind, what, text string, u *url.URL) {
	switch {
	case what == atDiscovery || what == atEndpoint:
		r.otherProtocol("oidc", "an address of OpenID Connect")
		return
	case kind == KindEntityID && what == atSSO || kind == KindSSO && what == atEntity:
		f := fault.New(fault.SAMLTheirsSwapped, "")
		f.Observed = clip(text)
		f.Labels = append(r.labels(KindEntityID), r.labels(KindSSO)...)
		r.find(f)
		return
	case kind == KindSSO && what == atMetadata, kind == "" && what == atMetadata, kind == KindMetadataURL && what == "", kind == KindMetadataURL && what == atMetadata:
		r.metadataURL(text, u)
		return
	case kind == KindMetadataURL && what != "":
		r.say(fault.PasteEndpoint, KindMetadataURL, "%s", clip(text))
		return
	}
	if kind == "" {
		kind = map[string]string{atSSO: KindSSO, atSLO: KindSLO, atEntity: KindEntityID}[what]
	}
	switch {
	case kind != "":
		if kind != KindEntityID {
			r.warn(u)
		}
		r.set(kind, text)
	case what == atHome, what == atIssuer && r.in.Preset != "keycloak" && r.in.Preset != "generic", strings.Trim(u.Path, "/") == "" && u.RawQuery == "":
		r.say(fault.PasteEndpoint, KindMetadataURL, "%s", clip(text))
	case what == atIssuer: // Keycloak names its SAML side so too; its metadata lies below
		r.find(fault.New(fault.PasteDerived, "%s/protocol/saml/descriptor", strings.TrimRight(text, "/")))
		r.metadataURL(strings.TrimRight(text, "/")+"/protocol/saml/descriptor", u)
	default:
		r.metadataURL(text, u)
	}
}

func (r *reader) metadataURL(text string, u *url.URL) {
	if name, _ := lookup(u); name == "entra" && u.Query().Get("appid") == "" {
		r.say(fault.SAMLMetadataTenant, KindMetadataURL, "%s", clip(text))
		return
	}
	r.warn(u)
	r.set(KindMetadataURL, text)
}

// warn says what may still be right with an address that is to be fetched or sent to.
func (r *reader) warn(u *url.URL) {
	switch {
	case u.Scheme != "https" && !loopback(u.Hostname()):
		r.find(fault.New(fault.PasteInsecure, "%s", u.Host))
	case private(u.Hostname()):
		r.find(fault.New(fault.PastePrivate, "%s", u.Host))
	}
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// private reports a name or address that means something inside one network only.
func private(host string) bool {
	if a, err := netip.ParseAddr(host); err == nil {
		return !loopback(host) && (a.IsPrivate() || a.IsLinkLocalUnicast())
	}
	if loopback(host) {
		return false
	}
	_, end, dotted := cutLast(host, ".")
	return !dotted || slices.Contains([]string{"local", "localdomain", "internal", "intranet", "intra", "lan", "corp", "home", "private", "test"}, strings.ToLower(end))
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// oidcAddress takes an address over for OpenID Connect.
func (r *reader) oidcAddress(kind, what, text string, u *url.URL) {
	switch {
	case what == atMetadata || what == atSSO || what == atSLO:
		r.otherProtocol("saml", "an address of SAML")
		return
	case kind != "" && kind != KindIssuer && kind != KindTenant:
		r.say(fault.PasteField, kind, "it is an address, which belongs to the issuer")
		return
	}
	if name, _ := lookup(u); name == "entra" {
		r.entraAddress(u)
		return
	}
	issuer, derived := r.issuerOf(what, text, u)
	if issuer == "" {
		r.say(fault.PasteEndpoint, KindIssuer, "%s", clip(text))
		return
	}
	if derived {
		r.find(fault.New(fault.PasteDerived, "%s", issuer))
	}
	r.warn(u)
	r.set(KindIssuer, issuer)
}

var (
	wellKnown  = regexp.MustCompile(`/\.well-known/(?:openid-configuration|oauth-authorization-server)/?$`)
	belowIssue = regexp.MustCompile(`^(.*?)(?:/protocol/openid-connect/.*|/oauth2/v\d/\w+|/v\d/\w+|/oauth2/\w+/?|(/as)/\w+|(/oidc/\d+)/\w+)$`)
)

// issuerOf makes the issuer of an address; derived says that the address was something else.
func (r *reader) issuerOf(what, text string, u *url.URL) (issuer string, derived bool) {
	bare := wellKnown.ReplaceAllString(text, "")
	if bare != text {
		return bare, false
	}
	if what != atEndpoint {
		if u.RawQuery != "" || u.Fragment != "" {
			return "", false
		}
		if strings.Trim(u.Path, "/") == "" && r.in.Preset != "jumpcloud" {
			return strings.TrimRight(text, "/"), false
		}
		return text, false
	}
	m := belowIssue.FindStringSubmatch(u.Path)
	if m == nil {
		return "", false
	}
	return u.Scheme + "://" + u.Host + m[1] + m[2] + m[3], true
}

// entraAddress takes the directory out of any of Microsoft's addresses.
func (r *reader) entraAddress(u *url.URL) {
	tenant, _, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	switch strings.ToLower(tenant) {
	case "":
		r.say(fault.PasteEndpoint, KindTenant, "%s", clip(u.Host))
		return
	case "common", "organizations", "consumers":
		if r.in.Preset == "entra" {
			r.say(fault.PasteAnyTenant, KindTenant, "%s", clip(tenant))
			return
		}
		tenant = "" // which is what it means there
	}
	r.set(KindTenant, tenant)
	host := strings.ToLower(u.Hostname())
	if strings.HasSuffix(host, ".us") || strings.HasSuffix(host, ".cn") || strings.HasSuffix(host, ".de") {
		r.find(fault.New(fault.PasteCloud, "%s", u.Hostname()))
		r.set(KindIssuer, "https://"+u.Host+"/"+tenant+"/v2.0")
	}
}

// oauthAddress takes an endpoint of plain OAuth 2.0 over by its path.
func (r *reader) oauthAddress(text string, u *url.URL) {
	r.warn(u)
	switch {
	case strings.Contains(u.Path, "auth") && !strings.Contains(u.Path, "token"):
		r.set("authorize_url", text)
	case strings.Contains(u.Path, "token"):
		r.set("token_url", text)
	case strings.Contains(u.Path, "user"):
		r.set("userinfo_url", text)
	default:
		r.say(fault.PasteEndpoint, KindClientID, "%s", clip(text))
	}
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
