package handler

import (
	"time"

	"github.com/tokendocker/tokendocker/internal/contract"
)

// Times of the handler. A custom resource has one hour; all of it is dealt out here.
const (
	answerRoom = time.Minute // between the deadline and the moment at which CloudFormation gives up
	endRoom    = time.Minute // between the end of the build's task and the deadline: log, answer, retries

	minBuild = contract.MinBuildMinutes * time.Minute

	// propagation is how long a refused permission may be one that has not spread yet: IAM is eventually
	// consistent (IAM User Guide, "Troubleshoot IAM", "Changes that I make are not always immediately visible")
	// and CloudFormation does not wait for it.
	propagation = 3 * time.Minute

	stopping = 2 * time.Minute // how long an update or a deletion waits for what it has stopped

	stopPause    = 5 * time.Second
	troublePause = 10 * time.Second
	retryPause   = 15 * time.Second
	slotPause    = 20 * time.Second
)

// clock is the time of one step, all of it Step Functions'.
type clock struct{ now, started, deadline time.Time }

// newClock computes the deadline: CloudFormation's patience began when it sent the request, which the execution
// learns as the seconds by which it started late.
func newClock(e stepEvent, service time.Duration) clock {
	late := time.Duration(e.state.Late) * time.Second
	return clock{now: e.now, started: e.started, deadline: e.started.Add(service - answerRoom - late)}
}

// left is the time until the answer must be given.
func (c clock) left() time.Duration { return c.deadline.Sub(c.now) }

// spreading says whether a refused permission may still be one that has not spread yet.
func (c clock) spreading() bool { return c.now.Sub(c.started) < propagation }

// lateness is the age of a request in whole seconds. The first half minute counts as none, so that a request that
// is delivered twice gives one and the same execution input.
func lateness(now, sent time.Time) int {
	if sent.IsZero() || now.Sub(sent) < 30*time.Second {
		return 0
	}
	return int(now.Sub(sent) / time.Second)
}

// budget deals out the time that is left for a build, in the whole minutes that CodeBuild counts in (StartBuild:
// both time-outs are at least five minutes). Most builds end long before their time-out, so one may wait in the queue
// for as long as the shortest build fits behind it; the task's time-out holds for both together. ok is false where no
// build fits any more.
func (c clock) budget(wanted int) (seconds, build, queue int, ok bool) {
	left := c.left() - endRoom
	if left < minBuild {
		return 0, 0, 0, false
	}
	minutes := int(left / time.Minute)
	queue = max(contract.MinBuildMinutes, minutes-contract.MinBuildMinutes)
	return int(left / time.Second), min(wanted, minutes), queue, true
}
