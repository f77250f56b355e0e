package login_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/keys"
	"cloakroom/broker/login"
	"cloakroom/broker/op"
	"cloakroom/broker/registry"
	"cloakroom/broker/session"
	"cloakroom/broker/signin"
	"cloakroom/broker/web"
	"cloakroom/providers"
	"cloakroom/providers/oidc"
	"cloakroom/providers/providertest/oidcop"
	"cloakroom/providers/providertest/samlidp"
	"cloakroom/providers/saml"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/storetest"
	"cloakroom/templates"
)

// battlefield is an installation with two tenants, acme and globex, and a hub, market. Everything of ours is real: store,
// engines, providers, pages. The tenants' identity providers are real, too, and say whatever a test wants them to.
type battlefield struct {
	t        testing.TB
	store    *store.Store
	raw      *sql.DB // the same database, to see what is in it
	registry *registry.Registry
	engine   *login.Engine
	sessions *session.Manager
	handler  http.Handler
	codes    *faultLog
	saml     map[string]*samlidp.IdP // by realm
	oidc     map[string]*oidcop.OP
	visitors int
}

const broke = "http://broker.example"

type obj = map[string]any

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// faultLog hears which fault a person's error page was about.
type faultLog struct {
	mu   sync.Mutex
	last string
}

func (f *faultLog) Enabled(context.Context, slog.Level) bool { return true }
func (f *faultLog) WithAttrs([]slog.Attr) slog.Handler       { return f }
func (f *faultLog) WithGroup(string) slog.Handler            { return f }
func (f *faultLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "request refused" && r.Message != "request failed" {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "code" {
			f.last = fmt.Sprint(a.Value.Any())
		}
		return true
	})
	return nil
}

// take answers the last fault and forgets it.
func (f *faultLog) take() fault.Code {
	f.mu.Lock()
	defer f.mu.Unlock()
	last := f.last
	f.last = ""
	return fault.Code(last)
}

func newBattlefield(t testing.TB) *battlefield {
	t.Helper()
	at := storetest.SQLiteURL(t)
	s := storetest.Open(t, at)
	f := &battlefield{t: t, store: s, codes: &faultLog{}, saml: map[string]*samlidp.IdP{}, oidc: map[string]*oidcop.OP{}}
	var err error
	f.raw, err = sql.Open("sqlite", strings.TrimPrefix(at, "sqlite:"))
	must(t, err)
	t.Cleanup(func() { _ = f.raw.Close() })
	f.wire(slog.New(f.codes))
	f.realm("market", func(r *broker.Realm) { r.Hub = true })
	for _, name := range []string{"acme", "globex"} {
		f.realm(name, nil)
	}
	for _, name := range []string{"acme", "globex"} {
		f.tenant(name, other(name))
	}
	f.connect("market", "market-social", nil, f.relyOn("acme", "market-social", func(c *broker.Connection) { c.EmailTrust = "verified_claim" }))
	f.connect("market", "market-any", nil, f.relyOn("acme", "market-any", func(c *broker.Connection) { c.EmailTrust = "any" }))
	return f
}

func other(realm string) string {
	if realm == "acme" {
		return "globex"
	}
	return "acme"
}

