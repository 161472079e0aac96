package lambda

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// Resources returns the room's CloudFormation types.
func (r *Room) Resources() map[string]resource.Provider {
	return map[string]resource.Provider{
		"AWS::Lambda::Function":          functionProvider{r},
		"AWS::Lambda::Version":           versionProvider{r},
		"AWS::Lambda::Alias":             aliasProvider{r},
		"AWS::Lambda::Permission":        permissionProvider{r},
		"AWS::Lambda::LayerVersion":      layerProvider{r},
		"AWS::Lambda::EventInvokeConfig": invokeConfigProvider{r},
		"AWS::Lambda::Url":               urlProvider{r},
	}
}

// functionProvider is AWS::Lambda::Function. Ref is the name, Arn the unqualified ARN
// (AWS CloudFormation User Guide, "AWS::Lambda::Function").
type functionProvider struct{ room *Room }

// Immutable returns the properties whose change makes another function.
func (functionProvider) Immutable() []string { return []string{"FunctionName", "PackageType"} }

// Names of functions and of aliases, which are no numbers.
// Source: AWS Lambda API Reference, CreateFunction and CreateAlias.
var (
	functionName = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)
	aliasName    = regexp.MustCompile(`^[0-9]*[a-zA-Z-_][a-zA-Z0-9-_]*$`)
)

// Create deploys a function.
func (p functionProvider) Create(ctx context.Context, r resource.Request) (resource.Result, error) {
	name := text(r.Properties, "FunctionName")
	if name == "" {
		name = physical.Name(r, physical.MaxFunction)
	}
	if !functionName.MatchString(name) {
		return resource.Result{}, invalid("functionName", name, "Member must satisfy regular expression pattern: "+functionName.String())
	}
	_, found, err := p.room.functions.Get(functionKey(r.Stack.Region, name, latest))
	if err != nil {
		return resource.Result{}, err
	}
	if found {
		return resource.Result{}, &protocol.Error{Code: "ResourceConflictException", Status: 409, Message: "Function already exist: " + name}
	}
	return p.deploy(ctx, r, name)
}

// Update changes a function in place.
func (p functionProvider) Update(ctx context.Context, r resource.Request) (resource.Result, error) {
	return p.deploy(ctx, r, r.PhysicalID)
}

func (p functionProvider) deploy(ctx context.Context, r resource.Request, name string) (resource.Result, error) {
	f, err := p.room.describe(r, name)
	if err != nil {
		return resource.Result{}, err
	}
	if _, err := p.room.Roles.AssumeAsService(ctx, f.Role, servicePrincipal, name, session.Cause{}); err != nil {
		return resource.Result{}, errRole
	}
	code := object(r.Properties, "Code")
	if f.PackageType == "Image" {
		f.Image, err = p.room.pinImage(ctx, f, text(code, "ImageUri"))
	} else {
		if f.CodeSHA256, f.CodeSize, err = p.room.loadCode(ctx, code, f.Runtime); err == nil {
			f.Layers, err = p.room.layersOf(r.Properties)
		}
	}
	if err != nil {
		return resource.Result{}, err
	}
	var old Function
	err = p.room.functions.Update(f.key(), func(was Function, _ bool) (Function, error) {
		old, f.Revision, f.Published = was, was.Revision+1, was.Published
		return f, nil
	})
	if err != nil {
		return resource.Result{}, err
	}
	p.room.dropAll(f.key())
	if err := p.room.dropFiles(old); err != nil {
		return resource.Result{}, err
	}
	return resource.Result{PhysicalID: name, Attributes: map[string]any{"Arn": f.ARN}}, nil
}

// Delete removes a function with its versions, aliases, rules for events and permissions.
// Source: AWS Lambda API Reference, "DeleteFunction".
func (p functionProvider) Delete(_ context.Context, r resource.Request) error {
	prefix := strings.TrimSuffix(functionKey(r.Stack.Region, r.PhysicalID, latest), latest)
	for key, f := range p.room.functions.All() {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		if err := p.room.functions.Delete(key); err != nil {
			return err
		}
		p.room.dropAll(key)
		if err := p.room.dropFiles(f); err != nil {
			return err
		}
	}
	for id, granted := range p.room.grants.All() {
		ref := parseReference(granted.FunctionARN)
		if ref.region != r.Stack.Region || ref.name != r.PhysicalID {
			continue
		}
		if err := p.room.grants.Delete(id); err != nil {
			return err
		}
	}
	return errors.Join(forget(p.room.aliases, prefix), forget(p.room.retries, prefix))
}

