package saml

import (
	"time"
)

// writer writes our messages in exclusive canonical form: double quotes, attributes in order of their names, no empty
// tags, a namespace declared on each element that first needs it. at is where an enveloped signature belongs: after the
// Issuer.
type writer struct {
	b  []byte
	at int
}

// open begins an element. Attributes are name, value pairs, in canonical order; pairs with an empty value are left out,
// which no attribute of ours can have.
func (w *writer) open(name string, attrs ...string) {
	w.b = append(append(w.b, '<'), name...)
	for i := 0; i+1 < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			w.b = append(append(append(w.b, ' '), attrs[i]...), `="`...)
			w.b = append(appendAttr(w.b, attrs[i+1]), '"')
		}
	}
	w.b = append(w.b, '>')
}

func (w *writer) close(name string) {
	w.b = append(append(append(w.b, "</"...), name...), '>')
}

// leaf is an element with text.
func (w *writer) leaf(name, text string, attrs ...string) {
	w.open(name, attrs...)
	w.b = appendText(w.b, text)
	w.close(name)
}

// issuer writes our name and marks the place of the signature behind it.
func (w *writer) issuer(entityID string) {
	w.leaf("saml:Issuer", entityID, "xmlns:saml", nsAssertion)
	w.at = len(w.b)
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
