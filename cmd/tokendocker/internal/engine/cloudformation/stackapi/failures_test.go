package stackapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

// things3 is a template of three things, A, B that depends on A, and C, each with further properties.
func things3(a, b, c string) string {
	return fmt.Sprintf(`{"Resources": {"A": {"Type": "Test::Thing::Plain", "Properties": {%s}},
		"B": {"Type": "Test::Thing::Plain", "DependsOn": "A", "Properties": {%s}}, "C": {"Type": "Test::Thing::Plain", "Properties": {%s}}}}`, a, b, c)
}

// statuses are the last statuses of a stack's resources, by what its events say.
func (f *fixture) statuses(stackID string) map[string]string {
	f.t.Helper()
	out, err := f.DescribeStackEvents(f.t.Context(), &cfn.DescribeStackEventsInput{StackName: &stackID})
	if err != nil {
		f.t.Fatal(err)
	}
	last := map[string]string{}
	for _, e := range out.StackEvents { // the newest first
		if last[*e.LogicalResourceId] == "" {
			last[*e.LogicalResourceId] = string(e.ResourceStatus)
			if e.ResourceStatusReason != nil {
				last[*e.LogicalResourceId] += ": " + *e.ResourceStatusReason
			}
		}
	}
	return last
}

// TestDeletionThatFails: what cannot be deleted can be left behind, by name or by force.
func TestDeletionThatFails(t *testing.T) {
	cases := []struct {
		name, source, limit string
		in                  cfn.DeleteStackInput
		code, message       string
		want                map[string]string
	}{
		{name: "named", source: deleting, in: cfn.DeleteStackInput{RetainResources: []string{"B"}},
			want: map[string]string{"A": "DELETE_COMPLETE", "B": "DELETE_SKIPPED", "C": "DELETE_COMPLETE", "S": "DELETE_COMPLETE"}},
		{name: "gone already", source: "seen in public issues, 2018-09 (rebuy-de/aws-nuke#270)", in: cfn.DeleteStackInput{RetainResources: []string{"B", "C"}},
			code: "ValidationError", message: "Do not specify resources that are in the DELETE_COMPLETE state."},
		{name: "by force", source: deleting, limit: "whether a failed deletion is tried again before it is skipped is not documented", in: cfn.DeleteStackInput{DeletionMode: types.DeletionModeForceDeleteStack},
			want: map[string]string{"A": "DELETE_COMPLETE", "B": "DELETE_SKIPPED", "C": "DELETE_COMPLETE", "S": "DELETE_COMPLETE"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.there("S", things3("", `"Stays": true`, ""))
			id := *f.until("S", types.StackStatusCreateComplete).StackId
			if err := f.delete("S"); err != nil {
				t.Fatal(err)
			}
			f.until("S", types.StackStatusDeleteFailed)
			c.in.StackName = aws.String("S")
			_, err := f.DeleteStack(t.Context(), &c.in)
			check(t, err, c.code, c.message)
			if c.code != "" {
				return
			}
			f.gone("S")
			if diff := cmp.Diff(c.want, f.statuses(id)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestCreationThatFails: a new stack that cannot be made is deleted, left as it is or rolled back, as the client wants.
func TestCreationThatFails(t *testing.T) {
	bad := things3("", `"Fail": true`, "")
	call := func(f *fixture, in cfn.CreateStackInput) error {
		in.StackName, in.TemplateBody = aws.String("S"), &bad
		_, err := f.CreateStack(f.t.Context(), &in)
		return err
	}
	set := func(f *fixture, how types.OnStackFailure) error {
		_, err := f.CreateChangeSet(f.t.Context(), &cfn.CreateChangeSetInput{StackName: aws.String("S"), ChangeSetName: aws.String("C"), TemplateBody: &bad,
			ChangeSetType: types.ChangeSetTypeCreate, OnStackFailure: how})
		if err != nil {
			return err
		}
		_, err = f.ExecuteChangeSet(f.t.Context(), &cfn.ExecuteChangeSetInput{StackName: aws.String("S"), ChangeSetName: aws.String("C")})
		return err
	}
	cases := []struct {
		name, source, limit string
		call                func(f *fixture) error
		want                types.StackStatus
	}{
		{name: "delete", source: creating, call: func(f *fixture) error { return call(f, cfn.CreateStackInput{OnFailure: types.OnFailureDelete}) },
			want: types.StackStatusDeleteComplete},
		{name: "do nothing", source: creating, call: func(f *fixture) error { return call(f, cfn.CreateStackInput{OnFailure: types.OnFailureDoNothing}) },
			want: types.StackStatusCreateFailed},
		{name: "roll back", source: creating, call: func(f *fixture) error { return call(f, cfn.CreateStackInput{OnFailure: types.OnFailureRollback}) },
			want: types.StackStatusRollbackComplete},
		{name: "delete, by a change set", source: reviewing, call: func(f *fixture) error { return set(f, types.OnStackFailureDelete) },
			want: types.StackStatusDeleteComplete},
		{name: "do nothing, by a change set", source: reviewing, call: func(f *fixture) error { return set(f, types.OnStackFailureDoNothing) },
			want: types.StackStatusCreateFailed},
		{name: "roll back, by a change set", source: reviewing, call: func(f *fixture) error { return set(f, types.OnStackFailureRollback) },
			want: types.StackStatusRollbackComplete},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			if err := c.call(f); err != nil {
				t.Fatal(err)
			}
			s, err := f.stack("S")
			if err != nil {
				t.Fatal(err)
			}
			s = f.until(*s.StackId, c.want)
			if c.want == types.StackStatusDeleteComplete && !strings.HasSuffix(f.reasonOf(*s.StackId, "S", "DELETE_IN_PROGRESS"), "failed to create: [B]. Delete requested by user.") {
				t.Errorf("it was deleted: %v", f.statuses(*s.StackId))
			}
		})
	}
}

// reasonOf is the reason of the last event of a status.
func (f *fixture) reasonOf(stack, logicalID, status string) string {
	f.t.Helper()
	out, err := f.DescribeStackEvents(f.t.Context(), &cfn.DescribeStackEventsInput{StackName: &stack})
	if err != nil {
		f.t.Fatal(err)
	}
	for _, e := range out.StackEvents {
		if *e.LogicalResourceId == logicalID && string(e.ResourceStatus) == status {
			return aws.ToString(e.ResourceStatusReason)
		}
	}
	return ""
}

// TestResourcesToSkip: a roll-back that failed goes on without the resources that it cannot bring back, named or not.
// Source: CloudFormation User Guide, Continue rolling back an update, 2026-11.
func TestResourcesToSkip(t *testing.T) {
	for name, in := range map[string]cfn.ContinueUpdateRollbackInput{
		"named":    {ResourcesToSkip: []string{"A"}},
		"by force": {ForceRollback: aws.Bool(true)},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.there("S", things3(`"Frozen": true`, "", ""))
			if err := f.update("S", things3(`"V": 1`, `"Fail": true`, `"V": 1`)); err != nil {
				t.Fatal(err)
			}
			s := f.until("S", types.StackStatusUpdateRollbackFailed)
			in.StackName = aws.String("S")
			if in.ResourcesToSkip != nil {
				_, err := f.ContinueUpdateRollback(t.Context(), &cfn.ContinueUpdateRollbackInput{StackName: in.StackName, ResourcesToSkip: []string{"C"}})
				check(t, err, "ValidationError", "C is none")
			}
			if _, err := f.ContinueUpdateRollback(t.Context(), &in); err != nil {
				t.Fatal(err)
			}
			f.until("S", types.StackStatusUpdateRollbackComplete)
			if got := f.statuses(*s.StackId); got["A"] != "UPDATE_COMPLETE: Resource skipped during UpdateRollback" {
				t.Errorf("the resources are %v", got)
			}
			if last := f.until("S", types.StackStatusUpdateRollbackComplete).LastOperations[0]; last.OperationType != types.OperationTypeContinueRollback {
				t.Errorf("the last operation is %s", last.OperationType)
			}
			if err := f.update("S", things3(`"V": 2`, "", "")); err != nil {
				t.Fatal(err)
			}
			f.until("S", types.StackStatusUpdateComplete)
		})
	}
}

// TestNewResourcesThatAreKept: a roll-back deletes what it made though its policy says Retain, if the client wants that.
// Source: CloudFormation API Reference, RollbackStack, 2026-11.
func TestNewResourcesThatAreKept(t *testing.T) {
	for _, drop := range []bool{false, true} {
		f := newFixture(t)
		text := strings.Replace(things3("", `"Fail": true`, ""), `"A": {`, `"A": {"DeletionPolicy": "Retain", `, 1)
		if _, err := f.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("S"), TemplateBody: &text, DisableRollback: aws.Bool(true)}); err != nil {
			t.Fatal(err)
		}
		s := f.until("S", types.StackStatusCreateFailed)
		if _, err := f.RollbackStack(t.Context(), &cfn.RollbackStackInput{StackName: aws.String("S"), RetainExceptOnCreate: &drop}); err != nil {
			t.Fatal(err)
		}
		f.until("S", types.StackStatusRollbackComplete)
		want := map[bool]string{false: "DELETE_SKIPPED", true: "DELETE_COMPLETE"}[drop]
		if got := f.statuses(*s.StackId)["A"]; got != want {
			t.Errorf("with RetainExceptOnCreate %v the new resource is %s, not %s", drop, got, want)
		}
	}
}

