package engine

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/stackapi"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/codebuild"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/consumer"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ec2"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ecr"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/kms"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/lambda"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/logs"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/s3"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/secretsmanager"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ssm"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sts"
)

// openStores makes the rooms that keep things: logs, objects, images.
func (e *Engine) openStores(ctx context.Context) (err error) {
	if e.logs, err = logs.New(logs.Options{Account: e.place.account, Partition: e.place.partition, Clock: e.clock,
		Store: e.store, Switches: &e.options.Switches}); err != nil {
		return err
	}
	if e.s3, err = s3.New(s3.Options{Account: e.place.account, Partition: e.place.partition, Clock: e.clock,
		Sessions: e.sessions, Store: e.store, Caller: e.door, Endpoint: func() string { return e.listen.address }}); err != nil {
		return err
	}
	if e.kms, err = kms.New(kms.Options{Account: e.place.account, Partition: e.place.partition, Clock: e.clock,
		Store: e.store, Caller: e.door}); err != nil {
		return err
	}
	dir, err := e.store.Dir("registry")
	if err != nil {
		return err
	}
	e.registries = registry.NewStore(ctx, dir)
	if e.images, err = newImages(e.store, e.registries); err != nil {
		return err
	}
	tokens := registry.NewTokens(e.clock)
	if e.ecr, err = ecr.New(ecr.Options{State: e.store, Clock: e.clock, Content: e.registries, Tokens: tokens,
		Keys: e.kms, Deployer: e.operator, Caller: e.door, Upstream: e.upstream,
		Secret:  func(region, arn string) (string, error) { return e.secrets.Value(region, arn) },
		Missing: registry.Missing, Seen: e.images.see, Switches: &e.options.Switches, Log: e.options.Log}); err != nil {
		return err
	}
	front := registry.NewFront(e.registries, tokens, e.ecr, e.door)
	front.Reachable = func(as *session.Session) bool { return e.reaches(as, "ecr.dkr") }
	e.door.Host("*.dkr.ecr.*."+e.place.suffix, front)
	e.consumer = consumer.New(consumer.Options{Registry: e.ecr, Roles: e.iam, Caller: e.door, Deployer: e.operator,
		Clock: e.clock, Switches: &e.options.Switches, Log: e.options.Log})
	if e.ssm, err = ssm.New(ssm.Options{Account: e.place.account, Partition: e.place.partition, Clock: e.clock, Store: e.store,
		Keys: e.kms}); err != nil {
		return err
	}
	e.secrets, err = secretsmanager.New(secretsmanager.Options{Account: e.place.account, Partition: e.place.partition, Clock: e.clock,
		Store: e.store, Keys: e.kms, Deployer: e.operator, Given: e.options.Secrets})
	if err != nil {
		return err
	}
	e.door.Register(e.iam, e.logs, e.s3, e.kms, e.ecr, e.ssm, e.secrets, sts.New(e.assume))
	return nil
}

// upstream imports an image of another registry. The sandbox's mirror stands in for Docker Hub where there is one.
func (e *Engine) upstream(ctx context.Context, from ecr.UpstreamImage, arn string) ([]string, error) {
	return registry.NewImporter(e.registries, e.mirror, http.DefaultTransport).Import(ctx, registry.Upstream(from), arn)
}

// assume gives a caller the credentials of a role that trusts it.
func (e *Engine) assume(ctx context.Context, as *session.Session, region string, a sts.Assumption) (*session.Session, error) {
	return e.iam.Assume(ctx, as, region, iam.Assumption(a))
}

// openBuilds makes CodeBuild, whose builds run in the sandbox.
func (e *Engine) openBuilds(context.Context) (err error) {
	e.codebuild, err = codebuild.New(codebuild.Options{State: e.store, Clock: e.clock, Switches: &e.options.Switches,
		Caller: e.door, Roles: e.iam, Objects: e.s3, Network: e.ec2, Log: e.options.Log,
		NewContainer: func(ctx context.Context, spec sandbox.ContainerSpec) (codebuild.Container, error) {
			c, err := e.newContainer(ctx, spec)
			if err != nil {
				return nil, err
			}
			return c, nil
		}})
	if err != nil {
		return err
	}
	e.door.Register(e.codebuild)
	return nil
}

// newContainer starts a build container.
func (e *Engine) newContainer(ctx context.Context, spec sandbox.ContainerSpec) (*cleanContainer, error) {
	defer e.clock.Slow()() // AWS has machines
	c, err := e.sandbox.NewContainer(ctx, spec)
	return &cleanContainer{Container: c, sandbox: e.sandbox, slow: e.clock.Slow}, err
}

// cleanContainer is a build container after which the next build finds the sandbox as on a new machine.
type cleanContainer struct {
	*sandbox.Container
	sandbox *sandbox.Sandbox
	slow    func() (faster func())
}

// Remove removes the container and what its build left in the docker daemon.
func (c *cleanContainer) Remove(ctx context.Context) error {
	defer c.slow()()
	if err := c.Container.Remove(ctx); err != nil {
		return err
	}
	return c.sandbox.Reset(ctx)
}

