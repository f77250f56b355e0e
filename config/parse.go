package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

func (c *Config) warn(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}

func parseBaseURL(c *Config, v string) error {
	u, err := url.Parse(v)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%q is not an origin such as https://sso.example.com", v)
	case u.User != nil:
		return errors.New("must not hold a user name or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("must not have a query or a fragment")
	case u.Path != "" && u.Path != "/":
		return fmt.Errorf("%q has a path; give the origin alone, %s://%s, and serve paths of an older installation with CLOAKROOM_LEGACY_PATHS", v, u.Scheme, u.Host)
	case u.Path == "/":
		return fmt.Errorf("%q ends in a slash; write %s://%s", v, u.Scheme, u.Host)
	case strings.HasSuffix(u.Host, ":"):
		return fmt.Errorf("%q has an empty port", v)
	}
	if err := checkPort(u.Port()); u.Port() != "" && err != nil {
		return err
	}
	if u.Scheme == "http" && !localHost(u.Hostname()) {
		c.warn("CLOAKROOM_BASE_URL %s is plain http: everybody on the way can read sign-ins; put TLS in front and write https://", v)
	}
	c.BaseURL = u.Scheme + "://" + strings.ToLower(u.Host)
	return nil
}

func localHost(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func hostPort(v string) (host string, err error) {
	host, port, err := net.SplitHostPort(v)
	if err != nil {
		return "", fmt.Errorf("%q is not host:port, such as 127.0.0.1:8080 or :8080 for every address", v)
	}
	return host, checkPort(port)
}

func checkPort(port string) error {
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q is not a port between 0 and 65535", port)
	}
	return nil
}

func parseListen(c *Config, v string) error {
	c.Listen = v
	_, err := hostPort(v)
	return err
}

func parseMetricsListen(c *Config, v string) error {
	if v == "" {
		return nil
	}
	host, err := hostPort(v)
	if err != nil {
		return err
	}
	ip, notIP := netip.ParseAddr(host)
	switch {
	case host == "" || notIP == nil && ip.IsUnspecified():
		c.warn("CLOAKROOM_METRICS_LISTEN %s listens on every address: /metrics and /debug/pprof are for private networks only", v)
	case notIP == nil && !ip.IsPrivate() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast():
		return fmt.Errorf("%s is a public address; /metrics and /debug/pprof are for private ones only, such as 127.0.0.1:9090", host)
	}
	c.MetricsListen = v
	return nil
}

func sqlitePath(v string) (string, bool) {
	path, ok := strings.CutPrefix(v, "sqlite:")
	if rest, slashes := strings.CutPrefix(path, "//"); slashes {
		path = rest
	}
	return path, ok
}

func parseDatabaseURL(c *Config, v string) error {
	c.DatabaseURL = v
	if path, ok := sqlitePath(v); ok {
		c.DatabaseURL = "sqlite:" + path // without the slashes of sqlite:///PATH
		return checkSQLite(path)
	}
	for _, scheme := range []string{"postgres://", "postgresql://"} {
		if rest, ok := strings.CutPrefix(v, scheme); ok {
			return checkPostgres(rest)
		}
	}
	return errors.New("begins neither with sqlite: nor with postgres://")
}

func checkSQLite(path string) error {
	switch {
	case path == "":
		return errors.New("sqlite: needs a file name, such as sqlite:cloakroom.db")
	case strings.Contains(path, ":memory:"):
		return errors.New("a database in memory would forget every user; name a file")
	case strings.ContainsAny(path, "?#"):
		return errors.New("an sqlite file takes no parameters")
	}
	return nil
}

// checkPostgres looks at what a person gets wrong; the driver parses the rest. url.Parse does not know lists of hosts.
func checkPostgres(rest string) error {
	authority, _, _ := strings.Cut(rest, "/")
	authority, query, _ := strings.Cut(authority, "?")
	if _, after, ok := strings.Cut(rest, "?"); ok {
		query = after
	}
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		authority = authority[i+1:]
	}
	params, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("has parameters that cannot be read: percent-encode & and % in them")
	}
	if authority == "" && params.Get("host") == "" {
		return errors.New("names no host; a password with / ? # or @ in it must be percent-encoded")
	}
	for host := range strings.SplitSeq(authority, ",") {
		if err := checkPostgresHost(host); err != nil {
			return err
		}
	}
	return nil
}

func checkPostgresHost(host string) error {
	name, port, found := strings.Cut(host, ":")
	if strings.HasPrefix(host, "[") {
		var err error
		if name, port, err = net.SplitHostPort(host); err != nil {
			name, port, found = strings.Trim(host, "[]"), "", false
		} else {
			found = true
		}
	}
	if found && (name == "" || checkPort(port) != nil) {
		return errors.New("has a host or port that cannot be read; a password with / ? # or @ in it must be percent-encoded")
	}
	return nil
}

func parseMasterKey(c *Config, v string) error {
	keys, err := parseKeys(v)
	c.MasterKeys = keys
	return err
}

// parseKeys reads master keys: 32 bytes each in base64 of either alphabet, comma or line separated, the first of which
// seals.
func parseKeys(v string) ([][]byte, error) {
	var keys [][]byte
	for i, part := range list(v) {
		key, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(part, "=")))
		if err != nil {
			return nil, fmt.Errorf("key %d is not base64; \"openssl rand -base64 32\" makes a key", i+1)
		}
		if len(key) != 32 {
			return nil, fmt.Errorf("key %d is %d bytes, not 32; \"openssl rand -base64 32\" makes a key", i+1, len(key))
		}
		if slices.ContainsFunc(keys, func(k []byte) bool { return string(k) == string(key) }) {
			return nil, fmt.Errorf("key %d stands there twice", i+1)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func parseAdminToken(c *Config, v string) error {
	if strings.ContainsFunc(v, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) || r == ' ' }) {
		return errors.New("holds a blank, a control character or a letter beyond ASCII, which no Authorization header carries")
	}
	if v != "" && len(v) < 20 {
		c.warn("CLOAKROOM_ADMIN_TOKEN is shorter than 20 characters: it opens everything; \"openssl rand -hex 32\" makes a better one")
	}
	c.AdminToken = v
	return nil
}