// TestStackPolicy: an update keeps to the stack's policy, or to the one that it brings for itself.
func TestStackPolicy(t *testing.T) {
	f := newFixture(t)
	const closed = `{"Statement": [{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}`
	const open = `{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}`
	body := func(want string) {
		t.Helper()
		out, err := f.GetStackPolicy(t.Context(), &cfn.GetStackPolicyInput{StackName: aws.String("S")})
		if err != nil || aws.ToString(out.StackPolicyBody) != want {
			t.Errorf("the policy is %s (%v), not %s", aws.ToString(out.StackPolicyBody), err, want)
		}
	}
	update := func(v, during, after string, want types.StackStatus) {
		t.Helper()
		in := &cfn.UpdateStackInput{StackName: aws.String("S"), TemplateBody: aws.String(thing(`, "V": "` + v + `"`))}
		if during != "" {
			in.StackPolicyDuringUpdateBody = &during
		}
		if after != "" {
			in.StackPolicyBody = &after
		}
		if _, err := f.UpdateStack(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		f.until("S", want)
	}
	f.there("S", one)
	body("")
	update("1", closed, "", types.StackStatusUpdateRollbackComplete)
	body("")
	if got := f.reasonOf("S", "T", "UPDATE_FAILED"); got != "Action denied by stack policy: Statement [#1] does not allow [Update:*] for resource [*]" {
		t.Errorf("the update was denied: %s", got)
	}
	update("2", "", closed, types.StackStatusUpdateComplete)
	body(closed)
	update("3", "", "", types.StackStatusUpdateRollbackComplete)
	update("4", open, "", types.StackStatusUpdateComplete)
	body(closed)
	if _, err := f.SetStackPolicy(t.Context(), &cfn.SetStackPolicyInput{StackName: aws.String("S"), StackPolicyBody: aws.String(open)}); err != nil {
		t.Fatal(err)
	}
	update("5", "", "", types.StackStatusUpdateComplete)
}

// TestStackPolicyActions: an update modifies, replaces and deletes, each by a right of its own; new resources need none.
func TestStackPolicyActions(t *testing.T) {
	const policy = `{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"},
		{"Effect": "Deny", "Principal": "*", "Action": %q, "Resource": "LogicalResourceId/A"}]}`
	templates := map[string]string{
		"Update:Modify":  things3(`"V": 1`, "", ""),
		"Update:Replace": things3(`"Fixed": 1`, "", ""),
		"Update:Delete":  `{"Resources": {"C": {"Type": "Test::Thing::Plain"}, "N": {"Type": "Test::Thing::Plain"}}}`,
	}
	for denied := range templates {
		for action, text := range templates {
			t.Run(action+" where "+denied+" is denied", func(t *testing.T) {
				f := newFixture(t)
				in := &cfn.CreateStackInput{StackName: aws.String("S"), TemplateBody: aws.String(things3("", "", "")), StackPolicyBody: aws.String(fmt.Sprintf(policy, denied))}
				if _, err := f.CreateStack(t.Context(), in); err != nil {
					t.Fatal(err)
				}
				f.until("S", types.StackStatusCreateComplete)
				if err := f.update("S", text); err != nil {
					t.Fatal(err)
				}
				want := types.StackStatusUpdateComplete
				if action == denied {
					want = types.StackStatusUpdateRollbackComplete
				}
				f.until("S", want)
			})
		}
	}
}

// TestOperations: an operation and its roll-back are two, each with its events; clients find them by id.
// Source: CloudFormation API Reference, DescribeEvents, 2026-11.
func TestOperations(t *testing.T) {
	f := newFixture(t)
	bad := things3("", `"Fail": true`, "")
	made, err := f.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("S"), TemplateBody: &bad, ClientRequestToken: aws.String("mine")})
	if err != nil {
		t.Fatal(err)
	}
	s := f.until("S", types.StackStatusRollbackComplete)
	var kinds []types.OperationType
	for _, o := range s.LastOperations {
		kinds = append(kinds, o.OperationType)
	}
	if diff := cmp.Diff([]types.OperationType{types.OperationTypeRollback, types.OperationTypeCreateStack}, kinds); diff != "" || *s.LastOperations[1].OperationId != *made.OperationId {
		t.Errorf("the operations are %v: %s", s.LastOperations, diff)
	}
	failed, err := f.DescribeEvents(t.Context(), &cfn.DescribeEventsInput{OperationId: made.OperationId, Filters: &types.EventFilter{FailedEvents: aws.Bool(true)}})
	if err != nil {
		t.Fatal(err)
	}
	if len(failed.OperationEvents) != 1 || *failed.OperationEvents[0].LogicalResourceId != "B" || *failed.OperationEvents[0].ClientRequestToken != "mine" {
		t.Errorf("what failed is %+v", failed.OperationEvents)
	}
	all, err := f.DescribeEvents(t.Context(), &cfn.DescribeEventsInput{StackName: aws.String("S"), OperationId: s.LastOperations[0].OperationId})
	if err != nil || len(all.OperationEvents) == 0 || slices.ContainsFunc(all.OperationEvents, func(e types.OperationEvent) bool { return e.OperationType != types.OperationTypeRollback }) {
		t.Errorf("the roll-back's events are %+v (%v)", all.OperationEvents, err)
	}
	_, err = f.DescribeEvents(t.Context(), &cfn.DescribeEventsInput{OperationId: aws.String("none")})
	check(t, err, "ValidationError", "does not exist")
}

