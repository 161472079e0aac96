package pattern

import (
	"encoding/json"
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// maxDepth bounds how deep objects stand in each other; events of AWS's services are far from it.
const maxDepth = 200

// Parse reads an event pattern. Its error is the reason as EventBridge gives it, behind "Event pattern is not valid.
// Reason: ".
func Parse(text string) (*Pattern, error) {
	s := newSource(text)
	token, err := s.next()
	if err != nil {
		return nil, err
	}
	if token != json.Delim('{') {
		return nil, s.fail("Filter is not an object")
	}
	root, err := s.object(0)
	if err != nil {
		return nil, err
	}
	if s.more() {
		return nil, s.fail("Unexpected text after the pattern")
	}
	return &Pattern{root}, nil
}

// object reads an object's fields, behind its opening brace.
func (s *source) object(depth int) (*object, error) {
	if depth > maxDepth {
		return nil, s.fail("Objects stand in each other more than %d deep", maxDepth)
	}
	o := &object{fields: map[string]matcher{}}
	for s.more() {
		name, err := s.next()
		if err != nil {
			return nil, err
		}
		if err := s.field(o, name.(string), depth); err != nil {
			return nil, err
		}
	}
	if _, err := s.next(); err != nil {
		return nil, err
	}
	if len(o.fields)+len(o.alternatives) == 0 {
		return nil, s.fail("Empty objects are not allowed")
	}
	return o, nil
}

// field reads a field's value.
func (s *source) field(o *object, name string, depth int) error {
	if name == "$or" {
		var ahead json.RawMessage
		if s.rest().Decode(&ahead) == nil && alternatives(ahead) {
			list, err := s.alternatives(depth)
			o.alternatives = append(o.alternatives, list)
			return err
		}
	}
	token, err := s.next()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		o.fields[name], err = s.object(depth + 1)
	case json.Delim('['):
		o.fields[name], err = s.leaf()
	default:
		err = s.fail("%q must be an object or an array", name)
	}
	return err
}

