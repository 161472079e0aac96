package events

import (
	"context"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// operation is one operation: what it is about, and how it is done.
type operation struct {
	about subject
	serve protocol.Operation[*Room]
}

// regional makes an operation out of a method that needs to know the call's region and input.
func regional[In any](method func(r *Room, region string, in In) (any, error)) protocol.Operation[*Room] {
	return protocol.JSON(func(r *Room, _ context.Context, call *protocol.Call, in In) (any, error) {
		return method(r, call.Region, in)
	})
}

// subject is what an operation is about.
type subject int

const (
	nothing subject = iota
	aRule           // Name or Rule, of EventBusName
	aBus            // Name
	anyone          // ResourceARN
	entries         // of PutEvents
)

// operations are what the room can do.
var operations = map[string]operation{
	"PutRule":               {aRule, regional((*Room).putRule)},
	"DeleteRule":            {aRule, regional((*Room).deleteRule)},
	"DescribeRule":          {aRule, regional((*Room).describeRule)},
	"EnableRule":            {aRule, regional((*Room).enableRule)},
	"DisableRule":           {aRule, regional((*Room).disableRule)},
	"ListRules":             {nothing, regional((*Room).listRules)},
	"ListRuleNamesByTarget": {nothing, regional((*Room).listRuleNamesByTarget)},
	"PutTargets":            {aRule, regional((*Room).putTargets)},
	"RemoveTargets":         {aRule, regional((*Room).removeTargets)},
	"ListTargetsByRule":     {aRule, regional((*Room).listTargetsByRule)},
	"PutEvents":             {entries, regional((*Room).putEvents)},
	"TestEventPattern":      {nothing, regional((*Room).testPattern)},
	"CreateEventBus":        {aBus, regional((*Room).createBus)},
	"DeleteEventBus":        {aBus, regional((*Room).deleteBus)},
	"DescribeEventBus":      {aBus, regional((*Room).describeBus)},
	"ListEventBuses":        {nothing, regional((*Room).listBuses)},
	"PutPermission":         {nothing, regional((*Room).putPermission)},
	"RemovePermission":      {nothing, regional((*Room).removePermission)},
	"TagResource":           {anyone, regional((*Room).tagResource)},
	"UntagResource":         {anyone, regional((*Room).untagResource)},
	"ListTagsForResource":   {anyone, regional((*Room).listTags)},
}

// Name returns "events".
func (r *Room) Name() string { return "events" }

// naming is the part of an input that names what a call is about.
type naming struct {
	Name, Rule, EventBusName, ResourceARN string

	RoleARN string `json:"RoleArn"`
	Targets []struct {
		ARN     string `json:"Arn"`
		RoleARN string `json:"RoleArn"`
	}
	Entries []entry
}

// Owner returns the account in the bus's ARN, if the call names one.
func (r *Room) Owner(call *protocol.Call) string {
	var in naming
	if protocol.Decode(call, &in) != nil {
		return "" // Needs says what is wrong
	}
	references := []string{in.EventBusName, in.ResourceARN, in.Name}
	for _, e := range in.Entries {
		references = append(references, e.EventBusName)
	}
	for _, text := range references {
		if owner := protocol.OwnerOf(text); owner != "" {
			return owner
		}
	}
	return ""
}

// Needs names the rules and buses, and the roles that the caller passes to EventBridge.
// Source: Service Authorization Reference, "Amazon EventBridge".
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	op, err := protocol.Find(operations, call)
	if err != nil {
		return nil, err
	}
	var in naming
	if err := protocol.Decode(call, &in); err != nil {
		return nil, err
	}
	if op.about == entries {
		return r.entryNeeds(call.Region, in.Entries)
	}
	need := protocol.Need{Action: "events:" + call.Operation}
	switch op.about {
	case aRule:
		bus, _, err := r.bus(call.Region, nameOfBus(in.EventBusName))
		if err != nil {
			return nil, err
		}
		need.Resources, need.ResourcePolicy = []string{r.ruleARN(call.Region, bus.Name, in.Name+in.Rule)}, bus.policy()
	case aBus:
		need.Resources = []string{r.busARN(call.Region, nameOfBus(in.Name))}
	case anyone:
		need.Resources = []string{in.ResourceARN}
	}
	return append([]protocol.Need{need}, passes(in)...), nil
}

// passes are the roles that EventBridge gets.
func passes(in naming) []protocol.Need {
	roles := []string{in.RoleARN}
	for _, t := range in.Targets {
		roles = append(roles, t.RoleARN)
	}
	var needs []protocol.Need
	for i, role := range roles {
		if role != "" && !slices.Contains(roles[:i], role) {
			needs = append(needs, protocol.Need{Action: "iam:PassRole", Resources: []string{role},
				Conditions: map[string][]string{"iam:PassedToService": {servicePrincipal}}})
		}
	}
	return needs
}

// entryNeeds asks for each bus that a PutEvents names, once.
func (r *Room) entryNeeds(region string, list []entry) ([]protocol.Need, error) {
	var needs []protocol.Need
	seen := map[string]bool{}
	for _, e := range list {
		b, _, err := r.bus(region, nameOfBus(e.EventBusName))
		if err != nil {
			return nil, err
		}
		if key := strings.Join([]string{b.Name, e.Source, e.DetailType}, "\x00"); !seen[key] {
			seen[key] = true
			needs = append(needs, putNeed(r.busARN(region, b.Name), b.policy(), e.Source, e.DetailType))
		}
	}
	return needs, nil
}

// Serve does one call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	op, err := protocol.Find(operations, call)
	if err != nil {
		return nil, err
	}
	return op.serve(ctx, r, call)
}
