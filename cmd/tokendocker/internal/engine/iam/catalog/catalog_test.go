package catalog_test

import (
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/catalog"
)

const reference = "Service Authorization Reference, 2026-09"

func TestCheck(t *testing.T) {
	cases := []struct {
		name, source, action, resource string
		ok                             bool
	}{
		{"object", reference, "s3:GetObject", "arn:aws:s3:::box/a/b", true},
		{"bucket for an object", reference, "s3:GetObject", "arn:aws:codebuild:r:1:project/p", false},
		{"another service's ARN", reference, "ecr:PutImage", "arn:aws:s3:::box", false},
		{"resource where there is none", reference, "ecr:GetAuthorizationToken", "arn:aws:ecr:r:1:repository/a", false},
		{"star where there is none", reference, "ecr:GetAuthorizationToken", "*", true},
		{"star where a resource is required", reference, "codebuild:StartBuild", "*", false},
		{"no such action", reference, "s3:HeadObject", "arn:aws:s3:::box/a", false},
		{"a service that is not in the catalog", reference, "xray:PutTraceSegments", "*", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := catalog.Check(c.action, []string{c.resource}, nil); (err == nil) != c.ok {
				t.Errorf("got %v (%s)", err, c.source)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	cases := []struct {
		name, source, action, key string
		ok                        bool
	}{
		{"of the action", reference, "s3:ListBucket", "s3:prefix", true},
		{"of another action", reference, "s3:GetObject", "s3:prefix", false},
		{"tag of the resource", reference, "ecr:PutImage", "ecr:ResourceTag/team", true},
		{"tag of the request", reference, "ecr:CreateRepository", "aws:RequestTag/team", true},
		{"tag of the request where there is none", reference, "ecr:PutImage", "aws:RequestTag/team", false},
		{"of every action", reference, "s3:GetObject", "aws:SourceIp", true},
		{"of another service", reference, "s3:GetObject", "kms:ViaService", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := catalog.Check(c.action, nil, []string{c.key}); (err == nil) != c.ok {
				t.Errorf("got %v (%s)", err, c.source)
			}
		})
	}
}
