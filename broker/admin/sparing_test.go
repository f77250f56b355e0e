package admin_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"cloakroom/broker"
	"cloakroom/broker/admin"
	"cloakroom/broker/fault"
	"cloakroom/providers"
)

// refusing is a directory that refuses the service account. It notes whether a check would have tried its password.
type refusing struct {
	providers.Provider
	tried *[]bool
}

func (r refusing) Preflight(ctx context.Context) []providers.Finding {
	*r.tried = append(*r.tried, providers.Spared(ctx) == "")
	return []providers.Finding{{Err: fault.New(fault.LDAPService, "svc"), Severity: "error", Check: "bind"}}
}

// A service account that was refused is tried by night only after somebody has changed the connection, so that checks do
// not lock it; whoever asks for a check has it tried.
func TestNightlyChecksSpareARefusedAccount(t *testing.T) {
	h := newHouse(t)
	h.realm(t, "acme")
	h.connection(t, "acme", "corp")
	var tried []bool
	h.Open = func(context.Context, *broker.Connection) (providers.Provider, error) {
		return refusing{tried: &tried}, nil
	}
	night := &admin.NightlyChecks{Admin: h.Service, Facts: h.store.Overview, Log: slog.New(slog.DiscardHandler)}
	sleep := func() {
		t.Helper()
		h.now = h.now.Add(48 * time.Hour)
		if n, err := night.Once(ctx); n != 1 || err != nil {
			t.Fatalf("%d checks, %v", n, err)
		}
	}
	sleep()
	sleep()
	sleep()
	h.now = h.now.Add(time.Minute)
	_, err := h.CheckConnection(ctx, owner, "acme", "corp")
	must(t, err)
	sleep()
	h.now = h.now.Add(time.Minute)
	_, err = h.UpdateConnection(ctx, owner, "acme", "corp", nil, []byte(`{"display_name":"Corp"}`))
	must(t, err)
	sleep()
	sleep()
	if want := []bool{true, false, false, true, false, true, false}; !slices.Equal(tried, want) {
		t.Errorf("tried %v, want %v", tried, want)
	}
}
