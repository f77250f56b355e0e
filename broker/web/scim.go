package web

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// SCIM writes an answer in SCIM's dialect (RFC 7644, section 3.1); body nil is an answer without one.
func SCIM(c *gin.Context, status int, body any) {
	if body == nil {
		c.Status(status)
		c.Writer.WriteHeaderNow()
		return
	}
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"500"}`)
	}
	c.Data(status, "application/scim+json; charset=utf-8", b)
}

// scimNowhere answers a path of a directory that is none, and a method that no resource takes. It names the right base URL,
// which is made of what was asked for alone: whether there is such a connection is not said.
func (w *Web) scimNowhere(c *gin.Context, status int, code fault.Code) bool {
	before, rest, found := strings.Cut(c.Request.URL.Path+"/", "/scim/")
	if !found || strings.HasPrefix(before, "/admin") {
		return false
	}
	detail := fault.Lookup(code).Cause + " " + fault.Lookup(code).Fix
	if slug := directoryIn(rest); slug != "" {
		detail = fault.Lookup(code).Cause + " The base URL of this directory is " + w.BaseURL + "/scim/v2/" + slug + ", without anything after it."
	}
	SCIM(c, status, gin.H{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": strconv.Itoa(status), "detail": detail})
	return true
}

var scimVersion = regexp.MustCompile(`^v[0-9.]+$`)

// directoryIn is the slug that a path below /scim/ means, "" where it names none.
func directoryIn(path string) string {
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "" || scimVersion.MatchString(part):
			continue
		case broker.ValidName(part):
			return part
		}
		return ""
	}
	return ""
}
