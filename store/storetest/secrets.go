package storetest

import (
	"testing"

	"cloakroom/broker"
	"cloakroom/store"
)

// Secrets stores one of everything that has a secret and answers the plain texts that must not be found in the database.
// The realm's display name, "find-me-in-the-file", must.
func Secrets(t *testing.T, s *store.Store) [][]byte {
	t.Helper()
	ctx := background(t)
	must(t, s.Realms.Create(ctx, &broker.Realm{Name: "acme", DisplayName: "find-me-in-the-file"}))
	c := filled[broker.Connection](t)
	c.Realm = "acme"
	must(t, s.Connections.Create(ctx, c))
	var plain [][]byte
	for _, secret := range c.Secrets() {
		plain = append(plain, []byte(secret.Reveal()))
	}
	client := filled[broker.Client](t)
	client.Realm = "acme"
	must(t, s.Clients.Create(ctx, client))
	session := filled[broker.Session](t)
	must(t, s.Sessions.Create(ctx, session))
	g := filled[broker.Grant](t)
	must(t, s.Grants.Create(ctx, g))
	k := filled[broker.Key](t)
	must(t, s.Keys.Add(ctx, k))
	must(t, s.Parked.Put(ctx, "parked", []byte("plain-parked-value"), s.Now()))
	plain = append(plain, []byte(client.ClientSecret.Reveal()), []byte(session.Upstream.IDToken), []byte(session.Upstream.Subject), g.Secret, k.Private, []byte("plain-parked-value"))
	User(t, s, "acme", "keyholder", "keyholder@acme.example")
	must(t, s.Credentials.Add(ctx, &broker.Credential{ID: "c", Realm: "acme", UserID: "keyholder", Kind: "password", Data: []byte("plain-password-hash")}, 1))
	plain = append(plain, []byte("plain-password-hash"))
	operator(t, s, "eva")
	must(t, s.Operators.AddCredential(ctx, &broker.Credential{ID: "o", UserID: "eva", Kind: "totp", Data: []byte("plain-one-time-secret")}, 1))
	plain = append(plain, []byte("plain-one-time-secret"))
	s.Traces.Log(broker.Trace{Realm: "acme", Ref: "REF", TraceDetail: broker.TraceDetail{Message: "plain-message-of-a-trace", Detail: "plain-detail-of-a-trace", Observed: "plain-observed-value"}})
	waitFor(t, "the trace is written", func() bool {
		_, err := s.Traces.Of(ctx, "acme", "REF")
		return err == nil
	})
	Connection(t, s, "acme", "op")
	test := testLogin(s, "test")
	must(t, s.Tests.Create(ctx, test))
	_, err := s.Tests.Answer(ctx, "test", []byte("plain-report-of-a-test"), true, s.Now())
	must(t, err)
	plain = append(plain, []byte("plain-message-of-a-trace"), []byte("plain-detail-of-a-trace"), []byte("plain-observed-value"), []byte("plain-report-of-a-test"))
	hook := filled[broker.Webhook](t)
	hook.Realm = "acme"
	must(t, s.Webhooks.Create(ctx, hook))
	plain = append(plain, []byte(hook.Secret.Reveal()), []byte(hook.PreviousSecret.Reveal()))
	plain = append(plain, asides(t, s)...)
	for _, p := range plain {
		if len(p) < 8 {
			t.Fatalf("%q is too short to be looked for", p)
		}
	}
	return plain
}

// asides stores what is sealed beside the objects: mails, shadow configurations and what they said, identities that were
// seen, reports of checks, pages of test logins.
func asides(t *testing.T, s *store.Store) (plain [][]byte) {
	t.Helper()
	ctx := background(t)
	must(t, s.Outbox.Put(ctx, &broker.Mail{Realm: "acme", To: "anna@acme.example", Kind: "invitation", Text: "plain-text-of-a-mail", Status: broker.MailQueued}))
	v := filled[broker.Shadow](t)
	v.Connection, v.Realm, v.Kind = "op", "acme", broker.ShadowTrial
	must(t, s.Shadows.Put(ctx, v))
	view := filled[broker.ShadowView](t)
	view.Connection, view.Realm, view.Subject = "op", "acme", "plain-subject-of-a-view"
	must(t, s.Shadows.See(ctx, view))
	must(t, s.Identities.Keep(ctx, broker.SeenIdentity{Realm: "acme", Connection: "op", UserID: "keyholder", At: s.Now(), Value: []byte("plain-identity-that-was-seen")}))
	_, err := s.Checks.Keep(ctx, &broker.CheckRun{Realm: "acme", Connection: "op", At: s.Now(), Status: "ok", Report: []byte("plain-report-of-a-check")}, s.Now())
	must(t, err)
	must(t, s.Tests.Create(ctx, testLogin(s, "paged")))
	_, err = s.Tests.Page(ctx, "paged", []byte("plain-page-of-a-test"), s.Now())
	must(t, err)
	for _, secret := range v.Config.Secrets() {
		plain = append(plain, []byte(secret.Reveal()))
	}
	for _, text := range []string{"text-of-a-mail", "subject-of-a-view", "identity-that-was-seen", "report-of-a-check", "page-of-a-test"} {
		plain = append(plain, []byte("plain-"+text))
	}
	return plain
}
