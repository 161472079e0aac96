package cloudformation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated"
)

func plainThing(id, properties string) string {
	return `"` + id + `": {"Type": "Test::Thing::Plain", "Properties": {` + properties + `}}`
}

func TestStackIDLivesAsLongAsTheStack(t *testing.T) {
	w := newWorld(t)
	id := func() string {
		t.Helper()
		s, _, err := w.Describe("", "S")
		if err != nil {
			t.Fatal(err)
		}
		return s.ID
	}
	if _, err := w.deploy(`{"Resources": {` + plainThing("A", `"Fail": "create"`) + `}}`); err == nil {
		t.Fatal("the create succeeded")
	}
	rolledBack := id()
	if _, err := w.deploy(`{"Resources": {` + plainThing("A", "") + `}}`); err != nil {
		t.Fatal(err)
	}
	created := id()
	if _, err := w.deploy(`{"Resources": {` + plainThing("A", `"Value": "2"`) + `}}`); err != nil {
		t.Fatal(err)
	}
	if created == rolledBack || id() != created || !strings.HasPrefix(created, "arn:aws:cloudformation:us-east-1:123456789012:stack/S/") {
		t.Errorf("rolled back %s, created %s, updated %s", rolledBack, created, id())
	}
}

func TestRollBackAfterAnUpdateWithAnotherID(t *testing.T) {
	w := newWorld(t)
	if _, err := w.deploy(`{"Resources": {` + plainThing("A", `"Rename": "1"`) + `}}`); err != nil {
		t.Fatal(err)
	}
	w.things.took()
	_, err := w.deploy(`{"Resources": {` + plainThing("A", `"Rename": "2"`) + `, "X": {"Type": "Test::Thing::Plain", "DependsOn": "A", "Properties": {"Fail": "create"}}}}`)
	if err == nil || w.status() != "UPDATE_ROLLBACK_COMPLETE" {
		t.Fatalf("%v, status %s", err, w.status())
	}
	got := strings.Join(w.things.took(), ", ")
	if !sameCalls(got, "update A-1, create X, update A-2 | delete A-1 | delete A-2") {
		t.Errorf("calls %s", got)
	}
	if _, ok := w.things.exists["A-3"]; !ok || len(w.things.exists) != 1 {
		t.Errorf("exist %v, want A-3", w.things.exists)
	}
}

// What a custom resource is told after a failed update that was not rolled back.
func TestUpdateAfterAFailedOne(t *testing.T) {
	w := newWorld(t)
	fail := false
	w.handler = func(e map[string]any) []byte {
		if fail {
			return respond(e, "FAILED", "p", nil)
		}
		return respond(e, "SUCCESS", "p", nil)
	}
	steps := []struct {
		v                string
		fail, noRollback bool
		sent             []string // "new<old"
	}{
		{v: "1", sent: []string{"1<"}},
		{v: "2", fail: true, noRollback: true, sent: []string{"2<1"}},
		{v: "2", fail: true, noRollback: true, sent: []string{"2<1"}}, // the same again, although nothing changed
		{v: "1", fail: true, sent: []string{"1<1", "1<1"}},            // rolled back, although it looks as before
	}
	for i, s := range steps {
		fail = s.fail
		_, err := w.deploy(`{"Resources": {`+maker("R", `, "V": "`+s.v+`"`)+`}}`, func(in *cloudformation.DeployInput) { in.NoRollback = s.noRollback })
		if (err != nil) != s.fail {
			t.Errorf("step %d: error %v", i+1, err)
		}
		var got []string
		for _, e := range w.sent {
			properties, _ := e["ResourceProperties"].(map[string]any)
			old, _ := e["OldResourceProperties"].(map[string]any)
			got = append(got, text(properties["V"])+"<"+text(old["V"]))
		}
		w.sent = nil
		if diff := cmp.Diff(s.sent, got); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i+1, diff)
		}
	}
}

