package mail

import (
	"net"
	"net/url"
	"strconv"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Server is a mail server as CLOAKROOM_SMTP_URL names it.
type Server struct {
	Host     string
	Port     int
	User     string
	Password broker.Secret
	Implicit bool // TLS from the first byte (RFC 8314), smtps://
	Plain    bool // no TLS at all, ?tls=none
}

// ParseURL reads smtp://user:password@host:587?tls=starttls|none or smtps://user:password@host:465. Without a port it is
// 587 or 465 (RFC 8314); without tls STARTTLS is required. A password never travels in the clear, but to this machine.
func ParseURL(raw string) (*Server, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" {
		return nil, fault.New(fault.MailSettings, "the mail server is not written as smtp://user:password@host:587")
	}
	s := &Server{Host: u.Hostname(), User: u.User.Username(), Port: 587}
	password, _ := u.User.Password()
	s.Password = broker.Secret(password)
	switch u.Scheme {
	case "smtp":
	case "smtps":
		s.Implicit, s.Port = true, 465
	default:
		return nil, fault.New(fault.MailSettings, "the scheme of the mail server is %q, not smtp or smtps", u.Scheme)
	}
	if p := u.Port(); p != "" {
		if s.Port, err = strconv.Atoi(p); err != nil || s.Port < 1 || s.Port > 65535 {
			return nil, fault.New(fault.MailSettings, "the port of the mail server is not one")
		}
	}
	return s, s.options(u.Query())
}

func (s *Server) options(q url.Values) error {
	for key := range q {
		if key != "tls" {
			return fault.New(fault.MailSettings, "%q is no option of the mail server: tls is the only one", key)
		}
	}
	switch mode := q.Get("tls"); {
	case mode == "" || mode == "starttls" && !s.Implicit:
	case mode == "none" && !s.Implicit:
		s.Plain = true
	default:
		return fault.New(fault.MailSettings, "tls=%s is neither starttls nor none, or it contradicts smtps://", mode)
	}
	if s.Plain && s.User != "" && !loopback(s.Host) {
		return fault.New(fault.MailSettings, "with tls=none the password would travel in the clear to %s", s.Host)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
