package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// metadata is the provider's discovery document (OpenID Connect Discovery 1.0, section 3; RFC 8414), checked.
type metadata struct {
	Issuer                 string   `json:"issuer"`
	AuthorizationEndpoint  string   `json:"authorization_endpoint"`
	TokenEndpoint          string   `json:"token_endpoint"`
	UserInfoEndpoint       string   `json:"userinfo_endpoint"`
	JWKSURI                string   `json:"jwks_uri"`
	EndSessionEndpoint     string   `json:"end_session_endpoint"`
	ScopesSupported        []string `json:"scopes_supported"`
	ResponseTypesSupported []string `json:"response_types_supported"`
	ResponseModesSupported []string `json:"response_modes_supported"`
	IDTokenAlgorithms      []string `json:"id_token_signing_alg_values_supported"`
	TokenAuthMethods       []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgorithms    []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	CodeChallengeMethods   []string `json:"code_challenge_methods_supported"`
	AnswersNameIssuer      bool     `json:"authorization_response_iss_parameter_supported"`
	GrantTypes             []string `json:"grant_types_supported"`
	CloudInstance          string   `json:"cloud_instance_name"` // Microsoft's
	raw                    []byte
	host                   string   // where the document came from in the end, "" for a remembered one
	pins                   []string // tenants let in: the connection's, or the one its domain stands for
	issuerTemplate         bool     // iss has the tenant's id where issuer has {tenantid}
	checkKeyIssuer         bool
	verificationAlgorithms []string
}

const tenantPlaceholder = "{tenantid}"

func (p *provider) fetchMetadata(ctx context.Context) (*metadata, error) {
	address := strings.TrimSuffix(p.config.Issuer, "/") + wellKnown
	body, err := p.fetch(ctx, address, "application/json", "")
	if err != nil {
		return nil, discoveryFault(err)
	}
	m, err := p.parseMetadata(body.bytes)
	if err != nil {
		return nil, err
	}
	m.host = body.host
	if p.settings.Offer != nil {
		s, err := p.offer(ctx, found{Discovery: body.bytes}, body.proved)
		return s.metadata, err
	}
	p.remember(ctx, m, nil)
	return m, nil
}

// parseMetadata checks a discovery document against the connection.
func (p *provider) parseMetadata(b []byte) (*metadata, error) {
	m := &metadata{raw: b}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fault.Wrap(fault.OIDCDiscovery, err, "%s", p.config.Issuer)
	}
	if err := p.checkIssuer(m); err != nil {
		return nil, err
	}
	for name, address := range map[string]string{"authorization_endpoint": m.AuthorizationEndpoint, "token_endpoint": m.TokenEndpoint, "jwks_uri": m.JWKSURI} {
		if err := checkEndpoint(m, name, address); err != nil {
			return nil, err
		}
	}
	for name, address := range map[string]*string{"userinfo_endpoint": &m.UserInfoEndpoint, "end_session_endpoint": &m.EndSessionEndpoint} {
		if *address != "" && checkEndpoint(m, name, *address) != nil {
			*address = "" // a sign-in can do without
		}
	}
	m.verificationAlgorithms = p.algorithms(m)
	return m, nil
}

