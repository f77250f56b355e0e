// Package ldap signs people in with the password of a directory: it looks the person up with a service account and binds as
// the person, once, over TLS. Active Directory and every server of RFC 4511 are such directories.
package ldap

import (
	"context"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Protocol opens connections to directories.
type Protocol struct{}

// Name is "ldap".
func (Protocol) Name() string { return "ldap" }

// Open checks the settings.
func (Protocol) Open(s providers.Settings) (providers.Provider, error) {
	c, err := read(s.Config, s.Preset)
	if err != nil {
		return nil, err
	}
	return &provider{settings: s, c: c}, nil
}

type provider struct {
	settings providers.Settings
	c        *settings
}

// Start asks for user name and password on a page of ours.
func (p *provider) Start(context.Context, providers.Request) (providers.Challenge, error) {
	return providers.Challenge{Fields: []providers.Prompt{{Name: "username"}, {Name: "password", Secret: true}}}, nil
}

// Finish takes Reply.Form with username and password.
func (p *provider) Finish(ctx context.Context, r providers.Request, reply providers.Reply) (providers.Identity, error) {
	return providers.Identity{}, fault.New(fault.Internal, "not yet")
}

// Handle is the form's field state, in which the page that asks for the password carries the handle.
func (p *provider) Handle(reply providers.Reply) string { return reply.Form.Get("state") }
