package contract

import (
	"encoding/json"
)

// Decode reads the request that CloudFormation hands over.
func Decode(data json.RawMessage) (Request, error) {
	var r Request
	err := json.Unmarshal(data, &r)
	return r, err
}
