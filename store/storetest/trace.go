package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store"
)

// traced waits until n traces of a realm are written and answers them.
func traced(t *testing.T, s *store.Store, realm string, n int) (got []broker.Trace) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%d traces of %s are written", n, realm), func() bool {
		var err error
		got, _, err = s.Traces.List(background(t), realm, broker.TraceFilter{}, broker.Page{Limit: 200})
		return err == nil && len(got) >= min(n, 200)
	})
	return got
}

func traces(t *testing.T, s *store.Store) {
	ctx := background(t)
	v := filled[broker.Trace](t)
	s.Traces.Log(*v)
	list := traced(t, s, v.Realm, 1)
	got, err := s.Traces.Of(ctx, v.Realm, v.Ref)
	must(t, err)
	same(t, got, []broker.Trace{*v})
	brief := *v
	brief.Message = "" // a list would be megabytes
	same(t, list, []broker.Trace{brief})

	s.Traces.Log(*v) // once more, as after a lost answer
	strange := "\x00\xff"
	s.Traces.Log(broker.Trace{Realm: v.Realm, Ref: "STRA-NGE0" + strange, Email: strange, TraceDetail: broker.TraceDetail{
		Message: strings.Repeat("é", 100_000), Detail: strings.Repeat("x", 10_000), Observed: strange, Steps: []broker.TraceStep{}}})
	for _, one := range traced(t, s, v.Realm, 2) {
		if one.ID == v.ID {
			continue
		}
		whole, err := s.Traces.Of(ctx, v.Realm, one.Ref)
		must(t, err)
		if m := whole[0].Message; len(m) > 64<<10 || len(m) < 60<<10 || strings.Trim(m, "é…") != "" || len(whole[0].Detail) > 4<<10+3 {
			t.Errorf("message of %d bytes ending in %q, detail of %d bytes", len(m), m[len(m)-4:], len(whole[0].Detail))
		}
		if one.ID == "" || one.At.IsZero() {
			t.Errorf("neither ID nor time: %+v", one)
		}
	}
	if n := len(traced(t, s, v.Realm, 2)); n != 2 || s.Traces.Dropped() != 0 {
		t.Errorf("%d traces, %d dropped", n, s.Traces.Dropped())
	}
}

func traceLists(t *testing.T, s *store.Store) {
	ctx := background(t)
	now := s.Now()
	for i := range 150 {
		s.Traces.Log(broker.Trace{At: now.Add(time.Duration(i) * time.Millisecond), Realm: "acme", Ref: fmt.Sprintf("R%03d", i/2), Connection: fmt.Sprintf("c%d", i%3),
			Email: fmt.Sprintf("u%d@acme.example", i%5), UserID: fmt.Sprintf("u%d", i%5), Outcome: []string{"succeeded", "failed"}[i%2]})
	}
	s.Traces.Log(broker.Trace{At: now, Realm: "other", Ref: "R007", Connection: "c0", Email: "u1@acme.example", UserID: "u1", Outcome: "failed"})
	traced(t, s, "acme", 150)
	traced(t, s, "other", 1)
	for _, c := range []struct {
		filter broker.TraceFilter
		want   int
	}{
		{broker.TraceFilter{}, 150}, {broker.TraceFilter{Ref: "R007"}, 2}, {broker.TraceFilter{Email: "u1@acme.example"}, 30}, {broker.TraceFilter{Connection: "c0"}, 50},
		{broker.TraceFilter{Outcome: "failed"}, 75}, {broker.TraceFilter{Email: "u1@acme.example", Connection: "c0", Outcome: "failed"}, 5},
		{broker.TraceFilter{Ref: "%"}, 0}, {broker.TraceFilter{Email: "nobody@acme.example"}, 0},
	} {
		n, last := 0, ""
		for page := (broker.Page{Limit: 20}); ; {
			part, next, err := s.Traces.List(ctx, "acme", c.filter, page)
			must(t, err)
			for _, v := range part {
				if v.Realm != "acme" || last != "" && v.ID >= last {
					t.Errorf("%+v after %s", v, last)
				}
				last = v.ID
			}
			n += len(part)
			if page.Cursor = next; next == "" {
				break
			}
		}
		if n != c.want {
			t.Errorf("%+v: %d traces, want %d", c.filter, n, c.want)
		}
	}
	if _, _, err := s.Traces.List(ctx, "acme", broker.TraceFilter{}, broker.Page{Cursor: "nonsense"}); err == nil {
		t.Error("a cursor of somebody's making is taken")
	}
	both, err := s.Traces.Of(ctx, "acme", "R007")
	if err != nil || len(both) != 2 || !both[0].At.After(both[1].At) {
		t.Errorf("attempts of one reference: %+v, %v", both, err)
	}
	_, err = s.Traces.Of(ctx, "globex", "R007")
	wants(t, err, broker.ErrNotFound)
}

