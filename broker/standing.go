package broker

import (
	"time"

	"cloakroom/broker/fault"
)

// Standing is how one sign-in or preflight of a connection ended.
type Standing struct {
	Connection string
	At         time.Time
	Code       fault.Code // "" where it went well
}
