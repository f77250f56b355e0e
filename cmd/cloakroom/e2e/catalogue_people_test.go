package e2e

import (
	"strings"

	"github.com/beevik/etree"

	"cloakroom/providers/providertest/oidcop"
	"cloakroom/providers/providertest/samlidp"
)

// addressed changes what an identity provider says of people.
func addressed(email, subject string) func(*samlidp.Options) {
	return bent(func(r *samlidp.Response) {
		for i, a := range r.Attributes {
			if strings.Contains(strings.ToLower(a.Name), "email") {
				r.Attributes[i].Values = []string{email}
			}
		}
		r.NameID, r.NameIDFormat = subject, "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
		if subject == "" {
			r.NameID, r.NameIDFormat = email, samlidp.EmailFormat
		}
	})
}

// realmOf is a realm of its own with a domain and an application, for cases that change the realm.
func (b *bench) realmOf(extra obj) *bench {
	b.t.Helper()
	name := b.slug + "-realm"
	body := obj{"name": name, "display_name": name}
	for k, v := range extra {
		body[k] = v
	}
	b.api("POST", "/realms", body, 201, nil)
	own := *b
	own.home = name
	own.app = newApp(b.t, b.instance, name, obj{})
	return &own
}

// anywhere trusts what the identity provider says of addresses: the domain of a realm of its own is not what is tried.
var anywhere = obj{"email_trust": "any", "domains": []string{}}

func alsoConn(a obj, b obj) obj {
	out := obj{}
	for _, o := range []obj{a, b} {
		for k, v := range o {
			out[k] = v
		}
	}
	return out
}

// renamed is a connection whose people are known, and which from now on says other ids of them.
func renamed(id func(old string) string) func(*bench) told {
	return func(b *bench) told {
		b = b.realmOf(nil)
		st := b.saml(samlCase{like: samlidp.Okta, conn: anywhere, idp: func(o *samlidp.Options) {
			o.Bend = func(r *samlidp.Response) {
				r.NameID, r.NameIDFormat = "00u-"+r.NameID, "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
			}
		}}).works("ada", "bob")
		st.idp.Bend = func(r *samlidp.Response) {
			r.NameID, r.NameIDFormat = id(r.NameID), "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
		}
		return st.test("ada")
	}
}

