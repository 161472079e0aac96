package asl

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrStopped is the cause of a context that is cancelled because the execution was stopped or a sibling branch failed.
// A task that timed out has context.DeadlineExceeded instead.
var ErrStopped = errors.New("the execution was stopped")

// Clock is the time that the machine sees.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
	WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
}

// Task is one attempt at a Task state.
type Task struct {
	State     string
	Resource  string
	Input     any                                       // after InputPath and Parameters
	Token     string                                    // of a resource that ends in TokenSuffix, else empty
	Heartbeat time.Duration                             // within which the token's holder must say something; 0 for ever
	Record    func(kind string, details map[string]any) // adds an event to the execution's history
}

// TokenSuffix ends the resources whose task goes on when somebody sends its token back (Developer Guide, "Wait for a
// Callback with Task Token").
const TokenSuffix = ".waitForTaskToken"

// Execution runs a machine once.
type Execution struct {
	Clock   Clock
	Do      func(ctx context.Context, t Task) (any, error) // runs a task; its errors are *Failure, others are States.Runtime
	Context map[string]any                                 // the context object's Execution and StateMachine
	Token   func() string                                  // makes a task token
	Region  string                                         // where tasks run, for the history

	mu      sync.Mutex
	history []Event
}

// maxHistory is the number of events that an execution may have (Developer Guide, "Quotas").
const maxHistory = 25000

// Event is an entry of an execution's history.
type Event struct {
	ID       int
	Previous int
	Time     time.Time
	Type     string
	Details  map[string]any
}

// History returns the events so far.
func (x *Execution) History() []Event {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.history)
}

// Record adds an event and returns its number.
func (x *Execution) Record(kind string, previous int, details map[string]any) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	id := len(x.history) + 1
	if id <= maxHistory {
		x.history = append(x.history, Event{ID: id, Previous: previous, Time: x.Clock.Now(), Type: kind, Details: details})
	}
	return id
}

func (x *Execution) full() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.history) >= maxHistory
}

// Run runs the machine to its end. The error is a *Failure, or the cause of the context's end.
func (x *Execution) Run(ctx context.Context, m *Machine, input any) (any, error) {
	if m.timeoutSeconds > 0 {
		timed, cancel := x.Clock.WithTimeout(ctx, seconds(m.timeoutSeconds))
		defer cancel()
		out, err := x.branch(timed, m, input, nil, newScope(nil), 1)
		if timed.Err() != nil && ctx.Err() == nil {
			return nil, context.DeadlineExceeded
		}
		return out, err
	}
	return x.branch(ctx, m, input, nil, newScope(nil), 1)
}

// visit is one entry into a state.
type visit struct {
	x        *Execution
	name     string
	state    *state
	input    any // raw
	item     any // the Map item's part of the context object, or nil
	entered  time.Time
	event    int // number of the last event of this state
	enterID  int
	scope    *scope // its variables
	attempts int    // retries so far
	token    string // of this attempt, or empty
}

// branch runs a machine or a branch from its first state to its last.
func (x *Execution) branch(ctx context.Context, m *Machine, input, item any, variables *scope, previous int) (any, error) {
	name := m.startAt
	for {
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		if x.full() {
			return nil, Fail(ErrorRuntime, fmt.Sprintf("The execution reached the maximum number of history events (%d).", maxHistory))
		}
		v := &visit{x: x, name: name, state: m.states[name], input: input, item: item, scope: variables, entered: x.Clock.Now()}
		v.enterID = x.Record(v.state.kind+"StateEntered", previous, map[string]any{"name": name, "input": Encode(input)})
		v.event = v.enterID
		output, next, err := v.run(ctx)
		if err != nil {
			return nil, err
		}
		if len(Encode(output)) > MaxData {
			return nil, v.tooLarge()
		}
		previous = v.record(v.state.kind+"StateExited", map[string]any{"name": name, "output": Encode(output)})
		if next == "" {
			return output, nil
		}
		name, input = next, output
	}
}

func (v *visit) record(kind string, details map[string]any) int {
	v.event = v.x.Record(kind, v.event, details)
	return v.event
}

func (v *visit) tooLarge() *Failure {
	return Fail(ErrorDataLimit, fmt.Sprintf("The state/task '%s' returned a result with a size exceeding the maximum number of bytes service limit.", v.name))
}

// context is the context object as the state sees it (Developer Guide, "Accessing execution data from the Context object").
func (v *visit) context() surroundings {
	c := map[string]any{"State": map[string]any{
		"Name": v.name, "EnteredTime": Stamp(v.entered), "RetryCount": int64(v.attempts)}}
	for k, e := range v.x.Context {
		c[k] = e
	}
	if v.item != nil {
		c["Map"] = map[string]any{"Item": v.item}
	}
	if v.token != "" {
		c["Task"] = map[string]any{"Token": v.token}
	}
	return surroundings{c, v.scope}
}

