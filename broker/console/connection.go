package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/web"
	"cloakroom/templates"
)

const atConnection = atRealm + "/connections/:slug"

func (f *Front) connectionRoutes() []route {
	show, save := f.edit(f.connectionEditor())
	return []route{
		get(atConnection, f.page(f.connection)), get(atConnection+"/settings", show), post(atConnection+"/settings", save),
		post(atConnection+"/check", f.action(f.check)), get(atConnection+"/tests/:ref", f.page(f.testReport)),
		post(atConnection+"/switch", f.action(f.switchConnection)), get(atConnection+"/sheet", f.page(f.sheet)),
		get(atConnection+"/explain", f.page(f.askExplain)), post(atConnection+"/explain", f.page(f.explain)),
		get(atConnection+"/enforcement", f.page(f.enforcement)), post(atConnection+"/enforcement", f.action(f.enforce)),
		get(atConnection+"/collisions", f.page(f.collisions)), get(atConnection+"/keys", f.page(f.connectionKeys)), post(atConnection+"/keys/rotate", f.action(f.rotateConnection)),
		get(atConnection+"/signout", f.page(f.askSignoutAll)), post(atConnection+"/signout", f.action(f.signoutAll)),
		get(atConnection+"/delete", f.page(f.askDeleteConnection)), post(atConnection+"/delete", f.action(f.deleteConnection)),
	}
}

func connectionPath(c *web.Ctx, below ...string) string {
	return realmPath(c.Param("realm"), append([]string{"connections", c.Param("slug")}, below...)...)
}

// connectionTabs are the pages about one connection.
func connectionTabs() []struct{ label, below string } {
	return []struct{ label, below string }{
		{"Overview", ""}, {"Set up", "setup"}, {"Settings", "settings"}, {"Explain", "explain"}, {"Hand-over sheet", "sheet"},
		{"Published", "documents"}, {"Trial", "shadow"}, {"Provisioning", "provisioning"}, {"Enforcement", "enforcement"}, {"People", "collisions"}, {"Our keys", "keys"},
	}
}

// connectionFrame is the frame of a page about a connection.
func (f *Front) connectionFrame(c *web.Ctx, a admin.Actor, tab string) templates.Console {
	realm, slug := c.Param("realm"), c.Param("slug")
	p := f.frame(c, a, "/admin/connections", templates.Place{Label: "Realms", URL: "/admin/realms"}, templates.Place{Label: realm, URL: realmPath(realm)},
		templates.Place{Label: "Connections", URL: realmPath(realm, "connections")}, templates.Place{Label: slug, URL: connectionPath(c)})
	for _, t := range connectionTabs() {
		at := connectionPath(c)
		if t.below != "" {
			at = connectionPath(c, t.below)
		}
		p.Tabs = append(p.Tabs, templates.Place{Label: t.label, URL: at, Current: t.below == tab})
	}
	return p
}

func (f *Front) connection(c *web.Ctx, a admin.Actor) error {
	ctx, realm, slug := c.Request.Context(), c.Param("realm"), c.Param("slug")
	v, err := f.Admin.GetConnection(ctx, a, realm, slug)
	if err != nil {
		return err
	}
	health, err := f.Admin.ConnectionHealth(ctx, a, realm, slug)
	if err != nil {
		return err
	}
	stats, err := f.Admin.ConnectionStats(ctx, a, realm, slug, 30)
	if err != nil {
		return err
	}
	checks, err := f.Admin.ListChecks(ctx, a, realm, slug, broker.Page{Limit: 1})
	if err != nil {
		return err
	}
	page := broker.Page{Limit: 10}
	failed, err := f.Admin.ListLogins(ctx, a, realm, broker.TraceFilter{Connection: slug, Outcome: "failed"}, page)
	if err != nil {
		return err
	}
	p := templates.ConsolePage{Console: f.connectionFrame(c, a, ""), Heading: v.DisplayName, Purpose: health.Reason, Pill: healthPill(health.Status)}
	p.Actions = []templates.Place{{Label: "Go on setting it up", URL: connectionPath(c, "setup")}, renewBy(v)}
	p.Sections = []templates.Section{
		{Charts: []templates.Chart{chart("Sign-ins, last 30 days", stats.Days)}, Figures: healthFigures(p.Console, health), Buttons: connectionButtons(c, p.Token, v)},
		lastCheck(p.Console, checks.Items),
		{Heading: "Sign-ins that failed", Table: traceTable(p.Console, failed.Items), Empty: templates.Empty{Text: "None that we know of."}, Links: []templates.Place{{Label: "All sign-ins", URL: realmPath(realm, "logins") + "?connection=" + url.QueryEscape(slug)}, {Label: "Sessions", URL: realmPath(realm, "sessions") + "?connection=" + url.QueryEscape(slug)}, {Label: "What was changed, by whom", URL: realmPath(realm, "events") + "?connection=" + url.QueryEscape(slug)}}},
		{Heading: "Facts", Facts: connectionFacts(p.Console, v)},
	}
	f.Web.Page(c, http.StatusOK, p)
	return nil
}

