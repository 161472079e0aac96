package tokendocker

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

// TestOverridePattern guards what makes a Go struct a construct for jsii: NewConstruct_Override and a pointer method
// of its own. With an embedded NewConstruct each of these panics.
func TestOverridePattern(t *testing.T) {
	stack := newStack(t)
	b := newBuilder(stack, "B", nil)
	child := awssns.NewTopic(b, jsii.String("Child"), nil) // as a scope
	other := awssns.NewTopic(stack, jsii.String("Other"), nil)
	other.Node().AddDependency(b) // as a dependency
	child.GrantPublish(b)         // as a grantable
	awscdk.Tags_Of(b).Add(jsii.String("team"), jsii.String("web"), nil)
	if found := stack.Node().FindChild(jsii.String("B")); found != b {
		t.Errorf("the tree gives %T, not the builder itself", found)
	}

	resources, _ := template(t, stack)
	_, build := only(t, resources, "Custom::TokenInjectableDockerBuilder")
	var dependent resource
	for id, r := range ofType(resources, "AWS::SNS::Topic") {
		if strings.HasPrefix(id, "Other") {
			dependent = r
		}
	}
	kinds := map[string]bool{}
	for _, id := range dependent.DependsOn {
		kinds[resources[id].Type] = true
	}
	if !kinds["Custom::TokenInjectableDockerBuilder"] {
		t.Errorf("a dependent of the builder does not wait for the build: %v", dependent.DependsOn)
	}
	granted := slices.ContainsFunc(build.DependsOn, func(id string) bool {
		return resources[id].Type == "AWS::IAM::Policy" && strings.Contains(id, "DefaultPolicy")
	})
	if !granted {
		t.Errorf("the build does not wait for what was granted to it: %v", build.DependsOn)
	}
}

// TestResources counts what builders cost, with default properties.
func TestResources(t *testing.T) {
	count := func(builders int) map[string]int {
		stack := newStack(t)
		for i := range builders {
			newBuilder(stack, fmt.Sprintf("B%d", i), nil)
		}
		resources, _ := template(t, stack)
		kinds := map[string]int{}
		for _, r := range resources {
			kinds[r.Type]++
		}
		return kinds
	}
	want := func(builders int) map[string]int {
		return map[string]int{
			"AWS::Lambda::Function": 1, "AWS::StepFunctions::StateMachine": 1, "AWS::Logs::LogGroup": 1,
			"AWS::IAM::Policy": 1, "AWS::IAM::Role": 2 + builders,
			"AWS::ECR::Repository": builders, "AWS::CodeBuild::Project": builders,
			"Custom::TokenInjectableDockerBuilder": builders,
		}
	}
	for _, builders := range []int{1, 10} {
		if diff := cmp.Diff(want(builders), count(builders)); diff != "" {
			t.Errorf("%d builders (-want +got):\n%s", builders, diff)
		}
	}
}

// TestOneImage looks at the resources of one builder and of its stack's provider.
func TestOneImage(t *testing.T) {
	stack := newStack(t)
	b := newBuilder(stack, "B", nil)
	awslambda.NewDockerImageFunction(stack, jsii.String("Consumer"), &awslambda.DockerImageFunctionProps{Code: b.DockerImageCode()})
	resources, text := template(t, stack)

	t.Run("repository", func(t *testing.T) {
		_, r := only(t, resources, "AWS::ECR::Repository")
		if r.DeletionPolicy != "RetainExceptOnCreate" || r.UpdateReplacePolicy != "Retain" || r.Properties["EmptyOnDelete"] != true {
			t.Errorf("a failed first deploy leaves something, or a later one loses something: %+v", r)
		}
		if r.Properties["ImageTagMutability"] != "IMMUTABLE_WITH_EXCLUSION" {
			t.Errorf("tags can move: %v", r.Properties["ImageTagMutability"])
		}
		if policy := fmt.Sprint(r.Properties["RepositoryPolicyText"]); strings.Count(policy, "lambda.amazonaws.com") != 1 || !strings.Contains(policy, "aws:sourceArn") {
			t.Errorf("Lambda's right to pull: %s", policy)
		}
	})
	t.Run("names without references", func(t *testing.T) {
		id, machine := only(t, resources, "AWS::StepFunctions::StateMachine")
		uuid := `{"Fn::Select":[2,{"Fn::Split":["/",{"Ref":"AWS::StackId"}]}]}`
		one(t, text, `"StateMachineName":{"Fn::Join":["",["tokendocker-",`+uuid+`]]}`)
		one(t, text, `"Name":{"Fn::Join":["",["td-",{"Fn::Select":[0,{"Fn::Split":["-",`+uuid+`]}]},"-`+pathHash("S/B")+`"]]}`)
		for other, r := range resources {
			if references(r.Properties, id) {
				t.Errorf("%s refers to the machine, which refers to the function: a cycle", other)
			}
		}
		if strings.Contains(fmt.Sprint(machine.Properties), "IncludeExecutionData") {
			t.Error("the machine logs execution data")
		}
	})
	t.Run("order", func(t *testing.T) {
		_, build := only(t, resources, "Custom::TokenInjectableDockerBuilder")
		for id, r := range resources {
			late := r.Type == "AWS::IAM::Policy" || r.Type == "AWS::StepFunctions::StateMachine" || id == "BCodeBuildProjectRoleC970F8BA"
			if late && !slices.Contains(build.DependsOn, id) {
				t.Errorf("the build does not wait for %s", id)
			}
		}
		if build.Properties["ServiceTimeout"] != "2280" {
			t.Errorf("CloudFormation waits %v seconds, want 30+8 minutes", build.Properties["ServiceTimeout"])
		}
	})
	t.Run("consumer", func(t *testing.T) {
		for _, r := range ofType(resources, "AWS::Lambda::Function") {
			if r.Properties["PackageType"] == "Image" && !references(r.Properties["Code"], "BBuild94E17964") {
				t.Errorf("the function does not wait for the build: %v", r.Properties["Code"])
			}
		}
	})
	t.Run("one wildcard", func(t *testing.T) {
		if n := strings.Count(text, `"Resource":"*"`); n != 1 {
			t.Errorf("%d statements are about every resource, want one: ecr:GetAuthorizationToken", n)
		}
	})
}

