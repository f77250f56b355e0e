package paste

import (
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"cloakroom/broker/fault"
)

// Kinds of what a directory's administrator brings.
const (
	KindServer       = "url"
	KindBindName     = "bind_dn"
	KindBindPassword = "bind_password"
	KindUserBase     = "user_base"
	KindUserFilter   = "user_filter"
	KindGroupBase    = "group_base"
	KindGroupFilter  = "group_filter"
	KindSubject      = "subject_attribute"
	KindAuthority    = "ca"
)

var (
	distinguished = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*\s*=\s*[^=]+(?:[,;]\s*[A-Za-z][A-Za-z0-9-]*\s*=\s*[^=]+)*$`)
	branch        = regexp.MustCompile(`(?i)^(?:dc|o|ou|c)\s*=`)
	downLevel     = regexp.MustCompile(`^[^\\/\s]+\\[^\\\s]+$`)
	server        = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N}.-]*(?::\d{1,5})?$`)
	// otherNames are what other products write in a filter where the name of the person belongs.
	otherNames = regexp.MustCompile(`\{\{?\s*(?i:0|username|user|login|uid|input)\s*\}?\}|%\(user\)s|%u\b|\$\{?(?i:userId|username)\}?`)
)

// directory reads what somebody copied for a connection to a directory: an address, names, filters, an authority's
// certificate, or a block of them under their labels.
func (r *reader) directory(s string) {
	trimmed := strings.TrimSpace(s)
	switch {
	case binary(s):
		r.der([]byte(s), false)
		return
	case isHTML(trimmed):
		r.unknown("it is a web page")
		return
	}
	if inner, ok := wrapped(trimmed); ok && binary(inner) && inner[0] == 0x30 {
		r.der([]byte(inner), true)
		return
	}
	rest, found := r.pem(trimmed)
	if !found || strings.TrimSpace(rest) != "" {
		r.lines(rest, found)
	}
}

// directoryValue reads one value. Of a password nothing is cut off but the blanks around it, of a filter no parentheses.
func (r *reader) directoryValue(kind, raw string) {
	v := strings.TrimSpace(raw)
	if len(v) > maxValue && kind != KindAuthority {
		r.unknown("it is too long for a value")
		return
	}
	if kind != KindBindPassword && !strings.HasPrefix(v, "(") {
		clean, cut := tidy(raw)
		if v = clean; cut {
			r.find(fault.New(fault.PasteCleaned, ""))
		}
	}
	if kind == "" {
		kind = r.directoryKind(v)
	}
	switch kind {
	case KindServer:
		r.server(v)
	case KindBindName:
		r.bindName(v)
	case KindBindPassword:
		r.bindPassword(v)
	case KindUserBase, KindGroupBase:
		r.place(kind, v)
	case KindUserFilter, KindGroupFilter:
		r.filter(kind, v)
	case KindSubject:
		r.set(kind, v)
	case KindAuthority:
		r.bare(v)
	default:
		r.unknown("%s", clip(v))
	}
}

// directoryKind tells a value by its shape, and a password by being the one thing that is missing.
func (r *reader) directoryKind(v string) string {
	switch {
	case strings.HasPrefix(v, "("):
		return KindUserFilter
	case scheme.MatchString(v), domain.MatchString(v), server.MatchString(v) && strings.Contains(v, ":"):
		return KindServer
	case distinguished.MatchString(v) && branch.MatchString(v):
		return KindUserBase
	case distinguished.MatchString(v), mailbox.MatchString(v), downLevel.MatchString(v):
		return KindBindName
	case r.has(KindBindName) && !r.has(KindBindPassword) && !strings.ContainsAny(v, " \t"):
		return KindBindPassword
	}
	return ""
}