func healthFigures(p templates.Console, h *broker.Health) []templates.Figure {
	tested := "never"
	if h.LastTest != nil {
		tested = p.When(h.LastTest.At).Short
		if !h.LastTest.Passed {
			tested += ", failed"
		}
	}
	expires := "no end known"
	if !h.NextExpiry.IsZero() {
		expires = p.When(h.NextExpiry).Short
	}
	return []templates.Figure{
		{Name: "Last sign-in", Value: p.When(h.LastSuccess).Short}, {Name: "Failed, 24 hours", Value: rate(h.Day)}, {Name: "Failed, 7 days", Value: rate(h.Week)},
		{Name: "Tested", Value: tested}, {Name: "Next expiry", Value: expires},
	}
}

func connectionButtons(c *web.Ctx, token string, v *broker.Connection) []templates.Form {
	toggle := templates.Form{Action: connectionPath(c, "switch"), Token: token, Submit: "Switch on for everyone", Hidden: []templates.Field{{Name: "enabled", Value: "true"}}}
	if v.Enabled {
		toggle.Submit, toggle.Danger, toggle.Hidden[0].Value = "Switch off: nobody can sign in through it", true, "false"
	}
	return []templates.Form{{Action: setupPath(c, "test"), Token: token, Submit: "Test this connection", Test: &templates.FollowedTest{State: setupPath(c, "test"), Reports: connectionPath(c, "tests") + "/"}}, {Action: connectionPath(c, "check"), Token: token, Submit: "Check it now"}, toggle}
}

func lastCheck(p templates.Console, runs []*admin.CheckReport) templates.Section {
	s := templates.Section{Heading: "Last check", Empty: templates.Empty{Text: "Never checked. A check looks at everything that can be known without a person signing in."}}
	if len(runs) == 0 {
		return s
	}
	run := runs[0]
	s.Text = "Of " + p.When(run.At).Exact + ", asked for by " + run.By + "."
	s.Findings, s.Table, s.Empty = web.Cards(run.Report.Findings), checkTable(run.Report.Checks), templates.Empty{Text: "Nothing to complain of."}
	return s
}

// checkNames are the checks whose short names say nothing to whoever has not read the protocol.
var checkNames = map[string]string{
	"jwks": "signing keys", "passive": "sign-in without a person", "message": "message is readable", "in_response_to": "answers our request", "recipient": "made out to our address", "audience": "made out to us",
	"sub": "subject", "userinfo": "user information", "nonce": "answers our request (nonce)", "client_auth": "how the secret is sent", "pkce": "code challenge (PKCE)", "clock": "clocks agree", "secret": "client secret", "client_secret": "client secret",
}

func checkTable(checks []admin.Check) templates.Table {
	t := templates.Table{Label: "Checks", Columns: []string{"Check", "Result", "Detail"}}
	for _, v := range checks {
		result := templates.Pill{Kind: "quiet", Word: "Not reached"}
		switch v.Status {
		case "passed":
			result = templates.Pill{Kind: "good", Word: "Passed"}
		case "failed":
			result = templates.Pill{Kind: "bad", Word: "Failed"}
		}
		t.Rows = append(t.Rows, templates.Row{Cells: []templates.Cell{text(cmp.Or(checkNames[v.Name], strings.ReplaceAll(v.Name, "_", " "))), {Pill: result}, code(v.Detail)}})
	}
	return t
}

