package templates

// Accent is a realm's colour in the four shapes it is used in, all #rrggbb.
type Accent struct {
	Fill, OnFill string // of buttons, and of the text on them
	Ink, DarkInk string // as text on the light and on the dark ground
}

// AccentOf is AccentCSS for where style sheets do not reach, as in mails.
func AccentOf(colour string) (a Accent, ok bool) {
	if !hexColour.MatchString(colour) {
		return Accent{}, false
	}
	fill := parseColour(colour)
	on := rgb{1, 1, 1}
	if contrast(fill, on) < 4.5 {
		on = rgb{}
	}
	return Accent{fill.String(), on.String(), readable(fill, lightGround).String(), readable(fill, darkGround).String()}, true
}
