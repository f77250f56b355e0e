package mail_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	nethtml "golang.org/x/net/html"

	"cloakroom/templates/locale"
	"cloakroom/templates/mail"
)

const link = "https://sso.example/x/7KQ2MX9D4TB6WZ1A?from=mail&n=1"

var day = time.Date(2027, 3, 5, 14, 30, 0, 0, time.UTC)

// samples are all mails, with the variants of each.
func samples(lang string) map[string]mail.Mail {
	h := mail.Head{Locale: lang, Name: "Nordwind Logistik", Colour: "#8a3ffc"}
	ref := h
	ref.Reference = "7KQ2-MX9D"
	notice := func(what mail.Expiring, days int) mail.Mail {
		return mail.ExpiryNotice{Head: h, What: what, Connection: "Nordwind Okta", Days: days, Expires: day, URL: link}
	}
	return map[string]mail.Mail{
		"invitation":              mail.Invitation{Head: h, App: "Ledger", URL: link},
		"invitation-by":           mail.Invitation{Head: h, App: "Ledger", Inviter: "Ada Lovelace", URL: link, Expires: day},
		"code":                    mail.EmailCode{Head: ref, App: "Ledger", Code: "4917 2035", Minutes: 10},
		"confirm":                 mail.ConfirmLink{Head: ref, App: "Ledger", Via: "Nordwind Okta", Code: "4917 2035", Minutes: 1},
		"domain-warning":          mail.DomainWarning{Head: h, Domain: "nordwind.example", Days: 5, RecordName: "_cloakroom.nordwind.example", RecordValue: "cloakroom-verify=q7h2k9v4m1x8c3z6p5r0", URL: link},
		"domain-suspended":        mail.DomainWarning{Head: h, Domain: "nordwind.example", RecordName: "_cloakroom.nordwind.example", RecordValue: "cloakroom-verify=q7h2k9v4m1x8c3z6p5r0", URL: link},
		"domain-verified":         mail.DomainVerified{Head: h, Domain: "nordwind.example", URL: link},
		"domain-transfer":         mail.DomainTransfer{Head: h, Domain: "nordwind.example", To: "Südwind GmbH", URL: link, Expires: day},
		"expiry-certificate":      notice(mail.Certificate, 30),
		"expiry-secret":           notice(mail.ClientSecret, 7),
		"expiry-metadata":         notice(mail.Metadata, 1),
		"expiry-certificate-over": notice(mail.Certificate, 0),
		"expiry-secret-over":      notice(mail.ClientSecret, -1),
		"expiry-metadata-over":    notice(mail.Metadata, 0),
		"expiry-digest": mail.ExpiryDigest{Head: h, Endings: []mail.Ending{
			{What: mail.Certificate, Connection: "Nordwind Okta", Days: 30, URL: link},
			{What: mail.ClientSecret, Connection: "Nordwind Entra", URL: link},
		}},
		"webhook-disabled":         mail.WebhookDisabled{Head: h, Webhook: "Operations", URL: link},
		"seats":                    mail.SeatLimitReached{Head: h, Person: "Grace Hopper", Limit: 50, Waiting: 3, URL: link},
		"approval-requested":       mail.ApprovalRequested{Head: ref, App: "Ledger", Person: "Grace Hopper", Email: "grace@nordwind.example", URL: link},
		"approval-requested-plain": mail.ApprovalRequested{Head: ref, App: "Ledger", Email: "grace@nordwind.example", URL: link},
		"operator-invitation":      mail.OperatorInvitation{Head: ref, Host: "sso.example", By: "eva@example.org", URL: link, Expires: day},
		"credential-password":      mail.CredentialLink{Head: ref, App: "Ledger", URL: link, Expires: day},
		"credential-passkey":       mail.CredentialLink{Head: ref, App: "Ledger", Passkey: true, URL: link, Expires: day},
		"connection-broken":        mail.ConnectionBroken{Head: h, Connection: "Nordwind Okta", Failures: 12, URL: link},
		"setup":                    mail.SetupLink{Head: h, App: "Ledger", URL: link, Expires: day},
		"setup-by":                 mail.SetupLink{Head: h, App: "Ledger", Inviter: "Ada Lovelace", Note: "For the pilot.", URL: link, Expires: day},
		"approval-granted":         mail.ApprovalGranted{Head: h, App: "Ledger", URL: link},
	}
}

