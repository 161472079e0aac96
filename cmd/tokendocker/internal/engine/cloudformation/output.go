package cloudformation

import (
	"fmt"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/intrinsic"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
)

// Output is one output of a stack.
type Output struct {
	Key         string
	Value       string
	Description string
	Export      string // the export's name; empty: not exported
}

// outputs evaluates the template's outputs.
func (o *operation) outputs() ([]Output, error) {
	var out []Output
	scope := liveScope{staticScope{o.plan}, o}
	for _, name := range sortedNames(o.plan.template.Outputs) {
		t := o.plan.template.Outputs[name]
		if t.Condition != "" && !o.plan.conditions[t.Condition] {
			continue
		}
		value, err := outputText(t.Value, scope, name)
		if err != nil {
			return nil, err
		}
		one := Output{Key: name, Value: value, Description: t.Description}
		if t.Export != nil {
			if one.Export, err = outputText(t.Export, scope, name); err != nil {
				return nil, err
			}
		}
		out = append(out, one)
	}
	return out, nil
}

func outputText(v *template.Value, scope intrinsic.Scope, name string) (string, error) {
	value, err := intrinsic.Evaluate(v, scope)
	if err != nil {
		return "", err
	}
	text, ok := intrinsic.Text(value)
	if !ok {
		return "", template.Errorf(v.Line, "Template format error: The Value field of every Outputs member must evaluate to a String; that of %s does not.", name)
	}
	return text, nil
}

// exportsFree checks that a stack may have these outputs from now on: no export that another stack uses changes or
// goes, and none has the name of another stack's.
func (s *Service) exportsFree(stack stackRecord, next []Output) error {
	for _, other := range s.stacks.All() {
		if other.Region != stack.Region || other.ID == stack.ID {
			continue
		}
		for _, old := range stack.Outputs {
			if old.Export == "" || !slices.Contains(other.Imports, old.Export) {
				continue
			}
			i := slices.IndexFunc(next, func(o Output) bool { return o.Export == old.Export })
			if i < 0 {
				return fmt.Errorf("Export %s cannot be deleted as it is in use by %s", old.Export, other.Name) //nolint:staticcheck // CloudFormation's own words
			}
			if next[i].Value != old.Value {
				return fmt.Errorf("Export %s cannot be updated as it is in use by %s", old.Export, other.Name) //nolint:staticcheck // CloudFormation's own words
			}
		}
		for _, o := range next {
			if o.Export != "" && slices.ContainsFunc(other.Outputs, func(theirs Output) bool { return theirs.Export == o.Export }) {
				return fmt.Errorf("Export with name %s is already exported by stack %s. Rollback requested by user.", o.Export, other.Name) //nolint:staticcheck,revive // CloudFormation's own words
			}
		}
	}
	return nil
}
