package storetest

import (
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
)

// attempt is a trace of a sign-in.
func attempt(at time.Time, realm, slug, email, code string) broker.Trace {
	outcome := "failed"
	if code == "" {
		outcome = "succeeded"
	}
	return broker.Trace{At: at, Realm: realm, Ref: "R", Connection: slug, Client: "app", Email: email, Outcome: outcome, Code: code}
}

// health waits until a connection's health is as ok says, and answers it.
func health(t *testing.T, s *store.Store, realm, slug string, ok func(h *broker.Health) bool) *broker.Health {
	t.Helper()
	var h *broker.Health
	waitFor(t, "the health of "+slug, func() bool {
		var err error
		h, err = s.Overview.Health(background(t), realm, slug)
		return err == nil && ok(h)
	})
	return h
}

// sum adds up what was counted of a scope in the last days.
func sum(t *testing.T, s *store.Store, realms []string, scope broker.CountScope) broker.Rate {
	t.Helper()
	days, err := s.Stats.Daily(background(t), realms, scope, s.Now().AddDate(0, 0, -9))
	must(t, err)
	var r broker.Rate
	for _, d := range days {
		r.OK, r.Failed = r.OK+d.OK, r.Failed+d.Failed
	}
	return r
}

func loginCounts(t *testing.T, s *store.Store) {
	ctx := background(t)
	for _, realm := range []string{"acme", "other"} {
		Realm(t, s, realm)
		Connection(t, s, realm, realm+"-op")
	}
	now := s.Now()
	yesterday := now.AddDate(0, 0, -1)
	for i := range 100 {
		s.Traces.Log(attempt(now, "acme", "acme-op", fmt.Sprintf("u%d@acme.example", i), []string{"", "", "saml.signature_invalid", "login.expired"}[i%4]))
	}
	again := attempt(now, "acme", "acme-op", "u@acme.example", "")
	again.ID = "0000000000000000000000000X"
	s.Traces.Log(again)
	s.Traces.Log(again)                                                    // the same once more counts once
	s.Traces.Log(attempt(yesterday, "acme", "", "", "request.malformed"))  // before a connection was chosen
	s.Traces.Log(attempt(now, "other", "other-op", "u@other.example", "")) // next door
	traced(t, s, "acme", 102)
	traced(t, s, "other", 1)

	for _, c := range []struct {
		realms []string
		scope  broker.CountScope
		want   broker.Rate
	}{
		{nil, broker.CountScope{}, broker.Rate{OK: 52, Failed: 51}},
		{[]string{"acme"}, broker.CountScope{}, broker.Rate{OK: 51, Failed: 51}},
		{[]string{"acme", "other"}, broker.CountScope{}, broker.Rate{OK: 52, Failed: 51}},
		{[]string{}, broker.CountScope{}, broker.Rate{}},
		{nil, broker.CountScope{Realm: "acme"}, broker.Rate{OK: 51, Failed: 51}},
		{nil, broker.CountScope{Realm: "acme", Connection: "acme-op"}, broker.Rate{OK: 51, Failed: 50}},
		{nil, broker.CountScope{Realm: "other", Connection: "acme-op"}, broker.Rate{}},
		{nil, broker.CountScope{Realm: "acme", Client: "app"}, broker.Rate{OK: 51, Failed: 51}},
	} {
		if got := sum(t, s, c.realms, c.scope); got != c.want {
			t.Errorf("%v %+v: %+v, want %+v", c.realms, c.scope, got, c.want)
		}
	}
	days, err := s.Stats.Daily(ctx, nil, broker.CountScope{Realm: "acme"}, yesterday)
	must(t, err)
	want := []broker.DayCount{{Day: yesterday.Format(time.DateOnly), Failed: 1}, {Day: now.Format(time.DateOnly), OK: 51, Failed: 50}}
	if !reflect.DeepEqual(days, want) {
		t.Errorf("days %+v, want %+v", days, want)
	}
	faults, err := s.Stats.Faults(ctx, nil, broker.CountScope{Realm: "acme"}, yesterday, 2)
	must(t, err)
	if want := []broker.FaultCount{{Code: "login.expired", Count: 25}, {Code: "saml.signature_invalid", Count: 25}}; !reflect.DeepEqual(faults, want) {
		t.Errorf("faults %+v, want %+v", faults, want)
	}
	n, err := s.Stats.Retain(ctx, now.AddDate(0, 0, 401).AddDate(0, 0, 1))
	must(t, err)
	if left := sum(t, s, nil, broker.CountScope{}); n == 0 || left != (broker.Rate{}) {
		t.Errorf("%d counters are dropped, %+v are left", n, left)
	}
}

