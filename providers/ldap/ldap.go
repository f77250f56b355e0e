// Package ldap signs people in with the password of a directory: it looks the person up with a service account and binds as
// the person, once, over TLS. Active Directory and every server of RFC 4511 are such directories.
//
// go-ldap speaks the protocol; wire is a gate before it through which only well-formed answers of bounded size come.
package ldap

import (
	"context"
	"sync"
	"time"

	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// Protocol opens connections to directories.
type Protocol struct{}

var (
	_ providers.Protocol     = Protocol{}
	_ providers.HandleFinder = (*provider)(nil)
)

// Name is "ldap".
func (Protocol) Name() string { return "ldap" }

// Open checks the settings. The detail of a fault begins with the setting's name.
func (Protocol) Open(s providers.Settings) (providers.Provider, error) {
	c, err := read(s.Config, s.Preset)
	if err != nil {
		return nil, err
	}
	return &provider{settings: s, c: c, slots: make(chan struct{}, maxAtOnce), known: s.Stored}, nil
}

const (
	// maxAtOnce sign-ins of one connection are under way at a time; each holds two connections to the directory.
	maxAtOnce = 16
	// queueLimit is how long a sign-in waits for its turn, signInLimit how long it may take, dialLimit and stepLimit how
	// long its parts may.
	queueLimit  = 3 * time.Second
	signInLimit = 15 * time.Second
	dialLimit   = 5 * time.Second
	stepLimit   = 8 * time.Second
	// restFor is how long sign-ins leave a service account alone that was refused: one of them each time would lock it.
	restFor = 10 * time.Minute
)

type provider struct {
	settings providers.Settings
	c        *settings
	slots    chan struct{}

	mu      sync.Mutex
	refused error // why the service account was refused last
	until   time.Time
	known   []byte // the directory's certificate, as it was remembered
}

// Start asks for user name and password on a page of ours.
func (p *provider) Start(context.Context, providers.Request) (providers.Challenge, error) {
	if p.c.UserBase == "" {
		return providers.Challenge{}, p.baseMissing()
	}
	return providers.Challenge{Fields: []providers.Prompt{{Name: "username"}, {Name: "password", Secret: true}}}, nil
}

func (p *provider) baseMissing() *fault.Error {
	return labelled(fault.New(fault.LDAPBaseMissing, "user_base is empty"), "User base")
}

// Handle is the form's field state, in which the page that asks for the password carries the handle.
func (p *provider) Handle(reply providers.Reply) string { return reply.Form.Get("state") }

// rest remembers that the service account was refused.
func (p *provider) rest(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused, p.until = err, p.settings.Now().Add(restFor)
}

// resting is why the service account is left alone, nil where it may be used.
func (p *provider) resting() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refused == nil || p.settings.Now().After(p.until) {
		return nil
	}
	f := *fault.As(p.refused)
	f.Detail += "; it is not tried again before " + p.until.UTC().Format(time.TimeOnly) + " UTC, since each attempt counts towards its lock-out"
	return &f
}

// bound is a link on which the service account is signed in, or nobody where the connection has none.
func (p *provider) bound(ctx context.Context) (*link, error) {
	if err := p.resting(); err != nil {
		return nil, err
	}
	l, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.bindService(ctx, l); err != nil {
		l.close()
		if fault.CodeOf(err) == fault.LDAPService {
			p.rest(err)
		}
		return nil, err
	}
	p.remember(ctx, l.peer)
	return l, nil
}

func (p *provider) bindService(ctx context.Context, l *link) error {
	if p.c.BindDN == "" {
		return nil
	}
	err := l.Bind(p.c.BindDN, p.c.BindPassword)
	if _, answered := code(err); err != nil && !answered {
		return l.unanswered(ctx, err)
	}
	if err != nil {
		return p.serviceFault(err)
	}
	return nil
}
