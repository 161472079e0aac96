package sandbox_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
)

// hangingDocker makes docker commands of this process ask an engine that never answers.
func hangingDocker(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "docker-") // t.TempDir's path may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "docker.sock")
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
			go io.Copy(io.Discard, conn) //nolint:errcheck // until the client goes away
		}
	}()
	t.Setenv("DOCKER_HOST", "unix://"+socket)
}

// TestGivenUpDocker: what waits for a docker engine that hangs ends when that is given up, and nothing waits for it
// afterwards.
func TestGivenUpDocker(t *testing.T) {
	hangingDocker(t)
	s, err := sandbox.New(shared.outside.config(t, shared.state+"-hang", false))
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan error, 1)
	go func() { started <- s.Start(t.Context()) }()
	select {
	case err := <-started:
		t.Fatalf("Start did not wait for the docker engine: %v", err)
	case <-time.After(time.Second):
	}
	begin := time.Now()
	s.GiveUp()
	select {
	case err := <-started:
		if !errors.Is(err, sandbox.ErrHangs) {
			t.Errorf("Start: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Start still waits for the docker engine")
	}
	for name, do := range map[string]func(context.Context) error{
		"Start": s.Start, "Stop": s.Stop, "Sweep": s.Sweep,
		"NewContainer": func(ctx context.Context) error {
			_, err := s.NewContainer(ctx, sandbox.ContainerSpec{Name: "one"})
			return err
		},
	} {
		if err := do(context.Background()); !errors.Is(err, sandbox.ErrHangs) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("to give up took %v", took)
	}
}

// TestGivenUpContainer: a build container of a docker engine that hangs is left where it is.
func TestGivenUpContainer(t *testing.T) {
	state := shared.state + "-left"
	s, err := sandbox.New(shared.outside.config(t, state, false))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sandbox.Sweep(context.Background(), state); err != nil {
			t.Error(err)
		}
	})
	c, err := s.NewContainer(t.Context(), sandbox.ContainerSpec{Name: "one"})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := c.Exec(t.Context(), sandbox.ExecSpec{Argv: []string{"sleep", "1000"}})
		ended <- err
	}()
	time.Sleep(time.Second) // into the command
	hangingDocker(t)
	begin := time.Now()
	s.GiveUp()
	if err := <-ended; !errors.Is(err, sandbox.ErrHangs) {
		t.Errorf("Exec: %v", err)
	}
	_, err = c.Buildx(t.Context())
	for name, err := range map[string]error{"Kill": c.Kill(t.Context()), "Buildx": err, "Remove": c.Remove(t.Context())} {
		if !errors.Is(err, sandbox.ErrHangs) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("to give up took %v", took)
	}
}
