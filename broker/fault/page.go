package fault

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// PageReading is what an identity provider's error page says. It is a hint of a person's browser: a diagnosis may rest on
// it, no change of a configuration.
type PageReading struct {
	Faults []*Error // most telling first, each code once; empty where nothing was understood
	Codes  []string // as found: AADSTS50011, MSIS7007, app_not_configured_for_user
	// Trace are the identifiers with which the provider's administrator finds the attempt in a log: Correlation ID,
	// Request Id, Timestamp, Activity ID, Reference.
	Trace map[string]string
}

// Bounds of a reading: what is read of a page, and how much of it is told.
const (
	MaxPage    = 64 << 10
	maxCodes   = 8
	maxReading = 5
	maxQuote   = 300
)

// vendorSaid is what one code or sentence of a vendor means.
type vendorSaid struct {
	sign string // the code, or words of the page in lower case; several that must all be there are parted by "|"
	code Code
	mean string // the vendor's meaning in half a sentence, "" where the fault's cause says it all
	fix  string // "" for the console's own fix of that fault
	or   Code   // where the sign may mean two things, the other one
}

// ReadPage reads the text or the HTML of an identity provider's error page, in any language the provider has: codes stay
// where words are translated, so they are matched first. preset is the connection's provider, "" if not known: it decides
// between sentences that several providers use and whose console a fix names.
func ReadPage(preset, text string) PageReading { return ReadPageFor(preset, "", text) }

// ReadPageFor is ReadPage for a connection whose protocol is known, so that a fix names that protocol's fields only.
func ReadPageFor(preset, protocol, text string) PageReading {
	visible, hidden := pageText(text)
	if preset == "microsoft" {
		preset = "entra"
	}
	r := reader{preset: preset, protocol: protocol}
	r.read(visible)
	if len(r.out.Faults) == 0 && len(r.out.Codes) == 0 {
		r.read(hidden) // scripts of a saved page hold what it would have shown
	}
	r.out.Trace = traceOf(visible)
	if len(r.out.Trace) == 0 {
		r.out.Trace = traceOf(hidden)
	}
	if len(r.out.Faults) > maxReading {
		r.out.Faults = r.out.Faults[:maxReading]
	}
	return r.out
}

type reader struct {
	preset, protocol string
	out              PageReading
}

func (r *reader) read(text string) {
	r.vendorCodes(text)
	r.words(text)
	r.sentences(text)
	slices.SortStableFunc(r.out.Faults, func(a, b *Error) int { return cmp.Compare(rank(a.Confidence), rank(b.Confidence)) })
}

func rank(c Confidence) int {
	return slices.Index([]Confidence{Proved, Likely, Guess}, c)
}

var (
	microsoftCode = regexp.MustCompile(`(?i)\bAADSTS[ :-]?(\d{4,8})\b|\b(MSIS\d{4})\b`)
	// Microsoft's details list the bare number after a label that is translated; only known numbers count.
	bareNumber = regexp.MustCompile(`(?i)(?:code|kod|код|código|fehlercode)[^\d\n]{0,24}\b(\d{5,8})\b`)
	// Google and others put the protocol's word behind the status: "Error 400: redirect_uri_mismatch".
	statusWord = regexp.MustCompile(`\b4\d\d\s?:\s?([A-Za-z][A-Za-z_]{3,60})\b`)
	snakeWord  = regexp.MustCompile(`\b[a-z]{2,20}(?:_[a-z]{2,20}){1,6}\b`)
)

func (r *reader) vendorCodes(text string) {
	for _, m := range microsoftCode.FindAllStringSubmatchIndex(text, maxCodes) {
		code := strings.ToUpper(text[m[0]:m[1]])
		if m[2] >= 0 {
			code = "AADSTS" + text[m[2]:m[3]]
		}
		r.vendorCode(code, quote(text, m[0]))
	}
	if len(r.out.Codes) > 0 {
		return
	}
	for _, m := range bareNumber.FindAllStringSubmatchIndex(text, maxCodes) {
		code := "AADSTS" + text[m[2]:m[3]]
		if _, known := entraCodes[code]; known {
			r.vendorCode(code, quote(text, m[0]))
		}
	}
}

func (r *reader) vendorCode(code, quoted string) {
	if slices.Contains(r.out.Codes, code) {
		return
	}
	r.out.Codes = append(r.out.Codes, code)
	table, console := entraCodes, "entra"
	if strings.HasPrefix(code, "MSIS") {
		table, console = adfsCodes, "adfs"
	}
	if v, ok := table[code]; ok {
		r.add(console, code, v, Proved, quoted)
		return
	}
	guess := vendorSaid{mean: "a code we do not know; others of its number range are of this kind"}
	guess.code, guess.or = family(code)
	r.add(console, code, guess, Guess, quoted)
}

// words finds the protocols' and Google's error words, which no translation touches.
func (r *reader) words(text string) {
	var at [][]int
	at = append(at, statusWord.FindAllStringSubmatchIndex(text, maxCodes)...)
	for _, m := range snakeWord.FindAllStringIndex(text, 64) {
		at = append(at, []int{m[0], m[1], m[0], m[1]})
	}
	for _, m := range at {
		word := strings.ToLower(text[m[2]:m[3]])
		v, ok := r.word(word, m[2] != m[0])
		if !ok || slices.Contains(r.out.Codes, word) || len(r.out.Codes) == maxCodes {
			continue
		}
		r.out.Codes = append(r.out.Codes, word)
		sure := Proved
		if v.or != "" {
			sure = Likely
		}
		r.add(r.preset, word, v, sure, quote(text, m[0]))
	}
}

