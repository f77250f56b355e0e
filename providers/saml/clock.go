package saml

import (
	"errors"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
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
	return a.off(fault.SAMLNotYetValid, t, fault.Sayf("%s lies %s in the future", what, t.Sub(a.now).Round(time.Second)))
}

func (a *answer) late(t time.Time, what string) error {
	return a.off(fault.SAMLExpired, t, fault.Sayf("%s lies %s in the past", what, a.now.Sub(t).Round(time.Second)))
}

// off is the fault of a time that does not fit. A message that says it was made after it arrived, or before it was asked
// for, was made by a clock that is wrong; then that is the fault, and by how much is its detail.
func (a *answer) off(code fault.Code, t time.Time, detail fault.Text) error {
	f := &fault.Error{Code: code, Observed: instant(t), Expected: "around " + instant(a.now), Confidence: fault.Likely}
	f.Detail = f.Said.Add("", detail)
	made := a.issued
	if !a.sent.IsZero() {
		made = a.sent // an assertion may have been kept; the message around it was made just now
	}
	switch ahead := made.Sub(a.now).Round(time.Second); {
	case ahead > tolerance:
		wrongClock(f, ahead, ahead, "fast")
	case a.r.Handle != "" && !a.r.Issued.IsZero() && made.Before(a.r.Issued.Add(-tolerance)):
		wrongClock(f, a.r.Issued.Sub(made).Round(time.Second), -ahead, "slow")
	case ahead >= -tolerance:
		f.Detail = f.Said.Add(f.Detail, fault.Sayf("the provider's clock agrees with ours, so its validity period is the cause or the answer was kept"))
	case a.r.Handle != "" && !a.r.Issued.IsZero():
		f.Detail = f.Said.Add(f.Detail, fault.Sayf("it was made after we asked for it, so the clocks agree and the answer was kept"))
	default:
		f.Detail = f.Said.Add(f.Detail, fault.Sayf("the provider's clock seems to be %s slow, or the answer was kept that long", -ahead))
		f.Alternatives = []fault.Alternative{{Code: fault.SAMLClock, Question: "Does every sign-in fail like this, however quick? Then the identity provider's clock is slow."}}
	}
	return f
}

// tolerance is what clocks may differ by without anybody noticing.
const tolerance = 30 * time.Second

// wrongClock makes f the fault of a clock that is off by least to most: between asking and answering a person typed.
func wrongClock(f *fault.Error, least, most time.Duration, way string) {
	f.Code = fault.SAMLClock
	f.Alternatives = []fault.Alternative{{Code: fault.ClockOurs, Question: "Do sign-ins through other identity providers fail the same way? Then it is our clock."}}
	if zone := providers.TimeZone(least-tolerance, most+tolerance); zone > 0 {
		f.Code = fault.SAMLTimeZone
		f.Detail = f.Said.Add(f.Detail, fault.Sayf("the provider's clock seems to be %s %s (a time zone's difference: local time written as UTC)", zone, fault.Text{Say: way}))
		f.Alternatives = append(f.Alternatives, fault.Alternative{Code: fault.SAMLClock, Question: "Is the clock on the identity provider's server wrong by that much?"})
		return
	}
	f.Detail = f.Said.Add(f.Detail, fault.Sayf("the provider's clock seems to be %s %s", least, fault.Text{Say: way}))
}
