package codebuild

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// service is CodeBuild's principal in trust policies.
const service = "codebuild.amazonaws.com"

// place is an account and region of a partition.
type place struct{ partition, region, account string }

func (p place) prefix() string {
	return "arn:" + p.partition + ":codebuild:" + p.region + ":" + p.account + ":"
}

// project returns the ARN of the project that a name means, which may be its ARN.
func (p place) project(name string) string {
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	return p.prefix() + "project/" + name
}

func (p place) build(id string) string { return p.prefix() + "build/" + id }

// operation is one operation of the API.
type operation struct {
	// projects returns the names of the projects that the input is about; nil means an action without resources.
	projects func(t target) []string
	serve    protocol.Operation[*Room]
}

// target is the part of an input that names projects or builds.
type target struct {
	ProjectName string   `json:"projectName"`
	ID          string   `json:"id"`
	Token       string   `json:"idempotencyToken"`
	IDs         []string `json:"ids"`
	Names       []string `json:"names"`
}

func named(t target) []string { return []string{t.ProjectName} }

func none(target) []string { return nil }

// built names the projects of the input's builds, which are the first part of their ids.
func built(t target) []string {
	var names []string
	for _, id := range append(t.IDs, t.ID) {
		if name, _, _ := strings.Cut(buildID(id), ":"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func listed(t target) []string { return t.Names }

// operations returns the part of the API that there is.
// Source of each one's resources: Service Authorization Reference, "Actions, resources, and condition keys for AWS
// CodeBuild".
func operations() map[string]operation {
	return map[string]operation{
		"StartBuild":           {named, protocol.JSON((*Room).startBuild)},
		"StopBuild":            {built, protocol.JSON((*Room).stopBuild)},
		"RetryBuild":           {built, protocol.JSON((*Room).retryBuild)},
		"BatchGetBuilds":       {built, protocol.JSON((*Room).batchGetBuilds)},
		"ListBuilds":           {none, protocol.JSON((*Room).listBuilds)},
		"ListBuildsForProject": {named, protocol.JSON((*Room).listBuildsForProject)},
		"BatchGetProjects":     {listed, protocol.JSON((*Room).batchGetProjects)},
		"ListProjects":         {none, protocol.JSON((*Room).listProjects)},
	}
}

// Name returns "codebuild".
func (r *Room) Name() string { return "codebuild" }

// Needs returns the operation's own action on the projects that the input names.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	op, err := protocol.Find(operations(), call)
	if err != nil {
		return nil, err
	}
	var t target
	if err := protocol.Decode(call, &t); err != nil {
		return nil, err
	}
	need := protocol.Need{Action: "codebuild:" + call.Operation}
	for _, name := range op.projects(t) {
		need.Resources = append(need.Resources, where(call).project(name))
	}
	if call.Operation == "StartBuild" {
		need.Conditions = conditions(call.Body)
	}
	return []protocol.Need{need}, nil
}

// conditions returns the condition keys that a StartBuild sets.
// Source: AWS CodeBuild User Guide, "Use IAM condition keys to control build access", 2026-10.
func conditions(body []byte) map[string][]string {
	var in struct {
		BuildspecOverride *string `json:"buildspecOverride"`
		ImageOverride     *string `json:"imageOverride"`
	}
	if json.Unmarshal(body, &in) != nil {
		return nil // Serve says what is wrong with it
	}
	out := map[string][]string{}
	if in.BuildspecOverride != nil {
		out["codebuild:source.buildspec"] = []string{*in.BuildspecOverride}
	}
	if in.ImageOverride != nil {
		out["codebuild:environment.image"] = []string{*in.ImageOverride}
	}
	return out
}

// Serve does the call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	op, err := protocol.Find(operations(), call)
	if err != nil {
		return nil, err
	}
	return op.serve(ctx, r, call)
}

func where(call *protocol.Call) place {
	return place{partition: call.Partition, region: call.Region, account: call.Account}
}

const pageSize = 100 // CodeBuild API Reference, ListBuildsForProject

// page cuts one page out of all by the API's token.
func page[T any](all []T, token string) (part []T, next string, err error) {
	part, next, ok := protocol.Page(all, token, pageSize)
	if !ok {
		return nil, "", invalid("Invalid next token: it must come from an earlier answer")
	}
	return part, next, nil
}
