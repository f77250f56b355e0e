package providers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"

	"cloakroom/broker/fault"
)

// Bounds of a preflight's probes. They show in the sign-in logs of whoever is asked, so they are few, say who they are
// and never name a person.
const (
	ProbeLimit     = 5 * time.Second  // of one probe
	PreflightLimit = 15 * time.Second // of all that one preflight does
	maxHops        = 6
	maxPage        = fault.MaxPage
)

type quick struct{}

// WithoutProbes asks a Preflighter to look at settings and documents only: no sign-in is begun and no secret is shown.
func WithoutProbes(ctx context.Context) context.Context { return context.WithValue(ctx, quick{}, true) }

// Probes reports whether a preflight may send probes.
func Probes(ctx context.Context) bool { return ctx.Value(quick{}) == nil }

// Prober sends the probes of one connection.
type Prober struct {
	HTTP  *http.Client // follows no redirect
	Home  string       // our address at the connection: a walk ends before it would be called
	Agent string       // User-Agent
}

// NewProber is a connection's prober.
func NewProber(s Settings) Prober {
	c := s.OneHop
	if c == nil {
		c = s.HTTP
	}
	one := *c
	one.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	one.Transport = Watched(one.Transport, s.Now)
	agent := "Cloakroom-Preflight (connection " + s.Slug
	if u, err := url.Parse(s.CallbackURL); err == nil && u.Host != "" {
		agent += "; +" + u.Scheme + "://" + u.Host + "/"
	}
	return Prober{HTTP: &one, Home: s.CallbackURL, Agent: agent + ")"}
}

// Arrival is where a walk ended.
type Arrival struct {
	Back   url.Values // the parameters with which it would have come back to us; nil where it did not
	Status int        // of the page where it ended
	Place  string     // its address without the query
	Type   string     // its media type
	Page   string     // its beginning
	Err    error      // a *fault.Error where there is no page
}

// Failed says that the walk ended at something else than a page for people: nothing, or an error status.
func (a Arrival) Failed() bool { return a.Back == nil && (a.Err != nil || a.Status >= 400) }

// Walk opens an address as a browser does in which nobody is signed in, and follows redirects until one leads to Home, or
// a page comes. A form that would post itself to Home (form_post, the SAML POST binding) has come back too.
func (p Prober) Walk(ctx context.Context, address string) Arrival {
	ctx, cancel := context.WithTimeout(ctx, ProbeLimit)
	defer cancel()
	client := *p.HTTP
	client.Jar, _ = cookiejar.New(nil) // never fails; what is set on the way is kept on the way
	at, err := url.Parse(address)
	if err != nil {
		return Arrival{Err: fault.Wrap(fault.FetchFormat, err, "the address cannot be read")}
	}
	for range maxHops {
		arrival, next := p.step(ctx, &client, at)
		if next == nil {
			return arrival
		}
		at = next
	}
	return Arrival{Place: placeOf(at), Err: fault.New(fault.FetchRedirect, "%s forwards more than %d times", placeOf(at), maxHops)}
}

// step opens one address; next is where it forwards to.
func (p Prober) step(ctx context.Context, client *http.Client, at *url.URL) (a Arrival, next *url.URL) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return Arrival{Err: fault.Wrap(fault.FetchFormat, err, "%s", placeOf(at))}, nil
	}
	req.Header.Set("Accept", "text/html, application/xhtml+xml, */*;q=0.5")
	req.Header.Set("Accept-Language", "en")
	resp, body, err := p.send(client, req) //nolint:bodyclose // send closes it
	if err != nil {
		return Arrival{Place: placeOf(at), Err: err}, nil
	}
	if to, lerr := resp.Location(); lerr == nil && resp.StatusCode/100 == 3 {
		return p.turn(at, to)
	}
	a = Arrival{Status: resp.StatusCode, Place: placeOf(at), Type: mediaType(resp), Page: strings.ToValidUTF8(string(body), "")}
	a.Back = p.posted(a.Page, at)
	return a, nil
}

// turn decides on a redirect.
func (p Prober) turn(at, to *url.URL) (Arrival, *url.URL) {
	switch {
	case p.isHome(to):
		back := to.Query()
		if fragment, err := url.ParseQuery(to.Fragment); err == nil && len(back) == 0 {
			back = fragment
		}
		return Arrival{Place: placeOf(to), Back: back}, nil
	case to.Scheme != "https" && to.Scheme != "http", at.Scheme == "https" && to.Scheme == "http":
		return Arrival{Place: placeOf(to), Err: fault.New(fault.FetchRedirect, "%s forwards to %s", placeOf(at), placeOf(to))}, nil
	}
	return Arrival{}, to
}

func (p Prober) isHome(u *url.URL) bool {
	home, err := url.Parse(p.Home)
	return err == nil && home.Host != "" && u.Scheme == home.Scheme && strings.EqualFold(u.Host, home.Host) && u.Path == home.Path
}

