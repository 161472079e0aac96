// Package consumer decides whether those who run an image could pull it: Lambda for functions of package type Image,
// Amazon ECS for the containers of a task definition. It asks what AWS asks: is it there, is it of a kind that the
// consumer takes, may the consumer read it.
package consumer

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// Registry is what ECR tells of its repositories, without asking for a permission.
type Registry interface {
	// Manifest returns the manifest that a reference (tag or digest) of a repository stands for. It fails with
	// RepositoryNotFoundException or ImageNotFoundException.
	Manifest(ctx context.Context, repositoryARN, reference string) (mediaType, digest string, body []byte, err error)
	// ResourcePolicy returns the policy that holds for the repository as JSON, its own with its registry's; nil when
	// there is none.
	ResourcePolicy(repositoryARN string) []byte
	// Import brings in an image through a pull-through cache where one is about the repository, as whoever pulls. It fails
	// with RepositoryNotFoundException, ImageNotFoundException or UnableToGetUpstreamImageException.
	Import(ctx context.Context, as *session.Session, repositoryARN, reference string) error
}

// Roles gives the sessions of roles that a service may assume.
type Roles interface {
	AssumeAsService(ctx context.Context, roleARN, servicePrincipal, sessionName string, cause session.Cause) (*session.Session, error)
}

// Options are what the checks need. All are required.
type Options struct {
	Registry Registry
	Roles    Roles
	Caller   protocol.Caller
	Deployer *session.Session // who creates functions; may let Lambda into a repository
	Clock    *clock.Clock
	Switches *switches.Switches
	Log      *slog.Logger
}

// Checker decides for consumers. It is safe for concurrent use.
type Checker struct{ Options }

// New returns a checker.
func New(o Options) *Checker { return &Checker{o} }

// image is a reference into ECR.
type image struct {
	uri, host                     string
	account, region, name, suffix string
	reference                     string // tag or digest
}

// uriForm is <account>.dkr.ecr.<region>.<suffix>/<name>[:tag][@digest]
// (Amazon ECR User Guide, "Amazon ECR private registries").
var uriForm = regexp.MustCompile(`^(([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?))/([a-z0-9][a-z0-9._/-]*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`)

// parse reads an image's URI, and reports whether it is one of ECR.
func parse(uri string) (image, bool) {
	m := uriForm.FindStringSubmatch(uri)
	if m == nil {
		return image{uri: uri}, false
	}
	i := image{uri: uri, host: m[1], account: m[2], region: m[3], suffix: m[4], name: m[5], reference: m[7]}
	if i.reference == "" {
		i.reference = m[6]
	}
	if i.reference == "" {
		i.reference = "latest"
	}
	return i, true
}

func (i image) arn(partition string) string {
	return fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s", partition, i.region, i.account, i.name)
}

// partitionOf returns the partition in an ARN.
func partitionOf(arn string) string {
	parts := strings.SplitN(arn, ":", 3)
	if len(parts) < 3 {
		return "aws"
	}
	return parts[1]
}

// field returns one of an ARN's first five fields.
func field(arn string, n int) string {
	parts := strings.SplitN(arn, ":", 6)
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}

const lambdaPrincipal = "lambda.amazonaws.com"

// pullActions are what Lambda needs (AWS Lambda Developer Guide, "Create a Lambda function using a container image",
// Amazon ECR permissions).
var pullActions = []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}

// ForFunction returns the digest that a Lambda function would run, or the error that CreateFunction and
// UpdateFunctionCode answer. Like Lambda it does not look at the image's processor: that fails at the first invocation.
func (c *Checker) ForFunction(ctx context.Context, functionARN, imageURI string) (string, error) {
	i, ok := parse(imageURI)
	if !ok {
		return "", sourceError(imageURI, "is not valid", "")
	}
	if region := field(functionARN, 3); i.region != region {
		return "", sourceError(imageURI, "is not valid", "the repository must be in the function's region, "+region)
	}
	arn := i.arn(partitionOf(functionARN))
	mediaType, digest, body, err := c.Registry.Manifest(ctx, arn, i.reference)
	if protocol.HasCode(err, "RepositoryNotFoundException") {
		return "", sourceError(imageURI, "does not exist", "")
	}
	if refused := c.lambdaMayPull(ctx, functionARN, arn, i); refused != nil {
		return "", refused
	}
	if protocol.HasCode(err, "ImageNotFoundException") {
		return "", sourceError(imageURI, "does not exist", "")
	}
	if err != nil {
		return "", fmt.Errorf("read image %s: %w", imageURI, err)
	}
	if why := lambdaRefuses(mediaType, body); why != "" {
		return "", &protocol.Error{Code: "InvalidParameterValueException", Hint: why,
			Message: fmt.Sprintf("The image manifest, config or layer media type for the source image %s is not supported.", imageURI)}
	}
	return digest, nil
}

