package oidcop

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const sessionCookie = "oidcop-session"

// authorize answers an authorization request: at once where somebody is signed in or AutoApprove says so, else with
// the sign-in page. A bad client or redirect URI is never redirected (RFC 6749, section 4.1.2.1).
func (op *OP) authorize(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The request cannot be read.", http.StatusBadRequest)
		return
	}
	q := r.Form
	client, ok := op.client(q.Get("client_id"))
	if p := op.requestProblem(client, ok, q, shared(r)); p != none {
		op.complain(w, r, q, p, "")
		return
	}
	switch {
	case q.Get("response_type") != "code":
		op.answer(w, r, q, url.Values{"error": {"unsupported_response_type"}})
		return
	case op.options.Like != LikeGitHub && !slices.Contains(strings.Fields(q.Get("scope")), "openid"):
		op.answer(w, r, q, url.Values{"error": {"invalid_scope"}, "error_description": {"openid is missing"}})
		return
	case q.Get("code_challenge") != "" && q.Get("code_challenge_method") != "S256":
		op.answer(w, r, q, url.Values{"error": {"invalid_request"}, "error_description": {"code_challenge_method must be S256"}})
		return
	}
	user, since, signedIn := op.session(r)
	prompt := strings.Fields(q.Get("prompt"))
	maxAge, err := strconv.Atoi(q.Get("max_age"))
	again := slices.Contains(prompt, "login") || slices.Contains(prompt, "select_account") || err == nil && op.options.Now().Sub(since) > time.Duration(maxAge)*time.Second
	switch {
	case op.options.AutoApprove != "":
		op.approve(w, r, q, op.options.AutoApprove, op.options.Now())
	case signedIn && !again:
		op.approve(w, r, q, user, since)
	case slices.Contains(prompt, "none") && !op.options.Like.ignoresNone():
		op.complain(w, r, q, nobodySignedIn, "")
	default:
		op.page(w, http.StatusOK, signInPage, map[string]any{"Title": op.options.Title, "Users": op.options.Users,
			"Hint": q.Get("login_hint"), "Action": op.path + "/sign-in", "Request": q.Encode(), "Client": client.ID})
	}
}

// signIn takes the page's form: one user, or "cancel".
func (op *OP) signIn(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		http.Error(w, "The request cannot be read.", http.StatusBadRequest)
		return
	}
	q, err := url.ParseQuery(r.PostForm.Get("request"))
	client, known := op.client(q.Get("client_id"))
	if err != nil || op.requestProblem(client, known, q, shared(r)) != none {
		op.page(w, http.StatusBadRequest, errorPage, map[string]any{"Text": "This sign-in cannot be continued."})
		return
	}
	if r.PostForm.Has("cancel") {
		op.answer(w, r, q, url.Values{"error": {"access_denied"}, "error_description": {"The user cancelled the sign-in."}})
		return
	}
	user, ok := op.user(r.PostForm.Get("user"))
	if !ok {
		op.page(w, http.StatusBadRequest, errorPage, map[string]any{"Text": "There is no such user."})
		return
	}
	now := op.options.Now()
	path := op.path + "/"
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: path, HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(op.options.Issuer, "https:"), Value: op.seal(user.Username + "|" + strconv.FormatInt(now.Unix(), 10))})
	op.approve(w, r, q, user.Username, now)
}

func (op *OP) session(r *http.Request) (user string, since time.Time, ok bool) {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return "", since, false
	}
	text, ok := op.open(c.Value)
	user, at, cut := strings.Cut(text, "|")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if !ok || !cut || err != nil {
		return "", since, false
	}
	_, ok = op.user(user)
	return user, time.Unix(seconds, 0), ok
}

// approve gives a code to somebody who may have one.
func (op *OP) approve(w http.ResponseWriter, r *http.Request, q url.Values, user string, authTime time.Time) {
	client, _ := op.client(q.Get("client_id"))
	if p := op.personProblem(client, user); p != none {
		op.complain(w, r, q, p, user)
		return
	}
	code := rand.Text()
	op.codes.Store(code, &grant{client: q.Get("client_id"), redirect: q.Get("redirect_uri"), user: user, nonce: q.Get("nonce"),
		challenge: q.Get("code_challenge"), scope: q.Get("scope"), authTime: authTime, expires: op.options.Now().Add(codeLife)})
	if op.issued.Add(1)%1024 == 0 {
		op.sweep()
	}
	op.answer(w, r, q, url.Values{"code": {code}})
}

// sweep forgets codes that nobody came for.
func (op *OP) sweep() {
	now := op.options.Now()
	op.codes.Range(func(k, v any) bool {
		if now.After(v.(*grant).expires) {
			op.codes.Delete(k)
		}
		return true
	})
	op.used.Range(func(k, v any) bool {
		if now.After(v.(time.Time).Add(codeLife)) {
			op.used.Delete(k)
		}
		return true
	})
}

// answer sends the browser back, by query or by form_post.
func (op *OP) answer(w http.ResponseWriter, r *http.Request, q, v url.Values) {
	if s := q.Get("state"); s != "" {
		v.Set("state", s)
	}
	if op.options.NamesIssuer {
		v.Set("iss", op.options.Issuer)
	}
	if lie := op.lies.Load().Answer; lie != nil {
		lie(v)
	}
	w.Header().Set("Cache-Control", "no-store")
	if q.Get("response_mode") == "form_post" {
		op.page(w, http.StatusOK, postPage, map[string]any{"Action": q.Get("redirect_uri"), "Values": v})
		return
	}
	separator := "?"
	if strings.Contains(q.Get("redirect_uri"), "?") {
		separator = "&"
	}
	w.Header().Set("Location", q.Get("redirect_uri")+separator+v.Encode())
	status := http.StatusFound
	if r.Method == http.MethodPost {
		status = http.StatusSeeOther
	}
	w.WriteHeader(status)
}

// endSession signs out here and sends the browser on (RP-Initiated Logout 1.0).
func (op *OP) endSession(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm() // what cannot be read is not there
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: op.path + "/", MaxAge: -1, HttpOnly: true})
	next, err := url.Parse(r.Form.Get("post_logout_redirect_uri"))
	if err != nil || next.Host == "" {
		op.page(w, http.StatusOK, errorPage, map[string]any{"Text": "You are signed out."})
		return
	}
	if s := r.Form.Get("state"); s != "" {
		q := next.Query()
		q.Set("state", s)
		next.RawQuery = q.Encode()
	}
	http.Redirect(w, r, next.String(), http.StatusSeeOther)
}

// seal protects a value that leaves and comes back.
func (op *OP) seal(text string) string {
	m := hmac.New(sha256.New, op.secret)
	m.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString([]byte(text)) + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

func (op *OP) open(sealed string) (string, bool) {
	left, _, _ := strings.Cut(sealed, ".")
	text, err := base64.RawURLEncoding.DecodeString(left)
	if err != nil || !hmac.Equal([]byte(op.seal(string(text))), []byte(sealed)) {
		return "", false
	}
	return string(text), true
}

func (op *OP) page(w http.ResponseWriter, status int, t *template.Template, data map[string]any) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-"+postScriptHash+"'; base-uri 'none'; frame-ancestors 'none'")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_ = t.Execute(w, data) // the browser may have gone
}