// wire puts the parts together as cmd does.
func (f *battlefield) wire(log *slog.Logger) {
	s, ring := f.store, storetest.Keyring(f.t)
	k := keys.New(s.Keys, time.Now)
	f.registry = registry.New(&registry.Registry{
		Store: configuration{s}, Chooser: s.Connections, Protocols: map[string]providers.Protocol{"saml": saml.New(), "oidc": oidc.Protocol{}},
		HTTP: http.DefaultClient, BaseURL: broke, SPKeys: k.ForConnection, Log: log, Now: time.Now,
		Shadows: func(ctx context.Context, slug string) (*broker.Shadow, error) {
			return s.Shadows.Get(ctx, slug, broker.ShadowTrial)
		},
	})
	f.sessions = &session.Manager{Store: s.Sessions, Realms: f.registry, Now: time.Now}
	f.engine = &login.Engine{
		Config: f.registry, Sessions: f.sessions, Users: s.Users, Links: s.Links, Waiting: waiting{s}, Kept: s.Parked, Events: s.Events, Upstream: s.Sessions,
		Invites: s.Invites, Seats: s.Seats, Tx: s.Tx, Now: time.Now, Logger: log, Views: s.Shadows,
		Handles: &login.Handles{Keys: ring.Derive("login handle"), MaxAge: time.Hour, Now: time.Now},
	}
	provider := op.New(op.Config{
		BaseURL: broke, Registry: f.registry, Login: f.engine, Grants: s.Grants, Rotator: rotator{s.Grants}, Sessions: f.sessions, Users: s.Users,
		Marks: marks{s.Marks}, Parked: s.Parked, Keys: k, Sealer: ring, HTTP: http.DefaultClient, Log: log, Now: time.Now,
		Enabled: func(context.Context, string) (bool, error) { return true, nil },
	})
	f.engine.Responders = map[string]login.Responder{"oidc": provider, signin.Protocol: &signin.Direct{BaseURL: broke, Spend: marks{s.Marks}}}
	f.engine.Ended = provider
	pages, err := templates.New()
	must(f.t, err)
	front := &web.Web{
		Pages: pages, Cookies: &web.Cookies{Sealer: ring, MaxAge: time.Hour, Now: time.Now}, Realms: f.registry, Shelf: s.Parked,
		Limits: web.NewLimits(time.Now), BaseURL: broke, Log: log, Now: time.Now,
	}
	e := front.Engine()
	(&signin.Front{Web: front, Engine: f.engine, Config: f.registry}).Mount(e)
	(&op.Front{Web: front, Provider: provider}).Mount(e)
	front.Mount(e)
	f.handler = e
}

// tenant gives a realm its domains, identity providers, a connection of each kind and people.
func (f *battlefield) tenant(me, you string) {
	for _, d := range []string{me + ".example", "eu." + me + "-holding.example", me + "-unlisted.example", idn(me)} {
		f.domain(me, d)
	}
	f.saml[me] = samlidp.New(samlidp.Options{BaseURL: "https://idp." + me + ".test", Now: time.Now})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.oidc[me].ServeHTTP(w, r) }))
	f.t.Cleanup(srv.Close)
	f.oidc[me] = oidcop.New(oidcop.Options{
		Issuer: srv.URL, Now: time.Now, AutoApprove: "liar", Algorithm: "ES256", ThinTokens: true, Users: []oidcop.User{{Username: "liar"}}, Clients: f.clientsOf(me),
	})
	listed := []string{me + ".example", "eu." + me + "-holding.example", idn(me)}
	f.connect(me, me+"-saml", listed, f.trust(me, nil))
	f.connect(me, me+"-twin", listed, f.trust(me, nil)) // the same identity provider, connected twice
	// Lists what is not its own: nothing but the owner of a domain keeps it from there.
	f.connect(me, me+"-greedy", append([]string{you + ".example", idn(you), "mail." + me + ".example", "free.example"}, listed...), f.trust(me, nil))
	f.connect(me, me+"-unasked", listed, f.trust(me, func(c *broker.Connection) { c.SAML.IdPInitiated = true }))
	f.connect(me, me+"-proof-saml", listed, f.trust(me, func(c *broker.Connection) { c.EmailTrust = "verified_claim" }))
	f.connect(me, me+"-oidc", listed, f.relyOn(me, me+"-oidc", nil))
	f.connect(me, me+"-social", listed, f.relyOn(me, me+"-social", func(c *broker.Connection) { c.EmailTrust = "verified_claim" }))
	f.connect(me, me+"-upn", listed, f.relyOn(me, me+"-upn", func(c *broker.Connection) {
		c.EmailTrust, c.Mapping = "verified_claim", map[string][]string{"email": {"upn"}}
	}))
	f.connect(me, me+"-any", listed, f.relyOn(me, me+"-any", func(c *broker.Connection) { c.EmailTrust = "any" }))
	f.connect(me, me+"-never", listed, f.relyOn(me, me+"-never", func(c *broker.Connection) { c.Linking = "never" }))
	f.connect(me, me+"-confirm", listed, f.relyOn(me, me+"-confirm", func(c *broker.Connection) { c.Linking = "confirm" }))
	f.connect(me, me+"-invite", listed, f.relyOn(me, me+"-invite", func(c *broker.Connection) { c.Provisioning = "invite" }))
	f.connect(me, me+"-known", listed, f.relyOn(me, me+"-known", func(c *broker.Connection) { c.Provisioning = "existing" }))
	f.connect(me, me+"-entra", listed, f.relyOn(me, me+"-entra", func(c *broker.Connection) {
		c.EmailTrust, c.Preset, c.OIDC.Tenant = "verified_claim", "entra", tenantID(me)
	}))
	f.connect(me, me+"-entra-any", listed, f.relyOn(me, me+"-entra-any", func(c *broker.Connection) { c.EmailTrust, c.Preset = "verified_claim", "entra" }))
	f.connect(me, me+"-google", listed, f.relyOn(me, me+"-google", func(c *broker.Connection) {
		c.EmailTrust, c.Preset, c.OIDC.Tenant = "verified_claim", "google", me+".example"
	}))
	f.connect(me, me+"-google-any", listed, f.relyOn(me, me+"-google-any", func(c *broker.Connection) { c.EmailTrust, c.Preset = "verified_claim", "google" }))
}

