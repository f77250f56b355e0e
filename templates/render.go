// Package templates holds what people see: a struct for each page, the HTML that shows it, its texts in six languages
// and the static files, all embedded. Pages carry no inline script, style or event handler and need no script to work.
package templates

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"sync"

	"cloakroom/templates/locale"
)

//go:embed layout/*.html pages/*.html
var sources embed.FS

// Page is one of this package's page structs.
type Page interface {
	Name() string // names the file in pages/
	frame() Shell
}

// Renderer holds every page parsed and every static file compressed. It is safe for concurrent use.
type Renderer struct {
	pages   map[string]*template.Template
	files   files
	buffers sync.Pool
}

// New parses everything once.
func New() (*Renderer, error) {
	if err := locale.Load(); err != nil {
		return nil, err
	}
	files, err := loadFiles()
	if err != nil {
		return nil, err
	}
	r := &Renderer{pages: map[string]*template.Template{}, files: files}
	r.buffers.New = func() any { return new(bytes.Buffer) }
	base, err := template.New("").Funcs(r.funcs()).ParseFS(sources, "layout/*.html")
	if err != nil {
		return nil, err
	}
	entries, err := sources.ReadDir("pages")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		t, err := template.Must(base.Clone()).ParseFS(sources, "pages/"+e.Name())
		if err != nil {
			return nil, err
		}
		r.pages[strings.TrimSuffix(e.Name(), ".html")] = t.Lookup(e.Name())
	}
	return r, nil
}

// Render writes the page whole, or nothing and an error.
func (r *Renderer) Render(w io.Writer, page Page) error {
	t, ok := r.pages[page.Name()]
	if !ok {
		return fmt.Errorf("templates: no page %q", page.Name())
	}
	buf := r.buffers.Get().(*bytes.Buffer)
	defer r.buffers.Put(buf)
	buf.Reset()
	if err := t.Execute(buf, page); err != nil {
		return fmt.Errorf("templates: page %s: %w", page.Name(), err)
	}
	_, err := w.Write(buf.Bytes())
	return err
}

func (r *Renderer) funcs() template.FuncMap {
	return template.FuncMap{
		"asset":   r.Asset,
		"clean":   Clean,
		"initial": initial,
		"link":    link,
		"redact":  redact,
		"rich":    rich,
	}
}
