package main

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/calendar"
	"cloakroom/broker/domain"
	"cloakroom/broker/egress"
	"cloakroom/broker/mail"
	"cloakroom/broker/webhook"
	"cloakroom/providers"
	"cloakroom/store/flow"
	letters "cloakroom/templates/mail"
)

// newCalendar knows all that ends in the installation and warns of it.
func (in *installation) newCalendar(p *post) *calendar.Calendar {
	s := in.store
	return &calendar.Calendar{
		Store: s.Expiries, Connections: s.Connections, Realms: s.Realms, Events: s.Events, Tx: s.Tx,
		Turn: func(ctx context.Context, name string, until time.Time) (bool, error) {
			return s.Marks.Take(ctx, "calendar", []flow.Mark{{ID: name, Until: until}})
		},
		OfConnection: in.endsOfConnection, OfRealm: in.endsOfRealm,
		Sources: map[string]func(context.Context) ([]calendar.Thing, error){broker.ExpiryAPIKey: in.endsOfAPIKeys, broker.ExpirySCIMToken: in.endsOfSCIMTokens},
		Renew:   in.admin.RenewLink, Post: p.expiries,
		BaseURL: in.cfg.BaseURL, Now: time.Now, Log: in.log,
	}
}

// endsOfConnection is what its provider knows of, and our own certificate where the other side relies on one.
func (in *installation) endsOfConnection(ctx context.Context, c *broker.Connection) ([]calendar.Thing, error) {
	var out []calendar.Thing
	if e, ok := in.registry.Open(ctx, c).Provider.(providers.Expirer); ok {
		for _, x := range e.Expiries(ctx) {
			out = append(out, calendar.Thing{Kind: x.Kind, Name: x.Name, Fingerprint: x.Fingerprint, Since: x.Since, At: x.At})
		}
	}
	if c.Protocol != "saml" {
		return out, nil
	}
	own, err := in.endsOfKeys(ctx, "connection:"+c.Slug, broker.ExpirySPCertificate)
	return append(out, own...), err
}

// endsOfRealm is what belongs to a realm itself: its keys, proofs of domains that have gone missing, and links that
// somebody is to finish something by.
func (in *installation) endsOfRealm(ctx context.Context, r *broker.Realm) ([]calendar.Thing, error) {
	out, err := in.endsOfKeys(ctx, "realm:"+r.Name, broker.ExpiryRealmKey)
	if err != nil {
		return nil, err
	}
	err = eachOf(func(p broker.Page) ([]*broker.Domain, string, error) { return in.store.Domains.List(ctx, r.Name, p) }, func(d *broker.Domain) {
		if d.Verified && !d.LostAt.IsZero() {
			out = append(out, calendar.Thing{Kind: broker.ExpiryDomainProof, Role: "domain:" + d.Domain, Name: d.Domain, Since: d.LostAt, At: domain.SuspendsAt(d)})
		}
	})
	if err != nil {
		return nil, err
	}
	now := time.Now()
	err = eachOf(func(p broker.Page) ([]*broker.SetupLink, string, error) {
		return in.store.SetupLinks.List(ctx, r.Name, "", p)
	}, func(l *broker.SetupLink) {
		open := l.State(now) == broker.SetupWaiting || l.State(now) == broker.SetupOpened
		if open && (l.Purpose == broker.SetupConnection || l.Purpose == broker.SetupDomain || l.Purpose == broker.SetupSCIM) { // links to renew come of a warning
			out = append(out, calendar.Thing{Kind: broker.ExpirySetupLink, Role: "link:" + l.ID, Name: l.Purpose + " " + l.Contact, Fingerprint: l.ID, Since: l.CreatedAt, At: l.ExpiresAt})
		}
	})
	return out, err
}

