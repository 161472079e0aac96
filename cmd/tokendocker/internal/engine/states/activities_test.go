package states

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

const theActivity = "arn:aws-cn:states:cn-north-1:111122223333:activity:A"

const working = `{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"` + theActivity + `","HeartbeatSeconds":600,"Parameters":{"n.$":"$.n"},"End":true}}}`

// TestActivities: workers ask for tasks, one gets each, and what it sends back is the task's end.
func TestActivities(t *testing.T) {
	const page = "AWS Step Functions Developer Guide, Activities, 2026-11"
	cases := []struct {
		name, source, limit string
		send                string
		more                map[string]any
		want                map[string]any
	}{
		{name: "success", source: page, send: "SendTaskSuccess", more: map[string]any{"output": `{"done":1}`}, want: map[string]any{"status": succeeded, "output": `{"done":1}`}},
		{name: "failure", source: page, send: "SendTaskFailure", more: map[string]any{"error": "E", "cause": "C"}, want: map[string]any{"status": failed, "error": "E", "cause": "C"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			made, err := w.room.Resources()["AWS::StepFunctions::Activity"].Create(t.Context(), resource.Request{
				Stack: request("").Stack, LogicalID: "A", Properties: map[string]any{"Name": "A"}})
			if err != nil || made.PhysicalID != theActivity {
				t.Fatal(made, err)
			}
			w.create(t, working)
			arn := w.start(t, "n", `{"n":7}`)
			task := w.mustCall(t, "GetActivityTask", map[string]any{"activityArn": theActivity, "workerName": "w"})
			if task["input"] != `{"n":7}` {
				t.Errorf("task %v", task)
			}
			in := map[string]any{"taskToken": task["taskToken"]}
			w.mustCall(t, "SendTaskHeartbeat", in)
			for k, v := range c.more {
				in[k] = v
			}
			w.mustCall(t, c.send, in)
			got := w.wait(t, arn)
			for k, v := range c.want {
				if got[k] != v {
					t.Errorf("%s = %v, want %v", k, got[k], v)
				}
			}
		})
	}
}

// TestActivityWithoutWork: a worker waits a minute and gets nothing; a task whose execution was stopped is nobody's.
func TestActivityWithoutWork(t *testing.T) {
	w := newWorld(t, 300)
	w.mustCall(t, "CreateActivity", map[string]any{"name": "A"})
	w.mustCall(t, "CreateActivity", map[string]any{"name": "A"}) // is there already
	w.create(t, working)
	arn := w.start(t, "n", `{"n":1}`)
	w.mustCall(t, "StopExecution", map[string]any{"executionArn": arn})
	begin := w.room.Clock.Now()
	if got := w.mustCall(t, "GetActivityTask", map[string]any{"activityArn": theActivity}); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	if took := w.room.Clock.Since(begin); took < time.Minute {
		t.Errorf("after %s", took)
	}
	list := w.mustCall(t, "ListActivities", map[string]any{})["activities"].([]any)
	if len(list) != 1 {
		t.Errorf("activities %v", list)
	}
	w.mustCall(t, "DeleteActivity", map[string]any{"activityArn": theActivity})
	_, err := w.call(t, "DescribeActivity", map[string]any{"activityArn": theActivity})
	if diff := cmp.Diff("ActivityDoesNotExist: Activity does not exist: '"+theActivity+"'", err.Error()); diff != "" {
		t.Error(diff)
	}
	if got := w.wait(t, w.start(t, "m", `{"n":1}`)); got["status"] != failed {
		t.Errorf("got %v", got)
	}
}
