package cloudformation

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/handlers"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// DeleteInput says which stack to delete.
type DeleteInput struct {
	StackName   string
	Region      string           // default: the service's
	Retain      []string         // logical ids of resources to leave
	Force       bool             // leave resources that cannot be deleted
	ClientToken string           // what the client calls the deletion; its events say so
	RoleARN     string           // that CloudFormation acts as; default: the stack's
	Caller      *session.Session // as in DeployInput
	OnEvent     func(Event)      // called for each event, one at a time; may be nil
}

// Delete deletes a stack with its resources, in the reverse order of their dependencies. A stack that does not exist
// is no error. It fails with a *Failed when a resource cannot be deleted, and with an *InUseError when another stack
// uses an export.
func (s *Service) Delete(ctx context.Context, in DeleteInput) error {
	if in.Region == "" {
		in.Region = s.Region
	}
	key := stackKey(in.Region, in.StackName)
	defer s.lock(key)()
	stack, found, err := s.stacks.Get(key)
	if err != nil || !found {
		return err
	}
	if err := s.exportsFree(stack, nil); err != nil {
		return fmt.Errorf("stack %s: Delete canceled. %w", in.StackName, err)
	}
	return s.newDeletion(stack, in).deleteStack(ctx, userInitiated)
}

// newDeletion prepares the deletion of a stack.
func (s *Service) newDeletion(stack stackRecord, in DeleteInput) *operation {
	o := s.newOperation(stack, protocol.NewID(), in.OnEvent)
	o.clientToken, o.force, o.retain = in.ClientToken, in.Force, map[string]bool{}
	for _, id := range in.Retain {
		o.retain[id] = true
	}
	o.place.Role, o.place.Caller = cmp.Or(in.RoleARN, stack.RoleARN), in.Caller
	return o
}

// userInitiated is CloudFormation's reason for what a client has asked for.
const userInitiated = "User Initiated"

func (o *operation) deleteStack(ctx context.Context, reason string) error {
	o.enter(DeleteStack)
	if err := o.setStatus(DeleteInProgress, reason); err != nil {
		return err
	}
	return o.deleteResources(ctx)
}

// deleteResources deletes all resources of a stack whose status says so, and the stack.
func (o *operation) deleteResources(ctx context.Context) error {
	failed := o.destroy(ctx, o.everything(!o.stack.Completed))
	if stopped(ctx) {
		return fmt.Errorf("delete stack %s: %w", o.stack.Name, context.Cause(ctx))
	}
	if len(failed) > 0 {
		reason := failedToDelete(failed)
		if err := o.setStatus(DeleteFailed, reason); err != nil {
			return err
		}
		return o.failure(reason)
	}
	if err := o.setStatus(DeleteComplete, ""); err != nil {
		return err
	}
	return o.forget()
}

// forget moves the stack to those that were deleted.
func (o *operation) forget() error {
	for _, rec := range o.records {
		if err := o.service.records.Delete(rec.key()); err != nil {
			return err
		}
	}
	for _, c := range o.service.ChangeSets(o.stack.ID) {
		if err := o.service.changeSets.Delete(c.key()); err != nil {
			return err
		}
	}
	if err := o.service.drifts.Delete(o.stack.ID); err != nil {
		return err
	}
	o.stack.Deleted = time.Now()
	if err := o.service.deleted.Put(o.stack.ID, o.stack); err != nil {
		return err
	}
	if err := o.service.forgetOld(); err != nil {
		return err
	}
	return o.service.stacks.Delete(stackKey(o.stack.Region, o.stack.Name))
}

// remembered is how long a deleted stack can be looked at.
// Source: AWS CloudFormation API Reference, ListStacks.
const remembered = 90 * 24 * time.Hour

// forgetOld removes what is left of stacks that were deleted long ago.
func (s *Service) forgetOld() error {
	for id, stack := range s.deleted.All() {
		if time.Since(stack.Deleted) < remembered {
			continue
		}
		for _, remove := range []func(string) error{s.events.Delete, s.templates.Delete, s.deleted.Delete} {
			if err := remove(id); err != nil {
				return err
			}
		}
	}
	return nil
}

// doomed is one physical resource that is to be deleted.
type doomed struct {
	rec      *record
	version  version
	created  bool // by the stack operation that is rolled back
	replaced bool // by another one of the same logical id
}

