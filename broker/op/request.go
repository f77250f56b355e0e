package op

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/broker/op/token"
)

// Bounds on an authorization request. Hints only help, so one that is too long is dropped; what must come back to the
// application unchanged is refused instead.
const (
	maxRequest = 16 << 10
	maxState   = 8 << 10
	maxNonce   = 1 << 10
	maxClaims  = 4 << 10
	maxLocales = 6
	maxACR     = 4
)

// form is a request's parameters, each read once.
type form struct {
	url.Values
	repeated string // a parameter that came twice, "" if none did
}

// parseForm reads a query or a form body. resource alone may be repeated (RFC 8707, section 2).
func parseForm(raw string) (form, error) {
	if len(raw) > maxRequest {
		return form{}, fault.New(fault.OPRequestTooLarge, "%d bytes, at most %d are read", len(raw), maxRequest)
	}
	v, err := url.ParseQuery(raw)
	if err != nil {
		return form{}, fault.Wrap(fault.OPRequestMalformed, err, "not form-encoded")
	}
	f := form{Values: v}
	for name, values := range v {
		if len(values) > 1 && name != "resource" && (f.repeated == "" || name < f.repeated) {
			f.repeated = name
		}
		for _, s := range append(values, name) {
			if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				return form{}, fault.New(fault.OPRequestMalformed, "a parameter is not UTF-8 text")
			}
		}
	}
	return f, nil
}

// one refuses a repeated parameter in OAuth's words.
func (f form) one() error {
	if f.repeated != "" {
		return refuse("invalid_request", plain(clip("the parameter "+f.repeated+" was sent twice", 200)))
	}
	return nil
}

func (f form) list(name string) []string { return strings.Fields(f.Get(name)) }

// hint is a parameter that only helps: dropped when it is longer than anything that could.
func (f form) hint(limit int, names ...string) string {
	for _, n := range names {
		if s := strings.TrimSpace(f.Get(n)); s != "" && len(s) <= limit {
			return s
		}
	}
	return ""
}

// answer is what is kept of an authorization request until it is answered: Login.Request, as JSON with short names since
// it travels in a cookie.
type answer struct {
	RedirectURI string       `json:"r"`
	Implied     bool         `json:"x,omitempty"` // the application left redirect_uri out
	Mode        string       `json:"m,omitempty"` // query if empty
	State       string       `json:"s,omitempty"`
	Nonce       string       `json:"n,omitempty"`
	Scopes      []string     `json:"c,omitempty"`
	Challenge   string       `json:"k,omitempty"`
	Resources   []string     `json:"u,omitempty"`
	Claims      *claimsAsked `json:"l,omitempty"`
	Sub         string       `json:"b,omitempty"` // the only subject that may be answered (claims parameter)
	Prefix      string       `json:"p,omitempty"` // of the door it came through
}

// claimsAsked is what is honoured of the claims parameter (OpenID Connect Core, section 5.5): names, none of which can
// ask for more than the client's scopes allow.
type claimsAsked struct {
	IDToken  []string `json:"id_token,omitempty"`
	UserInfo []string `json:"userinfo,omitempty"`
	Prefix   string   `json:"prefix,omitempty"` // of the door, kept with a grant
}

// authorizeRequest is an authorization request, parsed once.
type authorizeRequest struct {
	answer
	client      *broker.Client
	prompt      []string
	maxAge      time.Duration
	loginHint   string
	idTokenHint string
	idpHint     string
	showChooser bool
	domainHint  string
	realmHint   string
	uiLocales   []string
	acr         []string
}

func (r *authorizeRequest) passive() bool { return slices.Contains(r.prompt, "none") }

// redirectURI finds where the answer may go. Until this is known every fault is shown to the person instead.
func redirectURI(f form, c *broker.Client) (uri string, implied bool, err error) {
	uri = f.Get("redirect_uri")
	if uri == "" {
		if len(c.RedirectURIs) != 1 {
			return "", false, fault.New(fault.OPRedirectMissing, "client %q has %d redirect URIs", c.ClientID, len(c.RedirectURIs))
		}
		return c.RedirectURIs[0], true, nil
	}
	if len(uri) > 2000 || !broker.AllowsRedirect(c.RedirectURIs, uri) {
		return "", false, fault.Mismatch(fault.OPRedirectMismatch, clip(uri, 500), clip(strings.Join(c.RedirectURIs, " "), 1000))
	}
	return uri, false, nil
}

// read fills the request from the form. Its errors are Refusals, for the application.
func (r *authorizeRequest) read(f form) error {
	// state and mode come first: the refusals of everything else carry them back.
	if s := f.Values["state"]; len(s) == 1 && len(s[0]) <= maxState {
		r.State = s[0]
	}
	if m := f.Values["response_mode"]; len(m) == 1 && slices.Contains(responseModes, m[0]) && m[0] != "query" {
		r.Mode = m[0]
	}
	for _, check := range []func(form) error{form.one, r.readResponse, r.readPKCE, r.readScope, r.readPrompt, r.readClaims} {
		if err := check(f); err != nil {
			return err
		}
	}
	r.readHints(f)
	return nil
}

var responseModes = []string{"query", "fragment", "form_post"}

