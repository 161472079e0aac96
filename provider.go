package tokendocker

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/machine"
)

// providerID is the id of the provider in its stack.
const providerID = "TokenInjectableDockerBuilderProvider"

// TokenInjectableDockerBuilderProvider is what all builders of a stack share: one Lambda function, which answers
// CloudFormation, and one state machine, which runs their builds. A stack has one provider, however many builders.
type TokenInjectableDockerBuilderProvider interface {
	constructs.Construct

	// ServiceToken is the ARN of the function, as custom resources name it.
	ServiceToken() *string

	// RegisterProject lets the provider run builds of a CodeBuild project and look at, and delete, images of an ECR
	// repository. Builders register themselves; it is there for custom resources of your own.
	//
	// encryptionKey may be nil and changes nothing: ECR decrypts with grants of its own, so that nobody who pulls or
	// pushes needs a permission on the key (Amazon ECR User Guide, "Encryption at rest").
	RegisterProject(project awscodebuild.IProject, repository awsecr.IRepository, encryptionKey awskms.IKey)
}

// provider implements TokenInjectableDockerBuilderProvider. It is found again through the construct tree.
type provider struct {
	constructs.Construct

	function         awslambda.Function
	functionRole     awsiam.Role
	machineRole      awsiam.Role
	machine          awsstepfunctions.CfnStateMachine
	functionPolicies *policies
	machinePolicies  *policies
	policyScope      constructs.Construct // of all policies beside the roles' own, to depend on
	replication      replication
	publications     publications

	query      *float64 // seconds; nil until somebody chooses
	executions executions
	problems   *problems
}

// TokenInjectableDockerBuilderProvider_GetOrCreate returns the provider of the scope's stack, and creates it when
// there is none. props may be nil; they are needed only to choose something for the whole stack, in any order with the
// builders. What one call leaves out another may choose; two different choices in one stack are an error at synth. It
// panics when the stack has another child with the provider's id.
func TokenInjectableDockerBuilderProvider_GetOrCreate(scope constructs.Construct, props *TokenInjectableDockerBuilderProviderProps) TokenInjectableDockerBuilderProvider {
	p := providerOf(awscdk.Stack_Of(scope))
	if props == nil {
		return p
	}
	if props.QueryInterval != nil {
		p.choose(props.QueryInterval)
	}
	p.chooseExecutions(props)
	return p
}

// providerOf finds or makes the provider of a stack.
func providerOf(stack awscdk.Stack) *provider {
	if child := stack.Node().TryFindChild(jsii.String(providerID)); child != nil {
		p, ok := child.(*provider)
		if !ok {
			fail("%s has another child %q: give it another id", *stack.Node().Path(), providerID)
		}
		return p
	}
	p := &provider{problems: &problems{}}
	constructs.NewConstruct_Override(p, stack, jsii.String(providerID))
	p.Node().AddValidation(&validation{check: p.check})
	p.functionRole = p.addFunction()
	p.machineRole = p.addMachine()
	p.policyScope = constructs.NewConstruct(p, jsii.String("Policies"))
	p.functionPolicies = newPolicies(constructs.NewConstruct(p.policyScope, jsii.String("Function")), p.functionRole)
	p.machinePolicies = newPolicies(constructs.NewConstruct(p.policyScope, jsii.String("Machine")), p.machineRole)
	return p
}