func peopleEntries() []entry {
	return []entry{
		{"USER-01", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Okta, idp: addressed("ada@contractor.example", "")}, "ada"), expected{codes: "email.outside_domains", side: "idp", label: "Verify the domain", sure: "proved", says: "contractor.example"}},
			{"a name below the domain", signed(oidcCase{like: oidcop.LikeKeycloak, op: func(o *oidcop.Options) { o.Users[0].Email = "ada@eu.acme.example" }}, "ada"), expected{codes: "email.outside_domains", side: "idp", label: "Verify the domain", sure: "proved", says: "eu.acme.example"}},
			{"Microsoft's own domain", tested(samlCase{like: samlidp.Entra, idp: addressed("ada@acme.onmicrosoft.example", "")}, "ada"), expected{codes: "email.outside_domains", side: "idp", label: "", sure: "proved", says: "acme.onmicrosoft.example"}},
			{"somebody else's domain", func(b *bench) told {
				b.api("POST", "/realms", obj{"name": "neighbour", "display_name": "Neighbour"}, 201, nil)
				b.api("POST", "/realms/neighbour/domains", obj{"domain": "neighbour.example", "verified": true}, 201, nil)
				return b.saml(samlCase{like: samlidp.Okta, idp: addressed("ada@neighbour.example", "")}).test("ada")
			}, expected{codes: "email.domain_of_other_realm|email.outside_domains", side: "idp", label: "", sure: "proved"}},
		}},
		{"USER-02", []situation{
			{"as catalogued", func(b *bench) told { return spelt(b, "Ada@ACME-02.example") }, expected{says: "sign_in"}},
			{"a plus address is another mailbox, and stays so", func(b *bench) told { return spelt(b, "ada+crm@acme-02.example") }, expected{says: `"email":"ada+crm@acme-02.example"`}},
			{"a letter that only looks alike", tested(samlCase{like: samlidp.Okta, idp: addressed("аda@acme.example", "")}, "ada"), expected{says: `"outcome":"create"`}},
		}},
		{"USER-04", []situation{
			{"as catalogued", renamed(func(string) string { return "00u-recreated" }), expected{codes: "email.account_changed", side: "idp", label: "", sure: "proved"}},
			{"OpenID", func(b *bench) told {
				b = b.realmOf(nil)
				st := b.oidc(oidcCase{like: oidcop.LikeKeycloak, conn: anywhere}).works("ada")
				st.op.Lie(oidcop.Lies{Claims: oidcop.Set(map[string]any{"sub": "another-1"}), UserInfo: oidcop.Set(map[string]any{"sub": "another-1"})})
				return st.test("ada")
			}, expected{codes: "email.account_changed", side: "idp", label: "", sure: "proved"}},
		}},
		{"USER-05", []situation{
			{"as catalogued", func(b *bench) told {
				b = b.realmOf(nil)
				st := b.saml(samlCase{like: samlidp.Okta, conn: anywhere, idp: addressedBy("00u-")}).works("ada", "bob")
				st.idp.Bend = nil
				addressedBy("pairwise-")(&st.idp.Options)
				st.signIn("ada")
				st.signIn("bob")
				return st.test("ada")
			}, expected{codes: "email.account_changed", side: "idp", label: "", sure: "proved"}},
			{"seen in a test alone", renamed(strings.ToUpper), expected{codes: "email.account_changed", side: "idp", label: "", sure: "proved"}},
		}},
		{"USER-07", []situation{
			{"as catalogued", func(b *bench) told {
				b = b.realmOf(obj{"seat_limit": 1})
				return b.saml(samlCase{like: samlidp.Okta, conn: anywhere}).works("ada").test("bob")
			}, expected{says: "waits for a seat"}},
			{"by a real sign-in", func(b *bench) told {
				b = b.realmOf(obj{"seat_limit": 1})
				st := b.oidc(oidcCase{like: oidcop.LikeOkta, conn: anywhere}).works("ada")
				return st.trace(st.signIn("bob"))
			}, expected{codes: "login.seats_taken", side: "ours", label: "seat limit", sure: "proved"}},
		}},
		{"USER-08", []situation{
			{"as catalogued", signed(oidcCase{like: oidcop.LikeKeycloak, conn: obj{"group_rules": []obj{{"match": "equals", "value": "/staff", "groups": []string{"staff"}}}, "only_mapped_groups": true}, op: func(o *oidcop.Options) { o.Users[0].Groups = []string{"staff"} }}, "ada"), expected{says: "staff"}},
			{"as a name of the directory", tested(samlCase{like: samlidp.Keycloak, conn: obj{"mapping": obj{"groups": []string{"Role"}, "email": []string{"email"}}}, idp: bent(func(r *samlidp.Response) {
				r.Attributes = append(r.Attributes, samlidp.Attribute{Name: "email", Values: []string{"ada@acme.example"}})
				r.Attributes[0].Values = []string{"CN=Engineering,OU=Groups,DC=acme,DC=example"}
			})}, "ada"), expected{says: "CN=Engineering"}},
			{"in none of the required groups", signed(oidcCase{like: oidcop.LikeKeycloak, conn: obj{"required_groups": []string{"admins", "owners"}}, op: func(o *oidcop.Options) { o.Users[0].Groups = []string{"staff"} }}, "ada"),
				expected{codes: "login.group_required", side: "idp", label: "Required groups", sure: "proved", says: "admins, owners"}},
			{"the required group in another form", tested(samlCase{like: samlidp.Keycloak, conn: obj{"required_groups": []string{"engineering"}, "mapping": obj{"groups": []string{"Role"}, "email": []string{"email"}}}, idp: bent(func(r *samlidp.Response) {
				r.Attributes = append(r.Attributes, samlidp.Attribute{Name: "email", Values: []string{"ada@acme.example"}})
				r.Attributes[0].Values = []string{"CN=Engineering,OU=Groups,DC=acme,DC=example"}
			})}, "ada"), expected{codes: "login.group_required", side: "idp", label: "Required groups", sure: "likely", says: "another form"}},
			{"no groups at all", tested(samlCase{like: samlidp.Google, conn: obj{"required_groups": []string{"staff"}}}, "ada"), expected{codes: "login.group_required", side: "idp", label: "Required groups", sure: "likely", or: "oidc.groups_missing"}},
			{"a member gets in", signed(oidcCase{like: oidcop.LikeKeycloak, conn: obj{"required_groups": []string{"/staff", "staff"}}, op: func(o *oidcop.Options) { o.Users[0].Groups = []string{"staff"} }}, "ada"), expected{says: "staff"}},
		}},
		{"USER-10", []situation{
			{"as catalogued", invited("ann@acme.example", samlidp.Okta), expected{codes: "invite.other_address", side: "user", label: "", sure: "proved"}},
			{"another provider", invited("bob@acme.example", samlidp.Google), expected{codes: "invite.other_address", side: "user", label: "", sure: "proved"}},
		}},
		{"USER-11", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Okta, conn: obj{"mapping": obj{"given_name": []string{"lastName"}, "family_name": []string{"firstName"}}}}, "ada"), expected{says: `"given_name":"Byron"`}},
			{"no names at all", tested(samlCase{like: samlidp.ADFS, idp: without("", ws+"givenname", ws+"surname")}, "ada"), expected{says: `"given_name":""`}},
			{"wrong charset", signed(oidcCase{like: oidcop.LikeKeycloak, op: func(o *oidcop.Options) { o.Users[0].GivenName = "AndrÃ©" }}, "ada"), expected{says: "AndrÃ©"}},
		}},
	}
}

