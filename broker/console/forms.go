package console

import (
	"cmp"
	"encoding/json"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

// field ties an input to a place in an object of the admin API. What an operator may write of an object is a list of
// them: it draws the form, makes the merge patch and finds each complaint its input.
type field struct {
	pointer     string // RFC 6901
	kind        string // text, lines, pairs, words, check, select, number, secret, area, time
	label, hint string
	options     []templates.Option
}

// name is the input's name: the pointer, so that complaints find it.
func (f field) name() string { return strings.TrimPrefix(f.pointer, "/") }

// choices makes options that are their own labels.
func choices(values ...string) []templates.Option {
	out := make([]templates.Option, len(values))
	for i, v := range values {
		out[i] = templates.Option{Value: v, Label: strings.ReplaceAll(v, "_", " ")}
	}
	return out
}

// inputs draws the fields of an object; what was posted, if anything was, comes before what is stored.
func inputs(fields []field, object any, posted url.Values, wrong broker.FieldErrors) []templates.Input {
	doc := document(object)
	out := make([]templates.Input, 0, len(fields))
	for _, f := range fields {
		in := templates.Input{Kind: f.kind, Name: f.name(), Label: f.label, Hint: f.hint, Options: f.options, Value: f.shown(at(doc, f.pointer))}
		if posted != nil {
			in.Value = posted.Get(f.name())
		}
		switch f.kind {
		case "lines", "pairs", "area":
			in.Kind = "textarea"
		case "words":
			in.Kind = "text"
		case "secret":
			in.Value = ""
		case "time":
			in.Kind = "date"
		case "check":
			in.Kind, in.Checked = "checkbox", in.Value == "true"
		}
		in.Error = complaint(wrong, f.pointer)
		out = append(out, in)
	}
	return out
}

// complaint is what is wrong at a pointer or below it.
func complaint(wrong broker.FieldErrors, pointer string) string {
	for _, e := range wrong {
		if e.Pointer == pointer || strings.HasPrefix(e.Pointer, pointer+"/") {
			return e.Detail
		}
	}
	return ""
}

func document(object any) any {
	var doc any
	if b, err := json.Marshal(object); err == nil {
		_ = json.Unmarshal(b, &doc)
	}
	return doc
}

// at is the value at a pointer, nil where there is none.
func at(doc any, pointer string) any {
	for key := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		m, ok := doc.(map[string]any)
		if !ok {
			return nil
		}
		doc = m[key]
	}
	return doc
}

// shown is a value as its input has it.
func (f field) shown(v any) string {
	switch v := v.(type) {
	case string:
		if f.kind == "time" {
			v, _, _ = strings.Cut(v, "T")
		}
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		return strings.Join(texts(v), f.between())
	case map[string]any:
		return pairs(v)
	}
	return ""
}

func (f field) between() string {
	if f.kind == "words" {
		return " "
	}
	return "\n"
}

