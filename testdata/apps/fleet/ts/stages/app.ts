// The same two stacks in two stages, with an aspect and tags for each: the service uses the data stack's queue through
// an export, which production must not lose.

import { App, Aspects, CfnOutput, CfnResource, Duration, IAspect, RemovalPolicy, Stack, Stage, Tags } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as events from 'aws-cdk-lib/aws-events';
import { SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { IConstruct } from 'constructs';

const app = new App();
const step: string = app.node.tryGetContext('step') ?? 'first';

/** Gives each log group of a stage its retention. */
class Retention implements IAspect {
  constructor(private readonly days: number) {}
  visit(node: IConstruct): void {
    if (node instanceof logs.CfnLogGroup) node.retentionInDays = this.days;
  }
}

class Data extends Stack {
  readonly jobs: sqs.Queue;
  constructor(scope: Stage, id: string) {
    super(scope, id, { stackName: `${scope.stageName}-data` });
    const broken = step === 'broken' && scope.stageName === 'Prod';
    // An export that another stack uses cannot change, so neither can the queue's name.
    this.jobs = new sqs.Queue(this, 'Jobs', { queueName: `${this.stackName}-${broken ? 'tasks' : 'jobs'}`, visibilityTimeout: Duration.minutes(2) });
    // A topic's name cannot change: it is replaced; nobody else uses it.
    new sns.Topic(this, 'News', { topicName: `${this.stackName}-${step === 'first' ? 'news' : 'letters'}` });
    new logs.LogGroup(this, 'Log', { removalPolicy: RemovalPolicy.DESTROY });
  }
}

class Service extends Stack {
  constructor(scope: Stage, id: string, jobs: sqs.IQueue) {
    super(scope, id, { stackName: `${scope.stageName}-service` });
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    const worker = new lambda.Function(this, 'Worker', {
      runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', role, timeout: Duration.minutes(1),
      code: lambda.Code.fromInline('exports.handler = async () => process.env.QUEUE;'), environment: { QUEUE: jobs.queueUrl },
      logGroup: new logs.LogGroup(this, 'Log', { removalPolicy: RemovalPolicy.DESTROY }),
    });
    jobs.grantConsumeMessages(worker);
    new lambda.EventSourceMapping(this, 'Source', { target: worker, eventSourceArn: jobs.queueArn });
    new events.Rule(this, 'Hourly', { schedule: events.Schedule.rate(Duration.hours(1)), targets: [new SqsQueue(new sqs.Queue(this, 'Ticks'))] });
    new cloudwatch.Alarm(this, 'Busy', { metric: jobs.metricApproximateNumberOfMessagesVisible(), threshold: 100, evaluationPeriods: 3 });
    new CfnOutput(this, 'Queue', { value: jobs.queueUrl });
  }
}

for (const [name, days] of [['Dev', 3], ['Prod', 365]] as const) {
  const stage = new Stage(app, name);
  const data = new Data(stage, 'Data');
  new Service(stage, 'Service', data.jobs);
  Aspects.of(stage).add(new Retention(days));
  Tags.of(stage).add('stage', name.toLowerCase());
  Aspects.of(stage).add({ visit: (node) => { if (CfnResource.isCfnResource(node)) node.addMetadata('stage', name); } });
}
app.synth();
