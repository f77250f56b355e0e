package templates_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"cloakroom/broker/fault"
	"cloakroom/templates"
)

var hostile = []string{
	`"><script>alert(1)</script>`,
	`' onmouseover=alert(1) x='`,
	`javascript:alert(1)`,
	`data:text/html,<script>alert(1)</script>`,
	"\u202egnp.exe\u0000\xff\r\nSet-Cookie: a=b",
	`{{.Hidden}}</title></textarea><img src=x onerror=alert(1)>`,
	`]]><!--<style>*{}</style>`,
	`//evil.example/`,
	strings.Repeat("\u0416", 5000),
}

// fill sets every string below v, and one element in every empty slice.
func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), s)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), s)
	case reflect.Pointer:
		if v.CanSet() { // a time's zone is its own
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), s)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, key := range []string{"title", "help", s} {
			v.SetMapIndex(reflect.ValueOf(key), filled(v.Type().Elem(), s))
		}
	}
}

// filled is what stands in a map: a text about a case holds more of its kind, of which one level will do.
func filled(t reflect.Type, s string) reflect.Value {
	v := reflect.New(t).Elem()
	if t == reflect.TypeFor[fault.Text]() {
		v.Set(reflect.ValueOf(fault.Text{Say: s, Values: []fault.Text{{Say: s}}}))
		return v
	}
	fill(v, s)
	return v
}

func TestHostileValuesAreText(t *testing.T) {
	r := renderer(t)
	for _, p := range samples("en") {
		for _, s := range hostile {
			v := reflect.New(reflect.TypeOf(p.page)).Elem()
			fill(v, s)
			out := render(t, r, v.Interface().(templates.Page))
			nodes := elements(t, out)
			checkPolicy(t, r, nodes)
			for _, n := range nodes {
				if src, _ := attr(n, "src"); n.Data == "img" && src != "" && strings.Contains(src, "script") {
					t.Errorf("%s: <img src=%q>", p.name, src)
				}
				if href, _ := attr(n, "href"); strings.HasPrefix(href, "data:") {
					t.Errorf("%s: <%s href=%q>", p.name, n.Data, href)
				}
			}
		}
	}
}

func TestNamesCannotTurnASentenceRound(t *testing.T) {
	r := renderer(t)
	out := string(render(t, r, templates.Chooser{App: "\u202eknab\u202c\u200b", Buttons: []templates.Button{{Label: "שלום", URL: "/x"}}}))
	if strings.ContainsAny(out, "\u202e\u202c\u200b") {
		t.Error("a directing character came through")
	}
	if !strings.Contains(out, "Sign in with \u2068שלום\u2069") {
		t.Error("a name from right to left is not isolated")
	}
}

func TestLinksThatLeadNowhereAreLeftOut(t *testing.T) {
	r := renderer(t)
	for _, c := range []struct {
		url  string
		want bool
	}{
		{"https://app.example/x?a=b", true}, {"http://localhost:3000/", true}, {"/login", true}, {"?page=2", true},
		{"", false}, {"javascript:alert(1)", false}, {"data:text/html,x", false}, {"//evil.example", false}, {"https:", false}, {"mailto:a@b.c", false}, {"ht tp://x", false},
	} {
		out := render(t, r, templates.Error{Public: "ours", BackURL: c.url})
		if got := bytes.Contains(out, []byte("Back to the application")); got != c.want {
			t.Errorf("BackURL %q: link is %v, want %v", c.url, got, c.want)
		}
	}
}

func TestLogo(t *testing.T) {
	r := renderer(t)
	for _, c := range []struct {
		url  string
		want bool
	}{
		{"https://acme.example/logo.svg", true}, {"data:image/png;base64,AAAA", true},
		{"", false}, {"javascript:alert(1)", false}, {"data:text/html,x", false},
	} {
		out := render(t, r, templates.SignedOut{Shell: templates.Shell{Realm: templates.RealmLook{Name: "acme", LogoURL: c.url}}})
		if got := bytes.Contains(out, []byte("<img ")); got != c.want {
			t.Errorf("LogoURL %q: image is %v, want %v", c.url, got, c.want)
		}
		if bytes.Contains(out, []byte("ZgotmplZ")) {
			t.Errorf("LogoURL %q: was filtered away", c.url)
		}
	}
}

func TestOwnWords(t *testing.T) {
	s := templates.Shell{Lang: "fr", Realm: templates.RealmLook{Texts: map[string]string{"title": "Welcome", "title.fr": "Bienvenue", "help": "Ask us"}}}
	if got := s.Own("title"); got != "Bienvenue" {
		t.Errorf("title is %q", got)
	}
	if got := s.Own("help"); got != "Ask us" {
		t.Errorf("help is %q", got)
	}
	if out := render(t, renderer(t), templates.Chooser{Shell: s}); !bytes.Contains(out, []byte("<h1>Bienvenue</h1>")) {
		t.Error("the chooser does not say the realm's own title")
	}
}

func TestTokensAreNotShown(t *testing.T) {
	long, short := strings.Repeat("secret", 20), "short-secret"
	out := render(t, renderer(t), templates.DemoApp{SignedIn: true, IDToken: long, AccessToken: short, RefreshToken: long})
	if bytes.Contains(out, []byte(long)) || bytes.Contains(out, []byte(short)) || bytes.Contains(out, []byte("secretsecretsecret")) {
		t.Error("a token stands on the page")
	}
}

func TestTwoButtonsOfOneBrandAreToldApart(t *testing.T) {
	two := templates.Chooser{Buttons: []templates.Button{{Label: "Staff", Brand: templates.Google, URL: "/1"}, {Label: "Guests", Brand: templates.Google, URL: "/2"}}}
	if out := render(t, renderer(t), two); !bytes.Contains(out, []byte("Staff")) || !bytes.Contains(out, []byte("Guests")) {
		t.Error("two Google buttons look the same")
	}
	one := templates.Chooser{Buttons: two.Buttons[:1]}
	if out := render(t, renderer(t), one); bytes.Contains(out, []byte("Staff")) || !bytes.Contains(out, []byte("Sign in with Google")) {
		t.Error("a single Google button says something of its own")
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range hostile {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := templates.Clean(s)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > 200 || strings.ContainsAny(got, "\r\n\t\x00\u202e\u2066") {
			t.Fatalf("Clean(%q) = %q", s, got)
		}
		if again := templates.Clean(got); again != got {
			t.Fatalf("Clean is not stable: %q, then %q", got, again)
		}
	})
}
