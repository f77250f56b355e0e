package signin_test

import (
	"context"
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
	"cloakroom/providers"
	"cloakroom/store/storetest"
)

// directories is a protocol whose upstreams ask on a page of ours. Every name that begins with "ada" is one account there,
// as in Active Directory, where people have several names; its mail is whatever stands in the settings' user base.
type directories struct{}

func (directories) Name() string { return "ldap" }
func (directories) Open(s providers.Settings) (providers.Provider, error) {
	return &directory{settings: string(s.Config)}, nil
}

type directory struct {
	settings string
	mu       sync.Mutex
	tried    []string // accounts whose password was tried
}

const rightPassword = "correct horse"

func (d *directory) Start(context.Context, providers.Request) (providers.Challenge, error) {
	return providers.Challenge{Fields: []providers.Prompt{{Name: "username"}, {Name: "password", Secret: true}}}, nil
}

func (d *directory) Finish(_ context.Context, r providers.Request, reply providers.Reply) (providers.Identity, error) {
	name, password := reply.Form.Get("username"), reply.Form.Get("password")
	account, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(name)), "@")
	if account == "away" {
		return providers.Identity{}, fault.New(fault.LDAPUnavailable, "closed")
	}
	if !strings.HasPrefix(account, "ada") && account != "bob" {
		return providers.Identity{}, fault.New(fault.LDAPPersonUnknown, "%s", name)
	}
	account = account[:3]
	if err := r.Admit("cn=" + account); err != nil {
		return providers.Identity{}, err
	}
	d.mu.Lock()
	d.tried = append(d.tried, account)
	d.mu.Unlock()
	code := map[string]fault.Code{
		"locked": fault.LDAPLocked, "disabled": fault.LDAPDisabled, "over": fault.LDAPAccountExpired, "night": fault.LDAPLogonHours,
		"old": fault.LDAPPasswordExpired, "change": fault.LDAPPasswordChange,
	}[password]
	switch {
	case code != "":
		return providers.Identity{}, fault.New(code, "")
	case password != rightPassword:
		return providers.Identity{}, fault.New(fault.LDAPPassword, "")
	}
	return providers.Identity{Subject: account, Attributes: map[string][]string{"entryUUID": {account}, "mail": {account + "@" + d.domain()}}}, nil
}

func (d *directory) domain() string {
	return regexp.MustCompile(`"user_base":"([a-z.]+)"`).FindStringSubmatch(d.settings)[1]
}

// prompts is an installation with a directory in each of two realms, and the clock of its guard.
type prompts struct {
	*world
	now time.Time
}

func newPrompts(t *testing.T) *prompts {
	t.Helper()
	p := &prompts{world: newWorld(t, storetest.SQLite(t)), now: time.Now()}
	p.engine.Guesses = credential.NewDirectoryGuard(func() time.Time { return p.now })
	for _, r := range []string{"acme", "globex"} {
		p.realm(r, nil)
		p.client(r, nil)
		p.domain(r, r+".example")
		p.directory(r, r+"-ad", r+".example")
	}
	return p
}

func (p *prompts) directory(realm, slug, says string) {
	p.connection(realm, slug, []string{realm + ".example"}, func(c *broker.Connection) {
		c.Protocol, c.OIDC, c.LDAP = "ldap", nil, &broker.LDAP{URL: "ldaps://dc.example", UserBase: says}
	})
}

func (p *prompts) tried(slug string) []string {
	p.t.Helper()
	conn, err := p.registry.Connection(p.t.Context(), slug)
	must(p.t, err)
	d := conn.Provider.(*directory)
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.tried)
}

var stateField = regexp.MustCompile(`name="state" value="([^"]+)"`)

func (p page) state(t *testing.T) string {
	t.Helper()
	m := stateField.FindStringSubmatch(p.Body.String())
	if m == nil {
		t.Fatalf("no form at %s: %d %s", p.path, p.Code, p.Body)
	}
	return m[1]
}

// enter types a name and a password on the page.
func (b *browser) enter(p page, name, password string) page {
	b.w.t.Helper()
	return b.post(p.path, url.Values{"state": {p.state(b.w.t.(*testing.T))}, "username": {name}, "password": {password}})
}

