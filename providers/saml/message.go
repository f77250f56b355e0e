package saml

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// formMessage decodes a message of the POST binding (SAML bindings, section 3.5.4).
func formMessage(value string) ([]byte, error) {
	if len(value) > messageLimits.bytes*3/2 {
		return nil, fault.New(fault.SAMLTooLarge, "%d characters of base64", len(value))
	}
	doc, err := decodeBase64(value)
	if err != nil {
		return nil, fault.Wrap(fault.SAMLEncoding, err, "%d characters", len(value))
	}
	return doc, nil
}

// queryMessage decodes a message of the redirect binding (section 3.4.4.1).
func queryMessage(value string) ([]byte, error) {
	packed, err := formMessage(value)
	if err != nil {
		return nil, err
	}
	doc, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), int64(messageLimits.bytes)+1))
	if err != nil {
		return nil, fault.Wrap(fault.SAMLEncoding, err, "the message cannot be inflated")
	}
	return doc, nil // parse refuses one byte too many
}

// values are the parameters of the side that the message came by.
func values(reply providers.Reply) url.Values {
	if reply.Method == http.MethodPost {
		return reply.Form
	}
	return reply.Query
}

// opening is what a message's root start tag says, read without checking anything else.
type opening struct{ name, inResponseTo string }

// peek reads the root start tag from the first few kilobytes of a message, in either binding. The zero opening stands for
// anything unreadable.
func peek(reply providers.Reply, param string) opening {
	const enough = 16 << 10
	value := values(reply).Get(param)
	if len(value) > enough {
		value = value[:enough]
	}
	value = strings.TrimRight(dropSpace(value), "=")
	start, err := base64.RawStdEncoding.DecodeString(value[:len(value)-tail(value, len(value) == enough)])
	if err != nil {
		return opening{}
	}
	var r io.Reader = bytes.NewReader(start)
	if reply.Method != http.MethodPost {
		r = io.LimitReader(flate.NewReader(r), enough)
	}
	return readOpening(xml.NewDecoder(r))
}

// tail is how many characters to leave away so that cut base64 decodes.
func tail(s string, cut bool) int {
	if cut || len(s)%4 == 1 {
		return len(s) % 4
	}
	return 0
}

func readOpening(d *xml.Decoder) opening {
	for range 16 {
		t, err := d.RawToken()
		if err != nil {
			return opening{}
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		o := opening{name: start.Name.Local}
		for _, a := range start.Attr {
			if a.Name.Space == "" && a.Name.Local == "InResponseTo" {
				o.inResponseTo = a.Value
			}
		}
		return o
	}
	return opening{}
}

// Handle finds the broker's handle: the RelayState, or the ID of our request where an identity provider loses that.
func (p *provider) Handle(reply providers.Reply) string {
	if s := values(reply).Get("RelayState"); isHandle(s) {
		return s
	}
	return handleOf(peek(reply, "SAMLResponse").inResponseTo)
}

func isHandle(s string) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && len(b) == 32
}

// handleOf turns an XML ID of ours back into the handle it was made from.
func handleOf(id string) string {
	digits, ok := strings.CutPrefix(id, "_")
	if !ok || len(digits) != 64 {
		return ""
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}
