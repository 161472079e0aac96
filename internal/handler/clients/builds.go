package clients

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"

	"github.com/tokendocker/tokendocker/internal/handler"
)

// Builds is CodeBuild.
type Builds struct{ Client *codebuild.Client }

// Recent implements handler.Builds.
func (b Builds) Recent(ctx context.Context, project string) ([]handler.Build, error) {
	list, err := b.Client.ListBuildsForProject(ctx, &codebuild.ListBuildsForProjectInput{
		ProjectName: &project, SortOrder: types.SortOrderTypeDescending,
	})
	switch {
	case is(err, "ResourceNotFoundException"):
		return nil, nil
	case err != nil:
		return nil, problem("list the builds of project", project, err)
	case len(list.Ids) == 0:
		return nil, nil
	}
	ids := list.Ids[:min(100, len(list.Ids))] // as many as BatchGetBuilds takes
	out, err := b.Client.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: ids})
	if err != nil {
		return nil, problem("look at the builds of project", project, err)
	}
	builds := make([]handler.Build, 0, len(out.Builds))
	for _, build := range out.Builds {
		builds = append(builds, convert(build))
	}
	place := func(b handler.Build) int { return slices.Index(ids, b.ID) }
	slices.SortStableFunc(builds, func(a, b handler.Build) int { return place(a) - place(b) })
	return builds, nil
}

// Stop implements handler.Builds.
func (b Builds) Stop(ctx context.Context, id string) error {
	_, err := b.Client.StopBuild(ctx, &codebuild.StopBuildInput{Id: &id})
	if err == nil || is(err, "ResourceNotFoundException") {
		return nil
	}
	return problem("stop build", id, err)
}

func convert(b types.Build) handler.Build {
	build := handler.Build{
		ID:      aws.ToString(b.Id),
		Status:  string(b.BuildStatus),
		Phase:   aws.ToString(b.CurrentPhase),
		Role:    aws.ToString(b.ServiceRole),
		Minutes: int(aws.ToInt32(b.TimeoutInMinutes)),
	}
	if b.Logs != nil {
		build.LogGroup, build.LogStream = aws.ToString(b.Logs.GroupName), aws.ToString(b.Logs.StreamName)
	}
	for _, p := range b.Phases {
		phase := handler.Phase{Type: string(p.PhaseType), Status: string(p.PhaseStatus), Seconds: int(aws.ToInt64(p.DurationInSeconds))}
		if len(p.Contexts) > 0 {
			phase.Code, phase.Message = aws.ToString(p.Contexts[0].StatusCode), aws.ToString(p.Contexts[0].Message)
		}
		build.Phases = append(build.Phases, phase)
	}
	return build
}
