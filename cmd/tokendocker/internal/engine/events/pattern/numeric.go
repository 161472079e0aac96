package pattern

import (
	"encoding/json"
	"math"
)

// numeric reads a range of numbers: one bound, or a lower and an upper one.
func (s *source) numeric() (comparison, error) {
	token, err := s.next()
	if err != nil {
		return nil, err
	}
	if token != json.Delim('[') {
		return nil, s.fail("Value of numeric must be an array.")
	}
	if token, err = s.next(); err != nil {
		return nil, err
	}
	operator, ok := token.(string)
	if !ok {
		return nil, s.fail("Invalid member in numeric match: %v", token)
	}
	r := span{low: math.Inf(-1), high: math.Inf(1)}
	switch operator {
	case "=":
		if r.low, err = s.bounded("equals"); err == nil {
			r.high = r.low
		}
	case "<", "<=":
		r.high, err = s.bounded(operator)
		r.openHigh = operator == "<"
	case ">", ">=":
		r.low, err = s.bounded(operator)
		r.openLow = operator == ">"
		if err == nil && s.more() {
			err = s.upper(&r)
		}
	default:
		err = s.fail("Unrecognized numeric range operator: %s", operator)
	}
	if err != nil {
		return nil, err
	}
	return r, s.end(']', "Too many elements in numeric expression")
}

// upper reads the upper bound of a range that has a lower one.
func (s *source) upper(r *span) error {
	token, err := s.next()
	if err != nil {
		return err
	}
	operator, ok := token.(string)
	if !ok {
		return s.fail("Bad value in numeric range: %v", token)
	}
	if operator != "<" && operator != "<=" {
		return s.fail("Bad numeric range operator: %s", operator)
	}
	r.openHigh = operator == "<"
	if r.high, err = s.bounded(operator); err != nil {
		return err
	}
	if r.low >= r.high {
		return s.fail("Bottom must be less than top")
	}
	return nil
}
