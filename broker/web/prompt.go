package web

import (
	"net/http"
	"net/url"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/templates"
)

// PromptFields are the fields of a provider that asks on a page of ours; name is what stands in the first.
func PromptFields(asked []providers.Prompt, name string) []templates.PromptField {
	out := make([]templates.PromptField, 0, len(asked))
	for _, p := range asked {
		f := templates.PromptField{Name: p.Name, Secret: p.Secret}
		if !p.Secret && p.Name == "username" {
			f.Value = name
		}
		out = append(out, f)
	}
	return out
}

// Typed is what a person typed, without what the page itself put into its form.
func Typed(form url.Values) url.Values {
	return url.Values{"username": form["username"], "password": form["password"]}
}

// PromptWrong is what the page says of a try that failed, "" for what ends on an error page. That a name is unknown, a
// password wrong and an account locked is one sentence: a directory says the last to anybody, and nobody is to learn here
// who exists.
func PromptWrong(err error) (id string, status int) {
	switch fault.CodeOf(err) {
	case fault.LDAPInput, fault.LDAPPersonUnknown, fault.LDAPPersonAmbiguous, fault.LDAPPassword, fault.LDAPLocked:
		return templates.PromptWrong, http.StatusUnprocessableEntity
	case fault.LDAPDisabled, fault.LDAPAccountExpired:
		return templates.PromptDisabled, http.StatusForbidden
	case fault.LDAPLogonHours:
		return templates.PromptRestricted, http.StatusForbidden
	case fault.LDAPPasswordExpired, fault.LDAPPasswordChange:
		return templates.PromptChange, http.StatusForbidden
	case fault.LoginGuessWait:
		return templates.PromptWait, http.StatusTooManyRequests
	}
	return "", 0
}
