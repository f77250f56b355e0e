package claims

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"cloakroom/broker"
	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// The forms of a subject key. Each kind has its own, so that no value of one can be taken for a value of another: an
// Entra key begins with a GUID, an OpenID key with an issuer's URL, all others with their kind.

// EntraSubject is the key of a Microsoft account.
func EntraSubject(tid, oid string) string { return strings.ToLower(tid + ":" + oid) }

// OIDCSubject is the key of an OpenID subject. Google's old tokens name the issuer without its scheme.
func OIDCSubject(iss, sub string) string {
	if iss == "accounts.google.com" {
		iss = "https://" + iss
	}
	return iss + "|" + sub
}

// PersistentSubject is the key of a persistent Name ID. It is unique within its qualifier, which is the identity
// provider's own name unless another was sent (SAML 2.0 core, section 8.3.7).
func PersistentSubject(issuer, nameQualifier, value string) string {
	if nameQualifier == "" || nameQualifier == issuer {
		return "nameid:" + value
	}
	return "nameid!" + url.QueryEscape(nameQualifier) + ":" + value
}

// AttributeSubject is the key of an attribute's value.
func AttributeSubject(name, value string) string { return "attribute:" + name + "=" + value }

// EmailSubject is the key of a person known by address only.
func EmailSubject(a email.Address) string { return "email:" + a.String() }

const maxSubject = 1024

type subject struct {
	key, kind string
	mutable   bool
}

// subject goes through the recipe's ways. A way answers a subject, nothing (the next one is tried) or a fault.
func (r *reading) subject(a email.Address, emailErr error) (subject, error) {
	for _, way := range r.ways() {
		s, err := r.by(way, a, emailErr)
		if err != nil {
			return subject{}, err
		}
		if s.key == "" {
			continue
		}
		if why := keyFault(s.key); why != "" {
			return subject{}, fault.New(fault.SubjectInvalid, "%s %s", s.kind, why)
		}
		return s, nil
	}
	return subject{}, fault.New(fault.SubjectMissing, "looked for %s", strings.Join(r.ways(), ", "))
}

// ways are the recipe's or the protocol's; a directory's subject_attribute and Entra's own identifiers come before all.
func (r *reading) ways() []string {
	switch {
	case r.conn.LDAP != nil && r.conn.LDAP.SubjectAttribute != "":
		return []string{"only:" + r.conn.LDAP.SubjectAttribute}
	case r.proof() == "entra":
		return []string{"tid+oid"}
	case len(r.recipe.Subject) > 0:
		return r.recipe.Subject
	}
	return subjectWays(r.conn.Protocol)
}

func (r *reading) by(way string, a email.Address, emailErr error) (subject, error) {
	switch way {
	case "tid+oid":
		return r.byEntra()
	case "iss+sub":
		return r.bySub(r.idn.Issuer != "" && !strings.Contains(r.idn.Issuer, "|"), OIDCSubject(r.idn.Issuer, r.idn.Subject))
	case "sub":
		return r.bySub(true, "sub:"+r.idn.Subject)
	case "nameid:persistent":
		return r.byNameID(true), nil
	case "nameid":
		return r.byNameID(false), nil
	case "mapped":
		return r.byMapping()
	case "email":
		return r.byEmail(a, emailErr)
	}
	if name, ok := strings.CutPrefix(way, "attribute:"); ok {
		return r.byAttribute(name)
	}
	if name, ok := strings.CutPrefix(way, "only:"); ok {
		return r.required(r.byAttribute(name))
	}
	return subject{}, fault.New(fault.Internal, "no way to a subject is called %q", way)
}

func (r *reading) required(s subject, err error) (subject, error) {
	if err == nil && s.key == "" {
		err = fault.New(fault.SubjectMissing, "the configured attribute was not sent")
	}
	return s, err
}

func (r *reading) byEntra() (subject, error) {
	tid, err := r.microsoftID("tid", azClaims+"tenantid")
	if err != nil {
		return subject{}, err
	}
	oid, err := r.microsoftID("oid", azClaims+"objectidentifier")
	if err != nil {
		return subject{}, err
	}
	s := subject{key: EntraSubject(tid, oid), kind: "tid+oid"}
	r.from("subject", s.kind, []string{tid, oid})
	return s, nil
}

