package states

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

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
		{name: "denied", source: "answer seen in public logs of Step Functions, 2026-11", machine: invokeMachine,
			err:  &protocol.Error{Code: "AccessDeniedException", Status: 403, Message: "User: x is not authorized to perform: lambda:InvokeFunction"},
			want: map[string]any{"status": "FAILED", "error": "Lambda.AWSLambdaException"}},
		{name: "throttled", source: page, machine: invokeMachine, err: &protocol.Error{Code: "TooManyRequestsException", Status: 429, Message: "Rate Exceeded."},
			want: map[string]any{"status": "FAILED", "error": "Lambda.TooManyRequestsException"}},
		{name: "other resource", source: "AWS Step Functions Developer Guide, Integrating services, 2026-11", limit: "optimized integrations are those with Lambda, CodeBuild, Step Functions, DynamoDB and SQS",
			machine: strings.Replace(invokeMachine, "lambda:invoke", "glue:startJobRun.sync", 1), want: map[string]any{"status": "FAILED", "error": "States.Runtime"}},
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
		{name: "failed build", source: "aws-samples/bedrock-chat, 2026-11, reads Cause as {\"Build\": ...}", end: "FAILED", event: true,
			want: map[string]any{"status": "FAILED", "error": "States.TaskFailed"}},
		{name: "stopped build", source: page, end: "STOPPED", event: true, want: map[string]any{"status": "FAILED", "error": "States.TaskFailed"}},
		{name: "polling", source: "AWS Step Functions Developer Guide, IAM policies for integrated services, 2026-11; the interval is not documented",
			end: "SUCCEEDED", want: map[string]any{"status": "SUCCEEDED"}, least: pollEvery},
		{name: "lost event", source: "none: a switch", end: "SUCCEEDED", event: true, lose: true, want: map[string]any{"status": "SUCCEEDED"}, least: pollEvery},
		{name: "no right to look", source: "aws/aws-cdk pull request 10081: without BatchGetBuilds machines timed out", end: "SUCCEEDED", event: true,
			deny: []string{"codebuild:BatchGetBuilds"}, want: map[string]any{"status": "FAILED", "error": "States.Timeout"}, least: 600 * time.Second},
		{name: "no right to start", source: "public state machines, 2026-11, retry CodeBuild.CodeBuildException", deny: []string{"codebuild:StartBuild"},
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
