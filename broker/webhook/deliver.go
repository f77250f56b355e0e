package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// retries are the waits after each try that failed, three days in all, as the specification recommends.
func retries() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

const (
	firstHold   = 5 * time.Second // for which a receiver that failed is left alone, doubled each time
	longestHold = 5 * time.Minute
	disableFor  = 5 * 24 * time.Hour // of failures
	maxAnswer   = 1 << 10            // that is kept
)

// serve delivers a batch to a claimed webhook and notes how it has been answering.
func (s *Sender) serve(ctx context.Context, w *broker.Webhook) {
	due, events, err := s.Deliveries.Due(ctx, w.ID, batch)
	if err == nil {
		s.judge(ctx, w, s.batch(ctx, w, due, events))
	}
	// Whatever happened: the claim ends here, so that the webhook does not wait for its lease to run out.
	if err := errors.Join(err, s.Webhooks.Settle(context.WithoutCancel(ctx), w)); err != nil && !errors.Is(err, broker.ErrNotFound) && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "a webhook was not served", "webhook", w.ID, "error", err)
	}
}

// outcome is how a batch went.
type outcome struct {
	delivered bool
	failed    error // the last failure that is the receiver's
}

// batch delivers until the receiver fails.
func (s *Sender) batch(ctx context.Context, w *broker.Webhook, due []*broker.Delivery, events []broker.Event) (out outcome) {
	width := abreast
	if !w.FailingSince.IsZero() {
		width = 1
	}
	slots := make(chan struct{}, width)
	var busy sync.WaitGroup
	var mu sync.Mutex
	stopped := func() bool { mu.Lock(); defer mu.Unlock(); return out.failed != nil || ctx.Err() != nil }
	for i, d := range due {
		slots <- struct{}{}
		if stopped() {
			break
		}
		busy.Go(func() {
			defer func() { <-slots }()
			err := s.deliver(ctx, w, d, events[i])
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				out.delivered = true
			case fault.CodeOf(err) != fault.WebhookEvent && ctx.Err() == nil:
				out.failed = err
			}
		})
	}
	busy.Wait()
	return out
}

// deliver makes one try and notes what became of it. A try that was cut short because the process stops never was.
func (s *Sender) deliver(ctx context.Context, w *broker.Webhook, d *broker.Delivery, e broker.Event) error {
	err := s.try(ctx, w, d, e)
	if ctx.Err() != nil && err != nil {
		return err
	}
	s.settle(d, err)
	log := s.Log.With("webhook", w.ID, "event", d.ID, "type", d.Type, "realm", w.Realm, "attempt", d.Attempts, "status", d.Status)
	if err == nil {
		log.DebugContext(ctx, "event delivered")
	} else {
		log.InfoContext(ctx, "event not delivered", "code", d.Code, "detail", d.Detail)
	}
	if noted := s.Deliveries.Finish(context.WithoutCancel(ctx), d); noted != nil && !errors.Is(noted, broker.ErrNotFound) {
		log.ErrorContext(ctx, "what became of a delivery could not be noted", "error", noted)
	}
	return err
}

// try sends a message.
func (s *Sender) try(ctx context.Context, w *broker.Webhook, d *broker.Delivery, e broker.Event) error {
	d.Response, d.Answer = 0, ""
	if e.ID == "" {
		return fault.New(fault.WebhookEvent, "")
	}
	body, err := Payload(e)
	if err != nil {
		return fault.Wrap(fault.WebhookEvent, err, "")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return fault.Wrap(fault.WebhookRefused, err, "")
	}
	req.Header.Set("Content-Type", "application/json")
	if err := s.sign(req.Header, w, d.ID, body); err != nil {
		return err
	}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	d.Response, d.Answer = resp.StatusCode, clip(string(answer), maxAnswer)
	switch {
	case resp.StatusCode == http.StatusGone:
		return fault.New(fault.WebhookGone, "%s", resp.Status)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return fault.New(fault.WebhookRefused, "%s", resp.Status)
	}
	return nil
}

// sign sets the headers of the specification. After a change of the secret both sign for a while.
func (s *Sender) sign(h http.Header, w *broker.Webhook, id string, body []byte) error {
	now := s.Now()
	secrets := []broker.Secret{w.Secret}
	if w.PreviousSecret != "" && now.Before(w.PreviousUntil) {
		secrets = append(secrets, w.PreviousSecret)
	}
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		key, err := standardwebhooks.NewWebhook(secret.Reveal())
		if err == nil {
			signatures[i], err = key.Sign(id, now, body)
		}
		if err != nil {
			return fault.Wrap(fault.Internal, err, "the webhook's secret cannot sign")
		}
	}
	h.Set(standardwebhooks.HeaderWebhookID, id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	h.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}

// settle writes the outcome of a try into the delivery.
func (s *Sender) settle(d *broker.Delivery, err error) {
	now := s.Now()
	d.Attempts++
	d.NextAt, d.Code, d.Detail = time.Time{}, "", ""
	if err == nil {
		d.Status, d.FinishedAt = broker.DeliveryDelivered, now
		return
	}
	f := fault.As(err)
	d.Code, d.Detail = string(f.Code), f.Detail
	waits := retries()
	if d.Attempts > len(waits) || f.Code == fault.WebhookEvent {
		d.Status, d.FinishedAt = broker.DeliveryFailed, now
		return
	}
	d.NextAt = now.Add(jitter(waits[d.Attempts-1]))
}

// jitter is a wait, a tenth shorter or longer, so that what failed together is not tried again together.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1) // #nosec G404 -- spreads load, keeps no secret
}

// judge draws the consequence of a batch for the webhook.
func (s *Sender) judge(ctx context.Context, w *broker.Webhook, out outcome) {
	now := s.Now()
	if out.delivered {
		w.LastSuccessAt, w.FailingSince, w.Failures = now, time.Time{}, 0
	}
	if out.failed == nil {
		return
	}
	if w.LastFailureAt = now; w.FailingSince.IsZero() {
		w.FailingSince = now
	}
	w.Failures++
	w.HoldUntil = now.Add(jitter(min(firstHold<<min(w.Failures-1, 10), longestHold)))
	var reason fault.Code
	switch {
	case fault.CodeOf(out.failed) == fault.WebhookGone:
		reason = fault.WebhookGone
	case now.Sub(w.FailingSince) >= disableFor:
		reason = fault.WebhookFailing
	default:
		return
	}
	if err := s.disable(ctx, w, reason); err != nil && !errors.Is(err, broker.ErrConflict) {
		s.Log.ErrorContext(ctx, "a failing webhook was not switched off", "webhook", w.ID, "error", err)
	}
}

// disable switches a webhook off and tells of it.
func (s *Sender) disable(ctx context.Context, w *broker.Webhook, reason fault.Code) error {
	return s.Tx(ctx, func(ctx context.Context) error {
		off := *w
		off.Enabled, off.DisabledReason = false, string(reason)
		if err := s.Webhooks.Update(ctx, &off); err != nil {
			return err
		}
		err := s.Events.Append(ctx, broker.Event{
			At: s.Now(), Realm: w.Realm, Kind: "webhook.disabled", Actor: "system", Subject: "webhook:" + w.ID, Code: string(reason), Detail: w.Name,
		})
		if err != nil || s.Disabled == nil {
			return err
		}
		return s.Disabled(ctx, &off)
	})
}

// clip cuts a text to n bytes of valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
