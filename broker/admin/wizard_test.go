package admin_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/providers/providertest/samlidp"
)

var sam = admin.Actor{Name: "operator:sam@vendor.example", Role: admin.Support}

// drawing is a house with the wizard.
func drawing(t *testing.T) *house {
	h := newHouse(t)
	h.Wizard = admin.Wizard{Notes: h.store.WizardNotes, LatestTest: h.store.Tests.Latest}
	h.realm(t, "acme")
	return h
}

func (h *house) start(t *testing.T, body string) *broker.Connection {
	t.Helper()
	c, err := h.StartConnection(ctx, sam, "acme", []byte(body))
	must(t, err)
	return c
}

func (h *house) paste(t *testing.T, slug, field, text string) *admin.Pasted {
	t.Helper()
	body, err := json.Marshal(admin.Paste{Field: field, Text: text})
	must(t, err)
	p, err := h.PasteInto(ctx, sam, "acme", slug, nil, body)
	must(t, err)
	return p
}

func states(w *admin.WizardState) string {
	var out []string
	for _, s := range w.Steps {
		out = append(out, s.ID+":"+s.State)
	}
	return strings.Join(out, " ")
}

func TestDraftFromNothingToLive(t *testing.T) {
	h := drawing(t)
	_, err := h.CreateDomain(ctx, owner, "acme", []byte(`{"domain":"acme.example","verified":true,"reason":"a test"}`))
	must(t, err)
	c := h.start(t, `{"preset":"entra"}`)
	if c.Slug != "acme-entra" || !c.Draft || c.Enabled || c.Protocol != "oidc" || !slices.Equal(c.Domains, []string{"acme.example"}) {
		t.Fatalf("begun as %+v", c)
	}
	if _, err := h.SwitchOn(ctx, sam, "acme", c.Slug, nil); fault.CodeOf(err) != fault.LoginDraft {
		t.Errorf("a draft was switched on: %v", err)
	}
	if _, err := h.UpdateConnection(ctx, owner, "acme", c.Slug, nil, []byte(`{"enabled":true}`)); !slices.Equal(pointers(err), []string{"/enabled"}) {
		t.Errorf("a draft was enabled: %v", err)
	}
	w, err := h.ConnectionCopied(ctx, sam, "acme", c.Slug, []byte(`{"copied":true}`))
	must(t, err)
	if want := "provider:done copied:done pasted:todo checked:todo tested:todo trusted:done live:todo"; states(w) != want || w.Next != admin.StepPasted {
		t.Errorf("%s, next %s", states(w), w.Next)
	}
	if got := w.Step(admin.StepPasted).Missing; !slices.Equal(got, []string{"/oidc/client_id", "/oidc/client_secret", "/oidc/tenant"}) {
		t.Errorf("missing %v", got)
	}
	p := h.paste(t, c.Slug, "", "Application (client) ID: aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\nDirectory (tenant) ID: 11111111-2222-3333-4444-555555555555")
	if !p.Saved || !p.Connection.Draft {
		t.Errorf("half of it: %+v", p)
	}
	if p = h.paste(t, c.Slug, "", "12121212-1212-1212-1212-121212121212"); p.Saved || p.Findings[0].Code != string(fault.PasteAmbiguous) {
		t.Errorf("an id more: %+v", p.Findings)
	}
	p = h.paste(t, c.Slug, "/oidc/client_secret", "abc8Q~0123456789abcdefghijABCDEFGHIJ0123")
	if !p.Saved || p.Connection.Draft || p.Connection.Enabled || p.Next != admin.StepChecked {
		t.Errorf("all of it: %+v", p)
	}
	if c, err = h.SwitchOn(ctx, sam, "acme", c.Slug, nil); err != nil || !c.Enabled {
		t.Errorf("%+v %v", c, err)
	}
	if w, err = h.WizardState(ctx, sam, "acme", c.Slug); err != nil || w.ChangedBy != sam.Name || w.Step(admin.StepLive).State != admin.StepDone {
		t.Errorf("%+v %v", w, err)
	}
	secret, _ := json.Marshal(w)
	if strings.Contains(string(secret), "abc8Q~") {
		t.Error("the wizard's state shows the secret")
	}
}

