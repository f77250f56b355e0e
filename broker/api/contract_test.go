package api_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The objects of the contract (section 4): what may be left out, and what is answered for it.
var contractDefaults = []struct{ list, create, answer string }{
	{"/realms", `{"name":"beta"}`, `{"display_name":"beta","hub":false,"locales":[],"branding":{"logo_url":"","colour":"","texts":{}},"sessions":{"idle":"8h","max":"24h"},
		"tokens":{"access":"5m","id":"5m","refresh":"336h"},"local_login":[],"default_client_id":""}`},
	{"/realms/acme/connections", `{"slug":"s","protocol":"saml","saml":{"entity_id":"https://i.example/e","sso_url":"https://i.example/sso","certificates":[CERT]}}`,
		`{"alias":"s","preset":"generic","enabled":true,"domains":[],"email_trust":"domains","provisioning":"automatic","linking":"verified_email","default_groups":[],
		"enforced":false,"mapping":{},"saml":{"metadata_url":"","metadata_xml":"","slo_url":"","sp_entity_id":"","name_id_format":"","binding":"redirect","sign_requests":"auto",
		"encrypt":"optional","force_authn":false,"idp_initiated":false,"clock_skew":"60s","allow_sha1":false,"allow_cbc":false,"allow_rsa15":false,"requested_authn_context":[]}}`},
	{"/realms/acme/connections", `{"slug":"o","protocol":"oidc","oidc":{"issuer":"https://i.example","client_id":"x","client_secret":"secret-of-x"}}`,
		`{"oidc":{"client_secret":"********","client_auth":"auto","scopes":["openid","email","profile"],"userinfo":"auto","authorization_params":{},"tenant":"","algorithms":[],"clock_skew":"60s"}}`},
	{"/realms/acme/connections", `{"slug":"a","protocol":"oauth2","oauth2":{"authorize_url":"https://o.example/a","token_url":"https://o.example/t","userinfo_url":"https://o.example/u","client_id":"x","client_secret":"secret-of-x"}}`,
		`{"oauth2":{"client_secret":"********","scopes":[]}}`},
	{"/realms/acme/connections", `{"slug":"l","protocol":"ldap","ldap":{"url":"ldaps://d.example","bind_dn":"cn=s,dc=d","bind_password":"secret-of-x"}}`,
		`{"preset":"generic","ldap":{"url":"ldaps://d.example","start_tls":false,"ca":"","bind_dn":"cn=s,dc=d","bind_password":"********","user_base":"","user_filter":"","group_base":"","group_filter":"","subject_attribute":""}}`},
	{"/realms/acme/clients", `{"client_id":"min","redirect_uris":["https://app.example/cb"]}`,
		`{"protocol":"oidc","display_name":"min","post_logout_redirect_uris":[],"public":false,"token_endpoint_auth_method":"client_secret_basic","id_token_signed_response_alg":"RS256",
		"access_token_format":"opaque","subject_type":"public","require_par":false,"connections":[],"default_scopes":[]}`},
	{"/realms/acme/users", `{"email":"anna@acme.example"}`, `{"groups":[],"attributes":{}}`},
	{"/realms/acme/setup-links", `{"purpose":"connection"}`, `{"presets":[]}`},
}

func TestDefaultsOfTheContract(t *testing.T) {
	h := newHouse(t)
	h.want(201, "POST", "/realms", `{"name":"acme"}`)
	for _, c := range contractDefaults {
		made := h.want(201, "POST", c.list, withCertificate(t, c.create))
		for field, want := range object(t, c.answer) {
			same(t, c.list+" "+field, made.body[field], want)
		}
		noNull(t, c.list, made.body)
	}
	for _, list := range []string{"/realms", "/realms/acme/connections", "/realms/acme/clients", "/realms/acme/users", "/realms/acme/setup-links"} {
		noNull(t, list, h.want(200, "GET", list, "").body)
	}
}

