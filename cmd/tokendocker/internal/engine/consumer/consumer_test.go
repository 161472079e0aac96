package consumer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

const (
	repositoryARN = "arn:aws:ecr:eu-west-1:111122223333:repository/team/app"
	host          = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
	functionARN   = "arn:aws:lambda:eu-west-1:111122223333:function:f"
	digest        = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// world is ECR and IAM around the checker; decisions are the real policy engine's.
type world struct {
	mediaType, body string
	policy          string // of the repository
	rights          []string
	deployerMay     bool
	deployer        string // account; empty: the repository's
	noTrust         bool
	set             string // policy that was set
	above           string // a statement of the registry's
	imported        bool   // the image of tag "cached"
}

func (w *world) Manifest(_ context.Context, arn, reference string) (string, string, []byte, error) {
	switch {
	case arn != repositoryARN:
		return "", "", nil, protocol.Errorf("RepositoryNotFoundException", "no repository")
	case reference != "v1" && reference != digest && (reference != "cached" || !w.imported):
		return "", "", nil, protocol.Errorf("ImageNotFoundException", "no image")
	}
	return w.mediaType, digest, []byte(w.body), nil
}

func (w *world) ResourcePolicy(string) []byte {
	if w.above == "" {
		return []byte(w.policy)
	}
	return []byte(strings.Replace(w.policy, `"Statement":[`, `"Statement":[`+w.above+`,`, 1))
}

// Import has tag "cached" for those who may import, and knows that the upstream registry is closed for "closed".
func (w *world) Import(ctx context.Context, as *session.Session, arn, reference string) error {
	switch reference {
	case "cached":
		err := w.Allow(ctx, as, "", protocol.Need{Action: "ecr:BatchImportUpstreamImage", Resources: []string{arn}})
		w.imported = err == nil
		if err != nil {
			return &protocol.Error{Code: "ImageNotFoundException", Hint: hint(err)}
		}
	case "closed":
		return protocol.Errorf("UnableToGetUpstreamImageException", "authentication failed")
	}
	return nil
}

func (w *world) AssumeAsService(_ context.Context, role, service, _ string, _ session.Cause) (*session.Session, error) {
	if w.noTrust || service != "ecs-tasks.amazonaws.com" {
		return nil, errors.New("no trust")
	}
	return &session.Session{RoleARN: role, ARN: role + "/task", Account: "111122223333"}, nil
}

func (w *world) Allow(_ context.Context, as *session.Session, _ string, need protocol.Need) error {
	var identity []*policy.Policy
	statement := policy.Statement{Allow: true, Actions: w.rights, Resources: []string{"*"}}
	if as.RoleARN != "" || as.Operator() && w.deployerMay {
		if as.Operator() {
			statement.Actions = []string{"*"}
		}
		identity = []*policy.Policy{{Version: "2012-10-17", Statements: []policy.Statement{statement}}}
	}
	var own *policy.Policy
	if need.ResourcePolicy != "" {
		var err error
		if own, err = policy.Parse([]byte(need.ResourcePolicy), policy.Registry); err != nil {
			return err
		}
	}
	target := "*"
	if len(need.Resources) > 0 {
		target = need.Resources[0]
	}
	d := policy.Policies{Identity: identity, Resource: own}.Decide(&policy.Request{Action: need.Action, Resource: target, Account: "111122223333",
		Caller: policy.Caller{ARN: as.ARN, RoleARN: as.RoleARN, Account: as.Account, Service: as.Service}, Context: need.Conditions})
	if !d.Allowed {
		return &protocol.Error{Code: "AccessDeniedException", Message: "not authorized to perform: " + need.Action, Hint: "allow " + need.Action}
	}
	return nil
}

func (w *world) Call(_ context.Context, _ *session.Session, _, service, operation string, in, out any) error {
	switch service + ":" + operation {
	case "ecr:GetRepositoryPolicy":
		if w.policy == "" {
			return protocol.Errorf("RepositoryPolicyNotFoundException", "no policy")
		}
		text, err := json.Marshal(map[string]string{"policyText": w.policy})
		return errors.Join(err, json.Unmarshal(text, out))
	case "ecr:SetRepositoryPolicy":
	default:
		return errors.New("unexpected call")
	}
	w.set = in.(map[string]any)["policyText"].(string)
	w.policy = w.set
	return nil
}

func checker(w *world, sw switches.Switches) *Checker {
	return New(Options{Registry: w, Roles: w, Caller: w, Deployer: &session.Session{Account: cmp.Or(w.deployer, "111122223333")}, Clock: clock.New(1e6),
		Switches: &sw, Log: slog.New(slog.DiscardHandler)})
}

const (
	goodBody = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json"},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip"}]}`
	// The statement that CDK's DockerImageCode adds to a repository of the same stack.
	cdkPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],
		"Condition":{"StringLike":{"aws:sourceArn":"arn:aws:lambda:eu-west-1:111122223333:function:*"}}}]}`
)

