package admin

import (
	"context"
	"net/url"

	"cloakroom/broker"
)

// Handover is what the customer's administrator needs from us, each value with the name that their console has for it.
// What the protocol has no use for is left out.
type Handover struct {
	ACSURL      string `json:"acs_url,omitempty"`
	EntityID    string `json:"entity_id,omitempty"`
	MetadataURL string `json:"metadata_url,omitempty"`
	RedirectURI string `json:"redirect_uri,omitempty"`
	LogoutURL   string `json:"logout_url,omitempty"`
	JWKSURI     string `json:"jwks_uri,omitempty" doc:"Our published keys, for a connection that proves itself by private_key_jwt"`
	Certificate string `json:"certificate,omitempty"` // PEM
	LoginURL    string `json:"login_url"`
	// OpenPort is what a directory's firewall has to let in. From which address we come is for whoever runs this
	// installation to say: it is that of the way out.
	OpenPort string           `json:"open_port,omitempty"`
	Labels   map[string]Label `json:"labels"` // by the names above
}

// plainLabels are the names that the protocols themselves have.
func plainLabels(protocol string) map[string]Label {
	switch protocol {
	case "saml":
		return map[string]Label{
			"acs_url": {Label: "Assertion Consumer Service (ACS) URL"}, "entity_id": {Label: "SP entity ID (audience)"},
			"metadata_url": {Label: "SP metadata URL"}, "logout_url": {Label: "Single logout URL"},
			"certificate": {Label: "SP certificate"}, "login_url": {Label: "Sign-on URL"},
		}
	case "oidc", "oauth2":
		return map[string]Label{
			"redirect_uri": {Label: "Redirect URI"}, "logout_url": {Label: "Post-logout redirect URI"},
			"login_url": {Label: "Initiate login URI"},
		}
	}
	return map[string]Label{"login_url": {Label: "Sign-in URL"}, "open_port": {Label: "Port to open in the firewall"}}
}

// Handover answers what to hand to the customer's administrator.
func (s *Service) Handover(ctx context.Context, a Actor, realm, slug string) (Handover, error) {
	c, err := s.connection(ctx, a, realm, slug, toRead)
	if err != nil {
		return Handover{}, err
	}
	base := s.BaseURL + "/broker/" + c.Slug
	h := Handover{LoginURL: base + "/login", Labels: plainLabels(c.Protocol)}
	switch c.Protocol {
	case "saml":
		h.ACSURL, h.MetadataURL, h.LogoutURL = base+"/endpoint", base+"/metadata", base+"/endpoint"
		h.EntityID = spEntityID(c, base)
		h.Certificate, err = s.ourCertificate(ctx, c)
	case "oidc", "oauth2":
		h.RedirectURI, h.LogoutURL = base+"/endpoint", base+"/endpoint"
		if c.OIDC != nil && c.OIDC.ClientAuth == "private_key_jwt" {
			h.JWKSURI = base + "/metadata"
		}
	case "ldap":
		h.OpenPort = openPort(c.LDAP)
	}
	if s.Labels != nil {
		for field, label := range s.Labels(c.Preset, c.Protocol) {
			if _, applies := h.Labels[field]; applies && label.Label != "" {
				h.Labels[field] = label
			}
		}
	}
	return h, err
}

// openPort is the port of a directory's address, that of LDAPS where there is none yet.
func openPort(l *broker.LDAP) string {
	u, err := url.Parse(l.URL)
	switch {
	case err != nil || u.Host == "":
		return "TCP 636"
	case u.Port() != "":
		return "TCP " + u.Port() + " (" + u.Hostname() + ")"
	case u.Scheme == "ldap":
		return "TCP 389 (" + u.Hostname() + ")"
	}
	return "TCP 636 (" + u.Hostname() + ")"
}

func spEntityID(c *broker.Connection, base string) string {
	if c.SAML != nil && c.SAML.SPEntityID != "" {
		return c.SAML.SPEntityID
	}
	return base + "/metadata"
}

// ourCertificate is the one that the identity provider verifies our requests with and encrypts to.
func (s *Service) ourCertificate(ctx context.Context, c *broker.Connection) (string, error) {
	keys, err := s.Keys.ForConnection(ctx, c.Slug)
	if err != nil || len(keys) == 0 {
		return "", err
	}
	return pemOf(keys[0].Certificate), nil
}
