package saml_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/beevik/etree"

	"cloakroom/providers/providertest/samlidp"
)

// TestVendorStyles: an answer as each product writes it is taken, with its attributes under the names it uses.
func TestVendorStyles(t *testing.T) {
	const (
		soap    = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
		ms      = "http://schemas.microsoft.com/identity/claims/"
		uriName = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
		basic   = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
		oid     = "urn:oid:0.9.2342.19200300.100.1.3"
	)
	own := keys().own.cert
	for _, row := range []struct {
		vendor string
		shape  func(*world, *samlidp.Response)
		want   map[string][]string
	}{
		{"okta", func(w *world, r *samlidp.Response) {
			r.Style = samlidp.Style{Protocol: "saml2p", Assertion: "saml2", Signature: "ds", Typed: true}
			r.SignResponse = w.idp.Signature()
			r.SignResponse.Inclusive, r.SignAssertion.Inclusive = "xs", "xs"
			r.Attributes = []samlidp.Attribute{{Name: "email", Format: basic, Values: []string{jane.Email}}, {Name: "groups", Values: []string{"Everyone", "R&D <1>"}}}
			r.SessionNotOnOrAfter = time.Time{}
		}, map[string][]string{"email": {jane.Email}, "groups": {"Everyone", "R&D <1>"}}},
		{"entra", func(_ *world, r *samlidp.Response) {
			r.Style = samlidp.Style{Protocol: "samlp"}
			r.SignAssertion.Prefix = "-"
			r.NotOnOrAfter = now.Add(70 * time.Minute)
			r.Attributes = []samlidp.Attribute{{Name: ms + "tenantid", Values: []string{"t"}}, {Name: ms + "objectidentifier", Values: []string{"o"}}, {Name: soap + "emailaddress", Values: []string{jane.Email}}}
		}, map[string][]string{ms + "tenantid": {"t"}, ms + "objectidentifier": {"o"}, soap + "emailaddress": {jane.Email}}},
		{"adfs", func(_ *world, r *samlidp.Response) {
			r.Style = samlidp.Style{Protocol: "samlp"}
			r.NameID = ""
			r.Encrypt = &samlidp.Encryption{To: own, NameRecipient: true}
			r.ACR = "urn:federation:authentication:windows"
			r.Attributes = []samlidp.Attribute{{Name: soap + "emailaddress", Values: []string{jane.Email}}}
		}, map[string][]string{soap + "emailaddress": {jane.Email}}},
		{"google", func(w *world, r *samlidp.Response) {
			r.Style = samlidp.Style{Protocol: "saml2p", Assertion: "saml2", Typed: true}
			r.SignAssertion, r.SignResponse = nil, w.idp.Signature()
			r.Attributes = []samlidp.Attribute{{Name: "email", Values: []string{jane.Email}}}
		}, map[string][]string{"email": {jane.Email}}},
		{"onelogin", func(w *world, r *samlidp.Response) {
			r.Style = samlidp.Style{Protocol: "samlp", Assertion: "saml", Typed: true, Indent: true}
			r.SignAssertion, r.SignResponse = nil, w.idp.Signature()
			r.Audiences = [][]string{{"https://app.onelogin.com/other", entityID}}
			r.Attributes = []samlidp.Attribute{{Name: "User.email", Format: basic, Values: []string{jane.Email}}}
		}, map[string][]string{"User.email": {jane.Email}}},
		{"shibboleth", func(w *world, r *samlidp.Response) {
			r.Style = samlidp.Style{Protocol: "saml2p", Assertion: "saml2"}
			r.SignAssertion, r.SignResponse = nil, w.idp.Signature()
			r.NameIDFormat, r.NameQualifier, r.SPNameQualifier = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient", w.idp.EntityID, entityID
			r.Encrypt = &samlidp.Encryption{To: own, Data: "http://www.w3.org/2009/xmlenc11#aes128-gcm"}
			r.Attributes = []samlidp.Attribute{{Name: oid, Format: uriName, FriendlyName: "mail", Values: []string{jane.Email}}}
		}, map[string][]string{oid: {jane.Email}, "mail": {jane.Email}}},
		{"keycloak", func(w *world, r *samlidp.Response) {
			r.Style = samlidp.Style{Protocol: "samlp", Assertion: "saml", DeclareAtRoot: true}
			r.SignAssertion, r.SignResponse = nil, w.idp.Signature()
			r.SignResponse.Prefix = "dsig"
			r.NameIDFormat = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
			r.Attributes = []samlidp.Attribute{{Name: "Role", Values: []string{"a"}}, {Name: "Role", Values: []string{"b"}}}
		}, map[string][]string{"Role": {"a", "b"}}},
		{"keycloak, assertion signed, namespaces at the root", func(_ *world, r *samlidp.Response) {
			r.Style = samlidp.Style{Protocol: "samlp", Assertion: "saml", DeclareAtRoot: true}
			r.Attributes = nil
		}, map[string][]string{}},
		{"pingfederate", func(_ *world, r *samlidp.Response) {
			r.Style = samlidp.Style{Protocol: "samlp", Assertion: "saml", Typed: true}
			r.InResponseTo = r.Confirmations[0].InResponseTo
			r.Destination = ""
			r.Attributes = []samlidp.Attribute{{Name: "mail", Format: basic, Values: []string{jane.Email}}}
		}, map[string][]string{"mail": {jane.Email}}},
	} {
		t.Run(row.vendor, func(t *testing.T) {
			w := newWorld(t, nil)
			r := w.answer()
			row.shape(w, &r)
			id, err := w.finish(r)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(id.Attributes, row.want) {
				t.Errorf("got %v, want %v", id.Attributes, row.want)
			}
			if id.Subject != r.NameID || id.NameQualifier != r.NameQualifier || id.SPNameQualifier != r.SPNameQualifier {
				t.Errorf("%+v", id)
			}
		})
	}
}

