// A template with loops, which the CDK has no construct for: an element of the app's own writes Fn::ForEach into it, over a
// parameter that is a list, with the functions that the transform AWS::LanguageExtensions adds.

import { App, CfnElement, CfnOutput, CfnParameter, Fn, Stack, Token } from 'aws-cdk-lib';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as ssm from 'aws-cdk-lib/aws-ssm';

const app = new App();
const step: string = app.node.tryGetContext('step') ?? 'first';
const stack = new Stack(app, 'Loops');
stack.templateOptions.transforms = ['AWS::LanguageExtensions'];

/** A part of a template, as it is. */
class Raw extends CfnElement {
  constructor(scope: Stack, id: string, private readonly part: object) { super(scope, id); }
  _toCloudFormation(): object { return this.part; }
}

const list = Fn.ref(new CfnParameter(stack, 'Teams', { type: 'CommaDelimitedList', default: 'red.one,green' }).logicalId);
new Raw(stack, 'Loop', {
  Conditions: { 'Fn::ForEach::Teams': ['Team', { Ref: 'Teams' }, { 'Is&{Team}': { 'Fn::Equals': ['${Team}', 'green'] } }] },
  Resources: {
    'Fn::ForEach::Queues': ['Team', { Ref: 'Teams' }, {
      'Queue&{Team}': { Type: 'AWS::SQS::Queue', Properties: { QueueName: { 'Fn::Sub': '${AWS::StackName}-&{Team}' }, VisibilityTimeout: { 'Fn::Length': { Ref: 'Teams' } } } },
      'Alarm&{Team}': {
        Type: 'AWS::CloudWatch::Alarm', Properties: {
          Namespace: 'AWS/SQS', MetricName: 'ApproximateAgeOfOldestMessage', Statistic: 'Maximum', Period: 300, EvaluationPeriods: 1, Threshold: 60,
          ComparisonOperator: 'GreaterThanThreshold', Dimensions: [{ Name: 'QueueName', Value: { 'Fn::GetAtt': ['Queue&{Team}', 'QueueName'] } }],
        },
      },
      'Topic&{Team}': { Type: 'AWS::SNS::Topic', Condition: 'Is&{Team}', Properties: { DisplayName: { Ref: 'Team' } } },
      'Fn::ForEach::Kinds': ['Kind', ['errors', step === 'first' ? 'access' : 'audit'], {
        // Another name is another resource: one comes and one goes.
        'Log&{Team}${Kind}': { Type: 'AWS::Logs::LogGroup', DeletionPolicy: 'Delete', Properties: { LogGroupName: '/loops/${Team}/${Kind}', RetentionInDays: 7 } },
      }],
    }],
  },
  Outputs: { 'Fn::ForEach::Urls': ['Team', { Ref: 'Teams' }, { 'Url&{Team}': { Value: { Ref: 'Queue&{Team}' } } }] },
});
new ssm.StringParameter(stack, 'Document', {
  parameterName: '/loops/teams', stringValue: Token.asString({ 'Fn::ToJsonString': { teams: list, count: Fn.len(list) } }),
});
const key = new kms.CfnKey(stack, 'Key', {
  pendingWindowInDays: 7, keyPolicy: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: `arn:${stack.partition}:iam::${stack.account}:root` }, Action: 'kms:*', Resource: '*' }] },
});
new secretsmanager.CfnSecret(stack, 'Secret', {
  // A secret's name cannot change: it is replaced.
  name: step === 'first' ? 'loops' : 'loops-v2', kmsKeyId: key.attrArn, generateSecretString: { passwordLength: 20 },
  // A secret is given or generated.
  secretString: step === 'broken' ? 'given' : undefined,
});
const all = new sns.CfnTopic(stack, 'All', { topicName: 'all.fifo', fifoTopic: true });
new sns.CfnTopicPolicy(stack, 'Policy', {
  topics: [all.ref], policyDocument: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: 'sns:Publish', Resource: all.ref, Condition: { StringEquals: { 'aws:SourceAccount': stack.account } } }] },
});
new CfnOutput(stack, 'Count', { value: Token.asString(Fn.len(list)) });
app.synth();
