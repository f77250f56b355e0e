package config_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"cloakroom/config"
)

const (
	keyA = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	keyB = "__________________________________________8" // URL alphabet, no padding
)

func flags(t *testing.T, args ...string) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Flags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	return fs
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	c, err := config.Load(nil, []string{"PATH=/bin", "CLOAKROOM_SMTP_URL="}, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.BaseURL != "http://localhost:8080" || c.Listen != "127.0.0.1:8080" || c.DatabaseURL != "sqlite:cloakroom.db" ||
		c.LogLevel != slog.LevelInfo || c.LogFormat != "" || c.ShutdownGrace != 20*time.Second || c.HTTPS() {
		t.Errorf("defaults: %+v", c)
	}
	if len(c.Warnings)+len(c.MasterKeys)+len(c.EgressAllow)+len(c.LegacyPaths) != 0 || c.AdminToken+c.SMTPURL+c.MetricsListen != "" {
		t.Errorf("something is set: %+v", c)
	}
	if c.KeyFile() != "cloakroom.key" {
		t.Errorf("key file %s", c.KeyFile())
	}
}

func TestPrecedence(t *testing.T) {
	file := write(t, "c.yaml", "listen: 127.0.0.1:1\nbase_url: https://file.example\nlog_level: error\negress_allow: [10.0.0.0/8, '::1']\n")
	c, err := config.Load(flags(t, "--listen", "127.0.0.1:3"),
		[]string{"CLOAKROOM_LISTEN=127.0.0.1:2", "CLOAKROOM_BASE_URL=https://env.example", "CLOAKROOM_CONFIG=" + file}, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:3" || c.BaseURL != "https://env.example" || c.LogLevel != slog.LevelError {
		t.Errorf("flags > env > file does not hold: %+v", c)
	}
	if fmt.Sprint(c.EgressAllow) != "[10.0.0.0/8 ::1/128]" {
		t.Errorf("a list in the file: %v", c.EgressAllow)
	}
}

func TestSecretFiles(t *testing.T) {
	token := write(t, "token", "a-token-from-a-file-of-its-own\n")
	keys := write(t, "keys", keyA+"\n"+keyB+"\n")
	c, err := config.Load(flags(t, "--master-key-file", keys), []string{"CLOAKROOM_ADMIN_TOKEN_FILE=" + token, "CLOAKROOM_MASTER_KEY=" + keyB}, "")
	if err != nil {
		t.Fatal(err)
	}
	if c.AdminToken != "a-token-from-a-file-of-its-own" {
		t.Errorf("token %q", c.AdminToken)
	}
	if len(c.MasterKeys) != 2 || c.MasterKeys[0][0] != 0 || c.MasterKeys[1][0] != 0xff {
		t.Errorf("keys %x", c.MasterKeys)
	}
}

func TestEveryFaultAtOnce(t *testing.T) {
	file := write(t, "c.yaml", "lissten: x\nlog_format: xml\nsmtp_url: gopher://u:hunter2@h\n")
	_, err := config.Load(flags(t, "--listen", "8080"), []string{
		"CLOAKROOM_BASE_URL=https://sso.example/auth", "CLOAKROOM_BASEURL=x", "CLOAKROOM_EGRESS_ALLOW=ten",
		"CLOAKROOM_DATABASE_URL=postgres://db/x", "CLOAKROOM_ADMIN_TOKEN=s3 cret", "CLOAKROOM_WHATEVER=1",
	}, file)
	var faults config.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{
		"CLOAKROOM_BASEURL: is not a setting; did you mean CLOAKROOM_BASE_URL?",
		"CLOAKROOM_WHATEVER: is not a setting; \"cloakroom serve --help\"",
		"lissten: is not a setting; did you mean listen?",
		"CLOAKROOM_BASE_URL (--base-url, base_url: in the file): \"https://sso.example/auth\" has a path",
		"CLOAKROOM_LISTEN (--listen, listen: in the file): \"8080\" is not host:port",
		"(from --listen)",
		"CLOAKROOM_EGRESS_ALLOW (", "CLOAKROOM_ADMIN_TOKEN (", "CLOAKROOM_MASTER_KEY (--master-key, master_key: in the file): is missing",
		"CLOAKROOM_LOG_FORMAT (", "(from log_format in " + file + ")", "CLOAKROOM_SMTP_URL (",
		"10 settings are wrong, nothing was started:",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "s3 cret") {
		t.Errorf("a secret is quoted in\n%v", err)
	}
}

