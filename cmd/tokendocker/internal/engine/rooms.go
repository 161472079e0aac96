package engine

import (
	"context"
	"net/http"
	"net/url"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ecr"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ecrpublic"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/s3"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sts"
)

// openShared makes the rooms that all accounts have in common: S3, whose buckets' names are everybody's, ECR, which
// replicates from one account to another, and STS.
func (e *Engine) openShared(ctx context.Context) (err error) {
	if err := e.openEvents(); err != nil {
		return err
	}
	if e.s3, err = s3.New(s3.Options{Partition: e.place.partition, Clock: e.clock, Sessions: e.sessions, Store: e.store, Caller: e.door,
		Endpoint: func() string { return e.listen.address }, Publish: e.publish, Log: e.options.Log}); err != nil {
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
		Keys: keys{engine: e}, Deployer: func(account string) *session.Session { return e.account(account).operator }, Caller: e.door,
		Upstream: e.upstream, Secret: e.secret, Assume: e.assumeAs, Missing: registry.Missing, Seen: e.images.see, Publish: e.publish, Switches: &e.options.Switches,
		Log: e.options.Log}); err != nil {
		return err
	}
	front := registry.NewFront(e.registries, tokens, e.ecr, e.door)
	front.Reachable = func(as *session.Session) bool { return e.reaches(as, "ecr.dkr") }
	e.door.Host("*.dkr.ecr.*."+e.place.suffix, front)
	e.door.Register(e.s3, e.ecr, sts.New(e.assume))
	return nil
}

// upstream imports an image of another registry. The sandbox's mirror stands in for Docker Hub where there is one.
func (e *Engine) upstream(ctx context.Context, from ecr.UpstreamImage, arn string) ([]string, error) {
	return registry.NewImporter(e.registries, e.mirror, http.DefaultTransport).Import(ctx, registry.Upstream(from), arn)
}

// assumeAs gives a service the session of a role, until done is called.
func (e *Engine) assumeAs(ctx context.Context, roleARN, service string) (as *session.Session, done func(), err error) {
	as, err = e.account(protocol.OwnerOf(roleARN)).iam.AssumeAsService(ctx, roleARN, service, "engine", session.Cause{})
	if err != nil {
		return nil, nil, err
	}
	return as, func() { e.sessions.Remove(as.AccessKeyID) }, nil
}

// secret gives the value of the secret with an ARN.
func (e *Engine) secret(region, arn string) (string, error) {
	return e.account(protocol.OwnerOf(arn)).secrets.Value(region, arn)
}

// openGallery makes ECR Public, whose images come from the mirror where there is one.
func (e *Engine) openGallery(context.Context) error {
	room := ecrpublic.New(e.clock)
	var mirror http.Handler
	if e.mirror != nil {
		mirror = e.mirror
	}
	e.door.Register(room)
	e.door.Host(ecrpublic.Host, ecrpublic.NewFront(room, mirror, &url.URL{Scheme: "https", Host: ecrpublic.Host}))
	return nil
}

// assume gives a caller the credentials of a role that trusts it.
func (e *Engine) assume(ctx context.Context, as *session.Session, region string, a sts.Assumption) (*session.Session, error) {
	return e.account(protocol.OwnerOf(a.RoleARN)).iam.Assume(ctx, as, region, iam.Assumption(a))
}

// Authorize decides by the policies of the caller's account; the policy of what is called comes with the need.
func (e *Engine) Authorize(ctx context.Context, as *session.Session, region string, need protocol.Need) error {
	return e.account(as.Account).iam.Authorize(ctx, as, region, need)
}

// reaches reports whether a caller's network leads to a service, which IAM or a VPC endpoint names.
func (e *Engine) reaches(as *session.Session, service string) bool {
	if service == "ecr" {
		service = "ecr.api"
	}
	builds := e.account(as.Account).codebuild
	return builds == nil || builds.Reaches(as, service)
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
