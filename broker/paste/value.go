package paste

import (
	"crypto/x509"
	"regexp"
	"strings"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers/preset"
)

var (
	guid    = regexp.MustCompile(`^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$`)
	domain  = regexp.MustCompile(`^(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.)+(?:\p{L}{2,63}|xn--[a-z0-9-]+)$`)
	mailbox = regexp.MustCompile(`^[^\s@]+@([^\s@]+)$`)
	hidden  = regexp.MustCompile(`^[•●∙·*xX.…]{4,}$|(?:…|\.\.\.)$|[•●∙]{3,}|\*{4,}`)
	scheme  = regexp.MustCompile(`^(?i)[a-z][a-z0-9+.-]*://`)
	noSlash = regexp.MustCompile(`^(?i)(?:https?):/?[^/]|^(?:hxxps?|htps?|ttps?|ttp)://`)
)

// credential is what a provider's client ids and secrets look like.
type credential struct {
	id, secret *regexp.Regexp
	shortest   int // of secrets
}

// credentials are the shapes that providers themselves give; others' can be anything.
var credentials = map[string]credential{
	"okta":      {regexp.MustCompile(`^0oa[A-Za-z0-9]{17}$`), regexp.MustCompile(`^[\w-]{40,80}$`), 40},
	"entra":     {guid, regexp.MustCompile(`^[\w.~-]{3,5}~[\w.~-]{31,36}$|^[\w.~-]*~[\w.~-]*$`), 34},
	"microsoft": {guid, regexp.MustCompile(`^[\w.~-]{3,5}~[\w.~-]{31,36}$|^[\w.~-]*~[\w.~-]*$`), 34},
	"google":    {regexp.MustCompile(`^[\w-]+\.apps\.googleusercontent\.com$`), regexp.MustCompile(`^GOCSPX-[\w-]*$`), 24},
	"github":    {regexp.MustCompile(`^(?:Iv\d\.[0-9a-f]{16}|Iv23[\w]{16}|Ov23[\w]{16}|[0-9a-f]{20})$`), regexp.MustCompile(`^[0-9a-f]{40}$`), 40},
	"pingone":   {guid, regexp.MustCompile(`^[\w.~-]{50,}$`), 40},
	"jumpcloud": {guid, regexp.MustCompile(`^[\w.~-]{24,64}$`), 24},
	"adfs":      {guid, regexp.MustCompile(`^[\w.~-]{40}$`), 30},
	"keycloak":  {nil, regexp.MustCompile(`^[A-Za-z0-9]{32}$`), 16},
}

// microsoft reports presets whose secrets have ids.
func (r *reader) microsoft() bool { return r.in.Preset == "entra" || r.in.Preset == "microsoft" }

// kindOfField is the kind of value that the field takes.
func (r *reader) kindOfField() string {
	switch r.field() {
	case "metadata_xml":
		return KindMetadata
	case "certificates":
		return KindCertificate
	}
	return r.field()
}

// maxValue is the longest value that is none of the documents.
const maxValue = 4096

// value reads one value without structure. kind is what it was said to be, "" where nobody said.
func (r *reader) value(kind, raw string) {
	if r.in.Protocol == "ldap" {
		r.directoryValue(kind, raw)
		return
	}
	if len(raw) > maxValue && kind != KindCertificate {
		r.unknown("it is too long for a value")
		return
	}
	v, cut := tidy(raw)
	if v == "" {
		return
	}
	if cut {
		r.find(fault.New(fault.PasteCleaned, ""))
	}
	if m := message(v); m != "" && !(kind == KindClientSecret && r.in.Preset == "apple") {
		r.find(fault.New(fault.PasteMessage, "%s", m))
		return
	}
	switch {
	case scheme.MatchString(v) && !noSlash.MatchString(v):
		r.address(kind, v)
	case noSlash.MatchString(v):
		r.unknown("the address is damaged at its beginning: %s", clip(v))
	case kind == "":
		r.guess(v)
	default:
		r.named(kind, v)
	}
}

