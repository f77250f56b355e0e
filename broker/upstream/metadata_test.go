package upstream_test

import (
	"crypto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/beevik/etree"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/providers/providertest/samlidp"
	"cloakroom/store/storetest"
)

func signer(i int) crypto.Signer { return pairs()[i].key.(crypto.Signer) }

// TestRollover: a certificate more goes in by itself, one less waits.
func TestRollover(t *testing.T) {
	w := newWorld(t)
	wantState(t, w.fetch(), "1* accepted first")
	w.site.serve(w.metadata(0, 1))
	wantState(t, w.fetch(), "2* accepted fetched; 1 accepted first")
	if got := w.logins(); got != "0 1" {
		t.Errorf("keys %q sign in", got)
	}
	if e := w.events("changed"); len(e) != 1 || e[0].Actor != "system" || !strings.Contains(e[0].Detail, "certificate added: SHA-256") {
		t.Errorf("%+v", e)
	}

	w.site.serve(w.metadata(1))
	v := w.fetch()
	wantState(t, v, "3 pending fetched; 2* accepted fetched; 1 accepted first")
	if got := w.logins(); got != "0 1" {
		t.Errorf("keys %q sign in while the removal waits", got)
	}
	w.wantFindings(fault.DocumentWaiting)
	d, err := w.admin.GetDocument(ctx, support, "acme", "idp", 3)
	must(t, err)
	if len(d.Changes) != 1 || d.Changes[0].Kind != "removed" || d.Changes[0].Name != "certificate" || d.Against != 2 || !strings.Contains(d.Body, "<md:EntityDescriptor") {
		t.Errorf("%+v", d)
	}
	wantState(t, w.fetch(), "3 pending fetched; 2* accepted fetched; 1 accepted first") // once is enough

	_, err = w.admin.ApproveDocument(ctx, admin.Actor{Name: "auditor", Role: admin.Auditor}, "acme", "idp", 3)
	wantCode(t, err, fault.Forbidden)
	_, err = w.admin.ApproveDocument(ctx, admin.Actor{Name: "else", Role: admin.Support, Realms: []string{"other"}}, "acme", "idp", 3)
	wantCode(t, err, fault.NotFound)
	_, err = w.admin.ApproveDocument(ctx, support, "acme", "idp", 2)
	wantCode(t, err, fault.DocumentDecided)
	_, err = w.admin.ApproveDocument(ctx, support, "acme", "idp", 3)
	must(t, err)
	wantState(t, w.known(), "4* accepted approved; 3 superseded fetched; 2 accepted fetched; 1 accepted first")
	if got := w.logins(); got != "1" {
		t.Errorf("keys %q sign in", got)
	}
	if e := w.events("approved"); len(e) != 1 || e[0].Actor != support.Name || !strings.Contains(e[0].Detail, "certificate removed: SHA-256") {
		t.Errorf("%+v", e)
	}
	w.wantFindings()
}

// TestReplacedAtOnce: the new certificate of a document without the old one is taken, the old one kept.
func TestReplacedAtOnce(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	w.site.serve(w.metadata(1))
	wantState(t, w.fetch(), "3 pending fetched; 2* accepted fetched; 1 accepted first")
	if got := w.logins(); got != "0 1" {
		t.Errorf("keys %q sign in", got)
	}
	// The date of validity goes on moving while the rest waits.
	later := strings.Replace(w.metadata(1), "<md:EntityDescriptor", `<md:EntityDescriptor validUntil="2026-12-24T00:00:00Z"`, 1)
	w.site.serve(later)
	wantState(t, w.fetch(), "3 pending fetched; 2* accepted fetched; 1 accepted first")
	d, err := w.admin.GetDocument(ctx, support, "acme", "idp", 2)
	must(t, err)
	if last := d.Facts[len(d.Facts)-1]; last.Value != "2026-12-24T00:00:00Z" {
		t.Errorf("%+v", d.Facts)
	}
	// The old certificate comes back: nothing waits any more.
	w.site.serve(w.metadata(0, 1))
	wantState(t, w.fetch(), "3 superseded fetched; 2* accepted fetched; 1 accepted first")
}

