package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
)

// Asset is a file that a stack needs in S3 before it is deployed.
type Asset struct {
	Bucket, Key, Region string // Region empty: the stack's
	Write               func(io.Writer) error
}

// Deployment is one stack to deploy.
type Deployment struct {
	cloudformation.DeployInput
	Account string // empty: the engine's first
	Assets  []Asset
	Images  []ImageAsset
}

// Outcome is what became of a stack.
type Outcome struct {
	Stack     cloudformation.Stack
	Images    []Built
	Simulated []cloudformation.Simulated
}

// Built is an image of a builder, and what it took to have it in this deployment.
type Built struct {
	Image
	Builder string        // construct path of the builder
	Built   bool          // a docker build ran for it
	Took    time.Duration // by the custom resource, real time
	Docker  time.Duration // of that, by docker buildx
}

// Deploy puts a stack's assets in place and deploys it. It fails with a *cloudformation.Failed when a resource does;
// the outcome then says how the stack stands now.
func (e *Engine) Deploy(ctx context.Context, d Deployment) (Outcome, error) {
	a := e.account(d.Account)
	if d.Region == "" {
		d.Region = a.region
	}
	for _, asset := range d.Assets {
		if err := a.publish(asset, d.Region); err != nil {
			return Outcome{}, err
		}
	}
	for _, image := range d.Images {
		if err := a.publishImage(ctx, image, d.Region); err != nil {
			return Outcome{}, err
		}
	}
	result, err := a.stacks.Deploy(ctx, d.DeployInput)
	requests := result.Requests
	if failed, ok := errors.AsType[*cloudformation.Failed](err); ok {
		requests = failed.Requests
	}
	stack, found, descErr := a.stacks.Describe(d.Region, d.StackName)
	if !found || descErr != nil {
		return Outcome{}, errors.Join(err, descErr)
	}
	images := a.built(stack, requests)
	for _, s := range a.stacks.Nested(stack.ID) {
		nested, _, err := a.stacks.Describe(s.Region, s.Name)
		if err != nil {
			return Outcome{}, err
		}
		images = append(images, a.built(nested, requests)...)
	}
	return Outcome{Stack: stack, Images: images, Simulated: result.Simulated}, err
}

// publish uploads an asset as the CDK CLI does.
func (a *account) publish(asset Asset, region string) error {
	fill := a.fill(region)
	bucket := fill.Replace(asset.Bucket)
	if asset.Region != "" {
		region = asset.Region
	}
	if err := a.engine.s3.MakeBucket(bucket, a.account, region); err != nil {
		return err
	}
	content, sink := io.Pipe()
	defer content.Close() //nolint:errcheck // it never fails, and lets the writer end where the upload fails first
	go func() { sink.CloseWithError(asset.Write(sink)) }()
	return a.engine.s3.Put(bucket, fill.Replace(asset.Key), "application/octet-stream", content)
}

// built says of each image what this deployment did for it.
func (a *account) built(stack cloudformation.Stack, requests []cloudformation.CustomRequest) []Built {
	paths := map[string]string{}
	for _, r := range stack.Resources {
		paths[r.LogicalID] = r.Path
	}
	a.settle(requests)
	var out []Built
	for _, image := range a.engine.images.of(stack.ID, func(id string) bool { return paths[id] != "" }) {
		b := Built{Image: image, Builder: builderOf(paths[image.LogicalID])}
		for _, r := range requests {
			if r.LogicalID != image.LogicalID || r.StackID != stack.ID {
				continue
			}
			b.Took += r.End.Sub(r.Start)
			for _, record := range a.codebuild.Records() {
				if record.Cause.Request.ID == r.RequestID && record.Images > 0 {
					b.Built = true
					b.Docker += record.Buildx
				}
			}
		}
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b Built) int { return strings.Compare(a.Builder, b.Builder) })
	return out
}

// builderOf returns the construct that a custom resource belongs to: the parent of the construct whose child
// "Default" or "Resource" the CDK makes it.
func builderOf(resourcePath string) string {
	dir, last := path.Split(resourcePath)
	if last == "Default" || last == "Resource" {
		dir, _ = path.Split(strings.TrimSuffix(dir, "/"))
	}
	if dir = strings.TrimSuffix(dir, "/"); dir == "" {
		return resourcePath
	}
	return dir
}

// Destroy deletes every stack, the newest first, and a stack whose exports are in use after those that use them.
func (e *Engine) Destroy(ctx context.Context, onEvent func(cloudformation.Event)) error {
	stacks := slices.DeleteFunc(e.stacks(), func(s cloudformation.Stack) bool { return s.ParentID != "" })
	slices.SortFunc(stacks, func(a, b cloudformation.Stack) int { return b.Created.Compare(a.Created) })
	for len(stacks) > 0 {
		var held []cloudformation.Stack
		var why error
		for _, s := range stacks {
			err := e.home(s).stacks.Delete(ctx, cloudformation.DeleteInput{StackName: s.Name, Region: s.Region, OnEvent: onEvent})
			if _, inUse := errors.AsType[*cloudformation.InUseError](err); inUse {
				held, why = append(held, s), err
			} else if err != nil {
				return err
			}
		}
		if len(held) == len(stacks) {
			return why
		}
		stacks = held
	}
	return nil
}

// Remove deletes one stack of an account (empty: the engine's first) and region (empty: the account's), and reports
// whether there was one.
func (e *Engine) Remove(ctx context.Context, account, region, name string, onEvent func(cloudformation.Event)) (bool, error) {
	a := e.account(account)
	_, found, err := a.stacks.Describe(cmp.Or(region, a.region), name)
	if err != nil || !found {
		return false, err
	}
	return true, a.stacks.Delete(ctx, cloudformation.DeleteInput{StackName: name, Region: cmp.Or(region, a.region), OnEvent: onEvent})
}

// Images returns the images of the builders of all stacks, as they stand now.
func (e *Engine) Images() ([]Built, error) {
	var out []Built
	for _, s := range e.stacks() {
		stack, found, err := e.home(s).stacks.Describe(s.Region, s.Name)
		if err != nil {
			return nil, err
		}
		if found {
			out = append(out, e.home(s).built(stack, nil)...)
		}
	}
	return out, nil
}

// stacks are those of all accounts.
func (e *Engine) stacks() []cloudformation.Stack {
	var all []cloudformation.Stack
	for _, a := range e.accounts {
		all = append(all, a.stacks.Stacks()...)
	}
	return all
}

// home is a stack's account.
func (e *Engine) home(s cloudformation.Stack) *account { return e.account(protocol.OwnerOf(s.ID)) }

// Open returns an image to read, layer by layer.
func (e *Engine) Open(ctx context.Context, image Image) (v1.Image, error) {
	host, name, _ := strings.Cut(image.URI, "/")
	h, ok := registry.ParseHost(host)
	if !ok {
		return nil, fmt.Errorf("%s is no image of ECR", image.URI)
	}
	return e.registries.Image(ctx, h.ARN(name), image.Digest)
}

// Call makes an AWS call of a JSON service as the first account's operator, who may do anything.
func (e *Engine) Call(ctx context.Context, service, operation string, in, out any) error {
	return e.door.Call(ctx, e.accounts[0].operator, e.place.region, service, operation, in, out)
}