// openFunctions makes Lambda and Step Functions.
func (e *Engine) openFunctions(context.Context) (err error) {
	installed, err := sandbox.Installed()
	if err != nil {
		return err
	}
	qemu := filepath.Join(installed.Bin, "qemu-aarch64-static")
	if _, err := os.Stat(qemu); err != nil {
		qemu = "" // not needed on this processor, or found in PATH
	}
	e.lambda, err = lambda.New(lambda.Options{Store: e.store, Clock: e.clock, Switches: &e.options.Switches, Caller: e.door,
		Roles: e.iam, Code: e.s3, Images: e.consumer, Endpoint: e.listen.address, Builds: e.options.Builds, Qemu: qemu, SDK: installed.SDK,
		Log: e.options.Log})
	if err != nil {
		return err
	}
	e.states, err = states.New(states.Options{Store: e.store, Clock: e.clock, Switches: &e.options.Switches, Caller: e.door,
		Roles: e.iam, Builds: e.codebuild, Log: e.options.Log})
	if err != nil {
		return err
	}
	e.door.Register(e.lambda, e.states)
	return nil
}

// openStacks makes CloudFormation, over the resource types of all rooms.
func (e *Engine) openStacks(ctx context.Context) (err error) {
	e.simulated = simulated.New(map[string]simulated.Check{"AWS::ECS::TaskDefinition": e.consumer.TaskDefinition})
	providers := map[string]resource.Provider{}
	for _, room := range []interface {
		Resources() map[string]resource.Provider
	}{e.iam, e.logs, e.s3, e.kms, e.ssm, e.secrets, e.ecr, e.codebuild, e.lambda, e.states, e.ec2} {
		maps.Copy(providers, room.Resources())
	}
	providers["AWS::SecretsManager::SecretTargetAttachment"] = attachment{e}
	e.stacks, err = cloudformation.New(cloudformation.Options{Store: e.store, Clock: e.clock, Account: e.place.account,
		Region: e.place.region, Providers: providers, Default: e.simulated.Provider, Invoke: e.invoke, Receive: e.s3.Receive,
		Resolve: e.resolve, Fetch: e.fetch, Zones: ec2.Zones})
	if err != nil {
		return err
	}
	e.api = stackapi.New(ctx, stackapi.Options{Stacks: e.stacks, Trusts: e.trustsCloudFormation, Objects: e.s3, Log: e.options.Log})
	e.door.Register(e.api)
	return e.keepPlace()
}

// invoke hands a custom resource's request to its function, as CloudFormation does: without waiting.
func (e *Engine) invoke(ctx context.Context, functionARN string, payload []byte, cause session.Cause) error {
	as := e.sessions.Add(&session.Session{Account: e.place.account, ARN: e.operator.ARN, UserID: e.operator.UserID})
	as.SetCause(cause)
	defer e.sessions.Remove(as.AccessKeyID)
	region := e.place.region
	if parts := strings.Split(functionARN, ":"); len(parts) > 3 {
		region = parts[3]
	}
	return e.door.Call(ctx, as, region, "lambda", "Invoke",
		lambda.InvokeInput{FunctionName: functionARN, InvocationType: "Event", Payload: payload}, nil)
}

// fetch reads a nested stack's template, as whoever deploys.
func (e *Engine) fetch(ctx context.Context, region, url string) ([]byte, error) {
	bucket, key, ok := cloudformation.SplitURL(url)
	if !ok {
		return nil, fmt.Errorf("TemplateURL must be a supported URL.") //nolint:staticcheck,revive,perfsprint // CloudFormation's own words
	}
	object, err := e.s3.Fetch(ctx, e.operator, region, bucket, key)
	if err != nil {
		return nil, fmt.Errorf("S3 error: %w", err) //nolint:staticcheck,revive // CloudFormation's own words
	}
	defer object.Close() //nolint:errcheck // read only
	return io.ReadAll(io.LimitReader(object, template.MaxBytes+1))
}

// trustsCloudFormation says whether a role lets CloudFormation assume it.
func (e *Engine) trustsCloudFormation(ctx context.Context, roleARN string) error {
	as, err := e.iam.AssumeAsService(ctx, roleARN, "cloudformation.amazonaws.com", "AWSCloudFormation", session.Cause{})
	if err == nil {
		e.sessions.Remove(as.AccessKeyID)
	}
	return err
}

// bootstrapVersion is what CDK's bootstrap stack leaves in Systems Manager; every rehearsal counts as bootstrapped.
// Clients of an engine bootstrap it themselves.
const bootstrapVersion = "30"

// resolve gives the values that templates read from elsewhere.
func (e *Engine) resolve(_ context.Context, stack resource.Stack, service, name string) (string, error) {
	switch service {
	case "ssm":
	case "secretsmanager":
		return e.secrets.Value(stack.Region, name)
	default:
		return "", fmt.Errorf("%s:%s cannot be resolved: a rehearsal has no %s", service, name, service)
	}
	value, err := e.ssm.Value(stack.Region, name)
	if err != nil && !e.options.Clients && strings.HasPrefix(name, "/cdk-bootstrap/") && strings.HasSuffix(name, "/version") {
		return bootstrapVersion, nil
	}
	return value, err
}
