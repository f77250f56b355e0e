package e2e

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	big "encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"
)

var welcomeLink = regexp.MustCompile(`http://\S+/admin/welcome/[A-Za-z0-9_-]{43}`)

// welcome is the link that the program prints while the console has no operator.
func (i *instance) welcome(t testing.TB) string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if link := welcomeLink.FindString(i.log.String()); link != "" {
			return link
		}
	}
	t.Fatal("no link for the first owner was printed")
	return ""
}

// The first owner comes by the printed link, makes a passkey, and signs in with it from then on.
func TestFirstOwner(t *testing.T) {
	i := start(t, nil)
	link := i.welcome(t)
	ctx := chromium(t)
	authenticator(t, ctx)
	do(t, ctx, chromedp.Navigate(link), chromedp.WaitVisible(chromedp.CSS(`#email`)))
	shoots(t, ctx, "welcome")
	do(t, ctx, chromedp.SendKeys(chromedp.CSS(`#name`), "Eva"), chromedp.SendKeys(chromedp.CSS(`#email`), "Eva@Example.org\r"), chromedp.WaitVisible(chromedp.CSS(`form[data-passkey] button`)))
	shoots(t, ctx, "enrol")
	do(t, ctx, chromedp.SendKeys(chromedp.CSS(`#passkey-name`), "Work laptop"), chromedp.Click(chromedp.CSS(`form[data-passkey] button`)))
	do(t, ctx, chromedp.WaitVisible(chromedp.CSS(`form[action="/admin/signout"]`)), chromedp.Navigate(i.URL+"/admin/account"), chromedp.WaitVisible(chromedp.CSS(`#ways`)))
	want(t, ctx, i.URL, "Work laptop")
	shoots(t, ctx, "account")
	do(t, ctx, chromedp.Navigate(i.URL+"/admin/signin?again=1&to=/admin/account"), chromedp.WaitVisible(chromedp.CSS(`form[data-passkey] button`)))
	shoots(t, ctx, "console-confirm")
	do(t, ctx, chromedp.Click(chromedp.CSS(`form[data-passkey] button`)), chromedp.WaitVisible(chromedp.CSS(`#ways`)))

	forget(t, ctx)
	do(t, ctx, chromedp.Navigate(link), chromedp.WaitVisible(chromedp.CSS(`#reference`)))
	// The address field offers the passkey by itself; this browser's authenticator says yes at once.
	do(t, ctx, chromedp.Navigate(i.URL+"/admin/account"), chromedp.WaitVisible(chromedp.CSS(`#ways`)))
	want(t, ctx, i.URL+"/admin/account", "Work laptop")

	var list struct {
		Items []struct {
			Email, Role string
			Passkeys    int
		}
	}
	i.api("GET", "/operators", nil, 200, &list)
	if len(list.Items) != 1 || list.Items[0].Email != "eva@example.org" || list.Items[0].Role != "owner" || list.Items[0].Passkeys != 1 {
		t.Errorf("operators %+v", list.Items)
	}
}

// appCode is what an authenticator app shows.
func appCode(secret string, at time.Time) string {
	key, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(secret, " ", ""))
	h := hmac.New(sha1.New, key)
	_ = big.Write(h, big.BigEndian, at.Unix()/30)
	sum := h.Sum(nil)
	return fmt.Sprintf("%06d", big.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1e6)
}

var secretOnPage = regexp.MustCompile(`Secret: <code>([A-Z2-7 ]+)</code>`)

const operatorPassword = "four words on paper"

