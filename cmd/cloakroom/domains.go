package main

import (
	"time"

	"cloakroom/broker/domain"
	"cloakroom/broker/web"
)

// domainChecker looks daily whether proved domains are still proved. What it sees go away is in the
// events, and the realm's contacts are told.
func (in *installation) domainChecker(p *post) *domain.Checker {
	return &domain.Checker{
		Claims: in.store.Domains, Events: in.store.Events, Tx: in.store.Tx, TXT: in.admin.TXT, Now: time.Now, Log: in.log,
		Notify: in.domainNotice(p),
	}
}

// lookups bounds how often a realm's operators may have DNS asked: ten at once, then one every six seconds.
func lookups(l *web.Limits) func(realm string) bool {
	return func(realm string) bool { return l.Allow("domain lookup", realm, 10, 6*time.Second) }
}
