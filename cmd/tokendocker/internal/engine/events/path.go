package events

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// path is a JSON path in dot notation: names, numbers of elements, and asterisks for all of them.
type path []string

// step is one of a path's steps.
var step = regexp.MustCompile(`^(?:\.([^.\[\]"'\s]+)|\[(\d+|\*)\])`)

// parsePath reads a path, which begins with a dollar sign.
// Source: Amazon EventBridge User Guide, "Amazon EventBridge input transformation", supported syntax.
func parsePath(text string) (path, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return nil, errors.New("a path begins with $")
	}
	var p path
	for rest != "" {
		m := step.FindStringSubmatch(rest)
		if m == nil {
			return nil, errors.New("a path has names after dots, and numbers in brackets")
		}
		p = append(p, m[1]+m[2])
		rest = rest[len(m[0]):]
	}
	return p, nil
}

// in returns what the path names, and whether it is there.
func (p path) in(value any) (any, bool) {
	for i, name := range p {
		switch v := value.(type) {
		case map[string]any:
			next, ok := v[name]
			if !ok {
				return nil, false
			}
			value = next
		case []any:
			if name == "*" {
				return p[i+1:].inAll(v), true
			}
			n, err := strconv.Atoi(name)
			if err != nil || n < 0 || n >= len(v) {
				return nil, false
			}
			value = v[n]
		default:
			return nil, false
		}
	}
	return value, true
}

// inAll returns what the path names in each element.
func (p path) inAll(list []any) any {
	out := []any{}
	for _, element := range list {
		if v, ok := p.in(element); ok {
			out = append(out, v)
		}
	}
	return out
}
