package scim

import (
	"reflect"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/broker/scim/filter"
)

// operation is one step of a PATCH (RFC 7644, section 3.5.2), in the standard's words whatever the sender's were.
type operation struct {
	op    string // add, replace, remove
	path  string // "" for none
	value any
}

// maxOperations bounds one PATCH: directories send a hundred at most.
const maxOperations = 1000

// operations reads the body of a PATCH. Entra ID writes Add, Replace and Remove.
func operations(body object) ([]operation, error) {
	_, list, _ := member(body, "Operations")
	items, ok := list.([]any)
	if !ok || len(items) == 0 || len(items) > maxOperations {
		return nil, fault.New(fault.SCIMSyntax, "Operations is no list of 1 to %d operations", maxOperations)
	}
	out := make([]operation, len(items))
	for i, item := range items {
		o, _ := item.(object)
		_, op, _ := member(o, "op")
		_, path, hasPath := member(o, "path")
		_, value, _ := member(o, "value")
		name, _ := op.(string)
		at, isText := path.(string)
		out[i] = operation{op: strings.ToLower(name), path: strings.TrimSpace(at), value: value}
		switch {
		case hasPath && path != nil && !isText:
			return nil, fault.New(fault.SCIMTarget, "the path of operation %d is no text", i+1)
		case out[i].op != "add" && out[i].op != "replace" && out[i].op != "remove":
			return nil, fault.New(fault.SCIMSyntax, "operation %d is %.20q, not add, replace or remove", i+1, name)
		case out[i].op == "remove" && out[i].path == "":
			return nil, fault.New(fault.SCIMTarget, "operation %d removes nothing: it has no path", i+1)
		}
	}
	return out, nil
}

// apply carries out the operations on a resource in normal form, all or none, and gives the result its normal form again.
func (k kind) apply(doc object, ops []operation) (object, error) {
	for _, op := range ops {
		if err := k.step(doc, op); err != nil {
			return nil, err
		}
	}
	return k.normalise(doc)
}

// step carries out one operation. Without a path, the value's keys are paths, dotted and filtered ones too: Entra ID
// writes {"name.givenName": "Eva"}.
func (k kind) step(doc object, op operation) error {
	if op.path != "" {
		p, err := filter.ParsePath(op.path)
		if err != nil {
			return fault.New(fault.SCIMTarget, "the path %.200q: %s", op.path, err)
		}
		return k.change(doc, p, op)
	}
	value, ok := op.value.(object)
	if !ok {
		return fault.New(fault.SCIMValue, "an operation without a path takes an object")
	}
	for key, v := range value {
		p, err := filter.ParsePath(key)
		if err != nil {
			return fault.New(fault.SCIMTarget, "the key %.200q: %s", key, err)
		}
		if _, a, known := k.resolve(p.Attr); !known || a.Mutability == "readOnly" || strings.EqualFold(key, "schemas") {
			continue // as in a PUT
		}
		if err := k.change(doc, p, operation{op: op.op, path: key, value: v}); err != nil {
			return err
		}
	}
	return nil
}

// change carries out an operation at a path.
func (k kind) change(doc object, p filter.Path, op operation) error {
	urn, a, ok := k.resolve(p.Attr)
	switch {
	case !ok:
		return fault.New(fault.SCIMTarget, "%.200q is no attribute of %s", op.path, k.core.name)
	case a.Mutability == "readOnly":
		return fault.New(fault.SCIMFixed, "%s cannot be changed", a.Name)
	case a.Name == "":
		return k.extension(doc, urn, op)
	}
	in := doc
	if urn != "" {
		in, _ = doc[urn].(object)
		if in == nil {
			in = object{}
		}
		doc[urn] = in
	}
	if p.Sub != "" {
		sub, ok := find(a.Sub, p.Sub)
		if !ok {
			return fault.New(fault.SCIMTarget, "%.200q is no attribute of %s", op.path, k.core.name)
		}
		p.Sub = sub.Name
	}
	switch {
	case p.Filter != nil && !a.Multi:
		return fault.New(fault.SCIMTarget, "%s has one value, so it takes no filter", a.Name)
	case a.Multi:
		return k.changeList(in, a, p, op)
	case p.Sub != "":
		return changeSub(in, a, p.Sub, op)
	}
	return changeOne(in, a, op)
}

// extension changes all that an extension says.
func (k kind) extension(doc object, urn string, op operation) error {
	if op.op == "remove" {
		delete(doc, urn)
		return nil
	}
	value, ok := op.value.(object)
	if !ok {
		return fault.New(fault.SCIMValue, "%s takes an object", urn)
	}
	for key, v := range value {
		if err := k.change(doc, filter.Path{Attr: filter.Attr{Schema: urn, Name: key}}, operation{op: op.op, path: key, value: v}); err != nil {
			return err
		}
	}
	return nil
}

func changeOne(in object, a attribute, op operation) error {
	if op.op == "remove" {
		delete(in, a.Name)
		return nil
	}
	typed, err := a.typed(op.value, a.Name)
	if err != nil {
		return err
	}
	old, _ := in[a.Name].(object)
	next, complex := typed.(object)
	if complex && old != nil { // sub-attributes that are not named stay
		for name, v := range next {
			old[name] = v
		}
		return nil
	}
	set(in, a.Name, typed)
	return nil
}

