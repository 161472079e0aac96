package iam

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
)

// neededStatement is a statement of the smallest policy, in the order in which people write its elements.
type neededStatement struct {
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string][]string `json:",omitempty"`
}

// needed writes the smallest policy that allows what identity policies allowed. Actions on the same resources under the
// same conditions share a statement.
func needed(decisions []seen) json.RawMessage {
	type group struct{ action, conditions string }
	resources, conditions := map[group][]string{}, map[string][]policy.Condition{}
	for _, s := range decisions {
		if !s.Identity {
			continue
		}
		text, _ := encode(s.Conditions) // text always marshals
		g := group{s.Action, string(text)}
		resources[g], conditions[g.conditions] = append(resources[g], lasting(s.Resource)), s.Conditions
	}
	statements := map[string]*neededStatement{}
	for g, list := range resources {
		slices.Sort(list)
		list = slices.Compact(list)
		key := g.conditions + "\n" + strings.Join(list, "\n")
		if statements[key] == nil {
			statements[key] = &neededStatement{Effect: "Allow", Resource: list, Condition: block(conditions[g.conditions])}
		}
		statements[key].Action = append(statements[key].Action, g.action)
	}
	if len(statements) == 0 {
		return nil
	}
	list := slices.Collect(maps.Values(statements))
	for _, s := range list {
		slices.Sort(s.Action)
	}
	slices.SortFunc(list, func(a, b *neededStatement) int {
		return strings.Compare(strings.Join(append(slices.Clone(a.Action), a.Resource...), "\n"), strings.Join(append(slices.Clone(b.Action), b.Resource...), "\n"))
	})
	text, _ := encode(struct {
		Version   string
		Statement []*neededStatement
	}{"2012-10-17", list}) // text always marshals
	return text
}

// block is a Condition element.
func block(conditions []policy.Condition) map[string]map[string][]string {
	out := map[string]map[string][]string{}
	for _, c := range conditions {
		if out[c.Operator] == nil {
			out[c.Operator] = map[string][]string{}
		}
		out[c.Operator][c.Key] = c.Values
	}
	return out
}

// passing are the resources whose last part is new at every call.
// Source: Service Authorization Reference, the resource types of AWS Step Functions, CloudWatch Logs and EC2.
var passing = []*regexp.Regexp{
	regexp.MustCompile(`^(arn:[^:]*:states:[^:]*:[^:]*:(?:execution|express):[^:]*:).*$`),
	regexp.MustCompile(`^(arn:[^:]*:logs:[^:]*:[^:]*:log-group:[^:]*:log-stream:).*$`),
	regexp.MustCompile(`^(arn:[^:]*:ec2:[^:]*:[^:]*:network-interface/).*$`),
}

// lasting is the resource that the next run's call will fit, too.
func lasting(arn string) string {
	for _, p := range passing {
		if m := p.FindStringSubmatch(arn); m != nil {
			return m[1] + "*"
		}
	}
	return arn
}
