package lambda

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// alias is a name for a version.
type alias struct{ Version string }

func aliasKey(region, function, name string) string { return region + "/" + function + "/" + name }

// invokeConfig says how often and how long the events of a function or of one of its versions are tried.
type invokeConfig struct {
	Attempts, MaxAgeSec  int
	OnSuccess, OnFailure string // ARNs of destinations
}

// retryRule returns the number of further tries after an error, and the simulated time after which an event is dropped.
// Source: AWS CloudFormation User Guide, "AWS::Lambda::EventInvokeConfig".
func (r *Room) retryRule(region, name, version string) (int, time.Duration) {
	c, found, err := r.retries.Get(functionKey(region, name, version))
	if err != nil || !found {
		c = invokeConfig{Attempts: 2, MaxAgeSec: 6 * 3600}
	}
	return c.Attempts, time.Duration(c.MaxAgeSec) * time.Second
}

// target returns the $LATEST version of the function that a property names.
func (r *Room) target(q resource.Request, property string) (Function, error) {
	ref := parseReference(text(q.Properties, property))
	f, found, err := r.functions.Get(functionKey(q.Stack.Region, ref.name, latest))
	if err == nil && !found {
		err = errNoFunction(text(q.Properties, property))
	}
	return f, err
}

func errNoFunction(named string) error {
	return &protocol.Error{Code: "ResourceNotFoundException", Status: 404, Message: "Function not found: " + named}
}

// versionProvider is AWS::Lambda::Version: the function as it is at creation, under the next number.
type versionProvider struct{ room *Room }

// Immutable returns the properties whose change publishes another version.
func (versionProvider) Immutable() []string {
	return []string{"FunctionName", "CodeSha256", "Description"}
}

// Create publishes a version, if there is anything new to publish (serverless/serverless#8392).
func (p versionProvider) Create(_ context.Context, q resource.Request) (resource.Result, error) {
	f, err := p.room.target(q, "FunctionName")
	if err != nil {
		return resource.Result{}, err
	}
	last, same, err := p.room.lastVersion(f)
	if err != nil {
		return resource.Result{}, err
	}
	if same {
		return resource.Result{}, fmt.Errorf("A version for this Lambda function exists ( %s ). Modify the function to create a new version.", last.Version) //nolint:staticcheck,revive // CloudFormation's own words
	}
	if f, err = p.room.publish(f); err != nil {
		return resource.Result{}, err
	}
	return resource.Result{PhysicalID: f.qualified(), Attributes: map[string]any{"Version": f.Version, "FunctionArn": f.qualified()}}, nil
}

// Update changes nothing: all that matters is immutable.
func (p versionProvider) Update(_ context.Context, q resource.Request) (resource.Result, error) {
	return resource.Result{PhysicalID: q.PhysicalID, Attributes: q.Attributes}, nil
}

// Delete removes the version.
func (p versionProvider) Delete(_ context.Context, q resource.Request) error {
	ref := parseReference(q.PhysicalID)
	key := functionKey(q.Stack.Region, ref.name, ref.qualifier)
	f, _, err := p.room.functions.Get(key)
	if err != nil {
		return err
	}
	if err := p.room.functions.Delete(key); err != nil {
		return err
	}
	p.room.dropAll(key)
	return p.room.dropFiles(f)
}

// aliasProvider is AWS::Lambda::Alias, without weights.
type aliasProvider struct{ room *Room }

// Immutable returns the properties that make another alias.
func (aliasProvider) Immutable() []string { return []string{"FunctionName", "Name"} }

// Create names a version.
func (p aliasProvider) Create(_ context.Context, q resource.Request) (resource.Result, error) {
	f, err := p.room.target(q, "FunctionName")
	if err != nil {
		return resource.Result{}, err
	}
	name, version := text(q.Properties, "Name"), text(q.Properties, "FunctionVersion")
	if len(name) > 128 || !aliasName.MatchString(name) {
		return resource.Result{}, invalid("name", name, "Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")
	}
	if _, found, err := p.room.functions.Get(functionKey(f.Region, f.Name, version)); err != nil {
		return resource.Result{}, err
	} else if !found {
		return resource.Result{}, errNoFunction(f.ARN + ":" + version)
	}
	if err := p.room.aliases.Put(aliasKey(f.Region, f.Name, name), alias{Version: version}); err != nil {
		return resource.Result{}, err
	}
	arn := f.ARN + ":" + name
	return resource.Result{PhysicalID: arn, Attributes: map[string]any{"AliasArn": arn}}, nil
}

// Update points the alias at another version.
func (p aliasProvider) Update(ctx context.Context, q resource.Request) (resource.Result, error) {
	return p.Create(ctx, q)
}

