package saml_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	crewjam "github.com/crewjam/saml"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/samlidp"
	"cloakroom/providers/saml"
)

func pemOf(der []byte) string { return samlidp.PEM(der) }

const md = `xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"`

func entities(parts ...string) string {
	return `<md:EntitiesDescriptor ` + md + `>` + strings.Join(parts, "") + `</md:EntitiesDescriptor>`
}

func TestMetadataFaults(t *testing.T) {
	w := newWorld(t, nil)
	good := string(w.idp.Metadata())
	sp := `<md:EntityDescriptor ` + md + ` entityID="https://sp.example"><md:SPSSODescriptor protocolSupportEnumeration="x"/></md:EntityDescriptor>`
	second := strings.ReplaceAll(good, w.idp.EntityID, "https://second.example")
	for _, row := range []struct {
		name, xml, entity string
		want              fault.Code
	}{
		{"good", good, "", ""},
		{"BOM and declaration", "\ufeff<?xml version=\"1.0\"?>\n" + good, "", ""},
		{"AD FS: an application's role beside it", strings.Replace(good, "<md:IDPSSODescriptor", `<md:RoleDescriptor/><md:SPSSODescriptor/><md:IDPSSODescriptor`, 1), "", ""},
		{"untyped key", strings.Replace(good, ` use="signing"`, "", 1), "", ""},
		{"federation, chosen", entities(second, sp, good), w.idp.EntityID, ""},
		{"federation within a federation", entities(sp, entities(good)), "", ""},
		{"one provider among applications", entities(sp, good), "", ""},
		{"HTML", "<!DOCTYPE html><html><body>Sign in</body></html>", "", fault.SAMLMetadataHTML},
		{"HTML without DOCTYPE", "\n <HTML>", "", fault.SAMLMetadataHTML},
		{"not XML", "nothing", "", fault.SAMLMetadataInvalid},
		{"another document", "<x/>", "", fault.SAMLMetadataInvalid},
		{"DOCTYPE", "<!DOCTYPE x>" + good, "", fault.SAMLMetadataInvalid},
		{"several", entities(good, second), "", fault.SAMLMetadataSeveral},
		{"none of that name", entities(good, second), "https://third.example", fault.SAMLMetadataEntity},
		{"another name", good, "https://third.example", fault.SAMLMetadataEntity},
		{"an application's", sp, "", fault.SAMLMetadataRole},
		{"an application's, chosen", entities(sp, good), "https://sp.example", fault.SAMLMetadataRole},
		{"no binding of ours", strings.ReplaceAll(good, "bindings:HTTP-", "bindings:X-"), "", fault.SAMLMetadataSSO},
		{"an address that is none", strings.ReplaceAll(good, "https://idp.example/sso", "javascript:alert(1)"), "", fault.SAMLMetadataSSO},
		{"only an encryption key", strings.Replace(good, `use="signing"`, `use="encryption"`, 1), "", fault.SAMLMetadataKeys},
		{"damaged certificate", strings.Replace(good, "<ds:X509Certificate>MII", "<ds:X509Certificate>MIIA", 1), "", fault.SAMLCertificate},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := saml.New().Open(w.settings(map[string]any{"metadata_xml": row.xml, "entity_id": row.entity}))
			if err == nil {
				_, err = p.Start(t.Context(), w.request)
			}
			if got := fault.CodeOf(err); got != row.want {
				t.Errorf("got %q (%v), want %q", got, err, row.want)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	w := newWorld(t, nil)
	for name, config := range map[string]map[string]any{
		"binding":       {"binding": "artifact"},
		"sign_requests": {"sign_requests": "maybe"},
		"encrypt":       {"encrypt": "x"},
		"metadata_url":  {"metadata_url": "ftp://x"},
		"sso_url":       {"sso_url": "javascript:alert(1)"},
		"clock_skew":    {"clock_skew": "1h"},
		"type":          {"binding": 1},
	} {
		if _, err := saml.New().Open(w.settings(config)); fault.CodeOf(err) != fault.SAMLConfig {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []string{"x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"} {
		if _, err := saml.New().Open(w.settings(map[string]any{"certificates": []string{c}})); fault.CodeOf(err) != fault.SAMLCertificate {
			t.Errorf("%q: %v", c, err)
		}
	}
}

// remote serves metadata that tests change.
type remote struct {
	*httptest.Server
	hits atomic.Int32
	body atomic.Value // string, or int for a status
}

func newRemote(t *testing.T, body any) *remote {
	r := &remote{}
	r.body.Store([]any{body})
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.hits.Add(1)
		switch b := r.body.Load().([]any)[0].(type) {
		case int:
			w.WriteHeader(b)
		case string:
			fmt.Fprint(w, b)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func TestMetadataFromItsAddress(t *testing.T) {
	w := newWorld(t, nil)
	r := newRemote(t, string(w.idp.Metadata()))
	s := w.settings(map[string]any{"metadata_url": r.URL})
	var remembered []byte
	background := make(chan struct{}, 8)
	s.Remember = func(_ context.Context, b []byte) error { remembered = b; return nil }
	s.Go = func(f func(context.Context)) { f(context.Background()); background <- struct{}{} }
	p := must(saml.New().Open(s))
	if r.hits.Load() != 0 {
		t.Error("Open touched the network")
	}
	use := func() error { _, err := p.Start(t.Context(), w.request); return err }
	for range 3 {
		if err := use(); err != nil {
			t.Fatal(err)
		}
	}
	if r.hits.Load() != 1 {
		t.Errorf("%d fetches", r.hits.Load())
	}

	// An hour later it is fetched in the background; its failure costs nobody anything.
	r.body.Store([]any{500})
	w.now = w.now.Add(61 * time.Minute)
	if err := use(); err != nil || r.hits.Load() != 2 {
		t.Errorf("%v after %d fetches", err, r.hits.Load())
	}
	if err := use(); err != nil || r.hits.Load() != 2 {
		t.Errorf("a failed fetch is not repeated at once: %v, %d", err, r.hits.Load())
	}

	// Another replica starts from what was remembered, without the provider.
	s.Stored = remembered
	p = must(saml.New().Open(s))
	r.Close()
	w.now = w.now.Add(-time.Minute)
	if err := use(); err != nil {
		t.Error(err)
	}
	// What was remembered of another address is not used.
	other := w.settings(map[string]any{"metadata_url": r.URL + "/other"})
	other.Stored = remembered
	p = must(saml.New().Open(other))
	if err := use(); fault.CodeOf(err) != fault.SAMLMetadataFetch {
		t.Errorf("%v", err)
	}
}

func TestMetadataAddressFaults(t *testing.T) {
	w := newWorld(t, nil)
	for _, row := range []struct {
		body any
		want fault.Code
	}{
		{404, fault.FetchStatus},
		{"<html>", fault.SAMLMetadataHTML},
		{strings.Repeat(" ", 1<<20+1), fault.FetchTooLarge},
		{strings.Replace(string(w.idp.Metadata()), "<md:EntityDescriptor", `<md:EntityDescriptor validUntil="2020-01-01T00:00:00Z"`, 1), fault.SAMLMetadataExpired},
		{strings.Replace(string(w.idp.Metadata()), "<md:EntityDescriptor", `<md:EntityDescriptor validUntil="2030-01-01T00:00:00Z"`, 1), ""},
	} {
		r := newRemote(t, row.body)
		p := w.open(map[string]any{"metadata_url": r.URL})
		if _, err := p.Start(t.Context(), w.request); fault.CodeOf(err) != row.want {
			t.Errorf("got %v, want %q", err, row.want)
		}
	}
}

// TestRollover: a provider that signs with a new key is asked for its metadata again, once a minute at most.
func TestRollover(t *testing.T) {
	w := newWorld(t, nil)
	r := newRemote(t, string(w.idp.Metadata()))
	w.provider = w.open(map[string]any{"metadata_url": r.URL})
	if _, err := w.finish(w.answer()); err != nil {
		t.Fatal(err)
	}
	k := keys().other
	w.idp.Key, w.idp.Certificate = signer(k), k.cert
	w.refuses(w.answer(), fault.SAMLSignatureKey)
	if r.hits.Load() != 1 {
		t.Errorf("fetched %d times within the minute", r.hits.Load())
	}
	w.now = w.now.Add(2 * time.Minute)
	w.refuses(w.answer(), fault.SAMLSignatureKey)
	r.body.Store([]any{string(w.idp.Metadata())})
	w.now = w.now.Add(2 * time.Minute)
	if _, err := w.finish(w.answer()); err != nil {
		t.Error(err)
	}
	if r.hits.Load() != 3 {
		t.Errorf("%d fetches", r.hits.Load())
	}
}

// TestHangingMetadata: one fetch for all who wait, and each leaves when its own time is up.
func TestHangingMetadata(t *testing.T) {
	w := newWorld(t, nil)
	var hits atomic.Int32
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1); <-release }))
	defer srv.Close()
	defer close(release)
	p := w.open(map[string]any{"metadata_url": srv.URL})
	done := make(chan error, 20)
	for range cap(done) {
		go func() {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			_, err := p.Start(ctx, w.request)
			done <- err
		}()
	}
	for range cap(done) {
		if err := <-done; fault.CodeOf(err) != fault.SAMLMetadataFetch {
			t.Errorf("%v", err)
		}
	}
	if hits.Load() > 1 {
		t.Errorf("%d fetches", hits.Load())
	}
}

func TestOwnMetadata(t *testing.T) {
	w := newWorld(t, settings{"sign_metadata": true, "name_id_format": "urn:x", "sign_requests": "always"})
	kind, doc, err := w.provider.(providers.MetadataPublisher).Metadata(t.Context())
	if err != nil || kind != "application/samlmetadata+xml" {
		t.Fatal(kind, err)
	}
	validate(t, doc)
	var e crewjam.EntityDescriptor
	if err := xml.Unmarshal(doc, &e); err != nil {
		t.Fatal(err)
	}
	sp := e.SPSSODescriptors[0]
	if e.EntityID != entityID || !*sp.AuthnRequestsSigned || !*sp.WantAssertionsSigned || !e.ValidUntil.IsZero() {
		t.Errorf("%+v", e)
	}
	if a := sp.AssertionConsumerServices; len(a) != 1 || a[0].Location != callback || a[0].Binding != crewjam.HTTPPostBinding || !*a[0].IsDefault || a[0].Index != 0 {
		t.Errorf("%+v", a)
	}
	uses := ""
	for _, k := range sp.KeyDescriptors {
		uses += k.Use + " "
	}
	if uses != "signing signing encryption " || len(sp.SingleLogoutServices) != 2 {
		t.Errorf("%q, %+v", uses, sp.SingleLogoutServices)
	}
	w = newWorld(t, settings{"encrypt": "never"})
	_, doc, _ = w.provider.(providers.MetadataPublisher).Metadata(t.Context())
	if strings.Contains(string(doc), "encryption") || strings.Contains(string(doc), "ds:Signature") || !strings.Contains(string(doc), `AuthnRequestsSigned="false"`) {
		t.Errorf("%s", doc)
	}
}

func TestPreflight(t *testing.T) {
	codes := func(s settings) string {
		w := newWorld(t, s)
		var out []string
		for _, f := range w.provider.(providers.Preflighter).Preflight(providers.WithoutProbes(t.Context())) {
			out = append(out, strings.TrimSuffix(f.Severity+" "+f.Check+" "+string(fault.CodeOf(f.Err)), " "))
			if f.Err != nil && fault.Lookup(fault.CodeOf(f.Err)).Fix == "" {
				t.Errorf("%v is not in the catalogue", f.Err)
			}
		}
		return strings.Join(out, "; ")
	}
	key := signer(keys().idp)
	cert := func(until time.Time) []string {
		return []string{pemOf(samlidp.NewCertificate(key, "x", now.AddDate(-3, 0, 0), until))}
	}
	for want, s := range map[string]settings{
		"ok metadata; ok certificate; ok sign_on":                                                                 nil,
		"ok metadata; warning certificate saml.certificate_expired; ok sign_on":                                   {"certificates": cert(now.AddDate(0, 0, -1))},
		"ok metadata; warning certificate saml.certificate_expiring; ok sign_on":                                  {"certificates": cert(now.AddDate(0, 0, 30))},
		"ok metadata; error certificate saml.certificate_weak; ok sign_on; warning manual saml.manual_differs":    {"certificates": []string{pemOf(keys().weak.cert)}},
		"ok metadata; error certificate saml.certificate_is_ours; ok sign_on; warning manual saml.manual_differs": {"certificates": []string{pemOf(keys().own.cert)}},
		"ok metadata; ok certificate; warning sign_on saml.sso_url_insecure; warning manual saml.manual_differs":  {"sso_url": "http://idp.example/sso"},
		"ok metadata; ok certificate; error sign_on saml.sso_url_not_for_us; warning manual saml.manual_differs":  {"sso_url": "https://x.okta.com/home/y/z"},
		"ok metadata; ok certificate; ok sign_on; warning settings saml.nameid_format_forced":                     {"preset": "okta", "name_id_format": "urn:x"},
		"ok metadata; ok certificate; ok sign_on; warning settings saml.authn_context_forced":                     {"requested_authn_context": []string{"x"}},
		"ok metadata; ok certificate; ok sign_on; warning settings saml.weakened; warning settings saml.weakened": {"allow_sha1": true, "allow_cbc": true},
		"error metadata saml.config_incomplete":                                                                   {"metadata_xml": ""},
	} {
		if got := codes(s); got != want {
			t.Errorf("%v:\n got %s\nwant %s", s, got, want)
		}
	}
	w := newWorld(t, nil)
	w.idp.WantSignedRequests = true
	if got := codes(settings{"metadata_xml": string(w.idp.Metadata()), "sign_requests": "never"}); !strings.HasSuffix(got, "error requests saml.request_signing_required") {
		t.Error(got)
	}
	old := strings.Replace(string(w.idp.Metadata()), "<md:EntityDescriptor", `<md:EntityDescriptor validUntil="2020-01-01T00:00:00Z"`, 1)
	if got := codes(settings{"metadata_xml": old}); !strings.HasPrefix(got, "ok metadata; warning metadata saml.metadata_expired") {
		t.Error(got)
	}
}
