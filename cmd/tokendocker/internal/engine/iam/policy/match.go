package policy

import (
	"strings"
	"unicode/utf8"
)

// pattern is text with wildcards. Text that a variable brought in has no wildcards of its own.
type pattern []element

type element struct {
	char rune
	wild bool // char is * or ? and means it
}

// compile makes a pattern of text. With variables, ${key} stands for the request's value and ${*}, ${?} and ${$} for
// the character; ok is false if a variable has no single value.
func compile(text string, r *Request, wildcards, variables bool) (p pattern, ok bool) {
	for text != "" {
		if variables && strings.HasPrefix(text, "${") {
			if end := strings.IndexByte(text, '}'); end > 0 {
				value, ok := r.variable(text[2:end])
				if !ok {
					return nil, false
				}
				for _, c := range value {
					p = append(p, element{char: c})
				}
				text = text[end+1:]
				continue
			}
		}
		c, size := utf8.DecodeRuneInString(text)
		p = append(p, element{c, wildcards && (c == '*' || c == '?')})
		text = text[size:]
	}
	return p, true
}

// match reports whether the whole of s fits.
func (p pattern) match(s string) bool {
	in := []rune(s)
	star, mark := -1, 0
	i, j := 0, 0
	for i < len(in) {
		switch {
		case j < len(p) && p[j].wild && p[j].char == '*':
			star, mark = j, i
			j++
		case j < len(p) && (p[j].wild || p[j].char == in[i]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	for j < len(p) && p[j].wild && p[j].char == '*' {
		j++
	}
	return j == len(p)
}

// splitARN splits at the first five colons outside of variables.
func splitARN(arn string) []string {
	var parts []string
	depth, start := 0, 0
	for i := 0; i < len(arn) && len(parts) < 5; i++ {
		switch {
		case strings.HasPrefix(arn[i:], "${"):
			depth++
		case arn[i] == '}' && depth > 0:
			depth--
		case arn[i] == ':' && depth == 0:
			parts = append(parts, arn[start:i])
			start = i + 1
		}
	}
	return append(parts, arn[start:])
}

// matchARN compares an ARN component by component, so that a wildcard never reaches over a colon into another one.
func matchARN(text, arn string, r *Request, variables bool) bool {
	if text == "*" {
		return true
	}
	want, got := splitARN(text), splitARN(arn)
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		p, ok := compile(want[i], r, true, variables)
		if !ok || !p.match(got[i]) {
			return false
		}
	}
	return true
}

// matchAction compares without regard to case.
func matchAction(text, action string) bool {
	p, _ := compile(strings.ToLower(text), nil, true, false)
	return p.match(strings.ToLower(action))
}

// variable gives the value of what stands between ${ and }: a condition key, perhaps with a default.
// Source: IAM User Guide, "IAM policy elements: Variables and tags".
func (r *Request) variable(name string) (string, bool) {
	if name == "*" || name == "?" || name == "$" {
		return name, true
	}
	name, fallback, hasFallback := strings.Cut(name, ",")
	if values := r.values(strings.TrimSpace(name)); len(values) == 1 {
		return values[0], true
	}
	fallback = strings.TrimSpace(fallback)
	if hasFallback && len(fallback) >= 2 && fallback[0] == '\'' && fallback[len(fallback)-1] == '\'' {
		return fallback[1 : len(fallback)-1], true
	}
	return "", false
}
