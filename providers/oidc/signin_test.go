package oidc_test

import (
	"strings"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/oidcop"
)

// What a vendor says at the callback, the token endpoint or userinfo of a real sign-in ends in a fault of its own, whose
// side is right and whose fix names that console's field.
func TestVendorsRefusals(t *testing.T) {
	signedIn := func(o *oidcop.Options) { o.AutoApprove = "ada" }
	wrong := m{"client_secret": "wrong"}
	for _, tt := range []struct {
		name     string
		like     oidcop.Like
		settings m
		change   func(*oidcop.Client)
		want     fault.Code
		side     fault.Side
		label    string
	}{
		{"OIDC-02 single-page application", oidcop.LikeEntra, nil, func(c *oidcop.Client) { c.Platform = oidcop.SPA }, fault.OIDCSPA, fault.IdP, "Authentication"},
		{"OIDC-03 mobile and desktop", oidcop.LikeEntra, nil, func(c *oidcop.Client) { c.Platform = oidcop.Mobile }, fault.OIDCPublicClient, fault.IdP, "Authentication"},
		{"OIDC-05 Entra", oidcop.LikeEntra, wrong, nil, fault.OIDCSecretRefused, fault.IdP, "Certificates & secrets"},
		{"OIDC-05 Okta", oidcop.LikeOkta, wrong, nil, fault.OIDCSecretRefused, fault.IdP, "General > Client Credentials"},
		{"OIDC-05 Google", oidcop.LikeGoogle, wrong, nil, fault.OIDCSecretRefused, fault.IdP, "Clients"},
		{"OIDC-05 Keycloak", oidcop.LikeKeycloak, wrong, nil, fault.OIDCSecretRefused, fault.IdP, "Credentials"},
		{"OIDC-05 AD FS", oidcop.LikeADFS, wrong, nil, fault.OIDCSecretRefused, fault.IdP, "shared secret"},
		{"OIDC-06 expired", oidcop.LikeEntra, nil, func(c *oidcop.Client) { c.SecretExpires = time.Now().Add(-time.Minute) }, fault.OIDCSecretExpired, fault.IdP, "Certificates & secrets"},
		{"OIDC-21 not assigned", oidcop.LikeOkta, nil, func(c *oidcop.Client) { c.Assigned = []string{} }, fault.OIDCNotAssigned, fault.IdP, "Assignments"},
		{"access policy", oidcop.LikeOkta, nil, func(c *oidcop.Client) { c.PolicyDenies = true }, fault.OIDCPolicy, fault.IdP, "Access Policies"},
		{"OIDC-29 resource", oidcop.LikeADFS, nil, func(c *oidcop.Client) { c.NoResource = true }, fault.OIDCResource, fault.IdP, "Client Permissions"},
		{"OIDC-32 Okta", oidcop.LikeOkta, nil, func(c *oidcop.Client) { c.NoCodeFlow = true }, fault.OIDCFlow, fault.IdP, "Grant type > Authorization Code"},
		{"OIDC-32 Keycloak", oidcop.LikeKeycloak, nil, func(c *oidcop.Client) { c.NoCodeFlow = true }, fault.OIDCFlow, fault.IdP, "Standard flow"},
		{"OIDC-33 Okta", oidcop.LikeOkta, nil, func(c *oidcop.Client) { c.Scopes = []string{} }, fault.OIDCScope, fault.IdP, "Scopes"},
		{"OIDC-33 Keycloak", oidcop.LikeKeycloak, nil, func(c *oidcop.Client) { c.Scopes = []string{} }, fault.OIDCScope, fault.IdP, "Client scopes"},
		{"other client authentication", oidcop.LikeOkta, m{"client_auth": "client_secret_post"}, func(c *oidcop.Client) { c.AuthMethods = []string{"client_secret_basic"} }, fault.OIDCAuthMethod, fault.Ours, "Client authentication"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			change := func(*oidcop.Client) {}
			if tt.change != nil {
				change = tt.change
			}
			x := imitating(t, tt.like, tt.settings, signedIn, client(change))
			f := x.refused(tt.want)
			if e := fault.Lookup(tt.want); e.Side != tt.side {
				t.Errorf("side %s", e.Side)
			}
			fix := f.Fix
			if fix == "" {
				fix = fault.Lookup(tt.want).Fix
			}
			if text := fix + " " + strings.Join(f.Labels, " "); !strings.Contains(text, tt.label) {
				t.Errorf("%q does not name %s", text, tt.label)
			}
		})
	}
	for _, like := range []oidcop.Like{"", oidcop.LikeEntra, oidcop.LikeOkta, oidcop.LikeGoogle, oidcop.LikeKeycloak} {
		x := imitating(t, like, nil, signedIn)
		if like == oidcop.LikeEntra {
			x.op.Lie(oidcop.Lies{Claims: oidcop.Set(m{"tid": acme})})
		}
		if idn := x.mustLogin(); idn.Subject != "u-1" {
			t.Errorf("%s: %+v", like, idn)
		}
	}
}

