package states

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
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
	status  string // of the one build
	refused bool   // the role
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
	w.room, err = New(Options{Store: w.store, Clock: clock.New(factor), Switches: w.sw, Caller: w, Roles: w, Builds: w, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) close() {
	w.room.Close()
	w.store.Close()
}

func (w *world) OnBuildEnded(f func(string)) { w.tell = f }

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
	call := &protocol.Call{Service: "states", Operation: operation, Region: "cn-north-1", Session: s, Body: body}
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

const invokeMachine = `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws-cn:states:::lambda:invoke","Parameters":{"FunctionName":"f","Payload.$":"$"},"OutputPath":"$.Payload","End":true}}}`

// The case table of lambda:invoke and tasks by a function's ARN.
func TestLambdaCases(t *testing.T) {
	const page = "AWS Step Functions Developer Guide, Invoke an AWS Lambda function with Step Functions, 2026-11"
	direct := strings.Replace(strings.Replace(invokeMachine, "arn:aws-cn:states:::lambda:invoke", "arn:aws-cn:lambda:cn-north-1:1:function:f", 1), `,"OutputPath":"$.Payload"`, "", 1)
	cases := []struct {
		name, source, limit string
		machine             string
		answer              any
		err                 error
		want                map[string]any
	}{
		{name: "payload", source: page, machine: invokeMachine, answer: invocation{StatusCode: 200, Payload: json.RawMessage(`{"x":1}`)},
			want: map[string]any{"status": "SUCCEEDED", "output": `{"x":1}`}},
		{name: "direct", source: page, machine: direct, answer: invocation{StatusCode: 200, Payload: json.RawMessage(`[1]`)},
			want: map[string]any{"status": "SUCCEEDED", "output": `[1]`}},
		{name: "function error", source: "AWS Step Functions Developer Guide, Handling error conditions, 2026-11", machine: invokeMachine,
			answer: invocation{StatusCode: 200, FunctionError: "Unhandled", Payload: json.RawMessage(`{"errorType":"MyError","errorMessage":"m"}`)},
			want:   map[string]any{"status": "FAILED", "error": "MyError", "cause": `{"errorType":"MyError","errorMessage":"m"}`}},
		{name: "error without type", source: "AWS Step Functions Developer Guide, Handling errors, Lambda.Unknown, 2026-11", machine: invokeMachine,
			answer: invocation{StatusCode: 200, FunctionError: "Unhandled", Payload: json.RawMessage(`{}`)}, want: map[string]any{"status": "FAILED", "error": "Lambda.Unknown"}},
		{name: "denied", source: "answer seen in public logs of Step Functions", machine: invokeMachine,
			err:  &protocol.Error{Code: "AccessDeniedException", Status: 403, Message: "User: x is not authorized to perform: lambda:InvokeFunction"},
			want: map[string]any{"status": "FAILED", "error": "Lambda.AWSLambdaException"}},
		{name: "throttled", source: page, machine: invokeMachine, err: &protocol.Error{Code: "TooManyRequestsException", Status: 429, Message: "Rate Exceeded."},
			want: map[string]any{"status": "FAILED", "error": "Lambda.TooManyRequestsException"}},
		{name: "other resource", source: "AWS Step Functions Developer Guide, Integrating services, 2026-11", limit: "two services are integrated",
			machine: strings.Replace(invokeMachine, "lambda:invoke", "sqs:sendMessage", 1), want: map[string]any{"status": "FAILED", "error": "States.Runtime"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.answer = func(string, json.RawMessage) (any, error) { return c.answer, c.err }
			w.create(t, c.machine)
			got := w.wait(t, w.start(t, "n", `{"in":1}`))
			for k, v := range c.want {
				if got[k] != v {
					t.Errorf("%s = %v, want %v", k, got[k], v)
				}
			}
		})
	}
}

func TestInvocationInheritsTheCause(t *testing.T) {
	w := newWorld(t, 1)
	w.answer = func(string, json.RawMessage) (any, error) {
		return invocation{StatusCode: 200, Payload: json.RawMessage(`1`)}, nil
	}
	w.create(t, invokeMachine)
	arn := w.start(t, "n", `{"a":"<>"}`)
	w.wait(t, arn)
	if want := (session.Cause{Request: session.Request{ID: "req"}, Invocation: "inv", Execution: arn}); w.causes[0] != want {
		t.Errorf("cause %+v", w.causes[0])
	}
	if got := string(w.inputs["Invoke"]); got != `{"FunctionName":"f","Payload":{"a":"\u003c\u003e"}}` {
		t.Errorf("input %s", got)
	}
}

const buildMachine = `{"StartAt":"B","States":{"B":{"Type":"Task","Resource":"arn:aws-cn:states:::codebuild:startBuild.sync",
	"Parameters":{"ProjectName":"p","BuildspecOverride.$":"$.spec","EnvironmentVariablesOverride":[{"Name":"N","Value":"v","Type":"PLAINTEXT"}],"TimeoutInMinutesOverride":5},
	"TimeoutSeconds":600,"End":true}}}`

// The case table of startBuild.sync.
func TestBuildCases(t *testing.T) {
	const page = "AWS Step Functions Developer Guide, Start an AWS CodeBuild build with Step Functions, 2026-11"
	cases := []struct {
		name, source string
		end          string // status that the build ends with, empty for never
		event        bool
		deny         []string
		lose         bool
		want         map[string]any
		least        time.Duration // simulated
		stops        int
	}{
		{name: "event", source: page, end: "SUCCEEDED", event: true, want: map[string]any{"status": "SUCCEEDED"}},
		{name: "failed build", source: "aws-samples/bedrock-chat reads Cause as {\"Build\": ...}", end: "FAILED", event: true,
			want: map[string]any{"status": "FAILED", "error": "States.TaskFailed"}},
		{name: "stopped build", source: page, end: "STOPPED", event: true, want: map[string]any{"status": "FAILED", "error": "States.TaskFailed"}},
		{name: "polling", source: "AWS Step Functions Developer Guide, IAM policies for integrated services, 2026-11; the interval is not documented",
			end: "SUCCEEDED", want: map[string]any{"status": "SUCCEEDED"}, least: pollEvery},
		{name: "lost event", source: "as polling", end: "SUCCEEDED", event: true, lose: true, want: map[string]any{"status": "SUCCEEDED"}, least: pollEvery},
		{name: "no right to look", source: "aws/aws-cdk pull request 10081: without BatchGetBuilds machines timed out", end: "SUCCEEDED", event: true,
			deny: []string{"codebuild:BatchGetBuilds"}, want: map[string]any{"status": "FAILED", "error": "States.Timeout"}, least: 600 * time.Second},
		{name: "no right to start", source: "public state machines retry CodeBuild.CodeBuildException", deny: []string{"codebuild:StartBuild"},
			want: map[string]any{"status": "FAILED", "error": "CodeBuild.CodeBuildException"}},
		{name: "time-out stops nothing", source: "AWS Step Functions Developer Guide, Run a Job (.sync), 2026-11: time-outs are not in its list",
			want: map[string]any{"status": "FAILED", "error": "States.Timeout"}, least: 600 * time.Second},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 2000)
			w.create(t, buildMachine)
			w.sw.LoseBuildEvents = c.lose
			for _, a := range c.deny {
				w.deny[a] = true
			}
			begin := w.room.Clock.Now()
			arn := w.start(t, "n", `{"spec":"x"}`)
			if c.end != "" {
				until(t, "start", func() bool { return w.called("codebuild:StartBuild") == 1 })
				w.end(c.end, c.event)
			}
			got := w.wait(t, arn)
			for k, v := range c.want {
				if got[k] != v {
					t.Errorf("%s = %v, want %v (%v)", k, got[k], v, got["cause"])
				}
			}
			if took := w.room.Clock.Since(begin); took < c.least {
				t.Errorf("took %v, want %v at least", took, c.least)
			}
			if n := w.called("codebuild:StopBuild"); n != c.stops {
				t.Errorf("%d StopBuild", n)
			}
		})
	}
}

