package ecr

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// lifecycle is a lifecycle policy document.
// Source: Amazon ECR User Guide, "Lifecycle policy properties in Amazon ECR".
type lifecycle struct {
	Rules []lifecycleRule `json:"rules"`
}

type lifecycleRule struct {
	RulePriority int    `json:"rulePriority"`
	Description  string `json:"description"`
	Selection    struct {
		TagStatus      string   `json:"tagStatus"` // tagged, untagged, any
		TagPrefixList  []string `json:"tagPrefixList"`
		TagPatternList []string `json:"tagPatternList"`
		CountType      string   `json:"countType"` // imageCountMoreThan, sinceImagePushed
		CountUnit      string   `json:"countUnit"` // days
		CountNumber    int      `json:"countNumber"`
	} `json:"selection"`
	Action struct {
		Type string `json:"type"` // expire
	} `json:"action"`
}

func checkLifecycle(text string) error {
	fail := func(why string) error {
		return errParameter("LifecyclePolicyText", "Lifecycle policy validation failure: "+why)
	}
	var p lifecycle
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return fail("string is not valid JSON")
	}
	if len(p.Rules) == 0 {
		return fail("at least one rule is required")
	}
	seen := map[int]bool{}
	for _, rule := range p.Rules {
		s := rule.Selection
		switch {
		case rule.RulePriority < 1 || seen[rule.RulePriority]:
			return fail("rulePriority must be a unique positive integer")
		case rule.Action.Type != "expire":
			return fail("action type must be expire")
		case s.TagStatus == "tagged" && len(s.TagPrefixList) == 0 && len(s.TagPatternList) == 0:
			return fail("tagPrefixList or tagPatternList is required when tagStatus is tagged")
		case !slices.Contains([]string{"tagged", "untagged", "any"}, s.TagStatus):
			return fail("tagStatus must be tagged, untagged or any")
		case !slices.Contains([]string{"imageCountMoreThan", "sinceImagePushed"}, s.CountType):
			return fail("countType must be imageCountMoreThan or sinceImagePushed")
		case s.CountType == "sinceImagePushed" && s.CountUnit != "days":
			return fail("countUnit must be days when countType is sinceImagePushed")
		case s.CountNumber < 1:
			return fail("countNumber must be a positive integer")
		}
		seen[rule.RulePriority] = true
	}
	return nil
}

// expired returns which images a policy expires at a time, and the rule that does.
func (r repository) expired(p lifecycle, now time.Time) map[string]lifecycleRule {
	rules := slices.Clone(p.Rules)
	slices.SortFunc(rules, func(a, b lifecycleRule) int { return cmp.Compare(a.RulePriority, b.RulePriority) })
	out, claimed := map[string]lifecycleRule{}, map[string]bool{}
	for _, rule := range rules {
		matched := 0
		for _, digest := range r.newest() {
			img := r.Images[digest]
			if claimed[digest] || len(r.parents(digest)) > 0 || !rule.selects(img) {
				continue
			}
			matched++
			claimed[digest] = true // a rule's images are never another rule's, even those that it keeps
			old := now.Sub(img.Pushed) > time.Duration(rule.Selection.CountNumber)*24*time.Hour
			if rule.Selection.CountType == "imageCountMoreThan" && matched > rule.Selection.CountNumber ||
				rule.Selection.CountType == "sinceImagePushed" && old {
				out[digest] = rule
			}
		}
	}
	return out
}

func (rule lifecycleRule) selects(img image) bool {
	s := rule.Selection
	switch s.TagStatus {
	case "any":
		return true
	case "untagged":
		return len(img.Tags) == 0
	}
	every := func(list []string, match func(want, tag string) bool) bool {
		for _, want := range list {
			if !slices.ContainsFunc(img.Tags, func(t string) bool { return match(want, t) }) {
				return false
			}
		}
		return true
	}
	return len(img.Tags) > 0 &&
		every(s.TagPrefixList, func(prefix, t string) bool { return strings.HasPrefix(t, prefix) }) &&
		every(s.TagPatternList, wildcard)
}

// getLifecyclePolicyPreview evaluates at once; StartLifecyclePolicyPreview has nothing to do but to name the policy.
func (r *Room) getLifecyclePolicyPreview(_ context.Context, call *protocol.Call, in target) (any, error) {
	repo, err := r.find(where(call, in.RegistryID).arn(in.RepositoryName))
	if err != nil {
		return nil, err
	}
	if repo.Lifecycle == "" {
		return nil, errNoLifecycle(repo)
	}
	var p lifecycle
	if err := json.Unmarshal([]byte(repo.Lifecycle), &p); err != nil {
		return nil, err
	}
	results := []map[string]any{}
	expired := repo.expired(p, r.Clock.Now())
	for _, digest := range repo.newest() {
		rule, ok := expired[digest]
		if !ok {
			continue
		}
		img := repo.Images[digest]
		results = append(results, map[string]any{
			"imageDigest": digest, "imageTags": notNil(img.Tags), "imagePushedAt": protocol.Timestamp(img.Pushed),
			"appliedRulePriority": rule.RulePriority, "action": map[string]string{"type": "EXPIRE"},
		})
	}
	out := settings(repo, "lifecyclePolicyText", repo.Lifecycle)
	out["status"] = "COMPLETE"
	out["previewResults"] = results
	out["summary"] = map[string]int{"expiringImageTotalCount": len(results)}
	return out, nil
}

func (r *Room) startLifecyclePolicyPreview(_ context.Context, call *protocol.Call, in target) (any, error) {
	repo, err := r.find(where(call, in.RegistryID).arn(in.RepositoryName))
	if err != nil {
		return nil, err
	}
	if repo.Lifecycle == "" {
		return nil, errNoLifecycle(repo)
	}
	out := settings(repo, "lifecyclePolicyText", repo.Lifecycle)
	out["status"] = "IN_PROGRESS"
	return out, nil
}
