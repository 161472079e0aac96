package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Adoption names a resource that exists and is to become one of a template's.
// Source: AWS CloudFormation User Guide, "Import AWS resources into a CloudFormation stack".
type Adoption struct {
	LogicalID, Type string
	Identifier      map[string]string // properties that identify it, as Identifier says
}

// Identifier returns the property that identifies a resource of a type to import, or "" if the type has none here.
func (s *Service) Identifier(resourceType string) string {
	if r, ok := s.Providers[resourceType].(resource.Reader); ok {
		return r.Identifier()
	}
	return ""
}

// live returns a resource as it is now, whether there is such a resource, and whether its type can be read.
func (o *operation) live(ctx context.Context, rec *record, v *version) (live resource.Live, found, readable bool, err error) {
	reader, ok := o.service.Providers[rec.Type].(resource.Reader)
	if !ok {
		return live, false, false, nil
	}
	live, found, err = reader.Read(ctx, rec.request(o.place, v))
	return live, found, true, err
}

// adopt takes a resource that exists into the stack.
func (o *operation) adopt(ctx context.Context, rec *record, next *version, physicalID string) error {
	next.PhysicalID = physicalID
	err := o.write(rec, func() { rec.touch(); rec.Current, rec.Status, rec.Adopted = next, ImportInProgress, true })
	if err != nil {
		return err
	}
	o.resourceEvent(rec, physicalID, ImportInProgress, "Resource import started.")
	live, found, _, err := o.live(ctx, rec, next)
	if err == nil && !found {
		err = fmt.Errorf("Resource of type '%s' with identifier '%s' was not found.", rec.Type, physicalID) //nolint:staticcheck,revive // CloudFormation's form
	}
	if err != nil {
		return o.fail(ctx, rec, "", err)
	}
	err = o.write(rec, func() {
		v := *rec.Current
		v.Ref, v.Attributes = live.Ref, live.Attributes
		rec.Current, rec.Status = &v, ImportComplete
	})
	o.resourceEvent(rec, physicalID, ImportComplete, "Resource import completed.")
	return err
}

