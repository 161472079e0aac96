package cloudformation_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
)

// maker is a custom resource whose properties are extended by more.
func maker(id, more string) string {
	return `"` + id + `": {"Type": "Custom::Maker", "Properties": {"ServiceToken": "` + function + `"` + more + `}}`
}

func TestCustomResourceRequest(t *testing.T) {
	w := newWorld(t)
	w.handler = func(event map[string]any) []byte {
		return respond(event, "SUCCESS", "made", map[string]any{"Data": map[string]any{"Text": "x", "Number": 1.5, "Flag": true}})
	}
	properties := `, "ServiceTimeout": 120, "Flag": true, "List": [1, "two", {"Three": 3.50}], "Big": 12345678901234567890`
	template := func(more string) string {
		return `{"Resources": {` + maker("R", properties+more) + `, "User": {"Type": "Test::Thing::Plain", "Properties": {"Value": {"Fn::Join": [" ",
			[{"Ref": "R"}, {"Fn::GetAtt": ["R", "Text"]}, {"Fn::GetAtt": ["R", "Number"]}, {"Fn::GetAtt": ["R", "Flag"]}]]}}}}}`
	}
	result, err := w.deploy(template(""))
	if err != nil {
		t.Fatal(err)
	}
	if got := w.things.exists["User-1"]; got != `{"Value":"made x 1.5 true"}` {
		t.Errorf("attributes resolved to %s", got)
	}
	create := w.sent[0]
	strs := map[string]any{"ServiceToken": function, "ServiceTimeout": "120", "Flag": "true",
		"List": []any{"1", "two", map[string]any{"Three": "3.50"}}, "Big": "12345678901234567890"}
	url := create["ResponseURL"].(string)
	want := map[string]any{"RequestType": "Create", "ResourceType": "Custom::Maker", "ServiceToken": function, "LogicalResourceId": "R",
		"StackId": result.Stack.ID, "RequestId": create["RequestId"], "ResponseURL": url, "ResourceProperties": strs}
	if diff := cmp.Diff(want, create); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if !strings.Contains(url, "%7CR%7C"+create["RequestId"].(string)) {
		t.Errorf("response URL %s does not name stack, resource and request", url)
	}
	cause := w.causes[0].Request
	if cause.StackID != result.Stack.ID || cause.LogicalID != "R" || cause.ID != create["RequestId"] {
		t.Errorf("cause %+v", cause)
	}
	if r := result.Requests; len(r) != 1 || r[0].RequestType != "Create" || r[0].Failed || !r[0].End.After(r[0].Start) {
		t.Errorf("timing %+v", r)
	}
	if _, err := w.deploy(template(`, "New": "1"`)); err != nil {
		t.Fatal(err)
	}
	update := w.sent[1]
	if diff := cmp.Diff(strs, update["OldResourceProperties"]); diff != "" || update["PhysicalResourceId"] != "made" || update["RequestId"] == create["RequestId"] {
		t.Errorf("update %v, old properties (-want +got):\n%s", update, diff)
	}
}

