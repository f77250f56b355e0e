package saml_test

import (
	"crypto"
	"reflect"
	"testing"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/samlidp"
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

// TestAssertionIDsAreRememberedLongEnough: past every time at which the assertion could still be taken, and no longer
// than an hour and a little, whatever it says.
func TestAssertionIDsAreRememberedLongEnough(t *testing.T) {
	w := newWorld(t, nil)
	for _, life := range []time.Duration{5 * time.Minute, 70 * time.Minute, 1000 * time.Hour} {
		w.now = now
		r := w.answer()
		r.NotOnOrAfter, r.Confirmations[0].NotOnOrAfter = now.Add(life), now.Add(life)
		id, err := w.finish(r)
		if err != nil {
			t.Fatal(err)
		}
		until := id.Once[0].Until
		if until.After(now.Add(time.Hour + 2*time.Minute)) {
			t.Errorf("%s: remembered until %s", life, until)
		}
		w.now = until
		r.SessionNotOnOrAfter = time.Time{}
		if _, err := w.finish(r); fault.CodeOf(err) != fault.SAMLExpired {
			t.Errorf("%s: still taken when forgotten: %v", life, err)
		}
	}
}

func TestAliasesAreOurs(t *testing.T) {
	w := newWorld(t, nil)
	const alias = "https://sso.example/realms/acme/broker/acme/endpoint"
	r := w.answer()
	r.Destination, r.Confirmations[0].Recipient = alias, alias
	if _, err := w.finish(r); err != nil {
		t.Error(err)
	}
}

// TestOneGoodConfirmationIsEnough, whichever it is.
func TestOneGoodConfirmationIsEnough(t *testing.T) {
	w := newWorld(t, nil)
	r := w.answer()
	good := r.Confirmations[0]
	bad := good
	bad.Recipient = "https://other.example"
	for _, c := range [][]samlidp.Confirmation{{good, bad}, {bad, good}, {{Method: "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"}, good}} {
		r.Confirmations = c
		if _, err := w.finish(r); err != nil {
			t.Error(err)
		}
	}
}
