// A GraphQL API over a table and a function, behind a firewall. Its data live in a nested stack, its alarms in another.

import { App, CfnOutput, Duration, NestedStack, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as appsync from 'aws-cdk-lib/aws-appsync';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import { Construct } from 'constructs';

const app = new App();
const step: string = app.node.tryGetContext('step') ?? 'first';

class Data extends NestedStack {
  readonly posts: dynamodb.Table;
  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.posts = new dynamodb.Table(this, 'Posts', {
      // A table's name cannot change: it is replaced, in the nested stack.
      tableName: step === 'first' ? 'posts' : 'posts-v2',
      partitionKey: { name: 'id', type: dynamodb.AttributeType.STRING }, removalPolicy: RemovalPolicy.DESTROY,
    });
    new ssm.StringParameter(this, 'Name', { parameterName: '/graph/posts', stringValue: this.posts.tableName });
    if (step === 'broken') {
      // The name is taken, by the parameter above.
      new ssm.StringParameter(this, 'Again', { parameterName: '/graph/posts', stringValue: 'again' }).node.addDependency(this.posts);
    }
  }
}

class Watch extends NestedStack {
  constructor(scope: Construct, id: string, api: appsync.GraphqlApi) {
    super(scope, id);
    const topic = new sns.Topic(this, 'Alerts');
    new cloudwatch.Alarm(this, 'Errors', {
      metric: new cloudwatch.Metric({ namespace: 'AWS/AppSync', metricName: '5XXError', dimensionsMap: { GraphQLAPIId: api.apiId } }),
      threshold: 1, evaluationPeriods: 1,
    }).addAlarmAction({ bind: () => ({ alarmActionArn: topic.topicArn }) });
  }
}

const stack = new Stack(app, 'Graph');
const data = new Data(stack, 'Data');
const api = new appsync.GraphqlApi(stack, 'Api', {
  name: 'posts', definition: appsync.Definition.fromFile('schema.graphql'),
  authorizationConfig: { defaultAuthorization: { authorizationType: appsync.AuthorizationType.IAM } },
  logConfig: { fieldLogLevel: appsync.FieldLogLevel.ERROR },
});
const posts = api.addDynamoDbDataSource('Posts', data.posts);
posts.createResolver('Get', {
  typeName: 'Query', fieldName: 'post',
  requestMappingTemplate: appsync.MappingTemplate.dynamoDbGetItem('id', 'id'), responseMappingTemplate: appsync.MappingTemplate.dynamoDbResultItem(),
});
const add = new lambda.Function(stack, 'Add', {
  runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', timeout: Duration.minutes(1),
  code: lambda.Code.fromInline('exports.handler = async (event) => event.arguments;'), environment: { TABLE: data.posts.tableName },
});
data.posts.grantWriteData(add);
api.addLambdaDataSource('Writer', add).createResolver('AddPost', { typeName: 'Mutation', fieldName: 'addPost' });
const firewall = new wafv2.CfnWebACL(stack, 'Firewall', {
  scope: 'REGIONAL', defaultAction: { allow: {} }, rules: [],
  visibilityConfig: { cloudWatchMetricsEnabled: false, metricName: 'graph', sampledRequestsEnabled: false },
});
new wafv2.CfnWebACLAssociation(stack, 'Guard', { resourceArn: api.arn, webAclArn: firewall.attrArn });
new Watch(stack, 'Watch', api);

new CfnOutput(stack, 'Url', { value: api.graphqlUrl });
new CfnOutput(stack, 'TableName', { value: data.posts.tableName });
app.synth();
