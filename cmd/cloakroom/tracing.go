package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"cloakroom/broker/fault"
)

// tracing makes a span of every request and of every call to an identity provider or webhook. A span has the pattern of
// the route and the host that was called: never a path, a query, an address of a person or a name, which may be secret or
// somebody's own. Instrumentation made for all servers (otelgin, otelhttp) sends those.
type tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// startTracing answers nil unless the standard OpenTelemetry variables name a receiver. How to reach it, what to sample and
// what else to say of this service the libraries read from these variables themselves.
func startTracing(ctx context.Context, env []string, log *slog.Logger) (*tracing, error) {
	vars := otelVariables(env)
	if vars["OTEL_EXPORTER_OTLP_ENDPOINT"] == "" && vars["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] == "" ||
		strings.EqualFold(vars["OTEL_SDK_DISABLED"], "true") || strings.EqualFold(vars["OTEL_TRACES_EXPORTER"], "none") {
		return nil, nil
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if v := vars[name]; v != "" && v != "http/protobuf" {
			return nil, hinted{errors.New(name + " is " + v + ", which is not spoken here"), "set it to http/protobuf; a collector takes that on port 4318"}
		}
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, hinted{err, "check OTEL_EXPORTER_OTLP_ENDPOINT"}
	}
	service, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "cloakroom"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return nil, hinted{err, "check OTEL_RESOURCE_ATTRIBUTES"}
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("spans are not delivered", "error", err) }))
	p := sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(service))
	return &tracing{p, p.Tracer("cloakroom", trace.WithInstrumentationVersion(version))}, nil
}

func otelVariables(env []string) map[string]string {
	out := map[string]string{}
	for _, kv := range env {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, "OTEL_") {
			out[k] = v
		}
	}
	return out
}

// stop sends what is still here.
func (t *tracing) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// request is a web.Web's Trace. Only a trusted proxy's word is taken for what a request belongs to.
func (t *tracing) request(r *http.Request, route string, trusted bool) (context.Context, func(status int)) {
	ctx := r.Context()
	if trusted {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
	}
	method := knownMethod(r.Method)
	ctx, span := t.tracer.Start(ctx, strings.TrimSpace(method+" "+route), trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route)))
	return ctx, func(status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// fetch is an egress client's Trace. The other side is not told of the trace: it is nobody of ours.
func (t *tracing) fetch(ctx context.Context, method, host string) (context.Context, func(status int, err error)) {
	ctx, span := t.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("http.request.method", method), attribute.String("server.address", host)))
	return ctx, func(status int, err error) {
		if err != nil {
			span.SetAttributes(attribute.String("error.type", string(fault.CodeOf(err))))
			span.SetStatus(codes.Error, "")
		} else {
			span.SetAttributes(attribute.Int("http.response.status_code", status))
		}
		span.End()
	}
}
