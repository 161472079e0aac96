package states

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states/asl"
)

// input holds the members of all operations' inputs.
type input struct {
	StateMachineArn      string `json:"stateMachineArn"`
	ExecutionArn         string `json:"executionArn"`
	ActivityArn          string `json:"activityArn"`
	Name                 string `json:"name"`
	Input                string `json:"input"`
	Error                string `json:"error"`
	Cause                string `json:"cause"`
	StatusFilter         string `json:"statusFilter"`
	MaxResults           int    `json:"maxResults"`
	NextToken            string `json:"nextToken"`
	ReverseOrder         bool   `json:"reverseOrder"`
	IncludeExecutionData *bool  `json:"includeExecutionData"`
	TaskToken            string `json:"taskToken"`
	Output               string `json:"output"`
	Definition           string `json:"definition"`
	RoleArn              string `json:"roleArn"`
	Type                 string `json:"type"`
	configuration
}

// operation is one operation: its permission is states:<name> on what it is about.
type operation struct {
	about subject
	serve func(*Room, context.Context, *protocol.Call, input) (any, error)
}

// subject is what an operation is about.
type subject int

const (
	aMachine subject = iota
	anExecution
	anActivity
	anActivityName // to make
	aName          // of a machine to make
	aToken         // of a task
	nothing
)

//nolint:gochecknoglobals // a constant
var operations = map[string]operation{
	"CreateStateMachine":               {aName, (*Room).createMachine},
	"UpdateStateMachine":               {aMachine, (*Room).updateMachine},
	"DeleteStateMachine":               {aMachine, (*Room).deleteMachine},
	"DescribeStateMachine":             {aMachine, (*Room).describeMachine},
	"DescribeStateMachineForExecution": {anExecution, (*Room).describeMachineForExecution},
	"ListStateMachines":                {nothing, (*Room).listMachines},
	"ValidateStateMachineDefinition":   {nothing, (*Room).validate},
	"StartExecution":                   {aMachine, (*Room).startExecution},
	"StartSyncExecution":               {aMachine, (*Room).startSyncExecution},
	"ListExecutions":                   {aMachine, (*Room).listExecutions},
	"StopExecution":                    {anExecution, (*Room).stopExecution},
	"DescribeExecution":                {anExecution, (*Room).describeExecution},
	"GetExecutionHistory":              {anExecution, (*Room).getHistory},
	"CreateActivity":                   {anActivityName, (*Room).createActivity},
	"DeleteActivity":                   {anActivity, (*Room).deleteActivity},
	"DescribeActivity":                 {anActivity, (*Room).describeActivity},
	"ListActivities":                   {nothing, (*Room).listActivities},
	"GetActivityTask":                  {anActivity, (*Room).getActivityTask},
	"SendTaskSuccess":                  {aToken, (*Room).sendTaskSuccess},
	"SendTaskFailure":                  {aToken, (*Room).sendTaskFailure},
	"SendTaskHeartbeat":                {aToken, (*Room).sendTaskHeartbeat},
}

// Name returns "states".
func (r *Room) Name() string { return "states" }

func read(call *protocol.Call) (operation, input, error) {
	var in input
	op, err := protocol.Find(operations, call)
	if err != nil {
		return op, in, err
	}
	if err := protocol.Decode(call, &in); err != nil {
		return op, in, err
	}
	arn, kind := in.StateMachineArn, ":stateMachine:"
	switch op.about {
	case aMachine:
	case anExecution:
		arn, kind = in.ExecutionArn, ":execution:"
	case anActivity:
		arn, kind = in.ActivityArn, ":activity:"
	default:
		return op, in, nil
	}
	if !strings.HasPrefix(arn, "arn:") || !strings.Contains(arn, kind) {
		return op, in, protocol.Errorf("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: %s'", arn)
	}
	return op, in, nil
}

