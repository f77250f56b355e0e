package samlidp

import (
	"bytes"
	"compress/flate"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

//go:embed pages/*
var pages embed.FS

var tmpl = template.Must(template.ParseFS(pages, "pages/*.html"))

const maxMessage = 64 << 10

// Handler serves the identity provider's pages:
//
//	/metadata          its metadata
//	/sso               AuthnRequests by redirect and POST; asks who signs in where there are several users
//	/initiate?sp=ID    a sign-in that nobody asked for
//	/slo               logout messages by redirect and POST
func (p *IdP) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metadata", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/samlmetadata+xml")
		_, _ = w.Write(p.Metadata())
	})
	mux.HandleFunc("/sso", p.serve(p.sso))
	mux.HandleFunc("POST /continue", p.serve(p.chosen))
	mux.HandleFunc("GET /initiate", p.serve(p.initiate))
	mux.HandleFunc("/slo", p.serve(p.slo))
	for _, name := range []string{"post.js", "style.css"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFileFS(w, r, pages, "pages/"+name) })
	}
	return mux
}

// page is what a template shows.
type page struct {
	Title, Base, Error string
	SP                 string
	Users              []User
	Request, Relay     string // carried to /continue
	Field              string // name of the user name's field, on a vendor's sign-in page
	PageID, Heading    string // of a vendor's error page
	Script             map[string]string
	Action             string // where Fields are posted
	Fields             map[string]string
	template           string
}

type step func(r *http.Request) (page, string, error)

// serve renders a step's page, or goes where it says.
func (p *IdP) serve(f step) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 4*maxMessage)
		status := http.StatusOK
		view, location, err := f(r)
		if err != nil {
			view, status = p.refuse(err, r.FormValue("RelayState"))
		} else if location != "" {
			http.Redirect(w, r, location, http.StatusSeeOther)
			return
		}
		view.Title, view.Base = p.Title, p.BaseURL
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		w.WriteHeader(status)
		_ = tmpl.ExecuteTemplate(w, view.template, view)
	}
}

// refuse shows a fault as the vendor does: on a page, or in an answer to the application.
func (p *IdP) refuse(err error, relay string) (page, int) {
	var no *refusal
	if p.Like == "" || !errors.As(err, &no) {
		return page{template: "error.html", Error: err.Error()}, http.StatusBadRequest
	}
	if top, nested, message, ok := p.Like.status(no.cause); ok && no.q != nil {
		answer := p.Answer(no.q.sp, no.q.acs, no.q.id, User{})
		answer.NoAssertion, answer.Status, answer.NestedStatus, answer.StatusMessage = true, top, nested, message
		return p.post(answer, no.q.acs, relay), http.StatusOK
	}
	status, title, text := p.Like.errorPage(no)
	view := page{template: "vendor.html", Heading: title, Error: text}
	if p.Like == Entra { // Microsoft's pages are drawn by their scripts
		view.PageID, view.Error, view.Script = "ConvergedError", "", map[string]string{"strServiceExceptionMessage": text}
	}
	return view, status
}

// request is an AuthnRequest that was checked.
type request struct {
	sp       ServiceProvider
	acs      string
	id       string
	passive  bool
	format   string   // of the Name ID
	contexts []string // RequestedAuthnContext
}

func (p *IdP) sso(r *http.Request) (page, string, error) {
	doc, relay, err := p.message(r, "SAMLRequest")
	if err != nil {
		return page{}, "", err
	}
	q, err := p.authnRequest(doc, p.signedQuery(r, "SAMLRequest"))
	if err != nil {
		return page{}, "", err
	}
	switch {
	case q.passive && p.Like != "" && !p.Like.ignoresPassive():
		return page{}, "", refused(passiveOnly, &q, "", "nobody is signed in")
	case q.passive && p.Like == "":
		answer := p.Answer(q.sp, q.acs, q.id, User{})
		answer.NoAssertion, answer.Status, answer.NestedStatus = true, "Responder", "NoPassive"
		return p.post(answer, q.acs, relay), "", nil
	case len(p.Users) == 1 && p.Like == "":
		return p.post(p.Answer(q.sp, q.acs, q.id, p.Users[0]), q.acs, relay), "", nil
	}
	return p.choose(q, relay), "", nil
}

func (p *IdP) choose(q request, relay string) page {
	return page{template: "choose.html", SP: q.sp.EntityID, Users: p.Users, Request: p.seal(q), Relay: relay, Field: p.Like.field()}
}

// answer is a sign-in as the vendor writes it.
func (p *IdP) answer(q request, u User) (Response, error) {
	r := p.Answer(q.sp, q.acs, q.id, u)
	if p.Like == "" {
		return r, nil
	}
	if err := p.late(&q); err != nil {
		return r, err
	}
	if err := p.allows(&q, u); err != nil {
		return r, err
	}
	p.inTheirWay(&r, q, u)
	return r, nil
}

