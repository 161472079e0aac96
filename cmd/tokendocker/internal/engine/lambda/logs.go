package lambda

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

const (
	logPause    = 20 * time.Millisecond // real time in which lines gather into one PutLogEvents call
	logLine     = 256 << 10             // longest event (Amazon CloudWatch Logs User Guide, "CloudWatch Logs quotas")
	logBatch    = 1000                  // events per call; the quota is 10,000 and 1 MB
	logGoodbye  = 2 * time.Second       // real time for the last lines of an environment that ends
	logSettling = 3 * time.Millisecond  // real time for output that was written just before the answer
)

// logEvent is an event in the shape of PutLogEvents.
type logEvent struct {
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

// logStream sends one environment's output to CloudWatch Logs as the function's own role. If the role may not, the
// lines are silently lost, as on AWS (AWS Lambda Developer Guide, "Sending Lambda function logs to CloudWatch Logs").
type logStream struct {
	room        *Room
	session     *session.Session
	region      string
	group, name string

	wake   chan struct{}
	done   chan struct{}
	output sync.WaitGroup

	mu     sync.Mutex
	lines  []logEvent
	closed bool
	ready  bool // whether the stream exists; used by the sender alone
}

func newLogStream(r *Room, f Function, s *session.Session) *logStream {
	var id [16]byte
	rand.Read(id[:]) //nolint:errcheck // crypto/rand.Read never fails
	l := &logStream{room: r, session: s, region: f.Region, group: f.LogGroup, wake: make(chan struct{}, 1), done: make(chan struct{}),
		name: r.Clock.Now().UTC().Format("2006/01/02/") + "[" + f.Version + "]" + hex.EncodeToString(id[:])}
	go l.send()
	return l
}

// read takes the process's output, line by line, until it ends.
func (l *logStream) read(output *os.File) {
	l.output.Go(func() {
		defer output.Close() //nolint:errcheck // only read
		reader := bufio.NewReaderSize(output, logLine)
		for {
			line, err := reader.ReadSlice('\n')
			if len(line) > 0 {
				l.write(string(line))
			}
			if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				return
			}
		}
	})
}

// write adds one event.
func (l *logStream) write(message string) {
	message = strings.ToValidUTF8(message, "\uFFFD")
	l.mu.Lock()
	l.lines = append(l.lines, logEvent{Timestamp: l.room.Clock.Now().UnixMilli(), Message: message})
	l.mu.Unlock()
	l.poke()
}

func (l *logStream) poke() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// close sends what is left. The process must be dead.
func (l *logStream) close() {
	l.output.Wait()
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.poke()
	<-l.done
}

func (l *logStream) send() {
	defer close(l.done)
	for range l.wake {
		time.Sleep(logPause)
		for {
			l.mu.Lock()
			n := min(len(l.lines), logBatch)
			batch := l.lines[:n:n]
			l.lines = l.lines[n:]
			closed := l.closed
			l.mu.Unlock()
			if n > 0 {
				l.put(batch)
				continue
			}
			if closed {
				return
			}
			break
		}
	}
}

// put sends one batch, making group and stream where they are missing.
func (l *logStream) put(batch []logEvent) {
	ctx, cancel := context.WithTimeout(context.Background(), logGoodbye)
	defer cancel()
	if !l.ready {
		err := l.call(ctx, "CreateLogStream", nil)
		if protocol.HasCode(err, "ResourceNotFoundException") {
			if err = l.call(ctx, "CreateLogGroup", nil); err == nil || protocol.HasCode(err, "ResourceAlreadyExistsException") {
				err = l.call(ctx, "CreateLogStream", nil)
			}
		}
		if err != nil && !protocol.HasCode(err, "ResourceAlreadyExistsException") {
			l.room.Log.Debug("function's log is lost", "group", l.group, "error", err)
			return
		}
		l.ready = true
	}
	if err := l.call(ctx, "PutLogEvents", batch); err != nil {
		l.room.Log.Debug("function's log is lost", "group", l.group, "error", err)
		l.ready = !protocol.HasCode(err, "ResourceNotFoundException")
	}
}

func (l *logStream) call(ctx context.Context, operation string, batch []logEvent) error {
	in := map[string]any{"logGroupName": l.group}
	if operation != "CreateLogGroup" {
		in["logStreamName"] = l.name
	}
	if batch != nil {
		in["logEvents"] = batch
	}
	return l.room.Caller.Call(ctx, l.session, l.region, "logs", operation, in, nil)
}
