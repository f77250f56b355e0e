package claims_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/providers"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// defaults are the rules of a connection that gives these groups to everybody.
func defaults(groups ...string) *claims.Rules {
	return claims.NewRules(&broker.Connection{DefaultGroups: groups})
}

func rule(match, value string, groups ...string) broker.GroupRule {
	return broker.GroupRule{Match: match, Value: value, Groups: groups}
}

func of(attribute string, r broker.GroupRule) broker.GroupRule {
	r.Attribute = attribute
	return r
}

const adminsID = "0c2e1a5e-7d1c-4a57-9f0e-1d5f3a1b2c3d"

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name     string
		conn     broker.Connection
		groups   []string
		attrs    attrs
		want     string // group:reason
		unmapped string
	}{
		{"nothing", broker.Connection{}, nil, nil, "", ""},
		{"as they are", broker.Connection{}, []string{"b", "a"}, nil, "a:upstream b:upstream", "b a"},
		{"only mapped", broker.Connection{OnlyMapped: true}, []string{"b", "a"}, nil, "", "b! a!"},
		{"default", broker.Connection{OnlyMapped: true, DefaultGroups: []string{"member"}}, []string{"a"}, nil, "member:default", "a!"},
		{"equals", broker.Connection{OnlyMapped: true, GroupRules: []broker.GroupRule{rule("equals", "a", "x", "y")}}, []string{"a", "b", "A"}, nil, "x:0 y:0", "b! A!"},
		{"equals is no beginning", broker.Connection{OnlyMapped: true, GroupRules: []broker.GroupRule{rule("equals", "admin", "x")}}, []string{"admins", "admin "}, nil, "", "admins! admin !"},
		{"beside what upstream lists", broker.Connection{GroupRules: []broker.GroupRule{rule("equals", "a", "x")}}, []string{"a", "b"}, nil, "a:upstream b:upstream x:0", "b"},
		{"a rule goes before upstream", broker.Connection{GroupRules: []broker.GroupRule{rule("equals", "a", "a")}}, []string{"a"}, nil, "a:0", ""},
		{"always", broker.Connection{OnlyMapped: true, GroupRules: []broker.GroupRule{rule("always", "", "all")}}, nil, nil, "all:0", ""},
		{"always maps no value", broker.Connection{OnlyMapped: true, GroupRules: []broker.GroupRule{rule("always", "", "all")}}, []string{"a"}, nil, "all:0", "a!"},
		{"regex", broker.Connection{OnlyMapped: true, GroupRules: []broker.GroupRule{rule("regex", "app-.*-admin", "admin")}}, []string{"app-crm-admin", "app-erp-admin", "x"}, nil, "admin:0", "x!"},
		{"regex holds for the whole value", broker.Connection{OnlyMapped: true, GroupRules: []broker.GroupRule{rule("regex", "admin", "x")}}, []string{"not-admin", "admins", "admin\n", "\nadmin"}, nil, "", "not-admin! admins! admin\n! \nadmin!"},
		{"alternatives are all anchored", broker.Connection{OnlyMapped: true, GroupRules: []broker.GroupRule{rule("regex", "a|b", "x")}}, []string{"ab", "xb", "ax"}, nil, "", "ab! xb! ax!"},
		{"flags do not loosen the anchors", broker.Connection{OnlyMapped: true, GroupRules: []broker.GroupRule{rule("regex", "(?im)^admin$", "x")}}, []string{"ADMIN", "x\nadmin"}, nil, "x:0", "x\nadmin!"},
		{"a broken expression matches nothing", broker.Connection{OnlyMapped: true, GroupRules: []broker.GroupRule{rule("regex", "a)|(.*", "x"), rule("regex", "(", "y")}}, []string{"a"}, nil, "", "a!"},
		{"an unknown match matches nothing", broker.Connection{OnlyMapped: true, GroupRules: []broker.GroupRule{rule("", "a", "x")}}, []string{"a"}, nil, "", "a!"},
		{"names first", broker.Connection{OnlyMapped: true, GroupNames: attrNames(adminsID, "Admins"), GroupRules: []broker.GroupRule{rule("equals", "Admins", "x"), rule("equals", adminsID, "y")}}, []string{adminsID}, nil, "x:0", ""},
		{"names as they are", broker.Connection{GroupNames: attrNames(adminsID, "Admins")}, []string{adminsID, "other"}, nil, "Admins:upstream other:upstream", adminsID + "=Admins other"},
		{"names are for groups alone", broker.Connection{OnlyMapped: true, GroupNames: attrNames("1", "one"), GroupRules: []broker.GroupRule{of("level", rule("equals", "one", "x"))}}, nil, attrs{"level": {"1"}}, "", ""},
		{"an attribute", broker.Connection{GroupRules: []broker.GroupRule{of("dept", rule("regex", "IT|R&D", "tech"))}}, []string{"IT"}, attrs{"dept": {"Sales", "R&D"}}, "IT:upstream tech:0", "IT"},
		{"a missing attribute", broker.Connection{GroupRules: []broker.GroupRule{of("dept", rule("regex", ".*", "tech"))}}, nil, attrs{"Dept": {"IT"}}, "", ""},
		{"an attribute of LDAP", broker.Connection{Protocol: "ldap", GroupRules: []broker.GroupRule{of("dept", rule("equals", "IT", "tech"))}}, nil, attrs{"Dept": {"IT"}}, "tech:0", ""},
		{"inside an object", broker.Connection{GroupRules: []broker.GroupRule{of("realm_access.roles", rule("equals", "admin", "x"))}}, nil, attrs{"realm_access": {`{"roles":["admin"]}`}}, "x:0", ""},
		{"the first rule says why", broker.Connection{OnlyMapped: true, GroupRules: []broker.GroupRule{rule("equals", "n", "z"), rule("equals", "a", "x"), rule("regex", "a", "x", "y")}}, []string{"a"}, nil, "x:1 y:2", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := claims.NewRules(&c.conn)
			given, unmapped := r.Apply(c.groups, c.attrs)
			var got, left []string
			for _, g := range given {
				why := g.Because
				if g.Rule != nil {
					why = fmt.Sprint(*g.Rule)
				}
				got = append(got, g.Group+":"+why)
			}
			for _, u := range unmapped {
				s := u.Value
				if u.Name != "" {
					s += "=" + u.Name
				}
				if u.Dropped {
					s += "!"
				}
				left = append(left, s)
			}
			if strings.Join(got, " ") != c.want || strings.Join(left, " ") != c.unmapped {
				t.Errorf("%q, unmapped %q; want %q and %q", got, left, c.want, c.unmapped)
			}
			names := r.Groups(c.groups, c.attrs, []string{"by-hand"})
			if len(names) != len(got)+1 || !slices.Contains(names, "by-hand") || !slices.IsSorted(names) {
				t.Errorf("groups %q", names)
			}
		})
	}
}