// contractFields are values for every field of the contract that can be changed, of each kind of object.
var contractFields = []struct{ list, key, create, fields string }{
	{"/realms", "name", `{"name":"beta"}`, `{"display_name":"Beta","hub":true,"locales":["de","en"],"branding":{"logo_url":"https://a.example/l.png","colour":"#112233","texts":{"welcome":"Hi"}},
		"sessions":{"idle":"30m","max":"12h"},"tokens":{"access":"90s","id":"10m","refresh":"24h"},"local_login":["email_code","passkey","password"]}`},
	{"/realms/acme/connections", "slug", `{"slug":"s","protocol":"saml","saml":{"entity_id":"https://i.example/e","sso_url":"https://i.example/sso","certificates":[CERT]}}`,
		`{"alias":"Old_Alias.v1","display_name":"S","enabled":false,"domains":["acme.example"],"email_trust":"any","provisioning":"invite","linking":"confirm","default_groups":["member"],
		"enforced":true,"mapping":{"email":["email","mail"],"given_name":["firstName"],"groups":["groups"],"subject":[]},
		"saml":{"metadata_url":"https://i.example/md","entity_id":"https://i.example/f","sso_url":"https://i.example/sso2","slo_url":"https://i.example/slo","certificates":[CERT],
		"sp_entity_id":"https://sp.example/x","name_id_format":"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress","binding":"post","sign_requests":"always","encrypt":"never",
		"force_authn":true,"idp_initiated":true,"clock_skew":"90s","allow_sha1":true,"allow_cbc":true,"allow_rsa15":true,"requested_authn_context":["urn:x"]}}`},
	{"/realms/acme/connections", "slug", `{"slug":"o","protocol":"oidc","oidc":{"issuer":"https://i.example","client_id":"x","client_secret":"secret-of-x"}}`,
		`{"oidc":{"issuer":"https://other.example","client_id":"y","client_auth":"client_secret_post","scopes":["openid"],"userinfo":"never","authorization_params":{"a":"b"},"tenant":"t"}}`},
	{"/realms/acme/connections", "slug", `{"slug":"a","protocol":"oauth2","oauth2":{"authorize_url":"https://o.example/a","token_url":"https://o.example/t","userinfo_url":"https://o.example/u","client_id":"x","client_secret":"secret-of-x"}}`,
		`{"oauth2":{"authorize_url":"https://p.example/a","token_url":"https://p.example/t","userinfo_url":"https://p.example/u","client_id":"y","scopes":["s"]}}`},
	{"/realms/acme/connections", "slug", `{"slug":"l","protocol":"ldap","ldap":{"url":"ldaps://d.example","bind_dn":"cn=s,dc=d","bind_password":"secret-of-x","user_base":"dc=d"}}`,
		`{"ldap":{"url":"ldaps://e.example:3269","start_tls":false,"ca":CERT,"bind_dn":"cn=t,dc=d","user_base":"ou=people,dc=d","user_filter":"(uid=%s)","group_base":"ou=groups,dc=d",
		"group_filter":"(member=%s)","subject_attribute":"entryUUID","nested_groups":true}}`},
	{"/realms/acme/clients", "client_id", `{"client_id":"app","redirect_uris":["https://app.example/cb"]}`,
		`{"display_name":"App","redirect_uris":["https://a.example/1","https://a.example/2"],"post_logout_redirect_uris":["https://a.example/out"],"token_endpoint_auth_method":"client_secret_post",
		"jwks":{"keys":[]},"jwks_uri":"https://a.example/jwks","grant_types":["authorization_code"],"id_token_signed_response_alg":"EdDSA","access_token_format":"jwt","subject_type":"pairwise",
		"backchannel_logout_uri":"https://a.example/bc","frontchannel_logout_uri":"https://a.example/fc","require_par":true,"connections":["listed"],"default_scopes":["email","profile"]}`},
}

