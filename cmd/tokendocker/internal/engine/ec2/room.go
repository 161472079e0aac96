package ec2

import (
	"context"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// defaultDelay is how long a NAT gateway or an interface endpoint takes to make. AWS takes minutes, which nobody wants
// to wait for each time; the switch NetworkDelay shows them.
const defaultDelay = 20 * time.Second

// Options says what the room works with. All fields are required.
type Options struct {
	Account   string
	Partition string
	Suffix    string // of host names, "amazonaws.com"
	Clock     *clock.Clock
	Store     *state.Store
	Switches  *switches.Switches
}

// Room is EC2's network of one account, in all regions. It is safe for concurrent use.
type Room struct {
	Options
	things state.Table[thing]
	mu     sync.Mutex // held over looking and changing
}

var _ protocol.Service = (*Room)(nil)

// New opens the room on what the state folder holds.
func New(o Options) (*Room, error) {
	table, err := state.NewTable[thing](o.Store, "ec2.things")
	return &Room{Options: o, things: table}, err
}

// Resources returns the providers of the AWS::EC2 types that the room has.
func (r *Room) Resources() map[string]resource.Provider {
	out := map[string]resource.Provider{}
	for resourceType, k := range kinds() {
		out[resourceType] = provider{r, k}
	}
	return out
}

// Name returns "ec2".
func (r *Room) Name() string { return "ec2" }

// Needs names the security groups that a call changes; calls that describe have no resources.
// Source: Service Authorization Reference, Amazon EC2.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	if _, ok := operations()[call.Operation]; !ok {
		return nil, noOperation(call.Operation)
	}
	need := protocol.Need{Action: "ec2:" + call.Operation}
	if id := call.Form.Get("GroupId"); id != "" {
		need.Resources = []string{r.arn(call.Region, "security-group", id)}
	}
	return []protocol.Need{need}, nil
}

// Serve does one call.
func (r *Room) Serve(_ context.Context, call *protocol.Call) (any, error) {
	do, ok := operations()[call.Operation]
	if !ok {
		return nil, noOperation(call.Operation)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return do(r, call)
}

func noOperation(name string) error {
	return protocol.Errorf("InvalidAction", "The action %s is not valid for this web service: tokendocker has no ec2:%[1]s", name)
}

func (r *Room) arn(region, kind, id string) string {
	return "arn:" + r.Partition + ":ec2:" + region + ":" + r.Account + ":" + kind + "/" + id
}

// delay is how long slow things take to make.
func (r *Room) delay() time.Duration {
	if r.Switches.NetworkDelay > 0 {
		return r.Switches.NetworkDelay
	}
	return defaultDelay
}