func tracesForgotten(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	now := s.Now()
	for i := range 600 { // more than a batch
		s.Traces.Log(broker.Trace{At: now.Add(-time.Duration(i) * time.Minute), Realm: "acme", Ref: "OLD", UserID: "u", Email: "u@acme.example"})
	}
	s.Traces.Log(broker.Trace{At: now, Realm: "acme", Ref: "MAIL", Email: "u@acme.example"}) // refused before there was a user
	s.Traces.Log(broker.Trace{At: now, Realm: "acme", Ref: "NONE"})
	s.Traces.Log(broker.Trace{At: now, Realm: "acme", Ref: "ELSE", UserID: "v", Email: "v@acme.example"})
	s.Traces.Log(broker.Trace{At: now, Realm: "other", Ref: "MAIL", UserID: "u", Email: "u@acme.example"})
	waitFor(t, "the queue is written", func() bool {
		_, err := s.Traces.Of(ctx, "other", "MAIL")
		return err == nil
	})
	if n, err := s.Traces.Retain(ctx, now.AddDate(0, 0, 30).Add(-300*time.Minute)); n != 299 || err != nil {
		t.Errorf("retention deleted %d, %v", n, err)
	}
	if n, err := s.Traces.Retain(ctx, time.Time{}); n != 0 || fault.CodeOf(err) != fault.Internal {
		t.Errorf("retention without a time deleted %d, %v", n, err)
	}
	if n, err := s.Traces.Forget(ctx, "acme", "", ""); n != 0 || err != nil {
		t.Errorf("nobody is forgotten: %d, %v", n, err)
	}
	if n, err := s.Traces.Forget(ctx, "acme", "u", "u@acme.example"); n != 302 || err != nil {
		t.Errorf("forgot %d, %v", n, err)
	}
	for ref, there := range map[string]bool{"OLD": false, "MAIL": false, "NONE": true, "ELSE": true} {
		if _, err := s.Traces.Of(ctx, "acme", ref); (err == nil) != there {
			t.Errorf("%s: %v", ref, err)
		}
	}
	_, err := s.Traces.Of(ctx, "other", "MAIL")
	must(t, err)
}

// testLogin is a test of acme's connection op.
func testLogin(s *store.Store, id string) *broker.TestLogin {
	now := s.Now().Truncate(time.Microsecond)
	return &broker.TestLogin{ID: id, Ref: "REF-" + id, Realm: "acme", Connection: "op", Actor: "ops@acme.example", TokenHash: "token-" + id,
		CreatedAt: now, OpenBy: now.Add(time.Hour), ExpiresAt: now.Add(24 * time.Hour)}
}

func testLogins(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "op")
	v := testLogin(s, "a")
	must(t, s.Tests.Create(ctx, v))
	get := func() *broker.TestLogin {
		t.Helper()
		got, err := s.Tests.Get(ctx, "a")
		must(t, err)
		return got
	}
	same(t, get(), v)
	must(t, s.Tests.Publish(ctx, "a")) // there is nothing to publish yet
	same(t, get(), v)

	_, _, err := s.Tests.Open(ctx, "token-b", s.Now())
	wants(t, err, broker.ErrNotFound)
	_, _, err = s.Tests.Open(ctx, "token-a", v.OpenBy.Add(time.Second))
	wants(t, err, broker.ErrNotFound)
	v.OpenedAt = v.CreatedAt.Add(time.Minute)
	got, used, err := s.Tests.Open(ctx, "token-a", v.OpenedAt)
	must(t, err)
	same(t, got, v)
	if used {
		t.Error("used before it was opened")
	}
	got, used, err = s.Tests.Open(ctx, "token-a", v.OpenedAt.Add(time.Minute))
	must(t, err)
	same(t, got, v)
	if !used {
		t.Error("opened twice")
	}

	testFacts(t, s, v)
	v.AnsweredAt, v.Report = v.OpenedAt.Add(time.Minute), []byte(`{"a":"\u0000"}`)
	if first, err := s.Tests.Answer(ctx, "a", v.Report, false, v.AnsweredAt); !first || err != nil {
		t.Errorf("first answer: %v, %v", first, err)
	}
	if first, err := s.Tests.Answer(ctx, "a", []byte("another's"), true, v.AnsweredAt.Add(time.Second)); first || err != nil {
		t.Errorf("second answer: %v, %v", first, err)
	}
	if first, err := s.Tests.Answer(ctx, "none", v.Report, true, v.AnsweredAt); first || err != nil {
		t.Errorf("answer to no test: %v, %v", first, err)
	}
	same(t, get(), v)
	lateFacts(t, s, v)
	must(t, s.Tests.Publish(ctx, "a"))
	v.Published = true
	same(t, get(), v)

	got, err = s.Tests.ByRef(ctx, "acme", "op", v.Ref)
	must(t, err)
	same(t, got, v)
	for _, other := range [][3]string{{"other", "op", v.Ref}, {"acme", "saml", v.Ref}, {"acme", "op", "REF-b"}} {
		_, err = s.Tests.ByRef(ctx, other[0], other[1], other[2])
		wants(t, err, broker.ErrNotFound)
	}
}

