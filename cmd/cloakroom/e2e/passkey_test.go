package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// authenticator gives the page's browser a security key that says yes.
func authenticator(t *testing.T, ctx context.Context) {
	t.Helper()
	_, err := chromedp.Call(ctx, webauthn.Enable, webauthn.EnableParams{})
	if err == nil {
		_, err = chromedp.Call(ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true, HasUserVerification: true,
			IsUserVerified: true, AutomaticPresenceSimulation: true,
		}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// forget takes all cookies away: another day, another browser window.
func forget(t *testing.T, ctx context.Context) {
	t.Helper()
	if _, err := chromedp.Call(ctx, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
}

// A passkey is made after a sign-in through the company, signs in without it, and is worth nothing at another realm.
func TestPasskey(t *testing.T) {
	w := newTown(t)
	for _, realm := range []string{"acme", "globex"} {
		w.api("PATCH", "/realms/"+realm, obj{"local_login": []string{"email_code", "passkey", "password"}}, 200, nil)
	}
	ctx := chromium(t)
	authenticator(t, ctx)
	do(t, ctx, chromedp.Navigate(w.app+"/signin?realm=acme"), chromedp.Click(chromedp.CSS(`a[href*="/go/acme-saml"]`)), chromedp.Click(chromedp.CSS(`button[value="bob"]`)))
	want(t, ctx, w.app, "bob@acme.example")

	do(t, ctx, chromedp.Navigate(w.URL+"/realms/acme/local"), chromedp.WaitVisible(chromedp.CSS(`form[data-passkey] button`)))
	shoots(t, ctx, "local-ways")
	do(t, ctx, chromedp.SendKeys(chromedp.CSS(`#passkey-name`), "Work laptop"), chromedp.Click(chromedp.CSS(`form[data-passkey] button`)))
	want(t, ctx, w.URL, "Work laptop")

	forget(t, ctx)
	local := func(realm string) {
		do(t, ctx, chromedp.Navigate(w.app+"/signin?realm="+realm), chromedp.Click(chromedp.CSS(`a[href$="/local"]`)), chromedp.WaitVisible(chromedp.CSS(`form[data-passkey] button`)))
	}
	local("acme")
	shoots(t, ctx, "local")
	do(t, ctx, chromedp.Click(chromedp.CSS(`form[data-passkey] button`)))
	want(t, ctx, w.app, "bob@acme.example")
	_, body := seen(ctx)
	if !strings.Contains(body, "hwk") {
		t.Errorf("the tokens do not say how: %s", body)
	}

	// The browser offers the key at every realm's page; whose it is decides.
	forget(t, ctx)
	local("globex")
	do(t, ctx, chromedp.Click(chromedp.CSS(`form[data-passkey] button`)))
	want(t, ctx, w.URL, "The passkey was not accepted")
	at, _ := seen(ctx)
	if !strings.HasPrefix(at, w.URL+"/realms/globex/") {
		t.Errorf("a passkey of acme led to %s", at)
	}

	var users struct{ Items []struct{ ID string } }
	w.api("GET", "/realms/acme/users?q=bob@", nil, 200, &users)
	if len(users.Items) != 1 {
		t.Fatalf("people %v", users)
	}
	path := "/realms/acme/users/" + users.Items[0].ID + "/credentials"
	var held struct {
		Items []struct{ ID, Kind, Name string }
	}
	w.api("GET", path, nil, 200, &held)
	if len(held.Items) != 1 || held.Items[0].Kind != "passkey" || held.Items[0].Name != "Work laptop" {
		t.Fatalf("credentials %+v", held)
	}
	w.api("DELETE", path+"/"+held.Items[0].ID, nil, 204, nil)
	forget(t, ctx)
	local("acme")
	do(t, ctx, chromedp.Click(chromedp.CSS(`form[data-passkey] button`)))
	want(t, ctx, w.URL, "The passkey was not accepted")
}

// shoots keeps pictures of the page as wide as a phone and as a desk.
func shoots(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	for width, as := range map[int64]string{390: "-390", 1280: "-1280"} {
		do(t, ctx, chromedp.EmulateViewport(width, 900))
		shoot(ctx, name+as)
	}
}

// A mailed code signs in: it waits to be copied where no mail server is set, and an owner reads it there, audited.
func TestMailedCode(t *testing.T) {
	w := newTown(t)
	w.api("PATCH", "/realms/acme", obj{"local_login": []string{"email_code", "password"}}, 200, nil)
	ctx := chromium(t)
	do(t, ctx, chromedp.Navigate(w.app+"/signin?realm=acme"), chromedp.Click(chromedp.CSS(`a[href*="/go/acme-saml"]`)), chromedp.Click(chromedp.CSS(`button[value="bob"]`)))
	want(t, ctx, w.app, "bob@acme.example")
	forget(t, ctx)
	do(t, ctx, chromedp.Navigate(w.app+"/signin?realm=acme"), chromedp.Click(chromedp.CSS(`a[href$="/local"]`)),
		chromedp.SendKeys(chromedp.CSS(`#email`), "bob@acme.example\r"), chromedp.WaitVisible(chromedp.CSS(`#code`)))
	shoots(t, ctx, "local-code")
	code := w.mailedCode(t, "acme")
	do(t, ctx, chromedp.SendKeys(chromedp.CSS(`#code`), code+"\r"))
	want(t, ctx, w.app, "bob@acme.example")
	_, body := seen(ctx)
	if !strings.Contains(body, "otp") {
		t.Errorf("the tokens do not say how: %s", body)
	}
}
