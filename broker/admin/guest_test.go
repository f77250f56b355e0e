package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	keeper "cloakroom/broker/upstream"
	"cloakroom/providers"
	"cloakroom/providers/providertest/samlidp"
)

// exam keeps test logins with who began them.
type exam struct {
	admin.Diagnosis
	kept map[string]*admin.Diagnosed // by slug and reference
	last string
}

func (x *exam) Begin(_ context.Context, c *broker.Connection, by string) (admin.TestLink, error) {
	ref := broker.RefOf(broker.NewLoginID())
	d := admin.NewDiagnosed(c, ref, "passed")
	d.By, d.Past, d.Message = by, "the past", "<Response/>"
	d.Profile.Email, d.Identity.Subject = "ann@person.test", "00u1"
	f := admin.FindingOf(&fault.Error{Code: fault.EmailOutside, Detail: "ann@person.test", Observed: "ann@person.test"}, "error")
	d.Findings, d.Diagnosis = []admin.Finding{f}, &f
	x.kept[c.Slug+ref], x.last = d, ref
	return admin.TestLink{URL: "https://sso.example/test/x", Ref: ref}, nil
}

func (x *exam) Tested(_ context.Context, c *broker.Connection, ref string) (*admin.Diagnosed, error) {
	if d := x.kept[c.Slug+ref]; d != nil {
		return d, nil
	}
	return nil, broker.ErrNotFound
}

func (x *exam) Pasted(ctx context.Context, c *broker.Connection, ref, _ string) (*admin.Diagnosed, error) {
	return x.Tested(ctx, c, ref)
}

// lobby is a house with setup links and test logins.
func lobby(t *testing.T) (*house, *exam) {
	h := drawing(t)
	h.Setup = admin.Setup{Links: h.store.SetupLinks}
	x := &exam{kept: map[string]*admin.Diagnosed{}}
	h.Diagnosis = x
	h.Wizard.LatestTest = func(_ context.Context, _, slug string) (string, error) {
		if x.kept[slug+x.last] == nil {
			return "", nil
		}
		return x.last, nil
	}
	h.Documents = &keeper.Keeper{
		Documents: h.store.Documents, Watches: h.store.Documents, Connections: h.store.Connections, Events: h.store.Events, Tx: h.store.Tx,
		Open: h.Open, Now: h.Now, Log: slog.New(slog.DiscardHandler),
	}
	return h, x
}

func (h *house) link(t *testing.T, realm, body string) (token string, l *admin.SetupLink) {
	t.Helper()
	l, err := h.CreateSetupLink(ctx, owner, realm, []byte(body))
	must(t, err)
	return strings.TrimPrefix(l.URL, "https://sso.example/setup/"), l
}

func (h *house) guest(t *testing.T, realm, body string) *admin.Guest {
	t.Helper()
	token, _ := h.link(t, realm, body)
	g, err := h.OpenSetup(ctx, token, "192.0.2.1")
	must(t, err)
	return g
}

func pasteBody(t *testing.T, field, text string) []byte {
	t.Helper()
	b, err := json.Marshal(admin.Paste{Field: field, Text: text})
	must(t, err)
	return b
}

// samlOf makes a connection that people sign in through.
func (h *house) samlOf(t *testing.T, realm, slug string, section map[string]any) *broker.Connection {
	t.Helper()
	body, err := json.Marshal(map[string]any{"slug": slug, "protocol": "saml", "enabled": true, "saml": section})
	must(t, err)
	c, err := h.CreateConnection(ctx, owner, realm, body)
	must(t, err)
	return c
}

func idpAt(h *house, base string) *samlidp.IdP {
	return samlidp.New(samlidp.Options{BaseURL: base, Now: h.Now})
}

