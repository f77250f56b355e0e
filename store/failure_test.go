package store_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store"
	"cloakroom/store/flow"
	"cloakroom/store/seal"
	"cloakroom/store/storetest"
	"cloakroom/store/storetest/pgtest"
)

var unavailable = fault.New(fault.Unavailable, "")

// newGrant is a grant with a refresh token of generation 1.
func newGrant(id string) *broker.Grant {
	now := time.Now()
	return &broker.Grant{
		ID: id, LoginID: "login-" + id, Realm: "acme", ClientID: "app", UserID: "u", CodeHash: "code-" + id, CodeExpiresAt: now.Add(time.Hour),
		Secret: []byte("secret-" + id), Generation: 1, ExpiresAt: now.Add(time.Hour), CreatedAt: now,
	}
}

// TestKilledWriter kills a process that writes to SQLite at full speed, and opens the file again: it is whole, and every
// grant whose creation had been answered is there and can be redeemed and refreshed.
func TestKilledWriter(t *testing.T) {
	if url := os.Getenv("STORE_TEST_WRITER"); url != "" {
		writeForever(t, url)
		return
	}
	url := storetest.SQLiteURL(t)
	storetest.Open(t, url).Close()
	for round := range 3 {
		answered := killWriter(t, url, round)
		s := storetest.Open(t, url)
		if got := integrity(t, url); got != "ok" {
			t.Fatalf("round %d: integrity check: %s", round, got)
		}
		for _, id := range answered {
			if _, first, err := s.Grants.Redeem(t.Context(), "acme", "code-"+id, time.Now()); !first || err != nil {
				t.Fatalf("round %d: %s was answered and is lost: first %v, %v", round, id, first, err)
			}
			if _, o, err := s.Grants.Rotate(t.Context(), id, 1, time.Now(), time.Minute, time.Now().Add(time.Hour)); o != flow.Rotated || err != nil {
				t.Fatalf("round %d: refresh of %s: %s, %v", round, id, o, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func killWriter(t *testing.T, url string, round int) (answered []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
	cmd.Env = append(os.Environ(), "STORE_TEST_WRITER="+url, fmt.Sprintf("STORE_TEST_ROUND=%d", round))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "stored "); ok {
			answered = append(answered, id)
		}
		if len(answered) == 300 {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait()
	if len(answered) < 300 {
		t.Fatalf("the writer stored %d grants before it was killed", len(answered))
	}
	return answered
}

func writeForever(t *testing.T, url string) {
	s := storetest.Open(t, url)
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("r%s-%d-%d", os.Getenv("STORE_TEST_ROUND"), w, i)
				if err := s.Grants.Create(context.Background(), newGrant(id)); err != nil {
					fmt.Println("failed", err)
					return
				}
				fmt.Println("stored " + id)
			}
		})
	}
	wg.Wait()
}

func integrity(t *testing.T, url string) (answer string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(url, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestPostgresRestart: a server that crashes, is restarted, and has its connections terminated costs what is under way a
// wait and nothing else: no error, nothing done twice, nothing lost.
func TestPostgresRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	c := pgtest.Own(t)
	url := c.URL(t)
	s := storetest.Open(t, url)
	storetest.Realm(t, s, "acme")
	storetest.Connection(t, s, "acme", "op")

	var count atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := oneLogin(s, fmt.Sprintf("%d-%d", w, i)); err != nil {
					t.Errorf("a login failed: %v", err)
					return
				}
				count.Add(1)
			}
		})
	}
	disturb := func(what string, f func()) {
		before := count.Load()
		f()
		time.Sleep(700 * time.Millisecond)
		if count.Load() == before {
			time.Sleep(3 * time.Second)
		}
		if count.Load() == before {
			t.Errorf("after %s no login succeeded", what)
		}
	}
	for range 5 {
		disturb("terminated connections", func() { pgtest.Terminate(t, url) })
	}
	disturb("a restart", func() { c.Restart(t, "fast") })
	disturb("a crash", func() { c.Restart(t, "immediate") })
	disturb("an outage", func() { c.Stop(t, "fast"); time.Sleep(time.Second); c.Launch(t) })
	close(stop)
	wg.Wait()
	t.Logf("%d logins", count.Load())
}

