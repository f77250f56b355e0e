package saml_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/samlidp"
	"cloakroom/providers/saml"
)

// certificate wraps a key in a certificate with a name.
func certificate(k keyPair, name string, from time.Time) []byte {
	return samlidp.NewCertificate(signer(k), name, from, from.AddDate(3, 0, 0))
}

// alternatives are the codes that a fault leaves open.
func alternatives(f *fault.Error) (out []fault.Code) {
	for _, a := range f.Alternatives {
		if a.Question == "" {
			panic(a.Code)
		}
		out = append(out, a.Code)
	}
	return out
}

// TestUnknownKey: SAML-05, CERT-03 and CERT-05 look alike in a message and are told apart by what is known besides.
func TestUnknownKey(t *testing.T) {
	k := keys()
	adfs := certificate(k.idp, "ADFS Signing - sts.acme.example", now.AddDate(-1, 0, 0))
	next := certificate(k.other, "ADFS Signing - sts.acme.example", now.AddDate(0, 0, -1))
	encryption := certificate(k.idp, "ADFS Encryption - sts.acme.example", now.AddDate(-1, 0, 0))
	manual := func(preset string, der []byte) settings {
		return settings{"metadata_xml": "", "entity_id": "https://idp.example/metadata", "sso_url": "https://idp.example/sso", "certificates": []string{pemOf(der)}, "preset": preset}
	}
	for _, row := range []struct {
		name     string
		settings settings
		signs    []byte // certificate of the other key
		want     fault.Code
		sure     fault.Confidence
		also     fault.Code
		label    string
	}{
		{"CERT-05", manual("adfs", adfs), next, fault.SAMLKeyRolledOver, fault.Likely, fault.SAMLSignatureKey, "Token-signing"},
		{"CERT-03", manual("adfs", encryption), next, fault.SAMLCertNotSigning, fault.Likely, fault.SAMLKeyRolledOver, "Token-signing"},
		{"another application", manual("okta", adfs), certificate(k.other, "someone else", now), fault.SAMLSignatureKey, fault.Likely, fault.SAMLKeyRolledOver, "X.509 Certificate"},
		{"an older one of the same name", manual("entra", adfs), adfsOf(k.other), fault.SAMLKeyInactive, fault.Likely, fault.SAMLMetadataTenant, "Certificate (Base64)"},
		{"entered by hand before the metadata's", settings{"certificates": []string{pemOf(k.weak.cert)}}, k.idp.cert, fault.SAMLKeyRolledOver, fault.Proved, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, row.settings)
			r := w.answer()
			r.SignAssertion = &samlidp.Signature{Key: signer(k.other), Certificate: row.signs}
			if slices.Equal(row.signs, k.idp.cert) {
				r.SignAssertion = w.idp.Signature()
			}
			f := w.refuses(r, row.want)
			if f.Confidence != row.sure || row.also != "" && !slices.Contains(alternatives(f), row.also) {
				t.Errorf("%s, %v", f.Confidence, f.Alternatives)
			}
			if row.label != "" && (!strings.Contains(f.Fix, row.label) || !slices.Contains(f.Labels, row.label)) {
				t.Errorf("fix %q, labels %q", f.Fix, f.Labels)
			}
		})
	}
	t.Run("the key is not the one named either", func(t *testing.T) {
		w := newWorld(t, nil)
		r := w.answer()
		r.SignAssertion = &samlidp.Signature{Key: signer(k.weak), Certificate: k.other.cert}
		if f := w.refuses(r, fault.SAMLSignatureKey); f.Confidence != fault.Guess || !slices.Contains(alternatives(f), fault.SAMLSignatureInvalid) {
			t.Errorf("%+v", f)
		}
	})
	t.Run("SAML-05", func(t *testing.T) {
		w := newWorld(t, nil)
		s := w.settings(settings{"preset": "entra", "metadata_url": "https://login.microsoftonline.com/acme/federationmetadata/2007-06/federationmetadata.xml"})
		s.HTTP = serving(string(w.idp.Metadata()))
		w.provider = must(saml.New().Open(s))
		r := w.answer()
		r.SignAssertion = &samlidp.Signature{Key: signer(k.other), Certificate: k.other.cert}
		f := w.refuses(r, fault.SAMLMetadataTenant)
		if f.Confidence != fault.Proved || !strings.Contains(f.Fix, "App Federation Metadata Url") {
			t.Errorf("%+v", f)
		}
	})
}

