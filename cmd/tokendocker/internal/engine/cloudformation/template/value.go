package template

import (
	"encoding/json"
	"fmt"
)

// Kind is the shape of a Value.
type Kind int

// The shapes that a Value can have.
const (
	Null Kind = iota
	Scalar
	List
	Map
)

// String returns the shape's name as messages use it.
func (k Kind) String() string {
	return [...]string{"null", "scalar", "list", "map"}[k]
}

// Value is one value of a template with the place where it stands. Its functions are not evaluated.
type Value struct {
	Line int // first line is 1
	Kind Kind

	Scalar any               // string, bool or json.Number, for Kind Scalar
	Items  []*Value          // for Kind List
	Keys   []string          // in the template's order, for Kind Map
	Fields map[string]*Value // by key, for Kind Map
}

// Text returns a scalar as CloudFormation writes it into a string, and whether v is a scalar.
func (v *Value) Text() (string, bool) {
	if v == nil || v.Kind != Scalar {
		return "", false
	}
	switch s := v.Scalar.(type) {
	case string:
		return s, true
	case bool:
		return fmt.Sprint(s), true
	case json.Number:
		return s.String(), true
	}
	return "", false
}

// Only returns the key and the value of a map that has exactly one key; intrinsic functions are such maps.
func (v *Value) Only() (key string, value *Value, ok bool) {
	if v == nil || v.Kind != Map || len(v.Keys) != 1 {
		return "", nil, false
	}
	return v.Keys[0], v.Fields[v.Keys[0]], true
}

// Field returns the value under key, or nil.
func (v *Value) Field(key string) *Value {
	if v == nil {
		return nil
	}
	return v.Fields[key]
}

// Plain returns v without places, as encoding/json would with UseNumber: map[string]any, []any, string, bool,
// json.Number or nil.
func (v *Value) Plain() any {
	if v == nil {
		return nil
	}
	switch v.Kind {
	case List:
		out := make([]any, len(v.Items))
		for i, item := range v.Items {
			out[i] = item.Plain()
		}
		return out
	case Map:
		out := make(map[string]any, len(v.Keys))
		for key, field := range v.Fields {
			out[key] = field.Plain()
		}
		return out
	default:
		return v.Scalar
	}
}

// Error is what is wrong with a template and where.
type Error struct {
	Line    int // 0 when the whole template is meant
	Message string
}

// Error returns the message and the line.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("%s (line %d)", e.Message, e.Line)
}

// Errorf returns an Error at a line of the template.
func Errorf(line int, format string, args ...any) *Error {
	return &Error{Line: line, Message: fmt.Sprintf(format, args...)}
}