// oneLogin is what a first sign-in asks of the store; each step must come out as if nothing had happened.
func oneLogin(s *store.Store, id string) error {
	ctx, until := context.Background(), time.Now().Add(time.Hour)
	if ok, err := s.Parked.Park(ctx, id, []byte("answer"), until, "op", []flow.Mark{{ID: id, Until: until}}); !ok || err != nil {
		return fmt.Errorf("park: %v, %w", ok, err)
	}
	if v, err := s.Parked.Take(ctx, id); err != nil || string(v) != "answer" {
		return fmt.Errorf("take: %q, %w", v, err)
	}
	if ok, err := s.Marks.Take(ctx, "jti", []flow.Mark{{ID: id, Until: until}, {ID: id + "b", Until: until}}); !ok || err != nil {
		return fmt.Errorf("mark: %v, %w", ok, err)
	}
	user, link := &broker.User{ID: "u" + id, Realm: "acme", Email: id + "@acme.example"}, &broker.Link{Connection: "op", Subject: id, Realm: "acme", UserID: "u" + id}
	if err := s.Links.CreateUserWithLink(ctx, user, link); err != nil {
		return fmt.Errorf("user: %w", err)
	}
	if _, _, err := s.Links.Find(ctx, "op", id); err != nil {
		return fmt.Errorf("find: %w", err)
	}
	session := &broker.Session{ID: "s" + id, SID: "sid" + id, Realm: "acme", UserID: user.ID, ExpiresAt: until, IdleUntil: until}
	if err := s.Sessions.Create(ctx, session); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	if err := s.Grants.Create(ctx, newGrant("g"+id)); err != nil {
		return fmt.Errorf("grant: %w", err)
	}
	if _, first, err := s.Grants.Redeem(ctx, "acme", "code-g"+id, time.Now()); !first || err != nil {
		return fmt.Errorf("redeem: first %v, %w", first, err)
	}
	if g, o, err := s.Grants.Rotate(ctx, "g"+id, 1, time.Now(), time.Minute, until); err != nil || o != flow.Rotated || g.Generation != 2 {
		return fmt.Errorf("rotate: %s, %w", o, err)
	}
	return nil
}

