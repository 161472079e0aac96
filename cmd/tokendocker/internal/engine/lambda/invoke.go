package lambda

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

const servicePrincipal = "lambda.amazonaws.com"

// accountConcurrency is how many invocations an account may run at once (AWS Lambda Developer Guide, "Lambda quotas").
const accountConcurrency = 1000

// unhandled is the value of FunctionError for every function that failed (AWS Lambda API Reference, "Invoke").
const unhandled = "Unhandled"

var errRole = protocol.Errorf("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")

// event is something to invoke a function with.
type event struct {
	id      string // request id
	arn     string // as the caller named the function
	payload []byte
	cause   session.Cause // of the caller
}

// outcome is what an invocation came to.
type outcome struct {
	payload []byte
	failed  bool // the function failed; payload says how
}

// invoke runs one invocation to its end, in an idle environment or a new one. An error means that the function was not
// run at all.
func (r *Room) invoke(f Function, ev event) (outcome, error) {
	if !f.runs() {
		return outcome{}, notRun(f)
	}
	cause := ev.cause
	cause.Invocation = ev.id
	e, err := r.acquire(f, cause)
	var launch *launchError
	if errors.As(err, &launch) {
		return outcome{payload: functionError(launch.kind, "RequestId: "+ev.id+" Error: "+launch.message), failed: true}, nil
	}
	if err != nil {
		return outcome{}, err
	}
	e.session.SetCause(cause)
	out := e.run(ev)
	if !r.start(func() { r.release(e) }) {
		r.release(e)
	}
	return out, nil
}

// notRun says that a function cannot be invoked here.
func notRun(f Function) error {
	what := "runtime " + f.Runtime
	if f.PackageType == "Image" {
		what = "package type Image"
	}
	return &protocol.Error{Code: "InvalidRuntimeException", Status: 502, Message: fmt.Sprintf(
		"Function %s has %s, which this engine deploys and does not run: it runs provided.* runtimes, nodejs18.x to nodejs24.x and python3.*.", f.Name, what)}
}

// acquire takes an idle environment of the function as it is now, or starts one.
func (r *Room) acquire(f Function, cause session.Cause) (*environment, error) {
	key := f.key()
	r.mu.Lock()
	total := 0
	for _, n := range r.running {
		total += n
	}
	if f.Reserved != nil && r.running[key] >= *f.Reserved {
		r.mu.Unlock()
		return nil, throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
	}
	if total >= accountConcurrency {
		r.mu.Unlock()
		return nil, throttled("ConcurrentInvocationLimitExceeded")
	}
	r.running[key]++
	var found *environment
	var old []*environment
	for n := len(r.idle[key]); n > 0 && found == nil; n-- {
		e := r.idle[key][n-1]
		r.idle[key] = r.idle[key][:n-1]
		if e.fresh(f) {
			e.retire.Stop()
			found = e
		} else {
			old = append(old, e)
		}
	}
	r.mu.Unlock()
	for _, e := range old {
		e.close()
	}
	if found != nil {
		return found, nil
	}
	e, err := r.newEnvironment(r.ctx, f, cause)
	if err != nil {
		r.mu.Lock()
		r.running[key]--
		r.mu.Unlock()
	}
	return e, err
}

// fresh reports whether the environment can run f: same code and settings, alive, credentials that last.
func (e *environment) fresh(f Function) bool {
	select {
	case <-e.exited:
		return false
	default:
	}
	return e.fn.Revision == f.Revision && !e.session.Ended(e.room.Clock.Now().Add(e.room.longest(f)))
}

// release gives an environment back, or ends it.
func (r *Room) release(e *environment) {
	key := e.fn.key()
	r.mu.Lock()
	r.running[key]--
	keep := !e.spent && r.ctx.Err() == nil
	if keep {
		r.idle[key] = append(r.idle[key], e)
		e.retire = time.AfterFunc(max(r.Clock.Real(idleLimit), time.Second), func() { r.drop(e) })
	}
	r.mu.Unlock()
	if !keep {
		e.close()
	}
}

// drop ends an environment if it is idle.
func (r *Room) drop(e *environment) {
	key := e.fn.key()
	r.mu.Lock()
	found := false
	for i, other := range r.idle[key] {
		if other == e {
			r.idle[key] = append(r.idle[key][:i:i], r.idle[key][i+1:]...)
			found = true
			break
		}
	}
	r.mu.Unlock()
	if found {
		e.close()
	}
}

// dropAll ends every idle environment of a function.
func (r *Room) dropAll(key string) {
	r.mu.Lock()
	all := r.idle[key]
	delete(r.idle, key)
	r.mu.Unlock()
	for _, e := range all {
		e.close()
	}
}

func throttled(reason string) error {
	return &protocol.Error{Code: "TooManyRequestsException", Status: 429, Message: "Rate Exceeded.",
		Fields: map[string]any{"Reason": reason, "Type": "User"}}
}

// run gives the environment one event and waits for what comes of it.
func (e *environment) run(ev event) outcome {
	inv := &invocation{id: ev.id, arn: ev.arn, payload: ev.payload, trace: traceID(),
		taken: make(chan struct{}), answer: make(chan answer, 1)}
	cold := !e.used
	e.used = true
	e.logs.write(fmt.Sprintf("START RequestId: %s Version: %s\n", inv.id, e.fn.Version))
	start := time.Now()
	if out, ok := e.deliver(inv); !ok {
		e.finish(inv, start, 0, "error")
		return out
	}
	init := time.Duration(0)
	if cold {
		init = time.Since(e.started)
	}
	start = time.Now()
	out, status := e.await(inv)
	e.finish(inv, start, init, status)
	return out
}

