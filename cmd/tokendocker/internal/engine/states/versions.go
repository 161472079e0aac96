package states

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// qualified splits the ARN of a version or an alias from that of its machine.
func qualified(arn string) (machine, qualifier string) {
	parts := strings.Split(arn, ":")
	if len(parts) < 8 {
		return arn, ""
	}
	return strings.Join(parts[:7], ":"), parts[7]
}

// versionProvider is AWS::StepFunctions::StateMachineVersion: the machine as it is at creation, under the next number.
// Ref and Arn are the version's ARN (AWS CloudFormation User Guide).
type versionProvider struct{ room *Room }

// Immutable returns all properties: a version is never changed.
func (versionProvider) Immutable() []string {
	return []string{"StateMachineArn", "StateMachineRevisionId", "Description"}
}

// Create publishes a version.
func (p versionProvider) Create(_ context.Context, q resource.Request) (resource.Result, error) {
	m, err := p.room.change(text(q.Properties, "StateMachineArn"), func(m *Machine) error {
		if wanted := text(q.Properties, "StateMachineRevisionId"); wanted != "" && wanted != m.Revision && wanted != "INITIAL" {
			return protocol.Errorf("ConflictException", "Failed to publish the State Machine version for revision %s. The current State Machine revision is %s.", wanted, m.Revision)
		}
		m.Published++
		return nil
	})
	if err != nil {
		return resource.Result{}, err
	}
	arn := m.ARN + ":" + strconv.Itoa(m.Published)
	return resource.Result{PhysicalID: arn, Attributes: map[string]any{"Arn": arn}}, p.room.machines.Put(arn, m)
}

// Update changes nothing: all properties are immutable.
func (versionProvider) Update(_ context.Context, q resource.Request) (resource.Result, error) {
	return resource.Result{PhysicalID: q.PhysicalID, Attributes: q.Attributes}, nil
}

// Delete removes the version.
func (p versionProvider) Delete(_ context.Context, q resource.Request) error {
	return p.room.machines.Delete(q.PhysicalID)
}

// aliasProvider is AWS::StepFunctions::StateMachineAlias. Where it names two versions, the one of greater weight runs.
// Ref and Arn are the alias's ARN (AWS CloudFormation User Guide).
type aliasProvider struct{ room *Room }

// Immutable returns the properties that make another alias.
func (aliasProvider) Immutable() []string { return []string{"Name"} }

// Create names a version.
func (p aliasProvider) Create(_ context.Context, q resource.Request) (resource.Result, error) {
	version, err := routed(q.Properties)
	if err != nil {
		return resource.Result{}, err
	}
	if _, found, err := p.room.machines.Get(version); err != nil {
		return resource.Result{}, err
	} else if !found {
		return resource.Result{}, protocol.Errorf("ResourceNotFound", "Resource not found: '%s'", version)
	}
	machine, _ := qualified(version)
	arn := machine + ":" + text(q.Properties, "Name")
	return resource.Result{PhysicalID: arn, Attributes: map[string]any{"Arn": arn}}, p.room.aliases.Put(arn, version)
}

// routed is the version that an alias stands for.
func routed(properties map[string]any) (string, error) {
	if d, ok := properties["DeploymentPreference"].(map[string]any); ok {
		return text(d, "StateMachineVersionArn"), nil
	}
	list, _ := properties["RoutingConfiguration"].([]any)
	version, most := "", -1
	for _, e := range list {
		route, _ := e.(map[string]any)
		weight, err := strconv.Atoi(text(route, "Weight"))
		if err != nil {
			return "", fmt.Errorf("the alias's RoutingConfiguration has a Weight that is no number: %w", err)
		}
		if weight > most {
			version, most = text(route, "StateMachineVersionArn"), weight
		}
	}
	if version == "" {
		return "", fmt.Errorf("the alias has neither RoutingConfiguration nor DeploymentPreference")
	}
	return version, nil
}

// Update points the alias at another version.
func (p aliasProvider) Update(ctx context.Context, q resource.Request) (resource.Result, error) {
	return p.Create(ctx, q)
}

// Delete forgets the alias.
func (p aliasProvider) Delete(_ context.Context, q resource.Request) error {
	return p.room.aliases.Delete(q.PhysicalID)
}
