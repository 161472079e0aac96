package cloudformation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Limits of an answer of a custom resource, in bytes.
const (
	maxAnswer     = 4096
	maxPhysicalID = 1024
)

// answer is what a custom resource PUTs to its response URL.
type answer struct {
	Status             string
	Reason             string
	PhysicalResourceID string `json:"PhysicalResourceId"`
	StackID            string `json:"StackId"`
	RequestID          string `json:"RequestId"`
	LogicalResourceID  string `json:"LogicalResourceId"`
	NoEcho             any
	Data               map[string]any
}

// readAnswer checks an answer to the request id of a resource. A failed one may name what it left behind.
func readAnswer(body []byte, id string, r resource.Request) (resource.Result, error) {
	if len(body) > maxAnswer {
		return resource.Result{}, errors.New("Response object is too long.") //nolint:staticcheck,revive // CloudFormation's own words
	}
	var a answer
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&a); err != nil {
		return resource.Result{}, fmt.Errorf("the response is no JSON object of the documented form: %w", err)
	}
	if err := a.check(id, r); err != nil {
		return resource.Result{}, err
	}
	if a.Status == "FAILED" {
		return resource.Result{PhysicalID: a.PhysicalResourceID},
			fmt.Errorf("Received response status [FAILED] from custom resource. Message returned: %s (RequestId: %s)", a.Reason, id) //nolint:staticcheck // CloudFormation's own words
	}
	data, _ := texts(anyMap(a.Data)).(map[string]any)
	return resource.Result{PhysicalID: a.PhysicalResourceID, Attributes: data}, nil
}

func anyMap(m map[string]any) any { return m }

func (a *answer) check(id string, r resource.Request) error {
	switch {
	case a.Status != "SUCCESS" && a.Status != "FAILED":
		return fmt.Errorf("the response's Status is %q, neither SUCCESS nor FAILED", a.Status)
	case a.PhysicalResourceID == "":
		return errors.New("Invalid PhysicalResourceId") //nolint:staticcheck // CloudFormation's own words
	case len(a.PhysicalResourceID) > maxPhysicalID:
		return fmt.Errorf("Invalid PhysicalResourceId: it has %d bytes and may have %d", len(a.PhysicalResourceID), maxPhysicalID) //nolint:staticcheck // CloudFormation's own words
	case a.StackID != r.Stack.ID:
		return fmt.Errorf("the response's StackId is %q, not that of the request", a.StackID)
	case a.LogicalResourceID != r.LogicalID:
		return fmt.Errorf("the response's LogicalResourceId is %q, not that of the request, %q", a.LogicalResourceID, r.LogicalID)
	case a.RequestID != id:
		return fmt.Errorf("the response's RequestId is %q, not that of the request, %q", a.RequestID, id)
	}
	return nil
}
