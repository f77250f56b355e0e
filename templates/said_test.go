package templates_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cloakroom/broker/fault"
	"cloakroom/providers/preset"
	"cloakroom/templates"
	"cloakroom/templates/locale"
)

// saidWhole are the packages all of whose texts are translated: those that a customer's administrator meets most. To add
// one is to translate what TestSaid then misses.
var saidWhole = []string{"broker/paste"}

// formats are the functions that take a text, with the argument that it is; settings are the fields that hold one.
var (
	formats  = map[string]int{"New": 1, "Wrap": 2, "Tell": 0, "Sayf": 0, "say": 2, "unknown": 0, "wording": 2, "otherProtocol": 1}
	settings = []string{"Detail", "Fix", "Say", "Question"}
	sentence = regexp.MustCompile(`\pL \pL|\pL \(|\pL [%\d]|[%\w] \pL`)
	place    = regexp.MustCompile(`%(\[\d\])?[-+# 0-9.]*[a-zA-Z%]`)
)

// source walks the code: texts are those that people read, literals everything in quotes.
func source(t *testing.T, dir string) (texts, literals []string) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join("..", dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				literals = append(literals, quoted(n))
			case *ast.CallExpr:
				if at, ok := formats[called(n)]; ok && at < len(n.Args) {
					texts = append(texts, quoted(n.Args[at]))
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && slices.Contains(settings, key.Name) {
					texts = append(texts, quoted(n.Value))
				}
			case *ast.AssignStmt:
				if at, ok := n.Lhs[0].(*ast.SelectorExpr); ok && len(n.Rhs) == 1 && slices.Contains(settings, at.Sel.Name) {
					texts = append(texts, quoted(n.Rhs[0]))
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(texts, func(s string) bool { return !sentence.MatchString(s) }), literals
}

func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

func quoted(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		s, err := strconv.Unquote(l.Value)
		if err == nil {
			return s
		}
	}
	return ""
}

// tables are the texts that the catalogue's functions answer.
func tables() (out []string) {
	for _, e := range fault.All() {
		out = append(out, fault.Question(e.Code))
		for _, a := range append(fault.Neighbours(e.Code), fault.Doubts(e.Code)...) {
			out = append(out, a.Question)
		}
		for _, p := range preset.All() {
			for _, protocol := range []string{"saml", "oidc"} {
				fix, _ := fault.ConsoleFix(p.Name, protocol, e.Code)
				out = append(out, fix)
			}
		}
	}
	return out
}

func saidIn(t *testing.T, lang string) map[string]string {
	t.Helper()
	b, err := os.ReadFile("locale/said/" + lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	if err := json.Unmarshal(b, &texts); err != nil {
		t.Fatalf("%s: %v", lang, err)
	}
	return texts
}

// What is translated into one language is translated into all, has the same values, and is still said by the code.
func TestSaid(t *testing.T) {
	wanted := tables()
	for _, dir := range saidWhole {
		texts, _ := source(t, dir)
		wanted = append(wanted, texts...)
	}
	_, literals := source(t, ".")
	written := map[string]bool{}
	for _, s := range append(literals, tables()...) {
		written[s] = true
	}
	for _, l := range locale.Languages()[1:] {
		for english := range saidIn(t, l.Code) {
			wanted = append(wanted, english)
		}
	}
	slices.Sort(wanted)
	wanted = slices.DeleteFunc(slices.Compact(wanted), func(s string) bool { return s == "" })
	for _, l := range locale.Languages()[1:] {
		texts := saidIn(t, l.Code)
		for _, english := range wanted {
			text, ok := texts[english]
			if !ok && templates.Tell(l.Code, nil, english).Lang == l.Code {
				continue // the catalogue says the same
			}
			if !ok || strings.TrimSpace(text) == "" {
				t.Errorf("%s lacks %q", l.Code, english)
				continue
			}
			if !written[english] && !strings.HasPrefix(english, "check: ") {
				t.Errorf("%s: nothing says %q any more", l.Code, english)
			}
			if got, want := places(text), places(english); !slices.Equal(got, want) {
				t.Errorf("%s: %q has the values %v, the English %q has %v", l.Code, text, got, english, want)
			}
		}
	}
}

// places are the values that a format names, by number; one that stands twice is named twice in no language.
func places(format string) []int {
	if !place.MatchString(format) {
		return nil
	}
	out := fault.Places(format)
	slices.Sort(out)
	return out
}

func TestTell(t *testing.T) {
	var said fault.Said
	hostile := "%s%[9]d <b>"
	detail := said.Tell("it is not an address: %s", hostile)
	both := said.Add(detail, fault.Sayf("the day is over"))
	for _, c := range []struct{ lang, english, inLang, want string }{
		{"de", detail, "de", "das ist keine Adresse: " + hostile},
		{"de", both, "de", "das ist keine Adresse: " + hostile + "; der Tag ist vorbei"},
		{"en", detail, "en", detail},
		{"xx", detail, "en", detail},
		{"de", detail + " and more", "en", detail + " and more"},
		{"de", said.Tell("nobody translates this: %s", hostile), "en", "nobody translates this: " + hostile},
		{"de", fault.Lookup(fault.PasteEmpty).Cause, "de", "Es wurde nichts eingefügt, oder nur Leerzeichen."},
		{"de", "urn:acme", "de", "urn:acme"},
		{"de", "", "en", ""},
	} {
		if got := templates.Tell(c.lang, said, c.english); got.Text != c.want || got.Lang != c.inLang {
			t.Errorf("%s: %q is told %+v, want %q in %s", c.lang, c.english, got, c.want, c.inLang)
		}
	}
}
