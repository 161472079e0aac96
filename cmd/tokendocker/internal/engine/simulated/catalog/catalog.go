// Package catalog knows the resource types of CloudFormation: what identifies a resource, which properties cannot
// change in place, which attributes Fn::GetAtt gives, and how its ARN looks.
//
// Its table is generated (generate.js) from @aws-cdk/aws-service-spec (Apache License 2.0, see
// LICENSE-aws-service-spec.txt), which is made from CloudFormation's resource schemas and AWS's documentation.
package catalog

import (
	_ "embed" // the table
	"encoding/json"
	"fmt"
	"sync"
)

//go:embed catalog.json
var table []byte

// Type is what is known of a resource type.
type Type struct {
	Identifier []string        // attributes or properties that together identify a resource
	Immutable  []string        // top-level properties whose change replaces the resource
	Attributes map[string]Kind // what Fn::GetAtt gives, by name ("Endpoint.Address")
	ARN        string          // with ${Partition}, ${Region}, ${Account} and names of the type's own; empty: not known
}

// Kind is the kind of an attribute's value.
type Kind string

// The kinds of values. Everything else is a String.
const (
	String  Kind = "string"
	Number  Kind = "number"
	Boolean Kind = "boolean"
	List    Kind = "list"
)

//nolint:gochecknoglobals // a constant, read when it is first needed
var load = sync.OnceValues(func() (map[string]Type, error) {
	var types map[string]Type
	if err := json.Unmarshal(table, &types); err != nil {
		return nil, fmt.Errorf("read the catalog of resource types: %w", err)
	}
	return types, nil
})

// Of returns what is known of a resource type ("AWS::SQS::Queue"), and whether there is such a type.
func Of(resourceType string) (Type, bool) {
	types, err := load()
	if err != nil {
		return Type{}, false // a test reads the table
	}
	t, ok := types[resourceType]
	return t, ok
}
