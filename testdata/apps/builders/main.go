// Command builders is the CDK app of the end-to-end tests: it reads case.json in its working directory, so that one
// compiled app serves every test.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

// app is case.json.
type app struct {
	Stack    string
	Account  string // with Region: of the stacks; empty means whatever the command says
	Region   string
	Builders []builder
	Readers  []reader
	// Caches are prefixes of pull-through cache rules for Docker Hub.
	Caches []string
	// Abroad is another account that has the image of the first builder.
	Abroad string
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

	Extras        []string // StageExtra
	Install       []string
	PreBuild      []string
	Environment   map[string]argument
	Login         *login
	Prefixes      []string
	Replicas      []string
	Buildkit      string
	BuildImage    string // id of an image of CodeBuild's own
	CacheDisabled bool
	Encrypted     bool
	RetainLogs    bool
	OwnLogs       bool // a log group of the stack's
	Network       *network
	Removal       string
	Query         float64
	Recorded      bool // executions are encrypted, logged and traced
}

// network is a VPC of the stack's that the builds run in: in private subnets with a NAT gateway and a security group of
// the stack's, or in isolated ones with endpoints of these services.
type network struct {
	Isolated  bool
	Endpoints []string
}

// login is a docker login: with a secret of the stack's, or with one that is there already.
type login struct {
	Registry string
	ARN      string // empty: a secret of the stack's, with a key of its own
}

// reader is another stack that uses the images of all builders.
type reader struct {
	Stack, Region string
	Lambda        bool
	Outputs       bool
}

