package cloudformation

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/intrinsic"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/stackpolicy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// errSibling is why a resource is cancelled when another one has failed.
var errSibling = errors.New("another resource of the stack failed")

// operation is one create, update, delete or roll-back of a stack.
type operation struct {
	service *Service
	stack   stackRecord
	place   resource.Stack
	token   string // names the operation and its phase, for providers and request ids
	// clientToken is what the client calls the operation.
	clientToken string
	plan        *plan // nil unless a template is deployed
	input       DeployInput
	paths       map[string]string
	overrides   map[string]map[string]string
	onEvent     func(Event)

	now    Operation           // what clients know of it
	policy *stackpolicy.Policy // that an update must keep to; nil: none
	drop   bool                // a roll-back deletes new resources whatever their policies
	retain map[string]bool     // logical ids that a deletion leaves
	force  bool                // a deletion leaves what it cannot delete
	skip   skips               // what a roll-back leaves as it is

	drifted map[string]string // by logical id, how resources are; nil unless the operation begins from there

	begin   func() error // sets the stack's status before its first resource changes, once
	changed bool         // begin was called
	held    bool         // the clean-up waits for the parent's
	ahead   foresight    // empty unless the operation only looks ahead

	mu       sync.Mutex // guards all below
	records  map[string]*record
	imports  map[string]bool
	requests []CustomRequest
	failures []Failure
}

func (s *Service) newOperation(stack stackRecord, token string, onEvent func(Event)) *operation {
	return &operation{service: s, stack: stack, place: s.place(stack), token: token, onEvent: onEvent,
		begin: func() error { return nil }, records: s.load(stack.ID), imports: map[string]bool{}}
}

// provider returns who makes resources of a type.
func (o *operation) provider(resourceType string) resource.Provider {
	if custom(resourceType) {
		return customResource{o}
	}
	if resourceType == stackType {
		return nestedStack{o}
	}
	if p := o.service.Providers[resourceType]; p != nil {
		return p
	}
	return o.service.Default(resourceType)
}

// existing returns a resource of the template that exists, with its present version.
func (o *operation) existing(logicalID string) (*record, version) {
	o.mu.Lock()
	defer o.mu.Unlock()
	rec := o.records[logicalID]
	if rec == nil || rec.Current == nil || !o.plan.exists(logicalID) {
		return nil, version{}
	}
	return rec, *rec.Current
}

func (o *operation) imported(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.imports[name] = true
}

// write changes a record and writes it down. The stack's status says so from the first time on.
func (o *operation) write(rec *record, change func()) error {
	if err := o.begin(); err != nil {
		return err
	}
	o.mu.Lock()
	change()
	copied := *rec
	o.mu.Unlock()
	return o.service.records.Put(copied.key(), copied)
}

// touch remembers what the resource was before the operation.
func (r *record) touch() {
	if !r.Touched {
		r.Touched, r.Before = true, r.Current
	}
}

// apply makes one resource what the template says.
func (o *operation) apply(ctx context.Context, logicalID string) error {
	t := o.plan.template.Resources[logicalID]
	rec := o.recordOf(t)
	next, err := o.resolve(ctx, t)
	if err != nil {
		return o.fail(ctx, rec, "", err)
	}
	if rec.Replacing && rec.Status == UpdateFailed { // the replacement failed in an operation that was not rolled back
		if err := o.write(rec, func() {
			rec.discard(*rec.Current)
			rec.Current, rec.Replacing, rec.Status = rec.Before, false, UpdateComplete
		}); err != nil {
			return err
		}
	}
	fresh := rec.Current == nil || rec.Status == ImportFailed || rec.Status == CreateFailed && !o.resumes(rec)
	switch physicalID := o.input.Adopt[t.LogicalID]; {
	case fresh && physicalID != "":
		return o.adopt(ctx, rec, next, physicalID)
	case fresh:
		return o.create(ctx, rec, next)
	case !rec.Status.Failed() && bytes.Equal(rec.Current.Properties, next.Properties):
		return o.keep(rec, next)
	case o.replaces(rec, next):
		if err := o.permitted(stackpolicy.Replace, rec); err != nil {
			return o.fail(ctx, rec, "", err)
		}
		return o.replace(ctx, rec, next)
	}
	if err := o.permitted(stackpolicy.Modify, rec); err != nil {
		return o.fail(ctx, rec, "", err)
	}
	return o.update(ctx, rec, next)
}

