package handlers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/handlers"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// TestNeeds: what handlers ask of a stack's role.
func TestNeeds(t *testing.T) {
	const registry = "CloudFormation registry, handlers of the type's schema, 2026-11"
	const passing = "IAM User Guide, Grant a user permissions to pass a role to an AWS service, 2026-11"
	stack := resource.Stack{ID: "arn:aws:cloudformation:eu-west-1:111122223333:stack/S/1", Name: "S", Account: "111122223333", Region: "eu-west-1", Partition: "aws"}
	role := "arn:aws:iam::111122223333:role/r"
	cases := []struct {
		name, source, limit string
		verb                handlers.Verb
		kind, id            string
		properties, old     map[string]any
		want                []string // "action resource"; a resource that ends in a dash has a generated end
	}{
		{name: "bucket with a name", source: registry, kind: "AWS::S3::Bucket", properties: map[string]any{"BucketName": "b"}, want: []string{"s3:CreateBucket arn:aws:s3:::b"}},
		{name: "bucket without", source: registry, kind: "AWS::S3::Bucket", want: []string{"s3:CreateBucket arn:aws:s3:::s-l-"}},
		{name: "bucket that goes", source: registry, verb: handlers.Delete, kind: "AWS::S3::Bucket", id: "b", want: []string{"s3:DeleteBucket arn:aws:s3:::b"}},
		{name: "bucket that changes", source: registry, limit: "calls that depend on the properties are not asked for", verb: handlers.Update, kind: "AWS::S3::Bucket", id: "b", want: nil},
		{name: "role below a path", source: registry, kind: "AWS::IAM::Role", properties: map[string]any{"RoleName": "n", "Path": "/a/b/"}, want: []string{"iam:CreateRole arn:aws:iam::111122223333:role/a/b/n"}},
		{name: "parameter", source: registry, verb: handlers.Update, kind: "AWS::SSM::Parameter", id: "/a/b", want: []string{"ssm:PutParameter arn:aws:ssm:eu-west-1:111122223333:parameter/a/b"}},
		{name: "log group", source: registry, kind: "AWS::Logs::LogGroup", properties: map[string]any{"LogGroupName": "/a"}, want: []string{"logs:CreateLogGroup arn:aws:logs:eu-west-1:111122223333:log-group:/a"}},
		{name: "state machine that goes", source: registry, verb: handlers.Delete, kind: "AWS::StepFunctions::StateMachine", id: "arn:x", want: []string{"states:DeleteStateMachine arn:x"}},
		{name: "key", source: registry, kind: "AWS::KMS::Key", want: []string{"kms:CreateKey "}},
		{name: "function and its role", source: passing, kind: "AWS::Lambda::Function", properties: map[string]any{"FunctionName": "f", "Role": role},
			want: []string{"lambda:CreateFunction arn:aws:lambda:eu-west-1:111122223333:function:f", "iam:PassRole " + role}},
		{name: "the same role again", source: passing, verb: handlers.Update, kind: "AWS::Lambda::Function", id: "f", properties: map[string]any{"Role": role}, old: map[string]any{"Role": role}, want: nil},
		{name: "another role", source: passing, verb: handlers.Update, kind: "AWS::Lambda::Function", id: "f", properties: map[string]any{"Role": role}, old: map[string]any{"Role": "x"}, want: []string{"iam:PassRole " + role}},
		{name: "roles of targets", source: passing, kind: "AWS::Events::Rule", properties: map[string]any{"Targets": []any{map[string]any{"RoleArn": role}, map[string]any{"Arn": "y"}}}, want: []string{"iam:PassRole " + role}},
		{name: "another type", source: registry, limit: "of types that the engine simulates nothing is asked, but for the roles of task definitions", kind: "AWS::SNS::Topic", want: nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, need := range handlers.Needs(c.verb, resource.Request{Stack: stack, Type: c.kind, LogicalID: "L", PhysicalID: c.id, Properties: c.properties, Old: c.old, Token: "t"}) {
				line := need.Action + " " + strings.Join(need.Resources, " ")
				if i := len(got); i < len(c.want) && strings.HasSuffix(c.want[i], "-") && strings.HasPrefix(line, c.want[i]) {
					line = c.want[i]
				}
				got = append(got, line)
				if need.Action == "iam:PassRole" && len(need.Conditions["iam:PassedToService"]) != 1 {
					t.Errorf("to which service is the role passed? %v", need.Conditions)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
