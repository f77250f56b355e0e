package operator_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/credential"
	"cloakroom/broker/fault"
	"cloakroom/broker/operator"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/ledger"
	"cloakroom/store/seal"
)

// desk is the console's door over a real store.
type desk struct {
	*operator.Engine
	store *store.Store
	now   time.Time
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wants(t testing.TB, what string, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{now: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)}
	master := make([]byte, seal.KeySize)
	_, _ = rand.Read(master)
	ring, err := seal.New([][]byte{master})
	must(t, err)
	clock := func() time.Time { return d.now }
	d.store, err = store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "c.db"), Sealer: ring, Now: clock})
	must(t, err)
	t.Cleanup(func() { must(t, d.store.Close()) })
	must(t, d.store.Migrate(t.Context()))
	passwords, err := credential.NewPasswords(2)
	must(t, err)
	passkeys, err := credential.NewPasskeys("https://sso.example")
	must(t, err)
	s := d.store
	d.Engine = &operator.Engine{
		People: s.Operators, Credentials: s.Operators, Sessions: s.Operators, Links: s.Operators, Events: s.Events, Tx: s.Tx,
		Passwords: passwords, Passkeys: passkeys, Guard: credential.NewGuard(clock), BaseURL: "https://sso.example", Now: clock,
		Once: func(ctx context.Context, space, id string, until time.Time) (bool, error) {
			return s.Marks.Take(ctx, space, []flow.Mark{{ID: id, Until: until}})
		},
	}
	return d
}

// codeAt is what an authenticator app shows.
func codeAt(secret string, at time.Time) string {
	key, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	h := hmac.New(sha1.New, key)
	_ = binary.Write(h, binary.BigEndian, at.Unix()/30)
	sum := h.Sum(nil)
	o := sum[19] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[o:])&0x7fffffff%1e6)
}

const password = "four words on paper"

// enrolled makes an operator who has a password with one-time codes.
func (d *desk) enrolled(t testing.TB, o *broker.Operator) (secret string, recovery []string) {
	t.Helper()
	o.Defaults()
	must(t, d.store.Operators.Create(t.Context(), o))
	token := broker.RandomToken(32)
	must(t, d.store.Operators.PutLink(t.Context(), broker.OperatorLink{Hash: broker.HashToken(token), OperatorID: o.ID, ExpiresAt: d.now.Add(time.Hour)}))
	n, err := d.OpenLink(t.Context(), token, false)
	must(t, err)
	secret = credential.NewTOTP()
	recovery, err = d.ByNewPassword(t.Context(), n, operator.Secret{Password: password, Again: password, TOTP: secret, Code: codeAt(secret, d.now)}, "192.0.2.1")
	must(t, err)
	d.now = d.now.Add(time.Minute) // another code than the one that was just used
	return secret, recovery
}

func visitor(ip string) operator.Visitor {
	return operator.Visitor{Guesser: credential.Guesser{IP: ip}, UserAgent: "test"}
}

func TestByPassword(t *testing.T) {
	d := newDesk(t)
	secret, recovery := d.enrolled(t, &broker.Operator{ID: "eva", Email: "eva@example.org", Role: "owner"})
	d.enrolled(t, &broker.Operator{ID: "off", Email: "off@example.org", Role: "owner"})
	off, err := d.store.Operators.Get(t.Context(), "off")
	must(t, err)
	off.Disabled = true
	must(t, d.store.Operators.Update(t.Context(), off))

	good := codeAt(secret, d.now)
	said := map[string]bool{}
	for name, try := range map[string]operator.Try{
		"nobody":         {Email: "no@example.org", Password: password, Code: good},
		"no address":     {Email: "x", Password: password, Code: good},
		"wrong password": {Email: "eva@example.org", Password: "wrong words on paper", Code: good},
		"wrong code":     {Email: "eva@example.org", Password: password, Code: "000000"},
		"no code":        {Email: "eva@example.org", Password: password},
		"disabled":       {Email: "off@example.org", Password: password, Code: good},
		"other's code":   {Email: "eva@example.org", Password: password, Code: codeAt(credential.NewTOTP(), d.now)},
	} {
		_, err := d.ByPassword(t.Context(), try, visitor("192.0.2.9"))
		wants(t, name, err, fault.OperatorRefused)
		said[err.Error()] = true
		d.now = d.now.Add(time.Microsecond)
	}
	if len(said) != 1 {
		t.Errorf("the refusals differ: %v", said)
	}
	d.now = d.now.Add(time.Minute)
	good = codeAt(secret, d.now)

	o, err := d.ByPassword(t.Context(), operator.Try{Email: "Eva@Example.org", Password: password, Code: good}, visitor("192.0.2.1"))
	if err != nil || o.ID != "eva" {
		t.Fatalf("%v, %v", o, err)
	}
	_, err = d.ByPassword(t.Context(), operator.Try{Email: "eva@example.org", Password: password, Code: good}, visitor("192.0.2.1"))
	wants(t, "a code twice", err, fault.OperatorRefused)

	_, err = d.ByPassword(t.Context(), operator.Try{Email: "eva@example.org", Password: "wrong words on paper", Code: recovery[0]}, visitor("192.0.2.1"))
	wants(t, "a recovery code without the password", err, fault.OperatorRefused)
	if _, err = d.ByPassword(t.Context(), operator.Try{Email: "eva@example.org", Password: password, Code: recovery[0]}, visitor("192.0.2.1")); err != nil {
		t.Errorf("a recovery code: %v", err)
	}
	_, err = d.ByPassword(t.Context(), operator.Try{Email: "eva@example.org", Password: password, Code: recovery[0]}, visitor("192.0.2.1"))
	wants(t, "a recovery code twice", err, fault.OperatorRefused)
}

