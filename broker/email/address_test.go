package email_test

import (
	"fmt"
	"strings"
	"testing"

	"cloakroom/broker/email"
	"cloakroom/broker/fault"
)

// good: what is sent, and its normal form.
var good = []struct{ name, raw, want string }{
	{"plain", "bob@acme.example", "bob@acme.example"},
	{"upper case", "BOB@ACME.EXAMPLE", "bob@acme.example"},
	{"mixed case", "Bob.Smith@Acme.Example", "bob.smith@acme.example"},
	{"blank before", " bob@acme.example", "bob@acme.example"},
	{"blank after", "bob@acme.example ", "bob@acme.example"},
	{"indented XML", "\r\n\t    bob@acme.example\n  ", "bob@acme.example"},
	{"plus tag stays", "bob+tag@acme.example", "bob+tag@acme.example"},
	{"plus tag in capitals", "Bob+TAG@acme.example", "bob+tag@acme.example"},
	{"dots stay", "b.o.b@gmail.com", "b.o.b@gmail.com"},
	{"all of atext", "!#$%&'*+-/=?^_`{|}~@acme.example", "!#$%&'*+-/=?^_`{|}~@acme.example"},
	{"apostrophe", "pat.o'hara@acme.example", "pat.o'hara@acme.example"},
	{"one letter", "b@acme.example", "b@acme.example"},
	{"digits", "007@acme.example", "007@acme.example"},
	{"dash first", "-bob@acme.example", "-bob@acme.example"},
	{"underscore", "bob_smith@acme.example", "bob_smith@acme.example"},
	{"Entra guest", "joe_partner.example#EXT#@tenant.onmicrosoft.com", "joe_partner.example#ext#@tenant.onmicrosoft.com"},
	{"sub-domain", "bob@mail.acme.example", "bob@mail.acme.example"},
	{"many labels", "bob@a.b.c.d.e.acme.example", "bob@a.b.c.d.e.acme.example"},
	{"label with dash", "bob@ac-me.example", "bob@ac-me.example"},
	{"label of digits", "bob@163.com", "bob@163.com"},
	{"label of one", "bob@x.org", "bob@x.org"},
	{"label of 63", "bob@" + strings.Repeat("a", 63) + ".example", "bob@" + strings.Repeat("a", 63) + ".example"},
	{"local part of 64", strings.Repeat("a", 64) + "@acme.example", strings.Repeat("a", 64) + "@acme.example"},
	{"254 bytes", "b@" + long(252), "b@" + long(252)},
	{"IDN", "bob@bücher.example", "bob@xn--bcher-kva.example"},
	{"IDN in capitals", "bob@BÜCHER.EXAMPLE", "bob@xn--bcher-kva.example"},
	{"IDN in punycode", "bob@xn--bcher-kva.example", "bob@xn--bcher-kva.example"},
	{"IDN in capital punycode", "bob@XN--BCHER-KVA.example", "bob@xn--bcher-kva.example"},
	{"sharp s is not ss", "bob@straße.example", "bob@xn--strae-oqa.example"},
	{"final sigma is not sigma", "bob@faß.ς.example", "bob@xn--fa-hia.xn--3xa.example"},
	{"Cyrillic domain", "bob@пример.example", "bob@xn--e1afmkfd.example"},
	{"Cyrillic domain in capitals", "bob@ПРИМЕР.example", "bob@xn--e1afmkfd.example"},
	{"IDN top level", "bob@пример.рф", "bob@xn--e1afmkfd.xn--p1ai"},
	{"Chinese domain", "bob@例子.example", "bob@xn--fsqu00a.example"},
	{"Arabic domain", "bob@مثال.example", "bob@xn--mgbh0fb.example"},
	{"Hebrew domain", "bob@דוגמה.example", "bob@xn--6dbbec0c.example"},
	{"Devanagari domain", "bob@उदाहरण.example", "bob@xn--p1b6ci4b4b3a.example"},
	{"look-alike domain is another", "bob@аcme.example", "bob@xn--cme-5cd.example"},
	{"umlaut in the local part", "jürgen@acme.example", "jürgen@acme.example"},
	{"capital umlaut is not lowered", "JÜRGEN@acme.example", "jÜrgen@acme.example"},
	{"Cyrillic local part", "иван@acme.example", "иван@acme.example"},
	{"capital Cyrillic is not lowered", "Иван@acme.example", "Иван@acme.example"},
	{"Greek local part", "νίκος@acme.example", "νίκος@acme.example"},
	{"Chinese local part", "用户@acme.example", "用户@acme.example"},
	{"Hindi local part with marks", "हिन्दी@acme.example", "हिन्दी@acme.example"},
	{"dotless i is not i", "bıll@acme.example", "bıll@acme.example"},
	{"look-alike local part is another", "bоb@acme.example", "bоb@acme.example"},
	{"sharp s in the local part", "straße@acme.example", "straße@acme.example"},
}