func render(t *testing.T, m mail.Mail) mail.Content {
	t.Helper()
	c, err := mail.Render(m)
	if err != nil {
		t.Fatalf("%T: %v", m, err)
	}
	return c
}

// words is what a person sees of HTML, blanks folded.
func words(t *testing.T, source string) string {
	t.Helper()
	root, err := nethtml.Parse(strings.NewReader(source))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for n := range root.Descendants() {
		if n.Type == nethtml.TextNode && n.Parent.Data != "style" && n.Parent.Data != "title" {
			b.WriteString(n.Data + " ")
		}
	}
	return folded(b.String())
}

func folded(s string) string { return strings.Join(strings.Fields(s), " ") }

var update = flag.Bool("update", false, "write the golden files anew")

// The wording of all mails in all languages, as it was read and found good.
func TestGolden(t *testing.T) {
	for _, l := range locale.Languages() {
		all := samples(l.Code)
		names := []string{}
		for n := range all {
			names = append(names, n)
		}
		slices.Sort(names)
		var b bytes.Buffer
		for _, n := range names {
			c := render(t, all[n])
			fmt.Fprintf(&b, "=== %s (%s)\nSubject: %s\n\n%s\n", n, all[n].Kind(), c.Subject, c.Text)
		}
		file := filepath.Join("testdata", l.Code+".txt")
		if *update {
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s differs; look at it and run go test ./templates/mail -update", file)
		}
	}
}

func TestEveryMailInEveryLanguage(t *testing.T) {
	jargon := regexp.MustCompile(`(?i)\b(saml|oidc|openid|oauth|realms?|idp|assertion|token|cloakroom[^-.])\b`)
	for _, l := range locale.Languages() {
		for n, m := range samples(l.Code) {
			c := render(t, m)
			if c.Locale != l.Code || strings.ContainsAny(c.Subject, "\r\n") || len([]rune(c.Subject)) < 8 || len([]rune(c.Subject)) > 100 {
				t.Errorf("%s %s: subject %q", l.Code, n, c.Subject)
			}
			for _, hole := range []string{"{{", "<no value>", "ZgotmplZ", "%!"} {
				if strings.Contains(c.Text+c.HTML+c.Subject, hole) {
					t.Errorf("%s %s has a hole %s:\n%s", l.Code, n, hole, c.Text)
				}
			}
			if word := jargon.FindString(c.Subject + c.Text); word != "" {
				t.Errorf("%s %s says %q", l.Code, n, word)
			}
			if len(c.HTML) > 10<<10 || len(c.Text) > 3<<10 {
				t.Errorf("%s %s is long: %d bytes of HTML, %d of text", l.Code, n, len(c.HTML), len(c.Text))
			}
			shown := words(t, c.HTML)
			for line := range strings.Lines(c.Text) {
				if line = folded(line); line != "" && line != "--" && !strings.Contains(shown, strings.TrimSuffix(line, ":")) {
					t.Errorf("%s %s: the HTML lacks %q", l.Code, n, line)
				}
			}
			if l.Code != "en" {
				if en := render(t, samples("en")[n]); en.Subject == c.Subject {
					t.Errorf("%s %s: the subject is still English", l.Code, n)
				}
			}
		}
	}
}

