package signin_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/store"
	"cloakroom/store/ledger"
	"cloakroom/store/storetest"
	"cloakroom/templates/locale"
)

// postbox is what was mailed.
type postbox struct {
	mu       sync.Mutex
	silent   bool // no mail server is set
	codes    []login.Confirmation
	approval []string // addresses of whom the tenant was asked about
	seats    []int    // how many waited, of each mail
}

func (p *postbox) Configured() bool { return !p.silent }

func (p *postbox) ConfirmLink(_ context.Context, c login.Confirmation) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.codes = append(p.codes, c)
	return nil
}

func (p *postbox) ApprovalRequested(_ context.Context, _ *broker.Realm, _ string, u *broker.User) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.approval = append(p.approval, u.Email)
	return nil
}

func (p *postbox) SeatLimitReached(_ context.Context, _ *broker.Realm, _ *broker.User, waiting int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seats = append(p.seats, waiting)
	return nil
}

// invitingWorld has the realm acme, whose people come through acme-idp to the application.
func invitingWorld(t *testing.T, change func(*broker.Realm, *broker.Connection)) (*world, *postbox) {
	t.Helper()
	return invitingOn(t, storetest.SQLite(t), change)
}

func invitingOn(t *testing.T, s *store.Store, change func(*broker.Realm, *broker.Connection)) (*world, *postbox) {
	t.Helper()
	w, box := newWorld(t, s), &postbox{}
	w.engine.Invites, w.engine.Seats, w.engine.Kept, w.engine.Post, w.engine.Tx = s.Invites, s.Seats, s.Parked, box, s.Tx
	r, c := broker.Realm{}, broker.Connection{}
	if change != nil {
		change(&r, &c)
	}
	w.realm("acme", func(made *broker.Realm) {
		made.DefaultClientID, made.Approval, made.SeatLimit = "app", r.Approval, r.SeatLimit
	})
	w.domain("acme", "acme.example")
	w.connection("acme", "acme-idp", []string{"acme.example"}, func(made *broker.Connection) {
		made.Provisioning, made.Linking = c.Provisioning, c.Linking
	})
	w.client("acme", nil)
	return w, box
}

// invite stores an invitation and answers its link.
func (w *world) invite(change func(*broker.Invite)) (*broker.Invite, string) {
	w.t.Helper()
	token := broker.RandomToken(32)
	i := &broker.Invite{
		ID: broker.RandomToken(9), Realm: "acme", Email: "ann@acme.example", MaxUses: 1, Groups: []string{"drivers"}, InvitedBy: "eva@acme.example",
		TokenHash: broker.HashToken(token), ExpiresAt: time.Now().Add(time.Hour),
	}
	if change != nil {
		change(i)
	}
	must(w.t, w.store.Invites.Create(w.t.Context(), i))
	return i, "/invite/" + token
}

func (w *world) changeInvite(i *broker.Invite, change func(*broker.Invite)) {
	w.t.Helper()
	now, err := w.store.Invites.Get(w.t.Context(), i.Realm, i.ID)
	must(w.t, err)
	change(now)
	must(w.t, w.store.Invites.Update(w.t.Context(), now))
}

func (w *world) uses(i *broker.Invite) int {
	w.t.Helper()
	now, err := w.store.Invites.Get(w.t.Context(), i.Realm, i.ID)
	must(w.t, err)
	return now.Uses
}

func (w *world) people(realm string) []*broker.User {
	w.t.Helper()
	list, _, err := w.store.Users.List(w.t.Context(), realm, broker.Page{Limit: 200})
	must(w.t, err)
	return list
}

// wantPage holds that a page says what an end user reads of a fault.
func wantPage(t testing.TB, p page, public string) {
	t.Helper()
	title := locale.T("en", "fault."+public+".title", nil)
	if !strings.Contains(html.UnescapeString(p.Body.String()), title) {
		t.Fatalf("%s: %d, not the page %q:\n%s", p.path, p.Code, title, p.Body)
	}
}

