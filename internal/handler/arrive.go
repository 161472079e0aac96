package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tokendocker/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/internal/machine"
)

// maxInput bounds the execution's input in bytes. Step Functions carries 262,144 (Step Functions Developer Guide,
// "Quotas"); the rest is left to the recipe and to the cause of a failed build, which travel in the same state.
const maxInput = 160_000

// lambdaTries is how often Lambda tries an asynchronous invocation in all, the last time three minutes after the
// first (Lambda Developer Guide, "How Lambda handles errors and retries with asynchronous invocation").
const lambdaTries = 3

// arrive takes a request of CloudFormation: it answers what needs no time, and gives the rest to the machine. A machine
// that AWS did not let it start is left to Lambda's further tries; the last of them answers.
func (h *Handler) arrive(ctx context.Context, r request) (err error) {
	h.Log.Info("request", "type", r.Type, "stack", r.StackID, "resource", r.LogicalID, "request", r.RequestID)
	defer func() {
		if p := recover(); p != nil {
			err = h.fail(ctx, r, h.panicked(p))
		}
	}()
	err = h.begin(ctx, r)
	var silent *unanswered
	switch {
	case err == nil, errors.As(err, &silent):
		return err
	case permanent(err) || h.lastTry(r):
		return h.fail(ctx, r, describe(err))
	}
	h.Log.Warn("tried again later", "error", err.Error())
	return err
}

// begin is the way of a request: who is at it, what is asked, is it there, else start.
func (h *Handler) begin(ctx context.Context, r request) error {
	if ok, err := h.attend(ctx, r); ok {
		return err
	}
	own, others, err := h.running(ctx, r)
	switch {
	case err != nil:
		return h.startAnyway(ctx, r, err)
	case own:
		h.Log.Info("its execution is running already")
		return nil
	case r.Type == deleteRequest && !others:
		return h.succeed(ctx, r, nil)
	case r.Type == deleteRequest:
		return h.start(ctx, r)
	}
	b, err := r.builder()
	if err != nil {
		return err
	}
	if !others {
		found, ready, err := h.ready(ctx, r, b)
		if err != nil {
			return h.startAnyway(ctx, r, err)
		}
		if ready {
			return h.succeed(ctx, r, found.answer(b))
		}
	}
	return h.start(ctx, r)
}

// startAnyway gives a request to the machine about which AWS did not tell enough to answer it here. The machine looks
// again, and has the patience for what is throttled or has not spread yet.
func (h *Handler) startAnyway(ctx context.Context, r request, err error) error {
	if permanent(err) {
		return err
	}
	h.Log.Warn("left to the machine", "error", err.Error())
	return h.start(ctx, r)
}

// ready says whether the image is there and nothing needs to be waited for.
func (h *Handler) ready(ctx context.Context, r request, b builder) (found, bool, error) {
	f, err := h.look(ctx, b)
	if err != nil || !f.accepted() {
		return found{}, false, err
	}
	ruled, err := h.ruled(ctx, b)
	if err != nil || !ruled {
		return found{}, false, err
	}
	return f, true, h.letLambdaPull(ctx, r, b)
}

// running says whether the request's own execution runs, and whether anything of earlier requests does. Before a
// creation there is nothing earlier: CloudFormation deletes a resource before it creates it again.
func (h *Handler) running(ctx context.Context, r request) (own, others bool, err error) {
	if r.Type == createRequest {
		return false, false, nil
	}
	executions, err := h.Machine.Running(ctx, r.prefix())
	if err != nil {
		return false, false, err
	}
	for _, e := range executions {
		if e.Name == r.execution() {
			return true, false, nil
		}
	}
	if len(executions) > 0 {
		return false, true, nil
	}
	builds, err := h.building(ctx, r)
	return false, len(builds) > 0, err
}

// start gives the request to the machine. An execution that exists already is somebody who is at it or has been.
func (h *Handler) start(ctx context.Context, r request) error {
	state := &State{Request: r, Late: lateness(h.Now(), r.sent), Clear: r.Type == createRequest}
	input, err := json.Marshal(Move{State: state, StepSeconds: machine.StepSeconds})
	if err != nil {
		return &fault.Error{Op: "write the execution's input", Kind: fault.Invalid, Err: errors.New("the request is no JSON")}
	}
	if len(input) > maxInput {
		return tooLarge(r, len(input))
	}
	started, err := h.Machine.Start(ctx, r.execution(), input)
	if err == nil {
		h.Log.Info("execution", "name", r.execution(), "started", started)
	}
	return err
}

// tooLarge names the argument that takes most of the room.
func tooLarge(r request, size int) error {
	cause := fmt.Errorf("the request takes %d bytes, more than the %d that its execution may carry", size, maxInput)
	if b, err := r.builder(); err == nil {
		name, most := "", 0
		for _, a := range b.Args {
			if value, err := a.Bytes(); err == nil && len(value) > most {
				name, most = a.Name, len(value)
			}
		}
		if name != "" {
			cause = fmt.Errorf("%w; its largest build argument is %q with %d bytes", cause, name, most)
		}
	}
	return &fault.Error{Op: "start the execution", Kind: fault.TooLarge, Subject: r.LogicalID, Err: cause,
		Hint: "Let the build fetch large data by itself, in a pre-build command for example"}
}

// lastTry says whether Lambda will not try the request again. Lambda does not tell, so it goes by what this process
// has seen, and by the request's age.
func (h *Handler) lastTry(r request) bool {
	h.tries[r.key]++
	old := !r.sent.IsZero() && h.Now().Sub(r.sent) >= propagation
	return h.tries[r.key] >= lambdaTries || old
}

// permanent says whether the same request never works.
func permanent(err error) bool {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.TooLarge:
		return true
	}
	return false
}
