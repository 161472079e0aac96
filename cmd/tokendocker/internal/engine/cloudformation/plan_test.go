package cloudformation_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
)

func TestDeployRefuses(t *testing.T) {
	thing := func(id, value string) string { return plainThing(id, `"Value": `+value) }
	cases := []struct{ name, source, limit, template, want string }{
		{name: "circle", source: "re:Post, How do I resolve circular dependencies, 2026-11",
			template: `{"Resources": {` + thing("A", `{"Ref": "B"}`) + "," + thing("B", `{"Fn::Sub": "${C.Arn}"}`) + "," + thing("C", `{"Fn::GetAtt": "A.Arn"}`) +
				"," + thing("Before", `"x"`) + "," + thing("After", `{"Ref": "A"}`) + `}}`,
			want: "Circular dependency between resources: [A, B, C]"},
		{name: "on itself", source: "re:Post, How do I resolve circular dependencies, 2026-11",
			template: `{"Resources": {` + thing("A", `{"Ref": "A"}`) + `}}`, want: "Circular dependency between resources: [A]"},
		{name: "unresolved in resources", source: "re:Post, CloudFormation template validation errors, 2026-11",
			template: `{"Resources": {` + thing("A", `{"Ref": "Nope"}`) + `}}`, want: "Template format error: Unresolved resource dependencies [Nope] in the Resources block of the template"},
		{name: "unresolved in outputs", source: "re:Post, CloudFormation template validation errors, 2026-11",
			template: `{"Resources": {` + thing("A", `""`) + `}, "Outputs": {"O": {"Value": {"Ref": "Nope"}}}}`, want: "[Nope] in the Outputs block of the template"},
		{name: "reference to a resource that a condition leaves out", source: "Template Reference, Condition functions, 2026-11",
			template: `{"Conditions": {"No": {"Fn::Equals": ["a", "b"]}}, "Resources": {"A": {"Type": "Test::Thing::Plain", "Condition": "No"}, ` + thing("B", `{"Ref": "A"}`) + `}}`,
			want:     "Unresolved resource dependencies [A] in the Resources block"},
		{name: "resource in a condition", source: "User Guide, Conditions, 2026-11",
			template: `{"Conditions": {"C": {"Fn::Equals": [{"Ref": "A"}, "b"]}}, "Resources": {` + thing("A", `""`) + `}}`, want: "Cannot reference resources in the Conditions block of the template"},
		{name: "conditions in a circle", source: "User Guide, Conditions, 2026-11", limit: "the message's words are ours",
			template: `{"Conditions": {"C": {"Fn::Not": [{"Condition": "C"}]}}, "Resources": {` + thing("A", `""`) + `}}`, want: "circular dependency of condition C"},
		{name: "rule", source: "User Guide, Rules, 2026-11", limit: "the message's words are ours",
			template: `{"Parameters": {"V": {"Type": "String", "Default": "5"}}, "Rules": {"R": {"Assertions": [{"Assert": {"Fn::Not": [{"Fn::Contains": [["1", "5"], {"Ref": "V"}]}]}, "AssertDescription": "too old"}]}},
				"Resources": {` + thing("A", `""`) + `}}`, want: "Rule R failed: too old"},
		{name: "type that cannot be", source: "re:Post, CloudFormation template validation errors, 2026-11",
			template: `{"Resources": {"N": {"Type": "Bucket"}}}`, want: "Template format error: Unrecognized resource types: [Bucket]"},
		{name: "capability", source: "User Guide, Acknowledging IAM resources, 2026-11",
			template: `{"Resources": {"R": {"Type": "AWS::IAM::Role"}}}`, want: "Requires capabilities : [CAPABILITY_IAM]"},
		{name: "capability for names", source: "User Guide, Acknowledging IAM resources, 2026-11",
			template: `{"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r"}}}}`, want: "Requires capabilities : [CAPABILITY_NAMED_IAM]"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			_, err := w.deploy(c.template)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if w.status() != "none" || len(w.events) != 0 {
				t.Errorf("status %s, events %v: something was begun", w.status(), w.events)
			}
		})
	}
}

func TestIndependentResourcesRunTogether(t *testing.T) {
	w := newWorld(t)
	var all []string
	for i := range 20 {
		all = append(all, plainThing(fmt.Sprintf("T%d", i), `"Wait": "100ms"`))
	}
	if _, err := w.deploy(`{"Resources": {` + strings.Join(all, ",") + `}}`); err != nil || w.things.most != 20 {
		t.Errorf("%v, at most %d at once, want 20", err, w.things.most)
	}
}

// growing is a template of n resources, each of which needs two others.
func growing(n int) []byte {
	var all []string
	for i := range n {
		value := `{"Fn::Join": ["", ["x"]]}`
		if i > 0 {
			value = fmt.Sprintf(`{"Fn::Sub": "${R%d.Arn}-${R%d}"}`, i-1, i/2)
		}
		all = append(all, fmt.Sprintf(`"R%d": {"Type": "AWS::S3::Bucket", "Properties": {"A": %s, "Text": "%s"}}`, i, value, strings.Repeat("y", 1500)))
	}
	return []byte(`{"Resources": {` + strings.Join(all, ",\n") + `}}`)
}

// TestPlanGrowsWithTheTemplate: twice the resources are twice the work, and not four times.
func TestPlanGrowsWithTheTemplate(t *testing.T) {
	work := func(n int) float64 {
		text := growing(n)
		return testing.AllocsPerRun(3, func() {
			if size, err := cloudformation.PlanSize(text); err != nil || size != n {
				t.Fatal(size, err)
			}
		})
	}
	half, whole := work(250), work(500)
	if whole > 2.5*half {
		t.Errorf("a plan of 250 resources allocates %.0f times, one of 500 %.0f times", half, whole)
	}
}

func BenchmarkPlan500(b *testing.B) {
	text := growing(500)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if n, err := cloudformation.PlanSize(text); err != nil || n != 500 {
			b.Fatal(n, err)
		}
	}
}