// references tells whether a value of a template refers to a resource.
func references(value any, id string) bool {
	switch v := value.(type) {
	case map[string]any:
		if v["Ref"] == id {
			return true
		}
		if get, ok := v["Fn::GetAtt"].([]any); ok && get[0] == id {
			return true
		}
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), func(v any) bool { return references(v, id) })
	case []any:
		return slices.ContainsFunc(v, func(v any) bool { return references(v, id) })
	}
	return false
}

// TestPartitions: ARNs and host names come from the stack's partition. Service principals are called amazonaws.com
// everywhere (AWS China Getting Started, "Amazon Resource Names").
func TestPartitions(t *testing.T) {
	for _, region := range []string{"cn-north-1", "us-gov-west-1"} {
		t.Run(region, func(t *testing.T) {
			stack := awscdk.NewStack(newApp(t), jsii.String("S"), &awscdk.StackProps{
				Env: &awscdk.Environment{Account: jsii.String("111122223333"), Region: jsii.String(region)},
			})
			b := newBuilder(stack, "B", nil)
			awslambda.NewDockerImageFunction(stack, jsii.String("F"), &awslambda.DockerImageFunctionProps{Code: b.DockerImageCode()})
			_, text := template(t, stack)
			if strings.Contains(text, "arn:aws:") || strings.Contains(text, ".amazonaws.com/") {
				t.Error("the template names a partition or a host of its own")
			}
			principals := regexp.MustCompile(`"Service":"[a-z]+\.amazonaws\.com"`).ReplaceAllString(text, "")
			if strings.Contains(principals, "amazonaws.com") {
				t.Error("amazonaws.com stands outside of service principals")
			}
		})
	}
}

func TestConsumers(t *testing.T) {
	t.Run("task definition", func(t *testing.T) {
		stack := newStack(t)
		b := newBuilder(stack, "B", nil)
		task := awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), nil)
		task.AddContainer(jsii.String("web"), &awsecs.ContainerDefinitionOptions{Image: b.ContainerImage()})
		resources, _ := template(t, stack)
		_, r := only(t, resources, "AWS::ECS::TaskDefinition")
		if !references(r.Properties["ContainerDefinitions"], "BBuild94E17964") {
			t.Error("the task definition does not wait for the build")
		}
	})
	t.Run("nested stack", func(t *testing.T) {
		stack := newStack(t)
		b := newBuilder(stack, "B", nil)
		nested := awscdk.NewNestedStack(stack, jsii.String("N"), nil)
		awslambda.NewDockerImageFunction(nested, jsii.String("F"), &awslambda.DockerImageFunctionProps{Code: b.DockerImageCode()})
		resources, _ := template(t, stack)
		_, r := only(t, resources, "AWS::CloudFormation::Stack")
		if !references(r.Properties["Parameters"], "BBuild94E17964") {
			t.Error("the nested stack does not get the tag as a parameter")
		}
	})
}

func TestProvider(t *testing.T) {
	t.Run("one for each stack", func(t *testing.T) {
		stack := newStack(t)
		first := TokenInjectableDockerBuilderProvider_GetOrCreate(stack, nil)
		inner := newBuilder(stack, "B", nil)
		if again := TokenInjectableDockerBuilderProvider_GetOrCreate(inner, nil); again != first {
			t.Error("the same stack has two providers")
		}
		nested := awscdk.NewNestedStack(stack, jsii.String("N"), nil)
		if other := TokenInjectableDockerBuilderProvider_GetOrCreate(nested, nil); other == first {
			t.Error("a nested stack has its parent's provider")
		}
	})
	t.Run("interval after the builder", func(t *testing.T) {
		stack := newStack(t)
		newBuilder(stack, "B", nil)
		TokenInjectableDockerBuilderProvider_GetOrCreate(stack, &TokenInjectableDockerBuilderProviderProps{
			QueryInterval: awscdk.Duration_Seconds(jsii.Number(15)),
		})
		_, text := template(t, stack)
		one(t, text, `"QueryInterval":"15"`)
	})
	t.Run("foreign project", func(t *testing.T) {
		stack := newStack(t)
		TokenInjectableDockerBuilderProvider_GetOrCreate(stack, nil).RegisterProject(
			awscodebuild.Project_FromProjectName(stack, jsii.String("P"), jsii.String("mine")),
			awsecr.Repository_FromRepositoryName(stack, jsii.String("R"), jsii.String("images")), nil)
		_, text := template(t, stack)
		if n := strings.Count(text, ":project/mine"); n != 2 {
			t.Errorf("%d policies name the project, want the function's and the machine's", n)
		}
		one(t, text, ":repository/images")
		one(t, text, ":log-group:/aws/codebuild/mine:log-stream:*")
	})
}
