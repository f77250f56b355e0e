// Package email holds the one normal form of an address and the rules of trust (contract, section 5): whose word on an
// address counts. It is pure: no I/O, no clock.
//
// The form is narrow on purpose. Whatever two readers could take for two different addresses is refused, not repaired: an
// address is either already plain or it signs nobody in.
package email

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"cloakroom/broker/fault"
)

const (
	maxRaw     = 1024 // of what is looked at; an IDN's punycode can be shorter than its UTF-8
	maxAddress = 254  // RFC 5321, section 4.5.3.1.3: a path of 256 less the two angle brackets
	maxLocal   = 64   // RFC 5321, section 4.5.3.1.1
)

// Address is an email address in normal form. Only Normalise and One make one, so two Addresses are the same mailbox
// exactly when they are ==. The zero Address is none.
type Address struct{ local, domain string }

// String is local@domain, "" for the zero Address.
func (a Address) String() string {
	if a.IsZero() {
		return ""
	}
	return a.local + "@" + a.domain
}

// Local is the part before the @.
func (a Address) Local() string { return a.local }

// Domain is the part after the @: ASCII, lower case.
func (a Address) Domain() string { return a.domain }

// IsZero reports whether there is no address.
func (a Address) IsZero() bool { return a.local == "" }

// Normalise brings one address into the normal form or refuses it with email.malformed:
//
//   - surrounding XML white space (blank, tab, CR, LF: what pretty-printed answers carry) is cut, nothing else is;
//   - exactly one @, valid UTF-8, at most 254 bytes in the end, 64 of them before the @;
//   - no character that is another one in disguise: control, format, zero-width and other invisible characters, and all
//     compatibility forms (the Kelvin sign, full-width letters, ligatures: whatever NFKC would change) are refused;
//   - the local part is a dot-atom (RFC 5321, section 4.1.2; with letters of any script, RFC 6531): no quotes, no
//     comments, no blanks, no dot at either end or twice in a row; A-Z become a-z and no other letter changes. Plus tags
//     and dots stay: what they mean is the mail provider's business;
//   - the domain is as Domain has it.
func Normalise(raw string) (Address, error) {
	s, err := plain(raw)
	if err != nil {
		return Address{}, err
	}
	local, domain, _ := strings.Cut(s, "@")
	switch {
	case strings.Count(s, "@") != 1:
		return Address{}, malformed(raw, "an address has exactly one @")
	case len(local) > maxLocal:
		return Address{}, malformed(raw, "the part before the @ is longer than 64 bytes")
	}
	if why := localFault(local); why != "" {
		return Address{}, malformed(raw, why)
	}
	domain, why := asciiDomain(domain)
	if why != "" {
		return Address{}, malformed(raw, why)
	}
	a := Address{local: lowerASCII(local), domain: domain}
	if len(a.local)+1+len(a.domain) > maxAddress {
		return Address{}, malformed(raw, "the address is longer than 254 bytes")
	}
	return a, nil
}

// One is the address of an answer that may hold several values. Blank values are no values. None: email.missing. Any
// malformed one: email.malformed, however good the others are. Different ones: email.ambiguous.
func One(values []string) (Address, error) {
	var first Address
	var seen string
	for i, v := range values {
		if strings.Trim(v, blanks) == "" || (v == seen && !first.IsZero()) {
			continue
		}
		if i >= maxValues {
			return Address{}, fault.New(fault.EmailAmbiguous, "the answer holds %d values", len(values))
		}
		a, err := Normalise(v)
		if err != nil {
			return Address{}, err
		}
		if !first.IsZero() && a != first {
			return Address{}, &fault.Error{Code: fault.EmailAmbiguous, Detail: "the answer holds two addresses", Observed: a.String(), Expected: first.String()}
		}
		first, seen = a, v
	}
	if first.IsZero() {
		return Address{}, fault.New(fault.EmailMissing, "")
	}
	return first, nil
}

// maxValues bounds the work on one answer.
const maxValues = 64

// blanks are the white space of XML 1.0, production S. Other blanks (the no-break space) are not layout but content.
const blanks = " \t\r\n"

// plain cuts surrounding blanks and refuses every character that has no place in an address or a domain.
func plain(raw string) (string, error) {
	s := strings.Trim(raw, blanks)
	switch {
	case s == "":
		return "", malformed(raw, "it is empty")
	case len(s) > maxRaw:
		return "", malformed(raw, "it is longer than an address can be")
	case !utf8.ValidString(s):
		return "", malformed(raw, "it is not valid UTF-8")
	}
	for _, r := range s {
		if why := runeFault(r); why != "" {
			return "", malformed(raw, why)
		}
	}
	// Lower-cased too: H with a line below has no composed form, h with one has.
	if !norm.NFKC.IsNormalString(s) || !norm.NFKC.IsNormalString(lowerASCII(s)) {
		return "", malformed(raw, "it holds a character that stands for another one (NFKC)")
	}
	return s, nil
}

func runeFault(r rune) string {
	switch {
	case r > ' ' && r < 0x7f:
		return ""
	case unicode.IsSpace(r):
		return "it holds a blank"
	case unicode.In(r, unicode.C):
		return "it holds a control or format character"
	case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		return "it holds an invisible character"
	}
	return ""
}

// atext of RFC 5322, section 3.2.3, beside letters and digits.
const atext = "!#$%&'*+-/=?^_`{|}~"

func localFault(s string) string {
	if s == "" {
		return "nothing stands before the @"
	}
	if s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return "the part before the @ has a dot at its beginning or end, or two in a row"
	}
	for i, r := range s {
		if !localRune(r, i == 0) {
			return "the part before the @ holds a character that is not allowed there"
		}
	}
	return ""
}

// localRune takes letters, digits and atext; beyond ASCII letters, decimal digits and the marks that belong to a letter
// before them.
func localRune(r rune, first bool) bool {
	switch {
	case r < utf8.RuneSelf:
		return r == '.' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(atext, r)
	case unicode.In(r, unicode.Mn, unicode.Mc):
		return !first
	}
	return unicode.In(r, unicode.L, unicode.Nd)
}

// lowerASCII is not strings.ToLower, which would make k of the Kelvin sign.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// malformed quotes what was sent, cut to what an operator can read.
func malformed(raw, why string) error {
	const shown = 100
	if len(raw) > shown {
		raw = strings.ToValidUTF8(raw[:shown], "") + "…"
	}
	return &fault.Error{Code: fault.EmailMalformed, Detail: why, Observed: raw}
}
