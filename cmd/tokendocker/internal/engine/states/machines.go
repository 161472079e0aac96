package states

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states/asl"
)

// machineName is the ARN of a machine where a call goes.
func machineName(call *protocol.Call, name string) string {
	return fmt.Sprintf("arn:%s:states:%s:%s:stateMachine:%s", call.Partition, call.Region, call.Account, name)
}

// express is the type of machines whose executions are short and keep no history.
const express = "EXPRESS"

func (r *Room) createMachine(ctx context.Context, call *protocol.Call, in input) (any, error) {
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	m := Machine{ARN: machineName(call, in.Name), Name: in.Name, Region: call.Region, Account: call.Account, Partition: call.Partition,
		Role: in.RoleArn, Definition: in.Definition, Express: in.Type == express, Created: r.Clock.Now(), Revision: protocol.NewID(), configuration: in.configuration}
	_, found, err := r.machines.Get(m.ARN)
	if err == nil && !found {
		err = r.check(ctx, m)
	}
	if err != nil {
		return nil, err
	}
	err = r.machines.Update(m.ARN, func(now Machine, found bool) (Machine, error) {
		switch {
		case !found:
			return m, nil
		case now.Definition != m.Definition || now.Role != m.Role || now.Express != m.Express:
			return now, errMachineExists(m.ARN)
		}
		m = now // the call is idempotent
		return now, nil
	})
	if err != nil {
		return nil, err
	}
	return map[string]any{"stateMachineArn": m.ARN, "creationDate": protocol.Timestamp(m.Created)}, nil
}

func errMachineExists(arn string) error {
	return protocol.Errorf("StateMachineAlreadyExists", "State Machine Already Exists: '%s'", arn)
}

func (r *Room) updateMachine(ctx context.Context, _ *protocol.Call, in input) (any, error) {
	m, err := r.machine(in.StateMachineArn)
	if err != nil {
		return nil, err
	}
	if in.Definition == "" && in.RoleArn == "" && in.configuration == (configuration{}) {
		return nil, protocol.Errorf("MissingRequiredParameter", "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified")
	}
	apply := func(m *Machine) error {
		m.Definition, m.Role = cmp.Or(in.Definition, m.Definition), cmp.Or(in.RoleArn, m.Role)
		m.configuration = m.configuration.with(in.configuration)
		m.Revision = protocol.NewID()
		return nil
	}
	_ = apply(&m) // it never fails
	if err := r.check(ctx, m); err != nil {
		return nil, err
	}
	if m, err = r.change(m.ARN, apply); err != nil {
		return nil, err
	}
	return map[string]any{"updateDate": protocol.Timestamp(r.Clock.Now()), "revisionId": m.Revision}, nil
}

func (r *Room) deleteMachine(_ context.Context, _ *protocol.Call, in input) (any, error) {
	return map[string]any{}, r.remove(in.StateMachineArn)
}

func (r *Room) listMachines(_ context.Context, call *protocol.Call, in input) (any, error) {
	var all []Machine
	for arn, m := range r.machines.All() {
		if _, version := qualified(arn); version == "" && strings.HasPrefix(arn, machineName(call, "")) {
			all = append(all, m)
		}
	}
	slices.SortFunc(all, func(a, b Machine) int { return strings.Compare(a.Name, b.Name) })
	part, next, err := page(in, all)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, m := range part {
		list = append(list, map[string]any{"stateMachineArn": m.ARN, "name": m.Name, "type": m.kind(), "creationDate": protocol.Timestamp(m.Created)})
	}
	return paged("stateMachines", list, next), nil
}

func (m Machine) kind() string {
	if m.Express {
		return express
	}
	return "STANDARD"
}

// validate answers ValidateStateMachineDefinition: what is wrong with a definition is no error of the call.
func (r *Room) validate(_ context.Context, _ *protocol.Call, in input) (any, error) {
	diagnostics := []any{}
	result := "OK"
	var invalid *asl.InvalidError
	if _, err := asl.Parse(in.Definition); errors.As(err, &invalid) {
		result = "FAIL"
		for _, p := range invalid.Problems {
			code, message, _ := strings.Cut(p, ": ")
			message, at, _ := strings.Cut(message, " at /")
			diagnostics = append(diagnostics, map[string]any{"severity": "ERROR", "code": code, "message": message, "location": "/" + at})
		}
	}
	return map[string]any{"result": result, "diagnostics": diagnostics, "truncated": false}, nil
}

func (r *Room) describeMachineForExecution(ctx context.Context, call *protocol.Call, in input) (any, error) {
	e, err := r.execution(in.ExecutionArn)
	if err != nil {
		return nil, err
	}
	return r.describeMachine(ctx, call, input{StateMachineArn: e.Machine})
}

// startSyncExecution runs an express machine to its end.
func (r *Room) startSyncExecution(ctx context.Context, call *protocol.Call, in input) (any, error) {
	m, err := r.machine(in.StateMachineArn)
	if err != nil {
		return nil, err
	}
	if !m.Express {
		return nil, protocol.Errorf("StateMachineTypeNotSupported", "State Machine Type Not Supported: 'This operation is not supported by this type of state machine'")
	}
	out, err := r.startExecution(ctx, call, in)
	if err != nil {
		return nil, err
	}
	begun, _ := out.(map[string]any)
	arn, _ := begun["executionArn"].(string)
	if err := r.awaitEnd(ctx, arn); err != nil {
		return nil, err
	}
	if out, err = r.describeExecution(ctx, call, input{ExecutionArn: arn}); err != nil {
		return nil, err
	}
	fields, _ := out.(map[string]any)
	delete(fields, "redriveCount")
	fields["billingDetails"] = map[string]any{"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": 100}
	return fields, nil
}

// executionARN is the ARN of an execution of this name. An express machine's has an id of its own in it, so that names
// may be used again.
func (m Machine) executionARN(name string) string {
	kind, suffix := ":execution:", ""
	if m.Express {
		kind, suffix = ":express:", ":"+protocol.NewID()
	}
	return strings.Replace(m.ARN, ":stateMachine:", kind, 1) + ":" + name + suffix
}