// wantCode holds that the ledger has a failed login with a code.
func (w *world) wantCode(code fault.Code) {
	w.t.Helper()
	var last []broker.Event
	for range 40 {
		last, _, _ = w.store.Events.List(w.t.Context(), ledger.Filter{Kind: "login.failed"}, broker.Page{})
		if slices.ContainsFunc(last, func(e broker.Event) bool { return e.Code == string(code) }) {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	w.t.Errorf("no login failed with %s: %v", code, last)
}

func ann() identity { return identity{Sub: "ann-1", Email: "ann@acme.example"} }

func TestInvitationFromLinkToApp(t *testing.T) {
	w, _ := invitingWorld(t, func(_ *broker.Realm, c *broker.Connection) { c.Provisioning = "invite" })
	i, link := w.invite(func(i *broker.Invite) { i.Excluded, i.Connection = true, "acme-idp" })
	b := w.browser()
	for range 3 { // scanners open links, too
		p := b.get(link)
		body := html.UnescapeString(p.Body.String())
		for _, want := range []string{"Parcels", "eva@acme.example", "a•••@acme.example", `action="` + link + `"`} {
			if !strings.Contains(body, want) {
				t.Errorf("the page lacks %q:\n%s", want, body)
			}
		}
		if strings.Contains(body, "ann@") {
			t.Error("the page tells the address to whoever holds the link")
		}
	}
	if w.uses(i) != 0 || len(w.people("acme")) != 0 {
		t.Fatal("looking at an invitation did something")
	}
	p := b.post(link, nil)
	wantAt(t, p, "idp acme-idp")
	if got := p.query("login_hint"); got != "ann@acme.example" {
		t.Errorf("login_hint %q", got)
	}
	wantAt(t, b.answer(p, ann()), "app https://app.example/")
	u := w.people("acme")[0]
	if !slices.Equal(u.ManualGroups, []string{"drivers"}) || !slices.Contains(u.Groups, "drivers") || !u.Excluded || u.Status != broker.StatusActive {
		t.Errorf("the person is %+v", u)
	}
	if w.uses(i) != 1 {
		t.Errorf("used %d times", w.uses(i))
	}
	p = b.get(link)
	wantPage(t, p, "invite_used")
	if p.Code != http.StatusGone || !strings.Contains(p.Body.String(), `href="https://app.example/"`) {
		t.Errorf("%d: a used invitation leads nowhere:\n%s", p.Code, p.Body)
	}
	wantPage(t, b.post(link, nil), "invite_used")
	// The groups of an invitation stay at later sign-ins.
	wantAt(t, w.browser().signInAs(ann()), "app code")
	if u := w.people("acme")[0]; !slices.Contains(u.Groups, "drivers") {
		t.Errorf("groups after the next sign-in: %v", u.Groups)
	}
}

// signInAs comes from the application and lets acme's identity provider answer.
func (b *browser) signInAs(i identity) page {
	return b.answer(b.authorize("acme", "kc_idp_hint", "acme-idp"), i)
}

// Whatever goes wrong with an invitation: nobody is made, nothing is used, and the page says what to do.
func TestInvitationsThatOpenNothing(t *testing.T) {
	for name, c := range map[string]struct {
		invite func(*broker.Invite) // before
		then   func(*broker.Invite) // while the person is at the identity provider
		who    identity
		page   string
		code   fault.Code
	}{
		"another person's":            {who: identity{Sub: "ben", Email: "ben@acme.example"}, page: "invite_other_address", code: fault.InviteOtherAddress},
		"expired meanwhile":           {then: func(i *broker.Invite) { i.ExpiresAt = time.Now().Add(-time.Second) }, who: ann(), page: "invite_expired", code: fault.InviteExpired},
		"revoked meanwhile":           {then: func(i *broker.Invite) { i.RevokedAt = time.Now() }, who: ann(), page: "invite_revoked", code: fault.InviteRevoked},
		"bound to another connection": {then: func(i *broker.Invite) { i.Connection = "acme-other" }, who: ann(), page: "invite_other_connection", code: fault.InviteOtherConnection},
		"open, outside the domains":   {invite: open, who: identity{Sub: "eve", Email: "eve@evil.example"}, page: "not_allowed", code: fault.EmailOutside},
		"the very address, unproved":  {invite: func(i *broker.Invite) { i.Email = "eve@evil.example" }, who: identity{Sub: "eve", Email: "eve@evil.example"}, page: "not_allowed", code: fault.EmailOutside},
		"other case of the letter K":  {invite: func(i *broker.Invite) { i.Email = "kim@acme.example" }, who: identity{Sub: "kim", Email: "\u212aim@acme.example"}, page: "no_email", code: fault.EmailMalformed},
		"plus-address":                {who: identity{Sub: "x", Email: "ann+x@acme.example"}, page: "invite_other_address", code: fault.InviteOtherAddress},
		"sub-domain":                  {who: identity{Sub: "x", Email: "ann@mail.acme.example"}, page: "not_allowed", code: fault.EmailOutside},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := invitingWorld(t, func(_ *broker.Realm, c *broker.Connection) { c.Provisioning = "invite" })
			i, link := w.invite(c.invite)
			b := w.browser()
			p := b.post(link, nil)
			wantAt(t, p, "idp acme-idp")
			if c.then != nil {
				w.changeInvite(i, c.then)
			}
			p = b.answer(p, c.who)
			wantPage(t, p, c.page)
			w.wantCode(c.code)
			if w.uses(i) != 0 || len(w.people("acme")) != 0 {
				t.Errorf("%d uses, people %v", w.uses(i), w.people("acme"))
			}
			if strings.Contains(p.Body.String(), "ann@acme.example") {
				t.Error("the page tells the invited address")
			}
		})
	}
}