// addFunction makes the function, its role and its log group. The group is the stack's own, so that the log ends
// some day and goes with the stack, and the role needs no right to create groups.
func (p *provider) addFunction() awsiam.Role {
	group := awslogs.NewLogGroup(p, jsii.String("Log"), &awslogs.LogGroupProps{
		Retention:     awslogs.RetentionDays_ONE_MONTH,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	names := namesOfAll(p)
	names.FunctionLogGroup = *group.LogGroupName()
	role := awsiam.NewRole(p, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description: jsii.String("tokendocker: answers CloudFormation and looks after builds"),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"Own": document(machine.FunctionActions(), map[machine.Resource]string{
				machine.Machine:     machine.Machine.ARN(names),
				machine.Execution:   machine.Execution.ARN(names),
				machine.FunctionLog: machine.FunctionLog.ARN(names),
				machine.Project:     machine.Project.ARN(names),
				machine.BuildLog:    machine.BuildLog.ARN(names),
			}),
		},
	})
	withHandler(p, func(code awslambda.Code) {
		p.function = awslambda.NewFunction(p, jsii.String("Function"), &awslambda.FunctionProps{
			Description:  jsii.String("tokendocker: builds Docker images while the stack deploys"),
			Code:         code,
			Handler:      jsii.String("bootstrap"),
			Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
			Architecture: awslambda.Architecture_ARM_64(),
			MemorySize:   jsii.Number(256),
			Timeout:      awscdk.Duration_Seconds(jsii.Number(machine.FunctionSeconds)),
			Role:         role,
			LogGroup:     group,
			Environment: &map[string]*string{
				"MACHINE_ARN": jsii.String(machine.Machine.ARN(names)),
			},
		})
	})
	return role
}

// addMachine makes the state machine and its role. Step Functions asks for the right to its own rule when the
// machine is created; an inline policy is there as soon as the role is.
func (p *provider) addMachine() awsiam.Role {
	names := namesOfAll(p)
	role := awsiam.NewRole(p, jsii.String("MachineRole"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("states.amazonaws.com"), nil),
		Description: jsii.String("tokendocker: runs the builds"),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"Own": document(machine.MachineActions(), map[machine.Resource]string{
				machine.Function:  *p.function.FunctionArn(),
				machine.BuildRule: machine.BuildRule.ARN(names),
				machine.Project:   machine.Project.ARN(names),
			}),
		},
	})
	p.machine = awsstepfunctions.NewCfnStateMachine(p, jsii.String("Machine"), &awsstepfunctions.CfnStateMachineProps{
		StateMachineName: jsii.String(names.Machine),
		RoleArn:          role.RoleArn(),
		DefinitionString: jsii.String(machine.Definition(*p.function.FunctionArn(), names.Partition)),
	})
	return role
}

func (p *provider) ServiceToken() *string { return p.function.FunctionArn() }

func (p *provider) RegisterProject(project awscodebuild.IProject, repository awsecr.IRepository, encryptionKey awskms.IKey) {
	names := namesIn(p)
	names.LogGroup = buildLogs + *project.ProjectName()
	arns := map[machine.Resource]string{
		machine.Repository: *repository.RepositoryArn(),
		machine.Project:    *project.ProjectArn(),
		machine.BuildLog:   machine.BuildLog.ARN(names),
	}
	p.functionPolicies.add(entries(machine.FunctionActions(), arns, longestNames("")))
	p.machinePolicies.add(entries(machine.MachineActions(), arns, longestNames("")))
}

// choose sets the query interval for the whole stack.
func (p *provider) choose(interval awscdk.Duration) {
	seconds, problem := wholeUnits(interval, "QueryInterval", "seconds", minQuerySeconds, maxQuerySeconds, interval.ToSeconds)
	switch {
	case problem != "":
		p.problems.add("%s", problem)
	case p.query != nil && *p.query != seconds:
		p.problems.add("QueryInterval is %g seconds here and %g seconds elsewhere, but a stack has one provider: choose one", seconds, *p.query)
	default:
		p.query = &seconds
	}
}

// querySeconds is the chosen interval, or the default.
func (p *provider) querySeconds() float64 {
	if p.query == nil {
		return contract.DefaultQueryInterval
	}
	return *p.query
}

func (p *provider) check() []string {
	found := p.problems.all()
	if problem := p.functionPolicies.problem(); problem != "" {
		found = append(found, problem)
	}
	return append(found, p.replication.check()...)
}
