package template_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
)

// rounds is loops in loops, of a hundred rounds each, that make nothing.
func rounds(deep int) string {
	made := ""
	for i := range deep {
		made = fmt.Sprintf(`"Fn::ForEach::L%d": ["V%d", [%s"x"], {%s}]`, i, i, strings.Repeat(`"x",`, 99), made)
	}
	return made
}

func TestForEach(t *testing.T) {
	const source = "Template Reference, Fn::ForEach, 2026-11"
	topic := func(key, properties string) string {
		return `"` + key + `": {"Type": "AWS::SNS::Topic", "Properties": {` + properties + `}}`
	}
	cases := []struct {
		name, source, limit string
		sections            string            // further ones
		resources           string            // in Resources
		given               map[string]string // parameters
		want                string            // what A.., by logical id, or part of the error
	}{
		{name: "list", source: source, resources: `"Fn::ForEach::Topics": ["Name", ["one", "two"], {` + topic("T${Name}", `"TopicName": {"Ref": "Name"}, "DisplayName": {"Fn::Sub": "the ${Name} of ${AWS::Region}"}`) + `}]`,
			want: `Tone {"DisplayName":{"Fn::Sub":"the one of ${AWS::Region}"},"TopicName":"one"}
Ttwo {"DisplayName":{"Fn::Sub":"the two of ${AWS::Region}"},"TopicName":"two"}`},
		{name: "parameter", source: source, sections: `"Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": "x"}},`, given: map[string]string{"Names": "a, b.c"},
			resources: `"Fn::ForEach::Topics": ["Name", {"Ref": "Names"}, {` + topic("T&{Name}", `"TopicName": {"Ref": "Name"}`) + `}]`,
			want:      "Ta {\"TopicName\":\"a\"}\nTbc {\"TopicName\":\"b.c\"}"},
		{name: "default", source: source, sections: `"Parameters": {"Names": {"Type": "CommaDelimitedList", "Default": "x"}},`,
			resources: `"Fn::ForEach::Topics": ["Name", {"Ref": "Names"}, {` + topic("T${Name}", "") + `}]`, want: "Tx {}"},
		{name: "nested", source: source, resources: `"Fn::ForEach::Outer": ["A", ["1", "2"], {"Fn::ForEach::Inner": ["B", ["x${A}", {"Ref": "A"}], {` + topic("T${A}${B}", `"TopicName": "${A}-${B}"`) + `}]}]`,
			want: "T11 {\"TopicName\":\"1-1\"}\nT1x1 {\"TopicName\":\"1-x1\"}\nT22 {\"TopicName\":\"2-2\"}\nT2x2 {\"TopicName\":\"2-x2\"}"},
		{name: "in properties", source: source, resources: topic("T", `"Fn::ForEach::P": ["P", ["TopicName", "DisplayName"], {"${P}": "v-${P}"}]`),
			want: `T {"DisplayName":"v-DisplayName","TopicName":"v-TopicName"}`},
		{name: "same name twice", source: source, limit: "the message's words are ours", resources: `"Fn::ForEach::L": ["N", ["a", "a"], {` + topic("T${N}", "") + `}]`, want: "Ta stands twice"},
		{name: "two of a name", source: source, limit: "the message's words are ours", resources: `"Fn::ForEach::L": ["N", ["a"], {` + topic("T${N}", `"Fn::ForEach::L": ["M", [], {}]`) + `}]`, want: "Ta {}"},
		{name: "collection of a resource", source: source, limit: "collections are lists and list parameters; the message's words are ours",
			resources: `"Fn::ForEach::L": ["N", {"Fn::Split": [",", "a,b"]}, {` + topic("T${N}", "") + `}]`, want: "must be a list of Strings, or a Ref to a parameter that is a list"},
		{name: "not three", source: source, limit: "the message's words are ours", resources: `"Fn::ForEach::L": ["N", ["a"]]`, want: "needs an identifier, a collection and a map"},
		{name: "rounds without end", source: "none: protects this process", limit: "loops go round at most 500,000 times",
			resources: topic("T", rounds(6)), want: "the template's loops give more than 500000 values"},
		{name: "too large", source: source, limit: "the message's words are ours", resources: `"Fn::ForEach::L": ["V", ["` + strings.Repeat("y", 100_000) + `"], {` + topic("T", `"P": "`+strings.Repeat("${V}", 11)+`"`) + `}]`,
			want: "this one does once its loops are expanded"},
		{name: "too much", source: "none: protects this process", limit: "loops give at most 500,000 values",
			resources: `"Fn::ForEach::A": ["A", [` + strings.Repeat(`"x",`, 1500) + `"x"], {"Fn::ForEach::B": ["B", [` + strings.Repeat(`"x",`, 1500) + `"x"], {"T": {"Type": "A::B::C"}}]}]`, want: "stands twice"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := template.ParseGiven([]byte(`{"Transform": "AWS::LanguageExtensions", `+c.sections+`"Resources": {`+c.resources+`}}`), c.given)
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
			var lines []string
			for _, id := range got.ResourceNames() {
				lines = append(lines, id+" "+text(t, got.Resources[id].Properties.Plain()))
			}
			if diff := cmp.Diff(c.want, strings.Join(lines, "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestForEachElsewhere: loops in conditions and outputs, and a policy that a parameter decides.
// Source: Template Reference, Fn::ForEach and DeletionPolicy attribute, 2026-11.
func TestForEachElsewhere(t *testing.T) {
	got, err := template.ParseGiven([]byte(`{"Transform": ["AWS::LanguageExtensions"],
		"Parameters": {"Keep": {"Type": "String", "Default": "Delete"}},
		"Conditions": {"Fn::ForEach::C": ["N", ["A", "B"], {"Is${N}": {"Fn::Equals": ["${N}", "A"]}}]},
		"Resources": {"Fn::ForEach::R": ["N", ["A", "B"], {"${N}": {"Type": "AWS::SNS::Topic", "Condition": "Is${N}", "DependsOn": ["${N}x"], "DeletionPolicy": {"Ref": "Keep"}}}]},
		"Outputs": {"Fn::ForEach::O": ["N", ["A", "B"], {"Out${N}": {"Value": {"Fn::GetAtt": ["${N}", "TopicName"]}}}]}}`), map[string]string{"Keep": "Retain"})
	if err != nil {
		t.Fatal(err)
	}
	b := got.Resources["B"]
	if b.Condition != "IsB" || b.DependsOn[0] != "Bx" || b.DeletionPolicy != "Retain" || got.Conditions["IsA"] == nil ||
		text(t, got.Outputs["OutB"].Value.Plain()) != `{"Fn::GetAtt":["B","TopicName"]}` {
		t.Errorf("%+v, outputs %v", b, got.Outputs)
	}
	if _, err := template.Parse([]byte(`{"Resources": {"Fn::ForEach::R": ["N", ["A"], {"${N}": {"Type": "AWS::SNS::Topic"}}]}}`)); err == nil {
		t.Error("a loop without the transform was read")
	}
}

// text is a value as JSON.
func text(t *testing.T, v any) string {
	t.Helper()
	if v == nil {
		return "{}"
	}
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
