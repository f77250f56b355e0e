package fault

// Passing says that a fault is a trouble of the moment at the provider's: it is not reached, or says itself that it cannot.
func Passing(c Code) bool {
	switch c {
	case FetchTimeout, FetchRefused, FetchServer, OIDCProvider, IdPOutage:
		return true
	}
	return false
}
