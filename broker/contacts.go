package broker

import "net/mail"

// maxContacts is how many addresses may be told of something.
const maxContacts = 20

// checkContacts takes plain email addresses, without a name.
func checkContacts(f *fields, contacts []string) {
	if len(contacts) > maxContacts {
		f.add("/contacts", "are more than %d", maxContacts)
	}
	for i, c := range contacts {
		if a, err := mail.ParseAddress(c); err != nil || a.Address != c || len(c) > 254 {
			f.add(ptr("/contacts", i), "is not an email address")
		}
	}
}
