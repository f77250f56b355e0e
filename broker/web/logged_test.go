package web_test

import (
	"strings"
	"testing"

	"cloakroom/broker"
	"cloakroom/broker/web"
)

// Neither a setup link's token nor most of it gets into a log, wherever in the path it stands.
func TestLogged(t *testing.T) {
	token := "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE"
	for path, want := range map[string]string{
		"/setup/" + token: "/setup/***", "/setup/" + token + "/domains/look": "/setup/***/domains/look", "/setup/" + token[:20]: "/setup/***",
		"/setup//" + token: "/setup//***", "/setup/x/" + token: "/setup/x/***", "/auth/setup/" + token: "/auth/setup/***", "/setup/" + token + token + ".": "/setup/***",
		"/admin/realms/acme/connections/acme-okta/setup/copied": "/admin/realms/acme/connections/acme-okta/setup/copied", "/realms/acme/login/7KQ2-MX9D": "/realms/acme/login/7KQ2-MX9D", "": "",
	} {
		if got := web.Logged(path); got != want || strings.Contains(got, token[:16]) {
			t.Errorf("%s is logged as %s", path, got)
		}
	}
}

// TestNoTokenIsLogged: a log is read by more people than a link is meant for.
func TestNoTokenIsLogged(t *testing.T) {
	token := broker.RandomToken(32)
	for _, path := range []string{
		"/setup/", "/auth/setup/", "/admin/welcome/", "/admin/enrol/", "/admin/signin/done/", "/invite/", "/realms/acme/local/", "/test/",
	} {
		for _, sent := range []string{token, token[:30], token + "%20"} {
			got := web.Logged(path + sent + "/passkey")
			if strings.Contains(got, sent[:16]) || !strings.HasPrefix(got, path) || !strings.HasSuffix(got, "/passkey") {
				t.Errorf("%s is logged as %s", path+sent, got)
			}
		}
	}
	for _, path := range []string{"/", "/realms/acme/broker/acme-okta-of-the-north/endpoint", "/test-report/7KQ2-MX9D"} {
		if got := web.Logged(path); got != path {
			t.Errorf("%s is logged as %s", path, got)
		}
	}
}