func adfsOf(k keyPair) []byte {
	return certificate(k, "ADFS Signing - sts.acme.example", now.AddDate(-2, 0, 0))
}

// TestEncryptedToWhom: CERT-11 and SAML-22 are told apart by the certificate that the sender says it used.
func TestEncryptedToWhom(t *testing.T) {
	old := certificate(keys().other, "Demo identity provider", now.AddDate(-1, 0, 0))
	for _, row := range []struct {
		name string
		to   samlidp.Encryption
		want fault.Code
	}{
		{"an earlier one of ours", samlidp.Encryption{To: old, NameRecipient: true}, fault.SAMLDecryptionOld},
		{"somebody's", samlidp.Encryption{To: certificate(keys().other, "x", now), NameRecipient: true}, fault.SAMLDecryptionForeign},
		{"nobody knows whose", samlidp.Encryption{To: old}, fault.SAMLDecryption},
	} {
		w := newWorld(t, settings{"preset": "adfs"})
		r := w.answer()
		r.Encrypt = &row.to
		f := w.refuses(r, row.want)
		if !strings.Contains(f.Fix, "Encryption (the trust's properties)") {
			t.Errorf("%s: %q", row.name, f.Fix)
		}
		if e := w.provider.(providers.Explainer).Explain(context.Background(), w.request, posted(w.idp.Respond(r), "")); checkOf(e, "decrypt") != "failed" {
			t.Errorf("%s: %v", row.name, e.Checks)
		}
	}
	// AD FS names issuer and serial number instead.
	cert := must(x509.ParseCertificate(old))
	for issuer, want := range map[string]fault.Code{"CN=Demo identity provider": fault.SAMLDecryptionOld, "CN=Demo identity provider 2, O=x": fault.SAMLDecryptionForeign} {
		w := newWorld(t, nil)
		r := w.answer()
		r.Encrypt = &samlidp.Encryption{To: old, NameRecipient: true}
		r.Sent = func(root *etree.Element) {
			data := root.FindElement("//EncryptedKey/KeyInfo/X509Data")
			data.Child = nil
			is := data.CreateElement(data.Space + ":X509IssuerSerial")
			is.CreateElement(data.Space + ":X509IssuerName").SetText(issuer)
			is.CreateElement(data.Space + ":X509SerialNumber").SetText(cert.SerialNumber.String())
		}
		if f := w.refuses(r, want); !strings.Contains(f.Observed, cert.SerialNumber.String()) {
			t.Errorf("%+v", f)
		}
	}
}

