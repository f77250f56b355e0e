package diagnose_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/diagnose"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
	"cloakroom/providers"
	"cloakroom/providers/preset"
)

const (
	base = "https://sso.example"
	acs  = base + "/broker/acme/endpoint"
	sp   = base + "/broker/acme/metadata"
)

// shelf holds one connection.
type shelf struct{ conn *registry.Connection }

func (s shelf) Connection(_ context.Context, slug string) (*registry.Connection, error) {
	if s.conn == nil || s.conn.Slug != slug {
		return nil, broker.ErrNotFound
	}
	return s.conn, nil
}

// gate is a provider whose examination finds what it was made with.
type gate struct {
	providers.Provider
	found []error
}

func (g gate) Explain(context.Context, providers.Request, providers.Reply) providers.Explanation {
	return providers.Explanation{}
}
func (g gate) Transcript(providers.Reply) string { return "" }
func (g gate) Names() []string                   { return nil }

func (g gate) Inspect(context.Context, providers.Sample) providers.Explanation {
	out := providers.Explanation{Checks: []providers.Check{{Name: "message", Status: providers.Failed}}}
	for _, err := range g.found {
		out.Findings = append(out.Findings, providers.Finding{Err: err, Severity: "error", Check: "message"})
	}
	return out
}

func labels(name, protocol string) map[string]admin.Label {
	p, ok := preset.Get(name)
	if !ok {
		return nil
	}
	out := map[string]admin.Label{}
	for _, h := range p.Handover(protocol) {
		if _, taken := out[h.Field]; !taken {
			out[h.Field] = admin.Label{Label: h.Label, Where: h.Path}
		}
	}
	return out
}

// diagnosed is the report of a connection of a preset whose gate finds these faults.
func diagnosed(t *testing.T, c *broker.Connection, found ...error) *admin.Diagnosed {
	t.Helper()
	conn := &registry.Connection{Connection: c, Provider: gate{found: found}, Callback: acs}
	x := &diagnose.Examiner{Connections: shelf{conn}, Labels: labels, BaseURL: base, Now: time.Now}
	d, err := x.Explain(t.Context(), c, admin.Explainable{SAMLResponse: "<Response/>"})
	if err != nil {
		t.Fatal(err)
	}
	if d.Status != "failed" || d.Diagnosis == nil || len(d.Findings) != len(found) {
		t.Fatalf("report: %+v", d)
	}
	whole(t, d)
	return d
}

func connection(name, protocol string) *broker.Connection {
	c := &broker.Connection{Slug: "acme", Realm: "acme", Protocol: protocol, Preset: name}
	if protocol == "saml" {
		c.SAML = &broker.SAML{}
	} else {
		c.OIDC = &broker.OIDC{}
	}
	return c
}

