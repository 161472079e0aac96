package asl

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// choose returns the rule that holds, nil for none, and the state that a Choice leads to.
func (s *state) choose(data any, object surroundings) (*rule, string, error) {
	for i := range s.choices {
		ok, err := s.choices[i].match(data, object)
		if err != nil {
			return nil, "", err
		}
		if ok {
			return &s.choices[i], s.choices[i].next, nil
		}
	}
	if s.defaultChoice == "" {
		return nil, "", Fail(ErrorNoChoiceMatched, "")
	}
	return nil, s.defaultChoice, nil
}

// wait waits until the time that the state names.
func (v *visit) wait(ctx context.Context, data any, object surroundings) error {
	s := v.state
	until := v.entered
	switch {
	case s.secondsPath != nil:
		value, ok := s.secondsPath.get(data, object)
		n, isNumber := float(value)
		if !ok || !isNumber || n < 0 || n > forever || n != float64(int64(n)) {
			return Fail(ErrorRuntime, fmt.Sprintf("The SecondsPath parameter does not reference an integer value: %s == %s", s.secondsPath.text, Encode(value)))
		}
		until = until.Add(seconds(n))
	case s.timestampPath != nil || s.timestamp != "":
		var value any = s.timestamp
		if s.timestampPath != nil {
			value, _ = s.timestampPath.get(data, object)
		}
		t, ok := timestamp(value)
		if !ok {
			return Fail(ErrorRuntime, fmt.Sprintf("The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format string: %s == %s",
				s.timestampPath.text, Encode(value)))
		}
		until = t
	default:
		until = until.Add(seconds(s.seconds))
	}
	return v.sleepUntil(ctx, until)
}

func (v *visit) sleepUntil(ctx context.Context, until time.Time) error {
	if d := until.Sub(v.x.Clock.Now()); d > 0 {
		return v.x.Clock.Sleep(ctx, d)
	}
	return nil
}

// fail is a Fail state.
func (v *visit) fail(data any, object surroundings) error {
	s := v.state
	name, cause := s.errorName, s.cause
	for _, from := range []struct {
		x     *expression
		into  *string
		field string
	}{{s.errorFrom, &name, "ErrorPath"}, {s.causeFrom, &cause, "CausePath"}} {
		if from.x == nil {
			continue
		}
		value, err := from.x.eval(data, object, from.field)
		if err != nil {
			return err
		}
		text, ok := value.(string)
		if !ok {
			return Fail(ErrorRuntime, fmt.Sprintf("The %s field does not reference a string", from.field))
		}
		*from.into = text
	}
	f := Fail(name, cause)
	f.placed = true
	return f
}

// positive returns a positive number that a state has as a field, or reads from its input by a path; 0 for none.
func (v *visit) positive(data any, object surroundings, given float64, at *path, field string) (float64, error) {
	if at == nil {
		return given, nil
	}
	value, _ := at.get(data, object)
	n, ok := float(value)
	if !ok || n < 1 || n > forever || n != float64(int64(n)) {
		return 0, Fail(ErrorRuntime, fmt.Sprintf("The %s parameter does not reference a positive integer: %s == %s", field, at.text, Encode(value)))
	}
	return n, nil
}

// task runs a Task within its time.
func (v *visit) task(ctx context.Context, data, arguments any, object surroundings) (any, error) {
	s := v.state
	limit, err := v.positive(data, object, s.timeoutSeconds, s.timeoutPath, "TimeoutSecondsPath")
	if err != nil {
		return nil, err
	}
	heartbeat, err := v.positive(data, object, s.heartbeatSeconds, s.heartbeatPath, "HeartbeatSecondsPath")
	if err != nil {
		return nil, err
	}
	return v.perform(ctx, arguments, limit, heartbeat)
}

// perform runs a Task with its arguments, within a time and with heartbeats in seconds; 0 for none.
func (v *visit) perform(ctx context.Context, arguments any, limit, heartbeat float64) (any, error) {
	s := v.state
	if len(Encode(arguments)) > MaxData {
		return nil, v.tooLarge()
	}
	log := v.events()
	log.scheduled(arguments, limit, heartbeat)
	timed := ctx
	if limit > 0 {
		var cancel context.CancelFunc
		timed, cancel = v.x.Clock.WithTimeout(ctx, seconds(limit))
		defer cancel()
	}
	log.record("Started", nil)
	result, err := v.x.Do(timed, Task{State: v.name, Resource: s.resource, Input: clone(arguments), Token: v.token,
		Heartbeat: seconds(heartbeat), Record: func(kind string, details map[string]any) { log.record(kind, details) }})
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil && timed.Err() != nil:
		log.record("TimedOut", map[string]any{"error": ErrorTimeout})
		return nil, Fail(ErrorTimeout, "")
	case err != nil:
		var f *Failure
		if !errors.As(err, &f) {
			f = Fail(ErrorRuntime, err.Error())
		}
		if f.Name == ErrorHeartbeat {
			log.record("TimedOut", map[string]any{"error": f.Name})
		} else {
			log.record("Failed", map[string]any{"error": f.Name, "cause": f.Cause})
		}
		return nil, f
	}
	if len(Encode(result)) > MaxData {
		return nil, v.tooLarge()
	}
	log.record("Succeeded", map[string]any{"output": Encode(result)})
	return result, nil
}

