package egress

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"cloakroom/broker/fault"
)

// tlsFault names why no TLS connection could be made.
func tlsFault(host string, err error) error {
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	text := err.Error()
	f := fault.Wrap(fault.FetchTLS, cause(err), "%s", host)
	switch {
	case errors.As(err, &name):
		f.Code, f.Observed, f.Expected = fault.FetchHostName, namesOf(name.Certificate), name.Host
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		f.Code = fault.FetchExpired
		f.Observed = fmt.Sprintf("valid from %s to %s", invalid.Cert.NotBefore.UTC().Format(time.DateOnly), invalid.Cert.NotAfter.UTC().Format(time.DateOnly))
	case errors.As(err, &authority):
		f.Code = fault.FetchUntrusted
		if authority.Cert != nil {
			f.Observed = clip(authority.Cert.Issuer.String())
		}
	case strings.Contains(text, "protocol version"): // crypto/tls has no value for either side's alert
		f.Code = fault.FetchOldTLS
	case strings.Contains(text, "tls: handshake failure"), strings.Contains(text, "unsupported SSLv2"):
		f.Code, f.Confidence = fault.FetchOldTLS, fault.Likely
	}
	return f
}

// namesOf are the host names that a certificate is made out to.
func namesOf(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = []string{c.Subject.CommonName}
	}
	return clip(strings.Join(names, " "))
}

func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 300)], "") }

const (
	aiaTimeout = 3 * time.Second
	aiaSteps   = 2 // certificates fetched for one failure; chains of the public authorities lack one
	aiaBody    = 64 << 10
	maxSent    = 8 // certificates of the server that are looked at; each costs signature checks
)

type completing struct{}

// completed tells, of a certificate from an unknown authority, an intermediate that the server forgot to send from an
// authority that nobody knows: it fetches what the certificate says its issuer's is (AIA, RFC 5280, section 4.2.2.1)
// through the guard itself. It only names the fault; the connection stays refused.
func (g *guard) completed(ctx context.Context, err error) error {
	var verification *tls.CertificateVerificationError
	f := fault.As(err)
	if f == nil || f.Code != fault.FetchUntrusted || ctx.Value(completing{}) != nil || !errors.As(err, &verification) || len(verification.UnverifiedCertificates) == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, completing{}, true), aiaTimeout)
	defer cancel()
	missing := g.missing(ctx, verification.UnverifiedCertificates)
	if missing == nil && !selfSigned(topOf(verification.UnverifiedCertificates)) {
		f.Confidence = fault.Likely // whether a public authority stands above it, nobody can tell who lacks what is between
	}
	if missing == nil {
		return err
	}
	out := *f
	out.Code = fault.FetchChain
	out.Observed = clip(missing.Subject.String())
	out.Telling("%s does not send the intermediate certificate %q", f.Said.Of(f.Detail), clip(missing.Subject.CommonName))
	return &out
}

// missing is the intermediate that completes the chain, nil where none does.
func (g *guard) missing(ctx context.Context, sent []*x509.Certificate) *x509.Certificate {
	sent = sent[:min(len(sent), maxSent)]
	pool := x509.NewCertPool()
	for _, c := range sent[1:] {
		pool.AddCert(c)
	}
	options := x509.VerifyOptions{Intermediates: pool}
	if g.options.TLS != nil {
		options.Roots = g.options.TLS.RootCAs
	}
	var first *x509.Certificate
	last := topOf(sent)
	for range aiaSteps {
		issuer := g.issuerOf(ctx, last)
		if issuer == nil {
			return nil
		}
		if first == nil {
			first = issuer
		}
		pool.AddCert(issuer)
		if _, err := sent[0].Verify(options); err == nil {
			return first
		}
		last = issuer
	}
	return nil
}

// topOf follows the certificates that were sent, whatever their order, up from the server's own.
func topOf(sent []*x509.Certificate) *x509.Certificate {
	top := sent[0]
	for range sent {
		for _, c := range sent[1:] {
			if c != top && top.CheckSignatureFrom(c) == nil {
				top = c
				break
			}
		}
	}
	return top
}

// issuerOf fetches a certificate's issuer from where the certificate says it is.
func (g *guard) issuerOf(ctx context.Context, c *x509.Certificate) *x509.Certificate {
	if len(c.IssuingCertificateURL) == 0 {
		return nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.IssuingCertificateURL[0], nil)
	if err != nil {
		return nil
	}
	resp, err := g.RoundTrip(req)
	if err != nil {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, aiaBody))
	_ = resp.Body.Close()
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil
	}
	issuer, err := x509.ParseCertificate(body)
	if err != nil || c.CheckSignatureFrom(issuer) != nil {
		return nil
	}
	return issuer
}

func selfSigned(c *x509.Certificate) bool { return bytes.Equal(c.RawIssuer, c.RawSubject) }