func addressedBy(prefix string) func(*samlidp.Options) {
	return bent(func(r *samlidp.Response) {
		r.NameID, r.NameIDFormat = prefix+r.NameID, "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	})
}

// spelt is a person who is known, and whose address then comes in another spelling.
func spelt(b *bench, email string) told {
	b = b.realmOf(nil)
	st := b.saml(samlCase{like: samlidp.Okta, conn: anywhere, idp: addressed("ada@acme-02.example", "00u-1")}).works("ada")
	st.idp.Bend = nil
	addressed(email, "00u-1")(&st.idp.Options)
	return st.test("ada")
}

// invited is an invitation of an address that is opened by somebody else.
func invited(email string, like samlidp.Vendor) func(*bench) told {
	return func(b *bench) told {
		b = b.realmOf(nil)
		st := b.saml(samlCase{like: like, conn: alsoConn(anywhere, obj{"provisioning": "invite"})})
		var made struct{ URL string }
		b.api("POST", "/realms/"+b.realm()+"/invites", obj{"email": email, "client_id": "app"}, 201, &made)
		v := st.visitor()
		p, err := v.get(made.URL, appURL)
		if err != nil {
			st.t.Fatal(err)
		}
		for range 3 {
			if p.doc == nil || !strings.HasPrefix(p.URL.String(), st.URL) {
				break
			}
			next, err := v.submit(p, nil, nil, appURL)
			if err != nil {
				break
			}
			p = next
		}
		user := "ada"
		return st.trace(st.walk(v, p, user))
	}
}

func lifeEntries() []entry {
	return []entry{
		{"LIFE-01", []situation{
			{"as catalogued", func(b *bench) told {
				st := b.saml(samlCase{like: samlidp.Entra}).works("ada")
				st.sp.EntityID = "deleted"
				return st.test("ada")
			}, expected{codes: "idp.app_unknown", side: "idp", label: "Identifier (Entity ID)", sure: "proved", says: "It worked before"}},
			{"the window is closed", func(b *bench) told {
				st := b.saml(samlCase{like: samlidp.ADFS}).works("ada")
				st.sp.EntityID = "deleted"
				return st.closed()
			}, expected{codes: "idp.policy_blocked|idp.app_disabled|idp.app_unknown", side: "idp", label: "", sure: "guess", or: "login.cancelled"}},
			{"the window is closed, and the check knows", func(b *bench) told {
				st := b.saml(samlCase{like: samlidp.Entra}).works("ada")
				st.sp.EntityID = "deleted"
				st.check()
				return st.closed()
			}, expected{codes: "idp.app_unknown", side: "idp", label: "Identifier (Entity ID)", sure: "likely"}},
			{"Google's OpenID", signed(oidcCase{like: oidcop.LikeGoogle, client: func(c *oidcop.Client) { c.Disabled = true }}, "ada"), expected{codes: "idp.app_unknown", side: "idp", label: "lient", sure: "likely"}},
		}},
		{"LIFE-02", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Entra, app: func(sp *samlidp.ServiceProvider) { sp.Disabled = true }}, "ada"), expected{codes: "idp.app_disabled", side: "idp", label: "Enabled for users to sign-in", sure: "proved"}},
			{"Okta", tested(samlCase{like: samlidp.Okta, app: func(sp *samlidp.ServiceProvider) { sp.Disabled = true }}, "ada"), expected{codes: "idp.app_unknown|idp.app_disabled", side: "idp", label: "Active", sure: "likely", or: "idp.app_disabled"}},
			{"OpenID", signed(oidcCase{like: oidcop.LikeEntra, client: func(c *oidcop.Client) { c.Disabled = true }}, "ada"), expected{codes: "idp.app_disabled", side: "idp", label: "Enabled for users to sign-in", sure: "proved"}},
			{"Keycloak, before anybody tries", probed(oidcCase{like: oidcop.LikeKeycloak, client: func(c *oidcop.Client) { c.Disabled = true }}), expected{codes: "idp.app_disabled", side: "idp", label: "Enabled", sure: "likely"}},
			{"AD FS's trust", checked(samlCase{like: samlidp.ADFS, app: func(sp *samlidp.ServiceProvider) { sp.Disabled = true }}), expected{codes: "idp.app_unknown|idp.app_disabled", side: "idp", label: "", sure: "likely", or: "idp.app_disabled"}},
		}},
		{"LIFE-04", []situation{
			{"as catalogued", func(b *bench) told {
				st := b.saml(samlCase{like: samlidp.Okta, settings: manual("{idp}/metadata")}).works("ada")
				st.idp.EntityID = "https://login.acme.example/exk1"
				return st.test("bob")
			}, expected{codes: "saml.issuer_mismatch", side: "idp", label: "Identity Provider Issuer", sure: "likely", says: "has taken another name"}},
			{"OpenID", func(b *bench) told {
				st := b.oidc(oidcCase{like: oidcop.LikeOkta}).works("ada")
				st.op.Lie(oidcop.Lies{Claims: oidcop.Set(map[string]any{"iss": "https://login.acme.example"})})
				return st.test("bob")
			}, expected{codes: "oidc.issuer_mismatch", side: "idp", label: "ssuer", sure: "likely", says: "has taken another name"}},
		}},
		{"LIFE-05", []situation{
			{"as catalogued", shown("entra", "oidc", "AADSTS50196: The server terminated an operation because it encountered a client request loop."), expected{codes: "idp.login_loop", side: "user", label: "cookies", sure: "proved"}},
			{"AD FS", shown("adfs", "saml", "Activity ID: 00000000-0000-0000-1b00-0080000000f6 Error details: MSIS7042: The same client browser session has made '6' requests in the last '11' seconds."), expected{codes: "idp.login_loop", side: "user", label: "cookies", sure: "proved"}},
			{"a browser that forgets cookies", func(b *bench) told { return b.saml(samlCase{like: samlidp.Entra}).cookieless("ada") }, expected{codes: "login.other_browser", side: "user", label: "cookies", sure: "likely"}},
		}},
		{"LIFE-07", []situation{
			{"as catalogued", checked(samlCase{like: samlidp.Google, idp: noLogout}), expected{says: "no logout address is known"}},
			{"another vendor", checked(samlCase{like: samlidp.Keycloak, idp: noLogout}), expected{says: "no logout address is known"}},
		}},
		{"LIFE-08", []situation{
			{"as catalogued", func(b *bench) told {
				b.saml(samlCase{like: samlidp.Okta})
				return b.problem("POST", b.path("/enforcement"), obj{"enforced": true}, 422)
			}, expected{codes: "enforcement.gate|enforcement.not_tested|enforcement.no_way_back|enforcement.report_not_read", side: "ours", label: "", sure: "proved"}},
			{"after somebody got in, with no way back", func(b *bench) told {
				b.saml(samlCase{like: samlidp.Okta}).works("ada")
				return b.problem("POST", b.path("/enforcement"), obj{"enforced": true, "tested_by": (&town{world: b.world}).userID(b.t, b.realm(), "ada@acme.example")}, 422)
			}, expected{codes: "enforcement.gate|enforcement.no_way_back|enforcement.report_not_read", side: "ours", label: "", sure: "proved"}},
		}},
	}
}

// noLogout leaves the logout service out of the metadata.
func noLogout(o *samlidp.Options) {
	o.Document = func(e *etree.Element) {
		role := e.FindElement("//md:IDPSSODescriptor")
		for _, s := range role.SelectElements("SingleLogoutService") {
			role.RemoveChild(s)
		}
	}
}

// overage is Entra's link in place of the groups.
func overage(o *samlidp.Options) {
	o.Bend = func(r *samlidp.Response) {
		r.Attributes = append(r.Attributes, samlidp.Attribute{Name: "http://schemas.microsoft.com/claims/groups.link", Values: []string{"https://graph.windows.net/" + tenant + "/users/x/getMemberObjects"}})
	}
}
