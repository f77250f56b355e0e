package api_test

import (
	"strings"
	"testing"
)

func TestOperators(t *testing.T) {
	h := furnished(t)
	made := h.want(201, "POST", "/operators", `{"email":"Eva@Example.org","role":"support","realms":["acme"]}`)
	id, _ := made.body["id"].(string)
	url, _ := made.body["enrolment_url"].(string)
	if made.body["email"] != "eva@example.org" || !strings.Contains(url, "/admin/enrol/") || made.Header.Get("Location") != "/api/v1/operators/"+id {
		t.Fatalf("%s %v", made.text, made.Header)
	}
	token := url[strings.LastIndexByte(url, '/')+1:]
	got := h.want(200, "GET", "/operators/"+id, "")
	if strings.Contains(got.text, token) || got.Header.Get("ETag") != `"1"` {
		t.Errorf("%s", got.text)
	}
	if list := h.want(200, "GET", "/operators?q=eva", "").items(); len(list) != 1 {
		t.Errorf("list %v", list)
	}
	h.want(412, "PATCH", "/operators/"+id, `{"name":"Eva"}`, "If-Match", `"7"`)
	h.want(200, "PATCH", "/operators/"+id, `{"name":"Eva","role":"auditor","realms":[]}`, "If-Match", `"1"`)
	again := h.want(200, "POST", "/operators/"+id+"/reset", `{}`)
	if again.body["enrolment_url"] == url || again.body["role"] != "auditor" {
		t.Errorf("%s", again.text)
	}
	if log := h.want(200, "GET", "/events?limit=200", ""); strings.Contains(log.text, token) || !strings.Contains(log.text, "operator.reset") {
		t.Errorf("%s", log.text)
	}
	for _, key := range []string{h.key("support"), h.key("owner", "acme"), h.key("auditor")} {
		for _, path := range []string{"/operators/" + id + "/reset", "/operators"} {
			if a := h.call(key, "POST", path, `{"email":"x@example.org","role":"owner"}`); a.StatusCode != 403 {
				t.Errorf("%s: %d %s", path, a.StatusCode, a.text)
			}
		}
	}
	h.want(204, "DELETE", "/operators/"+id, "")
	h.want(404, "GET", "/operators/"+id, "")
}
