package states

import (
	"strings"
	"testing"
)

// TestOperationsThatAreNotThere is the marked case table of what Step Functions can do and this room cannot.
func TestOperationsThatAreNotThere(t *testing.T) {
	cases := []struct{ name, source, limit, operation string }{
		{name: "redrive", source: "AWS Step Functions Developer Guide, Restarting state machine executions with redrive, 2026-11",
			limit: "an execution that failed cannot go on; it is started again", operation: "RedriveExecution"},
		{name: "runs of maps", source: "AWS Step Functions API Reference, DescribeMapRun, 2026-11",
			limit: "iterations of a distributed map are no executions of their own", operation: "DescribeMapRun"},
		{name: "one state", source: "AWS Step Functions API Reference, TestState, 2026-11", limit: "states are tried in machines only", operation: "TestState"},
		{name: "versions by calls", source: "AWS Step Functions API Reference, PublishStateMachineVersion, 2026-11",
			limit: "templates publish versions and aliases; calls do not", operation: "PublishStateMachineVersion"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := newWorld(t, 1).call(t, c.operation, map[string]any{})
			if err == nil || !strings.Contains(err.Error(), "UnknownOperationException") || !strings.Contains(err.Error(), c.operation) {
				t.Errorf("error %v", err)
			}
		})
	}
}