func TestAttributeValues(t *testing.T) {
	w := newWorld(t, nil)
	r := w.answer()
	r.Attributes = []samlidp.Attribute{
		{Name: "real", Values: []string{"mine"}},
		{Name: "urn:other", FriendlyName: "real", Values: []string{"not the real one"}},
		{Name: "http://schemas.microsoft.com/claims/groups.link", Values: []string{"https://graph.example"}},
		{Name: "nil", Values: []string{"x"}}, {Name: "targeted", FriendlyName: "eduPersonTargetedID", Values: []string{""}},
		{Name: "split", Values: []string{"one"}}, {Name: "none"}, {Name: "wide", Values: []string{"  a\u200bb é "}},
	}
	r.Assertion = func(root *etree.Element) {
		st := find(root, "Assertion/AttributeStatement")
		at := st.SelectElements("Attribute")
		at[3].SelectElement("AttributeValue").CreateAttr("xsi:nil", "true")
		n := at[4].SelectElement("AttributeValue").CreateElement("saml:NameID")
		n.SetText("opaque")
		second := st.Parent().CreateElement("saml:AttributeStatement")
		extra := at[5].Copy()
		extra.SelectElement("AttributeValue").SetText("two")
		second.AddChild(extra)
	}
	id, err := w.finish(r)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"real": {"mine"}, "urn:other": {"not the real one"}, "targeted": {"opaque"}, "eduPersonTargetedID": {"opaque"},
		"split": {"one", "two"}, "wide": {"a\u200bb é"}, "http://schemas.microsoft.com/claims/groups.link": {"https://graph.example"},
	}
	if !reflect.DeepEqual(id.Attributes, want) || !id.GroupsOmitted {
		t.Errorf("got %v", id.Attributes)
	}
}

// TestManyGroups: a person in thousands of groups signs in.
func TestManyGroups(t *testing.T) {
	w := newWorld(t, nil)
	r := w.answer()
	groups := make([]string, 4000)
	for i := range groups {
		groups[i] = "group"
	}
	r.Attributes = []samlidp.Attribute{{Name: "groups", Values: groups}}
	id, err := w.finish(r)
	if err != nil || len(id.Attributes["groups"]) != len(groups) {
		t.Errorf("%d groups, %v", len(id.Attributes["groups"]), err)
	}
}
