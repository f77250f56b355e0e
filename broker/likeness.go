package broker

import (
	"strings"
	"unicode/utf8"
)

// LikeAddress is an address without what people and identity providers write differently for one mailbox: case, dots in
// the local part and what follows a plus sign. It finds likely duplicates for a person to judge; it never decides whose
// an address is. "" for what is no address.
func LikeAddress(address string) string {
	local, domain, ok := strings.Cut(strings.ToLower(address), "@")
	if !ok {
		return ""
	}
	local, _, _ = strings.Cut(local, "+")
	local = strings.ReplaceAll(local, ".", "")
	if local == "" || domain == "" {
		return ""
	}
	return local + "@" + domain
}

// LikeName is a person's name without case and spare blanks; "" for names too short to tell people apart by.
func LikeName(u *User) string {
	name := u.Name
	if name == "" {
		name = u.GivenName + " " + u.FamilyName
	}
	words := strings.Fields(strings.ToLower(name))
	if joined := strings.Join(words, " "); len(words) > 1 && utf8.RuneCountInString(joined) >= 5 {
		return joined
	}
	return ""
}
