package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbackup"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsrds"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"
	"github.com/aws/aws-cdk-go/awscdk/v2/triggers"
	"github.com/aws/jsii-runtime-go"
)

// database is a database in subnets without a way out: its password is made, attached and rotated, a proxy stands before
// it and a plan backs it up. A trigger looks at the secret while the stack deploys.
func database(app awscdk.App, step string) {
	stack := awscdk.NewStack(app, jsii.String("Database"), nil)
	vpc := awsec2.NewVpc(stack, jsii.String("Vpc"), &awsec2.VpcProps{MaxAzs: jsii.Number(2), NatGateways: jsii.Number(0),
		SubnetConfiguration: &[]*awsec2.SubnetConfiguration{{Name: jsii.String("data"), SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED, CidrMask: jsii.Number(24)}}})
	vpc.AddInterfaceEndpoint(jsii.String("Secrets"), &awsec2.InterfaceVpcEndpointOptions{Service: awsec2.InterfaceVpcEndpointAwsService_SECRETS_MANAGER()})
	isolated := &awsec2.SubnetSelection{SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED}
	engine := awsrds.DatabaseInstanceEngine_Postgres(&awsrds.PostgresInstanceEngineProps{Version: awsrds.PostgresEngineVersion_VER_16()})
	db := awsrds.NewDatabaseInstance(stack, jsii.String("Shop"), &awsrds.DatabaseInstanceProps{
		Engine: engine, Vpc: vpc, VpcSubnets: isolated, Credentials: awsrds.Credentials_FromGeneratedSecret(jsii.String("shop"), nil),
		// A database's name cannot change: it is replaced.
		DatabaseName:     either(step == "first", "shop", "store"),
		StorageEncrypted: jsii.Bool(true), MultiAz: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_DESTROY, DeletionProtection: jsii.Bool(false),
		ParameterGroup: awsrds.NewParameterGroup(stack, jsii.String("Settings"), &awsrds.ParameterGroupProps{Engine: engine,
			Parameters: &map[string]*string{"log_statement": jsii.String("ddl")}}),
	})
	function := func(id, code string) awslambda.FunctionProps {
		return awslambda.FunctionProps{Runtime: awslambda.Runtime_NODEJS_22_X(), Handler: jsii.String("index.handler"), Timeout: awscdk.Duration_Minutes(jsii.Number(2)),
			Code: awslambda.Code_FromInline(jsii.String(code)), Description: jsii.String(id)}
	}
	rotate := function("rotate", "exports.handler = async (event) => console.log(event.Step);")
	rotate.Vpc, rotate.VpcSubnets = vpc, isolated
	rotation := awslambda.NewFunction(stack, jsii.String("Rotate"), &rotate)
	db.Secret().AddRotationSchedule(jsii.String("Monthly"), &awssecretsmanager.RotationScheduleOptions{RotationLambda: rotation,
		AutomaticallyAfter: awscdk.Duration_Days(jsii.Number(30)), RotateImmediatelyOnUpdate: jsii.Bool(false)})
	db.Connections().AllowDefaultPortFrom(rotation, nil)
	db.AddProxy(jsii.String("Proxy"), &awsrds.DatabaseProxyOptions{Secrets: &[]awssecretsmanager.ISecret{db.Secret()}, Vpc: vpc, VpcSubnets: isolated})
	awsbackup.BackupPlan_Daily35DayRetention(stack, jsii.String("Backups"), awsbackup.NewBackupVault(stack, jsii.String("Vault"),
		&awsbackup.BackupVaultProps{RemovalPolicy: awscdk.RemovalPolicy_DESTROY})).AddSelection(jsii.String("All"), &awsbackup.BackupSelectionOptions{
		Resources: &[]awsbackup.BackupResource{awsbackup.BackupResource_FromRdsDatabaseInstance(db)}})
	awscloudwatch.NewAlarm(stack, jsii.String("Full"), &awscloudwatch.AlarmProps{Metric: db.MetricFreeStorageSpace(nil), Threshold: jsii.Number(1e9),
		EvaluationPeriods: jsii.Number(3), ComparisonOperator: awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD})

	look := function("look", `const { SecretsManager } = require('@aws-sdk/client-secrets-manager');
exports.handler = async () => {
  const { SecretString } = await new SecretsManager({}).getSecretValue({ SecretId: process.env.SECRET });
  const { username, password, host, port, engine } = JSON.parse(SecretString);
  console.log('user', username, 'of', engine, 'with a password of', password.length, 'at', host + ':' + port);
};`)
	look.Environment = &map[string]*string{"SECRET": db.Secret().SecretArn()}
	trigger := triggers.NewTriggerFunction(stack, jsii.String("Look"), &triggers.TriggerFunctionProps{Runtime: look.Runtime, Handler: look.Handler, Timeout: look.Timeout,
		Code: look.Code, Environment: look.Environment})
	db.Secret().GrantRead(trigger, nil)
	if step == "broken" {
		// The secret has no such key.
		awsrds.NewCfnDBParameterGroup(stack, jsii.String("More"), &awsrds.CfnDBParameterGroupProps{Family: jsii.String("postgres16"),
			Description: db.Secret().SecretValueFromJson(jsii.String("nickname")).UnsafeUnwrap()})
	}
	output(stack, "Endpoint", db.InstanceEndpoint().SocketAddress())
	output(stack, "SecretArn", db.Secret().SecretArn())
}
