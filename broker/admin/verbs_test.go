package admin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

func TestUnknownAndWrongFieldsAreAnsweredTogether(t *testing.T) {
	h := newHouse(t)
	_, err := h.CreateRealm(ctx, owner, []byte(`{"name":"acme","displayName":"A","hub":"yes","tokens":{"acess":"5m","id":"soon"},"locales":["en",3],"branding":[]}`))
	wantCode(t, err, fault.Invalid)
	wantPointers(t, err, "/displayName", "/hub", "/tokens/acess", "/tokens/id", "/locales/1", "/branding")
	if !strings.Contains(err.Error(), "display_name is") {
		t.Errorf("no hint at the right name: %v", err)
	}
	for body, code := range map[string]fault.Code{
		``: fault.Malformed, `{`: fault.Malformed, `{"name":"a"} x`: fault.Malformed, `[]`: fault.Invalid, `null`: fault.Invalid,
		`{"name":"a","name":"b"}`: fault.Invalid, strings.Repeat(`[`, 100): fault.Malformed, `{"name":"-"}`: fault.Invalid,
	} {
		_, err := h.CreateRealm(ctx, owner, []byte(body))
		if got := fault.CodeOf(err); got != code {
			t.Errorf("%.20q: %q, want %q", body, got, code)
		}
	}
}

func TestConnectionFaultsOfNounAndProtocol(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	_, err := h.CreateConnection(ctx, owner, "acme", []byte(`{"slug":"a_b","protocol":"saml","realm":"other","domains":["acme.example","ACME.example","co.uk","x"],"saml":{"sso_url":"ftp://x"}}`))
	wantPointers(t, err, "/slug", "/realm", "/domains/1", "/domains/2", "/domains/3", "/saml/sso_url")

	_, err = h.CreateConnection(ctx, owner, "acme", []byte(`{"slug":"ok","protocol":"saml","saml":{"entity_id":"https://idp.example","sso_url":"https://idp.example/sso","certificates":["###"]}}`))
	wantPointers(t, err, "/saml/certificates/0")

	_, err = h.CreateConnection(ctx, owner, "acme", []byte(`{"slug":"ok","protocol":"oidc","oidc":{"client_id":"c","issuer":"https://broken.example"}}`))
	wantPointers(t, err, "/oidc/issuer")

	_, err = h.CreateConnection(ctx, owner, "acme", []byte(`{"slug":"ok","protocol":"oidc","oidc":{"client_id":"c","client_secret":"********"}}`))
	wantPointers(t, err, "/oidc/client_secret")
}

func TestPresetLiesUnderWhatWasSent(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	c, err := h.CreateConnection(ctx, owner, "acme", []byte(`{"slug":"g","preset":"google","oidc":{"client_id":"c"},"mapping":{"name":["n"]}}`))
	must(t, err)
	if c.Protocol != "oidc" || c.OIDC.Issuer != "https://accounts.google.example" || c.EmailTrust != "verified_claim" || len(c.Mapping) != 2 {
		t.Errorf("not the preset's: %+v %+v", c, c.OIDC)
	}
	c, err = h.UpdateConnection(ctx, owner, "acme", "g", nil, []byte(`{"oidc":{"issuer":"https://other.example"},"email_trust":"domains"}`))
	must(t, err)
	if c.OIDC.Issuer != "https://other.example" || c.OIDC.ClientID != "c" {
		t.Errorf("written out, it must win: %+v", c.OIDC)
	}
	c, err = h.UpdateConnection(ctx, owner, "acme", "g", nil, []byte(`{"oidc":{"issuer":null},"email_trust":null}`))
	must(t, err)
	if c.OIDC.Issuer != "https://accounts.google.example" || c.EmailTrust != "verified_claim" {
		t.Errorf("null must go back to the preset's: %+v", c.OIDC)
	}
}

