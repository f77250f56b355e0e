package broker

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
)

// Connection is one configured upstream identity provider of a realm.
type Connection struct {
	Slug        string `json:"slug"`
	Realm       string `json:"realm"`
	Alias       string `json:"alias"`
	DisplayName string `json:"display_name"`
	Protocol    string `json:"protocol"` // saml, oidc, oauth2, ldap
	Preset      string `json:"preset"`
	Enabled     bool   `json:"enabled"`
	// Draft is a connection under way: switched off, and what its protocol needs may be missing still. It ends by itself
	// when nothing is.
	Draft         bool     `json:"draft,omitempty"`
	Domains       []string `json:"domains"`
	EmailTrust    string   `json:"email_trust"`  // domains, verified_claim, any
	Provisioning  string   `json:"provisioning"` // automatic, invite, existing
	Linking       string   `json:"linking"`      // verified_email, confirm, never
	DefaultGroups []string `json:"default_groups"`
	// RequiredGroups lets in members of one of these only, as the upstream sends them or as the rules name them. Empty:
	// everybody.
	RequiredGroups []string `json:"required_groups"`
	Enforced       bool     `json:"enforced"`
	// HideOnLogin keeps it off the chooser; hints, domains and direct links still reach it.
	HideOnLogin bool                `json:"hide_on_login"`
	Mapping     map[string][]string `json:"mapping"` // profile field -> upstream attributes, first that is present
	// GroupRules map upstream values to groups of ours. GroupNames give names to upstream ids (Entra's object ids) before
	// the rules see them. OnlyMapped drops upstream groups that no rule maps.
	GroupRules []GroupRule       `json:"group_rules,omitempty"`
	GroupNames map[string]string `json:"group_names,omitempty"`
	OnlyMapped bool              `json:"only_mapped_groups,omitempty"`
	// UpdateProfile says per profile field whether it is taken from upstream once or always (the default).
	UpdateProfile map[string]string `json:"update_profile,omitempty"`
	// Contacts are told of what ends at their side: certificates, secrets, metadata. Empty: the realm's contacts are.
	Contacts []string `json:"contacts,omitempty"`
	SAML     *SAML    `json:"saml,omitempty"`
	OIDC     *OIDC    `json:"oidc,omitempty"`
	OAuth2   *OAuth2  `json:"oauth2,omitempty"`
	LDAP     *LDAP    `json:"ldap,omitempty"`
	Meta
}

// SAML are the settings of a SAML 2.0 identity provider: metadata (URL or XML) or the manual fields, which win over it.
type SAML struct {
	MetadataURL           string   `json:"metadata_url"`
	MetadataXML           string   `json:"metadata_xml"`
	EntityID              string   `json:"entity_id"` // in a federation's metadata it chooses the entity
	SSOURL                string   `json:"sso_url"`
	SLOURL                string   `json:"slo_url"`
	Certificates          []string `json:"certificates"` // PEM
	SPEntityID            string   `json:"sp_entity_id"`
	NameIDFormat          string   `json:"name_id_format"` // "": no NameIDPolicy is sent
	Binding               string   `json:"binding"`        // redirect, post
	SignRequests          string   `json:"sign_requests"`  // auto, always, never
	SignMetadata          bool     `json:"sign_metadata"`
	Encrypt               string   `json:"encrypt"` // optional, required, never: whether our metadata offers a key and a plain assertion is taken
	ForceAuthn            bool     `json:"force_authn"`
	IdPInitiated          bool     `json:"idp_initiated"`
	ClockSkew             Duration `json:"clock_skew"`
	AllowSHA1             bool     `json:"allow_sha1"`
	AllowCBC              bool     `json:"allow_cbc"`
	AllowRSA15            bool     `json:"allow_rsa15"`
	RequestedAuthnContext []string `json:"requested_authn_context"`
}

// OIDC are the settings of an OpenID provider.
type OIDC struct {
	Issuer              string            `json:"issuer"`
	ClientID            string            `json:"client_id"`
	ClientSecret        Secret            `json:"client_secret"`
	ClientAuth          string            `json:"client_auth"` // auto, client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt, none
	Scopes              []string          `json:"scopes"`
	UserInfo            string            `json:"userinfo"` // auto, always, never
	AuthorizationParams map[string]string `json:"authorization_params"`
	Tenant              string            `json:"tenant"`        // Entra tenant id or Google hosted domain that is pinned
	ResponseMode        string            `json:"response_mode"` // "" (query) or form_post
	Algorithms          []string          `json:"algorithms"`    // ID token algorithms taken; empty: RS256/384/512, PS256/384/512, ES256/384/512, EdDSA as discovery lists them
	ClockSkew           Duration          `json:"clock_skew"`
	// ClientSecretExpiresAt is when the provider's console says that the secret ends. A new secret without it clears it.
	ClientSecretExpiresAt time.Time `json:"client_secret_expires_at,omitzero"`
}

