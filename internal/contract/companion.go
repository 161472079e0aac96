package contract

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Replication is the property of the custom resource that stands for a repository's place in the registry's
// replication rules. A builder's own request makes sure of the rule before each build; this resource is there so that
// CloudFormation says when the rule has to go: after everything else of an update, and before its permissions.
type Replication struct {
	Repository string   // name of the repository
	Regions    []string // where its images are replicated to
}

// Publication is the property of the custom resource that publishes texts about an image in another region, where
// consumers' stacks read them as Systems Manager parameters.
type Publication struct {
	Region     string
	Parameters []Parameter
}

// Parameter is a Systems Manager parameter of type String.
type Parameter struct{ Name, Value string }

// DecodeReplication reads a Replication strictly.
func DecodeReplication(data json.RawMessage) (Replication, error) {
	var r Replication
	if err := decodeStrictly(data, &r); err != nil {
		return Replication{}, err
	}
	if r.Repository == "" || len(r.Regions) == 0 {
		return Replication{}, errors.New("replication: names no repository or no region")
	}
	return r, nil
}

// DecodePublication reads a Publication strictly.
func DecodePublication(data json.RawMessage) (Publication, error) {
	var p Publication
	if err := decodeStrictly(data, &p); err != nil {
		return Publication{}, err
	}
	if p.Region == "" || len(p.Parameters) == 0 {
		return Publication{}, errors.New("publication: names no region or no parameter")
	}
	for _, parameter := range p.Parameters {
		if parameter.Name == "" || parameter.Value == "" {
			return Publication{}, errors.New("publication: a parameter has no name or no value")
		}
	}
	return p, nil
}

func decodeStrictly(data json.RawMessage, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return describe(err)
	}
	return nil
}