// TestClocks: TIME-02, TIME-03 and SAML-40 are told apart, and by how much a clock is off.
func TestClocks(t *testing.T) {
	shift := func(d time.Duration) func(*world, *samlidp.Response) {
		return func(_ *world, r *samlidp.Response) {
			r.IssueInstant, r.NotBefore, r.NotOnOrAfter, r.AuthnInstant = r.IssueInstant.Add(d), r.NotBefore.Add(d), r.NotOnOrAfter.Add(d), r.AuthnInstant.Add(d)
			r.SessionNotOnOrAfter, r.Confirmations[0].NotOnOrAfter = r.SessionNotOnOrAfter.Add(d), r.Confirmations[0].NotOnOrAfter.Add(d)
		}
	}
	for _, row := range []struct {
		name string
		lie  func(*world, *samlidp.Response)
		want fault.Code
		says string
	}{
		{"TIME-02 fast", shift(4 * time.Minute), fault.SAMLClock, "4m0s fast"},
		{"TIME-02 slow", shift(-90 * time.Minute), fault.SAMLClock, "1h29m59s slow"},
		{"TIME-03 west", shift(-5 * time.Hour), fault.SAMLTimeZone, "5h0m0s slow (a time zone's difference"},
		{"TIME-03 east, with drift", shift(2*time.Hour + 20*time.Second), fault.SAMLTimeZone, "2h0m0s fast (a time zone's difference"},
		{"TIME-03, India's", shift(-5*time.Hour - 30*time.Minute), fault.SAMLTimeZone, "5h30m0s slow (a time zone's difference"},
		{"no zone is 20 hours off", shift(20 * time.Hour), fault.SAMLClock, "20h0m0s fast"},
		{"SAML-40: kept", func(w *world, _ *samlidp.Response) { w.now = now.Add(3 * time.Hour) }, fault.SAMLExpired, "the answer was kept"},
		{"a short validity", func(_ *world, r *samlidp.Response) {
			r.NotOnOrAfter = now.Add(-2 * time.Minute)
		}, fault.SAMLExpired, "agrees with ours"},
		{"valid later", func(_ *world, r *samlidp.Response) { r.NotBefore = now.Add(5 * time.Minute) }, fault.SAMLNotYetValid, "agrees with ours"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, nil)
			r := w.answer()
			row.lie(w, &r)
			message := w.idp.Respond(r)
			id, err := w.finishRaw(message)
			f := refused(t, id, err, row.want)
			if !strings.Contains(f.Detail, row.says) || f.Confidence != fault.Likely {
				t.Errorf("%s: %q", f.Confidence, f.Detail)
			}
			e := w.provider.(providers.Explainer).Explain(context.Background(), w.request, posted(message, w.request.Handle))
			first := fault.As(e.Findings[0].Err)
			if proved := row.want == fault.SAMLClock || row.want == fault.SAMLTimeZone; first.Code != row.want || proved && first.Confidence != fault.Proved || checkOf(e, "time") != "failed" {
				t.Errorf("report: %+v", first)
			}
		})
	}
	w := newWorld(t, nil)
	w.now = now.Add(24 * time.Hour)
	old := newWorld(t, nil)
	e := w.provider.(providers.Explainer).Inspect(context.Background(), providers.Sample{SAMLResponse: old.idp.Respond(old.answer())})
	if f := fault.As(e.Findings[0].Err); f.Code != fault.SAMLExpired || !slices.Contains(alternatives(f), fault.SAMLClock) {
		t.Errorf("a sample of yesterday: %+v", f)
	}
}

// TestMisdirected: where an answer made out to the wrong address or audience was meant for.
func TestMisdirected(t *testing.T) {
	const globex = "https://sso.example/broker/globex/"
	for _, row := range []struct {
		name string
		lie  func(*samlidp.Response)
		want fault.Code
		says string
	}{
		{"SAML-08 destination", func(r *samlidp.Response) { r.Destination = globex + "endpoint" }, fault.SAMLDestination, "another connection here: globex"},
		{"SAML-08 recipient", func(r *samlidp.Response) { r.Confirmations[0].Recipient = globex + "endpoint" }, fault.SAMLRecipient, "another connection here: globex"},
		{"the other's audience", func(r *samlidp.Response) { r.Audiences = [][]string{{globex + "metadata"}} }, fault.SAMLAudience, "another connection here: globex"},
		{"SAML-07 audience", func(r *samlidp.Response) { r.Audiences = [][]string{{callback}} }, fault.SAMLSwapped, ""},
		{"SAML-07 recipient", func(r *samlidp.Response) { r.Confirmations[0].Recipient = entityID }, fault.SAMLSwapped, ""},
		{"almost", func(r *samlidp.Response) { r.Audiences = [][]string{{entityID + "/"}} }, fault.SAMLAudience, ""},
		{"another directory", func(r *samlidp.Response) {
			r.Issuer = "https://sts.windows.net/aaaa/"
			r.AssertionIssuer = r.Issuer
		}, fault.SAMLIssuer, "that of the directory aaaa"},
	} {
		w := newWorld(t, settings{"preset": "okta"})
		if row.want == fault.SAMLIssuer {
			w.idp.EntityID = "https://sts.windows.net/bbbb/"
			w.provider = w.open(map[string]any{"metadata_xml": string(w.idp.Metadata()), "preset": "entra"})
		}
		r := w.answer()
		row.lie(&r)
		message := w.idp.Respond(r)
		id, err := w.finishRaw(message)
		f := refused(t, id, err, row.want)
		if !strings.Contains(f.Detail, row.says) {
			t.Errorf("%s: %q", row.name, f.Detail)
		}
		if row.want == fault.SAMLSwapped && (!strings.Contains(f.Fix, "Single sign-on URL to exactly "+callback) || f.Confidence != fault.Proved) {
			t.Errorf("%s: %+v", row.name, f)
		}
		e := w.provider.(providers.Explainer).Explain(context.Background(), w.request, posted(message, w.request.Handle))
		if e.Identity == nil || fault.CodeOf(e.Findings[0].Err) != row.want {
			t.Errorf("%s: report %v", row.name, codes(e))
		}
	}
}