// named takes a value over for what it was said to be, unless it is plainly something else.
func (r *reader) named(kind, v string) {
	switch kind {
	case KindClientSecret:
		r.secret(v)
	case KindClientID:
		r.clientID(v)
	case KindTenant:
		r.tenant(v)
	case KindCertificate:
		r.bare(v)
	case KindIssuer:
		r.hostOnly(v)
	case KindMetadata, KindMetadataURL, KindSSO, KindSLO:
		if domain.MatchString(v) {
			r.say(fault.PasteEndpoint, kind, "%s", clip(v))
			return
		}
		r.unknown("it is neither an address nor a document: %s", clip(v))
	case KindEntityID:
		if placeholder.MatchString(v) {
			r.say(fault.PastePlaceholder, kind, "%s", clip(v))
			return
		}
		r.set(kind, v)
	case "team_id", "key_id":
		r.out.Set["/oidc/authorization_params/"+kind] = v
		r.out.Kind = KindSeveral
	case "client_secret_expires_at":
		r.ends(v)
	case "secret_id":
		r.out.Set["secret_id"] = true // settled when all is read
	default:
		r.unknown("nothing is known of a field %s", clip(kind))
	}
}

// secret takes a client secret.
func (r *reader) secret(v string) {
	shape := credentials[r.in.Preset]
	switch {
	case hidden.MatchString(v):
		r.say(fault.PasteMasked, KindClientSecret, "")
	case r.microsoft() && guid.MatchString(v):
		r.secretID()
	case shape.id != nil && shape.id.MatchString(v) && (shape.secret == nil || !shape.secret.MatchString(v)):
		r.say(fault.PasteField, KindClientSecret, "it looks like the client id")
	case placeholder.MatchString(v):
		r.say(fault.PastePlaceholder, KindClientSecret, "")
	case strings.ContainsAny(v, " \t\n"):
		r.say(fault.PasteUnknown, KindClientSecret, "a secret has no blanks in it")
	default:
		if len(v) < shape.shortest {
			f := fault.New(fault.PasteTruncated, "%d characters; %d are usual", len(v), shape.shortest)
			f.Labels = r.labels(KindClientSecret)
			r.find(f)
		}
		r.set(KindClientSecret, v)
	}
}

// ends takes the day on which the secret ends; as a day it is that day's beginning, so that nobody is warned too late.
func (r *reader) ends(v string) {
	at, err := time.Parse(time.DateOnly, v)
	if err != nil {
		at, err = time.Parse(time.RFC3339, v)
	}
	switch {
	case err != nil:
		r.unknown("a day is written as %s", r.in.Now.Format(time.DateOnly))
	case at.Before(r.in.Now):
		r.unknown("the day is over")
	default:
		r.set("client_secret_expires_at", at.UTC().Format(time.RFC3339))
	}
}

// secretID says that the id of a secret was copied in its place.
func (r *reader) secretID() {
	f := fault.New(fault.PasteSecretID, "")
	f.Labels = []string{"Value", "Secret ID"}
	f.Fix = "Under Certificates & secrets copy the column Value, not Secret ID. The value is shown only right after the secret was made; make a New client secret if it is hidden."
	r.find(f)
}

// clientID takes a client id.
func (r *reader) clientID(v string) {
	shape := credentials[r.in.Preset]
	switch {
	case placeholder.MatchString(v):
		r.say(fault.PastePlaceholder, KindClientID, "%s", clip(v))
		return
	case shape.id != nil && !shape.id.MatchString(v) && shape.secret != nil && shape.secret.MatchString(v) && r.in.Preset != "jumpcloud" && r.in.Preset != "okta":
		r.say(fault.PasteField, KindClientID, "it looks like the client secret")
		return
	case mailbox.MatchString(v) && r.in.Preset != "generic":
		r.say(fault.PasteUnknown, KindClientID, "it is an email address")
		return
	case shape.id != nil && !shape.id.MatchString(v):
		f := fault.New(fault.PasteUnusual, "%s", clip(v))
		f.Labels = r.labels(KindClientID)
		r.find(f)
	}
	r.set(KindClientID, v)
}

