package stackapi_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// kept is the provider of Test::Thing::Kept, whose things can be read: their properties by name. Whoever is called
// "silent" cannot be asked.
type kept struct{ all map[string]map[string]any }

func (*kept) Immutable() []string { return []string{"Name"} }
func (*kept) Identifier() string  { return "Name" }

func (p *kept) Create(_ context.Context, r resource.Request) (resource.Result, error) {
	name := fmt.Sprint(r.Properties["Name"])
	if p.all[name] != nil {
		return resource.Result{}, errors.New(name + " already exists")
	}
	return p.put(name, r.Properties)
}

func (p *kept) put(name string, properties map[string]any) (resource.Result, error) {
	p.all[name] = maps.Clone(properties)
	return resource.Result{PhysicalID: name, Attributes: map[string]any{"Arn": "arn:" + name}}, nil
}

func (p *kept) Update(_ context.Context, r resource.Request) (resource.Result, error) {
	return p.put(r.PhysicalID, r.Properties)
}

func (p *kept) Delete(_ context.Context, r resource.Request) error {
	delete(p.all, r.PhysicalID)
	return nil
}

func (p *kept) Read(_ context.Context, r resource.Request) (resource.Live, bool, error) {
	if r.PhysicalID == "silent" {
		return resource.Live{}, false, errors.New("no answer")
	}
	properties, found := p.all[r.PhysicalID]
	return resource.Live{Result: resource.Result{PhysicalID: r.PhysicalID, Attributes: map[string]any{"Arn": "arn:" + r.PhysicalID}}, Properties: properties}, found, nil
}

const importing = "CloudFormation User Guide, Import AWS resources into a CloudFormation stack, 2026-11"

// withKept is a template of the thing T and of K, which is kept.
func withKept(name, attributes, more string) string {
	return fmt.Sprintf(`{"Resources": {"T": {"Type": "Test::Thing::Plain"}, "K": {"Type": "Test::Thing::Kept", %s "Properties": {"Name": %q, "V": "1"}}}%s}`, attributes, name, more)
}

const plainT = `{"Resources": {"T": {"Type": "Test::Thing::Plain"}}}`

// imports makes a change set that imports K.
func (f *fixture) imports(stack, template string, identifier map[string]string) (*cfn.DescribeChangeSetOutput, error) {
	made, err := f.CreateChangeSet(f.t.Context(), &cfn.CreateChangeSetInput{StackName: &stack, ChangeSetName: aws.String("I"), TemplateBody: &template, ChangeSetType: types.ChangeSetTypeImport,
		ResourcesToImport: []types.ResourceToImport{{LogicalResourceId: aws.String("K"), ResourceType: aws.String("Test::Thing::Kept"), ResourceIdentifier: identifier}}})
	if err != nil {
		return nil, err
	}
	return f.DescribeChangeSet(f.t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: made.Id})
}

func TestImport(t *testing.T) {
	f := newFixture(t)
	f.there("S", plainT)
	f.kept.all["k"] = map[string]any{"Name": "k", "V": "0"}
	set, err := f.imports("S", withKept("k", `"DeletionPolicy": "Delete",`, ""), map[string]string{"Name": "k"})
	if err != nil {
		t.Fatal(err)
	}
	if c := set.Changes[0].ResourceChange; len(set.Changes) != 1 || c.Action != types.ChangeActionImport || *c.PhysicalResourceId != "k" {
		t.Errorf("the changes are %+v", set.Changes)
	}
	if err := f.execute(set); err != nil {
		t.Fatal(err)
	}
	f.until("S", types.StackStatusImportComplete)
	want := map[string]string{"S": "IMPORT_COMPLETE", "T": "CREATE_COMPLETE", "K": "IMPORT_COMPLETE: Resource import completed."}
	if diff := cmp.Diff(want, f.statuses("S")); diff != "" || f.kept.all["k"]["V"] != "0" {
		t.Errorf("after the import k is %v: %s", f.kept.all["k"], diff)
	}
	if err := f.update("S", withKept("k", `"DeletionPolicy": "Delete",`, `, "Outputs": {"A": {"Value": {"Fn::GetAtt": ["K", "Arn"]}}}`)); err != nil {
		t.Fatal(err)
	}
	if s := f.until("S", types.StackStatusUpdateComplete); *s.Outputs[0].OutputValue != "arn:k" {
		t.Errorf("its attribute is %s", *s.Outputs[0].OutputValue)
	}
	if err := f.delete("S"); err != nil {
		t.Fatal(err)
	}
	f.gone("S")
	if f.kept.all["k"] != nil {
		t.Error("k is left, though it is the stack's")
	}
}

