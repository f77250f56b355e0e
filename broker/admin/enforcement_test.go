package admin_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

// enforcing is a house whose realm acme has a connection with a verified domain, and an operator who is a person there.
func enforcing(t *testing.T) (h *house, eva *broker.User) {
	t.Helper()
	h = newHouse(t)
	h.Linked, h.ByEmail = h.store.Links.Connections, h.store.Users.ByEmail
	h.realm(t, "acme")
	_, err := h.CreateDomain(ctx, owner, "acme", []byte(`{"domain":"acme.example","verified":true}`))
	must(t, err)
	_, err = h.CreateConnection(ctx, owner, "acme", []byte(`{"slug":"idp","protocol":"oidc","domains":["acme.example"],"oidc":{"issuer":"https://idp.example","client_id":"c"}}`))
	must(t, err)
	_, err = h.UpdateRealm(ctx, owner, "acme", nil, []byte(`{"local_login":["password","passkey"]}`))
	must(t, err)
	return h, h.somebody(t, "eva", false)
}

func (h *house) somebody(t *testing.T, id string, excluded bool) *broker.User {
	t.Helper()
	u := &broker.User{ID: id, Realm: "acme", Email: id + "@acme.example", Excluded: excluded}
	must(t, h.store.Users.Create(ctx, u))
	return u
}

func (h *house) withPassword(t *testing.T, id string) {
	t.Helper()
	must(t, h.store.Credentials.Add(ctx, &broker.Credential{ID: "password-" + id, Realm: "acme", UserID: id, Kind: "password", Data: []byte("h")}, 1))
}

func (h *house) cameIn(t *testing.T, u *broker.User, at time.Time) {
	t.Helper()
	must(t, h.store.Events.Append(ctx, broker.Event{At: at, Kind: "login.succeeded", Realm: "acme", Connection: "idp", UserID: u.ID, Email: u.Email}))
}

var (
	supporter = admin.Actor{Name: "operator:eva@acme.example", Role: admin.Support}
	onlooker  = admin.Actor{Name: "operator:aud@acme.example", Role: admin.Auditor}
)

func (h *house) report(t *testing.T) string {
	t.Helper()
	p, err := h.PreviewEnforcement(ctx, supporter, "acme", "idp", "", broker.Page{})
	must(t, err)
	return p.Report
}

func (h *house) enforce(a admin.Actor, body string) error {
	_, err := h.SwitchEnforcement(ctx, a, "acme", "idp", nil, []byte(body))
	return err
}

// The gate, condition after condition; each is enough to keep it shut.
func TestGate(t *testing.T) {
	h, eva := enforcing(t)
	on := func() error { return h.enforce(supporter, `{"enforced":true,"report":"`+h.report(t)+`"}`) }
	wantCode(t, on(), fault.EnforcementUntested)
	h.cameIn(t, eva, h.now.Add(-8*24*time.Hour))
	wantCode(t, on(), fault.EnforcementUntested)
	h.cameIn(t, eva, h.now.Add(-6*24*time.Hour))
	wantCode(t, on(), fault.EnforcementNoWay)
	h.somebody(t, "glass", true)
	wantCode(t, on(), fault.EnforcementNoWay)
	h.withPassword(t, "glass")
	old := h.report(t)
	h.somebody(t, "late", false)
	wantCode(t, h.enforce(supporter, `{"enforced":true,"report":"`+old+`"}`), fault.EnforcementReport)
	wantCode(t, h.enforce(supporter, `{"enforced":true}`), fault.EnforcementReport)
	wantCode(t, h.enforce(onlooker, `{"enforced":true,"report":"`+h.report(t)+`"}`), fault.Forbidden)
	wantCode(t, h.enforce(supporter, `{"enforced":true,"override":"in a hurry"}`), fault.Forbidden)
	_, err := h.CreateConnection(ctx, owner, "acme", []byte(`{"slug":"loose","protocol":"oidc","domains":["acme.example","unproved.example"],"oidc":{"issuer":"https://idp.example","client_id":"c"}}`))
	must(t, err)
	_, err = h.SwitchEnforcement(ctx, owner, "acme", "loose", nil, []byte(`{"enforced":true,"override":"even so"}`))
	wantCode(t, err, fault.EnforcementDomains)

	must(t, on())
	u, err := h.store.Users.Get(ctx, "acme", "eva")
	must(t, err)
	if !u.Excluded {
		t.Error("whoever switched it on is not excluded")
	}
	if e := h.lineOf(t, "enforcement.on"); e.Actor != supporter.Name || !strings.Contains(e.Detail, "people lose") {
		t.Errorf("%+v", e)
	}
	must(t, h.enforce(supporter, `{"enforced":false}`))
	must(t, h.enforce(owner, `{"enforced":true,"override":"the provider asks for it"}`))
	for _, e := range h.events(t) {
		if e.Kind == "enforcement.on" && strings.Contains(e.Detail, "overridden") && strings.Contains(e.Detail, string(fault.EnforcementReport)) && strings.Contains(e.Detail, "the provider asks for it") {
			return
		}
	}
	t.Error("the override is not in the audit log")
}

