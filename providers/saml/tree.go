package saml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"cloakroom/broker/fault"
)

// XML namespaces of the messages.
const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsDSig      = "http://www.w3.org/2000/09/xmldsig#"
	nsEnc       = "http://www.w3.org/2001/04/xmlenc#"
	nsEnc11     = "http://www.w3.org/2009/xmlenc11#"
	nsExcC14N   = "http://www.w3.org/2001/10/xml-exc-c14n#"
	nsXML       = "http://www.w3.org/XML/1998/namespace"
	nsXMLNS     = "http://www.w3.org/2000/xmlns/"
	nsXSI       = "http://www.w3.org/2001/XMLSchema-instance"
)

// limits bound a document while it is read. Only real documents count: comments and text runs are bounded too, because
// each costs memory although it means nothing.
type limits struct{ bytes, depth, elements, attrs, runs int }

var (
	messageLimits  = limits{bytes: 1 << 20, depth: 64, elements: 10_000, attrs: 20_000, runs: 30_000}
	metadataLimits = limits{bytes: 1 << 20, depth: 64, elements: 60_000, attrs: 80_000, runs: 130_000}
)

const (
	maxElementAttrs = 64 // of one element, xmlns included
	maxBindings     = 64 // namespace prefixes in scope at one place
)

// node is an element, or a run of text (then name is empty).
type node struct {
	prefix, name string // as written; name is local
	space        string // namespace URI
	attrs        []attr // without xmlns
	decls        []binding
	kids         []*node
	parent       *node
	text         string
}

type attr struct{ prefix, name, space, value string }

type binding struct{ prefix, uri string }

// is reports whether n is the element {space}name.
func (n *node) is(space, name string) bool { return n != nil && n.name == name && n.space == space }

// attr is the value of an attribute without namespace, "" if absent.
func (n *node) attr(name string) string {
	v, _ := n.lookupAttr("", name)
	return v
}

func (n *node) lookupAttr(space, name string) (string, bool) {
	if n == nil {
		return "", false
	}
	for i := range n.attrs {
		if n.attrs[i].name == name && n.attrs[i].space == space {
			return n.attrs[i].value, true
		}
	}
	return "", false
}

// all are the direct children {space}name.
func (n *node) all(space, name string) []*node {
	if n == nil {
		return nil
	}
	var out []*node
	for _, k := range n.kids {
		if k.is(space, name) {
			out = append(out, k)
		}
	}
	return out
}

// child is the only direct child {space}name. Nil with several, so that nothing is ever read from one of two.
func (n *node) child(space, name string) *node {
	if n == nil {
		return nil
	}
	var found *node
	for _, k := range n.kids {
		if k.is(space, name) {
			if found != nil {
				return nil
			}
			found = k
		}
	}
	return found
}

// elements are the direct child elements.
func (n *node) elements() []*node {
	var out []*node
	for _, k := range n.kids {
		if k.name != "" {
			out = append(out, k)
		}
	}
	return out
}

// content is the text of n's direct text runs, whole (a comment in between was dropped when reading), without
// surrounding white space.
func (n *node) content() string {
	if n == nil {
		return ""
	}
	if len(n.kids) == 1 && n.kids[0].name == "" {
		return trimXML(n.kids[0].text)
	}
	var b strings.Builder
	for _, k := range n.kids {
		if k.name == "" {
			b.WriteString(k.text)
		}
	}
	return trimXML(b.String())
}

func trimXML(s string) string { return strings.Trim(s, " \t\r\n") }

// walk visits n and every element below it until f answers an error.
func (n *node) walk(f func(*node) error) error {
	if n.name == "" {
		return nil
	}
	if err := f(n); err != nil {
		return err
	}
	for _, k := range n.kids {
		if err := k.walk(f); err != nil {
			return err
		}
	}
	return nil
}

