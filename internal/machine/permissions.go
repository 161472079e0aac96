package machine

import "strings"

// Resource is a kind of resource that a permission names, as the pattern of its ARN. Fields in braces are filled
// in by ARN.
type Resource string

// The resources. Which form of ARN an action takes is from the AWS Service Authorization Reference.
const (
	Repository  Resource = "arn:{partition}:ecr:{region}:{account}:repository/{repository}"
	Project     Resource = "arn:{partition}:codebuild:{region}:{account}:project/{project}"
	BuildLog    Resource = "arn:{partition}:logs:{region}:{account}:log-group:{log group}:log-stream:*"
	Machine     Resource = "arn:{partition}:states:{region}:{account}:stateMachine:{machine}"
	Execution   Resource = "arn:{partition}:states:{region}:{account}:execution:{machine}:*"
	Function    Resource = "arn:{partition}:lambda:{region}:{account}:function:{function}"
	FunctionLog Resource = "arn:{partition}:logs:{region}:{account}:log-group:{function log group}:log-stream:*"
	BuildRule   Resource = "arn:{partition}:events:{region}:{account}:rule/StepFunctionsGetEventForCodeBuildStartBuildRule"

	// Of builders that use more than the defaults.
	RetainedLog     Resource = "arn:{partition}:logs:{region}:{account}:log-group:{log group}:*"
	Replica         Resource = "arn:{partition}:ecr:{replica region}:{account}:repository/{repository}"
	ReplicationRule Resource = "*" // the registry's settings have no ARN
	ReplicationRole Resource = "arn:{partition}:iam::{account}:role/aws-service-role/replication.ecr.amazonaws.com/AWSServiceRoleForECRReplication"
	Lease           Resource = "arn:{partition}:ssm:{region}:{account}:parameter/tokendocker/replication-lease"
	Published       Resource = "arn:{partition}:ssm:{parameter region}:{account}:parameter{parameter prefix}/*"
)

// Names fill the braces of a Resource; each may be a CDK token. A field that the pattern does not use may be empty.
type Names struct {
	Partition, Region, Account string

	Repository, Project, LogGroup string // of a builder: names
	Machine                       string // name of the state machine
	Function, FunctionLogGroup    string // names

	ReplicaRegion                    string // of one replica
	ParameterRegion, ParameterPrefix string // of published parameters; the prefix begins with a slash
}

// ARN returns the resource's ARN, or the pattern of ARNs that a policy may name.
func (r Resource) ARN(n Names) string {
	return strings.NewReplacer(
		"{partition}", n.Partition, "{region}", n.Region, "{account}", n.Account,
		"{repository}", n.Repository, "{project}", n.Project, "{log group}", n.LogGroup,
		"{machine}", n.Machine, "{function}", n.Function, "{function log group}", n.FunctionLogGroup,
		"{replica region}", n.ReplicaRegion, "{parameter region}", n.ParameterRegion, "{parameter prefix}", n.ParameterPrefix,
	).Replace(string(r))
}

// Grant is the actions that a role needs on one kind of resource, and why it needs them.
type Grant struct {
	Resource Resource
	Actions  []string
	Why      string
}

// FunctionActions returns every call that the handler makes, and no other.
func FunctionActions() []Grant {
	return []Grant{
		{Repository, []string{"ecr:BatchGetImage"},
			"is the image there, and of a kind that its consumers accept"},
		{Repository, []string{"ecr:BatchDeleteImage"},
			"an image that is not accepted is deleted, or its tag could never be built again"},
		{Project, []string{"codebuild:ListBuildsForProject", "codebuild:BatchGetBuilds", "codebuild:StopBuild"},
			"an update or a deletion ends what is still building, and a failed build is explained"},
		{BuildLog, []string{"logs:GetLogEvents"},
			"the failing step and its output are the answer's first lines"},
		{Machine, []string{"states:StartExecution", "states:ListExecutions"},
			"one execution for each request, and the ones that an update or a deletion overtakes"},
		{Execution, []string{"states:StopExecution"},
			"an overtaken execution must not start another build"},
		{FunctionLog, []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			"the function's own log"},
	}
}

// RetentionActions returns what the handler needs for a builder whose logs outlive the stack.
func RetentionActions() []Grant {
	return []Grant{
		{RetainedLog, []string{"logs:CreateLogGroup", "logs:PutRetentionPolicy"},
			"the log group is no resource of the stack, so that no roll-back deletes it"},
	}
}

// ReplicationActions returns what the handler needs for builders whose images are replicated (Amazon ECR User Guide,
// "Private image replication").
func ReplicationActions() []Grant {
	return []Grant{
		{Repository, []string{"ecr:DescribeImageReplicationStatus"},
			"is every replica complete"},
		{Replica, []string{"ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy"},
			"lets Lambda pull replicas: ECR does not replicate policies"},
		{ReplicationRule, []string{"ecr:DescribeRegistry", "ecr:PutReplicationConfiguration"},
			"the registry's one replication configuration"},
		{ReplicationRole, []string{"iam:CreateServiceLinkedRole"},
			"ECR's own role, the first time that an account replicates"},
		{Lease, []string{"ssm:PutParameter", "ssm:GetParameter", "ssm:DeleteParameter"},
			"one writer of that configuration at a time"},
	}
}

// PublicationActions returns what the handler needs for consumers in other regions.
func PublicationActions() []Grant {
	return []Grant{
		{Published, []string{"ssm:PutParameter", "ssm:DeleteParameters"},
			"tells stacks in other regions the image's name and tag"},
	}
}

// MachineActions returns what the state machine's role needs: its two integrations and nothing else (AWS Step
// Functions Developer Guide, "IAM policies for integrated services": Lambda and AWS CodeBuild).
func MachineActions() []Grant {
	return []Grant{
		{Function, []string{"lambda:InvokeFunction"},
			"asks the handler what is next"},
		{Project, []string{"codebuild:StartBuild", "codebuild:StopBuild", "codebuild:BatchGetBuilds"},
			"runs the build, stops it when the execution is stopped, and polls in case its event is lost"},
		{BuildRule, []string{"events:PutTargets", "events:PutRule", "events:DescribeRule"},
			"Step Functions' own rule, which tells it that a build has ended; checked when the machine is created"},
	}
}
