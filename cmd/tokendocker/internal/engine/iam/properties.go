package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// decode reads resolved properties; scalars may have been written as text or not.
func decode[T any](properties map[string]any) (T, error) {
	var out T
	text, err := encode(properties)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		return out, &protocol.Error{Code: "ValidationError", Message: fmt.Sprintf("Model validation failed (%v)", err)}
	}
	return out, nil
}

// encode is json.Marshal without escapes that would count as characters of a policy.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// document checks a policy document and returns its compact text, whose length is what IAM counts.
func document(raw json.RawMessage, kind policy.Kind) (string, error) {
	var embedded string // the property may be text that holds the document
	if json.Unmarshal(raw, &embedded) == nil {
		raw = json.RawMessage(embedded)
	}
	if _, err := policy.Parse(raw, kind); err != nil {
		return "", &protocol.Error{Code: "MalformedPolicyDocument", Message: err.Error(), Status: http.StatusBadRequest}
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return "", fmt.Errorf("policy document: %w", err)
	}
	return b.String(), nil
}
