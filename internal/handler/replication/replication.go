// Package replication computes the rules of a registry's replication configuration. A registry has one configuration
// without conditions or owners: whoever writes it writes all of it. So every rule that is not ours keeps its place and
// its filters, and ours hold nothing but repositories that this library or its npm forerunner made.
package replication

import (
	"fmt"
	"regexp"
	"slices"
)

// What a configuration takes (Amazon ECR User Guide, "Private image replication").
const (
	MaxRules        = 10
	MaxDestinations = 25  // over all rules, each counted once
	MaxFilters      = 100 // in one rule
)

// Rule sends every repository that one of its filters fits to all of its destinations.
type Rule struct {
	Destinations []Destination
	Filters      []string // prefixes of repository names; none fits every repository
}

// Destination is another registry.
type Destination struct{ Region, Account string }

// Target is what a rule must do: send a repository to regions of its own account.
type Target struct {
	Repository, Account string
	Regions             []string
}

// Covered tells whether rules send the target's repository to all of its regions.
func Covered(rules []Rule, t Target) bool {
	for _, region := range t.Regions {
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.sends(t.Repository, Destination{region, t.Account}) }) {
			return false
		}
	}
	return true
}

// sends tells whether the rule sends a repository somewhere. A filter is a prefix (API Reference, RepositoryFilter:
// PREFIX_MATCH is the only type).
func (r Rule) sends(repository string, to Destination) bool {
	fits := len(r.Filters) == 0 || slices.ContainsFunc(r.Filters, func(prefix string) bool {
		return len(prefix) <= len(repository) && repository[:len(prefix)] == prefix
	})
	return fits && slices.Contains(r.Destinations, to)
}

// Add returns the rules with one that covers the target. It extends a rule of ours with the same destinations, else it
// adds a rule. The error is one sentence about a limit that would be passed.
func Add(rules []Rule, t Target) ([]Rule, error) {
	next := clone(rules)
	for i := range next {
		r := &next[i]
		if r.ours() && r.leads(t) && len(r.Filters) < MaxFilters {
			r.Filters = append(r.Filters, t.Repository)
			return next, nil
		}
	}
	next = append(next, Rule{Destinations: t.destinations(), Filters: []string{t.Repository}})
	if len(next) > MaxRules {
		return nil, fmt.Errorf("the registry's replication configuration has %d rules already and ECR takes %d: remove one, or give the builders the same ReplicaRegions", len(rules), MaxRules)
	}
	if n := destinations(next); n > MaxDestinations {
		return nil, fmt.Errorf("the registry's replication rules would have %d destinations and ECR takes %d: leave some regions out", n, MaxDestinations)
	}
	return next, nil
}

// Remove returns the rules without the target's own filter in rules with exactly its destinations. A rule that loses
// its last filter goes, since without one it would send every repository. changed is false where there was none.
func Remove(rules []Rule, t Target) (next []Rule, changed bool) {
	for _, r := range clone(rules) {
		if r.leads(t) && slices.Contains(r.Filters, t.Repository) {
			changed = true
			r.Filters = slices.DeleteFunc(r.Filters, func(f string) bool { return f == t.Repository })
			if len(r.Filters) == 0 {
				continue
			}
		}
		next = append(next, r)
	}
	return next, changed
}

// generated is the part of a repository's generated name that comes from the construct's id: "ECRRepository" and the
// hash that CDK adds, in lower case as CloudFormation writes names of repositories.
var generated = regexp.MustCompile(`ecrrepository[0-9a-f]{8}-`)

// ours tells whether the rule holds nothing but repositories of this library or its npm forerunner.
func (r Rule) ours() bool {
	for _, filter := range r.Filters {
		if !generated.MatchString(filter) {
			return false
		}
	}
	return len(r.Filters) > 0
}

// leads tells whether the rule has exactly the target's destinations.
func (r Rule) leads(t Target) bool {
	want := t.destinations()
	if len(r.Destinations) != len(want) {
		return false
	}
	for _, d := range want {
		if !slices.Contains(r.Destinations, d) {
			return false
		}
	}
	return true
}

func (t Target) destinations() []Destination {
	var list []Destination
	for _, region := range slices.Sorted(slices.Values(t.Regions)) {
		list = append(list, Destination{region, t.Account})
	}
	return list
}

// destinations counts the destinations of all rules.
func destinations(rules []Rule) int {
	all := map[Destination]bool{}
	for _, r := range rules {
		for _, d := range r.Destinations {
			all[d] = true
		}
	}
	return len(all)
}

func clone(rules []Rule) []Rule {
	var next []Rule
	for _, r := range rules {
		next = append(next, Rule{slices.Clone(r.Destinations), slices.Clone(r.Filters)})
	}
	return next
}
