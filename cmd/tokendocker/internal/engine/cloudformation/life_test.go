package cloudformation_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
)

// step is one deployment, or a deletion when the template is empty.
type step struct {
	resources  string   // the entries of Resources; empty: delete the stack
	rest       string   // further sections
	noRollback bool     //
	calls      string   // what providers were asked, in order; calls that may come in any order are sorted around "|"
	status     string   // of the stack afterwards
	fails      string   // part of the error; empty: none
	exist      []string // things that exist afterwards; nil: not looked at
}

// The cases where the order is fixed by dependencies: C needs B needs A.
const (
	chain = `"A": {"Type": "Test::Thing::Plain", "Properties": {"Value": "1"}},
		"B": {"Type": "Test::Thing::Plain", "Properties": {"Value": {"Fn::GetAtt": ["A", "Value"]}}},
		"C": {"Type": "Test::Thing::Plain", "DependsOn": "B", "Properties": {"Value": "c"}}`
)

func TestLife(t *testing.T) {
	thing := func(id, properties string, more ...string) string {
		return `"` + id + `": {"Type": "Test::Thing::Plain", "Properties": {` + properties + `}` + strings.Join(append([]string{""}, more...), ", ") + `}`
	}
	cases := []struct {
		name, source, limit string
		steps               []step
	}{
		{name: "create in order, delete in reverse", source: "User Guide, DependsOn attribute, 2026-11", steps: []step{
			{resources: chain, calls: "create A, create B, create C", status: "CREATE_COMPLETE"},
			{calls: "delete C-1, delete B-1, delete A-1", status: "none", exist: []string{}},
		}},
		{name: "nothing changed, nothing called", source: "User Guide, Update behaviors of stack resources, 2026-11", steps: []step{
			{resources: chain, calls: "create A, create B, create C", status: "CREATE_COMPLETE"},
			{resources: chain, calls: "", status: "CREATE_COMPLETE"},
		}},
		{name: "a changed value reaches those who resolve to it and no others", source: "User Guide, Update behaviors of stack resources, 2026-11", steps: []step{
			{resources: chain, calls: "create A, create B, create C", status: "CREATE_COMPLETE"},
			{resources: strings.Replace(chain, `"1"`, `"2"`, 1), calls: "update A-1, update B-1", status: "UPDATE_COMPLETE"},
		}},
		{name: "create rolls back in reverse", source: "User Guide, Stack failure options, 2026-11", steps: []step{
			{resources: thing("A", "") + "," + thing("B", "", `"DependsOn": "A"`) + "," + thing("C", `"Fail": "create"`, `"DependsOn": "B"`),
				calls: "create A, create B, create C, delete B-1, delete A-1", status: "ROLLBACK_COMPLETE", fails: "C does not want to create", exist: []string{}},
		}},
		{name: "a stack in ROLLBACK_COMPLETE is deleted before the next create", source: "aws/aws-cdk-cli deploy-stack: isCreationFailure, 2026-08", steps: []step{
			{resources: thing("A", "") + "," + thing("B", `"Fail": "create"`, `"DependsOn": "A"`), calls: "create A, create B, delete A-1", status: "ROLLBACK_COMPLETE", fails: "B"},
			{resources: thing("A", "") + "," + thing("B", "", `"DependsOn": "A"`), calls: "create A, create B", status: "CREATE_COMPLETE"},
		}},
		{name: "roll-back that fails", source: "User Guide, Stack failure options, 2026-11", steps: []step{
			{resources: thing("A", `"Fail": "delete"`) + "," + thing("B", `"Fail": "create"`, `"DependsOn": "A"`),
				calls: "create A, create B, delete A-1", status: "ROLLBACK_FAILED", fails: "B does not want to create", exist: []string{"A-1"}},
		}},
		{name: "retain policies when a create rolls back", source: "Template Reference, DeletionPolicy attribute, 2026-11", steps: []step{
			{resources: thing("A", "", `"DeletionPolicy": "Retain"`) + "," + thing("B", "", `"DeletionPolicy": "RetainExceptOnCreate"`, `"DependsOn": "A"`) +
				"," + thing("C", `"Fail": "create"`, `"DependsOn": "B"`),
				calls: "create A, create B, create C, delete B-1", status: "ROLLBACK_COMPLETE", fails: "C", exist: []string{"A-1"}},
		}},
		{name: "retain policies when a stack is deleted", source: "Template Reference, DeletionPolicy attribute, 2026-11", steps: []step{
			{resources: thing("A", "", `"DeletionPolicy": "Retain"`) + "," + thing("B", "", `"DeletionPolicy": "RetainExceptOnCreate"`, `"DependsOn": "A"`) +
				"," + thing("C", "", `"DependsOn": "B"`), calls: "create A, create B, create C", status: "CREATE_COMPLETE"},
			{calls: "delete C-1", status: "none", exist: []string{"A-1", "B-1"}},
		}},
		{name: "a new resource that may be kept goes when the update rolls back", source: "Template Reference, DeletionPolicy attribute, 2026-11", steps: []step{
			{resources: thing("A", ""), calls: "create A", status: "CREATE_COMPLETE"},
			{resources: thing("A", "") + "," + thing("B", "", `"DeletionPolicy": "RetainExceptOnCreate"`) + "," + thing("C", `"Fail": "create"`, `"DependsOn": "B"`),
				calls: "create B, create C, delete B-1", status: "UPDATE_ROLLBACK_COMPLETE", fails: "C", exist: []string{"A-1"}},
		}},
		{name: "removed resources go after success, in reverse", source: "User Guide, Update behaviors of stack resources, 2026-11", steps: []step{
			{resources: chain, calls: "create A, create B, create C", status: "CREATE_COMPLETE"},
			{resources: thing("D", ""), calls: "create D, delete C-1, delete B-1, delete A-1", status: "UPDATE_COMPLETE", exist: []string{"D-1"}},
		}},
		{name: "a removed resource that cannot be deleted is given up", source: "aws-cdk-lib custom-resources README, When there are errors, 2026-11", steps: []step{
			{resources: thing("A", `"Fail": "delete"`) + "," + thing("B", ""), calls: "create A | create B", status: "CREATE_COMPLETE"},
			{resources: thing("B", ""), calls: "delete A-1", status: "UPDATE_COMPLETE", exist: []string{"A-1", "B-1"}},
			{calls: "delete B-1", status: "none", exist: []string{"A-1"}},
		}},
		{name: "replacement by an immutable property", source: "User Guide, Update behaviors of stack resources, 2026-11", steps: []step{
			{resources: `"A": {"Type": "Test::Thing::Fixed", "Properties": {"Value": "1"}},` + thing("B", `"Value": {"Ref": "A"}`), calls: "create A, create B", status: "CREATE_COMPLETE"},
			{resources: `"A": {"Type": "Test::Thing::Fixed", "Properties": {"Value": "2"}},` + thing("B", `"Value": {"Ref": "A"}`),
				calls: "create A, update B-1, delete A-1", status: "UPDATE_COMPLETE", exist: []string{"A-2", "B-1"}},
		}},
		{name: "replacement by another physical id", source: "Template Reference, Custom resources, 2026-11", steps: []step{
			{resources: thing("A", `"Rename": "1"`), calls: "create A", status: "CREATE_COMPLETE"},
			{resources: thing("A", `"Rename": "2"`), calls: "update A-1, delete A-1", status: "UPDATE_COMPLETE", exist: []string{"A-2"}},
		}},
		{name: "UpdateReplacePolicy keeps the replaced one", source: "Template Reference, UpdateReplacePolicy attribute, 2026-11", steps: []step{
			{resources: `"A": {"Type": "Test::Thing::Fixed", "UpdateReplacePolicy": "Retain", "Properties": {"Value": "1"}}`, calls: "create A", status: "CREATE_COMPLETE"},
			{resources: `"A": {"Type": "Test::Thing::Fixed", "UpdateReplacePolicy": "Retain", "Properties": {"Value": "2"}}`, calls: "create A", status: "UPDATE_COMPLETE", exist: []string{"A-1", "A-2"}},
		}},
		{name: "update rolls back in order, then cleans up", source: "User Guide, Stack update rollback, 2026-11", steps: []step{
			{resources: chain, calls: "create A, create B, create C", status: "CREATE_COMPLETE"},
			{resources: strings.Replace(chain, `"1"`, `"2"`, 1) + "," + thing("N", "", `"DependsOn": "B"`) + "," + thing("X", `"Fail": "create"`, `"DependsOn": "N"`),
				calls: "update A-1, update B-1, create N, create X, update A-1, update B-1, delete N-1", status: "UPDATE_ROLLBACK_COMPLETE", fails: "X does not want to create",
				exist: []string{"A-1", "B-1", "C-1"}},
			{resources: chain, calls: "", status: "UPDATE_ROLLBACK_COMPLETE"},
		}},
		{name: "roll-back undoes a replacement", source: "User Guide, Stack update rollback, 2026-11", steps: []step{
			{resources: `"A": {"Type": "Test::Thing::Fixed", "Properties": {"Value": "1"}}`, calls: "create A", status: "CREATE_COMPLETE"},
			{resources: `"A": {"Type": "Test::Thing::Fixed", "Properties": {"Value": "2"}},` + thing("X", `"Fail": "create"`, `"DependsOn": "A"`),
				calls: "create A, create X, delete A-2", status: "UPDATE_ROLLBACK_COMPLETE", fails: "X", exist: []string{"A-1"}},
			{resources: `"A": {"Type": "Test::Thing::Fixed", "Properties": {"Value": "1"}}`, calls: "", status: "UPDATE_ROLLBACK_COMPLETE"},
		}},
		{name: "the resource whose update failed is updated back", source: "aws-cdk-lib custom-resources README, When there are errors, 2026-11", steps: []step{
			{resources: thing("A", `"Value": "1"`), calls: "create A", status: "CREATE_COMPLETE"},
			{resources: thing("A", `"Value": "2", "Fail": "update"`), calls: "update A-1, update A-1", status: "UPDATE_ROLLBACK_COMPLETE", fails: "A does not want to update"},
		}},
		{name: "roll-back of an update that fails is tried again", source: "User Guide, Continue rolling back an update, 2026-11",
			steps: []step{
				{resources: thing("A", `"Value": "1", "Fail": "update"`), calls: "create A", status: "CREATE_COMPLETE"},
				{resources: thing("A", `"Value": "2"`) + "," + thing("X", `"Fail": "create"`, `"DependsOn": "A"`),
					calls: "update A-1, create X, update A-1", status: "UPDATE_ROLLBACK_FAILED", fails: "X"},
				{resources: thing("A", `"Value": "3"`), calls: "update A-1", status: "UPDATE_ROLLBACK_FAILED", fails: "UPDATE_ROLLBACK_FAILED"},
				{calls: "delete A-1", status: "none", exist: []string{}},
			}},
		{name: "no roll-back, then on from there", source: "User Guide, Stack failure options, 2026-11", steps: []step{
			{resources: thing("A", "") + "," + thing("B", `"Fail": "create"`, `"DependsOn": "A"`), noRollback: true, calls: "create A, create B", status: "CREATE_FAILED", fails: "B", exist: []string{"A-1"}},
			{resources: thing("A", "") + "," + thing("B", "", `"DependsOn": "A"`), calls: "create B", status: "CREATE_COMPLETE", exist: []string{"A-1", "B-1"}},
			{resources: thing("A", `"Value": "2"`) + "," + thing("B", `"Fail": "update"`, `"DependsOn": "A"`), noRollback: true, calls: "update A-1, update B-1", status: "UPDATE_FAILED", fails: "B"},
			{resources: thing("A", `"Value": "2"`) + "," + thing("B", `"Value": "2"`, `"DependsOn": "A"`), calls: "update B-1", status: "UPDATE_COMPLETE"},
		}},
		{name: "after no roll-back, a roll-back goes to the last complete state", source: "User Guide, Stack failure options, 2026-11", steps: []step{
			{resources: thing("A", `"Value": "1"`), calls: "create A", status: "CREATE_COMPLETE"},
			{resources: thing("A", `"Value": "2"`) + "," + thing("X", `"Fail": "create"`, `"DependsOn": "A"`), noRollback: true, calls: "update A-1, create X", status: "UPDATE_FAILED", fails: "X"},
			{resources: thing("A", `"Value": "2"`) + "," + thing("X", `"Fail": "create"`, `"DependsOn": "A"`), calls: "create X, update A-1", status: "UPDATE_ROLLBACK_COMPLETE", fails: "X"},
			{resources: thing("A", `"Value": "1"`), calls: "", status: "UPDATE_ROLLBACK_COMPLETE"},
		}},
		{name: "delete that fails leaves what the failed one needs, and can be repeated", source: "User Guide, Delete a stack, 2026-11", steps: []step{
			{resources: thing("A", "") + "," + thing("B", `"Fail": "delete"`, `"DependsOn": "A"`) + "," + thing("C", ""), calls: "create A, create B | create C", status: "CREATE_COMPLETE"},
			{calls: "delete B-1 | delete C-1", status: "DELETE_FAILED", fails: "B does not want to delete", exist: []string{"A-1", "B-1"}},
		}},
		{name: "conditions decide what there is", source: "Template Reference, Condition functions, 2026-11", steps: []step{
			{resources: thing("A", "", `"Condition": "No"`) + "," + thing("B", `"Value": {"Fn::If": ["No", {"Ref": "A"}, "b"]}`, `"DependsOn": "A"`),
				rest: `"Conditions": {"No": {"Fn::Equals": ["a", "b"]}},`, calls: "create B", status: "CREATE_COMPLETE"},
			{resources: thing("A", "", `"Condition": "No"`) + "," + thing("B", `"Value": {"Fn::If": ["No", {"Ref": "A"}, "b"]}`, `"DependsOn": "A"`),
				rest: `"Conditions": {"No": {"Fn::Equals": ["a", "a"]}},`, calls: "create A, update B-1", status: "UPDATE_COMPLETE"},
		}},
		{name: "a changed type is refused", source: "seen in public issues, 2026-11: Update of resource type is not permitted", steps: []step{
			{resources: thing("A", ""), calls: "create A", status: "CREATE_COMPLETE"},
			{resources: `"A": {"Type": "AWS::SNS::Topic"}`, calls: "", status: "CREATE_COMPLETE", fails: "Update of resource type is not permitted. The new template modifies resource type of the following resources: [A]"},
		}},
		{name: "an output that cannot be resolved rolls back", source: "Template Reference, Outputs, 2026-11", steps: []step{
			{resources: thing("A", ""), rest: `"Outputs": {"O": {"Value": {"Fn::GetAtt": ["A", "Nope"]}}},`, calls: "create A, delete A-1", status: "ROLLBACK_COMPLETE",
				fails: "resource A does not support attribute type Nope in Fn::GetAtt"},
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for i, s := range c.steps {
				var err error
				if s.resources == "" {
					err = w.Delete(t.Context(), cloudformation.DeleteInput{StackName: "S", OnEvent: w.record})
				} else {
					_, err = w.deploy(`{`+s.rest+`"Resources": {`+s.resources+`}}`, func(in *cloudformation.DeployInput) { in.NoRollback = s.noRollback })
				}
				checkStep(t, w, i+1, s, err)
			}
		})
	}
}

