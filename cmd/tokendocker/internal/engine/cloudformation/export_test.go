package cloudformation

import (
	"context"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// ReadAnswer gives the tests the check of an answer.
func ReadAnswer(body []byte, requestID, stackID, logicalID string) (physicalID string, err error) {
	result, err := readAnswer(body, requestID, resource.Request{Stack: resource.Stack{ID: stackID}, LogicalID: logicalID})
	return result.PhysicalID, err
}

// PlanSize reads and orders a template and returns how many resources it has.
func PlanSize(text []byte) (int, error) {
	p, err := (&Service{Options: Options{Zones: func(string) []string { return nil }}}).newPlan(context.Background(), resource.Stack{}, DeployInput{Template: text}, nil)
	if err != nil {
		return 0, err
	}
	return len(p.resources), nil
}
