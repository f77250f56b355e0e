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
	client, p := op.authenticate(r)
	byCode := slices.Contains([]string{"authorization_code", ""}, r.PostForm.Get("grant_type")) // GitHub needs none
	if byCode && op.options.Like.codeFirst() {
		if _, found := op.codes.Load(r.PostForm.Get("code")); !found {
			op.deny(w, r, op.spent(r.PostForm.Get("code")))
			return
		}
	}
	switch {
	case p != none:
		op.deny(w, r, p)
		return
	case r.PostForm.Get("grant_type") == "client_credentials" && op.options.Like == LikeEntra:
		writeJSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3599, "access_token": op.seal("app|" + client.ID)})
		return
	case !byCode || r.PostForm.Get("grant_type") == "" && op.options.Like != LikeGitHub:
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", "")
		return
	}
	v, found := op.codes.LoadAndDelete(r.PostForm.Get("code"))
	if !found {
		op.deny(w, r, op.spent(r.PostForm.Get("code")))
		return
	}
	op.used.Store(r.PostForm.Get("code"), op.options.Now())
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

// spent tells a code that was redeemed from one that was never issued.
func (op *OP) spent(code string) problem {
	if _, was := op.used.Load(code); was {
		return codeUsed
	}
	return codeUnknown
}

func (op *OP) issue(w http.ResponseWriter, g *grant) {
	u, _ := op.user(g.user)
	now := op.options.Now()
	access := op.seal(g.user + "|" + strconv.FormatInt(now.Add(tokenLife).Unix(), 10) + "|" + rand.Text()[:8])
	l := op.lies.Load()
	claims := map[string]any{}
	if client, _ := op.client(g.client); !op.options.ThinTokens && !(op.options.Like == LikeADFS && !client.grants("allatclaims")) {
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
	if op.options.Like == LikeGitHub {
		delete(doc, "id_token")
	}
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
	if op.options.Like == LikeADFS {
		doc = map[string]any{} // it says who, and nothing else
	}
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
func (op *OP) authenticate(r *http.Request) (Client, problem) {
	method, id, proof := credentials(r)
	c, ok := op.client(id)
	r.PostForm.Set("client_id", id) // for what is said about it
	allowed := len(c.AuthMethods) == 0 || slices.Contains(c.AuthMethods, method) ||
		method == "assertion" && (slices.Contains(c.AuthMethods, "private_key_jwt") || slices.Contains(c.AuthMethods, "client_secret_jwt"))
	switch {
	case !ok && op.options.Like == LikeEntra:
		return c, clientUnknown
	case !ok:
		return c, secretWrong
	case c.Platform == Mobile && method != "none":
		return c, publicClient
	case c.Platform == SPA && r.Header.Get("Origin") == "":
		return c, spaClient
	case !allowed:
		return c, methodWrong
	}
	return c, op.proofProblem(c, method, proof)
}

// proofProblem is what is wrong with what a client proved itself by.
func (op *OP) proofProblem(c Client, method, proof string) problem {
	var right bool
	switch method {
	case "client_secret_basic", "client_secret_post":
		right = c.Secret != "" && subtle.ConstantTimeCompare([]byte(proof), []byte(c.Secret)) == 1
	case "assertion":
		right = op.checkAssertion(c, proof)
	default:
		if c.Secret != "" || c.Keys != nil {
			return secretMissing
		}
		return none
	}
	switch {
	case !right:
		return secretWrong
	case c.expired(op.options.Now()):
		return secretExpired
	}
	return none
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
