package engine

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudcontrol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/stackapi"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudfront"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/codebuild"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/consumer"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ec2"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/events"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/kms"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/lambda"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/logs"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/secretsmanager"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ssm"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sts"
)

// account is one AWS account: the rooms that are its own, and who may do anything in it.
type account struct {
	place
	engine   *Engine
	store    *state.Store // the account's part
	operator *session.Session

	iam       *iam.Room
	kms       *kms.Room
	ssm       *ssm.Room
	secrets   *secretsmanager.Room
	logs      *logs.Room
	ec2       *ec2.Room
	events    *events.Room
	lambda    *lambda.Room
	states    *states.Room
	codebuild *codebuild.Room
	simulated *simulated.Simulator
	consumer  *consumer.Checker
	stacks    *cloudformation.Service
	api       *stackapi.Room
}

// account returns the account with a number, or the first one where there is none such.
func (e *Engine) account(id string) *account {
	for _, a := range e.accounts {
		if a.place.account == id {
			return a
		}
	}
	return e.accounts[0]
}

// openAccounts makes each account's rooms, in the order of what they need.
func (e *Engine) openAccounts(ctx context.Context) error {
	for _, a := range e.accounts {
		for _, step := range []func(context.Context) error{a.openStores, a.openBuilds, a.openFunctions, a.openStacks} {
			if err := step(ctx); err != nil {
				return err
			}
		}
	}
	e.lendCredentials()
	return e.keepPlace()
}

// openIdentity makes the account's IAM, and its operator.
func (a *account) openIdentity() (err error) {
	o := a.engine.options
	if a.iam, err = iam.New(iam.Options{Account: a.account, Partition: a.partition, Clock: a.engine.clock, Sessions: a.engine.sessions,
		Store: a.store, Switches: &o.Switches, OnDenial: o.OnDenial, Elsewhere: a.engine.Authorize}); err != nil {
		return err
	}
	if a.operator, err = a.newOperator(); err != nil || !o.Clients || a == a.engine.accounts[0] {
		return err
	}
	return a.letIn(a.engine.accounts[0])
}

// accessRole is the role by which the management account of an organization comes into the accounts that it makes.
// Source: AWS Organizations User Guide, "Accessing member accounts that have OrganizationAccountAccessRole".
const accessRole = "OrganizationAccountAccessRole"

// letIn makes the role by which clients with the first account's key come into this one.
func (a *account) letIn(first *account) error {
	role := resource.Request{Token: accessRole, PhysicalID: accessRole, Properties: map[string]any{
		"RoleName":          accessRole,
		"ManagedPolicyArns": []any{"arn:" + a.partition + ":iam::aws:policy/AdministratorAccess"},
		"AssumeRolePolicyDocument": map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect": "Allow", "Principal": map[string]any{"AWS": "arn:" + a.partition + ":iam::" + first.account + ":root"}, "Action": "sts:AssumeRole"}}},
	}}
	roles, ctx := a.iam.Resources()["AWS::IAM::Role"], context.Background()
	if _, err := roles.Create(ctx, role); err != nil {
		return err
	}
	_, err := roles.Update(ctx, role) // it may be there already, for another account
	return err
}

// openStores makes the rooms that keep things.
func (a *account) openStores(context.Context) (err error) {
	e := a.engine
	if a.logs, err = logs.New(logs.Options{Account: a.account, Partition: a.partition, Clock: e.clock,
		Store: a.store, Switches: &e.options.Switches}); err != nil {
		return err
	}
	if a.kms, err = kms.New(kms.Options{Account: a.account, Partition: a.partition, Clock: e.clock,
		Store: a.store, Caller: e.door}); err != nil {
		return err
	}
	if a.ssm, err = ssm.New(ssm.Options{Account: a.account, Partition: a.partition, Clock: e.clock, Store: a.store,
		Keys: keys{engine: e, of: a}}); err != nil {
		return err
	}
	if a.secrets, err = secretsmanager.New(secretsmanager.Options{Account: a.account, Partition: a.partition, Clock: e.clock,
		Store: a.store, Keys: keys{engine: e, of: a}, Deployer: a.operator, Given: e.options.Secrets}); err != nil {
		return err
	}
	if a.ec2, err = ec2.New(ec2.Options{Account: a.account, Partition: a.partition, Suffix: a.suffix, Clock: e.clock,
		Store: a.store, Switches: &e.options.Switches}); err != nil {
		return err
	}
	a.consumer = consumer.New(consumer.Options{Registry: e.ecr, Roles: a.iam, Caller: e.door, Deployer: a.operator,
		Clock: e.clock, Switches: &e.options.Switches, Log: e.options.Log})
	e.door.RegisterFor(a.account, a.iam, a.logs, a.kms, a.ssm, a.secrets, a.ec2)
	return nil
}

// keys decides about the keys of KMS: those of the account that an ARN names, else of the account whose service asks, or
// without one of the caller's.
type keys struct {
	engine *Engine
	of     *account
}

// Allow asks the key's account.
func (k keys) Allow(ctx context.Context, as *session.Session, region string, u protocol.KeyUse) error {
	of := k.of
	if of == nil {
		of = k.engine.account(as.Account)
	}
	if owner := protocol.OwnerOf(u.Key); owner != "" && k.engine.account(owner).account == owner {
		of = k.engine.account(owner)
	}
	return of.kms.Allow(ctx, as, region, u)
}

