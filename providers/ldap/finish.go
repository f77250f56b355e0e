package ldap

import (
	"context"
	"crypto/rand"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Bounds of what is typed.
const (
	maxUsername = 256
	maxPassword = 1024
)

// quantum is what refusals that look alike are drawn out to a multiple of, so that their time does not tell them apart.
const quantum = 250 * time.Millisecond

// Finish takes Reply.Form with username and password.
func (p *provider) Finish(ctx context.Context, r providers.Request, reply providers.Reply) (providers.Identity, error) {
	name, password, err := p.typed(reply.Form)
	if err != nil {
		return providers.Identity{}, err
	}
	leave, err := p.enter(ctx)
	if err != nil {
		return providers.Identity{}, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, signInLimit)
	defer cancel()
	began := p.settings.Now()
	idn, err := p.guarded(ctx, r, name, password)
	if err != nil && fault.Lookup(fault.CodeOf(err)).Public == "retry" {
		p.drawOut(ctx, began)
	}
	return idn, err
}

// guarded is signIn; what the library trips over is the directory's fault, not ours.
func (p *provider) guarded(ctx context.Context, r providers.Request, name, password string) (idn providers.Identity, err error) {
	defer func() {
		if broke := recover(); broke != nil {
			idn, err = providers.Identity{}, fault.New(fault.LDAPAnswer, "the directory's answer cannot be read: %v", broke)
		}
	}()
	return p.signIn(ctx, r, name, password)
}

// typed reads the form. An empty password never reaches a directory: it would answer success (RFC 4513, section 5.1.2).
func (p *provider) typed(form url.Values) (name, password string, err error) {
	if len(form["username"]) != 1 || len(form["password"]) != 1 {
		return "", "", fault.New(fault.LDAPInput, "the form has not one username and one password")
	}
	name, password = strings.TrimSpace(form.Get("username")), form.Get("password")
	switch {
	case name == "":
		return "", "", fault.New(fault.LDAPInput, "the user name is empty")
	case password == "":
		return "", "", fault.New(fault.LDAPInput, "the password is empty")
	case len(name) > maxUsername || len(password) > maxPassword:
		return "", "", fault.New(fault.LDAPInput, "user name or password is longer than %d and %d bytes", maxUsername, maxPassword)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.ContainsRune(password, 0):
		return "", "", fault.New(fault.LDAPInput, "user name or password is no text")
	}
	if _, account, ok := strings.Cut(name, `\`); ok && p.c.ad && account != "" { // CORP\ann
		name = account
	}
	return name, password, nil
}

// enter waits for a place.
func (p *provider) enter(ctx context.Context) (leave func(), err error) {
	full := time.NewTimer(queueLimit)
	defer full.Stop()
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-full.C:
	case <-ctx.Done():
	}
	return nil, fault.New(fault.LoginUpstreamBusy, "%d sign-ins are under way at %s already", maxAtOnce, p.c.address)
}

// drawOut waits until a multiple of the quantum has passed since the sign-in began.
func (p *provider) drawOut(ctx context.Context, began time.Time) {
	wait := time.NewTimer(quantum - p.settings.Now().Sub(began)%quantum)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

// signIn looks the person up, then lets the directory judge the password. Whoever is not found costs the same steps.
func (p *provider) signIn(ctx context.Context, r providers.Request, name, password string) (providers.Identity, error) {
	if p.c.UserBase == "" {
		return providers.Identity{}, p.baseMissing()
	}
	service, err := p.bound(ctx)
	if err != nil {
		return providers.Identity{}, err
	}
	defer service.close()
	e, err := p.find(ctx, service, name)
	if err != nil {
		if c := fault.CodeOf(err); c == fault.LDAPPersonUnknown || c == fault.LDAPPersonAmbiguous {
			_ = p.prove(ctx, "cn=cloakroom-"+strings.ToLower(rand.Text())+","+p.c.UserBase, rand.Text()) // nobody; for the time that it takes
		}
		return providers.Identity{}, err
	}
	if r.Admit != nil { // one account has many names, and is locked by all of them together
		if err := r.Admit(e.DN); err != nil {
			return providers.Identity{}, err
		}
	}
	if err := p.prove(ctx, e.DN, password); err != nil {
		return providers.Identity{}, err
	}
	if why := disabled(e); why != "" {
		return providers.Identity{}, fault.New(fault.LDAPDisabled, "%s: %s", clean(e.DN), why)
	}
	return p.identity(ctx, service, e, name)
}

// find is the one person of a name.
func (p *provider) find(ctx context.Context, l *link, name string) (*ldap.Entry, error) {
	found, err := p.search(ctx, l, ldap.NewSearchRequest(p.c.UserBase, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 2, int(stepLimit.Seconds()), false,
		fill(p.c.UserFilter, name, name), p.attributes(), nil), "User base")
	switch {
	case len(found.Entries) > 1:
		return nil, labelled(fault.New(fault.LDAPPersonAmbiguous, "%q is %s and %s", name, clean(found.Entries[0].DN), clean(found.Entries[1].DN)), "User filter")
	case err != nil:
		return nil, err
	case len(found.Entries) == 0:
		return nil, p.unknown(name, elsewhere(found.Referrals))
	}
	e := found.Entries[0]
	dn, err := ldap.ParseDN(e.DN)
	if err != nil || len(dn.RDNs) == 0 || !p.c.base.EqualFold(dn) && !p.c.base.AncestorOfFold(dn) {
		return nil, fault.New(fault.LDAPAnswer, "the directory names a person %q, who is not below %s", clean(e.DN), p.c.UserBase)
	}
	return e, nil
}

// unknown is nobody found. Where the directory has other servers for parts of the tree, the person may be there.
func (p *provider) unknown(name string, servers []string) error {
	f := labelled(fault.New(fault.LDAPPersonUnknown, "nobody below %s matches %s", p.c.UserBase, fill(p.c.UserFilter, name, name)), "User filter", "User base")
	if len(servers) > 0 {
		f.Detail += "; the directory refers to " + strings.Join(servers, ", ") + ", which is not followed"
		f.Confidence = fault.Likely
		f.Alternatives = []fault.Alternative{{Code: fault.LDAPReferral, Question: "Is the person's account in one of the other domains that the detail names? Then this server cannot know it."}}
	}
	return f
}

// elsewhere are the servers of references, without Active Directory's own parts, which have no people.
func elsewhere(references []string) (out []string) {
	for _, r := range references {
		u, err := url.Parse(r)
		if err != nil || len(out) == 5 {
			continue
		}
		host := strings.ToLower(u.Hostname())
		base := strings.ToLower(strings.TrimPrefix(u.Path, "/"))
		if host == "" || strings.HasPrefix(base, "dc=domaindnszones,") || strings.HasPrefix(base, "dc=forestdnszones,") || strings.HasPrefix(base, "cn=configuration,") {
			continue
		}
		if host = clean(host); !slices.Contains(out, host) {
			out = append(out, host)
		}
	}
	return out
}

// search answers what came, with the fault that ended it. Its result is never nil.
func (p *provider) search(ctx context.Context, l *link, r *ldap.SearchRequest, label string) (*ldap.SearchResult, error) {
	found, err := l.Search(r)
	if found == nil {
		found = &ldap.SearchResult{}
	}
	if _, answered := code(err); err != nil && !answered {
		return found, l.unanswered(ctx, err)
	}
	if err != nil {
		return found, p.searchFault(err, r.BaseDN, label)
	}
	return found, nil
}

// prove binds as a person, once and on a connection of its own. A password is not tried twice, whatever happens: each try
// counts towards the person's lock-out.
func (p *provider) prove(ctx context.Context, dn, password string) error {
	l, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	res, err := l.SimpleBind(ldap.NewSimpleBindRequest(dn, password, []ldap.Control{ldap.NewControlBeheraPasswordPolicy()}))
	if _, answered := code(err); err != nil && !answered {
		return l.unanswered(ctx, err)
	}
	policy := policyOf(res)
	if err == nil {
		return policy.afterSuccess()
	}
	f := personFault(err)
	if f.Code == fault.LDAPPassword {
		f = policy.afterRefusal(f)
	}
	return f
}

// policy is what a server says of a password beside the result (draft-behera-ldap-password-policy, draft-vchu-ldap-pwd-policy).
type policy struct {
	state int8 // -1: nothing
	must  bool
}

// States of draft-behera-ldap-password-policy, section 6.2.
const (
	policyExpired = 0
	policyLocked  = 1
	policyChange  = 2
)

func policyOf(res *ldap.SimpleBindResult) policy {
	out := policy{state: -1}
	if res == nil {
		return out
	}
	for _, c := range res.Controls {
		switch c := c.(type) {
		case *ldap.ControlBeheraPasswordPolicy:
			out.state = c.Error
		case *ldap.ControlVChuPasswordMustChange:
			out.must = true
		}
	}
	return out
}

// afterSuccess refuses those who are let in for changing their password only.
func (s policy) afterSuccess() error {
	if s.state == policyChange || s.must {
		return fault.New(fault.LDAPPasswordChange, "the directory takes the password, and lets the person do nothing but change it")
	}
	return nil
}

func (s policy) afterRefusal(f *fault.Error) *fault.Error {
	switch s.state {
	case policyExpired:
		f.Code = fault.LDAPPasswordExpired
	case policyLocked:
		f.Code = fault.LDAPLocked
	}
	return f
}
