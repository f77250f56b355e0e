package web

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"cloakroom/broker"
)

// Sealer keeps what a browser carries secret and unchanged.
type Sealer interface {
	Seal(plain, aad []byte) []byte
	Open(sealed, aad []byte) ([]byte, error)
}

// Cookies reads and writes the broker's cookies. On https their names carry __Host-, so that no neighbouring host can
// plant one.
type Cookies struct {
	Sealer Sealer
	Secure bool // BASE_URL is https
	MaxAge time.Duration
	Now    func() time.Time
}

const (
	loginPrefix   = "cr_l_" // + login ID: a login under way, or the tombstone of one
	sessionPrefix = "cr_s_" // + realm
	// maxLogins bounds how many logins a browser has under way; the oldest gives way.
	maxLogins = 4
	// maxLoginCookie is what all browsers store: 4096 bytes with the name and attributes.
	maxLoginCookie = 3800
)

func (c *Cookies) name(s string) string {
	if c.Secure {
		return "__Host-" + s
	}
	return s
}

func (c *Cookies) set(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure is off for a plain-http base URL only: localhost
		Name: c.name(name), Value: value, Path: "/", MaxAge: maxAge, Secure: c.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// kept is what a login's cookie holds.
type kept struct {
	Login *broker.Login `json:"l"`
	Done  bool          `json:"d,omitempty"`
}

// KeepLogin puts a login into the browser's cookie. It reports false where the login is too large for one.
func (c *Cookies) KeepLogin(w http.ResponseWriter, r *http.Request, l *broker.Login) bool {
	ok := c.putLogin(w, kept{Login: l}, int(c.MaxAge.Seconds()))
	if ok {
		c.makeRoom(w, r, l.ID)
	}
	return ok
}

// BuryLogin leaves a tombstone, so that Back and double clicks find out that this login is over.
func (c *Cookies) BuryLogin(w http.ResponseWriter, l *broker.Login) {
	stone := *l
	stone.Request, stone.UILocales, stone.ACR = nil, nil, nil
	if len(stone.LoginHint) > 254 {
		stone.LoginHint = ""
	}
	c.putLogin(w, kept{Login: &stone, Done: true}, 600)
}

func (c *Cookies) putLogin(w http.ResponseWriter, k kept, maxAge int) bool {
	b, err := json.Marshal(k)
	if err != nil {
		return false
	}
	name := loginPrefix + k.Login.ID
	v := base64.RawURLEncoding.EncodeToString(c.Sealer.Seal(b, []byte("login "+k.Login.ID)))
	if len(v) > maxLoginCookie {
		return false
	}
	c.set(w, name, v, maxAge)
	return true
}

// Login answers the login of an ID that this browser began, and whether it is over; nil if there is none or it expired.
func (c *Cookies) Login(r *http.Request, id string) (l *broker.Login, done bool) {
	if !broker.ValidLoginID(id) {
		return nil, false
	}
	ck, err := r.Cookie(c.name(loginPrefix + id))
	if err != nil {
		return nil, false
	}
	k, ok := c.open(ck.Value, id)
	if !ok {
		return nil, false
	}
	return k.Login, k.Done
}

// LoginByRef is Login by the reference in a page's URL.
func (c *Cookies) LoginByRef(r *http.Request, ref string) (l *broker.Login, done bool) {
	ref, ok := broker.ParseRef(ref)
	if !ok {
		return nil, false
	}
	prefix := c.name(loginPrefix + strings.ReplaceAll(ref, "-", ""))
	for _, ck := range r.Cookies() {
		if strings.HasPrefix(ck.Name, prefix) {
			if l, done := c.Login(r, strings.TrimPrefix(ck.Name, c.name(loginPrefix))); l != nil {
				return l, done
			}
		}
	}
	return nil, false
}

func (c *Cookies) open(value, id string) (kept, bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return kept{}, false
	}
	b, err := c.Sealer.Open(sealed, []byte("login "+id))
	if err != nil {
		return kept{}, false
	}
	var k kept
	if json.Unmarshal(b, &k) != nil || k.Login == nil || k.Login.ID != id || c.Now().Sub(k.Login.Begun) > c.MaxAge {
		return kept{}, false
	}
	return k, true
}

// makeRoom drops tombstones and the oldest logins where a browser carries too many.
func (c *Cookies) makeRoom(w http.ResponseWriter, r *http.Request, keep string) {
	prefix := c.name(loginPrefix)
	type old struct {
		id    string
		begun time.Time
	}
	var live []old
	for _, ck := range r.Cookies() {
		id, ok := strings.CutPrefix(ck.Name, prefix)
		if !ok || id == keep {
			continue
		}
		l, done := c.Login(r, id)
		if l == nil || done {
			c.set(w, loginPrefix+id, "", -1)
			continue
		}
		live = append(live, old{id, l.Begun})
	}
	for len(live) >= maxLogins {
		oldest := 0
		for i := range live {
			if live[i].begun.Before(live[oldest].begun) {
				oldest = i
			}
		}
		c.set(w, loginPrefix+live[oldest].id, "", -1)
		live = append(live[:oldest], live[oldest+1:]...)
	}
}

// Session answers the browser's session cookie of a realm, "" if it has none.
func (c *Cookies) Session(r *http.Request, realm string) string {
	ck, err := r.Cookie(c.name(sessionPrefix + realm))
	if err != nil {
		return ""
	}
	return ck.Value
}

// SetSession gives the browser a session; it ends with the browser or on the server, whichever is first.
func (c *Cookies) SetSession(w http.ResponseWriter, realm, value string) {
	c.set(w, sessionPrefix+realm, value, 0)
}

// DropSession takes it away.
func (c *Cookies) DropSession(w http.ResponseWriter, realm string) {
	c.set(w, sessionPrefix+realm, "", -1)
}

// Form tokens protect the forms that change something for a signed-in person (logout): the token is in the form and,
// sealed, in a cookie; another site can send neither (double submit, bound by SameSite=Lax as well).
const formCookie = "cr_form"

// FormToken answers the browser's form token, giving it one where it has none.
func (c *Cookies) FormToken(w http.ResponseWriter, r *http.Request) string {
	if ck, err := r.Cookie(c.name(formCookie)); err == nil && len(ck.Value) == 32 {
		return ck.Value
	}
	t := broker.RandomToken(24)
	c.set(w, formCookie, t, 0)
	return t
}

// CheckForm compares a posted token with the browser's.
func (c *Cookies) CheckForm(r *http.Request, token string) bool {
	ck, err := r.Cookie(c.name(formCookie))
	return err == nil && len(ck.Value) == 32 && subtle.ConstantTimeCompare([]byte(ck.Value), []byte(token)) == 1
}
