package tokendocker

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/machine"
)

// TokenInjectableDockerBuilder builds one Docker image while its stack deploys, and pushes it to an ECR repository of
// its own. It is a construct: children can be made under it, other constructs can depend on it, and it can be granted
// permissions, which are those of the build.
type TokenInjectableDockerBuilder interface {
	constructs.Construct
	awsiam.IGrantable

	// ContainerImage is the image for ECS task definitions. What uses it waits for the build.
	ContainerImage() awsecs.ContainerImage

	// DockerImageCode is the image for Lambda functions. What uses it waits for the build. The repository's policy
	// then lets Lambda, for functions of this account and region, pull from it.
	DockerImageCode() awslambda.DockerImageCode

	// ImageTag is the image's tag: 64 hexadecimal digits that change when, and only when, the image's inputs do. It
	// is known when the stack deploys; what uses it waits for the build.
	ImageTag() *string

	// RepositoryName is the name of the ECR repository, known when the stack deploys.
	RepositoryName() *string

	// GrantPrincipal is the role of the build, so that a grant to the builder lets the build's commands use what is
	// granted.
	GrantPrincipal() awsiam.IPrincipal
}

// builder implements TokenInjectableDockerBuilder. jsii takes it for a construct because NewConstruct_Override made
// it and it has methods of its own with a pointer receiver.
type builder struct {
	constructs.Construct

	context   buildContext
	args      map[string]contract.Text
	extraHash contract.Text
	platform  platform
	minutes   float64
	provider  *provider

	source        contract.Source
	repository    awsecr.Repository
	repositoryURI *string
	role          awsiam.Role
	project       awscodebuild.CfnProject
	build         awscdk.CustomResource
	consumers     consumers

	problems *problems
}

// NewTokenInjectableDockerBuilder makes a builder. It is always made; what is wrong with its properties is said when
// the app is synthesized, all of it at once, with the builder's path.
func NewTokenInjectableDockerBuilder(scope constructs.Construct, id *string, props *TokenInjectableDockerBuilderProps) TokenInjectableDockerBuilder {
	b := &builder{problems: &problems{}}
	constructs.NewConstruct_Override(b, scope, id)
	b.Node().AddValidation(&validation{check: b.check})
	if props == nil {
		props = &TokenInjectableDockerBuilderProps{}
	}
	b.read(props)
	b.addRepository()
	b.addProject(b.addSource())
	b.addBuild()
	return b
}

// addBuild registers the builder with its provider and makes the custom resource. It depends on all that its answer
// needs and that it does not refer to.
func (b *builder) addBuild() {
	cfnRepository := b.repository.Node().DefaultChild().(awsecr.CfnRepository)
	logicalID := awscdk.Stack_Of(b).GetLogicalId(cfnRepository)
	names := namesIn(b)
	names.LogGroup = buildLogs + *b.project.Ref()
	b.provider.register(map[machine.Resource]string{
		machine.Repository: *b.repository.RepositoryArn(),
		machine.Project:    *b.project.AttrArn(),
		machine.BuildLog:   machine.BuildLog.ARN(names),
	}, longestNames(*logicalID))

	b.build = awscdk.NewCustomResource(b, jsii.String("Build"), &awscdk.CustomResourceProps{
		ResourceType:   jsii.String("Custom::TokenInjectableDockerBuilder"),
		ServiceToken:   b.provider.ServiceToken(),
		ServiceTimeout: awscdk.Duration_Seconds(jsii.Number(serviceSeconds(b.minutes))),
		Properties: &map[string]any{
			"Request": awscdk.Lazy_UncachedAny(&requestProducer{builder: b}, nil),
		},
	})
	b.build.Node().AddDependency(b.provider.machine, b.provider.policyScope, b.role)
	b.consumers = newConsumers(b)
}

func (b *builder) GrantPrincipal() awsiam.IPrincipal { return b.role.GrantPrincipal() }
