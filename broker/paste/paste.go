// Package paste reads whatever an administrator copies out of an identity provider's console and says which of a
// connection's settings it is, what was cut off or mended, and what is wrong with it: at once, without asking anybody
// and without touching the network. It is pure.
package paste

import (
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
)

// MaxText bounds what is read.
const MaxText = 1 << 20

// Own is our side of the connection: what must not come back as the provider's.
type Own struct {
	ACS, EntityID, RedirectURI string
	Certificates               []string // PEM
	BaseURL                    string
}

// Input is a paste and where it was pasted.
type Input struct {
	Preset, Protocol string
	// Field is the pointer of the setting that the text was pasted for ("/oidc/client_secret"), "" for the one field that
	// takes everything.
	Field string
	Text  string
	Own   Own
	// Has names the settings that the connection has already, by pointer: of two that a value could be, the missing one
	// is meant.
	Has map[string]bool
	// EntityID is the identity provider's name as the connection has it: of metadata that describes several, it is meant.
	EntityID string
	Now      time.Time
}

// Result is what a paste was. Set is the connection's new settings by JSON pointer; a text, or for certificates a list of
// texts. Findings are graded by Severity.
type Result struct {
	Kind     string // metadata_url, metadata, certificate, client_secret …, "several", "" for what was not understood
	Set      map[string]any
	Findings []*fault.Error
	// OtherPreset and OtherProtocol are what the value would fit, where it does not fit the connection.
	OtherPreset, OtherProtocol string
}

// Kinds of what can be pasted.
const (
	KindMetadataURL  = "metadata_url"
	KindMetadata     = "metadata"
	KindEntityID     = "entity_id"
	KindSSO          = "sso_url"
	KindSLO          = "slo_url"
	KindCertificate  = "certificate"
	KindIssuer       = "issuer"
	KindClientID     = "client_id"
	KindClientSecret = "client_secret"
	KindTenant       = "tenant"
	KindSeveral      = "several"
)

// Severity is how bad a finding is: a warning may still be right and is saved, an error is not.
func Severity(f *fault.Error) string {
	if fault.Lookup(f.Code).Status == 200 || slices.Contains(warnings, f.Code) {
		return "warning"
	}
	return "error"
}

// warnings are the codes of the protocols' own areas that do not stand in the way of saving.
var warnings = []fault.Code{fault.SAMLCertExpired, fault.SAMLCertExpiring, fault.SAMLCertNotYet, fault.SAMLCertSHA1, fault.SAMLMetadataExpired, fault.SAMLCertNotSigning}

// Refused says that a finding stands in the way of saving.
func (r Result) Refused() bool {
	return slices.ContainsFunc(r.Findings, func(f *fault.Error) bool { return Severity(f) == "error" })
}

// Read says what the text is. It never fails: what it cannot read is a finding.
func Read(in Input) Result {
	r := &reader{in: in, out: Result{Set: map[string]any{}}}
	r.read()
	if r.out.Refused() {
		r.out.Set = map[string]any{}
	}
	return r.out
}

// reader is one reading under way.
type reader struct {
	in    Input
	out   Result
	guids []string // without a label, where they could be more than one thing
}

func (r *reader) read() {
	if len(r.in.Text) > MaxText {
		r.find(fault.New(fault.PasteTooLarge, "%d bytes", len(r.in.Text)))
		return
	}
	text := decode(r.in.Text)
	if strings.TrimSpace(text) == "" {
		r.find(fault.New(fault.PasteEmpty, ""))
		return
	}
	if r.in.Protocol == "ldap" {
		r.directory(text)
	} else {
		r.text(text)
	}
	if len(r.out.Findings) == 0 && len(r.out.Set) == 0 {
		r.unknown("nothing in it is a value")
	}
}

// find notes a finding, each code once.
func (r *reader) find(f *fault.Error) {
	if slices.ContainsFunc(r.out.Findings, func(o *fault.Error) bool { return o.Code == f.Code }) {
		return
	}
	r.out.Findings = append(r.out.Findings, f)
}

// set keeps a setting; a second one of another kind makes the paste one of several.
func (r *reader) set(kind string, value any) {
	switch r.out.Kind {
	case "", kind:
		r.out.Kind = kind
	default:
		r.out.Kind = KindSeveral
	}
	r.out.Set[r.pointer(kind)] = value
}

// pointer is where a kind of value stands in a connection of the protocol at hand.
func (r *reader) pointer(kind string) string {
	switch kind {
	case KindMetadata:
		return "/saml/metadata_xml"
	case KindCertificate:
		return "/saml/certificates"
	}
	return "/" + r.in.Protocol + "/" + kind
}

// field is the last part of the pointer that the text was pasted for.
func (r *reader) field() string {
	return r.in.Field[strings.LastIndexByte(r.in.Field, '/')+1:]
}
