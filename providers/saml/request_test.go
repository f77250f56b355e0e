package saml_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"
	dsig "github.com/russellhaering/goxmldsig"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

func inflate(t *testing.T, s string) []byte {
	t.Helper()
	b, err := io.ReadAll(flate.NewReader(bytes.NewReader(must(base64.StdEncoding.DecodeString(s)))))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func start(t *testing.T, w *world) (providers.Challenge, url.Values, *crewjam.AuthnRequest) {
	t.Helper()
	c, err := w.provider.Start(t.Context(), w.request)
	if err != nil {
		t.Fatal(err)
	}
	q := must(url.Parse(c.URL)).Query()
	var doc []byte
	if c.Form != nil {
		q = c.Form
		doc = must(base64.StdEncoding.DecodeString(q.Get("SAMLRequest")))
	} else {
		doc = inflate(t, q.Get("SAMLRequest"))
	}
	var req crewjam.AuthnRequest
	if err := xml.Unmarshal(doc, &req); err != nil {
		t.Fatalf("%v in %s", err, doc)
	}
	return c, q, &req
}

func TestStartAsksForNoMoreThanNeeded(t *testing.T) {
	w := newWorld(t, nil)
	c, q, req := start(t, w)
	if !strings.HasPrefix(c.URL, "https://idp.example/sso?SAMLRequest=") || q.Get("RelayState") != w.request.Handle || q.Has("Signature") {
		t.Errorf("%s", c.URL)
	}
	if req.ID != w.request.MessageID || req.Destination != "https://idp.example/sso" || req.AssertionConsumerServiceURL != callback ||
		req.ProtocolBinding != crewjam.HTTPPostBinding || req.Issuer.Value != entityID || req.Version != "2.0" || !req.IssueInstant.Equal(now) {
		t.Errorf("%+v", req)
	}
	if req.Subject != nil || req.NameIDPolicy != nil || req.RequestedAuthnContext != nil || req.ForceAuthn != nil || req.IsPassive != nil {
		t.Errorf("asks for too much: %+v", req)
	}
}

func TestStartAsksForWhatIsWanted(t *testing.T) {
	const email, mfa, pw = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress", "https://refeds.org/profile/mfa", "urn:pw"
	w := newWorld(t, settings{"name_id_format": email, "requested_authn_context": []string{mfa, pw}, "preset": "entra"})
	w.request.ForceAuthn, w.request.Passive, w.request.LoginHint, w.request.ACR = true, true, "jane+x@acme.example", []string{mfa, "urn:other"}
	_, q, req := start(t, w)
	if *req.NameIDPolicy.Format != email || !*req.ForceAuthn || !*req.IsPassive || req.RequestedAuthnContext.AuthnContextClassRef != mfa {
		t.Errorf("%+v", req)
	}
	if q.Get("login_hint") != "jane+x@acme.example" || req.Subject != nil {
		t.Errorf("%v", q)
	}
}

func TestStartEscapes(t *testing.T) {
	w := newWorld(t, nil)
	w.request.CallbackURL = `https://sso.example/?a=1&b="<c>"`
	_, _, req := start(t, w)
	if req.AssertionConsumerServiceURL != w.request.CallbackURL {
		t.Errorf("%q", req.AssertionConsumerServiceURL)
	}
}

func TestStartSignsTheQuery(t *testing.T) {
	w := newWorld(t, settings{"sign_requests": "always", "preset": "entra"})
	w.request.LoginHint = "jane@acme.example"
	c, q, _ := start(t, w)
	_, query, _ := strings.Cut(c.URL, "?")
	signed, rest, _ := strings.Cut(query, "&Signature=")
	if !strings.Contains(rest, "&login_hint=") || q.Get("SigAlg") != "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" {
		t.Errorf("%s", c.URL)
	}
	digest := sha256.Sum256([]byte(signed))
	public := signer(keys().own).Public().(*rsa.PublicKey)
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], must(base64.StdEncoding.DecodeString(q.Get("Signature")))); err != nil {
		t.Error(err)
	}
}

// validate checks one of our enveloped signatures with goxmldsig.
func validate(t *testing.T, doc []byte) {
	t.Helper()
	d := etree.NewDocument()
	if err := d.ReadFromBytes(doc); err != nil {
		t.Fatal(err)
	}
	store := &dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{must(x509.ParseCertificate(keys().own.cert))}}
	ctx := dsig.NewDefaultValidationContext(store)
	ctx.Clock = dsig.NewFakeClockAt(now)
	if _, err := ctx.Validate(d.Root()); err != nil {
		t.Errorf("%v in %s", err, doc)
	}
}

