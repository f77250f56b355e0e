package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// deliver carries one mail to the server. Once the server has said yes to the whole of it nothing after that counts: a
// session that ends badly must not send the mail again.
func (m *Mailer) deliver(ctx context.Context, one *broker.Mail) error {
	msg, err := m.message(one)
	if err != nil {
		return err
	}
	return m.session(ctx, func(c *gomail.Client, conn *smtp.Client) error {
		err := c.SendWithSMTPClient(conn, msg)
		if msg.IsDelivered() {
			return nil
		}
		return err
	})
}

// message is the mail as it travels. The ID is the outbox's, so that a copy can be known as one; the headers say that
// no person wrote it, lest another program answers (RFC 3834, section 5).
func (m *Mailer) message(one *broker.Mail) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithCharset(gomail.CharsetUTF8), gomail.WithEncoding(gomail.EncodingQP), gomail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.From(m.from.String()), msg.To(one.To)); err != nil {
		return nil, fault.Wrap(fault.MailAddress, err, "")
	}
	_, domain, _ := strings.Cut(m.from.Address, "@")
	msg.SetMessageIDWithValue(one.ID + "@" + domain)
	msg.SetDateWithValue(m.Now())
	msg.Subject(line(one.Subject))
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	if one.Locale != "" {
		msg.SetGenHeader("Content-Language", line(one.Locale))
	}
	msg.SetBodyString(gomail.TypeTextPlain, one.Text)
	if one.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, one.HTML)
	}
	return msg, nil
}

// session opens a session, lets fn use it and ends it. Whatever happens, the connection is closed when ctx ends or
// session returns: the library leaves it open after some failures and renews its own deadline at every message.
func (m *Mailer) session(ctx context.Context, fn func(*gomail.Client, *smtp.Client) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := m.client(ctx)
	if err != nil {
		return fault.Wrap(fault.MailSettings, err, "")
	}
	conn, err := c.DialToSMTPClientWithContext(ctx)
	if err == nil {
		err = fn(c, conn)
		_ = c.CloseWithSMTPClient(conn)
	}
	if err != nil {
		return m.diagnose(ctx, err)
	}
	return nil
}

func (m *Mailer) client(ctx context.Context) (*gomail.Client, error) {
	s := m.SMTP
	_, domain, _ := strings.Cut(m.from.Address, "@")
	config := &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, RootCAs: m.Roots}
	opts := []gomail.Option{
		gomail.WithHELO(domain), gomail.WithTimeout(m.Timeout), gomail.WithTLSConfig(config), gomail.WithoutNoop(),
		gomail.WithTLSPolicy(gomail.TLSMandatory),
	}
	if s.Plain {
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if s.Implicit {
		opts = append(opts, gomail.WithSSL())
	}
	if s.User != "" {
		opts = append(opts, gomail.WithUsername(s.User), gomail.WithPassword(s.Password.Reveal()), gomail.WithOpportunisticSMTPAuth(mechanisms()...))
	}
	opts = append(opts, gomail.WithPort(s.Port), gomail.WithDialContextFunc(dialer(ctx, config, s.Implicit)))
	return gomail.NewClient(s.Host, opts...)
}

// mechanisms are the ways to sign in, the best first. Those that send the password itself are used under TLS only, or
// towards this machine.
func mechanisms() []gomail.SMTPAuthType {
	return []gomail.SMTPAuthType{
		gomail.SMTPAuthSCRAMSHA256PLUS, gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1PLUS, gomail.SMTPAuthSCRAMSHA1,
		gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5,
	}
}

// dialer connects, and closes the connection when session's ctx ends.
func dialer(session context.Context, config *tls.Config, implicit bool) gomail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(session, func() { _ = conn.Close() })
		if !implicit {
			return conn, nil
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		return secure, nil
	}
}

// diagnose turns what the library answers into a fault.
func (m *Mailer) diagnose(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fault.Wrap(fault.MailUnreachable, err, "%s did not answer in time", m.SMTP.Host)
	}
	code := 0
	if reply := (*textproto.Error)(nil); errors.As(err, &reply) {
		code = reply.Code
	}
	if sent := (*gomail.SendError)(nil); errors.As(err, &sent) && sent.ErrorCode() != 0 {
		code = sent.ErrorCode()
	}
	return fault.Wrap(judge(err, code), err, "%s", answer(err.Error()))
}

var reply = regexp.MustCompile(`\b([45]\d\d) ("(?:[^"\\]|\\.)*")`)

// answer is what the server said, out of what the library says about it.
func answer(text string) string {
	if m := reply.FindStringSubmatch(text); m != nil {
		if said, err := strconv.Unquote(m[2]); err == nil {
			return m[1] + " " + said
		}
	}
	return strings.TrimSpace(text)
}

// judge chooses the code. 5xx while a mail is handed over is for good (RFC 5321, section 4.2.1), but for those that ask
// for another sign-in (RFC 4954, section 6): these are for us to mend.
func judge(err error, code int) fault.Code {
	sending := errors.As(err, new(*gomail.SendError))
	text := err.Error()
	switch {
	case code == 530 || code == 534 || code == 535 || code == 538, !sending && strings.Contains(text, "SMTP AUTH"):
		return fault.MailAuth
	case sending && code >= 500:
		return fault.MailRefused
	case code >= 400:
		return fault.MailDeferred
	case tlsTrouble(err), !sending && strings.Contains(text, "STARTTLS"):
		return fault.MailTLS
	}
	return fault.MailUnreachable
}

func tlsTrouble(err error) bool {
	return errors.As(err, new(*tls.CertificateVerificationError)) || errors.As(err, new(tls.RecordHeaderError)) || errors.As(err, new(tls.AlertError)) ||
		errors.As(err, new(x509.UnknownAuthorityError)) || errors.As(err, new(x509.HostnameError))
}
