package saml_test

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	crewjam "github.com/crewjam/saml"

	"cloakroom/broker/fault"
	"cloakroom/providers"
	"cloakroom/providers/providertest/samlidp"
)

func got(address string) providers.Reply {
	u := must(url.Parse(address))
	return providers.Reply{Method: http.MethodGet, URL: u, Query: u.Query()}
}

func postedAs(param string, doc []byte) providers.Reply {
	return providers.Reply{Method: http.MethodPost, URL: must(url.Parse(logout)), Form: url.Values{param: {base64.StdEncoding.EncodeToString(doc)}}}
}

func (w *world) logout() providers.LogoutReceiver { return w.provider.(providers.LogoutReceiver) }

func TestStartLogout(t *testing.T) {
	w := newWorld(t, nil)
	id := providers.Identity{Subject: "a&b", SubjectFormat: samlidp.EmailFormat, NameQualifier: "n", SPNameQualifier: "s", SessionIndex: "_1"}
	c, ok, err := w.provider.(providers.LogoutStarter).StartLogout(t.Context(), w.request, id, logout)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	q := must(url.Parse(c.URL)).Query()
	var req crewjam.LogoutRequest
	if err := xml.Unmarshal(inflate(t, q.Get("SAMLRequest")), &req); err != nil {
		t.Fatal(err)
	}
	if req.NameID.Value != "a&b" || req.NameID.Format != samlidp.EmailFormat || req.NameID.NameQualifier != "n" || req.NameID.SPNameQualifier != "s" ||
		req.SessionIndex.Value != "_1" || req.ID != w.request.MessageID || req.Destination != "https://idp.example/slo" || !q.Has("Signature") {
		t.Errorf("%+v", req)
	}
	w.provider = w.open(map[string]any{"metadata_xml": string(w.idp.Metadata()), "binding": "post"})
	c, _, _ = w.provider.(providers.LogoutStarter).StartLogout(t.Context(), w.request, id, logout)
	validate(t, must(base64.StdEncoding.DecodeString(c.Form.Get("SAMLRequest"))))
	if _, ok, err := w.provider.(providers.LogoutStarter).StartLogout(t.Context(), w.request, providers.Identity{}, logout); ok || err != nil {
		t.Error("logout of nobody", err)
	}
	bare := strings.ReplaceAll(string(w.idp.Metadata()), "SingleLogoutService", "ManageNameIDService")
	w.provider = w.open(map[string]any{"metadata_xml": bare})
	if _, ok, err := w.provider.(providers.LogoutStarter).StartLogout(t.Context(), w.request, id, logout); ok || err != nil {
		t.Error("logout without an address", err)
	}
}