func TestDraftsHaveNamesOfTheirOwn(t *testing.T) {
	h := drawing(t)
	for _, want := range []string{"acme-okta", "acme-okta-2", "acme-okta-3"} {
		if c := h.start(t, `{"preset":"okta"}`); c.Slug != want {
			t.Errorf("%s, want %s", c.Slug, want)
		}
	}
	if c := h.start(t, `{"preset":"generic","protocol":"oidc"}`); c.Slug != "acme-oidc" {
		t.Error(c.Slug)
	}
	_, err := h.StartConnection(ctx, sam, "acme", []byte(`{"preset":"okta","slug":"acme_okta"}`))
	wantCode(t, err, fault.PasteSlug)
	directory := h.start(t, `{"preset":"active-directory"}`)
	w, err := h.WizardState(ctx, sam, "acme", directory.Slug)
	if err != nil || !slices.Equal(w.Step(admin.StepPasted).Missing, []string{"/ldap/bind_dn", "/ldap/bind_password", "/ldap/url"}) || w.Handover.OpenPort != "TCP 636" {
		t.Errorf("%v %+v", err, w)
	}
	_, err = h.StartConnection(ctx, sam, "acme", []byte(`{"preset":"shibboleth","protocol":"oidc"}`))
	wantPointers(t, err, "/protocol")
	_, err = h.StartConnection(ctx, sam, "acme", []byte(`{"preset":"nobody"}`))
	wantPointers(t, err, "/preset")
	_, err = h.StartConnection(ctx, admin.Actor{Name: "a", Role: admin.Auditor}, "acme", []byte(`{"preset":"okta"}`))
	wantCode(t, err, fault.Forbidden)
	_, err = h.StartConnection(ctx, admin.Actor{Name: "b", Role: admin.Support, Realms: []string{"other"}}, "acme", []byte(`{"preset":"okta"}`))
	wantCode(t, err, fault.NotFound)
}

func TestPasteSAML(t *testing.T) {
	h := drawing(t)
	c := h.start(t, `{"preset":"generic","protocol":"saml"}`)
	idp := samlidp.New(samlidp.Options{BaseURL: "https://idp.acme.example", Now: h.Now})
	before := c.Version
	p := h.paste(t, c.Slug, "", "<html><body>Sign in</body></html>")
	if p.Saved || p.Connection.Version != before || p.Findings[0].Severity != "error" {
		t.Errorf("%+v", p)
	}
	if p = h.paste(t, c.Slug, "", base64.StdEncoding.EncodeToString(idp.Metadata())); !p.Saved || p.Connection.Draft || p.Kind != "metadata" {
		t.Fatalf("%+v", p)
	}
	_, key := samlidp.NewKey(2048, h.Now())
	if p = h.paste(t, c.Slug, "", samlidp.PEM(key)); !p.Saved || len(p.Connection.SAML.Certificates) != 1 {
		t.Fatalf("%+v", p)
	}
	_, second := samlidp.NewKey(2048, h.Now())
	if p = h.paste(t, c.Slug, "", samlidp.PEM(second)); len(p.Connection.SAML.Certificates) != 2 || !strings.HasPrefix(p.Connection.SAML.Certificates[0], "-----BEGIN") {
		t.Errorf("a change of certificates keeps the old one beside the new: %v", p.Connection.SAML.Certificates)
	}
	if p = h.paste(t, c.Slug, "", "https://idp.acme.example/metadata.xml"); p.Connection.SAML.MetadataXML != "" || len(p.Connection.SAML.Certificates) != 0 {
		t.Errorf("what was entered by hand would win over the metadata: %+v", p.Connection.SAML)
	}
	own, err := h.Handover(ctx, owner, "acme", c.Slug)
	must(t, err)
	for _, text := range []string{own.ACSURL, own.EntityID, own.MetadataURL, own.Certificate} {
		if p = h.paste(t, c.Slug, "", text); p.Saved {
			t.Errorf("our own %s was taken", text[:20])
		}
	}
	_, err = h.PasteInto(ctx, sam, "acme", c.Slug, admin.Match{1}, []byte(`{"text":"https://idp.acme.example/metadata.xml"}`))
	wantCode(t, err, fault.Conflict)
}

