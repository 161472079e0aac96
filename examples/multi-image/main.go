// Command multi-image builds three images in one stack: two for the containers of one task, and one for arm64. However
// many builders a stack has, they share one Lambda function and one state machine.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	newShopStack(app)
	app.Synth(nil)
}

func newShopStack(scope constructs.Construct) {
	stack := awscdk.NewStack(scope, jsii.String("MultiImage"), nil)
	orders := awssqs.NewQueue(stack, jsii.String("Orders"), nil)
	gateway := awsapigateway.NewRestApi(stack, jsii.String("Gateway"), &awsapigateway.RestApiProps{
		CloudWatchRole: jsii.Bool(false),
	})
	gateway.Root().AddMethod(jsii.String("GET"), nil, nil)

	// Three images are built at the same time. A builder waits only for what its own arguments need.
	api := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("ApiImage"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path: jsii.String("./src/api"),
	})
	worker := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("WorkerImage"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path:      jsii.String("./src/worker"),
		BuildArgs: &map[string]*string{"QUEUE_URL": orders.QueueUrl()},
	})
	frontend := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("FrontendImage"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path:      jsii.String("./src/frontend"),
		BuildArgs: &map[string]*string{"API_URL": gateway.Url()},
		Platform:  jsii.String("linux/arm64"), // built on a Graviton machine, without emulation
	})

	backend := awsecs.NewFargateTaskDefinition(stack, jsii.String("Backend"), nil)
	backend.AddContainer(jsii.String("api"), &awsecs.ContainerDefinitionOptions{Image: api.ContainerImage()})
	backend.AddContainer(jsii.String("worker"), &awsecs.ContainerDefinitionOptions{Image: worker.ContainerImage()})
	orders.GrantConsumeMessages(backend.TaskRole())

	pages := awsecs.NewFargateTaskDefinition(stack, jsii.String("Pages"), &awsecs.FargateTaskDefinitionProps{
		RuntimePlatform: &awsecs.RuntimePlatform{
			CpuArchitecture:       awsecs.CpuArchitecture_ARM64(),
			OperatingSystemFamily: awsecs.OperatingSystemFamily_LINUX(),
		},
	})
	pages.AddContainer(jsii.String("frontend"), &awsecs.ContainerDefinitionOptions{Image: frontend.ContainerImage()})

	awscdk.NewCfnOutput(stack, jsii.String("ApiUrl"), &awscdk.CfnOutputProps{Value: gateway.Url()})
	awscdk.NewCfnOutput(stack, jsii.String("QueueUrl"), &awscdk.CfnOutputProps{Value: orders.QueueUrl()})
}