func checkStep(t *testing.T, w *world, n int, s step, err error) {
	t.Helper()
	if s.fails == "" && err != nil || s.fails != "" && (err == nil || !strings.Contains(err.Error(), s.fails)) {
		t.Errorf("step %d: error %v, want one with %q", n, err, s.fails)
	}
	if got := strings.Join(w.things.took(), ", "); !sameCalls(got, s.calls) {
		t.Errorf("step %d: calls %q, want %q", n, got, s.calls)
	}
	if got := w.status(); got != s.status {
		t.Errorf("step %d: status %s, want %s", n, got, s.status)
	}
	if s.exist != nil {
		exist := []string{}
		for id := range w.things.exists {
			exist = append(exist, id)
		}
		slices.Sort(exist)
		if diff := cmp.Diff(s.exist, exist); diff != "" {
			t.Errorf("step %d: exist (-want +got):\n%s", n, diff)
		}
	}
	if t.Failed() {
		t.Logf("events:\n%s", strings.Join(w.events, "\n"))
	}
}

// sameCalls compares calls; with "|" in want each side's calls keep their own order.
func sameCalls(got, want string) bool {
	if !strings.Contains(want, "|") {
		return got == want
	}
	calls := strings.Split(got, ", ")
	total := 0
	for side := range strings.SplitSeq(want, " | ") {
		wanted := strings.Split(side, ", ")
		total += len(wanted)
		var found []string
		for _, call := range calls {
			if slices.Contains(wanted, call) {
				found = append(found, call)
			}
		}
		if !slices.Equal(found, wanted) {
			return false
		}
	}
	return total == len(calls)
}

