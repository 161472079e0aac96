package states

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// single is a machine of one Task.
func single(resource, parameters, more string) string {
	return `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws-cn:states:::` + resource + `","Parameters":` + parameters + more + `,"End":true}}}`
}

// The case table of calls of services' APIs.
func TestServiceCases(t *testing.T) {
	const page = "AWS Step Functions Developer Guide, Learning to use AWS service SDK integrations, 2026-11"
	cases := []struct {
		name, source, limit string
		machine             string
		answer              any
		err                 error
		call, input         string // what the service gets
		want                map[string]any
	}{
		{name: "members in upper case", source: page, machine: single("aws-sdk:ecr:describeImages", `{"RepositoryName":"r","ImageIds":[{"ImageTag.$":"$.tag"}]}`, ""),
			answer: map[string]any{"imageDetails": []any{map[string]any{"imageSizeInBytes": 12}}}, call: "ecr:DescribeImages",
			input: `{"imageIds":[{"imageTag":"v1"}],"repositoryName":"r"}`, want: map[string]any{"output": `{"ImageDetails":[{"ImageSizeInBytes":12}]}`}},
		{name: "members as they are", source: page, machine: single("aws-sdk:ssm:getParameter", `{"Name":"/a"}`, ""),
			answer: map[string]any{"Parameter": map[string]any{"Value": "v"}}, call: "ssm:GetParameter", input: `{"Name":"/a"}`, want: map[string]any{"output": `{"Parameter":{"Value":"v"}}`}},
		{name: "error", source: page, machine: single("aws-sdk:ssm:getParameter", `{"Name":"/a"}`, ""), err: protocol.Errorf("ParameterNotFound", ""), call: "ssm:GetParameter", input: `{"Name":"/a"}`,
			want: map[string]any{"status": "FAILED", "error": "Ssm.ParameterNotFoundException"}},
		{name: "denied", source: page, machine: single("aws-sdk:secretsmanager:getSecretValue", `{"SecretId":"s"}`, ""), err: &protocol.Error{Code: "AccessDeniedException", Message: "no"},
			call: "secretsmanager:GetSecretValue", input: `{"SecretId":"s"}`, want: map[string]any{"status": "FAILED", "error": "SecretsManager.SecretsManagerException"}},
		{name: "DynamoDB", source: "Developer Guide, Perform AWS DynamoDB CRUD operations, 2026-11", machine: single("dynamodb:getItem", `{"TableName":"t","Key":{"id":{"S":"1"}}}`, ""),
			answer: map[string]any{"Item": map[string]any{"id": map[string]any{"S": "1"}}}, call: "dynamodb:GetItem", input: `{"Key":{"id":{"S":"1"}},"TableName":"t"}`,
			want: map[string]any{"output": `{"Item":{"id":{"S":"1"}}}`}},
		{name: "DynamoDB's own error", source: "Developer Guide, Handling errors, 2026-11", machine: single("dynamodb:putItem", `{"TableName":"t"}`, ""), err: protocol.Errorf("ConditionalCheckFailedException", "x"),
			call: "dynamodb:PutItem", input: `{"TableName":"t"}`, want: map[string]any{"error": "DynamoDB.ConditionalCheckFailedException"}},
		{name: "DynamoDB's base error", source: "Developer Guide, Handling errors, 2026-11", machine: single("dynamodb:putItem", `{"TableName":"t"}`, ""), err: &protocol.Error{Code: "AccessDeniedException"},
			call: "dynamodb:PutItem", input: `{"TableName":"t"}`, want: map[string]any{"error": "DynamoDB.AmazonDynamoDBException"}},
		{name: "S3", source: page, machine: single("aws-sdk:s3:getObject", `{"Bucket":"b","Key":"k"}`, ""), answer: map[string]any{"Body": "text", "ContentLength": 4},
			call: "s3:GetObject", input: `{"Bucket":"b","Key":"k"}`, want: map[string]any{"output": `{"Body":"text","ContentLength":4}`}},
		{name: "S3's own error", source: page, machine: single("aws-sdk:s3:getObject", `{"Bucket":"b","Key":"k"}`, ""), err: protocol.Errorf("NoSuchKey", "no"),
			call: "s3:GetObject", input: `{"Bucket":"b","Key":"k"}`, want: map[string]any{"error": "S3.NoSuchKeyException"}},
		{name: "an error that EC2 has no exception for", source: page, machine: single("aws-sdk:ec2:describeVpcs", `{}`, ""), err: protocol.Errorf("InvalidVpcID.NotFound", "no"),
			call: "ec2:DescribeVpcs", input: `{}`, want: map[string]any{"error": "Ec2.Ec2Exception"}},
		{name: "service that is not called", source: page, limit: "calls go to the services that the engine has; of S3 to objects and their lists", machine: single("aws-sdk:athena:startQueryExecution", `{"QueryString":"q"}`, ""),
			want: map[string]any{"status": "FAILED", "error": "States.Runtime"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.answer = func(string, json.RawMessage) (any, error) { return c.answer, c.err }
			w.create(t, c.machine)
			got := w.wait(t, w.start(t, "n", `{"tag":"v1"}`))
			for k, v := range c.want {
				if got[k] != v {
					t.Errorf("%s = %v, want %v (%v)", k, got[k], v, got["cause"])
				}
			}
			if c.call == "" {
				return
			}
			_, operation, _ := strings.Cut(c.call, ":")
			if in := string(w.inputs[operation]); w.called(c.call) != 1 || in != c.input {
				t.Errorf("calls %v, input %s", w.calls, in)
			}
		})
	}
}

