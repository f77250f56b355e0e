package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/login"
	"cloakroom/config"
	"cloakroom/store/storetest"
)

// Every letter that the engines ask for ends in the outbox, readable, in the language and name of the realm.
func TestPost(t *testing.T) {
	ctx, s := context.Background(), storetest.SQLite(t)
	mails, err := newMailer(&config.Config{BaseURL: "https://sso.example"}, slog.New(slog.DiscardHandler), s)
	if err != nil {
		t.Fatal(err)
	}
	p := &post{mails: mails, base: "https://sso.example"}
	if p.Configured() {
		t.Error("a mail server out of nothing")
	}
	r := &broker.Realm{Name: "acme", DisplayName: "Acme Logistics", Locales: []string{"de"}, Contacts: []string{"it@acme.example", "boss@acme.example"}, SeatLimit: 5}
	r.Defaults()
	if err := s.Realms.Create(ctx, r); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour)
	u := &broker.User{Name: "Ann", Email: "ann@acme.example", Locale: "fr"}
	for name, c := range map[string]struct {
		send   func() error
		to     []string
		says   []string
		secret bool
	}{
		"invitation": {func() error {
			return p.Invitation(ctx, admin.InvitationLetter{Realm: r, Invite: &broker.Invite{Email: "ben@acme.example", Note: "Bis Montag", InvitedBy: "Eva", ExpiresAt: until}, App: "Parcels", URL: "https://sso.example/invite/x"})
		}, []string{"ben@acme.example"}, []string{"Parcels", "https://sso.example/invite/x", "Bis Montag", "Eva", "Acme Logistics"}, false},
		"approval_granted": {func() error { return p.ApprovalGranted(ctx, r, u, "Parcels", "https://app.example/") }, []string{"ann@acme.example"}, []string{"https://app.example/"}, false},
		"approval_requested": {func() error { return p.ApprovalRequested(ctx, r, "Parcels", u) }, r.Contacts,
			[]string{"Ann", "ann@acme.example", "https://sso.example/admin/realms/acme/people?status=pending"}, false},
		"seat_limit": {func() error { return p.SeatLimitReached(ctx, r, u, 3) }, r.Contacts, []string{"Ann", "?status=held"}, false},
		"confirm_link": {func() error {
			return p.ConfirmLink(ctx, login.Confirmation{Realm: r, To: "ann@acme.example", Locales: []string{"pl", "de"}, Reference: "7KQ2-MX9D", App: "Parcels", Via: "Okta", Code: "123456", Minutes: 10, ExpiresAt: until})
		}, []string{"ann@acme.example"}, []string{"123456", "Okta", "7KQ2-MX9D"}, true},
	} {
		if err := c.send(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		list, _, err := s.Outbox.List(ctx, "acme", broker.Page{Limit: 200})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]*broker.Mail{}
		for _, m := range list {
			if m.Kind == name {
				got[m.To] = m
			}
		}
		if len(got) != len(c.to) {
			t.Errorf("%s: %d mails, want %d", name, len(got), len(c.to))
		}
		for _, to := range c.to {
			m := got[to]
			if m == nil || m.Status != broker.MailCopy || m.Secret != c.secret || m.Locale != "de" {
				t.Errorf("%s to %s: %+v", name, to, m)
				continue
			}
			if c.secret {
				continue // operators do not read it
			}
			full, err := s.Outbox.Reveal(ctx, "acme", m.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.says {
				if !strings.Contains(full.Text, want) {
					t.Errorf("%s lacks %q:\n%s", name, want, full.Text)
				}
			}
		}
	}
}
