package fault_test

import (
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
)

// constants answers the codes that this package names, by their Go names.
func constants(t *testing.T) map[string]fault.Code {
	t.Helper()
	out := map[string]fault.Code{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				if id, ok := v.Type.(*ast.Ident); !ok || id.Name != "Code" || len(v.Values) != 1 {
					continue
				}
				text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				out[v.Names[0].Name] = fault.Code(text)
			}
		}
	}
	return out
}

var form = regexp.MustCompile(`^[a-z0-9_]+(\.[a-z0-9_]+)?$`)

func TestCatalogue(t *testing.T) {
	seen := map[fault.Code]string{}
	for name, code := range constants(t) {
		if other := seen[code]; other != "" {
			t.Errorf("%s and %s are the same code %q", name, other, code)
		}
		seen[code] = name
		e, ok := fault.Find(code)
		switch {
		case !form.MatchString(string(code)):
			t.Errorf("%s: %q has not the form area.what_is_wrong", name, code)
		case !ok:
			t.Errorf("%s: %q has no entry", name, code)
		case e.Status != 200 && (e.Status < 400 || e.Status > 599): // 200: noted, and nobody is refused
			t.Errorf("%s: status %d", code, e.Status)
		case e.Public == "": // templates tests that there are words for it in every language
			t.Errorf("%s: people would read nothing", code)
		case !slices.Contains([]fault.Side{fault.Ours, fault.IdP, fault.User, fault.Network, fault.App}, e.Side):
			t.Errorf("%s: side %q", code, e.Side)
		case !sentence(e.Cause) || !sentence(e.Fix):
			t.Errorf("%s: cause %q, fix %q: whole sentences, please", code, e.Cause, e.Fix)
		}
	}
	for _, e := range fault.All() {
		if seen[e.Code] == "" {
			t.Errorf("%s has an entry and no constant", e.Code)
		}
	}
}

func sentence(s string) bool {
	return len(s) >= 15 && (strings.HasSuffix(s, ".") || strings.HasSuffix(s, "…")) && s == strings.TrimSpace(s)
}

// elsewhere are the codes that tests provoke without naming them, by what the person sees.
var elsewhere = map[string]string{
	"LoginLinkCode":     "signin: a wrong code is typed, and the page says so",
	"LoginLinkExpired":  "signin: a code is typed when nothing waits any more",
	"LoginNoConnection": "signin: an address that no connection serves",
	"OPRequestURI":      "op: an unknown pushed request",
	"ConnectionUnready": "admin: a check of a connection whose settings do not open",
}

// Every code is provoked, or at least expected, by a test somewhere.
func TestEveryCodeIsTested(t *testing.T) {
	var tests strings.Builder
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "bin") {
			return filepath.SkipDir
		}
		if (strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".txtar")) && filepath.Dir(path) != "." && !strings.HasSuffix(filepath.Dir(path), "broker/fault") {
			b, err := os.ReadFile(path)
			tests.Write(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all := tests.String()
	for name, code := range constants(t) {
		if elsewhere[name] != "" {
			continue
		}
		if !strings.Contains(all, "fault."+name) && !strings.Contains(all, string(code)) {
			t.Errorf("no test speaks of %s (%s)", name, code)
		}
	}
}

func TestError(t *testing.T) {
	inner := fault.Mismatch(fault.EmailOutside, "a", "b")
	err := fault.Wrap(fault.Internal, inner, "while %s", "testing")
	if fault.CodeOf(err) != fault.Internal || fault.As(inner).Code != fault.EmailOutside || fault.CodeOf(nil) != "" {
		t.Errorf("codes: %s, %s", fault.CodeOf(err), fault.CodeOf(inner))
	}
	if got := err.Error(); !strings.Contains(got, "while testing") || !strings.Contains(got, `observed "a", expected "b"`) {
		t.Errorf("text: %s", got)
	}
	if fault.As(os.ErrClosed).Code != fault.Internal {
		t.Error("an unknown error is shown as known")
	}
	if e := fault.Lookup("no.such"); e.Status != 500 || e.Code != "no.such" {
		t.Errorf("unknown code: %+v", e)
	}
}
