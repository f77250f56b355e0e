package e2e

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/beevik/etree"

	"cloakroom/providers/providertest/oidcop"
	"cloakroom/providers/providertest/samlidp"
)

// signing makes an identity provider sign with a key whose certificate has a name and dates.
func signing(k *rsa.PrivateKey, name string, from, until int) func(*samlidp.Options) {
	return func(o *samlidp.Options) { o.Key, o.Certificate = k, certificate(k, name, from, until) }
}

// held are settings by hand with a certificate that somebody exported.
func heldBy(k *rsa.PrivateKey, name string) obj {
	s := manual("{idp}/metadata")
	s["certificates"] = []string{samlidp.PEM(certificate(k, name, -30, 900))}
	return s
}

// clock sets an identity provider's.
func clock(off time.Duration) func(*samlidp.Options) {
	return func(o *samlidp.Options) { o.Now = func() time.Time { return time.Now().Add(off) } }
}

// dated is a server whose clock shows in its answers.
func dated(off time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
			next.ServeHTTP(w, r)
		})
	}
}

// until gives metadata an end.
func until(at time.Duration) func(*samlidp.Options) {
	return func(o *samlidp.Options) {
		o.Document = func(e *etree.Element) {
			e.CreateAttr("validUntil", time.Now().Add(at).UTC().Format(time.RFC3339))
		}
	}
}

func metadataOf(change func(*samlidp.Options)) string {
	o := samlidp.Options{BaseURL: "https://idp.acme.example", Key: signingKey(), Certificate: certificate(signingKey(), "Identity provider signing", -30, 900), Now: time.Now}
	change(&o)
	return string(samlidp.New(o).Metadata())
}

