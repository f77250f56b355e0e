package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"cloakroom/broker/egress"
)

// receiver is an OTLP/HTTP receiver that keeps what it gets.
type receiver struct {
	mu    sync.Mutex
	spans []*otlp.Span
	raw   strings.Builder
	path  string
}

func (r *receiver) ServeHTTP(_ http.ResponseWriter, req *http.Request) {
	b, _ := io.ReadAll(req.Body)
	var sent collector.ExportTraceServiceRequest
	_ = proto.Unmarshal(b, &sent)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.path = req.URL.Path
	r.raw.Write(b)
	for _, rs := range sent.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			r.spans = append(r.spans, ss.Spans...)
		}
	}
}

// TestTracing sends a request that fetches something to a receiver: a span of each, one below the other, with nothing in
// them that opens anything or tells of a person.
func TestTracing(t *testing.T) {
	r := &receiver{}
	otlpServer, upstream := httptest.NewServer(r), httptest.NewServer(http.NotFoundHandler())
	defer otlpServer.Close()
	defer upstream.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", otlpServer.URL)
	spans, err := startTracing(t.Context(), []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + otlpServer.URL}, slog.New(slog.DiscardHandler))
	if err != nil || spans == nil {
		t.Fatal(spans, err)
	}
	client := egress.Client(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	egress.Watch(client, spans.fetch)
	req := httptest.NewRequest(http.MethodGet, "/setup/secret-of-a-setup-link?email=anna@acme.example", nil)
	req.Header.Set("User-Agent", "secret-agent")
	req.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	for _, trusted := range []bool{false, true} {
		ctx, end := spans.request(req, "/setup/:token", trusted)
		fetch(ctx, t, client, upstream.URL+"/secret-of-a-webhook?token=secret-in-a-query")
		end(http.StatusOK)
	}
	_, end := spans.request(httptest.NewRequest("MADEUP", "/", nil), "", false)
	end(http.StatusInternalServerError)
	if err := spans.stop(); err != nil {
		t.Fatal(err)
	}
	r.check(t)
}

func fetch(ctx context.Context, t *testing.T, client *http.Client, url string) {
	t.Helper()
	out, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(out)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
}

func (r *receiver) check(t *testing.T) {
	t.Helper()
	var names []string
	byID := map[string]*otlp.Span{}
	for _, s := range r.spans {
		names = append(names, s.Name)
		byID[string(s.SpanId)] = s
	}
	slices.Sort(names)
	if got := strings.Join(names, ", "); got != "GET, GET, GET /setup/:token, GET /setup/:token, other" || r.path != "/v1/traces" {
		t.Fatalf("%s: %s", r.path, got)
	}
	joined := 0
	for _, s := range r.spans {
		if s.Name == "GET" && (byID[string(s.ParentSpanId)] == nil || s.Kind != otlp.Span_SPAN_KIND_CLIENT) {
			t.Errorf("a fetch below nothing: %v", s)
		}
		if s.Name == "GET /setup/:token" && len(s.ParentSpanId) > 0 {
			joined++
		}
		if failed := s.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR; failed != (s.Name == "other") {
			t.Errorf("%s: %v", s.Name, s.Status)
		}
	}
	if joined != 1 {
		t.Errorf("%d requests joined the trace that their header names; a trusted proxy's does, a stranger's does not", joined)
	}
	if s := r.raw.String(); strings.Contains(s, "secret") || strings.Contains(s, "anna@") || !strings.Contains(s, "cloakroom") {
		t.Errorf("what was sent: %q", s)
	}
}

// TestTracingIsOff: without a receiver there is nothing, and a protocol that is not spoken is said.
func TestTracingIsOff(t *testing.T) {
	endpoint := "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"
	for _, env := range [][]string{nil, {"OTEL_EXPORTER_OTLP_ENDPOINT="}, {endpoint, "OTEL_SDK_DISABLED=true"}, {endpoint, "OTEL_TRACES_EXPORTER=none"}} {
		if spans, err := startTracing(t.Context(), env, slog.New(slog.DiscardHandler)); spans != nil || err != nil {
			t.Errorf("%v: %v %v", env, spans, err)
		}
	}
	if _, err := startTracing(t.Context(), []string{endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "grpc") {
		t.Errorf("grpc: %v", err)
	}
}
