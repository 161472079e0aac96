package codebuild

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Limits (AWS CodeBuild User Guide, "Quotas for AWS CodeBuild"; CodeBuild API Reference, StartBuild).
const (
	minTimeout, maxTimeout, defaultTimeout = 5, 2160, 60
	minQueued, maxQueued, defaultQueued    = 5, 480, 480
	maxBuildspec                           = 25_600 // characters of an inline buildspec (aws/aws-cdk#14974)
	maxVariable                            = 4_096  // characters of a plain value
)

var projectName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{1,149}$`)

// project is what is kept of one project, under its ARN. Its fields are named as in the API, where the template spells
// the same names with a capital.
type project struct {
	Name                 string            `json:"name"`
	ARN                  string            `json:"arn"`
	Description          string            `json:"description,omitempty"`
	ServiceRole          string            `json:"serviceRole"`
	Source               source            `json:"source"`
	SourceVersion        string            `json:"sourceVersion,omitempty"`
	Artifacts            artifacts         `json:"artifacts"`
	Environment          environment       `json:"environment"`
	LogsConfig           logsConfig        `json:"logsConfig"`
	TimeoutInMinutes     number            `json:"timeoutInMinutes"`
	QueuedTimeout        number            `json:"queuedTimeoutInMinutes"`
	ConcurrentBuildLimit number            `json:"concurrentBuildLimit,omitempty"`
	EncryptionKey        string            `json:"encryptionKey,omitempty"`
	Cache                cache             `json:"cache"`
	SecondarySources     []source          `json:"secondarySources,omitempty"`
	SecondaryVersions    []sourceVersion   `json:"secondarySourceVersions,omitempty"`
	SecondaryArtifacts   []artifacts       `json:"secondaryArtifacts,omitempty"`
	Batch                json.RawMessage   `json:"buildBatchConfig,omitempty"` // kept; there are no batch builds
	VPC                  *vpcConfig        `json:"vpcConfig,omitempty"`
	Tags                 []json.RawMessage `json:"tags,omitempty"`
	Created              time.Time         `json:"created"`
	Modified             time.Time         `json:"modified"`
	LastBuild            int               `json:"lastBuild"` // number of the newest build
}

type source struct {
	Type      string `json:"type"` // NO_SOURCE, S3, or one that builds here cannot read
	Location  string `json:"location,omitempty"`
	Buildspec string `json:"buildspec,omitempty"`

	Identifier string `json:"sourceIdentifier,omitempty"` // of a secondary source
}

// sourceVersion is the version of a secondary source.
type sourceVersion struct {
	Identifier string `json:"sourceIdentifier"`
	Version    string `json:"sourceVersion"`
}

// cache is kept and not used: each build begins as one on a new host whose cache is empty.
// Source: CodeBuild API Reference, ProjectCache.
type cache struct {
	Type      string   `json:"type"` // NO_CACHE, S3, LOCAL
	Location  string   `json:"location,omitempty"`
	Modes     []string `json:"modes,omitempty"`
	Namespace string   `json:"cacheNamespace,omitempty"`
}

type environment struct {
	Type                     string     `json:"type"`
	Image                    string     `json:"image"`
	ComputeType              string     `json:"computeType"`
	PrivilegedMode           flag       `json:"privilegedMode"`
	ImagePullCredentialsType string     `json:"imagePullCredentialsType,omitempty"`
	EnvironmentVariables     []variable `json:"environmentVariables"`
}

// Types of a variable.
const (
	plaintext      = "PLAINTEXT"
	parameterStore = "PARAMETER_STORE"
	secretsManager = "SECRETS_MANAGER"
)

type variable struct {
	Name  string `json:"name"`
	Value text   `json:"value"`
	Type  string `json:"type,omitempty"`
}

type logsConfig struct {
	CloudWatchLogs *cloudWatchLogs `json:"cloudWatchLogs,omitempty"`
	S3Logs         *struct {
		Status string `json:"status"`
	} `json:"s3Logs,omitempty"`
}

type cloudWatchLogs struct {
	Status     string `json:"status"` // ENABLED, DISABLED
	GroupName  string `json:"groupName,omitempty"`
	StreamName string `json:"streamName,omitempty"`
}

// number, flag and text are scalars that a template may write as another JSON type.
type (
	number = resource.Number
	flag   = resource.Flag
	text   = resource.String
)

func invalid(format string, args ...any) *protocol.Error {
	return protocol.Errorf("InvalidInputException", format, args...)
}

// complete fills in defaults and checks the project as CreateProject does.
func (p *project) complete() error {
	p.TimeoutInMinutes = cmp.Or(p.TimeoutInMinutes, defaultTimeout)
	p.QueuedTimeout = cmp.Or(p.QueuedTimeout, defaultQueued)
	p.Artifacts.Type = cmp.Or(p.Artifacts.Type, "NO_ARTIFACTS")
	p.Cache.Type = cmp.Or(p.Cache.Type, "NO_CACHE")
	switch {
	case !projectName.MatchString(p.Name):
		return invalid("Project name %q must have 2 to 150 letters, digits, hyphens and underscores, and begin with a letter or digit", p.Name)
	case (p.Artifacts.Type == codePipeline) != (p.Source.Type == codePipeline):
		return invalid("Project artifacts and source must both have the type CODEPIPELINE, or neither")
	case p.Environment.Image == "" || p.Environment.Type == "" || p.Environment.ComputeType == "":
		return invalid("Project environment must have image, type and computeType")
	case p.ServiceRole == "":
		return invalid("Project must have a service role")
	case p.ConcurrentBuildLimit < 0:
		return invalid("Concurrent build limit must be a positive integer")
	}
	if err := checkMinutes("timeoutInMinutes", p.TimeoutInMinutes, minTimeout, maxTimeout); err != nil {
		return err
	}
	if err := checkMinutes("queuedTimeoutInMinutes", p.QueuedTimeout, minQueued, maxQueued); err != nil {
		return err
	}
	if err := p.Source.check(); err != nil {
		return err
	}
	for _, check := range []func() error{p.Artifacts.check, p.checkSecondary, p.VPC.check} {
		if err := check(); err != nil {
			return err
		}
	}
	return checkVariables(p.Environment.EnvironmentVariables)
}

func checkMinutes(name string, n, low, high number) error { //nolint:unparam // both limits happen to begin at 5
	if n < low || n > high {
		return invalid("Invalid %s: %d. It must be between %d and %d.", name, n, low, high)
	}
	return nil
}

// codePipeline is the type of a source that a pipeline hands to the build, and of the artifacts that it takes.
const codePipeline = "CODEPIPELINE"

// Types of sources and artifacts. Source: CodeBuild API Reference, ProjectSource and ProjectArtifacts.
//
//nolint:gochecknoglobals // constants
var (
	otherSources = []string{"BITBUCKET", "CODECOMMIT", codePipeline, "GITHUB", "GITHUB_ENTERPRISE", "GITLAB", "GITLAB_SELF_MANAGED"}

	artifactTypes = []string{"NO_ARTIFACTS", "S3", codePipeline}
)

// runnable refuses builds that need what is not here: repositories of elsewhere and pipelines.
func (p project) runnable() error {
	for _, s := range slices.Concat([]source{p.Source}, p.SecondarySources) {
		if slices.Contains(otherSources, s.Type) {
			return invalid("tokendocker does not read sources of type %s: builds run from S3 or NO_SOURCE", s.Type)
		}
	}
	return nil
}

func (s source) check() error {
	switch s.Type {
	case "NO_SOURCE":
		if !s.inline() && !s.elsewhere() {
			return invalid("A buildspec is required when the source type is NO_SOURCE")
		}
	case "S3":
		if bucket, key := s.object(); bucket == "" || key == "" {
			return invalid("Invalid source location %q: for S3 it must be bucket/path/object.zip or bucket/path/", s.Location)
		}
	default:
		if !slices.Contains(otherSources, s.Type) {
			return invalid("Invalid source type: %s", s.Type)
		}
	}
	if n := utf8.RuneCountInString(s.Buildspec); s.inline() && n > maxBuildspec {
		return invalid("The inline buildspec has %d characters, it must not have more than %d", n, maxBuildspec)
	}
	return nil
}

// inline reports whether the buildspec stands in the project itself; else it is a path or an S3 object.
func (s source) inline() bool {
	return strings.Contains(s.Buildspec, "\n") || strings.HasPrefix(strings.TrimSpace(s.Buildspec), "{")
}

// elsewhere reports whether the buildspec is an S3 object of its own, named by ARN.
func (s source) elsewhere() bool {
	return strings.HasPrefix(s.Buildspec, "arn:") && strings.Contains(s.Buildspec, ":s3:::")
}

// object returns bucket and key of an S3 source.
func (s source) object() (bucket, key string) {
	location := s.Location
	if i := strings.Index(location, ":::"); strings.HasPrefix(location, "arn:") && i > 0 {
		location = location[i+3:]
	}
	bucket, key, _ = strings.Cut(location, "/")
	return bucket, key
}

func checkVariables(vars []variable) error {
	for _, v := range vars {
		switch {
		case v.Name == "":
			return invalid("Environment variable name must not be empty")
		case strings.HasPrefix(v.Name, "CODEBUILD_"):
			return invalid("Environment variable %s is not allowed: the prefix CODEBUILD_ is reserved for internal use", v.Name)
		case strings.ContainsAny(v.Name+string(v.Value), "\x00"):
			return invalid("Environment variable %q must not contain NUL", v.Name)
		case utf8.RuneCountInString(string(v.Value)) > maxVariable:
			return invalid("Environment variable %s has a value of %d characters, it must have at most %d",
				v.Name, utf8.RuneCountInString(string(v.Value)), maxVariable)
		}
		switch v.Type {
		case "", plaintext, parameterStore, secretsManager:
		default:
			return invalid("Environment variable %s has type %s, it must be PLAINTEXT, PARAMETER_STORE or SECRETS_MANAGER", v.Name, v.Type)
		}
	}
	return nil
}

// checkRole refuses a role that CodeBuild may not assume, or a network that this role may not look at, as CreateProject
// and UpdateProject do.
func (r *Room) checkRole(ctx context.Context, p project, region string) error {
	role, err := r.Roles.AssumeAsService(ctx, p.ServiceRole, service, "AWSCodeBuild-check", session.Cause{})
	if err != nil {
		return invalid("CodeBuild is not authorized to perform: sts:AssumeRole on %s", p.ServiceRole)
	}
	return r.checkNetwork(ctx, p, region, role)
}

// describe returns the project as BatchGetProjects tells it.
func (p project) describe() (map[string]any, error) {
	raw, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("describe project: %w", err)
	}
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("describe project: %w", err)
	}
	delete(out, "lastBuild")
	out["created"], out["lastModified"] = protocol.Timestamp(p.Created), protocol.Timestamp(p.Modified)
	delete(out, "modified")
	return out, nil
}