// TestEveryFieldOfTheContract sets each field alone by PATCH and all of them by POST, and reads them back.
func TestEveryFieldOfTheContract(t *testing.T) {
	h := newHouse(t)
	h.want(201, "POST", "/realms", `{"name":"acme"}`)
	h.want(201, "POST", "/realms/acme/connections", `{"slug":"listed","protocol":"oidc","oidc":{"issuer":"https://i.example","client_id":"x","client_secret":"secret-of-x"}}`)
	for _, c := range contractFields {
		create, fields := object(t, withCertificate(t, c.create)), object(t, withCertificate(t, c.fields))
		h.want(201, "POST", c.list, text(create))
		one := c.list + "/" + create[c.key].(string)
		for pointer, patch := range singles(fields) {
			h.want(200, "PATCH", one, text(patch))
			same(t, one+" "+pointer, h.want(200, "GET", one, "").body, patch)
		}
		h.want(204, "DELETE", one, "")
		for k, v := range fields {
			create[k] = v
		}
		withSecret(create, "secret-of-x")
		made := h.want(201, "POST", c.list, text(create)).body
		withSecret(fields, "********")
		same(t, c.list, made, fields)
	}
}

// withSecret puts a secret where a connection has one.
func withSecret(fields map[string]any, secret string) {
	for protocol, name := range map[string]string{"oidc": "client_secret", "oauth2": "client_secret", "ldap": "bind_password"} {
		if section, ok := fields[protocol].(map[string]any); ok {
			section[name] = secret
		}
	}
}

// TestValuesOfNoForm sends what no field takes to each of them: a problem with the pointer, never a change.
func TestValuesOfNoForm(t *testing.T) {
	h := newHouse(t)
	h.want(201, "POST", "/realms", `{"name":"acme"}`)
	long := strings.Repeat("x", 70_000)
	for _, c := range contractFields[1:] {
		create, fields := object(t, withCertificate(t, c.create)), object(t, withCertificate(t, c.fields))
		h.want(201, "POST", c.list, text(create))
		one := c.list + "/" + create[c.key].(string)
		before := h.want(200, "GET", one, "").body
		for pointer, patch := range singles(fields) {
			if pointer == "/jwks" || pointer == "/ldap/ca" {
				continue // any object is looked at by itself; what opens the connection reads the certificates
			}
			for _, wrong := range []any{12.5, "control\x00character", long, []any{map[string]any{"a": 1}}, map[string]any{"no such": []any{1}}} {
				a := h.call(token, "PATCH", one, text(replaced(patch, wrong)))
				if a.StatusCode != 422 || a.body["code"] == nil || !strings.Contains(a.text, `"pointer":"`+pointer) {
					t.Errorf("%s %s = %.40v: %d %.300s", one, pointer, wrong, a.StatusCode, a.text)
				}
			}
		}
		same(t, one, h.want(200, "GET", one, "").body, before)
	}
}

func object(t *testing.T, s string) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return m
}

func text(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func withCertificate(t *testing.T, s string) string {
	return strings.ReplaceAll(s, "CERT", text(certificate(t)))
}

// singles are the patches that set one field each, by pointer.
func singles(fields map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{}
	for k, v := range fields {
		section, ok := v.(map[string]any)
		if !ok || k == "mapping" || k == "jwks" {
			out["/"+k] = map[string]any{k: v}
			continue
		}
		for inner, v := range section {
			out["/"+k+"/"+inner] = map[string]any{k: map[string]any{inner: v}}
		}
	}
	return out
}

// replaced is a patch with another value for its one field.
func replaced(patch map[string]any, v any) map[string]any {
	for k, old := range patch {
		if section, ok := old.(map[string]any); ok && len(section) == 1 && k != "mapping" {
			return map[string]any{k: replaced(section, v)}
		}
		return map[string]any{k: v}
	}
	return nil
}

// same holds what is answered to what is wanted; an answer may have more fields.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	w, isObject := want.(map[string]any)
	g, alsoObject := got.(map[string]any)
	if !isObject || !alsoObject || len(w) == 0 {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %.200v, not %.200v", what, got, want)
		}
		return
	}
	for k := range w {
		same(t, what+"/"+k, g[k], w[k])
	}
}

// noNull refuses null: lists and objects of answers are empty, never null.
func noNull(t *testing.T, what string, v any) {
	t.Helper()
	switch v := v.(type) {
	case nil:
		t.Errorf("%s is null", what)
	case map[string]any:
		for k, inner := range v {
			noNull(t, what+"/"+k, inner)
		}
	case []any:
		for _, inner := range v {
			noNull(t, what, inner)
		}
	}
}

// certificate is a self-signed one, as an identity provider has it.
func certificate(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
