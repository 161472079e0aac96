package clock_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
)

func TestFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		real := time.Now()
		c := clock.New(60)
		if err := c.Sleep(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if took, shown := time.Since(real), c.Now().Sub(real); took != time.Second || shown != time.Minute {
			t.Errorf("a minute took %s, and %s are shown", took, shown)
		}
		<-c.After(t.Context(), 2*time.Minute)
		if took := time.Since(real); took != 3*time.Second {
			t.Errorf("two minutes more took %s in all", took)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("enough"))
		if err := c.Sleep(ctx, time.Hour); err == nil || err.Error() != "enough" {
			t.Errorf("a sleep that is ended says %v", err)
		}
	})
}

// TestSlow slows the clock in the middle of a wait, twice at once.
func TestSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		real := time.Now()
		c := clock.New(60)
		ctx, cancel := c.WithTimeout(t.Context(), 2*time.Minute) // two seconds, and the five below
		defer cancel()
		go func() {
			time.Sleep(time.Second)
			faster := c.Slow()
			again := c.Slow()
			time.Sleep(4 * time.Second)
			faster()
			faster()
			time.Sleep(time.Second)
			again()
		}()
		<-ctx.Done()
		if took := time.Since(real).Round(time.Millisecond); took != 7*time.Second-(5*time.Second/60).Round(time.Millisecond) {
			t.Errorf("it took %s", took)
		}
		if shown := c.Now().Sub(real).Round(time.Millisecond); shown != 2*time.Minute {
			t.Errorf("%s are shown", shown)
		}
	})
}

func TestTimeout(t *testing.T) {
	for name, factor := range map[string]float64{"real": 1, "faster": 1000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := clock.New(factor)
				ctx, cancel := c.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				below, stop := context.WithCancel(ctx)
				defer stop()
				<-below.Done()
				for _, err := range []error{ctx.Err(), below.Err(), context.Cause(below)} {
					if !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("after the time %v", err)
					}
				}
				ctx, cancel = c.WithTimeout(t.Context(), time.Minute)
				cancel()
				<-ctx.Done()
				if !errors.Is(ctx.Err(), context.Canceled) {
					t.Errorf("after cancel %v", ctx.Err())
				}
			})
		})
	}
}

// TestAfterLeavesNothing: synctest fails where a goroutine of the bubble is left waiting.
func TestAfterLeavesNothing(t *testing.T) {
	for _, factor := range []float64{1, 60} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			passed := clock.New(factor).After(ctx, 1000*time.Hour)
			cancel()
			synctest.Wait()
			select {
			case <-passed:
				t.Error("the time is said to have passed")
			default:
			}
		})
	}
}
