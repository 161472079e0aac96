package stackapi_test

import (
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

const drifting = "CloudFormation User Guide, Detect unmanaged configuration changes to stacks and resources with drift detection, 2026-11"

// drifted is a stack of one thing that is kept and one that nobody can read.
const drifted = `{"Resources": {"T": {"Type": "Test::Thing::Plain"}, "K": {"Type": "Test::Thing::Kept", "Properties": {"Name": "k", "Number": 3, "Object": {"In": "side", "And": "out"},
	"Document": "{\"a\": [\"b\"]}", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}], "None": [], "Strange": "x"}}}}`

func TestDrift(t *testing.T) {
	tag := func(key, value string) any { return map[string]any{"Key": key, "Value": value} }
	asIs := func() map[string]any {
		return map[string]any{"Name": "k", "Number": 3, "Object": map[string]any{"In": "side", "And": "out", "Default": true}, "Document": map[string]any{"a": []any{"b"}},
			"Tags": []any{tag("b", "2"), tag("a", "1")}, "None": nil}
	}
	cases := []struct {
		name, source, limit string
		change              func(f *fixture, now map[string]any)
		status              types.StackResourceDriftStatus
		want                []string // "path kind expected actual"
	}{
		{name: "as it was", source: drifting, limit: "of each type those properties are compared that the engine keeps", change: func(*fixture, map[string]any) {}, status: types.StackResourceDriftStatusInSync},
		{name: "number", source: drifting, change: func(_ *fixture, now map[string]any) { now["Number"] = 4 }, status: types.StackResourceDriftStatusModified, want: []string{"/Number NOT_EQUAL 3 4"}},
		{name: "inside", source: drifting, change: func(_ *fixture, now map[string]any) { now["Object"] = map[string]any{"In": "out"} }, status: types.StackResourceDriftStatusModified,
			want: []string{"/Object/And REMOVE out null", "/Object/In NOT_EQUAL side out"}},
		{name: "document", source: drifting, change: func(_ *fixture, now map[string]any) { now["Document"] = map[string]any{"a": []any{"b", "c"}} }, status: types.StackResourceDriftStatusModified,
			want: []string{`/Document/a/1 ADD null c`}},
		{name: "tag changed", source: drifting, change: func(_ *fixture, now map[string]any) { now["Tags"] = []any{tag("a", "1"), tag("b", "3")} }, status: types.StackResourceDriftStatusModified,
			want: []string{`/Tags/1 REMOVE {"Key":"b","Value":"2"} null`, `/Tags/2 ADD null {"Key":"b","Value":"3"}`}},
		{name: "removed", source: drifting, change: func(_ *fixture, now map[string]any) { now["Tags"] = nil }, status: types.StackResourceDriftStatusModified,
			want: []string{`/Tags REMOVE [{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}] null`}},
		{name: "deleted", source: drifting, change: func(f *fixture, _ map[string]any) { delete(f.kept.all, "k") }, status: types.StackResourceDriftStatusDeleted},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.there("S", drifted)
			now := asIs()
			f.kept.all["k"] = now
			c.change(f, now)
			found := f.detect()
			want := types.StackDriftStatusInSync
			if c.status != types.StackResourceDriftStatusInSync {
				want = types.StackDriftStatusDrifted
			}
			if found.StackDriftStatus != want || found.DetectionStatus != types.StackDriftDetectionStatusDetectionComplete {
				t.Errorf("the stack is %s", found.StackDriftStatus)
			}
			out, err := f.DescribeStackResourceDrifts(t.Context(), &cfn.DescribeStackResourceDriftsInput{StackName: aws.String("S")})
			if err != nil || len(out.StackResourceDrifts) != 1 {
				t.Fatalf("%+v (%v)", out, err)
			}
			d := out.StackResourceDrifts[0]
			var got []string
			for _, p := range d.PropertyDifferences {
				got = append(got, *p.PropertyPath+" "+string(p.DifferenceType)+" "+*p.ExpectedValue+" "+*p.ActualValue)
			}
			if diff := cmp.Diff(c.want, got); diff != "" || d.StackResourceDriftStatus != c.status {
				t.Errorf("%s: %s", d.StackResourceDriftStatus, diff)
			}
		})
	}
}

func (f *fixture) detect() *cfn.DescribeStackDriftDetectionStatusOutput {
	f.t.Helper()
	begun, err := f.DetectStackDrift(f.t.Context(), &cfn.DetectStackDriftInput{StackName: aws.String("S")})
	if err != nil {
		f.t.Fatal(err)
	}
	out, err := f.DescribeStackDriftDetectionStatus(f.t.Context(), &cfn.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: begun.StackDriftDetectionId})
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

// TestDriftIsForgotten: a stack's drift is what the last detection found, until the next operation.
// Source: CloudFormation API Reference, StackDriftInformation, 2026-11.
func TestDriftIsForgotten(t *testing.T) {
	f := newFixture(t)
	f.there("S", drifted)
	status := func(want types.StackDriftStatus, ofK types.StackResourceDriftStatus) {
		t.Helper()
		s, err := f.stack("S")
		if err != nil || s.DriftInformation.StackDriftStatus != want {
			t.Errorf("the stack is %v (%v), not %s", s.DriftInformation, err, want)
		}
		out, err := f.DescribeStackResource(t.Context(), &cfn.DescribeStackResourceInput{StackName: aws.String("S"), LogicalResourceId: aws.String("K")})
		if err != nil || out.StackResourceDetail.DriftInformation.StackResourceDriftStatus != ofK {
			t.Errorf("K is %+v (%v), not %s", out, err, ofK)
		}
	}
	status(types.StackDriftStatusNotChecked, types.StackResourceDriftStatusNotChecked)
	f.kept.all["k"]["Number"] = 7
	f.detect()
	status(types.StackDriftStatusDrifted, types.StackResourceDriftStatusModified)
	if err := f.update("S", `{"Resources": {"K": {"Type": "Test::Thing::Kept", "Properties": {"Name": "k", "Number": 8}}}}`); err != nil {
		t.Fatal(err)
	}
	f.until("S", types.StackStatusUpdateComplete)
	status(types.StackDriftStatusNotChecked, types.StackResourceDriftStatusNotChecked)
}

