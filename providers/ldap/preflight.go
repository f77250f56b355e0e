package ldap

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

var _ providers.Preflighter = (*provider)(nil)

// soon is how long before the end of a certificate or password a check warns of it.
const soon = 30 * 24 * time.Hour

// Preflight climbs from the settings to the people, step by step, and stops at the first that fails: what comes after would
// fail for the same reason. The service account's password is tried once at most.
func (p *provider) Preflight(ctx context.Context) (out []providers.Finding) {
	out = p.lint()
	if !providers.Probes(ctx) {
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, providers.PreflightLimit)
	defer cancel()
	c := &climb{provider: p, ctx: ctx, out: out}
	defer func() {
		if c.link != nil {
			c.link.close()
		}
		if broke := recover(); broke != nil {
			c.red("answer", fault.New(fault.LDAPAnswer, "the directory's answer cannot be read: %v", broke))
			out = c.out
		}
	}()
	for _, step := range []func() bool{c.connect, c.certificate, c.root, c.bind, c.serviceEnds, c.base, c.people, c.subject, c.groups} {
		if !step() {
			break
		}
	}
	return c.out
}

// unstable attributes change with a name, or are given to somebody else later (LDAP-15 of the catalogue of mistakes).
func unstable(attribute string) bool {
	return slices.Contains([]string{"samaccountname", "mail", "email", "uid", "cn", "name", "displayname", "userprincipalname", "distinguishedname", "dn", "entrydn", "sn", "proxyaddresses"}, strings.ToLower(attribute))
}

func (p *provider) lint() (out []providers.Finding) {
	if unstable(p.c.SubjectAttribute) {
		f := labelled(fault.New(fault.LDAPSubject, "subject_attribute is %s", p.c.SubjectAttribute), "Subject attribute")
		f.Observed = p.c.SubjectAttribute
		out = append(out, providers.Finding{Err: f, Severity: "warning", Check: "subject", Detail: f.Detail})
	}
	if p.c.BindPassword != strings.TrimSpace(p.c.BindPassword) {
		f := labelled(fault.New(fault.PasteCleaned, "bind_password begins or ends with a blank"), "Bind password")
		f.Fix = "Paste Bind password again without the blanks around it, unless it really has them."
		f.Confidence = fault.Likely
		out = append(out, providers.Finding{Err: f, Severity: "warning", Check: "bind", Detail: f.Detail})
	}
	return append(out, providers.Finding{Severity: "ok", Check: "addresses", Detail: p.issuer()})
}

// climb is one preflight under way.
type climb struct {
	*provider
	ctx    context.Context
	out    []providers.Finding
	link   *link
	about  root
	sample []*ldap.Entry // people
}

func (c *climb) ok(check, format string, args ...any) bool {
	c.out = append(c.out, providers.Finding{Severity: "ok", Check: check, Confidence: fault.Proved, Detail: fmt.Sprintf(format, args...)})
	return true
}

// red ends the climb.
func (c *climb) red(check string, err error) bool {
	f := fault.As(err)
	c.out = append(c.out, providers.Finding{Err: f, Severity: "error", Check: check, Detail: f.Detail})
	return false
}

func (c *climb) yellow(check string, f *fault.Error) bool {
	c.out = append(c.out, providers.Finding{Err: f, Severity: "warning", Check: check, Detail: f.Detail})
	return true
}

func (c *climb) connect() bool {
	l, err := c.open(c.ctx)
	if err == nil {
		c.link = l
		c.ok("resolve", "%s", c.c.host)
		c.ok("connect", "%s", l.wire.RemoteAddr())
		return c.ok("tls", "%s", map[mode]string{plain: "none, on this machine", starting: "StartTLS", whole: "LDAPS"}[c.c.mode()])
	}
	switch code := fault.CodeOf(err); code {
	case fault.FetchDNS:
		return c.red("resolve", err)
	case fault.FetchBlocked, fault.FetchRefused:
		return c.red("connect", err)
	case fault.LDAPUntrusted, fault.LDAPHostName, fault.LDAPCertExpired:
		return c.red("certificate", err)
	case fault.LDAPMode, fault.LDAPTLS, fault.FetchTimeout:
		return c.red("tls", c.modeTried(err))
	}
	return c.red("tls", err)
}

