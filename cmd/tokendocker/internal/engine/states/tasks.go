package states

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states/asl"
)

// tasks does the Task states of one execution as its machine's role.
type tasks struct {
	room    *Room
	machine Machine
	session *session.Session
}

// integration returns the service integration of a Task's Resource: "lambda:invoke" of
// "arn:aws:states:::lambda:invoke", "function" for a function's ARN, or "".
func integration(resource string) string {
	parts := strings.SplitN(resource, ":", 6)
	switch {
	case len(parts) < 6:
		return ""
	case parts[2] == "states":
		return parts[5]
	case parts[2] == "lambda" && strings.HasPrefix(parts[5], "function:"):
		return "function"
	}
	return ""
}

// do runs one task: it makes the call, and waits for the token where the resource says so.
func (t *tasks) do(ctx context.Context, task asl.Task) (any, error) {
	name := integration(task.Resource)
	base, callback := strings.CutSuffix(name, asl.TokenSuffix)
	if !callback {
		return t.start(ctx, name, task)
	}
	waiting := t.room.waiting.add(task.Token, t.machine.ARN)
	defer t.room.waiting.take(task.Token, true)
	out, err := t.start(ctx, base, task)
	if err != nil {
		return nil, err
	}
	task.Record("Submitted", map[string]any{"output": asl.Encode(out)})
	return t.wait(ctx, waiting, task.Heartbeat)
}

// start makes the call of an integration. What the engine does not have fails the execution with a sentence that says so.
func (t *tasks) start(ctx context.Context, name string, task asl.Task) (any, error) {
	switch name {
	case "lambda:invoke":
		return t.invoke(ctx, task.Input)
	case "function":
		return t.function(ctx, task.Resource, task.Input)
	case "codebuild:startBuild":
		return t.startBuild(ctx, task, false)
	case "codebuild:startBuild.sync":
		return t.startBuild(ctx, task, true)
	case "states:startExecution", "states:startExecution.sync", "states:startExecution.sync:2":
		_, sync, _ := strings.Cut(name, ".")
		return t.startExecution(ctx, task, sync)
	}
	if strings.HasPrefix(name, "activity:") {
		return t.work(ctx, task)
	}
	service, action, _ := strings.Cut(strings.TrimPrefix(name, "aws-sdk:"), ":")
	if strings.HasPrefix(name, "aws-sdk:") {
		return t.request(ctx, service, action, task.Input)
	}
	if base, known := optimized[name]; known {
		return t.plain(ctx, service, action, base, task.Input)
	}
	return nil, asl.Fail(asl.ErrorRuntime, fmt.Sprintf("The engine does not run tasks of the resource %s: it runs lambda:invoke, functions by ARN, activities, "+
		"codebuild:startBuild, states:startExecution, calls of dynamodb and sqs, and aws-sdk calls.", task.Resource))
}

// invocation is an answer of Lambda's Invoke inside the engine.
type invocation struct {
	StatusCode      int
	FunctionError   string
	ExecutedVersion string
	Payload         json.RawMessage
	RequestID       string
}

// invokeParameters are the parameters that lambda:invoke takes (Developer Guide, "Invoke an AWS Lambda function with
// Step Functions").
//
//nolint:gochecknoglobals // a constant
var invokeParameters = []string{"ClientContext", "FunctionName", "InvocationType", "Qualifier", "Payload", "LogType"}

// invoke is lambda:invoke; its output wraps the function's.
func (t *tasks) invoke(ctx context.Context, input any) (any, error) {
	in, err := object(input, invokeParameters)
	if err != nil {
		return nil, err
	}
	out, err := t.callLambda(ctx, in)
	if err != nil {
		return nil, err
	}
	result := map[string]any{"StatusCode": int64(out.StatusCode), "SdkHttpMetadata": map[string]any{"HttpStatusCode": int64(out.StatusCode)},
		"SdkResponseMetadata": map[string]any{"RequestId": out.RequestID}}
	if out.ExecutedVersion != "" {
		result["ExecutedVersion"] = out.ExecutedVersion
	}
	if out.StatusCode == http.StatusOK {
		if result["Payload"], err = asl.Decode(out.Payload); err != nil {
			result["Payload"] = string(out.Payload)
		}
	}
	return result, nil
}

// function is a Task whose resource is a function's ARN; its output is the function's.
func (t *tasks) function(ctx context.Context, arn string, input any) (any, error) {
	out, err := t.callLambda(ctx, map[string]any{"FunctionName": arn, "Payload": input})
	if err != nil {
		return nil, err
	}
	v, err := asl.Decode(out.Payload)
	if err != nil {
		return nil, asl.Fail("Lambda.Unknown", "The function's answer is not JSON.")
	}
	return v, nil
}

func (t *tasks) callLambda(ctx context.Context, in map[string]any) (invocation, error) {
	var out invocation
	if err := t.room.Caller.Call(ctx, t.session, t.machine.Region, "lambda", "Invoke", in, &out); err != nil {
		return out, serviceError("Lambda", "AWSLambdaException", lambdaErrors, err)
	}
	if out.FunctionError == "" {
		return out, nil
	}
	var f struct {
		Type string `json:"errorType"`
	}
	if err := json.Unmarshal(out.Payload, &f); err != nil || f.Type == "" {
		return out, asl.Fail("Lambda.Unknown", "The cause could not be determined because Lambda did not return an error type. "+
			"Returned payload: "+string(out.Payload))
	}
	return out, asl.Fail(f.Type, string(out.Payload))
}

// lambdaErrors and buildErrors are the services' own exceptions (their API References); others take the name of the
// SDK's base exception. Public state machines retry Lambda.AWSLambdaException and CodeBuild.CodeBuildException.
//
//nolint:gochecknoglobals // constants
var (
	lambdaErrors = []string{"ServiceException", "ResourceNotFoundException", "InvalidRequestContentException", "RequestTooLargeException",
		"TooManyRequestsException", "InvalidParameterValueException", "InvalidRuntimeException", "ResourceConflictException"}
	buildErrors = []string{"AccountLimitExceededException", "InvalidInputException", "ResourceNotFoundException"}
)

// serviceError makes a service's error a failure named after service and exception, with its message as cause.
func serviceError(service, base string, own []string, err error) error {
	var aws *protocol.Error
	if !errors.As(err, &aws) {
		return asl.Fail(asl.ErrorRuntime, err.Error())
	}
	name := base
	if slices.Contains(own, aws.Code) {
		name = aws.Code
	}
	return asl.Fail(service+"."+name, fmt.Sprintf("%s (Service: %s; Status Code: %d; Error Code: %s)", aws.Message, service, aws.HTTPStatus(), aws.Code))
}

// object takes a task's input as the parameters of an integration.
func object(input any, allowed []string) (map[string]any, error) {
	m, ok := input.(map[string]any)
	if !ok {
		return nil, asl.Fail(asl.ErrorRuntime, "The Parameters must be an object.")
	}
	for k := range m {
		if !slices.Contains(allowed, k) {
			return nil, asl.Fail(asl.ErrorRuntime, fmt.Sprintf("The field '%s' is not supported by Step Functions", k))
		}
	}
	return m, nil
}
