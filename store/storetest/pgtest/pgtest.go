// Package pgtest gives tests a PostgreSQL of their own: a throwaway cluster in a temporary directory, started as an
// unprivileged user, or the server that CLOAKROOM_TEST_POSTGRES names. A process shares one cluster; each test gets a
// fresh database in it.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Start answers the URL of an empty database that goes away with the test. Without a PostgreSQL the test is skipped, or
// fails where CI or CLOAKROOM_TEST_REQUIRE is set.
func Start(tb testing.TB) string {
	tb.Helper()
	if admin := os.Getenv("CLOAKROOM_TEST_POSTGRES"); admin != "" {
		return database(tb, admin, "")
	}
	c, err := shared()
	if err != nil {
		missing(tb, err)
	}
	return c.URL(tb)
}

// Filled is Start with a database that fill has filled, such as by migrating it. On a cluster of ours fill is called once
// a process, and what it made is copied for each test. It must leave no connection open.
func Filled(tb testing.TB, fill func(url string) error) string {
	tb.Helper()
	if os.Getenv("CLOAKROOM_TEST_POSTGRES") != "" { // nothing would take the model away again
		fresh := Start(tb)
		if err := fill(fresh); err != nil {
			tb.Fatal(err)
		}
		return fresh
	}
	c, err := shared()
	if err != nil {
		missing(tb, err)
	}
	c.once.Do(func() {
		execute(tb, c.admin(), "CREATE DATABASE "+model)
		c.filled = fill(address(tb, c.admin(), model))
	})
	if c.filled != nil {
		tb.Fatal(c.filled)
	}
	return database(tb, c.admin(), " TEMPLATE "+model)
}

// model is the database that Filled copies.
const model = "model"

// Own starts a cluster for this test alone, which it may stop and restart.
func Own(tb testing.TB) *Cluster {
	tb.Helper()
	c, err := newCluster()
	if err != nil {
		missing(tb, err)
	}
	tb.Cleanup(c.remove)
	return c
}

func missing(tb testing.TB, err error) {
	tb.Helper()
	if os.Getenv("CI") == "true" || os.Getenv("CLOAKROOM_TEST_REQUIRE") != "" {
		tb.Fatalf("no PostgreSQL to test with: %v", err)
	}
	tb.Skipf("no PostgreSQL to test with (%v): apt-get install postgresql, or set CLOAKROOM_TEST_POSTGRES", err)
}

var shared = sync.OnceValues(newCluster)

// Cluster is a running server.
type Cluster struct {
	dir    string
	bin    string
	as     *syscall.Credential
	keeper io.Closer
	ended  chan struct{}
	once   sync.Once // the model is made
	filled error
}

// serial numbers the databases of a process.
var serial atomic.Int64

func newCluster() (*Cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin, ended: make(chan struct{})}
	if c.as, err = unprivileged(); err != nil {
		return nil, err
	}
	if c.dir, err = os.MkdirTemp("", "pgtest"); err != nil {
		return nil, err
	}
	if err := c.begin(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(c.dir))
	}
	return c, nil
}

func (c *Cluster) begin() error {
	if c.as != nil {
		if err := os.Chown(c.dir, int(c.as.Uid), int(c.as.Gid)); err != nil {
			return err
		}
	}
	if err := c.keep(); err != nil {
		return err
	}
	if err := c.run("initdb", "-D", c.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"); err != nil {
		return err
	}
	return c.start()
}

// keep starts a shell that ends the server and removes its files when this process ends, however it ends: the pipe it
// reads from is then closed.
func (c *Cluster) keep() error {
	cmd := c.command("/bin/sh", "-c", `read x; "$1/pg_ctl" -D "$2/data" -m immediate -w stop; rm -rf "$2"`, "sh", c.bin, c.dir)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	c.keeper = pipe
	go func() { _ = cmd.Wait(); close(c.ended) }()
	return nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + c.dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Setpgid: true}
	return cmd
}

// run runs one of PostgreSQL's programs. Its output goes to a file: the server would hold a pipe open.
func (c *Cluster) run(program string, args ...string) error {
	out, err := os.CreateTemp("", "pgtest-out")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd := c.command(filepath.Join(c.bin, program), args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %w: %s", program, err, said)
	}
	return nil
}

func (c *Cluster) start() error {
	return c.run("pg_ctl", "-D", c.data(), "-l", filepath.Join(c.dir, "log"), "-w", "-t", "60",
		"-o", "-c listen_addresses='' -c unix_socket_directories="+c.dir+" -c fsync=off -c max_connections=200 -c shared_buffers=64MB", "start")
}

// Launch starts a stopped server.
func (c *Cluster) Launch(tb testing.TB) {
	tb.Helper()
	if err := c.start(); err != nil {
		tb.Fatal(err)
	}
}

// Stop stops the server; mode is fast (connections are told) or immediate (as a crash).
func (c *Cluster) Stop(tb testing.TB, mode string) {
	tb.Helper()
	if err := c.run("pg_ctl", "-D", c.data(), "-m", mode, "-w", "stop"); err != nil {
		tb.Fatal(err)
	}
}

// Restart stops and starts the server.
func (c *Cluster) Restart(tb testing.TB, mode string) {
	tb.Helper()
	c.Stop(tb, mode)
	c.Launch(tb)
}

// URL answers the URL of a fresh database.
func (c *Cluster) URL(tb testing.TB) string {
	tb.Helper()
	return database(tb, c.admin(), "")
}

func (c *Cluster) admin() string {
	return "postgres://postgres@/postgres?host=" + url.QueryEscape(c.dir)
}

// remove ends the server and removes its files.
func (c *Cluster) remove() {
	_ = c.keeper.Close()
	select {
	case <-c.ended:
	case <-time.After(30 * time.Second):
	}
}

// database makes a database on the server of the URL admin.
func database(tb testing.TB, admin, options string) string {
	tb.Helper()
	name := fmt.Sprintf("t%d_%d", os.Getpid(), serial.Add(1))
	execute(tb, admin, "CREATE DATABASE "+name+options)
	tb.Cleanup(func() {
		if err := try(admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			tb.Logf("drop database: %v", err)
		}
	})
	return address(tb, admin, name)
}

// address is the URL of another database of the same server.
func address(tb testing.TB, admin, name string) string {
	tb.Helper()
	u, err := url.Parse(admin)
	if err != nil {
		tb.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// Terminate ends all connections to the database of the URL, as an administrator would.
func Terminate(tb testing.TB, dbURL string) {
	tb.Helper()
	execute(tb, dbURL, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
}

func execute(tb testing.TB, dbURL, query string) {
	tb.Helper()
	if err := try(dbURL, query); err != nil {
		tb.Fatal(err)
	}
}

func try(dbURL, query string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, dbURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, query)
	return err
}

// binaries finds the folder with initdb: PATH, then where Debian puts the newest version.
func binaries() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("initdb is neither on PATH nor in /usr/lib/postgresql")
	}
	number := func(p string) int { n, _ := strconv.Atoi(strings.Split(p, "/")[4]); return n }
	slices.SortFunc(found, func(a, b string) int { return number(b) - number(a) })
	return filepath.Dir(found[0]), nil
}

// unprivileged answers whom to run the server as when this process is root, which PostgreSQL refuses to be.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("there is neither a user postgres nor a user nobody to run it as")
}
