// Package handlers knows which calls CloudFormation's resource handlers make with the role that a client has passed: for
// the types that the engine has, the one call of each creation, update and deletion that does not depend on the
// properties, and the roles that a resource hands to its service.
//
// Source: the types' schemas in the CloudFormation registry, handlers.create.permissions, handlers.update.permissions and
// handlers.delete.permissions; Service Authorization Reference for the resources of each action.
package handlers

import (
	"fmt"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Verb is what a handler is asked to do.
type Verb int

// The verbs.
const (
	Create Verb = iota
	Update
	Delete
)

// handler is what is known of a type's handler.
type handler struct {
	create, update, delete string // actions; empty: none that every such call makes
	arn                    string // of the resource; empty: the actions have no resource, or the physical id is the ARN
	name                   string // property that names it
	generated              func(r resource.Request) string
}

func whole(limit int) func(resource.Request) string {
	return func(r resource.Request) string { return physical.Name(r, limit) }
}

func lower(limit int) func(resource.Request) string {
	return func(r resource.Request) string { return physical.Lower(r, limit) }
}

func logical(prefix string, limit int) func(resource.Request) string {
	return func(r resource.Request) string { return prefix + physical.Logical(r, limit-len(prefix)) }
}

// handlers are the types that are known. In an ARN, %p is the partition, %r the region, %a the account and %n the name.
var handlers = map[string]handler{
	"AWS::CodeBuild::Project": {"codebuild:CreateProject", "codebuild:UpdateProject", "codebuild:DeleteProject", "arn:%p:codebuild:%r:%a:project/%n", "Name", whole(physical.MaxProject)},
	"AWS::ECR::Repository":    {"ecr:CreateRepository", "", "ecr:DeleteRepository", "arn:%p:ecr:%r:%a:repository/%n", "RepositoryName", lower(physical.MaxRepository)},
	"AWS::IAM::Role":          {"iam:CreateRole", "", "iam:DeleteRole", "arn:%p:iam::%a:role%path%n", "RoleName", whole(physical.MaxRole)},
	"AWS::KMS::Key":           {"kms:CreateKey", "", "", "", "", nil},
	"AWS::Lambda::Function":   {"lambda:CreateFunction", "", "lambda:DeleteFunction", "arn:%p:lambda:%r:%a:function:%n", "FunctionName", whole(physical.MaxFunction)},
	"AWS::Logs::LogGroup":     {"logs:CreateLogGroup", "", "logs:DeleteLogGroup", "arn:%p:logs:%r:%a:log-group:%n", "LogGroupName", whole(physical.MaxLogGroup)},
	"AWS::S3::Bucket":         {"s3:CreateBucket", "", "s3:DeleteBucket", "arn:%p:s3:::%n", "BucketName", lower(physical.MaxBucket)},
	"AWS::SSM::Parameter":     {"ssm:PutParameter", "ssm:PutParameter", "ssm:DeleteParameter", "arn:%p:ssm:%r:%a:parameter/%n", "Name", logical("CFN-", physical.MaxParameter)},
	"AWS::StepFunctions::StateMachine": {"states:CreateStateMachine", "states:UpdateStateMachine", "states:DeleteStateMachine", "arn:%p:states:%r:%a:stateMachine:%n",
		"StateMachineName", logical("", physical.MaxStateMachine)},
}

// passed are the properties that hand a role to a service, by type. A list is gone through.
var passed = map[string]struct {
	service string
	paths   []string
}{
	"AWS::CodeBuild::Project":          {"codebuild.amazonaws.com", []string{"ServiceRole"}},
	"AWS::ECS::TaskDefinition":         {"ecs-tasks.amazonaws.com", []string{"TaskRoleArn", "ExecutionRoleArn"}},
	"AWS::Events::Rule":                {"events.amazonaws.com", []string{"RoleArn", "Targets.RoleArn"}},
	"AWS::Lambda::Function":            {"lambda.amazonaws.com", []string{"Role"}},
	"AWS::StepFunctions::StateMachine": {"states.amazonaws.com", []string{"RoleArn"}},
}

// Needs returns the permissions that a request needs.
func Needs(verb Verb, r resource.Request) []protocol.Need {
	var needs []protocol.Need
	h := handlers[r.Type]
	action := [...]string{h.create, h.update, h.delete}[verb]
	if action != "" {
		need := protocol.Need{Action: action}
		if arn := h.resource(r); arn != "" {
			need.Resources = []string{arn}
		}
		needs = append(needs, need)
	}
	if verb == Delete {
		return needs
	}
	of := passed[r.Type]
	for _, path := range of.paths {
		before := roles(r.Old, strings.Split(path, "."))
		for role := range roles(r.Properties, strings.Split(path, ".")) {
			if verb == Update && before[role] {
				continue
			}
			needs = append(needs, protocol.Need{Action: "iam:PassRole", Resources: []string{role}, Conditions: map[string][]string{"iam:PassedToService": {of.service}}})
		}
	}
	return needs
}

// resource is the ARN of the resource that a request is about.
func (h handler) resource(r resource.Request) string {
	name := r.PhysicalID
	if h.arn == "" || strings.HasPrefix(name, "arn:") {
		return name
	}
	if name == "" {
		name, _ = r.Properties[h.name].(string)
	}
	if name == "" {
		name = h.generated(r)
	}
	if r.Type == "AWS::SSM::Parameter" { // "/a" and "a" are one parameter
		name = strings.TrimPrefix(name, "/")
	}
	path, _ := r.Properties["Path"].(string)
	if path == "" {
		path = "/"
	}
	return strings.NewReplacer("%path", path, "%p", r.Stack.Partition, "%r", r.Stack.Region, "%a", r.Stack.Account, "%n", name).Replace(h.arn)
}

// roles returns the texts that a path leads to.
func roles(value any, path []string) map[string]bool {
	out := map[string]bool{}
	switch v := value.(type) {
	case string:
		if len(path) == 0 && v != "" {
			out[v] = true
		}
	case map[string]any:
		if len(path) > 0 {
			return roles(v[path[0]], path[1:])
		}
	case []any:
		for _, item := range v {
			for role := range roles(item, path) {
				out[role] = true
			}
		}
	}
	return out
}

// Denied words what IAM has said as the event of the resource does.
// Source: seen in public issues, 2024-08 (aws/aws-cdk#31161).
func Denied(message, token string) error {
	return fmt.Errorf("Resource handler returned message: %q (RequestToken: %s, HandlerErrorCode: AccessDenied)", message, token) //nolint:staticcheck // CloudFormation's own words
}
