// Package events is Amazon EventBridge: buses, rules with event patterns and schedules, and the delivery of events to
// targets: Lambda functions, state machines, builds, log groups and other buses. Events come from the rooms of other
// services, which publish what happens in them, and from PutEvents.
//
// EventBridge Scheduler, pipes, archives, API destinations and partner sources are no part of it.
package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// servicePrincipal is who assumes targets' roles, and whom targets' own policies name.
const servicePrincipal = "events.amazonaws.com"

// Roles gives the sessions of roles that a service may assume.
type Roles interface {
	AssumeAsService(ctx context.Context, roleARN, servicePrincipal, sessionName string, cause session.Cause) (*session.Session, error)
}

// Options are what the room needs. All are required but Elsewhere.
type Options struct {
	Account   string
	Partition string
	Clock     *clock.Clock
	Store     *state.Store
	Caller    protocol.Caller
	Roles     Roles
	// Elsewhere returns the room of another account, nil if there is none. Nil where there is one account.
	Elsewhere func(account string) *Room
	Log       *slog.Logger
}

// Room is EventBridge in one account, in all regions. It is safe for concurrent use.
type Room struct {
	Options
	rules state.Table[rule]
	buses state.Table[busRecord]

	ctx  context.Context //nolint:containedctx // the room's own life: deliveries outlive their publishers
	stop context.CancelFunc
	work sync.WaitGroup

	mu    sync.Mutex
	shut  bool
	wake  context.CancelFunc   // lets the timer look at the rules anew
	fired map[string]time.Time // real time at which a schedule fired last, by the rule's key

	complaints map[string]bool // reasons for which targets got nothing, which the log has
}

var _ protocol.Service = (*Room)(nil)

// New opens the room on what the state folder holds. Schedules go on from now.
func New(o Options) (*Room, error) {
	r := &Room{Options: o, fired: map[string]time.Time{}, complaints: map[string]bool{}}
	var err error
	if r.rules, err = state.NewTable[rule](o.Store, "events-rules"); err != nil {
		return nil, err
	}
	if r.buses, err = state.NewTable[busRecord](o.Store, "events-buses"); err != nil {
		return nil, err
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.work.Go(r.tick)
	return r, nil
}

// Close ends schedules and drops events that are on their way.
func (r *Room) Close() error {
	r.mu.Lock()
	r.shut = true
	r.mu.Unlock()
	r.stop()
	r.work.Wait()
	return nil
}

// start runs f as work that Close waits for, unless the room is closed.
func (r *Room) start(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.shut {
		r.work.Go(f)
	}
}

// Resources returns the room's CloudFormation types.
func (r *Room) Resources() map[string]resource.Provider {
	return map[string]resource.Provider{
		"AWS::Events::Rule":           ruleProvider{r},
		"AWS::Events::EventBus":       busProvider{r},
		"AWS::Events::EventBusPolicy": policyProvider{r},
	}
}

// Publish puts a service's event on the default bus of its region, and does not wait for its delivery.
func (r *Room) Publish(e protocol.Event) {
	if err := r.accept(e.Region, defaultBus, e, false); err != nil {
		r.Log.Error("an event is lost", "source", e.Source, "type", e.DetailType, "error", err)
	}
}

// accept gives an event to each rule of a bus that it matches. Events that a rule has sent from another bus are not sent
// on to a third one.
func (r *Room) accept(region, busName string, e protocol.Event, forwarded bool) error {
	if e.ID == "" {
		e.ID = protocol.NewID()
	}
	if e.Time.IsZero() {
		e.Time = r.Clock.Now()
	}
	text, err := marshal(e)
	if err != nil {
		return fmt.Errorf("write the event: %w", err)
	}
	d := delivery{event: e, text: text, forwarded: forwarded, born: r.Clock.Now()}
	var failed []error
	for _, rule := range r.rules.All() {
		if rule.Region != region || rule.Bus != busName || rule.State == disabled || rule.Pattern == "" {
			continue
		}
		matched, err := rule.matches(text)
		failed = append(failed, err)
		if matched {
			r.send(rule, d)
		}
	}
	return errors.Join(failed...)
}

// send gives an event to all targets of a rule.
func (r *Room) send(rule rule, d delivery) {
	for _, t := range rule.Targets {
		r.start(func() { r.deliver(rule, t, d) })
	}
}
