package admin_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

const road = `realms:
  - name: acme
    display_name: Acme Ltd
    default_client_id: app
    sessions: {idle: 2h, max: 12h}
    branding:
      texts:
        help: "yes: 'Ask' the #desk"
    domains:
      - {domain: acme.example, verified: true, token: abcdefghijklmnopqrstuvwx}
      - second.example
    connections:
      - slug: acme-op
        protocol: oidc
        domains: [acme.example]
        mapping: {email: [mail, "yes", "12"]}
        oidc:
          issuer: https://idp.example
          client_id: abc
          client_secret: upstream-secret-of-acme
          clock_skew: 90
      - slug: acme-g
        preset: google
        oidc: {client_id: g}
    clients:
      - client_id: app
        redirect_uris: [https://app.example/cb]
        connections: [acme-op]
        client_secret: 0123456789abcdef-chosen
        jwks: {keys: [{kty: EC, n: 1}]}
      - client_id: spa
        public: true
        redirect_uris: [https://spa.example/cb]
  - name: hub
    hub: true
    clients:
      - client_id: all
        pinned_realm: acme
        connections: [acme-g]
        redirect_uris: [https://all.example/cb]
`

func apply(t *testing.T, h *house, manifest string, o admin.ApplyOptions) admin.Diff {
	t.Helper()
	d, err := h.Apply(ctx, owner, strings.NewReader(manifest), o)
	must(t, err)
	return d
}

func export(t *testing.T, h *house, secrets bool) string {
	t.Helper()
	var b bytes.Buffer
	must(t, h.Export(ctx, owner, "", &b, secrets))
	return b.String()
}

func actions(d admin.Diff) string {
	var out []string
	for _, o := range d.Objects {
		out = append(out, o.Action+" "+o.Kind+" "+o.Name)
	}
	return strings.Join(out, "\n")
}

func TestApplyMakesWhatTheFileSays(t *testing.T) {
	h := newHouse(t)
	dry := apply(t, h, road, admin.ApplyOptions{DryRun: true})
	if list, _ := h.ListRealms(ctx, owner, broker.Page{}); len(list.Items) != 0 || len(h.events(t)) != 0 || len(dry.Secrets) != 0 {
		t.Fatalf("a dry run left %d realms, %d events, told %d secrets", len(list.Items), len(h.events(t)), len(dry.Secrets))
	}
	d := apply(t, h, road, admin.ApplyOptions{})
	want := `created realm acme
created realm hub
created domain acme.example
created domain second.example
created connection acme-op
created connection acme-g
created client app
created client spa
created client all`
	if actions(d) != want || actions(dry) != want {
		t.Errorf("made:\n%s\ndry:\n%s", actions(d), actions(dry))
	}
	if len(d.Secrets) != 1 || d.Secrets[0].ClientID != "all" || len(d.Secrets[0].Secret) != 43 {
		t.Errorf("secrets %+v", d.Secrets)
	}
	if got := len(h.events(t)); got != 9 {
		t.Errorf("%d audit lines", got)
	}
	c, err := h.store.Connections.Get(ctx, "acme-op")
	must(t, err)
	if c.OIDC.ClientSecret.Reveal() != "upstream-secret-of-acme" || c.OIDC.ClockSkew.String() != "90s" {
		t.Errorf("%+v", c.OIDC)
	}
}

func TestApplyTwiceChangesNothing(t *testing.T) {
	h := newHouse(t)
	apply(t, h, road, admin.ApplyOptions{})
	lines := len(h.events(t))
	for range 2 {
		d := apply(t, h, road, admin.ApplyOptions{Prune: true})
		if len(d.Objects) != 0 || len(d.Secrets) != 0 || len(h.events(t)) != lines {
			t.Fatalf("%+v", d)
		}
	}
	c, err := h.store.Clients.Get(ctx, "acme", "app")
	if must(t, err); c.Version != 1 {
		t.Errorf("version %d", c.Version)
	}
	var b bytes.Buffer
	_, _ = apply(t, h, road, admin.ApplyOptions{}).WriteTo(&b)
	if b.String() != "Nothing changes.\n" {
		t.Errorf("%q", b.String())
	}
}

