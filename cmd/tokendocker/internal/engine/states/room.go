// Package states is AWS Step Functions: state machines, standard and express, their executions, and tasks that call
// Lambda functions, builds, other machines and the APIs of services, wait for their ends, or for a token to come back.
package states

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states/asl"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// Roles gives the sessions of roles that a service may assume.
type Roles interface {
	AssumeAsService(ctx context.Context, roleARN, servicePrincipal, sessionName string, cause session.Cause) (*session.Session, error)
}

// Builds tells of builds that have ended.
type Builds interface {
	// OnEnded asks to be told the id, "project:uuid", and status of every build that ends from now on.
	OnEnded(func(buildID, status string))
}

// Options are what the room needs. All but Deliver are required.
type Options struct {
	Store    *state.Store
	Clock    *clock.Clock
	Switches *switches.Switches
	Caller   protocol.Caller
	Roles    Roles
	Builds   Builds
	Log      *slog.Logger
	// Publish hears of executions' statuses. Nil: nobody does.
	Publish func(protocol.Event)
	// Deliver adds events, each with its time, to a log stream, which it makes where there is none. Nil: nothing is logged.
	Deliver func(ctx context.Context, region, group, stream string, times []time.Time, messages []string) error
}

// servicePrincipal is who assumes a machine's role.
const servicePrincipal = "states.amazonaws.com"

// Statuses of an execution (API Reference, "DescribeExecution").
const (
	running   = "RUNNING"
	succeeded = "SUCCEEDED"
	failed    = "FAILED"
	timedOut  = "TIMED_OUT"
	aborted   = "ABORTED"
)

// Machine is a state machine as it is kept.
type Machine struct {
	ARN, Name, Region, Account, Partition string
	Role                                  string
	Definition                            string
	Express                               bool
	Created                               time.Time
	Revision                              string // changes with each update
	Published                             int    // number of the newest version
	configuration
}

// Execution is an execution as it is kept.
type Execution struct {
	ARN, Name, Machine  string
	Status              string
	Input, Output       string
	Error, Cause        string
	Started, Ended      time.Time
	StartedBy, Revision string // who started it, and the machine's revision then
	DataKey             []byte `json:",omitempty"` // encrypted key of the data, of a machine with a key
}

// Room is Step Functions. It is safe for concurrent use.
type Room struct {
	Options
	machines   state.Table[Machine]
	executions state.Table[Execution]
	histories  state.Table[[]asl.Event]
	aliases    state.Table[string] // ARNs of versions
	activities state.Table[activity]
	ended      broadcast
	waiting    waiters
	offered    offers

	mu   sync.Mutex
	live map[string]*live
	shut bool
	work sync.WaitGroup
}

// live is an execution that runs.
type live struct {
	stop context.CancelCauseFunc
	run  *asl.Execution
	done chan struct{}
}

// stopped is the cause of a StopExecution; it is asl.ErrStopped to the machine.
type stopped struct{ name, cause string }

func (s *stopped) Error() string   { return "the execution was stopped: " + s.name + " " + s.cause }
func (s *stopped) Is(e error) bool { return e == asl.ErrStopped } //nolint:errorlint // this is the comparison

// New opens the room on a store. Executions that a killed engine left running are aborted.
func New(o Options) (*Room, error) {
	r := &Room{Options: o, live: map[string]*live{}}
	var err error
	if r.machines, err = state.NewTable[Machine](o.Store, "states-machines"); err != nil {
		return nil, err
	}
	if r.executions, err = state.NewTable[Execution](o.Store, "states-executions"); err != nil {
		return nil, err
	}
	if r.histories, err = state.NewTable[[]asl.Event](o.Store, "states-histories"); err != nil {
		return nil, err
	}
	if r.aliases, err = state.NewTable[string](o.Store, "states-aliases"); err != nil {
		return nil, err
	}
	if r.activities, err = state.NewTable[activity](o.Store, "states-activities"); err != nil {
		return nil, err
	}
	for arn, e := range r.executions.All() {
		if e.Status != running {
			continue
		}
		e.Status, e.Ended = aborted, o.Clock.Now()
		e.Error, e.Cause = "Rehearsal.Ended", "The engine was ended while the execution ran."
		if err := r.executions.Put(arn, e); err != nil {
			return nil, fmt.Errorf("abort execution %s: %w", arn, err)
		}
	}
	o.Builds.OnEnded(func(id, _ string) { r.ended.tell(id) })
	return r, nil
}

// Close aborts the executions that run and waits for their end.
func (r *Room) Close() error {
	r.mu.Lock()
	r.shut = true
	for _, l := range r.live {
		l.stop(&stopped{name: "Rehearsal.Ended", cause: "The engine was closed."})
	}
	r.mu.Unlock()
	r.work.Wait()
	return nil
}