// callback is a machine whose function gets a token.
const callback = `{"FunctionName":"f","Payload":{"token.$":"$$.Task.Token"}}`

// The case table of tasks that wait for their token.
func TestTokenCases(t *testing.T) {
	const page = "AWS Step Functions Developer Guide, Wait for a Callback with Task Token, 2026-11"
	cases := []struct {
		name, source string
		more         string // of the state
		send         func(t *testing.T, w *world, token string)
		want         map[string]any
		least        time.Duration // simulated
	}{
		{name: "success", source: page, send: func(t *testing.T, w *world, token string) {
			w.mustCall(t, "SendTaskSuccess", map[string]any{"taskToken": token, "output": `{"done":true}`})
		}, want: map[string]any{"status": "SUCCEEDED", "output": `{"done":true}`}},
		{name: "failure", source: page, send: func(t *testing.T, w *world, token string) {
			w.mustCall(t, "SendTaskFailure", map[string]any{"taskToken": token, "error": "Mine", "cause": "why"})
		}, want: map[string]any{"status": "FAILED", "error": "Mine", "cause": "why"}},
		{name: "time-out", source: page, more: `,"TimeoutSeconds":60`, want: map[string]any{"status": "FAILED", "error": "States.Timeout"}, least: time.Minute},
		{name: "no heartbeat", source: page + ", heartbeat time-out", more: `,"HeartbeatSeconds":30`, want: map[string]any{"status": "FAILED", "error": "States.HeartbeatTimeout"}, least: 30 * time.Second},
		{name: "heartbeats", source: page + ", heartbeat time-out", more: `,"HeartbeatSeconds":400`, send: func(t *testing.T, w *world, token string) {
			for range 6 {
				time.Sleep(120 * time.Millisecond) // four simulated minutes
				w.mustCall(t, "SendTaskHeartbeat", map[string]any{"taskToken": token})
			}
			w.mustCall(t, "SendTaskSuccess", map[string]any{"taskToken": token, "output": `1`})
		}, want: map[string]any{"status": "SUCCEEDED", "output": `1`}, least: 20 * time.Minute},
		{name: "an error of the call", source: page, send: nil, more: `,"Comment":"fails"`, want: map[string]any{"status": "FAILED", "error": "Lambda.ResourceNotFoundException"}},
		{name: "caught heartbeat", source: "Developer Guide, Handling errors, 2026-11", more: `,"HeartbeatSeconds":30,"Catch":[{"ErrorEquals":["States.HeartbeatTimeout"],"ResultPath":null,"Next":"B"}]`, want: map[string]any{"status": "SUCCEEDED", "output": `{}`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2000)
			tokens := make(chan string, 9)
			w.answer = func(_ string, in json.RawMessage) (any, error) {
				if strings.Contains(c.more, "fails") {
					return nil, protocol.Errorf("ResourceNotFoundException", "Function not found")
				}
				var sent struct{ Payload struct{ Token string } }
				if err := json.Unmarshal(in, &sent); err != nil {
					return nil, err
				}
				tokens <- sent.Payload.Token
				return invocation{StatusCode: 200, Payload: json.RawMessage(`"the function's own answer is not the task's"`)}, nil
			}
			machine := single("lambda:invoke.waitForTaskToken", callback, c.more)
			if strings.Contains(c.more, `"B"`) {
				machine = strings.Replace(machine, `"End":true}}}`, `"End":true},"B":{"Type":"Succeed"}}}`, 1)
			}
			w.create(t, machine)
			begin := w.room.Clock.Now()
			arn := w.start(t, "n", `{}`)
			if c.send != nil {
				c.send(t, w, <-tokens)
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
		})
	}
}