// bad: what is refused.
var bad = []struct{ name, raw string }{
	{"empty", ""},
	{"blank", "   "},
	{"newline", "\n"},
	{"the word null", "null"},
	{"the word undefined", "undefined"},
	{"JSON null byte", "\x00"},
	{"an object", `{"value":"bob@acme.example"}`},
	{"an array", `["bob@acme.example"]`},
	{"no @", "bob"},
	{"no @ but a domain", "bob.acme.example"},
	{"only @", "@"},
	{"no local part", "@acme.example"},
	{"blank local part", " @acme.example"},
	{"no domain", "bob@"},
	{"blank domain", "bob@ "},
	{"two @", "bob@acme.example@evil.example"},
	{"two @ together", "bob@@acme.example"},
	{"@ at the end", "bob@acme.example@"},
	{"@ at the beginning", "@bob@acme.example"},
	{"source route", "@evil.example:bob@acme.example"},
	{"percent hack with @", "bob%acme.example@evil.example@"},
	{"two addresses, comma", "bob@acme.example,eve@evil.example"},
	{"two addresses, semicolon", "bob@acme.example;eve@evil.example"},
	{"two addresses, blank", "bob@acme.example eve@evil.example"},
	{"trailing comma", "bob@acme.example,"},
	{"trailing semicolon", "bob@acme.example;"},
	{"display name", "Bob <bob@acme.example>"},
	{"angle brackets", "<bob@acme.example>"},
	{"mailto", "mailto:bob@acme.example"},
	{"smtp prefix of AD", "SMTP:bob@acme.example"},
	{"AD down-level name", `ACME\bob@acme.example`},
	{"quoted", `"bob"@acme.example`},
	{"quoted with @", `"bob@evil.example"@acme.example`},
	{"quoted with blank", `"bob smith"@acme.example`},
	{"partly quoted", `bob."x"@acme.example`},
	{"stray quote", `bo"b@acme.example`},
	{"backslash", `bo\b@acme.example`},
	{"comment before", "(x)bob@acme.example"},
	{"comment after local", "bob(x)@acme.example"},
	{"comment in domain", "bob@(x)acme.example"},
	{"comment at the end", "bob@acme.example(evil)"},
	{"comment with @", "bob(@evil.example)@acme.example"},
	{"brackets in local", "bo[b@acme.example"},
	{"colon in local", "bo:b@acme.example"},
	{"semicolon in local", "bo;b@acme.example"},
	{"comma in local", "bo,b@acme.example"},
	{"blank in local", "bo b@acme.example"},
	{"blank before @", "bob @acme.example"},
	{"blank after @", "bob@ acme.example"},
	{"blank in domain", "bob@ac me.example"},
	{"folded header", "bob@acme.example\r\n evil"},
	{"header injection", "bob@acme.example\r\nBcc: eve@evil.example"},
	{"newline in local", "bob\n@acme.example"},
	{"tab in local", "bo\tb@acme.example"},
	{"dot first", ".bob@acme.example"},
	{"dot last", "bob.@acme.example"},
	{"two dots", "bo..b@acme.example"},
	{"only a dot", ".@acme.example"},
	{"trailing dot of the domain", "bob@acme.example."},
	{"two trailing dots", "bob@acme.example.."},
	{"leading dot of the domain", "bob@.acme.example"},
	{"empty label", "bob@acme..example"},
	{"only a dot as domain", "bob@."},
	{"single label", "bob@localhost"},
	{"single label of a company", "bob@acme"},
	{"top-level domain", "bob@com"},
	{"IPv4", "bob@127.0.0.1"},
	{"IPv4 of one number", "bob@2130706433"},
	{"IPv4 hexadecimal", "bob@0x7f.0x1"},
	{"address literal", "bob@[127.0.0.1]"},
	{"IPv6 literal", "bob@[IPv6:::1]"},
	{"bare IPv6", "bob@::1"},
	{"number as last label", "bob@acme.123"},
	{"port", "bob@acme.example:25"},
	{"path", "bob@acme.example/x"},
	{"fragment", "bob@acme.example#x"},
	{"query", "bob@acme.example?x"},
	{"percent-encoded", "bob@acme%2eexample"},
	{"percent-encoded @", "bob%40acme.example"},
	{"HTML entity", "bob&#64;acme.example"},
	{"underscore in domain", "bob@ac_me.example"},
	{"wildcard", "bob@*.acme.example"},
	{"dash first in label", "bob@-acme.example"},
	{"dash last in label", "bob@acme-.example"},
	{"dashes at 3 and 4", "bob@ac--me.example"},
	{"only a dash", "bob@-.example"},
	{"label of 64", "bob@" + strings.Repeat("a", 64) + ".example"},
	{"IDN label too long", "bob@" + strings.Repeat("ü", 60) + ".example"},
	{"local part of 65", strings.Repeat("a", 65) + "@acme.example"},
	{"local part of 66 bytes in 33 letters", strings.Repeat("ü", 33) + "@acme.example"},
	{"255 bytes", "b@" + long(253)},
	{"255 bytes, long local part", strings.Repeat("a", 64) + "@" + long(190)},
	{"a megabyte", strings.Repeat("a", 1<<20) + "@acme.example"},
	{"a megabyte of @", strings.Repeat("@", 1<<20)},
	{"a megabyte of dots", "bob@" + strings.Repeat(".", 1<<20)},
	{"punycode of ASCII", "bob@xn--acme-.example"},
	{"punycode of nothing", "bob@xn--.example"},
	{"broken punycode", "bob@xn--99999999999.example"},
	{"punycode that is not minimal", "bob@xn--a.example"},
	{"punycode of a slash-like symbol", "bob@acme.xn--examplex-4f7d.evil.example"},
	{"middle dot in the domain", "bob@acme·x.example"},
	{"katakana middle dot in the domain", "bob@例・子.example"},
	{"emoji domain", "bob@i❤.example"},
	{"full-width @", "bob＠acme.example"},
	{"small @", "bob﹫acme.example"},
	{"full-width @ beside a true one", "bob＠evil@acme.example"},
	{"full-width letters in the domain", "bob@ａｃｍｅ.example"},
	{"full-width letters in the local part", "ｂｏｂ@acme.example"},
	{"ideographic full stop", "bob@acme。example"},
	{"half-width ideographic full stop", "bob@acme｡example"},
	{"full-width full stop", "bob@acme．example"},
	{"one dot leader", "bob@acme․example"},
	{"ligature in the domain", "bob@oﬀice.example"},
	{"ligature in the local part", "oﬃce@acme.example"},
	{"Kelvin sign in the local part", "\u212Aate@acme.example"},
	{"Kelvin sign in the domain", "bob@\u212Ablau.example"},
	{"Ångström sign", "\u212Ake@acme.example"},
	{"long s in the local part", "bo\u017F@acme.example"},
	{"long s in the domain", "bob@u\u017Fa.example"},
	{"capital sharp s in the domain", "bob@STRA\u1E9EE.example"},
	{"I with dot in the domain", "bob@\u0130zmir.example"},
	{"decomposed umlaut in the local part", "ju\u0308rgen@acme.example"},
	{"decomposed umlaut in the domain", "bob@bu\u0308cher.example"},
	{"H with line below, composed once lowered", "bH\u0331b@acme.example"},
	{"I with dot above, decomposed", "I\u0307b@acme.example"},
	{"circled letter", "ⓑob@acme.example"},
	{"mathematical letters", "𝐛𝐨𝐛@acme.example"},
	{"superscript", "bob²@acme.example"},
	{"Roman numeral", "bobⅣ@acme.example"},
	{"trade mark", "bob@acme™.example"},
	{"fraction slash", "bob@acme.example⁄evil.example"},
	{"division slash", "bob@acme.example∕x.evil.example"},
	{"fraction as c/o", "bob@acme.example℅.evil.example"},
	{"account of", "bob@℀.example"},
	{"emoji", "bob😀@acme.example"},
	{"symbol", "bob☺@acme.example"},
	{"typographic apostrophe", "pat.o’hara@acme.example"},
	{"en dash", "bob–smith@acme.example"},
	{"Arabic comma", "bob،x@acme.example"},
	{"inverted question mark", "¿bob@acme.example"},
	{"guillemets", "«bob»@acme.example"},
	{"mark first", "\u0301bob@acme.example"},
	{"mark first in the domain", "bob@\u0301acme.example"},
	{"enclosing mark", "b\u20DDob@acme.example"},
	{"Braille blank", "bob\u2800@acme.example"},
	{"Hangul filler", "bob\u3164@acme.example"},
	{"Hangul choseong filler", "bob\u115F@acme.example"},
	{"invalid UTF-8", "b\xffb@acme.example"},
	{"overlong @", "bob\xc1\x80acme.example"},
	{"surrogate in UTF-8", "bob\xed\xa0\x80@acme.example"},
	{"cut UTF-8", "bob@acme.exampl\xc3"},
	{"Latin-1", "j\xfcrgen@acme.example"},
	{"right-to-left label with digit first", "bob@1א.example"},
	{"mixed directions in a label", "bob@aא.example"},
	{"variation selector", "bob\uFE0F@acme.example"},
	{"variation selector in the domain", "bob@ac\uFE0Fme.example"},
	{"variation selector supplement", "bob\U000E0100@acme.example"},
	{"combining grapheme joiner", "bo\u034Fb@acme.example"},
	{"Mongolian vowel separator", "bo\u180Eb@acme.example"},
	{"tag letters", "bob\U000E0041@acme.example"},
	{"private use", "bob\uE000@acme.example"},
	{"noncharacter", "bob\uFFFF@acme.example"},
	{"replacement character", "bob\uFFFD@acme.example"},
}

