package admin_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

const switched = `{"people":["Jane@acme.example","jane@ACME.example"],"config":{"oidc":{"issuer":"https://new.example","client_id":"n","client_secret":"new-secret"},"mapping":{"subject":["uid"]}}}`

func withShadow(t *testing.T) *house {
	h := newHouse(t)
	h.Shadows, h.ByEmail = h.store.Shadows, h.store.Users.ByEmail
	h.realm(t, "acme", "other")
	h.connection(t, "acme", "idp")
	return h
}

func (h *house) see(t *testing.T, email, subject string) {
	t.Helper()
	must(t, h.store.Shadows.See(ctx, &broker.ShadowView{Connection: "idp", Realm: "acme", Email: email, At: h.now, ShadowSeen: broker.ShadowSeen{Subject: subject, Groups: []string{"staff"}}}))
}

func TestShadowIsSwitchedAndBack(t *testing.T) {
	h := withShadow(t)
	support := admin.Actor{Name: "eva", Role: admin.Support, Realms: []string{"acme"}}
	v, err := h.PutShadow(ctx, support, "acme", "idp", []byte(switched))
	must(t, err)
	if v.Shadow == nil || v.Former != nil || len(v.Shadow.People) != 1 || v.Shadow.Config.OIDC.Issuer != "https://new.example" || v.Shadow.Config.OIDC.ClientAuth != "auto" {
		t.Fatalf("%+v", v.Shadow)
	}
	if b, err := json.Marshal(v); err != nil || strings.Contains(string(b), "new-secret") || strings.Contains(string(b), "upstream-secret-1") {
		t.Errorf("a secret is shown: %s", b)
	}
	_, err = h.SwitchShadow(ctx, support, "acme", "idp", nil)
	wantCode(t, err, fault.ShadowUntried)

	u := &broker.User{ID: "u1", Realm: "acme", Email: "jane@acme.example", Groups: []string{"admins"}}
	must(t, h.store.Users.Create(ctx, u))
	must(t, h.store.Links.Claim(ctx, &broker.Link{Connection: "idp", Realm: "acme", UserID: "u1", Subject: "old"}))
	h.see(t, "jane@acme.example", "new")
	seen, err := h.CompareShadow(ctx, support, "acme", "idp")
	must(t, err)
	if p := seen.People[0]; seen.Differ != 1 || p.Verdict != admin.ShadowDiffers || p.Subjects[0] != "old" || p.Subject != "new" || p.Groups[0] != "admins" || p.GroupsSaid[0] != "staff" ||
		seen.Findings[0].Code != string(fault.ShadowSubjects) {
		t.Errorf("%+v", seen)
	}
	_, err = h.SwitchShadow(ctx, support, "acme", "idp", nil)
	wantCode(t, err, fault.ShadowSubjects)

	h.see(t, "jane@acme.example", "old")
	c, err := h.SwitchShadow(ctx, support, "acme", "idp", []byte(`{"keep":"48h"}`))
	must(t, err)
	if c.OIDC.Issuer != "https://new.example" || c.OIDC.ClientSecret.Reveal() != "new-secret" || c.Mapping["subject"][0] != "uid" || c.Version != 2 {
		t.Errorf("%+v", c.OIDC)
	}
	h.lineOf(t, "connection.shadow_switched")
	if v, err = h.GetShadow(ctx, support, "acme", "idp"); err != nil || v.Shadow != nil || v.Former == nil || !v.Former.Until.Equal(h.now.Add(48*time.Hour)) {
		t.Fatalf("%+v %v", v, err)
	}
	c, err = h.RevertShadow(ctx, support, "acme", "idp")
	must(t, err)
	stored, err := h.store.Connections.Get(ctx, "idp")
	must(t, err)
	if c.OIDC.Issuer != "https://idp.example" || stored.OIDC.ClientSecret.Reveal() != "upstream-secret-1" || len(stored.Mapping) != 0 {
		t.Errorf("%+v", stored)
	}
	if v, err = h.GetShadow(ctx, support, "acme", "idp"); err != nil || v.Shadow == nil || v.Former != nil || v.Shadow.People[0] != "jane@acme.example" {
		t.Fatalf("%+v %v", v, err)
	}
	_, err = h.SwitchShadow(ctx, support, "acme", "idp", []byte(`{"force":true}`))
	must(t, err)
	h.now = h.now.Add(15 * 24 * time.Hour)
	_, err = h.RevertShadow(ctx, support, "acme", "idp")
	wantCode(t, err, fault.ShadowNone)
}

func TestShadowRefuses(t *testing.T) {
	h := withShadow(t)
	support := admin.Actor{Name: "eva", Role: admin.Support, Realms: []string{"acme"}}
	for body, want := range map[string]string{
		`{"config":{"domains":["evil.example"]}}`:                       "/config/domains",
		`{"config":{"email_trust":"any"}}`:                              "/config/email_trust",
		`{"config":{"saml":{"entity_id":"x"}}}`:                         "/config/saml",
		`{"people":["nobody"]}`:                                         "/people/0",
		`{"config":{"oidc":{"issuer":"https://thief.example"}}}`:        "/oidc/client_secret",
		`{"config":{"oidc":{"issuer":"https://x.example","scopes":1}}}`: "/oidc/scopes",
	} {
		_, err := h.PutShadow(ctx, support, "acme", "idp", []byte(body))
		wantPointers(t, err, want)
	}
	_, err := h.PutShadow(ctx, admin.Actor{Name: "a", Role: admin.Auditor}, "acme", "idp", []byte(switched))
	wantCode(t, err, fault.Forbidden)
	_, err = h.PutShadow(ctx, owner, "other", "idp", []byte(switched))
	wantCode(t, err, fault.NotFound)
	wantCode(t, h.DeleteShadow(ctx, owner, "acme", "idp"), fault.ShadowNone)
	_, err = h.SwitchShadow(ctx, owner, "acme", "idp", nil)
	wantCode(t, err, fault.ShadowNone)
	_, err = h.TestShadow(ctx, owner, "acme", "idp")
	wantCode(t, err, fault.ShadowNone)
	_, err = h.PutShadow(ctx, support, "acme", "idp", []byte(switched))
	must(t, err)
	_, err = h.SwitchShadow(ctx, owner, "acme", "idp", []byte(`{"keep":"9000h"}`))
	wantPointers(t, err, "/keep")
	// A change of what is on trial keeps its own secret, and forgets what the one before said.
	h.see(t, "jane@acme.example", "x")
	_, err = h.PutShadow(ctx, support, "acme", "idp", []byte(`{"people":["jane@acme.example"],"config":{"oidc":{"client_id":"m"}}}`))
	must(t, err)
	got, err := h.store.Shadows.Get(ctx, "idp", broker.ShadowTrial)
	must(t, err)
	views, err := h.store.Shadows.Views(ctx, "acme", "idp")
	must(t, err)
	if got.Config.OIDC.ClientSecret.Reveal() != "new-secret" || got.Config.OIDC.ClientID != "m" || len(views) != 0 {
		t.Errorf("%+v %v", got.Config.OIDC, views)
	}
	must(t, h.DeleteShadow(ctx, support, "acme", "idp"))
}
