package stackapi

import (
	"context"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/stackpolicy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// stackPolicy reads the stack policy that the parameters "<name>Body" and "<name>URL" of a call bring or point to; empty:
// neither.
func (r *Room) stackPolicy(ctx context.Context, call *protocol.Call, name string) (string, error) {
	body, where := name+"Body", name+"URL"
	switch {
	case call.Form.Get(body) != "" && call.Form.Get(where) != "":
		return "", invalid("You cannot specify both %s and %s", where, body)
	case call.Form.Get(where) != "":
		text, err := r.fetch(ctx, call, where, stackpolicy.MaxBytes)
		return string(text), err
	}
	return call.Form.Get(body), nil
}

func (r *Room) setStackPolicy(ctx context.Context, call *protocol.Call) (any, error) {
	stack, err := r.find(call.Region, call.Form.Get("StackName"))
	if err != nil {
		return nil, err
	}
	text, err := r.stackPolicy(ctx, call, "StackPolicy")
	if err == nil && text == "" {
		err = invalid("Either StackPolicyURL or StackPolicyBody must be specified")
	}
	if err != nil {
		return nil, err
	}
	return nil, r.Stacks.SetPolicy(ctx, stack.Region, stack.Name, text)
}

func (r *Room) getStackPolicy(_ context.Context, call *protocol.Call) (any, error) {
	stack, err := r.find(call.Region, call.Form.Get("StackName"))
	if err != nil {
		return nil, err
	}
	return struct {
		StackPolicyBody string `xml:",omitempty"`
	}{stack.Policy}, nil
}