func texts(list []any) []string {
	out := make([]string, 0, len(list))
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// pairs shows an object as lines "name: value", a list's values with commas between.
func pairs(m map[string]any) string {
	var b strings.Builder
	for _, k := range sorted(m) {
		v, _ := m[k].(string)
		if list, ok := m[k].([]any); ok {
			v = strings.Join(texts(list), ", ")
		}
		b.WriteString(k + ": " + v + "\n")
	}
	return b.String()
}

// patch makes the merge patch of what was posted (RFC 7396). A secret that was left empty stays.
func patch(fields []field, posted url.Values) []byte {
	doc := map[string]any{}
	for _, f := range fields {
		if v, ok := f.read(posted.Get(f.name())); ok {
			put(doc, f.pointer, v)
		}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return []byte("{}")
	}
	return b
}

func put(doc map[string]any, pointer string, v any) {
	keys := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for _, key := range keys[:len(keys)-1] {
		inner, ok := doc[key].(map[string]any)
		if !ok {
			inner = map[string]any{}
			doc[key] = inner
		}
		doc = inner
	}
	doc[keys[len(keys)-1]] = v
}

// read is the value that an input's text stands for; not ok where nothing is to be written.
func (f field) read(s string) (any, bool) {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
	switch f.kind {
	case "check":
		return s == "true", true
	case "secret":
		return s, s != ""
	case "time":
		if s == "" {
			return nil, true // a merge patch takes it away
		}
		return s + "T00:00:00Z", true
	case "number":
		n, err := strconv.Atoi(s)
		if err != nil {
			return s, s != ""
		}
		return n, true
	case "lines":
		return nonEmpty(strings.Split(s, "\n")), true
	case "words":
		return nonEmpty(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' })), true
	case "pairs":
		return f.readPairs(s), true
	}
	return s, true
}

func (f field) readPairs(s string) any {
	out := map[string]any{}
	for line := range strings.SplitSeq(s, "\n") {
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			continue
		}
		if f.pointer == "/mapping" {
			out[name] = nonEmpty(strings.Split(value, ","))
			continue
		}
		out[name] = strings.TrimSpace(value)
	}
	return out
}

func nonEmpty(list []string) []string {
	out := []string{}
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// editor is a page with one form about an object: shown on GET, saved on POST, and shown again with each complaint at
// its field and everything that was typed where it is refused.
type editor struct {
	fields []field
	choose func(object any) []field // instead of fields, where they depend on the object
	load   func(c *web.Ctx, a admin.Actor) (any, error)
	save   func(c *web.Ctx, a admin.Actor, doc []byte) (to, told string, err error)
	draw   func(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error)
	submit string
}

func (e editor) of(object any) []field {
	if e.choose != nil {
		return e.choose(object)
	}
	return e.fields
}

func (f *Front) edit(e editor) (show, save func(*web.Ctx)) {
	draw := func(c *web.Ctx, a admin.Actor, status int, posted url.Values, wrong error) error {
		object, err := e.load(c, a)
		if err != nil {
			return err
		}
		form := templates.Form{
			Action: c.Request.URL.Path, Token: f.Web.Cookies.FormToken(c.Writer, c.Request), Submit: e.submit,
			Inputs: inputs(e.of(object), object, posted, admin.FieldErrors(wrong)), Hidden: versionField(object),
		}
		switch {
		case fault.CodeOf(wrong) == fault.Conflict:
			form.Error = "Somebody else saved this in the meantime, and nothing of yours was saved. Each field below that differs says what is stored now; saving once more overwrites it."
			showStored(form.Inputs, e.of(object), object)
		case wrong != nil:
			form.Error = unplaced(e.of(object), admin.FieldErrors(wrong))
		}
		p, err := e.draw(c, a, form)
		if err != nil {
			return err
		}
		f.Web.Page(c, status, p)
		return nil
	}
	show = f.page(func(c *web.Ctx, a admin.Actor) error { return draw(c, a, 200, nil, nil) })
	save = f.page(func(c *web.Ctx, a admin.Actor) error {
		if err := f.own(c); err != nil {
			return err
		}
		object, err := e.load(c, a)
		if err != nil {
			return err
		}
		to, told, err := e.save(c, a, patch(e.of(object), c.Request.PostForm))
		if admin.FieldErrors(err) != nil || fault.CodeOf(err) == fault.Conflict {
			return draw(c, a, fault.Lookup(fault.CodeOf(err)).Status, c.Request.PostForm, err)
		}
		if err != nil {
			return err
		}
		f.tell(c, told)
		f.Web.Redirect(c, local(to))
		return nil
	})
	return show, save
}

// versionField goes with a form, so that a change is refused that was made from an older one.
func versionField(object any) []templates.Field {
	n, ok := at(document(object), "/version").(float64)
	if !ok {
		return nil
	}
	return []templates.Field{{Name: "version", Value: strconv.FormatFloat(n, 'f', 0, 64)}}
}

// readAt is the version that a posted form was drawn from.
func readAt(c *web.Ctx) admin.Match {
	n, err := strconv.ParseInt(c.PostForm("version"), 10, 64)
	if err != nil {
		return nil
	}
	return admin.Match{n}
}

// showStored says at each input what is stored where it differs from what was typed.
func showStored(inputs []templates.Input, fields []field, object any) {
	doc := document(object)
	for i, f := range fields {
		stored := f.shown(at(doc, f.pointer))
		was, _ := f.read(stored)
		is, written := f.read(inputs[i].Value)
		if written && !reflect.DeepEqual(was, is) {
			inputs[i].Error = "Stored now: " + cmp.Or(shorten(stored), "nothing")
		}
	}
}

// unplaced are the complaints that no field of the form shows.
func unplaced(fields []field, wrong broker.FieldErrors) string {
	said := []string{"Nothing was saved."}
	for _, e := range wrong {
		placed := false
		for _, f := range fields {
			placed = placed || e.Pointer == f.pointer || strings.HasPrefix(e.Pointer, f.pointer+"/")
		}
		if !placed {
			said = append(said, e.Pointer+" "+e.Detail+".")
		}
	}
	return strings.Join(said, " ")
}
