package signin_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/store/flow"
	"cloakroom/store/ledger"
	"cloakroom/store/storetest"
)

// letterbox keeps the mails of local ways.
type letterbox struct {
	mu    sync.Mutex
	mails []login.LocalMail
}

func (l *letterbox) keep(m login.LocalMail) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mails = append(l.mails, m)
	return nil
}
func (l *letterbox) EmailCode(_ context.Context, m login.LocalMail) error      { return l.keep(m) }
func (l *letterbox) CredentialLink(_ context.Context, m login.LocalMail) error { return l.keep(m) }

// take answers the one mail there is, and forgets it.
func (l *letterbox) take(t *testing.T) login.LocalMail {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.mails) != 1 {
		t.Fatalf("%d mails, want one", len(l.mails))
	}
	m := l.mails[0]
	l.mails = nil
	return m
}

func (l *letterbox) none(t *testing.T, why string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.mails) > 0 {
		t.Errorf("%s was written to", why)
	}
	l.mails = nil
}

// locals is an installation with local ways, a realm acme that enforces acme.example, and people of each standing.
type locals struct {
	*world
	post  *letterbox
	ended []string
	now   time.Time // of the guard
	ask   *browser
}

func newLocals(t *testing.T) *locals {
	t.Helper()
	l := &locals{world: newWorld(t, storetest.SQLite(t)), post: &letterbox{}, now: time.Now()}
	passwords, err := credential.NewPasswords(2)
	must(t, err)
	passkeys, err := credential.NewPasskeys(base)
	must(t, err)
	l.engine.Local = &login.Local{
		Credentials: l.store.Credentials, Passwords: passwords, Passkeys: passkeys, Guard: credential.NewGuard(func() time.Time { return l.now }),
		Post: l.post, BaseURL: base, Go: func(ctx context.Context, f func(context.Context)) { f(ctx) },
		EndUser: func(ctx context.Context, _, id string) error {
			l.ended = append(l.ended, id)
			_, err := l.store.Sessions.End(ctx, flow.Scope{UserID: id}, func([]broker.Grant) {})
			return err
		},
	}
	every := func(r *broker.Realm) { r.LocalLogin = broker.LocalLogins }
	for _, r := range []string{"acme", "globex"} {
		l.realm(r, every)
		l.client(r, nil)
		l.domain(r, r+".example")
	}
	l.connection("acme", "acme-idp", []string{"acme.example"}, func(c *broker.Connection) { c.Enforced = true })
	l.connection("acme", "social", nil, func(c *broker.Connection) { c.EmailTrust = "verified_claim" })
	l.connection("globex", "globex-idp", []string{"globex.example"}, nil)
	l.person("acme", "bound@acme.example", nil)
	l.person("acme", "glass@acme.example", func(u *broker.User) { u.Excluded = true })
	l.person("acme", "free@else.example", nil)
	l.person("acme", "blocked@else.example", func(u *broker.User) { u.Blocked = true })
	l.person("globex", "gus@globex.example", nil)
	l.ask = l.browser()
	return l
}

var inLogin = regexp.MustCompile(`/realms/[a-z]+/login/[0-9A-Z-]+`)

// begin starts a login in a browser and answers the address of its local page.
func (l *locals) begin(b *browser, realm string) string {
	l.t.Helper()
	p := b.authorize(realm, "kc_idp_hint", "", "prompt", "login")
	m := inLogin.FindString(p.path)
	if m == "" {
		l.t.Fatalf("no login page at %s: %s", p.path, p.at())
	}
	return m + "/local"
}

// code asks for a code for an address.
func (l *locals) code(b *browser, at, address string) page {
	return b.post(at+"/code", url.Values{"email": {address}})
}

