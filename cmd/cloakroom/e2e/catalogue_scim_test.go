package e2e

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"cloakroom/providers/providertest/oidcop"
)

// sending is a connection whose directory sends people here.
type sending struct {
	*stand
	*scimClient
	given string // the base URL as we hand it out
	good  string // a token of the connection's own
}

// sender is a connection of a provider with a token, entered at the provider as it should be.
func (b *bench) sender(like oidcop.Like, conn obj) *sending {
	b.t.Helper()
	s := &sending{stand: b.oidc(oidcCase{like: like, conn: conn})}
	var state struct {
		BaseURL string `json:"base_url"`
	}
	b.api("GET", b.path("/scim"), nil, 200, &state)
	s.given, s.good = state.BaseURL, s.newToken(obj{"name": "theirs"})
	n := visitors.Add(1)
	s.scimClient = &scimClient{t: b.t, base: s.given, token: s.good, entra: like == oidcop.LikeEntra, from: fmt.Sprintf("198.52.%d.%d", n/250, n%250+1)}
	return s
}

func (b *bench) newToken(body obj) string {
	b.t.Helper()
	var made struct{ ID, Token string }
	b.api("POST", b.path("/scim/tokens"), body, 201, &made)
	return made.Token
}

// seen is what an operator reads of the directory, on its page and in the preflight.
func (s *sending) seen() told {
	s.bench.t.Helper()
	var raw json.RawMessage
	s.api("GET", s.path("/scim"), nil, 200, &raw)
	out := s.answer("provisioning", raw)
	var state struct{ Stage string }
	if err := json.Unmarshal(raw, &state); err != nil {
		s.bench.t.Fatal(err)
	}
	out.status = state.Stage
	checked := s.check()
	for _, f := range out.findings {
		found := false
		for _, c := range checked.findings {
			found = found || c.Code == f.Code
		}
		if !found {
			s.bench.t.Errorf("the preflight does not say %s: %s", f.Code, said(checked))
		}
	}
	return out
}

// aged makes all that has come from the directory so much older: nobody waits for a cycle in a test.
func (s *sending) aged(by time.Duration) *sending {
	s.bench.t.Helper()
	file := ""
	for _, v := range s.env {
		if rest, ok := strings.CutPrefix(v, "CLOAKROOM_DATABASE_URL=sqlite:"); ok {
			file = rest
		}
	}
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.bench.t.Fatal(err)
	}
	defer db.Close()
	for _, column := range []string{"first_at", "last_at", "last_read_at", "last_user_write_at", "last_group_write_at"} {
		if _, err := db.Exec("UPDATE scim_states SET "+column+" = "+column+" - ? WHERE connection = ? AND "+column+" > 0", by.Microseconds(), s.slug); err != nil {
			s.bench.t.Fatal(err)
		}
	}
	if _, err := db.Exec("UPDATE scim_tokens SET created_at = created_at - ? WHERE connection = ?", by.Microseconds(), s.slug); err != nil {
		s.bench.t.Fatal(err)
	}
	return s
}

// answered fails the case unless the directory was answered so.
func (s *sending) answered(a scimAnswer, status int) scimAnswer {
	s.bench.t.Helper()
	if a.Status != status || a.Body != nil && !strings.HasPrefix(a.Type, "application/scim+json") {
		s.bench.t.Errorf("answered %d (%s), want %d: %s", a.Status, a.Type, status, tail(a.Raw, 400))
	}
	return a
}

// tokenEntered is a connection test with a token that was entered wrongly, or rightly after all.
func tokenEntered(like oidcop.Like, status int, wrong func(s *sending) string) func(*bench) told {
	return func(b *bench) told {
		s := b.sender(like, nil)
		s.token = wrong(s)
		a := s.answered(s.scimClient.test(), status)
		if status == http.StatusUnauthorized && strings.Contains(a.Raw, s.good[20:]) {
			b.t.Errorf("the answer repeats the token: %s", a.Raw)
		}
		return s.seen()
	}
}