func TestAnotherPresetBringsItsOwnDefaults(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	_, err := h.CreateConnection(ctx, owner, "acme", []byte(`{"slug":"g","preset":"google","display_name":"Ours","oidc":{"client_id":"c","client_secret":"upstream-secret-1","scopes":["openid"]}}`))
	must(t, err)
	c, err := h.UpdateConnection(ctx, owner, "acme", "g", nil, []byte(`{"preset":"generic","oidc":{"issuer":"https://idp.example"}}`))
	must(t, err)
	if c.EmailTrust != "domains" || len(c.Mapping) != 0 || c.DisplayName != "Ours" || c.OIDC.ClientSecret.Reveal() != "upstream-secret-1" || len(c.OIDC.Scopes) != 1 {
		t.Errorf("%+v %+v", c, c.OIDC)
	}
	c, err = h.UpdateConnection(ctx, owner, "acme", "g", nil, []byte(`{"preset":"google","oidc":{"issuer":null}}`))
	must(t, err)
	if c.EmailTrust != "verified_claim" || c.OIDC.Issuer != "https://accounts.google.example" {
		t.Errorf("%+v %+v", c, c.OIDC)
	}
}

func TestSecretsStayAndAreNeverSentElsewhere(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	h.connection(t, "acme", "idp")
	support := admin.Actor{Name: "apikey:s", Role: admin.Support, Realms: []string{"acme"}}
	secret := func() string {
		c, err := h.store.Connections.Get(ctx, "idp")
		must(t, err)
		return c.OIDC.ClientSecret.Reveal()
	}
	_, err := h.UpdateConnection(ctx, support, "acme", "idp", nil, []byte(`{"display_name":"New","oidc":{"client_secret":"********"}}`))
	must(t, err)
	if secret() != "upstream-secret-1" {
		t.Fatalf("the mask changed the secret to %q", secret())
	}
	_, err = h.UpdateConnection(ctx, support, "acme", "idp", nil, []byte(`{"oidc":{"issuer":"https://thief.example"}}`))
	wantPointers(t, err, "/oidc/client_secret")
	_, err = h.UpdateConnection(ctx, support, "acme", "idp", nil, []byte(`{"oidc":{"issuer":"https://new.example","client_secret":"upstream-secret-2"}}`))
	must(t, err)
	if secret() != "upstream-secret-2" {
		t.Fatalf("the secret is %q", secret())
	}
	if _, err = h.UpdateConnection(ctx, owner, "acme", "idp", nil, []byte(`{"oidc":{"issuer":"https://third.example"}}`)); err != nil {
		t.Errorf("an owner may: %v", err)
	}
	var told int
	for _, e := range h.events(t) {
		if e.Kind == "connection.updated" && strings.Contains(e.Detail, "/oidc/client_secret") && e.Actor == "apikey:s" {
			told++
		}
	}
	if told != 1 {
		t.Errorf("the change of the secret is told %d times", told)
	}
}

func TestOnlyChangesCount(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	before := len(h.events(t))
	r, err := h.UpdateRealm(ctx, owner, "acme", nil, []byte(`{"name":"acme","hub":false,"version":99,"created_at":"2020-01-01T00:00:00Z"}`))
	must(t, err)
	if r.Version != 1 || len(h.events(t)) != before {
		t.Errorf("nothing changed, but version %d and %d events", r.Version, len(h.events(t))-before)
	}
	r, err = h.UpdateRealm(ctx, owner, "acme", admin.Match{1}, []byte(`{"display_name":"A"}`))
	must(t, err)
	if r.Version != 2 {
		t.Errorf("version %d", r.Version)
	}
	_, err = h.UpdateRealm(ctx, owner, "acme", admin.Match{1}, []byte(`{"display_name":"B"}`))
	wantCode(t, err, fault.Conflict)
	wantCode(t, h.DeleteRealm(ctx, owner, "acme", admin.Match{1}), fault.Conflict)
	_, err = h.UpdateRealm(ctx, owner, "acme", nil, []byte(`{"name":"other"}`))
	wantPointers(t, err, "/name")
	_, err = h.UpdateRealm(ctx, owner, "acme", nil, []byte(`{"default_client_id":"nobody"}`))
	wantPointers(t, err, "/default_client_id")
}

