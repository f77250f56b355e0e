package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"cloakroom/providers/providertest/oidcop"
)

// mark stands in every hostile value: where it appears on a page, one of them does.
const mark = "zzhostile"

// Values that strangers and careless colleagues put where a name belongs.
const (
	tagged   = mark + `"><script>alert(1)</script>`
	reversed = mark + "\u202egpj.exe\u2066 {{.}} {{range $}}"
	handled  = mark + `' onmouseover='alert(1)' <img src=x onerror=alert(1)>`
	scripted = `javascript:alert("` + mark + `")`
)

var reference = regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}`)

// estate is an installation with a customer, acme, whose every name is hostile, and another, globex, whose things all
// carry the word "globex".
type estate struct {
	*world
	ref string // of a sign-in at acme that failed
	t   *testing.T
}

func newEstate(t *testing.T) *estate {
	t.Helper()
	e := &estate{world: &world{instance: start(t, nil)}, t: t}
	e.customer("acme", tagged, reversed)
	e.customer("globex", "Globex", "Globex's")
	e.failure("acme", handled+strings.Repeat("A", 3000))
	e.failure("globex", "no globex for you")
	e.api("POST", "/webhooks", obj{"name": tagged, "url": "https://127.0.0.1/hook?" + mark, "events": []string{"login.failed"}, "enabled": false}, 201, nil)
	e.api("POST", "/apikeys", obj{"name": handled, "role": "auditor"}, 201, nil)
	return e
}

// customer makes a realm with one of each thing in it, named as told.
func (e *estate) customer(realm, name, other string) {
	e.t.Helper()
	at := "/realms/" + realm
	e.api("POST", "/realms", obj{"name": realm, "display_name": name, "approval": false, "local_login": []string{"email_code"}, "contacts": []string{"it@" + realm + ".example"},
		"branding": obj{"texts": obj{"title": other, "help": name}}}, 201, nil)
	e.api("POST", at+"/domains", obj{"domain": realm + ".example", "verified": true, "reason": name + strings.Repeat("A", 900)}, 201, nil)
	e.api("POST", at+"/domains", obj{"domain": "waiting." + realm + ".example"}, 201, nil)
	e.api("POST", at+"/groups", obj{"name": name, "description": other}, 201, nil)
	e.addSAML(e.t, realm, realm+"-saml", realm+".example")
	e.api("PATCH", at+"/connections/"+realm+"-saml", obj{"display_name": other, "default_groups": []string{name}, "mapping": obj{"name": []string{name, other}}}, 200, nil)
	e.people(realm, name)
	e.api("PATCH", at, obj{"default_client_id": "app"}, 200, nil)
	e.api("POST", at+"/invites", obj{"email": "new@" + realm + ".example", "note": other, "invited_by": name, "groups": []string{name}}, 201, nil)
	e.api("POST", at+"/webhooks", obj{"name": name, "url": "https://127.0.0.1/" + realm, "events": []string{"*"}, "enabled": false}, 201, nil)
	e.api("POST", at+"/setup-links", obj{"presets": []string{"okta"}}, 201, nil)
	e.api("POST", at+"/drafts", obj{"preset": "okta", "protocol": "saml", "display_name": name}, 201, nil)
	e.api("POST", at+"/connections/"+realm+"-saml/check", nil, 200, nil)
}

// crowd fills acme's lists with more than a page of hostile names.
func (e *estate) crowd() {
	e.t.Helper()
	for n := range 55 {
		name := fmt.Sprintf("%s %d", tagged, n)
		e.api("POST", "/realms", obj{"name": fmt.Sprintf("crowd-%d", n), "display_name": name}, 201, nil)
		e.api("POST", "/realms/acme/connections", obj{"slug": fmt.Sprintf("acme-%d", n), "protocol": "oidc", "display_name": name, "oidc": obj{"issuer": fmt.Sprintf("https://idp%d.example", n), "client_id": handled, "client_secret": "0123456789abcdef"}}, 201, nil)
		e.api("POST", "/realms/acme/domains", obj{"domain": fmt.Sprintf("d%d.acme.example", n), "verified": true, "reason": name}, 201, nil)
		e.api("POST", "/realms/acme/invites", obj{"email": fmt.Sprintf("n%d@acme.example", n), "note": name, "send": false}, 201, nil)
		e.api("POST", "/realms/acme/groups", obj{"name": name, "description": handled}, 201, nil)
		e.api("POST", "/realms/acme/clients", obj{"client_id": fmt.Sprintf("app-%d", n), "protocol": "oidc", "display_name": name, "enabled": true, "redirect_uris": []string{appURL}}, 201, nil)
		e.api("POST", "/realms/acme/users", obj{"email": fmt.Sprintf("p%d@acme.example", n), "name": name}, 201, nil)
	}
}

// people sign in: one with a name of their own choosing, one whose test login an operator reads.
func (e *estate) people(realm, name string) {
	e.t.Helper()
	client := newApp(e.t, e.instance, realm, obj{"display_name": name, "client_uri": "https://app.example/?" + mark})
	var op *oidcop.OP
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { op.ServeHTTP(rw, r) }))
	e.t.Cleanup(srv.Close)
	op = oidcop.New(oidcop.Options{
		Issuer: srv.URL, Now: time.Now, AutoApprove: "eve", Clients: []oidcop.Client{{ID: "cloakroom", Secret: "upstream-secret-of-the-test"}},
		Users: []oidcop.User{{Username: "eve", Email: "eve@" + realm + ".example", EmailVerified: true, Name: name, GivenName: name, FamilyName: scripted,
			Claims: map[string]any{"groups": []string{name, reversed}, "locale": "en", "picture": scripted}}},
	})
	slug := realm + "-oidc"
	e.api("POST", "/realms/"+realm+"/connections", obj{"slug": slug, "protocol": "oidc", "display_name": name, "enabled": true,
		"domains": []string{realm + ".example"}, "oidc": obj{"issuer": srv.URL, "client_id": "cloakroom", "client_secret": "upstream-secret-of-the-test", "scopes": []string{"openid", "email", "profile", "groups"},
			"client_secret_expires_at": time.Now().Add(20 * 24 * time.Hour)}}, 201, nil)
	p, err := newVisitor().get(client.begin().URL+"&kc_idp_hint="+slug, appURL)
	if err != nil || !strings.HasPrefix(p.URL.String(), appURL) {
		e.t.Fatalf("eve does not get to the app of %s: %v, %s", realm, err, p)
	}
	var link testLink
	e.api("POST", "/realms/"+realm+"/connections/"+slug+"/test", nil, 200, &link)
	if p, err = newVisitor().get(link.URL); err != nil || p.Status != 200 {
		e.t.Fatalf("test login of %s: %v, %s", slug, err, p)
	}
}

// failure is a sign-in that an identity provider refuses in words of its own.
func (e *estate) failure(realm, words string) {
	e.t.Helper()
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	e.t.Cleanup(srv.Close)
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%[1]q,"authorization_endpoint":"%[1]s/auth","token_endpoint":"%[1]s/token","jwks_uri":"%[1]s/jwks","response_types_supported":["code"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}`, srv.URL)
	})
	mux.HandleFunc("/auth", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"error": {"access_denied"}, "error_description": {words}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
	})
	slug := realm + "-refuses"
	e.api("POST", "/realms/"+realm+"/connections", obj{"slug": slug, "protocol": "oidc", "display_name": slug, "enabled": true, "oidc": obj{"issuer": srv.URL, "client_id": tagged, "client_secret": "0123456789abcdef"}}, 201, nil)
	p, err := newVisitor().get(e.URL + "/broker/" + slug + "/login?client_id=app")
	if err != nil || p.Status < 400 || p.Status > 499 {
		e.t.Fatalf("the refusal of %s: %v, %s", slug, err, p)
	}
	ref := reference.FindString(p.Body)
	if ref == "" {
		e.t.Fatalf("no reference on %s", p)
	}
	if realm == "acme" {
		e.ref = ref
	}
}