// hidden are characters that show nothing, or nothing of their own. None may stand anywhere, not even at the ends, where
// only the white space of XML is cut.
var hidden = []rune{
	0x00, 0x01, 0x07, 0x08, 0x0b, 0x0c, 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9f, 0xa0, 0xad, 0x34f, 0x61c, 0x1680, 0x17b4,
	0x180e, 0x2000, 0x2003, 0x2007, 0x2009, 0x200a, 0x200b, 0x200c, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202c,
	0x202e, 0x202f, 0x205f, 0x2060, 0x2061, 0x2064, 0x2066, 0x2069, 0x206a, 0x3000, 0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xffa0, 0xfff9,
	0xfffb, 0x1d173, 0xe0001, 0xe0020, 0xe007f,
}

// long makes a valid domain of n bytes.
func long(n int) string {
	s := strings.Repeat(strings.Repeat("a", 49)+".", 6)[:n-8] + ".example"
	return strings.ReplaceAll(s, "..", "b.")
}

func TestNormaliseGood(t *testing.T) {
	for _, c := range good {
		t.Run(c.name, func(t *testing.T) {
			a, err := email.Normalise(c.raw)
			if err != nil || a.String() != c.want {
				t.Fatalf("Normalise(%q) = %q, %v; want %q", c.raw, a, err, c.want)
			}
			if a.Local()+"@"+a.Domain() != c.want || a.IsZero() {
				t.Errorf("parts %q and %q do not make up %q", a.Local(), a.Domain(), c.want)
			}
			if again, err := email.Normalise(a.String()); err != nil || again != a {
				t.Errorf("a second time: %q, %v", again, err)
			}
		})
	}
}

