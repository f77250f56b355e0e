package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

func (h *house) operator(t testing.TB, body string) *admin.OperatorLink {
	t.Helper()
	made, err := h.CreateOperator(ctx, owner, []byte(body))
	must(t, err)
	return made
}

// enrols gives an operator something to sign in with.
func (h *house) enrols(t testing.TB, id string) {
	t.Helper()
	must(t, h.store.Operators.AddCredential(ctx, &broker.Credential{ID: "key of " + id, UserID: id, Kind: "passkey"}, 9))
}

func TestCreateOperator(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	made := h.operator(t, `{"email":" Eva@Example.org ","role":"support","realms":["acme"],"name":"Eva"}`)
	token, ok := strings.CutPrefix(made.URL, "https://sso.example/admin/enrol/")
	if !ok || made.Email != "eva@example.org" || made.Enrolled() || made.Sent || !made.ExpiresAt.Equal(h.now.Add(7*24*time.Hour)) {
		t.Fatalf("%+v", made)
	}
	link, err := h.store.Operators.Link(ctx, broker.HashToken(token))
	if err != nil || link.OperatorID != made.ID {
		t.Errorf("link %+v, %v", link, err)
	}
	line := h.lineOf(t, "operator.created")
	if line.Subject != "operator:"+made.ID || strings.Contains(string(line.After), token) {
		t.Errorf("audit line %+v", line)
	}
	_, err = h.CreateOperator(ctx, owner, []byte(`{"email":"eva@example.org","role":"owner"}`))
	wantCode(t, err, fault.Exists)
	for body, want := range map[string]string{
		`{"role":"owner"}`:                                             "/email",
		`{"email":"x","role":"owner"}`:                                 "/email",
		`{"email":"max@example.org","role":"king"}`:                    "/role",
		`{"email":"max@example.org","role":"support","realms":["no"]}`: "/realms/0",
		`{"email":"max@example.org","role":"support","locale":"tlh"}`:  "/locale",
		`{"email":"max@example.org","role":"support","disabled":true}`: "/disabled",
	} {
		_, err := h.CreateOperator(ctx, owner, []byte(body))
		wantPointers(t, err, want)
	}
}

// Operators are the installation's, and owners' of all of it.
func TestOperatorRoles(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	made := h.operator(t, `{"email":"eva@example.org","role":"owner"}`)
	for name, a := range map[string]admin.Actor{
		"support": {Role: admin.Support}, "auditor": {Role: admin.Auditor}, "owner of a realm": {Role: admin.Owner, Realms: []string{"acme"}}, "nobody": {},
	} {
		reads := name == "auditor"
		_, err := h.ListOperators(ctx, a, broker.Page{})
		_, gerr := h.GetOperator(ctx, a, made.ID)
		if (err == nil) != reads || (gerr == nil) != reads {
			t.Errorf("%s reads: %v, %v", name, err, gerr)
		}
		_, create := h.CreateOperator(ctx, a, []byte(`{"email":"max@example.org","role":"owner"}`))
		_, update := h.UpdateOperator(ctx, a, made.ID, nil, []byte(`{"role":"auditor"}`))
		_, reset := h.ResetOperator(ctx, a, made.ID, nil)
		for what, err := range map[string]error{"create": create, "update": update, "reset": reset, "delete": h.DeleteOperator(ctx, a, made.ID, nil)} {
			if fault.CodeOf(err) != fault.Forbidden {
				t.Errorf("%s may %s: %v", name, what, err)
			}
		}
	}
}