func TestApplyTellsEachFieldAndNoSecret(t *testing.T) {
	h := newHouse(t)
	apply(t, h, road, admin.ApplyOptions{})
	next := strings.NewReplacer("Acme Ltd", "Acme Inc", "upstream-secret-of-acme", "another-secret-of-acme", "-chosen", "-chosen-anew",
		"    sessions: {idle: 2h, max: 12h}\n", "", "verified: true, ", "verified: false, ").Replace(road)
	d := apply(t, h, next, admin.ApplyOptions{})
	var b bytes.Buffer
	_, _ = d.WriteTo(&b)
	for _, want := range []string{
		`~ realm acme`, `/display_name: "Acme Ltd" -> "Acme Inc"`, `/sessions/idle: "2h" -> "8h"`, `~ connection acme-op (realm acme)`,
		`/oidc/client_secret: "********" -> "******** (another one)"`, `~ client app (realm acme)`, `/client_secret:`, `/verified: true -> false`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	for _, secret := range []string{"another-secret", "upstream-secret", "chosen"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("%q is told:\n%s", secret, b.String())
		}
	}
	if dom, err := h.store.Domains.Get(ctx, "acme", "acme.example"); err != nil || dom.Verified || dom.VerifiedBy != "" {
		t.Errorf("%+v %v", dom, err)
	}
}

func TestSecretsLeftOutStay(t *testing.T) {
	h := newHouse(t)
	apply(t, h, road, admin.ApplyOptions{})
	without := strings.NewReplacer("          client_secret: upstream-secret-of-acme\n", "", "        client_secret: 0123456789abcdef-chosen\n", "").Replace(road)
	if d := apply(t, h, without, admin.ApplyOptions{}); len(d.Objects) != 0 {
		t.Errorf("%+v", d)
	}
}

func TestPrune(t *testing.T) {
	h := newHouse(t)
	apply(t, h, road, admin.ApplyOptions{})
	h.realm(t, "bystander")
	h.connection(t, "bystander", "theirs")
	small := "realms:\n  - name: acme\n    clients:\n      - {client_id: spa, public: true, redirect_uris: [https://spa.example/cb]}\n"
	d := apply(t, h, small, admin.ApplyOptions{})
	if strings.Contains(actions(d), "deleted") {
		t.Fatalf("deleted without being asked:\n%s", actions(d))
	}
	must(t, h.DeleteClient(ctx, owner, "hub", "all", nil))
	d = apply(t, h, small, admin.ApplyOptions{Prune: true})
	want := "deleted client app\ndeleted connection acme-g\ndeleted connection acme-op\ndeleted domain acme.example\ndeleted domain second.example"
	if actions(d) != want {
		t.Errorf("%s", actions(d))
	}
	if _, err := h.store.Connections.Get(ctx, "theirs"); err != nil {
		t.Errorf("a realm that the file does not name lost a connection: %v", err)
	}
}

func TestPruneLetsAnotherRealmTakeWhatIsGivenUp(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "a", "b")
	h.connection(t, "a", "idp")
	_, err := h.CreateDomain(ctx, owner, "a", []byte(`{"domain":"x.example","verified":true}`))
	must(t, err)
	move := "realms:\n  - name: b\n    domains: [{domain: x.example, verified: true}]\n    connections: [{slug: idp, protocol: oidc, oidc: {client_id: c}}]\n  - name: a\n"
	_, err = h.Apply(ctx, owner, strings.NewReader(move), admin.ApplyOptions{})
	if fault.CodeOf(err) != fault.DomainTaken || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("%v", err)
	}
	apply(t, h, move, admin.ApplyOptions{Prune: true})
	c, err := h.store.Connections.Get(ctx, "idp")
	must(t, err)
	if c.Realm != "b" || c.OIDC.ClientSecret != "" {
		t.Errorf("the connection took a secret along: %+v", c.OIDC)
	}
}

func TestManifestFaultsAreAnsweredTogetherWithLines(t *testing.T) {
	h := newHouse(t)
	_, err := h.Apply(ctx, owner, strings.NewReader(`realms:
  - name: acme
    displayname: x
    domains:
      - gmail.com
      - {domain: a.example, token: short}
      - a.example
    connections:
      - slug: one
        protocol: oidc
        oidc: {client_id: 12, isuer: x}
      - slug: one
        protocol: saml
        saml: {entity_id: i, sso_url: "https://i.example/sso", certificates: [x]}
    clients:
      - just a text
      - {client_id: c, client_secret_hash: short}
  - name: B
    clients: {}
other: 1
`), admin.ApplyOptions{})
	wantCode(t, err, fault.Invalid)
	wantPointers(t, err, "/realms/0/displayname", "/realms/0/domains/0/domain", "/realms/0/domains/1/token", "/realms/0/domains/2",
		"/realms/0/connections/0/oidc/client_id", "/realms/0/connections/0/oidc/isuer",
		"/realms/0/connections/1/saml/certificates/0", "/realms/0/clients/0", "/realms/0/clients/1/client_secret_hash",
		"/realms/1/name", "/realms/1/clients", "/other")
	for _, want := range []string{"line 3: ", "line 5: ", "line 6: ", "line 11: ", "line 14: ", "line 16: ", "line 18: ", "line 20: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	for bad, code := range map[string]fault.Code{
		"": fault.Malformed, "x": fault.Malformed, "realms: [": fault.Malformed, "realms: []\n---\nrealms: []": fault.Malformed,
		"realms: 1": fault.Invalid, "a: &a [*a]": fault.Malformed, "realms: [{name: a, name: b}]": fault.Malformed,
	} {
		_, err := h.Apply(ctx, owner, strings.NewReader(bad), admin.ApplyOptions{})
		if got := fault.CodeOf(err); got != code {
			t.Errorf("%q: %q, want %q (%v)", bad, got, code, err)
		}
	}
}