func TestNormaliseBad(t *testing.T) {
	for _, c := range bad {
		t.Run(c.name, func(t *testing.T) { refused(t, c.raw) })
	}
}

func TestNormaliseHidden(t *testing.T) {
	places := map[string]string{
		"before": "%cbob@acme.example", "in local": "bo%cb@acme.example", "before @": "bob%c@acme.example", "after @": "bob@%cacme.example",
		"in domain": "bob@ac%cme.example", "before dot": "bob@acme%c.example", "at the end": "bob@acme.example%c",
	}
	for _, r := range hidden {
		for where, format := range places {
			t.Run(fmt.Sprintf("%U %s", r, where), func(t *testing.T) { refused(t, fmt.Sprintf(format, r)) })
		}
	}
}

// Every printable ASCII character: in the local part as RFC 5322 has it, in the domain only letters, digits, dash and dot.
func TestNormaliseASCII(t *testing.T) {
	const local = "!#$%&'*+-./0123456789=?ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz{|}~"
	const host = "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for r := rune(0x20); r < 0x7f; r++ {
		for format, allowed := range map[string]string{"bo%cb@acme.example": local, "bob@ac%cme.example": host} {
			raw := fmt.Sprintf(format, r)
			a, err := email.Normalise(raw)
			if want := strings.ContainsRune(allowed, r); want != (err == nil) {
				t.Errorf("Normalise(%q) = %q, %v", raw, a, err)
			}
			if err == nil && a.String() != strings.ToLower(raw) {
				t.Errorf("Normalise(%q) = %q", raw, a)
			}
		}
	}
}

