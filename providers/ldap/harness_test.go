package ldap_test

import (
	"context"
	"encoding/json"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/ldap"
	"cloakroom/providers/providertest/ldapd"
)

const (
	password        = "correct horse"
	servicePassword = "service secret"
)

// setup is a directory with a connection to it.
type setup struct {
	Options  ldapd.Options
	LDAPS    bool // else StartTLS
	Settings map[string]any
	Preset   string
	Now      func() time.Time
}

type world struct {
	*ldapd.Server
	provider providers.Provider
	at       string
}

// corp has two people, and groups within groups.
func corp(like ldapd.Like) ldapd.Options {
	return ldapd.Options{
		Like:    like,
		Service: ldapd.Person{Username: "svc", Password: servicePassword},
		People: []ldapd.Person{
			{Username: "ann", Password: password, Email: "ann@corp.example", GivenName: "Ann", FamilyName: "Archer"},
			{Username: "bob", Password: "another", Email: "bob@corp.example", GivenName: "Bob", FamilyName: "Baker"},
		},
		Groups: []ldapd.Group{{Name: "Staff", Members: []string{"Engineers"}}, {Name: "Engineers", Members: []string{"ann"}}},
	}
}

func open(t *testing.T, s setup) *world {
	t.Helper()
	d, err := ldapd.New(s.Options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	at, err := d.Listen(s.LDAPS)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Server: d, at: at}
	config := map[string]any{
		"url": "ldap://" + at, "start_tls": true, "ca": d.CA(), "user_base": "dc=corp,dc=example",
		"bind_dn": d.DN("svc"), "bind_password": servicePassword,
	}
	if s.LDAPS {
		config["url"], config["start_tls"] = "ldaps://"+at, false
	}
	for k, v := range s.Settings {
		config[k] = v
	}
	if u, ok := config["url"].(string); ok {
		config["url"] = strings.ReplaceAll(u, "{at}", at)
	}
	preset := s.Preset
	if preset == "" {
		preset = "generic"
		if s.Options.Like == ldapd.ActiveDirectory {
			preset = "active-directory"
		}
	}
	w.provider, err = begin(preset, config, s.Now)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func begin(preset string, config map[string]any, now func() time.Time) (providers.Provider, error) {
	b, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	return ldap.Protocol{}.Open(providers.Settings{Slug: "corp", Preset: preset, Config: b, Now: now, Dial: (&net.Dialer{}).DialContext})
}

func form(username, password string) providers.Reply {
	return providers.Reply{Method: "POST", Form: url.Values{"username": {username}, "password": {password}, "state": {"the handle"}}}
}

func (w *world) signIn(t *testing.T, username, password string) (providers.Identity, error) {
	t.Helper()
	idn, err := w.provider.Finish(t.Context(), providers.Request{}, form(username, password))
	if err != nil && (idn.Subject != "" || idn.Attributes != nil) {
		t.Errorf("a refused answer gives %+v", idn)
	}
	return idn, err
}

func (w *world) refuses(t *testing.T, username, password string, want fault.Code) *fault.Error {
	t.Helper()
	_, err := w.signIn(t, username, password)
	f := fault.As(err)
	if fault.CodeOf(err) != want {
		t.Fatalf("%v, want %s", err, want)
	}
	if f != nil && (strings.Contains(f.Error(), password) && len(password) > 3 || strings.Contains(f.Error(), servicePassword)) {
		t.Errorf("a password is quoted: %v", f)
	}
	return f
}

func now() time.Time { return time.Now() }

func (a away) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, a.at)
	return farConn{c}, err
}