// late is what a vendor looks at only when somebody has signed in.
func (p *IdP) late(q *request) error {
	if !p.Like.checksLate() {
		return nil
	}
	sp, err := p.registered(q.sp.EntityID)
	if err != nil {
		return err
	}
	q.sp = sp
	return p.address(q)
}

// chosen answers for the user that was picked. The request comes back from our own page, with a MAC.
func (p *IdP) chosen(r *http.Request) (page, string, error) {
	q, err := p.unseal(r.PostFormValue("request"))
	if err != nil {
		return page{}, "", err
	}
	relay := r.PostFormValue("RelayState")
	if r.PostFormValue("user") == "" {
		answer := p.Answer(q.sp, q.acs, q.id, User{})
		answer.NoAssertion, answer.Status, answer.NestedStatus, answer.StatusMessage = true, "Responder", "AuthnFailed", "The person cancelled."
		return p.post(answer, q.acs, relay), "", nil
	}
	u, ok := p.User(r.PostFormValue("user"))
	if !ok {
		return page{}, "", errors.New("there is no such user")
	}
	answer, err := p.answer(q, u)
	if err != nil {
		return page{}, "", err
	}
	return p.post(answer, answer.Destination, relay), "", nil
}

func (p *IdP) initiate(r *http.Request) (page, string, error) {
	sp, err := p.registered(r.URL.Query().Get("sp"))
	if err != nil {
		return page{}, "", err
	}
	q := request{sp: sp, acs: sp.ACS[0]}
	return p.choose(q, r.URL.Query().Get("RelayState")), "", nil
}

func (p *IdP) post(answer Response, acs, relay string) page {
	if p.Bend != nil {
		p.Bend(&answer)
	}
	fields := map[string]string{"SAMLResponse": p.Respond(answer)}
	if relay != "" {
		fields["RelayState"] = relay
	}
	return page{template: "post.html", Action: acs, Fields: fields}
}

func (p *IdP) registered(entityID string) (ServiceProvider, error) {
	if p.ServiceProvider != nil {
		if sp, ok := p.ServiceProvider(entityID); ok && sp.Disabled {
			return ServiceProvider{}, refused(disabledSP, nil, entityID, "the application %q is switched off", entityID)
		} else if ok && len(sp.ACS) > 0 {
			return sp, nil
		}
	}
	return ServiceProvider{}, refused(unknownSP, nil, entityID, "no application with the Entity ID %q is registered here", entityID)
}

// message decodes a message of either binding.
func (p *IdP) message(r *http.Request, param string) (doc []byte, relay string, err error) {
	if r.Method == http.MethodPost {
		doc, err = base64.StdEncoding.DecodeString(r.PostFormValue(param))
		relay = r.PostFormValue("RelayState")
	} else {
		doc, err = base64.StdEncoding.DecodeString(r.URL.Query().Get(param))
		relay = r.URL.Query().Get("RelayState")
		if err == nil {
			doc, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(doc)), maxMessage))
		}
	}
	if err != nil || len(doc) == 0 {
		return nil, "", fmt.Errorf("there is no readable %s", param)
	}
	return doc, relay, nil
}

func read(doc []byte) (*etree.Element, error) {
	d := etree.NewDocument()
	d.ReadSettings.MaxDepth = 32
	if err := d.ReadFromBytes(doc); err != nil || d.Root() == nil {
		return nil, errors.New("the message is not XML")
	}
	return d.Root(), nil
}

// authnRequest checks who asks, where the answer goes and, where the application has certificates, the signature.
func (p *IdP) authnRequest(doc []byte, signed func(ServiceProvider) error) (request, error) {
	e, err := read(doc)
	if err != nil {
		return request{}, err
	}
	if e.Tag != "AuthnRequest" || e.NamespaceURI() != nsProtocol {
		return request{}, errors.New("the message is not an AuthnRequest")
	}
	q := request{id: e.SelectAttrValue("ID", ""), acs: e.SelectAttrValue("AssertionConsumerServiceURL", ""), passive: e.SelectAttrValue("IsPassive", "") == "true"}
	if n := e.SelectElement("NameIDPolicy"); n != nil {
		q.format = n.SelectAttrValue("Format", "")
	}
	if c := e.SelectElement("RequestedAuthnContext"); c != nil {
		for _, ref := range c.SelectElements("AuthnContextClassRef") {
			q.contexts = append(q.contexts, strings.TrimSpace(ref.Text()))
		}
	}
	if p.Like.checksLate() {
		q.sp = ServiceProvider{EntityID: issuer(e), ACS: []string{q.acs}}
		return q, nil
	}
	if q.sp, err = p.registered(issuer(e)); err != nil {
		return q, err
	}
	if d := e.SelectAttrValue("Destination", ""); d != "" && d != p.BaseURL+"/sso" {
		return q, fmt.Errorf("the request is addressed to %q", d)
	}
	if err := p.address(&q); err != nil {
		return q, err
	}
	if err := p.checkSignature(e, q.sp, signed); err != nil {
		return q, unverified(err, &q)
	}
	return q, p.wants(&q)
}

