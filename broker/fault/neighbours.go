package fault

import (
	"maps"
	"slices"
	"strings"
)

// Neighbours are the faults that look like another, with the question that tells them apart; nil where none is known.
func Neighbours(c Code) []Alternative {
	switch c {
	case SAMLAudience, SAMLRecipient, SAMLDestination:
		return []Alternative{{LoginMisrouted, "Is the observed value that of another connection or another broker? Then the answer was meant for that one."}}
	case SAMLIssuer:
		return []Alternative{
			{SAMLSignatureKey, "Was the metadata taken from another application or directory? Then issuer and certificate are both another's."},
			{LoginMisrouted, "Does the observed issuer belong to another connection? Then the answer was meant for that one."},
		}
	case SAMLExpired, SAMLNotYetValid, OIDCExpired, OIDCNotYetValid:
		return []Alternative{{SAMLReplayed, "Was it an old answer: Back, a reload, a saved file? Then nothing is wrong with the clock."}}
	case OIDCIssuer:
		return []Alternative{{OIDCTenant, "Does the observed issuer name another directory? Then the person came from another organisation."}}
	}
	if strings.HasPrefix(string(c), "idp.") && c != IdPPage {
		return []Alternative{{IdPPage, questions[IdPPage]}}
	}
	return doubts[c]
}

// Lookalikes are Neighbours and whatever else some provider's error page says in the same words, by code.
func Lookalikes(c Code) []Alternative {
	out := Neighbours(c)
	for _, other := range saidAlike(c) {
		if !slices.ContainsFunc(out, func(a Alternative) bool { return a.Code == other }) {
			out = append(out, Alternative{Code: other, Question: questions[other]})
		}
	}
	return out
}

// saidAlike are the codes that a sign of some page may mean as well as c.
func saidAlike(c Code) []Code {
	var out []Code
	for v := range everySign {
		switch {
		case v.or == "" || v.or == v.code:
		case v.code == c:
			out = append(out, v.or)
		case v.or == c:
			out = append(out, v.code)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// everySign goes through all that is known of what providers' pages say.
func everySign(yield func(vendorSaid) bool) {
	for _, table := range append(slices.Collect(maps.Values(ownWords)), errorWords, entraCodes, adfsCodes) {
		for _, v := range table {
			if !yield(v) {
				return
			}
		}
	}
	for _, vendor := range vendorSentences {
		for _, v := range vendor.said {
			if !yield(v) {
				return
			}
		}
	}
}
