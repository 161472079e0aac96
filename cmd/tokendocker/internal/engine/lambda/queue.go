package lambda

import (
	"fmt"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// enqueue puts an event into the function's queue. Failed invocations are tried twice more, after one and two minutes;
// throttled ones with growing pauses for up to six hours.
// Source: AWS Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation".
func (r *Room) enqueue(f Function, ev event) error {
	if !f.runs() {
		return notRun(f)
	}
	copies := 1
	if r.Switches.DuplicateEvents {
		copies = 2
	}
	for range copies {
		if !r.start(func() { r.deliverEvent(f.Region, f.Name, f.Version, ev) }) {
			return fmt.Errorf("invoke %s: %w", f.Name, errClosed)
		}
	}
	return nil
}

func (r *Room) deliverEvent(region, name, version string, ev event) {
	attempts, maxAge := r.retryRule(region, name, version)
	born, pause := r.Clock.Now(), time.Second
	for failures := 0; ; {
		f, found, err := r.functions.Get(functionKey(region, name, version))
		if err != nil || !found {
			return
		}
		out, err := r.invoke(f, ev)
		wait := pause
		switch {
		case err == nil && !out.failed:
			r.report(f, ev, out, conditionSuccess, failures+1)
			return
		case err == nil:
			if failures++; failures > attempts {
				r.report(f, ev, out, conditionRetries, failures)
				return
			}
			wait = time.Duration(failures) * time.Minute
		case protocol.HasCode(err, "TooManyRequestsException"):
			pause = min(2*pause, 5*time.Minute)
		default:
			r.Log.Warn("asynchronous invocation is lost", "function", name, "error", err)
			return
		}
		if r.Clock.Since(born)+wait > maxAge {
			r.report(f, ev, out, conditionAge, failures)
			return
		}
		if r.Clock.Sleep(r.ctx, wait) != nil {
			return
		}
	}
}