func TestLogoutRequests(t *testing.T) {
	w := newWorld(t, nil)
	doc := w.idp.LogoutRequest(logout, jane.Email, "_s")
	good := w.idp.Redirect(logout, "SAMLRequest", doc, "theirs")
	lower := func() string { // AD FS and Entra
		_, query, _ := strings.Cut(good, "?")
		signed, _, _ := strings.Cut(query, "&SigAlg=")
		for _, e := range []string{"%2B", "%2F", "%3D"} {
			signed = strings.ReplaceAll(signed, e, strings.ToLower(e))
		}
		return logout + "?" + w.idp.SignQuery(signed)
	}()
	signedForm := func(s samlidp.Signature) providers.Reply {
		d := etree.NewDocument()
		if err := d.ReadFromBytes(doc); err != nil {
			t.Fatal(err)
		}
		samlidp.Sign(d.Root(), s)
		return postedAs("SAMLRequest", must(d.WriteToBytes()))
	}
	aged := func(d time.Duration) string {
		w.now = now.Add(d)
		defer func() { w.now = now }()
		return w.idp.Redirect(logout, "SAMLRequest", w.idp.LogoutRequest(logout, jane.Email, ""), "")
	}
	unsigned, _, _ := strings.Cut(good, "&SigAlg=")
	for name, row := range map[string]struct {
		reply providers.Reply
		want  fault.Code
	}{
		"redirect":              {got(good), ""},
		"lower-case escapes":    {got(lower), ""},
		"form":                  {signedForm(*w.idp.Signature()), ""},
		"unsigned":              {got(unsigned), fault.SAMLLogoutInvalid},
		"unsigned form":         {postedAs("SAMLRequest", doc), fault.SAMLLogoutInvalid},
		"altered RelayState":    {got(strings.Replace(good, "theirs", "mine", 1)), fault.SAMLSignatureKey},
		"relay added":           {got(strings.Replace(good, "RelayState", "Relay%53tate", 1)), fault.SAMLSignatureKey},
		"twice":                 {got(good + "&SAMLRequest=x"), fault.LoginNoMessage},
		"signature twice":       {got(good + "&Signature=x"), fault.SAMLXMLDuplicate},
		"algorithm":             {got(strings.Replace(good, "rsa-sha256", "rsa-md5", 1)), fault.SAMLSignatureAlgorithm},
		"another key":           {signedForm(samlidp.Signature{Key: signer(keys().other), Certificate: keys().other.cert}), fault.SAMLSignatureKey},
		"another destination":   {got(w.idp.Redirect(logout, "SAMLRequest", w.idp.LogoutRequest("https://other.example", jane.Email, ""), "")), fault.SAMLDestination},
		"nobody":                {got(w.idp.Redirect(logout, "SAMLRequest", w.idp.LogoutRequest(logout, "", ""), "")), fault.SAMLLogoutInvalid},
		"old":                   {got(aged(-2 * time.Hour)), fault.SAMLExpired},
		"early":                 {got(aged(2 * time.Hour)), fault.SAMLTimeZone},
		"a Response as request": {got(w.idp.Redirect(logout, "SAMLRequest", w.idp.XML(w.answer()), "")), fault.SAMLLogoutInvalid},
		"rubbish":               {got(logout + "?SAMLRequest=AAAA"), fault.SAMLEncoding},
	} {
		t.Run(name, func(t *testing.T) {
			if !w.logout().IsLogout(row.reply) {
				t.Error("not recognised")
			}
			out, err := w.logout().ReceiveLogout(t.Context(), providers.Request{}, row.reply)
			if fault.CodeOf(err) != row.want {
				t.Fatalf("got %v, want %q", err, row.want)
			}
			if row.want != "" {
				return
			}
			if out.Subject != jane.Email || out.SessionIndex != "_s" || out.Reply == nil || out.Answered {
				t.Fatalf("%+v", out)
			}
			q := must(url.Parse(out.Reply.URL)).Query()
			var res crewjam.LogoutResponse
			if err := xml.Unmarshal(inflate(t, q.Get("SAMLResponse")), &res); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(doc), res.InResponseTo) || !q.Has("Signature") || res.Destination != "https://idp.example/slo" {
				t.Errorf("%+v", res)
			}
		})
	}
}

func TestLogoutResponses(t *testing.T) {
	w := newWorld(t, nil)
	good := w.idp.Redirect(logout, "SAMLResponse", w.idp.LogoutResponse(logout, w.request.MessageID), w.request.Handle)
	if !w.logout().IsLogout(got(good)) || w.logout().IsLogout(posted(w.idp.Respond(w.answer()), "")) {
		t.Error("IsLogout")
	}
	if h := w.provider.(providers.HandleFinder).Handle(got(strings.Replace(good, "RelayState", "x", 1))); h != w.request.Handle {
		t.Errorf("handle %q", h)
	}
	out, err := w.logout().ReceiveLogout(t.Context(), w.request, got(good))
	if err != nil || !out.Answered || out.Handle != w.request.Handle {
		t.Errorf("%+v, %v", out, err)
	}
	for name, row := range map[string]struct {
		doc  []byte
		want fault.Code
	}{
		"of another request": {w.idp.LogoutResponse(logout, request(2).MessageID), fault.SAMLInResponseTo},
		"elsewhere":          {w.idp.LogoutResponse("https://other.example", w.request.MessageID), fault.SAMLDestination},
		"failed":             {[]byte(strings.Replace(string(w.idp.LogoutResponse(logout, w.request.MessageID)), "status:Success", "status:Responder", 1)), fault.SAMLLogoutFailed},
		"another issuer":     {[]byte(strings.Replace(string(w.idp.LogoutResponse(logout, w.request.MessageID)), w.idp.EntityID, "https://evil.example", 1)), fault.SAMLIssuer},
	} {
		if _, err := w.logout().ReceiveLogout(t.Context(), w.request, postedAs("SAMLResponse", row.doc)); fault.CodeOf(err) != row.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
