//go:build interop

// Package interop drives the real binary against programs that nobody here wrote: SimpleSAMLphp, oidc-provider,
// openid-client, mod_auth_openidc and keycloak-js, in a real browser, every party on a site of its own.
// `make interop` installs them and runs this; docs/interop.md says what was seen.
package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

type obj = map[string]any

const adminToken = "interop-admin-token-0123456789abcdef"

// process is a party's server and its log.
type process struct {
	name string
	cmd  *exec.Cmd
	mu   sync.Mutex
	log  bytes.Buffer
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// run starts a server and waits until it takes connections. It ends, with all it forked, with the test; its log is shown
// where the test failed.
func run(t *testing.T, name, port string, env []string, args ...string) *process {
	t.Helper()
	p := &process{name: name, cmd: exec.Command(args[0], args[1:]...)}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, tail(p.String(), 8000))
		}
	})
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			c.Close()
			return p
		}
	}
	t.Fatalf("%s does not listen:\n%s", name, p)
	return nil
}

func (p *process) stop(t *testing.T) {
	group := -p.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	done := make(chan struct{})
	go func() { _ = p.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Errorf("%s did not stop", p.name)
	}
	_ = syscall.Kill(group, syscall.SIGKILL)
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// broker is the binary, serving at sso.localhost.
type broker struct {
	*process
	t    *testing.T
	URL  string
	addr string
}

func startBroker(t *testing.T) *broker {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "cloakroom")
	build := exec.Command("go", "build", "-o", binary, "cloakroom/cmd/cloakroom")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	port := freePort(t)
	b := &broker{t: t, URL: "http://sso.localhost:" + port, addr: "127.0.0.1:" + port}
	b.process = run(t, "broker", port, []string{
		"CLOAKROOM_BASE_URL=" + b.URL, "CLOAKROOM_LISTEN=" + b.addr, "CLOAKROOM_ADMIN_TOKEN=" + adminToken,
		"CLOAKROOM_DATABASE_URL=sqlite:" + filepath.Join(dir, "cloakroom.db"), "CLOAKROOM_EGRESS_ALLOW=127.0.0.0/8,::1/128",
		"CLOAKROOM_LOG_FORMAT=json", "CLOAKROOM_DRAIN_DELAY=0s",
	}, binary, "serve")
	return b
}

func (b *broker) issuer() string { return b.URL + "/realms/acme" }

// api calls the admin API. out may be nil.
func (b *broker) api(method, path string, body any, want int, out any) {
	b.t.Helper()
	sent, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+b.addr+"/api/v1"+path, bytes.NewReader(sent))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", map[bool]string{true: "application/merge-patch+json", false: "application/json"}[method == http.MethodPatch])
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	var answer bytes.Buffer
	_, _ = answer.ReadFrom(res.Body)
	if res.StatusCode != want {
		b.t.Fatalf("%s %s: %d, want %d: %s", method, path, res.StatusCode, want, &answer)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(answer.Bytes(), out); err != nil {
		b.t.Fatalf("%s %s: %v in %s", method, path, err, &answer)
	}
}

// connect makes a connection and answers what is to be handed to the identity provider's administrator.
func (b *broker) connect(slug string, body obj) map[string]any {
	b.t.Helper()
	body["slug"] = slug
	b.api("POST", "/realms/acme/connections", body, 201, nil)
	var handover map[string]any
	b.api("GET", "/realms/acme/connections/"+slug+"/handover", nil, 200, &handover)
	return handover
}

func (b *broker) client(id string, body obj) {
	b.t.Helper()
	body["client_id"], body["protocol"], body["enabled"] = id, "oidc", true
	b.api("POST", "/realms/acme/clients", body, 201, nil)
}

// logged tells whether the broker's log has a line with all of these.
func (b *broker) logged(parts ...string) bool {
	for line := range strings.SplitSeq(b.String(), "\n") {
		all := true
		for _, p := range parts {
			all = all && strings.Contains(line, p)
		}
		if all {
			return true
		}
	}
	return false
}

func asset(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: run make interop, which installs it", err)
	}
	return path
}

func env(pairs ...string) []string {
	var out []string
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, fmt.Sprintf("%s=%s", pairs[i], pairs[i+1]))
	}
	return out
}
