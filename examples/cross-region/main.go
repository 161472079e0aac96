// Command cross-region builds an image in us-east-1 and runs it as a Lambda function in us-west-2. ECR brings the image
// there; the builder's stack is done when it has arrived, and the function's stack comes after it.
package main

import (
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	newConsumerStack(app, newBuilderStack(app))
	app.Synth(nil)
}

func newBuilderStack(scope constructs.Construct) tokendocker.TokenInjectableDockerBuilder {
	stack := awscdk.NewStack(scope, jsii.String("CrossRegionBuilder"), in("us-east-1"))
	return tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("ApiImage"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path:           jsii.String("./src/api"),
		ReplicaRegions: jsii.Strings("us-west-2", "eu-west-1"),
	})
}

// newConsumerStack makes the function. The image's tag and digest come through Systems Manager parameters that are read
// at each deployment: no export ties the stacks together, and CDK's crossRegionReferences are not needed.
func newConsumerStack(scope constructs.Construct, image tokendocker.TokenInjectableDockerBuilder) {
	stack := awscdk.NewStack(scope, jsii.String("CrossRegionConsumer"), in("us-west-2"))
	awslambda.NewDockerImageFunction(stack, jsii.String("Api"), &awslambda.DockerImageFunctionProps{
		Code: image.DockerImageCodeFor(stack, jsii.String("us-west-2")), // image.DockerImageCode() does the same
	})

	// Texts, too, are those of the region that reads them.
	awscdk.NewCfnOutput(stack, jsii.String("Image"), &awscdk.CfnOutputProps{Value: image.ImageUri()})
}

// in names a region of the account that is deployed to. Stacks in several regions need both.
func in(region string) *awscdk.StackProps {
	return &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String(os.Getenv("CDK_DEFAULT_ACCOUNT")), Region: jsii.String(region)},
	}
}
