package ssm

import (
	"context"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// parameterProvider is AWS::SSM::Parameter.
// Source: AWS CloudFormation User Guide, AWS::SSM::Parameter.
type parameterProvider struct{ room *Room }

// Immutable names the properties whose change makes another parameter.
func (parameterProvider) Immutable() []string { return []string{"Name"} }

// Create makes the parameter.
func (p parameterProvider) Create(_ context.Context, r resource.Request) (resource.Result, error) {
	in := input(r)
	if in.Name == "" {
		in.Name = "CFN-" + physical.Logical(r, physical.MaxParameter-len("CFN-"))
	}
	return p.put(r, in)
}

// Update gives the parameter another version.
func (p parameterProvider) Update(_ context.Context, r resource.Request) (resource.Result, error) {
	in := input(r)
	tags := in.Tags
	in.Name, in.Overwrite, in.Tags = r.PhysicalID, true, nil
	result, err := p.put(r, in)
	if err == nil {
		err = p.room.changeTags(r.Stack.Region, tagsInput{ResourceType: "Parameter", ResourceID: r.PhysicalID}, func(have map[string]string) {
			clear(have)
			for _, t := range tags {
				have[t.Key] = t.Value
			}
		})
	}
	return result, err
}

// Delete removes the parameter.
func (p parameterProvider) Delete(_ context.Context, r resource.Request) error {
	if err := p.room.remove(r.Stack.Region, r.PhysicalID); !notFound(err) {
		return err
	}
	return nil
}

func (p parameterProvider) put(r resource.Request, in putInput) (resource.Result, error) {
	if in.Type == secureString {
		return resource.Result{}, protocol.Errorf("ValidationException", "CloudFormation does not support parameters of type SecureString")
	}
	if _, _, err := p.room.put(r.Stack.Region, in); err != nil {
		return resource.Result{}, err // a parameter of that name is somebody else's
	}
	return resource.Result{PhysicalID: in.Name, Attributes: map[string]any{"Type": in.Type, "Value": in.Value, "Arn": p.room.arn(r.Stack.Region, in.Name)}}, nil
}

func input(r resource.Request) putInput {
	text := func(name string) string { s, _ := r.Properties[name].(string); return s }
	var tags []tag
	given, _ := r.Properties["Tags"].(map[string]any)
	for key, value := range given {
		s, _ := value.(string)
		tags = append(tags, tag{key, s})
	}
	return putInput{Tags: tags,
		Name: text("Name"), Value: text("Value"), Type: text("Type"), DataType: text("DataType"), Tier: text("Tier"),
		Description: text("Description"), AllowedPattern: text("AllowedPattern"), token: r.Token,
	}
}
