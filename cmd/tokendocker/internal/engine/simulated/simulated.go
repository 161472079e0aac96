// Package simulated stands in for resource types that the engine does not have: it gives them identifiers and
// attributes of the right form, the same in every rehearsal, and does nothing else.
//
// Source: AWS CloudFormation Template Reference, "Return values" of the types in forms.txt.
package simulated

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated/catalog"
)

// Check looks at a resource before it counts as made. Its error fails the resource.
type Check func(ctx context.Context, r resource.Request) error

// Simulator gives out providers.
type Simulator struct{ checks map[string]Check }

// New returns a simulator that runs a check for the types in checks, which may be nil.
func New(checks map[string]Check) *Simulator { return &Simulator{checks} }

// Provider returns the provider of a type; there is one for every type.
func (s *Simulator) Provider(resourceType string) resource.Provider {
	return provider{resourceType, s.checks[resourceType]}
}

// Inert reports whether resources of a type are nothing in AWS either, so that nobody needs to hear of them.
func Inert(resourceType string) bool {
	switch resourceType {
	case "AWS::CDK::Metadata", "AWS::CloudFormation::WaitConditionHandle":
		return true
	}
	return false
}

// provider simulates one type.
type provider struct {
	resourceType string
	check        Check
}

// Create makes up an identifier. It fails when that is the one of the resource that it takes the place of.
func (p provider) Create(ctx context.Context, r resource.Request) (resource.Result, error) {
	id := identify(r)
	if id == r.Replaces && named(r, id) {
		return resource.Result{}, fmt.Errorf("CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename %s and update the stack again.", last(id)) //nolint:staticcheck,revive // CloudFormation's own words
	}
	return resource.Result{PhysicalID: id}, p.run(ctx, r)
}

// named reports whether a resource's identifier is the name that the template gives it, among all of its account's.
func named(r resource.Request, id string) bool {
	t, _ := catalog.Of(r.Type)
	return r.Type == "AWS::SQS::Queue" || r.Type == "AWS::SNS::Topic" || len(t.Identifier) == 1 && r.Properties[t.Identifier[0]] == id
}

// Update keeps the identifier.
func (p provider) Update(ctx context.Context, r resource.Request) (resource.Result, error) {
	return resource.Result{PhysicalID: r.PhysicalID}, p.run(ctx, r)
}

// Delete does nothing.
func (p provider) Delete(context.Context, resource.Request) error { return nil }

func (p provider) run(ctx context.Context, r resource.Request) error {
	if p.check == nil {
		return nil
	}
	return p.check(ctx, r)
}

// Immutable returns the properties of the type whose change replaces the resource.
func (p provider) Immutable() []string { return immutable(p.resourceType) }

// immutable returns the properties of a type whose change replaces the resource.
func immutable(resourceType string) []string {
	known, _ := catalog.Of(resourceType)
	return known.Immutable
}

// Ref returns the identifier.
func (p provider) Ref(r resource.Request) string { return r.PhysicalID }

// Attribute makes up what Fn::GetAtt gives. It fails for an attribute that a known type does not have.
func (p provider) Attribute(r resource.Request, name string) (any, error) {
	return attribute(r, name)
}

// revision is the number of a family's new task definition: the next one, where it takes the place of another.
func revision(family, replaces string) int {
	i := strings.LastIndexByte(replaces, ':')
	n, err := strconv.Atoi(replaces[i+1:])
	if err != nil || !strings.HasSuffix(replaces[:i], "/"+family) {
		return 1
	}
	return n + 1
}
