package ecr_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

func request(physical string, properties, old map[string]any) resource.Request {
	return resource.Request{
		Stack: resource.Stack{ID: "arn:stack", Name: "MyApp", Account: "111122223333", Region: "eu-west-1", Partition: "aws"},
		Type:  "AWS::ECR::Repository", LogicalID: "Repo1", PhysicalID: physical, Properties: properties, Old: old, Token: "op1",
	}
}

func TestProvider(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	p := w.room.Resources()["AWS::ECR::Repository"]
	properties := map[string]any{
		"ImageTagMutability":                 "IMMUTABLE_WITH_EXCLUSION",
		"ImageTagMutabilityExclusionFilters": []any{map[string]any{"ImageTagMutabilityExclusionFilterType": "WILDCARD", "ImageTagMutabilityExclusionFilterValue": "cache*"}},
		"ImageScanningConfiguration":         map[string]any{"ScanOnPush": "true"},
		"LifecyclePolicy":                    map[string]any{"LifecyclePolicyText": `{"rules":[{"rulePriority":1,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":30},"action":{"type":"expire"}}]}`},
		"RepositoryPolicyText":               map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Principal": map[string]any{"Service": "lambda.amazonaws.com"}, "Action": "ecr:BatchGetImage"}}},
		"Tags":                               []any{map[string]any{"Key": "k", "Value": "v"}},
		"EmptyOnDelete":                      true,
	}
	got, err := p.Create(ctx, request("", properties, nil))
	if err != nil {
		t.Fatal(err)
	}
	name := got.PhysicalID
	if !strings.HasPrefix(name, "myapp-repo1-") || got.Attributes["Arn"] != "arn:aws:ecr:eu-west-1:111122223333:repository/"+name ||
		got.Attributes["RepositoryUri"] != "111122223333.dkr.ecr.eu-west-1.amazonaws.com/"+name {
		t.Errorf("%+v", got)
	}
	r := ok(w.DescribeRepositories(ctx, &client.DescribeRepositoriesInput{RepositoryNames: []string{name}})).Repositories[0]
	if r.ImageTagMutability != types.ImageTagMutabilityImmutableWithExclusion || *r.ImageTagMutabilityExclusionFilters[0].Filter != "cache*" || !r.ImageScanningConfiguration.ScanOnPush {
		t.Errorf("%+v", r)
	}
	if policy := string(w.room.ResourcePolicy(*r.RepositoryArn)); !strings.Contains(policy, "lambda.amazonaws.com") {
		t.Errorf("policy %q", policy)
	}
	if n := len(ok(w.ListTagsForResource(ctx, &client.ListTagsForResourceInput{ResourceArn: r.RepositoryArn})).Tags); n != 1 {
		t.Errorf("%d tags", n)
	}
	changed := maps.Clone(properties)
	delete(changed, "RepositoryPolicyText")
	delete(changed, "EmptyOnDelete")
	if again, err := p.Update(ctx, request(name, changed, properties)); err != nil || again.PhysicalID != name || w.room.ResourcePolicy(*r.RepositoryArn) != nil {
		t.Errorf("%+v %v", again, err)
	}
	named := maps.Clone(changed)
	named["RepositoryName"] = "other"
	if other, err := p.Update(ctx, request(name, named, changed)); err != nil || other.PhysicalID != "other" {
		t.Errorf("another name: %+v %v", other, err)
	}
	if _, err := w.put(name, "v1", "a"); err != nil {
		t.Fatal(err)
	}
	if err := p.Delete(ctx, request(name, changed, nil)); err == nil || !strings.Contains(err.Error(), "still contains images") {
		t.Errorf("a repository with images went: %v", err)
	}
	for range 2 { // the second time it is gone already
		if err := p.Delete(ctx, request(name, properties, nil)); err != nil {
			t.Error(err)
		}
	}
}

func TestProviderRefusals(t *testing.T) {
	cases := []struct {
		name, source string
		properties   map[string]any
		want         string
	}{
		{"unknown property", "CloudFormation Template Reference, AWS::ECR::Repository", map[string]any{"Colour": "red"}, "#: extraneous key [Colour] is not permitted"},
		{"bad lifecycle", "ECR User Guide, lifecycle policy properties", map[string]any{"LifecyclePolicy": map[string]any{"LifecyclePolicyText": "x"}}, "Lifecycle policy validation failure: string is not valid JSON"},
		{"bad mutability", "ECR API Reference, PutImageTagMutability", map[string]any{"ImageTagMutability": "SOLID"}, "must satisfy enum value set"},
		{"bad policy", "ECR API Reference, SetRepositoryPolicy", map[string]any{"RepositoryPolicyText": "x"}, "Invalid repository policy provided"},
	}
	w := newWorld(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := w.room.Resources()["AWS::ECR::Repository"].Create(t.Context(), request("", c.properties, nil)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if n := len(ok(w.DescribeRepositories(t.Context(), &client.DescribeRepositoriesInput{MaxResults: aws.Int32(9)})).Repositories); n != 0 {
		t.Errorf("%d repositories stay", n)
	}
}
