package admin_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
)

const entraID = "8f3b2c1d-0a4e-4f6b-9c7d-5e2a1b3c4d5e"

// asked is a request of a directory, some time ago.
type asked struct {
	ago    time.Duration
	method string
	path   string
	status int
	code   fault.Code
}

func (h *house) sent(t *testing.T, slug string, requests ...asked) {
	t.Helper()
	for _, r := range requests {
		kind, _, _ := strings.Cut(strings.TrimPrefix(r.path, "/"), "/")
		kind, _, _ = strings.Cut(kind, "?")
		must(t, h.store.Requests.Add(ctx, broker.DirectoryRequest{Realm: "acme", Connection: slug, At: h.now.Add(-r.ago), Method: r.method, Path: r.path, Status: r.status, Code: string(r.code), Detail: "told " + string(r.code)}, kind))
	}
}

// provisioned is a connection of a preset with a directory.
func (h *house) provisioned(t *testing.T, preset string) *broker.Connection {
	t.Helper()
	h.Linked = h.store.Links.Connections
	h.realm(t, "acme")
	c, err := h.CreateConnection(ctx, owner, "acme", []byte(`{"slug":"acme-idp","preset":"`+preset+`","protocol":"oidc","oidc":{"issuer":"https://idp.example","client_id":"c","client_secret":"upstream-secret-1"}}`))
	must(t, err)
	return c
}

func (h *house) colleague(t *testing.T, email, name string) *broker.User {
	t.Helper()
	given, family, _ := strings.Cut(name, " ")
	return h.person(t, email, func(u *broker.User) {
		u.Name, u.GivenName, u.FamilyName, u.Status = name, given, family, broker.StatusActive
	})
}

func codesOf(found []admin.Finding) []string {
	out := []string{}
	for _, f := range found {
		out = append(out, f.Code)
	}
	return out
}

const (
	probe  = `/Users?filter=userName+eq+"x"`
	minute = time.Minute
	day    = 24 * time.Hour
)

