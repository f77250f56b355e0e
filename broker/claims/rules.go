package claims

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
)

// Rules are how a connection's people get their groups and which profile fields follow the upstream, with the regular
// expressions compiled: made once for each opened connection. A Rules is safe for concurrent use.
type Rules struct {
	slug     string
	protocol string
	names    map[string]string
	only     bool
	defaults []string
	rules    []rule
	update   map[string]string
}

type rule struct {
	broker.GroupRule
	re *regexp.Regexp
}

// NewRules compiles a connection's rules. A regular expression holds for a whole value, as if it stood between \A and \z.
// One that cannot be compiled (Connection.Validate refuses it) matches nothing.
func NewRules(c *broker.Connection) *Rules {
	r := &Rules{slug: c.Slug, protocol: c.Protocol, names: c.GroupNames, only: c.OnlyMapped, defaults: c.DefaultGroups, update: c.UpdateProfile}
	for _, g := range c.GroupRules {
		one := rule{GroupRule: g}
		if g.Match == "regex" {
			// Compiled by itself first: "a)|(b" would otherwise be closed by our own parentheses.
			if _, err := regexp.Compile(g.Value); err == nil {
				one.re, _ = regexp.Compile(`\A(?:` + g.Value + `)\z`)
			}
		}
		r.rules = append(r.rules, one)
	}
	return r
}

func (r *rule) matches(value string) bool {
	switch r.Match {
	case "equals":
		return value == r.Value
	case "regex":
		return r.re != nil && r.re.MatchString(value)
	}
	return false
}

// Why a person is in a group.
const (
	FromUpstream = "upstream" // the identity provider lists it, and groups that no rule maps are taken as they are
	FromRule     = "rule"
	FromDefault  = "default"
	FromHand     = "manual"
)

// Given is a group and why somebody is in it. Of several reasons the first counts: rule, upstream, default, by hand.
type Given struct {
	Group     string `json:"group"`
	Because   string `json:"because"`
	Rule      *int   `json:"rule,omitempty"` // place in group_rules, from 0
	Attribute string `json:"attribute,omitempty"`
	Value     string `json:"value,omitempty"` // what the rule matched, or the upstream's own value
}

// Unmapped is a group of the upstream's that no rule maps.
type Unmapped struct {
	Value   string `json:"value"`
	Name    string `json:"name,omitempty"` // what group_names calls it
	Dropped bool   `json:"dropped"`        // only_mapped_groups: the person is not in it
}

// Apply gives the groups that upstream values and attributes lead to, by name, and the upstream values that no rule maps.
func (r *Rules) Apply(upstream []string, attributes map[string][]string) ([]Given, []Unmapped) {
	g := giving{seen: map[string]bool{}}
	mapped := make([]bool, len(upstream))
	for i := range r.rules {
		g.rule(r, i, upstream, mapped, attributes)
	}
	unmapped := []Unmapped{}
	for i, v := range upstream {
		if !r.only {
			g.give(Given{Group: r.name(v), Because: FromUpstream, Value: v})
		}
		if !mapped[i] {
			unmapped = append(unmapped, Unmapped{Value: v, Name: r.names[v], Dropped: r.only})
		}
	}
	for _, d := range r.defaults {
		g.give(Given{Group: d, Because: FromDefault})
	}
	slices.SortFunc(g.out, func(a, b Given) int { return strings.Compare(a.Group, b.Group) })
	return g.out, unmapped
}

// giving collects groups, each once.
type giving struct {
	seen map[string]bool
	out  []Given
}

func (g *giving) give(v Given) {
	if !g.seen[v.Group] {
		g.seen[v.Group] = true
		g.out = append(g.out, v)
	}
}

// rule gives the groups of one rule for the first value that it matches, and marks all upstream values that it does.
func (g *giving) rule(r *Rules, i int, upstream []string, mapped []bool, attributes map[string][]string) {
	one := &r.rules[i]
	found, value := one.Match == "always", ""
	switch {
	case found:
	case one.Attribute == "":
		for j, v := range upstream {
			if (!mapped[j] || !found) && one.matches(r.name(v)) {
				mapped[j] = true
				if !found {
					found, value = true, v
				}
			}
		}
	default:
		if j := slices.IndexFunc(r.values(attributes, one.Attribute), one.matches); j >= 0 {
			found, value = true, r.values(attributes, one.Attribute)[j]
		}
	}
	if !found {
		return
	}
	for _, name := range one.Groups {
		g.give(Given{Group: name, Because: FromRule, Rule: &i, Attribute: one.Attribute, Value: value})
	}
}

// name is what the operator calls an upstream value.
func (r *Rules) name(v string) string {
	if n, ok := r.names[v]; ok {
		return n
	}
	return v
}

// values are an attribute's, raw: the names given to groups are for groups alone. A name may lead into a JSON object, as
// realm_access.roles does.
func (r *Rules) values(attributes map[string][]string, name string) []string {
	if vs, ok := attributes[name]; ok {
		return vs
	}
	if r.protocol == "ldap" {
		for k, vs := range attributes {
			if strings.EqualFold(k, name) {
				return vs
			}
		}
	}
	return inside(attributes, name)
}

// Groups are the names of what Apply gives, with those given by hand.
func (r *Rules) Groups(upstream []string, attributes map[string][]string, manual []string) []string {
	given, _ := r.Apply(upstream, attributes)
	names := make([]string, len(given))
	for i, g := range given {
		names[i] = g.Group
	}
	return union(names, manual)
}

// Follows reports whether a profile field is taken from upstream at every sign-in, rather than once.
func (r *Rules) Follows(field string) bool { return r.update[field] != "once" }

// OmittedGrace is how long the groups that a connection listed last stay with a person for whom it lists them no longer
// in full (Entra's overage, more groups than can be kept). It is bounded, because whoever can put himself into many
// groups could otherwise keep a group for good that was taken from him.
const OmittedGrace = 7 * 24 * time.Hour

// settle decides which groups of the upstream's hold for a person.
//
// A list in full replaces what was there: what vanished upstream vanishes here. Where the upstream leaves some out,
// those that it does list hold, and for OmittedGrace also those that this very connection listed before; never another
// connection's, and never more than was proved. The present rules apply to either.
func (r *Rules) settle(next *broker.User, p broker.Profile, now time.Time) {
	if !r.Follows("groups") && next.GroupsFrom != "" {
		next.Groups = union(next.Groups, next.ManualGroups)
		return
	}
	switch {
	case !p.GroupsOmitted:
		next.UpstreamGroups, next.GroupsFrom, next.GroupsOmittedAt = p.Groups, r.slug, time.Time{}
	case next.GroupsFrom != r.slug:
		next.UpstreamGroups, next.GroupsOmittedAt = p.Groups, now
		if next.GroupsFrom = r.slug; !r.Follows("groups") {
			next.GroupsFrom, next.GroupsOmittedAt = "", time.Time{} // once means the first list in full
		}
	default:
		if next.GroupsOmittedAt.IsZero() {
			next.GroupsOmittedAt = now
		}
		if now.Before(next.GroupsOmittedAt.Add(OmittedGrace)) {
			next.UpstreamGroups = union(p.Groups, next.UpstreamGroups)
		} else {
			next.UpstreamGroups = p.Groups
		}
	}
	next.Groups = r.Groups(next.UpstreamGroups, p.Attributes, next.ManualGroups)
}
