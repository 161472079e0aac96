// Package handler decides what becomes of a build request: it looks for the image, has it built when it is not
// there, and answers CloudFormation.
//
// One function receives two kinds of event. CloudFormation's is answered at once where nothing needs to be built or
// stopped; else it starts one execution of the state machine. The machine then asks again and again what is next,
// and each time the handler looks at the world anew: which executions and builds are still running, what ECR
// holds, how much time is left. Nothing is remembered but what travels in State, and nothing is believed but ECR:
// how a build ended only explains why an image is not there.
//
// The package knows AWS through the small ports of Ports alone; package clients fills them.
package handler

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/tokendocker/tokendocker/internal/fault"
)

// Ports is all that the handler knows of the world.
type Ports struct {
	Registry   Registry
	Replicas   Replicas
	Lease      Lease
	Parameters Parameters
	Builds     Builds
	Machine    Machine
	Logs       Logs
	Responder  Responder

	LogStream string       // name of the function's own log stream, said in failures; may be empty
	Log       *slog.Logger // named fields only, never a whole event

	// Now is the function's clock. It measures only how late a request comes in; inside the machine all time is
	// Step Functions'.
	Now func() time.Time

	// Sleep waits: for the end of a build's log, for at most ten seconds, and, where no machine is there to wait, for
	// the lease.
	Sleep func(context.Context, time.Duration) error
}

// Handler handles events, one at a time, as Lambda gives them to a process.
type Handler struct {
	Ports
	tries map[string]int // how often this process has seen a request fail, by request id
}

// New returns a handler.
func New(p Ports) *Handler { return &Handler{Ports: p, tries: map[string]int{}} }

// Handle takes one event of CloudFormation or of the state machine. It gives the machine its next Move, and
// CloudFormation's asynchronous invocation nothing. An error means that trying the same event again may help, which
// both Lambda and the machine then do.
func (h *Handler) Handle(ctx context.Context, event json.RawMessage) (any, error) {
	var kind struct {
		RequestType string
		Step        json.RawMessage
	}
	if err := json.Unmarshal(event, &kind); err != nil {
		return nil, &fault.Error{Op: "read the event", Kind: fault.Invalid, Err: errors.New("it is no JSON object")}
	}
	switch {
	case kind.RequestType != "":
		r, err := readRequest(event)
		if err != nil {
			return nil, err
		}
		return nil, h.arrive(ctx, r)
	case kind.Step != nil:
		e, err := readStep(event)
		if err != nil {
			return nil, err
		}
		return h.step(ctx, e)
	}
	return nil, &fault.Error{Op: "read the event", Kind: fault.Invalid,
		Err:  errors.New("it comes neither from CloudFormation nor from the state machine"),
		Hint: "Only the stack's custom resources and its state machine may invoke this function"}
}
