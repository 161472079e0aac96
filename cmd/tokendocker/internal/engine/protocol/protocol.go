// Package protocol is what the door and the rooms behind it say to each other: one AWS call, what it needs, and
// how it fails.
package protocol

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Call is one AWS call whose signature holds. The door fills one of Body, Form and HTTP by the service's protocol.
type Call struct {
	Service   string // the service's IAM prefix, "codebuild"
	Operation string // "StartBuild"
	Partition string // "aws"
	Region    string // from the signature's scope
	Account   string // whose resources are called: the caller's account, or the one that an Addressed service names
	Session   *session.Session
	Endpoint  string // scheme and host that the client used, for URLs in answers

	Body []byte        // JSON protocols: the input, in the service's own spelling; REST rooms fill it themselves
	Form url.Values    // Query protocol: the flattened input
	HTTP *http.Request // REST protocols: the request, with its body
}

// Need is one permission that a call must have.
type Need struct {
	Action     string              // "codebuild:StartBuild"
	Resources  []string            // ARNs, each of which must be allowed; empty means "*", for actions that have none
	Conditions map[string][]string // condition keys beside the global ones
	Owner      string              // account of resources whose ARN names none, as S3's; empty: the account that is called

	// ResourcePolicy is the JSON text of the resource's own policy, empty if it has none.
	ResourcePolicy string
	// ResourcePolicyOnly says that identity policies alone are not enough, as for roles and KMS keys.
	ResourcePolicyOnly bool
}

// Service is one room behind the door.
type Service interface {
	// Name returns the service's IAM prefix, which is also its name in a signature's scope.
	Name() string
	// Needs says which permissions the call must have. An error refuses the call before that. A REST service finds
	// out here which operation is called, and sets call.Operation.
	Needs(ctx context.Context, call *Call) ([]Need, error)
	// Serve does the call. A JSON service returns a value to marshal as JSON, a Query service a value to marshal as
	// the XML result, a REST service an http.Handler that writes the answer itself.
	Serve(ctx context.Context, call *Call) (any, error)
}

// Addressed is a Service whose calls may name what belongs to another account, as by an ARN.
type Addressed interface {
	// Owner returns the account of what the call is about, empty if the call names none.
	Owner(call *Call) string
}

// OwnerOf returns the account in an ARN, empty if that is none, if what it names is AWS's own and so everybody's, or if
// text is no ARN.
func OwnerOf(text string) string {
	if parts := strings.SplitN(text, ":", 6); len(parts) == 6 && parts[0] == "arn" && parts[4] != "aws" {
		return parts[4]
	}
	return ""
}

// Caller makes AWS calls inside the engine, through the same permission check as a call over HTTP.
type Caller interface {
	// Call makes a call of a JSON service: in is marshalled as its input, its answer is unmarshalled into out,
	// which may be nil. The region is the session's caller's: the one given.
	Call(ctx context.Context, as *session.Session, region, service, operation string, in, out any) error
	// Allow decides one permission without a call, and returns the access-denied error that AWS would.
	Allow(ctx context.Context, as *session.Session, region string, need Need) error
}

// Error is an AWS error: a code that clients match, a message for people, and an HTTP status.
type Error struct {
	Code    string // "AccessDeniedException"
	Message string
	Status  int            // HTTP status; 0 means 400
	Fields  map[string]any // further members of the error's shape
	Hint    string         // what would mend it, for the report; AWS has no such text and clients never see it
}

// Errorf returns an Error with status 400.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithHintOf takes over the hint of the error that this one stands for, if that has one.
func (e *Error) WithHintOf(cause error) *Error {
	if refused, ok := errors.AsType[*Error](cause); ok {
		e.Hint = refused.Hint
	}
	return e
}

// HTTPStatus returns the status with which the error goes over HTTP.
func (e *Error) HTTPStatus() int { return cmp.Or(e.Status, http.StatusBadRequest) }

// Error returns code and message.
func (e *Error) Error() string { return e.Code + ": " + e.Message }

// HasCode reports whether an error is an Error with this code.
func HasCode(err error, code string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}