// set puts a value, and takes it away for nil.
func set(in object, name string, v any) {
	if v == nil {
		delete(in, name)
		return
	}
	in[name] = v
}

func changeSub(in object, a attribute, sub string, op operation) error {
	o, _ := in[a.Name].(object)
	if o == nil {
		o = object{}
	}
	if err := setSub(o, a, sub, op); err != nil {
		return err
	}
	in[a.Name] = o
	return nil
}

func setSub(o object, a attribute, name string, op operation) error {
	if op.op == "remove" {
		delete(o, name)
		return nil
	}
	sub, _ := find(a.Sub, name)
	typed, err := sub.typed(op.value, a.Name+"."+name)
	if err == nil {
		set(o, name, typed)
	}
	return err
}

// changeList changes an attribute of several values: all of them, or those that a filter chooses.
func (k kind) changeList(in object, a attribute, p filter.Path, op operation) error {
	list, _ := in[a.Name].([]any)
	var err error
	switch {
	case p.Filter != nil || p.Sub != "":
		list, err = k.changeSome(list, a, p, op)
	case op.op == "remove" && op.value == nil:
		list = nil
	case op.op == "remove":
		list, err = without(list, a, op.value)
	case op.op == "replace":
		list, err = more(nil, a, op.value)
	default:
		list, err = more(list, a, op.value)
	}
	if err != nil {
		return err
	}
	if len(list) == 0 {
		delete(in, a.Name)
		return nil
	}
	in[a.Name] = list
	return nil
}

// more adds values that are not there yet. One that is the primary ends the others' being so.
func more(list []any, a attribute, value any) ([]any, error) {
	typed, err := a.typed(value, a.Name)
	if err != nil {
		return nil, err
	}
	added, _ := typed.([]any)
	for _, v := range added {
		if !contains(list, v) {
			list = append(list, v)
		}
	}
	onePrimary(list)
	return list, nil
}

func contains(list []any, v any) bool {
	for _, have := range list {
		if reflect.DeepEqual(have, v) {
			return true
		}
	}
	return false
}

// without removes the values named: the same ones, or those of the same "value".
func without(list []any, a attribute, value any) ([]any, error) {
	typed, err := a.typed(value, a.Name)
	if err != nil {
		return nil, err
	}
	gone, _ := typed.([]any)
	var out []any
	for _, have := range list {
		keep := true
		for _, g := range gone {
			keep = keep && !meant(have, g)
		}
		if keep {
			out = append(out, have)
		}
	}
	return out, nil
}

func meant(have, named any) bool {
	h, _ := have.(object)
	n, _ := named.(object)
	if h != nil && n != nil && n["value"] != nil {
		return h["value"] == n["value"]
	}
	return reflect.DeepEqual(have, named)
}

// changeSome changes the values that the path's filter chooses, all without one. Where none fits, what the filter asks for
// is added: Entra ID replaces emails[type eq "work"].value of who has no such address.
func (k kind) changeSome(list []any, a attribute, p filter.Path, op operation) ([]any, error) {
	var out []any
	found := false
	for _, v := range list {
		one, ok := v.(object)
		if !ok || p.Filter != nil && !k.chosen(one, a, p.Filter) {
			out = append(out, v)
			continue
		}
		found = true
		if op.op == "remove" && p.Sub == "" {
			continue
		}
		if err := changeValue(one, a, p.Sub, op); err != nil {
			return nil, err
		}
		if len(one) > 0 {
			out = append(out, one)
		}
	}
	if found || op.op == "remove" {
		onePrimary(out)
		return out, nil
	}
	fresh := object{}
	if p.Filter != nil && !asked(fresh, a, p.Filter) {
		return nil, fault.New(fault.SCIMTarget, "no value of %s fits %.200q", a.Name, op.path)
	}
	if err := changeValue(fresh, a, p.Sub, op); err != nil {
		return nil, err
	}
	out = append(out, fresh)
	onePrimary(out)
	return out, nil
}

func (k kind) chosen(one object, a attribute, n filter.Node) bool {
	return filter.Match(&filter.Within{Attr: filter.Attr{Name: a.Name}, X: n}, object{a.Name: []any{one}}, k.exact)
}

// changeValue changes one of several values, or one sub-attribute of it.
func changeValue(one object, a attribute, sub string, op operation) error {
	if sub != "" {
		return setSub(one, a, sub, op)
	}
	typed, err := a.single(op.value, a.Name)
	if err != nil {
		return err
	}
	next, _ := typed.(object)
	for name, v := range next {
		one[name] = v
	}
	return nil
}

// asked fills a new value with what a filter asks of it; false where that cannot be told.
func asked(fresh object, a attribute, n filter.Node) bool {
	switch n := n.(type) {
	case *filter.And:
		return asked(fresh, a, n.Left) && asked(fresh, a, n.Right)
	case *filter.Compare:
		sub, ok := find(a.Sub, n.Attr.Name)
		if !ok || n.Op != "eq" || n.Attr.Sub != "" || n.Value == nil {
			return false
		}
		typed, err := sub.typed(n.Value, sub.Name)
		if err != nil || typed == nil {
			return false
		}
		fresh[sub.Name] = typed
		return true
	}
	return false
}
