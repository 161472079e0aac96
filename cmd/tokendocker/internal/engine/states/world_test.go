package states

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// world is what the room calls: Lambda and CodeBuild as far as these tests need them.
type world struct {
	room  *Room
	store *state.Store
	sw    *switches.Switches

	mu      sync.Mutex
	deny    map[string]bool // actions that are refused
	answer  func(operation string, in json.RawMessage) (any, error)
	calls   []string
	inputs  map[string]json.RawMessage // the last input by operation
	causes  []session.Cause
	tell    func(string)
	status  string   // of the one build
	refused bool     // the role
	lines   []string // of logs, each after its group
}

func newWorld(t *testing.T, factor float64) *world {
	t.Helper()
	w := &world{deny: map[string]bool{}, status: "IN_PROGRESS", sw: &switches.Switches{}, inputs: map[string]json.RawMessage{}}
	w.open(t, t.TempDir(), factor)
	t.Cleanup(func() { w.close() })
	return w
}

func (w *world) open(t *testing.T, dir string, factor float64) {
	t.Helper()
	var err error
	if w.store, err = state.Open(dir); err != nil {
		t.Fatal(err)
	}
	w.room, err = New(Options{Store: w.store, Clock: clock.New(factor), Switches: w.sw, Caller: w, Roles: w, Builds: w, Log: slog.New(slog.DiscardHandler), Deliver: w.deliver})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) close() {
	w.room.Close()
	w.store.Close()
}

func (w *world) OnEnded(f func(id, status string)) { w.tell = func(id string) { f(id, "ENDED") } }

func (w *world) AssumeAsService(_ context.Context, role, service, _ string, cause session.Cause) (*session.Session, error) {
	if w.refused || service != "states.amazonaws.com" {
		return nil, errors.New("refused")
	}
	s := &session.Session{RoleARN: role}
	s.SetCause(cause)
	return s, nil
}

func (w *world) Allow(_ context.Context, _ *session.Session, _ string, need protocol.Need) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deny[need.Action] {
		return protocol.Errorf("AccessDeniedException", "not authorized to perform: %s", need.Action)
	}
	return nil
}

func (w *world) Call(_ context.Context, as *session.Session, region, service, operation string, in, out any) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.calls = append(w.calls, service+":"+operation)
	w.inputs[operation] = raw
	w.causes = append(w.causes, as.Cause())
	answer, status, denied := w.answer, w.status, w.deny[service+":"+operation]
	w.mu.Unlock()
	if denied {
		return &protocol.Error{Code: "AccessDeniedException", Status: 400, Message: "not authorized to perform: " + service + ":" + operation}
	}
	var v any
	build := map[string]any{"id": "p:1", "arn": "arn:aws:codebuild:" + region + ":1:build/p:1", "buildStatus": status, "startTime": 1.5e9,
		"environment": map[string]any{"environmentVariables": []any{map[string]any{"name": "a", "value": "b"}}}}
	switch {
	case answer != nil:
		if v, err = answer(operation, raw); err != nil {
			return err
		}
	case operation == "StartBuild":
		v = map[string]any{"build": build}
	case operation == "BatchGetBuilds":
		v = map[string]any{"builds": []any{build}}
	}
	if out == nil {
		return nil
	}
	if raw, err = json.Marshal(v); err != nil {
		return err
	}
	return json.Unmarshal(raw, out)
}

func (w *world) deliver(_ context.Context, region, group, _ string, times []time.Time, messages []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, m := range messages {
		if times[i].IsZero() {
			return errors.New("an event has no time")
		}
		w.lines = append(w.lines, region+" "+group+" "+m)
	}
	return nil
}

func (w *world) end(status string, event bool) {
	w.mu.Lock()
	w.status = status
	w.mu.Unlock()
	if event {
		w.tell("p:1")
	}
}

func (w *world) called(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, c := range w.calls {
		if c == name {
			n++
		}
	}
	return n
}

const machineARN = "arn:aws-cn:states:cn-north-1:111122223333:stateMachine:M"

func request(definition string) resource.Request {
	return resource.Request{Stack: resource.Stack{ID: "s", Name: "S", Account: "111122223333", Region: "cn-north-1", Partition: "aws-cn"},
		LogicalID: "Machine", Properties: map[string]any{"StateMachineName": "M", "RoleArn": "arn:aws-cn:iam::111122223333:role/R", "DefinitionString": definition}}
}

func (w *world) create(t *testing.T, definition string) {
	t.Helper()
	res, err := w.room.Resources()["AWS::StepFunctions::StateMachine"].Create(t.Context(), request(definition))
	if err != nil {
		t.Fatal(err)
	}
	if res.PhysicalID != machineARN || res.Attributes["Name"] != "M" {
		t.Fatalf("result %+v", res)
	}
}

func (w *world) call(t *testing.T, operation string, in map[string]any) (map[string]any, error) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	s := &session.Session{ARN: "caller"}
	s.SetCause(session.Cause{Request: session.Request{ID: "req"}, Invocation: "inv"})
	call := &protocol.Call{Service: "states", Operation: operation, Partition: "aws-cn", Account: "111122223333", Region: "cn-north-1", Session: s, Body: body}
	if _, err := w.room.Needs(t.Context(), call); err != nil {
		return nil, err
	}
	out, err := w.room.Serve(t.Context(), call)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	return m, json.Unmarshal(raw, &m)
}

func (w *world) start(t *testing.T, name, input string) string {
	t.Helper()
	out, err := w.call(t, "StartExecution", map[string]any{"stateMachineArn": machineARN, "name": name, "input": input})
	if err != nil {
		t.Fatal(err)
	}
	return out["executionArn"].(string)
}

// wait returns the execution's description when it has ended.
func (w *world) wait(t *testing.T, arn string) map[string]any {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		out, err := w.call(t, "DescribeExecution", map[string]any{"executionArn": arn})
		if err != nil {
			t.Fatal(err)
		}
		if out["status"] != running {
			return out
		}
	}
	t.Fatal("the execution does not end")
	return nil
}

func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatal("never: " + what)
}