// checkIssuer holds the document's issuer against the configured one: equal (Discovery, section 4.3), save a slash at
// the end, which leads to the same document, and Microsoft's two ways to name a directory.
func (p *provider) checkIssuer(m *metadata) error {
	c := &p.config
	m.pins = c.pins
	m.checkKeyIssuer = c.dialect.microsoft && strings.HasSuffix(strings.TrimSuffix(m.Issuer, "/"), "/v2.0")
	if strings.TrimSuffix(m.Issuer, "/") == strings.TrimSuffix(c.Issuer, "/") {
		return nil
	}
	mismatch := fault.Mismatch(fault.OIDCIssuer, m.Issuer, c.Issuer)
	mismatch.Labels = []string{"Issuer"}
	if internal(m.Issuer) && !internal(c.Issuer) || strings.HasPrefix(m.Issuer, "http:") && strings.HasPrefix(c.Issuer, "https:") {
		mismatch.Code = fault.OIDCInternal
		return mismatch
	}
	if !c.dialect.microsoft {
		return mismatch
	}
	before, after, ok := cutDirectory(c.Issuer)
	if !ok || !strings.HasPrefix(m.Issuer, before) || !strings.HasSuffix(m.Issuer, after) || len(m.Issuer) < len(before)+len(after) {
		return mismatch
	}
	switch id := strings.TrimSuffix(strings.TrimPrefix(m.Issuer, before), after); {
	case id == tenantPlaceholder:
		m.issuerTemplate = true
		return nil
	case guid.MatchString(id) && (len(c.pins) == 0 || slices.Contains(c.pins, strings.ToLower(id))):
		m.pins = []string{strings.ToLower(id)} // the domain's directory
		return nil
	}
	return mismatch
}

// cutDirectory splits https://host/<directory>/v2.0 around the directory.
func cutDirectory(issuer string) (before, after string, ok bool) {
	u, err := url.Parse(issuer)
	if err != nil {
		return "", "", false
	}
	directory, rest, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if directory == "" {
		return "", "", false
	}
	return u.Scheme + "://" + u.Host + "/", "/" + rest, true
}

func checkEndpoint(m *metadata, name, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "" {
		return fault.New(fault.OIDCDiscovery, "%s of %s is %q, which is no address", name, m.Issuer, address)
	}
	if u.Scheme == "http" && strings.HasPrefix(m.Issuer, "https:") {
		return fault.New(fault.OIDCInternal, "%s of %s is %q: not https", name, m.Issuer, address)
	}
	return nil
}

// algorithms are those an ID token may be signed with: the connection's list, else every asymmetric one the provider
// lists, else every asymmetric one.
func (p *provider) algorithms(m *metadata) []string {
	if len(p.config.Algorithms) > 0 {
		return p.config.Algorithms
	}
	if len(m.IDTokenAlgorithms) == 0 {
		return asymmetric
	}
	var out []string
	for _, a := range asymmetric {
		if slices.Contains(m.IDTokenAlgorithms, a) {
			out = append(out, a)
		}
	}
	return out
}

// discoveryFault tells a document that cannot be had from a network that fails.
func discoveryFault(err error) error {
	f := fault.As(err)
	if code, ok := codeInText(f.Observed); ok {
		return &fault.Error{Code: code, Detail: f.Detail, Said: f.Said, Observed: f.Observed, Err: err}
	}
	if f.Code == fault.FetchStatus || f.Code == fault.FetchFormat {
		return &fault.Error{Code: fault.OIDCDiscovery, Detail: f.Detail, Said: f.Said, Observed: f.Observed, Err: err}
	}
	return f
}

// answer is a fetched document.
type answer struct {
	mediaType string
	host      string // that answered, after redirects
	bytes     []byte
	proved    bool // providers.ProvedBy
}

const maxAnswer = 1 << 20

// fetch gets a document; bearer is an access token or "". Every error is a fault; for a bad status Observed is the
// beginning of the answer.
func (p *provider) fetch(ctx context.Context, address, accept, bearer string) (*answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fault.Wrap(fault.FetchFormat, err, "%s", address)
	}
	req.Header.Set("Accept", accept)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := p.http.Do(req)
	if err != nil {
		return nil, networkFault(req.URL, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, networkFault(req.URL, err)
	}
	if len(b) > maxAnswer {
		return nil, fault.New(fault.FetchTooLarge, "%s", place(req.URL))
	}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode != http.StatusOK || mediaType == "text/html" {
		return nil, statusFault(place(req.URL), resp.StatusCode, mediaType, string(b))
	}
	host := req.URL.Host
	if resp.Request != nil { // the last of the redirects
		host = resp.Request.URL.Host
	}
	return &answer{mediaType, host, b, providers.ProvedBy(address, resp)}, nil
}

