package s3

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// happening is something that happened to an object.
type happening struct {
	name   string // "ObjectCreated:Put"
	reason string // the operation, as EventBridge has it
	object object
	by     *session.Session // nil: the bucket's owner
}

// created reports whether there is an object now.
func (h happening) created() bool { return strings.HasPrefix(h.name, "ObjectCreated:") }

// tell tells the functions that a bucket's notifications name, and EventBridge if the bucket is to. Whoever changed the
// object does not wait for them to have done anything, and does not hear of a failure.
func (r *Room) tell(ctx context.Context, h happening) {
	b, err := r.bucket(h.object.Bucket)
	if err != nil {
		return // deleted meanwhile
	}
	n, err := readNotifications(b.Settings["notification"])
	if err != nil {
		return // a configuration of an older engine, which nobody has checked
	}
	for _, one := range n.Functions {
		if !one.hears(h.name, h.object.Key) {
			continue
		}
		if err := r.invoke(context.WithoutCancel(ctx), b, one.Function, "Event", r.record(b, h, one.ID)); err != nil && r.Log != nil {
			r.Log.Warn("a notification does not reach its function", "bucket", b.Name, "function", one.Function, "error", err)
		}
	}
	if n.EventBridge != nil && r.Publish != nil {
		r.Publish(r.event(b, h))
	}
}

// record is what functions get.
// Source: Amazon S3 User Guide, "Event message structure".
func (r *Room) record(b bucket, h happening, id string) any {
	what := map[string]any{"key": strings.ReplaceAll(url.QueryEscape(h.object.Key), "%2F", "/"), "sequencer": r.sequencer()}
	if h.created() {
		what["size"], what["eTag"] = h.object.Size, strings.Trim(h.object.ETag, `"`)
	}
	return map[string]any{"Records": []any{map[string]any{
		"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": b.Region, "eventTime": r.Clock.Now().UTC().Format(timeLayout), "eventName": h.name,
		"userIdentity": map[string]any{"principalId": "AWS:" + h.principal(b)}, "requestParameters": map[string]any{"sourceIPAddress": "127.0.0.1"},
		"responseElements": map[string]any{"x-amz-request-id": requestID(), "x-amz-id-2": requestID()},
		"s3": map[string]any{"s3SchemaVersion": "1.0", "configurationId": id, "object": what,
			"bucket": map[string]any{"name": b.Name, "arn": r.arn(b.Name), "ownerIdentity": map[string]any{"principalId": b.Owner}}},
	}}}
}

// event is what EventBridge gets.
// Source: Amazon S3 User Guide, "EventBridge event message structure".
func (r *Room) event(b bucket, h happening) protocol.Event {
	what := map[string]any{"key": h.object.Key, "sequencer": r.sequencer()}
	detail := map[string]any{"version": "0", "bucket": map[string]any{"name": b.Name}, "object": what, "request-id": requestID(),
		"requester": b.Owner, "source-ip-address": "127.0.0.1", "reason": h.reason}
	if h.by != nil {
		detail["requester"] = h.by.Account
	}
	kind := "Object Deleted"
	if h.created() {
		kind = "Object Created"
		what["size"], what["etag"] = h.object.Size, strings.Trim(h.object.ETag, `"`)
	} else {
		detail["deletion-type"] = "Permanently Deleted"
	}
	return protocol.Event{Source: "aws.s3", DetailType: kind, Account: b.Owner, Region: b.Region, Time: r.Clock.Now(),
		Resources: []string{r.arn(b.Name)}, Detail: detail}
}

func (h happening) principal(b bucket) string {
	if h.by == nil {
		return b.Owner
	}
	return h.by.UserID
}

// sequencer grows with each event, as hexadecimal text of one length.
func (r *Room) sequencer() string { return fmt.Sprintf("%018X", r.Clock.Now().UnixNano()) }

func requestID() string {
	var b [8]byte
	rand.Read(b[:]) //nolint:errcheck // crypto/rand.Read never fails
	return strings.ToUpper(hex.EncodeToString(b[:]))
}
