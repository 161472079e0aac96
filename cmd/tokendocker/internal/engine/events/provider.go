package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

const maxRuleName = 64

// ruleProvider is AWS::Events::Rule. Ref is the rule's name, with its bus before it if that is not the default one.
// Source: AWS CloudFormation Template Reference, AWS::Events::Rule.
type ruleProvider struct{ room *Room }

// Immutable names the properties whose change makes another rule.
func (ruleProvider) Immutable() []string { return []string{"Name", "EventBusName"} }

// Create makes the rule with its targets.
func (p ruleProvider) Create(_ context.Context, q resource.Request) (resource.Result, error) {
	in, targets, err := readRule(q)
	if err != nil {
		return resource.Result{}, err
	}
	if in.Name == "" {
		in.Name = physical.Name(q, maxRuleName)
	}
	in.token = q.Token
	return p.put(q, in, targets)
}

// Update changes the rule and its targets.
func (p ruleProvider) Update(_ context.Context, q resource.Request) (resource.Result, error) {
	in, targets, err := readRule(q)
	if err != nil {
		return resource.Result{}, err
	}
	bus, name := splitID(q.PhysicalID)
	in.Name, in.EventBusName = name, bus
	result, err := p.put(q, in, targets)
	if err != nil {
		return result, err
	}
	return result, p.room.change(q.Stack.Region, bus, name, func(x *rule) error {
		x.Targets, x.Tags = targets, tagMap(in.Tags) // PutTargets leaves those that it does not name
		return nil
	})
}

// Delete removes the targets and the rule.
func (p ruleProvider) Delete(_ context.Context, q resource.Request) error {
	bus, name := splitID(q.PhysicalID)
	return p.room.rules.Delete(ruleKey(q.Stack.Region, bus, name))
}

func (p ruleProvider) put(q resource.Request, in ruleInput, targets []target) (resource.Result, error) {
	region, bus := q.Stack.Region, nameOfBus(in.EventBusName)
	if _, err := p.room.putRule(region, in); err != nil {
		return resource.Result{}, err
	}
	id := in.Name
	if bus != defaultBus {
		id = bus + "|" + in.Name
	}
	result := resource.Result{PhysicalID: id, Attributes: map[string]any{"Arn": p.room.ruleARN(region, bus, in.Name), "RuleName": in.Name}}
	if len(targets) == 0 {
		return result, nil
	}
	_, err := p.room.putTargets(region, targetsInput{Rule: in.Name, EventBusName: bus, Targets: targets})
	return result, err
}

// splitID reads a rule's physical id.
func splitID(id string) (bus, name string) {
	if bus, name, ok := strings.Cut(id, "|"); ok {
		return bus, name
	}
	return defaultBus, id
}

// readRule reads a rule's properties, which are those of the API, with the pattern as an object.
func readRule(q resource.Request) (in ruleInput, targets []target, err error) {
	properties := maps.Clone(q.Properties)
	if pattern, ok := properties["EventPattern"]; ok {
		if text, isText := pattern.(string); isText {
			in.EventPattern = text
		} else {
			text, err := marshal(pattern)
			if err != nil {
				return in, nil, fmt.Errorf("write EventPattern: %w", err)
			}
			in.EventPattern = string(text)
		}
		delete(properties, "EventPattern")
	}
	var rest struct {
		ruleInput
		Targets []target
	}
	if err := decode(properties, &rest); err != nil {
		return in, nil, err
	}
	rest.EventPattern = in.EventPattern
	return rest.ruleInput, rest.Targets, nil
}

// decode reads properties into what the API calls take.
func decode(properties map[string]any, into any) error {
	text, err := marshal(properties)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return protocol.Errorf("ValidationException", "Properties validation failed: %v", err)
	}
	return nil
}

// busProvider is AWS::Events::EventBus. Ref is its name.
// Source: AWS CloudFormation Template Reference, AWS::Events::EventBus.
type busProvider struct{ room *Room }

