package tokendocker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/contract"
)

// builderProps is short for what the feature tests write often.
type builderProps = TokenInjectableDockerBuilderProps

// with makes a builder; its context is the small one unless props name another.
func with(scope constructs.Construct, id string, props builderProps) TokenInjectableDockerBuilder {
	if props.Path == nil {
		props.Path = jsii.String(smallContext)
	}
	return NewTokenInjectableDockerBuilder(scope, jsii.String(id), &props)
}

// built synthesizes a stack with one builder of these properties.
func built(t *testing.T, props builderProps) (map[string]resource, string) {
	t.Helper()
	stack := newStack(t)
	with(stack, "B", props)
	return template(t, stack)
}

// requestIn is the build request of the template's one builder, as the handler decodes it.
func requestIn(t *testing.T, resources map[string]resource) contract.Request {
	t.Helper()
	_, build := only(t, resources, "Custom::TokenInjectableDockerBuilder")
	data, err := json.Marshal(deploy(build.Properties["Request"], ""))
	if err != nil {
		t.Fatal(err)
	}
	request, err := contract.Decode(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	return request
}

// allowed is a statement of a policy. Resources and conditions are JSON, as they stand in the template.
type allowed struct {
	actions, resources []string
	condition          string
}

// statements reads a policy document.
func statements(t *testing.T, document any) []allowed {
	t.Helper()
	var list []allowed
	for _, raw := range document.(map[string]any)["Statement"].([]any) {
		s := raw.(map[string]any)
		if s["Effect"] != "Allow" {
			t.Errorf("a statement does not allow: %v", s)
		}
		var a allowed
		for _, action := range listOf(s["Action"]) {
			a.actions = append(a.actions, action.(string))
		}
		for _, r := range listOf(s["Resource"]) {
			a.resources = append(a.resources, text(t, r))
		}
		if s["Condition"] != nil {
			a.condition = text(t, s["Condition"])
		}
		list = append(list, a)
	}
	return list
}

// listOf is a value of a template that may stand for a list of one.
func listOf(value any) []any {
	if list, ok := value.([]any); ok {
		return list
	}
	return []any{value}
}

// text is a value of a template as JSON.
func text(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// mayBuild are the permissions of the one builder's builds.
func mayBuild(t *testing.T, resources map[string]resource) []allowed {
	t.Helper()
	for id, r := range ofType(resources, "AWS::IAM::Role") {
		if !strings.Contains(id, "CodeBuildProject") {
			continue
		}
		return statements(t, r.Properties["Policies"].([]any)[0].(map[string]any)["PolicyDocument"])
	}
	t.Fatal("no role for builds")
	return nil
}

// mayFunction are the permissions of the provider's function beside those of its own inline policy.
func mayFunction(t *testing.T, resources map[string]resource) []allowed {
	t.Helper()
	var list []allowed
	for id, r := range resources {
		kind := r.Type == "AWS::IAM::Policy" || r.Type == "AWS::IAM::ManagedPolicy"
		if kind && strings.Contains(id, providerID+"Policies") && strings.Contains(text(t, r.Properties["Roles"]), providerID+"Role") {
			list = append(list, statements(t, r.Properties["PolicyDocument"])...)
		}
	}
	return list
}

// having are the statements with an action.
func having(list []allowed, action string) []allowed {
	var found []allowed
	for _, s := range list {
		if slices.Contains(s.actions, action) {
			found = append(found, s)
		}
	}
	return found
}

// single is the one statement with an action.
func single(t *testing.T, list []allowed, action string) allowed {
	t.Helper()
	found := having(list, action)
	if len(found) != 1 {
		t.Fatalf("%d statements allow %s, want one: %+v", len(found), action, list)
	}
	return found[0]
}

// policySizes measures a template's policies with the longest names: of each role all inline ones together, and each
// managed one, by the role.
func policySizes(t *testing.T, resources map[string]resource) (inline map[string]int, managed map[string][]int) {
	t.Helper()
	inline, managed = map[string]int{}, map[string][]int{}
	for id, r := range ofType(resources, "AWS::IAM::Role") {
		own, _ := r.Properties["Policies"].([]any)
		for _, p := range own {
			inline[id] += size(t, longest(p.(map[string]any)["PolicyDocument"]))
		}
	}
	for _, r := range resources {
		if r.Type != "AWS::IAM::Policy" && r.Type != "AWS::IAM::ManagedPolicy" {
			continue
		}
		n := size(t, longest(r.Properties["PolicyDocument"]))
		role := r.Properties["Roles"].([]any)[0].(map[string]any)["Ref"].(string)
		if r.Type == "AWS::IAM::Policy" {
			inline[role] += n
		} else {
			managed[role] = append(managed[role], n)
		}
	}
	return inline, managed
}

// checkSizes fails where IAM would refuse a template's policies (AWS IAM User Guide, "IAM and AWS STS quotas").
func checkSizes(t *testing.T, resources map[string]resource) {
	t.Helper()
	inline, managed := policySizes(t, resources)
	for role, n := range inline {
		if n > 10_240 {
			t.Errorf("inline policies of %s have %d characters, and IAM takes 10,240", role, n)
		}
	}
	for role, list := range managed {
		if len(list) > managedPerRole {
			t.Errorf("%s has %d managed policies, and ours are %d at most", role, len(list), managedPerRole)
		}
		if n := slices.Max(list); n > 6_144 {
			t.Errorf("a managed policy of %s has %d characters, and IAM takes 6,144", role, n)
		}
	}
}

// warnings are what a construct warns of.
func warnings(c constructs.Construct) []string {
	var list []string
	for _, entry := range *c.Node().Metadata() {
		if *entry.Type == "aws:cdk:warning" {
			list = append(list, fmt.Sprint(entry.Data))
		}
	}
	return list
}

// trySynth synthesizes a stack's app and tells with which text it failed, if it did.
func trySynth(stack awscdk.Stack) (problem string) {
	defer func() {
		if p := recover(); p != nil {
			problem = fmt.Sprint(p)
		}
	}()
	stack.Node().Root().(awscdk.App).Synth(nil)
	return ""
}
