// Tenants as resources: a custom resource of the app's own, with the CDK's provider framework, which asks until a tenant
// is ready. Each tenant is a secret and a row of parameters; another name is another tenant.

import { App, CfnOutput, CustomResource, Duration, RemovalPolicy, SecretValue, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import { Provider } from 'aws-cdk-lib/custom-resources';
import { Construct } from 'constructs';

const app = new App();
const step: string = app.node.tryGetContext('step') ?? 'first';
const stack = new Stack(app, 'Tenants');

const fn = (id: string, code: string) => new lambda.Function(stack, id, {
  runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', timeout: Duration.minutes(5), code: lambda.Code.fromInline(code),
});
const onEvent = fn('OnEvent', `
const { SSM } = require('@aws-sdk/client-ssm');
exports.handler = async ({ RequestType, PhysicalResourceId, ResourceProperties: { Name, Plan } }) => {
  const ssm = new SSM({});
  console.log(RequestType, Name, PhysicalResourceId);
  if (RequestType === 'Delete') {
    await ssm.deleteParameter({ Name: '/tenants/' + PhysicalResourceId });
    return;
  }
  if (Plan === 'free') throw new Error('nothing is free, ' + Name);
  await ssm.putParameter({ Name: '/tenants/' + Name, Value: Plan, Type: 'String', Overwrite: true });
  return { PhysicalResourceId: Name, Data: { Plan, Url: 'https://' + Name + '.example.com/' } };
};`);
const isComplete = fn('IsComplete', `
const { SSM } = require('@aws-sdk/client-ssm');
let asked = 0;
exports.handler = async ({ RequestType, PhysicalResourceId }) => {
  if (RequestType === 'Delete') return { IsComplete: true };
  const { Parameter } = await new SSM({}).getParameter({ Name: '/tenants/' + PhysicalResourceId });
  return ++asked < 2 ? { IsComplete: false } : { IsComplete: true, Data: { Ready: Parameter.Value } };
};`);
for (const f of [onEvent, isComplete]) {
  f.addToRolePolicy(new iam.PolicyStatement({
    actions: ['ssm:PutParameter', 'ssm:GetParameter', 'ssm:DeleteParameter'],
    resources: [stack.formatArn({ service: 'ssm', resource: 'parameter', resourceName: 'tenants/*' })],
  }));
}
const provider = new Provider(stack, 'Provider', {
  onEventHandler: onEvent, isCompleteHandler: isComplete, queryInterval: Duration.seconds(5), totalTimeout: Duration.minutes(10),
  logGroup: new logs.LogGroup(stack, 'ProviderLog', { removalPolicy: RemovalPolicy.DESTROY }),
});

class Tenant extends Construct {
  readonly url: string;
  readonly ready: string;
  constructor(scope: Construct, id: string, name: string, plan: string) {
    super(scope, id);
    const tenant = new CustomResource(this, 'Tenant', { serviceToken: provider.serviceToken, resourceType: 'Custom::Tenant', properties: { Name: name, Plan: plan } });
    this.url = tenant.getAttString('Url');
    this.ready = tenant.getAttString('Ready');
    new secretsmanager.Secret(this, 'Secret', { secretObjectValue: { url: SecretValue.unsafePlainText(this.url) }, removalPolicy: RemovalPolicy.DESTROY });
    new sqs.Queue(this, 'Inbox', { encryption: sqs.QueueEncryption.SQS_MANAGED });
  }
}

// A tenant of another name is another physical id: it is replaced.
const acme = new Tenant(stack, 'Acme', step === 'first' ? 'acme' : 'acme-inc', 'gold');
new Tenant(stack, 'Umbrella', 'umbrella', step === 'broken' ? 'free' : 'silver');

new CfnOutput(stack, 'Url', { value: acme.url });
new CfnOutput(stack, 'Ready', { value: acme.ready });
app.synth();