// Somebody who may do everything, and can sign in, always remains.
func TestLastOwner(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	eva := h.operator(t, `{"email":"eva@example.org","role":"owner"}`)
	h.enrols(t, eva.ID)
	h.operator(t, `{"email":"max@example.org","role":"owner"}`) // never enrolled: does not count
	limited := h.operator(t, `{"email":"ann@example.org","role":"owner","realms":["acme"]}`)
	h.enrols(t, limited.ID)
	for _, patch := range []string{`{"disabled":true}`, `{"role":"support"}`, `{"role":"auditor"}`, `{"realms":["acme"]}`} {
		_, err := h.UpdateOperator(ctx, owner, eva.ID, nil, []byte(patch))
		wantCode(t, err, fault.OperatorLastOwner)
	}
	wantCode(t, h.DeleteOperator(ctx, owner, eva.ID, nil), fault.OperatorLastOwner)
	second := h.operator(t, `{"email":"bob@example.org","role":"owner"}`)
	h.enrols(t, second.ID)

	var wait sync.WaitGroup
	errs := make([]error, 2)
	for i, id := range []string{eva.ID, second.ID} { // each takes the other's role away
		wait.Go(func() { _, errs[i] = h.UpdateOperator(ctx, owner, id, nil, []byte(`{"role":"auditor"}`)) })
	}
	wait.Wait()
	left, err := h.store.Operators.Owners(ctx)
	if err != nil || len(left) != 1 || (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("owners left %v, %v, %v", left, errs, err)
	}
}

func TestUpdateOperator(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	eva := h.operator(t, `{"email":"eva@example.org","role":"owner"}`)
	must(t, h.store.Operators.CreateSession(ctx, &broker.OperatorSession{ID: "s", OperatorID: eva.ID, LastSeenAt: h.now}))
	_, err := h.UpdateOperator(ctx, owner, eva.ID, admin.Match{9}, []byte(`{}`))
	wantCode(t, err, fault.Conflict)
	for patch, want := range map[string]string{`{"email":"x@example.org"}`: "/email", `{"id":"x"}`: "/id", `{"connection":"op"}`: "/connection", `{"role":null}`: "/role", `{"realms":["no"]}`: "/realms/0"} {
		_, err := h.UpdateOperator(ctx, owner, eva.ID, nil, []byte(patch))
		wantPointers(t, err, want)
	}
	got, err := h.UpdateOperator(ctx, owner, eva.ID, nil, []byte(`{"role":"support","realms":["acme"]}`))
	if err != nil || got.Role != "support" || len(got.Realms) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if line := h.lineOf(t, "operator.updated"); !strings.Contains(line.Detail, "/role") {
		t.Errorf("audit line %+v", line)
	}
	if _, _, err := h.store.Operators.Session(ctx, "s"); err != nil {
		t.Errorf("a changed role signs out: %v", err)
	}
	_, err = h.UpdateOperator(ctx, owner, eva.ID, nil, []byte(`{"disabled":true}`))
	must(t, err)
	if _, _, err := h.store.Operators.Session(ctx, "s"); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("a disabled operator keeps a session: %v", err)
	}
	if _, err := h.store.Operators.LinkOf(ctx, eva.ID); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("a disabled operator keeps a link: %v", err)
	}
	_, err = h.ResetOperator(ctx, owner, eva.ID, nil)
	wantCode(t, err, fault.InUse)
}

func TestResetOperator(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "staff")
	h.connection(t, "staff", "op")
	made := h.operator(t, `{"email":"eva@example.org","role":"owner"}`)
	h.enrols(t, made.ID)
	o, err := h.store.Operators.Get(ctx, made.ID)
	must(t, err)
	o.Connection, o.Subject = "op", "s1"
	must(t, h.store.Operators.Update(ctx, o))
	must(t, h.store.Operators.CreateSession(ctx, &broker.OperatorSession{ID: "s", OperatorID: made.ID}))
	h.Operators.Mail, h.Operators.MailConfigured = func(_ context.Context, l admin.OperatorLetter) error {
		if l.Operator.ID != made.ID || !strings.Contains(l.URL, "/admin/enrol/") {
			t.Errorf("letter %+v", l)
		}
		return nil
	}, true
	again, err := h.ResetOperator(ctx, owner, made.ID, []byte(`{}`))
	if err != nil || again.URL == made.URL || again.Enrolled() || again.Connection != "" || !again.Sent {
		t.Fatalf("%+v, %v", again, err)
	}
	if quiet, err := h.ResetOperator(ctx, owner, made.ID, []byte(`{"send":false}`)); err != nil || quiet.Sent {
		t.Errorf("%+v, %v", quiet, err)
	}
	if _, err := h.store.Operators.Link(ctx, broker.HashToken(made.URL[strings.LastIndexByte(made.URL, '/')+1:])); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("the first link is still good: %v", err)
	}
	if _, _, err := h.store.Operators.Session(ctx, "s"); !errors.Is(err, broker.ErrNotFound) {
		t.Errorf("still signed in: %v", err)
	}
}