// microsoftID is one GUID, sent under an OpenID or a SAML name.
func (r *reading) microsoftID(names ...string) (string, error) {
	var found []string
	for _, name := range names {
		found = append(found, r.values(name)...)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	switch len(found) {
	case 0:
		return "", fault.New(fault.SubjectMissing, "%s was not sent", names[0])
	case 1:
		if id, ok := guid(found[0]); ok {
			return id, nil
		}
		return "", fault.New(fault.SubjectInvalid, "%s is not a GUID", names[0])
	}
	return "", fault.New(fault.SubjectInvalid, "%s has %d values", names[0], len(found))
}

func (r *reading) bySub(ok bool, key string) (subject, error) {
	if !ok || blank(r.idn.Subject) {
		return subject{}, nil
	}
	r.from("subject", "sub", []string{r.idn.Subject})
	return subject{key: key, kind: "sub"}, nil
}

func (r *reading) byNameID(persistent bool) subject {
	is := r.idn.SubjectFormat == formatPersistent
	if len(r.nameID()) == 0 || persistent && !is {
		return subject{}
	}
	r.from("subject", "nameid", r.nameID())
	if is {
		return subject{key: PersistentSubject(r.idn.Issuer, r.idn.NameQualifier, r.idn.Subject), kind: "nameid"}
	}
	return subject{key: r.otherNameID(), kind: "nameid", mutable: true}
}

// otherNameID keys on the format too: the same value in another format may be another person.
func (r *reading) otherNameID() string {
	value, format := r.idn.Subject, "unspecified"
	if r.idn.SubjectFormat != "" {
		format = r.idn.SubjectFormat[strings.LastIndexByte(r.idn.SubjectFormat, ':')+1:]
	}
	if a, ok := addressOf([]string{value}); ok && r.emailFormat() {
		value = a.String()
	}
	return "nameid-" + url.QueryEscape(format) + ":" + value
}

// byMapping reads the mapped attributes. Where the connection itself names them one must be there: to fall back to the
// address would change in silence who a person is.
func (r *reading) byMapping() (subject, error) {
	names, explicit := r.names("subject")
	for _, name := range names {
		s, err := r.byAttribute(name)
		if err != nil || s.key != "" {
			return s, err
		}
	}
	if explicit {
		return subject{}, fault.New(fault.SubjectMissing, "none of the mapped attributes was sent: %s", strings.Join(names, ", "))
	}
	return subject{}, nil
}

func (r *reading) byAttribute(name string) (subject, error) {
	if name == "nameid" && r.conn.Protocol == "saml" {
		return r.byNameID(false), nil
	}
	vs := r.values(name)
	if len(vs) == 0 {
		return subject{}, nil
	}
	if slices.ContainsFunc(vs, func(v string) bool { return v != vs[0] }) {
		return subject{}, fault.New(fault.SubjectInvalid, "%s has %d values", name, len(vs))
	}
	value := vs[0]
	if strings.EqualFold(name, "objectGUID") {
		id, ok := objectGUID(value)
		if !ok {
			return subject{}, fault.New(fault.SubjectInvalid, "%s is neither 16 bytes, nor base64 of them, nor a GUID", name)
		}
		value = id
	}
	r.from("subject", name, []string{value})
	return subject{key: AttributeSubject(name, value), kind: "attribute:" + name, mutable: mutable(name)}, nil
}

func (r *reading) byEmail(a email.Address, err error) (subject, error) {
	if err != nil {
		return subject{}, err
	}
	r.from("subject", "email", []string{a.String()})
	return subject{key: EmailSubject(a), kind: "email", mutable: true}, nil
}

// mutable reports whether an attribute is known to change during a person's life.
func mutable(name string) bool {
	return loginName(name) && name != "sub" || slices.Contains(emailNames, name) || slices.Contains([]string{"uid", "login", "sAMAccountName", "cn"}, name)
}

func keyFault(key string) string {
	switch {
	case len(key) > maxSubject:
		return "is longer than 1,024 bytes"
	case !utf8.ValidString(key):
		return "is not valid UTF-8"
	case strings.ContainsFunc(key, unicode.IsControl):
		return "holds a control character"
	}
	return ""
}

// guid reads the text form, with or without braces, into lower case.
func guid(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(s, "{"), "}"))
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return "", false
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	return s, err == nil && len(b) == 16
}

// objectGUID reads Active Directory's identifier as LDAP (16 bytes), AD FS (base64) and others (text) send it. The first
// three fields are little-endian ([MS-DTYP], section 2.3.4.2).
func objectGUID(s string) (string, bool) {
	if id, ok := guid(s); ok {
		return id, true
	}
	b := []byte(s)
	if len(s) == 24 {
		b, _ = base64.StdEncoding.DecodeString(s)
	}
	if len(b) != 16 {
		return "", false
	}
	slices.Reverse(b[0:4])
	slices.Reverse(b[4:6])
	slices.Reverse(b[6:8])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16]), true
}

// DirectoryID is the stable value behind a person's subject that the person's directory knows too, and sends as
// externalId where it is mapped so: Entra's object id, the sub of OpenID Connect, a persistent Name ID, an attribute. ""
// where the subject is mutable or none of these.
func DirectoryID(p broker.Profile) string {
	if p.Mutable {
		return ""
	}
	return SubjectValue(p.Subject)
}

// SubjectValue is the value that a subject key was made of, without what tells keys of different kinds apart; "" for the
// kinds that a directory does not know.
func SubjectValue(key string) string {
	if tid, oid, ok := strings.Cut(key, ":"); ok && len(tid) == guidSize && len(oid) == guidSize {
		return oid
	}
	for _, kind := range []string{"nameid:", "sub:"} {
		if v, ok := strings.CutPrefix(key, kind); ok {
			return v
		}
	}
	if rest, ok := strings.CutPrefix(key, "attribute:"); ok {
		_, v, _ := strings.Cut(rest, "=")
		return v
	}
	if strings.HasPrefix(key, "https://") || strings.HasPrefix(key, "http://") {
		_, sub, _ := strings.Cut(key, "|")
		return sub
	}
	return ""
}

const guidSize = 36 // of a GUID in its plain form

// GUID is a GUID in its plain form, ok false where s is none.
func GUID(s string) (string, bool) { return guid(s) }
