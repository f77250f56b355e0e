package egress

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"cloakroom/broker/fault"
)

// Classify turns a failed call's error into the fault that names its cause. A fault stays what it is.
func Classify(err error) error {
	if err == nil {
		return nil
	}
	var known *fault.Error
	host := hostOf(err)
	if errors.As(err, &known) {
		if known.Code == fault.FetchBlocked && err != error(known) { //nolint:errorlint // wrapped or not is the question; the dialler knows the address, not the name
			return fault.New(known.Code, "%s: %s", host, known.Detail)
		}
		return known
	}
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns) && !dns.IsTimeout:
		return fault.Wrap(fault.FetchDNS, cause(err), "%s", dns.Name)
	case errors.Is(err, context.Canceled):
		return fault.Wrap(fault.FetchTimeout, cause(err), "%s: the call was given up", host)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fault.Wrap(fault.FetchTimeout, cause(err), "%s", host)
	case isTLS(err):
		return tlsFault(host, err)
	case isGarbled(err):
		return fault.Wrap(fault.FetchFormat, cause(err), "%s", host)
	case strings.Contains(err.Error(), "response headers exceeded"): // net/http has no value for it
		return fault.Wrap(fault.FetchTooLarge, cause(err), "%s", host)
	}
	return fault.Wrap(fault.FetchRefused, cause(err), "%s", host)
}

func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &authority) || errors.As(err, &name) || errors.As(err, &invalid) ||
		errors.Is(err, http.ErrSchemeMismatch) || strings.Contains(err.Error(), "tls: ")
}

func isGarbled(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) ||
		strings.Contains(err.Error(), "malformed HTTP")
}

// hostOf is the host of the call that failed; never more of the URL, whose query may hold a secret.
func hostOf(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		if parsed, perr := url.Parse(u.URL); perr == nil {
			return parsed.Host
		}
	}
	return "the provider"
}

// cause leaves out the *url.Error around it, which prints the whole URL.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