func TestCustomResourceAnswers(t *testing.T) {
	page := "Template Reference, Custom resource request and response, 2026-11"
	type event = map[string]any
	cases := []struct {
		name, source, limit string
		more                string // properties
		answer              func(e event) []byte
		fails               string // empty: the resource is created
		requests            string
	}{
		{name: "success", source: page, answer: func(e event) []byte { return respond(e, "SUCCESS", "p", nil) }, requests: "Create R"},
		{name: "4,096 bytes", source: page, answer: func(e event) []byte { return padded(e, 4096) }, requests: "Create R"},
		{name: "4,097 bytes", source: "aws/aws-cdk#23958", answer: func(e event) []byte { return padded(e, 4097) }, fails: "Response object is too long."},
		{name: "failed", source: page, answer: func(e event) []byte { return respond(e, "FAILED", "p", event{"Reason": "no way"}) },
			fails: "Received response status [FAILED] from custom resource. Message returned: no way (RequestId: ", requests: "Create R, Delete R p"},
		{name: "failed without a physical id", source: "aws/aws-lambda-go#107", answer: func(e event) []byte { return respond(e, "FAILED", "", event{"Reason": "lost"}) },
			fails: "Invalid PhysicalResourceId"},
		{name: "success without a physical id", source: "aws/aws-lambda-go#77", answer: func(e event) []byte { return respond(e, "SUCCESS", "", nil) }, fails: "Invalid PhysicalResourceId"},
		{name: "long physical id", source: page, limit: "the message's words are ours",
			answer: func(e event) []byte { return respond(e, "SUCCESS", strings.Repeat("x", 1025), nil) }, fails: "Invalid PhysicalResourceId: it has 1025 bytes"},
		{name: "other status", source: page, limit: "the message's words are ours", answer: func(e event) []byte { return respond(e, "OK", "p", nil) }, fails: `Status is "OK"`},
		{name: "other stack", source: page, limit: "the message's words are ours",
			answer: func(e event) []byte { return respond(e, "SUCCESS", "p", event{"StackId": "x"}) }, fails: "StackId"},
		{name: "other resource", source: page, limit: "the message's words are ours",
			answer: func(e event) []byte { return respond(e, "SUCCESS", "p", event{"LogicalResourceId": "x"}) }, fails: "LogicalResourceId"},
		{name: "other request", source: page, limit: "the message's words are ours",
			answer: func(e event) []byte { return respond(e, "SUCCESS", "p", event{"RequestId": "x"}) }, fails: "RequestId"},
		{name: "no JSON", source: page, limit: "the message's words are ours", answer: func(event) []byte { return []byte("<html>") }, fails: "no JSON object"},
		{name: "no answer", source: page, more: `, "ServiceTimeout": "10"`, answer: func(event) []byte { return nil },
			fails: "CloudFormation did not receive a response from your custom resource. Please check your logs for requestId ["},
		{name: "time-out too long", source: "Template Reference, AWS::CloudFormation::CustomResource, 2026-11", limit: "the message's words are ours",
			more: `, "ServiceTimeout": "3601"`, fails: "ServiceTimeout must be a whole number from 1 to 3600", requests: "-"},
		{name: "SNS topic", source: page, limit: "topics are not served", more: `, "ServiceToken ": ""`, fails: "is an SNS topic", requests: "-"},
		{name: "secret in a property", source: "User Guide, Dynamic references, 2026-11: not supported in custom resources", limit: "refused instead of sent",
			more: `, "P": "{{resolve:secretsmanager:s}}"`, fails: "cannot stand in a custom resource", requests: "-"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.handler = func(e map[string]any) []byte {
				if e["RequestType"] == "Delete" {
					return respond(e, "SUCCESS", text(e["PhysicalResourceId"]), nil)
				}
				return c.answer(e)
			}
			resource := maker("R", c.more)
			if c.name == "SNS topic" {
				resource = strings.Replace(maker("R", ""), "lambda:us-east-1:123456789012:function", "sns:us-east-1:123456789012", 1)
			}
			_, err := w.deploy(`{"Resources": {` + resource + `}}`)
			if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("error %v, want one with %q", err, c.fails)
			}
			got := strings.Join(w.requests(), ", ")
			want := c.requests
			switch {
			case want == "-" && got != "":
				t.Errorf("requests %q, want none", got)
			case want == "" && !strings.HasPrefix(got, "Create R, Delete R S-R-"):
				t.Errorf("requests %q, want a Delete with an invented id", got)
			case want != "" && want != "-" && got != want:
				t.Errorf("requests %q, want %q", got, want)
			}
		})
	}
}

// padded is an answer of exactly n bytes.
func padded(event map[string]any, n int) []byte {
	body := respond(event, "SUCCESS", "p", map[string]any{"Reason": ""})
	return respond(event, "SUCCESS", "p", map[string]any{"Reason": strings.Repeat("x", n-len(body))})
}

