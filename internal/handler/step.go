package handler

import (
	"context"
	"errors"
	"time"

	"github.com/tokendocker/tokendocker/internal/buildspec"
	"github.com/tokendocker/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/internal/image"
	"github.com/tokendocker/tokendocker/internal/machine"
)

// step answers the machine's question. An error is returned only when CloudFormation could not be answered; the
// machine then asks again.
func (h *Handler) step(ctx context.Context, e stepEvent) (m Move, err error) {
	r := e.state.Request
	defer func() {
		if p := recover(); p != nil {
			m, err = answered(), h.fail(ctx, r, h.panicked(p))
		}
	}()
	h.Log.Info("step", "type", r.Type, "stack", r.StackID, "resource", r.LogicalID, "execution", e.execution)
	b, c, err := plan(e)
	if err == nil {
		m, err = h.next(ctx, e, b, c)
	}
	var silent *unanswered
	switch {
	case errors.As(err, &silent):
		return Move{}, err
	case err != nil:
		return h.trouble(ctx, e.state, c, err)
	}
	if m.State != nil {
		m.State.Trouble = time.Time{}
	}
	h.Log.Info("next", "next", m.Next, "left", c.left().String())
	return m, nil
}

// plan decodes the request and computes its deadline. A deletion needs neither.
func plan(e stepEvent) (builder, clock, error) {
	if e.state.Request.Type == deleteRequest {
		return builder{}, newClock(e, time.Hour), nil
	}
	b, err := e.state.Request.builder()
	return b, newClock(e, b.service), err
}

// next is the way of a request through the machine: nothing of earlier requests may run and the image's replicas must
// have a rule, then ECR decides, and where the image is not there the last build tells why, or the next one begins.
func (h *Handler) next(ctx context.Context, e stepEvent, b builder, c clock) (Move, error) {
	s := e.state
	if wait, err := h.clearWay(ctx, e, c); err != nil || wait {
		return s.wait(stopPause), err
	}
	if s.Request.Type == deleteRequest {
		return answered(), h.succeed(ctx, s.Request, nil)
	}
	switch pause, err := h.makeRule(ctx, s.Request, b, c.now); {
	case err != nil:
		return Move{}, err
	case pause > 0 && c.left() < endRoom+pause:
		return answered(), h.fail(ctx, s.Request, noRule(b))
	case pause > 0:
		return s.wait(pause), nil
	}
	image, err := h.look(ctx, b)
	switch {
	case err != nil:
		return Move{}, err
	case image.accepted():
		if err := h.letLambdaPull(ctx, s.Request, b); err != nil {
			return Move{}, err
		}
		return answered(), h.succeed(ctx, s.Request, image.answer(b))
	case image.replicating():
		return h.awaitReplicas(ctx, s, b, c, image)
	case image.there:
		if err := h.Registry.Delete(ctx, b.Repository.Name, b.tag); err != nil {
			return Move{}, err
		}
		if s.Outcome != nil {
			return answered(), h.fail(ctx, s.Request, refusal(b, image))
		}
	case s.Outcome != nil:
		return h.absent(ctx, s, b, c)
	}
	return h.build(ctx, s, b, c)
}

// clearWay stops what earlier requests started, and says whether the machine must wait for its end.
func (h *Handler) clearWay(ctx context.Context, e stepEvent, c clock) (bool, error) {
	s := e.state
	if s.Clear {
		return false, nil
	}
	clear, err := h.stopOthers(ctx, s.Request, e.execution)
	if err != nil {
		return false, err
	}
	if s.Stopping.IsZero() {
		s.Stopping = c.now
	}
	s.Clear = clear || c.now.Sub(s.Stopping) >= stopping
	return !s.Clear, nil
}

// retainedDays is how long the log of a build is kept in a group that outlives its stack.
const retainedDays = 7

// build decides on the next build, as long as the time that is left allows one.
func (h *Handler) build(ctx context.Context, s *State, b builder, c clock) (Move, error) {
	seconds, minutes, queue, ok := c.budget(b.minutes)
	if !ok {
		return answered(), h.fail(ctx, s.Request, noTime(s, b))
	}
	recipe, err := buildspec.Write(buildspec.Build{Request: b.Request, Tag: image.Tag(b.tag)})
	if err != nil {
		return Move{}, invalid("write the build's recipe", s.Request.LogicalID, err)
	}
	if b.RetainLogs == "true" {
		if err := h.Logs.Make(ctx, b.LogGroup, retainedDays); err != nil {
			return Move{}, err
		}
	}
	s.Outcome = nil
	return Move{
		Next: machine.NextBuild, State: s, StepSeconds: machine.StepSeconds, BuildSeconds: seconds,
		Build: &Run{
			ProjectName: b.Project, BuildspecOverride: recipe,
			TimeoutInMinutesOverride: minutes, QueuedTimeoutInMinutesOverride: queue,
		},
	}, nil
}

// trouble deals with what AWS did not let the handler do: it asks again for as long as a permission may take to
// spread, which is long enough for throttling and outages too, and then gives up.
func (h *Handler) trouble(ctx context.Context, s *State, c clock, err error) (Move, error) {
	if s.Trouble.IsZero() {
		s.Trouble = c.now
	}
	over := c.now.Sub(s.Trouble) >= propagation || c.left() < endRoom
	if permanent(err) || fault.KindOf(err) == fault.NotFound || over {
		return answered(), h.fail(ctx, s.Request, describe(err))
	}
	h.Log.Warn("tried again later", "error", err.Error())
	return s.wait(troublePause), nil
}
