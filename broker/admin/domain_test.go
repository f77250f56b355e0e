package admin_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/domain"
	"cloakroom/broker/domain/dnstest"
	"cloakroom/broker/fault"
	"cloakroom/store/ledger"
)

var support = admin.Actor{Name: "operator:sam", Role: admin.Support}

// named makes the verbs ask a real name server.
func (h *house) named(t *testing.T) *dnstest.Server {
	dns := dnstest.Start(t)
	h.TXT = dns.Resolver().LookupTXT
	return dns
}

func (h *house) claim(t *testing.T, realm, name string) *broker.Domain {
	t.Helper()
	d, err := h.CreateDomain(ctx, support, realm, []byte(fmt.Sprintf(`{"domain":%q}`, name)))
	must(t, err)
	return d
}

func publish(dns *dnstest.Server, d *broker.Domain) {
	name, value := domain.Record(d)
	dns.Set(name, dnstest.Txt(value))
}

// proved claims a domain and proves it.
func (h *house) proved(t *testing.T, dns *dnstest.Server, realm, name string) *broker.Domain {
	t.Helper()
	publish(dns, h.claim(t, realm, name))
	d, err := h.VerifyDomain(ctx, support, realm, name)
	must(t, err)
	return d
}

func (h *house) owner(t *testing.T, name string) string {
	t.Helper()
	d, err := h.store.Domains.Verified(ctx, name)
	if errors.Is(err, broker.ErrNotFound) {
		return ""
	}
	must(t, err)
	return d.Realm
}

func TestNobodyClaimsWhatIsEverybodys(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	for name, want := range map[string]fault.Code{
		"gmail.com": fault.DomainPublic, "GMAIL.com": fault.DomainPublic, "outlook.com": fault.DomainPublic, "co.uk": fault.DomainPublic,
		"com": fault.DomainPublic, "localhost": fault.DomainPublic, "github.io": fault.DomainPublic, "xn--p1ai": fault.DomainPublic, "рф": fault.DomainPublic,
		"": fault.Invalid, "a b.example": fault.Invalid, "1.2.3.4": fault.Invalid, "acme.example.": fault.Invalid, "*.acme.example": fault.Invalid,
		"http://acme.example": fault.Invalid, "bob@acme.example": fault.Invalid, "_cloakroom.acme.example": fault.Invalid, "acme。example": fault.Invalid,
		strings.Repeat("a.", 121) + "example": fault.Invalid, // a host name, but its record's is too long
	} {
		for _, a := range []admin.Actor{owner, support} {
			_, err := h.CreateDomain(ctx, a, "acme", []byte(fmt.Sprintf(`{"domain":%q}`, name)))
			wantCode(t, err, want)
			wantPointers(t, err, "/domain")
		}
		_, err := h.CreateDomain(ctx, owner, "acme", []byte(fmt.Sprintf(`{"domain":%q,"verified":true}`, name)))
		wantCode(t, err, want)
	}
}

func TestAnInternationalDomain(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme")
	d := h.claim(t, "acme", "BÜCHER.example")
	shown := admin.ShowDomain(d)
	if d.Domain != "xn--bcher-kva.example" || shown.Unicode != "bücher.example" || shown.Record.Name != "_cloakroom.xn--bcher-kva.example" || shown.Record.Type != "TXT" {
		t.Fatalf("%+v %+v", d, shown)
	}
	publish(dns, d)
	for _, name := range []string{"bücher.example", "xn--bcher-kva.example", "XN--BCHER-KVA.EXAMPLE"} {
		if d, err := h.VerifyDomain(ctx, support, "acme", name); err != nil || !d.Verified {
			t.Errorf("%s: %+v %v", name, d, err)
		}
	}
	_, err := h.CreateDomain(ctx, support, "acme", []byte(`{"domain":"xn--bcher-kva.example"}`))
	wantCode(t, err, fault.Exists)
}