func connectionFacts(p templates.Console, v *broker.Connection) []templates.Fact {
	return []templates.Fact{
		fact("Slug", code(v.Slug)), fact("Alias", code(v.Alias)), fact("Provider", templates.Cell{Text: presetTitle(v.Preset), URL: "/help/providers/" + url.PathEscape(v.Preset)}), fact("Protocol", text(templates.Wizard{Protocol: v.Protocol}.ProtocolWord())),
		fact("Domains", text(cmp.Or(strings.Join(v.Domains, ", "), "–"))), fact("Whose word counts for an address", text(trusts[v.EmailTrust])), fact("New people", text(provisions[v.Provisioning])),
		fact("Enforced", onOff(v.Enforced)), fact("On the sign-in page", onOff(!v.HideOnLogin)), fact("Changed", templates.Cell{When: p.When(v.UpdatedAt)}),
	}
}

var (
	trusts      = map[string]string{"domains": "addresses in domains that this customer has proved", "verified_claim": "addresses that the provider itself calls verified", "any": "any address the provider names: an operator vouches for it"}
	provisions  = map[string]string{"automatic": "are made at their first sign-in", "invite": "need an invitation", "existing": "are not let in: only who is already known"}
	clientAuths = map[string]string{"auto": "as the provider announces it", "client_secret_basic": "client secret, in a header (client_secret_basic)", "client_secret_post": "client secret, in the form (client_secret_post)", "client_secret_jwt": "signed with the client secret (client_secret_jwt)", "private_key_jwt": "signed with our own key (private_key_jwt)", "none": "not at all: a public client"}
	linkings    = map[string]string{"verified_email": "is tied to the account with the same proved address", "confirm": "is tied after a mailed code", "never": "is never tied to another account"}
)

func wordsOf(m map[string]string, order []string) []templates.Option {
	out := make([]templates.Option, len(order))
	for i, v := range order {
		out[i] = templates.Option{Value: v, Label: m[v]}
	}
	return out
}

var sharedFields = []field{
	{pointer: "/display_name", kind: "text", label: "Name", hint: "As people read it on the button."},
	{pointer: "/domains", kind: "lines", label: "Domains", hint: "One a line. Addresses in them come here by themselves; each must be verified for this realm."},
	{pointer: "/email_trust", kind: "select", label: "Which addresses count", hint: "\"Any\" is for providers whose administrators you would trust with every account of this realm.", options: wordsOf(trusts, broker.EmailTrusts)},
	{pointer: "/provisioning", kind: "select", label: "New people", options: wordsOf(provisions, broker.Provisions)},
	{pointer: "/linking", kind: "select", label: "Somebody whose address is already known", options: wordsOf(linkings, broker.Linkings)},
	{pointer: "/default_groups", kind: "lines", label: "Groups everybody gets", hint: "One a line."},
	{pointer: "/required_groups", kind: "lines", label: "Required groups", hint: "Only members of one of these get in. One a line, as the provider sends it or as the group rules call it. Empty: everybody."},
	{pointer: "/mapping", kind: "pairs", label: "Mapping", hint: "One field a line, with the attributes it is read from: email: mail, email. Fields: email, given_name, family_name, name, locale, groups, subject."},
	{pointer: "/contacts", kind: "lines", label: "Contacts at the customer", hint: "Addresses that are told what ends at their side, one a line. Empty: the realm's contacts."},
	{pointer: "/hide_on_login", kind: "check", label: "Not on the sign-in page", hint: "Domains, hints and direct links still lead to it."},
}