func TestClientSecret(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	c, made, err := h.CreateClient(ctx, owner, "acme", []byte(`{"client_id":"app","redirect_uris":["https://app.example/cb"]}`))
	must(t, err)
	if len(made) != 43 || c.ClientSecret != broker.Masked {
		t.Fatalf("made %q, secret %q", made, c.ClientSecret.Reveal())
	}
	hash := func() string {
		c, err := h.store.Clients.Get(ctx, "acme", "app")
		must(t, err)
		return c.SecretHash
	}
	first := hash()
	_, made, err = h.UpdateClient(ctx, owner, "acme", "app", nil, []byte(`{"client_secret":"********","display_name":"App"}`))
	if must(t, err); made != "" || hash() != first {
		t.Error("the mask changed the secret")
	}
	_, made, err = h.UpdateClient(ctx, owner, "acme", "app", nil, []byte(`{"client_secret":null}`))
	if must(t, err); made == "" || hash() == first {
		t.Error("null must make a new one")
	}
	_, made, err = h.UpdateClient(ctx, owner, "acme", "app", nil, []byte(`{"public":true,"token_endpoint_auth_method":"none"}`))
	if must(t, err); made != "" || hash() != "" {
		t.Error("a public client keeps no secret")
	}
	_, _, err = h.CreateClient(ctx, owner, "acme", []byte(`{"client_id":"b","public":true,"client_secret":"0123456789abcdef0","redirect_uris":["https://app.example/cb"]}`))
	wantPointers(t, err, "/client_secret")
	_, _, err = h.CreateClient(ctx, owner, "acme", []byte(`{"client_id":"b","client_secret":"********","redirect_uris":["https://app.example/cb"]}`))
	wantPointers(t, err, "/client_secret")
	_, _, err = h.CreateClient(ctx, owner, "acme", []byte(`{"client_id":"app","redirect_uris":["https://app.example/cb"]}`))
	wantCode(t, err, fault.Exists)
}

func TestClientRefersOnlyToItsRealm(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme", "other")
	_, err := h.CreateRealm(ctx, owner, []byte(`{"name":"hub","hub":true}`))
	must(t, err)
	h.connection(t, "acme", "acme-idp")
	h.connection(t, "other", "other-idp")
	body := func(id, more string) []byte {
		return []byte(`{"client_id":"` + id + `","redirect_uris":["https://a.example/cb"],` + more + `}`)
	}
	_, _, err = h.CreateClient(ctx, owner, "acme", body("a", `"connections":["acme-idp","other-idp","none"],"pinned_realm":"other"`))
	wantPointers(t, err, "/connections/1", "/connections/2", "/pinned_realm")
	_, _, err = h.CreateClient(ctx, owner, "hub", body("a", `"connections":["other-idp"],"pinned_realm":"nowhere"`))
	wantPointers(t, err, "/pinned_realm")
	_, _, err = h.CreateClient(ctx, owner, "hub", body("a", `"connections":["other-idp"],"pinned_realm":"other"`))
	must(t, err)
}