// lookup finds the namespace that a prefix is bound to at n.
func (n *node) lookup(prefix string) (string, bool) {
	for ; n != nil; n = n.parent {
		for i := range n.decls {
			if n.decls[i].prefix == prefix {
				return n.decls[i].uri, true
			}
		}
	}
	return "", false
}

// reader builds the tree from tokens and refuses what a SAML message must not have.
type reader struct {
	lim      limits
	root, at *node
	depth    int
	elements int
	attrs    int
	runs     int
	scope    []binding // all bindings in scope, innermost last
	ids      map[string]struct{}
	started  bool // a token was seen: an XML declaration is too late now
}

// parse reads one document. UTF-8 only, one root, no DOCTYPE, no processing instruction, no entity beyond XML's own
// five, every prefix declared, no attribute or ID twice.
func parse(doc []byte, lim limits) (*node, error) {
	if len(doc) > lim.bytes {
		return nil, fault.New(fault.SAMLTooLarge, "%d bytes, at most %d are read", len(doc), lim.bytes)
	}
	if !utf8.Valid(doc) {
		return nil, fault.New(fault.SAMLXMLInvalid, "not valid UTF-8")
	}
	r := &reader{lim: lim, ids: map[string]struct{}{}}
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf"))))
	for {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.Wrap(fault.SAMLXMLInvalid, err, "at byte %d", d.InputOffset())
		}
		if err := r.token(t); err != nil {
			return nil, err
		}
		r.started = true
	}
	if r.root == nil || r.at != nil {
		return nil, fault.New(fault.SAMLXMLInvalid, "the document ends early")
	}
	return r.root, nil
}

func (r *reader) token(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		return r.open(t)
	case xml.EndElement:
		return r.close(t)
	case xml.CharData:
		return r.chars(t)
	case xml.Comment:
		return r.run()
	case xml.ProcInst:
		if t.Target == "xml" && !r.started {
			return nil
		}
		return fault.New(fault.SAMLXMLForbidden, "a processing instruction")
	default:
		return fault.New(fault.SAMLXMLForbidden, "a DOCTYPE or other directive")
	}
}

func (r *reader) run() error {
	if r.runs++; r.runs > r.lim.runs {
		return fault.New(fault.SAMLXMLComplex, "more than %d pieces of text", r.lim.runs)
	}
	return nil
}

func (r *reader) chars(t xml.CharData) error {
	if r.at == nil {
		if len(bytes.Trim(t, " \t\r\n")) > 0 {
			return fault.New(fault.SAMLXMLInvalid, "text outside the root element")
		}
		return nil
	}
	r.at.kids = append(r.at.kids, &node{text: string(t), parent: r.at})
	return r.run()
}

func (r *reader) close(t xml.EndElement) error {
	if r.at == nil || r.at.name != t.Name.Local || r.at.prefix != t.Name.Space {
		return fault.New(fault.SAMLXMLInvalid, "the end tag %q closes nothing", t.Name.Local)
	}
	r.scope = r.scope[:len(r.scope)-len(r.at.decls)]
	r.at = r.at.parent
	r.depth--
	return nil
}

func (r *reader) open(t xml.StartElement) error {
	if err := r.count(t); err != nil {
		return err
	}
	n := &node{prefix: t.Name.Space, name: t.Name.Local, parent: r.at}
	if err := r.declare(n, t.Attr); err != nil {
		return err
	}
	if err := r.resolve(n, t.Attr); err != nil {
		return err
	}
	if r.at == nil {
		r.root = n
	} else {
		r.at.kids = append(r.at.kids, n)
	}
	r.at = n
	return nil
}

func (r *reader) count(t xml.StartElement) error {
	r.depth++
	r.elements++
	r.attrs += len(t.Attr)
	switch {
	case r.at == nil && r.root != nil:
		return fault.New(fault.SAMLXMLInvalid, "a second root element")
	case r.depth > r.lim.depth:
		return fault.New(fault.SAMLXMLComplex, "nested more than %d deep", r.lim.depth)
	case r.elements > r.lim.elements:
		return fault.New(fault.SAMLXMLComplex, "more than %d elements", r.lim.elements)
	case len(t.Attr) > maxElementAttrs || r.attrs > r.lim.attrs:
		return fault.New(fault.SAMLXMLComplex, "too many attributes")
	case strings.Contains(t.Name.Local, ":") || t.Name.Space == "xmlns":
		return fault.New(fault.SAMLXMLInvalid, "the name %q", t.Name.Local)
	}
	return nil
}