func TestSetupLinkOpens(t *testing.T) {
	h, _ := lobby(t)
	token, l := h.link(t, "acme", `{"purpose":"domain"}`)
	for _, bad := range []string{"", "x", token + "x", token[:42] + "A", strings.ToUpper(token), l.ID, l.TokenHash} {
		if bad == token {
			continue
		}
		_, err := h.OpenSetup(ctx, bad, "")
		wantCode(t, err, fault.SetupUnknown)
	}
	_, err := h.OpenSetup(ctx, token, "192.0.2.1")
	must(t, err)
	if first := h.lineOf(t, "setup_link.opened"); first.Actor != "setup:"+l.ID || first.RemoteIP != "192.0.2.1" {
		t.Errorf("%+v", first)
	}
	again, err := h.ResendSetupLink(ctx, owner, "acme", l.ID, []byte(`{}`))
	must(t, err)
	_, err = h.OpenSetup(ctx, token, "")
	wantCode(t, err, fault.SetupUnknown)
	token = strings.TrimPrefix(again.URL, "https://sso.example/setup/")
	g, err := h.OpenSetup(ctx, token, "")
	must(t, err)
	must(t, g.Done(ctx))
	if v, err := h.GetSetupLink(ctx, owner, "acme", l.ID); err != nil || v.State != broker.SetupDone {
		t.Errorf("%+v %v", v, err)
	}
	_, err = h.OpenSetup(ctx, token, "")
	must(t, err) // people look again
	_, err = h.RevokeSetupLink(ctx, owner, "acme", l.ID)
	must(t, err)
	_, err = h.OpenSetup(ctx, token, "")
	wantCode(t, err, fault.SetupRevoked)
	again, err = h.ResendSetupLink(ctx, owner, "acme", l.ID, []byte(`{}`))
	must(t, err)
	h.now = h.now.Add(15 * 24 * time.Hour)
	_, err = h.OpenSetup(ctx, strings.TrimPrefix(again.URL, "https://sso.example/setup/"), "")
	wantCode(t, err, fault.SetupExpired)
}

func TestSetupLinkOfADeletedConnection(t *testing.T) {
	h, _ := lobby(t)
	h.connection(t, "acme", "acme-idp")
	token, l := h.link(t, "acme", `{"purpose":"secret","connection":"acme-idp"}`)
	must(t, h.DeleteConnection(ctx, owner, "acme", "acme-idp", nil))
	_, err := h.OpenSetup(ctx, token, "")
	wantCode(t, err, fault.SetupGone)
	if v, err := h.GetSetupLink(ctx, owner, "acme", l.ID); err != nil || v.State != broker.SetupWaiting {
		t.Errorf("staff: %+v %v", v, err)
	}
	g := h.guest(t, "acme", `{"purpose":"connection"}`)
	must(t, g.Choose(ctx, []byte(`{"preset":"okta"}`)))
	must(t, h.DeleteConnection(ctx, owner, "acme", g.Link.Connection, nil))
	if w, err := g.State(ctx); w != nil || err != nil {
		t.Errorf("state of what was deleted: %v %v", w, err)
	}
	must(t, g.Choose(ctx, []byte(`{"preset":"adfs"}`)))
	if w, err := g.State(ctx); err != nil || w.Connection.Preset != "adfs" {
		t.Errorf("chosen anew: %v", err)
	}
}

