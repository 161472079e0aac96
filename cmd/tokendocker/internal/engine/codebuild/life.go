package codebuild

import (
	"context"
	"errors"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/codebuild/buildspec"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// cleanUp is how long, in real time, the end of a build may take: last log lines, records, container.
const cleanUp = time.Minute

// life is one build on its way from QUEUED to COMPLETED. Its goroutine alone changes it.
type life struct {
	room       *Room
	projectARN string
	cause      session.Cause
	build      build
	ticket     *ticket
	done       chan struct{} // closed when the record is final

	ctx    context.Context // ends when the build is stopped
	cancel context.CancelCauseFunc

	role      *session.Session // CodeBuild's own, for what it does itself
	lent      lent
	log       *stream
	container Container
	spec      *buildspec.Spec
	shell     *shell
	failing   bool // a command has failed
}

func newLife(r *Room, b build, t *ticket) *life {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &life{
		room: r, projectARN: b.place().project(b.Project), cause: b.Cause, build: b, ticket: t, done: make(chan struct{}),
		ctx: ctx, cancel: cancel, log: &stream{},
	}
}

// failure is what makes a phase FAILED, rather than the build a FAULT.
type failure struct{ code, message string }

func (f *failure) Error() string { return f.code + ": " + f.message }

// run takes the build to its end.
func (l *life) run() {
	defer l.room.finished(l)
	defer l.cancel(nil)
	defer l.ticket.leave()
	l.tellState()
	status := l.queued()
	if status == statusSucceeded {
		status = l.work()
	}
	now := l.room.Clock.Now()
	l.build.enter(phaseCompleted, now)
	l.build.Status, l.build.End = status, now
	l.save()
	l.tellState()
}

func (l *life) queued() string {
	ctx, cancel := l.room.Clock.WithTimeout(l.ctx, minutes(l.build.QueuedTimeout))
	defer cancel()
	return l.leave(ctx, l.ticket.wait(ctx))
}

func minutes(n number) time.Duration { return time.Duration(n) * time.Minute }

// work runs everything after the queue and returns the build's status.
func (l *life) work() string {
	ctx, cancel := l.room.Clock.WithTimeout(l.ctx, minutes(l.build.Timeout))
	defer cancel()
	defer l.finalize() // also what a failed PROVISIONING has begun
	if s := l.phase(ctx, phaseProvision, l.provision); s != statusSucceeded {
		return s
	}
	status := l.phase(ctx, phaseDownload, l.download)
	if status == statusSucceeded {
		status = l.steps(ctx)
	}
	return status
}

// steps runs the buildspec's phases.
//
// INSTALL or PRE_BUILD that fails ends the build; BUILD that fails is followed by POST_BUILD; artifacts are always tried
// once BUILD ran. on-failure changes that.
// Source: AWS CodeBuild User Guide, "Build phase transitions" and buildspec reference, "on-failure".
func (l *life) steps(ctx context.Context) string {
	result := statusSucceeded
	for _, p := range buildspec.Phases() {
		step := l.spec.Steps[p]
		status := l.phase(ctx, string(p), func(ctx context.Context) error { return l.step(ctx, p, step) })
		switch status {
		case statusSucceeded:
			continue
		case statusFailed:
			result = statusFailed
		default:
			return status
		}
		if step.OnFailure == buildspec.Continue || p == buildspec.Build && step.OnFailure == buildspec.Transition {
			continue
		}
		if p == buildspec.Install || p == buildspec.PreBuild {
			return result
		}
		break
	}
	if s := l.phase(ctx, phaseUpload, l.upload); s != statusSucceeded {
		return s
	}
	return result
}

// step runs the commands of one phase, and then those of its finally block whatever happened.
func (l *life) step(ctx context.Context, p buildspec.Phase, step buildspec.Step) error {
	l.note("Entering phase %s", p)
	err := l.commands(ctx, step.Commands)
	var failed *failure
	if err == nil || errors.As(err, &failed) {
		err = errors.Join(err, l.commands(ctx, step.Finally))
	}
	return err
}

func (l *life) commands(ctx context.Context, list []string) error {
	for _, command := range list {
		l.note("Running command %s", command)
		code, err := l.shell.run(ctx, command, !l.failing)
		l.log.endLine()
		if err != nil {
			return err
		}
		if code != 0 {
			l.failing = true
			l.note("Command did not exit successfully %s exit status %d", command, code)
			return fail("COMMAND_EXECUTION_ERROR", "Error while executing command: %s. Reason: exit status %d", command, code)
		}
	}
	return nil
}

// phase runs one phase and returns its status. A build that was stopped or ran out of time before it enters none.
func (l *life) phase(ctx context.Context, name string, run func(context.Context) error) string {
	l.build.enter(name, l.room.Clock.Now())
	l.save()
	err := context.Cause(ctx)
	if err == nil {
		err = run(ctx)
	}
	return l.leave(ctx, err)
}

// leave ends the present phase by what its work returned.
func (l *life) leave(ctx context.Context, err error) string {
	status, code, message := verdict(ctx, err)
	if status == statusFault {
		l.room.Log.Error("build fault", "build", l.build.ID, "error", err)
	}
	p := l.build.Phases[len(l.build.Phases)-1].Type
	l.build.leave(status, code, message, l.room.Clock.Now())
	if p != phaseProvision && p != phaseQueued {
		l.note("Phase complete: %s State: %s", p, status)
		l.note("Phase context status code: %s Message: %s", code, message)
	}
	l.save()
	l.tellPhase()
	return status
}

// verdict says what the end of a phase's work means.
func verdict(ctx context.Context, err error) (status, code, message string) {
	var failed *failure
	cause := context.Cause(ctx)
	switch {
	case err == nil:
		return statusSucceeded, "", ""
	case errors.Is(cause, errStopped), errors.Is(cause, errClosed):
		return statusStopped, "", ""
	case cause != nil:
		return statusTimedOut, "BUILD_TIMED_OUT", "Build has timed out. "
	case errors.As(err, &failed):
		return statusFailed, failed.code, failed.message
	case errors.Is(err, sandbox.ErrGone):
		return statusFault, codeInternal, "The build container was lost"
	}
	return statusFault, codeInternal, err.Error()
}

// provision assumes the role, enters the network and opens the log as the role, and starts the container.
func (l *life) provision(ctx context.Context) error {
	var err error
	if l.role, err = l.assume(ctx); err != nil {
		return fail(codeAccessDenied, "CodeBuild is not authorized to perform: sts:AssumeRole on %s", l.build.Role)
	}
	l.lend(l.role)
	if err := l.join(ctx); err != nil {
		return err
	}
	if err := l.openLog(ctx); err != nil {
		return err
	}
	l.container, err = l.room.NewContainer(ctx, sandbox.ContainerSpec{
		Name: l.build.uuid(), Docker: bool(l.build.Environment.PrivilegedMode),
	})
	return err
}

// assume assumes the build's role.
func (l *life) assume(ctx context.Context) (*session.Session, error) {
	cause := l.build.Cause
	cause.Build = l.build.ID
	return l.room.Roles.AssumeAsService(ctx, l.build.Role, service, "AWSCodeBuild-"+l.build.uuid(), cause)
}

// finalize collects what the build leaves and removes its container, whatever became of it.
func (l *life) finalize() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), cleanUp)
	defer cancel()
	l.build.enter(phaseFinalizing, l.room.Clock.Now())
	l.save()
	if l.shell != nil && l.spec != nil && context.Cause(l.ctx) == nil {
		l.build.Exported = l.shell.exported(ctx, l.spec.Exported)
	}
	if l.container != nil {
		l.count(ctx)
		if l.shell != nil {
			l.shell.sweep(ctx)
		}
		if err := l.container.Remove(ctx); err != nil {
			l.room.Log.Error("build container stays", "build", l.build.ID, "error", err)
		}
	}
	l.takeBack()
	l.build.leave(statusSucceeded, "", "", l.room.Clock.Now())
	l.tellPhase()
	l.log.close()
	l.depart(ctx)
}

// count takes over the container's records of image builds.
func (l *life) count(ctx context.Context) {
	runs, err := l.container.Buildx(ctx)
	if err != nil {
		l.room.Log.Warn("no record of image builds", "build", l.build.ID, "error", err)
		return
	}
	for _, run := range runs {
		end := run.End
		if end.IsZero() {
			end = time.Now()
		}
		l.build.BuildxSeconds += end.Sub(run.Start).Seconds()
		l.build.BuildxRuns++
	}
}

func (l *life) save() {
	if err := l.room.builds.Put(l.build.ID, l.build); err != nil {
		l.room.Log.Error("build record is not kept", "build", l.build.ID, "error", err)
	}
}
