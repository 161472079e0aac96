package codebuild

import (
	"context"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

const maxBatch = 100 // CodeBuild API Reference, BatchGetBuilds and BatchGetProjects

// get returns the build of the call's account and region with this id or ARN, and whether there is one.
func (r *Room) get(call *protocol.Call, name string) (build, bool, error) {
	b, found, err := r.builds.Get(buildID(name))
	return b, found && b.place() == where(call), err
}

func errNoBuild(call *protocol.Call, id string) error {
	return protocol.Errorf("ResourceNotFoundException", "Build cannot be found: %s", where(call).build(buildID(id)))
}

// stopBuild ends a build and answers when it has ended, so that the answer's status is final: STOPPED, or whatever it
// was when the build was complete before.
func (r *Room) stopBuild(ctx context.Context, call *protocol.Call, in target) (any, error) {
	b, found, err := r.get(call, in.ID)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errNoBuild(call, in.ID)
	}
	if l := r.find(b.ID); l != nil {
		l.cancel(errStopped)
		select {
		case <-l.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if b, _, err = r.builds.Get(b.ID); err != nil {
		return nil, err
	}
	return map[string]any{"build": b.describe()}, nil
}

// retryBuild starts a build again as it was, and answers a repeated request with the build that is there.
// Source: CodeBuild API Reference, RetryBuild.
func (r *Room) retryBuild(_ context.Context, call *protocol.Call, in target) (any, error) {
	old, found, err := r.get(call, in.ID)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, errNoBuild(call, in.ID)
	}
	if old.Status == statusInProgress {
		return nil, invalid("Build %s is still in progress", old.ID)
	}
	r.starts.Lock()
	defer r.starts.Unlock()
	again := "retry of " + old.ID // no hash of a StartBuild looks like that
	if earlier, err := r.byToken(old.Project, where(call), in.Token, again); err != nil || earlier != nil {
		return earlier, err
	}
	p := project{Name: old.Project, LogsConfig: logsConfig{CloudWatchLogs: &cloudWatchLogs{
		Status: old.Logs.Status, GroupName: old.Logs.GroupName,
		StreamName: strings.TrimSuffix(strings.TrimSuffix(old.Logs.StreamName, old.uuid()), "/"),
	}}}
	b := build{
		ID: old.Project + ":" + protocol.NewID(), Project: old.Project, Place: old.Place, Status: statusInProgress,
		Start: r.Clock.Now(), Role: old.Role, Source: old.Source, SourceVersion: old.SourceVersion,
		SecondarySources: old.SecondarySources, SecondaryVersions: old.SecondaryVersions,
		Artifacts: old.Artifacts, SecondaryArtifacts: old.SecondaryArtifacts, Cache: old.Cache,
		Environment: old.Environment, Timeout: old.Timeout, QueuedTimeout: old.QueuedTimeout,
		EncryptionKey: old.EncryptionKey, VPC: old.VPC, Initiator: initiator(call.Session), Cause: call.Session.Cause(),
	}
	b.Logs, b.Token, b.InputHash = logsOf(p, b.uuid()), in.Token, again
	return r.start(b)
}

func (r *Room) batchGetBuilds(_ context.Context, call *protocol.Call, in target) (any, error) {
	if len(in.IDs) == 0 || len(in.IDs) > maxBatch {
		return nil, invalid("ids must have 1 to %d entries", maxBatch)
	}
	builds, missing := []map[string]any{}, []string{}
	for _, id := range in.IDs {
		b, found, err := r.get(call, id)
		if err != nil {
			return nil, err
		}
		if !found {
			missing = append(missing, id)
			continue
		}
		builds = append(builds, b.describe())
	}
	return map[string]any{"builds": builds, "buildsNotFound": missing}, nil
}

type listInput struct {
	ProjectName string `json:"projectName"`
	SortOrder   string `json:"sortOrder"` // DESCENDING, the default: newest first
	NextToken   string `json:"nextToken"`
}

func (r *Room) listBuilds(_ context.Context, call *protocol.Call, in listInput) (any, error) {
	return r.list(in, func(b build) bool { return b.place() == where(call) })
}

func (r *Room) listBuildsForProject(_ context.Context, call *protocol.Call, in listInput) (any, error) {
	arn := where(call).project(in.ProjectName)
	_, found, err := r.projects.Get(arn)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, protocol.Errorf("ResourceNotFoundException", "The provided project %s does not exist", arn)
	}
	return r.list(in, func(b build) bool { return b.place() == where(call) && b.Project == in.ProjectName })
}

func (r *Room) list(in listInput, keep func(build) bool) (any, error) {
	ids := []string{}
	for _, b := range r.all(keep) {
		ids = append(ids, b.ID)
	}
	if in.SortOrder != "ASCENDING" {
		slices.Reverse(ids)
	}
	part, next, err := page(ids, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"ids": part}
	if next != "" {
		out["nextToken"] = next
	}
	return out, nil
}

func (r *Room) batchGetProjects(_ context.Context, call *protocol.Call, in target) (any, error) {
	if len(in.Names) == 0 || len(in.Names) > maxBatch {
		return nil, invalid("names must have 1 to %d entries", maxBatch)
	}
	projects, missing := []map[string]any{}, []string{}
	for _, name := range in.Names {
		p, found, err := r.projects.Get(where(call).project(name))
		if err != nil {
			return nil, err
		}
		if !found {
			missing = append(missing, name)
			continue
		}
		described, err := p.describe()
		if err != nil {
			return nil, err
		}
		projects = append(projects, described)
	}
	return map[string]any{"projects": projects, "projectsNotFound": missing}, nil
}

func (r *Room) listProjects(_ context.Context, call *protocol.Call, in listInput) (any, error) {
	names := []string{}
	for arn, p := range r.projects.All() {
		if strings.HasPrefix(arn, where(call).project("")) {
			names = append(names, p.Name)
		}
	}
	part, next, err := page(names, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"projects": part}
	if next != "" {
		out["nextToken"] = next
	}
	return out, nil
}
