//go:build interop

package interop

import (
	"net/url"
	"strings"
	"testing"
)

// The secrets hold what a header, a form or a configuration file may stumble over. Apache's directive takes no quotation
// mark, so it has none.
const (
	appSecret      = `s p%41+&=:/?#[]@!$'()*,;~"\<é>` + "`|^{}"
	apacheSecret   = `s%41+&=:/?#[]@!$()*,;~|^{}<>-0123456789`
	upstreamSecret = `up%2Fstream+&=:/?#~ secret-0123456789abcdef`
)

// town is the broker with everybody around it: two products as identity providers, four connections to the one and two
// to the other, and five applications.
type town struct {
	*broker
	saml, op, app, signing, query, formPost, spa site
}

func newTown(t *testing.T) *town {
	w := &town{broker: startBroker(t)}
	w.api("POST", "/realms", obj{"name": "acme", "display_name": "Acme"}, 201, nil)
	for _, d := range []string{"saml.example", "op.example"} {
		w.api("POST", "/realms/acme/domains", obj{"domain": d, "verified": true}, 201, nil)
	}
	w.applications(t)
	w.simpleSAML(t)
	w.openIDProvider(t)
	return w
}

func (w *town) applications(t *testing.T) {
	appPort, signingPort, queryPort, postPort := freePort(t), freePort(t), freePort(t), freePort(t)
	app, signing := "http://app.localhost:"+appPort, "http://app.localhost:"+signingPort
	w.broker.client("openid-client", obj{
		"display_name": "App on openid-client", "client_secret": appSecret, "redirect_uris": []string{app + "/callback"},
		"post_logout_redirect_uris": []string{app + "/"}, "initiate_login_uri": app + "/login",
	})
	w.api("PATCH", "/realms/acme", obj{"default_client_id": "openid-client"}, 200, nil)
	w.app = openIDClient(t, w.broker, appPort, "openid-client", appSecret)
	w.broker.client("openid-client-signing", obj{
		"display_name": "Signing app on openid-client", "token_endpoint_auth_method": "private_key_jwt", "jwks_uri": signing + "/jwks",
		"require_par": true, "id_token_signed_response_alg": "ES256", "redirect_uris": []string{signing + "/callback"},
		"post_logout_redirect_uris": []string{signing + "/"},
	})
	w.signing = openIDClient(t, w.broker, signingPort, "openid-client-signing", "")
	var callbacks, farewells []string
	for _, port := range []string{queryPort, postPort} {
		callbacks = append(callbacks, "https://apache.localhost:"+port+"/secure/redirect_uri")
		farewells = append(farewells, "https://apache.localhost:"+port+"/out.html")
	}
	w.broker.client("apache", obj{"display_name": "App behind Apache", "client_secret": apacheSecret, "redirect_uris": callbacks, "post_logout_redirect_uris": farewells})
	w.query = apache(t, w.broker, queryPort, "query", apacheSecret)
	w.formPost = apache(t, w.broker, postPort, "form_post", apacheSecret)
	w.spa = spa(t, w.broker)
	// Keycloak's adapters read the access token.
	w.broker.client("keycloak-js", obj{
		"display_name": "App on keycloak-js", "public": true, "access_token_format": "jwt",
		"redirect_uris": []string{w.spa.URL + "/", w.spa.URL + "/?init=check-sso"}, "post_logout_redirect_uris": []string{w.spa.URL + "/?init=check-sso"},
	})
}