func certificateEntries() []entry {
	whole := samlidp.PEM(certificate(signingKey(), "Identity provider signing", -30, 900))
	cut := whole[:len(whole)/2]
	return []entry{
		{"CERT-02", []situation{
			{"as catalogued", pasted("adfs", "saml", "/saml/certificates", cut), expected{codes: "paste.certificate_broken", side: "idp", label: "BEGIN CERTIFICATE", sure: "proved"}},
			{"breaks became blanks", pasted("adfs", "saml", "", strings.ReplaceAll(whole, "\n", " ")), expected{codes: "paste.certificate_mended", side: "ours", label: "", sure: "proved", beside: true}},
			{"dashes of a word processor", pasted("okta", "saml", "", strings.ReplaceAll(whole, "-----", "—————")), expected{codes: "paste.certificate_mended", side: "ours", label: "", sure: "proved", beside: true}},
			{"without its header", pasted("google", "saml", "/saml/certificates", strings.Join(strings.Split(strings.TrimSpace(whole), "\n")[1:strings.Count(strings.TrimSpace(whole), "\n")], "\n")), expected{codes: "paste.certificate_without_header", side: "ours", label: "", sure: "proved", beside: true}},
			{"a letter changed", pasted("adfs", "saml", "/saml/certificates", strings.Replace(whole, "MII", "M I#", 1)), expected{codes: "paste.certificate_broken|paste.certificate_mended", side: "idp|ours", label: "", sure: "proved"}},
		}},
		{"CERT-03", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.ADFS, settings: heldBy(otherKey(), "ADFS Encryption - adfs.acme.example"), idp: signing(signingKey(), "ADFS Signing - adfs.acme.example", -30, 300)}, "ada"), expected{codes: "saml.signature_key_unknown|saml.certificate_not_signing", side: "idp", label: "Token-signing", sure: "likely", says: "Encryption"}},
			{"when it is pasted", pasted("adfs", "saml", "", samlidp.PEM(certificate(otherKey(), "ADFS Encryption - adfs.acme.example", -30, 300))), expected{codes: "saml.certificate_not_signing", side: "idp", label: "Token-signing", sure: "likely", beside: true}},
			{"the web server's", pasted("adfs", "saml", "", samlidp.PEM(leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }).cert.Raw)), expected{codes: "saml.certificate_not_signing", side: "idp", label: "", sure: "likely", beside: true}},
		}},
		{"CERT-05", []situation{
			{"as catalogued", rolledOver(samlCase{like: samlidp.ADFS, settings: heldBy(signingKey(), "ADFS Signing - adfs.acme.example")}, "ADFS Signing - adfs.acme.example"), expected{codes: "saml.signing_key_rolled_over", side: "idp", label: "Token-signing", sure: "likely", says: "It worked before"}},
			{"another vendor", rolledOver(samlCase{like: samlidp.Entra, settings: heldBy(signingKey(), "Microsoft Azure Federated SSO Certificate")}, "Microsoft Azure Federated SSO Certificate"), expected{codes: "saml.signing_key_rolled_over|saml.signature_key_unknown", side: "idp", label: "SAML Certificates", sure: "likely", says: "It worked before"}},
			{"under another name", rolledOver(samlCase{like: samlidp.Okta, settings: heldBy(signingKey(), "acme")}, "acme-2027"), expected{codes: "saml.signing_key_rolled_over|saml.signature_key_unknown", side: "idp", label: "X.509 Certificate", sure: "guess", says: "It worked before"}},
		}},
		{"CERT-06", []situation{
			{"as catalogued", checked(samlCase{like: samlidp.Entra, idp: signing(signingKey(), "Microsoft Azure Federated SSO Certificate", -1000, -5)}), expected{codes: "saml.certificate_expired", side: "idp", label: "SAML Certificates", sure: "proved", beside: true}},
			{"soon", checked(samlCase{like: samlidp.Google, idp: signing(signingKey(), "Google", -1000, 20)}), expected{codes: "saml.certificate_expiring", side: "idp", label: "ertificate", sure: "proved", beside: true}},
			{"and people get in all the same", tested(samlCase{like: samlidp.Entra, idp: signing(signingKey(), "Microsoft Azure Federated SSO Certificate", -1000, -5)}, "ada"), expected{says: `"status":"passed"`}},
			{"when it is pasted", pasted("okta", "saml", "", samlidp.PEM(certificate(signingKey(), "acme", -1000, -5))), expected{codes: "saml.certificate_expired", side: "idp", label: "", sure: "proved", beside: true}},
		}},
		{"CERT-08", []situation{
			{"as catalogued", checked(samlCase{idp: signing(shortKey(), "old", -30, 300)}), expected{codes: "saml.certificate_weak", side: "idp", label: "2048", sure: "proved"}},
			{"when it is pasted", pasted("generic", "saml", "", samlidp.PEM(certificate(shortKey(), "old", -30, 300))), expected{codes: "saml.certificate_weak", side: "idp", label: "2048", sure: "proved"}},
			{"by a test", tested(samlCase{like: samlidp.OneLogin, idp: signing(shortKey(), "old", -30, 300)}, "ada"), expected{codes: "saml.certificate_weak|saml.signature_key_weak|saml.metadata_no_signing_keys", side: "idp", label: "ertificate", sure: "proved"}},
		}},
		{"CERT-09", []situation{
			{"as catalogued", func(b *bench) told {
				return b.saml(samlCase{like: samlidp.Shibboleth, settings: obj{"metadata_xml": metadataOf(until(-48 * time.Hour))}}).check()
			}, expected{codes: "saml.metadata_expired", side: "idp", label: "idp/shibboleth", sure: "proved", beside: true}},
			{"soon", func(b *bench) told {
				return b.saml(samlCase{like: samlidp.Shibboleth, settings: obj{"metadata_xml": metadataOf(until(50 * time.Hour))}}).check()
			}, expected{codes: "saml.metadata_expiring", side: "idp", label: "idp/shibboleth", sure: "proved", beside: true}},
			{"when it is pasted", pasted("keycloak", "saml", "", metadataOf(until(-time.Hour))), expected{codes: "saml.metadata_expired", side: "idp", label: "", sure: "proved", beside: true}},
			{"explained", func(b *bench) told {
				return b.saml(samlCase{like: samlidp.Shibboleth}).explain(obj{"metadata": metadataOf(until(-time.Hour))})
			}, expected{codes: "saml.metadata_expired", side: "idp", label: "metadata", sure: "proved", beside: true}},
		}},
		{"CERT-11", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.Keycloak, idp: demanding, app: oldKey}, "ada"), expected{codes: "idp.request_signature", side: "ours", label: "Keys", sure: "likely"}},
			{"by the probe", checked(samlCase{like: samlidp.Keycloak, idp: demanding, app: oldKey}), expected{codes: "idp.request_signature", side: "ours", label: "Keys", sure: "likely", says: "earlier certificate"}},
			{"Entra says it in words", tested(samlCase{like: samlidp.Entra, idp: demanding, app: oldKey}, "ada"), expected{codes: "idp.request_signature", side: "ours", label: "Verification certificates", sure: "likely"}},
			{"AD FS's code", shown("adfs", "saml", "MSIS0038: SAML Message has wrong signature. Issuer: 'https://sso.example/sp'."), expected{codes: "idp.request_signature", side: "ours", label: "Signature", sure: "proved"}},
		}},
		{"CERT-12", []situation{
			{"as catalogued", func(b *bench) told {
				st := b.oidc(oidcCase{like: oidcop.LikeKeycloak})
				k := oidcop.NewKey("ES256")
				k.Hidden = true
				st.op.Use(k)
				return st.test("ada")
			}, expected{codes: "oidc.key_unknown", side: "idp", label: "ssuer", sure: "proved"}},
			{"an empty set", probed(oidcCase{like: oidcop.LikeKeycloak, lies: oidcop.Lies{Keys: func([]any) []any { return []any{} }}}), expected{codes: "oidc.keys_unusable", side: "idp", label: "jwks_uri", sure: "proved"}},
			{"a page in its place", probed(oidcCase{preset: "generic", lies: taken("jwks", 200, "text/html", "<html>Welcome to nginx</html>")}), expected{codes: "oidc.keys_unusable|net.not_json", side: "idp|network", label: "", sure: "likely"}},
			{"an ordinary roll-over is no fault", func(b *bench) told {
				st := b.oidc(oidcCase{like: oidcop.LikeOkta}).works("ada")
				st.op.Rotate()
				return st.test("bob")
			}, expected{says: `"status":"passed"`}},
		}},
		{"TIME-02", []situation{
			{"as catalogued", tested(samlCase{like: samlidp.ADFS, idp: clock(7 * time.Minute)}, "ada"), expected{codes: "saml.clock_off", side: "idp", label: "w32tm", sure: "likely", says: "fast"}},
			{"slow", tested(samlCase{like: samlidp.Keycloak, idp: clock(-29 * time.Minute)}, "ada"), expected{codes: "saml.clock_off", side: "idp", label: "chrony", sure: "likely", says: "slow"}},
			{"by the dates of its answers", checked(samlCase{like: samlidp.Shibboleth, front: dated(11 * time.Minute)}), expected{codes: "time.provider_clock", side: "idp", label: "", sure: "likely", beside: true}},
			{"OpenID", signed(oidcCase{like: oidcop.LikeKeycloak, op: func(o *oidcop.Options) {
				o.Now = func() time.Time { return time.Now().Add(9 * time.Minute) }
			}}, "ada"), expected{codes: "oidc.not_yet_valid", side: "idp", label: "NTP", sure: "likely"}},
		}},
		{"TIME-03", []situation{
			{"as catalogued", tested(samlCase{preset: "generic", idp: clock(2 * time.Hour)}, "ada"), expected{codes: "saml.clock_time_zone", side: "idp", label: "time zone", sure: "likely"}},
			{"half an hour's zone, west", tested(samlCase{preset: "generic", idp: clock(-5*time.Hour - 30*time.Minute)}, "ada"), expected{codes: "saml.clock_time_zone", side: "idp", label: "time zone", sure: "likely"}},
			{"OpenID", signed(oidcCase{preset: "generic", op: func(o *oidcop.Options) { o.Now = func() time.Time { return time.Now().Add(3 * time.Hour) } }}, "ada"), expected{codes: "oidc.clock_time_zone", side: "idp", label: "time zone", sure: "likely"}},
			{"an old message is neither", func(b *bench) told {
				st := b.saml(samlCase{like: samlidp.Okta})
				old := samlidp.New(samlidp.Options{BaseURL: st.url, Key: signingKey(), Certificate: st.idp.Certificate, Now: func() time.Time { return time.Now().Add(-75 * time.Hour).Add(-17 * time.Minute) }})
				return st.explain(obj{"saml_response": base64.StdEncoding.EncodeToString(old.XML(old.Answer(st.sp, st.sp.ACS[0], "_"+strings.Repeat("ab", 32), st.idp.Users[0])))})
			}, expected{codes: "saml.expired", side: "idp|user", label: "", sure: "guess"}},
		}},
	}
}

// rolledOver is a connection that worked until its identity provider took a new key.
func rolledOver(s samlCase, name string) func(*bench) told {
	return func(b *bench) told {
		st := b.saml(s).works("ada")
		st.idp.Key, st.idp.Certificate = otherKey(), certificate(otherKey(), name, -1, 1000)
		return st.test("bob")
	}
}

// oldKey is an earlier certificate of ours in their console.
func oldKey(sp *samlidp.ServiceProvider) {
	sp.Certificates = [][]byte{certificate(otherKey(), fmt.Sprintf("%s, an earlier one", sp.EntityID), -400, 30)}
}
