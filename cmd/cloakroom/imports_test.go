package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The layout's rules (broker/doc.go), as a test: who may import whom, and what is nowhere to be found. Each rule says
// why it is there, for whoever meets it.

const (
	module = "cloakroom"
	root   = "../.."
)

var (
	engines = []string{"login", "credential", "operator", "registry", "session", "keys", "claims", "email", "audit", "admin", "egress", "mail", "domain", "upstream", "metrics", "webhook", "calendar", "paste", "outage", "directory"}
	fronts  = []string{"web", "signin", "op", "api", "demo", "idp", "forward", "scim", "console", "setup", "diagnose"}
	folders = []string{"cmd", "broker", "providers", "store", "templates", "config", "docs", "bin"}
)

// kind is the layer a folder belongs to.
func kind(dir string) string {
	top, rest, _ := strings.Cut(dir, "/")
	name, _, _ := strings.Cut(rest, "/")
	switch {
	case top == "broker" && slices.Contains(engines, name):
		return "engine"
	case top == "broker" && slices.Contains(fronts, name):
		return "front"
	case dir == "broker/fault", dir == "broker", dir == "providers", dir == "providers/preset":
		return dir
	case top == "broker":
		return "broker/?"
	case top == "providers":
		return "protocol"
	}
	return top
}

// importRule answers why one folder of ours may not import another, "" where it may.
func importRule(from, to string) string {
	if from == to || strings.HasPrefix(to, from+"/") && kind(from) != "broker" && kind(from) != "providers" {
		return ""
	}
	fk, tk := kind(from), kind(to)
	base := tk == "broker" || tk == "broker/fault"
	switch fk {
	case "cmd":
		return ""
	case "broker":
		return unless(tk == "broker/fault", "the nouns know no engine, no front, no protocol and no store")
	case "broker/fault", "config":
		return "it stands below everything: the standard library and its one library, nothing of ours"
	case "templates":
		return unless(tk == "templates" || tk == "broker/fault", "pages are drawn from structs of their own, so that a template cannot reach into the domain")
	case "providers", "protocol", "providers/preset":
		return unless(tk == "providers" || tk == "broker/fault", "a provider knows the interface it fills and the faults it answers; another protocol, the store or the broker's nouns would tie it to one use")
	case "store":
		return unless(base || tk == "store", "the store keeps nouns and knows nothing of what is done with them")
	case "engine":
		return engineRule(from, tk, base)
	case "front":
		return frontRule(from, to, tk, base)
	}
	return "this folder has no place in the layout; give it one in broker/doc.go and in this test"
}

func engineRule(from, tk string, base bool) string {
	name := path.Base(from)
	switch {
	case base || tk == "engine":
		return ""
	case tk == "providers":
		return unless(slices.Contains([]string{"login", "registry", "keys", "admin", "claims", "upstream"}, name), "raw identities stay where they are normalised; only login, registry, keys, admin, claims and upstream see providers")
	case tk == "providers/preset":
		return unless(name == "registry" || name == "admin" || name == "paste", "presets are data for whoever opens, edits or reads connections")
	}
	return "engines run without HTTP, pages, protocols and tables; declare the interface you need and let cmd pass it in"
}

func frontRule(from, to, tk string, base bool) string {
	switch {
	case base || tk == "engine" || tk == "templates" || tk == "providers":
		return ""
	case tk == "providers/preset":
		return unless(inFront(from, "api", "signin", "console", "setup", "demo"), "presets are data for those who show connections")
	case tk == "protocol":
		return unless(inFront(from, "demo"), "a front that knows a protocol would have to change with it; use the providers interface")
	case to == "broker/web":
		return unless(!inFront(from, "web"), "web is below the fronts")
	case tk == "front" && inFront(from, path.Base(to)):
		return ""
	case tk == "front":
		return "fronts never import each other (save web): each can be left out or replaced alone"
	}
	return "fronts speak to engines; tables and wiring are cmd's"
}

func inFront(dir string, names ...string) bool {
	name, _, _ := strings.Cut(strings.TrimPrefix(dir, "broker/"), "/")
	return slices.Contains(names, name)
}

func unless(ok bool, reason string) string {
	if ok {
		return ""
	}
	return reason
}