// simpleSAML connects SimpleSAMLphp as an administrator does: a connection without metadata first, whose own metadata is
// given to SimpleSAMLphp, then its metadata to us.
func (w *town) simpleSAML(t *testing.T) {
	persistent := "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	connections := map[string]struct{ settings, ours obj }{
		"saml-sealed": {obj{"assertion.encryption": true, "NameIDFormat": persistent}, obj{"encrypt": "required", "allow_cbc": true, "name_id_format": persistent}},
		"saml-gcm":    {obj{"assertion.encryption": true, "NameIDFormat": persistent}, obj{"encrypt": "required", "name_id_format": persistent}},
		"saml-post":   {obj{}, obj{"binding": "post", "encrypt": "never"}},
		"saml-portal": {obj{"NameIDFormat": persistent}, obj{"idp_initiated": true}},
	}
	sps := map[string]obj{}
	for slug, c := range connections {
		handover := w.connect(slug, obj{"protocol": "saml", "preset": "generic", "enabled": true, "domains": []string{"saml.example"}, "saml": c.ours})
		sps[handover["metadata_url"].(string)] = c.settings
	}
	w.saml = simpleSAML(t, "app.localhost "+strings.TrimPrefix(w.app.URL, "http://"), sps)
	for slug := range connections {
		w.api("PATCH", "/realms/acme/connections/"+slug, obj{"saml": obj{"metadata_url": w.saml.URL + "/saml2/idp/metadata.php"}}, 200, nil)
	}
}

func (w *town) openIDProvider(t *testing.T) {
	port := freePort(t)
	issuer := "http://op.localhost:" + port
	basic := w.connect("op-basic", obj{"protocol": "oidc", "enabled": true, "domains": []string{"op.example"}, "oidc": obj{
		"issuer": issuer, "client_id": "cloakroom: basic", "client_secret": upstreamSecret, "client_auth": "client_secret_basic",
	}})
	jwt := w.connect("op-jwt", obj{"protocol": "oidc", "enabled": true, "domains": []string{"op.example"}, "oidc": obj{
		"issuer": issuer, "client_id": "cloakroom-jwt", "client_auth": "private_key_jwt", "response_mode": "form_post",
	}})
	w.op = openIDProvider(t, port, []obj{{
		"client_id": "cloakroom: basic", "client_secret": upstreamSecret, "token_endpoint_auth_method": "client_secret_basic",
		"redirect_uris": []any{basic["redirect_uri"]}, "post_logout_redirect_uris": []any{basic["logout_url"]},
		"backchannel_logout_uri": basic["redirect_uri"], "backchannel_logout_session_required": true,
	}, {
		"client_id": "cloakroom-jwt", "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "RS256",
		"jwks_uri": w.URL + "/broker/op-jwt/metadata", "redirect_uris": []any{jwt["redirect_uri"]}, "post_logout_redirect_uris": []any{jwt["logout_url"]},
	}})
}

// upstream is a connection and how a person signs in there.
type upstream struct {
	slug, email, name string
	signIn            func(*browser)
	form              string // what its sign-in page has
	at                string
}

func (w *town) upstreams() []upstream {
	const password = `input[type="password"]`
	ada := func(b *browser) {
		b.fill(w.saml.URL, `input[name="username"]`, "ada")
		b.fill(w.saml.URL, password, "ada\r")
	}
	carol := func(b *browser) {
		b.fill(w.op.URL, `input[name="login"]`, "carol")
		b.fill(w.op.URL, password, "anything\r")
		b.click(w.op.URL, `input[value="consent"] ~ button`)
	}
	return []upstream{
		{"saml-sealed", "ada@saml.example", "Ada Byron", ada, password, w.saml.URL},
		{"saml-post", "ada@saml.example", "Ada Byron", ada, password, w.saml.URL},
		{"op-basic", "carol@op.example", "carol Example", carol, password, w.op.URL},
		{"op-jwt", "carol@op.example", "carol Example", carol, password, w.op.URL},
	}
}

func TestInterop(t *testing.T) {
	w := newTown(t)
	for _, up := range w.upstreams() {
		t.Run(up.slug+" to openid-client", func(t *testing.T) { w.openIDClientThrough(t, w.app, up) })
		t.Run(up.slug+" to openid-client signing", func(t *testing.T) { w.openIDClientThrough(t, w.signing, up) })
		t.Run(up.slug+" to Apache", func(t *testing.T) { w.apacheThrough(t, w.query, up) })
		t.Run(up.slug+" to Apache by form_post", func(t *testing.T) { w.apacheThrough(t, w.formPost, up) })
	}
	t.Run("keycloak-js", w.keycloakJS)
	t.Run("CBC refused", w.cbcRefused)
	t.Run("from the portal", w.fromThePortal)
	t.Run("cancelled at oidc-provider", w.cancelled)
	t.Run("signed out at SimpleSAMLphp", w.signedOutAtSimpleSAML)
	t.Run("signed out at oidc-provider", w.signedOutAtOP)
}

