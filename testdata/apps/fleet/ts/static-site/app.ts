// A site in Ireland behind CloudFront, whose certificate must be in Virginia: the CDK carries its ARN from one region to
// the other with custom resources of its own. The bucket, whose name is the site's, gets its pages when it is deployed,
// and empties itself when it goes.

import { App, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as cloudfront from 'aws-cdk-lib/aws-cloudfront';
import { S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { CloudFrontTarget } from 'aws-cdk-lib/aws-route53-targets';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { BucketDeployment, Source } from 'aws-cdk-lib/aws-s3-deployment';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';

const app = new App();
const step: string = app.node.tryGetContext('step') ?? 'first';
const account = process.env.CDK_DEFAULT_ACCOUNT;

const edge = new Stack(app, 'Edge', { env: { account, region: 'us-east-1' }, crossRegionReferences: true });
const zone = new route53.PublicHostedZone(edge, 'Zone', { zoneName: 'example.com' });
const certificate = new acm.Certificate(edge, 'Certificate', {
  domainName: 'www.example.com', validation: acm.CertificateValidation.fromDns(zone),
});
const firewall = new wafv2.CfnWebACL(edge, 'Firewall', {
  scope: 'CLOUDFRONT', defaultAction: { allow: {} },
  visibilityConfig: { cloudWatchMetricsEnabled: true, metricName: 'site', sampledRequestsEnabled: false },
  rules: [{
    name: 'rate', priority: 1, action: { block: {} }, statement: { rateBasedStatement: { limit: 1000, aggregateKeyType: 'IP' } },
    visibilityConfig: { cloudWatchMetricsEnabled: true, metricName: 'rate', sampledRequestsEnabled: false },
  }],
});

const site = new Stack(app, 'Site', { env: { account, region: 'eu-west-1' }, crossRegionReferences: true });
const bucket = new s3.Bucket(site, 'Bucket', {
  // A bucket's name cannot change: it is replaced.
  bucketName: step === 'first' ? 'www.example.com' : 'v2.example.com',
  blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL, enforceSSL: true,
  removalPolicy: RemovalPolicy.DESTROY, autoDeleteObjects: true,
});
if (step === 'broken') {
  // The names of buckets are the whole world's.
  new s3.Bucket(site, 'Logs', { bucketName: 'v2.example.com', removalPolicy: RemovalPolicy.DESTROY }).node.addDependency(bucket);
}
const distribution = new cloudfront.Distribution(site, 'Distribution', {
  certificate, domainNames: ['www.example.com'], webAclId: firewall.attrArn, defaultRootObject: 'index.html',
  defaultBehavior: {
    origin: S3BucketOrigin.withOriginAccessControl(bucket),
    viewerProtocolPolicy: cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
    cachePolicy: new cloudfront.CachePolicy(site, 'Cache', { defaultTtl: Duration.hours(1) }),
    functionAssociations: [{
      eventType: cloudfront.FunctionEventType.VIEWER_REQUEST,
      function: new cloudfront.Function(site, 'Index', {
        runtime: cloudfront.FunctionRuntime.JS_2_0,
        code: cloudfront.FunctionCode.fromInline('function handler(event) { return event.request; }'),
      }),
    }],
  },
});
new BucketDeployment(site, 'Pages', {
  sources: [Source.data('index.html', '<h1>Welcome</h1>'), Source.jsonData('settings.json', { address: distribution.distributionDomainName })],
  destinationBucket: bucket, distribution, distributionPaths: ['/*'], memoryLimit: 256,
});
new route53.ARecord(site, 'Name', { zone, recordName: 'www', target: route53.RecordTarget.fromAlias(new CloudFrontTarget(distribution)) });

new CfnOutput(site, 'Address', { value: distribution.distributionDomainName });
new CfnOutput(site, 'CertificateArn', { value: certificate.certificateArn });
new CfnOutput(site, 'BucketName', { value: bucket.bucketName });
app.synth();