// forget deletes what a table holds under keys with a prefix.
func forget[T any](table state.Table[T], prefix string) error {
	for key := range table.All() {
		if !strings.HasPrefix(key, prefix) {
			continue
		}
		if err := table.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// pinImage resolves an image to its digest, as Lambda does when a function is created or its code updated.
// Source: AWS Lambda Developer Guide, "Create a Lambda function using a container image", function lifecycle.
func (r *Room) pinImage(ctx context.Context, f Function, uri string) (string, error) {
	if uri == "" {
		return "", protocol.Errorf("InvalidParameterValueException", "Please provide a source for function code.")
	}
	if r.Images == nil {
		return uri, nil
	}
	digest, err := r.Images.ForFunction(ctx, f.ARN, uri)
	if err != nil {
		return "", err
	}
	repository, _, _ := strings.Cut(uri, "@")
	if slash := strings.LastIndex(repository, "/"); strings.Contains(repository[slash+1:], ":") {
		repository = repository[:strings.LastIndex(repository, ":")]
	}
	return repository + "@" + digest, nil
}

// describe reads a function's properties with Lambda's defaults and limits.
func (r *Room) describe(q resource.Request, name string) (Function, error) {
	p := q.Properties
	f := Function{
		ARN:  fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", q.Stack.Partition, q.Stack.Region, q.Stack.Account, name),
		Name: name, Version: latest, Region: q.Stack.Region, Account: q.Stack.Account,
		Role: text(p, "Role"), Runtime: text(p, "Runtime"), Handler: text(p, "Handler"),
		PackageType: text(p, "PackageType"), Architecture: "x86_64", Description: text(p, "Description"),
		LogGroup: "/aws/lambda/" + name, Modified: r.Clock.Now(), Environment: map[string]string{},
	}
	if f.PackageType == "" {
		f.PackageType = "Zip"
	}
	if f.PackageType == "Zip" && (f.Runtime == "" || f.Handler == "") {
		return f, protocol.Errorf("InvalidParameterValueException", "Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	}
	if a := list(p, "Architectures"); len(a) > 0 {
		f.Architecture = fmt.Sprint(a[0])
	}
	if f.Architecture != "x86_64" && f.Architecture != "arm64" {
		return f, invalid("architectures", f.Architecture, "Member must satisfy enum value set: [x86_64, arm64]")
	}
	if group := text(object(p, "LoggingConfig"), "LogGroup"); group != "" {
		f.LogGroup = group
	}
	for k, v := range object(object(p, "Environment"), "Variables") {
		f.Environment[k] = fmt.Sprint(v)
	}
	if err := checkEnvironment(f.Environment); err != nil {
		return f, err
	}
	return f, f.readNumbers(p)
}

func (f *Function) readNumbers(p map[string]any) error {
	var err error
	if f.TimeoutSec, err = number(p, "Timeout", 3); err != nil {
		return err
	}
	if f.MemoryMB, err = number(p, "MemorySize", 128); err != nil {
		return err
	}
	if f.TimeoutSec < 1 || f.TimeoutSec > 900 {
		return invalid("timeout", fmt.Sprint(f.TimeoutSec), "Member must have value between 1 and 900")
	}
	if f.MemoryMB < 128 || f.MemoryMB > 10240 {
		return invalid("memorySize", fmt.Sprint(f.MemoryMB), "Member must have value between 128 and 10240")
	}
	if text(p, "ReservedConcurrentExecutions") != "" {
		n, err := number(p, "ReservedConcurrentExecutions", 0)
		if err != nil {
			return err
		}
		f.Reserved = &n
	}
	return nil
}

func invalid(field, value, constraint string) error {
	return protocol.Errorf("ValidationException",
		"1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, field, constraint)
}

// reserved are the variables that only Lambda sets (AWS Lambda Developer Guide, "Defined runtime environment variables").
var reserved = map[string]bool{
	"_HANDLER": true, "_X_AMZN_TRACE_ID": true, "AWS_DEFAULT_REGION": true, "AWS_REGION": true, "AWS_EXECUTION_ENV": true,
	"AWS_LAMBDA_FUNCTION_NAME": true, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": true, "AWS_LAMBDA_FUNCTION_VERSION": true,
	"AWS_LAMBDA_INITIALIZATION_TYPE": true, "AWS_LAMBDA_LOG_GROUP_NAME": true, "AWS_LAMBDA_LOG_STREAM_NAME": true,
	"AWS_ACCESS_KEY": true, "AWS_ACCESS_KEY_ID": true, "AWS_SECRET_ACCESS_KEY": true, "AWS_SESSION_TOKEN": true,
	"AWS_LAMBDA_RUNTIME_API": true, "LAMBDA_TASK_ROOT": true, "LAMBDA_RUNTIME_DIR": true,
}

// maxEnvironment is the size of all variables together, in bytes (AWS Lambda Developer Guide, "Lambda quotas").
const maxEnvironment = 4096

func checkEnvironment(vars map[string]string) error {
	size := 0
	for k, v := range vars {
		if reserved[k] {
			return protocol.Errorf("InvalidParameterValueException", "Lambda was unable to configure your environment variables "+
				"because the environment variables you have provided contains reserved keys that are currently not supported "+
				"for modification. Reserved keys used in this request: %s", k)
		}
		size += len(k) + len(v)
	}
	if size > maxEnvironment {
		return protocol.Errorf("InvalidParameterValueException", "Lambda was unable to configure your environment variables "+
			"because the environment variables you have provided exceeded the 4KB limit.")
	}
	return nil
}
