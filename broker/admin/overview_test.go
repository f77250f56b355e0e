package admin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/store/ledger"
)

var (
	auditorOfAcme = admin.Actor{Name: "apikey:acme", Role: admin.Auditor, Realms: []string{"acme"}}
	nobody        = admin.Actor{Name: "nobody"}
)

// twoRealms are acme and globex, each with a connection, a domain, a client, a person and a failed login.
func twoRealms(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	for _, realm := range []string{"acme", "globex"} {
		h.realm(t, realm)
		_, err := h.CreateConnection(ctx, owner, realm, fmt.Appendf(nil, `{"slug":"%s-op","display_name":"%s & Sons","protocol":"oidc","domains":["%s.example"],"oidc":{"issuer":"https://idp.%s.example","client_id":"id-of-%s"}}`, realm, realm, realm, realm, realm))
		must(t, err)
		_, err = h.CreateDomain(ctx, owner, realm, fmt.Appendf(nil, `{"domain":"%s.example"}`, realm))
		must(t, err)
		_, _, err = h.CreateClient(ctx, owner, realm, fmt.Appendf(nil, `{"client_id":"portal-%s","redirect_uris":["https://app.example/cb"]}`, realm))
		must(t, err)
		must(t, h.store.Links.CreateUserWithLink(ctx, &broker.User{ID: "u-" + realm, Realm: realm, Email: "anna@" + realm + ".example"},
			&broker.Link{Connection: realm + "-op", Subject: "s", Realm: realm, UserID: "u-" + realm}))
		h.store.Traces.Log(broker.Trace{At: h.now, Realm: realm, Ref: "7KQ2-MX9D", Connection: realm + "-op", Client: "portal-" + realm, Email: "anna@" + realm + ".example", Outcome: "failed", Code: "oidc.nonce"})
	}
	h.counted(t, 2)
	return h
}

