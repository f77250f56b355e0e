package e2e

import (
	"cmp"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"cloakroom/providers/providertest/oidcop"
	"cloakroom/providers/providertest/samlidp"
)

// bench is where one case is staged.
type bench struct {
	*world
	t     *testing.T
	pages map[string]bool // of the handbook that were looked at
	slug  string
	home  string // the realm, where it is not the world\'s
}

func newBench(t *testing.T, w *world, slug string, pages map[string]bool) *bench {
	own := *w.instance
	own.tb = t // what goes wrong belongs to this case
	in := *w
	in.instance = &own
	return &bench{world: &in, t: t, slug: slug, pages: pages}
}

// caseAddress gives each visitor an address of their own, as the doors that take a guess count by it.
type caseAddress struct {
	address string
	next    http.RoundTripper
}

var visitors atomic.Int64

func (c caseAddress) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Forwarded-For", c.address)
	return c.next.RoundTrip(r)
}

func (b *bench) visitor() *visitor {
	v := newVisitor()
	n := visitors.Add(1)
	v.client.Transport = caseAddress{fmt.Sprintf("198.51.%d.%d", n/250, n%250+1), v.client.Transport}
	return v
}

// Keys are made once: they cost more than all the rest of a case.
var (
	signingKey = sync.OnceValue(func() *rsa.PrivateKey { k, _ := samlidp.NewKey(2048, time.Now()); return k })
	otherKey   = sync.OnceValue(func() *rsa.PrivateKey { k, _ := samlidp.NewKey(2048, time.Now()); return k })
	shortKey   = sync.OnceValue(func() *rsa.PrivateKey { k, _ := samlidp.NewKey(1024, time.Now()); return k })
)

// certificate is one of a key with a subject, from so many days ago for so many days.
func certificate(k *rsa.PrivateKey, name string, from, until int) []byte {
	now := time.Now()
	return samlidp.NewCertificate(k, name, now.AddDate(0, 0, from), now.AddDate(0, 0, until))
}

// samlCase says what is wrong between a SAML identity provider and us.
type samlCase struct {
	like     samlidp.Vendor
	preset   string // where it is not like
	settings obj    // of the connection's "saml", instead of the metadata's address
	conn     obj    // of the connection
	also     obj    // of the connection's "saml", besides the metadata's address
	app      func(sp *samlidp.ServiceProvider)
	idp      func(o *samlidp.Options)
	front    func(next http.Handler) http.Handler // stands before the identity provider
}

// stand is a connection with its identity provider.
type stand struct {
	*bench
	url      string // the identity provider's
	protocol string
	sp       samlidp.ServiceProvider // as the identity provider has it
	idp      *samlidp.IdP
	op       *oidcop.OP
	sent     func(form url.Values) // changes what the browser posts to us
}

func people(domain string) []samlidp.User {
	return []samlidp.User{
		{ID: "ada", Email: "ada@" + domain, GivenName: "Ada", FamilyName: "Byron", Groups: []string{"engineering"}},
		{ID: "bob", Email: "bob@" + domain, GivenName: "Bob", FamilyName: "Boole"},
		{ID: "una", Email: "una@" + domain, GivenName: "Una", FamilyName: "Signed", Unassigned: true},
		{ID: "eva", GivenName: "Eva", FamilyName: "Bare"},
		{ID: "gus", Email: "gus@partner.example", GivenName: "Gus", FamilyName: "Visitor", Guest: true},
	}
}

func (b *bench) saml(s samlCase) *stand {
	b.t.Helper()
	st := &stand{bench: b, protocol: "saml"}
	var h http.Handler
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	b.t.Cleanup(srv.Close)
	st.url = srv.URL
	o := samlidp.Options{BaseURL: srv.URL, Now: time.Now, Like: s.like, Users: people(b.domain()), Key: signingKey(), Certificate: certificate(signingKey(), "Identity provider signing", -30, 900),
		ServiceProvider: func(id string) (samlidp.ServiceProvider, bool) { return st.sp, id == st.sp.EntityID }}
	if s.idp != nil {
		s.idp(&o)
	}
	if s.like == samlidp.Entra {
		o.Bend = withObjectID(o.Bend)
	}
	st.idp = samlidp.New(o)
	h = st.idp.Handler()
	if s.front != nil {
		h = s.front(h)
	}
	settings := obj{"metadata_url": srv.URL + "/metadata"}
	if s.settings != nil {
		settings = placed(s.settings, srv.URL)
	}
	for k, v := range s.also {
		settings[k] = v
	}
	preset := s.preset
	if preset == "" {
		preset = string(s.like)
	}
	st.connect(preset, s.conn, settings)
	res, err := http.Get(b.URL + "/broker/" + b.slug + "/metadata")
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	doc, err := io.ReadAll(res.Body)
	if err == nil {
		st.sp, err = samlidp.ParseServiceProvider(doc)
	}
	if err != nil {
		b.t.Fatalf("our metadata: %v: %s", err, doc)
	}
	if s.app != nil {
		s.app(&st.sp)
	}
	return st
}

