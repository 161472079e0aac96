package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker"
)

// record gives what the stack's builders share a key, a log of executions, and traces.
func record(stack awscdk.Stack) tokendocker.TokenInjectableDockerBuilderProvider {
	return tokendocker.TokenInjectableDockerBuilderProvider_GetOrCreate(stack, &tokendocker.TokenInjectableDockerBuilderProviderProps{
		EncryptionKey: awskms.NewKey(stack, jsii.String("History"), nil),
		ExecutionLogGroup: awslogs.NewLogGroup(stack, jsii.String("Executions"), &awslogs.LogGroupProps{
			LogGroupName: jsii.String("/aws/vendedlogs/states/executions"), RemovalPolicy: awscdk.RemovalPolicy_DESTROY}),
		Tracing: jsii.Bool(true),
	})
}
