package stackapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

// TestLife follows a stack from its first change set to its deletion as clients see it.
func TestLife(t *testing.T) {
	f := newFixture(t)
	first, err := f.changes("S", "first", one, types.ChangeSetTypeCreate)
	if err != nil {
		t.Fatal(err)
	}
	if s := f.until("S", types.StackStatusReviewInProgress); *s.StackId != *first.StackId {
		t.Errorf("the stack under review is %s, the change set's %s", *s.StackId, *first.StackId)
	}
	if err := f.execute(first); err != nil {
		t.Fatal(err)
	}
	s := f.until("S", types.StackStatusCreateComplete)
	if *s.StackId != *first.StackId || *s.ChangeSetId != *first.ChangeSetId || *s.Outputs[0].OutputValue != "T-1" || *s.Outputs[0].ExportName != "S-name" {
		t.Errorf("the stack is %+v", s)
	}
	check(t, f.execute(first), "InvalidChangeSetStatus", "cannot be executed in its current status")

	if err := f.update("S", thing(`, "Fixed": "now"`), types.Parameter{ParameterKey: aws.String("P"), UsePreviousValue: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	s = f.until("S", types.StackStatusUpdateComplete)
	if *s.Outputs[0].OutputValue != "T-2" || *s.Parameters[0].ParameterValue != "d" || s.LastUpdatedTime == nil {
		t.Errorf("after the update the stack is %+v", s)
	}
	body, err := f.GetTemplate(t.Context(), &cfn.GetTemplateInput{StackName: aws.String("S")})
	if err != nil || *body.TemplateBody != thing(`, "Fixed": "now"`) {
		t.Errorf("the template is %v (%v)", body, err)
	}
	if err := f.delete("S"); err != nil {
		t.Fatal(err)
	}
	f.gone("S")
	if s = f.until(*first.StackId, types.StackStatusDeleteComplete); s.DeletionTime == nil {
		t.Error("the deleted stack has no time of deletion")
	}
	events, err := f.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: first.StackId})
	if err != nil || events.StackEvents[0].ResourceStatus != types.ResourceStatusDeleteComplete || *events.StackEvents[0].LogicalResourceId != "S" {
		t.Errorf("the last event is %+v (%v)", events, err)
	}
}

// TestStatusIsThereAtOnce: a client that looks right after its call must not see the stack as it was before.
func TestStatusIsThereAtOnce(t *testing.T) {
	f := newFixture(t)
	if err := f.create("S", thing(`, "Hold": true`)); err != nil {
		t.Fatal(err)
	}
	check(t, f.create("S", one), "AlreadyExistsException", "Stack [S] already exists")
	if s, err := f.stack("S"); err != nil || s.StackStatus != types.StackStatusCreateInProgress {
		t.Errorf("the stack is %v (%v)", s.StackStatus, err)
	}
	check(t, f.update("S", one), "ValidationError", "is in CREATE_IN_PROGRESS state and can not be updated.")
	close(f.things.hold)
	f.until("S", types.StackStatusCreateComplete)

	f.things.hold = make(chan struct{})
	if err := f.update("S", thing(`, "Hold": true, "X": 1`)); err != nil {
		t.Fatal(err)
	}
	if s, err := f.stack("S"); err != nil || s.StackStatus != types.StackStatusUpdateInProgress {
		t.Errorf("the stack is %v (%v)", s.StackStatus, err)
	}
	events, err := f.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: aws.String("S")})
	if err != nil || events.StackEvents[0].ResourceStatus != types.ResourceStatusUpdateInProgress {
		t.Errorf("the running update's last event is %+v (%v)", events, err)
	}
	if _, err := f.CancelUpdateStack(t.Context(), &cfn.CancelUpdateStackInput{StackName: aws.String("S")}); err != nil {
		t.Error(err)
	}
	close(f.things.hold)
	f.until("S", types.StackStatusUpdateRollbackComplete)
}

