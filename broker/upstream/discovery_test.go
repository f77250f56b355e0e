package upstream_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/oidcop"
)

// openID is a world whose connection "op" goes to an OpenID provider.
type openID struct {
	*world
	op *oidcop.OP
}

func newOpenID(t *testing.T) *openID {
	t.Helper()
	o := &openID{world: newWorld(t)}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { o.op.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	o.op = oidcop.New(oidcop.Options{
		Issuer: srv.URL, Now: o.now, AutoApprove: "ada", Users: []oidcop.User{{Username: "ada", Subject: "u-1"}}, Algorithm: "ES256",
		Clients: []oidcop.Client{{ID: "c", Secret: "s", RedirectURIs: []string{"https://sso.example/broker/op/endpoint"}}},
	})
	o.create(`{"slug":"op","protocol":"oidc","oidc":{"issuer":"` + srv.URL + `","client_id":"c","client_secret":"s"}}`)
	return o
}

// signIn goes the whole way on a replica that starts now; it answers where the browser was sent.
func (o *openID) signIn() (string, error) {
	o.t.Helper()
	c, err := o.store.Connections.Get(ctx, "op")
	must(o.t, err)
	conn := o.registry.Open(ctx, c)
	must(o.t, conn.Err)
	r := providers.Request{Handle: strings.Repeat("h", 43), Secret: []byte(strings.Repeat("s", 32)), CallbackURL: "https://sso.example/broker/op/endpoint", Issued: o.now()}
	to, err := conn.Provider.Start(ctx, r)
	if err != nil {
		return "", err
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Get(strings.Replace(to.URL, "/elsewhere/", "/", 1))
	must(o.t, err)
	defer res.Body.Close()
	back, err := res.Location()
	must(o.t, err)
	_, err = conn.Provider.Finish(ctx, r, providers.Reply{Method: "GET", URL: back, Query: back.Query()})
	return to.URL, err
}

func (o *openID) mustSignIn() string {
	o.t.Helper()
	to, err := o.signIn()
	must(o.t, err)
	u, err := url.Parse(to)
	must(o.t, err)
	return u.Host + u.Path
}

func (o *openID) versions() *admin.DocumentVersions {
	o.t.Helper()
	v, err := o.admin.ListDocuments(ctx, support, "acme", "op")
	must(o.t, err)
	return v
}

func (o *openID) look() *admin.DocumentVersions {
	o.t.Helper()
	v, err := o.admin.RefreshDocuments(ctx, support, "acme", "op")
	must(o.t, err)
	return v
}

// TestKeysRotateByThemselves, at a login and at the desk, and what they were is kept.
func TestKeysRotateByThemselves(t *testing.T) {
	o := newOpenID(t)
	o.mustSignIn()
	wantState(t, o.versions(), "1* accepted first")
	if f := o.versions().Items[0].Facts; f[0].Name != "issuer" || f[len(f)-1].Name != "key" {
		t.Errorf("%+v", f)
	}
	o.op.Rotate()
	o.mustSignIn()
	wantState(t, o.versions(), "2* accepted fetched; 1 accepted first")
	o.op.Retire()
	wantState(t, o.look(), "3* accepted fetched; 2 accepted fetched; 1 accepted first")
	if c := o.versions().Items[0].Changes; len(c) != 1 || c[0].Kind != "removed" || !strings.Contains(c[0].From, "EC P-256") {
		t.Errorf("%+v", c)
	}
	o.mustSignIn()
}

// TestDiscoveryLeadsNowhereNew by itself.
func TestDiscoveryLeadsNowhereNew(t *testing.T) {
	for name, row := range map[string]struct {
		lie  func(map[string]any)
		want string
	}{
		"another path of the host": {func(d map[string]any) {
			d["authorization_endpoint"] = strings.Replace(d["authorization_endpoint"].(string), "/authorize", "/elsewhere/authorize", 1)
		}, "2* accepted fetched; 1 accepted first"},
		"another authorization host": {func(d map[string]any) { d["authorization_endpoint"] = "http://evil.example/authorize" }, "2 pending fetched; 1* accepted first"},
		"another token host":         {func(d map[string]any) { d["token_endpoint"] = "http://evil.example/token" }, "2 pending fetched; 1* accepted first"},
		"another host of keys":       {func(d map[string]any) { d["jwks_uri"] = "http://evil.example/jwks" }, "2 pending fetched; 1* accepted first"},
		"another host of people":     {func(d map[string]any) { d["userinfo_endpoint"] = "http://evil.example/me" }, "2 pending fetched; 1* accepted first"},
		"no way out any more":        {func(d map[string]any) { delete(d, "end_session_endpoint") }, "2* accepted fetched; 1 accepted first"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOpenID(t)
			before := o.mustSignIn()
			o.op.Lie(oidcop.Lies{Discovery: row.lie})
			wantState(t, o.look(), row.want)
			if got := o.mustSignIn(); strings.Contains(got, "evil") || strings.Contains(row.want, "pending") && got != before {
				t.Errorf("sent to %s", got)
			}
			wantState(t, o.versions(), row.want)
		})
	}
}

// TestApprovedDiscovery is trusted; keys of an address that is trusted no more are not.
func TestApprovedDiscovery(t *testing.T) {
	o := newOpenID(t)
	o.mustSignIn()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { o.op.ServeHTTP(w, r) }))
	defer other.Close()
	o.op.Lie(oidcop.Lies{Discovery: func(d map[string]any) { d["jwks_uri"] = other.URL + "/jwks" }})
	wantState(t, o.look(), "2 pending fetched; 1* accepted first")
	_, err := o.admin.ApproveDocument(ctx, support, "acme", "op", 2)
	must(t, err)
	o.mustSignIn()
	d, err := o.admin.GetDocument(ctx, support, "acme", "op", 3)
	must(t, err)
	if !strings.Contains(d.Body, other.URL+"/jwks") || !d.Trusted || d.How != broker.DocumentApproved || d.By != support.Name {
		t.Errorf("%+v", d)
	}
	o.op.Rotate()
	o.mustSignIn()
	_, err = o.admin.RestoreDocument(ctx, support, "acme", "op", 1)
	must(t, err)
	if _, err := o.signIn(); fault.CodeOf(err) != fault.OIDCKeyUnknown && fault.CodeOf(err) != fault.OIDCKeys {
		t.Errorf("a pinned version takes a new key: %v", err)
	}
	_, err = o.admin.ReleaseDocuments(ctx, support, "acme", "op")
	must(t, err)
	o.mustSignIn()
}

// TestAnOpenIDProviderWithoutDiscovery costs no login as long as its keys are known.
func TestAnOpenIDProviderWithoutDiscovery(t *testing.T) {
	o := newOpenID(t)
	o.mustSignIn()
	o.op.Lie(oidcop.Lies{Discovery: func(d map[string]any) { d["issuer"] = "https://evil.example" }})
	_, err := o.admin.RefreshDocuments(ctx, support, "acme", "op")
	wantCode(t, err, fault.OIDCIssuer)
	o.pass(2 * time.Hour)
	o.mustSignIn()
	wantState(t, o.versions(), "1* accepted first")
}
