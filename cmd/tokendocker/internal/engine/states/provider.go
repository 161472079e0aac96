package states

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/states/asl"
)

// Resources returns the room's CloudFormation types.
func (r *Room) Resources() map[string]resource.Provider {
	return map[string]resource.Provider{"AWS::StepFunctions::StateMachine": provider{r},
		"AWS::StepFunctions::StateMachineVersion": versionProvider{r}, "AWS::StepFunctions::StateMachineAlias": aliasProvider{r},
		"AWS::StepFunctions::Activity": activityProvider{r}}
}

// provider is AWS::StepFunctions::StateMachine. Ref is the ARN; Name and Arn are attributes
// (AWS CloudFormation User Guide, "AWS::StepFunctions::StateMachine"). No traces are recorded, whatever
// TracingConfiguration says.
type provider struct{ room *Room }

// Immutable returns the properties whose change makes another machine.
func (provider) Immutable() []string { return []string{"StateMachineName", "StateMachineType"} }

// Create makes a state machine.
func (p provider) Create(ctx context.Context, q resource.Request) (resource.Result, error) {
	name := text(q.Properties, "StateMachineName")
	if name == "" {
		name = physical.Logical(q, physical.MaxStateMachine)
	}
	if err := checkName(name); err != nil {
		return resource.Result{}, err
	}
	s := q.Stack
	m := Machine{ARN: fmt.Sprintf("arn:%s:states:%s:%s:stateMachine:%s", s.Partition, s.Region, s.Account, name),
		Name: name, Region: s.Region, Account: s.Account, Partition: s.Partition, Created: p.room.Clock.Now()}
	return p.put(ctx, q, m, func(found bool) error {
		if found {
			return errMachineExists(m.ARN)
		}
		return nil
	})
}

// Update changes definition and role; executions that run keep what they began with.
func (p provider) Update(ctx context.Context, q resource.Request) (resource.Result, error) {
	m, err := p.room.machine(q.PhysicalID)
	if err != nil {
		return resource.Result{}, err
	}
	return p.put(ctx, q, m, func(found bool) error {
		if !found {
			return errNoMachine(q.PhysicalID)
		}
		return nil
	})
}

// Delete removes the machine and stops its executions, as AWS does in the end.
func (p provider) Delete(_ context.Context, q resource.Request) error {
	return p.room.remove(q.PhysicalID)
}

// remove removes a machine with its versions and aliases.
// Source: AWS Step Functions API Reference, "DeleteStateMachine".
func (r *Room) remove(arn string) error {
	for alias := range r.aliases.All() {
		if machine, _ := qualified(alias); machine == arn {
			if err := r.aliases.Delete(alias); err != nil {
				return err
			}
		}
	}
	for other := range r.machines.All() {
		if machine, _ := qualified(other); machine == arn {
			if err := r.machines.Delete(other); err != nil {
				return err
			}
		}
	}
	var waits []chan struct{}
	r.mu.Lock()
	for running, l := range r.live {
		if e, _, err := r.executions.Get(running); err == nil && e.Machine == arn {
			l.stop(&stopped{name: "States.Aborted", cause: "The state machine was deleted."})
			waits = append(waits, l.done)
		}
	}
	r.mu.Unlock()
	for _, done := range waits {
		<-done
	}
	return nil
}

// put keeps a machine as the template has it, unless may refuses that for the machine that is there, if there is one.
func (p provider) put(ctx context.Context, q resource.Request, m Machine, may func(found bool) error) (resource.Result, error) {
	var err error
	m.Role, m.Revision = text(q.Properties, "RoleArn"), protocol.NewID()
	if m.Definition, err = definition(q.Properties); err != nil {
		return resource.Result{}, err
	}
	if m.configuration, err = configured(q.Properties); err != nil {
		return resource.Result{}, err
	}
	m.Express = text(q.Properties, "StateMachineType") == express
	if err := p.room.check(ctx, m); err != nil {
		return resource.Result{}, err
	}
	err = p.room.machines.Update(m.ARN, func(now Machine, found bool) (Machine, error) {
		m.Published = now.Published
		return m, may(found)
	})
	if err != nil {
		return resource.Result{}, err
	}
	return resource.Result{PhysicalID: m.ARN, Attributes: map[string]any{"Arn": m.ARN, "Name": m.Name, "StateMachineRevisionId": m.Revision}}, nil
}

