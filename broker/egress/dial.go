package egress

import (
	"context"
	"net"

	"cloakroom/broker/fault"
)

// Dialer is the way out for what is not HTTP (LDAP): it dials with the same resolver and address filter as Client, each
// name resolved anew and each address looked at as it is dialled. Every error is a *fault.Error that names the address.
// What is said over the connection is the caller's to bound.
func Dialer(o Options) func(ctx context.Context, network, address string) (net.Conn, error) {
	o.defaults()
	d := &net.Dialer{Timeout: o.Timeout, Resolver: o.Resolver, Control: addressFilter(o.Allow)}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, undialled(address, err)
		}
		return conn, nil
	}
}

// undialled names the fault and the address, which the errors of package net spell in several ways.
func undialled(address string, err error) error {
	f := *fault.As(Classify(err))
	switch f.Code {
	case fault.FetchBlocked:
		f.Detail = address + ": " + fault.As(err).Detail
	case fault.FetchDNS:
	default:
		f.Detail = address
	}
	return &f
}
