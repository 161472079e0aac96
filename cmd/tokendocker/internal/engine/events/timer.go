package events

import (
	"context"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/events/schedule"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// breather is how long, in real time, a schedule rests after it has fired. Where time runs fast, each time of each
// schedule would start more processes than this machine has room for.
const breather = time.Second

// idle is how long the timer sleeps where no rule has a schedule.
const idle = 24 * time.Hour

// tick fires schedules until the room closes.
func (r *Room) tick() {
	last := r.Clock.Now()
	for r.ctx.Err() == nil {
		ctx, wake := context.WithCancel(r.ctx)
		r.mu.Lock()
		r.wake = wake
		r.mu.Unlock()
		now := r.Clock.Now()
		due, next := r.due(last, now)
		for _, x := range due {
			r.fire(x, now)
		}
		last = now
		_ = r.Clock.Sleep(ctx, next.Sub(now)) // woken early: there are other rules
		wake()
	}
}

// reschedule lets the timer look at the rules anew.
func (r *Room) reschedule() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.wake != nil {
		r.wake()
	}
}

// due returns the rules that have a time after last and not after now, and the next time of any rule.
func (r *Room) due(last, now time.Time) ([]rule, time.Time) {
	next := now.Add(idle)
	var due []rule
	for _, x := range r.rules.All() {
		if x.Schedule == "" || x.State == disabled {
			continue
		}
		s, err := schedule.Parse(x.Schedule)
		if err != nil {
			continue // PutRule has looked
		}
		after := last
		if x.Since.After(after) {
			after = x.Since
		}
		t, ok := s.Next(x.Since, after)
		if ok && !t.After(now) {
			due = append(due, x)
			t, ok = s.Next(x.Since, now)
		}
		if ok && t.Before(next) {
			next = t
		}
	}
	return due, next
}

// fire sends a schedule's event to its targets.
// Source: Amazon EventBridge User Guide, "Creating a rule that runs on a schedule".
func (r *Room) fire(x rule, now time.Time) {
	r.mu.Lock()
	rest := time.Since(r.fired[x.key()]) < breather
	if !rest {
		r.fired[x.key()] = time.Now()
	}
	r.mu.Unlock()
	if rest {
		return
	}
	e := protocol.Event{ID: protocol.NewID(), Source: "aws.events", DetailType: "Scheduled Event", Account: r.Account, Region: x.Region,
		Time: now, Resources: []string{r.arnOf(x)}, Detail: struct{}{}}
	text, err := marshal(e)
	if err != nil {
		r.Log.Error("a schedule's event is lost", "rule", x.Name, "error", err)
		return
	}
	r.send(x, delivery{event: e, text: text, born: now})
}
