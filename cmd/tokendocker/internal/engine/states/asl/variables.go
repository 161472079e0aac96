package asl

import (
	"fmt"
	"maps"
)

// maxAssigned is the size of the variables of one Assign in bytes of JSON, maxName that of a name (Developer
// Guide, "Passing data between states with variables", Limits).
const (
	maxAssigned = 262144
	maxName     = 80
)

// scope holds the variables of a machine or of one run of a branch. What runs inside of it sees them and sets its own.
type scope struct {
	outer  *scope
	values map[string]any
}

func newScope(outer *scope) *scope { return &scope{outer: outer, values: map[string]any{}} }

func (s *scope) get(name string) (any, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.values[name]; ok {
			return v, true
		}
	}
	return nil, false
}

// all returns every variable that is in sight.
func (s *scope) all() map[string]any {
	if s == nil {
		return map[string]any{}
	}
	seen := s.outer.all()
	maps.Copy(seen, s.values)
	return seen
}

// assign makes the values of an Assign known, all at once.
func (s *scope) assign(values any) error {
	if len(Encode(values)) > maxAssigned {
		return Fail(ErrorRuntime, fmt.Sprintf("The variables of an Assign have more than %d bytes.", maxAssigned))
	}
	fields, _ := values.(map[string]any)
	maps.Copy(s.values, fields)
	return nil
}

// surroundings are what a state can read beside its input.
type surroundings struct {
	object    map[string]any // the context object
	variables *scope
}