// One code taken by many at once signs in once.
func TestCodeOnceAtOnce(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.enrolled(t, &broker.Operator{ID: "eva", Email: "eva@example.org", Role: "owner"})
	try := operator.Try{Email: "eva@example.org", Password: password, Code: codeAt(secret, d.now)}
	var in sync.Map
	var wait sync.WaitGroup
	for i := range 6 {
		wait.Go(func() {
			if _, err := d.ByPassword(t.Context(), try, visitor(fmt.Sprintf("192.0.2.%d", i))); err == nil {
				in.Store(i, true)
			}
		})
	}
	wait.Wait()
	n := 0
	in.Range(func(any, any) bool { n++; return true })
	if n != 1 {
		t.Errorf("one code signed in %d times", n)
	}
}

// Guessing is slowed down, and the owner's own browser does not feel it.
func TestGuessing(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.enrolled(t, &broker.Operator{ID: "eva", Email: "eva@example.org", Role: "owner"})
	for name, address := range map[string]string{"somebody": "eva@example.org", "nobody": "no@example.org"} {
		var err error
		for range 8 {
			_, err = d.ByPassword(t.Context(), operator.Try{Email: address, Password: "x"}, visitor("192.0.2."+fmt.Sprint(len(name))))
		}
		wants(t, name, err, fault.OperatorWait)
	}
	known := visitor("192.0.2.8")
	known.Device = "her laptop"
	if _, err := d.ByPassword(t.Context(), operator.Try{Email: "eva@example.org", Password: password, Code: codeAt(secret, d.now)}, known); err != nil {
		t.Errorf("the browser that she signed in with: %v", err)
	}
	d.now = d.now.Add(time.Hour)
	if _, err := d.ByPassword(t.Context(), operator.Try{Email: "eva@example.org", Password: password, Code: codeAt(secret, d.now)}, visitor("192.0.2.8")); err != nil {
		t.Errorf("after a while: %v", err)
	}
}

// The first owner is made once, whoever holds a link.
func TestWelcome(t *testing.T) {
	d := newDesk(t)
	var tokens []string
	for range 3 {
		link, err := d.Welcome(t.Context())
		must(t, err)
		token, ok := strings.CutPrefix(link, "https://sso.example/admin/welcome/")
		if !ok {
			t.Fatalf("link %q", link)
		}
		tokens = append(tokens, token)
	}
	_, err := d.OpenLink(t.Context(), tokens[0], false)
	wants(t, "a welcome at the door of enrolments", err, fault.OperatorLinkOver)
	_, err = d.OpenLink(t.Context(), broker.RandomToken(32), true)
	wants(t, "a made-up link", err, fault.OperatorLinkOver)

	var wait sync.WaitGroup
	made := make([]error, len(tokens))
	for i, token := range tokens {
		n, err := d.OpenLink(t.Context(), token, true)
		must(t, err)
		must(t, n.Introduce(operator.NewID(), "Eva", fmt.Sprintf("Eva%d@Example.org", i)))
		secret := credential.NewTOTP()
		wait.Go(func() {
			_, made[i] = d.ByNewPassword(t.Context(), n, operator.Secret{Password: password, Again: password, TOTP: secret, Code: codeAt(secret, d.now)}, "")
		})
	}
	wait.Wait()
	good := 0
	for _, err := range made {
		if err == nil {
			good++
		} else {
			wants(t, "one too many", err, fault.OperatorLinkOver)
		}
	}
	all, _, err := d.store.Operators.List(t.Context(), broker.Page{})
	if err != nil || good != 1 || len(all) != 1 || all[0].Role != "owner" || !strings.HasSuffix(all[0].Email, "@example.org") {
		t.Errorf("%d enrolled, operators %+v, %v", good, all, err)
	}
	if link, err := d.Welcome(t.Context()); link != "" || err != nil {
		t.Errorf("with an operator there is a link still: %q, %v", link, err)
	}
	d.now = d.now.Add(25 * time.Hour)
	_, err = d.OpenLink(t.Context(), tokens[1], true)
	wants(t, "after a day", err, fault.OperatorLinkOver)
}

