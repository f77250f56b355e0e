package claims_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

func oidc(a attrs) providers.Identity {
	a = maps.Clone(a)
	a["email"] = []string{"bob@acme.example"}
	return providers.Identity{Issuer: "https://op.example", Subject: "s", Attributes: a}
}

func profile(t *testing.T, a attrs) broker.Profile {
	t.Helper()
	p, err := claims.Normalise(oidc(a), &broker.Connection{Protocol: "oidc"}, claims.Recipe{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ name, raw, want string }{
		{"plain", "Zoë Müller-Łęcki", "Zoë Müller-Łęcki"},
		{"blanks", "  Bob \t\r\n  Smith ", "Bob Smith"},
		{"controls", "Bob\x00\x1b[31mSmith", "Bob [31mSmith"},
		{"direction", "Bob\u202eevil\u202c\u2066x", "Bobevilx"},
		{"zero width", "B\u200bo\ufeffb", "Bob"},
		{"Persian joiner", "می\u200cخواهم", "می\u200cخواهم"},
		{"private use", "Bob\ue000", "Bob"},
		{"line separator", "Bob\u2028Smith", "Bob Smith"},
		{"invalid UTF-8", "B\xffob", "Bob"},
		{"markup is only text", "<b>Bob</b>", "<b>Bob</b>"},
		{"nothing left", "\u200b\x00", ""},
		{"200 runes", strings.Repeat("ü", 300), strings.Repeat("ü", 200)},
		{"a megabyte", strings.Repeat("x", 1<<20), strings.Repeat("x", 200)},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := profile(t, attrs{"given_name": {c.raw}, "name": {c.raw}})
			if p.GivenName != c.want || p.Name != c.want {
				t.Errorf("%q, %q; want %q", p.GivenName, p.Name, c.want)
			}
		})
	}
	if p := profile(t, attrs{"name": {"\u200b", "Bob"}}); p.Name != "Bob" {
		t.Errorf("name %q", p.Name)
	}
	if p := profile(t, attrs{"family_name": {"Smith"}}); p.Name != "Smith" {
		t.Errorf("name %q", p.Name)
	}
}

func TestLocale(t *testing.T) {
	for raw, want := range map[string]string{
		"en": "en", "de-CH": "de-CH", "fr_CA": "fr-CA", "en_US.UTF-8": "en-US", "de_DE@euro": "de-DE", "pt-br": "pt-BR", "zh-hant-tw": "zh-Hant-TW", "en-US,en;q=0.9": "en-US",
		"en;q=0.5": "en", " ru ": "ru", "": "", "C": "", "POSIX": "", "und": "", "*": "", "English": "", "en-": "", "x": "", "../../etc": "", strings.Repeat("en-", 1000): "", "1": "",
	} {
		if p := profile(t, attrs{"locale": {raw}}); p.Locale != want {
			t.Errorf("locale of %.40q: %q, want %q", raw, p.Locale, want)
		}
	}
}

func TestGroups(t *testing.T) {
	many := make([]string, 1500)
	for i := range many {
		many[i] = fmt.Sprintf("g%04d", i)
	}
	for _, c := range []struct {
		name  string
		sent  attrs
		count int
		first string
		cut   bool
	}{
		{"none", attrs{}, 0, "", false},
		{"first present", attrs{"memberOf": {"b"}, "groups": {"a"}}, 1, "a", false},
		{"empty first", attrs{"memberOf": {"b"}, "groups": {""}}, 1, "b", false},
		{"repeated and unordered", attrs{"groups": {"b", "a", "b"}}, 2, "a", false},
		{"semicolons stay", attrs{"groups": {"b;a"}}, 1, "b;a", false},
		{"blanks stay", attrs{"groups": {" a "}}, 1, " a ", false},
		{"control character", attrs{"groups": {"a\n", "\x00", "b"}}, 1, "b", false},
		{"invalid UTF-8", attrs{"groups": {"\xff", "b"}}, 1, "b", false},
		{"255 bytes", attrs{"groups": {strings.Repeat("g", 255)}}, 1, strings.Repeat("g", 255), false},
		{"256 bytes", attrs{"groups": {strings.Repeat("g", 256), "b"}}, 1, "b", true},
		{"too many", attrs{"groups": many}, 1000, "g0000", true},
		{"exactly enough", attrs{"groups": append(many[:1000:1000], "g0000")}, 1000, "g0000", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := profile(t, c.sent)
			if len(p.Groups) != c.count || c.count > 0 && p.Groups[0] != c.first || p.GroupsOmitted != c.cut {
				t.Errorf("%d groups, omitted %v: %.200q", len(p.Groups), p.GroupsOmitted, p.Groups)
			}
		})
	}
}