// counted waits until so many sign-ins of the installation are counted.
func (h *house) counted(t *testing.T, n int64) {
	t.Helper()
	for range 500 {
		days, err := h.DailyCounts(ctx, owner, "", "", 30)
		must(t, err)
		var sum int64
		for _, d := range days {
			sum += d.OK + d.Failed
		}
		if sum == n {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%d sign-ins are not counted", n)
}

func (h *house) overview(t *testing.T, a admin.Actor, f broker.ConnectionFilter) []string {
	t.Helper()
	page, err := h.ListConnectionsOverview(ctx, a, f, broker.Page{})
	must(t, err)
	out := []string{}
	for _, c := range page.Items {
		out = append(out, c.Slug)
	}
	return out
}

func TestConnectionsOverAllRealms(t *testing.T) {
	h := twoRealms(t)
	both, acme, globex, none := []string{"acme-op", "globex-op"}, []string{"acme-op"}, []string{"globex-op"}, []string{}
	_, err := h.UpdateRealm(ctx, owner, "globex", nil, []byte(`{"display_name":"The Globex Corporation"}`))
	must(t, err)
	must(t, h.store.Overview.Tested(ctx, "acme", "acme-op", "cli", true, h.now))
	must(t, h.store.Overview.Note(ctx, []string{"globex-op"}, map[string]time.Time{"globex-op": h.now.AddDate(0, 0, 59)}, nil))
	must(t, h.store.Connections.Remember(ctx, "acme-op", []byte(`{"XML":"<EntityDescriptor entityID=\"https://remembered.example/Entity\">"}`)))
	for _, c := range []struct {
		filter broker.ConnectionFilter
		want   []string
	}{
		{broker.ConnectionFilter{}, both},
		{broker.ConnectionFilter{Realm: "acme"}, acme},
		{broker.ConnectionFilter{Realm: "nowhere"}, none},
		{broker.ConnectionFilter{Query: "corporation"}, globex},
		{broker.ConnectionFilter{Query: "ACME & S"}, acme},
		{broker.ConnectionFilter{Query: "globex.exam"}, globex},
		{broker.ConnectionFilter{Query: "Anna@acme.example"}, acme},
		{broker.ConnectionFilter{Query: "somebody@globex.example"}, globex},
		{broker.ConnectionFilter{Query: "anna@nowhere.example"}, none},
		{broker.ConnectionFilter{Query: "7kq2mx9d"}, both},
		{broker.ConnectionFilter{Query: "7kq2mx9e"}, none},
		{broker.ConnectionFilter{Query: "id-of-acme"}, acme},
		{broker.ConnectionFilter{Query: "https://idp.globex"}, globex},
		{broker.ConnectionFilter{Query: "remembered.example/entity"}, acme},
		{broker.ConnectionFilter{Query: "%"}, none},
		{broker.ConnectionFilter{Protocol: "saml"}, none},
		{broker.ConnectionFilter{Protocol: "oidc", Preset: "generic"}, both},
		{broker.ConnectionFilter{Status: broker.HealthError}, both},
		{broker.ConnectionFilter{Status: broker.HealthOK}, none},
		{broker.ConnectionFilter{NeverTested: true}, globex},
		{broker.ConnectionFilter{Expiring: true}, globex},
		{broker.ConnectionFilter{Failing: true, Query: "acme"}, acme},
	} {
		if got := h.overview(t, owner, c.filter); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, want %v", c.filter, got, c.want)
		}
		for _, slug := range h.overview(t, auditorOfAcme, c.filter) {
			if slug != "acme-op" {
				t.Errorf("%+v: an auditor of acme sees %s", c.filter, slug)
			}
		}
	}
	_, err = h.ListConnectionsOverview(ctx, owner, broker.ConnectionFilter{Status: "broken", Protocol: "smtp"}, broker.Page{})
	wantPointers(t, err, "/protocol", "/status")
	_, err = h.ListConnectionsOverview(ctx, nobody, broker.ConnectionFilter{}, broker.Page{})
	wantCode(t, err, fault.Forbidden)

	first, err := h.ListConnectionsOverview(ctx, owner, broker.ConnectionFilter{}, broker.Page{Limit: 1})
	must(t, err)
	second, err := h.ListConnectionsOverview(ctx, owner, broker.ConnectionFilter{}, broker.Page{Limit: 1, Cursor: first.Next})
	must(t, err)
	if c := second.Items[0]; len(second.Items) != 1 || second.Next != "" || c.RealmName != "The Globex Corporation" || c.DisplayName != "globex & Sons" || !slices.Equal(c.Domains, []string{"globex.example"}) || c.Health.Day.Failed != 1 {
		t.Errorf("the second page: %+v", second)
	}
}

func TestRealmsOverview(t *testing.T) {
	h := twoRealms(t)
	all, err := h.ListRealmsOverview(ctx, owner, broker.Page{})
	must(t, err)
	want := broker.RealmOverview{Name: "acme", DisplayName: "acme", Connections: 1, People: 1, Domains: 1, Week: broker.Rate{Failed: 1}, Status: broker.HealthError}
	if len(all.Items) != 2 || *all.Items[0] != want {
		t.Errorf("%+v, want %+v", all.Items[0], want)
	}
	mine, err := h.ListRealmsOverview(ctx, auditorOfAcme, broker.Page{})
	must(t, err)
	if len(mine.Items) != 1 || mine.Items[0].Name != "acme" {
		t.Errorf("an auditor of acme sees %d realms", len(mine.Items))
	}
	whole, err := h.ReadOverview(ctx, auditorOfAcme)
	must(t, err)
	if whole.Statuses[broker.HealthError] != 1 || len(whole.Worst) != 1 || len(whole.Days) != 30 || whole.Days[29] != (broker.DayCount{Day: "2026-11-21", Failed: 1}) || !reflect.DeepEqual(whole.Faults, []broker.FaultCount{{Code: "oidc.nonce", Count: 1}}) {
		t.Errorf("what an auditor of acme sees at a glance: %+v", whole)
	}
}

func TestSearchOverEverything(t *testing.T) {
	h := twoRealms(t)
	for _, c := range []struct {
		q                                                     string
		realms, connections, domains, people, clients, logins int
	}{
		{"acme", 1, 1, 1, 0, 1, 0}, {"ANNA@", 0, 0, 0, 2, 0, 0}, {"anna@globex.example", 0, 0, 1, 1, 0, 0}, {"portal", 0, 0, 0, 0, 2, 0},
		{"7KQ2-MX9D", 0, 0, 0, 0, 0, 2}, {"", 0, 0, 0, 0, 0, 0}, {"_", 0, 0, 0, 0, 0, 0}, {"' OR 1=1", 0, 0, 0, 0, 0, 0},
	} {
		got, err := h.Search(ctx, owner, c.q)
		must(t, err)
		counts := []int{len(got.Realms), len(got.Connections), len(got.Domains), len(got.People), len(got.Clients), len(got.Logins)}
		if want := []int{c.realms, c.connections, c.domains, c.people, c.clients, c.logins}; !slices.Equal(counts, want) {
			t.Errorf("%q: %v, want %v", c.q, counts, want)
		}
		mine, err := h.Search(ctx, auditorOfAcme, c.q)
		must(t, err)
		if b, _ := json.Marshal(mine); strings.Contains(string(b), "globex") {
			t.Errorf("%q: an auditor of acme sees %s", c.q, b)
		}
	}
	_, err := h.Search(ctx, owner, strings.Repeat("x", 201))
	wantCode(t, err, fault.Invalid)
	_, err = h.Search(ctx, nobody, "acme")
	wantCode(t, err, fault.Forbidden)
	looked, _, err := h.store.Events.List(ctx, ledger.Filter{Realm: "globex", Kind: "search"}, broker.Page{})
	must(t, err)
	var asked []string
	for _, e := range looked {
		asked = append(asked, e.Actor+" "+e.Detail)
	}
	slices.Sort(asked)
	if want := []string{"cli q=7KQ2-MX9D", "cli q=ANNA@", "cli q=anna@globex.example"}; !slices.Equal(asked, want) {
		t.Errorf("globex's log of who looked: %v", asked)
	}
}

func TestLoginsOfAllRealms(t *testing.T) {
	h := twoRealms(t)
	for _, c := range []struct {
		filter    broker.TraceFilter
		owner, of int
	}{
		{broker.TraceFilter{Ref: "7kq2 mx9d"}, 2, 1}, {broker.TraceFilter{Ref: "nonsense!"}, 0, 0}, {broker.TraceFilter{Email: "anna@globex.example"}, 1, 0},
		{broker.TraceFilter{Connection: "globex-op"}, 1, 0}, {broker.TraceFilter{Connection: "acme-op"}, 1, 1}, {broker.TraceFilter{Connection: "gone"}, 0, 0},
	} {
		for who, want := range map[string]int{"owner": c.owner, "auditor of acme": c.of} {
			a := owner
			if who != "owner" {
				a = auditorOfAcme
			}
			got, err := h.FindLogins(ctx, a, c.filter, broker.Page{})
			must(t, err)
			if len(got.Items) != want {
				t.Errorf("%+v: %s sees %d, want %d", c.filter, who, len(got.Items), want)
			}
		}
	}
	if got, err := h.FindLogins(ctx, owner, broker.TraceFilter{Outcome: "failed"}, broker.Page{}); err != nil || len(got.Items) != 0 {
		t.Errorf("without a question: %+v, %v", got, err)
	}
	_, err := h.FindLogins(ctx, nobody, broker.TraceFilter{Connection: "acme-op"}, broker.Page{})
	wantCode(t, err, fault.Forbidden)
	looked, _, err := h.store.Events.List(ctx, ledger.Filter{Realm: "globex", Kind: "logins.listed"}, broker.Page{})
	must(t, err)
	if len(looked) != 3 {
		t.Errorf("globex's log has %d lines of who looked", len(looked))
	}
}

func TestCountsStayBehindTheirWall(t *testing.T) {
	h := twoRealms(t)
	for _, c := range []struct{ realm, connection string }{{"globex", ""}, {"globex", "globex-op"}, {"acme", "globex-op"}, {"nowhere", ""}} {
		if _, err := h.DailyCounts(ctx, auditorOfAcme, c.realm, c.connection, 7); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%+v: %v", c, err)
		}
	}
	_, err := h.ConnectionHealth(ctx, auditorOfAcme, "acme", "globex-op")
	wantCode(t, err, fault.NotFound)
	_, err = h.ListChecks(ctx, auditorOfAcme, "globex", "globex-op", broker.Page{})
	wantCode(t, err, fault.NotFound)
	_, err = h.DailyCounts(ctx, owner, "acme", "", 401)
	wantCode(t, err, fault.Invalid)
	all, err := h.DailyCounts(ctx, auditorOfAcme, "", "", 3)
	must(t, err)
	if want := []broker.DayCount{{Day: "2026-11-19"}, {Day: "2026-11-20"}, {Day: "2026-11-21", Failed: 1}}; !reflect.DeepEqual(all, want) {
		t.Errorf("the installation, for an auditor of acme: %+v", all)
	}
	client, err := h.ClientCounts(ctx, owner, "globex", "portal-globex", 1)
	must(t, err)
	if client[0].Failed != 1 {
		t.Errorf("a client's: %+v", client)
	}
}