func TestIntroduction(t *testing.T) {
	for name, c := range map[string]struct{ id, name, email string }{
		"no address":   {operator.NewID(), "Eva", ""},
		"two":          {operator.NewID(), "Eva", "a@b@example.org"},
		"hostile name": {operator.NewID(), "Eva\x1b[31m", "eva@example.org"},
		"long name":    {operator.NewID(), strings.Repeat("x", 201), "eva@example.org"},
		"made-up id":   {"1 OR 1=1", "Eva", "eva@example.org"},
	} {
		n := &operator.Enrolment{Link: &broker.OperatorLink{}}
		if err := n.Introduce(c.id, c.name, c.email); err == nil {
			t.Errorf("%s was taken: %+v", name, n.Operator)
		}
	}
}

// What is chosen at enrolment is held to the policy, and the link outlives a mistake.
func TestEnrolment(t *testing.T) {
	d := newDesk(t)
	must(t, d.store.Operators.Create(t.Context(), &broker.Operator{ID: "eva", Email: "eva@example.org", Role: "support", Locale: "en"}))
	token := broker.RandomToken(32)
	must(t, d.store.Operators.PutLink(t.Context(), broker.OperatorLink{Hash: broker.HashToken(token), OperatorID: "eva", ExpiresAt: d.now.Add(time.Hour)}))
	n, err := d.OpenLink(t.Context(), token, false)
	must(t, err)
	secret := credential.NewTOTP()
	good := operator.Secret{Password: password, Again: password, TOTP: secret, Code: codeAt(secret, d.now)}
	for code, change := range map[fault.Code]func(s *operator.Secret){
		fault.LocalPasswordShort:   func(s *operator.Secret) { s.Password, s.Again = "short", "short" },
		fault.LocalPasswordTwice:   func(s *operator.Secret) { s.Again += "x" },
		fault.LocalPasswordAddress: func(s *operator.Secret) { s.Password, s.Again = "eva@example.org", "eva@example.org" },
		fault.OperatorCode:         func(s *operator.Secret) { s.Code = codeAt(secret, d.now.Add(5*time.Minute)) },
	} {
		s := good
		change(&s)
		_, err := d.ByNewPassword(t.Context(), n, s, "")
		wants(t, string(code), err, code)
	}
	err = d.ByNewPasskey(t.Context(), n, []byte(`{}`), []byte(`{"id":"x"}`), "", "")
	wants(t, "no passkey", err, fault.OperatorPasskey)
	codes, err := d.ByNewPassword(t.Context(), n, good, "")
	if err != nil || len(codes) != 10 {
		t.Fatalf("%v, %v", codes, err)
	}
	_, err = d.OpenLink(t.Context(), token, false)
	wants(t, "the link again", err, fault.OperatorLinkOver)
	later := good
	later.Code = codeAt(secret, d.now.Add(30*time.Second))
	_, err = d.ByNewPassword(t.Context(), n, later, "")
	wants(t, "the opened page again", err, fault.OperatorLinkOver)
}

