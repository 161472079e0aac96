package engine

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/lambda"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// actAs is the session in which CloudFormation works on a stack: of the stack's role, or if that has none of whoever
// asked for the operation. The caller ends it.
// Source: AWS CloudFormation User Guide, "CloudFormation service role".
func (a *account) actAs(ctx context.Context, stack resource.Stack, cause session.Cause) (as *session.Session, end func(), err error) {
	if stack.Role == "" {
		of := stack.Caller
		if of == nil {
			of = a.operator
		}
		as = a.engine.sessions.Add(&session.Session{Account: of.Account, ARN: of.ARN, UserID: of.UserID, RoleARN: of.RoleARN,
			Policies: of.Policies, Tags: of.Tags, Transitive: of.Transitive, SourceIdentity: of.SourceIdentity})
		as.SetCause(cause)
	} else if as, err = a.iam.AssumeAsService(ctx, stack.Role, cloudFormation, "AWSCloudFormation", cause); err != nil {
		return nil, nil, fmt.Errorf("Role %s is invalid or cannot be assumed", stack.Role) //nolint:staticcheck // CloudFormation's own words
	}
	return as, func() { a.engine.sessions.Remove(as.AccessKeyID) }, nil
}

// cloudFormation is the service that stacks' roles trust.
const cloudFormation = "cloudformation.amazonaws.com"

// allow decides for whoever CloudFormation acts as.
func (a *account) allow(ctx context.Context, stack resource.Stack, need protocol.Need) error {
	as, end, err := a.actAs(ctx, stack, session.Cause{})
	if err != nil {
		return err
	}
	defer end()
	return a.engine.door.Allow(ctx, as, stack.Region, need)
}

// invoke hands a custom resource's request to its function, as CloudFormation does: without waiting.
func (a *account) invoke(ctx context.Context, stack resource.Stack, functionARN string, payload []byte, cause session.Cause) error {
	as, end, err := a.actAs(ctx, stack, cause)
	if err != nil {
		return err
	}
	defer end()
	region := a.region
	if parts := strings.Split(functionARN, ":"); len(parts) > 3 {
		region = parts[3]
	}
	return a.engine.door.Call(ctx, as, region, "lambda", "Invoke",
		lambda.InvokeInput{FunctionName: functionARN, InvocationType: "Event", Payload: payload}, nil)
}

// fetch reads a nested stack's template.
func (a *account) fetch(ctx context.Context, stack resource.Stack, url string) ([]byte, error) {
	bucket, key, ok := cloudformation.SplitURL(url)
	if !ok {
		return nil, fmt.Errorf("TemplateURL must be a supported URL.") //nolint:staticcheck,revive,perfsprint // CloudFormation's own words
	}
	as, end, err := a.actAs(ctx, stack, session.Cause{})
	if err != nil {
		return nil, err
	}
	defer end()
	object, err := a.engine.s3.Fetch(ctx, as, stack.Region, bucket, key)
	if err != nil {
		return nil, fmt.Errorf("S3 error: %w", err) //nolint:staticcheck,revive // CloudFormation's own words
	}
	defer object.Close() //nolint:errcheck // read only
	return io.ReadAll(io.LimitReader(object, template.MaxBytes+1))
}

// trustsCloudFormation says whether a role lets CloudFormation assume it.
func (a *account) trustsCloudFormation(ctx context.Context, roleARN string) error {
	as, err := a.iam.AssumeAsService(ctx, roleARN, cloudFormation, "AWSCloudFormation", session.Cause{})
	if err == nil {
		a.engine.sessions.Remove(as.AccessKeyID)
	}
	return err
}

// secret gives the value that a dynamic reference names, perhaps another account's that lets this one read it.
func (a *account) secret(ctx context.Context, stack resource.Stack, reference string) (string, error) {
	of, owner := a, protocol.OwnerOf(reference)
	if owner != "" && owner != a.account {
		of = a.engine.account(owner)
	}
	if of == a && stack.Unbounded() {
		return a.secrets.Value(stack.Region, reference)
	}
	as, end, err := a.actAs(ctx, stack, session.Cause{})
	if err != nil {
		return "", err
	}
	defer end()
	id, _, _ := strings.Cut(reference, ":")
	if owner != "" {
		parts := strings.Split(reference, ":")
		id = strings.Join(parts[:min(7, len(parts))], ":") // without the key and the stage
	}
	if err := a.engine.door.Call(ctx, as, stack.Region, "secretsmanager", "GetSecretValue", map[string]any{"SecretId": id}, nil); err != nil {
		return "", err
	}
	return of.secrets.Value(stack.Region, reference)
}

// bootstrapVersion is what CDK's bootstrap stack leaves in Systems Manager; every rehearsal counts as bootstrapped.
// Clients of an engine bootstrap it themselves.
const bootstrapVersion = "30"

// resolve gives the values that templates read from elsewhere.
func (a *account) resolve(ctx context.Context, stack resource.Stack, service, name string) (string, error) {
	switch service {
	case "ssm":
	case "secretsmanager":
		return a.secret(ctx, stack, name)
	default:
		return "", fmt.Errorf("%s:%s cannot be resolved: a rehearsal has no %s", service, name, service)
	}
	if err := a.mayRead(ctx, stack, name); err != nil {
		return "", err
	}
	value, err := a.ssm.Value(stack.Region, name)
	if err != nil && !a.engine.options.Clients && strings.HasPrefix(name, "/cdk-bootstrap/") && strings.HasSuffix(name, "/version") {
		return bootstrapVersion, nil
	}
	return value, err
}

// mayRead says why whoever CloudFormation acts as may not read a parameter, which is named with its version or without;
// nil: they may.
func (a *account) mayRead(ctx context.Context, stack resource.Stack, parameter string) error {
	if stack.Unbounded() {
		return nil
	}
	arn := parameter
	if plain, _, _ := strings.Cut(parameter, ":"); plain != "arn" {
		arn = fmt.Sprintf("arn:%s:ssm:%s:%s:parameter/%s", a.partition, stack.Region, a.account, strings.TrimPrefix(plain, "/"))
	}
	return a.allow(ctx, stack, protocol.Need{Action: "ssm:GetParameters", Resources: []string{arn}})
}