// TestDriftOfOne: one resource can be asked for; one that nobody can read cannot.
func TestDriftOfOne(t *testing.T) {
	f := newFixture(t)
	f.there("S", drifted)
	one := func(id string) (*cfn.DetectStackResourceDriftOutput, error) {
		return f.DetectStackResourceDrift(t.Context(), &cfn.DetectStackResourceDriftInput{StackName: aws.String("S"), LogicalResourceId: &id})
	}
	out, err := one("K")
	if err != nil || out.StackResourceDrift.StackResourceDriftStatus != types.StackResourceDriftStatusInSync {
		t.Errorf("%+v (%v)", out, err)
	}
	check(t, second(one("T")), "ValidationError", "isn't currently supported for drift detection")
	check(t, second(one("No")), "ValidationError", "does not exist for stack S")
	f.there("Silent", `{"Resources": {"K": {"Type": "Test::Thing::Kept", "Properties": {"Name": "silent"}}}}`)
	unknown, err := f.DetectStackResourceDrift(t.Context(), &cfn.DetectStackResourceDriftInput{StackName: aws.String("Silent"), LogicalResourceId: aws.String("K")})
	if err != nil || unknown.StackResourceDrift.StackResourceDriftStatus != types.StackResourceDriftStatusUnknown || *unknown.StackResourceDrift.DriftStatusReason != "no answer" {
		t.Errorf("%+v (%v)", unknown, err)
	}
}

// TestRevertDrift: a change set that begins from what is there brings back what has drifted and makes again what is gone;
// what the template says of a drifted resource, too, is no change; and a roll-back goes back to what was there.
func TestRevertDrift(t *testing.T) {
	const reverting = "CloudFormation User Guide, Using drift-aware change sets, 2026-11"
	template := func(number, more string) string {
		return `{"Resources": {"K": {"Type": "Test::Thing::Kept", "Properties": {"Name": "k", "Number": ` + number + `}}` + more + `}}`
	}
	cases := []struct {
		name, source, limit string
		now                 any // Number; nil: k is gone
		template            string
		change              string // action and drift of the first change; empty: there is none
		status              types.StackStatus
		after               string
	}{
		{name: "brought back", source: reverting, now: 7, template: template("3", ""), change: "Modify MODIFIED", status: types.StackStatusUpdateComplete, after: "3"},
		{name: "made again", source: reverting, now: nil, template: template("3", ""), change: "Add DELETED", status: types.StackStatusUpdateComplete, after: "3"},
		{name: "nothing has drifted", source: reverting, now: 3, template: template("3", "")},
		{name: "the template says so, too", source: reverting, limit: "it is no change, and not shown as SyncWithActual", now: 7, template: template("7", `, "T": {"Type": "Test::Thing::Plain"}`),
			change: "Add ", status: types.StackStatusUpdateComplete, after: "7"},
		{name: "rolled back", source: reverting, now: 7, template: template("3", `, "T": {"Type": "Test::Thing::Plain", "DependsOn": "K", "Properties": {"Fail": 1}}`), change: "Modify MODIFIED",
			status: types.StackStatusUpdateRollbackComplete, after: "7"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.there("S", template("3", ""))
			if c.now == nil {
				delete(f.kept.all, "k")
			} else {
				f.kept.all["k"]["Number"] = c.now
			}
			made, err := f.CreateChangeSet(t.Context(), &cfn.CreateChangeSetInput{StackName: aws.String("S"), ChangeSetName: aws.String("C"), TemplateBody: &c.template, DeploymentMode: types.DeploymentModeRevertDrift})
			if err != nil {
				t.Fatal(err)
			}
			set, err := f.DescribeChangeSet(t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: made.Id})
			if err != nil || set.DeploymentMode != types.DeploymentModeRevertDrift {
				t.Fatalf("%+v (%v)", set, err)
			}
			if c.change == "" {
				if set.Status != types.ChangeSetStatusFailed {
					t.Errorf("the change set is %s: %+v", set.Status, set.Changes)
				}
				return
			}
			if r := set.Changes[0].ResourceChange; string(r.Action)+" "+string(r.ResourceDriftStatus) != c.change {
				t.Errorf("%s: %s %s, want %s", *r.LogicalResourceId, r.Action, r.ResourceDriftStatus, c.change)
			}
			if err := f.execute(set); err != nil {
				t.Fatal(err)
			}
			f.until("S", c.status)
			if got := fmt.Sprint(f.kept.all["k"]["Number"]); got != c.after {
				t.Errorf("the number is %s, not %s", got, c.after)
			}
			if found := f.detect(); c.status == types.StackStatusUpdateComplete && found.StackDriftStatus != types.StackDriftStatusInSync {
				t.Errorf("afterwards the stack is %s", found.StackDriftStatus)
			}
		})
	}
}
