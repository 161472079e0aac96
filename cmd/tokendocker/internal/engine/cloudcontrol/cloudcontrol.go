// Package cloudcontrol is AWS Cloud Control API: clients read and change resources of CloudFormation's types by the types'
// own properties, without a stack. Types whose rooms can be read are served; a change is done when its call returns.
//
// Source: AWS Cloud Control API Reference, the page of each action; RFC 6902, "JSON Patch".
package cloudcontrol

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/partition"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Room is the API of one account. It is safe for concurrent use.
type Room struct {
	account   string
	providers map[string]resource.Provider // by resource type

	mu       sync.Mutex
	requests map[string]progress // by token
}

var _ protocol.Service = (*Room)(nil)

// New returns the room of an account, over the resource types that its other rooms have.
func New(account string, providers map[string]resource.Provider) *Room {
	return &Room{account: account, providers: providers, requests: map[string]progress{}}
}

// Name returns "cloudcontrolapi".
func (r *Room) Name() string { return "cloudcontrolapi" }

// operations are the part of the API that there is.
var operations = map[string]protocol.Operation[*Room]{
	"GetResource":              protocol.JSON((*Room).getResource),
	"UpdateResource":           protocol.JSON((*Room).updateResource),
	"GetResourceRequestStatus": protocol.JSON((*Room).status),
}

// Needs returns the operation's own action, which is one of CloudFormation's. Cloud Control then calls the resource's
// service as the caller; those rights are not asked for here.
// Source: Service Authorization Reference, "AWS Cloud Control API".
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	if _, err := protocol.Find(operations, call); err != nil {
		return nil, err
	}
	return []protocol.Need{{Action: "cloudformation:" + call.Operation}}, nil
}

// Serve does one call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	op, err := protocol.Find(operations, call)
	if err != nil {
		return nil, err
	}
	return op(ctx, r, call)
}

type target struct{ TypeName, Identifier string }

// progress is a ProgressEvent of a request, all of which have come to their end.
type progress struct {
	TypeName, Identifier, RequestToken, Operation, OperationStatus, ResourceModel string
	EventTime                                                                     protocol.Timestamp
}

// read returns a resource as it is, and the request that names it.
func (r *Room) read(ctx context.Context, call *protocol.Call, in target) (resource.Provider, resource.Request, error) {
	name, suffix := partition.Of(call.Region)
	req := resource.Request{Type: in.TypeName, LogicalID: in.TypeName, PhysicalID: in.Identifier,
		Stack: resource.Stack{Account: r.account, Region: call.Region, Partition: name, URLSuffix: suffix}}
	provider := r.providers[in.TypeName]
	reader, ok := provider.(resource.Reader)
	if !ok {
		return nil, req, protocol.Errorf("UnsupportedActionException", "Resource type %s does not support %s action", in.TypeName, call.Operation)
	}
	live, found, err := reader.Read(ctx, req)
	if err != nil {
		return nil, req, err
	}
	if !found {
		return nil, req, &protocol.Error{Code: "ResourceNotFoundException", Status: http.StatusBadRequest,
			Message: fmt.Sprintf("Resource of type '%s' with identifier '%s' was not found.", in.TypeName, in.Identifier)}
	}
	req.Attributes, req.Old = live.Attributes, map[string]any{}
	for name, value := range live.Properties {
		if value != nil {
			req.Old[name] = value
		}
	}
	return provider, req, nil
}

func (r *Room) getResource(ctx context.Context, call *protocol.Call, in target) (any, error) {
	_, req, err := r.read(ctx, call, in)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(req.Old)
	return map[string]any{"TypeName": in.TypeName, "ResourceDescription": map[string]string{"Identifier": in.Identifier, "Properties": string(text)}}, err
}

func (r *Room) updateResource(ctx context.Context, call *protocol.Call, in struct {
	target
	PatchDocument string
}) (any, error) {
	provider, req, err := r.read(ctx, call, in.target)
	if err != nil {
		return nil, err
	}
	if req.Properties, err = patch(req.Old, in.PatchDocument); err != nil {
		return nil, err
	}
	if fixed, ok := provider.(resource.Replacer); ok {
		for _, name := range fixed.Immutable() {
			if fmt.Sprint(req.Properties[name]) != fmt.Sprint(req.Old[name]) {
				return nil, protocol.Errorf("NotUpdatableException", "Property %s of %s cannot change", name, in.TypeName)
			}
		}
	}
	req.Token = protocol.NewID()
	if _, err := provider.Update(ctx, req); err != nil {
		return nil, err
	}
	text, err := json.Marshal(req.Properties)
	if err != nil {
		return nil, err
	}
	p := progress{TypeName: in.TypeName, Identifier: in.Identifier, RequestToken: req.Token, Operation: "UPDATE", OperationStatus: "SUCCESS",
		ResourceModel: string(text), EventTime: protocol.Timestamp(time.Now())}
	r.mu.Lock()
	r.requests[p.RequestToken] = p
	r.mu.Unlock()
	return map[string]any{"ProgressEvent": p}, nil
}

func (r *Room) status(_ context.Context, _ *protocol.Call, in struct{ RequestToken string }) (any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, found := r.requests[in.RequestToken]
	if !found {
		return nil, &protocol.Error{Code: "RequestTokenNotFoundException", Status: http.StatusBadRequest, Message: "Request token " + in.RequestToken + " was not found"}
	}
	return map[string]any{"ProgressEvent": p}, nil
}

// patch applies a JSON Patch to a resource's properties, and returns a copy.
func patch(properties map[string]any, document string) (map[string]any, error) {
	var steps []step
	if err := json.Unmarshal([]byte(document), &steps); err != nil {
		return nil, protocol.Errorf("ValidationException", "The patch document is not valid: %v", err)
	}
	raw, err := json.Marshal(properties)
	if err != nil {
		return nil, err
	}
	var root any
	if err := json.Unmarshal(raw, &root); err != nil {
		return nil, err
	}
	for _, s := range steps {
		if root, err = s.apply(root); err != nil {
			return nil, protocol.Errorf("ValidationException", "The patch document cannot be applied: %v", err)
		}
	}
	out, ok := root.(map[string]any)
	if !ok {
		return nil, protocol.Errorf("ValidationException", "The patch document leaves no object")
	}
	return maps.Clone(out), nil
}
