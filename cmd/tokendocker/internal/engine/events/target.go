package events

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Source: Amazon EventBridge User Guide, "Amazon EventBridge quotas", and the constraints of the API Reference.
const (
	maxTargets  = 5 // of a rule
	maxInput    = 8192
	maxAttempts = 185
	maxAge      = 24 * 3600 // seconds
	minAge      = 60
)

// target is a target as the API has it. What only targets have that the engine has not is kept as it came.
type target struct {
	ID               string            `json:"Id"`
	ARN              string            `json:"Arn"`
	RoleARN          string            `json:"RoleArn,omitempty"`
	Input            string            `json:",omitempty"`
	InputPath        string            `json:",omitempty"`
	InputTransformer *transformer      `json:",omitempty"`
	RetryPolicy      *retryPolicy      `json:",omitempty"`
	DeadLetterConfig map[string]string `json:",omitempty"`

	AppSyncParameters           json.RawMessage `json:",omitempty"`
	BatchParameters             json.RawMessage `json:",omitempty"`
	EcsParameters               json.RawMessage `json:",omitempty"`
	HTTPParameters              json.RawMessage `json:"HttpParameters,omitempty"`
	KinesisParameters           json.RawMessage `json:",omitempty"`
	RedshiftDataParameters      json.RawMessage `json:",omitempty"`
	RunCommandParameters        json.RawMessage `json:",omitempty"`
	SageMakerPipelineParameters json.RawMessage `json:",omitempty"`
	SqsParameters               json.RawMessage `json:",omitempty"`
}

type retryPolicy struct {
	MaximumRetryAttempts     *whole `json:",omitempty"`
	MaximumEventAgeInSeconds *whole `json:",omitempty"`
}

// whole is a number that templates may have as text.
type whole int

// UnmarshalJSON reads 3 and "3".
func (w *whole) UnmarshalJSON(text []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(text), `"`))
	*w = whole(n)
	if err != nil {
		return fmt.Errorf("%s is no whole number", text)
	}
	return nil
}

// service is the one in the target's ARN.
func (t target) service() string {
	if parts := strings.SplitN(t.ARN, ":", 6); len(parts) == 6 {
		return parts[2]
	}
	return ""
}

func (r rule) has(targetARN string) bool {
	return slices.ContainsFunc(r.Targets, func(t target) bool { return t.ARN == targetARN })
}

var targetARN = regexp.MustCompile(`^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+`)

type targetsInput struct {
	Rule, EventBusName string
	Targets            []target
	IDs                []string `json:"Ids"`
}

// failedEntries is what PutTargets and RemoveTargets answer. What is wrong fails the whole call here.
var failedEntries = map[string]any{"FailedEntryCount": 0, "FailedEntries": []any{}}

// putTargets adds targets to a rule, or changes those of the same id.
// Source: Amazon EventBridge API Reference, "PutTargets".
func (r *Room) putTargets(region string, in targetsInput) (any, error) {
	bus, err := r.ownBus(region, in.EventBusName)
	if err != nil {
		return nil, err
	}
	if len(in.Targets) == 0 {
		return nil, invalid("targets", "[]", "Member must have length greater than or equal to 1")
	}
	for _, t := range in.Targets {
		if err := t.check(); err != nil {
			return nil, err
		}
	}
	return failedEntries, r.change(region, bus, in.Rule, func(x *rule) error {
		list := slices.Clone(x.Targets)
		for _, t := range in.Targets {
			if at := slices.IndexFunc(list, func(old target) bool { return old.ID == t.ID }); at >= 0 {
				list[at] = t
			} else {
				list = append(list, t)
			}
		}
		if len(list) > maxTargets {
			return protocol.Errorf("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
		}
		x.Targets = list
		return nil
	})
}

// check is what PutTargets refuses.
func (t target) check() error {
	inputs := 0
	for _, given := range []bool{t.Input != "", t.InputPath != "", t.InputTransformer != nil} {
		if given {
			inputs++
		}
	}
	switch {
	case !name.MatchString(t.ID):
		return invalid("targets.1.member.id", t.ID, `Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`)
	case !targetARN.MatchString(t.ARN):
		return protocol.Errorf("ValidationException", "Parameter %s is not valid. Reason: Provided Arn is not in correct format.", t.ARN)
	case inputs > 1:
		return protocol.Errorf("ValidationException", "Only one of Input, InputPath, or InputTransformer must be provided for target %s.", t.ID)
	case len(t.Input) > maxInput:
		return invalid("targets.1.member.input", t.Input, fmt.Sprintf("Member must have length less than or equal to %d", maxInput))
	case t.Input != "" && !json.Valid([]byte(t.Input)):
		return protocol.Errorf("ValidationException", "JSON syntax error in input for target %s.", t.ID)
	case t.RoleARN == "" && (t.service() == "states" || t.service() == "codebuild"):
		return protocol.Errorf("ValidationException", "RoleArn is required for target %s.", t.ARN)
	}
	if t.InputPath != "" {
		if _, err := parsePath(t.InputPath); err != nil {
			return protocol.Errorf("ValidationException", "Invalid InputPath for target %s.", t.ID)
		}
	}
	if t.InputTransformer != nil {
		if err := t.InputTransformer.check(t.ID); err != nil {
			return err
		}
	}
	return t.RetryPolicy.check()
}

func (p *retryPolicy) check() error {
	if p == nil {
		return nil
	}
	if n := p.MaximumRetryAttempts; n != nil && (*n < 0 || *n > maxAttempts) {
		return invalid("targets.1.member.retryPolicy.maximumRetryAttempts", strconv.Itoa(int(*n)), "Member must have value between 0 and 185")
	}
	if n := p.MaximumEventAgeInSeconds; n != nil && (*n < minAge || *n > maxAge) {
		return invalid("targets.1.member.retryPolicy.maximumEventAgeInSeconds", strconv.Itoa(int(*n)), "Member must have value between 60 and 86400")
	}
	return nil
}

// removeTargets takes targets from a rule; those that it does not have are no error.
// Source: Amazon EventBridge API Reference, "RemoveTargets".
func (r *Room) removeTargets(region string, in targetsInput) (any, error) {
	bus, err := r.ownBus(region, in.EventBusName)
	if err != nil {
		return nil, err
	}
	return failedEntries, r.change(region, bus, in.Rule, func(x *rule) error {
		x.Targets = slices.DeleteFunc(slices.Clone(x.Targets), func(t target) bool { return slices.Contains(in.IDs, t.ID) })
		return nil
	})
}

func (r *Room) listTargetsByRule(region string, in listInput) (any, error) {
	bus, err := r.ownBus(region, in.EventBusName)
	if err != nil {
		return nil, err
	}
	x, err := r.rule(region, bus, in.Rule)
	if err != nil {
		return nil, err
	}
	return page("Targets", slices.Concat([]target{}, x.Targets), in)
}
