package templates_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"regexp"
	"strings"
	"testing"

	"cloakroom/templates"
)

func TestStaticFiles(t *testing.T) {
	r := renderer(t)
	for name, kind := range map[string]string{"app.css": "text/css", "post.js": "text/javascript", "copy.js": "text/javascript", "leave.js": "text/javascript", "favicon.svg": "image/svg+xml"} {
		url := r.Asset(name)
		if !regexp.MustCompile(`^/static/[a-z]+\.[0-9a-f]{12}\.(css|js|svg)$`).MatchString(url) {
			t.Errorf("%s is at %s", name, url)
		}
		hashed, ok := r.Static(strings.TrimPrefix(url, "/static/"))
		plain, okPlain := r.Static(name)
		if !ok || !okPlain || !hashed.Immutable || plain.Immutable || !bytes.Equal(hashed.Data, plain.Data) || hashed.ETag != plain.ETag {
			t.Errorf("%s: hashed and plain name do not give the same file", name)
		}
		if !strings.HasPrefix(hashed.ContentType, kind) {
			t.Errorf("%s is %s", name, hashed.ContentType)
		}
		if hashed.Gzip != nil && !bytes.Equal(unpack(t, hashed.Gzip), hashed.Data) {
			t.Errorf("%s: the compressed form is another file", name)
		}
	}
	for _, name := range []string{"", "../render.go", "app.css/", "none.js", "accent/", "accent/123456", "accent/12345g.css", "accent/123456.css.css"} {
		if _, ok := r.Static(name); ok {
			t.Errorf("%q is served", name)
		}
	}
}

func unpack(t *testing.T, data []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStyleSheetIsSmallAndSelfContained(t *testing.T) {
	css, _ := renderer(t).Static("app.css")
	if len(css.Data) > 30<<10 {
		t.Errorf("%d bytes", len(css.Data))
	}
	if m := regexp.MustCompile(`url\(|@import|https?:`).Find(regexp.MustCompile(`a\[href\^="http"\]`).ReplaceAll(css.Data, nil)); m != nil {
		t.Errorf("the style sheet fetches: %s", m)
	}
	if physical := regexp.MustCompile(`\b(margin|padding|border)-(left|right|top|bottom)\b|text-align: (left|right)`).Find(css.Data); physical != nil {
		t.Errorf("%s does not follow the direction of the script", physical)
	}
}

var sheet = regexp.MustCompile(`^:root\{--accent:(#\w{6});--on-accent:(#\w{6});--accent-ink:light-dark\((#\w{6}),(#\w{6})\)\}\n$`)

// TestAccentCanBeRead tries colours from all over the space: text on a button, and the colour as text in both themes.
func TestAccentCanBeRead(t *testing.T) {
	for r := 0; r < 256; r += 17 {
		for g := 0; g < 256; g += 17 {
			for b := 0; b < 256; b += 17 {
				colour := fmt.Sprintf("#%02x%02x%02x", r, g, b)
				css, ok := templates.AccentCSS(colour)
				m := sheet.FindStringSubmatch(string(css))
				if !ok || m == nil || m[1] != colour {
					t.Fatalf("%s: %s", colour, css)
				}
				for _, pair := range [][2]string{{m[1], m[2]}, {m[3], "#f3f4f6"}, {m[3], "#ffffff"}, {m[4], "#1b1e24"}, {m[4], "#121418"}} {
					if c := wcag(pair[0], pair[1]); c < 4.5 {
						t.Errorf("%s: %s on %s has %.2f:1", colour, pair[0], pair[1], c)
					}
				}
			}
		}
	}
}

// wcag is the contrast ratio as WCAG 2.2 defines it.
func wcag(a, b string) float64 {
	luminance := func(s string) (l float64) {
		var c [3]int
		_, _ = fmt.Sscanf(s, "#%02x%02x%02x", &c[0], &c[1], &c[2])
		for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
			v := float64(c[i]) / 255
			if v <= 0.04045 {
				l += weight * v / 12.92
			} else {
				l += weight * math.Pow((v+0.055)/1.055, 2.4)
			}
		}
		return l
	}
	x, y := luminance(a), luminance(b)
	return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05)
}

func TestAccentTakesColoursOnly(t *testing.T) {
	for _, s := range []string{"", "red", "#fff", "#12345", "#1234567", "#12345g", "#123456}body{display:none", "123456", " #123456"} {
		if _, ok := templates.AccentCSS(s); ok || templates.AccentURL(s) != "" {
			t.Errorf("%q is taken for a colour", s)
		}
	}
	if got := templates.AccentURL("#1A73E8"); got != "/static/accent/1a73e8.css" {
		t.Errorf("AccentURL = %s", got)
	}
}

// TestHouseColoursCanBeRead reads the tokens out of the style sheet itself.
func TestHouseColoursCanBeRead(t *testing.T) {
	css, _ := renderer(t).Static("app.css")
	token := map[string][2]string{}
	for _, m := range regexp.MustCompile(`--([a-z-]+): light-dark\((#\w+), (#\w+)\)`).FindAllStringSubmatch(string(css.Data), -1) {
		token[m[1]] = [2]string{long(m[2]), long(m[3])}
	}
	for _, c := range []struct {
		text, ground string
		least        float64
	}{
		{"ink", "card", 7}, {"ink", "bg", 7}, {"muted", "card", 4.5}, {"muted", "bg", 4.5}, {"muted", "soft", 4.5}, {"bad", "card", 4.5}, {"bad", "bg", 4.5},
		{"accent-ink", "card", 4.5}, {"accent-ink", "bg", 4.5}, {"edge", "card", 3}, {"edge", "bg", 3}, {"good", "card", 3},
	} {
		for i, theme := range []string{"light", "dark"} {
			if got := wcag(token[c.text][i], token[c.ground][i]); !(got >= c.least) {
				t.Errorf("%s: --%s on --%s has %.2f:1, needs %.1f:1", theme, c.text, c.ground, got, c.least)
			}
		}
	}
}

func long(hex string) string {
	if len(hex) == 4 {
		return "#" + strings.Repeat(hex[1:2], 2) + strings.Repeat(hex[2:3], 2) + strings.Repeat(hex[3:4], 2)
	}
	return hex
}
