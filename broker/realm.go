package broker

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

var nameRE = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// ValidName reports whether s can name a realm or a connection (contract, section 1).
func ValidName(s string) bool { return nameRE.MatchString(s) }

// Realm is a tenant's wall: its connections, users, sessions, keys, clients and branding.
type Realm struct {
	Name            string        `json:"name"`
	DisplayName     string        `json:"display_name"`
	Hub             bool          `json:"hub"`
	Locales         []string      `json:"locales"`
	Branding        Branding      `json:"branding"`
	Sessions        SessionPolicy `json:"sessions"`
	Tokens          TokenPolicy   `json:"tokens"`
	LocalLogin      []string      `json:"local_login"` // email_code, passkey, password
	DefaultClientID string        `json:"default_client_id"`
	// SeatLimit is how many people may be active, 0 for any number. Approval holds people who come by themselves until an
	// operator lets them in. Contacts are told of what concerns the tenant: seats, lost domain proofs, expiries.
	SeatLimit int      `json:"seat_limit"`
	Approval  bool     `json:"approval"`
	Contacts  []string `json:"contacts,omitempty"`
	// Operators lets the console's operators sign in through the realm's connections. Whoever could change such a realm
	// could become any of them, so only owners of the installation may.
	Operators bool `json:"operators"`
	// Traces says how long the traces of logins are kept, and how much of them.
	Traces TracePolicy `json:"traces"`
	Meta
}

// Branding is how a realm's sign-in pages look.
type Branding struct {
	LogoURL string            `json:"logo_url"`
	Colour  string            `json:"colour"` // #rrggbb
	Texts   map[string]string `json:"texts"`  // own wording: "title", "help"; per locale as "title.fr"
}

// SessionPolicy bounds how long a sign-in lasts.
type SessionPolicy struct {
	Idle Duration `json:"idle"` // since last use
	Max  Duration `json:"max"`  // since sign-in
}

// TokenPolicy is the lifetime of what clients get.
type TokenPolicy struct {
	Access  Duration `json:"access"`
	ID      Duration `json:"id"`
	Refresh Duration `json:"refresh"` // since last use; never beyond the session unless offline_access was granted
	// SigningAlg is what new clients get that name none: RS256, ES256 or EdDSA.
	SigningAlg string `json:"signing_alg"`
}

// Locales that pages and mails exist in; the first is the fallback.
var Locales = []string{"en", "fr", "pl", "ru", "de", "es"}

// LocalLogins are the ways in for people excluded from single sign-on.
var LocalLogins = []string{"email_code", "passkey", "password"}

// SigningAlgs are the ID token algorithms a client may choose.
var SigningAlgs = []string{"RS256", "ES256", "EdDSA"}

// Defaults fills what was left out.
func (r *Realm) Defaults() {
	if r.DisplayName == "" {
		r.DisplayName = r.Name
	}
	def(&r.Sessions.Idle, 8*time.Hour)
	def(&r.Sessions.Max, 24*time.Hour)
	def(&r.Tokens.Access, 5*time.Minute)
	def(&r.Tokens.ID, 5*time.Minute)
	def(&r.Tokens.Refresh, 14*24*time.Hour)
	if r.Tokens.SigningAlg == "" {
		r.Tokens.SigningAlg = "RS256"
	}
	if r.Locales == nil {
		r.Locales = []string{}
	}
	if r.LocalLogin == nil {
		r.LocalLogin = []string{}
	}
	if r.Branding.Texts == nil {
		r.Branding.Texts = map[string]string{}
	}
	r.Traces.Defaults()
}

func def(d *Duration, v time.Duration) {
	if *d == 0 {
		*d = Duration(v)
	}
}

var colourRE = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// Validate answers every bad field at once (FieldErrors inside a fault.Invalid).
func (r *Realm) Validate() error {
	var f fields
	if !ValidName(r.Name) {
		f.add("/name", "is 1 to 63 of a-z, 0-9 and -, not beginning with -")
	}
	checkText(&f, "/display_name", r.DisplayName, 200)
	for i, l := range r.Locales {
		if !slices.Contains(Locales, l) {
			f.add(ptr("/locales", i), "%q is not one of %v", l, Locales)
		}
	}
	for i, l := range r.LocalLogin {
		if !slices.Contains(LocalLogins, l) {
			f.add(ptr("/local_login", i), "%q is not one of %v", l, LocalLogins)
		}
	}
	if r.Branding.Colour != "" && !colourRE.MatchString(r.Branding.Colour) {
		f.add("/branding/colour", "is a colour like #1a73e8")
	}
	if r.Branding.LogoURL != "" {
		checkURL(&f, "/branding/logo_url", r.Branding.LogoURL, "https", "http", "data")
	}
	for k, v := range r.Branding.Texts {
		checkText(&f, "/branding/texts/"+k, v, 500)
	}
	between(&f, "/sessions/idle", r.Sessions.Idle, time.Minute, 90*24*time.Hour)
	between(&f, "/sessions/max", r.Sessions.Max, time.Minute, 365*24*time.Hour)
	between(&f, "/tokens/access", r.Tokens.Access, 30*time.Second, 24*time.Hour)
	between(&f, "/tokens/id", r.Tokens.ID, 30*time.Second, 24*time.Hour)
	between(&f, "/tokens/refresh", r.Tokens.Refresh, time.Minute, 365*24*time.Hour)
	if len(r.Contacts) > 20 {
		f.add("/contacts", "are more than 20")
	}
	for i, c := range r.Contacts {
		checkText(&f, ptr("/contacts", i), c, 254)
		if !strings.Contains(c, "@") {
			f.add(ptr("/contacts", i), "is not an email address")
		}
	}
	if r.Operators && r.Hub {
		f.add("/operators", "must be false for a hub, whose people come from other realms")
	}
	r.Traces.validate(&f)
	if r.SeatLimit < 0 {
		f.add("/seat_limit", "is 0 or more")
	}
	if !slices.Contains(SigningAlgs, r.Tokens.SigningAlg) {
		f.add("/tokens/signing_alg", "is one of %v", SigningAlgs)
	}
	return f.err()
}