// recordOf returns the record of a template's resource, new if there is none.
func (o *operation) recordOf(t *template.Resource) *record {
	o.mu.Lock()
	defer o.mu.Unlock()
	rec := o.records[t.LogicalID]
	if rec == nil {
		rec = &record{StackID: o.stack.ID, LogicalID: t.LogicalID, Type: t.Type}
		o.records[t.LogicalID] = rec
	}
	rec.Path = o.paths[t.LogicalID]
	if rec.Path == "" {
		rec.Path, _ = t.Metadata.Field("aws:cdk:path").Text()
	}
	if rec.Path == "" {
		rec.Path = t.LogicalID
	}
	return rec
}

// resolve evaluates a resource of the template. References to secrets stay as they are.
func (o *operation) resolve(ctx context.Context, t *template.Resource) (*version, error) {
	var properties any = map[string]any{}
	if t.Properties != nil {
		value, err := intrinsic.Evaluate(t.Properties, liveScope{staticScope{o.plan}, ctx, o})
		if err != nil {
			return nil, err
		}
		if value != nil {
			properties = value
		}
	}
	properties, err := intrinsic.Dynamic(properties, func(r intrinsic.Reference) (string, bool, error) {
		if r.Secret() && custom(t.Type) {
			return "", false, fmt.Errorf("dynamic reference %s cannot stand in a custom resource, which would get the secret in plain text", r)
		}
		if r.Secret() {
			return "", true, nil
		}
		value, err := o.service.Resolve(ctx, o.place, r.Service, r.Name)
		return value, false, err
	})
	if err != nil {
		return nil, err
	}
	if custom(t.Type) {
		properties = texts(properties)
	}
	raw, err := json.Marshal(properties)
	return &version{Properties: raw, DependsOn: o.plan.needs[t.LogicalID],
		DeletionPolicy: t.DeletionPolicy, UpdateReplacePolicy: t.UpdateReplacePolicy}, err
}

// request describes a resource to its provider, with its secrets.
func (o *operation) request(ctx context.Context, rec *record, v, old *version) (resource.Request, error) {
	r := rec.request(o.place, v)
	r.Token = o.token
	secret := func(ref intrinsic.Reference) (string, bool, error) {
		value, err := o.service.Resolve(ctx, o.place, ref.Service, ref.Name)
		return value, false, err
	}
	properties, err := intrinsic.Dynamic(r.Properties, secret)
	if err != nil {
		return r, err
	}
	r.Properties, _ = properties.(map[string]any)
	if old != nil {
		r.Old, r.Attributes = decode(old.Properties), old.Attributes
	}
	return r, nil
}

// replaces reports whether a changed property cannot change in place.
func (o *operation) replaces(rec *record, next *version) bool {
	r, ok := o.provider(rec.Type).(resource.Replacer)
	if !ok {
		return false
	}
	before, after := decode(rec.Current.Properties), decode(next.Properties)
	return slices.ContainsFunc(r.Immutable(), func(name string) bool { return !reflect.DeepEqual(before[name], after[name]) })
}

// keep takes over what the template says beside the properties.
func (o *operation) keep(rec *record, next *version) error {
	now := rec.Current
	if o.drifted[rec.LogicalID] != DriftModified && slices.Equal(now.DependsOn, next.DependsOn) && now.DeletionPolicy == next.DeletionPolicy && now.UpdateReplacePolicy == next.UpdateReplacePolicy {
		return nil
	}
	next.PhysicalID, next.Ref, next.Attributes = now.PhysicalID, now.Ref, now.Attributes
	return o.write(rec, func() { rec.touch(); rec.Current = next })
}

func (o *operation) create(ctx context.Context, rec *record, next *version) error {
	err := o.write(rec, func() {
		if rec.Current != nil { // what a failed create has left
			rec.discard(*rec.Current)
			rec.Current = nil
		}
		rec.touch()
		rec.Current, rec.Status = next, CreateInProgress
	})
	if err != nil {
		return err
	}
	o.resourceEvent(rec, "", CreateInProgress, "")
	return o.finish(ctx, rec, func(r resource.Request) (resource.Result, error) { return o.callCreate(ctx, r) }, nil, CreateComplete)
}

func (o *operation) replace(ctx context.Context, rec *record, next *version) error {
	old := *rec.Current
	err := o.write(rec, func() { rec.touch(); rec.Current, rec.Status, rec.Replacing = next, UpdateInProgress, true })
	if err != nil {
		return err
	}
	o.resourceEvent(rec, old.PhysicalID, UpdateInProgress, "Requested update requires the creation of a new physical resource; hence creating one.")
	err = o.finish(ctx, rec, func(r resource.Request) (resource.Result, error) {
		r.Replaces = old.PhysicalID
		return o.callCreate(ctx, r)
	}, nil, UpdateComplete)
	if err != nil || rec.Current.PhysicalID == old.PhysicalID {
		return err
	}
	return o.write(rec, func() { rec.discard(old) })
}

