package pattern

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// source reads a pattern's tokens, and knows where it is.
type source struct {
	text string
	json *json.Decoder
	at   int // offset behind the last token; behind a string's opening quote, as the errors of AWS's parser count
	now  json.Token
}

func newSource(text string) *source {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return &source{text: text, json: d}
}

// next reads a token.
func (s *source) next() (json.Token, error) {
	before := int(s.json.InputOffset())
	token, err := s.json.Token()
	if err != nil {
		s.at = min(before, len(s.text))
		if errors.Is(err, io.EOF) {
			return nil, s.fail("Unexpected end-of-input")
		}
		return nil, s.fail("Invalid JSON: %v", err)
	}
	s.at, s.now = int(s.json.InputOffset()), token
	if _, ok := token.(string); ok {
		s.at = before + len(s.text[before:]) - len(strings.TrimLeft(s.text[before:], " \t\r\n,:")) + 1
	}
	return token, nil
}

// more reports whether the present object or array goes on.
func (s *source) more() bool { return s.json.More() }

// end reads the closing token of what has been read whole, or fails with message.
func (s *source) end(closing json.Delim, message string) error {
	token, err := s.next()
	if err == nil && token != closing {
		err = s.fail("%s", message)
	}
	return err
}

// fail is an error in AWS's form, which says where the parser is.
// Source: messages in public issues, such as cloud-custodian/cloud-custodian#6507.
func (s *source) fail(format string, args ...any) error {
	read := s.text[:min(s.at, len(s.text))]
	line := strings.Count(read, "\n") + 1
	column := len(read) - strings.LastIndexByte(read, '\n')
	return fmt.Errorf("%s\n at [Source: (String)\"%s\"; line: %d, column: %d]", fmt.Sprintf(format, args...), s.text, line, column)
}

// plain reports whether a token is a value by itself.
func plain(token json.Token) bool {
	_, nested := token.(json.Delim)
	return !nested
}

// reserved reports whether a name is one of those that make what stands after "$or" a field like any other.
// Source: aws/event-ruler, Constants.java, RESERVED_FIELD_NAMES_IN_OR_RELATIONSHIP.
func reserved(name string) bool {
	switch name {
	case "exactly", "prefix", "suffix", "exists", "anything-but", "numeric", "equals-ignore-case", "wildcard", "cidr",
		"regex", "shellstyle", "greater-than", "less-than", "in", "contains":
		return true
	}
	return false
}

// alternatives reports whether a "$or" field is what it looks like: at least two objects, none with a reserved name.
// Source: aws/event-ruler, README, "The "$or" Primitive".
func alternatives(value json.RawMessage) bool {
	var list []map[string]json.RawMessage
	if json.Unmarshal(value, &list) != nil || len(list) < 2 {
		return false
	}
	for _, fields := range list {
		if fields == nil {
			return false
		}
		for name := range fields {
			if reserved(name) {
				return false
			}
		}
	}
	return true
}

// rest is what follows the token that was read last.
func (s *source) rest() *json.Decoder {
	return json.NewDecoder(bytes.NewReader([]byte(strings.TrimLeft(s.text[s.json.InputOffset():], " \t\r\n:"))))
}