func TestBuildShapes(t *testing.T) {
	w := newWorld(t, 1)
	w.create(t, buildMachine)
	arn := w.start(t, "n", `{"spec":"the spec"}`)
	until(t, "start", func() bool { return w.called("codebuild:StartBuild") == 1 })
	w.end("SUCCEEDED", true)
	got := w.wait(t, arn)
	if want := `{"buildspecOverride":"the spec","environmentVariablesOverride":[{"name":"N","type":"PLAINTEXT","value":"v"}],"projectName":"p","timeoutInMinutesOverride":5}`; string(w.inputs["StartBuild"]) != want {
		t.Errorf("input %s", w.inputs["StartBuild"])
	}
	if want := `{"Build":{"Arn":"arn:aws:codebuild:cn-north-1:1:build/p:1","BuildStatus":"SUCCEEDED","Environment":{"EnvironmentVariables":[{"Name":"a","Value":"b"}]},"Id":"p:1","StartTime":1500000000000}}`; got["output"] != want {
		t.Errorf("output %s", got["output"])
	}
}

func TestQuotaAndCutCause(t *testing.T) {
	w := newWorld(t, 1)
	w.create(t, buildMachine)
	w.answer = func(string, json.RawMessage) (any, error) {
		return nil, protocol.Errorf("AccountLimitExceededException", "Cannot have more than 1 builds in queue for the account")
	}
	got := w.wait(t, w.start(t, "n", `{"spec":"x"}`))
	if got["error"] != "CodeBuild.AccountLimitExceededException" || !strings.HasPrefix(got["cause"].(string), "Cannot have more than 1 builds in queue for the account (Service: CodeBuild; ") {
		t.Errorf("got %v: %v", got["error"], got["cause"])
	}
	w.answer = func(operation string, _ json.RawMessage) (any, error) {
		build := map[string]any{"id": "p:1", "buildStatus": "FAILED", "source": map[string]any{"buildspec": strings.Repeat("x", 40000)}}
		if operation == "StartBuild" {
			w.tell("p:1") // the end comes before the answer to the start
			return map[string]any{"build": build}, nil
		}
		return map[string]any{"builds": []any{build}}, nil
	}
	got = w.wait(t, w.start(t, "m", `{"spec":"x"}`))
	if cause := got["cause"].(string); len(cause) != 32768 {
		t.Errorf("cause has %d bytes", len(cause))
	}
}

