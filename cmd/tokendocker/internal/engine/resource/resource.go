// Package resource is what CloudFormation and the rooms say to each other about one resource of a stack.
package resource

import (
	"context"
	"maps"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Stack is the stack that a resource belongs to.
type Stack struct {
	ID        string // ARN
	Name      string
	Account   string
	Region    string
	Partition string
	URLSuffix string
	Role      string // ARN of the role that CloudFormation acts as; empty: it acts as the Caller

	Caller *session.Session // who asked for the operation; nil: whoever may do anything
}

// Unbounded reports whether CloudFormation may do anything with the stack.
func (s Stack) Unbounded() bool { return s.Role == "" && (s.Caller == nil || s.Caller.Operator()) }

// Request is what CloudFormation asks of a provider for one resource.
type Request struct {
	Stack      Stack
	Type       string // "AWS::ECR::Repository"
	LogicalID  string
	Path       string         // construct path; the logical id where the assembly names none
	PhysicalID string         // empty on Create
	Properties map[string]any // resolved; scalars as the template has them
	Old        map[string]any // resolved properties before an Update
	Attributes map[string]any // as the last Create or Update returned them
	Replaces   string         // on Create: physical id of the resource that it takes the place of; empty: none
	Token      string         // names the operation: equal for repeated tries, different for each stack operation
}

// Result is what a provider made of it.
type Result struct {
	PhysicalID string
	Ref        string         // what Ref gives; empty means PhysicalID
	Attributes map[string]any // what Fn::GetAtt gives, by attribute name ("Arn", "Endpoint.Address")
}

// Provider creates, updates and deletes resources of one type. Its errors are what the stack event shows. A failed
// Create or Update may return a PhysicalID with its error: what it names is deleted when the stack rolls back. A
// cancelled context means that CloudFormation has stopped waiting.
type Provider interface {
	Create(ctx context.Context, r Request) (Result, error)
	// Update changes a resource in place; a result with another PhysicalID is a replacement, whose old resource
	// CloudFormation deletes when the update is complete.
	Update(ctx context.Context, r Request) (Result, error)
	Delete(ctx context.Context, r Request) error
}

// Replacer is a Provider some of whose properties cannot change in place.
type Replacer interface {
	// Immutable returns the names of the top-level properties whose change replaces the resource.
	Immutable() []string
}

// Describer is a Provider that computes what Ref and Fn::GetAtt give instead of keeping it in Result. The Request's
// PhysicalID may be one that the user has set for this run.
type Describer interface {
	// Ref returns what Ref gives.
	Ref(r Request) string
	// Attribute returns what Fn::GetAtt gives for the attribute called name.
	Attribute(r Request, name string) (any, error)
}

// Reader is a Provider that can tell how a resource is now, whoever has made it so. CloudFormation imports resources of
// its type and detects their drift.
type Reader interface {
	// Identifier returns the property that identifies a resource to import; its value is the physical id.
	Identifier() string
	// Read returns the resource with the Request's PhysicalID as it is. found is false if there is none such.
	Read(ctx context.Context, r Request) (live Live, found bool, err error)
}

// Live is a resource as it is now.
type Live struct {
	Result                    // as Create would return it
	Properties map[string]any // the ones that the provider keeps, in the template's form; nil for one that is not set
}

// Tags returns tags as most types have them, a list of keys and values, or nil if there are none.
func Tags(tags map[string]string) any {
	if len(tags) == 0 {
		return nil
	}
	var out []any
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, map[string]any{"Key": key, "Value": tags[key]})
	}
	return out
}

// TagsOf reads the property Tags where it is a list of keys and values.
func TagsOf(properties map[string]any) map[string]string {
	tags := map[string]string{}
	list, _ := properties["Tags"].([]any)
	for _, item := range list {
		one, _ := item.(map[string]any)
		if key, ok := one["Key"].(string); ok {
			value, _ := one["Value"].(string)
			tags[key] = value
		}
	}
	return tags
}
