package upstream_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/registry"
	"cloakroom/broker/upstream"
	"cloakroom/providers"
	"cloakroom/providers/oidc"
	"cloakroom/providers/providertest/samlidp"
	"cloakroom/providers/saml"
	"cloakroom/store"
	"cloakroom/store/ledger"
	"cloakroom/store/storetest"
)

var (
	ctx     = context.Background()
	support = admin.Actor{Name: "operator:eva", Role: admin.Support, Realms: []string{"acme"}}
)

const day = 24 * time.Hour

// clock is the world's time.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// replica is one process of the installation.
type replica struct {
	store    *store.Store
	registry *registry.Registry
	keeper   *upstream.Keeper
	admin    *admin.Service
}

func newReplica(t *testing.T, s *store.Store, now func() time.Time) *replica {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	r := &replica{store: s}
	r.registry = registry.New(&registry.Registry{
		Store: reads{s}, Protocols: map[string]providers.Protocol{"saml": saml.New(), "oidc": oidc.Protocol{}}, HTTP: &http.Client{Timeout: 5 * time.Second},
		BaseURL: "https://sso.example", SPKeys: func(context.Context, string) ([]providers.Key, error) { return nil, nil }, Log: log, Now: now,
	})
	r.keeper = &upstream.Keeper{
		Documents: s.Documents, Watches: s.Documents, Connections: s.Connections, Events: s.Events, Tx: s.Tx, Now: now, Log: log,
		Open: func(ctx context.Context, c *broker.Connection) (providers.Provider, error) {
			o := r.registry.Open(ctx, c)
			return o.Provider, o.Err
		},
	}
	r.registry.Documents = r.keeper
	r.admin = &admin.Service{
		Realms: s.Realms, Connections: s.Connections, Domains: s.Domains, Events: s.Events, Tx: s.Tx, Documents: r.keeper, Checks: s.Checks, Now: now,
		Open: func(_ context.Context, c *broker.Connection) (providers.Provider, error) {
			return r.registry.Provider(c, nil)
		},
	}
	watching, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { s.Watch(watching, r.registry.Forget); close(done) }()
	t.Cleanup(func() { stop(); <-done })
	return r
}

// reads is the part of the store that the registry asks for here.
type reads struct{ s *store.Store }

func (r reads) Realm(ctx context.Context, name string) (*broker.Realm, error) {
	return r.s.Realms.Get(ctx, name)
}
func (r reads) Client(ctx context.Context, realm, id string) (*broker.Client, error) {
	return r.s.Clients.Get(ctx, realm, id)
}
func (r reads) Connection(ctx context.Context, slug string) (*broker.Connection, error) {
	return r.s.Connections.Get(ctx, slug)
}
func (r reads) ConnectionByAlias(ctx context.Context, realm, alias string) (*broker.Connection, error) {
	return r.s.Connections.ByAlias(ctx, realm, alias)
}
func (r reads) ConnectionsForDomain(ctx context.Context, realm, domain string) ([]*broker.Connection, error) {
	return r.s.Connections.ForDomain(ctx, realm, domain)
}
func (r reads) Buttons(ctx context.Context, realm string, limit int) ([]*broker.Connection, bool, error) {
	return r.s.Connections.Buttons(ctx, realm, limit)
}
func (r reads) DomainOwner(context.Context, string) (string, error) { return "", nil }
func (r reads) Stored(ctx context.Context, slug string) ([]byte, error) {
	return r.s.Connections.Stored(ctx, slug)
}
func (r reads) Remember(ctx context.Context, slug string, b []byte) error {
	return r.s.Connections.Remember(ctx, slug, b)
}

// world is an installation whose connection "idp" fetches metadata that the tests change.
type world struct {
	*replica
	*clock
	t    *testing.T
	idp  *samlidp.IdP
	site *site
}

// site serves a document, a status, or a redirect.
type site struct {
	*httptest.Server
	mu   sync.Mutex
	body string
	code int
	to   string
	hits int
}

func newSite(t *testing.T) *site {
	s := &site{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hits++
	switch {
	case s.to != "":
		http.Redirect(w, r, s.to, http.StatusFound)
	case s.code != 0:
		w.WriteHeader(s.code)
	default:
		fmt.Fprint(w, s.body)
	}
}

func (s *site) serve(body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body, s.code, s.to = body, 0, ""
}

func (s *site) fail(code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code = code
}

func (s *site) redirect(to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = to
}

func (s *site) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits
}

// pair is a signing key with its certificate.
type pair struct {
	key  any
	cert []byte
}

// pairs are made once: RSA generation is slow.
var pairs = sync.OnceValue(func() (out [3]pair) {
	for i := range out {
		key, cert := samlidp.NewKey(2048, start)
		out[i] = pair{key, cert}
	}
	return out
})

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	t.Helper()
	c := &clock{t: start}
	s, err := store.Open(ctx, store.Options{URL: storetest.SQLiteURL(t), Sealer: storetest.Keyring(t), Now: c.now})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.Migrate(ctx))
	w := &world{replica: newReplica(t, s, c.now), clock: c, t: t, site: newSite(t)}
	w.idp = samlidp.New(samlidp.Options{BaseURL: "https://idp.example", Key: signer(0), Certificate: pairs()[0].cert, Now: c.now})
	w.site.serve(w.metadata(0))
	storetest.Realm(t, s, "acme")
	w.create(`{"slug":"idp","protocol":"saml","saml":{"metadata_url":"` + w.site.URL + `/metadata"}}`)
	return w
}