// tenant takes the directory's id or domain.
func (r *reader) tenant(v string) {
	p, _ := preset.Get(r.in.Preset)
	if m := mailbox.FindStringSubmatch(v); m != nil {
		r.find(fault.New(fault.PasteDerived, "%s", clip(m[1])))
		v = m[1]
	}
	switch low := strings.ToLower(v); {
	case placeholder.MatchString(v):
		r.say(fault.PastePlaceholder, KindTenant, "%s", clip(v))
	case low == "common" || low == "organizations" || low == "consumers":
		r.say(fault.PasteAnyTenant, KindTenant, "%s", clip(v))
	case guid.MatchString(v) && r.in.Preset == "google":
		r.say(fault.PasteUnknown, KindTenant, "a domain is expected")
	case guid.MatchString(v) || domain.MatchString(low):
		r.set(KindTenant, low)
	default:
		r.say(fault.PasteUnknown, KindTenant, "neither an id nor a domain of %s", p.Title)
	}
}

// hostOnly takes a host without https:// for an issuer: consoles show it so.
func (r *reader) hostOnly(v string) {
	host, _, _ := strings.Cut(v, "/")
	name, _, _ := strings.Cut(host, ":")
	if !domain.MatchString(strings.ToLower(name)) && name != "localhost" {
		r.unknown("it is not an address: %s", clip(v))
		return
	}
	r.find(fault.New(fault.PasteDerived, "https://%s", clip(v)))
	r.address(KindIssuer, "https://"+v)
}

// bare takes a certificate without the lines around it.
func (r *reader) bare(v string) {
	cert := r.parse(v)
	if cert == nil {
		return
	}
	r.find(fault.New(fault.PasteCertBare, "%s", cert.Subject.CommonName))
	r.certificates([]*x509.Certificate{cert})
}

// guess tells a value by its shape, and by what is still missing.
func (r *reader) guess(v string) {
	if r.in.Protocol == "saml" {
		r.guessSAML(v)
		return
	}
	shape, p := credentials[r.in.Preset], presetOf(r.in.Preset)
	switch {
	case hidden.MatchString(v):
		r.say(fault.PasteMasked, KindClientSecret, "")
	case guid.MatchString(v) && r.microsoft():
		r.guids = append(r.guids, v)
	case shape.id != nil && shape.id.MatchString(v):
		r.clientID(v)
	case r.foreign(v):
	case shape.secret != nil && shape.secret.MatchString(v):
		r.secret(v)
	case (domain.MatchString(strings.ToLower(v)) || mailbox.MatchString(v)) && p.TenantLabel != "":
		r.tenant(v)
	case domain.MatchString(strings.ToLower(v)) && r.in.Protocol == "oidc" && p.Issuer == "":
		r.hostOnly(v)
	case strings.ContainsAny(v, " \t"):
		r.unknown("%s", clip(v))
	case !r.has(KindClientID):
		r.clientID(v)
	case !r.has(KindClientSecret):
		r.secret(v)
	default:
		r.say(fault.PasteAmbiguous, KindClientSecret, "both client id and secret are here already")
	}
}

// foreign says that a value has the unmistakable shape of another provider's.
func (r *reader) foreign(v string) bool {
	for _, name := range []string{"google", "github"} {
		if kin(name, r.in.Preset) || r.in.Preset == "generic" {
			continue
		}
		c := credentials[name]
		if name == "google" && (c.id.MatchString(v) || c.secret.MatchString(v)) || name == "github" && c.id.MatchString(v) && !isHex(v) {
			r.otherProvider(name, "")
			return true
		}
	}
	return false
}

func isHex(v string) bool { return strings.Trim(v, "0123456789abcdef") == "" }

func (r *reader) guessSAML(v string) {
	switch {
	case strings.HasPrefix(v, "urn:"):
		r.set(KindEntityID, v)
	case r.foreign(v):
	case guid.MatchString(v):
		r.say(fault.PasteUnknown, KindMetadataURL, "it is an id; SAML needs the metadata")
	case domain.MatchString(strings.ToLower(v)):
		r.say(fault.PasteEndpoint, KindMetadataURL, "%s", clip(v))
	default:
		r.unknown("%s", clip(v))
	}
}

// has reports whether the connection has a setting, now or by this paste.
func (r *reader) has(kind string) bool {
	p := r.pointer(kind)
	_, now := r.out.Set[p]
	return now || r.in.Has[p]
}

func presetOf(name string) preset.Preset {
	p, _ := preset.Get(name)
	return p
}
