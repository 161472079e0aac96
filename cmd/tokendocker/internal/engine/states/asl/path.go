package asl

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/ohler55/ojg/jp"
)

// path is a JSONPath into a state's input ("$..."), into the context object ("$$...") or into a variable ("$name...").
type path struct {
	text     string
	expr     jp.Expr
	context  bool
	variable string // the path begins in it, "$name.field"; else empty
	definite bool   // names at most one node
}

// root is the path "$".
var root = &path{text: "$", definite: true} //nolint:gochecknoglobals // a constant

// variableName is how a variable's name begins after the dollar sign (Developer Guide, "Passing data between states with
// variables").
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`) //nolint:gochecknoglobals // a constant

// parsePath reads a path.
func parsePath(text string) (*path, error) {
	rest, context := strings.CutPrefix(text, "$$")
	variable := ""
	if context {
		rest = "$" + rest
	} else if name := variableName.FindString(strings.TrimPrefix(text, "$")); name != "" && strings.HasPrefix(text, "$") {
		variable, rest = name, "$"+text[1+len(name):]
	}
	if !strings.HasPrefix(rest, "$") {
		return nil, fmt.Errorf("%q is not a JSONPath: it does not begin with $", text)
	}
	expr, err := jp.ParseString(withoutNeedlessDots(rest))
	if err != nil {
		return nil, fmt.Errorf("%q is not a JSONPath: %w", text, err)
	}
	p := &path{text: text, expr: expr, context: context, variable: variable, definite: true}
	for _, f := range expr {
		switch f.(type) {
		case jp.Root, jp.Bracket, jp.Child, jp.Nth:
		default:
			p.definite = false
		}
	}
	return p, nil
}

// withoutNeedlessDots drops the dot before a bracket, which Step Functions lets stand, outside of quotes: "$.[0]" is
// "$[0]", but "$..[0]" is every first item.
func withoutNeedlessDots(text string) string {
	var out strings.Builder
	quote := byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote && text[i-1] != '\\' {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '.' && strings.HasPrefix(text[i+1:], "[") && text[max(0, i-1)] != '.':
			continue
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// get returns what the path names: one node, or the list of all nodes when the path may name several.
func (p *path) get(data any, context surroundings) (any, bool) {
	if p == root {
		return data, true
	}
	data, ok := p.start(data, context)
	if !ok {
		return nil, false
	}
	found := p.expr.Get(data)
	if !p.definite {
		if found == nil {
			found = []any{}
		}
		return found, true
	}
	if len(found) == 0 {
		return nil, false
	}
	return found[0], true
}

// start is the data that the path leads into.
func (p *path) start(data any, context surroundings) (any, bool) {
	switch {
	case p.context:
		return context.object, true
	case p.variable != "":
		return context.variables.get(p.variable)
	}
	return data, true
}

// set returns data with value at the path, making objects on the way.
func (p *path) set(data, value any) (any, error) {
	if p == root || len(p.expr) <= 1 {
		return value, nil
	}
	data = clone(data)
	if err := p.place(&data, p.expr[1:], value); err != nil {
		return nil, err
	}
	return data, nil
}

func (p *path) place(at *any, rest jp.Expr, value any) error {
	mismatch := func() error {
		return Fail(ErrorResultPath, fmt.Sprintf("The ResultPath %s cannot be applied to the input %s", p.text, cut(Encode(*at), 1024)))
	}
	if len(rest) == 0 {
		*at = value
		return nil
	}
	switch f := rest[0].(type) {
	case jp.Child:
		if *at == nil {
			*at = map[string]any{}
		}
		m, ok := (*at).(map[string]any)
		if !ok {
			return mismatch()
		}
		child := m[string(f)]
		if err := p.place(&child, rest[1:], value); err != nil {
			return err
		}
		m[string(f)] = child
		return nil
	case jp.Nth:
		l, ok := (*at).([]any)
		if !ok || int(f) < 0 || int(f) >= len(l) {
			return mismatch()
		}
		return p.place(&l[f], rest[1:], value)
	}
	return p.place(at, rest[1:], value) // a Bracket only says how the path was written
}

// template is a payload template: JSON in which fields whose names end in ".$" hold paths or intrinsic functions.
type template struct {
	fields map[string]*template // an object
	paths  map[string]*expression
	items  []*template // a list
	value  any         // anything else
	kind   byte        // 'o', 'l' or 'v'
}

// parseTemplate reads a payload template. problem is told of every bad field with its place.
func parseTemplate(v any, at string, problem func(at, message string)) *template {
	switch v := v.(type) {
	case map[string]any:
		t := &template{kind: 'o', fields: map[string]*template{}, paths: map[string]*expression{}}
		for k, e := range v {
			name, dynamic := strings.CutSuffix(k, ".$")
			if !dynamic {
				t.fields[k] = parseTemplate(e, at+"/"+k, problem)
				continue
			}
			text, ok := e.(string)
			x, err := parseExpression(text)
			if !ok || err != nil {
				problem(at+"/"+k, fmt.Sprintf("The value for the field '%s' must be a valid JSONPath or a valid intrinsic function call", k))
				continue
			}
			t.paths[name] = x
		}
		return t
	case []any:
		t := &template{kind: 'l'}
		for i, e := range v {
			t.items = append(t.items, parseTemplate(e, fmt.Sprintf("%s[%d]", at, i), problem))
		}
		return t
	}
	return &template{kind: 'v', value: v}
}

// names returns the names of a template's own fields.
func (t *template) names() []string {
	if t == nil {
		return nil
	}
	return append(sortedKeys(t.fields), sortedKeys(t.paths)...)
}

// eval fills the template in.
func (t *template) eval(data any, context surroundings) (any, error) {
	switch t.kind {
	case 'o':
		out := make(map[string]any, len(t.fields)+len(t.paths))
		for k, f := range t.fields {
			v, err := f.eval(data, context)
			if err != nil {
				return nil, err
			}
			out[k] = v
		}
		for k, x := range t.paths {
			v, err := x.eval(data, context, k+".$")
			if err != nil {
				return nil, err
			}
			out[k] = clone(v)
		}
		return out, nil
	case 'l':
		out := make([]any, 0, len(t.items))
		for _, f := range t.items {
			v, err := f.eval(data, context)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	}
	return clone(t.value), nil
}