func TestStopExecutionStopsTheBuild(t *testing.T) {
	w := newWorld(t, 1)
	w.create(t, buildMachine)
	arn := w.start(t, "n", `{"spec":"x"}`)
	until(t, "start", func() bool { return w.called("codebuild:StartBuild") == 1 })
	if _, err := w.call(t, "StopExecution", map[string]any{"executionArn": arn, "error": "E", "cause": "C"}); err != nil {
		t.Fatal(err)
	}
	got := w.wait(t, arn)
	if got["status"] != aborted || got["error"] != "E" || got["cause"] != "C" || w.called("codebuild:StopBuild") != 1 {
		t.Errorf("got %v, calls %v", got, w.calls)
	}
	if _, err := w.call(t, "StopExecution", map[string]any{"executionArn": arn}); err != nil {
		t.Errorf("stop again: %v", err)
	}
}

// The case table of refusals.
func TestRefusals(t *testing.T) {
	create := func(w *world, t *testing.T, definition string) error {
		_, err := w.room.Resources()["AWS::StepFunctions::StateMachine"].Create(t.Context(), request(definition))
		return err
	}
	cases := []struct {
		name, source, want string
		do                 func(w *world, t *testing.T) error
	}{
		{"managed rule", "answer seen in public logs, e.g. nasa/cumulus pull request 2693", "AccessDeniedException: 'arn:aws-cn:iam::111122223333:role/R' is not authorized to create managed-rule.",
			func(w *world, t *testing.T) error { w.deny["events:PutRule"] = true; return create(w, t, buildMachine) }},
		{"definition", "API Reference, CreateStateMachine, 2026-11", "InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED",
			func(w *world, t *testing.T) error { return create(w, t, `{"StartAt":1}`) }},
		{"parameter's spelling", "Developer Guide, Integrating services: parameters are in PascalCase, 2026-11", `The field "projectName" is not supported by Step Functions at /States/B/Parameters`,
			func(w *world, t *testing.T) error {
				return create(w, t, strings.Replace(buildMachine, "ProjectName", "projectName", 1))
			}},
		{"role", "API Reference, CreateStateMachine, 2026-11", "authorized to assume the provided role",
			func(w *world, t *testing.T) error { w.refused = true; return create(w, t, invokeMachine) }},
		{"express", "limit: standard workflows only", "EXPRESS", func(w *world, t *testing.T) error {
			r := request(invokeMachine)
			r.Properties["StateMachineType"] = "EXPRESS"
			_, err := w.room.Resources()["AWS::StepFunctions::StateMachine"].Create(t.Context(), r)
			return err
		}},
		{"no machine", "API Reference, StartExecution, 2026-11", "StateMachineDoesNotExist", func(w *world, t *testing.T) error {
			_, err := w.call(t, "StartExecution", map[string]any{"stateMachineArn": machineARN + "x"})
			return err
		}},
		{"name", "API Reference, StartExecution, 2026-11", "InvalidName", func(w *world, t *testing.T) error {
			_, err := w.call(t, "StartExecution", map[string]any{"stateMachineArn": machineARN, "name": "a b"})
			return err
		}},
		{"input", "API Reference, StartExecution, 2026-11", "InvalidExecutionInput", func(w *world, t *testing.T) error {
			_, err := w.call(t, "StartExecution", map[string]any{"stateMachineArn": machineARN, "input": "{"})
			return err
		}},
		{"operation", "limit: operations that the flow needs", "UnknownOperationException", func(w *world, t *testing.T) error {
			_, err := w.call(t, "StartSyncExecution", map[string]any{})
			return err
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := c.do(newWorld(t, 1), t); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want %s", err, c.want)
			}
		})
	}
}

