package cloudformation_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
)

// innerTemplates are the templates in S3, by the last part of their URLs.
func innerTemplates() map[string]string {
	inner := func(resources, outputs string) string {
		return `{"Parameters": {"Value": {"Type": "String"}, "Names": {"Type": "CommaDelimitedList", "Default": "a,b"}},
			"Resources": {` + resources + `}, "Outputs": {` + outputs + `}}`
	}
	a := `"A": {"Type": "Test::Thing::Plain", "Properties": {"Value": {"Ref": "Value"}}}`
	b := `"B": {"Type": "Test::Thing::Fixed", "Properties": {"Value": {"Fn::Join": ["/", {"Ref": "Names"}]}}}`
	out := `"Out": {"Value": {"Fn::GetAtt": ["A", "Value"]}}`
	return map[string]string{
		"one":     inner(a+","+b, out),
		"less":    inner(a, out),
		"failing": inner(a+`, "F": {"Type": "Test::Thing::Plain", "DependsOn": "A", "Properties": {"Fail": "create"}}`, out),
		"slow":    inner(a+`, "Slow": {"Type": "Test::Thing::Plain", "DependsOn": "A", "Properties": {"Wait": "5s"}}`, out),
		"wrong":   `{"Resources": {}}`,
		"topics":  `{"Resources": {"A": {"Type": "Test::Thing::Plain", "Properties": {"Value": {"Fn::Select": [0, {"Ref": "AWS::NotificationARNs"}]}}}}, "Outputs": {` + out + `}}`,
		"middle": inner(`"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://s3.us-east-1.amazonaws.com/bucket/one",
			"Parameters": {"Value": {"Ref": "Value"}}}}`, `"Out": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Out"]}}`),
	}
}

// back stands in a step for a roll-back instead of a deployment; what follows is a resource to skip.
const back = "back "

// rollBack rolls stack S back.
func (w *world) rollBack(skip string) error {
	in := cloudformation.RollbackInput{Region: "us-east-1", StackName: "S"}
	if skip != "" {
		in.Skip = []string{skip}
	}
	running, err := w.BeginRollback(w.t.Context(), in)
	if err != nil {
		return err
	}
	return running.Run(w.t.Context())
}