// TestImportMakesAStack: an import can be a new stack's first operation, and lets go of everything when it fails.
// Source: CloudFormation User Guide, Create a stack from existing resources, 2026-11.
func TestImportMakesAStack(t *testing.T) {
	only := strings.Replace(withKept("k", `"DeletionPolicy": "RetainExceptOnCreate",`, ""), `"T": {"Type": "Test::Thing::Plain"}, `, "", 1)
	for name, want := range map[string]types.StackStatus{"k": types.StackStatusImportComplete, "other": types.StackStatusImportRollbackComplete} {
		f := newFixture(t)
		f.kept.all["k"] = map[string]any{}
		set, err := f.imports("N", only, map[string]string{"Name": name})
		if err != nil {
			t.Fatal(err)
		}
		if err := f.execute(set); err != nil {
			t.Fatal(err)
		}
		f.until("N", want)
		if want == types.StackStatusImportRollbackComplete {
			if got := f.reasonOf("N", "K", "IMPORT_FAILED"); got != "Resource of type 'Test::Thing::Kept' with identifier 'other' was not found." {
				t.Errorf("the import failed: %s", got)
			}
			check(t, f.update("N", plainT), "", "")
			f.until("N", types.StackStatusCreateComplete)
		}
		if f.kept.all["k"] == nil {
			t.Error("k is gone")
		}
	}
}

func TestImportsThatAreRefused(t *testing.T) {
	const seen = "seen in public issues, 2026-11: "
	cases := []struct {
		name, source, limit string
		template            string
		identifier          map[string]string
		message             string
	}{
		{name: "no policy", source: seen + "must have DeletionPolicy attribute (aws-quickstart/quickstart-awx#38)", template: withKept("k", "", ""),
			message: "The following resources to import [K] must have DeletionPolicy attribute specified in the template."},
		{name: "outputs", source: seen + "you cannot modify or add [Outputs] (awslabs/aws-security-assessment-solution#6)",
			template: withKept("k", `"DeletionPolicy": "Retain",`, `, "Outputs": {"O": {"Value": "o"}}`), message: "As part of the import operation, you cannot modify or add [Outputs]"},
		{name: "another resource", source: importing, template: strings.Replace(withKept("k", `"DeletionPolicy": "Retain",`, ""), `"T"`, `"N": {"Type": "Test::Thing::Plain"}, "T"`, 1),
			message: "Resources [N] is missing from ResourceToImport list"},
		{name: "a change beside it", source: importing, template: strings.Replace(withKept("k", `"DeletionPolicy": "Retain",`, ""), `Plain"}`, `Plain", "Properties": {"X": 1}}`, 1),
			message: "You have modified resources [T] in your template that are not being imported."},
		{name: "another property", source: importing, limit: "the message's words are ours", template: withKept("k", `"DeletionPolicy": "Retain",`, ""),
			identifier: map[string]string{"Arn": "k"}, message: "is identified by Name"},
		{name: "not in the template", source: importing, limit: "the message's words are ours", template: plainT, message: "must be in the template"},
		{name: "type that nobody can read here", source: importing, limit: "buckets, repositories, roles, managed policies, keys, secrets, log groups, parameters, functions and state machines can be imported",
			template: strings.Replace(withKept("k", `"DeletionPolicy": "Retain",`, ""), "Thing::Kept", "Thing::Plain", 1), message: "must be in the template with the type Test::Thing::Kept"},
		{name: "another stack's", source: importing, limit: "the message's words are ours", template: withKept("taken", `"DeletionPolicy": "Retain",`, ""),
			identifier: map[string]string{"Name": "taken"}, message: "already exists in stack"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.there("S", plainT)
			f.there("Other", withKept("taken", "", ""))
			f.kept.all["k"] = map[string]any{}
			if c.identifier == nil {
				c.identifier = map[string]string{"Name": "k"}
			}
			_, err := f.imports("S", c.template, c.identifier)
			check(t, err, "ValidationError", c.message)
		})
	}
}

