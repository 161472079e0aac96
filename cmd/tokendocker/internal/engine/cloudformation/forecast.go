package cloudformation

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Unknown stands in a forecast for a value that only the deployment will know.
// Source: AWS CloudFormation API Reference, ResourceTargetDefinition.
const Unknown = "{{changeSet:KNOWN_AFTER_APPLY}}"

// Forecast is what a deployment would do.
type Forecast struct {
	Changes []Change // in the order of dependencies, what is removed last
	Nothing bool     // there is nothing to do
}

// Change is what a deployment would do to one resource.
// Source: AWS CloudFormation API Reference, ResourceChange.
type Change struct {
	Action      string // "Add", "Modify", "Remove" or "Import"
	LogicalID   string
	PhysicalID  string // empty for "Add"
	Type        string
	Replacement string         // of "Modify": "True", "False", or "Conditional" where an unknown value decides it
	Policy      string         // "Delete", "Retain", "ReplaceAndDelete" or "ReplaceAndRetain"; empty: nothing goes
	Scope       []string       // of "Modify": "Properties", "Metadata", "DeletionPolicy", "UpdateReplacePolicy"
	Details     []ChangeDetail // of "Modify"
	Before      map[string]any // properties; nil for "Add"
	After       map[string]any // properties, with Unknown; nil for "Remove"
	Drift       string         // how the resource is, where the deployment begins from that; empty: not known
}

const (
	actionAdd    = "Add"
	actionImport = "Import"
)

// ChangeDetail is one reason of a "Modify".
type ChangeDetail struct {
	Attribute  string // as in Change.Scope
	Property   string // of "Properties": its name
	Recreation string // "Never", "Always", or "Conditionally"
	Dynamic    bool   // an unknown value decides whether it changes
}

// foresight is what a forecast knows of the resources that it has looked at.
type foresight struct {
	made    map[string]bool // new ones, and ones that may be replaced: nothing of them is known
	changed map[string]bool // ones that change in place: their attributes may
}

// Forecast says what Deploy would do, and changes nothing. It fails with an *InputError as Deploy does.
func (s *Service) Forecast(ctx context.Context, in DeployInput) (Forecast, error) {
	op, err := s.open(ctx, stackKey(in.Region, in.StackName), in)
	if err != nil {
		return Forecast{}, err
	}
	return op.forecast(ctx)
}

func (o *operation) forecast(ctx context.Context) (Forecast, error) {
	text, err := o.service.Template(o.stack.ID)
	if err != nil {
		return Forecast{}, err
	}
	was := &template.Template{}
	if t, err := template.ParseGiven([]byte(text), o.stack.Parameters); err == nil {
		was = t
	}
	var f Forecast
	o.ahead = foresight{made: map[string]bool{}, changed: map[string]bool{}}
	for _, id := range o.plan.resources {
		t := o.plan.template.Resources[id]
		rec := o.records[id]
		if rec == nil || rec.Current == nil || rec.Status == CreateFailed {
			o.ahead.made[id] = true
			next, _ := o.resolve(ctx, t) // what cannot be known yet is no error of the forecast's
			c := Change{Action: actionAdd, LogicalID: id, Type: t.Type, After: propertiesOf(next)}
			if c.PhysicalID = o.input.Adopt[id]; c.PhysicalID != "" {
				c.Action = actionImport
			}
			c.Drift = o.drifted[id]
			f.Changes = append(f.Changes, c)
			continue
		}
		if c := o.modification(ctx, rec, t, was.Resources[id]); c != nil {
			c.Drift = o.drifted[id]
			f.Changes = append(f.Changes, *c)
		}
	}
	f.Changes = append(f.Changes, o.removals()...)
	f.Nothing = len(f.Changes) == 0 && o.stack.Completed && !o.stack.Status.Failed() &&
		maps.Equal(o.stack.Tags, o.input.Tags) && o.sameOutputs(ctx)
	return f, nil
}

func propertiesOf(v *version) map[string]any {
	if v == nil {
		return nil
	}
	return decode(v.Properties)
}