// argument is a literal, or what only a deploy knows: the generated name of a topic, or where an image of the account's
// own registry is.
type argument struct {
	Literal *string
	Topic   string
	Image   string // "docker-hub/library/busybox:1"
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
	stack := awscdk.NewStack(scope, jsii.String(a.Stack), a.place(a.Region))
	topics := map[string]awssns.CfnTopic{}
	built := map[string]tokendocker.TokenInjectableDockerBuilder{}
	for _, b := range a.Builders {
		built[b.ID] = b.add(stack, topics)
	}
	a.caches(stack, built)
	for _, r := range a.Readers {
		r.add(awscdk.NewStack(scope, jsii.String(r.Stack), a.place(r.Region)), a.Builders, built)
	}
	if a.Abroad != "" {
		a.abroad(scope, stack, built[a.Builders[0].ID])
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

// caches makes the pull-through cache rules, each with a secret of the stack's, before any builder builds.
func (a app) caches(stack awscdk.Stack, built map[string]tokendocker.TokenInjectableDockerBuilder) {
	for _, prefix := range a.Caches {
		secret := awssecretsmanager.NewSecret(stack, jsii.String(prefix+"Secret"), &awssecretsmanager.SecretProps{
			SecretName: jsii.String("ecr-pullthroughcache/" + prefix),
			GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
				SecretStringTemplate: jsii.String(`{"username":"robot"}`), GenerateStringKey: jsii.String("accessToken"),
			},
		})
		rule := awsecr.NewCfnPullThroughCacheRule(stack, jsii.String(prefix+"Cache"), &awsecr.CfnPullThroughCacheRuleProps{
			EcrRepositoryPrefix: jsii.String(prefix), UpstreamRegistryUrl: jsii.String("registry-1.docker.io"), CredentialArn: secret.SecretArn(),
		})
		for _, b := range a.Builders {
			built[b.ID].Node().AddDependency(rule)
		}
	}
}

// place is the environment of a stack in a region.
func (a app) place(region string) *awscdk.StackProps {
	if a.Account == "" {
		return nil
	}
	return &awscdk.StackProps{Env: &awscdk.Environment{Account: jsii.String(a.Account), Region: jsii.String(region)}}
}

// add uses the images in another stack.
func (r reader) add(stack awscdk.Stack, builders []builder, built map[string]tokendocker.TokenInjectableDockerBuilder) {
	for _, b := range builders {
		image := built[b.ID]
		if r.Lambda {
			awslambda.NewDockerImageFunction(stack, jsii.String(b.ID+"Function"), &awslambda.DockerImageFunctionProps{Code: image.DockerImageCode()})
		}
		if r.Outputs {
			for name, value := range map[string]*string{"Tag": image.ImageTag(), "Uri": image.ImageUri()} {
				awscdk.NewCfnOutput(stack, jsii.String(b.ID+name), &awscdk.CfnOutputProps{Value: value})
			}
		}
	}
}

func (b builder) add(stack awscdk.Stack, topics map[string]awssns.CfnTopic) tokendocker.TokenInjectableDockerBuilder {
	props := &tokendocker.TokenInjectableDockerBuilderProps{
		Path:                        jsii.String(b.Path),
		File:                        text(b.File),
		Exclude:                     list(b.Exclude),
		StageExtra:                  list(b.Extras),
		Platform:                    text(b.Platform),
		ExtraHash:                   text(b.Extra),
		BuildArgs:                   values(b.Args, stack, topics),
		InstallCommands:             list(b.Install),
		PreBuildCommands:            list(b.PreBuild),
		CommandEnvironment:          values(b.Environment, stack, topics),
		EcrPullThroughCachePrefixes: list(b.Prefixes),
		ReplicaRegions:              list(b.Replicas),
		BuildkitImage:               text(b.Buildkit),
		CacheDisabled:               jsii.Bool(b.CacheDisabled),
		KmsEncryption:               jsii.Bool(b.Encrypted),
		RetainBuildLogs:             jsii.Bool(b.RetainLogs),
		RemovalPolicy:               awscdk.RemovalPolicy(b.Removal),
	}
	b.more(stack, props)
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

// more sets the properties that need constructs of their own.
func (b builder) more(stack awscdk.Stack, props *tokendocker.TokenInjectableDockerBuilderProps) {
	if b.Minutes > 0 {
		props.BuildTimeout = awscdk.Duration_Minutes(jsii.Number(b.Minutes))
	}
	if b.BuildImage != "" {
		props.BuildImage = awscodebuild.LinuxBuildImage_FromCodeBuildImageId(jsii.String(b.BuildImage))
	}
	if b.OwnLogs {
		props.BuildLogGroup = awslogs.NewLogGroup(stack, jsii.String(b.ID+"Logs"), nil)
	}
	if b.Network != nil {
		b.Network.add(stack, b.ID, props)
	}
	if b.Query > 0 {
		props.Provider = tokendocker.TokenInjectableDockerBuilderProvider_GetOrCreate(stack, &tokendocker.TokenInjectableDockerBuilderProviderProps{
			QueryInterval: awscdk.Duration_Seconds(jsii.Number(b.Query)),
		})
	}
	if b.Recorded {
		props.Provider = record(stack)
	}
	switch {
	case b.Login == nil:
	case b.Login.ARN != "":
		props.DockerLogin = &tokendocker.DockerLogin{SecretArn: jsii.String(b.Login.ARN), Registry: text(b.Login.Registry)}
	default:
		props.DockerLogin = &tokendocker.DockerLogin{Registry: text(b.Login.Registry), Secret: awssecretsmanager.NewSecret(stack, jsii.String(b.ID+"Login"), &awssecretsmanager.SecretProps{
			EncryptionKey: awskms.NewKey(stack, jsii.String(b.ID+"Key"), nil),
			GenerateSecretString: &awssecretsmanager.SecretStringGenerator{
				SecretStringTemplate: jsii.String(`{"username":"robot"}`), GenerateStringKey: jsii.String("password"),
			},
		})}
	}
}

func (n *network) add(stack awscdk.Stack, id string, props *tokendocker.TokenInjectableDockerBuilderProps) {
	if !n.Isolated {
		vpc := awsec2.NewVpc(stack, jsii.String(id+"Network"), &awsec2.VpcProps{
			MaxAzs: jsii.Number(1), NatGateways: jsii.Number(1), RestrictDefaultSecurityGroup: jsii.Bool(true),
		})
		props.Vpc = vpc
		props.SubnetSelection = &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS}
		group := awsec2.NewSecurityGroup(stack, jsii.String(id+"Group"), &awsec2.SecurityGroupProps{Vpc: vpc, AllowAllOutbound: jsii.Bool(false)})
		group.AddEgressRule(awsec2.Peer_AnyIpv4(), awsec2.Port_Tcp(jsii.Number(443)), nil, nil)
		props.SecurityGroups = &[]awsec2.ISecurityGroup{group}
		return
	}
	vpc := awsec2.NewVpc(stack, jsii.String(id+"Network"), &awsec2.VpcProps{MaxAzs: jsii.Number(1), SubnetConfiguration: &[]*awsec2.SubnetConfiguration{
		{Name: jsii.String("Isolated"), SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED},
	}})
	props.Vpc = vpc
	services := map[string]awsec2.InterfaceVpcEndpointAwsService{
		"ecr.api": awsec2.InterfaceVpcEndpointAwsService_ECR(), "ecr.dkr": awsec2.InterfaceVpcEndpointAwsService_ECR_DOCKER(),
		"logs": awsec2.InterfaceVpcEndpointAwsService_CLOUDWATCH_LOGS(),
	}
	for _, name := range n.Endpoints {
		if name == "s3" {
			vpc.AddGatewayEndpoint(jsii.String(name), &awsec2.GatewayVpcEndpointOptions{Service: awsec2.GatewayVpcEndpointAwsService_S3()})
		} else {
			vpc.AddInterfaceEndpoint(jsii.String(name), &awsec2.InterfaceVpcEndpointOptions{Service: services[name]})
		}
	}
}

// text and list are what a case leaves out when it is empty.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return jsii.String(s)
}

func list(texts []string) *[]*string {
	if texts == nil {
		return nil
	}
	return jsii.Strings(texts...)
}

func values(arguments map[string]argument, stack awscdk.Stack, topics map[string]awssns.CfnTopic) *map[string]*string {
	all := map[string]*string{}
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		all[name] = arguments[name].value(stack, topics)
	}
	return &all
}

func (a argument) value(stack awscdk.Stack, topics map[string]awssns.CfnTopic) *string {
	switch {
	case a.Image != "":
		return jsii.String(*stack.Account() + ".dkr.ecr." + *stack.Region() + "." + *stack.UrlSuffix() + "/" + a.Image)
	case a.Topic == "":
		return a.Literal
	}
	if topics[a.Topic] == nil {
		topics[a.Topic] = awssns.NewCfnTopic(stack, jsii.String(a.Topic), nil)
	}
	return topics[a.Topic].AttrTopicName()
}
