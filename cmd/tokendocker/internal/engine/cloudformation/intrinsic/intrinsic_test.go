package intrinsic_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/intrinsic"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
)

// world is a Scope of fixed values.
type world struct{ extended bool }

func (world) Ref(name string) (any, error) {
	values := map[string]any{"Bucket": "my-bucket", "AWS::Region": "eu-west-1", "Names": []any{"a", "b"}, "Count": json.Number("3"),
		"Index": "1", "Quote": `it's "${Bucket}" $(id)`}
	if v, ok := values[name]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("Unresolved resource dependencies [%s] in the Resources block of the template", name) //nolint:staticcheck // CloudFormation's form
}

func (world) GetAtt(id, attribute string) (any, error) {
	if attribute == "List" {
		return []any{"x", "y"}, nil
	}
	return id + "/" + attribute, nil
}

func (world) Condition(name string) (bool, error) { return name == "Yes", nil }

func (world) Mapping(name string) *template.Value {
	t, err := template.Parse([]byte(`{"Mappings": {"M": {"eu-west-1": {"ami": "ami-1", "zones": ["a", "b"]}}}, "Resources": {"R": {"Type": "T"}}}`))
	if err != nil {
		panic(err)
	}
	return t.Mappings[name]
}

func (world) ImportValue(name string) (string, error) { return "export:" + name, nil }

func (world) StackOutput(from intrinsic.OutputReference) (string, error) {
	text := from.Stack + "/" + from.Region + "/" + from.Output
	if from.Role != "" {
		text += " by " + from.Role
	}
	return text, nil
}

func (world) Zones(region string) []string { return []string{region + "a", region + "b"} }

func (w world) Extended() bool { return w.extended }

