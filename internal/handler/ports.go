package handler

import (
	"context"
	"time"

	"github.com/tokendocker/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/internal/handler/replication"
)

// Registry is what the handler needs of ECR. Errors carry a fault.Kind.
type Registry interface {
	// Image returns what the tag names, exactly as it was pushed; ok is false where tag or repository do not exist.
	Image(ctx context.Context, repository, tag string) (m Manifest, ok bool, err error)
	// Delete removes the tag, and with its last tag the image.
	Delete(ctx context.Context, repository, tag string) error
}

// Manifest is an image's manifest as the registry holds it.
type Manifest struct {
	Digest    string // "sha256:..."
	MediaType string
	Bytes     []byte
}

// Builds is what the handler needs of CodeBuild. Errors carry a fault.Kind.
type Builds interface {
	// Recent returns the project's newest builds, newest first, at most 100; none where the project does not exist.
	Recent(ctx context.Context, project string) ([]Build, error)
	// Stop asks a build to end; a build that has ended is no error.
	Stop(ctx context.Context, id string) error
}

// Build is a build as CodeBuild tells it (API Reference, type Build).
type Build struct {
	ID        string
	Status    string // SUCCEEDED, FAILED, FAULT, TIMED_OUT, IN_PROGRESS, STOPPED
	Phase     string // the phase that it is in
	Role      string // ARN of its service role
	Minutes   int    // its time-out
	Phases    []Phase
	LogGroup  string // empty before provisioning
	LogStream string // empty before provisioning
}

// Phase is one phase of a build (API Reference, type BuildPhase).
type Phase struct {
	Type    string // SUBMITTED, QUEUED, PROVISIONING, DOWNLOAD_SOURCE, INSTALL, ...
	Status  string // as a build's; empty while it runs
	Code    string // status code of its first context, "ACCESS_DENIED"; may be empty
	Message string // message of its first context; may be empty
	Seconds int    // how long it took; 0 while it runs
}

// Machine is what the handler needs of its state machine. Errors carry a fault.Kind.
type Machine interface {
	// Start starts an execution; false means that one of that name exists, running or not.
	Start(ctx context.Context, name string, input []byte) (bool, error)
	// Running returns the running executions whose names begin with prefix.
	Running(ctx context.Context, prefix string) ([]Execution, error)
	// Stop aborts an execution; one that has ended is no error.
	Stop(ctx context.Context, arn string) error
}

// Execution is a running execution of the machine.
type Execution struct{ Name, ARN string }

// Logs is what the handler needs of CloudWatch Logs. Errors carry a fault.Kind.
type Logs interface {
	// Page returns the messages of a page of a stream in their order, and the token of the page before it. An empty
	// token asks for the newest page; an empty one returned means that there is nothing older.
	Page(ctx context.Context, group, stream, token string) (messages []string, older string, err error)
	// Make makes a group that keeps its events for so many days, or gives one that is there that retention.
	Make(ctx context.Context, group string, days int) error
}

// Replicas is what the handler needs of ECR for images in several regions. Errors carry a fault.Kind.
type Replicas interface {
	// Rules returns the registry's account and the rules of its replication configuration.
	Rules(ctx context.Context) (account string, rules []replication.Rule, err error)
	// SetRules puts rules in the place of all that there are.
	SetRules(ctx context.Context, rules []replication.Rule) error
	// Status returns what became of an image's replicas, by region; a region of which ECR knows nothing is missing.
	Status(ctx context.Context, repository, tag string) (map[string]Replica, error)
	// Policy returns the policy of a repository in a region; it is empty where there is none.
	Policy(ctx context.Context, region, repository string) (string, error)
	// SetPolicy sets it.
	SetPolicy(ctx context.Context, region, repository, policy string) error
}

// Replica is the state of an image in another region (API Reference, ImageReplicationStatus).
type Replica struct {
	Status string // IN_PROGRESS, COMPLETE, FAILED
	Code   string // why it failed
}

// Parameters is what the handler needs of Systems Manager. Errors carry a fault.Kind.
type Parameters interface {
	// Put writes a parameter in a region, whether or not there is one.
	Put(ctx context.Context, region, name, value string) error
	// Delete deletes parameters of a region; those that are not there are no error.
	Delete(ctx context.Context, region string, names []string) error
}

// Lease is the right to write the registry's replication configuration, which one holder has at a time.
type Lease interface {
	// Take takes the lease until a time; false means that another holds it. Whoever has it may take it again.
	Take(ctx context.Context, holder string, now, until time.Time) (bool, error)
	// Release gives it back.
	Release(ctx context.Context) error
}

// Responder carries an answer to CloudFormation.
type Responder interface {
	// Put uploads the answer; it has tried again by itself whatever may pass.
	Put(ctx context.Context, url fault.Redacted, body []byte) error
}
