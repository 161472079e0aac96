// Command simple is the smallest complete use of tokendocker: a web front end whose bundle holds the URL of the API
// that is deployed with it. `cdk deploy` deploys it to AWS, `tokendocker rehearse` on this machine.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	newSimpleStack(app)
	app.Synth(nil)
}

func newSimpleStack(scope constructs.Construct) {
	stack := awscdk.NewStack(scope, jsii.String("Simple"), nil)
	api := newAPI(stack)

	// The API's URL exists only once the API does, and then it is baked into the front end.
	web := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("Web"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path:      jsii.String("./web"),
		BuildArgs: &map[string]*string{"API_URL": api.Url()},
	})

	// One image serves both: as a Lambda function, and as a server in a container.
	awslambda.NewDockerImageFunction(stack, jsii.String("Site"), &awslambda.DockerImageFunctionProps{
		Code:       web.DockerImageCode(),
		MemorySize: jsii.Number(512),
	})
	task := awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), &awsecs.FargateTaskDefinitionProps{
		Cpu:            jsii.Number(256),
		MemoryLimitMiB: jsii.Number(512),
	})
	task.AddContainer(jsii.String("web"), &awsecs.ContainerDefinitionOptions{
		Image:        web.ContainerImage(),
		PortMappings: &[]*awsecs.PortMapping{{ContainerPort: jsii.Number(8080)}},
		Logging:      awsecs.LogDriver_AwsLogs(&awsecs.AwsLogDriverProps{StreamPrefix: jsii.String("web")}),
	})

	awscdk.NewCfnOutput(stack, jsii.String("ApiUrl"), &awscdk.CfnOutputProps{Value: api.Url()})
	awscdk.NewCfnOutput(stack, jsii.String("Image"), &awscdk.CfnOutputProps{
		Value: jsii.String(*web.RepositoryName() + ":" + *web.ImageTag()),
	})
}

// newAPI makes an API that greets whoever asks.
func newAPI(stack awscdk.Stack) awsapigateway.RestApi {
	api := awsapigateway.NewRestApi(stack, jsii.String("Api"), &awsapigateway.RestApiProps{
		CloudWatchRole: jsii.Bool(false),
	})
	greet := awsapigateway.NewMockIntegration(&awsapigateway.IntegrationOptions{
		RequestTemplates: &map[string]*string{"application/json": jsii.String(`{"statusCode": 200}`)},
		IntegrationResponses: &[]*awsapigateway.IntegrationResponse{{
			StatusCode:        jsii.String("200"),
			ResponseTemplates: &map[string]*string{"application/json": jsii.String(`{"greeting": "Hello from the API"}`)},
			ResponseParameters: &map[string]*string{
				"method.response.header.Access-Control-Allow-Origin": jsii.String("'*'"),
			},
		}},
	})
	api.Root().AddMethod(jsii.String("GET"), greet, &awsapigateway.MethodOptions{
		MethodResponses: &[]*awsapigateway.MethodResponse{{
			StatusCode: jsii.String("200"),
			ResponseParameters: &map[string]*bool{
				"method.response.header.Access-Control-Allow-Origin": jsii.Bool(true),
			},
		}},
	})
	return api
}
