package op_test

import (
	"context"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
	"cloakroom/broker/op"
)

// The last wall: whatever went wrong before, no code is given unless login, client, session and person belong together.
// The provider has no store here, so an answer that got past the wall would panic.
func TestRespondHoldsTheWall(t *testing.T) {
	p := op.New(op.Config{BaseURL: "https://sso.example"})
	whole := func() login.Result {
		return login.Result{
			Login:   &broker.Login{ID: broker.NewLoginID(), Realm: "acme", ClientID: "app", Protocol: "oidc", Request: []byte(`{}`)},
			Realm:   &broker.Realm{Name: "acme"},
			Client:  &broker.Client{Realm: "acme", ClientID: "app", Protocol: "oidc"},
			Session: &broker.Session{Realm: "acme", HomeRealm: "acme", UserID: "u", Connection: "acme-okta"},
			User:    &broker.User{ID: "u", Realm: "acme"},
		}
	}
	for name, bend := range map[string]func(r *login.Result){
		"a login of another realm":              func(r *login.Result) { r.Login.Realm = "globex" },
		"a login of another client":             func(r *login.Result) { r.Login.ClientID = "other" },
		"a login of another protocol":           func(r *login.Result) { r.Login.Protocol = "direct" },
		"a client of another realm":             func(r *login.Result) { r.Client.Realm = "globex" },
		"a session of another realm":            func(r *login.Result) { r.Session.Realm = "globex" },
		"a session of another person":           func(r *login.Result) { r.Session.UserID = "v" },
		"a session of another home":             func(r *login.Result) { r.Session.HomeRealm = "globex" },
		"a person of another realm, and no hub": func(r *login.Result) { r.User.Realm, r.Session.HomeRealm = "globex", "globex" },
		"a connection the client does not take": func(r *login.Result) { r.Client.Connections = []string{"acme-entra"} },
	} {
		r := whole()
		bend(&r)
		if rd, err := p.Respond(context.Background(), r); fault.CodeOf(err) != fault.OPWrongParty {
			t.Errorf("%s: %v, %v", name, rd, err)
		}
	}
}
