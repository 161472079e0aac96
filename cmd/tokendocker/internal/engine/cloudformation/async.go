package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Running is an operation on a stack that has begun: the stack's status says so, and its resources wait for Run.
type Running struct {
	StackID     string
	OperationID string
	run         func(context.Context) error
}

// Run brings the operation to its end, and must be called once. How it went is the stack's status; an error is one of
// the state's, or says that the context ended first.
func (r *Running) Run(ctx context.Context) error {
	err := r.run(ctx)
	if _, failed := errors.AsType[*Failed](err); failed {
		return nil
	}
	return err
}

// Begin begins a deployment as Deploy does, of a stack that is not in the middle of an operation. It fails with an
// *InputError as Deploy does, and with a *BusyError. A deployment that would change nothing is begun too.
func (s *Service) Begin(ctx context.Context, in DeployInput) (*Running, error) {
	if !stackName.MatchString(in.StackName) {
		return nil, &InputError{fmt.Errorf("1 validation error detected: Value '%s' at 'stackName' failed to satisfy constraint: "+
			"Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", in.StackName)}
	}
	key := stackKey(in.Region, in.StackName)
	unlock, err := s.tryLock(ctx, key)
	if err != nil {
		return nil, err
	}
	op, err := s.open(ctx, key, in)
	if err == nil {
		err = op.begin()
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return &Running{StackID: op.stack.ID, OperationID: op.now.ID, run: func(ctx context.Context) error {
		defer unlock()
		_, err := op.deploy(ctx)
		return err
	}}, nil
}

// BeginDelete begins the deletion of a stack, as Delete does. It fails with an *InUseError, a *BusyError, or an
// *InputError if there is nothing to retain or to force. There is nothing to run (nil) when no such stack exists.
func (s *Service) BeginDelete(ctx context.Context, in DeleteInput) (*Running, error) {
	key := stackKey(in.Region, in.StackName)
	unlock, err := s.tryLock(ctx, key)
	if err != nil {
		return nil, err
	}
	stack, found, err := s.stacks.Get(key)
	if err == nil && found {
		err = s.exportsFree(stack, nil)
	}
	if err == nil && found {
		err = s.retainable(stack, in)
	}
	if err != nil || !found {
		unlock()
		return nil, err
	}
	op := s.newDeletion(stack, in)
	op.enter(DeleteStack)
	if err := op.setStatus(DeleteInProgress, userInitiated); err != nil {
		unlock()
		return nil, err
	}
	return &Running{StackID: stack.ID, OperationID: op.now.ID, run: func(ctx context.Context) error {
		defer unlock()
		return op.deleteResources(ctx)
	}}, nil
}

// SetProtected protects a stack against deletion, or no longer.
func (s *Service) SetProtected(ctx context.Context, region, name string, protected bool) error {
	key := stackKey(region, name)
	unlock, err := s.tryLock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	return s.stacks.Update(key, func(stack stackRecord, found bool) (stackRecord, error) {
		if !found {
			return stack, fmt.Errorf("stack %s does not exist", name)
		}
		stack.Protected = protected
		return stack, nil
	})
}

// Recover ends the operations that an earlier process left in the middle: a creation and an update are rolled back, a
// deletion goes on. Clients meet the stacks as busy meanwhile.
func (s *Service) Recover(ctx context.Context) error {
	var waiting sync.WaitGroup
	var mu sync.Mutex
	var failed []error
	for key, stack := range s.stacks.All() {
		if !stack.Status.InProgress() || stack.Status == ReviewInProgress || stack.ParentID != "" {
			continue
		}
		unlock := s.lock(key)
		waiting.Go(func() {
			defer unlock()
			if err := s.recover(ctx, key, stack); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			}
		})
	}
	waiting.Wait()
	return errors.Join(failed...)
}

func (s *Service) recover(ctx context.Context, key string, stack stackRecord) error {
	if stack.Status == CreateInProgress || stack.Status == RollbackInProgress {
		return s.newOperation(stack, protocol.NewID(), nil).rollBackCreate(ctx, "The engine was stopped in the middle. ")
	}
	err := s.settle(ctx, key, nil)
	if _, ok := errors.AsType[*Failed](err); ok {
		return nil // the stack's status says so
	}
	return err
}
