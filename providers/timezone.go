package providers

import (
	"slices"
	"time"
)

// TimeZone is the offset of a time zone that lies between least and most: whole hours up to 14, or one of the few by half or
// three quarters of an hour (India, Newfoundland, Nepal …). 0 if none does, or if they are too far apart to say.
func TimeZone(least, most time.Duration) time.Duration {
	const step = 15 * time.Minute
	if most-least > step+time.Minute {
		return 0
	}
	for zone := max(time.Hour, (least + step - 1).Truncate(step)); zone <= most && zone <= 14*time.Hour; zone += step {
		if zone%time.Hour == 0 || slices.Contains(oddZones(), zone) {
			return zone
		}
	}
	return 0
}

// oddZones are those that are off by less than whole hours, in either direction.
func oddZones() []time.Duration {
	const quarter = 15 * time.Minute
	return []time.Duration{14 * quarter, 18 * quarter, 22 * quarter, 23 * quarter, 26 * quarter, 35 * quarter, 38 * quarter, 42 * quarter, 51 * quarter}
}
