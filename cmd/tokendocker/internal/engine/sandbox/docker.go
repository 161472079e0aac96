package sandbox

import (
	"context"
	"encoding/csv"
	"errors"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/proc"
)

// label is on every docker object of a sandbox; its value is the state id.
const label = "dev.tokendocker.state"

// docker runs one docker command and returns what it printed to standard output.
func docker(ctx context.Context, args ...string) (string, error) {
	return proc.Output(ctx, proc.Command{Name: "docker " + args[0], Argv: append([]string{"docker"}, args...)})
}

// cleanUp is how long docker has to end what stands in the way of nobody but the next run.
const cleanUp = 30 * time.Second

// detached calls what cleans up after a context that may have ended. A docker engine that hangs does not keep it.
func (s *Sandbox) detached(ctx context.Context, clean func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	ctx, end := s.patient(ctx)
	defer end()
	return clean(ctx)
}

// whole makes something in docker. It is not interrupted: the daemon would go on with what its client has left, and make
// it after everything was cleaned up.
func (s *Sandbox) whole(ctx context.Context, args ...string) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	err := s.detached(ctx, func(ctx context.Context) error {
		_, err := docker(ctx, args...)
		return err
	})
	if gone := context.Cause(ctx); gone != nil {
		return gone
	}
	return err
}

// labelled lists the objects of one kind ("container", "network" or "volume") that belong to a state, by name.
func labelled(ctx context.Context, kind, state string) ([]string, error) {
	args := []string{kind, "ls", "--filter", "label=" + label + "=" + state, "--format", "{{.Name}}"}
	if kind == "container" {
		args[len(args)-1] = "{{.Names}}"
		args = append(args, "--all")
	}
	out, err := docker(ctx, args...)
	return strings.Fields(out), err
}

// kinds are the kinds of objects of a sandbox, in the order in which they can be removed.
var kinds = []string{"container", "network", "volume"}

// Leftovers lists what exists of a state's sandbox: "container tokendocker-abc-gateway".
func Leftovers(ctx context.Context, state string) ([]string, error) {
	var found []string
	for _, kind := range kinds {
		names, err := labelled(ctx, kind, state)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			found = append(found, kind+" "+n)
		}
	}
	return found, nil
}

// Sweep removes whatever exists of a state's sandbox, running or not: also what a process that was killed left.
// Nothing of that state must be in use. To sweep twice is no error.
func Sweep(ctx context.Context, state string) error {
	var failed error
	for _, kind := range kinds {
		failed = errors.Join(failed, sweep(ctx, kind, state))
	}
	return failed
}

// sweep removes a state's objects of one kind. It tries for some seconds: the daemon frees volumes and networks a
// little after their containers have gone, and another command may be removing the same objects.
func sweep(ctx context.Context, kind, state string) error {
	args := map[string][]string{
		"container": {"rm", "--force", "--volumes"},
		"network":   {"network", "rm"},
		"volume":    {"volume", "rm", "--force"},
	}[kind]
	for try := 0; ; try++ {
		names, err := labelled(ctx, kind, state)
		if err != nil || len(names) == 0 {
			return err
		}
		_, err = docker(ctx, append(args[:len(args):len(args)], names...)...)
		if err == nil || try == 20 {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// mount is the value of docker's --mount: fields in CSV, so that paths may hold commas and quotes.
func mount(fields ...string) string {
	var line strings.Builder
	w := csv.NewWriter(&line)
	_ = w.Write(fields) // a strings.Builder never fails
	w.Flush()
	return "--mount=" + strings.TrimSuffix(line.String(), "\n")
}

// dockerCombined is docker with standard error added to the output.
func dockerCombined(ctx context.Context, args ...string) (string, error) {
	var out strings.Builder
	err := proc.Run(ctx, proc.Command{Name: "docker " + args[0], Argv: append([]string{"docker"}, args...), Stdout: &out, Stderr: &out})
	return strings.TrimSpace(out.String()), err
}
