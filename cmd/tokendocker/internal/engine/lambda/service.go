package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// InvokeInput is the input of an invocation inside the engine, Call("lambda", "Invoke", ...). Unlike on the wire, the
// payload is the JSON itself.
type InvokeInput struct {
	FunctionName   string
	Qualifier      string          `json:",omitempty"`
	InvocationType string          `json:",omitempty"` // "RequestResponse" when empty, "Event" or "DryRun"
	Payload        json.RawMessage `json:",omitempty"`
}

// InvokeOutput is its answer.
type InvokeOutput struct {
	StatusCode      int             // 200, 202 for events, 204 for dry runs
	FunctionError   string          `json:",omitempty"` // "Unhandled" when the function failed
	ExecutedVersion string          `json:",omitempty"`
	Payload         json.RawMessage `json:",omitempty"`
	RequestID       string          // of the invocation
}

const functionsPath = "/2015-03-31/functions/"

// actions are the permissions that the operations need (Service Authorization Reference, "AWS Lambda").
var actions = map[string]string{
	"Invoke":                   "lambda:InvokeFunction",
	"GetFunction":              "lambda:GetFunction",
	"GetFunctionConfiguration": "lambda:GetFunctionConfiguration",

	"UpdateFunctionCode":          "lambda:UpdateFunctionCode",
	"UpdateFunctionConfiguration": "lambda:UpdateFunctionConfiguration",
	"PublishVersion":              "lambda:PublishVersion",
	"UpdateAlias":                 "lambda:UpdateAlias",
}

// Name returns "lambda".
func (r *Room) Name() string { return "lambda" }

// Owner returns the account in the function's name, if it has one.
func (r *Room) Owner(call *protocol.Call) string {
	ref, err := route(call)
	if err != nil {
		return ""
	}
	return ref.account
}

// Needs asks for the operation's action on the function's ARN, qualified where the caller qualified it.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	ref, err := route(call)
	if err != nil {
		return nil, err
	}
	action, ok := actions[call.Operation]
	if !ok {
		return nil, unsupported(call.Operation)
	}
	need, err := r.need(call, ref, action)
	if err != nil || changes[call.Operation] == nil {
		return []protocol.Need{need}, err
	}
	more, err := changeNeeds(call)
	return append([]protocol.Need{need}, more...), err
}

func unsupported(operation string) error {
	return &protocol.Error{Code: "UnknownOperationException", Status: http.StatusNotFound,
		Message: "The engine does not have the Lambda operation " + operation + "."}
}

// route finds the operation of a REST call by its path, and the function that any call names.
func route(call *protocol.Call) (reference, error) {
	if call.HTTP == nil {
		var in InvokeInput
		if err := json.Unmarshal(call.Body, &in); err != nil {
			return reference{}, protocol.Errorf("InvalidRequestContentException", "Could not parse request body into json: %v", err)
		}
		ref := parseReference(in.FunctionName)
		if in.Qualifier != "" {
			ref.qualifier = in.Qualifier
		}
		return ref, nil
	}
	rest, ok := strings.CutPrefix(call.HTTP.URL.EscapedPath(), functionsPath)
	if !ok {
		return reference{}, unsupported(call.HTTP.Method + " " + call.HTTP.URL.Path)
	}
	escaped, action, _ := strings.Cut(rest, "/")
	name, err := url.PathUnescape(escaped)
	if err != nil {
		return reference{}, protocol.Errorf("InvalidParameterValueException", "the function's name is not valid: %v", err)
	}
	switch call.HTTP.Method + " " + action {
	case "POST invocations":
		call.Operation = "Invoke"
	case "GET ":
		call.Operation = "GetFunction"
	case "GET configuration":
		call.Operation = "GetFunctionConfiguration"
	default:
		if call.Operation, ok = changeOf(call.HTTP.Method, action); !ok {
			return reference{}, unsupported(call.HTTP.Method + " " + action)
		}
	}
	ref := parseReference(name)
	if q := call.HTTP.URL.Query().Get("Qualifier"); q != "" {
		ref.qualifier = q
	}
	return ref, nil
}

