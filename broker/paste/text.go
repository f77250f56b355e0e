package paste

import (
	"encoding/base64"
	"net/url"
	"regexp"
	"strings"

	"cloakroom/broker/fault"
)

// maxNested is how often something may be wrapped in something else: base64 in a form field, say.
const maxNested = 3

// text tells what a whole text is and reads it as that.
func (r *reader) text(s string) { r.nested(s, maxNested) }

func (r *reader) nested(s string, left int) {
	if left == 0 {
		r.unknown("it is wrapped too often")
		return
	}
	if binary(s) {
		r.der([]byte(s), false)
		return
	}
	trimmed := strings.TrimSpace(s)
	if doc, ok := metadataIn(trimmed); ok {
		r.metadata(doc)
		return
	}
	switch {
	case isHTML(trimmed):
		r.say(fault.SAMLMetadataHTML, KindMetadataURL, "")
		return
	case message(trimmed) != "":
		r.find(fault.New(fault.PasteMessage, "%s", message(trimmed)))
		return
	case strings.HasPrefix(trimmed, "<?xml") || xmlStart.MatchString(trimmed):
		r.metadata(trimmed)
		return
	case strings.HasPrefix(trimmed, "{") && r.json(trimmed):
		return
	}
	if inner, ok := wrapped(trimmed); ok {
		if binary(inner) && (inner[0] == 0x30) {
			r.der([]byte(inner), true)
			return
		}
		r.nested(decode(inner), left-1)
		return
	}
	rest, found := r.pem(trimmed)
	if found && strings.TrimSpace(rest) == "" {
		return
	}
	r.lines(rest, found)
}

var (
	xmlStart = regexp.MustCompile(`^<(?:[A-Za-z][\w.-]*:)?[A-Za-z][\w.-]*[\s/>]`)
	entities = regexp.MustCompile(`<(?:[A-Za-z][\w.-]*:)?Entit(?:y|ies)Descriptor[\s>]`)
	messages = regexp.MustCompile(`^(?:<\?xml[^>]*\?>\s*)?<(?:[A-Za-z][\w.-]*:)?(Response|AuthnRequest|Assertion|LogoutRequest|LogoutResponse|EncryptedAssertion)[\s>]`)
	params   = regexp.MustCompile(`(?:^|[?&\s"'])(SAMLResponse|SAMLRequest|id_token|access_token|code)=[\w%+/.=-]{8,}`)
	jwt      = regexp.MustCompile(`^eyJ[\w-]{8,}\.[\w-]*(?:\.[\w-]*){1,3}$`)
)

// metadataIn cuts a metadata document out of the text around it: Okta shows it at the end of a page of instructions.
func metadataIn(s string) (string, bool) {
	at := entities.FindStringIndex(s)
	end := strings.LastIndexByte(s, '>')
	if at == nil || end < at[0] {
		return "", false
	}
	return s[at[0] : end+1], true
}

func isHTML(s string) bool {
	head := strings.ToLower(s[:min(len(s), 512)])
	return strings.HasPrefix(head, "<!doctype html") || strings.HasPrefix(head, "<html") || strings.Contains(head, "<head>") || strings.Contains(head, "<body")
}

// message names what of a single sign-in the text is, "" where it is no such thing.
func message(s string) string {
	if m := messages.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	if m := params.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	if jwt.MatchString(s) {
		return "a token"
	}
	return ""
}

// wrapped undoes base64 and, as in forms and addresses, %-encoding around it. Short texts are left alone: secrets are
// written in the same letters.
func wrapped(s string) (string, bool) {
	body := squeeze(s)
	if strings.Contains(body, "%") {
		if plain, err := url.QueryUnescape(body); err == nil {
			body = plain
		}
	}
	if len(body) < 100 || !base64Text.MatchString(body) {
		return "", false
	}
	out, err := unbase64(body)
	if err != nil || len(out) == 0 {
		return "", false
	}
	start := strings.TrimSpace(decode(string(out)))
	if out[0] != 0x30 && !strings.HasPrefix(start, "<") && !strings.HasPrefix(start, "-----BEGIN") && !strings.HasPrefix(start, "{") {
		return "", false
	}
	return string(out), true
}

var base64Text = regexp.MustCompile(`^[A-Za-z0-9+/_-]+={0,2}$`)

// unbase64 takes either alphabet, padded or not.
func unbase64(s string) ([]byte, error) {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	return base64.RawStdEncoding.DecodeString(s)
}