// TestStatuses: what an identity provider says instead of an assertion, with what only we know of our request.
func TestStatuses(t *testing.T) {
	for _, row := range []struct {
		name              string
		settings          settings
		top, nested, says string
		want              fault.Code
		sure              fault.Confidence
		also              fault.Code
		fix               string
	}{
		{"SAML-16", settings{"preset": "adfs"}, "Requester", "InvalidNameIDPolicy", "", fault.SAMLNameIDPolicy, fault.Likely, fault.SAMLNoEmail, "Transform an Incoming Claim"},
		{"SAML-16, our format", settings{"preset": "adfs", "name_id_format": "urn:x"}, "Requester", "InvalidNameIDPolicy", "", fault.SAMLNameIDPolicy, fault.Likely, fault.SAMLNameIDForced, "Transform an Incoming Claim"},
		{"SAML-19", settings{"requested_authn_context": []string{"urn:x"}}, "Responder", "NoAuthnContext", "", fault.SAMLNoAuthnContext, "", "", ""},
		{"not our context", nil, "Responder", "NoAuthnContext", "", fault.SAMLNoAuthnContext, fault.Likely, fault.IdPPolicy, "no particular way"},
		{"SAML-47", settings{"preset": "adfs"}, "Responder", "RequestDenied", "", fault.SAMLRequestDenied, fault.Likely, fault.IdPNotAssigned, "Edit Access Control Policy"},
		{"SAML-50", settings{"preset": "entra"}, "Requester", "RequestUnsupported", "AADSTS75016: NameIDPolicy", fault.SAMLRequestUnsupported, "", "", "Name ID format"},
		{"SAML-49 AD FS says nothing", settings{"preset": "adfs"}, "Responder", "", "", fault.SAMLStatus, fault.Guess, fault.SAMLRequestSigning, ""},
		{"first-level code", nil, "AuthnFailed", "", "", fault.SAMLAuthnFailed, fault.Likely, fault.IdPNotAssigned, ""},
		{"refused in words", settings{"preset": "entra"}, "Responder", "AuthnFailed", "AADSTS50105: not assigned", fault.IdPNotAssigned, fault.Proved, "", "Users and groups"},
		{"SAML-04 in words", settings{"preset": "entra"}, "Responder", "", "AADSTS50105: not assigned", fault.IdPNotAssigned, fault.Proved, "", "Users and groups"},
		{"passive in words", settings{"preset": "entra"}, "Responder", "", "AADSTS50058: nobody", fault.SAMLNoPassive, "", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, row.settings)
			r := w.answer()
			r.NoAssertion, r.Status, r.NestedStatus, r.StatusMessage = true, row.top, row.nested, row.says
			f := w.refuses(r, row.want)
			if f.Confidence != row.sure || row.also != "" && !slices.Contains(alternatives(f), row.also) || !strings.Contains(f.Fix, row.fix) {
				t.Errorf("%+v", f)
			}
			e := w.provider.(providers.Explainer).Explain(context.Background(), w.request, posted(w.idp.Respond(r), w.request.Handle))
			if checkOf(e, "status") != "failed" || checkOf(e, "subject") != "not_reached" {
				t.Errorf("%v", e.Checks)
			}
		})
	}
}

