package ldap

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"cloakroom/broker/fault"
)

// groupBase is the console's label of the setting whose faults end a sign-in after the password was proved.
const groupBase = "Group base"

// said is a result in the directory's own words.
func said(err error) string {
	var r *ldap.Error
	if !errors.As(err, &r) {
		return clean(err.Error())
	}
	name := ldap.LDAPResultCodeMap[r.ResultCode]
	text := fmt.Sprintf("result %d (%s)", r.ResultCode, name)
	if words := clean(fmt.Sprint(r.Err)); words != "" {
		text += ": " + words
	}
	return text
}

// code is the result code of an answer; ok is false where there was no answer.
func code(err error) (n uint16, ok bool) {
	var r *ldap.Error
	if !errors.As(err, &r) || r.ResultCode >= ldap.ErrorNetwork {
		return 0, false
	}
	return r.ResultCode, true
}

// unanswered is why no answer came.
func (l *link) unanswered(ctx context.Context, err error) error {
	cause := l.wire.failure()
	var f *fault.Error
	switch {
	case errors.As(cause, &f):
		return f
	case ctx.Err() != nil || late(cause) || late(err) || strings.Contains(err.Error(), "timed out"):
		return fault.Wrap(fault.FetchTimeout, err, "%s does not answer in time", l.at)
	}
	return fault.Wrap(fault.LDAPUnavailable, err, "%s closes the connection", l.at)
}

// general reads the results that say the same whatever was asked, nil for others.
func general(err error) *fault.Error {
	n, _ := code(err)
	switch n {
	case ldap.LDAPResultConfidentialityRequired, ldap.LDAPResultStrongAuthRequired:
		return labelled(fault.New(fault.LDAPStronger, "%s", said(err)), "Server address", "StartTLS")
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable:
		return fault.New(fault.LDAPUnavailable, "%s", said(err))
	case ldap.LDAPResultReferral:
		return labelled(fault.New(fault.LDAPReferral, "%s", said(err)), "Server address", "User base")
	}
	return nil
}

// Active Directory says in the message of result 49 why: a Windows error code, in hexadecimal.
var dataCode = regexp.MustCompile(`\bdata ([0-9a-fA-F]{1,8})\b`)

func data(err error) string {
	if n, ok := code(err); !ok || n != ldap.LDAPResultInvalidCredentials {
		return ""
	}
	m := dataCode.FindStringSubmatch(err.Error())
	if m == nil {
		return ""
	}
	return strings.ToLower(m[1])
}

// reason is what a code of Active Directory means, for one who reads the detail.
func reason(data string) string {
	switch data {
	case "525":
		return "no such account"
	case "52e":
		return "wrong password"
	case "530":
		return "not at this hour"
	case "531":
		return "not from this computer"
	case "532":
		return "password expired"
	case "533":
		return "disabled"
	case "701":
		return "account expired"
	case "773":
		return "password must be changed"
	case "775":
		return "locked"
	}
	return ""
}

func withReason(err error) string {
	if why := reason(data(err)); why != "" {
		return why + "; " + said(err)
	}
	return said(err)
}

// serviceFault is why the service account is refused.
func (p *provider) serviceFault(err error) error {
	if f := general(err); f != nil {
		return f
	}
	c := fault.LDAPService
	switch data(err) {
	case "532", "773":
		c = fault.LDAPServiceExpired
	case "775":
		c = fault.LDAPServiceLocked
	case "533", "701":
		c = fault.LDAPServiceDisabled
	case "530", "531":
		c = fault.LDAPServiceElsewhere
	}
	f := labelled(fault.New(c, "%s: %s", p.c.BindDN, withReason(err)), "Bind DN", "Bind password")
	if n, _ := code(err); c == fault.LDAPService && n != ldap.LDAPResultInvalidCredentials && n != ldap.LDAPResultInvalidDNSyntax && n != ldap.LDAPResultNoSuchObject {
		f.Confidence = fault.Likely
	}
	return f
}

// searchFault is why a search below a base failed. label is the setting that holds the base.
func (p *provider) searchFault(err error, base, label string) error {
	if f := general(err); f != nil {
		return f
	}
	anonymous := p.c.BindDN == ""
	switch n, _ := code(err); {
	case n == ldap.LDAPResultOperationsError && strings.Contains(err.Error(), "successful bind"),
		anonymous && (n == ldap.LDAPResultInsufficientAccessRights || n == ldap.LDAPResultInappropriateAuthentication):
		return labelled(fault.New(fault.LDAPNotBound, "%s", said(err)), "Bind DN", "Bind password")
	case n == ldap.LDAPResultNoSuchObject || n == ldap.LDAPResultInvalidDNSyntax:
		return p.noBase(err, base, label)
	case n == ldap.LDAPResultInsufficientAccessRights:
		return labelled(fault.New(fault.LDAPRights, "%s: %s", base, said(err)), "Bind DN")
	case n == ldap.LDAPResultSizeLimitExceeded || n == ldap.LDAPResultAdminLimitExceeded:
		return fault.New(fault.LDAPSizeLimit, "below %s: %s", base, said(err))
	}
	return fault.New(fault.LDAPSearch, "below %s: %s", base, said(err))
}

// noBase tells how far the directory knows the way. A directory that hides its tree from strangers says the same.
func (p *provider) noBase(err error, base, label string) error {
	f := labelled(fault.New(fault.LDAPBase, "%s: %s", base, said(err)), label)
	f.Expected = base
	var r *ldap.Error
	if errors.As(err, &r) {
		f.Observed = clean(r.MatchedDN)
	}
	if p.c.BindDN == "" && f.Observed == "" {
		f.Confidence = fault.Likely
		f.Alternatives = []fault.Alternative{{Code: fault.LDAPNotBound, Question: "Does the directory show its tree only to accounts? Then the connection needs a Bind DN."}}
	}
	return f
}

// personFault is why a person is refused. What a stranger may learn is not more than that it did not work: that is what the
// codes of which catalogue and pages say the same.
func personFault(err error) *fault.Error {
	if f := general(err); f != nil {
		return f
	}
	c := fault.LDAPPassword
	switch data(err) {
	case "532":
		c = fault.LDAPPasswordExpired
	case "773":
		c = fault.LDAPPasswordChange
	case "533":
		c = fault.LDAPDisabled
	case "701":
		c = fault.LDAPAccountExpired
	case "530", "531":
		c = fault.LDAPLogonHours
	case "775":
		c = fault.LDAPLocked
	}
	f := fault.New(c, "%s", withReason(err))
	switch n, _ := code(err); n {
	case ldap.LDAPResultConstraintViolation: // 389 Directory Server: too many tries
		f.Code = fault.LDAPLocked
	case ldap.LDAPResultUnwillingToPerform: // 389 Directory Server: inactivated; others: a policy
		f.Code, f.Confidence = fault.LDAPLocked, fault.Likely
		f.Alternatives = []fault.Alternative{{Code: fault.LDAPDisabled, Question: "Do the directory's words speak of an account that is inactive? Then it is disabled, not locked."}}
	}
	return f
}

// limited says that a search was cut by a limit of the directory's.
func limited(err error) bool { return fault.CodeOf(err) == fault.LDAPSizeLimit }