// Stamp is a time as the context object shows it.
func Stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// run does the state with its retries and catchers, and returns its output and the next state.
func (v *visit) run(ctx context.Context) (any, string, error) {
	used := make([]int, len(v.state.retry))
	for {
		output, next, err := v.attempt(ctx)
		if err == nil {
			return output, next, nil
		}
		if ctx.Err() != nil {
			return nil, "", context.Cause(ctx)
		}
		f := v.failure(err)
		if f.fatal() {
			return nil, "", f
		}
		if i := match(f.Name, len(used), func(i int) []string { return v.state.retry[i].errors }); i >= 0 && used[i] < v.state.retry[i].attempts {
			delay := v.state.retry[i].delay(used[i])
			used[i]++
			v.attempts++
			if err := v.x.Clock.Sleep(ctx, delay); err != nil {
				return nil, "", err
			}
			continue
		}
		i := match(f.Name, len(v.state.catch), func(i int) []string { return v.state.catch[i].errors })
		if i < 0 {
			return nil, "", f
		}
		output, err = v.caught(&v.state.catch[i], map[string]any{"Error": f.Name, "Cause": f.Cause})
		return output, v.state.catch[i].next, err
	}
}

// caught is what a catcher makes of an error.
func (v *visit) caught(c *catcher, said map[string]any) (any, error) {
	if v.state.queries != nil {
		return v.catchQuery(c, said)
	}
	output, err := v.merge(c.resultPath, said)
	if err != nil {
		return nil, err
	}
	return output, v.assign(c.assign, said)
}

// assign sets a state's variables from the data that their paths lead into.
func (v *visit) assign(t *template, data any) error {
	if t == nil {
		return nil
	}
	values, err := t.eval(data, v.context())
	if err != nil {
		return err
	}
	return v.scope.assign(values)
}

// failure makes any error a Failure, with the state's place in those that Step Functions itself raises.
func (v *visit) failure(err error) *Failure {
	var f *Failure
	if !errors.As(err, &f) {
		f = Fail(ErrorRuntime, err.Error())
	}
	if !f.placed && (f.Name == ErrorRuntime || f.Name == ErrorIntrinsicFailure || f.Name == ErrorResultPath || f.Name == ErrorQueryEvaluation) {
		f = Fail(f.Name, fmt.Sprintf("An error occurred while executing the state '%s' (entered at the event id #%d). %s", v.name, v.enterID, f.Cause))
	}
	f.placed = true
	return f
}

// match returns the first of n entries that names the error. States.TaskFailed stands for every error but
// States.Timeout (Developer Guide, "Error names").
func match(name string, n int, errorsOf func(int) []string) int {
	for i := range n {
		for _, e := range errorsOf(i) {
			if e == name || e == ErrorAll || e == ErrorTaskFailed && name != ErrorTimeout {
				return i
			}
		}
	}
	return -1
}

func (r *retrier) delay(tries int) time.Duration {
	s := r.interval * math.Pow(r.rate, float64(tries))
	if r.maxDelay > 0 {
		s = min(s, r.maxDelay)
	}
	s = min(s, forever)
	if r.fullJitter {
		s *= rand.Float64() //nolint:gosec // no secret
	}
	return seconds(s)
}

func seconds(s float64) time.Duration { return time.Duration(min(s, forever) * float64(time.Second)) }

// attempt does the state once.
func (v *visit) attempt(ctx context.Context) (any, string, error) {
	s := v.state
	if strings.HasSuffix(s.resource, TokenSuffix) && v.x.Token != nil {
		v.token = v.x.Token()
	}
	if s.queries != nil {
		return v.attemptQuery(ctx)
	}
	object := v.context()
	effective, err := v.filter(s.inputPath, v.input, "InputPath")
	if err != nil {
		return nil, "", err
	}
	arguments := effective
	if s.parameters != nil && s.kind != "Map" {
		if arguments, err = s.parameters.eval(effective, object); err != nil {
			return nil, "", err
		}
	}
	var result any
	next, assign := s.next, s.assign
	switch s.kind {
	case "Pass":
		result = arguments
		if s.hasResult {
			result = clone(s.result)
		}
	case "Succeed":
		result = effective
	case "Choice":
		result = effective
		var chosen *rule
		if chosen, next, err = s.choose(effective, object); chosen != nil {
			assign = chosen.assign
		}
	case "Wait":
		result = effective
		err = v.wait(ctx, effective, object)
	case "Fail":
		err = v.fail(effective, object)
	case "Task":
		result, err = v.task(ctx, effective, arguments, object)
	case "Parallel":
		result, err = v.parallel(ctx, arguments)
	case "Map":
		result, err = v.mapState(ctx, effective, object)
	}
	if err != nil {
		return nil, "", err
	}
	output, err := v.output(result, object)
	if err != nil {
		return nil, "", err
	}
	return output, next, v.assign(assign, result)
}

// output applies ResultSelector, ResultPath and OutputPath.
func (v *visit) output(result any, object surroundings) (any, error) {
	var err error
	if v.state.selector != nil {
		if result, err = v.state.selector.eval(result, object); err != nil {
			return nil, err
		}
	}
	switch v.state.kind {
	case "Task", "Pass", "Parallel", "Map":
		if result, err = v.merge(v.state.resultPath, result); err != nil {
			return nil, err
		}
	}
	return v.filter(v.state.outputPath, result, "OutputPath")
}

// merge puts a result into the raw input; a null path keeps the input as it was.
func (v *visit) merge(at *path, result any) (any, error) {
	if at == nil {
		return v.input, nil
	}
	return at.set(v.input, result)
}

// filter applies InputPath or OutputPath; a null path gives an empty object.
func (v *visit) filter(p *path, data any, field string) (any, error) {
	if p == nil {
		return map[string]any{}, nil
	}
	out, ok := p.get(data, v.context())
	if !ok {
		return nil, Fail(ErrorRuntime, fmt.Sprintf("Invalid path '%s' : the %s does not exist in %s", p.text, field, cut(Encode(data), 4096)))
	}
	return out, nil
}
