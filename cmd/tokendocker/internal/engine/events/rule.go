package events

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/events/pattern"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/events/schedule"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// States of a rule (API Reference, "PutRule").
const (
	enabled    = "ENABLED"
	disabled   = "DISABLED"
	enabledAll = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
)

// Source: Amazon EventBridge User Guide, "Amazon EventBridge quotas", and the constraints of the API Reference.
const (
	maxRules   = 300 // of a bus
	maxPattern = 4096
	maxPage    = 100
)

// rule is a rule as it is kept.
type rule struct {
	Name, Bus, Region    string
	Pattern              string `json:",omitempty"`
	Schedule             string `json:",omitempty"`
	State                string
	Description, RoleARN string            `json:",omitempty"`
	Targets              []target          `json:",omitempty"`
	Tags                 map[string]string `json:",omitempty"`
	Since                time.Time         // when its schedule began
	Token                string            `json:",omitempty"` // of the stack operation that made it
}

func ruleKey(region, bus, name string) string { return region + "/" + bus + "/" + name }

func (r rule) key() string { return ruleKey(r.Region, r.Bus, r.Name) }

// ruleARN names a rule; only one of a bus of one's own has the bus in it.
func (r *Room) ruleARN(region, bus, name string) string {
	if bus != defaultBus {
		name = bus + "/" + name
	}
	return fmt.Sprintf("arn:%s:events:%s:%s:rule/%s", r.Partition, region, r.Account, name)
}

func (r *Room) arnOf(x rule) string { return r.ruleARN(x.Region, x.Bus, x.Name) }

// matches decides about an event, JSON text.
func (r rule) matches(text []byte) (bool, error) {
	p, err := pattern.Parse(r.Pattern)
	if err != nil {
		return false, fmt.Errorf("pattern of rule %s: %w", r.Name, err)
	}
	return p.Match(text)
}

// name is what rules and targets may be called (API Reference, "PutRule", Name).
var name = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)

type ruleInput struct {
	Name, EventBusName, EventPattern, ScheduleExpression, State, Description string

	RoleARN string `json:"RoleArn"`
	Tags    []tag
	token   string // of a stack operation that makes the rule
}

