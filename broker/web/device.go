package web

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"cloakroom/broker"
	"cloakroom/templates"
)

// What a browser keeps for us, sealed: a value of a purpose (a code that was mailed, a passkey ceremony), and which
// accounts have signed in here by a local way.

const (
	keptPrefix   = "cr_k_" // + digest of the purpose
	deviceCookie = "cr_d"
	deviceFor    = 180 * 24 * time.Hour
	maxDevices   = 12 // accounts that a browser is known for
)

// sealed is a value with its end, which the cookie's own does not prove.
type sealed struct {
	Until time.Time `json:"u"`
	Value []byte    `json:"v"`
}

func keptName(purpose string) string {
	sum := sha256.Sum256([]byte(purpose))
	return keptPrefix + hex.EncodeToString(sum[:8])
}

// Keep leaves a value with the browser, for one purpose. Nobody else can read, change or use it for another.
func (c *Cookies) Keep(w http.ResponseWriter, purpose string, value []byte, age time.Duration) {
	c.keep(w, keptName(purpose), purpose, value, age)
}

func (c *Cookies) keep(w http.ResponseWriter, name, purpose string, value []byte, age time.Duration) {
	b, err := json.Marshal(sealed{Until: c.Now().Add(age), Value: value})
	if err != nil {
		return
	}
	v := base64.RawURLEncoding.EncodeToString(c.Sealer.Seal(b, []byte("kept "+purpose)))
	if len(v) <= maxLoginCookie {
		c.set(w, name, v, int(age.Seconds()))
	}
}

// Kept answers what the browser keeps for a purpose, nil if it keeps nothing.
func (c *Cookies) Kept(r *http.Request, purpose string) []byte {
	return c.kept(r, keptName(purpose), purpose)
}

func (c *Cookies) kept(r *http.Request, name, purpose string) []byte {
	ck, err := r.Cookie(c.name(name))
	if err != nil {
		return nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(ck.Value)
	if err != nil {
		return nil
	}
	b, err := c.Sealer.Open(raw, []byte("kept "+purpose))
	if err != nil {
		return nil
	}
	var k sealed
	if json.Unmarshal(b, &k) != nil || !c.Now().Before(k.Until) {
		return nil
	}
	return k.Value
}

// Drop takes back what the browser keeps for a purpose.
func (c *Cookies) Drop(w http.ResponseWriter, purpose string) { c.set(w, keptName(purpose), "", -1) }

// device is an account that signed in in this browser.
type device struct {
	Account string `json:"a"`
	ID      string `json:"i"`
}

func (c *Cookies) devices(r *http.Request) []device {
	var all []device
	_ = json.Unmarshal(c.kept(r, deviceCookie, "devices"), &all)
	return all
}

// Device names this browser for an account that has signed in in it before, "" where none has.
func (c *Cookies) Device(r *http.Request, account string) string {
	for _, d := range c.devices(r) {
		if d.Account == account {
			return d.ID
		}
	}
	return ""
}

// Remember makes the browser one in which the account has signed in.
func (c *Cookies) Remember(w http.ResponseWriter, r *http.Request, account string) {
	all := slices.DeleteFunc(c.devices(r), func(d device) bool { return d.Account == account })
	all = append([]device{{account, broker.RandomToken(12)}}, all...)
	b, err := json.Marshal(all[:min(len(all), maxDevices)])
	if err == nil {
		c.keep(w, deviceCookie, "devices", b, deviceFor)
	}
}

// Notice shows a page that only says something.
func (w *Web) Notice(c *gin.Context, status int, p templates.Notice, realm *broker.Realm, l *broker.Login) {
	p.Shell = w.Shell(c, realm, l)
	p.Shell.Languages = nil
	w.Page(c, status, p)
}
