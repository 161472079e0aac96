// The CDK app of npm's token-injectable-docker-builder: it reads case.json in its working directory, in the form of
// testdata/apps/builders. Properties that the npm construct does not have are errors.

import { readFileSync } from 'node:fs';
import { App, CfnOutput, Duration, Stack } from 'aws-cdk-lib';
import { FargateTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import { DockerImageFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnTopic } from 'aws-cdk-lib/aws-sns';
import {
  TokenInjectableDockerBuilder, TokenInjectableDockerBuilderProps, TokenInjectableDockerBuilderProvider,
} from 'token-injectable-docker-builder';

interface Argument { Literal?: string; Topic?: string }

interface Builder {
  ID: string;
  Path: string;
  Args?: Record<string, Argument>;
  Lambda?: boolean;
  ECS?: boolean;
  Query?: number;
  [property: string]: unknown;
}

interface Case { Stack: string; Account?: string; Region?: string; Builders: Builder[] }

// properties is case.json's names of the construct's own.
const properties: Record<string, keyof TokenInjectableDockerBuilderProps> = {
  Path: 'path', File: 'file', Exclude: 'exclude', Platform: 'platform', Install: 'installCommands',
  PreBuild: 'preBuildCommands', Prefixes: 'ecrPullThroughCachePrefixes', Replicas: 'replicaRegions',
  CacheDisabled: 'cacheDisabled', Encrypted: 'kmsEncryption', RetainLogs: 'retainBuildLogs',
};
const others = ['ID', 'Args', 'Lambda', 'ECS', 'Query'];

// argument is a literal, or the name of a topic whose generated name is the value.
function argument(stack: Stack, value: Argument): string {
  if (!value.Topic) return value.Literal ?? '';
  const topic = (stack.node.tryFindChild(value.Topic) as CfnTopic | undefined) ?? new CfnTopic(stack, value.Topic);
  return topic.attrTopicName;
}

function add(stack: Stack, builder: Builder): void {
  const chosen: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(builder)) {
    const property = properties[name];
    if (property) chosen[property] = value;
    else if (!others.includes(name)) throw new Error(`builder ${builder.ID}: the npm construct has no ${name}`);
  }
  const buildArgs = Object.fromEntries(Object.entries(builder.Args ?? {}).map(([name, value]) => [name, argument(stack, value)]));
  const provider = builder.Query
    ? TokenInjectableDockerBuilderProvider.getOrCreate(stack, { queryInterval: Duration.seconds(builder.Query) }) : undefined;
  const props = { ...chosen, buildArgs, provider } as unknown as TokenInjectableDockerBuilderProps;
  const made = new TokenInjectableDockerBuilder(stack, builder.ID, props);
  new CfnOutput(stack, builder.ID + 'Tag', { value: made.imageTag });
  new CfnOutput(stack, builder.ID + 'Repository', { value: made.repositoryName });
  if (builder.Lambda) new DockerImageFunction(stack, builder.ID + 'Function', { code: made.dockerImageCode });
  if (builder.ECS) {
    new FargateTaskDefinition(stack, builder.ID + 'Task').addContainer('main', { image: made.containerImage });
  }
}

const settings = JSON.parse(readFileSync('case.json', 'utf8')) as Case;
const app = new App();
const stack = new Stack(app, settings.Stack, settings.Account ? { env: { account: settings.Account, region: settings.Region } } : {});
for (const builder of settings.Builders) add(stack, builder);
app.synth();