// TestChanges: what a change set says of each resource.
func TestChanges(t *testing.T) {
	const two = `{"Resources": {"A": {"Type": "Test::Thing::Plain", "Properties": {"V": %q%s}}, "B": {"Type": "Test::Thing::Plain", "Properties": {"V": {"Fn::GetAtt": ["A", "Name"]}}}}}`
	cases := []struct {
		name, source, limit string
		template            string
		want                []string // action, logical id, replacement, scope, details as "property recreation evaluation"
	}{
		{name: "nothing", source: reviewing, template: fmt.Sprintf(two, "a", ""), want: nil},
		{name: "in place, and what depends on it", source: "CloudFormation API Reference, ResourceChangeDetail, 2026-11",
			limit: "the causing entity is not named", template: fmt.Sprintf(two, "b", ""), want: []string{
				"Modify A False [Properties] V Never Static", "Modify B False [Properties] V Never Dynamic"}},
		{name: "replacement, and what depends on it", source: "CloudFormation API Reference, ResourceChange, 2026-11",
			template: fmt.Sprintf(two, "a", `, "Fixed": "1"`), want: []string{
				"Modify A True [Properties] Fixed Always Static", "Modify B False [Properties] V Never Dynamic"}},
		{name: "metadata", source: "CloudFormation API Reference, ResourceChange, 2026-11",
			template: strings.Replace(fmt.Sprintf(two, "a", ""), `"Properties"`, `"Metadata": {"m": 1}, "Properties"`, 1),
			want:     []string{"Modify A False [Metadata]  Never Static"}},
		{name: "added and removed", source: "CloudFormation API Reference, ResourceChange, 2026-11",
			template: `{"Resources": {"A": {"Type": "Test::Thing::Plain", "Properties": {"V": "a"}}, "C": {"Type": "Test::Thing::Plain"}}}`,
			want:     []string{"Add C  []", "Remove B  []"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.there("S", fmt.Sprintf(two, "a", ""))
			set, err := f.changes("S", "C", c.template, types.ChangeSetTypeUpdate)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, change := range set.Changes {
				r := change.ResourceChange
				line := fmt.Sprintf("%s %s %s %v", r.Action, *r.LogicalResourceId, r.Replacement, r.Scope)
				for _, d := range r.Details {
					line += fmt.Sprintf(" %s %s %s", aws.ToString(d.Target.Name), d.Target.RequiresRecreation, d.Evaluation)
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if empty := set.Status == types.ChangeSetStatusFailed && strings.HasPrefix(*set.StatusReason, "The submitted information didn't contain changes."); empty != (c.want == nil) {
				t.Errorf("the change set is %s: %s", set.Status, aws.ToString(set.StatusReason))
			}
			if c.want == nil {
				check(t, f.execute(set), "InvalidChangeSetStatus", "status of [FAILED]")
			}
		})
	}
}

// TestChangeValues: a change set tells the values before and after, as far as they are known.
func TestChangeValues(t *testing.T) {
	f := newFixture(t)
	f.there("S", one)
	set, err := f.changes("S", "C", thing(`, "V": {"Fn::Sub": "x ${U}"}}}, "U": {"Type": "Test::Thing::Plain", "Properties": {"W": 1`), types.ChangeSetTypeUpdate)
	if err != nil {
		t.Fatal(err)
	}
	changed := set.Changes[1].ResourceChange
	var after struct{ Properties map[string]any }
	if err := json.Unmarshal([]byte(*changed.AfterContext), &after); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"P": "d", "V": "x {{changeSet:KNOWN_AFTER_APPLY}}"}
	if diff := cmp.Diff(want, after.Properties); diff != "" || *changed.BeforeContext != `{"Properties":{"P":"d"}}` || *changed.Details[0].Target.AfterValue != want["V"] {
		t.Errorf("before %s after %s %s", *changed.BeforeContext, *changed.AfterContext, diff)
	}
}

// TestFailedStacks: a creation that fails is rolled back and can only be deleted; one that is left as it is can be rolled
// back by a call, and an update too.
func TestFailedStacks(t *testing.T) {
	f := newFixture(t)
	bad := strings.Replace(thing(`, "Fail": true`), `"T": {`, `"A": {"Type": "Test::Thing::Plain"}, "T": {"DependsOn": "A", `, 1)
	if err := f.create("S", bad); err != nil {
		t.Fatal(err)
	}
	s := f.until("S", types.StackStatusRollbackComplete)
	resources, err := f.DescribeStackResources(t.Context(), &cfn.DescribeStackResourcesInput{StackName: aws.String("S")})
	if err != nil || len(resources.StackResources) != 2 || resources.StackResources[0].ResourceStatus != types.ResourceStatusDeleteComplete {
		t.Errorf("what the stack had is %+v (%v)", resources, err)
	}
	check(t, f.update("S", one), "ValidationError", "Stack:"+*s.StackId+" is in ROLLBACK_COMPLETE state and can not be updated.")
	if err := f.delete("S"); err != nil {
		t.Error(err)
	}
	f.gone("S")

	if _, err := f.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("K"), TemplateBody: &bad, DisableRollback: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if s := f.until("K", types.StackStatusCreateFailed); !strings.Contains(*s.StackStatusReason, "failed to create: [T]") || !*s.DisableRollback {
		t.Errorf("the stack is %+v", s)
	}
	if _, err := f.RollbackStack(t.Context(), &cfn.RollbackStackInput{StackName: aws.String("K")}); err != nil {
		t.Fatal(err)
	}
	f.until("K", types.StackStatusRollbackComplete)
}

// TestProtectedStack: a stack is deleted only when it is not protected, and no export of it is used.
func TestProtectedStack(t *testing.T) {
	f := newFixture(t)
	f.there("S", one)
	f.there("U", `{"Resources": {"T": {"Type": "Test::Thing::Plain", "Properties": {"V": {"Fn::ImportValue": "S-name"}}}}}`)
	check(t, f.delete("S"), "ValidationError", "Cannot delete export S-name as it is in use by U.")
	protect := func(on bool) {
		t.Helper()
		if _, err := f.UpdateTerminationProtection(t.Context(), &cfn.UpdateTerminationProtectionInput{StackName: aws.String("U"), EnableTerminationProtection: &on}); err != nil {
			t.Fatal(err)
		}
	}
	protect(true)
	check(t, f.delete("U"), "ValidationError", "Stack [U] cannot be deleted while TerminationProtection is enabled")
	protect(false)
	for _, name := range []string{"U", "S"} {
		if err := f.delete(name); err != nil {
			t.Fatal(err)
		}
		f.gone(name)
	}
}

// TestEventPages: a client gets all events, page by page, the newest first, with times that tell them apart.
func TestEventPages(t *testing.T) {
	f := newFixture(t)
	var resources []string
	for i := range 70 {
		resources = append(resources, fmt.Sprintf(`"T%d": {"Type": "Test::Thing::Plain"}`, i))
	}
	f.there("S", `{"Resources": {`+strings.Join(resources, ",")+`}}`)
	var events []types.StackEvent
	for pages := cfn.NewDescribeStackEventsPaginator(f.Client, &cfn.DescribeStackEventsInput{StackName: aws.String("S")}); pages.HasMorePages(); {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, page.StackEvents...)
	}
	if len(events) != 212 {
		t.Errorf("%d events, not two of the stack and three of each of 70 resources", len(events))
	}
	for i := 1; i < len(events); i++ {
		if !events[i].Timestamp.Before(*events[i-1].Timestamp) {
			t.Fatalf("event %d is not older than the one before it", i)
		}
	}
	listed, err := f.ListStackResources(t.Context(), &cfn.ListStackResourcesInput{StackName: aws.String("S")})
	if err != nil || len(listed.StackResourceSummaries) != 70 || listed.StackResourceSummaries[0].ResourceStatus != types.ResourceStatusCreateComplete {
		t.Errorf("resources: %v (%v)", listed, err)
	}
}