// putRule makes a rule or changes it.
// Source: Amazon EventBridge API Reference, "PutRule".
func (r *Room) putRule(region string, in ruleInput) (any, error) {
	bus, err := r.ownBus(region, in.EventBusName)
	if err == nil {
		err = in.check(bus)
	}
	if err != nil {
		return nil, err
	}
	key := ruleKey(region, bus, in.Name)
	if _, found, err := r.rules.Get(key); err != nil {
		return nil, err
	} else if !found && r.count(region, bus) >= maxRules {
		return nil, protocol.Errorf("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	}
	err = r.rules.Update(key, func(x rule, found bool) (rule, error) {
		if found && in.token != "" && in.token != x.Token {
			return x, protocol.Errorf("ResourceAlreadyExistsException", "Rule %s already exists on EventBus %s.", in.Name, bus)
		}
		if !found {
			x = rule{Name: in.Name, Bus: bus, Region: region, Tags: tagMap(in.Tags), Token: in.token}
		}
		state := cmp.Or(in.State, enabled)
		if x.Schedule != in.ScheduleExpression || x.State == disabled && state != disabled || !found {
			x.Since = r.Clock.Now()
		}
		x.Pattern, x.Schedule, x.State, x.Description, x.RoleARN = in.EventPattern, in.ScheduleExpression, state, in.Description, in.RoleARN
		return x, nil
	})
	r.reschedule()
	return map[string]any{"RuleArn": r.ruleARN(region, bus, in.Name)}, err
}

// check is what PutRule refuses.
func (in ruleInput) check(bus string) error {
	switch {
	case !name.MatchString(in.Name):
		return invalid("name", in.Name, `Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+ and have length between 1 and 64`)
	case len(in.EventPattern) > maxPattern:
		return invalid("eventPattern", in.EventPattern, fmt.Sprintf("Member must have length less than or equal to %d", maxPattern))
	case in.EventPattern == "" && in.ScheduleExpression == "":
		return protocol.Errorf("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
	case in.ScheduleExpression != "" && bus != defaultBus:
		return protocol.Errorf("ValidationException", "ScheduleExpression is supported only on the default event bus.")
	case in.State != "" && in.State != enabled && in.State != disabled && in.State != enabledAll:
		return invalid("state", in.State, "Member must satisfy enum value set: [ENABLED, DISABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]")
	}
	if in.EventPattern != "" {
		if err := checkPattern(in.EventPattern); err != nil {
			return err
		}
	}
	if in.ScheduleExpression != "" {
		if _, err := schedule.Parse(in.ScheduleExpression); err != nil {
			return protocol.Errorf("ValidationException", "%v", err)
		}
	}
	return nil
}

func checkPattern(text string) error {
	if _, err := pattern.Parse(text); err != nil {
		return protocol.Errorf("InvalidEventPatternException", "Event pattern is not valid. Reason: %v", err)
	}
	return nil
}

func invalid(member, value, why string) error {
	return protocol.Errorf("ValidationException", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, member, why)
}

// rule returns a rule, or ResourceNotFoundException.
func (r *Room) rule(region, bus, name string) (rule, error) {
	x, found, err := r.rules.Get(ruleKey(region, bus, name))
	if err == nil && !found {
		err = protocol.Errorf("ResourceNotFoundException", "Rule %s does not exist on EventBus %s.", name, bus)
	}
	return x, err
}

// change changes a rule in one step.
func (r *Room) change(region, bus, name string, change func(*rule) error) error {
	return r.rules.Update(ruleKey(region, bus, name), func(x rule, found bool) (rule, error) {
		if !found {
			return x, protocol.Errorf("ResourceNotFoundException", "Rule %s does not exist on EventBus %s.", name, bus)
		}
		return x, change(&x)
	})
}

func (r *Room) count(region, bus string) (n int) {
	for _, x := range r.rules.All() {
		if x.Region == region && x.Bus == bus {
			n++
		}
	}
	return n
}

// deleteRule removes a rule that has no targets; one that is not there is no error.
// Source: Amazon EventBridge API Reference, "DeleteRule".
func (r *Room) deleteRule(region string, in ruleInput) (any, error) {
	bus, err := r.ownBus(region, in.EventBusName)
	if err != nil {
		return nil, err
	}
	x, _, err := r.rules.Get(ruleKey(region, bus, in.Name))
	if err == nil && len(x.Targets) > 0 {
		err = protocol.Errorf("ValidationException", "Rule can't be deleted since it has targets.")
	}
	if err != nil {
		return nil, err
	}
	return nil, r.rules.Delete(ruleKey(region, bus, in.Name))
}

func (r *Room) describeRule(region string, in ruleInput) (any, error) {
	bus, err := r.ownBus(region, in.EventBusName)
	if err != nil {
		return nil, err
	}
	x, err := r.rule(region, bus, in.Name)
	if err != nil {
		return nil, err
	}
	out := r.describe(x)
	out["CreatedBy"] = r.Account
	return out, nil
}

// describe is a rule as ListRules has it.
func (r *Room) describe(x rule) map[string]any {
	out := map[string]any{"Name": x.Name, "Arn": r.arnOf(x), "State": x.State, "EventBusName": x.Bus}
	for field, value := range map[string]string{"EventPattern": x.Pattern, "ScheduleExpression": x.Schedule, "Description": x.Description, "RoleArn": x.RoleARN} {
		if value != "" {
			out[field] = value
		}
	}
	return out
}

type listInput struct {
	NamePrefix, EventBusName, NextToken string
	Rule                                string
	TargetARN                           string `json:"TargetArn"`
	Limit                               int
}

func (r *Room) listRules(region string, in listInput) (any, error) {
	bus, err := r.ownBus(region, in.EventBusName)
	if err != nil {
		return nil, err
	}
	list := []map[string]any{}
	for _, x := range r.rules.All() {
		if x.Region == region && x.Bus == bus && strings.HasPrefix(x.Name, in.NamePrefix) {
			list = append(list, r.describe(x))
		}
	}
	return page("Rules", list, in)
}

func (r *Room) listRuleNamesByTarget(region string, in listInput) (any, error) {
	bus, err := r.ownBus(region, in.EventBusName)
	if err != nil {
		return nil, err
	}
	list := []string{}
	for _, x := range r.rules.All() {
		if x.Region == region && x.Bus == bus && x.has(in.TargetARN) {
			list = append(list, x.Name)
		}
	}
	return page("RuleNames", list, in)
}

func (r *Room) enableRule(region string, in ruleInput) (any, error) {
	return r.setState(region, in, enabled)
}

func (r *Room) disableRule(region string, in ruleInput) (any, error) {
	return r.setState(region, in, disabled)
}

func (r *Room) setState(region string, in ruleInput, state string) (any, error) {
	bus, err := r.ownBus(region, in.EventBusName)
	if err != nil {
		return nil, err
	}
	defer r.reschedule()
	return nil, r.change(region, bus, in.Name, func(x *rule) error {
		if x.State == disabled && state != disabled {
			x.Since = r.Clock.Now()
		}
		x.State = state
		return nil
	})
}

// testPattern is the operation TestEventPattern. The event needs the fields that every event has.
// Source: Amazon EventBridge API Reference, "TestEventPattern".
func (r *Room) testPattern(_ string, in struct{ EventPattern, Event string }) (any, error) {
	if err := checkPattern(in.EventPattern); err != nil {
		return nil, err
	}
	var event map[string]any
	if json.Unmarshal([]byte(in.Event), &event) != nil {
		return nil, protocol.Errorf("ValidationException", "Parameter Event is not valid.")
	}
	for _, field := range []string{"id", "account", "source", "time", "region", "resources", "detail-type"} {
		if _, ok := event[field]; !ok {
			return nil, protocol.Errorf("ValidationException", "Parameter Event is not valid. Reason: %s is a required field.", field)
		}
	}
	matched, err := rule{Pattern: in.EventPattern}.matches([]byte(in.Event))
	return map[string]any{"Result": matched}, err
}

// marshal writes JSON as AWS does, with < and > as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}