// Needs asks for the operation's action on the state machine or the execution
// (Service Authorization Reference, "AWS Step Functions").
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	op, in, err := read(call)
	if err != nil {
		return nil, err
	}
	need := protocol.Need{Action: "states:" + call.Operation}
	switch op.about {
	case aMachine:
		need.Resources = []string{in.StateMachineArn}
	case anExecution:
		need.Resources = []string{in.ExecutionArn}
	case anActivity:
		need.Resources = []string{in.ActivityArn}
	case anActivityName:
		need.Resources = []string{activityARN(call.Partition, call.Region, call.Account, in.Name)}
	case aName:
		need.Resources = []string{machineName(call, in.Name)}
		return []protocol.Need{need, {Action: "iam:PassRole", Resources: []string{in.RoleArn},
			Conditions: map[string][]string{"iam:PassedToService": {servicePrincipal}}}}, nil
	case aToken:
		if task := r.waiting.take(in.TaskToken, false); task != nil {
			need.Resources = []string{task.machine}
		}
	case nothing:
	}
	return []protocol.Need{need}, nil
}

// Serve does an operation.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	op, in, err := read(call)
	if err != nil {
		return nil, err
	}
	return op.serve(r, ctx, call, in)
}

// nameLife is how long the name of an ended execution stays taken (API Reference, "StartExecution").
const nameLife = 90 * 24 * time.Hour

func (r *Room) startExecution(_ context.Context, call *protocol.Call, in input) (any, error) {
	if in.Input == "" {
		in.Input = "{}"
	}
	if len(in.Input) > asl.MaxData {
		return nil, protocol.Errorf("ValidationException", "1 validation error detected: Value at 'input' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", asl.MaxData)
	}
	if _, err := asl.Decode([]byte(in.Input)); err != nil {
		return nil, protocol.Errorf("InvalidExecutionInput", "Invalid State Machine Execution Input: '%v'", err)
	}
	if in.Name == "" {
		in.Name = protocol.NewID()
	}
	if err := checkName(in.Name); err != nil {
		return nil, err
	}
	m, err := r.machine(in.StateMachineArn)
	if err != nil {
		return nil, err
	}
	arn := m.executionARN(in.Name)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shut {
		return nil, &protocol.Error{Code: "ServiceUnavailable", Status: 503, Message: "The rehearsal is over."}
	}
	old, found, err := r.executions.Get(arn)
	if err != nil {
		return nil, err
	}
	if found && old.Status == running && old.Input == in.Input {
		return started(old), nil
	}
	if found && (old.Status == running || r.Clock.Since(old.Ended) < nameLife) {
		return nil, protocol.Errorf("ExecutionAlreadyExists", "Execution Already Exists: '%s'", arn)
	}
	e := Execution{ARN: arn, Name: in.Name, Machine: m.ARN, Status: running, Input: in.Input, Started: r.Clock.Now(),
		StartedBy: call.Session.ARN, Revision: m.Revision}
	if err := r.launch(m, e, call.Session.Cause()); err != nil {
		return nil, err
	}
	return started(e), nil
}

func started(e Execution) any {
	return map[string]any{"executionArn": e.ARN, "startDate": protocol.Timestamp(e.Started)}
}

func (r *Room) machine(arn string) (Machine, error) {
	if version, found, err := r.aliases.Get(arn); err != nil {
		return Machine{}, err
	} else if found {
		arn = version
	}
	m, found, err := r.machines.Get(arn)
	if err == nil && !found {
		err = errNoMachine(arn)
	}
	return m, err
}

// change changes a machine in one step, or fails with StateMachineDoesNotExist.
func (r *Room) change(arn string, change func(*Machine) error) (Machine, error) {
	var after Machine
	err := r.machines.Update(arn, func(m Machine, found bool) (Machine, error) {
		if !found {
			return m, errNoMachine(arn)
		}
		err := change(&m)
		after = m
		return m, err
	})
	return after, err
}

func errNoMachine(arn string) error {
	return protocol.Errorf("StateMachineDoesNotExist", "State Machine Does Not Exist: '%s'", arn)
}

func (r *Room) execution(arn string) (Execution, error) {
	e, found, err := r.executions.Get(arn)
	if err == nil && !found {
		err = protocol.Errorf("ExecutionDoesNotExist", "Execution Does Not Exist: '%s'", arn)
	}
	return e, err
}

