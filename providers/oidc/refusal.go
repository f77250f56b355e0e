package oidc

import (
	"regexp"
	"slices"
	"strings"

	"cloakroom/broker/fault"
)

// vendorCode finds Microsoft's own codes in an error text: Entra's AADSTS50105, AD FS's MSIS9321.
var vendorCode = regexp.MustCompile(`\b(AADSTS\d{4,8}|MSIS\d{4})\b`)

// codeInText names the fault behind a vendor's code, which says more than the protocol's error around it.
func codeInText(s string) (fault.Code, bool) {
	for _, found := range vendorCode.FindAllString(s, 8) {
		if code, ok := vendorFault(found); ok {
			return code, true
		}
	}
	// What else the vendors' codes mean is known where their pages are read.
	if reading := fault.ReadPageFor("", "oidc", s); len(reading.Codes) > 0 && len(reading.Faults) > 0 && vendorCode.MatchString(reading.Codes[0]) && reading.Faults[0].Confidence != fault.Guess {
		return reading.Faults[0].Code, true
	}
	return "", false
}

func vendorFault(code string) (fault.Code, bool) {
	switch code {
	case "AADSTS7000215", "MSIS9622":
		return fault.OIDCSecretRefused, true
	case "AADSTS7000222":
		return fault.OIDCSecretExpired, true
	case "AADSTS7000218", "AADSTS7000216":
		return fault.OIDCSecretMissing, true
	case "AADSTS700027", "AADSTS700023", "AADSTS700024":
		return fault.OIDCClientKeyFault, true
	case "AADSTS700016", "AADSTS650056", "MSIS9223":
		return fault.OIDCClientUnknown, true
	case "AADSTS700025":
		return fault.OIDCPublicClient, true
	case "AADSTS9002327", "AADSTS9002325", "AADSTS9002326":
		return fault.OIDCSPA, true
	case "AADSTS50011", "AADSTS500112", "AADSTS500113", "MSIS9224":
		return fault.OIDCRedirectURI, true
	case "AADSTS54005":
		return fault.OIDCCodeUsed, true
	case "AADSTS70008", "AADSTS70000", "AADSTS9002313", "AADSTS501481", "MSIS9247":
		return fault.OIDCCodeRefused, true
	case "AADSTS90002", "AADSTS900023":
		return fault.OIDCTenantUnknown, true
	case "AADSTS90038", "AADSTS900439", "AADSTS900432":
		return fault.OIDCOtherCloud, true
	case "AADSTS50194":
		return fault.OIDCSingleTenant, true
	case "AADSTS50020", "AADSTS500208", "AADSTS500207", "AADSTS9002332":
		return fault.OIDCPersonal, true
	case "AADSTS50105":
		return fault.OIDCNotAssigned, true
	case "AADSTS65004":
		return fault.LoginCancelled, true
	case "AADSTS65001", "AADSTS90094", "AADSTS90095", "AADSTS90093":
		return fault.OIDCConsent, true
	case "AADSTS53000", "AADSTS53001", "AADSTS53002", "AADSTS53003", "AADSTS53004", "AADSTS530003", "MSIS5007":
		return fault.OIDCPolicy, true
	case "AADSTS70011", "AADSTS650053", "AADSTS650052":
		return fault.OIDCScope, true
	case "MSIS9321":
		return fault.OIDCResource, true
	}
	return "", false
}