// Whoever reads a finding sits before a console: the fix says that console's word, the way there and the whole value.
func TestFindingsSpeakTheConsolesLanguage(t *testing.T) {
	for _, tt := range []struct {
		preset, protocol string
		code             fault.Code
		label, where     string
		value            string
	}{
		{"okta", "saml", fault.SAMLAudience, "Audience URI (SP Entity ID)", "Configure SAML", sp},
		{"okta", "saml", fault.SAMLAudienceMissing, "Audience URI (SP Entity ID)", "Configure SAML", sp},
		{"okta", "saml", fault.SAMLRecipient, "Single sign-on URL", "Configure SAML", acs},
		{"okta", "saml", fault.SAMLDestination, "Single sign-on URL", "Configure SAML", acs},
		{"okta", "oidc", fault.OIDCRedirectURI, "Sign-in redirect URIs", "Web Application", acs},
		{"entra", "saml", fault.SAMLAudience, "Identifier (Entity ID)", "Basic SAML Configuration", sp},
		{"entra", "saml", fault.SAMLRecipient, "Reply URL (Assertion Consumer Service URL)", "Basic SAML Configuration", acs},
		{"entra", "oidc", fault.OIDCRedirectURI, "Redirect URI", "App registrations", acs},
		{"adfs", "saml", fault.SAMLAudience, "Relying party trust identifier", "Relying Party Trusts", sp},
		{"adfs", "saml", fault.SAMLRecipient, "Relying party SAML 2.0 SSO service URL", "Relying Party Trusts", acs},
		{"google", "saml", fault.SAMLAudience, "Entity ID", "Service provider details", sp},
		{"google", "saml", fault.SAMLRecipient, "ACS URL", "Service provider details", acs},
		{"google", "oidc", fault.OIDCRedirectURI, "Authorized redirect URIs", "Google Cloud console", acs},
		{"onelogin", "saml", fault.SAMLAudience, "Audience (EntityID)", "", sp},
		{"onelogin", "saml", fault.SAMLRecipient, "ACS (Consumer) URL", "", acs},
		{"generic", "saml", fault.SAMLAudience, "", "", sp},
		{"nobody", "saml", fault.SAMLAudience, "SP Entity ID (audience)", "", sp},
		{"nobody", "saml", fault.SAMLRecipient, "Assertion Consumer Service URL", "", acs},
		{"nobody", "oidc", fault.LoginMisrouted, "Redirect URI", "", acs},
	} {
		t.Run(tt.preset+" "+string(tt.code), func(t *testing.T) {
			// A gate names what all the consoles call it; the expected value may be left to the examiner.
			found := &fault.Error{Code: tt.code, Observed: "https://other.example/x", Labels: []string{"Audience", "Reply URL"}}
			d := diagnosed(t, connection(tt.preset, tt.protocol), found)
			f := d.Diagnosis
			if f.Code != string(tt.code) || f.Expected != tt.value || f.Observed != "https://other.example/x" {
				t.Errorf("values: %+v", f)
			}
			if tt.label != "" && (f.Labels[0] != tt.label || !strings.HasPrefix(f.Fix, "Set "+tt.label+" to exactly "+tt.value)) {
				t.Errorf("labels %q, fix %q", f.Labels, f.Fix)
			}
			if _, known := preset.Get(tt.preset); known && len(f.Labels) != 1 {
				t.Errorf("other consoles' words are mixed in: %q", f.Labels)
			}
			if !strings.Contains(f.Fix, tt.where) || !strings.HasSuffix(f.Fix, ".") {
				t.Errorf("fix: %q", f.Fix)
			}
			for _, part := range []string{f.Fix, "Needed: " + tt.value, "Sent: https://other.example/x", "Field: " + f.Labels[0], "Code: " + f.Code} {
				if !strings.Contains(d.ForTheirIT, part) {
					t.Errorf("the letter lacks %q:\n%s", part, d.ForTheirIT)
				}
			}
		})
	}
}

// Our own entity ID may be another than the metadata's address.
func TestFindingsKnowAnEntityIDOfItsOwn(t *testing.T) {
	c := connection("okta", "saml")
	c.SAML.SPEntityID = "urn:acme:sp"
	f := diagnosed(t, c, &fault.Error{Code: fault.SAMLAudience, Observed: sp}).Diagnosis
	if f.Expected != "urn:acme:sp" || !strings.Contains(f.Fix, "to exactly urn:acme:sp") || strings.Contains(f.Cause, "swapped") {
		t.Errorf("%+v", f)
	}
}

