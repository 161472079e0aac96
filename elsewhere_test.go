package tokendocker

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
)

// stackIn makes a stack of one account and a region.
func stackIn(app awscdk.App, id, region string) awscdk.Stack {
	return awscdk.NewStack(app, jsii.String(id), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String("111122223333"), Region: jsii.String(region)},
	})
}

// assembled synthesizes an app and gives its templates and what each stack comes after.
func assembled(t *testing.T, app awscdk.App) (templates map[string]string, after map[string][]string) {
	t.Helper()
	app.Synth(nil)
	folder := *app.AssetOutdir()
	var manifest struct {
		Artifacts map[string]struct {
			Type         string
			Dependencies []string
		}
	}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if err := json.Unmarshal(read("manifest.json"), &manifest); err != nil {
		t.Fatal(err)
	}
	templates, after = map[string]string{}, map[string][]string{}
	for id, a := range manifest.Artifacts {
		if a.Type != "aws:cloudformation:stack" {
			continue
		}
		templates[id] = string(read(id + ".template.json"))
		for _, d := range a.Dependencies {
			if !strings.HasSuffix(d, ".assets") {
				after[id] = append(after[id], d)
			}
		}
	}
	return templates, after
}

func resourcesOf(t *testing.T, text string) map[string]resource {
	t.Helper()
	var parsed struct{ Resources map[string]resource }
	if err := json.Unmarshal([]byte(text), &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed.Resources
}

// use makes everything that can use an image in a stack.
func use(stack awscdk.Stack, b TokenInjectableDockerBuilder) {
	awslambda.NewDockerImageFunction(stack, jsii.String("F"), &awslambda.DockerImageFunctionProps{Code: b.DockerImageCode()})
	awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), nil).
		AddContainer(jsii.String("web"), &awsecs.ContainerDefinitionOptions{Image: b.ContainerImage()})
	for name, value := range map[string]*string{
		"Tag": b.ImageTag(), "Digest": b.ImageDigest(), "Uri": b.ImageUri(), "Name": b.RepositoryName(),
	} {
		awscdk.NewCfnOutput(stack, jsii.String(name), &awscdk.CfnOutputProps{Value: value})
	}
}

// TestStackOfTheSameRegion: another stack reads parameters that the builder's stack makes, and is deployed after it;
// nothing is exported.
func TestStackOfTheSameRegion(t *testing.T) {
	app := newApp(t)
	home, other := awscdk.NewStack(app, jsii.String("Home"), nil), awscdk.NewStack(app, jsii.String("Other"), nil)
	use(other, newBuilder(home, "B", nil))
	templates, after := assembled(t, app)

	if !slices.Equal(after["Other"], []string{"Home"}) || len(after["Home"]) > 0 {
		t.Errorf("stacks come after %v", after)
	}
	if strings.Contains(templates["Home"], `"Export"`) || strings.Contains(templates["Other"], "ImportValue") {
		t.Error("an export ties the stacks together")
	}
	names := map[string]bool{}
	for _, r := range ofType(resourcesOf(t, templates["Home"]), "AWS::SSM::Parameter") {
		names[r.Properties["Name"].(string)] = true
	}
	hash := pathHash("Home/B")
	want := map[string]bool{"/tokendocker/Home/" + hash + "/name": true, "/tokendocker/Home/" + hash + "/tag": true, "/tokendocker/Home/" + hash + "/digest": true}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("published (-want +got):\n%s", diff)
	}
	var reader struct {
		Parameters map[string]struct{ Type, Default string }
	}
	if err := json.Unmarshal([]byte(templates["Other"]), &reader); err != nil {
		t.Fatal(err)
	}
	for _, p := range reader.Parameters {
		if p.Type == "AWS::SSM::Parameter::Value<String>" && !names[p.Default] && !strings.HasPrefix(p.Default, "/cdk-bootstrap/") {
			t.Errorf("the reader wants %s, which nobody publishes", p.Default)
		}
	}
	if strings.Contains(templates["Home"], "Publication") {
		t.Error("the handler publishes what CloudFormation can")
	}
}

