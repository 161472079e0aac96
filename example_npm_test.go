package tokendocker_test

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

// One image serves as a Lambda function and as a container of a task.
func ExampleTokenInjectableDockerBuilder_consumers() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)
	task := awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), nil)

	api := awsapigateway.NewRestApi(stack, jsii.String("Api"), nil)

	web := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("Web"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path:      jsii.String("./web"),
		BuildArgs: &map[string]*string{"API_URL": api.Url()}, // known only when the stack deploys
	})

	awslambda.NewDockerImageFunction(stack, jsii.String("Site"), &awslambda.DockerImageFunctionProps{
		Code: web.DockerImageCode(),
	})
	task.AddContainer(jsii.String("web"), &awsecs.ContainerDefinitionOptions{Image: web.ContainerImage()})
	app.Synth(nil)
}

// The image is for arm64: it is built on a Graviton machine and runs on one.
func ExampleTokenInjectableDockerBuilder_platform() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)
	api := awsapigateway.NewRestApi(stack, jsii.String("Api"), nil)

	web := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("Web"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path:      jsii.String("./web"),
		BuildArgs: &map[string]*string{"API_URL": api.Url()},
		Platform:  jsii.String("linux/arm64"),
	})
	awslambda.NewDockerImageFunction(stack, jsii.String("Site"), &awslambda.DockerImageFunctionProps{
		Code:         web.DockerImageCode(),
		Architecture: awslambda.Architecture_ARM_64(),
	})
	app.Synth(nil)
}

// Some files are kept from the build beside those of .dockerignore, and some are uploaded for commands all the same.
func ExampleTokenInjectableDockerBuilder_context() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)

	tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("Web"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path:       jsii.String("./web"),
		Exclude:    jsii.Strings("docs", "*.test.js"),
		StageExtra: jsii.Strings("tools"),

		PreBuildCommands: jsii.Strings("tools/generate"),
	})
	app.Synth(nil)
}

// A project and a repository of one's own are used by custom resources of one's own.
func ExampleTokenInjectableDockerBuilderProvider_registerProject() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)
	repository := awsecr.NewRepository(stack, jsii.String("Repository"), nil)
	project := awscodebuild.Project_FromProjectName(stack, jsii.String("Project"), jsii.String("my-project"))

	provider := tokendocker.TokenInjectableDockerBuilderProvider_GetOrCreate(stack, &tokendocker.TokenInjectableDockerBuilderProviderProps{
		QueryInterval: awscdk.Duration_Seconds(jsii.Number(15)),
	})
	provider.RegisterProject(project, repository, nil)
	app.Synth(nil)
}

// Exports that npm's construct left in use are kept while the stacks that import them move.
func ExampleTokenInjectableDockerBuilder_movingFromNpm() {
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Shop"), nil)
	exports := map[string]string{"ExportsOutputRefWebECRRepository3248C1596809843D": "shop-webecrrepository3248c159-nmcbbhf4nq70"}

	for name, value := range exports {
		awscdk.NewCfnOutput(stack, jsii.String("Kept"+name), &awscdk.CfnOutputProps{
			ExportName: jsii.String("Shop:" + name), // "Shop:ExportsOutputRefWebECRRepository..."
			Value:      jsii.String(value),
		})
	}
	app.Synth(nil)
}
