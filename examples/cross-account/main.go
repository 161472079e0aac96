// Command cross-account builds an image in one account and runs it as a Lambda function in another. The function pulls
// from the builder's own repository, whose policy lets it in.
package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

// place is where a stack goes.
type place struct{ account, region string }

func (p place) env() *awscdk.Environment {
	return &awscdk.Environment{Account: jsii.String(p.account), Region: jsii.String(p.region)}
}

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	context := func(name string) string { return app.Node().TryGetContext(jsii.String(name)).(string) }
	tools, workload := place{context("tools"), context("region")}, place{context("workload"), context("region")}
	builder := newToolsStack(app, tools, workload)
	newWorkloadStack(app, workload, tools).AddDependency(builder, nil)
	app.Synth(nil)
}

// newToolsStack builds the image, and lets the other account pull it and read the stack's outputs.
func newToolsStack(app awscdk.App, tools, workload place) awscdk.Stack {
	stack := awscdk.NewStack(app, jsii.String("Tools"), &awscdk.StackProps{Env: tools.env()})
	image := tokendocker.NewTokenInjectableDockerBuilder(stack, jsii.String("ApiImage"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path: jsii.String("./src/api"),
	})
	repository := image.Node().FindChild(jsii.String("ECRRepository")).(awsecr.Repository)
	repository.GrantPull(awsiam.NewAccountPrincipal(jsii.String(workload.account)))
	repository.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil)},
		Actions:    jsii.Strings("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
		Conditions: &map[string]any{"StringLike": map[string]any{
			"aws:sourceArn": fmt.Sprintf("arn:aws:lambda:%s:%s:function:*", workload.region, workload.account)}},
	}))

	awscdk.NewCfnOutput(stack, jsii.String("Name"), &awscdk.CfnOutputProps{Value: image.RepositoryName()})
	awscdk.NewCfnOutput(stack, jsii.String("Tag"), &awscdk.CfnOutputProps{Value: image.ImageTag()})
	reader := awsiam.NewRole(stack, jsii.String("OutputReader"), &awsiam.RoleProps{
		RoleName: jsii.String("tools-output-reader"), AssumedBy: awsiam.NewAccountPrincipal(jsii.String(workload.account)),
	})
	reader.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("cloudformation:DescribeStacks"), Resources: jsii.Strings(*stack.StackId()),
	}))
	return stack
}

// newWorkloadStack runs the image. Its name and tag exist only once the other stack is deployed, so CloudFormation
// reads them there.
func newWorkloadStack(app awscdk.App, workload, tools place) awscdk.Stack {
	stack := awscdk.NewStack(app, jsii.String("Workload"), &awscdk.StackProps{Env: workload.env()})
	output := func(name string) *string {
		return awscdk.Token_AsString(map[string]any{"Fn::GetStackOutput": map[string]any{
			"StackName": "Tools", "OutputName": name, "RoleArn": fmt.Sprintf("arn:aws:iam::%s:role/tools-output-reader", tools.account),
		}}, nil)
	}
	repository := awsecr.Repository_FromRepositoryAttributes(stack, jsii.String("Repository"), &awsecr.RepositoryAttributes{
		RepositoryName: output("Name"),
		RepositoryArn:  jsii.String(fmt.Sprintf("arn:aws:ecr:%s:%s:repository/%s", tools.region, tools.account, *output("Name"))),
	})
	awslambda.NewDockerImageFunction(stack, jsii.String("Api"), &awslambda.DockerImageFunctionProps{
		Code: awslambda.DockerImageCode_FromEcr(repository, &awslambda.EcrImageCodeProps{TagOrDigest: output("Tag")}),
	})
	return stack
}
