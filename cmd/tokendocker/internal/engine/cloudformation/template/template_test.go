package template_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
)

const bucket = `"Resources": {"B": {"Type": "AWS::S3::Bucket"}}`

func TestParseRefuses(t *testing.T) {
	anatomy := "CloudFormation User Guide, Template anatomy, 2026-11"
	cases := []struct {
		name, source, limit string
		text, want          string
	}{
		{name: "empty", source: anatomy, text: "", want: "Template format error: the template is empty"},
		{name: "not well-formed, with its line", source: anatomy, text: "{\n\"Resources\": {\n\"A\" 1}}",
			want: "(line 3)", limit: "the parser's own words follow CloudFormation's"},
		{name: "cut off", source: anatomy, text: `{"Resources": {`, want: "JSON not well-formed"},
		{name: "text after the end", source: anatomy, text: `{` + bucket + `} x`, want: "JSON not well-formed"},
		{name: "duplicate key", source: anatomy, text: "{" + bucket + ",\n" + bucket + "}", want: `duplicate key "Resources" (line 2)`},
		{name: "no resources", source: anatomy, text: `{"Resources": {}}`,
			want: "Template format error: At least one Resources member must be defined."},
		{name: "unknown section", source: anatomy, text: "{" + bucket + `, "Resource": {}}`,
			want: "Invalid template property or properties [Resource] (line 1)"},
		{name: "unknown attribute of a resource", source: "Resource attribute reference, 2026-11",
			text: `{"Resources": {"B": {"Type": "T", "Propertys": {}}}}`, want: "Invalid template resource property 'Propertys'"},
		{name: "resource without type", source: anatomy, text: `{"Resources": {"B": {}}}`,
			want: "[/Resources/B] Every Resources object must contain a Type member."},
		{name: "logical id with a dash", source: "Resources section, 2026-11", text: `{"Resources": {"my-b": {"Type": "T"}}}`,
			want: `Resource name "my-b" is non alphanumeric.`},
		{name: "null in properties", source: anatomy,
			text: `{"Resources": {"B": {"Type": "T", "Properties": {"A": {"B": [null]}}}}}`,
			want: "[/Resources/B/Properties/A/B] 'null' values are not allowed in templates"},
		{name: "unknown policy", source: "DeletionPolicy attribute, 2026-11",
			text: `{"Resources": {"B": {"Type": "T", "DeletionPolicy": "Keep"}}}`, want: "Unrecognized DeletionPolicy Keep"},
		{name: "replace policy of create", source: "UpdateReplacePolicy attribute, 2026-11",
			text: `{"Resources": {"B": {"Type": "T", "UpdateReplacePolicy": "RetainExceptOnCreate"}}}`,
			want: "Unrecognized UpdateReplacePolicy RetainExceptOnCreate"},
		{name: "macro", source: "Transform section, 2026-11", limit: "macros run in an AWS account",
			text: "{" + bucket + `, "Transform": "AWS::Serverless-2016-10-31"}`, want: "runs as a macro in AWS"},
		{name: "parameter type", source: "Parameters section, 2026-11",
			text: "{" + bucket + `, "Parameters": {"P": {"Type": "Text"}}}`, want: "Unrecognized parameter type: Text"},
		{name: "output without value", source: "Outputs section, 2026-11", text: "{" + bucket + `, "Outputs": {"O": {}}}`,
			want: "Output O is malformed. The Value field must be specified."},
		{name: "too many resources", source: "CloudFormation quotas, 2026-11", text: manyResources(501),
			want: "Number of resources, 501, is greater than maximum allowed, 500"},
		{name: "too many bytes", source: "CloudFormation quotas, 2026-11", text: `{"Description": "` + strings.Repeat("x", 1_000_000) + `"}`,
			want: "Template may not exceed 1000000 bytes in size"},
		{name: "deep nesting", source: "none: protects the parser", limit: "CloudFormation's own depth is not documented",
			text: strings.Repeat(`{"a":`, 300), want: "values nest more than 200 levels deep"},
		{name: "deep nesting in YAML", source: "none: protects the parser", limit: "CloudFormation's own depth is not documented",
			text: "Resources: " + strings.Repeat(`[`, 300) + strings.Repeat(`]`, 300), want: "values nest more than 200 levels deep"},
		{name: "YAML alias", source: anatomy, text: "Resources: &x\n  B: {Type: T}\n", want: "YAML aliases are not allowed"},
		{name: "YAML tag", source: anatomy, text: "Resources:\n  B:\n    Type: T\n    Properties: {A: !Reff B}\n", want: "YAML tag !Reff"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := template.Parse([]byte(c.text))
			var place *template.Error
			if !errors.As(err, &place) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestParseReadsEverySection(t *testing.T) {
	tpl, err := template.Parse([]byte(`{
  "AWSTemplateFormatVersion": "2010-09-09",
  "Transform": ["AWS::LanguageExtensions"],
  "Metadata": {"x": null},
  "Parameters": {"P": {"Type": "Number", "Default": 7, "MinValue": 1.5, "MaxLength": "3", "AllowedValues": [7, "8"], "NoEcho": true}},
  "Mappings": {"M": {"eu-west-1": {"ami": "x"}}},
  "Conditions": {"C": {"Fn::Equals": ["a", "b"]}},
  "Rules": {"R": {"Assertions": [{"Assert": {"Fn::Equals": ["a", "a"]}, "AssertDescription": "why"}]}},
  "Resources": {
    "A": {"Type": "T", "DependsOn": "B", "Condition": "C",
      "DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain", "Properties": {"N": 1.50}},
    "B": {"Type": "T", "DependsOn": ["A"]}
  },
  "Outputs": {"O": {"Value": "v", "Export": {"Name": "n"}, "Condition": "C"}}
}`))
	if err != nil {
		t.Fatal(err)
	}
	a := tpl.Resources["A"]
	p := tpl.Parameters["P"]
	got := []any{tpl.Extended(), tpl.ResourceNames(), a.Line, a.DependsOn, a.Condition, a.DeletionPolicy, a.UpdateReplacePolicy,
		a.Properties.Plain(), tpl.Resources["B"].DependsOn, *p.Default, *p.MinValue, *p.MaxLength, p.AllowedValues, p.NoEcho,
		tpl.Rules[0].Assertions[0].Description, tpl.Outputs["O"].Export.Scalar, tpl.Outputs["O"].Condition}
	want := []any{true, []string{"A", "B"}, 10, []string{"B"}, "C", "RetainExceptOnCreate", "Retain",
		map[string]any{"N": json.Number("1.50")}, []string{"A"}, "7", 1.5, 3, []string{"7", "8"}, true, "why", "n", "C"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parsed (-want +got):\n%s", diff)
	}
}

func TestYAMLIsTheSameTemplate(t *testing.T) {
	fromJSON := `{"Resources": {"A": {"Type": "T", "Properties": {
		"R": {"Ref": "B"}, "G": {"Fn::GetAtt": "B.Arn"}, "S": {"Fn::Sub": ["${x}", {"x": {"Ref": "B"}}]},
		"N": 12, "F": 1.5, "T": true, "Z": "012", "E": "😀", "Long": "a\nb\n"}}}}`
	fromYAML := `
Resources:
  A:
    Type: T
    Properties:
      R: !Ref B
      G: !GetAtt B.Arn
      S: !Sub ["${x}", {x: !Ref B}]
      N: 12
      F: 1.5
      T: true
      Z: "012"
      E: 😀
      Long: |
        a
        b
`
	var got [2]any
	for i, text := range []string{fromJSON, fromYAML} {
		tpl, err := template.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		got[i] = tpl.Resources["A"].Properties.Plain()
	}
	if diff := cmp.Diff(got[0], got[1]); diff != "" {
		t.Errorf("JSON and YAML differ (-json +yaml):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("{" + bucket + "}"))
	f.Add([]byte("Resources:\n  B:\n    Type: !Ref X\n"))
	f.Add([]byte(`{"Resources": {"A": {"Type": "T", "DependsOn": [1, null], "Properties": {"\ud83d": 1e400}}}}`))
	f.Add([]byte(`{"Parameters": {"P": {"Type": "String", "AllowedPattern": "("}}}`))
	f.Add([]byte(`{"Transform": "AWS::LanguageExtensions", "Resources": {"Fn::ForEach::L": ["N", ["a", {"Ref": "N"}], {"T${N}": {"Type": "T", "DeletionPolicy": {"Ref": "P"}}}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		tpl, err := template.Parse(text)
		if err != nil {
			var place *template.Error
			if !errors.As(err, &place) {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		for _, name := range tpl.ResourceNames() {
			if r := tpl.Resources[name]; r.Line < 1 || r.Type == "" {
				t.Fatalf("resource %s has line %d and type %q", name, r.Line, r.Type)
			}
		}
	})
}

func manyResources(n int) string {
	var b strings.Builder
	b.WriteString(`{"Resources": {`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"R%d": {"Type": "AWS::S3::Bucket"}`, i)
	}
	b.WriteString("}}")
	return b.String()
}