func TestApplyIsAllOrNothing(t *testing.T) {
	h := newHouse(t)
	_, err := h.Apply(ctx, owner, strings.NewReader(`realms:
  - name: acme
    default_client_id: nobody
  - name: good
    clients:
      - {client_id: c, connections: [none], redirect_uris: [https://a.example/cb]}
`), admin.ApplyOptions{})
	wantPointers(t, err, "/realms/1/clients/0/connections/0")
	if list, _ := h.ListRealms(ctx, owner, broker.Page{}); len(list.Items) != 0 || len(h.events(t)) != 0 {
		t.Errorf("%d realms, %d events stay", len(list.Items), len(h.events(t)))
	}
	for _, a := range []admin.Actor{{Role: admin.Support}, {Role: admin.Owner, Realms: []string{"acme"}}} {
		_, err := h.Apply(ctx, a, strings.NewReader(road), admin.ApplyOptions{})
		wantCode(t, err, fault.Forbidden)
	}
}

func TestExportAppliedElsewhereIsTheSame(t *testing.T) {
	for _, secrets := range []bool{true, false} {
		t.Run(fmt.Sprint("secrets ", secrets), func(t *testing.T) {
			h := newHouse(t)
			apply(t, h, road, admin.ApplyOptions{})
			first := export(t, h, secrets)
			if strings.Contains(first, "upstream-secret-of-acme") != secrets || strings.Contains(first, "client_secret_hash") != secrets {
				t.Errorf("secrets in\n%s", first)
			}
			if d := apply(t, h, first, admin.ApplyOptions{Prune: true}); len(d.Objects) != 0 {
				t.Errorf("applied to itself it changes\n%s\n%+v", actions(d), d)
			}
			other := newHouse(t)
			apply(t, other, first, admin.ApplyOptions{})
			if second := export(t, other, secrets); second != first {
				t.Errorf("\n%s\n--- became\n%s", first, second)
			}
			if !secrets {
				return
			}
			was, _ := h.store.Clients.Get(ctx, "acme", "app")
			is, err := other.store.Clients.Get(ctx, "acme", "app")
			if must(t, err); is.SecretHash != was.SecretHash {
				t.Error("the client's secret is another one")
			}
		})
	}
}

func TestExportIsForTheRealmsOneSees(t *testing.T) {
	h := newHouse(t)
	apply(t, h, road, admin.ApplyOptions{})
	var b bytes.Buffer
	must(t, h.Export(ctx, admin.Actor{Role: admin.Auditor, Realms: []string{"hub"}}, "", &b, false))
	if strings.Contains(b.String(), "name: acme") || !strings.Contains(b.String(), "name: hub") {
		t.Errorf("%s", b.String())
	}
	wantCode(t, h.Export(ctx, admin.Actor{Role: admin.Auditor, Realms: []string{"hub"}}, "acme", &b, false), fault.NotFound)
	wantCode(t, h.Export(ctx, admin.Actor{Role: admin.Support}, "acme", &b, true), fault.Forbidden)
}

// FuzzApply: no file makes Apply panic or leave something half done, and what it takes it exports so that it takes it again
// as the same.
func FuzzApply(f *testing.F) {
	f.Add(road)
	f.Add("realms:\n  - {name: a, branding: {texts: {x: \"a\\tb\\n \\u2028\"}}}\n")
	f.Add("realms: [&a {name: x, branding: {texts: {? |-\n :  y}}}, *a]")
	h := newHouse(f)
	f.Fuzz(func(t *testing.T, in string) {
		if _, err := h.Apply(ctx, owner, strings.NewReader(in), admin.ApplyOptions{}); err != nil {
			if fault.CodeOf(err) == fault.Internal {
				t.Fatalf("%v\n%s", err, base64.StdEncoding.EncodeToString([]byte(in)))
			}
			return
		}
		out := export(t, h, true)
		if d := apply(t, h, out, admin.ApplyOptions{Prune: true}); len(d.Objects) != 0 {
			t.Fatalf("%s\nchanges %+v", out, d)
		}
	})
}