// TestUnsolicitedByOurOwnAddress: SAML-31 looks like SAML-38, and is told by the connection's own sign-on address.
func TestUnsolicitedByOurOwnAddress(t *testing.T) {
	for address, want := range map[string]fault.Code{
		"https://idp.example/sso": fault.SAMLUnsolicited, "https://ping.example:9031/idp/startSSO.ping?PartnerSpId=x": fault.SAMLSSOShape, "https://acme.okta.com/home/app/0oa1/2": fault.SAMLSSOShape,
	} {
		w := newWorld(t, settings{"sso_url": address, "preset": "okta"})
		w.request = providers.Request{CallbackURL: callback}
		r := w.idp.Answer(w.sp, callback, "", jane)
		f := w.refuses(r, want)
		if want == fault.SAMLUnsolicited && !strings.Contains(f.Fix, "Bookmark App") {
			t.Errorf("%q", f.Fix)
		}
		if e := w.provider.(providers.Explainer).Explain(context.Background(), w.request, posted(w.idp.Respond(r), "")); fault.CodeOf(e.Findings[0].Err) != want || e.Identity == nil {
			t.Errorf("%v", codes(e))
		}
	}
}

// TestSaidOfThePerson: what a report remarks on an answer that is good as such.
func TestSaidOfThePerson(t *testing.T) {
	for _, row := range []struct {
		name, preset string
		lie          func(*samlidp.Response)
		want         []fault.Code
		label        string
	}{
		{"all well", "okta", func(*samlidp.Response) {}, nil, ""},
		{"SAML-41", "keycloak", func(r *samlidp.Response) {
			r.NameID, r.NameIDFormat, r.Attributes = "jane", "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified", []samlidp.Attribute{{Name: "Role", Values: []string{"a"}}}
		}, []fault.Code{fault.SAMLNoEmail}, "User Property"},
		{"SAML-29", "onelogin", func(r *samlidp.Response) {
			r.NameID, r.Attributes = "42", []samlidp.Attribute{{Name: "User.FirstName", Values: []string{"Jane"}}}
		}, []fault.Code{fault.SAMLNoEmail}, "Include in SAML assertion"},
		{"SAML-34, SAML-44", "entra", func(r *samlidp.Response) {
			r.NameID, r.Attributes = "jane_partner.example#EXT#@acme.onmicrosoft.example", []samlidp.Attribute{{Name: "name", Values: []string{"Jane"}}}
		}, []fault.Code{fault.SAMLGuest, fault.SAMLNoEmail}, "Unique User Identifier (Name ID)"},
		{"SAML-46", "entra", func(r *samlidp.Response) { r.NameIDFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" }, []fault.Code{fault.SAMLNameIDPairwise}, "Unique User Identifier (Name ID)"},
		{"transient", "shibboleth", func(r *samlidp.Response) { r.NameIDFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" }, []fault.Code{fault.SAMLNameIDTransient}, "saml-nameid.xml"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, settings{"preset": row.preset})
			r := w.answer()
			row.lie(&r)
			if _, err := w.finish(r); err != nil {
				t.Fatal(err)
			}
			e := w.provider.(providers.Explainer).Explain(context.Background(), w.request, posted(w.idp.Respond(r), w.request.Handle))
			if got := codes(e); !slices.Equal(got, row.want) || !e.OK() {
				t.Fatalf("%v, want %v", got, row.want)
			}
			for _, f := range e.Findings[:min(1, len(e.Findings))] {
				if !strings.Contains(fault.As(f.Err).Fix, row.label) || f.Severity != "warning" {
					t.Errorf("%s %q", f.Severity, fault.As(f.Err).Fix)
				}
			}
		})
	}
	w := newWorld(t, settings{"preset": "adfs"})
	r := w.answer()
	r.NameID, r.Attributes = "", nil
	if f := w.refuses(r, fault.SAMLNothingSaid); !strings.Contains(f.Fix, "Send LDAP Attributes as Claims") {
		t.Errorf("SAML-17: %q", f.Fix)
	}
	e := w.provider.(providers.Explainer).Explain(context.Background(), w.request, posted(w.idp.Respond(w.answer()), "lost"))
	if got := codes(e); !slices.Equal(got, []fault.Code{fault.SAMLRelayState}) || !e.OK() {
		t.Errorf("SAML-49: %v", got)
	}
}

// TestLint: what the documents and settings tell without asking anybody.
func TestLint(t *testing.T) {
	k := keys()
	base := newWorld(t, nil)
	good := string(base.idp.Metadata())
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	entity := func(attributes string) string {
		return with("<md:EntityDescriptor", "<md:EntityDescriptor "+attributes)
	}
	manual := func(name, address string) settings {
		return settings{"metadata_xml": "", "entity_id": name, "sso_url": address, "certificates": []string{pemOf(k.idp.cert)}}
	}
	cert := func(der []byte) settings {
		return settings{"metadata_xml": "", "entity_id": "x", "sso_url": "https://idp.example/sso", "certificates": []string{pemOf(der)}}
	}
	other := samlidp.PEM(k.other.cert)
	for _, row := range []struct {
		name     string
		settings settings
		want     []fault.Code // errors and warnings
	}{
		{"good", nil, nil},
		{"CERT-09", settings{"metadata_xml": entity(`validUntil="2026-11-25T00:00:00Z"`)}, []fault.Code{fault.SAMLMetadataEnding}},
		{"a copy that should be read again", settings{"metadata_xml": entity(`cacheDuration="PT6H"`)}, []fault.Code{fault.SAMLMetadataStatic}},
		{"Entra's template", settings{"metadata_xml": strings.ReplaceAll(good, "https://idp.example/metadata", "https://sts.windows.net/{tenant}/")}, []fault.Code{fault.SAMLMetadataPlaceholder}},
		{"another certificate by hand", settings{"certificates": []string{other}}, []fault.Code{fault.SAMLManualDiffers}},
		{"another address by hand", settings{"sso_url": "https://idp.example/other"}, []fault.Code{fault.SAMLManualDiffers}},
		{"SAML-43", settings{"metadata_xml": strings.Replace(good, `bindings:HTTP-Redirect" Location="https://idp.example/sso"`, `bindings:HTTP-Redirect" Location="https://idp.example/get"`, 1), "sso_url": "https://idp.example/sso"}, []fault.Code{fault.SAMLSSOBinding}},
		{"swapped, by the metadata", settings{"sso_url": "https://idp.example/metadata"}, []fault.Code{fault.SAMLTheirsSwapped, fault.SAMLManualDiffers}},
		{"swapped, Okta", manual("https://acme.okta.com/app/x/exk1/sso/saml", "http://www.okta.com/exk1"), []fault.Code{fault.SAMLTheirsSwapped}},
		{"swapped, Entra", manual("https://login.microsoftonline.com/t/saml2", "https://sts.windows.net/t/"), []fault.Code{fault.SAMLTheirsSwapped}},
		{"swapped, AD FS", manual("https://sts.acme.example/adfs/ls/", "http://sts.acme.example/adfs/services/trust"), []fault.Code{fault.SAMLTheirsSwapped}},
		{"AD FS as it should be", manual("http://sts.acme.example/adfs/services/trust", "https://sts.acme.example/adfs/ls/"), nil},
		{"Okta as it should be", manual("http://www.okta.com/exk1", "https://acme.okta.com/app/x/exk1/sso/saml"), nil},
		{"Google as it should be", manual("https://accounts.google.com/o/saml2?idpid=C1", "https://accounts.google.com/o/saml2/idp?idpid=C1"), nil},
		{"our name as theirs", manual(entityID, "https://idp.example/sso"), []fault.Code{fault.SAMLAddressOurs}},
		{"our address as theirs", manual("x", callback), []fault.Code{fault.SAMLAddressOurs}},
		{"metadata for sign-on", manual("x", "https://acme.okta.com/app/exk1/sso/saml/metadata"), []fault.Code{fault.SAMLSSOMetadata}},
		{"console for sign-on", manual("x", "https://acme-admin.okta.com/x"), []fault.Code{fault.SAMLSSOShape}},
		{"CERT-03 encryption", cert(certificate(k.idp, "ADFS Encryption - sts.acme.example", now)), []fault.Code{fault.SAMLCertNotSigning}},
		{"CERT-03 web server", cert(webServer(k.idp)), []fault.Code{fault.SAMLCertNotSigning}},
		{"CERT-03 by the metadata", settings{"metadata_xml": withEncryption(good, k.other.cert), "certificates": []string{other}}, []fault.Code{fault.SAMLCertNotSigning, fault.SAMLManualDiffers}},
		{"not yet", cert(certificate(k.idp, "x", now.AddDate(0, 0, 3))), []fault.Code{fault.SAMLCertNotYet}},
		{"CERT-08 SHA-1", settings{"metadata_xml": "", "entity_id": "x", "sso_url": "https://idp.example/sso", "certificates": []string{sha1Certificate}}, []fault.Code{fault.SAMLCertSHA1}},
		{"SAML-23", settings{"preset": "shibboleth", "encrypt": "never"}, []fault.Code{fault.SAMLEncryptionUnpublished}},
		{"Google cannot encrypt", settings{"preset": "google", "encrypt": "required"}, []fault.Code{fault.SAMLEncryptionRequired}},
		{"a format not offered", settings{"metadata_xml": with("<md:SingleSignOnService", "<md:NameIDFormat>urn:a</md:NameIDFormat><md:SingleSignOnService"), "name_id_format": "urn:b"}, []fault.Code{fault.SAMLNameIDUnoffered}},
		{"a format offered", settings{"metadata_xml": with("<md:SingleSignOnService", "<md:NameIDFormat>urn:a</md:NameIDFormat><md:SingleSignOnService"), "name_id_format": "urn:a"}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, row.settings)
			var got []fault.Code
			for _, f := range w.provider.(providers.Preflighter).Preflight(providers.WithoutProbes(t.Context())) {
				if f.Severity != "ok" {
					got = append(got, fault.CodeOf(f.Err))
				}
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("%v, want %v", got, row.want)
			}
		})
	}
	noLogout := newWorld(t, settings{"metadata_xml": strings.ReplaceAll(good, "SingleLogoutService", "X")}).provider.(providers.Preflighter).Preflight(providers.WithoutProbes(t.Context()))
	if !slices.ContainsFunc(noLogout, func(f providers.Finding) bool { return fault.CodeOf(f.Err) == fault.SAMLNoLogout && f.Severity == "ok" }) {
		t.Errorf("LIFE-07: %v", noLogout)
	}
	sp := newWorld(t, nil)
	_, own, _ := sp.provider.(providers.MetadataPublisher).Metadata(t.Context())
	if _, err := saml.New().Open(sp.settings(settings{"metadata_xml": string(own)})); fault.CodeOf(err) != fault.SAMLMetadataOurs {
		t.Errorf("our own metadata: %v", err)
	}
}

