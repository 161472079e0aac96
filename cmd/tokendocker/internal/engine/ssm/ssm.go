// Package ssm is the Parameter Store of AWS Systems Manager. Parameter policies and the rest of Systems Manager are no
// part of it.
package ssm

import (
	"context"
	"fmt"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// Options says what the room works with. All fields are required; Keys where secure strings have keys of their own.
type Options struct {
	Account   string
	Partition string
	Clock     *clock.Clock
	Store     *state.Store
	Keys      protocol.Keys // decides about the keys of secure strings
}

// Room is the Parameter Store of one account, in all regions. It is safe for concurrent use.
type Room struct {
	Options
	parameters state.Table[parameter]
}

var _ protocol.Service = (*Room)(nil)

// New opens the room on what the state folder holds.
func New(o Options) (*Room, error) {
	table, err := state.NewTable[parameter](o.Store, "ssm-parameters")
	return &Room{Options: o, parameters: table}, err
}

// Resources returns the providers of AWS::SSM types.
func (r *Room) Resources() map[string]resource.Provider {
	return map[string]resource.Provider{"AWS::SSM::Parameter": parameterProvider{r}}
}

// Name returns "ssm".
func (r *Room) Name() string { return "ssm" }

// Value returns a parameter's value without a permission check. The reference is a name, perhaps with ":" and a version or label.
func (r *Room) Value(region, reference string) (string, error) {
	out, err := r.find(region, reference)
	return out.Value, err
}

// operations are what the room can do.
var operations = map[string]protocol.Operation[*Room]{
	"GetParameter":        protocol.JSON((*Room).getParameter),
	"GetParameters":       protocol.JSON((*Room).getParameters),
	"GetParametersByPath": protocol.JSON((*Room).getByPath),
	"PutParameter":        protocol.JSON((*Room).putParameter),
	"DeleteParameter":     protocol.JSON((*Room).deleteParameter),
	"DeleteParameters":    protocol.JSON((*Room).deleteParameters),

	"DescribeParameters":      protocol.JSON((*Room).describeParameters),
	"GetParameterHistory":     protocol.JSON((*Room).parameterHistory),
	"LabelParameterVersion":   protocol.JSON((*Room).labelVersion),
	"UnlabelParameterVersion": protocol.JSON((*Room).unlabelVersion),

	"AddTagsToResource":      protocol.JSON((*Room).addTags),
	"RemoveTagsFromResource": protocol.JSON((*Room).removeTags),
	"ListTagsForResource":    protocol.JSON((*Room).listTags),
}

// Needs names the parameters.
// Source: Service Authorization Reference, AWS Systems Manager.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	if _, err := protocol.Find(operations, call); err != nil {
		return nil, err
	}
	if call.Operation == "DescribeParameters" { // it is about no parameter in particular
		return []protocol.Need{{Action: "ssm:DescribeParameters"}}, nil
	}
	var in struct {
		Name, Path string
		Names      []string
		ResourceID string `json:"ResourceId"`
	}
	if err := protocol.Decode(call, &in); err != nil {
		return nil, err
	}
	names := in.Names
	if len(names) == 0 {
		names = []string{in.Name + in.Path + in.ResourceID}
	}
	need := protocol.Need{Action: "ssm:" + call.Operation}
	for _, name := range names {
		name, _ = split(name)
		need.Resources = append(need.Resources, r.arn(call.Region, name))
	}
	return []protocol.Need{need}, nil
}

// Serve does one call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	do, err := protocol.Find(operations, call)
	if err != nil {
		return nil, err
	}
	if err := r.mayUseKeys(ctx, call); err != nil {
		return nil, err
	}
	return do(ctx, r, call)
}

func (r *Room) arn(region, name string) string {
	return fmt.Sprintf("arn:%s:ssm:%s:%s:parameter/%s", r.Partition, region, r.Account, strings.TrimPrefix(name, "/"))
}

// split takes the version or label off a reference, and the name out of an ARN.
func split(reference string) (name, selector string) {
	if _, after, ok := strings.Cut(reference, ":parameter"); ok && strings.HasPrefix(reference, "arn:") {
		reference = after
	}
	name, selector, _ = strings.Cut(reference, ":")
	return name, selector
}

func notFound(err error) bool { return protocol.HasCode(err, "ParameterNotFound") }