var protocolFields = map[string][]field{
	"saml": {
		{pointer: "/saml/metadata_url", kind: "text", label: "Metadata URL"}, {pointer: "/saml/metadata_xml", kind: "area", label: "Metadata", hint: "Only where there is no URL for it."},
		{pointer: "/saml/entity_id", kind: "text", label: "Entity ID"}, {pointer: "/saml/sso_url", kind: "text", label: "Sign-in URL"}, {pointer: "/saml/slo_url", kind: "text", label: "Sign-out URL"},
		{pointer: "/saml/name_id_format", kind: "text", label: "Name ID format to ask for", hint: "Empty offends nobody."},
		{pointer: "/saml/sign_requests", kind: "select", label: "Sign requests", options: []templates.Option{{Value: "auto", Label: "where their metadata wants it"}, {Value: "always", Label: "always"}, {Value: "never", Label: "never"}}}, {pointer: "/saml/encrypt", kind: "select", label: "Encrypted assertions", options: choices("optional", "required", "never")},
		{pointer: "/saml/force_authn", kind: "check", label: "Ask for the password every time"}, {pointer: "/saml/idp_initiated", kind: "check", label: "Sign-ins may begin at the identity provider", hint: "Such an answer is bound to no browser: switch it on only where people start from a tile."},
		{pointer: "/saml/allow_sha1", kind: "check", label: "Take SHA-1 signatures", hint: "Broken, and a warning stays while it is on."},
	},
	"oidc": {
		{pointer: "/oidc/issuer", kind: "text", label: "Issuer"}, {pointer: "/oidc/tenant", kind: "text", label: "Tenant or hosted domain that is pinned"}, {pointer: "/oidc/client_id", kind: "text", label: "Client ID"},
		{pointer: "/oidc/client_secret", kind: "secret", label: "Client secret", hint: "Empty: stays as it is. It is never shown."},
		{pointer: "/oidc/client_secret_expires_at", kind: "time", label: "The secret ends on", hint: "As the provider's console says: contacts are warned before."},
		{pointer: "/oidc/client_auth", kind: "select", label: "How we prove who we are", options: wordsOf(clientAuths, []string{"auto", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "none"})},
		{pointer: "/oidc/scopes", kind: "words", label: "Scopes"}, {pointer: "/oidc/userinfo", kind: "select", label: "Ask the userinfo endpoint", options: []templates.Option{{Value: "auto", Label: "where the ID token says too little"}, {Value: "always", Label: "always"}, {Value: "never", Label: "never"}}},
	},
	"oauth2": {
		{pointer: "/oauth2/client_id", kind: "text", label: "Client ID"}, {pointer: "/oauth2/client_secret", kind: "secret", label: "Client secret", hint: "Empty: stays as it is. It is never shown."},
		{pointer: "/oauth2/client_secret_expires_at", kind: "time", label: "The secret ends on"},
		{pointer: "/oauth2/authorize_url", kind: "text", label: "Authorization URL"}, {pointer: "/oauth2/token_url", kind: "text", label: "Token URL"}, {pointer: "/oauth2/userinfo_url", kind: "text", label: "User info URL"}, {pointer: "/oauth2/scopes", kind: "words", label: "Scopes"},
	},
	"ldap": {
		{pointer: "/ldap/url", kind: "text", label: "Server address", hint: "ldaps://dc1.corp.example (port 636), or ldap://… (port 389) with StartTLS."},
		{pointer: "/ldap/start_tls", kind: "check", label: "StartTLS", hint: "Only with ldap://: the connection is encrypted before anything else is said."},
		{pointer: "/ldap/ca", kind: "area", label: "CA certificate", hint: "The company's own authority in PEM, where the directory's certificate comes from one. Empty: the public ones."},
		{pointer: "/ldap/bind_dn", kind: "text", label: "Bind DN", hint: "The service account: its user principal name or its full DN."},
		{pointer: "/ldap/bind_password", kind: "secret", label: "Bind password", hint: "Empty: stays as it is. It is never shown."},
		{pointer: "/ldap/user_base", kind: "text", label: "User base", hint: "The DN below which the people are."},
		{pointer: "/ldap/user_filter", kind: "text", label: "User filter", hint: "%s stands for the name that was typed. Empty: the provider's usual one."},
		{pointer: "/ldap/group_base", kind: "text", label: "Group base"},
		{pointer: "/ldap/group_filter", kind: "text", label: "Group filter", hint: "%s is the person's DN, %u the user name. Empty: the provider's usual one."},
		{pointer: "/ldap/nested_groups", kind: "check", label: "Nested groups", hint: "Also the groups that a person's groups are members of."},
		{pointer: "/ldap/subject_attribute", kind: "text", label: "Subject attribute", hint: "What identifies a person for good: objectGUID, entryUUID. Empty: the first of those that the directory has."},
	},
}