// parallel runs all branches with one input; the first failure stops the others and is the state's own.
func (v *visit) parallel(ctx context.Context, input any) (any, error) {
	n := len(v.state.branches)
	from := v.record("ParallelStateStarted", nil)
	out, err := v.fan(ctx, n, n, func(ctx context.Context, i int) (any, error) {
		return v.x.branch(ctx, v.state.branches[i], clone(input), v.item, newScope(v.scope), from)
	})
	return out, v.fanned("ParallelState", err)
}

// fanned records how branches or iterations ended.
func (v *visit) fanned(kind string, err error) error {
	switch {
	case err == nil:
		v.record(kind+"Succeeded", nil)
	case errors.Is(err, ErrStopped):
		v.record(kind+"Aborted", nil)
	default:
		v.record(kind+"Failed", nil)
	}
	return err
}

// mapState is a Map of JSONPath.
func (v *visit) mapState(ctx context.Context, data any, object surroundings) (any, error) {
	s := v.state
	value, _ := s.itemsPath.get(data, object)
	items, ok := value.([]any)
	if !ok {
		return nil, Fail(ErrorRuntime, fmt.Sprintf("Reference path '%s' must point to array.", s.itemsPath.text))
	}
	limit, err := v.positive(data, object, float64(s.concurrency), s.atOncePath, "MaxConcurrencyPath")
	if err != nil {
		return nil, err
	}
	return v.mapItems(ctx, items, limit, func(item map[string]any) (any, error) {
		if s.parameters == nil {
			return clone(item["Value"]), nil
		}
		inner := v.context()
		inner.object["Map"] = map[string]any{"Item": item}
		return s.parameters.eval(data, inner)
	})
}

// mapItems runs the processor for every item, at most limit at once; input makes an item's input.
func (v *visit) mapItems(ctx context.Context, items []any, limit float64, input func(item map[string]any) (any, error)) (any, error) {
	if v.state.branches[0].unserved {
		return nil, Fail(ErrorRuntime, "The engine runs Map states over items in their input only, without ItemReader, ItemBatcher and ResultWriter.")
	}
	from := v.record("MapStateStarted", map[string]any{"length": len(items)})
	if limit == 0 || limit > mapConcurrency {
		limit = mapConcurrency
	}
	out, err := v.fan(ctx, len(items), int(limit), func(ctx context.Context, i int) (any, error) {
		item := map[string]any{"Index": int64(i), "Value": items[i]}
		data, err := input(item)
		if err != nil {
			return nil, v.failure(err)
		}
		return v.iteration(ctx, data, item, from)
	})
	return out, v.fanned("MapState", err)
}

// iteration runs the processor for one item.
func (v *visit) iteration(ctx context.Context, input any, item map[string]any, from int) (any, error) {
	details := map[string]any{"name": v.name, "index": item["Index"]}
	last := v.x.Record("MapIterationStarted", from, details)
	out, err := v.x.branch(ctx, v.state.branches[0], input, item, newScope(v.scope), last)
	end := "Succeeded"
	if errors.Is(err, ErrStopped) {
		end = "Aborted"
	} else if err != nil {
		end = "Failed"
	}
	v.x.Record("MapIteration"+end, last, details)
	return out, err
}

// mapConcurrency is how many iterations of an inline Map run at once where the state does not say (Developer Guide,
// "Using Map state in Inline mode").
const mapConcurrency = 40

// fan runs n pieces of work at once, limit at a time, and gathers their results in order.
func (v *visit) fan(ctx context.Context, n, limit int, work func(context.Context, int) (any, error)) (any, error) {
	siblings, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	results := make([]any, n)
	var first error
	var once sync.Once
	var all sync.WaitGroup
	slots := make(chan struct{}, limit)
	for i := range n {
		slots <- struct{}{}
		if siblings.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-slots }()
			out, err := work(siblings, i)
			if err != nil {
				once.Do(func() { first = err })
				stop(ErrStopped)
			}
			results[i] = out
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if first != nil {
		return nil, first
	}
	return results, nil
}
