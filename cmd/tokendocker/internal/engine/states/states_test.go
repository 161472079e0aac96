package states

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

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
		{"express waits for nothing", "Developer Guide, Choosing workflow type, 2026-11", "Express state machine does not support '.sync' service integration at /States/B/Resource", func(w *world, t *testing.T) error {
			r := request(buildMachine)
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
		{"synchronous start of a standard machine", "API Reference, StartSyncExecution, 2026-11", "StateMachineTypeNotSupported", func(w *world, t *testing.T) error {
			w.create(t, invokeMachine)
			_, err := w.call(t, "StartSyncExecution", map[string]any{"stateMachineArn": machineARN})
			return err
		}},
		{"token of nobody's", "API Reference, SendTaskSuccess, 2026-11", "TaskTimedOut", func(w *world, t *testing.T) error {
			_, err := w.call(t, "SendTaskSuccess", map[string]any{"taskToken": "x", "output": "{}"})
			return err
		}},
		{"token's output", "API Reference, SendTaskSuccess, 2026-11", "InvalidOutput", func(w *world, t *testing.T) error {
			_, err := w.call(t, "SendTaskSuccess", map[string]any{"taskToken": "x", "output": "{"})
			return err
		}},
		{"no token", "API Reference, SendTaskFailure, 2026-11", "InvalidToken", func(w *world, t *testing.T) error {
			_, err := w.call(t, "SendTaskFailure", map[string]any{})
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
