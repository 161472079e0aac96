package contract

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Literal is the part that carries s byte for byte. The empty string gives an empty part.
func Literal(s string) Part {
	return Part{Literal: base64.StdEncoding.EncodeToString([]byte(s))}
}

// Value is the part that CloudFormation resolves while the stack deploys: s holds a token at synth and the
// resolved text in the handler.
func Value(s string) Part { return Part{Value: s} }

// Bytes gives the text's bytes: its parts, decoded and joined. It refuses what no process argument can carry
// (NUL) and what BuildKit does not take ("string field contains invalid UTF-8"). Parts may not cut a character in
// two, but the rule holds for the joined bytes only.
func (t Text) Bytes() ([]byte, error) {
	var joined []byte
	for i, part := range t {
		if part.Literal != "" && part.Value != "" {
			return nil, fmt.Errorf("part %d sets both Literal and Value; a part is one of them", i+1)
		}
		literal, err := base64.StdEncoding.Strict().DecodeString(part.Literal)
		if err != nil {
			return nil, fmt.Errorf("part %d: Literal is not standard base64: %w", i+1, err)
		}
		joined = append(append(joined, literal...), part.Value...)
	}
	if at := bytes.IndexByte(joined, 0); at >= 0 {
		return nil, fmt.Errorf("holds a NUL byte at offset %d, which no build argument or environment variable can carry", at)
	}
	if !utf8.Valid(joined) {
		return nil, errors.New("is not valid UTF-8, which BuildKit refuses; encode the value, as base64 for example")
	}
	return joined, nil
}

// Bytes gives the argument's value; an error names the argument.
func (a Argument) Bytes() ([]byte, error) {
	value, err := a.Value.Bytes()
	if err != nil {
		return nil, fmt.Errorf("value of %q: %w", a.Name, err)
	}
	return value, nil
}
