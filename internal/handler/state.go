package handler

import (
	"encoding/json"
	"errors"
	"regexp"
	"time"

	"github.com/tokendocker/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/internal/machine"
)

// State is what travels through the machine; the handler remembers nothing else.
type State struct {
	Request request
	Late    int `json:",omitempty"` // seconds by which the request was older than the execution

	Clear       bool      `json:",omitzero"`  // nothing of earlier requests runs any more
	Stopping    time.Time `json:",omitzero"`  // when the handler began to stop what earlier requests had started
	Trouble     time.Time `json:",omitzero"`  // since when AWS has not let the handler do its work
	Refused     time.Time `json:",omitzero"`  // since when no build could be started, other than for want of a slot
	Replicating time.Time `json:",omitzero"`  // since when nothing but replicas is missing
	Busy        bool      `json:",omitzero"`  // the last try to start a build met the account's limit
	Outcome     *Outcome  `json:",omitempty"` // what the last build came to; nil before one
}

// Outcome is what the machine knows of a build: its id, or how the attempt to run it failed.
type Outcome struct {
	ID    string `json:"Id,omitempty"`
	Error string `json:",omitempty"` // name of the error, "CodeBuild.AccountLimitExceededException"
	Cause string `json:",omitempty"` // text of no fixed form; shown, and searched for the build's id, but never parsed
}

// Run is a build to run: the parameters of CodeBuild's StartBuild that the machine hands over.
type Run struct {
	ProjectName                    string
	BuildspecOverride              string
	TimeoutInMinutesOverride       int
	QueuedTimeoutInMinutesOverride int
}

// Move is the handler's decision, and the input of the machine's next state.
type Move struct {
	Next         string `json:",omitempty"` // machine.NextBuild, NextWait or NextDone
	State        *State `json:",omitempty"` // nil once the answer is given
	StepSeconds  int    // time-out of the next invocation
	WaitSeconds  int    `json:",omitempty"` // with NextWait
	BuildSeconds int    `json:",omitempty"` // with NextBuild: time-out of the task
	Build        *Run   `json:",omitempty"` // with NextBuild
}

// stepEvent is the machine's question.
type stepEvent struct {
	state     *State
	now       time.Time // when the machine came to this step
	started   time.Time // when the execution started
	execution string    // ARN of the execution
}

// maxCause bounds the part of a cause that the state keeps, in bytes.
const maxCause = 1500

func readStep(event json.RawMessage) (stepEvent, error) {
	var e struct {
		Step struct {
			State *State
			Build *Outcome
		}
		Now, Started time.Time
		Execution    string
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return stepEvent{}, &fault.Error{Op: "read the machine's step", Kind: fault.Invalid,
			Err: errors.New("a field has the wrong type")}
	}
	s := e.Step.State
	if s == nil || s.Request.StackID == "" || e.Now.IsZero() || e.Started.IsZero() {
		return stepEvent{}, &fault.Error{Op: "read the machine's step", Kind: fault.Invalid,
			Err: errors.New("it holds no request or no time")}
	}
	if o := e.Step.Build; o != nil {
		s.Outcome = o
		if o.ID == "" {
			o.ID = buildID(s.Request.project(), o.Cause)
		}
		if len(o.Cause) > maxCause {
			o.Cause = o.Cause[:maxCause]
		}
	}
	return stepEvent{state: s, now: e.Now, started: e.Started, execution: e.Execution}, nil
}

// buildID finds the id of one of the project's builds in a text.
func buildID(project, text string) string {
	if project == "" {
		return ""
	}
	const uuid = `[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`
	return regexp.MustCompile(regexp.QuoteMeta(project) + ":" + uuid).FindString(text)
}

// wait is the decision to ask again later.
func (s *State) wait(d time.Duration) Move {
	return Move{Next: machine.NextWait, State: s, WaitSeconds: int(d / time.Second), StepSeconds: machine.StepSeconds}
}

// answered is the last decision.
func answered() Move { return Move{Next: machine.NextDone, StepSeconds: machine.StepSeconds} }
