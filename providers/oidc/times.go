package oidc

import (
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// zoneTolerance is how far from its offset a wrong time zone may seem.
const zoneTolerance = 30 * time.Second

// clockOf says how far the provider's clock is off where a token's times do not fit: a token that has just been redeemed
// has just been issued, so iat is the provider's now. The offset of a time zone is one rather than a clock.
func (p *provider) clockOf(claims providers.Document, err error) error {
	f := fault.As(err)
	if f == nil || f.Code != fault.OIDCExpired && f.Code != fault.OIDCNotYetValid {
		return err
	}
	iat, said, terr := instant(claims, "iat")
	ahead := iat.Sub(p.settings.Now()).Round(time.Second)
	if terr != nil || !said || ahead.Abs() <= time.Duration(p.config.ClockSkew) {
		return err
	}
	out := *f
	way := "fast"
	if ahead < 0 {
		way = "slow"
	}
	out.Telling("by the token's iat the provider's clock is %s %s", ahead.Abs(), fault.Text{Say: way})
	out.Confidence = fault.Likely
	if providers.TimeZone(ahead.Abs()-zoneTolerance, ahead.Abs()+zoneTolerance) > 0 {
		out.Code = fault.OIDCTimeZone
		return &out
	}
	out.Fix = out.Said.Tell("Set the provider's clock, which seems %s %s, by NTP (Windows: w32tm /resync; Linux: chrony). If other connections fail alike, it is the broker's.", ahead.Abs(), fault.Text{Say: way})
	return &out
}