// endsOfKeys are the certificates of an owner's active keys: another one that is only published ahead stands in for
// nothing yet.
func (in *installation) endsOfKeys(ctx context.Context, owner, kind string) ([]calendar.Thing, error) {
	keys, err := in.store.Keys.List(ctx, owner)
	if err != nil {
		return nil, err
	}
	var out []calendar.Thing
	for _, k := range keys {
		if k.State != "active" || len(k.Certificate) == 0 {
			continue
		}
		cert, err := x509.ParseCertificate(k.Certificate)
		if err != nil {
			return nil, fmt.Errorf("certificate of key %s of %s: %w", k.ID, owner, err)
		}
		sum := sha256.Sum256(cert.Raw)
		out = append(out, calendar.Thing{Kind: kind, Role: kind + " " + k.Alg, Name: k.Alg + " " + k.ID, Fingerprint: hex.EncodeToString(sum[:]), Since: cert.NotBefore, At: cert.NotAfter})
	}
	return out, nil
}

func (in *installation) endsOfAPIKeys(ctx context.Context) (out []calendar.Thing, err error) {
	err = eachOf(func(p broker.Page) ([]*broker.APIKey, string, error) { return in.store.APIKeys.List(ctx, p) }, func(k *broker.APIKey) {
		if !k.ExpiresAt.IsZero() {
			out = append(out, calendar.Thing{Subject: "apikey:" + k.ID, Name: k.Name, Since: k.CreatedAt, At: k.ExpiresAt})
		}
	})
	return out, err
}

// eachOf walks a list, page after page.
func eachOf[T any](list func(broker.Page) ([]T, string, error), f func(T)) error {
	for p := (broker.Page{Limit: 200}); ; {
		items, next, err := list(p)
		if err != nil {
			return err
		}
		for _, item := range items {
			f(item)
		}
		if p.Cursor = next; next == "" {
			return nil
		}
	}
}

// webhookPatience is how long a receiver may take.
const webhookPatience = 10 * time.Second

// webhookSender delivers events. It has a client of its own: a receiver's failures are counted with its webhook, and must
// not close a host to logins.
func (in *installation) webhookSender(p *post) *webhook.Sender {
	return &webhook.Sender{
		Webhooks: in.store.Webhooks, Deliveries: in.store.Deliveries, Events: in.store.Events, Tx: in.store.Tx,
		HTTP:     egress.Client(egress.Options{Allow: in.cfg.EgressAllow, UserAgent: "Cloakroom/" + version, Timeout: webhookPatience, Failures: 1 << 30}),
		Disabled: in.webhookDisabled(p), Now: time.Now, Log: in.log,
	}
}

// webhookDisabled tells a realm's contacts. For the installation's own webhooks the event has to do.
func (in *installation) webhookDisabled(p *post) func(ctx context.Context, w *broker.Webhook) error {
	return func(ctx context.Context, w *broker.Webhook) error {
		if w.Realm == "" {
			return nil
		}
		r, err := in.store.Realms.Get(ctx, w.Realm)
		if err != nil {
			return err
		}
		told := p.tenant(ctx, r, letters.WebhookDisabled{Head: head(r), Webhook: w.Name, URL: p.base + "/admin/realms/" + r.Name + "/webhooks/" + w.ID})
		if told != nil {
			in.log.WarnContext(ctx, "nobody is told of a webhook that was switched off", "webhook", w.ID, "realm", r.Name, "error", told)
		}
		return nil
	}
}

// expiries writes to a contact what ends: one thing in words of its own, several as a list.
func (p *post) expiries(ctx context.Context, l calendar.Letter) error {
	if len(l.Lines) == 1 {
		one := l.Lines[0]
		return p.send(ctx, l.Realm.Name, l.Contact, letters.ExpiryNotice{
			Head: head(l.Realm), What: expiring(one.Expiry.Kind), Connection: one.Connection.DisplayName, Days: one.Expiry.DaysLeft, Expires: one.Expiry.At, URL: one.URL,
		}, mail.Message{})
	}
	digest := letters.ExpiryDigest{Head: head(l.Realm)}
	for _, line := range l.Lines {
		digest.Endings = append(digest.Endings, letters.Ending{What: expiring(line.Expiry.Kind), Connection: line.Connection.DisplayName, Days: line.Expiry.DaysLeft, URL: line.URL})
	}
	return p.send(ctx, l.Realm.Name, l.Contact, digest, mail.Message{})
}

func expiring(kind string) letters.Expiring {
	switch kind {
	case broker.ExpiryClientSecret:
		return letters.ClientSecret
	case broker.ExpiryMetadata:
		return letters.Metadata
	}
	return letters.Certificate
}
