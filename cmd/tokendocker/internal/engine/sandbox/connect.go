package sandbox

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/proc"
)

// Connect connects a docker command to the sandbox's daemon, which it starts where it does not run yet, and returns
// when either side has ended. It closes conn.
func (s *Sandbox) Connect(ctx context.Context, conn net.Conn) error {
	defer conn.Close() //nolint:errcheck // closed already where the other side ended it
	if err := s.Start(ctx); err != nil {
		return err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("connect to the docker daemon: %w", err)
	}
	defer in.Close() //nolint:errcheck // the process has it
	go func() {
		_, _ = io.Copy(out, conn) // the end of either side ends the connection
		_ = out.Close()
	}()
	return proc.Run(ctx, proc.Command{Name: "docker exec", Stdin: in, Stdout: conn, Grace: time.Second,
		Argv: []string{"docker", "exec", "--interactive", s.name("engine"), realDocker, "system", "dial-stdio"}})
}

// realDocker is the docker command in the sandbox's image; that in PATH is one that records builds.
const realDocker = "/usr/libexec/tokendocker/docker"

// Sweep removes what an earlier process left of this sandbox. One that runs is left as it is.
func (s *Sandbox) Sweep(ctx context.Context) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if s.started {
		return nil
	}
	return Sweep(ctx, s.config.State)
}
