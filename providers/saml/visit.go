package saml

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"

	"golang.org/x/net/html"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

const (
	maxVisited = 256 << 10 // of a page: an answer in a form is a few kilobytes, a sign-in page with its scripts more
	maxHops    = 6
	maxForms   = 16
	maxFields  = 64
)

// visit is what a browser in which nobody is signed in would have in front of it.
type visit struct {
	status int
	place  *url.URL
	page   string
	forms  []form
	signIn bool   // the page asks who is there
	text   string // what people see of it
	back   bool   // the way led to our own address, with place's query
	err    error  // a *fault.Error where there is no page
}

// form is an HTML form that has fields.
type form struct {
	action *url.URL
	method string
	fields url.Values
}

// visit goes where a challenge leads, as a browser does that has neither cookies nor scripts, and follows redirects by
// hand: nothing is ever sent to our own address, and no form is submitted.
func (p *provider) visit(ctx context.Context, c providers.Challenge) visit {
	ctx, cancel := context.WithTimeout(ctx, providers.ProbeLimit)
	defer cancel()
	prober := providers.NewProber(p.s)
	client := *prober.HTTP
	client.Jar, _ = cookiejar.New(nil) // never fails; Shibboleth's pages find each other by a cookie
	at, err := url.Parse(c.URL)
	if err != nil {
		return visit{err: fault.Wrap(fault.FetchFormat, err, "the sign-on address cannot be read")}
	}
	body := c.Form
	for range maxHops {
		v, next := p.hop(ctx, &client, prober.Agent, at, body)
		if next == nil {
			return v
		}
		at, body = next, nil
	}
	return visit{place: at, err: fault.New(fault.FetchRedirect, "%s forwards more than %d times", hostOf(c.URL), maxHops)}
}

// hop opens one address; next is where it forwards to.
func (p *provider) hop(ctx context.Context, client *http.Client, agent string, at *url.URL, body url.Values) (v visit, next *url.URL) {
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(ctx, method, at.String(), strings.NewReader(body.Encode()))
	if err != nil {
		return visit{place: at, err: fault.Wrap(fault.FetchFormat, err, "%s", at.Host)}, nil
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", "text/html, application/xhtml+xml, */*;q=0.5")
	req.Header.Set("Accept-Language", "en")
	req.Header.Set("User-Agent", agent)
	resp, err := client.Do(req)
	if err != nil {
		return visit{place: at, err: providers.Unreached(at, err)}, nil
	}
	defer resp.Body.Close()
	if to, lerr := resp.Location(); lerr == nil && resp.StatusCode/100 == 3 {
		return p.turn(at, to)
	}
	page, err := io.ReadAll(io.LimitReader(resp.Body, maxVisited))
	if err != nil {
		return visit{place: at, err: providers.Unreached(at, err)}, nil
	}
	v = visit{status: resp.StatusCode, place: at, page: strings.ToValidUTF8(string(page), "\uFFFD")}
	v.read()
	return v, nil
}

// turn decides on a redirect.
func (p *provider) turn(at, to *url.URL) (visit, *url.URL) {
	bare := *to
	bare.RawQuery, bare.Fragment = "", ""
	switch {
	case p.ours(bare.String(), providers.Request{}):
		return visit{place: to, back: true}, nil
	case to.Scheme != "https" && to.Scheme != "http", at.Scheme == "https" && to.Scheme == "http":
		return visit{place: at, err: fault.New(fault.FetchRedirect, "%s forwards to %s://%s", at.Host, to.Scheme, to.Host)}, nil
	}
	return visit{}, to
}

// read takes forms, visible text and the marks of a sign-in page from the page. Forms nest in no browser: the inner start
// tag is passed over, and its fields are the outer one's (HTML, section 13.2.6.4.7).
func (v *visit) read() {
	z := html.NewTokenizer(strings.NewReader(v.page))
	var text strings.Builder
	var open *form
	hidden := false
	for {
		switch z.Next() {
		case html.ErrorToken:
			v.text = strings.Join(strings.Fields(text.String()), " ")
			return
		case html.TextToken:
			if !hidden {
				text.WriteString(z.Token().Data + " ")
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			hidden = t.Data == "script" || t.Data == "style"
			open = v.tag(t, open)
		case html.EndTagToken:
			hidden = false
			if z.Token().Data == "form" {
				open = nil
			}
		}
	}
}

// tag notes a start tag and answers the form that is open after it.
func (v *visit) tag(t html.Token, open *form) *form {
	switch t.Data {
	case "form":
		if open != nil || len(v.forms) == maxForms {
			return open
		}
		to, err := v.place.Parse(attributeOf(t, "action"))
		if err != nil {
			return open
		}
		v.forms = append(v.forms, form{action: to, method: strings.ToLower(attributeOf(t, "method")), fields: url.Values{}})
		return &v.forms[len(v.forms)-1]
	case "input":
		name := attributeOf(t, "name")
		v.signIn = v.signIn || strings.EqualFold(attributeOf(t, "type"), "password") || asksWho(name)
		if open != nil && name != "" && len(open.fields) < maxFields {
			open.fields.Add(name, attributeOf(t, "value"))
		}
	case "meta": // Microsoft's page is drawn by its script; this is what it says of itself
		v.signIn = v.signIn || attributeOf(t, "name") == "PageID" && strings.Contains(attributeOf(t, "content"), "SignIn")
	case "div": // Okta's too
		v.signIn = v.signIn || attributeOf(t, "id") == "okta-login-container" || attributeOf(t, "id") == "okta-sign-in"
	}
	return open
}

// asksWho knows the names that sign-in pages give the field for the user name.
func asksWho(name string) bool {
	switch strings.ToLower(name) {
	case "username", "user", "login", "loginfmt", "identifier", "email", "j_username", "pf.username", "userid", "user_email":
		return true
	}
	return false
}

func attributeOf(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// form answers the first form that carries a field.
func (v *visit) form(field string) *form {
	for i := range v.forms {
		if v.forms[i].fields.Has(field) {
			return &v.forms[i]
		}
	}
	return nil
}

// address is a form's target as it is compared with ours.
func (f *form) address() string {
	u := *f.action
	u.Fragment = ""
	return u.String()
}
