// Jobs by the clock: a rule, schedules in a group, an event bus with an archive, dead letters. Log retention is set by a
// custom resource of the CDK, on a group that is not the stack's.

import { App, CfnOutput, Duration, RemovalPolicy, Stack, TimeZone } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import { LambdaInvoke } from 'aws-cdk-lib/aws-scheduler-targets';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import * as ssm from 'aws-cdk-lib/aws-ssm';

const app = new App();
const step: string = app.node.tryGetContext('step') ?? 'first';
const stack = new Stack(app, 'Nightly');

const dead = new sqs.Queue(stack, 'Dead', { retentionPeriod: Duration.days(14) });
const report = new lambda.Function(stack, 'Report', {
  functionName: 'nightly-report',
  runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', timeout: Duration.minutes(1),
  code: lambda.Code.fromInline('exports.handler = async (event) => console.log(JSON.stringify(event));'),
  logRetention: logs.RetentionDays.ONE_WEEK,
  deadLetterQueue: dead, retryAttempts: 1, maxEventAge: Duration.hours(1),
});
new events.Rule(stack, 'EveryNight', {
  schedule: events.Schedule.cron({ minute: '0', hour: '2' }),
  targets: [new targets.LambdaFunction(report, { deadLetterQueue: dead })],
});
const bus = new events.EventBus(stack, 'Bus', { eventBusName: 'shop' });
bus.archive('Archive', { eventPattern: { source: ['shop'] }, retention: Duration.days(30) });
new events.Rule(stack, 'Paid', { eventBus: bus, eventPattern: { detailType: ['paid'] }, targets: [new targets.LambdaFunction(report)] });

// A group's name cannot change: it is replaced, and with it the schedule in it.
const group = new scheduler.ScheduleGroup(stack, 'Group', { scheduleGroupName: step === 'first' ? 'reports' : 'reports-v2', removalPolicy: RemovalPolicy.DESTROY });
new scheduler.Schedule(stack, 'Monthly', {
  scheduleGroup: group, target: new LambdaInvoke(report, { input: scheduler.ScheduleTargetInput.fromObject({ month: true }) }),
  schedule: scheduler.ScheduleExpression.cron({ minute: '0', hour: '3', day: '1', timeZone: TimeZone.EUROPE_BERLIN }),
});
const enabled = new ssm.StringParameter(stack, 'Enabled', { parameterName: '/nightly/enabled', stringValue: 'yes', allowedPattern: '^(yes|no)$' });
enabled.grantRead(report);
new cloudwatch.CompositeAlarm(stack, 'Bad', {
  alarmRule: cloudwatch.AlarmRule.anyOf(
    new cloudwatch.Alarm(stack, 'Errors', { metric: report.metricErrors(), threshold: 1, evaluationPeriods: 1 }),
    new cloudwatch.Alarm(stack, 'Letters', { metric: dead.metricApproximateNumberOfMessagesVisible(), threshold: 1, evaluationPeriods: 1 })),
});
if (step === 'broken') {
  // The custom resource made this group when the function came.
  new logs.LogGroup(stack, 'Log', { logGroupName: '/aws/lambda/nightly-report', removalPolicy: RemovalPolicy.DESTROY });
}

new CfnOutput(stack, 'BusArn', { value: bus.eventBusArn });
new CfnOutput(stack, 'LogGroup', { value: report.logGroup.logGroupName });
new CfnOutput(stack, 'GroupArn', { value: group.scheduleGroupArn });
app.synth();