// withObjectID names people as Entra does: by a GUID.
func withObjectID(then func(*samlidp.Response)) func(*samlidp.Response) {
	return func(r *samlidp.Response) {
		for i, a := range r.Attributes {
			if strings.HasSuffix(a.Name, "/objectidentifier") {
				r.Attributes[i].Values = []string{objectID(a.Values[0])}
			}
		}
		if then != nil {
			then(r)
		}
	}
}

func objectID(name string) string {
	return hex.EncodeToString([]byte((name + "----")[:4])) + "-0a4e-4f6b-9c7d-5e2a1b3c4d5e"
}

// placed puts the identity provider's address into settings.
func placed(settings obj, address string) obj {
	out := obj{}
	for k, v := range settings {
		if text, ok := v.(string); ok {
			v = strings.ReplaceAll(text, "{idp}", address)
		}
		out[k] = v
	}
	return out
}

func (st *stand) connect(preset string, conn, settings obj) {
	st.t.Helper()
	body := obj{"slug": st.slug, "preset": preset, "protocol": st.protocol, "enabled": true, "domains": []string{"acme.example"}, st.protocol: settings}
	if preset == "" {
		body["preset"] = "generic"
	}
	for k, v := range conn {
		body[k] = v
	}
	st.api("POST", "/realms/"+st.realm()+"/connections", body, 201, nil)
}

func (b *bench) realm() string { return cmp.Or(b.home, "acme") }

// domain is the people's: the realm's, or one that is nobody's.
func (b *bench) domain() string {
	if b.home != "" {
		return "home.example"
	}
	return "acme.example"
}

func (b *bench) path(rest string) string {
	return "/realms/" + b.realm() + "/connections/" + b.slug + rest
}

const tenant = "8f3b2c1d-0a4e-4f6b-9c7d-5e2a1b3c4d5e"

// oidcCase says what is wrong between an OpenID provider and us.
type oidcCase struct {
	like     oidcop.Like
	preset   string // where it is not like
	client   func(c *oidcop.Client)
	op       func(o *oidcop.Options)
	lies     oidcop.Lies
	settings obj
	conn     obj
	front    func(next http.Handler) http.Handler
}

const (
	clientID     = "6e74172b-be56-4843-9ff4-e66a39bb12e3"
	clientSecret = "Q~8Z1kq7LmVt0sYdX3uGzP4wR6nB9cJeHf2aKxTo"
)

func accounts(domain string) []oidcop.User {
	user := func(name, email string) oidcop.User {
		return oidcop.User{Username: name, Subject: name + "-1", Email: email, EmailVerified: true, Name: strings.ToUpper(name[:1]) + name[1:] + " Byron", GivenName: strings.ToUpper(name[:1]) + name[1:], FamilyName: "Byron",
			Claims: map[string]any{"tid": tenant, "oid": objectID(name)}}
	}
	return []oidcop.User{user("ada", "ada@"+domain), user("bob", "bob@"+domain), user("eva", ""), user("gus", "gus@gmail.example")}
}

func (b *bench) oidc(s oidcCase) *stand {
	b.t.Helper()
	st := &stand{bench: b, protocol: "oidc"}
	var h http.Handler
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r) }))
	b.t.Cleanup(srv.Close)
	st.url = srv.URL
	issuer := srv.URL
	if s.like == oidcop.LikeEntra {
		issuer += "/" + tenant + "/v2.0"
	}
	client := oidcop.Client{ID: clientID, Secret: clientSecret, RedirectURIs: []string{b.URL + "/broker/" + b.slug + "/endpoint"}}
	if s.client != nil {
		s.client(&client)
	}
	o := oidcop.Options{Issuer: issuer, Now: time.Now, Like: s.like, Clients: []oidcop.Client{client}, Users: accounts(b.domain()), Algorithm: "ES256",
		Tenants: map[string]string{tenant: tenant, "acme.example": tenant}}
	if s.op != nil {
		s.op(&o)
	}
	st.op = oidcop.New(o)
	st.op.Lie(s.lies)
	h = st.op
	if s.front != nil {
		h = s.front(h)
	}
	settings := obj{"issuer": issuer, "client_id": clientID, "client_secret": clientSecret}
	if s.like == oidcop.LikeEntra {
		settings["tenant"] = tenant
	}
	if s.like == oidcop.LikeGitHub {
		st.protocol = "oauth2"
		settings = obj{"authorize_url": srv.URL + "/login/oauth/authorize", "token_url": srv.URL + "/login/oauth/access_token", "userinfo_url": srv.URL + "/api/v3/user", "client_id": clientID, "client_secret": clientSecret}
	}
	for k, v := range placed(s.settings, srv.URL) {
		settings[k] = v
	}
	preset := s.preset
	if preset == "" {
		preset = string(s.like)
	}
	st.connect(preset, s.conn, settings)
	return st
}

