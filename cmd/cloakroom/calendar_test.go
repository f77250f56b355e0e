package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/config"
)

func expiringPEM(t *testing.T, until time.Time) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: until.AddDate(-3, 0, 0), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// TestWhatEndsIsTold follows two things that end from the connections to the console's list, a webhook and a mail.
func TestWhatEndsIsTold(t *testing.T) {
	ctx := t.Context()
	cfg := &config.Config{DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "c.db"), BaseURL: "https://sso.example", EgressAllow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	log := slog.New(slog.DiscardHandler)
	s, ring, err := openStore(ctx, cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	in := install(cfg, log, s, ring)
	mails, err := newMailer(cfg, log, s)
	if err != nil {
		t.Fatal(err)
	}
	letterbox := &post{mails: mails, base: cfg.BaseURL}

	var mu sync.Mutex
	var heard []string
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, string(b))
	}))
	t.Cleanup(hook.Close)

	who := commandLine()
	do := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	body := func(v any) []byte { b, err := json.Marshal(v); do(nil, err); return b }
	do(in.admin.CreateRealm(ctx, who, body(map[string]any{"name": "acme", "contacts": []string{"tenant@acme.example"}})))
	do(in.admin.CreateWebhook(ctx, who, "acme", body(map[string]any{"name": "Ops", "url": hook.URL, "events": []string{"expiry.*"}})))
	do(in.admin.CreateConnection(ctx, who, "acme", body(map[string]any{
		"slug": "acme-okta", "display_name": "Acme Okta", "protocol": "saml", "preset": "okta", "contacts": []string{"it@acme.example"},
		"saml": map[string]any{"entity_id": "https://idp.example", "sso_url": "https://idp.example/sso", "certificates": []string{expiringPEM(t, time.Now().Add(20*24*time.Hour))}},
	})))
	do(in.admin.CreateConnection(ctx, who, "acme", body(map[string]any{
		"slug": "acme-entra", "display_name": "Acme Entra", "protocol": "oidc", "preset": "generic", "contacts": []string{"it@acme.example"},
		"oidc": map[string]any{"issuer": "https://op.example", "client_id": "c", "client_secret": "s", "client_secret_expires_at": time.Now().Add(5 * 24 * time.Hour)},
	})))
	if _, _, err := in.admin.CreateAPIKey(ctx, who, body(map[string]any{"name": "ci", "role": "auditor", "expires_at": time.Now().Add(100 * 24 * time.Hour)})); err != nil {
		t.Fatal(err)
	}

	do(nil, in.newCalendar(letterbox).Once(ctx))
	listed, err := in.admin.ListExpiries(ctx, who, admin.ExpiryQuery{}, broker.Page{})
	do(nil, err)
	var kinds []string
	for _, e := range listed.Items {
		kinds = append(kinds, e.Kind)
	}
	if !slices.Equal(kinds[:3], []string{broker.ExpiryClientSecret, broker.ExpiryIdPCertificate, broker.ExpiryAPIKey}) {
		t.Errorf("%v", kinds)
	}
	for range 2 {
		do(in.webhookSender(letterbox).Once(ctx))
	}
	if len(heard) != 2 || !strings.Contains(heard[0]+heard[1], `"type":"expiry.warning"`) || !strings.Contains(heard[0]+heard[1], `"kind":"client_secret"`) {
		t.Errorf("the webhook hears %q", heard)
	}
	sent, err := in.admin.ListMails(ctx, who, "acme", broker.Page{})
	do(nil, err)
	if len(sent.Items) != 1 || sent.Items[0].To != "it@acme.example" || sent.Items[0].Kind != "expiry_digest" {
		t.Fatalf("%+v", sent.Items)
	}
	letter, err := in.admin.GetMail(ctx, who, "acme", sent.Items[0].ID)
	do(nil, err)
	if strings.Count(letter.Text, "https://sso.example/setup/") != 2 || !strings.Contains(letter.Text, "Acme Okta: the certificate expires in 20 days") {
		t.Errorf("%s", letter.Text)
	}
}

// TestSwitchedOffWebhookIsTold tells a realm's contacts; the installation has none.
func TestSwitchedOffWebhookIsTold(t *testing.T) {
	ctx := t.Context()
	cfg := &config.Config{DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "c.db"), BaseURL: "https://sso.example", EgressAllow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	log := slog.New(slog.DiscardHandler)
	s, ring, err := openStore(ctx, cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	in := install(cfg, log, s, ring)
	mails, err := newMailer(cfg, log, s)
	if err != nil {
		t.Fatal(err)
	}
	gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
	t.Cleanup(gone.Close)
	who := commandLine()
	if _, err := in.admin.CreateRealm(ctx, who, []byte(`{"name":"acme","contacts":["tenant@acme.example"]}`)); err != nil {
		t.Fatal(err)
	}
	for _, realm := range []string{"acme", ""} {
		w, err := in.admin.CreateWebhook(ctx, who, realm, []byte(`{"name":"Ops","url":"`+gone.URL+`","events":["webhook.*"]}`))
		if err == nil {
			_, err = in.admin.TestWebhook(ctx, who, realm, w.ID)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := in.webhookSender(&post{mails: mails, base: cfg.BaseURL}).Once(ctx); err != nil {
		t.Fatal(err)
	}
	for _, realm := range []string{"acme", ""} {
		list, err := in.admin.ListWebhooks(ctx, who, realm, broker.Page{})
		if err != nil || len(list.Items) != 1 || list.Items[0].Enabled || list.Items[0].DisabledReason != "webhook.gone" {
			t.Errorf("%+v %v", list.Items, err)
		}
	}
	sent, err := in.admin.ListAllMails(ctx, who, broker.Page{})
	if err != nil || len(sent.Items) != 1 || sent.Items[0].Kind != "webhook_disabled" || sent.Items[0].To != "tenant@acme.example" {
		t.Errorf("%+v %v", sent.Items, err)
	}
}
