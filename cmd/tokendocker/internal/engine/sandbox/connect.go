package sandbox

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/proc"
)

// Connect connects a docker command to the sandbox's daemon, which it starts where it does not run yet, and returns
// when either side has ended. It closes conn. Where the daemon cannot be started the docker command says why.
func (s *Sandbox) Connect(ctx context.Context, conn net.Conn) error {
	defer conn.Close() //nolint:errcheck // closed already where the other side ended it
	ctx, end := s.patient(ctx)
	defer end()
	if err := s.Start(ctx); err != nil {
		refuse(conn, err)
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
	err = proc.Run(ctx, proc.Command{Name: "docker exec", Stdin: in, Stdout: conn, Grace: time.Second,
		Argv: []string{"docker", "exec", "--interactive", s.name("engine"), realDocker, "system", "dial-stdio"}})
	if failed, ok := errors.AsType[*proc.Error](err); ok && failed.ExitCode > 0 && !errors.Is(err, syscall.EPIPE) {
		// The process's output is what the daemon said to the docker command, no message for here.
		return fmt.Errorf("the connection to the docker daemon ended with exit code %d", failed.ExitCode)
	}
	return nil
}

// refuse answers a docker command's request with an error. Before that the command asks whether it has a daemon at all,
// and would not show an error in that place.
func refuse(conn net.Conn, why error) {
	body, _ := json.Marshal(map[string]string{"message": why.Error()}) // text always marshals
	for in := bufio.NewReader(conn); ; {
		request, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if strings.HasSuffix(request.URL.Path, "/_ping") {
			_, err = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 0\r\n\r\n")
		} else {
			_, err = fmt.Fprintf(conn, "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
				len(body), body)
		}
		if err != nil || !strings.HasSuffix(request.URL.Path, "/_ping") {
			return
		}
	}
}

// realDocker is the docker command in the sandbox's image; that in PATH is one that records builds.
const realDocker = "/usr/libexec/tokendocker/docker"

// Sweep removes what an earlier process left of this sandbox. One that runs is left as it is.
func (s *Sandbox) Sweep(ctx context.Context) error {
	ctx, end := s.patient(ctx)
	defer end()
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if s.started {
		return nil
	}
	return Sweep(ctx, s.config.State)
}