// TestWhatWaits: of a document that says who or where else, nothing goes in, however it came.
func TestWhatWaits(t *testing.T) {
	for name, change := range map[string]func(string) string{
		"entity ID": func(s string) string {
			return strings.Replace(s, `entityID="https://idp.example/metadata"`, `entityID="https://evil.example/metadata"`, 1)
		},
		"sign-on address": func(s string) string {
			return strings.ReplaceAll(s, "https://idp.example/sso", "https://evil.example/sso")
		},
		"sign-out address": func(s string) string {
			return strings.ReplaceAll(s, "https://idp.example/slo", "https://evil.example/slo")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fetch()
			changed := change(w.metadata(0, 1))
			if changed == w.metadata(0, 1) {
				t.Fatal("the test changes nothing")
			}
			w.site.serve(changed)
			wantState(t, w.fetch(), "2 pending fetched; 1* accepted first")
			if got := w.logins(); got != "0" {
				t.Errorf("keys %q sign in", got)
			}
			_, err := w.admin.DismissDocument(ctx, support, "acme", "idp", 2)
			must(t, err)
			wantState(t, w.fetch(), "2 dismissed fetched; 1* accepted first")
			w.wantFindings()
			_, err = w.admin.DismissDocument(ctx, support, "acme", "idp", 2)
			wantCode(t, err, fault.DocumentDecided)
			w.site.serve(change(w.metadata(0, 2)))
			wantState(t, w.fetch(), "3 pending fetched; 2 dismissed fetched; 1* accepted first")
		})
	}
}

// signed is metadata that a key vouches for.
func signed(t *testing.T, text string, key int) string {
	t.Helper()
	doc := etree.NewDocument()
	must(t, doc.ReadFromString(text))
	e := doc.Root()
	e.CreateAttr("ID", "_m")
	samlidp.Sign(e, samlidp.Signature{Key: signer(key), Certificate: pairs()[key].cert})
	out, err := doc.WriteToString()
	must(t, err)
	return out
}

// TestFromElsewhere: what another host answers is taken only if a known key signed it.
func TestFromElsewhere(t *testing.T) {
	for name, row := range map[string]struct {
		doc  func(w *world) string
		want string
		keys string
	}{
		"unsigned":            {func(w *world) string { return w.metadata(0, 1) }, "2 pending fetched; 1* accepted first", "0"},
		"signed by its new":   {func(w *world) string { return signed(t, w.metadata(0, 1), 1) }, "2 pending fetched; 1* accepted first", "0"},
		"signed by the known": {func(w *world) string { return signed(t, w.metadata(0, 1), 0) }, "2* accepted fetched; 1 accepted first", "0 1"},
		"altered once signed": {func(w *world) string { return swapped(t, w) }, "2 pending fetched; 1* accepted first", "0"},
		"signed, another name": {func(w *world) string {
			return signed(t, strings.ReplaceAll(w.metadata(0, 1), "https://idp.example/sso", "https://else.example/sso"), 0)
		}, "2 pending fetched; 1* accepted first", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fetch()
			other := newSite(t)
			other.serve(row.doc(w))
			w.site.redirect(other.URL)
			wantState(t, w.fetch(), row.want)
			if got := w.logins(); got != row.keys {
				t.Errorf("keys %q sign in, want %q", got, row.keys)
			}
		})
	}
}

// swapped has a certificate that was not there when the known key signed.
func swapped(t *testing.T, w *world) string {
	t.Helper()
	with := func(i int) string {
		pem := samlidp.PEM(pairs()[i].cert)
		return strings.TrimSuffix(strings.TrimPrefix(pem, "-----BEGIN CERTIFICATE-----\n"), "-----END CERTIFICATE-----\n")
	}
	text := signed(t, w.metadata(0, 1), 0)
	out := strings.Replace(text, with(1), with(2), 1)
	if out == text {
		t.Fatal("nothing was swapped")
	}
	return out
}

// TestOutage: what is no document changes nothing, and operators hear of it after two days.
func TestOutage(t *testing.T) {
	for name, break_ := range map[string]func(*site){
		"garbage": func(s *site) { s.serve("garbage") },
		"HTML":    func(s *site) { s.serve("<!DOCTYPE html><html><body>Sign in</body></html>") },
		"5xx":     func(s *site) { s.fail(503) },
		"nobody":  func(s *site) { s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fetch()
			break_(w.site)
			for range 30 {
				w.pass(4 * time.Hour)
				_, err := w.keeper.Once(ctx)
				must(t, err)
				if w.now().Before(start.Add(day)) {
					w.wantFindings()
				}
			}
			if got := w.logins(); got != "0" {
				t.Errorf("keys %q sign in", got)
			}
			w.wantFindings(fault.DocumentFailing)
			if e := w.events("failing"); len(e) != 1 {
				t.Errorf("told %d times", len(e))
			}
			wantState(t, w.known(), "1* accepted first")
			if k := w.known().Watch; k.GoodAt.IsZero() || k.Code == "" || k.FailingSince.Before(k.GoodAt) {
				t.Errorf("%+v", k)
			}
		})
	}
}

