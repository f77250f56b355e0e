package ldap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"cloakroom/broker/fault"
)

// link is one connection to the directory.
type link struct {
	*ldap.Conn
	wire *wire
	at   string
	peer []*x509.Certificate // what the directory showed, its own first; nil without TLS
	free func()
}

// mode is how a port is spoken to.
type mode int

const (
	plain    mode = iota // only on this very machine
	starting             // StartTLS
	whole                // LDAPS
)

func (s *settings) mode() mode {
	switch {
	case s.secure:
		return whole
	case s.StartTLS:
		return starting
	}
	return plain
}

// open connects, as far as TLS goes. Until ctx ends the link works.
func (p *provider) open(ctx context.Context) (*link, error) {
	conn, stop, err := p.dial(ctx)
	if err != nil {
		return nil, err
	}
	safe, err := p.secured(ctx, conn, p.c.mode())
	if err != nil {
		stop()
		_ = conn.Close()
		return nil, err
	}
	l := &link{wire: &wire{Conn: safe}, at: p.c.address, free: func() { stop(); _ = conn.Close() }}
	if t, ok := safe.(*tls.Conn); ok {
		l.peer = t.ConnectionState().PeerCertificates
	}
	l.Conn = ldap.NewConn(l.wire, l.peer != nil)
	l.SetTimeout(stepLimit)
	l.Start()
	return l, nil
}

// close ends the link; the other side is not waited for.
func (l *link) close() {
	l.free()
	_ = l.Conn.Close()
}

// dial connects through the guarded dialler. The connection ends with ctx, whatever is being waited for.
func (p *provider) dial(ctx context.Context) (net.Conn, func(), error) {
	if p.settings.Dial == nil {
		return nil, nil, fault.New(fault.Internal, "no way to connect was given")
	}
	dialling, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	conn, err := p.settings.Dial(dialling, "tcp", p.c.address)
	if err != nil {
		return nil, nil, undialled(p.c.address, err)
	}
	if p.c.mode() == plain && !loopback(conn.RemoteAddr()) {
		_ = conn.Close()
		return nil, nil, labelled(fault.New(fault.LDAPPlain, "url %s leads to %s, another machine", p.c.URL, conn.RemoteAddr()), "Server address", "StartTLS")
	}
	if until, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(until)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return conn, func() { stop() }, nil
}

func undialled(at string, err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return f
	}
	if late(err) {
		return fault.Wrap(fault.FetchTimeout, err, "%s", at)
	}
	return fault.Wrap(fault.FetchRefused, err, "%s", at)
}

func loopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}

func late(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// secured puts TLS on a connection.
func (p *provider) secured(ctx context.Context, conn net.Conn, m mode) (net.Conn, error) {
	if m == plain {
		return conn, nil
	}
	if m == starting {
		if err := p.startTLS(ctx, conn); err != nil {
			return nil, err
		}
	}
	shaking, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	safe := tls.Client(conn, &tls.Config{ServerName: p.c.host, RootCAs: p.c.roots, MinVersion: tls.VersionTLS12, Time: p.settings.Now})
	if err := safe.HandshakeContext(shaking); err != nil {
		return nil, p.tlsFault(ctx, err, m)
	}
	return safe, nil
}

const startTLSName = "1.3.6.1.4.1.1466.20037"

// startTLS asks for TLS (RFC 4511, section 4.14). It reads the answer and not a byte more, so that nothing said in clear
// can count as said under TLS.
func (p *provider) startTLS(ctx context.Context, conn net.Conn) error {
	request := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil, "")
	request.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, startTLSName, ""))
	message := ber.NewSequence("")
	message.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, ""))
	message.AppendChild(request)
	if _, err := conn.Write(message.Bytes()); err != nil {
		return p.hungUp(ctx, err)
	}
	answer, err := readMessage(conn)
	if err != nil {
		return p.hungUp(ctx, err)
	}
	if _, err := inspect(answer); err != nil {
		return err
	}
	packet, err := ber.DecodePacketErr(answer)
	if err != nil {
		return malformed("the answer to StartTLS cannot be read")
	}
	if id, ok := packet.Children[0].Value.(int64); !ok || id != 1 || packet.Children[1].Tag != ldap.ApplicationExtendedResponse {
		return malformed("the answer to StartTLS answers something else")
	}
	if err := ldap.GetLDAPError(packet); err != nil {
		return labelled(fault.New(fault.LDAPStartTLS, "%s says: %s", p.c.address, said(err)), "StartTLS")
	}
	return nil
}

