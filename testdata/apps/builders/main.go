// Command builders is the CDK app of the end-to-end tests: it reads case.json in its working directory, so that one
// compiled app serves every test.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

// app is case.json.
type app struct {
	Stack    string
	Builders []builder
	// Broken adds a resource that fails once the builders are done (After) or while they run.
	Broken *broken
}

type builder struct {
	ID       string
	Path     string
	File     string
	Exclude  []string
	Platform string
	Minutes  float64
	Extra    string
	Args     map[string]argument
	Lambda   bool // a Lambda function uses the image
	ECS      bool // a task definition uses the image
}

// argument is a literal, or the name of a topic whose generated name is the value: what only a deploy knows.
type argument struct {
	Literal *string
	Topic   string
}

type broken struct {
	ServiceToken string
	After        string // id of a builder
}

func main() {
	defer jsii.Close()
	raw, err := os.ReadFile("case.json")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var a app
	if err := json.Unmarshal(raw, &a); err != nil {
		fmt.Fprintln(os.Stderr, "case.json:", err)
		os.Exit(1)
	}
	cdk := awscdk.NewApp(nil)
	a.stack(cdk)
	cdk.Synth(nil)
}

func (a app) stack(scope constructs.Construct) {
	stack := awscdk.NewStack(scope, jsii.String(a.Stack), nil)
	topics := map[string]awssns.CfnTopic{}
	built := map[string]tokendocker.TokenInjectableDockerBuilder{}
	for _, b := range a.Builders {
		built[b.ID] = b.add(stack, topics)
	}
	if a.Broken != nil {
		resource := awscdk.NewCfnCustomResource(stack, jsii.String("Broken"), &awscdk.CfnCustomResourceProps{
			ServiceToken: jsii.String(a.Broken.ServiceToken),
		})
		if a.Broken.After != "" {
			resource.Node().AddDependency(built[a.Broken.After])
		}
	}
}

func (b builder) add(stack awscdk.Stack, topics map[string]awssns.CfnTopic) tokendocker.TokenInjectableDockerBuilder {
	props := &tokendocker.TokenInjectableDockerBuilderProps{Path: jsii.String(b.Path)}
	if b.File != "" {
		props.File = jsii.String(b.File)
	}
	if b.Exclude != nil {
		props.Exclude = jsii.Strings(b.Exclude...)
	}
	if b.Platform != "" {
		props.Platform = jsii.String(b.Platform)
	}
	if b.Minutes > 0 {
		props.BuildTimeout = awscdk.Duration_Minutes(jsii.Number(b.Minutes))
	}
	if b.Extra != "" {
		props.ExtraHash = jsii.String(b.Extra)
	}
	args := map[string]*string{}
	names := make([]string, 0, len(b.Args))
	for name := range b.Args {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		args[name] = b.Args[name].value(stack, topics)
	}
	props.BuildArgs = &args
	made := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String(b.ID), props)
	if b.Lambda {
		awslambda.NewDockerImageFunction(stack, jsii.String(b.ID+"Function"), &awslambda.DockerImageFunctionProps{
			Code: made.DockerImageCode(),
		})
	}
	if b.ECS {
		awsecs.NewFargateTaskDefinition(stack, jsii.String(b.ID+"Task"), nil).
			AddContainer(jsii.String("main"), &awsecs.ContainerDefinitionOptions{Image: made.ContainerImage()})
	}
	return made
}

func (a argument) value(stack awscdk.Stack, topics map[string]awssns.CfnTopic) *string {
	if a.Topic == "" {
		return a.Literal
	}
	if topics[a.Topic] == nil {
		topics[a.Topic] = awssns.NewCfnTopic(stack, jsii.String(a.Topic), nil)
	}
	return topics[a.Topic].AttrTopicName()
}
