package op

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
)

// AuthorizeIn is an authorization request as it arrived: the query of a GET, the body of a POST.
type AuthorizeIn struct {
	Door
	Raw           string
	SessionCookie func(realm string) string // reads the browser's session cookie, "" if it has none
}

// Authorize begins a login (RFC 6749, section 4.1.1). An error is for the person; one the application must hear is a
// Step that goes there. The login is nil where none was begun.
func (p *Provider) Authorize(ctx context.Context, in AuthorizeIn) (login.Step, *broker.Login, error) {
	if _, err := p.realm(ctx, in.Door); err != nil {
		return login.Step{}, nil, err
	}
	f, err := parseForm(in.Raw)
	if err != nil {
		return login.Step{}, nil, err
	}
	pushed := false
	if strings.HasPrefix(f.Get("request_uri"), requestURN) {
		if f, err = p.pushed(ctx, in.Door, f); err != nil {
			return login.Step{}, nil, err
		}
		pushed = true
	}
	r, err := p.readAuthorize(ctx, in.Door, f)
	if err == nil && r.client.RequirePAR && !pushed {
		err = refuse("invalid_request", "the client must push its authorization requests (RFC 9126)")
	}
	if err == nil {
		err = p.checkHint(ctx, in, r)
	}
	if err != nil {
		step, err := p.refuseAuthorize(in.Door, r, err)
		return step, nil, err
	}
	return p.begin(ctx, in, r)
}

// readAuthorize parses a request. With a request and an error the redirect URI is known to be good and the error is a
// Refusal for it; without a request the error is for the person.
func (p *Provider) readAuthorize(ctx context.Context, d Door, f form) (*authorizeRequest, error) {
	if slices.Contains([]string{"client_id", "redirect_uri"}, f.repeated) || len(f.Values["client_id"]) > 1 || len(f.Values["redirect_uri"]) > 1 {
		return nil, fault.New(fault.OPRequestMalformed, "the parameter %s was sent twice", f.repeated)
	}
	if f.Get("client_id") == "" {
		return nil, fault.New(fault.OPClientMissing, "")
	}
	c, err := p.client(ctx, d.Realm, f.Get("client_id"))
	if err != nil {
		return nil, err
	}
	uri, implied, err := redirectURI(f, c)
	if err != nil {
		return nil, err
	}
	r := &authorizeRequest{client: c, answer: answer{RedirectURI: uri, Implied: implied, Prefix: d.Prefix}}
	return r, r.read(f)
}

// refuseAuthorize sends a Refusal to the application; anything else is for the person.
func (p *Provider) refuseAuthorize(d Door, r *authorizeRequest, err error) (login.Step, error) {
	var no *Refusal
	if r == nil || !errors.As(err, &no) {
		return login.Step{}, err
	}
	rd := p.deliver(d.Realm, &r.answer, errorParams(no))
	return login.Step{Go: &rd}, nil
}

func errorParams(no *Refusal) url.Values {
	v := url.Values{"error": {no.Code}}
	if no.Description != "" {
		v.Set("error_description", plain(no.Description))
	}
	return v
}

// checkHint: with prompt=none the person signed in must be the one the application means (OpenID Connect Core, section
// 3.1.2.1). Otherwise the hint only says who is expected.
func (p *Provider) checkHint(ctx context.Context, in AuthorizeIn, r *authorizeRequest) error {
	if r.idTokenHint == "" || !r.passive() {
		return nil
	}
	h, err := p.readHint(ctx, in.Realm, r.idTokenHint)
	if err != nil {
		return loginRequired("the id_token_hint is not one of this issuer")
	}
	s, err := p.Sessions.Find(ctx, in.Realm, in.SessionCookie(in.Realm))
	if err != nil {
		return err
	}
	if s == nil {
		return loginRequired("nobody is signed in")
	}
	sub, err := p.subject(ctx, r.client, s.UserID)
	if err != nil {
		return err
	}
	if sub != h.Subject {
		return loginRequired("somebody else is signed in")
	}
	return nil
}

func loginRequired(why string) error { return refuse("login_required", why) }

func (p *Provider) begin(ctx context.Context, in AuthorizeIn, r *authorizeRequest) (login.Step, *broker.Login, error) {
	l := &broker.Login{
		ID: broker.NewLoginID(), Realm: in.Realm, Protocol: "oidc", ClientID: r.client.ClientID, Begun: p.Now(),
		IdPHint: r.idpHint, ShowChooser: r.showChooser, LoginHint: r.loginHint, DomainHint: r.domainHint, RealmHint: r.realmHint,
		UILocales: r.uiLocales, ACR: r.acr, MaxAge: r.maxAge,
		Fresh: slices.Contains(r.prompt, "login"), Passive: r.passive(), Select: slices.Contains(r.prompt, "select_account"),
	}
	var err error
	if l.Request, err = json.Marshal(r.answer); err != nil {
		return login.Step{}, l, err
	}
	step, err := p.Login.Begin(ctx, login.Start{Login: l, SessionCookie: in.SessionCookie(in.Realm)})
	if err == nil {
		return step, l, nil
	}
	if rd, ok := p.Deny(ctx, l, err); ok {
		return login.Step{Go: &rd, Done: l}, l, nil
	}
	return login.Step{}, l, err
}

// recall reads the answer's part of a login that begin made.
func recall(l *broker.Login) (*answer, error) {
	var a answer
	if err := json.Unmarshal(l.Request, &a); err != nil || a.RedirectURI == "" {
		return nil, fault.Wrap(fault.LoginUnknown, err, "not a login of an OpenID Connect client")
	}
	return &a, nil
}

// deliver sends an answer to the application. Every answer says who gives it (RFC 9207).
func (p *Provider) deliver(realm string, a *answer, v url.Values) login.Redirect {
	if a.State != "" {
		v.Set("state", a.State)
	}
	v.Set("iss", p.issuer(Door{realm, a.Prefix}))
	return a.carry(v)
}

// carry puts parameters where the response mode has them.
func (a *answer) carry(v url.Values) login.Redirect {
	// %20 rather than +, which not every reader of a fragment decodes.
	encoded := strings.ReplaceAll(v.Encode(), "+", "%20")
	switch {
	case a.Mode == "form_post":
		return login.Redirect{URL: a.RedirectURI, Form: v}
	case a.Mode == "fragment":
		return login.Redirect{URL: a.RedirectURI + "#" + encoded}
	case strings.HasSuffix(a.RedirectURI, "?"):
		return login.Redirect{URL: a.RedirectURI + encoded}
	case strings.Contains(a.RedirectURI, "?"):
		return login.Redirect{URL: a.RedirectURI + "&" + encoded}
	}
	return login.Redirect{URL: a.RedirectURI + "?" + encoded}
}