func connectionHealth(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	c := Connection(t, s, "acme", "op")
	h := health(t, s, "acme", "op", func(*broker.Health) bool { return true })
	if h.Status != broker.HealthNew || h.LastFailure != nil || h.LastTest != nil || h.LastCheck != nil || !h.ChangedAt.Equal(c.UpdatedAt) {
		t.Errorf("a new connection: %+v", h)
	}
	now := s.Now()
	at := func(seconds int) time.Time { return now.Add(time.Duration(seconds) * time.Second) }

	s.Traces.Log(attempt(at(1), "acme", "op", "a@acme.example", "saml.signature_invalid"))
	h = health(t, s, "acme", "op", func(h *broker.Health) bool { return h.Failures == 1 })
	if h.Why != broker.WhyNeverWorked || h.Status != broker.HealthError || h.PeopleFailing != 1 || !h.FailingSince.Equal(at(1)) || !h.LastSuccess.IsZero() {
		t.Errorf("nobody got in yet: %+v", h)
	}

	s.Traces.Log(attempt(at(2), "acme", "op", "a@acme.example", ""))
	h = health(t, s, "acme", "op", func(h *broker.Health) bool { return !h.LastSuccess.IsZero() })
	if h.Status != broker.HealthOK || h.Failures != 0 || h.PeopleFailing != 0 || !h.FailingSince.IsZero() || h.SuccessesSinceChange != 1 || h.LastFailure == nil || h.LastFailure.Code != "saml.signature_invalid" {
		t.Errorf("it works: %+v", h)
	}

	for i := range 2 {
		s.Traces.Log(attempt(at(3), "acme", "op", "a@acme.example", "saml.audience_mismatch"))
		h = health(t, s, "acme", "op", func(h *broker.Health) bool { return h.Failures == int64(i+1) })
		if want := []string{broker.WhyOK, broker.WhyLastFailed}[i]; h.Why != want {
			t.Errorf("%d failures of one person: %+v", i+1, h)
		}
	}
	for i, who := range []string{"a", "b", "b", "c"} {
		s.Traces.Log(attempt(at(10+i), "acme", "op", who+"@acme.example", "saml.audience_mismatch"))
	}
	s.Traces.Log(attempt(at(5), "acme", "op", "", "saml.expired")) // late, from another replica
	h = health(t, s, "acme", "op", func(h *broker.Health) bool { return h.Failures == 7 })
	if h.Why != broker.WhyFailing || h.PeopleFailing != 3 || !h.FailingSince.Equal(at(3)) || h.LastFailure.Code != "saml.audience_mismatch" || !h.LastFailure.At.Equal(at(13)) {
		t.Errorf("it fails: %+v", h)
	}
	if want := (broker.Rate{OK: 1, Failed: 8}); h.Day != want || h.Week != want {
		t.Errorf("rates %+v and %+v, want %+v", h.Day, h.Week, want)
	}

	c.DisplayName = "Changed"
	must(t, s.Connections.Update(ctx, c))
	if h = health(t, s, "acme", "op", func(*broker.Health) bool { return true }); h.SuccessesSinceChange != 0 || !h.ChangedAt.Equal(c.UpdatedAt) || h.Failures != 7 {
		t.Errorf("after a change: %+v", h)
	}
	s.Traces.Log(attempt(now.Add(-time.Hour), "acme", "op", "z@acme.example", "")) // of an earlier connection of this name
	s.Traces.Log(attempt(at(60), "acme", "op", "a@acme.example", ""))
	if h = health(t, s, "acme", "op", func(h *broker.Health) bool { return h.Failures == 0 }); h.SuccessesSinceChange != 1 || h.Why != broker.WhyManyFail {
		t.Errorf("one got in again: %+v", h)
	}
	for range 10 {
		s.Traces.Log(attempt(at(61), "acme", "op", "a@acme.example", ""))
	}
	if h = health(t, s, "acme", "op", func(h *broker.Health) bool { return h.SuccessesSinceChange == 11 }); h.Why != broker.WhySomeFail {
		t.Errorf("many got in again: %+v", h)
	}

	must(t, s.Overview.Tested(ctx, "acme", "op", "apikey:ci", false, at(1)))
	must(t, s.Overview.Tested(ctx, "acme", "op", "operator:eva", true, at(3)))
	must(t, s.Overview.Tested(ctx, "acme", "op", "apikey:ci", false, at(2))) // began later, ended earlier
	must(t, s.Overview.Note(ctx, []string{"op", "gone"}, map[string]time.Time{"op": now.AddDate(0, 0, 10)}, map[string]int{"op": 2}))
	h = health(t, s, "acme", "op", func(*broker.Health) bool { return true })
	if h.LastTest == nil || *h.LastTest != (broker.TestSeen{At: at(3), Passed: true, By: "operator:eva"}) || h.Tests != (broker.Rate{OK: 1, Failed: 2}) {
		t.Errorf("tests: %+v, %+v", h.LastTest, h.Tests)
	}
	if h.Why != broker.WhyExpires || h.PendingReviews != 2 || !h.NextExpiry.Equal(now.AddDate(0, 0, 10)) {
		t.Errorf("what is known from elsewhere: %+v", h)
	}
	c.Enabled = false
	must(t, s.Connections.Update(ctx, c))
	if h = health(t, s, "acme", "op", func(*broker.Health) bool { return true }); h.Status != broker.HealthOff {
		t.Errorf("switched off: %+v", h)
	}
	_, err := s.Overview.Health(ctx, "other", "op")
	wants(t, err, broker.ErrNotFound)

	must(t, s.Connections.Delete(ctx, "op"))
	Connection(t, s, "acme", "op")
	h = health(t, s, "acme", "op", func(*broker.Health) bool { return true })
	if h.Status != broker.HealthNew || h.Day != (broker.Rate{}) || h.LastTest != nil || h.LastFailure != nil || sum(t, s, nil, broker.CountScope{Realm: "acme", Connection: "op"}) != (broker.Rate{}) {
		t.Errorf("a later connection inherits: %+v", h)
	}
}

