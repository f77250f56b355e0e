package e2e

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"

	"github.com/beevik/etree"

	"cloakroom/providers/providertest/samlidp"
)

const ws = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"

// without leaves attributes out of an answer, and gives the Name ID another value unless that is "".
func without(nameID string, names ...string) func(*samlidp.Options) {
	return bent(func(r *samlidp.Response) {
		var kept []samlidp.Attribute
		for _, a := range r.Attributes {
			gone := false
			for _, n := range names {
				gone = gone || a.Name == n
			}
			if !gone {
				kept = append(kept, a)
			}
		}
		r.Attributes = kept
		if nameID != "" {
			r.NameID, r.NameIDFormat = nameID, "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
		}
	})
}

// manual are settings by hand: what the identity provider is called, where it is and what it signs with.
func manual(issuer string) obj {
	return obj{"entity_id": issuer, "sso_url": "{idp}/sso", "certificates": []string{samlidp.PEM(certificate(signingKey(), "Identity provider signing", -30, 900))}}
}

// onlyPOST is an identity provider that takes requests by POST alone.
func onlyPOST(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sso" && r.Method == http.MethodGet {
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bindings leaves only the sign-on services of a binding in the metadata.
func bindings(keep string) func(*samlidp.Options) {
	return func(o *samlidp.Options) {
		o.Document = func(e *etree.Element) {
			role := e.FindElement("//md:IDPSSODescriptor")
			for _, s := range role.SelectElements("SingleSignOnService") {
				if s.SelectAttrValue("Binding", "") != keep {
					role.RemoveChild(s)
				}
			}
		}
	}
}

func samlPeopleEntries() []entry {
	return []entry{
		{"SAML-29", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.OneLogin, idp: without("a-7781", "User.email")}, "ada"), expected{codes: "email.missing", side: "idp", label: "Include in SAML assertion", sure: "likely"}},
			{"another vendor", tested(samlCase{like: samlidp.Okta, idp: without("00u1abcd", "email")}, "ada"), expected{codes: "email.missing", side: "idp", label: "Attribute Statements", sure: "likely"}},
			{"sent under another name", tested(samlCase{like: samlidp.OneLogin, idp: bent(func(r *samlidp.Response) {
				r.NameID, r.NameIDFormat = "a-7781", ""
				r.Attributes[0].Name = "WorkMail"
			})}, "ada"), expected{codes: "email.missing", side: "idp", label: "Include in SAML assertion", sure: "likely", says: "WorkMail"}},
			{"the field is there and empty", tested(samlCase{like: samlidp.OneLogin, idp: bent(func(r *samlidp.Response) {
				r.NameID, r.NameIDFormat = "a-7781", ""
				r.Attributes[0].Values = []string{""}
			})}, "ada"), expected{codes: "email.missing", side: "idp", label: "Include in SAML assertion", sure: "likely"}},
		}},
		{"SAML-31", []situation{
			{"as catalogued", pasted("pingfederate", "saml", "", "https://sso.acme.example:9031/idp/startSSO.ping?PartnerSpId=x"), expected{codes: "saml.sso_url_not_for_us|paste.app_link", side: "idp", label: "PingFederate", sure: "proved"}},
			{"by the check", checked(samlCase{preset: "pingfederate", settings: obj{"entity_id": "https://sso.acme.example", "sso_url": "{idp}/idp/startSSO.ping?PartnerSpId=x", "certificates": manual("")["certificates"]}}), expected{codes: "saml.sso_url_not_for_us", side: "idp", label: "/idp/SSO.saml2", sure: "likely"}},
			{"the same family: Okta's tile", pasted("okta", "saml", "", "https://acme.okta.com/home/acme_app/0oa1ab2cd3ef/aln5z7"), expected{codes: "saml.sso_url_not_for_us|paste.app_link", side: "idp", label: "", sure: "proved"}},
		}},
		{"SAML-32", []situation{
			{"as catalogued", func(b *bench) told {
				return b.saml(samlCase{preset: "jumpcloud", idp: bindings(samlidp.BindingPOST), front: onlyPOST}).test("ada")
			}, expected{says: `"status":"passed"`}},
			{"no binding at all", checked(samlCase{preset: "jumpcloud", idp: bindings("")}), expected{codes: "saml.metadata_no_sso_endpoint", side: "idp", label: "Declare Redirect Endpoint", sure: "proved"}},
			{"group not bound", shown("jumpcloud", "saml", "<h3>Access denied</h3> You do not have access to this application. Contact your administrator."), expected{codes: "idp.not_assigned", side: "idp", label: "User Groups", sure: "likely"}},
		}},
		{"SAML-34", []situation{
			{"as catalogued", func(b *bench) told {
				return b.saml(samlCase{like: samlidp.ADFS, also: obj{"name_id_format": samlidp.EmailFormat}}).works("ada").test("eva")
			}, expected{codes: "saml.invalid_nameid_policy", side: "idp", label: "Name ID", sure: "likely", says: "Others get in"}},
			{"Entra", tested(samlCase{like: samlidp.Entra}, "eva"), expected{codes: "email.missing|email.outside_domains", side: "idp", label: "Contact info", sure: "likely", or: "email.missing"}},
			{"Okta", func(b *bench) told {
				return b.saml(samlCase{like: samlidp.Okta, idp: bent(func(r *samlidp.Response) {
					if r.NameID == "" {
						r.NameID = "eva"
					}
				})}).works("ada").test("eva")
			}, expected{codes: "email.missing", side: "idp", label: "Primary email", sure: "likely", says: "Others get in"}},
		}},
		{"SAML-35", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.ADFS, settings: manual("{idp}/metadata/")}, "ada"), expected{codes: "saml.issuer_mismatch", side: "idp", label: "Federation Service identifier", sure: "proved", says: "slash"}},
			{"another scheme", tested(samlCase{like: samlidp.Okta, settings: manual("https://acme.okta.example/exk1ab2cd3"), idp: func(o *samlidp.Options) { o.EntityID = "http://acme.okta.example/exk1ab2cd3" }}, "ada"), expected{codes: "saml.issuer_mismatch", side: "idp", label: "Identity Provider Issuer", sure: "proved"}},
			{"another case", tested(samlCase{like: samlidp.OneLogin, settings: manual("{idp}/Metadata")}, "ada"), expected{codes: "saml.issuer_mismatch", side: "idp", label: "Issuer URL", sure: "proved", says: "case"}},
			{"another application of theirs", tested(samlCase{like: samlidp.OneLogin, settings: manual("{idp}/metadata/0ab")}, "ada"), expected{codes: "saml.issuer_mismatch", side: "idp", label: "Issuer URL", sure: "likely"}},
			{"metadata of that name", checked(samlCase{like: samlidp.ADFS, also: obj{"entity_id": "https://adfs.acme.example/adfs/services/trust"}}), expected{codes: "saml.metadata_entity_unknown", side: "idp", label: "Federation Service identifier", sure: "proved"}},
		}},
		{"SAML-37", []situation{
			{"as catalogued", func(b *bench) told { return b.saml(samlCase{like: samlidp.Okta}).cookieless("ada") }, expected{codes: "login.other_browser", side: "user", label: "cookies", sure: "likely"}},
			{"another vendor, answer by another browser", func(b *bench) told { return b.saml(samlCase{like: samlidp.ADFS}).cookieless("ada") }, expected{codes: "login.other_browser", side: "user", label: "cookies", sure: "likely"}},
		}},
		{"SAML-38", []situation{
			{"as catalogued", func(b *bench) told { return b.saml(samlCase{like: samlidp.Okta}).fromPortal("ada", "") }, expected{codes: "saml.unsolicited", side: "ours|idp", label: "Bookmark App", sure: "proved"}},
			{"with a RelayState of their own", func(b *bench) told {
				return b.saml(samlCase{like: samlidp.Entra}).fromPortal("ada", "https://app.example/")
			}, expected{codes: "saml.unsolicited", side: "ours|idp", label: "Sign on URL", sure: "proved"}},
			{"explained", func(b *bench) told {
				st := b.saml(samlCase{like: samlidp.Google})
				return st.explain(obj{"saml_response": st.idp.Respond(st.idp.Answer(st.sp, st.sp.ACS[0], "", st.idp.Users[0]))})
			}, expected{codes: "saml.unsolicited", side: "ours|idp", label: "web link", sure: "proved"}},
		}},
		{"SAML-40", []situation{
			{"as catalogued", func(b *bench) told { return b.saml(samlCase{like: samlidp.Okta}).bookmarked("ada") }, expected{codes: "login.already_finished|login.expired|login.unknown", side: "user", label: "again", sure: "proved"}},
			{"an answer to no request of ours", tested(samlCase{like: samlidp.ADFS, idp: bent(func(r *samlidp.Response) {
				b := make([]byte, 32)
				_, _ = rand.Read(b)
				r.InResponseTo = "_" + hex.EncodeToString(b)
				r.Confirmations[0].InResponseTo = r.InResponseTo
			})}, "ada"), expected{codes: "saml.in_response_to_mismatch", side: "user|idp", label: "again", sure: "proved"}},
			{"their page was open too long", shown("entra", "saml", "AADSTS50089: Authentication failed due to flow token expired."), expected{codes: "idp.page_stale", side: "user", label: "bookmark", sure: "proved"}},
		}},
		{"SAML-41", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Keycloak}, "ada"), expected{codes: "email.missing", side: "idp", label: "User Property", sure: "likely"}},
			{"a user name elsewhere", tested(samlCase{like: samlidp.ADFS, idp: without(`ACME\ada`, ws+"emailaddress")}, "ada"), expected{codes: "email.missing", side: "idp", label: "E-Mail-Addresses", sure: "likely"}},
			{"opaque, with the address beside it", tested(samlCase{like: samlidp.Okta, idp: without("f:6e74172b:ada")}, "ada"), expected{says: `"status":"passed"`}},
		}},
		{"SAML-43", []situation{
			{"as catalogued", checked(samlCase{settings: obj{"entity_id": "{idp}/metadata", "sso_url": "{idp}/sso", "binding": "redirect", "certificates": manual("")["certificates"]}, front: onlyPOST}), expected{codes: "saml.sso_binding", side: "ours", label: "inding", sure: "proved"}},
			{"another vendor, the other way round", checked(samlCase{like: samlidp.ADFS, settings: obj{"entity_id": "{idp}/metadata", "sso_url": "{idp}/sso", "binding": "post", "certificates": manual("")["certificates"]}, front: onlyGET}), expected{codes: "saml.sso_binding", side: "ours", label: "inding", sure: "proved"}},
			{"with metadata it is no matter", func(b *bench) told {
				return b.saml(samlCase{idp: bindings(samlidp.BindingPOST), front: onlyPOST, also: obj{"binding": "redirect"}}).test("ada")
			}, expected{says: `"status":"passed"`}},
			{"nothing there at all", checked(samlCase{settings: obj{"entity_id": "{idp}/metadata", "sso_url": "{idp}/nowhere", "certificates": manual("")["certificates"]}}), expected{codes: "saml.sso_url_not_found", side: "idp", label: "", sure: "likely"}},
		}},
		{"SAML-44", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Entra}, "gus"), expected{codes: "saml.guest_account", side: "idp", label: "Unique User Identifier (Name ID)", sure: "proved", beside: true}},
			{"address of the guest's own", tested(samlCase{like: samlidp.Entra}, "gus"), expected{codes: "email.outside_domains", side: "idp", label: "", sure: "proved", says: "partner.example"}},
			{"a guest with a domain of ours", tested(samlCase{like: samlidp.Entra, idp: bent(func(r *samlidp.Response) { r.NameID = "ada_acme.example#EXT#@other.onmicrosoft.example" })}, "ada"), expected{codes: "saml.guest_account", side: "idp", label: "Unique User Identifier (Name ID)", sure: "proved", beside: true}},
		}},
		{"SAML-46", []situation{
			{"as catalogued", shown("entra", "saml", "AADSTS501241: Mandatory Input 'NameID' missing from transformation id 'ExtractMailPrefix'."), expected{codes: "idp.claim_source_empty", side: "idp", label: "Unique User Identifier (Name ID)", sure: "proved"}},
			{"in silence", tested(samlCase{like: samlidp.Entra, idp: bent(func(r *samlidp.Response) {
				r.NameID, r.NameIDFormat = "Y4hTq0JmP7xW2vRd9sLkBg", "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
			})}, "ada"), expected{codes: "saml.nameid_pairwise", side: "idp", label: "Unique User Identifier (Name ID)", sure: "guess", or: "saml.nameid_format_forced", beside: true}},
			{"another vendor", tested(samlCase{like: samlidp.Okta, idp: func(o *samlidp.Options) {
				o.Bend = func(r *samlidp.Response) { r.NameID, r.NameIDFormat = "", "" }
			}}, "eva"), expected{codes: "saml.no_email_sent|email.missing|saml.nothing_said", side: "idp", label: "Attribute Statements", sure: "likely"}},
		}},
		{"SAML-47", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.ADFS}, "una"), expected{codes: "saml.request_denied", side: "idp", label: "Edit Access Control Policy", sure: "likely"}},
			{"as a page", shown("adfs", "saml", "MSIS5007: The caller authorization failed for caller identity ACME\\ada for relying party trust https://sso.example/sp."), expected{codes: "idp.policy_blocked", side: "idp", label: "Edit Access Control Policy", sure: "proved"}},
			{"after others got in", func(b *bench) told { return b.saml(samlCase{like: samlidp.ADFS}).works("ada", "bob").test("una") }, expected{codes: "saml.request_denied", side: "idp", label: "Edit Access Control Policy", sure: "likely", says: "Others get in"}},
			{"another vendor", tested(samlCase{like: samlidp.Keycloak}, "una"), expected{codes: "saml.request_denied|oidc.access_denied", side: "idp", label: "roles", sure: "likely"}},
		}},
		{"SAML-49", []situation{
			{"as catalogued", func(b *bench) told {
				st := b.saml(samlCase{preset: "pingfederate"})
				st.sent = func(form url.Values) { form.Del("RelayState") }
				return st.test("ada")
			}, expected{codes: "saml.relay_state_lost", side: "idp", label: "/idp/SSO.saml2", sure: "proved", beside: true}},
			{"rewritten by a proxy", func(b *bench) told {
				st := b.saml(samlCase{like: samlidp.Okta})
				st.sent = func(form url.Values) { form.Set("RelayState", "/"+strings.ToLower(form.Get("RelayState"))) }
				return st.test("ada")
			}, expected{codes: "saml.relay_state_lost", side: "idp", label: "form fields", sure: "proved", beside: true}},
			{"and people get in all the same", func(b *bench) told {
				st := b.saml(samlCase{like: samlidp.Okta})
				st.sent = func(form url.Values) { form.Set("RelayState", "") }
				st.works("ada")
				return told{how: "sign-in"}
			}, expected{}},
		}},
		{"SAML-50", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Entra, also: obj{"name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"}}, "ada"), expected{codes: "saml.request_unsupported|saml.nameid_format_forced", side: "ours", label: "Name ID format", sure: "likely"}},
			{"another code of its range", shown("entra", "saml", "AADSTS750059: The SAML request holds something nobody has documented."), expected{codes: "idp.request_unsupported", side: "ours", label: "Name ID format", sure: "guess"}},
			{"said by another vendor", tested(samlCase{preset: "pingfederate", idp: bent(func(r *samlidp.Response) {
				r.NoAssertion, r.Status, r.NestedStatus, r.StatusMessage = true, "Requester", "RequestUnsupported", "Scoping is not supported"
			})}, "ada"), expected{codes: "saml.request_unsupported", side: "ours", label: "Name ID format", sure: "likely", says: "Scoping is not supported"}},
		}},
	}
}

