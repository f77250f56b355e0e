package ldap

import (
	"encoding/binary"
	"io"
	"net"
	"sync"

	"cloakroom/broker/fault"
)

// Bounds of what is read of a directory.
const (
	maxMessage  = 1 << 20 // one entry with all its groups
	maxTraffic  = 4 << 20 // one connection
	maxElements = 20_000  // of one message: each costs the library an object
	maxAll      = 80_000  // of one connection
	maxControl  = 4 << 10
)

// wire is the gate before the LDAP library: it hands on whole messages, one by one, that have the form of RFC 4511 and keep
// to the bounds. The library recurses as deep as a message nests and copies it at each level, takes lengths at their word
// and trusts the types of what it reads; what passes here does it no harm.
type wire struct {
	net.Conn
	rest           []byte // of the message being handed on
	bytes, objects int    // read so far

	mu  sync.Mutex
	err error // why nothing more is read
}

// Read hands on the next bytes of a message that was checked.
func (w *wire) Read(b []byte) (int, error) {
	if len(w.rest) == 0 {
		m, err := w.next()
		if err != nil {
			w.fail(err)
			return 0, err
		}
		w.rest = m
	}
	n := copy(b, w.rest)
	w.rest = w.rest[n:]
	return n, nil
}

func (w *wire) next() ([]byte, error) {
	m, err := readMessage(w.Conn)
	if err != nil {
		return nil, err
	}
	n, err := inspect(m)
	if err != nil {
		return nil, err
	}
	w.bytes, w.objects = w.bytes+len(m), w.objects+n
	if w.bytes > maxTraffic || w.objects > maxAll {
		return nil, fault.New(fault.LDAPTooLarge, "the directory sends more than %d bytes or %d values over one connection", maxTraffic, maxAll)
	}
	return m, nil
}

func (w *wire) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
}

// failure is why the reading ended: the library passes on the text only.
func (w *wire) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Tags of BER (X.690) and of LDAP's messages (RFC 4511, appendix B).
const (
	tagBoolean    = 0x01
	tagInteger    = 0x02
	tagOctets     = 0x04
	tagEnumerated = 0x0a
	tagSequence   = 0x30
	tagSet        = 0x31

	bindResponse     = 0x61
	searchEntry      = 0x64
	searchDone       = 0x65
	searchReference  = 0x73
	extendedResponse = 0x78

	tagControls    = 0xa0
	tagReferral    = 0xa3
	tagCredentials = 0x87
	tagName        = 0x8a
	tagValue       = 0x8b
)

func malformed(format string, args ...any) error {
	return fault.New(fault.LDAPAnswer, format, args...)
}

// readMessage reads one LDAPMessage, not a byte more. Lengths are definite (RFC 4511, section 5.1).
func readMessage(r io.Reader) ([]byte, error) {
	head := make([]byte, 2, 6)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	if head[0] != tagSequence {
		return nil, notLDAP(head)
	}
	length := int(head[1])
	if length >= 0x80 {
		n := length & 0x7f
		if n == 0 || n > 4 {
			return nil, malformed("a message without a length")
		}
		head = head[:2+n]
		if _, err := io.ReadFull(r, head[2:]); err != nil {
			return nil, err
		}
		var long [4]byte
		copy(long[4-n:], head[2:])
		length = int(binary.BigEndian.Uint32(long[:]))
	}
	if length > maxMessage {
		return nil, fault.New(fault.LDAPTooLarge, "a message of %d bytes", length)
	}
	m := make([]byte, len(head)+length)
	copy(m, head)
	_, err := io.ReadFull(r, m[len(head):])
	return m, err
}

// notLDAP names what speaks there instead.
func notLDAP(head []byte) error {
	switch {
	case head[0] == 0x15 && head[1] == 3, head[0] == 0x16 && head[1] == 3: // a TLS alert or handshake (RFC 8446, section 5.1)
		return fault.New(fault.LDAPMode, "the port speaks TLS from the first byte")
	case head[0] >= ' ' && head[0] < 0x7f:
		return malformed("the answer begins with %q, as another protocol's does", head)
	}
	return malformed("the answer begins with the bytes %x", head)
}

// parser walks through elements; the first mistake ends it.
type parser struct {
	rest  []byte
	count *int
	bad   *string
}

func (p *parser) more() bool { return *p.bad == "" && len(p.rest) > 0 }

func (p *parser) fail(why string) {
	if *p.bad == "" {
		*p.bad = why
	}
}

