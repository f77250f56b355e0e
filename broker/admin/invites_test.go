package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

var (
	helpdesk = admin.Actor{Name: "operator:sam@broker.example", Role: admin.Support, Realms: []string{"acme"}}
	auditor  = admin.Actor{Name: "apikey:audit", Role: admin.Auditor}
)

// letterbox is what was mailed.
type letterbox struct {
	invitations []admin.InvitationLetter
	granted     []string
	full        bool
}

func (l *letterbox) Invitation(_ context.Context, one admin.InvitationLetter) error {
	if l.full {
		return fault.New(fault.RateLimited, "too many")
	}
	l.invitations = append(l.invitations, one)
	return nil
}

func (l *letterbox) ApprovalGranted(_ context.Context, _ *broker.Realm, u *broker.User, app, url string) error {
	l.granted = append(l.granted, u.Email+" "+app+" "+url)
	return nil
}

// inviting is a house with the realm acme, whose application is app, and the connection idp.
func inviting(t testing.TB) (*house, *letterbox) {
	t.Helper()
	h, box := newHouse(t), &letterbox{}
	h.Invites, h.Seats, h.Letters, h.ByEmail, h.Linked = h.store.Invites, h.store.Seats, box, h.store.Users.ByEmail, h.store.Links.Connections
	h.realm(t, "acme", "other", "hub")
	h.connection(t, "acme", "idp")
	h.connection(t, "other", "other-idp")
	for _, realm := range []string{"acme", "hub"} {
		_, _, err := h.CreateClient(ctx, owner, realm, []byte(`{"client_id":"app","display_name":"Parcels","client_uri":"https://app.example/","redirect_uris":["https://app.example/cb"]}`))
		must(t, err)
	}
	_, err := h.UpdateRealm(ctx, owner, "acme", nil, []byte(`{"default_client_id":"app"}`))
	must(t, err)
	_, err = h.UpdateRealm(ctx, owner, "hub", nil, []byte(`{"hub":true}`))
	must(t, err)
	return h, box
}

func (h *house) person(t testing.TB, email string, change func(*broker.User)) *broker.User {
	t.Helper()
	u := &broker.User{ID: broker.RandomToken(9), Realm: "acme", Email: email}
	if change != nil {
		change(u)
	}
	must(t, h.store.Users.Create(ctx, u))
	return u
}

func tokenOf(t *testing.T, url string) string {
	t.Helper()
	token, ok := strings.CutPrefix(url, "https://sso.example/invite/")
	if !ok || len(token) != 43 {
		t.Fatalf("the link is %q", url)
	}
	return token
}

func TestInvite(t *testing.T) {
	h, box := inviting(t)
	i, err := h.CreateInvite(ctx, helpdesk, "acme", []byte(`{"email":" Ann@ACME.example","connection":"idp","groups":["b","a","b"],"locale":"fr","note":"See you on Monday"}`))
	must(t, err)
	token := tokenOf(t, i.URL)
	if i.Email != "ann@acme.example" || i.State != broker.InviteLive || i.MaxUses != 1 || !slices.Equal(i.Groups, []string{"a", "b"}) || i.InvitedBy != "sam@broker.example" || !i.ExpiresAt.Equal(h.now.Add(14*24*time.Hour)) || i.SentAt.IsZero() {
		t.Errorf("made %+v", i)
	}
	if len(box.invitations) != 1 || box.invitations[0].URL != i.URL || box.invitations[0].App != "Parcels" || box.invitations[0].Invite.Note != "See you on Monday" {
		t.Errorf("mailed %+v", box.invitations)
	}
	stored, err := h.store.Invites.ByToken(ctx, broker.HashToken(token))
	if err != nil || stored.ID != i.ID {
		t.Errorf("the link leads to %v, %v", stored, err)
	}
	again, err := h.GetInvite(ctx, auditor, "acme", i.ID)
	must(t, err)
	b, _ := json.Marshal(again)
	for _, e := range h.events(t) {
		b = append(append(b, e.Before...), e.After...)
	}
	if again.URL != "" || strings.Contains(string(b), token) || strings.Contains(string(b), stored.TokenHash) {
		t.Errorf("the link can be read again: %s", b)
	}
	if e := h.lineOf(t, "invite.created"); e.Actor != helpdesk.Name || e.Subject != "invite:"+i.ID {
		t.Errorf("line %+v", e)
	}
	_, err = h.CreateInvite(ctx, helpdesk, "acme", []byte(`{"email":"ann@acme.example"}`))
	wantPointers(t, err, "/email")

	open, err := h.CreateInvite(ctx, owner, "acme", []byte(`{"max_uses":25,"excluded":true,"expires_in":"24h","client_realm":"hub","client_id":"app"}`))
	must(t, err)
	if len(box.invitations) != 1 || !open.SentAt.IsZero() || open.InvitedBy != "" || !open.Excluded {
		t.Errorf("an open invitation: %+v, %d mails", open, len(box.invitations))
	}
	quiet, err := h.CreateInvite(ctx, owner, "acme", []byte(`{"email":"ben@acme.example","send":false}`))
	if err != nil || len(box.invitations) != 1 || quiet.URL == "" || !quiet.SentAt.IsZero() {
		t.Errorf("by link: %+v, %v", quiet, err)
	}
	box.full = true
	_, err = h.CreateInvite(ctx, owner, "acme", []byte(`{"email":"cid@acme.example"}`))
	wantCode(t, err, fault.RateLimited)
	list, err := h.ListInvites(ctx, auditor, "acme", "", broker.Page{Query: "cid"})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("an invitation that could not be mailed was kept: %v, %v", list.Items, err)
	}
}