// OAuth2 are the settings of a plain OAuth 2.0 provider (GitHub).
type OAuth2 struct {
	AuthorizeURL string   `json:"authorize_url"`
	TokenURL     string   `json:"token_url"`
	UserInfoURL  string   `json:"userinfo_url"`
	ClientID     string   `json:"client_id"`
	ClientSecret Secret   `json:"client_secret"`
	Scopes       []string `json:"scopes"`
	// ClientSecretExpiresAt as in OIDC.
	ClientSecretExpiresAt time.Time `json:"client_secret_expires_at,omitzero"`
}

// LDAP are the settings of a directory.
type LDAP struct {
	URL          string `json:"url"`
	StartTLS     bool   `json:"start_tls"`
	CA           string `json:"ca"`
	BindDN       string `json:"bind_dn"`
	BindPassword Secret `json:"bind_password"`
	UserBase     string `json:"user_base"`
	UserFilter   string `json:"user_filter"`
	GroupBase    string `json:"group_base"`
	GroupFilter  string `json:"group_filter"`
	// NestedGroups also finds the groups that a person's groups are members of, with Active Directory's matching rule.
	NestedGroups     bool   `json:"nested_groups"`
	SubjectAttribute string `json:"subject_attribute"`
}

// What the enumerated fields of a connection take.
var (
	Protocols   = []string{"saml", "oidc", "oauth2", "ldap"}
	Presets     = []string{"okta", "entra", "adfs", "google", "microsoft", "onelogin", "pingone", "pingfederate", "jumpcloud", "keycloak", "shibboleth", "github", "apple", "active-directory", "generic"}
	EmailTrusts = []string{"domains", "verified_claim", "any"}
	Provisions  = []string{"automatic", "invite", "existing"}
	Linkings    = []string{"verified_email", "confirm", "never"}
	Profiles    = []string{"email", "given_name", "family_name", "name", "locale", "groups", "subject"}
)

// Off is why nobody may sign in through the connection, nil where it is switched on.
func (c *Connection) Off() error {
	switch {
	case c.Draft:
		return fault.New(fault.LoginDraft, "connection %q", c.Slug)
	case !c.Enabled:
		return fault.New(fault.LoginDisabled, "connection %q", c.Slug)
	}
	return nil
}

// Prompts says that people are asked on a page of ours, so that no answer to a sign-in comes from outside.
func (c *Connection) Prompts() bool { return c.Protocol == "ldap" }

// Secrets names the secret fields, by the pointer inside the connection's JSON, so that store, API and export treat them
// alike.
func (c *Connection) Secrets() map[string]*Secret {
	m := map[string]*Secret{}
	if c.OIDC != nil {
		m["/oidc/client_secret"] = &c.OIDC.ClientSecret
	}
	if c.OAuth2 != nil {
		m["/oauth2/client_secret"] = &c.OAuth2.ClientSecret
	}
	if c.LDAP != nil {
		m["/ldap/bind_password"] = &c.LDAP.BindPassword
	}
	return m
}

// Config is the protocol's section with the secrets in place, as a provider's Open takes it.
func (c *Connection) Config() ([]byte, error) {
	var section any
	switch c.Protocol {
	case "saml":
		section = c.SAML
	case "oidc":
		section = c.OIDC
	case "oauth2":
		section = c.OAuth2
	case "ldap":
		section = c.LDAP
	}
	b, err := json.Marshal(section)
	if err != nil {
		return nil, err
	}
	if len(c.Secrets()) == 0 {
		return b, nil
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, err
	}
	for pointer, s := range c.Secrets() {
		m[pointer[strings.LastIndexByte(pointer, '/')+1:]] = s.Reveal()
	}
	return json.Marshal(m)
}