func idn(realm string) string {
	return map[string]string{"acme": "xn--bcher-kva.example", "globex": "xn--mller-kva.example"}[realm]
}

func tenantID(realm string) string {
	return map[string]string{"acme": "11111111-1111-4111-8111-111111111111", "globex": "22222222-2222-4222-8222-222222222222"}[realm]
}

// relying is the connections that rely on a realm's OpenID provider.
var relying = []string{"oidc", "social", "upn", "any", "never", "confirm", "invite", "known", "entra", "entra-any", "google", "google-any"}

func (f *battlefield) clientsOf(realm string) (out []oidcop.Client) {
	slugs := []string{"market-social", "market-any"}
	for _, name := range relying {
		slugs = append(slugs, realm+"-"+name)
	}
	for _, slug := range slugs {
		out = append(out, oidcop.Client{ID: slug, Secret: "the secret of " + slug})
	}
	return out
}

func (f *battlefield) relyOn(idp, slug string, change func(*broker.Connection)) func(*broker.Connection) {
	return func(c *broker.Connection) {
		c.Protocol = "oidc"
		c.OIDC = &broker.OIDC{Issuer: f.oidc[idp].Issuer(), ClientID: slug, ClientSecret: broker.Secret("the secret of " + slug), UserInfo: "never"}
		if change != nil {
			change(c)
		}
	}
}

func (f *battlefield) trust(idp string, change func(*broker.Connection)) func(*broker.Connection) {
	return func(c *broker.Connection) {
		c.Protocol, c.SAML = "saml", &broker.SAML{MetadataXML: string(f.saml[idp].Metadata())}
		if change != nil {
			change(c)
		}
	}
}

func (f *battlefield) realm(name string, change func(*broker.Realm)) {
	f.t.Helper()
	r := &broker.Realm{Name: name, DefaultClientID: "app"}
	if change != nil {
		change(r)
	}
	r.Defaults()
	must(f.t, r.Validate())
	must(f.t, f.store.Realms.Create(f.t.Context(), r))
	f.client(name, "app", "")
}

func (f *battlefield) client(realm, id, pinned string) {
	f.t.Helper()
	c := &broker.Client{
		ClientID: id, Realm: realm, Enabled: true, Public: true, ClientURI: "https://app.example/", RedirectURIs: []string{"https://app.example/cb"}, PinnedRealm: pinned,
	}
	c.Defaults()
	must(f.t, c.Validate())
	must(f.t, f.store.Clients.Create(f.t.Context(), c))
}

func (f *battlefield) domain(realm, domain string) {
	f.t.Helper()
	must(f.t, f.store.Domains.Create(f.t.Context(), &broker.Domain{Realm: realm, Domain: domain, Verified: true}))
	f.forget()
}

func (f *battlefield) connect(realm, slug string, domains []string, change func(*broker.Connection)) {
	f.t.Helper()
	c := &broker.Connection{Slug: slug, Realm: realm, Enabled: true, Domains: domains}
	change(c)
	c.Defaults()
	must(f.t, c.Validate())
	must(f.t, f.store.Connections.Create(f.t.Context(), c))
	f.forget()
}

