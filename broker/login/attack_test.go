package login_test

import (
	"testing"

	"github.com/beevik/etree"

	"cloakroom/broker/fault"
	"cloakroom/providers/providertest/samlidp"
)

// The rules of trust (contract, section 5), attacked: whatever a tenant's identity provider says, nobody of another
// tenant comes of it. Each row is tried by acme against globex and by globex against acme, at its own realm's
// application and, unless it says otherwise, at the hub's. Refused means: the fault named, no session, and every table
// that a sign-in writes to as it was. The rows that are let in are there so that a refusal of everything would not pass.

type attack struct {
	rule, name string
	by         string // the connection, without its realm's name
	says       said
	want       fault.Code // "": let in, as a person of the liar's own realm
	as         string     // whose address that person has
	at         string     // "own" or "hub" where only one of them is meant
}

func attributes(pairs ...[]string) [][]string { return pairs }

var addresses = []attack{
	// Controls: honest answers.
	{"", "honest SAML", "saml", said{email: "ann@{me}"}, "", "ann@{me}", ""},
	{"", "honest OpenID", "oidc", said{email: "ann@{me}", sub: "ann"}, "", "ann@{me}", ""},
	{"", "honest, verified", "social", said{email: "amy@{me}", sub: "amy", claims: obj{"email_verified": true}}, "", "amy@{me}", ""},
	{"", "honest, of nobody's domain", "any", said{email: "art@free.example", sub: "art"}, "", "art@free.example", ""},
	{"", "honest Entra", "entra", said{email: "ava@{me}", claims: obj{"tid": "{my-tid}", "oid": "33333333-3333-4333-8333-333333333333"}}, "", "ava@{me}", ""},
	{"", "honest Google", "google", said{email: "ali@{me}", sub: "ali", claims: obj{"hd": "{me}", "email_verified": true}}, "", "ali@{me}", ""},

	// Rule 1: one plain form, and nothing is repaired.
	{"1", "capitals are the same address", "saml", said{email: "ANN@{ME}"}, "", "ann@{me}", ""},
	{"1", "one address twice", "saml", said{email: "ann@{me}", attrs: attributes([]string{"mail", "ann@{me}", "Ann@{me}"})}, "", "ann@{me}", ""},
	{"1", "plus tag is another address", "saml", said{email: "ann+x@{me}"}, "", "ann+x@{me}", ""},
	{"1", "percent hack is one's own address", "saml", said{email: "bob%{you}@{me}"}, "", "bob%{you}@{me}", ""},
	{"1", "look-alike local part is another person", "saml", said{email: "\u0430nn@{me}"}, "", "\u0430nn@{me}", ""},
	{"1", "full-width @", "saml", said{email: "bob\uff20{you}"}, fault.EmailMalformed, "", ""},
	{"1", "full-width @ before one's own", "saml", said{email: "bob\uff20{you}@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "full-width letters", "saml", said{email: "bob@{wide}"}, fault.EmailMalformed, "", ""},
	{"1", "full-width letters before the @", "saml", said{email: "\uff42ob@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "Kelvin sign", "saml", said{email: "\u212aim@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "ideographic full stop", "saml", said{email: "bob@{your}\u3002example"}, fault.EmailMalformed, "", ""},
	{"1", "full-width full stop", "saml", said{email: "bob@{your}\uff0eexample"}, fault.EmailMalformed, "", ""},
	{"1", "half-width ideographic full stop", "saml", said{email: "bob@{your}\uff61example"}, fault.EmailMalformed, "", ""},
	{"1", "parent domain", "saml", said{email: "bob@example"}, fault.EmailMalformed, "", ""},
	{"1", "trailing dot", "saml", said{email: "bob@{you}."}, fault.EmailMalformed, "", ""},
	{"1", "trailing dot of one's own", "saml", said{email: "ann@{me}."}, fault.EmailMalformed, "", ""},
	{"1", "leading dot", "saml", said{email: "bob@.{you}"}, fault.EmailMalformed, "", ""},
	{"1", "quoted local part", "saml", said{email: `"bob"@{you}`}, fault.EmailMalformed, "", ""},
	{"1", "other's address quoted in one's own", "saml", said{email: `"bob@{you}"@{me}`}, fault.EmailMalformed, "", ""},
	{"1", "comment at the end", "saml", said{email: "bob@{you}(@{me})"}, fault.EmailMalformed, "", ""},
	{"1", "comment in one's own", "saml", said{email: "bob(@{you})@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "source route", "saml", said{email: "@{me}:bob@{you}"}, fault.EmailMalformed, "", ""},
	{"1", "source route the other way", "saml", said{email: "@{you}:bob@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "two @", "saml", said{email: "bob@{you}@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "display name", "saml", said{email: "Bob <bob@{you}>"}, fault.EmailMalformed, "", ""},
	{"1", "angle brackets and one's own", "saml", said{email: "<bob@{you}>ann@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "address literal", "saml", said{email: "bob@[{you}]"}, fault.EmailMalformed, "", ""},
	{"1", "encoded @", "saml", said{email: "bob%40{you}"}, fault.EmailMalformed, "", ""},
	{"1", "encoded @ before one's own", "saml", said{email: "bob=40{you}=@=@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "list with a comma", "saml", said{email: "ann@{me},bob@{you}"}, fault.EmailMalformed, "", ""},
	{"1", "list with a semicolon", "saml", said{email: "bob@{you};ann@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "list with a blank", "saml", said{email: "bob@{you} ann@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "line feed", "saml", said{email: "bob@{you}\nann@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "carriage return in the local part", "oidc", said{email: "bob\r\n@{you}"}, fault.EmailMalformed, "", ""},
	{"1", "header injection", "oidc", said{email: "bob@{you}\r\nBcc: ann@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "tab", "oidc", said{email: "bob\t@{you}"}, fault.EmailMalformed, "", ""},
	{"1", "null byte", "oidc", said{email: "bob@{you}\x00@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "null byte at the end", "oidc", said{email: "bob@{you}\x00"}, fault.EmailMalformed, "", ""},
	{"1", "null byte in a domain", "oidc", said{email: "bob@{you}\x00.{me}"}, fault.EmailMalformed, "", ""},
	{"1", "zero-width space", "saml", said{email: "bob@{your}\u200b.example"}, fault.EmailMalformed, "", ""},
	{"1", "zero-width joiner", "saml", said{email: "bo\u200db@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "byte order mark", "saml", said{email: "\ufeffbob@{you}"}, fault.EmailMalformed, "", ""},
	{"1", "soft hyphen", "saml", said{email: "bob@{your}\u00ad.example"}, fault.EmailMalformed, "", ""},
	{"1", "right-to-left override", "saml", said{email: "bob@\u202e{you}"}, fault.EmailMalformed, "", ""},
	{"1", "Hangul filler", "saml", said{email: "bob\u3164@{me}"}, fault.EmailMalformed, "", ""},
	{"1", "no-break space", "saml", said{email: "bob@{you}\u00a0"}, fault.EmailMalformed, "", ""},
	{"1", "half a surrogate pair", "oidc", said{email: "X", json: [2]string{`"X"`, `"bob\ud800@{you}"`}}, fault.EmailMalformed, "", ""},
	{"1", "punycode of ASCII", "saml", said{email: "bob@xn--{your}-.example"}, fault.EmailMalformed, "", ""},
	{"1", "the word null", "oidc", said{email: "null"}, fault.EmailMalformed, "", ""},
	{"1", "JSON null", "oidc", said{email: "X", json: [2]string{`"X"`, `null`}}, fault.EmailMissing, "", ""},
	{"1", "absent", "oidc", said{}, fault.EmailMissing, "", ""},
	{"1", "empty", "oidc", said{claims: obj{"email": ""}}, fault.EmailMissing, "", ""},
	{"1", "a number", "oidc", said{claims: obj{"email": 1}}, fault.EmailMalformed, "", ""},
	{"1", "true", "oidc", said{claims: obj{"email": true}}, fault.EmailMalformed, "", ""},
	{"1", "an object", "oidc", said{claims: obj{"email": obj{"value": "ann@{me}"}}}, fault.EmailMalformed, "", ""},
	{"1", "two values", "oidc", said{claims: obj{"email": []any{"ann@{me}", "bob@{you}"}}}, fault.EmailAmbiguous, "", ""},
	{"1", "two values, the other's first", "oidc", said{claims: obj{"email": []any{"bob@{you}", "ann@{me}"}}}, fault.EmailAmbiguous, "", ""},
	{"1", "two values of one attribute", "saml", said{email: "ann@{me}", lie: func(r *samlidp.Response) {
		r.Attributes[0].Values = append(r.Attributes[0].Values, "eve@other.example")
	}}, fault.EmailAmbiguous, "", ""},
	{"1", "two attributes", "saml", said{email: "ann@{me}", attrs: attributes([]string{"mail", "bob@{you}"})}, fault.EmailAmbiguous, "", ""},
	{"1", "one attribute twice", "saml", said{email: "ann@{me}", attrs: attributes([]string{"email", "bob@{you}"})}, fault.EmailAmbiguous, "", ""},
	{"1", "Name ID against attribute", "saml", said{email: "ann@{me}", nameID: "bob@{you}", format: samlidp.EmailFormat}, fault.EmailAmbiguous, "", ""},
	{"1", "attribute against Name ID", "saml", said{email: "bob@{you}", nameID: "ann@{me}", format: samlidp.EmailFormat}, fault.EmailAmbiguous, "", ""},
	{"1", "malformed beside a good one", "saml", said{email: "ann@{me}", attrs: attributes([]string{"mail", `"bob"@{you}`})}, fault.EmailMalformed, "", ""},
	{"1", "duplicate JSON key", "oidc", said{email: "ann@{me}", json: [2]string{`"email":`, `"email":"bob@{you}","email":`}}, fault.OIDCDuplicate, "", ""},
	{"1", "duplicate JSON key, escaped", "oidc", said{email: "ann@{me}", json: [2]string{`"email":`, `"\u0065mail":"bob@{you}","email":`}}, fault.OIDCDuplicate, "", ""},
	{"1", "key in other case is another key", "oidc", said{email: "ann@{me}", sub: "ann", json: [2]string{`"email":`, `"eMail":"bob@{you}","EMAIL":"bob@{you}","email":`}}, "", "ann@{me}", ""},
	{"1", "key in a case that some products send", "oidc", said{email: "ann@{me}", sub: "ann", json: [2]string{`"email":`, `"Email":"bob@{you}","email":`}}, fault.EmailAmbiguous, "", ""},

	// Rules 2 and 3, trust "domains": verified by this very realm, and listed.
	{"2", "other's address", "saml", said{email: "bob@{you}"}, fault.EmailOutside, "", ""},
	{"2", "other's address, verified they say", "oidc", said{email: "bob@{you}", claims: obj{"email_verified": true}}, fault.EmailOutside, "", ""},
	{"2", "other's address, listed", "greedy", said{email: "bob@{you}"}, fault.EmailOutside, "", ""},
	{"2", "other's address in capitals", "greedy", said{email: "BOB@{YOU}"}, fault.EmailOutside, "", ""},
	{"2", "other's address with a plus tag", "greedy", said{email: "bob+x@{you}"}, fault.EmailOutside, "", ""},
	{"2", "other's address indented", "greedy", said{email: "\n   bob@{you}\n"}, fault.EmailOutside, "", ""},
	{"2", "other's address as Name ID alone", "greedy", said{nameID: "bob@{you}", format: samlidp.EmailFormat}, fault.EmailOutside, "", ""},
	{"2", "other's address as Name ID of no format", "greedy", said{nameID: "bob@{you}", format: unspecified}, fault.EmailOutside, "", ""},
	{"2", "other's address as login name", "greedy", said{nameID: "x", format: persistent, attrs: attributes([]string{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", "bob@{you}"})}, fault.EmailOutside, "", ""},
	{"2", "other's address beside a Name ID", "greedy", said{email: "bob@{you}", nameID: "bob", format: persistent}, fault.EmailOutside, "", ""},
	{"2", "other's IDN in punycode", "greedy", said{email: "bob@{your-idn}"}, fault.EmailOutside, "", ""},
	{"2", "other's IDN in capital punycode", "greedy", said{email: "bob@{YOUR-IDN}"}, fault.EmailOutside, "", ""},
	{"2", "other's IDN in letters", "greedy", said{email: "bob@{your-ü}"}, fault.EmailOutside, "", ""},
	{"2", "other's IDN in capital letters", "greedy", said{email: "bob@{YOUR-Ü}"}, fault.EmailOutside, "", ""},
	{"2", "look-alike domain", "greedy", said{email: "bob@{look-alike}"}, fault.EmailOutside, "", ""},
	{"2", "sub-domain of one's own", "greedy", said{email: "ann@mail.{me}"}, fault.EmailOutside, "", ""},
	{"2", "sub-domain of the other's", "greedy", said{email: "bob@mail.{you}"}, fault.EmailOutside, "", ""},
	{"2", "parent of one's own", "greedy", said{email: "ann@{my}-holding.example"}, fault.EmailOutside, "", ""},
	{"2", "ending of one's own", "greedy", said{email: "ann@x{me}"}, fault.EmailOutside, "", ""},
	{"2", "beginning of one's own", "greedy", said{email: "ann@{me}.evil.example"}, fault.EmailOutside, "", ""},
	{"2", "one's own under the other's", "greedy", said{email: "ann@{me}.{you}"}, fault.EmailOutside, "", ""},
	{"2", "the other's under one's own", "greedy", said{email: "ann@{you}.{me}"}, fault.EmailOutside, "", ""},
	{"2", "nobody's domain, listed", "greedy", said{email: "ann@free.example"}, fault.EmailOutside, "", ""},
	{"2", "one's own domain, unlisted", "saml", said{email: "ann@{my}-unlisted.example"}, fault.EmailOutside, "", ""},
	{"2", "XML comment in the address", "greedy", said{email: "bob@{you}", lie: comment(".evil.example")}, fault.EmailOutside, "", ""},
	{"2", "XML comment before one's own", "saml", said{email: "bob@{you}", lie: comment(".acme.example")}, fault.EmailOutside, "", ""},

	// Rules 2 and 3, trust "verified_claim": the boolean true and nothing like it.
	{"2", "text true", "social", said{email: "bob@{you}", claims: obj{"email_verified": "true"}}, fault.EmailUnverified, "", ""},
	{"2", "text true of one's own", "social", said{email: "ann@{me}", claims: obj{"email_verified": "true"}}, fault.EmailUnverified, "", ""},
	{"2", "number 1", "social", said{email: "bob@{you}", claims: obj{"email_verified": 1}}, fault.EmailUnverified, "", ""},
	{"2", "JSON null", "social", said{email: "bob@{you}", claims: obj{"email_verified": "X"}, json: [2]string{`"X"`, `null`}}, fault.EmailUnverified, "", ""},
	{"2", "absent", "social", said{email: "bob@{you}"}, fault.EmailUnverified, "", ""},
	{"2", "false", "social", said{email: "bob@{you}", claims: obj{"email_verified": false}}, fault.EmailUnverified, "", ""},
	{"2", "list of true", "social", said{email: "bob@{you}", claims: obj{"email_verified": []any{true}}}, fault.EmailUnverified, "", ""},
	{"2", "object", "social", said{email: "bob@{you}", claims: obj{"email_verified": obj{"bob@{you}": true}}}, fault.EmailUnverified, "", ""},
	{"2", "false and true", "social", said{email: "bob@{you}", claims: obj{"email_verified": false}, json: [2]string{`"email_verified":`, `"email_verified":true,"email_verified":`}}, fault.OIDCDuplicate, "", ""},
	{"2", "other case of the claim's name", "social", said{email: "bob@{you}", claims: obj{"Email_Verified": true, "emailVerified": true}}, fault.EmailUnverified, "", ""},
	{"2", "verified is another claim than the mapped one", "upn", said{email: "ann@{me}", claims: obj{"email_verified": true, "upn": "bob@{you}"}}, fault.EmailUnverified, "", ""},
	{"2", "SAML has no such claim", "proof-saml", said{email: "bob@{you}", attrs: attributes([]string{"email_verified", "true"})}, fault.EmailUnverified, "", ""},
	{"2", "proved address of other's domain, at home", "social", said{email: "guest@{you}", sub: "guest", claims: obj{"email_verified": true}}, "", "guest@{you}", "own"},
	{"2", "proved address of other's domain, at the hub", "social", said{email: "guest@{you}", sub: "guest", claims: obj{"email_verified": true}}, fault.EmailOtherRealm, "", "hub"},
	{"2", "proved address of a person of the other's, at the hub", "social", said{email: "bob@{you}", claims: obj{"email_verified": true}}, fault.EmailOtherRealm, "", "hub"},

	// Entra: anybody can write any address into a tenant of their own.
	{"2", "Entra, other tenant", "entra", said{email: "bob@{you}", claims: obj{"tid": "{your-tid}", "oid": "44444444-4444-4444-8444-444444444444"}}, fault.OIDCTenant, "", ""},
	{"2", "Entra, other tenant of one's own", "entra", said{email: "ann@{me}", claims: obj{"tid": "{your-tid}", "oid": "44444444-4444-4444-8444-444444444444"}}, fault.OIDCTenant, "", ""},
	{"2", "Entra, no tenant", "entra", said{email: "ann@{me}", claims: obj{"oid": "44444444-4444-4444-8444-444444444444"}}, fault.OIDCTenant, "", ""},
	{"2", "Entra, two tenants", "entra", said{email: "ann@{me}", claims: obj{"tid": []any{"{my-tid}", "{your-tid}"}, "oid": "44444444-4444-4444-8444-444444444444"}}, fault.OIDCTenant, "", ""},
	{"2", "Entra, email_verified proves nothing", "entra-any", said{email: "bob@{you}", claims: obj{"tid": "{my-tid}", "oid": "44444444-4444-4444-8444-444444444444", "email_verified": true}}, fault.EmailUnverified, "", ""},
	{"2", "Entra, xms_edov false", "entra-any", said{email: "bob@{you}", claims: obj{"tid": "{my-tid}", "oid": "44444444-4444-4444-8444-444444444444", "xms_edov": false}}, fault.EmailUnverified, "", ""},
	{"2", "Entra, xms_edov twice", "entra-any", said{email: "bob@{you}", claims: obj{"tid": "{my-tid}", "oid": "44444444-4444-4444-8444-444444444444", "xms_edov": []any{true, false}}}, fault.EmailUnverified, "", ""},
	{"2", "Entra, xms_edov is of the claim email alone", "entra-any", said{claims: obj{"upn": "bob@{you}", "tid": "{my-tid}", "oid": "44444444-4444-4444-8444-444444444444", "xms_edov": true}}, fault.EmailMissing, "", ""},
	{"2", "Entra, xms_edov at the hub", "entra-any", said{email: "bob@{you}", claims: obj{"tid": "{my-tid}", "oid": "44444444-4444-4444-8444-444444444444", "xms_edov": true}}, fault.EmailOtherRealm, "", "hub"},
	{"2", "Entra, pinned, at the hub", "entra", said{email: "bob@{you}", claims: obj{"tid": "{my-tid}", "oid": "44444444-4444-4444-8444-444444444444"}}, fault.EmailOtherRealm, "", "hub"},
	{"5", "Entra, oid without tid", "entra-any", said{email: "ann@{me}", claims: obj{"oid": "44444444-4444-4444-8444-444444444444", "xms_edov": true}}, fault.SubjectMissing, "", ""},
	{"5", "Entra, tid without oid", "entra-any", said{email: "ann@{me}", claims: obj{"tid": "{my-tid}", "xms_edov": true}}, fault.SubjectMissing, "", ""},
	{"5", "Entra, oid that is none", "entra-any", said{email: "ann@{me}", claims: obj{"tid": "{my-tid}", "oid": "{my-tid}:44444444-4444-4444-8444-444444444444", "xms_edov": true}}, fault.SubjectInvalid, "", ""},

	// Google: a consumer account may carry any company's address.
	{"2", "Google, no hd", "google", said{email: "ann@{me}", claims: obj{"email_verified": true}}, fault.OIDCTenant, "", ""},
	{"2", "Google, other's hd", "google", said{email: "bob@{you}", claims: obj{"email_verified": true, "hd": "{you}"}}, fault.OIDCTenant, "", ""},
	{"2", "Google, two hd", "google", said{email: "bob@{you}", claims: obj{"email_verified": true, "hd": []any{"{me}", "{you}"}}}, fault.OIDCTenant, "", ""},
	{"2", "Google, hd without proof", "google", said{email: "bob@{you}", claims: obj{"hd": "{me}"}}, fault.EmailUnverified, "", ""},
	{"2", "Google, hd with text true", "google", said{email: "bob@{you}", claims: obj{"hd": "{me}", "email_verified": "true"}}, fault.EmailUnverified, "", ""},
	{"2", "Google, hd and proof, at the hub", "google", said{email: "bob@{you}", claims: obj{"hd": "{me}", "email_verified": true}}, fault.EmailOtherRealm, "", "hub"},
	{"2", "Google, a consumer's, none pinned", "google-any", said{email: "bob@{you}", claims: obj{"email_verified": true}}, fault.EmailUnverified, "", ""},
	{"2", "Google, hd of no form, none pinned", "google-any", said{email: "bob@{you}", claims: obj{"email_verified": true, "hd": "x"}}, fault.EmailUnverified, "", ""},

	// Trust "any": never a domain of another realm.
	{"2", "any, other's domain", "any", said{email: "bob@{you}"}, fault.EmailOtherRealm, "", ""},
	{"2", "any, other's domain, verified they say", "any", said{email: "bob@{you}", claims: obj{"email_verified": true}}, fault.EmailOtherRealm, "", ""},
	{"2", "any, other's domain in capitals", "any", said{email: "BOB@{YOU}"}, fault.EmailOtherRealm, "", ""},
	{"2", "any, other's IDN in letters", "any", said{email: "bob@{YOUR-Ü}"}, fault.EmailOtherRealm, "", ""},
	{"2", "any, trailing dot", "any", said{email: "bob@{you}."}, fault.EmailMalformed, "", ""},
	{"2", "any, ideographic full stop", "any", said{email: "bob@{your}\u3002example"}, fault.EmailMalformed, "", ""},
	{"2", "any, two values", "any", said{claims: obj{"email": []any{"art@free.example", "bob@{you}"}}}, fault.EmailAmbiguous, "", ""},
}

// comment splits the texts of Name ID and address with a comment, which some readers end the text at.
func comment(rest string) func(*samlidp.Response) {
	return func(r *samlidp.Response) {
		r.Assertion = func(root *etree.Element) {
			for _, e := range append(root.FindElements("//NameID"), root.FindElements("//AttributeValue")...) {
				e.CreateComment("x")
				e.CreateText(rest)
			}
		}
	}
}

func TestAttackAddresses(t *testing.T) {
	f := newBattlefield(t)
	for _, realm := range []string{"acme", "globex"} {
		// Somebody to be attacked, by each way in.
		for _, by := range []string{"saml", "oidc"} {
			v := f.visitor()
			v.signedIn(v.answer(v.through(realm, realm+"-"+by), realm, realm+"-"+by, said{email: "bob@" + realm + ".example", sub: "bob"}), realm, realm, "bob@"+realm+".example")
		}
	}
	for _, a := range addresses {
		for _, me := range []string{"acme", "globex"} {
			for _, at := range []string{me, "market"} {
				if a.at == "own" && at == "market" || a.at == "hub" && at != "market" {
					continue
				}
				f.in(t, a.rule+"/"+a.name+"/"+me+" at "+at, func(*testing.T) { f.attacked(a, me, at) })
			}
		}
	}
}

func (f *battlefield) attacked(a attack, me, at string) {
	v, before := f.visitor(), f.rows()
	slug, says := me+"-"+a.by, a.says.between(me)
	p := v.answer(v.through(at, slug), me, slug, says)
	if a.want != "" {
		v.refused(p, a.want, before)
		return
	}
	v.signedIn(p, at, me, said{email: a.as}.between(me).email)
}

// The hub's own connections speak for no tenant's people either, however loudly.
func TestAttackByTheHub(t *testing.T) {
	f := newBattlefield(t)
	f.person("globex", "bob@globex.example", nil)
	for name, c := range map[string]struct {
		by   string
		says said
		want fault.Code
	}{
		"proved":       {"market-social", said{email: "bob@globex.example", claims: obj{"email_verified": true}}, fault.EmailOtherRealm},
		"in capitals":  {"market-social", said{email: "BOB@GLOBEX.EXAMPLE", claims: obj{"email_verified": true}}, fault.EmailOtherRealm},
		"the other's":  {"market-social", said{email: "ann@acme.example", claims: obj{"email_verified": true}}, fault.EmailOtherRealm},
		"unproved":     {"market-social", said{email: "bob@free.example"}, fault.EmailUnverified},
		"vouched for":  {"market-any", said{email: "bob@globex.example"}, fault.EmailOtherRealm},
		"by its IDN":   {"market-any", said{email: "bob@müller.example"}, fault.EmailOtherRealm},
		"nobody's own": {"market-social", said{email: "zoe@free.example", claims: obj{"email_verified": true}}, ""},
	} {
		f.in(t, name, func(*testing.T) {
			v, before := f.visitor(), f.rows()
			p := v.answer(v.through("market", c.by), "acme", c.by, c.says)
			if c.want != "" {
				v.refused(p, c.want, before)
				return
			}
			v.signedIn(p, "market", "market", "zoe@free.example")
		})
	}
	// At a tenant's own application the hub's connections are nothing.
	f.in(t, "at a tenant's application", func(*testing.T) {
		v, before := f.visitor(), f.rows()
		p := v.begin("globex", "kc_idp_hint", "market-social")
		v.refused(v.get(p.own()+"/go/market-social"), fault.LoginNotAllowed, before)
	})
}
