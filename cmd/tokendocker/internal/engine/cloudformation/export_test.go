package cloudformation

import "github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"

// ReadAnswer gives the tests the check of an answer.
func ReadAnswer(body []byte, requestID, stackID, logicalID string) (physicalID string, err error) {
	result, err := readAnswer(body, requestID, resource.Request{Stack: resource.Stack{ID: stackID}, LogicalID: logicalID})
	return result.PhysicalID, err
}
