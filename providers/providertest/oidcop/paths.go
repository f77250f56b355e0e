package oidcop

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

type sharedKey struct{}

// shared says that a request came through an address for every directory.
func shared(r *http.Request) bool { return r.Context().Value(sharedKey{}) != nil }

// mountDirectories answers for every directory of the host, as Microsoft does: the issuer's own id and domains lead to its
// document, the words common, organizations and consumers to the shared one, all others are unknown.
func (op *OP) mountDirectories(mux *http.ServeMux) {
	u, err := url.Parse(op.options.Issuer)
	if err != nil || !strings.HasSuffix(op.path, "/v2.0") {
		return
	}
	host := u.Scheme + "://" + u.Host
	mux.HandleFunc("GET /{directory}/v2.0/.well-known/openid-configuration", op.hooked(".well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("directory")
		id, known := op.options.Tenants[strings.ToLower(name)]
		switch {
		case sharedName(name):
			op.describe(w, host+"/{tenantid}/v2.0", host+"/"+name+"/v2.0")
		case known && strings.Contains(op.path, id):
			op.describe(w, op.options.Issuer, op.options.Issuer)
		case known:
			op.describe(w, host+"/"+id+"/v2.0", host+"/"+id+"/v2.0")
		default:
			refuse(w, http.StatusBadRequest, "invalid_tenant", "AADSTS90002: Tenant '"+name+"' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud.")
		}
	}))
	for path, h := range map[string]http.HandlerFunc{"authorize": op.authorize, "sign-in": op.signIn, "token": op.token, "jwks": op.jwks, "userinfo": op.userInfo} {
		mux.HandleFunc("/{directory}/v2.0/"+path, op.hooked(path, func(w http.ResponseWriter, r *http.Request) {
			if sharedName(r.PathValue("directory")) {
				r = r.WithContext(context.WithValue(r.Context(), sharedKey{}, true))
			}
			h(w, r)
		}))
	}
}

func sharedName(directory string) bool {
	return slices.Contains([]string{"common", "organizations", "consumers"}, directory)
}

// mountGitHub serves GitHub's paths.
func (op *OP) mountGitHub(mux *http.ServeMux) {
	for path, h := range map[string]http.HandlerFunc{
		"GET /login/oauth/authorize":     op.hooked("authorize", op.authorize),
		"POST /login/oauth/access_token": op.hooked("token", op.token),
		"GET /api/v3/user":               op.hooked("userinfo", op.gitHubUser),
		"GET /api/v3/user/emails":        op.hooked("emails", op.gitHubEmails),
	} {
		method, p, _ := strings.Cut(path, " ")
		mux.HandleFunc(method+" "+op.path+p, h)
	}
}

// bearer is the user of an access token and the scopes it was given for.
func (op *OP) bearer(r *http.Request) (User, bool) {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	text, ok := op.open(token)
	parts := strings.Split(text, "|")
	if !ok || len(parts) != 3 {
		return User{}, false
	}
	return op.user(parts[0])
}

func (op *OP) gitHubUser(w http.ResponseWriter, r *http.Request) {
	u, ok := op.bearer(r)
	if !ok {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"message": "Requires authentication", "status": "401"})
		return
	}
	id, _ := strconv.Atoi(subject(u))
	doc := map[string]any{"id": id, "login": u.Username, "name": u.Name, "email": nil}
	if lie := op.lies.Load().UserInfo; lie != nil {
		lie(doc)
	}
	writeJSON(w, http.StatusOK, doc)
}

// gitHubEmails lists the one address of a user, primary, verified or not (OIDC-38).
func (op *OP) gitHubEmails(w http.ResponseWriter, r *http.Request) {
	u, ok := op.bearer(r)
	if !ok {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"message": "Requires authentication", "status": "401"})
		return
	}
	list := []map[string]any{}
	if u.Email != "" {
		list = append(list, map[string]any{"email": u.Email, "primary": true, "verified": u.EmailVerified, "visibility": "private"})
	}
	writeJSON(w, http.StatusOK, list)
}