func TestInviteFields(t *testing.T) {
	h, _ := inviting(t)
	h.person(t, "here@acme.example", nil)
	h.person(t, "waits@acme.example", func(u *broker.User) { u.Status = broker.StatusPending })
	_, err := h.UpdateConnection(ctx, owner, "acme", "idp", nil, []byte(`{"provisioning":"existing"}`))
	must(t, err)
	_, _, err = h.CreateClient(ctx, owner, "hub", []byte(`{"client_id":"pinned","pinned_realm":"other","redirect_uris":["https://app.example/cb"]}`))
	must(t, err)
	long := strings.Repeat("x", 300)
	for body, want := range map[string][]string{
		`{}`:                                                                            {"/max_uses"},
		`{"email":"not one"}`:                                                           {"/email"},
		`{"email":"a@b.example","max_uses":2}`:                                          {"/max_uses"},
		`{"max_uses":10001}`:                                                            {"/max_uses"},
		`{"max_uses":-1,"send":true}`:                                                   {"/max_uses", "/send"},
		`{"email":"here@acme.example"}`:                                                 {"/email"},
		`{"email":"a@b.example","connection":"none"}`:                                   {"/connection"},
		`{"email":"a@b.example","connection":"other-idp"}`:                              {"/connection"},
		`{"email":"a@b.example","connection":"idp"}`:                                    {"/connection"},
		`{"email":"a@b.example","client_id":"none"}`:                                    {"/client_id"},
		`{"email":"a@b.example","client_realm":"other"}`:                                {"/client_realm"},
		`{"email":"a@b.example","client_realm":"hub"}`:                                  {"/client_id"},
		`{"email":"a@b.example","client_realm":"hub","client_id":"pinned"}`:             {"/client_id"},
		`{"email":"a@b.example","expires_in":"2161h"}`:                                  {"/expires_at"},
		`{"email":"a@b.example","expires_in":"-1h"}`:                                    {"/expires_in"},
		`{"email":"a@b.example","expires_in":"999999h"}`:                                {"/expires_at"},
		`{"email":"a@b.example","expires_at":"2026-11-20T00:00:00Z"}`:                   {"/expires_at"},
		`{"email":"a@b.example","expires_at":"2026-11-22T00:00:00Z","expires_in":"1h"}`: {"/expires_in"},
		`{"email":"a@b.example","locale":"tlh"}`:                                        {"/locale"},
		`{"email":"a@b.example","groups":["` + long + `"," "]}`:                         {"/groups", "/groups"},
		`{"email":"a@b.example","note":"` + long + `"}`:                                 {"/note"},
		`{"email":"a@b.example","invited_by":"a\u0000b"}`:                               {"/invited_by"},
		`{"email":"a@b.example","uses":1}`:                                              {"/uses"},
		`{"email":"a@b.example","max_uses":"one"}`:                                      {"/max_uses"},
	} {
		_, err := h.CreateInvite(ctx, owner, "acme", []byte(body))
		if got := pointers(err); !slices.Equal(got, want) {
			t.Errorf("%.80s: %v, want %v (%v)", body, got, want, err)
		}
	}
	_, err = h.CreateInvite(ctx, owner, "acme", []byte(`{"email":"waits@acme.example"}`))
	must(t, err)
	_, err = h.CreateInvite(ctx, owner, "other", []byte(`{"email":"a@b.example"}`))
	wantPointers(t, err, "/client_id") // a realm without an application to land in
}