func TestChecksAreKeptAndTellOfErrors(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	c := h.connection(t, "acme", "op")
	issuer := func(url string) {
		t.Helper()
		_, err := h.UpdateConnection(ctx, owner, "acme", "op", nil, []byte(`{"oidc":{"issuer":"`+url+`"}}`))
		must(t, err)
	}
	night := &admin.NightlyChecks{Admin: h.Service, Facts: h.store.Overview, Log: slog.New(slog.DiscardHandler)}
	step := func(want int, kinds ...string) {
		t.Helper()
		n, err := night.Once(ctx)
		must(t, err)
		list, _, err := h.store.Events.List(ctx, ledger.Filter{Kind: "connection.check_"}, broker.Page{})
		must(t, err)
		got := []string{}
		for _, e := range slices.Backward(list) {
			got = append(got, e.Kind)
		}
		if n != want || !slices.Equal(got, kinds) {
			t.Errorf("%d checks and events %v, want %d and %v", n, got, want, kinds)
		}
	}
	step(0) // not on the day it is made
	h.now = h.now.Add(48 * time.Hour)
	step(1)
	step(0) // once a night
	h.now = h.now.Add(time.Second)
	if r, err := h.CheckConnection(ctx, owner, "acme", "op"); err != nil || r.Status == "error" {
		t.Fatalf("%+v, %v", r, err)
	}
	issuer("https://down.example")
	h.now = h.now.Add(19 * time.Hour)
	step(0) // it rests after any check
	h.now = h.now.Add(29 * time.Hour)
	step(1, "connection.check_failed")
	h.now = h.now.Add(48 * time.Hour)
	step(1, "connection.check_failed") // known
	issuer("https://idp.example")
	h.now = h.now.Add(48 * time.Hour)
	step(1, "connection.check_failed", "connection.check_recovered")

	list, err := h.ListChecks(ctx, owner, "acme", "op", broker.Page{})
	must(t, err)
	var by, status []string
	for _, r := range list.Items {
		by, status = append(by, r.By), append(status, r.Status)
		if r.Report.Status != r.Status || int(r.Findings) != len(r.Report.Findings) {
			t.Errorf("a report says %+v of %+v", r.Report, r.CheckRun)
		}
	}
	if !slices.Equal(by, []string{"nightly", "nightly", "nightly", "cli", "nightly"}) || !slices.Equal(status, []string{"warning", "error", "error", "warning", "warning"}) {
		t.Errorf("checks by %v: %v", by, status)
	}
	last, err := h.ConnectionHealth(ctx, owner, c.Realm, c.Slug)
	must(t, err)
	if last.LastCheck == nil || !last.LastCheck.At.Equal(h.now) {
		t.Errorf("health: %+v", last.LastCheck)
	}
}

