package proc_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/proc"
)

func bash(script string) proc.Command {
	return proc.Command{Name: "script", Argv: []string{"bash", "-c", script}}
}

func TestRun(t *testing.T) {
	cases := []struct {
		name     string
		command  proc.Command
		exitCode int
		want     string // in the error's text; empty: no error
	}{
		{"success", bash("true"), 0, ""},
		{"exit code and the output's tail", bash("echo out; echo err >&2; exit 7"), 7, "script: exit status 7: "},
		{"a signal", bash("kill -9 $$"), 137, "script: signal: killed"},
		{"no such program", proc.Command{Argv: []string{"/no/such/program"}}, -1, "no such file"},
		{"no program", proc.Command{Name: "nothing"}, -1, "nothing: there is no program to run"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := proc.Run(t.Context(), c.command)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			e, ok := errors.AsType[*proc.Error](err)
			if !ok || e.ExitCode != c.exitCode || !strings.Contains(e.Error(), c.want) {
				t.Fatalf("got %v (%#v), want exit code %d and %q", err, e, c.exitCode, c.want)
			}
		})
	}
}

func TestTailIsTheLastWholeLines(t *testing.T) {
	err := proc.Run(t.Context(), bash("for i in {1..20000}; do echo line $i; done; exit 1"))
	e, ok := errors.AsType[*proc.Error](err)
	if !ok || !strings.HasPrefix(e.Tail, "line ") || !strings.HasSuffix(e.Tail, "\nline 20000") || len(e.Tail) > 8<<10 {
		t.Fatalf("got %d bytes: %.40q", len(e.Tail), e.Tail)
	}
}

func TestInputAndOutput(t *testing.T) {
	c := bash("cat; echo error >&2")
	var stderr bytes.Buffer
	c.Stdin, c.Stderr = strings.NewReader("input\n"), &stderr
	out, err := proc.Output(t.Context(), c)
	if err != nil || out != "input" || stderr.String() != "error\n" {
		t.Fatalf("got %q, %q, %v", out, stderr.String(), err)
	}
}

// TestCancelEndsTheGroup cancels a process that ignores SIGINT and has a child of its own: both must be gone.
func TestCancelEndsTheGroup(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pid")
	c := bash("trap '' INT; sleep 1000 & echo $! > " + file + "; wait; sleep 1000")
	c.Grace = 200 * time.Millisecond
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	go func() {
		for {
			if text, _ := os.ReadFile(file); len(text) > 0 {
				cancel(cause)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	start := time.Now()
	err := proc.Run(ctx, c)
	if !errors.Is(err, cause) || time.Since(start) > 5*time.Second {
		t.Fatalf("got %v after %v", err, time.Since(start))
	}
	text, _ := os.ReadFile(file)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	for range 100 {
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) || isZombie(pid) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("process %d, a child of the cancelled one, is still there", pid)
}

// isZombie reports whether pid has ended and waits for a parent that collects it, which some containers lack.
func isZombie(pid int) bool {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(text), ") Z ")
}

func TestInterruptIsSentFirst(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	c := bash("trap 'echo interrupted >&2; exit 3' INT; echo ready; while :; do sleep 0.01; done")
	c.Stdout = writer
	go func() {
		_, _ = reader.Read(make([]byte, 6))
		cancel()
	}()
	e, ok := errors.AsType[*proc.Error](proc.Run(ctx, c))
	if !ok || e.ExitCode != 3 || !strings.Contains(e.Tail, "interrupted") || !errors.Is(e, context.Canceled) {
		t.Fatalf("got %#v", e)
	}
}

// TestEndedBefore: a command that is not even started says why, as one that is ended does.
func TestEndedBefore(t *testing.T) {
	why := errors.New("nobody waits any more")
	ctx, end := context.WithCancelCause(t.Context())
	end(why)
	if err := proc.Run(ctx, bash("true")); !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
}
