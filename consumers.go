package tokendocker

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// consumers is the image as those who use it see it. Each text depends on who reads it, so one object serves them all.
type consumers struct {
	tag, name *string
	image     awsecr.IRepository // the repository, read through such texts
	code      awslambda.DockerImageCode
}

func newConsumers(b *builder) consumers {
	text := func(what string, home *string) *string {
		return awscdk.Lazy_UncachedString(&seenFrom{builder: b, home: home}, &awscdk.LazyStringValueOptions{
			DisplayHint: jsii.String(what),
		})
	}
	name := text("RepositoryName", b.repository.RepositoryName())
	return consumers{
		tag:  text("ImageTag", b.build.GetAttString(jsii.String("ImageTag"))),
		name: name,
		image: awsecr.Repository_FromRepositoryAttributes(b, jsii.String("Image"), &awsecr.RepositoryAttributes{
			RepositoryName: name,
			RepositoryArn:  text("RepositoryArn", b.repository.RepositoryArn()),
		}),
	}
}

// seenFrom is a text about the image, as the stack sees it that reads it. In the builder's own stack it is an
// attribute of the custom resource or the repository, which is a dependency too.
type seenFrom struct {
	builder *builder
	home    *string
}

// Produce implements awscdk.IStringProducer.
func (s *seenFrom) Produce(ctx awscdk.IResolveContext) *string {
	home, reader := awscdk.Stack_Of(s.builder), awscdk.Stack_Of(ctx.Scope())
	if outermost(home) == outermost(reader) {
		return s.home
	}
	s.builder.problems.add("the image is used by %s, which is in another stack: make the builder in stack %s, or the user of its image in stack %s",
		*ctx.Scope().Node().Path(), *reader.Node().Path(), *home.Node().Path())
	return jsii.String("another-stack")
}

// outermost is the path of the stack that deploys a stack: itself, or the parent of nested stacks. CDK hands
// references on between those.
func outermost(stack awscdk.Stack) string {
	for stack.NestedStackParent() != nil {
		stack = stack.NestedStackParent()
	}
	return *stack.Node().Path()
}

func (b *builder) ContainerImage() awsecs.ContainerImage {
	return awsecs.ContainerImage_FromEcrRepository(b.consumers.image, b.consumers.tag)
}

func (b *builder) DockerImageCode() awslambda.DockerImageCode {
	if b.consumers.code == nil {
		b.letLambdaPull()
		b.consumers.code = awslambda.DockerImageCode_FromEcr(b.consumers.image, &awslambda.EcrImageCodeProps{
			TagOrDigest: b.consumers.tag,
		})
	}
	return b.consumers.code
}

// letLambdaPull sets Lambda's right to the image on the repository itself, as Lambda would if it had the right to
// (AWS Lambda Developer Guide, "Amazon ECR permissions"). A right that came with the deploying user could go with him.
func (b *builder) letLambdaPull() {
	stack := awscdk.Stack_Of(b)
	functions := fmt.Sprintf("arn:%s:lambda:%s:%s:function:*", *stack.Partition(), *stack.Region(), *stack.Account())
	b.repository.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("LambdaECRImageRetrievalPolicy"),
		Actions:    jsii.Strings("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil)},
		Conditions: &map[string]any{
			"StringLike": map[string]string{"aws:sourceArn": functions},
		},
	}))
}

func (b *builder) ImageTag() *string { return b.consumers.tag }

func (b *builder) RepositoryName() *string { return b.consumers.name }
