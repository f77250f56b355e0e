package ldapd

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// session is one connection.
type session struct {
	*Server
	conn   net.Conn
	in     *bufio.Reader
	secure bool
	bound  string // the DN, "" for nobody
}

func (s *Server) converse(c net.Conn, secure bool) {
	s.mu.Lock()
	s.conns[c] = true
	closed := s.closed
	s.mu.Unlock()
	defer func() {
		_ = c.Close()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
	}()
	if closed || s.lying().Close == Connect {
		return
	}
	if raw := s.lying().Raw; raw != nil {
		if b := raw(Connect, 0); b != nil {
			_, _ = c.Write(b)
			return
		}
	}
	one := &session{Server: s, conn: c, secure: secure}
	if secure {
		one.conn = tls.Server(c, s.tls)
	}
	one.in = bufio.NewReader(one.conn)
	for one.answer() == nil {
	}
}

var errUnbind = errors.New("the client is done")

// answer does one request.
func (s *session) answer() error {
	p, err := ber.ReadPacket(s.in)
	if err != nil {
		return err
	}
	if len(p.Children) < 2 {
		return io.ErrUnexpectedEOF
	}
	id, ok := p.Children[0].Value.(int64)
	if !ok {
		return io.ErrUnexpectedEOF
	}
	op := p.Children[1]
	lies := s.lying()
	name := map[ber.Tag]string{0: Bind, 3: Search, 23: StartTLS}[op.Tag]
	if name == "" {
		return errUnbind
	}
	time.Sleep(lies.Delay)
	if lies.Close == name {
		return io.EOF
	}
	if lies.Raw != nil {
		if b := lies.Raw(name, id); b != nil {
			_, err := s.conn.Write(b)
			return err
		}
	}
	switch name {
	case Bind:
		return s.send(id, result(1, s.bind(op, lies)))
	case Search:
		return s.search(id, op, p, lies)
	}
	return s.startTLS(id, op, lies)
}

// send writes a message.
func (s *session) send(id int64, op *ber.Packet, controls ...*ber.Packet) error {
	_, err := s.conn.Write(Message(id, op, controls...))
	return err
}

// Message is an LDAPMessage as it travels.
func Message(id int64, op *ber.Packet, controls ...*ber.Packet) []byte {
	m := ber.NewSequence("")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	m.AppendChild(op)
	if len(controls) > 0 {
		c := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
		for _, one := range controls {
			c.AppendChild(one)
		}
		m.AppendChild(c)
	}
	return m.Bytes()
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

// result is an operation's end.
func result(tag ber.Tag, r Result) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, int64(r.Code), ""))
	p.AppendChild(octets(r.MatchedDN))
	p.AppendChild(octets(r.Message))
	return p
}

// ADRefusal is what Active Directory says to a refused bind.
func ADRefusal(data State) Result {
	return Result{Code: 49, Message: fmt.Sprintf("80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data %s, v4563\x00", data)}
}

func (s *session) bind(op *ber.Packet, lies Lies) Result {
	s.bound = ""
	if len(op.Children) != 3 || op.Children[2].Tag != 0 {
		return Result{Code: 7, Message: "only simple binds are known here"}
	}
	name, password := text(op.Children[1]), text(op.Children[2])
	if password != "" {
		s.mu.Lock()
		s.binds = append(s.binds, name)
		s.mu.Unlock()
	}
	if lies.Bind != nil {
		if r, did := lies.Bind(name, password); did {
			if r.Code == 0 {
				s.bound = name
			}
			return r
		}
	}
	switch e := s.who(name); {
	case lies.RequireTLS && !s.secure && s.ad():
		return Result{Code: 8, Message: "00002028: LdapErr: DSID-0C090259, comment: The server requires binds to turn on integrity checking if SSL\\TLS are not already active on the connection, data 0, v4563"}
	case lies.RequireTLS && !s.secure:
		return Result{Code: 13, Message: "confidentiality required"}
	case password == "" || name == "":
		return Result{} // nobody (RFC 4513, sections 5.1.1 and 5.1.2)
	case e == nil && s.ad():
		return ADRefusal("525")
	case e == nil || e.person.Password == "" || e.person.Password != password && (!s.ad() || e.person.State != Locked):
		if s.ad() {
			return ADRefusal("52e")
		}
		return Result{Code: 49}
	case e.person.State != "" && s.ad():
		return ADRefusal(e.person.State)
	case e.person.State != "":
		return Result{Code: 49}
	default:
		s.bound = e.dn
		return Result{}
	}
}