func TestVerifyTellsWhatItSaw(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme")
	d := h.claim(t, "acme", "acme.example")
	name, value := domain.Record(d)
	for _, tt := range []struct {
		what     string
		zone     *dnstest.Zone
		code     fault.Code
		observed string
	}{
		{"nothing", nil, fault.DomainUnproved, ""},
		{"others", &dnstest.Zone{TXT: [][]string{{"v=spf1"}}}, fault.DomainUnproved, "v=spf1"},
		{"another value", &dnstest.Zone{TXT: [][]string{{"cloakroom-verify=old"}}}, fault.DomainDifferent, "cloakroom-verify=old"},
		{"SERVFAIL", &dnstest.Zone{RCode: dnsmessage.RCodeServerFailure}, fault.DomainDNSFailed, ""},
	} {
		if tt.zone != nil {
			dns.Set(name, *tt.zone)
		}
		_, err := h.VerifyDomain(ctx, support, "acme", "acme.example")
		wantCode(t, err, tt.code)
		f := fault.As(err)
		if f.Observed != tt.observed || f.Expected != value {
			t.Errorf("%s: %+v", tt.what, f)
		}
		if tt.code != fault.DomainDNSFailed && (!strings.Contains(f.Fix, name) || !strings.Contains(f.Fix, value)) {
			t.Errorf("%s: fix %q", tt.what, f.Fix)
		}
		if got := admin.FindingOf(err, "error"); f.Fix != "" && got.Fix != f.Fix || got.Fix == "" {
			t.Errorf("%s: finding %+v", tt.what, got)
		}
	}
	if h.owner(t, "acme.example") != "" {
		t.Error("verified by nothing")
	}
}

func TestEachNameIsADomainOfItsOwn(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme", "rival")
	h.proved(t, dns, "acme", "acme.example")
	if h.owner(t, "eu.acme.example") != "" {
		t.Error("a domain covers its parts")
	}
	sub := h.claim(t, "rival", "eu.acme.example")
	_, err := h.VerifyDomain(ctx, support, "rival", "eu.acme.example")
	wantCode(t, err, fault.DomainUnproved)
	warned, err := h.DomainWarnings(ctx, sub)
	must(t, err)
	if len(warned) != 1 || !strings.Contains(warned[0], "acme.example") || strings.Contains(warned[0], `"acme"`) {
		t.Errorf("%q", warned)
	}
	// An owner may vouch for it all the same; the audit log says what was known.
	_, err = h.UpdateDomain(ctx, support, "rival", "eu.acme.example", nil, []byte(`{"verified":true}`))
	wantCode(t, err, fault.Forbidden)
	_, err = h.UpdateDomain(ctx, owner, "rival", "eu.acme.example", nil, []byte(`{"verified":true,"reason":"a subsidiary of its own, ticket 12"}`))
	must(t, err)
	list, _, err := h.store.Events.List(ctx, ledger.Filter{Kind: "domain.verified", Realm: "rival"}, broker.Page{})
	must(t, err)
	if len(list) != 1 || !strings.HasPrefix(list[0].Detail, "a subsidiary of its own, ticket 12; acme.example, ") || list[0].Actor != "cli" {
		t.Errorf("%+v", list)
	}
	if h.owner(t, "eu.acme.example") != "rival" || h.owner(t, "acme.example") != "acme" {
		t.Error("the wrong owners")
	}
	own := h.claim(t, "acme", "de.acme.example")
	if warned, err := h.DomainWarnings(ctx, own); err != nil || warned != nil {
		t.Errorf("%q %v", warned, err)
	}
}

func TestOneOwnerAndNoNames(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme", "rival")
	h.proved(t, dns, "acme", "acme.example")
	publish(dns, h.claim(t, "rival", "acme.example"))
	_, err := h.VerifyDomain(ctx, support, "rival", "acme.example")
	wantCode(t, err, fault.DomainTaken)
	e := fault.Lookup(fault.CodeOf(err))
	if e.Status != 409 || e.Code != "domain.owned_elsewhere" || strings.Contains(fault.As(err).Detail, `acme"`) || strings.Contains(fault.As(err).Detail, "realm") {
		t.Errorf("%+v %v", e, err)
	}
	_, err = h.UpdateDomain(ctx, owner, "rival", "acme.example", nil, []byte(`{"verified":true}`))
	wantCode(t, err, fault.DomainTaken)
}

