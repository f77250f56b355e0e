package main

import (
	"cloakroom/broker"
	"cloakroom/providers/providertest/ldapd"
)

const ldapSlug = "initech-ldap"

// demoPassword is what everybody in the demo's directory has: it is printed, so it is no secret.
const demoPassword = "open sesame"

// directory is Initech's: people type its name and password on the broker's own page.
type directory struct {
	server  *ldapd.Server
	address string // of LDAPS
	bind    string // the service account's DN
	secret  string
}

func newDirectory() (*directory, error) {
	d := &directory{secret: broker.RandomToken(24)}
	var err error
	if d.server, err = ldapd.New(ldapd.Options{
		Like: ldapd.ActiveDirectory, Base: "DC=initech,DC=example",
		Service: ldapd.Person{Username: "cloakroom", Password: d.secret},
		People: []ldapd.Person{
			{Username: "fay", Password: demoPassword, Email: "fay@initech.example", GivenName: "Fay", FamilyName: "Example"},
			{Username: "gil", Password: demoPassword, Email: "gil@initech.example", GivenName: "Gil", FamilyName: "Example", State: ldapd.PasswordExpired},
		},
		Groups: []ldapd.Group{{Name: "finance", Members: []string{"fay"}}},
	}); err != nil {
		return nil, err
	}
	d.bind = d.server.DN("cloakroom")
	d.address, err = d.server.Listen(true)
	return d, err
}
