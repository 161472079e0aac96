package cloudformation

import "time"

// Event is a stack event: one change of a stack's or a resource's status.
type Event struct {
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
}

// Stack reports whether the event is the stack's own.
func (e Event) Stack() bool { return e.Type == stackType }

// maxEvents is how many events of a stack are kept.
const maxEvents = 2000

// emit records an event and shows it. Events are shown one at a time.
func (o *operation) emit(e Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	e.Time, e.Real = o.service.Clock.Now(), time.Now()
	e.StackID, e.StackName, e.Region = o.stack.ID, o.stack.Name, o.stack.Region
	o.events = append(o.events, e)
	if o.onEvent != nil {
		o.onEvent(e)
	}
}

// resourceEvent records a change of a resource's status.
func (o *operation) resourceEvent(rec *record, physicalID string, status Status, reason string) {
	o.emit(Event{LogicalID: rec.LogicalID, Path: rec.Path, PhysicalID: physicalID, Type: rec.Type, Status: status, Reason: reason})
}

// setStatus changes the stack's status, records it and writes the stack down.
func (o *operation) setStatus(status Status, reason string) error {
	o.stack.Status, o.stack.Reason, o.stack.Updated = status, reason, o.service.Clock.Now()
	o.emit(Event{LogicalID: o.stack.Name, PhysicalID: o.stack.ID, Type: stackType, Status: status, Reason: reason})
	return o.save()
}

// save writes the stack and its events down.
func (o *operation) save() error {
	o.mu.Lock()
	news := o.events
	o.events = nil
	o.mu.Unlock()
	err := o.service.events.Update(o.stack.ID, func(old []Event, _ bool) ([]Event, error) {
		all := append(old, news...)
		return all[max(0, len(all)-maxEvents):], nil
	})
	if err != nil {
		return err
	}
	return o.service.stacks.Put(stackKey(o.stack.Region, o.stack.Name), o.stack)
}
