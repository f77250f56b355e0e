package admin

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

const (
	directoryRequests = 50 // how many requests a diagnosis looks at
	directorySample   = 20 // how many of a directory's people
	directoryAlike    = 50 // how many sets of people who may be one
)

// directory gathers what is known of a connection's directory.
func (s *Service) directory(ctx context.Context, c *broker.Connection) (directoryFacts, error) {
	d := directoryFacts{conn: c, now: s.Now()}
	var err error
	if d.state, err = s.SCIM.Log.State(ctx, c.Realm, c.Slug); err != nil {
		return d, err
	}
	if d.tokens, err = s.SCIM.Tokens.List(ctx, c.Slug); err != nil {
		return d, err
	}
	d.requests, _, err = s.SCIM.Log.List(ctx, c.Slug, broker.Page{Limit: directoryRequests})
	return d, err
}

// directoryFindings are all findings about a connection's directory.
func (s *Service) directoryFindings(ctx context.Context, d directoryFacts) ([]Finding, error) {
	out := d.findings()
	if d.state.Users == 0 {
		return out, nil
	}
	named, err := s.directoryNames(ctx, d)
	if err != nil {
		return nil, err
	}
	alike, err := s.directoryTwins(ctx, d)
	return slices.Concat(out, named, alike), err
}

// checkDirectory adds what is wrong with a connection's directory to its preflight. nil Log: there are no directories.
func (s *Service) checkDirectory(ctx context.Context, r *Report, c *broker.Connection) error {
	if s.SCIM.Log == nil {
		return nil
	}
	d, err := s.directory(ctx, c)
	if err != nil {
		return err
	}
	found, err := s.directoryFindings(ctx, d)
	if err != nil {
		return err
	}
	for _, f := range found {
		f.Severity = "warning" // people sign in all the same
		r.Findings = append(r.Findings, f)
		if r.Status == "ok" {
			r.Status = "warning"
		}
	}
	if len(found) == 0 && d.stage() == DirectoryProvisioning {
		r.Checks = append(r.Checks, Check{"provisioning", "passed", ""})
	}
	return nil
}

// directoryNames finds out by some people whether externalId is what the sign-in names people by, where the provider has
// such an identifier.
func (s *Service) directoryNames(ctx context.Context, d directoryFacts) ([]Finding, error) {
	how, _ := presetOf(d.conn).Directory()
	if how.Key == "" {
		return nil, nil
	}
	people, _, err := s.SCIM.People.Users(ctx, d.conn.Slug, broker.DirectoryQuery{}, 0, directorySample)
	if err != nil {
		return nil, err
	}
	for _, u := range people {
		if _, bad := uuid.Parse(u.ExternalID); bad == nil {
			continue
		}
		f := fault.New(fault.SCIMExternalID, "%s", u.UserName)
		f.Observed, f.Expected = u.ExternalID, "externalId from "+how.Key
		return []Finding{d.finding(f, "warning")}, nil
	}
	return nil, nil
}

// directoryTwins finds people whom the directory has sent, and who sign in by another account of the same name. That two
// names are one person is for an operator to say.
func (s *Service) directoryTwins(ctx context.Context, d directoryFacts) ([]Finding, error) {
	sets, _, err := s.People.Users.Duplicates(ctx, d.conn.Realm, broker.Page{Limit: directoryAlike})
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		sent, comes, err := s.directoryTwin(ctx, d.conn, set.People)
		if err != nil {
			return nil, err
		}
		if sent == nil || comes == nil {
			continue
		}
		f := fault.New(fault.SCIMSamePerson, "%s and %s are the same person", sent.Email, comes.Email)
		f.Observed, f.Expected, f.Confidence = sent.Email, comes.Email, fault.Likely
		return []Finding{d.finding(f, "warning")}, nil
	}
	return nil, nil
}

// directoryTwin answers of people who look like one whom the directory has sent, and who came by signing in.
func (s *Service) directoryTwin(ctx context.Context, c *broker.Connection, people []*broker.User) (sent, comes *broker.User, err error) {
	ids := make([]string, len(people))
	for i, u := range people {
		ids[i] = u.ID
	}
	linked, err := s.Linked(ctx, c.Realm, ids)
	if err != nil {
		return nil, nil, err
	}
	for _, u := range people {
		resources, err := s.SCIM.People.OfPerson(ctx, c.Realm, u.ID)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case slices.ContainsFunc(resources, func(r *broker.DirectoryUser) bool { return r.Connection == c.Slug && !r.Deleted }):
			sent = u
		case slices.Contains(linked[u.ID], c.Slug):
			comes = u
		}
	}
	return sent, comes, nil
}

