package admin_test

import (
	"slices"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// TestRollOver turns our keys over at four connections that stand differently, holds one back and goes back with one.
func TestRollOver(t *testing.T) {
	h := newHouse(t)
	for _, realm := range []string{"acme", "other"} {
		_, err := h.CreateRealm(ctx, owner, []byte(`{"name":"`+realm+`"}`))
		must(t, err)
	}
	connect := func(realm, slug string) {
		t.Helper()
		c := &broker.Connection{Slug: slug, Realm: realm, Protocol: "saml", Enabled: true, SAML: &broker.SAML{EntityID: "https://idp.example", SSOURL: "https://idp.example/sso"}}
		c.Defaults()
		must(t, h.store.Connections.Create(ctx, c))
		_, err := h.Keys.ForConnection(ctx, slug)
		must(t, err)
	}
	for _, slug := range []string{"read", "by-hand", "unread", "held"} {
		connect("acme", slug)
	}
	connect("other", "elsewhere")
	for slug, byHand := range map[string]bool{"read": false, "held": false, "elsewhere": false, "by-hand": true} {
		must(t, h.store.Keys.Fetched(ctx, "connection:"+slug, "agent", byHand))
	}
	turn := func(slug string) *admin.KeyTurn {
		t.Helper()
		k, err := h.GetKeyTurn(ctx, owner, "acme", slug)
		must(t, err)
		return k
	}
	_, err := h.HoldKey(ctx, owner, "acme", "held", []byte(`{"hold":true}`))
	if admin.FieldErrors(err) == nil {
		t.Errorf("held without a reason: %v", err)
	}
	_, err = h.HoldKey(ctx, owner, "acme", "held", []byte(`{"hold":true,"reason":"change freeze until January"}`))
	must(t, err)

	before := turn("read")
	dry, err := h.RollOverKeys(ctx, owner, []byte(`{"realm":"acme","dry_run":true}`))
	must(t, err)
	done, err := h.RollOverKeys(ctx, owner, []byte(`{"realm":"acme"}`))
	must(t, err)
	for name, r := range map[string]*admin.RolledOver{"dry": dry, "done": done} {
		if !slices.Equal(r.Turned, []string{"read"}) || !slices.Equal(r.Waiting, []string{"unread"}) || !slices.Equal(r.ByHand, []string{"by-hand"}) || !slices.Equal(r.Held, []string{"held"}) {
			t.Errorf("%s: %+v", name, r)
		}
	}
	after := turn("read")
	if after.ActiveKID != before.NextKID || after.Former != before.ActiveKID || after.Ready {
		t.Errorf("before %+v, after %+v", before.KeyTurn, after.KeyTurn)
	}
	published, err := h.Keys.ForConnection(ctx, "read")
	must(t, err)
	if published[0].ID != before.NextKID || !slices.ContainsFunc(published, func(k providers.Key) bool { return k.ID == before.ActiveKID }) {
		t.Errorf("published %v", published)
	}
	again, err := h.RollOverKeys(ctx, owner, []byte(`{"realm":"acme"}`))
	must(t, err)
	if len(again.Turned) != 0 || !slices.Contains(again.Waiting, "read") {
		t.Errorf("a second time: %+v", again)
	}
	if k, err := h.GetKeyTurn(ctx, owner, "other", "elsewhere"); err != nil || !k.Ready {
		t.Errorf("the other realm's was turned over too: %v", err)
	}

	back, err := h.RollBackKey(ctx, owner, "acme", "read")
	must(t, err)
	if back.ActiveKID != before.ActiveKID || back.Former != before.NextKID {
		t.Errorf("gone back to %+v", back.KeyTurn)
	}
	_, err = h.RollBackKey(ctx, owner, "acme", "unread")
	wantCode(t, err, fault.KeyNoFormer)
	_, err = h.RotateKey(ctx, owner, "acme", []byte(`{"connection":"held"}`))
	wantCode(t, err, fault.KeyHeld)
	_, err = h.HoldKey(ctx, owner, "acme", "held", []byte(`{"hold":false}`))
	must(t, err)
	_, err = h.RotateKey(ctx, owner, "acme", []byte(`{"connection":"held"}`))
	must(t, err)

	support := admin.Actor{Name: "operator:sue", Role: admin.Support, Realms: []string{"other"}}
	_, err = h.RollOverKeys(ctx, support, []byte(`{}`))
	wantCode(t, err, fault.Forbidden)
	if seen, err := h.ListKeyTurns(ctx, support, "", broker.Page{}); err != nil || len(seen.Items) != 1 || seen.Items[0].Connection != "elsewhere" {
		t.Errorf("support of another realm sees %v, %v", seen.Items, err)
	}
	_, err = h.GetKeyTurn(ctx, support, "acme", "read")
	wantCode(t, err, fault.NotFound)

	// Where operators sign in, an owner of some realms changes nothing, not even as one of all realms that they have.
	_, err = h.UpdateRealm(ctx, owner, "other", nil, []byte(`{"operators":true}`))
	must(t, err)
	limited := admin.Actor{Name: "operator:ola", Role: admin.Owner, Realms: []string{"acme", "other"}}
	if r, err := h.RollOverKeys(ctx, limited, []byte(`{}`)); err != nil || slices.Contains(r.Turned, "elsewhere") || !slices.Contains(r.Held, "elsewhere") {
		t.Errorf("%+v, %v", r, err)
	}
}
