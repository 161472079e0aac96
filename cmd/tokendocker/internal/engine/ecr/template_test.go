package ecr_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// TestTemplates is the marked case table of what CreateRepositoryCreationTemplate takes.
func TestTemplates(t *testing.T) {
	const page = "ECR API Reference, CreateRepositoryCreationTemplate, 2026-11"
	caches := []types.RCTAppliedFor{types.RCTAppliedForPullThroughCache}
	cases := []struct {
		name, source, limit string
		in                  client.CreateRepositoryCreationTemplateInput
		want                string
	}{
		{name: "prefix", source: page, in: client.CreateRepositoryCreationTemplateInput{Prefix: aws.String("hub"), AppliedFor: caches}},
		{name: "everything", source: page, in: client.CreateRepositoryCreationTemplateInput{Prefix: aws.String("ROOT"), AppliedFor: caches}},
		{name: "no prefix of a name", source: page, in: client.CreateRepositoryCreationTemplateInput{Prefix: aws.String("Hub"), AppliedFor: caches}, want: "InvalidParameterException: Invalid parameter at 'prefix'"},
		{name: "for nothing", source: page, in: client.CreateRepositoryCreationTemplateInput{Prefix: aws.String("hub"), AppliedFor: []types.RCTAppliedFor{}}, want: "InvalidParameterException: Invalid parameter at 'appliedFor'"},
		{name: "for something else", source: page, in: client.CreateRepositoryCreationTemplateInput{Prefix: aws.String("hub"), AppliedFor: []types.RCTAppliedFor{"FUN"}}, want: "InvalidParameterException: Invalid parameter at 'appliedFor'"},
		{name: "tags need a role", source: page, limit: "the message's words are ours", in: client.CreateRepositoryCreationTemplateInput{Prefix: aws.String("hub"), AppliedFor: caches, ResourceTags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}}, want: "InvalidParameterException: Invalid parameter at 'customRoleArn'"},
		{name: "mutability", source: page, in: client.CreateRepositoryCreationTemplateInput{Prefix: aws.String("hub"), AppliedFor: caches, ImageTagMutability: "SOLID"}, want: "InvalidParameterException: Invalid parameter at 'imageTagMutability'"},
		{name: "the prefix is taken", source: page, in: client.CreateRepositoryCreationTemplateInput{Prefix: aws.String("taken"), AppliedFor: caches}, want: "TemplateAlreadyExistsException: "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			ok(w.CreateRepositoryCreationTemplate(t.Context(), &client.CreateRepositoryCreationTemplateInput{Prefix: aws.String("taken"), AppliedFor: caches}))
			_, err := w.CreateRepositoryCreationTemplate(t.Context(), &c.in)
			if got := code(err); got != c.want && (c.want == "" || !strings.HasPrefix(got, c.want)) {
				t.Errorf("got %q, want %q (%s)", got, c.want, c.source)
			}
		})
	}
}

