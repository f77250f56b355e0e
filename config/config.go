package config

import (
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"time"
)

// Config is every setting, parsed.
type Config struct {
	BaseURL        string // public origin without a trailing slash: https://sso.example
	Listen         string // host:port
	DatabaseURL    string // sqlite:PATH or postgres://…
	MasterKeys     [][]byte
	AdminToken     string   // "" for none
	LegacyPaths    []string // "/auth"
	TrustedProxies []netip.Prefix
	EgressAllow    []netip.Prefix
	SMTPURL        string
	MailFrom       string // Name <address>, "" for no-reply@ the host of BaseURL
	MetricsListen  string // "" for none
	LogLevel       slog.Level
	LogFormat      string // text, json, or "" to let the terminal decide
	DNSResolver    string // host:port, "" for the system's
	DrainDelay     time.Duration
	ShutdownGrace  time.Duration

	// Warnings are settings that work and that somebody should look at.
	Warnings []string
}

// SQLitePath answers the database file, and false where the database is PostgreSQL.
func (c *Config) SQLitePath() (string, bool) { return sqlitePath(c.DatabaseURL) }

// KeyFile is where the master key of an SQLite installation lives when none is set.
func (c *Config) KeyFile() string {
	path, _ := c.SQLitePath()
	return filepath.Join(filepath.Dir(path), "cloakroom.key")
}

// HTTPS reports whether browsers reach us over TLS.
func (c *Config) HTTPS() bool { return strings.HasPrefix(c.BaseURL, "https://") }