// modification says what changes of a resource that exists; nil: nothing.
func (o *operation) modification(ctx context.Context, rec *record, t, was *template.Resource) *Change {
	c := &Change{Action: "Modify", LogicalID: rec.LogicalID, PhysicalID: rec.Current.PhysicalID, Type: rec.Type, Replacement: "False",
		Before: decode(rec.Current.Properties)}
	next, err := o.resolve(ctx, t)
	if err != nil { // a function of an unknown value: only the deployment can tell
		next = &version{Properties: rec.Current.Properties, DeletionPolicy: t.DeletionPolicy, UpdateReplacePolicy: t.UpdateReplacePolicy}
		c.Details = []ChangeDetail{{Attribute: "Properties", Recreation: "Never", Dynamic: true}}
	}
	c.After = decode(next.Properties)
	c.compare(o.immutable(rec.Type))
	if rec.Status.Failed() && len(c.Details) == 0 {
		c.Details = []ChangeDetail{{Attribute: "Properties", Recreation: "Never"}}
	}
	for _, attribute := range []struct {
		name    string
		changed bool
	}{
		{"Metadata", was != nil && !reflect.DeepEqual(was.Metadata.Plain(), t.Metadata.Plain())},
		{"DeletionPolicy", rec.Current.DeletionPolicy != next.DeletionPolicy},
		{"UpdateReplacePolicy", rec.Current.UpdateReplacePolicy != next.UpdateReplacePolicy},
	} {
		if attribute.changed {
			c.Details = append(c.Details, ChangeDetail{Attribute: attribute.name, Recreation: "Never"})
		}
	}
	if len(c.Details) == 0 {
		return nil
	}
	for _, d := range c.Details {
		if !slices.Contains(c.Scope, d.Attribute) {
			c.Scope = append(c.Scope, d.Attribute)
		}
	}
	o.ahead.changed[rec.LogicalID] = slices.Contains(c.Scope, "Properties")
	if c.Replacement != "False" {
		o.ahead.made[rec.LogicalID] = true
		c.Policy = "ReplaceAndDelete"
		if next.UpdateReplacePolicy == policyRetain {
			c.Policy = "ReplaceAndRetain"
		}
	}
	return c
}

// compare adds a detail for each property that differs, and finds out whether the resource is replaced.
func (c *Change) compare(immutable []string) {
	names := map[string]bool{}
	for _, properties := range []map[string]any{c.Before, c.After} {
		for name := range properties {
			names[name] = true
		}
	}
	for _, name := range sortedNames(names) {
		if reflect.DeepEqual(c.Before[name], c.After[name]) {
			continue
		}
		d := ChangeDetail{Attribute: "Properties", Property: name, Recreation: "Never", Dynamic: strings.Contains(fmt.Sprint(c.After[name]), Unknown)}
		switch {
		case !slices.Contains(immutable, name):
		case d.Dynamic:
			d.Recreation = "Conditionally"
			if c.Replacement == "False" {
				c.Replacement = "Conditional"
			}
		default:
			d.Recreation, c.Replacement = "Always", "True"
		}
		c.Details = append(c.Details, d)
	}
}

// immutable returns the properties of a type that cannot change in place.
func (o *operation) immutable(resourceType string) []string {
	if r, ok := o.provider(resourceType).(resource.Replacer); ok {
		return r.Immutable()
	}
	return nil
}

// removals lists the resources that the template does not have any more.
func (o *operation) removals() []Change {
	var out []Change
	for _, id := range sortedNames(o.records) {
		rec := o.records[id]
		if rec.Current == nil || o.plan.exists(id) {
			continue
		}
		c := Change{Action: "Remove", LogicalID: id, PhysicalID: rec.Current.PhysicalID, Type: rec.Type, Policy: "Delete", Before: decode(rec.Current.Properties)}
		if d := (&doomed{rec: rec, version: *rec.Current}); d.retained(false) {
			c.Policy = "Retain"
		}
		out = append(out, c)
	}
	return out
}

// sameOutputs reports whether the stack's outputs stay as they are.
func (o *operation) sameOutputs(ctx context.Context) bool {
	outputs, err := o.outputs(ctx)
	return err == nil && (len(outputs) == 0 && len(o.stack.Outputs) == 0 || reflect.DeepEqual(outputs, o.stack.Outputs))
}