// What requests say together, by what has come and when.
func TestDirectorySigns(t *testing.T) {
	query := func(ago time.Duration) asked { return asked{ago, "GET", probe, 200, ""} }
	made := func(ago time.Duration) asked { return asked{ago, "POST", "/Users", 201, ""} }
	refused := func(ago time.Duration, code fault.Code) asked { return asked{ago, "GET", probe, 401, code} }
	for name, v := range map[string]struct {
		preset string
		token  string // made on this day with this end, "" for none
		sent   []asked
		stage  string
		codes  []fault.Code
		label  string
	}{
		"nothing":                       {"entra", "", nil, "none", nil, ""},
		"a fresh token":                 {"entra", `{}`, nil, "none", nil, ""},
		"a token and an hour":           {"entra", `{"name":"old"}`, nil, "none", []fault.Code{fault.SCIMNeverCalled}, "Tenant URL"},
		"just tested":                   {"entra", "", []asked{query(10 * minute)}, "tested", nil, ""},
		"tested, and a cycle has gone":  {"entra", "", []asked{query(50 * minute), query(3 * minute)}, "tested", []fault.Code{fault.SCIMNothingSent}, "Start provisioning"},
		"Okta sends at once":            {"okta", "", []asked{query(6 * minute)}, "tested", []fault.Code{fault.SCIMNothingSent}, "To App"},
		"Okta, just tested":             {"okta", "", []asked{query(2 * minute)}, "tested", nil, ""},
		"people come":                   {"entra", "", []asked{query(90 * minute), made(30 * minute)}, "provisioning", nil, ""},
		"a week of silence":             {"entra", "", []asked{made(9 * day), query(8 * day)}, "silent", []fault.Code{fault.SCIMStopped}, "Restart provisioning"},
		"refused from the first":        {"entra", "", []asked{refused(minute, fault.SCIMTokenDoubled)}, "refused", []fault.Code{fault.SCIMTokenDoubled}, "Secret Token"},
		"refused, mended":               {"okta", "", []asked{refused(3*minute, fault.SCIMTokenTruncated), query(minute)}, "tested", nil, ""},
		"refused since, and given up":   {"entra", "", []asked{made(2 * day), refused(3*time.Hour, fault.SCIMTokenRevoked)}, "refused", []fault.Code{fault.SCIMTokenRevoked, fault.SCIMPaused}, "Secret Token"},
		"one person is refused":         {"okta", "", []asked{{20 * minute, "POST", "/Users", 409, fault.SCIMConflict}, made(10 * minute)}, "provisioning", []fault.Code{fault.SCIMConflict}, ""},
		"a change refused, then taken":  {"okta", "", []asked{made(30 * minute), {20 * minute, "PATCH", "/Users/1", 400, fault.SCIMValue}, {10 * minute, "PATCH", "/Users/1", 200, ""}}, "provisioning", nil, ""},
		"a refusal of the day before":   {"okta", "", []asked{{30 * time.Hour, "POST", "/Users", 409, fault.SCIMTaken}, made(10 * minute)}, "provisioning", nil, ""},
		"asked for what is not here":    {"entra", "", []asked{made(30 * minute), {minute, "GET", "/Users/none", 404, fault.SCIMNotFound}}, "provisioning", nil, ""},
		"the token ends":                {"entra", `{"expires_at":"2026-12-01T00:00:00Z"}`, []asked{made(30 * minute)}, "provisioning", []fault.Code{fault.SCIMTokenEnds}, "Secret Token"},
		"a provider we know nothing of": {"generic", "", []asked{query(50 * minute)}, "tested", []fault.Code{fault.SCIMNothingSent}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.provisioned(t, v.preset)
			if v.token != "" {
				_, err := h.CreateSCIMToken(ctx, owner, "acme", "acme-idp", []byte(v.token))
				must(t, err)
			}
			if name == "a token and an hour" {
				h.now = h.now.Add(time.Hour)
			}
			h.sent(t, "acme-idp", v.sent...)
			st, err := h.GetSCIM(ctx, owner, "acme", "acme-idp")
			must(t, err)
			want := []string{}
			for _, c := range v.codes {
				want = append(want, string(c))
			}
			if got := codesOf(st.Findings); st.Stage != v.stage || !slices.Equal(got, want) {
				t.Fatalf("%s %v, want %s %v", st.Stage, got, v.stage, want)
			}
			for _, f := range st.Findings {
				if f.Confidence != string(fault.Proved) && len(f.Alternatives) == 0 {
					t.Errorf("%s is %s and asks nothing", f.Code, f.Confidence)
				}
			}
			if v.label != "" && !slices.Contains(st.Findings[0].Labels, v.label) {
				t.Errorf("labels %v lack %q", st.Findings[0].Labels, v.label)
			}
			r, err := h.CheckConnection(ctx, owner, "acme", "acme-idp")
			must(t, err)
			for _, code := range want {
				if !slices.Contains(codesOf(r.Findings), code) || r.Status == "ok" {
					t.Errorf("the preflight does not say %s: %v", code, codesOf(r.Findings))
				}
			}
		})
	}
}

// One person under two addresses, the directory's and the sign-in's; and a name of theirs that no sign-in has.
func TestDirectoryTwins(t *testing.T) {
	h := newHouse(t)
	h.provisioned(t, "entra")
	sent, comes, other := h.colleague(t, "ada.byron@acme.onmicrosoft.example", "Ada Byron"), h.colleague(t, "ada@acme.example", "Ada Byron"), h.colleague(t, "bob@acme.example", "Bob Boole")
	must(t, h.store.Links.Claim(ctx, &broker.Link{Connection: "acme-idp", Subject: entraID, Realm: "acme", UserID: comes.ID}))
	for i, u := range []*broker.User{sent, other} {
		must(t, h.store.Directories.CreateUser(ctx, &broker.DirectoryUser{ID: u.ID, Realm: "acme", Connection: "acme-idp", UserID: u.ID, UserName: u.Email, ExternalID: []string{"abyron", "bboole"}[i], Email: u.Email, Active: true, Resource: json.RawMessage(`{}`)}))
	}
	h.sent(t, "acme-idp", asked{minute, "POST", "/Users", 201, ""})
	st, err := h.GetSCIM(ctx, owner, "acme", "acme-idp")
	must(t, err)
	if got := codesOf(st.Findings); !slices.Equal(got, []string{string(fault.SCIMExternalID), string(fault.SCIMSamePerson)}) {
		t.Fatalf("%v", got)
	}
	if f := st.Findings[1]; f.Observed != sent.Email || f.Expected != comes.Email || !strings.Contains(f.Detail, "are the same person") || f.Confidence != "likely" || len(f.Alternatives) == 0 {
		t.Errorf("%+v", f)
	}
	if f := st.Findings[0]; !slices.Contains([]string{"abyron", "bboole"}, f.Observed) || !slices.Contains(f.Labels, "objectId") {
		t.Errorf("%+v", f)
	}
	_, err = h.MergeUser(ctx, owner, "acme", sent.ID, []byte(`{"into":"`+comes.ID+`"}`))
	must(t, err)
	st, err = h.GetSCIM(ctx, owner, "acme", "acme-idp")
	must(t, err)
	if slices.Contains(codesOf(st.Findings), string(fault.SCIMSamePerson)) {
		t.Error("they were merged")
	}
}

