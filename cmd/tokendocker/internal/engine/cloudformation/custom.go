package cloudformation

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/intrinsic"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// defaultServiceTimeout is how long CloudFormation waits for an answer; ServiceTimeout may only shorten it.
const defaultServiceTimeout = time.Hour

// errNotSent says that a request never reached its function.
var errNotSent = errors.New("the function could not be invoked")

// CustomRequest is one request that a custom resource got.
type CustomRequest struct {
	StackID     string
	LogicalID   string
	Path        string
	RequestType string // Create, Update or Delete
	RequestID   string
	Start, End  time.Time // real
	Failed      bool
}

// customResource is the Provider of custom resources.
type customResource struct{ op *operation }

// Create sends a Create request.
func (c customResource) Create(ctx context.Context, r resource.Request) (resource.Result, error) {
	return c.ask(ctx, "Create", r)
}

// Update sends an Update request.
func (c customResource) Update(ctx context.Context, r resource.Request) (resource.Result, error) {
	if r.Properties["ServiceToken"] != r.Old["ServiceToken"] {
		return resource.Result{}, fmt.Errorf("Modifying service token is not allowed.%w", silent{errNotSent}) //nolint:staticcheck,revive // CloudFormation's own words
	}
	return c.ask(ctx, "Update", r)
}

// Delete sends a Delete request. A resource whose Create was never answered gets an invented physical id.
func (c customResource) Delete(ctx context.Context, r resource.Request) error {
	if r.PhysicalID == "" {
		sum := sha256.Sum256([]byte(r.Stack.ID + "\n" + r.LogicalID + "\n" + r.Token))
		r.PhysicalID = r.Stack.Name + "-" + r.LogicalID + "-" + base32.StdEncoding.EncodeToString(sum[:])[:12]
	}
	_, err := c.ask(ctx, "Delete", r)
	return err
}

// ask sends a request and waits for its answer.
func (c customResource) ask(ctx context.Context, requestType string, r resource.Request) (resource.Result, error) {
	function, timeout, err := serviceOf(r)
	if err != nil {
		return resource.Result{}, fmt.Errorf("%w%w", err, silent{errNotSent})
	}
	id := requestID(r, requestType)
	record := CustomRequest{StackID: r.Stack.ID, LogicalID: r.LogicalID, Path: r.Path, RequestType: requestType, RequestID: id, Start: time.Now()}
	result, err := c.exchange(ctx, requestType, id, function, timeout, r)
	record.End, record.Failed = time.Now(), err != nil
	c.op.mu.Lock()
	c.op.requests = append(c.op.requests, record)
	c.op.mu.Unlock()
	return result, err
}

func (c customResource) exchange(ctx context.Context, requestType, id, function string, timeout time.Duration, r resource.Request) (resource.Result, error) {
	url, answers, stop, err := c.op.service.Receive(ctx, r.Stack.Region, r.Stack.ID+"|"+r.LogicalID+"|"+id)
	if err != nil {
		return resource.Result{}, fmt.Errorf("sign the response URL: %w", err)
	}
	defer stop()
	payload, err := requestBody(requestType, id, url, r)
	if err != nil {
		return resource.Result{}, err
	}
	cause := session.Cause{Request: session.Request{StackID: r.Stack.ID, LogicalID: r.LogicalID, ID: id}}
	if err := c.op.service.Invoke(ctx, r.Stack, function, payload, cause); err != nil {
		return resource.Result{}, fmt.Errorf("%w%w", err, silent{errNotSent})
	}
	select {
	case body := <-answers:
		return readAnswer(body, id, r)
	case <-c.op.service.Clock.After(ctx, timeout):
		return resource.Result{}, fmt.Errorf("CloudFormation did not receive a response from your custom resource. Please check your logs for requestId [%s]. "+ //nolint:staticcheck // CloudFormation's own words
			"If you are using the Python cfn-response module, you may need to update your Lambda function code so that CloudFormation can attach the updated version.", id)
	case <-ctx.Done():
		return resource.Result{}, context.Cause(ctx)
	}
}

// silent is an error that can be found by errors.Is and adds nothing to the text.
type silent struct{ error }

// Error returns nothing.
func (silent) Error() string { return "" }

// Unwrap returns the error itself.
func (s silent) Unwrap() error { return s.error }

// serviceOf reads which function a custom resource calls and how long it may take.
func serviceOf(r resource.Request) (function string, timeout time.Duration, err error) {
	function, _ = r.Properties["ServiceToken"].(string)
	parts := strings.Split(function, ":")
	switch {
	case function == "":
		return "", 0, errors.New("property ServiceToken is missing: it names the Lambda function that makes the resource")
	case len(parts) > 2 && parts[0] == "arn" && parts[2] == "sns":
		return "", 0, fmt.Errorf("ServiceToken %s is an SNS topic; this engine calls Lambda functions only", function)
	case len(parts) < 7 || parts[0] != "arn" || parts[2] != "lambda":
		return "", 0, fmt.Errorf("Invalid service token: %q is not the ARN of a Lambda function", function) //nolint:staticcheck // CloudFormation's form
	}
	text, given := r.Properties["ServiceTimeout"].(string)
	if !given {
		return function, defaultServiceTimeout, nil
	}
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 1 || seconds > 3600 {
		return "", 0, fmt.Errorf("ServiceTimeout must be a whole number from 1 to 3600, not %q", text)
	}
	return function, time.Duration(seconds) * time.Second, nil
}

// requestID names a request. It is the same when the operation is tried again with its token.
func requestID(r resource.Request, requestType string) string {
	return protocol.StableID(r.Token, r.LogicalID, requestType, r.PhysicalID)
}

func requestBody(requestType, id, url string, r resource.Request) ([]byte, error) {
	body := map[string]any{
		"RequestType": requestType, "RequestId": id, "ResponseURL": url, "ServiceToken": r.Properties["ServiceToken"],
		"StackId": r.Stack.ID, "LogicalResourceId": r.LogicalID, "ResourceType": r.Type, "ResourceProperties": r.Properties,
	}
	if requestType != "Create" {
		body["PhysicalResourceId"] = r.PhysicalID
	}
	if requestType == "Update" {
		body["OldResourceProperties"] = r.Old
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	return raw, nil
}

// texts turns every scalar of a custom resource's properties into a string, as CloudFormation does.
func texts(value any) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = texts(v[i])
		}
		return v
	case map[string]any:
		for key := range v {
			v[key] = texts(v[key])
		}
		return v
	}
	if s, ok := intrinsic.Text(plain(value)); ok {
		return s
	}
	return value
}