// Defaults fills what was left out. A preset's own defaults are laid under by providers/preset before this.
func (c *Connection) Defaults() {
	if c.Alias == "" {
		c.Alias = c.Slug
	}
	if c.DisplayName == "" {
		c.DisplayName = c.Alias
	}
	if c.Preset == "" {
		c.Preset = "generic"
	}
	if c.EmailTrust == "" {
		c.EmailTrust = "domains"
	}
	if c.Provisioning == "" {
		c.Provisioning = "automatic"
	}
	if c.Linking == "" {
		c.Linking = "verified_email"
	}
	if c.Domains == nil {
		c.Domains = []string{}
	}
	if c.DefaultGroups == nil {
		c.DefaultGroups = []string{}
	}
	if c.RequiredGroups == nil {
		c.RequiredGroups = []string{}
	}
	if c.Mapping == nil {
		c.Mapping = map[string][]string{}
	}
	switch c.Protocol {
	case "saml":
		if c.SAML == nil {
			c.SAML = &SAML{}
		}
		s := c.SAML
		setDefault(&s.Binding, "redirect")
		setDefault(&s.SignRequests, "auto")
		setDefault(&s.Encrypt, "optional")
		def(&s.ClockSkew, 60*time.Second)
		if s.Certificates == nil {
			s.Certificates = []string{}
		}
		if s.RequestedAuthnContext == nil {
			s.RequestedAuthnContext = []string{}
		}
	case "oidc":
		if c.OIDC == nil {
			c.OIDC = &OIDC{}
		}
		o := c.OIDC
		setDefault(&o.ClientAuth, "auto")
		setDefault(&o.UserInfo, "auto")
		def(&o.ClockSkew, 60*time.Second)
		if len(o.Scopes) == 0 {
			o.Scopes = []string{"openid", "email", "profile"}
		}
		if o.AuthorizationParams == nil {
			o.AuthorizationParams = map[string]string{}
		}
		if o.Algorithms == nil {
			o.Algorithms = []string{}
		}
	case "oauth2":
		if c.OAuth2 == nil {
			c.OAuth2 = &OAuth2{}
		}
		if c.OAuth2.Scopes == nil {
			c.OAuth2.Scopes = []string{}
		}
	case "ldap":
		if c.LDAP == nil {
			c.LDAP = &LDAP{}
		}
	}
}

func setDefault(s *string, v string) {
	if *s == "" {
		*s = v
	}
}