// libraryRule answers why a folder's file may not import a library, "" where it may.
func libraryRule(dir, file, lib string) string {
	switch {
	case strings.HasPrefix(lib, "gorm.io/"):
		return unless(kind(dir) == "store" || kind(dir) == "cmd", "gorm stays in store/*: rows are not domain types")
	case strings.HasPrefix(lib, "github.com/gin-gonic/"):
		return unless(dir == "broker/web" || file == "routes.go", "gin stops at broker/web and routes.go, so that protocol rules are tested without a server")
	case lib == "net/http":
		return unless(!slices.Contains([]string{"broker", "broker/claims", "broker/login", "broker/admin"}, dir), "this package is pure: no net/http in broker, claims, login and admin")
	}
	return ""
}

// source is one parsed file.
type source struct {
	dir, name string
	fset      *token.FileSet
	ast       *ast.File
}

func (s source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

func (s source) at(n ast.Node) string {
	p := s.fset.Position(n.Pos())
	return s.dir + "/" + s.name + ":" + strconv.Itoa(p.Line)
}

// faultsIn answers every breach of a rule in one file. vars are the package variables of its folder.
func faultsIn(s source, vars map[string]bool) []string {
	if s.test() {
		return nil
	}
	found := importFaults(s)
	report := func(n ast.Node, why string) { found = append(found, s.at(n)+": "+why) }
	if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "types", "misc", "shared"}, s.ast.Name.Name) {
		report(s.ast.Name, "a package's name says a role or a noun; \""+s.ast.Name.Name+"\" says neither")
	}
	imported := importNames(s.ast)
	for _, d := range s.ast.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
			report(fn, "no init: what a program does is read in cmd, from top to bottom")
		}
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR && !supportsTests(s.dir) {
			stateFaults(g, imported, report)
		}
	}
	callFaults(s, imported, report)
	mutationFaults(s.ast, vars, imported, report)
	return found
}

func importFaults(s source) []string {
	var found []string
	for _, i := range s.ast.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		why := libraryRule(s.dir, s.name, p)
		if ours, ok := strings.CutPrefix(p, module+"/"); ok {
			why = importRule(s.dir, ours)
		}
		if why != "" {
			found = append(found, s.at(i)+": imports "+p+": "+why)
		}
	}
	return found
}

// importNames maps the names a file uses to the paths they stand for.
func importNames(f *ast.File) map[string]string {
	names := map[string]string{}
	for _, i := range f.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		name := path.Base(p)
		if i.Name != nil {
			name = i.Name.Name
		}
		names[name] = p
	}
	return names
}

// callFaults finds the clock and the environment outside their places.
func callFaults(s source, imported map[string]string, report func(ast.Node, string)) {
	top := kind(s.dir)
	clock := top == "cmd" || inFront(s.dir, "demo") || supportsTests(s.dir)
	ast.Inspect(s.ast, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok || x.Obj != nil {
			return true
		}
		switch full := imported[x.Name] + "." + sel.Sel.Name; full {
		case "time.Now", "time.Since", "time.Until":
			if !clock {
				report(n, full+": time comes in through a field Now func() time.Time, so that tests can set it")
			}
		case "os.Getenv", "os.LookupEnv", "os.Environ", "os.ExpandEnv":
			if top != "cmd" && top != "config" && !supportsTests(s.dir) {
				report(n, full+": settings are read in config, once, and reported together when wrong")
			}
		}
		return true
	})
}

// supportsTests reports whether a folder's code runs in tests alone: providertest, storetest and what is below them.
func supportsTests(dir string) bool {
	return slices.ContainsFunc(strings.Split(dir, "/"), func(name string) bool { return strings.HasSuffix(name, "test") })
}

// stateFaults finds package variables that exist to be changed.
func stateFaults(g *ast.GenDecl, imported map[string]string, report func(ast.Node, string)) {
	stateful := []string{"sync.Mutex", "sync.RWMutex", "sync.Map", "sync.Once", "sync.WaitGroup"}
	ast.Inspect(g, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok {
			full := imported[x.Name] + "." + sel.Sel.Name
			if slices.Contains(stateful, full) || strings.HasPrefix(full, "sync/atomic.") {
				report(n, full+" in a package variable: state belongs to a value that cmd makes and passes on")
			}
		}
		return true
	})
}