func TestReason(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	_, err := h.CreateDomain(ctx, owner, "acme", []byte(`{"domain":"acme.example","verified":true,"reason":" contract 7 "}`))
	must(t, err)
	if e := h.lineOf(t, "domain.created"); e.Detail != "contract 7" {
		t.Errorf("%+v", e)
	}
	for _, bad := range []string{`{"reason":7}`, `{"reason":"` + strings.Repeat("x", 1001) + `"}`} {
		_, err := h.UpdateDomain(ctx, owner, "acme", "acme.example", nil, []byte(bad))
		wantPointers(t, err, "/reason")
	}
	_, err = h.UpdateDomain(ctx, support, "acme", "acme.example", nil, []byte(`{"verified":false,"reason":"they left"}`))
	must(t, err)
	if e := h.lineOf(t, "domain.unverified"); e.Detail != "they left" || e.Actor != "operator:sam" {
		t.Errorf("%+v", e)
	}
}

func TestVerifyingWhatIsVerified(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme")
	_, err := h.CreateDomain(ctx, owner, "acme", []byte(`{"domain":"acme.example","verified":true}`))
	must(t, err)
	d, err := h.VerifyDomain(ctx, support, "acme", "acme.example")
	if err != nil || !d.Verified || d.VerifiedBy != "cli" || !d.CheckAt.IsZero() {
		t.Fatalf("%+v %v", d, err)
	}
	publish(dns, d)
	if d, err = h.VerifyDomain(ctx, support, "acme", "acme.example"); err != nil || d.VerifiedBy != "dns" || d.CheckAt.IsZero() {
		t.Fatalf("%+v %v", d, err)
	}
	name, _ := domain.Record(d)
	asked := dns.Asked(name)
	if again, err := h.VerifyDomain(ctx, support, "acme", "acme.example"); err != nil || again.Version != d.Version || dns.Asked(name) != asked {
		t.Errorf("%+v %v", again, err)
	}

	// A loss is told, and mended by hand too.
	d.LostAt = h.now
	must(t, h.store.Domains.Update(ctx, d))
	dns.Remove(name)
	_, err = h.VerifyDomain(ctx, support, "acme", "acme.example")
	wantCode(t, err, fault.DomainUnproved)
	publish(dns, d)
	if d, err = h.VerifyDomain(ctx, support, "acme", "acme.example"); err != nil || !d.Verified || !d.LostAt.IsZero() {
		t.Errorf("%+v %v", d, err)
	}
}

func TestLookupsAreLimitedPerRealm(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme", "rival")
	left := map[string]int{"acme": 2, "rival": 1}
	h.AllowLookup = func(realm string) bool { left[realm]--; return left[realm] >= 0 }
	name, _ := domain.Record(h.claim(t, "acme", "acme.example"))
	h.claim(t, "rival", "rival.example")
	for i, want := range []fault.Code{fault.DomainUnproved, fault.DomainUnproved, fault.RateLimited} {
		_, err := h.VerifyDomain(ctx, support, "acme", "acme.example")
		if wantCode(t, err, want); i == 2 && dns.Asked(name) != 2 {
			t.Errorf("asked %d times", dns.Asked(name))
		}
	}
	_, err := h.VerifyDomain(ctx, support, "rival", "rival.example")
	wantCode(t, err, fault.DomainUnproved)
}

func offerTo(realm string) []byte { return []byte(fmt.Sprintf(`{"to":%q}`, realm)) }