func TestAttributesAreKeptWithinBounds(t *testing.T) {
	sent := attrs{"department": {"IT", ""}, "photo": {"\xff\xd8"}, "nul": {"a\x00b"}, "bad\xff": {"x"}, strings.Repeat("n", 256): {"x"}, "nonce": {"n"}, "exp": {"1"}, "big": {strings.Repeat("b", 65<<10)}}
	got := profile(t, sent).Attributes
	if !slices.Equal(got["department"], []string{"IT", ""}) || !slices.Equal(got["photo"], []string{"/9g="}) || !slices.Equal(got["nul"], []string{"YQBi"}) {
		t.Errorf("attributes %q", got)
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, []string{"department", "email", "nul", "photo"}) {
		t.Errorf("names %q", names)
	}
	flood := attrs{}
	for i := range 2000 {
		flood[fmt.Sprintf("a%04d", i)] = []string{strings.Repeat("\xff", 100)}
	}
	kept := profile(t, flood).Attributes
	if b, err := json.Marshal(kept); err != nil || len(b) > 72<<10 || len(kept) < 300 {
		t.Errorf("kept %d attributes, %d bytes, %v", len(kept), len(b), err)
	}
	sent["department"][0] = "spoilt"
	if got["department"][0] != "IT" {
		t.Error("the profile shares the identity's memory")
	}
}

// An answer as large as is taken at all, wherever its values go, costs little (contract, section 6).
func TestFloodIsBounded(t *testing.T) {
	for _, field := range []string{"name", "locale", "groups", "email", "mail", "sub", "oid", "other"} {
		for _, v := range []string{"x", "en-x", "\u200b", "b@a.b", "\xff"} {
			idn := oidc(attrs{"tid": {tid}, "oid": {oid}, field: slices.Repeat([]string{v}, 1<<20/(len(v)+1))})
			idn.Attributes[field] = append(idn.Attributes[field], v+"y")
			began := time.Now()
			_, _ = claims.Normalise(idn, &broker.Connection{Protocol: "oidc", Preset: "entra"}, claims.Recipe{})
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("%s of %q took %s", field, v, took)
			}
		}
	}
}

func TestSources(t *testing.T) {
	idn := providers.Identity{Issuer: "i", Subject: "t", SubjectFormat: transient, Attributes: attrs{"mail": {"bob@acme.example"}, "email": {"bob@acme.example"}, "givenName": {"Bob"}, "memberOf": {"a", "b"}}}
	got := map[string]string{}
	for _, s := range claims.Sources(idn, &broker.Connection{Protocol: "saml"}, claims.Recipe{}) {
		got[s.Field] = s.From
		if len(s.Values) == 0 {
			t.Errorf("%s from %s holds nothing", s.Field, s.From)
		}
	}
	want := map[string]string{"email": "email, mail", "given_name": "givenName", "groups": "memberOf", "subject": "email"}
	if !maps.Equal(got, want) {
		t.Errorf("sources %v, want %v", got, want)
	}
}