// mutationFaults finds functions that change package variables, ours or another package's.
func mutationFaults(f *ast.File, vars map[string]bool, imported map[string]string, report func(ast.Node, string)) {
	check := func(target ast.Expr) {
		id := rootIdent(target)
		if id == nil {
			return
		}
		_, foreign := imported[id.Name]
		_, bare := target.(*ast.Ident) // a local variable of the import's name
		if packageVar(f, id, vars) || foreign && id.Obj == nil && !bare {
			report(target, "changes the package variable "+id.Name+": two tests, or two servers in one process, would share it")
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, target := range n.Lhs {
					check(target)
				}
			}
		case *ast.IncDecStmt:
			check(n.X)
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && (id.Name == "delete" || id.Name == "clear") && len(n.Args) > 0 {
				check(n.Args[0])
			}
		}
		return true
	})
}

// rootIdent is the variable that an assignment's left side begins with.
func rootIdent(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// packageVar reports whether a name means a package variable: one of this file, or of another file of the folder, which
// the parser leaves unresolved.
func packageVar(f *ast.File, id *ast.Ident, vars map[string]bool) bool {
	if id.Obj == nil {
		return vars[id.Name]
	}
	return f.Scope != nil && f.Scope.Lookup(id.Name) == id.Obj && id.Obj.Kind == ast.Var
}

// packageVars lists the package variables of a folder's files.
func packageVars(files []source) map[string]bool {
	vars := map[string]bool{}
	for _, s := range files {
		for _, d := range s.ast.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					vars[name.Name] = name.Name != "_"
				}
			}
		}
	}
	return vars
}

func parse(t *testing.T, dir, name string, src any) source {
	t.Helper()
	s := source{dir: dir, name: name, fset: token.NewFileSet()}
	var err error
	if s.ast, err = parser.ParseFile(s.fset, filepath.Join(root, dir, name), src, 0); err != nil {
		t.Fatal(err)
	}
	return s
}

