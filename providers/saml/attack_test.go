package saml_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"cloakroom/broker/fault"
	"cloakroom/providers/providertest/samlidp"
)

const (
	nsP = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsA = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsD = "http://www.w3.org/2000/09/xmldsig#"
)

func find(e *etree.Element, path string) *etree.Element {
	for name := range strings.SplitSeq(path, "/") {
		e = e.SelectElement(name)
	}
	return e
}

// evil is a copy of the assertion that names somebody else, under another ID.
func evil(assertion *etree.Element, keepSignature bool) *etree.Element {
	e := assertion.Copy()
	e.CreateAttr("ID", "_evil")
	find(e, "Subject/NameID").SetText("admin@acme.example")
	if s := e.SelectElement("Signature"); s != nil && !keepSignature {
		e.RemoveChild(s)
	}
	return e
}

// TestFinishRefuses is the attack table: each row is an answer with one thing wrong, and the fault it must end in.
func TestFinishRefuses(t *testing.T) {
	k := keys()
	uri := func(s string) *string { return &s }
	type R = samlidp.Response
	type E = etree.Element
	sent := func(f func(root *E)) func(*world, *R) { return func(_ *world, r *R) { r.Sent = f } }
	signed := func(f func(root *E)) func(*world, *R) {
		return func(w *world, r *R) { r.Signed, r.SignAssertion, r.SignResponse = f, nil, w.idp.Signature() }
	}
	before := func(f func(root *E)) func(*world, *R) { return func(_ *world, r *R) { r.Assertion = f } }
	raw := func(f func([]byte) []byte) func(*world, *R) { return func(_ *world, r *R) { r.Raw = f } }
	sig := func(f func(*samlidp.Signature)) func(*world, *R) { return func(_ *world, r *R) { f(r.SignAssertion) } }
	replace := func(from, to string) func(*world, *R) {
		return raw(func(b []byte) []byte {
			if !bytes.Contains(b, []byte(from)) {
				panic("nothing to replace: " + from)
			}
			return bytes.Replace(b, []byte(from), []byte(to), 1)
		})
	}
	rows := []struct {
		name string
		lie  func(*world, *R)
		want fault.Code
	}{
		// Signature wrapping. XSW1, XSW2: the Response is signed and copied into or beside its signature.
		{"xsw1", func(w *world, r *R) {
			r.SignAssertion, r.SignResponse = nil, w.idp.Signature()
			r.Sent = func(root *E) {
				original := root.Copy()
				s := root.SelectElement("Signature")
				original.RemoveChild(original.SelectElement("Signature"))
				root.CreateAttr("ID", "_evil")
				root.SelectElement("Assertion").CreateAttr("ID", "_evil2")
				find(root, "Assertion/Subject/NameID").SetText("admin@acme.example")
				s.AddChild(original)
			}
		}, fault.SAMLSeveral},
		{"xsw2", func(w *world, r *R) {
			r.SignAssertion, r.SignResponse = nil, w.idp.Signature()
			r.Sent = func(root *E) {
				original := root.Copy()
				original.RemoveChild(original.SelectElement("Signature"))
				root.CreateAttr("ID", "_evil")
				root.SelectElement("Assertion").CreateAttr("ID", "_evil2")
				find(root, "Assertion/Subject/NameID").SetText("admin@acme.example")
				root.InsertChildAt(root.SelectElement("Signature").Index(), original)
			}
		}, fault.SAMLSeveral},
		{"xsw3 evil before the original", sent(func(root *E) {
			a := root.SelectElement("Assertion")
			root.InsertChildAt(a.Index(), evil(a, false))
		}), fault.SAMLSeveral},
		{"xsw4 original inside the evil one", sent(func(root *E) {
			a := root.SelectElement("Assertion")
			e := evil(a, false)
			root.RemoveChild(a)
			e.AddChild(a)
			root.AddChild(e)
		}), fault.SAMLSeveral},
		{"xsw5 evil with the signature, original appended", sent(func(root *E) {
			a := root.SelectElement("Assertion")
			e := evil(a, true)
			original := a.Copy()
			original.RemoveChild(original.SelectElement("Signature"))
			root.RemoveChild(a)
			root.AddChild(e)
			root.AddChild(original)
		}), fault.SAMLSeveral},
		{"xsw6 original inside the signature of the evil one", sent(func(root *E) {
			a := root.SelectElement("Assertion")
			e := evil(a, true)
			original := a.Copy()
			original.RemoveChild(original.SelectElement("Signature"))
			e.SelectElement("Signature").AddChild(original)
			root.RemoveChild(a)
			root.AddChild(e)
		}), fault.SAMLSeveral},
		{"xsw7 evil in Extensions", sent(func(root *E) {
			root.CreateElement("samlp:Extensions").AddChild(evil(root.SelectElement("Assertion"), false))
		}), fault.SAMLSeveral},
		{"xsw8 original in an Object", sent(func(root *E) {
			a := root.SelectElement("Assertion")
			e := evil(a, true)
			original := a.Copy()
			original.RemoveChild(original.SelectElement("Signature"))
			e.SelectElement("Signature").CreateElement("ds:Object").AddChild(original)
			root.RemoveChild(a)
			root.AddChild(e)
		}), fault.SAMLXMLForbidden},
		{"empty Object", sent(func(root *E) { find(root, "Assertion/Signature").CreateElement("ds:Object") }), fault.SAMLXMLForbidden},
		{"assertion hidden in an encrypted sibling", sent(func(root *E) { root.CreateElement("saml:EncryptedAssertion").CreateAttr("xmlns:saml", nsA) }), fault.SAMLSeveral},
		{"second assertion under a signed Response", signed(func(root *E) { root.AddChild(evil(root.SelectElement("Assertion"), false)) }), fault.SAMLSeveral},
		{"assertion of a foreign namespace", sent(func(root *E) {
			e := root.CreateElement("x:Assertion")
			e.CreateAttr("xmlns:x", "urn:x")
		}), fault.SAMLSeveral},
		{"only an assertion of a foreign namespace", func(w *world, r *R) {
			r.SignAssertion, r.SignResponse = nil, w.idp.Signature()
			r.Signed = func(root *E) { root.SelectElement("Assertion").CreateAttr("xmlns:saml", "urn:x") }
		}, fault.SAMLSeveral},
		{"assertion not directly below the root", signed(func(root *E) {
			a := root.RemoveChild(root.SelectElement("Assertion")).(*E)
			root.CreateElement("samlp:Extensions").AddChild(a)
		}), fault.SAMLSeveral},
		{"signature moved to Status", sent(func(root *E) {
			s := find(root, "Assertion/Signature")
			root.SelectElement("Status").AddChild(s)
		}), fault.SAMLSignatureShape},
		{"two signatures in one element", sent(func(root *E) {
			a := root.SelectElement("Assertion")
			a.AddChild(a.SelectElement("Signature").Copy())
		}), fault.SAMLSignatureShape},
		{"NameID of a foreign namespace beside SAML's", sent(func(root *E) {
			n := find(root, "Assertion/Subject").CreateElement("x:NameID")
			n.CreateAttr("xmlns:x", "urn:x")
			n.SetText("admin@acme.example")
		}), fault.SAMLSignatureInvalid},

		// Signatures.
		{"unsigned", func(_ *world, r *R) { r.SignAssertion = nil }, fault.SAMLSignatureMissing},
		{"altered", sent(func(root *E) { find(root, "Assertion/Subject/NameID").SetText("admin@acme.example") }), fault.SAMLSignatureInvalid},
		{"altered SignedInfo", sent(func(root *E) {
			find(root, "Assertion/Signature/SignedInfo/Reference/DigestValue").SetText("AAAA")
		}), fault.SAMLSignatureInvalid},
		{"comment that adds to a value", replace("jane@acme.example</saml:NameID>", "jane@acme.example.evil<!-- -->.test</saml:NameID>"), fault.SAMLSignatureInvalid},
		{"another key", sig(func(s *samlidp.Signature) { s.Key, s.Certificate = signer(k.other), k.other.cert }), fault.SAMLSignatureKey},
		{"another key under our certificate", sig(func(s *samlidp.Signature) { s.Key = signer(k.other) }), fault.SAMLSignatureInvalid},
		{"another key, no KeyInfo", sig(func(s *samlidp.Signature) { s.Key, s.Certificate = signer(k.other), nil }), fault.SAMLSignatureKey},
		{"our own key", sig(func(s *samlidp.Signature) { s.Key, s.Certificate = signer(k.own), k.own.cert }), fault.SAMLSignatureKey},
		{"SHA-1 signature", sig(func(s *samlidp.Signature) { s.Algorithm = nsD + "rsa-sha1" }), fault.SAMLSignatureAlgorithm},
		{"SHA-1 digest", sig(func(s *samlidp.Signature) { s.Digest = nsD + "sha1" }), fault.SAMLSignatureAlgorithm},
		{"HMAC", sig(func(s *samlidp.Signature) { s.Algorithm = nsD + "hmac-sha1" }), fault.SAMLSignatureAlgorithm},
		{"no algorithm", sig(func(s *samlidp.Signature) {
			s.Edit = func(i *E) { i.SelectElement("SignatureMethod").RemoveAttr("Algorithm") }
		}), fault.SAMLSignatureAlgorithm},
		{"MD5 digest", sig(func(s *samlidp.Signature) { s.Digest = "http://www.w3.org/2001/04/xmldsig-more#md5" }), fault.SAMLSignatureAlgorithm},
		{"empty URI", sig(func(s *samlidp.Signature) { s.URI = uri("") }), fault.SAMLSignatureShape},
		{"URI of another element", sig(func(s *samlidp.Signature) { s.URI = uri("#_other") }), fault.SAMLSignatureShape},
		{"external URI", sig(func(s *samlidp.Signature) { s.URI = uri("https://evil.example/x.xml") }), fault.SAMLSignatureShape},
		{"xpointer URI", sig(func(s *samlidp.Signature) { s.URI = uri("#xpointer(/)") }), fault.SAMLSignatureShape},
		{"no URI", sig(func(s *samlidp.Signature) { s.Edit = func(i *E) { i.SelectElement("Reference").RemoveAttr("URI") } }), fault.SAMLSignatureShape},
		{"two References", sig(func(s *samlidp.Signature) {
			s.Edit = func(i *E) { i.AddChild(i.SelectElement("Reference").Copy()) }
		}), fault.SAMLSignatureShape},
		{"no Reference", sig(func(s *samlidp.Signature) {
			s.Edit = func(i *E) { i.RemoveChild(i.SelectElement("Reference")) }
		}), fault.SAMLSignatureShape},
		{"XPath transform", sig(func(s *samlidp.Signature) {
			s.Transforms = []string{nsD + "enveloped-signature", "http://www.w3.org/TR/1999/REC-xpath-19991116", "http://www.w3.org/2001/10/xml-exc-c14n#"}
		}), fault.SAMLSignatureShape},
		{"XSLT transform", sig(func(s *samlidp.Signature) {
			s.Transforms = []string{"http://www.w3.org/TR/1999/REC-xslt-19991116", "http://www.w3.org/2001/10/xml-exc-c14n#"}
		}), fault.SAMLSignatureShape},
		{"base64 transform", sig(func(s *samlidp.Signature) {
			s.Transforms = []string{nsD + "enveloped-signature", nsD + "base64"}
		}), fault.SAMLSignatureShape},
		{"no transforms", sig(func(s *samlidp.Signature) { s.Transforms = []string{} }), fault.SAMLSignatureShape},
		{"inclusive C14N of SignedInfo", sig(func(s *samlidp.Signature) { s.C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315" }), fault.SAMLSignatureShape},
		{"C14N with comments", sig(func(s *samlidp.Signature) { s.C14N = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments" }), fault.SAMLSignatureShape},
		{"SignedInfo in a foreign namespace", sent(func(root *E) {
			i := find(root, "Assertion/Signature/SignedInfo")
			i.Space = "x"
			i.CreateAttr("xmlns:x", "urn:x")
		}), fault.SAMLSignatureShape},
		{"SignatureValue not base64", sent(func(root *E) { find(root, "Assertion/Signature/SignatureValue").SetText("%%%") }), fault.SAMLSignatureShape},
		{"empty SignatureValue", sent(func(root *E) { find(root, "Assertion/Signature/SignatureValue").SetText("") }), fault.SAMLSignatureInvalid},
		{"good Response signature, bad assertion signature", func(w *world, r *R) {
			r.SignAssertion.Key, r.SignAssertion.Certificate = signer(k.other), k.other.cert
			r.SignResponse = w.idp.Signature()
		}, fault.SAMLSignatureKey},
		{"good assertion signature, bad Response signature", func(w *world, r *R) {
			r.SignResponse = &samlidp.Signature{Key: signer(k.other), Certificate: k.other.cert}
		}, fault.SAMLSignatureKey},
		{"Response altered under its signature", func(w *world, r *R) {
			r.SignResponse = w.idp.Signature()
			r.Sent = func(root *E) { root.CreateAttr("Consent", "x") }
		}, fault.SAMLSignatureInvalid},

		// Structure.
		{"DOCTYPE", raw(func(b []byte) []byte { return append([]byte("<!DOCTYPE x>"), b...) }), fault.SAMLXMLForbidden},
		{"entity bomb", raw(func(b []byte) []byte {
			return append([]byte(`<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>`), b...)
		}), fault.SAMLXMLForbidden},
		{"unknown entity", replace("Jane", "&jane;"), fault.SAMLXMLInvalid},
		{"processing instruction", replace("<saml:Subject>", "<?x y?><saml:Subject>"), fault.SAMLXMLForbidden},
		{"late XML declaration", replace("<saml:Subject>", `<?xml version="1.0"?><saml:Subject>`), fault.SAMLXMLForbidden},
		{"two roots", raw(func(b []byte) []byte { return append(b, "<x/>"...) }), fault.SAMLXMLInvalid},
		{"text after the root", raw(func(b []byte) []byte { return append(b, "x"...) }), fault.SAMLXMLInvalid},
		{"without its end", raw(func(b []byte) []byte { return bytes.TrimSuffix(b, []byte("</samlp:Response>")) }), fault.SAMLXMLInvalid},
		{"many namespaces", replace("<saml:Subject>", "<saml:Subject"+declarations(0, 40)+"><saml:Subject"+declarations(40, 40)+">"), fault.SAMLXMLComplex},
		{"cut off", raw(func(b []byte) []byte { return b[:len(b)-1] }), fault.SAMLXMLInvalid},
		{"wrong end tag", replace("</saml:Subject>", "</saml:Object>"), fault.SAMLXMLInvalid},
		{"not UTF-8", replace("Jane", "J\xe4ne"), fault.SAMLXMLInvalid},
		{"another encoding", raw(func(b []byte) []byte { return append([]byte(`<?xml version="1.0" encoding="UTF-16"?>`), b...) }), fault.SAMLXMLInvalid},
		{"NUL", replace("Jane", "J\x00ne"), fault.SAMLXMLInvalid},
		{"undeclared prefix", replace("<saml:Subject>", "<saml:Subject><y:z/>"), fault.SAMLXMLInvalid},
		{"undeclared attribute prefix", replace("<saml:Subject>", `<saml:Subject y:z="1">`), fault.SAMLXMLInvalid},
		{"prefix without name", replace("<saml:Subject>", `<saml:Subject><saml: />`), fault.SAMLXMLInvalid},
		{"xmlns rebound", replace("<saml:Subject>", `<saml:Subject xmlns:xml="urn:x">`), fault.SAMLXMLInvalid},
		{"prefix unbound", replace("<saml:Subject>", `<saml:Subject xmlns:saml="">`), fault.SAMLXMLInvalid},
		{"duplicate attribute", replace("<saml:Subject>", `<saml:Subject a="1" a="2">`), fault.SAMLXMLDuplicate},
		{"duplicate attribute by namespace", replace("<saml:Subject>", `<saml:Subject xmlns:p="urn:x" xmlns:q="urn:x" p:a="1" q:a="2">`), fault.SAMLXMLDuplicate},
		{"duplicate declaration", replace("<saml:Subject>", `<saml:Subject xmlns:p="urn:x" xmlns:p="urn:x">`), fault.SAMLXMLDuplicate},
		{"duplicate ID", sent(func(root *E) { root.SelectElement("Status").CreateAttr("ID", root.SelectAttrValue("ID", "")) }), fault.SAMLXMLDuplicate},
		{"duplicate Id of another spelling", sent(func(root *E) { root.SelectElement("Status").CreateAttr("id", root.SelectAttrValue("ID", "")) }), fault.SAMLXMLDuplicate},
		{"deep nesting", replace("<saml:Subject>", strings.Repeat("<saml:x>", 70)), fault.SAMLXMLComplex},
		{"very deep nesting", replace("<saml:Subject>", strings.Repeat("<saml:x>", 50_000)), fault.SAMLXMLComplex},
		{"many elements", replace("<saml:Subject>", strings.Repeat("<saml:x/>", 10_001)), fault.SAMLXMLComplex},
		{"many attributes", replace("<saml:Subject>", "<saml:Subject"+attributes(65)+">"), fault.SAMLXMLComplex},
		{"many comments", replace("<saml:Subject>", strings.Repeat("<!---->", 30_001)+"<saml:Subject>"), fault.SAMLXMLComplex},
		{"1 MiB", replace("Jane", strings.Repeat("x", 1<<20)), fault.SAMLTooLarge},
		{"10 MB", replace("Jane", strings.Repeat("x", 10<<20)), fault.SAMLTooLarge},
		{"another root", raw(func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte("samlp:Response"), []byte("samlp:LogoutResponse"))
		}), fault.SAMLNotResponse},
		{"Response of a foreign namespace", raw(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte(nsP), []byte("urn:x")) }), fault.SAMLNotResponse},
		{"SAML 1.1", func(_ *world, r *R) { r.Version = "1.1" }, fault.SAMLVersion},
		{"no Version", func(_ *world, r *R) { r.Version = "" }, fault.SAMLVersion},
		{"no ID", func(_ *world, r *R) { r.ID = "" }, fault.SAMLIncomplete},
		{"no IssueInstant", func(_ *world, r *R) { r.IssueInstant = time.Time{} }, fault.SAMLIncomplete},
		{"no assertion", func(_ *world, r *R) { r.NoAssertion = true }, fault.SAMLNoAssertion},
		{"no Status", sent(func(root *E) { root.RemoveChild(root.SelectElement("Status")) }), fault.SAMLIncomplete},
		{"two Statuses", sent(func(root *E) { root.AddChild(root.SelectElement("Status").Copy()) }), fault.SAMLIncomplete},

		// Who and for whom.
		{"assertion's issuer", func(_ *world, r *R) { r.AssertionIssuer = "https://evil.example" }, fault.SAMLIssuer},
		{"Response's issuer", func(_ *world, r *R) { r.Issuer = "https://evil.example" }, fault.SAMLIssuer},
		{"encrypted assertion's issuer", func(_ *world, r *R) {
			r.AssertionIssuer, r.Encrypt = "https://evil.example", &samlidp.Encryption{To: k.own.cert}
		}, fault.SAMLIssuer},
		{"no assertion issuer", func(_ *world, r *R) { r.AssertionIssuer = "" }, fault.SAMLIncomplete},
		{"another audience", func(_ *world, r *R) { r.Audiences = [][]string{{"https://other.example"}} }, fault.SAMLAudience},
		{"one of two restrictions fails", func(_ *world, r *R) { r.Audiences = [][]string{{entityID}, {"https://other.example"}} }, fault.SAMLAudience},
		{"audience of another case", func(_ *world, r *R) { r.Audiences = [][]string{{strings.ToUpper(entityID)}} }, fault.SAMLAudience},
		{"no audience", func(_ *world, r *R) { r.Audiences = nil }, fault.SAMLAudienceMissing},
		{"empty restriction", func(_ *world, r *R) { r.Audiences = [][]string{{}} }, fault.SAMLAudience},
		{"no Conditions", before(func(root *E) { a := root.SelectElement("Assertion"); a.RemoveChild(a.SelectElement("Conditions")) }), fault.SAMLAudienceMissing},
		{"two Conditions", before(func(root *E) { a := root.SelectElement("Assertion"); a.AddChild(a.SelectElement("Conditions").Copy()) }), fault.SAMLIncomplete},
		{"unknown condition", before(func(root *E) { find(root, "Assertion/Conditions").CreateElement("saml:Condition") }), fault.SAMLCondition},
		{"audience of a foreign namespace", before(func(root *E) {
			c := find(root, "Assertion/Conditions")
			c.SelectElement("AudienceRestriction").Space = "x"
			c.CreateAttr("xmlns:x", "urn:x")
		}), fault.SAMLCondition},
		{"destination", func(_ *world, r *R) { r.Destination = callback + "/" }, fault.SAMLDestination},
		{"empty destination", sent(func(root *E) { root.CreateAttr("Destination", "") }), fault.SAMLDestination},
		{"signed without destination", func(w *world, r *R) { r.Destination, r.SignResponse = "", w.idp.Signature() }, fault.SAMLDestination},
		{"recipient", func(_ *world, r *R) { r.Confirmations[0].Recipient = "https://other.example/acs" }, fault.SAMLRecipient},
		{"no recipient", func(_ *world, r *R) { r.Confirmations[0].Recipient = "" }, fault.SAMLRecipient},
		{"no Subject", before(func(root *E) { a := root.SelectElement("Assertion"); a.RemoveChild(a.SelectElement("Subject")) }), fault.SAMLIncomplete},
		{"two Subjects", before(func(root *E) { a := root.SelectElement("Assertion"); a.AddChild(a.SelectElement("Subject").Copy()) }), fault.SAMLIncomplete},
		{"two NameIDs", before(func(root *E) { s := find(root, "Assertion/Subject"); s.AddChild(s.SelectElement("NameID").Copy()) }), fault.SAMLIncomplete},
		{"no confirmation", func(_ *world, r *R) { r.Confirmations = nil }, fault.SAMLConfirmation},
		{"no bearer", func(_ *world, r *R) { r.Confirmations[0].Method = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches" }, fault.SAMLConfirmation},
		{"no confirmation data", before(func(root *E) {
			c := find(root, "Assertion/Subject/SubjectConfirmation")
			c.RemoveChild(c.SelectElement("SubjectConfirmationData"))
		}), fault.SAMLConfirmation},
		{"InResponseTo of another login", func(_ *world, r *R) { r.InResponseTo = request(2).MessageID }, fault.SAMLInResponseTo},
		{"no InResponseTo", func(_ *world, r *R) { r.InResponseTo = "" }, fault.SAMLInResponseTo},
		{"InResponseTo of another login inside", func(_ *world, r *R) { r.Confirmations[0].InResponseTo = request(2).MessageID }, fault.SAMLInResponseTo},
		{"no InResponseTo inside", func(_ *world, r *R) { r.Confirmations[0].InResponseTo = "" }, fault.SAMLInResponseTo},

		// When.
		{"confirmation expired", func(_ *world, r *R) { r.Confirmations[0].NotOnOrAfter = now.Add(-time.Minute) }, fault.SAMLExpired},
		{"confirmation without end", func(_ *world, r *R) { r.Confirmations[0].NotOnOrAfter = time.Time{} }, fault.SAMLConfirmation},
		{"confirmation of the future", func(_ *world, r *R) { r.Confirmations[0].NotBefore = now.Add(2 * time.Minute) }, fault.SAMLNotYetValid},
		{"conditions expired", func(_ *world, r *R) { r.NotOnOrAfter = now.Add(-time.Minute) }, fault.SAMLExpired},
		{"conditions of the future", func(_ *world, r *R) { r.NotBefore = now.Add(61 * time.Second) }, fault.SAMLNotYetValid},
		{"conditions with a bad time", before(func(root *E) { find(root, "Assertion/Conditions").CreateAttr("NotOnOrAfter", "tomorrow") }), fault.SAMLIncomplete},
		{"conditions with a bad begin", before(func(root *E) { find(root, "Assertion/Conditions").CreateAttr("NotBefore", "x") }), fault.SAMLIncomplete},
		{"issued long ago", func(_ *world, r *R) { r.IssueInstant = now.Add(-2 * time.Hour) }, fault.SAMLTimeZone},
		{"assertion issued long ago", before(func(root *E) { root.SelectElement("Assertion").CreateAttr("IssueInstant", "2026-11-21T10:00:00Z") }), fault.SAMLExpired},
		{"assertion without IssueInstant", before(func(root *E) { root.SelectElement("Assertion").RemoveAttr("IssueInstant") }), fault.SAMLIncomplete},
		{"assertion of another version", before(func(root *E) { root.SelectElement("Assertion").CreateAttr("Version", "1.1") }), fault.SAMLVersion},
		{"issued in the future", func(_ *world, r *R) { r.IssueInstant = now.Add(2 * time.Minute) }, fault.SAMLClock},
		{"session over", func(_ *world, r *R) { r.SessionNotOnOrAfter = now.Add(-2 * time.Minute) }, fault.SAMLSessionExpired},
		{"session end unreadable", before(func(root *E) { find(root, "Assertion/AuthnStatement").CreateAttr("SessionNotOnOrAfter", "x") }), fault.SAMLIncomplete},
		{"no AuthnStatement", func(_ *world, r *R) { r.AuthnInstant = time.Time{} }, fault.SAMLAuthnStatement},
		{"no AuthnInstant", before(func(root *E) { find(root, "Assertion/AuthnStatement").RemoveAttr("AuthnInstant") }), fault.SAMLAuthnStatement},
		{"AuthnInstant of the future", func(_ *world, r *R) { r.AuthnInstant = now.Add(time.Hour) }, fault.SAMLNotYetValid},

		// What the provider says itself.
		{"AuthnFailed", status("Responder", "AuthnFailed"), fault.SAMLAuthnFailed},
		{"NoAuthnContext", status("Responder", "NoAuthnContext"), fault.SAMLNoAuthnContext},
		{"InvalidNameIDPolicy", status("Requester", "InvalidNameIDPolicy"), fault.SAMLNameIDPolicy},
		{"NoPassive", status("Responder", "NoPassive"), fault.SAMLNoPassive},
		{"RequestDenied", status("Responder", "RequestDenied"), fault.SAMLRequestDenied},
		{"RequestUnsupported", status("Requester", "RequestUnsupported"), fault.SAMLRequestUnsupported},
		{"UnknownPrincipal", status("Responder", "UnknownPrincipal"), fault.SAMLUnknownPrincipal},
		{"bare Responder", status("Responder", ""), fault.SAMLStatus},
		{"an error with an assertion in it", func(_ *world, r *R) { r.Status = "Responder" }, fault.SAMLStatus},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			r := w.answer()
			row.lie(w, &r)
			f := w.refuses(r, row.want)
			if e := fault.Lookup(f.Code); e.Cause == "" || e.Fix == "" {
				t.Errorf("%s is not in the catalogue", f.Code)
			}
		})
	}
}

func status(top, nested string) func(*world, *samlidp.Response) {
	return func(_ *world, r *samlidp.Response) {
		r.NoAssertion, r.Status, r.NestedStatus, r.StatusMessage = true, top, nested, "what happened"
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d=""`, i)
	}
	return b.String()
}

func declarations(from, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` xmlns:n%d="urn:x"`, from+i)
	}
	return b.String()
}

func TestFinishReportsWhatItCompared(t *testing.T) {
	w := newWorld(t, nil)
	r := w.answer()
	r.Audiences = [][]string{{callback}}
	f := w.refuses(r, fault.SAMLSwapped)
	if f.Observed != callback || f.Expected != entityID || !strings.Contains(f.Fix, callback) || !strings.Contains(f.Fix, entityID) {
		t.Errorf("%+v", f)
	}
	r = w.answer()
	r.IssueInstant, r.NotBefore = now.Add(3*time.Hour), now.Add(3*time.Hour)
	if f = w.refuses(r, fault.SAMLTimeZone); !strings.Contains(f.Detail, "3h0m0s fast (a time zone") {
		t.Errorf("%q", f.Detail)
	}
	r = w.answer()
	r.Issuer, r.AssertionIssuer = "http://idp.example/metadata", "http://idp.example/metadata"
	if f = w.refuses(r, fault.SAMLIssuer); f.Confidence != fault.Proved {
		t.Errorf("%+v", f)
	}
	r.SignAssertion.Key = signer(keys().other)
	if f = w.refuses(r, fault.SAMLIssuer); f.Confidence != fault.Likely {
		t.Errorf("%+v", f)
	}
	r = w.answer()
	r.NoAssertion, r.Status, r.NestedStatus, r.StatusMessage = true, "Requester", "InvalidNameIDPolicy", "MSIS7070"
	if f = w.refuses(r, fault.SAMLNameIDPolicy); f.Detail != "Requester/InvalidNameIDPolicy: MSIS7070" {
		t.Errorf("%q", f.Detail)
	}
}

// TestCommentsDoNotCutValues: the value of a text with a comment in it is the whole text, as signed.
func TestCommentsDoNotCutValues(t *testing.T) {
	w := newWorld(t, nil)
	r := w.answer()
	r.NameID = "admin@acme.example.evil.example"
	r.Raw = func(b []byte) []byte {
		return bytes.Replace(b, []byte("admin@acme.example.evil.example<"), []byte("admin@acme.example<!-- x -->.evil.example<"), 1)
	}
	id, err := w.finish(r)
	if err != nil || id.Subject != "admin@acme.example.evil.example" {
		t.Errorf("%q, %v", id.Subject, err)
	}
}

func TestKeysAndAlgorithms(t *testing.T) {
	k := keys()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecCert := samlidp.NewCertificate(ec, "EC", now, now.AddDate(1, 0, 0))
	expired := samlidp.NewCertificate(signer(k.idp), "expired", now.AddDate(-3, 0, 0), now.AddDate(-1, 0, 0))
	const more, more07 = "http://www.w3.org/2001/04/xmldsig-more#", "http://www.w3.org/2007/05/xmldsig-more#"
	for _, row := range []struct {
		name  string
		certs [][]byte
		sign  samlidp.Signature
		sha1  bool
		want  fault.Code
	}{
		{name: "RSA-SHA384", sign: samlidp.Signature{Algorithm: more + "rsa-sha384", Digest: more + "sha384"}},
		{name: "RSA-SHA512", sign: samlidp.Signature{Algorithm: more + "rsa-sha512", Digest: "http://www.w3.org/2001/04/xmlenc#sha512"}},
		{name: "RSA-PSS", sign: samlidp.Signature{Algorithm: more07 + "sha256-rsa-MGF1"}},
		{name: "RSA-PSS SHA-512", sign: samlidp.Signature{Algorithm: more07 + "sha512-rsa-MGF1"}},
		{name: "ECDSA", certs: [][]byte{ecCert}, sign: samlidp.Signature{Key: ec, Algorithm: more + "ecdsa-sha256"}},
		{name: "ECDSA key under an RSA algorithm", certs: [][]byte{ecCert}, sign: samlidp.Signature{Key: ec}, want: fault.SAMLSignatureKey},
		{name: "SHA-1 where allowed", sha1: true, sign: samlidp.Signature{Algorithm: nsD + "rsa-sha1", Digest: nsD + "sha1"}},
		{name: "RSA-1024", certs: [][]byte{k.weak.cert}, sign: samlidp.Signature{Key: signer(k.weak), Certificate: k.weak.cert}, want: fault.SAMLSignatureWeak},
		{name: "second certificate, no KeyInfo", certs: [][]byte{k.other.cert, k.idp.cert}},
		{name: "expired certificate", certs: [][]byte{expired}},
		{name: "InclusiveNamespaces", sign: samlidp.Signature{Inclusive: "xs"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var pems []string
			for _, c := range row.certs {
				pems = append(pems, samlidp.PEM(c))
			}
			w := newWorld(t, settings{"certificates": pems, "allow_sha1": row.sha1})
			r := w.answer()
			if row.sign.Key == nil {
				row.sign.Key = signer(k.idp)
			}
			r.SignAssertion = &row.sign
			if row.want != "" {
				w.refuses(r, row.want)
			} else if _, err := w.finish(r); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestUnsolicited(t *testing.T) {
	for _, on := range []bool{false, true} {
		w := newWorld(t, settings{"idp_initiated": on})
		solicited := w.answer()
		w.request.Handle, w.request.MessageID = "", ""
		r := w.answer()
		reply := posted(w.idp.Respond(r), "https://app.example/start")
		id, err := w.provider.Finish(t.Context(), w.request, reply)
		if !on {
			refused(t, id, err, fault.SAMLUnsolicited)
		} else if err != nil || !id.Unsolicited || id.RelayState != "https://app.example/start" {
			t.Errorf("%+v, %v", id, err)
		}
		w.refuses(solicited, fault.SAMLInResponseTo)
		// An answer whose Response hides that its assertion was asked for.
		solicited.InResponseTo = ""
		if on {
			w.refuses(solicited, fault.SAMLInResponseTo)
		}
		w.request = request(1)
		w.refuses(r, fault.SAMLInResponseTo)
	}
}

func TestHowItArrives(t *testing.T) {
	w := newWorld(t, nil)
	good := w.idp.Respond(w.answer())
	get := posted(good, "")
	get.Method, get.Query, get.Form = "GET", get.Form, nil
	id, err := w.provider.Finish(t.Context(), w.request, get)
	refused(t, id, err, fault.SAMLBinding)
	id, err = w.provider.Finish(t.Context(), w.request, posted("", ""))
	refused(t, id, err, fault.SAMLXMLInvalid)
	twice := posted(good, "")
	twice.Form["SAMLResponse"] = []string{good, good}
	id, err = w.provider.Finish(t.Context(), w.request, twice)
	refused(t, id, err, fault.SAMLXMLDuplicate)
	twice.Form = url.Values{}
	id, err = w.provider.Finish(t.Context(), w.request, twice)
	refused(t, id, err, fault.LoginNoMessage)
	id, err = w.finishRaw("%%%")
	refused(t, id, err, fault.SAMLEncoding)
	for _, s := range []string{wrapped(good), strings.TrimRight(good, "="), base64.StdEncoding.EncodeToString(append([]byte("\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"), must(base64.StdEncoding.DecodeString(good))...))} {
		if _, err := w.finishRaw(s); err != nil {
			t.Error(err)
		}
	}
}

// wrapped breaks base64 into lines, as some products do.
func wrapped(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\r\n")
		s = s[76:]
	}
	return b.String() + s
}

func TestForcedAuthnMustBeFresh(t *testing.T) {
	w := newWorld(t, nil)
	w.request.ForceAuthn = true
	r := w.answer()
	if _, err := w.finish(r); err != nil {
		t.Error(err)
	}
	r.AuthnInstant = now.Add(-time.Hour)
	w.refuses(r, fault.LoginUpstreamStale)
}

// TestBadAnswersAreCheap: no answer costs more than 50 ms of CPU. Tokenising a megabyte takes about half of that on a
// plain machine, so this is the yardstick, which holds on a busy machine too.
func TestBadAnswersAreCheap(t *testing.T) {
	w := newWorld(t, nil)
	open := `<samlp:Response xmlns:samlp="` + nsP + `"`
	for name, doc := range map[string]string{
		"attributes":  open + attributes(90_000) + "/>",
		"elements":    open + ">" + strings.Repeat("<a/>", 200_000) + "</samlp:Response>",
		"comments":    open + ">" + strings.Repeat("<!---->", 140_000) + "</samlp:Response>",
		"text":        open + ">" + strings.Repeat("&lt;", 250_000) + "</samlp:Response>",
		"namespaces":  open + ">" + strings.Repeat(`<a xmlns:b="c" xmlns:d="e">`, 30) + strings.Repeat("<b:a/>", 9_000) + strings.Repeat("</a>", 30) + "</samlp:Response>",
		"attr values": open + ` a="` + strings.Repeat("&#65;", 200_000) + `"/>`,
	} {
		t.Run(name, func(t *testing.T) {
			s := base64.StdEncoding.EncodeToString([]byte(doc))
			alone := best(func() {
				for d := xml.NewDecoder(strings.NewReader(doc)); ; {
					if _, err := d.RawToken(); err != nil {
						return
					}
				}
			})
			gate := best(func() {
				if _, err := w.finishRaw(s); err == nil {
					t.Fatal("accepted")
				}
			})
			t.Logf("%s, tokenising alone %s", gate, alone)
			if gate > 10*alone+2*time.Second { // quadratic work would take minutes; how fast it is, the benchmarks tell
				t.Errorf("took %s", gate)
			}
		})
	}
}

// best is the shortest of a few runs.
func best(f func()) time.Duration {
	shortest := time.Hour
	for range 4 {
		start := time.Now()
		f()
		shortest = min(shortest, time.Since(start))
	}
	return shortest
}