func attrNames(id, name string) map[string]string { return map[string]string{id: name} }

// Bounds of Connection.Validate and of Normalise together keep the worst case small.
func TestRulesAreQuick(t *testing.T) {
	c := broker.Connection{OnlyMapped: true}
	for i := range 100 {
		c.GroupRules = append(c.GroupRules, rule("regex", fmt.Sprintf("(app|team|dept)-[a-z]+-%d-(admin|user|guest)x", i), "x"))
	}
	var groups []string
	for i := range 1000 {
		groups = append(groups, fmt.Sprintf("app-crm-%d-admin", i))
	}
	r := claims.NewRules(&c)
	begin := time.Now()
	if given, unmapped := r.Apply(groups, nil); len(given) != 0 || len(unmapped) != 1000 {
		t.Fatalf("%d, %d", len(given), len(unmapped))
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

// story is one sign-in after the other.
type visit struct {
	conn   string
	groups []string
	omits  bool
	after  time.Duration // since the first
	want   string
}

func TestOmittedGroups(t *testing.T) {
	const day = 24 * time.Hour
	for name, visits := range map[string][]visit{
		"kept for a while and then dropped": {
			{"a", []string{"x", "y"}, false, 0, "x y"},
			{"a", nil, true, day, "x y"},
			{"a", nil, true, 7 * day, "x y"},
			{"a", nil, true, 8 * day, ""},
			{"a", nil, true, 20 * day, ""},
			{"a", []string{"y"}, false, 21 * day, "y"},
			{"a", nil, true, 22 * day, "y"},
		},
		"what vanished before stays away": {
			{"a", []string{"x", "y"}, false, 0, "x y"},
			{"a", []string{"y"}, false, day, "y"},
			{"a", nil, true, 2 * day, "y"},
		},
		"never another connection's": {
			{"a", []string{"admin"}, false, 0, "admin"},
			{"b", nil, true, day, ""},
			{"a", nil, true, 2 * day, ""},
		},
		"nobody had any": {{"a", nil, true, 0, ""}, {"a", nil, true, day, ""}},
		"a part is listed": {
			{"a", []string{"x", "y"}, false, 0, "x y"},
			{"a", []string{"z"}, true, day, "x y z"},
			{"a", []string{"z"}, true, 9 * day, "z"},
		},
		"an empty list is a list": {{"a", []string{"x"}, false, 0, "x"}, {"a", nil, false, day, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			u := broker.User{ManualGroups: []string{"hand"}}
			for i, v := range visits {
				r := claims.NewRules(&broker.Connection{Slug: v.conn, DefaultGroups: []string{"member"}})
				p := broker.Profile{Groups: v.groups, GroupsOmitted: v.omits}
				next, _ := claims.Changed(&u, p, r, noon.Add(v.after))
				want := strings.Fields(v.want + " hand member")
				slices.Sort(want)
				if !slices.Equal(next.Groups, want) {
					t.Errorf("visit %d: %q, want %q", i, next.Groups, want)
				}
				u = reloaded(t, next)
				if again, news := claims.Changed(&u, p, r, noon.Add(v.after)); news {
					t.Errorf("visit %d is news twice: %+v", i, again)
				}
			}
		})
	}
	// The present rules apply to what is kept: a rule that went takes its group along.
	u := broker.User{}
	before := claims.NewRules(&broker.Connection{Slug: "a", OnlyMapped: true, GroupRules: []broker.GroupRule{rule("equals", "x", "admin")}})
	u, _ = claims.Changed(&u, broker.Profile{Groups: []string{"x"}}, before, noon)
	if !slices.Equal(u.Groups, []string{"admin"}) {
		t.Fatalf("%q", u.Groups)
	}
	u, _ = claims.Changed(&u, broker.Profile{GroupsOmitted: true}, claims.NewRules(&broker.Connection{Slug: "a", OnlyMapped: true}), noon)
	if len(u.Groups) != 0 {
		t.Errorf("%q", u.Groups)
	}
}

// reloaded is a user as the store gives it back.
func reloaded(t *testing.T, u broker.User) (out broker.User) {
	t.Helper()
	b, err := json.Marshal(u)
	if err == nil {
		err = json.Unmarshal(b, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestUpdateOnce(t *testing.T) {
	once := map[string]string{"given_name": "once", "family_name": "always", "name": "once", "locale": "once", "groups": "once"}
	r := claims.NewRules(&broker.Connection{Slug: "a", UpdateProfile: once, DefaultGroups: []string{"member"}})
	u := broker.User{GivenName: "Typed", ManualGroups: []string{"hand"}, Groups: []string{"hand"}}
	first := broker.Profile{GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith", Groups: []string{"x"}, Attributes: attrs{"n": {"1"}}}
	u, _ = claims.Changed(&u, first, r, noon)
	if u.GivenName != "Typed" || u.FamilyName != "Smith" || u.Name != "Bob Smith" || u.Locale != "" || strings.Join(u.Groups, " ") != "hand member x" {
		t.Errorf("first: %+v", u)
	}
	second := broker.Profile{GivenName: "Rob", FamilyName: "", Name: "Rob Smith", Locale: "fr", Groups: []string{"y"}, Attributes: attrs{"n": {"2"}}}
	u, news := claims.Changed(&u, second, r, noon)
	if !news || u.GivenName != "Typed" || u.FamilyName != "" || u.Name != "Bob Smith" || u.Locale != "fr" || strings.Join(u.Groups, " ") != "hand member x" || u.Attributes["n"][0] != "2" {
		t.Errorf("second: %+v", u)
	}
	u.ManualGroups = append(u.ManualGroups, "later")
	if u, _ = claims.Changed(&u, second, r, noon); strings.Join(u.Groups, " ") != "hand later member x" {
		t.Errorf("by hand: %q", u.Groups)
	}
	// Once is the first list in full.
	u = broker.User{}
	u, _ = claims.Changed(&u, broker.Profile{GroupsOmitted: true}, r, noon)
	if u, _ = claims.Changed(&u, broker.Profile{Groups: []string{"x"}}, r, noon); strings.Join(u.Groups, " ") != "member x" {
		t.Errorf("after an omission: %q", u.Groups)
	}
}

// What is kept of an identity reads the same, and holds nothing that could be used.
func TestSeen(t *testing.T) {
	verified := true
	idn := providers.Identity{
		Issuer: "https://op.example", Subject: "s1", IDToken: "raw-secret", SessionIndex: "ix-secret", RelayState: "relay-secret", EmailVerified: &verified,
		Attributes: attrs{"email": {"bob@acme.example"}, "groups": {"a", "b"}, "nonce": {"n-secret"}, "accessToken": {"t-secret"}, "user_password": {"p-secret"}, "name": {"Bob"}, "big": {strings.Repeat("x", 1<<20)}},
	}
	b, err := json.Marshal(claims.See(idn))
	if err != nil || len(b) > 70<<10 || strings.Contains(string(b), "secret") {
		t.Fatalf("%d bytes, %v: %.300s", len(b), err, b)
	}
	var seen claims.Seen
	if err := json.Unmarshal(b, &seen); err != nil {
		t.Fatal(err)
	}
	conn := &broker.Connection{Slug: "a", Protocol: "oidc", DefaultGroups: []string{"member"}, GroupRules: []broker.GroupRule{rule("equals", "a", "admin")}}
	got, err := claims.Show(seen, conn, claims.Recipe{}, []string{"hand", "admin"})
	want, _ := claims.Normalise(idn, conn, claims.Recipe{})
	if err != nil || got.Profile.Subject != want.Subject || got.Profile.Email != want.Email || !got.Profile.EmailProved {
		t.Errorf("%v, %+v", err, got.Profile)
	}
	var names []string
	for _, g := range got.Groups {
		names = append(names, g.Group+":"+g.Because)
	}
	if strings.Join(names, " ") != "a:upstream admin:rule b:upstream member:default hand:manual" || len(got.Unmapped) != 1 || len(got.Sources) == 0 {
		t.Errorf("%v, %v, %v", names, got.Unmapped, got.Sources)
	}
	if _, err := claims.Show(claims.Seen{}, conn, claims.Recipe{}, nil); err == nil {
		t.Error("a profile of nothing")
	}
}
