package broker

import "time"

// WizardNote is what only a person can tell of a connection that is being set up.
type WizardNote struct {
	Slug, Realm string
	// CopiedAt is when somebody said that our values stand in the provider's console, zero while nobody has.
	CopiedAt time.Time
	CopiedBy string
}