// Serve does an operation: a REST call's answer is an http.Handler, an inner call's an InvokeOutput or a map.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	ref, err := route(call)
	if err != nil {
		return nil, err
	}
	f, err := r.find(call, ref)
	if err != nil {
		return nil, err
	}
	switch call.Operation {
	case "Invoke":
		out, err := r.serveInvoke(ctx, call, ref, f)
		if err != nil || call.HTTP == nil {
			return out, err
		}
		return out.handler(), nil
	case "GetFunctionConfiguration":
		return answerJSON(call, f.configuration()), nil
	case "GetFunction":
		return answerJSON(call, map[string]any{"Configuration": f.configuration()}), nil
	}
	change := changes[call.Operation]
	if change == nil {
		return nil, unsupported(call.Operation)
	}
	out, err := change(r, ctx, call, f)
	if err != nil {
		return nil, err
	}
	return answerJSON(call, out), nil
}

func (r *Room) serveInvoke(ctx context.Context, call *protocol.Call, ref reference, f Function) (*InvokeOutput, error) {
	in, err := readInvoke(call)
	if err != nil {
		return nil, err
	}
	ev := event{id: protocol.NewID(), arn: referenceARN(call, ref), payload: in.Payload, cause: call.Session.Cause()}
	switch in.InvocationType {
	case "DryRun":
		return &InvokeOutput{StatusCode: http.StatusNoContent, RequestID: ev.id}, nil
	case "Event":
		if err := r.enqueue(f, ev); err != nil {
			return nil, err
		}
		return &InvokeOutput{StatusCode: http.StatusAccepted, RequestID: ev.id}, nil
	}
	out, err := r.invokeAndWait(ctx, f, ev)
	if err != nil {
		return nil, err
	}
	answer := &InvokeOutput{StatusCode: http.StatusOK, ExecutedVersion: f.Version, Payload: out.payload, RequestID: ev.id}
	if out.failed {
		answer.FunctionError = unhandled
	}
	if call.HTTP == nil && len(out.payload) > 0 && !json.Valid(out.payload) {
		// Only the wire can carry what is not JSON; an inner caller gets it as a string.
		if answer.Payload, err = json.Marshal(string(out.payload)); err != nil {
			return nil, fmt.Errorf("answer of function %s: %w", f.Name, err)
		}
	}
	return answer, nil
}

// readInvoke reads and bounds an invocation's input.
func readInvoke(call *protocol.Call) (InvokeInput, error) {
	var in InvokeInput
	if call.HTTP == nil {
		if err := json.Unmarshal(call.Body, &in); err != nil {
			return in, protocol.Errorf("InvalidRequestContentException", "Could not parse request body into json: %v", err)
		}
	} else {
		body, err := io.ReadAll(io.LimitReader(call.HTTP.Body, maxSync+1))
		if err != nil {
			return in, fmt.Errorf("read the invocation's payload: %w", err)
		}
		in.Payload, in.InvocationType = body, call.HTTP.Header.Get("X-Amz-Invocation-Type")
	}
	limit := maxSync
	switch in.InvocationType {
	case "", "RequestResponse", "DryRun":
	case "Event":
		limit = maxAsync
	default:
		return in, protocol.Errorf("InvalidParameterValueException", "invocation type %q is not one of RequestResponse, Event, DryRun", in.InvocationType)
	}
	if len(in.Payload) > limit {
		return in, &protocol.Error{Code: "RequestTooLargeException", Status: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", limit)}
	}
	if len(in.Payload) == 0 {
		in.Payload = json.RawMessage("{}")
	}
	if !json.Valid(in.Payload) {
		return in, protocol.Errorf("InvalidRequestContentException", "Could not parse request body into json: the payload is not JSON")
	}
	return in, nil
}

// handler writes the output as the REST API does.
func (o *InvokeOutput) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("X-Amzn-Requestid", o.RequestID)
		if o.FunctionError != "" {
			h.Set("X-Amz-Function-Error", o.FunctionError)
		}
		if o.ExecutedVersion != "" {
			h.Set("X-Amz-Executed-Version", o.ExecutedVersion)
		}
		w.WriteHeader(o.StatusCode)
		w.Write(o.Payload) //nolint:errcheck // the client is gone
	})
}

// answerJSON is a plain answer in the form that the call's way wants.
func answerJSON(call *protocol.Call, value map[string]any) any {
	if call.HTTP == nil {
		return value
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(value) //nolint:errcheck // the client is gone
	})
}
