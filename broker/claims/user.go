package claims

import (
	"maps"
	"slices"
	"strings"
	"time"

	"cloakroom/broker"
)

// ForToken is what a person's tokens and userinfo say for these scopes (OpenID Connect Core, section 5.4). What is not
// known is left out; groups are a list, if an empty one. sub, realm, connection and the like are the issuer's to add.
func ForToken(u *broker.User, scopes []string) map[string]any {
	out := map[string]any{}
	set := func(name, value string) {
		if value != "" {
			out[name] = value
		}
	}
	if slices.Contains(scopes, "profile") {
		set("name", u.Name)
		set("given_name", u.GivenName)
		set("family_name", u.FamilyName)
		set("preferred_username", u.Email)
		set("locale", u.Locale)
		if !u.UpdatedAt.IsZero() {
			out["updated_at"] = u.UpdatedAt.Unix()
		}
	}
	if slices.Contains(scopes, "email") && u.Email != "" {
		out["email"], out["email_verified"] = u.Email, u.EmailVerified
	}
	if slices.Contains(scopes, "groups") {
		out["groups"] = append([]string{}, u.Groups...)
	}
	return out
}

// Changed is the user as the profile has it, and whether that is news. What vanished upstream vanishes here, save in
// fields that the connection takes once: these stay as they are as soon as there is anything in them. Address and its
// verification are left alone: the rules of trust decide on them. The given user is not touched.
func Changed(u *broker.User, p broker.Profile, r *Rules, now time.Time) (broker.User, bool) {
	next := *u
	take := func(field string, to *string, v string) {
		if r.Follows(field) || *to == "" {
			*to = v
		}
	}
	if !saidOnce(p) {
		take("given_name", &next.GivenName, p.GivenName)
		take("family_name", &next.FamilyName, p.FamilyName)
		take("name", &next.Name, p.Name)
	}
	take("locale", &next.Locale, p.Locale)
	next.Attributes = maps.Clone(p.Attributes)
	if next.Attributes == nil {
		next.Attributes = map[string][]string{}
	}
	r.settle(&next, p, now)
	return next, !same(u, &next)
}

// saidOnce reports whether names are missing because the upstream sends them at the first sign-in only: Apple.
func saidOnce(p broker.Profile) bool {
	return p.GivenName+p.FamilyName+p.Name == "" && strings.HasPrefix(p.Subject, OIDCSubject("https://appleid.apple.com", ""))
}

func same(a, b *broker.User) bool {
	return a.GivenName == b.GivenName && a.FamilyName == b.FamilyName && a.Name == b.Name && a.Locale == b.Locale &&
		slices.Equal(a.Groups, b.Groups) && slices.Equal(a.UpstreamGroups, b.UpstreamGroups) && a.GroupsFrom == b.GroupsFrom && a.GroupsOmittedAt.Equal(b.GroupsOmittedAt) &&
		maps.EqualFunc(a.Attributes, b.Attributes, slices.Equal)
}

func union(a, b []string) []string {
	out := slices.Concat([]string{}, a, b)
	slices.Sort(out)
	return slices.Compact(out)
}
