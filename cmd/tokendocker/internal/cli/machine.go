package cli

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
)

// leastFree is how many bytes the disk of a state folder must have free. With less, nothing that the engine stores is
// sure to be kept.
const leastFree = 256 << 10

var errDiskFull = errors.New("the disk of the state folder is full")

// watchMachine returns a context that ends when the disk of a state folder is full, or when the docker engine hangs.
// An engine that can store nothing answers nobody, and who waits for an answer of its, or of docker's, would wait for
// an hour.
func watchMachine(ctx context.Context, dir string) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	go func() {
		if err := sandbox.Watch(ctx); err != nil {
			end(err)
		}
	}()
	go func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if free, known := freeBytes(dir); known && free < leastFree {
					end(errDiskFull)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, func() { end(context.Canceled) }
}

// freeBytes returns what the disk of a folder, or of the nearest one above it that there is, has free for this user.
func freeBytes(dir string) (free uint64, known bool) {
	var disk syscall.Statfs_t
	for syscall.Statfs(dir, &disk) != nil {
		up := filepath.Dir(dir)
		if up == dir {
			return 0, false
		}
		dir = up
	}
	return disk.Bavail * uint64(disk.Bsize), true
}

// explained says of a rehearsal that failed whether the machine was the reason: a full disk, or a docker engine that is
// gone.
func (r *rehearsal) explained(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	kind := fault.KindOf(err)
	full := errors.Is(err, syscall.ENOSPC) || kind != fault.Deploy && strings.Contains(err.Error(), syscall.ENOSPC.Error()) // a deploy's text may be a build's
	switch {
	case errors.Is(context.Cause(ctx), errDiskFull), full && strings.Contains(err.Error(), r.State):
		return fault.New(fault.Machine, "make room there or name another folder with --state; the next rehearsal rolls back what was not finished",
			"the disk of the state folder %s is full", r.State)
	case full:
		return fault.New(fault.Machine, "make room there; TMPDIR names the folder of temporary files", "a disk of this machine is full: %v", err)
	}
	const gone, mend = "the docker engine does not answer any more: %s", "start it (scripts/setup does); the next rehearsal removes what was left running"
	if errors.Is(context.Cause(ctx), sandbox.ErrHangs) {
		return fault.New(fault.Machine, mend, gone, "it hangs")
	}
	if kind != fault.Deploy || r.engine == nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if sandbox.Check(ctx) != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return fault.New(fault.Machine, mend, gone, first)
	}
	return err
}