func (w *world) mustCall(t *testing.T, operation string, in map[string]any) map[string]any {
	t.Helper()
	out, err := w.call(t, operation, in)
	if err != nil {
		t.Errorf("%s: %v", operation, err)
	}
	return out
}

// itself makes calls of Step Functions reach the room under test.
func (w *world) itself(t *testing.T) {
	w.answer = func(operation string, in json.RawMessage) (any, error) {
		var body map[string]any
		if err := json.Unmarshal(in, &body); err != nil {
			return nil, err
		}
		return w.call(t, operation, body)
	}
}

// The case table of machines that start machines.
func TestNestedCases(t *testing.T) {
	const page = "AWS Step Functions Developer Guide, Start workflow executions from a task state, 2026-11"
	const input = `{"StateMachineArn":"` + machineARN + `x","Name":"inner","Input":{"a.$":"$.a"}}`
	cases := []struct {
		name, source string
		resource     string
		inner        string
		deny         string
		want         map[string]any
		contains     string // in output or cause
	}{
		{name: "no wait", source: page, resource: "states:startExecution", inner: `{"Type":"Wait","Seconds":1000,"End":true}`, want: map[string]any{"status": "SUCCEEDED"}, contains: `"ExecutionArn":"arn:aws-cn:states:cn-north-1:111122223333:execution:Mx:inner"`},
		{name: "sync: output as text", source: page, resource: "states:startExecution.sync", inner: `{"Type":"Pass","End":true}`, want: map[string]any{"status": "SUCCEEDED"}, contains: `"Output":"{\"a\":1}"`},
		{name: "sync:2: output as data", source: page, resource: "states:startExecution.sync:2", inner: `{"Type":"Pass","End":true}`, want: map[string]any{"status": "SUCCEEDED"}, contains: `"Output":{"a":1}`},
		{name: "the inner one fails", source: page, resource: "states:startExecution.sync:2", inner: `{"Type":"Fail","Error":"Mine"}`, want: map[string]any{"status": "FAILED", "error": "States.TaskFailed"}, contains: `"Error":"Mine"`},
		{name: "the name is taken", source: page, resource: "states:startExecution", inner: `{"Type":"Succeed"}`,
			deny: "", want: map[string]any{"status": "FAILED", "error": "StepFunctions.ExecutionAlreadyExistsException"}},
		{name: "no right", source: page, resource: "states:startExecution", inner: `{"Type":"Succeed"}`, deny: "states:StartExecution", want: map[string]any{"status": "FAILED", "error": "StepFunctions.AWSStepFunctionsException"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.itself(t)
			w.deny[c.deny] = true
			w.mustCall(t, "CreateStateMachine", map[string]any{"name": "Mx", "roleArn": "arn:aws-cn:iam::111122223333:role/R", "definition": `{"StartAt":"I","States":{"I":` + c.inner + `}}`})
			if c.name == "the name is taken" {
				w.mustCall(t, "StartExecution", map[string]any{"stateMachineArn": machineARN + "x", "name": "inner", "input": `{"other":1}`})
			}
			w.create(t, single(c.resource, input, ""))
			got := w.wait(t, w.start(t, "outer", `{"a":1}`))
			for k, v := range c.want {
				if got[k] != v {
					t.Errorf("%s = %v, want %v (%v)", k, got[k], v, got["cause"])
				}
			}
			output, _ := got["output"].(string)
			cause, _ := got["cause"].(string)
			if !strings.Contains(output+cause, c.contains) {
				t.Errorf("output %s, cause %s; want %s", output, cause, c.contains)
			}
		})
	}
}

