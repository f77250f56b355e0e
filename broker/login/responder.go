// Package login is the flow of one sign-in: begin, choose, challenge, receive, finish, respond. It knows neither HTTP nor
// storage; fronts turn its Steps into answers.
package login

import (
	"context"
	"net/url"

	"cloakroom/broker"
)

// Responder is a downstream protocol: it answers the application when a login is over.
type Responder interface {
	// Respond answers the application that the person is signed in. It makes whatever the application needs (a code) in
	// one write that fails with fault.LoginTaken when this login has been answered before.
	Respond(ctx context.Context, r Result) (Redirect, error)
	// Deny tells the application that there will be no sign-in (RFC 6749, section 4.1.2.1). ok is false where the
	// protocol, or this request, has no way to say so; then the person gets an error page.
	Deny(ctx context.Context, l *broker.Login, cause error) (rd Redirect, ok bool)
}

// Result is a finished login.
type Result struct {
	Login   *broker.Login
	Realm   *broker.Realm // the client's
	Client  *broker.Client
	Session *broker.Session
	User    *broker.User
}

// Redirect sends the browser somewhere. With a Form it is posted there (OAuth 2.0 Form Post, SAML POST binding).
type Redirect struct {
	URL  string
	Form url.Values
}

// Step is what a front must do next. Exactly one of Go and Page is set.
type Step struct {
	Go   *Redirect
	Page Page
	// Connection is the slug of the connection that PagePrompt asks for.
	Connection string
	// Login is to be kept in the browser's cookie; nil together with a Go to the application means that it is over.
	Login *broker.Login
	// Done names a login that is over; its cookie becomes a tombstone.
	Done *broker.Login
	// Session, when set, is a new session whose cookie the browser gets.
	Session *NewSession
}

// NewSession is a session with the secret that only the browser's cookie holds.
type NewSession struct {
	*broker.Session
	Cookie string
}

// Page is one of the login's own pages.
type Page string

const (
	PageChoose Page = "choose" // the realm's buttons and the email field
	PagePrompt Page = "prompt" // fields of a provider that asks on our page
	// PageConfirm asks for the code that was mailed to a person whose address is known here already.
	PageConfirm Page = "confirm"
)

// Start is a downstream's request to sign somebody in.
type Start struct {
	Login *broker.Login
	// SessionCookie is the browser's session cookie of the login's realm, "" if it has none.
	SessionCookie string
	// Connection is the slug of the connection to go through, whatever the hints say; Address is what the person typed
	// before this login began, so that a session of somebody else's does not count. "" for none.
	Connection, Address string
}
