package asl

import (
	"fmt"
	"strings"
	"time"
)

// rule is a choice rule: a comparison, or a combination of rules.
type rule struct {
	next     string    // of top-level rules
	assign   *template // of those too
	combine  string    // "And", "Or", "Not" or empty
	rules    []rule
	variable *path
	operator string // without "Path"
	operand  any
	from     *path // where an operator ends in "Path"

	condition, output, assignQuery *query // where the state speaks JSONata
}

// operators are the comparisons, and the kinds of operand that they take: s string, n number, b boolean, t timestamp.
// Those of s, n, b and t (but StringMatches) also exist with "Path". Source: Developer Guide, "Choice workflow state".
//
//nolint:gochecknoglobals // a constant
var operators = map[string]byte{
	"StringEquals": 's', "StringLessThan": 's', "StringGreaterThan": 's', "StringLessThanEquals": 's', "StringGreaterThanEquals": 's', "StringMatches": 'm',
	"NumericEquals": 'n', "NumericLessThan": 'n', "NumericGreaterThan": 'n', "NumericLessThanEquals": 'n', "NumericGreaterThanEquals": 'n',
	"BooleanEquals":   'b',
	"TimestampEquals": 't', "TimestampLessThan": 't', "TimestampGreaterThan": 't', "TimestampLessThanEquals": 't', "TimestampGreaterThanEquals": 't',
	"IsNull": 'i', "IsPresent": 'i', "IsNumeric": 'i', "IsString": 'i', "IsBoolean": 'i', "IsTimestamp": 'i',
}

// match reports whether the rule holds.
func (r *rule) match(data any, context surroundings) (bool, error) {
	switch r.combine {
	case "Not":
		ok, err := r.rules[0].match(data, context)
		return !ok, err
	case "And", "Or":
		for i := range r.rules {
			ok, err := r.rules[i].match(data, context)
			if err != nil || ok == (r.combine == "Or") {
				return ok, err
			}
		}
		return r.combine == "And", nil
	}
	v, found := r.variable.get(data, context)
	if r.operator == "IsPresent" {
		return found == r.operand, nil
	}
	if !found {
		return false, Fail(ErrorRuntime, fmt.Sprintf("Invalid path '%s': The choice state's condition path references an invalid value.", r.variable.text))
	}
	operand := r.operand
	if r.from != nil {
		if operand, found = r.from.get(data, context); !found {
			return false, Fail(ErrorRuntime, fmt.Sprintf("Invalid path '%s': The choice state's condition path references an invalid value.", r.from.text))
		}
	}
	if operators[r.operator] == 'i' {
		return isKind(r.operator, v) == operand, nil
	}
	return compare(r.operator, v, operand), nil
}

func isKind(operator string, v any) bool {
	switch operator {
	case "IsNull":
		return v == nil
	case "IsNumeric":
		_, ok := float(v)
		return ok
	case "IsString":
		_, ok := v.(string)
		return ok
	case "IsBoolean":
		_, ok := v.(bool)
		return ok
	case "IsTimestamp":
		_, ok := timestamp(v)
		return ok
	}
	return false
}

// compare applies an operator; values of another kind than the operator's never match.
func compare(operator string, v, operand any) bool {
	order, ok := 0, false
	switch operators[operator] {
	case 'b':
		a, okA := v.(bool)
		b, okB := operand.(bool)
		return okA && okB && a == b
	case 'm':
		a, okA := v.(string)
		b, okB := operand.(string)
		return okA && okB && wildcard(b, a)
	case 's':
		var a, b string
		a, okA := v.(string)
		b, ok = operand.(string)
		order, ok = strings.Compare(a, b), ok && okA
	case 'n':
		a, okA := float(v)
		b, okB := float(operand)
		ok = okA && okB
		order = sign(a < b, a > b)
	case 't':
		a, okA := timestamp(v)
		b, okB := timestamp(operand)
		ok = okA && okB
		order = a.Compare(b)
	}
	if !ok {
		return false
	}
	switch {
	case strings.HasSuffix(operator, "LessThanEquals"):
		return order <= 0
	case strings.HasSuffix(operator, "GreaterThanEquals"):
		return order >= 0
	case strings.HasSuffix(operator, "LessThan"):
		return order < 0
	case strings.HasSuffix(operator, "GreaterThan"):
		return order > 0
	}
	return order == 0
}

func sign(less, greater bool) int {
	switch {
	case less:
		return -1
	case greater:
		return 1
	}
	return 0
}

// timestamp reads an RFC 3339 time with upper-case T, and Z where it has no offset.
func timestamp(v any) (time.Time, bool) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}

// wildcard reports whether a pattern matches all of s: * stands for any characters, and a backslash takes the one after
// it as it is. The time is at most the product of both lengths: after a mismatch only the last * takes one more
// character.
func wildcard(pattern, s string) bool {
	p, i := 0, 0
	star, from := -1, 0 // behind the last *, and what it has taken so far
	for i < len(s) {
		literal := p
		if p+1 < len(pattern) && pattern[p] == '\\' {
			literal++
		}
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p+1, i
			p = star
		case literal < len(pattern) && pattern[literal] == s[i]:
			p, i = literal+1, i+1
		case star >= 0:
			from++
			p, i = star, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