// TestImportOfWhatExists: a change set imports new resources whose names are taken, if their policy keeps them.
func TestImportOfWhatExists(t *testing.T) {
	const automatic = "CloudFormation User Guide, Import AWS resources into a CloudFormation stack automatically, 2026-11"
	cases := []struct {
		name, source, limit string
		template            string
		action              types.ChangeAction // of K; empty: the change set fails
	}{
		{name: "kept", source: automatic, template: withKept("k", `"DeletionPolicy": "RetainExceptOnCreate",`, ""), action: types.ChangeActionImport},
		{name: "not kept", source: "public pull request aws/aws-cdk-cli#1367, 2026-04", template: withKept("k", "", "")},
		{name: "not there", source: automatic, template: withKept("new", "", ""), action: types.ChangeActionAdd},
		{name: "another stack's", source: automatic, template: withKept("taken", `"DeletionPolicy": "Retain",`, ""), action: types.ChangeActionAdd},
		{name: "name that is computed", source: automatic, template: strings.Replace(withKept("k", `"DeletionPolicy": "Retain",`, ""), `"k"`, `{"Fn::Sub": "k"}`, 1), action: types.ChangeActionAdd},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.there("S", plainT)
			f.there("Other", withKept("taken", "", ""))
			f.kept.all["k"] = map[string]any{"Name": "k"}
			made, err := f.CreateChangeSet(t.Context(), &cfn.CreateChangeSetInput{StackName: aws.String("S"), ChangeSetName: aws.String("C"), TemplateBody: &c.template, ImportExistingResources: aws.Bool(true)})
			if err != nil {
				t.Fatal(err)
			}
			set, err := f.DescribeChangeSet(t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: made.Id})
			if err != nil {
				t.Fatal(err)
			}
			if c.action == "" {
				if set.Status != types.ChangeSetStatusFailed || !strings.HasSuffix(*set.StatusReason, "The affected resources are K ({Name=k})") {
					t.Errorf("the change set is %s: %s", set.Status, aws.ToString(set.StatusReason))
				}
				return
			}
			if got := set.Changes[0].ResourceChange.Action; got != c.action {
				t.Errorf("K: %s, want %s", got, c.action)
			}
		})
	}
}

// TestImportRollsBack: what was there before the stack stays when an update that has imported it is rolled back.
func TestImportRollsBack(t *testing.T) {
	f := newFixture(t)
	f.there("S", plainT)
	f.kept.all["k"] = map[string]any{"Name": "k"}
	bad := strings.Replace(withKept("k", `"DeletionPolicy": "RetainExceptOnCreate",`, ""), `"T"`, `"X": {"Type": "Test::Thing::Plain", "DependsOn": "K", "Properties": {"Fail": 1}}, "T"`, 1)
	made, err := f.CreateChangeSet(t.Context(), &cfn.CreateChangeSetInput{StackName: aws.String("S"), ChangeSetName: aws.String("C"), TemplateBody: &bad, ImportExistingResources: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ExecuteChangeSet(t.Context(), &cfn.ExecuteChangeSetInput{ChangeSetName: made.Id}); err != nil {
		t.Fatal(err)
	}
	f.until("S", types.StackStatusUpdateRollbackComplete)
	if f.kept.all["k"] == nil || f.statuses("S")["K"] != "DELETE_SKIPPED" {
		t.Errorf("k is %v, K %s", f.kept.all["k"], f.statuses("S")["K"])
	}
}

// TestIdentifiers: clients ask how resources of a template are identified before they import them.
// Source: CloudFormation API Reference, ResourceIdentifierSummary, 2026-11.
func TestIdentifiers(t *testing.T) {
	f := newFixture(t)
	out, err := f.GetTemplateSummary(t.Context(), &cfn.GetTemplateSummaryInput{TemplateBody: aws.String(withKept("k", "", ""))})
	if err != nil || len(out.ResourceIdentifierSummaries) != 1 {
		t.Fatalf("%+v (%v)", out, err)
	}
	if s := out.ResourceIdentifierSummaries[0]; *s.ResourceType != "Test::Thing::Kept" || s.LogicalResourceIds[0] != "K" || s.ResourceIdentifiers[0] != "Name" {
		t.Errorf("%+v", s)
	}
}
