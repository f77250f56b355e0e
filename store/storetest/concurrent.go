package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/store"
	"cloakroom/store/flow"
)

// crowd is how many try at once.
const crowd = 50

// RunConcurrent tests what may happen once, tried by fifty at a time over the two stores that openTwo opens on one
// empty, migrated database.
func RunConcurrent(t *testing.T, openTwo func(t *testing.T) (a, b *store.Store)) {
	for name, part := range map[string]func(*testing.T, func(func(int, *store.Store) bool) int, *store.Store){
		"one code": oneCode, "one login": oneLogin, "one mark": oneMark, "one mark of several": overlappingMarks, "one parked reply": oneParked,
		"one parking": oneParking, "one first key": oneFirstKey, "one user": oneUser, "one version": oneVersion, "one verified domain": oneDomain, "due once": dueOnce, "claimed once": claimedOnce, "warned once": warnedOnce, "one handover": oneHandover,
		"one rotation": oneRotation, "one opening": oneOpening,
		"one invitation": oneInvitation, "one person's invitation": onePersonsInvitation, "ten seats": tenSeats, "counted changes": countedChanges, "counted logins": countedLogins,
		"documents in turn": documentsInTurn,
	} {
		t.Run(name, func(t *testing.T) {
			a, b := openTwo(t)
			part(t, func(try func(int, *store.Store) bool) int { return rush(a, b, try) }, a)
		})
	}
}

// rush lets fifty goroutines loose at one moment, half of them on each store, and counts who succeeded.
func rush(a, b *store.Store, try func(i int, s *store.Store) bool) int {
	var won atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range crowd {
		s := []*store.Store{a, b}[i%2]
		wg.Go(func() {
			<-start
			if try(i, s) {
				won.Add(1)
			}
		})
	}
	close(start)
	wg.Wait()
	return int(won.Load())
}

type contest = func(func(int, *store.Store) bool) int

// verdict: nil is a win, the expected error a loss, anything else a failure of the test.
func verdict(t *testing.T, err, lost error) bool {
	if err != nil && !errors.Is(err, lost) {
		t.Errorf("neither won nor lost: %v", err)
	}
	return err == nil
}

func exactlyOne(t *testing.T, won int) {
	t.Helper()
	if won != 1 {
		t.Errorf("%d of %d succeeded, want 1", won, crowd)
	}
}

func oneCode(t *testing.T, run contest, s *store.Store) {
	must(t, s.Grants.Create(background(t), grant(s, "g", "x")))
	exactlyOne(t, run(func(_ int, s *store.Store) bool {
		g, first, err := s.Grants.Redeem(context.Background(), "acme", "code-g", s.Now())
		if err != nil || g.ID != "g" {
			t.Errorf("redeem: %v", err)
		}
		return first
	}))
}

func oneLogin(t *testing.T, run contest, _ *store.Store) {
	exactlyOne(t, run(func(i int, s *store.Store) bool {
		g := grant(s, fmt.Sprintf("g%d", i), "x")
		g.LoginID = "the-login"
		return verdict(t, s.Grants.Create(context.Background(), g), broker.ErrExists)
	}))
}

func oneMark(t *testing.T, run contest, _ *store.Store) {
	exactlyOne(t, run(func(_ int, s *store.Store) bool {
		ok, err := s.Marks.Take(context.Background(), "op", []flow.Mark{{ID: "assertion", Until: s.Now().Add(time.Hour)}})
		return verdict(t, err, nil) && ok
	}))
}

func overlappingMarks(t *testing.T, run contest, _ *store.Store) {
	exactlyOne(t, run(func(i int, s *store.Store) bool {
		until := s.Now().Add(time.Hour)
		m := []flow.Mark{{ID: "response", Until: until}, {ID: "assertion", Until: until}}
		if i%4 < 2 { // the other way round: a deadlock, where the database can have one
			m[0], m[1] = m[1], m[0]
		}
		ok, err := s.Marks.Take(context.Background(), "op", m)
		return verdict(t, err, nil) && ok
	}))
}

func oneParked(t *testing.T, run contest, s *store.Store) {
	must(t, s.Parked.Put(background(t), "k", []byte("reply"), s.Now().Add(time.Hour)))
	exactlyOne(t, run(func(_ int, s *store.Store) bool {
		v, err := s.Parked.Take(context.Background(), "k")
		return verdict(t, err, broker.ErrNotFound) && string(v) == "reply"
	}))
}

func oneParking(t *testing.T, run contest, _ *store.Store) {
	exactlyOne(t, run(func(i int, s *store.Store) bool {
		until := s.Now().Add(time.Hour)
		ok, err := s.Parked.Park(context.Background(), fmt.Sprintf("k%d", i), []byte("reply"), until, "op", []flow.Mark{{ID: "assertion", Until: until}})
		return verdict(t, err, nil) && ok
	}))
}