func TestPrompt(t *testing.T) {
	w := newPrompts(t)
	b := w.browser()
	p := b.authorize("acme", "login_hint", "ada@acme.example")
	for _, want := range []string{
		`autocomplete="username"`, `autocomplete="current-password"`, `type="password"`, `value="ada@acme.example"`, "company account",
		regexp.MustCompile(`[0-9A-Z]{4}-[0-9A-Z]{4}`).FindString(p.path),
	} {
		if !strings.Contains(p.Body.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, tc := range []struct {
		name, password, says string
		status               int
	}{
		{"", rightPassword, "Fill in every field", 422},
		{"ada", "", "Fill in every field", 422},
		{"ada", "wrong", "is not right", 422},
		{"nobody", rightPassword, "is not right", 422},
		{"bob", "locked", "is not right", 422},
	} {
		q := b.enter(p, tc.name, tc.password)
		if q.Code != tc.status || !strings.Contains(q.Body.String(), tc.says) || !strings.Contains(q.Body.String(), `name="username"`) {
			t.Errorf("%q %q: %d, want %d with %q", tc.name, tc.password, q.Code, tc.status, tc.says)
		}
		if strings.Contains(q.Body.String(), `value="`+tc.password+`"`) && tc.password != "" {
			t.Errorf("the page repeats the password %q", tc.password)
		}
	}
	p = b.enter(p, "ada", rightPassword)
	wantAt(t, p, "app code")
	if _, claims := b.redeem("acme", p); claims["email"] != "ada@acme.example" {
		t.Errorf("signed in %v", claims)
	}
	for _, tr := range w.traces.all {
		if s := tr.Message + tr.Detail; strings.Contains(s, rightPassword) {
			t.Errorf("the trace has the password: %s", s)
		}
	}
}

func TestPromptSaysWhatToDo(t *testing.T) {
	w := newPrompts(t)
	for password, says := range map[string]string{
		"disabled": "switched off", "over": "has ended", "night": "at this hour", "old": "Change it on your work computer", "change": "Change it on your work computer",
	} {
		b := w.browser()
		w.engine.Guesses = credential.NewDirectoryGuard(time.Now)
		if p := b.enter(b.authorize("acme"), "ada", password); p.Code != http.StatusForbidden || !strings.Contains(p.Body.String(), says) {
			t.Errorf("%s: %d, want %q\n%s", password, p.Code, says, p.Body)
		}
	}
}

// What a directory of one realm says signs nobody in anywhere else, and nothing but the page that a browser was shown can
// try a password.
func TestPromptDoors(t *testing.T) {
	w := newPrompts(t)
	w.directory("acme", "acme-second", "acme.example")
	w.directory("acme", "acme-liar", "globex.example")
	b := w.browser()
	at := func(slug string) page { return b.authorize("acme", "kc_idp_hint", slug) }
	form := func(state string) url.Values {
		return url.Values{"state": {state}, "username": {"ada"}, "password": {rightPassword}}
	}
	p := at("acme-ad")
	state := p.state(t)
	other := w.browser().authorize("globex")
	for _, tc := range []struct {
		what, to string
		form     url.Values
		by       *browser
		code     fault.Code
	}{
		{"the uniform endpoint", "/broker/acme-ad/endpoint", form(state), b, fault.LoginNoMessage},
		{"the Keycloak-shaped endpoint", "/realms/acme/broker/acme-ad/endpoint", form(state), b, fault.LoginNoMessage},
		{"another browser", p.path, form(state), w.browser(), fault.LoginForeign},
		{"another login's attempt", p.path, form(at("acme-ad").state(t)), b, fault.LoginForeign},
		{"another realm's attempt", p.path, form(other.state(t)), b, fault.LoginMisrouted},
		{"another connection's attempt", strings.Replace(p.path, "acme-ad", "acme-second", 1), form(state), b, fault.LoginMisrouted},
		{"another realm's connection", strings.Replace(p.path, "acme-ad", "globex-ad", 1), form(state), b, fault.LoginMisrouted},
		{"another realm's connection with its attempt", strings.Replace(p.path, "acme-ad", "globex-ad", 1), form(other.state(t)), b, fault.LoginForeign},
		{"no attempt", p.path, form(""), b, fault.LoginUnknown},
	} {
		got := tc.by.post(tc.to, tc.form)
		if got.Code != fault.Lookup(tc.code).Status || got.at() == "app code" || strings.Contains(got.Body.String(), `name="password"`) {
			t.Errorf("%s: %d %s", tc.what, got.Code, got.at())
		}
	}
	if tried := w.tried("acme-ad"); len(tried) > 0 {
		t.Errorf("passwords were tried: %v", tried)
	}
	h, err := w.engine.Handles.NewTest(broker.NewLoginID(), "acme-ad")
	must(t, err)
	if got := b.post(p.path, form(h.String())); got.at() == "app code" {
		t.Error("the attempt of a test signed somebody in")
	}
	liar := at("acme-liar")
	if got := b.enter(liar, "ada", rightPassword); got.at() == "app code" || got.Code != fault.Lookup(fault.EmailOutside).Status {
		t.Errorf("an address of another realm: %d %s", got.Code, got.at())
	}
}

func TestPromptRequests(t *testing.T) {
	w := newPrompts(t)
	wantAt(t, w.browser().authorize("acme", "prompt", "none"), "app login_required")
	b := w.browser()
	p := b.authorize("acme")
	first := b.enter(p, "ada", rightPassword)
	wantAt(t, first, "app code")
	if again := b.post(p.path, url.Values{"state": {p.state(t)}, "username": {"ada"}, "password": {rightPassword}}); again.Code != http.StatusBadRequest {
		t.Errorf("sent twice: %d %s", again.Code, again.at())
	}
	if back := b.get(p.path); back.Code != http.StatusBadRequest {
		t.Errorf("back to a finished login: %d", back.Code)
	}
	wantAt(t, b.authorize("acme"), "app code") // the session
	for _, ask := range [][]string{{"prompt", "login"}, {"max_age", "0"}} {
		p = b.authorize("acme", ask...)
		wantAt(t, b.enter(p, "ada", rightPassword), "app code")
	}
	if p = b.authorize("acme", "prompt", "select_account", "login_hint", "ada@acme.example"); strings.Contains(p.Body.String(), `value="ada@acme.example"`) {
		t.Error("the name is there although another is to be chosen")
	}
	two, three := b.authorize("acme", "prompt", "login"), b.authorize("acme", "prompt", "login") // two tabs
	wantAt(t, b.enter(two, "ada", rightPassword), "app code")
	wantAt(t, b.enter(three, "ada", rightPassword), "app code")

	p = b.authorize("acme", "prompt", "login")
	c, err := w.store.Connections.Get(t.Context(), "acme-ad")
	must(t, err)
	c.Enabled = false
	must(t, w.store.Connections.Update(t.Context(), c))
	w.forget()
	if off := b.enter(p, "ada", rightPassword); off.Code != fault.Lookup(fault.LoginDisabled).Status || off.at() == "app code" {
		t.Errorf("switched off while the page was open: %d", off.Code)
	}
}

// No stranger brings a directory to lock an account, however the name is written and wherever the tries come from; and a
// directory that is away makes nobody wait.
func TestPromptGuesses(t *testing.T) {
	w := newPrompts(t)
	home := w.browser()
	wantAt(t, home.enter(home.authorize("acme"), "ada", rightPassword), "app code")
	waits := 0
	for i, name := range []string{"ada", "ADA", " ada@acme.example", "ada.l", "ada1", "ada2", "ada3", "ada4"} {
		b := w.browser()
		b.from = "192.0.2." + string(rune('1'+i)) + ":4000"
		if p := b.enter(b.authorize("acme"), name, "wrong"); p.Code == fault.Lookup(fault.LoginGuessWait).Status {
			waits++
			if !strings.Contains(p.Body.String(), "quarter of an hour") {
				t.Errorf("the page does not say how long: %s", p.Body)
			}
		}
	}
	if n := len(w.tried("acme-ad")) - 1; n > 3 || waits != 8-n {
		t.Errorf("the directory was asked %d times, %d had to wait", n, waits)
	}
	wantAt(t, home.enter(home.authorize("acme", "prompt", "login"), "ada", rightPassword), "app code") // the own browser
	b := w.browser()
	if p := b.enter(b.authorize("acme"), "ada", rightPassword); p.Code != http.StatusTooManyRequests {
		t.Errorf("the right password at once: %d", p.Code)
	}
	w.now = w.now.Add(16 * time.Minute)
	wantAt(t, b.enter(b.authorize("acme"), "ada", rightPassword), "app code")

	for range 12 {
		if p := b.enter(b.authorize("acme", "prompt", "login"), "away", "x"); p.Code == http.StatusTooManyRequests {
			t.Fatal("made to wait because the directory is away")
		}
	}
	if login.PromptAccount("a", "ADA ") != login.PromptAccount("a", "ada") || login.PromptAccount("a", "ada") == login.PromptAccount("b", "ada") {
		t.Error("accounts are told apart wrongly")
	}
}

func TestPromptBackToTheOtherWays(t *testing.T) {
	w := newPrompts(t)
	w.connection("acme", "acme-idp", nil, nil)
	b := w.browser()
	p := b.authorize("acme")
	if got := p.buttons(); !slices.Equal(got, []string{"acme-ad", "acme-idp"}) {
		t.Fatalf("buttons %v", got)
	}
	p = b.get(inLogin.FindString(p.path) + "/go/acme-ad")
	if !strings.Contains(p.Body.String(), "?other=1") {
		t.Errorf("no way back: %s", p.Body)
	}
	if q := b.get(inLogin.FindString(p.path) + "/prompt/acme-idp"); q.Code != http.StatusBadRequest {
		t.Errorf("a connection that asks itself: %d", q.Code)
	}
}
