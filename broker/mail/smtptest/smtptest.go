// Package smtptest is a mail server for tests: it speaks SMTP (RFC 5321) with STARTTLS, AUTH PLAIN and LOGIN and
// SMTPUTF8 over loopback, keeps what it was given, and can refuse, put off or fall silent on demand.
package smtptest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Hang as an answer means none: the connection stays open and silent. Drop means that it is closed.
const (
	Hang = "hang"
	Drop = "drop"
)

// Mail is what one DATA brought.
type Mail struct {
	From, To string
	Data     string // as sent, dots unstuffed
	TLS      bool
	User     string
	At       time.Time
}

// Server is a running mail server. Set the fields before Start.
type Server struct {
	User, Password string            // required of the client when set
	Implicit       bool              // TLS from the first byte
	NoTLS          bool              // STARTTLS is not offered
	NoUTF8         bool              // SMTPUTF8 is not offered
	Answers        map[string]string // by verb ("RCPT", "DATA", "." for the end of the data, "GREETING"): a reply such as "550 no", Hang or Drop
	Slow           time.Duration     // before the reply to the end of the data

	listener net.Listener
	config   *tls.Config
	roots    *x509.CertPool
	mu       sync.Mutex
	mails    []Mail
	sessions int
	open     map[net.Conn]bool
	stop     chan struct{}
}

// Start listens on a free port of 127.0.0.1 until the test ends.
func (s *Server) Start(t testing.TB) *Server {
	t.Helper()
	borrowed := httptest.NewTLSServer(nil) // for its certificate
	s.config = &tls.Config{Certificates: borrowed.TLS.Certificates, MinVersion: tls.VersionTLS12}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(borrowed.Certificate())
	borrowed.Close()
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.open, s.stop = map[net.Conn]bool{}, make(chan struct{})
	t.Cleanup(s.close)
	go s.accept()
	return s
}

// Addr is host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Roots vouch for the server's certificate.
func (s *Server) Roots() *x509.CertPool { return s.roots }

// Answer changes the reply to a verb while the server runs; "" is the usual one.
func (s *Server) Answer(verb, reply string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Answers == nil {
		s.Answers = map[string]string{}
	}
	s.Answers[verb] = reply
}

// Mails are those taken so far.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Sessions counts the connections made.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

// Open counts the connections that are open.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *Server) close() {
	close(s.stop)
	s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		c.Close()
	}
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.sessions++
		s.open[c] = true
		s.mu.Unlock()
		go func() {
			defer func() {
				s.mu.Lock()
				delete(s.open, c)
				s.mu.Unlock()
				c.Close()
			}()
			s.serve(c)
		}()
	}
}

// session is one conversation.
type session struct {
	*Server
	conn     net.Conn
	r        *bufio.Reader
	tls      bool
	user     string
	from, to string
	over     bool
}

func (s *Server) serve(c net.Conn) {
	ss := &session{Server: s, conn: c, tls: s.Implicit}
	if s.Implicit {
		ss.conn = tls.Server(c, s.config)
	}
	ss.r = bufio.NewReader(ss.conn)
	ss.reply("GREETING", "220 mail.test ESMTP")
	for !ss.over {
		line, err := ss.r.ReadString('\n')
		if err != nil {
			return
		}
		ss.command(strings.TrimRight(line, "\r\n"))
	}
}

// reply sends the usual answer or the one that was set, and says whether it was a good one.
func (ss *session) reply(verb, usual string) bool {
	ss.mu.Lock()
	answer := ss.Answers[verb]
	ss.mu.Unlock()
	switch answer {
	case "":
		answer = usual
	case Hang:
		_, _ = ss.r.ReadString(0) // until the client gives up
		ss.over = true
		return false
	case Drop:
		ss.over = true
		return false
	}
	fmt.Fprintf(ss.conn, "%s\r\n", answer)
	return answer[0] < '4'
}

func (ss *session) command(line string) {
	verb, rest, _ := strings.Cut(line, " ")
	switch verb = strings.ToUpper(verb); verb {
	case "EHLO", "HELO":
		ss.hello()
	case "STARTTLS":
		if ss.reply(verb, "220 go on") {
			ss.conn = tls.Server(ss.conn, ss.config)
			ss.r, ss.tls = bufio.NewReader(ss.conn), true
		}
	case "AUTH":
		ss.auth(rest)
	case "MAIL":
		if ss.Password != "" && ss.user == "" {
			ss.reply(verb, "530 5.7.0 Authentication required")
		} else if ss.reply(verb, "250 2.1.0 ok") {
			ss.from = path(rest)
		}
	case "RCPT":
		if ss.reply(verb, "250 2.1.5 ok") {
			ss.to = path(rest)
		}
	case "DATA":
		if ss.reply(verb, "354 end with .") {
			ss.data()
		}
	case "QUIT":
		ss.reply(verb, "221 bye")
		ss.over = true
	case "RSET", "NOOP":
		ss.reply(verb, "250 ok")
	default:
		ss.reply(verb, "502 5.5.1 not known")
	}
}

func path(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}

func (ss *session) hello() {
	extensions := []string{"mail.test", "8BITMIME", "ENHANCEDSTATUSCODES"}
	if !ss.NoUTF8 {
		extensions = append(extensions, "SMTPUTF8")
	}
	if !ss.tls && !ss.NoTLS {
		extensions = append(extensions, "STARTTLS")
	}
	if ss.Password != "" {
		extensions = append(extensions, "AUTH LOGIN PLAIN XOAUTH2")
	}
	last := len(extensions) - 1
	answer := ""
	for _, e := range extensions[:last] {
		answer += "250-" + e + "\r\n"
	}
	ss.reply("EHLO", answer+"250 "+extensions[last])
}

// auth takes PLAIN with its initial response (RFC 4616).
func (ss *session) auth(rest string) {
	mechanism, initial, _ := strings.Cut(rest, " ")
	if mechanism != "PLAIN" {
		ss.reply("AUTH", "504 5.5.4 not this one")
		return
	}
	raw, _ := base64.StdEncoding.DecodeString(initial)
	parts := strings.Split(string(raw), "\x00")
	if len(parts) == 3 && parts[1] == ss.User && parts[2] == ss.Password {
		if ss.reply("AUTH", "235 2.7.0 welcome") {
			ss.user = parts[1]
		}
		return
	}
	ss.reply("AUTH", "535 5.7.8 Authentication credentials invalid")
}

func (ss *session) data() {
	var b strings.Builder
	for {
		line, err := ss.r.ReadString('\n')
		if err != nil {
			return
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
	select {
	case <-time.After(ss.Slow):
	case <-ss.stop:
		return
	}
	ss.mu.Lock()
	refused := ss.Answers["."]
	if refused == "" || refused[0] == '2' {
		ss.mails = append(ss.mails, Mail{From: ss.from, To: ss.to, Data: b.String(), TLS: ss.tls, User: ss.user, At: time.Now()})
	}
	ss.mu.Unlock()
	ss.reply(".", "250 2.0.0 taken")
}