func TestStartIsIdempotentWhileRunning(t *testing.T) {
	w := newWorld(t, 1)
	w.create(t, `{"StartAt":"W","States":{"W":{"Type":"Wait","SecondsPath":"$.s","End":true}}}`)
	arn := w.start(t, "n", `{"s":300}`)
	if again := w.start(t, "n", `{"s":300}`); again != arn {
		t.Errorf("second start: %s", again)
	}
	in := map[string]any{"stateMachineArn": machineARN, "name": "n", "input": `{"s":1}`}
	if _, err := w.call(t, "StartExecution", in); err == nil || !strings.Contains(err.Error(), "ExecutionAlreadyExists: Execution Already Exists: '"+arn+"'") {
		t.Errorf("other input: %v", err)
	}
	if _, err := w.call(t, "StopExecution", map[string]any{"executionArn": arn}); err != nil {
		t.Fatal(err)
	}
	in["input"] = `{"s":300}`
	if _, err := w.call(t, "StartExecution", in); err == nil || !strings.Contains(err.Error(), "ExecutionAlreadyExists") {
		t.Errorf("same input after the end: %v", err)
	}
}

func TestListPagesNewestFirst(t *testing.T) {
	w := newWorld(t, 1)
	w.create(t, `{"StartAt":"W","States":{"W":{"Type":"Wait","SecondsPath":"$.s","End":true}}}`)
	for i := range 5 {
		arn := w.start(t, fmt.Sprintf("n%d", i), fmt.Sprintf(`{"s":%d}`, 300*(i%2)))
		if i%2 == 0 {
			w.wait(t, arn)
		}
	}
	list := func(in map[string]any) (names []string, next any) {
		in["stateMachineArn"] = machineARN
		out, err := w.call(t, "ListExecutions", in)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out["executions"].([]any) {
			names = append(names, e.(map[string]any)["name"].(string))
		}
		return names, out["nextToken"]
	}
	if names, _ := list(map[string]any{"statusFilter": "RUNNING"}); !slices.Equal(names, []string{"n3", "n1"}) {
		t.Errorf("running: %v", names)
	}
	names, next := list(map[string]any{"maxResults": 3})
	rest, last := list(map[string]any{"maxResults": 3, "nextToken": next})
	if names = append(names, rest...); !slices.Equal(names, []string{"n4", "n3", "n2", "n1", "n0"}) || last != nil {
		t.Errorf("paged: %v %v", names, last)
	}
}

