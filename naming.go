package tokendocker

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecr"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/machine"
)

// buildLogs is where CodeBuild logs the builds of a project (AWS CodeBuild User Guide, "Build projects": CloudWatch
// logs have the group /aws/codebuild/PROJECT unless the project names another).
const buildLogs = "/aws/codebuild/"

// stackUUID is the last part of the stack's id, which no other stack has or ever had. It is deploy-time text: names
// made from it need no reference to the resource that bears them.
func stackUUID() string {
	return *awscdk.Fn_Select(jsii.Number(2), awscdk.Fn_Split(jsii.String("/"), awscdk.Aws_STACK_ID(), nil))
}

// machineName is the name of the stack's state machine. The function and the machine know each other; if both did by
// reference, neither could be created first.
func machineName() string { return "tokendocker-" + stackUUID() }

// projectName is the name of the CodeBuild project of the builder at a construct path: td-STACK-BUILDER, 8
// hexadecimal digits each.
func projectName(path string) string { return projectPrefix() + pathHash(path) }

// projectPrefix begins the names of the CodeBuild projects of all builders of a stack, and of no others.
func projectPrefix() string {
	stack := awscdk.Fn_Select(jsii.Number(0), awscdk.Fn_Split(jsii.String("-"), jsii.String(stackUUID()), nil))
	return "td-" + *stack + "-"
}

// namesOfAll gives names for all builders of a stack at once, for permissions that must not come and go with a builder:
// CloudFormation takes a removed builder's permissions away before it deletes the builder, whose builds must then
// still be stopped.
func namesOfAll(scope constructs.Construct) machine.Names {
	names := namesIn(scope)
	names.Project = projectPrefix() + "*"
	names.LogGroup = buildLogs + names.Project
	return names
}

// pathHash tells the builders of a stack apart.
func pathHash(path string) string {
	sum := sha256.Sum256([]byte(path))
	return hex.EncodeToString(sum[:4])
}

// namesIn gives the names that every ARN of a stack needs.
func namesIn(scope constructs.Construct) machine.Names {
	stack := awscdk.Stack_Of(scope)
	return machine.Names{
		Partition: *stack.Partition(),
		Region:    *stack.Region(),
		Account:   *stack.Account(),
		Machine:   machineName(),
	}
}

// Longest names that the resources of a builder can have once they are created.
const (
	maxStackName    = 128 // AWS CloudFormation API Reference, CreateStack: StackName
	generatedSuffix = 13  // "-" and twelve characters that CloudFormation adds to a generated name
	maxRepository   = 256 // Amazon ECR API Reference, CreateRepository: repositoryName
	maxLogGroup     = 512 // Amazon CloudWatch Logs API Reference, CreateLogGroup: logGroupName
	maxProject      = 255 // AWS CodeBuild User Guide, "Quotas": build project names
	ourProject      = len("td-01234567-01234567")

	maxPath = 255 // distribution/reference, RepositoryNameTotalLengthMax: docker takes no longer name of a repository
)

// longName tells of a repository whose name CloudFormation would make longer than docker takes; empty where it fits, or
// where the stack's name is not known.
func (b *builder) longName() string {
	stack := awscdk.Stack_Of(b)
	name := *stack.StackName()
	if isToken(name) {
		return ""
	}
	logicalID := *stack.GetLogicalId(b.repository.Node().DefaultChild().(awsecr.CfnRepository))
	if size := len(name) + 1 + len(logicalID) + generatedSuffix; size > maxPath {
		return fmt.Sprintf("the repository's name would have %d characters with the stack's name and the builder's path in it, and docker takes at most %d: "+
			"give the builder, or what it is in, a shorter id", size, maxPath)
	}
	return ""
}

// longestNames stands in for names that are known only once the stack is deployed, to measure policies by.
// repository is the logical id of the builder's repository; empty means that its name is anybody's.
func longestNames(repository string) machine.Names {
	name := min(maxRepository, maxStackName+1+len(repository)+generatedSuffix)
	project := ourProject
	if repository == "" {
		name, project = maxRepository, maxProject
	}
	return machine.Names{
		Partition:  strings.Repeat("p", len("aws-us-gov")),
		Region:     strings.Repeat("r", len("ap-southeast-1")),
		Account:    strings.Repeat("0", 12),
		Repository: strings.Repeat("n", name),
		Project:    strings.Repeat("n", project),
		LogGroup:   buildLogs + strings.Repeat("n", project),
	}
}
