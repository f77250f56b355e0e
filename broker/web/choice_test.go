package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloakroom/broker/web"
	"cloakroom/store/storetest"
)

func TestChoice(t *testing.T) {
	c := &web.Cookies{Sealer: storetest.Keyring(t), MaxAge: time.Hour, Now: time.Now}
	var jar *http.Cookie
	request := func() *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if jar != nil {
			r.AddCookie(jar)
		}
		return r
	}
	keep := func(key, slug string) {
		rec := httptest.NewRecorder()
		c.KeepChoice(rec, request(), key, slug)
		if got := rec.Result().Cookies(); len(got) > 0 {
			jar = got[0]
		}
	}
	keep("acme/acme.example", "acme-okta")
	keep("acme/acme.example", "acme-entra")
	for i := range 7 {
		keep(fmt.Sprintf("r%d/x.example", i), "slug")
	}
	if got := c.Choice(request(), "acme/acme.example"); got != "acme-entra" {
		t.Errorf("remembered %q", got)
	}
	if got := c.Choice(request(), "other/acme.example"); got != "" {
		t.Errorf("another realm's choice: %q", got)
	}
	keep("r8/x.example", "slug")
	if got := c.Choice(request(), "acme/acme.example"); got != "" {
		t.Errorf("the oldest of too many is still there: %q", got)
	}
	keep(strings.Repeat("x", 400), "slug")
	if got := c.Choice(request(), strings.Repeat("x", 400)); got != "" {
		t.Error("a key without bound was kept")
	}
	for range 40 {
		keep(strings.Repeat("r", 63)+"/"+strings.Repeat("d", 250), strings.Repeat("s", 63))
	}
	if len(jar.Value) > 3800 || strings.Contains(jar.Value, "slug") || !jar.HttpOnly || jar.SameSite != http.SameSiteLaxMode {
		t.Errorf("cookie %+v", jar)
	}
	for _, bad := range []string{"", "x", "%", strings.Repeat("A", 4000), jar.Value[:len(jar.Value)-4] + "AAAA"} {
		jar.Value = bad
		if got := c.Choice(request(), "r8/x.example"); got != "" {
			t.Errorf("cookie %.20q gives %q", bad, got)
		}
	}
}