// definition returns the machine's definition with its substitutions.
func definition(p map[string]any) (string, error) {
	out := text(p, "DefinitionString")
	if d, ok := p["Definition"].(map[string]any); ok {
		out = asl.Encode(d)
	}
	if out == "" {
		return "", fmt.Errorf("the state machine has neither Definition nor DefinitionString: the engine reads no DefinitionS3Location")
	}
	subs, _ := p["DefinitionSubstitutions"].(map[string]any)
	pairs := make([]string, 0, 2*len(subs))
	for k := range subs {
		quoted, err := json.Marshal(text(subs, k))
		if err != nil {
			return "", fmt.Errorf("substitution %s: %w", k, err)
		}
		pairs = append(pairs, "${"+k+"}", string(quoted[1:len(quoted)-1]))
	}
	return strings.NewReplacer(pairs...).Replace(out), nil
}

// check does what CreateStateMachine checks: the definition, the role, and the right to the managed rule where a .sync
// integration needs it.
func (r *Room) check(ctx context.Context, m Machine) error {
	parsed, err := asl.Parse(m.Definition)
	if err != nil {
		return &protocol.Error{Code: "InvalidDefinition", Message: err.Error()}
	}
	s, err := r.Roles.AssumeAsService(ctx, m.Role, servicePrincipal, "validation", session.Cause{})
	if err != nil {
		return protocol.Errorf("AccessDeniedException", "Neither the global service principal states.amazonaws.com, nor the regional one is "+
			"authorized to assume the provided role.")
	}
	builds, executions := false, false
	for _, t := range parsed.Tasks() {
		if err := m.checkTask(t); err != nil {
			return err
		}
		builds = builds || integration(t.Resource) == "codebuild:startBuild.sync"
		executions = executions || strings.HasPrefix(integration(t.Resource), "states:startExecution.sync")
	}
	if builds && r.mayManageRule(ctx, s, m, managedRule) != nil || executions && r.mayManageRule(ctx, s, m, executionRule) != nil {
		return protocol.Errorf("AccessDeniedException", "'%s' is not authorized to create managed-rule.", m.Role)
	}
	return r.checkConfiguration(ctx, s, m)
}

// checkTask refuses parameters that an integration does not have, and waiting in an express machine.
func (m Machine) checkTask(t asl.TaskState) error {
	base, pattern, _ := strings.Cut(integration(t.Resource), ".")
	if m.Express && pattern != "" {
		return protocol.Errorf("InvalidDefinition", "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Express state machine does not support "+
			"'.%s' service integration at /States/%s/Resource'", pattern, t.Name)
	}
	allowed := map[string][]string{"lambda:invoke": invokeParameters, "codebuild:startBuild": buildParameters, "states:startExecution": executionParameters}[base]
	for _, name := range t.Parameters {
		if allowed != nil && !slices.Contains(allowed, name) {
			return protocol.Errorf("InvalidDefinition", "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: "+
				"The field \"%s\" is not supported by Step Functions at /States/%s/Parameters'", name, t.Name)
		}
	}
	return nil
}

// checkName refuses what no machine or execution may be called (API Reference, "StartExecution", name).
func checkName(name string) error {
	bad := strings.ContainsAny(name, " \t\n\r<>{}[]?*\"#%\\^|~`$&,;:/") || strings.ContainsFunc(name, func(r rune) bool {
		return r < 0x20 || r >= 0x7f && r < 0xa0
	})
	if name == "" || len(name) > 80 || bad {
		return protocol.Errorf("InvalidName", "Invalid Name: '%s'", name)
	}
	return nil
}

func text(p map[string]any, name string) string { return resource.Text(p[name]) }