// retained reports whether a policy keeps the physical resource. drop says that policies do not keep new ones.
func (d *doomed) retained(drop bool) bool {
	if d.replaced {
		return d.version.UpdateReplacePolicy == policyRetain
	}
	if d.created && d.rec.Adopted {
		return true
	}
	policy := d.version.DeletionPolicy
	return policy == policyRetain && (!drop || !d.created) || policy == policyRetainExceptOnCreate && !d.created
}

// everything lists all physical resources of the stack. created says that the stack has never been complete.
func (o *operation) everything(created bool) []*doomed {
	var nodes []*doomed
	for _, id := range sortedNames(o.records) {
		rec := o.records[id]
		for _, g := range rec.Garbage {
			nodes = append(nodes, &doomed{rec: rec, version: g, created: created, replaced: !created})
		}
		if rec.Current != nil {
			nodes = append(nodes, &doomed{rec: rec, version: *rec.Current, created: created})
		}
	}
	return nodes
}

// destroy deletes physical resources, each after those that depend on it, and returns the errors by logical id. What
// a resource that cannot be deleted depends on is left.
func (o *operation) destroy(ctx context.Context, nodes []*doomed) map[string]error {
	byKey, byID := map[string]*doomed{}, map[string][]string{}
	for i, d := range nodes {
		key := d.rec.LogicalID + "#" + strconv.Itoa(i)
		byKey[key] = d
		byID[d.rec.LogicalID] = append(byID[d.rec.LogicalID], key)
	}
	needs := map[string][]string{}
	for key, d := range byKey {
		needs[key] = append(needs[key], []string{}...)
		for _, other := range d.version.DependsOn {
			for _, otherKey := range byID[other] {
				needs[otherKey] = append(needs[otherKey], key)
			}
		}
	}
	if _, circle := sortByNeeds(needs); len(circle) > 0 {
		needs = nil // versions of different templates may contradict each other
	}
	var mu sync.Mutex
	failed := map[string]error{}
	walk(ctx, sortedNames(byKey), needs, true, nil, func(ctx context.Context, key string) error {
		err := o.deleteOne(ctx, byKey[key])
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			failed[byKey[key].rec.LogicalID] = err
		}
		return err
	})
	return failed
}

// deleteOne deletes one physical resource and forgets it.
func (o *operation) deleteOne(ctx context.Context, d *doomed) error {
	rec, id := d.rec, d.version.PhysicalID
	switch {
	case d.retained(o.drop), o.retain[rec.LogicalID]:
		o.resourceEvent(rec, id, DeleteSkipped, "")
	case id == "" && !custom(rec.Type): // its creation failed
	default:
		o.resourceEvent(rec, id, DeleteInProgress, "")
		r, err := o.request(ctx, rec, &d.version, nil)
		if err == nil {
			err = o.may(ctx, handlers.Delete, r)
		}
		if err == nil {
			err = o.provider(rec.Type).Delete(ctx, r)
		}
		if stopped(ctx) {
			return context.Cause(ctx)
		}
		if err != nil && !o.force {
			return o.deleteFailed(rec, id, err)
		}
		if err != nil {
			o.resourceEvent(rec, id, DeleteFailed, err.Error())
			o.resourceEvent(rec, id, DeleteSkipped, "")
			break
		}
		o.resourceEvent(rec, id, DeleteComplete, "")
	}
	return o.write(rec, func() {
		if rec.Current != nil && rec.Current.PhysicalID == id {
			rec.Current = nil
		}
		rec.Garbage = slices.DeleteFunc(slices.Clone(rec.Garbage), func(g version) bool { return g.PhysicalID == id })
	})
}

// deleteFailed notes that a resource could not be deleted.
func (o *operation) deleteFailed(rec *record, id string, err error) error {
	o.resourceEvent(rec, id, DeleteFailed, err.Error())
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failures = append(o.failures, Failure{LogicalID: rec.LogicalID, Path: rec.Path, Type: rec.Type, Status: DeleteFailed, Reason: err.Error(), Err: err})
	return err
}

func failedToDelete(failed map[string]error) string {
	return fmt.Sprintf("The following resource(s) failed to delete: [%s]. ", strings.Join(sortedNames(failed), ", "))
}

func sortedNames[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
