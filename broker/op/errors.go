package op

import (
	"errors"
	"net/http"
	"strings"

	"cloakroom/broker/fault"
)

// Refusal is an error in the words of OAuth 2.0 (RFC 6749, section 5.2, and its extensions). It goes to an application,
// as JSON or as parameters of a redirect.
type Refusal struct {
	Status      int
	Code        string
	Description string
	// Scheme is the WWW-Authenticate scheme to challenge with, "" for none.
	Scheme string
	Err    error // for our log
}

func (r *Refusal) Error() string {
	s := r.Code + ": " + r.Description
	if r.Err != nil {
		s += ": " + r.Err.Error()
	}
	return s
}

func (r *Refusal) Unwrap() error { return r.Err }

func refuse(code, description string) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Code: code, Description: description}
}

func invalidGrant(description string) *Refusal { return refuse("invalid_grant", description) }

// invalidClient does not say whether the client or its secret was wrong.
func invalidClient(scheme string, err error) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Code: "invalid_client", Description: "the client could not be authenticated", Scheme: scheme, Err: err}
}

func invalidToken(description string) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Code: "invalid_token", Description: description, Scheme: "Bearer"}
}

// asRefusal is err in OAuth's words; what is not one of theirs is our own fault.
func asRefusal(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	f := fault.As(err)
	switch e := fault.Lookup(f.Code); {
	case f.Code == fault.Unavailable || e.Status == http.StatusServiceUnavailable:
		return &Refusal{Status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Description: "try again in a moment", Err: err}
	case f.Code == fault.NotFound:
		return &Refusal{Status: http.StatusNotFound, Code: "invalid_request", Description: "there is no such realm", Err: err}
	case f.Code == fault.RateLimited:
		return &Refusal{Status: http.StatusTooManyRequests, Code: "slow_down", Description: "too many failed attempts", Err: err}
	case e.Side == fault.App:
		return &Refusal{Status: http.StatusBadRequest, Code: "invalid_request", Description: e.Cause, Err: err}
	}
	return &Refusal{Status: http.StatusInternalServerError, Code: "server_error", Description: "the server could not answer", Err: err}
}

// refused reports whether err is a Refusal with this code.
func refused(err error, code string) bool {
	var no *Refusal
	return errors.As(err, &no) && no.Code == code
}

// plain keeps a description to the characters RFC 6749 allows in one.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return '\''
		}
		return r
	}, s)
}
