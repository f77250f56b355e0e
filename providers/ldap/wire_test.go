package ldap

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"cloakroom/broker/fault"
	"cloakroom/providers/providertest/ldapd"
)

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func application(tag ber.Tag, children ...*ber.Packet) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	for _, c := range children {
		p.AppendChild(c)
	}
	return p
}

func enumerated(n int64) *ber.Packet {
	return ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, n, "")
}

func sequence(children ...*ber.Packet) *ber.Packet {
	p := ber.NewSequence("")
	for _, c := range children {
		p.AppendChild(c)
	}
	return p
}

func set(values ...string) *ber.Packet {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
	for _, v := range values {
		p.AppendChild(octets(v))
	}
	return p
}

func done(code int64) *ber.Packet {
	return application(5, enumerated(code), octets(""), octets(""))
}

// Only messages of the form of RFC 4511 pass the gate.
func TestWire(t *testing.T) {
	many := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
	one := octets("").Bytes()
	many.Data.Write(bytes.Repeat(one, maxElements+1))
	deep := []byte(strings.Repeat("\x30\x80", 100_000))
	deeper := bytes.Repeat([]byte{0x30, 0x84, 0, 0, 0xff, 0}, 2000)
	for _, tt := range []struct {
		name string
		sent []byte
		want fault.Code
	}{
		{"an end", ldapd.Message(1, done(0)), ""},
		{"an entry", ldapd.Message(1, application(4, octets("cn=x"), sequence(sequence(octets("cn"), set("x", "y"))))), ""},
		{"an entry without attributes", ldapd.Message(1, application(4, octets("cn=x"), sequence())), ""},
		{"a reference", ldapd.Message(1, application(19, octets("ldap://x"))), ""},
		{"long lengths", append([]byte{0x30, 0x84, 0, 0, 0, 12, 2, 1, 1}, done(0).Bytes()...), ""},
		{"a control", ldapd.Message(1, done(0), ldap.NewControlPaging(5).Encode()), ""},
		{"a control that is too long", ldapd.Message(1, done(0), sequence(octets("1.2"), octets(strings.Repeat("x", maxControl+1)))), fault.LDAPAnswer},
		{"a farewell", ldapd.Message(0, application(24, enumerated(52), octets(""), octets("bye"))), fault.LDAPUnavailable},
		{"TLS", []byte{0x15, 3, 3, 0, 2, 2, 40}, fault.LDAPMode},
		{"a web page", []byte("HTTP/1.1 200 OK\r\n"), fault.LDAPAnswer},
		{"zeroes", make([]byte, 100), fault.LDAPAnswer},
		{"without a length", []byte{0x30, 0x80, 2, 1, 1, 0, 0}, fault.LDAPAnswer},
		{"a length of nine bytes", []byte{0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1}, fault.LDAPAnswer},
		{"too long", []byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}, fault.LDAPTooLarge},
		{"too many values", ldapd.Message(1, application(4, octets("cn=x"), sequence(sequence(octets("cn"), many)))), fault.LDAPTooLarge},
		{"deep", append([]byte{0x30, 0x83, 3, 0x0d, 0x40}, deep...), fault.LDAPAnswer},
		{"deep with lengths", append([]byte{0x30, 0x82, 0x2e, 0xe0}, deeper...), fault.LDAPAnswer},
		{"a number that is text", ldapd.Message(1, application(5, octets("x"), octets(""), octets(""))), fault.LDAPAnswer},
		{"a result beyond all", ldapd.Message(1, done(65536)), fault.LDAPAnswer},
		{"a result below zero", ldapd.Message(1, done(-1)), fault.LDAPAnswer},
		{"half a result", ldapd.Message(1, application(5, enumerated(0))), fault.LDAPAnswer},
		{"a request", ldapd.Message(1, application(3)), fault.LDAPAnswer},
		{"no operation", sequence(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, "")).Bytes(), fault.LDAPAnswer},
		{"something behind", append([]byte{0x30, 14, 2, 1, 1}, append(done(0).Bytes(), 4, 0)...), fault.LDAPAnswer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := readMessage(bytes.NewReader(tt.sent))
			if err == nil {
				_, err = inspect(m)
			}
			if fault.CodeOf(err) != tt.want {
				t.Fatalf("%v, want %s", err, tt.want)
			}
		})
	}
	if _, err := readMessage(bytes.NewReader(ldapd.Message(1, done(0))[:5])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a message that is cut: %v", err)
	}
}

