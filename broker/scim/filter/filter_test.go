package filter_test

import (
	"encoding/json"
	"strings"
	"testing"

	"cloakroom/broker/scim/filter"
)

const eva = `{"userName":"Eva@Acme.example","externalId":"X1","active":true,"loginCount":7,"title":"","name":{"familyName":"O'Malley"},
 "emails":[{"type":"work","value":"eva@acme.example","primary":true},{"type":"home","value":"e@home.example"}],
 "meta":{"lastModified":"2026-05-13T04:42:34Z"},"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"R&D"},"tags":["a","b"]}`

func exact(a filter.Attr) bool { return strings.EqualFold(a.Name, "externalId") }

func TestMatch(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal([]byte(eva), &doc); err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]bool{
		`userName eq "eva@acme.example"`:                             true,
		`USERNAME EQ "EVA@ACME.EXAMPLE"`:                             true,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "e"`: true,
		`externalId eq "x1"`:                                         false,
		`externalId eq "X1"`:                                         true,
		`userName ne "other"`:                                        true,
		`userName co "acme" and active eq true`:                      true,
		`active eq "True"`:                                           true,
		`active eq false`:                                            false,
		`name.familyName co "O'Malley"`:                              true,
		`title pr`:                                                   false,
		`title pr or name pr`:                                        true,
		`nickName eq null`:                                           true,
		`nickName ne null`:                                           false,
		`userName ew ".example" and not (title pr)`:                  true,
		`emails co "home.example"`:                                   true,
		`emails.value eq "E@HOME.EXAMPLE"`:                           true,
		`emails[type eq "work"]`:                                     true,
		`emails[type eq "work" and value co "@home"]`:                false,
		`emails[type eq "work"].value eq "eva@acme.example"`:         true,
		`emails[type eq "home"].value eq "eva@acme.example"`:         false,
		`emails[type eq "other"].value pr`:                           false,
		`meta.lastModified gt "2026-05-13T06:42:33+02:00"`:           true,
		`meta.lastModified lt "2026-01-01T00:00:00Z"`:                false,
		`loginCount ge 7 and loginCount lt 8`:                        true,
		`tags eq "b" and tags.value eq "a"`:                          true,
		`title pr and userName pr or active eq true`:                 true,
		`title pr and (userName pr or active eq true)`:               false,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "r&d"`: true,
	} {
		n, err := filter.Parse(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := filter.Match(n, doc, exact); got != want {
			t.Errorf("%s: %v, want %v", in, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, in := range []string{
		``, `userName`, `userName eq`, `userName eq eva`, `eq "x"`, `userName is "x"`, `userName eq "x`, `userName eq "x" and`, `(userName pr`, `userName pr)`,
		`not userName pr`, `active gt true`, `title co 7`, `emails[type eq "work"`, `emails[type eq "work"].`, `emails[type eq "work"].value`, `1name pr`, `a..b pr`,
		`userName eq "\q"`, `userName pr userName pr`, `urn: pr`, strings.Repeat("(", 100) + "a pr" + strings.Repeat(")", 100),
		strings.Repeat("a pr or ", 100) + "a pr", `a eq "` + strings.Repeat("x", filter.MaxLength) + `"`,
	} {
		if n, err := filter.Parse(in); err == nil {
			t.Errorf("%.60s is taken: %#v", in, n)
		}
	}
}

func TestPath(t *testing.T) {
	for in, want := range map[string][3]string{
		`userName`:                        {"", "userName", ""},
		`name.givenName`:                  {"", "name", "givenName"},
		`emails[type eq "work"].value`:    {"", "emails", "value"},
		`members[value eq "2819c223"]`:    {"", "members", ""},
		`urn:x:2.0:User:manager.value`:    {"urn:x:2.0:User", "manager", "value"},
		`addresses[type eq "a b"].street`: {"", "addresses", "street"},
	} {
		p, err := filter.ParsePath(in)
		if got := [3]string{p.Schema, p.Name, p.Sub}; err != nil || got != want || strings.Contains(in, "[") != (p.Filter != nil) {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{``, `a b`, `a[`, `a[b pr]c`, `a.b[c pr].d`, `a[b pr].c.d`, `a[b pr].c d`, `[a pr]`, `a eq "x"`} {
		if p, err := filter.ParsePath(in); err == nil {
			t.Errorf("%s is taken: %#v", in, p)
		}
	}
}

// FuzzParse holds that no filter makes the reader or the matcher fail in any other way than by an error.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`userName eq "a"`, `emails[type eq "work" and value co "@"].value pr or not (a.b lt 3)`, `urn:a:b:c sw "é\u0000"`, `a[b[c pr]]`} {
		f.Add(seed)
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(eva), &doc); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if n, err := filter.Parse(in); err == nil {
			if n == nil {
				t.Fatal("neither a filter nor an error")
			}
			filter.Match(n, doc, exact)
		}
		if p, err := filter.ParsePath(in); err == nil && p.Name == "" {
			t.Fatalf("a path without a name: %#v", p)
		}
	})
}
