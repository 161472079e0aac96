package events

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Source: Amazon EventBridge API Reference, "PutEvents", and User Guide, "Calculating PutEvents event entry size".
const (
	maxEntries   = 10
	maxEntrySize = 256 << 10 // of all entries together, in bytes
	timeSize     = 14
)

type entry struct {
	Source, DetailType, Detail, EventBusName string

	Resources []string
	Time      any // seconds since 1970, or text
}

type entriesInput struct{ Entries []entry }

// entryResult is what PutEvents answers for each entry.
type entryResult struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

// putEvents puts events on buses. Each entry succeeds or fails by itself; one for a bus that is not there is dropped.
// Source: Amazon EventBridge API Reference, "PutEvents".
func (r *Room) putEvents(region string, in entriesInput) (any, error) {
	size := 0
	for _, e := range in.Entries {
		size += len(e.Source) + len(e.DetailType) + len(e.Detail) + len(strings.Join(e.Resources, ""))
		if e.Time != nil {
			size += timeSize
		}
	}
	switch {
	case len(in.Entries) == 0:
		return nil, invalid("entries", "[]", "Member must have length greater than or equal to 1")
	case len(in.Entries) > maxEntries:
		return nil, invalid("entries", "[...]", "Member must have length less than or equal to 10")
	case size > maxEntrySize:
		return nil, protocol.Errorf("ValidationException", "Total size of the entries in the request is over the limit.")
	}
	results, failed := []entryResult{}, 0
	for _, e := range in.Entries {
		result := e.check()
		if result.ErrorCode == "" {
			result.EventID = protocol.NewID()
			if err := r.put(region, e, result.EventID); err != nil {
				return nil, err
			}
		} else {
			failed++
		}
		results = append(results, result)
	}
	return map[string]any{"FailedEntryCount": failed, "Entries": results}, nil
}

// check says what is wrong with an entry.
// Source: localstack/localstack, test_events.snapshot.json, recorded on AWS.
func (e entry) check() entryResult {
	for _, f := range []struct{ name, value string }{{"Source", e.Source}, {"DetailType", e.DetailType}, {"Detail", e.Detail}} {
		if f.value == "" {
			return entryResult{ErrorCode: "InvalidArgument", ErrorMessage: "Parameter " + f.name + " is not valid. Reason: " + f.name + " is a required argument."}
		}
	}
	var detail map[string]any
	switch {
	case json.Unmarshal([]byte(e.Detail), &detail) != nil || detail == nil:
		return entryResult{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}
	case strings.HasPrefix(e.Source, "aws."):
		return entryResult{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}
	}
	return entryResult{}
}

func (r *Room) put(region string, e entry, id string) error {
	name := nameOfBus(e.EventBusName)
	if _, found, err := r.bus(region, name); err != nil || !found {
		return err
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(e.Detail)); err != nil {
		return err
	}
	return r.accept(region, name, protocol.Event{ID: id, Source: e.Source, DetailType: e.DetailType, Account: r.Account, Region: region,
		Time: e.time(), Resources: e.Resources, Detail: json.RawMessage(compact.Bytes())}, false)
}

// time is the entry's, which the JSON protocol has as seconds; zero is now.
func (e entry) time() time.Time {
	switch t := e.Time.(type) {
	case float64:
		return time.UnixMilli(int64(t * 1000))
	case string:
		at, _ := time.Parse(time.RFC3339, t) // what is no time is now
		return at
	}
	return time.Time{}
}

// putNeed is the permission to put an event on a bus.
// Source: Service Authorization Reference, "Amazon EventBridge".
func putNeed(arn, policy, source, detailType string) protocol.Need {
	return protocol.Need{Action: "events:PutEvents", Resources: []string{arn}, ResourcePolicy: policy,
		Conditions: map[string][]string{"events:source": {source}, "events:detail-type": {detailType}}}
}