// failingForgotten: whose address is forgotten is not among those who failed either.
func failingForgotten(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "op")
	for _, who := range []string{"a", "b"} {
		s.Traces.Log(attempt(s.Now(), "acme", "op", who+"@acme.example", "saml.expired"))
	}
	health(t, s, "acme", "op", func(h *broker.Health) bool { return h.PeopleFailing == 2 })
	_, err := s.Traces.Forget(ctx, "acme", "", "a@acme.example")
	must(t, err)
	s.Traces.Log(attempt(s.Now(), "acme", "op", "b@acme.example", "saml.expired"))
	if h := health(t, s, "acme", "op", func(h *broker.Health) bool { return h.Failures == 3 }); h.PeopleFailing != 1 {
		t.Errorf("%d people fail, one of whom was forgotten", h.PeopleFailing)
	}
}

func tracePolicies(t *testing.T, s *store.Store) {
	ctx := background(t)
	now := s.Now()
	for name, p := range map[string]broker.TracePolicy{
		"whole": {KeepDays: 400, Redact: broker.RedactNone}, "usual": {}, "hidden": {KeepDays: 1, Redact: broker.RedactAddresses}, "bare": {KeepDays: 90, Redact: broker.RedactAll},
	} {
		r := &broker.Realm{Name: name, Traces: p}
		r.Defaults()
		must(t, s.Realms.Create(ctx, r))
		for _, age := range []int{0, 2, 60, 200} {
			v := attempt(now.AddDate(0, 0, -age), name, "op", "anna@acme.example", "saml.audience_mismatch")
			v.UserID, v.Message, v.Observed = "u1", `<NameID>anna@acme.example</NameID>&u=anna%40acme.example`, "anna@acme.example"
			v.Steps = []broker.TraceStep{{At: now, Step: "identified", Detail: "as anna@acme.example"}}
			s.Traces.Log(v)
		}
	}
	for _, c := range []struct {
		realm, email, user, message, step string
		kept                              int
	}{
		{"whole", "anna@acme.example", "u1", `<NameID>anna@acme.example</NameID>&u=anna%40acme.example`, "as anna@acme.example", 4},
		{"usual", "anna@acme.example", "u1", `<NameID>anna@acme.example</NameID>&u=anna%40acme.example`, "as anna@acme.example", 2},
		{"hidden", "", "u1", `<NameID>…@acme.example</NameID>&u=…%40acme.example`, "as …@acme.example", 1},
		{"bare", "", "", "", "", 3},
	} {
		traced(t, s, c.realm, 4)
		got, err := s.Traces.Of(ctx, c.realm, "R")
		must(t, err)
		if v := got[0]; v.Email != c.email || v.UserID != c.user || v.Message != c.message || v.Steps[0].Detail != c.step || v.Steps[0].Step != "identified" || v.Code != "saml.audience_mismatch" {
			t.Errorf("%s keeps %+v", c.realm, v)
		}
		if c.email == "" && got[0].Observed == "anna@acme.example" {
			t.Errorf("%s keeps what was observed", c.realm)
		}
	}
	_, err := s.Traces.Retain(ctx, now)
	must(t, err)
	for realm, want := range map[string]int{"whole": 4, "usual": 2, "hidden": 1, "bare": 3} {
		if left, _, err := s.Traces.List(ctx, realm, broker.TraceFilter{}, broker.Page{}); err != nil || len(left) != want {
			t.Errorf("%s keeps %d traces, want %d (%v)", realm, len(left), want, err)
		}
	}
}