func TestDomainHandover(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme", "rival", "third")
	h.connection(t, "acme", "idp")
	before := h.proved(t, dns, "acme", "acme.example")

	_, err := h.AcceptDomain(ctx, owner, "rival", "acme.example")
	wantCode(t, err, fault.DomainNotOffered)
	d, err := h.OfferDomain(ctx, support, "acme", "acme.example", nil, offerTo("rival"))
	if must(t, err); d.TransferTo != "rival" || !d.Verified || h.owner(t, "acme.example") != "acme" {
		t.Fatalf("%+v", d)
	}
	_, err = h.AcceptDomain(ctx, owner, "third", "acme.example")
	wantCode(t, err, fault.DomainNotOffered)
	_, err = h.AcceptDomain(ctx, owner, "acme", "acme.example")
	wantCode(t, err, fault.DomainNotOffered)

	h.now = h.now.Add(time.Hour)
	got, err := h.AcceptDomain(ctx, support, "rival", "ACME.example")
	must(t, err)
	if got.Realm != "rival" || !got.Verified || got.VerifiedBy != "dns" || got.Token != before.Token || !got.CheckAt.Equal(before.CheckAt) || got.TransferTo != "" {
		t.Errorf("%+v", got)
	}
	old, err := h.GetDomain(ctx, support, "acme", "acme.example")
	must(t, err)
	if old.Verified || old.TransferTo != "" || old.Token == before.Token || !old.CheckAt.IsZero() || !old.SuspendedAt.IsZero() || h.owner(t, "acme.example") != "rival" {
		t.Errorf("%+v", old)
	}
	// The record that is out there proves the new owner's claim, and not the old one's any more.
	if seen := domain.Look(ctx, h.TXT, got); seen.Answer != domain.Found {
		t.Errorf("%+v", seen)
	}
	if seen := domain.Look(ctx, h.TXT, old); seen.Answer != domain.Different {
		t.Errorf("%+v", seen)
	}
	_, err = h.VerifyDomain(ctx, support, "acme", "acme.example")
	wantCode(t, err, fault.DomainTaken)
	if c, err := h.store.Connections.Get(ctx, "idp"); err != nil || c.Version != 1 {
		t.Errorf("%+v %v", c, err)
	}

	given, taken := h.lineOf(t, "domain.handed_over"), h.lineOf(t, "domain.taken_over")
	if given.Realm != "acme" || given.Detail != "to realm rival" || taken.Realm != "rival" || taken.Detail != "from realm acme" || taken.Actor != "operator:sam" {
		t.Errorf("%+v\n%+v", given, taken)
	}
	h.lineOf(t, "domain.offered")
	_, err = h.AcceptDomain(ctx, support, "rival", "acme.example")
	wantCode(t, err, fault.DomainNotOffered)
}

func TestHandoverToARealmWithAClaimOfItsOwn(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme", "rival")
	d := h.proved(t, dns, "acme", "acme.example")
	mine := h.claim(t, "rival", "acme.example")
	lost := h.now.Add(-24 * time.Hour)
	d.LostAt = lost // the grace time goes on
	must(t, h.store.Domains.Update(ctx, d))
	_, err := h.OfferDomain(ctx, support, "acme", "acme.example", nil, offerTo("rival"))
	must(t, err)
	got, err := h.AcceptDomain(ctx, support, "rival", "acme.example")
	if must(t, err); got.Version != mine.Version+1 || !got.LostAt.Equal(lost) || got.Token != d.Token {
		t.Errorf("%+v", got)
	}
}

func TestOffers(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme", "rival", "third")
	h.claim(t, "acme", "acme.example")
	_, err := h.OfferDomain(ctx, support, "acme", "acme.example", nil, offerTo("rival"))
	wantCode(t, err, fault.DomainNotVerified)
	wantCode(t, h.WithdrawOffer(ctx, support, "acme", "acme.example", nil), fault.NotFound)
	must(t, h.DeleteDomain(ctx, support, "acme", "acme.example", nil))
	d := h.proved(t, dns, "acme", "acme.example")
	for _, bad := range []string{`{}`, `{"to":""}`, `{"to":"acme"}`, `{"to":"nowhere"}`, `{"to":"A B"}`, `{"to":7}`} {
		_, err := h.OfferDomain(ctx, support, "acme", "acme.example", nil, []byte(bad))
		wantPointers(t, err, "/to")
	}
	_, err = h.OfferDomain(ctx, support, "acme", "acme.example", admin.Match{d.Version + 1}, offerTo("rival"))
	wantCode(t, err, fault.Conflict)

	offer := func(to string) *broker.Domain {
		t.Helper()
		d, err := h.OfferDomain(ctx, support, "acme", "acme.example", nil, offerTo(to))
		must(t, err)
		return d
	}
	first := offer("rival")
	if again := offer("rival"); again.Version != first.Version {
		t.Errorf("%+v", again)
	}
	offer("third") // takes the place of the other
	_, err = h.AcceptDomain(ctx, support, "rival", "acme.example")
	wantCode(t, err, fault.DomainNotOffered)
	must(t, h.WithdrawOffer(ctx, support, "acme", "acme.example", nil))
	_, err = h.AcceptDomain(ctx, support, "third", "acme.example")
	wantCode(t, err, fault.DomainNotOffered)

	offer("third")
	_, err = h.UpdateDomain(ctx, support, "acme", "acme.example", nil, []byte(`{"verified":false}`))
	must(t, err)
	_, err = h.AcceptDomain(ctx, support, "third", "acme.example")
	wantCode(t, err, fault.DomainNotOffered)
	if d, err = h.VerifyDomain(ctx, support, "acme", "acme.example"); err != nil || d.TransferTo != "" {
		t.Errorf("an offer outlived its verification: %+v %v", d, err)
	}
}

