package web

import "net/http"

// operatorCookie is the console's session. Lax, so that a link in a mail opens the console signed in; what changes
// something is posted with a form token.
const operatorCookie = "cr_admin"

// Operator answers the browser's session cookie of the console, "" if it has none.
func (c *Cookies) Operator(r *http.Request) string {
	ck, err := r.Cookie(c.name(operatorCookie))
	if err != nil {
		return ""
	}
	return ck.Value
}

// SetOperator signs the browser in to the console; it ends with the browser or on the server, whichever is first.
func (c *Cookies) SetOperator(w http.ResponseWriter, value string) {
	c.set(w, operatorCookie, value, 0)
}

// DropOperator takes it away.
func (c *Cookies) DropOperator(w http.ResponseWriter) { c.set(w, operatorCookie, "", -1) }