func checkRuns(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "op")
	now := s.Now()
	var last *broker.CheckRun
	for i := range 35 {
		run := filled[broker.CheckRun](t)
		run.ID, run.Realm, run.Connection, run.At, run.Status = "", "acme", "op", now.Add(time.Duration(i)*time.Minute), "error"
		before, err := s.Checks.Keep(ctx, run, now.Add(time.Hour))
		must(t, err)
		if i == 0 && before != nil {
			t.Errorf("before the first: %+v", before)
		}
		if i > 0 {
			same(t, before, last)
		}
		last = run
	}
	first, next, err := s.Checks.List(ctx, "acme", "op", broker.Page{Limit: 20})
	must(t, err)
	rest, end, err := s.Checks.List(ctx, "acme", "op", broker.Page{Limit: 20, Cursor: next})
	must(t, err)
	if len(first) != 20 || len(rest) != 10 || end != "" {
		t.Errorf("%d and %d runs are kept", len(first), len(rest))
	}
	same(t, first[0], last)
	h := health(t, s, "acme", "op", func(*broker.Health) bool { return true })
	if h.Why != broker.WhyCheckFailed || h.LastCheck == nil || !h.LastCheck.At.Equal(last.At) || h.LastCheck.Findings != last.Findings {
		t.Errorf("health %+v", h)
	}
	latest, err := s.Checks.Standings(ctx, now.Add(30*time.Minute), 100)
	must(t, err)
	if len(latest) != 5 || latest[0].Connection != "op" || !latest[0].At.Equal(last.At) || string(latest[0].Code) != last.Errors[0] {
		t.Errorf("%d standings, the newest %+v", len(latest), latest[0])
	}
	if few, err := s.Checks.Standings(ctx, now, 3); err != nil || len(few) != 3 || !few[0].At.Equal(last.At) {
		t.Errorf("%d of three standings, %v", len(few), err)
	}
	if other, _, err := s.Checks.List(ctx, "other", "op", broker.Page{}); err != nil || len(other) != 0 {
		t.Errorf("another realm sees %d runs, %v", len(other), err)
	}
	_, err = s.Checks.Keep(ctx, &broker.CheckRun{Realm: "acme", Connection: "gone", At: now}, now)
	wants(t, err, broker.ErrNotFound)
}

