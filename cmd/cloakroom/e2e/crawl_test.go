package e2e

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

const (
	maxPage  = 50 << 10 // of the console, lists of 50 lines included
	maxCrawl = 800      // pages
	maxAlike = 2        // pages that differ in a number, an ID or a cursor
)

var numbered = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-Z]{4}-[0-9A-Z]{4}|cursor=[^&]*|[0-9]+`)

// crawled are the pages that a visitor reaches, by path and query.
type crawled map[string]*page

// crawl follows every link below /admin from the pages named, and looks at each page.
func crawl(t *testing.T, v *visitor, base string, from ...string) crawled {
	t.Helper()
	seen, todo, alike := crawled{}, append([]string{"/admin"}, from...), map[string]int{}
	for len(todo) > 0 {
		at := todo[0]
		todo = todo[1:]
		kind := numbered.ReplaceAllString(at, "#")
		if seen[at] != nil || alike[kind] == maxAlike {
			continue
		}
		alike[kind]++
		if len(seen) == maxCrawl {
			t.Errorf("more than %d pages, the next would be %s", maxCrawl, at)
			break
		}
		p, err := v.get(base + at)
		if err != nil {
			t.Fatal(err)
		}
		seen[at] = p
		if p.URL.Path == "/admin/signin" {
			t.Fatalf("%s leads to the sign-in page", at)
		}
		if p.Status != 200 {
			t.Errorf("%s: %d %s", at, p.Status, words(find(p.doc, func(n *html.Node) bool { return n.Data == "main" })))
			continue
		}
		for _, fault := range faultsOf(p) {
			t.Errorf("%s: %s", at, fault)
		}
		todo = append(todo, links(p)...)
	}
	return seen
}

// links are a page's own, below /admin. Of what a list's filters can be, the links on pages are enough.
func links(p *page) []string {
	var out []string
	each(p.doc, func(n *html.Node) {
		if n.Data != "a" {
			return
		}
		u, err := p.URL.Parse(attr(n, "href"))
		if err != nil || u.Host != p.URL.Host || u.Path != "/admin" && !strings.HasPrefix(u.Path, "/admin/") || u.Path == "/admin/signin" {
			return
		}
		u.Fragment = ""
		out = append(out, u.RequestURI())
	})
	return out
}

var unsafeScript = regexp.MustCompile(`(?i)^[\s\x00-\x20]*(javascript|vbscript|data):`)

// faultsOf is what no page may have: marks of a template that went wrong, a hostile value that became more than text,
// what a screen reader stumbles over.
func faultsOf(p *page) []string {
	var out []string
	add := func(s string) { out = append(out, s) }
	if len(p.Body) > maxPage {
		add(fmt.Sprintf("%d bytes", len(p.Body)))
	}
	if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		add("the content security policy is " + csp)
	}
	for _, s := range []string{"ZgotmplZ", "<no value>", "&lt;no value&gt;", "%!", "<nil>", "&lt;nil&gt;", "0001-01-01", "1 Jan 0001"} {
		if strings.Contains(p.Body, s) {
			add("holds " + s)
		}
	}
	ids, heads := map[string]int{}, 0
	each(p.doc, func(n *html.Node) {
		if id := attr(n, "id"); id != "" {
			if ids[id]++; ids[id] == 2 {
				add("twice the id " + id)
			}
		}
		if n.Data == "h1" {
			heads++
		}
		for _, s := range elementFaults(n) {
			add(s)
		}
	})
	if heads != 1 {
		add("has not one h1")
	}
	return append(out, unlabelled(p.doc)...)
}

// elementFaults are those of one element by itself.
func elementFaults(n *html.Node) []string {
	var out []string
	for _, a := range n.Attr {
		switch {
		case strings.HasPrefix(a.Key, "on"):
			out = append(out, "the handler "+a.Key+"="+a.Val)
		case a.Key == "style":
			out = append(out, "the style "+a.Val)
		case slices.Contains([]string{"href", "src", "action", "formaction", "data-href"}, a.Key) && unsafeScript.MatchString(a.Val) && !strings.HasPrefix(a.Val, "data:image/"):
			out = append(out, "the address "+a.Val)
		}
	}
	if n.Data == "script" && (attr(n, "src") == "" || n.FirstChild != nil) {
		out = append(out, "a script that stands in the page")
	}
	if n.Data == "a" && attr(n, "href") == "" {
		out = append(out, "a link that leads nowhere")
	}
	if n.Data == "a" && strings.TrimSpace(words(n)) == "" && attr(n, "aria-label") == "" {
		out = append(out, "a link without words to "+attr(n, "href"))
	}
	return out
}

// unlabelled are the inputs that nothing names, and the names of inputs that are not there.
func unlabelled(doc *html.Node) []string {
	var out []string
	named, inputs := map[string]bool{}, map[string]bool{}
	each(doc, func(n *html.Node) {
		if n.Data == "label" {
			named[attr(n, "for")] = true
		}
	})
	each(doc, func(n *html.Node) {
		if !slices.Contains([]string{"input", "select", "textarea"}, n.Data) || slices.Contains([]string{"hidden", "submit"}, attr(n, "type")) {
			return
		}
		inputs[attr(n, "id")] = true
		if !named[attr(n, "id")] && attr(n, "aria-label") == "" && (n.Parent == nil || n.Parent.Data != "label") {
			out = append(out, "no label for "+attr(n, "name"))
		}
	})
	for id := range named {
		if id != "" && !inputs[id] {
			out = append(out, "a label for "+id+", which is not there")
		}
	}
	return out
}

// words is an element's text.
func words(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(words(c))
	}
	return b.String()
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

// chosenOption is the value of a select as the page has it: the selected option's, or the first one's.
func chosenOption(list *html.Node) string {
	option := find(list, func(n *html.Node) bool { return n.Data == "option" && has(n, "selected") })
	if option == nil {
		option = find(list, func(n *html.Node) bool { return n.Data == "option" })
	}
	if option == nil {
		return ""
	}
	return attr(option, "value")
}

// posts are the forms of a page that change something, except the operator's own: signing out.
func posts(p *page) []*html.Node {
	var out []*html.Node
	each(p.doc, func(n *html.Node) {
		if n.Data == "form" && strings.EqualFold(attr(n, "method"), "post") && attr(n, "action") != "/admin/signout" {
			out = append(out, n)
		}
	})
	return out
}

// fieldsOf are a form's values as a browser would send them, with the token given.
func fieldsOf(form *html.Node, token string) url.Values {
	values := url.Values{}
	each(form, func(n *html.Node) {
		name := attr(n, "name")
		switch {
		case name == "" || n.Data != "input" && n.Data != "textarea" && n.Data != "select" && n.Data != "button":
		case (attr(n, "type") == "checkbox" || attr(n, "type") == "radio") && !has(n, "checked"):
		case n.Data == "select":
			values.Set(name, chosenOption(n))
		case n.Data == "textarea":
			values.Set(name, words(n))
		default:
			values.Set(name, attr(n, "value"))
		}
	})
	values.Set("csrf", token)
	return values
}
