package cloudformation

import (
	"slices"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Event is a stack event: one change of a stack's or a resource's status.
type Event struct {
	ID         string    // another one for each event
	Time       time.Time // simulated
	Real       time.Time // on the wall
	StackID    string
	StackName  string
	Region     string // the stack's
	LogicalID  string // the stack's name for events of the stack itself
	Path       string // construct path; the logical id where none is known, empty for the stack itself
	PhysicalID string
	Type       string
	Status     Status
	Reason     string
	Token      string    // what the client calls the operation; empty: nothing
	Operation  Operation // of the stack that the event belongs to
}

// Stack reports whether the event is the stack's own.
func (e Event) Stack() bool { return e.Type == stackType && e.PhysicalID == e.StackID }

// maxEvents is how many events of a stack are kept.
const maxEvents = 2000

// emit records an event and shows it. Events are shown one at a time.
func (o *operation) emit(e Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e.ID, e.Time, e.Real, e.Token, e.Operation = protocol.NewID(), o.service.Clock.Now(), time.Now(), o.clientToken, o.now
	e.StackID, e.StackName, e.Region = o.stack.ID, o.stack.Name, o.stack.Region
	o.service.news.add(e)
	o.service.publish(e)
	if o.onEvent != nil {
		o.onEvent(e)
	}
}

// resourceEvent records a change of a resource's status.
func (o *operation) resourceEvent(rec *record, physicalID string, status Status, reason string) {
	o.emit(Event{LogicalID: rec.LogicalID, Path: rec.Path, PhysicalID: physicalID, Type: rec.Type, Status: status, Reason: reason})
}

// initiated records that what is being created has a physical id by now.
// Source: AWS CloudFormation User Guide, "Understand CloudFormation stack creation events".
func (o *operation) initiated(rec *record, physicalID string) {
	o.resourceEvent(rec, physicalID, rec.Status, "Resource creation Initiated")
}

// setStatus changes the stack's status, records it and writes the stack down.
func (o *operation) setStatus(status Status, reason string) error {
	o.stack.Status, o.stack.Reason, o.stack.Updated, o.stack.Changed = status, reason, o.service.Clock.Now(), time.Now()
	o.emit(Event{LogicalID: o.stack.Name, PhysicalID: o.stack.ID, Type: stackType, Status: status, Reason: reason})
	return o.save()
}

// save writes the stack and its events down.
func (o *operation) save() error {
	err := o.service.news.save(o.stack.ID, func(news []Event) error {
		return o.service.events.Update(o.stack.ID, func(old []Event, _ bool) ([]Event, error) {
			all := append(old, news...)
			return all[max(0, len(all)-maxEvents):], nil
		})
	})
	if err != nil {
		return err
	}
	return o.service.stacks.Put(stackKey(o.stack.Region, o.stack.Name), o.stack)
}

// news holds the events that are not written down yet, by stack id.
type news struct {
	mu     sync.Mutex
	events map[string][]Event
	last   map[string]time.Time // real time of the last event
}

func (n *news) add(e Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.events == nil {
		n.events, n.last = map[string][]Event{}, map[string]time.Time{}
	}
	// Clients see milliseconds and sort by them.
	if next := n.last[e.StackID].Add(time.Millisecond); e.Real.Before(next) {
		e.Real = next
	}
	n.last[e.StackID] = e.Real
	n.events[e.StackID] = append(n.events[e.StackID], e)
}

// save writes the events of a stack down with write; until that is done they count as news.
func (n *news) save(stackID string, write func([]Event) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.events[stackID]) == 0 {
		return nil
	}
	err := write(n.events[stackID])
	if err == nil {
		delete(n.events, stackID)
	}
	return err
}

// after returns what read reads, followed by the stack's news.
func (n *news) after(stackID string, read func() ([]Event, error)) ([]Event, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	events, err := read()
	return append(slices.Clip(events), n.events[stackID]...), err
}
