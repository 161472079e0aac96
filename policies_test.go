package tokendocker

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/jsii-runtime-go"
)

// TestPolicySizes: 120 builders, as many as a stack's 500 resources allow, fit into what IAM takes of a role's
// policies once all names are the longest that they can be (AWS IAM User Guide, "IAM and AWS STS quotas").
func TestPolicySizes(t *testing.T) {
	stack := newStack(t)
	const builders = 120
	for i := range builders {
		newBuilder(stack, fmt.Sprintf("Image%d", i), nil)
	}
	resources, _ := template(t, stack)
	if len(resources) > 500 {
		t.Fatalf("%d builders have %d resources, and CloudFormation takes 500 in a stack", builders, len(resources))
	}

	inline, managed := map[string]int{}, map[string]int{}
	for id, r := range ofType(resources, "AWS::IAM::Role") {
		own, _ := r.Properties["Policies"].([]any)
		for _, p := range own {
			inline[id] += size(t, longest(p.(map[string]any)["PolicyDocument"]))
		}
	}
	entries := 0
	for id, r := range resources {
		if r.Type != "AWS::IAM::Policy" && r.Type != "AWS::IAM::ManagedPolicy" {
			continue
		}
		document := longest(r.Properties["PolicyDocument"])
		entries += strings.Count(fmt.Sprint(document), ":repository/")
		n := size(t, document)
		role := r.Properties["Roles"].([]any)[0].(map[string]any)["Ref"].(string)
		if r.Type == "AWS::IAM::Policy" {
			inline[role] += n
			continue
		}
		managed[role]++
		if n > 6144 {
			t.Errorf("%s has %d characters, and IAM takes 6,144 in a managed policy", id, n)
		}
	}
	for role, n := range inline {
		t.Logf("%s: %d characters inline, %d managed policies", role, n, managed[role])
		if n > 10240 {
			t.Errorf("inline policies of %s have %d characters, and IAM takes 10,240", role, n)
		}
	}
	for role, n := range managed {
		if n > managedPerRole {
			t.Errorf("%s has %d managed policies, and ours are %d at most", role, n, managedPerRole)
		}
	}
	if entries != builders {
		t.Errorf("the function's policies name %d repositories, want %d", entries, builders)
	}
}

func TestTooManyBuilders(t *testing.T) {
	stack := newStack(t)
	p := TokenInjectableDockerBuilderProvider_GetOrCreate(stack, nil)
	for i := range 90 {
		p.RegisterProject(awscodebuild.Project_FromProjectName(stack, jsii.String(fmt.Sprint("P", i)), jsii.String(fmt.Sprint("project-", i))),
			awsecr.Repository_FromRepositoryName(stack, jsii.String(fmt.Sprint("R", i)), jsii.String(fmt.Sprint("image-", i))), nil)
	}
	one(t, synthError(t, stack), "[S/TokenInjectableDockerBuilderProvider] the builders of this stack need 17 managed policies")
}

// longest replaces what only a deploy knows by the longest text that it can be.
func longest(value any) any {
	switch v := value.(type) {
	case []any:
		texts := make([]any, len(v))
		for i := range v {
			texts[i] = longest(v[i])
		}
		return texts
	case map[string]any:
		if ref, ok := v["Ref"].(string); ok {
			return longestRef(ref)
		}
		if get, ok := v["Fn::GetAtt"].([]any); ok {
			return longestARN(get[0].(string))
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			return strings.Join(texts(longest(join[1]).([]any)), join[0].(string))
		}
		if _, ok := v["Fn::Select"]; ok {
			return strings.Repeat("u", 36) // a UUID
		}
		if _, ok := v["Fn::Sub"]; ok {
			return strings.Repeat("b", 63) // a bucket
		}
		fields := map[string]any{}
		for name, field := range v {
			fields[name] = longest(field)
		}
		return fields
	}
	return value
}

func longestRef(id string) string {
	switch {
	case id == "AWS::Partition":
		return "aws-us-gov"
	case id == "AWS::Region":
		return "ap-southeast-1"
	case id == "AWS::AccountId":
		return "123456789012"
	case id == "AWS::URLSuffix":
		return "amazonaws.com.cn"
	case strings.Contains(id, "CodeBuildProject"):
		return "td-01234567-01234567"
	}
	return strings.Repeat("s", 128) + "-" + id + "-ABCDEFGHIJKL" // a generated name
}

func longestARN(id string) string {
	switch {
	case strings.Contains(id, "ECRRepository"):
		return "arn:aws-us-gov:ecr:ap-southeast-1:123456789012:repository/" + longestRef(id)
	case strings.Contains(id, "CodeBuildProject"):
		return "arn:aws-us-gov:codebuild:ap-southeast-1:123456789012:project/" + longestRef(id)
	}
	return "arn:aws-us-gov:lambda:ap-southeast-1:123456789012:function:" + strings.Repeat("f", 64)
}

func texts(values []any) []string {
	var texts []string
	for _, v := range values {
		texts = append(texts, v.(string))
	}
	return texts
}

// size is a policy's size without blanks, as IAM counts it.
func size(t *testing.T, document any) int {
	t.Helper()
	data, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return len(data)
}
