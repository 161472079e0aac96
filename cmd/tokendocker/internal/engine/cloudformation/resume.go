package cloudformation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// skips says which resources a roll-back leaves as they are.
type skips struct {
	all   bool            // whatever an earlier roll-back could not bring back
	names map[string]bool // logical ids; those in a nested stack after its own and a dot
}

// has reports whether a resource is to be left as it is.
func (s skips) has(rec *record) bool { return s.names[rec.LogicalID] || s.all && rec.Stuck }

// within returns what is to be left in a nested stack.
func (s skips) within(logicalID string) skips {
	out := skips{all: s.all, names: map[string]bool{}}
	for name := range s.names {
		if rest, ok := strings.CutPrefix(name, logicalID+"."); ok {
			out.names[rest] = true
		}
	}
	return out
}

// skipOne counts a resource as brought back.
func (o *operation) skipOne(rec *record) error {
	before, now := *rec.Before, *rec.Current
	before.PhysicalID = now.PhysicalID
	if err := o.write(rec, func() { rec.settle(before) }); err != nil {
		return err
	}
	o.resourceEvent(rec, now.PhysicalID, UpdateComplete, "Resource skipped during UpdateRollback")
	return nil
}

// RollbackInput says which stack to roll back and how.
type RollbackInput struct {
	Region, StackName string
	ClientToken       string           // what the client calls the roll-back; its events say so
	Caller            *session.Session // as in DeployInput
	DropNew           bool             // delete new resources whatever their policies
	Skip              []string         // logical ids of resources that an earlier roll-back could not bring back, to leave as they are
	SkipAll           bool             // all of those
}

// BeginRollback begins the roll-back of a stack whose deployment failed and was left as it was, or whose roll-back
// failed. It fails with a *BusyError, and with an *InputError for resources that cannot be skipped.
func (s *Service) BeginRollback(ctx context.Context, in RollbackInput) (*Running, error) {
	key := stackKey(in.Region, in.StackName)
	unlock, err := s.tryLock(ctx, key)
	if err != nil {
		return nil, err
	}
	stack, found, err := s.stacks.Get(key)
	op := s.newOperation(stack, protocol.NewID(), nil)
	op.clientToken, op.drop, op.skip = in.ClientToken, in.DropNew, skips{all: in.SkipAll, names: map[string]bool{}}
	op.place.Caller = in.Caller
	kind, roll := Rollback, op.rollBackUpdate
	if stack.Status == UpdateRollbackFailed {
		kind = ContinueRollback
	}
	op.stack.Status = UpdateRollbackInProgress // its event comes with the first step
	if !stack.Completed {
		roll, op.stack.Status = op.rollBackCreate, RollbackInProgress
	}
	if err == nil && found {
		err = op.skips(in.Skip)
	}
	if err == nil && found {
		op.enter(kind)
		err = op.save()
	}
	if err != nil || !found {
		unlock()
		return nil, err
	}
	return &Running{StackID: stack.ID, OperationID: op.now.ID, run: func(ctx context.Context) error {
		defer unlock()
		return roll(ctx, userInitiated)
	}}, nil
}

// skips remembers the resources to skip.
func (o *operation) skips(names []string) error {
	for _, name := range names {
		records, id := o.records, name
		for {
			nested, rest, inside := strings.Cut(id, ".")
			if !inside {
				break
			}
			rec := records[nested]
			if rec == nil || rec.Type != stackType || rec.Current == nil {
				return &InputError{fmt.Errorf("there is no nested stack %s for the resource to skip %s", nested, name)}
			}
			records, id = o.service.load(rec.Current.PhysicalID), rest
		}
		if rec := records[id]; rec == nil || !rec.Stuck {
			return &InputError{fmt.Errorf("Only resources in UPDATE_FAILED state whose roll-back failed can be skipped: %s is none", name)} //nolint:staticcheck // CloudFormation's form
		}
		o.skip.names[name] = true
	}
	return nil
}

// retainable checks which resources a deletion may leave.
// Source: seen in public issues, 2018-09: The specified resources to retain must be in a valid state
// (rebuy-de/aws-nuke#270).
func (s *Service) retainable(stack stackRecord, in DeleteInput) error {
	if len(in.Retain) == 0 && !in.Force {
		return nil
	}
	if stack.Status != DeleteFailed {
		what := "specify which resources to retain"
		if in.Force {
			what = "force its deletion"
		}
		return &InputError{fmt.Errorf("Invalid operation on stack [%s]. When you delete a stack, %s only when the stack is in the DELETE_FAILED state.", stack.ID, what)} //nolint:staticcheck,revive // CloudFormation's own words
	}
	records := s.load(stack.ID)
	if slices.ContainsFunc(in.Retain, func(id string) bool { return records[id] == nil || records[id].Current == nil }) {
		return &InputError{fmt.Errorf("The specified resources to retain must be in a valid state. Do not specify resources that are in the DELETE_COMPLETE state.")} //nolint:staticcheck,revive,perfsprint // CloudFormation's own words
	}
	return nil
}
