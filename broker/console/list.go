package console

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// perPage is how many lines of a list a page shows, perBigPage of one whose lines are long: no page has more than 50 KB.
const perPage, perBigPage = 50, 25

func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// paging is the part of a list that the address asks for.
func paging(c *web.Ctx) broker.Page {
	return broker.Page{Limit: perPage, Cursor: c.Query("cursor"), Query: strings.TrimSpace(c.Query("q"))}
}

// bigPaging is paging for long lines.
func bigPaging(c *web.Ctx) broker.Page {
	p := paging(c)
	p.Limit = perBigPage
	return p
}

// pager leads on from a page of a list, with its filters kept.
func pager(c *web.Ctx, next string) templates.Pager {
	var p templates.Pager
	q := c.Request.URL.Query()
	if q.Get("cursor") != "" {
		q.Del("cursor")
		p.FirstURL = "?" + q.Encode()
	}
	if next != "" {
		q.Set("cursor", next)
		p.NextURL = "?" + q.Encode()
	}
	return p
}

func searchBox(c *web.Ctx, label string) templates.Input {
	return templates.Input{Kind: "text", Name: "q", Label: label, Value: c.Query("q")}
}

func chosen(c *web.Ctx, name, label string, options ...templates.Option) templates.Input {
	return templates.Input{Kind: "select", Name: name, Label: label, Value: c.Query(name), Options: append([]templates.Option{{Label: "All"}}, options...)}
}

func text(s string) templates.Cell { return templates.Cell{Text: s} }
func code(s string) templates.Cell { return templates.Cell{Text: s, Code: true} }

func count[N int | int64](n N) templates.Cell { return templates.Cell{Text: thousands(int64(n))} }

// thousands writes a number as people read it: 1,204.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural counts: 1 person, 1,204 people.
func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

func pill(kind, word string) templates.Cell {
	return templates.Cell{Pill: templates.Pill{Kind: kind, Word: word}}
}

// browserName is what people call a browser and its system, of a User-Agent header; one that is not known is shown as it is.
func browserName(agent string) string {
	name := named(agent, "Edg/", "Edge", "OPR/", "Opera", "Firefox/", "Firefox", "Chrome/", "Chrome", "Safari/", "Safari")
	system := named(agent, "iPhone", "an iPhone", "iPad", "an iPad", "Android", "Android", "Windows", "Windows", "Mac OS X", "macOS", "CrOS", "ChromeOS", "Linux", "Linux")
	if name == "" || system == "" {
		return shorten(agent)
	}
	return name + " on " + system
}

// named is the name after the first mark that s has.
func named(s string, marksAndNames ...string) string {
	for i := 1; i < len(marksAndNames); i += 2 {
		if strings.Contains(s, marksAndNames[i-1]) {
			return marksAndNames[i]
		}
	}
	return ""
}

func onOff(on bool) templates.Cell {
	if on {
		return pill("good", "On")
	}
	return pill("quiet", "Off")
}

func fact(name string, c templates.Cell) templates.Fact { return templates.Fact{Name: name, Cell: c} }

// changes shows a line of the ledger's documents field by field: what it was, what it is.
func changes(before, after json.RawMessage) []templates.Change {
	was, is := flat(before), flat(after)
	keys := map[string]bool{}
	for _, m := range []map[string]string{was, is} {
		for k := range m {
			keys[k] = true
		}
	}
	var out []templates.Change
	whole := len(was) == 0 || len(is) == 0 // made or deleted: what was never set says nothing
	for _, k := range sorted(keys) {
		if was[k] != is[k] && !slices.Contains([]string{"/version", "/updated_at", "/created_at"}, k) && !(whole && unset(was[k]+is[k])) {
			out = append(out, templates.Change{Name: k, Was: was[k], Is: cmp.Or(is[k], "–")})
		}
	}
	return out
}

func unset(s string) bool { return slices.Contains([]string{"", "false", "0", "[]"}, s) }

// flat lists a document's values by their pointers.
func flat(raw json.RawMessage) map[string]string {
	var doc any
	out := map[string]string{}
	if json.Unmarshal(raw, &doc) == nil {
		flatten(doc, "", out)
	}
	return out
}

func flatten(doc any, pointer string, out map[string]string) {
	if m, ok := doc.(map[string]any); ok {
		for k, v := range m {
			flatten(v, pointer+"/"+k, out)
		}
		return
	}
	if b, err := json.Marshal(doc); err == nil && doc != nil {
		out[pointer] = shorten(strings.Trim(string(b), `"`))
	}
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 200 {
		return string(r[:200]) + "…"
	}
	return s
}

// realmPath is an address below a realm's page.
func realmPath(realm string, below ...string) string {
	p := "/admin/realms/" + url.PathEscape(realm)
	for _, b := range below {
		p += "/" + url.PathEscape(b)
	}
	return p
}

// realmFrame is the frame of a page about a part of a realm.
func (f *Front) realmFrame(c *web.Ctx, a admin.Actor, realm, tab string, crumbs ...templates.Place) templates.Console {
	all := append([]templates.Place{{Label: "Realms", URL: "/admin/realms"}, {Label: realm, URL: realmPath(realm)}}, crumbs...)
	p := f.frame(c, a, "/admin/realms", all...)
	for _, t := range []struct{ label, below string }{
		{"Overview", ""}, {"Connections", "connections"}, {"Applications", "clients"}, {"People", "people"}, {"Domains", "domains"},
		{"Invitations", "invites"}, {"Setup links", "setup-links"}, {"Groups", "groups"}, {"Sign-ins", "logins"}, {"Sessions", "sessions"}, {"Keys", "keys"}, {"Webhooks", "webhooks"}, {"Audit", "events"}, {"Settings", "settings"},
	} {
		url := realmPath(realm)
		if t.below != "" {
			url = realmPath(realm, t.below)
		}
		p.Tabs = append(p.Tabs, templates.Place{Label: t.label, URL: url, Current: t.below == tab})
	}
	return p
}
