package admin

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/paste"
)

// Paste is a text that somebody copied out of the provider's console.
type Paste struct {
	Field string `json:"field,omitempty" doc:"The setting it was pasted for, as a JSON pointer; left out, the text itself says what it is"`
	Text  string `json:"text" doc:"An address, a document, a certificate, a secret, or a block with several; a file's bytes in base64"`
}

// Pasted is what a paste was and what became of it.
type Pasted struct {
	Kind       string             `json:"kind" doc:"What it was: metadata_url, metadata, certificate, client_secret, several …; empty where nobody can tell"`
	Saved      bool               `json:"saved" doc:"False where a finding is an error; then nothing was changed"`
	Fields     []string           `json:"fields" doc:"The settings that it filled"`
	Findings   []Finding          `json:"findings"`
	Connection *broker.Connection `json:"connection"`
	Next       string             `json:"next" doc:"The first step that is not done"`
	// OtherPreset and OtherProtocol are what the value would fit, where it does not fit this connection.
	OtherPreset   string `json:"other_preset,omitempty"`
	OtherProtocol string `json:"other_protocol,omitempty"`
}

// PasteInto reads a text and takes it over into a connection. Nothing is saved where a finding is an error.
func (s *Service) PasteInto(ctx context.Context, a Actor, realm, slug string, m Match, body []byte) (*Pasted, error) {
	return s.pasteInto(ctx, a, realm, slug, m, body, func(string) bool { return true })
}

// pasteInto is PasteInto for who may write only the settings that may names.
func (s *Service) pasteInto(ctx context.Context, a Actor, realm, slug string, m Match, body []byte, may func(pointer string) bool) (*Pasted, error) {
	c, err := s.connection(ctx, a, realm, slug, toSupport)
	if err != nil {
		return nil, err
	}
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var in Paste
	if err := decode(doc, &in); err != nil {
		return nil, err
	}
	own, err := s.own(ctx, c)
	if err != nil {
		return nil, err
	}
	res := paste.Read(paste.Input{Preset: c.Preset, Protocol: c.Protocol, Field: in.Field, Text: in.Text, Own: own, Has: has(c), EntityID: entityOf(c), Now: s.Now()})
	out := &Pasted{Kind: res.Kind, Findings: []Finding{}, Fields: sortedKeys(res.Set), Connection: c, OtherPreset: res.OtherPreset, OtherProtocol: res.OtherProtocol}
	for _, f := range res.Findings {
		out.Findings = append(out.Findings, FindingOf(f, paste.Severity(f)))
	}
	for pointer := range res.Set {
		if !may(pointer) {
			return nil, fault.New(fault.SetupBeyond, "what was pasted is %s, which the link is not for", res.Kind)
		}
	}
	if !res.Refused() && len(res.Set) > 0 {
		err = s.fill(ctx, a, c, m, res.Set, out)
	}
	if err != nil {
		return nil, err
	}
	w, err := s.WizardState(ctx, a, realm, slug)
	if err != nil {
		return nil, err
	}
	out.Next = w.Next
	return out, nil
}

// entityOf is the identity provider's name as a connection has it by hand.
func entityOf(c *broker.Connection) string {
	if c.SAML == nil {
		return ""
	}
	return c.SAML.EntityID
}

// fill saves what was pasted. Settings that the protocol refuses are a finding like those of the paste itself.
func (s *Service) fill(ctx context.Context, a Actor, c *broker.Connection, m Match, set map[string]any, out *Pasted) error {
	patch, err := json.Marshal(patchOf(c, set))
	if err != nil {
		return err
	}
	saved, err := s.UpdateConnection(ctx, a, c.Realm, c.Slug, m, patch)
	if bad := FieldErrors(err); bad != nil {
		f := fault.Wrap(fault.ConnectionUnready, err, "%s", bad[0].Detail)
		out.Findings, out.Fields = append(out.Findings, FindingOf(f, "error")), []string{}
		return nil
	}
	if err != nil {
		return err
	}
	out.Connection, out.Saved = saved, true
	return nil
}

// patchOf makes the merge patch of what was pasted. Metadata replaces what was entered by hand, since that would win over
// it; a further certificate of a connection in use stands beside the ones it has, so that the provider can change over.
func patchOf(c *broker.Connection, set map[string]any) map[string]any {
	section := map[string]any{}
	for pointer, value := range set {
		at, parts := section, strings.Split(strings.TrimPrefix(pointer, "/"+c.Protocol+"/"), "/")
		for _, part := range parts[:len(parts)-1] {
			inner, _ := at[part].(map[string]any)
			if inner == nil {
				inner = map[string]any{}
				at[part] = inner
			}
			at = inner
		}
		at[parts[len(parts)-1]] = value
	}
	_, url := section["metadata_url"]
	_, xml := section["metadata_xml"]
	if url || xml {
		for field, empty := range map[string]any{"metadata_url": "", "metadata_xml": "", "entity_id": "", "sso_url": "", "slo_url": "", "certificates": []string{}} {
			if _, given := section[field]; !given {
				section[field] = empty
			}
		}
	}
	if added, ok := section["certificates"].([]string); ok && len(added) > 0 && !c.Draft && c.SAML != nil {
		section["certificates"] = append(slices.Clone(added), slices.DeleteFunc(slices.Clone(c.SAML.Certificates), func(old string) bool { return slices.Contains(added, old) })...)
	}
	return map[string]any{c.Protocol: section}
}

// own is our side of a connection.
func (s *Service) own(ctx context.Context, c *broker.Connection) (paste.Own, error) {
	base := s.BaseURL + "/broker/" + c.Slug
	o := paste.Own{ACS: base + "/endpoint", RedirectURI: base + "/endpoint", EntityID: spEntityID(c, base), BaseURL: s.BaseURL}
	if c.Protocol != "saml" {
		return o, nil
	}
	keys, err := s.Keys.ForConnection(ctx, c.Slug)
	for _, k := range keys {
		o.Certificates = append(o.Certificates, pemOf(k.Certificate))
	}
	return o, err
}

// has are the settings that a connection has, by pointer.
func has(c *broker.Connection) map[string]bool {
	out := map[string]bool{}
	if o := c.OIDC; o != nil {
		out["/oidc/client_id"], out["/oidc/client_secret"], out["/oidc/tenant"], out["/oidc/issuer"] = o.ClientID != "", o.ClientSecret != "", o.Tenant != "", o.Issuer != ""
	}
	if o := c.OAuth2; o != nil {
		out["/oauth2/client_id"], out["/oauth2/client_secret"] = o.ClientID != "", o.ClientSecret != ""
	}
	if l := c.LDAP; l != nil {
		out["/ldap/bind_dn"], out["/ldap/bind_password"], out["/ldap/user_base"] = l.BindDN != "", l.BindPassword != "", l.UserBase != ""
	}
	if m := c.SAML; m != nil {
		out["/saml/entity_id"], out["/saml/sso_url"], out["/saml/certificates"] = m.EntityID != "", m.SSOURL != "", len(m.Certificates) > 0
	}
	return out
}