func TestDomains(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme", "rival")
	for _, bad := range []string{"", "gmail.com", "co.uk", "com", "a b.example", "1.2.3.4"} {
		_, err := h.CreateDomain(ctx, owner, "acme", []byte(fmt.Sprintf(`{"domain":%q}`, bad)))
		wantPointers(t, err, "/domain")
	}
	support := admin.Actor{Name: "s", Role: admin.Support}
	d, err := h.CreateDomain(ctx, support, "acme", []byte(`{"domain":"ACME.Example"}`))
	must(t, err)
	if d.Domain != "acme.example" || d.Verified || len(d.Token) < 20 {
		t.Fatalf("%+v", d)
	}
	_, err = h.CreateDomain(ctx, support, "acme", []byte(`{"domain":"acme.example"}`))
	wantCode(t, err, fault.Exists)

	_, err = h.VerifyDomain(ctx, support, "acme", "acme.example")
	wantCode(t, err, fault.DomainUnproved)
	h.dns["_cloakroom.acme.example."] = []string{"v=spf1", "cloakroom-verify=another"}
	_, err = h.VerifyDomain(ctx, support, "acme", "acme.example")
	wantCode(t, err, fault.DomainDifferent)
	if f := fault.As(err); f.Expected != "cloakroom-verify="+d.Token || !strings.Contains(f.Observed, "another") {
		t.Errorf("%+v", f)
	}
	h.dns["_cloakroom.acme.example."] = []string{"cloakroom-verify=" + d.Token}
	d, err = h.VerifyDomain(ctx, support, "acme", "acme.example")
	must(t, err)
	if !d.Verified || d.VerifiedBy != "dns" || d.VerifiedAt.IsZero() {
		t.Fatalf("%+v", d)
	}
	if e := h.lineOf(t, "domain.verified"); e.Actor != "s" || e.Subject != "domain:acme.example" {
		t.Errorf("%+v", e)
	}

	rival, err := h.CreateDomain(ctx, owner, "rival", []byte(`{"domain":"acme.example"}`))
	must(t, err)
	h.dns["_cloakroom.acme.example."] = []string{"cloakroom-verify=" + rival.Token}
	_, err = h.VerifyDomain(ctx, owner, "rival", "acme.example")
	wantCode(t, err, fault.DomainTaken)
	_, err = h.UpdateDomain(ctx, owner, "rival", "acme.example", nil, []byte(`{"verified":true}`))
	wantCode(t, err, fault.DomainTaken)
	_, err = h.CreateDomain(ctx, owner, "rival", []byte(`{"domain":"acme.example","verified":true}`))
	wantCode(t, err, fault.DomainTaken)
}

func TestOnlyAnOwnerOfTheInstallationVouchesForADomain(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	for _, a := range []admin.Actor{{Name: "s", Role: admin.Support}, {Name: "o", Role: admin.Owner, Realms: []string{"acme"}}} {
		_, err := h.CreateDomain(ctx, a, "acme", []byte(`{"domain":"acme.example","verified":true}`))
		wantCode(t, err, fault.Forbidden)
	}
	d, err := h.CreateDomain(ctx, owner, "acme", []byte(`{"domain":"acme.example","verified":true}`))
	must(t, err)
	if !d.Verified || d.VerifiedBy != "cli" {
		t.Errorf("%+v", d)
	}
	d, err = h.UpdateDomain(ctx, owner, "acme", "acme.example", nil, []byte(`{"verified":false}`))
	if must(t, err); d.Verified || d.VerifiedBy != "" || d.Version != 2 {
		t.Errorf("%+v", d)
	}
	_, err = h.UpdateDomain(ctx, owner, "acme", "acme.example", nil, []byte(`{"domain":"x.example"}`))
	wantPointers(t, err, "/domain")
}

func TestHandover(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	_, err := h.CreateConnection(ctx, owner, "acme", []byte(`{"slug":"okta","preset":"okta","protocol":"saml","saml":{"entity_id":"i","sso_url":"https://idp.example/sso","metadata_url":"https://idp.example/md"}}`))
	must(t, err)
	got, err := h.Handover(ctx, owner, "acme", "okta")
	must(t, err)
	if got.ACSURL != "https://sso.example/broker/okta/endpoint" || got.EntityID != "https://sso.example/broker/okta/metadata" || got.MetadataURL != got.EntityID || got.LoginURL != "https://sso.example/broker/okta/login" || got.RedirectURI != "" {
		t.Errorf("%+v", got)
	}
	if !strings.HasPrefix(got.Certificate, "-----BEGIN CERTIFICATE-----") {
		t.Errorf("certificate %q", got.Certificate)
	}
	if got.Labels["acs_url"].Label != "Single sign-on URL" || got.Labels["entity_id"].Label == "" {
		t.Errorf("labels %+v", got.Labels)
	}
	var fields map[string]any
	b, _ := json.Marshal(got)
	must(t, json.Unmarshal(b, &fields))
	delete(fields, "labels")
	for f := range fields {
		if _, ok := got.Labels[f]; !ok {
			t.Errorf("%s has no label", f)
		}
	}
	if len(fields) != len(got.Labels) {
		t.Errorf("labels %v for fields %v", got.Labels, fields)
	}
	h.connection(t, "acme", "op")
	got, err = h.Handover(ctx, owner, "acme", "op")
	if must(t, err); got.RedirectURI != "https://sso.example/broker/op/endpoint" || got.ACSURL != "" || got.Certificate != "" {
		t.Errorf("%+v", got)
	}
}

