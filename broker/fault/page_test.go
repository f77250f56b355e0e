package fault_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/fault"
)

// What people copy out of error pages, and what it means.
func TestReadPage(t *testing.T) {
	for _, tt := range []struct {
		name, preset, protocol, text string
		code                         fault.Code
		sure                         fault.Confidence
		found, label, fix            string
	}{
		{"Entra reply URL, SAML", "entra", "saml", "AADSTS50011: The redirect URI 'https://x' specified in the request does not match the redirect URIs configured for the application", fault.IdPReplyURL, fault.Proved, "AADSTS50011", "Reply URL (Assertion Consumer Service URL)", "Basic SAML Configuration"},
		{"Entra reply URL, OIDC", "entra", "oidc", "AADSTS50011: …", fault.IdPReplyURL, fault.Proved, "AADSTS50011", "Redirect URIs", "Authentication > Web"},
		{"Entra identifier", "entra", "saml", "AADSTS700016: Application with identifier 'x' was not found in the directory 'Contoso'.", fault.IdPAppUnknown, fault.Proved, "AADSTS700016", "Identifier (Entity ID)", "Entity ID"},
		{"Entra ambiguous", "entra", "saml", "AADSTS650056: Misconfigured application.", fault.IdPAppUnknown, fault.Likely, "AADSTS650056", "", ""},
		{"Entra assignment", "entra", "", "Sorry, but we’re having trouble signing you in. AADSTS50105: Your administrator has configured the application …", fault.IdPNotAssigned, fault.Proved, "AADSTS50105", "Users and groups", "Assignment required"},
		{"Entra policy", "entra", "", "AADSTS53003: Access has been blocked by Conditional Access policies.", fault.IdPPolicy, fault.Proved, "AADSTS53003", "Conditional Access", "Sign-in logs"},
		{"Entra consent by words", "entra", "", "Need admin approval\nCloakroom needs permission to access resources", fault.IdPConsent, fault.Proved, "", "Grant admin consent", "API permissions"},
		{"Entra signed requests", "entra", "saml", "AADSTS76021: The request sent by client is not signed", fault.IdPRequestSignature, fault.Proved, "AADSTS76021", "Verification certificates", "Sign requests"},
		{"Entra in German", "entra", "saml", "Fehlercode: 50105\nKorrelations-ID: 7f2a0a9e-1111-4222-8333-444455556666", fault.IdPNotAssigned, fault.Proved, "AADSTS50105", "Users and groups", ""},
		{"Entra in Russian", "entra", "saml", "Код ошибки: 700016", fault.IdPAppUnknown, fault.Proved, "AADSTS700016", "", ""},
		{"Entra in French", "microsoft", "", "Code d'erreur : 53000", fault.IdPPolicy, fault.Proved, "AADSTS53000", "", ""},
		{"Entra tenant", "entra", "oidc", "AADSTS90002: Tenant 'x' not found.", fault.OIDCTenantUnknown, fault.Likely, "AADSTS90002", "Directory (tenant) ID", ""},
		{"Entra name source", "entra", "saml", "AADSTS501241", fault.IdPNoValue, fault.Proved, "AADSTS501241", "Unique User Identifier (Name ID)", ""},
		{"Entra loop", "entra", "", "AADSTS50196: The server terminated an operation", fault.IdPLoop, fault.Proved, "AADSTS50196", "", ""},
		{"Entra trouble", "entra", "", "AADSTS90033: A transient error has occurred.", fault.IdPOutage, fault.Proved, "AADSTS90033", "", ""},
		{"Entra unknown to us", "entra", "", "AADSTS53999: something new", fault.IdPPolicy, fault.Guess, "AADSTS53999", "", ""},
		{"Entra unknown altogether", "entra", "", "AADSTS20001", fault.IdPPage, fault.Guess, "AADSTS20001", "", ""},
		{"Entra written apart and invisible", "entra", "", "AAD\u200bSTS\u00ad50105", fault.IdPNotAssigned, fault.Proved, "AADSTS50105", "", ""},
		{"AD FS trust", "adfs", "saml", "MSIS7007: The requested relying party trust 'x' is unspecified or unsupported.", fault.IdPAppUnknown, fault.Likely, "MSIS7007", "Relying party trust identifier", "Identifiers"},
		{"AD FS endpoint", "adfs", "saml", "MSIS3200: No AssertionConsumerService is configured", fault.IdPReplyURL, fault.Proved, "MSIS3200", "Trusted URL", "Endpoints"},
		{"AD FS name id", "adfs", "saml", "MSIS7070", fault.IdPNoValue, fault.Proved, "MSIS7070", "Name ID", ""},
		{"AD FS without details", "adfs", "saml", "An error occurred\nAn error occurred. Contact your administrator for more information.\nActivity ID: 00000000-0000-0000-1d00-0080000000ee", fault.IdPPage, fault.Likely, "", "", "364"},
		{"AD FS unknown to us", "adfs", "saml", "MSIS9999", fault.IdPRequest, fault.Guess, "MSIS9999", "", ""},
		{"Google account", "google", "saml", "403. That’s an error. Error: app_not_configured_for_user Service is not configured for this user.", fault.IdPWrongAccount, fault.Likely, "app_not_configured_for_user", "", "private window"},
		{"Google app", "google", "saml", "Error: app_not_configured", fault.IdPAppUnknown, fault.Proved, "app_not_configured", "Entity ID", "24 hours"},
		{"Google switched off", "google", "saml", "403 app_not_enabled_for_user", fault.IdPNotAssigned, fault.Proved, "app_not_enabled_for_user", "User access", ""},
		{"Google redirect in French", "google", "oidc", "Accès bloqué. Erreur 400 : redirect_uri_mismatch", fault.IdPReplyURL, fault.Proved, "redirect_uri_mismatch", "Authorized redirect URIs", ""},
		{"Google organisation", "google", "oidc", "Error 403: org_internal", fault.IdPWrongAccount, fault.Proved, "org_internal", "", "Audience"},
		{"Google admin", "google", "oidc", "Error 400: admin_policy_enforced", fault.IdPPolicy, fault.Proved, "admin_policy_enforced", "App access control", ""},
		{"Google testing", "google", "oidc", "Error 403: access_denied", fault.IdPNotAssigned, fault.Likely, "access_denied", "", "Test users"},
		{"Okta assignment", "okta", "saml", "403\nApp Not Assigned\nSorry, you can't access this app because you are not assigned this app in Okta.", fault.IdPNotAssigned, fault.Proved, "", "Assignments", "Assign to People"},
		{"Okta redirect", "okta", "oidc", "400 Bad Request. Your request resulted in an error. The 'redirect_uri' parameter must be a Login redirect URI in the client app settings", fault.IdPReplyURL, fault.Proved, "", "Sign-in redirect URIs", ""},
		{"OneLogin validator", "onelogin", "saml", "The consumer URL is not valid for this app", fault.IdPReplyURL, fault.Proved, "", "ACS (Consumer) URL Validator", ""},
		{"PingFederate", "pingfederate", "saml", "Sign On Error. An unexpected error occurred. Reference #: 1a2b3c4d", fault.IdPPage, fault.Likely, "", "", "server.log"},
		{"JumpCloud", "jumpcloud", "saml", "You are not authorized to access this application", fault.IdPNotAssigned, fault.Proved, "", "User Groups", ""},
		{"Keycloak signature", "keycloak", "saml", "We are sorry... Invalid requester", fault.IdPRequestSignature, fault.Likely, "", "Client signature required", ""},
		{"Keycloak redirect", "keycloak", "oidc", "Invalid parameter: redirect_uri", fault.IdPReplyURL, fault.Likely, "", "Valid redirect URIs", ""},
		{"Keycloak client", "keycloak", "oidc", "We are sorry... Client not found.", fault.IdPAppUnknown, fault.Proved, "", "Client ID", ""},
		{"Shibboleth unknown", "shibboleth", "saml", "Web Login Service - Unsupported Request", fault.IdPAppUnknown, fault.Proved, "", "metadata-providers.xml", ""},
		{"Shibboleth address", "shibboleth", "saml", "Web Login Service - Unable to Respond", fault.IdPReplyURL, fault.Proved, "", "metadata-providers.xml", ""},
		{"Shibboleth stale", "shibboleth", "saml", "Web Login Service - Stale Request", fault.IdPStale, fault.Proved, "", "", ""},
		{"Shibboleth encryption", "shibboleth", "saml", "Unable to encrypt assertion", fault.IdPEncryption, fault.Proved, "", "idp.encryption.optional", ""},
		{"GitHub", "github", "oauth2", "The redirect_uri is not associated with this application.", fault.IdPReplyURL, fault.Proved, "", "Authorization callback URL", ""},
		{"Apple client", "apple", "oidc", "invalid_client", fault.IdPAppUnknown, fault.Likely, "invalid_client", "Services IDs", ""},
		{"Apple redirect", "apple", "oidc", "invalid_request: Invalid web redirect url.", fault.IdPReplyURL, fault.Likely, "invalid_request", "Return URLs", ""},
		{"embedded browser", "google", "oidc", "Error 403: disallowed_useragent", fault.IdPBrowser, fault.Proved, "disallowed_useragent", "", ""},
		{"account locked anywhere", "generic", "saml", "Your account has been locked.", fault.IdPAccountBlocked, fault.Likely, "", "", ""},
		{"switched off", "keycloak", "oidc", "Client disabled.", fault.IdPAppDisabled, fault.Proved, "", "Enabled", ""},
		{"wrong password", "entra", "", "AADSTS50126", fault.IdPSignIn, fault.Proved, "AADSTS50126", "", ""},
		{"another provider than chosen", "generic", "saml", "AADSTS50105: …", fault.IdPNotAssigned, fault.Proved, "AADSTS50105", "Users and groups", ""},
		{"another provider's sentence", "entra", "saml", "App Not Assigned", fault.IdPNotAssigned, fault.Guess, "", "Assignments", ""},
		{"HTML", "entra", "saml", `<html><head><style>.a{}</style><title>Sign in</title></head><body><div>AADSTS<b>50105</b>&#58;&nbsp;no</div></body></html>`, fault.IdPNotAssigned, fault.Proved, "AADSTS50105", "", ""},
		{"HTML whose script says it", "entra", "saml", `<html><body><script>$Config={"strServiceExceptionMessage":"AADSTS700016: Application with identifier \u0027x\u0027 was not found"};</script><noscript></noscript></body></html>`, fault.IdPAppUnknown, fault.Proved, "AADSTS700016", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := fault.ReadPageFor(tt.preset, tt.protocol, tt.text)
			if len(r.Faults) == 0 {
				t.Fatalf("nothing read: %+v", r)
			}
			f := r.Faults[0]
			if f.Code != tt.code || f.Confidence != tt.sure {
				t.Errorf("%s, %s; want %s, %s", f.Code, f.Confidence, tt.code, tt.sure)
			}
			if tt.found != "" && (!slices.Contains(r.Codes, tt.found) || !strings.Contains(f.Detail, tt.found)) {
				t.Errorf("codes %q, detail %q", r.Codes, f.Detail)
			}
			if tt.label != "" && !slices.Contains(f.Labels, tt.label) {
				t.Errorf("labels %q", f.Labels)
			}
			if f.Confidence != fault.Proved && tt.found != "" && tt.code != fault.IdPPage && (len(f.Alternatives) != 1 || !strings.HasSuffix(f.Alternatives[0].Question, "?")) {
				t.Errorf("not sure, and does not ask: %+v", f.Alternatives)
			}
			if !strings.Contains(f.Fix, tt.fix) {
				t.Errorf("fix %q", f.Fix)
			}
		})
	}
}