// The HTML loads nothing, runs nothing and links only where the mail says.
func TestHTMLIsSelfContained(t *testing.T) {
	for n, m := range samples("de") {
		root, err := nethtml.Parse(strings.NewReader(render(t, m).HTML))
		if err != nil {
			t.Fatal(err)
		}
		links := 0
		for e := range root.Descendants() {
			if e.Type != nethtml.ElementNode {
				continue
			}
			if slices.Contains([]string{"img", "script", "link", "iframe", "table", "form", "object", "svg"}, e.Data) {
				t.Errorf("%s has <%s>", n, e.Data)
			}
			for _, a := range e.Attr {
				if a.Key == "href" {
					links++
					if a.Val != link {
						t.Errorf("%s links to %q", n, a.Val)
					}
				}
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" && strings.Contains(a.Val, "url(") {
					t.Errorf("%s has %s=%q", n, a.Key, a.Val)
				}
			}
		}
		want := 0
		if d, ok := m.(mail.ExpiryDigest); ok {
			want = len(d.Endings)
		} else if reflect.ValueOf(m).FieldByName("URL").IsValid() {
			want = 2 // the button and the bare address
		}
		if links != want || want > 0 != strings.Contains(render(t, m).Text, "\n"+link+"\n") {
			t.Errorf("%s: %d links, text\n%s", n, links, render(t, m).Text)
		}
	}
}

func TestAccent(t *testing.T) {
	for colour, want := range map[string]string{"#8a3ffc": "background:#8a3ffc;color:#ffffff", "#ffe600": "background:#ffe600;color:#000000", "": "background:#2457a6", "red;}": "background:#2457a6"} {
		c := render(t, mail.ApprovalGranted{Head: mail.Head{Name: "N", Colour: colour}, App: "A", URL: link})
		if !strings.Contains(c.HTML, want) {
			t.Errorf("colour %q: no %s", colour, want)
		}
	}
}

// fill sets every string of a mail but its URL.
func fill(v reflect.Value, s string) {
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case v.Type().Field(i).Name == "URL", v.Type().Field(i).Name == "What", v.Type().Field(i).Name == "Locale":
		case f.Kind() == reflect.String:
			f.SetString(s)
		case f.Kind() == reflect.Struct && f.Type() != reflect.TypeFor[time.Time]():
			fill(f, s)
		case f.Kind() == reflect.Slice:
			all := reflect.MakeSlice(f.Type(), f.Len(), f.Len()) // the sample keeps its own
			reflect.Copy(all, f)
			for j := range f.Len() {
				fill(all.Index(j), s)
			}
			f.Set(all)
		}
	}
}

func TestHostileValuesAreText(t *testing.T) {
	for _, s := range []string{
		`"><script>alert(1)</script>`, `</title></style><img src=x onerror=alert(1)>`, `{{.Fill}}{{template "x"}}`,
		"Nice\r\nBcc: everybody@victim.example\r\n\r\nbody", "\u202egnp.exe\u0000\xff\u2028x", strings.Repeat("Ж", 100000), "#ffffff;}body{display:none",
	} {
		for n, m := range samples("en") {
			v := reflect.New(reflect.TypeOf(m)).Elem()
			v.Set(reflect.ValueOf(m))
			fill(v, s)
			c := render(t, v.Interface().(mail.Mail))
			if strings.ContainsAny(c.Subject, "\r\n\x00") || len([]rune(c.Subject)) > 400 {
				t.Errorf("%s with %.40q: subject %.200q", n, s, c.Subject)
			}
			if strings.Contains(c.Text, "\nBcc") || strings.Contains(c.Text, "\u202e") || len(c.Text) > 6000 {
				t.Errorf("%s with %.40q: text %.300q", n, s, c.Text)
			}
			root, err := nethtml.Parse(strings.NewReader(c.HTML))
			if err != nil {
				t.Fatal(err)
			}
			for e := range root.Descendants() {
				if e.Type == nethtml.ElementNode && (e.Data == "script" || e.Data == "img") {
					t.Errorf("%s with %q: <%s>", n, s, e.Data)
				}
			}
			if strings.Count(c.HTML, "<style>") != 1 || strings.Contains(c.HTML, "display:none") && !strings.Contains(html.UnescapeString(c.HTML), s) {
				t.Errorf("%s with %q: the style was touched", n, s)
			}
		}
	}
}