// foreign is a function of another account, and lent the policy of a repository that lets it in.
const (
	foreign = "arn:aws:lambda:eu-west-1:444455556666:function:f"
	lent    = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]},
		{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],
		"Condition":{"StringLike":{"aws:sourceArn":"arn:aws:lambda:eu-west-1:444455556666:function:*"}}}]}`
)

// The case table of Lambda as consumer.
func TestFunctionCases(t *testing.T) {
	const page = "AWS Lambda Developer Guide, Create a Lambda function using a container image, 2026-11"
	const abroad = "AWS Lambda Developer Guide, Create a Lambda function using a container image, Amazon ECR cross-account permissions, 2026-11"
	const unsupported = "The image manifest, config or layer media type for the source image " + host + "/team/app:v1 is not supported."
	cases := []struct {
		name, source, limit string
		uri                 string
		function            string
		world               world
		switches            switches.Switches
		want                string // the error, empty for none
	}{
		{name: "tag", source: page, uri: host + "/team/app:v1", world: world{policy: cdkPolicy}},
		{name: "digest", source: page, uri: host + "/team/app@" + digest, world: world{policy: cdkPolicy}},
		{name: "tag and digest", source: page, uri: host + "/team/app:v1@" + digest, world: world{policy: cdkPolicy}},
		{name: "docker manifest", source: page, uri: host + "/team/app:v1", world: world{policy: cdkPolicy, mediaType: dockerManifest,
			body: `{"config":{"mediaType":"application/vnd.docker.container.image.v1+json"},"layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip"}]}`}},
		{name: "no tag", source: "aws/aws-cdk issue 24648, answer of AWS", uri: host + "/team/app:v2", world: world{policy: cdkPolicy},
			want: "InvalidParameterValueException: Source image " + host + "/team/app:v2 does not exist. Provide a valid source image."},
		{name: "no repository", source: "aws/aws-cdk issue 24648, answer of AWS", uri: host + "/other:v1", world: world{deployerMay: true}, want: "does not exist. Provide a valid source image."},
		{name: "other registry", source: "grafana/loki issue 7218, answer of AWS", uri: "public.ecr.aws/grafana/x:main",
			want: "Source image public.ecr.aws/grafana/x:main is not valid. Provide a valid source image."},
		{name: "other region", source: page, limit: "AWS's text for another region is not known; ours is that of an invalid image",
			uri: "111122223333.dkr.ecr.eu-west-2.amazonaws.com/team/app:v1", want: "is not valid. Provide a valid source image."},
		{name: "index", source: "docker/buildx issue 1533, answer of AWS", uri: host + "/team/app:v1", world: world{policy: cdkPolicy, mediaType: ociIndex, body: `{"manifests":[]}`}, want: unsupported},
		{name: "zstd", source: "cdklabs/deploy-time-build refuses it, 2026-11", uri: host + "/team/app:v1",
			world: world{policy: cdkPolicy, body: strings.Replace(goodBody, "tar+gzip", "tar+zstd", 1)}, want: unsupported},
		{name: "build cache", source: page, uri: host + "/team/app:v1",
			world: world{policy: cdkPolicy, body: strings.Replace(goodBody, "oci.image.config.v1+json", "buildkit.cacheconfig.v0", 1)}, want: unsupported},
		{name: "no rights", source: "aws-samples/bedrock-access-gateway issue 127, answer of AWS", uri: host + "/team/app:v1",
			want: "AccessDeniedException: Lambda does not have permission to access the ECR image. Check the ECR permissions."},
		{name: "another function's right", source: page, uri: host + "/team/app:v1", world: world{policy: strings.Replace(cdkPolicy, "function:*", "function:other", 1)},
			want: "Lambda does not have permission"},
		{name: "Lambda adds its statement", source: "awsdocs/aws-lambda-developer-guide issue 286", uri: host + "/team/app:v1", world: world{deployerMay: true}},
		{name: "denied by the policy", source: "IAM User Guide, Policy evaluation logic, 2026-11", uri: host + "/team/app:v1", world: world{deployerMay: true,
			policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"ecr:BatchGetImage"}]}`}, want: "Lambda does not have permission"},
		{name: "another account's", source: abroad, uri: host + "/team/app:v1", function: foreign, world: world{deployer: "444455556666", deployerMay: true, policy: lent}},
		{name: "another account's, whose policy has Lambda only", source: abroad, uri: host + "/team/app:v1", function: foreign,
			world: world{deployer: "444455556666", deployerMay: true, policy: strings.Replace(lent, "444455556666:root", "777788889999:root", 1)}, want: "Lambda does not have permission"},
		{name: "another account's, whose policy has the account only", source: abroad, uri: host + "/team/app:v1", function: foreign,
			world: world{deployer: "444455556666", deployerMay: true, policy: strings.Replace(lent, "lambda.amazonaws.com", "ecs.amazonaws.com", 1)}, want: "Lambda does not have permission"},
		{name: "another account's, to who may not pull", source: abroad, uri: host + "/team/app:v1", function: foreign,
			world: world{deployer: "444455556666", policy: lent}, want: "Lambda does not have permission"},
		{name: "pull refused", source: "none: a switch", uri: host + "/team/app:v1", world: world{policy: cdkPolicy}, switches: switches.Switches{RefusePull: true}, want: "Lambda does not have permission"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := c.world
			w.fill()
			got, err := checker(&w, c.switches).ForFunction(t.Context(), cmp.Or(c.function, functionARN), c.uri)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error = %v, want %s", err, c.want)
				}
				return
			}
			if err != nil || got != digest {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func (w *world) fill() {
	if w.body == "" {
		w.body = goodBody
	}
	if w.mediaType == "" {
		w.mediaType = ociManifest
	}
}

func TestLambdaStatementKeepsTheOthers(t *testing.T) {
	w := &world{deployerMay: true, policy: `{"Version":"2012-10-17","Statement":{"Sid":"mine","Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"ecr:ListImages"}}`}
	w.fill()
	if _, err := checker(w, switches.Switches{}).ForFunction(t.Context(), functionARN, host+"/team/app:v1"); err != nil {
		t.Fatal(err)
	}
	var p struct{ Statement []struct{ Sid string } }
	if err := json.Unmarshal([]byte(w.set), &p); err != nil || len(p.Statement) != 2 || p.Statement[0].Sid != "mine" || p.Statement[1].Sid != lambdaSid {
		t.Errorf("policy %s, %v", w.set, err)
	}
}

// TestLambdaStatementIsTheRepositorysOwn: what the registry's policy says is not copied into the repository's.
func TestLambdaStatementIsTheRepositorysOwn(t *testing.T) {
	w := &world{deployerMay: true, policy: `{"Version":"2012-10-17","Statement":[{"Sid":"mine","Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"ecr:ListImages"}]}`,
		above: `{"Sid":"above","Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"ecr:ReplicateImage","Resource":"*"}`}
	w.fill()
	if _, err := checker(w, switches.Switches{}).ForFunction(t.Context(), functionARN, host+"/team/app:v1"); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(w.set, "above") || !strings.Contains(w.set, "mine") {
		t.Errorf("policy %s", w.set)
	}
}

// The case table of Amazon ECS as consumer.
func TestTaskCases(t *testing.T) {
	const page = "Amazon ECS Developer Guide, CannotPullContainer task errors, 2026-11"
	all := []string{"ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"}
	const rolePolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/E"},"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:BatchCheckLayerAvailability"]}]}`
	cases := []struct {
		name, source, limit string
		image               string
		props               map[string]any
		world               world
		switches            switches.Switches
		want, hint          string
	}{
		{name: "role's rights", source: "Amazon ECS Developer Guide, Task execution IAM role, 2026-11", image: host + "/team/app:v1", world: world{rights: all}},
		{name: "repository's policy", source: "Amazon ECR User Guide, Private repository policies, 2026-11", image: host + "/team/app:v1", world: world{rights: all[:1], policy: rolePolicy}},
		{name: "no token", source: "Amazon ECS Developer Guide, ResourceInitializationError, 2026-11", image: host + "/team/app:v1", world: world{rights: all[1:]},
			want: "ResourceInitializationError: unable to pull secrets or registry auth: ", hint: "allow ecr:GetAuthorizationToken"},
		{name: "no manifest right", source: page, image: host + "/team/app:v1", world: world{rights: []string{all[0], all[2], all[3]}},
			want: "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref " + host + "/team/app:v1: unexpected status from HEAD request to https://" + host + "/v2/team/app/manifests/v1: 403 Forbidden",
			hint: "allow ecr:BatchGetImage"},
		{name: "not found", source: page, image: host + "/team/app:v9", world: world{rights: all}, want: "failed to resolve ref " + host + "/team/app:v9: " + host + "/team/app:v9: not found"},
		{name: "first pull through a cache", source: "Amazon ECR User Guide, IAM permissions required to sync an upstream registry, 2026-11", image: host + "/team/app:cached",
			world: world{rights: append(all[:4:4], "ecr:BatchImportUpstreamImage")}},
		{name: "first pull through a cache without the right", source: "Amazon ECR User Guide, Troubleshooting pull through cache issues, 2026-11", image: host + "/team/app:cached",
			world: world{rights: all}, want: "/team/app:cached: not found", hint: "allow ecr:BatchImportUpstreamImage"},
		{name: "closed upstream registry", source: "Amazon ECR User Guide, Troubleshooting pull through cache issues, 2026-11", image: host + "/team/app:closed",
			world: world{rights: all}, want: "/team/app/manifests/closed: 403 Forbidden", hint: "UnableToGetUpstreamImageException: authentication failed"},
		{name: "index", source: page, image: host + "/team/app:v1", world: world{rights: all, mediaType: ociIndex, body: `{"manifests":[{"platform":{"os":"linux","architecture":"arm64"}}]}`},
			props: map[string]any{"RuntimePlatform": map[string]any{"CpuArchitecture": "ARM64"}}},
		{name: "platform", source: page, image: host + "/team/app:v1", world: world{rights: all, mediaType: ociIndex, body: `{"manifests":[{"platform":{"os":"linux","architecture":"arm64"}}]}`},
			want: "image Manifest does not contain descriptor matching platform 'linux/amd64'."},
		{name: "image that no task pulls yet", source: "Amazon ECS API Reference, RegisterTaskDefinition, 2026-11", limit: "a task definition whose image is not there fails; AWS registers it, and its tasks do not start",
			image: host + "/team/app:v9", world: world{rights: all}, want: "not found"},
		{name: "docker hub", source: page, limit: "images of other registries are not checked", image: "nginx:latest"},
		{name: "no execution role", source: "answer of AWS seen in public logs, 2026-11", image: host + "/team/app:v1", props: map[string]any{"ExecutionRoleArn": nil},
			want: "Fargate requires task definition to have execution role ARN to support ECR images."},
		{name: "instance pulls", source: page, limit: "without an execution role only Fargate is checked", image: host + "/team/app:v1",
			props: map[string]any{"ExecutionRoleArn": nil, "RequiresCompatibilities": []any{"EC2"}}},
		{name: "trust", source: "Amazon ECS Developer Guide, Stopped tasks error messages, 2026-11", image: host + "/team/app:v1", world: world{noTrust: true}, want: "ECS was unable to assume the role"},
		{name: "pull refused", source: "none: a switch", image: host + "/team/app:v1", world: world{rights: all}, switches: switches.Switches{RefusePull: true}, want: "403 Forbidden"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := c.world
			w.fill()
			p := map[string]any{"ExecutionRoleArn": "arn:aws:iam::111122223333:role/E", "RequiresCompatibilities": []any{"FARGATE"},
				"ContainerDefinitions": []any{map[string]any{"Name": "x", "Image": c.image}}}
			for k, v := range c.props {
				p[k] = v
			}
			err := checker(&w, c.switches).TaskDefinition(t.Context(), resource.Request{Stack: resource.Stack{Partition: "aws", Region: "eu-west-1"}, Properties: p})
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var aws *protocol.Error
			if !errors.As(err, &aws) || !strings.Contains(err.Error(), c.want) || aws.Hint != c.hint {
				t.Errorf("error = %v (hint %q), want %s (hint %q)", err, aws.Hint, c.want, c.hint)
			}
		})
	}
}