// is says whether the next element has the tag.
func (p *parser) is(tag byte) bool { return p.more() && p.rest[0] == tag }

// take answers the body of the next element, which must have the tag.
func (p *parser) take(tag byte) []byte {
	if !p.is(tag) || len(p.rest) < 2 {
		p.fail("an element is missing or of another type")
		return nil
	}
	if *p.count++; *p.count > maxElements {
		p.fail("too many elements")
		return nil
	}
	length, at := int(p.rest[1]), 2
	if length >= 0x80 {
		n := length & 0x7f
		if n == 0 || n > 4 || len(p.rest) < 2+n {
			p.fail("an element without a length")
			return nil
		}
		length = 0
		for _, b := range p.rest[2 : 2+n] {
			length = length<<8 | int(b)
		}
		at += n
	}
	if length > len(p.rest)-at {
		p.fail("an element longer than what holds it")
		return nil
	}
	body := p.rest[at : at+length]
	p.rest = p.rest[at+length:]
	return body
}

// into goes through the elements of the next one.
func (p *parser) into(tag byte) *parser {
	return &parser{rest: p.take(tag), count: p.count, bad: p.bad}
}

func (p *parser) end() {
	if p.more() {
		p.fail("something follows where nothing should")
	}
}

// number reads a non-negative integer of up to limit.
func (p *parser) number(tag byte, limit int64) int64 {
	b := p.take(tag)
	if len(b) == 0 || len(b) > 8 || b[0] >= 0x80 {
		p.fail("a number that cannot be one here")
		return 0
	}
	var n int64
	for _, c := range b {
		n = n<<8 | int64(c)
	}
	if n > limit {
		p.fail("a number that is too large")
	}
	return n
}

// inspect answers how many elements a message of the form of RFC 4511 has, section 4: those that answer a bind, a search
// or StartTLS.
func inspect(m []byte) (int, error) {
	count, bad := 0, ""
	p := &parser{rest: m, count: &count, bad: &bad}
	message := p.into(tagSequence)
	p.end()
	id := message.number(tagInteger, 1<<31-1)
	message.operation()
	if message.is(tagControls) {
		message.into(tagControls).controls()
	}
	message.end()
	switch {
	case count > maxElements:
		return count, fault.New(fault.LDAPTooLarge, "a message of more than %d elements", maxElements)
	case bad != "":
		return count, malformed("a message that is not LDAP: %s", bad)
	case id == 0: // an unsolicited notification: of disconnection, as no other is known (RFC 4511, section 4.4)
		return count, fault.New(fault.LDAPUnavailable, "the directory says that it closes the connection")
	}
	return count, nil
}

func (p *parser) operation() {
	if !p.more() {
		p.fail("no operation")
		return
	}
	tag := p.rest[0]
	switch o := p.into(tag); tag {
	case bindResponse:
		o.result()
		o.optional(tagCredentials)
		o.end()
	case searchDone:
		o.result()
		o.end()
	case extendedResponse:
		o.result()
		o.optional(tagName)
		o.optional(tagValue)
		o.end()
	case searchEntry:
		o.entry()
	case searchReference:
		for first := true; first || o.more(); first = false {
			o.take(tagOctets)
		}
	default:
		p.fail("an operation that answers nothing that was asked")
	}
}

// result is an LDAPResult, section 4.1.9.
func (p *parser) result() {
	p.number(tagEnumerated, 1<<16-1)
	p.take(tagOctets)
	p.take(tagOctets)
	if p.is(tagReferral) {
		for r := p.into(tagReferral); r.more(); {
			r.take(tagOctets)
		}
	}
}

func (p *parser) optional(tag byte) {
	if p.is(tag) {
		p.take(tag)
	}
}

// entry is a SearchResultEntry, section 4.5.2.
func (p *parser) entry() {
	p.take(tagOctets)
	list := p.into(tagSequence)
	for list.more() {
		a := list.into(tagSequence)
		a.take(tagOctets)
		for values := a.into(tagSet); values.more(); {
			values.take(tagOctets)
		}
		a.end()
	}
	p.end()
}

// controls, section 4.1.11. A value is a message in a message, which the library reads too.
func (p *parser) controls() {
	for p.more() {
		c := p.into(tagSequence)
		c.take(tagOctets)
		if c.is(tagBoolean) && len(c.take(tagBoolean)) != 1 {
			c.fail("a criticality that is neither true nor false")
		}
		if c.is(tagOctets) && len(c.take(tagOctets)) > maxControl {
			c.fail("a control that is too long")
		}
		c.end()
	}
}
