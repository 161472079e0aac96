package stackapi_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// The pages that the cases are from.
const (
	creating  = "CloudFormation API Reference, CreateStack, 2026-11"
	updating  = "CloudFormation API Reference, UpdateStack, 2026-11"
	deleting  = "CloudFormation API Reference, DeleteStack, 2026-11"
	reviewing = "CloudFormation API Reference, CreateChangeSet, 2026-11"
	executing = "CloudFormation API Reference, ExecuteChangeSet, 2026-11"
	showing   = "CloudFormation API Reference, DescribeStacks, 2026-11"
	rolling   = "CloudFormation API Reference, RollbackStack, 2026-11"
	policing  = "CloudFormation User Guide, Prevent updates to stack resources, 2026-11"
)

const role = `{"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r"}}}}`

// cases are single calls and how they are refused. A stack S of one thing is there, and a change set C of it.
var cases = []struct {
	name, source, limit string
	call                func(f *fixture) error
	code, message       string // empty: the call is good
}{
	{name: "stack exists", source: creating, code: "AlreadyExistsException", message: "Stack [S] already exists",
		call: func(f *fixture) error { return f.create("S", one) }},
	{name: "no template", source: creating, code: "ValidationError", message: "Template format error",
		call: func(f *fixture) error { return f.create("N", "{}") }},
	{name: "neither body nor URL", source: creating, code: "ValidationError", message: "Either Template URL or Template Body must be specified.",
		call: func(f *fixture) error {
			_, err := f.CreateStack(f.t.Context(), &cfn.CreateStackInput{StackName: aws.String("N")})
			return err
		}},
	{name: "body of 51,201 bytes", source: "CloudFormation User Guide, CloudFormation quotas, 2026-11", code: "ValidationError", message: "less than or equal to 51200",
		call: func(f *fixture) error { return f.create("N", one+strings.Repeat(" ", 51_201-len(one))) }},
	{name: "body of 51,200 bytes", source: "CloudFormation User Guide, CloudFormation quotas, 2026-11",
		call: func(f *fixture) error { return f.create("N", one+strings.Repeat(" ", 51_200-len(one))) }},
	{name: "stack name", source: creating, code: "ValidationError", message: "failed to satisfy constraint",
		call: func(f *fixture) error { return f.create("9lives", one) }},
	{name: "capability", source: creating, code: "InsufficientCapabilitiesException", message: "Requires capabilities : [CAPABILITY_NAMED_IAM]",
		call: func(f *fixture) error { return f.create("N", role) }},
	{name: "unknown parameter", source: creating, code: "ValidationError", message: "Parameters: [Q] do not exist in the template",
		call: func(f *fixture) error {
			return f.update("S", thing(`, "X": 1`), types.Parameter{ParameterKey: aws.String("Q"), ParameterValue: aws.String("q")})
		}},
	{name: "no time-out", source: creating, code: "ValidationError", message: "failed to satisfy constraint: Member must have value greater than or equal to 1",
		call: func(f *fixture) error {
			_, err := f.CreateStack(f.t.Context(), &cfn.CreateStackInput{StackName: aws.String("N"), TemplateBody: &one, TimeoutInMinutes: aws.Int32(0)})
			return err
		}},
	{name: "two ways to fail", source: creating, limit: "the message's words are ours", code: "ValidationError", message: "either DisableRollback or OnFailure, but not both",
		call: func(f *fixture) error {
			_, err := f.CreateStack(f.t.Context(), &cfn.CreateStackInput{StackName: aws.String("N"), TemplateBody: &one, OnFailure: types.OnFailureDelete, DisableRollback: aws.Bool(true)})
			return err
		}},
	{name: "stack policy that is none", source: policing, code: "ValidationError", message: "Error validating stack policy: Invalid stack policy",
		call: func(f *fixture) error {
			_, err := f.CreateStack(f.t.Context(), &cfn.CreateStackInput{StackName: aws.String("N"), TemplateBody: &one, StackPolicyBody: aws.String("[]")})
			return err
		}},
	{name: "stack policy twice", source: "recorded from CloudFormation, 2022-11 (localstack/localstack#7159)", code: "ValidationError", message: "You cannot specify both StackPolicyURL and StackPolicyBody",
		call: func(f *fixture) error {
			_, err := f.SetStackPolicy(f.t.Context(), &cfn.SetStackPolicyInput{StackName: aws.String("S"), StackPolicyBody: aws.String("{}"), StackPolicyURL: aws.String("https://x/y")})
			return err
		}},
	{name: "stack policy in S3 that the caller may not read", source: policing, code: "ValidationError", message: "S3 error: Access Denied",
		call: func(f *fixture) error {
			_, err := f.SetStackPolicy(f.t.Context(), &cfn.SetStackPolicyInput{StackName: aws.String("S"), StackPolicyURL: aws.String("https://s3.eu-west-1.amazonaws.com/templates/other.json")})
			return err
		}},
	{name: "rollback triggers", source: creating, limit: "refused", code: "ValidationError", message: "does not know the parameter RollbackConfiguration",
		call: func(f *fixture) error {
			_, err := f.CreateStack(f.t.Context(), &cfn.CreateStackInput{StackName: aws.String("N"), TemplateBody: &one,
				RollbackConfiguration: &types.RollbackConfiguration{MonitoringTimeInMinutes: aws.Int32(5)}})
			return err
		}},
	{name: "topics to notify", source: creating, limit: "shown with the stack, and not notified",
		call: func(f *fixture) error {
			topic := "arn:aws:sns:eu-west-1:111122223333:topic"
			_, err := f.CreateStack(f.t.Context(), &cfn.CreateStackInput{StackName: aws.String("N"), TemplateBody: &one, NotificationARNs: []string{topic}})
			if s := f.until("N", types.StackStatusCreateComplete); len(s.NotificationARNs) != 1 || s.NotificationARNs[0] != topic {
				f.t.Errorf("the stack's topics are %v", s.NotificationARNs)
			}
			return err
		}},
	{name: "the same call again", source: creating, call: func(f *fixture) error {
		in := &cfn.CreateStackInput{StackName: aws.String("N"), TemplateBody: &one, ClientRequestToken: aws.String("again")}
		first, err := f.CreateStack(f.t.Context(), in)
		if err != nil {
			return err
		}
		second, err := f.CreateStack(f.t.Context(), in)
		if err == nil && *second.StackId != *first.StackId {
			f.t.Errorf("the second call made %s after %s", *second.StackId, *first.StackId)
		}
		return err
	}},
	{name: "role that does not trust", source: creating, code: "ValidationError", message: "is invalid or cannot be assumed",
		call: func(f *fixture) error { return f.pass("strange") }},
	{name: "role that trusts", source: creating, call: func(f *fixture) error { return f.pass("trusting") }},
	{name: "template in S3", source: creating, call: func(f *fixture) error {
		return f.fetch("https://s3.eu-west-1.amazonaws.com/templates/a/one.json")
	}},
	{name: "template in S3, by the bucket's host", source: creating, call: func(f *fixture) error {
		return f.fetch("https://templates.s3.eu-west-1.amazonaws.com/a/one.json")
	}},
	{name: "template in S3 that the caller may not read", source: creating, code: "ValidationError", message: "S3 error: Access Denied",
		call: func(f *fixture) error { return f.fetch("https://s3.eu-west-1.amazonaws.com/templates/other.json") }},
	{name: "URL of no object", source: creating, code: "ValidationError", message: "TemplateURL must be a supported URL.",
		call: func(f *fixture) error { return f.fetch("s3://templates/a/one.json") }},

	{name: "nothing to update", source: updating, code: "ValidationError", message: "No updates are to be performed.",
		call: func(f *fixture) error { return f.update("S", one) }},
	{name: "nothing but a description", source: updating, code: "ValidationError", message: "No updates are to be performed.",
		call: func(f *fixture) error { return f.update("S", strings.Replace(one, "{", `{"Description": "",`, 1)) }},
	{name: "update of no stack", source: updating, code: "ValidationError", message: "Stack [N] does not exist",
		call: func(f *fixture) error { return f.update("N", one) }},
	{name: "template as before, another parameter", source: updating, call: func(f *fixture) error {
		_, err := f.UpdateStack(f.t.Context(), &cfn.UpdateStackInput{StackName: aws.String("S"), UsePreviousTemplate: aws.Bool(true),
			Parameters: []types.Parameter{{ParameterKey: aws.String("P"), ParameterValue: aws.String("other")}}})
		return err
	}},
	{name: "cancel where nothing is updated", source: "CloudFormation API Reference, CancelUpdateStack, 2026-11", code: "ValidationError",
		message: "CancelUpdateStack cannot be called from current stack status", call: func(f *fixture) error {
			_, err := f.CancelUpdateStack(f.t.Context(), &cfn.CancelUpdateStackInput{StackName: aws.String("S")})
			return err
		}},
	{name: "roll-back of a good stack", source: rolling, limit: "the message's words are ours", code: "ValidationError", message: "can not be rolled back",
		call: func(f *fixture) error {
			_, err := f.RollbackStack(f.t.Context(), &cfn.RollbackStackInput{StackName: aws.String("S")})
			return err
		}},

	{name: "deletion of no stack", source: deleting, call: func(f *fixture) error { return f.delete("N") }},
	{name: "resources to retain of a good stack", source: "seen in public issues: specify which resources to retain only when the stack is in the DELETE_FAILED state, 2026-11", code: "ValidationError",
		message: "When you delete a stack, specify which resources to retain only when the stack is in the DELETE_FAILED state.", call: func(f *fixture) error {
			_, err := f.DeleteStack(f.t.Context(), &cfn.DeleteStackInput{StackName: aws.String("S"), RetainResources: []string{"T"}})
			return err
		}},
	{name: "forced deletion of a good stack", source: deleting, limit: "the message's words are ours", code: "ValidationError", message: "only when the stack is in the DELETE_FAILED state.",
		call: func(f *fixture) error {
			_, err := f.DeleteStack(f.t.Context(), &cfn.DeleteStackInput{StackName: aws.String("S"), DeletionMode: types.DeletionModeForceDeleteStack})
			return err
		}},
	{name: "deletion of an update that failed", source: reviewing, limit: "the message's words are ours", code: "ValidationError", message: "only valid when the ChangeSetType is CREATE",
		call: func(f *fixture) error {
			_, err := f.CreateChangeSet(f.t.Context(), &cfn.CreateChangeSetInput{StackName: aws.String("S"), ChangeSetName: aws.String("D"), TemplateBody: &one, OnStackFailure: types.OnStackFailureDelete})
			return err
		}},
	{name: "resources to skip of a good stack", source: "CloudFormation API Reference, ContinueUpdateRollback, 2026-11", limit: "the message's words are ours", code: "ValidationError", message: "can not be rolled back",
		call: func(f *fixture) error {
			_, err := f.ContinueUpdateRollback(f.t.Context(), &cfn.ContinueUpdateRollbackInput{StackName: aws.String("S"), ResourcesToSkip: []string{"T"}})
			return err
		}},

	{name: "change set to create a stack that exists", source: reviewing, code: "ValidationError", message: "already exists and cannot be created again with the changeSet [D]",
		call: func(f *fixture) error { return second(f.changes("S", "D", one, types.ChangeSetTypeCreate)) }},
	{name: "change set for no stack", source: reviewing, code: "ValidationError", message: "Stack [N] does not exist",
		call: func(f *fixture) error { return second(f.changes("N", "D", one, types.ChangeSetTypeUpdate)) }},
	{name: "change set exists", source: reviewing, code: "AlreadyExistsException", message: "ChangeSet C",
		call: func(f *fixture) error { return second(f.changes("S", "C", one, types.ChangeSetTypeUpdate)) }},
	{name: "nested stacks in a change set", source: reviewing, limit: "nested stacks have no change sets of their own: they show as changed as a whole", call: func(f *fixture) error {
		_, err := f.CreateChangeSet(f.t.Context(), &cfn.CreateChangeSetInput{StackName: aws.String("S"), ChangeSetName: aws.String("D"), TemplateBody: aws.String(thing(`, "X": 2`)),
			IncludeNestedStacks: aws.Bool(true)})
		return err
	}},
	{name: "no such change set", source: "CloudFormation API Reference, DescribeChangeSet, 2026-11", code: "ChangeSetNotFound", message: "ChangeSet [D] does not exist",
		call: func(f *fixture) error {
			_, err := f.DescribeChangeSet(f.t.Context(), &cfn.DescribeChangeSetInput{StackName: aws.String("S"), ChangeSetName: aws.String("D")})
			return err
		}},
	{name: "deletion of no change set", source: "CloudFormation API Reference, DeleteChangeSet, 2026-11", call: func(f *fixture) error {
		_, err := f.DeleteChangeSet(f.t.Context(), &cfn.DeleteChangeSetInput{StackName: aws.String("S"), ChangeSetName: aws.String("D")})
		return err
	}},

	{name: "processed template", source: "CloudFormation API Reference, GetTemplate, 2026-11", limit: "templates with transforms are given as they were written", call: func(f *fixture) error {
		out, err := f.GetTemplate(f.t.Context(), &cfn.GetTemplateInput{StackName: aws.String("S"), TemplateStage: types.TemplateStageProcessed})
		if err == nil && *out.TemplateBody != one {
			f.t.Errorf("the template is %s", *out.TemplateBody)
		}
		return err
	}},
	{name: "resource by its physical id", source: "CloudFormation API Reference, DescribeStackResources, 2026-11", call: func(f *fixture) error {
		out, err := f.DescribeStackResources(f.t.Context(), &cfn.DescribeStackResourcesInput{PhysicalResourceId: aws.String("T-1")})
		if err == nil && (len(out.StackResources) != 1 || *out.StackResources[0].StackName != "S") {
			f.t.Errorf("it is %+v", out.StackResources)
		}
		return err
	}},
	{name: "resource that no stack has", source: "CloudFormation API Reference, DescribeStackResources, 2026-11", limit: "the message's words are ours", code: "ValidationError", message: "Stack for T-9 does not exist", call: func(f *fixture) error {
		_, err := f.DescribeStackResources(f.t.Context(), &cfn.DescribeStackResourcesInput{PhysicalResourceId: aws.String("T-9")})
		return err
	}},
	{name: "imports of an export", source: "CloudFormation API Reference, ListImports, 2026-11", call: func(f *fixture) error {
		f.there("U", `{"Resources": {"T": {"Type": "Test::Thing::Plain", "Properties": {"V": {"Fn::ImportValue": "S-name"}}}}}`)
		out, err := f.ListImports(f.t.Context(), &cfn.ListImportsInput{ExportName: aws.String("S-name")})
		if err == nil && (len(out.Imports) != 1 || out.Imports[0] != "U") {
			f.t.Errorf("they are %v", out.Imports)
		}
		return err
	}},
	{name: "imports that there are not", source: "seen in public issues, 2026-11: Export ... is not imported by any stack", code: "ValidationError", message: "Export 'S-name' is not imported by any stack.", call: func(f *fixture) error {
		_, err := f.ListImports(f.t.Context(), &cfn.ListImportsInput{ExportName: aws.String("S-name")})
		return err
	}},
	{name: "no such stack", source: showing, code: "ValidationError", message: "Stack with id N does not exist", call: func(f *fixture) error { return second(f.stack("N")) }},
	{name: "events of no stack", source: showing, code: "ValidationError", message: "Stack [N] does not exist", call: func(f *fixture) error {
		_, err := f.DescribeStackEvents(f.t.Context(), &cfn.DescribeStackEventsInput{StackName: aws.String("N")})
		return err
	}},
	{name: "operation that there is not", source: "CloudFormation API Reference, Actions, 2026-11", limit: "stack sets, types, refactoring and generated templates are not served",
		code: "InvalidAction", message: "tokendocker has no cloudformation:ListStackSets", call: func(f *fixture) error {
			_, err := f.ListStackSets(f.t.Context(), &cfn.ListStackSetsInput{})
			return err
		}},
}

func second[T any](_ T, err error) error { return err }

func (f *fixture) fetch(url string) error {
	_, err := f.CreateStack(f.t.Context(), &cfn.CreateStackInput{StackName: aws.String("N"), TemplateURL: &url})
	return err
}

func (f *fixture) pass(name string) error {
	arn := "arn:aws:iam::111122223333:role/" + name
	_, err := f.CreateStack(f.t.Context(), &cfn.CreateStackInput{StackName: aws.String("N"), TemplateBody: &one, RoleARN: &arn})
	return err
}

func TestCalls(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.there("S", one)
			if _, err := f.changes("S", "C", thing(`, "X": 1`), types.ChangeSetTypeUpdate); err != nil {
				t.Fatal(err)
			}
			check(t, c.call(f), c.code, c.message)
		})
	}
}
