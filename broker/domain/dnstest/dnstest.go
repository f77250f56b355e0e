// Package dnstest is a DNS server on loopback, over UDP and TCP, that can lie: what tests of domains stand on.
package dnstest

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Zone is what the server says of one name. The zero Zone is a name that exists and has no records.
type Zone struct {
	TXT       [][]string // records, each of one or several strings
	CNAME     string     // the name is an alias of this one, whose records the answer carries too
	RCode     dnsmessage.RCode
	Silent    bool // no answer at all
	Truncated bool // over UDP only a part is answered, so that the client has to come by TCP
	Garbage   bool // the answer is not a DNS message
	Lame      bool // the server says that it is not the one to ask
}

// Txt is a zone with one-string records.
func Txt(records ...string) Zone {
	var z Zone
	for _, r := range records {
		z.TXT = append(z.TXT, []string{r})
	}
	return z
}

// Server is a running name server. Names that were not set do not exist (NXDOMAIN).
type Server struct {
	Addr string // host:port, for UDP and TCP

	mu    sync.Mutex
	zones map[string]Zone
	asked map[string]int
	tcp   int
}

// Start runs a server until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{zones: map[string]Zone{}, asked: map[string]int{}}
	for range 20 { // the port must be free for both
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", pc.LocalAddr().String())
		if err != nil {
			_ = pc.Close()
			continue
		}
		t.Cleanup(func() { _, _ = pc.Close(), l.Close() })
		s.Addr = pc.LocalAddr().String()
		go s.udp(pc)
		go s.listen(l)
		return s
	}
	t.Fatal("no port is free for UDP and TCP")
	return nil
}

// Set says what the server answers about a name.
func (s *Server) Set(name string, z Zone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zones[key(name)] = z
}

// Remove makes a name one that does not exist.
func (s *Server) Remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.zones, key(name))
}

// Asked counts the questions about a name.
func (s *Server) Asked(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[key(name)]
}

// TCP counts the questions that came by TCP.
func (s *Server) TCP() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tcp
}

// Resolver asks this server and no other.
func (s *Server) Resolver() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, s.Addr)
	}}
}

func key(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

func (s *Server) udp(pc net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		if out := s.answer(buf[:n], false); out != nil {
			_, _ = pc.WriteTo(out, from)
		}
	}
}

func (s *Server) listen(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go s.conn(c)
	}
}

// conn serves messages with their length before them (RFC 1035, section 4.2.2).
func (s *Server) conn(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	for {
		var size [2]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		in := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(c, in); err != nil {
			return
		}
		out := s.answer(in, true)
		if out == nil {
			return
		}
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(out))), out...)); err != nil {
			return
		}
	}
}

// answer is the reply to one message, nil for none.
func (s *Server) answer(in []byte, tcp bool) []byte {
	var m dnsmessage.Message
	if m.Unpack(in) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	z, known := s.look(key(q.Name.String()), tcp)
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	switch {
	case z.Silent:
		return nil
	case z.Garbage:
		return append(in[:2:2], 0xff, 0xff, 0xff)
	case z.Lame:
		m.RecursionAvailable = false
	case !known:
		m.RCode = dnsmessage.RCodeNameError
	case z.RCode != dnsmessage.RCodeSuccess:
		m.RCode = z.RCode
	case z.Truncated && !tcp:
		m.Truncated = true
	default:
		s.fill(&m, q, z)
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}

func (s *Server) look(name string, tcp bool) (Zone, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[name]++
	if tcp {
		s.tcp++
	}
	z, ok := s.zones[name]
	return z, ok
}

// fill answers with a name's records, following an alias as a resolver does.
func (s *Server) fill(m *dnsmessage.Message, q dnsmessage.Question, z Zone) {
	owner := q.Name
	if z.CNAME != "" {
		target := dnsmessage.MustNewName(key(z.CNAME) + ".")
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: owner, Type: dnsmessage.TypeCNAME, Class: dnsmessage.ClassINET, TTL: 60},
			Body:   &dnsmessage.CNAMEResource{CNAME: target},
		})
		s.mu.Lock()
		next, ok := s.zones[key(z.CNAME)]
		s.mu.Unlock()
		if !ok {
			m.RCode = dnsmessage.RCodeNameError
			return
		}
		owner, z = target, next
	}
	if q.Type != dnsmessage.TypeTXT {
		return
	}
	for _, strs := range z.TXT {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: owner, Type: dnsmessage.TypeTXT, Class: dnsmessage.ClassINET, TTL: 60},
			Body:   &dnsmessage.TXTResource{TXT: strs},
		})
	}
}