func (r *Room) stopExecution(ctx context.Context, _ *protocol.Call, in input) (any, error) {
	e, err := r.execution(in.ExecutionArn)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	l := r.live[e.ARN]
	r.mu.Unlock()
	if l != nil {
		l.stop(&stopped{name: in.Error, cause: in.Cause})
		select {
		case <-l.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if e, err = r.execution(in.ExecutionArn); err != nil {
			return nil, err
		}
	}
	return map[string]any{"stopDate": protocol.Timestamp(e.Ended)}, nil
}

// defaultPage and maxPage are the numbers of entries of an answer (API Reference, "ListExecutions").
const (
	defaultPage = 100
	maxPage     = 1000
)

// page cuts the part out of all that a paged call asks for, and returns the token of the next one.
func page[T any](in input, all []T) (part []T, next string, err error) {
	if in.MaxResults < 0 || in.MaxResults > maxPage {
		return nil, "", protocol.Errorf("ValidationException", "Value '%d' at 'maxResults' is not between 0 and %d", in.MaxResults, maxPage)
	}
	part, next, ok := protocol.Page(all, in.NextToken, cmp.Or(in.MaxResults, defaultPage))
	if !ok {
		return nil, "", protocol.Errorf("InvalidToken", "Invalid Token: '%s'", in.NextToken)
	}
	return part, next, nil
}

func (r *Room) listExecutions(_ context.Context, _ *protocol.Call, in input) (any, error) {
	if m, err := r.machine(in.StateMachineArn); err != nil {
		return nil, err
	} else if m.Express {
		return nil, protocol.Errorf("StateMachineTypeNotSupported", "State Machine Type Not Supported: 'This operation is not supported by this type of state machine'")
	}
	var all []Execution
	for _, e := range r.executions.All() {
		if e.Machine == in.StateMachineArn && (in.StatusFilter == "" || in.StatusFilter == e.Status) {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b Execution) int { return b.Started.Compare(a.Started) })
	part, next, err := page(in, all)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, e := range part {
		item := map[string]any{"executionArn": e.ARN, "stateMachineArn": e.Machine, "name": e.Name, "status": e.Status, "startDate": protocol.Timestamp(e.Started)}
		if e.Status != running {
			item["stopDate"] = protocol.Timestamp(e.Ended)
		}
		list = append(list, item)
	}
	return paged("executions", list, next), nil
}

func paged(name string, list []any, next string) map[string]any {
	out := map[string]any{name: list}
	if next != "" {
		out["nextToken"] = next
	}
	return out
}

func (r *Room) describeExecution(ctx context.Context, call *protocol.Call, in input) (any, error) {
	e, err := r.execution(in.ExecutionArn)
	if err == nil {
		err = r.mayRead(ctx, call, e)
	}
	if err != nil {
		return nil, err
	}
	out := map[string]any{"executionArn": e.ARN, "stateMachineArn": e.Machine, "name": e.Name, "status": e.Status, "startDate": protocol.Timestamp(e.Started),
		"input": e.Input, "inputDetails": map[string]any{"included": true}, "redriveCount": 0}
	if e.Status != running {
		out["stopDate"] = protocol.Timestamp(e.Ended)
	}
	if e.Status == succeeded {
		out["output"], out["outputDetails"] = e.Output, map[string]any{"included": true}
	}
	if e.Error != "" {
		out["error"] = e.Error
	}
	if e.Cause != "" {
		out["cause"] = e.Cause
	}
	return out, nil
}

func (r *Room) describeMachine(_ context.Context, _ *protocol.Call, in input) (any, error) {
	m, err := r.machine(in.StateMachineArn)
	if err != nil {
		return nil, err
	}
	out := m.configuration.describe()
	maps.Copy(out, map[string]any{"stateMachineArn": m.ARN, "name": m.Name, "status": "ACTIVE", "type": m.kind(), "definition": m.Definition,
		"roleArn": m.Role, "creationDate": protocol.Timestamp(m.Created), "revisionId": m.Revision})
	return out, nil
}