func TestHealthKnowsWhatIsKnownElsewhere(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	h.connection(t, "acme", "op")
	expiry := h.now.AddDate(0, 0, 20)
	h.NextExpiry = func(context.Context, []string) (map[string]time.Time, error) {
		return map[string]time.Time{"op": expiry}, nil
	}
	h.PendingReviews = func(context.Context, []string) (map[string]int, error) { return map[string]int{"op": 1}, nil }
	must(t, (&admin.NightlyChecks{Admin: h.Service, Facts: h.store.Overview}).Note(ctx))
	list, err := h.ListConnectionsOverview(ctx, owner, broker.ConnectionFilter{Expiring: true}, broker.Page{})
	must(t, err)
	if len(list.Items) != 1 || !list.Items[0].Health.NextExpiry.Equal(expiry) || list.Items[0].Health.PendingReviews != 1 {
		t.Errorf("%+v", list.Items)
	}
	h.NextExpiry, h.PendingReviews = nil, nil
	got, err := h.ConnectionHealth(ctx, owner, "acme", "op")
	must(t, err)
	if !got.NextExpiry.IsZero() || got.PendingReviews != 0 {
		t.Errorf("what is over stays: %+v", got)
	}
}

func TestTraceSettingsOfARealm(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	r, err := h.UpdateRealm(ctx, owner, "acme", nil, []byte(`{"traces":{"keep_days":7,"redact":"addresses"}}`))
	must(t, err)
	if r.Traces != (broker.TracePolicy{KeepDays: 7, Redact: "addresses"}) {
		t.Errorf("%+v", r.Traces)
	}
	_, err = h.UpdateRealm(ctx, owner, "acme", nil, []byte(`{"traces":{"keep_days":401,"redact":"some"}}`))
	wantPointers(t, err, "/traces/keep_days", "/traces/redact")
	r, err = h.UpdateRealm(ctx, owner, "acme", nil, []byte(`{"traces":null}`))
	must(t, err)
	if r.Traces != (broker.TracePolicy{KeepDays: 30, Redact: "none"}) {
		t.Errorf("the default: %+v", r.Traces)
	}
}