// Plain writes of enforced are an owner's, and the audit line says what was passed over; support pauses nothing.
func TestPlainEnforcement(t *testing.T) {
	h, _ := enforcing(t)
	_, err := h.UpdateConnection(ctx, supporter, "acme", "idp", nil, []byte(`{"enforced":true}`))
	wantCode(t, err, fault.EnforcementGate)
	_, err = h.CreateConnection(ctx, supporter, "acme", []byte(`{"slug":"two","protocol":"oidc","enforced":true,"oidc":{"issuer":"https://idp.example","client_id":"c"}}`))
	wantCode(t, err, fault.EnforcementGate)
	c, err := h.UpdateConnection(ctx, owner, "acme", "idp", nil, []byte(`{"enforced":true,"enabled":true}`))
	must(t, err)
	if e := h.lineOf(t, "connection.updated"); !c.Enforced || !strings.Contains(e.Detail, string(fault.EnforcementNoWay)) {
		t.Errorf("%+v", e)
	}
	_, err = h.UpdateConnection(ctx, supporter, "acme", "idp", nil, []byte(`{"enabled":false}`))
	wantCode(t, err, fault.EnforcementGate)
	_, err = h.UpdateConnection(ctx, supporter, "acme", "idp", nil, []byte(`{"display_name":"Acme"}`))
	must(t, err)
	_, err = h.UpdateConnection(ctx, owner, "acme", "idp", nil, []byte(`{"enabled":false}`))
	must(t, err)
	_, err = h.UpdateConnection(ctx, supporter, "acme", "idp", nil, []byte(`{"enforced":false}`))
	must(t, err)
}

// The last person who could come in stays able to, whichever way somebody tries to change that.
func TestLastWayBack(t *testing.T) {
	h, _ := enforcing(t)
	h.somebody(t, "glass", true)
	h.withPassword(t, "glass")
	_, err := h.UpdateConnection(ctx, owner, "acme", "idp", nil, []byte(`{"enforced":true,"enabled":true}`))
	must(t, err)
	patch := func(body string) error {
		_, err := h.UpdateUser(ctx, owner, "acme", "glass", nil, []byte(body))
		return err
	}
	tries := map[string]func() error{
		"include":    func() error { return patch(`{"excluded":false}`) },
		"block":      func() error { return patch(`{"blocked":true}`) },
		"delete":     func() error { return h.DeleteUser(ctx, owner, "acme", "glass", nil) },
		"credential": func() error { return h.DeleteCredential(ctx, owner, "acme", "glass", "password-glass") },
	}
	for name, try := range tries {
		t.Run(name, func(t *testing.T) { wantCode(t, try(), fault.EnforcementLast) })
	}
	if u, err := h.store.Users.Get(ctx, "acme", "glass"); err != nil || !u.Excluded || u.Blocked {
		t.Fatalf("%+v, %v", u, err)
	}
	h.somebody(t, "second", true)
	wantCode(t, patch(`{"excluded":false}`), fault.EnforcementLast) // has no way in
	h.withPassword(t, "second")
	must(t, patch(`{"excluded":false}`))
	must(t, h.enforce(owner, `{"enforced":false}`))
	must(t, h.DeleteUser(ctx, owner, "acme", "second", nil))
}

