package paste

import (
	"cloakroom/broker/fault"
	"cloakroom/providers/preset"
)

// takeField is what presets call a kind of value.
func takeField(protocol, kind string) string {
	switch {
	case kind == KindMetadata:
		return "metadata_xml"
	case kind == KindCertificate && protocol == "ldap":
		return KindAuthority
	case kind == KindCertificate:
		return "certificates"
	}
	return kind
}

// take finds the console's label of a kind of value; of metadata either the address or the file will do.
func (r *reader) take(kind string) (preset.Take, bool) {
	p, ok := preset.Get(r.in.Preset)
	if !ok {
		return preset.Take{}, false
	}
	list := p.Take(r.in.Protocol)
	for _, t := range list {
		if t.Field == takeField(r.in.Protocol, kind) {
			return t, true
		}
	}
	if len(list) > 0 && (kind == KindMetadataURL || kind == KindMetadata) {
		return list[0], true
	}
	return preset.Take{}, false
}

func (r *reader) labels(kind string) []string {
	if t, ok := r.take(kind); ok {
		return []string{t.Label}
	}
	return nil
}

// say notes a finding whose mending is to copy another value.
func (r *reader) say(code fault.Code, kind, format string, args ...any) {
	r.find(r.wording(code, kind, format, args...))
}

// wording is a finding whose mending is to copy another value: it names that in the console's words.
func (r *reader) wording(code fault.Code, kind, format string, args ...any) *fault.Error {
	f := fault.New(code, format, args...)
	t, ok := r.take(kind)
	if !ok {
		return f
	}
	p, _ := preset.Get(r.in.Preset)
	f.Labels = []string{t.Label}
	if t.Path != "" {
		f.Fix = f.Said.Tell("In %s copy %s (%s) and paste it here.", p.Title, t.Label, t.Path)
	} else {
		f.Fix = f.Said.Tell("In %s copy %s and paste it here.", p.Title, t.Label)
	}
	return f
}

// unknown says that the text is nothing that could be used.
func (r *reader) unknown(why string, args ...any) {
	kind := KindMetadataURL
	switch r.in.Protocol {
	case "saml":
	case "ldap":
		kind = KindServer
	default:
		kind = KindClientID
	}
	if r.in.Field != "" {
		kind = r.kindOfField()
	}
	r.say(fault.PasteUnknown, kind, why, args...)
}

// otherProtocol says that the value belongs to the other way of connecting this provider, and offers it.
func (r *reader) otherProtocol(protocol, what string) {
	f := fault.New(fault.PasteProtocol, "%s", what)
	if p, ok := preset.Get(r.in.Preset); ok && p.Speaks(protocol) {
		r.out.OtherPreset, r.out.OtherProtocol = r.in.Preset, protocol
	} else {
		r.out.OtherPreset, r.out.OtherProtocol = "generic", protocol
	}
	r.find(f)
}

// otherProvider says that the value is of another provider, and offers that.
func (r *reader) otherProvider(name, observed string) {
	p, ok := preset.Get(name)
	if !ok {
		return
	}
	protocol := r.in.Protocol
	if !p.Speaks(protocol) {
		protocol = p.Protocols[0]
	}
	own, _ := preset.Get(r.in.Preset)
	f := fault.New(fault.PasteProvider, "it is of %s", p.Title)
	f.Observed, f.Expected = p.Title, own.Title
	if observed != "" {
		f.Detail = f.Said.Tell("it is of %s: %s", p.Title, clip(observed))
	}
	r.out.OtherPreset, r.out.OtherProtocol = name, protocol
	r.find(f)
}

// clip keeps a stranger's text short in a finding.
func clip(s string) string {
	runes := []rune(s)
	if len(runes) > 200 {
		return string(runes[:199]) + "…"
	}
	return s
}
