package protocol

import (
	"encoding/json"
	"time"
)

// Event is what a service tells EventBridge.
type Event struct {
	ID         string // empty until a bus has it
	Source     string // "aws.codebuild"
	DetailType string // "CodeBuild Build State Change"
	Account    string
	Region     string
	Time       time.Time // zero: when the bus gets it
	Resources  []string  // ARNs
	Detail     any       // marshals to a JSON object
}

// MarshalJSON writes the event as rules match it and targets get it.
// Source: Amazon EventBridge User Guide, "AWS service event metadata".
func (e Event) MarshalJSON() ([]byte, error) {
	resources := e.Resources
	if resources == nil {
		resources = []string{}
	}
	return json.Marshal(struct {
		Version    string   `json:"version"`
		ID         string   `json:"id"`
		DetailType string   `json:"detail-type"`
		Source     string   `json:"source"`
		Account    string   `json:"account"`
		Time       string   `json:"time"`
		Region     string   `json:"region"`
		Resources  []string `json:"resources"`
		Detail     any      `json:"detail"`
	}{"0", e.ID, e.DetailType, e.Source, e.Account, e.Time.UTC().Format(time.RFC3339), e.Region, resources, e.Detail})
}