// Every method times every purpose: what a link is not for is refused, and nothing has changed then.
func TestNothingBeyondThePurpose(t *testing.T) {
	h, x := lobby(t)
	idp := idpAt(h, "https://idp.acme.example")
	h.samlOf(t, "acme", "acme-saml", map[string]any{"metadata_xml": string(idp.Metadata())})
	h.connection(t, "acme", "acme-oidc")
	_, err := h.BeginTest(ctx, owner, "acme", "acme-oidc")
	must(t, err)
	ref := x.last
	_, err = h.CreateDomain(ctx, owner, "acme", []byte(`{"domain":"acme.example"}`))
	must(t, err)
	guests := map[string]*admin.Guest{
		"connection":  h.guest(t, "acme", `{"purpose":"connection"}`),
		"certificate": h.guest(t, "acme", `{"purpose":"certificate","connection":"acme-saml"}`),
		"secret":      h.guest(t, "acme", `{"purpose":"secret","connection":"acme-oidc"}`),
		"domain":      h.guest(t, "acme", `{"purpose":"domain","connection":"acme-oidc"}`),
		"scim":        h.guest(t, "acme", `{"purpose":"scim","connection":"acme-oidc"}`),
	}
	methods := map[string]struct {
		may []string
		do  func(g *admin.Guest) error
	}{
		"Choose":   {[]string{"connection"}, func(g *admin.Guest) error { return g.Choose(ctx, []byte(`{"preset":"okta"}`)) }},
		"Copied":   {nil, func(g *admin.Guest) error { return g.Copied(ctx, true) }},
		"SwitchOn": {nil, func(g *admin.Guest) error { return g.SwitchOn(ctx) }},
		"Check":    {[]string{"certificate", "secret"}, func(g *admin.Guest) error { _, err := g.Check(ctx); return err }},
		"BeginTest": {[]string{"certificate", "secret"}, func(g *admin.Guest) error {
			_, err := g.BeginTest(ctx)
			return err
		}},
		"Test of another": {[]string{"secret"}, func(g *admin.Guest) error { _, err := g.TestReport(ctx, ref); return err }},
		"Page of another": {nil, func(g *admin.Guest) error { _, err := g.PastePage(ctx, ref, []byte("AADSTS50105")); return err }},
		"Secret": {[]string{"secret"}, func(g *admin.Guest) error {
			_, err := g.Paste(ctx, pasteBody(t, "/oidc/client_secret", "a-new-secret-of-the-client-0123456789"))
			return err
		}},
		"Client ID": {nil, func(g *admin.Guest) error {
			return strict(g.Paste(ctx, pasteBody(t, "/oidc/client_id", "another-client")))
		}},
		"Issuer": {nil, func(g *admin.Guest) error {
			return strict(g.Paste(ctx, pasteBody(t, "/oidc/issuer", "https://evil.example")))
		}},
		"Entity ID": {nil, func(g *admin.Guest) error {
			return strict(g.Paste(ctx, pasteBody(t, "/saml/entity_id", "https://evil.example/idp")))
		}},
		"Sign-on URL": {nil, func(g *admin.Guest) error {
			return strict(g.Paste(ctx, pasteBody(t, "/saml/sso_url", "https://evil.example/sso")))
		}},
		"Mapping": {nil, func(g *admin.Guest) error { return strict(g.Paste(ctx, pasteBody(t, "/mapping/email", "mail"))) }},
		"Trust":   {nil, func(g *admin.Guest) error { return strict(g.Paste(ctx, pasteBody(t, "/email_trust", "any"))) }},
		"Several": {nil, func(g *admin.Guest) error {
			return strict(g.Paste(ctx, pasteBody(t, "", "Client ID: abc\nClient secret: a-new-secret-of-the-client-0123456789")))
		}},
		"More than a paste": {nil, func(g *admin.Guest) error {
			_, err := g.Paste(ctx, []byte(`{"text":"x","enabled":false}`))
			return err
		}},
		"Domains":          {[]string{"domain", "connection"}, func(g *admin.Guest) error { _, err := g.Domains(ctx); return err }},
		"AddDomain":        {[]string{"domain"}, func(g *admin.Guest) error { _, err := g.AddDomain(ctx, "new.example"); return err }},
		"VerifyDomain":     {[]string{"domain"}, func(g *admin.Guest) error { _, err := g.VerifyDomain(ctx, "acme.example"); return notFoundIsNo(err) }},
		"Directory":        {[]string{"scim"}, func(g *admin.Guest) error { _, err := g.Directory(ctx); return err }},
		"MakeToken":        {[]string{"scim"}, func(g *admin.Guest) error { _, err := g.MakeToken(ctx); return err }},
		"State":            {[]string{"certificate", "secret"}, seenState},
		"Domain elsewhere": {nil, func(g *admin.Guest) error { _, err := g.VerifyDomain(ctx, "globex.example"); return err }},
	}
	before, err := h.GetConnection(ctx, owner, "acme", "acme-saml")
	must(t, err)
	for name, m := range methods {
		for purpose, g := range guests {
			if name == "Choose" && purpose == "connection" {
				continue // last
			}
			err := m.do(g)
			if may := slices.Contains(m.may, purpose); may && err != nil {
				t.Errorf("%s may %s: %v", purpose, name, err)
			} else if !may && err == nil {
				t.Errorf("%s by a link for %s", name, purpose)
			}
		}
	}
	must(t, guests["connection"].Choose(ctx, []byte(`{"preset":"okta"}`)))
	after, err := h.GetConnection(ctx, owner, "acme", "acme-saml")
	must(t, err)
	if before.Version != after.Version {
		t.Errorf("the SAML connection was changed: %+v", after)
	}
	c, err := h.GetConnection(ctx, owner, "acme", "acme-oidc")
	must(t, err)
	if c.OIDC.ClientID != "c" || c.OIDC.Issuer != "https://idp.example" || c.OIDC.ClientSecret.Reveal() != "a-new-secret-of-the-client-0123456789" || c.EmailTrust != "domains" || len(c.Mapping) != 0 || len(c.Domains) != 0 {
		t.Errorf("the OpenID connection: %+v", c)
	}
	wantCode(t, guests["certificate"].Copied(ctx, true), fault.SetupBeyond)
}

