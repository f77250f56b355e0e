package claims

import (
	"slices"
	"strings"

	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// email finds the one address of an identity.
//
// Where the connection maps it, the first mapped attribute that is present decides, and only it is read. Otherwise all
// attributes that mean "email address" must agree with each other, and so must a Name ID that calls itself one: which of
// two addresses is a person's is nobody's to guess. Only where none was sent do login names count.
func (r *reading) email() (email.Address, error) {
	names, explicit := r.names("email")
	if explicit {
		return r.mappedEmail(names)
	}
	var from, values []string
	for _, name := range names {
		if loginName(name) {
			continue
		}
		if vs := r.values(name); len(vs) > 0 {
			from, values = append(from, name), append(values, vs...)
		}
	}
	if slices.Contains(names, "nameid") && r.nameIDIsEmail(len(values) > 0) {
		from, values = append(from, "nameid"), append(values, r.idn.Subject)
	}
	if len(values) > 0 {
		return r.oneEmail(from, values)
	}
	return r.lastResort(names)
}

func (r *reading) mappedEmail(names []string) (email.Address, error) {
	for _, name := range names {
		vs := r.values(name)
		if len(vs) == 0 {
			vs = inside(r.idn.Attributes, name)
		}
		if len(vs) > 0 {
			return r.oneEmail([]string{name}, vs)
		}
	}
	return email.Address{}, r.noAddress(names, fault.Sayf("none of the mapped attributes was sent: %s", strings.Join(names, ", ")))
}

// oneEmail names the attributes in the fault's detail, so that an operator knows which ones quarrel.
func (r *reading) oneEmail(from, values []string) (email.Address, error) {
	r.from("email", strings.Join(from, ", "), values)
	a, err := email.One(values)
	if err == nil {
		return a, nil
	}
	f := *fault.As(err)
	if f.Detail == "" {
		f.Telling("in %s", strings.Join(from, ", "))
	} else {
		f.Telling("%s, in %s", f.Said.Of(f.Detail), strings.Join(from, ", "))
	}
	return email.Address{}, &f
}

// nameIDIsEmail reports whether the Name ID is an email claim: its format says so and it has an @. It is not one beside
// an attribute where the answer shows it to be the login name: Entra sends the user principal name in this format, beside
// the mailbox in emailaddress.
func (r *reading) nameIDIsEmail(besideAttribute bool) bool {
	if len(r.nameID()) == 0 || !r.emailFormat() || !strings.Contains(r.idn.Subject, "@") {
		return false
	}
	return !besideAttribute || r.proof() != "entra" && !r.sentAsLogin(r.idn.Subject)
}

func (r *reading) sentAsLogin(s string) bool {
	for _, name := range []string{wsName, wsUPN, "upn", "userPrincipalName"} {
		if slices.Contains(r.idn.Attributes[name], s) {
			return true
		}
	}
	return false
}

// lastResort takes the first login name that is an address. One that almost is, is worth its fault.
func (r *reading) lastResort(names []string) (email.Address, error) {
	var almost error
	for _, name := range names {
		if !loginName(name) || name == "nameid" && !r.nameIDMayBeEmail() {
			continue
		}
		vs := without(r.values(name), func(v string) bool { return !strings.Contains(v, "@") })
		if len(vs) == 0 {
			continue
		}
		a, err := email.One(vs)
		if err == nil {
			r.from("email", name, vs)
			return a, nil
		}
		if almost == nil {
			almost = err
		}
	}
	if almost != nil {
		return email.Address{}, almost
	}
	return email.Address{}, r.noAddress(names, fault.Sayf("looked for %s", strings.Join(names, ", ")))
}

func (r *reading) nameIDMayBeEmail() bool {
	return r.emailFormat() || r.idn.SubjectFormat == formatUnspecified || r.idn.SubjectFormat == ""
}

// proved reports whether the upstream itself proves that the address belongs to the person (contract, section 5.2).
// email_verified and xms_edov speak of the claim "email" and of no other.
func (r *reading) proved(a email.Address) bool {
	claimed, ok := addressOf(r.idn.Attributes["email"])
	ok = ok && claimed == a
	verified := ok && r.idn.EmailVerified != nil && *r.idn.EmailVerified
	switch r.proof() {
	case "entra":
		// Anybody can write any address into a tenant of their own, and Entra sends no email_verified that says more.
		return r.pinnedTenant() || ok && r.says("xms_edov", "true", "1")
	case "google":
		return verified && (a.Domain() == "gmail.com" || r.hosted())
	case "apple":
		return verified || ok && r.idn.EmailVerified == nil && r.says("email_verified", "true")
	}
	return verified
}

// consumers is the tenant of all personal Microsoft accounts: pinning it pins nobody.
const consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"

func (r *reading) pinnedTenant() bool {
	pinned, ok := guid(r.tenant())
	tid, err := r.microsoftID("tid", azClaims+"tenantid")
	return ok && err == nil && tid == pinned && tid != consumers
}

// hosted reports whether the account is a Google Workspace's, of the pinned one if one is pinned. A consumer account may
// carry any company's address that was verified once, long ago.
func (r *reading) hosted() bool {
	hd := r.idn.Attributes["hd"]
	if len(hd) != 1 {
		return false
	}
	domain, err := email.Domain(hd[0])
	if err != nil {
		return false
	}
	if r.tenant() == "" {
		return true
	}
	pinned, err := email.Domain(r.tenant())
	return err == nil && domain == pinned
}

func (r *reading) says(name string, yes ...string) bool {
	vs := r.idn.Attributes[name]
	return len(vs) == 1 && slices.Contains(yes, vs[0])
}