// TestMetadataAddress: addresses that answer, but with something else.
func TestMetadataAddress(t *testing.T) {
	for address, want := range map[string]fault.Code{
		"https://acme-admin.okta.com/app/exk1/sso/saml/metadata": fault.SAMLMetadataConsole, "https://admin.google.com/ac/apps": fault.SAMLMetadataConsole,
		"https://acme.okta.com/app/exk1/sso/saml/metadata": "", "https://login.microsoftonline.us/t/federationmetadata/2007-06/federationmetadata.xml": fault.SAMLMetadataTenant,
	} {
		w := newWorld(t, nil)
		s := w.settings(settings{"metadata_url": address})
		s.HTTP = serving(string(w.idp.Metadata()))
		list := must(saml.New().Open(s)).(providers.Preflighter).Preflight(providers.WithoutProbes(t.Context()))
		if got := fault.CodeOf(list[0].Err); got != want {
			t.Errorf("%s: %v", address, list)
		}
	}
}

func withEncryption(metadata string, der []byte) string {
	return strings.Replace(metadata, "<md:KeyDescriptor", `<md:KeyDescriptor use="encryption"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>`+
		strings.Join(strings.Split(strings.TrimSpace(pemOf(der)), "\n")[1:len(strings.Split(strings.TrimSpace(pemOf(der)), "\n"))-1], "")+`</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:KeyDescriptor`, 1)
}