func TestReadPageOfNothing(t *testing.T) {
	for _, text := range []string{"", "Welcome back! Enter your password.", "<", "<<<<", "<script>", "</", "<!--", "AADSTS", "\xff\xfe", strings.Repeat("<a ", 40_000)} {
		if r := fault.ReadPage("entra", text); len(r.Faults) != 0 || len(r.Codes) != 0 {
			t.Errorf("%.20q: %+v", text, r)
		}
	}
}

func TestReadPageTrace(t *testing.T) {
	const id = "7f2a0a9e-1111-4222-8333-444455556666"
	for _, text := range []string{
		"AADSTS50105: no.\nTrace ID: x\nRequest Id: " + id + "\nCorrelation Id: " + id + "\nTimestamp: 2026-11-21T10:00:00Z",
		"Anforderungs-ID: " + id + " Korrelations-ID: " + id + " Zeitstempel: 2026-11-21T10:00:00Z",
		"ID de demande : " + id + " ID de corrélation : " + id + " Horodatage : 2026-11-21T10:00:00Z",
		"Id. de solicitud: " + id + " Id. de correlación: " + id + " Marca de tiempo: 2026-11-21T10:00:00Z",
		"Identyfikator żądania: " + id + " Identyfikator korelacji: " + id + " Sygnatura czasowa: 2026-11-21T10:00:00Z",
		"Идентификатор запроса: " + id + " Идентификатор корреляции: " + id + " Метка времени: 2026-11-21T10:00:00Z",
	} {
		r := fault.ReadPage("entra", text)
		if r.Trace["Request Id"] != id || r.Trace["Correlation ID"] != id || r.Trace["Timestamp"] != "2026-11-21T10:00:00Z" {
			t.Errorf("%.30s: %v", text, r.Trace)
		}
		for _, f := range r.Faults {
			if strings.Contains(f.Detail, id) {
				t.Errorf("told twice: %s", f.Detail)
			}
		}
	}
	if r := fault.ReadPage("adfs", "Activity ID: "+id); r.Trace["Activity ID"] != id {
		t.Errorf("%v", r.Trace)
	}
	if r := fault.ReadPage("pingfederate", "Reference #: 1a2b3c4d"); r.Trace["Reference"] != "1a2b3c4d" {
		t.Errorf("%v", r.Trace)
	}
}

