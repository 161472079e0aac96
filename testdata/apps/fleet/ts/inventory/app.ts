// Python: a custom resource with the module that CloudFormation gives inline code, and a function of several files.

import { App, CfnOutput, CustomResource, Duration, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as s3n from 'aws-cdk-lib/aws-s3-notifications';
import * as sqs from 'aws-cdk-lib/aws-sqs';

const app = new App();
const step: string = app.node.tryGetContext('step') ?? 'first';
const stack = new Stack(app, 'Inventory');

const counter = new lambda.Function(stack, 'Counter', {
  runtime: lambda.Runtime.PYTHON_3_13, handler: 'index.handler', timeout: Duration.minutes(2),
  code: lambda.Code.fromInline(`
import cfnresponse, json
def handler(event, context):
    print(event['RequestType'], json.dumps(event['ResourceProperties']['Parts']))
    parts = event['ResourceProperties']['Parts']
    if 'nail' in parts and event['RequestType'] != 'Delete':
        cfnresponse.send(event, context, cfnresponse.FAILED, {}, reason='no nails here')
        return
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {'Count': len(parts), 'First': sorted(parts)[0]}, '-'.join(parts))
`),
});
const count = new CustomResource(stack, 'Count', {
  serviceToken: counter.functionArn,
  // Its physical id is made of the parts: others replace it.
  properties: { Parts: ['screw', 'bolt', ...(step === 'first' ? [] : ['nut']), ...(step === 'broken' ? ['nail'] : [])] },
});

const key = new kms.Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY });
const dead = new sqs.Queue(stack, 'Dead', { encryption: sqs.QueueEncryption.KMS, encryptionMasterKey: key });
const uploads = new s3.Bucket(stack, 'Uploads', { removalPolicy: RemovalPolicy.DESTROY, autoDeleteObjects: true, encryptionKey: key });
const index = new lambda.Function(stack, 'Index', {
  runtime: lambda.Runtime.PYTHON_3_13, handler: 'inventory.index.handler', timeout: Duration.minutes(2), code: lambda.Code.fromAsset('index'), deadLetterQueue: dead,
  logGroup: new logs.LogGroup(stack, 'IndexLog', { removalPolicy: RemovalPolicy.DESTROY }),
  environment: { PARTS: Fn.join(',', [count.getAttString('First')]) },
});
uploads.grantRead(index);
uploads.addEventNotification(s3.EventType.OBJECT_CREATED, new s3n.LambdaDestination(index), { suffix: '.csv' });
index.addToRolePolicy(new iam.PolicyStatement({ actions: ['dynamodb:PutItem'], resources: [stack.formatArn({ service: 'dynamodb', resource: 'table', resourceName: 'parts' })] }));

new CfnOutput(stack, 'Parts', { value: count.getAttString('Count') });
new CfnOutput(stack, 'First', { value: count.getAttString('First') });
app.synth();
