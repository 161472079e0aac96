package intrinsic

import (
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
)

// References calls each for every name that Ref, Fn::GetAtt and Fn::Sub in v refer to, in the branches of Fn::If
// that the conditions choose: parameters, pseudo parameters and logical ids, with the line of the function.
func References(v *template.Value, scope Scope, each func(name string, line int)) error {
	if v == nil {
		return nil
	}
	if name, argument, ok := function(v); ok {
		done, err := referenced(name, argument, v.Line, scope, each)
		if done || err != nil {
			return at(v.Line, err)
		}
	}
	for _, item := range v.Items {
		if err := References(item, scope, each); err != nil {
			return err
		}
	}
	for _, key := range v.Keys {
		if err := References(v.Fields[key], scope, each); err != nil {
			return err
		}
	}
	return nil
}

// referenced handles the functions that refer to something themselves; done says that the argument has been read.
func referenced(name string, v *template.Value, line int, scope Scope, each func(string, int)) (done bool, err error) {
	switch name {
	case "Ref":
		target, ok := v.Text()
		if !ok {
			return true, failf("Template error: every Ref object must have a single String value.")
		}
		each(target, line)
	case "Fn::GetAtt":
		id, attribute, ok := attributeOf(v)
		if !ok {
			return true, failf("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
		}
		each(id, line)
		return true, References(attribute, scope, each)
	case "Fn::If":
		chosen, err := branch(v, scope)
		if err != nil {
			return true, err
		}
		return true, References(chosen, scope, each)
	case "Fn::Sub":
		s, own, err := subParts(v)
		if err != nil {
			return true, err
		}
		names, err := subNames(s)
		for _, n := range names {
			if own.Field(n) == nil {
				id, _, _ := strings.Cut(n, ".")
				each(id, line)
			}
		}
		if err != nil {
			return true, err
		}
		return true, References(own, scope, each)
	default:
		return false, nil
	}
	return true, nil
}