// openIDClientThrough: sign in, be signed in again without a page, press Back, sign out at both.
func (w *town) openIDClientThrough(t *testing.T, app site, up upstream) {
	b := open(t)
	login := app.URL + "/login?idp_hint=" + up.slug
	b.visit(login)
	up.signIn(b)
	seen := b.json(app.URL, up.email)
	claims, userinfo := seen["claims"].(map[string]any), seen["userinfo"].(map[string]any)
	for name, want := range map[string]any{"email": up.email, "email_verified": true, "realm": "acme", "connection": up.slug, "name": up.name} {
		if claims[name] != want {
			t.Errorf("ID token: %s = %v, want %v", name, claims[name], want)
		}
	}
	if userinfo["email"] != up.email || userinfo["sub"] != claims["sub"] {
		t.Errorf("userinfo: %v", userinfo)
	}
	if seen["refreshed"] != true {
		t.Errorf("refresh gave no new tokens: %v", seen)
	}
	b.back(w.URL)
	b.visit(login)
	if again := b.json(app.URL, up.email)["claims"].(map[string]any); again["sub"] != claims["sub"] || again["sid"] != claims["sid"] {
		t.Errorf("the second sign-in is of another session: %v, first %v", again, claims)
	}
	b.visit(app.URL + "/logout")
	w.leave(b, up)
	b.want(app.URL+"/", `"nobody": true`)
	w.isSignedOut(b, login, up)
}

// leave confirms a sign-out where the upstream asks.
func (w *town) leave(b *browser, up upstream) {
	if up.at == w.op.URL {
		b.click(w.op.URL, `button[name="logout"]`)
	}
}

// isSignedOut: a new sign-in gets as far as the upstream's own form, so neither we nor the upstream know the person.
func (w *town) isSignedOut(b *browser, login string, up upstream) {
	b.t.Helper()
	b.visit(login)
	b.shown(up.at, up.form)
}

func (w *town) apacheThrough(t *testing.T, app site, up upstream) {
	b := open(t)
	// The application has no way to name a connection: the chooser does.
	b.visit(app.URL + "/secure/index.shtml")
	b.click(w.URL, `a[href*="/go/`+up.slug+`"], button[value="`+up.slug+`"]`)
	up.signIn(b)
	b.want(app.URL+"/secure/", "user="+up.email, "email="+up.email, "connection="+up.slug, "name="+up.name)
	b.back(w.URL)

	// Another application of the realm needs no page.
	b.visit(w.app.URL + "/login")
	b.json(w.app.URL, up.email)

	b.visit(app.URL + "/secure/redirect_uri?logout=" + url.QueryEscape(app.URL+"/out.html"))
	w.leave(b, up)
	b.want(app.URL+"/out.html", "signed out")
	w.isSignedOut(b, w.app.URL+"/login?idp_hint="+up.slug, up)
}

// keycloakJS: Keycloak's own adapter, public, PKCE, response_mode fragment, its session frame on as by default.
func (w *town) keycloakJS(t *testing.T) {
	b := open(t)
	up := w.upstreams()[0]
	b.visit(w.spa.URL + "/?init=check-sso")
	if seen := b.json(w.spa.URL, "authenticated"); seen["authenticated"] != false {
		t.Fatalf("check-sso without a session: %v", seen)
	}
	b.visit(w.spa.URL + "/")
	b.click(w.URL, `a[href*="/go/`+up.slug+`"], button[value="`+up.slug+`"]`)
	up.signIn(b)
	seen := b.json(w.spa.URL, "authenticated")
	id, _ := seen["id"].(map[string]any)
	userinfo, _ := seen["userinfo"].(map[string]any)
	parsed, _ := seen["parsed"].(map[string]any)
	if seen["authenticated"] != true || id["email"] != up.email || userinfo["email"] != up.email || parsed["sub"] != id["sub"] || seen["refreshed"] != true {
		t.Errorf("signed in: %v", seen)
	}
	if seen["quick"] != true {
		t.Error("init took five seconds and more: a frame was waited for")
	}
	at, _ := b.seen()
	if strings.Contains(at, "code=") {
		t.Errorf("the answer is still in the address: %s", at)
	}
	b.visit(w.spa.URL + "/?init=check-sso")
	b.json(w.spa.URL, `"authenticated": true`, up.email)
	b.click(w.spa.URL, "#logout")
	b.json(w.spa.URL+"/?init=check-sso", `"authenticated": false`)
	w.isSignedOut(b, w.app.URL+"/login?idp_hint="+up.slug, up)
}