// Delete forgets the alias.
func (p aliasProvider) Delete(_ context.Context, q resource.Request) error {
	ref := parseReference(q.PhysicalID)
	return p.room.aliases.Delete(aliasKey(q.Stack.Region, ref.name, ref.qualifier))
}

// permissionProvider is AWS::Lambda::Permission.
type permissionProvider struct{ room *Room }

// Immutable returns all properties: a statement is never changed.
func (permissionProvider) Immutable() []string {
	return []string{"Action", "FunctionName", "Principal", "SourceArn", "SourceAccount", "EventSourceToken", "FunctionUrlAuthType", "PrincipalOrgID"}
}

// Create keeps the statement.
func (p permissionProvider) Create(_ context.Context, q resource.Request) (resource.Result, error) {
	f, err := p.room.target(q, "FunctionName")
	if err != nil {
		return resource.Result{}, err
	}
	id := physical.Name(q, 100)
	return resource.Result{PhysicalID: id, Attributes: map[string]any{"Id": id}}, p.room.grants.Put(id, newPermission(f, q))
}

// Update changes nothing: all properties are immutable.
func (p permissionProvider) Update(_ context.Context, q resource.Request) (resource.Result, error) {
	return resource.Result{PhysicalID: q.PhysicalID, Attributes: q.Attributes}, nil
}

// Delete forgets the statement.
func (p permissionProvider) Delete(_ context.Context, q resource.Request) error {
	return p.room.grants.Delete(q.PhysicalID)
}

// invokeConfigProvider is AWS::Lambda::EventInvokeConfig.
type invokeConfigProvider struct{ room *Room }

// Immutable returns the properties that name the function.
func (invokeConfigProvider) Immutable() []string { return []string{"FunctionName", "Qualifier"} }

// Create keeps the rule.
func (p invokeConfigProvider) Create(_ context.Context, q resource.Request) (resource.Result, error) {
	f, err := p.room.target(q, "FunctionName")
	if err != nil {
		return resource.Result{}, err
	}
	attempts, err := number(q.Properties, "MaximumRetryAttempts", 2)
	if err != nil {
		return resource.Result{}, err
	}
	age, err := number(q.Properties, "MaximumEventAgeInSeconds", 6*3600)
	if err != nil {
		return resource.Result{}, err
	}
	if attempts < 0 || attempts > 2 {
		return resource.Result{}, invalid("maximumRetryAttempts", strconv.Itoa(attempts), "Member must have value between 0 and 2")
	}
	key := functionKey(f.Region, f.Name, text(q.Properties, "Qualifier"))
	destinations := object(q.Properties, "DestinationConfig")
	return resource.Result{PhysicalID: key}, p.room.retries.Put(key, invokeConfig{Attempts: attempts, MaxAgeSec: age,
		OnSuccess: text(object(destinations, "OnSuccess"), "Destination"), OnFailure: text(object(destinations, "OnFailure"), "Destination")})
}

// Update changes the rule.
func (p invokeConfigProvider) Update(ctx context.Context, q resource.Request) (resource.Result, error) {
	return p.Create(ctx, q)
}

// Delete brings Lambda's own rule back.
func (p invokeConfigProvider) Delete(_ context.Context, q resource.Request) error {
	return p.room.retries.Delete(q.PhysicalID)
}

// urlProvider is AWS::Lambda::Url: a made-up address that nothing answers.
type urlProvider struct{ room *Room }

// Immutable returns the properties that name the function.
func (urlProvider) Immutable() []string { return []string{"TargetFunctionArn", "Qualifier"} }

// Create makes up the address, the same one for the same function.
func (p urlProvider) Create(_ context.Context, q resource.Request) (resource.Result, error) {
	f, err := p.room.target(q, "TargetFunctionArn")
	if err != nil {
		return resource.Result{}, err
	}
	sum := sha256.Sum256([]byte(f.ARN + ":" + text(q.Properties, "Qualifier")))
	id := strings.ToLower(hex.EncodeToString(sum[:16]))
	return resource.Result{PhysicalID: f.ARN, Attributes: map[string]any{
		"FunctionArn": f.ARN,
		"FunctionUrl": fmt.Sprintf("https://%s.lambda-url.%s.on.aws/", id, f.Region),
	}}, nil
}

// Update changes nothing that can be seen.
func (p urlProvider) Update(_ context.Context, q resource.Request) (resource.Result, error) {
	return resource.Result{PhysicalID: q.PhysicalID, Attributes: q.Attributes}, nil
}

// Delete forgets nothing, as nothing is kept.
func (urlProvider) Delete(context.Context, resource.Request) error { return nil }
