package oidc

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// config is the connection's "oidc" section (contract, section 4), with what follows from it.
type config struct {
	Issuer              string            `json:"issuer"`
	ClientID            string            `json:"client_id"`
	ClientSecret        string            `json:"client_secret"`
	ClientAuth          string            `json:"client_auth"`
	Scopes              []string          `json:"scopes"`
	UserInfo            string            `json:"userinfo"`
	AuthorizationParams map[string]string `json:"authorization_params"`
	Tenant              string            `json:"tenant"`
	ResponseMode        string            `json:"response_mode"`
	Algorithms          []string          `json:"algorithms"`
	ClockSkew           duration          `json:"clock_skew"`

	dialect dialect
	pins    []string   // tenants let in; empty: any
	apple   *appleAuth // set where client_secret is Apple's key
}

// duration is "60s" or a number of seconds.
type duration time.Duration

func (d *duration) UnmarshalJSON(b []byte) error {
	var seconds int64
	if json.Unmarshal(b, &seconds) == nil {
		*d = duration(time.Duration(seconds) * time.Second)
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil || s == "" {
		return err
	}
	v, err := time.ParseDuration(s)
	*d = duration(v)
	return err
}

const wellKnown = "/.well-known/openid-configuration"

func invalid(format string, args ...any) error { return fault.New(fault.OIDCSettings, format, args...) }

func parseConfig(s providers.Settings) (*config, error) {
	c := &config{}
	if err := json.Unmarshal(s.Config, c); err != nil {
		return nil, invalid("the oidc section: %v", err)
	}
	c.dialect = dialectOf(s.Preset)
	c.defaults()
	for _, check := range []func() error{c.checkTenant, c.checkIssuer, c.checkEnums, c.checkParams, c.checkApple} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *config) defaults() {
	if c.ClientAuth == "" {
		c.ClientAuth = "auto"
	}
	if c.UserInfo == "" {
		c.UserInfo = "auto"
	}
	if c.ClockSkew == 0 {
		c.ClockSkew = duration(time.Minute)
	}
	if len(c.Scopes) == 0 {
		c.Scopes = []string{"openid", "email", "profile"}
	}
	if !slices.Contains(c.Scopes, "openid") {
		c.Scopes = append([]string{"openid"}, c.Scopes...)
	}
	if c.dialect.formPost && (slices.Contains(c.Scopes, "email") || slices.Contains(c.Scopes, "name")) {
		c.ResponseMode = "form_post" // Apple gives no scope away in a query
	}
	c.ClientSecret = strings.TrimSpace(c.ClientSecret)
}

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)

// checkTenant reads the pinned tenants. A Microsoft domain pins nothing yet: discovery tells its directory's id.
func (c *config) checkTenant() error {
	if c.dialect.tenantClaim == "" {
		return nil
	}
	list := strings.FieldsFunc(strings.ToLower(c.Tenant), func(r rune) bool { return r == ',' || r == ' ' || r == ';' })
	if !c.dialect.microsoft {
		c.pins = list
		return nil
	}
	for _, t := range list {
		switch {
		case guid.MatchString(t):
			c.pins = append(c.pins, t)
		case len(list) > 1:
			return invalid("tenant: several directories are listed by their ids, and %q is none", t)
		case strings.ContainsAny(t, "/?#"):
			return invalid("tenant: %q is neither a directory's id nor one of its domains", t)
		}
	}
	return nil
}

// checkIssuer finds the issuer: the one written out, else the preset's.
func (c *config) checkIssuer() error {
	c.Issuer = strings.TrimSuffix(strings.TrimSpace(c.Issuer), wellKnown)
	if c.Issuer == "" {
		c.Issuer = strings.ReplaceAll(c.dialect.issuer, "{tenant}", c.directory())
	}
	if c.Issuer == "" {
		return invalid("issuer is missing")
	}
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return invalid("issuer %q is not an address like https://login.example.com", c.Issuer)
	}
	if c.ClientID == "" {
		return invalid("client_id is missing")
	}
	return nil
}

// directory is what stands for {tenant} in Microsoft's addresses.
func (c *config) directory() string {
	switch {
	case len(c.pins) == 1:
		return c.pins[0]
	case len(c.pins) == 0 && c.Tenant != "":
		return strings.ToLower(strings.TrimSpace(c.Tenant)) // a domain, or common, organizations, consumers
	}
	return c.dialect.openTenant
}

func (c *config) checkEnums() error {
	if !slices.Contains([]string{"auto", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"}, c.ClientAuth) {
		return invalid("client_auth %q is not known", c.ClientAuth)
	}
	if !slices.Contains([]string{"auto", "always", "never"}, c.UserInfo) {
		return invalid("userinfo %q is not one of auto, always, never", c.UserInfo)
	}
	if !slices.Contains([]string{"", "query", "form_post"}, c.ResponseMode) {
		return invalid("response_mode %q is not one of query, form_post", c.ResponseMode)
	}
	for _, a := range c.Algorithms {
		if !slices.Contains(asymmetric, a) {
			return invalid("algorithms: %q is not one of %v", a, asymmetric)
		}
	}
	return nil
}

// protected are the parameters that carry the protocol's safety; authorization_params may add others.
func protected() []string {
	return []string{"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce",
		"code_challenge", "code_challenge_method", "request", "request_uri", "id_token_hint", "client_secret"}
}

func (c *config) checkParams() error {
	for k := range c.AuthorizationParams {
		if slices.Contains(protected(), k) {
			return invalid("authorization_params: %s is set by the broker itself", k)
		}
	}
	return nil
}