// enrols chooses a password with one-time codes on the page of an enrolment link, and keeps the recovery codes.
func enrols(t testing.TB, v *visitor, link string) (secret string, recovery []string) {
	t.Helper()
	p, err := v.get(link)
	if err == nil && strings.Contains(link, "/welcome/") {
		p, err = v.submit(p, nil, url.Values{"name": {"Eva"}, "email": {"eva@example.org"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	m := secretOnPage.FindStringSubmatch(p.Body)
	if m == nil || !strings.Contains(p.Body, `<path d="M`) {
		t.Fatalf("no secret, or no QR code: %s", p)
	}
	wrong, err := v.submit(p, byAction("/password"), url.Values{"password": {operatorPassword}, "again": {operatorPassword}, "code": {"000000"}})
	if err != nil || wrong.Status != http.StatusUnprocessableEntity || !strings.Contains(wrong.Body, m[1]) {
		t.Fatalf("a wrong code: %v, %s", err, wrong)
	}
	p, err = v.submit(wrong, byAction("/password"), url.Values{"password": {operatorPassword}, "again": {operatorPassword}, "code": {appCode(m[1], time.Now())}})
	if err != nil || p.Status != 200 || p.URL.Path != "/admin/recovery" {
		t.Fatalf("enrolment: %v, %s", err, p)
	}
	return m[1], regexp.MustCompile(`[0-9A-Z]{4}(-[0-9A-Z]{4}){3}`).FindAllString(p.Body, -1)
}

func byAction(end string) func(*html.Node) bool {
	return func(n *html.Node) bool { return strings.HasSuffix(attr(n, "action"), end) }
}

// signsIn fills the console's sign-in page.
func signsIn(t *testing.T, v *visitor, base, address, password, code string) *page {
	t.Helper()
	p, err := v.get(base + "/admin/signin?to=/admin/account")
	if err == nil {
		p, err = v.submit(p, byAction("/admin/signin"), url.Values{"email": {address}, "password": {password}, "code": {code}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A password with one-time codes needs no script. Codes count once, addresses are not told, and forms are our own.
func TestOperatorWithoutScript(t *testing.T) {
	i := start(t, nil)
	link := i.welcome(t)
	eva := newVisitor()
	secret, recovery := enrols(t, eva, link)
	if len(recovery) != 10 {
		t.Fatalf("recovery codes %q", recovery)
	}
	if p, err := eva.get(i.URL + "/admin/account"); err != nil || p.Status != 200 || !strings.Contains(p.Body, "10 recovery codes left") {
		t.Fatalf("%v, %s", err, p)
	}
	if p, err := eva.get(i.URL + "/admin/recovery"); err != nil || strings.Contains(p.Body, recovery[0]) {
		t.Errorf("recovery codes are shown twice: %v", err)
	}
	if p, err := newVisitor().get(link); err != nil || p.Status != http.StatusGone {
		t.Errorf("the welcome again: %v, %s", err, p)
	}

	next := appCode(secret, time.Now().Add(30*time.Second))
	other := newVisitor()
	if p := signsIn(t, other, i.URL, "eva@example.org", operatorPassword, next); p.Status != 200 || p.URL.Path != "/admin/account" {
		t.Fatalf("sign-in: %s", p)
	}
	scrub := regexp.MustCompile(`value="[^"]*"|data-options="[^"]*"`)
	answers := map[string]bool{}
	for _, try := range [][3]string{
		{"eva@example.org", operatorPassword, next}, {"eva@example.org", "wrong words on paper", "123456"},
		{"nobody@example.org", operatorPassword, "123456"}, {"eva@example.org", operatorPassword, ""},
	} {
		p := signsIn(t, newVisitor(), i.URL, try[0], try[1], try[2])
		answers[fmt.Sprint(p.Status, scrub.ReplaceAllString(p.Body, ""))] = true
		if p.Status != http.StatusForbidden {
			t.Errorf("%v: %s", try, p)
		}
	}
	if len(answers) != 1 {
		t.Errorf("%d different answers tell addresses apart", len(answers))
	}
	if p := signsIn(t, newVisitor(), i.URL, "eva@example.org", operatorPassword, recovery[3]); p.Status != 200 {
		t.Errorf("a recovery code: %s", p)
	}
	if p := signsIn(t, newVisitor(), i.URL, "eva@example.org", operatorPassword, recovery[3]); p.Status == 200 {
		t.Error("a recovery code counts twice")
	}

	for name, send := range map[string]func(r *http.Request){
		"no token":          func(r *http.Request) { r.Body = http.NoBody },
		"from another site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"from a neighbour":  func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
		"another's token": func(r *http.Request) {
			r.Header.Set("Cookie", strings.Replace(r.Header.Get("Cookie"), "cr_form=", "cr_form=x", 1))
		},
	} {
		for _, path := range []string{"/admin/account", "/admin/account/browsers/end", "/admin/signout", "/admin/signin"} {
			if got := forged(t, other, i.URL+path, send); got != http.StatusForbidden {
				t.Errorf("%s to %s: %d", name, path, got)
			}
		}
	}
	if p, err := other.get(i.URL + "/admin/account"); err != nil || p.URL.Path != "/admin/account" {
		t.Errorf("a forged form signed out: %v, %s", err, p)
	}
	for _, to := range []string{"//evil.example", "https://evil.example", `/\evil.example`, "/realms/x", "/admin/../x\r\nX: y"} {
		if p, err := other.get(i.URL + "/admin/signin?to=" + url.QueryEscape(to)); err != nil || !strings.HasPrefix(p.URL.String(), i.URL+"/admin") {
			t.Errorf("to %q led to %v, %v", to, p, err)
		}
	}
}

// forged posts a form with the visitor's cookies, changed by send.
func forged(t *testing.T, v *visitor, address string, send func(r *http.Request)) int {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	token := ""
	for _, c := range v.jar.Cookies(u) {
		if c.Name == "cr_form" {
			token = c.Value
		}
	}
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(url.Values{"csrf": {token}, "name": {"Mallory"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range v.jar.Cookies(u) {
		req.AddCookie(c)
	}
	send(req)
	res, err := v.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// A disabled operator is out at once, whoever holds the cookie; an enrolment link counts once; the last owner stays.
func TestOperatorShutOut(t *testing.T) {
	i := start(t, nil)
	enrols(t, newVisitor(), i.welcome(t))
	var max struct {
		ID  string
		URL string `json:"enrolment_url"`
	}
	i.api("POST", "/operators", obj{"email": "max@example.org", "role": "support"}, 201, &max)
	v := newVisitor()
	enrols(t, v, max.URL)
	if p, err := newVisitor().get(max.URL); err != nil || p.Status != http.StatusGone {
		t.Errorf("the link again: %v, %s", err, p)
	}
	if p, err := v.get(i.URL + "/admin/account"); err != nil || p.URL.Path != "/admin/account" || !strings.Contains(p.Body, "max@example.org") {
		t.Fatalf("%v, %s", err, p)
	}
	i.api("PATCH", "/operators/"+max.ID, obj{"disabled": true}, 200, nil)
	for range 2 { // enabling brings no session back
		if p, err := v.get(i.URL + "/admin/account"); err != nil || p.URL.Path != "/admin/signin" {
			t.Errorf("a disabled operator is in: %v, %s", err, p)
		}
		i.api("PATCH", "/operators/"+max.ID, obj{"disabled": false}, 200, nil)
	}
	var list struct{ Items []struct{ ID, Email string } }
	i.api("GET", "/operators?q=eva", nil, 200, &list)
	eva := "/operators/" + list.Items[0].ID
	for _, patch := range []obj{{"disabled": true}, {"role": "auditor"}} {
		if status, body := i.try("PATCH", eva, patch); status != http.StatusConflict || !strings.Contains(string(body), "operator.last_owner") {
			t.Errorf("%v: %d %s", patch, status, body)
		}
	}
	if status, body := i.try("DELETE", eva, nil); status != http.StatusConflict {
		t.Errorf("the last owner was deleted: %d %s", status, body)
	}
}

// Operators may come through a connection of a realm that is open to them: who was invited, with an address that the
// connection may vouch for, and nobody else.
func TestOperatorThroughConnection(t *testing.T) {
	i := start(t, nil)
	w := newWorld(t, i)
	i.api("POST", "/realms", obj{"name": "staff"}, 201, nil)
	i.api("POST", "/realms/staff/domains", obj{"domain": "staff.example", "verified": true}, 201, nil)
	w.addSAML(t, "staff", "staff-saml", "staff.example")
	enrols(t, newVisitor(), i.welcome(t))
	begin := func(v *visitor) *page {
		t.Helper()
		p, err := v.get(i.URL + "/admin/signin?to=/admin/account")
		if err == nil {
			p, err = v.submit(p, byAction("/admin/signin/connection"), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p, err := newVisitor().get(i.URL + "/admin/signin"); err != nil || strings.Contains(p.Body, "/admin/signin/connection") {
		t.Fatalf("a realm that is not open to operators is offered: %v", err)
	}
	i.api("PATCH", "/realms/staff", obj{"operators": true}, 200, nil)

	bob := func(v *visitor) *page {
		t.Helper()
		p, err := answerSAML(v, begin(v), "bob")
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if p := bob(newVisitor()); p.Status != http.StatusForbidden || p.URL.Path == "/admin/account" {
		t.Fatalf("not invited: %s", p)
	}
	i.api("POST", "/operators", obj{"email": "bob@staff.example", "role": "support"}, 201, nil)
	v := newVisitor()
	if p := bob(v); p.Status != 200 || p.URL.Path != "/admin/account" || !strings.Contains(p.Body, "bob@staff.example") {
		t.Fatalf("invited: %s", p)
	}
	// The way back to the console is good for the browser that began it only, and once.
	victim, thief := newVisitor(), newVisitor()
	begin(thief) // has a sign-in of its own under way
	p, err := victim.submit(begin(victim), nil, url.Values{"user": {"bob"}})
	if err == nil {
		p, err = victim.submit(p, nil, nil, i.URL+"/admin/signin/done/")
	}
	if err != nil || !strings.Contains(p.URL.Path, "/admin/signin/done/") {
		t.Fatalf("%v, %s", err, p)
	}
	if got, err := thief.get(p.URL.String()); err != nil || got.Status != http.StatusBadRequest {
		t.Errorf("another browser: %v, %s", err, got)
	}
	if got, err := victim.get(p.URL.String()); err != nil || got.Status == 200 {
		t.Errorf("the ticket after a try: %v, %s", err, got)
	}
	if got, err := thief.get(i.URL + "/admin/account"); err != nil || got.URL.Path != "/admin/signin" {
		t.Errorf("a stolen ticket signs in: %v, %s", err, got)
	}
	if status, _ := i.try("PATCH", "/realms/staff", obj{"operators": false}); status != 200 {
		t.Fatal(status)
	}
	if p, err := newVisitor().get(i.URL + "/admin/signin"); err != nil || strings.Contains(p.Body, "/admin/signin/connection") {
		t.Errorf("still offered: %v", err)
	}
	var list struct{ Items []struct{ Connection string } }
	i.api("GET", "/operators?q=bob", nil, 200, &list)
	if len(list.Items) != 1 || list.Items[0].Connection != "staff-saml" {
		t.Errorf("%+v", list)
	}
}
