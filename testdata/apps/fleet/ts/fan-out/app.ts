// One topic, three queues with dead letters, a filter, an encrypted queue and a function that works one of them off.

import { App, Arn, ArnFormat, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as actions from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import { SqsSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import * as sqs from 'aws-cdk-lib/aws-sqs';

const app = new App();
const step: string = app.node.tryGetContext('step') ?? 'first';
const stack = new Stack(app, 'FanOut');

const key = new kms.Key(stack, 'Key', { enableKeyRotation: true, removalPolicy: RemovalPolicy.DESTROY, pendingWindow: Duration.days(7) });
key.addAlias('alias/fan-out');
const events = new sns.Topic(stack, 'Events', { displayName: 'what happened' });
const alerts = new sns.Topic(stack, 'Alerts');

const queues = ['Mail', 'Billing', 'Search'].map((name) => {
  const dead = new sqs.Queue(stack, name + 'Dead', { retentionPeriod: Duration.days(14) });
  const queue = new sqs.Queue(stack, name, {
    // A queue's name cannot change: it is replaced.
    queueName: name === 'Mail' ? (step === 'first' ? 'mail' : 'letters') : undefined,
    encryptionMasterKey: name === 'Billing' ? key : undefined,
    deadLetterQueue: { queue: dead, maxReceiveCount: 3 },
    visibilityTimeout: Duration.minutes(3),
  });
  events.addSubscription(new SqsSubscription(queue, {
    rawMessageDelivery: true,
    filterPolicy: name === 'Billing' ? { kind: sns.SubscriptionFilter.stringFilter({ allowlist: ['paid'] }) } : undefined,
  }));
  new cloudwatch.Alarm(stack, name + 'Alarm', {
    metric: dead.metricApproximateNumberOfMessagesVisible(), threshold: 1, evaluationPeriods: 1,
  }).addAlarmAction(new actions.SnsAction(alerts));
  return queue;
});

const mailer = new lambda.Function(stack, 'Mailer', {
  runtime: lambda.Runtime.NODEJS_22_X,
  handler: 'index.handler',
  code: lambda.Code.fromInline('exports.handler = async (event) => ({ batchItemFailures: [] });'),
  logGroup: new logs.LogGroup(stack, 'MailerLog', { retention: logs.RetentionDays.ONE_WEEK, removalPolicy: RemovalPolicy.DESTROY }),
  // Lambda takes 4 KB of environment.
  environment: step === 'broken' ? { TEMPLATE: 'x'.repeat(5000) } : {},
});
mailer.addEventSource(new SqsEventSource(queues[0], { batchSize: 5, reportBatchItemFailures: true }));
new cloudwatch.Dashboard(stack, 'Dashboard', {
  widgets: [queues.map((q) => new cloudwatch.GraphWidget({ left: [q.metricNumberOfMessagesReceived()] }))],
});

new CfnOutput(stack, 'MailUrl', { value: queues[0].queueUrl });
new CfnOutput(stack, 'MailArn', { value: queues[0].queueArn });
new CfnOutput(stack, 'TopicName', { value: events.topicName });
new CfnOutput(stack, 'TopicPart', { value: Arn.split(events.topicArn, ArnFormat.NO_RESOURCE_NAME).resource });
app.synth();