func TestSettings(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		// want: "" accepted, "~x" accepted with a warning that says x, else refused with a message that says it
		{"BASE_URL", "https://sso.example", ""},
		{"BASE_URL", "https://SSO.example:8443", ""},
		{"BASE_URL", "http://idp.localhost:8080", ""},
		{"BASE_URL", "http://[::1]:8080", ""},
		{"BASE_URL", "http://sso.example", "~plain http"},
		{"BASE_URL", "https://sso.example/", "ends in a slash"},
		{"BASE_URL", "https://sso.example/auth", "LEGACY_PATHS"},
		{"BASE_URL", "https://u:p@sso.example", "user name"},
		{"BASE_URL", "https://sso.example?x", "query"},
		{"BASE_URL", "https://sso.example:99999", "port"},
		{"BASE_URL", "sso.example", "not an origin"},
		{"BASE_URL", "ftp://sso.example", "not an origin"},
		{"LISTEN", ":8080", ""},
		{"LISTEN", "[::1]:0", ""},
		{"LISTEN", "localhost", "host:port"},
		{"LISTEN", "localhost:http", "not a port"},
		{"DATABASE_URL", "sqlite:/var/lib/cloakroom/cloakroom.db", ""},
		{"DATABASE_URL", "sqlite:///var/lib/cloakroom/cloakroom.db", ""},
		{"DATABASE_URL", "sqlite:", "file name"},
		{"DATABASE_URL", "sqlite::memory:", "forget"},
		{"DATABASE_URL", "sqlite:x.db?mode=ro", "no parameters"},
		{"DATABASE_URL", "cloakroom.db", "neither"},
		{"DATABASE_URL", "mysql://h/db", "neither"},
		{"DATABASE_URL", "postgres://u:p@a:5432,b:5433/db?target_session_attrs=read-write", "master_key"},
		{"DATABASE_URL", "postgres://u:p@[::1]:5432/db", "master_key"},
		{"DATABASE_URL", "postgres:///db?host=/run/postgresql", "master_key"},
		{"DATABASE_URL", "postgres:///db", "names no host"},
		{"DATABASE_URL", "postgres://u:sec/ret@h/db", "percent-encoded"},
		{"MASTER_KEY", keyA + "," + keyB, ""},
		{"MASTER_KEY", "AAAA", "3 bytes, not 32"},
		{"MASTER_KEY", "?", "not base64"},
		{"MASTER_KEY", keyA + "," + strings.TrimRight(keyA, "="), "twice"},
		{"ADMIN_TOKEN", strings.Repeat("x", 32), ""},
		{"ADMIN_TOKEN", "short", "~shorter than 20"},
		{"ADMIN_TOKEN", "käse-mit-vielen-löchern-drin", "ASCII"},
		{"LEGACY_PATHS", "/auth", ""},
		{"LEGACY_PATHS", "/auth,/sso/v1", ""},
		{"LEGACY_PATHS", "auth", "one slash in front"},
		{"LEGACY_PATHS", "/auth/", "one slash in front"},
		{"LEGACY_PATHS", "/../x", "holds more than"},
		{"LEGACY_PATHS", "/a%2f", "holds more than"},
		{"LEGACY_PATHS", "/realms", "taken"},
		{"LEGACY_PATHS", "/a /a", "twice"},
		{"TRUSTED_PROXIES", "10.0.0.1, fd00::/8", ""},
		{"TRUSTED_PROXIES", "0.0.0.0/0", "~anybody"},
		{"TRUSTED_PROXIES", "private", "not a network"},
		{"EGRESS_ALLOW", "127.0.0.0/8,::1", ""},
		{"EGRESS_ALLOW", "::/0", "~filter off"},
		{"EGRESS_ALLOW", "10.0.0.0/33", "not a network"},
		{"SMTP_URL", "smtp://u:p@mail.example:587", ""},
		{"SMTP_URL", "mail.example:587", "smtp://"},
		{"MAIL_FROM", "Sign-in of Acme <no-reply@acme.example>", ""},
		{"MAIL_FROM", "no-reply@acme.example", ""},
		{"MAIL_FROM", "Acme", "Name <address>"},
		{"MAIL_FROM", "a@b.example\nBcc: c@d.example", "Name <address>"},
		{"METRICS_LISTEN", "127.0.0.1:9090", ""},
		{"METRICS_LISTEN", ":9090", "~every address"},
		{"METRICS_LISTEN", "93.184.216.34:9090", "public address"},
		{"METRICS_LISTEN", "127.0.0.1:8080", "one of their own"},
		{"LOG_LEVEL", "DEBUG", ""},
		{"LOG_LEVEL", "loud", "not one of"},
		{"LOG_FORMAT", "yaml", "neither"},
		{"DNS_RESOLVER", "127.0.0.1:5353", ""},
		{"DNS_RESOLVER", ":53", "names no host"},
		{"DRAIN_DELAY", "0s", ""},
		{"DRAIN_DELAY", "1h", "not between"},
		{"SHUTDOWN_GRACE", "20", "not a duration"},
		{"CONFIG", "/no/such/file", "no such file"},
		{"ADMIN_TOKEN_FILE", "/no/such/file", "no such file"},
		{"BASE_URL_FILE", "x", "did you mean CLOAKROOM_BASE_URL"},
		{"TEST_REQUIRE", "postgres", ""},
		{"SERVICE_HOST", "10.96.0.1", ""},
		{"PORT", "tcp://10.96.0.1:8080", ""},
		{"PORT_8080_TCP_ADDR", "10.96.0.1", ""},
		{"DB_SERVICE_PORT_PG", "5432", ""},
		{"PORT", "8080", "did you mean CLOAKROOM_LISTEN"},
	} {
		t.Run(tt.name+"="+strings.ReplaceAll(tt.value, "/", "|"), func(t *testing.T) {
			c, err := config.Load(nil, []string{"CLOAKROOM_" + tt.name + "=" + tt.value}, "")
			warning, warns := strings.CutPrefix(tt.want, "~")
			switch {
			case tt.want == "" || warns:
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				if warns != (len(c.Warnings) > 0) || warns && !strings.Contains(c.Warnings[0], warning) {
					t.Errorf("warnings %q", c.Warnings)
				}
			case err == nil:
				t.Fatal("accepted")
			case !strings.Contains(err.Error(), tt.want):
				t.Errorf("does not say %q: %v", tt.want, err)
			}
		})
	}
}