// openBuilds makes CodeBuild, whose builds run in the sandbox.
func (a *account) openBuilds(context.Context) (err error) {
	e := a.engine
	a.codebuild, err = codebuild.New(codebuild.Options{State: a.store, Clock: e.clock, Switches: &e.options.Switches,
		Caller: e.door, Roles: a.iam, Objects: e.s3, Network: a.ec2, Publish: e.publish, Log: e.options.Log,
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
	e.door.RegisterFor(a.account, a.codebuild)
	return nil
}

// openFunctions makes Lambda and Step Functions.
func (a *account) openFunctions(context.Context) (err error) {
	e := a.engine
	installed, err := sandbox.Installed()
	if err != nil {
		return err
	}
	qemu := filepath.Join(installed.Bin, "qemu-aarch64-static")
	if _, err := os.Stat(qemu); err != nil {
		qemu = "" // not needed on this processor, or found in PATH
	}
	a.lambda, err = lambda.New(lambda.Options{Store: a.store, Clock: e.clock, Switches: &e.options.Switches, Caller: e.door,
		Roles: a.iam, Code: e.s3, Images: a.consumer, Endpoint: e.listen.address, Builds: e.options.Builds, Qemu: qemu, SDK: installed.SDK,
		Log: e.options.Log})
	if err != nil {
		return err
	}
	a.states, err = states.New(states.Options{Store: a.store, Clock: e.clock, Switches: &e.options.Switches, Caller: e.door,
		Roles: a.iam, Builds: a.codebuild, Publish: e.publish, Deliver: a.logs.Deliver, Log: e.options.Log})
	if err != nil {
		return err
	}
	e.door.RegisterFor(a.account, a.lambda, a.states)
	return nil
}

// openStacks makes CloudFormation, over the resource types of all rooms.
func (a *account) openStacks(ctx context.Context) (err error) {
	e := a.engine
	a.simulated = simulated.New(map[string]simulated.Check{"AWS::ECS::TaskDefinition": a.consumer.TaskDefinition})
	providers := map[string]resource.Provider{}
	for _, room := range []interface {
		Resources() map[string]resource.Provider
	}{a.iam, a.logs, e.s3, a.kms, a.ssm, a.secrets, e.ecr, a.codebuild, a.lambda, a.states, a.ec2, a.events} {
		maps.Copy(providers, room.Resources())
	}
	providers["AWS::SecretsManager::SecretTargetAttachment"] = attachment{a}
	a.stacks, err = cloudformation.New(cloudformation.Options{Store: a.store, Clock: e.clock, Account: a.account,
		Region: a.region, Providers: providers, Default: a.simulated.Provider, Invoke: a.invoke, Receive: e.s3.Receive,
		Resolve: a.resolve, Fetch: a.fetch, Allow: a.allow, Elsewhere: a.elsewhere, Zones: ec2.Zones, Publish: e.publish})
	if err != nil {
		return err
	}
	a.api = stackapi.New(ctx, stackapi.Options{Stacks: a.stacks, Trusts: a.trustsCloudFormation, Objects: e.s3, Log: e.options.Log,
		Pause: 3 * time.Second})
	e.door.RegisterFor(a.account, a.api, cloudcontrol.New(a.account, providers), cloudfront.New(a.account, a.partition, e.clock))
	return nil
}

// close ends what runs in the account. An account whose opening failed has not all its rooms.
func (a *account) close(note func(what string, err error)) {
	if a.api != nil {
		note("stacks", a.api.Close())
	}
	if a.events != nil {
		note("event buses", a.events.Close())
	}
	if a.states != nil {
		note("state machines", a.states.Close())
	}
	if a.codebuild != nil {
		note("builds", a.codebuild.Close())
	}
	if a.lambda != nil {
		note("functions", a.lambda.Close())
	}
}

// registry is the host of the account's ECR in a region.
func (a *account) registry(region string) string {
	return registry.Host{Account: a.account, Region: region, Suffix: a.suffix}.String()
}

// fill puts the account and a region into the places that the CDK leaves for them.
func (a *account) fill(region string) *strings.Replacer {
	return strings.NewReplacer("${AWS::AccountId}", a.account, "${AWS::Region}", region, "${AWS::Partition}", a.partition)
}

// elsewhere is the CloudFormation of the account that a role is in, if the role may describe the stack there.
// Source: AWS CloudFormation Template Reference, Fn::GetStackOutput, RoleArn.
func (a *account) elsewhere(ctx context.Context, roleARN, region, stack string) (*cloudformation.Service, error) {
	as, err := a.engine.assume(ctx, a.operator, region, sts.Assumption{RoleARN: roleARN, Name: "AWSCloudFormation", Duration: time.Hour})
	if err != nil {
		return nil, err
	}
	defer a.engine.sessions.Remove(as.AccessKeyID)
	other := a.engine.account(as.Account)
	arn := fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/*", other.partition, region, other.account, stack)
	if there, found, err := other.stacks.Describe(region, stack); err != nil {
		return nil, err
	} else if found {
		arn = there.ID
	}
	return other.stacks, a.engine.door.Allow(ctx, as, region, protocol.Need{Action: "cloudformation:DescribeStacks", Resources: []string{arn}})
}