// posted finds the fields of a form that a page posts to us, nil where there is none.
func (p Prober) posted(page string, at *url.URL) url.Values {
	if !strings.Contains(page, "<form") && !strings.Contains(page, "<FORM") {
		return nil
	}
	var fields url.Values
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return fields
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			switch {
			case t.Data == "form" && fields == nil:
				if to, err := at.Parse(attribute(t, "action")); err == nil && p.isHome(to) {
					fields = url.Values{}
				}
			case t.Data == "input" && fields != nil && attribute(t, "name") != "":
				fields.Add(attribute(t, "name"), attribute(t, "value"))
			}
		case html.EndTagToken:
			if z.Token().Data == "form" && fields != nil {
				return fields
			}
		}
	}
}

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// TokenAnswer is what a token endpoint said to a probe. A token that it gave is not kept.
type TokenAnswer struct {
	Status             int
	Type               string
	Error, Description string // RFC 6749, section 5.2
	Granted            bool   // it gave a token
	JSON               bool   // it answered in the protocol's form
	Page               string // the beginning of an answer in another form
	Err                error  // a *fault.Error where there is no answer
}

// AskToken posts a form to a token endpoint; user and password go into the Authorization header where user is not empty
// (form-encoded first: RFC 6749, section 2.3.1).
func (p Prober) AskToken(ctx context.Context, endpoint string, form url.Values, user, password string) TokenAnswer {
	ctx, cancel := context.WithTimeout(ctx, ProbeLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return TokenAnswer{Err: fault.Wrap(fault.FetchFormat, err, "the token endpoint's address cannot be read")}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if user != "" {
		req.SetBasicAuth(url.QueryEscape(user), url.QueryEscape(password))
	}
	resp, body, err := p.send(p.HTTP, req) //nolint:bodyclose // send closes it
	if err != nil {
		return TokenAnswer{Err: err}
	}
	if to, lerr := resp.Location(); lerr == nil && resp.StatusCode/100 == 3 {
		return TokenAnswer{Status: resp.StatusCode, Err: fault.New(fault.FetchRedirect, "%s answers with a redirect to %s", placeOf(req.URL), placeOf(to))}
	}
	return readToken(resp, body)
}

func readToken(resp *http.Response, body []byte) TokenAnswer {
	a := TokenAnswer{Status: resp.StatusCode, Type: mediaType(resp)}
	var doc struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Access      string `json:"access_token"`
		ID          string `json:"id_token"`
	}
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) && json.Unmarshal(body, &doc) == nil {
		a.Error, a.Description, a.Granted = doc.Error, doc.Description, doc.Access != "" || doc.ID != ""
		a.JSON = a.Error != "" || a.Granted
		return a
	}
	if form, err := url.ParseQuery(string(body)); err == nil && a.Type == "application/x-www-form-urlencoded" { // GitHub where Accept is not understood
		a.Error, a.Description, a.Granted = form.Get("error"), form.Get("error_description"), form.Get("access_token") != ""
		a.JSON = a.Error != "" || a.Granted
		return a
	}
	a.Page = strings.ToValidUTF8(string(body), "")
	return a
}

// Get asks an address as a probe, without credentials.
func (p Prober) Get(ctx context.Context, address string) (status int, mediatype string, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, ProbeLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, "", nil, fault.Wrap(fault.FetchFormat, err, "the address cannot be read")
	}
	req.Header.Set("Accept", "application/json")
	resp, body, err := p.send(p.HTTP, req) //nolint:bodyclose // send closes it
	if err != nil {
		return 0, "", nil, err
	}
	return resp.StatusCode, mediaType(resp), body, nil
}

// send does one call and reads the beginning of its answer.
func (p Prober) send(client *http.Client, req *http.Request) (*http.Response, []byte, error) {
	req.Header.Set("User-Agent", p.Agent)
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, Unreached(req.URL, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	if err != nil {
		return nil, nil, Unreached(req.URL, err)
	}
	return resp, body, nil
}

// Unreached keeps the fault that the guarded client gave; another client's errors get the nearest.
func Unreached(u *url.URL, err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	code := fault.FetchRefused
	var late interface{ Timeout() bool }
	if errors.As(err, &late) && late.Timeout() || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		code = fault.FetchTimeout
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // the URL around it may hold what no log should
	}
	return fault.Wrap(code, err, "%s", placeOf(u))
}

// Robot reports whether an answer is a firewall's or a captcha's rather than the provider's: the words of the common
// ones, or a refusal by a web page where no person was expected.
func Robot(status int, mediatype, body string) bool {
	if mediatype != "text/html" {
		return false
	}
	text := strings.ToLower(body[:min(len(body), 32<<10)])
	for _, words := range []string{"captcha", "are you human", "are you a robot", "attention required", "checking your browser", "cf-error", "incapsula",
		"request blocked", "access denied", "web application firewall", "unusual traffic", "the requested url was rejected", "akamai"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return status == http.StatusForbidden || status == http.StatusTooManyRequests || status == http.StatusNotAcceptable
}

func mediaType(resp *http.Response) string {
	t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return t
}

// placeOf is an address without its query.
func placeOf(u *url.URL) string { return u.Scheme + "://" + u.Host + u.Path }