// refusal names the error that came back in place of a code (RFC 6749, section 4.1.2.1; OpenID Connect Core, section
// 3.1.2.6). The text came through the browser: it is quoted, and changes nothing.
func refusal(code, description string) error {
	f := &fault.Error{Detail: said(code, description), Confidence: fault.Likely}
	if known, ok := codeInText(description); ok {
		f.Code = known
		return f
	}
	text := strings.ToLower(description)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	switch code {
	case "login_required":
		f.Code = fault.LoginRequired
	case "interaction_required", "account_selection_required":
		f.Code = fault.LoginInteraction
	case "consent_required":
		f.Code = fault.OIDCConsent
	case "user_cancelled_authorize", "user_cancelled_login":
		f.Code = fault.LoginCancelled
	case "access_denied":
		switch {
		case has("not assigned"):
			f.Code = fault.OIDCNotAssigned
		case has("policy"):
			f.Code = fault.OIDCPolicy
		case text == "", has("cancel", "abort", "declined", "user denied", "user has denied", "denied access", "resource owner"):
			f.Code = fault.LoginCancelled
		default:
			f.Code = fault.OIDCAccessDenied
		}
	case "invalid_scope":
		f.Code = fault.OIDCScope
	case "unauthorized_client", "unsupported_response_type":
		f.Code = fault.OIDCFlow
	case "invalid_client":
		f.Code = fault.OIDCClientUnknown
	case "redirect_uri_mismatch":
		f.Code = fault.OIDCRedirectURI
	case "application_suspended":
		f.Code = fault.OIDCAppSuspended
	case "invalid_request", "request_not_supported", "request_uri_not_supported", "registration_not_supported":
		f.Code = fault.OIDCRequest
		if has("redirect_uri", "redirect uri") {
			f.Code = fault.OIDCRedirectURI
		}
	default:
		f.Code = fault.OIDCProvider
		if r := fault.ReadPageFor("", "oidc", code+" "+description); len(r.Faults) > 0 && r.Faults[0].Confidence != fault.Guess && r.Faults[0].Code != fault.IdPOutage {
			f.Code = r.Faults[0].Code // an error of the vendor's own, as its pages show it
		}
	}
	return f
}

// tokenRefusal names an error of the token endpoint (RFC 6749, section 5.2). method is the client authentication it
// refused.
func tokenRefusal(code, description, method string) error {
	f := &fault.Error{Detail: said(code, description), Confidence: fault.Proved}
	if known, ok := codeInText(description); ok {
		f.Code = known
		return f
	}
	text := strings.ToLower(description)
	switch code {
	case "invalid_client":
		f.Code = fault.OIDCSecretRefused
		if !strings.Contains(text, "secret") {
			f.Confidence = fault.Likely // said of an unknown client and of an expired secret as well
		}
		switch {
		case methodRefused(text):
			f.Code = fault.OIDCAuthMethod
		case method == public:
			f.Code = fault.OIDCSecretMissing
		case method == privateJWT:
			f.Code = fault.OIDCAssertion
		case strings.Contains(text, "expired"):
			f.Code = fault.OIDCSecretExpired
		case gone(text):
			f.Code = fault.OIDCClientUnknown
		}
	case "invalid_grant":
		f.Code, f.Confidence = fault.OIDCCodeRefused, fault.Likely
		switch {
		case strings.Contains(text, "redirect"):
			f.Code = fault.OIDCRedirectURI
		case strings.Contains(text, "already"):
			f.Code = fault.OIDCCodeUsed
		}
	case "redirect_uri_mismatch":
		f.Code = fault.OIDCRedirectURI
	case "unauthorized_client":
		f.Code = fault.OIDCFlow
		switch {
		case strings.Contains(text, "grant type"), strings.Contains(text, "grant_type"): // it may go on to name client_credentials
		case strings.Contains(text, "credentials"), strings.Contains(text, "client secret"): // Keycloak's words for a wrong secret
			f.Code = fault.OIDCSecretRefused
		case methodRefused(text):
			f.Code = fault.OIDCAuthMethod
		}
	case "unsupported_grant_type":
		f.Code = fault.OIDCFlow
	case "invalid_scope":
		f.Code = fault.OIDCScope
	case "access_denied":
		f.Code = fault.OIDCAccessDenied
	case "invalid_request":
		f.Code = fault.OIDCRequest
	default:
		f.Code = fault.OIDCProvider
	}
	return f
}

// gone says that a provider does not know the client any more, or never did.
func gone(text string) bool {
	return slices.ContainsFunc([]string{"not found", "unknown client", "does not exist", "deleted", "no such client"}, func(w string) bool { return strings.Contains(text, w) })
}

// methodRefused says that a provider refuses the way in which a client proved itself, not the proof.
func methodRefused(text string) bool {
	return slices.ContainsFunc([]string{"authentication method", "auth method", "auth_method", "client_secret_basic", "client_secret_post", "http basic", "authorization header"},
		func(w string) bool { return strings.Contains(text, w) })
}

func said(code, description string) string {
	code, description = excerpt(code), excerpt(description)
	if description == "" {
		return code
	}
	return code + ": " + description
}
