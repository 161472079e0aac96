package pattern

import "encoding/json"

// anythingBut reads what must not be: values, or strings by one of four comparisons.
func (s *source) anythingBut() (comparison, error) {
	token, err := s.next()
	if err != nil {
		return nil, err
	}
	switch {
	case token == json.Delim('{'):
		return s.anythingButLike()
	case token == json.Delim('['):
		return s.anythingButValues()
	}
	switch token.(type) {
	case string, json.Number:
		return not{equalTo(token)}, nil
	}
	return nil, s.fail("Value of anything-but must be an array or single string/number value.")
}

// anythingButValues reads a list of strings, or of numbers.
func (s *source) anythingButValues() (comparison, error) {
	var list not
	texts, numbers := false, false
	for s.more() {
		token, err := s.next()
		if err != nil {
			return nil, err
		}
		switch token.(type) {
		case string:
			texts = true
		case json.Number:
			numbers = true
		default:
			return nil, s.fail("Inside anything but list, start|null|boolean is not supported.")
		}
		list = append(list, equalTo(token))
	}
	if _, err := s.next(); err != nil {
		return nil, err
	}
	if texts == numbers {
		return nil, s.fail("Inside anything but list, either all values are number or string, mixed type is not supported")
	}
	return list, nil
}

// anythingButLike reads a comparison, with one string or a list of them.
func (s *source) anythingButLike() (comparison, error) {
	name, err := s.next()
	if err != nil {
		return nil, err
	}
	operator, ok := name.(string)
	if !ok {
		return nil, s.fail("Anything-But expression name not found")
	}
	switch operator {
	case "prefix", "suffix", "equals-ignore-case", "wildcard":
	default:
		return nil, s.fail("Unsupported anything-but pattern: %s", operator)
	}
	token, err := s.next()
	if err != nil {
		return nil, err
	}
	var list not
	if token == json.Delim('[') {
		for s.more() {
			if token, err = s.next(); err == nil {
				list, err = s.anythingButOne(list, operator, token)
			}
			if err != nil {
				return nil, err
			}
		}
		if _, err = s.next(); err == nil && len(list) == 0 {
			err = s.fail("Empty arrays are not allowed")
		}
	} else {
		list, err = s.anythingButOne(nil, operator, token)
	}
	if err != nil {
		return nil, err
	}
	return list, s.end('}', "Only one key allowed in match expression")
}

func (s *source) anythingButOne(list not, operator string, token json.Token) (not, error) {
	value, ok := token.(string)
	if !ok {
		return nil, s.fail("prefix/suffix match pattern must be a string")
	}
	if value == "" && (operator == "prefix" || operator == "suffix") {
		return nil, s.fail("Null prefix/suffix not allowed")
	}
	c, err := s.comparison(operator, value)
	return append(list, c), err
}