// A page is a stranger's: what is told of it is short, and what looks like a token is masked.
func TestReadPageIsBounded(t *testing.T) {
	token := strings.Repeat("eyJhbGciOi", 40)
	r := fault.ReadPage("entra", "AADSTS50105: "+token+" "+strings.Repeat("long story ", 20_000)+" AADSTS50011")
	if len(r.Codes) != 1 || strings.Contains(r.Faults[0].Detail, "eyJ") || len(r.Faults[0].Detail) > 700 {
		t.Errorf("%+v %v", r.Codes, r.Faults[0])
	}
	var many strings.Builder
	for i := range 3000 {
		many.WriteString("AADSTS5" + strings.Repeat("0", i%5+3) + " app_not_configured ")
	}
	if r := fault.ReadPage("entra", many.String()); len(r.Codes) > 16 || len(r.Faults) > 5 {
		t.Errorf("%d codes, %d faults", len(r.Codes), len(r.Faults))
	}
}

func FuzzReadPage(f *testing.F) {
	for _, s := range []string{"AADSTS50105: x", "<script>var a='AADSTS50011'</script>", "Error 400: redirect_uri_mismatch", "<b", "İAADSTS50105 App Not Assigned"} {
		f.Add("entra", "saml", s)
	}
	f.Fuzz(func(t *testing.T, preset, protocol, text string) {
		begun := time.Now()
		r := fault.ReadPageFor(preset, protocol, text)
		if d := time.Since(begun); d > 2*time.Second {
			t.Errorf("took %s", d)
		}
		for _, f := range r.Faults {
			if _, ok := fault.Find(f.Code); !ok || f.Confidence == "" || len(f.Detail) > 2000 {
				t.Errorf("%+v", f)
			}
		}
	})
}

// Every fault that a page can show asks its question when it is not certain.
func TestQuestions(t *testing.T) {
	for _, e := range fault.All() {
		if q := fault.Question(e.Code); strings.HasPrefix(string(e.Code), "idp.") && q == "" || q != "" && !strings.Contains(q, "?") {
			t.Errorf("%s asks %q", e.Code, q)
		}
	}
}
