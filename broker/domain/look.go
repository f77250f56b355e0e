package domain

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"
	"unicode"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// TXT looks a name's TXT records up, each as one text: (*net.Resolver).LookupTXT. A name without records is answered
// with a *net.DNSError that says IsNotFound, or with none; any other error means that there was no answer.
type TXT func(ctx context.Context, name string) ([]string, error)

// Answer is what a look showed.
type Answer int

// The answers. Only Missing and Different are a loss.
const (
	NoAnswer  Answer = iota // the name servers said nothing that can be relied on
	Missing                 // no such record
	Different               // a record of ours with another value
	Found
)

// Seen is what was found at a claim's name.
type Seen struct {
	Answer  Answer
	Records []string // as served, bounded, printable
	Err     error    // why there was no answer
}

const (
	patience   = 10 * time.Second // for one name
	maxRecords = 5                // told
	maxRecord  = 200
)

// Look asks DNS for a claim's record.
func Look(ctx context.Context, txt TXT, d *broker.Domain) Seen {
	name, want := Record(d)
	records, err := lookUp(ctx, txt, name)
	if err != nil {
		return Seen{Answer: NoAnswer, Err: err}
	}
	return Seen{Answer: compare(records, want), Records: shown(records)}
}

// lookUp answers no records for a name that has none.
func lookUp(ctx context.Context, txt TXT, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	records, err := txt(ctx, name+".") // rooted: no search list
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return nil, nil
	}
	return records, err
}

// compare finds the wanted value among a name's records. Consoles add blanks and quotes and change case; the token is
// long enough to be safe without its case.
func compare(records []string, want string) Answer {
	answer := Missing
	for _, r := range records {
		r = strings.Trim(r, " \t\r\n\"")
		if sameASCII(r, want) {
			return Found
		}
		if len(r) >= len(prefix) && sameASCII(r[:len(prefix)], prefix) {
			answer = Different
		}
	}
	return answer
}

// sameASCII is strings.EqualFold without its letters beyond ASCII.
func sameASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// shown makes what strangers publish fit to be told.
func shown(records []string) []string {
	var out []string
	for _, r := range records[:min(len(records), maxRecords)] {
		if len(r) > maxRecord {
			r = r[:maxRecord] + "…"
		}
		out = append(out, strings.Map(func(c rune) rune {
			if !unicode.IsPrint(c) {
				return '?'
			}
			return c
		}, strings.ToValidUTF8(r, "?")))
	}
	return out
}

// Unproved is the fault of a claim without its record: which record to publish where.
func Unproved(d *broker.Domain) *fault.Error {
	name, want := Record(d)
	f := &fault.Error{Code: fault.DomainUnproved, Expected: want, Confidence: fault.Proved}
	f.Fix = f.Said.Tell("In the DNS of %s, publish a TXT record with the name %s and the value %s; wait until it is served, then verify again.", d.Domain, name, want)
	return f.Telling("%s must have the TXT record %s", name, want)
}

// Explain is why a look did not prove a claim: what was seen, what should have been, and what to write where. It looks
// at the two places where the record most often lands by mistake.
func Explain(ctx context.Context, txt TXT, d *broker.Domain, seen Seen) error {
	name, want := Record(d)
	f := Unproved(d)
	f.Observed = strings.Join(seen.Records, " | ")
	switch seen.Answer {
	case Found:
		return nil
	case NoAnswer:
		f.Code, f.Err, f.Fix = fault.DomainDNSFailed, seen.Err, ""
		f.Telling("no usable answer about %s: %s", name, why(seen.Err))
	case Different:
		f.Code = fault.DomainDifferent
		f.Telling("%s must have the TXT record %s, but has another one", name, want)
		f.Fix = f.Said.Tell("In the DNS of %s, replace the value of the TXT record %s by %s; wait until it is served, then verify again.", d.Domain, name, want)
	default:
		if wrong := misplaced(ctx, txt, d); wrong != "" {
			f.Detail = f.Said.Add(f.Detail, fault.Sayf("the record stands at %s instead", wrong))
			f.Fix = f.Said.Tell("The record stands at %s. Move it to %s, with the value %s; some DNS consoles append the domain by themselves and then take only %s as name.", wrong, name, want, strings.TrimSuffix(label, "."))
		}
	}
	return f
}

// why is an error of a lookup without what it may say of resolvers and their addresses.
func why(err error) string {
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &dns) && dns.IsTimeout:
		return "time ran out"
	case dns != nil && dns.Unwrap() == nil:
		return "the server could not say (SERVFAIL or a like answer)"
	}
	return "the resolver could not be reached"
}

// misplaced finds the record at the domain itself, or below the domain written twice.
func misplaced(ctx context.Context, txt TXT, d *broker.Domain) string {
	ctx, cancel := context.WithTimeout(ctx, patience/2)
	defer cancel()
	name, want := Record(d)
	for _, at := range []string{d.Domain, name + "." + d.Domain} {
		if len(at) > 253 {
			continue
		}
		if records, err := lookUp(ctx, txt, at); err == nil && compare(records, want) == Found {
			return at
		}
	}
	return ""
}
