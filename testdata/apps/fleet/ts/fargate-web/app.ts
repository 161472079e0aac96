// A web service on Fargate behind a load balancer, in a network that another stack makes. Its image is a docker image
// asset: built while the app is published, not while it is deployed.

import { App, CfnOutput, Duration, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { ApplicationLoadBalancedFargateService } from 'aws-cdk-lib/aws-ecs-patterns';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';

const app = new App({ context: { '@aws-cdk/aws-ec2:restrictDefaultSecurityGroup': true } });
const step: string = app.node.tryGetContext('step') ?? 'first';

const network = new Stack(app, 'Network');
const vpc = new ec2.Vpc(network, 'Vpc', {
  maxAzs: 2, natGateways: 1,
  flowLogs: { all: {} },
});
vpc.addGatewayEndpoint('Objects', { service: ec2.GatewayVpcEndpointAwsService.S3 });

const web = new Stack(app, 'Web');
// A cluster's name cannot change: it is replaced, and with it the service.
const cluster = new ecs.Cluster(web, 'Cluster', {
  vpc, clusterName: step === 'first' ? 'web' : 'web-v2',
  defaultCloudMapNamespace: { name: 'web.internal' },
});
const image = step === 'broken'
  ? ecs.ContainerImage.fromRegistry(`${Stack.of(web).account}.dkr.ecr.${web.region}.amazonaws.com/nobody/made:this`)
  : ecs.ContainerImage.fromDockerImageAsset(new DockerImageAsset(web, 'Image', {
    directory: 'web', buildArgs: { GREETING: 'hello' }, platform: Platform.LINUX_AMD64,
  }));
const service = new ApplicationLoadBalancedFargateService(web, 'Service', {
  cluster, cpu: 256, memoryLimitMiB: 512, desiredCount: 2,
  taskImageOptions: {
    image, containerPort: 8080,
    logDriver: ecs.LogDrivers.awsLogs({
      streamPrefix: 'web', logGroup: new logs.LogGroup(web, 'Log', { removalPolicy: RemovalPolicy.DESTROY }),
    }),
  },
  circuitBreaker: { rollback: true },
  minHealthyPercent: 50,
});
service.taskDefinition.executionRole!.addManagedPolicy(iam.ManagedPolicy.fromAwsManagedPolicyName('service-role/AmazonECSTaskExecutionRolePolicy'));
service.targetGroup.configureHealthCheck({ path: '/', interval: Duration.seconds(15) });
service.service.autoScaleTaskCount({ minCapacity: 2, maxCapacity: 6 })
  .scaleOnCpuUtilization('Busy', { targetUtilizationPercent: 60 });
Tags.of(app).add('app', 'fargate-web');

new CfnOutput(web, 'Address', { value: service.loadBalancer.loadBalancerDnsName });
new CfnOutput(web, 'ServiceArn', { value: service.service.serviceArn });
new CfnOutput(web, 'TaskDefinition', { value: service.taskDefinition.taskDefinitionArn });
app.synth();