// who finds an account by what it binds as: a DN, or one of Active Directory's other names.
func (s *session) who(name string) *entry {
	for _, e := range s.tree {
		switch {
		case e.person == nil:
		case same(e.dn, name):
			return e
		case s.ad() && (strings.EqualFold(name, e.person.Username+"@"+s.Domain()) || strings.EqualFold(name, strings.ToUpper(firstValue(s.options.Base))+`\`+e.person.Username)):
			return e
		}
	}
	return nil
}

func (s *session) startTLS(id int64, op *ber.Packet, lies Lies) error {
	if len(op.Children) == 0 || text(op.Children[0]) != "1.3.6.1.4.1.1466.20037" {
		return s.send(id, result(24, Result{Code: 2, Message: "unsupported extended operation"}))
	}
	if lies.NoStartTLS || s.secure {
		return s.send(id, result(24, Result{Code: 52, Message: "00000000: LdapErr: DSID-0C091223, comment: Error initializing SSL/TLS, data 0, v4563"}))
	}
	if err := s.send(id, result(24, Result{})); err != nil {
		return err
	}
	s.conn, s.secure = tls.Server(s.conn, s.Server.tls), true
	s.in = bufio.NewReader(s.conn)
	return nil
}

// query is a search request.
type query struct {
	base       string
	scope      int64
	limit      int64
	filter     *ber.Packet
	attributes []string
	page       int64 // 0: none were asked for
	from       int
}

func parse(op, message *ber.Packet) (q query, err error) {
	if len(op.Children) != 8 {
		return q, io.ErrUnexpectedEOF
	}
	q.base = text(op.Children[0])
	q.scope, _ = op.Children[1].Value.(int64)
	q.limit, _ = op.Children[3].Value.(int64)
	q.filter = op.Children[6]
	for _, a := range op.Children[7].Children {
		q.attributes = append(q.attributes, text(a))
	}
	if len(message.Children) < 3 {
		return q, nil
	}
	for _, c := range message.Children[2].Children {
		control, cerr := ldap.DecodeControl(c)
		if paging, ok := control.(*ldap.ControlPaging); ok && cerr == nil {
			q.page = int64(paging.PagingSize)
			q.from, _ = strconv.Atoi(string(paging.Cookie))
		}
	}
	return q, nil
}

func (s *session) search(id int64, op, message *ber.Packet, lies Lies) error {
	q, err := parse(op, message)
	if err != nil {
		return err
	}
	if lies.NoPaging {
		q.page = 0
	}
	if q.base == "" && q.scope == 0 {
		if lies.NoRoot {
			return s.send(id, result(5, Result{}))
		}
		return s.sendAll(id, []*entry{s.root()}, q, Result{}, lies)
	}
	filter, _ := ldap.DecompileFilter(q.filter)
	s.mu.Lock()
	s.searches = append(s.searches, filter)
	s.mu.Unlock()
	if lies.Search != nil {
		if entries, r, did := lies.Search(q.base, filter); did {
			return s.sendMade(id, entries, r)
		}
	}
	found, r := s.find(q)
	return s.sendAll(id, found, q, r, lies)
}

func (s *session) sendMade(id int64, entries []Entry, r Result) error {
	for _, e := range entries {
		if err := s.send(id, pack(&entry{dn: e.DN, attributes: e.Attributes}, query{attributes: []string{"*"}}, nil)); err != nil {
			return err
		}
	}
	return s.send(id, result(5, r))
}

// find is what a search matches.
func (s *session) find(q query) ([]*entry, Result) {
	if s.bound == "" && s.ad() {
		return nil, Result{Code: 1, Message: "000004DC: LdapErr: DSID-0C0907E9, comment: In order to perform this operation a successful bind must be completed on the connection., data 0, v4563"}
	}
	if s.bound == "" && !s.options.Anonymous {
		return nil, Result{Code: 32} // OpenLDAP hides what may not be seen
	}
	var found []*entry
	matched, exists := "", false
	for _, e := range s.tree {
		if _, ok := under(q.base, e.dn); ok && len(e.dn) > len(matched) {
			matched = e.dn
		}
		depth, ok := under(e.dn, q.base)
		exists = exists || ok && depth == 0
		if ok && (q.scope == 2 || int64(depth) == q.scope) && s.matches(e, q.filter) {
			found = append(found, e)
		}
	}
	if !exists {
		r := Result{Code: 32, MatchedDN: matched}
		if s.ad() {
			r.Message = "0000208D: NameErr: DSID-03100241, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'" + matched + "'\n\x00"
		}
		return nil, r
	}
	return found, Result{}
}

// sendAll sends what was found, a page of it where pages were asked for, and the end.
func (s *session) sendAll(id int64, found []*entry, q query, r Result, lies Lies) error {
	var controls []*ber.Packet
	most := cmp.Or(lies.MaxEntries, 1000)
	switch {
	case q.page > 0:
		q.from = min(q.from, len(found))
		end := min(q.from+int(q.page), q.from+1000, len(found))
		paging := ldap.NewControlPaging(0)
		if end < len(found) {
			paging.SetCookie([]byte(strconv.Itoa(end)))
		}
		found, controls = found[q.from:end], []*ber.Packet{paging.Encode()}
	case len(found) > most:
		found, r = found[:most], Result{Code: 4, Message: "size limit exceeded"}
	}
	if q.limit > 0 && int64(len(found)) > q.limit {
		found, r = found[:q.limit], Result{Code: 4, Message: "size limit exceeded"}
	}
	for _, e := range found {
		if err := s.send(id, pack(e, q, lies.Hide)); err != nil {
			return err
		}
	}
	if q.scope != 0 && r.Code == 0 {
		for _, ref := range lies.References {
			p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, 19, nil, "")
			p.AppendChild(octets(ref))
			if err := s.send(id, p); err != nil {
				return err
			}
		}
	}
	return s.send(id, result(5, r), controls...)
}

// pack is an entry with the attributes that were asked for.
func pack(e *entry, q query, hide []string) *ber.Packet {
	asked := func(name string, byName bool) bool {
		if slices.ContainsFunc(hide, func(h string) bool { return strings.EqualFold(h, name) }) {
			return false
		}
		return slices.ContainsFunc(q.attributes, func(a string) bool { return strings.EqualFold(a, name) || a == "+" && byName || a == "*" && !byName }) ||
			len(q.attributes) == 0 && !byName
	}
	list := ber.NewSequence("")
	for i, from := range []map[string][]string{e.attributes, e.silent} {
		for name, values := range from {
			if !asked(name, i == 1) {
				continue
			}
			one, set := ber.NewSequence(""), ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
			for _, v := range values {
				set.AppendChild(octets(v))
			}
			one.AppendChild(octets(name))
			one.AppendChild(set)
			list.AppendChild(one)
		}
	}
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, 4, nil, "")
	p.AppendChild(octets(e.dn))
	p.AppendChild(list)
	return p
}

// root is the entry that says what the server is (RFC 4512, section 5.1).
func (s *session) root() *entry {
	e := &entry{attributes: map[string][]string{"objectClass": {"top"}}, silent: map[string][]string{
		"namingContexts": {s.options.Base}, "supportedLDAPVersion": {"3"}, "supportedControl": {"1.2.840.113556.1.4.319"},
		"supportedExtension": {"1.3.6.1.4.1.1466.20037"},
	}}
	if !s.ad() {
		e.attributes["objectClass"] = []string{"top", "OpenLDAProotDSE"}
		return e
	}
	configuration := "CN=Configuration," + s.options.Base
	e.silent["namingContexts"] = []string{s.options.Base, configuration, "CN=Schema," + configuration, "DC=DomainDnsZones," + s.options.Base}
	e.silent["defaultNamingContext"] = []string{s.options.Base}
	e.silent["rootDomainNamingContext"] = []string{s.options.Base}
	e.silent["supportedCapabilities"] = []string{"1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"}
	e.silent["dnsHostName"] = []string{"dc1." + s.Domain()}
	return e
}