// TestRecover: what a stopped process left in the middle is rolled back by the next one.
func TestRecover(t *testing.T) {
	f := newFixture(t)
	f.there("U", one)
	if err := f.create("C", thing(`, "Hold": true`)); err != nil {
		t.Fatal(err)
	}
	if err := f.update("U", thing(`, "Hold": true`)); err != nil {
		t.Fatal(err)
	}
	if err := f.room.Close(); err != nil {
		t.Fatal(err)
	}
	f.open()
	f.room.Recover()
	f.until("C", types.StackStatusRollbackComplete)
	f.until("U", types.StackStatusUpdateRollbackComplete)
	if err := f.update("U", thing(`, "X": 1`)); err != nil {
		t.Error(err)
	}
	f.until("U", types.StackStatusUpdateComplete)
}

// TestPermissions: a call needs its own action on the stack that it names, and the right to pass a role.
func TestPermissions(t *testing.T) {
	f := newFixture(t)
	f.there("S", one)
	mine := f.front.Role("mine", `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "cloudformation:*", "Resource": "arn:aws:cloudformation:*:*:stack/My*/*"},
		{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}]}`)
	f.Client = cfn.NewFromConfig(f.front.Config(mine))
	check(t, f.create("MyOwn", one), "", "")
	f.until("MyOwn", types.StackStatusCreateComplete)
	check(t, second(f.changes("MyOwn", "C", thing(`, "X": 1`), types.ChangeSetTypeUpdate)), "", "")
	check(t, f.create("Other", one), "AccessDenied", "cloudformation:CreateStack on resource: arn:aws:cloudformation:eu-west-1:111122223333:stack/Other/*")
	check(t, f.delete("S"), "AccessDenied", "cloudformation:DeleteStack")
	check(t, second(f.stack("S")), "AccessDenied", "cloudformation:DescribeStacks")
	arn := "arn:aws:iam::111122223333:role/trusting"
	_, err := f.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("MyNext"), TemplateBody: &one, RoleARN: &arn})
	check(t, err, "AccessDenied", "iam:PassRole on resource: "+arn)
}

