package oidc

import (
	"context"
	"slices"
	"strings"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

const maxUserInfo = 256 << 10

// userInfo fetches the userinfo document where the connection wants it (OpenID Connect Core, section 5.3). With "auto"
// it is fetched if the ID token lacks address or name, and its failure counts only where the address is missing.
func (p *provider) userInfo(ctx context.Context, m *metadata, claims providers.Document, accessToken string) (providers.Document, error) {
	mode := p.config.UserInfo
	noEmail := claims.String("email") == ""
	noName := claims.String("name") == "" && claims.String("given_name") == ""
	switch {
	case mode == "never", p.config.dialect.noUserInfo && mode == "auto", mode == "auto" && !noEmail && !noName:
		return nil, nil
	case m.UserInfoEndpoint == "" || accessToken == "":
		if mode == "always" {
			return nil, fault.New(fault.OIDCUserInfo, "the provider has no userinfo endpoint or gave no access token")
		}
		return nil, nil
	}
	info, err := p.fetchUserInfo(ctx, m, accessToken)
	if err == nil && info["sub"] != claims["sub"] {
		return nil, fault.Mismatch(fault.OIDCUserInfoSubject, excerpt(info.String("sub")), claims.String("sub"))
	}
	if err != nil && mode == "auto" && !noEmail && tolerable(err) {
		return nil, nil
	}
	return info, err
}

// tolerable tells an endpoint that does not work from a document that contradicts.
func tolerable(err error) bool {
	c := fault.CodeOf(err)
	return c == fault.OIDCUserInfo || c == fault.LoginUpstreamBusy || strings.HasPrefix(string(c), "net.")
}

func (p *provider) fetchUserInfo(ctx context.Context, m *metadata, accessToken string) (providers.Document, error) {
	a, err := p.fetch(ctx, m.UserInfoEndpoint, "application/json, application/jwt;q=0.9", accessToken)
	if err != nil {
		if f := fault.As(err); slices.Contains([]fault.Code{fault.FetchStatus, fault.FetchFormat, fault.FetchServer}, f.Code) {
			return nil, &fault.Error{Code: fault.OIDCUserInfo, Detail: f.Detail, Said: f.Said, Observed: f.Observed, Err: err}
		}
		return nil, err
	}
	if len(a.bytes) > maxUserInfo {
		return nil, fault.New(fault.FetchTooLarge, "userinfo is %d bytes long", len(a.bytes))
	}
	if a.mediaType == "application/jwt" {
		return p.signedUserInfo(ctx, m, string(a.bytes))
	}
	info, err := providers.ParseDocument(a.bytes)
	if err != nil {
		return nil, documentFault(err, fault.OIDCUserInfo)
	}
	return info, nil
}

// signedUserInfo reads a JWT answer: signed with the provider's keys, by it, for us (Core, section 5.3.2).
func (p *provider) signedUserInfo(ctx context.Context, m *metadata, raw string) (providers.Document, error) {
	t, err := p.verify(ctx, m, raw)
	if err != nil {
		return nil, err
	}
	if err := p.checkTokenIssuer(m, t); err != nil {
		return nil, err
	}
	aud, ok := t.claims.Strings("aud")
	if !ok || !slices.Contains(aud, p.config.ClientID) {
		return nil, fault.Mismatch(fault.OIDCAudience, excerpt(t.claims.String("aud")), p.config.ClientID)
	}
	return t.claims, nil
}
