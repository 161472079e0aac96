package tokendocker

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/buildcontext"
	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/machine"
)

// TokenInjectableDockerBuilder builds one Docker image while its stack deploys, and pushes it to an ECR repository of
// its own. It is a construct: children can be made under it, other constructs can depend on it, and it can be granted
// permissions, which are those of the build.
type TokenInjectableDockerBuilder interface {
	constructs.Construct
	awsiam.IGrantable

	// ContainerImage is the image for ECS task definitions, whose execution role gets the right to pull it. What uses it
	// waits for the build.
	//
	// This and all that follows may be used in other stacks of the same account too, in the builder's region and in
	// its ReplicaRegions: such a stack reads Systems Manager parameters that the builder's stack publishes, and is
	// deployed after it. No export ties the two together, so that the image can change and go. In any other region,
	// account or stage they are an error at synth that says what to do; examples/cross-account lends an image to another
	// account.
	ContainerImage() awsecs.ContainerImage

	// DockerImageCode is the image for Lambda functions. What uses it waits for the build. The repository's policy
	// then lets Lambda, for functions of this account, pull from it, in every region that holds the image.
	DockerImageCode() awslambda.DockerImageCode

	// DockerImageCodeWith is DockerImageCode with a command, entry point or working directory of the function's own.
	DockerImageCodeWith(props *DockerImageCodeProps) awslambda.DockerImageCode

	// ImageTag is the image's tag: 64 hexadecimal digits that change when, and only when, the image's inputs do. It
	// is known when the stack deploys; what uses it waits for the build.
	ImageTag() *string

	// ImageDigest is the digest of the image's manifest, "sha256:..." as ECR and every registry name it. It is known
	// when the stack deploys; what uses it waits for the build.
	ImageDigest() *string

	// ImageUri names the image for any program that pulls it: "HOST/REPOSITORY@sha256:...", in the region of the stack
	// that uses it. It is known when the stack deploys; what uses it waits for the build.
	ImageUri() *string

	// RepositoryName is the name of the ECR repository, the same in every region, known when the stack deploys.
	RepositoryName() *string

	// Repository is the image's repository, to grant access to it and to watch it, from any stack that may use the
	// image. Untagged images expire there after 30 days, tagged ones never; tags cannot be moved, but for the cache's; and
	// images are scanned when they arrive. It cannot be changed through this method; the resource itself is the child
	// "ECRRepository".
	Repository() awsecr.IRepository

	// ContainerImageFor is ContainerImage, and an error at synth unless scope is in region and region holds the image.
	ContainerImageFor(scope constructs.Construct, region *string) awsecs.ContainerImage

	// DockerImageCodeFor is DockerImageCode, and an error at synth unless scope is in region and region holds the
	// image.
	DockerImageCodeFor(scope constructs.Construct, region *string) awslambda.DockerImageCode

	// RepositoryUriFor is the repository's URI in a region, "ACCOUNT.dkr.ecr.REGION.SUFFIX/NAME". It is an error at
	// synth unless region holds the image.
	RepositoryUriFor(region *string) *string

	// GrantPrincipal is the role of the build, so that a grant to the builder lets the build's commands use what is
	// granted.
	GrantPrincipal() awsiam.IPrincipal
}

// builder implements TokenInjectableDockerBuilder. jsii takes it for a construct because NewConstruct_Override made
// it and it has methods of its own with a pointer receiver.
type builder struct {
	constructs.Construct

	context       buildcontext.Context
	args          map[string]contract.Text
	extraHash     contract.Text
	platform      platform
	compute       string
	image         buildImage
	buildkit      string
	minutes       float64
	cacheDisabled bool
	commands      commands
	login         *login
	network       *network
	logs          logs
	replicas      []string // sorted
	prefixes      []string // of pull-through caches
	retention     retention
	provider      *provider

	source     contract.Source
	key        awskms.Key // nil without KmsEncryption
	repository awsecr.Repository
	cache      awsecr.Repository // of the layer cache; nil where it is in repository
	role       awsiam.Role
	project    awscodebuild.CfnProject
	build      awscdk.CustomResource
	consumers  consumers

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
	b.addCache()
	b.addProject(b.addSource())
	b.addBuild()
	return b
}

// addBuild gives the provider its permissions on what this builder has, and makes the custom resource. It depends on
// all that its answer needs and that it does not refer to.
func (b *builder) addBuild() {
	cfnRepository := b.repository.Node().DefaultChild().(awsecr.CfnRepository)
	logicalID := awscdk.Stack_Of(b).GetLogicalId(cfnRepository)
	longest := longestNames(*logicalID)
	own := map[machine.Resource]string{machine.Repository: *b.repository.RepositoryArn()}
	b.provider.functionPolicies.add(slices.Concat(
		entries(machine.FunctionActions(), own, longest), b.logEntries(longest), b.replicaEntries(longest)))

	b.build = awscdk.NewCustomResource(b, jsii.String("Build"), &awscdk.CustomResourceProps{
		ResourceType:   jsii.String("Custom::TokenInjectableDockerBuilder"),
		ServiceToken:   b.provider.ServiceToken(),
		ServiceTimeout: awscdk.Duration_Seconds(jsii.Number(b.serviceSeconds())),
		Properties: &map[string]any{
			"Request": awscdk.Lazy_UncachedAny(&requestProducer{builder: b}, nil),
		},
	})
	b.build.Node().AddDependency(b.provider.machine, b.provider.policyScope, b.role)
	b.waitForNetwork()
	b.addReplication()
	b.consumers = newConsumers(b)
}

func (b *builder) GrantPrincipal() awsiam.IPrincipal { return b.role.GrantPrincipal() }