// Whoever may not make the managed rule cannot have a machine that waits for another.
func TestNestedRule(t *testing.T) {
	w := newWorld(t, 1)
	w.deny["events:PutRule"] = true
	_, err := w.room.Resources()["AWS::StepFunctions::StateMachine"].Create(t.Context(), request(single("states:startExecution.sync", `{"StateMachineArn":"x"}`, "")))
	if err == nil || !strings.Contains(err.Error(), "not authorized to create managed-rule") {
		t.Errorf("error %v", err)
	}
}

// Machines by the API, as clients make, change, list and remove them.
// Source: API Reference, CreateStateMachine, UpdateStateMachine, ListStateMachines, ValidateStateMachineDefinition.
func TestMachinesByTheAPI(t *testing.T) {
	w := newWorld(t, 1)
	made := map[string]any{"name": "Made", "roleArn": "arn:aws-cn:iam::111122223333:role/R", "definition": `{"StartAt":"A","States":{"A":{"Type":"Pass","Result":1,"End":true}}}`, "type": "EXPRESS"}
	arn := w.mustCall(t, "CreateStateMachine", made)["stateMachineArn"]
	if again := w.mustCall(t, "CreateStateMachine", made)["stateMachineArn"]; again != arn {
		t.Errorf("the same call again made %v after %v", again, arn)
	}
	other := map[string]any{"name": "Made", "roleArn": "r", "definition": "{}"}
	if _, err := w.call(t, "CreateStateMachine", other); err == nil || !strings.Contains(err.Error(), "StateMachineAlreadyExists") {
		t.Errorf("another definition under the name: %v", err)
	}
	if out := w.mustCall(t, "StartSyncExecution", map[string]any{"stateMachineArn": arn, "input": "{}"}); out["output"] != "1" || !strings.Contains(out["executionArn"].(string), ":express:Made:") {
		t.Errorf("synchronous execution %v", out)
	}
	if _, err := w.call(t, "ListExecutions", map[string]any{"stateMachineArn": arn}); err == nil || !strings.Contains(err.Error(), "StateMachineTypeNotSupported") {
		t.Errorf("list of an express machine's: %v", err)
	}
	w.mustCall(t, "UpdateStateMachine", map[string]any{"stateMachineArn": arn, "definition": `{"StartAt":"A","States":{"A":{"Type":"Fail","Error":"Later"}}}`})
	if out := w.mustCall(t, "StartSyncExecution", map[string]any{"stateMachineArn": arn}); out["status"] != "FAILED" || out["error"] != "Later" {
		t.Errorf("after the update %v", out)
	}
	if list := w.mustCall(t, "ListStateMachines", map[string]any{})["stateMachines"].([]any); len(list) != 1 || list[0].(map[string]any)["type"] != "EXPRESS" {
		t.Errorf("machines %v", list)
	}
	w.mustCall(t, "DeleteStateMachine", map[string]any{"stateMachineArn": arn})
	if _, err := w.call(t, "StartExecution", map[string]any{"stateMachineArn": arn}); err == nil {
		t.Error("a deleted machine starts")
	}
	out := w.mustCall(t, "ValidateStateMachineDefinition", map[string]any{"definition": `{"StartAt":"X","States":{"A":{"Type":"Succeed"}}}`})
	first, _ := out["diagnostics"].([]any)[0].(map[string]any)
	if out["result"] != "FAIL" || first["code"] != "MISSING_TRANSITION_TARGET" || first["location"] != "/StartAt" {
		t.Errorf("validation %v", out)
	}
	if out := w.mustCall(t, "ValidateStateMachineDefinition", map[string]any{"definition": made["definition"]}); out["result"] != "OK" {
		t.Errorf("validation %v", out)
	}
}

