package main

import (
	"context"
	"encoding/json"
	"time"

	"cloakroom/broker/admin"
	"cloakroom/store"
	"cloakroom/store/ledger"
)

// nightly is what checks connections by night.
func (in *installation) nightly() *admin.NightlyChecks {
	return &admin.NightlyChecks{Admin: in.admin, Facts: in.store.Overview, Log: in.log}
}

// countedTests keeps test logins and counts those that come to an end.
type countedTests struct {
	*ledger.Tests
	overview *store.Overview
}

// Answer is ledger.Tests.Answer.
func (t countedTests) Answer(ctx context.Context, id string, report []byte, published bool, now time.Time) (bool, error) {
	first, err := t.Tests.Answer(ctx, id, report, published, now)
	if err != nil || !first {
		return first, err
	}
	var r struct {
		Status string `json:"status"`
	}
	if err := json.Unmarshal(report, &r); err != nil {
		return true, err
	}
	test, err := t.Get(ctx, id)
	if err != nil {
		return true, err
	}
	return true, t.overview.Tested(ctx, test.Realm, test.Connection, test.Actor, r.Status == "passed", now)
}
