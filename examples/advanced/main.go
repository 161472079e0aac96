// Command advanced builds inside a VPC, and has commands of its own fetch a private configuration before docker runs.
// The right to read it is granted to the builder, and is the build's alone.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigateway"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	newAdvancedStack(app)
	app.Synth(nil)
}

func newAdvancedStack(scope constructs.Construct) {
	stack := awscdk.NewStack(scope, jsii.String("Advanced"), nil)
	api := awsapigateway.NewRestApi(stack, jsii.String("Api"), &awsapigateway.RestApiProps{CloudWatchRole: jsii.Bool(false)})
	api.Root().AddMethod(jsii.String("GET"), nil, nil)

	// The build runs in the network's private subnets, and waits for their routes.
	vpc := awsec2.NewVpc(stack, jsii.String("Vpc"), &awsec2.VpcProps{MaxAzs: jsii.Number(2), NatGateways: jsii.Number(1)})
	builds := awsec2.NewSecurityGroup(stack, jsii.String("Builds"), &awsec2.SecurityGroupProps{Vpc: vpc})

	settings := awsssm.NewStringParameter(stack, jsii.String("Settings"), &awsssm.StringParameterProps{
		StringValue: jsii.String(`{"theme": "dark", "language": "en"}`),
	})

	web := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("Web"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path:            jsii.String("./web"),
		BuildArgs:       &map[string]*string{"API_URL": api.Url()},
		Vpc:             vpc,
		SecurityGroups:  &[]awsec2.ISecurityGroup{builds},
		SubnetSelection: &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_WITH_EGRESS},

		// web/tools is uploaded for the commands, although .dockerignore keeps it from docker.
		StageExtra:      jsii.Strings("tools"),
		InstallCommands: jsii.Strings(`install -m 755 tools/check-settings /usr/local/bin/`),

		// Values reach commands through the environment, so that no token becomes shell text.
		CommandEnvironment: &map[string]*string{"SETTINGS": settings.ParameterName()},
		PreBuildCommands: jsii.Strings(
			`aws ssm get-parameter --name "$SETTINGS" --query Parameter.Value --output text > settings.json`,
			`check-settings settings.json`,
		),
	})
	settings.GrantRead(web)

	task := awsecs.NewFargateTaskDefinition(stack, jsii.String("Task"), nil)
	task.AddContainer(jsii.String("web"), &awsecs.ContainerDefinitionOptions{
		Image:   web.ContainerImage(),
		Logging: awsecs.LogDriver_AwsLogs(&awsecs.AwsLogDriverProps{StreamPrefix: jsii.String("web")}),
	})
	awsecs.NewFargateService(stack, jsii.String("Service"), &awsecs.FargateServiceProps{
		Cluster:        awsecs.NewCluster(stack, jsii.String("Cluster"), &awsecs.ClusterProps{Vpc: vpc}),
		TaskDefinition: task,
	}).Node().AddDependency(web) // also without ContainerImage() the service would wait for the build

	awscdk.NewCfnOutput(stack, jsii.String("ApiUrl"), &awscdk.CfnOutputProps{Value: api.Url()})
}