// modeTried tries the other mode of encryption, which settles whether that is the mistake. No password is sent.
func (c *climb) modeTried(err error) error {
	f := *fault.As(err)
	if f.Code == fault.LDAPMode && f.Confidence == fault.Proved || f.Code == fault.FetchTimeout && c.ctx.Err() != nil {
		return err
	}
	conn, stop, derr := c.dial(c.ctx)
	if derr != nil {
		return err
	}
	defer func() { stop(); _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(c.ctx, dialLimit)
	defer cancel()
	if c.c.mode() == whole {
		if terr := c.startTLS(ctx, conn); terr == nil || fault.CodeOf(terr) == fault.LDAPStartTLS {
			return c.otherMode("the port speaks plain LDAP with StartTLS, not LDAPS", f.Err, fault.Proved)
		}
	} else if tls.Client(conn, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx) == nil { //nolint:gosec // nothing is said over it; what counts is that it speaks TLS
		return c.otherMode("the port speaks LDAPS, not plain LDAP with StartTLS", f.Err, fault.Proved)
	}
	if f.Code != fault.LDAPMode {
		return err
	}
	out := labelled(fault.Wrap(fault.LDAPTLS, f.Err, "%s: %s, and does not speak the other mode either", c.c.address, "the port hangs up"), "Server address")
	return out
}

func (c *climb) certificate() bool {
	if len(c.link.peer) == 0 {
		return true
	}
	own := c.link.peer[0]
	detail := fmt.Sprintf("issued by %s for %s, valid to %s", issuer(own), names(own), own.NotAfter.UTC().Format(time.DateOnly))
	if own.NotAfter.Sub(c.settings.Now()) < soon {
		f := fault.New(fault.LDAPCertEnds, "%s", detail)
		f.Observed = own.NotAfter.UTC().Format(time.DateOnly)
		return c.yellow("certificate", f)
	}
	return c.ok("certificate", "%s", detail)
}

// root is what a directory says of itself (RFC 4512, section 5.1).
type root struct {
	ad      bool
	product string
	bases   []string // the likeliest first
}

// capabilityAD is Active Directory's ([MS-ADTS], section 3.1.1.3.4.3).
const capabilityAD = "1.2.840.113556.1.4.800"

func (c *climb) root() bool {
	found, err := c.search(c.ctx, c.link, ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, int(stepLimit.Seconds()), false, "(objectClass=*)",
		[]string{"objectClass", "namingContexts", "defaultNamingContext", "rootDomainNamingContext", "supportedCapabilities", "vendorName", "vendorVersion", "dnsHostName"}, nil), "Server address")
	if err != nil && !refusedSearch(err) {
		return c.red("root", err)
	}
	if err != nil || len(found.Entries) == 0 {
		c.out = append(c.out, providers.Silent("root", "the directory does not tell strangers what it is"))
		return true
	}
	c.about = readRoot(found.Entries[0])
	detail := c.about.product
	if len(c.about.bases) > 0 {
		detail += "; it holds " + strings.Join(c.about.bases, " and ")
	}
	return c.ok("root", "%s", detail)
}

// refusedSearch says that the directory answered, and not what was asked for.
func refusedSearch(err error) bool {
	return slices.Contains([]fault.Code{fault.LDAPSearch, fault.LDAPBase, fault.LDAPRights, fault.LDAPNotBound, fault.LDAPStronger}, fault.CodeOf(err))
}

func readRoot(e *ldap.Entry) root {
	r := root{ad: slices.Contains(e.GetEqualFoldAttributeValues("supportedCapabilities"), capabilityAD)}
	r.product = clean(strings.TrimSpace(e.GetEqualFoldAttributeValue("vendorName") + " " + e.GetEqualFoldAttributeValue("vendorVersion")))
	switch {
	case r.ad:
		r.product = strings.TrimSpace("Active Directory " + clean(e.GetEqualFoldAttributeValue("dnsHostName")))
	case r.product != "":
	case slices.Contains(e.GetEqualFoldAttributeValues("objectClass"), "OpenLDAProotDSE"):
		r.product = "OpenLDAP"
	default:
		r.product = "an LDAP directory"
	}
	for _, base := range slices.Concat(e.GetEqualFoldAttributeValues("defaultNamingContext"), e.GetEqualFoldAttributeValues("namingContexts")) {
		lower := strings.ToLower(base)
		if base == "" || slices.Contains(r.bases, clean(base)) || strings.HasPrefix(lower, "cn=") || strings.Contains(lower, "dnszones,") || len(r.bases) == 5 {
			continue
		}
		r.bases = append(r.bases, clean(base))
	}
	return r
}