func TestFiles(t *testing.T) {
	secret := write(t, "s", "a-token-from-a-file-of-its-own")
	for name, tt := range map[string]struct{ file, want string }{
		"empty":        {"", ""},
		"numbers":      {"drain_delay: 0s\ntrusted_proxies: [10.0.0.0/8]\n", ""},
		"not set":      {"smtp_url:\n", ""},
		"secret file":  {"admin_token_file: " + secret + "\n", ""},
		"both":         {"admin_token: " + strings.Repeat("x", 30) + "\nadmin_token_file: " + secret + "\n", "set twice"},
		"nested":       {"listen:\n  port: 80\n", "listen.port: is not a setting"},
		"a list":       {"- listen\n", "is not YAML of the form"},
		"broken":       {"log_level: info\nlisten: \"hunter2\n", "see line"},
		"a key twice":  {"listen: ':1'\nlisten: ':2'\n", "is not YAML of the form"},
		"quoted value": {"admin_token: &x hunter2\nlisten: *y\n", "is not YAML of the form"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(nil, nil, write(t, "c.yaml", tt.file))
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("does not say %q: %v", tt.want, err)
			case err != nil && strings.Contains(err.Error(), "hunter2"):
				t.Errorf("quotes the file: %v", err)
			}
		})
	}
}

func TestSQLitePath(t *testing.T) {
	for url, want := range map[string]string{
		"sqlite:cloakroom.db": "cloakroom.db", "sqlite:/a/b.db": "/a/b.db", "sqlite:///a/b.db": "/a/b.db", "sqlite://b.db": "b.db",
	} {
		c := &config.Config{DatabaseURL: url}
		if got, ok := c.SQLitePath(); !ok || got != want {
			t.Errorf("%s: %q, %v", url, got, ok)
		}
	}
	if c := (&config.Config{DatabaseURL: "sqlite:/a/b.db"}); c.KeyFile() != "/a/cloakroom.key" {
		t.Errorf("key file %s", c.KeyFile())
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("CLOAKROOM_DATABASE_URL", "postgres://u:p@[::1]:5432,b/db?x=%zz")
	f.Add("CLOAKROOM_BASE_URL", "https://[fe80::1%25en0]:1")
	f.Add("CLOAKROOM_.", "x")
	f.Fuzz(func(t *testing.T, name, value string) {
		c, err := config.Load(nil, []string{name + "=" + value}, "")
		if (c == nil) == (err == nil) {
			t.Fatalf("%v, %v", c, err)
		}
	})
}