// seenState takes a state that shows nothing for refused.
func seenState(g *admin.Guest) error {
	w, err := g.State(ctx)
	if err == nil && w == nil {
		err = errors.New("nothing is shown")
	}
	return err
}

// strict takes a paste that was not saved for refused.
func strict(p *admin.Pasted, err error) error {
	if err == nil && !p.Saved {
		return errors.New("not saved")
	}
	return err
}

func notFoundIsNo(err error) error {
	if fault.CodeOf(err) == fault.DomainUnproved {
		return nil // it was looked for
	}
	return err
}

// Two customers, and two links of one of them: none sees or touches what is another's.
func TestGuestsAreApart(t *testing.T) {
	h, x := lobby(t)
	h.realm(t, "globex")
	_, err := h.CreateDomain(ctx, owner, "globex", []byte(`{"domain":"globex.example","verified":true,"reason":"a test"}`))
	must(t, err)
	_, err = h.OfferDomain(ctx, owner, "globex", "globex.example", nil, []byte(`{"to":"acme"}`))
	must(t, err)
	ours := h.guest(t, "acme", `{"purpose":"connection","activate":true}`)
	theirs := h.guest(t, "globex", `{"purpose":"connection"}`)
	second := h.guest(t, "acme", `{"purpose":"connection","presets":["adfs"]}`)
	for _, g := range []*admin.Guest{ours, theirs} {
		must(t, g.Choose(ctx, []byte(`{"preset":"okta"}`)))
	}
	wantCode(t, second.Choose(ctx, []byte(`{"preset":"okta"}`)), fault.SetupBeyond)
	must(t, second.Choose(ctx, []byte(`{"preset":"adfs"}`)))
	if ours.Link.Connection == second.Link.Connection || ours.Link.Connection == theirs.Link.Connection {
		t.Fatal("two links share a connection")
	}
	_, err = theirs.BeginTest(ctx)
	must(t, err)
	_, err = ours.TestReport(ctx, x.last)
	wantCode(t, err, fault.NotFound)
	_, err = ours.PastePage(ctx, x.last, []byte("x"))
	wantCode(t, err, fault.NotFound)
	for _, name := range []string{"globex.example", "GLOBEX.example", "_cloakroom.globex.example", ""} {
		_, err = ours.VerifyDomain(ctx, name)
		wantCode(t, err, fault.NotFound)
	}
	for _, g := range []*admin.Guest{ours, second, theirs} {
		w, err := g.State(ctx)
		must(t, err)
		list, err := g.Domains(ctx)
		must(t, err)
		doc, err := json.Marshal([]any{w, list})
		must(t, err)
		other := map[string]string{"acme": "globex", "globex": "acme"}[g.Link.Realm]
		if strings.Contains(string(doc), other) || strings.Contains(string(doc), "vendor.example") {
			t.Errorf("%s reads of %s: %s", g.Link.Realm, other, doc)
		}
	}
	// A domain that the realm's other connection lists stays with it.
	d, err := ours.AddDomain(ctx, "Acme.Example")
	must(t, err)
	if d.Domain != "acme.example" || d.Verified || d.Record.Name != "_cloakroom.acme.example" {
		t.Errorf("%+v", d)
	}
	_, err = second.AddDomain(ctx, "acme.example")
	wantCode(t, err, fault.SetupBeyond)
	if list, err := second.Domains(ctx); err != nil || len(list) != 0 {
		t.Errorf("%v %v", list, err)
	}
	_, err = second.VerifyDomain(ctx, "acme.example")
	wantCode(t, err, fault.NotFound)
	_, err = ours.AddDomain(ctx, "gmail.com")
	wantCode(t, err, fault.DomainPublic)
	for i := range 25 {
		_, err = ours.AddDomain(ctx, string(rune('a'+i))+".acme.example")
	}
	wantCode(t, err, fault.SetupTooMany)
}

