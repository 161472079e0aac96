package lambda

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Conditions of a record (AWS Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations").
const (
	conditionSuccess = "Success"
	conditionRetries = "RetriesExhausted"
	conditionAge     = "EventAgeExceeded"
)

// report sends the record of an event's end to the function's destination, as the function's role. Destinations are
// other functions; the engine has no queues, topics and buses, so records for those are only logged.
func (r *Room) report(f Function, ev event, out outcome, condition string, tries int) {
	c, _, err := r.retries.Get(f.key())
	target := c.OnFailure
	if condition == conditionSuccess {
		target = c.OnSuccess
	}
	if err != nil || target == "" {
		return
	}
	if !strings.Contains(target, ":lambda:") {
		r.Log.Info("a record is not delivered: the engine has no such destination", "function", f.Name, "destination", target, "condition", condition)
		return
	}
	record, err := json.Marshal(f.record(ev, out, condition, tries, r.Clock.Now()))
	if err != nil {
		r.Log.Warn("a record cannot be written", "function", f.Name, "error", err)
		return
	}
	role, err := r.Roles.AssumeAsService(r.ctx, f.Role, servicePrincipal, f.Name, session.Cause{Request: ev.cause.Request, Invocation: ev.id, Execution: ev.cause.Execution})
	if err == nil {
		err = r.Caller.Call(r.ctx, role, f.Region, "lambda", "Invoke", InvokeInput{FunctionName: target, InvocationType: "Event", Payload: record}, nil)
	}
	if err != nil {
		r.Log.Warn("a record is not delivered", "function", f.Name, "destination", target, "error", err)
	}
}

// record is what a destination is told.
func (f Function) record(ev event, out outcome, condition string, tries int, now time.Time) map[string]any {
	response := map[string]any{"statusCode": 200, "executedVersion": f.Version}
	if out.failed {
		response["functionError"] = unhandled
	}
	record := map[string]any{
		"version": "1.0", "timestamp": now.UTC().Format("2006-01-02T15:04:05.000Z"),
		"requestContext": map[string]any{"requestId": ev.id, "functionArn": f.ARN + ":" + f.Version, "condition": condition, "approximateInvokeCount": tries},
		"requestPayload": json.RawMessage(ev.payload), "responseContext": response,
	}
	if json.Valid(out.payload) {
		record["responsePayload"] = json.RawMessage(out.payload)
	}
	return record
}