// parse reads one value the way a template's properties are read.
func parse(t testing.TB, text string) *template.Value {
	t.Helper()
	tpl, err := template.Parse([]byte(`{"Resources": {"R": {"Type": "T", "Properties": {"V": ` + text + `}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	return tpl.Resources["R"].Properties.Field("V")
}

func TestFunctions(t *testing.T) {
	page := func(name string) string { return "Template Reference, " + name + ", 2026-11" }
	cases := []struct {
		name, source, limit string
		value               string
		want                string // JSON, or the error's text after "!"
		extended            bool
	}{
		{name: "literals", source: page("Template anatomy"), value: `{"a": [1, 2.50, true, "x"]}`, want: `{"a":[1,2.50,true,"x"]}`},
		{name: "Ref", source: page("Ref"), value: `{"Ref": "Bucket"}`, want: `"my-bucket"`},
		{name: "Ref, pseudo parameter", source: page("Pseudo parameters"), value: `{"Ref": "AWS::Region"}`, want: `"eu-west-1"`},
		{name: "Ref of nothing", source: page("Ref"), value: `{"Ref": "Nope"}`, want: `!Unresolved resource dependencies [Nope]`},
		{name: "Ref of a list", source: page("Ref"), value: `{"Ref": ["a"]}`, want: `!every Ref object must have a single String value`},
		{name: "NoValue removes a property", source: page("Pseudo parameters"), value: `{"a": {"Ref": "AWS::NoValue"}, "b": 1}`, want: `{"b":1}`},
		{name: "NoValue removes an item", source: page("Pseudo parameters"), value: `[{"Ref": "AWS::NoValue"}, "b"]`, want: `["b"]`},
		{name: "a Ref beside other keys is no function", source: page("Ref"), value: `{"Ref": "Bucket", "x": 1}`, want: `{"Ref":"Bucket","x":1}`},
		{name: "Condition in a policy is no function", source: "IAM User Guide, IAM JSON policy elements: Condition, 2026-11", value: `{"Condition": {"StringEquals": "x"}}`,
			want: `{"Condition":{"StringEquals":"x"}}`},
		{name: "GetAtt, list", source: page("Fn::GetAtt"), value: `{"Fn::GetAtt": ["Bucket", "Arn"]}`, want: `"Bucket/Arn"`},
		{name: "GetAtt, dotted", source: page("Fn::GetAtt"), value: `{"Fn::GetAtt": "Db.Endpoint.Address"}`, want: `"Db/Endpoint.Address"`},
		{name: "GetAtt, list of three", source: "templates in public repositories, 2026-11", value: `{"Fn::GetAtt": ["N", "Outputs", "X"]}`, want: `"N/Outputs.X"`},
		{name: "GetAtt with a Ref as attribute", source: page("Fn::GetAtt"), value: `{"Fn::GetAtt": ["Db", {"Ref": "Index"}]}`, want: `"Db/1"`},
		{name: "GetAtt without attribute", source: page("Fn::GetAtt"), value: `{"Fn::GetAtt": "Bucket"}`, want: `!requires two non-empty parameters`},
		{name: "Sub", source: page("Fn::Sub"), value: `{"Fn::Sub": "${Bucket}-${AWS::Region}-${Db.Arn}-${Count}"}`, want: `"my-bucket-eu-west-1-Db/Arn-3"`},
		{name: "Sub, own variables win", source: page("Fn::Sub"), value: `{"Fn::Sub": ["${Bucket}${x}", {"Bucket": "b", "x": {"Ref": "Index"}}]}`, want: `"b1"`},
		{name: "Sub, escaped", source: page("Fn::Sub"), value: `{"Fn::Sub": "${!Literal} ${Bucket}"}`, want: `"${Literal} my-bucket"`},
		{name: "Sub does not look at values again", source: page("Fn::Sub"), value: `{"Fn::Sub": "<${Quote}>"}`, want: `"<it's \"${Bucket}\" $(id)>"`},
		{name: "Sub, wrong name", source: page("Fn::Sub"), value: `{"Fn::Sub": "${a b}"}`, want: `!variable names in Fn::Sub syntax must contain only`},
		{name: "Sub of a list value", source: page("Fn::Sub"), value: `{"Fn::Sub": "${Names}"}`, want: `!does not resolve to a string`},
		{name: "Join", source: page("Fn::Join"), value: `{"Fn::Join": ["-", ["a", {"Ref": "Bucket"}, 1, true]]}`, want: `"a-my-bucket-1-true"`},
		{name: "Join of a list parameter", source: page("Fn::Join"), value: `{"Fn::Join": [",", {"Ref": "Names"}]}`, want: `"a,b"`},
		{name: "Join of one NoValue", source: page("Fn::Join"), value: `{"Fn::Join": [",", ["a", {"Ref": "AWS::NoValue"}]]}`, want: `"a"`},
		{name: "Join with a map", source: page("Fn::Join"), value: `{"Fn::Join": ["", [{"a": "b"}]]}`, want: `!every value of Fn::Join must be a string`},
		{name: "Select", source: page("Fn::Select"), value: `{"Fn::Select": [1, ["a", "b"]]}`, want: `"b"`},
		{name: "Select by Ref", source: page("Fn::Select"), value: `{"Fn::Select": [{"Ref": "Index"}, {"Ref": "Names"}]}`, want: `"b"`},
		{name: "Select beyond the end", source: page("Fn::Select"), value: `{"Fn::Select": ["2", ["a", "b"]]}`,
			want: `!Fn::Select cannot select nonexistent value at index 2`},
		{name: "Split", source: page("Fn::Split"), value: `{"Fn::Split": ["/", "a//b"]}`, want: `["a","","b"]`},
		{name: "UUID of a stack", source: page("Fn::Split"), value: `{"Fn::Select": [2, {"Fn::Split": ["/", "arn:aws:cloudformation:r:1:stack/n/uuid"]}]}`, want: `"uuid"`},
		{name: "If, true", source: page("Condition functions"), value: `{"Fn::If": ["Yes", 1, {"Ref": "Nope"}]}`, want: `1`},
		{name: "If, false and NoValue", source: page("Condition functions"), value: `{"a": {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}}`, want: `{}`},
		{name: "FindInMap", source: page("Fn::FindInMap"), value: `{"Fn::FindInMap": ["M", {"Ref": "AWS::Region"}, "ami"]}`, want: `"ami-1"`},
		{name: "FindInMap, list", source: page("Fn::FindInMap"), value: `{"Fn::FindInMap": ["M", "eu-west-1", "zones"]}`, want: `["a","b"]`},
		{name: "FindInMap, missing", source: page("Fn::FindInMap"), value: `{"Fn::FindInMap": ["M", "mars", "ami"]}`, want: `!Unable to get mapping for M::mars::ami`},
		{name: "FindInMap, default", source: page("AWS::LanguageExtensions transform"), extended: true,
			value: `{"Fn::FindInMap": ["M", "mars", "ami", {"DefaultValue": "d"}]}`, want: `"d"`},
		{name: "Base64", source: page("Fn::Base64"), value: `{"Fn::Base64": {"Fn::Sub": "#!${Bucket}"}}`, want: `"IyFteS1idWNrZXQ="`},
		{name: "GetAZs", source: page("Fn::GetAZs"), value: `{"Fn::GetAZs": {"Ref": "AWS::Region"}}`, want: `["eu-west-1a","eu-west-1b"]`},
		{name: "ImportValue", source: page("Fn::ImportValue"), value: `{"Fn::ImportValue": {"Fn::Sub": "x-${Bucket}"}}`, want: `"export:x-my-bucket"`},
		{name: "Cidr", source: page("Fn::Cidr"), value: `{"Fn::Cidr": ["192.168.0.0/24", "3", 5]}`,
			want: `["192.168.0.0/27","192.168.0.32/27","192.168.0.64/27"]`},
		{name: "Cidr, IPv6", source: page("Fn::Cidr"), value: `{"Fn::Cidr": ["2001:db8::/56", 2, 64]}`, want: `["2001:db8::/64","2001:db8:0:1::/64"]`},
		{name: "Cidr, too small", source: page("Fn::Cidr"), value: `{"Fn::Cidr": ["192.168.0.0/24", 6, 6]}`, want: `!cannot make 6 blocks`},
		{name: "Length", source: page("Fn::Length"), value: `{"Fn::Length": {"Ref": "Names"}}`, extended: true, want: `2`},
		{name: "Length without its transform", source: page("Fn::Length"), value: `{"Fn::Length": {"Ref": "Names"}}`, want: `!needs the transform AWS::LanguageExtensions`},
		{name: "ToJsonString", source: page("Fn::ToJsonString"), value: `{"Fn::ToJsonString": {"a": {"Ref": "Bucket"}, "b": "<&>"}}`, extended: true,
			want: `"{\"a\":\"my-bucket\",\"b\":\"<&>\"}"`},
		{name: "Transform", source: page("Fn::Transform"), limit: "macros run in an AWS account", value: `{"Fn::Transform": {"Name": "X"}}`,
			want: `!runs a macro in AWS`},
		{name: "GetStackOutput", source: page("Fn::GetStackOutput"), value: `{"Fn::GetStackOutput": {"StackName": "S", "OutputName": "O"}}`, want: `"S//O"`},
		{name: "GetStackOutput, elsewhere", source: page("Fn::GetStackOutput"),
			value: `{"Fn::GetStackOutput": {"StackName": {"Ref": "Bucket"}, "OutputName": "O", "Region": {"Ref": "AWS::Region"}}}`, want: `"my-bucket/eu-west-1/O"`},
		{name: "GetStackOutput without a name", source: page("Fn::GetStackOutput"), limit: "the message's words are ours",
			value: `{"Fn::GetStackOutput": {"StackName": "S"}}`, want: `!Fn::GetStackOutput requires OutputName`},
		{name: "GetStackOutput by role", source: page("Fn::GetStackOutput"),
			value: `{"Fn::GetStackOutput": {"StackName": "S", "OutputName": "O", "RoleArn": "arn:aws:iam::1:role/r"}}`, want: `"S//O by arn:aws:iam::1:role/r"`},
		{name: "unknown function", source: page("Intrinsic functions"), value: `{"Fn::Nope": 1}`, want: `!unknown intrinsic function Fn::Nope`},
		{name: "error has its line", source: "none: ours", value: "\n\n{\"Ref\": \"Nope\"}", want: `!(line 3)`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v, err := intrinsic.Evaluate(parse(t, c.value), world{extended: c.extended})
			if wantErr, fails := strings.CutPrefix(c.want, "!"); fails {
				if err == nil || !strings.Contains(err.Error(), wantErr) {
					t.Errorf("error %v, want one with %q", err, wantErr)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			enc := json.NewEncoder(&got)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(v); err != nil || strings.TrimSpace(got.String()) != c.want {
				t.Errorf("got %s (%v), want %s", got.String(), err, c.want)
			}
		})
	}
}

func TestConditions(t *testing.T) {
	source := "Template Reference, Condition functions, 2026-11"
	rules := "Template Reference, Rule-specific intrinsic functions, 2026-11"
	cases := []struct{ source, value, want string }{
		{source, `{"Condition": "Yes"}`, "true"},
		{source, `{"Fn::Equals": [{"Ref": "Bucket"}, "my-bucket"]}`, "true"},
		{source, `{"Fn::Equals": [{"Ref": "Count"}, "3"]}`, "true"},
		{source, `{"Fn::Equals": ["true", true]}`, "true"},
		{source, `{"Fn::Equals": [{"Ref": "Names"}, ["a", "b"]]}`, "true"},
		{source, `{"Fn::Equals": ["a", "A"]}`, "false"},
		{source, `{"Fn::Equals": ["a"]}`, "!list of 2 string parameters"},
		{source, `{"Fn::Not": [{"Condition": "Yes"}]}`, "false"},
		{source, `{"Fn::And": [{"Condition": "Yes"}, {"Fn::Not": [{"Condition": "No"}]}]}`, "true"},
		{source, `{"Fn::Or": [{"Condition": "No"}, {"Condition": "No"}]}`, "false"},
		{source, `{"Fn::And": [{"Condition": "Yes"}]}`, "!at least 2 and at most 10"},
		{source, `{"Ref": "Bucket"}`, "!Ref cannot stand in a condition"},
		{rules, `{"Fn::Contains": [["1", "2"], {"Ref": "Index"}]}`, "true"},
		{rules, `{"Fn::EachMemberEquals": [["1", "1"], {"Ref": "Index"}]}`, "true"},
		{rules, `{"Fn::EachMemberIn": [{"Ref": "Names"}, ["a", "c"]]}`, "false"},
	}
	for _, c := range cases {
		t.Run(c.value, func(t *testing.T) {
			holds, err := intrinsic.Holds(parse(t, c.value), world{})
			if wantErr, fails := strings.CutPrefix(c.want, "!"); fails {
				if err == nil || !strings.Contains(err.Error(), wantErr) {
					t.Errorf("error %v, want one with %q", err, wantErr)
				}
				return
			}
			if err != nil || fmt.Sprint(holds) != c.want {
				t.Errorf("%v, %v; want %s", holds, err, c.want)
			}
		})
	}
}

func TestReferences(t *testing.T) {
	v := parse(t, `{"a": {"Ref": "A"}, "b": [{"Fn::GetAtt": ["B", {"Ref": "B2"}]}, {"Fn::GetAtt": "C.Arn"}],
		"c": {"Fn::Sub": ["${D}${E.Arn}${own}${!F}", {"own": {"Ref": "G"}}]},
		"d": {"Fn::If": ["No", {"Ref": "H"}, {"Fn::Join": ["", [{"Ref": "I"}]]}]}}`)
	var got []string
	if err := intrinsic.References(v, world{}, func(name string, _ int) { got = append(got, name) }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"A", "B", "B2", "C", "D", "E", "G", "I"}, got); diff != "" {
		t.Errorf("references (-want +got):\n%s", diff)
	}
}

func TestDynamicReferences(t *testing.T) {
	resolve := func(r intrinsic.Reference) (string, bool, error) {
		if r.Name == "missing" {
			return "", false, fmt.Errorf("no parameter %s", r.Name)
		}
		return "<" + r.Service + "|" + r.Name + ">", r.Secret(), nil
	}
	source := "User Guide, Dynamic references, 2026-11"
	cases := []struct{ name, source, in, want string }{
		{"ssm", source, "a{{resolve:ssm:/p/q:3}}b", "a<ssm|/p/q:3>b"},
		{"two", source, "{{resolve:ssm:a}}{{resolve:ssm:b}}", "<ssm|a><ssm|b>"},
		{"secret stays for later", source, "{{resolve:secretsmanager:s:SecretString:k::}}", "{{resolve:secretsmanager:s:SecretString:k::}}"},
		{"missing", source, "{{resolve:ssm:missing}}", "!no parameter missing"},
		{"other service", source, "{{resolve:s3:x}}", "!which does not exist"},
		{"not one", source, "{{x}} {{resolve}}", "{{x}} {{resolve}}"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := intrinsic.Dynamic([]any{map[string]any{"k": c.in}}, resolve)
			if wantErr, fails := strings.CutPrefix(c.want, "!"); fails {
				if err == nil || !strings.Contains(err.Error(), wantErr) {
					t.Errorf("error %v, want one with %q", err, wantErr)
				}
				return
			}
			if diff := cmp.Diff([]any{map[string]any{"k": c.want}}, got); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestParameters(t *testing.T) {
	source := "User Guide, Parameters, 2026-11"
	none := map[string]string{}
	cases := []struct {
		name, source, limit, def string
		given                    map[string]string
		want                     string // fmt of the value, or the error after "!"
	}{
		{name: "default", source: source, def: `{"Type": "String", "Default": "d"}`, want: "d"},
		{name: "given", source: source, def: `{"Type": "String", "Default": "d"}`, given: map[string]string{"P": "g"}, want: "g"},
		{name: "missing", source: source, def: `{"Type": "String"}`, want: "!Parameters: [P] must have values"},
		{name: "unknown", source: source, def: `{"Type": "String", "Default": ""}`, given: map[string]string{"Q": "g"}, want: "!Parameters: [Q] do not exist in the template"},
		{name: "number", source: source, def: `{"Type": "Number", "Default": "x"}`, want: "!Parameter 'P' must be a number."},
		{name: "number range", source: source, def: `{"Type": "Number", "Default": 11, "MaxValue": 10}`, want: "!must be a number not greater than 10"},
		{name: "number list", source: source, def: `{"Type": "List<Number>", "Default": "1, 2"}`, want: "[1 2]"},
		{name: "comma delimited", source: source, def: `{"Type": "CommaDelimitedList", "Default": "a, b,c"}`, want: "[a b c]"},
		{name: "allowed", source: source, def: `{"Type": "String", "AllowedValues": ["a"], "Default": "b"}`, want: "!Parameter 'P' must be one of AllowedValues"},
		{name: "pattern is anchored", source: source, def: `{"Type": "String", "AllowedPattern": "[a-z]+", "Default": "a1"}`, want: "!must match pattern [a-z]+"},
		{name: "its own message", source: source, def: `{"Type": "String", "MaxLength": 1, "ConstraintDescription": "one letter", "Default": "ab"}`,
			want: "!Parameter P failed to satisfy constraint: one letter"},
		{name: "4,096 bytes", source: "CloudFormation quotas, 2026-11", def: `{"Type": "String"}`, given: map[string]string{"P": strings.Repeat("ü", 2048)},
			want: strings.Repeat("ü", 2048)},
		{name: "4,097 bytes", source: "CloudFormation quotas, 2026-11", limit: "the message's words are ours", def: `{"Type": "String"}`,
			given: map[string]string{"P": strings.Repeat("x", 4097)}, want: "!a value of 4097 bytes"},
		{name: "AWS type", source: source, limit: "existence is not checked", def: `{"Type": "AWS::EC2::VPC::Id", "Default": "vpc-1"}`, want: "vpc-1"},
		{name: "AWS list type", source: source, limit: "existence is not checked", def: `{"Type": "List<AWS::EC2::Subnet::Id>", "Default": "s-1,s-2"}`, want: "[s-1 s-2]"},
		{name: "SSM", source: source, def: `{"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/a"}`, want: "ssm:/a"},
		{name: "SSM list", source: source, def: `{"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/a,b"}`, want: "[ssm:/a b]"},
		{name: "SSM name", source: source, def: `{"Type": "AWS::SSM::Parameter::Name", "Default": "/a"}`, want: "/a"},
		{name: "SSM missing", source: source, def: `{"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/none"}`,
			want: "!Unable to fetch parameters [/none] from parameter store for this account."},
		{name: "SSM string list", source: source, def: `{"Type": "AWS::SSM::Parameter::Value<CommaDelimitedList>", "Default": "/a,b"}`, want: "[ssm:/a b]"},
	}
	fetch := func(name string) (string, error) {
		if name == "/none" {
			return "", fmt.Errorf("ParameterNotFound")
		}
		return "ssm:" + name, nil
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			tpl, err := template.Parse([]byte(`{"Parameters": {"P": ` + c.def + `}, "Resources": {"R": {"Type": "T"}}}`))
			if err != nil {
				t.Fatal(err)
			}
			if c.given == nil {
				c.given = none
			}
			got, err := intrinsic.Parameters(tpl, c.given, fetch)
			if wantErr, fails := strings.CutPrefix(c.want, "!"); fails {
				if err == nil || !strings.Contains(err.Error(), wantErr) {
					t.Errorf("error %v, want one with %q", err, wantErr)
				}
				return
			}
			if err != nil || fmt.Sprint(got["P"]) != c.want {
				t.Errorf("%v, %v; want %s", got["P"], err, c.want)
			}
		})
	}
}

// FuzzEvaluate evaluates whatever can stand in a template: an error is a sentence, a value has no function left in it
// that CloudFormation would have called, and neither takes long.
func FuzzEvaluate(f *testing.F) {
	for _, text := range []string{
		`{"Fn::Sub": ["${A}-${Bucket.Arn}-${!x}", {"A": {"Ref": "Names"}}]}`, `{"Fn::Join": ["", [{"Ref": "Bucket"}, {"Fn::Select": ["1", {"Fn::GetAZs": ""}]}]]}`,
		`{"Fn::If": ["Yes", {"Ref": "AWS::NoValue"}, 1]}`, `{"Fn::Cidr": ["10.0.0.0/16", 4, 8]}`, `{"Fn::Cidr": ["::/0", 256, 128]}`,
		`{"Fn::FindInMap": ["M", {"Ref": "AWS::Region"}, "zones", {"DefaultValue": 1}]}`, `{"Fn::Split": ["", ""]}`, `{"Fn::Select": ["-1", []]}`,
		`{"Fn::ToJsonString": {"a": {"Fn::Length": [1, 2]}}}`, `{"Fn::ForEach::X": ["I", ["a"], {"${I}": 1}]}`, `{"Fn::Base64": "{{resolve:ssm:/a:1}}"}`,
	} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, extended bool) {
		tpl, err := template.Parse([]byte(`{"Resources": {"R": {"Type": "T", "Properties": {"V": ` + text + `}}}}`))
		if err != nil {
			return
		}
		hang := time.AfterFunc(10*time.Second, func() { panic("it does not end: " + text) })
		defer hang.Stop()
		v, scope := tpl.Resources["R"].Properties.Field("V"), world{extended: extended}
		if err := intrinsic.References(v, scope, func(string, int) {}); err != nil && err.Error() == "" {
			t.Error("a reference fails without a sentence")
		}
		if _, err := intrinsic.Holds(v, scope); err != nil && err.Error() == "" {
			t.Error("a condition fails without a sentence")
		}
		got, err := intrinsic.Evaluate(v, scope)
		if err != nil {
			if err.Error() == "" {
				t.Error("a function fails without a sentence")
			}
			return
		}
		if _, err := json.Marshal(got); err != nil {
			t.Errorf("the value is no JSON: %v", err)
		}
		keep := func(intrinsic.Reference) (string, bool, error) { return "x", false, nil }
		if _, err := intrinsic.Dynamic(got, keep); err != nil && err.Error() == "" {
			t.Error("a dynamic reference fails without a sentence")
		}
	})
}
