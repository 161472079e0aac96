package codebuild

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// tokenLife is how long an idempotency token counts (CodeBuild API Reference, StartBuild and RetryBuild).
const tokenLife = 5 * time.Minute

// startInput is StartBuild's input, as far as there is something for it here.
type startInput struct {
	ProjectName                      string      `json:"projectName"`
	BuildspecOverride                *string     `json:"buildspecOverride"`
	EnvironmentVariablesOverride     []variable  `json:"environmentVariablesOverride"`
	TimeoutInMinutesOverride         *number     `json:"timeoutInMinutesOverride"`
	QueuedTimeoutInMinutesOverride   *number     `json:"queuedTimeoutInMinutesOverride"`
	IdempotencyToken                 string      `json:"idempotencyToken"`
	ImageOverride                    *string     `json:"imageOverride"`
	ImagePullCredentialsTypeOverride *string     `json:"imagePullCredentialsTypeOverride"`
	EnvironmentTypeOverride          *string     `json:"environmentTypeOverride"`
	ComputeTypeOverride              *string     `json:"computeTypeOverride"`
	PrivilegedModeOverride           *flag       `json:"privilegedModeOverride"`
	LogsConfigOverride               *logsConfig `json:"logsConfigOverride"`
	SourceVersion                    *string     `json:"sourceVersion"`
	SourceTypeOverride               *string     `json:"sourceTypeOverride"`
	SourceLocationOverride           *string     `json:"sourceLocationOverride"`
	EncryptionKeyOverride            *string     `json:"encryptionKeyOverride"`

	ArtifactsOverride               *artifacts      `json:"artifactsOverride"`
	SecondaryArtifactsOverride      []artifacts     `json:"secondaryArtifactsOverride"`
	SecondarySourcesOverride        []source        `json:"secondarySourcesOverride"`
	SecondarySourcesVersionOverride []sourceVersion `json:"secondarySourcesVersionOverride"`
}

// refused are members of StartBuild's input that would change a build in a way that there is nothing for here.
var refused = []string{
	"autoRetryLimitOverride", "buildStatusConfigOverride", "cacheOverride", "certificateOverride",
	"debugSessionEnabled", "fleetOverride", "gitCloneDepthOverride", "gitSubmodulesConfigOverride", "hostKernelOverride",
	"insecureSslOverride", "registryCredentialOverride", "reportBuildStatusOverride", "serviceRoleOverride", "sourceAuthOverride",
}

func (r *Room) startBuild(_ context.Context, call *protocol.Call, in startInput) (any, error) {
	var given map[string]json.RawMessage
	if err := protocol.Decode(call, &given); err != nil {
		return nil, err
	}
	for _, name := range refused {
		if v := string(given[name]); v != "" && v != "null" && v != "false" && v != "0" {
			return nil, invalid("tokendocker does not support %s in StartBuild", name)
		}
	}
	r.starts.Lock()
	defer r.starts.Unlock()
	hash, err := inputHash(given)
	if err != nil {
		return nil, err
	}
	p, found, err := r.projects.Get(where(call).project(in.ProjectName))
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errNoProject(where(call).project(in.ProjectName))
	}
	if earlier, err := r.byToken(p.Name, where(call), in.IdempotencyToken, hash); err != nil || earlier != nil {
		return earlier, err
	}
	b, err := r.newBuild(p, in)
	if err != nil {
		return nil, err
	}
	b.Place = buildPlace{Partition: call.Partition, Region: call.Region, Account: call.Account}
	b.Initiator, b.Cause = initiator(call.Session), call.Session.Cause()
	b.Token, b.InputHash = in.IdempotencyToken, hash
	return r.start(b)
}

// byToken returns the answer of an earlier request with the same token, nil when there was none.
func (r *Room) byToken(project string, at place, token, hash string) (any, error) {
	if token == "" {
		return nil, nil
	}
	for _, b := range r.all(func(b build) bool { return b.Project == project && b.place() == at && b.Token == token }) {
		switch {
		case r.Clock.Since(b.Start) > tokenLife:
		case b.InputHash != hash:
			return nil, invalid("The idempotency token was used with other parameters for build %s (parameter mismatch)", b.ID)
		default:
			return map[string]any{"build": b.describe()}, nil
		}
	}
	return nil, nil
}

