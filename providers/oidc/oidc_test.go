package oidc_test

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/oidc"
	"cloakroom/providers/providertest/oidcop"
)

func TestSignIn(t *testing.T) {
	x := begin(t, "generic", nil)
	idn := x.mustLogin()
	if idn.Issuer != x.op.Issuer() || idn.Subject != "u-1" || idn.EmailVerified == nil || !*idn.EmailVerified {
		t.Errorf("identity %+v", idn)
	}
	for name, want := range map[string][]string{"email": {"ada@acme.example"}, "email_verified": {"true"}, "groups": {"staff", "math"}, "given_name": {"Ada"}, "iss": {x.op.Issuer()}} {
		if got := idn.Attributes[name]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if idn.SessionIndex == "" || strings.Count(idn.IDToken, ".") != 2 || idn.AuthTime.IsZero() || !reflect.DeepEqual(idn.AMR, []string{"pwd"}) {
		t.Errorf("session %q, auth time %s, amr %v", idn.SessionIndex, idn.AuthTime, idn.AMR)
	}
	if idn.Attributes["nonce"] != nil || idn.Attributes["at_hash"] != nil {
		t.Error("protocol values are among the attributes")
	}
	if n := x.op.Requests("userinfo"); n != 0 {
		t.Errorf("userinfo was asked %d times although the ID token says all", n)
	}
	x.mustLogin()
	if a, b := x.op.Requests(".well-known/openid-configuration"), x.op.Requests("jwks"); a != 1 || b != 1 {
		t.Errorf("%d discoveries and %d key fetches for two sign-ins", a, b)
	}
}

func TestStart(t *testing.T) {
	x := begin(t, "generic", map[string]any{"authorization_params": map[string]string{"prompt": "consent", "resource": "urn:x"}, "scopes": []string{"email"}, "response_mode": "form_post"})
	r := x.request()
	parameters := func() url.Values {
		t.Helper()
		c, err := x.p.Start(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(c.URL)
		return u.Query()
	}
	q := parameters()
	for k, want := range map[string]string{"response_type": "code", "client_id": clientID, "redirect_uri": callback, "state": r.Handle,
		"scope": "openid email", "code_challenge_method": "S256", "response_mode": "form_post", "prompt": "consent", "resource": "urn:x"} {
		if got := q.Get(k); got != want {
			t.Errorf("%s=%q, want %q", k, got, want)
		}
	}
	if len(q.Get("nonce")) != 43 || len(q.Get("code_challenge")) != 43 || q.Get("nonce") == q.Get("code_challenge") {
		t.Errorf("nonce %q, challenge %q", q.Get("nonce"), q.Get("code_challenge"))
	}
	r.ForceAuthn, r.LoginHint, r.UILocales, r.ACR = true, "ada@acme.example", []string{"fr", "en"}, []string{"mfa"}
	q = parameters()
	for k, want := range map[string]string{"prompt": "login", "max_age": "0", "login_hint": "ada@acme.example", "ui_locales": "fr en", "acr_values": "mfa"} {
		if got := q.Get(k); got != want {
			t.Errorf("%s=%q, want %q", k, got, want)
		}
	}
	r.Passive = true
	if q = parameters(); q.Get("prompt") != "none" || q.Has("max_age") {
		t.Errorf("passive: %v", q)
	}
	other := r
	other.Secret = []byte(strings.Repeat("t", 32))
	before := q.Get("nonce")
	if r = other; parameters().Get("nonce") == before {
		t.Error("two sign-ins share a nonce")
	}
}

func TestOpenRefusesSettings(t *testing.T) {
	for name, config := range map[string]string{
		"no JSON":              `{`,
		"no issuer":            `{"client_id":"a"}`,
		"no client":            `{"issuer":"https://op.example"}`,
		"issuer without host":  `{"issuer":"https://","client_id":"a"}`,
		"issuer with query":    `{"issuer":"https://op.example?x=1","client_id":"a"}`,
		"issuer of a file":     `{"issuer":"file:///etc/passwd","client_id":"a"}`,
		"nonce overridden":     `{"issuer":"https://op.example","client_id":"a","authorization_params":{"nonce":"fixed"}}`,
		"state overridden":     `{"issuer":"https://op.example","client_id":"a","authorization_params":{"state":"fixed"}}`,
		"challenge overridden": `{"issuer":"https://op.example","client_id":"a","authorization_params":{"code_challenge":"x"}}`,
		"a MAC":                `{"issuer":"https://op.example","client_id":"a","algorithms":["HS256"]}`,
		"no signature":         `{"issuer":"https://op.example","client_id":"a","algorithms":["none"]}`,
		"unknown auth":         `{"issuer":"https://op.example","client_id":"a","client_auth":"magic"}`,
		"unknown userinfo":     `{"issuer":"https://op.example","client_id":"a","userinfo":"maybe"}`,
		"bad skew":             `{"issuer":"https://op.example","client_id":"a","clock_skew":"long"}`,
	} {
		s := begin(t, "generic", nil).set
		s.Config = []byte(config)
		if _, err := (oidc.Protocol{}).Open(s); fault.CodeOf(err) != fault.OIDCSettings {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	x := begin(t, "generic", nil)
	r := x.request()
	state := r.Handle
	for name, tt := range map[string]struct {
		reply providers.Reply
		want  fault.Code
	}{
		"empty":            {query(), fault.LoginUnknown},
		"no state":         {query("code", "x"), fault.LoginUnknown},
		"foreign state":    {query("code", "x", "state", strings.Repeat("x", 43)), fault.LoginUnknown},
		"state alone":      {query("state", state), fault.OIDCAnswer},
		"two codes":        {query("state", state, "code", "a", "code", "b"), fault.OIDCAnswer},
		"two states":       {query("state", state, "state", state, "code", "b"), fault.OIDCAnswer},
		"code and error":   {query("state", state, "code", "a", "error", "access_denied"), fault.OIDCAnswer},
		"huge code":        {query("state", state, "code", strings.Repeat("a", 20<<10)), fault.OIDCAnswer},
		"unknown code":     {query("state", state, "code", "never-issued"), fault.OIDCCodeUsed},
		"foreign issuer":   {query("state", state, "code", "a", "iss", "https://evil.example"), fault.OIDCAnswerIssuer},
		"post without any": {providers.Reply{Method: "POST", Query: query("state", state, "code", "x").Query}, fault.LoginUnknown},
	} {
		idn, err := x.p.Finish(t.Context(), r, tt.reply)
		t.Run(name, func(t *testing.T) { wantFault(t, idn, err, tt.want) })
	}
	idn, err := x.p.Finish(t.Context(), providers.Request{}, query("state", "", "code", "x"))
	wantFault(t, idn, err, fault.LoginUnknown) // unsolicited: there is no such thing in OpenID Connect
}

func TestAnswerIssuerWhereAdvertised(t *testing.T) {
	x := begin(t, "generic", nil, func(o *oidcop.Options) { o.NamesIssuer = true })
	x.mustLogin()
	x.op.Lie(oidcop.Lies{Answer: func(v url.Values) { v.Del("iss") }})
	x.refused(fault.OIDCAnswerIssuer)
	x.op.Lie(oidcop.Lies{Answer: func(v url.Values) { v.Set("iss", "https://other.example") }})
	x.refused(fault.OIDCAnswerIssuer)
	x.op.Lie(oidcop.Lies{Answer: func(v url.Values) {
		v.Del("code")
		v.Set("error", "access_denied")
		v.Set("iss", "https://other.example")
	}})
	x.refused(fault.OIDCAnswerIssuer)
}

func TestACodeIsBoundToItsSignIn(t *testing.T) {
	x := begin(t, "generic", nil)
	victim := x.request()
	attacker := victim
	attacker.Secret = []byte(strings.Repeat("a", 32))
	// A code from the attacker's own sign-in, injected into the victim's: PKCE refuses it at the provider …
	idn, err := x.p.Finish(t.Context(), victim, x.answer(attacker))
	wantFault(t, idn, err, fault.OIDCCodeRefused)
	// … and where the provider ignores PKCE, the nonce does.
	x.op.Lie(oidcop.Lies{Claims: oidcop.Set(map[string]any{"nonce": "of-another-sign-in"})})
	x.refused(fault.OIDCNonce)
}

func TestFormPost(t *testing.T) {
	x := begin(t, "generic", nil)
	r := x.request()
	got := x.answer(r)
	reply := providers.Reply{Method: "POST", URL: &url.URL{}, Query: url.Values{}, Form: got.Query}
	if h := x.p.(providers.HandleFinder).Handle(reply); h != r.Handle {
		t.Errorf("handle %q", h)
	}
	if idn, err := x.p.Finish(t.Context(), r, reply); err != nil || idn.Subject != "u-1" {
		t.Errorf("got %v %v", idn, err)
	}
}

func TestForcedSignInMustBeFresh(t *testing.T) {
	x := begin(t, "generic", nil)
	r := x.request()
	r.ForceAuthn = true
	if _, err := x.p.Finish(t.Context(), r, x.answer(r)); err != nil {
		t.Fatal(err)
	}
	x.op.Lie(oidcop.Lies{Claims: oidcop.Set(map[string]any{"auth_time": time.Now().Add(-time.Hour).Unix()})})
	idn, err := x.p.Finish(t.Context(), r, x.answer(r))
	wantFault(t, idn, err, fault.LoginUpstreamStale)
}

func TestRefusals(t *testing.T) {
	g := begin(t, "generic", nil)
	r := g.request()
	for _, tt := range []struct {
		error, description string
		want               fault.Code
	}{
		{"access_denied", "", fault.LoginCancelled},
		{"access_denied", "User is not assigned to the client application.", fault.OIDCNotAssigned},
		{"access_denied", "Policy evaluation failed for this request, please check the policy configurations.", fault.OIDCPolicy},
		{"access_denied", "AADSTS50105: The signed in user is not assigned", fault.OIDCNotAssigned},
		{"access_denied", "AADSTS65004: User declined to consent", fault.LoginCancelled},
		{"access_denied", "End-User aborted interaction", fault.LoginCancelled},
		{"access_denied", "because we say so", fault.OIDCAccessDenied},
		{"user_cancelled_authorize", "", fault.LoginCancelled},
		{"login_required", "", fault.LoginRequired},
		{"interaction_required", "", fault.LoginInteraction},
		{"account_selection_required", "", fault.LoginInteraction},
		{"consent_required", "", fault.OIDCConsent},
		{"consent_required", "AADSTS90094: admin", fault.OIDCConsent},
		{"interaction_required", "AADSTS53003: blocked by Conditional Access", fault.OIDCPolicy},
		{"invalid_scope", "One or more scopes are not configured", fault.OIDCScope},
		{"unauthorized_client", "", fault.OIDCFlow},
		{"unsupported_response_type", "", fault.OIDCFlow},
		{"invalid_request", "redirect_uri does not match", fault.OIDCRedirectURI},
		{"invalid_request", "MSIS9321: Received invalid OAuth request", fault.OIDCResource},
		{"invalid_request", "MSIS9224: redirect", fault.OIDCRedirectURI},
		{"invalid_request", "something", fault.OIDCRequest},
		{"invalid_client", "", fault.OIDCClientUnknown},
		{"unauthorized_client", "AADSTS700016: Application not found", fault.OIDCClientUnknown},
		{"invalid_request", "AADSTS50194: not multi-tenant", fault.OIDCSingleTenant},
		{"invalid_request", "AADSTS500208: personal", fault.OIDCPersonal},
		{"invalid_request", "AADSTS900439: USGClientNotSupportedOnPublicEndpoint", fault.OIDCOtherCloud},
		{"application_suspended", "", fault.OIDCAppSuspended},
		{"server_error", "", fault.OIDCProvider},
		{"temporarily_unavailable", "", fault.OIDCProvider},
		{"<script>\x00", "\xff\n\r", fault.OIDCProvider},
	} {
		idn, err := g.p.Finish(t.Context(), r, query("state", r.Handle, "error", tt.error, "error_description", tt.description))
		f := wantFault(t, idn, err, tt.want)
		if strings.ContainsAny(f.Detail, "\x00\n\r") || strings.Contains(f.Detail, "\xff") {
			t.Errorf("control characters in %q", f.Detail)
		}
		if !strings.Contains(f.Detail, strings.TrimSuffix(tt.error, "\x00")) {
			t.Errorf("the detail %q does not keep %q", f.Detail, tt.error)
		}
	}
}

func TestLogout(t *testing.T) {
	x := begin(t, "generic", nil)
	idn := x.mustLogin()
	l := x.p.(providers.LogoutStarter)
	r := x.request()
	c, ok, err := l.StartLogout(t.Context(), r, idn, "https://sso.example/back")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	u, _ := url.Parse(c.URL)
	q := u.Query()
	if u.Path != "/end-session" || q.Get("id_token_hint") != idn.IDToken || q.Get("state") != r.Handle || q.Get("post_logout_redirect_uri") != "https://sso.example/back" || q.Get("client_id") != clientID {
		t.Errorf("%s", c.URL)
	}
	idn.IDToken = strings.Repeat("x", 5000)
	if c, _, _ = l.StartLogout(t.Context(), r, idn, ""); c.Form.Get("id_token_hint") != idn.IDToken || strings.Contains(c.URL, "?") {
		t.Error("a long hint is not posted")
	}
	x.op.Lie(oidcop.Lies{Discovery: oidcop.Set(map[string]any{"end_session_endpoint": nil})})
	x.open()
	if _, ok, err = x.p.(providers.LogoutStarter).StartLogout(t.Context(), r, idn, ""); ok || err != nil {
		t.Errorf("without an endpoint: %v %v", ok, err)
	}
}

func TestReceivedLogout(t *testing.T) {
	x := begin(t, "generic", nil)
	l := x.p.(providers.LogoutReceiver)
	claims := func(change map[string]any) map[string]any {
		c := map[string]any{"iss": x.op.Issuer(), "aud": clientID, "iat": time.Now().Unix(), "jti": "1", "sid": "s-1", "sub": "u-1",
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}
		oidcop.Set(change)(c)
		return c
	}
	send := func(token string) (providers.Logout, error) {
		reply := providers.Reply{Method: "POST", Form: url.Values{"logout_token": {token}}}
		if !l.IsLogout(reply) {
			t.Fatal("not taken for a logout")
		}
		return l.ReceiveLogout(t.Context(), providers.Request{}, reply)
	}
	if got, err := send(x.op.Sign(claims(nil))); err != nil || got.SessionIndex != "s-1" || got.Subject != "u-1" {
		t.Errorf("got %+v %v", got, err)
	}
	for name, change := range map[string]map[string]any{
		"an ID token":    {"events": nil, "nonce": "n"},
		"with a nonce":   {"nonce": "n"},
		"other audience": {"aud": "other"},
		"other issuer":   {"iss": "https://other.example"},
		"no time":        {"iat": nil},
		"nobody":         {"sid": nil, "sub": nil},
		"no jti":         {"jti": nil},
		"expired":        {"exp": time.Now().Add(-time.Hour).Unix()},
	} {
		if got, err := send(x.op.Sign(claims(change))); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if _, err := send("not.a.token"); err == nil {
		t.Error("nonsense was taken")
	}
	front := query("iss", x.op.Issuer(), "sid", "s-2")
	if got, err := l.ReceiveLogout(t.Context(), providers.Request{}, front); !l.IsLogout(front) || err != nil || got.SessionIndex != "s-2" {
		t.Errorf("front channel: %+v %v", got, err)
	}
	if _, err := l.ReceiveLogout(t.Context(), providers.Request{}, query("iss", "https://other.example", "sid", "s-2")); fault.CodeOf(err) != fault.OIDCLogoutToken {
		t.Errorf("front channel of another: %v", err)
	}
	back := query("state", "handle")
	if got, err := l.ReceiveLogout(t.Context(), providers.Request{}, back); !l.IsLogout(back) || err != nil || !got.Answered || got.Handle != "handle" {
		t.Errorf("back from logout: %+v %v", got, err)
	}
	if l.IsLogout(query("state", "h", "code", "c")) || l.IsLogout(query("state", "h", "error", "e")) || l.IsLogout(query()) {
		t.Error("a sign-in answer is taken for a logout")
	}
}