func TestEventsOfARolledBackCreate(t *testing.T) {
	w := newWorld(t)
	_, err := w.deploy(`{"Resources": {
		"A": {"Type": "Test::Thing::Plain", "Metadata": {"aws:cdk:path": "S/A/Default"}},
		"B": {"Type": "Test::Thing::Plain", "DependsOn": "A", "Metadata": {"aws:cdk:path": "S/B/Default"}, "Properties": {"Fail": "create"}}}}`)
	want := []string{
		"S CREATE_IN_PROGRESS: User Initiated",
		"A CREATE_IN_PROGRESS", "A CREATE_IN_PROGRESS: Resource creation Initiated", "A CREATE_COMPLETE",
		"B CREATE_IN_PROGRESS", "B CREATE_FAILED: B does not want to create",
		"S ROLLBACK_IN_PROGRESS: The following resource(s) failed to create: [B]. Rollback requested by user.",
		"A DELETE_IN_PROGRESS", "A DELETE_COMPLETE",
		"S ROLLBACK_COMPLETE",
	}
	if diff := cmp.Diff(want, w.events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	var failed *cloudformation.Failed
	if !errors.As(err, &failed) {
		t.Fatalf("error %v is no *Failed", err)
	}
	if first, ok := failed.First(); !ok || first.Path != "S/B/Default" || first.Reason != "B does not want to create" {
		t.Errorf("first failure %+v", first)
	}
	stack, _, err := w.Describe("", "S")
	if err != nil {
		t.Fatal(err)
	}
	kept, err := w.Events(stack.ID)
	if err != nil || len(kept) != len(want) {
		t.Errorf("%d events are kept (%v), want %d", len(kept), err, len(want))
	}
}

// TestTimeout: the creation of a stack has a time limit, and no update has.
// Source: CloudFormation API Reference, CreateStack, 2026-11.
func TestTimeout(t *testing.T) {
	w := newWorld(t)
	limit := func(in *cloudformation.DeployInput) { in.Timeout = time.Minute } // a second here
	_, err := w.deploy(`{"Resources": {`+plainThing("A", "")+","+slow("B", "A")+`}}`, limit)
	if err == nil || w.status() != "ROLLBACK_COMPLETE" || len(w.things.exists) != 0 {
		t.Errorf("%v, status %s, exist %v", err, w.status(), w.things.exists)
	}
	for _, want := range []string{"B CREATE_FAILED: Resource creation cancelled", "S ROLLBACK_IN_PROGRESS: Stack creation time exceeded the specified timeout. Rollback requested by user."} {
		if !slices.Contains(w.events, want) {
			t.Errorf("no event %q:\n%s", want, strings.Join(w.events, "\n"))
		}
	}
	if _, err := w.deploy(`{"Resources": {`+plainThing("A", "")+`}}`, limit); err != nil {
		t.Fatal(err)
	}
	if _, err := w.deploy(`{"Resources": {`+plainThing("A", `"Wait": "1500ms"`)+`}}`, limit); err != nil {
		t.Error(err)
	}
}

func TestFailureCancelsItsSiblings(t *testing.T) {
	w := newWorld(t)
	_, err := w.deploy(`{"Resources": {
		"Slow": {"Type": "Test::Thing::Plain", "Properties": {"Wait": "1m"}},
		"Bad": {"Type": "Test::Thing::Plain", "Properties": {"Wait": "50ms", "Fail": "create"}},
		"Never": {"Type": "Test::Thing::Plain", "DependsOn": "Slow"}}}`)
	if err == nil || !strings.Contains(err.Error(), "Bad does not want to create") {
		t.Errorf("error %v", err)
	}
	if !slices.Contains(w.events, "Slow CREATE_FAILED: Resource creation cancelled") {
		t.Errorf("no cancellation in events:\n%s", strings.Join(w.events, "\n"))
	}
	if slices.Contains(w.things.took(), "create Never") || w.status() != "ROLLBACK_COMPLETE" || w.things.most != 2 {
		t.Errorf("status %s, at most %d at once", w.status(), w.things.most)
	}
}
