package pattern

import (
	"encoding/json"
	"net/netip"
	"strings"
)

// equal is a value itself. Numbers are equal whatever way they are written.
type equal struct {
	value  any // string, json.Number, bool or nil
	number float64
}

func (e equal) holds(value any) bool {
	if value == e.value {
		return true
	}
	_, wantsNumber := e.value.(json.Number)
	n, isNumber := number(value)
	return wantsNumber && isNumber && n == e.number
}

// number returns what a JSON number stands for.
func number(value any) (float64, bool) {
	text, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	n, err := text.Float64()
	return n, err == nil
}

// text is a comparison that only strings can stand.
type text func(string) bool

func (t text) holds(value any) bool {
	s, ok := value.(string)
	return ok && t(s)
}

func prefix(p string) text { return func(s string) bool { return strings.HasPrefix(s, p) } }

func suffix(p string) text { return func(s string) bool { return strings.HasSuffix(s, p) } }

func sameFolded(p string) text { return func(s string) bool { return strings.EqualFold(s, p) } }

func prefixFolded(p string) text {
	return func(s string) bool { return strings.HasPrefix(strings.ToLower(s), strings.ToLower(p)) }
}

func suffixFolded(p string) text {
	return func(s string) bool { return strings.HasSuffix(strings.ToLower(s), strings.ToLower(p)) }
}

// not is what none of the comparisons holds for.
type not []comparison

func (n not) holds(value any) bool {
	for _, c := range n {
		if c.holds(value) {
			return false
		}
	}
	return true
}

// span is a range of numbers.
type span struct {
	low, high         float64
	openLow, openHigh bool // the ends are not in it
}

func (r span) holds(value any) bool {
	n, ok := number(value)
	return ok && (n > r.low || n == r.low && !r.openLow) && (n < r.high || n == r.high && !r.openHigh)
}

// network is a range of IP addresses.
type network netip.Prefix

func (n network) holds(value any) bool {
	s, ok := value.(string)
	if !ok {
		return false
	}
	a, err := netip.ParseAddr(s)
	return err == nil && netip.Prefix(n).Contains(a)
}

// wildcard is text between which anything may stand: before the second part, the third, and so on.
type wildcard []string

func (w wildcard) holds(value any) bool {
	s, ok := value.(string)
	if !ok {
		return false
	}
	if len(w) == 1 {
		return s == w[0]
	}
	last := len(w) - 1
	rest, ok := strings.CutPrefix(s, w[0])
	if !ok {
		return false
	}
	for _, part := range w[1:last] {
		_, after, found := strings.Cut(rest, part) // the first place leaves the most for the parts that follow
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, w[last])
}
