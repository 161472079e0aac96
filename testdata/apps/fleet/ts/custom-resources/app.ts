// The custom resources of the CDK itself; the context "kind" names one.

import { App, CfnJson, CfnOutput, CustomResource, CustomResourceProvider, CustomResourceProviderRuntime, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { BucketDeployment, Source } from 'aws-cdk-lib/aws-s3-deployment';
import { SqsDestination } from 'aws-cdk-lib/aws-s3-notifications';
import * as ses from 'aws-cdk-lib/aws-ses';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import * as tasks from 'aws-cdk-lib/aws-stepfunctions-tasks';
import * as sqs from 'aws-cdk-lib/aws-sqs';

const app = new App();
const stack = new Stack(app, 'Cdk', { env: { account: process.env.CDK_DEFAULT_ACCOUNT, region: 'eu-west-1' } });
const output = (value: string) => new CfnOutput(stack, 'Said', { value });
const bucket = () => new s3.Bucket(stack, 'Bucket', { removalPolicy: RemovalPolicy.DESTROY, autoDeleteObjects: true });
const inline = lambda.Code.fromInline('exports.handler = async () => {};');

const kinds: Record<string, () => void> = {
  'auto-delete-images': () => { new ecr.Repository(stack, 'Images', { removalPolicy: RemovalPolicy.DESTROY, autoDeleteImages: true } as ecr.RepositoryProps); },
  'auto-delete-objects': () => { bucket(); },
  'bucket-deployment': () => { output(new BucketDeployment(stack, 'Site', { sources: [Source.asset('site')], destinationBucket: bucket() }).deployedBucket.bucketName); },
  'bucket-notifications': () => { bucket().addObjectCreatedNotification(new SqsDestination(new sqs.Queue(stack, 'Queue'))); },
  'cfn-json': () => {
    const conditions = new CfnJson(stack, 'Json', { value: { [`${new sqs.Queue(stack, 'Queue').queueName}:sub`]: 'me' } });
    output(new iam.Role(stack, 'Role', { assumedBy: new iam.WebIdentityPrincipal('example.com', { StringEquals: conditions }) }).roleName);
  },
  'client-secret': () => { output(new cognito.UserPool(stack, 'Users').addClient('Web', { generateSecret: true }).userPoolClientSecret.unsafeUnwrap()); },
  'custom-resource-provider': () => {
    const serviceToken = CustomResourceProvider.getOrCreate(stack, 'Custom::Adder', { codeDirectory: 'adder', runtime: CustomResourceProviderRuntime.NODEJS_22_X });
    output(new CustomResource(stack, 'Adder', { serviceToken, resourceType: 'Custom::Adder', properties: { a: 1, b: 2 } }).getAttString('Sum'));
  },
  'delete-record-set': () => {
    const zone = new route53.PublicHostedZone(stack, 'Zone', { zoneName: 'example.com' });
    new route53.ARecord(stack, 'Record', { zone, deleteExisting: true, target: route53.RecordTarget.fromIpAddresses('192.0.2.1') });
  },
  'drop-spam': () => { new ses.ReceiptRuleSet(stack, 'Rules', { dropSpam: true }); },
  'edge-function': () => { output(new cloudfront.experimental.EdgeFunction(stack, 'Edge', { runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', code: inline }).functionArn); },
  'evaluate-expression': () => { new sfn.StateMachine(stack, 'Machine', { definitionBody: sfn.DefinitionBody.fromChainable(new tasks.EvaluateExpression(stack, 'Add', { expression: '$.a + $.b' })) }); },
  'log-retention': () => { new logs.LogRetention(stack, 'Retention', { logGroupName: '/some/group', retention: logs.RetentionDays.ONE_DAY, removalPolicy: RemovalPolicy.DESTROY }); },
  'oidc-provider': () => { new iam.OpenIdConnectProvider(stack, 'GitHub', { url: 'https://token.actions.githubusercontent.com', thumbprints: ['6938fd4d98bab03faadb97b34396831e3780aea1'], clientIds: ['sts.amazonaws.com'] }); },
  'restrict-default-group': () => { new ec2.Vpc(stack, 'Vpc', { maxAzs: 1, natGateways: 0, restrictDefaultSecurityGroup: true }); },
  'table-replica': () => { new dynamodb.Table(stack, 'Table', { partitionKey: { name: 'id', type: dynamodb.AttributeType.STRING }, replicationRegions: ['us-east-2'], removalPolicy: RemovalPolicy.DESTROY }); },
};
kinds[app.node.tryGetContext('kind')]();
app.synth();
