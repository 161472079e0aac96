package events

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// delivery is an event on its way to targets.
type delivery struct {
	event     protocol.Event
	text      []byte // as JSON
	forwarded bool   // by a rule of another bus
	born      time.Time
}

// Waits between tries grow from the first to the longest; EventBridge's own are not documented.
const (
	firstWait   = time.Second
	longestWait = 10 * time.Minute
)

// deliver sends an event to a target, and again when that fails in a way that may pass: 185 times, and for 24 hours,
// unless the target's policy says less. What cannot be delivered is dropped, and the log says so.
// Source: Amazon EventBridge User Guide, "How EventBridge retries delivering events".
func (r *Room) deliver(x rule, t target, d delivery) {
	attempts, age := maxAttempts, time.Duration(maxAge)*time.Second
	if p := t.RetryPolicy; p != nil && p.MaximumRetryAttempts != nil {
		attempts = int(*p.MaximumRetryAttempts)
	}
	if p := t.RetryPolicy; p != nil && p.MaximumEventAgeInSeconds != nil {
		age = time.Duration(*p.MaximumEventAgeInSeconds) * time.Second
	}
	input, err := t.input(occasion{event: d.text, ruleARN: r.arnOf(x), rule: x.Name, taken: d.born})
	wait := firstWait
	for tries := 0; err == nil; tries++ {
		if err = r.hand(x, t, d, input); err == nil || r.ctx.Err() != nil {
			return
		}
		pause := wait/2 + rand.N(wait/2) //nolint:gosec // jitter
		if !passing(err) || tries >= attempts || r.Clock.Since(d.born)+pause > age {
			break
		}
		err = r.Clock.Sleep(r.ctx, pause)
		wait = min(2*wait, longestWait)
	}
	if r.ctx.Err() == nil {
		r.complain(x, t, d, err)
	}
}

// complain says that a target gets nothing, once for each reason. AWS has a metric for it that nobody looks at in a
// rehearsal.
func (r *Room) complain(x rule, t target, d delivery, err error) {
	reason := strings.Join([]string{x.key(), t.ID, err.Error()}, "\x00")
	r.mu.Lock()
	known := r.complaints[reason] || len(r.complaints) == maxComplaints
	if !known {
		r.complaints[reason] = true
	}
	r.mu.Unlock()
	if !known {
		r.Log.Error("an event does not reach its target", "rule", x.Name, "target", t.ARN, "event", d.event.DetailType, "error", err)
	}
}

// maxComplaints is how many reasons are remembered; errors with names in them need not fill the memory.
const maxComplaints = 200

// passing reports whether an error may be none at the next try: throttling, and what is the service's fault. A function
// that the engine does not run is neither.
// Source: AWS re:Post, "How do I set up EventBridge retries and DLQ for failed invocations?".
func passing(err error) bool {
	var e *protocol.Error
	if !errors.As(err, &e) {
		return false
	}
	busy := e.Status == http.StatusTooManyRequests || strings.Contains(e.Code, "Throttl") || e.Code == "TooManyRequestsException"
	return busy || e.Status >= http.StatusInternalServerError && e.Code != "InvalidRuntimeException"
}

// noTarget says that the engine has nothing that could get an event.
func noTarget(t target) error {
	return protocol.Errorf("TargetNotSupported", "a rehearsal has no %s to send events to: it sends them to Lambda functions, state machines, "+
		"CodeBuild projects, log groups and event buses", t.service())
}

// hand gives a target its input once.
func (r *Room) hand(x rule, t target, d delivery, input []byte) error {
	parts := strings.SplitN(t.ARN, ":", 6)
	if len(parts) != 6 {
		return noTarget(t)
	}
	region, name := parts[3], parts[5]
	send := map[string]func(*session.Session) error{
		"lambda": func(as *session.Session) error { return r.invoke(as, region, t.ARN, input) },
		"states": func(as *session.Session) error { return r.execute(as, region, t.ARN, input, d.event.ID) },
		"codebuild": func(as *session.Session) error {
			return r.build(as, region, strings.TrimPrefix(name, "project/"), input)
		},
		"logs":   func(as *session.Session) error { return r.log(as, region, name, input, d.event) },
		"events": func(as *session.Session) error { return r.forward(as, region, t.ARN, d) },
	}[t.service()]
	if send == nil || t.service() == "events" && !strings.HasPrefix(name, "event-bus/") {
		return noTarget(t)
	}
	as, end, err := r.caller(x, t)
	if err != nil {
		return err
	}
	defer end()
	return send(as)
}

