package samlidp_test

import (
	"net/http"
	"strings"
	"testing"

	"cloakroom/broker/fault"
	"cloakroom/providers/providertest/samlidp"
)

// like is a connection to an identity provider of one kind, which encrypts to us where it can.
func like(t *testing.T, v samlidp.Vendor, users ...samlidp.User) *demo {
	t.Helper()
	return newDemo(t, func(o *samlidp.Options) {
		o.Like, o.Users, o.EncryptionOptional = v, users, true
	})
}

// choose signs a user in and answers the page that comes, whatever it is.
func (d *demo) choose(user string) (int, string) {
	d.t.Helper()
	_, page := d.read(http.Get(d.start()))
	form := fields(page)
	form.Set("user", user)
	return d.read(http.PostForm(d.idp.BaseURL+"/continue", form))
}

// TestVendorsSignIn: everybody is signed in, named as each product names people.
func TestVendorsSignIn(t *testing.T) {
	for v, want := range map[samlidp.Vendor]struct{ subject, format, attribute string }{
		samlidp.Entra:      {"jane@acme.example", "emailAddress", "http://schemas.microsoft.com/identity/claims/objectidentifier"},
		samlidp.Okta:       {"jane@acme.example", "unspecified", "firstName"},
		samlidp.ADFS:       {"jane@acme.example", "emailAddress", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname"},
		samlidp.Google:     {"jane@acme.example", "unspecified", "email"},
		samlidp.OneLogin:   {"jane@acme.example", "emailAddress", "User.email"},
		samlidp.Keycloak:   {"u1", "unspecified", "Role"},
		samlidp.Shibboleth: {"_", "transient", "mail"},
	} {
		d := like(t, v, users...)
		_, page := d.choose("u1")
		id, err := d.finish(page)
		if err != nil || !strings.HasPrefix(id.Subject, want.subject) || !strings.HasSuffix(id.SubjectFormat, want.format) || len(id.Attributes[want.attribute]) == 0 {
			t.Errorf("%s: %v %+v", v, err, id)
		}
	}
}

// TestVendorsRefuse: what each product does with a person who may not use the application.
func TestVendorsRefuse(t *testing.T) {
	out := users[0]
	out.Unassigned = true
	for v, want := range map[samlidp.Vendor]fault.Code{
		samlidp.Entra: fault.IdPNotAssigned, samlidp.Okta: fault.IdPNotAssigned, samlidp.Google: fault.IdPNotAssigned, samlidp.OneLogin: fault.IdPNotAssigned, samlidp.Shibboleth: fault.IdPNotAssigned,
		samlidp.ADFS: fault.SAMLRequestDenied, samlidp.Keycloak: fault.SAMLRequestDenied,
	} {
		d := like(t, v, out)
		_, page := d.choose("u1")
		if !strings.Contains(page, "SAMLResponse") {
			if r := fault.ReadPageFor(string(v), "saml", page); len(r.Faults) == 0 || r.Faults[0].Code != want {
				t.Errorf("%s: %+v on %s", v, r, page)
			}
		} else if _, err := d.finish(page); fault.CodeOf(err) != want {
			t.Errorf("%s: %v", v, err)
		}
	}
}

// TestVendorsNameIDs: people whom the directory knows too little of.
func TestVendorsNameIDs(t *testing.T) {
	none, guest := samlidp.User{ID: "u1", GivenName: "Jane"}, users[0]
	guest.Guest = true
	for _, row := range []struct {
		like samlidp.Vendor
		user samlidp.User
		want string
	}{{samlidp.Entra, none, "u1@acme.onmicrosoft.example"}, {samlidp.Entra, guest, "jane_acme.example#EXT#@acme.onmicrosoft.example"}, {samlidp.ADFS, none, ""}} {
		d := like(t, row.like, row.user)
		_, page := d.choose("u1")
		if id, err := d.finish(page); err != nil || id.Subject != row.want {
			t.Errorf("%s: %v %q", row.like, err, id.Subject)
		}
	}
}

// TestGoogleLooksLate: Google says that it does not know an application only to somebody who has signed in.
func TestGoogleLooksLate(t *testing.T) {
	d := newDemo(t, func(o *samlidp.Options) {
		o.Like, o.ServiceProvider = samlidp.Google, func(string) (samlidp.ServiceProvider, bool) { return samlidp.ServiceProvider{}, false }
	})
	if status, page := d.get(d.start()); status != 200 || !strings.Contains(page, `name="identifier"`) {
		t.Errorf("%d %s", status, page)
	}
	if status, page := d.choose("u1"); status != 403 || !strings.Contains(page, "app_not_configured") || strings.Contains(page, "SAMLResponse") {
		t.Errorf("%d %s", status, page)
	}
}
