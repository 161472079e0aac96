package cloudformation

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
func (o *operation) outputs(ctx context.Context) ([]Output, error) {
	var out []Output
	scope := liveScope{staticScope{o.plan}, ctx, o}
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

// InUseError says that an export cannot change or go, since other stacks import it.
type InUseError struct {
	Verb   string // "delete" or "update"
	Export string
	Users  []string // names of the stacks that import it
}

// Error is CloudFormation's own sentence.
func (e *InUseError) Error() string {
	return fmt.Sprintf("Cannot %s export %s as it is in use by %s.", e.Verb, e.Export, strings.Join(e.Users, ", "))
}

// exportsFree checks that a stack may have these outputs from now on: no export that another stack uses changes or
// goes, and none has the name of another stack's.
func (s *Service) exportsFree(stack stackRecord, next []Output) error {
	for _, old := range stack.Outputs {
		users := s.users(stack, old.Export)
		if old.Export == "" || len(users) == 0 {
			continue
		}
		i := slices.IndexFunc(next, func(o Output) bool { return o.Export == old.Export })
		if i < 0 {
			return &InUseError{"delete", old.Export, users}
		}
		if next[i].Value != old.Value {
			return &InUseError{"update", old.Export, users}
		}
	}
	for _, other := range s.stacks.All() {
		if other.Region != stack.Region || other.ID == stack.ID {
			continue
		}
		for _, o := range next {
			if o.Export != "" && slices.ContainsFunc(other.Outputs, func(theirs Output) bool { return theirs.Export == o.Export }) {
				return fmt.Errorf("Export with name %s is already exported by stack %s. Rollback requested by user.", o.Export, other.Name) //nolint:staticcheck,revive // CloudFormation's own words
			}
		}
	}
	return nil
}

// users returns the names of the stacks that import an export of the stack.
func (s *Service) users(stack stackRecord, export string) []string {
	var names []string
	for _, other := range s.stacks.All() {
		if other.Region == stack.Region && other.ID != stack.ID && slices.Contains(other.Imports, export) {
			names = append(names, other.Name)
		}
	}
	return names
}
