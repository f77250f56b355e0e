package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
)

const (
	choiceCookie = "cr_way"
	maxChoices   = 8
	choiceDays   = 180
	// maxChoice bounds a key: a realm's name and a domain.
	maxChoice = 63 + 1 + 253
)

// choice is which of several connections a person took last for one key.
type choice struct {
	Key  string `json:"k"`
	Slug string `json:"s"`
}

// Choice answers the slug that this browser took last for a key, "" if it remembers none. It is a hint: whoever uses it
// checks that the connection may still be used.
func (c *Cookies) Choice(r *http.Request, key string) string {
	for _, ch := range c.choices(r) {
		if ch.Key == key {
			return ch.Slug
		}
	}
	return ""
}

// KeepChoice remembers a choice; of many the oldest are forgotten. It is sealed, so that who shares the browser cannot
// read from it which companies' people use it.
func (c *Cookies) KeepChoice(w http.ResponseWriter, r *http.Request, key, slug string) {
	if len(key) > maxChoice {
		return
	}
	kept := []choice{{key, slug}}
	for _, ch := range c.choices(r) {
		if ch.Key != key && len(kept) < maxChoices {
			kept = append(kept, ch)
		}
	}
	b, err := json.Marshal(kept)
	if err != nil {
		return
	}
	v := base64.RawURLEncoding.EncodeToString(c.Sealer.Seal(b, []byte(choiceCookie)))
	if len(v) <= maxLoginCookie {
		c.set(w, choiceCookie, v, choiceDays*24*3600)
	}
}

func (c *Cookies) choices(r *http.Request) []choice {
	ck, err := r.Cookie(c.name(choiceCookie))
	if err != nil {
		return nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(ck.Value)
	if err != nil {
		return nil
	}
	b, err := c.Sealer.Open(sealed, []byte(choiceCookie))
	if err != nil {
		return nil
	}
	var kept []choice
	if json.Unmarshal(b, &kept) != nil {
		return nil
	}
	return kept
}