// statusFault tells what answered in place of a document: a firewall, a server in trouble, something else.
func statusFault(place string, status int, mediaType, body string) error {
	f := fault.New(fault.FetchStatus, "%s answers %d (%s)", place, status, mediaType)
	f.Observed = excerpt(body)
	switch {
	case providers.Robot(status, mediaType, body):
		f.Code, f.Confidence, f.Observed = fault.FetchFirewall, fault.Likely, ""
	case status >= 500:
		f.Code = fault.FetchServer
	case status == http.StatusOK:
		f.Code, f.Detail, f.Observed = fault.FetchFormat, place+" answers a web page", ""
	}
	return f
}

// networkFault keeps the fault that the guarded client gave; another client's errors get the nearest.
func networkFault(u *url.URL, err error) error { return providers.Unreached(u, err) }

// place is an address without its query.
func place(u *url.URL) string { return u.Scheme + "://" + u.Host + u.Path }

// memory is what survives a restart (Settings.Stored): the last good documents and the client authentication that works.
type memory struct {
	Issuer     string          `json:"issuer"` // as configured; another makes the rest worthless
	At         time.Time       `json:"at"`
	Discovery  json.RawMessage `json:"discovery,omitempty"`
	Keys       json.RawMessage `json:"keys,omitempty"`
	ClientAuth string          `json:"client_auth,omitempty"`
	KeysFrom   string          `json:"keys_from,omitempty"` // jwks_uri that Keys were fetched from
	// Pinned is true of a state that an operator restored: no newer document changes it.
	Pinned bool `json:"pinned,omitempty"`
}

func (p *provider) recall(stored []byte) {
	var mem memory
	if len(stored) == 0 || json.Unmarshal(stored, &mem) != nil || mem.Issuer != p.config.Issuer {
		return
	}
	if p.settings.Trusted == nil {
		p.recallDocuments(mem)
	}
	if mem.ClientAuth != "" {
		p.clientAuth.Store(&mem.ClientAuth)
	}
}

func (p *provider) recallDocuments(mem memory) {
	m, err := p.parseMetadata(mem.Discovery)
	if err != nil {
		return
	}
	p.discovery.put(m, mem.At)
	if k, err := parseKeys(mem.Keys); err == nil {
		p.keys.put(k, mem.At)
	}
}

// remember stores what recall reads, if it differs from what is kept already.
func (p *provider) remember(ctx context.Context, m *metadata, k *keySet) {
	if p.settings.Remember == nil {
		return
	}
	oldM, oldK := p.discovery.good.Load(), p.keys.good.Load()
	changed := m == nil && k == nil ||
		m != nil && (oldM == nil || string(oldM.value.raw) != string(m.raw) || p.settings.Now().Sub(oldM.at) > stale) ||
		k != nil && (oldK == nil || string(oldK.value.raw) != string(k.raw) || p.settings.Now().Sub(oldK.at) > stale)
	if !changed {
		return
	}
	if m == nil && oldM != nil {
		m = oldM.value
	}
	if k == nil && oldK != nil {
		k = oldK.value
	}
	if m == nil {
		return
	}
	mem := memory{Issuer: p.config.Issuer, At: p.settings.Now(), Discovery: m.raw}
	if k != nil {
		mem.Keys = k.raw
	}
	if a := p.clientAuth.Load(); a != nil {
		mem.ClientAuth = *a
	}
	if b, err := json.Marshal(mem); err == nil {
		_ = p.settings.Remember(ctx, b) // best effort by its contract
	}
}

// excerpt makes foreign text fit for a log line.
func excerpt(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > 400 {
		s = strings.ToValidUTF8(s[:400], "") + "…"
	}
	return strings.TrimSpace(s)
}

// verbatim is excerpt for a value that is compared: blanks at its ends may be all that differs.
func verbatim(s string) string {
	if e := excerpt(s); e != strings.TrimSpace(s) {
		return e
	}
	return s
}

func quoted(list []string) string { return fmt.Sprintf("%q", list) }