func (f *battlefield) reconnect(slug string, change func(*broker.Connection)) {
	f.t.Helper()
	c, err := f.store.Connections.Get(f.t.Context(), slug)
	must(f.t, err)
	change(c)
	must(f.t, f.store.Connections.Update(f.t.Context(), c))
	f.forget()
}

// person is one whom an operator, or provisioning, made beforehand.
func (f *battlefield) person(realm, email string, change func(*broker.User)) *broker.User {
	f.t.Helper()
	u := &broker.User{ID: broker.RandomToken(16), Realm: realm, Email: email}
	if change != nil {
		change(u)
	}
	must(f.t, f.store.Users.Create(f.t.Context(), u))
	return u
}

func (f *battlefield) change(u *broker.User, change func(*broker.User)) {
	f.t.Helper()
	now, err := f.store.Users.Get(f.t.Context(), u.Realm, u.ID)
	must(f.t, err)
	change(now)
	must(f.t, f.store.Users.Update(f.t.Context(), now))
}

// forget makes the caches forget at once what a notice would tell them in a moment.
func (f *battlefield) forget() { f.registry.Forget(broker.Change{Kind: "*"}) }

// rows is all that a sign-in could make or change.
func (f *battlefield) rows() map[string]string {
	f.t.Helper()
	out := map[string]string{}
	for _, table := range []string{"users", "links", "sessions", "grants", "user_groups", "merges", "invites", "invite_uses", "credentials", "domains", "connections"} {
		out[table] = f.dump(table)
	}
	return out
}