func (r *authorizeRequest) readResponse(f form) error {
	mode := f.Get("response_mode")
	switch {
	case f.Get("request") != "":
		return refuse("request_not_supported", "request objects are not taken; use a pushed authorization request")
	case f.Get("request_uri") != "":
		return refuse("request_uri_not_supported", "only a request_uri of the pushed authorization request endpoint is taken")
	case f.Get("response_type") == "":
		return refuse("invalid_request", "response_type is missing")
	case f.Get("response_type") != "code":
		return refuse("unsupported_response_type", "only response_type=code is offered")
	case mode != "" && !slices.Contains(responseModes, mode):
		return refuse("invalid_request", "response_mode is query, fragment or form_post")
	case !slices.Contains(r.client.GrantTypes, "authorization_code"):
		return refuse("unauthorized_client", "the client may not use the authorization code grant")
	case len(f.Get("state")) > maxState:
		return refuse("invalid_request", "state is longer than 8 KiB")
	case len(f.Get("nonce")) > maxNonce:
		return refuse("invalid_request", "nonce is longer than 1 KiB")
	}
	r.Nonce = f.Get("nonce")
	return nil
}

// readPKCE takes S256 only (RFC 7636; RFC 9700, section 2.1.1): a challenge without method would be "plain".
func (r *authorizeRequest) readPKCE(f form) error {
	challenge, method := f.Get("code_challenge"), f.Get("code_challenge_method")
	switch {
	case challenge == "" && r.client.Public:
		return refuse("invalid_request", "a public client must send code_challenge (PKCE, S256)")
	case challenge == "" && method != "":
		return refuse("invalid_request", "code_challenge_method was sent without code_challenge")
	case challenge != "" && method != "S256":
		return refuse("invalid_request", "code_challenge_method must be S256")
	case challenge != "" && !token.ValidChallenge(challenge):
		return refuse("invalid_request", "code_challenge is not the base64url form of a SHA-256 hash")
	}
	r.Challenge = challenge
	return nil
}

func (r *authorizeRequest) readScope(f form) error {
	asked := f.list("scope")
	if slices.Contains(asked, "openid") {
		asked = append(asked, r.client.DefaultScopes...)
	}
	r.Scopes = grantable(r.client, asked)
	var err error
	r.Resources, err = resources(r.client, f)
	return err
}

// resources reads RFC 8707's parameter: each must be an audience the client may ask for.
func resources(c *broker.Client, f form) ([]string, error) {
	var out []string
	for _, u := range f.Values["resource"] {
		if !slices.Contains(c.Audiences, u) {
			return nil, refuse("invalid_target", "the client may not ask for tokens for this resource")
		}
		if !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out, nil
}

var prompts = []string{"none", "login", "consent", "select_account", "create"}

func (r *authorizeRequest) readPrompt(f form) error {
	r.prompt, r.maxAge = f.list("prompt"), -1
	for _, s := range r.prompt {
		if !slices.Contains(prompts, s) {
			return refuse("invalid_request", "prompt is none, login, consent or select_account")
		}
	}
	if r.passive() && len(r.prompt) > 1 {
		return refuse("invalid_request", "prompt=none stands alone")
	}
	if s := f.Get("max_age"); s != "" {
		n, err := strconv.ParseUint(s, 10, 31)
		if err != nil {
			return refuse("invalid_request", "max_age is a number of seconds")
		}
		r.maxAge = time.Duration(n) * time.Second
	}
	return nil
}

func (r *authorizeRequest) readHints(f form) {
	r.loginHint = f.hint(320, "login_hint")
	r.idTokenHint = f.hint(token.MaxLength, "id_token_hint")
	r.idpHint = f.hint(255, "kc_idp_hint", "idp_hint")
	r.showChooser = r.idpHint == "" && (f.Has("kc_idp_hint") || f.Has("idp_hint"))
	r.domainHint = f.hint(253, "domain_hint")
	r.realmHint = f.hint(63, "realm_hint")
	r.uiLocales = locales(f)
	r.acr = bounded(append(f.list("acr_values"), r.acr...), maxACR, 100)
}

// locales puts Keycloak's kc_locale before ui_locales.
func locales(f form) []string {
	return bounded(append(f.list("kc_locale"), f.list("ui_locales")...), maxLocales, 16)
}

func bounded(in []string, count, length int) []string {
	var out []string
	for _, s := range in {
		if len(out) < count && len(s) <= length && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// readClaims reads the claims parameter. Unknown members are ignored, as the standard asks.
func (r *authorizeRequest) readClaims(f form) error {
	raw := f.Get("claims")
	if raw == "" {
		return nil
	}
	type wish struct {
		Value  string   `json:"value"`
		Values []string `json:"values"`
	}
	var asked struct {
		IDToken  map[string]json.RawMessage `json:"id_token"`
		UserInfo map[string]json.RawMessage `json:"userinfo"`
	}
	if len(raw) > maxClaims || json.Unmarshal([]byte(raw), &asked) != nil {
		return refuse("invalid_request", "claims is not a JSON object of at most 4 KiB as in OpenID Connect Core, section 5.5")
	}
	read := func(name string) (w wish) {
		_ = json.Unmarshal(asked.IDToken[name], &w) // anything else than an object of texts wishes for nothing we know
		return w
	}
	acr := read("acr")
	r.acr = slices.Concat(acr.Values, strings.Fields(acr.Value))
	r.Sub = clip(read("sub").Value, 255)
	got := claimsAsked{IDToken: askable(asked.IDToken), UserInfo: askable(asked.UserInfo)}
	if got.IDToken != nil || got.UserInfo != nil {
		r.Claims = &got
	}
	return nil
}

// personClaims are the claims about a person that can be asked for by name.
var personClaims = []string{"email", "email_verified", "name", "given_name", "family_name", "preferred_username", "locale", "groups", "updated_at"}

func askable(m map[string]json.RawMessage) []string {
	var out []string
	for _, name := range personClaims {
		if _, ok := m[name]; ok {
			out = append(out, name)
		}
	}
	return out
}

// clip cuts a text for a message, never inside a character.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}