func TestCustomResourceIsReplacedByAnotherID(t *testing.T) {
	w := newWorld(t)
	w.handler = func(e map[string]any) []byte {
		properties, _ := e["ResourceProperties"].(map[string]any)
		return respond(e, "SUCCESS", "made-"+text(properties["V"]), nil)
	}
	for _, v := range []string{"1", "2"} {
		if _, err := w.deploy(`{"Resources": {` + maker("R", `, "V": "`+v+`"`) + `}}`); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"Create R", "Update R made-1", "Delete R made-1"}
	if diff := cmp.Diff(want, w.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestRollBackSwapsOldAndNewProperties(t *testing.T) {
	w := newWorld(t)
	w.handler = func(e map[string]any) []byte { return respond(e, "SUCCESS", "p", nil) }
	if _, err := w.deploy(`{"Resources": {` + maker("R", `, "V": "1"`) + `}}`); err != nil {
		t.Fatal(err)
	}
	_, err := w.deploy(`{"Resources": {` + maker("R", `, "V": "2"`) + `, "X": {"Type": "Test::Thing::Plain", "DependsOn": "R", "Properties": {"Fail": "create"}}}}`)
	if err == nil || w.status() != "UPDATE_ROLLBACK_COMPLETE" {
		t.Fatalf("%v, status %s", err, w.status())
	}
	forward, back := w.sent[1], w.sent[2]
	if back["RequestType"] != "Update" || back["RequestId"] == forward["RequestId"] ||
		!cmp.Equal(back["ResourceProperties"], forward["OldResourceProperties"]) || !cmp.Equal(back["OldResourceProperties"], forward["ResourceProperties"]) {
		t.Errorf("forward %v\nback %v", forward, back)
	}
}

func TestServiceTokenMayNotChange(t *testing.T) {
	w := newWorld(t)
	w.handler = func(e map[string]any) []byte { return respond(e, "SUCCESS", "p", nil) }
	if _, err := w.deploy(`{"Resources": {` + maker("R", "") + `}}`); err != nil {
		t.Fatal(err)
	}
	_, err := w.deploy(`{"Resources": {` + strings.Replace(maker("R", ""), ":maker", ":other", 1) + `}}`)
	if err == nil || !strings.HasSuffix(err.Error(), "Modifying service token is not allowed.") || w.status() != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("%v, status %s", err, w.status())
	}
	if diff := cmp.Diff([]string{"Create R"}, w.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestCancelledCreateGetsADeleteWithAnInventedID(t *testing.T) {
	w := newWorld(t)
	late := make(chan map[string]any, 1)
	w.handler = func(e map[string]any) []byte {
		if e["RequestType"] == "Create" {
			late <- e
			return nil
		}
		w.answer(<-late, respond(e, "SUCCESS", "too-late", nil)) // the answer to Create comes now, and nobody listens
		return respond(e, "SUCCESS", text(e["PhysicalResourceId"]), nil)
	}
	_, err := w.deploy(`{"Resources": {` + maker("R", "") + `, "X": {"Type": "Test::Thing::Plain", "Properties": {"Wait": "100ms", "Fail": "create"}}}}`)
	var failed *cloudformation.Failed
	if !errors.As(err, &failed) || w.status() != "ROLLBACK_COMPLETE" {
		t.Fatalf("%v, status %s", err, w.status())
	}
	requests := w.requests()
	if len(requests) != 2 || !strings.HasPrefix(requests[1], "Delete R S-R-") || strings.Contains(requests[1], "too-late") {
		t.Errorf("requests %q", requests)
	}
	if !slices.Contains(w.events, "R CREATE_FAILED: Resource creation cancelled") {
		t.Errorf("events:\n%s", strings.Join(w.events, "\n"))
	}
	if len(failed.Requests) != 2 || !failed.Requests[0].Failed {
		t.Errorf("timing %+v", failed.Requests)
	}
}

func TestRepeatedAnswersAreIgnored(t *testing.T) {
	w := newWorld(t)
	w.handler = func(e map[string]any) []byte {
		w.answer(e, respond(e, "SUCCESS", "first", nil))
		return respond(e, "FAILED", "second", nil)
	}
	if _, err := w.deploy(`{"Resources": {` + maker("R", "") + `}, "Outputs": {"O": {"Value": {"Ref": "R"}}}}`); err != nil {
		t.Fatal(err)
	}
	stack, _, err := w.Describe("", "S")
	if err != nil || stack.Outputs[0].Value != "first" {
		t.Errorf("%v, outputs %v", err, stack.Outputs)
	}
}

// A deployment that is retried with its token sends the same request ids: aws/aws-cdk#35957.
func TestRetryWithTheSameRequestID(t *testing.T) {
	w := newWorld(t)
	w.handler = func(e map[string]any) []byte {
		if e["RequestType"] == "Create" && len(w.causes) == 1 {
			return respond(e, "FAILED", "p", nil)
		}
		return respond(e, "SUCCESS", "p", nil)
	}
	token := func(in *cloudformation.DeployInput) { in.Token, in.NoRollback = "try", true }
	if _, err := w.deploy(`{"Resources": {`+maker("R", "")+`}}`, token); err == nil {
		t.Fatal("the first try succeeded")
	}
	if _, err := w.deploy(`{"Resources": {`+maker("R", "")+`}}`, token); err != nil {
		t.Fatal(err)
	}
	if w.sent[0]["RequestId"] != w.sent[1]["RequestId"] || w.sent[1]["RequestType"] != "Create" {
		t.Errorf("requests %v", w.sent)
	}
}

func TestFunctionThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	_, err := w.deploy(`{"Resources": {` + strings.Replace(maker("R", ""), ":maker", ":none", 1) + `}}`)
	if err == nil || !strings.HasSuffix(err.Error(), "function:none") || w.status() != "ROLLBACK_COMPLETE" {
		t.Errorf("%v, status %s", err, w.status())
	}
}

func TestServiceTimeoutIsSimulatedTime(t *testing.T) {
	w := newWorld(t) // its clock runs 60 times as fast
	w.handler = func(e map[string]any) []byte {
		if e["RequestType"] == "Delete" {
			return respond(e, "SUCCESS", text(e["PhysicalResourceId"]), nil)
		}
		return nil
	}
	start := time.Now()
	_, err := w.deploy(`{"Resources": {` + maker("R", `, "ServiceTimeout": 30`) + `}}`)
	if took := time.Since(start); err == nil || took < 450*time.Millisecond || took > 5*time.Second {
		t.Errorf("%v after %v, want half a second", err, took)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"Status":"SUCCESS","PhysicalResourceId":"p","Data":{"a":[1,null,{"b":true}]}}`))
	f.Add([]byte(`{"Data":"text"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if !json.Valid(body) {
			return
		}
		var event map[string]any
		if json.Unmarshal(body, &event) != nil || event == nil {
			return
		}
		event["StackId"], event["LogicalResourceId"], event["RequestId"] = "arn:s", "R", "id"
		raw, err := json.Marshal(event)
		if err != nil {
			return
		}
		id, ok := cloudformation.ReadAnswer(raw, "id", "arn:s", "R")
		if ok == nil && (id == "" || len(id) > 1024 || len(raw) > 4096) {
			t.Errorf("accepted %q with physical id %q", raw, id)
		}
	})
}