// server takes the address. One without a scheme gets that of its port; what an LDAP URL (RFC 4516) says beyond the server
// is where the people are.
func (r *reader) server(v string) {
	switch {
	case distinguished.MatchString(v):
		r.say(fault.PasteField, KindServer, "it is a place in the directory, which User base takes")
		return
	case mailbox.MatchString(v) || downLevel.MatchString(v):
		r.say(fault.PasteField, KindServer, "it is a name, which Bind DN takes")
		return
	case placeholder.MatchString(v):
		r.say(fault.PastePlaceholder, KindServer, "%s", clip(v))
		return
	case !scheme.MatchString(v) && server.MatchString(v):
		v = schemeOf(v) + v
		r.find(fault.New(fault.PasteDerived, "%s", clip(v)))
	}
	u, err := url.Parse(v)
	if err != nil || u.Hostname() == "" || u.Scheme != "ldap" && u.Scheme != "ldaps" || u.User != nil {
		r.say(fault.PasteUnknown, KindServer, "the address has the form ldaps://dc1.corp.example: %s", clip(v))
		return
	}
	if base := strings.TrimPrefix(u.Path, "/"); distinguished.MatchString(base) && !r.has(KindUserBase) {
		r.set(KindUserBase, base)
		r.find(fault.New(fault.PasteDerived, "User base %s", clip(base)))
	}
	if mode := map[string]string{"636": "ldaps", "3269": "ldaps", "389": "ldap", "3268": "ldap"}[u.Port()]; mode != "" && mode != u.Scheme {
		f := fault.New(fault.PasteDirectoryPort, "")
		f.Observed, f.Expected, f.Labels = u.Scheme+"://"+u.Host, mode+"://"+u.Host, r.labels(KindServer)
		r.find(f)
	}
	r.set(KindServer, u.Scheme+"://"+u.Host)
	r.out.Set[r.pointer("start_tls")] = u.Scheme == "ldap"
}

// schemeOf is the scheme that a server without one most likely wants.
func schemeOf(server string) string {
	if strings.HasSuffix(server, ":389") || strings.HasSuffix(server, ":3268") {
		return "ldap://"
	}
	return "ldaps://"
}

// bindName takes the service account's name, which must say where the account is: directories take no short one.
func (r *reader) bindName(v string) {
	switch {
	case placeholder.MatchString(v):
		r.say(fault.PastePlaceholder, KindBindName, "%s", clip(v))
	case scheme.MatchString(v):
		r.say(fault.PasteField, KindBindName, "it is an address, which Server address takes")
	case distinguished.MatchString(v), mailbox.MatchString(v), downLevel.MatchString(v) && r.in.Preset == "active-directory":
		r.set(KindBindName, v)
	default:
		f := fault.New(fault.PasteBindName, "")
		f.Observed, f.Labels = clip(v), r.labels(KindBindName)
		r.find(f)
	}
}

func (r *reader) bindPassword(v string) {
	if hidden.MatchString(v) && strings.Trim(v, "•●∙·*….") == "" {
		r.say(fault.PasteMasked, KindBindPassword, "")
		return
	}
	r.set(KindBindPassword, v)
}

// place takes a DN, also out of an LDAP URL, and makes one of a domain's name.
func (r *reader) place(kind, v string) {
	if u, err := url.Parse(v); err == nil && (u.Scheme == "ldap" || u.Scheme == "ldaps") && distinguished.MatchString(strings.TrimPrefix(u.Path, "/")) {
		v = strings.TrimPrefix(u.Path, "/")
		r.find(fault.New(fault.PasteDerived, "%s", clip(v)))
	}
	if low := strings.ToLower(v); domain.MatchString(low) {
		v = "DC=" + strings.ReplaceAll(low, ".", ",DC=")
		r.find(fault.New(fault.PasteDerived, "%s", clip(v)))
	}
	switch {
	case placeholder.MatchString(v):
		r.say(fault.PastePlaceholder, kind, "%s", clip(v))
	case distinguished.MatchString(v):
		r.set(kind, v)
	default:
		r.say(fault.PasteUnknown, kind, "it is no distinguished name: %s", clip(v))
	}
}

// filter takes an LDAP filter (RFC 4515), with other products' sign for the person's name turned into ours.
func (r *reader) filter(kind, v string) {
	if !strings.Contains(v, "%s") {
		if ours := otherNames.ReplaceAllString(v, "%s"); ours != v && kind == KindUserFilter {
			v = ours
			r.find(fault.New(fault.PasteDerived, "%s", clip(v)))
		}
	}
	if !strings.HasPrefix(v, "(") || !strings.HasSuffix(v, ")") {
		r.say(fault.PasteUnknown, kind, "a filter stands in parentheses: %s", clip(v))
		return
	}
	r.set(kind, v)
}

// authorities takes the certificates that vouch for a directory's own: all of them.
func (r *reader) authorities(certs []*x509.Certificate) {
	var out []string
	for _, c := range certs {
		if r.in.Now.After(c.NotAfter) {
			r.find(fault.New(fault.SAMLCertExpired, "%s", c.Subject.CommonName))
		}
		if text := strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))); !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	if len(out) > 0 {
		r.set(KindAuthority, strings.Join(out, "\n"))
	}
}
