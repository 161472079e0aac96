package tokendocker_test

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

// The URL of an API is baked into a front end, which runs as a Lambda function.
func ExampleNewTokenInjectableDockerBuilder() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)
	api := awsapigateway.NewRestApi(stack, jsii.String("Api"), nil)

	web := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("Web"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path:      jsii.String("./web"),
		BuildArgs: &map[string]*string{"API_URL": api.Url()},
	})

	awslambda.NewDockerImageFunction(stack, jsii.String("Site"), &awslambda.DockerImageFunctionProps{
		Code: web.DockerImageCode(),
	})
	app.Synth(nil)
}

// A service runs the image, waits for it, and a bucket is open to its build.
func ExampleTokenInjectableDockerBuilder() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)
	web := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("Web"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path: jsii.String("./web"),
	})

	task := awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), nil)
	task.AddContainer(jsii.String("web"), &awsecs.ContainerDefinitionOptions{Image: web.ContainerImage()})
	service := awsecs.NewFargateService(stack, jsii.String("Service"), &awsecs.FargateServiceProps{
		Cluster: awsecs.NewCluster(stack, jsii.String("Cluster"), &awsecs.ClusterProps{
			Vpc: awsec2.NewVpc(stack, jsii.String("Vpc"), nil),
		}),
		TaskDefinition: task,
	})
	service.Node().AddDependency(web)

	models := awss3.NewBucket(stack, jsii.String("Models"), nil)
	models.GrantRead(web, nil)
	app.Synth(nil)
}

// All builders of a stack look every fifteen seconds at what AWS does not announce.
func ExampleTokenInjectableDockerBuilderProvider() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)

	tokendocker.TokenInjectableDockerBuilderProvider_GetOrCreate(stack, &tokendocker.TokenInjectableDockerBuilderProviderProps{
		QueryInterval: awscdk.Duration_Seconds(jsii.Number(15)),
	})
	tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("Web"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path: jsii.String("./web"),
	})
	app.Synth(nil)
}
