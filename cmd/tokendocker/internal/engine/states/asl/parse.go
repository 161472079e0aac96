package asl

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// maxDefinition is the size of a definition in bytes (API Reference, "CreateStateMachine").
const maxDefinition = 1 << 20

// InvalidError lists what is wrong with a definition, in Step Functions' own words.
type InvalidError struct{ Problems []string }

// Error returns the message that CreateStateMachine answers.
func (e *InvalidError) Error() string {
	return "Invalid State Machine Definition: '" + strings.Join(e.Problems, ", ") + "'"
}

// Parse reads a definition. Its error is an *InvalidError.
func Parse(definition string) (*Machine, error) {
	if len(definition) > maxDefinition {
		return nil, &InvalidError{[]string{fmt.Sprintf("DEFINITION_TOO_LARGE: the definition has %d bytes, at most %d are allowed", len(definition), maxDefinition)}}
	}
	v, err := Decode([]byte(definition))
	if err != nil {
		return nil, &InvalidError{[]string{"INVALID_JSON_DESCRIPTION: " + err.Error()}}
	}
	p := &parser{names: map[string]bool{}}
	m := p.machine(v, "", "Comment", "StartAt", "States", "TimeoutSeconds", "Version", "QueryLanguage")
	if len(p.problems) > 0 {
		sort.Strings(p.problems)
		return nil, &InvalidError{p.problems}
	}
	return m, nil
}

// parser collects problems while it reads, so that one answer names them all.
type parser struct {
	problems []string
	names    map[string]bool // of all states: they are unique in the whole definition
	jsonata  bool            // the machine's query language
}

func (p *parser) schema(at, message string) {
	p.problems = append(p.problems, "SCHEMA_VALIDATION_FAILED: "+message+" at "+at)
}

// object is a JSON object that is being read, with its place.
type object struct {
	p      *parser
	at     string
	fields map[string]any
}

// object takes v as an object that may have the given fields.
func (p *parser) object(v any, at string, allowed []string) (object, bool) {
	m, ok := v.(map[string]any)
	if !ok {
		p.schema(at, "Expected value of type Object")
		return object{}, false
	}
	for k := range m {
		if !slices.Contains(allowed, k) {
			p.schema(at+"/"+k, "Field is not supported")
		}
	}
	return object{p, at, m}, true
}

func (o object) has(name string) bool {
	_, ok := o.fields[name]
	return ok
}

func (o object) text(name string, required bool) string {
	v, ok := o.fields[name]
	if !ok {
		if required {
			o.p.schema(o.at, "These fields are required: ["+name+"]")
		}
		return ""
	}
	s, ok := v.(string)
	if !ok {
		o.p.schema(o.at+"/"+name, "Expected value of type String")
	}
	return s
}

func (o object) number(name string, absent, low, high float64) float64 {
	v, ok := o.fields[name]
	if !ok {
		return absent
	}
	n, ok := float(v)
	if !ok {
		o.p.schema(o.at+"/"+name, "Expected value of type Number")
		return absent
	}
	if n < low || n > high {
		o.p.schema(o.at+"/"+name, fmt.Sprintf("Value is not between %.0f and %.0f", low, high))
	}
	return n
}

func (o object) whole(name string, absent, low, high float64) float64 {
	n := o.number(name, absent, low, high)
	if n != float64(int64(n)) {
		o.p.schema(o.at+"/"+name, "Expected value of type Integer")
	}
	return n
}

func (o object) list(name string, required bool) []any {
	v, ok := o.fields[name]
	if !ok {
		if required {
			o.p.schema(o.at, "These fields are required: ["+name+"]")
		}
		return nil
	}
	l, ok := v.([]any)
	if !ok {
		o.p.schema(o.at+"/"+name, "Expected value of type Array")
	} else if required && len(l) == 0 {
		o.p.schema(o.at+"/"+name, "Array must not be empty")
	}
	return l
}

// path reads a JSONPath field; reference demands one that names a single node. A field that is null gives nil.
func (o object) path(name string, absent *path, reference bool) *path {
	v, ok := o.fields[name]
	if !ok {
		return absent
	}
	if v == nil {
		return nil
	}
	text, ok := v.(string)
	if !ok {
		o.p.schema(o.at+"/"+name, "Expected value of type String")
		return absent
	}
	parsed, err := parsePath(text)
	if err != nil || reference && (!parsed.definite || parsed.variable != "" && name == "ResultPath") {
		o.p.schema(o.at+"/"+name, "Value is not a Reference Path")
		return absent
	}
	if text == "$" {
		return root
	}
	return parsed
}

func (o object) template(name string) *template {
	v, ok := o.fields[name]
	if !ok {
		return nil
	}
	return parseTemplate(v, o.at+"/"+name, o.p.schema)
}

// machine reads a state machine or a branch.
func (p *parser) machine(v any, at string, allowed ...string) *Machine {
	o, ok := p.object(v, at, allowed)
	if !ok {
		return nil
	}
	m := &Machine{startAt: o.text("StartAt", true), states: map[string]*state{}, timeoutSeconds: o.whole("TimeoutSeconds", 0, 1, 99999999)}
	switch o.text("QueryLanguage", false) {
	case "", "JSONPath":
	case jsonataName:
		p.jsonata = true
	default:
		p.schema(at+"/QueryLanguage", "Value is not valid")
	}
	states, ok := o.fields["States"].(map[string]any)
	if !ok || len(states) == 0 {
		p.schema(at, "These fields are required: [States]")
		return m
	}
	for _, name := range sortedKeys(states) {
		place := at + "/States/" + name
		if len(name) > 80 {
			p.schema(place, "State name must not be longer than 80 characters")
		}
		if p.names[name] {
			p.problems = append(p.problems, "DUPLICATE_STATE_NAME: Duplicate State name: "+name+" at "+place)
		}
		p.names[name] = true
		m.states[name] = p.state(states[name], place)
	}
	p.transitions(m, at)
	return m
}

// transitions checks that every target exists, every state can be reached and the machine can end.
func (p *parser) transitions(m *Machine, at string) {
	reached, ends := map[string]bool{}, false
	target := func(name, place string) {
		if name == "" {
			return
		}
		if m.states[name] == nil {
			p.problems = append(p.problems, "MISSING_TRANSITION_TARGET: Missing 'Next' target: "+name+" at "+place)
		}
		reached[name] = true
	}
	target(m.startAt, at+"/StartAt")
	for _, name := range sortedKeys(m.states) {
		s := m.states[name]
		if s == nil {
			continue
		}
		place := at + "/States/" + name
		target(s.next, place+"/Next")
		target(s.defaultChoice, place+"/Default")
		for i, r := range s.choices {
			target(r.next, fmt.Sprintf("%s/Choices[%d]/Next", place, i))
		}
		for i, c := range s.catch {
			target(c.next, fmt.Sprintf("%s/Catch[%d]/Next", place, i))
		}
		ends = ends || s.next == "" && s.kind != "Choice"
	}
	if !ends {
		p.problems = append(p.problems, "MISSING_END_STATE: Workflow has no terminal state")
		return
	}
	for _, name := range sortedKeys(m.states) {
		if !reached[name] {
			p.problems = append(p.problems, fmt.Sprintf("MISSING_TRANSITION_TARGET: State %q is not reachable. at %s/States/%s", name, at, name))
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
