package api_test

import (
	"context"
	"testing"
	"time"

	"cloakroom/broker"
)

func TestCalendar(t *testing.T) {
	h := furnished(t)
	now := time.Now()
	for _, e := range []broker.Expiry{
		{Subject: "connection:idp", Realm: "acme", Connection: "idp", Kind: broker.ExpiryIdPCertificate, Name: "CN=idp", At: now.Add(30*24*time.Hour - time.Minute)},
		{Subject: "connection:idp", Realm: "acme", Connection: "idp", Kind: broker.ExpiryIdPCertificate, Name: "CN=old", At: now.Add(time.Hour), Replaced: true},
		{Subject: "realm:other", Realm: "other", Kind: broker.ExpiryDomainProof, Name: "other.example", At: now.Add(100 * 24 * time.Hour)},
		{Subject: "apikey:1", Kind: broker.ExpiryAPIKey, Name: "ci", At: now.Add(-time.Hour)},
	} {
		h.must(h.store.Expiries.Put(context.Background(), &e, nil))
	}
	all, limited := h.key("auditor"), h.key("support", "acme")
	for _, c := range []struct {
		path        string
		whole, some int // how many items; -n: a status
	}{
		{"/expiries", 3, 1},
		{"/expiries?within=60d", 2, 1},
		{"/expiries?within=36h", 1, 0},
		{"/expiries?within=0d", 1, 0},
		{"/expiries?replaced=true", 4, 2},
		{"/expiries?realm=acme", 1, 1},
		{"/expiries?realm=other", 1, -404},
		{"/expiries?kind=api_key", 1, 0},
		{"/expiries?connection=idp", 1, 1},
		{"/realms/acme/expiries?within=60d", 1, 1},
		{"/realms/other/expiries", 1, -404},
		{"/expiries?within=soon", -422, -422},
		{"/expiries?within=-1d", -422, -422},
		{"/expiries?within=99999999999999999999d", -422, -422},
		{"/realms/none/expiries", -404, -404},
	} {
		for who, want := range map[string]int{all: c.whole, limited: c.some} {
			a := h.call(who, "GET", c.path, "")
			switch {
			case want < 0 && a.StatusCode != -want:
				t.Errorf("%s: %d, want %d", c.path, a.StatusCode, -want)
			case want >= 0 && (a.StatusCode != 200 || len(a.items()) != want):
				t.Errorf("%s: %d %s", c.path, a.StatusCode, a.text)
			}
		}
	}
	first := h.want(200, "GET", "/realms/acme/expiries", "").items()[0]
	if first["days_left"] != 30.0 || first["kind"] != "idp_certificate" || first["connection"] != "idp" || first["expires_at"] == nil {
		t.Errorf("%v", first)
	}
}

func TestContactsAndTheSecretsDate(t *testing.T) {
	h := furnished(t)
	const one = "/realms/acme/connections/idp"
	field := func(a answer, name string) any { return a.body["oidc"].(map[string]any)[name] }
	h.want(422, "PATCH", one, `{"contacts":["nobody"]}`)
	h.want(422, "PATCH", one, `{"contacts":["Nina <nina@acme.example>"]}`)
	h.want(422, "PATCH", one, `{"oidc":{"client_secret_expires_at":"soon"}}`)
	h.want(200, "PATCH", one, `{"contacts":["nina@acme.example"],"oidc":{"client_secret":"first","client_secret_expires_at":"2027-05-01T00:00:00Z"}}`)
	if a := h.want(200, "PATCH", one, `{"display_name":"x","oidc":{"client_secret":"********"}}`); field(a, "client_secret_expires_at") != "2027-05-01T00:00:00Z" {
		t.Errorf("%s", a.text)
	}
	if a := h.want(200, "PATCH", one, `{"oidc":{"client_secret":"second"}}`); field(a, "client_secret_expires_at") != nil {
		t.Errorf("the old secret's date is the new one's: %s", a.text)
	}
	if a := h.want(200, "PATCH", one, `{"oidc":{"client_secret":"third","client_secret_expires_at":"2027-05-01T00:00:00Z"}}`); field(a, "client_secret_expires_at") == nil {
		t.Errorf("%s", a.text)
	}
}