// Groups are told where nothing is done with them.
func TestDirectoryGroups(t *testing.T) {
	h := newHouse(t)
	h.provisioned(t, "entra")
	must(t, h.store.Directories.CreateGroup(ctx, &broker.DirectoryGroup{ID: "g1", Realm: "acme", Connection: "acme-idp", DisplayName: "All staff"}))
	h.sent(t, "acme-idp", asked{2 * minute, "POST", "/Groups", 201, ""}, asked{minute, "POST", "/Users", 201, ""})
	st, err := h.GetSCIM(ctx, owner, "acme", "acme-idp")
	must(t, err)
	if got := codesOf(st.Findings); !slices.Equal(got, []string{string(fault.SCIMGroupsSent)}) || !slices.Contains(st.Findings[0].Labels, "Provision Microsoft Entra ID Groups") {
		t.Errorf("%v", got)
	}
	_, err = h.UpdateConnection(ctx, owner, "acme", "acme-idp", nil, []byte(`{"group_rules":[{"match":"equals","value":"All staff","groups":["staff"]}]}`))
	must(t, err)
	st, err = h.GetSCIM(ctx, owner, "acme", "acme-idp")
	must(t, err)
	if len(st.Findings) != 0 {
		t.Errorf("groups that are used: %v", codesOf(st.Findings))
	}
}

// A setup link for provisioning: a token that is shown once, what has arrived, and where staff see the customer stand.
func TestSetupLinkForADirectory(t *testing.T) {
	h, _ := lobby(t)
	h.connection(t, "acme", "acme-idp")
	_, err := h.CreateSetupLink(ctx, owner, "acme", []byte(`{"purpose":"scim"}`))
	wantPointers(t, err, "/connection")
	token, l := h.link(t, "acme", `{"purpose":"scim","connection":"acme-idp"}`)
	next := func(want string) {
		t.Helper()
		v, err := h.GetSetupLink(ctx, owner, "acme", l.ID)
		if err != nil || v.Next != want || len(v.Steps) != 3 {
			t.Errorf("next %q of %v (%v), want %q", v.Next, v.Steps, err, want)
		}
	}
	next("token")
	g, err := h.OpenSetup(ctx, token, "")
	must(t, err)
	secret, err := g.MakeToken(ctx)
	must(t, err)
	if line := h.lineOf(t, "scim_token.created"); line.Actor != "setup:"+l.ID {
		t.Errorf("%+v", line)
	}
	next("reached")
	h.sent(t, "acme-idp", asked{minute, "GET", probe, 401, fault.SCIMTokenElsewhere})
	d, err := g.Directory(ctx)
	must(t, err)
	if d.Stage != "refused" || len(d.Findings) != 1 || d.Findings[0].Detail != "" || d.BaseURL != "https://sso.example/scim/v2/acme-idp" || d.Made.IsZero() || d.Ends.Sub(h.now) < 300*day {
		t.Errorf("%+v", d)
	}
	if b, err := json.Marshal(d); err != nil || strings.Contains(string(b), secret) {
		t.Errorf("the token can be read again: %s %v", b, err)
	}
	h.sent(t, "acme-idp", asked{0, "GET", probe, 200, ""})
	next("sent")
	for range 4 {
		_, err = g.MakeToken(ctx)
		must(t, err)
	}
	_, err = g.MakeToken(ctx)
	wantCode(t, err, fault.SetupTooMany)
	must(t, h.DeleteConnection(ctx, owner, "acme", "acme-idp", nil))
	_, err = h.OpenSetup(ctx, token, "")
	wantCode(t, err, fault.SetupGone)
	if _, err := h.GetSetupLink(ctx, owner, "acme", l.ID); err != nil {
		t.Error(err)
	}
}