// hungUp reads the end of a conversation that came before StartTLS was answered: a port that waits for TLS hangs up on
// anything else.
func (p *provider) hungUp(ctx context.Context, err error) error {
	var f *fault.Error
	switch {
	case errors.As(err, &f):
		if f.Code == fault.LDAPMode {
			return labelled(f, "Server address", "StartTLS")
		}
		return f
	case ctx.Err() != nil || late(err):
		return fault.Wrap(fault.FetchTimeout, err, "%s does not answer to StartTLS", p.c.address)
	}
	return p.otherMode("the port hangs up when StartTLS is asked for", err, fault.Likely)
}

func (p *provider) otherMode(why string, err error, sure fault.Confidence) *fault.Error {
	f := labelled(fault.Wrap(fault.LDAPMode, err, "%s: %s", p.c.address, why), "Server address", "StartTLS")
	f.Confidence = sure
	if sure != fault.Proved {
		f.Alternatives = fault.Neighbours(fault.LDAPMode)
	}
	return f
}

// tlsFault names why no TLS came about.
func (p *provider) tlsFault(ctx context.Context, err error, m mode) error {
	var header tls.RecordHeaderError
	var name x509.HostnameError
	var authority x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &name):
		return p.wrongName(name)
	case errors.As(err, &authority):
		return p.untrusted(authority.Cert)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		f := fault.New(fault.LDAPCertExpired, "%s shows the certificate of %s", p.c.address, names(invalid.Cert))
		f.Observed = "valid from " + invalid.Cert.NotBefore.UTC().Format(time.DateOnly) + " to " + invalid.Cert.NotAfter.UTC().Format(time.DateOnly)
		return f
	case m == whole && errors.As(err, &header):
		return p.otherMode("the port speaks plain LDAP, not TLS", nil, fault.Proved)
	case ctx.Err() != nil || late(err):
		return fault.Wrap(fault.FetchTimeout, err, "%s does not finish the TLS handshake", p.c.address)
	case m == whole && (errors.Is(err, io.EOF) || strings.Contains(err.Error(), "connection reset")):
		return p.otherMode("the port hangs up in the TLS handshake", err, fault.Likely)
	}
	return fault.Wrap(fault.LDAPTLS, err, "%s", p.c.address)
}

func (p *provider) wrongName(e x509.HostnameError) error {
	f := labelled(fault.Mismatch(fault.LDAPHostName, names(e.Certificate), e.Host), "Server address")
	f.Detail = "the directory's certificate is issued by " + issuer(e.Certificate) + " for " + f.Observed
	return f
}

func (p *provider) untrusted(c *x509.Certificate) error {
	f := labelled(fault.New(fault.LDAPUntrusted, "the directory's certificate cannot be followed up to a known authority"), "CA certificate")
	if c != nil {
		f.Observed = issuer(c)
		f.Detail = "the directory's certificate is issued by " + f.Observed + " for " + names(c)
	}
	return f
}

func issuer(c *x509.Certificate) string { return clean(c.Issuer.String()) }

// names are the host names that a certificate is made out to.
func names(c *x509.Certificate) string {
	all := append([]string{}, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		all = append(all, c.Subject.CommonName)
	}
	return clean(strings.Join(all, " "))
}

// clean makes foreign text fit for a detail.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s[:min(len(s), 600)], "?"))
	s = strings.Join(strings.Fields(s), " ")
	return strings.ToValidUTF8(s[:min(len(s), 300)], "")
}