// webServer is a certificate as a public authority issues it.
func webServer(k keyPair) []byte {
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Some Authority"}, IsCA: true, BasicConstraintsValid: true}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "sts.acme.example"}, DNSNames: []string{"sts.acme.example"}, NotBefore: now.AddDate(0, -1, 0), NotAfter: now.AddDate(0, 11, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	return must(x509.CreateCertificate(rand.Reader, leaf, ca, &signer(k).(*rsa.PrivateKey).PublicKey, signer(keys().other)))
}

// serving is a client that finds the same document everywhere.
func serving(doc string) *http.Client { return &http.Client{Transport: document(doc)} }

type document string

func (d document) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(d)))}, nil
}

// sha1Certificate is signed as certificates were long ago; crypto/x509 makes none like it any more.
const sha1Certificate = `-----BEGIN CERTIFICATE-----
MIICvjCCAaYCAQEwDQYJKoZIhvcNAQEFBQAwJTEjMCEGA1UEAwwaQW4gb2xkZXIg
aWRlbnRpdHkgcHJvdmlkZXIwHhcNMjYwMTAxMDAwMDAwWhcNMzYwMTAxMDAwMDAw
WjAlMSMwIQYDVQQDDBpBbiBvbGRlciBpZGVudGl0eSBwcm92aWRlcjCCASIwDQYJ
KoZIhvcNAQEBBQADggEPADCCAQoCggEBAMujZtVRr7HoaPsSIeX8FEPXlUXqAZcw
qxhLZjYH0DOkG0i/5bZuKPNtx94Xbv7HExvEeduQqnvsHJGBu80XT8FJ6CPw2UFT
+X2u7XgjmWwr3In02GbQU0ayremPptgYHwBn267ugVJG4RPyx5tFweUDbaSLXdHt
QLtwwyl66LKPEm9DnogmB1tMHHfCGYvl29Jriq3ixdh5KkZTS/2o+PGsXHBVzOZG
z+HH2HFlC8ShWQE97pljCwyLnkWdPJoescMH7U9oBMhrkiax092VdsAty2hOl7wf
xzhvPj4S99jRomVBynpPJWWSz51KWm+IMWXrwKUPwd9BKM4N+RQ8g/ECAwEAATAN
BgkqhkiG9w0BAQUFAAOCAQEASbirKUN99Wqi7GbELLgFjDnvHqhr9t4U535zxoUB
h0lVgzKfTX9902LMm4K9GIMCFhh8sOFtJ9N3gzmAlLOs+8GPJQC/spcqUsg+RTLH
X2zdjB6Me1TAZfEBJYIzrin8/H/io+u9T8lq5vNtwcGWduJjO547nZbOb5+mYGeN
1Ndh9hl7wwYalSRPPLIjONhDTU8ZpDPUwfJOrNXCuQhv8cX7zSFbXA1M9Jh9VyAP
p60yuDTPXejNxC7PyVEUdm5GkU08xpIJI7hZ56Rp+ZnW/BM/NZndFEQbrphJymfL
UH7pHUeT9Q+e8RuJE9ccf3CEgsSF+neA2lv2H17CMDX+xg==
-----END CERTIFICATE-----`