func (w *world) create(doc string) {
	w.t.Helper()
	_, err := w.admin.CreateConnection(ctx, support, "acme", []byte(doc))
	must(w.t, err)
}

// metadata has the certificates of the pairs named.
func (w *world) metadata(certs ...int) string {
	text := string(w.idp.Metadata())
	from := strings.Index(text, "<md:KeyDescriptor")
	end := strings.LastIndex(text, "</md:KeyDescriptor>") + len("</md:KeyDescriptor>")
	var keys strings.Builder
	for _, i := range certs {
		pem := samlidp.PEM(pairs()[i].cert)
		body := strings.TrimSuffix(strings.TrimPrefix(pem, "-----BEGIN CERTIFICATE-----\n"), "-----END CERTIFICATE-----\n")
		keys.WriteString(`<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>` + body + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`)
	}
	return text[:from] + keys.String() + text[end:]
}

// fetch is the operator's "fetch now".
func (w *world) fetch() *admin.DocumentVersions {
	w.t.Helper()
	v, err := w.admin.RefreshDocuments(ctx, support, "acme", "idp")
	must(w.t, err)
	return v
}

func (w *world) known() *admin.DocumentVersions {
	w.t.Helper()
	v, err := w.admin.ListDocuments(ctx, support, "acme", "idp")
	must(w.t, err)
	return v
}

// login sends a truthful answer signed with a pair's key through the connection, as any replica would open it.
func (w *world) login(key int) error {
	w.t.Helper()
	conn, err := w.registry.Connection(ctx, "idp")
	must(w.t, err)
	return w.loginAt(conn, key)
}

func (w *world) loginAt(conn *registry.Connection, key int) error {
	w.t.Helper()
	must(w.t, conn.Err)
	idp := *w.idp
	idp.Key, idp.Certificate = signer(key), pairs()[key].cert
	const callback = "https://sso.example/broker/idp/endpoint"
	r := providers.Request{Handle: strings.Repeat("h", 43), MessageID: "_id", Secret: []byte(strings.Repeat("s", 32)), CallbackURL: callback, Issued: w.now()}
	answer := idp.Respond(idp.Answer(samlidp.ServiceProvider{EntityID: "https://sso.example/broker/idp/metadata", ACS: []string{callback}}, callback, "_id",
		samlidp.User{ID: "u1", Email: "jane@acme.example"}))
	_, err := conn.Provider.Finish(ctx, r, providers.Reply{Method: "POST", URL: &url.URL{Path: "/"}, Form: url.Values{"SAMLResponse": {answer}}})
	return err
}

// logins is which keys sign people in, on a replica that starts now.
func (w *world) logins() string {
	w.t.Helper()
	c, err := w.store.Connections.Get(ctx, "idp")
	must(w.t, err)
	var out []string
	for i := range pairs() {
		if err := w.loginAt(w.registry.Open(ctx, c), i); err == nil {
			out = append(out, fmt.Sprint(i))
		} else if fault.CodeOf(err) != fault.SAMLSignatureKey {
			w.t.Errorf("key %d: %v", i, err)
		}
	}
	return strings.Join(out, " ")
}

func (w *world) events(kind string) []broker.Event {
	w.t.Helper()
	list, _, err := w.store.Events.List(ctx, ledger.Filter{Kind: "connection.documents_" + kind}, broker.Page{})
	must(w.t, err)
	return list
}

// findings are the codes of a check that are about documents.
func (w *world) findings() []string {
	w.t.Helper()
	r, err := w.admin.CheckConnection(ctx, support, "acme", "idp")
	must(w.t, err)
	var out []string
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Code, "documents.") {
			out = append(out, f.Code)
		}
	}
	return out
}

func (w *world) wantFindings(want ...fault.Code) {
	w.t.Helper()
	var codes []string
	for _, c := range want {
		codes = append(codes, string(c))
	}
	if got := w.findings(); !slices.Equal(got, codes) {
		w.t.Errorf("findings %v, want %v", got, codes)
	}
}

// state is a version list in short: "3 pending fetched; 2* accepted approved".
func state(v *admin.DocumentVersions) string {
	var out []string
	for _, d := range v.Items {
		star := ""
		if d.Trusted {
			star = "*"
		}
		out = append(out, fmt.Sprintf("%d%s %s %s", d.N, star, d.Status, d.How))
	}
	return strings.Join(out, "; ")
}

func wantState(t *testing.T, v *admin.DocumentVersions, want string) {
	t.Helper()
	if got := state(v); got != want {
		t.Errorf("versions\n got %s\nwant %s", got, want)
	}
}

func wantCode(t *testing.T, err error, want fault.Code) {
	t.Helper()
	if got := fault.CodeOf(err); got != want {
		t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
