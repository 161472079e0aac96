package protocol

import (
	"context"
	"encoding/json"
)

// Operation is one operation of a room.
type Operation[Room any] func(ctx context.Context, room Room, call *Call) (any, error)

// JSON makes an operation of a JSON service out of a method of its room, which gets the call's input decoded. An input
// that is none of the operation's fails with SerializationException.
func JSON[Room, In any](method func(room Room, ctx context.Context, call *Call, in In) (any, error)) Operation[Room] {
	return func(ctx context.Context, room Room, call *Call) (any, error) {
		var in In
		if err := Decode(call, &in); err != nil {
			return nil, err
		}
		return method(room, ctx, call, in)
	}
}

// Decode reads a JSON call's input, or the part of it that into has. No body at all is an input without members, as
// clients have sent it where an operation has no input (aws/aws-sdk-js-v3#2075). What cannot be read fails with
// SerializationException.
func Decode(call *Call, into any) error {
	if len(call.Body) == 0 {
		return nil
	}
	if err := json.Unmarshal(call.Body, into); err != nil {
		return Errorf("SerializationException", "The request is not valid JSON for %s: %v", call.Operation, err)
	}
	return nil
}

// Find returns the operation that is called, out of those that a room has. Another fails with
// UnknownOperationException.
func Find[Operation any](operations map[string]Operation, call *Call) (Operation, error) {
	op, ok := operations[call.Operation]
	if !ok {
		return op, Errorf("UnknownOperationException",
			"tokendocker has no %s:%s; docs/limits.md says what there is", call.Service, call.Operation)
	}
	return op, nil
}
