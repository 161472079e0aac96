package tokendocker

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/machine"
)

// executions is what the user wants of the state machine's executions beside that they run. Each is chosen once for a
// stack; nothing is by default, and then the machine needs no permission for it.
type executions struct {
	key     awskms.IKey
	log     awslogs.ILogGroup
	tracing *bool

	policy awsiam.PolicyDocument // nil until something needs it
}

// chooseExecutions takes what is given of it.
func (p *provider) chooseExecutions(props *TokenInjectableDockerBuilderProviderProps) {
	e := &p.executions
	if props.EncryptionKey != nil && p.first("EncryptionKey", e.key, props.EncryptionKey) {
		e.key = props.EncryptionKey
		p.encryptHistory()
		p.encryptLog()
	}
	if props.ExecutionLogGroup != nil && p.first("ExecutionLogGroup", e.log, props.ExecutionLogGroup) {
		e.log = props.ExecutionLogGroup
		p.logEvents()
		p.encryptLog()
	}
	if props.Tracing == nil {
		return
	}
	switch {
	case e.tracing != nil && *e.tracing != *props.Tracing:
		p.problems.add("Tracing is true in one place and false in another, but a stack has one provider: choose one")
	case e.tracing == nil && *props.Tracing:
		p.trace()
	}
	e.tracing = props.Tracing
}

// first tells whether a choice is the stack's first. Another one than before is a problem.
func (p *provider) first(property string, before, now constructs.IConstruct) bool {
	if before == nil {
		return true
	}
	if *before.Node().Path() != *now.Node().Path() {
		p.problems.add("%s is %s here and %s elsewhere, but a stack has one provider: choose one", property, *now.Node().Path(), *before.Node().Path())
	}
	return false
}

// encryptHistory encrypts the machine's definition and its executions' history (AWS Step Functions Developer Guide,
// "Data at rest encryption").
func (p *provider) encryptHistory() {
	p.machine.SetEncryptionConfiguration(&awsstepfunctions.CfnStateMachine_EncryptionConfigurationProperty{
		Type:     jsii.String("CUSTOMER_MANAGED_KMS_KEY"),
		KmsKeyId: p.executions.key.KeyArn(),
	})
	p.letMachine([]string{"kms:Decrypt", "kms:GenerateDataKey"}, *p.executions.key.KeyArn(), map[string]string{
		"kms:EncryptionContext:aws:states:stateMachineArn": machine.Machine.ARN(namesOfAll(p)),
	})
}

// logEvents logs each event of an execution, and nothing of its input and output: the response URL is among them. None
// of the actions has a resource (AWS Step Functions Developer Guide, "Using CloudWatch Logs to log execution history").
func (p *provider) logEvents() {
	p.machine.SetLoggingConfiguration(&awsstepfunctions.CfnStateMachine_LoggingConfigurationProperty{
		Level:                jsii.String("ALL"),
		IncludeExecutionData: jsii.Bool(false),
		Destinations: []any{&awsstepfunctions.CfnStateMachine_LogDestinationProperty{
			CloudWatchLogsLogGroup: &awsstepfunctions.CfnStateMachine_CloudWatchLogsLogGroupProperty{
				LogGroupArn: p.executions.log.LogGroupArn(),
			},
		}},
	})
	p.letMachine([]string{
		"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
		"logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
	}, "*", nil)
}

// encryptLog lets an encrypted machine log: what it delivers is encrypted on the way, and the delivery decrypts it.
func (p *provider) encryptLog() {
	e := &p.executions
	if e.key == nil || e.log == nil {
		return
	}
	names := namesIn(p)
	p.letMachine([]string{"kms:GenerateDataKey"}, *e.key.KeyArn(), map[string]string{
		"kms:EncryptionContext:SourceArn": fmt.Sprintf("arn:%s:logs:%s:%s:*", names.Partition, names.Region, names.Account),
	})
	e.key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:    jsii.Strings("kms:Decrypt"),
		Resources:  jsii.Strings("*"), // in a key's own policy: the key
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("delivery.logs.amazonaws.com"), nil)},
	}), jsii.Bool(true))
}

// trace sends traces to X-Ray, none of whose actions has a resource (AWS Step Functions Developer Guide, "IAM policies
// for integrated services": X-Ray).
func (p *provider) trace() {
	p.machine.SetTracingConfiguration(&awsstepfunctions.CfnStateMachine_TracingConfigurationProperty{Enabled: jsii.Bool(true)})
	p.letMachine([]string{
		"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
	}, "*", nil)
}

// letMachine gives the machine's role a permission that is there before the machine itself, which asks for it when it is
// made.
func (p *provider) letMachine(actions []string, arn string, equals map[string]string) {
	e := &p.executions
	if e.policy == nil {
		e.policy = awsiam.NewPolicyDocument(nil)
		policy := awsiam.NewCfnPolicy(p.policyScope, jsii.String("Executions"), &awsiam.CfnPolicyProps{
			PolicyName:     jsii.String("Executions"),
			PolicyDocument: e.policy,
			Roles:          &[]*string{p.machineRole.RoleName()},
		})
		p.machine.AddResourceDependency(policy, nil)
	}
	s := statement(actions, arn)
	if equals != nil {
		s.AddCondition(jsii.String("StringEquals"), equals)
	}
	e.policy.AddStatements(s)
}