// onlyGET is an identity provider that takes requests by redirect alone.
func onlyGET(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sso" && r.Method == http.MethodPost {
			http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// cookieless is a sign-in whose browser does not bring our cookie back.
func (st *stand) cookieless(user string) told {
	st.t.Helper()
	v := st.visitor()
	p, err := v.get(st.app.begin().URL+"&kc_idp_hint="+st.slug, appURL)
	if err != nil {
		st.t.Fatal(err)
	}
	bare := st.visitor()
	return st.trace(st.walk(bare, p, user))
}

// fromPortal is a sign-in that begins at the identity provider.
func (st *stand) fromPortal(user, relay string) told {
	st.t.Helper()
	v := st.visitor()
	p, err := v.get(st.url + "/initiate?sp=" + url.QueryEscape(st.sp.EntityID) + "&RelayState=" + url.QueryEscape(relay))
	if err != nil {
		st.t.Fatal(err)
	}
	return st.trace(st.walk(v, p, user))
}

// bookmarked is a sign-in from a bookmark of the identity provider's page, after that sign-in was done.
func (st *stand) bookmarked(user string) told {
	st.t.Helper()
	v := st.visitor()
	p, err := v.get(st.app.begin().URL+"&kc_idp_hint="+st.slug, appURL)
	if err != nil {
		st.t.Fatal(err)
	}
	bookmark := p.URL.String()
	st.walk(v, p, user)
	if p, err = v.get(bookmark, appURL); err != nil {
		st.t.Fatal(err)
	}
	return st.trace(st.walk(v, p, user))
}
