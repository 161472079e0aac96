package cli

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strconv"
	"syscall"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/cli/hosthandler"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
)

// start starts an engine with what this command's environment says about time, faults and secrets.
func start(ctx context.Context, o engine.Options, verbose bool, stderr io.Writer) (*engine.Engine, error) {
	var err error
	if o.Switches, err = switches.Parse(os.Getenv("TOKENDOCKER_REHEARSE_FAULTS")); err != nil {
		return nil, fault.Wrap(fault.Usage, "", err, "TOKENDOCKER_REHEARSE_FAULTS is wrong")
	}
	o.Scale = 1
	if text := os.Getenv("TOKENDOCKER_REHEARSE_TIME_SCALE"); text != "" {
		if o.Scale, err = strconv.ParseFloat(text, 64); err != nil || o.Scale < 1 {
			return nil, fault.New(fault.Usage, "for example 60", "TOKENDOCKER_REHEARSE_TIME_SCALE %q is not a number of at least 1", text)
		}
	}
	if o.Secrets, err = givenSecrets(os.Getenv("TOKENDOCKER_REHEARSE_SECRETS")); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.StateDir, 0o700); err != nil {
		return nil, unfit(o.StateDir, err)
	}
	if o.Builds, err = hosthandler.Unpack(o.StateDir); err != nil {
		return nil, unfit(o.StateDir, err)
	}
	level := slog.LevelError
	if verbose {
		level = slog.LevelDebug
	}
	o.Log = slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	e, err := engine.New(ctx, o)
	if err != nil {
		return nil, notStarted(o.StateDir, err)
	}
	return e, nil
}

// notStarted is what the user hears when an engine cannot start.
func notStarted(dir string, err error) error {
	if errors.Is(err, engine.ErrBusy) {
		return fault.New(fault.Machine, "wait for its end, or use another folder with --state",
			"another rehearsal or engine uses the state folder %s", dir)
	}
	if errors.Is(err, engine.ErrFormat) {
		return fault.New(fault.Machine, "delete it, or use another folder with --state",
			"the state folder %s was written by another version of tokendocker", dir)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return fault.New(fault.Machine, "use another --port, or none for a free one", "another program listens on the port")
	}
	if elsewhere, ok := errors.AsType[*engine.ElsewhereError](err); ok {
		return fault.New(fault.Usage, "delete them with --destroy, or use another folder with --state", "%v", elsewhere)
	}
	return unfit(dir, err)
}
