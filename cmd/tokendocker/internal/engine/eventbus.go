package engine

import (
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/events"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// openEvents makes EventBridge in each account, before the rooms that publish.
func (e *Engine) openEvents() (err error) {
	for _, a := range e.accounts {
		if a.events, err = events.New(events.Options{Account: a.account, Partition: a.partition, Clock: e.clock, Store: a.store,
			Caller: e.door, Roles: a.iam, Elsewhere: e.eventsOf, Log: e.options.Log}); err != nil {
			return err
		}
		e.door.RegisterFor(a.account, a.events)
	}
	return nil
}

// eventsOf returns an account's EventBridge, nil if there is no such account.
func (e *Engine) eventsOf(account string) *events.Room {
	if a := e.account(account); a.account == account {
		return a.events
	}
	return nil
}

// publish puts a service's event on the default bus of the account that it happened in. What belongs to AWS itself has
// none.
func (e *Engine) publish(event protocol.Event) {
	if room := e.eventsOf(event.Account); room != nil {
		room.Publish(event)
	}
}