// launch keeps a new execution and runs it. The caller holds r.mu.
func (r *Room) launch(m Machine, e Execution, cause session.Cause) error {
	parsed, err := asl.Parse(m.Definition)
	if err != nil {
		return fmt.Errorf("definition of %s: %w", m.Name, err)
	}
	input, err := asl.Decode([]byte(e.Input))
	if err != nil {
		return fmt.Errorf("input of %s: %w", e.Name, err)
	}
	if err := r.executions.Put(e.ARN, e); err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(context.Background())
	cause.Execution = e.ARN
	x := &asl.Execution{Clock: r.Clock, Region: m.Region, Context: contextObject(m, e, input)}
	l := &live{stop: stop, run: x, done: make(chan struct{})}
	r.live[e.ARN] = l
	r.work.Go(func() {
		defer stop(nil)
		defer close(l.done)
		r.tell(m, e)
		x.Record("ExecutionStarted", 0, map[string]any{"input": e.Input, "roleArn": m.Role})
		output, err := r.execute(ctx, m, e, x, parsed, input, cause)
		r.finish(m, e, x, output, err)
	})
	return nil
}

// execute runs the machine as its role.
func (r *Room) execute(ctx context.Context, m Machine, e Execution, x *asl.Execution, parsed *asl.Machine, input any, cause session.Cause) (any, error) {
	s, err := r.Roles.AssumeAsService(ctx, m.Role, servicePrincipal, cutName(e.Name), cause)
	if err != nil {
		return nil, asl.Fail(asl.ErrorRuntime, fmt.Sprintf("The role %s cannot be assumed by Step Functions: %v", m.Role, err))
	}
	if e.DataKey, err = r.dataKey(ctx, s, m); err != nil {
		return nil, asl.Fail(asl.ErrorRuntime, err.Error())
	}
	if e.DataKey != nil {
		if err := r.executions.Put(e.ARN, e); err != nil {
			return nil, err
		}
	}
	t := &tasks{room: r, machine: m, session: s}
	x.Do, x.Token = t.do, newToken
	if m.Express {
		limited, cancel := r.Clock.WithTimeout(ctx, expressLife)
		defer cancel()
		return x.Run(limited, parsed, input)
	}
	return x.Run(ctx, parsed, input)
}

// expressLife is how long an execution of an express machine may take (Developer Guide, "Quotas").
const expressLife = 5 * time.Minute

// cutName makes a role session's name, which may have 64 characters.
func cutName(s string) string { return s[:min(len(s), 64)] }

// finish writes down how an execution ended.
func (r *Room) finish(m Machine, e Execution, x *asl.Execution, output any, err error) {
	last := len(x.History())
	var failure *asl.Failure
	var stop *stopped
	e.Ended = r.Clock.Now()
	switch {
	case err == nil:
		e.Status, e.Output = succeeded, asl.Encode(output)
		x.Record("ExecutionSucceeded", last, map[string]any{"output": e.Output})
	case errors.As(err, &stop):
		e.Status, e.Error, e.Cause = aborted, stop.name, stop.cause
		x.Record("ExecutionAborted", last, map[string]any{"error": e.Error, "cause": e.Cause})
	case errors.Is(err, context.DeadlineExceeded):
		e.Status = timedOut
		x.Record("ExecutionTimedOut", last, nil)
	case errors.As(err, &failure):
		e.Status, e.Error, e.Cause = failed, failure.Name, failure.Cause
		x.Record("ExecutionFailed", last, map[string]any{"error": e.Error, "cause": e.Cause})
	default:
		e.Status, e.Error, e.Cause = failed, asl.ErrorRuntime, err.Error()
		x.Record("ExecutionFailed", last, map[string]any{"error": e.Error, "cause": e.Cause})
	}
	r.deliver(m, e, x.History())
	defer r.tell(m, e)
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.live, e.ARN)
	if kept, found, err := r.executions.Get(e.ARN); err == nil && found {
		e.DataKey = kept.DataKey
	}
	if err := r.histories.Put(e.ARN, x.History()); err != nil {
		r.Log.Error("keep an execution's history", "execution", e.ARN, "error", err)
	}
	if err := r.executions.Put(e.ARN, e); err != nil {
		r.Log.Error("keep an execution's end", "execution", e.ARN, "error", err)
	}
}

// contextObject is what $$ names (Developer Guide, "Accessing execution data from the Context object").
func contextObject(m Machine, e Execution, input any) map[string]any {
	return map[string]any{
		"Execution": map[string]any{"Id": e.ARN, "Name": e.Name, "Input": input, "RoleArn": m.Role,
			"StartTime": asl.Stamp(e.Started), "RedriveCount": int64(0)},
		"StateMachine": map[string]any{"Id": m.ARN, "Name": m.Name},
	}
}
