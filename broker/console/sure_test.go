package console_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/console"
	"cloakroom/broker/operator"
	"cloakroom/broker/registry"
	"cloakroom/broker/web"
	"cloakroom/store/storetest"
	"cloakroom/templates"
)

// TestSure holds that a session of yesterday neither changes where operators sign in nor opens somebody's account.
func TestSure(t *testing.T) {
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s := storetest.Open(t, storetest.SQLiteURL(t))
	for name, operators := range map[string]bool{"staff": true, "acme": false} {
		r := &broker.Realm{Name: name, Operators: operators}
		r.Defaults()
		must(s.Realms.Create(ctx, r))
	}
	eva := &broker.Operator{ID: "eva", Email: "eva@staff.example", Role: "owner"}
	must(s.Operators.Create(ctx, eva))
	pages, err := templates.New()
	must(err)
	log := slog.New(slog.DiscardHandler)
	cookies := &web.Cookies{Sealer: storetest.Keyring(t), MaxAge: time.Hour, Now: time.Now}
	reg := registry.New(&registry.Registry{Store: nil, Log: log, Now: time.Now})
	w := &web.Web{Pages: pages, Cookies: cookies, Realms: reg, Shelf: s.Parked, Limits: web.NewLimits(time.Now), BaseURL: "http://sso.example", Log: log, Now: time.Now}
	door := &operator.Engine{People: s.Operators, Credentials: s.Operators, Sessions: s.Operators, Links: s.Operators, Events: s.Events, Tx: s.Tx, Now: time.Now}
	f := &console.Front{
		Web: w, Operators: door, Now: time.Now,
		Admin: &admin.Service{Realms: s.Realms, Users: s.Users, Events: s.Events, People: admin.People{Users: s.Users, Groups: s.Groups}, Tx: s.Tx, Now: time.Now},
	}
	e := w.Engine()
	f.Mount(e)

	post := func(path string, at time.Time) string {
		t.Helper()
		cookie, err := door.Open(ctx, eva, operator.ByPasskey, at, operator.Visitor{})
		must(err)
		got := httptest.NewRecorder()
		cookies.SetOperator(got, cookie)
		token := cookies.FormToken(got, httptest.NewRequest(http.MethodGet, "/", nil))
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(url.Values{"csrf": {token}, "name": {"people"}, "kind": {"password"}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range got.Result().Cookies() {
			r.AddCookie(c)
		}
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, r)
		return answer.Header().Get("Location")
	}
	now := time.Now()
	for _, v := range []struct {
		path  string
		at    time.Time
		asked bool
	}{
		{"/admin/realms/acme/groups", now.Add(-time.Hour), false},
		{"/admin/realms/staff/groups", now.Add(-time.Hour), true},
		{"/admin/realms/staff/groups", now, false},
		{"/admin/realms/acme/people/u1/way", now.Add(-time.Hour), true},
	} {
		if got := post(v.path, v.at); strings.HasPrefix(got, "/admin/signin?again=1") != v.asked {
			t.Errorf("%s at %s leads to %q", v.path, v.at, got)
		}
	}
	for realm, want := range map[string]int{"acme": 1, "staff": 1} {
		if found, _, err := s.Groups.List(ctx, realm, broker.Page{}); err != nil || len(found) != want {
			t.Errorf("%s has %d groups, %v", realm, len(found), err)
		}
	}
}
