package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// silence is what the report of a test login without an answer has besides.
type silence struct {
	report
	Page *struct {
		Codes []string
		Trace map[string]string
	}
	Past       string
	ForTheirIT string `json:"for_their_it"`
	Findings   []struct{ Code string }
}

func (i *instance) silence(slug, ref, query string) (s silence) {
	i.tb.Helper()
	i.api("GET", "/realms/acme/connections/"+slug+"/tests/"+ref+query, nil, 200, &s)
	return s
}

func (s silence) steps() (out []string) {
	for _, v := range s.Steps {
		out = append(out, v.Step)
	}
	return out
}

const stopped = "Sorry, but we’re having trouble signing you in.\nAADSTS50105: Your administrator has configured the application to block users.\nCorrelation ID: 7f2a0a9e-1111-4222-8333-444455556666"

// A login that never returns is followed: opened, at the provider, back again, closed; and what its page said is read.
func TestTestLoginThatNeverReturns(t *testing.T) {
	w := newWorld(t, start(t, nil))
	const slug = "acme-saml"
	w.api("PATCH", "/realms/acme/connections/"+slug, obj{"preset": "entra"}, 200, nil)
	link := w.beginTest(slug)
	if got := w.silence(slug, link.Ref, ""); !slices.Equal(got.steps(), []string{"made"}) {
		t.Errorf("steps %v", got.steps())
	}
	v := newVisitor()
	if _, err := v.get(link.URL); err != nil {
		t.Fatal(err)
	}
	if got := w.silence(slug, link.Ref, ""); got.Status != "waiting" || got.Diagnosis != nil || !slices.Equal(got.steps(), []string{"made", "opened", "sent upstream"}) {
		t.Errorf("%s, steps %v", got.Status, got.steps())
	}
	p, err := v.get(link.URL) // Back
	if err != nil || p.Status != http.StatusOK || !strings.Contains(p.Body, "What does the page of the identity provider say?") {
		t.Fatalf("%v %v", p, err)
	}
	got := w.silence(slug, link.Ref, "")
	if got.Diagnosis == nil || !slices.Contains(got.steps(), "came back") || got.Findings[len(got.Findings)-1].Code != "test.no_answer" || got.Past == "" {
		t.Errorf("%v %+v %q", got.steps(), got.Diagnosis, got.Past)
	}
	closed := w.URL + "/test-report/" + link.Ref + "/closed"
	for _, who := range []*visitor{newVisitor(), v} { // a stranger's word says nothing
		if _, err := who.do(http.MethodPost, closed, url.Values{}, nil, nil); err != nil {
			t.Fatal(err)
		}
		if mine := who == v; slices.Contains(w.silence(slug, link.Ref, "").steps(), "window closed") != mine {
			t.Errorf("closed by this visitor: %v", mine)
		}
	}
	w.api("POST", "/realms/acme/connections/"+slug+"/tests/"+link.Ref+"/page", obj{"text": stopped}, 200, &got)
	if got.Status != "failed" || got.Diagnosis.Code != "idp.not_assigned" || got.Diagnosis.Side != "idp" || got.Page == nil || !slices.Equal(got.Page.Codes, []string{"AADSTS50105"}) {
		t.Errorf("%+v %+v", got.Diagnosis, got.Page)
	}
	if got = w.silence(slug, link.Ref, "?lang=de"); !strings.Contains(got.ForTheirIT, "Was zu ändern ist") || !strings.Contains(got.ForTheirIT, "7f2a0a9e-1111-4222-8333-444455556666") {
		t.Errorf("letter:\n%s", got.ForTheirIT)
	}
	w.api("POST", "/realms/acme/connections/"+slug+"/tests/"+link.Ref+"/page", obj{"text": ""}, 422, nil)
	w.api("POST", "/realms/acme/connections/"+slug+"/tests/0000-0000/page", obj{"text": "x"}, 404, nil)
	w.api("POST", "/realms/acme/connections/"+slug+"/explain", obj{"page": stopped}, 200, &got)
	if got.Status != "failed" || got.Diagnosis.Code != "idp.not_assigned" {
		t.Errorf("explained: %+v", got.Diagnosis)
	}
}

// The person in the test's own window can paste the page as well, without any script and in their language; strangers cannot.
func TestPasteInTheTestWindow(t *testing.T) {
	w := newWorld(t, start(t, nil))
	const slug = "acme-saml"
	link := w.beginTest(slug)
	v := newVisitor()
	if _, err := v.get(link.URL); err != nil {
		t.Fatal(err)
	}
	page := w.URL + "/test-report/" + link.Ref
	form := url.Values{"text": {"<b>Invalid requester</b><script>alert(1)</script>"}}
	if p, err := newVisitor().do(http.MethodPost, page+"/page", form, nil, nil); err != nil || p.Status < 400 || w.silence(slug, link.Ref, "").Page != nil {
		t.Errorf("a stranger pastes: %v %v", p, err)
	}
	if p, err := v.do(http.MethodPost, page+"/page", form, nil, nil); err != nil || p.Status != http.StatusOK {
		t.Fatalf("%v %v", p, err)
	}
	p, err := v.get(page + "?ui_locales=fr")
	if err != nil || !strings.Contains(p.Body, "idp.request_signature") || strings.Contains(p.Body, "<script>alert") || !strings.Contains(p.Body, "Ce qu’il faut changer") {
		t.Errorf("%v %v", p, err)
	}
	if got := w.silence(slug, link.Ref, ""); got.Diagnosis == nil || got.Diagnosis.Code != "idp.request_signature" {
		t.Errorf("%+v", got.Diagnosis)
	}
}

// An answer to a test that comes to a wrong address ends the test with a report that says so.
func TestTestLoginAstray(t *testing.T) {
	for _, path := range []string{"/broker/acme-saml/metadata", "/broker/acme-smal/endpoint", "/saml/acs"} {
		w := newWorld(t, start(t, nil))
		const slug = "acme-saml"
		link := w.beginTest(slug)
		v := newVisitor()
		p, err := v.get(link.URL)
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{"SAMLResponse": {"PHgvPg=="}, "RelayState": {p.URL.Query().Get("RelayState")}}
		if len(form.Get("RelayState")) != 43 {
			t.Fatalf("at %s", p.URL)
		}
		if _, err := v.do(http.MethodPost, w.URL+path, form, p.URL, nil); err != nil {
			t.Fatal(err)
		}
		got := w.silence(slug, link.Ref, "")
		if got.Status != "failed" || got.Diagnosis == nil || got.Diagnosis.Code != "login.wrong_endpoint" || got.Diagnosis.Observed != w.URL+path || !strings.HasSuffix(got.Diagnosis.Expected, "/broker/acme-saml/endpoint") {
			t.Errorf("%s: %s %+v", path, got.Status, got.Diagnosis)
		}
	}
}
