package resource

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// Templates have 30 and "30", true and "true" for the same, and CloudFormation hands them on as they are.

// Text returns a scalar property as text. One that is absent is empty.
func Text(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// Number is a whole number of JSON that may be written as text: 30 or "30". A null leaves it as it is.
type Number int

// Flag is a truth value of JSON that may be written as text: true or "true". A null leaves it as it is.
type Flag bool

// String is text of JSON that may be written as another scalar: "8080" or 8080. A null leaves it as it is.
type String string

var null = []byte("null")

// UnmarshalJSON reads a whole number, or text that is one.
func (n *Number) UnmarshalJSON(raw []byte) error {
	if bytes.Equal(raw, null) {
		return nil
	}
	v, err := strconv.Atoi(string(bytes.Trim(raw, `"`)))
	if err != nil {
		return fmt.Errorf("%s is not a whole number", raw)
	}
	*n = Number(v)
	return nil
}

// UnmarshalJSON reads true or false, or text that is one of them.
func (f *Flag) UnmarshalJSON(raw []byte) error {
	if bytes.Equal(raw, null) {
		return nil
	}
	v, err := strconv.ParseBool(string(bytes.Trim(raw, `"`)))
	if err != nil {
		return fmt.Errorf("%s is neither true nor false", raw)
	}
	*f = Flag(v)
	return nil
}

// UnmarshalJSON reads text, or another scalar as it is written.
func (s *String) UnmarshalJSON(raw []byte) error {
	switch {
	case bytes.Equal(raw, null):
	case len(raw) > 0 && raw[0] == '"':
		return json.Unmarshal(raw, (*string)(s))
	default:
		*s = String(raw)
	}
	return nil
}