// A vendor's codes that no table of ours holds are read as its pages are.
func TestCodesReadAsOnPages(t *testing.T) {
	x := imitating(t, oidcop.LikeEntra, nil)
	r := x.request()
	for said, want := range map[string]fault.Code{
		"AADSTS7000112: Application is disabled.":    fault.IdPAppDisabled,
		"AADSTS50196: The server terminated a loop.": fault.IdPLoop,
		"AADSTS50105: not assigned":                  fault.OIDCNotAssigned,
		"AADSTS90038: national cloud":                fault.OIDCOtherCloud,
		"AADSTS65001: consent":                       fault.OIDCConsent,
	} {
		_, err := x.p.Finish(t.Context(), r, query("state", r.Handle, "error", "access_denied", "error_description", said))
		if fault.CodeOf(err) != want {
			t.Errorf("%s: %v", said, err)
		}
	}
}

// TIME-02, TIME-03: a token that was issued just now tells the provider's clock.
func TestProvidersClock(t *testing.T) {
	for _, tt := range []struct {
		ahead  time.Duration
		want   fault.Code
		detail string
	}{
		{5 * time.Minute, fault.OIDCNotYetValid, "5m0s fast"},
		{-20 * time.Minute, fault.OIDCExpired, "20m0s slow"},
		{2 * time.Hour, fault.OIDCTimeZone, "2h0m0s fast"},
		{-5 * time.Hour, fault.OIDCTimeZone, "5h0m0s slow"},
		{90 * time.Minute, fault.OIDCNotYetValid, "1h30m0s fast"},
	} {
		x := begin(t, "generic", nil)
		x.op.Lie(oidcop.Lies{Claims: func(c map[string]any) {
			c["iat"], c["exp"] = time.Now().Add(tt.ahead).Unix(), time.Now().Add(tt.ahead+5*time.Minute).Unix()
		}})
		f := x.refused(tt.want)
		if !strings.HasSuffix(f.Detail, tt.detail) && !strings.HasSuffix(f.Detail, strings.Replace(tt.detail, "m0s", "m1s", 1)) && !strings.Contains(f.Detail, "59") {
			t.Errorf("%s: %q", tt.ahead, f.Detail)
		}
	}
	x := begin(t, "generic", nil) // issued in time, but good for no time
	x.op.Lie(oidcop.Lies{Claims: func(c map[string]any) { c["exp"] = time.Now().Add(-2 * time.Minute).Unix() }})
	if f := x.refused(fault.OIDCExpired); f.Detail != "" || f.Fix != "" {
		t.Errorf("the clock is blamed: %+v", f)
	}
}

// A test's report warns of what the provider left out, with where its console makes it say that.
func TestLeftOut(t *testing.T) {
	signedIn := func(o *oidcop.Options) { o.AutoApprove = "ada" }
	none := m{"email": nil, "groups": nil}
	for _, tt := range []struct {
		name     string
		like     oidcop.Like
		settings m
		change   func(*oidcop.Client)
		claims   m
		want     fault.Code
		label    string
	}{
		{"OIDC-14 Entra", oidcop.LikeEntra, nil, nil, m{"tid": acme, "email": nil}, fault.OIDCNoEmail, "Token configuration > Add optional claim"},
		{"OIDC-14 Keycloak", oidcop.LikeKeycloak, nil, nil, none, fault.OIDCNoEmail, "Client scopes"},
		{"OIDC-15 AD FS", oidcop.LikeADFS, nil, func(c *oidcop.Client) { c.Scopes = []string{"email", "profile"} }, nil, fault.OIDCNoEmail, "allatclaims"},
		{"OIDC-17 Entra", oidcop.LikeEntra, nil, nil, m{"tid": acme, "groups": nil, "hasgroups": true}, fault.LoginGroupsOmitted, "Groups assigned to the application"},
		{"OIDC-18 Okta", oidcop.LikeOkta, m{"scopes": []string{"openid", "email", "profile", "groups"}}, nil, m{"groups": nil}, fault.OIDCNoGroups, "Group claims filter"},
		{"nothing", oidcop.LikeOkta, nil, nil, nil, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			change := func(*oidcop.Client) {}
			if tt.change != nil {
				change = tt.change
			}
			x := imitating(t, tt.like, tt.settings, signedIn, client(change))
			x.op.Lie(oidcop.Lies{Claims: oidcop.Set(tt.claims), UserInfo: oidcop.Set(none)})
			r := x.request()
			got := x.p.(providers.Explainer).Explain(t.Context(), r, x.answer(r))
			if !got.OK() || got.Identity == nil {
				t.Fatalf("%+v", got.Findings)
			}
			if tt.want == "" {
				if len(got.Findings) != 0 {
					t.Errorf("%+v", got.Findings)
				}
				return
			}
			if len(got.Findings) != 1 || fault.CodeOf(got.Findings[0].Err) != tt.want || got.Findings[0].Severity != "warning" {
				t.Fatalf("%+v", got.Findings)
			}
			if f := fault.As(got.Findings[0].Err); !strings.Contains(f.Fix, tt.label) {
				t.Errorf("fix %q", f.Fix)
			}
		})
	}
}
