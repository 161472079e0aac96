// Orders behind a REST API: a table, a function for each verb, keys with a quota, and a parameter that a custom resource
// of the CDK writes with the API's address.

import { App, Aws, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { AwsCustomResource, AwsCustomResourcePolicy, PhysicalResourceId } from 'aws-cdk-lib/custom-resources';

const app = new App();
const step: string = app.node.tryGetContext('step') ?? 'first';
const stack = new Stack(app, 'Orders');

const table = new dynamodb.Table(stack, 'Table', {
  partitionKey: { name: 'customer', type: dynamodb.AttributeType.STRING },
  // A table cannot get another key: it is replaced.
  sortKey: { name: step === 'first' ? 'order' : 'placed', type: dynamodb.AttributeType.STRING },
  billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
  stream: dynamodb.StreamViewType.NEW_IMAGE,
  removalPolicy: RemovalPolicy.DESTROY,
});
table.addGlobalSecondaryIndex({ indexName: 'byState', partitionKey: { name: 'state', type: dynamodb.AttributeType.STRING } });

const api = new apigateway.RestApi(stack, 'Api', { deployOptions: { stageName: 'live', throttlingRateLimit: 50 } });
const orders = api.root.addResource('orders');
for (const verb of ['GET', 'POST']) {
  const handler = new lambda.Function(stack, verb === 'GET' ? 'List' : 'Place', {
    runtime: lambda.Runtime.NODEJS_22_X,
    handler: 'index.handler',
    code: lambda.Code.fromInline(`exports.handler = async () => ({ statusCode: 200, body: process.env.TABLE });`),
    environment: { TABLE: table.tableName },
    timeout: Duration.seconds(30),
  });
  if (verb === 'GET') table.grantReadData(handler);
  else table.grantWriteData(handler);
  orders.addMethod(verb, new apigateway.LambdaIntegration(handler), { apiKeyRequired: true });
  new cloudwatch.Alarm(stack, verb + 'Errors', { metric: handler.metricErrors(), threshold: 1, evaluationPeriods: 1 });
}
api.addUsagePlan('Partners', { quota: { limit: 10_000, period: apigateway.Period.DAY } })
  .addApiKey(api.addApiKey('Partner'));

const name = `/orders/${Aws.STACK_NAME}/url`;
const parameter = `arn:${Aws.PARTITION}:ssm:${Aws.REGION}:${Aws.ACCOUNT_ID}:parameter${name}`;
const write = {
  service: 'SSM', action: 'PutParameter', physicalResourceId: PhysicalResourceId.of(name),
  parameters: { Name: name, Value: api.urlForPath('/orders'), Type: 'String', Overwrite: true },
};
const published = new AwsCustomResource(stack, 'Published', {
  onCreate: write, onUpdate: write,
  onDelete: { service: 'SSM', action: 'DeleteParameter', parameters: { Name: name } },
  policy: AwsCustomResourcePolicy.fromSdkCalls({ resources: [parameter] }),
  installLatestAwsSdk: false,
});
const read = new AwsCustomResource(stack, 'Read', {
  onUpdate: {
    service: 'SSM', action: 'GetParameter', physicalResourceId: PhysicalResourceId.of('read'),
    parameters: { Name: step === 'broken' ? name + '/nowhere' : name },
  },
  policy: AwsCustomResourcePolicy.fromSdkCalls({ resources: [parameter, parameter + '/nowhere'] }),
  installLatestAwsSdk: false,
});
read.node.addDependency(published);

new CfnOutput(stack, 'Url', { value: read.getResponseField('Parameter.Value') });
new CfnOutput(stack, 'TableName', { value: table.tableName });
new CfnOutput(stack, 'StreamArn', { value: table.tableStreamArn! });
app.synth();