// TestRegistryResources: the resource types that belong to a registry, and what the template of the longest prefix gives a
// repository that a pull makes.
// Source: AWS CloudFormation Template Reference, AWS::ECR::RepositoryCreationTemplate, AWS::ECR::PullThroughCacheRule and
// AWS::ECR::RegistryPolicy (read 2026-11-21).
func TestRegistryResources(t *testing.T) {
	ctx, w := t.Context(), cached(t, "{}")
	front := doortest.New(t, 1)
	w.room.Caller = front.Door
	kinds := w.room.Resources()
	create := func(kind string, properties map[string]any) resource.Result {
		t.Helper()
		made, err := kinds[kind].Create(ctx, request("", properties, nil))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := kinds[kind].Create(ctx, request("", properties, nil)); err == nil || again.PhysicalID != "" {
			t.Errorf("%s was made twice, or would be deleted by the roll-back: %v %v", kind, again, err)
		}
		return made
	}
	rule := create("AWS::ECR::PullThroughCacheRule", map[string]any{"EcrRepositoryPrefix": "quay", "UpstreamRegistryUrl": quayURL})
	general := create("AWS::ECR::RepositoryCreationTemplate", map[string]any{"Prefix": "ROOT", "AppliedFor": []any{"PULL_THROUGH_CACHE"}, "ImageTagMutability": "IMMUTABLE"})
	create("AWS::ECR::RepositoryCreationTemplate", map[string]any{"Prefix": "quay/mine", "AppliedFor": []any{"REPLICATION"}})
	own := create("AWS::ECR::RepositoryCreationTemplate", map[string]any{"Prefix": "quay/team", "AppliedFor": []any{"REPLICATION", "PULL_THROUGH_CACHE"},
		"RepositoryPolicy": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}`, "CustomRoleArn": "arn:aws:iam::111122223333:role/Template",
		"ResourceTags": []any{map[string]any{"Key": "cached", "Value": "yes"}}})
	if rule.PhysicalID != "quay" || general.PhysicalID != "ROOT" || own.Attributes["CreatedAt"] == "" {
		t.Errorf("%+v %+v %+v", rule, general, own)
	}
	const arn = "arn:aws:ecr:eu-west-1:111122223333:repository/"
	for _, name := range []string{"quay/mine/a", "quay/team/a"} {
		if err := w.room.Import(ctx, front.Operator, arn+name, "1"); err != nil {
			t.Fatal(err)
		}
	}
	made := ok(w.DescribeRepositories(ctx, &client.DescribeRepositoriesInput{RepositoryNames: []string{"quay/mine/a", "quay/team/a"}})).Repositories
	if made[0].ImageTagMutability != "IMMUTABLE" || made[1].ImageTagMutability != "MUTABLE" || w.room.ResourcePolicy(arn+"quay/mine/a") != nil || w.room.ResourcePolicy(arn+"quay/team/a") == nil {
		t.Errorf("%+v", made)
	}
	if tags := ok(w.ListTagsForResource(ctx, &client.ListTagsForResourceInput{ResourceArn: aws.String(arn + "quay/team/a")})).Tags; len(tags) != 1 || *tags[0].Key != "cached" {
		t.Errorf("tags %+v", tags)
	}

	policy := func(action string) map[string]any {
		return map[string]any{"PolicyText": map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect": "Allow", "Principal": map[string]any{"AWS": "arn:aws:iam::111122223333:root"}, "Action": action, "Resource": "*"}}}}
	}
	if got := create("AWS::ECR::RegistryPolicy", policy("ecr:ReplicateImage")); got.Attributes["RegistryId"] != "111122223333" {
		t.Errorf("%+v", got)
	}
	if _, err := kinds["AWS::ECR::RegistryPolicy"].Update(ctx, request("111122223333", policy("ecr:CreateRepository"), nil)); err != nil {
		t.Error(err)
	}
	if text := *ok(w.GetRegistryPolicy(ctx, &client.GetRegistryPolicyInput{})).PolicyText; !strings.Contains(text, "ecr:CreateRepository") {
		t.Errorf("policy %s", text)
	}
	if _, err := w.PutRegistryPolicy(ctx, &client.PutRegistryPolicyInput{PolicyText: aws.String("{}")}); !strings.HasPrefix(code(err), "InvalidParameterException: ") {
		t.Errorf("no policy: %v", err)
	}

	if _, err := kinds["AWS::ECR::RepositoryCreationTemplate"].Update(ctx, request("ROOT", map[string]any{"Prefix": "ROOT", "AppliedFor": []any{"REPLICATION"}}, nil)); err != nil {
		t.Error(err)
	}
	all := ok(w.DescribeRepositoryCreationTemplates(ctx, &client.DescribeRepositoryCreationTemplatesInput{})).RepositoryCreationTemplates
	if i := slices.IndexFunc(all, func(found types.RepositoryCreationTemplate) bool { return *found.Prefix == "ROOT" }); len(all) != 3 || i < 0 || all[i].AppliedFor[0] != "REPLICATION" || all[i].ImageTagMutability != "" {
		t.Errorf("%+v", all)
	}
	for kind, id := range map[string]string{"AWS::ECR::RegistryPolicy": "111122223333", "AWS::ECR::RepositoryCreationTemplate": "ROOT", "AWS::ECR::PullThroughCacheRule": "quay"} {
		for range 2 { // the second time it is gone already
			if err := kinds[kind].Delete(ctx, request(id, nil, nil)); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
	if _, err := w.GetRegistryPolicy(ctx, &client.GetRegistryPolicyInput{}); !strings.HasPrefix(code(err), "RegistryPolicyNotFoundException: ") {
		t.Errorf("the policy stays: %v", err)
	}
	if n := len(ok(w.DescribePullThroughCacheRules(ctx, &client.DescribePullThroughCacheRulesInput{})).PullThroughCacheRules); n != 0 {
		t.Errorf("%d rules stay", n)
	}
}
