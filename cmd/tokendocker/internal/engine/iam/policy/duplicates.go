package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// noDuplicates refuses a document in which an object has a key twice: Go would let the last one win, where IAM
// refuses the document.
func noDuplicates(text []byte) error {
	syntax := errors.New("Syntax errors in policy.") //nolint:staticcheck // IAM's words
	d := json.NewDecoder(bytes.NewReader(text))
	type level struct {
		object, value bool // value: the next token is a value, not a key
		keys          map[string]bool
	}
	var stack []level
	for {
		token, err := d.Token()
		if err == io.EOF && len(stack) == 0 {
			return nil
		}
		if err != nil {
			return syntax
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if n := len(stack); n > 0 && stack[n-1].object {
			top := &stack[n-1]
			if !top.value {
				key, _ := token.(string)
				if top.keys[key] {
					return syntax
				}
				top.keys[key], top.value = true, true
				continue
			}
			top.value = false
		}
		if delim, ok := token.(json.Delim); ok {
			stack = append(stack, level{object: delim == '{', keys: map[string]bool{}})
		}
	}
}
