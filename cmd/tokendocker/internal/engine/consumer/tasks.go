package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

const (
	tasksPrincipal = "ecs-tasks.amazonaws.com"

	// rightsWait is the simulated time in which a task's rights may still come. Templates attach the policy of an
	// execution role beside the task definition, not before it; on AWS only the service's first task asks for it, and
	// ECS starts tasks again and again. rightsWaitReal is the least real time.
	rightsWait     = time.Minute
	rightsWaitReal = 2 * time.Second
	rightsPause    = 50 * time.Millisecond // real
)

// TaskDefinition checks the images of an AWS::ECS::TaskDefinition as its tasks would pull them. AWS itself registers any
// task definition; its tasks would stop with this error. Images of other registries are not checked, nor those of
// definitions without an execution role that are not for Fargate: there the instance pulls.
func (c *Checker) TaskDefinition(ctx context.Context, r resource.Request) error {
	role, _ := r.Properties["ExecutionRoleArn"].(string)
	containers, _ := r.Properties["ContainerDefinitions"].([]any)
	var s *session.Session
	for _, v := range containers {
		container, _ := v.(map[string]any)
		uri, _ := container["Image"].(string)
		i, ok := parse(uri)
		if !ok {
			c.Log.Info("an image of another registry is not checked", "image", uri, "task definition", r.LogicalID)
			continue
		}
		if role == "" {
			if fargate(r.Properties) {
				return &protocol.Error{Code: "ClientException", Message: "Fargate requires task definition to have execution role ARN to support ECR images."}
			}
			c.Log.Info("an image that an instance pulls is not checked", "image", uri, "task definition", r.LogicalID)
			continue
		}
		if s == nil {
			var err error
			if s, err = c.Roles.AssumeAsService(ctx, role, tasksPrincipal, "task", session.Cause{}); err != nil {
				return &protocol.Error{Code: "AccessDeniedException", Message: fmt.Sprintf("ECS was unable to assume the role '%s' that was provided for this task. "+
					"Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.", role)}
			}
		}
		if err := c.taskPull(ctx, s, i, i.arn(r.Stack.Partition), architecture(r.Properties)); err != nil {
			return err
		}
	}
	return nil
}

func fargate(p map[string]any) bool {
	kinds, _ := p["RequiresCompatibilities"].([]any)
	return slices.Contains(kinds, any("FARGATE"))
}

// architecture is the processor of a task definition's tasks in the registries' words.
func architecture(p map[string]any) string {
	platform, _ := p["RuntimePlatform"].(map[string]any)
	if platform["CpuArchitecture"] == "ARM64" {
		return "arm64"
	}
	return "amd64"
}

// taskPull pulls one image as a task does: token, manifest, layers.
func (c *Checker) taskPull(ctx context.Context, s *session.Session, i image, repository, architecture string) error {
	if denied := c.taskMayPull(ctx, s, i, repository); denied != nil {
		return denied
	}
	missing := c.Registry.Import(ctx, s, repository, i.reference)
	if protocol.HasCode(missing, "UnableToGetUpstreamImageException") {
		return forbidden(i, missing)
	}
	mediaType, _, body, err := c.Registry.Manifest(ctx, repository, i.reference)
	if protocol.HasCode(err, "RepositoryNotFoundException") || protocol.HasCode(err, "ImageNotFoundException") {
		return cannotPull(fmt.Sprintf("pull image manifest has been retried 7 time(s): failed to resolve ref %s: %s: not found", i.uri, i.uri), missing)
	}
	if err != nil {
		return fmt.Errorf("read image %s: %w", i.uri, err)
	}
	if !hasPlatform(mediaType, body, architecture) {
		return cannotPull(fmt.Sprintf("pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor matching platform 'linux/%s'.", architecture), nil)
	}
	return nil
}

// taskMayPull asks for the rights until they are there or the wait is over.
// Source: Amazon ECS Developer Guide, "Amazon ECS task execution IAM role".
func (c *Checker) taskMayPull(ctx context.Context, s *session.Session, i image, repository string) error {
	patience, cancel := context.WithTimeout(ctx, max(c.Clock.Real(rightsWait), rightsWaitReal))
	defer cancel()
	for {
		err := c.taskRights(ctx, s, i, repository)
		if err == nil || c.Switches.RefusePull {
			return err
		}
		select {
		case <-patience.Done():
			if ctx.Err() != nil {
				return context.Cause(ctx) // nobody waits for the task any more
			}
			return err
		case <-time.After(rightsPause):
		}
	}
}

func (c *Checker) taskRights(ctx context.Context, s *session.Session, i image, repository string) error {
	if c.Switches.RefusePull {
		return forbidden(i, nil)
	}
	if err := c.Caller.Allow(ctx, s, i.region, protocol.Need{Action: "ecr:GetAuthorizationToken"}); err != nil {
		return &protocol.Error{Code: "ResourceInitializationError", Hint: hint(err), Message: "unable to pull secrets or registry auth: execution resource retrieval failed: " +
			"unable to retrieve ecr registry auth: service call has been retried 3 time(s): " + err.Error()}
	}
	policy := string(c.Registry.ResourcePolicy(repository))
	for _, action := range []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"} {
		if err := c.Caller.Allow(ctx, s, i.region, protocol.Need{Action: action, Resources: []string{repository}, ResourcePolicy: policy}); err != nil {
			return forbidden(i, err)
		}
	}
	return nil
}

// forbidden is the reason for which a registry gives no image.
func forbidden(i image, cause error) error {
	return cannotPull(fmt.Sprintf("pull image manifest has been retried 1 time(s): failed to resolve ref %s: unexpected status from HEAD request to "+
		"https://%s/v2/%s/manifests/%s: 403 Forbidden", i.uri, i.host, i.name, i.reference), cause)
}

// cannotPull is the reason with which a task stops (Amazon ECS Developer Guide, "CannotPullContainer task errors").
func cannotPull(message string, cause error) error {
	return &protocol.Error{Code: "CannotPullContainerError", Message: message, Hint: hint(cause)}
}

// hint is what mends an access-denied error.
func hint(err error) string {
	var aws *protocol.Error
	if errors.As(err, &aws) && aws.Hint != "" {
		return aws.Hint
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
