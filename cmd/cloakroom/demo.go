package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/demo"
	"cloakroom/config"
	"cloakroom/providers/providertest/oidcop"
	"cloakroom/providers/providertest/samlidp"
	"cloakroom/templates"
)

func (p *program) demoCommand() *cobra.Command {
	return withSettings(&cobra.Command{
		Use:   "demo",
		Short: "Show a whole sign-in on this machine",
		Long: "Run the broker on a scratch database with two demo companies, an identity provider for each and a demo application,\n" +
			"and print where to click. Nothing is kept.",
		Args: exactly(0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.settings(cmd)
			if err != nil {
				return err
			}
			return p.demo(cmd.Context(), cfg, p.logger(cfg))
		},
	})
}

// demo runs the broker as serve does, with everything around it in this process.
func (p *program) demo(ctx context.Context, cfg *config.Config, log *slog.Logger) (err error) {
	dir, err := os.MkdirTemp("", "cloakroom-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cfg.DatabaseURL = "sqlite:" + filepath.Join(dir, "cloakroom.db")
	// The demo's identity providers are on this very machine.
	cfg.EgressAllow = append(cfg.EgressAllow, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	if cfg.AdminToken == "" {
		cfg.AdminToken = broker.RandomToken(24)
	}
	s, ring, err := openStore(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer closing(s, &err)

	stage, err := newStage(ctx, cfg)
	if err != nil {
		return err
	}
	defer stage.close()
	if _, err := install(cfg, log, s, ring).admin.Apply(ctx, commandLine(), strings.NewReader(stage.manifest()), admin.ApplyOptions{}); err != nil {
		return err
	}
	srv, err := wire(nil, cfg, log, s, ring)
	if err != nil {
		return err
	}
	srv.started = func(net.Addr) {
		stage.tell(p, cfg)
		p.greet(ctx, srv)
	}
	return srv.serve(ctx)
}

// stage is what stands around the broker in the demo: two identity providers and an application, each with an origin of
// its own, and a directory.
type stage struct {
	cfg            *config.Config
	saml, op, app  string // origins
	appSecret      string
	providerSecret string
	servers        []*http.Server
	directory      *directory
}

const (
	samlSlug, oidcSlug = "acme-saml", "globex-oidc"
	demoClient         = "demo-app"
)

func newStage(ctx context.Context, cfg *config.Config) (*stage, error) {
	st := &stage{cfg: cfg, appSecret: broker.RandomToken(24), providerSecret: broker.RandomToken(24)}
	listeners := make([]net.Listener, 3)
	for i, origin := range []*string{&st.app, &st.saml, &st.op} {
		l, err := demoListen(ctx, 8081+i)
		if err != nil {
			st.close()
			return nil, err
		}
		listeners[i] = l
		*origin = fmt.Sprintf("http://localhost:%d", l.Addr().(*net.TCPAddr).Port)
	}
	app, err := st.application()
	if err == nil {
		st.directory, err = newDirectory()
	}
	if err != nil {
		st.close()
		return nil, err
	}
	for i, h := range []http.Handler{app, st.samlProvider(), st.openIDProvider()} {
		srv := &http.Server{Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout}
		st.servers = append(st.servers, srv)
		go func() { _ = srv.Serve(listeners[i]) }()
	}
	return st, nil
}

// demoListen takes the port that the README names, or any where that one is taken.
func demoListen(ctx context.Context, port int) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", fmt.Sprintf("localhost:%d", port))
	if err != nil {
		return lc.Listen(ctx, "tcp", "localhost:0")
	}
	return l, nil
}

func (st *stage) close() {
	for _, s := range st.servers {
		_ = s.Close()
	}
	if st.directory != nil {
		_ = st.directory.server.Close()
	}
}

func (st *stage) samlProvider() http.Handler {
	metadata := st.cfg.BaseURL + "/broker/" + samlSlug + "/metadata"
	return samlidp.New(samlidp.Options{
		BaseURL: st.saml, Title: "Acme’s sign-in page (demo SAML identity provider)",
		Users: []samlidp.User{
			{ID: "ada", Email: "ada@acme.example", GivenName: "Ada", FamilyName: "Example", Groups: []string{"engineering", "admins"}},
			{ID: "ben", Email: "ben@acme.example", GivenName: "Ben", FamilyName: "Example", Groups: []string{"sales"}},
			{ID: "eve", Email: "eve@globex.example", GivenName: "Eve", FamilyName: "(asserts another company’s address: refused)"},
		},
		ServiceProvider: func(id string) (samlidp.ServiceProvider, bool) {
			sp, err := importMetadata(context.Background(), metadata)
			return sp, err == nil && id == sp.EntityID
		},
		Now: time.Now,
	}).Handler()
}

// importMetadata does what Acme's administrator would: it reads our metadata from its address.
func importMetadata(ctx context.Context, address string) (samlidp.ServiceProvider, error) {
	client := http.Client{Timeout: 5 * time.Second}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return samlidp.ServiceProvider{}, err
	}
	res, err := client.Do(req)
	if err != nil {
		return samlidp.ServiceProvider{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return samlidp.ServiceProvider{}, err
	}
	return samlidp.ParseServiceProvider(b)
}

func (st *stage) openIDProvider() http.Handler {
	return oidcop.New(oidcop.Options{
		Issuer: st.op, Title: "Globex’s sign-in page (demo OpenID provider)", Now: time.Now, NamesIssuer: true,
		Clients: []oidcop.Client{{ID: "cloakroom", Secret: st.providerSecret, RedirectURIs: []string{st.cfg.BaseURL + "/broker/" + oidcSlug + "/endpoint"}}},
		Users: []oidcop.User{
			{Username: "carol", Email: "carol@globex.example", EmailVerified: true, Name: "Carol Example", GivenName: "Carol", FamilyName: "Example", Groups: []string{"support"}},
			{Username: "dan", Email: "dan@globex.example", EmailVerified: true, Name: "Dan Example", GivenName: "Dan", FamilyName: "Example"},
		},
	})
}

func (st *stage) application() (http.Handler, error) {
	pages, err := templates.New()
	if err != nil {
		return nil, err
	}
	app := &demo.App{
		Pages: pages, Broker: st.cfg.BaseURL, Self: st.app, ClientID: demoClient, Secret: st.appSecret,
		Identity: st.saml + " (SAML), " + st.op + " (OpenID Connect), a directory (LDAP)", HTTP: &http.Client{Timeout: 20 * time.Second}, Now: time.Now,
		SignIns: []demo.SignIn{
			{Realm: "acme", Label: "Sign in as somebody of Acme", Note: "Acme has a SAML 2.0 identity provider"},
			{Realm: "globex", Label: "Sign in as somebody of Globex", Note: "Globex has an OpenID provider"},
			{Realm: "initech", Label: "Sign in as somebody of Initech", Note: "Initech has an Active Directory (LDAP): user name fay, password " + demoPassword},
		},
		Places: []templates.DemoLink{
			{Label: "Where do I sign in?", Note: "type ada@acme.example, carol@globex.example or fay@initech.example: the address finds the company", URL: st.cfg.BaseURL + "/login"},
			{Label: "Handbook", Note: "a page per identity provider and per fault", URL: st.cfg.BaseURL + "/help"},
			{Label: "Admin API", Note: "its OpenAPI description", URL: st.cfg.BaseURL + "/api/v1/openapi.json"},
		},
	}
	return app.Handler(), nil
}

// manifest is what the demo applies: the same YAML that anybody would write.
func (st *stage) manifest() string {
	app := fmt.Sprintf(`
    clients:
      - client_id: %s
        protocol: oidc
        display_name: Demo app
        enabled: true
        client_uri: %[2]s/app
        initiate_login_uri: %[2]s/signin?realm=%%[1]s
        redirect_uris: [%[2]s/callback]
        post_logout_redirect_uris: [%[2]s/]
        client_secret: %s`, demoClient, st.app, st.appSecret)
	return fmt.Sprintf(`realms:
  - name: acme
    display_name: Acme
    branding: {colour: "#0b6e4f"}
    default_client_id: %[1]s
    domains: [{domain: acme.example, verified: true}]
    connections:
      - slug: %[2]s
        display_name: Acme single sign-on
        protocol: saml
        enabled: true
        domains: [acme.example]
        saml: {metadata_url: "%[3]s/metadata"}%[4]s
  - name: globex
    display_name: Globex
    branding: {colour: "#7a3e9d"}
    default_client_id: %[1]s
    domains: [{domain: globex.example, verified: true}]
    connections:
      - slug: %[5]s
        display_name: Globex single sign-on
        protocol: oidc
        enabled: true
        domains: [globex.example]
        oidc: {issuer: "%[6]s", client_id: cloakroom, client_secret: %[7]s, scopes: [openid, email, profile, groups]}%[8]s
  - name: initech
    display_name: Initech
    branding: {colour: "#9a3412"}
    default_client_id: %[1]s
    domains: [{domain: initech.example, verified: true}]
    connections:
      - slug: %[9]s
        display_name: Initech
        protocol: ldap
        preset: active-directory
        enabled: true
        domains: [initech.example]
        ldap: {url: "ldaps://%[10]s", ca: %[11]q, bind_dn: %[12]q, bind_password: %[13]q, user_base: "DC=initech,DC=example"}%[14]s
`, demoClient, samlSlug, st.saml, fmt.Sprintf(app, "acme"), oidcSlug, st.op, st.providerSecret, fmt.Sprintf(app, "globex"),
		ldapSlug, st.directory.address, st.directory.server.CA(), st.directory.bind, st.directory.secret, fmt.Sprintf(app, "initech"))
}

// tell prints where to click.
func (st *stage) tell(p *program, cfg *config.Config) {
	fmt.Fprintf(p.out, `
  The demo runs. Open

      %s/

  and sign in: Acme's people come from a SAML identity provider, Globex's from an OpenID provider, Initech's from a
  directory (LDAP): user name fay, password %s.

  The broker     %s
  Where to sign in by address   %s
  Handbook       %s
  Admin API      curl -H 'Authorization: Bearer %s' %s

  Ctrl-C stops it; nothing is kept.

`, st.app, demoPassword, cfg.BaseURL, mustJoin(cfg.BaseURL, "login"), mustJoin(cfg.BaseURL, "help"), cfg.AdminToken, mustJoin(cfg.BaseURL, "api/v1/realms"))
}

func mustJoin(base, path string) string {
	u, err := url.JoinPath(base, path)
	if err != nil {
		return base
	}
	return u
}