// address decides where the answer goes.
func (p *IdP) address(q *request) error {
	switch {
	case p.Like == OneLogin && !slices.Contains(q.sp.ACS, q.acs):
		return refused(unknownACS, nil, q.acs, "the validator does not match %q", q.acs)
	case q.acs == "" || p.Like.ownACS():
		q.acs = q.sp.ACS[0]
	case !slices.Contains(q.sp.ACS, q.acs):
		return refused(unknownACS, nil, q.acs, "the reply address %q is not registered", q.acs)
	}
	return nil
}

func unverified(err error, q *request) error {
	if errors.Is(err, errUnsigned) {
		return refused(unsigned, q, "", "%s", err)
	}
	return refused(badSignature, q, "", "%s", err)
}

func issuer(e *etree.Element) string {
	if i := e.SelectElement("Issuer"); i != nil {
		return strings.TrimSpace(i.Text())
	}
	return ""
}

var errUnsigned = errors.New("the request is not signed")

func (p *IdP) checkSignature(e *etree.Element, sp ServiceProvider, signed func(ServiceProvider) error) error {
	err := signed(sp)
	if errors.Is(err, errUnsigned) && e.SelectElement("Signature") != nil {
		err = verifyEnveloped(e, sp)
	}
	if errors.Is(err, errUnsigned) && !p.WantSignedRequests {
		return nil
	}
	return err
}

func verifyEnveloped(e *etree.Element, sp ServiceProvider) error {
	store := &dsig.MemoryX509CertificateStore{Roots: parseCertificates(sp)}
	if _, err := dsig.NewDefaultValidationContext(store).Validate(e); err != nil {
		return fmt.Errorf("the request's signature: %w", err)
	}
	return nil
}

// slo takes a LogoutRequest and answers it, or a LogoutResponse and says so.
func (p *IdP) slo(r *http.Request) (page, string, error) {
	if r.FormValue("SAMLResponse") != "" {
		return page{template: "out.html"}, "", nil
	}
	doc, relay, err := p.message(r, "SAMLRequest")
	if err != nil {
		return page{}, "", err
	}
	e, err := read(doc)
	if err != nil {
		return page{}, "", err
	}
	sp, err := p.registered(issuer(e))
	if err != nil {
		return page{}, "", err
	}
	if err := p.checkSignature(e, sp, p.signedQuery(r, "SAMLRequest")); err != nil {
		return page{}, "", err
	}
	if sp.SLO == "" {
		return page{template: "out.html"}, "", nil
	}
	return page{}, p.Redirect(sp.SLO, "SAMLResponse", p.LogoutResponse(sp.SLO, e.SelectAttrValue("ID", "")), relay), nil
}

// LogoutResponse answers a LogoutRequest.
func (p *IdP) LogoutResponse(destination, inResponseTo string) []byte {
	e := p.logoutMessage("LogoutResponse", destination)
	set(e, "InResponseTo", inResponseTo)
	e.CreateElement("samlp:Status").CreateElement("samlp:StatusCode").CreateAttr("Value", StatusPrefix+"Success")
	return serialize(e)
}

// LogoutRequest asks for the end of a session.
func (p *IdP) LogoutRequest(destination, nameID, sessionIndex string) []byte {
	e := p.logoutMessage("LogoutRequest", destination)
	n := e.CreateElement("saml:NameID")
	n.CreateAttr("Format", EmailFormat)
	n.SetText(nameID)
	if sessionIndex != "" {
		e.CreateElement("samlp:SessionIndex").SetText(sessionIndex)
	}
	return serialize(e)
}

func (p *IdP) logoutMessage(name, destination string) *etree.Element {
	e := etree.NewElement("samlp:" + name)
	set(e, "xmlns:samlp", nsProtocol, "xmlns:saml", nsAssertion, "ID", newID(), "Version", "2.0",
		"IssueInstant", stamp(p.Now()), "Destination", destination)
	e.CreateElement("saml:Issuer").SetText(p.EntityID)
	return e
}

// Redirect is the signed redirect-binding address for a message.
func (p *IdP) Redirect(to, param string, doc []byte, relay string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.DefaultCompression) // errs only on a bad level
	_, _ = w.Write(doc)                                   // a Buffer does not fail
	_ = w.Close()
	query := param + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(b.Bytes()))
	if relay != "" {
		query += "&RelayState=" + url.QueryEscape(relay)
	}
	return to + "?" + p.SignQuery(query)
}

// SignQuery signs the parameters as they stand.
func (p *IdP) SignQuery(query string) string {
	query += "&SigAlg=" + url.QueryEscape(RSASHA256)
	value := p.Signature().value([]byte(query))
	return query + "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(value))
}