func TestNestedStacks(t *testing.T) {
	const guide = "User Guide, Split a template into reusable pieces using nested stacks, 2026-11"
	nested := func(url, parameters string) string {
		return `"N": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "https://bucket.s3.us-east-1.amazonaws.com/` + url + `", "Parameters": {` + parameters + `}}}`
	}
	user := `"U": {"Type": "Test::Thing::Plain", "Properties": {"Value": {"Fn::GetAtt": ["N", "Outputs.Out"]}}}`
	breaks := `"X": {"Type": "Test::Thing::Plain", "DependsOn": "U", "Properties": {"Fail": "create"}}`
	cases := []struct {
		name, source, limit string
		steps               []step
	}{
		{name: "created before its users, deleted after them", source: guide, steps: []step{
			{resources: nested("one", `"Value": "1", "Names": ["x", "y"]`) + "," + user, calls: "create A | create B, create U", status: "CREATE_COMPLETE"},
			{calls: "delete U-1, delete A-1 | delete B-1", status: "none", exist: []string{}},
		}},
		{name: "two deep", source: guide, steps: []step{
			{resources: nested("middle", `"Value": "1"`) + "," + user, calls: "create A | create B, create U", status: "CREATE_COMPLETE"},
			{resources: nested("middle", `"Value": "2"`) + "," + user, calls: "update A-1, update U-1", status: "UPDATE_COMPLETE"},
			{resources: nested("middle", `"Value": "3"`) + "," + user + "," + breaks, status: "UPDATE_ROLLBACK_COMPLETE", fails: "X does not want to create",
				calls: "update A-1, update U-1, create X, update A-1, update U-1"},
			{calls: "delete U-1, delete A-1 | delete B-1", status: "none", exist: []string{}},
		}},
		{name: "what an update removes goes with the parent's clean-up", source: guide, steps: []step{
			{resources: nested("one", `"Value": "1"`) + "," + user, calls: "create A | create B, create U", status: "CREATE_COMPLETE"},
			{resources: nested("less", `"Value": "2"`) + "," + user, calls: "update A-1, update U-1, delete B-1", status: "UPDATE_COMPLETE", exist: []string{"A-1", "U-1"}},
		}},
		{name: "the parent's roll-back finds everything", source: guide, steps: []step{
			{resources: nested("one", `"Value": "1", "Names": "x"`) + "," + user, calls: "create A | create B, create U", status: "CREATE_COMPLETE"},
			{resources: nested("one", `"Value": "2", "Names": "y"`) + "," + user + "," + breaks, status: "UPDATE_ROLLBACK_COMPLETE", fails: "X does not want to create",
				calls: "create B, create X, delete B-2 | update A-1, update U-1, update A-1, update U-1", exist: []string{"A-1", "B-1", "U-1"}},
			{resources: nested("one", `"Value": "1", "Names": "x"`) + "," + user, calls: "", status: "UPDATE_ROLLBACK_COMPLETE"},
		}},
		{name: "its failure is the parent's", source: guide, steps: []step{
			{resources: nested("failing", `"Value": "1"`) + "," + user, calls: "create A, create F, delete A-1", status: "ROLLBACK_COMPLETE", fails: "F does not want to create", exist: []string{}},
			{resources: nested("one", `"Value": "1"`) + "," + user, calls: "create A | create B, create U", status: "CREATE_COMPLETE"},
			{resources: nested("failing", `"Value": "2"`) + "," + user, calls: "update A-2, create F, update A-2", status: "UPDATE_ROLLBACK_COMPLETE", fails: "F does not want to create",
				exist: []string{"A-2", "B-1", "U-1"}},
		}},
		{name: "a failure beside it interrupts it", source: guide, steps: []step{
			{resources: nested("slow", `"Value": "1"`) + `, "X": {"Type": "Test::Thing::Plain", "Properties": {"Fail": "create", "Wait": "200ms"}}`,
				calls: "create A, create Slow, delete A-1 | create X", status: "ROLLBACK_COMPLETE", fails: "X does not want to create", exist: []string{}},
		}},
		{name: "time-out", source: "Template Reference, AWS::CloudFormation::Stack, 2026-11", steps: []step{
			{resources: strings.Replace(nested("slow", `"Value": "1"`), `"TemplateURL"`, `"TimeoutInMinutes": 1, "TemplateURL"`, 1),
				calls: "create A, create Slow, delete A-1", status: "ROLLBACK_COMPLETE", fails: "Stack creation time exceeded the specified timeout", exist: []string{}},
			{resources: strings.Replace(nested("less", `"Value": "1"`), `"TemplateURL"`, `"TimeoutInMinutes": "1", "TemplateURL"`, 1), calls: "create A", status: "CREATE_COMPLETE"},
		}},
		{name: "time-out that is none", source: "Template Reference, AWS::CloudFormation::Stack, 2026-11", limit: "the message's words are ours", steps: []step{
			{resources: strings.Replace(nested("less", `"Value": "1"`), `"TemplateURL"`, `"TimeoutInMinutes": 0, "TemplateURL"`, 1),
				status: "ROLLBACK_COMPLETE", fails: "TimeoutInMinutes must be a number of at least 1"},
		}},
		{name: "topics", source: "Template Reference, Pseudo parameters, 2026-11", steps: []step{
			{resources: strings.Replace(nested("topics", ""), `"TemplateURL"`, `"NotificationARNs": ["arn:aws:sns:us-east-1:123456789012:t"], "TemplateURL"`, 1) + "," + user,
				calls: "create A, create U", status: "CREATE_COMPLETE"},
			{resources: nested("topics", "") + "," + user, fails: "Fn::Select cannot select nonexistent value", status: "UPDATE_ROLLBACK_COMPLETE", calls: ""},
		}},
		{name: "no roll-back, then on from there", source: "User Guide, Stack failure options, 2026-11", steps: []step{
			{resources: nested("failing", `"Value": "1"`) + "," + user, noRollback: true, calls: "create A, create F", status: "CREATE_FAILED", fails: "F does not want to create", exist: []string{"A-1"}},
			{resources: nested("failing", `"Value": "2"`) + "," + user, noRollback: true, calls: "update A-1, create F", status: "CREATE_FAILED", fails: "F does not want to create", exist: []string{"A-1"}},
			{resources: nested("less", `"Value": "2"`) + "," + user, calls: "create U", status: "CREATE_COMPLETE", exist: []string{"A-1", "U-1"}},
			{resources: nested("failing", `"Value": "3"`) + "," + user, noRollback: true, calls: "update A-1, create F", status: "UPDATE_FAILED", fails: "F does not want to create", exist: []string{"A-1", "U-1"}},
			{resources: nested("one", `"Value": "3"`) + "," + user, calls: "create B, update U-1", status: "UPDATE_COMPLETE", exist: []string{"A-1", "B-1", "U-1"}},
			{calls: "delete U-1, delete A-1 | delete B-1", status: "none", exist: []string{}},
		}},
		{name: "no roll-back, then back", source: "User Guide, Stack failure options, 2026-11", steps: []step{
			{resources: nested("one", `"Value": "1"`) + "," + user, calls: "create A | create B, create U", status: "CREATE_COMPLETE"},
			{resources: nested("failing", `"Value": "2"`) + "," + user, noRollback: true, calls: "update A-1, create F", status: "UPDATE_FAILED", fails: "F does not want to create", exist: []string{"A-1", "B-1", "U-1"}},
			{resources: back, calls: "update A-1", status: "UPDATE_ROLLBACK_COMPLETE", exist: []string{"A-1", "B-1", "U-1"}},
			{resources: nested("one", `"Value": "1"`) + "," + user, calls: "", status: "UPDATE_ROLLBACK_COMPLETE"},
		}},
		{name: "resources to skip", source: "API Reference, ContinueUpdateRollback, 2026-11", steps: []step{
			{resources: nested("middle", `"Value": "1"`), calls: "create A | create B", status: "CREATE_COMPLETE"},
			{resources: nested("middle", `"Value": "stuck"`) + "," + strings.Replace(breaks, `"U"`, `"N"`, 1), calls: "update A-1, create X, update A-1", status: "UPDATE_ROLLBACK_FAILED", fails: "X"},
			{resources: back + "N.Inner.A", calls: "", status: "UPDATE_ROLLBACK_COMPLETE", exist: []string{"A-1", "B-1"}},
			{resources: nested("middle", `"Value": "3"`), calls: "update A-1", status: "UPDATE_COMPLETE"},
		}},
		{name: "template that is wrong", source: guide, steps: []step{
			{resources: nested("wrong", ""), status: "ROLLBACK_COMPLETE", fails: "At least one Resources member must be defined"},
		}},
		{name: "template that is not there", source: guide, steps: []step{
			{resources: nested("nowhere", ""), status: "ROLLBACK_COMPLETE", fails: "S3 error: The specified key does not exist."},
		}},
		{name: "output that is not there", source: guide, steps: []step{
			{resources: nested("one", `"Value": "1"`) + `, "U": {"Type": "Test::Thing::Plain", "Properties": {"Value": {"Fn::GetAtt": ["N", "Outputs.No"]}}}`,
				calls: "create A | create B, delete A-1 | delete B-1", status: "ROLLBACK_COMPLETE", fails: "does not support attribute type Outputs.No"},
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for name, text := range innerTemplates() {
				w.urls["https://bucket.s3.us-east-1.amazonaws.com/"+name] = text
				w.urls["https://s3.us-east-1.amazonaws.com/bucket/"+name] = text
			}
			for i, s := range c.steps {
				var err error
				switch {
				case s.resources == "":
					err = w.Delete(t.Context(), cloudformation.DeleteInput{StackName: "S"})
				case strings.HasPrefix(s.resources, back):
					err = w.rollBack(strings.TrimPrefix(s.resources, back))
				default:
					_, err = w.deploy(`{"Resources": {`+s.resources+`}}`, func(in *cloudformation.DeployInput) { in.NoRollback = s.noRollback })
				}
				checkStep(t, w, i+1, s, err)
			}
			if w.status() == "none" && len(w.Stacks()) > 0 {
				t.Errorf("left %+v", w.Stacks())
			}
		})
	}
}

