package fault

// The codes of webhooks: why an event was not delivered.
const (
	WebhookRefused  Code = "webhook.refused"
	WebhookGone     Code = "webhook.gone"
	WebhookGivenUp  Code = "webhook.given_up"
	WebhookFailing  Code = "webhook.failing"
	WebhookDisabled Code = "webhook.disabled"
	WebhookEvent    Code = "webhook.event_gone"
)

var calendarFaults = map[Code]Entry{
	WebhookRefused:  {Status: 502, Side: App, Public: "ours", Cause: "The webhook's address answered, but not with a status of 200 to 299.", Fix: "Look at status and answer of the delivery and mend the receiver; it must answer 2xx within 10 seconds. The event is sent again by itself for three days."},
	WebhookGone:     {Status: 410, Side: App, Public: "ours", Cause: "The webhook's address answered 410 Gone, which asks to be told nothing any more.", Fix: "Delete the webhook, or correct its URL and switch it on again."},
	WebhookGivenUp:  {Status: 502, Side: App, Public: "ours", Cause: "The event could not be delivered within three days.", Fix: "Mend the receiver, then send the delivery again."},
	WebhookFailing:  {Status: 502, Side: App, Public: "ours", Cause: "Nothing could be delivered to the webhook for five days, so it was switched off.", Fix: "Mend the receiver, switch the webhook on again and send a test event; deliveries that were missed can be sent again from their list."},
	WebhookDisabled: {Status: 409, Side: Ours, Public: "ours", Cause: "The webhook is switched off, so nothing is sent to it.", Fix: "Switch the webhook on first."},
	WebhookEvent:    {Status: 410, Side: Ours, Public: "ours", Cause: "The event is no longer kept, so there is nothing to deliver.", Fix: "Nothing to mend: events are dropped when the time that they are kept for is over."},
}