// A refused identity still shows what could be read, for the report.
func TestPartialProfile(t *testing.T) {
	idn := saml("p", persistent, "givenName", "Bob", "groups", "a")
	p, err := claims.Normalise(idn, &broker.Connection{Protocol: "saml"}, claims.Recipe{})
	if fault.CodeOf(err) != fault.EmailMissing || p.GivenName != "Bob" || len(p.Groups) != 1 || p.Subject != "nameid:p" || p.Email != "" || p.EmailProved {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestForToken(t *testing.T) {
	u := &broker.User{Email: "bob@acme.example", EmailVerified: true, GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith", Locale: "fr", Groups: []string{"a"}, Meta: broker.Meta{UpdatedAt: time.Unix(1700000000, 5)}}
	for _, c := range []struct {
		user   *broker.User
		scopes string
		want   string
	}{
		{u, "openid", `{}`},
		{u, "openid email", `{"email":"bob@acme.example","email_verified":true}`},
		{u, "openid groups", `{"groups":["a"]}`},
		{u, "openid profile", `{"family_name":"Smith","given_name":"Bob","locale":"fr","name":"Bob Smith","preferred_username":"bob@acme.example","updated_at":1700000000}`},
		{&broker.User{Email: "eve@acme.example"}, "email", `{"email":"eve@acme.example","email_verified":false}`},
		{&broker.User{}, "openid email profile groups", `{"groups":[]}`},
	} {
		b, err := json.Marshal(claims.ForToken(c.user, strings.Fields(c.scopes)))
		if err != nil || string(b) != c.want {
			t.Errorf("scopes %q: %s, %v; want %s", c.scopes, b, err, c.want)
		}
	}
	claims.ForToken(u, []string{"groups"})["groups"].([]string)[0] = "spoilt"
	if u.Groups[0] != "a" {
		t.Error("the claims share the user's memory")
	}
}

func TestChanged(t *testing.T) {
	full := broker.Profile{Subject: "https://op.example|s", Email: "new@acme.example", GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith", Locale: "fr", Groups: []string{"b", "a"}, Attributes: attrs{"dept": {"IT"}}}
	u := &broker.User{ID: "1", Email: "bob@acme.example", EmailVerified: true, Blocked: true}
	next, news := claims.Changed(u, full, defaults("member", "a"), noon)
	if !news || next.Name != "Bob Smith" || next.GivenName != "Bob" || next.FamilyName != "Smith" || next.Locale != "fr" || !slices.Equal(next.Groups, []string{"a", "b", "member"}) || next.Attributes["dept"][0] != "IT" {
		t.Errorf("%v, %+v", news, next)
	}
	if next.Email != "bob@acme.example" || !next.EmailVerified || !next.Blocked || next.ID != "1" {
		t.Errorf("what is not the profile's to say changed: %+v", next)
	}
	if u.Name != "" || u.Groups != nil || u.Attributes != nil {
		t.Errorf("the given user changed: %+v", u)
	}
	if again, news := claims.Changed(&next, full, defaults("a", "member"), noon); news {
		t.Errorf("news the second time: %+v", again)
	}
	for name, p := range map[string]broker.Profile{
		"given name": {FamilyName: "Smith", Name: "Bob Smith", Locale: "fr", Groups: full.Groups, Attributes: full.Attributes},
		"name":       {GivenName: "Bob", FamilyName: "Smith", Name: "Bob", Locale: "fr", Groups: full.Groups, Attributes: full.Attributes},
		"locale":     {GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith", Groups: full.Groups, Attributes: full.Attributes},
		"groups":     {GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith", Locale: "fr", Attributes: full.Attributes},
		"attributes": {GivenName: "Bob", FamilyName: "Smith", Name: "Bob Smith", Locale: "fr", Groups: full.Groups},
		"all":        {},
	} {
		after, news := claims.Changed(&next, p, defaults("member"), noon)
		want := append(slices.Clone(p.Groups), "member")
		slices.Sort(want)
		if !news || after.GivenName != p.GivenName || after.Name != p.Name || after.Locale != p.Locale || !slices.Equal(after.Groups, want) || len(after.Attributes) != len(p.Attributes) {
			t.Errorf("%s vanished upstream but not here: %+v", name, after)
		}
	}
}

// Apple says a person's name once, at the first sign-in.
func TestChangedKeepsNamesFromApple(t *testing.T) {
	u := &broker.User{GivenName: "Bob", Name: "Bob Smith", Groups: []string{}, Attributes: attrs{}}
	next, news := claims.Changed(u, broker.Profile{Subject: claims.OIDCSubject("https://appleid.apple.com", "1")}, defaults(), noon)
	if news || next.Name != "Bob Smith" || next.GivenName != "Bob" {
		t.Errorf("%v, %+v", news, next)
	}
	next, _ = claims.Changed(u, broker.Profile{Subject: claims.OIDCSubject("https://appleid.apple.com.evil.example", "1")}, defaults(), noon)
	if next.Name != "" {
		t.Errorf("%+v", next)
	}
}

// A profile stored and read again is no news, or every sign-in would cost a write.
func TestSecondSignInIsNoNews(t *testing.T) {
	for _, c := range sent {
		if c.code != "" {
			continue
		}
		var users [2]broker.User
		for i := range users {
			c.idn.Attributes = maps.Clone(c.idn.Attributes)
			c.idn.Attributes["iat"], c.idn.Attributes["nonce"] = []string{fmt.Sprint(i)}, []string{fmt.Sprint(i)}
			p, err := claims.Normalise(c.idn, &c.conn, c.recipe)
			if err != nil {
				t.Fatal(err)
			}
			var news bool
			if users[i], news = claims.Changed(&users[0], p, defaults("member"), noon); news != (i == 0) {
				t.Errorf("%s: sign-in %d: news %v", c.name, i+1, news)
			}
		}
	}
}

func FuzzNormalise(f *testing.F) {
	f.Add("bob@acme.example", persistent, "email", "bob@acme.example", "objectGUID", "0123456789abcdef", uint8(0))
	f.Add("s", "", "tid", tid, "oid", oid, uint8(5))
	f.Add("s", unspecified, "realm_access", `{"roles":["a",{"b":[1,null]}]}`, "locale", "en-US", uint8(10))
	f.Add("\xff", emailFormat, "groups", "a;b", "name", "\u202e", uint8(15))
	f.Fuzz(func(t *testing.T, subject, format, name1, value1, name2, value2 string, kind uint8) {
		conn := broker.Connection{Protocol: broker.Protocols[kind%4], Preset: broker.Presets[int(kind/4)%len(broker.Presets)]}
		if kind > 127 {
			conn.Mapping = attrs{"subject": {name1}, "email": {name2}, "groups": {"realm_access.roles"}}
		}
		idn := providers.Identity{Issuer: "https://op.example", Subject: subject, SubjectFormat: format, Attributes: attrs{name1: {value1, value2}, name2: {value2}, "mail": {"bob@acme.example"}}}
		p, err := claims.Normalise(idn, &conn, claims.Recipe{})
		if err != nil && !strings.HasPrefix(string(fault.CodeOf(err)), "email.") && !strings.HasPrefix(string(fault.CodeOf(err)), "profile.") {
			t.Fatalf("fault %v", err)
		}
		if err == nil && (p.Subject == "" || p.Email == "") || p.EmailProved {
			t.Errorf("%+v", p)
		}
		for _, s := range append([]string{p.Subject, p.GivenName, p.FamilyName, p.Name, p.Locale, p.Email}, p.Groups...) {
			if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || len(s) > 1024 {
				t.Errorf("%q", s)
			}
		}
		for name, vs := range p.Attributes {
			for _, s := range append([]string{name}, vs...) {
				if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
					t.Errorf("attribute %q: %q", name, s)
				}
			}
		}
		again, err2 := claims.Normalise(idn, &conn, claims.Recipe{})
		if fault.CodeOf(err) != fault.CodeOf(err2) || again.Subject != p.Subject || again.Email != p.Email || !slices.Equal(again.Groups, p.Groups) {
			t.Errorf("%+v and then %+v", p, again)
		}
	})
}
