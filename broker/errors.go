package broker

import "cloakroom/broker/fault"

// What every store answers; compare with errors.Is.
var (
	ErrNotFound = fault.New(fault.NotFound, "")
	ErrExists   = fault.New(fault.Exists, "")
	ErrConflict = fault.New(fault.Conflict, "") // the version is not the stored one
)