func TestStartSignsTheForm(t *testing.T) {
	w := newWorld(t, settings{"sign_requests": "always", "binding": "post", "name_id_format": "urn:x", "requested_authn_context": []string{"a&b"}})
	w.request.CallbackURL = `https://sso.example/?a=1&b="<c>"`
	c, q, req := start(t, w)
	if c.URL != "https://idp.example/sso" || q.Get("RelayState") != w.request.Handle || req.AssertionConsumerServiceURL != w.request.CallbackURL {
		t.Errorf("%+v", c)
	}
	validate(t, must(base64.StdEncoding.DecodeString(q.Get("SAMLRequest"))))
}

func TestBindingFallsBackToWhatIsOffered(t *testing.T) {
	redirectOnly := func(m string) string { return strings.ReplaceAll(m, "bindings:HTTP-POST", "bindings:SOAP") }
	postOnly := func(m string) string { return strings.ReplaceAll(m, "bindings:HTTP-Redirect", "bindings:SOAP") }
	w := newWorld(t, nil)
	for _, row := range []struct {
		binding string
		edit    func(string) string
		form    bool
	}{{"redirect", postOnly, true}, {"post", redirectOnly, false}, {"post", postOnly, true}, {"redirect", redirectOnly, false}} {
		w.provider = w.open(map[string]any{"metadata_xml": row.edit(string(w.idp.Metadata())), "binding": row.binding})
		if c, _, _ := start(t, w); (c.Form != nil) != row.form {
			t.Errorf("%s: %+v", row.binding, c)
		}
	}
}

func TestSignRequestsAuto(t *testing.T) {
	w := newWorld(t, nil)
	w.idp.WantSignedRequests = true
	for mode, want := range map[string]bool{"auto": true, "never": false, "always": true} {
		w.provider = w.open(map[string]any{"metadata_xml": string(w.idp.Metadata()), "sign_requests": mode})
		if _, q, _ := start(t, w); q.Has("Signature") != want {
			t.Errorf("%s: signed %v", mode, q.Has("Signature"))
		}
	}
}

func TestManualSettings(t *testing.T) {
	w := newWorld(t, nil)
	manual := map[string]any{"entity_id": w.idp.EntityID, "sso_url": "https://idp.example/other?x=1", "certificates": []string{pemOf(keys().idp.cert)}}
	w.provider = w.open(manual)
	if c, _, _ := start(t, w); !strings.HasPrefix(c.URL, "https://idp.example/other?x=1&SAMLRequest=") {
		t.Errorf("%s", c.URL)
	}
	if _, err := w.finish(w.answer()); err != nil {
		t.Error(err)
	}
	for missing, code := range map[string]fault.Code{"entity_id": fault.SAMLUnconfigured, "sso_url": fault.SAMLMetadataSSO, "certificates": fault.SAMLMetadataKeys} {
		some := map[string]any{}
		for k, v := range manual {
			if k != missing {
				some[k] = v
			}
		}
		p := w.open(some)
		if _, err := p.Start(t.Context(), w.request); fault.CodeOf(err) != code {
			t.Errorf("without %s: %v", missing, err)
		}
		id, err := p.Finish(t.Context(), w.request, posted(w.idp.Respond(w.answer()), ""))
		refused(t, id, err, code)
		if _, _, err := p.(providers.MetadataPublisher).Metadata(t.Context()); err != nil {
			t.Errorf("our own metadata must not wait for theirs: %v", err)
		}
	}
}

func TestHandle(t *testing.T) {
	w := newWorld(t, nil)
	h := w.provider.(providers.HandleFinder)
	message := w.idp.Respond(w.answer())
	unasked := w.answer()
	unasked.InResponseTo = ""
	long := w.answer()
	long.Raw = func(b []byte) []byte { return append([]byte("<!--"+strings.Repeat("x", 2<<20)+"-->"), b...) }
	for name, row := range map[string]struct {
		reply providers.Reply
		want  string
	}{
		"RelayState":          {posted(message, w.request.Handle), w.request.Handle},
		"RelayState lost":     {posted(message, ""), w.request.Handle},
		"RelayState replaced": {posted(message, "https://app.example/"), w.request.Handle},
		"wrapped base64":      {posted(wrapped(message), ""), w.request.Handle},
		"unsolicited":         {posted(w.idp.Respond(unasked), ""), ""},
		"nothing":             {providers.Reply{Method: "GET", Query: url.Values{}}, ""},
		"rubbish":             {posted("????", "x"), ""},
		"no XML":              {posted("AAAA", "x"), ""},
		"too far in":          {posted(w.idp.Respond(long), ""), ""},
	} {
		if got := h.Handle(row.reply); got != row.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