// list splits at commas and blanks.
func list(v string) []string {
	return strings.FieldsFunc(v, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
}

func parseLegacyPaths(c *Config, v string) error {
	own := []string{"realms", "broker", "login", "scim", "setup", "invite", "admin", "api", "help", "healthz", "readyz"}
	for _, p := range list(v) {
		first, _, _ := strings.Cut(strings.TrimPrefix(p, "/"), "/")
		switch {
		case !strings.HasPrefix(p, "/") || p == "/" || strings.HasSuffix(p, "/") || strings.Contains(p, "//"):
			return fmt.Errorf("%q is not a prefix such as /auth: one slash in front, none at the end", p)
		case strings.ContainsFunc(p, notInPath) || strings.Contains(p, "/."):
			return fmt.Errorf("%q holds more than letters, digits, -, _, . and ~ between its slashes", p)
		case slices.Contains(own, first):
			return fmt.Errorf("%q is taken: Cloakroom serves /%s itself", p, first)
		case slices.Contains(c.LegacyPaths, p):
			return fmt.Errorf("%q stands there twice", p)
		}
		c.LegacyPaths = append(c.LegacyPaths, p)
	}
	return nil
}

func notInPath(r rune) bool {
	return !strings.ContainsRune("/-_.~", r) && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
}

func parseTrustedProxies(c *Config, v string) (err error) {
	c.TrustedProxies, err = prefixes(v)
	for _, p := range c.TrustedProxies {
		if p.Bits() == 0 {
			c.warn("CLOAKROOM_TRUSTED_PROXIES trusts %s: anybody can claim any address; name your proxies alone", p)
		}
	}
	return err
}

func parseEgressAllow(c *Config, v string) (err error) {
	c.EgressAllow, err = prefixes(v)
	for _, p := range c.EgressAllow {
		if p.Bits() == 0 {
			c.warn("CLOAKROOM_EGRESS_ALLOW %s switches the address filter off: whoever configures a connection can reach your private network", p)
		}
	}
	return err
}

func prefixes(v string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, s := range list(v) {
		if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
			out = append(out, netip.PrefixFrom(ip, ip.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q is not a network such as 10.0.0.0/8 or fd00::/8", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func parseSMTPURL(c *Config, v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return errors.New("is not smtp://user:password@host:587; a password with / ? # or @ in it must be percent-encoded")
	}
	c.SMTPURL = v
	return nil
}

func parseMailFrom(c *Config, v string) error {
	if v == "" {
		return nil
	}
	a, err := mail.ParseAddress(v)
	if err != nil || strings.ContainsFunc(a.Address, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return fmt.Errorf("%q is not written as Name <address> or as an address", v)
	}
	c.MailFrom = v
	return nil
}

func parseLogLevel(c *Config, v string) error {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, ok := levels[strings.ToLower(v)]
	if !ok {
		return fmt.Errorf("%q is not one of debug, info, warn, error", v)
	}
	c.LogLevel = level
	return nil
}

func parseLogFormat(c *Config, v string) error {
	if !slices.Contains([]string{"", "text", "json"}, v) {
		return fmt.Errorf("%q is neither text nor json", v)
	}
	c.LogFormat = v
	return nil
}

func parseDNSResolver(c *Config, v string) error {
	if v == "" {
		return nil
	}
	host, err := hostPort(v)
	if err == nil && host == "" {
		err = fmt.Errorf("%q names no host; write 127.0.0.1:53", v)
	}
	c.DNSResolver = v
	return err
}

func parseDrainDelay(c *Config, v string) (err error) {
	c.DrainDelay, err = duration(v, 0, 5*time.Minute)
	return err
}

func parseShutdownGrace(c *Config, v string) (err error) {
	c.ShutdownGrace, err = duration(v, 0, 10*time.Minute)
	return err
}

func duration(v string, low, high time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 20s or 1m30s", v)
	}
	if d < low || d > high {
		return 0, fmt.Errorf("%s is not between %s and %s", d, low, high)
	}
	return d, nil
}

// check looks at settings that must agree with each other.
func (l *loader) check(c *Config) {
	byKey := func(key string) setting {
		return l.settings[slices.IndexFunc(l.settings, func(s setting) bool { return s.key == key })]
	}
	_, lite := c.SQLitePath()
	if !lite && strings.HasPrefix(c.DatabaseURL, "postgres") && len(c.MasterKeys) == 0 && !l.named(byKey("master_key")) {
		l.fault(byKey("master_key").spellings(), "is missing: PostgreSQL needs one, the same on every replica; \"openssl rand -base64 32\" makes a key")
	}
	if c.MetricsListen != "" && c.MetricsListen == c.Listen {
		l.fault(byKey("metrics_listen").spellings(), "is the address of CLOAKROOM_LISTEN; metrics need one of their own")
	}
}

// named reports whether a fault of the setting is known already.
func (l *loader) named(s setting) bool {
	return slices.ContainsFunc(l.faults, func(f Fault) bool { return strings.HasPrefix(f.Setting, s.env()) })
}
