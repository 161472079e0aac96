package catalog_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/catalog"
)

const reference = "Service Authorization Reference, 2026-09"

func TestARNs(t *testing.T) {
	cases := []struct {
		name, source, action string
		vars                 map[string][]string
		want                 []string // none: an error
	}{
		{"one resource", reference, "codebuild:StartBuild", map[string][]string{"ProjectName": {"p"}}, []string{"arn:aws-cn:codebuild:cn-north-1:111122223333:project/p"}},
		{"many resources", reference, "ecr:BatchGetImage", map[string][]string{"RepositoryName": {"a", "b/c"}}, []string{"arn:aws-cn:ecr:cn-north-1:111122223333:repository/a", "arn:aws-cn:ecr:cn-north-1:111122223333:repository/b/c"}},
		{"two variables", reference, "logs:PutLogEvents", map[string][]string{"LogGroupName": {"g"}, "LogStreamName": {"s"}}, []string{"arn:aws-cn:logs:cn-north-1:111122223333:log-group:g:log-stream:s"}},
		{"no resources", reference, "ecr:GetAuthorizationToken", nil, []string{"*"}},
		{"a name is missing", reference, "codebuild:StartBuild", nil, nil},
		{"no such action", reference, "codebuild:StartBuilding", nil, nil},
		{"no such service", reference, "nothing:StartBuild", nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := catalog.ARNs(c.action, "aws-cn", "cn-north-1", "111122223333", c.vars)
			if (err == nil) != (c.want != nil) || cmp.Diff(c.want, got) != "" {
				t.Errorf("got %v, %v, want %v (%s)", got, err, c.want, c.source)
			}
		})
	}
}

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
			if err := catalog.Check(c.action, []string{c.resource}); (err == nil) != c.ok {
				t.Errorf("got %v (%s)", err, c.source)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	keys, err := catalog.ConditionKeys("s3:ListBucket")
	if err != nil || !slices.Contains(keys, "s3:prefix") {
		t.Errorf("s3:ListBucket has %v, %v", keys, err)
	}
	for action, want := range map[string]bool{"ecr:GetAuthorizationToken": false, "lambda:InvokeFunction": true} {
		if got, err := catalog.HasResources(action); err != nil || got != want {
			t.Errorf("%s: %v, %v", action, got, err)
		}
	}
}