// word looks a word up: in the provider's own table before the one that all share. A word that is only protocol is taken
// where it stands behind a status or no vendor's code said more.
func (r *reader) word(word string, status bool) (vendorSaid, bool) {
	if v, ok := ownWords[r.preset][word]; ok {
		return v, true
	}
	if v, ok := errorWords[word]; ok && (status || len(r.out.Codes) == 0) {
		return v, true
	}
	return vendorSaid{}, false
}

// sentences matches what pages say in words. A sentence of another provider than the connection's is a guess.
func (r *reader) sentences(text string) {
	low := strings.ToLower(text)
	if len(low) != len(text) { // a letter whose small form is longer: quote what was matched
		text = low
	}
	for _, vendor := range vendorSentences {
		sure := Likely
		switch {
		case vendor.preset == "": // anybody's words
		case vendor.preset == r.preset:
			sure = Proved
		case r.preset != "" && r.preset != "generic":
			sure = Guess
		}
		console := cmp.Or(vendor.preset, r.preset)
		for _, v := range vendor.said {
			if at, ok := says(low, v.sign); ok {
				r.addOnce(console, "", v, sure, quote(text, at))
			}
		}
	}
}

// says reports whether all the parts of a sign are in the text, and where the first one is.
func says(text, sign string) (int, bool) {
	first := -1
	for part := range strings.SplitSeq(sign, "|") {
		at := strings.Index(text, part)
		if at < 0 {
			return 0, false
		}
		if first < 0 {
			first = at
		}
	}
	return first, true
}

// addOnce adds a fault unless its code is there already.
func (r *reader) addOnce(console, found string, v vendorSaid, sure Confidence, quoted string) {
	if !slices.ContainsFunc(r.out.Faults, func(f *Error) bool { return f.Code == v.code }) {
		r.add(console, found, v, sure, quoted)
	}
}

// add adds what was understood: a fault that is there already as a guess becomes what is better known of it.
func (r *reader) add(console, found string, v vendorSaid, sure Confidence, quoted string) {
	if v.or != "" && sure == Proved {
		sure = Likely
	}
	f := &Error{Code: v.code, Detail: detail(found, v.mean, quoted), Fix: v.fix, Confidence: sure}
	if v.or != "" {
		f.Alternatives = []Alternative{{Code: v.or, Question: questions[v.or]}}
	}
	fix := consoles[console][v.code]
	f.Labels = fix.labels(r.protocol)
	if f.Fix == "" {
		f.Fix = fix.text(r.protocol)
	}
	i := slices.IndexFunc(r.out.Faults, func(have *Error) bool { return have.Code == v.code })
	switch {
	case i < 0:
		r.out.Faults = append(r.out.Faults, f)
	case rank(r.out.Faults[i].Confidence) > rank(sure):
		r.out.Faults[i] = f
	}
	if v.or != "" {
		r.addOnce(console, found, vendorSaid{code: v.or, mean: v.mean}, Guess, "")
	}
}

func detail(found, mean, quoted string) string {
	var parts []string
	for _, s := range []string{found, mean} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	said := strings.Join(parts, ": ")
	if quoted == "" {
		return said
	}
	if said != "" {
		said += ". "
	}
	return said + fmt.Sprintf("The page says: %q", quoted)
}

// family guesses what an unknown code of Microsoft's is about from its neighbours' numbers: the likelier, and the other.
func family(code string) (likelier, or Code) {
	for _, f := range families {
		if strings.HasPrefix(code, f.prefix) {
			return f.likelier, f.or
		}
	}
	return IdPPage, ""
}

var families = []struct {
	prefix       string
	likelier, or Code
}{
	{"AADSTS53", IdPPolicy, IdPNotAssigned},
	{"AADSTS50", IdPSignIn, IdPPolicy},
	{"AADSTS51", IdPSignIn, IdPWrongAccount},
	{"AADSTS54", OIDCCodeUsed, IdPSignIn},
	{"AADSTS65", IdPConsent, IdPAppUnknown},
	{"AADSTS70", IdPAppUnknown, OIDCSecretRefused},
	{"AADSTS75", IdPRequest, IdPAppUnknown},
	{"AADSTS76", IdPRequestSignature, IdPRequest},
	{"AADSTS8", IdPOutage, IdPSignIn},
	{"AADSTS9", IdPRequest, OIDCTenantUnknown},
	{"AADSTS1", IdPSignIn, IdPPage},
	{"MSIS0", IdPRequestSignature, IdPPage},
	{"MSIS1", IdPRequestSignature, IdPPage},
	{"MSIS3", IdPReplyURL, IdPAppUnknown},
	{"MSIS5", IdPPolicy, IdPPage},
	{"MSIS7", IdPAppUnknown, IdPRequest},
	{"MSIS9", IdPRequest, IdPAppUnknown},
}
