// Package pattern is EventBridge's event patterns: which events a rule is about. It is pure: it knows no rules and no
// buses.
//
// Sources: Amazon EventBridge User Guide, "Creating Amazon EventBridge event patterns" and "Comparison operators for use
// in event patterns"; aws/event-ruler, the library that EventBridge matches with, for what the pages leave open and for
// the words of errors.
package pattern

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Pattern is an event pattern. Its zero value matches nothing; Parse makes one. It is safe for concurrent use.
type Pattern struct{ root *object }

// object is what a pattern asks of an object's fields: all of fields, and one of each list of alternatives.
type object struct {
	fields       map[string]matcher
	alternatives [][]*object // one list for each "$or"
}

// matcher is what a pattern asks of a field.
type matcher interface {
	// matches decides about a field's value; there is false where the event does not have the field.
	matches(value any, there bool) bool
}

// Match reports whether an event, JSON text, is one that the pattern is about. Text that is no JSON object is an error.
func (p *Pattern) Match(event []byte) (bool, error) {
	d := json.NewDecoder(bytes.NewReader(event))
	d.UseNumber()
	var fields map[string]any
	if err := d.Decode(&fields); err != nil {
		return false, fmt.Errorf("the event is no JSON object: %w", err)
	}
	return p.root != nil && p.root.matches(fields, true), nil
}

// matches decides about an object, or about an array one of whose elements must fit as a whole.
// Source: aws/event-ruler, README, "JSON Array Matching".
func (o *object) matches(value any, there bool) bool {
	switch value := value.(type) {
	case map[string]any:
		return o.fits(value)
	case []any:
		for _, element := range value {
			if o.matches(element, true) {
				return true
			}
		}
		return len(value) == 0 && o.fits(nil)
	}
	return o.fits(nil) // a field below a leaf is not there
}

func (o *object) fits(fields map[string]any) bool {
	for name, m := range o.fields {
		value, there := fields[name]
		if !m.matches(value, there) {
			return false
		}
	}
	for _, list := range o.alternatives {
		if !anyFits(list, fields) {
			return false
		}
	}
	return true
}

func anyFits(list []*object, fields map[string]any) bool {
	for _, o := range list {
		if o.fits(fields) {
			return true
		}
	}
	return false
}

// leaf is a list of values and comparisons, one of which must hold.
type leaf []comparison

// comparison decides about one value that is no object and no array: a string, a json.Number, true, false or nil.
type comparison interface{ holds(value any) bool }

// exists asks whether there is a value at all, which only leaves can tell.
type exists bool

func (exists) holds(any) bool { return true }

// matches looks at the value, or at each of an array's elements. An object is no leaf: its field counts as not there.
func (l leaf) matches(value any, there bool) bool {
	var values []any
	if there {
		values = leaves(value, nil)
	}
	for _, c := range l {
		if e, ok := c.(exists); ok {
			if bool(e) == (len(values) > 0) {
				return true
			}
			continue
		}
		for _, v := range values {
			if c.holds(v) {
				return true
			}
		}
	}
	return false
}

// leaves returns the values in a field, in the arrays in it too.
func leaves(value any, found []any) []any {
	switch value := value.(type) {
	case map[string]any:
		return found
	case []any:
		for _, element := range value {
			found = leaves(element, found)
		}
		return found
	}
	return append(found, value)
}