// TestNestedStackEvents: parent and nested stack each tell of their own, and the failure names what failed first.
func TestNestedStackEvents(t *testing.T) {
	w := newWorld(t)
	w.urls["https://bucket.s3.us-east-1.amazonaws.com/failing"] = innerTemplates()["failing"]
	_, err := w.deploy(`{"Resources": {"N": {"Type": "AWS::CloudFormation::Stack", "Properties": {
		"TemplateURL": "https://bucket.s3.us-east-1.amazonaws.com/failing", "Parameters": {"Value": "1"}}}}}`)
	if err == nil || !strings.Contains(err.Error(), "F (Test::Thing::Plain): F does not want to create") {
		t.Errorf("%v", err)
	}
	said := func(part string) bool {
		return slices.ContainsFunc(w.events, func(e string) bool { return strings.Contains(e, part) })
	}
	for _, want := range []string{"F CREATE_FAILED: F does not want to create",
		"was not successfully created: The following resource(s) failed to create: [F].", "S ROLLBACK_IN_PROGRESS: The following resource(s) failed to create: [N]."} {
		if !said(want) {
			t.Errorf("no event says %q:\n%s", want, strings.Join(w.events, "\n"))
		}
	}
}

// TestNestedStackIsKnownAtOnce: the parent says a nested stack's id when its creation begins, so that clients can follow
// it, and a process that is stopped then leaves nothing behind.
func TestNestedStackIsKnownAtOnce(t *testing.T) {
	w := newWorld(t)
	w.urls["https://bucket.s3.us-east-1.amazonaws.com/slow"] = innerTemplates()["slow"]
	ctx, stop := context.WithCancel(t.Context())
	w.things.started = make(chan string)
	ended := make(chan error)
	go func() {
		_, err := w.deployContext(ctx, `{"Resources": {"N": {"Type": "AWS::CloudFormation::Stack", "Properties": {
			"TemplateURL": "https://bucket.s3.us-east-1.amazonaws.com/slow", "Parameters": {"Value": "1"}}}}}`)
		ended <- err
	}()
	<-w.things.started
	<-w.things.started
	stack, _, err := w.Describe("", "S")
	if err != nil || len(stack.Resources) != 1 || len(w.Nested(stack.ID)) != 1 || stack.Resources[0].PhysicalID != w.Nested(stack.ID)[0].ID {
		t.Errorf("while the nested stack is made, the parent has %+v (%v)", stack.Resources, err)
	}
	if !slices.Contains(w.events, "N CREATE_IN_PROGRESS: Resource creation Initiated") {
		t.Errorf("no event tells its id:\n%s", strings.Join(w.events, "\n"))
	}
	stop()
	<-ended
	w.things.started = nil
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	w.open()
	if err := w.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.status() != "ROLLBACK_COMPLETE" || len(w.Stacks()) != 1 || len(w.things.exists) != 0 {
		t.Errorf("the stack is %s; left: %d stacks, %v", w.status(), len(w.Stacks()), w.things.exists)
	}
}

// TestSplitURL: where a template stands in S3. Source: Amazon S3 User Guide, "Virtual hosting of general purpose buckets", 2026-11.
func TestSplitURL(t *testing.T) {
	cases := []struct {
		url, bucket, key string
		ok               bool
	}{
		{"https://s3.us-east-1.amazonaws.com/bucket/a/b.json", "bucket", "a/b.json", true},
		{"https://bucket.s3.eu-west-1.amazonaws.com/a.json", "bucket", "a.json", true},
		{"https://bucket.s3-eu-west-1.amazonaws.com/a.json", "bucket", "a.json", true},
		{"s3://bucket/a.json", "", "", false},
		{"https://bucket.s3.eu-west-1.amazonaws.com/", "", "", false},
	}
	for _, c := range cases {
		bucket, key, ok := cloudformation.SplitURL(c.url)
		if ok != c.ok || ok && (bucket != c.bucket || key != c.key) {
			t.Errorf("%s: %s, %s, %v", c.url, bucket, key, ok)
		}
	}
}
