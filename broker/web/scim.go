package web

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
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

// scimNowhere answers a path of a directory that is none, and a method that no resource takes.
func scimNowhere(c *gin.Context, status int, detail string) bool {
	if !strings.Contains(c.Request.URL.Path, "/scim/v2/") && !strings.HasSuffix(c.Request.URL.Path, "/scim/v2") {
		return false
	}
	SCIM(c, status, gin.H{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": strconv.Itoa(status), "detail": detail})
	return true
}
