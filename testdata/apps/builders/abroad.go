package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

// abroad lets another account have an image: its registry takes replicas, a function there runs one, and an image that
// is built there has the original as its base. What only the first account's deploy knows comes by Fn::GetStackOutput.
func (a app) abroad(scope constructs.Construct, home awscdk.Stack, image tokendocker.TokenInjectableDockerBuilder) {
	env := &awscdk.StackProps{Env: &awscdk.Environment{Account: jsii.String(a.Abroad), Region: jsii.String(a.Region)}}
	gate, away := awscdk.NewStack(scope, jsii.String("Gate"), env), awscdk.NewStack(scope, jsii.String("Away"), env)
	home.AddDependency(gate, nil)
	away.AddDependency(home, nil)
	awsecr.NewCfnRegistryPolicy(gate, jsii.String("Policy"), &awsecr.CfnRegistryPolicyProps{PolicyText: map[string]any{
		"Version": "2012-10-17", "Statement": []any{map[string]any{"Sid": "Replicas", "Effect": "Allow",
			"Principal": map[string]any{"AWS": fmt.Sprintf("arn:aws:iam::%s:root", a.Account)},
			"Action":    []string{"ecr:CreateRepository", "ecr:ReplicateImage"},
			"Resource":  fmt.Sprintf("arn:aws:ecr:%s:%s:repository/*", a.Region, a.Abroad)}}}})
	a.lend(home, image)
	a.borrow(away)
}

// lend gives the image to the other account.
func (a app) lend(home awscdk.Stack, image tokendocker.TokenInjectableDockerBuilder) {
	rules := awsecr.NewCfnReplicationConfiguration(home, jsii.String("Replication"), &awsecr.CfnReplicationConfigurationProps{
		ReplicationConfiguration: map[string]any{"rules": []any{map[string]any{
			"destinations": []any{map[string]any{"region": a.Region, "registryId": a.Abroad}}}}}})
	image.Node().AddDependency(rules)
	repository := image.Node().FindChild(jsii.String("ECRRepository")).(awsecr.Repository)
	repository.GrantPull(awsiam.NewAccountPrincipal(jsii.String(a.Abroad)))
	repository.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil)},
		Actions:    jsii.Strings("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
		Conditions: &map[string]any{"StringLike": map[string]any{"aws:sourceArn": fmt.Sprintf("arn:aws:lambda:%s:%s:function:*", a.Region, a.Abroad)}},
	}))
	awsiam.NewRole(home, jsii.String("Reader"), &awsiam.RoleProps{RoleName: jsii.String("reader"),
		AssumedBy: awsiam.NewAccountPrincipal(jsii.String(a.Abroad)),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"read": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{
			Statements: &[]awsiam.PolicyStatement{awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Actions: jsii.Strings("cloudformation:DescribeStacks"), Resources: jsii.Strings(*home.StackId())})}})}})
	for name, value := range map[string]*string{"Name": image.RepositoryName(), "Tag": image.ImageTag()} {
		awscdk.NewCfnOutput(home, jsii.String(name), &awscdk.CfnOutputProps{Value: value})
	}
}

// borrow uses the image in the other account.
func (a app) borrow(away awscdk.Stack) {
	output := func(name string) *string {
		return awscdk.Token_AsString(map[string]any{"Fn::GetStackOutput": map[string]any{
			"StackName": a.Stack, "OutputName": name, "RoleArn": fmt.Sprintf("arn:aws:iam::%s:role/reader", a.Account)}}, nil)
	}
	base := awsecr.Repository_FromRepositoryAttributes(away, jsii.String("Base"), &awsecr.RepositoryAttributes{
		RepositoryArn:  jsii.String(fmt.Sprintf("arn:aws:ecr:%s:%s:repository/%s", a.Region, a.Account, *output("Name"))),
		RepositoryName: output("Name"),
	})
	awslambda.NewDockerImageFunction(away, jsii.String("Function"), &awslambda.DockerImageFunctionProps{
		Code: awslambda.DockerImageCode_FromEcr(base, &awslambda.EcrImageCodeProps{TagOrDigest: output("Tag")})})
	host := fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com", a.Account, a.Region)
	onward := tokendocker.NewTokenInjectableDockerBuilder(away, jsii.String("Onward"), &tokendocker.TokenInjectableDockerBuilderProps{
		Path:             jsii.String("onward"),
		BuildArgs:        &map[string]*string{"BASE": jsii.String(host + "/" + *output("Name") + ":" + *output("Tag"))},
		PreBuildCommands: jsii.Strings("aws ecr get-login-password | docker login --username AWS --password-stdin " + host),
	})
	base.GrantPull(onward)
}