// rollBackImport lets go of what an import has taken into the stack.
func (o *operation) rollBackImport(ctx context.Context, reason string) error {
	o.enter(Rollback)
	if err := o.setStatus(ImportRollbackInProgress, reason); err != nil {
		return err
	}
	for _, id := range sortedNames(o.records) {
		rec := o.records[id]
		if !rec.Touched || rec.Before != nil {
			continue
		}
		physicalID := ""
		if rec.Current != nil {
			physicalID = rec.Current.PhysicalID
		}
		o.resourceEvent(rec, physicalID, ImportRollbackInProgress, "")
		if err := o.service.records.Delete(rec.key()); err != nil {
			return err
		}
		delete(o.records, id)
		o.resourceEvent(rec, physicalID, ImportRollbackComplete, "")
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return o.setStatus(ImportRollbackComplete, "")
}

// adoptions finds the physical ids of what is to be imported, and checks what CloudFormation asks of it.
func (o *operation) adoptions(list []Adoption) (map[string]string, error) {
	out := map[string]string{}
	var unprotected, unsupported []string
	for _, a := range list {
		t := o.plan.template.Resources[a.LogicalID]
		if t == nil || !o.plan.exists(a.LogicalID) || t.Type != a.Type {
			return nil, &InputError{fmt.Errorf("Resources to import [%s] must be in the template with the type %s", a.LogicalID, a.Type)} //nolint:staticcheck // CloudFormation's form
		}
		property := o.service.Identifier(t.Type)
		id := a.Identifier[property]
		switch {
		case property == "":
			unsupported = append(unsupported, t.Type)
		case id == "" || len(a.Identifier) > 1:
			return nil, &InputError{fmt.Errorf("Invalid resource identifier for %s: a resource of type %s is identified by %s", a.LogicalID, t.Type, property)} //nolint:staticcheck // CloudFormation's form
		case t.DeletionPolicy == "":
			unprotected = append(unprotected, a.LogicalID)
		}
		if owner := o.service.owner(o.stack.Region, t.Type, id); owner != "" {
			return nil, &InputError{fmt.Errorf("Resource %s already exists in stack %s", id, owner)} //nolint:staticcheck // CloudFormation's form
		}
		out[a.LogicalID] = id
	}
	switch {
	case len(unsupported) > 0:
		return nil, &InputError{fmt.Errorf("ResourceTypes [%s] are not supported for Import", strings.Join(unsupported, ", "))} //nolint:staticcheck // CloudFormation's own words
	case len(unprotected) > 0:
		return nil, &InputError{fmt.Errorf("The following resources to import [%s] must have DeletionPolicy attribute specified in the template.", strings.Join(unprotected, ", "))} //nolint:staticcheck,revive // CloudFormation's own words
	}
	return out, nil
}

// owner returns the ARN of the stack that a physical resource belongs to, or "".
func (s *Service) owner(region, resourceType, physicalID string) string {
	for _, rec := range s.records.All() {
		if rec.Type == resourceType && rec.Current != nil && rec.Current.PhysicalID == physicalID && regionOf(rec.StackID) == region {
			return rec.StackID
		}
	}
	return ""
}

// Owner returns the ARN of the stack that a physical resource of whatever type belongs to, and whether there is one.
func (s *Service) Owner(region, physicalID string) (string, bool) {
	for _, rec := range s.records.All() {
		if rec.Current != nil && rec.Current.PhysicalID == physicalID && regionOf(rec.StackID) == region {
			return rec.StackID, true
		}
	}
	return "", false
}

// regionOf returns the region in a stack's ARN.
func regionOf(stackID string) string {
	if parts := strings.SplitN(stackID, ":", 6); len(parts) == 6 {
		return parts[3]
	}
	return ""
}

// adoptable lists the new resources of the template whose names are fixed in it and taken already by resources that no
// stack has. reason says why they cannot be imported.
// Source: AWS CloudFormation User Guide, "Import AWS resources into a CloudFormation stack automatically".
func (o *operation) adoptable(ctx context.Context) (found map[string]string, reason string, err error) {
	found = map[string]string{}
	var unprotected []string
	for _, id := range o.plan.resources {
		t := o.plan.template.Resources[id]
		property := o.service.Identifier(t.Type)
		name, literal := t.Properties.Field(property).Text()
		if rec := o.records[id]; property == "" || !literal || name == "" || rec != nil && rec.Current != nil {
			continue
		}
		if o.service.owner(o.stack.Region, t.Type, name) != "" {
			continue
		}
		_, there, _, err := o.live(ctx, &record{StackID: o.stack.ID, LogicalID: id, Type: t.Type}, &version{PhysicalID: name})
		if err != nil {
			return nil, "", err
		}
		if !there {
			continue
		}
		found[id] = name
		if t.DeletionPolicy != policyRetain && t.DeletionPolicy != policyRetainExceptOnCreate {
			unprotected = append(unprotected, fmt.Sprintf("%s ({%s=%s})", id, property, name))
		}
	}
	if len(unprotected) > 0 {
		reason = "CloudFormation is attempting to import some resources because they already exist in your account. The resources must have the DeletionPolicy attribute " +
			"set to 'Retain' or 'RetainExceptOnCreate' in the template for successful import. The affected resources are " + strings.Join(unprotected, ", ")
	}
	return found, reason, nil
}

// onlyImports checks that an import does nothing else.
func (o *operation) onlyImports(changes []Change) error {
	var added, other []string
	for _, c := range changes {
		switch c.Action {
		case actionImport:
		case actionAdd:
			added = append(added, c.LogicalID)
		default:
			other = append(other, c.LogicalID)
		}
	}
	text, err := o.service.Template(o.stack.ID)
	if err != nil {
		return err
	}
	was := &template.Template{}
	if t, err := template.ParseGiven([]byte(text), o.stack.Parameters); err == nil {
		was = t
	}
	switch {
	case len(added) > 0:
		return &InputError{fmt.Errorf("Resources [%s] is missing from ResourceToImport list", strings.Join(added, ", "))} //nolint:staticcheck // CloudFormation's own words
	case len(other) > 0:
		return &InputError{fmt.Errorf("You have modified resources [%s] in your template that are not being imported. Update, create or delete operations cannot be executed during import operations.", //nolint:staticcheck,revive // CloudFormation's own words
			strings.Join(other, ", "))}
	case !slices.EqualFunc(outputsOf(was), outputsOf(o.plan.template), func(a, b any) bool { return reflect.DeepEqual(a, b) }):
		return &InputError{errors.New("As part of the import operation, you cannot modify or add [Outputs]")} //nolint:staticcheck,revive // CloudFormation's own words
	}
	return nil
}

// outputsOf returns what a template says of its outputs, by name.
func outputsOf(t *template.Template) []any {
	var out []any
	for _, name := range sortedNames(t.Outputs) {
		o := t.Outputs[name]
		out = append(out, []any{name, o.Description, o.Condition, o.Value.Plain(), o.Export.Plain()})
	}
	return out
}
