package email

import (
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// names is the profile for looking names up (RFC 5891, section 5; UTS 46 non-transitional: ß stays ß) with the length
// limits of DNS.
var names = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.CheckHyphens(true),
	idna.CheckJoiners(true), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// Domain brings a domain that stands alone (an operator claims one, a connection lists one) into the form that
// Address.Domain has, or refuses it with email.malformed: host name by IDNA, ASCII, lower case. Of what IDNA would map
// only letter case is taken: an ideographic full stop or a capital ẞ is refused, since domains that only look or map alike
// must never be one. Labels hold what IDNA2008 takes, letters, marks, digits and a dash, so no slash-like symbol can end
// the domain for one reader and go on for another. Refused too: a dot at the end, an IP address, and a single label, which is a name inside somebody's
// network and belongs to nobody.
func Domain(raw string) (string, error) {
	s, err := plain(raw)
	if err != nil {
		return "", err
	}
	d, why := asciiDomain(s)
	if why != "" {
		return "", malformed(raw, why)
	}
	return d, nil
}

const notHost = "the domain is not a valid host name"

// asciiDomain is Domain for a string that plain has passed; why is "" where it is good.
func asciiDomain(s string) (domain, why string) {
	if s == "" {
		return "", "nothing stands after the @"
	}
	ascii, err := names.ToASCII(s)
	if err != nil {
		return "", notHost
	}
	labels, mapped := strings.Split(s, "."), strings.Split(ascii, ".")
	if len(labels) != len(mapped) {
		return "", notHost
	}
	for i, l := range labels {
		if why := labelFault(l, mapped[i]); why != "" {
			return "", why
		}
	}
	if len(mapped) < 2 {
		return "", "the domain has only one label"
	}
	if last := mapped[len(mapped)-1]; last == "" || last[0] <= '9' {
		return "", "the domain ends in a number or a dot"
	}
	return ascii, ""
}

// labelFault is "" where IDNA did no more to a label than lower its case and encode it, and where the label, however it
// was sent, reads as letters, marks, digits and dashes (RFC 5892; UTS 46 alone would take symbols).
func labelFault(label, mapped string) string {
	if isASCII(label) && lowerASCII(label) != mapped {
		return notHost
	}
	if isASCII(label) && !strings.HasPrefix(mapped, "xn--") {
		return ""
	}
	read, err := names.ToUnicode(mapped)
	if err != nil {
		return notHost
	}
	if !isASCII(label) && strings.ToLower(label) != read {
		return "the domain holds characters that stand for others"
	}
	if strings.ContainsFunc(read, func(r rune) bool { return !labelRune(r) }) {
		return "the domain holds a symbol"
	}
	return ""
}

// labelRune takes what IDNA2008 takes in every context. The few characters it takes beside certain others (RFC 5892,
// appendix A: joiners, which cannot be seen, and middle dots, which pass for full stops) are left out.
func labelRune(r rune) bool {
	if runeFault(r) != "" {
		return false
	}
	return r == '-' || unicode.In(r, unicode.L, unicode.Mn, unicode.Mc, unicode.Nd)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// PublicSuffix reports whether a domain in normal form is one under which anybody can register (co.uk, github.io, any
// top-level domain): nobody can verify it.
func PublicSuffix(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return suffix == domain
}

// FreeMail reports whether a domain in normal form is one of the large providers' where anybody can have a mailbox:
// nobody can verify it, whatever stands in its DNS.
func FreeMail(domain string) bool {
	return !strings.ContainsAny(domain, " \n") && strings.Contains(freeMail, "\n"+domain+"\n")
}
