package op

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
)

// LogoutIn is a sign-out request: the query of a GET, the body of a POST.
type LogoutIn struct {
	Call
	Post          bool
	SessionCookie string
}

// LogoutOut says what comes next. Exactly one of Direct, Again, Confirm and Next is set.
type LogoutOut struct {
	Direct  bool     // Keycloak's call without a browser is done
	Again   string   // the same request by GET, which carries the cookie that a cross-site POST does not
	Confirm *Confirm // the person must be asked
	Next    string   // where the browser goes on to
	Ended   bool     // the session is over: its cookie goes
	Leave   *login.Leave
	Locales []string
}

// Confirm asks a person whether to sign out. Token goes back as the form field confirm_logout.
type Confirm struct {
	Client *broker.Client // nil if unknown
	UserID string
	Home   string // the session's home realm
	Token  string
}

// parting is what a sign-out has in mind, sealed while the person is asked or shown a page.
type parting struct {
	Realm   string   `json:"r"`
	Session string   `json:"s,omitempty"`
	Client  string   `json:"c,omitempty"`
	Next    string   `json:"n,omitempty"`
	Frames  []string `json:"f,omitempty"`
	Until   int64    `json:"e"`
}

const partingFor = time.Hour

var (
	confirmAAD = []byte("op logout confirm")
	doneAAD    = []byte("op logout done")
)

func (p *Provider) sealParting(v parting, aad []byte) (string, error) {
	v.Until = p.Now().Add(partingFor).Unix()
	b, err := json.Marshal(v)
	return base64.RawURLEncoding.EncodeToString(p.Sealer.Seal(b, aad)), err
}

func (p *Provider) openParting(realm, s string, aad []byte) (v parting, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(s) > maxRequest {
		return v, false
	}
	b, err := p.Sealer.Open(sealed, aad)
	if err != nil || json.Unmarshal(b, &v) != nil {
		return v, false
	}
	return v, v.Realm == realm && p.Now().Unix() < v.Until
}

// Logout answers the end_session_endpoint (OpenID Connect RP-Initiated Logout 1.0) and Keycloak's call without a
// browser. A Refusal is for the application, any other error for the person.
func (p *Provider) Logout(ctx context.Context, in LogoutIn) (*LogoutOut, error) {
	if _, err := p.realm(ctx, in.Door); err != nil {
		return nil, err
	}
	f, err := parseForm(in.Raw)
	if err != nil {
		return nil, err
	}
	if in.Post && f.Get("refresh_token") != "" {
		return p.directLogout(ctx, in, f)
	}
	if f.repeated != "" {
		return nil, fault.New(fault.OPRequestMalformed, "the parameter %s was sent twice", clip(f.repeated, 100))
	}
	if in.Post && in.SessionCookie == "" && len(in.Raw) < maxRequest/2 {
		return &LogoutOut{Again: p.endpoint(in.Door, "logout") + "?" + f.Encode()}, nil
	}
	s, err := p.Sessions.Find(ctx, in.Realm, in.SessionCookie)
	if err != nil {
		return nil, err
	}
	if t := f.Get("confirm_logout"); t != "" && in.Post {
		return p.confirmed(ctx, in, s, t)
	}
	return p.logout(ctx, in, f, s)
}

func (p *Provider) logout(ctx context.Context, in LogoutIn, f form, s *broker.Session) (*LogoutOut, error) {
	c, h, err := p.whoLeaves(ctx, in, f)
	if err != nil {
		return nil, err
	}
	next, err := onward(c, f)
	if err != nil {
		return nil, err
	}
	plan := parting{Realm: in.Realm, Next: next}
	if c != nil {
		plan.Client = c.ClientID
	}
	out := &LogoutOut{Locales: locales(f)}
	if s == nil {
		out.Next, err = p.farewell(in.Door, plan)
		return out, err
	}
	asked, err := p.asksForItself(ctx, c, h, s)
	if err != nil {
		return nil, err
	}
	if !asked {
		plan.Session = s.ID
		out.Confirm = &Confirm{Client: c, UserID: s.UserID, Home: s.HomeRealm}
		out.Confirm.Token, err = p.sealParting(plan, confirmAAD)
		return out, err
	}
	return out, p.end(ctx, in, s, plan, out)
}

// whoLeaves finds the client that asks, by the hint or by name. A hint that does not verify proves nothing and is left
// out; one of another client is refused.
func (p *Provider) whoLeaves(ctx context.Context, in LogoutIn, f form) (*broker.Client, *hint, error) {
	id := f.Get("client_id")
	var h *hint
	if s := f.Get("id_token_hint"); s != "" {
		var err error
		if h, err = p.readHint(ctx, in.Realm, s); err == nil {
			if id != "" && id != h.Audience[0] {
				return nil, nil, fault.Mismatch(fault.OPLogoutHint, clip(id, 255), h.Audience[0])
			}
			id = h.Audience[0]
		}
	}
	if id == "" {
		return nil, nil, nil
	}
	c, err := p.client(ctx, in.Realm, id)
	if err != nil && h != nil && fault.CodeOf(err) == fault.OPClientUnknown {
		return nil, nil, nil // it was removed since
	}
	return c, h, err
}

