package admin

import (
	"slices"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/fault"
	"cloakroom/providers/preset"
)

// How a connection's directory stands.
const (
	DirectoryNone         = "none"         // nothing has arrived
	DirectoryRefused      = "refused"      // the last that arrived was refused
	DirectoryTested       = "tested"       // queries have arrived, and nobody was sent
	DirectoryProvisioning = "provisioning" // people have arrived
	DirectorySilent       = "silent"       // they have, and nothing has for long
)

const (
	// directoryQuiet is how long a directory may be silent: most have a new or a leaving colleague by then, and those that
	// send in cycles ask at least.
	directoryQuiet = 7 * 24 * time.Hour
	// directoryPaused is how long after a refusal a provider has tried again, unless it has given up.
	directoryPaused = 2 * time.Hour
	directoryRecent = 24 * time.Hour      // how long a refusal of one person is told
	tokenEndsSoon   = 30 * 24 * time.Hour // before a token ends
	neverCalled     = 30 * time.Minute    // after a token was made
)

// directoryFacts are what is known of a connection's directory.
type directoryFacts struct {
	conn     *broker.Connection
	state    *broker.DirectoryState
	tokens   []*broker.SCIMToken
	requests []broker.DirectoryRequest // the last, newest first
	now      time.Time
}

// served is when a request was last carried out.
func (d directoryFacts) served() time.Time {
	return slices.MaxFunc([]time.Time{d.state.LastReadAt, d.state.LastUserWriteAt, d.state.LastGroupWriteAt}, time.Time.Compare)
}

// failing says that whatever arrived last was refused. That something is asked for which is not here is no refusal.
func (d directoryFacts) failing() bool {
	return d.state.LastFailureCode != string(fault.SCIMNotFound) && d.state.LastFailureAt.After(d.served())
}

// stage is how the directory stands.
func (d directoryFacts) stage() string {
	switch {
	case d.state.Requests == 0:
		return DirectoryNone
	case d.failing():
		return DirectoryRefused
	case d.state.UserWrites == 0:
		return DirectoryTested
	case d.now.Sub(d.state.LastAt) > directoryQuiet:
		return DirectorySilent
	}
	return DirectoryProvisioning
}

// findings are what the requests say together, the worst first.
func (d directoryFacts) findings() []Finding {
	out := d.refusals()
	for _, sign := range []func() *fault.Error{d.paused, d.silence, d.groups, d.ending} {
		if f := sign(); f != nil {
			out = append(out, d.finding(f, "warning"))
		}
	}
	return out
}

// finding is a fault in the words of the provider's console.
func (d directoryFacts) finding(f *fault.Error, severity string) Finding {
	if fix, labels := fault.DirectoryFix(d.conn.Preset, f.Code); fix != "" {
		f.Fix, f.Labels = fix, labels
	}
	return FindingOf(f, severity)
}

// refusals are the kinds of refusal that count still: the last request's, and those of changes of the last day.
func (d directoryFacts) refusals() []Finding {
	var told []string
	out := []Finding{}
	for i, r := range d.requests {
		current := i == 0 && d.failing()
		changed := r.Method != "GET" && r.Status != 404 && d.now.Sub(r.At) < directoryRecent //nolint:usestdlibvars // this package does without net/http
		if r.Code == "" || !current && !changed || slices.Contains(told, r.Code) || d.since(r) {
			continue
		}
		told = append(told, r.Code)
		f := fault.New(fault.Code(r.Code), "%s", r.Detail)
		f.Observed = r.Method + " " + r.Path
		out = append(out, d.finding(f, "error"))
	}
	return out
}

// since says that the same request has been carried out after it was refused.
func (d directoryFacts) since(refused broker.DirectoryRequest) bool {
	if unlettered := refused.Status == 401 || refused.Status == 403; unlettered {
		return d.served().After(refused.At)
	}
	return slices.ContainsFunc(d.requests, func(r broker.DirectoryRequest) bool {
		return r.Code == "" && r.At.After(refused.At) && r.Method == refused.Method && r.Path == refused.Path && r.Method != "POST" //nolint:usestdlibvars // as above
	})
}

// paused: it worked, was refused, and nothing has come since.
func (d directoryFacts) paused() *fault.Error {
	if !d.failing() || d.served().IsZero() || d.now.Sub(d.state.LastAt) < directoryPaused {
		return nil
	}
	f := fault.New(fault.SCIMPaused, "the last request came on %s", d.state.LastAt.UTC().Format(time.DateTime))
	f.Confidence = fault.Likely
	return f
}

// silence is what should have come and did not.
func (d directoryFacts) silence() *fault.Error {
	how, _ := presetOf(d.conn).Directory()
	st, age := d.state, d.now.Sub(d.state.FirstAt)
	switch {
	case st.Requests == 0:
		return d.uncalled()
	case d.failing():
		return nil
	case st.UserWrites == 0 && st.UserReads > 0 && age >= how.Silence():
		return fault.New(fault.SCIMNothingSent, "%d queries for people since %s, and nobody was sent", st.UserReads, st.FirstAt.UTC().Format(time.DateTime))
	case st.UserWrites > 0 && d.now.Sub(st.LastAt) > directoryQuiet:
		f := fault.New(fault.SCIMStopped, "the last request came on %s", st.LastAt.UTC().Format(time.DateTime))
		f.Confidence = fault.Guess
		return f
	}
	return nil
}

func (d directoryFacts) uncalled() *fault.Error {
	for _, t := range d.tokens {
		if t.State(d.now) == broker.SCIMTokenLive && d.now.Sub(t.CreatedAt) >= neverCalled {
			return fault.New(fault.SCIMNeverCalled, "%s was made on %s", t.Name, t.CreatedAt.UTC().Format(time.DateTime))
		}
	}
	return nil
}

// groups are told where nothing here is done with them.
func (d directoryFacts) groups() *fault.Error {
	if d.state.Groups == 0 || len(d.conn.GroupRules) > 0 || d.conn.OnlyMapped {
		return nil
	}
	return fault.New(fault.SCIMGroupsSent, "%d groups", d.state.Groups)
}

// ending is the end of the last token that works.
func (d directoryFacts) ending() *fault.Error {
	var last time.Time
	for _, t := range d.tokens {
		switch {
		case t.State(d.now) != broker.SCIMTokenLive:
		case t.ExpiresAt.IsZero():
			return nil
		case t.ExpiresAt.After(last):
			last = t.ExpiresAt
		}
	}
	if last.IsZero() || last.Sub(d.now) > tokenEndsSoon {
		return nil
	}
	return fault.New(fault.SCIMTokenEnds, "on %s", last.UTC().Format(time.DateTime))
}

func presetOf(c *broker.Connection) preset.Preset {
	p, ok := preset.Get(c.Preset)
	if !ok {
		p, _ = preset.Get("generic")
	}
	return p
}
