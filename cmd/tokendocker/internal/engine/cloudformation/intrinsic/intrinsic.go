// Package intrinsic evaluates what a CloudFormation template says at deploy time: intrinsic functions, pseudo
// parameters, conditions, parameter values and dynamic references. It is pure: everything outside of the template
// comes through a Scope.
//
// Sources: AWS CloudFormation Template Reference, "Intrinsic function reference", "Pseudo parameters reference",
// "Rule-specific intrinsic functions"; User Guide, "Parameters" and "Dynamic references".
package intrinsic

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
)

// NoValue is the pseudo parameter that removes the property which it is the value of.
const NoValue = "AWS::NoValue"

// OutputReference names an output of another stack.
type OutputReference struct {
	Stack, Output string
	Region        string // empty: the stack's own
	Role          string // ARN of the role that may describe a stack of its account; empty: the stack is in this account
}

// Scope is what names in a template stand for. Its values are strings, []any, map[string]any, bool or json.Number.
type Scope interface {
	// Ref returns the value of a parameter, a pseudo parameter or a resource.
	Ref(name string) (any, error)
	// GetAtt returns an attribute of a resource.
	GetAtt(logicalID, attribute string) (any, error)
	// Condition says whether a condition of the template holds.
	Condition(name string) (bool, error)
	// Mapping returns an entry of Mappings, or nil.
	Mapping(name string) *template.Value
	// ImportValue returns an exported output of another stack.
	ImportValue(name string) (string, error)
	// StackOutput returns an output of another stack.
	StackOutput(from OutputReference) (string, error)
	// Zones returns the names of a region's availability zones; an empty region is the stack's own.
	Zones(region string) []string
	// Extended reports whether the template uses AWS::LanguageExtensions.
	Extended() bool
}

// omitted is the value of AWS::NoValue inside the evaluation.
type omitted struct{}

// Evaluate returns the value of v with all functions resolved: string, bool, json.Number, []any, map[string]any, or
// nil for AWS::NoValue. Errors are *template.Error with CloudFormation's message where it is known.
func Evaluate(v *template.Value, scope Scope) (any, error) {
	out, err := evaluate(v, scope)
	if _, gone := out.(omitted); gone {
		out = nil
	}
	return out, err
}

func evaluate(v *template.Value, scope Scope) (any, error) {
	switch v.Kind {
	case template.List:
		out := make([]any, 0, len(v.Items))
		for _, item := range v.Items {
			value, err := evaluate(item, scope)
			if err != nil {
				return nil, err
			}
			if _, gone := value.(omitted); !gone {
				out = append(out, value)
			}
		}
		return out, nil
	case template.Map:
		if name, argument, ok := function(v); ok {
			out, err := call(name, argument, scope)
			if text, ok := out.(string); ok && err == nil {
				err = bounded(name, len(text))
			}
			return out, at(v.Line, err)
		}
		return evaluateFields(v, scope)
	default:
		return v.Scalar, nil
	}
}

func evaluateFields(v *template.Value, scope Scope) (any, error) {
	out := make(map[string]any, len(v.Keys))
	for _, key := range v.Keys {
		value, err := evaluate(v.Fields[key], scope)
		if err != nil {
			return nil, err
		}
		if _, gone := value.(omitted); !gone {
			out[key] = value
		}
	}
	return out, nil
}

// function tells whether v is a call of an intrinsic function. "Condition" is one only where conditions stand, since
// it is also a key of policies.
func function(v *template.Value) (name string, argument *template.Value, ok bool) {
	name, argument, ok = v.Only()
	return name, argument, ok && (name == "Ref" || strings.HasPrefix(name, "Fn::"))
}

// bounded refuses a text that a few functions within functions have made larger than any template, which would exhaust
// this process.
func bounded(name string, size int) error {
	if size > template.MaxBytes {
		return failf("Template error: %s makes a text of %d bytes; the longest here has %d", name, size, template.MaxBytes)
	}
	return nil
}

// call evaluates one intrinsic function.
func call(name string, argument *template.Value, scope Scope) (any, error) {
	switch name {
	case "Ref":
		return ref(argument, scope)
	case "Fn::GetAtt":
		return getAtt(argument, scope)
	case "Fn::Sub":
		return sub(argument, scope)
	case "Fn::Join":
		return join(argument, scope)
	case "Fn::Select":
		return selectItem(argument, scope)
	case "Fn::Split":
		return split(argument, scope)
	case "Fn::If":
		return ifElse(argument, scope)
	case "Fn::FindInMap":
		return findInMap(argument, scope)
	case "Fn::Base64":
		return toBase64(argument, scope)
	case "Fn::GetAZs":
		return getAZs(argument, scope)
	case "Fn::ImportValue":
		return importValue(argument, scope)
	case "Fn::GetStackOutput":
		return stackOutput(argument, scope)
	case "Fn::Cidr":
		return cidr(argument, scope)
	case "Fn::Length", "Fn::ToJsonString":
		return extension(name, argument, scope)
	case "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not":
		return Holds(&template.Value{Kind: template.Map, Line: argument.Line, Keys: []string{name},
			Fields: map[string]*template.Value{name: argument}}, scope)
	case "Fn::Transform":
		return nil, fmt.Errorf("Template error: Fn::Transform runs a macro in AWS, which cannot be done here") //nolint:staticcheck // CloudFormation's form
	}
	return nil, fmt.Errorf("Template error: unknown intrinsic function %s", name) //nolint:staticcheck // CloudFormation's form
}

// at gives an error the line where it happened, unless it has one.
func at(line int, err error) error {
	if err == nil {
		return nil
	}
	if place, ok := err.(*template.Error); ok && place.Line != 0 { //nolint:errorlint // wrapped ones keep their text
		return err
	}
	return template.Errorf(line, "%s", err.Error())
}

// failf is an error whose place is added by the caller.
func failf(format string, args ...any) error { return template.Errorf(0, format, args...) }

// Text returns a resolved scalar as CloudFormation writes it into a string, and whether value is a scalar.
func Text(value any) (string, bool) {
	switch s := value.(type) {
	case string:
		return s, true
	case bool:
		return fmt.Sprint(s), true
	case json.Number:
		return s.String(), true
	}
	return "", false
}

// text evaluates v to a string.
func text(v *template.Value, scope Scope, what string) (string, error) {
	value, err := evaluate(v, scope)
	if err != nil {
		return "", err
	}
	s, ok := Text(value)
	if !ok {
		return "", failf("Template error: %s must be a string", what)
	}
	return s, nil
}

// items evaluates v to a list.
func items(v *template.Value, scope Scope, what string) ([]any, error) {
	value, err := evaluate(v, scope)
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok {
		return nil, failf("Template error: %s must be a list", what)
	}
	return list, nil
}
