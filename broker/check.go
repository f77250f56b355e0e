package broker

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

func ptr(base string, i int) string { return fmt.Sprintf("%s/%d", base, i) }

func checkText(f *fields, pointer, s string, limit int) {
	switch {
	case !utf8.ValidString(s):
		f.add(pointer, "is not valid UTF-8")
	case len(s) > limit:
		f.add(pointer, "is longer than %d bytes", limit)
	case strings.ContainsFunc(s, unicode.IsControl):
		f.add(pointer, "holds a control character")
	}
}

// checkTexts is checkText for each of a list.
func checkTexts(f *fields, pointer string, list []string) {
	for i, s := range list {
		checkText(f, ptr(pointer, i), s, 255)
	}
}

// unbroken is a key file (PEM) without its line breaks, and anything else as it is: Apple's client secret is such a file.
func unbroken(s string) string {
	if !strings.HasPrefix(s, "-----BEGIN ") {
		return s
	}
	return strings.NewReplacer("\r", "", "\n", "").Replace(s)
}

// checkURL takes absolute URLs of the given schemes, without user info or fragment.
func checkURL(f *fields, pointer, s string, schemes ...string) {
	if why := urlFault(s, schemes...); why != "" {
		f.add(pointer, "%s", why)
	}
}

func urlFault(s string, schemes ...string) string {
	if len(s) > 2000 {
		return "is longer than 2,000 characters"
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return "holds a blank or control character"
	}
	u, err := url.Parse(s)
	if err != nil {
		return "is not a URL"
	}
	if !slices.Contains(schemes, u.Scheme) {
		return fmt.Sprintf("must begin with %s://", strings.Join(schemes, ":// or "))
	}
	if u.Scheme == "data" {
		if !strings.HasPrefix(u.Opaque, "image/") {
			return "is not a data:image/ URL"
		}
		return ""
	}
	if u.Host == "" {
		return "has no host name"
	}
	if u.User != nil {
		return "must not hold a user name or password"
	}
	if u.Fragment != "" {
		return "must not have a #fragment"
	}
	return ""
}

func between(f *fields, pointer string, d Duration, low, high time.Duration) {
	if d.D() < low || d.D() > high {
		f.add(pointer, "%s is not between %s and %s", d, Duration(low), Duration(high))
	}
}

// IsLoopbackHost reports whether a redirect URI's host is a loopback one, whose port may differ (RFC 8252, section 7.3).
func IsLoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