// A mail program must not make a link of a name: anybody can have us write to a stranger.
func TestNamesAreNoLinks(t *testing.T) {
	c := render(t, mail.Invitation{Head: mail.Head{Name: "https://evil.example/win"}, App: "Claim at evil.example", Inviter: "you@evil.example", Note: "look at https://evil.example/win", URL: link})
	for _, part := range []string{c.Subject, c.Text, c.HTML} {
		if strings.Contains(part, "evil.example") || strings.Contains(part, "https://evil") {
			t.Errorf("a name stands as a link: %s", part)
		}
	}
	if !strings.Contains(c.Text, "look at https:") {
		t.Errorf("the note is missing: %s", c.Text)
	}
	if c := render(t, mail.Invitation{Head: mail.Head{Name: "Acme Inc. & Co."}, App: "A.", URL: link}); !strings.Contains(c.Text, "Acme Inc. & Co.") {
		t.Errorf("an honest name was changed: %q", c.Text)
	}
}

func TestAddressesMustBeOfTheWeb(t *testing.T) {
	for _, bad := range []string{"", "javascript:alert(1)", "data:text/html,x", "/relative", "https:///nohost", "http://[::1"} {
		if c, err := mail.Render(mail.ApprovalGranted{App: "A", URL: bad}); err == nil {
			t.Errorf("URL %q was taken: %s", bad, c.Text)
		}
	}
}

// What is not among the three things that run out has no texts, and a mail with a hole is not sent.
func TestAHoleIsAnError(t *testing.T) {
	if _, err := mail.Render(mail.ExpiryNotice{What: "patience", Days: 3, URL: link}); err == nil {
		t.Error("a mail without texts was rendered")
	}
}

func TestUnknownLanguageIsEnglish(t *testing.T) {
	if c := render(t, mail.ApprovalGranted{Head: mail.Head{Locale: "tlh"}, App: "Ledger", URL: link}); c.Locale != "en" || c.Subject != "You can now use Ledger" {
		t.Errorf("%+v", c)
	}
}

var placeholder = regexp.MustCompile(`\{\{[^}]*\}\}`)

func read(t *testing.T, lang string) map[string]map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("locale", lang+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]string{}
	for id, v := range raw {
		out[id] = map[string]string{}
		switch v := v.(type) {
		case string:
			out[id]["other"] = v
		case map[string]any:
			for form, text := range v {
				out[id][form] = text.(string)
			}
		}
	}
	return out
}

// Every language has every text in all its plural forms (CLDR), with the places of the English one.
func TestLocalesAreWhole(t *testing.T) {
	forms := map[string][]string{"en": {"one", "other"}, "de": {"one", "other"}, "fr": {"many", "one", "other"}, "es": {"many", "one", "other"}, "pl": {"few", "many", "one", "other"}, "ru": {"few", "many", "one", "other"}}
	english := read(t, "en")
	for _, l := range locale.Languages() {
		texts := read(t, l.Code)
		if len(texts) != len(english) {
			t.Errorf("%s has %d texts, English %d", l.Code, len(texts), len(english))
		}
		for id, en := range english {
			var have []string
			for form, text := range texts[id] {
				have = append(have, form)
				if text == "" || strings.TrimSpace(text) != text {
					t.Errorf("%s %s %s: %q", l.Code, id, form, text)
				}
				if got, want := places(text), places(en["other"]); !slices.Equal(got, want) {
					t.Errorf("%s %s %s names %v, English %v", l.Code, id, form, got, want)
				}
			}
			slices.Sort(have)
			want := []string{"other"}
			if len(en) > 1 {
				want = forms[l.Code]
			}
			if !slices.Equal(have, want) {
				t.Errorf("%s %s has the forms %v, want %v", l.Code, id, have, want)
			}
		}
	}
}

func places(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

var preview = flag.String("preview", "", "write every mail to this directory, to open in a browser")

// TestPreview writes all mails in all languages, to look at: go test ./templates/mail -run Preview -preview /tmp/mails
func TestPreview(t *testing.T) {
	if *preview == "" {
		t.Skip("needs -preview DIR")
	}
	for _, l := range locale.Languages() {
		for n, m := range samples(l.Code) {
			if err := os.WriteFile(filepath.Join(*preview, n+"."+l.Code+".html"), []byte(render(t, m).HTML), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
