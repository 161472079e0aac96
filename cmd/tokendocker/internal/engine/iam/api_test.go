package iam_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// api is IAM behind a door.
type api struct {
	*awsiam.Client
	front *doortest.Front
}

func newAPI(t *testing.T) api {
	t.Helper()
	front := doortest.New(t, 1)
	room, err := iam.New(iam.Options{Account: doortest.Account, Partition: doortest.Partition, Clock: front.Clock, Sessions: front.Sessions,
		Store: doortest.Store(t), Switches: &switches.Switches{}})
	if err != nil {
		t.Fatal(err)
	}
	front.Register(room)
	return api{awsiam.NewFromConfig(front.Config(front.Operator)), front}
}

const readBox = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::box/*"}]}`

// TestAPI makes a role with policies, looks at it, and takes it apart again.
func TestAPI(t *testing.T) {
	c, ctx := newAPI(t), t.Context()
	good := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	made, err := c.CreatePolicy(ctx, &awsiam.CreatePolicyInput{PolicyName: aws.String("box"), PolicyDocument: aws.String(readBox), Path: aws.String("/team/")})
	good("create policy", err)
	arn := made.Policy.Arn
	if *arn != "arn:aws:iam::111122223333:policy/team/box" || *made.Policy.Path != "/team/" {
		t.Errorf("the policy is %+v", made.Policy)
	}
	role, err := c.CreateRole(ctx, &awsiam.CreateRoleInput{RoleName: aws.String("reader"), AssumeRolePolicyDocument: aws.String(trustLambda),
		PermissionsBoundary: arn, MaxSessionDuration: aws.Int32(7200), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	good("create role", err)
	if *role.Role.Arn != "arn:aws:iam::111122223333:role/reader" || *role.Role.MaxSessionDuration != 7200 ||
		*role.Role.PermissionsBoundary.PermissionsBoundaryArn != *arn || *role.Role.Tags[0].Value != "v" {
		t.Errorf("the role is %+v", role.Role)
	}
	if text, err := url.PathUnescape(*role.Role.AssumeRolePolicyDocument); err != nil || text != trustLambda {
		t.Errorf("its trust policy is %s (%v)", text, err)
	}
	_, err = c.AttachRolePolicy(ctx, &awsiam.AttachRolePolicyInput{RoleName: aws.String("reader"), PolicyArn: arn})
	good("attach", err)
	_, err = c.PutRolePolicy(ctx, &awsiam.PutRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("own"), PolicyDocument: aws.String(readBox)})
	good("put", err)
	attached, err := c.ListAttachedRolePolicies(ctx, &awsiam.ListAttachedRolePoliciesInput{RoleName: aws.String("reader")})
	good("list attached", err)
	own, err := c.ListRolePolicies(ctx, &awsiam.ListRolePoliciesInput{RoleName: aws.String("reader")})
	good("list own", err)
	if len(attached.AttachedPolicies) != 1 || *attached.AttachedPolicies[0].PolicyName != "box" || len(own.PolicyNames) != 1 || own.PolicyNames[0] != "own" {
		t.Errorf("the role has %+v and %v", attached.AttachedPolicies, own.PolicyNames)
	}
	text, err := c.GetRolePolicy(ctx, &awsiam.GetRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("own")})
	good("get own", err)
	version, err := c.GetPolicyVersion(ctx, &awsiam.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")})
	good("get version", err)
	if *text.PolicyDocument != url.PathEscape(readBox) && *text.PolicyDocument != *version.PolicyVersion.Document {
		t.Errorf("the documents are %s and %s", *text.PolicyDocument, *version.PolicyVersion.Document)
	}
	if got, err := c.GetPolicy(ctx, &awsiam.GetPolicyInput{PolicyArn: arn}); err != nil || *got.Policy.AttachmentCount != 1 {
		t.Errorf("the policy is %+v (%v)", got, err)
	}
	if all, err := c.ListRoles(ctx, &awsiam.ListRolesInput{}); err != nil || len(all.Roles) != 1 {
		t.Errorf("the roles are %+v (%v)", all, err)
	}
	_, err = c.DeleteRole(ctx, &awsiam.DeleteRoleInput{RoleName: aws.String("reader")})
	wantCode(t, err, "DeleteConflict")
	_, err = c.DetachRolePolicy(ctx, &awsiam.DetachRolePolicyInput{RoleName: aws.String("reader"), PolicyArn: arn})
	good("detach", err)
	_, err = c.DeleteRolePolicy(ctx, &awsiam.DeleteRolePolicyInput{RoleName: aws.String("reader"), PolicyName: aws.String("own")})
	good("delete own", err)
	_, err = c.DeleteRole(ctx, &awsiam.DeleteRoleInput{RoleName: aws.String("reader")})
	good("delete role", err)
	_, err = c.DeletePolicy(ctx, &awsiam.DeletePolicyInput{PolicyArn: arn})
	good("delete policy", err)
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var refused smithy.APIError
	if !errors.As(err, &refused) || refused.ErrorCode() != code {
		t.Errorf("%v, want %s", err, code)
	}
}

// TestAPIRefuses are calls that are refused.
func TestAPIRefuses(t *testing.T) {
	cases := []struct {
		name, source, limit string
		call                func(c api) error
		want                string
	}{
		{name: "no such role", source: "IAM API Reference, GetRole, 2026-11", want: "NoSuchEntity", call: func(c api) error {
			_, err := c.GetRole(t.Context(), &awsiam.GetRoleInput{RoleName: aws.String("no")})
			return err
		}},
		{name: "no such policy", source: "IAM API Reference, GetPolicy, 2026-11", want: "NoSuchEntity", call: func(c api) error {
			_, err := c.GetPolicy(t.Context(), &awsiam.GetPolicyInput{PolicyArn: aws.String("arn:aws:iam::111122223333:policy/no")})
			return err
		}},
		{name: "role exists", source: "IAM API Reference, CreateRole, 2026-11", want: "EntityAlreadyExists", call: func(c api) error {
			in := &awsiam.CreateRoleInput{RoleName: aws.String("twice"), AssumeRolePolicyDocument: aws.String(trustLambda)}
			_, err := c.CreateRole(t.Context(), in)
			if err != nil {
				return err
			}
			_, err = c.CreateRole(t.Context(), in)
			return err
		}},
		{name: "malformed policy", source: "IAM API Reference, CreatePolicy, 2026-11", want: "MalformedPolicyDocument", call: func(c api) error {
			_, err := c.CreatePolicy(t.Context(), &awsiam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(`{}`)})
			return err
		}},
		{name: "policy that is not attached", source: "IAM API Reference, DetachRolePolicy, 2026-11", want: "NoSuchEntity", call: func(c api) error {
			_, err := c.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(trustLambda)})
			if err != nil {
				return err
			}
			_, err = c.DetachRolePolicy(t.Context(), &awsiam.DetachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")})
			return err
		}},
		{name: "without the permission", source: "Service Authorization Reference, IAM, 2026-11", want: "AccessDenied", call: func(c api) error {
			c.Client = awsiam.NewFromConfig(c.front.Config(c.front.Role("some", readBox)))
			_, err := c.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(trustLambda)})
			return err
		}},
		{name: "users, groups and instance profiles by API", source: "IAM API Reference, Actions, 2026-11", limit: "roles and managed policies are served, a policy in one version",
			want: "InvalidAction", call: func(c api) error {
				_, err := c.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: aws.String("u")})
				return err
			}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { wantCode(t, c.call(newAPI(t)), c.want) })
	}
}
