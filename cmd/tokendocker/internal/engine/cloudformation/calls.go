package cloudformation

import (
	"context"
	"errors"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/handlers"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// may says why whoever CloudFormation acts as may not have something done; nil: they may.
func (o *operation) may(ctx context.Context, verb handlers.Verb, r resource.Request) error {
	if r.Stack.Unbounded() {
		return nil
	}
	for _, need := range handlers.Needs(verb, r) {
		err := o.service.Allow(ctx, r.Stack, need)
		if denied, ok := errors.AsType[*protocol.Error](err); ok {
			return handlers.Denied(denied.Message, protocol.NewID())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// callCreate has a resource created, if that is allowed.
func (o *operation) callCreate(ctx context.Context, r resource.Request) (resource.Result, error) {
	if err := o.may(ctx, handlers.Create, r); err != nil {
		return resource.Result{}, err
	}
	return o.provider(r.Type).Create(ctx, r)
}

// callUpdate has a resource updated, if that is allowed.
func (o *operation) callUpdate(ctx context.Context, r resource.Request) (resource.Result, error) {
	if err := o.may(ctx, handlers.Update, r); err != nil {
		return resource.Result{}, err
	}
	return o.provider(r.Type).Update(ctx, r)
}