var ada = scimPerson{userName: "ada@acme.example", mail: "ada@acme.example", externalID: objectID("ada"), given: "Ada", family: "Byron"}

func rejected(code, label string) expected {
	return expected{codes: code, side: "idp", label: label, sure: "proved"}
}

func scimEntries() []entry {
	const entra, okta = oidcop.LikeEntra, oidcop.LikeOkta
	fine := expected{says: `"stage":"tested"`}
	return []entry{
		{"SCIM-02", []situation{
			{"as catalogued", tokenEntered(entra, 401, func(s *sending) string { return "Bearer " + s.good }), rejected("scim.token_doubled", "Secret Token")},
			{"the word twice, in small letters, at Okta", tokenEntered(okta, 401, func(s *sending) string { return "bearer " + s.good }), rejected("scim.token_doubled", "Authorization")},
			{"cut short", tokenEntered(okta, 401, func(s *sending) string { return s.good[:30] }), rejected("scim.token_truncated", "Authorization")},
			{"one character is missing", tokenEntered(entra, 401, func(s *sending) string { return s.good[:len(s.good)-1] }), rejected("scim.token_truncated", "Secret Token")},
			{"in quotes", tokenEntered(entra, 200, func(s *sending) string { return `"` + s.good + `"` }), fine},
			{"a blank behind it", tokenEntered(okta, 200, func(s *sending) string { return s.good + "  " }), fine},
			{"a new line behind it", tokenEntered(entra, 200, func(s *sending) string { return s.good + "\n" }), fine},
			{"of another connection", func(b *bench) told {
				s := b.sender(entra, nil)
				other := *b
				other.slug = b.slug + "-other"
				s.token = other.sender(okta, nil).good
				s.answered(s.scimClient.test(), 401)
				return s.seen()
			}, rejected("scim.token_elsewhere", "Tenant URL")},
			{"of another product", tokenEntered(okta, 401, func(*sending) string { return "00aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789abcd" }), rejected("scim.token_unknown", "Authorization")},
			{"none", tokenEntered(entra, 401, func(*sending) string { return "" }), rejected("scim.token_missing", "Secret Token")},
			{"expired", func(b *bench) told {
				s := b.sender(okta, nil)
				s.token = s.newToken(obj{"name": "short", "expires_at": time.Now().Add(1500 * time.Millisecond).UTC().Format(time.RFC3339Nano)})
				time.Sleep(1600 * time.Millisecond)
				s.answered(s.scimClient.test(), 401)
				return s.seen()
			}, rejected("scim.token_expired", "Authorization")},
			{"revoked, and the provider gives up", func(b *bench) told {
				s := b.sender(entra, nil)
				s.answered(s.create(ada), 201)
				s.revokeAll()
				s.answered(s.scimClient.test(), 401)
				return s.aged(3 * time.Hour).seen()
			}, rejected("scim.token_revoked", "Restart provisioning")},
		}},
		{"SCIM-03", []situation{
			{"as catalogued", func(b *bench) told { return b.idle(entra, 50*time.Minute) }, expected{codes: "scim.nothing_sent", side: "idp", label: "Start provisioning", sure: "proved", says: "no user has been sent"}},
			{"Okta sends at once", func(b *bench) told { return b.idle(okta, 10*time.Minute) }, expected{codes: "scim.nothing_sent", side: "idp", label: "To App", sure: "proved"}},
			{"within the cycle", func(b *bench) told { return b.idle(entra, 30*time.Minute) }, fine},
			{"never called", func(b *bench) told { return b.sender(entra, nil).aged(time.Hour).seen() }, expected{codes: "scim.never_called", side: "idp", label: "Tenant URL", sure: "proved"}},
			{"silent for a week", func(b *bench) told {
				s := b.sender(entra, nil)
				s.answered(s.create(ada), 201)
				return s.aged(8 * 24 * time.Hour).seen()
			}, expected{codes: "scim.stopped", side: "idp", label: "Restart provisioning", sure: "guess", or: "scim.paused_by_provider"}},
		}},
		{"SCIM-05", []situation{
			{"as catalogued", func(b *bench) told {
				return b.twins(entra, scimPerson{userName: "ada.byron@acme.onmicrosoft.example", mail: "ada.byron@acme.onmicrosoft.example", externalID: "abyron", given: "Ada", family: "Byron"})
			}, expected{codes: "scim.same_person", side: "idp", label: `emails[type eq "work"].value`, sure: "likely", says: "are the same person", beside: true}},
			{"Okta's user name", func(b *bench) told {
				return b.twins(okta, scimPerson{userName: "abyron@hq.acme.example", mail: "abyron@hq.acme.example", externalID: "00u1", given: "Ada", family: "Byron"})
			}, expected{codes: "scim.same_person", side: "idp", label: "Application username format", sure: "likely", says: "are the same person"}},
			{"a nickname in place of the lasting identifier", func(b *bench) told {
				s := b.sender(entra, nil)
				s.answered(s.create(scimPerson{"ada@acme.example", "ada@acme.example", "abyron", "Ada", "Byron"}), 201)
				return s.seen()
			}, expected{codes: "scim.external_id_differs", side: "idp", label: "objectId", sure: "proved"}},
		}},
		{"SCIM-06", []situation{
			{"as catalogued", func(b *bench) told { return b.dialect(entra, "") }, expected{says: `"active_users":0`}},
			{"behind the flag", func(b *bench) told { return b.dialect(entra, "?aadOptscim062020") }, expected{says: `"active_users":0`}},
			{"Okta", func(b *bench) told { return b.dialect(okta, "") }, expected{says: `"active_users":0`}},
			{"paths and dotted names", func(b *bench) told {
				s := b.sender(entra, nil)
				id := s.answered(s.create(ada), 201).id()
				s.answered(s.patch("/Users/"+id,
					obj{"op": "Replace", "path": "name.familyName", "value": "Lovelace"},
					obj{"op": "Add", "path": `emails[type eq "work"].value`, "value": "ada@acme.example"},
					obj{"op": "Add", "value": obj{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Engines", "name.givenName": "Augusta"}}), 200)
				got := s.answered(s.do(http.MethodGet, "/Users/"+id, nil, nil), 200)
				for _, want := range []string{"Lovelace", "Augusta", "Engines"} {
					if !strings.Contains(got.Raw, want) {
						b.t.Errorf("%q is not taken over: %s", want, got.Raw)
					}
				}
				return s.seen()
			}, expected{says: `"active_users":1`}},
		}},
		{"SCIM-08", []situation{
			{"as catalogued", func(b *bench) told {
				b = b.realmOf(nil)
				b.api("POST", "/realms/"+b.realm()+"/users", obj{"email": "ada@home.example", "given_name": "Ada"}, 201, nil)
				s := b.sender(okta, alsoConn(anywhere, obj{"linking": "never"}))
				a := s.answered(s.create(scimPerson{"ada@home.example", "ada@home.example", "00u1", "Ada", "Byron"}), 409)
				if a.Body["scimType"] != "uniqueness" {
					b.t.Errorf("the directory is not told: %s", a.Raw)
				}
				return s.seen()
			}, expected{codes: "scim.conflict", side: "idp", label: "Linking", sure: "proved", says: "already exists here"}},
			{"twice in the directory itself", func(b *bench) told {
				s := b.sender(entra, nil)
				s.answered(s.create(ada), 201)
				s.answered(s.create(ada), 409)
				return s.seen()
			}, expected{codes: "scim.taken", side: "idp", label: "externalId", sure: "proved"}},
			{"deleted and sent again", func(b *bench) told {
				s := b.sender(okta, nil)
				id := s.answered(s.create(ada), 201).id()
				s.answered(s.do(http.MethodDelete, "/Users/"+id, nil, nil), 204)
				s.answered(s.create(ada), 201)
				return s.seen()
			}, expected{says: `"active_users":1`}},
		}},
		{"SCIM-09", []situation{
			{"as catalogued", func(b *bench) told { return b.grouped(entra) }, expected{codes: "scim.groups_sent", side: "idp", label: "Provision Microsoft Entra ID Groups", sure: "proved"}},
			{"Okta", func(b *bench) told { return b.grouped(okta) }, expected{codes: "scim.groups_sent", side: "idp", label: "Push Groups", sure: "proved"}},
			{"two of one name", func(b *bench) told {
				s := b.sender(okta, nil)
				s.answered(s.group("All staff"), 201)
				s.answered(s.group("all Staff"), 409)
				return s.seen()
			}, expected{codes: "scim.taken", side: "idp", label: "", sure: "proved"}},
		}},
	}
}

// idle is a directory that was tested some time ago, and sends nobody.
func (b *bench) idle(like oidcop.Like, ago time.Duration) told {
	b.t.Helper()
	s := b.sender(like, nil)
	s.answered(s.scimClient.test(), 200)
	return s.aged(ago).seen()
}

// twins is somebody who signs in with one address and is sent with another.
func (b *bench) twins(like oidcop.Like, sent scimPerson) told {
	b.t.Helper()
	b = b.realmOf(nil)
	s := b.sender(like, anywhere)
	s.works("ada")
	s.answered(s.create(sent), 201)
	return s.seen()
}

// dialect sends a person and takes them out again, in the provider's own way.
func (b *bench) dialect(like oidcop.Like, behind string) told {
	b.t.Helper()
	s := b.sender(like, nil)
	s.base += behind
	s.answered(s.scimClient.test(), 200)
	id := s.answered(s.create(ada), 201).id()
	if a := s.deactivate(id); a.Status != http.StatusOK && a.Status != http.StatusNoContent {
		b.t.Errorf("deactivating is refused: %d %s", a.Status, a.Raw)
	}
	return s.seen()
}

func (b *bench) grouped(like oidcop.Like) told {
	b.t.Helper()
	s := b.sender(like, nil)
	s.answered(s.create(ada), 201)
	s.answered(s.group("All staff"), 201)
	return s.seen()
}

func (s *sending) revokeAll() {
	s.bench.t.Helper()
	var list struct{ Items []struct{ ID string } }
	s.api("GET", s.path("/scim/tokens"), nil, 200, &list)
	for _, t := range list.Items {
		s.api("DELETE", s.path("/scim/tokens/"+t.ID), nil, 204, nil)
	}
}

// Addresses that were pasted wrongly are answered in SCIM's words, which name the right one, whether or not there is such
// a connection; and nothing of them is a page or a redirect.
func TestDirectoryAddresses(t *testing.T) {
	w := newWorld(t, start(t, map[string]string{"TRUSTED_PROXIES": "127.0.0.0/8,::1/128"}))
	s := newBench(t, w, "acme-dir", map[string]bool{}).sender(oidcop.LikeEntra, nil)
	for name, base := range map[string]string{
		"without /v2": w.URL + "/scim/acme-dir", "without a version, unknown": w.URL + "/scim/nobody-there", "/Users twice": s.given + "/Users", "a slash too many": s.given + "/", "another version": w.URL + "/scim/v1/acme-dir",
	} {
		s.base = base
		a := s.scimClient.test()
		want := w.URL + "/scim/v2/"
		if a.Status != http.StatusNotFound || !strings.HasPrefix(a.Type, "application/scim+json") || !strings.Contains(a.Raw, want) || !strings.Contains(a.Raw, "messages:2.0:Error") {
			t.Errorf("%s: %d %s %s", name, a.Status, a.Type, a.Raw)
		}
	}
	for _, base := range []string{s.given, s.given + "?aadOptscim062020"} {
		s.base = base
		if a := s.scimClient.test(); a.Status != http.StatusOK || a.Body["totalResults"] != 0.0 {
			t.Errorf("%s: %d %s", base, a.Status, a.Raw)
		}
	}
}