func TestRechoose(t *testing.T) {
	h := drawing(t)
	c := h.start(t, `{"preset":"okta"}`)
	p := h.paste(t, c.Slug, "", "https://accounts.google.com/o/saml2/idp?idpid=C01abc")
	if p.Saved || p.OtherPreset != "google" {
		t.Fatalf("%+v", p)
	}
	got, err := h.RechooseConnection(ctx, sam, "acme", c.Slug, nil, []byte(`{"preset":"onelogin","protocol":"saml"}`))
	must(t, err)
	if got.Slug != c.Slug || got.Preset != "onelogin" || got.Protocol != "saml" || !got.Draft {
		t.Errorf("%+v", got)
	}
	live := h.connection(t, "acme", "live")
	_, err = h.RechooseConnection(ctx, sam, "acme", live.Slug, nil, []byte(`{"preset":"okta"}`))
	wantPointers(t, err, "/preset")
}

// A sign-in through a draft is refused by a code of its own; see broker/connection.go.
func TestOff(t *testing.T) {
	for want, c := range map[fault.Code]broker.Connection{
		fault.LoginDraft: {Draft: true}, fault.LoginDisabled: {}, "": {Enabled: true},
	} {
		if got := fault.CodeOf(c.Off()); got != want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// A domain that is verified after the draft was begun is offered to it; one that a connection in use lists is not.
func TestDraftIsOfferedDomains(t *testing.T) {
	h := drawing(t)
	c := h.start(t, `{"preset":"entra"}`)
	for _, name := range []string{"acme.example", "used.example"} {
		_, err := h.CreateDomain(ctx, owner, "acme", []byte(`{"domain":"`+name+`","verified":true,"reason":"a test"}`))
		must(t, err)
	}
	_, err := h.CreateConnection(ctx, owner, "acme", []byte(`{"slug":"used","protocol":"oidc","enabled":true,"domains":["used.example"],"oidc":{"issuer":"https://op.example","client_id":"c","client_secret":"0123456789abcdef"}}`))
	must(t, err)
	w, err := h.WizardState(ctx, sam, "acme", c.Slug)
	must(t, err)
	if !slices.Equal(w.Free, []string{"acme.example"}) {
		t.Errorf("offered: %v", w.Free)
	}
	_, err = h.UpdateConnection(ctx, sam, "acme", c.Slug, nil, []byte(`{"domains":["acme.example"]}`))
	must(t, err)
	if w, err = h.WizardState(ctx, sam, "acme", c.Slug); err != nil || len(w.Free) > 0 {
		t.Errorf("offered to one that lists a domain: %v, %v", w.Free, err)
	}
}

// A connection that proves itself with a key of ours gives the address of the published ones.
func TestWizardGivesPublishedKeys(t *testing.T) {
	h := drawing(t)
	c := h.start(t, `{"preset":"generic","protocol":"oidc"}`)
	given := func() string {
		w, err := h.WizardState(ctx, sam, "acme", c.Slug)
		must(t, err)
		for _, g := range w.Give {
			if g.Field == "jwks_uri" {
				return g.Value
			}
		}
		return ""
	}
	if v := given(); v != "" {
		t.Errorf("given without need: %s", v)
	}
	_, err := h.UpdateConnection(ctx, sam, "acme", c.Slug, nil, []byte(`{"oidc":{"client_auth":"private_key_jwt"}}`))
	must(t, err)
	if v := given(); !strings.HasSuffix(v, "/broker/"+c.Slug+"/metadata") {
		t.Errorf("given: %q", v)
	}
}