// answer reads a report of the admin API.
func (b *bench) answer(how string, raw json.RawMessage) told {
	b.t.Helper()
	var r struct {
		Status, Outcome, Why, Past string
		Findings                   []finding
		Diagnosis                  *finding
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		b.t.Fatalf("%s: %v in %s", how, err, raw)
	}
	if r.Diagnosis != nil && (len(r.Findings) == 0 || r.Diagnosis.Severity != "error") {
		b.t.Errorf("%s: the diagnosis %s (%s) is no error of the list", how, r.Diagnosis.Code, r.Diagnosis.Severity)
	}
	return told{how: how, status: r.Status, findings: r.Findings, rest: tail(string(raw), 2500), note: strings.Join([]string{r.Past, r.Outcome, r.Why, string(raw)}, "\n")}
}

// check is the preflight.
func (b *bench) check() told {
	b.t.Helper()
	var raw json.RawMessage
	b.api("POST", b.path("/check"), nil, 200, &raw)
	return b.answer("check", raw)
}

// explain examines something without a sign-in.
func (b *bench) explain(what obj) told {
	b.t.Helper()
	var raw json.RawMessage
	b.api("POST", b.path("/explain"), what, 200, &raw)
	return b.answer("explain", raw)
}

// paste is the wizard's field that takes everything, or one of its fields.
func (b *bench) paste(field, text string) told {
	b.t.Helper()
	var raw json.RawMessage
	b.api("POST", b.path("/paste"), obj{"field": field, "text": text}, 200, &raw)
	return b.answer("paste", raw)
}

// draft begins a connection as the wizard does.
func (b *bench) draft(preset, protocol string) *bench {
	b.t.Helper()
	b.api("POST", "/realms/"+b.realm()+"/drafts", obj{"preset": preset, "protocol": protocol, "slug": b.slug, "domains": []string{"acme.example"}}, 201, nil)
	return b
}

// test walks a test sign-in to its end. Where that is a page of the identity provider, the page is pasted.
func (st *stand) test(user string) told {
	st.t.Helper()
	link := st.begin()
	v := st.visitor()
	p, err := v.get(link.URL)
	if err != nil {
		st.t.Fatal(err)
	}
	how := "test"
	if p = st.walk(v, p, user); !strings.HasPrefix(p.URL.String(), st.URL) {
		st.api("POST", st.path("/tests/"+link.Ref+"/page"), obj{"text": p.Body}, 200, nil)
		how = "test, page pasted"
	}
	return st.reported(how, link.Ref, p)
}

func (b *bench) begin() (l testLink) {
	b.t.Helper()
	b.api("POST", b.path("/test"), nil, 200, &l)
	return l
}

func (b *bench) reported(how, ref string, p *page) told {
	b.t.Helper()
	var raw json.RawMessage
	b.api("GET", b.path("/tests/"+ref), nil, 200, &raw)
	s := b.answer(how, raw)
	if p != nil {
		s.rest += "\n" + tail(p.String(), 600)
	}
	return s
}

// page pastes the text of a page into a test that did not come back.
func (b *bench) page(text string) told {
	b.t.Helper()
	link := b.begin()
	b.api("POST", b.path("/tests/"+link.Ref+"/page"), obj{"text": text}, 200, nil)
	return b.reported("page pasted", link.Ref, nil)
}