func refused(t *testing.T, raw string) {
	t.Helper()
	a, err := email.Normalise(raw)
	if fault.CodeOf(err) != fault.EmailMalformed || !a.IsZero() || a.String() != "" {
		t.Fatalf("Normalise(%.80q) = %q, %v; want email.malformed", raw, a, err)
	}
	if f := fault.As(err); f.Detail == "" || len(f.Observed) > 200 {
		t.Errorf("detail %q, observed %d bytes", f.Detail, len(f.Observed))
	}
}

func TestOne(t *testing.T) {
	many := make([]string, 100)
	for i := range many {
		many[i] = fmt.Sprintf("Bob@acme.example%s", strings.Repeat(" ", i))
	}
	for _, c := range []struct {
		name   string
		values []string
		want   string
		code   fault.Code
	}{
		{"none", nil, "", fault.EmailMissing},
		{"empty", []string{""}, "", fault.EmailMissing},
		{"blank ones", []string{"", " ", "\n"}, "", fault.EmailMissing},
		{"one", []string{"bob@acme.example"}, "bob@acme.example", ""},
		{"one and an empty one", []string{"", "bob@acme.example"}, "bob@acme.example", ""},
		{"twice the same", []string{"bob@acme.example", "bob@acme.example"}, "bob@acme.example", ""},
		{"same after case", []string{"Bob@acme.example", "bob@ACME.example"}, "bob@acme.example", ""},
		{"same after IDNA", []string{"bob@bücher.example", "bob@xn--bcher-kva.example"}, "bob@xn--bcher-kva.example", ""},
		{"other local part", []string{"bob@acme.example", "eve@acme.example"}, "", fault.EmailAmbiguous},
		{"other domain", []string{"bob@acme.example", "bob@evil.example"}, "", fault.EmailAmbiguous},
		{"plus tag", []string{"bob@acme.example", "bob+x@acme.example"}, "", fault.EmailAmbiguous},
		{"sub-domain", []string{"bob@acme.example", "bob@mail.acme.example"}, "", fault.EmailAmbiguous},
		{"look-alike", []string{"bob@acme.example", "bоb@acme.example"}, "", fault.EmailAmbiguous},
		{"capital beyond ASCII", []string{"jürgen@acme.example", "JÜRGEN@acme.example"}, "", fault.EmailAmbiguous},
		{"third differs", []string{"bob@acme.example", "bob@acme.example", "eve@acme.example"}, "", fault.EmailAmbiguous},
		{"malformed first", []string{"bob", "bob@acme.example"}, "", fault.EmailMalformed},
		{"malformed last", []string{"bob@acme.example", "bob"}, "", fault.EmailMalformed},
		{"trailing dot last", []string{"bob@acme.example", "bob@acme.example."}, "", fault.EmailMalformed},
		{"the word null last", []string{"bob@acme.example", "null"}, "", fault.EmailMalformed},
		{"too many", many, "", fault.EmailAmbiguous},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := email.One(c.values)
			if a.String() != c.want || fault.CodeOf(err) != c.code {
				t.Errorf("One(%q) = %q, %v; want %q, %q", c.values, a, err, c.want, c.code)
			}
		})
	}
}

