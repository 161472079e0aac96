package engine

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
)

// ImageAsset is a docker image that a stack needs in ECR before it is deployed.
type ImageAsset struct {
	Name            string // for messages
	Repository, Tag string
	Region          string   // empty: the stack's
	Flags           []string // of docker build
	Context         func(io.Writer) error
}

// publishImage builds an image and pushes it, unless it is there, as the CDK CLI does. The repository is that of CDK's
// bootstrap stack, which every rehearsal counts as having.
func (a *account) publishImage(ctx context.Context, asset ImageAsset, region string) error {
	fill := a.fill(region)
	name, tag := fill.Replace(asset.Repository), fill.Replace(asset.Tag)
	if asset.Region != "" {
		region = asset.Region
	}
	call := func(operation string, in, out any) error {
		return a.engine.door.Call(ctx, a.operator, region, "ecr", operation, in, out)
	}
	if err := a.bootstrapRepository(name, call); err != nil {
		return fmt.Errorf("docker image asset %s: %w", asset.Name, err)
	}
	err := call("DescribeImages", map[string]any{"repositoryName": name, "imageIds": []any{map[string]any{"imageTag": tag}}}, nil)
	if err == nil {
		return nil
	}
	var token struct {
		AuthorizationData []struct{ AuthorizationToken string }
	}
	if err := call("GetAuthorizationToken", map[string]any{}, &token); err != nil {
		return fmt.Errorf("docker image asset %s: %w", asset.Name, err)
	}
	login, err := base64.StdEncoding.DecodeString(token.AuthorizationData[0].AuthorizationToken)
	if err != nil {
		return fmt.Errorf("docker image asset %s: read the registry's token: %w", asset.Name, err)
	}
	_, password, _ := strings.Cut(string(login), ":")
	host := a.registry(region)
	a.engine.options.Progress(fmt.Sprintf("building docker image asset %s", asset.Name))
	if err := a.engine.buildImage(ctx, asset, host, host+"/"+name+":"+tag, password); err != nil {
		return fmt.Errorf("docker image asset %s: %w", asset.Name, err)
	}
	return nil
}

// bootstrapRepository makes the repository of CDK's bootstrap stack. Source: aws-cdk-cli, bootstrap-template.yaml.
func (a *account) bootstrapRepository(name string, call func(operation string, in, out any) error) error {
	err := call("CreateRepository", map[string]any{"repositoryName": name, "imageTagMutability": "IMMUTABLE"}, nil)
	if known, ok := errors.AsType[*protocol.Error](err); ok && known.Code == "RepositoryAlreadyExistsException" {
		return nil
	}
	if err != nil {
		return err
	}
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Sid": "LambdaECRImageRetrievalPolicy", "Effect": "Allow", "Principal": map[string]any{"Service": "lambda.amazonaws.com"},
		"Action": []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"},
		"Condition": map[string]any{"StringLike": map[string]any{
			"aws:sourceArn": fmt.Sprintf("arn:%s:lambda:*:%s:function:*", a.partition, a.account)}},
	}}})
	if err != nil {
		return err
	}
	return call("SetRepositoryPolicy", map[string]any{"repositoryName": name, "policyText": string(policy)}, nil)
}

// assetFolder is where a build container has an asset's build context.
const assetFolder = "/codebuild/asset"

// buildImage runs docker in the sandbox: build, login, push.
func (e *Engine) buildImage(ctx context.Context, a ImageAsset, host, uri, password string) (err error) {
	container, err := e.newContainer(ctx, sandbox.ContainerSpec{Name: "asset-" + shortHash(uri), Docker: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopped(ctx, container.Remove)) }()
	content, sink := io.Pipe()
	defer content.Close() //nolint:errcheck // it never fails; or the writer waits for ever where nobody reads to the end
	go func() { sink.CloseWithError(a.Context(sink)) }()
	if err := container.CopyIn(ctx, content, assetFolder); err != nil {
		return err
	}
	for _, step := range []struct {
		argv  []string
		stdin string
	}{
		{append(append([]string{"docker", "build"}, a.Flags...), "--tag", uri, "."), ""},
		{[]string{"docker", "login", "--username", "AWS", "--password-stdin", host}, password},
		{[]string{"docker", "push", uri}, ""},
	} {
		var said bytes.Buffer
		code, err := container.Exec(ctx, sandbox.ExecSpec{Argv: step.argv, Dir: assetFolder, Env: []string{"DOCKER_BUILDKIT=1", "BUILDKIT_PROGRESS=plain"},
			Stdin: strings.NewReader(step.stdin), Stdout: &said, Stderr: &said})
		if err != nil {
			return err
		}
		if code != 0 {
			return fmt.Errorf("docker %s ended with exit code %d:\n%s", step.argv[1], code, tail(said.String(), 25))
		}
	}
	return nil
}

// tail returns the last lines of a text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
