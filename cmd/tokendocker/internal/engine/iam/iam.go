// Package iam holds roles and their policies, and decides every call of the engine by them.
//
// Users, groups and organizations are no part of it.
package iam

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// Options says what the room works with. Account, Partition, Clock, Sessions and Store are required.
type Options struct {
	Account   string
	Partition string
	Clock     *clock.Clock
	Sessions  *session.Sessions
	Store     *state.Store
	Switches  *switches.Switches // nil means a good day
	OnDenial  func(Denial)       // told each denial once; may be nil
	// Elsewhere decides for callers of other accounts, whose policies this room does not have. Nil: there are none.
	Elsewhere func(ctx context.Context, as *session.Session, region string, need protocol.Need) error
}

// Room is the IAM of one account. It is safe for concurrent use.
type Room struct {
	Options
	roles     state.Table[role]
	managed   state.Table[managedPolicy]
	providers state.Table[identityProvider] // by ARN
	used      state.Table[Use]
	calls     state.Table[seen]

	mu      sync.Mutex
	known   map[string]bool // keys of used and of calls
	denials []Denial        // of this run
	unknown map[string]bool // AWS managed policies that we do not know
}

// New opens the room on what the state folder holds. Changes that were still propagating when the last run ended
// count as done.
func New(o Options) (*Room, error) {
	if o.Switches == nil {
		o.Switches = &switches.Switches{}
	}
	r := &Room{Options: o, known: map[string]bool{}, unknown: map[string]bool{}}
	var err error
	if r.roles, err = state.NewTable[role](o.Store, "iam-roles"); err != nil {
		return nil, err
	}
	if r.managed, err = state.NewTable[managedPolicy](o.Store, "iam-managed-policies"); err != nil {
		return nil, err
	}
	if r.providers, err = state.NewTable[identityProvider](o.Store, "iam-oidc-providers"); err != nil {
		return nil, err
	}
	if r.used, err = state.NewTable[Use](o.Store, "iam-used"); err != nil {
		return nil, err
	}
	if r.calls, err = state.NewTable[seen](o.Store, "iam-calls"); err != nil {
		return nil, err
	}
	return r, r.settle()
}

// settle forgets the histories: the clock of another run says nothing to ours.
func (r *Room) settle() error {
	for name, role := range r.roles.All() {
		role.History = settled(role.History)
		if err := r.roles.Put(name, role); err != nil {
			return err
		}
		for _, arn := range role.current().Managed {
			r.noteUnknown(arn)
		}
	}
	for arn, p := range r.managed.All() {
		p.History = settled(p.History)
		if err := r.managed.Put(arn, p); err != nil {
			return err
		}
	}
	for key := range r.used.All() {
		r.known[key] = true
	}
	for key := range r.calls.All() {
		r.known[key] = true
	}
	return nil
}

// Resources returns the providers of AWS::IAM types.
func (r *Room) Resources() map[string]resource.Provider {
	return map[string]resource.Provider{
		"AWS::IAM::Role":          roleProvider{r},
		"AWS::IAM::Policy":        policyProvider{r},
		"AWS::IAM::RolePolicy":    rolePolicyProvider{policyProvider{r}},
		"AWS::IAM::OIDCProvider":  oidcProvider{r},
		"AWS::IAM::ManagedPolicy": managedProvider{r},
	}
}

// version is one state of a role or policy, and when it came.
type version[T any] struct {
	At    time.Time
	Value T
}

// effective returns what acts now: the newest version that is at least delay old.
func effective[T any](history []version[T], now time.Time, delay time.Duration) (value T, ok bool) {
	for _, v := range history {
		if !v.At.After(now.Add(-delay)) {
			value, ok = v.Value, true
		}
	}
	return value, ok
}

// changed adds a version, and drops those that can no longer act.
func changed[T any](history []version[T], value T, now time.Time, delay time.Duration) []version[T] {
	first := 0
	for i, v := range history {
		if !v.At.After(now.Add(-delay)) {
			first = i
		}
	}
	return append(append([]version[T](nil), history[min(first, len(history)):]...), version[T]{now, value})
}

func settled[T any](history []version[T]) []version[T] {
	if len(history) == 0 {
		return nil
	}
	return []version[T]{{Value: history[len(history)-1].Value}}
}

func (r *Room) arn(kind, path, name string) string {
	return fmt.Sprintf("arn:%s:iam::%s:%s%s%s", r.Partition, r.Account, kind, path, name)
}
