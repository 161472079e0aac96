// Package clock is the engine's time. It starts at the real time and may run faster, so that minutes which AWS
// waits cost seconds in a test.
package clock

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Clock is simulated time. The zero value is not usable; call New. It is safe for concurrent use.
type Clock struct {
	factor float64

	mu      sync.Mutex
	shown   time.Time     // what the clock showed
	when    time.Time     // in real time
	slow    int           // how many want it to run no faster than real time
	changed chan struct{} // closes when the pace changes
}

// New returns a clock that shows the real time now and runs factor times as fast. A factor below 1 counts as 1.
func New(factor float64) *Clock {
	now := time.Now()
	return &Clock{factor: max(factor, 1), shown: now, when: now, changed: make(chan struct{})}
}

// Now returns the simulated time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	return c.shown.Add(time.Duration(float64(time.Since(c.when)) * c.pace()))
}

func (c *Clock) pace() float64 {
	if c.slow > 0 {
		return 1
	}
	return c.factor
}

// Slow lets the clock run no faster than real time until the function that it returns is called, once. It is for work
// that AWS would not have to do: while a machine of ours starts, no minutes of a build are over.
func (c *Clock) Slow() (faster func()) {
	c.slower(1)
	return sync.OnceFunc(func() { c.slower(-1) })
}

func (c *Clock) slower(by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shown, c.when = c.now(), time.Now()
	before := c.pace()
	c.slow += by
	if c.pace() != before {
		close(c.changed)
		c.changed = make(chan struct{})
	}
}

// Since returns the simulated time that has passed since t, which came from Now.
func (c *Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Real returns how long the simulated duration d takes where nothing slows the clock.
func (c *Clock) Real(d time.Duration) time.Duration { return time.Duration(float64(d) / c.factor) }

// left returns how long it takes at the present pace until the clock shows end, and what closes when the pace changes.
func (c *Clock) left(end time.Time) (time.Duration, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Duration(float64(end.Sub(c.now())) / c.pace()), c.changed
}

// Sleep waits for the simulated duration d. It returns the context's error if that ends first.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	end := c.Now().Add(d)
	for {
		left, changed := c.left(end)
		t := time.NewTimer(left)
		select {
		case <-t.C:
			return nil
		case <-changed:
			t.Stop()
		case <-ctx.Done():
			t.Stop()
			return context.Cause(ctx)
		}
	}
}

// After returns a channel that is closed after the simulated duration d, unless the context ends first. Nothing of it is
// left then.
func (c *Clock) After(ctx context.Context, d time.Duration) <-chan struct{} {
	passed := make(chan struct{})
	go func() {
		if c.Sleep(ctx, d) == nil {
			close(passed)
		}
	}()
	return passed
}

// WithTimeout is context.WithTimeout in simulated time. The context names no deadline, as its real one may change.
func (c *Clock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if c.factor == 1 {
		return context.WithTimeout(ctx, d)
	}
	inner, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c.Sleep(inner, d) == nil {
			cancel(context.DeadlineExceeded)
		}
	}()
	return limited{inner, done}, func() { cancel(context.Canceled) }
}

// limited is a context that a clock ends. Its error is a time-out's where that is the cause. A channel of its own keeps
// contexts below it from asking the context inside for the error.
type limited struct {
	context.Context
	done chan struct{}
}

// Done implements context.Context.
func (l limited) Done() <-chan struct{} { return l.done }

// Err implements context.Context.
func (l limited) Err() error {
	select {
	case <-l.done:
	default:
		return nil
	}
	if errors.Is(context.Cause(l.Context), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return l.Context.Err()
}
