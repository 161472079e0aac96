// Package cloudformation is the life of stacks: create, update, delete and roll-back of a template's resources in
// the order of their dependencies, with custom resources that answer over HTTP, outputs, exports and stack events.
//
// What a resource is made of is its Provider's business; a type without one goes to the default Provider. Every
// step is written down before and after it is taken, so that a stack whose deployment was killed is rolled back when
// it is deployed or deleted again.
//
// Sources: AWS CloudFormation User Guide, "Understand CloudFormation stack creation events", "Update behaviors of
// stack resources", "Stack failure options", "Stack update rollback", "Get exported outputs"; Template Reference,
// "DeletionPolicy", "UpdateReplacePolicy", "DependsOn", "Custom resources", "Custom resource request and response".
package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/partition"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// Invoke starts an asynchronous invocation of a Lambda function for a stack and returns when Lambda has taken it.
type Invoke func(ctx context.Context, stack resource.Stack, functionARN string, payload []byte, cause session.Cause) error

// Receive returns a signed URL, valid for two hours, and the bodies that are PUT to it until stop is called. The
// name is the S3 object's key that CloudFormation would use: "stack ARN|logical id|request id".
type Receive func(ctx context.Context, region, name string) (url string, answers <-chan []byte, stop func(), err error)

// Resolve returns the value of a dynamic reference: service is "ssm", "ssm-secure" or "secretsmanager" and name what
// follows it. Parameters read from Systems Manager come this way too.
type Resolve func(ctx context.Context, stack resource.Stack, service, name string) (string, error)

// Fetch reads a template that stands in S3 for a stack, by its URL.
type Fetch func(ctx context.Context, stack resource.Stack, url string) ([]byte, error)

// Allow says why whoever CloudFormation acts as may not do something; nil: they may.
type Allow func(ctx context.Context, stack resource.Stack, need protocol.Need) error

// Elsewhere returns the service of the account whose role may describe a stack of a region there. It fails where the role
// cannot be assumed or may not describe the stack.
type Elsewhere func(ctx context.Context, roleARN, region, stack string) (*Service, error)

// Options are what stacks need of the rest of the engine. All fields but Publish are required.
type Options struct {
	Store     *state.Store
	Clock     *clock.Clock
	Account   string                                      // twelve digits
	Region    string                                      // where a deployment names none
	Providers map[string]resource.Provider                // by resource type
	Default   func(resourceType string) resource.Provider // for types that Providers does not have
	Invoke    Invoke
	Receive   Receive
	Resolve   Resolve
	Fetch     Fetch
	Allow     Allow
	Elsewhere Elsewhere
	Zones     func(region string) []string // what Fn::GetAZs gives
	Publish   func(protocol.Event)         // hears of stacks' and resources' statuses; nil: nobody does
}

// Service is CloudFormation in one account. It is safe for concurrent use; operations on one stack wait for each
// other.
type Service struct {
	Options
	stacks  state.Table[stackRecord]
	records state.Table[record]
	events  state.Table[[]Event]
	news    news

	templates  state.Table[string]      // by stack id
	changeSets state.Table[ChangeSet]   // by stack id and name
	deleted    state.Table[stackRecord] // by stack id
	drifts     state.Table[driftRecord] // by stack id

	mu    sync.Mutex
	locks map[string]*sync.Mutex
}

// New returns the service with the stacks that the store holds.
func New(o Options) (*Service, error) {
	s := &Service{Options: o, locks: map[string]*sync.Mutex{}}
	var errs [7]error
	s.stacks, errs[0] = state.NewTable[stackRecord](o.Store, "cloudformation.stacks")
	s.records, errs[1] = state.NewTable[record](o.Store, "cloudformation.resources")
	s.events, errs[2] = state.NewTable[[]Event](o.Store, "cloudformation.events")
	s.templates, errs[3] = state.NewTable[string](o.Store, "cloudformation.templates")
	s.changeSets, errs[4] = state.NewTable[ChangeSet](o.Store, "cloudformation.changesets")
	s.deleted, errs[5] = state.NewTable[stackRecord](o.Store, "cloudformation.deleted")
	s.drifts, errs[6] = state.NewTable[driftRecord](o.Store, "cloudformation.drifts")
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("open stacks: %w", err)
	}
	return s, nil
}

// lock waits until no other operation works on the stack.
func (s *Service) lock(key string) (unlock func()) {
	s.mu.Lock()
	l := s.locks[key]
	if l == nil {
		l = &sync.Mutex{}
		s.locks[key] = l
	}
	s.mu.Unlock()
	l.Lock()
	return l.Unlock
}

// tryLock locks the stack, or fails with a *BusyError when an operation works on it. Whoever begins or has just ended
// one is waited for: clients see a status a moment before the stack is free.
func (s *Service) tryLock(ctx context.Context, key string) (unlock func(), err error) {
	s.mu.Lock()
	l := s.locks[key]
	if l == nil {
		l = &sync.Mutex{}
		s.locks[key] = l
	}
	s.mu.Unlock()
	for !l.TryLock() {
		stack, _, err := s.stacks.Get(key)
		if err != nil {
			return nil, err
		}
		if stack.Status.InProgress() && stack.Status != ReviewInProgress {
			return nil, &BusyError{StackID: stack.ID, Status: stack.Status}
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
	return l.Unlock, nil
}

// BusyError says that another operation works on a stack.
type BusyError struct {
	StackID string
	Status  Status
}

// Error names the stack and its status.
func (e *BusyError) Error() string { return fmt.Sprintf("stack %s is in %s", e.StackID, e.Status) }

// stackKey is the key of a stack in the state.
func stackKey(region, name string) string { return region + "/" + name }

// place describes the stack to providers.
func (s *Service) place(rec stackRecord) resource.Stack {
	name, suffix := partition.Of(rec.Region)
	return resource.Stack{ID: rec.ID, Name: rec.Name, Account: s.Account, Region: rec.Region, Partition: name, URLSuffix: suffix, Role: rec.RoleARN}
}
