package paste_test

import (
	"strings"
	"testing"

	"cloakroom/broker/fault"
	"cloakroom/broker/paste"
)

// Of a federation's metadata the identity provider that the connection names is taken; without a name, they are listed.
func TestSeveralProviders(t *testing.T) {
	der, _ := certificate(t, 0, nil)
	var both string
	for _, id := range []string{"https://one.example/idp", "https://two.example/idp"} {
		_, element, _ := strings.Cut(metadata(id, id+"/sso", der), "?>\n")
		both += element
	}
	doc := `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + both + `</md:EntitiesDescriptor>`
	for entity, refused := range map[string]bool{"https://two.example/idp": false, "": true, "https://three.example/idp": true} {
		res := paste.Read(paste.Input{Preset: "generic", Protocol: "saml", Text: doc, Own: own, EntityID: entity, Now: now})
		if res.Refused() != refused || !refused && res.Set["/saml/metadata_xml"] == nil {
			t.Errorf("%q: refused %v, %v", entity, res.Refused(), res.Findings)
		}
		if refused && (res.Findings[0].Code != fault.SAMLMetadataSeveral || !strings.Contains(res.Findings[0].Detail, "https://two.example/idp")) {
			t.Errorf("%q: %v", entity, res.Findings[0])
		}
	}
}
