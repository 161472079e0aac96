package tokendocker

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// consumers is the image as those who use it see it. Each text depends on who reads it, so one object serves them all.
type consumers struct {
	elsewhere              *elsewhere
	tag, digest, name, uri *string
	image                  awsecr.IRepository // the repository, read through such texts
	pulls                  bool               // Lambda functions use the image
}

func newConsumers(b *builder) consumers {
	attribute := func(name string) *string { return b.build.GetAttString(jsii.String(name)) }
	c := consumers{elsewhere: &elsewhere{
		builder: b,
		home: map[fact]*string{
			nameFact: b.repository.RepositoryName(), tagFact: attribute("ImageTag"), digestFact: attribute("ImageDigest"),
		},
		parameters: map[fact]bool{}, publications: map[string]*publication{},
	}}
	text := func(hint string, home *string, away func(awscdk.Stack) (*string, error)) *string {
		return awscdk.Lazy_UncachedString(&seenFrom{builder: b, home: home, away: away}, &awscdk.LazyStringValueOptions{
			DisplayHint: jsii.String(hint),
		})
	}
	plain := func(f fact) func(awscdk.Stack) (*string, error) {
		return func(reader awscdk.Stack) (*string, error) { return c.elsewhere.read(reader, f) }
	}
	c.tag = text("ImageTag", c.elsewhere.home[tagFact], plain(tagFact))
	c.digest = text("ImageDigest", c.elsewhere.home[digestFact], plain(digestFact))
	c.name = text("RepositoryName", c.elsewhere.home[nameFact], plain(nameFact))
	c.uri = text("ImageUri", attribute("ImageUri"), func(reader awscdk.Stack) (*string, error) {
		name, err1 := c.elsewhere.read(reader, nameFact)
		digest, err2 := c.elsewhere.read(reader, digestFact)
		if err1 != nil || err2 != nil {
			return nil, err1
		}
		return jsii.String(registryIn(reader, *reader.Region()) + "/" + *name + "@" + *digest), nil
	})
	c.image = awsecr.Repository_FromRepositoryAttributes(b, jsii.String("Image"), &awsecr.RepositoryAttributes{
		RepositoryName: c.name,
		RepositoryArn: text("RepositoryArn", b.repository.RepositoryArn(), func(reader awscdk.Stack) (*string, error) {
			name, err := c.elsewhere.read(reader, nameFact)
			if err != nil {
				return nil, err
			}
			return jsii.String(fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s", *reader.Partition(), *reader.Region(), *reader.Account(), *name)), nil
		}),
	})
	return c
}

// registryIn is the host of the account's registry in a region, as a stack names it.
func registryIn(stack awscdk.Stack, region string) string {
	return fmt.Sprintf("%s.dkr.ecr.%s.%s", *stack.Account(), region, *stack.UrlSuffix())
}

// seenFrom is a text about the image, as the stack sees it that reads it. In the builder's own stack it is an
// attribute of the custom resource or the repository, which is a dependency too; in any other it is read from there.
type seenFrom struct {
	builder *builder
	home    *string
	away    func(reader awscdk.Stack) (*string, error)
}

// Produce implements awscdk.IStringProducer.
func (s *seenFrom) Produce(ctx awscdk.IResolveContext) *string {
	home, reader := top(s.builder), top(ctx.Scope())
	if *home.Node().Path() == *reader.Node().Path() {
		return s.home
	}
	problem := s.builder.outOfReach(reader)
	if problem == nil {
		var text *string
		if text, problem = s.away(reader); problem == nil {
			return text
		}
	}
	s.builder.problems.add("%v", problem)
	return jsii.String("out-of-reach")
}

// outOfReach tells why a stack cannot use the image; nil when it can.
func (b *builder) outOfReach(reader awscdk.Stack) error {
	home := top(b)
	where := fmt.Sprintf("the image is used by stack %s", *reader.Node().Path())
	switch {
	case *awscdk.Stage_Of(home).Node().Path() != *awscdk.Stage_Of(reader).Node().Path():
		return fmt.Errorf("%s, which is in another stage and is deployed by itself: make a builder in that stage", where)
	case isToken(*home.Account()) != isToken(*reader.Account()), isToken(*home.Region()) != isToken(*reader.Region()):
		return fmt.Errorf("%s, and only one of the stacks names its account and region: give both an Env, or neither", where)
	case !isToken(*home.Account()) && *home.Account() != *reader.Account():
		return fmt.Errorf("%s in account %s, and the image is in account %s: make a builder in that account, or let the account pull from the repository, as examples/cross-account does",
			where, *reader.Account(), *home.Account())
	}
	return b.checkRegion(*reader.Region(), where)
}

// checkRegion tells where a region has no image.
func (b *builder) checkRegion(region, where string) error {
	home := *awscdk.Stack_Of(b).Region()
	if region == home || isToken(region) && isToken(home) || slices.Contains(b.replicas, region) {
		return nil
	}
	return fmt.Errorf("%s in %s, and the image is in %s: add %q to ReplicaRegions", where, region, regionsText(home, b.replicas), region)
}

// regionsText names the regions of an image.
func regionsText(home string, replicas []string) string {
	text := home
	if isToken(home) {
		text = "the stack's own region"
	}
	for _, region := range replicas {
		text += ", " + region
	}
	return text
}

// top is the stack that deploys a construct: its stack, or the outermost parent of nested ones. CDK hands references
// on between those.
func top(scope constructs.IConstruct) awscdk.Stack {
	stack := awscdk.Stack_Of(scope)
	for stack.NestedStackParent() != nil {
		stack = stack.NestedStackParent()
	}
	return stack
}

func (b *builder) ContainerImage() awsecs.ContainerImage {
	return awsecs.ContainerImage_FromEcrRepository(b.consumers.image, b.consumers.tag)
}

func (b *builder) ContainerImageFor(scope constructs.Construct, region *string) awsecs.ContainerImage {
	b.wanted("ContainerImageFor", scope, region)
	return b.ContainerImage()
}

func (b *builder) DockerImageCode() awslambda.DockerImageCode {
	return b.DockerImageCodeWith(nil)
}

func (b *builder) DockerImageCodeWith(props *DockerImageCodeProps) awslambda.DockerImageCode {
	b.letLambdaPull()
	if props == nil {
		props = &DockerImageCodeProps{}
	}
	return awslambda.DockerImageCode_FromEcr(b.consumers.image, &awslambda.EcrImageCodeProps{
		TagOrDigest: b.consumers.tag, Cmd: props.Cmd, Entrypoint: props.Entrypoint, WorkingDirectory: props.WorkingDirectory,
	})
}

func (b *builder) DockerImageCodeFor(scope constructs.Construct, region *string) awslambda.DockerImageCode {
	b.wanted("DockerImageCodeFor", scope, region)
	return b.DockerImageCode()
}

func (b *builder) RepositoryUriFor(region *string) *string {
	b.wanted("RepositoryUriFor", nil, region)
	if region == nil {
		region = awscdk.Stack_Of(b).Region()
	}
	return jsii.String(registryIn(awscdk.Stack_Of(b), *region) + "/" + *b.consumers.name)
}

// wanted checks the region that a caller asks for by name.
func (b *builder) wanted(method string, scope constructs.Construct, region *string) {
	switch {
	case region == nil:
		b.problems.add("%s is called without a region: give the region of the stack that uses the image", method)
		return
	case scope != nil && *awscdk.Stack_Of(scope).Region() != *region:
		b.problems.add("%s is called for %s from %s, which is in %s: give the region of the stack that uses the image",
			method, *region, *scope.Node().Path(), regionsText(*awscdk.Stack_Of(scope).Region(), nil))
		return
	}
	if err := b.checkRegion(*region, method+" is called for an image"); err != nil {
		b.problems.add("%v", err)
	}
}

// letLambdaPull sets Lambda's right to the image on the repository itself, as Lambda would if it had the right to
// (AWS Lambda Developer Guide, "Amazon ECR permissions"). A right that came with the deploying user could go with him.
// The handler does the same for replicas.
func (b *builder) letLambdaPull() {
	if b.consumers.pulls {
		return
	}
	b.consumers.pulls = true
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

func (b *builder) ImageDigest() *string { return b.consumers.digest }

func (b *builder) ImageUri() *string { return b.consumers.uri }

func (b *builder) RepositoryName() *string { return b.consumers.name }

func (b *builder) Repository() awsecr.IRepository { return b.consumers.image }