func checksDue(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	due := func(at time.Time, slug string) {
		Connection(t, s, "acme", slug)
		_, err := s.Checks.Keep(ctx, &broker.CheckRun{Realm: "acme", Connection: slug, At: s.Now(), Status: "ok", Report: []byte("{}")}, at)
		must(t, err)
	}
	now := s.Now()
	for i := range 10 {
		due(now.Add(-time.Minute), fmt.Sprintf("c%d", i))
	}
	due(now.Add(time.Hour), "later")
	due(now.Add(-time.Minute), "off")
	off, err := s.Connections.Get(ctx, "off")
	must(t, err)
	off.Enabled = false
	must(t, s.Connections.Update(ctx, off))
	var mu sync.Mutex
	taken := map[string]int{}
	var all sync.WaitGroup
	for range 4 { // replicas
		all.Go(func() {
			for range 4 {
				list, err := s.Checks.Due(ctx, 3, now.Add(time.Hour))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, c := range list {
					taken[c.Slug]++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for slug, n := range taken {
		if n != 1 || slug == "off" || slug == "later" {
			t.Errorf("%s is taken %d times", slug, n)
		}
	}
	if len(taken) != 10 {
		t.Errorf("%d of 10 are taken", len(taken))
	}
}

// countedLogins has two processes count the same connections' sign-ins at once.
func countedLogins(t *testing.T, rush func(func(int, *store.Store) bool) int, s *store.Store) {
	Realm(t, s, "acme")
	slugs := []string{"c0", "c1", "c2", "c3", "c4"}
	for _, slug := range slugs {
		Connection(t, s, "acme", slug)
	}
	now := s.Now()
	const each = 10
	rush(func(i int, s *store.Store) bool {
		for j := range 2 * each {
			slug := slugs[(i*j+i)%len(slugs)] // in many orders
			s.Traces.Log(attempt(now.Add(time.Duration(j)*time.Millisecond), "acme", slug, fmt.Sprintf("u%d@acme.example", i), []string{"", "saml.expired"}[j%2]))
		}
		return true
	})
	want := broker.Rate{OK: each * crowd, Failed: each * crowd}
	waitFor(t, "both have counted", func() bool { return sum(t, s, nil, broker.CountScope{}) == want })
	var days, hours broker.Rate
	for _, slug := range slugs {
		r := sum(t, s, nil, broker.CountScope{Realm: "acme", Connection: slug})
		days = broker.Rate{OK: days.OK + r.OK, Failed: days.Failed + r.Failed}
		h := health(t, s, "acme", slug, func(*broker.Health) bool { return true })
		hours = broker.Rate{OK: hours.OK + h.Day.OK, Failed: hours.Failed + h.Day.Failed}
		if h.SuccessesSinceChange != r.OK {
			t.Errorf("%s: %d successes since it was made, counted %d", slug, h.SuccessesSinceChange, r.OK)
		}
	}
	if days != want || hours != want {
		t.Errorf("days come to %+v, hours to %+v, want %+v", days, hours, want)
	}
	faults, err := s.Stats.Faults(background(t), nil, broker.CountScope{}, now, 5)
	must(t, err)
	if len(faults) != 1 || faults[0].Count != want.Failed {
		t.Errorf("faults %+v, want %d", faults, want.Failed)
	}
}