// Versions keep what they began with; aliases lead to the version that they name.
// Source: Developer Guide, "Manage continuous deployments with versions and aliases".
func TestVersionsAndAliases(t *testing.T) {
	w := newWorld(t, 1)
	one, two := `{"StartAt":"A","States":{"A":{"Type":"Pass","Result":1,"End":true}}}`, `{"StartAt":"A","States":{"A":{"Type":"Pass","Result":2,"End":true}}}`
	w.create(t, one)
	types := w.room.Resources()
	version, err := types["AWS::StepFunctions::StateMachineVersion"].Create(t.Context(), resource.Request{Properties: map[string]any{"StateMachineArn": machineARN}})
	if err != nil || version.PhysicalID != machineARN+":1" {
		t.Fatal(version, err)
	}
	alias, err := types["AWS::StepFunctions::StateMachineAlias"].Create(t.Context(), resource.Request{Properties: map[string]any{"Name": "live",
		"RoutingConfiguration": []any{map[string]any{"StateMachineVersionArn": version.PhysicalID, "Weight": 100}}}})
	if err != nil || alias.PhysicalID != machineARN+":live" {
		t.Fatal(alias, err)
	}
	q := request(two)
	q.PhysicalID = machineARN
	if _, err := types["AWS::StepFunctions::StateMachine"].Update(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	for arn, want := range map[string]string{machineARN: "2", version.PhysicalID: "1", alias.PhysicalID: "1"} {
		out := w.mustCall(t, "StartExecution", map[string]any{"stateMachineArn": arn})
		if got := w.wait(t, out["executionArn"].(string)); got["output"] != want {
			t.Errorf("%s gives %v, want %s", arn, got["output"], want)
		}
	}
	if err := types["AWS::StepFunctions::StateMachineAlias"].Delete(t.Context(), resource.Request{PhysicalID: alias.PhysicalID}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.call(t, "StartExecution", map[string]any{"stateMachineArn": alias.PhysicalID}); err == nil {
		t.Error("a deleted alias starts")
	}
}

// TestVersionsAtOnce: versions that a stack makes at once have numbers of their own, and none is lost to an update.
func TestVersionsAtOnce(t *testing.T) {
	w := newWorld(t, 1)
	w.create(t, `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`)
	types := w.room.Resources()
	const n = 20
	var all sync.WaitGroup
	made := make([]string, n)
	for i := range n {
		all.Go(func() {
			version, err := types["AWS::StepFunctions::StateMachineVersion"].Create(t.Context(), resource.Request{Properties: map[string]any{"StateMachineArn": machineARN}})
			if err != nil {
				t.Error(err)
			}
			made[i] = version.PhysicalID
		})
		all.Go(func() {
			w.mustCall(t, "UpdateStateMachine", map[string]any{"stateMachineArn": machineARN, "roleArn": fmt.Sprint("arn:aws-cn:iam::111122223333:role/R", i)})
		})
	}
	all.Wait()
	slices.Sort(made)
	if got := len(slices.Compact(made)); got != n {
		t.Errorf("%d versions have %d ARNs", n, got)
	}
}

// TestDeletedMachineLeavesNoAlias: an alias does not lead to another machine of its machine's name.
// Source: AWS Step Functions API Reference, "DeleteStateMachine", 2026-11.
func TestDeletedMachineLeavesNoAlias(t *testing.T) {
	w := newWorld(t, 1)
	const definition = `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`
	types := w.room.Resources()
	for range 2 {
		w.create(t, definition)
		if _, err := types["AWS::StepFunctions::StateMachineVersion"].Create(t.Context(), resource.Request{Properties: map[string]any{"StateMachineArn": machineARN}}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.call(t, "StartExecution", map[string]any{"stateMachineArn": machineARN + ":live"}); err == nil {
			t.Fatal("an alias that nobody made starts")
		}
		if _, err := types["AWS::StepFunctions::StateMachineAlias"].Create(t.Context(), resource.Request{Properties: map[string]any{"Name": "live",
			"RoutingConfiguration": []any{map[string]any{"StateMachineVersionArn": machineARN + ":1", "Weight": 100}}}}); err != nil {
			t.Fatal(err)
		}
		w.mustCall(t, "DeleteStateMachine", map[string]any{"stateMachineArn": machineARN})
	}
}

// The events of a history, in AWS's words. Source: API Reference, "HistoryEvent".
func TestHistoryCases(t *testing.T) {
	cases := []struct {
		name, source string
		machine      string
		want         []string
	}{
		{name: "task", source: "API Reference, TaskScheduledEventDetails, 2026-11", machine: invokeMachine,
			want: []string{"ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"}},
		{name: "function by ARN", source: "API Reference, LambdaFunctionScheduledEventDetails, 2026-11", machine: `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws-cn:lambda:cn-north-1:1:function:f","End":true}}}`,
			want: []string{"ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded", "TaskStateExited", "ExecutionSucceeded"}},
		{name: "map", source: "API Reference, MapIterationEventDetails, 2026-11", machine: `{"StartAt":"A","States":{"A":{"Type":"Map","ItemsPath":"$.l","ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}}}`,
			want: []string{"ExecutionStarted", "MapStateEntered", "MapStateStarted", "MapIterationStarted", "SucceedStateEntered", "SucceedStateExited", "MapIterationSucceeded", "MapStateSucceeded", "MapStateExited", "ExecutionSucceeded"}},
		{name: "parallel that fails", source: "API Reference, HistoryEvent, 2026-11", machine: `{"StartAt":"A","States":{"A":{"Type":"Parallel","End":true,"Branches":[{"StartAt":"B","States":{"B":{"Type":"Fail"}}}]}}}`,
			want: []string{"ExecutionStarted", "ParallelStateEntered", "ParallelStateStarted", "FailStateEntered", "ParallelStateFailed", "ExecutionFailed"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.answer = func(string, json.RawMessage) (any, error) {
				return invocation{StatusCode: 200, Payload: json.RawMessage(`1`)}, nil
			}
			w.create(t, c.machine)
			arn := w.start(t, "n", `{"l":[1]}`)
			w.wait(t, arn)
			if c.name == "task" {
				w.details(t, arn)
			}
			var got []string
			for _, e := range w.mustCall(t, "GetExecutionHistory", map[string]any{"executionArn": arn})["events"].([]any) {
				got = append(got, e.(map[string]any)["type"].(string))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// details checks what a task's first event says. Source: API Reference, "TaskScheduledEventDetails".
func (w *world) details(t *testing.T, arn string) {
	t.Helper()
	events := w.mustCall(t, "GetExecutionHistory", map[string]any{"executionArn": arn})["events"].([]any)
	want := map[string]any{"resourceType": "lambda", "resource": "invoke", "region": "cn-north-1", "parameters": `{"FunctionName":"f","Payload":{"l":[1]}}`}
	if diff := cmp.Diff(want, events[2].(map[string]any)["taskScheduledEventDetails"]); diff != "" {
		t.Error(diff)
	}
}

// An express machine has five minutes, and a name may be used again.
func TestExpressTime(t *testing.T) {
	w := newWorld(t, 5000)
	arn := w.mustCall(t, "CreateStateMachine", map[string]any{"name": "Short", "roleArn": "r", "type": "EXPRESS",
		"definition": `{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":3600,"End":true}}}`})["stateMachineArn"]
	var arns []string
	for range 2 {
		out := w.mustCall(t, "StartSyncExecution", map[string]any{"stateMachineArn": arn, "name": "same"})
		if out["status"] != "TIMED_OUT" {
			t.Errorf("status %v", out["status"])
		}
		arns = append(arns, out["executionArn"].(string))
	}
	if arns[0] == arns[1] {
		t.Errorf("one execution: %v", arns)
	}
}
