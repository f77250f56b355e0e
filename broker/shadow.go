package broker

import "time"

// What a second configuration of a connection is.
const (
	ShadowTrial  = "shadow" // used by some people, to be compared
	ShadowFormer = "former" // in force before a switch, kept for a while
)

// Shadow is a second configuration of a connection: same slug, same addresses of ours, another upstream or other settings.
type Shadow struct {
	Connection string
	Realm      string
	Kind       string
	Until      time.Time // when a former one is forgotten; zero for one on trial
	ShadowDoc
	Meta
}

// ShadowDoc is the configuration and whom it is for.
type ShadowDoc struct {
	People []string    `json:"people"` // addresses, in normal form
	Config *Connection `json:"config"` // the whole connection as it would be, or was
}

// ShadowView is what a configuration on trial said of a person.
type ShadowView struct {
	Connection string
	Realm      string
	Email      string
	At         time.Time
	ShadowSeen
}

// ShadowSeen is the part of a view that is sealed at rest.
type ShadowSeen struct {
	Subject string   `json:"subject"`
	Groups  []string `json:"groups"`
	Code    string   `json:"code,omitempty"` // why the person did not come in
}

// With is c in another configuration: how the upstream is reached and read is the other's; who may come in, and all that
// others hang on, stays c's.
func (c *Connection) With(other *Connection) *Connection {
	out := *c
	out.Preset, out.Mapping, out.GroupRules, out.GroupNames, out.OnlyMapped = other.Preset, other.Mapping, other.GroupRules, other.GroupNames, other.OnlyMapped
	out.SAML, out.OIDC, out.OAuth2, out.LDAP = other.SAML, other.OIDC, other.OAuth2, other.LDAP
	return &out
}
