package protocol

import "encoding/json"

// Operation makes an operation of a JSON service out of a method of its room: it decodes the call's input and passes
// the call's region on. An input that is no JSON fails with SerializationException.
func Operation[Room, In any](do func(room Room, region string, in In) (any, error)) func(Room, *Call) (any, error) {
	return func(room Room, call *Call) (any, error) {
		var in In
		if err := json.Unmarshal(call.Body, &in); err != nil {
			return nil, Errorf("SerializationException", "%v", err)
		}
		return do(room, call.Region, in)
	}
}
