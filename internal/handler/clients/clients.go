// Package clients fills the handler's ports with the AWS SDK: it translates, and decides nothing.
package clients

import (
	"errors"
	"slices"

	"github.com/aws/smithy-go"

	"github.com/tokendocker/tokendocker/internal/fault"
)

// kinds translates the error codes of the APIs that the handler calls (their API References, "Errors").
var kinds = map[string]fault.Kind{
	"AccessDenied":                fault.Denied,
	"AccessDeniedException":       fault.Denied,
	"UnrecognizedClientException": fault.Denied,

	"ThrottlingException":      fault.Throttled,
	"Throttling":               fault.Throttled,
	"TooManyRequestsException": fault.Throttled,
	"RequestLimitExceeded":     fault.Throttled,
	"TooManyUpdates":           fault.Throttled,

	"RepositoryNotFoundException": fault.NotFound,
	"ResourceNotFoundException":   fault.NotFound,
	"StateMachineDoesNotExist":    fault.NotFound,
	"ExecutionDoesNotExist":       fault.NotFound,
	"ParameterNotFound":           fault.NotFound,
}

// problem gives an SDK's error its kind. The text is the service's own, which in a refusal names the role, the
// action and the resource; the SDK's frame around it holds request ids, which would make equal answers differ.
func problem(op, subject string, err error) error {
	e := &fault.Error{Op: op, Subject: subject, Kind: fault.Internal, Err: err}
	var api smithy.APIError
	if errors.As(err, &api) {
		e.Err = errors.New(api.ErrorCode() + ": " + api.ErrorMessage())
		if kind, known := kinds[api.ErrorCode()]; known {
			e.Kind = kind
		}
	}
	return e
}

// is reports whether an error has one of these codes.
func is(err error, codes ...string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode())
}
