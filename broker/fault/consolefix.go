package fault

// ConsoleFix is what to click in the console of a preset about a fault that the provider shows on its own pages, and the
// fields that it names; "" where nothing more is known than the catalogue's fix.
func ConsoleFix(preset, protocol string, code Code) (fix string, labels []string) {
	f, ok := consoles[preset][code]
	if !ok {
		return "", nil
	}
	return f.text(protocol), f.labels(protocol)
}
