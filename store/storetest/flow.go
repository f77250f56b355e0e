package storetest

import (
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
	"cloakroom/store/flow"
)

func sessions(t *testing.T, s *store.Store) {
	ctx := background(t)
	v := filled[broker.Session](t)
	must(t, s.Sessions.Create(ctx, v))
	got, err := s.Sessions.Get(ctx, v.Realm, v.ID)
	must(t, err)
	same(t, got, v)
	got, err = s.Sessions.BySID(ctx, v.Realm, v.SID)
	must(t, err)
	same(t, got, v)
	_, err = s.Sessions.Get(ctx, "other", v.ID)
	wants(t, err, broker.ErrNotFound)
	_, err = s.Sessions.BySID(ctx, "other", v.SID)
	wants(t, err, broker.ErrNotFound)
	wants(t, s.Sessions.Create(ctx, v), broker.ErrExists)

	seen, idle := v.LastSeenAt.Add(time.Hour), v.IdleUntil.Add(time.Hour)
	must(t, s.Sessions.Touch(ctx, v.ID, seen, idle))
	must(t, s.Sessions.Touch(ctx, v.ID, seen.Add(-time.Minute), idle.Add(-time.Minute)))
	got, err = s.Sessions.Get(ctx, v.Realm, v.ID)
	must(t, err)
	if !got.LastSeenAt.Equal(seen) || !got.IdleUntil.Equal(idle) {
		t.Errorf("seen %v, idle %v after a late touch", got.LastSeenAt, got.IdleUntil)
	}
}

// live is a session that has not ended.
func live(s *store.Store, id, realm, user string) *broker.Session {
	now := s.Now()
	return &broker.Session{
		ID: id, SID: "sid-" + id, Realm: realm, HomeRealm: realm, UserID: user, Connection: "op", CreatedAt: now, LastSeenAt: now, AuthTime: now,
		ExpiresAt: now.Add(time.Hour), IdleUntil: now.Add(time.Hour), Upstream: broker.UpstreamSession{Subject: "sub-" + user, SessionIndex: "ix-" + id},
	}
}

// grant is a redeemable grant.
func grant(s *store.Store, id, session string) *broker.Grant {
	now := s.Now()
	return &broker.Grant{
		ID: id, LoginID: "login-" + id, Realm: "acme", HomeRealm: "acme", ClientID: "app", UserID: "u", SessionID: session, SID: "sid-" + session, Connection: "op",
		CodeHash: "code-" + id, CodeExpiresAt: now.Add(time.Minute), Secret: []byte("plain-secret-of-grant-" + id), Generation: 1, RotatedAt: now,
		ExpiresAt: now.Add(time.Hour), CreatedAt: now, Scopes: []string{"openid"},
	}
}