// A realm that goes away is taken from the operators who are limited to it; none left does not mean all.
func TestOperatorsOfADeletedRealm(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme", "other")
	one := h.operator(t, `{"email":"one@example.org","role":"support","realms":["acme"]}`)
	both := h.operator(t, `{"email":"both@example.org","role":"support","realms":["acme","other"]}`)
	must(t, h.DeleteRealm(ctx, owner, "acme", nil))
	got, err := h.GetOperator(ctx, owner, one.ID)
	if err != nil || !got.Disabled || len(got.Realms) == 0 {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = h.GetOperator(ctx, owner, both.ID)
	if err != nil || got.Disabled || len(got.Realms) != 1 || got.Realms[0] != "other" {
		t.Errorf("%+v, %v", got, err)
	}
}

// Whoever could change where operators sign in could become any of them.
func TestRealmOfOperators(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "staff")
	limited := admin.Actor{Name: "apikey:x", Role: admin.Owner, Realms: []string{"staff"}}
	_, err := h.UpdateRealm(ctx, limited, "staff", nil, []byte(`{"operators":true}`))
	wantCode(t, err, fault.Forbidden)
	_, err = h.UpdateRealm(ctx, owner, "staff", nil, []byte(`{"operators":true,"hub":true}`))
	wantPointers(t, err, "/operators")
	h.connection(t, "staff", "op")
	if _, err := h.UpdateConnection(ctx, admin.Actor{Role: admin.Support}, "staff", "op", nil, []byte(`{"display_name":"x"}`)); err != nil {
		t.Fatalf("before: %v", err)
	}
	_, err = h.UpdateRealm(ctx, owner, "staff", nil, []byte(`{"operators":true}`))
	must(t, err)
	for name, a := range map[string]admin.Actor{"support": {Role: admin.Support}, "owner of the realm": limited} {
		for what, verb := range map[string]func() error{
			"a connection": func() error {
				_, err := h.UpdateConnection(ctx, a, "staff", "op", nil, []byte(`{"display_name":"y"}`))
				return err
			},
			"a new connection": func() error {
				_, err := h.CreateConnection(ctx, a, "staff", json.RawMessage(`{"slug":"mine","protocol":"oidc"}`))
				return err
			},
			"a domain": func() error {
				_, err := h.CreateDomain(ctx, a, "staff", []byte(`{"domain":"example.org"}`))
				return err
			},
			"the realm": func() error {
				_, err := h.UpdateRealm(ctx, a, "staff", nil, []byte(`{"operators":false}`))
				return err
			},
		} {
			if err := verb(); fault.CodeOf(err) != fault.Forbidden {
				t.Errorf("%s changed %s: %v", name, what, err)
			}
		}
		if _, err := h.GetConnection(ctx, a, "staff", "op"); err != nil {
			t.Errorf("%s cannot read: %v", name, err)
		}
	}
	_, _, err = h.CreateClient(ctx, owner, "staff", []byte(`{"client_id":"`+broker.ConsoleClientID+`","protocol":"oidc","redirect_uris":["https://app.example/cb"]}`))
	wantPointers(t, err, "/client_id")
}
