package templates

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
)

//go:embed static
var staticFiles embed.FS

// File is one static file as it is served.
type File struct {
	Data, Gzip  []byte // Gzip is nil where compression gains nothing
	ContentType string
	ETag        string // strong, quoted
	Immutable   bool   // the name changes with the content: cache for ever
}

// files are the static files by the name they are served under, and that name by the plain one.
type files struct {
	served map[string]File
	hashed map[string]string
}

// contentTypes are spelled out: mime.TypeByExtension depends on the machine.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func loadFiles() (files, error) {
	fs := files{served: map[string]File{}, hashed: map[string]string{}}
	entries, err := staticFiles.ReadDir("static")
	if err != nil {
		return fs, err
	}
	for _, e := range entries {
		data, err := staticFiles.ReadFile("static/" + e.Name())
		if err != nil {
			return fs, err
		}
		ext := path.Ext(e.Name())
		if contentTypes[ext] == "" {
			return fs, fmt.Errorf("templates: static file %s has no content type", e.Name())
		}
		f := newFile(data, contentTypes[ext])
		fs.served[e.Name()] = f
		f.Immutable = true
		name := strings.TrimSuffix(e.Name(), ext) + "." + strings.Trim(f.ETag, `"`) + ext
		fs.served[name] = f
		fs.hashed[e.Name()] = name
	}
	return fs, nil
}

func newFile(data []byte, contentType string) File {
	sum := sha256.Sum256(data)
	f := File{Data: data, ContentType: contentType, ETag: `"` + hex.EncodeToString(sum[:6]) + `"`}
	if packed := compress(data); len(packed) < len(data) {
		f.Gzip = packed
	}
	return f
}

// compress packs data; writing to memory cannot fail.
func compress(data []byte) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// Asset is the address of a static file, with a hash of its content in the name: "app.css" -> "/static/app.<hash>.css".
func (r *Renderer) Asset(name string) string {
	if hashed, ok := r.files.hashed[name]; ok {
		return "/static/" + hashed
	}
	return "/static/" + name
}

// Static finds what is served at /static/<name>: a file under its hashed or its plain name, or accent/<rrggbb>.css.
func (r *Renderer) Static(name string) (File, bool) {
	if hex, ok := strings.CutPrefix(name, "accent/"); ok {
		css, ok := AccentCSS("#" + strings.TrimSuffix(hex, ".css"))
		if !ok || !strings.HasSuffix(hex, ".css") {
			return File{}, false
		}
		f := newFile(css, contentTypes[".css"])
		return f, true
	}
	f, ok := r.files.served[name]
	return f, ok
}
