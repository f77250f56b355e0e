package fault_test

import (
	"slices"
	"testing"

	"cloakroom/broker/fault"
)

func TestLookalikesLeadBothWays(t *testing.T) {
	codes := func(c fault.Code) []fault.Code {
		var out []fault.Code
		for _, a := range fault.Lookalikes(c) {
			out = append(out, a.Code)
		}
		return out
	}
	for _, pair := range [][2]fault.Code{
		{fault.IdPAppUnknown, fault.IdPConsent},      // AADSTS650056
		{fault.IdPWrongAccount, fault.IdPAppUnknown}, // Google's app_not_configured_for_user
	} {
		if !slices.Contains(codes(pair[0]), pair[1]) || !slices.Contains(codes(pair[1]), pair[0]) {
			t.Errorf("%s and %s are not told of each other", pair[0], pair[1])
		}
	}
}

func TestLookalikesAreOthersAndOnce(t *testing.T) {
	for _, e := range fault.All() {
		seen := map[fault.Code]bool{e.Code: true}
		for _, a := range fault.Lookalikes(e.Code) {
			if _, known := fault.Find(a.Code); !known || seen[a.Code] {
				t.Errorf("%s: %s is unknown, itself or there twice", e.Code, a.Code)
			}
			seen[a.Code] = true
		}
	}
	if got := fault.Lookalikes(fault.Internal); got != nil {
		t.Errorf("nothing looks like our own mistake, got %v", got)
	}
}

func TestNeighboursAskWhatTellsThemApart(t *testing.T) {
	for _, e := range fault.All() {
		for _, a := range fault.Neighbours(e.Code) {
			if a.Question == "" {
				t.Errorf("%s: nothing tells %s apart", e.Code, a.Code)
			}
		}
	}
}
