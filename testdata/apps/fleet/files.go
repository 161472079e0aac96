package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsefs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// files is a file system that a function mounts, in a network of another stack.
func files(app awscdk.App, step string) {
	network := awscdk.NewStack(app, jsii.String("FilesNetwork"), nil)
	vpc := awsec2.NewVpc(network, jsii.String("Vpc"), &awsec2.VpcProps{MaxAzs: jsii.Number(2), NatGateways: jsii.Number(1),
		IpAddresses: awsec2.IpAddresses_Cidr(jsii.String("10.20.0.0/16"))})
	if step == "broken" {
		// Its addresses are those of the first subnet.
		awsec2.NewPrivateSubnet(network, jsii.String("More"), &awsec2.PrivateSubnetProps{VpcId: vpc.VpcId(), CidrBlock: jsii.String("10.20.0.0/24"),
			AvailabilityZone: (*vpc.AvailabilityZones())[0]})
	}

	stack := awscdk.NewStack(app, jsii.String("Files"), nil)
	system := awsefs.NewFileSystem(stack, jsii.String("System"), &awsefs.FileSystemProps{Vpc: vpc, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		KmsKey:          awskms.NewKey(stack, jsii.String("Key"), &awskms.KeyProps{EnableKeyRotation: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_DESTROY}),
		LifecyclePolicy: awsefs.LifecyclePolicy_AFTER_14_DAYS, ThroughputMode: awsefs.ThroughputMode_ELASTIC})
	// Whose files a point shows cannot change: it is replaced.
	user := either(step == "first", "1000", "2000")
	point := system.AddAccessPoint(jsii.String("Uploads"), &awsefs.AccessPointOptions{Path: jsii.String("/uploads"),
		PosixUser: &awsefs.PosixUser{Uid: user, Gid: user}, CreateAcl: &awsefs.Acl{OwnerUid: user, OwnerGid: user, Permissions: jsii.String("750")}})
	sweep := awslambda.NewFunction(stack, jsii.String("Sweep"), &awslambda.FunctionProps{Runtime: awslambda.Runtime_NODEJS_22_X(), Handler: jsii.String("index.handler"),
		Code: awslambda.Code_FromInline(jsii.String("exports.handler = async () => require('fs').readdirSync('/mnt/uploads');")), Vpc: vpc,
		Filesystem: awslambda.FileSystem_FromEfsAccessPoint(point, jsii.String("/mnt/uploads")), Timeout: awscdk.Duration_Minutes(jsii.Number(5)),
		DeadLetterQueueEnabled: jsii.Bool(true)})
	awsevents.NewRule(stack, jsii.String("Nightly"), &awsevents.RuleProps{Schedule: awsevents.Schedule_Rate(awscdk.Duration_Days(jsii.Number(1))),
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(sweep, nil)}})
	sweep.MetricErrors(nil).CreateAlarm(stack, jsii.String("Failed"), &awscloudwatch.CreateAlarmOptions{Threshold: jsii.Number(1), EvaluationPeriods: jsii.Number(1)})
	alias := awslambda.NewAlias(stack, jsii.String("Live"), &awslambda.AliasProps{AliasName: jsii.String("live"), Version: sweep.CurrentVersion()})
	output(stack, "FileSystem", system.FileSystemId())
	output(stack, "AccessPoint", point.AccessPointArn())
	output(stack, "Function", alias.FunctionArn())
}