func TestWhoHandsOver(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme", "rival")
	h.proved(t, dns, "acme", "acme.example")
	of := func(role string, realms ...string) admin.Actor {
		return admin.Actor{Name: role, Role: role, Realms: realms}
	}
	acme, rival := of(admin.Support, "acme"), of(admin.Support, "rival")
	auditor := of(admin.Auditor)
	for _, tt := range []struct {
		who  admin.Actor
		want fault.Code
	}{{auditor, fault.Forbidden}, {rival, fault.NotFound}, {of(admin.Owner, "rival"), fault.NotFound}, {of("", "acme"), fault.Forbidden}} {
		_, err := h.OfferDomain(ctx, tt.who, "acme", "acme.example", nil, offerTo("rival"))
		wantCode(t, err, tt.want)
		wantCode(t, h.WithdrawOffer(ctx, tt.who, "acme", "acme.example", nil), tt.want)
	}
	// Who does not see a realm cannot find out whether it exists.
	for _, to := range []string{"rival", "nowhere"} {
		_, err := h.OfferDomain(ctx, acme, "acme", "acme.example", nil, offerTo(to))
		must(t, err)
	}
	_, err := h.OfferDomain(ctx, acme, "acme", "acme.example", nil, offerTo("rival"))
	must(t, err)
	for who, want := range map[string]fault.Code{"acme": fault.NotFound, "auditor": fault.Forbidden} {
		_, err := h.AcceptDomain(ctx, map[string]admin.Actor{"acme": acme, "auditor": auditor}[who], "rival", "acme.example")
		wantCode(t, err, want)
	}
	if h.owner(t, "acme.example") != "acme" {
		t.Fatal("it went without the other side")
	}
	_, err = h.AcceptDomain(ctx, rival, "rival", "acme.example")
	must(t, err)
	_, err = h.AcceptDomain(ctx, rival, "rival", "not a domain")
	wantCode(t, err, fault.NotFound)
}

// TestHandoverRaces: the giver takes its offer back, gives the domain up or has it unverified while the taker accepts.
// Whoever comes first wins, and there is never a second owner.
func TestHandoverRaces(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme", "rival")
	h.claim(t, "rival", "acme.example")
	rivals := map[string]func() error{
		"withdraw": func() error { return h.WithdrawOffer(ctx, support, "acme", "acme.example", nil) },
		"unverify": func() error {
			_, err := h.UpdateDomain(ctx, support, "acme", "acme.example", nil, []byte(`{"verified":false}`))
			return err
		},
		"delete": func() error { return h.DeleteDomain(ctx, support, "acme", "acme.example", nil) },
		"accept": func() error { _, err := h.AcceptDomain(ctx, owner, "rival", "acme.example"); return err },
		"offer": func() error {
			_, err := h.OfferDomain(ctx, support, "acme", "acme.example", nil, offerTo("rival"))
			return err
		},
	}
	for name, rival := range rivals {
		t.Run(name, func(t *testing.T) {
			for range 12 {
				_ = h.DeleteDomain(ctx, support, "acme", "acme.example", nil)
				_, err := h.UpdateDomain(ctx, support, "rival", "acme.example", nil, []byte(`{"verified":false}`))
				must(t, err)
				h.proved(t, dns, "acme", "acme.example")
				_, err = h.OfferDomain(ctx, support, "acme", "acme.example", nil, offerTo("rival"))
				must(t, err)
				var both sync.WaitGroup
				var accepted, other error
				both.Go(func() { _, accepted = h.AcceptDomain(ctx, support, "rival", "acme.example") })
				both.Go(func() { other = rival() })
				both.Wait()
				for _, err := range []error{accepted, other} {
					switch fault.CodeOf(err) {
					case "", fault.DomainNotOffered, fault.NotFound, fault.DomainNotVerified:
					default:
						t.Errorf("%v", err)
					}
				}
				if now := h.owner(t, "acme.example"); accepted == nil && now != "rival" || accepted != nil && name != "accept" && now == "rival" {
					t.Errorf("accepted: %v, other: %v, the owner is %q", accepted, other, now)
				}
			}
		})
	}
}

