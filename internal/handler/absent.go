package handler

import (
	"context"
	"strings"
	"time"
)

// Names of errors as Step Functions gives them: the service's name, a dot, and the exception of its API.
const (
	limitError    = "CodeBuild.AccountLimitExceededException"
	notFoundError = "CodeBuild.ResourceNotFoundException"
	timeoutError  = "States.Timeout"
	failedError   = "States.TaskFailed" // the build was started and did not succeed
)

// absent decides what follows a build that left no image.
func (h *Handler) absent(ctx context.Context, s *State, b builder, c clock) (Move, error) {
	o := s.Outcome
	if o.ID == "" && o.Error != timeoutError && o.Error != failedError {
		return h.notStarted(ctx, s, b, c)
	}
	s.Refused = time.Time{}
	build, ok, err := h.outcome(ctx, s, b)
	if err != nil {
		return Move{}, err
	}
	if !ok {
		return answered(), h.fail(ctx, s.Request, lost(b, o))
	}
	if build.Status == inProgress { // the task's time was over, not the build's
		if _, err := h.stopBuilds(ctx, s.Request); err != nil {
			return Move{}, err
		}
	}
	if phase, early := build.accessError(); early && !phase.noSource() && c.spreading() {
		h.Log.Info("access refused, perhaps not spread yet", "build", build.ID, "phase", phase.Type)
		s.Outcome = nil
		return s.wait(retryPause), nil
	}
	return answered(), h.fail(ctx, s.Request, h.explain(ctx, s.Request, b, build))
}

// notStarted decides about a build that CodeBuild did not take. For a free slot it waits as long as a build still
// fits. Anything else may be a role or a permission that has not spread yet, which CodeBuild reports in more than
// one way, or one call too many, so it is tried again for as long as that can take; only a missing project is final.
func (h *Handler) notStarted(ctx context.Context, s *State, b builder, c clock) (Move, error) {
	o := s.Outcome
	s.Busy = o.Error == limitError
	if s.Refused.IsZero() {
		s.Refused = c.now
	}
	switch {
	case s.Busy:
		s.Outcome, s.Refused = nil, time.Time{}
		if _, _, _, ok := c.budget(b.minutes); !ok {
			return answered(), h.fail(ctx, s.Request, noTime(s, b))
		}
		return s.wait(slotPause), nil
	case o.Error != notFoundError && c.now.Sub(s.Refused) < propagation:
		h.Log.Info("build not started", "error", o.Error)
		s.Outcome = nil
		return s.wait(retryPause), nil
	}
	return answered(), h.fail(ctx, s.Request, refusedStart(b, o))
}

// outcome finds the build: by its id, or, where nobody told the id, as the newest.
func (h *Handler) outcome(ctx context.Context, s *State, b builder) (Build, bool, error) {
	recent, err := h.Builds.Recent(ctx, b.Project)
	if err != nil {
		return Build{}, false, err
	}
	for _, build := range recent {
		if build.ID == s.Outcome.ID || s.Outcome.ID == "" {
			return build, true, nil
		}
	}
	return Build{}, false, nil
}

// failed is the phase that ended a build; the zero Phase where none did.
func (b Build) failed() Phase {
	for _, p := range b.Phases {
		if p.Status != "" && p.Status != "SUCCEEDED" {
			return p
		}
	}
	return Phase{}
}

// accessError says whether the build ended before its own commands for want of a permission.
func (b Build) accessError() (Phase, bool) {
	p := b.failed()
	if !p.early() {
		return p, false
	}
	for _, sign := range []string{"ACCESS_DENIED", "AccessDenied", "Access Denied", "not authorized to perform", "does not allow", "UnauthorizedOperation"} {
		if strings.Contains(p.Code+" "+p.Message, sign) {
			return p, true
		}
	}
	return p, false
}

// noSource says whether the build context is not in S3 any more. S3 says so only to those who may list the bucket, which
// a build may not; of them it asks for that permission, once they may read the object (Amazon S3 API Reference,
// "GetObject", Permissions).
func (p Phase) noSource() bool {
	return p.Type == "DOWNLOAD_SOURCE" && (strings.Contains(p.Message, "NoSuchKey") || strings.Contains(p.Message, "s3:ListBucket"))
}

// early says whether the phase comes before the build's own commands (CodeBuild User Guide, "Build phase
// transitions").
func (p Phase) early() bool {
	switch p.Type {
	case "SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE":
		return true
	}
	return false
}