// A task's rights may come after its definition, since templates order neither before the other.
func TestTaskWaitsForRights(t *testing.T) {
	w := &world{}
	w.fill()
	c := checker(w, switches.Switches{})
	ready := make(chan struct{})
	c.Caller = late{w, ready}
	time.AfterFunc(300*time.Millisecond, func() { close(ready) })
	err := c.TaskDefinition(t.Context(), resource.Request{Stack: resource.Stack{Partition: "aws"}, Properties: map[string]any{
		"ExecutionRoleArn": "arn:aws:iam::111122223333:role/E", "ContainerDefinitions": []any{map[string]any{"Image": host + "/team/app:v1"}}}})
	if err != nil {
		t.Error(err)
	}
}

// late is a caller whose rights come when ready is closed.
type late struct {
	*world
	ready chan struct{}
}

func (l late) Allow(context.Context, *session.Session, string, protocol.Need) error {
	select {
	case <-l.ready:
		return nil
	default:
		return protocol.Errorf("AccessDeniedException", "not yet")
	}
}

// TestTaskIsNotWaitedFor: who does not wait any more hears why, and nothing of rights that might still have come.
func TestTaskIsNotWaitedFor(t *testing.T) {
	w := &world{}
	w.fill()
	c := checker(w, switches.Switches{})
	c.Caller = late{w, make(chan struct{})}
	why := errors.New("the stack rolls back")
	ctx, end := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { end(why) })
	err := c.TaskDefinition(ctx, resource.Request{Stack: resource.Stack{Partition: "aws"}, Properties: map[string]any{
		"ExecutionRoleArn": "arn:aws:iam::111122223333:role/E", "ContainerDefinitions": []any{map[string]any{"Image": host + "/team/app:v1"}}}})
	if !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
}
