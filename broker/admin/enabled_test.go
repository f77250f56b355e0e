package admin_test

import (
	"bytes"
	"strings"
	"testing"

	"cloakroom/broker/admin"
)

// What is left out is switched on; what is switched off stays off through export and apply.
func TestEnabledByDefault(t *testing.T) {
	const manifest = `realms:
  - name: acme
    connections:
      - {slug: on, protocol: saml}
      - {slug: off, protocol: saml, enabled: false}
    clients:
      - {client_id: on, redirect_uris: ["https://app.example/cb"]}
      - {client_id: off, enabled: false, redirect_uris: ["https://app.example/cb"]}
`
	h := newHouse(t)
	read := func(in string) string {
		t.Helper()
		if _, err := h.Apply(ctx, owner, strings.NewReader(in), admin.ApplyOptions{}); err != nil {
			t.Fatal(err)
		}
		for _, slug := range []string{"on", "off"} {
			c, err := h.GetConnection(ctx, owner, "acme", slug)
			if err != nil || c.Enabled != (slug == "on") {
				t.Errorf("connection %s: %v, %v", slug, c, err)
			}
			k, err := h.GetClient(ctx, owner, "acme", slug)
			if err != nil || k.Enabled != (slug == "on") {
				t.Errorf("client %s: %v, %v", slug, k, err)
			}
		}
		var out bytes.Buffer
		if err := h.Export(ctx, owner, "acme", &out, true); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	first := read(manifest)
	if again := read(first); again != first {
		t.Errorf("exported\n%s\nthen\n%s", first, again)
	}
}