// onward is where the application wants the browser to go on to: an address registered for it, exactly. Old Keycloak
// adapters call the parameter redirect_uri.
func onward(c *broker.Client, f form) (string, error) {
	uri := f.Get("post_logout_redirect_uri")
	if uri == "" {
		uri = f.Get("redirect_uri")
	}
	if uri == "" || c == nil {
		return "", nil
	}
	if len(uri) > 2000 || !broker.AllowsRedirect(c.PostLogoutRedirectURIs, uri) {
		return "", fault.Mismatch(fault.OPLogoutRedirect, clip(uri, 500), "one of the client's Post Logout Redirect URIs")
	}
	state := f.Get("state")
	if state == "" || len(state) > maxState {
		return uri, nil
	}
	return withQuery(uri, url.Values{"state": {state}}), nil
}

// asksForItself: an ID token of this very session, or of the person signed in, shows that the person's own application
// asks. Without it any page could sign people out, so they are asked.
func (p *Provider) asksForItself(ctx context.Context, c *broker.Client, h *hint, s *broker.Session) (bool, error) {
	if h == nil || c == nil {
		return false, nil
	}
	if h.SID == s.SID {
		return true, nil
	}
	sub, err := p.subject(ctx, c, s.UserID)
	return err == nil && sub == h.Subject, err
}

func (p *Provider) confirmed(ctx context.Context, in LogoutIn, s *broker.Session, t string) (*LogoutOut, error) {
	plan, ok := p.openParting(in.Realm, t, confirmAAD)
	if !ok {
		return nil, fault.New(fault.LoginExpired, "the sign-out page was open too long")
	}
	out := &LogoutOut{}
	if s != nil && s.ID == plan.Session {
		return out, p.end(ctx, in, s, plan, out)
	}
	if s != nil {
		return nil, fault.New(fault.LoginForeign, "the sign-out page was of another session")
	}
	var err error
	out.Next, err = p.farewell(in.Door, plan)
	return out, err
}

func (p *Provider) end(ctx context.Context, in LogoutIn, s *broker.Session, plan parting, out *LogoutOut) error {
	grants, err := p.Sessions.End(ctx, in.Realm, s.ID)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return err
	}
	p.NotifyLogout(ctx, grants)
	plan.Frames, plan.Session = p.FrontChannel(ctx, grants), ""
	out.Ended, out.Leave = true, p.leaveUpstream(ctx, s)
	out.Next, err = p.farewell(in.Door, plan)
	return err
}

// farewell is the last address of a sign-out: the application's, or our own page where there is none, or where other
// applications must be told in frames first.
func (p *Provider) farewell(d Door, plan parting) (string, error) {
	if plan.Next != "" && len(plan.Frames) == 0 {
		return plan.Next, nil
	}
	s, err := p.sealParting(plan, doneAAD)
	return p.endpoint(d, "logout/done") + "?s=" + s, err
}

// Farewell is the page at the end of a sign-out. With Frames they are opened, then the browser goes on to Next.
type Farewell struct {
	ClientID string
	Frames   []string
	Next     string
}

// LoggedOut reads what that page shows. A stale or foreign address shows the plain page.
func (p *Provider) LoggedOut(d Door, sealed string) (Farewell, error) {
	plan, ok := p.openParting(d.Realm, sealed, doneAAD)
	if !ok {
		return Farewell{}, nil
	}
	w := Farewell{ClientID: plan.Client, Frames: plan.Frames, Next: plan.Next}
	if w.Next == "" && len(w.Frames) > 0 {
		plan.Frames = nil
		var err error
		if w.Next, err = p.farewell(d, plan); err != nil {
			return Farewell{}, err
		}
	}
	return w, nil
}

// directLogout is Keycloak's sign-out without a browser: the client presents the refresh token it got.
func (p *Provider) directLogout(ctx context.Context, in LogoutIn, f form) (*LogoutOut, error) {
	c, err := p.authenticate(ctx, in.Call, f)
	if err != nil {
		return nil, asRefusal(err)
	}
	g, _, err := p.presented(ctx, c, f.Get("refresh_token"))
	if err != nil {
		return nil, asRefusal(err)
	}
	if err := p.Grants.Revoke(ctx, g.ID); err != nil {
		return nil, asRefusal(err)
	}
	grants, err := p.Sessions.End(ctx, in.Realm, g.SessionID)
	if err != nil && !errors.Is(err, broker.ErrNotFound) {
		return nil, asRefusal(err)
	}
	p.NotifyLogout(ctx, grants)
	return &LogoutOut{Direct: true}, nil
}