// A process that is stopped in the middle of an operation leaves a stack that the next one takes up.
func TestStoppedProcess(t *testing.T) {
	cases := []struct {
		name           string
		before, during string
		calls          string // of the next deployment, of before (or of A where there was no stack)
		status         string
	}{
		{name: "in a create", during: plainThing("A", "") + "," + slow("B", "A"),
			calls: "delete A-1, create A", status: "CREATE_COMPLETE"},
		{name: "in an update", before: plainThing("A", `"Value": "1"`), during: plainThing("A", `"Value": "2"`) + "," + slow("B", "A"),
			calls: "update A-1", status: "UPDATE_ROLLBACK_COMPLETE"},
		{name: "in the update of a resource", before: plainThing("A", `"Value": "1"`), during: plainThing("A", `"Value": "2", "Wait": "1m"`),
			calls: "update A-1", status: "UPDATE_ROLLBACK_COMPLETE"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			if c.before != "" {
				if _, err := w.deploy(`{"Resources": {` + c.before + `}}`); err != nil {
					t.Fatal(err)
				}
			}
			ctx, stop := context.WithCancel(t.Context())
			w.things.started = make(chan string)
			ended := make(chan error)
			go func() {
				_, err := w.deployContext(ctx, `{"Resources": {`+c.during+`}}`)
				ended <- err
			}()
			if strings.Contains(c.during, `"B"`) {
				<-w.things.started
			}
			<-w.things.started
			stop()
			if err := <-ended; !errors.Is(err, context.Canceled) || !strings.HasSuffix(w.status(), "_IN_PROGRESS") {
				t.Fatalf("error %v, status %s", err, w.status())
			}
			if all := strings.Join(w.events, "\n"); strings.Contains(all, "FAILED") || strings.Contains(all, "ROLLBACK") {
				t.Errorf("stopping is shown as a failure:\n%s", all)
			}
			w.things.started = nil
			w.things.took()
			if err := w.store.Close(); err != nil {
				t.Fatal(err)
			}
			w.open()
			again := c.before
			if again == "" {
				again = plainThing("A", "")
			}
			if _, err := w.deploy(`{"Resources": {` + again + `}}`); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(w.things.took(), ", "); got != c.calls || w.status() != c.status {
				t.Errorf("calls %q, status %s; want %q, %s", got, w.status(), c.calls, c.status)
			}
		})
	}
}

func slow(id, after string) string {
	return `"` + id + `": {"Type": "Test::Thing::Plain", "DependsOn": "` + after + `", "Properties": {"Wait": "1m"}}`
}

func TestInterruptRollsBack(t *testing.T) {
	w := newWorld(t)
	interrupt := make(chan struct{})
	w.things.started = make(chan string, 4)
	go func() {
		<-w.things.started
		<-w.things.started
		close(interrupt)
	}()
	_, err := w.deploy(`{"Resources": {`+plainThing("A", "")+","+slow("B", "A")+`}}`, func(in *cloudformation.DeployInput) { in.Interrupt = interrupt })
	if !errors.Is(err, cloudformation.ErrInterrupted) || w.status() != "ROLLBACK_COMPLETE" || len(w.things.exists) != 0 {
		t.Errorf("%v, status %s, exist %v", err, w.status(), w.things.exists)
	}
}

func TestParametersOfUpdates(t *testing.T) {
	w := newWorld(t)
	w.ssm["ssm:/name"], w.ssm["secretsmanager:s"], w.ssm["ssm:/d"] = "one", "hush", "dyn"
	template := `{"Parameters": {"P": {"Type": "String", "Default": "d"}, "S": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/name"},
		"H": {"Type": "String", "NoEcho": true, "Default": "h"}},
		"Resources": {"A": {"Type": "Test::Thing::Plain", "Properties": {"Value": {"Fn::Sub": "${P} ${S} {{resolve:ssm:/d}} {{resolve:secretsmanager:s}}"}}}},
		"Outputs": {"O": {"Value": "naïve"}}}`
	given := func(in *cloudformation.DeployInput) { in.Parameters = map[string]string{"P": "given"} }
	steps := []struct {
		name    string
		change  func()
		options []func(*cloudformation.DeployInput)
		value   string
		calls   string
	}{
		{name: "given", options: []func(*cloudformation.DeployInput){given}, value: "given one dyn hush", calls: "create A"},
		{name: "the last value stays", value: "given one dyn hush"},
		{name: "Systems Manager is read again", change: func() { w.ssm["ssm:/name"] = "two" }, value: "given two dyn hush", calls: "update A-1"},
		{name: "a secret's new value changes nothing", change: func() { w.ssm["secretsmanager:s"] = "new" }, value: "given two dyn hush"},
	}
	for _, s := range steps {
		if s.change != nil {
			s.change()
		}
		if _, err := w.deploy(template, s.options...); err != nil {
			t.Fatal(err)
		}
		if got := w.things.exists["A-1"]; got != `{"Value":"`+s.value+`"}` {
			t.Errorf("%s: value %s", s.name, got)
		}
		if got := strings.Join(w.things.took(), ", "); got != s.calls {
			t.Errorf("%s: calls %q, want %q", s.name, got, s.calls)
		}
	}
	stack, _, err := w.Describe("", "S")
	if err != nil || stack.Parameters["H"] != "****" || stack.Parameters["P"] != "given" || stack.Outputs[0].Value != "na?ve" {
		t.Errorf("%v, %+v", err, stack)
	}
	for _, r := range stack.Resources {
		if strings.Contains(fmt.Sprint(r), "hush") {
			t.Errorf("the secret is kept: %v", r)
		}
	}
}

