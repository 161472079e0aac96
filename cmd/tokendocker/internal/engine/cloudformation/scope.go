package cloudformation

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/intrinsic"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// staticScope knows what is known before any resource exists.
type staticScope struct{ *plan }

// Ref returns a parameter or a pseudo parameter.
func (s staticScope) Ref(name string) (any, error) {
	if value, ok := s.parameters[name]; ok {
		return value, nil
	}
	switch name {
	case "AWS::AccountId":
		return s.stack.Account, nil
	case "AWS::NotificationARNs":
		return s.topics, nil
	case "AWS::Partition":
		return s.stack.Partition, nil
	case "AWS::Region":
		return s.stack.Region, nil
	case "AWS::StackId":
		return s.stack.ID, nil
	case "AWS::StackName":
		return s.stack.Name, nil
	case "AWS::URLSuffix":
		return s.stack.URLSuffix, nil
	}
	return nil, fmt.Errorf("Template error: Unresolved dependencies [%s]. Cannot reference resources in the Conditions block of the template", name) //nolint:staticcheck // CloudFormation's own words
}

// GetAtt fails: there are no resources yet.
func (s staticScope) GetAtt(logicalID, _ string) (any, error) { return s.Ref(logicalID) }

// Condition returns a condition's value.
func (s staticScope) Condition(name string) (bool, error) {
	holds, ok := s.conditions[name]
	if !ok {
		return false, fmt.Errorf("Template error: unresolved condition dependency %s", name) //nolint:staticcheck // CloudFormation's own words
	}
	return holds, nil
}

// Mapping returns an entry of Mappings.
func (s staticScope) Mapping(name string) *template.Value { return s.template.Mappings[name] }

// ImportValue fails: conditions and rules may not import.
func (s staticScope) ImportValue(name string) (string, error) {
	return "", fmt.Errorf("Template error: Fn::ImportValue of %s cannot stand in a condition", name) //nolint:staticcheck // CloudFormation's own words
}

// StackOutput fails: conditions and rules may not read other stacks.
func (s staticScope) StackOutput(from intrinsic.OutputReference) (string, error) {
	return "", fmt.Errorf("Template error: Fn::GetStackOutput of %s of stack %s cannot stand in a condition", from.Output, from.Stack) //nolint:staticcheck // CloudFormation's form
}

// Zones returns the zones of a region.
func (s staticScope) Zones(region string) []string {
	if region == "" {
		region = s.stack.Region
	}
	return s.zones(region)
}

// Extended reports whether the template uses the language extensions.
func (s staticScope) Extended() bool { return s.template.Extended() }

// conditionScope evaluates conditions, which may refer to each other, in whatever order they are asked for.
type conditionScope struct {
	staticScope
	open map[string]bool // being evaluated
}

// Condition evaluates a condition once.
func (s *conditionScope) Condition(name string) (bool, error) {
	if holds, ok := s.conditions[name]; ok {
		return holds, nil
	}
	v := s.template.Conditions[name]
	if v == nil {
		return s.staticScope.Condition(name)
	}
	if s.open[name] {
		return false, template.Errorf(v.Line, "Template error: circular dependency of condition %s on itself", name)
	}
	s.open[name] = true
	holds, err := intrinsic.Holds(v, s)
	if err == nil {
		s.conditions[name] = holds
	}
	return holds, err
}

// liveScope knows the resources of a running operation as well.
type liveScope struct {
	staticScope
	ctx context.Context // of the evaluation, which may ask other accounts
	op  *operation
}

// Ref returns a parameter, a pseudo parameter, or what Ref of a resource gives.
func (s liveScope) Ref(name string) (any, error) {
	if s.op.ahead.made[name] {
		return Unknown, nil
	}
	rec, v := s.op.existing(name)
	if rec == nil {
		return s.staticScope.Ref(name)
	}
	if value, ok := s.op.overrides[name][""]; ok {
		v.PhysicalID, v.Ref = value, ""
	}
	if d, ok := s.op.provider(rec.Type).(resource.Describer); ok {
		return d.Ref(rec.request(s.stack, &v)), nil
	}
	if v.Ref != "" {
		return v.Ref, nil
	}
	return v.PhysicalID, nil
}

// GetAtt returns an attribute of a resource.
func (s liveScope) GetAtt(logicalID, attribute string) (any, error) {
	if s.op.ahead.made[logicalID] || s.op.ahead.changed[logicalID] {
		return Unknown, nil
	}
	rec, v := s.op.existing(logicalID)
	if rec == nil {
		return s.Ref(logicalID)
	}
	if value, ok := s.op.overrides[logicalID][attribute]; ok {
		return value, nil
	}
	if value, ok := s.op.overrides[logicalID][""]; ok {
		v.PhysicalID = value
	}
	if d, ok := s.op.provider(rec.Type).(resource.Describer); ok {
		value, err := d.Attribute(rec.request(s.stack, &v), attribute)
		return plain(value), err
	}
	value, ok := v.Attributes[attribute]
	if ok {
		return plain(value), nil
	}
	if custom(rec.Type) {
		return nil, fmt.Errorf("CustomResource attribute error: Vendor response doesn't contain %s attribute in object %s|%s", //nolint:staticcheck // CloudFormation's own words
			attribute, rec.StackID, logicalID)
	}
	return nil, fmt.Errorf("Template error: resource %s does not support attribute type %s in Fn::GetAtt", logicalID, attribute) //nolint:staticcheck // CloudFormation's own words
}

// ImportValue returns an export of another stack and remembers that it is used.
func (s liveScope) ImportValue(name string) (string, error) {
	for _, other := range s.op.service.stacks.All() {
		i := slices.IndexFunc(other.Outputs, func(o Output) bool { return o.Export == name })
		if other.Region == s.stack.Region && other.ID != s.stack.ID && i >= 0 {
			s.op.imported(name)
			return other.Outputs[i].Value, nil
		}
	}
	return "", fmt.Errorf("No export named %s found.", name) //nolint:staticcheck,revive // CloudFormation's own words
}

// StackOutput returns an output of another stack, whichever region it is in, or account if a role may describe it there.
func (s liveScope) StackOutput(from intrinsic.OutputReference) (string, error) {
	from.Region = cmp.Or(from.Region, s.stack.Region)
	service := s.op.service
	if from.Role != "" {
		var err error
		if service, err = service.Elsewhere(s.ctx, from.Role, from.Region, from.Stack); err != nil {
			return "", fmt.Errorf("Fn::GetStackOutput: %w", err)
		}
	}
	other, found, err := service.stacks.Get(stackKey(from.Region, from.Stack))
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(other.Outputs, func(o Output) bool { return o.Key == from.Output })
	switch {
	case !found || other.ID == s.stack.ID:
		return "", fmt.Errorf("Fn::GetStackOutput: Stack with id %s does not exist in %s", from.Stack, from.Region)
	case i < 0:
		return "", fmt.Errorf("Fn::GetStackOutput: stack %s in %s has no output %s", from.Stack, from.Region, from.Output)
	}
	return other.Outputs[i].Value, nil
}

// plain turns the numbers of a provider or of the state into those of templates.
func plain(value any) any {
	switch v := value.(type) {
	case float64:
		return json.Number(strconv.FormatFloat(v, 'f', -1, 64))
	case int:
		return json.Number(strconv.Itoa(v))
	case int64:
		return json.Number(strconv.FormatInt(v, 10))
	case []string:
		out := make([]any, len(v))
		for i, s := range v {
			out[i] = s
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = plain(item)
		}
		return out
	}
	return value
}
