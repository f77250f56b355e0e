package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/store"
)

func version(slug, source, status, digest string) *broker.Document {
	return &broker.Document{Connection: slug, Realm: "acme", Source: source, Status: status, Digest: digest, At: epoch, State: []byte("state " + digest)}
}

// documents: versions count up, one waits at a time, and what is trusted is the newest accepted of a source.
func documents(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "idp")
	d := filled[broker.Document](t)
	d.Connection, d.Realm, d.Status, d.Source = "idp", "acme", broker.DocumentAccepted, "https://idp.example/a"
	must(t, s.Documents.Add(ctx, d))
	got, err := s.Documents.Get(ctx, "idp", 1)
	must(t, err)
	same(t, got, d)
	got, err = s.Documents.Trusted(ctx, "idp", d.Source)
	must(t, err)
	same(t, got, d)
	_, err = s.Documents.Trusted(ctx, "idp", "https://idp.example/b")
	wants(t, err, broker.ErrNotFound)
	_, err = s.Documents.Pending(ctx, "idp")
	wants(t, err, broker.ErrNotFound)
	wants(t, s.Documents.Decide(ctx, d), broker.ErrConflict) // nothing waits to be decided

	d.State, d.Facts, d.Digest = []byte("another state"), []broker.DocumentFact{{Name: "n", Value: "v"}}, "another"
	must(t, s.Documents.Refresh(ctx, d))
	got, err = s.Documents.Get(ctx, "idp", 1)
	must(t, err)
	same(t, got, d)

	first, second := version("idp", d.Source, broker.DocumentPending, "x"), version("idp", d.Source, broker.DocumentPending, "y")
	must(t, s.Documents.Add(ctx, first))
	must(t, s.Documents.Add(ctx, second))
	if n, err := s.Documents.Waiting(ctx, []string{"idp", "gone"}); err != nil || n["idp"] < 1 || n["gone"] != 0 {
		t.Errorf("%v wait, %v", n, err)
	}
	waits, err := s.Documents.Pending(ctx, "idp")
	must(t, err)
	same(t, waits, second)
	wants(t, s.Documents.Decide(ctx, first), broker.ErrConflict) // superseded
	wants(t, s.Documents.Refresh(ctx, second), broker.ErrNotFound)
	second.Status, second.DecidedBy = broker.DocumentDismissed, "operator:eva"
	must(t, s.Documents.Decide(ctx, second))
	if was, err := s.Documents.Dismissed(ctx, "idp", d.Source, "y"); err != nil || !was {
		t.Errorf("dismissed: %v %v", was, err)
	}
	if was, err := s.Documents.Dismissed(ctx, "idp", d.Source, "x"); err != nil || was {
		t.Errorf("not dismissed: %v %v", was, err)
	}
	list, err := s.Documents.List(ctx, "idp")
	must(t, err)
	if len(list) != 3 || list[0].N != 3 || list[0].Status != broker.DocumentDismissed || list[1].Status != broker.DocumentSuperseded || list[0].State != nil {
		t.Errorf("list: %+v", list)
	}
}

// documentsBounded: old versions go, what is trusted stays, and nothing huge is kept.
func documentsBounded(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "idp")
	must(t, s.Documents.Add(ctx, version("idp", "a", broker.DocumentAccepted, "trusted")))
	for i := range 30 {
		must(t, s.Documents.Add(ctx, version("idp", "a", broker.DocumentPending, fmt.Sprint(i))))
	}
	list, err := s.Documents.List(ctx, "idp")
	must(t, err)
	if len(list) != 21 {
		t.Errorf("%d versions are kept", len(list))
	}
	if d, err := s.Documents.Trusted(ctx, "idp", "a"); err != nil || d.Digest != "trusted" {
		t.Errorf("%v %v", d, err)
	}
	noise := make([]byte, 2<<20)
	for i := range noise {
		noise[i] = byte(rand.IntN(256))
	}
	huge := version("idp", "a", broker.DocumentAccepted, "huge")
	huge.State = noise
	wants(t, s.Documents.Add(ctx, huge), fault.New(fault.TooLarge, ""))
	must(t, s.Connections.Delete(ctx, "idp"))
	if list, err = s.Documents.List(ctx, "idp"); err != nil || len(list) != 0 {
		t.Errorf("a connection's documents outlive it: %v %v", list, err)
	}
}

// documentWatches: every connection is watched, a due one is given out once, and how it went is kept.
func documentWatches(t *testing.T, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "one")
	Connection(t, s, "acme", "two")
	_, err := s.Documents.Watch(ctx, "one")
	wants(t, err, broker.ErrNotFound)
	now := s.Now()
	times := []time.Time{now.Add(-time.Hour), now.Add(time.Hour)}
	n, err := s.Documents.Enrol(ctx, 10, func() time.Time { at := times[0]; times = times[1:]; return at })
	must(t, err)
	if n != 2 {
		t.Fatalf("%d enrolled", n)
	}
	if n, err := s.Documents.Enrol(ctx, 10, s.Now); n != 0 || err != nil {
		t.Errorf("twice: %d %v", n, err)
	}
	lease := now.Add(time.Minute)
	due, err := s.Documents.Due(ctx, 10, lease)
	must(t, err)
	if len(due) != 1 || !due[0].CheckAt.Equal(lease) {
		t.Fatalf("due: %+v", due)
	}
	if again, err := s.Documents.Due(ctx, 10, lease); err != nil || len(again) != 0 {
		t.Errorf("given out twice: %v %v", again, err)
	}
	w := filled[broker.DocumentWatch](t)
	w.Connection, w.Realm = due[0].Connection, "acme"
	must(t, s.Documents.Checked(ctx, w))
	got, err := s.Documents.Watch(ctx, w.Connection)
	must(t, err)
	same(t, got, w)
	w.Realm = "other"
	wants(t, s.Documents.Checked(ctx, w), broker.ErrNotFound)
}

// documentsInTurn: of fifty that add what they read under the lock, each sees the one before.
func documentsInTurn(t *testing.T, run contest, s *store.Store) {
	ctx := background(t)
	Realm(t, s, "acme")
	Connection(t, s, "acme", "idp")
	won := run(func(i int, s *store.Store) bool {
		err := s.Tx(context.Background(), func(ctx context.Context) error {
			if err := s.Documents.Lock(ctx, "acme", "idp"); err != nil {
				return err
			}
			_, err := s.Documents.Trusted(ctx, "idp", "a")
			if err == nil {
				return broker.ErrExists
			}
			if !errors.Is(err, broker.ErrNotFound) {
				return err
			}
			return s.Documents.Add(ctx, version("idp", "a", broker.DocumentAccepted, fmt.Sprint(i)))
		})
		return verdict(t, err, broker.ErrExists)
	})
	exactlyOne(t, won)
	if list, err := s.Documents.List(ctx, "idp"); err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
}
