// Package clock is the engine's time. It starts at the real time and may run faster, so that minutes which AWS
// waits cost seconds in a test.
package clock

import (
	"context"
	"time"
)

// Clock is simulated time. The zero value is not usable; call New.
type Clock struct {
	start  time.Time
	factor float64
}

// New returns a clock that shows the real time now and runs factor times as fast. A factor below 1 counts as 1.
func New(factor float64) *Clock {
	return &Clock{start: time.Now(), factor: max(factor, 1)}
}

// Now returns the simulated time.
func (c *Clock) Now() time.Time {
	return c.start.Add(time.Duration(float64(time.Since(c.start)) * c.factor))
}

// Since returns the simulated time that has passed since t, which came from Now.
func (c *Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Real returns how long the simulated duration d takes.
func (c *Clock) Real(d time.Duration) time.Duration { return time.Duration(float64(d) / c.factor) }

// Simulated returns the simulated duration that passes while the real duration d does.
func (c *Clock) Simulated(d time.Duration) time.Duration {
	return time.Duration(float64(d) * c.factor)
}

// Sleep waits for the simulated duration d. It returns the context's error if that ends first.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(c.Real(d))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// After returns a channel that receives once, after the simulated duration d.
func (c *Clock) After(d time.Duration) <-chan time.Time { return time.After(c.Real(d)) }

// WithTimeout is context.WithTimeout in simulated time.
func (c *Clock) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.Real(d))
}