func TestInviteRoles(t *testing.T) {
	h, _ := inviting(t)
	i, err := h.CreateInvite(ctx, helpdesk, "acme", []byte(`{"email":"ann@acme.example"}`))
	must(t, err)
	_, err = h.CreateInvite(ctx, helpdesk, "acme", []byte(`{"email":"ben@acme.example","excluded":true}`))
	wantCode(t, err, fault.Forbidden)
	_, err = h.UpdateInvite(ctx, helpdesk, "acme", i.ID, nil, []byte(`{"excluded":true}`))
	wantCode(t, err, fault.Forbidden)
	stranger := admin.Actor{Name: "apikey:x", Role: admin.Owner, Realms: []string{"other"}}
	for _, c := range []struct {
		who  admin.Actor
		code fault.Code
	}{{auditor, fault.Forbidden}, {stranger, fault.NotFound}} {
		for name, err := range map[string]error{
			"create": errOf(h.CreateInvite(ctx, c.who, "acme", []byte(`{"max_uses":1}`))),
			"bulk":   errOf(h.CreateInvites(ctx, c.who, "acme", []byte("email\nx@acme.example\n"), false)),
			"update": errOf(h.UpdateInvite(ctx, c.who, "acme", i.ID, nil, []byte(`{"note":"x"}`))),
			"resend": errOf(h.ResendInvite(ctx, c.who, "acme", i.ID, nil)),
			"revoke": errOf(h.RevokeInvite(ctx, c.who, "acme", i.ID)),
			"delete": h.DeleteInvite(ctx, c.who, "acme", i.ID, nil),
		} {
			if fault.CodeOf(err) != c.code {
				t.Errorf("%s by %s: %v", name, c.who.Name, err)
			}
		}
	}
	_, err = h.GetInvite(ctx, stranger, "acme", i.ID)
	wantCode(t, err, fault.NotFound)
	_, err = h.GetInvite(ctx, stranger, "other", i.ID) // another realm's invitation in one's own
	wantCode(t, err, fault.NotFound)
}

func errOf[T any](_ T, err error) error { return err }