func sessionEnds(t *testing.T, s *store.Store) {
	ctx := background(t)
	for _, id := range []string{"a", "b", "c", "d"} {
		must(t, s.Sessions.Create(ctx, live(s, id, "acme", "u")))
		must(t, s.Grants.Create(ctx, grant(s, "g"+id, id)))
	}
	offline := grant(s, "offline", "a")
	offline.Scopes = []string{"openid", "offline_access"}
	must(t, s.Grants.Create(ctx, offline))
	other := live(s, "o", "acme", "v")
	other.Connection = "other-op"
	must(t, s.Sessions.Create(ctx, other))

	got, err := s.Sessions.Delete(ctx, "a")
	must(t, err)
	if len(got) != 2 {
		t.Errorf("%d grants are answered, want 2", len(got))
	}
	for _, g := range got {
		if g.ClientID != "app" || g.SID != "sid-a" || g.UserID != "u" || g.Offline() != (g.ID == "offline") {
			t.Errorf("answered %+v", g)
		}
	}
	if g, err := s.Grants.Get(ctx, "acme", "ga"); err != nil || g.RevokedAt.IsZero() {
		t.Errorf("the session's grant lives on: %v", err)
	}
	if g, err := s.Grants.Get(ctx, "acme", "offline"); err != nil || !g.RevokedAt.IsZero() {
		t.Errorf("the offline grant was revoked: %v", err)
	}
	if got, err := s.Sessions.Delete(ctx, "a"); err != nil || len(got) != 0 {
		t.Errorf("twice: %v, %v", got, err)
	}

	for _, wrong := range [][3]string{{"other-op", "sub-u", ""}, {"op", "sub-u", "ix-o"}, {"op", "", ""}, {"op", "nobody", ""}} {
		if _, n, err := s.Sessions.DeleteByUpstream(ctx, wrong[0], wrong[1], wrong[2]); n != 0 || err != nil {
			t.Errorf("%v ended %d sessions, %v", wrong, n, err)
		}
	}
	if got, n, err := s.Sessions.DeleteByUpstream(ctx, "op", "", "ix-b"); n != 1 || len(got) != 1 || err != nil {
		t.Errorf("by index: %d, %v, %v", n, got, err)
	}
	if got, n, err := s.Sessions.DeleteByUpstream(ctx, "op", "sub-u", ""); n != 2 || len(got) != 2 || err != nil {
		t.Errorf("by subject: %d, %v, %v", n, got, err)
	}
	if n, err := s.Sessions.End(ctx, flow.Scope{UserID: "v"}, nil); n != 1 || err != nil {
		t.Errorf("by user: %d, %v", n, err)
	}
	must(t, s.Sessions.Create(ctx, live(s, "e", "acme", "u")))
	if n, err := s.Sessions.End(ctx, flow.Scope{Connection: "op"}, nil); n != 1 || err != nil {
		t.Errorf("by connection: %d, %v", n, err)
	}
}

func grants(t *testing.T, s *store.Store) {
	ctx := background(t)
	g := filled[broker.Grant](t)
	g.Scopes = []string{"openid", "offline_access"}
	must(t, s.Grants.Create(ctx, g))
	got, err := s.Grants.Get(ctx, g.Realm, g.ID)
	must(t, err)
	same(t, got, g)
	_, err = s.Grants.Get(ctx, "other", g.ID)
	wants(t, err, broker.ErrNotFound)

	twice := grant(s, "twice", "x")
	twice.LoginID = g.LoginID
	wants(t, s.Grants.Create(ctx, twice), broker.ErrExists)
	for _, id := range []string{"m1", "m2"} { // client_credentials: no login, no code
		m := grant(s, id, "")
		m.LoginID, m.CodeHash, m.UserID, m.Generation = "", "", "", 0
		must(t, s.Grants.Create(ctx, m))
	}
	must(t, s.Grants.BeginRefresh(ctx, "m1", s.Now(), s.Now().Add(time.Hour)))
	must(t, s.Grants.BeginRefresh(ctx, "m1", s.Now(), s.Now().Add(2*time.Hour)))
	if m, err := s.Grants.Get(ctx, "acme", "m1"); err != nil || m.Generation != 1 {
		t.Errorf("generation %d, %v", m.Generation, err)
	}
	if n, err := s.Grants.RevokeByClient(ctx, "acme", "app"); n != 2 || err != nil {
		t.Errorf("revoked %d, %v", n, err)
	}
	if n, err := s.Grants.RevokeByUser(ctx, ""); n != 0 || err != nil {
		t.Errorf("nobody's grants: %d, %v", n, err)
	}
}

func redeem(t *testing.T, s *store.Store) {
	ctx := background(t)
	now := s.Now()
	must(t, s.Grants.Create(ctx, grant(s, "g", "x")))
	for _, c := range []struct {
		realm, hash string
		at          time.Time
	}{{"other", "code-g", now}, {"acme", "code-h", now}, {"acme", "", now}, {"acme", "code-g", now.Add(time.Hour)}} {
		_, _, err := s.Grants.Redeem(ctx, c.realm, c.hash, c.at)
		wants(t, err, broker.ErrNotFound)
	}
	g, first, err := s.Grants.Redeem(ctx, "acme", "code-g", now)
	must(t, err)
	if !first || g.ID != "g" || !g.RedeemedAt.Equal(now.Truncate(time.Microsecond)) || string(g.Secret) != "plain-secret-of-grant-g" {
		t.Errorf("first use: %v, %+v", first, g)
	}
	g, first, err = s.Grants.Redeem(ctx, "acme", "code-g", now.Add(time.Hour))
	if err != nil || first || g.ID != "g" {
		t.Errorf("second use, even late: first %v, %v", first, err)
	}
	must(t, s.Grants.Create(ctx, grant(s, "r", "x")))
	must(t, s.Grants.Revoke(ctx, "r"))
	_, _, err = s.Grants.Redeem(ctx, "acme", "code-r", now)
	wants(t, err, broker.ErrNotFound)
}

