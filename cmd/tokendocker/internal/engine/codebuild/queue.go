package codebuild

import (
	"context"
	"sync"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

const (
	defaultSlots  = 20 // AWS CodeBuild User Guide, "Quotas for AWS CodeBuild": concurrent running builds
	queuePerSlots = 5  // "Run builds manually", builds-working: five times the concurrent limit may wait
)

// queue gives out the account's build slots in each region, in the order in which they were asked for.
type queue struct {
	mu      sync.Mutex
	running map[string]int
	waiting map[string][]*ticket
}

// ticket is one build's place in the queue.
type ticket struct {
	queue *queue
	place string
	ready chan struct{} // closed when the slot is there
	gone  bool
}

func newQueue() *queue {
	return &queue{running: map[string]int{}, waiting: map[string][]*ticket{}}
}

// join takes a slot of a place, or a place in its queue. slots is as in switches.Switches.BuildSlots.
func (q *queue) join(place string, slots int) (*ticket, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if slots == 0 {
		slots = defaultSlots
	}
	slots = max(slots, 0)
	t := &ticket{queue: q, place: place, ready: make(chan struct{})}
	switch {
	case q.running[place] < slots:
		q.running[place]++
		close(t.ready)
	case len(q.waiting[place]) < queuePerSlots*slots:
		q.waiting[place] = append(q.waiting[place], t)
	default:
		return nil, protocol.Errorf("AccountLimitExceededException",
			"Cannot have more than %d builds in queue for the account", queuePerSlots*slots)
	}
	return t, nil
}

// wait returns when the build may run, or with the context's cause.
func (t *ticket) wait(ctx context.Context) error {
	select {
	case <-t.ready:
		return nil
	default:
	}
	select {
	case <-t.ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave gives the slot or the place in the queue back. To leave twice does nothing.
func (t *ticket) leave() {
	q := t.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.gone {
		return
	}
	t.gone = true
	for i, w := range q.waiting[t.place] {
		if w == t {
			q.waiting[t.place] = append(q.waiting[t.place][:i:i], q.waiting[t.place][i+1:]...)
			return
		}
	}
	if next := q.waiting[t.place]; len(next) > 0 {
		q.waiting[t.place] = next[1:]
		close(next[0].ready) // the slot changes hands
		return
	}
	q.running[t.place]--
}
