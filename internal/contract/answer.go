package contract

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Status is the outcome that CloudFormation reads in a custom resource's response.
type Status string

// The two outcomes that CloudFormation knows (AWS CloudFormation User Guide, "Custom resource response objects").
const (
	Success Status = "SUCCESS"
	Failed  Status = "FAILED"
)

// Answer is what consumers in the stack read by Fn::GetAtt.
type Answer struct {
	ImageTag    string // 64 hexadecimal digits, the image's identity
	ImageDigest string // "sha256:..." of the image's manifest
	ImageUri    string // repository URI and digest, "...@sha256:..."
}

// Response is the JSON object that is PUT to CloudFormation's response URL (AWS CloudFormation User Guide, "Custom
// resource response objects").
type Response struct {
	Status             Status
	Reason             string  `json:",omitempty"` // required when Status is Failed
	PhysicalResourceId string  // see PhysicalID
	StackId            string  // as in the request
	RequestId          string  // as in the request
	LogicalResourceId  string  // as in the request
	Data               *Answer `json:",omitempty"` // only when Status is Success
}

// PhysicalID is the physical id of a builder. It never changes over the builder's life, since another id would make
// CloudFormation treat an update as a replacement and delete the "old" resource afterwards.
func PhysicalID(stackID, logicalID string) string {
	sum := sha256.Sum256([]byte(stackID + "\n" + logicalID))
	return "tokendocker-" + hex.EncodeToString(sum[:8])
}

// Room is the number of bytes that the response leaves for its Reason, counted as they stand in JSON (a newline or
// a quote takes two), so that the whole stays within MaxAnswer. It is negative when nothing fits.
func (r Response) Room() int {
	r.Reason = "x" // the key is omitted when empty
	data, err := encode(r)
	if err != nil {
		return 0
	}
	return MaxAnswer - (len(data) - 1)
}

// Encode gives the response's JSON text of at most MaxAnswer bytes. A Reason that is too long loses its end, since a
// response that is too long is not read at all and the stack would wait for its time-out.
func (r Response) Encode() ([]byte, error) {
	if room := r.Room(); Escaped(r.Reason) > room {
		r.Reason = cut(r.Reason, room)
	}
	data, err := encode(r)
	if err != nil {
		return nil, fmt.Errorf("response of %s: %w", r.LogicalResourceId, err)
	}
	if len(data) > MaxAnswer {
		return nil, fmt.Errorf("response of %s has %d bytes without its reason; CloudFormation takes %d", r.LogicalResourceId, len(data), MaxAnswer)
	}
	return data, nil
}

// Escaped is the number of bytes that s takes inside a JSON string as Encode writes it.
func Escaped(s string) int {
	data, err := encode(s)
	if err != nil {
		return len(s)
	}
	return len(data) - 2
}

// cut shortens s at a character's border until its JSON form and three dots fit into room bytes.
func cut(s string, room int) string {
	const dots = "..."
	left, end := room-len(dots), 0
	for end < len(s) {
		_, size := utf8.DecodeRuneInString(s[end:])
		if left -= Escaped(s[end : end+size]); left < 0 {
			break
		}
		end += size
	}
	if end == 0 {
		return ""
	}
	return s[:end] + dots
}

// encode is json.Marshal without the escapes that only HTML needs.
func encode(v any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}