// A connection does not send without end.
func TestWireTraffic(t *testing.T) {
	there, here := net.Pipe()
	go func() {
		m := ldapd.Message(1, application(4, octets("cn=x"), sequence(sequence(octets("jpegPhoto"), set(strings.Repeat("x", 500_000))))))
		for {
			if _, err := there.Write(m); err != nil {
				return
			}
		}
	}()
	w := &wire{Conn: here}
	n, err := io.Copy(io.Discard, w)
	if fault.CodeOf(err) != fault.LDAPTooLarge || n > maxTraffic || fault.CodeOf(w.failure()) != fault.LDAPTooLarge {
		t.Errorf("%d bytes, %v", n, err)
	}
	_ = here.Close()
}

// What passes the gate, the library reads without harm.
func FuzzAnswer(f *testing.F) {
	f.Add(ldapd.Message(1, done(0), ldap.NewControlPaging(5).Encode()))
	f.Add(ldapd.Message(1, application(4, octets("cn=x"), sequence(sequence(octets("cn"), set("x", "y"))))))
	f.Add(ldapd.Message(1, application(1, enumerated(49), octets(""), octets("data 52e")), sequence(octets(ldap.ControlTypeBeheraPasswordPolicy), octets("\x30\x03\x81\x01\x01"))))
	f.Add([]byte{0x15, 3, 3, 0, 2, 2, 40})
	f.Fuzz(func(t *testing.T, sent []byte) {
		began := time.Now()
		m, err := readMessage(bytes.NewReader(sent))
		if err != nil {
			return
		}
		if _, err := inspect(m); err != nil {
			return
		}
		p, err := ber.DecodePacketErr(m)
		if err != nil {
			t.Fatalf("the library cannot read what passed: %v", err)
		}
		if _, ok := p.Children[0].Value.(int64); !ok {
			t.Fatal("the id is no number")
		}
		_ = ldap.GetLDAPError(p)
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s for %d bytes", took, len(sent))
		}
	})
}

// A name that is typed is a value in the filter and nothing else (RFC 4515, section 3).
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"ann", "*", "x)(uid=*", `\2a`, "\x00", "(|(a=b))", "%s", "%u", "ä\xff", `a\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, filter := range []string{userFilter, adUserFilter, groupFilter, adGroupFilter, "(&(a=b)(c:" + inChain + ":=%s))"} {
			want, err := ldap.CompileFilter(fill(filter, "x", "x"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := ldap.CompileFilter(fill(filter, name, name))
			if err != nil {
				t.Fatalf("%q: %v", name, err)
			}
			compare(t, want, got, name)
		}
	})
}

// compare holds that a filter has the shape of another, whose values x are name.
func compare(t *testing.T, want, got *ber.Packet, name string) {
	t.Helper()
	if want.Tag != got.Tag || want.ClassType != got.ClassType || len(want.Children) != len(got.Children) {
		t.Fatalf("%q changes the filter: tag %d with %d parts, not %d with %d", name, got.Tag, len(got.Children), want.Tag, len(want.Children))
	}
	for i := range want.Children {
		compare(t, want.Children[i], got.Children[i], name)
	}
	if len(want.Children) > 0 {
		return
	}
	expected := want.Data.String()
	if expected == "x" {
		expected = name
	}
	if got.Data.String() != expected {
		t.Errorf("%q arrives as %q, not %q", name, got.Data.String(), expected)
	}
}
