package saml

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"cloakroom/broker/fault"
)

// config is the connection's "saml" section (contract, section 4).
type config struct {
	MetadataURL           string   `json:"metadata_url"`
	MetadataXML           string   `json:"metadata_xml"`
	EntityID              string   `json:"entity_id"`
	SSOURL                string   `json:"sso_url"`
	SLOURL                string   `json:"slo_url"`
	Certificates          []string `json:"certificates"`
	NameIDFormat          string   `json:"name_id_format"`
	Binding               string   `json:"binding"`
	SignRequests          string   `json:"sign_requests"`
	SignMetadata          bool     `json:"sign_metadata"`
	Encrypt               string   `json:"encrypt"`
	ForceAuthn            bool     `json:"force_authn"`
	IdPInitiated          bool     `json:"idp_initiated"`
	ClockSkew             duration `json:"clock_skew"`
	AllowSHA1             bool     `json:"allow_sha1"`
	AllowCBC              bool     `json:"allow_cbc"`
	AllowRSA15            bool     `json:"allow_rsa15"`
	RequestedAuthnContext []string `json:"requested_authn_context"`

	keys []trusted // of Certificates
}

// duration reads "60s" or a number of seconds.
type duration time.Duration

func (d *duration) UnmarshalJSON(b []byte) error {
	if n, err := strconv.ParseInt(string(b), 10, 32); err == nil {
		*d = duration(time.Duration(n) * time.Second)
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

const (
	redirect = "redirect"
	post     = "post"
)

func decodeConfig(b []byte) (*config, error) {
	c := &config{ClockSkew: duration(time.Minute)}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fault.Wrap(fault.SAMLConfig, err, "not the JSON of a SAML connection")
	}
	c.Binding = cmp.Or(c.Binding, redirect)
	c.SignRequests = cmp.Or(c.SignRequests, "auto")
	c.Encrypt = cmp.Or(c.Encrypt, "optional")
	if err := c.check(); err != nil {
		return nil, err
	}
	for i, text := range c.Certificates {
		der, err := decodeCertificate(text)
		if err == nil {
			c.keys, err = trustAlso(c.keys, der)
		}
		if err != nil {
			return nil, fault.Wrap(fault.SAMLCertificate, err, "certificates[%d]", i)
		}
	}
	return c, nil
}

func (c *config) check() error {
	for name, field := range map[string]struct {
		value   string
		allowed []string
	}{
		"binding":       {c.Binding, []string{redirect, post}},
		"sign_requests": {c.SignRequests, []string{"auto", "always", "never"}},
		"encrypt":       {c.Encrypt, []string{"optional", "required", "never"}},
	} {
		if !slices.Contains(field.allowed, field.value) {
			return &fault.Error{Code: fault.SAMLConfig, Detail: name, Observed: field.value, Expected: fmt.Sprint(field.allowed)}
		}
	}
	for name, address := range map[string]string{"metadata_url": c.MetadataURL, "sso_url": c.SSOURL, "slo_url": c.SLOURL} {
		if address != "" && !webAddress(address) {
			return &fault.Error{Code: fault.SAMLConfig, Detail: name, Observed: clip(address), Expected: "an http or https address"}
		}
	}
	if c.ClockSkew < 0 || time.Duration(c.ClockSkew) > 10*time.Minute {
		return fault.New(fault.SAMLConfig, "clock_skew is not between 0s and 10m")
	}
	return nil
}

// webAddress reports whether a browser may be sent there: metadata is a stranger's text too.
func webAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.Fragment == ""
}

func (c *config) skew() time.Duration { return time.Duration(c.ClockSkew) }
