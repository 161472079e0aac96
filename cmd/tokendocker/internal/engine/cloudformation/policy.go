package cloudformation

import (
	"cmp"
	"context"
	"errors"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/stackpolicy"
)

// policyFor returns the stack policy that a deployment keeps to; nil: none, as at a creation.
func (r *stackRecord) policyFor(in DeployInput) (*stackpolicy.Policy, error) {
	for _, text := range []string{in.Policy, in.PolicyNow} {
		if _, err := stackpolicy.Parse(cmp.Or(text, "{}")); err != nil {
			return nil, err
		}
	}
	r.PolicyDuringUpdate = in.PolicyNow
	if !r.Completed {
		return nil, nil //nolint:nilnil // no policy is no error
	}
	return stackpolicy.Parse(cmp.Or(in.PolicyNow, r.Policy, "{}"))
}

// permitted says why the stack policy forbids an action on a resource; nil: it does not.
func (o *operation) permitted(action string, rec *record) error {
	if o.policy == nil {
		return nil
	}
	return o.policy.Check(action, rec.LogicalID, rec.Type)
}

// refusedRemovals fails the deployment for each resource that the template leaves out and the stack policy protects.
func (o *operation) refusedRemovals(ctx context.Context) map[string]error {
	refused := map[string]error{}
	for _, id := range sortedNames(o.records) {
		rec := o.records[id]
		if rec.Current == nil || o.plan.exists(id) {
			continue
		}
		if err := o.permitted(stackpolicy.Delete, rec); err != nil {
			refused[id] = o.fail(ctx, rec, "", err)
		}
	}
	return refused
}

// SetPolicy gives a stack its policy, which later updates keep to. It fails with an *InputError if that is none.
func (s *Service) SetPolicy(ctx context.Context, region, name, policy string) error {
	if _, err := stackpolicy.Parse(policy); err != nil {
		return &InputError{err}
	}
	key := stackKey(region, name)
	unlock, err := s.tryLock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	return s.stacks.Update(key, func(stack stackRecord, found bool) (stackRecord, error) {
		if !found {
			return stack, errors.New("the stack has just been deleted")
		}
		stack.Policy = policy
		return stack, nil
	})
}
