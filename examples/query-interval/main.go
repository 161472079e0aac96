// Command query-interval chooses how often a stack's provider looks at replicas. AWS announces the end of a build, so
// that nothing polls for it; the arrival of an image in another region it announces to nobody.
package main

import (
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	newReplicatedStack(app)
	app.Synth(nil)
}

func newReplicatedStack(scope constructs.Construct) {
	stack := awscdk.NewStack(scope, jsii.String("QueryInterval"), &awscdk.StackProps{
		Env: &awscdk.Environment{Account: jsii.String(os.Getenv("CDK_DEFAULT_ACCOUNT")), Region: jsii.String("us-east-1")},
	})

	// One provider serves all builders of the stack. It can be chosen before or after them; a second, different
	// choice is an error at synth.
	provider := tokendocker.TokenInjectableDockerBuilderProvider_GetOrCreate(stack, &tokendocker.TokenInjectableDockerBuilderProviderProps{
		QueryInterval: awscdk.Duration_Seconds(jsii.Number(15)), // 30 by default
	})
	web := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("ApiImage"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path:           jsii.String("./web"),
		ReplicaRegions: jsii.Strings("eu-west-1"),
		Provider:       provider, // optional: the stack has no other
	})

	awscdk.NewCfnOutput(stack, jsii.String("Replica"), &awscdk.CfnOutputProps{
		Value: web.RepositoryUriFor(jsii.String("eu-west-1")),
	})
	awscdk.NewCfnOutput(stack, jsii.String("Tag"), &awscdk.CfnOutputProps{Value: web.ImageTag()})
}