// tree parses every Go file of the module, by folder.
func tree(t *testing.T) map[string][]source {
	t.Helper()
	out := map[string][]source{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(p) != ".go":
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		dir := path.Dir(filepath.ToSlash(rel))
		out[dir] = append(out[dir], parse(t, dir, d.Name(), nil))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLayout(t *testing.T) {
	packages := tree(t)
	for _, must := range []string{"cmd/cloakroom", "config", "broker", "broker/fault"} {
		if len(packages[must]) == 0 {
			t.Errorf("%s was not read: this test looks in the wrong place", must)
		}
	}
	for _, files := range packages {
		vars := packageVars(files)
		for _, s := range files {
			for _, why := range faultsIn(s, vars) {
				t.Error(why)
			}
		}
	}
}

func TestFolders(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(folders, e.Name()) {
			t.Errorf("%s/ is not a folder of the layout (%s); find the code's place in broker/doc.go", e.Name(), strings.Join(folders, " "))
		}
	}
}

// TestRules breaks each rule once, so that the tests above are known to see.
func TestRules(t *testing.T) {
	for _, tt := range []struct{ name, dir, file, src, want string }{
		{"nouns", "broker", "x.go", `package broker; import _ "cloakroom/store"`, "nouns know no"},
		{"nouns downhill", "broker", "x.go", `package broker; import _ "cloakroom/broker/login"`, "nouns know no"},
		{"nouns and faults", "broker", "x.go", `package broker; import _ "cloakroom/broker/fault"`, ""},
		{"faults", "broker/fault", "x.go", `package fault; import _ "cloakroom/broker"`, "below everything"},
		{"config", "config", "x.go", `package config; import _ "cloakroom/broker/fault"`, "below everything"},
		{"templates", "templates", "x.go", `package templates; import _ "cloakroom/broker"`, "structs of their own"},
		{"own locale", "templates", "x.go", `package templates; import _ "cloakroom/templates/locale"`, ""},
		{"protocol", "providers/saml", "x.go", `package saml; import _ "cloakroom/broker"`, "provider knows the interface"},
		{"two protocols", "providers/saml", "x.go", `package saml; import _ "cloakroom/providers/oidc"`, "provider knows the interface"},
		{"protocol fills", "providers/saml", "x.go", `package saml; import _ "cloakroom/providers"`, ""},
		{"store", "store/flow", "x.go", `package flow; import _ "cloakroom/broker/login"`, "keeps nouns"},
		{"store halves", "store/flow", "x.go", `package flow; import _ "cloakroom/store/seal"`, ""},
		{"engine and store", "broker/login", "x.go", `package login; import _ "cloakroom/store"`, "declare the interface"},
		{"engine and front", "broker/session", "x.go", `package session; import _ "cloakroom/broker/web"`, "declare the interface"},
		{"engine and raw", "broker/session", "x.go", `package session; import _ "cloakroom/providers"`, "raw identities"},
		{"login and raw", "broker/login", "x.go", `package login; import _ "cloakroom/providers"`, ""},
		{"engine and preset", "broker/login", "x.go", `package login; import _ "cloakroom/providers/preset"`, "presets are data"},
		{"two fronts", "broker/op", "x.go", `package op; import _ "cloakroom/broker/signin"`, "never import each other"},
		{"front's own", "broker/op", "x.go", `package op; import _ "cloakroom/broker/op/token"`, ""},
		{"front of front", "broker/op", "x.go", `package op; import _ "cloakroom/broker/web"`, ""},
		{"front and protocol", "broker/signin", "x.go", `package signin; import _ "cloakroom/providers/saml"`, "knows a protocol"},
		{"demo and protocol", "broker/demo", "x.go", `package demo; import _ "cloakroom/providers/providertest"`, ""},
		{"front and preset", "broker/op", "x.go", `package op; import _ "cloakroom/providers/preset"`, "presets are data"},
		{"front and store", "broker/op", "x.go", `package op; import _ "cloakroom/store"`, "speak to engines"},
		{"stray folder", "broker/stuff", "x.go", `package stuff; import _ "cloakroom/broker"`, "no place in the layout"},
		{"gorm", "broker/login", "x.go", `package login; import _ "gorm.io/gorm"`, "gorm stays"},
		{"gin", "broker/op", "token.go", `package op; import _ "github.com/gin-gonic/gin"`, "gin stops"},
		{"routes", "broker/op", "routes.go", `package op; import _ "github.com/gin-gonic/gin"`, ""},
		{"http", "broker/login", "x.go", `package login; import _ "net/http"`, "no net/http"},
		{"clock", "broker/op", "x.go", `package op; import "time"; var f = func() time.Time { return time.Now() }`, "time.Now"},
		{"hidden clock", "broker/op", "x.go", `package op; import "time"; func f(t time.Time) any { return time.Since(t) }`, "time.Since"},
		{"cmd's clock", "cmd/cloakroom", "x.go", `package main; import "time"; var f = time.Now`, ""},
		{"test support's clock", "providers/providertest/samlidp", "x.go", `package samlidp; import "time"; var f = time.Now`, ""},
		{"environment", "store", "x.go", `package store; import "os"; func f() string { return os.Getenv("X") }`, "os.Getenv"},
		{"init", "store", "x.go", `package store; func init() {}`, "no init"},
		{"method init", "store", "x.go", `package store; type t int; func (t) init() {}`, ""},
		{"name", "broker/util", "x.go", `package util`, "says neither"},
		{"assigned", "store", "x.go", `package store; var n int; func f() { n = 1 }`, "variable n"},
		{"counted", "store", "x.go", `package store; var n int; func f() { n++ }`, "variable n"},
		{"filled", "store", "x.go", `package store; var m = map[int]int{}; func f() { m[1] = 1 }`, "variable m"},
		{"emptied", "store", "x.go", `package store; var m = map[int]int{}; func f() { delete(m, 1) }`, "variable m"},
		{"other file's", "store", "x.go", `package store; func f() { elsewhere = 1 }`, "variable elsewhere"},
		{"other package's", "store", "x.go", `package store; import "net/http"; func f() { http.DefaultClient = nil }`, "variable http"},
		{"shadowed", "store", "x.go", `package store; var n int; func f() { n := 0; n = 1; _ = n }`, ""},
		{"locked", "store", "x.go", `package store; import "sync"; var mu sync.Mutex`, "sync.Mutex"},
		{"atomic", "store", "x.go", `package store; import "sync/atomic"; var n atomic.Int64`, "atomic.Int64"},
		{"pool", "store", "x.go", `package store; import "sync"; var p = sync.Pool{}`, ""},
		{"test", "store", "x_test.go", `package store; import "time"; var now = time.Now()`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := parse(t, tt.dir, tt.file, tt.src)
			vars := packageVars([]source{s})
			vars["elsewhere"] = true
			got := strings.Join(faultsIn(s, vars), "\n")
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("want %q, got %q", tt.want, got)
			}
		})
	}
}