// Immutable names the properties whose change makes another bus.
func (busProvider) Immutable() []string { return []string{"Name", "EventSourceName"} }

type busProperties struct {
	Name, Description, EventSourceName string

	Policy any
	Tags   []tag
}

// Create makes the bus.
func (p busProvider) Create(_ context.Context, q resource.Request) (resource.Result, error) {
	var in busProperties
	if err := decode(q.Properties, &in); err != nil {
		return resource.Result{}, err
	}
	if in.EventSourceName != "" {
		return resource.Result{}, errors.New("EventSourceName: a rehearsal has no partners whose events a bus could get")
	}
	if _, err := p.room.createBus(q.Stack.Region, busInput{Name: in.Name, Description: in.Description, Tags: in.Tags, token: q.Token}); err != nil {
		return resource.Result{}, err
	}
	return p.finish(q, in.Name, in)
}

// Update changes description, policy and tags.
func (p busProvider) Update(_ context.Context, q resource.Request) (resource.Result, error) {
	var in busProperties
	if err := decode(q.Properties, &in); err != nil {
		return resource.Result{}, err
	}
	err := p.room.buses.Update(q.Stack.Region+"/"+q.PhysicalID, func(b busRecord, found bool) (busRecord, error) {
		if !found {
			return b, noBus(q.PhysicalID)
		}
		b.Description, b.Tags = in.Description, tagMap(in.Tags)
		return b, nil
	})
	if err != nil {
		return resource.Result{}, err
	}
	return p.finish(q, q.PhysicalID, in)
}

func (p busProvider) finish(q resource.Request, name string, in busProperties) (resource.Result, error) {
	arn := p.room.busARN(q.Stack.Region, name)
	result := resource.Result{PhysicalID: name, Attributes: map[string]any{"Arn": arn, "Name": name, "Policy": ""}}
	if in.Policy == nil {
		return result, nil
	}
	text, err := marshal(in.Policy)
	if err == nil {
		err = p.room.setPolicy(q.Stack.Region, name, string(text))
	}
	result.Attributes["Policy"] = string(text)
	return result, err
}

// Delete removes the bus.
func (p busProvider) Delete(_ context.Context, q resource.Request) error {
	_, err := p.room.deleteBus(q.Stack.Region, busInput{Name: q.PhysicalID})
	return err
}

// policyProvider is AWS::Events::EventBusPolicy: one statement of a bus's policy.
// Source: AWS CloudFormation Template Reference, AWS::Events::EventBusPolicy.
type policyProvider struct{ room *Room }

// Immutable names the properties whose change makes another statement.
func (policyProvider) Immutable() []string { return []string{"EventBusName", "StatementId"} }

// Create adds the statement.
func (p policyProvider) Create(_ context.Context, q resource.Request) (resource.Result, error) {
	var in struct {
		permissionInput
		Statement map[string]any
	}
	err := decode(q.Properties, &in)
	switch {
	case err != nil:
	case in.Statement != nil:
		err = p.room.allow(q.Stack.Region, in.EventBusName, in.StatementID, in.Statement)
	default:
		_, err = p.room.putPermission(q.Stack.Region, in.permissionInput)
	}
	return resource.Result{PhysicalID: nameOfBus(in.EventBusName) + "|" + in.StatementID}, err
}

// Update changes the statement.
func (p policyProvider) Update(ctx context.Context, q resource.Request) (resource.Result, error) {
	return p.Create(ctx, q)
}

// Delete takes the statement out; one that went with its bus is no error.
func (p policyProvider) Delete(_ context.Context, q resource.Request) error {
	bus, id := splitID(q.PhysicalID)
	_, err := p.room.removePermission(q.Stack.Region, permissionInput{EventBusName: bus, StatementID: id})
	if protocol.HasCode(err, "ResourceNotFoundException") {
		return nil
	}
	return err
}