func rotate(t *testing.T, s *store.Store) {
	ctx := background(t)
	now := s.Now().Truncate(time.Microsecond)
	later := now.Add(24 * time.Hour)
	const grace = 30 * time.Second
	type step struct {
		presented int64
		after     time.Duration
		want      flow.Outcome
		gen       int64
	}
	for name, steps := range map[string][]step{
		"in order":         {{1, 0, flow.Rotated, 2}, {2, time.Minute, flow.Rotated, 3}, {3, 2 * time.Minute, flow.Rotated, 4}},
		"lost answer":      {{1, 0, flow.Rotated, 2}, {1, time.Second, flow.Repeated, 2}, {2, time.Minute, flow.Rotated, 3}},
		"each may be lost": {{1, 0, flow.Rotated, 2}, {1, time.Second, flow.Repeated, 2}, {2, time.Minute, flow.Rotated, 3}, {2, time.Minute + time.Second, flow.Repeated, 3}},
		"once only":        {{1, 0, flow.Rotated, 2}, {1, time.Second, flow.Repeated, 2}, {1, 2 * time.Second, flow.Reused, 2}, {2, 3 * time.Second, flow.Dead, 2}},
		"too late":         {{1, 0, flow.Rotated, 2}, {1, grace + time.Second, flow.Reused, 2}, {2, time.Minute, flow.Dead, 2}},
		"older":            {{1, 0, flow.Rotated, 2}, {2, time.Second, flow.Rotated, 3}, {1, 2 * time.Second, flow.Reused, 3}},
		"never given":      {{7, 0, flow.Reused, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, s.Grants.Create(ctx, grant(s, name, "x")))
			for i, st := range steps {
				g, got, err := s.Grants.Rotate(ctx, name, st.presented, now.Add(st.after), grace, later)
				must(t, err)
				if got != st.want || g.Generation != st.gen || string(g.Secret) != "plain-secret-of-grant-"+name {
					t.Errorf("step %d: %s, generation %d; want %s, %d", i, got, g.Generation, st.want, st.gen)
				}
				if g.RevokedAt.IsZero() != (st.want == flow.Rotated || st.want == flow.Repeated) {
					t.Errorf("step %d: revoked at %v after %s", i, g.RevokedAt, got)
				}
			}
		})
	}
	g, got, err := s.Grants.Rotate(ctx, "in order", 4, later, grace, later)
	if err != nil || got != flow.Dead {
		t.Errorf("expired: %v, %s, %v", g, got, err)
	}
	_, _, err = s.Grants.Rotate(ctx, "none", 1, now, grace, later)
	wants(t, err, broker.ErrNotFound)
}

func marks(t *testing.T, s *store.Store) {
	ctx := background(t)
	until := s.Now().Add(time.Hour)
	take := func(connection string, want bool, ids ...string) {
		t.Helper()
		var m []flow.Mark
		for _, id := range ids {
			m = append(m, flow.Mark{ID: id, Until: until})
		}
		if ok, err := s.Marks.Take(ctx, connection, m); ok != want || err != nil {
			t.Errorf("take %v of %s = %v, %v", ids, connection, ok, err)
		}
	}
	take("op", true, "a")
	take("op", false, "a")
	take("other", true, "a")
	take("op", false, "b", "a", "c")
	for _, id := range []string{"b", "c"} {
		if taken, err := s.Marks.Taken(ctx, "op", id); taken || err != nil {
			t.Errorf("%s was taken with a refused one: %v", id, err)
		}
	}
	take("op", true, "b", "c", "b")
	take("op", true)
	if taken, err := s.Marks.Taken(ctx, "op", "c"); !taken || err != nil {
		t.Errorf("taken = %v, %v", taken, err)
	}
}

