package handler

import "context"

// inProgress is the status of a build that has not ended.
const inProgress = "IN_PROGRESS"

// building returns the builds of the request's project that have not ended. The newest hundred are enough: a
// builder has one build at a time, and whatever started more of them did so just now.
func (h *Handler) building(ctx context.Context, r request) ([]Build, error) {
	project := r.project()
	if project == "" {
		return nil, nil
	}
	recent, err := h.Builds.Recent(ctx, project)
	if err != nil {
		return nil, err
	}
	var running []Build
	for _, b := range recent {
		if b.Status == inProgress {
			running = append(running, b)
		}
	}
	return running, nil
}

// stopOthers ends what earlier requests started, and says whether nothing of it runs any more. Executions go first,
// or they would start the next build. A build takes its time to stop, and one that an execution was just about to
// start shows itself late, so only a look that finds nothing at all counts.
func (h *Handler) stopOthers(ctx context.Context, r request, own string) (clear bool, err error) {
	executions, err := h.Machine.Running(ctx, r.prefix())
	if err != nil {
		return false, err
	}
	clear = true
	for _, e := range executions {
		if e.ARN == own {
			continue
		}
		clear = false
		h.Log.Info("stop", "execution", e.Name)
		if err := h.Machine.Stop(ctx, e.ARN); err != nil {
			return false, err
		}
	}
	builds, err := h.stopBuilds(ctx, r)
	return clear && builds == 0, err
}

// stopBuilds stops the project's builds and returns how many had not ended.
func (h *Handler) stopBuilds(ctx context.Context, r request) (int, error) {
	builds, err := h.building(ctx, r)
	if err != nil {
		return 0, err
	}
	for _, b := range builds {
		h.Log.Info("stop", "build", b.ID)
		if err := h.Builds.Stop(ctx, b.ID); err != nil {
			return 0, err
		}
	}
	return len(builds), nil
}
