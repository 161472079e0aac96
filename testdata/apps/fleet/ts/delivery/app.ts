// Continuous delivery: a pipeline from a bucket over a build and an approval, with a repository, keys and events.

import { App, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as codebuild from 'aws-cdk-lib/aws-codebuild';
import * as codepipeline from 'aws-cdk-lib/aws-codepipeline';
import * as actions from 'aws-cdk-lib/aws-codepipeline-actions';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';

const app = new App();
const step: string = app.node.tryGetContext('step') ?? 'first';
const stack = new Stack(app, 'Delivery');

const key = new kms.Key(stack, 'Key', { removalPolicy: RemovalPolicy.DESTROY, enableKeyRotation: true });
const bucket = (id: string, versioned: boolean) => new s3.Bucket(stack, id, { versioned, encryptionKey: key, removalPolicy: RemovalPolicy.DESTROY, eventBridgeEnabled: false });
const sources = bucket('Sources', true);
const images = new ecr.Repository(stack, 'Images', { removalPolicy: RemovalPolicy.DESTROY, emptyOnDelete: true, lifecycleRules: [{ maxImageCount: 20 }] });
if (step === 'broken') {
  // Written past the CDK, a lifecycle policy is ECR's to check.
  (images.node.defaultChild as ecr.CfnRepository).lifecyclePolicy = { lifecyclePolicyText: '{"rules": [{"rulePriority": "first"}]}' };
}

const build = new codebuild.PipelineProject(stack, 'Build', {
  environment: { buildImage: codebuild.LinuxBuildImage.STANDARD_7_0, privileged: true }, encryptionKey: key,
  environmentVariables: { REPOSITORY: { value: images.repositoryUri } },
  buildSpec: codebuild.BuildSpec.fromObject({ version: '0.2', phases: { build: { commands: ['docker build -t $REPOSITORY .', 'docker push $REPOSITORY'] } } }),
});
images.grantPullPush(build);

const source = new codepipeline.Artifact('Source');
const news = new sns.Topic(stack, 'News', { masterKey: key });
news.addSubscription(new EmailSubscription('team@example.com'));
const pipeline = new codepipeline.Pipeline(stack, 'Pipeline', {
  // A pipeline's name cannot change: it is replaced.
  pipelineName: step === 'first' ? 'deliver' : 'deliver-v2', pipelineType: codepipeline.PipelineType.V2,
  artifactBucket: bucket('Artifacts', false), restartExecutionOnUpdate: false,
  stages: [
    { stageName: 'Source', actions: [new actions.S3SourceAction({ actionName: 'Fetch', bucket: sources, bucketKey: 'app.zip', output: source, trigger: actions.S3Trigger.POLL })] },
    { stageName: 'Build', actions: [new actions.CodeBuildAction({ actionName: 'Docker', project: build, input: source })] },
    { stageName: 'Release', actions: [new actions.ManualApprovalAction({ actionName: 'Ask', notificationTopic: news })] },
  ],
});
pipeline.onStateChange('Changed', { target: new targets.SnsTopic(news), eventPattern: { detail: { state: ['FAILED'] } } });
new events.Rule(stack, 'Weekly', { schedule: events.Schedule.rate(Duration.days(7)), targets: [new targets.CodePipeline(pipeline)] });

new CfnOutput(stack, 'PipelineArn', { value: pipeline.pipelineArn });
new CfnOutput(stack, 'Repository', { value: images.repositoryUri });
app.synth();