func sourceError(uri, what, hint string) error {
	return &protocol.Error{Code: "InvalidParameterValueException", Hint: hint,
		Message: fmt.Sprintf("Source image %s %s. Provide a valid source image.", uri, what)}
}

// lambdaMayPull asks the repository's policy. Where it says nothing Lambda adds its own statement, if whoever creates
// the function may do so.
// Source: AWS Lambda Developer Guide, "Create a Lambda function using a container image", Amazon ECR permissions.
func (c *Checker) lambdaMayPull(ctx context.Context, functionARN, repository string, i image) error {
	denied := &protocol.Error{Code: "AccessDeniedException", Status: http.StatusForbidden,
		Message: "Lambda does not have permission to access the ECR image. Check the ECR permissions."}
	if c.Switches.RefusePull {
		return denied
	}
	if i.account != field(functionARN, 4) {
		return c.foreignPull(ctx, functionARN, repository, i, denied)
	}
	if c.lambdaAllowed(ctx, functionARN, repository, i) == nil {
		return nil
	}
	for _, action := range []string{"ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy"} {
		if err := c.Caller.Allow(ctx, c.Deployer, i.region, protocol.Need{Action: action, Resources: []string{repository},
			ResourcePolicy: string(c.Registry.ResourcePolicy(repository))}); err != nil {
			return denied
		}
	}
	var own struct {
		PolicyText string `json:"policyText"`
	}
	err := c.Caller.Call(ctx, c.Deployer, i.region, "ecr", "GetRepositoryPolicy", map[string]any{"registryId": i.account, "repositoryName": i.name}, &own)
	if err != nil && !protocol.HasCode(err, "RepositoryPolicyNotFoundException") {
		return fmt.Errorf("read the policy of repository %s: %w", i.name, err)
	}
	policy, err := withLambda(own.PolicyText, functionARN)
	if err == nil {
		err = c.Caller.Call(ctx, c.Deployer, i.region, "ecr", "SetRepositoryPolicy",
			map[string]any{"registryId": i.account, "repositoryName": i.name, "policyText": policy}, nil)
	}
	if err != nil {
		return fmt.Errorf("let Lambda into repository %s: %w", i.name, err)
	}
	if err := c.lambdaAllowed(ctx, functionARN, repository, i); err != nil { // another statement denies it
		return denied
	}
	return nil
}

// foreignPull asks the policy of another account's repository: it must let in Lambda, for the function, and the function's
// account. Lambda adds no statement there.
// Source: AWS Lambda Developer Guide, "Create a Lambda function using a container image", Amazon ECR cross-account
// permissions.
func (c *Checker) foreignPull(ctx context.Context, functionARN, repository string, i image, denied error) error {
	if c.lambdaAllowed(ctx, functionARN, repository, i) != nil {
		return denied
	}
	for _, action := range pullActions {
		if err := c.Caller.Allow(ctx, c.Deployer, i.region, protocol.Need{Action: action, Resources: []string{repository},
			ResourcePolicy: string(c.Registry.ResourcePolicy(repository))}); err != nil {
			return denied
		}
	}
	return nil
}

func (c *Checker) lambdaAllowed(ctx context.Context, functionARN, repository string, i image) error {
	service := &session.Session{Service: lambdaPrincipal, ARN: lambdaPrincipal}
	for _, action := range pullActions {
		need := protocol.Need{Action: action, Resources: []string{repository}, ResourcePolicy: string(c.Registry.ResourcePolicy(repository)),
			Conditions: map[string][]string{"aws:SourceArn": {functionARN}, "aws:SourceAccount": {field(functionARN, 4)}}}
		if err := c.Caller.Allow(ctx, service, i.region, need); err != nil {
			return err
		}
	}
	return nil
}

// lambdaSid names the statement that Lambda adds (the same page's example).
const lambdaSid = "LambdaECRImageRetrievalPolicy"

// withLambda returns a repository policy with Lambda's statement.
func withLambda(policy, functionARN string) (string, error) {
	document := map[string]any{"Version": "2012-10-17"}
	if policy != "" {
		if err := json.Unmarshal([]byte(policy), &document); err != nil {
			return "", fmt.Errorf("read the repository's policy: %w", err)
		}
	}
	statements, ok := document["Statement"].([]any)
	if one := document["Statement"]; !ok && one != nil { // a policy may hold a single statement without a list
		statements = []any{one}
	}
	kept := []any{}
	for _, s := range statements {
		if m, ok := s.(map[string]any); !ok || m["Sid"] != lambdaSid {
			kept = append(kept, s)
		}
	}
	prefix, _, _ := strings.Cut(functionARN, ":function:")
	document["Statement"] = append(kept, map[string]any{"Sid": lambdaSid, "Effect": "Allow",
		"Principal": map[string]any{"Service": lambdaPrincipal}, "Action": pullActions,
		"Condition": map[string]any{"StringLike": map[string]any{"aws:sourceArn": prefix + ":function:*"}}})
	text, err := json.Marshal(document)
	return string(text), err
}
