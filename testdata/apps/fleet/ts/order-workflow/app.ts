// A workflow that checks, pays and ships an order, with a branch, parallel work, a map and a compensation. A trigger
// runs it once while the stack deploys, as a smoke test.

import { App, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import * as tasks from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { TriggerFunction } from 'aws-cdk-lib/triggers';

const app = new App();
const step: string = app.node.tryGetContext('step') ?? 'first';
const stack = new Stack(app, 'Workflow');

function task(name: string, code: string): tasks.LambdaInvoke {
  const handler = new lambda.Function(stack, name + 'Function', {
    runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', timeout: Duration.minutes(2),
    code: lambda.Code.fromInline(`exports.handler = async (event) => ${code};`),
  });
  return new tasks.LambdaInvoke(stack, name, { lambdaFunction: handler, payloadResponseOnly: true });
}

const check = task('Check', '({ ...event, total: event.items.reduce((sum, i) => sum + i.price, 0) })');
const pay = task('Pay', '{ if (event.total > 1000) throw new Error("declined"); return { ...event, paid: true }; }');
const pack = task('Pack', '({ packed: event.sku })');
const refuse = new sfn.Pass(stack, 'Refuse', { result: sfn.Result.fromObject({ refused: true }) });
const workflow = check
  .next(new sfn.Choice(stack, 'Worth it?')
    .when(sfn.Condition.numberLessThan('$.total', 1), refuse)
    .otherwise(pay.addCatch(refuse, { errors: ['Error'], resultPath: '$.why' })
      .next(new sfn.Parallel(stack, 'Fulfil', { resultSelector: { 'packed.$': '$[0]', 'told.$': '$[1].told' } })
        .branch(new sfn.Map(stack, 'EachItem', { itemsPath: '$.items', maxConcurrency: 2 }).itemProcessor(pack))
        .branch(new sfn.Pass(stack, 'Tell', { result: sfn.Result.fromObject({ told: true }) })))));

// A state machine's name cannot change: it is replaced.
const name = step === 'first' ? 'orders' : 'orders-v2';
const machine = new sfn.StateMachine(stack, 'Machine', {
  stateMachineName: name,
  definitionBody: sfn.DefinitionBody.fromChainable(workflow),
  timeout: Duration.minutes(5),
  logs: {
    destination: new logs.LogGroup(stack, 'MachineLog', { logGroupName: '/aws/vendedlogs/states/orders', removalPolicy: RemovalPolicy.DESTROY }),
    level: sfn.LogLevel.ERROR,
  },
});
const failures = new sns.Topic(stack, 'Failures');
machine.metricFailed().createAlarm(stack, 'Failed', { threshold: 1, evaluationPeriods: 1 });
failures.grantPublish(machine);
const inbox = new sqs.Queue(stack, 'Inbox');
inbox.grantConsumeMessages(new iam.Role(stack, 'Reader', { assumedBy: new iam.AccountRootPrincipal() }));

const smoke = new TriggerFunction(stack, 'Smoke', {
  runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', timeout: Duration.minutes(5), executeAfter: [machine],
  code: lambda.Code.fromInline(`
const { SFNClient, StartExecutionCommand, DescribeExecutionCommand } = require('@aws-sdk/client-sfn');
exports.handler = async () => {
  const client = new SFNClient({});
  const input = JSON.stringify({ items: [{ sku: 'a', price: ${step === 'broken' ? 5000 : 3} }, { sku: 'b', price: 4 }] });
  const { executionArn } = await client.send(new StartExecutionCommand({ stateMachineArn: process.env.MACHINE, input }));
  for (;;) {
    const e = await client.send(new DescribeExecutionCommand({ executionArn }));
    console.log(e.status, e.output);
    if (e.status !== 'RUNNING') {
      if (e.status !== 'SUCCEEDED' || JSON.parse(e.output).packed?.length !== 2) throw new Error('the workflow said ' + e.output);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};`),
  // The name as well: a reference alone gives the function no new version when what it refers to is replaced.
  environment: { MACHINE: machine.stateMachineArn, NAME: name },
});
machine.grantStartExecution(smoke);
machine.grantRead(smoke);

new CfnOutput(stack, 'MachineArn', { value: machine.stateMachineArn });
new CfnOutput(stack, 'MachineName', { value: machine.stateMachineName });
app.synth();
