package op

import (
	"context"
	"errors"
	"strings"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Pushed authorization requests (RFC 9126).

const (
	requestURN = "urn:ietf:params:oauth:request_uri:"
	pushedFor  = 90 * time.Second
)

// PushedRequest is the answer to a pushed authorization request.
type PushedRequest struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int    `json:"expires_in"`
}

// Push checks an authorization request before the browser comes and keeps it for a short time.
func (p *Provider) Push(ctx context.Context, in Call) (*PushedRequest, *broker.Client, error) {
	_, f, c, err := p.call(ctx, in)
	if err != nil {
		return nil, c, err
	}
	if f.Get("request_uri") != "" {
		return nil, c, refuse("invalid_request", "request_uri cannot be pushed")
	}
	for _, own := range []string{"client_secret", "client_assertion", "client_assertion_type"} {
		f.Del(own)
	}
	f.Set("client_id", c.ClientID)
	if _, err := p.readAuthorize(ctx, in.Door, f); err != nil {
		return nil, c, err
	}
	id := broker.RandomToken(24)
	value := f.Encode()
	if err := p.Parked.Put(ctx, parkedRequest(in.Realm, id), []byte(value), p.Now().Add(pushedFor)); err != nil {
		return nil, c, err
	}
	return &PushedRequest{RequestURI: requestURN + id, ExpiresIn: int(pushedFor.Seconds())}, c, nil
}

func parkedRequest(realm, id string) string { return "op.par " + realm + " " + id }

// pushed takes a pushed request, once. Only the client that pushed it may use it.
func (p *Provider) pushed(ctx context.Context, d Door, f form) (form, error) {
	if err := f.one(); err != nil {
		return f, fault.New(fault.OPRequestMalformed, "the parameter %s was sent twice", f.repeated)
	}
	id := strings.TrimPrefix(f.Get("request_uri"), requestURN)
	if len(id) != 32 {
		return f, fault.New(fault.OPRequestURI, "not a request_uri of ours")
	}
	value, err := p.Parked.Take(ctx, parkedRequest(d.Realm, id))
	if errors.Is(err, broker.ErrNotFound) {
		return f, fault.New(fault.OPRequestURI, "client %q", clip(f.Get("client_id"), 255))
	}
	if err != nil {
		return f, err
	}
	kept, err := parseForm(string(value))
	if err != nil {
		return f, err
	}
	if kept.Get("client_id") != f.Get("client_id") {
		return f, fault.Mismatch(fault.OPRequestURI, clip(f.Get("client_id"), 255), kept.Get("client_id"))
	}
	return kept, nil
}