func (f *Front) connectionEditor() editor {
	return editor{
		choose: func(object any) []field {
			v, ok := object.(*broker.Connection)
			if !ok {
				return sharedFields
			}
			return slices.Concat(sharedFields, protocolFields[v.Protocol])
		}, submit: "Save this connection",
		load: func(c *web.Ctx, a admin.Actor) (any, error) {
			return f.Admin.GetConnection(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
		},
		save: func(c *web.Ctx, a admin.Actor, doc []byte) (string, string, error) {
			v, err := f.Admin.UpdateConnection(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), readAt(c), doc)
			if err != nil {
				return "", "", err
			}
			return connectionPath(c, "settings"), v.DisplayName + " was saved.", nil
		},
		draw: func(c *web.Ctx, a admin.Actor, form templates.Form) (templates.ConsolePage, error) {
			p := f.formPage(f.connectionFrame(c, a, "settings"), "Settings", form)
			if object, err := f.Admin.Handover(c.Request.Context(), a, c.Param("realm"), c.Param("slug")); err != nil {
				return p, err
			} else if object.JWKSURI != "" {
				p.Sections = append(p.Sections, templates.Section{Text: "Enter this address of our published keys at the provider.", Copy: []templates.CopyField{{ID: "jwks-uri", Label: "JWKS URI", Value: object.JWKSURI}}})
			}
			p.Sections = append(p.Sections, templates.Section{Offers: []templates.Place{{Label: "Sign out everybody who came through it", URL: connectionPath(c, "signout")}, {Label: "Delete this connection", URL: connectionPath(c, "delete")}}})
			return p, nil
		},
	}
}

func (f *Front) check(c *web.Ctx, a admin.Actor) (string, string, error) {
	r, err := f.Admin.CheckConnection(c.Request.Context(), a, c.Param("realm"), c.Param("slug"))
	if err != nil {
		return "", "", err
	}
	return connectionPath(c), fmt.Sprintf("Checked: %d checks passed, %d findings.", len(r.Checks), len(r.Findings)), nil
}

func (f *Front) switchConnection(c *web.Ctx, a admin.Actor) (string, string, error) {
	on := c.PostForm("enabled") == "true"
	body, err := json.Marshal(map[string]bool{"enabled": on})
	if err != nil {
		return "", "", err
	}
	v, err := f.Admin.UpdateConnection(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), nil, body)
	if err != nil {
		return "", "", err
	}
	if v.Enabled {
		return connectionPath(c), v.DisplayName + " is on: people can sign in through it.", nil
	}
	return connectionPath(c), v.DisplayName + " is off.", nil
}

func (f *Front) rotateConnection(c *web.Ctx, a admin.Actor) (string, string, error) {
	body, err := json.Marshal(admin.Rotation{Connection: c.Param("slug")})
	if err != nil {
		return "", "", err
	}
	k, err := f.Admin.RotateKey(c.Request.Context(), a, c.Param("realm"), body)
	if err != nil {
		return "", "", err
	}
	return connectionPath(c, "keys"), "The key " + k.ID + " is used from now on.", nil
}

func (f *Front) askSignoutAll(c *web.Ctx, a admin.Actor) error {
	hit, err := f.Admin.SignoutConnection(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), true)
	if err != nil {
		return err
	}
	lines := []string{plural(hit.People, "person has", "people have") + " " + plural(hit.Sessions, "session", "sessions") + " that came through this connection."}
	for _, u := range hit.First {
		lines = append(lines, u.Email)
	}
	f.confirm(c, f.connectionFrame(c, a, "settings"), "Sign out everybody who came through it?", "Sign out "+plural(hit.People, "person", "people"), connectionPath(c, "settings"), lines...)
	return nil
}

func (f *Front) signoutAll(c *web.Ctx, a admin.Actor) (string, string, error) {
	hit, err := f.Admin.SignoutConnection(c.Request.Context(), a, c.Param("realm"), c.Param("slug"), false)
	return connectionPath(c), plural(hit.People, "person was", "people were") + " signed out.", err
}

func (f *Front) askDeleteConnection(c *web.Ctx, a admin.Actor) error {
	ctx, realm, slug := c.Request.Context(), c.Param("realm"), c.Param("slug")
	v, err := f.Admin.GetConnection(ctx, a, realm, slug)
	if err != nil {
		return err
	}
	f.confirm(c, f.connectionFrame(c, a, "settings"), "Delete "+v.DisplayName+"?", "Delete "+v.DisplayName, connectionPath(c, "settings"),
		"Nobody can sign in through it any more, and what ties its people to their accounts is forgotten. Its addresses ("+f.Web.BaseURL+"/broker/"+slug+"/…) stop answering.")
	return nil
}

func (f *Front) deleteConnection(c *web.Ctx, a admin.Actor) (string, string, error) {
	realm := c.Param("realm")
	return realmPath(realm, "connections"), "The connection was deleted.", f.Admin.DeleteConnection(c.Request.Context(), a, realm, c.Param("slug"), nil)
}
