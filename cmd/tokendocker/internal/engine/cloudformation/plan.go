package cloudformation

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/intrinsic"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// plan is a template with its parameters: which resources there are and what each waits for.
type plan struct {
	template   *template.Template
	text       []byte
	stack      resource.Stack
	zones      func(region string) []string
	topics     []any             // what AWS::NotificationARNs gives
	given      map[string]string // parameters, as text
	parameters map[string]any    // parameters, as Ref gives them
	conditions map[string]bool
	resources  []string            // logical ids whose condition holds, dependencies first
	needs      map[string][]string // by logical id, sorted
}

// newPlan reads a deployment's template for a stack. previous holds the parameters of its last deployment.
func (s *Service) newPlan(ctx context.Context, stack resource.Stack, in DeployInput, previous map[string]string) (*plan, error) {
	t, err := template.ParseGiven(in.Template, given(in, previous))
	if err != nil {
		return nil, err
	}
	p := &plan{template: t, text: in.Template, stack: stack, zones: s.Zones, topics: []any{}, given: parameterTexts(t, in, previous)}
	for _, topic := range in.Notify {
		p.topics = append(p.topics, topic)
	}
	p.parameters, err = intrinsic.Parameters(t, p.given, func(name string) (string, error) {
		return s.Resolve(ctx, stack, "ssm", name)
	})
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{p.readConditions, p.checkRules, p.checkTypes, p.order, p.checkOutputs} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// given are the parameters that have a value beside their default.
func given(in DeployInput, previous map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range previous {
		if !in.Exact || slices.Contains(in.Keep, name) {
			out[name] = value
		}
	}
	maps.Copy(out, in.Parameters)
	return out
}

// parameterTexts chooses each parameter's value: the given one, else the one of the last deployment where that is kept,
// else the default.
func parameterTexts(t *template.Template, in DeployInput, previous map[string]string) map[string]string {
	out := map[string]string{}
	for name, p := range t.Parameters {
		if p.Default != nil {
			out[name] = *p.Default
		}
	}
	for name, value := range given(in, previous) {
		if _, known := in.Parameters[name]; known || t.Parameters[name] != nil {
			out[name] = value
		}
	}
	return out
}

// resolved returns what the parameters stand for that are read from Systems Manager.
func (p *plan) resolved() map[string]string {
	out := map[string]string{}
	for name, t := range p.template.Parameters {
		if text, ok := p.parameters[name].(string); ok && strings.HasPrefix(t.Type, "AWS::SSM::Parameter::Value<") {
			out[name] = text
		}
	}
	return out
}

func (p *plan) readConditions() error {
	p.conditions = map[string]bool{}
	scope := &conditionScope{staticScope: staticScope{p}, open: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(p.template.Conditions)) {
		if _, err := scope.Condition(name); err != nil {
			return err
		}
	}
	return nil
}

// checkRules makes the assertions of the section Rules about the parameters.
func (p *plan) checkRules() error {
	scope := staticScope{p}
	for _, rule := range p.template.Rules {
		if rule.Condition != nil {
			if applies, err := intrinsic.Holds(rule.Condition, scope); err != nil || !applies {
				if err != nil {
					return err
				}
				continue
			}
		}
		for _, a := range rule.Assertions {
			holds, err := intrinsic.Holds(a.Assert, scope)
			if err != nil {
				return err
			}
			if !holds {
				return template.Errorf(a.Assert.Line, "Rule %s failed: %s", rule.Name, a.Description)
			}
		}
	}
	return nil
}

var resourceType = regexp.MustCompile(`^(Custom::[A-Za-z0-9_@-]{1,60}|[A-Za-z0-9]+(::[A-Za-z0-9]+){2,3})$`)

func (p *plan) checkTypes() error {
	var unknown []string
	for _, id := range p.template.ResourceNames() {
		r := p.template.Resources[id]
		if !resourceType.MatchString(r.Type) && !slices.Contains(unknown, r.Type) {
			unknown = append(unknown, r.Type)
		}
	}
	if len(unknown) > 0 {
		return template.Errorf(0, "Template format error: Unrecognized resource types: [%s]", strings.Join(unknown, ", "))
	}
	return nil
}

// exists reports whether the resource is in the template and its condition holds.
func (p *plan) exists(id string) bool {
	r := p.template.Resources[id]
	return r != nil && (r.Condition == "" || p.conditions[r.Condition])
}

// order finds each resource's dependencies and sorts the resources by them.
func (p *plan) order() error {
	p.needs = map[string][]string{}
	unresolved := map[string]bool{}
	for _, id := range p.template.ResourceNames() {
		r := p.template.Resources[id]
		if _, known := p.conditions[r.Condition]; r.Condition != "" && !known {
			return template.Errorf(r.Line, "Template format error: Unresolved condition dependency %s in the Resources block of the template", r.Condition)
		}
		if !p.exists(id) {
			continue
		}
		needs := map[string]bool{}
		err := intrinsic.References(r.Properties, staticScope{p}, p.collect(needs, unresolved))
		if err != nil {
			return err
		}
		for _, other := range r.DependsOn {
			if p.template.Resources[other] == nil {
				unresolved[other] = true
			} else if p.exists(other) { // DependsOn of a resource that its condition leaves out is ignored
				needs[other] = true
			}
		}
		p.needs[id] = slices.Sorted(maps.Keys(needs))
	}
	if err := unresolvedError(unresolved, "Resources"); err != nil {
		return err
	}
	ordered, circle := sortByNeeds(p.needs)
	p.resources = ordered
	if len(circle) > 0 {
		return template.Errorf(0, "Circular dependency between resources: [%s]", strings.Join(circle, ", "))
	}
	return nil
}

// collect sorts the names that something refers to into resources it needs and names that there are not.
func (p *plan) collect(needs, unresolved map[string]bool) func(string, int) {
	return func(name string, _ int) {
		_, parameter := p.parameters[name]
		switch {
		case parameter, strings.HasPrefix(name, "AWS::"):
		case p.exists(name):
			needs[name] = true
		default:
			unresolved[name] = true
		}
	}
}

func unresolvedError(names map[string]bool, section string) error {
	if len(names) == 0 {
		return nil
	}
	return template.Errorf(0, "Template format error: Unresolved resource dependencies [%s] in the %s block of the template",
		strings.Join(slices.Sorted(maps.Keys(names)), ", "), section)
}

func (p *plan) checkOutputs() error {
	unresolved := map[string]bool{}
	for _, o := range p.template.Outputs {
		if _, known := p.conditions[o.Condition]; o.Condition != "" && !known {
			return template.Errorf(o.Line, "Template format error: Unresolved condition dependency %s in the Outputs block of the template", o.Condition)
		}
		if o.Condition != "" && !p.conditions[o.Condition] {
			continue
		}
		for _, v := range []*template.Value{o.Value, o.Export} {
			if err := intrinsic.References(v, staticScope{p}, p.collect(map[string]bool{}, unresolved)); err != nil {
				return err
			}
		}
	}
	return unresolvedError(unresolved, "Outputs")
}

// sortByNeeds returns the names so that each follows what it needs, by name where that leaves a choice, and the
// names that wait for each other.
func sortByNeeds(needs map[string][]string) (ordered, circle []string) {
	left := map[string]int{}
	users := map[string][]string{}
	var ready []string
	for _, name := range slices.Sorted(maps.Keys(needs)) {
		left[name] = len(needs[name])
		for _, other := range needs[name] {
			users[other] = append(users[other], name)
		}
		if left[name] == 0 {
			ready = append(ready, name)
		}
	}
	for len(ready) > 0 {
		name := ready[0]
		ready = ready[1:]
		ordered = append(ordered, name)
		delete(left, name)
		for _, user := range users[name] {
			if left[user]--; left[user] == 0 {
				ready = append(ready, user)
			}
		}
	}
	return ordered, circleOf(left, users)
}

// circleOf leaves out of what could not be ordered the names that only wait for a circle.
func circleOf(left map[string]int, users map[string][]string) []string {
	for {
		before := len(left)
		for name := range left {
			if !slices.ContainsFunc(users[name], func(user string) bool { _, ok := left[user]; return ok }) {
				delete(left, name)
			}
		}
		if len(left) == before {
			return slices.Sorted(maps.Keys(left))
		}
	}
}

// checkCapabilities refuses a template whose IAM resources nobody has acknowledged.
func (p *plan) checkCapabilities(given []string) error {
	need := ""
	for _, id := range p.resources {
		need = stronger(need, p.template.Resources[id])
	}
	if need == "" || slices.Contains(given, need) || slices.Contains(given, namedIAM) {
		return nil
	}
	return &CapabilityError{Need: need}
}

const namedIAM = "CAPABILITY_NAMED_IAM"

// iamNames are the properties that name an IAM resource, by type.
var iamNames = map[string]string{"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName",
	"AWS::IAM::ManagedPolicy": "ManagedPolicyName", "AWS::IAM::InstanceProfile": "InstanceProfileName", "AWS::IAM::Policy": "",
	"AWS::IAM::RolePolicy": ""}

// stronger returns the capability that is needed for r beside what needs need.
func stronger(need string, r *template.Resource) string {
	name, ok := iamNames[r.Type]
	switch {
	case !ok:
		return need
	case r.Properties.Field(name) != nil:
		return namedIAM
	case need == "":
		return "CAPABILITY_IAM"
	}
	return need
}

// Capability returns what a template wants acknowledged, or "".
func Capability(t *template.Template) string {
	need := ""
	for _, r := range t.Resources {
		need = stronger(need, r)
	}
	return need
}

// CapabilityError says that a template makes IAM resources and nobody has acknowledged that.
type CapabilityError struct{ Need string }

// Error is CloudFormation's own sentence.
func (e *CapabilityError) Error() string { return fmt.Sprintf("Requires capabilities : [%s]", e.Need) }