// TestSummaries: what clients ask of templates before they deploy them.
func TestSummaries(t *testing.T) {
	f := newFixture(t)
	text := `{"Description": "roles", "Parameters": {"N": {"Type": "String", "NoEcho": true, "Default": "n"}},
		"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Ref": "N"}}}}}`
	valid, err := f.ValidateTemplate(t.Context(), &cfn.ValidateTemplateInput{TemplateBody: &text})
	if err != nil || *valid.Description != "roles" || !*valid.Parameters[0].NoEcho || valid.Capabilities[0] != types.CapabilityCapabilityNamedIam {
		t.Errorf("the template is %+v (%v)", valid, err)
	}
	summary, err := f.GetTemplateSummary(t.Context(), &cfn.GetTemplateSummaryInput{TemplateBody: &text})
	if err != nil || *summary.Parameters[0].DefaultValue != "n" || summary.ResourceTypes[0] != "AWS::IAM::Role" {
		t.Errorf("its summary is %+v (%v)", summary, err)
	}
	f.there("S", one)
	f.there("Gone", one)
	if err := f.delete("Gone"); err != nil {
		t.Fatal(err)
	}
	f.gone("Gone")
	list, err := f.ListStacks(t.Context(), &cfn.ListStacksInput{})
	if err != nil || len(list.StackSummaries) != 2 || list.StackSummaries[1].StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("the stacks are %+v (%v)", list, err)
	}
	exports, err := f.ListExports(t.Context(), &cfn.ListExportsInput{})
	if err != nil || len(exports.Exports) != 1 || *exports.Exports[0].Name != "S-name" {
		t.Errorf("the exports are %+v (%v)", exports, err)
	}
}
