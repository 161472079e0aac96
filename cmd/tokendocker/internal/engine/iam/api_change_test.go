package iam_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// TestChanges is the marked case table of calls that change a role, "worker", and of listings.
func TestChanges(t *testing.T) {
	const page = "IAM API Reference, "
	worker := aws.String("worker")
	role := func(t *testing.T, c api) *types.Role {
		t.Helper()
		out, err := c.GetRole(t.Context(), &awsiam.GetRoleInput{RoleName: worker})
		if err != nil {
			t.Fatal(err)
		}
		return out.Role
	}
	cases := []struct {
		name, source, limit string
		do                  func(t *testing.T, c api) error
		code                string
	}{
		{name: "description and longest session", source: page + "UpdateRole, 2026-11", do: func(t *testing.T, c api) error {
			_, err := c.UpdateRole(t.Context(), &awsiam.UpdateRoleInput{RoleName: worker, Description: aws.String("other"), MaxSessionDuration: aws.Int32(7200)})
			if got := role(t, c); *got.Description != "other" || *got.MaxSessionDuration != 7200 {
				t.Errorf("%+v", got)
			}
			return err
		}},
		{name: "a session that is too long", source: page + "UpdateRole, 2026-11", code: "ValidationError", do: func(t *testing.T, c api) error {
			_, err := c.UpdateRole(t.Context(), &awsiam.UpdateRoleInput{RoleName: worker, MaxSessionDuration: aws.Int32(43201)})
			return err
		}},
		{name: "who may assume it", source: page + "UpdateAssumeRolePolicy, 2026-11", do: func(t *testing.T, c api) error {
			_, err := c.UpdateAssumeRolePolicy(t.Context(), &awsiam.UpdateAssumeRolePolicyInput{RoleName: worker, PolicyDocument: aws.String(strings.ReplaceAll(trustLambda, "lambda", "ecs-tasks"))})
			if got := role(t, c); !strings.Contains(*got.AssumeRolePolicyDocument, "ecs-tasks") {
				t.Errorf("%+v", got)
			}
			return err
		}},
		{name: "a trust policy that is none", source: page + "UpdateAssumeRolePolicy, 2026-11", code: "MalformedPolicyDocument", do: func(t *testing.T, c api) error {
			_, err := c.UpdateAssumeRolePolicy(t.Context(), &awsiam.UpdateAssumeRolePolicyInput{RoleName: worker, PolicyDocument: aws.String(readBox)})
			return err
		}},
		{name: "tags", source: page + "TagRole, 2026-11", do: func(t *testing.T, c api) error {
			_, err := c.TagRole(t.Context(), &awsiam.TagRoleInput{RoleName: worker, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}, {Key: aws.String("b"), Value: aws.String("2")}}})
			if err == nil {
				_, err = c.UntagRole(t.Context(), &awsiam.UntagRoleInput{RoleName: worker, TagKeys: []string{"a"}})
			}
			if err != nil {
				return err
			}
			out, err := c.ListRoleTags(t.Context(), &awsiam.ListRoleTagsInput{RoleName: worker})
			if err != nil || len(out.Tags) != 1 || *out.Tags[0].Key != "b" {
				t.Errorf("%+v, %v", out, err)
			}
			return err
		}},
		{name: "a boundary that there is not", source: page + "PutRolePermissionsBoundary, 2026-11", code: "NoSuchEntity", do: func(t *testing.T, c api) error {
			_, err := c.PutRolePermissionsBoundary(t.Context(), &awsiam.PutRolePermissionsBoundaryInput{RoleName: worker, PermissionsBoundary: aws.String("arn:aws:iam::111122223333:policy/none")})
			return err
		}},
		{name: "a boundary that goes again", source: page + "DeleteRolePermissionsBoundary, 2026-11", do: func(t *testing.T, c api) error {
			_, err := c.PutRolePermissionsBoundary(t.Context(), &awsiam.PutRolePermissionsBoundaryInput{RoleName: worker, PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/PowerUserAccess")})
			if role(t, c).PermissionsBoundary == nil {
				t.Error("no boundary")
			}
			if err == nil {
				_, err = c.DeleteRolePermissionsBoundary(t.Context(), &awsiam.DeleteRolePermissionsBoundaryInput{RoleName: worker})
			}
			if role(t, c).PermissionsBoundary != nil {
				t.Error("still a boundary")
			}
			return err
		}},
		{name: "a name that is none", source: page + "CreateRole, 2026-11", code: "ValidationError", do: func(t *testing.T, c api) error {
			_, err := c.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: aws.String("a b"), AssumeRolePolicyDocument: aws.String(trustLambda)})
			return err
		}},
		{name: "policies of AWS and of the account", source: page + "ListPolicies, 2026-11", limit: "of AWS's policies those are listed whose content is known", do: func(t *testing.T, c api) error {
			if _, err := c.CreatePolicy(t.Context(), &awsiam.CreatePolicyInput{PolicyName: aws.String("box"), PolicyDocument: aws.String(readBox)}); err != nil {
				return err
			}
			for scope, want := range map[types.PolicyScopeType]string{types.PolicyScopeTypeLocal: "arn:aws:iam::111122223333:policy/box", types.PolicyScopeTypeAws: "arn:aws:iam::aws:policy/AdministratorAccess"} {
				out, err := c.ListPolicies(t.Context(), &awsiam.ListPoliciesInput{Scope: scope})
				if err != nil || !slices.ContainsFunc(out.Policies, func(p types.Policy) bool { return *p.Arn == want }) {
					t.Errorf("%s: %d policies without %s, %v", scope, len(out.Policies), want, err)
				}
			}
			return nil
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := newAPI(t)
			_, err := a.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: worker, AssumeRolePolicyDocument: aws.String(trustLambda), Description: aws.String("first")})
			if err != nil || *role(t, a).Description != "first" {
				t.Fatal(err)
			}
			err = c.do(t, a)
			if c.code == "" && err != nil {
				t.Fatal(err)
			}
			if c.code != "" {
				wantCode(t, err, c.code)
			}
		})
	}
}
