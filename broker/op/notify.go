package op

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/login"
)

// Back-channel logout calls: how many at once, how many may wait, how long each may take, and after which pauses one
// that failed is tried again.
const (
	notifyAtOnce  = 16
	notifyWaiting = 4096
	notifyLimit   = 10 * time.Second
	logoutLife    = 2 * time.Minute
	maxFrames     = 10
)

var notifyPauses = [...]time.Duration{0, time.Second, 5 * time.Second}

// NotifyLogout tells the clients of ended grants that the session is over (OpenID Connect Back-Channel Logout 1.0). It
// returns at once; Drain waits for what is under way. A client that cannot be reached holds up nobody.
func (p *Provider) NotifyLogout(ctx context.Context, grants []broker.Grant) {
	ctx = context.WithoutCancel(ctx)
	for _, g := range oncePerClient(grants) {
		select {
		case p.waiting <- struct{}{}:
		default:
			p.Log.WarnContext(ctx, "too many logout notices wait; one is dropped", "realm", g.Realm, "client", g.ClientID)
			continue
		}
		p.notifying.Go(func() {
			defer func() { <-p.waiting }()
			p.notify <- struct{}{}
			defer func() { <-p.notify }()
			if err := p.notifyClient(ctx, &g); err != nil {
				p.Log.WarnContext(ctx, "client not told of a logout", "realm", g.Realm, "client", g.ClientID, "error", err)
			}
		})
	}
}

// Drain waits for notices under way, at most as long as ctx allows.
func (p *Provider) Drain(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		p.notifying.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func oncePerClient(grants []broker.Grant) []broker.Grant {
	seen := map[string]bool{}
	var out []broker.Grant
	for _, g := range grants {
		key := g.Realm + " " + g.SID + " " + g.ClientID
		if g.UserID == "" || seen[key] {
			continue
		}
		seen[key] = true
		out = append(out, g)
	}
	return out
}

func (p *Provider) notifyClient(ctx context.Context, g *broker.Grant) error {
	c, err := p.client(ctx, g.Realm, g.ClientID)
	if err != nil || c.BackchannelLogoutURI == "" {
		if code := fault.CodeOf(err); code == fault.OPClientUnknown || code == fault.OPClientDisabled {
			return nil
		}
		return err
	}
	realm, err := p.Registry.Realm(ctx, g.Realm)
	if err != nil {
		return err
	}
	for _, pause := range notifyPauses {
		time.Sleep(pause)
		var again bool
		if again, err = p.sendLogoutToken(ctx, realm, c, g); err == nil || !again {
			return err
		}
	}
	return err
}

// sendLogoutToken reports whether a failure is worth another try.
func (p *Provider) sendLogoutToken(ctx context.Context, r *broker.Realm, c *broker.Client, g *broker.Grant) (again bool, err error) {
	tok, err := p.logoutToken(ctx, r, c, g)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, notifyLimit)
	defer cancel()
	body := url.Values{"logout_token": {tok}}.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BackchannelLogoutURI, strings.NewReader(body))
	if err != nil {
		return false, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := p.HTTP.Do(req)
	if err != nil {
		return true, err
	}
	_ = res.Body.Close()
	if res.StatusCode == http.StatusOK || res.StatusCode == http.StatusNoContent {
		return false, nil
	}
	return res.StatusCode >= 500, errors.New("answered " + res.Status)
}

// logoutToken: section 2.4; it carries no nonce, so that it can never pass for an ID token.
func (p *Provider) logoutToken(ctx context.Context, r *broker.Realm, c *broker.Client, g *broker.Grant) (string, error) {
	sub, err := p.subject(ctx, c, g.UserID)
	if err != nil {
		return "", err
	}
	now := p.Now()
	return p.sign(ctx, r, signingAlg(r, c), "logout+jwt", map[string]any{
		"iss": p.issuer(p.doorOf(ctx, g)), "sub": sub, "aud": c.ClientID, "iat": now.Unix(), "exp": now.Add(logoutLife).Unix(),
		"jti": broker.RandomToken(16), "sid": g.SID,
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": struct{}{}},
	})
}

// FrontChannel lists the addresses that a page must open in frames so that browser-side applications sign out, too
// (OpenID Connect Front-Channel Logout 1.0).
func (p *Provider) FrontChannel(ctx context.Context, grants []broker.Grant) []string {
	var out []string
	for _, g := range oncePerClient(grants) {
		c, err := p.client(ctx, g.Realm, g.ClientID)
		if err != nil || c.FrontchannelLogoutURI == "" || len(out) == maxFrames {
			continue
		}
		q := url.Values{"iss": {p.issuer(p.doorOf(ctx, &g))}, "sid": {g.SID}}
		out = append(out, withQuery(c.FrontchannelLogoutURI, q))
	}
	return out
}

func withQuery(uri string, v url.Values) string {
	a := answer{RedirectURI: uri}
	return a.carry(v).URL
}

// leaveUpstream begins the sign-out at the identity provider; signing out here does not depend on it.
func (p *Provider) leaveUpstream(ctx context.Context, s *broker.Session) *login.Leave {
	if p.Upstream == nil || s.Connection == "" {
		return nil
	}
	leave, err := p.Upstream.StartLogout(ctx, s)
	if err != nil {
		p.Log.WarnContext(ctx, "no logout upstream", "realm", s.Realm, "connection", s.Connection, "error", err)
		return nil
	}
	return leave
}