func TestLocalCode(t *testing.T) {
	l := newLocals(t)
	at := l.begin(l.ask, "acme")
	p := l.ask.get(at)
	for _, want := range []string{at + "/code", at + "/password", at + "/passkey", "data-passkey"} {
		if !strings.Contains(p.Body.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	p = l.code(l.ask, at, " Glass@ACME.example ")
	if p.path != at+"/enter" || p.Code != http.StatusOK {
		t.Fatalf("%d %s", p.Code, p.path)
	}
	m := l.post.take(t)
	if m.User.Email != "glass@acme.example" || len(m.Code) != 6 || m.Known {
		t.Fatalf("mailed %+v", m)
	}
	// The code is worth nothing in another browser, nor in another login of the same one.
	other := l.browser()
	if p := other.post(l.begin(other, "acme")+"/enter", url.Values{"code": {m.Code}}); p.at() == "app code" {
		t.Error("the code worked in another browser")
	}
	if p := l.ask.post(l.begin(l.ask, "acme")+"/enter", url.Values{"code": {m.Code}}); p.at() == "app code" {
		t.Error("the code worked in another login")
	}
	if p := l.ask.post(at+"/enter", url.Values{"code": {"x"}}); p.Code != http.StatusUnprocessableEntity {
		t.Errorf("a wrong code: %d", p.Code)
	}
	p = l.ask.post(at+"/enter", url.Values{"code": {m.Code[:3] + " " + m.Code[3:]}})
	if p.at() != "app code" {
		t.Fatalf("the right code led to %s: %s", p.at(), p.Body)
	}
	u, err := l.store.Users.ByEmail(t.Context(), "acme", "glass@acme.example")
	must(t, err)
	if !u.EmailVerified {
		t.Error("a mailed code proves the address")
	}
	s, err := l.engine.Sessions.Find(t.Context(), "acme", l.ask.jar["cr_s_acme"])
	if err != nil || s == nil || s.Connection != "" || !slices.Equal(s.AMR, []string{"otp"}) {
		t.Fatalf("session %+v, %v", s, err)
	}
	if p := l.ask.authorize("acme", "prompt", "none"); p.at() != "app code" {
		t.Errorf("the session is not taken: %s", p.at())
	}
	// The next code is asked for in a known browser.
	l.code(l.ask, l.begin(l.ask, "acme"), "glass@acme.example")
	if !l.post.take(t).Known {
		t.Error("the browser is not known after a sign-in")
	}
	// A session stands as long as its person may use the way.
	u.Excluded = false
	must(t, l.store.Users.Update(t.Context(), u))
	if p := l.ask.authorize("acme", "prompt", "none"); p.at() != "app login_required" {
		t.Errorf("the session of somebody who is bound again: %s", p.at())
	}
}

// Whoever asks sees the same, whatever the address; mail goes to those alone who may come in.
func TestLocalSaysNothing(t *testing.T) {
	l := newLocals(t)
	var first []string
	for _, address := range []string{"glass@acme.example", "bound@acme.example", "nobody@acme.example", "blocked@else.example", "gus@globex.example", "x@unknown.example"} {
		b := l.browser()
		at, pages := l.begin(b, "acme"), []string{}
		for _, step := range []func() page{
			func() page { return l.code(b, at, address) },
			func() page { return b.post(at+"/enter", url.Values{"code": {"000000x"}}) },
			func() page {
				return b.post(at+"/password", url.Values{"email": {address}, "password": {"wrong wrong wrong"}})
			},
			func() page { return b.post(at+"/link", url.Values{"email": {address}}) },
		} {
			p := step()
			seen := fmt.Sprint(p.Code, p.path, p.Body)
			seen = strings.ReplaceAll(inLogin.ReplaceAllString(seen, "/login"), address, "ADDRESS")
			seen = regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}`).ReplaceAllString(seen, "REF")
			pages = append(pages, seen)
		}
		if address == "glass@acme.example" {
			l.post.mu.Lock()
			if len(l.post.mails) != 2 {
				t.Errorf("%d mails to somebody who may come in, want code and link", len(l.post.mails))
			}
			l.post.mails = nil
			l.post.mu.Unlock()
		} else {
			l.post.none(t, address)
		}
		if first == nil {
			first = pages
		}
		for i := range pages {
			if pages[i] != first[i] {
				t.Errorf("%s, page %d:\n%s\nwant\n%s", address, i, pages[i], first[i])
			}
		}
	}
}

func TestLocalCodeTries(t *testing.T) {
	l := newLocals(t)
	at := l.begin(l.ask, "acme")
	l.code(l.ask, at, "free@else.example")
	m := l.post.take(t)
	kept := l.ask.jar
	for range credential.CodeTries {
		l.now = l.now.Add(time.Hour) // the guard is another matter
		if p := l.ask.post(at+"/enter", url.Values{"code": {"nonsense"}}); p.Code != http.StatusUnprocessableEntity {
			t.Fatalf("a wrong code: %d", p.Code)
		}
		l.ask.jar = kept // cookies from before do not bring tries back
	}
	l.now = l.now.Add(time.Hour)
	if p := l.ask.post(at+"/enter", url.Values{"code": {m.Code}}); p.at() == "app code" {
		t.Error("the right code after five wrong ones")
	}
	l.sees(ledger.Filter{Realm: "acme", Kind: "login.failed", Email: "free@else.example"}, fault.LocalCodeOver)
}

// setPassword goes by a mailed link.
func (l *locals) setPassword(b *browser, realm, address, password string) {
	l.t.Helper()
	b.post(l.begin(b, realm)+"/link", url.Values{"email": {address}})
	link := strings.TrimPrefix(l.post.take(l.t.(*testing.T)).URL, base)
	p := b.get(link)
	if p.Code != http.StatusOK {
		l.t.Fatalf("the link: %d", p.Code)
	}
	p = b.post(link+"/password", url.Values{"password": {password}, "again": {password}, "form": {b.jar["cr_form"]}})
	if p.Code != http.StatusOK || !strings.Contains(p.Body.String(), "Your password is set") {
		l.t.Fatalf("setting the password: %d %s", p.Code, p.Body)
	}
}

func TestLocalPassword(t *testing.T) {
	l := newLocals(t)
	const password = "correct horse battery"
	l.ask.post(l.begin(l.ask, "acme")+"/link", url.Values{"email": {"free@else.example"}})
	link := strings.TrimPrefix(l.post.take(t).URL, base)
	for _, weak := range []string{"short", "free@else.example", "freefreefree", "aaaaaaaaaaaaaaa", strings.Repeat("long ", 200)} {
		l.ask.get(link)
		p := l.ask.post(link+"/password", url.Values{"password": {weak}, "again": {weak}, "form": {l.ask.jar["cr_form"]}})
		if p.Code != http.StatusUnprocessableEntity {
			t.Errorf("password %.20q: %d", weak, p.Code)
		}
	}
	if p := l.browser().post(link+"/password", url.Values{"password": {password}, "again": {password}, "form": {""}}); p.Code != http.StatusForbidden {
		t.Errorf("a form of another site: %d", p.Code)
	}
	token := link[strings.LastIndex(link, "/")+1:]
	setup, err := l.engine.OpenLink(t.Context(), "acme", token)
	must(t, err)
	if _, err := l.engine.SetPassword(t.Context(), setup, password, password+"?"); fault.CodeOf(err) != fault.LocalPasswordTwice {
		t.Errorf("two entries that differ: %v", err)
	}
	if _, _, err := l.engine.EnrolPasskey(t.Context(), setup); fault.CodeOf(err) != fault.LocalNotOffered {
		t.Errorf("a link for a password makes a passkey: %v", err)
	}
	second := l.browser()
	second.post(l.begin(second, "acme")+"/link", url.Values{"email": {"free@else.example"}})
	older := strings.TrimPrefix(l.post.take(t).URL, base)
	p := l.ask.post(link+"/password", url.Values{"password": {password}, "again": {password}, "form": {l.ask.jar["cr_form"]}})
	if p.Code != http.StatusOK || len(l.ended) != 1 {
		t.Fatalf("%d, %d people signed out", p.Code, len(l.ended))
	}
	for name, over := range map[string]string{"used": link, "of before the change": older, "of another realm": strings.Replace(link, "/acme/", "/globex/", 1)} {
		if p := l.ask.get(over); p.Code != http.StatusGone {
			t.Errorf("a link %s: %d", name, p.Code)
		}
		_, err := l.engine.OpenLink(t.Context(), strings.Split(over, "/")[2], over[strings.LastIndex(over, "/")+1:])
		if fault.CodeOf(err) != fault.LocalLinkOver {
			t.Errorf("a link %s: %v", name, err)
		}
	}
	at := l.begin(l.ask, "acme")
	if p := l.ask.post(at+"/password", url.Values{"email": {"free@else.example"}, "password": {"another password"}}); p.Code != http.StatusUnprocessableEntity {
		t.Errorf("a wrong password: %d", p.Code)
	}
	if p := l.ask.post(at+"/password", url.Values{"email": {"FREE@else.example"}, "password": {password}}); p.at() != "app code" {
		t.Fatalf("the right password: %s", p.at())
	}
	// After a sign-in the person sets up what they like; the password ends the other sessions and keeps this one.
	p = l.ask.get("/realms/acme/local")
	if p.Code != http.StatusOK || !strings.Contains(p.Body.String(), "Your ways to sign in") {
		t.Fatalf("%d", p.Code)
	}
	p = l.ask.post("/realms/acme/local/password", url.Values{"password": {password + "2"}, "again": {password + "2"}, "form": {l.ask.jar["cr_form"]}})
	if p.Code != http.StatusOK || l.ask.authorize("acme", "prompt", "none").at() != "app code" {
		t.Errorf("%d; the browser that changed the password was signed out", p.Code)
	}
	if p := l.browser().get("/realms/acme/local"); p.Code != http.StatusForbidden {
		t.Errorf("without a session: %d", p.Code)
	}
	later := *l.engine
	later.Now = func() time.Time { return time.Now().Add(16 * time.Minute) }
	if _, err := later.OpenSession(t.Context(), "acme", l.ask.jar["cr_s_acme"]); fault.CodeOf(err) != fault.LocalStale {
		t.Errorf("long after the sign-in: %v", err)
	}
	// Nothing of it is worth anything at the other realm.
	at = l.begin(l.ask, "globex")
	if p := l.ask.post(at+"/password", url.Values{"email": {"free@else.example"}, "password": {password + "2"}}); p.at() == "app code" {
		t.Error("a password of acme signs in to globex")
	}
}

// What strangers do to an account slows strangers down; the owner's browser does not feel it.
func TestLocalGuard(t *testing.T) {
	l := newLocals(t)
	const address, password = "free@else.example", "correct horse battery"
	l.setPassword(l.ask, "acme", address, password)
	try := func(b *browser, password string) page {
		return b.post(l.begin(b, "acme")+"/password", url.Values{"email": {address}, "password": {password}})
	}
	stranger := l.browser()
	codes := map[int]int{}
	for i := range 60 {
		stranger.from = fmt.Sprintf("198.51.100.%d:4000", i)
		codes[try(stranger, "guess").Code]++
	}
	if codes[http.StatusTooManyRequests] < 30 {
		t.Errorf("60 guesses from 60 addresses: %v", codes)
	}
	fresh := l.browser()
	fresh.from = "203.0.113.7:4000"
	if p := try(fresh, password); p.Code != http.StatusTooManyRequests {
		t.Errorf("a new browser during the attack: %d", p.Code)
	}
	if p := try(l.ask, password); p.at() != "app code" {
		t.Errorf("the owner's browser during the attack: %s", p.at())
	}
	l.now = l.now.Add(31 * time.Second) // no lock is for good: the longest wait for an account is half a minute
	if p := try(fresh, password); p.at() != "app code" {
		t.Errorf("a new browser after half a minute: %s", p.at())
	}
	l.sees(ledger.Filter{Realm: "acme", Kind: "login.failed", Email: address}, fault.LocalWait)
}

// sees waits until the ledger, which is written a moment later, tells operators of a fault.
func (l *locals) sees(f ledger.Filter, code fault.Code) {
	l.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		seen, _, err := l.store.Events.List(l.t.Context(), f, broker.Page{Limit: 200})
		must(l.t, err)
		if slices.ContainsFunc(seen, func(e broker.Event) bool { return e.Code == string(code) }) {
			return
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("operators do not see %s", code)
		}
	}
}

func TestEnforcedElsewhere(t *testing.T) {
	l := newLocals(t)
	carol := identity{Sub: "carol", Email: "carol@acme.example", Verified: true}
	in := func(slug string, i identity) string {
		b := l.browser()
		return b.answer(b.authorize("acme", "kc_idp_hint", slug), i).at()
	}
	if got := in("social", carol); got != "Forbidden" {
		t.Errorf("an address of the enforced domain through another connection: %s", got)
	}
	if _, err := l.store.Users.ByEmail(t.Context(), "acme", carol.Email); err == nil {
		t.Error("a person was made all the same")
	}
	l.sees(ledger.Filter{Realm: "acme", Connection: "social", Kind: "login.failed"}, fault.LoginEnforced)
	if got := in("acme-idp", carol); got != "app code" {
		t.Errorf("through the enforced connection: %s", got)
	}
	if got := in("social", identity{Sub: "glass", Email: "glass@acme.example", Verified: true}); got != "app code" {
		t.Errorf("an excluded person through another connection: %s", got)
	}
	// Known by another address upstream, but one of the enforced domain here.
	dora := identity{Sub: "dora", Email: "dora@private.example", Verified: true}
	if got := in("social", dora); got != "app code" {
		t.Fatalf("before her address changed: %s", got)
	}
	u, err := l.store.Users.ByEmail(t.Context(), "acme", dora.Email)
	must(t, err)
	u.Email = "dora@acme.example"
	must(t, l.store.Users.Update(t.Context(), u))
	if got := in("social", dora); got != "Forbidden" {
		t.Errorf("an address upstream gets round enforcement: %s", got)
	}
	if got := in("social", identity{Sub: "eve", Email: "eve@private.example", Verified: true}); got != "app code" {
		t.Errorf("an address of no enforced domain: %s", got)
	}
}

// A session from before enforcement is not renewed.
func TestEnforcementEndsOtherSessions(t *testing.T) {
	l := newLocals(t)
	conn, err := l.store.Connections.Get(t.Context(), "acme-idp")
	must(t, err)
	conn.Enforced = false
	must(t, l.store.Connections.Update(t.Context(), conn))
	l.forget()
	if p := l.ask.answer(l.ask.authorize("acme", "kc_idp_hint", "social"), identity{Sub: "c", Email: "carol@acme.example", Verified: true}); p.at() != "app code" {
		t.Fatalf("before enforcement: %s", p.at())
	}
	conn.Enforced = true
	must(t, l.store.Connections.Update(t.Context(), conn))
	l.forget()
	if p := l.ask.authorize("acme", "prompt", "none"); p.at() != "app login_required" {
		t.Errorf("the session through the other connection: %s", p.at())
	}
}

func TestLocalIsOnlyWhereListed(t *testing.T) {
	l := newLocals(t)
	r, err := l.store.Realms.Get(t.Context(), "acme")
	must(t, err)
	r.LocalLogin = []string{"email_code"}
	must(t, l.store.Realms.Update(t.Context(), r))
	l.forget()
	at := l.begin(l.ask, "acme")
	if p := l.ask.get(at); strings.Contains(p.Body.String(), at+"/password") || strings.Contains(p.Body.String(), "data-passkey") {
		t.Error("the page offers what the realm does not list")
	}
	for _, path := range []string{"/password", "/link", "/passkey"} {
		if p := l.ask.post(at+path, url.Values{"email": {"free@else.example"}, "password": {"x"}}); p.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, p.Code)
		}
	}
	r.LocalLogin = nil
	must(t, l.store.Realms.Update(t.Context(), r))
	l.forget()
	if p := l.ask.get(at); p.Code != http.StatusNotFound {
		t.Errorf("with no ways listed: %d", p.Code)
	}
}

// ledgerOf is the ledger as the watch over enforced connections reads it, with a place for what it writes.
type ledgerOf struct {
	*locals
	mu   sync.Mutex
	told []int
}

func (b *ledgerOf) LastSuccess(ctx context.Context, connection string, since time.Time) (at time.Time, failures int, err error) {
	for _, kind := range []string{"login.succeeded", "login.failed"} {
		found, _, err := b.store.Events.List(ctx, ledger.Filter{Connection: connection, Kind: kind, Since: since}, broker.Page{Limit: 200})
		if err != nil {
			return at, 0, err
		}
		if kind == "login.succeeded" && len(found) > 0 {
			return found[0].At, 0, nil
		}
		failures = len(found)
	}
	return at, failures, nil
}

func (b *ledgerOf) ConnectionBroken(_ context.Context, r *broker.Realm, c *broker.Connection, failures int, _ fault.Code) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.Name != "acme" || c.Slug != "acme-idp" {
		b.t.Errorf("told %s of %s", r.Name, c.Slug)
	}
	b.told = append(b.told, failures)
	return nil
}

// An enforced connection that lets nobody in is told of once a day, and not for what people do wrong themselves.
func TestBrokenConnection(t *testing.T) {
	for name, c := range map[string]struct {
		slug    string
		success bool
		want    int
	}{"enforced": {"acme-idp", false, 1}, "works for others": {"acme-idp", true, 0}, "not enforced": {"social", false, 0}} {
		t.Run(name, func(t *testing.T) {
			l := newLocals(t)
			b := &ledgerOf{locals: l}
			l.engine.Broken = b
			for range 3 {
				must(t, l.store.Events.Append(t.Context(), broker.Event{At: time.Now(), Kind: "login.failed", Realm: "acme", Connection: c.slug, Code: "oidc.nonce"}))
			}
			if c.success {
				must(t, l.store.Events.Append(t.Context(), broker.Event{At: time.Now(), Kind: "login.succeeded", Realm: "acme", Connection: c.slug}))
			}
			for range 4 {
				br := l.browser()
				p := br.authorize("acme", "kc_idp_hint", c.slug)
				br.answer(p, identity{Sub: "x", Email: "not an address", Verified: true}) // the provider's doing
			}
			if len(b.told) != c.want {
				t.Errorf("told %v", b.told)
			}
		})
	}
}

// Below a hub the home realm decides who may come in, and no realm speaks for another's domain.
func TestLocalBelowAHub(t *testing.T) {
	l := newLocals(t)
	l.realm("hub", func(r *broker.Realm) { hub(r); r.LocalLogin = []string{"email_code"} })
	l.client("hub", nil)
	l.person("globex", "spy@acme.example", nil) // globex says that it has one of acme's people
	for address, want := range map[string]string{"glass@acme.example": "acme", "gus@globex.example": "globex", "bound@acme.example": "", "spy@acme.example": "", "free@else.example": ""} {
		b := l.browser()
		at := l.begin(b, "hub")
		l.code(b, at, address)
		l.post.mu.Lock()
		mails := l.post.mails
		l.post.mails = nil
		l.post.mu.Unlock()
		if want == "" {
			if len(mails) > 0 {
				t.Errorf("%s was written to", address)
			}
			continue
		}
		if len(mails) != 1 {
			t.Errorf("%s: %d mails", address, len(mails))
			continue
		}
		p := b.post(at+"/enter", url.Values{"code": {mails[0].Code}})
		if p.at() != "app code" {
			t.Errorf("%s: %s", address, p.at())
			continue
		}
		if _, claims := b.redeem("hub", p); claims["realm"] != want || claims["email"] != address {
			t.Errorf("%s: %v", address, claims)
		}
	}
	b := l.browser()
	p := b.authorize("hub", "kc_idp_hint", "", "realm_hint", "globex", "prompt", "login")
	at := inLogin.FindString(p.path) + "/local"
	l.code(b, at, "spy@acme.example")
	l.post.none(t, "globex's person with acme's address, by realm_hint,")
	l.code(b, at, "glass@acme.example")
	l.post.none(t, "acme's person where globex's are asked for")
}