// TestPostgresAway: a database that does not come back costs a bounded wait and answers unavailable.
func TestPostgresAway(t *testing.T) {
	c := pgtest.Own(t)
	s := storetest.Open(t, c.URL(t))
	c.Stop(t, "immediate")
	defer c.Launch(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := s.Sessions.Get(ctx, "acme", "x")
	if !errors.Is(err, unavailable) || time.Since(began) > 9*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

func TestWatchAcrossStores(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLiteURL, "postgres": pgtest.Start} {
		t.Run(name, func(t *testing.T) {
			at := url(t)
			a, b := storetest.Open(t, at), storetest.Open(t, at)
			changes := make(chan broker.Change, 100)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { defer close(ended); b.Watch(ctx, func(c broker.Change) { changes <- c }) }()
			expect(t, changes, broker.Change{Kind: "*"}, 5*time.Second)
			time.Sleep(200 * time.Millisecond) // let LISTEN begin

			storetest.Realm(t, a, "acme")
			wait := 5 * time.Second
			if name == "postgres" {
				wait = 1500 * time.Millisecond // sooner than the next poll could be counted on
			}
			expect(t, changes, broker.Change{Kind: "realm", Realm: "acme", Key: "acme"}, wait)
			storetest.Connection(t, b, "acme", "op") // its own, before the call returns
			expect(t, changes, broker.Change{Kind: "connection", Realm: "acme", Key: "op"}, time.Millisecond)
			_ = a.Tx(ctx, func(ctx context.Context) error {
				storetest.Must(t, a.Realms.Create(ctx, &broker.Realm{Name: "undone"}))
				return errors.New("no")
			})
			_, err := a.Keys.CreateFirst(ctx, &broker.Key{ID: "k", Owner: "realm:acme", Alg: "ES256", Private: []byte("x")})
			storetest.Must(t, err)
			expect(t, changes, broker.Change{Kind: "key", Realm: "acme", Key: "realm:acme"}, 5*time.Second)
			if name == "postgres" {
				pgtest.Terminate(t, at)
				expect(t, changes, broker.Change{Kind: "*"}, 10*time.Second)
			}
			cancel()
			<-ended
		})
	}
}

func expect(t *testing.T, changes <-chan broker.Change, want broker.Change, within time.Duration) {
	t.Helper()
	select {
	case got := <-changes:
		if got != want {
			t.Fatalf("change %+v, want %+v", got, want)
		}
	case <-time.After(within):
		t.Fatalf("no change within %v, want %+v", within, want)
	}
}

func TestTwoMigrators(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": storetest.SQLiteURL, "postgres": pgtest.Start} {
		t.Run(name, func(t *testing.T) {
			at := url(t)
			var stores []*store.Store
			for range 4 {
				s := storetest.OpenRaw(t, at)
				if err := s.Ready(t.Context()); err == nil {
					t.Error("a store without its schema is ready")
				}
				stores = append(stores, s)
			}
			var wg sync.WaitGroup
			for _, s := range stores {
				wg.Go(func() {
					if err := s.Migrate(t.Context()); err != nil {
						t.Error(err)
					}
					if n, err := s.Pending(t.Context()); n != 0 || err != nil {
						t.Errorf("pending %d, %v", n, err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// TestNothingPlain looks for the secrets in the database's files, before and after the log is folded in.
func TestNothingPlain(t *testing.T) {
	url := storetest.SQLiteURL(t)
	s := storetest.Open(t, url)
	secrets := storetest.Secrets(t, s)
	path := strings.TrimPrefix(url, "sqlite:")
	for _, when := range []string{"open", "closed"} {
		files, err := filepath.Glob(path + "*")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			storetest.Must(t, err)
			if info, _ := os.Stat(f); info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", f, info.Mode())
			}
			for _, secret := range secrets {
				if bytes.Contains(b, secret) {
					t.Errorf("%s, %s: holds %q", filepath.Base(f), when, secret)
				}
			}
		}
		storetest.Must(t, s.Close())
	}
	if b, err := os.ReadFile(path); err != nil || !bytes.Contains(b, []byte("find-me-in-the-file")) {
		t.Errorf("the search finds nothing at all: %v", err)
	}
}

// TestWrongMasterKey: a database is not opened with keys that cannot read it.
func TestWrongMasterKey(t *testing.T) {
	url := storetest.SQLiteURL(t)
	storetest.Open(t, url)
	other, err := seal.New([][]byte{bytes.Repeat([]byte{9}, seal.KeySize)})
	storetest.Must(t, err)
	if _, err := store.Open(t.Context(), store.Options{URL: url, Sealer: other, Now: time.Now}); err == nil || !strings.Contains(err.Error(), "master key") {
		t.Errorf("opened with another master key: %v", err)
	}
}

// TestPanicInTx: a panic in a transaction undoes it, reaches its caller and leaves the writer at work.
func TestPanicInTx(t *testing.T) {
	s := storetest.SQLite(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not reach the caller")
			}
		}()
		_ = s.Tx(t.Context(), func(ctx context.Context) error {
			storetest.Must(t, s.Realms.Create(ctx, &broker.Realm{Name: "half"}))
			panic("boom")
		})
	}()
	if _, err := s.Realms.Get(t.Context(), "half"); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("half a transaction was committed: %v", err)
	}
	storetest.Realm(t, s, "whole")
}

// TestReadersPassTheWriter: a transaction that takes its time holds up no reader.
func TestReadersPassTheWriter(t *testing.T) {
	s := storetest.SQLite(t)
	storetest.Realm(t, s, "acme")
	err := s.Tx(t.Context(), func(ctx context.Context) error {
		storetest.Must(t, s.Realms.Create(ctx, &broker.Realm{Name: "new"}))
		began := time.Now()
		outside, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if _, err := s.Realms.Get(outside, "acme"); err != nil {
			t.Errorf("a reader failed after %v: %v", time.Since(began), err)
		}
		if _, err := s.Realms.Get(outside, "new"); !errors.Is(err, broker.ErrNotFound) {
			t.Errorf("a reader sees what is not committed: %v", err)
		}
		waiting, cancel2 := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel2()
		if err := s.Realms.Create(waiting, &broker.Realm{Name: "queued"}); !errors.Is(err, unavailable) {
			t.Errorf("a writer that gave up waiting: %v", err)
		}
		return nil
	})
	storetest.Must(t, err)
	if _, err := s.Realms.Get(t.Context(), "queued"); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("what was given up was written: %v", err)
	}
}