// GuestDirectory is what whoever holds a setup link reads of the directory that they connect.
type GuestDirectory struct {
	BaseURL                   string
	Preset                    string
	Stage                     string
	Users, Inactive, Groups   int64
	LastAt                    time.Time
	Made, Ends                time.Time // of the newest token that works
	Findings                  []Finding
	Requests                  int64
	LastFailureAt, LastUserAt time.Time
}

const (
	guestTokenFor   = 365 * 24 * time.Hour
	guestTokensMost = 5
)

// Directory answers how the directory stands that the link is about.
func (g *Guest) Directory(ctx context.Context) (*GuestDirectory, error) {
	c, err := g.directory(ctx)
	if err != nil {
		return nil, err
	}
	d, err := g.s.directory(ctx, c)
	if err != nil {
		return nil, err
	}
	st := d.state
	out := &GuestDirectory{
		BaseURL: g.s.SCIMBaseURL(c.Slug), Preset: c.Preset, Stage: d.stage(), Users: st.Users, Inactive: st.Users - st.ActiveUsers, Groups: st.Groups,
		LastAt: st.LastAt, Requests: st.Requests, LastFailureAt: st.LastFailureAt, LastUserAt: st.LastUserWriteAt, Findings: d.findings(),
	}
	for i, f := range out.Findings {
		out.Findings[i].Fix = fault.Lookup(fault.Code(f.Code)).Fix // in the reader's language; what to click stands in the steps
		if f.Code == string(fault.SCIMTokenElsewhere) {
			out.Findings[i].Detail = "" // names what is another's
		}
	}
	for _, t := range d.tokens {
		if t.State(d.now) == broker.SCIMTokenLive && t.CreatedAt.After(out.Made) {
			out.Made, out.Ends = t.CreatedAt, t.ExpiresAt
		}
	}
	return out, nil
}

// directory is the connection whose directory the link is for.
func (g *Guest) directory(ctx context.Context) (*broker.Connection, error) {
	slug, err := g.about(broker.SetupSCIM)
	if err != nil {
		return nil, err
	}
	return g.s.connection(ctx, g.actor, g.Link.Realm, slug, toSupport)
}

// MakeToken makes a token for the directory and answers it, this once. Those there are stay good.
func (g *Guest) MakeToken(ctx context.Context) (token string, err error) {
	c, err := g.directory(ctx)
	if err != nil {
		return "", err
	}
	list, err := g.s.SCIM.Tokens.List(ctx, c.Slug)
	if err != nil {
		return "", err
	}
	own := 0
	for _, t := range list {
		if t.CreatedBy == g.actor.Name && t.State(g.s.Now()) == broker.SCIMTokenLive {
			own++
		}
	}
	if own >= guestTokensMost {
		return "", fault.New(fault.SetupTooMany, "%d tokens", own)
	}
	doc := `{"name":"setup link","expires_at":"` + g.s.Now().Add(guestTokenFor).UTC().Format(time.RFC3339) + `"}`
	made, err := g.s.CreateSCIMToken(ctx, g.actor, g.Link.Realm, c.Slug, []byte(doc))
	if err != nil {
		return "", err
	}
	return made.Token, nil
}

// The steps of a directory, as staff follow whoever connects it.
const (
	StepToken   = "token"
	StepReached = "reached"
	StepSent    = "sent"
)

// directorySteps are how far a directory is.
func (s *Service) directorySteps(ctx context.Context, c *broker.Connection) (steps []WizardStep, next string, err error) {
	d, err := s.directory(ctx, c)
	if err != nil {
		return nil, "", err
	}
	token, reached, sent := WizardStep{ID: StepToken, State: StepTodo}, WizardStep{ID: StepReached, State: StepTodo}, WizardStep{ID: StepSent, State: StepTodo}
	for _, t := range d.tokens {
		if t.State(d.now) == broker.SCIMTokenLive {
			token.State, token.At = StepDone, t.CreatedAt
		}
	}
	if at := d.served(); !at.IsZero() {
		reached.State, reached.At = StepDone, at
	}
	if d.failing() {
		reached.State, reached.At = StepFailed, d.state.LastFailureAt
	}
	if d.state.UserWrites > 0 {
		sent.State, sent.At = StepDone, d.state.LastUserWriteAt
	}
	steps = []WizardStep{token, reached, sent}
	if i := slices.IndexFunc(steps, func(w WizardStep) bool { return w.State != StepDone }); i >= 0 {
		next = steps[i].ID
	}
	return steps, next, nil
}
