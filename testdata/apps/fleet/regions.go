package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/customresources"
	"github.com/aws/jsii-runtime-go"
)

// regions is one service in Frankfurt with a copy of its data in Sydney: a global table, a bucket that is replicated, and a
// parameter over there that a custom resource writes. The stacks refer to each other weakly, by Fn::GetStackOutput.
func regions(app awscdk.App, step string) {
	app.Node().SetContext(jsii.String("@aws-cdk/core:defaultCrossStackReferences"), jsii.String("weak"))
	in := func(name, region string) awscdk.Stack {
		return awscdk.NewStack(app, &name, &awscdk.StackProps{Env: &awscdk.Environment{Account: jsii.String("123456789012"), Region: &region}, CrossRegionReferences: jsii.Bool(true)})
	}
	bucket := func(stack awscdk.Stack, props awss3.BucketProps) awss3.Bucket {
		props.Versioned, props.RemovalPolicy = jsii.Bool(true), awscdk.RemovalPolicy_DESTROY
		return awss3.NewBucket(stack, jsii.String("Bucket"), &props)
	}
	sydney := in("Sydney", "ap-southeast-2")
	replica := bucket(sydney, awss3.BucketProps{BucketName: jsii.String("copies-123456789012")})
	key := awskms.NewKey(sydney, jsii.String("Key"), &awskms.KeyProps{RemovalPolicy: awscdk.RemovalPolicy_DESTROY, Alias: jsii.String("alias/copies")})
	alerts := awssns.NewTopic(sydney, jsii.String("Alerts"), &awssns.TopicProps{MasterKey: key,
		// A topic's name cannot change: it is replaced.
		TopicName: either(step == "first", "alerts", "alarms")})
	awslogs.NewLogGroup(sydney, jsii.String("Log"), &awslogs.LogGroupProps{RemovalPolicy: awscdk.RemovalPolicy_DESTROY})

	frankfurt := in("Frankfurt", "eu-central-1")
	frankfurt.AddStackDependency(sydney, nil)
	bucket(frankfurt, awss3.BucketProps{ReplicationRules: &[]*awss3.ReplicationRule{{Destination: replica, Priority: jsii.Number(1)}}})
	table := awsdynamodb.NewTableV2(frankfurt, jsii.String("Table"), &awsdynamodb.TablePropsV2{RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
		PartitionKey: &awsdynamodb.Attribute{Name: jsii.String("id"), Type: awsdynamodb.AttributeType_STRING},
		Replicas:     &[]*awsdynamodb.ReplicaTableProps{{Region: jsii.String("ap-southeast-2")}}})
	function := awslambda.NewFunction(frankfurt, jsii.String("Function"), &awslambda.FunctionProps{Runtime: awslambda.Runtime_NODEJS_22_X(), Handler: jsii.String("index.handler"),
		Code: awslambda.Code_FromInline(jsii.String("exports.handler = async () => process.env.ALERTS;")), Environment: &map[string]*string{"ALERTS": alerts.TopicArn()}})
	table.GrantReadWriteData(function)
	awsevents.NewRule(frankfurt, jsii.String("Hourly"), &awsevents.RuleProps{Schedule: awsevents.Schedule_Rate(awscdk.Duration_Hours(jsii.Number(1)))})
	awscloudwatch.NewAlarm(frankfurt, jsii.String("Slow"), &awscloudwatch.AlarmProps{Metric: function.MetricDuration(nil), Threshold: jsii.Number(1000), EvaluationPeriods: jsii.Number(1)})

	call := func(action string, parameters map[string]any) *customresources.AwsSdkCall {
		return &customresources.AwsSdkCall{Service: jsii.String("SSM"), Action: &action, Region: jsii.String("ap-southeast-2"), Parameters: parameters,
			PhysicalResourceId: customresources.PhysicalResourceId_Of(jsii.String("/regions/table"))}
	}
	name := map[string]any{"Name": "/regions/table"}
	// The type is none that Systems Manager has.
	put := call("PutParameter", map[string]any{"Name": "/regions/table", "Value": table.TableName(), "Type": either(step == "broken", "Number", "String"), "Overwrite": true})
	customresources.NewAwsCustomResource(frankfurt, jsii.String("Tell"), &customresources.AwsCustomResourceProps{OnCreate: put, OnUpdate: put, OnDelete: call("DeleteParameter", name),
		InstallLatestAwsSdk: jsii.Bool(false), Policy: customresources.AwsCustomResourcePolicy_FromStatements(&[]awsiam.PolicyStatement{awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("ssm:PutParameter", "ssm:DeleteParameter"), Resources: jsii.Strings("arn:aws:ssm:ap-southeast-2:123456789012:parameter/regions/table")})})})
	output(frankfurt, "Alerts", alerts.TopicArn())
	output(frankfurt, "TableName", table.TableName())
}