func TestSessions(t *testing.T) {
	d := newDesk(t)
	d.enrolled(t, &broker.Operator{ID: "eva", Email: "eva@example.org", Role: "owner"})
	o, err := d.store.Operators.Get(t.Context(), "eva")
	must(t, err)
	open := func() string {
		cookie, err := d.Open(t.Context(), o, operator.ByPasskey, d.now, visitor("192.0.2.1"))
		must(t, err)
		return cookie
	}
	in := func(cookie string) *broker.OperatorSession {
		s, _, err := d.Find(t.Context(), cookie)
		must(t, err)
		return s
	}
	cookie := open()
	s := in(cookie)
	if s == nil || s.OperatorID != "eva" || d.Fresh(s) != nil {
		t.Fatalf("session %+v", s)
	}
	for name, c := range map[string]string{"none": "", "made up": broker.RandomToken(32), "the stored hash": s.ID, "long": strings.Repeat("x", 5000)} {
		if in(c) != nil {
			t.Errorf("a session for %s", name)
		}
	}
	d.now = d.now.Add(16 * time.Minute)
	wants(t, "after 16 minutes", d.Fresh(in(cookie)), fault.OperatorStale)
	wants(t, "a passkey from a stale session", d.AddPasskey(t.Context(), in(cookie), o, nil, nil, "", ""), fault.OperatorStale)
	wants(t, "removing with a stale session", d.DropPassword(t.Context(), in(cookie), o, ""), fault.OperatorStale)
	_, err = d.SetPassword(t.Context(), in(cookie), o, operator.Secret{}, "")
	wants(t, "a password from a stale session", err, fault.OperatorStale)
	_, err = d.RenewRecovery(t.Context(), in(cookie), o, "")
	wants(t, "codes from a stale session", err, fault.OperatorStale)

	for range 14 { // used every twelve hours less a little, it lasts a week and no longer
		if in(cookie) == nil {
			t.Fatal("a session that is used fell idle")
		}
		d.now = d.now.Add(11*time.Hour + 59*time.Minute)
	}
	if d.now = d.now.Add(12 * time.Minute); in(cookie) != nil {
		t.Error("a session outlives its week")
	}
	idle := open()
	if d.now = d.now.Add(12 * time.Hour); in(idle) != nil {
		t.Error("an idle session lives on")
	}

	one, two := open(), open()
	if all, err := d.Browsers(t.Context(), o); err != nil || len(all) != 2 {
		t.Errorf("%d browsers, %v", len(all), err)
	}
	must(t, d.EndOthers(t.Context(), o, in(one), ""))
	if in(two) != nil || in(one) == nil {
		t.Error("the wrong browser was signed out")
	}
	must(t, d.SignOut(t.Context(), one, ""))
	must(t, d.SignOut(t.Context(), one, ""))
	if in(one) != nil {
		t.Error("signed out, and still in")
	}
	stolen := open()
	o.Disabled = true
	o.Version = 0
	fresh, err := d.store.Operators.Get(t.Context(), "eva")
	must(t, err)
	fresh.Disabled = true
	must(t, d.store.Operators.Update(t.Context(), fresh))
	if in(stolen) != nil {
		t.Error("a disabled operator is in")
	}
}

func TestAccount(t *testing.T) {
	d := newDesk(t)
	d.enrolled(t, &broker.Operator{ID: "eva", Email: "eva@example.org", Role: "owner"})
	o, err := d.store.Operators.Get(t.Context(), "eva")
	must(t, err)
	cookie, err := d.Open(t.Context(), o, operator.ByPassword, d.now, visitor(""))
	must(t, err)
	s, _, err := d.Find(t.Context(), cookie)
	must(t, err)
	wants(t, "the last way", d.DropPassword(t.Context(), s, o, ""), fault.OperatorLastWay)
	must(t, d.store.Operators.AddCredential(t.Context(), &broker.Credential{ID: "k", UserID: "eva", Kind: credential.Passkey}, 9))
	codes, err := d.RenewRecovery(t.Context(), s, o, "")
	must(t, err)
	if w, err := d.Ways(t.Context(), o); err != nil || w.Recovery != 10 || w.Password == nil || len(w.Passkeys) != 1 || len(codes) != 10 {
		t.Errorf("ways %+v, %v", w, err)
	}
	must(t, d.DropPassword(t.Context(), s, o, ""))
	if w, err := d.Ways(t.Context(), o); err != nil || w.Recovery != 0 || w.Password != nil {
		t.Errorf("after removal %+v, %v", w, err)
	}
	_, err = d.RenewRecovery(t.Context(), s, o, "")
	wants(t, "recovery codes without a password", err, fault.Invalid)
	wants(t, "the last passkey", d.DropPasskey(t.Context(), s, o, "k", ""), fault.OperatorLastWay)
	wants(t, "another's passkey", d.DropPasskey(t.Context(), s, o, "other", ""), fault.NotFound)

	secret := credential.NewTOTP()
	other, err := d.Open(t.Context(), o, operator.ByPasskey, d.now, visitor(""))
	must(t, err)
	if _, err := d.SetPassword(t.Context(), s, o, operator.Secret{Password: password, Again: password, TOTP: secret, Code: codeAt(secret, d.now)}, ""); err != nil {
		t.Fatal(err)
	}
	if v, _, _ := d.Find(t.Context(), other); v != nil {
		t.Error("a new password leaves other browsers signed in")
	}
	must(t, d.DropPasskey(t.Context(), s, o, "k", ""))
	must(t, d.Rename(t.Context(), o, " Eva Example ", "fr", ""))
	if got, err := d.store.Operators.Get(t.Context(), "eva"); err != nil || got.Name != "Eva Example" || got.Locale != "fr" {
		t.Errorf("%+v, %v", got, err)
	}
	wants(t, "no language of ours", d.Rename(t.Context(), o, "Eva", "tlh", ""), fault.Invalid)
	kinds := map[string]bool{}
	events, _, err := d.store.Events.List(t.Context(), ledger.Filter{Kind: "operator."}, broker.Page{Limit: 200})
	must(t, err)
	for _, e := range events {
		kinds[e.Kind] = true
		if e.Actor != "operator:eva@example.org" || strings.Contains(fmt.Sprint(e), secret) {
			t.Errorf("audit line %+v", e)
		}
	}
	for _, kind := range []string{"enrolled", "signed_in", "recovery_renewed", "password_removed", "password_set", "passkey_removed", "updated"} {
		if !kinds["operator."+kind] {
			t.Errorf("nothing in the audit log of operator.%s", kind)
		}
	}
}

