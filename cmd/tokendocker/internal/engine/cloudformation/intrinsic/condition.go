package intrinsic

import (
	"reflect"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
)

func ifElse(v *template.Value, scope Scope) (any, error) {
	chosen, err := branch(v, scope)
	if err != nil {
		return nil, err
	}
	return evaluate(chosen, scope)
}

// branch returns the branch of Fn::If that its condition chooses.
func branch(v *template.Value, scope Scope) (*template.Value, error) {
	if v.Kind != template.List || len(v.Items) != 3 {
		return nil, failf("Template error: every Fn::If object requires three parameters: a condition and two values")
	}
	name, ok := v.Items[0].Text()
	if !ok {
		return nil, failf("Template error: the first parameter of Fn::If must be the name of a condition")
	}
	holds, err := scope.Condition(name)
	if err != nil {
		return nil, err
	}
	if holds {
		return v.Items[1], nil
	}
	return v.Items[2], nil
}

// Holds evaluates a condition: Fn::Equals, Fn::And, Fn::Or, Fn::Not, Condition, and in rules Fn::Contains,
// Fn::EachMemberEquals and Fn::EachMemberIn.
func Holds(v *template.Value, scope Scope) (bool, error) {
	name, argument, ok := v.Only()
	if !ok {
		return false, template.Errorf(v.Line, "Template error: a condition must be an object with one condition function")
	}
	holds, err := holds(name, argument, scope)
	return holds, at(v.Line, err)
}

func holds(name string, v *template.Value, scope Scope) (bool, error) {
	switch name {
	case "Condition":
		s, ok := v.Text()
		if !ok {
			return false, failf("Template error: Condition must name a condition")
		}
		return scope.Condition(s)
	case "Fn::Not":
		if len(v.Items) != 1 {
			return false, failf("Template error: Fn::Not requires a list argument with one element")
		}
		holds, err := Holds(v.Items[0], scope)
		return !holds, err
	case "Fn::And", "Fn::Or":
		return several(name, v, scope)
	case "Fn::Equals":
		return equals(v, scope)
	case "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn":
		return members(name, v, scope)
	}
	return false, failf("Template error: %s cannot stand in a condition", name)
}

func several(name string, v *template.Value, scope Scope) (bool, error) {
	if len(v.Items) < 2 || len(v.Items) > 10 {
		return false, failf("Template error: every %s object requires a list of at least 2 and at most 10 boolean parameters.", name)
	}
	result := name == "Fn::And"
	for _, item := range v.Items {
		holds, err := Holds(item, scope)
		if err != nil {
			return false, err
		}
		if name == "Fn::And" {
			result = result && holds
		} else {
			result = result || holds
		}
	}
	return result, nil
}

func equals(v *template.Value, scope Scope) (bool, error) {
	if len(v.Items) != 2 {
		return false, failf("Template error: every Fn::Equals object requires a list of 2 string parameters.")
	}
	a, err := evaluate(v.Items[0], scope)
	if err != nil {
		return false, err
	}
	b, err := evaluate(v.Items[1], scope)
	return same(a, b), err
}

// same compares as CloudFormation does: scalars by their text.
func same(a, b any) bool {
	x, okX := Text(a)
	y, okY := Text(b)
	if okX && okY {
		return x == y
	}
	return okX == okY && reflect.DeepEqual(a, b)
}

// members are the rule functions about lists. Each gets a list, and a value or a list.
func members(name string, v *template.Value, scope Scope) (bool, error) {
	if len(v.Items) != 2 {
		return false, failf("Template error: %s requires a list argument with two elements", name)
	}
	list, err := items(v.Items[0], scope, "the first argument of "+name)
	if err != nil {
		return false, err
	}
	value, err := evaluate(v.Items[1], scope)
	if err != nil {
		return false, err
	}
	if name == "Fn::Contains" {
		return within(value, list), nil
	}
	allowed, isList := value.([]any)
	if name == "Fn::EachMemberEquals" {
		allowed, isList = []any{value}, true
	}
	if !isList {
		return false, failf("Template error: the second argument of %s must be a list", name)
	}
	for _, item := range list {
		if !within(item, allowed) {
			return false, nil
		}
	}
	return true, nil
}

func within(value any, list []any) bool {
	for _, item := range list {
		if same(item, value) {
			return true
		}
	}
	return false
}
