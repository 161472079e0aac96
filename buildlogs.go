package tokendocker

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/machine"
)

// retainedLogs is where the logs of builds go that outlive the stack.
const retainedLogs = "/docker-builder/"

// logs is where a builder's builds log: CodeBuild's own group, the user's, or one that outlives the stack.
type logs struct {
	group  awslogs.ILogGroup // the user's; may be nil
	retain bool
}

func (b *builder) readLogs(group awslogs.ILogGroup, retain *bool) {
	b.logs = logs{group: group, retain: isTrue(retain)}
	if b.logs.retain && group != nil {
		b.problems.add("RetainBuildLogs and BuildLogGroup are both given: leave one out; a group of your own is kept by its removal policy")
		b.logs.retain = false
	}
}

// name is the name of the log group of a project's builds.
func (l logs) name(project string) string {
	switch {
	case l.group != nil:
		return *l.group.LogGroupName()
	case l.retain:
		return retainedLogs + project
	}
	return buildLogs + project
}

// config is the log group as the project names it; nil means CodeBuild's own.
func (l logs) config(project string) any {
	if l.group == nil && !l.retain {
		return nil
	}
	return &awscodebuild.CfnProject_LogsConfigProperty{
		CloudWatchLogs: &awscodebuild.CfnProject_CloudWatchLogsConfigProperty{
			Status:    jsii.String("ENABLED"),
			GroupName: jsii.String(l.name(project)),
		},
	}
}

// statement lets builds log. They make a group only where it is CodeBuild's own to make.
func (l logs) statement(stack awscdk.Stack, project string) awsiam.PolicyStatement {
	arn := *stack.FormatArn(&awscdk.ArnComponents{
		Service:      jsii.String("logs"),
		Resource:     jsii.String("log-group"),
		ResourceName: jsii.String(l.name(project)),
		ArnFormat:    awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
	actions := []string{"logs:CreateLogStream", "logs:PutLogEvents"}
	if l.group == nil && !l.retain {
		actions = append([]string{"logs:CreateLogGroup"}, actions...)
	}
	return statement(actions, arn, arn+":*")
}

// logNames are the names of a builder with its log group.
func (b *builder) logNames() machine.Names {
	names := namesIn(b)
	names.LogGroup = b.logs.name(*b.project.Ref())
	return names
}

// logEntries are the permissions that the function needs on a log group that is not CodeBuild's own.
func (b *builder) logEntries(longest machine.Names) []entry {
	names := b.logNames()
	arns := map[machine.Resource]string{}
	switch {
	case b.logs.group != nil:
		arns[machine.BuildLog] = machine.BuildLog.ARN(names)
		longest.LogGroup = strings.Repeat("l", maxLogGroup)
	case b.logs.retain:
		arns[machine.BuildLog], arns[machine.RetainedLog] = machine.BuildLog.ARN(names), machine.RetainedLog.ARN(names)
	}
	return append(entries(machine.FunctionActions(), arns, longest), entries(machine.RetentionActions(), arns, longest)...)
}