func inputHash(given map[string]json.RawMessage) (string, error) {
	given = maps.Clone(given)
	delete(given, "idempotencyToken")
	raw, err := json.Marshal(given)
	if err != nil {
		return "", fmt.Errorf("hash input: %w", err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

// initiator names who started a build, as CodeBuild does: the role's session or the user.
func initiator(s *session.Session) string {
	if _, after, ok := strings.Cut(s.ARN, ":assumed-role/"); ok {
		return after
	}
	return s.ARN[strings.LastIndexAny(s.ARN, ":/")+1:]
}

// newBuild applies the overrides to the project.
func (r *Room) newBuild(p project, in startInput) (build, error) {
	set := func(into *string, from *string) {
		if from != nil {
			*into = *from
		}
	}
	set(&p.Source.Type, in.SourceTypeOverride)
	set(&p.Source.Location, in.SourceLocationOverride)
	set(&p.Source.Buildspec, in.BuildspecOverride)
	set(&p.SourceVersion, in.SourceVersion)
	set(&p.Environment.Image, in.ImageOverride)
	set(&p.Environment.ImagePullCredentialsType, in.ImagePullCredentialsTypeOverride)
	set(&p.Environment.Type, in.EnvironmentTypeOverride)
	set(&p.Environment.ComputeType, in.ComputeTypeOverride)
	set(&p.EncryptionKey, in.EncryptionKeyOverride)
	if in.PrivilegedModeOverride != nil {
		p.Environment.PrivilegedMode = *in.PrivilegedModeOverride
	}
	if in.TimeoutInMinutesOverride != nil {
		p.TimeoutInMinutes = *in.TimeoutInMinutesOverride
	}
	if in.QueuedTimeoutInMinutesOverride != nil {
		p.QueuedTimeout = *in.QueuedTimeoutInMinutesOverride
	}
	if in.LogsConfigOverride != nil {
		p.LogsConfig = *in.LogsConfigOverride
	}
	if err := checkMinutes("timeoutInMinutesOverride", p.TimeoutInMinutes, minTimeout, maxTimeout); err != nil {
		return build{}, err
	}
	if err := checkMinutes("queuedTimeoutInMinutesOverride", p.QueuedTimeout, minQueued, maxQueued); err != nil {
		return build{}, err
	}
	if err := checkVariables(in.EnvironmentVariablesOverride); err != nil {
		return build{}, err
	}
	p.redirect(in)
	for _, check := range []func() error{p.Source.check, p.Artifacts.check, p.checkSecondary, p.runnable} {
		if err := check(); err != nil {
			return build{}, err
		}
	}
	p.Environment.EnvironmentVariables = override(p.Environment.EnvironmentVariables, in.EnvironmentVariablesOverride)
	b := build{
		ID: p.Name + ":" + protocol.NewID(), Project: p.Name, Status: statusInProgress, Start: r.Clock.Now(), Role: p.ServiceRole,
		Source: p.Source, SourceVersion: p.SourceVersion, Environment: p.Environment,
		Timeout: p.TimeoutInMinutes, QueuedTimeout: p.QueuedTimeout, EncryptionKey: p.EncryptionKey, VPC: p.VPC,
		SecondarySources: p.SecondarySources, SecondaryVersions: p.SecondaryVersions,
		Artifacts: p.Artifacts, SecondaryArtifacts: p.SecondaryArtifacts, Cache: p.Cache,
	}
	b.Logs = logsOf(p, b.uuid())
	return b, nil
}

// redirect applies the overrides of further sources and of artifacts.
func (p *project) redirect(in startInput) {
	if in.ArtifactsOverride != nil {
		p.Artifacts = *in.ArtifactsOverride
	}
	if in.SecondaryArtifactsOverride != nil {
		p.SecondaryArtifacts = in.SecondaryArtifactsOverride
	}
	if in.SecondarySourcesOverride != nil {
		p.SecondarySources, p.SecondaryVersions = in.SecondarySourcesOverride, nil
	}
	if in.SecondarySourcesVersionOverride != nil {
		p.SecondaryVersions = in.SecondarySourcesVersionOverride
	}
}

// logsOf says where a build's log goes.
// Source: CodeBuild API Reference, CloudWatchLogsConfig.
func logsOf(p project, uuid string) cloudWatchLogs {
	logs := cloudWatchLogs{Status: "ENABLED"}
	if p.LogsConfig.CloudWatchLogs != nil {
		logs = *p.LogsConfig.CloudWatchLogs
	}
	logs.Status = cmp.Or(logs.Status, "ENABLED")
	logs.GroupName = cmp.Or(logs.GroupName, "/aws/codebuild/"+p.Name)
	if logs.StreamName != "" {
		uuid = logs.StreamName + "/" + uuid
	}
	logs.StreamName = uuid
	return logs
}

// override replaces variables by name and adds new ones.
func override(vars, with []variable) []variable {
	out := slices.Clone(vars)
	for _, v := range with {
		if i := slices.IndexFunc(out, func(o variable) bool { return o.Name == v.Name }); i >= 0 {
			out[i] = v
		} else {
			out = append(out, v)
		}
	}
	return out
}

// start runs a build, when its project and the queue have room for it.
func (r *Room) start(b build) (any, error) {
	arn := b.place().project(b.Project)
	p, found, err := r.projects.Get(arn)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errNoProject(arn)
	}
	if limit := int(p.ConcurrentBuildLimit); limit > 0 && r.running(arn) >= limit {
		return nil, protocol.Errorf("AccountLimitExceededException",
			"Cannot have more than %d active builds for the project", limit)
	}
	ticket, err := r.queue.join(b.Place.Account+"/"+b.Place.Region, r.Switches.BuildSlots)
	if err != nil {
		return nil, err
	}
	answer, err := r.enqueue(b, ticket)
	if err != nil {
		ticket.leave()
	}
	return answer, err
}

// enqueue gives a build with a place in the queue its number, and runs it.
func (r *Room) enqueue(b build, ticket *ticket) (any, error) {
	arn := b.place().project(b.Project)
	err := r.projects.Update(arn, func(p project, found bool) (project, error) {
		if !found {
			return p, errNoProject(arn) // deleted a moment ago
		}
		p.LastBuild++
		b.Number = p.LastBuild
		return p, nil
	})
	if err != nil {
		return nil, err
	}
	now := r.Clock.Now()
	b.enter(phaseSubmitted, b.Start)
	b.leave(statusSucceeded, "", "", now)
	b.enter(phaseQueued, now)
	if err := r.builds.Put(b.ID, b); err != nil {
		return nil, err
	}
	return map[string]any{"build": b.describe()}, r.launch(newLife(r, b, ticket))
}
