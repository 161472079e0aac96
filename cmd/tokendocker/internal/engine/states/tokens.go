package states

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states/asl"
)

// maxToken is the length that a task token may have (API Reference, "SendTaskSuccess").
const maxToken = 2048

// waiters are the tasks that wait for their token to come back.
type waiters struct {
	mu    sync.Mutex
	tasks map[string]*waiter
}

// waiter is one of them.
type waiter struct {
	machine string // ARN of the machine, or of the activity whose worker has the token
	answer  chan reply
	beat    chan struct{}
}

// reply is what SendTaskSuccess or SendTaskFailure brings.
type reply struct {
	output  any
	failure *asl.Failure
}

// newToken makes a task token.
func newToken() string {
	raw := make([]byte, 192)
	rand.Read(raw) //nolint:errcheck // crypto/rand.Read never fails
	return base64.StdEncoding.EncodeToString(raw)
}

func (w *waiters) add(token, machine string) *waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tasks == nil {
		w.tasks = map[string]*waiter{}
	}
	task := &waiter{machine: machine, answer: make(chan reply, 1), beat: make(chan struct{}, 1)}
	w.tasks[token] = task
	return task
}

// take returns the task of a token; with end, the token works no more.
func (w *waiters) take(token string, end bool) *waiter {
	w.mu.Lock()
	defer w.mu.Unlock()
	task := w.tasks[token]
	if end {
		delete(w.tasks, token)
	}
	return task
}

// wait waits for a token's answer; each heartbeat gives it the same time again.
func (t *tasks) wait(ctx context.Context, w *waiter, heartbeat time.Duration) (any, error) {
	for {
		patience, heard := ctx, context.CancelFunc(func() {})
		if heartbeat > 0 {
			patience, heard = t.room.Clock.WithTimeout(ctx, heartbeat)
		}
		select {
		case a := <-w.answer:
			heard()
			if a.failure != nil {
				return nil, a.failure
			}
			return a.output, nil
		case <-w.beat:
			heard()
		case <-patience.Done():
			heard()
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			return nil, asl.Fail(asl.ErrorHeartbeat, "")
		}
	}
}

// tokenTask returns the task that a call's token stands for.
// Source: API Reference, "SendTaskSuccess", Errors.
func (r *Room) tokenTask(in input, end bool) (*waiter, error) {
	if in.TaskToken == "" || len(in.TaskToken) > maxToken {
		return nil, protocol.Errorf("InvalidToken", "Invalid Token: 'Invalid token'")
	}
	task := r.waiting.take(in.TaskToken, end)
	if task == nil {
		return nil, protocol.Errorf("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
	}
	return task, nil
}

func (r *Room) sendTaskSuccess(_ context.Context, _ *protocol.Call, in input) (any, error) {
	if len(in.Output) > asl.MaxData {
		return nil, protocol.Errorf("ValidationException", "1 validation error detected: Value at 'output' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", asl.MaxData)
	}
	output, err := asl.Decode([]byte(in.Output))
	if err != nil {
		return nil, protocol.Errorf("InvalidOutput", "Invalid Output: '%v'", err)
	}
	task, err := r.tokenTask(in, true)
	if err != nil {
		return nil, err
	}
	task.answer <- reply{output: output}
	return map[string]any{}, nil
}

func (r *Room) sendTaskFailure(_ context.Context, _ *protocol.Call, in input) (any, error) {
	task, err := r.tokenTask(in, true)
	if err != nil {
		return nil, err
	}
	task.answer <- reply{failure: asl.Fail(in.Error, in.Cause)}
	return map[string]any{}, nil
}

func (r *Room) sendTaskHeartbeat(_ context.Context, _ *protocol.Call, in input) (any, error) {
	task, err := r.tokenTask(in, false)
	if err != nil {
		return nil, err
	}
	select {
	case task.beat <- struct{}{}:
	default: // one is on its way already
	}
	return map[string]any{}, nil
}