func TestFindingsNameTheSlip(t *testing.T) {
	for _, tt := range []struct {
		name, protocol     string
		code               fault.Code
		observed, expected string
		says               string           // in cause and detail
		confidence         fault.Confidence // of a mismatch that the gate has proved
	}{
		{"slash", "saml", fault.SAMLAudience, sp + "/", sp, "only in the slash at the end", fault.Proved},
		{"http", "saml", fault.SAMLAudience, strings.Replace(sp, "https", "http", 1), sp, "only in http and https", fault.Proved},
		{"case", "saml", fault.SAMLRecipient, strings.ToUpper(acs), acs, "only in upper and lower case", fault.Proved},
		{"blank", "saml", fault.SAMLAudience, sp + " ", sp, "only in blanks or invisible characters", fault.Proved},
		{"port", "saml", fault.SAMLRecipient, "https://sso.example:8443/broker/acme/endpoint", acs, "only in the port", fault.Proved},
		{"staging", "saml", fault.SAMLDestination, "https://sso-staging.example/broker/acme/endpoint", acs, "another environment", fault.Proved},
		{"typing error", "saml", fault.SAMLAudience, base + "/broker/acme/metadtaa", sp, "a typing error", fault.Proved},
		{"ACS for audience", "saml", fault.SAMLAudience, acs, sp, "our ACS URL: two fields are swapped", fault.Proved},
		{"ACS for audience, with a slash", "saml", fault.SAMLAudience, acs + "/", sp, "our ACS URL: two fields are swapped", fault.Proved},
		{"audience for ACS", "saml", fault.SAMLRecipient, sp, acs, "our Entity ID: two fields are swapped", fault.Proved},
		{"login link for ACS", "saml", fault.SAMLRecipient, base + "/broker/acme/login", acs, "our login link: two fields are swapped", fault.Proved},
		{"another path", "saml", fault.SAMLAudience, base + "/elsewhere/entirely", sp, "The host is the same, the path is another", fault.Likely},
		{"another altogether", "saml", fault.SAMLAudience, "https://unrelated.example/app", sp, "", fault.Likely},
		{"issuer's slash", "saml", fault.SAMLIssuer, "https://idp.example/", "https://idp.example", "only in the slash at the end", fault.Proved},
		{"issuer's scheme", "saml", fault.SAMLIssuer, "http://idp.example/adfs/services/trust", "https://idp.example/adfs/services/trust", "only in http and https", fault.Proved},
		{"issuer of another", "saml", fault.SAMLIssuer, "https://unrelated.example/idp", "https://idp.example", "", fault.Proved},
		{"OIDC issuer's slash", "oidc", fault.OIDCIssuer, "https://op.example/", "https://op.example", "only in the slash at the end", fault.Proved},
		{"OIDC client's case", "oidc", fault.OIDCAudience, "0OABC", "0oabc", "only in upper and lower case", fault.Proved},
		{"misrouted", "oidc", fault.LoginMisrouted, base + "/broker/other/endpoint", acs, "", fault.Proved},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := diagnosed(t, connection("okta", tt.protocol), fault.Mismatch(tt.code, tt.observed, tt.expected)).Diagnosis
			if f.Observed != tt.observed || f.Expected != tt.expected {
				t.Errorf("the values were changed: %q, %q", f.Observed, f.Expected)
			}
			plain := fault.Lookup(tt.code).Cause
			if !strings.HasPrefix(f.Cause, strings.TrimSuffix(plain, ".")) || !strings.Contains(strings.ToLower(f.Cause), strings.ToLower(tt.says)) || !strings.Contains(f.Detail, tt.says) {
				t.Errorf("cause %q, detail %q, want %q", f.Cause, f.Detail, tt.says)
			}
			if tt.says == "" && tt.code != fault.LoginMisrouted && f.Cause != plain {
				t.Errorf("a difference is named where there is none to name: %q", f.Cause)
			}
			if f.Confidence != string(tt.confidence) {
				t.Errorf("confidence %s", f.Confidence)
			}
			// Who is not sure asks.
			if asks := len(f.Alternatives) > 0; asks != (tt.confidence != fault.Proved) {
				t.Errorf("alternatives: %+v", f.Alternatives)
			}
			marked(t, f)
		})
	}
}

// marked holds the marked difference to the two values it was made of.
func marked(t *testing.T, f *admin.Finding) {
	t.Helper()
	var observed, expected string
	for _, p := range f.Difference {
		if p.In != "expected" {
			observed += p.Text
		}
		if p.In != "observed" {
			expected += p.Text
		}
	}
	if observed != f.Observed || expected != f.Expected {
		t.Errorf("the marked parts make %q and %q of %q and %q", observed, expected, f.Observed, f.Expected)
	}
}

// A fault that may be another comes with the question that tells them apart.
func TestGuessesComeWithQuestions(t *testing.T) {
	for code, other := range map[fault.Code]fault.Code{
		fault.SAMLIssuer: fault.SAMLSignatureKey, fault.SAMLExpired: fault.SAMLReplayed, fault.OIDCNotYetValid: fault.SAMLReplayed, fault.OIDCIssuer: fault.OIDCTenant,
	} {
		protocol, _, _ := strings.Cut(string(code), ".")
		f := diagnosed(t, connection("generic", protocol), &fault.Error{Code: code, Confidence: fault.Likely}).Diagnosis
		i := slices.IndexFunc(f.Alternatives, func(a admin.Alternative) bool { return a.Code == string(other) })
		if i < 0 || !strings.Contains(f.Alternatives[i].Question, "?") {
			t.Errorf("%s: %+v", code, f.Alternatives)
		}
	}
}

func TestTheFirstErrorIsTheDiagnosis(t *testing.T) {
	d := diagnosed(t, connection("okta", "saml"), fault.New(fault.SAMLExpired, "1h0m0s"), fault.Mismatch(fault.SAMLAudience, acs, sp))
	if d.Diagnosis.Code != string(fault.SAMLExpired) || d.Findings[1].Code != string(fault.SAMLAudience) || d.Findings[1].Labels[0] != "Audience URI (SP Entity ID)" {
		t.Errorf("%+v", d.Findings)
	}
	if !strings.Contains(d.ForTheirIT, "1h0m0s") || strings.Contains(d.ForTheirIT, "Audience") {
		t.Errorf("letter:\n%s", d.ForTheirIT)
	}
}
