// Package e2e tries the real binary: built once, started as its users start it, with real databases and, where a person
// is meant to be looking, a real browser.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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

var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cloakroom-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "cloakroom")
	args := []string{"build", "-o", path, "cloakroom/cmd/cloakroom"}
	if o := os.Getenv("OVERLAY"); o != "" {
		args = append([]string{"build", "-overlay", o}, args[1:]...)
	}
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

const adminToken = "e2e-admin-token-0123456789abcdef"

// instance is one running broker.
type instance struct {
	URL  string
	tb   testing.TB
	cmd  *exec.Cmd
	log  *logBuffer
	env  []string
	args []string
	addr string
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func freePort(tb testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

// start runs `cloakroom serve` with the settings (CLOAKROOM_… without the prefix) and waits until it is ready.
func start(tb testing.TB, settings map[string]string) *instance {
	tb.Helper()
	path, err := binary()
	if err != nil {
		tb.Fatal(err)
	}
	dir := tb.TempDir()
	port := freePort(tb)
	set := map[string]string{
		"BASE_URL": "http://localhost:" + port, "LISTEN": "127.0.0.1:" + port, "ADMIN_TOKEN": adminToken,
		"DATABASE_URL": "sqlite:" + filepath.Join(dir, "cloakroom.db"), "EGRESS_ALLOW": "127.0.0.0/8,::1/128", "LOG_FORMAT": "json", "DRAIN_DELAY": "0s",
	}
	for k, v := range settings {
		set[k] = v
	}
	i := &instance{tb: tb, URL: set["BASE_URL"], addr: set["LISTEN"], log: &logBuffer{}, args: []string{path, "serve"}}
	i.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir()}
	for k, v := range set {
		i.env = append(i.env, "CLOAKROOM_"+k+"="+v)
	}
	i.run()
	tb.Cleanup(func() {
		i.stop(syscall.SIGTERM)
		if tb.Failed() {
			tb.Logf("log of %s:\n%s", i.URL, tail(i.log.String(), 6000))
		}
	})
	return i
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

func (i *instance) run() {
	i.tb.Helper()
	i.cmd = exec.Command(i.args[0], i.args[1:]...)
	i.cmd.Env = i.env
	i.cmd.Stdout, i.cmd.Stderr = i.log, i.log
	if err := i.cmd.Start(); err != nil {
		i.tb.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		if r, err := http.Get("http://" + i.addr + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
		if i.cmd.ProcessState != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	i.tb.Fatalf("the broker did not become ready:\n%s", i.log)
}

func (i *instance) stop(sig syscall.Signal) {
	if i.cmd == nil || i.cmd.Process == nil {
		return
	}
	_ = i.cmd.Process.Signal(sig)
	done := make(chan struct{})
	go func() { _ = i.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(30 * time.Second):
		_ = i.cmd.Process.Kill()
		<-done
		i.tb.Error("the broker did not stop within 30 s")
	}
	i.cmd = nil
}

// kill is kill -9; restart with run.
func (i *instance) kill() { i.stop(syscall.SIGKILL) }

// api calls the admin API and fails the test where the status is not the wanted one. out may be nil.
func (i *instance) api(method, path string, body any, want int, out any) {
	i.tb.Helper()
	status, answer := i.try(method, path, body)
	if status != want {
		i.tb.Fatalf("%s %s: %d, want %d: %s", method, path, status, want, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			i.tb.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
}

func (i *instance) try(method, path string, body any) (int, []byte) {
	i.tb.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			i.tb.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+i.addr+"/api/v1"+path, r)
	if err != nil {
		i.tb.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		i.tb.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		i.tb.Fatal(err)
	}
	return res.StatusCode, b
}

type obj = map[string]any

func required(what string) bool {
	return os.Getenv("CI") != "" || strings.Contains(os.Getenv("CLOAKROOM_TEST_REQUIRE"), what)
}
