// Package ldapd is a directory in one process: simple bind, search with filters and paging, StartTLS and LDAPS, with the
// habits of Active Directory or OpenLDAP. It serves the demo and the tests – and it can lie: Lie takes hooks that break one
// thing at a time. It keeps people in memory and writes nothing.
package ldapd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"slices"
	"sync"
	"time"
)

// Like names the kind of directory whose habits a server takes on.
type Like string

// The kinds. ActiveDirectory knows objectGUID, memberOf without the primary group, the matching rule for nested groups and
// the codes of a refused bind; it lets nobody search who is not bound. OpenLDAP knows entryUUID, and memberOf where the
// overlay is on; both are given only to who asks for them by name.
const (
	ActiveDirectory Like = "active-directory"
	OpenLDAP        Like = "openldap"
)

// State is what is wrong with an account, as Active Directory numbers it; "" for nothing.
type State string

// The states.
const (
	Hours           State = "530"
	Workstation     State = "531"
	PasswordExpired State = "532"
	Disabled        State = "533"
	AccountExpired  State = "701"
	MustChange      State = "773"
	Locked          State = "775"
)

// Options of a server.
type Options struct {
	Like Like   // OpenLDAP
	Base string // dc=corp,dc=example
	// Service is an account below OU=Service that may read the directory; the zero value: nobody is there.
	Service Person
	// Anonymous lets OpenLDAP's people be searched for without a bind.
	Anonymous bool
	People    []Person
	Groups    []Group
	// NoMemberOf leaves out memberOf: OpenLDAP without the overlay.
	NoMemberOf bool
	// Names are the certificate's; default localhost, 127.0.0.1 and ::1. The certificate ends a year from Now, or at
	// CertificateEnds.
	Names           []string
	CertificateEnds time.Time
	Now             func() time.Time
}

// Person is one account.
type Person struct {
	Username, Password, Email, GivenName, FamilyName string
	Unit                                             string // the organizational unit below Base, default People
	State                                            State
	// PasswordEnds is told of an account that is asked about; zero: never.
	PasswordEnds time.Time
	// Attributes are further ones, or replace those made of the fields; nil takes one away.
	Attributes map[string][]string
}

// Group is a group below OU=Groups. Members are user names and names of other groups. Active Directory makes everybody a
// member of Domain Users by primaryGroupID, besides.
type Group struct {
	Name    string
	Members []string
}

// Server is a directory. It is safe for concurrent use.
type Server struct {
	options Options
	tls     *tls.Config
	ca      string

	mu        sync.Mutex
	tree      []*entry
	lies      Lies
	binds     []string
	searches  []string
	listeners []net.Listener
	conns     map[net.Conn]bool
	closed    bool
	wait      sync.WaitGroup
}

// New makes a directory with a certificate from an authority of its own.
func New(o Options) (*Server, error) {
	if o.Like == "" {
		o.Like = OpenLDAP
	}
	if o.Base == "" {
		o.Base = "dc=corp,dc=example"
	}
	if len(o.Names) == 0 {
		o.Names = []string{"localhost", "127.0.0.1", "::1"}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, conns: map[net.Conn]bool{}}
	s.tree = s.plant()
	certificate, ca, err := certify(o)
	if err != nil {
		return nil, err
	}
	s.ca, s.tls = ca, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	return s, nil
}

// CA is the certificate of the server's authority, in PEM.
func (s *Server) CA() string { return s.ca }

// DN is where an account or group stands in the tree, "" for one that is not there.
func (s *Server) DN(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.tree {
		if e.name == name {
			return e.dn
		}
	}
	return ""
}

// Binds are the names that were tried with a password, in order.
func (s *Server) Binds() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.binds)
}

// Searches are the filters that were searched with, in order, besides those for the root.
func (s *Server) Searches() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.searches)
}

// Lie begins to lie, in place of whatever lies before; Lies{} tells the truth again.
func (s *Server) Lie(l Lies) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lies = l
}

func (s *Server) lying() Lies {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lies
}

// Serve answers the connections of a listener until Close; secure: TLS from the first byte (LDAPS), otherwise plain, with
// StartTLS.
func (s *Server) Serve(l net.Listener, secure bool) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return net.ErrClosed
	}
	s.listeners = append(s.listeners, l)
	s.mu.Unlock()
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		s.wait.Go(func() { s.converse(c, secure) })
	}
}

// Listen serves on a free port of this machine and answers its address.
func (s *Server) Listen(secure bool) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() { _ = s.Serve(l, secure) }()
	return l.Addr().String(), nil
}

// Close ends all connections and waits until they are gone.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.wait.Wait()
	return nil
}

// certify makes the server's certificate and its authority's, in PEM.
func certify(o Options) (tls.Certificate, string, error) {
	now := o.Now()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Corp Issuing CA"}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, "", err
	}
	own := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: o.Names[0]}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if !o.CertificateEnds.IsZero() {
		own.NotAfter = o.CertificateEnds
	}
	for _, name := range o.Names {
		if ip := net.ParseIP(name); ip != nil {
			own.IPAddresses = append(own.IPAddresses, ip)
		} else {
			own.DNSNames = append(own.DNSNames, name)
		}
	}
	leaf, err := x509.CreateCertificate(rand.Reader, own, authority, key.Public(), authorityKey)
	return tls.Certificate{Certificate: [][]byte{leaf}, PrivateKey: key},
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), err
}
