// Package logs is CloudWatch Logs: groups, streams and events, as builds and functions write them and as people and
// handlers read them. Metric filters, subscriptions, Insights and retention's deletions are no part of it.
package logs

import (
	"cmp"
	"context"
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

	policies state.Table[resourcePolicy]

	mu      sync.Mutex
	streams map[string]map[string]*stream // by group key and name
}

var _ protocol.Service = (*Room)(nil)

// group is a log group. Its streams are files.
type group struct {
	Name      string
	Region    string
	Created   int64             // milliseconds since 1970
	Retention int               // days; 0 means for ever
	Tags      map[string]string `json:",omitempty"`
	Token     string            // of the stack operation that made it
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
	if r.policies, err = state.NewTable[resourcePolicy](o.Store, "log-policies"); err != nil {
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
	return map[string]resource.Provider{"AWS::Logs::LogGroup": groupProvider{r}, "AWS::Logs::ResourcePolicy": policyProvider{r}}
}

// Name returns "logs".
func (r *Room) Name() string { return "logs" }

// target holds what every operation's input says about whom it is for.
type target struct {
	LogGroupName       string `json:"logGroupName"`
	LogGroupIdentifier string `json:"logGroupIdentifier"`
	LogStreamName      string `json:"logStreamName"`
	ResourceARN        string `json:"resourceArn"` // of a group, in calls about tags
}

func (t target) group() string {
	if t.LogGroupName != "" {
		return t.LogGroupName
	}
	name := cmp.Or(t.LogGroupIdentifier, t.ResourceARN)
	if _, after, ok := strings.Cut(name, ":log-group:"); ok {
		name = after
	}
	return strings.TrimSuffix(name, ":*")
}

// Needs names the stream that is called, or the group with an empty stream. DescribeLogGroups is about a group and a stream
// without names (hashicorp/terraform-provider-aws#8804).
// Sources: Service Authorization Reference, Amazon CloudWatch Logs; CloudWatch Logs User Guide, "Overview of managing access permissions", log group ARN formats: policies need
// the form that ends in ":*" for these actions.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	if _, err := protocol.Find(operations, call); err != nil {
		return nil, err
	}
	var t target
	if err := protocol.Decode(call, &t); err != nil {
		return nil, err
	}
	switch call.Operation {
	case "PutResourcePolicy", "DeleteResourcePolicy", "DescribeResourcePolicies": // about no group in particular
		return []protocol.Need{{Action: "logs:" + call.Operation}}, nil
	}
	arn := fmt.Sprintf("arn:%s:logs:%s:%s:log-group:%s:log-stream:%s", call.Partition, call.Region, call.Account, t.group(), t.LogStreamName)
	if t.ResourceARN != "" { // policies name these without the end
		arn = r.groupARN(group{Name: t.group(), Region: call.Region})
	}
	policy, err := r.policyFor(call)
	return []protocol.Need{{Action: "logs:" + call.Operation, Resources: []string{arn}, ResourcePolicy: policy}}, err
}

// operations are what the room can do.
var operations = map[string]protocol.Operation[*Room]{
	"CreateLogGroup":        protocol.JSON((*Room).createGroup),
	"DeleteLogGroup":        protocol.JSON((*Room).deleteGroup),
	"DescribeLogGroups":     protocol.JSON((*Room).describeGroups),
	"PutRetentionPolicy":    protocol.JSON((*Room).putRetention),
	"DeleteRetentionPolicy": protocol.JSON((*Room).deleteRetention),

	"PutResourcePolicy":        protocol.JSON((*Room).putPolicy),
	"DeleteResourcePolicy":     protocol.JSON((*Room).deletePolicy),
	"DescribeResourcePolicies": protocol.JSON((*Room).describePolicies),

	"ListTagsForResource": protocol.JSON((*Room).listTags),
	"ListTagsLogGroup":    protocol.JSON((*Room).listTags),
	"TagLogGroup":         protocol.JSON((*Room).tagGroup),
	"TagResource":         protocol.JSON((*Room).tagGroup),
	"UntagLogGroup":       protocol.JSON((*Room).untagGroup),
	"UntagResource":       protocol.JSON((*Room).untagResource),

	"CreateLogStream":    protocol.JSON((*Room).createStream),
	"DeleteLogStream":    protocol.JSON((*Room).deleteStream),
	"DescribeLogStreams": protocol.JSON((*Room).describeStreams),
	"PutLogEvents":       protocol.JSON((*Room).putEvents),
	"GetLogEvents":       protocol.JSON((*Room).getEvents),
	"FilterLogEvents":    protocol.JSON((*Room).filterEvents),
}

// Serve does one call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	do, err := protocol.Find(operations, call)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return do(ctx, r, call)
}

// pageSize is how many entries a call asks for, at most as many as it may.
func pageSize(limit, most int) (int, error) {
	if limit < 0 || limit > most {
		return 0, invalid("1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: Member must have value between 1 and %d", limit, most)
	}
	return cmp.Or(limit, most), nil
}

func invalid(format string, args ...any) error {
	return protocol.Errorf("InvalidParameterException", format, args...)
}

var (
	errNoGroup  = protocol.Errorf("ResourceNotFoundException", "The specified log group does not exist.")
	errNoStream = protocol.Errorf("ResourceNotFoundException", "The specified log stream does not exist.")
)