func (o *operation) update(ctx context.Context, rec *record, next *version) error {
	now, was := rec.Current, rec.Status
	old := *now
	if rec.Status == UpdateFailed && rec.Before != nil {
		old.Properties = rec.Before.Properties
	}
	next.PhysicalID, next.Ref, next.Attributes = old.PhysicalID, old.Ref, old.Attributes
	err := o.write(rec, func() { rec.touch(); rec.Current, rec.Status = next, UpdateInProgress })
	if err != nil {
		return err
	}
	o.resourceEvent(rec, old.PhysicalID, UpdateInProgress, "")
	err = o.finish(ctx, rec, func(r resource.Request) (resource.Result, error) { return o.callUpdate(ctx, r) }, &old, UpdateComplete)
	if errors.Is(err, errNotSent) {
		return errors.Join(err, o.write(rec, func() { rec.Current, rec.Status = now, was }))
	}
	if err != nil || rec.Current.PhysicalID == old.PhysicalID {
		return err
	}
	return o.write(rec, func() { rec.discard(old) })
}

// finish calls the provider and writes down what came of it.
func (o *operation) finish(ctx context.Context, rec *record, call func(resource.Request) (resource.Result, error), old *version, done Status) error {
	r, err := o.request(ctx, rec, rec.Current, old)
	var result resource.Result
	if err == nil {
		result, err = call(r)
	}
	if err != nil {
		return o.fail(ctx, rec, result.PhysicalID, err)
	}
	if old == nil && rec.Type != stackType { // a nested stack says so itself, when it begins
		o.initiated(rec, cmp.Or(result.PhysicalID, rec.Current.PhysicalID))
	}
	err = o.write(rec, func() {
		v := *rec.Current
		if result.PhysicalID != "" {
			v.PhysicalID = result.PhysicalID
		}
		v.Ref, v.Attributes = result.Ref, result.Attributes
		rec.Current, rec.Status = &v, done
	})
	if err == nil {
		o.resourceEvent(rec, rec.Current.PhysicalID, done, "")
	}
	return err
}

// fail writes down that a resource could not be made what it should be. leftover names what a failed create made
// nevertheless.
func (o *operation) fail(ctx context.Context, rec *record, leftover string, cause error) error {
	if stopped(ctx) {
		return context.Cause(ctx) // the next operation on the stack takes it up from what is written down
	}
	f := Failure{LogicalID: rec.LogicalID, Path: rec.Path, Type: rec.Type, Status: UpdateFailed, Reason: cause.Error(), Err: cause}
	switch {
	case rec.Status == ImportInProgress:
		f.Status = ImportFailed
	case rec.Current == nil || rec.Status == CreateInProgress:
		f.Status = CreateFailed
	}
	if f.Cancelled = ctx.Err() != nil; f.Cancelled {
		f.Reason = map[Status]string{CreateFailed: "Resource creation cancelled", UpdateFailed: "Resource update cancelled"}[f.Status]
	}
	err := o.begin()
	if err == nil && rec.Status.InProgress() {
		err = o.write(rec, func() { rec.failed(f.Status, leftover, errors.Is(cause, errNotSent)) })
	}
	id := leftover
	if rec.Current != nil {
		id = rec.Current.PhysicalID
	}
	o.resourceEvent(rec, id, f.Status, f.Reason)
	o.mu.Lock()
	o.failures = append(o.failures, f)
	o.mu.Unlock()
	return errors.Join(cause, err)
}

// stopped reports whether the operation ends here and now, instead of rolling back.
func stopped(ctx context.Context) bool {
	cause := context.Cause(ctx)
	return cause != nil && !errors.Is(cause, errSibling) && !errors.Is(cause, ErrInterrupted) && !errors.Is(cause, errTimeout)
}

// failed sets what is known after a call that failed. When nobody was asked there is nothing new.
func (r *record) failed(status Status, leftover string, notSent bool) {
	r.Status = status
	if status == CreateFailed && notSent {
		r.Current = nil
		return
	}
	if status == CreateFailed || status == ImportFailed || r.Replacing {
		r.Current.PhysicalID = leftover
	}
}

// discard keeps a version for clean-up, if there is something to delete.
func (r *record) discard(v version) {
	same := func(other version) bool { return other.PhysicalID == v.PhysicalID }
	if (v.PhysicalID != "" || custom(r.Type)) && !slices.ContainsFunc(r.Garbage, same) {
		r.Garbage = append(r.Garbage, v)
	}
}
