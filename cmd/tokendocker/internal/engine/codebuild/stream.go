package codebuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Limits of one PutLogEvents (CloudWatch Logs API Reference, PutLogEvents), and how often one is made in real time.
const (
	maxBatchBytes  = 1_048_576
	eventOverhead  = 26
	maxBatchEvents = 10_000
	maxEventBytes  = 200_000
	flushEvery     = 200 * time.Millisecond
)

// stream is a build's log: an io.Writer whose lines go to CloudWatch Logs in order, in batches. The zero value throws
// everything away. It is safe for concurrent use.
type stream struct {
	put  func(events []event) error // nil throws away
	now  func() time.Time
	mask *strings.Replacer // hides secret values; nil hides nothing

	mu      sync.Mutex
	partial []byte
	pending []event
	stop    chan struct{}
	stopped chan struct{}
}

type event struct {
	Timestamp int64  `json:"timestamp"` // simulated, milliseconds since 1970
	Message   string `json:"message"`
}

// open begins to send events in the background.
func (s *stream) open(put func([]event) error, now func() time.Time) {
	s.put, s.now = put, now
	s.stop, s.stopped = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(s.stopped)
		t := time.NewTicker(flushEvery)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				s.flush()
			case <-s.stop:
				s.flush()
				return
			}
		}
	}()
}

// minSecret is the shortest value that is hidden: a shorter one stands everywhere by chance.
const minSecret = 3

// hide replaces these values by *** in what is written from now on, and the lines of those that have several.
func (s *stream) hide(values []string) {
	var pairs []string
	for _, v := range values {
		for _, part := range append([]string{v}, strings.Split(v, "\n")...) {
			pairs = append(pairs, strings.TrimRight(part, "\r"))
		}
	}
	pairs = slices.DeleteFunc(pairs, func(p string) bool { return len(p) < minSecret })
	slices.SortFunc(pairs, func(a, b string) int { return len(b) - len(a) }) // the longest wins
	var args []string
	for _, p := range slices.Compact(pairs) {
		args = append(args, p, "***")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mask = strings.NewReplacer(args...)
}

// Write takes output of a command; each line becomes an event.
func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partial = append(s.partial, p...)
	for {
		i := bytes.IndexByte(s.partial, '\n')
		if i < 0 && len(s.partial) < maxEventBytes {
			return len(p), nil
		}
		if i < 0 || i >= maxEventBytes {
			i = maxEventBytes - 1
		}
		s.add(string(s.partial[:i+1]))
		s.partial = s.partial[i+1:]
	}
}

// endLine makes an event of a line that has no end yet.
func (s *stream) endLine() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.partial) > 0 {
		s.add(string(s.partial) + "\n")
		s.partial = nil
	}
}

// add takes one event. The caller holds the lock.
func (s *stream) add(message string) {
	if s.put == nil {
		return
	}
	if s.mask != nil {
		message = s.mask.Replace(message)
	}
	s.pending = append(s.pending, event{Timestamp: s.now().UnixMilli(), Message: strings.ToValidUTF8(message, "\uFFFD")})
}

// flush sends what is there, in as many batches as it takes.
func (s *stream) flush() {
	s.mu.Lock()
	events := s.pending
	s.pending = nil
	s.mu.Unlock()
	for len(events) > 0 {
		n, size := 0, 0
		for n < len(events) && n < maxBatchEvents {
			size += len(events[n].Message) + eventOverhead
			if size > maxBatchBytes {
				break
			}
			n++
		}
		if err := s.put(events[:n]); err != nil {
			return // whoever may not write gets no log, as on AWS
		}
		events = events[n:]
	}
}

// close sends the rest and ends the background work.
func (s *stream) close() {
	if s.stop == nil {
		return
	}
	s.endLine()
	close(s.stop)
	<-s.stopped
	s.stop = nil
}

// note writes one of CodeBuild's own lines to the build's log.
func (l *life) note(format string, args ...any) {
	l.log.endLine()
	stamp := l.room.Clock.Now().UTC().Format("2006/01/02 15:04:05.000000")
	fmt.Fprintf(l.log, "[Container] %s %s\n", stamp, fmt.Sprintf(format, args...))
}

// openLog makes the build's log stream as its role, and the group where it is missing.
func (l *life) openLog(ctx context.Context) error {
	if l.build.Logs.Status == "DISABLED" {
		return nil
	}
	group, name := l.build.Logs.GroupName, l.build.Logs.StreamName
	err := l.callLogs(ctx, "CreateLogStream", map[string]any{"logGroupName": group, "logStreamName": name})
	if protocol.HasCode(err, "ResourceNotFoundException") {
		err = l.callLogs(ctx, "CreateLogGroup", map[string]any{"logGroupName": group})
		if err == nil || protocol.HasCode(err, "ResourceAlreadyExistsException") {
			err = l.callLogs(ctx, "CreateLogStream", map[string]any{"logGroupName": group, "logStreamName": name})
		}
	}
	if e, ok := errors.AsType[*protocol.Error](err); ok {
		return fail(codeAccessDenied, "Service role %s does not allow AWS CodeBuild to create Amazon CloudWatch Logs log streams for build %s. Error message: %s",
			l.build.Role, l.build.arn(), e.Message)
	}
	if err != nil {
		return err
	}
	l.log.open(func(events []event) error {
		if err := l.reach(codeClient, "logs", "logs", ""); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
		defer cancel()
		return l.callLogs(ctx, "PutLogEvents", map[string]any{"logGroupName": group, "logStreamName": name, "logEvents": events})
	}, l.room.Clock.Now)
	l.note("Running on CodeBuild On-demand")
	l.note("Waiting for agent ping")
	return nil
}

func (l *life) callLogs(ctx context.Context, operation string, in any) error {
	return l.room.Caller.Call(ctx, l.role, l.build.Place.Region, "logs", operation, in, nil)
}