// cbcRefused: SimpleSAMLphp 1.19 encrypts with AES-CBC and nothing else. That is refused, and said, unless an operator
// allows it.
func (w *town) cbcRefused(t *testing.T) {
	b := open(t)
	b.visit(w.app.URL + "/login?idp_hint=saml-gcm")
	w.upstreams()[0].signIn(b)
	b.shown(w.URL, "main")
	if !w.logged("saml.encryption_algorithm", "saml-gcm") {
		_, body := b.seen()
		t.Errorf("no fault saml.encryption_algorithm in the log; the page says\n%s", body)
	}
}

// fromThePortal: SimpleSAMLphp begins, with an answer that nobody asked for. Where that is allowed the person ends at the
// realm's default application; elsewhere it is refused.
func (w *town) fromThePortal(t *testing.T) {
	b := open(t)
	portal := func(slug string) string {
		return w.saml.URL + "/saml2/idp/SSOService.php?spentityid=" + url.QueryEscape(w.URL+"/broker/"+slug+"/metadata")
	}
	b.visit(portal("saml-portal"))
	w.upstreams()[0].signIn(b)
	if claims := b.json(w.app.URL, "ada@saml.example")["claims"].(map[string]any); claims["connection"] != "saml-portal" {
		t.Errorf("signed in through %v", claims["connection"])
	}
	b.visit(portal("saml-sealed"))
	b.shown(w.URL, "main")
	if !w.logged("saml.unsolicited", "saml-sealed") {
		t.Error("no fault saml.unsolicited in the log")
	}
}

// cancelled: the person turns back at the provider, and is told so with the way back to the application.
func (w *town) cancelled(t *testing.T) {
	b := open(t)
	b.visit(w.app.URL + "/login?idp_hint=op-basic")
	b.click(w.op.URL, `a[href$="/abort"]`)
	b.want(w.URL, "cancelled", "Try again", "Back to App on openid-client")
	if !w.logged("login.cancelled", "op-basic") {
		t.Error("no fault login.cancelled in the log")
	}
}

// signedOutAtSimpleSAML: the identity provider begins. It sends a signed LogoutRequest through the browser and takes our
// answer.
func (w *town) signedOutAtSimpleSAML(t *testing.T) {
	b, up := open(t), w.upstreams()[0]
	login := w.app.URL + "/login?idp_hint=" + up.slug
	b.visit(login)
	up.signIn(b)
	b.json(w.app.URL, up.email)
	b.visit(w.saml.URL + "/saml2/idp/SingleLogoutService.php?ReturnTo=" + url.QueryEscape(w.app.URL+"/"))
	b.want(w.app.URL+"/", up.email) // the application has not heard of it
	b.visit(w.app.URL + "/login?idp_hint=" + up.slug + "&prompt=none")
	b.want(w.app.URL+"/callback", "login_required")
	w.isSignedOut(b, login, up)
}

// signedOutAtOP: the provider tells us by a logout token from server to server.
func (w *town) signedOutAtOP(t *testing.T) {
	b, up := open(t), w.upstreams()[2]
	login := w.app.URL + "/login?idp_hint=" + up.slug
	b.visit(login)
	up.signIn(b)
	b.json(w.app.URL, up.email)
	b.visit(w.op.URL + "/session/end")
	b.click(w.op.URL, `button[name="logout"]`)
	b.want(w.op.URL, "success")
	b.visit(w.app.URL + "/login?idp_hint=" + up.slug + "&prompt=none")
	b.want(w.app.URL+"/callback", "login_required")
	w.isSignedOut(b, login, up)
}
