package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cloakroom/broker"
	"cloakroom/broker/fault"
)

// Duplicates answers sets of people of a realm who may be one and the same, for an operator to judge.
func (s *Service) Duplicates(ctx context.Context, a Actor, realm string, p broker.Page) (Page[*broker.Likeness], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*broker.Likeness]{}, err
	}
	return page(s.People.Users.Duplicates(ctx, realm, p))
}

// ListMerges answers a realm's merges, those that were undone too.
func (s *Service) ListMerges(ctx context.Context, a Actor, realm string, p broker.Page) (Page[*broker.Merge], error) {
	if _, err := s.enter(ctx, a, realm, toRead); err != nil {
		return Page[*broker.Merge]{}, err
	}
	return page(s.People.Merges.List(ctx, realm, p))
}

// NewMerge names the account that another becomes a part of.
type NewMerge struct {
	Into string `json:"into" doc:"ID of a person of the same realm"`
}

// MergeUser makes one account a part of another of the same realm: its links lead to the other one from now on, what it
// was given by hand the other one has too, and its own sessions end. The account itself stays as it was, without a way in
// and with its sub retired, so that UndoMerge gives back what was.
func (s *Service) MergeUser(ctx context.Context, a Actor, realm, id string, body []byte) (*broker.Merge, error) {
	doc, err := parseObjectDoc(body)
	if err != nil {
		return nil, err
	}
	var n NewMerge
	if err := decode(doc, &n); err != nil {
		return nil, err
	}
	m, err := attempt(nil, func() (*broker.Merge, error) { return s.merge(ctx, a, realm, id, n.Into) })
	if err != nil {
		return nil, err
	}
	return m, s.EndUser(ctx, realm, id)
}

func (s *Service) merge(ctx context.Context, a Actor, realm, fromID, intoID string) (*broker.Merge, error) {
	from, err := s.user(ctx, a, realm, fromID, toSupport)
	if err != nil {
		return nil, err
	}
	into, err := s.mergeable(ctx, from, intoID)
	if err != nil {
		return nil, err
	}
	var m *broker.Merge
	return m, s.Tx(ctx, func(ctx context.Context) (err error) {
		m, err = s.join(ctx, a, *from, *into)
		return err
	})
}

// mergeable answers the account to merge into, if both are fit for it. Who is blocked must not come in again by a merge.
func (s *Service) mergeable(ctx context.Context, from *broker.User, intoID string) (*broker.User, error) {
	var p problems
	if intoID == "" || len(intoID) > 64 || intoID == from.ID {
		p.add("/into", "names another person of the realm")
		return nil, p.err()
	}
	into, err := storedOr(func() (*broker.User, error) { return s.Users.Get(ctx, from.Realm, intoID) })
	switch {
	case err != nil:
		return nil, err
	case into == nil:
		p.add("/into", "the realm has no person %q", intoID)
		return nil, p.err()
	case from.Status == broker.StatusMerged:
		return nil, fault.New(fault.UserMerged, "%s is a part of %s", from.ID, from.MergedInto)
	case into.Status == broker.StatusMerged:
		return nil, fault.New(fault.UserMerged, "%s is a part of %s", into.ID, into.MergedInto)
	case from.Blocked || into.Blocked:
		return nil, fault.New(fault.MergeRefused, "one of them is blocked")
	case into.Status != broker.StatusActive:
		return nil, fault.New(fault.MergeRefused, "%s is %s", into.ID, into.Status)
	}
	return into, nil
}

// join is the merge itself, in one transaction. It works on copies: a transaction may be run again.
func (s *Service) join(ctx context.Context, a Actor, from, into broker.User) (*broker.Merge, error) {
	m := &broker.Merge{
		Realm: from.Realm, From: from.ID, Into: into.ID, Before: from, At: s.Now(), By: a.Name,
		GaveManual: beyondOf(from.ManualGroups, into.ManualGroups), GaveGroups: beyondOf(from.ManualGroups, into.Groups),
		GaveExcluded: from.Excluded && !into.Excluded,
	}
	nextFrom, nextInto := from, into
	nextFrom.Status, nextFrom.MergedInto = broker.StatusMerged, into.ID
	nextInto.ManualGroups = slices.Concat(into.ManualGroups, m.GaveManual)
	nextInto.Groups = slices.Concat(into.Groups, m.GaveGroups)
	nextInto.Excluded = into.Excluded || from.Excluded
	if err := errors.Join(s.Users.Update(ctx, &nextFrom), s.Users.Update(ctx, &nextInto)); err != nil {
		return nil, err
	}
	var err error
	if m.Links, err = s.People.Links.Move(ctx, from.Realm, from.ID, into.ID); err != nil {
		return nil, err
	}
	if m.GaveInvites, err = s.People.Invites.Readdress(ctx, from.Realm, from.Email, into.Email); err != nil {
		return nil, err
	}
	if err := s.People.Merges.Create(ctx, m); err != nil {
		return nil, err
	}
	told := fmt.Sprintf("%d links, %d groups, %d invitations", len(m.Links), len(m.GaveManual), len(m.GaveInvites))
	return m, errors.Join(
		s.record(ctx, a, change{kind: "user.merged", realm: from.Realm, subject: "user:" + from.ID, detail: "into " + into.ID + ": " + told, before: &from, after: &nextFrom}),
		s.record(ctx, a, change{kind: "user.merge_received", realm: from.Realm, subject: "user:" + into.ID, detail: "from " + from.ID + ": " + told, before: &into, after: &nextInto}),
	)
}

