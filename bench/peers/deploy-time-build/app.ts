// The CDK app of @cdklabs/deploy-time-build: it reads case.json in its working directory, in the form of
// testdata/apps/builders, as far as that construct has the properties.

import { readFileSync } from 'node:fs';
import { App, CfnOutput, Stack } from 'aws-cdk-lib';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { FargateTaskDefinition } from 'aws-cdk-lib/aws-ecs';
import { DockerImageFunction } from 'aws-cdk-lib/aws-lambda';
import { CfnTopic } from 'aws-cdk-lib/aws-sns';
import { ContainerImageBuild } from '@cdklabs/deploy-time-build';

interface Argument { Literal?: string; Topic?: string }

interface Builder {
  ID: string;
  Path: string;
  File?: string;
  Exclude?: string[];
  Args?: Record<string, Argument>;
  Lambda?: boolean;
  ECS?: boolean;
}

interface Case { Stack: string; Account?: string; Region?: string; Builders: Builder[] }

// argument is a literal, or the name of a topic whose generated name is the value.
function argument(stack: Stack, value: Argument): string {
  if (!value.Topic) return value.Literal ?? '';
  const topic = (stack.node.tryFindChild(value.Topic) as CfnTopic | undefined) ?? new CfnTopic(stack, value.Topic);
  return topic.attrTopicName;
}

function add(stack: Stack, builder: Builder): void {
  const buildArgs = Object.fromEntries(Object.entries(builder.Args ?? {}).map(([name, value]) => [name, argument(stack, value)]));
  const made = new ContainerImageBuild(stack, builder.ID, {
    directory: builder.Path, file: builder.File, exclude: builder.Exclude, buildArgs, platform: Platform.LINUX_AMD64,
  });
  new CfnOutput(stack, builder.ID + 'Tag', { value: made.imageTag });
  new CfnOutput(stack, builder.ID + 'Repository', { value: made.repository.repositoryName });
  if (builder.Lambda) new DockerImageFunction(stack, builder.ID + 'Function', { code: made.toLambdaDockerImageCode() });
  if (builder.ECS) {
    new FargateTaskDefinition(stack, builder.ID + 'Task').addContainer('main', { image: made.toEcsDockerImageCode() });
  }
}

const settings = JSON.parse(readFileSync('case.json', 'utf8')) as Case;
const app = new App();
const stack = new Stack(app, settings.Stack, settings.Account ? { env: { account: settings.Account, region: settings.Region } } : {});
for (const builder of settings.Builders) add(stack, builder);
app.synth();
