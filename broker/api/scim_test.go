package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"cloakroom/broker"
)

// TestSCIM makes and revokes tokens of a connection's directory.
func TestSCIM(t *testing.T) {
	h := furnished(t)
	const at = "/realms/acme/connections/idp/scim"
	st := h.want(200, "GET", at, "").body
	if st["base_url"] != "https://sso.example/scim/v2/idp" || len(st["tokens"].([]any)) != 0 || st["last_failure"] != nil {
		t.Errorf("a new directory: %v", st)
	}
	made := h.want(201, "POST", at+"/tokens", `{"name":"Entra"}`)
	token := made.body["token"].(string)
	if !strings.HasPrefix(token, broker.SCIMTokenPrefix) || len(token) != broker.SCIMTokenSize || !strings.HasSuffix(token, made.body["hint"].(string)) {
		t.Errorf("token %q, hint %v", token, made.body["hint"])
	}
	if got := made.Header.Get("Location"); !strings.HasSuffix(got, at+"/tokens/"+made.body["id"].(string)) {
		t.Errorf("Location: %q", got)
	}
	if other := h.want(201, "POST", at+"/tokens", `{}`).body; other["token"] == token || other["name"] == "" {
		t.Errorf("a second token: %v", other)
	}
	list := h.want(200, "GET", at+"/tokens", "")
	if strings.Contains(list.text, token) || len(list.items()) != 2 || list.items()[1]["state"] != "live" {
		t.Errorf("the list: %s", list.text)
	}
	h.want(204, "DELETE", at+"/tokens/"+made.body["id"].(string), "")
	h.want(204, "DELETE", at+"/tokens/"+made.body["id"].(string), "")
	h.want(404, "DELETE", at+"/tokens/none", "")
	if list := h.want(200, "GET", at+"/tokens", "").items(); len(list) != 2 || list[1]["state"] != "revoked" {
		t.Errorf("after revoking: %v", list)
	}
	if got := h.want(422, "POST", at+"/tokens", `{"name":"a\nb","expires_at":"2020-01-01T00:00:00Z"}`).pointers(); strings.Join(got, " ") != "/name /expires_at" {
		t.Errorf("bad fields: %v", got)
	}
	for range 19 {
		h.want(201, "POST", at+"/tokens", `{"name":"more"}`)
	}
	h.want(422, "POST", at+"/tokens", `{"name":"one too many"}`)
	h.want(404, "GET", "/realms/other/connections/idp/scim", "")
	events := h.want(200, "GET", "/realms/acme/events?kind=scim_token.", "").text
	if !strings.Contains(events, "scim_token.revoked") || strings.Contains(events, token) {
		t.Errorf("the audit log: %s", events)
	}
}

// TestSCIMRequests reads what a directory asked for, and what it says of a person.
func TestSCIMRequests(t *testing.T) {
	h := furnished(t)
	ctx := t.Context()
	at := time.Now().Add(-time.Hour)
	for i, status := range []int{200, http.StatusUnauthorized} {
		h.must(h.store.Requests.Add(ctx, broker.DirectoryRequest{
			Realm: "acme", Connection: "idp", At: at.Add(time.Duration(i) * time.Minute), Method: "GET", Path: "/Users", Status: status, Code: map[int]string{401: "scim.token_doubled"}[status],
		}, "Users"))
	}
	const path = "/realms/acme/connections/idp/scim"
	list := h.want(200, "GET", path+"/requests?limit=1", "")
	if len(list.items()) != 1 || list.items()[0]["status"] != 401.0 || list.body["next"] == "" {
		t.Errorf("the last request: %s", list.text)
	}
	st := h.want(200, "GET", path, "").body
	if last, _ := st["last_failure"].(map[string]any); st["requests"] != 2.0 || st["user_reads"] != 1.0 || st["refused"] != 1.0 || last["code"] != "scim.token_doubled" {
		t.Errorf("the state: %v", st)
	}
	h.must(h.store.Directories.CreateUser(ctx, &broker.DirectoryUser{ID: "r1", Realm: "acme", Connection: "idp", UserID: userID, UserName: "eva", Active: true}))
	of := h.want(200, "GET", "/realms/acme/users/"+userID+"/directories", "").items()
	if len(of) != 1 || of[0]["user_name"] != "eva" || of[0]["active"] != true {
		t.Errorf("what directories say: %v", of)
	}
}
