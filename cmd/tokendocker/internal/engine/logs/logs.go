// Package logs is CloudWatch Logs: groups, streams and events, as builds and functions write them and as people and
// handlers read them. Metric filters, subscriptions, Insights and retention's deletions are no part of it.
package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// Options says what the room works with. All fields but Switches are required.
type Options struct {
	Account   string
	Partition string
	Clock     *clock.Clock
	Store     *state.Store
	Switches  *switches.Switches // nil means a good day
}

// Room is the CloudWatch Logs of one account, in all regions. It is safe for concurrent use.
type Room struct {
	Options
	dir    string
	groups state.Table[group]

	mu      sync.Mutex
	streams map[string]map[string]*stream // by group key and name
}

var _ protocol.Service = (*Room)(nil)

// group is a log group. Its streams are files.
type group struct {
	Name      string
	Region    string
	Created   int64 // milliseconds since 1970
	Retention int   // days; 0 means for ever
	Token     string
}

// New opens the room on what the state folder holds.
func New(o Options) (*Room, error) {
	if o.Switches == nil {
		o.Switches = &switches.Switches{}
	}
	r := &Room{Options: o, streams: map[string]map[string]*stream{}}
	var err error
	if r.groups, err = state.NewTable[group](o.Store, "log-groups"); err != nil {
		return nil, err
	}
	if r.dir, err = o.Store.Dir("logs"); err != nil {
		return nil, err
	}
	for key := range r.groups.All() {
		if r.streams[key], err = loadStreams(r.groupDir(key)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Resources returns the providers of AWS::Logs types.
func (r *Room) Resources() map[string]resource.Provider {
	return map[string]resource.Provider{"AWS::Logs::LogGroup": groupProvider{r}}
}

// Name returns "logs".
func (r *Room) Name() string { return "logs" }

// target holds what every operation's input says about whom it is for.
type target struct {
	LogGroupName       string `json:"logGroupName"`
	LogGroupIdentifier string `json:"logGroupIdentifier"`
	LogStreamName      string `json:"logStreamName"`
}

func (t target) group() string {
	if t.LogGroupName != "" {
		return t.LogGroupName
	}
	name := t.LogGroupIdentifier
	if _, after, ok := strings.Cut(name, ":log-group:"); ok {
		name = after
	}
	return strings.TrimSuffix(name, ":*")
}

// Needs names the stream that is called, or the group with an empty stream.
// Source: CloudWatch Logs User Guide, "Overview of managing access permissions", log group ARN formats: policies need
// the form that ends in ":*" for these actions.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	var t target
	if err := json.Unmarshal(call.Body, &t); err != nil {
		return nil, protocol.Errorf("SerializationException", "%v", err)
	}
	if _, ok := operations[call.Operation]; !ok {
		return nil, protocol.Errorf("UnknownOperationException", "tokendocker has no logs:%s", call.Operation)
	}
	if call.Operation == "DescribeLogGroups" { // it is about no group in particular
		return []protocol.Need{{Action: "logs:DescribeLogGroups"}}, nil
	}
	arn := fmt.Sprintf("arn:%s:logs:%s:%s:log-group:%s:log-stream:%s", call.Partition, call.Region, call.Account, t.group(), t.LogStreamName)
	return []protocol.Need{{Action: "logs:" + call.Operation, Resources: []string{arn}}}, nil
}

// operations are what the room can do.
var operations = map[string]func(*Room, *protocol.Call) (any, error){
	"CreateLogGroup":        protocol.Operation((*Room).createGroup),
	"DeleteLogGroup":        protocol.Operation((*Room).deleteGroup),
	"DescribeLogGroups":     protocol.Operation((*Room).describeGroups),
	"PutRetentionPolicy":    protocol.Operation((*Room).putRetention),
	"DeleteRetentionPolicy": protocol.Operation((*Room).deleteRetention),
	"CreateLogStream":       protocol.Operation((*Room).createStream),
	"DeleteLogStream":       protocol.Operation((*Room).deleteStream),
	"DescribeLogStreams":    protocol.Operation((*Room).describeStreams),
	"PutLogEvents":          protocol.Operation((*Room).putEvents),
	"GetLogEvents":          protocol.Operation((*Room).getEvents),
	"FilterLogEvents":       protocol.Operation((*Room).filterEvents),
}

// Serve does one call.
func (r *Room) Serve(_ context.Context, call *protocol.Call) (any, error) {
	do, ok := operations[call.Operation]
	if !ok {
		return nil, protocol.Errorf("UnknownOperationException", "tokendocker has no logs:%s", call.Operation)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return do(r, call)
}

func invalid(format string, args ...any) error {
	return protocol.Errorf("InvalidParameterException", format, args...)
}

var (
	errNoGroup  = protocol.Errorf("ResourceNotFoundException", "The specified log group does not exist.")
	errNoStream = protocol.Errorf("ResourceNotFoundException", "The specified log stream does not exist.")
)
