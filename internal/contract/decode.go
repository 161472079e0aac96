package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Decode reads the request that CloudFormation hands over. It is strict: an unknown field, a value of the wrong kind
// or a value outside its limits is an error of one sentence that names the field.
func Decode(data json.RawMessage) (Request, error) {
	if err := checkVersion(data); err != nil {
		return Request{}, err
	}
	var request Request
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return Request{}, describe(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Request{}, errors.New("request: text follows the JSON object; write exactly one object")
	}
	if err := request.Validate(); err != nil {
		return Request{}, err
	}
	return request, nil
}

// checkVersion looks at the version alone, because a newer form has fields that this one does not know.
func checkVersion(data json.RawMessage) error {
	var head struct{ Version string }
	if err := json.Unmarshal(data, &head); err != nil {
		return describe(err)
	}
	if head.Version == Version {
		return nil
	}
	given, err := strconv.Atoi(head.Version)
	own, _ := strconv.Atoi(Version)
	if err == nil && given > own {
		return fmt.Errorf("request.Version: the request has version %d and this handler reads up to %d; deploy the provider from the same release of tokendocker as the builder", given, own)
	}
	return fmt.Errorf("request.Version: %q is not a version that this handler reads; it reads %s", head.Version, Version)
}

// describe puts encoding/json's errors into one sentence that names the field.
func describe(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		field := "request"
		if kind.Field != "" {
			field += "." + kind.Field
		}
		return fmt.Errorf("%s: is a JSON %s where %s stands; CloudFormation hands every scalar over as a string", field, kind.Value, wanted(kind.Type.Kind().String()))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("request: the field %s is unknown; remove it, or deploy the provider from the same release of tokendocker as the builder", name)
	}
	return fmt.Errorf("request: is not a JSON object: %w", err)
}

// wanted says what a Go kind is in JSON.
func wanted(kind string) string {
	switch kind {
	case "slice":
		return "a list"
	case "struct":
		return "an object"
	default:
		return "a string"
	}
}
