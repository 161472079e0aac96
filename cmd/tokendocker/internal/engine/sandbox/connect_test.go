package sandbox_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
)

// host lets docker commands connect to a sandbox over a socket, and returns its address.
func host(t *testing.T, s *sandbox.Sandbox) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = s.Connect(t.Context(), conn) }() // the docker command says what is wrong
		}
	}()
	return "unix://" + socket
}

func dockerAt(t *testing.T, host, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "docker", append([]string{"--host", host}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// TestConnect: a docker command of this machine's reaches the sandbox's own daemon, and streams go through both ways.
func TestConnect(t *testing.T) {
	at := host(t, newSandbox(t, shared.state+"-connect"))
	if said, err := dockerAt(t, at, "", "info", "--format", "{{.Name}}"); err != nil || strings.TrimSpace(said) != "engine" {
		t.Fatalf("%v: %s", err, said)
	}
	if said, err := dockerAt(t, at, "FROM scratch\nLABEL of=connect\n", "build", "--tag", "connected", "-"); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if said, err := dockerAt(t, at, "", "image", "inspect", "--format", "{{.Config.Labels.of}}", "connected"); err != nil || strings.TrimSpace(said) != "connect" {
		t.Errorf("%v: %s", err, said)
	}
}

// TestConnectSaysWhy: where the daemon cannot start, it is the docker command that says so.
func TestConnectSaysWhy(t *testing.T) {
	config := shared.outside.config(t, shared.state+"-deaf", false)
	config.Sockets += "-nonesuch"
	s, err := sandbox.New(config)
	if err != nil {
		t.Fatal(err)
	}
	said, err := dockerAt(t, host(t, s), "", "image", "ls")
	if err == nil || !strings.Contains(said, "starting the sandbox") || !strings.Contains(said, "-nonesuch") {
		t.Errorf("%v: %s", err, said)
	}
}