// deliver waits until the runtime has taken the event.
func (e *environment) deliver(inv *invocation) (outcome, bool) {
	timer := time.NewTimer(initLimit)
	defer timer.Stop()
	select {
	case e.api.work <- inv:
		<-inv.taken
		return outcome{}, true
	case a := <-e.api.failed:
		e.spent = true
		return outcome{payload: a.body, failed: true}, false
	case <-e.exited:
		select {
		case a := <-e.api.failed: // it said why before it ended
			e.spent = true
			return outcome{payload: a.body, failed: true}, false
		default:
			return e.crashed(inv), false
		}
	case <-timer.C:
		e.kill()
		return e.fail(inv, "Sandbox.Timedout", fmt.Sprintf("Init phase timed out after %.0f seconds", initLimit.Seconds())), false
	case <-e.room.ctx.Done():
		e.kill()
		return e.fail(inv, "Runtime.ExitError", errClosed.Error()), false
	}
}

// await waits for the runtime's answer, its death or its time-out. The second result is the REPORT line's status.
func (e *environment) await(inv *invocation) (outcome, string) {
	var kill <-chan time.Time
	answer := inv.answer
	switch n := e.number(); {
	case e.room.Switches.HangInvocations.Has(n):
		stopGroup(e.cmd)
		answer = nil // it may have been quicker
	case e.room.Switches.KillInvocations.Has(n):
		kill = time.After(killDelay)
	}
	timer := time.NewTimer(time.Until(inv.deadline))
	defer timer.Stop()
	select {
	case a := <-answer:
		if kill != nil { // the work is done and nobody hears of it
			e.kill()
			return e.crashed(inv), "error"
		}
		return a.outcome()
	case <-e.exited:
		select {
		case a := <-inv.answer: // it answered before it ended
			e.spent = true
			return a.outcome()
		default:
			return e.crashed(inv), "error"
		}
	case <-kill:
		e.kill()
		return e.crashed(inv), "error"
	case <-timer.C:
		e.kill()
		message := fmt.Sprintf("Task timed out after %.2f seconds", e.fn.timeout().Seconds())
		e.logs.write(fmt.Sprintf("%s %s %s\n", e.room.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z"), inv.id, message))
		return outcome{payload: functionError("Sandbox.Timedout", "RequestId: "+inv.id+" Error: "+message), failed: true}, "timeout"
	case <-e.room.ctx.Done():
		e.kill()
		return e.fail(inv, "Runtime.ExitError", errClosed.Error()), "error"
	}
}

// outcome is what the caller gets, and the REPORT line's status.
func (a answer) outcome() (outcome, string) {
	if a.failed {
		return outcome{payload: a.body, failed: true}, "error"
	}
	return outcome{payload: a.body}, ""
}

// number counts the invocations of the function, from 1, for the switches.
func (e *environment) number() int {
	r, key := e.room, e.fn.key()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken[key]++
	return r.taken[key]
}

func (e *environment) kill() {
	e.spent = true
	e.end()
}

// crashed is the outcome of a process that ended by itself or was killed.
// Source: AWS Lambda Developer Guide, "Troubleshoot execution issues in Lambda", and answers seen in public logs.
func (e *environment) crashed(inv *invocation) outcome {
	e.spent = true
	<-e.exited
	message := "Runtime exited without providing a reason"
	if s := e.cmd.ProcessState; s != nil && !s.Success() {
		message = "Runtime exited with error: " + s.String()
	}
	return e.fail(inv, "Runtime.ExitError", message)
}

// fail logs an error of the environment and makes it the function's answer.
func (e *environment) fail(inv *invocation, kind, message string) outcome {
	e.spent = true
	message = "RequestId: " + inv.id + " Error: " + message
	e.logs.write(message + "\n" + kind + "\n")
	return outcome{payload: functionError(kind, message), failed: true}
}

// finish writes the last lines of an invocation's log.
func (e *environment) finish(inv *invocation, start time.Time, init time.Duration, status string) {
	took := time.Since(start)
	time.Sleep(logSettling)
	ms := float64(took.Microseconds()) / 1000
	report := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		inv.id, ms, took.Milliseconds()+1, e.fn.MemoryMB, e.memory())
	if init > 0 {
		report += fmt.Sprintf("Init Duration: %.2f ms\t", float64(init.Microseconds())/1000)
	}
	if status != "" {
		report += "Status: " + status
	}
	e.logs.write("END RequestId: " + inv.id + "\n")
	e.logs.write(report + "\n")
}

// traceID is an X-Ray trace header that samples nothing.
func traceID() string {
	var b [20]byte
	rand.Read(b[:]) //nolint:errcheck // crypto/rand.Read never fails
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=0", time.Now().Unix(), b[:12], b[12:])
}

// invokeAndWait runs an invocation that goes on when its caller does not wait for it.
func (r *Room) invokeAndWait(ctx context.Context, f Function, ev event) (outcome, error) {
	type result struct {
		out outcome
		err error
	}
	done := make(chan result, 1)
	if !r.start(func() {
		out, err := r.invoke(f, ev)
		done <- result{out, err}
	}) {
		return outcome{}, fmt.Errorf("invoke %s: %w", f.Name, errClosed)
	}
	select {
	case d := <-done:
		return d.out, d.err
	case <-ctx.Done():
		return outcome{}, context.Cause(ctx)
	}
}