func TestManifestsVouchAndNeverProve(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme")
	h.proved(t, dns, "acme", "acme.example")
	file := export(t, h, false)
	if !strings.Contains(file, "domain: acme.example") || !strings.Contains(file, "verified: true") {
		t.Fatalf("%s", file)
	}
	if d := apply(t, h, file, admin.ApplyOptions{}); len(d.Objects) != 0 {
		t.Errorf("%+v", d)
	}
	if d, _ := h.store.Domains.Get(ctx, "acme", "acme.example"); d.VerifiedBy != "dns" || d.CheckAt.IsZero() {
		t.Errorf("%+v", d)
	}
	elsewhere := newHouse(t)
	apply(t, elsewhere, file, admin.ApplyOptions{})
	d, err := elsewhere.store.Domains.Get(ctx, "acme", "acme.example")
	must(t, err)
	if !d.Verified || d.VerifiedBy != "cli" || !d.CheckAt.IsZero() {
		t.Errorf("%+v", d)
	}
	elsewhere.TXT = h.TXT // the token came along: the same record proves it
	if d, err = elsewhere.VerifyDomain(ctx, owner, "acme", "acme.example"); err != nil || d.VerifiedBy != "dns" {
		t.Errorf("%+v %v", d, err)
	}
}

func TestAManifestDoesNotEndASuspension(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme")
	d := h.proved(t, dns, "acme", "acme.example")
	file := export(t, h, false)
	domain.Withdraw(d)
	d.LostAt, d.SuspendedAt, d.CheckAt = h.now.Add(-15*24*time.Hour), h.now, h.now.Add(time.Hour)
	must(t, h.store.Domains.Update(ctx, d))
	for range 2 {
		done := apply(t, h, file, admin.ApplyOptions{})
		var b bytes.Buffer
		_, _ = done.WriteTo(&b)
		if len(done.Objects) != 0 || !strings.Contains(b.String(), "! domain acme.example (realm acme) stays suspended") || h.owner(t, "acme.example") != "" {
			t.Errorf("%+v\n%s", done, b.String())
		}
	}
	// By hand, with a name to it, it can be done.
	_, err := h.UpdateDomain(ctx, owner, "acme", "acme.example", nil, []byte(`{"verified":true,"reason":"their DNS is down for a month"}`))
	must(t, err)
	if d, _ := h.store.Domains.Get(ctx, "acme", "acme.example"); !d.SuspendedAt.IsZero() || !d.CheckAt.IsZero() || !d.Verified {
		t.Errorf("%+v", d)
	}
}

func TestPreflightTellsWhereADomainStands(t *testing.T) {
	h := newHouse(t)
	dns := h.named(t)
	h.realm(t, "acme")
	h.connection(t, "acme", "idp")
	_, err := h.UpdateConnection(ctx, owner, "acme", "idp", nil, []byte(`{"domains":["acme.example"]}`))
	must(t, err)
	finding := func(code fault.Code, fix string) {
		t.Helper()
		r, err := h.CheckConnection(ctx, support, "acme", "idp")
		must(t, err)
		if code == "" && len(r.Findings) == 0 {
			return
		}
		if len(r.Findings) != 1 || r.Findings[0].Code != string(code) || !strings.Contains(r.Findings[0].Fix, fix) {
			t.Errorf("%+v, want %q", r.Findings, code)
		}
	}
	finding(fault.DomainUnverified, "TXT record")
	d := h.proved(t, dns, "acme", "acme.example")
	finding("", "")
	d.LostAt = h.now
	must(t, h.store.Domains.Update(ctx, d))
	finding(fault.DomainUnproved, "cloakroom-verify="+d.Token)
	domain.Withdraw(d)
	d.SuspendedAt = h.now
	must(t, h.store.Domains.Update(ctx, d))
	finding(fault.DomainSuspended, "again")
}
