// Package proc runs a child process well: it ends with its context (first asked, then killed, with everything that it
// started), its pipes never block the caller, and an error shows the last lines of what it printed.
package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	defaultGrace = 5 * time.Second
	tailBytes    = 8 << 10
)

// A Command is a child process to run.
type Command struct {
	// Argv is the program, by name or path, and its arguments.
	Argv []string
	// Name stands for the command in errors. Default: the program's name; never its arguments, they may hold secrets.
	Name string
	// Dir is the working directory. Default: that of this process.
	Dir string
	// Env is the whole environment, each entry "NAME=value". Nil: that of this process.
	Env []string
	// Stdin is the child's standard input. Nil: empty.
	Stdin io.Reader
	// Stdout and Stderr receive what the child prints, in addition to the tail that errors show. Nil: the tail only.
	// Both may be the same writer; it is then never written to by two goroutines at once.
	Stdout, Stderr io.Writer
	// Grace is how long the process may take to end by itself after SIGINT. Default: 5 s.
	Grace time.Duration
}

// An Error says that a process could not be started, or did not end with exit code 0.
type Error struct {
	// Name is the command's name.
	Name string
	// ExitCode is the process's, 128 + the signal's number where one ended it, and -1 where it never ran.
	ExitCode int
	// Tail is the last of what it printed, at most 8 KiB of whole lines, without trailing space.
	Tail string
	// Err is the cause: the context's, if that ended the process.
	Err error
}

// Error returns one sentence and the output's tail.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %v", e.Name, e.Err)
	if e.Tail != "" {
		text += ": " + e.Tail
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A Process is a child that was started. Wait must be called once.
type Process struct {
	cmd  *exec.Cmd
	name string
	ctx  context.Context
	tail *tail
}

// Run starts c and waits for its end. The error is nil or an *Error.
func Run(ctx context.Context, c Command) error {
	p, err := Start(ctx, c)
	if err != nil {
		return err
	}
	return p.Wait()
}

// Output runs c and returns what it printed to standard output, without trailing space.
func Output(ctx context.Context, c Command) (string, error) {
	var out strings.Builder
	c.Stdout = &out
	err := Run(ctx, c)
	return strings.TrimRight(out.String(), " \n\t\r"), err
}

// Start starts c in a process group of its own. When ctx ends, the group gets SIGINT, and SIGKILL after c.Grace.
func Start(ctx context.Context, c Command) (*Process, error) {
	if len(c.Argv) == 0 {
		return nil, &Error{Name: c.Name, ExitCode: -1, Err: errors.New("there is no program to run")}
	}
	p := &Process{ctx: ctx, name: c.Name, tail: &tail{}}
	if p.name == "" {
		p.name = c.Argv[0]
	}
	p.cmd = exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdin = c.Dir, c.Env, c.Stdin
	p.cmd.Stdout, p.cmd.Stderr = p.output(c.Stdout), p.output(c.Stderr)
	if c.Stdout != nil && c.Stdout == c.Stderr {
		p.cmd.Stderr = p.cmd.Stdout // os/exec then uses one pipe and one goroutine
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.Cancel = func() error { return p.Signal(syscall.SIGINT) }
	p.cmd.WaitDelay = c.Grace
	if c.Grace <= 0 {
		p.cmd.WaitDelay = defaultGrace
	}
	if err := p.cmd.Start(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, &Error{Name: p.name, ExitCode: -1, Err: err}
	}
	return p, nil
}

// Pid is the child's process id, which is also that of its process group.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends s to the whole process group. A group that has ended is no error.
func (p *Process) Signal(s syscall.Signal) error {
	err := syscall.Kill(-p.Pid(), s)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// Wait waits for the process's end. The error is nil or an *Error; it wraps the context's error if that ended the
// process.
func (p *Process) Wait() error {
	err := p.cmd.Wait()
	if p.ctx.Err() != nil {
		// The first process is gone; what it left in its group must not stay.
		_ = p.Signal(syscall.SIGKILL)
	}
	if err == nil || errors.Is(err, exec.ErrWaitDelay) && p.cmd.ProcessState.Success() {
		return nil
	}
	if p.ctx.Err() != nil {
		err = context.Cause(p.ctx)
	}
	return &Error{Name: p.name, ExitCode: exitCode(p.cmd.ProcessState), Tail: p.tail.String(), Err: err}
}

func exitCode(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return s.ExitCode()
}

func (p *Process) output(w io.Writer) io.Writer {
	if w == nil {
		return p.tail
	}
	return io.MultiWriter(w, p.tail)
}

// A tail keeps the last bytes that were written to it.
type tail struct {
	mu    sync.Mutex
	bytes []byte
	cut   bool
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes = append(t.bytes, b...)
	if len(t.bytes) > 2*tailBytes {
		t.bytes = append([]byte(nil), t.bytes[len(t.bytes)-tailBytes:]...)
		t.cut = true
	}
	return len(b), nil
}

// String returns the tail, beginning with a whole line if it has been cut and has more than one.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text, cut := string(t.bytes), t.cut
	if len(text) > tailBytes {
		text, cut = text[len(text)-tailBytes:], true
	}
	if _, after, found := strings.Cut(text, "\n"); cut && found && after != "" {
		text = after
	}
	return strings.ToValidUTF8(strings.TrimSpace(text), "\uFFFD")
}