func TestCheck(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	h.connection(t, "acme", "op")
	r, err := h.CheckConnection(ctx, owner, "acme", "op")
	must(t, err)
	if r.Status != "warning" || len(r.Findings) != 1 || r.Findings[0].Code != "connection.no_domain" {
		t.Errorf("%+v", r)
	}
	_, err = h.UpdateConnection(ctx, owner, "acme", "op", nil, []byte(`{"domains":["acme.example"],"oidc":{"issuer":"https://down.example"}}`))
	must(t, err)
	r, err = h.CheckConnection(ctx, owner, "acme", "op")
	must(t, err)
	if r.Status != "error" || len(r.Findings) != 2 || r.Findings[0].Code != "domain.unverified" || r.Findings[1].Code != "net.timeout" {
		t.Errorf("%+v", r)
	}
	f := r.Findings[1]
	if f.Cause == "" || f.Fix == "" || f.Side != "network" || f.Severity != "error" || f.Help != "/help/faults/net.timeout" || f.Confidence != "proved" || f.Labels == nil || f.Alternatives == nil {
		t.Errorf("%+v", f)
	}
	_, err = h.CreateDomain(ctx, owner, "acme", []byte(`{"domain":"acme.example","verified":true}`))
	must(t, err)
	_, err = h.UpdateConnection(ctx, owner, "acme", "op", nil, []byte(`{"oidc":{"issuer":"https://idp.example"}}`))
	must(t, err)
	if r, err = h.CheckConnection(ctx, owner, "acme", "op"); err != nil || r.Status != "ok" || len(r.Findings) != 0 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestBlockingSignsOut(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	u := &broker.User{ID: "5b0c3d8e-0000-4000-8000-000000000001", Realm: "acme", Email: "eva@acme.example"}
	must(t, h.store.Users.Create(ctx, u))
	_, err := h.UpdateUser(ctx, owner, "acme", u.ID, nil, []byte(`{"email":"x@acme.example","blocked":true}`))
	wantPointers(t, err, "/email")
	got, err := h.UpdateUser(ctx, owner, "acme", u.ID, nil, []byte(`{"blocked":true,"excluded":true}`))
	must(t, err)
	if !got.Blocked || !got.Excluded || len(h.ended) != 1 {
		t.Errorf("%+v, ended %v", got, h.ended)
	}
	must(t, h.DeleteUser(ctx, owner, "acme", u.ID, nil))
	_, err = h.GetUser(ctx, owner, "acme", u.ID)
	wantCode(t, err, fault.NotFound)
	if e := h.lineOf(t, "user.deleted"); e.Before == nil || e.After != nil {
		t.Errorf("%+v", e)
	}
}

func TestKeys(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme", "other")
	h.connection(t, "other", "idp")
	list, err := h.ListKeys(ctx, owner, "acme", "", broker.Page{})
	must(t, err)
	if len(list.Items) != 2 {
		t.Fatalf("%d keys", len(list.Items))
	}
	k, err := h.RotateKey(ctx, owner, "acme", []byte(`{"alg":"ES256"}`))
	must(t, err)
	list, err = h.ListKeys(ctx, owner, "acme", "", broker.Page{})
	must(t, err)
	states := map[string]string{}
	for _, v := range list.Items {
		states[v.Alg+" "+v.State] = v.ID
	}
	if states["ES256 active"] != k.ID || states["ES256 retired"] == "" || states["RS256 active"] == "" {
		t.Errorf("%v", states)
	}
	b, _ := json.Marshal(list)
	if strings.Contains(strings.ToLower(string(b)), "private") || !strings.Contains(string(b), `"created_at"`) {
		t.Errorf("%s", b)
	}
	_, err = h.RotateKey(ctx, owner, "acme", []byte(`{"connection":"idp"}`))
	wantPointers(t, err, "/connection")
	_, err = h.RotateKey(ctx, owner, "acme", []byte(`{"alg":"none"}`))
	wantPointers(t, err, "/alg")
	_, err = h.ListKeys(ctx, owner, "acme", "idp", broker.Page{})
	wantCode(t, err, fault.NotFound)
}

func TestAuditLine(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	a := admin.Actor{Name: "apikey:ci", Role: admin.Owner, RemoteIP: "192.0.2.7"}
	_, err := h.UpdateRealm(ctx, a, "acme", nil, []byte(`{"display_name":"Acme","branding":{"texts":{"help":"`+strings.Repeat("x", 450)+`"}}}`))
	must(t, err)
	e := h.lineOf(t, "realm.updated")
	var before, after map[string]any
	must(t, json.Unmarshal(e.Before, &before))
	must(t, json.Unmarshal(e.After, &after))
	if e.Actor != "apikey:ci" || e.RemoteIP != "192.0.2.7" || e.Realm != "acme" || e.Subject != "realm:acme" || e.Kind != "realm.updated" || !e.At.Equal(h.now) {
		t.Errorf("%+v", e)
	}
	if before["display_name"] != "acme" || after["display_name"] != "Acme" || !strings.Contains(e.Detail, "/display_name") {
		t.Errorf("%s -> %s (%s)", e.Before, e.After, e.Detail)
	}
}

func TestADeletedRealmTakesItsKeysAlong(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme", "other")
	key := func(realms string) (id, key string) {
		k, secret, err := h.CreateAPIKey(ctx, owner, []byte(`{"name":"k","role":"owner","realms":[`+realms+`]}`))
		must(t, err)
		return k.ID, secret
	}
	onlyID, only := key(`"acme"`)
	_, both := key(`"acme","other"`)
	_, all := key(``)
	must(t, h.DeleteRealm(ctx, owner, "acme", nil))
	h.realm(t, "acme")
	_, err := h.Authenticate(ctx, only)
	wantCode(t, err, fault.Unauthorized)
	_, err = h.GetAPIKey(ctx, owner, onlyID)
	wantCode(t, err, fault.NotFound)
	a, err := h.Authenticate(ctx, both)
	must(t, err)
	_, err = h.GetRealm(ctx, a, "acme")
	wantCode(t, err, fault.NotFound)
	_, err = h.GetRealm(ctx, a, "other")
	must(t, err)
	a, err = h.Authenticate(ctx, all)
	if must(t, err); len(a.Realms) != 0 {
		t.Errorf("%v", a)
	}
}

func TestAuthenticate(t *testing.T) {
	h := newHouse(t)
	_, key, err := h.CreateAPIKey(ctx, owner, []byte(`{"name":"ci","role":"auditor","expires_at":"2026-11-21T09:00:00Z"}`))
	must(t, err)
	a, err := h.Authenticate(ctx, key)
	if must(t, err); a.Name != "apikey:ci" || a.Role != admin.Auditor {
		t.Errorf("%+v", a)
	}
	a, err = h.Authenticate(ctx, h.Token)
	if must(t, err); a.Role != admin.Owner || len(a.Realms) != 0 {
		t.Errorf("%+v", a)
	}
	h.now = h.now.Add(time.Hour)
	for _, bad := range []string{"", key, key + "x", h.Token + "x", h.Token[1:], strings.Repeat("x", 600)} {
		_, err := h.Authenticate(ctx, bad)
		wantCode(t, err, fault.Unauthorized)
	}
	h.Token = ""
	_, err = h.Authenticate(ctx, "")
	wantCode(t, err, fault.Unauthorized)
}

func TestPrivateKeysOfClientsAreRefused(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	body := func(jwks string) []byte {
		return []byte(`{"client_id":"a","token_endpoint_auth_method":"private_key_jwt","redirect_uris":["https://a.example/cb"],"jwks":` + jwks + `}`)
	}
	for jwks, want := range map[string]string{`[]`: "/jwks", `"x"`: "/jwks", `{}`: "/jwks", `{"keys":[{"kty":"EC","d":"x"}]}`: "/jwks/keys/0/d"} {
		_, _, err := h.CreateClient(ctx, owner, "acme", body(jwks))
		wantPointers(t, err, want)
	}
	c, made, err := h.CreateClient(ctx, owner, "acme", body(`{"keys":[{"kty":"EC","crv":"P-256","x":"a","y":"b"}]}`))
	if must(t, err); made != "" || c.SecretHash != "" {
		t.Errorf("a secret was made: %+v", c)
	}
}

func TestWhatIsFoundOutOfADomainCannotBeSent(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	_, err := h.CreateDomain(ctx, owner, "acme", []byte(`{"domain":"a.example","token":"chosen","verified_by":"me"}`))
	wantPointers(t, err, "/token", "/verified_by")
	d, err := h.CreateDomain(ctx, owner, "acme", []byte(`{"domain":"a.example"}`))
	must(t, err)
	back, err := json.Marshal(d)
	must(t, err)
	if d, err = h.UpdateDomain(ctx, owner, "acme", "a.example", nil, back); err != nil || d.Version != 1 {
		t.Errorf("sent back as it was: %+v %v", d, err)
	}
	_, err = h.UpdateDomain(ctx, owner, "acme", "a.example", nil, []byte(`{"verified_at":"2020-01-01T00:00:00Z","transfer_to":"other"}`))
	wantPointers(t, err, "/transfer_to", "/verified_at")
	_, err = h.UpdateDomain(ctx, owner, "acme", "a.example", nil, []byte(`{"verified":null,"token":null}`))
	must(t, err)
}

func TestWhatClientsNameCannotGo(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme", "other")
	_, err := h.CreateRealm(ctx, owner, []byte(`{"name":"hub","hub":true}`))
	must(t, err)
	h.connection(t, "acme", "idp")
	client := func(realm, more string) {
		t.Helper()
		_, _, err := h.CreateClient(ctx, owner, realm, []byte(`{"client_id":"app","redirect_uris":["https://a.example/cb"],`+more+`}`))
		must(t, err)
	}
	client("hub", `"connections":["idp"]`)
	err = h.DeleteConnection(ctx, owner, "acme", "idp", nil)
	if wantCode(t, err, fault.InUse); !strings.Contains(err.Error(), "hub/app") {
		t.Errorf("%v", err)
	}
	wantCode(t, h.DeleteRealm(ctx, owner, "acme", nil), fault.InUse)
	_, err = h.UpdateRealm(ctx, owner, "hub", nil, []byte(`{"hub":false}`))
	wantPointers(t, err, "/hub")
	prune := "realms:\n  - name: acme\n"
	_, err = h.Apply(ctx, owner, strings.NewReader(prune), admin.ApplyOptions{Prune: true})
	wantCode(t, err, fault.InUse)
	_, err = h.Apply(ctx, owner, strings.NewReader("realms:\n  - name: hub\n"), admin.ApplyOptions{})
	wantPointers(t, err, "/realms/0/hub")

	must(t, h.DeleteClient(ctx, owner, "hub", "app", nil))
	client("acme", `"connections":["idp"]`)
	wantCode(t, h.DeleteConnection(ctx, owner, "acme", "idp", nil), fault.InUse)
	_, err = h.UpdateRealm(ctx, owner, "hub", nil, []byte(`{"hub":false}`))
	must(t, err)
	must(t, h.DeleteRealm(ctx, owner, "acme", nil))
	if _, err := h.store.Connections.Get(ctx, "idp"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
}
