package cloudformation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
)

// Between stacks: what one says and another reads, in one region and over two.
func TestBetweenStacks(t *testing.T) {
	const (
		exports  = "User Guide, Get exported outputs from a deployed CloudFormation stack, 2026-11"
		inUse    = "seen in public issues: Cannot delete export ... as it is in use by ..., aws/aws-cdk#34813"
		imports  = "Template Reference, Fn::ImportValue, 2026-11"
		weak     = "Template Reference, Fn::GetStackOutput, 2026-11"
		store    = "User Guide, Specify existing resources at runtime with CloudFormation-supplied parameter types, 2026-11"
		produce1 = `{"Resources": {"A": {"Type": "Test::Thing::Plain"}}, "Outputs": {"O": {"Value": "1", "Export": {"Name": "shared"}}}}`
		consume  = `{"Resources": {"B": {"Type": "Test::Thing::Plain", "Properties": {"Value": {"Fn::ImportValue": "shared"}}}}}`
		silent   = `{"Resources": {"A": {"Type": "Test::Thing::Plain"}}}`
	)
	produce2 := strings.Replace(produce1, `"1"`, `"2"`, 1)
	read := func(region string) string {
		return `{"Resources": {"B": {"Type": "Test::Thing::Plain", "Properties": {"Value": {"Fn::GetStackOutput": {"StackName": "S", "OutputName": "O"` + region + `}}}}}}`
	}
	parameter := `{"Parameters": {"P": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/p"}},
		"Resources": {"B": {"Type": "Test::Thing::Plain", "Properties": {"Value": {"Ref": "P"}}}}}`
	type deed struct {
		stack    string // "name" or "region/name"
		template string // empty: delete the stack
		fails    string // part of the error; empty: none
		value    string // of thing B in the end; empty: not looked at
	}
	cases := []struct {
		name, source, limit string
		deeds               []deed
	}{
		{name: "nothing to import", source: imports, deeds: []deed{{"Other", consume, "No export named shared found.", ""}}},
		{name: "an export is imported", source: imports, deeds: []deed{{"S", produce1, "", ""}, {"Other", consume, "", "1"}}},
		{name: "exports end at the region", source: exports, deeds: []deed{{"S", produce1, "", ""}, {"eu-west-1/Other", consume, "No export named shared found.", ""}}},
		{name: "one name, one export", source: exports, deeds: []deed{{"S", produce1, "", ""}, {"Other", produce1, "Export with name shared is already exported by stack S.", ""}}},
		{name: "one name in two regions", source: exports, deeds: []deed{{"S", produce1, "", ""}, {"eu-west-1/Other", produce1, "", ""}}},
		{name: "an export in use does not change", source: inUse, deeds: []deed{{"S", produce1, "", ""}, {"Other", consume, "", "1"},
			{"S", produce2, "Cannot update export shared as it is in use by Other.", ""}, {"Other", consume, "", "1"}}},
		{name: "an export in use does not go", source: inUse, deeds: []deed{{"S", produce1, "", ""}, {"Other", consume, "", ""},
			{"S", silent, "Cannot delete export shared as it is in use by Other.", ""}}},
		{name: "a stack whose export is in use does not go", source: inUse, limit: "how several users are joined is ours", deeds: []deed{
			{"S", produce1, "", ""}, {"Other", consume, "", ""}, {"Third", consume, "", ""},
			{"S", "", "Delete canceled. Cannot delete export shared as it is in use by Other, Third.", ""}}},
		{name: "an export that is used no more may change", source: exports, deeds: []deed{{"S", produce1, "", ""}, {"Other", consume, "", ""},
			{"Other", strings.Replace(silent, `"A"`, `"B"`, 1), "", ""}, {"S", produce2, "", ""}, {"S", "", "", ""}}},
		{name: "an export whose user is gone may go", source: exports, deeds: []deed{{"S", produce1, "", ""}, {"Other", consume, "", ""}, {"Other", "", "", ""}, {"S", "", "", ""}}},
		{name: "an output is read without an export", source: weak, deeds: []deed{{"S", produce1, "", ""}, {"Other", read(""), "", "1"},
			{"S", produce2, "", ""}, {"Other", read(""), "", "2"}, {"S", "", "", ""}}},
		{name: "an output is read over regions", source: weak, deeds: []deed{{"eu-west-1/S", produce1, "", ""}, {"Other", read(`, "Region": "eu-west-1"`), "", "1"}}},
		{name: "no such stack", source: weak, limit: "the message's words are ours", deeds: []deed{{"Other", read(""), "Stack with id S does not exist", ""}}},
		{name: "no such output", source: weak, limit: "the message's words are ours", deeds: []deed{{"S", silent, "", ""}, {"Other", read(""), "has no output O", ""}}},
		{name: "parameters are read where the stack is", source: store, deeds: []deed{{"S", parameter, "", "here"}, {"eu-west-1/Other", parameter, "", "there"},
			{"ap-south-1/Third", parameter, "Unable to fetch parameters [/p] from parameter store for this account.", ""}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ssm["us-east-1 ssm:/p"], w.ssm["eu-west-1 ssm:/p"] = "here", "there"
			for i, d := range c.deeds {
				region, name, _ := strings.Cut("us-east-1/"+d.stack, "/")
				if strings.Contains(name, "/") {
					region, name, _ = strings.Cut(name, "/")
				}
				var err error
				if d.template == "" {
					err = w.Delete(t.Context(), cloudformation.DeleteInput{StackName: name, Region: region})
				} else {
					_, err = w.deploy(d.template, func(in *cloudformation.DeployInput) { in.StackName, in.Region = name, region })
				}
				if d.fails == "" && err != nil || d.fails != "" && (err == nil || !strings.Contains(err.Error(), d.fails)) {
					t.Fatalf("deed %d: error %v, want one with %q", i+1, err, d.fails)
				}
				if got := w.valueOf("B"); d.value != "" && got != d.value {
					t.Errorf("deed %d: value %q, want %q", i+1, got, d.value)
				}
			}
		})
	}
}

// valueOf returns the property Value of the newest thing with a logical id.
func (w *world) valueOf(logicalID string) string {
	w.things.mu.Lock()
	defer w.things.mu.Unlock()
	return w.things.values[logicalID]
}

func TestExportInUseIsFound(t *testing.T) {
	w := newWorld(t)
	if _, err := w.deploy(`{"Resources": {"A": {"Type": "Test::Thing::Plain"}}, "Outputs": {"O": {"Value": "1", "Export": {"Name": "e"}}}}`); err != nil {
		t.Fatal(err)
	}
	if _, err := w.deploy(`{"Resources": {"B": {"Type": "Test::Thing::Plain", "Properties": {"Value": {"Fn::ImportValue": "e"}}}}}`,
		func(in *cloudformation.DeployInput) { in.StackName = "Other" }); err != nil {
		t.Fatal(err)
	}
	err := w.Delete(t.Context(), cloudformation.DeleteInput{StackName: "S"})
	if inUse, ok := errors.AsType[*cloudformation.InUseError](err); !ok || inUse.Export != "e" || w.status() != "CREATE_COMPLETE" {
		t.Errorf("error %v, status %s", err, w.status())
	}
}
