package providers

import "context"

// What became of a check.
const (
	Passed     = "passed"
	Failed     = "failed"
	NotReached = "not_reached" // an earlier check ended the examination, so nobody knows
)

// Check is one step of a protocol's gate, as a report lists it.
type Check struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail"`
}

// Explanation is what an examination found. The first finding is what a sign-in ends with; those after it are what would
// have come next, had the first been mended.
type Explanation struct {
	Checks   []Check
	Findings []Finding
	// Identity is what the message says of the person: to be believed where there are no findings, to be looked at and
	// nothing else where there are; nil where the examination did not get that far.
	Identity *Identity
	Message  string // as it can be shown: readable, without what could be used again, at most 64 KiB
}

// OK says that a sign-in would have been accepted.
func (e Explanation) OK() bool {
	for _, f := range e.Findings {
		if f.Severity == "error" {
			return false
		}
	}
	return true
}

// Sample is something to examine that belongs to no sign-in under way. One field is set.
type Sample struct {
	SAMLResponse string // base64 as in the form, or the XML itself
	Metadata     string // XML
	IDToken      string
}

// Worder puts a fault into the words of its provider's console: the fix with that console's fields.
type Worder interface {
	Worded(err error) error
}

// Explainer says check by check what becomes of a message. It signs nobody in: what it answers is for a report.
type Explainer interface {
	// Explain is Finish for a test: it does the same checks, fetching what Finish fetches, and goes on after a fault
	// where the rest can still be judged.
	Explain(ctx context.Context, r Request, reply Reply) Explanation
	// Inspect examines a sample. What only a sign-in under way could tell (state, nonce) is not held against it.
	Inspect(ctx context.Context, s Sample) Explanation
	// Transcript is the message of a reply as a log may keep it, "" where there is none.
	Transcript(reply Reply) string
	// Names are the names the upstream is known by here: entity ID, issuer.
	Names() []string
}

// Graded lists a gate's checks in the order of names, as they stand when an examination has ended: those with a fault
// failed, those that were done before the end passed. done says at which stage of the gate each check is done; end is the
// stage at which the examination ended, beyond every stage for one that went through.
func Graded(names []string, done map[string]int, end int, failed, details map[string]string) []Check {
	out := make([]Check, 0, len(names))
	for _, name := range names {
		c := Check{Name: name, Status: NotReached}
		reason, bad := failed[name]
		switch {
		case bad:
			c.Status, c.Detail = Failed, reason
		case done[name] < end:
			c.Status, c.Detail = Passed, details[name]
		}
		out = append(out, c)
	}
	return out
}

// GradedInTurn is Graded for a gate that does its checks in the order of names and ends at the first fault; failed is the
// check that has it, "" where all passed.
func GradedInTurn(names []string, failed, reason string, details map[string]string) []Check {
	done, end, bad := map[string]int{}, len(names), map[string]string{}
	for i, name := range names {
		done[name] = i
	}
	if failed != "" {
		end, bad[failed] = done[failed], reason
	}
	return Graded(names, done, end, bad, details)
}
