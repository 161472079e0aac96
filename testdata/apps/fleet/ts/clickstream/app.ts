// Clicks: a stream, delivered to a bucket by way of a function, found again with Glue and Athena.

import { App, CfnOutput, Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import * as athena from 'aws-cdk-lib/aws-athena';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as glue from 'aws-cdk-lib/aws-glue';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { KinesisEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as s3 from 'aws-cdk-lib/aws-s3';

const app = new App();
const step: string = app.node.tryGetContext('step') ?? 'first';
const stack = new Stack(app, 'Clicks');

const stream = new kinesis.Stream(stack, 'Stream', {
  // A stream's name cannot change: it is replaced, and with it what reads it.
  streamName: step === 'first' ? 'clicks' : 'clicks-v2', shardCount: 2, retentionPeriod: Duration.hours(48), removalPolicy: RemovalPolicy.DESTROY,
});
const lake = new s3.Bucket(stack, 'Lake', {
  removalPolicy: RemovalPolicy.DESTROY, autoDeleteObjects: true,
  lifecycleRules: [{ transitions: [{ storageClass: s3.StorageClass.INFREQUENT_ACCESS, transitionAfter: Duration.days(30) }] }],
});
const fn = (id: string, code: string, layers: lambda.ILayerVersion[] = []) => new lambda.Function(stack, id, {
  runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', timeout: Duration.minutes(2), layers, code: lambda.Code.fromInline(code),
});
const clean = fn('Clean', 'exports.handler = async (event) => ({ records: event.records.map((r) => ({ recordId: r.recordId, result: "Ok", data: r.data })) });');
new firehose.DeliveryStream(stack, 'Delivery', {
  source: new firehose.KinesisStreamSource(stream),
  destination: new firehose.S3Bucket(lake, {
    processors: [new firehose.LambdaFunctionProcessor(clean, { bufferSize: Size.mebibytes(1) })],
    dataOutputPrefix: 'clicks/', errorOutputPrefix: 'errors/', compression: firehose.Compression.GZIP,
  }),
});
const live = fn('Live', 'exports.handler = async (event) => event.Records.length;');
live.addEventSource(new KinesisEventSource(stream, { startingPosition: lambda.StartingPosition.LATEST, batchSize: 100 }));
if (step === 'broken') {
  // The role does not let Lambda assume it.
  new lambda.Function(stack, 'Replay', {
    runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', code: lambda.Code.fromInline('exports.handler = async () => {};'),
    role: new iam.Role(stack, 'ReplayRole', { assumedBy: new iam.ServicePrincipal('glue.amazonaws.com') }),
  });
}

const database = new glue.CfnDatabase(stack, 'Database', { catalogId: stack.account, databaseInput: { name: 'clicks' } });
new glue.CfnTable(stack, 'Table', {
  catalogId: stack.account, databaseName: database.ref,
  tableInput: { name: 'raw', tableType: 'EXTERNAL_TABLE', storageDescriptor: { location: lake.s3UrlForObject('clicks/'), columns: [{ name: 'url', type: 'string' }] } },
});
const crawler = new iam.Role(stack, 'CrawlerRole', { assumedBy: new iam.ServicePrincipal('glue.amazonaws.com') });
lake.grantRead(crawler);
new glue.CfnCrawler(stack, 'Crawler', { role: crawler.roleArn, databaseName: database.ref, targets: { s3Targets: [{ path: lake.s3UrlForObject('clicks/') }] } });
const group = new athena.CfnWorkGroup(stack, 'WorkGroup', {
  name: 'clicks', recursiveDeleteOption: true, workGroupConfiguration: { resultConfiguration: { outputLocation: lake.s3UrlForObject('results/') } },
});
new athena.CfnNamedQuery(stack, 'Top', { database: database.ref, workGroup: group.ref, queryString: 'SELECT url, count(*) FROM raw GROUP BY 1' });
new cloudwatch.Alarm(stack, 'Behind', { metric: stream.metricGetRecordsIteratorAgeMilliseconds(), threshold: 60_000, evaluationPeriods: 5 });

new CfnOutput(stack, 'StreamArn', { value: stream.streamArn });
new CfnOutput(stack, 'LakeUrl', { value: lake.bucketRegionalDomainName });
app.synth();