// TestWhatAnUpdateKeeps: tags and topics that a call does not speak of stay; empty lists remove them.
// Source: CloudFormation API Reference, UpdateStack, 2026-11.
func TestWhatAnUpdateKeeps(t *testing.T) {
	f := newFixture(t)
	topic := "arn:aws:sns:eu-west-1:111122223333:topic"
	update := func(v string, tags []types.Tag, topics []string) types.Stack {
		t.Helper()
		if _, err := f.UpdateStack(t.Context(), &cfn.UpdateStackInput{StackName: aws.String("S"), TemplateBody: aws.String(thing(`, "V": "` + v + `"`)), Tags: tags, NotificationARNs: topics}); err != nil {
			t.Fatal(err)
		}
		return f.until("S", types.StackStatusUpdateComplete)
	}
	f.there("S", one)
	update("1", []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}, []string{topic})
	if s := update("2", nil, nil); len(s.Tags) != 1 || len(s.NotificationARNs) != 1 {
		t.Errorf("the tags are %v, the topics %v", s.Tags, s.NotificationARNs)
	}
	if s := update("3", []types.Tag{}, []string{}); len(s.Tags) != 0 || len(s.NotificationARNs) != 0 {
		t.Errorf("the tags are %v, the topics %v", s.Tags, s.NotificationARNs)
	}
}