func (c *climb) bind() bool {
	if refusal := providers.Spared(c.ctx); refusal != "" && c.c.BindDN != "" {
		return c.red("bind", labelled(fault.New(refusal, "%s was refused at an earlier check, and nothing has been changed since; it is not tried again by itself, since each attempt counts towards its lock-out", c.c.BindDN), "Bind DN", "Bind password"))
	}
	if err := c.bindService(c.ctx, c.link); err != nil {
		return c.red("bind", err)
	}
	if c.c.BindDN == "" {
		return c.ok("bind", "the connection has no service account: it searches as nobody")
	}
	return c.ok("bind", "%s is signed in", c.c.BindDN)
}

// never is the time of what does not end ([MS-ADTS], section 3.1.1.4.5.37).
const never = 1<<63 - 1

// serviceEnds looks up when Active Directory will want another password of the service account. It tells of nothing where
// the account cannot see itself.
func (c *climb) serviceEnds() bool {
	if !c.about.ad || c.c.BindDN == "" {
		return true
	}
	request := ldap.NewSearchRequest(c.c.BindDN, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, int(stepLimit.Seconds()), false, "(objectClass=*)", []string{"msDS-UserPasswordExpiryTimeComputed"}, nil)
	if dn, err := ldap.ParseDN(c.c.BindDN); err != nil || len(dn.RDNs) == 0 {
		if len(c.about.bases) == 0 {
			return true
		}
		_, account, _ := strings.Cut(c.c.BindDN, `\`)
		request.BaseDN, request.Scope = c.about.bases[0], ldap.ScopeWholeSubtree
		request.Filter = fill("(|(userPrincipalName=%s)(sAMAccountName=%u))", c.c.BindDN, account)
	}
	found, err := c.search(c.ctx, c.link, request, "Bind DN")
	if err != nil || len(found.Entries) != 1 {
		return true
	}
	n, err := strconv.ParseInt(found.Entries[0].GetEqualFoldAttributeValue("msDS-UserPasswordExpiryTimeComputed"), 10, 64)
	if err != nil || n <= 0 || n == never {
		return c.ok("service_password", "the service account's password does not expire")
	}
	at := time.Unix(n/1e7-11644473600, 0).UTC()
	if at.Sub(c.settings.Now()) < soon {
		f := labelled(fault.New(fault.LDAPServiceEnds, "%s: the password ends on %s", c.c.BindDN, at.Format(time.DateOnly)), "Bind password")
		f.Observed = at.Format(time.DateOnly)
		return c.yellow("service_password", f)
	}
	return c.ok("service_password", "the service account's password ends on %s", at.Format(time.DateOnly))
}

// base reads the places where people and groups are looked for.
func (c *climb) base() bool {
	if c.c.UserBase == "" {
		f := c.baseMissing()
		if len(c.about.bases) > 0 {
			f.Expected = c.about.bases[0]
			f.Detail += "; the directory's own is " + f.Expected
		}
		return c.red("base", f)
	}
	for _, b := range []struct{ dn, label string }{{c.c.UserBase, "User base"}, {c.c.GroupBase, groupBase}} {
		if b.dn == "" {
			continue
		}
		found, err := c.search(c.ctx, c.link, ldap.NewSearchRequest(b.dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, int(stepLimit.Seconds()), false, "(objectClass=*)", []string{"1.1"}, nil), b.label)
		if err != nil {
			return c.red("base", c.suggested(err))
		}
		if len(found.Entries) == 0 {
			return c.red("base", labelled(fault.New(fault.LDAPRights, "%s is there, and may not be read", b.dn), "Bind DN", b.label))
		}
	}
	return c.ok("base", "%s", c.c.UserBase)
}

func (c *climb) suggested(err error) error {
	f := *fault.As(err)
	if f.Code == fault.LDAPBase && len(c.about.bases) > 0 {
		f.Detail += "; the directory's own is " + c.about.bases[0]
	}
	return &f
}
