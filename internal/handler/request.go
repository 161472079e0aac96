package handler

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/fault"
)

// Request types of custom resources (AWS CloudFormation User Guide, "Custom resource request objects").
const (
	createRequest = "Create"
	updateRequest = "Update"
	deleteRequest = "Delete"
)

// request is CloudFormation's event, cut down to what decides. Of the properties it keeps Request alone:
// CloudFormation adds ServiceToken and ServiceTimeout to them, and OldResourceProperties may have the form of
// another version of this library.
type request struct {
	Type       string
	RequestID  string
	StackID    string
	LogicalID  string
	PhysicalID string
	Properties json.RawMessage // the property Request, not decoded
	companion  companion       // instead of Request, of a resource that stands beside a builder
	URL        fault.Redacted

	key  string    // hash of the response URL, which is what tells two requests apart
	sent time.Time // when CloudFormation signed the URL; zero where it does not say
}

// readRequest reads an event. It fails only where nobody could be answered.
func readRequest(event json.RawMessage) (request, error) {
	var e struct {
		RequestType, ResponseURL string
		RequestID                string `json:"RequestId"`
		StackID                  string `json:"StackId"`
		LogicalID                string `json:"LogicalResourceId"`
		PhysicalID               string `json:"PhysicalResourceId"`
		ResourceProperties       json.RawMessage
		OldResourceProperties    json.RawMessage
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return request{}, &fault.Error{Op: "read CloudFormation's request", Kind: fault.Invalid,
			Err: errors.New("a field has the wrong type")}
	}
	if e.ResponseURL == "" || e.StackID == "" || e.LogicalID == "" {
		return request{}, &fault.Error{Op: "read CloudFormation's request", Kind: fault.Invalid,
			Err: errors.New("it names no response URL, stack or resource")}
	}
	// What is missing is an error of the build, never of a deletion.
	properties, old := fields(e.ResourceProperties), fields(e.OldResourceProperties)
	r := newRequest(wire{
		RequestType: e.RequestType, RequestID: e.RequestID, StackID: e.StackID, LogicalID: e.LogicalID,
		PhysicalID: e.PhysicalID, Properties: properties["Request"], ResponseURL: e.ResponseURL,
	})
	r.companion = companion{
		replication: properties["Replication"], publication: properties["Publication"], published: old["Publication"],
	}
	return r, nil
}

// fields are the fields of a JSON object; of anything else there are none.
func fields(data json.RawMessage) map[string]json.RawMessage {
	var object map[string]json.RawMessage
	_ = json.Unmarshal(data, &object)
	return object
}

// wire is a request as it travels through the machine. Whoever may read the execution's history can read it.
type wire struct {
	RequestType, RequestID, StackID, LogicalID string
	PhysicalID                                 string          `json:",omitempty"`
	ResponseURL                                string          // in plain text: the next invocation must answer
	Properties                                 json.RawMessage `json:",omitempty"`
}

func newRequest(w wire) request {
	sum := sha256.Sum256([]byte(w.ResponseURL))
	return request{
		Type: w.RequestType, RequestID: w.RequestID, StackID: w.StackID, LogicalID: w.LogicalID,
		PhysicalID: w.PhysicalID, Properties: w.Properties, URL: fault.Redact(w.ResponseURL),
		key:  hex.EncodeToString(sum[:24]),
		sent: signed(w.ResponseURL),
	}
}

// MarshalJSON writes the request for the machine.
func (r request) MarshalJSON() ([]byte, error) {
	return json.Marshal(wire{
		RequestType: r.Type, RequestID: r.RequestID, StackID: r.StackID, LogicalID: r.LogicalID,
		PhysicalID: r.PhysicalID, Properties: r.Properties, ResponseURL: r.URL.Reveal(),
	})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (r *request) UnmarshalJSON(data []byte) error {
	var w wire
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*r = newRequest(w)
	return nil
}

// signed is the date of a presigned URL (Amazon S3 API Reference, "Authenticating Requests: Using Query
// Parameters").
func signed(responseURL string) time.Time {
	u, err := url.Parse(responseURL)
	if err != nil {
		return time.Time{}
	}
	at, err := time.Parse("20060102T150405Z", u.Query().Get("X-Amz-Date"))
	if err != nil {
		return time.Time{}
	}
	return at
}

// prefix begins the names of all executions for this builder, whatever request they serve.
func (r request) prefix() string {
	sum := sha256.Sum256([]byte(r.StackID + "\n" + r.LogicalID))
	return hex.EncodeToString(sum[:8]) + "-"
}

// execution is the name of the request's execution: a request that comes twice has one, and one that CloudFormation
// sends anew under the same RequestId has another (aws/aws-cdk#35957).
func (r request) execution() string { return r.prefix() + r.key }

// physicalID is what the answer names: an id once given never changes, or CloudFormation would delete the "old"
// resource.
func (r request) physicalID() string {
	if r.PhysicalID != "" && r.Type != createRequest {
		return r.PhysicalID
	}
	return contract.PhysicalID(r.StackID, r.LogicalID)
}

// builder is a decoded request with its identity.
type builder struct {
	contract.Request
	tag     string
	minutes int           // build time-out
	service time.Duration // how long CloudFormation waits
}

// builder decodes the build request.
func (r request) builder() (builder, error) {
	decoded, err := contract.Decode(r.Properties)
	if err != nil {
		return builder{}, invalid("read the build request", r.LogicalID, err)
	}
	b := builder{Request: decoded}
	if b.tag, err = contract.Tag(decoded); err != nil {
		return builder{}, invalid("compute the image's tag", r.LogicalID, err)
	}
	if b.minutes, err = strconv.Atoi(decoded.BuildMinutes); err != nil {
		return builder{}, invalid("read BuildMinutes", r.LogicalID, err)
	}
	seconds, err := strconv.Atoi(decoded.ServiceSeconds)
	if err != nil {
		return builder{}, invalid("read ServiceSeconds", r.LogicalID, err)
	}
	b.service = time.Duration(seconds) * time.Second
	return b, nil
}

// invalid keeps the kind of an error that has one: a value may be too large instead of wrong.
func invalid(op, subject string, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	return &fault.Error{Op: op, Kind: fault.Invalid, Subject: subject, Err: err}
}

// project is the name of the builder's project as far as the request tells it, for a deletion: one that does not
// decode must not keep a stack from being deleted.
func (r request) project() string {
	var p struct{ Project string }
	_ = json.Unmarshal(r.Properties, &p)
	return p.Project
}