func TestOverrides(t *testing.T) {
	w := newWorld(t)
	template := `{"Resources": {"Api": {"Type": "AWS::ApiGateway::RestApi"}, "A": {"Type": "Test::Thing::Plain", "Properties": {"Value":
		{"Fn::Join": [" ", [{"Ref": "Api"}, {"Fn::GetAtt": ["Api", "RestApiId"]}, {"Fn::GetAtt": ["Api", "RootResourceId"]}]]}}}}}`
	value := func() string {
		t.Helper()
		result, err := w.deploy(template)
		if err != nil {
			t.Fatal(err)
		}
		if len(result.Simulated) != 1 || result.Simulated[0].LogicalID != "Api" {
			t.Errorf("simulated %v", result.Simulated)
		}
		return strings.Split(w.things.exists["A-1"], `"`)[3]
	}
	plain := value()
	w.set = map[string]map[string]string{"Api": {"": "abc"}}
	if got := strings.Fields(value()); got[0] != "abc" || got[1] != "abc" || got[2] != strings.Fields(plain)[2] {
		t.Errorf("with an id set: %v, without: %s", got, plain)
	}
	w.set = map[string]map[string]string{"Api": {"RootResourceId": "$(id)\n"}}
	if got := value(); !strings.HasSuffix(got, ` $(id)\n`) {
		t.Errorf("with an attribute set: %s", got)
	}
	w.set = nil
	if got := value(); got != plain {
		t.Errorf("set values are remembered: %s, want %s", got, plain)
	}
	var unknown *simulated.UnknownError
	w.set = map[string]map[string]string{"Apy": {"": "x"}}
	if _, err := w.deploy(template); !errors.As(err, &unknown) || unknown.Closest != "Api" {
		t.Errorf("unknown id: %v", err)
	}
	w.set = map[string]map[string]string{"Api": {"RootResourceID": "x"}}
	if _, err := w.deploy(template); !errors.As(err, &unknown) || unknown.Closest != "RootResourceId" || !strings.Contains(err.Error(), "resource Api of stack") {
		t.Errorf("unknown attribute: %v", err)
	}
	var real *simulated.RealError
	w.set = map[string]map[string]string{"A": {"": "x"}}
	if _, err := w.deploy(template); !errors.As(err, &real) {
		t.Errorf("real resource: %v", err)
	}
}

// TestStackRole: a stack's role bounds what handlers do, also when its deletion has one of its own.
// Source: CloudFormation User Guide, CloudFormation service role, 2026-11.
func TestStackRole(t *testing.T) {
	w := newWorld(t)
	function := `{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/r"}}}}`
	as := func(role string) func(*cloudformation.DeployInput) {
		return func(in *cloudformation.DeployInput) { in.RoleARN = "arn:aws:iam::123456789012:role/" + role }
	}
	for _, action := range []string{"lambda:CreateFunction", "iam:PassRole"} {
		_, err := w.deploy(function, as("not-"+action))
		if err == nil || !strings.Contains(err.Error(), `is not authorized to perform: `+action) || !strings.Contains(err.Error(), "HandlerErrorCode: AccessDenied)") || w.status() != "ROLLBACK_COMPLETE" {
			t.Errorf("without %s: %v, status %s", action, err, w.status())
		}
	}
	if _, err := w.deploy(function, as("not-lambda:DeleteFunction")); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), cloudformation.DeleteInput{StackName: "S"}); err == nil || w.status() != "DELETE_FAILED" {
		t.Errorf("%v, status %s", err, w.status())
	}
	if err := w.Delete(t.Context(), cloudformation.DeleteInput{StackName: "S", RoleARN: "arn:aws:iam::123456789012:role/other"}); err != nil {
		t.Error(err)
	}
}
