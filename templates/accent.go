package templates

import (
	"fmt"
	"math"
	"regexp"
	"strings"
)

var hexColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// The harder ground of each theme for a colour to stand out from: --bg of the light one, --card of the dark one.
var (
	lightGround = rgb{0xf3 / 255.0, 0xf4 / 255.0, 0xf6 / 255.0}
	darkGround  = rgb{0x1b / 255.0, 0x1e / 255.0, 0x24 / 255.0}
)

// AccentURL is where the style sheet of a colour is served, "" for what is not a colour #rrggbb.
func AccentURL(colour string) string {
	if !hexColour.MatchString(colour) {
		return ""
	}
	return "/static/accent/" + strings.ToLower(colour[1:]) + ".css"
}

// AccentCSS is the style sheet that gives the pages a realm's colour, corrected where it would be hard to read (WCAG 2.2
// AA): the fill of buttons is the colour itself, text on it is black or white, whichever contrasts by 4.5:1 (one
// always does); the colour as text or outline is darkened or lightened in steps, for each theme, until it contrasts with
// page and card by 4.5:1. ok is false for what is not a colour #rrggbb.
func AccentCSS(colour string) (css []byte, ok bool) {
	if !hexColour.MatchString(colour) {
		return nil, false
	}
	fill := parseColour(colour)
	on := rgb{1, 1, 1}
	if contrast(fill, on) < 4.5 {
		on = rgb{}
	}
	light, dark := readable(fill, lightGround), readable(fill, darkGround)
	return fmt.Appendf(nil, ":root{--accent:%s;--on-accent:%s;--accent-ink:light-dark(%s,%s)}\n", fill, on, light, dark), true
}

// readable moves c towards black or white, away from the ground, until it can be read on it.
func readable(c, ground rgb) rgb {
	end := rgb{}
	if luminance(ground) < 0.18 {
		end = rgb{1, 1, 1}
	}
	out := c
	for step := 1; contrast(out, ground) < 4.6 && step <= 50; step++ {
		t := float64(step) / 50
		for i := range out {
			out[i] = c[i] + (end[i]-c[i])*t
		}
	}
	return out
}

// rgb is a colour in sRGB, each part from 0 to 1.
type rgb [3]float64

func (c rgb) String() string {
	b := [3]int{}
	for i, v := range c {
		b[i] = int(math.Round(v * 255))
	}
	return fmt.Sprintf("#%02x%02x%02x", b[0], b[1], b[2])
}

func parseColour(s string) rgb {
	var b [3]uint8
	_, _ = fmt.Sscanf(s, "#%02x%02x%02x", &b[0], &b[1], &b[2]) // matched by hexColour before
	return rgb{float64(b[0]) / 255, float64(b[1]) / 255, float64(b[2]) / 255}
}

// luminance and contrast are WCAG 2.2's relative luminance and contrast ratio.
func luminance(c rgb) float64 {
	linear := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

func contrast(a, b rgb) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}
