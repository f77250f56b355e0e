package templates_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"cloakroom/templates"
	"cloakroom/templates/locale"
)

var preview = flag.String("preview", "", "write every page to this directory as files to open in a browser")

// TestPreview writes all pages, in all languages and both themes, to look at:
//
//	go test ./templates -run TestPreview -preview /tmp/pages
func TestPreview(t *testing.T) {
	if *preview == "" {
		t.Skip("needs -preview DIR")
	}
	r := renderer(t)
	static := regexp.MustCompile(`"/static/([^"]+)"`)
	leaving := regexp.MustCompile(`<script type="module" src="/static/(post|leave)[^>]*></script>`)
	for _, l := range locale.Languages() {
		for _, p := range samples(l.Code) {
			var b bytes.Buffer
			if err := r.Render(&b, p.page); err != nil {
				t.Fatal(err)
			}
			for _, m := range static.FindAllSubmatch(b.Bytes(), -1) {
				f, ok := r.Static(string(m[1]))
				if !ok {
					t.Fatalf("%s links to %s, which is not there", p.name, m[1])
				}
				write(t, filepath.Join("static", string(m[1])), f.Data)
			}
			// These two leave the page by themselves.
			html := leaving.ReplaceAll(b.Bytes(), nil)
			html = static.ReplaceAll(html, []byte(`"static/$1"`))
			for _, theme := range []string{"light", "dark"} {
				themed := bytes.Replace(html, []byte("<html "), fmt.Appendf(nil, "<html data-theme=%s ", theme), 1)
				write(t, fmt.Sprintf("%s.%s.%s.html", p.name, l.Code, theme), themed)
			}
		}
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	name = filepath.Join(*preview, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func renderer(t *testing.T) *templates.Renderer {
	t.Helper()
	r, err := templates.New()
	if err != nil {
		t.Fatal(err)
	}
	return r
}
