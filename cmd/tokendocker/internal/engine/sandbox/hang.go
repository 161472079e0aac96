package sandbox

import (
	"context"
	"errors"
	"time"
)

// ErrHangs says that the docker engine takes questions and does not answer them.
var ErrHangs = errors.New("the docker engine hangs")

// Docker may take its time on a busy machine; it hangs when it does not answer this often in a row.
const (
	watchPause    = 10 * time.Second
	watchPatience = 15 * time.Second
	watchTries    = 2
)

// Watch asks the docker engine again and again whether it is there. It returns ErrHangs when that does not answer any
// more, and nil when the context ends. A docker engine that refuses to answer does not hang: whoever needs it hears of
// that at once.
func Watch(ctx context.Context) error {
	for misses := 0; misses < watchTries; {
		if misses == 0 {
			select {
			case <-time.After(watchPause):
			case <-ctx.Done():
				return nil
			}
		}
		try, cancel := context.WithTimeout(ctx, watchPatience)
		misses++
		if !hangs(try) {
			misses = 0
		}
		cancel()
		if ctx.Err() != nil {
			return nil //nolint:nilerr // nobody watches any more, whatever the last try said
		}
	}
	return ErrHangs
}

// hangs reports whether the docker engine takes a question and does not answer it before the context ends.
func hangs(ctx context.Context) bool {
	_, err := docker(ctx, "version", "--format", "{{.Server.Version}}")
	return err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded)
}

// GiveUp says that the docker engine hangs. Whatever of this sandbox waits for it fails with ErrHangs at once, and so
// does whatever would ask it from now on, Stop too. What runs stays, for the next sandbox of that state to remove.
func (s *Sandbox) GiveUp() { s.giveUp(ErrHangs) }

// patient returns a context that also ends when the docker engine is given up.
func (s *Sandbox) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	if s.hung.Err() != nil {
		end(ErrHangs) // at once: AfterFunc needs a moment
	}
	forget := context.AfterFunc(s.hung, func() { end(ErrHangs) })
	return ctx, func() {
		forget()
		end(nil)
	}
}
