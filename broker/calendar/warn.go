package calendar

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// warn warns of what is due.
func (c *Calendar) warn(ctx context.Context) error {
	for {
		due, err := c.Store.Due(ctx, dueBatch)
		if err != nil {
			return err
		}
		for i := range due {
			if err := c.warnOf(ctx, due[i]); err != nil {
				return err
			}
		}
		if len(due) < dueBatch {
			return nil
		}
	}
}

// warnOf warns of one thing, if nobody else has: the note of it, the event and what contacts are to be told are kept
// together.
func (c *Calendar) warnOf(ctx context.Context, e broker.Expiry) error {
	now := c.Now()
	days, ok := crossed(&e, now)
	if !ok {
		return nil
	}
	told := e
	told.Warned = &days
	told.WarnAt, told.DaysLeft = next(&told), e.Days(now)
	contacts, err := c.contacts(ctx, &e)
	if err != nil {
		return err
	}
	return c.Tx(ctx, func(ctx context.Context) error {
		if first, err := c.Store.Warn(ctx, &e, days, told.WarnAt); err != nil || !first {
			return err
		}
		if err := c.record(ctx, &told, now); err != nil {
			return err
		}
		for _, contact := range contacts {
			if err := c.Store.Notify(ctx, broker.ExpiryNotice{Realm: e.Realm, Contact: contact, Expiry: e, Days: days, At: now}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Calendar) record(ctx context.Context, e *broker.Expiry, now time.Time) error {
	after, err := json.Marshal(e)
	if err != nil {
		return err
	}
	detail := fmt.Sprintf("%s %q ends on %s UTC (%d days left)", e.Kind, e.Name, e.At.Format(time.DateTime), e.DaysLeft)
	if e.DaysLeft == 0 {
		detail = fmt.Sprintf("%s %q ended on %s UTC", e.Kind, e.Name, e.At.Format(time.DateTime))
	}
	return c.Events.Append(ctx, broker.Event{
		At: now, Realm: e.Realm, Kind: broker.ExpiryWarning, Actor: "system", Subject: e.Subject, Connection: e.Connection, Detail: detail, After: after,
	})
}

// purpose is what a customer's administrator renews of a kind, "" for what is not theirs to renew.
func purpose(kind string) string {
	switch kind {
	case broker.ExpiryIdPCertificate:
		return RenewCertificate
	case broker.ExpiryClientSecret:
		return RenewSecret
	case broker.ExpiryMetadata:
		return RenewMetadata
	}
	return ""
}

// contacts are who is told by mail: the connection's contacts, else the realm's.
func (c *Calendar) contacts(ctx context.Context, e *broker.Expiry) ([]string, error) {
	if e.Connection == "" || purpose(e.Kind) == "" || c.Post == nil {
		return nil, nil
	}
	conn, err := c.Connections.Get(ctx, e.Connection)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	if err != nil || len(conn.Contacts) > 0 {
		return conn.Contacts, err
	}
	r, err := c.Realms.Get(ctx, e.Realm)
	if errors.Is(err, broker.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return r.Contacts, nil
}

// letters writes to each contact for whom something waits, once a day at most.
func (c *Calendar) letters(ctx context.Context) error {
	if c.Post == nil {
		return nil
	}
	for {
		since := c.Now().Add(-perLetter)
		waiting, err := c.Store.Contacts(ctx, since, dueBatch)
		if err != nil {
			return err
		}
		for _, n := range waiting {
			if err := c.letter(ctx, n.Realm, n.Contact, since); err != nil {
				return err
			}
		}
		if len(waiting) < dueBatch {
			return nil
		}
	}
}

// letter writes one. What waits is gone with it, also where the address takes none: a bad one must not be tried for ever.
func (c *Calendar) letter(ctx context.Context, realm, contact string, since time.Time) error {
	return c.Tx(ctx, func(ctx context.Context) error {
		notices, err := c.Store.Take(ctx, realm, contact, since)
		if err != nil || len(notices) == 0 {
			return err
		}
		l := Letter{Contact: contact}
		if l.Realm, err = c.Realms.Get(ctx, realm); err != nil {
			return err
		}
		for _, n := range notices {
			line, err := c.line(ctx, n)
			if err != nil {
				return err
			}
			l.Lines = append(l.Lines, line)
		}
		err = c.Post(ctx, l)
		switch fault.CodeOf(err) {
		case fault.MailAddress, fault.RateLimited:
			c.Log.WarnContext(ctx, "a contact was not told of what ends", "realm", realm, "error", err)
			return nil
		}
		return err
	})
}

func (c *Calendar) line(ctx context.Context, n broker.ExpiryNotice) (Line, error) {
	conn, err := c.Connections.Get(ctx, n.Expiry.Connection)
	if err != nil {
		return Line{}, err
	}
	l := Line{Connection: conn, Expiry: n.Expiry, URL: c.BaseURL + "/help/providers/" + conn.Preset}
	l.Expiry.DaysLeft = n.Expiry.Days(c.Now())
	if c.Renew == nil {
		return l, nil
	}
	link, err := c.Renew(ctx, conn.Realm, conn.Slug, purpose(n.Expiry.Kind))
	switch {
	case err == nil:
		l.URL = link
	case fault.Lookup(fault.CodeOf(err)).Status >= 500:
		return Line{}, err
	default: // a connection that no link can be made for: the handbook has to do, and the other letters go out
		c.Log.WarnContext(ctx, "no link to renew something is made", "connection", conn.Slug, "error", err)
	}
	return l, nil
}
