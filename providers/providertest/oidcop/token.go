package oidcop

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

const tokenLife = 5 * time.Minute

// token redeems a code, once.
func (op *OP) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", "The form cannot be read.")
		return
	}
	client, ok := op.authenticate(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="token"`)
		refuse(w, http.StatusUnauthorized, "invalid_client", "Client authentication failed.")
		return
	}
	if r.PostForm.Get("grant_type") != "authorization_code" {
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", "")
		return
	}
	v, found := op.codes.LoadAndDelete(r.PostForm.Get("code"))
	if !found {
		refuse(w, http.StatusBadRequest, "invalid_grant", "The code is unknown or already redeemed.")
		return
	}
	g := v.(*grant)
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	switch {
	case g.client != client.ID, op.options.Now().After(g.expires):
		refuse(w, http.StatusBadRequest, "invalid_grant", "The code was issued to another client, or has expired.")
	case g.redirect != r.PostForm.Get("redirect_uri"):
		refuse(w, http.StatusBadRequest, "invalid_grant", "redirect_uri differs.")
	case g.challenge != "" && base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge:
		refuse(w, http.StatusBadRequest, "invalid_grant", "code_verifier does not match.")
	default:
		op.issue(w, g)
	}
}

func (op *OP) issue(w http.ResponseWriter, g *grant) {
	u, _ := op.user(g.user)
	now := op.options.Now()
	access := op.seal(g.user + "|" + strconv.FormatInt(now.Add(tokenLife).Unix(), 10) + "|" + rand.Text()[:8])
	l := op.lies.Load()
	claims := map[string]any{}
	if !op.options.ThinTokens {
		claims = profile(u)
	}
	for k, v := range map[string]any{
		"iss": op.options.Issuer, "aud": g.client, "sub": subject(u), "iat": now.Unix(), "exp": now.Add(tokenLife).Unix(),
		"auth_time": g.authTime.Unix(), "at_hash": accessTokenHash(op.SigningKey().Algorithm, access), "amr": []string{"pwd"},
		"sid": op.sid(g),
	} {
		claims[k] = v
	}
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	if l.Claims != nil {
		l.Claims(claims)
	}
	doc := map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": int(tokenLife.Seconds()), "scope": g.scope, "id_token": op.Sign(claims)}
	if l.Token != nil {
		l.Token(doc)
	}
	writeJSON(w, http.StatusOK, doc)
}

func (op *OP) sid(g *grant) string {
	sealed := op.seal(g.user + strconv.FormatInt(g.authTime.Unix(), 10))
	return sealed[len(sealed)-20:]
}

func accessTokenHash(alg jose.SignatureAlgorithm, token string) string {
	sum := sha256.Sum256([]byte(token))
	half := sum[:16]
	if alg == jose.EdDSA {
		long := sha512.Sum512([]byte(token))
		half = long[:32]
	}
	return base64.RawURLEncoding.EncodeToString(half)
}

func subject(u User) string {
	if u.Subject != "" {
		return u.Subject
	}
	return u.Username
}

func profile(u User) map[string]any {
	c := map[string]any{}
	for k, v := range map[string]string{"email": u.Email, "name": u.Name, "given_name": u.GivenName, "family_name": u.FamilyName, "preferred_username": u.Username} {
		if v != "" {
			c[k] = v
		}
	}
	if u.Email != "" {
		c["email_verified"] = u.EmailVerified
	}
	if len(u.Groups) > 0 {
		c["groups"] = u.Groups
	}
	for k, v := range u.Claims {
		c[k] = v
	}
	return c
}

// userInfo answers who an access token stands for.
func (op *OP) userInfo(w http.ResponseWriter, r *http.Request) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	text, ok := op.open(token)
	parts := strings.Split(text, "|")
	if !ok || len(parts) != 3 {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		refuse(w, http.StatusUnauthorized, "invalid_token", "")
		return
	}
	u, known := op.user(parts[0])
	until, err := strconv.ParseInt(parts[1], 10, 64)
	if !known || err != nil || op.options.Now().Unix() > until {
		refuse(w, http.StatusUnauthorized, "invalid_token", "It has expired.")
		return
	}
	doc := profile(u)
	doc["sub"] = subject(u)
	l := op.lies.Load()
	if l.UserInfo != nil {
		l.UserInfo(doc)
	}
	if l.SignUserInfo {
		w.Header().Set("Content-Type", "application/jwt")
		_, _ = w.Write([]byte(op.Sign(doc)))
		return
	}
	writeJSON(w, http.StatusOK, doc)
}

func refuse(w http.ResponseWriter, status int, code, description string) {
	doc := map[string]string{"error": code}
	if description != "" {
		doc["error_description"] = description
	}
	writeJSON(w, status, doc)
}

// authenticate finds and checks the client, by whichever method it used (OpenID Connect Core, section 9).
func (op *OP) authenticate(r *http.Request) (Client, bool) {
	method, id, proof := credentials(r)
	c, ok := op.client(id)
	allowed := len(c.AuthMethods) == 0 || slices.Contains(c.AuthMethods, method) ||
		method == "assertion" && (slices.Contains(c.AuthMethods, "private_key_jwt") || slices.Contains(c.AuthMethods, "client_secret_jwt"))
	if !ok || !allowed {
		return Client{}, false
	}
	switch method {
	case "client_secret_basic", "client_secret_post":
		return c, c.Secret != "" && subtle.ConstantTimeCompare([]byte(proof), []byte(c.Secret)) == 1
	case "assertion":
		return c, op.checkAssertion(c, proof)
	}
	return c, c.Secret == "" && c.Keys == nil
}

func credentials(r *http.Request) (method, id, proof string) {
	if user, password, ok := r.BasicAuth(); ok { // both form-encoded first (RFC 6749, section 2.3.1)
		id, err1 := url.QueryUnescape(user)
		secret, err2 := url.QueryUnescape(password)
		if err1 != nil || err2 != nil {
			return "", "", ""
		}
		return "client_secret_basic", id, secret
	}
	f := r.PostForm
	switch {
	case f.Has("client_assertion"):
		return "assertion", f.Get("client_id"), f.Get("client_assertion")
	case f.Has("client_secret"):
		return "client_secret_post", f.Get("client_id"), f.Get("client_secret")
	}
	return "none", f.Get("client_id"), ""
}

// checkAssertion verifies a client's JWT (RFC 7523, section 3).
func (op *OP) checkAssertion(c Client, raw string) bool {
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.HS256, jose.RS256, jose.PS256, jose.ES256, jose.ES384, jose.EdDSA})
	if err != nil {
		return false
	}
	var payload []byte
	if jws.Signatures[0].Header.Algorithm == string(jose.HS256) {
		if len(c.Secret) < 32 {
			return false
		}
		payload, err = jws.Verify([]byte(c.Secret))
	} else if c.Keys != nil {
		payload, err = jws.Verify(c.Keys)
	}
	var claims struct {
		Iss, Sub, Aud, Jti string
		Exp                int64
	}
	if err != nil || payload == nil || json.Unmarshal(payload, &claims) != nil {
		return false
	}
	audience := strings.TrimSuffix(op.options.Issuer, "/") + "/token"
	return claims.Iss == c.ID && claims.Sub == c.ID && claims.Aud == audience && claims.Jti != "" && claims.Exp > op.options.Now().Unix()
}
