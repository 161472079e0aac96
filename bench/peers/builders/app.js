'use strict';

// The CDK app of npm's token-injectable-docker-builder: it reads case.json in its working directory, in the form of
// testdata/apps/builders. Properties that the npm construct does not have are errors.

const fs = require('node:fs');
const { App, CfnOutput, Duration, Stack } = require('aws-cdk-lib');
const { FargateTaskDefinition } = require('aws-cdk-lib/aws-ecs');
const { DockerImageFunction } = require('aws-cdk-lib/aws-lambda');
const { CfnTopic } = require('aws-cdk-lib/aws-sns');
const { TokenInjectableDockerBuilder, TokenInjectableDockerBuilderProvider } = require('token-injectable-docker-builder');

// properties are case.json's names of the construct's own.
const properties = {
  Path: 'path', File: 'file', Exclude: 'exclude', Platform: 'platform', Install: 'installCommands',
  PreBuild: 'preBuildCommands', Prefixes: 'ecrPullThroughCachePrefixes', Replicas: 'replicaRegions',
  CacheDisabled: 'cacheDisabled', Encrypted: 'kmsEncryption', RetainLogs: 'retainBuildLogs',
};
const others = ['ID', 'Args', 'Lambda', 'ECS', 'Query'];

// argument is a literal, or the name of a topic whose generated name is the value.
function argument(stack, value) {
  if (!value.Topic) return value.Literal;
  const topic = stack.node.tryFindChild(value.Topic) ?? new CfnTopic(stack, value.Topic);
  return topic.attrTopicName;
}

function add(stack, builder) {
  const props = { buildArgs: {} };
  for (const [name, value] of Object.entries(builder)) {
    if (properties[name]) props[properties[name]] = value;
    else if (!others.includes(name)) throw new Error(`builder ${builder.ID}: the npm construct has no ${name}`);
  }
  for (const [name, value] of Object.entries(builder.Args ?? {})) props.buildArgs[name] = argument(stack, value);
  if (builder.Query) {
    props.provider = TokenInjectableDockerBuilderProvider.getOrCreate(stack, { queryInterval: Duration.seconds(builder.Query) });
  }
  const made = new TokenInjectableDockerBuilder(stack, builder.ID, props);
  new CfnOutput(stack, builder.ID + 'Tag', { value: made.imageTag });
  new CfnOutput(stack, builder.ID + 'Repository', { value: made.repositoryName });
  if (builder.Lambda) new DockerImageFunction(stack, builder.ID + 'Function', { code: made.dockerImageCode });
  if (builder.ECS) {
    new FargateTaskDefinition(stack, builder.ID + 'Task').addContainer('main', { image: made.containerImage });
  }
}

const { Stack: name, Account: account, Region: region, Builders: builders } = JSON.parse(fs.readFileSync('case.json', 'utf8'));
const app = new App();
const stack = new Stack(app, name, account ? { env: { account, region } } : {});
for (const builder of builders) add(stack, builder);
app.synth();
