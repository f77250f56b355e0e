package e2e

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/beevik/etree"

	"cloakroom/providers/providertest/samlidp"
)

// acs and named are what may be wrong with an application at a SAML identity provider: our address, our name.
func acs(change func(string) string) func(*samlidp.ServiceProvider) {
	return func(sp *samlidp.ServiceProvider) { sp.ACS = []string{change(sp.ACS[0])} }
}

func named(change func(string) string) func(*samlidp.ServiceProvider) {
	return func(sp *samlidp.ServiceProvider) { sp.EntityID = change(sp.EntityID) }
}

func to(value string) func(string) string    { return func(string) string { return value } }
func with(suffix string) func(string) string { return func(s string) string { return s + suffix } }

func environment(s string) string { return strings.Replace(s, "//localhost", "//sso.old.example", 1) }

func upper(s string) string { return strings.Replace(s, "/broker/", "/Broker/", 1) }

func bent(f func(r *samlidp.Response)) func(*samlidp.Options) {
	return func(o *samlidp.Options) { o.Bend = f }
}

// tested and checked stage a SAML case by its usual doors.
func tested(s samlCase, user string) func(*bench) told {
	return func(b *bench) told { return b.saml(s).test(user) }
}

func checked(s samlCase) func(*bench) told {
	return func(b *bench) told { return b.saml(s).check() }
}

// shown is a page of a provider that somebody pastes into a test.
func shown(preset, protocol, text string) func(*bench) told {
	return func(b *bench) told {
		b.draft(preset, protocol)
		b.api("PATCH", b.path(""), settingsOf(preset, protocol), 200, nil)
		return b.page(text)
	}
}

// settingsOf are settings with which a connection may be tested.
func settingsOf(preset, protocol string) obj {
	if protocol == "saml" {
		return obj{"saml": obj{"entity_id": "https://idp.example/", "sso_url": "https://idp.example/sso", "certificates": []string{samlidp.PEM(certificate(signingKey(), "Identity provider signing", -1, 900))}}}
	}
	return obj{"oidc": obj{"issuer": "https://idp.example", "client_id": clientID, "client_secret": clientSecret, "tenant": tenantFor(preset)}}
}

func tenantFor(preset string) string {
	if preset == "entra" || preset == "microsoft" {
		return tenant
	}
	return ""
}