func TestCredentialLinks(t *testing.T) {
	h, _ := enforcing(t)
	mailed := 0
	h.Local.NewLink = func(_ context.Context, u *broker.User, kind, _ string, age time.Duration) (string, time.Time, error) {
		return "https://sso.example/" + u.ID + "/" + kind, h.now.Add(age), nil
	}
	h.Local.Mail = func(context.Context, admin.CredentialLetter) error { mailed++; return nil }
	make := func(a admin.Actor, body string) (*admin.CredentialLink, error) {
		return h.CreateCredentialLink(ctx, a, "acme", "eva", []byte(body))
	}
	l, err := make(supporter, `{"kind":"password"}`)
	must(t, err)
	if l.Sent || l.URL != "https://sso.example/eva/password" || mailed != 0 {
		t.Errorf("without a mail server: %+v", l)
	}
	h.Local.MailConfigured = true
	l, err = make(supporter, `{"kind":"passkey"}`)
	must(t, err)
	if !l.Sent || l.URL != "" || mailed != 1 {
		t.Errorf("with a mail server: %+v", l)
	}
	_, err = make(supporter, `{"kind":"passkey","send":false}`)
	wantPointers(t, err, "/send")
	_, err = make(owner, `{"kind":"pin"}`)
	wantPointers(t, err, "/kind")
	_, err = make(onlooker, `{"kind":"password"}`)
	wantCode(t, err, fault.Forbidden)
	l, err = make(owner, `{"kind":"passkey","send":false}`)
	must(t, err)
	if l.URL == "" || mailed != 1 {
		t.Errorf("%+v", l)
	}
	for _, e := range h.events(t) {
		if strings.Contains(e.Detail+string(e.After), "https://sso.example/eva") {
			t.Error("the link stands in the audit log")
		}
	}
}

func TestMails(t *testing.T) {
	h, _ := enforcing(t)
	m := &broker.Mail{Realm: "acme", To: "eva@acme.example", Kind: "email_code", Subject: "Your code", Text: "123456", Secret: true, Status: broker.MailCopy}
	must(t, h.store.Outbox.Put(ctx, m))
	h.realm(t, "other")
	list, err := h.ListMails(ctx, onlooker, "acme", broker.Page{})
	must(t, err)
	if len(list.Items) != 1 || list.Items[0].Text != "" {
		t.Errorf("%+v", list.Items)
	}
	got, err := h.GetMail(ctx, owner, "acme", m.ID)
	must(t, err)
	if got.Text != "" {
		t.Error("a secret mail is shown unasked")
	}
	_, err = h.GetMail(ctx, owner, "other", m.ID)
	wantCode(t, err, fault.NotFound)
	_, err = h.RevealMail(ctx, supporter, "acme", m.ID)
	wantCode(t, err, fault.Forbidden)
	got, err = h.RevealMail(ctx, owner, "acme", m.ID)
	must(t, err)
	if got.Text != "123456" || h.lineOf(t, "mail.revealed").Actor != owner.Name {
		t.Errorf("%+v", got)
	}
	got, err = h.MailCopied(ctx, supporter, "acme", m.ID)
	must(t, err)
	if got.Status != broker.MailCopied {
		t.Errorf("%+v", got)
	}
	_, err = h.MailCopied(ctx, supporter, "acme", m.ID)
	wantCode(t, err, fault.NotFound)
	got, err = h.RetryMail(ctx, supporter, "acme", m.ID)
	must(t, err)
	if got.Status != broker.MailQueued {
		t.Errorf("%+v", got)
	}
}