func TestInviteLife(t *testing.T) {
	h, box := inviting(t)
	i, err := h.CreateInvite(ctx, helpdesk, "acme", []byte(`{"email":"ann@acme.example"}`))
	must(t, err)
	h.now = h.now.Add(15 * 24 * time.Hour)
	again, err := h.GetInvite(ctx, helpdesk, "acme", i.ID)
	if err != nil || again.State != broker.InviteExpired {
		t.Fatalf("%v, %v", again, err)
	}
	sent, err := h.ResendInvite(ctx, helpdesk, "acme", i.ID, nil)
	must(t, err)
	if sent.State != broker.InviteLive || sent.URL == i.URL || len(box.invitations) != 2 || box.invitations[1].URL != sent.URL {
		t.Errorf("sent again: %+v", sent)
	}
	_, err = h.store.Invites.ByToken(ctx, broker.HashToken(tokenOf(t, i.URL)))
	wantCode(t, err, fault.NotFound) // the old link
	_, err = h.store.Invites.ByToken(ctx, broker.HashToken(tokenOf(t, sent.URL)))
	must(t, err)
	_, err = h.ResendInvite(ctx, helpdesk, "acme", i.ID, []byte(`{"expires_in":"5000h"}`))
	wantPointers(t, err, "/expires_at")

	changed, err := h.UpdateInvite(ctx, helpdesk, "acme", i.ID, admin.Match{sent.Version}, []byte(`{"groups":["x"],"note":"new","locale":null}`))
	if err != nil || changed.Note != "new" || !slices.Equal(changed.Groups, []string{"x"}) {
		t.Errorf("changed %+v, %v", changed, err)
	}
	_, err = h.store.Invites.ByToken(ctx, broker.HashToken(tokenOf(t, sent.URL)))
	must(t, err) // the link stays
	_, err = h.UpdateInvite(ctx, helpdesk, "acme", i.ID, admin.Match{sent.Version}, []byte(`{"note":"x"}`))
	wantCode(t, err, fault.Conflict)
	_, err = h.UpdateInvite(ctx, helpdesk, "acme", i.ID, nil, []byte(`{"email":"eve@acme.example","uses":0,"revoked_at":"2026-01-01T00:00:00Z","id":"x"}`))
	wantPointers(t, err, "/email", "/revoked_at", "/id")

	for range 2 {
		revoked, err := h.RevokeInvite(ctx, helpdesk, "acme", i.ID)
		if err != nil || revoked.State != broker.InviteRevoked {
			t.Errorf("revoked %v, %v", revoked, err)
		}
	}
	h.lineOf(t, "invite.revoked")
	_, err = h.ResendInvite(ctx, helpdesk, "acme", i.ID, nil)
	wantCode(t, err, fault.InviteRevoked)

	second, err := h.CreateInvite(ctx, helpdesk, "acme", []byte(`{"email":"ann@acme.example"}`))
	must(t, err)
	u := h.person(t, "ann@acme.example", nil)
	must(t, h.store.Invites.Use(ctx, "acme", second.ID, u.ID))
	_, err = h.ResendInvite(ctx, helpdesk, "acme", second.ID, nil)
	wantCode(t, err, fault.InviteUsed)
	for state, want := range map[string]int{"": 2, broker.InviteLive: 0, broker.InviteUsed: 1, broker.InviteRevoked: 1} {
		list, err := h.ListInvites(ctx, auditor, "acme", state, broker.Page{})
		if err != nil || len(list.Items) != want {
			t.Errorf("%q: %d, want %d (%v)", state, len(list.Items), want, err)
		}
	}
	_, err = h.ListInvites(ctx, auditor, "acme", "lost", broker.Page{})
	wantPointers(t, err, "/state")
	must(t, h.DeleteInvite(ctx, helpdesk, "acme", i.ID, nil))
	_, err = h.GetInvite(ctx, helpdesk, "acme", i.ID)
	wantCode(t, err, fault.NotFound)
}