func parked(t *testing.T, s *store.Store) {
	ctx := background(t)
	soon := s.Now().Add(2 * time.Minute)
	must(t, s.Parked.Put(ctx, "k", []byte("plain-secret-parked"), soon))
	wants(t, s.Parked.Put(ctx, "k", []byte("again"), soon), broker.ErrExists)
	for range 2 {
		if got, err := s.Parked.Get(ctx, "k"); err != nil || string(got) != "plain-secret-parked" {
			t.Errorf("get = %q, %v", got, err)
		}
	}
	got, err := s.Parked.Take(ctx, "k")
	if err != nil || string(got) != "plain-secret-parked" {
		t.Errorf("take = %q, %v", got, err)
	}
	_, err = s.Parked.Take(ctx, "k")
	wants(t, err, broker.ErrNotFound)
	_, err = s.Parked.Get(ctx, "k")
	wants(t, err, broker.ErrNotFound)
	must(t, s.Parked.Put(ctx, "old", []byte("x"), s.Now().Add(-time.Second)))
	_, err = s.Parked.Take(ctx, "old")
	wants(t, err, broker.ErrNotFound)

	m := []flow.Mark{{ID: "assertion", Until: soon}}
	if ok, err := s.Parked.Park(ctx, "p1", []byte("v"), soon, "op", m); !ok || err != nil {
		t.Errorf("park = %v, %v", ok, err)
	}
	if ok, err := s.Parked.Park(ctx, "p2", []byte("v"), soon, "op", m); ok || err != nil {
		t.Errorf("a replay was parked: %v, %v", ok, err)
	}
	_, err = s.Parked.Take(ctx, "p2")
	wants(t, err, broker.ErrNotFound)
	if ok, err := s.Parked.Park(ctx, "p1", []byte("v"), soon, "op", []flow.Mark{{ID: "second", Until: soon}}); ok || err != nil {
		t.Errorf("a taken key was parked: %v, %v", ok, err)
	}
	if taken, err := s.Marks.Taken(ctx, "op", "second"); taken || err != nil {
		t.Errorf("the mark of a refused parking is taken: %v", err)
	}
}

func sweep(t *testing.T, s *store.Store) {
	ctx := background(t)
	now := s.Now()
	var m []flow.Mark
	for i := range 60 {
		m = append(m, flow.Mark{ID: string(rune('A' + i)), Until: now.Add(-time.Hour)})
	}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} { // 600: more than a batch
		ok, err := s.Marks.Take(ctx, name, m)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	fresh := []flow.Mark{{ID: "fresh", Until: now.Add(time.Hour)}}
	if ok, err := s.Marks.Take(ctx, "op", fresh); !ok || err != nil {
		t.Fatal(ok, err)
	}
	dead := live(s, "dead", "acme", "u")
	dead.IdleUntil = now.Add(-time.Hour)
	must(t, s.Sessions.Create(ctx, dead))
	must(t, s.Sessions.Create(ctx, live(s, "alive", "acme", "u")))
	g := grant(s, "gone", "x")
	g.ExpiresAt = now.Add(-time.Hour)
	must(t, s.Grants.Create(ctx, g))
	must(t, s.Grants.Create(ctx, grant(s, "kept", "x")))
	must(t, s.Parked.Put(ctx, "k", []byte("x"), now.Add(-time.Hour)))

	n, err := s.Sweeper.Sweep(ctx, now)
	if err != nil || n != 603 {
		t.Errorf("swept %d, %v; want 600 marks, a session, a grant, a parked value", n, err)
	}
	if taken, err := s.Marks.Taken(ctx, "op", "fresh"); !taken || err != nil {
		t.Errorf("a mark that counts was swept: %v", err)
	}
	_, err = s.Sessions.Get(ctx, "acme", "alive")
	must(t, err)
	_, err = s.Grants.Get(ctx, "acme", "kept")
	must(t, err)
	_, err = s.Sessions.Get(ctx, "acme", "dead")
	wants(t, err, broker.ErrNotFound)
}
