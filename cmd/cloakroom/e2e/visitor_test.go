package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/html"
)

// visitor is a person with a browser that runs no script: it keeps cookies, follows redirects and submits forms.
type visitor struct {
	client *http.Client
	// cross makes a POST from one site to another carry no Lax cookie, as browsers do.
	jar http.CookieJar
}

func newVisitor() *visitor {
	jar, _ := cookiejar.New(nil)
	return &visitor{jar: jar, client: &http.Client{
		Timeout:       20 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 4},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// page is where a visitor is.
type page struct {
	URL    *url.URL
	Status int
	Body   string
	Header http.Header
	doc    *html.Node
}

func (p *page) String() string { return fmt.Sprintf("%d %s\n%s", p.Status, p.URL, tail(p.Body, 3000)) }

// get opens an address and follows redirects, but none to a host that until names: that address is the answer.
func (v *visitor) get(address string, until ...string) (*page, error) {
	return v.do(http.MethodGet, address, nil, nil, until)
}

func (v *visitor) do(method, address string, form url.Values, from *url.URL, until []string) (*page, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	for range 20 {
		for _, stop := range until {
			if strings.HasPrefix(u.String(), stop) {
				return &page{URL: u, Status: http.StatusFound}, nil
			}
		}
		var body io.Reader
		if form != nil {
			body = strings.NewReader(form.Encode())
		}
		req, err := http.NewRequest(method, u.String(), body)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Accept", "text/html")
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if method == http.MethodGet || from == nil || from.Host == u.Host {
			for _, c := range v.jar.Cookies(u) {
				req.AddCookie(c)
			}
		}
		res, err := v.client.Do(req)
		if err != nil {
			return nil, err
		}
		v.jar.SetCookies(u, res.Cookies())
		b, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
		res.Body.Close()
		if err != nil {
			return nil, err
		}
		to := res.Header.Get("Location")
		if res.StatusCode < 300 || res.StatusCode > 399 || to == "" {
			doc, err := html.Parse(strings.NewReader(string(b)))
			return &page{URL: u, Status: res.StatusCode, Body: string(b), Header: res.Header, doc: doc}, err
		}
		if u, err = u.Parse(to); err != nil {
			return nil, err
		}
		method, form, from = http.MethodGet, nil, nil
	}
	return nil, fmt.Errorf("more than 20 redirects, last %s", u)
}

// submit posts (or gets) the first form that match accepts, with extra values set.
func (v *visitor) submit(p *page, match func(form *html.Node) bool, extra url.Values, until ...string) (*page, error) {
	form := find(p.doc, func(n *html.Node) bool { return n.Data == "form" && (match == nil || match(n)) })
	if form == nil {
		return nil, fmt.Errorf("no such form on %s", p)
	}
	values := url.Values{}
	each(form, func(n *html.Node) {
		if (n.Data == "input" || n.Data == "button") && attr(n, "name") != "" && (n.Data == "input" || extra == nil) {
			values.Add(attr(n, "name"), attr(n, "value"))
		}
	})
	for k, vs := range extra {
		values[k] = vs
	}
	action, err := p.URL.Parse(attr(form, "action"))
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(attr(form, "method"), "post") {
		return v.do(http.MethodPost, action.String(), values, p.URL, until)
	}
	action.RawQuery = values.Encode()
	return v.get(action.String(), until...)
}

func find(n *html.Node, ok func(*html.Node) bool) (found *html.Node) {
	if n == nil {
		return nil
	}
	if n.Type == html.ElementNode && ok(n) {
		return n
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if found = find(c, ok); found != nil {
			return found
		}
	}
	return nil
}

func each(n *html.Node, do func(*html.Node)) {
	if n.Type == html.ElementNode {
		do(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		each(c, do)
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
