// Package mail writes the mails that people get: a struct for each, rendered as subject, plain text and HTML in six
// languages. Text and HTML say the same. The HTML loads nothing and works in light and dark.
package mail

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/url"
	"sync"
	texttemplate "text/template"

	"cloakroom/templates"
)

// Mail is one of this package's structs.
type Mail interface {
	Kind() string
	head() Head
	write(w *writer) letter
}

// Content is a mail rendered.
type Content struct {
	Locale, Subject, Text, HTML string
}

// letter is a mail's texts, before they are set.
type letter struct {
	subject string
	title   string // empty: the subject
	before  []string
	code    string
	facts   []fact
	links   []fact // values are addresses of the web
	action  string
	url     string
	after   []string
}

type fact struct{ Label, Value string }

// page is what the two templates draw.
type page struct {
	Lang, Sender, Subject, Title string
	Before                       []string
	Code                         string
	Facts, Links                 []fact
	Action, URL, Bare            string
	After                        []string
	Footer                       []string
	Fill, OnFill, Ink, DarkInk   template.CSS
}

//go:embed mail.html mail.txt
var sources embed.FS

type parsed struct {
	html *template.Template
	text *texttemplate.Template
}

var parse = sync.OnceValues(func() (p parsed, err error) {
	if p.html, err = template.ParseFS(sources, "mail.html"); err == nil {
		p.text, err = texttemplate.ParseFS(sources, "mail.txt")
	}
	return p, err
})

// Render writes a mail. It fails where the mail's address to click is not one of the web, or its texts have a hole.
func Render(m Mail) (Content, error) {
	tpl, err := parse()
	if err != nil {
		return Content{}, err
	}
	w, err := newWriter(m.head().Locale)
	if err != nil {
		return Content{}, err
	}
	p, err := w.page(m)
	if err != nil {
		return Content{}, fmt.Errorf("mail %s: %w", m.Kind(), err)
	}
	var text, html bytes.Buffer
	if err := tpl.text.Execute(&text, p); err != nil {
		return Content{}, err
	}
	if err := tpl.html.Execute(&html, p); err != nil {
		return Content{}, err
	}
	return Content{Locale: w.lang, Subject: p.Subject, Text: text.String(), HTML: html.String()}, nil
}

func (w *writer) page(m Mail) (page, error) {
	h, l := m.head(), m.write(w)
	if h.Name == "" {
		h.Name = "Cloakroom"
	}
	if l.title == "" {
		l.title = l.subject
	}
	if l.url != "" || l.action != "" {
		var err error
		if l.url, err = webAddress(l.url); err != nil {
			return page{}, err
		}
	}
	for i := range l.links {
		var err error
		if l.links[i].Value, err = webAddress(l.links[i].Value); err != nil {
			return page{}, err
		}
	}
	p := page{
		Lang: w.lang, Sender: name(h.Name), Subject: l.subject, Title: l.title, Before: l.before, Code: l.code, Facts: l.facts, Links: l.links,
		Action: l.action, URL: l.url, Bare: w.t("frame.bare", nil), After: l.after, Footer: []string{w.t("frame.sender", values{"Name": name(h.Name)})},
	}
	if h.Reference != "" {
		p.Footer = append([]string{w.t("frame.reference", values{"Ref": plain(h.Reference)})}, p.Footer...)
	}
	p.colours(h.Colour)
	return p, w.err
}

func webAddress(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", fmt.Errorf("%q is no address to send people to", s)
	}
	return u.String(), nil
}

// plainColour is the pages' own, for realms that have none.
const plainColour = "#2457a6"

func (p *page) colours(colour string) {
	c, ok := templates.AccentOf(colour)
	if !ok {
		c, _ = templates.AccentOf(plainColour)
	}
	p.Fill, p.OnFill, p.Ink, p.DarkInk = template.CSS(c.Fill), template.CSS(c.OnFill), template.CSS(c.Ink), template.CSS(c.DarkInk)
}