// declare takes n's own xmlns attributes (Namespaces in XML 1.0, section 3).
func (r *reader) declare(n *node, attrs []xml.Attr) error {
	for _, a := range attrs {
		prefix, ok := declared(a.Name)
		if !ok {
			continue
		}
		reserved := prefix == "xmlns" || a.Value == nsXMLNS || (prefix == "xml") != (a.Value == nsXML)
		if reserved || prefix != "" && a.Value == "" {
			return fault.New(fault.SAMLXMLInvalid, "the namespace prefix %q is bound to %q", prefix, a.Value)
		}
		for _, b := range n.decls {
			if b.prefix == prefix {
				return fault.New(fault.SAMLXMLDuplicate, "the namespace prefix %q is declared twice", prefix)
			}
		}
		n.decls = append(n.decls, binding{prefix, a.Value})
	}
	if r.scope = append(r.scope, n.decls...); len(r.scope) > maxBindings {
		return fault.New(fault.SAMLXMLComplex, "more than %d namespaces in one place", maxBindings)
	}
	return nil
}

func declared(name xml.Name) (prefix string, ok bool) {
	if name.Space == "xmlns" {
		return name.Local, true
	}
	return "", name.Space == "" && name.Local == "xmlns"
}

// resolve gives names their namespaces and takes the plain attributes.
func (r *reader) resolve(n *node, attrs []xml.Attr) error {
	var ok bool
	if n.space, ok = r.bound(n.prefix); !ok {
		return fault.New(fault.SAMLXMLInvalid, "the namespace prefix %q is not declared", n.prefix)
	}
	for _, a := range attrs {
		if _, ok := declared(a.Name); ok {
			continue
		}
		v := attr{prefix: a.Name.Space, name: a.Name.Local, value: a.Value}
		if v.prefix != "" {
			if v.space, ok = r.bound(v.prefix); !ok {
				return fault.New(fault.SAMLXMLInvalid, "the namespace prefix %q is not declared", v.prefix)
			}
		}
		if strings.Contains(v.name, ":") {
			return fault.New(fault.SAMLXMLInvalid, "the attribute name %q", v.name)
		}
		if _, twice := n.lookupAttr(v.space, v.name); twice {
			return fault.New(fault.SAMLXMLDuplicate, "the attribute %q occurs twice in one element", v.name)
		}
		n.attrs = append(n.attrs, v)
		if err := r.id(v); err != nil {
			return err
		}
	}
	return nil
}

// id refuses an ID that occurs twice, under whichever of the names that IDs go by in SAML, XML signature and XML itself.
func (r *reader) id(a attr) error {
	plain := a.space == "" && (a.name == "ID" || a.name == "Id" || a.name == "id")
	if !plain && !(a.space == nsXML && a.name == "id") {
		return nil
	}
	if _, twice := r.ids[a.value]; twice {
		return fault.New(fault.SAMLXMLDuplicate, "the ID %q occurs twice", clip(a.value))
	}
	r.ids[a.value] = struct{}{}
	return nil
}

func (r *reader) bound(prefix string) (string, bool) {
	if prefix == "xml" {
		return nsXML, true
	}
	for i := len(r.scope) - 1; i >= 0; i-- {
		if r.scope[i].prefix == prefix {
			return r.scope[i].uri, true
		}
	}
	return "", prefix == ""
}

// clip shortens a stranger's text for a fault's detail.
func clip(s string) string {
	const most = 300
	if len(s) <= most {
		return s
	}
	for i := most; ; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i] + "…"
		}
	}
}