// caller is for whom a target is called: the target's role, or EventBridge itself for a rule. Other buses are called for
// the account.
func (r *Room) caller(x rule, t target) (*session.Session, func(), error) {
	nothing := func() {}
	if t.RoleARN != "" {
		as, err := r.Roles.AssumeAsService(r.ctx, t.RoleARN, servicePrincipal, strings.ReplaceAll(protocol.NewID(), "-", ""), session.Cause{})
		return as, nothing, err
	}
	if t.service() == "events" {
		return &session.Session{Account: r.Account, UserID: r.Account, ARN: "arn:" + r.Partition + ":iam::" + r.Account + ":root"}, nothing, nil
	}
	return &session.Session{Account: r.Account, ARN: servicePrincipal, Service: servicePrincipal, SourceARN: r.arnOf(x)}, nothing, nil
}

// invoke starts a function and does not wait for it.
func (r *Room) invoke(as *session.Session, region, arn string, input []byte) error {
	return r.Caller.Call(r.ctx, as, region, "lambda", "Invoke", map[string]any{
		"FunctionName": arn, "InvocationType": "Event", "Payload": json.RawMessage(input)}, nil)
}

// execute starts a state machine; a second try of the same event starts another execution.
func (r *Room) execute(as *session.Session, region, arn string, input []byte, event string) error {
	return r.Caller.Call(r.ctx, as, region, "states", "StartExecution", map[string]any{
		"stateMachineArn": arn, "input": string(input), "name": event + "_" + protocol.NewID()}, nil)
}

// build starts a project's build. An input that has fields of StartBuild overrides what the project says.
// Source: Amazon EventBridge User Guide, "Amazon EventBridge event bus targets", CodeBuild project.
func (r *Room) build(as *session.Session, region, project string, input []byte) error {
	call := map[string]any{}
	var fields map[string]any
	if json.Unmarshal(input, &fields) == nil {
		for name, value := range fields {
			if strings.HasSuffix(name, "Override") || name == "sourceVersion" {
				call[name] = value
			}
		}
	}
	call["projectName"] = project
	return r.Caller.Call(r.ctx, as, region, "codebuild", "StartBuild", call, nil)
}

// log writes a line into a stream of its own. An input with a timestamp and a message is the line itself.
// Source: Amazon EventBridge User Guide, "Amazon EventBridge event bus targets", CloudWatch Logs group.
func (r *Room) log(as *session.Session, region, name string, input []byte, e protocol.Event) error {
	group := strings.TrimSuffix(strings.TrimPrefix(name, "log-group:"), ":*")
	line := struct {
		Timestamp *int64  `json:"timestamp"`
		Message   *string `json:"message"`
	}{}
	if json.Unmarshal(input, &line) != nil || line.Timestamp == nil || line.Message == nil {
		at, text := e.Time.UnixMilli(), string(input)
		line.Timestamp, line.Message = &at, &text
	}
	stream := protocol.NewID()
	if err := r.Caller.Call(r.ctx, as, region, "logs", "CreateLogStream",
		map[string]any{"logGroupName": group, "logStreamName": stream}, nil); err != nil {
		return err
	}
	return r.Caller.Call(r.ctx, as, region, "logs", "PutLogEvents", map[string]any{
		"logGroupName": group, "logStreamName": stream, "logEvents": []any{line}}, nil)
}

// forward puts an event on another bus, once: what came from another bus stays where it is.
// Source: Amazon EventBridge User Guide, "Sending and receiving events between event buses in the same account and Region".
func (r *Room) forward(as *session.Session, region, arn string, d delivery) error {
	if d.forwarded {
		return nil
	}
	to, name, err := r.reach(r.ctx, as, region, arn, d.event.Source, d.event.DetailType)
	if err != nil {
		return err
	}
	return to.accept(region, name, d.event, true)
}

// reach returns the room of a bus on which a caller may put events.
func (r *Room) reach(ctx context.Context, as *session.Session, region, arn, source, detailType string) (*Room, string, error) {
	to := r
	if owner := protocol.OwnerOf(arn); owner != r.Account {
		to = nil
		if r.Elsewhere != nil {
			to = r.Elsewhere(owner)
		}
		if to == nil {
			return nil, "", protocol.Errorf("ResourceNotFoundException", "The rehearsal has no account %s with an event bus.", owner)
		}
	}
	b, found, err := to.bus(region, nameOfBus(arn))
	if err == nil && !found {
		err = noBus(b.Name)
	}
	if err != nil {
		return nil, "", err
	}
	need := putNeed(to.busARN(region, b.Name), b.policy(), source, detailType)
	need.Owner = to.Account
	return to, b.Name, r.Caller.Allow(ctx, as, region, need)
}