// beyondOf is what of a list another one lacks, each once.
func beyondOf(list, in []string) []string {
	out := []string{}
	for _, v := range list {
		if !slices.Contains(in, v) && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// UndoMerge parts two accounts again: the one that was merged is as it was, with those of its links that there still are,
// and the other one loses what the merge gave it and nothing else. Sessions that came through these links end.
func (s *Service) UndoMerge(ctx context.Context, a Actor, realm, id string) (*broker.Merge, error) {
	if _, err := s.enter(ctx, a, realm, toSupport); err != nil {
		return nil, err
	}
	if id == "" || len(id) > 64 {
		return nil, broker.ErrNotFound
	}
	m, err := attempt(nil, func() (*broker.Merge, error) {
		var m *broker.Merge
		return m, s.Tx(ctx, func(ctx context.Context) (err error) {
			m, err = s.part(ctx, a, realm, id)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	through := map[string]bool{}
	for _, l := range m.Links {
		through[l.Connection] = true
	}
	for _, slug := range sortedKeys(through) {
		if _, err := s.People.End(ctx, SessionFilter{UserID: m.Into, Connection: slug}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// part is the undoing itself, in one transaction.
func (s *Service) part(ctx context.Context, a Actor, realm, id string) (*broker.Merge, error) {
	m, err := s.People.Merges.Get(ctx, realm, id)
	if err != nil {
		return nil, err
	}
	if !m.UndoneAt.IsZero() {
		return nil, fault.New(fault.MergeUndone, "at %s", m.UndoneAt.UTC().Format("2006-01-02 15:04"))
	}
	if err := s.release(ctx, a, m); err != nil {
		return nil, err
	}
	if err := s.restore(ctx, a, m); err != nil {
		return nil, err
	}
	m.UndoneAt = s.Now()
	return m, s.People.Merges.Update(ctx, m)
}

// restore makes the merged account what it was. It has not changed since, save that a group which was deleted meanwhile
// is gone; where its seat was taken it waits for one, as anybody.
func (s *Service) restore(ctx context.Context, a Actor, m *broker.Merge) error {
	from, err := s.Users.Get(ctx, m.Realm, m.From)
	if err != nil {
		return err
	}
	if from.Status != broker.StatusMerged || from.MergedInto != m.Into {
		return fault.New(fault.MergeRefused, "%s is no part of %s", m.From, m.Into)
	}
	r, err := s.Realms.Get(ctx, m.Realm)
	if err != nil {
		return err
	}
	next := *from
	next.Status, next.MergedInto = m.Before.Status, ""
	if err := s.takeSeat(ctx, r, from, &next); fault.CodeOf(err) == fault.LoginSeatsTaken {
		next.Status = broker.StatusHeld
	} else if err != nil {
		return err
	}
	if err := s.Users.Update(ctx, &next); err != nil {
		return err
	}
	return s.record(ctx, a, change{kind: "user.unmerged", realm: m.Realm, subject: "user:" + m.From, detail: "from " + m.Into, before: from, after: &next})
}

// release takes from the account that was merged into what it got. An account that is gone had its links with it.
func (s *Service) release(ctx context.Context, a Actor, m *broker.Merge) error {
	into, err := storedOr(func() (*broker.User, error) { return s.Users.Get(ctx, m.Realm, m.Into) })
	if err != nil || into == nil {
		return err
	}
	if into.Status == broker.StatusMerged {
		return fault.New(fault.MergeRefused, "%s is itself a part of %s: undo that merge first", into.ID, into.MergedInto)
	}
	if err := s.bequeath(ctx, m); err != nil {
		return err
	}
	next := *into
	next.ManualGroups, next.Groups = lacking(into.ManualGroups, m.GaveManual), lacking(into.Groups, m.GaveGroups)
	next.Excluded = into.Excluded && !m.GaveExcluded
	if len(next.ManualGroups) == 0 {
		next.ManualGroups = nil
	}
	if err := s.Users.Update(ctx, &next); err != nil {
		return err
	}
	if _, err := s.People.Links.MoveBack(ctx, m.Links, m.Into); err != nil {
		return err
	}
	if err := s.People.Invites.ReaddressBack(ctx, m.Realm, m.GaveInvites, m.Before.Email, into.Email); err != nil {
		return err
	}
	return s.record(ctx, a, change{kind: "user.merge_released", realm: m.Realm, subject: "user:" + m.Into, detail: "from " + m.From, before: into, after: &next})
}

func lacking(list, gone []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(v string) bool { return slices.Contains(gone, v) })
}

// bequeath: what another account that is still a part of the same one would have given too stays, as that one's gift.
func (s *Service) bequeath(ctx context.Context, m *broker.Merge) error {
	others, err := s.People.Merges.Into(ctx, m.Realm, m.Into)
	if err != nil {
		return err
	}
	manual, groups, excluded := m.GaveManual, m.GaveGroups, m.GaveExcluded
	for _, o := range others {
		if o.ID == m.ID {
			continue
		}
		has := func(g string) bool { return slices.Contains(o.Before.ManualGroups, g) }
		was := len(o.GaveManual) + len(o.GaveGroups)
		for _, pair := range []struct{ ours, theirs *[]string }{{&manual, &o.GaveManual}, {&groups, &o.GaveGroups}} {
			for _, g := range *pair.ours {
				if has(g) {
					*pair.theirs = append(*pair.theirs, g)
				}
			}
			*pair.ours = slices.DeleteFunc(slices.Clone(*pair.ours), has)
		}
		takes := excluded && o.Before.Excluded
		if takes {
			o.GaveExcluded, excluded = true, false
		}
		if takes || len(o.GaveManual)+len(o.GaveGroups) > was {
			if err := s.People.Merges.Update(ctx, o); err != nil {
				return err
			}
		}
	}
	m.GaveManual, m.GaveGroups, m.GaveExcluded = manual, groups, excluded
	return nil
}
