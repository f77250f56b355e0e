package saml

import (
	"slices"
	"strings"
)

// canonical is the exclusive canonical form without comments of n (Exclusive XML Canonicalization 1.0, section 3), as if
// skip, an enveloped signature, were not there. inclusive lists the prefixes of InclusiveNamespaces, "" for #default.
func canonical(n, skip *node, inclusive []string) []byte {
	w := canonicaliser{skip: skip, inclusive: inclusive, out: make([]byte, 0, 8<<10)}
	w.element(n)
	return w.out
}

type canonicaliser struct {
	skip      *node
	inclusive []string
	out       []byte
	rendered  []binding // declarations written on the way down, innermost last
	needed    []binding // scratch
	sorted    []attr    // scratch
}

func (w *canonicaliser) element(n *node) {
	outer := len(w.rendered)
	w.out = append(w.out, '<')
	w.name(n.prefix, n.name)
	w.namespaces(n)
	w.attributes(n)
	w.out = append(w.out, '>')
	for _, k := range n.kids {
		switch {
		case k.name == "":
			w.out = appendText(w.out, k.text)
		case k != w.skip:
			w.element(k)
		}
	}
	w.out = append(w.out, "</"...)
	w.name(n.prefix, n.name)
	w.out = append(w.out, '>')
	w.rendered = w.rendered[:outer]
}

func (w *canonicaliser) name(prefix, local string) {
	if prefix != "" {
		w.out = append(append(w.out, prefix...), ':')
	}
	w.out = append(w.out, local...)
}

// namespaces writes the declarations that n visibly needs and no ancestor in the output already has.
func (w *canonicaliser) namespaces(n *node) {
	w.needed = w.needed[:0]
	w.need(n.prefix, n.space)
	for i := range n.attrs {
		if a := &n.attrs[i]; a.prefix != "" {
			w.need(a.prefix, a.space)
		}
	}
	for _, p := range w.inclusive {
		if uri, ok := n.lookup(p); ok {
			w.need(p, uri)
		}
	}
	slices.SortFunc(w.needed, func(a, b binding) int { return strings.Compare(a.prefix, b.prefix) })
	for _, b := range w.needed {
		w.out = append(w.out, " xmlns"...)
		if b.prefix != "" {
			w.out = append(append(w.out, ':'), b.prefix...)
		}
		w.out = append(appendAttr(append(w.out, `="`...), b.uri), '"')
	}
	w.rendered = append(w.rendered, w.needed...)
}

func (w *canonicaliser) need(prefix, uri string) {
	if prefix == "xml" {
		return
	}
	for _, b := range w.needed {
		if b.prefix == prefix {
			return
		}
	}
	for i := len(w.rendered) - 1; i >= 0; i-- {
		if w.rendered[i].prefix == prefix {
			if w.rendered[i].uri == uri {
				return
			}
			w.needed = append(w.needed, binding{prefix, uri})
			return
		}
	}
	if prefix != "" || uri != "" { // xmlns="" only where it undoes something
		w.needed = append(w.needed, binding{prefix, uri})
	}
}

func (w *canonicaliser) attributes(n *node) {
	attrs := n.attrs
	if len(attrs) > 1 {
		w.sorted = append(w.sorted[:0], attrs...)
		slices.SortFunc(w.sorted, func(a, b attr) int {
			if c := strings.Compare(a.space, b.space); c != 0 {
				return c
			}
			return strings.Compare(a.name, b.name)
		})
		attrs = w.sorted
	}
	for i := range attrs {
		w.out = append(w.out, ' ')
		w.name(attrs[i].prefix, attrs[i].name)
		w.out = append(appendAttr(append(w.out, `="`...), attrs[i].value), '"')
	}
}

// appendText writes character data in canonical form (Canonical XML 1.0, section 2.3).
func appendText(b []byte, s string) []byte {
	return appendEscaped(b, s, func(c byte) string {
		switch c {
		case '&':
			return "&amp;"
		case '<':
			return "&lt;"
		case '>':
			return "&gt;"
		case '\r':
			return "&#xD;"
		}
		return ""
	})
}

// appendAttr writes an attribute's value in canonical form.
func appendAttr(b []byte, s string) []byte {
	return appendEscaped(b, s, func(c byte) string {
		switch c {
		case '&':
			return "&amp;"
		case '<':
			return "&lt;"
		case '"':
			return "&quot;"
		case '\t':
			return "&#x9;"
		case '\n':
			return "&#xA;"
		case '\r':
			return "&#xD;"
		}
		return ""
	})
}

func appendEscaped(b []byte, s string, escape func(byte) string) []byte {
	from := 0
	for i := range len(s) {
		if c := s[i]; c <= '>' {
			if e := escape(c); e != "" {
				b = append(append(b, s[from:i]...), e...)
				from = i + 1
			}
		}
	}
	return append(b, s[from:]...)
}
