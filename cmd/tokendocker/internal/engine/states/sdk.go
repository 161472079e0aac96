package states

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states/asl"
)

// api is a service that tasks can call: the name of its room, how Step Functions spells it in errors, and whether its
// members begin in lower case, where tasks have them in upper case.
type api struct {
	service, errors string
	lower           bool
	own             []string // the codes that have exceptions of their own; nil: all have
}

// apis are the services by their name in a resource: aws-sdk:<name>:<action>, and for those of "optimized" integrations
// also <name>:<action>. Source: Developer Guide, "Learning to use AWS service SDK integrations", "Supported AWS SDK
// service integrations"; the names in errors are those of the SDK for Java.
//
//nolint:gochecknoglobals // a constant
var apis = map[string]api{
	"cloudwatchlogs": {service: "logs", errors: "CloudWatchLogs", lower: true},
	"codebuild":      {service: "codebuild", errors: "CodeBuild", lower: true},
	"dynamodb":       {service: "dynamodb", errors: "DynamoDb"},
	"ec2":            {service: "ec2", errors: "Ec2", own: []string{}},
	"ecr":            {service: "ecr", errors: "Ecr", lower: true},
	"eventbridge":    {service: "events", errors: "EventBridge"},
	"iam":            {service: "iam", errors: "Iam", own: []string{"NoSuchEntity", "EntityAlreadyExists", "DeleteConflict", "LimitExceeded", "MalformedPolicyDocument", "InvalidInput"}},
	"kms":            {service: "kms", errors: "Kms"},
	"lambda":         {service: "lambda", errors: "Lambda"},
	"s3":             {service: "s3", errors: "S3", own: []string{"NoSuchKey", "NoSuchBucket", "NoSuchUpload", "BucketAlreadyExists", "BucketAlreadyOwnedByYou"}},
	"secretsmanager": {service: "secretsmanager", errors: "SecretsManager"},
	"sfn":            {service: "states", errors: "Sfn", lower: true},
	"sqs":            {service: "sqs", errors: "Sqs"},
	"ssm":            {service: "ssm", errors: "Ssm"},
	"sts":            {service: "sts", errors: "Sts", own: []string{"MalformedPolicyDocument", "RegionDisabled"}},
}

// optimized are the plain calls among the optimized integrations (Developer Guide, "Integrating optimized services").
//
//nolint:gochecknoglobals // a constant
var optimized = map[string]string{
	"dynamodb:getItem": "DynamoDB.AmazonDynamoDBException", "dynamodb:putItem": "DynamoDB.AmazonDynamoDBException",
	"dynamodb:updateItem": "DynamoDB.AmazonDynamoDBException", "dynamodb:deleteItem": "DynamoDB.AmazonDynamoDBException",
	"sqs:sendMessage": "SQS.AmazonSQSException",
}

// request calls an API as the machine's role, with the task's parameters as input.
func (t *tasks) request(ctx context.Context, name, action string, input any) (any, error) {
	a, known := apis[name]
	if !known {
		return nil, asl.Fail(asl.ErrorRuntime, fmt.Sprintf("The engine's Step Functions does not call %s; it calls %s.",
			name, strings.Join(slices.Sorted(maps.Keys(apis)), ", ")))
	}
	in, ok := input.(map[string]any)
	if !ok {
		return nil, asl.Fail(asl.ErrorRuntime, "The Parameters must be an object.")
	}
	var body any = in
	if a.lower {
		body = respell(in, unicode.ToLower)
	}
	var raw json.RawMessage
	if err := t.room.Caller.Call(ctx, t.session, t.machine.Region, a.service, capital(action), body, &raw); err != nil {
		return nil, a.failure(err)
	}
	if len(raw) == 0 || string(raw) == "null" {
		return map[string]any{}, nil
	}
	out, err := asl.Decode(raw)
	if err != nil {
		return nil, fmt.Errorf("answer of %s: %w", action, err)
	}
	if a.lower {
		out = respell(out, unicode.ToUpper)
	}
	return out, nil
}

// plain makes the call of an optimized integration that is one call of the service's API. Errors that are none of the
// service's own have a base exception's name of their own there.
func (t *tasks) plain(ctx context.Context, name, action, base string, input any) (any, error) {
	out, err := t.request(ctx, name, action, input)
	var f *asl.Failure
	if !errors.As(err, &f) || f.Name == asl.ErrorRuntime {
		return out, err
	}
	service, _, _ := strings.Cut(base, ".")
	_, code, _ := strings.Cut(f.Name, ".")
	if code == apis[name].errors+"Exception" {
		return nil, asl.Fail(base, f.Cause)
	}
	return nil, asl.Fail(service+"."+code, f.Cause)
}

// failure names a service's error as the SDK for Java does: its exception, or the service's base exception where it is
// none of the service's own.
func (a api) failure(err error) error {
	var aws *protocol.Error
	if !errors.As(err, &aws) {
		return asl.Fail(asl.ErrorRuntime, err.Error())
	}
	name := aws.Code
	switch {
	case a.own != nil && !slices.Contains(a.own, name):
		name = a.errors + "Exception"
	case strings.HasPrefix(name, "AccessDenied"), name == "UnknownOperationException", name == "ValidationException":
		name = a.errors + "Exception"
	case !strings.HasSuffix(name, "Exception"):
		name += "Exception"
	}
	return asl.Fail(a.errors+"."+name, fmt.Sprintf("%s (Service: %s, Status Code: %d, Request ID: %s)", aws.Message, a.errors, aws.HTTPStatus(), protocol.NewID()))
}

// capital is an action as the API spells it.
func capital(s string) string {
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}
