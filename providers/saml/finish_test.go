package saml_test

import (
	"crypto"
	"reflect"
	"testing"

	"cloakroom/providers"
)

func signer(k keyPair) crypto.Signer { return k.key.(crypto.Signer) }

func TestFinishReadsTheIdentity(t *testing.T) {
	w := newWorld(t, nil)
	r := w.answer()
	id, err := w.finish(r)
	if err != nil {
		t.Fatal(err)
	}
	want := providers.Identity{
		Issuer: "https://idp.example/metadata", Subject: jane.Email, SubjectFormat: r.NameIDFormat,
		Attributes: map[string][]string{
			"id": {"u1"}, "email": {jane.Email}, "firstName": {"Jane"}, "lastName": {"Roe"}, "groups": {"staff", "admins"},
		},
		AuthTime: now, ACR: r.ACR, SessionIndex: r.SessionIndex, SessionUntil: r.SessionNotOnOrAfter,
		Once: id.Once,
	}
	if !reflect.DeepEqual(id, want) {
		t.Errorf("got  %+v\nwant %+v", id, want)
	}
	if len(id.Once) != 1 || id.Once[0].ID != r.AssertionID || !id.Once[0].Until.After(r.NotOnOrAfter) {
		t.Errorf("Once = %+v", id.Once)
	}
}