// testFacts notes what is seen of test v, which is opened and has no answer: only the first time counts.
func testFacts(t *testing.T, s *store.Store, v *broker.TestLogin) {
	t.Helper()
	ctx := background(t)
	at := v.OpenedAt
	for i, what := range []broker.TestFact{broker.TestLeft, broker.TestClosed, broker.TestBack} {
		must(t, s.Tests.Note(ctx, v.ID, what, "idp.example", at.Add(time.Duration(i+1)*time.Second)))
		must(t, s.Tests.Note(ctx, v.ID, what, "later.example", at.Add(time.Hour)))
	}
	must(t, s.Tests.Note(ctx, "none", broker.TestBack, "", at))
	if err := s.Tests.Note(ctx, v.ID, "sneezed", "", at); err == nil {
		t.Error("an unknown fact is noted")
	}
	v.LeftAt, v.LeftTo, v.ClosedAt, v.BackAt = at.Add(time.Second), "idp.example", at.Add(2*time.Second), at.Add(3*time.Second)
	for _, page := range []string{`{"a":1}`, `{"codes":["AADSTS50105"]}`} {
		ok, err := s.Tests.Page(ctx, v.ID, []byte(page), at.Add(4*time.Second))
		if must(t, err); !ok {
			t.Error("what the page says is not kept")
		}
		v.PageAt, v.Page = at.Add(4*time.Second), []byte(page)
	}
	got, err := s.Tests.Get(ctx, v.ID)
	must(t, err)
	same(t, got, v)
}

// lateFacts come when the answer is here: they change nothing any more.
func lateFacts(t *testing.T, s *store.Store, v *broker.TestLogin) {
	t.Helper()
	ctx := background(t)
	must(t, s.Tests.Note(ctx, v.ID, broker.TestClosed, "", v.AnsweredAt.Add(time.Second)))
	if ok, err := s.Tests.Page(ctx, v.ID, []byte("late"), v.AnsweredAt); ok || err != nil {
		t.Errorf("a page after the answer: %v, %v", ok, err)
	}
	got, err := s.Tests.Get(ctx, v.ID)
	must(t, err)
	same(t, got, v)
}

func testLoginsEnd(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "op")
	old := testLogin(s, "old")
	old.ExpiresAt = s.Now().Add(-time.Minute)
	must(t, s.Tests.Create(ctx, old))
	_, err := s.Tests.Get(ctx, "old")
	wants(t, err, broker.ErrNotFound)
	_, err = s.Tests.ByRef(ctx, "acme", "op", old.Ref)
	wants(t, err, broker.ErrNotFound)
	must(t, s.Tests.Create(ctx, testLogin(s, "new"))) // and the old one goes
	if _, _, err := s.Tests.Open(ctx, "token-old", s.Now()); err == nil {
		t.Error("an expired test is still kept")
	}
	stranger := testLogin(s, "stranger")
	stranger.Realm = "other"
	if err := s.Tests.Create(ctx, stranger); err == nil {
		t.Error("a test of another realm's connection is kept")
	}
	must(t, s.Connections.Delete(ctx, "op"))
	Connection(t, s, "acme", "op")
	_, err = s.Tests.Get(ctx, "new")
	wants(t, err, broker.ErrNotFound)
}

func oneOpening(t *testing.T, run contest, s *store.Store) {
	Realm(t, s, "acme")
	Connection(t, s, "acme", "op")
	must(t, s.Tests.Create(context.Background(), testLogin(s, "a")))
	now := s.Now()
	exactlyOne(t, run(func(i int, s *store.Store) bool {
		_, used, err := s.Tests.Open(context.Background(), "token-a", now.Add(time.Duration(i)*time.Millisecond))
		if err != nil {
			t.Error(err)
		}
		return err == nil && !used
	}))
	exactlyOne(t, run(func(i int, s *store.Store) bool {
		first, err := s.Tests.Answer(context.Background(), "a", fmt.Appendf(nil, "report %d", i), true, now)
		if err != nil {
			t.Error(err)
		}
		return first
	}))
}
