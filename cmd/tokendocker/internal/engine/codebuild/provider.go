package codebuild

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Resources returns the resource types of the room: AWS::CodeBuild::Project.
func (r *Room) Resources() map[string]resource.Provider {
	return map[string]resource.Provider{"AWS::CodeBuild::Project": provider{r}}
}

// provider is AWS::CodeBuild::Project.
// Source: AWS CloudFormation Template Reference, AWS::CodeBuild::Project.
type provider struct{ room *Room }

// Immutable returns the properties whose change replaces the project.
func (provider) Immutable() []string { return []string{"Name"} }

var supported = []string{
	"Artifacts", "BuildBatchConfig", "Cache", "ConcurrentBuildLimit", "Description", "EncryptionKey", "Environment", "LogsConfig", "Name",
	"QueuedTimeoutInMinutes", "SecondaryArtifacts", "SecondarySourceVersions", "SecondarySources", "ServiceRole", "Source", "SourceVersion", "Tags", "TimeoutInMinutes", "VpcConfig",
}

// read turns a template's properties into a project without name and ARN.
func read(req resource.Request) (project, error) {
	var p project
	for _, name := range slices.Sorted(maps.Keys(req.Properties)) {
		if !slices.Contains(supported, name) {
			return p, invalid("tokendocker does not support the property %s of AWS::CodeBuild::Project", name)
		}
	}
	raw, err := json.Marshal(req.Properties)
	if err != nil {
		return p, fmt.Errorf("properties of %s: %w", req.LogicalID, err)
	}
	if err := json.Unmarshal(raw, &p); err != nil { // names differ from the API's in case only
		return p, invalid("Properties of %s are not as AWS::CodeBuild::Project has them: %v", req.LogicalID, err)
	}
	return p, nil
}

// Create makes the project.
func (v provider) Create(ctx context.Context, req resource.Request) (resource.Result, error) {
	p, err := read(req)
	if err != nil {
		return resource.Result{}, err
	}
	if p.Name == "" {
		p.Name = physical.Name(req, physical.MaxProject)
	}
	p.ARN = at(req).project(p.Name)
	if err := p.complete(); err != nil {
		return resource.Result{}, err
	}
	if err := v.room.checkRole(ctx, p, req.Stack.Region); err != nil {
		return resource.Result{}, err
	}
	p.Created = v.room.Clock.Now()
	p.Modified = p.Created
	err = v.room.projects.Update(p.ARN, func(old project, found bool) (project, error) {
		if found {
			return old, protocol.Errorf("ResourceAlreadyExistsException", "Project already exists: %s", p.ARN)
		}
		return p, nil
	})
	if err != nil {
		return resource.Result{}, err
	}
	return result(p), nil
}

// Update changes the project's settings; another name makes another project.
func (v provider) Update(ctx context.Context, req resource.Request) (resource.Result, error) {
	p, err := read(req)
	if err != nil {
		return resource.Result{}, err
	}
	if fmt.Sprint(req.Old["Name"]) != fmt.Sprint(req.Properties["Name"]) {
		return v.Create(ctx, req)
	}
	p.Name, p.ARN = req.PhysicalID, at(req).project(req.PhysicalID)
	if err := p.complete(); err != nil {
		return resource.Result{}, err
	}
	if err := v.room.checkRole(ctx, p, req.Stack.Region); err != nil {
		return resource.Result{}, err
	}
	err = v.room.projects.Update(p.ARN, func(old project, found bool) (project, error) {
		if !found {
			return old, errNoProject(p.ARN)
		}
		p.Created, p.LastBuild, p.Modified = old.Created, old.LastBuild, v.room.Clock.Now()
		return p, nil
	})
	if err != nil {
		return resource.Result{}, err
	}
	return result(p), nil
}

// Delete removes the project. Its builds stay, as on AWS; one that runs goes on.
func (v provider) Delete(_ context.Context, req resource.Request) error {
	return v.room.projects.Delete(at(req).project(req.PhysicalID))
}

func at(req resource.Request) place {
	return place{partition: req.Stack.Partition, region: req.Stack.Region, account: req.Stack.Account}
}

func result(p project) resource.Result {
	return resource.Result{PhysicalID: p.Name, Attributes: map[string]any{"Arn": p.ARN, "Id": p.Name}}
}

func errNoProject(arn string) error {
	return protocol.Errorf("ResourceNotFoundException", "Project cannot be found: %s", arn)
}
