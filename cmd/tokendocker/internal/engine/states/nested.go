package states

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states/asl"
)

// executionParameters are those of states:startExecution (Developer Guide, "Start workflow executions from a Task state").
//
//nolint:gochecknoglobals // a constant
var executionParameters = []string{"StateMachineArn", "Name", "Input", "TraceHeader"}

// executionRule is the managed rule that brings ends of executions to Step Functions (Developer Guide, "IAM policies for
// calling services", AWS Step Functions).
const executionRule = "StepFunctionsGetEventsForStepFunctionsExecutionRule"

// startExecution starts another machine's execution. With "sync" the task waits for its end and gives its output as
// text, with "sync:2" as data.
func (t *tasks) startExecution(ctx context.Context, task asl.Task, sync string) (any, error) {
	in, err := object(task.Input, executionParameters)
	if err != nil {
		return nil, err
	}
	call := map[string]any{"stateMachineArn": in["StateMachineArn"], "input": "{}"}
	if given, ok := in["Input"]; ok {
		call["input"] = asl.Encode(given)
		if text, ok := given.(string); ok {
			call["input"] = text
		}
	}
	if name, ok := in["Name"]; ok {
		call["name"] = name
	}
	var started struct {
		ExecutionArn string  `json:"executionArn"`
		StartDate    float64 `json:"startDate"`
	}
	if err := t.room.Caller.Call(ctx, t.session, t.machine.Region, "states", "StartExecution", call, &started); err != nil {
		return nil, executionError(err)
	}
	answer := map[string]any{"ExecutionArn": started.ExecutionArn, "StartDate": int64(started.StartDate * 1000)}
	if sync == "" {
		return answer, nil
	}
	task.Record("Submitted", map[string]any{"output": asl.Encode(answer)})
	if err := t.room.awaitEnd(ctx, started.ExecutionArn); err != nil {
		t.abandonExecution(ctx, started.ExecutionArn)
		return nil, err
	}
	return t.ended(ctx, started.ExecutionArn, sync)
}

// executionErrors are StartExecution's own errors (API Reference, "StartExecution").
//
//nolint:gochecknoglobals // a constant
var executionErrors = []string{"ExecutionAlreadyExists", "ExecutionLimitExceeded", "InvalidArn", "InvalidExecutionInput", "InvalidName",
	"StateMachineDoesNotExist"}

// executionError names an error as the integration does, where each ends in "Exception".
func executionError(err error) error {
	failed := serviceError("StepFunctions", "AWSStepFunctionsException", executionErrors, err)
	var f *asl.Failure
	if errors.As(failed, &f) && f.Name != asl.ErrorRuntime && !strings.HasSuffix(f.Name, "Exception") {
		return asl.Fail(f.Name+"Exception", f.Cause)
	}
	return failed
}

// awaitEnd waits for the end of an execution of this engine.
func (r *Room) awaitEnd(ctx context.Context, arn string) error {
	r.mu.Lock()
	l := r.live[arn]
	r.mu.Unlock()
	if l == nil {
		return nil
	}
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// abandonExecution stops the inner execution of one that was stopped, as well as it can.
func (t *tasks) abandonExecution(ctx context.Context, arn string) {
	if !errors.Is(context.Cause(ctx), asl.ErrStopped) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := t.room.Caller.Call(ctx, t.session, t.machine.Region, "states", "StopExecution", map[string]any{"executionArn": arn}, nil); err != nil {
		t.room.Log.Warn("a stopped execution could not stop its inner one", "execution", arn, "error", err)
	}
}

// ended reads how an inner execution ended, as the machine's role.
func (t *tasks) ended(ctx context.Context, arn, sync string) (any, error) {
	var raw json.RawMessage
	if err := t.room.Caller.Call(ctx, t.session, t.machine.Region, "states", "DescribeExecution", map[string]any{"executionArn": arn}, &raw); err != nil {
		return nil, executionError(err)
	}
	read, err := asl.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("answer of DescribeExecution: %w", err)
	}
	fields, _ := read.(map[string]any)
	out := map[string]any{}
	for k, v := range fields {
		if name := capital(k); name != "RedriveCount" && !strings.HasSuffix(name, "Details") {
			out[name] = v
		}
	}
	millis(out)
	if status, _ := out["Status"].(string); status != succeeded {
		return nil, asl.Fail(asl.ErrorTaskFailed, asl.Encode(out))
	}
	if text, ok := out["Output"].(string); ok && sync == "sync:2" {
		if out["Output"], err = asl.Decode([]byte(text)); err != nil {
			return nil, fmt.Errorf("output of %s: %w", arn, err)
		}
	}
	return out, nil
}