func oneFirstKey(t *testing.T, run contest, _ *store.Store) {
	exactlyOne(t, run(func(i int, s *store.Store) bool {
		id := fmt.Sprintf("k%d", i)
		k, err := s.Keys.CreateFirst(context.Background(), &broker.Key{ID: id, Owner: "realm:acme", Alg: "ES256", Private: []byte(id)})
		if err != nil || string(k.Private) != k.ID {
			t.Errorf("first key: %v", err)
			return false
		}
		return k.ID == id
	}))
}

func oneUser(t *testing.T, run contest, s *store.Store) {
	Realm(t, s, "acme")
	Connection(t, s, "acme", "op")
	exactlyOne(t, run(func(i int, s *store.Store) bool {
		id := fmt.Sprintf("u%d", i)
		err := s.Links.CreateUserWithLink(context.Background(), &broker.User{ID: id, Realm: "acme", Email: id + "@acme.example"}, &broker.Link{Connection: "op", Subject: "sub", Realm: "acme", UserID: id})
		return verdict(t, err, broker.ErrExists)
	}))
	list, _, err := s.Users.List(background(t), "acme", broker.Page{})
	if err != nil || len(list) != 1 {
		t.Errorf("%d users were left by %d tries, %v", len(list), crowd, err)
	}
}

func oneVersion(t *testing.T, run contest, s *store.Store) {
	r := Realm(t, s, "acme")
	exactlyOne(t, run(func(i int, s *store.Store) bool {
		mine := *r
		mine.DisplayName = fmt.Sprint(i)
		return verdict(t, s.Realms.Update(context.Background(), &mine), broker.ErrConflict)
	}))
}

func oneDomain(t *testing.T, run contest, s *store.Store) {
	for i := range crowd {
		Realm(t, s, fmt.Sprintf("r%d", i))
	}
	exactlyOne(t, run(func(i int, s *store.Store) bool {
		d := &broker.Domain{Domain: "acme.example", Realm: fmt.Sprintf("r%d", i), Verified: true}
		return verdict(t, s.Domains.Create(context.Background(), d), broker.ErrExists)
	}))
}

// oneRotation: of fifty that present one refresh token at once, one rotates it and one is forgiven; the third is a theft.
func oneRotation(t *testing.T, run contest, s *store.Store) {
	must(t, s.Grants.Create(background(t), grant(s, "g", "x")))
	var mu sync.Mutex
	got := map[flow.Outcome]int{}
	run(func(_ int, s *store.Store) bool {
		_, o, err := s.Grants.Rotate(context.Background(), "g", 1, s.Now(), time.Minute, s.Now().Add(time.Hour))
		if err != nil {
			t.Errorf("rotate: %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		got[o]++
		return true
	})
	if got[flow.Rotated] != 1 || got[flow.Repeated] != 1 || got[flow.Reused] != 1 || got[flow.Dead] != crowd-3 {
		t.Errorf("outcomes %v", got)
	}
}

// countedChanges: fifty changes at once are fifty changes to whoever watches the other store.
func countedChanges(t *testing.T, run contest, _ *store.Store) {
	var mu sync.Mutex
	heard := map[string]int{}
	ready := make(chan struct{}, 2)
	won := 0
	func() {
		var once sync.Map
		watch := func(s *store.Store) {
			go s.Watch(background(t), func(c broker.Change) {
				mu.Lock()
				defer mu.Unlock()
				if c.Kind == "*" {
					if _, seen := once.LoadOrStore(s, true); !seen {
						ready <- struct{}{}
					}
					return
				}
				heard[c.Key]++
			})
		}
		var stores sync.Map
		run(func(_ int, s *store.Store) bool { stores.Store(s, true); return true })
		stores.Range(func(s, _ any) bool { watch(s.(*store.Store)); return true })
		<-ready
		<-ready
		won = run(func(i int, s *store.Store) bool {
			return s.Realms.Create(context.Background(), &broker.Realm{Name: fmt.Sprintf("r%d", i)}) == nil
		})
	}()
	if won != crowd {
		t.Fatalf("%d of %d realms were made", won, crowd)
	}
	waitFor(t, "both stores hear of every change", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for i := range crowd {
			if heard[fmt.Sprintf("r%d", i)] < 2 {
				return false
			}
		}
		return true
	})
	mu.Lock()
	defer mu.Unlock()
	for k, n := range heard {
		if n != 2 {
			t.Errorf("%s was heard %d times by two stores", k, n)
		}
	}
}
