package iam_test

import (
	"context"
	"strings"
	"testing"
)

// TestRolePolicy: AWS::IAM::RolePolicy gives its role rights, and takes them away.
// Source: AWS CloudFormation Template Reference, AWS::IAM::RolePolicy, 2026-11.
func TestRolePolicy(t *testing.T) {
	f := newFixture(t, nil, 1)
	_, arn := f.role("")
	name := arn[strings.LastIndexByte(arn, '/')+1:]
	s := f.session(arn)
	r, made := f.create("AWS::IAM::RolePolicy", "Own", `{"PolicyName":"p","RoleName":"`+name+`","PolicyDocument":`+allow("ecr:GetAuthorizationToken", "*")+`}`)
	if err := f.may(s, "ecr:GetAuthorizationToken", "*"); err != nil || made.PhysicalID != "p|"+name {
		t.Errorf("%s: %v", made.PhysicalID, err)
	}
	if err := f.Resources()[r.Type].Delete(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	if got := code(f.may(s, "ecr:GetAuthorizationToken", "*")); got != "AccessDeniedException" {
		t.Errorf("after its policy is gone: %s", got)
	}
}