// A brokered sign-in finds the operator by subject; the first time by an address that was proved, and never makes one.
func TestByUpstream(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	r := &broker.Realm{Name: "staff", Operators: true}
	r.Defaults()
	must(t, d.store.Realms.Create(ctx, r))
	for _, slug := range []string{"op", "two"} {
		c := &broker.Connection{Slug: slug, Realm: "staff", Protocol: "oidc", Enabled: true, OIDC: &broker.OIDC{ClientID: "c"}}
		c.Defaults()
		must(t, d.store.Connections.Create(ctx, c))
	}
	for _, o := range []*broker.Operator{{ID: "eva", Email: "eva@example.org", Role: "owner"}, {ID: "off", Email: "off@example.org", Role: "owner", Disabled: true}} {
		must(t, d.store.Operators.Create(ctx, o))
	}
	eva := operator.Upstream{Connection: "op", Subject: "s1", Email: "eva@example.org", Verified: true}
	for name, c := range map[string]struct {
		change func(u *operator.Upstream)
		want   fault.Code
	}{
		"not proved":  {func(u *operator.Upstream) { u.Verified = false }, fault.OperatorUnproved},
		"no subject":  {func(u *operator.Upstream) { u.Subject = "" }, fault.OperatorUnproved},
		"not invited": {func(u *operator.Upstream) { u.Email = "max@example.org" }, fault.OperatorNotInvited},
		"disabled":    {func(u *operator.Upstream) { u.Email = "off@example.org" }, fault.OperatorRefused},
	} {
		u := eva
		c.change(&u)
		_, err := d.ByUpstream(ctx, u, "")
		wants(t, name, err, c.want)
	}
	if o, err := d.ByUpstream(ctx, eva, "192.0.2.1"); err != nil || o.ID != "eva" {
		t.Fatalf("%v, %v", o, err)
	}
	recycled := eva
	recycled.Mutable = true
	if _, err := d.ByUpstream(ctx, recycled, ""); err != nil {
		t.Errorf("a mutable subject with the address proved: %v", err)
	}
	recycled.Verified = false
	_, err := d.ByUpstream(ctx, recycled, "")
	wants(t, "a mutable subject without proof", err, fault.OperatorUnproved)
	recycled.Verified, recycled.Email = true, "max@example.org"
	_, err = d.ByUpstream(ctx, recycled, "")
	wants(t, "a mutable subject with another address", err, fault.OperatorUnproved)
	later := eva
	later.Email, later.Verified = "eva@renamed.example", false
	if o, err := d.ByUpstream(ctx, later, ""); err != nil || o.ID != "eva" {
		t.Errorf("by subject: %v, %v", o, err)
	}
	for name, u := range map[string]operator.Upstream{
		"another subject":    {Connection: "op", Subject: "s2", Email: "eva@example.org", Verified: true},
		"another connection": {Connection: "two", Subject: "s1", Email: "eva@example.org", Verified: true},
	} {
		_, err := d.ByUpstream(ctx, u, "")
		wants(t, name, err, fault.OperatorUnproved)
	}
	if all, _, err := d.store.Operators.List(ctx, broker.Page{}); err != nil || len(all) != 2 {
		t.Errorf("%d operators, %v", len(all), err)
	}
	// Another realm may be given the slug later: its people are nobody here.
	must(t, d.store.Connections.Delete(ctx, "op"))
	if _, err := d.store.Operators.ByUpstream(ctx, "op", "s1"); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("the tie outlives its connection: %v", err)
	}
}