// walk goes on from a page until we have the browser back, or the identity provider keeps it.
func (st *stand) walk(v *visitor, p *page, user string) *page {
	st.t.Helper()
	for range 5 {
		field := find(p.doc, func(n *html.Node) bool {
			return n.Data == "input" && slices.Contains([]string{"SAMLResponse", "code", "error"}, attr(n, "name"))
		})
		button := find(p.doc, func(n *html.Node) bool {
			return n.Data == "button" && attr(n, "name") == "user" && attr(n, "value") == user
		})
		var err error
		request := find(p.doc, func(n *html.Node) bool { return n.Data == "input" && attr(n, "name") == "SAMLRequest" })
		switch {
		case request != nil: // our own page, which posts itself
			p, err = v.submit(p, nil, nil, appURL)
		case field != nil:
			p, err = st.post(v, p)
		case button != nil:
			p, err = v.submit(p, nil, url.Values{"user": {user}}, appURL)
		default:
			return p
		}
		if err != nil {
			st.t.Fatal(err)
		}
	}
	return p
}

// post sends the identity provider's answer on to us, as it is or changed on its way.
func (st *stand) post(v *visitor, p *page) (*page, error) {
	form := find(p.doc, func(n *html.Node) bool { return n.Data == "form" })
	values := url.Values{}
	each(form, func(n *html.Node) {
		if n.Data == "input" && attr(n, "name") != "" {
			values.Set(attr(n, "name"), attr(n, "value"))
		}
	})
	if st.sent != nil {
		st.sent(values)
	}
	return v.do(http.MethodPost, attr(form, "action"), values, p.URL, []string{appURL})
}

// signIn is a real sign-in of the application, in a browser of its own.
func (st *stand) signIn(user string) *page {
	st.t.Helper()
	return st.signInWith(st.visitor(), user, "")
}

func (st *stand) signInWith(v *visitor, user, query string) *page {
	st.t.Helper()
	p, err := v.get(st.app.begin().URL+"&kc_idp_hint="+st.slug+query, appURL)
	if err != nil {
		st.t.Fatal(err)
	}
	return st.walk(v, p, user)
}

// works lets people in, so that the connection has a past.
func (st *stand) works(users ...string) *stand {
	st.t.Helper()
	for _, u := range users {
		if p := st.signIn(u); !strings.HasPrefix(p.URL.String(), appURL) || p.URL.Query().Get("code") == "" {
			st.t.Fatalf("%s does not get in: %s", u, p)
		}
	}
	for range 100 { // it is counted a moment later
		var h struct {
			LastSuccess time.Time `json:"last_success"`
			Successes   int       `json:"successes_since_change"`
		}
		if st.api("GET", st.path("/health"), nil, 200, &h); h.Successes >= len(users) {
			return st
		}
		time.Sleep(100 * time.Millisecond)
	}
	st.t.Fatal("the sign-ins are not counted")
	return st
}

// trace is what an operator finds under the reference on a person's error page.
func (b *bench) trace(p *page) told {
	b.t.Helper()
	out := find(p.doc, func(n *html.Node) bool { return n.Data == "output" })
	if out == nil || out.FirstChild == nil {
		b.t.Fatalf("no reference on %s", p)
	}
	ref := strings.TrimSpace(out.FirstChild.Data)
	var trace struct {
		Outcome string
		Finding *finding
	}
	var raw []byte
	for range 40 { // it is written down a moment later
		var status int
		if status, raw = b.try("GET", "/realms/"+b.realm()+"/logins/"+ref, nil); status == http.StatusOK {
			if err := json.Unmarshal(raw, &trace); err != nil {
				b.t.Fatalf("%v in %s", err, raw)
			}
		}
		if trace.Finding != nil {
			return told{how: "sign-in", status: trace.Outcome, rest: tail(string(raw), 2000), note: string(raw), findings: []finding{*trace.Finding}}
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.t.Fatalf("nothing wrong is found under %s: %s\n%s", ref, raw, p)
	return told{}
}

// problem is a refusal of the admin API as a finding.
func (b *bench) problem(method, path string, body any, wanted int) told {
	b.t.Helper()
	status, answer := b.try(method, path, body)
	if status != wanted {
		b.t.Fatalf("%s %s: %d, want %d: %s", method, path, status, wanted, answer)
	}
	var p struct{ Code, Title, Detail, Fix, Type string }
	if err := json.Unmarshal(answer, &p); err != nil {
		b.t.Fatalf("%v in %s", err, answer)
	}
	// A problem (RFC 9457) has no side and no confidence: it is about what was just entered.
	return told{how: "refused when entered", status: "refused", rest: string(answer), note: string(answer),
		findings: []finding{{Code: p.Code, Severity: "error", Side: "ours", Confidence: "proved", Cause: p.Title, Fix: p.Fix, Detail: p.Detail, Help: p.Type, Labels: []string{}}}}
}
