package config

import (
	"strings"

	"github.com/spf13/pflag"
)

const prefix = "CLOAKROOM_"

// setting is one row of the table: what it is called, what it is unless somebody says otherwise, and how it is read.
type setting struct {
	key    string // as in the YAML file; flag and environment are derived
	def    string
	secret bool // may come from a file (…_FILE); never quoted in a message
	usage  string
	parse  func(c *Config, value string) error
}

func (s setting) env() string  { return prefix + strings.ToUpper(s.key) }
func (s setting) flag() string { return strings.ReplaceAll(s.key, "_", "-") }

// spellings names the setting in every way it can be set, the usual one first.
func (s setting) spellings() string {
	return s.env() + " (--" + s.flag() + ", " + s.key + ": in the file)"
}

func table() []setting {
	return []setting{
		{"base_url", "http://localhost:8080", false, "public `ORIGIN`; every address handed out derives from it", parseBaseURL},
		{"listen", "127.0.0.1:8080", false, "`HOST:PORT` to listen on", parseListen},
		{"database_url", "sqlite:cloakroom.db", true, "database `URL`: sqlite:FILE or postgres://user@host,host/name", parseDatabaseURL},
		{"master_key", "", true, "`KEY` of 32 bytes in base64 that seals every stored secret; several, comma separated: the first seals, all open", parseMasterKey},
		{"admin_token", "", true, "`TOKEN` that is a fixed API key with role owner", parseAdminToken},
		{"legacy_paths", "", false, "`PREFIXES` such as /auth under which every public path is served too", parseLegacyPaths},
		{"trusted_proxies", "", false, "`CIDRs` whose Forwarded and X-Forwarded-* headers are believed", parseTrustedProxies},
		{"egress_allow", "", false, "`CIDRs` of private or loopback addresses that connections may be fetched from", parseEgressAllow},
		{"smtp_url", "", true, "mail server's `URL`: smtp://user:password@host:port", parseSMTPURL},
		{"mail_from", "", false, "`SENDER` of mails: Name <address> (default: no-reply@ the host of the base URL)", parseMailFrom},
		{"metrics_listen", "", false, "private `HOST:PORT` for /metrics and /debug/pprof", parseMetricsListen},
		{"log_level", "info", false, "`LEVEL`: debug, info, warn or error", parseLogLevel},
		{"log_format", "", false, "`FORMAT`: text or json (default: text on a terminal, else json)", parseLogFormat},
		{"dns_resolver", "", false, "`HOST:PORT` of the DNS server that domain verification asks (default: the system's)", parseDNSResolver},
		{"drain_delay", "1s", false, "`DURATION` for which /readyz says 503 before the listener closes on SIGTERM", parseDrainDelay},
		{"shutdown_grace", "20s", false, "`DURATION` that requests in flight may take to finish when stopping", parseShutdownGrace},
	}
}

// Flags adds a flag for every setting.
func Flags(fs *pflag.FlagSet) {
	for _, s := range table() {
		usage := s.usage
		if s.def != "" {
			usage += " (default " + s.def + ")"
		}
		fs.String(s.flag(), "", usage)
		if s.secret {
			fs.String(s.flag()+"-file", "", "`FILE` that holds --"+s.flag()+", which others cannot see in the process list")
		}
	}
}