func samlEntries() []entry {
	return []entry{
		{"SAML-01", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Entra, app: acs(to("https://sso.old.example/acs"))}, "ada"), expected{codes: "idp.reply_url_unknown", side: "idp", label: "Reply URL", sure: "proved", says: "/endpoint"}},
			{"before the test", checked(samlCase{like: samlidp.Entra, app: acs(to("https://sso.old.example/acs"))}), expected{codes: "idp.reply_url_unknown", side: "idp", label: "Reply URL", sure: "proved"}},
			{"a slash too many", checked(samlCase{like: samlidp.Entra, app: acs(with("/"))}), expected{codes: "idp.reply_url_unknown", side: "idp", label: "Reply URL", sure: "proved"}},
			{"another vendor", tested(samlCase{like: samlidp.ADFS, app: acs(environment)}, "ada"), expected{codes: "idp.reply_url_unknown", side: "idp", label: "Endpoints", sure: "proved"}},
			{"a vendor without codes", tested(samlCase{like: samlidp.Keycloak, app: acs(upper)}, "ada"), expected{codes: "idp.reply_url_unknown", side: "idp", label: "Valid redirect URIs", sure: "likely"}},
			{"in another language and markup", shown("entra", "saml", "<div><b>Connexion</b><br>Désolé… <span>AADSTS500</span><p>Message&nbsp;: AADSTS50011&#58; L’URL de réponse « https://x » ne correspond pas.</p>Correlation ID: 7e0a7c55-0f33-4b7e-9c51-aabbccddeeff</div>"), expected{codes: "idp.reply_url_unknown", side: "idp", label: "Reply URL", sure: "proved", says: "7e0a7c55"}},
		}},
		{"SAML-02", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Entra, app: named(to("https://sso.old.example/metadata"))}, "ada"), expected{codes: "idp.app_unknown", side: "idp", label: "Identifier (Entity ID)", sure: "proved", says: "/metadata"}},
			{"before the test, other case", checked(samlCase{like: samlidp.Entra, app: named(upper)}), expected{codes: "idp.app_unknown", side: "idp", label: "Identifier (Entity ID)", sure: "proved"}},
			{"the other code", shown("entra", "saml", "AADSTS650056: Misconfigured application. This could be due to one of the following: the client has not listed any permissions"), expected{codes: "idp.app_unknown", side: "idp", label: "Identifier (Entity ID)", sure: "likely"}},
			{"another vendor, a slash", tested(samlCase{like: samlidp.Keycloak, app: named(with("/"))}, "ada"), expected{codes: "idp.app_unknown", side: "idp", label: "Client ID", sure: "likely"}},
		}},
		{"SAML-04", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Entra}, "una"), expected{codes: "idp.not_assigned", side: "idp", label: "Users and groups", sure: "proved"}},
			{"window closed, all else right", func(b *bench) told {
				st := b.saml(samlCase{like: samlidp.Entra})
				st.check()
				return st.closed()
			}, expected{codes: "idp.not_assigned", side: "idp", label: "Users and groups", sure: "likely", or: "idp.policy_blocked"}},
			{"a role in place of a group", shown("entra", "saml", "AADSTS501051: Application '{x}' is not assigned to a role for the application."), expected{codes: "idp.not_assigned", side: "idp", label: "Users and groups", sure: "proved"}},
			{"another vendor", tested(samlCase{like: samlidp.OneLogin}, "una"), expected{codes: "idp.not_assigned", side: "idp", label: "Access", sure: "likely"}},
		}},
		{"SAML-05", []situation{
			{"as catalogued", pasted("entra", "saml", "", "https://login.microsoftonline.com/"+tenant+"/federationmetadata/2007-06/federationmetadata.xml"), expected{codes: "saml.metadata_tenant_wide", side: "idp", label: "App Federation Metadata Url", sure: "proved"}},
			{"by a test", tested(samlCase{like: samlidp.Entra, settings: obj{"metadata_xml": elsewhere("{idp}")}}, "ada"), expected{codes: "saml.signature_key_unknown|saml.signing_key_rolled_over", side: "idp", label: "App Federation Metadata Url", sure: "guess", says: "It never worked"}},
			{"by domain and in capitals", pasted("entra", "saml", "", "  HTTPS://login.microsoftonline.com/acme.onmicrosoft.com/FederationMetadata/2007-06/FederationMetadata.xml?x=1"), expected{codes: "saml.metadata_tenant_wide", side: "idp", label: "App Federation Metadata Url", sure: "proved"}},
			{"the host without a directory", pasted("entra", "saml", "", "https://login.microsoftonline.com/common/federationmetadata/2007-06/federationmetadata.xml"), expected{codes: "saml.metadata_tenant_wide|saml.metadata_placeholder|paste.any_tenant", side: "idp", label: "App Federation Metadata Url", sure: "proved"}},
		}},
		{"SAML-07", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Okta, idp: bent(func(r *samlidp.Response) { r.Audiences = [][]string{{r.Destination}} })}, "ada"), expected{codes: "saml.addresses_swapped", side: "idp", label: "Audience URI (SP Entity ID)", sure: "proved"}},
			{"sent to our name", tested(samlCase{like: samlidp.Okta, app: acs(func(s string) string { return strings.TrimSuffix(s, "endpoint") + "metadata" })}, "ada"), expected{codes: "login.wrong_endpoint|saml.addresses_swapped", side: "idp", label: "Single sign-on URL", sure: "proved"}},
			{"seen by the probe", checked(samlCase{like: samlidp.Okta, app: acs(func(s string) string { return strings.TrimSuffix(s, "endpoint") + "metadata" })}), expected{codes: "saml.addresses_swapped", side: "idp", label: "Single sign-on URL", sure: "proved"}},
			{"another vendor", tested(samlCase{like: samlidp.Google, idp: bent(func(r *samlidp.Response) { r.Audiences = [][]string{{r.Destination}} })}, "ada"), expected{codes: "saml.addresses_swapped", side: "idp", label: "Entity ID", sure: "proved"}},
		}},
		{"SAML-08", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Okta, app: acs(func(s string) string { return strings.Replace(s, "saml-08-0", "acme-saml", 1) })}, "ada"), expected{codes: "login.wrong_endpoint", side: "idp", label: "Single sign-on URL", sure: "proved", says: "acme-saml"}},
			{"an unknown slug", tested(samlCase{like: samlidp.Okta, app: acs(func(s string) string { return strings.Replace(s, "saml-08-1", "saml-08-x", 1) })}, "ada"), expected{codes: "login.wrong_endpoint", side: "idp", label: "Single sign-on URL", sure: "proved", says: "saml-08-x"}},
			{"without its end", tested(samlCase{like: samlidp.Okta, app: acs(func(s string) string { return strings.TrimSuffix(s, "/endpoint") })}, "ada"), expected{codes: "login.wrong_endpoint", side: "idp", label: "Single sign-on URL", sure: "proved"}},
			{"right place, wrong name inside", tested(samlCase{like: samlidp.Okta, idp: bent(func(r *samlidp.Response) {
				r.Confirmations[0].Recipient = environment(r.Confirmations[0].Recipient)
			})}, "ada"), expected{codes: "saml.recipient_mismatch", side: "idp", label: "Single sign-on URL", sure: "likely", says: "sso.old.example"}},
			{"a foreign host, by the probe", checked(samlCase{like: samlidp.Okta, app: acs(environment)}), expected{codes: "idp.reply_url_unknown", side: "idp", label: "Single sign-on URL", sure: "proved", says: "sso.old.example"}},
		}},
		{"SAML-10", []situation{
			{"as catalogued", func(b *bench) told {
				return b.problem("POST", "/realms/acme/drafts", obj{"preset": "okta", "protocol": "saml", "slug": "acme_okta"}, 422)
			}, expected{codes: "paste.slug", side: "ours", label: "hyphen", sure: "proved"}},
			{"a connection made by hand", func(b *bench) told {
				return b.problem("POST", "/realms/acme/connections", obj{"slug": "acme_okta", "preset": "okta", "protocol": "saml", "saml": obj{"metadata_url": "https://acme.okta.example/metadata"}}, 422)
			}, expected{codes: "paste.slug|invalid", side: "ours", label: "", sure: "proved", says: "/slug"}},
			{"other signs", func(b *bench) told {
				return b.problem("POST", "/realms/acme/drafts", obj{"preset": "okta", "protocol": "saml", "slug": "Acme.Okta"}, 422)
			}, expected{codes: "paste.slug", side: "ours", label: "hyphen", sure: "proved"}},
		}},
		{"SAML-11", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Okta}, "una"), expected{codes: "idp.not_assigned", side: "idp", label: "Assignments", sure: "proved"}},
			{"window closed, all else right", func(b *bench) told {
				st := b.saml(samlCase{like: samlidp.Okta})
				st.check()
				return st.closed()
			}, expected{codes: "idp.not_assigned", side: "idp", label: "Assignments", sure: "likely", or: "idp.policy_blocked"}},
			{"in markup", shown("okta", "saml", "<h2>Sorry, you can't access this app</h2>\n<p>because you are not\n assigned this app in <em>Okta</em>.</p>"), expected{codes: "idp.not_assigned", side: "idp", label: "Assignments", sure: "likely"}},
		}},
		{"SAML-13", []situation{
			{"as catalogued", checked(samlCase{like: samlidp.Okta, also: obj{"name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"}}), expected{codes: "saml.nameid_format_forced", side: "ours", label: "Name ID format", sure: "likely"}},
			{"by a test", tested(samlCase{like: samlidp.Okta, also: obj{"name_id_format": "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"}}, "ada"), expected{codes: "saml.nameid_format_forced|idp.request_unsupported", side: "ours", label: "Name ID format", sure: "likely"}},
			{"another vendor", checked(samlCase{like: samlidp.Entra, also: obj{"name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:kerberos"}}), expected{codes: "saml.nameid_format_forced|saml.request_unsupported", side: "ours", label: "Name ID format", sure: "likely"}},
		}},
		{"SAML-14", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.ADFS, app: named(to("https://sso.old.example/sp"))}, "ada"), expected{codes: "idp.app_unknown", side: "idp", label: "Identifiers", sure: "likely"}},
			{"other case, by the probe", checked(samlCase{like: samlidp.ADFS, app: named(upper)}), expected{codes: "idp.app_unknown", side: "idp", label: "Identifiers", sure: "likely", or: "idp.app_disabled"}},
			{"the other code, in French", shown("adfs", "saml", "Une erreur s’est produite. ID d’activité : 00000000-0000-0000-1b00-0080000000f6 Détails : MSIS3020: L’approbation de partie de confiance est introuvable."), expected{codes: "idp.app_unknown", side: "idp", label: "Identifiers", sure: "likely"}},
		}},
		{"SAML-16", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.ADFS, also: obj{"name_id_format": samlidp.EmailFormat}}, "eva"), expected{codes: "saml.invalid_nameid_policy", side: "idp", label: "Transform an Incoming Claim", sure: "likely", says: "Nobody has got in yet"}},
			{"as a page", shown("adfs", "saml", "Error details: MSIS7070: The SAML request contained a NameIDPolicy that was not satisfied by the issued token."), expected{codes: "idp.claim_source_empty|saml.invalid_nameid_policy", side: "idp", label: "Edit Claim Issuance Policy", sure: "likely"}},
			{"another vendor", tested(samlCase{like: samlidp.Keycloak, idp: bent(func(r *samlidp.Response) {
				r.NoAssertion, r.Status, r.NestedStatus = true, "Requester", "InvalidNameIDPolicy"
			})}, "ada"), expected{codes: "saml.invalid_nameid_policy", side: "idp", label: "Name ID format", sure: "likely"}},
		}},
		{"SAML-17", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.ADFS, idp: bent(func(r *samlidp.Response) { r.NameID, r.NameIDFormat, r.Attributes = "", "", nil })}, "ada"), expected{codes: "saml.nothing_said", side: "idp", label: "Send LDAP Attributes as Claims", sure: "proved"}},
			{"another vendor", tested(samlCase{like: samlidp.OneLogin, idp: bent(func(r *samlidp.Response) { r.NameID, r.NameIDFormat, r.Attributes = "", "", nil })}, "ada"), expected{codes: "saml.nothing_said", side: "idp", label: "Include in SAML assertion", sure: "proved"}},
			{"authentication attributes only", tested(samlCase{like: samlidp.ADFS, idp: bent(func(r *samlidp.Response) {
				r.NameID, r.NameIDFormat = "", ""
				r.Attributes = []samlidp.Attribute{{Name: "http://schemas.microsoft.com/claims/authnmethodsreferences", Values: []string{"urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"}}}
			})}, "ada"), expected{codes: "saml.nothing_said|email.missing", side: "idp", label: "Send LDAP Attributes as Claims", sure: "likely"}},
		}},
		{"SAML-19", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Entra, also: obj{"requested_authn_context": []string{samlidp.PasswordContext}}, idp: func(o *samlidp.Options) { o.AuthnContext = "urn:federation:authentication:windows" }}, "ada"), expected{codes: "saml.no_authn_context", side: "ours", label: "Requested authentication context", sure: "proved"}},
			{"another vendor", tested(samlCase{like: samlidp.ADFS, also: obj{"requested_authn_context": []string{samlidp.PasswordContext}}, idp: func(o *samlidp.Options) { o.AuthnContext = "urn:federation:authentication:windows" }}, "ada"), expected{codes: "saml.no_authn_context", side: "ours", label: "Requested authentication context", sure: "likely"}},
			{"before the test", checked(samlCase{like: samlidp.Entra, also: obj{"requested_authn_context": []string{samlidp.PasswordContext}}}), expected{codes: "saml.authn_context_forced", side: "ours", label: "Requested authentication context", sure: "likely", beside: true}},
		}},
		{"SAML-20", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Entra, also: obj{"sign_requests": "never"}, idp: demanding}, "ada"), expected{codes: "idp.request_signature|saml.request_signing_required", side: "ours", label: "Verification certificates", sure: "proved"}},
			{"by the probe", checked(samlCase{like: samlidp.Keycloak, also: obj{"sign_requests": "never"}, idp: demanding}), expected{codes: "saml.request_signing_required", side: "ours", label: "Sign requests", sure: "likely"}},
			{"demanded, not announced", checked(samlCase{like: samlidp.Keycloak, also: obj{"sign_requests": "never"}, idp: func(o *samlidp.Options) {
				demanding(o)
				o.Document = func(e *etree.Element) { e.FindElement("//md:IDPSSODescriptor").RemoveAttr("WantAuthnRequestsSigned") }
			}}), expected{codes: "saml.request_signing_required", side: "ours", label: "Client signature required", sure: "likely"}},
			{"AD FS", tested(samlCase{like: samlidp.ADFS, also: obj{"sign_requests": "never"}, idp: demanding}, "ada"), expected{codes: "idp.request_signature|saml.request_signing_required|saml.status_failed", side: "ours", label: "Signature", sure: "guess", or: "saml.request_signing_required"}},
		}},
		{"SAML-22", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.ADFS, app: foreignKey, idp: recipientNamed(true)}, "ada"), expected{codes: "saml.encrypted_to_foreign_certificate", side: "idp", label: "Encryption", sure: "likely"}},
			{"another vendor", tested(samlCase{like: samlidp.Okta, app: foreignKey, idp: recipientNamed(true)}, "ada"), expected{codes: "saml.encrypted_to_foreign_certificate", side: "idp", label: "Assertion Encryption", sure: "likely"}},
			{"without saying to whom", tested(samlCase{like: samlidp.OneLogin, app: foreignKey, idp: recipientNamed(false)}, "ada"), expected{codes: "saml.decryption_failed|saml.encrypted_to_foreign_certificate", side: "idp", label: "Encrypt assertion", sure: "guess"}},
		}},
		{"SAML-23", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Shibboleth, also: obj{"encrypt": "never"}}, "ada"), expected{codes: "idp.encryption_key_missing|saml.encryption_key_unpublished", side: "ours|idp", label: "ncryption", sure: "likely"}},
			{"by the probe", checked(samlCase{like: samlidp.Shibboleth, also: obj{"encrypt": "never"}}), expected{codes: "saml.encryption_key_unpublished", side: "ours", label: "Encryption", sure: "likely"}},
			{"our metadata there is old", tested(samlCase{like: samlidp.Shibboleth, app: func(sp *samlidp.ServiceProvider) { sp.EncryptTo = nil }}, "ada"), expected{codes: "idp.encryption_key_missing", side: "idp", label: "idp.encryption.optional", sure: "likely"}},
		}},
		{"SAML-25", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Shibboleth, app: named(to("https://sso.old.example/sp"))}, "ada"), expected{codes: "idp.app_unknown", side: "idp", label: "metadata-providers.xml", sure: "likely"}},
			{"address changed since, by the probe", checked(samlCase{like: samlidp.Shibboleth, app: acs(environment)}), expected{codes: "idp.reply_url_unknown", side: "idp", label: "metadata-providers.xml", sure: "likely"}},
			{"a stale page", shown("shibboleth", "saml", "<h1>Web Login Service - Stale Request</h1><p>You may be seeing this page because you used the Back button while browsing a secure web site.</p>"), expected{codes: "idp.page_stale", side: "user", label: "bookmark", sure: "likely"}},
		}},
		{"SAML-26", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Google, app: acs(environment)}, "ada"), expected{codes: "idp.wrong_account", side: "user", label: "private window", sure: "likely", or: "idp.app_unknown"}},
			{"not configured at all", tested(samlCase{like: samlidp.Google, app: named(upper)}, "ada"), expected{codes: "idp.app_unknown", side: "idp", label: "Entity ID", sure: "proved"}},
			{"in German", shown("google", "saml", "<p><b>403.</b> <ins>Das ist ein Fehler.</ins></p><p>Fehler: app_not_configured_for_user</p><p>Dienst ist für diesen Nutzer nicht konfiguriert.</p>"), expected{codes: "idp.wrong_account", side: "user", label: "private window", sure: "likely", or: "idp.app_unknown"}},
		}},
		{"SAML-28", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.OneLogin, app: acs(to(`^https:\/\/sso\.old\.example$`))}, "ada"), expected{codes: "idp.reply_url_unknown", side: "idp", label: "ACS (Consumer) URL Validator", sure: "likely"}},
			{"by the probe, a placeholder", checked(samlCase{like: samlidp.OneLogin, app: acs(to("*"))}), expected{codes: "idp.reply_url_unknown", side: "idp", label: "ACS (Consumer) URL Validator", sure: "likely"}},
			{"in other words", shown("onelogin", "saml", "The SAML request's ACS URL doesn't match the ACS URL validator of the connector. Please contact your administrator."), expected{codes: "idp.reply_url_unknown", side: "idp", label: "ACS (Consumer) URL Validator", sure: "likely"}},
		}},
	}
}

