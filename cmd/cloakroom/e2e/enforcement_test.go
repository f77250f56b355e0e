package e2e

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var sixDigits = regexp.MustCompile(`(?m)^\s*(\d{6})\s*$`)

// mailedCode reads the newest code of a realm's outbox as an owner does.
func (w *town) mailedCode(t *testing.T, realm string) string {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		var list struct{ Items []struct{ ID, Kind string } }
		w.api("GET", "/realms/"+realm+"/mails", nil, 200, &list)
		if len(list.Items) > 0 && strings.HasPrefix(list.Items[0].Kind, "email_code") {
			var plain, revealed struct{ Text string }
			w.api("GET", "/realms/"+realm+"/mails/"+list.Items[0].ID, nil, 200, &plain)
			if plain.Text != "" {
				t.Errorf("the code can be read without being revealed: %s", plain.Text)
			}
			w.api("POST", "/realms/"+realm+"/mails/"+list.Items[0].ID+"/reveal", nil, 200, &revealed)
			w.api("POST", "/realms/"+realm+"/mails/"+list.Items[0].ID+"/copied", nil, 200, nil)
			m := sixDigits.FindStringSubmatch(revealed.Text)
			if m == nil {
				t.Fatalf("no code in %s", revealed.Text)
			}
			return m[1]
		}
		if time.Now().After(deadline) {
			t.Fatal("no mail was written")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// userID finds a person by address.
func (w *town) userID(t *testing.T, realm, email string) string {
	t.Helper()
	var list struct{ Items []struct{ ID string } }
	w.api("GET", "/realms/"+realm+"/users?q="+email, nil, 200, &list)
	if len(list.Items) != 1 {
		t.Fatalf("%d people are %s", len(list.Items), email)
	}
	return list.Items[0].ID
}

// Enforcement from the gate to the way back: who comes another way is locked out, who is excluded is not, and switched off
// all is as before.
func TestEnforcement(t *testing.T) {
	w := newTown(t)
	w.api("PATCH", "/realms/acme", obj{"local_login": []string{"password"}}, 200, nil)
	w.addOIDC(t, "acme", "acme-oidc", "acme.example", obj{})
	by := func(slug, button, email string) {
		t.Helper()
		ctx := chromium(t)
		do(t, ctx, chromedp.Navigate(w.app+"/signin?realm=acme"), chromedp.Click(chromedp.CSS(`a[href*="/go/`+slug+`"]`)), chromedp.Click(button))
		want(t, ctx, w.app, email)
	}
	const carol, ada, bob = `//button[contains(., "Carol")]`, `//button[@value="ada"]`, `//button[@value="bob"]`
	by("acme-oidc", carol, "carol@acme.example")
	by("acme-saml", ada, "ada@acme.example")
	by("acme-saml", bob, "bob@acme.example")
	adaID, bobID := w.userID(t, "acme", "ada@acme.example"), w.userID(t, "acme", "bob@acme.example")

	// The gate says what is missing, one after the other.
	const path = "/realms/acme/connections/acme-saml/enforcement"
	gate := func(body obj, wantStatus int, wantCode string) {
		t.Helper()
		status, answer := w.try("POST", path, body)
		var p struct{ Code string }
		_ = json.Unmarshal(answer, &p)
		if status != wantStatus || p.Code != wantCode {
			t.Fatalf("gate: %d %s, want %d %s", status, answer, wantStatus, wantCode)
		}
	}
	gate(obj{"enforced": true}, 422, "enforcement.not_tested")
	gate(obj{"enforced": true, "tested_by": adaID}, 422, "enforcement.no_way_back")

	// Bob becomes the one who can always come in: an operator makes him a link, he sets a password.
	w.api("PATCH", "/realms/acme/users/"+bobID, obj{"excluded": true}, 200, nil)
	var made struct{ URL string }
	w.api("POST", "/realms/acme/users/"+bobID+"/credentials/links", obj{"kind": "password"}, 201, &made)
	const password = "nine green bottles hang"
	ctx := chromium(t)
	do(t, ctx, chromedp.Navigate(made.URL), chromedp.WaitVisible(chromedp.CSS(`#password`)))
	shoots(t, ctx, "setup-password")
	do(t, ctx, chromedp.SendKeys(chromedp.CSS(`#password`), password), chromedp.SendKeys(chromedp.CSS(`#again`), password+"\r"))
	want(t, ctx, w.URL, "Your password is set")
	shoots(t, ctx, "password-set")

	gate(obj{"enforced": true, "tested_by": adaID, "report": "old"}, 422, "enforcement.report_not_read")
	var preview struct {
		Report  string
		Counts  struct{ People, Keep, Lose, Elsewhere, Excluded, Sessions int }
		Missing []struct{ Code string }
		Items   []struct{ Email, Effect string }
	}
	w.api("POST", path+"/preview?tested_by="+adaID, nil, 200, &preview)
	if c := preview.Counts; c.People != 3 || c.Keep != 1 || c.Lose != 1 || c.Elsewhere != 1 || c.Excluded != 1 || c.Sessions != 1 || len(preview.Missing) != 0 {
		t.Errorf("preview %+v", preview)
	}
	if len(preview.Items) != 1 || preview.Items[0].Email != "carol@acme.example" || preview.Items[0].Effect != "loses" {
		t.Errorf("who loses: %+v", preview.Items)
	}
	w.api("POST", path, obj{"enforced": true, "tested_by": adaID, "report": preview.Report}, http.StatusOK, nil)
	var person struct{ Excluded bool }
	if w.api("GET", "/realms/acme/users/"+adaID, nil, 200, &person); !person.Excluded {
		t.Error("whoever switched it on is not excluded")
	}

	// Carol is locked out where she used to come in, and an address of the domain leads to the enforced connection.
	carolAt := chromium(t)
	do(t, carolAt, chromedp.Navigate(w.app+"/signin?realm=acme"), chromedp.Click(chromedp.CSS(`a[href*="/go/acme-oidc"]`)), chromedp.Click(carol))
	want(t, carolAt, w.URL, "Reference")
	if at, _ := seen(carolAt); strings.HasPrefix(at, w.app) {
		t.Errorf("carol came in: %s", at)
	}
	shoots(t, carolAt, "locked-out")
	do(t, carolAt, chromedp.Navigate(w.app+"/signin?realm=acme"), chromedp.SendKeys(chromedp.CSS(`#email`), "carol@acme.example\r"))
	want(t, carolAt, "http://127.0.0.1:", "Bob Boole")
	passwordIn := func(email string) (see func(site, text string)) {
		c := chromium(t)
		do(t, c, chromedp.Navigate(w.app+"/signin?realm=acme"), chromedp.Click(chromedp.CSS(`a[href$="/local"]`)),
			chromedp.SendKeys(chromedp.CSS(`#email`), email+"\r"), chromedp.WaitVisible(chromedp.CSS(`#password`)))
		shoots(t, c, "local-password")
		do(t, c, chromedp.SendKeys(chromedp.CSS(`#password`), password+"\r"))
		return func(site, text string) { t.Helper(); want(t, c, site, text) }
	}
	passwordIn("carol@acme.example")(w.URL, "this way is not open to you")
	passwordIn("bob@acme.example")(w.app, "bob@acme.example")

	// The last way back cannot be taken away, save by giving up enforcement, which is always possible.
	status, answer := w.try("PATCH", "/realms/acme/users/"+bobID, obj{"excluded": false})
	if status != http.StatusConflict || !strings.Contains(string(answer), "enforcement.last_excluded") {
		t.Errorf("taking the last way back: %d %s", status, answer)
	}
	w.api("POST", path, obj{"enforced": false}, http.StatusOK, nil)
	by("acme-oidc", carol, "carol@acme.example")
	w.api("PATCH", "/realms/acme/users/"+bobID, obj{"excluded": false}, 200, nil)
}
