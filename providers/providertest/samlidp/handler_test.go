package samlidp_test

import (
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/samlidp"
	"cloakroom/providers/saml"
)

const callback = "https://sso.example/broker/acme/endpoint"

var users = []samlidp.User{
	{ID: "u1", Email: "jane@acme.example", GivenName: "Jane", FamilyName: "Roe", Groups: []string{"staff"}},
	{ID: "u2", Email: "max@acme.example", GivenName: "Max", FamilyName: "<b>Muster</b>"},
}

// demo is the identity provider on a real port with the real provider in front of it.
type demo struct {
	t        *testing.T
	idp      *samlidp.IdP
	provider providers.Provider
	request  providers.Request
}

func newDemo(t *testing.T, edit func(*samlidp.Options)) *demo {
	t.Helper()
	srv := httptest.NewUnstartedServer(nil)
	srv.Start()
	t.Cleanup(srv.Close)
	key, cert := samlidp.NewKey(2048, time.Now())
	sp := samlidp.ServiceProvider{EntityID: "https://sso.example/sp", ACS: []string{callback}, SLO: callback, Certificates: [][]byte{cert}}
	o := samlidp.Options{BaseURL: srv.URL, Now: time.Now, Users: users, ServiceProvider: func(id string) (samlidp.ServiceProvider, bool) { return sp, id == sp.EntityID }}
	if edit != nil {
		edit(&o)
	}
	d := &demo{t: t, idp: samlidp.New(o)}
	srv.Config.Handler = d.idp.Handler()
	config, _ := json.Marshal(map[string]any{"metadata_url": srv.URL + "/metadata", "idp_initiated": true})
	var err error
	d.provider, err = saml.Protocol{}.Open(providers.Settings{
		Config: config, SPEntityID: sp.EntityID, CallbackURL: callback, LogoutURL: callback, HTTP: srv.Client(), Now: time.Now,
		Keys: func(context.Context) ([]providers.Key, error) {
			return []providers.Key{{ID: "k", Private: key, Certificate: cert}}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.request = providers.Request{Handle: strings.Repeat("A", 43), MessageID: "_" + strings.Repeat("0", 64), CallbackURL: callback, Issued: time.Now()}
	return d
}

func (d *demo) get(address string) (int, string) { return d.read(http.Get(address)) }

func (d *demo) read(res *http.Response, err error) (int, string) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		d.t.Errorf("policy %q", csp)
	}
	return res.StatusCode, string(b)
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

func fields(page string) url.Values {
	v := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		v.Set(m[1], html.UnescapeString(m[2]))
	}
	return v
}

func (d *demo) start() string {
	d.t.Helper()
	c, err := d.provider.Start(d.t.Context(), d.request)
	if err != nil {
		d.t.Fatal(err)
	}
	return c.URL
}

func (d *demo) finish(page string) (providers.Identity, error) {
	return d.provider.Finish(d.t.Context(), d.request, providers.Reply{Method: "POST", URL: &url.URL{}, Form: fields(page)})
}

func (d *demo) pick(page, user string) string {
	d.t.Helper()
	form := fields(page)
	form.Set("user", user)
	status, answer := d.read(http.PostForm(d.idp.BaseURL+"/continue", form))
	if status != 200 || !strings.Contains(answer, `action="`+callback+`"`) {
		d.t.Fatalf("%d %s", status, answer)
	}
	return answer
}

func TestSignIn(t *testing.T) {
	d := newDemo(t, nil)
	status, page := d.get(d.start())
	if status != 200 || !strings.Contains(page, "jane@acme.example") || strings.Contains(page, "<b>Muster") {
		t.Fatalf("%d %s", status, page)
	}
	answer := d.pick(page, "u1")
	if fields(answer).Get("RelayState") != d.request.Handle {
		t.Error("RelayState lost")
	}
	id, err := d.finish(answer)
	if err != nil || id.Subject != users[0].Email || id.Attributes["groups"][0] != "staff" {
		t.Errorf("%+v, %v", id, err)
	}
	if _, err := d.finish(d.pick(page, "")); fault.CodeOf(err) != fault.SAMLAuthnFailed {
		t.Errorf("cancelled: %v", err)
	}
	form := fields(page)
	form.Set("user", "u1")
	form.Set("request", form.Get("request")+"x")
	if status, _ := d.read(http.PostForm(d.idp.BaseURL+"/continue", form)); status != 400 {
		t.Errorf("a forged request: %d", status)
	}
}

func TestSignInWithOneUserSignedAndEncrypted(t *testing.T) {
	d := newDemo(t, func(o *samlidp.Options) {
		o.Users, o.WantSignedRequests = users[:1], true
		find := o.ServiceProvider
		o.ServiceProvider = func(id string) (samlidp.ServiceProvider, bool) {
			sp, ok := find(id)
			sp.EncryptTo = sp.Certificates[0]
			return sp, ok
		}
	})
	address := d.start()
	_, page := d.get(address)
	if id, err := d.finish(page); err != nil || id.Subject != users[0].Email {
		t.Errorf("%+v, %v", id, err)
	}
	if status, page := d.get(strings.Replace(address, "RelayState=A", "RelayState=B", 1)); status != 400 || !strings.Contains(page, "signature") {
		t.Errorf("an altered request: %d %s", status, page)
	}
	unsigned, _, _ := strings.Cut(address, "&SigAlg=")
	if status, _ := d.get(unsigned); status != 400 {
		t.Errorf("an unsigned request: %d", status)
	}
}

func TestPassiveAndInitiated(t *testing.T) {
	d := newDemo(t, nil)
	d.request.Passive = true
	_, page := d.get(d.start())
	if _, err := d.finish(page); fault.CodeOf(err) != fault.SAMLNoPassive {
		t.Errorf("%v", err)
	}
	_, page = d.get(d.idp.BaseURL + "/initiate?sp=" + url.QueryEscape("https://sso.example/sp") + "&RelayState=x")
	d.request.Handle, d.request.MessageID = "", ""
	if id, err := d.finish(d.pick(page, "u2")); err != nil || !id.Unsolicited || id.RelayState != "x" {
		t.Errorf("%+v, %v", id, err)
	}
}

func TestLogout(t *testing.T) {
	d := newDemo(t, nil)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	c, ok, err := d.provider.(providers.LogoutStarter).StartLogout(t.Context(), d.request, providers.Identity{Subject: "jane@acme.example"}, callback)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	res, err := client.Get(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	u, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != 303 {
		t.Fatal(res.Status, err)
	}
	out, err := d.provider.(providers.LogoutReceiver).ReceiveLogout(t.Context(), d.request, providers.Reply{Method: "GET", URL: u, Query: u.Query()})
	if err != nil || !out.Answered || u.Query().Get("RelayState") != d.request.Handle {
		t.Errorf("%+v, %v", out, err)
	}
	if status, page := d.get(strings.Replace(c.URL, "RelayState=A", "RelayState=B", 1)); status != 400 {
		t.Errorf("an altered logout: %d %s", status, page)
	}
}

func TestStrangers(t *testing.T) {
	d := newDemo(t, nil)
	for _, path := range []string{"/sso", "/sso?SAMLRequest=x", "/sso?SAMLRequest=AAAA", "/initiate?sp=x", "/slo", "/slo?SAMLRequest=AAAA"} {
		if status, _ := d.get(d.idp.BaseURL + path); status != 400 {
			t.Errorf("%s: %d", path, status)
		}
	}
	d.request.CallbackURL = "https://evil.example/"
	if status, page := d.get(d.start()); status != 400 || strings.Contains(page, "<form") {
		t.Errorf("an unregistered reply address: %d", status)
	}
	for _, path := range []string{"/post.js", "/style.css", "/metadata"} {
		if res, err := http.Get(d.idp.BaseURL + path); err != nil || res.StatusCode != 200 {
			t.Error(path, err)
		}
	}
}