// alternatives reads the objects of a "$or".
func (s *source) alternatives(depth int) ([]*object, error) {
	if _, err := s.next(); err != nil { // its bracket
		return nil, err
	}
	var list []*object
	for s.more() {
		if _, err := s.next(); err != nil { // a brace
			return nil, err
		}
		o, err := s.object(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	_, err := s.next()
	return list, err
}

// leaf reads a list of values and comparisons, behind its opening bracket.
func (s *source) leaf() (leaf, error) {
	var list leaf
	for s.more() {
		token, err := s.next()
		if err != nil {
			return nil, err
		}
		var c comparison
		switch {
		case token == json.Delim('{'):
			if c, err = s.expression(); err != nil {
				return nil, err
			}
		case plain(token):
			c = equalTo(token)
		default:
			return nil, s.fail("Match value must be String, number, true, false, or null")
		}
		list = append(list, c)
	}
	if _, err := s.next(); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, s.fail("Empty arrays are not allowed")
	}
	return list, nil
}

func equalTo(token json.Token) equal {
	n, _ := number(token)
	return equal{value: token, number: n}
}

// expression reads a comparison, behind its opening brace.
func (s *source) expression() (comparison, error) {
	name, err := s.next()
	if err != nil {
		return nil, err
	}
	operator, ok := name.(string)
	if !ok {
		return nil, s.fail("Match expression name not found")
	}
	var c comparison
	closing := "Only one key allowed in match expression"
	switch operator {
	case "prefix", "suffix":
		c, err = s.affix(operator)
	case "equals-ignore-case", "wildcard", "cidr":
		c, err = s.textual(operator)
	case "exists":
		c, err = s.exists()
	case "numeric":
		c, err = s.numeric()
		closing = "Too many elements in numeric expression"
	case "anything-but":
		c, err = s.anythingBut()
	default:
		err = s.fail("Unrecognized match type %s", operator)
	}
	if err != nil {
		return nil, err
	}
	return c, s.end('}', closing)
}

// affix reads what a string begins or ends with, perhaps in whatever case.
func (s *source) affix(operator string) (comparison, error) {
	token, err := s.next()
	if err != nil {
		return nil, err
	}
	folded := token == json.Delim('{')
	if folded {
		if token, err = s.next(); err == nil && token != "equals-ignore-case" {
			err = s.fail("Unsupported %s match pattern: %v", operator, token)
		}
		if err == nil {
			token, err = s.next()
		}
	}
	if err != nil {
		return nil, err
	}
	value, ok := token.(string)
	if !ok {
		return nil, s.fail("%s match pattern must be a string", operator)
	}
	if !folded {
		return s.comparison(operator, value)
	}
	c := prefixFolded(value)
	if operator == "suffix" {
		c = suffixFolded(value)
	}
	return c, s.end('}', "Only one key allowed in match expression")
}

// textual reads an operator that takes a string.
func (s *source) textual(operator string) (comparison, error) {
	token, err := s.next()
	if err != nil {
		return nil, err
	}
	value, ok := token.(string)
	if !ok {
		return nil, s.fail("%s match pattern must be a string", operator)
	}
	return s.comparison(operator, value)
}

// comparison makes the comparison of an operator that takes a string.
func (s *source) comparison(operator, value string) (comparison, error) {
	switch operator {
	case "prefix":
		return prefix(value), nil
	case "suffix":
		return suffix(value), nil
	case "equals-ignore-case":
		return sameFolded(value), nil
	case "wildcard":
		return s.wildcard(value)
	}
	return s.cidr(value)
}

func (s *source) exists() (comparison, error) {
	token, err := s.next()
	if err != nil {
		return nil, err
	}
	want, ok := token.(bool)
	if !ok {
		return nil, s.fail("exists match pattern must be either true or false.")
	}
	return exists(want), nil
}

// wildcard takes a wildcard's text apart. A backslash stands before an asterisk or a backslash that is meant itself.
func (s *source) wildcard(value string) (comparison, error) {
	parts := wildcard{""}
	for i := 0; i < len(value); i++ {
		last := &parts[len(parts)-1]
		switch {
		case value[i] == '*' && i > 0 && value[i-1] == '*' && *last == "":
			return nil, s.fail("Consecutive wildcard characters at pos %d", i-1)
		case value[i] == '*':
			parts = append(parts, "")
		case value[i] == '\\' && (i+1 == len(value) || value[i+1] != '*' && value[i+1] != '\\'):
			return nil, s.fail("Invalid escape character at pos %d", i)
		case value[i] == '\\':
			i++
			*last += value[i : i+1]
		default:
			*last += value[i : i+1]
		}
	}
	return parts, nil
}

func (s *source) cidr(value string) (comparison, error) {
	address, bits, ok := strings.Cut(value, "/")
	if !ok || strings.Contains(bits, "/") {
		return nil, s.fail("Malformed CIDR, one '/' required")
	}
	if _, err := strconv.Atoi(bits); err != nil {
		return nil, s.fail("Malformed CIDR, mask bits must be an integer")
	}
	if a, err := netip.ParseAddr(address); err != nil || a.Zone() != "" {
		return nil, s.fail("Nonstandard IP address: %s", address)
	}
	p, err := netip.ParsePrefix(value)
	if err != nil {
		return nil, s.fail("Malformed CIDR, mask bits must be between 0 and the address's length")
	}
	return network(p.Masked()), nil
}

// maxNumber is how far from zero numbers may be in comparisons.
// Source: Amazon EventBridge User Guide, "Comparison operators for use in event patterns", numeric matching.
const maxNumber = 5e9

// bounded reads a number that comparisons can take.
func (s *source) bounded(operator string) (float64, error) {
	token, err := s.next()
	if err != nil {
		return 0, err
	}
	n, ok := number(token)
	if !ok {
		return 0, s.fail("Value of %s must be numeric", operator)
	}
	if math.Abs(n) > maxNumber {
		return 0, s.fail("Value must be between -5.0E9 and 5.0E9, inclusive")
	}
	return n, nil
}
