package replication_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/internal/handler/replication"
)

type (
	rule  = replication.Rule
	rules = []replication.Rule
)

const account = "111122223333"

// to is destinations in the own account.
func to(regions ...string) []replication.Destination {
	var list []replication.Destination
	for _, r := range regions {
		list = append(list, replication.Destination{Region: r, Account: account})
	}
	return list
}

func target(regions ...string) replication.Target {
	return replication.Target{Repository: own(1), Account: account, Regions: regions}
}

// own is the generated name of the n-th repository of ours.
func own(n int) string { return fmt.Sprintf("shop-webecrrepository%08x-k2j4h5g6f7d8", n) }

func TestCovered(t *testing.T) {
	for name, c := range map[string]struct {
		rules rules
		want  bool
	}{
		"no rule":               {nil, false},
		"own filter":            {rules{{to("eu-west-1", "us-west-2"), []string{own(1)}}}, true},
		"more regions":          {rules{{to("eu-west-1", "us-west-2", "sa-east-1"), []string{own(1)}}}, true},
		"one region":            {rules{{to("eu-west-1"), []string{own(1)}}}, false},
		"two rules together":    {rules{{to("eu-west-1"), []string{own(1)}}, {to("us-west-2"), nil}}, true},
		"a rule for everything": {rules{{to("eu-west-1", "us-west-2"), nil}}, true},
		"a prefix":              {rules{{to("eu-west-1", "us-west-2"), []string{"other", "shop-"}}}, true},
		"a longer name":         {rules{{to("eu-west-1", "us-west-2"), []string{own(1) + "x"}}}, false},
		"another account": {rules{{[]replication.Destination{{Region: "eu-west-1", Account: "4"}, {Region: "us-west-2", Account: "4"}},
			[]string{own(1)}}}, false},
	} {
		if got := replication.Covered(c.rules, target("us-west-2", "eu-west-1")); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAdd(t *testing.T) {
	full := rule{Destinations: to("eu-west-1")}
	for i := range replication.MaxFilters {
		full.Filters = append(full.Filters, own(i+10))
	}
	foreign := rule{to("eu-west-1"), []string{"team-a/"}}
	mixed := rule{to("eu-west-1"), []string{own(2), "team-a/"}}
	for name, c := range map[string]struct{ given, want rules }{
		"first":                            {nil, rules{{to("eu-west-1"), []string{own(1)}}}},
		"beside ours":                      {rules{{to("eu-west-1"), []string{own(2)}}}, rules{{to("eu-west-1"), []string{own(2), own(1)}}}},
		"other regions":                    {rules{{to("eu-west-1", "us-west-2"), []string{own(2)}}}, rules{{to("eu-west-1", "us-west-2"), []string{own(2)}}, {to("eu-west-1"), []string{own(1)}}}},
		"foreign rules keep to themselves": {rules{foreign, mixed}, rules{foreign, mixed, {to("eu-west-1"), []string{own(1)}}}},
		"full":                             {rules{full}, rules{full, {to("eu-west-1"), []string{own(1)}}}},
	} {
		got, err := replication.Add(c.given, target("eu-west-1"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLimits(t *testing.T) {
	var ten rules
	for range replication.MaxRules {
		ten = append(ten, rule{to("us-west-2"), []string{"x"}})
	}
	if _, err := replication.Add(ten, target("eu-west-1")); err == nil || !strings.Contains(err.Error(), "has 10 rules already and ECR takes 10") {
		t.Error(err)
	}
	var many []string
	for i := range replication.MaxDestinations {
		many = append(many, fmt.Sprint("region-", i))
	}
	if _, err := replication.Add(rules{{to(many...), []string{"x"}}}, target("eu-west-1")); err == nil || !strings.Contains(err.Error(), "would have 26 destinations and ECR takes 25") {
		t.Error(err)
	}
}

func TestRemove(t *testing.T) {
	everything := rule{to("eu-west-1"), nil}
	for name, c := range map[string]struct {
		given, want rules
		changed     bool
	}{
		"last filter":   {rules{{to("eu-west-1"), []string{own(1)}}, everything}, rules{everything}, true},
		"one of two":    {rules{{to("eu-west-1"), []string{own(2), own(1)}}}, rules{{to("eu-west-1"), []string{own(2)}}}, true},
		"other regions": {rules{{to("us-west-2"), []string{own(1)}}}, rules{{to("us-west-2"), []string{own(1)}}}, false},
		"a prefix":      {rules{{to("eu-west-1"), []string{"shop-"}}}, rules{{to("eu-west-1"), []string{"shop-"}}}, false},
		"nothing":       {nil, nil, false},
	} {
		got, changed := replication.Remove(c.given, target("eu-west-1"))
		if changed != c.changed {
			t.Errorf("%s: changed %v", name, changed)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
