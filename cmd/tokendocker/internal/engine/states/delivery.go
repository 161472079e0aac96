package states

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states/asl"
)

// deliveryService brings log events to their groups.
const deliveryService = "delivery.logs.amazonaws.com"

// logged reports whether events of a kind go to the log.
// Source: Developer Guide, "Log levels for Step Functions execution events".
func (l logging) logged(kind string) bool {
	bad := strings.HasSuffix(kind, "Failed") || strings.HasSuffix(kind, "Aborted") || strings.HasSuffix(kind, "TimedOut")
	switch l.Level {
	case "ALL":
		return true
	case "ERROR":
		return bad || kind == "FailStateEntered"
	case "FATAL":
		return bad && strings.HasPrefix(kind, "Execution")
	}
	return false
}

// deliver writes the events of an execution that has ended to its machine's log. What goes wrong there fails nothing.
func (r *Room) deliver(m Machine, e Execution, events []asl.Event) {
	if !m.logs() || r.Deliver == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	var times []time.Time
	var messages []string
	for _, event := range events {
		if m.Logging.logged(event.Type) {
			times, messages = append(times, event.Time), append(messages, m.Logging.line(e, event))
		}
	}
	if len(messages) == 0 {
		return
	}
	err := r.mayDeliver(ctx, m, e)
	if err == nil {
		err = r.Deliver(ctx, m.Region, m.Logging.group(), m.stream(e), times, messages)
	}
	if err != nil {
		r.Log.Warn("an execution is not logged", "execution", e.ARN, "error", err)
	}
}

// mayDeliver asks for the right to what an encrypted machine's log is encrypted with on the way: the machine's role
// makes a key for it, and the delivery decrypts that.
// Source: Developer Guide, "Data at rest encryption", encrypted log delivery.
func (r *Room) mayDeliver(ctx context.Context, m Machine, e Execution) error {
	if m.key() == "" {
		return nil
	}
	about := map[string]string{"SourceArn": fmt.Sprintf("arn:%s:logs:%s:%s:*", m.Partition, m.Region, m.Account)}
	s, err := r.Roles.AssumeAsService(ctx, m.Role, servicePrincipal, cutName(e.Name), session.Cause{Execution: e.ARN})
	if err != nil {
		return err
	}
	var key struct{ CiphertextBlob []byte }
	in := map[string]any{"KeyId": m.key(), "KeySpec": "AES_256", "EncryptionContext": about}
	if err := r.Caller.Call(ctx, s, m.Region, "kms", "GenerateDataKey", in, &key); err != nil {
		return err
	}
	by := &session.Session{Account: m.Account, Service: deliveryService, ARN: deliveryService}
	in = map[string]any{"CiphertextBlob": key.CiphertextBlob, "EncryptionContext": about}
	return r.Caller.Call(ctx, by, m.Region, "kms", "Decrypt", in, nil)
}

// stream is the log stream of an execution, one of its own here.
func (m Machine) stream(e Execution) string {
	return "states/" + m.Name + "/" + e.Started.UTC().Format("2006-01-02-15-04") + "/" + protocol.NewID()[:8]
}

// line is a log event as Step Functions writes it.
// Source: Developer Guide, "Using CloudWatch Logs to log execution history", payloads.
func (l logging) line(e Execution, event asl.Event) string {
	details := maps.Clone(event.Details)
	for _, name := range []string{"input", "output"} {
		if _, has := details[name]; has && bool(l.Data) {
			details[name+"Details"] = map[string]any{"truncated": false}
		} else {
			delete(details, name)
		}
	}
	if !l.Data {
		delete(details, "parameters")
	}
	if details == nil {
		details = map[string]any{}
	}
	raw, err := json.Marshal(map[string]any{"id": strconv.Itoa(event.ID), "type": event.Type, "details": details,
		"previous_event_id": strconv.Itoa(event.Previous), "event_timestamp": strconv.FormatInt(event.Time.UnixMilli(), 10),
		"execution_arn": e.ARN, "redrive_count": "0"})
	if err != nil {
		return err.Error() // details are JSON
	}
	return string(raw)
}

// describe tells a machine's configuration as DescribeStateMachine does.
func (c configuration) describe() map[string]any {
	out := map[string]any{"loggingConfiguration": logging{Level: "OFF"}, "tracingConfiguration": tracing{},
		"encryptionConfiguration": encryption{Type: "AWS_OWNED_KEY"}}
	if c.Logging != nil {
		out["loggingConfiguration"] = c.Logging
	}
	if c.Tracing != nil {
		out["tracingConfiguration"] = c.Tracing
	}
	if c.Encryption != nil {
		out["encryptionConfiguration"] = c.Encryption
	}
	return out
}