// TestStackOfAnotherRegion: the handler publishes there, with permission on the stack's own parameters in that region.
func TestStackOfAnotherRegion(t *testing.T) {
	app := newApp(t)
	home, other := stackIn(app, "Home", "us-east-1"), stackIn(app, "Other", "eu-west-1")
	b := NewTokenInjectableDockerBuilder(home, jsii.String("B"), &TokenInjectableDockerBuilderProps{
		Path: jsii.String(smallContext), ReplicaRegions: jsii.Strings("eu-west-1"),
	})
	use(other, b)
	b.DockerImageCodeFor(other, jsii.String("eu-west-1"))
	b.ContainerImageFor(other, jsii.String("eu-west-1"))
	awscdk.NewCfnOutput(other, jsii.String("RepositoryUri"), &awscdk.CfnOutputProps{Value: b.RepositoryUriFor(jsii.String("eu-west-1"))})
	templates, after := assembled(t, app)

	if !slices.Equal(after["Other"], []string{"Home"}) {
		t.Errorf("stacks come after %v", after)
	}
	resources := resourcesOf(t, templates["Home"])
	_, publication := only(t, resources, "Custom::TokenInjectableDockerPublication")
	said, _ := json.Marshal(publication.Properties["Publication"])
	prefix := "/tokendocker/Home/" + pathHash("Home/B") + "/us-east-1/"
	for _, want := range []string{`"Region":"eu-west-1"`, prefix + "name", prefix + "tag", prefix + "digest"} {
		one(t, string(said), want)
	}
	if !references(publication.Properties, "BBuild94E17964") {
		t.Error("the publication does not wait for the build")
	}
	policyID := ""
	for id, r := range ofType(resources, "AWS::IAM::Policy") {
		if r.Properties["PolicyName"] == "Publication-eu-west-1" {
			policyID = id
			document, _ := json.Marshal(r.Properties["PolicyDocument"])
			one(t, string(document), `:ssm:eu-west-1:111122223333:parameter/tokendocker/Home/*"`)
		}
	}
	if !slices.Contains(publication.DependsOn, policyID) {
		t.Errorf("the publication comes after %v, and not after its policy %s", publication.DependsOn, policyID)
	}
	if strings.Contains(templates["Other"], "us-east-1.amazonaws") || !strings.Contains(templates["Other"], prefix+"tag") {
		t.Error("the reader does not read its own region")
	}
	if strings.Contains(templates["Home"], `"Export"`) || strings.Contains(templates["Home"], "ExportWriter") {
		t.Error("an export ties the stacks together")
	}
}

func TestStacksOutOfReach(t *testing.T) {
	for name, c := range map[string]struct {
		make func(app awscdk.App) (home, other awscdk.Stack)
		want string
	}{
		"region without replica": {func(app awscdk.App) (awscdk.Stack, awscdk.Stack) {
			return stackIn(app, "Home", "us-east-1"), stackIn(app, "Other", "eu-west-1")
		}, `the image is used by stack Other in eu-west-1, and the image is in us-east-1: add "eu-west-1" to ReplicaRegions`},
		"another account": {func(app awscdk.App) (awscdk.Stack, awscdk.Stack) {
			return stackIn(app, "Home", "us-east-1"), awscdk.NewStack(app, jsii.String("Other"), &awscdk.StackProps{
				Env: &awscdk.Environment{Account: jsii.String("444455556666"), Region: jsii.String("us-east-1")},
			})
		}, "the image is used by stack Other in account 444455556666, and the image is in account 111122223333"},
		"one without Env": {func(app awscdk.App) (awscdk.Stack, awscdk.Stack) {
			return stackIn(app, "Home", "us-east-1"), awscdk.NewStack(app, jsii.String("Other"), nil)
		}, "only one of the stacks names its account and region: give both an Env, or neither"},
		"another stage": {func(app awscdk.App) (awscdk.Stack, awscdk.Stack) {
			stage := awscdk.NewStage(app, jsii.String("Prod"), nil)
			return awscdk.NewStack(app, jsii.String("Home"), nil), awscdk.NewStack(stage, jsii.String("Other"), nil)
		}, "which is in another stage and is deployed by itself"},
	} {
		t.Run(name, func(t *testing.T) {
			home, other := c.make(newApp(t))
			awscdk.NewCfnOutput(other, jsii.String("Tag"), &awscdk.CfnOutputProps{Value: newBuilder(home, "B", nil).ImageTag()})
			one(t, synthError(t, home), c.want)
		})
	}
	t.Run("stack that the builder needs", func(t *testing.T) {
		app := newApp(t)
		home, other := awscdk.NewStack(app, jsii.String("Home"), nil), awscdk.NewStack(app, jsii.String("Other"), nil)
		home.AddStackDependency(other, nil)
		awscdk.NewCfnOutput(other, jsii.String("Tag"), &awscdk.CfnOutputProps{Value: newBuilder(home, "B", nil).ImageTag()})
		one(t, synthError(t, home), "the image is used by stack Other, which the builder's stack needs itself")
	})
	t.Run("methods that name a region", func(t *testing.T) {
		app := newApp(t)
		home, other := stackIn(app, "Home", "us-east-1"), stackIn(app, "Other", "eu-west-1")
		b := newBuilder(home, "B", nil)
		b.DockerImageCodeFor(other, jsii.String("eu-west-1"))
		b.ContainerImageFor(other, jsii.String("us-west-2"))
		b.RepositoryUriFor(nil)
		text := synthError(t, home)
		one(t, text, `DockerImageCodeFor is called for an image in eu-west-1, and the image is in us-east-1: add "eu-west-1" to ReplicaRegions`)
		one(t, text, "ContainerImageFor is called for us-west-2 from Other, which is in eu-west-1")
		one(t, text, "RepositoryUriFor is called without a region")
	})
}
