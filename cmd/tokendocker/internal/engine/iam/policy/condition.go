package policy

import (
	"cmp"
	"encoding/base64"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// comparison compares one value of a policy with one of the request.
type comparison func(want, got string, r *Request, variables bool) bool

// operator finds the comparison of a name, and whether it is negated.
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
func operator(name string) (compare comparison, negated bool) {
	switch name {
	case "StringEquals", "StringNotEquals":
		compare = textual(false, func(s string) string { return s })
	case "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase":
		compare = textual(false, strings.ToLower)
	case "StringLike", "StringNotLike":
		compare = textual(true, func(s string) string { return s })
	case "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike":
		compare = func(want, got string, r *Request, variables bool) bool {
			return want != "*" && matchARN(want, got, r, variables) || want == "*" && strings.HasPrefix(got, "arn:")
		}
	case "Bool":
		compare = func(want, got string, _ *Request, _ bool) bool { return strings.EqualFold(want, got) }
	case "BinaryEquals":
		compare = binaryEquals
	case "IpAddress", "NotIpAddress":
		compare = inNetwork
	default:
		return ordered(name)
	}
	return compare, strings.Contains(name, "Not")
}

func ordered(name string) (compare comparison, negated bool) {
	kind, relation := strings.TrimPrefix(name, "Numeric"), numeric
	if kind == name {
		kind, relation = strings.TrimPrefix(name, "Date"), dates
		if kind == name {
			return nil, false
		}
	}
	holds, ok := map[string]func(int) bool{
		"Equals":            func(c int) bool { return c == 0 },
		"NotEquals":         func(c int) bool { return c == 0 },
		"LessThan":          func(c int) bool { return c < 0 },
		"LessThanEquals":    func(c int) bool { return c <= 0 },
		"GreaterThan":       func(c int) bool { return c > 0 },
		"GreaterThanEquals": func(c int) bool { return c >= 0 },
	}[kind]
	if !ok {
		return nil, false
	}
	return func(want, got string, _ *Request, _ bool) bool {
		c, ok := relation(got, want)
		return ok && holds(c)
	}, kind == "NotEquals"
}

// plain takes ForAllValues:, ForAnyValue: and IfExists off an operator's name.
func plain(name string) (operator, set string, ifExists bool) {
	if before, after, ok := strings.Cut(name, ":"); ok {
		set, name = before, after
	}
	operator, ifExists = strings.CutSuffix(name, "IfExists")
	return operator, set, ifExists
}

func knownOperator(name string) bool {
	op, set, ifExists := plain(name)
	if set != "" && set != "ForAllValues" && set != "ForAnyValue" {
		return false
	}
	if op == "Null" {
		return !ifExists && set == ""
	}
	compare, _ := operator(op)
	return compare != nil
}

// holds decides the condition. A key that the request lacks fails it, unless the operator is negated or ends in
// IfExists; for ForAllValues an empty set holds, for ForAnyValue never.
func (c Condition) holds(r *Request, variables bool) bool {
	op, set, ifExists := plain(c.Operator)
	got := r.values(c.Key)
	if op == "Null" {
		return slices.ContainsFunc(c.Values, func(v string) bool { return strings.EqualFold(v, "true") == (len(got) == 0) })
	}
	compare, negated := operator(op)
	if compare == nil {
		return false
	}
	fits := func(value string) bool {
		found := slices.ContainsFunc(c.Values, func(want string) bool { return compare(want, value, r, variables) })
		return found != negated
	}
	switch {
	case len(got) == 0 && ifExists:
		return true
	case set == "ForAnyValue":
		return slices.ContainsFunc(got, fits)
	case set == "ForAllValues", negated:
		return !slices.ContainsFunc(got, func(v string) bool { return !fits(v) })
	}
	return slices.ContainsFunc(got, fits)
}

func textual(wildcards bool, fold func(string) string) comparison {
	return func(want, got string, r *Request, variables bool) bool {
		if !variables || !strings.Contains(want, "${") {
			want, variables = fold(want), false
		}
		p, ok := compile(want, r, wildcards, variables)
		for i := range p {
			p[i].char = []rune(fold(string(p[i].char)))[0]
		}
		return ok && p.match(fold(got))
	}
}

func binaryEquals(want, got string, _ *Request, _ bool) bool {
	a, errA := base64.StdEncoding.DecodeString(want)
	b, errB := base64.StdEncoding.DecodeString(got)
	return errA == nil && errB == nil && slices.Equal(a, b)
}

func inNetwork(want, got string, _ *Request, _ bool) bool {
	ip, err := netip.ParseAddr(got)
	if err != nil {
		return false
	}
	if prefix, err := netip.ParsePrefix(want); err == nil {
		return prefix.Contains(ip)
	}
	one, err := netip.ParseAddr(want)
	return err == nil && one == ip
}

func numeric(a, b string) (int, bool) {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return cmp.Compare(x, y), errX == nil && errY == nil && !math.IsNaN(x) && !math.IsNaN(y)
}

func dates(a, b string) (int, bool) {
	x, okX := date(a)
	y, okY := date(b)
	return x.Compare(y), okX && okY
}

// date reads the forms of ISO 8601 that the W3C names, or seconds since 1970.
func date(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return time.Unix(n, 0), err == nil
}