func (f *battlefield) dump(table string) string {
	f.t.Helper()
	rows, err := f.raw.QueryContext(f.t.Context(), "SELECT * FROM "+table)
	must(f.t, err)
	defer rows.Close()
	names, err := rows.Columns()
	must(f.t, err)
	var lines []string
	for rows.Next() {
		values, into := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		must(f.t, rows.Scan(into...))
		lines = append(lines, fmt.Sprintf("%q", values))
	}
	must(f.t, rows.Err())
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// visitor is one person's browser.
type visitor struct {
	f    *battlefield
	jar  map[string]string
	from string
}

func (f *battlefield) visitor() *visitor {
	f.visitors++
	return &visitor{f: f, jar: map[string]string{}, from: fmt.Sprintf("192.0.%d.%d:4000", f.visitors/250, f.visitors%250+1)}
}

type view struct {
	*httptest.ResponseRecorder
	path string
}

// send sends one request. A POST is one from another site, which carries no cookie.
func (v *visitor) send(method, target string, form url.Values) view {
	return v.request(method, target, form, method == http.MethodGet)
}

// submit sends a form of our own pages.
func (v *visitor) submit(target string, form url.Values) view {
	return v.request(http.MethodPost, target, form, true)
}

func (v *visitor) request(method, target string, form url.Values, cookies bool) view {
	req := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	req.RemoteAddr = v.from
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range v.jar {
		if cookies {
			req.AddCookie(&http.Cookie{Name: name, Value: value})
		}
	}
	rec := httptest.NewRecorder()
	v.f.handler.ServeHTTP(rec, req)
	for _, c := range rec.Result().Cookies() {
		v.jar[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(v.jar, c.Name)
		}
	}
	return view{rec, target}
}

// get follows redirects inside the house.
func (v *visitor) get(target string) view {
	p := v.send(http.MethodGet, target, nil)
	for range 8 {
		to := p.Header().Get("Location")
		if !strings.HasPrefix(to, "/") {
			break
		}
		p = v.send(http.MethodGet, to, nil)
	}
	return p
}

// begin is an application's request; extra are pairs of further parameters.
func (v *visitor) begin(realm string, extra ...string) view {
	q := url.Values{
		"client_id": {"app"}, "response_type": {"code"}, "redirect_uri": {"https://app.example/cb"}, "scope": {"openid email"}, "state": {"s"},
		"code_challenge": {strings.Repeat("A", 43)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(extra); i += 2 {
		q.Set(extra[i], extra[i+1])
	}
	return v.get("/realms/" + realm + "/protocol/openid-connect/auth?" + q.Encode())
}

// through begins a login of a realm's application at a connection.
func (v *visitor) through(realm, slug string) view {
	v.f.t.Helper()
	p := v.begin(realm, "kc_idp_hint", slug)
	if p.handle() == "" {
		v.f.t.Fatalf("%s at %s led to %q: %s", slug, realm, p.Header().Get("Location"), p.Body)
	}
	return p
}

// handle is what a page that leads to an identity provider sends along.
func (p view) handle() string {
	u, _ := url.Parse(p.Header().Get("Location"))
	return u.Query().Get("state") + u.Query().Get("RelayState")
}

// home reports whether a page leads back to the application and not with an error, and what it leads to.
func (p view) home() (string, bool) {
	to := p.Header().Get("Location")
	u, _ := url.Parse(to)
	return to, u.Host == "app.example" && !u.Query().Has("error")
}

// said is what an identity provider says of somebody. In all texts {me} is the liar's domain, {you} the other tenant's.
type said struct {
	email  string // the address: claim email, or attribute email and a Name ID of that format
	sub    string // OpenID subject, or persistent Name ID; "" for one of nobody else's
	claims obj    // further claims; nil removes one
	json   [2]string
	// SAML alone.
	nameID, format, qualifier string
	attrs                     [][]string // names, each with its values
	lie                       func(*samlidp.Response)
}

const (
	persistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	unspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
)

// between fills in who attacks whom.
func (s said) between(me string) said {
	you := other(me)
	r := strings.NewReplacer("{me}", me+".example", "{you}", you+".example", "{ME}", strings.ToUpper(me)+".EXAMPLE", "{YOU}", strings.ToUpper(you)+".EXAMPLE",
		"{my}", me, "{your}", you, "{your-idn}", idn(you), "{YOUR-IDN}", strings.ToUpper(idn(you)), "{your-ü}", unicodeOf(you), "{YOUR-Ü}", strings.ToUpper(unicodeOf(you)),
		"{my-tid}", tenantID(me), "{your-tid}", tenantID(you), "{look-alike}", lookAlike(you), "{wide}", wide(you))
	s.email, s.sub, s.nameID, s.qualifier = r.Replace(s.email), r.Replace(s.sub), r.Replace(s.nameID), r.Replace(s.qualifier)
	s.json = [2]string{r.Replace(s.json[0]), r.Replace(s.json[1])}
	attrs := s.attrs
	s.attrs = nil
	for _, a := range attrs {
		b := slices.Clone(a)
		for i := range b {
			b[i] = r.Replace(b[i])
		}
		s.attrs = append(s.attrs, b)
	}
	if s.claims != nil {
		s.claims = filled(s.claims, r).(obj)
	}
	return s
}

func filled(v any, r *strings.Replacer) any {
	switch v := v.(type) {
	case string:
		return r.Replace(v)
	case []any:
		out := slices.Clone(v)
		for i := range out {
			out[i] = filled(out[i], r)
		}
		return out
	case obj:
		out := maps.Clone(v)
		for k := range out {
			out[k] = filled(out[k], r)
		}
		return out
	}
	return v
}

func unicodeOf(realm string) string {
	return map[string]string{"acme": "bücher.example", "globex": "müller.example"}[realm]
}

// lookAlike has a Cyrillic letter for a Latin one.
func lookAlike(realm string) string {
	return map[string]string{"acme": "\u0430cme.example", "globex": "gl\u043ebex.example"}[realm]
}

// wide has full-width letters for ASCII ones.
func wide(realm string) string {
	return strings.Map(func(r rune) rune { return r - 'a' + 'ａ' }, realm) + ".example"
}

// answer lets the identity provider of idp say something, for the login that p is about, at the connection of a slug.
func (v *visitor) answer(p view, idp, slug string, s said) view {
	v.f.t.Helper()
	if v.f.isSAML(slug) {
		return v.bring(slug, v.f.assertion(idp, slug, p.handle(), s), p.handle())
	}
	return v.get(v.f.redirect(idp, p, s))
}

func (f *battlefield) isSAML(slug string) bool {
	c, err := f.registry.Connection(f.t.Context(), slug)
	must(f.t, err)
	return c.Protocol == "saml"
}

// bring carries a SAML answer to a connection's endpoint and goes on where that says.
func (v *visitor) bring(slug, message, relay string) view {
	p := v.post(slug, message, relay)
	if to := p.Header().Get("Location"); p.Code == http.StatusSeeOther {
		return v.get(to)
	}
	return p
}

func (v *visitor) post(slug, message, relay string) view {
	form := url.Values{"SAMLResponse": {message}}
	if relay != "" {
		form.Set("RelayState", relay)
	}
	return v.send(http.MethodPost, "/broker/"+slug+"/endpoint", form)
}

// assertion is a signed answer of a realm's SAML identity provider, addressed to a connection.
func (f *battlefield) assertion(idp, slug, handle string, s said) string {
	f.t.Helper()
	var request string
	if handle != "" {
		b, err := base64.RawURLEncoding.DecodeString(handle)
		must(f.t, err)
		request = "_" + hex.EncodeToString(b)
	}
	p := f.saml[idp]
	sp := samlidp.ServiceProvider{EntityID: broke + "/broker/" + slug + "/metadata"}
	r := p.Answer(sp, broke+"/broker/"+slug+"/endpoint", request, samlidp.User{Email: s.email})
	r.Attributes = nil
	switch {
	case s.nameID != "":
		r.NameID, r.NameIDFormat, r.NameQualifier = s.nameID, s.format, s.qualifier
	case s.sub != "":
		r.NameID, r.NameIDFormat = s.sub, persistent
	}
	if s.email != "" {
		r.Attributes = append(r.Attributes, samlidp.Attribute{Name: "email", Values: []string{s.email}})
	}
	for _, a := range s.attrs {
		r.Attributes = append(r.Attributes, samlidp.Attribute{Name: a[0], Values: a[1:]})
	}
	if s.lie != nil {
		s.lie(&r)
	}
	return p.Respond(r)
}

// redirect asks a realm's OpenID provider, which lies, and answers where it sends the browser.
func (f *battlefield) redirect(idp string, p view, s said) string {
	f.t.Helper()
	claims := obj{"email": s.email, "sub": s.sub}
	if s.email == "" {
		claims["email"] = nil
	}
	if s.sub == "" {
		claims["sub"] = broker.RandomToken(9)
	}
	maps.Copy(claims, s.claims)
	f.oidc[idp].Lie(oidcop.Lies{Claims: oidcop.Set(claims), Payload: func(b []byte) []byte {
		return bytes.ReplaceAll(b, []byte(s.json[0]), []byte(s.json[1]))
	}})
	if s.json[0] == "" {
		f.oidc[idp].Lie(oidcop.Lies{Claims: oidcop.Set(claims)})
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(p.Header().Get("Location"))
	must(f.t, err)
	must(f.t, res.Body.Close())
	return strings.TrimPrefix(res.Header.Get("Location"), broke)
}

// who answers the person that the visitor's session of a realm is of, "" for none.
func (v *visitor) who(realm string) (home, email, id string) {
	v.f.t.Helper()
	s, err := v.f.sessions.Find(v.f.t.Context(), realm, v.jar["cr_s_"+realm])
	must(v.f.t, err)
	if s == nil {
		return "", "", ""
	}
	u, err := v.f.store.Users.Get(v.f.t.Context(), s.HomeRealm, s.UserID)
	must(v.f.t, err)
	return s.HomeRealm, u.Email, u.ID
}

// refused holds that a page is an error page about one fault, and that nothing came of it: no session in the browser,
// no row made or changed.
func (v *visitor) refused(p view, want fault.Code, before map[string]string) {
	t := v.f.t
	t.Helper()
	if got := v.f.codes.take(); got != want {
		t.Errorf("fault %q, want %q", got, want)
	}
	if to, ok := p.home(); ok || p.Code != fault.Lookup(want).Status {
		t.Errorf("%s led to %d %s", p.path, p.Code, to)
	}
	v.nothing(before)
}

func (v *visitor) nothing(before map[string]string) {
	t := v.f.t
	t.Helper()
	for name := range v.jar {
		if strings.HasPrefix(name, "cr_s_") {
			t.Errorf("the browser has a session: %s", name)
		}
	}
	for table, after := range v.f.rows() {
		if after != before[table] {
			t.Errorf("%s changed from %d to %d bytes", table, len(before[table]), len(after))
		}
	}
}

// signedIn holds that a page leads back to the application, with a session of the right person of the right realm.
func (v *visitor) signedIn(p view, at, home, email string) (id string) {
	t := v.f.t
	t.Helper()
	code := v.f.codes.take()
	to, ok := p.home()
	if !ok {
		t.Fatalf("%s led to %d %s, fault %q", p.path, p.Code, to, code)
	}
	gotHome, gotEmail, id := v.who(at)
	if gotHome != home || gotEmail != email {
		t.Fatalf("signed in as %s of %q, want %s of %q", gotEmail, gotHome, email, home)
	}
	return id
}

// in runs f with the battlefield's complaints going to a sub-test.
func (f *battlefield) in(t *testing.T, name string, run func(t *testing.T)) {
	t.Run(name, func(sub *testing.T) {
		was := f.t
		f.t = sub
		defer func() { f.t = was; f.codes.take() }()
		run(sub)
	})
}

type configuration struct{ s *store.Store }

func (c configuration) Realm(ctx context.Context, name string) (*broker.Realm, error) {
	return c.s.Realms.Get(ctx, name)
}
func (c configuration) Client(ctx context.Context, realm, id string) (*broker.Client, error) {
	return c.s.Clients.Get(ctx, realm, id)
}
func (c configuration) Connection(ctx context.Context, slug string) (*broker.Connection, error) {
	return c.s.Connections.Get(ctx, slug)
}
func (c configuration) ConnectionByAlias(ctx context.Context, realm, alias string) (*broker.Connection, error) {
	return c.s.Connections.ByAlias(ctx, realm, alias)
}
func (c configuration) ConnectionsForDomain(ctx context.Context, realm, domain string) ([]*broker.Connection, error) {
	return c.s.Connections.ForDomain(ctx, realm, domain)
}
func (c configuration) Buttons(ctx context.Context, realm string, limit int) ([]*broker.Connection, bool, error) {
	return c.s.Connections.Buttons(ctx, realm, limit)
}
func (c configuration) DomainOwner(ctx context.Context, domain string) (string, error) {
	d, err := c.s.Domains.Verified(ctx, domain)
	if err != nil {
		return "", err
	}
	return d.Realm, nil
}
func (c configuration) Stored(ctx context.Context, slug string) ([]byte, error) {
	return c.s.Connections.Stored(ctx, slug)
}
func (c configuration) Remember(ctx context.Context, slug string, b []byte) error {
	return c.s.Connections.Remember(ctx, slug, b)
}

type waiting struct{ s *store.Store }

func flowMarks(once []providers.Once) (out []flow.Mark) {
	for _, o := range once {
		out = append(out, flow.Mark(o))
	}
	return out
}

func (w waiting) Park(ctx context.Context, key string, value []byte, expires time.Time, connection string, once []providers.Once) (bool, error) {
	return w.s.Parked.Park(ctx, key, value, expires, connection, flowMarks(once))
}
func (w waiting) Unpark(ctx context.Context, key string) ([]byte, error) {
	return w.s.Parked.Take(ctx, key)
}
func (w waiting) Once(ctx context.Context, connection string, once []providers.Once) (bool, error) {
	return w.s.Marks.Take(ctx, connection, flowMarks(once))
}

type marks struct{ *flow.Marks }

func (m marks) Take(ctx context.Context, space, id string, until time.Time) (bool, error) {
	return m.Marks.Take(ctx, space, []flow.Mark{{ID: id, Until: until}})
}
func (m marks) Spend(ctx context.Context, loginID string) (bool, error) {
	return m.Take(ctx, "login", loginID, time.Now().Add(2*time.Hour))
}

type rotator struct{ g *flow.Grants }

func (r rotator) Rotate(ctx context.Context, id string, presented int64, now time.Time, grace time.Duration, expires time.Time) (*broker.Grant, op.Rotation, error) {
	g, what, err := r.g.Rotate(ctx, id, presented, now, grace, expires)
	return g, op.Rotation(what), err
}

// own is the path of a login's own page.
func (p view) own() string {
	path, _, _ := strings.Cut(p.path, "?")
	return path
}
