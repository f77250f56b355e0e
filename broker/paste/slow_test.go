package paste_test

import (
	"strings"
	"testing"
	"time"

	"cloakroom/broker/paste"
)

// A paste as large as is taken is read in a moment, whatever it is made of.
func TestNothingIsSlow(t *testing.T) {
	for _, part := range []string{"a", " ", "-", "-----BEGIN X-----", "<", "<a>", "Client ID: x\n", "=", "=a ", "{", "[", "\"", "%41", "a.", "https://", "|", "\x00", "0\x82", "{\"a\":", "—BEGIN A—", "<md:EntityDescriptor>", "<md:EntityDescriptor ", "  a", "xX", "11111111-2222-3333-4444-555555555555\n", "your-", "[a"} {
		text := strings.Repeat(part, paste.MaxText/8/len(part)) // what grows faster than its input shows at this size already
		for _, protocol := range []string{"saml", "oidc"} {
			began := time.Now()
			paste.Read(paste.Input{Preset: "entra", Protocol: protocol, Text: text, Own: own, Now: now})
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%q, %s: %s", part, protocol, took)
			}
		}
	}
}