// Validate answers every bad field at once. What only the protocol can judge (metadata, certificates, issuer) is judged
// by its Open.
func (c *Connection) Validate() error {
	var f fields
	if !ValidName(c.Slug) {
		f.add("/slug", "is 1 to 63 of a-z, 0-9 and -, not beginning with - (no underscore: Okta refuses one in this address)")
	}
	// An alias may be any legacy Keycloak one, byte for byte, as long as it can stand in a path.
	if c.Alias == "" || len(c.Alias) > 255 {
		f.add("/alias", "is 1 to 255 bytes")
	}
	checkText(&f, "/alias", c.Alias, 255)
	if strings.ContainsAny(c.Alias, "/?#") {
		f.add("/alias", "must not hold / ? or #")
	}
	checkText(&f, "/display_name", c.DisplayName, 200)
	oneOf(&f, "/protocol", c.Protocol, Protocols)
	oneOf(&f, "/preset", c.Preset, Presets)
	oneOf(&f, "/email_trust", c.EmailTrust, EmailTrusts)
	oneOf(&f, "/provisioning", c.Provisioning, Provisions)
	oneOf(&f, "/linking", c.Linking, Linkings)
	checkContacts(&f, c.Contacts)
	for i, g := range c.DefaultGroups {
		checkText(&f, ptr("/default_groups", i), g, 255)
	}
	for i, g := range c.RequiredGroups {
		if checkText(&f, ptr("/required_groups", i), g, 255); g == "" {
			f.add(ptr("/required_groups", i), "must not be empty")
		}
	}
	for k, v := range c.Mapping {
		if !slices.Contains(Profiles, k) {
			f.add("/mapping/"+k, "is not one of %v", Profiles)
		}
		for i, a := range v {
			checkText(&f, ptr("/mapping/"+k, i), a, 255)
		}
	}
	for name, section := range map[string]bool{"saml": c.SAML != nil, "oidc": c.OIDC != nil, "oauth2": c.OAuth2 != nil, "ldap": c.LDAP != nil} {
		if section && name != c.Protocol {
			f.add("/"+name, "does not belong to a connection of protocol %s", c.Protocol)
		}
	}
	if c.Draft && c.Enabled {
		f.add("/enabled", "must be false while the connection is a draft: something that it needs is missing")
	}
	c.validateMapping(&f)
	if s := c.SAML; s != nil {
		optURL(&f, "/saml/metadata_url", s.MetadataURL)
		optURL(&f, "/saml/sso_url", s.SSOURL)
		optURL(&f, "/saml/slo_url", s.SLOURL)
		oneOf(&f, "/saml/binding", s.Binding, []string{"redirect", "post"})
		oneOf(&f, "/saml/sign_requests", s.SignRequests, []string{"auto", "always", "never"})
		oneOf(&f, "/saml/encrypt", s.Encrypt, []string{"optional", "required", "never"})
		between(&f, "/saml/clock_skew", s.ClockSkew, 0, 10*time.Minute)
		checkText(&f, "/saml/entity_id", s.EntityID, 1024)
		checkText(&f, "/saml/sp_entity_id", s.SPEntityID, 1024)
		checkText(&f, "/saml/name_id_format", s.NameIDFormat, 255)
		checkTexts(&f, "/saml/requested_authn_context", s.RequestedAuthnContext)
		if len(s.MetadataXML) > 1<<20 {
			f.add("/saml/metadata_xml", "is larger than 1 MiB: give the metadata URL of this application alone")
		}
	}
	if o := c.OIDC; o != nil {
		optURL(&f, "/oidc/issuer", o.Issuer)
		oneOf(&f, "/oidc/client_auth", o.ClientAuth, []string{"auto", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"})
		oneOf(&f, "/oidc/userinfo", o.UserInfo, []string{"auto", "always", "never"})
		if o.ResponseMode != "" {
			oneOf(&f, "/oidc/response_mode", o.ResponseMode, []string{"query", "form_post"})
		}
		between(&f, "/oidc/clock_skew", o.ClockSkew, 0, 10*time.Minute)
		if o.ClientID == "" && !c.Draft {
			f.add("/oidc/client_id", "is missing")
		}
		checkText(&f, "/oidc/client_id", o.ClientID, 512)
		checkText(&f, "/oidc/client_secret", unbroken(o.ClientSecret.Reveal()), 4096)
		checkText(&f, "/oidc/tenant", o.Tenant, 255)
		checkTexts(&f, "/oidc/scopes", o.Scopes)
		for k, v := range o.AuthorizationParams {
			checkText(&f, "/oidc/authorization_params/"+k, k+v, 2048)
		}
	}
	if o := c.OAuth2; o != nil {
		optURL(&f, "/oauth2/authorize_url", o.AuthorizeURL)
		optURL(&f, "/oauth2/token_url", o.TokenURL)
		optURL(&f, "/oauth2/userinfo_url", o.UserInfoURL)
		if o.ClientID == "" && !c.Draft {
			f.add("/oauth2/client_id", "is missing")
		}
		checkText(&f, "/oauth2/client_id", o.ClientID, 512)
		checkText(&f, "/oauth2/client_secret", unbroken(o.ClientSecret.Reveal()), 4096)
		checkTexts(&f, "/oauth2/scopes", o.Scopes)
	}
	c.validateLDAP(&f)
	return f.err()
}

func (c *Connection) validateLDAP(f *fields) {
	l := c.LDAP
	if l == nil {
		return
	}
	if l.URL != "" {
		checkURL(f, "/ldap/url", l.URL, "ldaps", "ldap")
	}
	if len(l.CA) > 256<<10 {
		f.add("/ldap/ca", "is larger than 256 KiB")
	}
	checkText(f, "/ldap/bind_dn", l.BindDN, 1024)
	checkText(f, "/ldap/bind_password", l.BindPassword.Reveal(), 1024)
	checkText(f, "/ldap/user_base", l.UserBase, 1024)
	checkText(f, "/ldap/user_filter", l.UserFilter, 2048)
	checkText(f, "/ldap/group_base", l.GroupBase, 1024)
	checkText(f, "/ldap/group_filter", l.GroupFilter, 2048)
	checkText(f, "/ldap/subject_attribute", l.SubjectAttribute, 255)
}

func optURL(f *fields, pointer, s string) {
	if s != "" {
		checkURL(f, pointer, s, "https", "http")
	}
}

func oneOf(f *fields, pointer, s string, allowed []string) {
	if !slices.Contains(allowed, s) {
		f.add(pointer, "%q is not one of %v", s, allowed)
	}
}
