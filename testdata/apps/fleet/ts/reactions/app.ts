// What happens is heard: a build that fails, an object that comes, an execution that ends, a minute that passes, a stack's
// own events, and an event of the app on a bus of its own, which a rule sends on. Each reaches one function. A trigger
// makes it all happen while the stack deploys, and waits until the function has heard of it.

import { App, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as s3n from 'aws-cdk-lib/aws-s3-notifications';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { TriggerFunction } from 'aws-cdk-lib/triggers';
import { Construct } from 'constructs';

const app = new App({ context: { '@aws-cdk/customresources:installLatestAwsSdkDefault': false } });
const step: string = app.node.tryGetContext('step') ?? 'first';
const stack = new Stack(app, 'Reactions');

const heard = new logs.LogGroup(stack, 'Heard', { removalPolicy: RemovalPolicy.DESTROY });
const ears = new lambda.Function(stack, 'Ears', {
  runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', timeout: Duration.minutes(2), logGroup: heard,
  code: lambda.Code.fromInline(`
exports.handler = async (event) => {
  for (const record of event.Records ?? []) console.log('heard:', record.eventName, record.s3.object.key);
  if (event.heard) console.log('heard:', event.heard);
  if (event['detail-type']) console.log('heard:', event['detail-type'], event.detail?.status ?? event.detail?.order ?? '');
};`),
});
const hear = (text: string) => new targets.LambdaFunction(ears, { event: events.RuleTargetInput.fromObject({ heard: text }) });

const project = new codebuild.Project(stack, 'Project', {
  buildSpec: codebuild.BuildSpec.fromObject({ version: '0.2', phases: { build: { commands: ['exit 3'] } } }),
});
project.onBuildFailed('Failed', {
  target: hear(`build ${codebuild.StateChangeEvent.buildStatus} in ${codebuild.StateChangeEvent.currentPhase}`),
});
project.onPhaseChange('Phase', {
  eventPattern: { detail: { 'completed-phase': ['BUILD'], 'completed-phase-status': [{ 'anything-but': 'SUCCEEDED' }] } },
  target: hear(`phase ${codebuild.PhaseChangeEvent.completedPhase} ${codebuild.PhaseChangeEvent.completedPhaseStatus}`),
});

const bucket = new s3.Bucket(stack, 'Bucket', { removalPolicy: RemovalPolicy.DESTROY, autoDeleteObjects: true, eventBridgeEnabled: true });
bucket.addEventNotification(s3.EventType.OBJECT_CREATED, new s3n.LambdaDestination(ears), { prefix: 'in/', suffix: '.txt' });
const machine = new sfn.StateMachine(stack, 'Machine', {
  definitionBody: sfn.DefinitionBody.fromChainable(new sfn.Pass(stack, 'Seen', { parameters: { 'key.$': '$.key' } })),
});
new events.Rule(stack, 'Created', {
  eventPattern: { source: ['aws.s3'], detailType: events.Match.exactString('Object Created'), detail: { bucket: { name: [bucket.bucketName] }, object: { key: events.Match.suffix('.txt') } } },
  targets: [new targets.SfnStateMachine(machine, { input: events.RuleTargetInput.fromObject({ key: events.EventField.fromPath('$.detail.object.key') }) })],
});
new events.Rule(stack, 'Executed', {
  eventPattern: { source: ['aws.states'], detail: { stateMachineArn: [machine.stateMachineArn], status: ['SUCCEEDED', 'FAILED'] } },
  targets: [new targets.LambdaFunction(ears)],
});
new events.Rule(stack, 'EachMinute', { schedule: events.Schedule.rate(Duration.minutes(1)), targets: [hear(`time ${events.EventField.detailType}`)] });
new events.Rule(stack, 'Playing', {
  eventPattern: { source: ['aws.cloudformation'], resources: [stack.stackId], detail: { 'resource-type': ['Custom::Trigger'], 'status-details': { status: events.Match.suffix('_IN_PROGRESS') } } },
  targets: [new targets.LambdaFunction(ears)],
});

// A bus's name cannot change: it is replaced, and with it the rule on it.
const bus = new events.EventBus(stack, 'Bus', { eventBusName: step === 'first' ? 'shop' : 'shop-v2' });
new events.Rule(stack, 'Forward', {
  eventBus: bus, eventPattern: { source: events.Match.prefix('shop.'), detail: { total: events.Match.greaterThan(10) } },
  targets: [new targets.EventBus(events.EventBus.fromEventBusName(stack, 'Default', 'default'))],
});
const orders = new logs.LogGroup(stack, 'Orders', { logGroupName: '/aws/events/orders', removalPolicy: RemovalPolicy.DESTROY });
new events.Rule(stack, 'Ordered', {
  eventPattern: { source: ['shop.orders'] }, targets: [new targets.LambdaFunction(ears), new targets.CloudWatchLogGroup(orders)],
});
if (step === 'broken') {
  new events.CfnRule(stack, 'Wrong', { eventPattern: { source: 'shop.orders' } });
}

const wanted = ['build FAILED in COMPLETED', 'phase BUILD FAILED', 'ObjectCreated:Put in/a.txt', 'Step Functions Execution Status Change SUCCEEDED', 'time Scheduled Event',
  'CloudFormation Resource Status Change', 'Ordered ' + step];
const everything = stack.node.children.filter(Construct.isConstruct);
const play = new TriggerFunction(stack, 'Play', {
  runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', timeout: Duration.minutes(10), executeAfter: everything,
  code: lambda.Code.fromInline(`
const { S3Client, PutObjectCommand } = require('@aws-sdk/client-s3');
const { CodeBuildClient, StartBuildCommand } = require('@aws-sdk/client-codebuild');
const { EventBridgeClient, PutEventsCommand } = require('@aws-sdk/client-eventbridge');
const { CloudWatchLogsClient, FilterLogEventsCommand } = require('@aws-sdk/client-cloudwatch-logs');
const order = (id, total) => ({ EventBusName: process.env.BUS, Source: 'shop.orders', DetailType: 'Ordered', Detail: JSON.stringify({ order: id, total }) });
exports.handler = async () => {
  const startTime = Date.now();
  for (const Key of ['out/a.txt', 'in/a.csv', 'in/a.txt']) await new S3Client({}).send(new PutObjectCommand({ Bucket: process.env.BUCKET, Key, Body: 'x' }));
  await new CodeBuildClient({}).send(new StartBuildCommand({ projectName: process.env.PROJECT }));
  const put = await new EventBridgeClient({}).send(new PutEventsCommand({ Entries: [order('too small', 5), order('${step}', 50)] }));
  if (put.FailedEntryCount) throw new Error(JSON.stringify(put.Entries));
  const logs = new CloudWatchLogsClient({}), wanted = JSON.parse(process.env.WANTED);
  for (;;) {
    const { events } = await logs.send(new FilterLogEventsCommand({ logGroupName: process.env.HEARD }));
    const missing = wanted.filter((text) => !events.some((e) => e.message.includes('heard: ' + text)));
    const wrong = events.find((e) => /too small|a\\.csv|out\\//.test(e.message));
    if (wrong) throw new Error('heard of what it should not: ' + wrong.message);
    if (!missing.length) return console.log('all was heard');
    if (Date.now() - startTime > 60000) throw new Error('not heard: ' + missing);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};`),
  environment: { BUS: bus.eventBusName, BUCKET: bucket.bucketName, PROJECT: project.projectName, HEARD: heard.logGroupName, WANTED: JSON.stringify(wanted) },
});
bucket.grantPut(play);
bus.grantPutEventsTo(play);
heard.grant(play, 'logs:FilterLogEvents');
play.addToRolePolicy(new iam.PolicyStatement({ actions: ['codebuild:StartBuild'], resources: [project.projectArn] }));

new CfnOutput(stack, 'BusArn', { value: bus.eventBusArn });
new CfnOutput(stack, 'BucketName', { value: bucket.bucketName });
app.synth();