func TestInviteList(t *testing.T) {
	h, box := inviting(t)
	out, err := h.CreateInvites(ctx, helpdesk, "acme", []byte("\ufeffEmail ;groups; locale;connection;expires_in\r\nann@acme.example;a|b;fr;idp;48h\r\n\r\n\"ben@acme.example\";;;;\r\n"), false)
	must(t, err)
	if len(out.Created) != 2 || len(out.Failed) != 0 || len(box.invitations) != 2 {
		t.Fatalf("%+v, %d mails", out, len(box.invitations))
	}
	first := out.Created[0]
	if first.Email != "ann@acme.example" || !slices.Equal(first.Groups, []string{"a", "b"}) || first.Locale != "fr" || first.Connection != "idp" || !first.ExpiresAt.Equal(h.now.Add(48*time.Hour)) {
		t.Errorf("first %+v", first)
	}
	tokenOf(t, first.URL)

	bad := "email,groups,excluded,send,expires_at\n" +
		"ann@acme.example,,,,\n" + // 2: invited already
		"cid@acme.example,x;y,false,no,2026-12-01\n" + // 3: good
		"not one,,,,\n" + // 4
		",,,,\n" + // 5
		"dan@acme.example,,perhaps,,tomorrow\n" + // 6
		"CID@acme.example,,,,\n" + // 7: as line 3
		"eve@acme.example,,,,,,,\n" + // 8: too many fields
		"fay\"@acme.example,,,,\n" + // 9: a quote in the middle
		"\"gus@acme.example\",\"a\nb\",,,\n" + // 10 and 11
		"hal@acme.example,,,,2025-01-01\n" // 12
	_, err = h.CreateInvites(ctx, helpdesk, "acme", []byte(bad), false)
	wantPointers(t, err, "/2/email", "/4/email", "/5/email", "/6/excluded", "/6/expires_at", "/7/email", "/8", "/9", "/12/expires_at")
	if list, _ := h.ListInvites(ctx, auditor, "acme", "", broker.Page{}); len(list.Items) != 2 {
		t.Errorf("%d invitations after a refused list", len(list.Items))
	}
	mails := len(box.invitations)
	out, err = h.CreateInvites(ctx, helpdesk, "acme", []byte(bad), true)
	must(t, err)
	if len(out.Created) != 2 || out.Created[0].Email != "cid@acme.example" || out.Created[1].Email != "gus@acme.example" || len(out.Failed) != 8 || len(box.invitations) != mails+1 {
		t.Errorf("%d made, %d failed, %d mails: %+v", len(out.Created), len(out.Failed), len(box.invitations)-mails, out.Failed)
	}
	for name, c := range map[string]struct {
		list string
		code fault.Code
	}{
		"empty":             {"", fault.Malformed},
		"not UTF-8":         {"email\nann\xff@acme.example\n", fault.Malformed},
		"no address column": {"mail\nx@acme.example\n", fault.Invalid},
		"unknown column":    {"email,role\nx@acme.example,boss\n", fault.Invalid},
		"column twice":      {"email,email\nx@acme.example,y@acme.example\n", fault.Invalid},
		"too long":          {"email\n" + strings.Repeat("x@acme.example\n", 1001), fault.TooLarge},
		"forbidden":         {"email,excluded\nx@acme.example,yes\n", fault.Forbidden},
	} {
		_, err := h.CreateInvites(ctx, helpdesk, "acme", []byte(c.list), true)
		if fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzInviteList(f *testing.F) {
	for _, s := range []string{"email\na@b.example\n", "email;groups\n\"a@b.example\";x|y\n", "\ufeffemail,send\n\"\n", "email\n\"a\"b,\n\n\r\n\x00", "email,excluded\na@b.example,yes"} {
		f.Add(s)
	}
	h, _ := inviting(f)
	f.Fuzz(func(t *testing.T, list string) {
		out, err := h.CreateInvites(ctx, owner, "acme", []byte(list), true)
		var known *fault.Error
		if err != nil && !errors.As(err, &known) || err != nil && fault.Lookup(known.Code).Status >= 500 {
			t.Fatalf("%q: %v", list, err)
		}
		for _, i := range out.Created {
			if i.Email == "" || i.State != broker.InviteLive {
				t.Fatalf("%q made %+v", list, i)
			}
			must(t, h.DeleteInvite(ctx, owner, "acme", i.ID, nil))
		}
		for _, l := range out.Failed {
			if l.Line < 2 || len(l.Errors) == 0 {
				t.Fatalf("%q: line %+v", list, l)
			}
		}
	})
}

func TestApprove(t *testing.T) {
	h, box := inviting(t)
	waits := func(email string) *broker.User {
		return h.person(t, email, func(u *broker.User) { u.Status = broker.StatusPending })
	}
	ann, ben, cid, dan := waits("ann@acme.example"), waits("ben@acme.example"), waits("cid@acme.example"), waits("dan@acme.example")
	_, err := h.ApproveUser(ctx, auditor, "acme", ann.ID)
	wantCode(t, err, fault.Forbidden)
	_, err = h.ApproveUser(ctx, owner, "other", ann.ID)
	wantCode(t, err, fault.NotFound)
	u, err := h.ApproveUser(ctx, helpdesk, "acme", ann.ID)
	if err != nil || u.Status != broker.StatusActive || !slices.Equal(box.granted, []string{"ann@acme.example Parcels https://app.example/"}) {
		t.Errorf("approved %+v, %v, mails %v", u, err, box.granted)
	}
	_, err = h.ApproveUser(ctx, helpdesk, "acme", ann.ID)
	wantCode(t, err, fault.NotWaiting)

	_, err = h.UpdateRealm(ctx, owner, "acme", nil, []byte(`{"seat_limit":1}`))
	must(t, err)
	u, err = h.ApproveUser(ctx, helpdesk, "acme", ben.ID)
	if err != nil || u.Status != broker.StatusHeld || len(box.granted) != 1 {
		t.Errorf("approved without a seat: %+v, %v", u, err)
	}
	seats, err := h.CountSeats(ctx, auditor, "acme")
	if want := (admin.SeatCount{Limit: 1, Taken: 1, Held: 1, Pending: 2}); err != nil || seats != want {
		t.Errorf("seats %+v, want %+v (%v)", seats, want, err)
	}
	must(t, h.RejectUser(ctx, helpdesk, "acme", cid.ID, nil))
	if u, err := h.store.Users.Get(ctx, "acme", cid.ID); err != nil || !u.Blocked {
		t.Errorf("rejected: %+v, %v", u, err)
	}
	_, err = h.ApproveUser(ctx, helpdesk, "acme", cid.ID)
	wantCode(t, err, fault.NotWaiting)
	must(t, h.RejectUser(ctx, helpdesk, "acme", dan.ID, []byte(`{"delete":true}`)))
	_, err = h.store.Users.Get(ctx, "acme", dan.ID)
	wantCode(t, err, fault.NotFound)
	wantCode(t, h.RejectUser(ctx, helpdesk, "acme", ann.ID, nil), fault.NotWaiting)
	wantPointers(t, h.RejectUser(ctx, helpdesk, "acme", ben.ID, []byte(`{"drop":true}`)), "/drop")
}

func TestCollisions(t *testing.T) {
	h, _ := inviting(t)
	h.connection(t, "acme", "old-idp")
	_, err := h.UpdateConnection(ctx, owner, "acme", "idp", nil, []byte(`{"domains":["acme.example","lost.example"]}`))
	must(t, err)
	_, err = h.CreateDomain(ctx, owner, "acme", []byte(`{"domain":"acme.example","verified":true}`))
	must(t, err)
	good := h.person(t, "good@acme.example", nil)
	ann := h.person(t, "ann@acme.example", nil)
	twin := h.person(t, "Ann@acme.example", nil)
	h.person(t, "ann_acme.example#EXT#@acme.onmicrosoft.com", nil)
	h.person(t, "x@lost.example", nil)
	h.person(t, "y@partner.example", nil)
	h.person(t, "", nil)
	h.person(t, "gone@elsewhere.example", func(u *broker.User) { u.Status = broker.StatusMerged })
	for _, l := range []broker.Link{{Connection: "idp", UserID: good.ID}, {Connection: "old-idp", UserID: ann.ID}} {
		l.Realm, l.Subject = "acme", "s"
		must(t, h.store.Links.Claim(ctx, &l))
	}
	for i := range 250 {
		h.person(t, fmt.Sprintf("many%03d@partner.example", i), nil)
	}
	got, err := h.FindCollisions(ctx, auditor, "acme", "idp")
	must(t, err)
	if got.People != 257 || got.Truncated || got.Connection != "idp" {
		t.Errorf("%d people, %+v", got.People, got.Truncated)
	}
	want := map[string]int{
		admin.CollisionTwin: 2, admin.CollisionForm: 2, admin.CollisionGuest: 1, admin.CollisionOutside: 253, admin.CollisionNoEmail: 1, admin.CollisionLinked: 1,
	}
	for _, c := range got.Findings {
		if c.Count != want[c.Kind] || len(c.Examples) != min(c.Count, 200) {
			t.Errorf("%s: %d with %d examples, want %d: %+v", c.Kind, c.Count, len(c.Examples), want[c.Kind], c.Examples[:min(3, len(c.Examples))])
		}
		if c.Kind == admin.CollisionLinked && (c.Examples[0].UserID != ann.ID || c.Examples[0].Detail != "old-idp") {
			t.Errorf("linked %+v", c.Examples)
		}
		if c.Kind == admin.CollisionGuest && c.Examples[0].Detail != "ann@acme.example" {
			t.Errorf("guest %+v", c.Examples)
		}
		if c.Kind == admin.CollisionForm && !slices.ContainsFunc(c.Examples, func(e admin.CollisionExample) bool { return e.UserID == twin.ID && e.Detail == "ann@acme.example" }) {
			t.Errorf("form %+v", c.Examples)
		}
	}
	_, err = h.FindCollisions(ctx, owner, "acme", "other-idp")
	wantCode(t, err, fault.NotFound)
}
