package login

import (
	"context"
	"errors"
	"slices"
	"strings"

	"cloakroom/broker"
	"cloakroom/broker/claims"
	"cloakroom/broker/fault"
)

// admitted holds a person to the connection's required groups: one of them suffices. It is asked after the address is
// judged and before anything is written, so whoever is refused leaves no account behind.
func (e *Engine) admitted(ctx context.Context, a *arrival) error {
	if len(a.conn.RequiredGroups) == 0 {
		return nil
	}
	has, err := e.groupsOf(ctx, a)
	if err != nil || slices.ContainsFunc(has, func(g string) bool { return slices.Contains(a.conn.RequiredGroups, g) }) {
		return err
	}
	return notInGroup(a, has)
}

// groupsOf are the groups that count: those sent and those that the rules make of them. Where the provider lists them no
// longer in full, the ones that it listed before count as long as they hold.
func (e *Engine) groupsOf(ctx context.Context, a *arrival) ([]string, error) {
	has := slices.Concat(a.profile.Groups, a.conn.Rules.Groups(a.profile.Groups, a.profile.Attributes, nil))
	if a.profile.GroupsOmitted {
		switch _, u, err := e.Links.Find(ctx, a.conn.Slug, a.profile.Subject); {
		case err == nil:
			next, _ := claims.Changed(u, a.profile, a.conn.Rules, e.Now())
			has = slices.Concat(has, next.UpstreamGroups, next.Groups)
		case !errors.Is(err, broker.ErrNotFound):
			return nil, err
		}
	}
	slices.Sort(has)
	return slices.Compact(has), nil
}

// notInGroup says which groups the person has and which are needed, and where one of the two is the other in another form.
func notInGroup(a *arrival, has []string) error {
	f := fault.Mismatch(fault.LoginGroupRequired, listed(has), listed(a.conn.RequiredGroups))
	f.Confidence = fault.Proved
	switch same := alike(has, a.conn.RequiredGroups); {
	case len(a.profile.Groups) == 0:
		f.Confidence, f.Detail = fault.Likely, "the provider sent no groups of this person"
		f.Alternatives = []fault.Alternative{{Code: fault.OIDCNoGroups, Question: "Do others of this organisation come with groups? Then this person is in none; otherwise have the provider send them."}}
		if a.profile.GroupsOmitted {
			f.Detail = "the provider did not list the groups of this person, because there are too many"
			f.Alternatives[0] = fault.Alternative{Code: fault.LoginGroupsOmitted, Question: "Is the person in one of the groups at the provider? Then have it send only the groups assigned to the application."}
		}
	case same != "":
		f.Confidence, f.Detail = fault.Likely, same+" looks like a required group in another form"
		f.Fix = "If it is the same group, put " + same + " into the connection's Required groups, letter by letter, or give it a name under Group names; otherwise add the person to a required group at the provider."
		f.Alternatives = []fault.Alternative{{Code: fault.LoginGroupRequired, Question: "Is " + same + " another group of a similar name? Then the person is not in the required one."}}
	}
	return f
}

// alike is the first group whose name is that of a required one but for case and form: a DN, a path.
func alike(has, required []string) string {
	for _, g := range has {
		if slices.ContainsFunc(required, func(r string) bool { return strings.EqualFold(groupName(g), groupName(r)) }) {
			return g
		}
	}
	return ""
}

// groupName is a group's own name in what a directory calls it: CN=Staff,OU=Groups,DC=corp; /acme/staff; CORP\Staff.
func groupName(s string) string {
	if k, rest, ok := strings.Cut(s, "="); ok && (strings.EqualFold(k, "cn") || strings.EqualFold(k, "ou")) {
		s, _, _ = strings.Cut(rest, ",")
	}
	return strings.TrimSpace(s[strings.LastIndexAny(s, `/\`)+1:])
}

// listed is a list fit for a finding.
func listed(groups []string) string {
	const shown = 20
	if len(groups) == 0 {
		return "no groups"
	}
	s := strings.Join(groups[:min(len(groups), shown)], ", ")
	if len(groups) > shown {
		s += ", …"
	}
	return strings.ToValidUTF8(s[:min(len(s), 1000)], "")
}
