package console_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/console"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/operator"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/seal"
)

// What a finished sign-in through the broker proves of an operator, and what it does not.
func TestBrokered(t *testing.T) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	master := make([]byte, seal.KeySize)
	_, _ = rand.Read(master)
	ring, err := seal.New([][]byte{master})
	must(err)
	s, err := store.Open(ctx, store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "c.db"), Sealer: ring, Now: time.Now})
	must(err)
	t.Cleanup(func() { must(s.Close()) })
	must(s.Migrate(ctx))
	realm := &broker.Realm{Name: "staff", Operators: true}
	realm.Defaults()
	must(s.Realms.Create(ctx, realm))
	user := &broker.User{ID: "u1", Realm: "staff", Email: "eva@staff.example", EmailVerified: true}
	must(s.Users.Create(ctx, user))
	two := &broker.User{ID: "u2", Realm: "staff", Email: "two@staff.example", EmailVerified: true}
	must(s.Users.Create(ctx, two))
	for _, slug := range []string{"op", "other"} {
		c := &broker.Connection{Slug: slug, Realm: "staff", Protocol: "oidc", Enabled: true, OIDC: &broker.OIDC{ClientID: "c"}}
		c.Defaults()
		must(s.Connections.Create(ctx, c))
	}
	for subject, id := range map[string]string{"s1": "u1", "s2": "u2", "s3": "u2"} {
		must(s.Links.Claim(ctx, &broker.Link{Connection: "op", Subject: subject, Realm: "staff", UserID: id}))
	}
	must(s.Operators.Create(ctx, &broker.Operator{ID: "eva", Email: "eva@staff.example", Role: "owner"}))
	spent := func(ctx context.Context, id string) (bool, error) {
		return s.Marks.Take(ctx, "login", []flow.Mark{{ID: id, Until: time.Now().Add(time.Hour)}})
	}
	b := &console.Brokered{
		Operators: &operator.Engine{People: s.Operators, Links: s.Operators, Events: s.Events, Tx: s.Tx, Now: time.Now},
		Links:     s.Links, Parked: s.Parked, Spend: spent, BaseURL: "https://sso.example", Now: time.Now,
	}
	good := func() login.Result {
		r := *realm
		return login.Result{
			Login: &broker.Login{ID: broker.NewLoginID(), Request: json.RawMessage(`{"to":"/admin","b":"x"}`)}, Realm: &r, User: user,
			Session: &broker.Session{Connection: "op", HomeRealm: "staff", AuthTime: time.Now()},
		}
	}
	for name, change := range map[string]func(r *login.Result){
		"a realm that is not open": func(r *login.Result) { r.Realm.Operators = false },
		"a hub":                    func(r *login.Result) { r.Realm.Hub = true },
		"a local way in":           func(r *login.Result) { r.Session.Connection = "" },
		"another realm's person":   func(r *login.Result) { r.Session.HomeRealm = "acme" },
		"a trial's session":        func(r *login.Result) { r.Session.Upstream.Trial = true },
		"no account there":         func(r *login.Result) { r.Session.Connection = "other" },
		"two accounts there":       func(r *login.Result) { r.User = two },
		"an address without proof": func(r *login.Result) { u := *user; u.EmailVerified = false; r.User = &u },
	} {
		r := good()
		change(&r)
		if _, err := b.Respond(ctx, r); fault.CodeOf(err) != fault.OperatorUnproved {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := good()
	to, err := b.Respond(ctx, r)
	if err != nil || !strings.HasPrefix(to.URL, "https://sso.example/admin/signin/done/") {
		t.Fatalf("%+v, %v", to, err)
	}
	if _, err := b.Respond(ctx, r); fault.CodeOf(err) != fault.LoginTaken {
		t.Errorf("a login that was answered: %v", err)
	}
	if _, ok := b.Deny(ctx, r.Login, err); ok {
		t.Error("the console was told")
	}
}
