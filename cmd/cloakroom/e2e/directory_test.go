package e2e

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"cloakroom/providers/providertest/ldapd"
)

// A sign-in through a directory as a person does it: a wrong password first, then the right one.
func TestDirectoryInABrowser(t *testing.T) {
	w := newTown(t)
	b := newBench(t, w.world, "acme-ad", map[string]bool{})
	b.directory(ldapCase{})
	w.api("PATCH", "/realms/acme/connections/acme-saml", obj{"enabled": false}, 200, nil)
	ctx := chromium(t)
	enter := func(name, password string) {
		t.Helper()
		do(t, ctx, chromedp.SetValue(chromedp.CSS(`input[name="username"]`), name), chromedp.SendKeys(chromedp.CSS(`input[name="password"]`), password+"\r"))
	}
	do(t, ctx, chromedp.Navigate(w.app+"/signin?realm=acme"))
	want(t, ctx, w.URL+"/realms/acme/login/", "company account")
	shoot(ctx, "directory-prompt")
	enter("ada", "not-it")
	want(t, ctx, w.URL+"/realms/acme/login/", "is not right")
	shoot(ctx, "directory-wrong")
	enter("ada", personPassword)
	want(t, ctx, w.app, "ada@acme.example")
	if log := w.log.String(); strings.Contains(log, personPassword) || strings.Contains(log, "not-it") || strings.Contains(log, servicePassword) {
		t.Error("the log has a password")
	}
}

// What strangers try on the page: no name is a filter, nobody locks an account, and an address outside the domains signs
// nobody in.
func TestDirectoryAttacks(t *testing.T) {
	i := start(t, map[string]string{"TRUSTED_PROXIES": "127.0.0.0/8,::1/128"})
	w := newWorld(t, i)
	b := newBench(t, w, "acme-ad", map[string]bool{})
	st := b.directory(ldapCase{options: func(o *ldapd.Options) {
		o.People = append(o.People, ldapd.Person{Username: "eve", Password: personPassword, Email: "eve@globex.example", GivenName: "Eve", FamilyName: "Outside"})
	}})
	a := w.app
	enter := func(v *visitor, name, password string) *page {
		t.Helper()
		p, err := v.get(a.begin().URL + "&kc_idp_hint=acme-ad")
		if err == nil {
			p, err = v.submit(p, byAction("/prompt/acme-ad"), url.Values{"username": {name}, "password": {password}}, appURL)
		}
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	stays := func(p *page) bool {
		return strings.Contains(p.URL.Path, "/prompt/") && p.Status >= 400 && p.Status < 500
	}
	people := i.people()
	for _, name := range []string{"*", "a*", ")(uid=*", "*)(|(sAMAccountName=*", "ada)(objectClass=*", "ada\x00", `\2a`, "\u202eada", strings.Repeat("a", 5000)} {
		if p := enter(b.visitor(), name, personPassword); !stays(p) {
			t.Errorf("%.40q: %s", name, p)
		}
	}
	for _, filter := range st.Searches() {
		if strings.Contains(filter, "=*)(|(") || strings.Contains(filter, "=a*") {
			t.Errorf("a name became a filter: %s", filter)
		}
	}
	tried := len(st.Binds())
	if p := enter(b.visitor(), "ada", ""); !stays(p) || len(st.Binds()) != tried {
		t.Errorf("an empty password: %s", p)
	}
	for _, name := range []string{"bob", "eve"} {
		if p := enter(b.visitor(), name, personPassword); p.Status != 403 || strings.HasPrefix(p.URL.String(), appURL) {
			t.Errorf("%s: %s", name, p)
		}
	}
	if n := i.people(); n != people {
		t.Errorf("%d people were made", n-people)
	}
	for _, name := range []string{"ada", "ADA", "ada@corp.example", `CORP\ada`, "ada@acme.example", "aDa", "Ada@corp.example"} {
		enter(b.visitor(), name, "a guess")
	}
	guesses := slices.DeleteFunc(st.Binds(), func(name string) bool { return name != st.DN("ada") })
	if len(guesses) > 3 {
		t.Errorf("the directory saw %d guesses at one account", len(guesses))
	}
	if p := enter(b.visitor(), "ada", personPassword); p.Status != 429 {
		t.Errorf("after them: %s", p)
	}
}