func TestHistoryAndContext(t *testing.T) {
	w := newWorld(t, 1)
	w.create(t, `{"StartAt":"P","States":{"P":{"Type":"Pass","Parameters":{"i.$":"$$.Execution.Id","s.$":"$$.Execution.StartTime","e.$":"$$.State.EnteredTime","m.$":"$$.StateMachine.Name"},"End":true}}}`)
	arn := w.start(t, "n", `{}`)
	var out map[string]string
	if err := json.Unmarshal([]byte(w.wait(t, arn)["output"].(string)), &out); err != nil {
		t.Fatal(err)
	}
	if out["i"] != "arn:aws-cn:states:cn-north-1:111122223333:execution:M:n" || out["m"] != "M" {
		t.Errorf("context %v", out)
	}
	for _, k := range []string{"s", "e"} {
		if at, err := time.Parse("2006-01-02T15:04:05.000Z", out[k]); err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("%s: %v %v", k, at, err)
		}
	}
	h, err := w.call(t, "GetExecutionHistory", map[string]any{"executionArn": arn})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, e := range h["events"].([]any) {
		kinds = append(kinds, e.(map[string]any)["type"].(string))
	}
	if !slices.Equal(kinds, []string{"ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"}) {
		t.Errorf("events %v", kinds)
	}
	if d := h["events"].([]any)[1].(map[string]any)["stateEnteredEventDetails"]; d == nil {
		t.Errorf("no details: %v", h["events"].([]any)[1])
	}
}

func TestExecutionsSurviveTheEngineAsAborted(t *testing.T) {
	w := newWorld(t, 1)
	dir := t.TempDir()
	w.close()
	w.open(t, dir, 1)
	w.create(t, `{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":300,"End":true}}}`)
	arn := w.start(t, "n", `{}`)
	// A killed process writes nothing more: the database is put back to what it was while the execution ran.
	kept, _, err := w.room.executions.Get(arn)
	if err != nil {
		t.Fatal(err)
	}
	w.room.Close()
	if err := w.room.executions.Put(arn, kept); err != nil {
		t.Fatal(err)
	}
	w.store.Close()
	w.open(t, dir, 1)
	if got := w.wait(t, arn); got["status"] != aborted {
		t.Errorf("got %v", got)
	}
}

func TestDefinitionSubstitutions(t *testing.T) {
	w := newWorld(t, 1)
	r := request("")
	delete(r.Properties, "DefinitionString")
	r.Properties["Definition"] = map[string]any{"StartAt": "P", "States": map[string]any{"P": map[string]any{"Type": "Pass", "Result": "${V}", "End": true}}}
	r.Properties["DefinitionSubstitutions"] = map[string]any{"V": `a "quoted" value`}
	if _, err := w.room.Resources()["AWS::StepFunctions::StateMachine"].Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if got := w.wait(t, w.start(t, "n", `{}`)); got["output"] != `"a \"quoted\" value"` {
		t.Errorf("got %v", got)
	}
}