// The public providers vouch for everybody: a link offers them where an operator named them.
func TestPublicProvidersAreNamed(t *testing.T) {
	h, _ := lobby(t)
	g := h.guest(t, "acme", `{}`)
	wantCode(t, g.Choose(ctx, []byte(`{"preset":"github"}`)), fault.SetupBeyond)
	g = h.guest(t, "acme", `{"presets":["github"]}`)
	must(t, g.Choose(ctx, []byte(`{"preset":"github"}`)))
	for _, body := range []string{`{"preset":"github","slug":"mine"}`, `{"preset":"github","domains":["evil.example"]}`} {
		must(t, g.Choose(ctx, []byte(body)))
		if w, err := g.State(ctx); err != nil || w.Connection.Slug != "acme-github" || len(w.Connection.Domains) != 0 {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestSwitchOnByLink(t *testing.T) {
	h, _ := lobby(t)
	g := h.guest(t, "acme", `{"activate":true}`)
	must(t, g.Choose(ctx, []byte(`{"preset":"generic","protocol":"saml"}`)))
	slug := g.Link.Connection
	p, err := g.Paste(ctx, pasteBody(t, "", string(idpAt(h, "https://idp.acme.example").Metadata())))
	must(t, err)
	if !p.Saved {
		t.Fatalf("%+v", p.Findings)
	}
	wantCode(t, g.SwitchOn(ctx), fault.SetupNotYet)
	_, err = g.AddDomain(ctx, "acme.example")
	must(t, err)
	_, err = g.BeginTest(ctx)
	must(t, err)
	must(t, h.store.Overview.Tested(ctx, "acme", slug, "setup", true, h.now.Add(time.Minute)))
	wantCode(t, g.SwitchOn(ctx), fault.SetupNotYet) // the domain
	d, err := g.Domains(ctx)
	must(t, err)
	h.dns[d[0].Record.Name+"."] = []string{d[0].Record.Value}
	_, err = g.VerifyDomain(ctx, "acme.example")
	must(t, err)
	if left := h.guest(t, "acme", `{"connection":"`+slug+`"}`); fault.CodeOf(left.SwitchOn(ctx)) != fault.SetupNotYet {
		t.Error("switched on by a link that leaves it to support")
	}
	_, err = h.UpdateConnection(ctx, owner, "acme", slug, nil, []byte(`{"email_trust":"any"}`))
	must(t, err)
	wantCode(t, g.SwitchOn(ctx), fault.SetupNotYet)
	_, err = h.UpdateConnection(ctx, owner, "acme", slug, nil, []byte(`{"email_trust":"domains"}`))
	must(t, err)
	must(t, h.store.Overview.Tested(ctx, "acme", slug, "setup", true, h.now.Add(2*time.Minute)))
	must(t, g.SwitchOn(ctx))
	c, err := h.GetConnection(ctx, owner, "acme", slug)
	must(t, err)
	if !c.Enabled || g.Link.DoneAt.IsZero() {
		t.Errorf("%v, done %s", c.Enabled, g.Link.DoneAt)
	}

	// From now on people sign in through it.
	_, err = g.Paste(ctx, pasteBody(t, "", string(idpAt(h, "https://evil.example").Metadata())))
	wantCode(t, err, fault.SetupInUse)
	wantCode(t, g.Choose(ctx, []byte(`{"preset":"okta"}`)), fault.SetupInUse)
	_, err = g.AddDomain(ctx, "more.example")
	wantCode(t, err, fault.SetupInUse)
	must(t, g.SwitchOn(ctx)) // twice is once

	// An operator who switches it off has a reason: the link neither changes it then, nor switches it on again.
	h.store.Traces.Log(broker.Trace{At: h.now, Realm: "acme", Connection: slug, Ref: broker.RefOf(broker.NewLoginID()), Outcome: "succeeded", Email: "ann@acme.example"})
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) { // traces are written behind
		health, err := h.store.Overview.Health(ctx, "acme", slug)
		must(t, err)
		if !health.LastSuccess.IsZero() {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the sign-in is not counted")
		}
	}
	_, err = h.UpdateConnection(ctx, owner, "acme", slug, nil, []byte(`{"enabled":false}`))
	must(t, err)
	must(t, h.store.Overview.Tested(ctx, "acme", slug, "setup", true, h.now.Add(3*time.Minute)))
	wantCode(t, g.SwitchOn(ctx), fault.SetupInUse)
	_, err = g.Paste(ctx, pasteBody(t, "", string(idpAt(h, "https://evil.example").Metadata())))
	wantCode(t, err, fault.SetupInUse)
	wantCode(t, g.Choose(ctx, []byte(`{"preset":"okta"}`)), fault.SetupInUse)
	_, err = g.AddDomain(ctx, "more.example")
	wantCode(t, err, fault.SetupInUse)
}

// A test of the configuration on trial is none of the connection that a link may switch on.
func TestTrialIsNoTest(t *testing.T) {
	h, x := lobby(t)
	c := h.samlOf(t, "acme", "acme-saml", map[string]any{"metadata_xml": string(idpAt(h, "https://idp.acme.example").Metadata())})
	_, err := h.BeginTest(ctx, owner, "acme", c.Slug)
	must(t, err)
	for trial, want := range map[bool]string{false: admin.StepDone, true: admin.StepTodo} {
		x.kept[c.Slug+x.last].Trial = trial
		w, err := h.WizardState(ctx, owner, "acme", c.Slug)
		must(t, err)
		if got := w.Step(admin.StepTested).State; got != want || trial != (w.Test == nil) {
			t.Errorf("trial %v: %s, %+v", trial, got, w.Test)
		}
	}
}

// Whether a domain is another customer's shows only to who has proved it.
func TestWhoElseIsHere(t *testing.T) {
	h, _ := lobby(t)
	h.realm(t, "other")
	_, err := h.CreateDomain(ctx, owner, "other", []byte(`{"domain":"globex.example","verified":true}`))
	must(t, err)
	g := h.guest(t, "acme", `{"purpose":"domain"}`)
	for _, name := range []string{"globex.example", "nobody.example"} {
		_, err = g.AddDomain(ctx, name)
		must(t, err)
		_, err = g.VerifyDomain(ctx, name)
		wantCode(t, err, fault.DomainUnproved)
	}
}

// A test that an operator began tells what was wrong, but not with whom.
func TestOthersTests(t *testing.T) {
	h, x := lobby(t)
	h.connection(t, "acme", "acme-idp")
	g := h.guest(t, "acme", `{"purpose":"secret","connection":"acme-idp"}`)
	_, err := h.BeginTest(ctx, sam, "acme", "acme-idp")
	must(t, err)
	for _, read := range []func() (*admin.Diagnosed, error){
		func() (*admin.Diagnosed, error) { return g.TestReport(ctx, x.last) },
		func() (*admin.Diagnosed, error) { w, err := g.State(ctx); return w.Test, err },
	} {
		d, err := read()
		must(t, err)
		if doc, _ := json.Marshal(d); d.Status != "passed" || d.Findings[0].Code != string(fault.EmailOutside) || strings.Contains(string(doc), "ann@") || strings.Contains(string(doc), "00u1") || strings.Contains(string(doc), "Response") || strings.Contains(string(doc), "past\":\"the") {
			t.Errorf("%s", doc)
		}
	}
	_, err = g.PastePage(ctx, x.last, []byte("AADSTS50105"))
	wantCode(t, err, fault.SetupBeyond)
	_, err = g.BeginTest(ctx)
	must(t, err)
	d, err := g.PastePage(ctx, x.last, []byte("AADSTS50105"))
	must(t, err)
	if d.Profile.Email != "ann@person.test" || d.Past != "" {
		t.Errorf("the link's own test: %+v", d)
	}
}

func finding(p *admin.Pasted, code fault.Code) bool {
	return slices.ContainsFunc(p.Findings, func(f admin.Finding) bool { return f.Code == string(code) })
}

// A certificate of a connection in use comes beside the others; another provider, or a provider that moved, is refused.
func TestRenewCertificate(t *testing.T) {
	h, _ := lobby(t)
	idp := idpAt(h, "https://idp.acme.example")
	xml := string(idp.Metadata())
	_, der := samlidp.NewKey(2048, h.Now())
	next := samlidp.PEM(der)
	h.samlOf(t, "acme", "by-document", map[string]any{"metadata_xml": xml})
	h.samlOf(t, "acme", "by-hand", map[string]any{"entity_id": "https://idp.acme.example/metadata", "sso_url": "https://idp.acme.example/sso", "certificates": []string{next}})
	rolled := string(idpAt(h, "https://idp.acme.example").Metadata()) // the same names, another key
	for slug, was := range map[string]int{"by-document": 1, "by-hand": 1} {
		g := h.guest(t, "acme", `{"purpose":"certificate","connection":"`+slug+`"}`)
		try := func(text string) *admin.Pasted {
			t.Helper()
			p, err := g.Paste(ctx, pasteBody(t, "", text))
			must(t, err)
			return p
		}
		if p := try(string(idpAt(h, "https://evil.example").Metadata())); p.Saved || !finding(p, fault.SetupOtherProvider) {
			t.Errorf("%s: another provider's metadata: %+v", slug, p)
		}
		if p := try(strings.ReplaceAll(xml, "https://idp.acme.example/sso", "https://evil.example/sso")); p.Saved || !finding(p, fault.SetupOtherProvider) {
			t.Errorf("%s: another sign-on address: %+v", slug, p)
		}
		if p := try("https://evil.example/metadata.xml"); p.Saved || !finding(p, fault.SetupOtherAddress) {
			t.Errorf("%s: another metadata address: %+v", slug, p)
		}
		if p := try(rolled); !p.Saved || len(p.Connection.SAML.Certificates) != was+1 {
			t.Errorf("%s: the next key's metadata: %+v", slug, p)
		}
		again, err := h.GetConnection(ctx, owner, "acme", slug)
		must(t, err)
		if p := try(rolled); !p.Saved || p.Connection.Version != again.Version {
			t.Errorf("%s: the same again: %+v", slug, p)
		}
		if again.SAML.MetadataURL != "" || slug == "by-document" && again.SAML.MetadataXML != xml || slug == "by-hand" && again.SAML.SSOURL != "https://idp.acme.example/sso" {
			t.Errorf("%s: more was changed: %+v", slug, again.SAML)
		}
		for range 10 {
			_, der := samlidp.NewKey(2048, h.Now())
			if p := try(samlidp.PEM(der)); !p.Saved {
				if !finding(p, fault.SetupTooMany) {
					t.Errorf("%+v", p.Findings)
				}
				break
			}
		}
		if c, _ := h.GetConnection(ctx, owner, "acme", slug); len(c.SAML.Certificates) != 8 {
			t.Errorf("%s has %d certificates", slug, len(c.SAML.Certificates))
		}
	}
}

// Where certificates come from the metadata address, a document that is brought goes the way of one that was fetched: one
// more certificate comes in by itself, one less waits for an operator.
func TestRenewPublishedCertificate(t *testing.T) {
	h, _ := lobby(t)
	idp := idpAt(h, "https://idp.acme.example")
	c := h.samlOf(t, "acme", "by-address", map[string]any{"metadata_url": "https://idp.acme.example/metadata"})
	opened, err := h.Open(ctx, c)
	must(t, err)
	_, err = h.Documents.Offer(ctx, c, opened.(providers.Published), providers.Found{Body: idp.Metadata(), Proved: true})
	must(t, err)
	g := h.guest(t, "acme", `{"purpose":"certificate","connection":"by-address"}`)
	try := func(text string) *admin.Pasted {
		t.Helper()
		p, err := g.Paste(ctx, pasteBody(t, "", text))
		must(t, err)
		return p
	}
	if p := try(string(idpAt(h, "https://evil.example").Metadata())); p.Saved || !finding(p, fault.SetupOtherProvider) {
		t.Errorf("another provider's metadata: %+v", p)
	}
	if p := try("https://idp.acme.example/other"); p.Saved || !finding(p, fault.SetupOtherAddress) {
		t.Errorf("another address: %+v", p)
	}
	if p := try(string(idpAt(h, "https://idp.acme.example").Metadata())); !p.Saved || !finding(p, fault.SetupReviewed) {
		t.Errorf("a document without the old key: %+v", p)
	}
	docs, err := h.ListDocuments(ctx, owner, "acme", "by-address")
	must(t, err)
	if docs.Waiting == 0 || docs.Trusted == 0 || len(docs.Items) != 3 {
		t.Errorf("versions %+v", docs.Items)
	}
	now, err := h.GetConnection(ctx, owner, "acme", "by-address")
	must(t, err)
	if len(now.SAML.Certificates) != 0 || now.SAML.MetadataURL != c.SAML.MetadataURL {
		t.Errorf("%+v", now.SAML)
	}
	if line := h.lineOf(t, "connection.documents_given"); !strings.HasPrefix(line.Actor, "setup:") {
		t.Errorf("%+v", line)
	}
}

// Two people who choose at once have one connection.
func TestTwoChooseAtOnce(t *testing.T) {
	h, _ := lobby(t)
	token, _ := h.link(t, "acme", `{}`)
	one, err := h.OpenSetup(ctx, token, "")
	must(t, err)
	two, err := h.OpenSetup(ctx, token, "")
	must(t, err)
	must(t, one.Choose(ctx, []byte(`{"preset":"okta"}`)))
	must(t, two.Choose(ctx, []byte(`{"preset":"adfs"}`)))
	all, err := h.ListConnections(ctx, owner, "acme", broker.Page{})
	must(t, err)
	if len(all.Items) != 1 || two.Link.Connection != one.Link.Connection || all.Items[0].Preset != "okta" {
		t.Errorf("%d connections, %s and %s", len(all.Items), one.Link.Connection, two.Link.Connection)
	}
}