func open(i *broker.Invite) { i.Email, i.MaxUses = "", 5 }

func TestInvitationLinksThatAreNone(t *testing.T) {
	w, _ := invitingWorld(t, nil)
	_, old := w.invite(func(i *broker.Invite) { i.ExpiresAt = time.Now().Add(-time.Hour) })
	_, revoked := w.invite(func(i *broker.Invite) { i.RevokedAt, i.Email = time.Now(), "b@acme.example" })
	b := w.browser()
	for link, public := range map[string]string{
		old: "invite_expired", revoked: "invite_revoked", "/invite/short": "invite_unknown", "/invite/" + strings.Repeat("A", 43): "invite_unknown",
		"/invite/" + strings.Repeat("%00", 43): "invite_unknown",
	} {
		for _, p := range []page{b.get(link), b.post(link, nil)} {
			wantPage(t, p, public)
		}
	}
	for range 40 {
		if p := b.get("/invite/guess"); p.Code == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("guessing is not slowed down")
}

// A signed-in person who opens somebody else's invitation is asked who they are, not let through as who they were.
func TestInvitationAsksAnew(t *testing.T) {
	w, _ := invitingWorld(t, nil)
	b := w.browser()
	wantAt(t, b.signInAs(identity{Sub: "ben", Email: "ben@acme.example"}), "app code")
	i, link := w.invite(nil)
	p := b.post(link, nil)
	wantAt(t, p, "idp acme-idp")
	p = b.answer(p, identity{Sub: "ben", Email: "ben@acme.example"})
	wantPage(t, p, "invite_other_address")
	if body := html.UnescapeString(p.Body.String()); !strings.Contains(body, "is for a•••@acme.example, you signed in as ben@acme.example") {
		t.Errorf("the page says:\n%s", body)
	}
	if w.uses(i) != 0 {
		t.Error("it was used")
	}
}

// A person who is here already may accept an invitation: it gives groups.
func TestInvitationForSomebodyKnown(t *testing.T) {
	w, _ := invitingWorld(t, nil)
	wantAt(t, w.browser().signInAs(ann()), "app code")
	i, link := w.invite(nil)
	b := w.browser()
	wantAt(t, b.answer(b.post(link, nil), ann()), "app https://app.example/")
	if u := w.people("acme")[0]; !slices.Contains(u.Groups, "drivers") || w.uses(i) != 1 {
		t.Errorf("%+v, %d uses", u, w.uses(i))
	}
}

// A second subject that asserts the invited address after it was used is somebody with a recycled address.
func TestInvitedAddressTakenByAnother(t *testing.T) {
	w, _ := invitingWorld(t, func(_ *broker.Realm, c *broker.Connection) { c.Provisioning = "invite" })
	i, _ := w.invite(func(i *broker.Invite) { i.MaxUses = 1 })
	wantAt(t, w.browser().signInAs(ann()), "app code")
	wantPage(t, w.browser().signInAs(identity{Sub: "ann-2", Email: "ann@acme.example"}), "not_allowed")
	w.wantCode(fault.EmailAccountReused)
	if w.uses(i) != 1 || len(w.people("acme")) != 1 {
		t.Errorf("%d uses, %d people", w.uses(i), len(w.people("acme")))
	}
}

func TestProvisioningByInvitation(t *testing.T) {
	w, _ := invitingWorld(t, func(_ *broker.Realm, c *broker.Connection) { c.Provisioning = "invite" })
	wantPage(t, w.browser().signInAs(ann()), "not_allowed")
	w.wantCode(fault.LoginNotInvited)
	elsewhere, _ := w.invite(func(i *broker.Invite) { i.Connection = "acme-other" })
	wantPage(t, w.browser().signInAs(ann()), "not_allowed")
	here, _ := w.invite(nil)
	wantAt(t, w.browser().signInAs(ann()), "app code") // without the link
	if w.uses(here) != 1 || w.uses(elsewhere) != 0 {
		t.Errorf("uses %d and %d", w.uses(here), w.uses(elsewhere))
	}
	if u := w.people("acme"); len(u) != 1 || !slices.Contains(u[0].Groups, "drivers") {
		t.Errorf("people %+v", u)
	}
}

func TestProvisioningOfTheKnown(t *testing.T) {
	w, _ := invitingWorld(t, func(_ *broker.Realm, c *broker.Connection) { c.Provisioning = "existing" })
	i, link := w.invite(nil)
	b := w.browser()
	wantPage(t, b.answer(b.post(link, nil), ann()), "not_allowed")
	w.wantCode(fault.LoginNotKnown)
	if w.uses(i) != 0 || len(w.people("acme")) != 0 {
		t.Error("an invitation overrode the connection's provisioning")
	}
	w.person("acme", "ann@acme.example", nil)
	wantAt(t, w.browser().signInAs(ann()), "app code")
}

func TestInvitationToAHub(t *testing.T) {
	w, _ := invitingWorld(t, nil)
	w.realm("hub", hub)
	w.client("hub", nil)
	i, link := w.invite(func(i *broker.Invite) { i.ClientRealm = "hub" })
	b := w.browser()
	p := b.post(link, nil)
	wantAt(t, p, "idp acme-idp")
	wantAt(t, b.answer(p, ann()), "app https://app.example/")
	if u := w.people("acme"); len(u) != 1 || w.uses(i) != 1 || len(w.people("hub")) != 0 {
		t.Errorf("people %v", u)
	}
}

// Fifty people at once with an open invitation for seven.
func TestOpenInvitationIsCounted(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { openInvitationIsCounted(t, storetest.SQLite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { openInvitationIsCounted(t, storetest.Postgres(t)) })
}

func openInvitationIsCounted(t *testing.T, s *store.Store) {
	w, _ := invitingOn(t, s, func(_ *broker.Realm, c *broker.Connection) { c.Provisioning = "invite" })
	i, link := w.invite(func(i *broker.Invite) { i.Email, i.MaxUses = "", 7 })
	in := w.crowd(50, func(b *browser) page { return b.post(link, nil) }, oneOf)
	if in["app https://app.example/"] != 7 || in["Gone"] != 43 || w.uses(i) != 7 || len(w.people("acme")) != 7 {
		t.Errorf("%v, %d uses, %d people", in, w.uses(i), len(w.people("acme")))
	}
}

// crowd lets n people sign in, all of them back from their identity provider at once, and counts where they got to.
func (w *world) crowd(n int, begin func(b *browser) page, who func(i int) identity) map[string]int {
	w.t.Helper()
	got := map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		b := w.browser()
		b.from = fmt.Sprintf("192.0.2.%d:1", i+1)
		p := begin(b)
		wantAt(w.t, p, "idp acme-idp")
		wg.Go(func() {
			<-start
			p := b.answer(p, who(i))
			mu.Lock()
			defer mu.Unlock()
			got[p.at()]++
		})
	}
	close(start)
	wg.Wait()
	return got
}

func fromApp(b *browser) page { return b.authorize("acme", "kc_idp_hint", "acme-idp") }

func oneOf(i int) identity {
	return identity{Sub: fmt.Sprint("s", i), Email: fmt.Sprintf("p%d@acme.example", i)}
}

func TestApprovalQueue(t *testing.T) {
	w, box := invitingWorld(t, func(r *broker.Realm, _ *broker.Connection) { r.Approval = true })
	for range 3 {
		p := w.browser().signInAs(ann())
		wantPage(t, p, "pending")
		if p.Code != http.StatusForbidden {
			t.Errorf("status %d", p.Code)
		}
	}
	w.wantCode(fault.LoginApproval)
	if !slices.Equal(box.approval, []string{"ann@acme.example"}) {
		t.Errorf("the tenant was told of %v", box.approval)
	}
	u := w.people("acme")[0]
	if u.Status != broker.StatusPending {
		t.Fatalf("status %q", u.Status)
	}
	u.Status = broker.StatusActive // approved
	must(t, w.store.Users.Update(t.Context(), u))
	wantAt(t, w.browser().signInAs(ann()), "app code")

	w.invite(func(i *broker.Invite) { i.Email = "ben@acme.example" })
	wantAt(t, w.browser().signInAs(identity{Sub: "ben", Email: "ben@acme.example"}), "app code") // who was invited needs no approval

	cid := identity{Sub: "cid", Email: "cid@acme.example"}
	wantPage(t, w.browser().signInAs(cid), "pending")
	w.invite(func(i *broker.Invite) { i.Email = cid.Email })
	wantAt(t, w.browser().signInAs(cid), "app code") // nor who is invited afterwards
}

func TestSeats(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { seats(t, storetest.SQLite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { seats(t, storetest.Postgres(t)) })
}

func seats(t *testing.T, s *store.Store) {
	w, box := invitingOn(t, s, func(r *broker.Realm, _ *broker.Connection) { r.SeatLimit = 10 })
	in := w.crowd(50, fromApp, oneOf)
	if in["app code"] != 10 || in["Forbidden"] != 40 {
		t.Fatalf("%v", in)
	}
	held := map[string][]*broker.User{}
	for _, u := range w.people("acme") {
		held[u.Status] = append(held[u.Status], u)
	}
	if len(held[broker.StatusActive]) != 10 || len(held[broker.StatusHeld]) != 40 {
		t.Fatalf("%d active, %d held", len(held[broker.StatusActive]), len(held[broker.StatusHeld]))
	}
	if len(box.seats) != 1 {
		t.Errorf("the tenant was told %d times", len(box.seats))
	}
	whoIs := func(u *broker.User) identity {
		return identity{Sub: "s" + strings.TrimPrefix(strings.TrimSuffix(u.Email, "@acme.example"), "p"), Email: u.Email}
	}
	wantPage(t, w.browser().signInAs(whoIs(held[broker.StatusHeld][0])), "held")
	w.wantCode(fault.LoginSeatsTaken)
	wantAt(t, w.browser().signInAs(whoIs(held[broker.StatusActive][0])), "app code") // the tenant is never blocked

	gone := held[broker.StatusActive][1]
	gone, err := w.store.Users.Get(t.Context(), "acme", gone.ID)
	must(t, err)
	gone.Blocked = true
	must(t, w.store.Users.Update(t.Context(), gone))
	again := w.crowd(2, fromApp, func(int) identity { return whoIs(held[broker.StatusHeld][1]) }) // two tabs of one person
	if again["app code"] != 2 {
		t.Errorf("a free seat: %v", again)
	}
	wantPage(t, w.browser().signInAs(whoIs(held[broker.StatusHeld][2])), "held")

	r, err := w.store.Realms.Get(t.Context(), "acme")
	must(t, err)
	r.SeatLimit = 0
	must(t, w.store.Realms.Update(t.Context(), r))
	w.forget()
	wantAt(t, w.browser().signInAs(whoIs(held[broker.StatusHeld][2])), "app code")
}

func confirmingWorld(t *testing.T) (*world, *postbox, *broker.User) {
	w, box := invitingWorld(t, func(_ *broker.Realm, c *broker.Connection) { c.Linking = "confirm" })
	return w, box, w.person("acme", "ann@acme.example", func(u *broker.User) { u.Locale = "fr" })
}

// confirmURL is the page that a sign-in stopped at.
func confirmURL(t *testing.T, p page) string {
	t.Helper()
	if p.Code != http.StatusOK || !strings.Contains(p.Body.String(), `autocomplete="one-time-code"`) {
		t.Fatalf("%s: %d, not the page for the code:\n%s", p.path, p.Code, p.Body)
	}
	u, _, _ := strings.Cut(p.path, "?")
	return u
}

func typed(code string) url.Values { return url.Values{"code": {code}} }

func wrongThan(code string) string {
	if code[0] == '0' {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}

func (w *world) linked(u *broker.User) int {
	w.t.Helper()
	ls, err := w.store.Links.ByUser(w.t.Context(), u.ID)
	must(w.t, err)
	return len(ls)
}

func TestConfirmByMail(t *testing.T) {
	w, box, u := confirmingWorld(t)
	b := w.browser()
	at := confirmURL(t, b.signInAs(ann()))
	if len(box.codes) != 1 || w.linked(u) != 0 {
		t.Fatalf("%d mails, %d links", len(box.codes), w.linked(u))
	}
	m := box.codes[0]
	if m.To != "ann@acme.example" || len(m.Code) != 6 || m.App != "Parcels" || m.Via != "acme-idp" || m.Minutes != 10 || !slices.Contains(m.Locales, "fr") || m.Reference == "" {
		t.Errorf("the mail is %+v", m)
	}
	p := b.post(at, typed(wrongThan(m.Code)))
	if p.Code != http.StatusUnprocessableEntity || !strings.Contains(html.UnescapeString(p.Body.String()), locale.T("en", "confirm.wrong", nil)) {
		t.Errorf("a wrong code: %d\n%s", p.Code, p.Body)
	}
	wantAt(t, b.post(at, typed(" "+m.Code[:3]+" "+m.Code[3:]+"\n")), "app code")
	if w.linked(u) != 1 {
		t.Errorf("%d links", w.linked(u))
	}
	wantPage(t, b.post(at, typed(m.Code)), "stray")
	wantAt(t, w.browser().signInAs(ann()), "app code")
	if len(box.codes) != 1 {
		t.Error("the link that was made is asked for again")
	}
}

func TestConfirmAnotherCode(t *testing.T) {
	w, box, u := confirmingWorld(t)
	b := w.browser()
	at := confirmURL(t, b.signInAs(ann()))
	again := url.Values{"again": {"1"}}
	if p := b.post(at, again); !strings.Contains(p.Body.String(), locale.T("en", "confirm.sent", nil)) {
		t.Errorf("nothing was said:\n%s", p.Body)
	}
	b.post(at, again)
	if p := b.post(at, again); p.Code != http.StatusTooManyRequests || len(box.codes) != 3 {
		t.Errorf("the fourth code: %d, %d mails", p.Code, len(box.codes))
	}
	wantAt(t, b.post(at, typed(box.codes[0].Code)), "app code") // mails overtake each other
	if w.linked(u) != 1 {
		t.Error("no link")
	}
}

// Five wrong codes end it, also for a browser that sends its first cookie again, and for two at once.
func TestConfirmTries(t *testing.T) {
	w, box, u := confirmingWorld(t)
	b := w.browser()
	at := confirmURL(t, b.signInAs(ann()))
	right := box.codes[0].Code
	jar := b.jar
	for n := range 5 {
		b.jar = map[string]string{}
		for k, v := range jar {
			b.jar[k] = v
		}
		p := b.post(at, typed(wrongThan(right)))
		if n < 4 && p.Code != http.StatusUnprocessableEntity {
			t.Fatalf("try %d: %d", n+1, p.Code)
		}
		if n == 4 {
			wantPage(t, p, "link_tries")
		}
	}
	wantPage(t, b.post(at, typed(right)), "expired")
	w.wantCode(fault.LoginLinkTries)
	if w.linked(u) != 0 {
		t.Error("linked after five wrong codes")
	}
}

// A code is good for the login that it was mailed for, in the browser that began it.
func TestConfirmElsewhere(t *testing.T) {
	w, box, u := confirmingWorld(t)
	mallory, victim := w.browser(), w.browser()
	there := confirmURL(t, mallory.signInAs(ann()))
	here := confirmURL(t, victim.signInAs(ann()))
	own := box.codes[1].Code
	if own == box.codes[0].Code {
		t.Skip("one in a million: both codes are the same")
	}
	if p := mallory.post(there, typed(own)); p.Code != http.StatusUnprocessableEntity {
		t.Errorf("another login's code: %d", p.Code)
	}
	wantPage(t, mallory.post(here, typed(own)), "cookie")
	if w.linked(u) != 0 {
		t.Fatal("linked")
	}
	wantAt(t, victim.post(here, typed(own)), "app code")
}

// What was allowed when the identity came is asked again when the code does.
func TestConfirmIsJudgedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(w *world, u *broker.User)
		page  string
		code  fault.Code
	}{
		"domain lost": {func(w *world, _ *broker.User) {
			must(w.t, w.store.Domains.Delete(w.t.Context(), "acme", "acme.example"))
		}, "not_allowed", fault.EmailOutside},
		"blocked": {func(w *world, u *broker.User) {
			u.Blocked = true
			must(w.t, w.store.Users.Update(w.t.Context(), u))
		}, "not_allowed", fault.LoginBlocked},
		"connection off": {func(w *world, _ *broker.User) {
			c, err := w.store.Connections.Get(w.t.Context(), "acme-idp")
			must(w.t, err)
			c.Enabled = false
			must(w.t, w.store.Connections.Update(w.t.Context(), c))
			w.forget()
		}, "unavailable", fault.LoginDisabled},
	} {
		t.Run(name, func(t *testing.T) {
			w, box, u := confirmingWorld(t)
			b := w.browser()
			at := confirmURL(t, b.signInAs(ann()))
			c.spoil(w, u)
			wantPage(t, b.post(at, typed(box.codes[0].Code)), c.page)
			w.wantCode(c.code)
			if w.linked(u) != 0 {
				t.Error("linked")
			}
		})
	}
}

func TestConfirmWithoutMail(t *testing.T) {
	w, box, u := confirmingWorld(t)
	box.silent = true
	wantPage(t, w.browser().signInAs(ann()), "link_ask")
	w.wantCode(fault.LoginLinkConfirm)
	if w.linked(u) != 0 || len(box.codes) != 0 {
		t.Error("something was done")
	}
}

func TestConfirmWithoutAnything(t *testing.T) {
	w, _, _ := confirmingWorld(t)
	b := w.browser()
	p := b.authorize("acme", "kc_idp_hint", "")
	for _, try := range []page{b.get(p.path + "/confirm"), b.post(p.path+"/confirm", typed("000000")), b.post(p.path+"/confirm", url.Values{"again": {"1"}})} {
		wantPage(t, try, "expired")
	}
}