func demanding(o *samlidp.Options) { o.WantSignedRequests = true }

// foreignKey is a certificate of somebody else as ours in their console.
func foreignKey(sp *samlidp.ServiceProvider) {
	sp.EncryptTo = certificate(otherKey(), "some.other.sp", -10, 300)
}

// recipientNamed puts the certificate into what is encrypted, or leaves it out.
func recipientNamed(is bool) func(*samlidp.Options) {
	return bent(func(r *samlidp.Response) { r.Encrypt.NameRecipient = is })
}

// pasted is the wizard's field on a fresh draft.
func pasted(preset, protocol, field, text string) func(*bench) told {
	return func(b *bench) told { return b.draft(preset, protocol).paste(field, text) }
}

// elsewhere is the metadata of the same identity provider with another certificate than the one that signs.
func elsewhere(base string) string {
	p := samlidp.New(samlidp.Options{BaseURL: base, Key: otherKey(), Certificate: certificate(otherKey(), "Another certificate", -10, 300), Now: nil})
	return string(p.Metadata())
}

// closed is a test whose window is closed at the identity provider.
func (st *stand) closed() told {
	st.t.Helper()
	link, v := st.begin(), st.visitor()
	p, err := v.get(link.URL)
	if err != nil {
		st.t.Fatal(err)
	}
	if strings.HasPrefix(p.URL.String(), st.URL) {
		st.t.Fatalf("it did not leave: %s", p)
	}
	here, _ := url.Parse(st.URL)
	if _, err := v.do(http.MethodPost, st.URL+"/test-report/"+link.Ref+"/closed", url.Values{}, here, nil); err != nil {
		st.t.Fatal(err)
	}
	return st.reported("test, window closed", link.Ref, nil)
}
