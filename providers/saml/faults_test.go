package saml_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/saml"
)

type noNetwork struct{}

func (noNetwork) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("no network in this test")
}

// Without its own key a connection can neither sign nor show its metadata, and says so as ours to mend.
func TestOwnKeyMissing(t *testing.T) {
	w := newWorld(t, nil)
	for name, keys := range map[string]func(context.Context) ([]providers.Key, error){
		"none":    func(context.Context) ([]providers.Key, error) { return nil, nil },
		"no luck": func(context.Context) ([]providers.Key, error) { return nil, errors.New("the store is down") },
	} {
		s := w.settings(settings{"metadata_xml": string(w.idp.Metadata()), "sign_requests": "always"})
		s.Keys = keys
		p, err := saml.New().Open(s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Start(t.Context(), w.request); fault.CodeOf(err) != fault.SAMLOwnKey || fault.Lookup(fault.SAMLOwnKey).Side != fault.Ours {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Entra's metadata address without the application's ID is the tenant's: its certificates are not the ones that sign.
func TestTenantWideMetadata(t *testing.T) {
	const tenant = "https://login.microsoftonline.com/8f3b2c1d-0a4e-4f6b-9c7d-5e2a1b3c4d5e/federationmetadata/2007-06/federationmetadata.xml"
	for address, want := range map[string]bool{tenant: true, tenant + "?appid=2b7e1516-28ae-4d2a-abf7-158809cf4f3c": false} {
		s := newWorld(t, nil).settings(settings{"metadata_url": address, "preset": "entra"})
		s.HTTP = &http.Client{Transport: noNetwork{}}
		p, err := saml.New().Open(s)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range p.(providers.Preflighter).Preflight(t.Context()) {
			found = found || fault.CodeOf(f.Err) == fault.SAMLMetadataTenant
		}
		if found != want {
			t.Errorf("%s: told %v", address, found)
		}
	}
}