// TestDaily: each connection is fetched about once a day, whoever signs in.
func TestDaily(t *testing.T) {
	w := newWorld(t)
	for range 10 * 24 {
		w.pass(time.Hour)
		_, err := w.keeper.Once(ctx)
		must(t, err)
	}
	if n := w.site.count(); n < 8 || n > 13 {
		t.Errorf("%d fetches in ten days", n)
	}
	wantState(t, w.known(), "1* accepted first")
}

// TestTwoReplicasAtOnce keep one version of what both fetched.
func TestTwoReplicasAtOnce(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	w.site.serve(w.metadata(1))
	c, err := w.store.Connections.Get(ctx, "idp")
	must(t, err)
	second := newReplica(t, w.store, w.now)
	var all sync.WaitGroup
	for i := range 20 {
		k := []*replica{w.replica, second}[i%2].keeper
		all.Go(func() {
			if err := k.Fetch(ctx, c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	wantState(t, w.known(), "3 pending fetched; 2* accepted fetched; 1 accepted first")
	if len(w.events("changed")) != 1 || len(w.events("waiting")) != 1 {
		t.Error("told more than once")
	}
}

// TestOneReplicaFetches: of two that look for what is due, one takes it.
func TestOneReplicaFetches(t *testing.T) {
	w := newWorld(t)
	second := newReplica(t, w.store, w.now)
	_, err := w.keeper.Once(ctx)
	must(t, err)
	w.pass(day)
	var all sync.WaitGroup
	for _, k := range []*replica{w.replica, second} {
		all.Go(func() {
			if _, err := k.keeper.Once(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := w.site.count(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

// TestUnknownKeyAtALogin has the documents fetched early, by the same rules.
func TestUnknownKeyAtALogin(t *testing.T) {
	w := newWorld(t)
	must(t, w.login(0)) // fetches, as nobody has yet
	w.pass(2 * time.Minute)
	wantCode(t, w.login(1), fault.SAMLSignatureKey)
	hits := w.site.count()
	wantCode(t, w.login(1), fault.SAMLSignatureKey)
	if w.site.count() != hits {
		t.Error("strangers can have it fetched as often as they like")
	}
	w.pass(2 * time.Minute)
	w.site.serve(w.metadata(1))
	must(t, w.login(1))
	must(t, w.login(0))
	wantState(t, w.known(), "3 pending fetched; 2* accepted fetched; 1 accepted first")

	w.pass(2 * time.Minute)
	w.site.serve(strings.ReplaceAll(w.metadata(2), "https://idp.example/sso", "https://evil.example/sso"))
	wantCode(t, w.login(2), fault.SAMLSignatureKey)
	wantState(t, w.known(), "4 pending fetched; 3 superseded fetched; 2* accepted fetched; 1 accepted first")
}

// TestRestore puts a version back and keeps it until it is released.
func TestRestore(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	w.site.serve(w.metadata(0, 1))
	w.fetch()
	_, err := w.admin.ReleaseDocuments(ctx, support, "acme", "idp")
	wantCode(t, err, fault.DocumentDecided)
	_, err = w.admin.RestoreDocument(ctx, support, "acme", "idp", 1)
	must(t, err)
	if got := w.logins(); got != "0" {
		t.Errorf("keys %q sign in", got)
	}
	w.pass(2 * time.Minute)
	wantCode(t, w.login(1), fault.SAMLSignatureKey) // which fetches, in vain
	wantState(t, w.fetch(), "4 pending fetched; 3* accepted restored; 2 accepted fetched; 1 accepted first")
	w.wantFindings(fault.DocumentWaiting, fault.DocumentPinned)
	_, err = w.admin.ReleaseDocuments(ctx, support, "acme", "idp")
	must(t, err)
	wantState(t, w.fetch(), "6* accepted fetched; 5 accepted released; 4 superseded fetched; 3 accepted restored; 2 accepted fetched; 1 accepted first")
	if got := w.logins(); got != "0 1" {
		t.Errorf("keys %q sign in", got)
	}
	_, err = w.admin.RestoreDocument(ctx, support, "acme", "idp", 99)
	wantCode(t, err, fault.NotFound)
}

// TestAnotherAddress is another source: the first document there is trusted, and those of the old one are not.
func TestAnotherAddress(t *testing.T) {
	w := newWorld(t)
	w.fetch()
	other := newSite(t)
	other.serve(w.metadata(1))
	_, err := w.admin.UpdateConnection(ctx, support, "acme", "idp", nil, []byte(`{"saml":{"metadata_url":"`+other.URL+`"}}`))
	must(t, err)
	wantState(t, w.fetch(), "2* accepted first; 1 accepted first")
	if got := w.logins(); got != "1" {
		t.Errorf("keys %q sign in", got)
	}
	_, err = w.admin.RestoreDocument(ctx, support, "acme", "idp", 1)
	wantCode(t, err, fault.DocumentSource)
	// Back at the old address, what was trusted there is: its host may have changed hands meanwhile.
	w.site.serve(strings.ReplaceAll(w.metadata(2), "https://idp.example/sso", "https://evil.example/sso"))
	_, err = w.admin.UpdateConnection(ctx, support, "acme", "idp", nil, []byte(`{"saml":{"metadata_url":"`+w.site.URL+`/metadata"}}`))
	must(t, err)
	wantState(t, w.fetch(), "3 pending fetched; 2 accepted first; 1* accepted first")
	if got := w.logins(); got != "0" {
		t.Errorf("keys %q sign in", got)
	}
}

// TestValidity: an end that comes near is told, one that moves on costs nothing.
func TestValidity(t *testing.T) {
	w := newWorld(t)
	until := func(at time.Time) {
		w.site.serve(strings.Replace(w.metadata(0), "<md:EntityDescriptor", `<md:EntityDescriptor validUntil="`+at.Format(time.RFC3339)+`"`, 1))
	}
	until(start.Add(14 * day))
	wantState(t, w.fetch(), "1* accepted first")
	w.wantFindings()
	w.pass(12 * day)
	w.wantFindings(fault.DocumentEnding)
	until(start.Add(28 * day))
	wantState(t, w.fetch(), "1* accepted first")
	w.wantFindings()
	w.pass(10 * day)
	if got := w.logins(); got != "0" {
		t.Errorf("keys %q sign in", got)
	}
}

// TestUploads are kept too.
func TestUploads(t *testing.T) {
	w := newWorld(t)
	quoted := func(certs ...int) string {
		return strings.NewReplacer(`"`, `\"`, "\n", `\n`).Replace(w.metadata(certs...))
	}
	w.create(`{"slug":"manual","protocol":"saml","saml":{"metadata_xml":"` + quoted(0) + `"}}`)
	for _, certs := range [][]int{{0}, {1}} {
		_, err := w.admin.UpdateConnection(ctx, support, "acme", "manual", nil, []byte(`{"display_name":"M","saml":{"metadata_xml":"`+quoted(certs...)+`"}}`))
		must(t, err)
	}
	v, err := w.admin.ListDocuments(ctx, support, "acme", "manual")
	must(t, err)
	wantState(t, v, "2* accepted uploaded; 1 accepted uploaded")
	if d := v.Items[0]; d.By != support.Name || len(d.Changes) != 2 {
		t.Errorf("%+v", d)
	}
	_, err = w.admin.RefreshDocuments(ctx, support, "acme", "manual")
	wantCode(t, err, fault.DocumentNone)
	_, err = w.admin.RestoreDocument(ctx, support, "acme", "manual", 1)
	wantCode(t, err, fault.DocumentNone)
}

// TestOnPostgreSQL: the lock holds there as well.
func TestOnPostgreSQL(t *testing.T) {
	s := storetest.Postgres(t)
	w := newWorld(t)
	r := newReplica(t, s, time.Now)
	storetest.Realm(t, s, "acme")
	w.replica = r
	w.create(`{"slug":"idp","protocol":"saml","saml":{"metadata_url":"` + w.site.URL + `/metadata"}}`)
	c, err := s.Connections.Get(ctx, "idp")
	must(t, err)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if err := r.keeper.Fetch(ctx, c); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	list, err := s.Documents.List(ctx, "idp")
	must(t, err)
	if len(list) != 1 || list[0].How != broker.DocumentFirst {
		t.Errorf("%+v", list)
	}
}
