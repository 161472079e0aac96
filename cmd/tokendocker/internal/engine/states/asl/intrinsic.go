package asl

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// expression is what a ".$" field holds: a path, or a call of an intrinsic function whose arguments are expressions.
type expression struct {
	path     *path
	function string
	args     []*expression
	literal  any
	text     string
}

// maxNesting is how deep calls may be nested (Developer Guide, "Intrinsics for JSONPath states").
const maxNesting = 10

// parseExpression reads a path or a call.
func parseExpression(text string) (*expression, error) {
	if strings.HasPrefix(text, "$") {
		p, err := parsePath(text)
		return &expression{path: p, text: text}, err
	}
	if !strings.HasPrefix(text, "States.") {
		return nil, fmt.Errorf("%q is neither a JSONPath nor an intrinsic function", text)
	}
	s := &scanner{text: text}
	x, err := s.call(1)
	if err != nil {
		return nil, err
	}
	if s.pos != len(s.text) {
		return nil, fmt.Errorf("text after the call in %q", text)
	}
	return x, nil
}

// scanner reads intrinsic calls.
type scanner struct {
	text string
	pos  int
}

func (s *scanner) spaces() {
	for s.pos < len(s.text) && strings.IndexByte(" \t\n\r", s.text[s.pos]) >= 0 {
		s.pos++
	}
}

func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) call(depth int) (*expression, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("more than %d nested calls", maxNesting)
	}
	start := s.pos
	open := strings.IndexByte(s.text[s.pos:], '(')
	if open < 0 {
		return nil, errors.New("a call has no parenthesis")
	}
	name := strings.TrimSpace(s.text[s.pos : s.pos+open])
	if _, known := intrinsics[name]; !known {
		return nil, fmt.Errorf("there is no intrinsic function %q", name)
	}
	s.pos += open + 1
	x := &expression{function: name}
	for s.spaces(); s.peek() != ')'; s.spaces() {
		if len(x.args) > 0 {
			if s.peek() != ',' {
				return nil, fmt.Errorf("arguments of %s are not separated by commas", name)
			}
			s.pos++
			s.spaces()
		}
		arg, err := s.argument(depth)
		if err != nil {
			return nil, err
		}
		x.args = append(x.args, arg)
	}
	s.pos++
	x.text = s.text[start:s.pos]
	return x, nil
}

func (s *scanner) argument(depth int) (*expression, error) {
	switch c := s.peek(); {
	case c == '\'':
		text, err := s.quoted()
		return &expression{literal: text}, err
	case c == '$':
		return parseExpression(s.pathText())
	case strings.HasPrefix(s.text[s.pos:], "States."):
		return s.call(depth + 1)
	}
	end := s.pos
	for end < len(s.text) && strings.IndexByte(",) \t\n\r", s.text[end]) < 0 {
		end++
	}
	word := s.text[s.pos:end]
	s.pos = end
	switch word {
	case "null":
		return &expression{}, nil
	case "true", "false":
		return &expression{literal: word == "true"}, nil
	}
	if i, err := strconv.ParseInt(word, 10, 64); err == nil {
		return &expression{literal: i}, nil
	}
	f, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return nil, fmt.Errorf("%q is no argument", word)
	}
	return &expression{literal: f}, nil
}

// quoted reads a string in single quotes. Backslashes stand before ', {, } and \; those before braces are kept, as
// States.Format takes them off.
func (s *scanner) quoted() (string, error) {
	var b strings.Builder
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; c {
		case '\'':
			s.pos++
			return b.String(), nil
		case '\\':
			if s.pos++; s.pos >= len(s.text) {
				return "", errors.New("a string ends in a backslash")
			}
			if c = s.text[s.pos]; c == '{' || c == '}' {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return "", errors.New("a string has no end")
}

// pathText takes a path, which ends at a comma or parenthesis outside of its own brackets and quotes.
func (s *scanner) pathText() string {
	start, depth, quote := s.pos, 0, byte(0)
	for ; s.pos < len(s.text); s.pos++ {
		c := s.text[s.pos]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '[' || c == '(':
			depth++
		case c == ']' || c == ')' && depth > 0:
			depth--
		case depth == 0 && (c == ',' || c == ')'):
			return strings.TrimSpace(s.text[start:s.pos])
		}
	}
	return strings.TrimSpace(s.text[start:])
}

// eval computes the expression; field is its name in an error's text.
func (x *expression) eval(data any, context surroundings, field string) (any, error) {
	switch {
	case x.path != nil:
		v, ok := x.path.get(data, context)
		if !ok {
			data, _ = x.path.start(data, context)
			return nil, Fail(ErrorRuntime, fmt.Sprintf("The JSONPath '%s' specified for the field '%s' could not be found in the input '%s'",
				x.path.text, field, cut(Encode(data), 4096)))
		}
		return v, nil
	case x.function == "":
		return x.literal, nil
	}
	args := make([]any, 0, len(x.args))
	for _, a := range x.args {
		v, err := a.eval(data, context, field)
		if err != nil {
			return nil, err
		}
		args = append(args, v)
	}
	v, err := intrinsics[x.function](args)
	if err != nil {
		return nil, Fail(ErrorIntrinsicFailure, fmt.Sprintf("The function '%s' had the following error: %v", x.text, err))
	}
	return v, nil
}