func TestOneIsBounded(t *testing.T) {
	same := make([]string, 200_000)
	for i := range same {
		same[i] = "bob@acme.example"
	}
	if a, err := email.One(same); err != nil || a.String() != "bob@acme.example" {
		t.Errorf("One = %q, %v", a, err)
	}
}

func FuzzNormalise(f *testing.F) {
	for _, c := range good {
		f.Add(c.raw)
	}
	for _, c := range bad {
		if len(c.raw) < 2000 {
			f.Add(c.raw)
		}
	}
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := email.Normalise(raw)
		if err != nil {
			if fault.CodeOf(err) != fault.EmailMalformed || !a.IsZero() {
				t.Fatalf("Normalise(%q) = %q, %v", raw, a, err)
			}
			return
		}
		s := a.String()
		if len(s) > 254 || strings.Count(s, "@") != 1 || strings.ContainsAny(s, " \t\r\n\x00\"(),:;<>[\\]") {
			t.Errorf("Normalise(%q) = %q", raw, s)
		}
		if again, err := email.Normalise(s); err != nil || again != a {
			t.Errorf("Normalise(%q) = %q, and of that %q, %v", raw, s, again, err)
		}
		if d, err := email.Domain(a.Domain()); err != nil || d != a.Domain() {
			t.Errorf("Domain(%q) = %q, %v", a.Domain(), d, err)
		}
		for _, r := range a.Domain() {
			if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789-.", r) {
				t.Errorf("domain %q of %q", a.Domain(), raw)
			}
		}
		// Nothing but the case of ASCII letters changes in the local part.
		before, _, _ := strings.Cut(strings.Trim(raw, " \t\r\n"), "@")
		if !strings.EqualFold(before, a.Local()) || len(before) != len(a.Local()) {
			t.Errorf("local part %q of %q", a.Local(), raw)
		}
		if one, err := email.One([]string{raw, s}); err != nil || one != a {
			t.Errorf("One(%q, %q) = %q, %v", raw, s, one, err)
		}
	})
}
