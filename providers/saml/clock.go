package saml

import (
	"errors"
	"fmt"
	"time"

	"cloakroom/broker/fault"
)

// parseTime reads an xs:dateTime. SAML's are in UTC (core, section 1.3.3), so one without a zone is too.
func parseTime(s string) (time.Time, error) {
	s = trimXML(s)
	if len(s) > 64 {
		return time.Time{}, errors.New("too long for a time")
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC(), nil
	}
	return time.Parse("2006-01-02T15:04:05.999999999", s)
}

// fresh checks a message's or assertion's IssueInstant, which stamp has read.
func (a *answer) fresh(n *node) error {
	if a.issued.After(a.now.Add(a.p.c.skew())) {
		return a.early(a.issued, n.name+" IssueInstant")
	}
	if limit := a.issued.Add(maxAge + a.p.c.skew()); !a.now.Before(limit) {
		return a.late(a.issued, n.name+" IssueInstant")
	}
	return nil
}

// begun checks a NotBefore, which may be left out.
func (a *answer) begun(value, what string) error {
	if value == "" {
		return nil
	}
	t, err := parseTime(value)
	if err != nil {
		return fault.New(fault.SAMLIncomplete, "%s is not a time: %q", what, clip(value))
	}
	if t.After(a.now.Add(a.p.c.skew())) {
		return a.early(t, what)
	}
	return nil
}

// lasts checks a NotOnOrAfter and answers it.
func (a *answer) lasts(value, what string) (time.Time, error) {
	t, err := parseTime(value)
	if err != nil {
		return t, fault.New(fault.SAMLIncomplete, "%s is not a time: %q", what, clip(value))
	}
	if !a.now.Before(t.Add(a.p.c.skew())) {
		return t, a.late(t, what)
	}
	return t, nil
}

func (a *answer) early(t time.Time, what string) error {
	return a.off(fault.SAMLNotYetValid, t, fmt.Sprintf("%s lies %s in the future", what, t.Sub(a.now).Round(time.Second)))
}

func (a *answer) late(t time.Time, what string) error {
	return a.off(fault.SAMLExpired, t, fmt.Sprintf("%s lies %s in the past", what, a.now.Sub(t).Round(time.Second)))
}

// off adds how far the sender's clock seems to be away from ours: answers arrive seconds after they are issued.
func (a *answer) off(code fault.Code, t time.Time, detail string) error {
	f := &fault.Error{Code: code, Detail: detail, Observed: instant(t), Expected: "around " + instant(a.now), Confidence: fault.Likely}
	ahead := a.issued.Sub(a.now).Round(time.Second)
	switch d := ahead.Abs(); {
	case d <= 30*time.Second:
		f.Detail += "; the provider's clock agrees with ours, so its validity period is the cause or the answer was kept"
	case ahead > 0:
		f.Detail += fmt.Sprintf("; the provider's clock seems to be %s fast%s", d, zone(d))
	default:
		f.Detail += fmt.Sprintf("; the provider's clock seems to be %s slow, or the answer was kept that long%s", d, zone(d))
	}
	return f
}

// zone notices whole hours, the mark of local time written as UTC.
func zone(d time.Duration) string {
	if rest := d % time.Hour; d > 50*time.Minute && (rest < 30*time.Second || rest > time.Hour-30*time.Second) {
		return " (whole hours: local time written as UTC)"
	}
	return ""
}
