package saml

import (
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
)

// maxPrinted bounds a printed message.
const maxPrinted = 64 << 10

// printed is a message as people can read it and nobody can use it: indented, with signatures, ciphertexts and whatever
// is named like a secret left out. What is no XML is shown as it is, long runs of base64 left out.
func printed(doc []byte) string {
	root, err := parse(doc, metadataLimits)
	if err != nil {
		return unreadable(doc)
	}
	p := &printer{}
	p.element(root, 0)
	return p.String()
}

var longRun = regexp.MustCompile(`[A-Za-z0-9+/=_-]{80,}`)

func unreadable(doc []byte) string {
	text := strings.ToValidUTF8(string(doc[:min(len(doc), maxPrinted/4)]), "�")
	return longRun.ReplaceAllStringFunc(text, func(run string) string { return fmt.Sprintf("[%d characters]", len(run)) })
}

type printer struct{ strings.Builder }

func (p *printer) full() bool { return p.Len() > maxPrinted }

func (p *printer) element(n *node, depth int) {
	if p.full() {
		return
	}
	name := n.name
	if n.prefix != "" {
		name = n.prefix + ":" + n.name
	}
	p.line(depth, "<"+name)
	for _, d := range n.decls {
		if d.prefix == "" {
			p.attr("xmlns", d.uri)
		} else {
			p.attr("xmlns:"+d.prefix, d.uri)
		}
	}
	for _, a := range n.attrs {
		if a.prefix != "" {
			p.attr(a.prefix+":"+a.name, a.value)
		} else {
			p.attr(a.name, hiddenAttr(a))
		}
	}
	kids := n.elements()
	switch {
	case len(kids) == 0 && n.content() == "":
		p.WriteString("/>")
		return
	case len(kids) == 0:
		p.WriteString(">" + escaped(shown(n)) + "</" + name + ">")
		return
	}
	p.WriteString(">")
	for _, k := range kids {
		p.element(k, depth+1)
	}
	if p.full() {
		p.WriteString("\n… cut here")
		return
	}
	p.line(depth, "</"+name+">")
}

func (p *printer) line(depth int, s string) {
	if p.Len() > 0 {
		p.WriteByte('\n')
	}
	p.WriteString(strings.Repeat("  ", depth) + s)
}

func (p *printer) attr(name, value string) {
	p.WriteString(" " + name + `="` + escaped(clipTo(value, 2000)) + `"`)
}

// hiddenAttr leaves out what a logout could be forged with.
func hiddenAttr(a attr) string {
	if a.name == "SessionIndex" {
		return "…"
	}
	return a.value
}

// shown is an element's text, or its length where the text is not for reading.
func shown(n *node) string {
	text := n.content()
	switch n.name {
	case "SignatureValue", "CipherValue", "X509Certificate", "Modulus":
		return fmt.Sprintf("[%d characters]", len(text))
	case "AttributeValue":
		if n.parent != nil && secretive(n.parent.attr("Name")+n.parent.attr("FriendlyName")) {
			return "[left out]"
		}
	}
	return clipTo(text, 2000)
}

func secretive(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"token", "secret", "password", "passwd", "credential"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

func clipTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}
