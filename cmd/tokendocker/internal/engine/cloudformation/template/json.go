package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
)

// maxDepth bounds how deeply a template's values nest, so that a hostile one cannot exhaust the stack.
const maxDepth = 200

// jsonReader reads JSON into Values and keeps the lines.
type jsonReader struct {
	dec   *json.Decoder
	lines []int // offsets of the newlines
}

func parseJSON(text []byte) (*Value, error) {
	r := &jsonReader{dec: json.NewDecoder(bytes.NewReader(text))}
	r.dec.UseNumber()
	for i, b := range text {
		if b == '\n' {
			r.lines = append(r.lines, i)
		}
	}
	v, err := r.value(0)
	if err != nil {
		return nil, r.malformed(err)
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, r.malformed(errors.New("text after the end of the template"))
	}
	return v, nil
}

func (r *jsonReader) malformed(err error) error {
	var place *Error
	if errors.As(err, &place) {
		return err
	}
	line := r.line()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		line = r.lineOf(syntax.Offset)
	}
	return Errorf(line, "Template format error: JSON not well-formed: %v", err)
}

func (r *jsonReader) line() int { return r.lineOf(r.dec.InputOffset()) }

func (r *jsonReader) lineOf(offset int64) int {
	return 1 + sort.SearchInts(r.lines, int(max(offset-1, 0)))
}

func (r *jsonReader) value(depth int) (*Value, error) {
	if depth > maxDepth {
		return nil, Errorf(r.line(), "Template format error: values nest more than %d levels deep", maxDepth)
	}
	token, err := r.dec.Token()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	v := &Value{Line: r.line()}
	switch t := token.(type) {
	case nil:
		return v, nil
	case json.Delim:
		if t == '[' {
			return r.list(v, depth)
		}
		return r.fields(v, depth)
	default:
		v.Kind, v.Scalar = Scalar, t
		return v, nil
	}
}

func (r *jsonReader) list(v *Value, depth int) (*Value, error) {
	v.Kind = List
	for r.dec.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		v.Items = append(v.Items, item)
	}
	_, err := r.dec.Token()
	return v, err
}

func (r *jsonReader) fields(v *Value, depth int) (*Value, error) {
	v.Kind, v.Fields = Map, map[string]*Value{}
	for r.dec.More() {
		token, err := r.dec.Token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("key is %v and not a string", token)
		}
		if v.Fields[key] != nil {
			return nil, Errorf(r.line(), "Template format error: duplicate key %q", key)
		}
		field, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		v.Keys = append(v.Keys, key)
		v.Fields[key] = field
	}
	_, err := r.dec.Token()
	return v, err
}
